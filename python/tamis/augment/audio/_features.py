"""What models of sound take in: log-mel spectrograms and mel-frequency cepstral coefficients."""

from __future__ import annotations

from typing import Any

import numpy as np

from tamis import _core, _progress, _threads
from tamis.augment._fields import Flag, Number
from tamis.augment.audio._run import clip, rates
from tamis.exceptions import ParameterError

__all__ = ["log_mel_spectrogram", "mfcc"]

_SIZE = Number(1, 1 << 20, whole=True, fixed=True)
_HERTZ = Number(0, fixed=True)
_POSITIVE = Number(0, above=True, fixed=True)
_FLAG = Flag()


def log_mel_spectrogram(
    clips: Any,
    sample_rate: float,
    *,
    n_fft: int = 2048,
    hop_length: int = 512,
    win_length: int | None = None,
    n_mels: int = 128,
    fmin: float = 0.0,
    fmax: float | None = None,
    center: bool = True,
    htk: bool = False,
    norm: str | None = "slaney",
    ref: float | str = 1.0,
    amin: float = 1e-10,
    top_db: float | None = 80.0,
    n_jobs: int | None = None,
) -> Any:
    """Return the decibels of the power in mel bands.

    The numbers, names and defaults are those of `librosa.feature.melspectrogram` followed by
    `librosa.power_to_db`, for each clip by itself.

    Parameters
    ----------
    clips : array (clips, samples) or (clips, channels, samples), or list of clips
        Of float32, float64 or int16 (full scale 32768); worked out in float32.
    sample_rate : number
        Samples a second, the same for all.
    n_fft, hop_length : int
        Samples of a transform, and from one to the next.
    win_length : int, optional
        Samples of the Hann window in the middle of the transform; by default all.
    n_mels : int, default=128
        Bands.
    fmin, fmax : float
        Where they begin and end, in hertz; by default they end at half the sample rate.
    center : bool, default=True
        Whether the first window stands about the first sample, with silence around the clip, rather
        than begins with it. There are then `1 + samples // hop_length` frames.
    htk : bool, default=False
        Whether the scale is HTK's, rather than Slaney's.
    norm : {'slaney', None}
        Whether bands are weighted by one over their width.
    ref : float or 'max', default=1
        The power of 0 decibels; 'max' is the greatest of the clip.
    amin : float, default=1e-10
        The least power told apart from none.
    top_db : float or None, default=80
        What lies further below the greatest of the clip is told as this far below.
    n_jobs : int, optional
        Threads; None is all cores, one within a worker.

    Returns
    -------
    array or list of arrays
        float32, (n_mels, frames) a clip, or (channels, n_mels, frames).

    Raises
    ------
    ParameterError
        A parameter is out of its range.
    DataError
        A clip holds a sample that is not finite.

    Examples
    --------
    >>> import numpy as np
    >>> from tamis.augment.audio import log_mel_spectrogram
    >>> tone = np.sin(np.arange(16000) * 2 * np.pi * 440 / 16000, dtype=np.float32)
    >>> log_mel_spectrogram(tone[None], 16000, n_mels=40).shape
    (1, 40, 32)
    """
    given = _settings({**locals()})
    return _run(clips, given, n_jobs)


