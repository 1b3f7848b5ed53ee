"""The local outlier factor."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, OutlierMixin
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted

from tamis.exceptions import ParameterError
from tamis.outlier._knn import only_novelty, only_training
from tamis.outlier._near import NearMixin
from tamis.outlier._threshold import automatic, share

_ALGORITHMS = ("auto", "ball_tree", "kd_tree", "brute")
#: What is added to distances so that none is zero, as scikit-learn does.
_LEAST = 1e-10
#: A factor next to a heap of duplicates is no greater.
_MOST = 9999.0
#: Factors have a longer tail than their bulk shows, in a few columns above all: without this, 1.5 %
#: of clean rows of two columns are flagged.
_SHAPE = 0.2


class LocalOutlierFactor(NearMixin, OutlierMixin, BaseEstimator):
    """Outliers in places that are less dense than those of their neighbours.

    The parameters, attributes, signs and scores of scikit-learn's class, except next to duplicates
    (see the notes).

    Parameters
    ----------
    n_neighbors : int, default=20
        Neighbours; as many as there are other rows, if these are fewer.
    algorithm : {'auto', 'ball_tree', 'kd_tree', 'brute'}, default='auto'
        For distances that are not Euclidean. Euclidean ones are ours, exact in any case.
    leaf_size : int, default=30
        As `algorithm`.
    metric : str or callable, default='minkowski'
        The distance.
    p : float, default=2
        The power of Minkowski's metric; 2 is Euclidean.
    metric_params : dict, default=None
        Further arguments of the metric.
    contamination : 'auto' or float, default='auto'
        The share of training rows, in (0, 0.5], that are outliers; with ``'auto'`` rows are that
        score below -1.5, as in the paper.
    novelty : bool, default=False
        False: `fit_predict` judges the training rows, none of which is its own neighbour. True:
        `predict`, `decision_function` and `score_samples` judge new rows.
    n_jobs : int, default=None
        Threads; None is all cores, or one in a worker process. The results do not depend on it.
    threshold : 'auto' or None, default=None
        ``'auto'``: `offset_` is the score beyond what the bulk of the training scores leads to
        expect. On clean data it flags well below 1 % of the rows.

    Attributes
    ----------
    negative_outlier_factor_ : ndarray of shape (n_rows,)
        Minus the factor of the training rows: near -1 where a place is as dense as those around.
    offset_ : float
        ``decision_function`` is ``score_samples - offset_``.
    n_neighbors_ : int
        Neighbours that were used.
    n_samples_fit_ : int
        Training rows.
    effective_metric_, effective_metric_params_ : str or callable, dict
        The distance used.
    n_features_in_ : int
        Columns seen when fitting.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Their names, where they had any.

    Notes
    -----
    Where a row has more duplicates than neighbours are asked for, all its neighbours are at
    distance zero and its density has no end; scikit-learn gives the rows next to it factors of
    millions and warns. Here such a heap is taken to be twice as dense as the densest place that is
    no heap, and a factor next to it is at most 9999; there is nothing to warn of. All other factors
    are scikit-learn's; of equally near neighbours the row that comes first is taken. A missing
    cell counts as the median of its column in training.

    References
    ----------
    Breunig, Kriegel, Ng and Sander, "LOF: Identifying Density-Based Local Outliers", SIGMOD 2000.

    Examples
    --------
    >>> from tamis.outlier import LocalOutlierFactor
    >>> X = [[-1.1], [0.2], [101.1], [0.3]]
    >>> detector = LocalOutlierFactor(n_neighbors=2)
    >>> detector.fit_predict(X)
    array([ 1,  1, -1,  1])
    >>> detector.negative_outlier_factor_.round(3)
    array([ -0.982,  -1.037, -73.37 ,  -0.982])
    """

    def __init__(
        self,
        n_neighbors: int = 20,
        *,
        algorithm: str = "auto",
        leaf_size: int = 30,
        metric: Any = "minkowski",
        p: float = 2,
        metric_params: dict[str, Any] | None = None,
        contamination: Any = "auto",
        novelty: bool = False,
        n_jobs: int | None = None,
        threshold: Any = None,
    ):
        self.n_neighbors = n_neighbors
        self.algorithm = algorithm
        self.leaf_size = leaf_size
        self.metric = metric
        self.p = p
        self.metric_params = metric_params
        self.contamination = contamination
        self.novelty = novelty
        self.n_jobs = n_jobs
        self.threshold = threshold

    def fit(self, X: Any, y: Any = None) -> LocalOutlierFactor:
        """Keep the training rows, find the neighbours of each, and their factors.

        Parameters
        ----------
        X : array-like, frame or sparse matrix of shape (n_rows, n_features)
            Numbers; NaN is missing. With ``metric='precomputed'``, distances.
        y : ignored
            Present for the API.

        Returns
        -------
        self

        Raises
        ------
        ParameterError
            If a parameter has a value that cannot be used, or X has one row alone.
        DataError
            If X holds an infinity or a column that is not of numbers.
        """
        auto = isinstance(self.contamination, str) and self.contamination == "auto"
        contamination = None if auto else share(self.contamination, "'auto'")
        if not (self.threshold is None or (auto and self.threshold == "auto")):
            raise ParameterError(
                "threshold must be None, or 'auto' where contamination is 'auto' too; "
                f"got {self.threshold!r} and contamination={self.contamination!r}"
            )
        if self.algorithm not in _ALGORITHMS:
            raise ParameterError(
                f"algorithm must be one of {', '.join(_ALGORITHMS)}; got {self.algorithm!r}"
            )
        self._remember(self._prepare(X, fitting=True))
        n = self.n_samples_fit_
        if self.n_neighbors > n:
            warnings.warn(
                f"n_neighbors ({self.n_neighbors}) is greater than the total number of samples "
                f"({n}). n_neighbors will be set to (n_samples - 1) for estimation.",
                stacklevel=2,
            )
        self.n_neighbors_ = max(1, min(self.n_neighbors, n - 1))
        distances, rows = self._nearest(None, self.n_neighbors_)
        if self._fit_X.dtype == np.float32:
            distances = distances.astype(np.float32)
        self._reach = distances[:, -1].copy()
        reach = self._mean_reach(distances, rows)
        self._heap = reach == 0
        others = reach[~self._heap]
        self._densest = 2.0 / (others.min() + _LEAST) if len(others) else 1.0
        self._density = self._densities(reach)
        self.negative_outlier_factor_ = self._factors(self._density, rows)
        if auto:
            scores = self.negative_outlier_factor_
            self.offset_ = -1.5 if self.threshold is None else automatic(scores, least=_SHAPE)
        else:
            self.offset_ = float(
                np.percentile(self.negative_outlier_factor_, 100.0 * float(contamination or 0))
            )
        return self

    def _mean_reach(self, distances: np.ndarray, rows: np.ndarray) -> np.ndarray:
        """Return each row's mean reachability distance from its neighbours."""
        return np.maximum(distances, self._reach[rows]).mean(axis=1)

    def _densities(self, reach: np.ndarray) -> np.ndarray:
        """Return densities; a heap of duplicates is denser than any other place."""
        density = 1.0 / (reach + reach.dtype.type(_LEAST))
        density[reach == 0] = self._densest
        return density

    def _factors(self, density: np.ndarray, rows: np.ndarray) -> np.ndarray:
        """Return minus the factors of rows of a density, from those of their neighbours."""
        factors = -(self._density[rows] / density[:, None]).mean(axis=1)
        beside = self._heap[rows].any(axis=1)
        factors[beside] = np.maximum(factors[beside], -_MOST)
        return factors

    def _predict(self, X: Any = None) -> np.ndarray:
        """Return -1 for outliers, 1 for the rest; without X, of the training rows."""
        check_is_fitted(self)
        if X is None:
            decision = self.negative_outlier_factor_ - self.offset_
        else:
            decision = self.decision_function(X)
        return np.where(decision < 0, -1, 1).astype(np.int64)

    @available_if(only_training)
    def fit_predict(self, X: Any, y: Any = None) -> np.ndarray:
        """Fit, and return -1 for the outliers among the training rows, 1 for the rest.

        Parameters
        ----------
        X : array-like, frame or sparse matrix of shape (n_rows, n_features)
            Numbers; NaN is missing.
        y : ignored
            Present for the API.

        Returns
        -------
        ndarray of shape (n_rows,), int64
        """
        return self.fit(X)._predict()

    @only_novelty("predict", "use fit_predict")
    def predict(self, X: Any) -> np.ndarray:
        """Return -1 for outliers among new rows, 1 for the rest.

        Parameters
        ----------
        X : array-like, frame or sparse matrix of shape (n_rows, n_features)
            The rows. One at the threshold exactly is no outlier.

        Returns
        -------
        ndarray of shape (n_rows,), int64
        """
        return self._predict(X)

    @only_novelty("decision_function", "use negative_outlier_factor_ and offset_")
    def decision_function(self, X: Any) -> np.ndarray:
        """Return the score above the threshold; negative for outliers.

        Parameters
        ----------
        X : array-like, frame or sparse matrix of shape (n_rows, n_features)
            The rows.

        Returns
        -------
        ndarray of shape (n_rows,), of the dtype of X
            ``score_samples(X) - offset_``.
        """
        return self.score_samples(X) - self.offset_

    @only_novelty("score_samples", "use negative_outlier_factor_")
    def score_samples(self, X: Any) -> np.ndarray:
        """Return minus the factor of new rows: high is normal.

        Parameters
        ----------
        X : array-like, frame or sparse matrix of shape (n_rows, n_features)
            The rows.

        Returns
        -------
        ndarray of shape (n_rows,), of the dtype of X
        """
        check_is_fitted(self)
        X = self._prepare(X, fitting=False)
        distances, rows = self._nearest(X, self.n_neighbors_)
        if X.dtype == np.float32:
            distances = distances.astype(np.float32)
        return self._factors(self._densities(self._mean_reach(distances, rows)), rows)

    def explain(self, X: Any = None) -> np.ndarray:
        """Return the share of each feature in each row's distance from its neighbours.

        Parameters
        ----------
        X : array-like or frame of shape (n_rows, n_features), optional
            New rows; without them, the training rows.

        Returns
        -------
        ndarray of shape (n_rows, n_features), float64
            Squared differences to the neighbours, weighted by the neighbours' density, over their
            sum: each row adds up to 1, or to 0 where the neighbours are equal to it.
        """
        check_is_fitted(self)
        X = None if X is None else self._prepare(X, fitting=False)
        rows = self._nearest(X, self.n_neighbors_)[1]
        return self._gaps(self._fit_X if X is None else X, rows, self._density[rows])

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        tags.input_tags.pairwise = self.metric == "precomputed"
        tags.input_tags.allow_nan = self.metric != "precomputed"
        return tags
