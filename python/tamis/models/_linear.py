"""Least squares and ridge regression."""

from __future__ import annotations

from numbers import Real
from typing import Any

import numpy as np
from scipy import linalg
from sklearn.base import BaseEstimator, MultiOutputMixin, RegressorMixin
from sklearn.utils.validation import check_is_fitted, validate_data

from tamis import _core
from tamis._check import weights_of
from tamis._threads import resolve
from tamis.exceptions import ParameterError

__all__ = ["LinearRegression", "Ridge"]


class _Linear(MultiOutputMixin, RegressorMixin, BaseEstimator):
    """What least squares and ridge share: the fit by the Gram matrix, and prediction."""

    fit_intercept: bool
    n_jobs: int | None

    def _fit(self, X: Any, y: Any, sample_weight: Any, alpha: np.ndarray) -> Any:
        X, y = validate_data(
            self, X, y, dtype=(np.float64, np.float32), multi_output=True, y_numeric=True
        )
        weights = weights_of(sample_weight, X)
        targets = np.asarray(y, dtype=np.float64).reshape(len(X), -1)
        if len(alpha) not in (1, targets.shape[1]):
            raise ParameterError(
                "Number of targets and number of penalties do not correspond: "
                f"{targets.shape[1]} != {len(alpha)}"
            )
        coef, intercept, gram, sound = _core.linear_fit(
            X, targets, weights, bool(self.fit_intercept), alpha, resolve(self.n_jobs)
        )
        if not sound or len(X) < X.shape[1]:
            coef, intercept = _least_norm(X, targets, weights, self.fit_intercept, alpha)
        one = np.ndim(y) == 1
        self.coef_ = (coef[0] if one else coef).astype(X.dtype)
        self.intercept_: Any = 0.0
        if self.fit_intercept:
            self.intercept_ = X.dtype.type(intercept[0]) if one else intercept.astype(X.dtype)
        return gram

    def predict(self, X: Any) -> np.ndarray:
        """Return the predictions, shape (n_samples,) or (n_samples, n_targets)."""
        check_is_fitted(self)
        X = validate_data(self, X, reset=False, dtype=(np.float64, np.float32))
        return X @ self.coef_.T + self.intercept_


