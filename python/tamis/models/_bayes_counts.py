"""Naive Bayes for counts and for what is there or not."""

from __future__ import annotations

import warnings
from numbers import Real
from typing import Any

import numpy as np
from scipy import sparse
from sklearn.preprocessing import binarize
from sklearn.utils.extmath import safe_sparse_dot
from sklearn.utils.validation import check_non_negative

from tamis._check import validated
from tamis.exceptions import ParameterError
from tamis.models._bayes import NaiveBayes, codes_of, first_call, known_codes
from tamis.models._coef import positive_weights

__all__ = ["BernoulliNB", "ComplementNB", "MultinomialNB"]

#: What a smaller alpha becomes unless `force_alpha` is set.
_LEAST = 1e-10
#: What counts may be kept as.
_NUMBERS = (np.float64, np.float32, np.int64, np.int32)


class _Counts(NaiveBayes):
    """Models of sums by class and column, which `_weigh` turns into logarithms."""

    alpha: Any
    force_alpha: bool
    fit_prior: bool
    class_prior: Any
    feature_count_: np.ndarray
    feature_log_prob_: np.ndarray

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Any:
        """Fit the model.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)
        y : array-like of shape (n_samples,)
            Classes.
        sample_weight : array-like of shape (n_samples,), optional

        Returns
        -------
        self
        """
        X, y = validated(self, X, y, accept_sparse="csr", dtype=_NUMBERS)
        self.classes_, codes = codes_of(y)
        return self._add(X, codes, sample_weight, True)

    def partial_fit(self, X: Any, y: Any, classes: Any = None, sample_weight: Any = None) -> Any:
        """Fit on further rows.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)
        y : array-like of shape (n_samples,)
        classes : array-like of shape (n_classes,), optional
            All classes there are; needed on the first call.
        sample_weight : array-like of shape (n_samples,), optional

        Returns
        -------
        self
        """
        first = first_call(self, classes)
        X, y = validated(self, X, y, accept_sparse="csr", dtype=_NUMBERS, reset=first)
        return self._add(X, known_codes(y, self.classes_), sample_weight, first)

    def _add(self, X: Any, codes: np.ndarray, sample_weight: Any, first: bool) -> Any:
        n, k = X.shape[0], len(self.classes_)
        weights = positive_weights(sample_weight, X)
        by_class = sparse.csr_array((weights, codes.astype(np.int64), np.arange(n + 1)), (n, k))
        if first:
            self.class_count_ = np.zeros(k)
            self.feature_count_ = np.zeros((k, X.shape[1]))
        X = self._cells(X)
        self.feature_count_ += safe_sparse_dot(by_class.T, X, dense_output=True)
        self.class_count_ += np.bincount(codes, weights=weights, minlength=k)
        self._weigh(self._smoothing())
        self.class_log_prior_ = self._log_prior()
        return self

    def _cells(self, X: Any) -> Any:
        """Return rows as the counts take them."""
        check_non_negative(X, f"{type(self).__name__} (input X)")
        return X

    def _weigh(self, alpha: Any) -> None:
        raise AttributeError(f"{type(self).__name__} must define _weigh")

    def _smoothing(self) -> Any:
        alpha: Any = (
            self.alpha if isinstance(self.alpha, Real) else np.asarray(self.alpha, dtype=float)
        )
        if np.ndim(alpha) and np.shape(alpha) != (self.n_features_in_,):
            raise ParameterError(
                "When alpha is an array, it should contains `n_features`. "
                f"Got {np.shape(alpha)[0]} elements instead of {self.n_features_in_}."
            )
        if not np.min(alpha) >= 0:
            raise ParameterError("All values in alpha must be greater than 0.")
        if np.min(alpha) < _LEAST and not self.force_alpha:
            warnings.warn(
                f"alpha too small will result in numeric errors, setting alpha = {_LEAST:.1e}. "
                "Use `force_alpha=True` to keep alpha unchanged.",
                stacklevel=4,
            )
            return np.maximum(alpha, _LEAST)
        return alpha

    def _log_prior(self) -> np.ndarray:
        k = len(self.classes_)
        if self.class_prior is not None:
            if len(self.class_prior) != k:
                raise ParameterError("Number of priors must match number of classes.")
            return np.log(self.class_prior)
        if not self.fit_prior:
            return np.full(k, -np.log(k))
        with np.errstate(divide="ignore"):
            return np.asarray(np.log(self.class_count_) - np.log(self.class_count_.sum()))

    def _joint(self, X: Any) -> np.ndarray:
        X = validated(self, X, accept_sparse="csr", dtype=_NUMBERS, reset=False)
        scores = safe_sparse_dot(X, self.feature_log_prob_.T, dense_output=True)
        return np.asarray(scores + self.class_log_prior_)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        tags.input_tags.positive_only = not isinstance(self, BernoulliNB)
        tags.classifier_tags.poor_score = True
        return tags


