"""Whether probabilities are what they say."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from numbers import Integral
from typing import Any

import numpy as np
from scipy import stats

from tamis._check import weights_of
from tamis._draw import BLUE, INK, PALE, SOFT, axes_of, plain
from tamis.exceptions import DataError, ParameterError, ShapeError

__all__ = ["CalibrationCurve", "calibration_curve"]


@dataclass(frozen=True)
class CalibrationCurve:
    """Shares of the positive class by the probability that was said.

    Unpacks as scikit-learn's: ``prob_true, prob_pred = curve``.

    Attributes
    ----------
    prob_true, prob_pred : ndarray of shape (n_bins,)
        The share that came true and the mean probability of each bin that has rows.
    low, high : ndarray of shape (n_bins,)
        95 % interval of the share (Wilson 1927).
    counts : ndarray of shape (n_bins,)
        Rows of each bin.
    ece : float
        Expected calibration error: the mean distance of share and probability over the rows.
    brier : float
        Mean squared error of the probabilities.
    event : str
        What the probabilities are of.
    """

    prob_true: np.ndarray
    prob_pred: np.ndarray
    low: np.ndarray
    high: np.ndarray
    counts: np.ndarray
    ece: float
    brier: float
    event: str

    def __iter__(self) -> Iterator[np.ndarray]:
        return iter((self.prob_true, self.prob_pred))

    @property
    def off(self) -> np.ndarray:
        """Which bins are off: the probability lies outside the interval."""
        return (self.prob_pred < self.low) | (self.prob_pred > self.high)

    @property
    def verdict(self) -> str:
        """What the curve says, in words."""
        off = self.off
        if not off.any():
            return "No evidence against the probabilities"
        signs = np.sign(self.prob_pred - self.prob_true)[off]
        far = np.sign((self.prob_pred - self.prob_true) * (self.prob_pred - 0.5))[off]
        how = (
            "too high" if (signs > 0).all() else
            "too low" if (signs < 0).all() else
            "too sure" if (far > 0).all() else
            "not sure enough" if (far < 0).all() else "off"
        )  # fmt: skip
        return f"The probabilities are {how} in {int(off.sum())} of {len(off)} bins"

    def plot(self, ax: Any = None) -> Any:
        """Draw the share that came true by the probability that was said.

        Parameters
        ----------
        ax : matplotlib Axes, optional
            Where to draw; by default on a new figure.

        Returns
        -------
        matplotlib Axes
            On the diagonal probabilities are what they say; lines are 95 % intervals, the bars at
            the foot say how many rows each bin has.
        """
        ax = plain(axes_of(ax, 5.0, 4.8))
        ax.plot([0, 1], [0, 1], color="0.7", linewidth=1.0, linestyle="--", zorder=1)
        tall = 0.12 * self.counts / self.counts.max()
        x = self.prob_pred
        ax.bar(x, tall, width=0.03, color=PALE, edgecolor="0.8", linewidth=0.6, zorder=0)
        ax.vlines(x, self.low, self.high, color=BLUE, linewidth=1.2, zorder=2)
        ax.plot(x, self.prob_true, "o-", color=BLUE, markersize=4, linewidth=1.4, zorder=3)
        ax.set_xlim(-0.02, 1.02)
        ax.set_ylim(-0.02, 1.02)
        ax.set_xlabel(f"probability of {self.event}", color=SOFT)
        ax.set_ylabel("share that came true", color=SOFT)
        ax.text(
            0.02, 0.98,
            f"ECE {self.ece:.3f}, Brier {self.brier:.3f}, {int(self.counts.sum()):,} rows",
            va="top", fontsize=9, color=SOFT,
        )  # fmt: skip
        ax.set_title(self.verdict, fontsize=10, color=INK, loc="left")
        return ax

    def __repr__(self) -> str:
        return f"<CalibrationCurve: {self.verdict}; ECE {self.ece:.3f}, Brier {self.brier:.3f}>"


def calibration_curve(
    y_true: Any,
    y_prob: Any,
    *,
    pos_label: Any = None,
    n_bins: int = 5,
    strategy: str = "uniform",
    sample_weight: Any = None,
    classes: Any = None,
) -> CalibrationCurve:
    """Return how often what was said to be likely came true.

    As scikit-learn's of the same name, with intervals, errors and a plot. Of several classes (a
    column each) it judges the likeliest class of each row (Guo et al. 2017).

    Parameters
    ----------
    y_true : array-like of shape (n_rows,)
        The classes, of rows that the model was not fitted on.
    y_prob : array-like of shape (n_rows,) or (n_rows, n_classes)
        The probability of `pos_label`; or of each class.
    pos_label : int, float, bool or str, optional
        The class that `y_prob` is of; by default the larger of the two.
    n_bins : int, default=5
        Bins from 0 to 1; those without rows are left out.
    strategy : {"uniform", "quantile"}, default="uniform"
        Bins of the same width, or of as many rows each.
    sample_weight : array-like of shape (n_rows,), optional
        What each row counts.
    classes : array-like of shape (n_classes,), optional
        The classes of the columns; by default those of `y_true` in order.

    Returns
    -------
    CalibrationCurve

    Raises
    ------
    ParameterError, ShapeError, DataError
        Parameters, shapes or probabilities that cannot be used.

    References
    ----------
    Guo et al. (2017), On calibration of modern neural networks, ICML.

    Examples
    --------
    >>> from tamis.models import calibration_curve
    >>> curve = calibration_curve([0, 0, 1, 1], [0.1, 0.3, 0.7, 0.9], n_bins=2)
    >>> curve.prob_true, curve.prob_pred, round(curve.ece, 3), round(curve.brier, 3)
    (array([0., 1.]), array([0.2, 0.8]), 0.2, 0.05)
    """
    if not isinstance(n_bins, Integral) or isinstance(n_bins, bool) or n_bins < 1:
        raise ParameterError(f"n_bins must be a count from 1; got {n_bins!r}")
    if strategy not in ("uniform", "quantile"):
        raise ParameterError(f"strategy must be 'uniform' or 'quantile'; got {strategy!r}")
    y, p = np.asarray(y_true), np.asarray(y_prob, dtype=np.float64)
    if y.ndim != 1 or p.ndim not in (1, 2) or len(p) != len(y):
        raise ShapeError(f"y_true has shape {y.shape} and y_prob {p.shape}")
    if not len(y):
        raise DataError("y_true has no rows")
    if not ((p >= 0) & (p <= 1)).all():
        raise DataError("y_prob must hold probabilities from 0 to 1")
    hit, p, event = _events(y, p, pos_label, classes)
    weights = weights_of(sample_weight, p)
    w = np.ones(len(p)) if weights is None else weights
    inner = np.linspace(0, 1, int(n_bins) + 1)
    edges = inner if strategy == "uniform" else np.percentile(p, inner * 100)
    bins = np.searchsorted(edges[1:-1], p)
    n = int(n_bins)
    total = np.bincount(bins, w, n)
    counts = np.bincount(bins, minlength=n)
    used = total > 0
    share = np.bincount(bins, w * hit, n)[used] / total[used]
    mean = np.bincount(bins, w * p, n)[used] / total[used]
    # Weights make rows count for fewer than they are (Kish).
    size = total[used] ** 2 / np.bincount(bins, w * w, n)[used]
    low, high = _wilson(share, size)
    ece = float(np.average(np.abs(share - mean), weights=total[used]))
    brier = float(np.average((hit - p) ** 2, weights=w))
    return CalibrationCurve(share, mean, low, high, counts[used], ece, brier, event)


def _events(
    y: np.ndarray, p: np.ndarray, pos_label: Any, classes: Any
) -> tuple[np.ndarray, np.ndarray, str]:
    """Return what came true, its probability, and what it is."""
    known = np.unique(y) if classes is None else np.asarray(classes)
    if p.ndim == 2 and p.shape[1] != len(known):
        raise ShapeError(f"y_prob has {p.shape[1]} columns for {len(known)} classes")
    if p.ndim == 2 and len(known) > 2:
        return (known[p.argmax(axis=1)] == y).astype(float), p.max(axis=1), "the likeliest class"
    if len(known) > 2:
        raise DataError(f"y_true has {len(known)} classes: give a column of y_prob for each")
    if pos_label is not None and pos_label not in known:
        raise ParameterError(f"pos_label={pos_label!r} is not a class: {known.tolist()}")
    label = known[-1] if pos_label is None else pos_label
    if p.ndim == 2:
        p = p[:, int(np.flatnonzero(known == label)[0])]
    return (y == label).astype(float), p, str(label)


def _wilson(share: np.ndarray, n: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    z = float(stats.norm.ppf(0.975))
    middle = (share + z * z / (2 * n)) / (1 + z * z / n)
    reach = z / (1 + z * z / n) * np.sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    return np.clip(middle - reach, 0, 1), np.clip(middle + reach, 0, 1)
