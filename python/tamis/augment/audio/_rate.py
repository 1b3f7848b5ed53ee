"""How fast a clip runs, and how many samples it has a second."""

from __future__ import annotations

from tamis.augment._fields import Number
from tamis.augment.audio._run import AudioTransform, Range, documented

__all__ = ["Resample", "Speed"]


@documented
class Speed(AudioTransform):
    """Play a clip faster or slower, as a tape: pitch and length change together.

    A clip of n samples has n / factor afterwards, rounded up. It is resampled by a sinc in a Kaiser
    window (80 dB; what no longer fits below half the sample rate is taken away).

    Parameters
    ----------
    factor : float or (float, float), default=(0.9, 1.1)
        2 is twice as fast and an octave higher; 0.05 to 20.
    {p}

    References
    ----------
    T. Ko, V. Peddinti, D. Povey and S. Khudanpur, "Audio Augmentation for Speech Recognition",
    Interspeech 2015.

    Examples
    --------
    >>> import numpy as np
    >>> from tamis.augment.audio import Speed
    >>> Speed(1.25)(np.zeros((2, 1000), np.float32)).shape
    (2, 800)
    """

    _ranges = {"factor": Number(0.05, 20)}

    def __init__(self, factor: Range = (0.9, 1.1), *, p: float = 1.0) -> None:
        self._set(factor=factor, p=p)


@documented
class Resample(AudioTransform):
    """Bring a clip to another sample rate; it sounds the same but for what lies above its half.

    Parameters
    ----------
    rate : int
        Samples a second afterwards, 1,000 to 1,000,000. It needs the clip's own, and what comes
        after it in a group counts by the new one.
    {p}

    Examples
    --------
    >>> import numpy as np
    >>> from tamis.augment.audio import Resample
    >>> made = Resample(16000)(np.zeros((1, 441), np.float32), sample_rate=[44100])
    >>> made["clips"].shape, made["sample_rate"]
    ((1, 160), [16000])
    """

    _settings = {"rate": Number(1000, 1_000_000, whole=True, fixed=True)}

    def __init__(self, rate: int, *, p: float = 1.0) -> None:
        self._set(rate=rate, p=p)
