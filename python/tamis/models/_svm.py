"""Support vector machines with kernels: classes and regression."""

from __future__ import annotations

import warnings
from itertools import pairwise
from typing import Any

import numpy as np
from scipy import sparse
from sklearn.base import ClassifierMixin, RegressorMixin
from sklearn.utils.class_weight import compute_class_weight
from sklearn.utils.extmath import safe_sparse_dot
from sklearn.utils.metaestimators import available_if
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, column_or_1d

from tamis import _core
from tamis._threads import resolve
from tamis.exceptions import DataError, NotFittedError, ParameterError
from tamis.models import _svm_proba
from tamis.models._coef import table
from tamis.models._svm_base import SvmBase, _is_number

__all__ = ["SVC", "SVR"]


def _has_probability(model: SVC) -> bool:
    if model.probability == "deprecated" or not model.probability:
        raise AttributeError("predict_proba is not available when probability=False")
    return True


class SVC(ClassifierMixin, SvmBase):
    """Support vector classification with a kernel, class against class.

    A drop-in for scikit-learn's class of this name, and the same steps as libsvm's: the same
    support vectors and coefficients, several times as fast. Kernel values are made in lanes, many
    rows at once; rows of them are kept in a cache of `cache_size`, which with a few numbers a row
    bounds the memory.

    Parameters
    ----------
    C : float, default=1.0
        Inverse strength of the penalty (L2, squared); positive.
    kernel : {"linear", "poly", "rbf", "sigmoid", "precomputed"} or callable, default="rbf"
        How alike two rows are. "precomputed": X holds the kernel values. A callable takes two sets
        of rows, and returns their matrix of kernel values.
    degree : int, default=3
        Degree of "poly".
    gamma : {"scale", "auto"} or float, default="scale"
        Coefficient of "rbf", "poly" and "sigmoid": "scale" is ``1 / (n_features * X.var())``,
        "auto" is ``1 / n_features``.
    coef0 : float, default=0.0
        The constant of "poly" and "sigmoid".
    shrinking : bool, default=True
        Whether variables settled at a bound are set aside for a while.
    probability : bool, default="deprecated"
        Whether to fit probabilities too. Deprecated, as in scikit-learn: calibrate by
        ``CalibratedClassifierCV(SVC(), ensemble=False)``.
    tol : float, default=1e-3
        Stop when no pair of rows violates the conditions of the optimum by more.
    cache_size : float, default=200
        Room for kernel values, in MB.
    class_weight : dict or "balanced", optional
        Factors of C by class.
    verbose : bool, default=False
        Kept for scikit-learn's sake.
    max_iter : int, default=-1
        The most steps of each pair of classes; -1 for no limit (but that of libsvm, ten million).
    decision_function_shape : {"ovr", "ovo"}, default="ovr"
        Whether `decision_function` gives one column a class, or one a pair of classes.
    break_ties : bool, default=False
        Whether `predict` breaks ties among more than two classes by the scores ("ovr" alone).
    random_state : int, RandomState instance or None, default=None
        How the folds for `probability` are drawn.
    n_jobs : int, optional
        Threads; None uses all cores, 1 in a worker process. The result does not depend on it.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
    class_weight_ : ndarray of shape (n_classes,)
    coef_ : ndarray or sparse array of shape (n_pairs, n_features)
        For ``kernel="linear"``.
    dual_coef_ : ndarray or sparse array of shape (n_classes - 1, n_vectors)
        Coefficients of the support vectors.
    fit_status_ : int
        0, or 1 where `max_iter` came first.
    intercept_ : ndarray of shape (n_pairs,)
    n_iter_ : ndarray of shape (n_pairs,), int32
        Steps made.
    n_support_ : ndarray of shape (n_classes,), int32
        Support vectors by class.
    objective_ : ndarray of shape (n_pairs,)
        The value reached of each dual problem, which is minimised.
    probA_, probB_ : ndarray of shape (n_pairs,)
        Slope and offset of the probabilities, for ``probability=True``.
    shape_fit_ : tuple of int
    support_ : ndarray of shape (n_vectors,), int32
        Rows that are support vectors, class by class.
    support_vectors_ : ndarray or sparse array of shape (n_vectors, n_features)
    n_features_in_ : int
    feature_names_in_ : ndarray of str

    Warns
    -----
    UserWarning
        Above 100 000 rows: time grows with their square.

    Notes
    -----
    Kernel values are rounded to single precision, as in libsvm; the sums of prediction are double.
    The bits do not depend on the number of threads, the cache or the machine.

    With `probability`, out-of-fold scores of five folds give a sigmoid for each pair of classes
    (Platt), and the probabilities of the classes are coupled from those of the pairs.

    What differs from scikit-learn: `verbose` prints nothing; probabilities come from other folds;
    `support_` counts rows of weight zero, which there shift it; a callable kernel whose matrix does
    not fit the rows is refused by `fit`.

    References
    ----------
    Fan, Chen and Lin (2005), Working set selection using second order information for training
    support vector machines. Platt (1999), Probabilistic outputs for support vector machines. Wu,
    Lin and Weng (2004), Probability estimates for multi-class classification by pairwise coupling.

    Examples
    --------
    >>> import numpy as np
    >>> from tamis.models import SVC
    >>> X = np.array([[0.0, 0.0], [1.0, 1.0], [0.0, 1.0], [1.0, 0.0]])
    >>> model = SVC(C=10.0, gamma=1.0).fit(X, ["same", "same", "other", "other"])
    >>> model.predict([[0.1, 0.2], [0.9, 0.1]])
    array(['same', 'other'], dtype='<U5')
    >>> model.n_support_
    array([2, 2], dtype=int32)
    """

    def __init__(
        self,
        *,
        C: float = 1.0,
        kernel: Any = "rbf",
        degree: int = 3,
        gamma: Any = "scale",
        coef0: float = 0.0,
        shrinking: bool = True,
        probability: Any = "deprecated",
        tol: float = 1e-3,
        cache_size: float = 200,
        class_weight: Any = None,
        verbose: bool = False,
        max_iter: int = -1,
        decision_function_shape: str = "ovr",
        break_ties: bool = False,
        random_state: Any = None,
        n_jobs: int | None = None,
    ) -> None:
        self.C = C
        self.kernel = kernel
        self.degree = degree
        self.gamma = gamma
        self.coef0 = coef0
        self.shrinking = shrinking
        self.probability = probability
        self.tol = tol
        self.cache_size = cache_size
        self.class_weight = class_weight
        self.verbose = verbose
        self.max_iter = max_iter
        self.decision_function_shape = decision_function_shape
        self.break_ties = break_ties
        self.random_state = random_state
        self.n_jobs = n_jobs

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> SVC:
        """Fit the model.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features) or (n_samples, n_samples)
            Finite numbers; kernel values for ``kernel="precomputed"``.
        y : array-like of shape (n_samples,)
            Classes.
        sample_weight : array-like of shape (n_samples,), optional
            Factors of C by row; rows of zero are left out.

        Returns
        -------
        SVC

        Warns
        -----
        ConvergenceWarning
            If `max_iter` steps were not enough.
        """
        self._check_parameters()
        if self.decision_function_shape not in ("ovr", "ovo"):
            raise ParameterError(
                "decision_function_shape must be 'ovr' or 'ovo'; got "
                f"{self.decision_function_shape!r}"
            )
        if self.probability != "deprecated":
            warnings.warn(
                "The `probability` parameter was deprecated in scikit-learn 1.9: use "
                "`CalibratedClassifierCV(SVC(), ensemble=False)`",
                FutureWarning,
                stacklevel=2,
            )
        given = X
        X, y = self._rows(X, y)
        labels = column_or_1d(y, warn=True)
        check_classification_targets(labels)
        self.classes_, codes = np.unique(labels, return_inverse=True)
        n_classes = len(self.classes_)
        self.class_weight_ = compute_class_weight(
            self.class_weight, classes=self.classes_, y=labels
        )
        if n_classes < 2:
            raise DataError(
                f"The number of classes has to be greater than one; got {n_classes} class"
            )
        bounds = self._bounds(sample_weight, len(codes)) * self.class_weight_[codes]
        if len(np.unique(codes[bounds > 0])) < 2:
            raise DataError(
                "Invalid input - all samples with positive weights belong to the same class."
            )
        found = _core.svm_classify(
            table(X),
            codes.astype(np.uint32),
            n_classes,
            bounds,
            self._spec(),
            self._how(len(codes)),
            resolve(self.n_jobs),
        )
        rows = np.flatnonzero((found[0] != 0).any(axis=0))
        rows = rows[np.argsort(codes[rows], kind="stable")]
        self._n_support = np.bincount(codes[rows], minlength=n_classes).astype(np.int32)
        self._keep(X, found[0][:, rows], rows, found)
        if n_classes == 2:  # the second class is the positive one
            self.intercept_, self.dual_coef_ = -self.intercept_, -self.dual_coef_
        self._probA = self._probB = np.empty(0)
        if self.probability != "deprecated" and self.probability:
            self._probA, self._probB = _svm_proba.slopes(self, given, codes, sample_weight)
        return self

    def _pairs(self, X: Any) -> np.ndarray:
        """Return a score for each pair of classes, positive for the first of them."""
        check_is_fitted(self)
        k = len(self.classes_)
        sums = self._sums(X, np.cumsum(self._n_support).tolist())
        columns = [sums[:, a, b - 1] + sums[:, b, a] for a in range(k) for b in range(a + 1, k)]
        return np.stack(columns, axis=1) + self._intercept_

    def decision_function(self, X: Any) -> np.ndarray:
        """Return the scores: (n_samples,) for two classes; else a column a class or a pair."""
        pairs = self._pairs(X)
        k = len(self.classes_)
        if k == 2:
            return -pairs.ravel()
        if self.decision_function_shape == "ovo":
            return pairs
        votes = _votes(pairs, k)
        confidence = np.zeros_like(votes)
        for column, (a, b) in zip(pairs.T, _pairs_of(k), strict=True):
            confidence[:, a] += column
            confidence[:, b] -= column
        return votes + confidence / (3 * (np.abs(confidence) + 1))

    def predict(self, X: Any) -> np.ndarray:
        """Return the predicted classes: those that win most pairs."""
        check_is_fitted(self)
        k = len(self.classes_)
        if self.break_ties and self.decision_function_shape == "ovo":
            raise ParameterError("break_ties must be False when decision_function_shape is 'ovo'")
        if self.break_ties and k > 2:
            return self.classes_[self.decision_function(X).argmax(axis=1)]
        pairs = self._pairs(X)
        if k == 2:
            return self.classes_[(pairs[:, 0] <= 0).astype(np.intp)]
        # As in libsvm, a pair that is level counts for the second of its classes.
        return self.classes_[_votes(pairs, k, level=1).argmax(axis=1)]

    @available_if(_has_probability)
    def predict_proba(self, X: Any) -> np.ndarray:
        """Return probabilities, shape (n_samples, n_classes), for ``probability=True``."""
        check_is_fitted(self)
        if len(self._probA) == 0:
            raise NotFittedError(
                "predict_proba is not available when fitted with probability=False"
            )
        return _svm_proba.coupled(self._pairs(X), self._probA, self._probB, len(self.classes_))

    @available_if(_has_probability)
    def predict_log_proba(self, X: Any) -> np.ndarray:
        """Return logarithms of probabilities, for ``probability=True``."""
        return np.log(self.predict_proba(X))

    @property
    def probA_(self) -> np.ndarray:
        """Slopes of the probabilities of the pairs (deprecated as `probability` is)."""
        _warn_of_old("probA_")
        return self._probA

    @property
    def probB_(self) -> np.ndarray:
        """Offsets of the probabilities of the pairs (deprecated as `probability` is)."""
        _warn_of_old("probB_")
        return self._probB

    def _coef(self) -> Any:
        if len(self.classes_) == 2:
            return safe_sparse_dot(self.dual_coef_, self.support_vectors_)
        ends = np.cumsum([0, *self._n_support])
        span = [slice(a, b) for a, b in pairwise(ends)]
        dual: Any = self.dual_coef_
        dual = dual.toarray() if self._sparse else dual
        rows = []
        for a, b in _pairs_of(len(self.classes_)):
            part = [(dual[[line], span[c]], span[c]) for c, line in ((a, b - 1), (b, a))]
            if self._sparse:
                part = [(sparse.csr_array(d), s) for d, s in part]
            rows.append(sum(safe_sparse_dot(d, self.support_vectors_[s]) for d, s in part))
        return sparse.vstack(rows).tocsr() if self._sparse else np.vstack(rows)


