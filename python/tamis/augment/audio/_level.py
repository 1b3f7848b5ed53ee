"""How loud a clip is, and where its sound lies in time."""

from __future__ import annotations

from tamis.augment._fields import Number
from tamis.augment.audio._run import AudioTransform, Range, documented

__all__ = ["Gain", "Polarity"]

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
    >>> Gain(-20)(np.float32([[0.5, -1.0, 0.0]])).round(3).tolist()
    [[0.05000000074505806, -0.10000000149011612, 0.0]]
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
