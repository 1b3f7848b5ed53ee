"""Decision trees."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.base import ClassifierMixin, RegressorMixin
from sklearn.utils import compute_sample_weight
from sklearn.utils.multiclass import check_classification_targets

from tamis.models._tree_base import BaseTree

__all__ = ["DecisionTreeClassifier", "DecisionTreeRegressor"]


class DecisionTreeClassifier(ClassifierMixin, BaseTree):
    """A decision tree for classes, the same as scikit-learn's on the same data and seed.

    Parameters
    ----------
    criterion : {"gini", "entropy", "log_loss"}, default="gini"
        What a split reduces; "log_loss" is another name of "entropy".
    splitter : {"best", "random"}, default="best"
        The best cut of each feature, or a random one.
    max_depth : int, default=None
        The longest way from the root to a leaf.
    min_samples_split : int or float, default=2
        A node with fewer rows is a leaf; a float is a fraction of the rows.
    min_samples_leaf : int or float, default=1
        Both sides of a split have at least this many rows; a float is a fraction.
    min_weight_fraction_leaf : float, default=0.0
        Both sides of a split have at least this fraction of the weight.
    max_features : int, float, {"sqrt", "log2"} or None, default=None
        How many features, drawn at random, a node looks at; None is all.
    random_state : int, RandomState instance or None, default=None
        Draws the features. With all features it only decides between equal splits.
    max_leaf_nodes : int, default=None
        Grow best first, up to this many leaves.
    min_impurity_decrease : float, default=0.0
        A split reduces the impurity at least by this, times the share of weight in the node.
    class_weight : dict, list of dict, "balanced" or None, default=None
        The classes' weights, multiplied with `sample_weight`.
    ccp_alpha : float, default=0.0
        Cut the branches that are worth less than this a leaf.
    monotonic_cst : array-like of int of shape (n_features,), default=None
        1 where the probability of the second class must not fall as the feature rises, -1 where
        it must not rise, 0 where it may do both. Two classes and one output only.
    n_jobs : int, default=None
        Threads; None is all cores, or one in a worker process. The tree does not depend on it.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,), or list of such
        The classes.
    n_classes_ : int, or ndarray of int of shape (n_outputs,)
        How many.
    n_features_in_ : int
        Columns seen in `fit`.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Their names, when they were all strings.
    n_outputs_ : int
        Targets seen in `fit`.
    max_features_ : int
        `max_features` as a count.
    feature_importances_ : ndarray of shape (n_features_in_,)
        What each feature took away of the impurity, summing to one.
    tree_ : Tree
        The tree's arrays, under scikit-learn's names.

    References
    ----------
    L. Breiman, J. Friedman, R. Olshen and C. Stone, Classification and Regression Trees, 1984.

    Examples
    --------
    >>> import numpy as np
    >>> from tamis.models import DecisionTreeClassifier
    >>> X = np.array([[1.0], [2.0], [3.0], [np.nan]])
    >>> model = DecisionTreeClassifier(random_state=0).fit(X, ["a", "a", "b", "b"])
    >>> model.predict([[1.5], [np.nan]])
    array(['a', 'b'], dtype='<U1')
    >>> model.tree_.threshold
    array([ 2.5, -2. , -2. ])
    """

    classes_: Any
    n_classes_: Any

    def __init__(
        self,
        *,
        criterion="gini",
        splitter="best",
        max_depth=None,
        min_samples_split=2,
        min_samples_leaf=1,
        min_weight_fraction_leaf=0.0,
        max_features=None,
        random_state=None,
        max_leaf_nodes=None,
        min_impurity_decrease=0.0,
        class_weight=None,
        ccp_alpha=0.0,
        monotonic_cst=None,
        n_jobs=None,
    ):
        self.criterion = criterion
        self.splitter = splitter
        self.max_depth = max_depth
        self.min_samples_split = min_samples_split
        self.min_samples_leaf = min_samples_leaf
        self.min_weight_fraction_leaf = min_weight_fraction_leaf
        self.max_features = max_features
        self.random_state = random_state
        self.max_leaf_nodes = max_leaf_nodes
        self.min_impurity_decrease = min_impurity_decrease
        self.class_weight = class_weight
        self.ccp_alpha = ccp_alpha
        self.monotonic_cst = monotonic_cst
        self.n_jobs = n_jobs

    def _encode(self, y: np.ndarray) -> tuple[np.ndarray, list[int] | None, np.ndarray | None]:
        check_classification_targets(y)
        coded = [np.unique(column, return_inverse=True) for column in y.T]
        classes = [names for names, _ in coded]
        counts = [len(names) for names in classes]
        weight = None
        if self.class_weight is not None:
            weight = compute_sample_weight(self.class_weight, y)
        one = self.n_outputs_ == 1
        self.classes_ = classes[0] if one else classes
        self.n_classes_ = counts[0] if one else np.array(counts, dtype=np.intp)
        return np.column_stack([codes.reshape(-1) for _, codes in coded]), counts, weight

    def predict(self, X: Any, check_input: bool = True) -> np.ndarray:
        """Return the most probable class of each row.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)
            The rows.
        check_input : bool, default=True
            False skips the checks of `X`, which must be a float32 array.

        Returns
        -------
        ndarray of shape (n_samples,) or (n_samples, n_outputs)
            Classes.
        """
        values = self._values(X, check_input)
        if self.n_outputs_ == 1:
            return self.classes_.take(values.argmax(axis=1), axis=0)
        best = values.argmax(axis=2)
        return np.column_stack([names.take(best[:, k]) for k, names in enumerate(self.classes_)])

    def predict_proba(self, X: Any, check_input: bool = True) -> Any:
        """Return the share of each class in each row's leaf.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)
            The rows.
        check_input : bool, default=True
            False skips the checks of `X`, which must be a float32 array.

        Returns
        -------
        ndarray of shape (n_samples, n_classes), or a list of such by output
            Probabilities, in the order of `classes_`.
        """
        values = self._values(X, check_input)
        if self.n_outputs_ == 1:
            return values
        return [values[:, k, :count] for k, count in enumerate(self.n_classes_)]

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


class DecisionTreeRegressor(RegressorMixin, BaseTree):
    """A decision tree for numbers, the same as scikit-learn's on the same data and seed.

    Parameters
    ----------
    criterion : {"squared_error", "friedman_mse", "absolute_error", "poisson"}, \
