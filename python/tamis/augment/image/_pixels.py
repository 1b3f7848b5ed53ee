"""Operations that change values. Alpha stays; whole numbers are rounded (halves to even) and
saturated, floats have a full scale of 1 and tones are saturated to it.
"""  # noqa: D205

from __future__ import annotations

from typing import Any

from tamis.augment._fields import Flag, Number, Values
from tamis.augment.image._geometric import Fill, Range, documented
from tamis.augment.image._run import ImageTransform
from tamis.exceptions import ParameterError

__all__ = [
    "CLAHE", "BrightnessContrast", "CoarseDropout", "ColorJitter", "Equalize", "Gamma",
    "GaussianBlur", "GaussianNoise", "Grayscale", "HueSaturation", "JpegCompression", "MotionBlur",
    "Normalize", "Posterize", "SaltPepper", "Sharpen", "Solarize",
]  # fmt: skip


@documented
class BrightnessContrast(ImageTransform):
    """Brightness b and contrast c: x * (1 + c) + b * full scale.

    Parameters
    ----------
    brightness, contrast : float or (float, float)
        Shares.
    {p}
    """

    _ranges = {"brightness": Number(-1, 1), "contrast": Number(-1, 10)}

    def __init__(
        self, brightness: Range = (-0.2, 0.2), contrast: Range = (-0.2, 0.2), *, p: float = 1.0
    ) -> None:
        self._set(brightness=brightness, contrast=contrast, p=p)


@documented
class Gamma(ImageTransform):
    """Raise values, as shares of full scale, to a power.

    Parameters
    ----------
    gamma : float or (float, float)
        Above 1 darkens.
    {p}
    """

    _ranges = {"gamma": Number(0.01, 100)}

    def __init__(self, gamma: Range = (0.8, 1.25), *, p: float = 1.0) -> None:
        self._set(gamma=gamma, p=p)


@documented
class HueSaturation(ImageTransform):
    """Turn the hue and change saturation and value (HSV); grey images change in value alone.

    Parameters
    ----------
    hue : float or (float, float)
        Degrees.
    saturation, value : float or (float, float)
        Shares added: 0.2 makes 1.2 times as much.
    {p}
    """

    _ranges = {"hue": Number(-180, 180), "saturation": Number(-1, 10), "value": Number(-1, 10)}

    def __init__(
        self, hue: Range = (-20.0, 20.0), saturation: Range = (-0.3, 0.3),
        value: Range = (-0.2, 0.2), *, p: float = 1.0,
    ) -> None:  # fmt: skip
        self._set(hue=hue, saturation=saturation, value=value, p=p)


@documented
class ColorJitter(ImageTransform):
    """Brightness, contrast, saturation and hue, in this order.

    Parameters
    ----------
    brightness, contrast, saturation : float or (float, float)
        Factors; contrast is against the mean brightness, saturation against grey.
    hue : float or (float, float)
        Share of the circle.
    {p}
    """

    _ranges = {
        "brightness": Number(0, 10),
        "contrast": Number(0, 10),
        "saturation": Number(0, 10),
        "hue": Number(-0.5, 0.5),
    }

    def __init__(
        self, brightness: Range = (0.8, 1.2), contrast: Range = (0.8, 1.2),
        saturation: Range = (0.8, 1.2), hue: Range = (-0.05, 0.05), *, p: float = 1.0,
    ) -> None:  # fmt: skip
        self._set(brightness=brightness, contrast=contrast, saturation=saturation, hue=hue, p=p)


@documented
class Grayscale(ImageTransform):
    """Colours to grey (0.299 R + 0.587 G + 0.114 B); the channels stay.

    Parameters
    ----------
    {p}
    """

    def __init__(self, *, p: float = 1.0) -> None:
        self._set(p=p)


@documented
class Equalize(ImageTransform):
    """Make all levels equally frequent, channel by channel, on 256 levels.

    Parameters
    ----------
    {p}
    """

    def __init__(self, *, p: float = 1.0) -> None:
        self._set(p=p)


@documented
class CLAHE(ImageTransform):
    """Equalize brightness tile by tile with clipped counts (Zuiderveld 1994).

    Parameters
    ----------
    clip_limit : float or (float, float)
        Of a level's count, in means.
    tiles : int, default=8
        Along each side.
    {p}
    """

    _ranges = {"clip_limit": Number(1, 256)}
    _settings = {"tiles": Number(1, 64, whole=True, fixed=True)}

    def __init__(self, clip_limit: Range = (1.0, 4.0), *, tiles: int = 8, p: float = 1.0) -> None:
        self._set(clip_limit=clip_limit, tiles=tiles, p=p)


@documented
class Posterize(ImageTransform):
    """Keep the highest bits of values.

    Parameters
    ----------
    bits : int or (int, int)
        How many, of 8.
    {p}
    """

    _ranges = {"bits": Number(1, 8, whole=True)}

    def __init__(self, bits: int | tuple[int, int] = 4, *, p: float = 1.0) -> None:
        self._set(bits=bits, p=p)


