"""Linear support vector machines."""

from __future__ import annotations

import warnings
from numbers import Integral, Real
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils import check_random_state
from sklearn.utils.class_weight import compute_class_weight
from sklearn.utils.extmath import safe_sparse_dot
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted

from tamis import _core
from tamis._check import validated
from tamis._threads import resolve
from tamis.exceptions import DataError, ParameterError
from tamis.models._coef import LinearClassMixin, SparseCoefMixin, cells, positive_weights

__all__ = ["LinearSVC", "LinearSVR"]

#: The pairs (penalty, loss) there are, and which forms of their problem liblinear solves.
_FORMS = {
    ("l2", "hinge"): (True,),
    ("l2", "squared_hinge"): (True, False),
    ("l1", "squared_hinge"): (False,),
    ("l2", "epsilon_insensitive"): (True,),
    ("l2", "squared_epsilon_insensitive"): (True, False),
}


class _LinearSVM(SparseCoefMixin, BaseEstimator):
    """Parameters and the fit of both."""

    loss: str
    dual: bool | str
    tol: float
    C: float
    fit_intercept: bool
    intercept_scaling: float
    random_state: Any
    max_iter: int
    n_jobs: int | None
    coef_: Any
    intercept_: Any
    n_iter_: int

    def _check(self, penalty: str, joint: bool = False) -> None:
        def demand(name: str, good: bool, what: str) -> None:
            if not good:
                raise ParameterError(f"{name} must be {what}; got {getattr(self, name)!r}")

        for name in ("C", "tol"):
            value = getattr(self, name)
            demand(name, isinstance(value, Real) and 0 < float(value) < np.inf, "a positive number")
        value = self.intercept_scaling
        demand("intercept_scaling", isinstance(value, Real) and 0 < float(value) < np.inf,
               "a positive number; without an intercept, set fit_intercept=False")  # fmt: skip
        value = self.max_iter
        demand("max_iter", isinstance(value, Integral) and int(value) >= 0, "a whole number from 0")
        demand("dual", self.dual == "auto" or isinstance(self.dual, bool | np.bool_),
               "True, False or 'auto'")  # fmt: skip
        forms = _FORMS.get((penalty, self.loss), ())
        if not joint and (not forms or (self.dual != "auto" and self.dual not in forms)):
            raise ParameterError(
                f"Unsupported set of arguments: penalty={penalty!r}, loss={self.loss!r}, "
                f"dual={self.dual!r} do not go together"
            )

    def _solve(
        self, X: Any, y: np.ndarray, weights: np.ndarray, sides: np.ndarray, epsilon: float = 0.0,
        l1: bool = False, joint: bool = False, classes: bool = False,
    ) -> tuple[np.ndarray, np.ndarray]:  # fmt: skip
        """Return the coefficients and intercepts of all problems."""
        bias = float(self.intercept_scaling) if self.fit_intercept else 0.0
        seed = int(check_random_state(self.random_state).randint(np.iinfo(np.int32).max))
        loss = ("hinge" if joint else self.loss, float(epsilon))
        coef, self.n_iter_, converged = _core.svc_linear_fit(
            cells(X), y, float(self.C) * weights, sides, classes, loss, l1, joint, bias,
            float(self.tol), int(self.max_iter), seed, resolve(self.n_jobs),
        )  # fmt: skip
        if not converged:
            warnings.warn(
                "Liblinear's problem failed to converge, increase the number of iterations "
                "(max_iter), or scale the columns.",
                ConvergenceWarning,
                stacklevel=3,
            )
        return np.ascontiguousarray(coef[:, :-1]), bias * coef[:, -1]

    def _rows(self, X: Any, y: Any, **checks: Any) -> Any:
        return validated(
            self, X, y, accept_sparse="csr", dtype=(np.float64, np.float32), order="C", **checks
        )

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags


