"""Outliers by bounds on each column alone."""

from __future__ import annotations

import numbers
from typing import Any, ClassVar

import numpy as np
from sklearn.base import BaseEstimator, OutlierMixin
from sklearn.utils.validation import check_is_fitted

from tamis import _core, _threads
from tamis.exceptions import ParameterError
from tamis.outlier._base import flagged, validated
from tamis.outlier._threshold import automatic


class _BoundsDetector(OutlierMixin, BaseEstimator):
    """What the detectors share. A subclass has `_rule` and says how far its bounds reach."""

    _rule: ClassVar[str]
    n_jobs: int | None

    def _limit(self) -> float | None:
        """Return how many scales the bounds are from the centre; None is for the scores to say."""
        raise NotImplementedError

    def fit(self, X: Any, y: Any = None) -> Any:
        """Learn the bounds of each column.

        Parameters
        ----------
        X : array-like or frame of shape (n_rows, n_features)
            Numbers; NaN is missing.
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
            If X holds an infinity or a column that is not of numbers.
        """
        limit = self._limit()
        X = validated(self, X, fitting=True)
        if limit is None:
            table = _core.univariate_bounds(X, self._rule, 1.0, self._threads())
            margins = _core.univariate_decide(X, table, 1.0, self._threads())
            limit = max(1.0 - automatic(margins), np.finfo(np.float64).tiny)
        table = _core.univariate_bounds(X, self._rule, limit, self._threads())
        self.center_, self.scale_, self.lower_, self.upper_ = table
        self.offset_ = -limit
        return self

    def decision_function(self, X: Any) -> np.ndarray:
        """Return how far each row is within the bounds, in scales of the column concerned.

        Parameters
        ----------
        X : array-like or frame of shape (n_rows, n_features)
            The rows.

        Returns
        -------
        ndarray of shape (n_rows,), float64
            Negative exactly where a cell is outside its column's bounds; at most ``-offset_``.
        """
        check_is_fitted(self)
        X = validated(self, X, fitting=False)
        return _core.univariate_decide(X, self._bounds(), -self.offset_, self._threads())

    def score_samples(self, X: Any) -> np.ndarray:
        """Return how normal each row is: 0 at the centre of every column, less the farther.

        Parameters
        ----------
        X : array-like or frame of shape (n_rows, n_features)
            The rows.

        Returns
        -------
        ndarray of shape (n_rows,), float64
            Minus the greatest distance from a column's centre, in scales: high is normal.
        """
        return self.decision_function(X) + self.offset_

    def predict(self, X: Any) -> np.ndarray:
        """Return -1 for outliers, 1 for the rest.

        Parameters
        ----------
        X : array-like or frame of shape (n_rows, n_features)
            The rows.

        Returns
        -------
        ndarray of shape (n_rows,), int64
        """
        return flagged(self.decision_function(X))

    def explain(self, X: Any) -> np.ndarray:
        """Return the share of each feature in each row's deviation.

        Parameters
        ----------
        X : array-like or frame of shape (n_rows, n_features)
            The rows.

        Returns
        -------
        ndarray of shape (n_rows, n_features), float64
            Distances from the columns' centres in scales, over their sum by row: each row adds
            up to 1, or to 0 where it deviates nowhere. Missing cells and columns without spread
            have no share.
        """
        check_is_fitted(self)
        X = validated(self, X, fitting=False)
        return _core.univariate_shares(X, self._bounds(), self._threads())

    def _bounds(self) -> np.ndarray:
        return np.stack([self.center_, self.scale_, self.lower_, self.upper_])

    def _threads(self) -> int:
        return _threads.resolve(self.n_jobs)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        return tags


class IQRDetector(_BoundsDetector):
    """Outliers beyond the quartiles by a multiple of the range between them (Tukey's fences).

    A row is an outlier if one of its cells is below ``Q1 - factor * IQR`` or above
    ``Q3 + factor * IQR`` of its column. Missing cells are no outliers.

    Parameters
    ----------
    factor : float or 'auto', default=1.5
        How many interquartile ranges beyond the quartiles are normal. On normal data 1.5 flags
        0.7 % of the cells, 3 flags 2 in a million. ``'auto'`` goes as far as the bulk of the rows
        leads to expect: on clean data it flags well below 1 % of the rows, in any number of
        columns.
    n_jobs : int, default=None
        Threads; None is all cores, or one in a worker process. The results do not depend on it.

    Attributes
    ----------
    lower_, upper_ : ndarray of shape (n_features,)
        The least and the greatest normal value of each column.
    center_, scale_ : ndarray of shape (n_features,)
        The middle of the quartiles and the range between them.
    offset_ : float
        ``decision_function`` is ``score_samples - offset_``; minus ``factor + 0.5``.
    n_features_in_ : int
        Columns seen when fitting.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Their names, where they had any.

    Notes
    -----
    Where the quartiles are equal (half of the values or more are one value), the scale is the
    range that a normal distribution with the column's mean absolute deviation has. Where that is
    zero too (a constant or empty column), nothing is flagged and the bounds are infinite.

    References
    ----------
    Tukey, "Exploratory Data Analysis" (1977).

    Examples
    --------
    >>> from tamis.outlier import IQRDetector
    >>> X = [[1.0], [2.0], [3.0], [4.0], [50.0]]
    >>> detector = IQRDetector().fit(X)
    >>> detector.predict(X)
    array([ 1,  1,  1,  1, -1])
    >>> detector.upper_
    array([7.])
    """

    _rule = "iqr"

    def __init__(self, factor: Any = 1.5, *, n_jobs: int | None = None):
        self.factor = factor
        self.n_jobs = n_jobs

    def _limit(self) -> float | None:
        factor = _positive("factor", self.factor)
        return None if factor is None else 0.5 + factor