@documented
class Solarize(ImageTransform):
    """Invert values from a threshold upwards.

    Parameters
    ----------
    threshold : float or (float, float)
        Share of full scale.
    {p}
    """

    _ranges = {"threshold": Number(0, 1)}

    def __init__(self, threshold: Range = 0.5, *, p: float = 1.0) -> None:
        self._set(threshold=threshold, p=p)


@documented
class Sharpen(ImageTransform):
    """Add the difference from the four neighbours.

    Parameters
    ----------
    strength : float or (float, float)
        How much of it.
    {p}
    """

    _ranges = {"strength": Number(0, 10)}

    def __init__(self, strength: Range = (0.1, 0.5), *, p: float = 1.0) -> None:
        self._set(strength=strength, p=p)


@documented
class GaussianBlur(ImageTransform):
    """Blur; the kernel reaches three standard deviations, and the image is mirrored at the border.

    Parameters
    ----------
    sigma : float or (float, float)
        Standard deviation, pixels; 0 leaves the image as it is.
    {p}
    """

    _ranges = {"sigma": Number(0, 100)}

    def __init__(self, sigma: Range = (0.5, 2.0), *, p: float = 1.0) -> None:
        self._set(sigma=sigma, p=p)


@documented
class MotionBlur(ImageTransform):
    """Blur along a line.

    Parameters
    ----------
    length : float or (float, float)
        Pixels.
    angle : float or (float, float)
        Degrees, counter-clockwise from the right.
    {p}
    """

    _ranges = {"length": Number(1, 200), "angle": Number()}

    def __init__(
        self, length: Range = (3.0, 9.0), angle: Range = (0.0, 180.0), *, p: float = 1.0
    ) -> None:
        self._set(length=length, angle=angle, p=p)


@documented
class GaussianNoise(ImageTransform):
    """Add normal noise to each value on its own.

    Parameters
    ----------
    std : float or (float, float)
        Standard deviation, as a share of full scale.
    {p}
    """

    _ranges = {"std": Number(0, 10)}

    def __init__(self, std: Range = (0.02, 0.1), *, p: float = 1.0) -> None:
        self._set(std=std, p=p)


@documented
class SaltPepper(ImageTransform):
    """Turn pixels black or white.

    Parameters
    ----------
    amount : float or (float, float)
        Share of the pixels.
    {p}
    """

    _ranges = {"amount": Number(0, 1)}

    def __init__(self, amount: Range = (0.01, 0.05), *, p: float = 1.0) -> None:
        self._set(amount=amount, p=p)


@documented
class JpegCompression(ImageTransform):
    """Compress as JPEG and read back.

    Parameters
    ----------
    quality : int or (int, int)
        1 to 100.
    {p}
    """

    _ranges = {"quality": Number(1, 100, whole=True)}

    def __init__(self, quality: int | tuple[int, int] = (50, 95), *, p: float = 1.0) -> None:
        self._set(quality=quality, p=p)


@documented
class CoarseDropout(ImageTransform):
    """Fill rectangles; masks, boxes and keypoints stay.

    Parameters
    ----------
    holes : int or (int, int)
        How many.
    size : float or (float, float)
        Sides of each, as shares of the image's.
    fill : float or tuple, default=0
        The value, or one a channel, in the image's units.
    {p}
    """

    size: Range
    fill: Fill
    _ranges = {"holes": Number(0, 10000, whole=True)}
    _settings = {"size": Number(0, 1, above=True), "fill": Values()}

    def __init__(
        self, holes: int | tuple[int, int] = (1, 8), *, size: Range = (0.05, 0.2),
        fill: Fill = 0.0, p: float = 1.0,
    ) -> None:  # fmt: skip
        self._set(holes=holes, size=size, fill=fill, p=p)

    def _told(self) -> Any:
        low, high = self.size if isinstance(self.size, tuple) else (self.size, self.size)
        return [low, high, *self._settings["fill"].numbers(self.fill)]


class Normalize(ImageTransform):
    """(x / full scale - mean) / std, as float32; it must come last and is always run.

    Parameters
    ----------
    mean, std : float or tuple
        A number, or one a channel.
    channels_first : bool, default=False
        Whether images come out with their channels first.
    """

    mean: Fill
    std: Fill
    channels_first: bool
    _settings = {"channels_first": Flag(), "mean": Values(), "std": Values(0.0, above=True)}

    def __init__(
        self, mean: Fill = (0.485, 0.456, 0.406), std: Fill = (0.229, 0.224, 0.225), *,
        channels_first: bool = False,
    ) -> None:  # fmt: skip
        self._set(mean=mean, std=std, channels_first=channels_first, p=1.0)
        if len(self._both()[0]) != len(self._both()[1]):
            raise ParameterError("mean and std must have as many values as each other, or one")

    def _both(self) -> tuple[list[float], list[float]]:
        mean, std = Values().numbers(self.mean), Values().numbers(self.std)
        n = max(len(mean), len(std))
        return (mean * n if len(mean) == 1 else mean), (std * n if len(std) == 1 else std)

    def _told(self) -> Any:
        mean, std = self._both()
        return [float(self.channels_first), *mean, *std]
