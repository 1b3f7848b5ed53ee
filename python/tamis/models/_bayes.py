"""Gaussian naive Bayes, and what the naive Bayes models share."""

from __future__ import annotations

from numbers import Real
from typing import Any

import numpy as np
from scipy.special import logsumexp
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils.multiclass import check_classification_targets, unique_labels
from sklearn.utils.validation import check_is_fitted, column_or_1d

from tamis import _core
from tamis._check import refuse_infinite, validated
from tamis._threads import resolve
from tamis.exceptions import DataError, ParameterError, ShapeError
from tamis.models._coef import positive_weights

__all__ = ["GaussianNB", "NaiveBayes", "codes_of", "first_call", "known_codes"]

#: Whole numbers within so many steps are told apart by counting, not sorting.
_COUNTED = 1 << 16


def codes_of(y: Any) -> tuple[np.ndarray, np.ndarray]:
    """Return the classes in order and the code of each row's class."""
    y = column_or_1d(y, warn=True)
    if y.dtype.kind in "iu" and len(y):
        low, high = int(y.min()), int(y.max())
        if high - low < _COUNTED:
            places = y - np.asarray(low, dtype=y.dtype)
            there = np.flatnonzero(np.bincount(places.astype(np.int64)))
            code = np.zeros(high - low + 1, dtype=np.uint32)
            code[there] = np.arange(len(there), dtype=np.uint32)
            return there.astype(y.dtype) + np.asarray(low, dtype=y.dtype), code[places]
    check_classification_targets(y)
    classes, codes = np.unique(y, return_inverse=True)
    return classes, codes.astype(np.uint32)


def known_codes(y: Any, classes: np.ndarray) -> np.ndarray:
    """Return the code of each row's class among those known."""
    found, codes = codes_of(y)
    strange = ~np.isin(found, classes)
    if strange.any():
        raise DataError(
            f"The target label(s) {found[strange]} in y do not exist in the initial classes "
            f"{classes}"
        )
    return np.asarray(np.searchsorted(classes, found).astype(np.uint32)[codes])


def first_call(estimator: Any, classes: Any) -> bool:
    """Take the classes of the first call of `partial_fit`; return whether this is it."""
    if getattr(estimator, "classes_", None) is None:
        if classes is None:
            raise ParameterError("classes must be passed on the first call to partial_fit.")
        estimator.classes_ = unique_labels(classes)
        return True
    if classes is not None and not np.array_equal(estimator.classes_, unique_labels(classes)):
        raise ParameterError(
            f"`classes={classes!r}` is not the same as on last call to partial_fit, was: "
            f"{estimator.classes_!r}"
        )
    return False


class NaiveBayes(ClassifierMixin, BaseEstimator):
    """What the naive Bayes models share: prediction from the joint logarithms."""

    classes_: np.ndarray

    def _joint(self, X: Any) -> np.ndarray:
        raise AttributeError(f"{type(self).__name__} must define _joint")

    def predict_joint_log_proba(self, X: Any) -> np.ndarray:
        """Return log P(x, class) of each row and class, shape (n_samples, n_classes)."""
        check_is_fitted(self)
        return self._joint(X)

    def predict(self, X: Any) -> np.ndarray:
        """Return the likeliest class of each row."""
        best = self.predict_joint_log_proba(X).argmax(axis=1)
        return np.asarray(self.classes_[best])

    def predict_log_proba(self, X: Any) -> np.ndarray:
        """Return the logarithm of the probability of each class, (n_samples, n_classes)."""
        joint = self.predict_joint_log_proba(X)
        return np.asarray(joint - logsumexp(joint, axis=1, keepdims=True))

    def predict_proba(self, X: Any) -> np.ndarray:
        """Return the probability of each class, shape (n_samples, n_classes)."""
        return np.exp(self.predict_log_proba(X))


