"""Rows of the common classes kept for their distance to the rare one."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
from sklearn.metrics import pairwise_distances_chunked

from tamis.resample._base import BaseSampler
from tamis.resample._near import Search
from tamis.resample._strategy import UNDER

__all__ = ["NearMiss"]

#: Megabytes of distances at a time.
_MEMORY = 32


class NearMiss(BaseSampler):
    """Keep rows of the common classes by their distance to rows of the smallest one.

    Parameters
    ----------
    sampling_strategy : float, str, dict or callable, default='auto'
        The rows kept, as in `RandomUnderSampler`.
    version : {1, 2, 3}, default=1
        1 keeps rows whose nearest rows of the smallest class are near; 2 those whose farthest
        are; 3 takes the nearest of each row of the smallest class, and of these those whose
        nearest are far.
    n_neighbors : int or estimator, default=3
        How many nearest (or farthest) rows count; or a search with as many.
    n_neighbors_ver3 : int or estimator, default=3
        How many rows version 3 takes for each row of the smallest class.
    n_jobs : int or None, default=None
        Threads; None is all cores.

    Attributes
    ----------
    sampling_strategy_ : dict
        The rows kept of each class.
    nn_, nn_ver3_ : estimator
        The searches for neighbours (the second for version 3 alone).
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
    I. Mani and I. Zhang, kNN approach to unbalanced data distributions, 2003.

    Examples
    --------
    >>> import numpy as np
    >>> from tamis.resample import NearMiss
    >>> X = np.array([[0.0], [1.0], [2.0], [3.0], [2.6], [9.0]])
    >>> sampler = NearMiss(n_neighbors=1)
    >>> sampler.fit_resample(X, [0, 0, 0, 0, 1, 1])[1]
    [0, 0, 1, 1]
    >>> sampler.sample_indices_
    array([3, 2, 4, 5])
    """

    _kind = UNDER
    _takes = True

    def __init__(
        self,
        *,
        sampling_strategy: Any = "auto",
        version: int = 1,
        n_neighbors: Any = 3,
        n_neighbors_ver3: Any = 3,
        n_jobs: int | None = None,
    ) -> None:
        self.sampling_strategy = sampling_strategy
        self.version = version
        self.n_neighbors = n_neighbors
        self.n_neighbors_ver3 = n_neighbors_ver3
        self.n_jobs = n_jobs

    def _resample(self, cells: Any, y: np.ndarray) -> tuple[Any, ...]:
        near = Search(self.n_neighbors, self.n_jobs, own=0)
        self.nn_ = near.estimator.set_params(n_jobs=self.n_jobs)
        near3 = None
        if self.version == 3:
            near3 = Search(self.n_neighbors_ver3, self.n_jobs, own=0)
            self.nn_ver3_ = near3.estimator.set_params(n_jobs=self.n_jobs)
        classes, counts = np.unique(y, return_counts=True)
        # Of equally small classes the one that comes first in the data, as a Counter has them.
        least = y[np.isin(y, classes[counts == counts.min()])][0]
        rare = np.flatnonzero(y == least)
        kept = []
        for label in classes.tolist():
            own = np.flatnonzero(y == label)
            if label in self.sampling_strategy_:
                own = self._chosen(cells, own, rare, self.sampling_strategy_[label], near, near3)
            kept.append(own)
        return np.concatenate(kept), None

    def _chosen(
        self, cells: Any, own: np.ndarray, rare: np.ndarray, n: int, near: Search, near3: Any
    ) -> np.ndarray:
        if near3 is not None:
            own = np.unique(near3.distances(cells, own, rare, near3.size)[1])
        if self.version == 2 and not near.given:
            far = self._farthest(cells, own, rare, near.size)
        else:
            k = len(rare) if self.version == 2 else near.size
            far = near.distances(cells, rare, own, k)[0][:, -near.size :].sum(axis=1)
        if len(own) < n:
            warnings.warn(
                f"{n} rows of a class are asked for, and {len(own)} are left: all are returned",
                stacklevel=4,
            )
        return own[np.argsort(-far if self.version == 3 else far, kind="stable")[:n]]

    def _farthest(self, cells: Any, own: np.ndarray, rare: np.ndarray, k: int) -> np.ndarray:
        """Return the sum of the distances to the `k` farthest rare rows."""
        k = min(k, len(rare))

        def sums(distances: np.ndarray, start: int) -> np.ndarray:
            last = np.partition(distances, -k, axis=1)[:, -k:]
            return np.sort(last, axis=1).sum(axis=1)

        chunks = pairwise_distances_chunked(
            cells[own], cells[rare], n_jobs=self.n_jobs, working_memory=_MEMORY, reduce_func=sums
        )
        return np.concatenate(list(chunks))
