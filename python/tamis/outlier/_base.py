"""What the detectors share: what they take, and how scores become decisions."""

from __future__ import annotations

import numbers
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, OutlierMixin
from sklearn.utils.validation import check_is_fitted, validate_data

from tamis import _frame, _threads
from tamis._check import refuse_infinite, where_text
from tamis.exceptions import ColumnTypeError, DataError, ParameterError
from tamis.outlier._categories import coded
from tamis.outlier._threshold import check_threshold, offset

FLOATS = [np.float64, np.float32]


def validated(estimator: Any, X: Any, *, fitting: bool, counted: Any = None, **options: Any) -> Any:
    """Return X as floats; NaN is missing, and errors name the column.

    Of an estimator that takes categories, those of a frame become numbers; `counted` are the rows
    that they are learned from. `options` go to scikit-learn's check.
    """
    if _frame.is_frame(X):
        _refuse_times(estimator, _frame.wrap(X, "X"))  # and a name that is there twice
    takes = getattr(estimator, "_takes_categories", False)
    if takes:
        table = coded(estimator, X, fitting=fitting, counted=counted)
        if table is not None:
            return table
    options = {"dtype": FLOATS, "ensure_all_finite": False, **options}
    try:
        checked = validate_data(estimator, X, reset=fitting, **options)
    except (TypeError, ValueError) as error:
        where = where_text(estimator, X)
        if not where:
            raise
        kind = ColumnTypeError if isinstance(error, TypeError) else DataError
        raise kind(
            f"{type(estimator).__name__} takes numbers only{where}: {error}. Leave the column "
            "out or encode it, or use a detector that takes a frame's categories (IsolationForest, "
            "HBOS, ECOD, COPOD, OutlierEnsemble)"
        ) from error
    if takes and fitting:
        estimator.is_categorical_ = np.zeros(checked.shape[1], dtype=bool)
    if isinstance(checked, np.ndarray):
        refuse_infinite(estimator, checked)
    else:  # sparse: its values in one column, by which no place is named
        refuse_infinite(estimator, checked.data.reshape(-1, 1))
    return checked


def _refuse_times(estimator: Any, frame: Any) -> None:
    """Raise where a column holds times, which would become numbers without a word."""
    for name in frame.columns:
        if _frame.is_time(frame.get_column(name)):
            raise ColumnTypeError(
                f"column {name!r} holds times, which {type(estimator).__name__} does not take: "
                "turn it into numbers, or leave it out"
            )


def flagged(decision: np.ndarray) -> np.ndarray:
    """Return -1 where a decision is negative, 1 elsewhere."""
    return np.where(decision < 0, -1, 1).astype(np.int64)


def whole(name: str, value: Any, least: int = 1) -> int:
    """Return a parameter that is a whole number of at least `least`."""
    if isinstance(value, bool) or not isinstance(value, numbers.Integral) or value < least:
        raise ParameterError(f"{name} must be a whole number from {least} on; got {value!r}")
    return int(value)


class Detector(OutlierMixin, BaseEstimator):
    """What the detectors of our own share: a threshold on scores, and an explanation.

    A subclass has ``_learn(X)``, which fits and returns how far out the training rows are, and
    ``_rate(X)`` and ``_parts(X)`` for other rows: how far out they are, and by which feature.
    """

    threshold: Any
    contamination: Any
    n_jobs: int | None

    def _learn(self, X: np.ndarray) -> np.ndarray:
        raise NotImplementedError

    def _rate(self, X: np.ndarray) -> np.ndarray:
        raise NotImplementedError

    def _parts(self, X: np.ndarray) -> np.ndarray:
        raise NotImplementedError

    def fit(self, X: Any, y: Any = None) -> Any:
        """Learn what is normal, and the threshold.

        Parameters
        ----------
        X : array-like or frame of shape (n_rows, n_features)
            Numbers; NaN is missing. ECOD, COPOD, HBOS and OutlierEnsemble take the categories of
            a frame too.
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
        check_threshold(self.threshold, self.contamination)
        self.scores_ = -self._learn(validated(self, X, fitting=True))
        self.offset_ = offset(self.scores_, self.threshold, self.contamination)
        return self

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

    def score_samples(self, X: Any) -> np.ndarray:
        """Return how normal each row is; high is normal.

        Parameters
        ----------
        X : array-like or frame of shape (n_rows, n_features)
            The rows.

        Returns
        -------
        ndarray of shape (n_rows,), float64
        """
        check_is_fitted(self)
        return -self._rate(validated(self, X, fitting=False))

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

    def predict(self, X: Any) -> np.ndarray:
        """Return -1 for outliers, 1 for the rest. A row at the threshold exactly is no outlier.

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
        """Return the share of each feature in each row's score.

        Parameters
        ----------
        X : array-like or frame of shape (n_rows, n_features)
            The rows.

        Returns
        -------
        ndarray of shape (n_rows, n_features), float64
            Each row adds up to 1, or to 0 where nothing speaks against it.
        """
        check_is_fitted(self)
        return self._parts(validated(self, X, fitting=False))

    def _threads(self) -> int:
        return _threads.resolve(self.n_jobs)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        return tags
