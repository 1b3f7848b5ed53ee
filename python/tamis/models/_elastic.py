"""Lasso and elastic net."""

from __future__ import annotations

import warnings
from numbers import Real
from typing import Any

import numpy as np
from scipy import sparse
from sklearn.base import BaseEstimator, MultiOutputMixin, RegressorMixin
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import enet_path, lasso_path
from sklearn.utils import check_random_state
from sklearn.utils.extmath import safe_sparse_dot
from sklearn.utils.validation import check_is_fitted

from tamis import _core
from tamis._check import validated, weights_of
from tamis._threads import resolve
from tamis.exceptions import DataError, ParameterError
from tamis.models._coef import check_penalty, table

__all__ = ["ElasticNet", "Lasso"]


class ElasticNet(MultiOutputMixin, RegressorMixin, BaseEstimator):
    """Least squares with a penalty of absolute values and squares.

    A drop-in for scikit-learn's class of this name. It minimises the mean squared error over two,
    plus ``alpha * (l1_ratio * |b|_1 + (1 - l1_ratio) * |b|_2^2 / 2)``, by coordinate descent: on
    the Gram matrix of the centred columns, which takes one pass over the rows in any number of
    threads with the same bits, or on the residuals where there are more columns than rows.

    Parameters
    ----------
    alpha : float, default=1.0
        Strength of the penalty; not negative.
    l1_ratio : float in [0, 1], default=0.5
        The share of the penalty that is of absolute values: 1 is the lasso.
    fit_intercept : bool, default=True
        Whether to fit an intercept, which is not penalised.
    precompute : bool or array of shape (n_features, n_features), default=False
        X'X (X'WX with weights that add up to the number of rows) where it is known, of centred
        columns if there is an intercept; one of its cells is checked. Whatever a bool
        says, the matrix is made where it pays.
    max_iter : int, default=1000
        The most sweeps over the coefficients.
    copy_X : bool, default=True
        Kept for scikit-learn's sake: X is never written to.
    tol : float, default=1e-4
        Stop when the duality gap is below this share of the mean square of the centred y.
    warm_start : bool, default=False
        Start from the coefficients of the fit before.
    positive : bool, default=False
        Whether coefficients must not be negative.
    random_state : int or RandomState, optional
        Seed of ``selection="random"``.
    selection : {"cyclic", "random"}, default="cyclic"
        Whether coefficients are taken one after another or drawn.
    n_jobs : int, optional
        Threads; None uses all cores, 1 in a worker process.

    Attributes
    ----------
    coef_ : ndarray of shape (n_features,) or (n_targets, n_features)
    sparse_coef_ : sparse array of shape (n_targets, n_features)
    intercept_ : float or ndarray of shape (n_targets,)
    n_iter_ : int or list of int
        Sweeps made.
    dual_gap_ : float or ndarray of shape (n_targets,)
    n_features_in_ : int
    feature_names_in_ : ndarray of str

    Notes
    -----
    What differs from scikit-learn: after a full sweep only coefficients that are not zero are
    swept until they rest, so two fits of five sweeps are not one of ten; input is checked whatever
    `check_input` says.

    References
    ----------
    Friedman, Hastie and Tibshirani (2010), Regularization paths for generalized linear models via
    coordinate descent.

    Examples
    --------
    >>> import numpy as np
    >>> from tamis.models import ElasticNet
    >>> X = np.array([[-1.0, 0.0], [0.0, 0.1], [1.0, -0.1]])
    >>> ElasticNet(alpha=0.1).fit(X, [-3.0, 0.0, 3.0]).coef_.round(3)
    array([2.721, 0.   ])
    """

    coef_: np.ndarray
    path = staticmethod(enet_path)

    def __init__(
        self,
        alpha: float = 1.0,
        *,
        l1_ratio: float = 0.5,
        fit_intercept: bool = True,
        precompute: Any = False,
        max_iter: int = 1000,
        copy_X: bool = True,
        tol: float = 1e-4,
        warm_start: bool = False,
        positive: bool = False,
        random_state: Any = None,
        selection: str = "cyclic",
        n_jobs: int | None = None,
    ) -> None:
        self.alpha = alpha
        self.l1_ratio = l1_ratio
        self.fit_intercept = fit_intercept
        self.precompute = precompute
        self.max_iter = max_iter
        self.copy_X = copy_X
        self.tol = tol
        self.warm_start = warm_start
        self.positive = positive
        self.random_state = random_state
        self.selection = selection
        self.n_jobs = n_jobs

    def fit(self, X: Any, y: Any, sample_weight: Any = None, check_input: bool = True) -> Any:
        """Fit the model.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)
            Finite numbers; float32 stays float32.
        y : array-like of shape (n_samples,) or (n_samples, n_targets)
        sample_weight : float or array-like of shape (n_samples,), optional
        check_input : bool, default=True
            Kept for scikit-learn's sake: input is always checked.

        Returns
        -------
        self

        Warns
        -----
        ConvergenceWarning
            If `max_iter` sweeps were not enough.
        """
        self._check()
        if self.alpha == 0:
            warnings.warn(
                "With alpha=0, this algorithm does not converge well. You are advised to use the "
                "LinearRegression estimator",
                stacklevel=2,
            )
        X, targets, weights, shape = self._take(X, y, sample_weight)
        start = None
        if self.warm_start and hasattr(self, "coef_"):
            start = np.atleast_2d(self.coef_).astype(np.float64)
        gram = given_gram(self.precompute, X, weights, bool(self.fit_intercept))
        coef, intercept, gap, steps, goal, _ = self._run(
            X, targets, weights, np.array([float(self.alpha)]), start, gram
        )
        if (gap[0] > goal).any():
            warnings.warn(
                f"coordinate descent did not converge in {self.max_iter} sweeps: raise max_iter, "
                "scale the columns, or penalise more. "
                f"Duality gap: {gap[0].max():.6e}, tolerance: {goal.min():.3e}",
                ConvergenceWarning,
                stacklevel=2,
            )
        if not (np.isfinite(coef).all() and np.isfinite(intercept).all()):
            raise DataError(
                "Coordinate descent gave coefficients that are not finite: X or y holds values "
                "that are too large; scale them"
            )
        many = targets.shape[1] > 1
        self.coef_ = (coef[0] if many else coef[0, 0]).astype(X.dtype)
        self.dual_gap_ = gap[0].astype(X.dtype) if many else X.dtype.type(gap[0, 0])
        self.n_iter_ = steps[0].tolist() if many else int(steps[0, 0])
        self.intercept_: Any = 0.0
        if self.fit_intercept:
            one = len(shape) == 1
            self.intercept_ = X.dtype.type(intercept[0, 0]) if one else intercept[0].astype(X.dtype)
        return self

    def _take(self, X: Any, y: Any, sample_weight: Any) -> tuple[Any, Any, Any, tuple[int, ...]]:
        """Return X, the targets as a matrix, the weights, and the shape of y."""
        X, y = validated(
            self,
            X,
            y,
            dtype=(np.float64, np.float32),
            multi_output=True,
            y_numeric=True,
            accept_sparse="csc",
        )
        shape = np.shape(y)
        targets = np.asarray(y, dtype=np.float64).reshape(X.shape[0], -1)
        given = None if isinstance(sample_weight, Real) else sample_weight
        return X, targets, weights_of(given, X), shape

    def _run(
        self,
        X: Any,
        targets: Any,
        weights: Any,
        alphas: np.ndarray,
        start: Any,
        gram: np.ndarray | None = None,
    ) -> Any:
        """Return what the kernel makes for penalties after each other."""
        seed = None
        if self.selection == "random":
            seed = int(check_random_state(self.random_state).randint(2**31 - 1))
        cells = table(X)
        if sparse.issparse(X):
            cells = (*cells[:3], X.shape[0])
        return _core.elastic_path(
            cells,
            gram,
            targets,
            weights,
            alphas,
            float(self.l1_ratio),
            bool(self.fit_intercept),
            bool(self.positive),
            int(self.max_iter),
            float(self.tol),
            seed,
            start,
            resolve(self.n_jobs),
        )

    def _check(self) -> None:
        check_penalty(self)
        if self.selection not in ("cyclic", "random"):
            raise ParameterError(f"selection must be cyclic or random; got {self.selection!r}")

    @property
    def sparse_coef_(self) -> Any:
        """The coefficients as a sparse array, shape (n_targets, n_features)."""
        return sparse.csr_array(np.atleast_2d(self.coef_))

    def predict(self, X: Any) -> np.ndarray:
        """Return the predictions, shape (n_samples,) or (n_samples, n_targets)."""
        check_is_fitted(self)
        X = validated(self, X, reset=False, dtype=(np.float64, np.float32), accept_sparse="csr")
        return np.asarray(safe_sparse_dot(X, self.coef_.T, dense_output=True) + self.intercept_)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags


