"""Operations that move pixels; masks, boxes and keypoints follow them.

The centre is (W-1)/2, (H-1)/2, centres of pixels are whole numbers, and values between them are
linear. Angles are in degrees, counter-clockwise on screen.
"""

from __future__ import annotations

from tamis.augment._fields import Choice, Number, Values
from tamis.augment.image._run import ImageTransform

__all__ = [
    "Affine", "ElasticTransform", "GridDistortion", "HorizontalFlip", "Pad", "Perspective",
    "RandomCrop", "RandomResizedCrop", "Resize", "Rotate", "Scale", "Shear", "Translate",
    "VerticalFlip",
]  # fmt: skip

#: In the order of the kernels.
BORDERS = ("constant", "nearest", "reflect", "mirror", "wrap")
_EDGE = {"border": Choice(BORDERS), "fill": Values()}
_SIZE = {
    "height": Number(1, 65535, whole=True, fixed=True),
    "width": Number(1, 65535, whole=True, fixed=True),
}

Range = float | tuple[float, float]
Fill = float | tuple[float, ...]

_BORDER_DOC = """
    border : {'constant', 'nearest', 'reflect', 'mirror', 'wrap'}
        What lies beyond the image: `fill` (pixels at the edge are blended with it), the edge,
        the image mirrored at the edge or at the centre of the last pixel, or its other side. They
        are scipy.ndimage's grid-constant, nearest, reflect, mirror and grid-wrap.
    fill : float or tuple, default=0
        The value, or one a channel, in the image's units."""
_P_DOC = """
    p : float
        How often it is run."""


def documented(cls: type) -> type:
    """Write out what the parameters of many operations mean."""
    doc = (cls.__doc__ or "").replace("\n    {border}", _BORDER_DOC).replace("\n    {p}", _P_DOC)
    cls.__doc__ = doc
    return cls


@documented
class Rotate(ImageTransform):
    """Rotate about the centre; the size stays.

    Quarter turns of square images, and half turns of any, move pixels whole.

    Parameters
    ----------
    angle : float or (float, float)
        Degrees, counter-clockwise.
    {border}
    {p}
    """

    _ranges = {"angle": Number()}
    _settings = _EDGE

    def __init__(
        self, angle: Range = (-15.0, 15.0), *, border: str = "constant", fill: Fill = 0.0,
        p: float = 1.0,
    ) -> None:  # fmt: skip
        self._set(angle=angle, border=border, fill=fill, p=p)


@documented
class Scale(ImageTransform):
    """Enlarge or shrink about the centre; the size stays.

    Parameters
    ----------
    scale : float or (float, float)
        Above 1 enlarges.
    {border}
    {p}
    """

    _ranges = {"scale": Number(1e-3, 1e3)}
    _settings = _EDGE

    def __init__(
        self, scale: Range = (0.8, 1.2), *, border: str = "constant", fill: Fill = 0.0,
        p: float = 1.0,
    ) -> None:  # fmt: skip
        self._set(scale=scale, border=border, fill=fill, p=p)


@documented
class Translate(ImageTransform):
    """Shift; whole pixels are moved whole.

    Parameters
    ----------
    x, y : float or (float, float)
        Pixels to the right and down.
    {border}
    {p}
    """

    _ranges = {"x": Number(-65535, 65535), "y": Number(-65535, 65535)}
    _settings = _EDGE

    def __init__(
        self, x: Range = 0.0, y: Range = 0.0, *, border: str = "constant", fill: Fill = 0.0,
        p: float = 1.0,
    ) -> None:  # fmt: skip
        self._set(x=x, y=y, border=border, fill=fill, p=p)


@documented
class Shear(ImageTransform):
    """Slant about the centre.

    Parameters
    ----------
    x, y : float or (float, float)
        Degrees, along rows and along columns.
    {border}
    {p}
    """

    _ranges = {"x": Number(-80, 80), "y": Number(-80, 80)}
    _settings = _EDGE

    def __init__(
        self, x: Range = (-10.0, 10.0), y: Range = 0.0, *, border: str = "constant",
        fill: Fill = 0.0, p: float = 1.0,
    ) -> None:  # fmt: skip
        self._set(x=x, y=y, border=border, fill=fill, p=p)


@documented
class Affine(ImageTransform):
    """Scale, slant, rotate about the centre, then shift, in one resampling.

    Parameters
    ----------
    rotate : float or (float, float)
        Degrees, counter-clockwise.
    scale : float or (float, float)
        Above 1 enlarges.
    translate : float or (float, float)
        Pixels; drawn for the columns and for the rows.
    shear : float or (float, float)
        Degrees, along rows.
    {border}
    {p}
    """

    _ranges = {
        "rotate": Number(),
        "scale": Number(1e-3, 1e3),
        "translate": Number(-65535, 65535, copies=2),
        "shear": Number(-80, 80),
    }
    _settings = _EDGE

    def __init__(
        self, rotate: Range = 0.0, scale: Range = 1.0, translate: Range = 0.0,
        shear: Range = 0.0, *, border: str = "constant", fill: Fill = 0.0, p: float = 1.0,
    ) -> None:  # fmt: skip
        self._set(
            rotate=rotate, scale=scale, translate=translate, shear=shear, border=border,
            fill=fill, p=p,
        )  # fmt: skip