class MultinomialNB(_Counts):
    """Naive Bayes for counts, as those of words.

    A drop-in for scikit-learn's class of this name.

    Parameters
    ----------
    alpha : float or array-like of shape (n_features,), default=1.0
        What is added to the counts (Laplace, Lidstone).
    force_alpha : bool, default=True
        Whether an alpha below 1e-10 stays as it is.
    fit_prior : bool, default=True
        Whether classes have their shares of the rows as prior, or all the same.
    class_prior : array-like of shape (n_classes,), optional
        Priors of the classes.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
    class_count_ : ndarray of shape (n_classes,)
    class_log_prior_ : ndarray of shape (n_classes,)
    feature_count_ : ndarray of shape (n_classes, n_features)
    feature_log_prob_ : ndarray of shape (n_classes, n_features)
    n_features_in_ : int
    feature_names_in_ : ndarray of str

    References
    ----------
    Manning, Raghavan and Schuetze (2008), Introduction to information retrieval, chapter 13.

    Examples
    --------
    >>> from tamis.models import MultinomialNB
    >>> MultinomialNB().fit([[3, 0], [2, 1], [0, 4]], ["a", "a", "b"]).predict([[1, 0], [0, 1]])
    array(['a', 'b'], dtype='<U1')
    """

    def __init__(
        self,
        *,
        alpha: Any = 1.0,
        force_alpha: bool = True,
        fit_prior: bool = True,
        class_prior: Any = None,
    ) -> None:
        self.alpha = alpha
        self.force_alpha = force_alpha
        self.fit_prior = fit_prior
        self.class_prior = class_prior

    def _weigh(self, alpha: Any) -> None:
        smooth = self.feature_count_ + alpha
        self.feature_log_prob_ = np.log(smooth) - np.log(smooth.sum(axis=1, keepdims=True))


