"""Gradient boosting on histograms."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from scipy.optimize import minimize_scalar
from scipy.special import expit, softmax
from sklearn.base import ClassifierMixin, RegressorMixin
from sklearn.utils import column_or_1d, compute_sample_weight
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_array

from tamis.exceptions import DataError, ParameterError
from tamis.models._boost_base import BaseBoosting

__all__ = ["HistGradientBoostingClassifier", "HistGradientBoostingRegressor"]


class HistGradientBoostingClassifier(ClassifierMixin, BaseBoosting):
    """Gradient-boosted trees for classes, grown on histograms.

    scikit-learn's class of this name, several times as fast: the same bins, splits and rounds.
    Gradients are summed as whole numbers, so that the model is the same on any number of threads.

    Parameters
    ----------
    loss : {"log_loss"}, another name of `tamis.losses`, or a loss object, default="log_loss"
        The loss. An object has ``value(y, score)``, ``gradient(y, score)`` and, for Newton steps,
        ``hessian(y, score)``, of class codes and raw scores: (n_rows,) for two classes,
        (n_rows, n_classes) for more.
    learning_rate : float, default=0.1
        What the trees' values are multiplied by.
    max_iter : int, default=100
        Rounds at most: a tree each, or one a class for three classes and more.
    max_leaf_nodes : int or None, default=31
        Leaves of a tree at most.
    max_depth : int or None, default=None
        Splits on the way to a leaf at most.
    min_samples_leaf : int, default=20
        Both sides of a split have at least this many rows.
    l2_regularization : float, default=0.0
        Added to the Hessians of a leaf.
    max_features : float, default=1.0
        The share of the features, drawn at random, that a node looks at.
    max_bins : int, default=255
        Bins of a feature at most, missing values not counted.
    categorical_features : array-like of bool, int or str, "from_dtype" or None, \
