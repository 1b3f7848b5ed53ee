"""Least squares and ridge regression."""

from __future__ import annotations

from numbers import Real
from typing import Any

import numpy as np
from scipy import linalg, sparse
from sklearn.base import BaseEstimator, MultiOutputMixin, RegressorMixin
from sklearn.utils.validation import check_is_fitted

from tamis import _core
from tamis._check import validated, weights_of
from tamis._threads import resolve
from tamis.exceptions import ParameterError
from tamis.models._coef import positive_weights
from tamis.models._least_squares import centred, least_norm, not_negative, sparse_fit

__all__ = ["LinearRegression", "Ridge"]


class _Linear(MultiOutputMixin, RegressorMixin, BaseEstimator):
    """What least squares and ridge share: the fit by the Gram matrix, and prediction."""

    fit_intercept: bool
    positive: bool
    tol: float
    n_jobs: int | None

    def _fit(
        self, X: Any, y: Any, sample_weight: Any, alpha: np.ndarray, direct: bool = True
    ) -> Any:
        """Fit; return singular values and rank of dense rows where no pass gave them."""
        X, y = validated(
            self,
            X,
            y,
            dtype=(np.float64, np.float32),
            multi_output=True,
            y_numeric=True,
            accept_sparse=self._takes_sparse() and ("csr", "csc"),
        )
        weights = weights_of(sample_weight, X)
        targets = np.asarray(y, dtype=np.float64).reshape(X.shape[0], -1)
        if len(alpha) not in (1, targets.shape[1]):
            raise ParameterError(
                "Number of targets and number of penalties do not correspond: "
                f"{len(alpha)} != {targets.shape[1]}"
            )
        found: Any = None
        given = (X, targets, weights, bool(self.fit_intercept))
        if sparse.issparse(X):
            positive_weights(weights, X)
            coef, intercept = sparse_fit(*given, alpha, self.tol, self.positive)
        elif X.shape[0] < X.shape[1] and not self.positive:
            positive_weights(weights, X)
            coef, intercept, *found = least_norm(*given, alpha)
        else:
            coef, intercept, gram, mean, sound = _core.linear_fit(
                *given, alpha, resolve(self.n_jobs)
            )
            if self.positive:
                free = coef if sound else np.full_like(coef, np.nan)
                coef = not_negative(gram, free, alpha, lambda: centred(*given)[:2])
                y_mean = intercept + (free @ mean if sound else 0.0)
                intercept = y_mean - coef @ mean
            if not self.positive and not (sound and direct):
                coef, intercept, *found = least_norm(*given, alpha)
            elif isinstance(self, LinearRegression):
                values = np.sqrt(np.clip(linalg.eigvalsh(gram)[::-1], 0.0, None))
                least = values.max(initial=0.0) * len(values) * 1e-8
                found = [values, int((values > least).sum())]
        one = np.ndim(y) == 1
        # As scikit-learn's: ridge has no axis of targets for one column of them.
        flat = one or (isinstance(self, Ridge) and len(coef) == 1)
        self.coef_ = (coef[0] if flat else coef).astype(X.dtype)
        self.intercept_: Any = 0.0
        if self.fit_intercept:
            self.intercept_ = X.dtype.type(intercept[0]) if one else intercept.astype(X.dtype)
        return found

    def _takes_sparse(self) -> bool:
        return True

    def predict(self, X: Any) -> np.ndarray:
        """Return the predictions, shape (n_samples,) or (n_samples, n_targets)."""
        check_is_fitted(self)
        X = validated(
            self, X, reset=False, dtype=(np.float64, np.float32), accept_sparse=("csr", "csc")
        )
        return np.asarray(X @ self.coef_.T + self.intercept_)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = self._takes_sparse()
        return tags


