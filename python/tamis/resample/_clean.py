"""Rows removed because of their neighbours."""

from __future__ import annotations

from typing import Any

import numpy as np

from tamis.resample._base import BaseSampler
from tamis.resample._near import Search
from tamis.resample._strategy import CLEAN

__all__ = ["AllKNN", "EditedNearestNeighbours", "RepeatedEditedNearestNeighbours", "TomekLinks"]


class _Cleaner(BaseSampler):
    _kind = CLEAN
    _takes = True

    n_jobs: int | None


class TomekLinks(_Cleaner):
    """Remove rows that are the nearest of a row of another class, and it theirs.

    Parameters
    ----------
    sampling_strategy : str, list or callable, default='auto'
        The classes that rows are removed from: 'majority', 'not minority' (which 'auto' is),
        'not majority', 'all' or a list.
    n_jobs : int or None, default=None
        Threads; None is all cores.

    Attributes
    ----------
    sampling_strategy_ : dict
        The classes cleaned, as its keys.
    sample_indices_ : ndarray of shape (n_rows_out,), int64
        The rows that stay.
    source_index_ : ndarray of shape (n_rows_out, 2), int64
        The same, twice.
    n_features_in_ : int
        Columns seen.
    feature_names_in_ : ndarray of str
        Their names, where they had any.

    Notes
    -----
    I. Tomek, Two modifications of CNN, 1976.

    Examples
    --------
    >>> import numpy as np
    >>> from tamis.resample import TomekLinks
    >>> cleaner = TomekLinks()
    >>> cleaner.fit_resample(np.array([[0.0], [1.0], [1.1], [3.0], [4.0]]), [0, 0, 1, 1, 0])[1]
    [0, 1, 1]
    >>> cleaner.sample_indices_
    array([0, 2, 3])
    """

    def __init__(self, *, sampling_strategy: Any = "auto", n_jobs: int | None = None) -> None:
        self.sampling_strategy = sampling_strategy
        self.n_jobs = n_jobs

    @staticmethod
    def is_tomek(y: np.ndarray, nn_index: np.ndarray, class_type: Any) -> np.ndarray:
        """Return whether each row is to go, for the nearest of each and the classes cleaned."""
        y, nearest = np.asarray(y), np.asarray(nn_index)
        cleaned = np.isin(y, list(class_type))
        mutual = nearest[nearest] == np.arange(len(y))
        return cleaned & mutual & (y[nearest] != y)

    def _resample(self, cells: Any, y: np.ndarray) -> tuple[Any, ...]:
        rows = np.arange(len(y))
        nearest = Search(1, self.n_jobs).others(cells, rows, rows)[:, 0]
        return np.flatnonzero(~self.is_tomek(y, nearest, self.sampling_strategy_)), None


