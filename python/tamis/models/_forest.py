"""Random forests and extremely randomised trees."""

from __future__ import annotations

from typing import Any
from warnings import warn

import numpy as np
from sklearn.base import ClassifierMixin, RegressorMixin
from sklearn.metrics import accuracy_score, r2_score
from sklearn.utils import compute_class_weight, compute_sample_weight
from sklearn.utils.multiclass import check_classification_targets

from tamis.exceptions import ParameterError
from tamis.models._forest_base import BaseForest

__all__ = [
    "ExtraTreesClassifier",
    "ExtraTreesRegressor",
    "RandomForestClassifier",
    "RandomForestRegressor",
]

_PARAMETERS = """Parameters
    ----------
    n_estimators : int, default=100
        How many trees.
    criterion : {criteria}
        What a split reduces.
    max_depth : int, default=None
        The longest way from the root to a leaf.
    min_samples_split : int or float, default=2
        A node with fewer rows is a leaf; a float is a fraction of the rows.
    min_samples_leaf : int or float, default=1
        Both sides of a split have at least this many rows; a float is a fraction.
    min_weight_fraction_leaf : float, default=0.0
        Both sides of a split have at least this fraction of the weight.
    max_features : int, float, {{"sqrt", "log2"}} or None, default={most}
        How many features, drawn at random, a node looks at; None is all.
    max_leaf_nodes : int, default=None
        Grow best first, up to this many leaves.
    min_impurity_decrease : float, default=0.0
        A split reduces the impurity at least by this, times the share of weight in the node.
    bootstrap : bool, default={bootstrap}
        Whether each tree sees rows drawn with replacement, or all.
    oob_score : bool or callable, default=False
        Whether to score the rows that trees did not draw; ``callable(y, predicted)`` in place of
        {score}.
    n_jobs : int, default=None
        Threads; None is all cores, or one in a worker process. The forest does not depend on it.
    random_state : int, RandomState instance or None, default=None
        Draws the rows and the features.
    verbose : int, default=0
        Has no effect: a progress bar shows when a person is watching.
    warm_start : bool, default=False
        Add trees to those of the last `fit`.{class_weight}
    ccp_alpha : float, default=0.0
        Cut the branches that are worth less than this a leaf.
    max_samples : int or float, default=None
        Rows that a tree draws; a float is a fraction, None is as many as there are.
    monotonic_cst : array-like of int of shape (n_features,), default=None
        1 where the prediction (of two classes: the probability of the second) must not fall as
        the feature rises, -1 where it must not rise, 0 where it may do both.
    max_bins : "auto", int or None, default="auto"
        Bins of a feature; trees cut between bins only. None weighs every cut and gives
        scikit-learn's forest, tree by tree. "auto" is 255 bins above 10 000 rows where there is
        one output, no `monotonic_cst` and a criterion on sums (not "absolute_error" or
        "poisson"), else None. Bins hold about as many rows each, and up to 255 different values
        one each.

    Attributes
    ----------
    estimators_ : list of {tree}
        The trees.
    estimators_samples_ : list of ndarray of int
        The rows that each tree drew.
    feature_importances_ : ndarray of shape (n_features_in_,)
        What each feature took away of the impurity, summing to one.{attributes}
    n_features_in_ : int
        Columns seen in `fit`.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Their names, when they were all strings.
    n_outputs_ : int
        Targets seen in `fit`.
    oob_score_ : float
        The score of rows by the trees that did not draw them, with `oob_score`."""
_CLASS_WEIGHT = """
    class_weight : dict, list of dict, "balanced", "balanced_subsample" or None, default=None
        The classes' weights, multiplied with `sample_weight`; "balanced_subsample" balances
        the rows that each tree drew."""
_CLASS_ATTRIBUTES = """
    classes_ : ndarray of shape (n_classes,), or list of such
        The classes.
    n_classes_ : int, or list of int
        How many.
    oob_decision_function_ : ndarray of shape (n_samples, n_classes)
        The probabilities of rows by the trees that did not draw them, with `oob_score`."""
_NUMBER_ATTRIBUTES = """
    oob_prediction_ : ndarray of shape (n_samples,) or (n_samples, n_outputs)
        The numbers of rows by the trees that did not draw them, with `oob_score`."""