class LinearRegression(_Linear):
    """Ordinary least squares.

    A drop-in for scikit-learn's class of this name. Solved by the Gram matrix of the centred
    columns in one pass over the rows, in any number of threads with the same bits; where the
    columns are (nearly) dependent, by the singular value decomposition, which gives the solution
    of least norm. Sparse rows are centred without being made dense: up to 1,000 columns are solved
    by their Gram matrix, more by LSQR.

    Parameters
    ----------
    fit_intercept : bool, default=True
        Whether to fit an intercept.
    copy_X : bool, default=True
        Kept for scikit-learn's sake: X is never written to.
    tol : float, default=1e-6
        Where LSQR stops, at 1e-9 at the latest; every other solution is direct.
    n_jobs : int, optional
        Threads; None uses all cores, 1 in a worker process.
    positive : bool, default=False
        Whether coefficients must not be negative (dense rows only): by active sets, on the
        triangle that the Gram matrix has for a root.

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

    Notes
    -----
    `rank_` and `singular_` are not there after sparse rows, as in scikit-learn.

    References
    ----------
    Lawson and Hanson (1974), Solving least squares problems.
    Paige and Saunders (1982), LSQR: an algorithm for sparse linear equations.

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
        X : array-like or sparse matrix of shape (n_samples, n_features)
            Finite numbers; float32 stays float32.
        y : array-like of shape (n_samples,) or (n_samples, n_targets)
        sample_weight : array-like of shape (n_samples,), optional

        Returns
        -------
        LinearRegression
        """
        found = self._fit(X, y, sample_weight, np.zeros(1))
        if found is not None:
            self.singular_, self.rank_ = found
        return self

    def _takes_sparse(self) -> bool:
        return not self.positive


class Ridge(_Linear):
    """Least squares with an L2 penalty.

    A drop-in for scikit-learn's class of this name, solved by the Gram matrix of the centred
    columns in one pass over the rows, in any number of threads with the same bits.

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
        Where LSQR stops, at 1e-9 at the latest; every other solution is direct.
    solver : str, default="auto"
        One of scikit-learn's names. "svd" takes the singular value decomposition of dense rows.
        "auto", "cholesky", "lsqr", "sparse_cg", "sag" and "saga" give the direct solution, by the
        decomposition where columns are dependent or more than the rows; for sparse rows of more
        than 1,000 columns they are LSQR. "lbfgs" goes with ``positive=True`` only, as in
        scikit-learn.
    positive : bool, default=False
        Whether coefficients must not be negative: by active sets, exactly; `solver` must be "auto"
        or "lbfgs".
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
        The solver asked for; for "auto" what it was: "cholesky", "svd", "lsqr", or "lbfgs" for
        ``positive=True``, which stands for active sets here.
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
        X : array-like or sparse matrix of shape (n_samples, n_features)
            Finite numbers; float32 stays float32.
        y : array-like of shape (n_samples,) or (n_samples, n_targets)
        sample_weight : float or array-like of shape (n_samples,), optional

        Returns
        -------
        Ridge
        """
        known = ("auto", "svd", "cholesky", "lsqr", "sparse_cg", "sag", "saga", "lbfgs")
        if self.solver not in known:
            raise ParameterError(f"solver must be one of {', '.join(known)}; got {self.solver!r}")
        if self.positive and self.solver not in ("auto", "lbfgs"):
            raise ParameterError(
                f"solver={self.solver!r} does not support positive fitting. Please set the solver "
                "to 'auto' or 'lbfgs'"
            )
        if self.solver == "lbfgs" and not self.positive:
            raise ParameterError(
                "'lbfgs' solver can be used only when positive=True. Please use another solver."
            )
        alpha = np.atleast_1d(np.asarray(self.alpha))
        if alpha.dtype.kind not in "iuf" or alpha.ndim != 1 or not (alpha >= 0).all():
            raise ParameterError(
                f"alpha must be a number that is not negative, or one a target; got {self.alpha!r}"
            )
        if isinstance(sample_weight, Real):
            sample_weight = np.full(X.shape[0] if hasattr(X, "shape") else len(X), sample_weight)
        found = self._fit(X, y, sample_weight, alpha.astype(np.float64), self.solver != "svd")
        self.n_iter_ = None
        direct = "svd" if found is not None else "cholesky"
        if sparse.issparse(X):
            direct = "lsqr" if X.shape[1] > min(X.shape[0], 1000) else "cholesky"
        chosen = "lbfgs" if self.positive else direct
        self.solver_ = chosen if self.solver == "auto" else self.solver
        return self
