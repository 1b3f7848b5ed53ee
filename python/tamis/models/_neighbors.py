"""Neighbours that vote or average, found by our kernel where distances are Euclidean."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import sparse
from sklearn import neighbors
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted

from tamis import _core, _progress
from tamis._check import naming, validated
from tamis._threads import resolve

__all__ = ["KNeighborsClassifier", "KNeighborsRegressor"]

_EUCLIDEAN = ("euclidean", "l2")
#: What can be given in the place of rows.
_FITTED = (BaseEstimator, neighbors.KDTree, neighbors.BallTree)


class _Near:
    """What the two share, in front of scikit-learn's class: the search."""

    n_neighbors: int
    weights: Any
    algorithm: str
    p: float
    metric: Any
    metric_params: dict[str, Any] | None
    n_jobs: int | None
    #: The training rows, and the codes or numbers of their targets, where our kernel is used.
    _rows: Any
    _own: Any

    def fit(self, X: Any, y: Any) -> Any:
        """Fit the model.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)
            Or of shape (n_samples, n_samples) where the metric is 'precomputed'.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)

        Returns
        -------
        self
        """
        self._rows = None
        if not self._native() or sparse.issparse(X) or isinstance(X, _FITTED):
            return super().fit(X, y)  # type: ignore[misc]
        algorithm = self.algorithm
        if algorithm == "auto":
            # Our kernel has a tree of its own.
            self.algorithm = "brute"
        try:
            with naming(self, X):
                super().fit(X, y)  # type: ignore[misc]
        finally:
            self.algorithm = algorithm
        kinds = (np.float64, np.float32)
        self._rows = validated(self, X, reset=False, dtype=kinds, order="C")
        return self

    def _native(self) -> bool:
        """Whether distances are Euclidean."""
        euclidean = isinstance(self.metric, str) and (
            self.metric in _EUCLIDEAN or (self.metric == "minkowski" and self.p == 2)
        )
        return bool(euclidean and not self.metric_params)

    def kneighbors(
        self, X: Any = None, n_neighbors: Any = None, return_distance: bool = True
    ) -> Any:
        """Return the nearest training rows of each row.

        Parameters
        ----------
        X : array-like of shape (n_queries, n_features), optional
            The rows; without them, each training row's nearest others.
        n_neighbors : int, optional
            How many; by default `n_neighbors`.
        return_distance : bool, default=True
            Whether distances are returned too.

        Returns
        -------
        distances : ndarray of shape (n_queries, n_neighbors)
            Only where `return_distance`.
        rows : ndarray of shape (n_queries, n_neighbors), int64
            Positions among the training rows: the nearest first, of equally near ones the first.
        """
        check_is_fitted(self)
        rows = self._rows
        k = self.n_neighbors if n_neighbors is None else n_neighbors
        whole = isinstance(k, int | np.integer) and not isinstance(k, bool)
        most = 0 if rows is None else len(rows) - (X is None)
        if rows is None or sparse.issparse(X) or not whole or not 0 < k <= most:
            # Other distances; and errors, whose words are scikit-learn's.
            return super().kneighbors(X, n_neighbors, return_distance)  # type: ignore[misc]
        if X is not None:
            X = validated(self, X, reset=False, dtype=rows.dtype, order="C")
        with _progress.bar(None, "neighbours") as bar:
            distances, found = _core.nearest_rows(
                rows, X, int(k), resolve(self.n_jobs), _progress.kernel_callback(bar)
            )
        found = found.reshape(-1, k).astype(np.intp)
        return (distances.reshape(-1, k), found) if return_distance else found

    def _voters(self, X: Any) -> tuple[np.ndarray, np.ndarray | None]:
        """Return the neighbours of each row and their weights; None where all are equal."""
        if self.weights in ("uniform", None):
            return self.kneighbors(X, return_distance=False), None
        distances, found = self.kneighbors(X)
        with np.errstate(divide="ignore"):
            weights = 1.0 / distances
        same = np.isinf(weights)
        hit = same.any(axis=1)
        weights[hit] = same[hit]
        return found, weights

    def _votes(self) -> bool:
        """Whether our own voting knows the weights and the targets."""
        plain = isinstance(self.weights, str | None)
        return plain and self._rows is not None and self._own is not None