default="from_dtype"
        The columns that hold categories: a mask, their places or names, or those of a frame that
        have a categorical dtype.
    monotonic_cst : array-like of int of shape (n_features,) or dict, default=None
        1 where the probability of the second class must not fall as the feature rises, -1 where
        it must not rise, 0 where it may do both. Two classes only.
    interaction_cst : {"pairwise", "no_interactions"} or sequence of sets of int, default=None
        The features that may meet on a way from the root to a leaf, by their places in `X` (also
        beside categories, which scikit-learn moves to the front first).
    warm_start : bool, default=False
        Add rounds to those of the last `fit`, which should have seen the same rows.
    early_stopping : "auto" or bool, default="auto"
        Stop when scores no longer rise; "auto" does so from 10 001 rows on.
    scoring : str, callable or None, default="loss"
        The score to stop by: the loss, a scorer or its name, or None for the accuracy.
    validation_fraction : int, float or None, default=0.1
        Rows held out for it, as a count or share; None scores the training rows.
    n_iter_no_change : int, default=10
        Stop when none of so many scores is better than the one before them,
    tol : float, default=1e-7
        by more than this.
    verbose : int, default=0
        Print the time taken, and from 2 on the scores of each round.
    random_state : int, RandomState instance or None, default=None
        Draws the held-out rows, the features and, above 200 000 rows, those that bins are found
        on. scikit-learn's draws are the same but for those of features.
    class_weight : dict, "balanced" or None, default=None
        The classes' weights, multiplied with `sample_weight`.
    n_jobs : int, default=None
        Threads; None is all cores, or one in a worker process. The model does not depend on it.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        The classes.
    do_early_stopping_ : bool
        Whether scores were watched.
    n_iter_ : int
        How many rounds were made.
    n_trees_per_iteration_ : int
        Trees a round.
    train_score_, validation_score_ : ndarray of shape (n_iter_ + 1,)
        Scores before the first round and after each; empty where none were watched.
    is_categorical_ : ndarray of bool of shape (n_features,), or None
        The columns that hold categories.
    n_features_in_ : int
        Columns seen in `fit`.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Their names, when they were all strings.

    References
    ----------
    J. Friedman, Greedy function approximation: a gradient boosting machine, Annals of Statistics
    29 (2001). T. Chen and C. Guestrin, XGBoost: a scalable tree boosting system, KDD 2016.
    G. Ke and others, LightGBM: a highly efficient gradient boosting decision tree, NeurIPS 2017.

    Examples
    --------
    >>> import numpy as np
    >>> from tamis.models import HistGradientBoostingClassifier
    >>> rng = np.random.default_rng(0)
    >>> X = rng.normal(size=(200, 3))
    >>> y = np.where(X[:, 0] * X[:, 1] > 0, "same", "other")
    >>> model = HistGradientBoostingClassifier(max_iter=30).fit(X, y)
    >>> model.predict([[1.0, 1.0, 0.0], [-1.0, 1.0, np.nan]])
    array(['same', 'other'], dtype='<U5')
    """

    classes_: np.ndarray
    _losses = ("log_loss",)

    def __init__(
        self,
        loss="log_loss",
        *,
        learning_rate=0.1,
        max_iter=100,
        max_leaf_nodes=31,
        max_depth=None,
        min_samples_leaf=20,
        l2_regularization=0.0,
        max_features=1.0,
        max_bins=255,
        categorical_features="from_dtype",
        monotonic_cst=None,
        interaction_cst=None,
        warm_start=False,
        early_stopping="auto",
        scoring="loss",
        validation_fraction=0.1,
        n_iter_no_change=10,
        tol=1e-7,
        verbose=0,
        random_state=None,
        class_weight=None,
        n_jobs=None,
    ):
        self.loss = loss
        self.learning_rate = learning_rate
        self.max_iter = max_iter
        self.max_leaf_nodes = max_leaf_nodes
        self.max_depth = max_depth
        self.min_samples_leaf = min_samples_leaf
        self.l2_regularization = l2_regularization
        self.max_features = max_features
        self.max_bins = max_bins
        self.categorical_features = categorical_features
        self.monotonic_cst = monotonic_cst
        self.interaction_cst = interaction_cst
        self.warm_start = warm_start
        self.early_stopping = early_stopping
        self.scoring = scoring
        self.validation_fraction = validation_fraction
        self.n_iter_no_change = n_iter_no_change
        self.tol = tol
        self.verbose = verbose
        self.random_state = random_state
        self.class_weight = class_weight
        self.n_jobs = n_jobs

    def _encode_y(self, y: Any) -> np.ndarray:
        y = _target(self, y, None)
        check_classification_targets(y)
        self.classes_, codes = np.unique(y, return_inverse=True)
        self.n_trees_per_iteration_ = 1 if len(self.classes_) <= 2 else len(self.classes_)
        return codes.astype(np.float64)

    def _encode_y_val(self, y: Any) -> np.ndarray:
        y = _target(self, y, None)
        codes = np.searchsorted(self.classes_, y)
        codes[codes == len(self.classes_)] = 0
        unknown = self.classes_[codes] != y
        if unknown.any():
            raise DataError(f"y_val has a class that y does not have: {y[unknown][0]!r}")
        return codes.astype(np.float64)

    def _n_classes(self) -> int | None:
        return len(self.classes_)

    def _class_weighted(self, weights: np.ndarray | None, y: np.ndarray) -> np.ndarray | None:
        if self.class_weight is None:
            return weights
        of_class = compute_sample_weight(self.class_weight, self.classes_[y.astype(int)])
        return of_class if weights is None else weights * of_class

    def _baseline(self, y: np.ndarray, weights: np.ndarray | None) -> np.ndarray:
        tiny = np.finfo(np.float64).eps
        if self.n_trees_per_iteration_ == 1:
            share = np.clip(np.average(y, weights=weights), 10 * tiny, 1 - 10 * tiny)
            return np.array([np.log(share / (1 - share))])
        codes = range(len(self.classes_))
        shares = [np.average(y == code, weights=weights) for code in codes]
        logs = np.log(np.clip(shares, tiny, 1 - tiny))
        return logs - logs.mean()

    def predict(self, X: Any) -> np.ndarray:
        """Return the most probable class of each row.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            The rows.

        Returns
        -------
        ndarray of shape (n_samples,)
            Classes.
        """
        return self._chosen(self._raw_predict(X))

    def predict_proba(self, X: Any) -> np.ndarray:
        """Return the probability of each class.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            The rows.

        Returns
        -------
        ndarray of shape (n_samples, n_classes)
            Probabilities, in the order of `classes_`.
        """
        return self._shares(self._raw_predict(X))

    def decision_function(self, X: Any) -> np.ndarray:
        """Return the raw scores.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            The rows.

        Returns
        -------
        ndarray of shape (n_samples,) or (n_samples, n_classes)
            Scores: of two classes, that of the second.
        """
        raw = self._raw_predict(X)
        return raw.ravel() if raw.shape[1] == 1 else raw

    def staged_predict(self, X: Any) -> Iterator[np.ndarray]:
        """Yield what `predict` would return after each round."""
        for raw in self._staged(X):
            yield self._chosen(raw)

    def staged_predict_proba(self, X: Any) -> Iterator[np.ndarray]:
        """Yield what `predict_proba` would return after each round."""
        for raw in self._staged(X):
            yield self._shares(raw)

    def staged_decision_function(self, X: Any) -> Iterator[np.ndarray]:
        """Yield what `decision_function` would return after each round."""
        for raw in self._staged(X):
            yield raw.ravel() if raw.shape[1] == 1 else raw

    def _chosen(self, raw: np.ndarray) -> np.ndarray:
        if raw.shape[1] == 1:
            return self.classes_[(raw[:, 0] > 0).astype(int)]
        return self.classes_[raw.argmax(axis=1)]

    def _shares(self, raw: np.ndarray) -> np.ndarray:
        if hasattr(self._loss, "probabilities"):
            return self._loss.probabilities(raw[:, 0] if raw.shape[1] == 1 else raw)
        if raw.shape[1] == 1:
            second = expit(raw[:, 0])
            return np.column_stack([1 - second, second])
        return softmax(raw, axis=1)


class HistGradientBoostingRegressor(RegressorMixin, BaseBoosting):
    """Gradient-boosted trees for numbers, grown on histograms.

    scikit-learn's class of this name, several times as fast: the same bins, splits and rounds.
    Gradients are summed as whole numbers, so that the model is the same on any number of threads.

    Parameters
    ----------
    loss : {"squared_error", "absolute_error", "gamma", "poisson", "quantile"}, another name of \
