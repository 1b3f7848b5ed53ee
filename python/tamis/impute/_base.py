"""What the imputers share: where values are missing, the indicator, names of what comes out."""

from __future__ import annotations

import math
import numbers
import warnings
from typing import Any

import numpy as np
from scipy import sparse
from sklearn.base import BaseEstimator, OneToOneFeatureMixin, TransformerMixin
from sklearn.impute import MissingIndicator
from sklearn.utils.validation import check_is_fitted, validate_data

from tamis._check import refuse_times, where_text
from tamis._frame import is_frame
from tamis.exceptions import DataError, ParameterError

#: Precisions that the kernels take; others become the first.
FLOATS = [np.float64, np.float32]


def is_nan(value: Any) -> bool:
    """Return whether a marker of missing values is NaN or pandas' NA."""
    return is_na(value) or (isinstance(value, numbers.Real) and math.isnan(value))


def is_na(value: Any) -> bool:
    """Return whether a marker of missing values is pandas' NA."""
    return type(value).__name__ == "NAType"


def missing_mask(X: np.ndarray, missing_values: Any) -> np.ndarray:
    """Return where an array equals the marker; NaN and NA equal themselves."""
    if not is_nan(missing_values):
        return np.asarray(missing_values == X, dtype=bool)
    if X.dtype.kind == "f":
        return np.isnan(X)
    if X.dtype.kind != "O":
        return np.zeros(X.shape, dtype=bool)
    import pandas as pd

    mask = np.asarray(pd.isna(X))
    if is_na(missing_values):
        return mask
    # None is a value of its own, as in scikit-learn.
    return mask & ~np.frompyfunc(lambda v: v is None, 1, 1)(X).astype(bool)


class Imputer(OneToOneFeatureMixin, TransformerMixin, BaseEstimator):
    """Base of the imputers. A subclass has `missing_values`, `add_indicator` and says `_kept`."""

    missing_values: Any
    add_indicator: bool
    keep_empty_features: bool
    indicator_: MissingIndicator | None

    def _numbers(self, X: Any, *, fitting: bool, **how: Any) -> Any:
        """Return X as numbers, checked; an error names the column of text or of times."""
        refuse_times(self, X)
        try:
            return validate_data(self, X, reset=fitting, ensure_all_finite=False, **how)
        except ValueError as error:
            if "could not convert" not in str(error):
                raise
            hint = ': call set_output(transform="pandas") to have any type imputed'
            raise DataError(
                f"{type(self).__name__} takes numbers:\n{error}{where_text(self, X)}"
                f"{hint if is_frame(X) and hasattr(self, '_fit_frame') else ''}"
            ) from None

    def _check_marker(self, X: Any) -> None:
        """Refuse a marker that numbers cannot equal."""
        number = is_nan(self.missing_values) or isinstance(self.missing_values, numbers.Real)
        if X.dtype.kind in "fiu" and not number:
            raise DataError(
                "'X' and 'missing_values' types are expected to be both numerical. Got "
                f"X.dtype={X.dtype} and missing_values={self.missing_values!r}"
            )

    def _check_flags(self, *flags: str) -> None:
        for flag in ("add_indicator", "keep_empty_features", *flags):
            if not isinstance(getattr(self, flag), bool | np.bool_):
                raise ParameterError(f"{flag} must be True or False; got {getattr(self, flag)!r}")

    def _fit_indicator(self, X: Any) -> None:
        self.indicator_ = None
        if self.add_indicator:
            marker = np.nan if is_na(self.missing_values) else self.missing_values
            self.indicator_ = MissingIndicator(missing_values=marker, error_on_new=False)
            self.indicator_.fit(self._plain(X))

    def _plain(self, X: Any) -> Any:
        """Return X with NaN for pandas' NA, which the indicator does not know."""
        if not is_na(self.missing_values) or X.dtype.kind != "O":
            return X
        return np.where(missing_mask(X, self.missing_values), np.nan, X)

    def _indicated(self, X: Any) -> Any:
        """Return the indicator's columns for X as it is before imputation, or None."""
        if self.indicator_ is None:
            return None
        return self.indicator_.transform(self._plain(X))

    @staticmethod
    def _joined(X: Any, indicated: Any) -> Any:
        if indicated is None:
            return X
        if sparse.issparse(X):
            return sparse.hstack((X, indicated), format=X.format)
        return np.hstack((X, indicated))

    def _kept(self) -> np.ndarray:
        """Return which columns come out, as a mask."""
        raise NotImplementedError

    def _warn_of_dropped(self, kept: np.ndarray, how: str) -> None:
        names = getattr(self, "feature_names_in_", np.arange(len(kept)))
        warnings.warn(
            f"Skipping features without any observed values: {names[~kept]}. At least one "
            f"non-missing value is needed for imputation with {how}.",
            UserWarning,
            stacklevel=4,  # past transform and scikit-learn's wrapper of it
        )

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
        check_is_fitted(self, "n_features_in_")
        names = np.asarray(super().get_feature_names_out(input_features), dtype=object)
        out = names[self._kept()]
        if self.indicator_ is None:
            return out
        return np.concatenate([out, self.indicator_.get_feature_names_out(names)])

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = is_nan(self.missing_values)
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags
