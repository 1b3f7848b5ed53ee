"""What linear models share: coefficients that may be sparse, and rows for the kernels."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import sparse
from sklearn.utils.validation import check_is_fitted

from tamis._check import weights_of
from tamis.exceptions import DataError

__all__ = ["SparseCoefMixin", "positive_weights", "table"]


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
