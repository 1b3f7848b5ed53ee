"""What linear models share: coefficients that may be sparse, and rows for the kernels."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import sparse
from sklearn.utils.validation import check_is_fitted

__all__ = ["SparseCoefMixin", "table"]


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