def given_gram(given: Any, X: Any, weights: Any, intercept: bool) -> np.ndarray | None:
    """Return the Gram matrix that the caller gave, checked as scikit-learn does, or None."""
    if isinstance(given, bool | np.bool_) or (isinstance(given, str) and given == "auto"):
        return None
    if not hasattr(given, "__array__") and not isinstance(given, list | tuple):
        raise ParameterError(f"precompute must be True, False or a Gram matrix; got {given!r}")
    gram, p = np.asarray(given, dtype=np.float64), X.shape[1]
    if gram.shape != (p, p):
        raise ParameterError(f"precompute must have shape {(p, p)}; got {gram.shape}")
    if sparse.issparse(X):
        return None  # sparse columns are swept on the residuals
    if intercept and not np.allclose(np.average(X, axis=0, weights=weights), 0.0):
        warnings.warn(
            "Gram matrix was provided but X was centered to fit intercept: recomputing Gram "
            "matrix.",
            UserWarning,
            stacklevel=3,
        )
        return None
    a, b = p // 2, min(p // 2 + 1, p - 1)
    # As in scikit-learn, weights of such a matrix add up to the number of rows.
    share = 1.0 if weights is None else weights.sum() / len(weights)
    left = X[:, a].astype(np.float64) * (1.0 if weights is None else weights / share)
    want = float(left @ X[:, b].astype(np.float64))
    rtol = 1e-4 if X.dtype == np.float32 else 1e-7
    if not np.isclose(gram[a, b], want, rtol=rtol, atol=1e-5 if rtol > 1e-5 else 1e-8):
        raise DataError(
            "Gram matrix passed in via 'precompute' parameter did not pass validation when a "
            f"single element was checked: element ({a},{b}) is {gram[a, b]}, X gives {want}. Leave "
            "it out to have it computed"
        )
    return np.ascontiguousarray(gram * share)