def _least_norm(
    X: np.ndarray,
    y: np.ndarray,
    weights: np.ndarray | None,
    intercept: bool,
    alpha: np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:
    """Solve by the singular value decomposition: of all best solutions the one of least norm."""
    X = X.astype(np.float64)
    x_mean, y_mean = np.zeros(X.shape[1]), np.zeros(y.shape[1])
    if intercept:
        x_mean = np.average(X, axis=0, weights=weights)
        y_mean = np.average(y, axis=0, weights=weights)
    X, y = X - x_mean, y - y_mean
    if weights is not None:
        root = np.sqrt(weights)[:, None]
        X, y = X * root, y * root
    left, values, right = linalg.svd(X, full_matrices=False)
    keep = values > values.max(initial=0.0) * max(X.shape) * np.finfo(np.float64).eps
    left, values, right = left[:, keep], values[keep], right[keep]
    shrunk = values[:, None] / (values[:, None] ** 2 + alpha[None, :])
    coef = (right.T @ (shrunk * (left.T @ y))).T
    return coef, y_mean - coef @ x_mean


class LinearRegression(_Linear):
    """Ordinary least squares.

    A drop-in for scikit-learn's class of this name. Solved by the Gram matrix of the centred
    columns in one pass over the rows, in any number of threads with the same bits; where the
    columns are (nearly) dependent, by the singular value decomposition, which gives the solution
    of least norm.

    Parameters
    ----------
    fit_intercept : bool, default=True
        Whether to fit an intercept.
    copy_X : bool, default=True
        Kept for scikit-learn's sake: X is never written to.
    tol : float, default=1e-6
        Kept for scikit-learn's sake: the solution is direct.
    n_jobs : int, optional
        Threads; None uses all cores, 1 in a worker process.
    positive : bool, default=False
        Coefficients that are not negative are not supported yet: True is an error.

    Attributes
    ----------
    coef_ : ndarray of shape (n_features,) or (n_targets, n_features)
    intercept_ : float or ndarray of shape (n_targets,)
    rank_ : int
        Rank of the centred X.
    singular_ : ndarray of shape (min(n_samples, n_features),)
        Singular values of the centred X.
    n_features_in_ : int
    feature_names_in_ : ndarray of str

    Examples
    --------
    >>> import numpy as np
    >>> from tamis.models import LinearRegression
    >>> X = np.array([[1.0, 1.0], [1.0, 2.0], [2.0, 2.0], [2.0, 3.0]])
    >>> model = LinearRegression().fit(X, X @ [1.0, 2.0] + 3.0)
    >>> model.coef_.round(6), round(float(model.intercept_), 6)
    (array([1., 2.]), 3.0)
    """

    def __init__(
        self,
        *,
        fit_intercept: bool = True,
        copy_X: bool = True,
        tol: float = 1e-6,
        n_jobs: int | None = None,
        positive: bool = False,
    ) -> None:
        self.fit_intercept = fit_intercept
        self.copy_X = copy_X
        self.tol = tol
        self.n_jobs = n_jobs
        self.positive = positive

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> LinearRegression:
        """Fit the model.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Finite numbers; float32 stays float32.
        y : array-like of shape (n_samples,) or (n_samples, n_targets)
        sample_weight : array-like of shape (n_samples,), optional

        Returns
        -------
        LinearRegression
        """
        _refuse_positive(self.positive)
        gram = self._fit(X, y, sample_weight, np.zeros(1))
        values = np.sqrt(np.clip(linalg.eigvalsh(gram)[::-1], 0.0, None))
        self.singular_ = values
        self.rank_ = int((values > values.max(initial=0.0) * len(values) * 1e-8).sum())
        return self


class Ridge(_Linear):
    """Least squares with an L2 penalty.

    A drop-in for scikit-learn's class of this name; the solution is direct whatever `solver`
    says.

    Parameters
    ----------
    alpha : float or array of shape (n_targets,), default=1.0
        Strength of the penalty; not negative.
    fit_intercept : bool, default=True
        Whether to fit an intercept, which is not penalised.
    copy_X : bool, default=True
        Kept for scikit-learn's sake: X is never written to.
    max_iter : int, optional
        Kept for scikit-learn's sake.
    tol : float, default=1e-4
        Kept for scikit-learn's sake.
    solver : str, default="auto"
        One of scikit-learn's names. All give the direct solution.
    positive : bool, default=False
        Not supported yet: True is an error.
    random_state : int, optional
        Kept for scikit-learn's sake: nothing is drawn.
    n_jobs : int, optional
        Threads; None uses all cores, 1 in a worker process.

    Attributes
    ----------
    coef_ : ndarray of shape (n_features,) or (n_targets, n_features)
    intercept_ : float or ndarray of shape (n_targets,)
    n_iter_ : None
    solver_ : str
        "cholesky".
    n_features_in_ : int
    feature_names_in_ : ndarray of str

    Examples
    --------
    >>> import numpy as np
    >>> from tamis.models import Ridge
    >>> Ridge(alpha=1.0).fit(np.array([[-1.0], [1.0]]), [-3.0, 3.0]).coef_
    array([2.])
    """

    def __init__(
        self,
        alpha: Any = 1.0,
        *,
        fit_intercept: bool = True,
        copy_X: bool = True,
        max_iter: int | None = None,
        tol: float = 1e-4,
        solver: str = "auto",
        positive: bool = False,
        random_state: Any = None,
        n_jobs: int | None = None,
    ) -> None:
        self.alpha = alpha
        self.fit_intercept = fit_intercept
        self.copy_X = copy_X
        self.max_iter = max_iter
        self.tol = tol
        self.solver = solver
        self.positive = positive
        self.random_state = random_state
        self.n_jobs = n_jobs

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Ridge:
        """Fit the model.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Finite numbers; float32 stays float32.
        y : array-like of shape (n_samples,) or (n_samples, n_targets)
        sample_weight : float or array-like of shape (n_samples,), optional

        Returns
        -------
        Ridge
        """
        _refuse_positive(self.positive)
        known = ("auto", "svd", "cholesky", "lsqr", "sparse_cg", "sag", "saga", "lbfgs")
        if self.solver not in known:
            raise ParameterError(f"solver must be one of {', '.join(known)}; got {self.solver!r}")
        alpha = np.atleast_1d(np.asarray(self.alpha))
        if alpha.dtype.kind not in "iuf" or alpha.ndim != 1 or not (alpha >= 0).all():
            raise ParameterError(
                f"alpha must be a number that is not negative, or one a target; got {self.alpha!r}"
            )
        if isinstance(sample_weight, Real):
            sample_weight = np.full(np.shape(X)[0], float(sample_weight))
        self._fit(X, y, sample_weight, alpha.astype(np.float64))
        self.n_iter_ = None
        self.solver_ = "cholesky"
        return self


def _refuse_positive(positive: bool) -> None:
    if positive:
        raise ParameterError("positive=True is not supported yet: leave it False")