@documented
class HorizontalFlip(ImageTransform):
    """Swap left and right.

    Parameters
    ----------
    {p}
    """

    def __init__(self, *, p: float = 0.5) -> None:
        self._set(p=p)


@documented
class VerticalFlip(ImageTransform):
    """Swap top and bottom.

    Parameters
    ----------
    {p}
    """

    def __init__(self, *, p: float = 0.5) -> None:
        self._set(p=p)


@documented
class RandomCrop(ImageTransform):
    """Cut a window out, anywhere in the image; an image that is smaller is refused.

    Parameters
    ----------
    height, width : int
        Of the window. `x` and `y` of a record are shares of the room to move.
    {p}
    """

    _settings = _SIZE
    _draws = ("x", "y")

    def __init__(self, height: int, width: int, *, p: float = 1.0) -> None:
        self._set(height=height, width=width, p=p)


@documented
class RandomResizedCrop(ImageTransform):
    """Cut a window of a drawn area and shape out, and bring it to a size.

    Parameters
    ----------
    height, width : int
        Of what comes out.
    scale : float or (float, float)
        Share of the area.
    ratio : float or (float, float)
        Width over height, uniform in the logarithm.
    {p}
    """

    _ranges = {"scale": Number(0, 1, above=True), "ratio": Number(1e-2, 1e2, law="log")}
    _settings = _SIZE
    _draws = ("x", "y")

    def __init__(
        self, height: int, width: int, *, scale: Range = (0.08, 1.0),
        ratio: Range = (0.75, 4 / 3), p: float = 1.0,
    ) -> None:  # fmt: skip
        self._set(height=height, width=width, scale=scale, ratio=ratio, p=p)


@documented
class Pad(ImageTransform):
    """Add pixels around the image.

    Parameters
    ----------
    left, top, right, bottom : int or (int, int)
        How many.
    {border}
    {p}
    """

    _ranges = {k: Number(0, 16384, whole=True) for k in ("left", "top", "right", "bottom")}
    _settings = _EDGE

    def __init__(
        self, left: Range = 0, top: Range = 0, right: Range = 0, bottom: Range = 0, *,
        border: str = "constant", fill: Fill = 0.0, p: float = 1.0,
    ) -> None:  # fmt: skip
        self._set(left=left, top=top, right=right, bottom=bottom, border=border, fill=fill, p=p)


@documented
class Perspective(ImageTransform):
    """See the image from another place: each corner of a window inside becomes a corner.

    Parameters
    ----------
    distortion : float or (float, float)
        How far each corner of the window lies inside, as a share of half the side.
    {border}
    {p}
    """

    _ranges = {"distortion": Number(0, 0.9, copies=8)}
    _settings = _EDGE

    def __init__(
        self, distortion: Range = (0.0, 0.3), *, border: str = "constant", fill: Fill = 0.0,
        p: float = 1.0,
    ) -> None:  # fmt: skip
        self._set(distortion=distortion, border=border, fill=fill, p=p)


@documented
class ElasticTransform(ImageTransform):
    """Shift every pixel by smoothed noise (Simard, Steinkraus and Platt 2003).

    Parameters
    ----------
    alpha : float or (float, float)
        Pixels that noise of full height would shift by, before it is smoothed.
    sigma : float or (float, float)
        Standard deviation of the smoothing, pixels.
    {border}
    {p}
    """

    _ranges = {"alpha": Number(0, 1e4), "sigma": Number(0.1, 100)}
    _settings = _EDGE

    def __init__(
        self, alpha: Range = 50.0, sigma: Range = 5.0, *, border: str = "constant",
        fill: Fill = 0.0, p: float = 1.0,
    ) -> None:  # fmt: skip
        self._set(alpha=alpha, sigma=sigma, border=border, fill=fill, p=p)


@documented
class GridDistortion(ImageTransform):
    """Stretch and squeeze the cells of a grid; its lines stay straight and the edges in place.

    Parameters
    ----------
    distortion : float or (float, float)
        How much a cell's side may change, as a share.
    cells : int, default=5
        Along each side.
    {border}
    {p}
    """

    _ranges = {"distortion": Number(0, 0.9)}
    _settings = {"cells": Number(1, 100, whole=True, fixed=True), **_EDGE}

    def __init__(
        self, distortion: Range = 0.3, *, cells: int = 5, border: str = "constant",
        fill: Fill = 0.0, p: float = 1.0,
    ) -> None:  # fmt: skip
        self._set(distortion=distortion, cells=cells, border=border, fill=fill, p=p)


@documented
class Resize(ImageTransform):
    """Bring to a size, linearly, smoothed where it shrinks.

    Parameters
    ----------
    height, width : int
        Of what comes out.
    {p}
    """

    _settings = _SIZE

    def __init__(self, height: int, width: int, *, p: float = 1.0) -> None:
        self._set(height=height, width=width, p=p)
