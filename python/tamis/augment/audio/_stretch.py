"""Longer or shorter at the same pitch, higher or lower at the same length."""

from __future__ import annotations

from tamis.augment._fields import Number
from tamis.augment.audio._run import AudioTransform, Range, documented

__all__ = ["PitchShift", "TimeStretch"]


@documented
class TimeStretch(AudioTransform):
    """Make a clip longer or shorter, and keep its pitch.

    A clip of n samples comes out with round(n / rate). Attacks stay where they belong, and as sharp
    as they were; channels keep their phases to each other.

    Parameters
    ----------
    rate : float or (float, float), default=(0.8, 1.25)
        How much faster it runs, 0.1 to 10: above 1 it gets shorter.
    {p}

    Notes
    -----
    A phase vocoder, with windows of about 70 ms where the sample rate is given and of 2048 samples
    where it is not. What is heard beside a pure tone lies 66 dB below it or more (from 110 Hz on),
    and an attack at most one sample from its place; attacks that follow each other more closely
    than the windows are long can be off by some milliseconds, or blurred. Around an attack time
    runs as it did, and a little faster or slower between attacks.

    References
    ----------
    J. Laroche and M. Dolson, "Improved phase vocoder time-scale modification of audio", IEEE
    Transactions on Speech and Audio Processing 7(3), 1999; A. Röbel, "A new approach to transient
    processing in the phase vocoder", DAFx 2003.

    Examples
    --------
    >>> import numpy as np
    >>> from tamis.augment.audio import TimeStretch
    >>> tone = np.sin(np.arange(16000) * 0.2, dtype=np.float32)
    >>> TimeStretch(1.25)(tone[None], sample_rate=16000).shape
    (1, 12800)
    """

    _ranges = {"rate": Number(0.1, 10)}

    def __init__(self, rate: Range = (0.8, 1.25), *, p: float = 1.0) -> None:
        self._set(rate=rate, p=p)


@documented
class PitchShift(AudioTransform):
    """Make a clip higher or lower, and keep its length.

    It is stretched in time (see `TimeStretch`) and read so much faster or slower. What would come
    to lie above half the sample rate is left out.

    Parameters
    ----------
    semitones : float or (float, float), default=(-4, 4)
        Twelve are an octave; -36 to 36.
    {p}

    Examples
    --------
    >>> import numpy as np
    >>> from tamis.augment.audio import PitchShift
    >>> tone = np.sin(np.arange(16000) * 2 * np.pi * 440 / 16000, dtype=np.float32)
    >>> higher = PitchShift(12)(tone[None], sample_rate=16000)[0]
    >>> int(np.argmax(np.abs(np.fft.rfft(higher))))
    880
    """

    _ranges = {"semitones": Number(-36, 36)}

    def __init__(self, semitones: Range = (-4.0, 4.0), *, p: float = 1.0) -> None:
        self._set(semitones=semitones, p=p)
