"""Linear regression that bears outliers."""

from __future__ import annotations

from numbers import Integral, Real
from typing import Any

import numpy as np
from scipy import optimize, sparse
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.utils.extmath import safe_sparse_dot
from sklearn.utils.validation import check_is_fitted

from tamis._check import validated
from tamis.exceptions import DataError, NotConvergedError, ParameterError
from tamis.models._coef import positive_weights

__all__ = ["HuberRegressor"]


class HuberRegressor(RegressorMixin, BaseEstimator):
    """Linear regression whose loss is squared near the line and straight beyond.

    A drop-in for scikit-learn's class of this name. It minimises the sum of
    ``w * (sigma + H((x b + c - y) / sigma) * sigma)`` plus ``alpha * |b|_2^2`` over the
    coefficients and the scale, where H is twice `tamis.losses.Huber`, by L-BFGS in scaled columns.

    Parameters
    ----------
    epsilon : float >= 1, default=1.35
        How many sigmas from the line the loss turns straight.
    max_iter : int, default=100
        The most steps.
    alpha : float, default=0.0001
        Strength of the penalty of the squares; not negative.
    warm_start : bool, default=False
        Start from the fit before.
    fit_intercept : bool, default=True
        Whether to fit an intercept, which is not penalised.
    tol : float, default=1e-5
        Stop when no part of the gradient is larger.

    Attributes
    ----------
    coef_ : ndarray of shape (n_features,)
    intercept_ : float
    scale_ : float
        Sigma.
    n_iter_ : int
    outliers_ : ndarray of bool, shape (n_samples,)
        Rows beyond epsilon sigmas.
    n_features_in_ : int
    feature_names_in_ : ndarray of str

    References
    ----------
    Owen (2007), A robust hybrid of lasso and ridge regression.

    Examples
    --------
    >>> import numpy as np
    >>> from tamis.models import HuberRegressor
    >>> X = np.arange(20.0)[:, None]
    >>> y = 3 * X[:, 0] + np.where(np.arange(20) % 2, 0.1, -0.1)
    >>> y[7] = 1000.0
    >>> model = HuberRegressor().fit(X, y)
    >>> model.coef_.round(2), model.outliers_.nonzero()[0]
    (array([3.]), array([7]))
    """

    coef_: np.ndarray
    intercept_: float
    scale_: float

    def __init__(
        self,
        *,
        epsilon: float = 1.35,
        max_iter: int = 100,
        alpha: float = 0.0001,
        warm_start: bool = False,
        fit_intercept: bool = True,
        tol: float = 1e-05,
    ) -> None:
        self.epsilon = epsilon
        self.max_iter = max_iter
        self.alpha = alpha
        self.warm_start = warm_start
        self.fit_intercept = fit_intercept
        self.tol = tol

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> HuberRegressor:
        """Fit the model.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)
        y : array-like of shape (n_samples,)
        sample_weight : array-like of shape (n_samples,), optional

        Returns
        -------
        HuberRegressor

        Raises
        ------
        NotConvergedError
            If the search failed for another reason than `max_iter`.
        """
        self._check()
        X, y = validated(
            self, X, y, accept_sparse="csr", y_numeric=True, dtype=(np.float64, np.float32)
        )
        y = np.asarray(y, dtype=np.float64)
        weights = positive_weights(sample_weight, X)
        p = X.shape[1]
        scale = _scale(X, weights / weights.sum())
        theta = np.zeros(p + 2)
        theta[p + 1] = 1.0
        if self.warm_start and hasattr(self, "coef_"):
            theta[:p], theta[p], theta[p + 1] = self.coef_ * scale, self.intercept_, self.scale_
        bounds = [(None, None)] * (p + 1) + [(np.finfo(np.float64).eps * 10, None)]
        done = optimize.minimize(
            _objective,
            theta,
            args=(X, y, weights, scale, float(self.epsilon), float(self.alpha), self.fit_intercept),
            method="L-BFGS-B",
            jac=True,
            options={
                "maxiter": self.max_iter,
                "gtol": self.tol,
                "ftol": 64 * np.finfo(np.float64).eps,
            },
            bounds=bounds,
        )
        if not np.isfinite(done.x).all() or (done.status == 2 and done.nit == 0):
            raise NotConvergedError(
                f"HuberRegressor convergence failed: {done.message}. Look for values that are too "
                "large, or scale y"
            )
        self.n_iter_ = min(int(done.nit), self.max_iter)
        self.coef_ = done.x[:p] / scale
        self.scale_ = float(done.x[p + 1])
        self.intercept_ = float(done.x[p]) if self.fit_intercept else 0.0
        left = np.abs(y - safe_sparse_dot(X, self.coef_) - self.intercept_)
        self.outliers_ = left > self.scale_ * self.epsilon
        return self

    def _check(self) -> None:
        for name, low in (("epsilon", 1.0), ("alpha", 0.0), ("tol", 0.0)):
            value = getattr(self, name)
            if not isinstance(value, Real) or not low <= float(value) < np.inf:
                raise ParameterError(f"{name} must be a number from {low:g}; got {value!r}")
        if not isinstance(self.max_iter, Integral) or self.max_iter < 0:
            raise ParameterError(f"max_iter must be a whole number from 0; got {self.max_iter!r}")

    def predict(self, X: Any) -> np.ndarray:
        """Return the predictions, shape (n_samples,)."""
        check_is_fitted(self)
        X = validated(self, X, reset=False, accept_sparse="csr", dtype=(np.float64, np.float32))
        return np.asarray(safe_sparse_dot(X, self.coef_) + self.intercept_)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags


def _scale(X: Any, shares: np.ndarray) -> np.ndarray:
    """Return the root of the mean square of each column, 1 for those of zeros."""
    squares = X.multiply(X) if sparse.issparse(X) else np.square(X, dtype=np.float64)
    scale = np.sqrt(np.asarray(squares.T @ shares).ravel())
    if not np.isfinite(scale).all():
        raise DataError("X holds values whose squares are not finite: scale it")
    scale[scale == 0] = 1.0
    return scale


def _objective(
    theta: np.ndarray,
    X: Any,
    y: np.ndarray,
    weights: np.ndarray,
    scale: np.ndarray,
    epsilon: float,
    alpha: float,
    intercept: bool,
) -> tuple[float, np.ndarray]:
    """Return the objective and its gradient at (coefficients of scaled columns, c, sigma)."""
    from tamis.losses import Huber

    p, sigma = X.shape[1], theta[-1]
    coef = theta[:p] / scale
    z = (safe_sparse_dot(X, coef) + theta[p] - y) / sigma
    loss = Huber(epsilon)
    value, slope = 2 * loss.value(np.zeros_like(z), z), 2 * loss.gradient(np.zeros_like(z), z)
    gradient = np.empty(p + 2)
    gradient[:p] = (safe_sparse_dot(X.T, weights * slope) + 2 * alpha * coef) / scale
    gradient[p] = (weights * slope).sum() if intercept else 0.0
    gradient[p + 1] = (weights * (1 + value - slope * z)).sum()
    return float((weights * (1 + value) * sigma).sum() + alpha * coef @ coef), gradient