class GaussianNB(NaiveBayes):
    """Gaussian naive Bayes.

    A drop-in for scikit-learn's class of this name: each column is normal within a class. Means
    and variances come from two passes over the rows, in any number of threads with the same bits.

    Parameters
    ----------
    priors : array-like of shape (n_classes,), optional
        Prior probabilities of the classes; by default their shares of the rows.
    var_smoothing : float, default=1e-9
        The share of the largest variance of a column that is added to all variances.
    n_jobs : int, optional
        Threads; None uses all cores, 1 in a worker process.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
    class_count_ : ndarray of shape (n_classes,)
        Rows (their weights) of each class.
    class_prior_ : ndarray of shape (n_classes,)
    theta_ : ndarray of shape (n_classes, n_features)
        Means.
    var_ : ndarray of shape (n_classes, n_features)
        Variances.
    epsilon_ : float
        What was added to the variances.
    n_features_in_ : int
    feature_names_in_ : ndarray of str

    References
    ----------
    Chan, Golub and LeVeque (1983), Algorithms for computing the sample variance.

    Examples
    --------
    >>> from tamis.models import GaussianNB
    >>> GaussianNB().fit([[-2.0], [-1.0], [1.0], [2.0]], [0, 0, 1, 1]).predict([[-0.5], [3.0]])
    array([0, 1])
    """

    class_count_: np.ndarray
    theta_: np.ndarray
    var_: np.ndarray
    epsilon_: float

    def __init__(
        self, *, priors: Any = None, var_smoothing: float = 1e-9, n_jobs: int | None = None
    ) -> None:
        self.priors = priors
        self.var_smoothing = var_smoothing
        self.n_jobs = n_jobs

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> GaussianNB:
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
        GaussianNB
        """
        X, y = self._rows(X, y, True)
        self.classes_, codes = codes_of(y)
        return self._add(X, codes, sample_weight, True)

    def partial_fit(
        self, X: Any, y: Any, classes: Any = None, sample_weight: Any = None
    ) -> GaussianNB:
        """Fit on further rows.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
        y : array-like of shape (n_samples,)
        classes : array-like of shape (n_classes,), optional
            All classes there are; needed on the first call.
        sample_weight : array-like of shape (n_samples,), optional

        Returns
        -------
        GaussianNB
        """
        first = first_call(self, classes)
        X, y = self._rows(X, y, first)
        return self._add(X, known_codes(y, self.classes_), sample_weight, first)

    def _rows(self, X: Any, y: Any, reset: bool) -> tuple[np.ndarray, Any]:
        """Check rows; whether they are finite, their sums will tell without another pass."""
        if not isinstance(self.var_smoothing, Real) or not self.var_smoothing >= 0:
            raise ParameterError(
                f"var_smoothing must be a number that is not negative; got {self.var_smoothing!r}"
            )
        if y is None:
            validated(self, X, y, reset=reset)  # says that y is missing
        X = validated(self, X, dtype=(np.float64, np.float32), ensure_all_finite=False, reset=reset)
        y = column_or_1d(y, warn=True)
        if y.dtype.kind == "f" and not np.isfinite(y).all():
            raise DataError("Input y contains NaN or infinity: drop those rows")
        if len(y) != len(X):
            raise ShapeError(
                f"Found input variables with inconsistent numbers of samples: {[len(X), len(y)]}"
            )
        return X, y

    def _add(self, X: np.ndarray, codes: np.ndarray, sample_weight: Any, first: bool) -> GaussianNB:
        weights = None if sample_weight is None else positive_weights(sample_weight, X)
        count, mean, var, spread = _core.bayes_moments(
            X, codes, len(self.classes_), weights, resolve(self.n_jobs)
        )
        if not (np.isfinite(mean).all() and np.isfinite(spread).all()):
            refuse_infinite(self, X, allow_nan=False)
        if not first:
            old, var_old = self.class_count_, self.var_ - self.epsilon_
            total = old + count
            share = np.divide(count, total, out=np.zeros_like(total), where=total > 0)[:, None]
            off = mean - self.theta_
            var = var_old + share * (var - var_old) + share * (1 - share) * off**2
            mean, count = self.theta_ + share * off, total
        self.epsilon_ = float(self.var_smoothing * spread.max())
        self.theta_ = mean.astype(X.dtype)
        self.var_ = (var + self.epsilon_).astype(X.dtype)
        self.class_count_ = count.astype(X.dtype)
        if first or self.priors is None:
            self.class_prior_ = self._prior().astype(X.dtype)
        return self

    def _prior(self) -> np.ndarray:
        if self.priors is None:
            return np.asarray(self.class_count_ / self.class_count_.sum())
        priors = np.asarray(self.priors, dtype=np.float64)
        if len(priors) != len(self.classes_):
            raise ParameterError("Number of priors must match number of classes.")
        if not np.isclose(priors.sum(), 1.0):
            raise ParameterError("The sum of the priors should be 1.")
        if (priors < 0).any():
            raise ParameterError("Priors must be non-negative.")
        return priors

    def _joint(self, X: Any) -> np.ndarray:
        X = validated(self, X, dtype=(np.float64, np.float32), ensure_all_finite=False, reset=False)
        refuse_infinite(self, X, allow_nan=False)
        mean, var = self.theta_.astype(np.float64), self.var_.astype(np.float64)
        with np.errstate(divide="ignore"):
            prior = np.log(self.class_prior_.astype(np.float64))
            constant = prior - 0.5 * np.log(2.0 * np.pi * var).sum(axis=1)
        out = _core.bayes_scores(X, mean, var, constant, resolve(self.n_jobs))
        return out.astype(np.result_type(X.dtype, self.theta_.dtype), copy=False)
