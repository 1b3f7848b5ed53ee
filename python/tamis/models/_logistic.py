"""Logistic regression."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
from scipy.special import expit, log_softmax, softmax
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils.class_weight import compute_class_weight
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, validate_data

from tamis import _core
from tamis._check import weights_of
from tamis._threads import resolve
from tamis.exceptions import DataError, ParameterError

__all__ = ["LogisticRegression"]

_SOLVERS = ("lbfgs", "newton-cg", "newton-cholesky", "liblinear", "sag", "saga")


class LogisticRegression(ClassifierMixin, BaseEstimator):
    """Logistic regression, binary and multinomial, with an L2 penalty.

    A drop-in for scikit-learn's class of this name. Columns are centred and scaled inside, so that
    columns in different units converge as quickly; the penalty is that of the caller's units.

    Parameters
    ----------
    penalty : {"l2", None}, default="deprecated"
        As in scikit-learn, where `l1_ratio` and `C` have taken its place.
    C : float, default=1.0
        Inverse strength of the penalty; ``numpy.inf`` for none.
    l1_ratio : float, default=0.0
        Only 0 (L2) is supported yet.
    dual : bool, default=False
        Only False is supported.
    tol : float, default=1e-4
        Stop when no part of the gradient of the mean loss is larger (in scaled columns).
    fit_intercept : bool, default=True
        Whether to fit an intercept, which is not penalised.
    intercept_scaling : float, default=1
        Kept for scikit-learn's sake.
    class_weight : dict or "balanced", optional
        Weights of the classes.
    random_state : int, optional
        Kept for scikit-learn's sake: nothing is drawn.
    solver : str, default="lbfgs"
        One of scikit-learn's names. All minimise the same loss: by Newton steps while the Hessian
        is small, by L-BFGS beyond.
    max_iter : int, default=100
        The most steps.
    verbose : int, default=0
        Kept for scikit-learn's sake.
    warm_start : bool, default=False
        Start from the coefficients of the fit before.
    n_jobs : int, optional
        Threads; None uses all cores, 1 in a worker process.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
    coef_ : ndarray of shape (1 or n_classes, n_features)
    intercept_ : ndarray of shape (1 or n_classes,)
    n_iter_ : ndarray of shape (1,), int32
    n_features_in_ : int
    feature_names_in_ : ndarray of str

    References
    ----------
    Liu and Nocedal (1989), On the limited memory BFGS method for large scale optimization.

    Examples
    --------
    >>> import numpy as np
    >>> from tamis.models import LogisticRegression
    >>> X = np.array([[0.0], [1.0], [2.0], [3.0]])
    >>> model = LogisticRegression().fit(X, ["no", "no", "yes", "yes"])
    >>> model.predict([[0.4], [2.6]])
    array(['no', 'yes'], dtype='<U3')
    """

    def __init__(
        self,
        penalty: str | None = "deprecated",
        *,
        C: float = 1.0,
        l1_ratio: float | None = 0.0,
        dual: bool = False,
        tol: float = 1e-4,
        fit_intercept: bool = True,
        intercept_scaling: float = 1,
        class_weight: Any = None,
        random_state: Any = None,
        solver: str = "lbfgs",
        max_iter: int = 100,
        verbose: int = 0,
        warm_start: bool = False,
        n_jobs: int | None = None,
    ) -> None:
        self.penalty = penalty
        self.C = C
        self.l1_ratio = l1_ratio
        self.dual = dual
        self.tol = tol
        self.fit_intercept = fit_intercept
        self.intercept_scaling = intercept_scaling
        self.class_weight = class_weight
        self.random_state = random_state
        self.solver = solver
        self.max_iter = max_iter
        self.verbose = verbose
        self.warm_start = warm_start
        self.n_jobs = n_jobs

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> LogisticRegression:
        """Fit the model.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Finite numbers; float32 stays float32.
        y : array-like of shape (n_samples,)
            Classes.
        sample_weight : array-like of shape (n_samples,), optional

        Returns
        -------
        LogisticRegression

        Warns
        -----
        ConvergenceWarning
            If `max_iter` steps were not enough.
        """
        c = self._check()
        X, y = validate_data(self, X, y, dtype=(np.float64, np.float32))
        check_classification_targets(y)
        self.classes_, codes = np.unique(y, return_inverse=True)
        if len(self.classes_) < 2:
            raise DataError(
                "This solver needs samples of at least 2 classes in the data, but the data "
                f"contains only one class: {self.classes_[0]!r}"
            )
        coef, intercept, steps, converged = _core.logistic_fit(
            X,
            codes.astype(np.uint32),
            len(self.classes_),
            self._weights(sample_weight, X, y, codes),
            c,
            bool(self.fit_intercept),
            float(self.tol),
            int(self.max_iter),
            self._start(X.shape[1]),
            resolve(self.n_jobs),
        )
        if not converged:
            warnings.warn(
                f"logistic regression did not converge in {steps} steps: raise max_iter, or "
                "penalise more (a smaller C)",
                ConvergenceWarning,
                stacklevel=2,
            )
        self.coef_ = coef.astype(X.dtype)
        self.intercept_ = intercept.astype(X.dtype)
        self.n_iter_ = np.array([steps], dtype=np.int32)
        return self

    def _check(self) -> float:
        """Check the parameters; return C."""
        if self.penalty not in ("deprecated", "l2", None):
            raise ParameterError(f"penalty={self.penalty!r} is not supported yet: only L2 or None")
        if self.l1_ratio not in (0, None) or self.dual:
            raise ParameterError("only l1_ratio=0 and dual=False are supported yet")
        if self.solver not in _SOLVERS:
            raise ParameterError(
                f"solver must be one of {', '.join(_SOLVERS)}; got {self.solver!r}"
            )
        c = np.inf if self.penalty is None else self.C
        if not isinstance(c, int | float | np.number) or not c > 0:
            raise ParameterError(f"C must be a positive number; got {self.C!r}")
        if not self.tol > 0 or self.max_iter < 0:
            raise ParameterError("tol must be positive and max_iter not negative")
        return float(c)

    def _weights(self, given: Any, X: np.ndarray, y: Any, codes: np.ndarray) -> np.ndarray | None:
        weights = weights_of(given, X)
        if self.class_weight is None:
            return weights
        by_class = compute_class_weight(self.class_weight, classes=self.classes_, y=y)
        return by_class[codes] * (1.0 if weights is None else weights)

    def _start(self, n_features: int) -> tuple[np.ndarray, np.ndarray] | None:
        if not self.warm_start or not hasattr(self, "coef_"):
            return None
        rows = 1 if len(self.classes_) == 2 else len(self.classes_)
        if self.coef_.shape != (rows, n_features):
            raise DataError(
                f"warm_start: the coefficients have shape {self.coef_.shape}, these data need "
                f"{(rows, n_features)}; fit a new model"
            )
        return self.coef_.astype(np.float64), self.intercept_.astype(np.float64)

    def decision_function(self, X: Any) -> np.ndarray:
        """Return the scores, shape (n_samples,) for two classes, else (n_samples, n_classes)."""
        check_is_fitted(self)
        X = validate_data(self, X, reset=False, dtype=(np.float64, np.float32))
        scores = X @ self.coef_.T + self.intercept_
        return scores[:, 0] if len(self.classes_) == 2 else scores

    def predict(self, X: Any) -> np.ndarray:
        """Return the likeliest class of each row."""
        scores = self.decision_function(X)
        best = (scores > 0).astype(int) if scores.ndim == 1 else scores.argmax(axis=1)
        return self.classes_[best]

    def predict_proba(self, X: Any) -> np.ndarray:
        """Return the probability of each class, shape (n_samples, n_classes)."""
        scores = self.decision_function(X)
        if scores.ndim == 1:
            return np.column_stack([expit(-scores), expit(scores)])
        return softmax(scores, axis=1)

    def predict_log_proba(self, X: Any) -> np.ndarray:
        """Return the logarithms of `predict_proba`, without loss where they are small."""
        scores = self.decision_function(X)
        if scores.ndim == 1:
            return np.column_stack([-np.logaddexp(0, scores), -np.logaddexp(0, -scores)])
        return log_softmax(scores, axis=1)
