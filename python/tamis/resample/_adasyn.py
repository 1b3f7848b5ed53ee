"""More rows where other classes are near."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.utils import check_random_state

from tamis.exceptions import DataError, UnsuitedError
from tamis.resample._near import Search
from tamis.resample._rows import Made
from tamis.resample._smote import BaseSMOTE

__all__ = ["ADASYN"]


class ADASYN(BaseSMOTE):
    """Make rows of the rare classes, the more the more neighbours are of other classes.

    Parameters
    ----------
    sampling_strategy : float, str, dict or callable, default='auto'
        The rows wanted, as in `RandomOverSampler`; rounding by row makes some more or less.
    random_state : int, RandomState or None, default=None
        Draws are those of imbalanced-learn.
    n_neighbors : int or estimator, default=5
        Neighbours of any class that say how many rows are made, and neighbours of the class that
        they are made with; or a search with one more, as in `SMOTE`.
    n_jobs : int or None, default=None
        Threads; None is all cores. The result is the same for any number.

    Attributes
    ----------
    sampling_strategy_ : dict
        The rows asked for of each class.
    nn_ : estimator
        The search for neighbours; fitted only where it was given.
    source_index_ : ndarray of shape (n_rows_out, 2), int64
        The rows each row lies between; originals (i, i).
    n_features_in_ : int
        Columns seen.
    feature_names_in_ : ndarray of str
        Their names, where they had any.

    Raises
    ------
    UnsuitedError
        If no row of a class has a neighbour of another one.

    Notes
    -----
    H. He, Y. Bai, E. A. Garcia and S. Li, ADASYN: adaptive synthetic sampling approach for
    imbalanced learning, IJCNN 2008.

    Examples
    --------
    >>> import numpy as np
    >>> from tamis.resample import ADASYN
    >>> X = np.array([[0.0], [1.0], [2.0], [3.0], [2.6], [9.0]])
    >>> X_out, y_out = ADASYN(n_neighbors=1, random_state=0).fit_resample(X, [0, 0, 0, 0, 1, 1])
    >>> X_out[6:].round(2).tolist()
    [[6.11], [4.42]]
    """

    def __init__(
        self,
        *,
        sampling_strategy: Any = "auto",
        random_state: Any = None,
        n_neighbors: Any = 5,
        n_jobs: int | None = None,
    ) -> None:
        self.sampling_strategy = sampling_strategy
        self.random_state = random_state
        self.n_neighbors = n_neighbors
        self.n_jobs = n_jobs

    def _prepare(self) -> None:
        self._near = Search(self.n_neighbors, self.n_jobs)
        self.nn_ = self._near.estimator
        self._rng = check_random_state(self.random_state)

    def _of_class(self, cells: Any, y: np.ndarray, label: Any, n: int) -> list[Made]:
        own = np.flatnonzero(y == label)
        near = self._near.others(cells, np.arange(len(y)), own)
        k = self._near.size - 1
        share = np.sum(y[near] != label, axis=1) / k
        if not share.sum():
            raise UnsuitedError(
                f"no row of class {label!r} has a neighbour of another class: ADASYN does not say "
                "where to make rows; use SMOTE"
            )
        counts = np.rint(share / share.sum() * n).astype(np.int64)
        total = int(counts.sum())
        if not total:
            raise DataError(
                f"{n} rows of class {label!r}, spread over its {len(own)}, round to none: ask for "
                "more, or use SMOTE"
            )
        near = self._near.others(cells, own, own, f"class {label!r}")
        rows = np.repeat(np.arange(len(own)), counts)
        column = self._rng.choice(k, size=total)
        step = self._rng.uniform(size=(total, 1))[:, 0]
        return [Made(own[rows], near[rows, column], step)]
