"""How loud a clip is, and where its sound lies in time."""

from __future__ import annotations

from tamis.augment._fields import Choice, Flag, Number
from tamis.augment.audio._run import AudioTransform, Range, documented

__all__ = ["Clip", "Gain", "Normalize", "Polarity", "TimeShift"]

#: Decibels that a float can hold.
DECIBEL = Number(-200, 200)


@documented
class Gain(AudioTransform):
    """Make a clip louder or softer.

    Parameters
    ----------
    gain : float or (float, float), default=(-12, 12)
        Decibels: 6.02 is twice the amplitude. Floats are not limited to full scale.
    {p}

    Examples
    --------
    >>> import numpy as np
    >>> from tamis.augment.audio import Gain
    >>> Gain(-20)(np.float64([[0.5, -1.0, 0.0]])).round(3).tolist()
    [[0.05, -0.1, 0.0]]
    """

    _ranges = {"gain": DECIBEL}

    def __init__(self, gain: Range = (-12.0, 12.0), *, p: float = 1.0) -> None:
        self._set(gain=gain, p=p)


@documented
class Polarity(AudioTransform):
    """Turn the waveform upside down.

    Parameters
    ----------
    {p}
    """

    def __init__(self, *, p: float = 0.5) -> None:
        self._set(p=p)


@documented
class Normalize(AudioTransform):
    """Bring a clip to a level; silence stays.

    Parameters
    ----------
    level : float or (float, float), default=0
        Decibels of full scale; of the loudness LUFS.
    by : {'peak', 'rms', 'loudness'}
        What is brought there: the largest sample, the root of the mean square over all channels, or
        the loudness of ITU-R BS.1770-4 with its gates and all channels of weight one (a clip of
        less than 0.4 s is one block; what is softer than -70 LUFS stays). Loudness needs the
        sample rate. Nothing is cut off where peaks come to lie beyond full scale, but int16
        saturates.
    {p}

    References
    ----------
    Recommendation ITU-R BS.1770-4, "Algorithms to measure audio programme loudness and true-peak
    audio level", 2015.

    Examples
    --------
    >>> import numpy as np
    >>> from tamis.augment.audio import Normalize
    >>> Normalize()(np.array([[0.1, -0.2, 0.0]], np.float32)).tolist()
    [[0.5, -1.0, 0.0]]
    """

    _ranges = {"level": DECIBEL}
    _settings = {"by": Choice(("peak", "rms", "loudness"))}

    def __init__(self, level: Range = 0.0, *, by: str = "peak", p: float = 1.0) -> None:
        self._set(level=level, by=by, p=p)


@documented
class Clip(AudioTransform):
    """Cut off what lies beyond a threshold, as an amplifier does that is driven too hard.

    Parameters
    ----------
    threshold : float or (float, float), default=(0.3, 0.9)
        In the unit below.
    unit : {'peak', 'full', 'percentile'}
        Shares of the clip's largest sample, shares of full scale, or the percentage (0 to 100) of
        samples that stay: the threshold is then that percentile of the samples' sizes. Where it
        comes to 0 the clip stays as it is.
    soft : bool, default=False
        Bend by t * tanh(x / t), t the threshold, rather than cut.
    {p}
    """

    _ranges = {"threshold": Number(0, 100)}
    _settings = {"unit": Choice(("full", "peak", "percentile")), "soft": Flag()}

    def __init__(
        self,
        threshold: Range = (0.3, 0.9),
        *,
        unit: str = "peak",
        soft: bool = False,
        p: float = 1.0,
    ) -> None:
        self._set(threshold=threshold, unit=unit, soft=soft, p=p)
        if unit == "peak":
            Number(0, 1).check("threshold of unit 'peak'", threshold)


@documented
class TimeShift(AudioTransform):
    """Move the sound in time.

    Parameters
    ----------
    shift : float or (float, float), default=(-0.25, 0.25)
        How much later (below 0: earlier), rounded to whole samples.
    unit : {'fraction', 'seconds'}
        Shares of the clip's length, or seconds, which need the sample rate.
    mode : {'roll', 'fill'}
        What leaves at one end comes in at the other, or silence does.
    {p}
    """

    _ranges = {"shift": Number(-1e6, 1e6)}
    _settings = {"unit": Choice(("fraction", "seconds")), "mode": Choice(("roll", "fill"))}

    def __init__(
        self,
        shift: Range = (-0.25, 0.25),
        *,
        unit: str = "fraction",
        mode: str = "roll",
        p: float = 1.0,
    ) -> None:
        self._set(shift=shift, unit=unit, mode=mode, p=p)
        if unit == "fraction":
            Number(-1, 1).check("shift of unit 'fraction'", shift)