class Lasso(ElasticNet):
    """Least squares with a penalty of absolute values, which makes coefficients zero.

    A drop-in for scikit-learn's class of this name: `ElasticNet` with ``l1_ratio=1``.

    Parameters
    ----------
    alpha : float, default=1.0
        Strength of the penalty; not negative.
    fit_intercept : bool, default=True
        Whether to fit an intercept, which is not penalised.
    precompute : bool or array of shape (n_features, n_features), default=False
        X'X (X'WX with weights that add up to the number of rows) where it is known, of centred
        columns if there is an intercept; one of its cells is checked. Whatever a bool
        says, the matrix is made where it pays.
    copy_X : bool, default=True
        Kept for scikit-learn's sake: X is never written to.
    max_iter : int, default=1000
        The most sweeps over the coefficients.
    tol : float, default=1e-4
        Stop when the duality gap is below this share of the mean square of the centred y.
    warm_start : bool, default=False
        Start from the coefficients of the fit before.
    positive : bool, default=False
        Whether coefficients must not be negative.
    random_state : int or RandomState, optional
        Seed of ``selection="random"``.
    selection : {"cyclic", "random"}, default="cyclic"
        Whether coefficients are taken one after another or drawn.
    n_jobs : int, optional
        Threads; None uses all cores, 1 in a worker process.

    Attributes
    ----------
    coef_ : ndarray of shape (n_features,) or (n_targets, n_features)
    sparse_coef_ : sparse array of shape (n_targets, n_features)
    intercept_ : float or ndarray of shape (n_targets,)
    n_iter_ : int or list of int
        Sweeps made.
    dual_gap_ : float or ndarray of shape (n_targets,)
    n_features_in_ : int
    feature_names_in_ : ndarray of str

    References
    ----------
    Tibshirani (1996), Regression shrinkage and selection via the lasso.

    Examples
    --------
    >>> from tamis.models import Lasso
    >>> Lasso(alpha=0.1).fit([[0.0, 0.0], [1.0, 1.0], [2.0, 2.0]], [0.0, 1.0, 2.0]).coef_
    array([0.85, 0.  ])
    """

    path = staticmethod(lasso_path)

    def __init__(
        self,
        alpha: float = 1.0,
        *,
        fit_intercept: bool = True,
        precompute: Any = False,
        copy_X: bool = True,
        max_iter: int = 1000,
        tol: float = 1e-4,
        warm_start: bool = False,
        positive: bool = False,
        random_state: Any = None,
        selection: str = "cyclic",
        n_jobs: int | None = None,
    ) -> None:
        super().__init__(
            alpha=alpha,
            l1_ratio=1.0,
            fit_intercept=fit_intercept,
            precompute=precompute,
            max_iter=max_iter,
            copy_X=copy_X,
            tol=tol,
            warm_start=warm_start,
            positive=positive,
            random_state=random_state,
            selection=selection,
            n_jobs=n_jobs,
        )