def _warn_of_old(name: str) -> None:
    text = f"Attribute `{name}` was deprecated in scikit-learn 1.9, as `probability` was"
    warnings.warn(text, FutureWarning, stacklevel=3)


def _pairs_of(k: int) -> list[tuple[int, int]]:
    return [(a, b) for a in range(k) for b in range(a + 1, k)]


def _votes(pairs: np.ndarray, k: int, level: int = 0) -> np.ndarray:
    """Return how many pairs each class wins; `level` is who wins a pair that is level."""
    votes = np.zeros((len(pairs), k))
    for column, (a, b) in zip(pairs.T, _pairs_of(k), strict=True):
        first = column > 0 if level else column >= 0
        votes[:, a] += first
        votes[:, b] += ~first
    return votes


class SVR(RegressorMixin, SvmBase):
    """Support vector regression with a kernel, within a tube of half-width `epsilon`.

    A drop-in for scikit-learn's class of this name; see `SVC` for how it is made.

    Parameters
    ----------
    kernel : {"linear", "poly", "rbf", "sigmoid", "precomputed"} or callable, default="rbf"
        As in `SVC`.
    degree : int, default=3
        Degree of "poly".
    gamma : {"scale", "auto"} or float, default="scale"
        As in `SVC`.
    coef0 : float, default=0.0
        The constant of "poly" and "sigmoid".
    tol : float, default=1e-3
        Stop when no pair of rows violates the conditions of the optimum by more.
    C : float, default=1.0
        Inverse strength of the penalty (L2, squared); positive.
    epsilon : float, default=0.1
        Errors up to this size cost nothing; in units of y.
    shrinking : bool, default=True
        Whether variables settled at a bound are set aside for a while.
    cache_size : float, default=200
        Room for kernel values, in MB.
    verbose : bool, default=False
        Kept for scikit-learn's sake.
    max_iter : int, default=-1
        The most steps; -1 for no limit (but that of libsvm, ten million).
    n_jobs : int, optional
        Threads; None uses all cores, 1 in a worker process. The result does not depend on it.

    Attributes
    ----------
    coef_ : ndarray or sparse array of shape (1, n_features)
        For ``kernel="linear"``.
    dual_coef_ : ndarray or sparse array of shape (1, n_vectors)
    fit_status_ : int
        0, or 1 where `max_iter` came first.
    intercept_ : ndarray of shape (1,)
    n_iter_ : int
    n_support_ : ndarray of shape (1,), int32
    objective_ : ndarray of shape (1,)
        The value reached of the dual problem, which is minimised.
    shape_fit_ : tuple of int
    support_ : ndarray of shape (n_vectors,), int32
    support_vectors_ : ndarray or sparse array of shape (n_vectors, n_features)
    n_features_in_ : int
    feature_names_in_ : ndarray of str

    Warns
    -----
    UserWarning
        Above 100 000 rows: time grows with their square.

    References
    ----------
    Fan, Chen and Lin (2005), Working set selection using second order information for training
    support vector machines.

    Examples
    --------
    >>> import numpy as np
    >>> from tamis.models import SVR
    >>> X = np.linspace(0.0, 6.0, 30)[:, None]
    >>> model = SVR(C=100.0, gamma=1.0, epsilon=0.01).fit(X, np.sin(X[:, 0]))
    >>> model.predict([[1.5]]).round(1)
    array([1.])
    """

    def __init__(
        self,
        *,
        kernel: Any = "rbf",
        degree: int = 3,
        gamma: Any = "scale",
        coef0: float = 0.0,
        tol: float = 1e-3,
        C: float = 1.0,
        epsilon: float = 0.1,
        shrinking: bool = True,
        cache_size: float = 200,
        verbose: bool = False,
        max_iter: int = -1,
        n_jobs: int | None = None,
    ) -> None:
        self.kernel = kernel
        self.degree = degree
        self.gamma = gamma
        self.coef0 = coef0
        self.tol = tol
        self.C = C
        self.epsilon = epsilon
        self.shrinking = shrinking
        self.cache_size = cache_size
        self.verbose = verbose
        self.max_iter = max_iter
        self.n_jobs = n_jobs

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> SVR:
        """Fit the model.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features) or (n_samples, n_samples)
            Finite numbers; kernel values for ``kernel="precomputed"``.
        y : array-like of shape (n_samples,)
        sample_weight : array-like of shape (n_samples,), optional
            Factors of C by row; rows of zero are left out.

        Returns
        -------
        SVR

        Warns
        -----
        ConvergenceWarning
            If `max_iter` steps were not enough.
        """
        self._check_parameters()
        if not _is_number(self.epsilon) or not 0 <= self.epsilon < np.inf:
            raise ParameterError(f"epsilon must not be negative; got {self.epsilon!r}")
        X, y = self._rows(X, y)
        target = column_or_1d(y, warn=True).astype(np.float64)
        found = _core.svm_regress(
            table(X),
            target,
            float(self.epsilon),
            self._bounds(sample_weight, len(target)),
            self._spec(),
            self._how(len(target)),
            resolve(self.n_jobs),
        )
        rows = np.flatnonzero(found[0][0])
        self._n_support = np.array([len(rows)], dtype=np.int32)
        self._keep(X, found[0][:, rows], rows, found)
        self.n_iter_ = int(self.n_iter_[0])
        return self

    def predict(self, X: Any) -> np.ndarray:
        """Return the predictions, shape (n_samples,)."""
        check_is_fitted(self)
        return self._sums(X, [int(self._n_support[0])])[:, 0, 0] + self._intercept_[0]