class LinearSVC(ClassifierMixin, LinearClassMixin, _LinearSVM):
    """Linear support vector classification.

    A drop-in for scikit-learn's class of this name: the same objectives, in which the intercept is
    penalised, too. Squared hinge is solved by Newton's method, on a Hessian of the rows that cost
    where columns are few and by conjugate gradients where they are many, with the same bits on any
    number of threads; hinge by coordinate descent on the dual with shrinking.

    Parameters
    ----------
    penalty : {"l1", "l2"}, default="l2"
        The norm of the penalty; "l1" makes coefficients zero.
    loss : {"hinge", "squared_hinge"}, default="squared_hinge"
        "hinge" goes with ``penalty="l2"``.
    dual : "auto" or bool, default="auto"
        Which form of the problem scikit-learn solves; ours takes the better one. What liblinear
        has no form of is an error, as it is there.
    tol : float, default=1e-4
        How small the gradient has to become, as liblinear means it for each problem.
    C : float, default=1.0
        Inverse strength of the penalty.
    multi_class : {"ovr", "crammer_singer"}, default="ovr"
        Each class against the rest, or all at once (then `penalty`, `loss` and `dual` are ignored).
    fit_intercept : bool, default=True
        Whether to fit an intercept.
    intercept_scaling : float, default=1.0
        The value of the intercept's column: the larger, the less the penalty weighs on it.
    class_weight : dict or "balanced", optional
        Weights of the classes.
    verbose : int, default=0
        Kept for scikit-learn's sake.
    random_state : int or RandomState, optional
        Seed of the order of rows in the dual.
    max_iter : int, default=1000
        The most steps, or sweeps over the rows (those over a part of them count as a part).
    n_jobs : int, optional
        Threads; None uses all cores, 1 in a worker process.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
    coef_ : ndarray of shape (1 or n_classes, n_features), float64
    intercept_ : ndarray of shape (1 or n_classes,), or 0.0 without one
    n_iter_ : int
        Steps made, the most of any class.
    n_features_in_ : int
    feature_names_in_ : ndarray of str

    Notes
    -----
    What differs from scikit-learn: `n_iter_` counts steps of other methods; columns of float32 are
    not copied; `sample_weight` must not be negative.

    References
    ----------
    Fan et al. (2008), LIBLINEAR: a library for large linear classification.
    Keerthi and DeCoste (2005), A modified finite Newton method for fast solution of large scale
    linear SVMs.
    Hsieh et al. (2008), A dual coordinate descent method for large-scale linear SVM.
    Crammer and Singer (2001), On the algorithmic implementation of multiclass kernel-based vector
    machines.

    Examples
    --------
    >>> from tamis.models import LinearSVC
    >>> X = [[-1.0, -1.0], [-2.0, -1.0], [1.0, 1.0], [2.0, 1.0]]
    >>> LinearSVC().fit(X, ["no", "no", "yes", "yes"]).predict([[-0.8, -1.0], [3.0, 2.0]])
    array(['no', 'yes'], dtype='<U3')
    """

    def __init__(
        self,
        penalty: str = "l2",
        loss: str = "squared_hinge",
        *,
        dual: bool | str = "auto",
        tol: float = 1e-4,
        C: float = 1.0,
        multi_class: str = "ovr",
        fit_intercept: bool = True,
        intercept_scaling: float = 1,
        class_weight: Any = None,
        verbose: int = 0,
        random_state: Any = None,
        max_iter: int = 1000,
        n_jobs: int | None = None,
    ) -> None:
        self.penalty = penalty
        self.loss = loss
        self.dual = dual
        self.tol = tol
        self.C = C
        self.multi_class = multi_class
        self.fit_intercept = fit_intercept
        self.intercept_scaling = intercept_scaling
        self.class_weight = class_weight
        self.verbose = verbose
        self.random_state = random_state
        self.max_iter = max_iter
        self.n_jobs = n_jobs

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> LinearSVC:
        """Fit the model.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)
            Finite numbers.
        y : array-like of shape (n_samples,)
            Classes.
        sample_weight : array-like of shape (n_samples,), optional

        Returns
        -------
        LinearSVC

        Raises
        ------
        ParameterError
            If a parameter is out of its range, or there is no such problem.
        DataError
            If there is only one class.

        Warns
        -----
        ConvergenceWarning
            If `max_iter` steps were not enough.
        """
        if self.multi_class not in ("ovr", "crammer_singer"):
            raise ParameterError(
                f"multi_class must be ovr or crammer_singer; got {self.multi_class!r}"
            )
        joint = self.multi_class == "crammer_singer"
        self._check(self.penalty, joint)
        X, y = self._rows(X, y)
        check_classification_targets(y)
        self.classes_, codes = np.unique(y, return_inverse=True)
        k = len(self.classes_)
        if k < 2:
            raise DataError(
                "This solver needs samples of at least 2 classes in the data, but the data "
                f"contains only one class: {self.classes_[0]!r}"
            )
        weights = positive_weights(sample_weight, X)
        by_class = compute_class_weight(
            self.class_weight, classes=self.classes_, y=y, sample_weight=weights
        )
        sides = np.column_stack([by_class, np.ones(k)])
        if k == 2 and not joint:
            sides = np.array([[by_class[1], by_class[0]]])
        l1 = self.penalty == "l1" and not joint
        target = codes.astype(np.float64)
        coef, free = self._solve(X, target, weights, sides, l1=l1, joint=joint, classes=True)
        if joint and k == 2:
            coef, free = coef[1:] - coef[:1], free[1:] - free[:1]
        self.coef_ = coef
        self.intercept_ = free if self.fit_intercept else 0.0
        return self


