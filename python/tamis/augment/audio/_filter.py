"""Filters and rooms."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tamis.augment._fields import Flag, Number
from tamis.augment.audio._run import AudioTransform, Range, Recordings, documented

__all__ = ["HighPass", "LowPass", "Reverb"]

_FILTER = {"order": Number(1, 24, whole=True, fixed=True), "zero_phase": Flag()}


class _Filter(AudioTransform):
    """A Butterworth filter."""

    _ranges = {"cutoff": Number(1, law="log")}
    _settings = _FILTER


@documented
class LowPass(_Filter):
    """Take away what lies above a frequency, by a Butterworth filter (biquads in float64).

    Parameters
    ----------
    cutoff : float or (float, float), default=(1000, 3500)
        Hertz, 1 at least, drawn evenly in the logarithm: where the filter has -3 dB. It must lie
        below half the sample rate, which it needs.
    order : int, default=2
        Each takes 6 dB more an octave, 24 at most.
    zero_phase : bool, default=False
        Run forwards and backwards, so that nothing is delayed and each frequency is damped twice
        (scipy.signal.sosfiltfilt: the clip is extended by turning it about its ends; of a short
        one as far as it goes); otherwise once, from rest (scipy.signal.sosfilt).
    {p}

    Examples
    --------
    >>> import numpy as np
    >>> from tamis.augment.audio import LowPass
    >>> time = np.arange(8000) / 8000
    >>> waves = np.sin(2 * np.pi * np.array([[100], [3000]]) * time)
    >>> LowPass(1000, order=4)(waves, sample_rate=8000)[:, 1000:].max(axis=1).round(2).tolist()
    [1.0, 0.0]
    """

    def __init__(
        self,
        cutoff: Range = (1000.0, 3500.0),
        *,
        order: int = 2,
        zero_phase: bool = False,
        p: float = 1.0,
    ) -> None:
        self._set(cutoff=cutoff, order=order, zero_phase=zero_phase, p=p)


@documented
class HighPass(_Filter):
    """Take away what lies below a frequency; `LowPass` says how.

    Parameters
    ----------
    cutoff : float or (float, float), default=(50, 1000)
        Hertz, drawn evenly in the logarithm.
    order : int, default=2
        Each takes 6 dB more an octave, 24 at most.
    zero_phase : bool, default=False
        Run forwards and backwards.
    {p}
    """

    def __init__(
        self,
        cutoff: Range = (50.0, 1000.0),
        *,
        order: int = 2,
        zero_phase: bool = False,
        p: float = 1.0,
    ) -> None:
        self._set(cutoff=cutoff, order=order, zero_phase=zero_phase, p=p)


@documented
class Reverb(AudioTransform):
    """Play a clip in a room: convolve it with a response that is given or made up.

    A room that is made up is the direct sound and normal noise of its own in each channel, whose
    amplitude falls by 60 dB in the reverberation time (Polack's model, as of Moorer).

    Parameters
    ----------
    rt60 : float or (float, float), default=(0.2, 0.8)
        Reverberation time in seconds, up to 20; it needs the sample rate.
    ratio : float or (float, float), default=(0, 12)
        Decibels that the direct sound's energy is above the rest's.
    responses : list of array, optional
        Responses of rooms, (samples,) or (channels, samples), at the clips' sample rate, in place
        of those that are made up; one is drawn. A channel is convolved with the response's channel
        of its number (modulo theirs).
    keep_level : bool, default=True
        Bring the clip's energy back to what it was.
    tail : bool, default=False
        Let the clip grow by what rings on after its end, rather than cut that off.
    {p}

    References
    ----------
    J. A. Moorer, "About This Reverberation Business", Computer Music Journal 3(2), 1979.
    J.-D. Polack, "La transmission de l'energie sonore dans les salles", thesis, Le Mans, 1988.

    Examples
    --------
    >>> import numpy as np
    >>> from tamis.augment.audio import Reverb
    >>> echo = Reverb(responses=[[1.0, 0.0, 0.5]], keep_level=False, tail=True)
    >>> echo(np.array([[0.25, 0.5]])).tolist()
    [[0.25, 0.5, 0.125, 0.25]]
    """

    _ranges = {"rt60": Number(0, 20, above=True), "ratio": Number(-100, 100)}
    _settings = {"keep_level": Flag(), "tail": Flag(), "responses": Recordings()}
    _draws = ("response",)
    _recordings = "responses"

    def __init__(
        self,
        rt60: Range = (0.2, 0.8),
        ratio: Range = (0.0, 12.0),
        *,
        responses: Sequence[Any] | None = None,
        keep_level: bool = True,
        tail: bool = False,
        p: float = 1.0,
    ) -> None:
        self._set(
            rt60=rt60, ratio=ratio, responses=responses, keep_level=keep_level, tail=tail, p=p
        )
