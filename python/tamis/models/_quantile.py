"""Linear regression to a quantile."""

from __future__ import annotations

import warnings
from numbers import Real
from typing import Any

import numpy as np
from scipy import optimize, sparse
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils.extmath import safe_sparse_dot
from sklearn.utils.validation import check_is_fitted

from tamis._check import validated
from tamis.exceptions import ParameterError
from tamis.models._coef import positive_weights

__all__ = ["QuantileRegressor"]

_SOLVERS = ("highs", "highs-ds", "highs-ipm")


class QuantileRegressor(RegressorMixin, BaseEstimator):
    """Linear regression to a quantile, with a penalty of absolute values.

    A drop-in for scikit-learn's class of this name. It minimises the mean pinball loss plus
    ``alpha * |b|_1`` as a linear programme: its dual, which has a row a column of X and no more,
    solved by HiGHS; the coefficients are the prices of its rows.

    Parameters
    ----------
    quantile : float in (0, 1), default=0.5
    alpha : float, default=1.0
        Strength of the penalty; not negative.
    fit_intercept : bool, default=True
        Whether to fit an intercept, which is not penalised.
    solver : {"highs", "highs-ds", "highs-ipm"}, default="highs"
        The method of `scipy.optimize.linprog`.
    solver_options : dict, optional
        Its options.

    Attributes
    ----------
    coef_ : ndarray of shape (n_features,)
    intercept_ : float
    n_iter_ : int
    n_features_in_ : int
    feature_names_in_ : ndarray of str

    Notes
    -----
    Where several answers are best, another one than scikit-learn's may come out.

    References
    ----------
    Koenker and Bassett (1978), Regression quantiles.

    Examples
    --------
    >>> import numpy as np
    >>> from tamis.models import QuantileRegressor
    >>> X = np.arange(11.0)[:, None]
    >>> y = 2 * X[:, 0] + 1
    >>> y[10] = 500.0
    >>> model = QuantileRegressor(quantile=0.5, alpha=0.0).fit(X, y)
    >>> model.coef_.round(6), round(float(model.intercept_), 6)
    (array([2.]), 1.0)
    """

    def __init__(
        self,
        *,
        quantile: float = 0.5,
        alpha: float = 1.0,
        fit_intercept: bool = True,
        solver: str = "highs",
        solver_options: Any = None,
    ) -> None:
        self.quantile = quantile
        self.alpha = alpha
        self.fit_intercept = fit_intercept
        self.solver = solver
        self.solver_options = solver_options

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> QuantileRegressor:
        """Fit the model.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)
        y : array-like of shape (n_samples,)
        sample_weight : array-like of shape (n_samples,), optional

        Returns
        -------
        QuantileRegressor

        Warns
        -----
        ConvergenceWarning
            If the solver gave up.
        """
        self._check()
        X, y = validated(self, X, y, accept_sparse=("csr", "csc"), y_numeric=True, dtype=np.float64)
        weights = positive_weights(sample_weight, X)
        p, alpha = X.shape[1], self.alpha * weights.sum()
        blocks = [sparse.csr_array(X).T, sparse.eye_array(p)]
        rows = sparse.hstack(blocks, format="csc")
        if self.fit_intercept:
            ones = np.append(np.ones(len(y)), np.zeros(p))[None, :]
            rows = sparse.vstack([sparse.csc_array(ones), rows], format="csc")
        low = np.append(-(1 - self.quantile) * weights, np.full(p, -alpha))
        high = np.append(self.quantile * weights, np.full(p, alpha))
        done = optimize.linprog(
            np.append(-np.asarray(y, dtype=np.float64), np.zeros(p)),
            A_eq=rows,
            b_eq=np.zeros(rows.shape[0]),
            bounds=np.column_stack([low, high]),
            method=self.solver,
            options=self.solver_options,
        )
        prices = done.eqlin.marginals if done.x is not None else None
        if not done.success:
            warnings.warn(
                "Linear programming for QuantileRegressor did not succeed.\n"
                f"Status is {done.status}: {done.message}",
                ConvergenceWarning,
                stacklevel=2,
            )
        if prices is None:
            prices = np.full(rows.shape[0], np.nan)
        first = int(bool(self.fit_intercept))
        self.coef_ = -prices[first:]
        self.intercept_ = float(-prices[0]) if first else 0.0
        self.n_iter_ = int(done.nit)
        return self

    def _check(self) -> None:
        if not isinstance(self.quantile, Real) or not 0 < self.quantile < 1:
            raise ParameterError(f"quantile must lie between 0 and 1; got {self.quantile!r}")
        if not isinstance(self.alpha, Real) or not 0 <= self.alpha < np.inf:
            raise ParameterError(f"alpha must be a number that is not negative; got {self.alpha!r}")
        if self.solver not in _SOLVERS:
            raise ParameterError(f"solver must be one of {_SOLVERS}; got {self.solver!r}")
        if not isinstance(self.solver_options, dict | None):
            raise ParameterError(f"solver_options must be a dict; got {self.solver_options!r}")

    def predict(self, X: Any) -> np.ndarray:
        """Return the predictions, shape (n_samples,)."""
        check_is_fitted(self)
        X = validated(self, X, reset=False, accept_sparse="csr", dtype=np.float64)
        return np.asarray(safe_sparse_dot(X, self.coef_) + self.intercept_)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags
