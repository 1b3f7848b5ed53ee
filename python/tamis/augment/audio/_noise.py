"""Noise: added at a ratio to the signal, or left by coarse codes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tamis.augment._fields import Choice, Number
from tamis.augment.audio._run import AudioTransform, Range, Recordings, documented

__all__ = ["AddNoise", "CodecNoise"]


@documented
class AddNoise(AudioTransform):
    """Add noise so that the signal is a given ratio above it.

    The ratio is exact: that of the powers of the clip and of the noise that was added to it, over
    all samples and channels (in int16 up to rounding and saturation). The noise of each channel is
    its own. Silence stays silence.

    Parameters
    ----------
    snr : float or (float, float), default=(5, 40)
        Signal-to-noise ratio in decibels.
    color : {'white', 'pink'}
        Normal noise with as much power at every frequency, or as much in every octave (within
        0.35 dB, from 1/8192 of the sample rate to its half).
    clips : list of array, optional
        Recordings, at the sample rate of what they are added to; in place of noise that is made.
        One is drawn, and cut at a place that is drawn, or run in a loop where it is shorter. A
        channel takes the recording's channel of its number (modulo theirs).
    {p}

    Raises
    ------
    DataError
        If a recording is empty, silent in a channel, or not finite.

    Examples
    --------
    >>> import numpy as np
    >>> from tamis.augment.audio import AddNoise
    >>> tone = np.sin(np.arange(8000) / 5).astype(np.float32)[None]
    >>> noise = AddNoise(snr=20)(tone) - tone
    >>> round(float(10 * np.log10((tone**2).sum() / (noise**2).sum())), 3)
    20.0
    """

    _ranges = {"snr": Number(-200, 200)}
    _settings = {"color": Choice(("white", "pink")), "clips": Recordings()}
    _draws = ("recording", "start")
    _recordings = "clips"

    def __init__(
        self,
        snr: Range = (5.0, 40.0),
        color: str = "white",
        *,
        clips: Sequence[Any] | None = None,
        p: float = 1.0,
    ) -> None:
        self._set(snr=snr, color=color, clips=clips, p=p)


@documented
class CodecNoise(AudioTransform):
    """Keep samples in a few bits, as telephones and old recorders do.

    What is done, in this order: where a `rate` is given that is lower than the clip's, the clip is
    resampled to it and back, which takes away what lies above its half. Samples are limited to full
    scale. Each is rounded (halves to even) to one of 2^bits - 1 levels that lie symmetrically about
    0, evenly, or evenly in the code ln(1 + 255 |x|) / ln 256 of mu-law (the curve of ITU-T G.711
    itself, not its straight segments). No coder of a music format is run.

    Parameters
    ----------
    bits : int or (int, int), default=(6, 8)
        Bits of a sample, 2 to 16.
    codec : {'mulaw', 'linear'}
        How the levels lie.
    rate : int, optional
        A lower sample rate in hertz, 1,000 at least; it needs that of the clips.
    {p}

    References
    ----------
    Recommendation ITU-T G.711, "Pulse code modulation (PCM) of voice frequencies", 1988.

    Examples
    --------
    >>> import numpy as np
    >>> from tamis.augment.audio import CodecNoise
    >>> CodecNoise(3, codec="linear")(np.array([[0.2, 0.4, -1.0]])).round(3).tolist()
    [[0.333, 0.333, -1.0]]
    """

    _ranges = {"bits": Number(2, 16, whole=True)}
    _settings = {
        "codec": Choice(("mulaw", "linear")),
        "rate": Number(1000, 1_000_000, whole=True, fixed=True),
    }

    codec: str

    def __init__(
        self,
        bits: int | tuple[int, int] = (6, 8),
        *,
        codec: str = "mulaw",
        rate: int | None = None,
        p: float = 1.0,
    ) -> None:
        self._set(bits=bits, codec=codec, p=p)
        self.rate = None if rate is None else self._settings["rate"].check("rate", rate)

    def _told(self) -> Any:
        codec = self._settings["codec"].numbers(self.codec)
        return [*codec, float(self.rate or 0)], None