class MADDetector(_BoundsDetector):
    """Outliers far from the median in median absolute deviations (the modified z-score).

    A row is an outlier if one of its cells is more than `threshold` scales from its column's
    median, where the scale is 1.4826 times the median absolute deviation: the standard deviation
    on normal data. Missing cells are no outliers.

    Parameters
    ----------
    threshold : float or 'auto', default=3.5
        How many scales from the median are normal. ``'auto'`` goes as far as the bulk of the rows
        leads to expect: on clean data it flags well below 1 % of the rows.
    n_jobs : int, default=None
        Threads; None is all cores, or one in a worker process. The results do not depend on it.

    Attributes
    ----------
    lower_, upper_ : ndarray of shape (n_features,)
        The least and the greatest normal value of each column.
    center_, scale_ : ndarray of shape (n_features,)
        The median and the scale.
    offset_ : float
        ``decision_function`` is ``score_samples - offset_``; minus `threshold`.
    n_features_in_ : int
        Columns seen when fitting.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Their names, where they had any.

    Notes
    -----
    Where the median absolute deviation is zero (more than half of the values are one value), the
    scale is 1.2533 times the mean absolute deviation, as Iglewicz and Hoaglin advise. Where that
    is zero too (a constant or empty column), nothing is flagged and the bounds are infinite.

    References
    ----------
    Iglewicz and Hoaglin, "How to Detect and Handle Outliers" (1993). Hampel, "The influence
    curve and its role in robust estimation", JASA 69 (1974).

    Examples
    --------
    >>> from tamis.outlier import MADDetector
    >>> X = [[1.0], [2.0], [3.0], [4.0], [50.0]]
    >>> MADDetector().fit_predict(X)
    array([ 1,  1,  1,  1, -1])
    """

    _rule = "mad"

    def __init__(self, threshold: Any = 3.5, *, n_jobs: int | None = None):
        self.threshold = threshold
        self.n_jobs = n_jobs

    def _limit(self) -> float | None:
        return _positive("threshold", self.threshold)


class ZScoreDetector(_BoundsDetector):
    """Outliers far from the mean in standard deviations.

    A row is an outlier if one of its cells is more than `threshold` standard deviations from its
    column's mean. Missing cells are no outliers.

    Parameters
    ----------
    threshold : float or 'auto', default=3.0
        How many standard deviations from the mean are normal. ``'auto'`` goes as far as the bulk
        of the rows leads to expect: on clean data it flags well below 1 % of the rows.
    n_jobs : int, default=None
        Threads; None is all cores, or one in a worker process. The results do not depend on it.

    Attributes
    ----------
    lower_, upper_ : ndarray of shape (n_features,)
        The least and the greatest normal value of each column.
    center_, scale_ : ndarray of shape (n_features,)
        The mean and the standard deviation.
    offset_ : float
        ``decision_function`` is ``score_samples - offset_``; minus the threshold.
    n_features_in_ : int
        Columns seen when fitting.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Their names, where they had any.

    Notes
    -----
    Outliers move the mean and widen the deviation, and may so hide themselves: of n rows none is
    farther than ``(n - 1) / sqrt(n)`` deviations out. `MADDetector` is not misled so. A constant or
    empty column flags nothing and has infinite bounds.

    References
    ----------
    Shiffler, "Maximum Z Scores and Outliers", The American Statistician 42 (1988).

    Examples
    --------
    >>> from tamis.outlier import ZScoreDetector
    >>> X = [[float(i % 5)] for i in range(30)] + [[50.0]]
    >>> ZScoreDetector().fit_predict(X).tolist().index(-1)
    30
    """

    _rule = "moments"

    def __init__(self, threshold: Any = 3.0, *, n_jobs: int | None = None):
        self.threshold = threshold
        self.n_jobs = n_jobs

    def _limit(self) -> float | None:
        return _positive("threshold", self.threshold)


def _positive(name: str, value: Any) -> float | None:
    """Return a parameter as a float that is positive and finite, or None for 'auto'."""
    if isinstance(value, str) and value == "auto":
        return None
    if (
        isinstance(value, bool)
        or not isinstance(value, numbers.Real)
        or not 0 < float(value) < np.inf
    ):
        raise ParameterError(f"{name} must be a positive number or 'auto'; got {value!r}")
    return float(value)