class KNeighborsClassifier(_Near, neighbors.KNeighborsClassifier):
    """Classes by the votes of the nearest rows.

    A drop-in for scikit-learn's class of this name, which it is underneath: where distances are
    Euclidean and rows are dense, neighbours are found by our kernel, and votes counted here; for
    the rest scikit-learn does the work. Equally near rows count in the order of the training rows.

    Parameters
    ----------
    n_neighbors : int, default=5
        How many neighbours vote.
    weights : {'uniform', 'distance'}, callable or None, default='uniform'
        Equal votes, or votes of ``1 / distance``.
    algorithm : {'auto', 'ball_tree', 'kd_tree', 'brute'}, default='auto'
        For other distances than Euclidean ones; our kernel chooses for itself.
    leaf_size : int, default=30
        For scikit-learn's trees.
    p : float, default=2
        The power of the Minkowski distance.
    metric : str or callable, default='minkowski'
        The distance.
    metric_params : dict, optional
        Its further arguments.
    n_jobs : int, optional
        Threads; None uses all cores, 1 in a worker process.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,), or a list of them
    effective_metric_ : str or callable
    n_samples_fit_ : int
    outputs_2d_ : bool
    n_features_in_ : int
    feature_names_in_ : ndarray of str

    Examples
    --------
    >>> from tamis.models import KNeighborsClassifier
    >>> model = KNeighborsClassifier(n_neighbors=3).fit([[0.0], [1.0], [2.0], [3.0]], [0, 0, 1, 1])
    >>> model.predict_proba([[0.9]]).round(3)
    array([[0.667, 0.333]])
    """

    def fit(self, X: Any, y: Any) -> KNeighborsClassifier:
        super().fit(X, y)
        self._own = None
        if self._rows is not None and not self.outputs_2d_:
            self._own = np.searchsorted(self.classes_, np.asarray(y).ravel()).astype(np.intp)
        return self

    def predict(self, X: Any) -> np.ndarray:
        """Return the class of each row, shape (n_queries,) or (n_queries, n_outputs)."""
        check_is_fitted(self)
        if not self._votes():
            return np.asarray(super().predict(X))
        return np.asarray(self.classes_[self._counted(X).argmax(axis=1)])

    def predict_proba(self, X: Any) -> Any:
        """Return the share of each class in the votes, shape (n_queries, n_classes).

        A list of such arrays where there are several outputs.
        """
        check_is_fitted(self)
        if not self._votes():
            return super().predict_proba(X)
        votes = self._counted(X)
        return votes / votes.sum(axis=1, keepdims=True)

    def _counted(self, X: Any) -> np.ndarray:
        found, weights = self._voters(X)
        votes = np.zeros((len(found), len(self.classes_)))
        every = np.arange(len(found))
        for j, codes in enumerate(self._own[found].T):
            votes[every, codes] += 1.0 if weights is None else weights[:, j]
        return votes


class KNeighborsRegressor(_Near, neighbors.KNeighborsRegressor):
    """Numbers by the mean of the nearest rows.

    A drop-in for scikit-learn's class of this name, which it is underneath: where distances are
    Euclidean and rows are dense, neighbours are found by our kernel; for the rest scikit-learn
    does the work. Equally near rows count in the order of the training rows.

    Parameters
    ----------
    n_neighbors : int, default=5
        How many neighbours count.
    weights : {'uniform', 'distance'}, callable or None, default='uniform'
        The plain mean, or one weighed by ``1 / distance``.
    algorithm : {'auto', 'ball_tree', 'kd_tree', 'brute'}, default='auto'
        For other distances than Euclidean ones; our kernel chooses for itself.
    leaf_size : int, default=30
        For scikit-learn's trees.
    p : float, default=2
        The power of the Minkowski distance.
    metric : str or callable, default='minkowski'
        The distance.
    metric_params : dict, optional
        Its further arguments.
    n_jobs : int, optional
        Threads; None uses all cores, 1 in a worker process.

    Attributes
    ----------
    effective_metric_ : str or callable
    n_samples_fit_ : int
    n_features_in_ : int
    feature_names_in_ : ndarray of str

    Examples
    --------
    >>> from tamis.models import KNeighborsRegressor
    >>> model = KNeighborsRegressor(n_neighbors=2).fit([[0.0], [1.0], [2.0]], [0.0, 1.0, 4.0])
    >>> model.predict([[0.2]])
    array([0.5])
    """

    def fit(self, X: Any, y: Any) -> KNeighborsRegressor:
        super().fit(X, y)
        self._own = None if self._rows is None else np.asarray(y, dtype=np.float64)
        return self

    def predict(self, X: Any) -> np.ndarray:
        """Return the means, shape (n_queries,) or (n_queries, n_outputs)."""
        check_is_fitted(self)
        if not self._votes():
            return np.asarray(super().predict(X))
        found, weights = self._voters(X)
        targets = self._own[found]
        if weights is None:
            return np.asarray(targets.mean(axis=1))
        weights = weights / weights.sum(axis=1, keepdims=True)
        return np.einsum("qk...,qk->q...", targets, weights)