default="squared_error"
        What a split reduces. "friedman_mse" chooses the same splits as "squared_error" and is
        another name of it; "absolute_error" is around the median; "poisson" is half the Poisson
        deviance and needs a target that is not negative.
    splitter : {"best", "random"}, default="best"
        The best cut of each feature, or a random one.
    max_depth : int, default=None
        The longest way from the root to a leaf.
    min_samples_split : int or float, default=2
        A node with fewer rows is a leaf; a float is a fraction of the rows.
    min_samples_leaf : int or float, default=1
        Both sides of a split have at least this many rows; a float is a fraction.
    min_weight_fraction_leaf : float, default=0.0
        Both sides of a split have at least this fraction of the weight.
    max_features : int, float, {"sqrt", "log2"} or None, default=None
        How many features, drawn at random, a node looks at; None is all.
    random_state : int, RandomState instance or None, default=None
        Draws the features. With all features it only decides between equal splits.
    max_leaf_nodes : int, default=None
        Grow best first, up to this many leaves.
    min_impurity_decrease : float, default=0.0
        A split reduces the impurity at least by this, times the share of weight in the node.
    ccp_alpha : float, default=0.0
        Cut the branches that are worth less than this a leaf.
    monotonic_cst : array-like of int of shape (n_features,), default=None
        1 where the prediction must not fall as the feature rises, -1 where it must not rise, 0
        where it may do both. One output only.
    n_jobs : int, default=None
        Threads; None is all cores, or one in a worker process. The tree does not depend on it.

    Attributes
    ----------
    n_features_in_ : int
        Columns seen in `fit`.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Their names, when they were all strings.
    n_outputs_ : int
        Targets seen in `fit`.
    max_features_ : int
        `max_features` as a count.
    feature_importances_ : ndarray of shape (n_features_in_,)
        What each feature took away of the impurity, summing to one.
    tree_ : Tree
        The tree's arrays, under scikit-learn's names.

    References
    ----------
    L. Breiman, J. Friedman, R. Olshen and C. Stone, Classification and Regression Trees, 1984.

    Examples
    --------
    >>> from tamis.models import DecisionTreeRegressor
    >>> model = DecisionTreeRegressor(max_depth=1).fit([[1.0], [2.0], [3.0]], [1.0, 1.0, 4.0])
    >>> model.predict([[0.0], [9.0]])
    array([1., 4.])
    """

    def __init__(
        self,
        *,
        criterion="squared_error",
        splitter="best",
        max_depth=None,
        min_samples_split=2,
        min_samples_leaf=1,
        min_weight_fraction_leaf=0.0,
        max_features=None,
        random_state=None,
        max_leaf_nodes=None,
        min_impurity_decrease=0.0,
        ccp_alpha=0.0,
        monotonic_cst=None,
        n_jobs=None,
    ):
        self.criterion = criterion
        self.splitter = splitter
        self.max_depth = max_depth
        self.min_samples_split = min_samples_split
        self.min_samples_leaf = min_samples_leaf
        self.min_weight_fraction_leaf = min_weight_fraction_leaf
        self.max_features = max_features
        self.random_state = random_state
        self.max_leaf_nodes = max_leaf_nodes
        self.min_impurity_decrease = min_impurity_decrease
        self.ccp_alpha = ccp_alpha
        self.monotonic_cst = monotonic_cst
        self.n_jobs = n_jobs

    def predict(self, X: Any, check_input: bool = True) -> np.ndarray:
        """Return the mean (with "absolute_error" the median) of each row's leaf.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)
            The rows.
        check_input : bool, default=True
            False skips the checks of `X`, which must be a float32 array.

        Returns
        -------
        ndarray of shape (n_samples,) or (n_samples, n_outputs)
            Numbers.
        """
        return self._values(X, check_input)[..., 0]