`tamis.losses`, or a loss object, default="squared_error"
        The loss; "gamma" and "poisson" predict the exponential of the score. An object has
        ``value(y, score)``, ``gradient(y, score)`` and, for Newton steps, ``hessian(y, score)``.
    quantile : float, default=None
        The quantile that the loss "quantile" is about, between 0 and 1.
    learning_rate : float, default=0.1
        What the trees' values are multiplied by.
    max_iter : int, default=100
        Rounds at most, a tree each.
    max_leaf_nodes : int or None, default=31
        Leaves of a tree at most.
    max_depth : int or None, default=None
        Splits on the way to a leaf at most.
    min_samples_leaf : int, default=20
        Both sides of a split have at least this many rows.
    l2_regularization : float, default=0.0
        Added to the Hessians of a leaf.
    max_features : float, default=1.0
        The share of the features, drawn at random, that a node looks at.
    max_bins : int, default=255
        Bins of a feature at most, missing values not counted.
    categorical_features : array-like of bool, int or str, "from_dtype" or None, \
default="from_dtype"
        The columns that hold categories: a mask, their places or names, or those of a frame that
        have a categorical dtype.
    monotonic_cst : array-like of int of shape (n_features,) or dict, default=None
        1 where the prediction must not fall as the feature rises, -1 where it must not rise, 0
        where it may do both.
    interaction_cst : {"pairwise", "no_interactions"} or sequence of sets of int, default=None
        The features that may meet on a way from the root to a leaf, by their places in `X` (also
        beside categories, which scikit-learn moves to the front first).
    warm_start : bool, default=False
        Add rounds to those of the last `fit`, which should have seen the same rows.
    early_stopping : "auto" or bool, default="auto"
        Stop when scores no longer rise; "auto" does so from 10 001 rows on.
    scoring : str, callable or None, default="loss"
        The score to stop by: the loss, a scorer or its name, or None for R2.
    validation_fraction : int, float or None, default=0.1
        Rows held out for it, as a count or share; None scores the training rows.
    n_iter_no_change : int, default=10
        Stop when none of so many scores is better than the one before them,
    tol : float, default=1e-7
        by more than this.
    verbose : int, default=0
        Print the time taken, and from 2 on the scores of each round.
    random_state : int, RandomState instance or None, default=None
        Draws the held-out rows, the features and, above 200 000 rows, those that bins are found
        on. scikit-learn's draws are the same but for those of features.
    n_jobs : int, default=None
        Threads; None is all cores, or one in a worker process. The model does not depend on it.

    Attributes
    ----------
    do_early_stopping_ : bool
        Whether scores were watched.
    n_iter_ : int
        How many rounds were made.
    n_trees_per_iteration_ : int
        Trees a round: 1.
    train_score_, validation_score_ : ndarray of shape (n_iter_ + 1,)
        Scores before the first round and after each; empty where none were watched.
    is_categorical_ : ndarray of bool of shape (n_features,), or None
        The columns that hold categories.
    n_features_in_ : int
        Columns seen in `fit`.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Their names, when they were all strings.

    References
    ----------
    As `HistGradientBoostingClassifier`.

    Examples
    --------
    >>> import numpy as np
    >>> from tamis.models import HistGradientBoostingRegressor
    >>> X = np.linspace(0, 1, 400)[:, None]
    >>> y = np.floor(4 * X[:, 0])
    >>> model = HistGradientBoostingRegressor().fit(X, y)
    >>> model.predict([[0.1], [0.6]]).round(2)
    array([0., 2.])
    """

    _losses = ("squared_error", "absolute_error", "gamma", "poisson", "quantile")

    def __init__(
        self,
        loss="squared_error",
        *,
        quantile=None,
        learning_rate=0.1,
        max_iter=100,
        max_leaf_nodes=31,
        max_depth=None,
        min_samples_leaf=20,
        l2_regularization=0.0,
        max_features=1.0,
        max_bins=255,
        categorical_features="from_dtype",
        monotonic_cst=None,
        interaction_cst=None,
        warm_start=False,
        early_stopping="auto",
        scoring="loss",
        validation_fraction=0.1,
        n_iter_no_change=10,
        tol=1e-7,
        verbose=0,
        random_state=None,
        n_jobs=None,
    ):
        self.loss = loss
        self.quantile = quantile
        self.learning_rate = learning_rate
        self.max_iter = max_iter
        self.max_leaf_nodes = max_leaf_nodes
        self.max_depth = max_depth
        self.min_samples_leaf = min_samples_leaf
        self.l2_regularization = l2_regularization
        self.max_features = max_features
        self.max_bins = max_bins
        self.categorical_features = categorical_features
        self.monotonic_cst = monotonic_cst
        self.interaction_cst = interaction_cst
        self.warm_start = warm_start
        self.early_stopping = early_stopping
        self.scoring = scoring
        self.validation_fraction = validation_fraction
        self.n_iter_no_change = n_iter_no_change
        self.tol = tol
        self.verbose = verbose
        self.random_state = random_state
        self.n_jobs = n_jobs

    def _check_parameters(self) -> None:
        super()._check_parameters()
        if self.loss == "quantile" and not (self.quantile and 0 < self.quantile < 1):
            raise ParameterError(
                "the loss 'quantile' needs quantile, a number between 0 and 1; "
                f"got {self.quantile!r}"
            )

    def _encode_y(self, y: Any) -> np.ndarray:
        self.n_trees_per_iteration_ = 1
        y = _target(self, y, np.float64)
        if self.loss == "gamma" and not (y > 0).all():
            raise DataError("loss='gamma' requires strictly positive y.")
        if self.loss == "poisson" and not ((y >= 0).all() and y.sum() > 0):
            raise DataError("loss='poisson' requires non-negative y and sum(y) > 0.")
        return y

    def _baseline(self, y: np.ndarray, weights: np.ndarray | None) -> np.ndarray:
        if self._loss is not None:
            return np.array([_best_constant(self._loss, y, weights)])
        if self.loss in ("absolute_error", "quantile"):
            share = 0.5 if self.loss == "absolute_error" else self.quantile
            return np.array([_quantile(y, weights, share)])
        mean = np.average(y, weights=weights)
        if self.loss == "squared_error":
            return np.array([mean])
        return np.array([np.log(max(mean, 10 * np.finfo(np.float64).eps))])

    def predict(self, X: Any) -> np.ndarray:
        """Return a number for each row.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            The rows.

        Returns
        -------
        ndarray of shape (n_samples,)
            Numbers.
        """
        return self._numbers(self._raw_predict(X))

    def staged_predict(self, X: Any) -> Iterator[np.ndarray]:
        """Yield what `predict` would return after each round."""
        for raw in self._staged(X):
            yield self._numbers(raw)

    def _numbers(self, raw: np.ndarray) -> np.ndarray:
        raw = raw.ravel()
        return np.exp(raw) if self.loss in ("gamma", "poisson") else raw


def _target(estimator: Any, y: Any, dtype: Any) -> np.ndarray:
    """Return the target as a checked column."""
    if y is None:
        name = type(estimator).__name__
        raise DataError(f"{name} requires y to be passed, but the target y is None.")
    y = column_or_1d(y, warn=True)
    return check_array(y, ensure_2d=False, dtype=dtype, input_name="y")


def _quantile(y: np.ndarray, weights: np.ndarray | None, share: float) -> float:
    """Return a quantile: linear between two rows, or the row at which the weight is reached."""
    if weights is None:
        return float(np.quantile(y, share))
    order = np.argsort(y, kind="stable")
    sums = np.cumsum(weights[order])
    at = np.searchsorted(sums, max(share * sums[-1], np.nextafter(0, 1)))
    return float(y[order[min(at, len(y) - 1)]])


def _best_constant(loss: Any, y: np.ndarray, weights: np.ndarray | None) -> float:
    """Return the score that a loss is least at when every row has it."""
    low, high = float(y.min()), float(y.max())
    if low == high:
        return low

    def mean(score: float) -> float:
        return float(np.average(loss.value(y, np.full(len(y), score)), weights=weights))

    return float(minimize_scalar(mean, bounds=(low, high), method="bounded").x)
