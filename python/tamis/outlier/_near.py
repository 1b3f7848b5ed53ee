"""The nearest neighbours that KNNDetector and LocalOutlierFactor stand on."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import sparse
from sklearn.neighbors import NearestNeighbors
from sklearn.utils.validation import check_is_fitted

from tamis import _core, _progress, _threads
from tamis.exceptions import ParameterError
from tamis.outlier._base import validated, whole

_EUCLIDEAN = ("euclidean", "l2")
#: Differences that an explanation holds at a time.
_CELLS = 1 << 22


class NearMixin:
    """Searches for neighbours: our kernel for Euclidean distances, scikit-learn for others.

    A subclass has the parameters `n_neighbors`, `metric`, `p`, `metric_params`, `n_jobs`, and may
    have `algorithm` and `leaf_size`, which our kernel has no use for.
    """

    n_neighbors: int
    metric: Any
    p: float
    metric_params: dict[str, Any] | None
    n_jobs: int | None

    def _prepare(self, X: Any, *, fitting: bool) -> Any:
        """Return rows without missing cells: they are the median of their column."""
        kind = {} if self.metric != "precomputed" else {"ensure_all_finite": True}
        X = validated(self, X, fitting=fitting, accept_sparse="csr", **kind)
        if sparse.issparse(X) or self.metric == "precomputed":
            if np.isnan(X.data if sparse.issparse(X) else X).any():
                raise ParameterError("a sparse matrix or one of distances cannot hold NaN here")
            return X
        if fitting:
            self._medians = _medians(X)
        holes = np.isnan(X)
        return np.where(holes, self._medians.astype(X.dtype), X) if holes.any() else X

    def _native(self) -> bool:
        """Whether distances are Euclidean ones between dense rows."""
        plain = not self.metric_params
        euclidean = self.metric in _EUCLIDEAN or (self.metric == "minkowski" and self.p == 2)
        return bool(plain and euclidean and not sparse.issparse(self._fit_X))

    def _remember(self, X: Any) -> None:
        """Take rows as those that neighbours are looked for among."""
        whole("n_neighbors", self.n_neighbors)
        self._fit_X = X
        self.n_samples_fit_ = X.shape[0]
        if self._native():
            self.effective_metric_, self.effective_metric_params_ = "euclidean", {}
            return
        self._search = self._peer()
        self.effective_metric_ = self._search.effective_metric_
        self.effective_metric_params_ = self._search.effective_metric_params_

    def _peer(self) -> NearestNeighbors:
        """Return scikit-learn's search among the training rows."""
        return NearestNeighbors(
            n_neighbors=self.n_neighbors,
            algorithm="brute" if self._native() else getattr(self, "algorithm", "auto"),
            leaf_size=getattr(self, "leaf_size", 30),
            metric=self.metric,
            p=self.p,
            metric_params=self.metric_params,
            n_jobs=self.n_jobs,
        ).fit(self._fit_X)

    def kneighbors(
        self, X: Any = None, n_neighbors: int | None = None, return_distance: bool = True
    ) -> Any:
        """Return the nearest training rows of each row.

        Parameters
        ----------
        X : array-like of shape (n_rows, n_features), optional
            The rows; without them, each training row's nearest others.
        n_neighbors : int, optional
            How many; by default `n_neighbors`.
        return_distance : bool, default=True
            Whether distances are returned too.

        Returns
        -------
        distances : ndarray of shape (n_rows, n_neighbors), float64
            Only where `return_distance`.
        rows : ndarray of shape (n_rows, n_neighbors), int64
            Positions among the training rows, the nearest first.
        """
        check_is_fitted(self)
        if X is not None:
            X = self._prepare(X, fitting=False)
        found = self._nearest(X, self.n_neighbors if n_neighbors is None else n_neighbors)
        return found if return_distance else found[1]

    def kneighbors_graph(
        self, X: Any = None, n_neighbors: int | None = None, mode: str = "connectivity"
    ) -> Any:
        """Return the graph of neighbours as a sparse matrix, as scikit-learn's class does.

        Parameters
        ----------
        X : array-like of shape (n_rows, n_features), optional
            The rows; without them, the training rows.
        n_neighbors : int, optional
            How many; by default `n_neighbors`.
        mode : {'connectivity', 'distance'}, default='connectivity'
            Ones, or distances.

        Returns
        -------
        csr matrix of shape (n_rows, n_training_rows)
        """
        check_is_fitted(self)
        if X is not None:
            X = self._prepare(X, fitting=False)
        return self._peer().kneighbors_graph(X, n_neighbors, mode)

    def _nearest(self, X: Any, k: int) -> tuple[np.ndarray, np.ndarray]:
        """Return distances and positions of the `k` nearest of prepared rows."""
        k, n = whole("n_neighbors", k), self.n_samples_fit_
        if k > n - (X is None):
            rows = n if X is None else X.shape[0]
            raise ParameterError(
                f"Expected n_neighbors {'<' if X is None else '<='} n_samples_fit, but "
                f"n_neighbors = {k}, n_samples_fit = {n}, n_samples = {rows}"
            )
        if not self._native():
            return self._search.kneighbors(X, k)
        if sparse.issparse(X):
            X = X.toarray()
        if X is not None:
            X = X.astype(self._fit_X.dtype, copy=False)
        jobs = _threads.resolve(self.n_jobs)
        with _progress.bar(None, "blocks of rows") as bar:
            tell = _progress.kernel_callback(bar)
            distances, rows = _core.nearest_rows(self._fit_X, X, k, jobs, tell)
        return distances.reshape(-1, k), rows.reshape(-1, k).astype(np.int64)

    def _gaps(self, X: np.ndarray, rows: np.ndarray, weights: np.ndarray) -> np.ndarray:
        """Return each feature's share of the squared distances to neighbours, by row."""
        out = np.zeros(X.shape, dtype=np.float64)
        step = max(1, _CELLS // max(1, rows.shape[1] * X.shape[1]))
        for start in range(0, len(X), step):
            part = slice(start, start + step)
            gaps = (X[part, None, :] - self._fit_X[rows[part]]).astype(np.float64)
            out[part] = np.einsum("ikf,ik->if", gaps**2, weights[part])
        total = out.sum(axis=1, keepdims=True)
        return np.divide(out, total, out=np.zeros_like(out), where=total > 0)


def _medians(X: np.ndarray) -> np.ndarray:
    """Return the median of each column's known values; 0 where none is known."""
    holes = np.isnan(X)
    if not holes.any():
        return np.median(X, axis=0)
    known = ~holes.all(axis=0)
    out = np.zeros(X.shape[1], dtype=X.dtype)
    out[known] = np.nanmedian(X[:, known], axis=0)
    return out
