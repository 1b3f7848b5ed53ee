"""Vectors that are alike: exact over embeddings."""

from __future__ import annotations

from numbers import Real
from typing import Any

import numpy as np
from sklearn.utils.validation import validate_data

from tamis import _core, _frame, _progress, _threads
from tamis.dedup._base import Deduplicator, check_choice
from tamis.dedup._found import Found, numbered
from tamis.dedup._matrix import is_listed, matrix
from tamis.dedup._result import Cells
from tamis.exceptions import ParameterError, ShapeError

__all__ = ["VectorDeduplicator"]

#: Numbers of a vector that a person is shown.
_SHOWN = 8


class VectorDeduplicator(Deduplicator):
    """Keep one of each cluster of vectors that are alike, such as embeddings.

    Every pair at or beyond the threshold is found, and none below it: bounds leave out pairs that
    are surely too far apart, and the others are decided in double precision on the vectors as
    given. For the cosine, the length of a vector is of no account, and a vector of zeros, which
    has no direction, is never paired.

    Parameters
    ----------
    threshold : float, default=0.95
        The least cosine of a pair (above 0, at most 1), or its greatest distance (0 or more).
    metric : {"cosine", "euclidean"}, default="cosine"
        How two vectors are compared.
    keep : {"first", "last", "most_complete", "best"}, default="first"
        Which vector of a cluster stays; ``"best"`` is the one of the highest score (vectors have
        no gaps: ``"most_complete"`` is the first).
    by : column name, array-like of shape (n,) or callable, optional
        The scores for ``keep="best"``: a column of `X`, numbers, or a function of `X` that returns
        them.
    linkage : {"star", "connected"}, default="star"
        Whether each vector of a cluster pairs with the cluster's representative, or with any other
        vector of it.
    n_jobs : int, optional
        Threads; the result does not depend on it.

    Attributes
    ----------
    duplicates_ : Duplicates
        What was found. The score of a pair is its cosine, or ``1 / (1 + distance)``; its evidence
        is ``"equal"``, ``"cosine"`` or ``"euclidean"``.
    sample_indices_ : ndarray of shape (n_out,), int64
        Positions of the vectors that stay, rising (after `fit_resample`).
    n_features_in_ : int
        The length of a vector.
    feature_names_in_ : ndarray of str
        Only where `X` is a frame of numbers.

    Notes
    -----
    `X` is an array or a frame of shape (n, d), a column whose cells hold d numbers each (lists,
    arrays, Arrow lists), or a frame of one such column. float32 and float64 are kept, other
    numbers become float64. Equal vectors are one group and never compared.

    Vectors of length 1 have the cosine c at a distance of sqrt(2 - 2c), so both metrics are one
    search: about a common centre, each vector is known by its coordinates along the few directions
    of the most variance and by the length of the rest, which bound every product [1]_. Blocks of
    neighbours, each in a ball, are left out together where the triangle inequality allows.

    References
    ----------
    .. [1] Jeong, S. et al. (2006). "An effective method for approximating the euclidean distance
       in high-dimensional space". DEXA.

    Examples
    --------
    >>> import numpy as np
    >>> from tamis.dedup import VectorDeduplicator
    >>> vectors = np.array([[1.0, 0.0], [0.99, 0.05], [0.0, 2.0]])
    >>> step = VectorDeduplicator(0.95).fit(vectors)
    >>> step.duplicates_.pairs.round(3)
       left  right  score evidence
    0     0      1  0.999   cosine
    """

    _unit = "vector"

    def __init__(
        self,
        threshold: float = 0.95,
        *,
        metric: str = "cosine",
        keep: str = "first",
        by: Any = None,
        linkage: str = "star",
        n_jobs: int | None = None,
    ) -> None:
        self.threshold = threshold
        self.metric = metric
        self.keep = keep
        self.by = by
        self.linkage = linkage
        self.n_jobs = n_jobs

    def _check_parameters(self) -> None:
        super()._check_parameters()
        check_choice("metric", self.metric, ("cosine", "euclidean"))
        t = self.threshold
        number = isinstance(t, Real) and not isinstance(t, bool)
        if not number or not (0 < t <= 1 if self.metric == "cosine" else 0 <= t < np.inf):
            wanted = "above 0 and at most 1" if self.metric == "cosine" else "0 or more"
            raise ParameterError(f"threshold must be {wanted} with {self.metric}; got {t!r}")

    def _items(self, X: Any, what: str) -> np.ndarray:
        if what == "X" and not is_listed(X):
            known = _frame.is_frame(X)
            validate_data(self, X, dtype=None if known else "numeric", ensure_all_finite=False)
        data = matrix(X, what)
        if what == "X":
            self.n_features_in_ = data.shape[1]
        return data

    def _join(self, train: np.ndarray, test: np.ndarray) -> np.ndarray:
        if train.shape[1] != test.shape[1]:
            raise ShapeError(
                f"train has vectors of {train.shape[1]} numbers, test of {test.shape[1]}"
            )
        return np.concatenate([train, test])

    def _search(self, items: np.ndarray, n_left: int | None) -> Found:
        cosine = self.metric == "cosine"
        threads = _threads.resolve(self.n_jobs)
        group = _groups(items, cosine, threads)
        chosen = np.unique(group, return_index=True)[1]
        sides = None
        if n_left is not None:
            left, right = np.zeros((2, len(chosen)), dtype=bool)
            left[group[:n_left]] = right[group[n_left:]] = True
            sides = (left, right)
        with _progress.bar(None, "vectors") as bar:
            one, other, score, keys = _core.vector_pairs(
                items if len(chosen) == len(items) else items[chosen],
                cosine,
                float(self.threshold),
                sides,
                threads,
                _progress.kernel_callback(bar),
            )
        return Found(
            group,
            one,
            other,
            score if cosine else 1 / (1 + score),
            np.ones(len(one), dtype=np.int64),
            ("equal", self.metric),
            keys,
        )

    def _completeness(self, X: Any, items: np.ndarray) -> np.ndarray:
        return np.zeros(len(items))

    def _cells(self, X: Any, rows: np.ndarray) -> Cells:
        taken = matrix([X[i] for i in rows] if isinstance(X, list) else _frame.take(X, rows), "X")
        more = ", …" if taken.shape[1] > _SHOWN else ""
        lines = [[", ".join(f"{v:.4g}" for v in row[:_SHOWN]) + more] for row in taken]
        return Cells([f"{taken.shape[1]} numbers"], lines)


def _groups(x: np.ndarray, cosine: bool, n_jobs: int) -> np.ndarray:
    """Return the group of equal vectors of each; zeros have none but their own for the cosine."""
    n, width = x.shape
    raw = (x + x.dtype.type(0)).reshape(-1).view(np.uint8)  # -0.0 becomes 0.0
    offsets = np.arange(n + 1, dtype=np.int64) * (width * x.dtype.itemsize)
    group = _core.equal_rows(n, [((offsets, raw), None)], n_jobs=n_jobs)
    if not cosine or x.any(axis=1).all():
        return group
    first = np.unique(group, return_index=True)[1][group]
    return numbered(np.where(x.any(axis=1), first, np.arange(n)))
