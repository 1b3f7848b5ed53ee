"""What linear models share: coefficients that may be sparse, and rows for the kernels."""

from __future__ import annotations

from numbers import Integral, Real
from typing import Any

import numpy as np
from scipy import sparse
from sklearn.utils.extmath import safe_sparse_dot
from sklearn.utils.validation import check_is_fitted

from tamis._check import validated, weights_of
from tamis.exceptions import DataError, ParameterError

__all__ = [
    "LinearClassMixin",
    "SparseCoefMixin",
    "cells",
    "check_penalty",
    "positive_weights",
    "table",
]


class LinearClassMixin:
    """Scores and classes of a linear model."""

    classes_: np.ndarray
    coef_: Any
    intercept_: Any

    def decision_function(self, X: Any) -> np.ndarray:
        """Return the scores, shape (n_samples,) for two classes, else (n_samples, n_classes)."""
        check_is_fitted(self)
        X = validated(self, X, reset=False, dtype=(np.float64, np.float32), accept_sparse="csr")
        scores = safe_sparse_dot(X, self.coef_.T, dense_output=True) + self.intercept_
        return np.asarray(scores[:, 0] if len(self.classes_) == 2 else scores)

    def predict(self, X: Any) -> np.ndarray:
        """Return the likeliest class of each row."""
        scores = self.decision_function(X)
        best = (scores > 0).astype(int) if scores.ndim == 1 else scores.argmax(axis=1)
        return np.asarray(self.classes_[best])


class SparseCoefMixin:
    """Coefficients as a sparse matrix, and back."""

    coef_: Any

    def densify(self) -> Any:
        """Turn `coef_` into an array, as `fit` leaves it; returns the model."""
        check_is_fitted(self)
        if sparse.issparse(self.coef_):
            self.coef_ = self.coef_.toarray()
        return self

    def sparsify(self) -> Any:
        """Turn `coef_` into a sparse matrix, which pays where most are zero; returns the model."""
        check_is_fitted(self)
        self.coef_ = sparse.csr_matrix(self.coef_)
        return self


def table(X: Any) -> Any:
    """Return rows as the kernels take them: an array, or the parts of a sparse matrix."""
    if not sparse.issparse(X):
        return X
    starts, columns = X.indptr.astype(np.int64), X.indices.astype(np.int64)
    return starts, columns, X.data.astype(np.float64), X.shape[1]


def cells(X: Any) -> Any:
    """Return rows as the kernels take them that read each precision: no copy, as a rule."""
    if not sparse.issparse(X):
        return np.ascontiguousarray(X)
    if not X.has_canonical_format:
        X = X.copy()
        X.sum_duplicates()
    if X.nnz > np.iinfo(np.int32).max:
        raise DataError(
            f"a sparse matrix may hold 2**31 - 1 cells here; got {X.nnz}: take fewer rows"
        )
    starts, columns = X.indptr.astype(np.int32, copy=False), X.indices.astype(np.int32, copy=False)
    return starts, columns, X.data, X.shape[1]


def positive_weights(sample_weight: Any, X: Any) -> np.ndarray:
    """Return weights of the rows, ones where none were given."""
    weights = weights_of(sample_weight, X)
    if weights is None:
        return np.ones(X.shape[0])
    if not np.isfinite(weights).all() or (weights < 0).any() or not weights.any():
        raise DataError(
            "Sample weights must be finite and not negative, and at least one element must be "
            "non-zero (positive)"
        )
    return weights


def check_penalty(model: Any) -> None:
    """Check the parameters of a penalised regression: alpha, l1_ratio, tol and max_iter."""
    for name, good, what in (
        ("alpha", lambda v: 0 <= v < np.inf, "a number that is not negative"),
        ("l1_ratio", lambda v: 0 <= v <= 1, "a number between 0 and 1"),
        ("tol", lambda v: 0 <= v < np.inf, "a number that is not negative"),
    ):
        value = getattr(model, name)
        if not isinstance(value, Real) or not good(value):
            raise ParameterError(f"{name} must be {what}; got {value!r}")
    if not isinstance(model.max_iter, Integral) or model.max_iter < 1:
        raise ParameterError(f"max_iter must be a whole number from 1; got {model.max_iter!r}")
