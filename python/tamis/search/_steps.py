"""Small estimators that the plans are made of, beside those of the areas."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin, clone
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted

__all__ = ["DateParts", "Flags", "OnColumns", "ScaledImputer"]


# No wrapping for set_output: it would hide that `transform` is not always there.
class OnColumns(TransformerMixin, BaseEstimator, auto_wrap_output_keys=None):  # type: ignore[call-arg]
    """Apply a transformer or resampler to some columns of a matrix; the others stay in place.

    Parameters
    ----------
    estimator : estimator
        With ``transform`` (same number of columns out), or with ``fit_resample``: then rows that
        it drops are dropped whole.
    columns : list of int
        The columns it sees.

    Attributes
    ----------
    estimator_ : estimator
        The fitted one; None when there are no columns.
    """

    def __init__(self, estimator: Any, columns: Sequence[int]) -> None:
        self.estimator = estimator
        self.columns = columns

    def fit(self, X: np.ndarray, y: Any = None) -> OnColumns:
        """Fit the estimator on its columns."""
        self.n_features_in_ = X.shape[1]
        self.estimator_ = None
        if len(self.columns):
            self.estimator_ = clone(self.estimator).fit(X[:, list(self.columns)], y)
        return self

    @available_if(lambda self: hasattr(self.estimator, "transform"))
    def transform(self, X: np.ndarray) -> np.ndarray:
        """Return a copy of the matrix with the columns transformed."""
        check_is_fitted(self)
        out = np.array(X, dtype=np.float64, order="F")
        if self.estimator_ is not None:
            out[:, list(self.columns)] = self.estimator_.transform(X[:, list(self.columns)])
        return out

    @available_if(lambda self: hasattr(self.estimator, "fit_resample"))
    def fit_resample(self, X: np.ndarray, y: Any = None) -> tuple[np.ndarray, Any]:
        """Fit on the columns and return the whole rows that stay."""
        self.n_features_in_ = X.shape[1]
        self.estimator_ = None
        self.sample_indices_ = np.arange(len(X))
        if len(self.columns):
            self.estimator_ = clone(self.estimator)
            self.estimator_.fit_resample(X[:, list(self.columns)], y)
            self.sample_indices_ = self.estimator_.sample_indices_
        rows = self.sample_indices_
        return X[rows], None if y is None else np.asarray(y)[rows]


class ScaledImputer(TransformerMixin, BaseEstimator):
    """Fill gaps by an imputer of numbers that sees columns in units of standard deviations.

    Without scaling, the column with the largest numbers would decide who is near, and what a
    regression shrinks.

    Parameters
    ----------
    imputer : imputer
        Keeps columns without values (``keep_empty_features``).
    """

    def __init__(self, imputer: Any) -> None:
        self.imputer = imputer

    def fit(self, X: np.ndarray, y: Any = None) -> ScaledImputer:
        """Learn the scale of each column and fit the imputer."""
        some = ~np.isnan(X).all(axis=0)
        self.center_ = np.zeros(X.shape[1])
        self.scale_ = np.ones(X.shape[1])
        self.center_[some] = np.nanmean(X[:, some], axis=0)
        spread = np.nanstd(X[:, some], axis=0)
        self.scale_[some] = np.where(spread > 0, spread, 1.0)
        with warnings.catch_warnings():
            # What rounds that have not settled are worth, the score tells.
            warnings.simplefilter("ignore", ConvergenceWarning)
            self.imputer_ = clone(self.imputer).fit((X - self.center_) / self.scale_)
        return self

    def transform(self, X: np.ndarray) -> np.ndarray:
        """Return the matrix with its gaps filled; known cells keep their exact values."""
        check_is_fitted(self)
        gaps = np.isnan(X)
        if not gaps.any():
            return X
        filled = self.imputer_.transform((X - self.center_) / self.scale_)
        return np.where(gaps, filled * self.scale_ + self.center_, X)


class Flags(TransformerMixin, BaseEstimator):
    """Append a 0/1 column per column that had gaps in training: whether the cell was missing.

    Parameters
    ----------
    columns : list of int
        The columns that are looked at.
    """

    def __init__(self, columns: Sequence[int]) -> None:
        self.columns = columns

    def fit(self, X: np.ndarray, y: Any = None) -> Flags:
        """Find the columns that have gaps."""
        self.n_features_in_ = X.shape[1]
        self.flagged_ = [j for j in self.columns if np.isnan(X[:, j]).any()]
        return self

    def transform(self, X: np.ndarray) -> np.ndarray:
        """Return the matrix with the flags appended."""
        check_is_fitted(self)
        return np.asfortranarray(np.hstack([X, np.isnan(X[:, self.flagged_]).astype(np.float64)]))


class DateParts(TransformerMixin, BaseEstimator):
    """Turn seconds since 1970 into the parts of a date that a model can use.

    Per column: the time itself in days, the month (1 to 12), the weekday (0 is Monday) and the
    hour (0 to 23). Missing stays NaN.
    """

    def fit(self, X: np.ndarray, y: Any = None) -> DateParts:
        """Do nothing but count the columns."""
        self.n_features_in_ = X.shape[1]
        return self

    def transform(self, X: np.ndarray) -> np.ndarray:
        """Return four columns for each one, shape (n_rows, 4 * n_columns)."""
        gaps = np.isnan(X)
        stamps = np.where(gaps, 0, X).astype("int64").astype("datetime64[s]")
        days = stamps.astype("datetime64[D]").astype(np.int64)
        parts = [
            np.where(gaps, 0, X) / 86400.0,
            stamps.astype("datetime64[M]").astype(np.int64) % 12 + 1,
            (days + 3) % 7,  # day 0 was a Thursday
            stamps.astype(np.int64) // 3600 % 24,
        ]
        return np.hstack([np.where(gaps, np.nan, p) for p in parts])
