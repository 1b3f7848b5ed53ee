"""What is done about outliers: flagged, clipped, made missing or dropped."""

from __future__ import annotations

from typing import Any

import narwhals as nw
import numpy as np
from sklearn.base import BaseEstimator, OneToOneFeatureMixin, TransformerMixin, clone
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted, validate_data

from tamis import _frame
from tamis.base import ResampleMixin
from tamis.exceptions import DataError, ParameterError
from tamis.outlier._univariate import IQRDetector

_ACTIONS = ("flag", "clip", "nan", "drop")
_FLAG = "outlier"


class OutlierHandler(ResampleMixin, OneToOneFeatureMixin, TransformerMixin, BaseEstimator):
    """Flag, clip, blank or drop outliers, in the caller's container.

    With ``action="drop"`` rows change, so there is `fit_resample` and no `transform`: a plain
    scikit-learn pipeline refuses the step instead of silently skipping it, and
    ``tamis.pipeline.Pipeline`` drops rows when fitting alone. With the other actions there is
    `transform` and no `fit_resample`.

    Parameters
    ----------
    detector : outlier detector, default=None
        An estimator whose `predict` gives -1 for outliers; None is ``IQRDetector()``.
        ``"clip"`` and ``"nan"`` need one with `lower_` and `upper_`: IQRDetector, MADDetector.
        With ``"drop"``, KNNDetector and LocalOutlierFactor judge the training rows; with
        ``"flag"`` they need ``novelty=True``.
    action : {'flag', 'clip', 'nan', 'drop'}, default='flag'
        ``'flag'`` appends a 0/1 column ``outlier``; ``'clip'`` moves cells outside the bounds of
        their column to the bound; ``'nan'`` makes them missing; ``'drop'`` removes rows whose
        prediction is -1.

    Attributes
    ----------
    detector_ : estimator
        The fitted detector.
    lower_, upper_ : ndarray of shape (n_features,)
        The bounds of each column, where the detector has them.
    sample_indices_ : ndarray of shape (n_rows_out,), int64
        After `fit_resample`: the positions of the rows that stay.
    n_features_in_ : int
        Columns seen when fitting.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Their names, where they had any.

    Notes
    -----
    Frames come back as frames, with index, names and dtypes: whole numbers are clipped to whole
    numbers, and become floats only where they are made missing. Arrays come back as float
    arrays from `transform`, and as they were from `fit_resample`.

    Examples
    --------
    >>> import pandas as pd
    >>> from tamis.outlier import OutlierHandler
    >>> X = pd.DataFrame({"a": [1, 2, 3, 4, 50]})
    >>> OutlierHandler(action="clip").fit_transform(X)["a"].tolist()
    [1, 2, 3, 4, 7]
    >>> X_kept, y_kept = OutlierHandler(action="drop").fit_resample(X, [0, 1, 0, 1, 1])
    >>> len(X_kept), y_kept
    (4, array([0, 1, 0, 1]))
    """

    def __init__(self, detector: Any = None, action: str = "flag"):
        self.detector = detector
        self.action = action

    def fit(self, X: Any, y: Any = None) -> OutlierHandler:
        """Fit the detector.

        Parameters
        ----------
        X : array-like or frame of shape (n_rows, n_features)
            Numbers; NaN is missing.
        y : array-like of shape (n_rows,), optional
            Given to the detector, which ignores it as a rule.

        Returns
        -------
        self

        Raises
        ------
        ParameterError
            If `action` is unknown, or the detector has no bounds where the action needs them.
        DataError
            If the detector cannot take X.
        """
        if self.action not in _ACTIONS:
            raise ParameterError(
                f"action must be one of {', '.join(_ACTIONS)}; got {self.action!r}"
            )
        detector = IQRDetector() if self.detector is None else clone(self.detector)
        self.detector_ = detector.fit(X, y)
        validate_data(self, X, skip_check_array=True)
        if hasattr(detector, "lower_") and hasattr(detector, "upper_"):
            self.lower_, self.upper_ = detector.lower_, detector.upper_
        elif self.action in ("clip", "nan"):
            raise ParameterError(
                f"action={self.action!r} needs a detector with lower_ and upper_ bounds, such as "
                f"IQRDetector or MADDetector; {type(detector).__name__} has none"
            )
        return self

    def transform(self, X: Any) -> Any:
        """Act on the outliers.

        Parameters
        ----------
        X : array-like or frame of shape (n_rows, n_features)
            The rows.

        Returns
        -------
        frame or ndarray of shape (n_rows, n_features), or one column more with ``"flag"``
            A frame for a frame, a float array otherwise.
        """
        check_is_fitted(self)
        if self.action == "flag":
            return self._flagged(X)
        if not _frame.is_frame(X):
            return self._bounded(self._matrix(X))
        validate_data(self, X, reset=False, skip_check_array=True)
        cells = self._matrix(X)
        for j, name in enumerate(_frame.names(X)):
            rows = np.flatnonzero((cells[:, j] < self.lower_[j]) | (cells[:, j] > self.upper_[j]))
            X = _frame.replace_cells(X, name, rows, self._new(cells[rows, j], X, name, j))
        return X

    def _matrix(self, X: Any) -> np.ndarray:
        return validate_data(
            self,
            X,
            reset=False,
            dtype=[np.float64, np.float32],
            ensure_all_finite="allow-nan",
            copy=True,
        )

    def _flagged(self, X: Any) -> Any:
        flags = (self.detector_.predict(X) == -1).astype(np.int64)
        if not _frame.is_frame(X):
            X = self._matrix(X)
            return np.column_stack([X, flags.astype(X.dtype)])
        return _frame.append(X, _FLAG, flags)

    def _bounded(self, X: np.ndarray) -> np.ndarray:
        """Return a copy of an array with its cells clipped or missing."""
        if self.action == "nan":
            X[(self.lower_ > X) | (self.upper_ < X)] = np.nan
            return X
        return np.clip(X, *_within(self.lower_, self.upper_, X.dtype), out=X)

    def _new(self, old: np.ndarray, X: Any, name: str, column: int) -> np.ndarray:
        """Return what stands in for the outliers of a frame's column."""
        if self.action == "nan":
            return np.full(len(old), np.nan)
        low, high = self.lower_[column], self.upper_[column]
        kind = _frame.wrap(X).schema[name]
        if kind.is_integer() and np.ceil(low) <= np.floor(high):
            low, high = np.ceil(low), np.floor(high)
        elif kind == nw.Float32:
            low, high = _within(low, high, np.dtype(np.float32))
        return np.where(old < low, low, high)

    def _fit_rows(self, X: Any, y: Any) -> np.ndarray:
        self.fit(X, y)
        return np.flatnonzero(self._flags(X) != -1)

    def _flags(self, X: Any) -> np.ndarray:
        """Return the detector's verdict on training rows: none is a neighbour of its own."""
        detector = self.detector_
        if hasattr(detector, "predict"):
            return detector.predict(X)
        for name in ("scores_", "negative_outlier_factor_"):
            if hasattr(detector, name):
                return np.where(getattr(detector, name) < detector.offset_, -1, 1)
        raise ParameterError(f"{type(detector).__name__} has no predict: set novelty=True")

    def get_feature_names_out(self, input_features: Any = None) -> np.ndarray:
        """Return the names of the columns that come out.

        Parameters
        ----------
        input_features : array-like of str, optional
            Names of the columns that go in; those seen when fitting, or ``x0``, ``x1``, ...

        Returns
        -------
        ndarray of str objects
        """
        names = np.asarray(super().get_feature_names_out(input_features), dtype=object)
        if self.action != "flag":
            return names
        if _FLAG in names:
            raise DataError(f"there is a column named {_FLAG!r} already: rename it")
        return np.append(names, _FLAG)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags


def _within(low: Any, high: Any, dtype: np.dtype) -> tuple[Any, Any]:
    """Return bounds in a dtype of their own, none outside itself by rounding."""
    lows, highs = np.asarray(low).astype(dtype), np.asarray(high).astype(dtype)
    up, down = dtype.type(np.inf), dtype.type(-np.inf)
    return (
        np.where(lows < low, np.nextafter(lows, up), lows),
        np.where(highs > high, np.nextafter(highs, down), highs),
    )


def _keeps_rows(handler: OutlierHandler) -> bool:
    if handler.action == "drop":
        raise AttributeError(
            "OutlierHandler(action='drop') has no transform, because rows go: use fit_resample, "
            "or tamis.pipeline.Pipeline"
        )
    return True


def _drops_rows(handler: OutlierHandler) -> bool:
    if handler.action != "drop":
        raise AttributeError(
            f"OutlierHandler(action={handler.action!r}) has no fit_resample, because no row goes: "
            "use transform, or action='drop'"
        )
    return True


# Here, because scikit-learn wraps `transform` when the class is made and would undo it there.
OutlierHandler.transform = available_if(_keeps_rows)(OutlierHandler.transform)  # type: ignore[method-assign]
OutlierHandler.fit_transform = available_if(_keeps_rows)(OutlierHandler.fit_transform)
OutlierHandler.fit_resample = available_if(_drops_rows)(OutlierHandler.fit_resample)  # type: ignore[method-assign]
