"""Pictures of outliers: scores with the threshold, and what speaks against the top rows."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.utils.validation import check_is_fitted

from tamis import _frame
from tamis._draw import BLUE, INK, PALE, RED, SOFT, axes_of, colours, font, percent, plain, short
from tamis._optional import need
from tamis.exceptions import ParameterError, ShapeError

__all__ = ["plot_explanation", "plot_scores"]

_BINS = 60
#: Scores farther from the threshold than so many times the bulk's reach are heaped at the edge.
_REACH = 6.0


def plot_scores(detector: Any, X: Any = None, *, ax: Any = None) -> Any:
    """Draw how the scores of rows are distributed, with the threshold.

    Parameters
    ----------
    detector : fitted outlier detector
        With `offset_`, as those of this module and of scikit-learn have.
    X : array-like or frame of shape (n_rows, n_features), optional
        The rows; by default the training rows, where the detector keeps their scores. With
        ``novelty=False`` there are only those.
    ax : matplotlib Axes, optional
        Where to draw; by default on a new figure.

    Returns
    -------
    matplotlib Axes
        Rows by score, on a scale of logarithms; red is beyond the threshold. Scores far beyond it
        are heaped at the left edge.

    Raises
    ------
    MissingExtraError
        If matplotlib is not installed (the extra ``plot``).
    ParameterError
        If the detector has no threshold or no scores to show.
    ShapeError
        If X is not the training rows although ``novelty=False``.

    Examples
    --------
    >>> import numpy as np
    >>> from tamis.outlier import KNNDetector, plot_scores
    >>> X = np.random.default_rng(0).normal(size=(300, 3))
    >>> X[7] = 9.0
    >>> plot_scores(KNNDetector().fit(X)).get_title(loc="left")
    'KNNDetector: 1 of 300 rows beyond the threshold (0.3 %)'
    """
    scores, offset = scores_of(detector, X), _offset(detector)
    out = scores < offset
    ax = plain(axes_of(ax, 7.0, 3.2))
    low, high = float(scores.min()), max(float(scores.max()), offset)
    middle = float(np.median(scores))
    least = min(offset, middle) - _REACH * max(abs(middle - offset), high - middle, 1e-12)
    heaped = low < least
    low = least if heaped else min(low, offset)
    edges = np.linspace(low, high if high > low else low + 1.0, _BINS + 1)
    shown = np.maximum(scores, low)
    for rows, colour in ((~out, BLUE), (out, RED)):
        if rows.any():
            ax.hist(shown[rows], bins=edges, color=colour, alpha=0.85)
    ax.axvline(offset, color=INK, linewidth=1.2, linestyle="--")
    ax.annotate(
        f" threshold {offset:.4g}", (offset, 0.98), xycoords=("data", "axes fraction"), va="top",
        ha="left" if offset < (low + high) / 2 else "right", color=INK, fontsize=9,
    )  # fmt: skip
    ax.set_yscale("log")
    ax.set_ylim(bottom=0.6)  # one row is seen
    ax.yaxis.set_major_formatter(need("matplotlib.ticker", "a picture").StrMethodFormatter("{x:g}"))
    ax.minorticks_off()
    ax.set_ylabel("rows", color=SOFT)
    ax.set_xlabel(
        "score (high is normal)" + (f"; {low:.3g} or less at the left edge" if heaped else ""),
        color=SOFT,
    )
    ax.set_title(
        f"{type(detector).__name__}: {out.sum():,} of {len(out):,} rows beyond the threshold "
        f"({percent(out.mean())})",
        fontsize=10, color=INK, loc="left",
    )  # fmt: skip
    return ax


def plot_explanation(
    detector: Any, X: Any, *, n_rows: int = 10, n_features: int = 10, ax: Any = None
) -> Any:
    """Draw which features speak against the rows that are farthest out.

    Parameters
    ----------
    detector : fitted outlier detector
        With `explain`.
    X : array-like or frame of shape (n_rows, n_features)
        The rows; with ``novelty=False`` the training rows.
    n_rows, n_features : int, default=10
        Rows and features that are shown at most: the rows of the lowest scores, and the features
        that have most to say about them.
    ax : matplotlib Axes, optional
        Where to draw; by default on a new figure that is large enough.

    Returns
    -------
    matplotlib Axes
        A line for each row, named by its index and score, the farthest out first; the darker a
        cell, the larger the feature's share in the row's score. The cell's value stands in it.

    Raises
    ------
    MissingExtraError
        If matplotlib is not installed (the extra ``plot``).
    ParameterError
        If the detector has no `explain`, or `n_rows` or `n_features` is not positive.
    ShapeError
        If X is not the training rows although ``novelty=False``.

    Examples
    --------
    >>> import pandas as pd
    >>> from tamis.outlier import MADDetector, plot_explanation
    >>> X = pd.DataFrame({"age": [31, 28, 35, 30, 290], "rooms": [2, 3, 2, 4, 3]})
    >>> ax = plot_explanation(MADDetector().fit(X), X, n_rows=2)
    >>> [label.get_text() for label in ax.get_xticklabels()]
    ['age', 'rooms']
    """
    if not hasattr(detector, "explain"):
        raise ParameterError(f"{type(detector).__name__} has no explain: use a detector of tamis")
    if min(n_rows, n_features) < 1:
        raise ParameterError("n_rows and n_features must be whole numbers from 1 on")
    scores = scores_of(detector, X)
    rows = np.argsort(scores, kind="stable")[:n_rows]
    # Training rows among themselves, where none may be its own neighbour.
    own = _training_only(detector)
    shares = detector.explain()[rows] if own else detector.explain(_frame.take(X, rows))
    top = np.argsort(-shares.sum(axis=0), kind="stable")[:n_features]
    names, cells, labels = _cells(detector, X, rows, top)
    ax = plain(axes_of(ax, 2.6 + 0.85 * len(top), 1.3 + 0.3 * len(rows)))
    shown = shares[np.ix_(np.arange(len(rows)), top)]
    ax.imshow(shown, aspect="auto", cmap=colours(PALE, RED), vmin=0, vmax=1)
    size = font(ax, max(len(rows), 6))
    ax.set_yticks(
        range(len(rows)),
        [f"{short(label)}  ({scores[row]:.3g})" for label, row in zip(labels, rows, strict=True)],
        fontsize=size,
    )
    slant = {"rotation": 30, "ha": "right"} if max(map(len, names)) > 8 else {}
    ax.set_xticks(range(len(top)), names, fontsize=size, **slant)
    for i, row in enumerate(cells):
        for j, text in enumerate(row):
            colour = "white" if shown[i, j] > 0.5 else INK if shown[i, j] > 0.1 else SOFT
            ax.text(
                j, i, text, ha="center", va="center", fontsize=size - 1, color=colour,
                parse_math=False, clip_on=True,
            )  # fmt: skip
    ax.set_title(
        f"{type(detector).__name__}: the {len(rows)} rows farthest out, and each feature's share",
        fontsize=10, color=INK, loc="left",
    )  # fmt: skip
    return ax


def scores_of(detector: Any, X: Any) -> np.ndarray:
    """Return the scores of rows; without them, those of the training rows that were kept."""
    check_is_fitted(detector)
    kept = None
    for name in ("scores_", "negative_outlier_factor_"):
        kept = getattr(detector, name, kept)
    if X is None or _training_only(detector):
        if kept is None:
            raise ParameterError(f"{type(detector).__name__} keeps no scores: give X, the rows")
        if X is not None and _frame.n_rows(X) != len(kept):
            raise ShapeError(
                f"X has {_frame.n_rows(X)} rows, but {len(kept)} were seen when fitting: with "
                "novelty=False give the training rows, or use novelty=True for others"
            )
        return np.asarray(kept, dtype=np.float64)
    return np.asarray(detector.score_samples(X), dtype=np.float64)


def _training_only(detector: Any) -> bool:
    return getattr(detector, "novelty", True) is False


def _offset(detector: Any) -> float:
    offset = getattr(detector, "offset_", None)
    if offset is None:
        raise ParameterError(f"{type(detector).__name__} has no offset_: it has no threshold")
    return float(np.ravel(offset)[0])


def _cells(
    detector: Any, X: Any, rows: np.ndarray, columns: np.ndarray
) -> tuple[list[str], list[list[str]], list[Any]]:
    """Return the names of some columns, what stands in their cells, and the rows' labels."""
    if _frame.is_frame(X):
        frame = _frame.wrap(_frame.take(X, rows))
        names = [frame.columns[j] for j in columns]
        table = [frame.get_column(name).to_list() for name in names]
        labels = _frame.row_labels(X)[rows]
    else:
        seen = getattr(detector, "feature_names_in_", None)
        names = [f"x{j}" if seen is None else seen[j] for j in columns]
        array = np.asarray(_frame.take(X, rows))
        table = [array[:, j].tolist() for j in columns]
        labels = rows
    texts = [[_text(v) for v in row] for row in zip(*table, strict=True)]
    return [short(name) for name in names], texts, list(labels)


def _text(value: Any) -> str:
    if value is None or (isinstance(value, float) and np.isnan(value)):
        return "missing"
    if isinstance(value, float):
        return f"{value:.4g}"
    text = str(value)
    return text if len(text) <= 12 else text[:11] + "…"