def _documented(cls: Any) -> Any:
    """Put the parameters that forests share in the docstring."""
    classifies = issubclass(cls, ClassifierMixin)
    numbers = '{"squared_error", "friedman_mse", "absolute_error", "poisson"}'
    cls.__doc__ = cls.__doc__.replace(
        "{parameters}",
        _PARAMETERS.format(
            criteria='{"gini", "entropy", "log_loss"}, default="gini"'
            if classifies
            else f'{numbers}, default="squared_error"',
            most='"sqrt"' if classifies else "1.0",
            bootstrap=cls._splitter == "best",
            score="the accuracy" if classifies else "R2",
            class_weight=_CLASS_WEIGHT if classifies else "",
            tree="DecisionTreeClassifier" if classifies else "DecisionTreeRegressor",
            attributes=_CLASS_ATTRIBUTES if classifies else _NUMBER_ATTRIBUTES,
        ),
    )
    return cls


class _Classifier(ClassifierMixin, BaseForest):
    """What the forests for classes share."""

    class_weight: Any
    classes_: Any
    n_classes_: Any

    def _encode(
        self, y: np.ndarray, weights: np.ndarray | None
    ) -> tuple[np.ndarray, np.ndarray | None]:
        check_classification_targets(y)
        coded = [np.unique(column, return_inverse=True) for column in y.T]
        self.classes_ = [names for names, _ in coded]
        self.n_classes_ = [len(names) for names in self.classes_]
        codes = np.column_stack([codes.reshape(-1) for _, codes in coded])
        kind = self.class_weight
        if kind is None:
            return codes, None
        if isinstance(kind, dict | list):
            return codes, compute_sample_weight(kind, y)
        if kind not in ("balanced", "balanced_subsample"):
            raise ParameterError(
                "class_weight must be a dict, a list of dicts, 'balanced', 'balanced_subsample' "
                f"or None; got {kind!r}"
            )
        if self.warm_start:
            warn(
                'class_weight presets "balanced" or "balanced_subsample" are not recommended for '
                "warm_start if the fitted data differs from the full dataset: pass the weights "
                "of the whole as a dict.",
                stacklevel=3,
            )
        if kind == "balanced_subsample" and self.bootstrap:
            return codes, None
        balanced = [
            dict(
                zip(
                    names,
                    compute_class_weight(
                        "balanced", classes=names, y=column, sample_weight=weights
                    ),
                    strict=True,
                )
            )
            for names, column in zip(self.classes_, y.T, strict=True)
        ]
        return codes, compute_sample_weight(balanced[0] if len(balanced) == 1 else balanced, y)

    def _decapsulate(self) -> None:
        if self.n_outputs_ == 1:
            self.classes_, self.n_classes_ = self.classes_[0], self.n_classes_[0]

    def _score_oob(self, X: np.ndarray, y: np.ndarray) -> None:
        mean = self._oob_mean(X).transpose(0, 2, 1)
        self.oob_decision_function_ = mean[:, :, 0] if self.n_outputs_ == 1 else mean
        score = self.oob_score if callable(self.oob_score) else accuracy_score
        said = self.oob_decision_function_.argmax(axis=1)
        self.oob_score_ = score(y, said)

    def predict(self, X: Any) -> np.ndarray:
        """Return the class of the largest mean probability.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)
            The rows.

        Returns
        -------
        ndarray of shape (n_samples,) or (n_samples, n_outputs)
            Classes.
        """
        proba = self.predict_proba(X)
        if self.n_outputs_ == 1:
            return self.classes_.take(proba.argmax(axis=1), axis=0)
        best = zip(self.classes_, proba, strict=True)
        return np.column_stack([names.take(p.argmax(axis=1), axis=0) for names, p in best])

    def predict_proba(self, X: Any) -> Any:
        """Return the mean over trees of the shares of classes in each row's leaf.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)
            The rows.

        Returns
        -------
        ndarray of shape (n_samples, n_classes), or a list of such by output
            Probabilities, in the order of `classes_`.
        """
        mean = self._mean(X)
        if self.n_outputs_ == 1:
            return mean[:, 0]
        return [mean[:, k, :count] for k, count in enumerate(self.n_classes_)]

    def predict_log_proba(self, X: Any) -> Any:
        """Return the logarithm of the probabilities; that of zero is -inf.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)
            The rows.

        Returns
        -------
        ndarray of shape (n_samples, n_classes), or a list of such by output
            Logarithms, in the order of `classes_`.
        """
        proba = self.predict_proba(X)
        with np.errstate(divide="ignore"):
            return np.log(proba) if self.n_outputs_ == 1 else [np.log(p) for p in proba]

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_label = True
        return tags