class EditedNearestNeighbours(_Cleaner):
    """Remove rows that their neighbours contradict.

    Parameters
    ----------
    sampling_strategy : str, list or callable, default='auto'
        The classes that rows are removed from, as in `TomekLinks`.
    n_neighbors : int or estimator, default=3
        How many neighbours; or a search with one more, which is then used.
    kind_sel : {'all', 'mode'}, default='all'
        Whether all neighbours have to be of the row's class for it to stay, or its class has to
        be the most frequent among them (of equally frequent ones the first).
    n_jobs : int or None, default=None
        Threads; None is all cores.

    Attributes
    ----------
    sampling_strategy_ : dict
        The classes cleaned, as its keys.
    nn_ : estimator
        The search for neighbours; fitted only where it was given.
    sample_indices_ : ndarray of shape (n_rows_out,), int64
        The rows that stay, class by class.
    source_index_ : ndarray of shape (n_rows_out, 2), int64
        The same, twice.
    n_features_in_ : int
        Columns seen.
    feature_names_in_ : ndarray of str
        Their names, where they had any.

    Notes
    -----
    D. L. Wilson, Asymptotic properties of nearest neighbor rules using edited data, 1972.

    Examples
    --------
    >>> import numpy as np
    >>> from tamis.resample import EditedNearestNeighbours
    >>> X = np.array([[0.0], [0.1], [0.2], [5.0], [5.1], [5.2], [5.3]])
    >>> cleaner = EditedNearestNeighbours(n_neighbors=2)
    >>> cleaner.fit_resample(X, [0, 0, 0, 0, 1, 1, 1])[1]
    [0, 0, 0, 1, 1, 1]
    """

    def __init__(
        self,
        *,
        sampling_strategy: Any = "auto",
        n_neighbors: Any = 3,
        kind_sel: str = "all",
        n_jobs: int | None = None,
    ) -> None:
        self.sampling_strategy = sampling_strategy
        self.n_neighbors = n_neighbors
        self.kind_sel = kind_sel
        self.n_jobs = n_jobs

    def _resample(self, cells: Any, y: np.ndarray) -> tuple[Any, ...]:
        search = Search(self.n_neighbors, self.n_jobs)
        self.nn_ = search.estimator.set_params(n_jobs=self.n_jobs)
        return self._edit(search, cells, y, list(self.sampling_strategy_)), None

    def _edit(self, search: Search, cells: Any, y: np.ndarray, cleaned: list[Any]) -> np.ndarray:
        classes, codes = np.unique(y, return_inverse=True)
        asked = np.flatnonzero(np.isin(y, cleaned))
        near = codes[search.others(cells, np.arange(len(y)), asked)]
        if self.kind_sel == "all":
            agree = (near == codes[asked, None]).all(axis=1)
        else:
            counts = np.stack([(near == c).sum(axis=1) for c in range(len(classes))], axis=1)
            agree = counts.argmax(axis=1) == codes[asked]
        stays = np.ones(len(y), dtype=bool)
        stays[asked] = agree
        rows = np.flatnonzero(stays)
        return rows[np.argsort(codes[rows], kind="stable")]


class _Rounds(_Cleaner):
    """Cleaning in rounds, by an EditedNearestNeighbours."""

    n_neighbors: Any
    kind_sel: str

    def _prepare(self) -> Search:
        search = Search(self.n_neighbors, self.n_jobs)
        self.nn_ = search.estimator
        self.enn_ = EditedNearestNeighbours(
            sampling_strategy=self.sampling_strategy,
            n_neighbors=self.n_neighbors,
            kind_sel=self.kind_sel,
            n_jobs=self.n_jobs,
        )
        return search

    def _spent(self, before: np.ndarray, after: np.ndarray) -> tuple[bool, bool]:
        """Return whether a class fell below the first minority, and whether one is gone."""
        classes, counts = np.unique(before, return_counts=True)
        # Of equally small classes the one that comes first in the data, as a Counter has them.
        small = classes[counts == counts.min()]
        least = before[np.isin(before, small)][0]
        left, sizes = np.unique(after, return_counts=True)
        below = bool((sizes[left != least] < counts.min()).any())
        return below, len(left) < len(classes)


