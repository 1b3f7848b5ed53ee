"""Which targets of regression are wrong: residuals in units of a scale that varies."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

__all__ = ["JudgedNumbers", "judge_numbers"]

#: The quartiles of the absolute value of a standard normal: 0.5 and 0.75, and the value beyond
#: which one in two thousand lies.
_HALF, _THREE_QUARTERS, _FAR = 0.674490, 1.150349, 3.480756
#: Rows whose residuals make a scale: a share of all, and bounds of it.
_SHARE, _LEAST, _MOST = 0.1, 40, 1000
#: A scale is at least this share of the scale of all rows, so that few exact rows flag no others.
_FLOOR = 0.05


@dataclass(frozen=True)
class JudgedNumbers:
    """What is known about the targets of regression; `residual` is studentised."""

    mask: np.ndarray
    quality: np.ndarray
    residual: np.ndarray
    scale: np.ndarray
    threshold: float


def judge_numbers(
    y: np.ndarray, predicted: np.ndarray, weights: np.ndarray | None = None
) -> JudgedNumbers:
    """Judge each target by its residual; rows of weight zero shape no scale and no threshold."""
    raw = y - predicted
    some = np.ones(len(y), dtype=bool) if weights is None else weights > 0
    scale = _scale(raw, predicted, some)
    with np.errstate(over="ignore"):
        t = np.divide(raw, scale, out=np.zeros_like(raw), where=scale > 0)
    # Where nothing at all varies, any difference is a wrong target.
    t[(scale == 0) & (raw != 0)] = np.sign(raw[(scale == 0) & (raw != 0)]) * 1e6
    threshold = _threshold(np.abs(t[some]))
    ratio = np.abs(t) / threshold
    return JudgedNumbers(ratio > 1.0, 1.0 / (1.0 + ratio**2), t, scale, threshold)


def _scale(raw: np.ndarray, predicted: np.ndarray, some: np.ndarray) -> np.ndarray:
    """Return for each row the median absolute residual of rows of like prediction, as a sd.

    The rows are ordered by their prediction and cut into overlapping windows; between the middles
    of windows the scale is a line.
    """
    rows = np.flatnonzero(some)
    rows = rows[np.argsort(predicted[rows], kind="stable")]
    size = np.abs(raw[rows])
    whole = float(np.median(size)) / _HALF
    n = len(rows)
    width = int(min(max(_SHARE * n, _LEAST), _MOST, n))
    step = max(1, width // 4)
    starts = np.unique(np.append(np.arange(0, n - width + 1, step), n - width))
    windows = np.lib.stride_tricks.sliding_window_view(size, width)[starts]
    scales = np.median(windows, axis=1) / _HALF
    ordered = predicted[rows]
    middles = np.median(np.lib.stride_tricks.sliding_window_view(ordered, width)[starts], axis=1)
    places, first = np.unique(middles, return_index=True)
    found = np.interp(predicted, places, scales[first])
    return np.maximum(found, _FLOOR * whole)


def _threshold(size: np.ndarray) -> float:
    """Return what one in two thousand residuals exceeds, as far as the bulk tells.

    The median and the upper quartile give the scale and how fast the tail falls, as a power of a
    normal's: wrong targets, in the tail, have little say.
    """
    half, upper = np.quantile(size, [0.5, 0.75])
    if not half > 0.0:
        return _FAR
    power = max(1.0, np.log(upper / half) / np.log(_THREE_QUARTERS / _HALF)) if upper > half else 1
    return float(half * (_FAR / _HALF) ** min(power, 4.0))
