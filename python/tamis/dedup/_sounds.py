"""Clips in any of the forms that callers have, as the audio kernels take them."""

from __future__ import annotations

from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from markupsafe import Markup

from tamis.dedup import _media
from tamis.exceptions import DataError, ParameterError

__all__ = ["Given", "given", "sources", "waveform"]

#: What the kernel takes: the bytes of a file; or mono samples and their rate.
Given: TypeAlias = "bytes | tuple[np.ndarray, int]"


def sources(X: Any, column: Any, what: str) -> list[Any]:
    """Return the clips of a list, an array or a column of a frame."""
    found = _media.items_of(X, column, what, "clips")
    if found is not None:
        return found
    if isinstance(X, np.ndarray) and X.ndim == 1 and X.dtype.kind in "biufc":
        raise ParameterError(f"{what} is an array of numbers: put a single clip into a list")
    if isinstance(X, str | bytes | Path) or not hasattr(X, "__iter__"):
        raise ParameterError(
            f"{what} must be a list of clips, an array of clips or a frame; got {type(X).__name__}"
        )
    return list(X)


def given(source: Any, place: int, rate: int | None, what: str) -> Given:
    """Return a clip as the kernel takes it; files are read here.

    Raises
    ------
    DataError
        If it is no clip, or its file cannot be read.
    """
    called = _media.name(source, place, what)
    read = _media.file(source, called)
    if read is not None:
        return read
    if isinstance(source, tuple):
        if len(source) != 2:
            raise DataError(f"{called} is a tuple of {len(source)}: give (samples, sample rate)")
        source, rate = source
    if not isinstance(source, np.ndarray):
        raise DataError(
            f"{called} is {_media.kind(source)}: a clip is a path, bytes, an array or (array, "
            "sample rate)"
        )
    if rate is None:
        raise DataError(f"{called} has no sample rate: give sample_rate=, or (array, sample rate)")
    if isinstance(rate, bool) or not isinstance(rate, int | np.integer) or not 0 < rate < 2**31:
        raise DataError(f"{called} has the sample rate {rate!r}: it must be in whole hertz")
    try:
        return _mono(source), int(rate)
    except DataError as error:
        raise DataError(f"{called}: {error}") from None


def _mono(array: np.ndarray) -> np.ndarray:
    """Return samples as float32 of full scale 1, the mean of their channels."""
    if array.ndim not in (1, 2):
        raise DataError(
            f"samples of shape {array.shape}: they must be (samples,) or (channels, samples)"
        )
    if array.ndim == 2 and array.shape[0] > max(array.shape[1], 32):
        raise DataError(
            f"samples of shape {array.shape}: channels come first, so transpose the array"
        )
    if array.ndim == 2 and not array.shape[0]:
        raise DataError("samples without a channel")
    kind, size = array.dtype.kind, array.dtype.itemsize
    if kind == "f":
        samples = array.astype(np.float64)
    elif kind == "u" and size == 1:  # as WAV files have it
        samples = (array.astype(np.float64) - 128.0) / 128.0
    elif kind == "i":
        samples = array.astype(np.float64) / 2.0 ** (8 * size - 1)
    else:
        raise DataError(f"samples of dtype {array.dtype}: use integers with a sign, or floats")
    mono = samples if array.ndim == 1 else samples.mean(axis=0)
    with np.errstate(over="ignore"):
        return np.ascontiguousarray(mono, dtype=np.float32)


def waveform(samples: np.ndarray, width: int = 240, height: int = 40) -> Markup:
    """Return a picture of a sound as SVG: the highest and lowest sample in each place."""
    n = len(samples)
    if not n:
        return Markup("")
    cuts = np.unique(np.linspace(0, n, width, endpoint=False).astype(np.int64))
    peak = float(np.abs(samples).max()) or 1.0
    high = np.maximum.reduceat(samples, cuts) / peak
    low = np.minimum.reduceat(samples, cuts) / peak
    x = np.arange(len(cuts)) * (width / len(cuts))
    top = [f"{a:.1f},{height / 2 * (1 - b):.1f}" for a, b in zip(x, high, strict=True)]
    bottom = [f"{a:.1f},{height / 2 * (1 - b):.1f}" for a, b in zip(x, low, strict=True)]
    return Markup(
        '<svg width="{}" height="{}" viewBox="0 0 {} {}" role="img">'
        '<polygon points="{}" fill="#4a7fb5" stroke="#4a7fb5" stroke-width="0.6"/></svg>'
    ).format(width, height, width, height, " ".join(top + bottom[::-1]))
