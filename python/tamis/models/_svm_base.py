"""What the support vector machines share: parameters, the kernel, the fit, sums over vectors."""

from __future__ import annotations

import warnings
from numbers import Integral, Real
from typing import Any

import numpy as np
from scipy import sparse
from sklearn.base import BaseEstimator
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils.extmath import safe_sparse_dot
from sklearn.utils.validation import check_consistent_length, check_is_fitted

from tamis import _core
from tamis._check import validated
from tamis._threads import resolve
from tamis.exceptions import ColumnTypeError, DataError, NotFittedError, ParameterError, ShapeError
from tamis.models._coef import table

__all__: list[str] = []

KERNELS = ("linear", "poly", "rbf", "sigmoid", "precomputed")
#: Above so many rows, a word of warning: time grows with the square of the rows.
MANY = 100_000
#: Steps after which a fit without `max_iter` is given up (libsvm's own bound).
STEPS = 10_000_000


class SvmBase(BaseEstimator):
    """Parameters, kernel values and prediction of support vector machines."""

    kernel: Any
    gamma: Any
    coef0: float
    degree: int
    C: float
    tol: float
    shrinking: bool
    cache_size: float
    max_iter: int
    n_jobs: int | None
    _dual_coef_: Any

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.pairwise = self.kernel == "precomputed"
        tags.input_tags.sparse = self.kernel != "precomputed"
        return tags

    def _check_parameters(self) -> None:
        if not callable(self.kernel) and self.kernel not in KERNELS:
            raise ParameterError(
                f"kernel must be one of {', '.join(KERNELS)} or a callable; got {self.kernel!r}"
            )
        if not isinstance(self.degree, Integral) or not 0 <= self.degree <= 1000:
            raise ParameterError(f"degree must be a whole number from 0; got {self.degree!r}")
        gamma = self.gamma
        if not _is_number(gamma) and not (isinstance(gamma, str) and gamma in ("scale", "auto")):
            raise ParameterError(f"gamma must be 'scale', 'auto' or a number; got {gamma!r}")
        if _is_number(gamma) and not 0 <= gamma < np.inf:
            raise ParameterError(f"gamma must not be negative; got {gamma!r}")
        if not _is_number(self.coef0) or not np.isfinite(self.coef0):
            raise ParameterError(f"coef0 must be a finite number; got {self.coef0!r}")
        for name in ("C", "tol", "cache_size"):
            value = getattr(self, name)
            if not _is_number(value) or not value > 0:
                raise ParameterError(f"{name} must be a positive number; got {value!r}")
        if not isinstance(self.max_iter, Integral) or self.max_iter < -1:
            raise ParameterError(
                f"max_iter must be a whole number, or -1 for no limit; got {self.max_iter!r}"
            )
        for name in ("shrinking", "break_ties"):
            value = getattr(self, name, False)
            if not isinstance(value, bool | np.bool_):
                raise ParameterError(f"{name} must be True or False; got {value!r}")

    def _rows(self, X: Any, y: Any) -> tuple[Any, Any]:
        """Check the training rows; return them and y."""
        if sparse.issparse(X) and isinstance(self.kernel, str) and self.kernel == "precomputed":
            raise ColumnTypeError("Sparse precomputed kernels are not supported.")
        self._sparse = bool(sparse.issparse(X) and not callable(self.kernel))
        if callable(self.kernel):
            check_consistent_length(X, y)
            self._fit_rows = X
            X = self._values(X)
            if X.shape[0] != X.shape[1]:
                raise ShapeError("X.shape[0] should be equal to X.shape[1]")
        else:
            X, y = validated(
                self,
                X,
                y,
                dtype=np.float64,
                order="C",
                accept_sparse="csr",
                accept_large_sparse=False,
            )
        n = X.shape[0]
        if self.kernel == "precomputed" and n != X.shape[1]:
            raise ShapeError(
                "Precomputed matrix must be a square matrix."
                f" Input is a {X.shape[0]}x{X.shape[1]} matrix."
            )
        if n > MANY:
            warnings.warn(
                f"{type(self).__name__} on {n} rows may take hours, for its time grows with the "
                "square of the rows: fit a part of them, or take a linear model (LinearSVC, "
                "SGDClassifier, SGDRegressor), if need be on columns from "
                "sklearn.kernel_approximation",
                stacklevel=3,
            )
        self._gamma = self._width(X)
        return X, y

    def _width(self, X: Any) -> float:
        """Return gamma as a number."""
        if callable(self.kernel) or self.kernel == "precomputed":
            return 0.0
        if not isinstance(self.gamma, str):
            return float(self.gamma)
        spread = 1.0
        if self.gamma == "scale":
            with np.errstate(over="ignore"):  # values too large are told of by the kernel
                spread = X.multiply(X).mean() - X.mean() ** 2 if self._sparse else X.var()
        return float(1.0 / (X.shape[1] * spread)) if spread != 0 else 1.0

    def _values(self, X: Any) -> np.ndarray:
        """Return what a callable kernel makes of rows and the training rows."""
        values = self.kernel(X, self._fit_rows)
        if sparse.issparse(values):
            values = values.toarray()
        return np.asarray(values, dtype=np.float64, order="C")

    def _bounds(self, sample_weight: Any, n: int) -> np.ndarray:
        """Return C times the weight of each row."""
        if sample_weight is None:
            return np.full(n, float(self.C))
        weights = np.asarray(sample_weight, dtype=np.float64)
        if weights.shape != (n,):
            raise ShapeError(
                f"sample_weight and X have incompatible shapes: {weights.shape} for {n} rows"
            )
        if np.isnan(weights).any():
            raise DataError("sample_weight contains NaN")
        if not (weights > 0).any():
            raise DataError("Invalid input - all samples have zero or negative weights.")
        return np.maximum(weights * float(self.C), 0.0)

    def _spec(self) -> tuple[str, float, float, int]:
        kernel = "precomputed" if callable(self.kernel) else self.kernel
        return kernel, self._gamma, float(self.coef0), int(self.degree)

    def _how(self, n: int) -> tuple[float, int, bool, int]:
        steps = int(self.max_iter) if self.max_iter >= 0 else max(STEPS, 100 * n)
        cache = int(min(float(self.cache_size) * 2**20, 2.0**62))
        return float(self.tol), cache, bool(self.shrinking), steps

    def _keep(self, X: Any, dual: np.ndarray, support: np.ndarray, found: Any) -> None:
        """Set the attributes that classes and regression share; `dual` is of the vectors."""
        _, intercept, steps, converged, objective = found
        self.support_ = support.astype(np.int32)
        given = callable(self.kernel) or self.kernel == "precomputed"
        self.support_vectors_ = np.empty((0, 0)) if given else X[support]
        self.intercept_ = np.array(intercept)
        self.dual_coef_ = sparse.csr_array(dual) if self._sparse else dual
        self.shape_fit_ = X.shape
        self.objective_ = np.array(objective)
        self.n_iter_: Any = np.array(steps, dtype=np.int32)
        self.fit_status_ = 0 if converged else 1
        self._intercept_, self._dual_coef_ = self.intercept_.copy(), self.dual_coef_
        if not np.isfinite(self.intercept_).all() or not np.isfinite(dual).all():
            raise DataError(
                "The dual coefficients or intercepts are not finite. The input data may contain "
                "large values and need to be preprocessed."
            )
        if not converged:
            warnings.warn(
                f"Solver terminated early (max_iter={self.max_iter}).  Consider pre-processing "
                "your data with StandardScaler or MinMaxScaler.",
                ConvergenceWarning,
                stacklevel=3,
            )

    def _sums(self, X: Any, ends: list[int]) -> np.ndarray:
        """Return sums of kernel values times coefficients, shape (n, parts of vectors, lines)."""
        check_is_fitted(self)
        if callable(self.kernel):
            X = self._values(X)
        else:
            X = validated(
                self,
                X,
                accept_sparse="csr",
                dtype=np.float64,
                order="C",
                accept_large_sparse=False,
                reset=False,
            )
            if sparse.issparse(X) and not self._sparse:
                raise DataError(
                    f"cannot use sparse input in {type(self).__name__!r} trained on dense data"
                )
        dual = self._dual_coef_.toarray() if self._sparse else self._dual_coef_
        if callable(self.kernel) or self.kernel == "precomputed":
            if X.ndim != 2 or X.shape[1] != self.shape_fit_[0]:
                raise ShapeError(
                    f"X.shape[1] = {X.shape[-1]} should be equal to {self.shape_fit_[0]}, "
                    "the number of samples at training time"
                )
            starts = [0, *ends[:-1]]
            parts = [
                X[:, self.support_[a:b]] @ dual[:, a:b].T for a, b in zip(starts, ends, strict=True)
            ]
            return np.stack(parts, axis=1)
        if self.support_vectors_.shape[0] != ends[-1]:
            raise DataError(f"The internal representation of {type(self).__name__} was altered")
        if self._sparse and not sparse.issparse(X):
            X = sparse.csr_array(X)
        dual = np.ascontiguousarray(dual, dtype=np.float64)
        flat = _core.svm_scores(
            self._spec(),
            table(self.support_vectors_),
            dual,
            ends,
            table(X),
            resolve(self.n_jobs),
        )
        return flat.reshape(len(flat), len(ends), len(dual))

    @property
    def n_support_(self) -> np.ndarray:
        """Number of support vectors: of each class, or in all."""
        try:
            check_is_fitted(self)
        except NotFittedError:
            raise AttributeError("n_support_") from None
        return self._n_support

    @property
    def coef_(self) -> Any:
        """Weights of the features, for ``kernel="linear"``."""
        if not isinstance(self.kernel, str) or self.kernel != "linear":
            raise AttributeError("coef_ is only available when using a linear kernel")
        coef = self._coef()
        (coef.data if sparse.issparse(coef) else coef).flags.writeable = False
        return coef

    def _coef(self) -> Any:
        return safe_sparse_dot(self._dual_coef_, self.support_vectors_)


def _is_number(value: Any) -> bool:
    return isinstance(value, Real) and not isinstance(value, bool) and not np.isnan(float(value))