class ComplementNB(_Counts):
    """Naive Bayes for counts by the rows of all other classes: for classes of unequal size.

    A drop-in for scikit-learn's class of this name.

    Parameters
    ----------
    alpha : float or array-like of shape (n_features,), default=1.0
        What is added to the counts.
    force_alpha : bool, default=True
        Whether an alpha below 1e-10 stays as it is.
    fit_prior : bool, default=True
        Used where there is one class alone.
    class_prior : array-like of shape (n_classes,), optional
        Priors of the classes; not used.
    norm : bool, default=False
        Whether the weights of a class are divided by their sum.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
    class_count_ : ndarray of shape (n_classes,)
    class_log_prior_ : ndarray of shape (n_classes,)
    feature_all_ : ndarray of shape (n_features,)
    feature_count_ : ndarray of shape (n_classes, n_features)
    feature_log_prob_ : ndarray of shape (n_classes, n_features)
    n_features_in_ : int
    feature_names_in_ : ndarray of str

    References
    ----------
    Rennie et al. (2003), Tackling the poor assumptions of naive Bayes text classifiers.

    Examples
    --------
    >>> from tamis.models import ComplementNB
    >>> ComplementNB().fit([[3, 0], [2, 1], [0, 4]], ["a", "a", "b"]).predict([[1, 0], [0, 1]])
    array(['a', 'b'], dtype='<U1')
    """

    def __init__(
        self,
        *,
        alpha: Any = 1.0,
        force_alpha: bool = True,
        fit_prior: bool = True,
        class_prior: Any = None,
        norm: bool = False,
    ) -> None:
        self.alpha = alpha
        self.force_alpha = force_alpha
        self.fit_prior = fit_prior
        self.class_prior = class_prior
        self.norm = norm

    def _weigh(self, alpha: Any) -> None:
        self.feature_all_ = self.feature_count_.sum(axis=0)
        others = self.feature_all_ + alpha - self.feature_count_
        logged = np.log(others / others.sum(axis=1, keepdims=True))
        self.feature_log_prob_ = (
            logged / logged.sum(axis=1, keepdims=True) if self.norm else -logged
        )

    def _joint(self, X: Any) -> np.ndarray:
        X = validated(self, X, accept_sparse="csr", dtype=_NUMBERS, reset=False)
        scores = safe_sparse_dot(X, self.feature_log_prob_.T, dense_output=True)
        return np.asarray(scores + self.class_log_prior_ if len(self.classes_) == 1 else scores)


class BernoulliNB(_Counts):
    """Naive Bayes for columns that are there or not.

    A drop-in for scikit-learn's class of this name.

    Parameters
    ----------
    alpha : float or array-like of shape (n_features,), default=1.0
        What is added to the counts.
    force_alpha : bool, default=True
        Whether an alpha below 1e-10 stays as it is.
    binarize : float, optional, default=0.0
        What is above it is there; None where X holds zeros and ones already.
    fit_prior : bool, default=True
        Whether classes have their shares of the rows as prior, or all the same.
    class_prior : array-like of shape (n_classes,), optional
        Priors of the classes.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
    class_count_ : ndarray of shape (n_classes,)
    class_log_prior_ : ndarray of shape (n_classes,)
    feature_count_ : ndarray of shape (n_classes, n_features)
    feature_log_prob_ : ndarray of shape (n_classes, n_features)
        log P(there | class).
    n_features_in_ : int
    feature_names_in_ : ndarray of str

    References
    ----------
    Manning, Raghavan and Schuetze (2008), Introduction to information retrieval, chapter 13.

    Examples
    --------
    >>> from tamis.models import BernoulliNB
    >>> BernoulliNB().fit([[1, 0], [1, 0], [0, 1]], ["a", "a", "b"]).predict([[2, 0], [0, 1]])
    array(['a', 'b'], dtype='<U1')
    """

    def __init__(
        self,
        *,
        alpha: Any = 1.0,
        force_alpha: bool = True,
        binarize: float | None = 0.0,
        fit_prior: bool = True,
        class_prior: Any = None,
    ) -> None:
        self.alpha = alpha
        self.force_alpha = force_alpha
        self.binarize = binarize
        self.fit_prior = fit_prior
        self.class_prior = class_prior

    def _cells(self, X: Any) -> Any:
        return X if self.binarize is None else binarize(X, threshold=self.binarize)

    def _weigh(self, alpha: Any) -> None:
        there = self.feature_count_ + alpha
        all_rows = self.class_count_[:, None] + 2 * np.asarray(alpha)
        self.feature_log_prob_ = np.log(there) - np.log(all_rows)

    def _joint(self, X: Any) -> np.ndarray:
        X = self._cells(validated(self, X, accept_sparse="csr", dtype=_NUMBERS, reset=False))
        absent = np.log(1 - np.exp(self.feature_log_prob_))
        joint = safe_sparse_dot(X, (self.feature_log_prob_ - absent).T, dense_output=True)
        return np.asarray(joint + self.class_log_prior_ + absent.sum(axis=1))
