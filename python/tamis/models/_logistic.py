"""Logistic regression."""

from __future__ import annotations

import warnings
from numbers import Integral, Real
from typing import Any

import numpy as np
from scipy import optimize, sparse
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils.class_weight import compute_class_weight
from sklearn.utils.multiclass import check_classification_targets

from tamis import _core
from tamis._check import validated, weights_of
from tamis._threads import resolve
from tamis.exceptions import DataError, ParameterError
from tamis.models._coef import LinearClassMixin, SparseCoefMixin, table
from tamis.models._group import members_of

__all__ = ["ROBUST", "LogisticRegression", "loss_of_classes"]

_SOLVERS = ("lbfgs", "newton-cg", "newton-cholesky", "liblinear", "sag", "saga")
#: Losses that forgive rows which are far wrong: not convex, so they start from cross entropy.
ROBUST = ("gce", "sce")


class LogisticRegression(ClassifierMixin, LinearClassMixin, SparseCoefMixin, BaseEstimator):
    """Logistic regression, binary and multinomial: L2, L1 and elastic net, by any loss of classes.

    A drop-in for scikit-learn's class of this name. Columns are centred and scaled inside, so that
    columns in different units converge as quickly; the penalty is that of the caller's units.

    Parameters
    ----------
    penalty : {"l1", "l2", "elasticnet", None}, default="deprecated"
        As in scikit-learn, where `l1_ratio` and `C` have taken its place.
    C : float, default=1.0
        Inverse strength of the penalty; ``numpy.inf`` for none.
    l1_ratio : float in [0, 1], default=0.0
        The share of the penalty that is of absolute values (L1): 0 is L2 alone, 1 is L1 alone.
    dual : bool, default=False
        As in scikit-learn; the answer is the same.
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
        One of scikit-learn's names. All take any penalty and any number of classes, and minimise
        the same loss: by preconditioned L-BFGS, or by proximal steps where there is an L1 part.
    max_iter : int, default=100
        The most steps.
    verbose : int, default=0
        Kept for scikit-learn's sake.
    warm_start : bool, default=False
        Start from the coefficients of the fit before.
    n_jobs : int, optional
        Threads; None uses all cores, 1 in a worker process.
    loss : str or object, default="cross_entropy"
        A loss of classes by its name in `tamis.losses` ("gce", "sce", "focal", "class_balanced",
        "label_smoothed", ...), one of its objects, or a loss of one's own with `value` and
        `gradient` (it sees class codes and raw scores; with L2 or no penalty only). "gce" and
        "sce", which forgive wrong labels, start from the fit by cross entropy.
    groups : array-like of shape (n_features,), list of lists, or dict, optional
        Columns that come in or stay out together, as `GroupLasso` takes them: norms of groups
        (times the roots of their sizes) take the place of squares in the penalty, and `l1_ratio`
        gives the sparse group lasso. With several classes a group holds its columns' coefficients
        of all of them.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
    coef_ : ndarray of shape (1 or n_classes, n_features)
    intercept_ : ndarray of shape (1 or n_classes,)
    n_iter_ : ndarray of shape (1,), int32
    loss_ : object
        The loss, with what it takes from the training classes.
    n_features_in_ : int
    feature_names_in_ : ndarray of str

    Notes
    -----
    `predict_proba` is the softmax of the scores; for the focal loss, whose scores are not those of
    probabilities, it is recalibrated in closed form.

    What differs from scikit-learn: any solver goes with any penalty and number of classes (there a
    ValueError for some); `n_jobs` is used; float32 stays float32 by every solver; the message of
    ConvergenceWarning is one for all; there are no callbacks (`set_callbacks`).

    References
    ----------
    Liu and Nocedal (1989), On the limited memory BFGS method for large scale optimization.
    Wright, Nowak and Figueiredo (2009), Sparse reconstruction by separable approximation.

    Examples
    --------
    >>> import numpy as np
    >>> from tamis.models import LogisticRegression
    >>> X = np.array([[0.0], [1.0], [2.0], [3.0]])
    >>> model = LogisticRegression().fit(X, ["no", "no", "yes", "yes"])
    >>> model.predict([[0.4], [2.6]])
    array(['no', 'yes'], dtype='<U3')
    >>> LogisticRegression(l1_ratio=1.0, C=0.1).fit(X, [0, 0, 1, 1]).coef_
    array([[0.]])
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
        loss: Any = "cross_entropy",
        groups: Any = None,
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
        self.loss = loss
        self.groups = groups

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> LogisticRegression:
        """Fit the model.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)
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
        strength = self._check()
        loss = loss_of_classes(self.loss)
        X, y = validated(self, X, y, dtype=(np.float64, np.float32), order="C", accept_sparse="csr")
        check_classification_targets(y)
        self.classes_, codes = np.unique(y, return_inverse=True)
        if len(self.classes_) < 2:
            raise DataError(
                "This solver needs samples of at least 2 classes in the data, but the data "
                f"contains only one class: {self.classes_[0]!r}"
            )
        weights = self._weights(sample_weight, X, y, codes)
        self.loss_ = loss
        if hasattr(loss, "prepared"):
            self.loss_ = loss.prepared(codes, len(self.classes_))
        start = self._start(X.shape[1])
        if hasattr(loss, "_spec"):
            made = self._by_kernel(X, codes, weights, strength, start)
        else:
            made = self._by_scipy(X, codes, weights, strength, start)
        coef, intercept, steps, converged = made
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

    def _by_kernel(self, X: Any, codes: Any, weights: Any, strength: Any, start: Any) -> Any:
        """Return (coef, intercept, steps, converged)."""
        spec, steps = self.loss_._spec(), 0
        groups = None
        if self.groups is not None:
            columns = [g.tolist() for g in members_of(self.groups, self)]
            groups = (columns, [float(np.sqrt(len(g))) for g in columns])
        plain = ("cross_entropy", [0.0], spec[2])
        for by in [plain, spec] if spec[0] in ROBUST and start is None else [spec]:
            coef, intercept, made, converged = _core.logistic_fit(
                table(X),
                codes.astype(np.uint32),
                len(self.classes_),
                weights,
                by,
                strength[0],
                strength[1],
                bool(self.fit_intercept),
                float(max(self.tol, 1e-12)),
                int(self.max_iter),
                groups,
                start,
                resolve(self.n_jobs),
            )
            start, steps = (coef, intercept), steps + made
        return coef, intercept, steps, converged

    def _by_scipy(self, X: Any, codes: Any, weights: Any, strength: Any, start: Any) -> Any:
        """Fit a loss of the caller's own, which only Python can call: the same objective."""
        c, l1_ratio = strength
        if l1_ratio > 0 or self.groups is not None:
            raise ParameterError("a loss of one's own goes with l1_ratio=0 and no groups only")
        X, loss = X.astype(np.float64), self.loss_
        p, outputs = X.shape[1], 1 if len(self.classes_) == 2 else len(self.classes_)
        w = np.ones(len(codes)) if weights is None else weights
        w, ridge = w / w.sum(), 1.0 / (c * w.sum())
        scale = np.sqrt(np.asarray((X.multiply(X) if sparse.issparse(X) else X**2).T @ w).ravel())
        scale[~(scale > 0)] = 1.0

        def look(flat: np.ndarray) -> tuple[float, np.ndarray]:
            theta = flat.reshape(outputs, p + 1)
            coef = theta[:, :p] / scale
            score = X @ coef.T + theta[:, p]
            score = score[:, 0] if outputs == 1 else score
            slope = (np.asarray(loss.gradient(codes, score)).T * w).T.reshape(len(codes), outputs)
            gradient = np.zeros_like(theta)
            gradient[:, :p] = ((X.T @ slope).T + ridge * coef) / scale
            gradient[:, p] = slope.sum(axis=0) if self.fit_intercept else 0.0
            value = float(w @ np.asarray(loss.value(codes, score)))
            return value + 0.5 * ridge * float((coef**2).sum()), gradient.ravel()

        theta = np.zeros((outputs, p + 1))
        if start is not None:
            theta[:, :p], theta[:, p] = start[0] * scale, start[1]
        options = {"maxiter": self.max_iter, "gtol": self.tol, "ftol": 64 * np.finfo(float).eps}
        done = optimize.minimize(look, theta.ravel(), jac=True, method="L-BFGS-B", options=options)
        theta = done.x.reshape(outputs, p + 1)
        return theta[:, :p] / scale, theta[:, p], int(done.nit), bool(done.success)

    def _check(self) -> tuple[float, float]:
        """Check the parameters; return C and the share of L1."""
        known = ("deprecated", "l1", "l2", "elasticnet", None)
        if self.penalty not in known:
            raise ParameterError(f"penalty must be one of {known[1:]}; got {self.penalty!r}")
        self._warn_of_old_parameters()
        if self.solver not in _SOLVERS:
            raise ParameterError(
                f"solver must be one of {', '.join(_SOLVERS)}; got {self.solver!r}"
            )
        ratio = 0.0 if self.l1_ratio is None else self.l1_ratio
        if not isinstance(ratio, Real) or not 0 <= ratio <= 1:
            raise ParameterError(f"l1_ratio must lie between 0 and 1; got {self.l1_ratio!r}")
        if self.penalty == "elasticnet" and self.l1_ratio is None:
            raise ParameterError("l1_ratio must be specified when penalty is elasticnet.")
        ratio = {"l1": 1.0, "l2": 0.0}.get(str(self.penalty), ratio)
        if self.dual and (self.solver != "liblinear" or ratio > 0):
            raise ParameterError("dual=True goes with solver='liblinear' and l1_ratio=0 only")
        c = np.inf if self.penalty is None else self.C
        if not isinstance(c, Real) or not c > 0:
            raise ParameterError(f"C must be a positive number; got {self.C!r}")
        if not isinstance(self.tol, Real) or not self.tol >= 0:
            raise ParameterError(f"tol must be a number that is not negative; got {self.tol!r}")
        if not isinstance(self.max_iter, Integral) or self.max_iter < 0:
            raise ParameterError(f"max_iter must be a whole number from 0; got {self.max_iter!r}")
        return float(c), float(ratio)

    def _warn_of_old_parameters(self) -> None:
        """Warn where scikit-learn does."""
        if self.penalty != "deprecated":
            text = (
                "'penalty' was deprecated in scikit-learn 1.8: use l1_ratio (0 for l2, 1 for l1) "
                "and C (inf for none)"
            )
            warnings.warn(text, FutureWarning, stacklevel=4)
        elif self.l1_ratio is None:
            text = "'l1_ratio=None' was deprecated in scikit-learn 1.8: use 0"
            warnings.warn(text, FutureWarning, stacklevel=4)
        if self.penalty is None and self.C != 1.0:
            text = "Setting penalty=None will ignore the C and l1_ratio parameters"
            warnings.warn(text, stacklevel=4)
        elif {"l1": 1, "l2": 0}.get(str(self.penalty), self.l1_ratio) != self.l1_ratio:
            text = f"penalty={self.penalty!r} overrides l1_ratio={self.l1_ratio!r}: give one"
            warnings.warn(f"Inconsistent values: {text}", stacklevel=4)

    def _weights(self, given: Any, X: Any, y: Any, codes: np.ndarray) -> np.ndarray | None:
        weights = weights_of(given, X)
        if self.class_weight is None:
            return weights
        by_class = compute_class_weight(
            self.class_weight, classes=self.classes_, y=y, sample_weight=weights
        )
        return np.asarray(by_class[codes] * (1.0 if weights is None else weights))

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

    def predict_proba(self, X: Any) -> np.ndarray:
        """Return the probability of each class, shape (n_samples, n_classes)."""
        scores = self.decision_function(X)
        return np.exp(self._log_shares(scores)).astype(scores.dtype)

    def predict_log_proba(self, X: Any) -> np.ndarray:
        """Return the logarithms of `predict_proba`, without loss where they are small."""
        scores = self.decision_function(X)
        return self._log_shares(scores).astype(scores.dtype)

    def _log_shares(self, scores: np.ndarray) -> np.ndarray:
        from tamis.losses import CrossEntropy

        loss = self.loss_ if hasattr(self.loss_, "log_probabilities") else CrossEntropy()
        return np.asarray(loss.log_probabilities(scores))

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags


def loss_of_classes(loss: Any) -> Any:
    """Return a loss by name or object that gives slopes and probabilities of classes."""
    from tamis.losses import Hinge, SquaredHinge, get

    found = get(loss)
    if not getattr(found, "classifies", True) or isinstance(found, Hinge | SquaredHinge):
        raise ParameterError(
            f"loss={loss!r} gives no probabilities of classes: take one of cross entropy's kind"
        )
    return found