def mfcc(
    clips: Any,
    sample_rate: float,
    *,
    n_mfcc: int = 20,
    lifter: float = 0.0,
    n_fft: int = 2048,
    hop_length: int = 512,
    win_length: int | None = None,
    n_mels: int = 128,
    fmin: float = 0.0,
    fmax: float | None = None,
    center: bool = True,
    htk: bool = False,
    norm: str | None = "slaney",
    ref: float | str = 1.0,
    amin: float = 1e-10,
    top_db: float | None = 80.0,
    n_jobs: int | None = None,
) -> Any:
    """Return mel-frequency cepstral coefficients, as `librosa.feature.mfcc` does.

    They are the orthonormal cosine transform (of type II) of `log_mel_spectrogram`.

    Parameters
    ----------
    clips : array (clips, samples) or (clips, channels, samples), or list of clips
        Of float32, float64 or int16; worked out in float32.
    sample_rate : number
        Samples a second, the same for all.
    n_mfcc : int, default=20
        Coefficients, at most `n_mels`.
    lifter : float, default=0
        Coefficient k is multiplied by ``1 + lifter / 2 * sin(pi * (k + 1) / lifter)``; 0 for none.
    n_fft, hop_length, win_length, n_mels, fmin, fmax, center, htk, norm, ref, amin, top_db, n_jobs
        As of `log_mel_spectrogram`.

    Returns
    -------
    array or list of arrays
        float32, (n_mfcc, frames) a clip, or (channels, n_mfcc, frames).

    Raises
    ------
    ParameterError
        A parameter is out of its range.
    DataError
        A clip holds a sample that is not finite.

    Examples
    --------
    >>> import numpy as np
    >>> from tamis.augment.audio import mfcc
    >>> mfcc(np.zeros((2, 8000), np.float32), 8000, n_mfcc=13).shape
    (2, 13, 16)
    """
    given = _settings({**locals()})
    count = Number(1, given["n_mels"], whole=True, fixed=True).check("n_mfcc", n_mfcc)
    given["cepstrum"] = (count, Number(0, fixed=True).check("lifter", lifter))
    return _run(clips, given, n_jobs)


def _settings(told: dict[str, Any]) -> dict[str, Any]:
    """Return checked settings as the kernel takes them."""
    rate = float(rates(told["sample_rate"], 1)[0])
    n_fft = Number(2, 1 << 20, whole=True, fixed=True).check("n_fft", told["n_fft"])
    inner = n_fft if told["win_length"] is None else told["win_length"]
    fmax = rate / 2 if told["fmax"] is None else _HERTZ.check("fmax", told["fmax"])
    fmin = _HERTZ.check("fmin", told["fmin"])
    if not fmin < fmax:
        raise ParameterError(f"fmin must lie below fmax; got {fmin:g} and {fmax:g}")
    if told["norm"] not in ("slaney", None):
        raise ParameterError(f"norm must be 'slaney' or None; got {told['norm']!r}")
    top_db = told["top_db"]
    return {
        "rate": rate,
        "n_fft": n_fft,
        "win_length": Number(1, n_fft, whole=True, fixed=True).check("win_length", inner),
        "hop_length": _SIZE.check("hop_length", told["hop_length"]),
        "center": _FLAG.check("center", told["center"]),
        "n_mels": _SIZE.check("n_mels", told["n_mels"]),
        "fmin": fmin,
        "fmax": fmax,
        "htk": _FLAG.check("htk", told["htk"]),
        "norm": told["norm"] == "slaney",
        "reference": None if told["ref"] == "max" else _POSITIVE.check("ref", told["ref"]),
        "amin": _POSITIVE.check("amin", told["amin"]),
        "top_db": None if top_db is None else _HERTZ.check("top_db", top_db),
        "cepstrum": None,
    }


def _run(items: Any, given: dict[str, Any], n_jobs: int | None) -> Any:
    """Return the features in the caller's kind of container."""
    clips = [_float32(clip(x, i)) for i, x in enumerate(items)]
    rows = given["cepstrum"][0] if given["cepstrum"] else given["n_mels"]
    frames = _core.audio_frames(given, [x.shape[-1] for x in clips])
    shapes = [(*x.shape[:-1], rows, n) for x, n in zip(clips, frames, strict=True)]
    if isinstance(items, np.ndarray):
        channels = items.shape[1:-1]
        done: Any = np.empty((len(clips), *(shapes[0] if shapes else (*channels, rows, 0))), "f4")
        if not done.size:
            return done
    else:
        done = [np.empty(shape, np.float32) for shape in shapes]
    with _progress.bar(None, "spectra") as bar:
        _core.audio_features(
            given, clips, list(done), _threads.resolve(n_jobs), _progress.kernel_callback(bar)
        )
    return tuple(done) if isinstance(items, tuple) else done


def _float32(x: np.ndarray) -> np.ndarray:
    full = np.float32(1 / 32768) if x.dtype == np.int16 else None
    return x.astype(np.float32, copy=False) if full is None else x * full
