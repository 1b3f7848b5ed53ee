"""The nearest other rows, by our kernel or by the estimator that was given."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import sparse
from sklearn.base import clone
from sklearn.neighbors import NearestNeighbors

from tamis import _core, _progress, _threads
from tamis.exceptions import DataError
from tamis.resample._params import is_searcher

__all__ = ["Search"]


class Search:
    """Finds neighbours among the rows of a matrix.

    Parameters
    ----------
    given : int or estimator
        How many others of each row, or an estimator that counts the row itself too.
    n_jobs : int or None
        Threads of our kernel.
    own : int, default=1
        What is added to a number for the estimator of the attribute: the row itself.
    """

    def __init__(self, given: Any, n_jobs: int | None, own: int = 1) -> None:
        self.given = is_searcher(given)
        self.n_jobs = n_jobs
        #: What imbalanced-learn shows as nn_k_ and the like.
        self.estimator = clone(given) if self.given else NearestNeighbors(n_neighbors=given + own)

    @property
    def size(self) -> int:
        """How many rows are looked at for each row, itself included."""
        return int(self.estimator.n_neighbors)

    def others(self, cells: Any, among: np.ndarray, rows: np.ndarray, what: str = "") -> np.ndarray:
        """Return the nearest other rows of `rows`, which are some of those in `among`.

        Equally near ones come in the order of the rows. An estimator that was given is asked, and
        its first answer is taken to be the row itself.
        """
        k = self.size - 1
        if not self.given:
            self.check_size(len(among), len(rows), what or "the table")
        data = cells if len(among) == cells.shape[0] else cells[among]
        if self.given or sparse.issparse(cells):
            self.estimator.fit(data)
            found = self.estimator.kneighbors(cells[rows], return_distance=False)[:, 1:]
            return among[found]
        data = _floats(data)
        if np.array_equal(rows, among):
            return among[self._kernel(data, None, k)]
        return among[self._without_self(data, np.searchsorted(among, rows), k)]

    def check_size(self, there: int, asked: int, what: str) -> None:
        """Raise DataError if there are too few rows for so many neighbours."""
        if self.size > there:
            raise DataError(
                f"{what} has {there} rows, too few for {self.size - 1} neighbours of each. "
                f"Expected n_neighbors <= n_samples_fit, but n_neighbors = {self.size}, "
                f"n_samples_fit = {there}, n_samples = {asked}: ask for fewer neighbours, or "
                "leave the class out of sampling_strategy"
            )

    def _without_self(self, data: np.ndarray, places: np.ndarray, k: int) -> np.ndarray:
        """Return the others of some rows of `data`: of one more, all but the row itself."""
        found = self._kernel(data, data[places], k + 1)
        other = found != places[:, None]
        # Of many copies the row itself may not be among the first.
        other[other.all(axis=1), -1] = False
        return found[other].reshape(-1, k)

    def distances(self, cells: Any, among: np.ndarray, rows: np.ndarray, k: int) -> Any:
        """Return distances to, and positions of, the `k` nearest of `among`."""
        if k > len(among):
            raise DataError(
                f"Expected n_neighbors <= n_samples_fit, but n_neighbors = {k}, "
                f"n_samples_fit = {len(among)}, n_samples = {len(rows)}: ask for fewer neighbours"
            )
        if self.given or sparse.issparse(cells):
            self.estimator.fit(cells[among])
            gaps, found = self.estimator.kneighbors(cells[rows], n_neighbors=k)
            return gaps, among[found]
        data = _floats(cells[among])
        gaps, found = self._search(data, _floats(cells[rows]), k)
        return gaps, among[found]

    def _kernel(self, data: np.ndarray, queries: np.ndarray | None, k: int) -> np.ndarray:
        return self._search(data, queries, k)[1]

    def _search(self, data: np.ndarray, queries: np.ndarray | None, k: int) -> Any:
        with _progress.bar(None, "blocks of rows") as bar:
            tell = _progress.kernel_callback(bar)
            jobs = _threads.resolve(self.n_jobs)
            gaps, found = _core.nearest_rows(data, queries, k, jobs, tell)
        return gaps.reshape(-1, k), found.reshape(-1, k).astype(np.int64)


def _floats(cells: np.ndarray) -> np.ndarray:
    """Return cells as the kernel takes them: their own precision, or double."""
    return cells if cells.dtype in (np.float32, np.float64) else cells.astype(np.float64)