class RepeatedEditedNearestNeighbours(_Rounds):
    """Repeat `EditedNearestNeighbours` until nothing is removed.

    Parameters
    ----------
    sampling_strategy : str, list or callable, default='auto'
        The classes that rows are removed from, as in `TomekLinks`.
    n_neighbors : int or estimator, default=3
        How many neighbours; or a search with one more, which is then used.
    max_iter : int, default=100
        The most rounds.
    kind_sel : {'all', 'mode'}, default='all'
        As in `EditedNearestNeighbours`.
    n_jobs : int or None, default=None
        Threads; None is all cores.

    Attributes
    ----------
    sampling_strategy_ : dict
        The classes cleaned, as its keys.
    nn_ : estimator
        The search for neighbours.
    enn_ : EditedNearestNeighbours
        The cleaner of the rounds.
    n_iter_ : int
        Rounds.
    sample_indices_ : ndarray of shape (n_rows_out,), int64
        The rows that stay, in the order they come out.
    source_index_ : ndarray of shape (n_rows_out, 2), int64
        The same, twice.
    n_features_in_ : int
        Columns seen.
    feature_names_in_ : ndarray of str
        Their names, where they had any.

    Notes
    -----
    I. Tomek, An experiment with the edited nearest-neighbor rule, 1976.

    Examples
    --------
    >>> import numpy as np
    >>> from tamis.resample import RepeatedEditedNearestNeighbours
    >>> X = np.array([[0.0], [0.1], [0.2], [5.0], [5.1], [5.2], [5.3]])
    >>> cleaner = RepeatedEditedNearestNeighbours(n_neighbors=2)
    >>> cleaner.fit_resample(X, [0, 0, 0, 0, 1, 1, 1])[1], cleaner.n_iter_
    ([0, 0, 0, 1, 1, 1], 2)
    """

    def __init__(
        self,
        *,
        sampling_strategy: Any = "auto",
        n_neighbors: Any = 3,
        max_iter: int = 100,
        kind_sel: str = "all",
        n_jobs: int | None = None,
    ) -> None:
        self.sampling_strategy = sampling_strategy
        self.n_neighbors = n_neighbors
        self.max_iter = max_iter
        self.kind_sel = kind_sel
        self.n_jobs = n_jobs

    def _resample(self, cells: Any, y: np.ndarray) -> tuple[Any, ...]:
        self._prepare()
        rows = np.arange(len(y))
        for step in range(self.max_iter):
            self.n_iter_ = step + 1
            kept = self.enn_.fit(cells[rows], y[rows])._resample(cells[rows], y[rows])[0]
            same = len(kept) == len(rows)
            rows = rows[kept]
            if same or any(self._spent(y, y[rows])):
                break
        return rows, None


class AllKNN(_Rounds):
    """Repeat `EditedNearestNeighbours` with one, two and more neighbours.

    Parameters
    ----------
    sampling_strategy : str, list or callable, default='auto'
        The classes that rows are removed from, as in `TomekLinks`.
    n_neighbors : int or estimator, default=3
        The most neighbours; or a search with one more.
    kind_sel : {'all', 'mode'}, default='all'
        As in `EditedNearestNeighbours`.
    allow_minority : bool, default=False
        Whether to go on where a class becomes smaller than the smallest was.
    n_jobs : int or None, default=None
        Threads; None is all cores.

    Attributes
    ----------
    sampling_strategy_ : dict
        The classes cleaned, as its keys.
    nn_ : estimator
        The search for neighbours.
    enn_ : EditedNearestNeighbours
        The cleaner of the rounds.
    sample_indices_ : ndarray of shape (n_rows_out,), int64
        The rows that stay, in the order they come out.
    source_index_ : ndarray of shape (n_rows_out, 2), int64
        The same, twice.
    n_features_in_ : int
        Columns seen.
    feature_names_in_ : ndarray of str
        Their names, where they had any.

    Notes
    -----
    I. Tomek, An experiment with the edited nearest-neighbor rule, 1976.

    Examples
    --------
    >>> import numpy as np
    >>> from tamis.resample import AllKNN
    >>> X = np.array([[0.0], [0.1], [0.2], [5.0], [5.1], [5.2], [5.3]])
    >>> AllKNN(n_neighbors=2).fit_resample(X, [0, 0, 0, 0, 1, 1, 1])[1]
    [0, 0, 0, 1, 1, 1]
    """

    def __init__(
        self,
        *,
        sampling_strategy: Any = "auto",
        n_neighbors: Any = 3,
        kind_sel: str = "all",
        allow_minority: bool = False,
        n_jobs: int | None = None,
    ) -> None:
        self.sampling_strategy = sampling_strategy
        self.n_neighbors = n_neighbors
        self.kind_sel = kind_sel
        self.allow_minority = allow_minority
        self.n_jobs = n_jobs

    def _resample(self, cells: Any, y: np.ndarray) -> tuple[Any, ...]:
        most = self._prepare().size
        rows = np.arange(len(y))
        for k in range(1, most):
            self.enn_.n_neighbors = k
            kept = self.enn_.fit(cells[rows], y[rows])._resample(cells[rows], y[rows])[0]
            rows = rows[kept]
            below, gone = self._spent(y, y[rows])
            if gone or (below and not self.allow_minority):
                break
        return rows, None
