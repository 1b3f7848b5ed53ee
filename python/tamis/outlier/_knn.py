"""Outliers by the distance to their neighbours."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted

from tamis.exceptions import DataError, ParameterError
from tamis.outlier._base import Detector, flagged
from tamis.outlier._near import NearMixin
from tamis.outlier._threshold import check_threshold, offset

_METHODS = ("largest", "mean", "median")


def only_novelty(name: str, instead: str) -> Any:
    """Return a decorator: the method is there where ``novelty=True``."""

    def check(detector: Any) -> bool:
        if not detector.novelty:
            raise AttributeError(
                f"{name} is not available when novelty=False, because a training row would be its "
                f"own neighbour: {instead}, or use novelty=True to score new rows"
            )
        return True

    return available_if(check)


def only_training(detector: Any) -> bool:
    """Refuse what is about training rows where ``novelty=True``."""
    if detector.novelty:
        raise AttributeError(
            "fit_predict is not available when novelty=True. Use novelty=False if you want to "
            "predict on the training set."
        )
    return True


class KNNDetector(NearMixin, Detector):
    """Outliers far from their nearest neighbours.

    Parameters
    ----------
    n_neighbors : int, default=20
        Neighbours; as many as there are other rows, if these are fewer.
    method : {'largest', 'mean', 'median'}, default='largest'
        What the score is of the distances to the neighbours.
    metric : str or callable, default='minkowski'
        The distance. Euclidean distances are ours, exact and fast in any number of columns; others
        are scikit-learn's.
    p : float, default=2
        The power of Minkowski's metric; 2 is Euclidean.
    metric_params : dict, default=None
        Further arguments of the metric.
    novelty : bool, default=False
        False: `fit_predict` judges the training rows, none of which is its own neighbour. True:
        `predict`, `decision_function` and `score_samples` judge new rows. The two are kept apart
        because a training row that is scored as a new one is its own nearest neighbour.
    threshold : 'auto' or float, default='auto'
        From which score on a row is an outlier, or ``'auto'``: beyond what the bulk of the training
        scores leads to expect. On clean data it flags well below 1 % of the rows.
    contamination : float, default=None
        The share of training rows, in (0, 0.5], that are outliers; it goes before `threshold`.
    n_jobs : int, default=None
        Threads; None is all cores, or one in a worker process. The results do not depend on it.

    Attributes
    ----------
    scores_ : ndarray of shape (n_rows,)
        Minus the distance of the training rows: high is normal.
    offset_ : float
        ``decision_function`` is ``score_samples - offset_``.
    n_neighbors_ : int
        Neighbours that were used.
    n_features_in_ : int
        Columns seen when fitting.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Their names, where they had any.

    Notes
    -----
    Columns should have comparable units: scale them before. A missing cell counts as the median of
    its column in training. Of equally near neighbours the row that comes first is taken.

    References
    ----------
    Ramaswamy, Rastogi and Shim, "Efficient Algorithms for Mining Outliers from Large Data Sets",
    SIGMOD 2000. Angiulli and Pizzuti, "Fast Outlier Detection in High Dimensional Spaces", PKDD
    2002 (the mean).

    Examples
    --------
    >>> from tamis.outlier import KNNDetector
    >>> X = [[0.0], [1.0], [2.0], [3.0], [40.0]]
    >>> KNNDetector(2, contamination=0.2).fit_predict(X)
    array([ 1,  1,  1,  1, -1])
    """

    def __init__(
        self,
        n_neighbors: int = 20,
        *,
        method: str = "largest",
        metric: Any = "minkowski",
        p: float = 2,
        metric_params: dict[str, Any] | None = None,
        novelty: bool = False,
        threshold: Any = "auto",
        contamination: float | None = None,
        n_jobs: int | None = None,
    ):
        self.n_neighbors = n_neighbors
        self.method = method
        self.metric = metric
        self.p = p
        self.metric_params = metric_params
        self.novelty = novelty
        self.threshold = threshold
        self.contamination = contamination
        self.n_jobs = n_jobs

    def fit(self, X: Any, y: Any = None) -> KNNDetector:
        """Keep the training rows and find the neighbours of each.

        Parameters
        ----------
        X : array-like or frame of shape (n_rows, n_features)
            Numbers; NaN is missing. With ``metric='precomputed'``, distances.
        y : ignored
            Present for the API.

        Returns
        -------
        self

        Raises
        ------
        ParameterError
            If a parameter has a value that cannot be used.
        DataError
            If X holds an infinity, a column that is not of numbers, or one row alone.
        """
        if self.method not in _METHODS:
            raise ParameterError(
                f"method must be one of {', '.join(_METHODS)}; got {self.method!r}"
            )
        check_threshold(self.threshold, self.contamination)
        X = self._prepare(X, fitting=True)
        if X.shape[0] < 2:
            raise DataError("neighbours need 2 rows at least; X has n_samples=1")
        self._remember(X)
        self.n_neighbors_ = min(self.n_neighbors, self.n_samples_fit_ - 1)
        self.scores_ = -self._far(self._nearest(None, self.n_neighbors_)[0])
        self.offset_ = offset(self.scores_, self.threshold, self.contamination)
        return self

    def _far(self, distances: np.ndarray) -> np.ndarray:
        if self.method == "largest":
            return distances[:, -1].copy()
        return (np.mean if self.method == "mean" else np.median)(distances, axis=1)

    @available_if(only_training)
    def fit_predict(self, X: Any, y: Any = None) -> np.ndarray:
        """Fit, and return -1 for the outliers among the training rows, 1 for the rest.

        Parameters
        ----------
        X : array-like or frame of shape (n_rows, n_features)
            Numbers; NaN is missing.
        y : ignored
            Present for the API.

        Returns
        -------
        ndarray of shape (n_rows,), int64
        """
        return flagged(self.fit(X, y).scores_ - self.offset_)

    @only_novelty("score_samples", "use scores_")
    def score_samples(self, X: Any) -> np.ndarray:
        """Return minus the distance of new rows to their neighbours: high is normal.

        Parameters
        ----------
        X : array-like or frame of shape (n_rows, n_features)
            The rows.

        Returns
        -------
        ndarray of shape (n_rows,), float64
        """
        check_is_fitted(self)
        return -self._far(self._nearest(self._prepare(X, fitting=False), self.n_neighbors_)[0])

    @only_novelty("decision_function", "use scores_ and offset_")
    def decision_function(self, X: Any) -> np.ndarray:
        """Return the score above the threshold; negative for outliers.

        Parameters
        ----------
        X : array-like or frame of shape (n_rows, n_features)
            The rows.

        Returns
        -------
        ndarray of shape (n_rows,), float64
            ``score_samples(X) - offset_``.
        """
        return self.score_samples(X) - self.offset_

    @only_novelty("predict", "use fit_predict")
    def predict(self, X: Any) -> np.ndarray:
        """Return -1 for outliers among new rows, 1 for the rest.

        Parameters
        ----------
        X : array-like or frame of shape (n_rows, n_features)
            The rows. One at the threshold exactly is no outlier.

        Returns
        -------
        ndarray of shape (n_rows,), int64
        """
        return flagged(self.decision_function(X))

    def explain(self, X: Any = None) -> np.ndarray:
        """Return the share of each feature in each row's distance.

        Parameters
        ----------
        X : array-like or frame of shape (n_rows, n_features), optional
            New rows; without them, the training rows.

        Returns
        -------
        ndarray of shape (n_rows, n_features), float64
            Squared differences to the neighbours that make the score, over their sum: each row
            adds up to 1, or to 0 where the neighbours are equal to it.
        """
        check_is_fitted(self)
        X = None if X is None else self._prepare(X, fitting=False)
        rows = self._nearest(X, self.n_neighbors_)[1]
        if self.method == "largest":
            rows = rows[:, -1:]
        return self._gaps(self._fit_X if X is None else X, rows, np.ones(rows.shape))

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        tags.input_tags.pairwise = self.metric == "precomputed"
        tags.input_tags.allow_nan = self.metric != "precomputed"
        return tags