class _Regressor(RegressorMixin, BaseForest):
    """What the forests for numbers share."""

    def _score_oob(self, X: np.ndarray, y: np.ndarray) -> None:
        mean = self._oob_mean(X)[:, :, 0]
        self.oob_prediction_ = mean[:, 0] if self.n_outputs_ == 1 else mean
        score = self.oob_score if callable(self.oob_score) else r2_score
        self.oob_score_ = score(y, self.oob_prediction_)

    def predict(self, X: Any) -> np.ndarray:
        """Return the mean of what the trees say.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)
            The rows.

        Returns
        -------
        ndarray of shape (n_samples,) or (n_samples, n_outputs)
            Numbers.
        """
        mean = self._mean(X)[:, :, 0]
        return mean[:, 0] if self.n_outputs_ == 1 else mean


@_documented
class RandomForestClassifier(_Classifier):
    """A random forest for classes: trees on rows drawn with replacement, whose shares are averaged.

    {parameters}

    References
    ----------
    L. Breiman, Random forests, Machine Learning 45 (2001).

    Examples
    --------
    >>> import numpy as np
    >>> from tamis.models import RandomForestClassifier
    >>> X = np.random.default_rng(0).normal(size=(200, 2))
    >>> model = RandomForestClassifier(random_state=0).fit(X, (X[:, 0] > 0).astype(int))
    >>> model.predict([[1.0, 0.0], [-1.0, 0.0]])
    array([1, 0])
    """

    _splitter = "best"

    def __init__(
        self,
        n_estimators=100,
        *,
        criterion="gini",
        max_depth=None,
        min_samples_split=2,
        min_samples_leaf=1,
        min_weight_fraction_leaf=0.0,
        max_features="sqrt",
        max_leaf_nodes=None,
        min_impurity_decrease=0.0,
        bootstrap=True,
        oob_score=False,
        n_jobs=None,
        random_state=None,
        verbose=0,
        warm_start=False,
        class_weight=None,
        ccp_alpha=0.0,
        max_samples=None,
        monotonic_cst=None,
        max_bins="auto",
    ):
        self.n_estimators = n_estimators
        self.criterion = criterion
        self.max_depth = max_depth
        self.min_samples_split = min_samples_split
        self.min_samples_leaf = min_samples_leaf
        self.min_weight_fraction_leaf = min_weight_fraction_leaf
        self.max_features = max_features
        self.max_leaf_nodes = max_leaf_nodes
        self.min_impurity_decrease = min_impurity_decrease
        self.bootstrap = bootstrap
        self.oob_score = oob_score
        self.n_jobs = n_jobs
        self.random_state = random_state
        self.verbose = verbose
        self.warm_start = warm_start
        self.class_weight = class_weight
        self.ccp_alpha = ccp_alpha
        self.max_samples = max_samples
        self.monotonic_cst = monotonic_cst
        self.max_bins = max_bins


@_documented
class RandomForestRegressor(_Regressor):
    """A random forest for numbers: trees on rows drawn with replacement, whose means are averaged.

    {parameters}

    References
    ----------
    L. Breiman, Random forests, Machine Learning 45 (2001).

    Examples
    --------
    >>> import numpy as np
    >>> from tamis.models import RandomForestRegressor
    >>> X = np.random.default_rng(0).normal(size=(200, 2))
    >>> model = RandomForestRegressor(random_state=0).fit(X, X[:, 0])
    >>> bool(model.predict([[1.0, 0.0]])[0] > model.predict([[-1.0, 0.0]])[0])
    True
    """

    _splitter = "best"

    def __init__(
        self,
        n_estimators=100,
        *,
        criterion="squared_error",
        max_depth=None,
        min_samples_split=2,
        min_samples_leaf=1,
        min_weight_fraction_leaf=0.0,
        max_features=1.0,
        max_leaf_nodes=None,
        min_impurity_decrease=0.0,
        bootstrap=True,
        oob_score=False,
        n_jobs=None,
        random_state=None,
        verbose=0,
        warm_start=False,
        ccp_alpha=0.0,
        max_samples=None,
        monotonic_cst=None,
        max_bins="auto",
    ):
        self.n_estimators = n_estimators
        self.criterion = criterion
        self.max_depth = max_depth
        self.min_samples_split = min_samples_split
        self.min_samples_leaf = min_samples_leaf
        self.min_weight_fraction_leaf = min_weight_fraction_leaf
        self.max_features = max_features
        self.max_leaf_nodes = max_leaf_nodes
        self.min_impurity_decrease = min_impurity_decrease
        self.bootstrap = bootstrap
        self.oob_score = oob_score
        self.n_jobs = n_jobs
        self.random_state = random_state
        self.verbose = verbose
        self.warm_start = warm_start
        self.ccp_alpha = ccp_alpha
        self.max_samples = max_samples
        self.monotonic_cst = monotonic_cst
        self.max_bins = max_bins