class LinearSVR(RegressorMixin, _LinearSVM):
    """Linear support vector regression.

    A drop-in for scikit-learn's class of this name; solved as `LinearSVC` is.

    Parameters
    ----------
    epsilon : float, default=0.0
        Errors up to here cost nothing.
    tol : float, default=1e-4
        How small the gradient has to become, as liblinear means it for each problem.
    C : float, default=1.0
        Inverse strength of the penalty.
    loss : {"epsilon_insensitive", "squared_epsilon_insensitive"}, default="epsilon_insensitive"
        The error beyond `epsilon`, or its square.
    fit_intercept : bool, default=True
        Whether to fit an intercept, which is penalised, too.
    intercept_scaling : float, default=1.0
        The value of the intercept's column: the larger, the less the penalty weighs on it.
    dual : "auto" or bool, default="auto"
        Which form of the problem scikit-learn solves; ours takes the better one.
    verbose : int, default=0
        Kept for scikit-learn's sake.
    random_state : int or RandomState, optional
        Seed of the order of rows in the dual.
    max_iter : int, default=1000
        The most steps, or sweeps over the rows (those over a part of them count as a part).
    n_jobs : int, optional
        Threads; None uses all cores, 1 in a worker process.

    Attributes
    ----------
    coef_ : ndarray of shape (n_features,), float64
    intercept_ : ndarray of shape (1,), or 0.0 without one
    n_iter_ : int
        Steps made.
    n_features_in_ : int
    feature_names_in_ : ndarray of str

    References
    ----------
    Ho and Lin (2012), Large-scale linear support vector regression.

    Examples
    --------
    >>> import numpy as np
    >>> from tamis.models import LinearSVR
    >>> X = np.linspace(-1, 1, 100)[:, None]
    >>> LinearSVR(C=100.0).fit(X, 2 * X[:, 0] + 1).coef_.round(2)
    array([2.])
    """

    def __init__(
        self,
        *,
        epsilon: float = 0.0,
        tol: float = 1e-4,
        C: float = 1.0,
        loss: str = "epsilon_insensitive",
        fit_intercept: bool = True,
        intercept_scaling: float = 1.0,
        dual: bool | str = "auto",
        verbose: int = 0,
        random_state: Any = None,
        max_iter: int = 1000,
        n_jobs: int | None = None,
    ) -> None:
        self.epsilon = epsilon
        self.tol = tol
        self.C = C
        self.loss = loss
        self.fit_intercept = fit_intercept
        self.intercept_scaling = intercept_scaling
        self.dual = dual
        self.verbose = verbose
        self.random_state = random_state
        self.max_iter = max_iter
        self.n_jobs = n_jobs

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> LinearSVR:
        """Fit the model.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)
            Finite numbers.
        y : array-like of shape (n_samples,)
        sample_weight : array-like of shape (n_samples,), optional

        Returns
        -------
        LinearSVR

        Raises
        ------
        ParameterError
            If a parameter is out of its range, or there is no such problem.

        Warns
        -----
        ConvergenceWarning
            If `max_iter` steps were not enough.
        """
        self._check("l2")
        if not isinstance(self.epsilon, Real) or not np.isfinite(self.epsilon):
            raise ParameterError(f"epsilon must be a number; got {self.epsilon!r}")
        X, y = self._rows(X, y, y_numeric=True)
        target, weights = np.asarray(y, dtype=np.float64), positive_weights(sample_weight, X)
        epsilon = max(float(self.epsilon), 0.0)
        coef, free = self._solve(X, target, weights, np.ones((1, 2)), epsilon=epsilon)
        self.coef_ = coef[0]
        self.intercept_ = free if self.fit_intercept else 0.0
        return self

    def predict(self, X: Any) -> np.ndarray:
        """Return the predictions, shape (n_samples,)."""
        check_is_fitted(self)
        X = self._rows(X, "no_validation", reset=False)
        scores = safe_sparse_dot(X, self.coef_.T, dense_output=True) + self.intercept_
        return np.asarray(scores).ravel()