@_documented
class ExtraTreesClassifier(_Classifier):
    """Extremely randomised trees for classes: a random cut of each feature drawn, the best of them.

    {parameters}

    References
    ----------
    P. Geurts, D. Ernst and L. Wehenkel, Extremely randomized trees, Machine Learning 63 (2006).

    Examples
    --------
    >>> import numpy as np
    >>> from tamis.models import ExtraTreesClassifier
    >>> X = np.random.default_rng(0).normal(size=(200, 2))
    >>> model = ExtraTreesClassifier(random_state=0).fit(X, (X[:, 0] > 0).astype(int))
    >>> model.predict([[1.0, 0.0], [-1.0, 0.0]])
    array([1, 0])
    """

    _splitter = "random"

    def __init__(
        self,
        n_estimators=100,
        *,
        criterion="gini",
        max_depth=None,
        min_samples_split=2,
        min_samples_leaf=1,
        min_weight_fraction_leaf=0.0,
        max_features="sqrt",
        max_leaf_nodes=None,
        min_impurity_decrease=0.0,
        bootstrap=False,
        oob_score=False,
        n_jobs=None,
        random_state=None,
        verbose=0,
        warm_start=False,
        class_weight=None,
        ccp_alpha=0.0,
        max_samples=None,
        monotonic_cst=None,
        max_bins="auto",
    ):
        self.n_estimators = n_estimators
        self.criterion = criterion
        self.max_depth = max_depth
        self.min_samples_split = min_samples_split
        self.min_samples_leaf = min_samples_leaf
        self.min_weight_fraction_leaf = min_weight_fraction_leaf
        self.max_features = max_features
        self.max_leaf_nodes = max_leaf_nodes
        self.min_impurity_decrease = min_impurity_decrease
        self.bootstrap = bootstrap
        self.oob_score = oob_score
        self.n_jobs = n_jobs
        self.random_state = random_state
        self.verbose = verbose
        self.warm_start = warm_start
        self.class_weight = class_weight
        self.ccp_alpha = ccp_alpha
        self.max_samples = max_samples
        self.monotonic_cst = monotonic_cst
        self.max_bins = max_bins


@_documented
class ExtraTreesRegressor(_Regressor):
    """Extremely randomised trees for numbers: a random cut of each feature drawn, the best of them.

    {parameters}

    References
    ----------
    P. Geurts, D. Ernst and L. Wehenkel, Extremely randomized trees, Machine Learning 63 (2006).

    Examples
    --------
    >>> import numpy as np
    >>> from tamis.models import ExtraTreesRegressor
    >>> X = np.random.default_rng(0).normal(size=(200, 2))
    >>> model = ExtraTreesRegressor(random_state=0).fit(X, X[:, 0])
    >>> bool(model.predict([[1.0, 0.0]])[0] > model.predict([[-1.0, 0.0]])[0])
    True
    """

    _splitter = "random"

    def __init__(
        self,
        n_estimators=100,
        *,
        criterion="squared_error",
        max_depth=None,
        min_samples_split=2,
        min_samples_leaf=1,
        min_weight_fraction_leaf=0.0,
        max_features=1.0,
        max_leaf_nodes=None,
        min_impurity_decrease=0.0,
        bootstrap=False,
        oob_score=False,
        n_jobs=None,
        random_state=None,
        verbose=0,
        warm_start=False,
        ccp_alpha=0.0,
        max_samples=None,
        monotonic_cst=None,
        max_bins="auto",
    ):
        self.n_estimators = n_estimators
        self.criterion = criterion
        self.max_depth = max_depth
        self.min_samples_split = min_samples_split
        self.min_samples_leaf = min_samples_leaf
        self.min_weight_fraction_leaf = min_weight_fraction_leaf
        self.max_features = max_features
        self.max_leaf_nodes = max_leaf_nodes
        self.min_impurity_decrease = min_impurity_decrease
        self.bootstrap = bootstrap
        self.oob_score = oob_score
        self.n_jobs = n_jobs
        self.random_state = random_state
        self.verbose = verbose
        self.warm_start = warm_start
        self.ccp_alpha = ccp_alpha
        self.max_samples = max_samples
        self.monotonic_cst = monotonic_cst
        self.max_bins = max_bins
