"""Decision trees."""

from __future__ import annotations

from math import ceil
from numbers import Integral, Real
from typing import Any

import numpy as np
from scipy.sparse import csr_matrix, issparse
from sklearn.base import (
    BaseEstimator,
    ClassifierMixin,
    MultiOutputMixin,
    RegressorMixin,
    clone,
    is_classifier,
)
from sklearn.utils import Bunch, check_random_state, compute_sample_weight
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_array, check_is_fitted, validate_data

from tamis import _core, _threads
from tamis.exceptions import DataError, ParameterError, ShapeError
from tamis.models._tree_arrays import Tree

__all__ = ["DecisionTreeClassifier", "DecisionTreeRegressor"]

#: Fewer cells than this are worked on by one thread: starting others takes longer.
_SMALL = 32_768
_UNLIMITED = 2**31 - 1
_CRITERIA = {
    "classifier": {"gini": "gini", "entropy": "entropy", "log_loss": "entropy"},
    "regressor": {
        "squared_error": "squared_error",
        "friedman_mse": "squared_error",  # the same order of splits, as scikit-learn 1.9 says
        "absolute_error": "absolute_error",
        "poisson": "poisson",
    },
}


class _DecisionTree(MultiOutputMixin, BaseEstimator):
    """What both trees share."""

    criterion: Any
    splitter: Any
    max_depth: Any
    min_samples_split: Any
    min_samples_leaf: Any
    min_weight_fraction_leaf: Any
    max_features: Any
    random_state: Any
    max_leaf_nodes: Any
    min_impurity_decrease: Any
    ccp_alpha: Any
    monotonic_cst: Any
    n_jobs: Any
    tree_: Tree

    def fit(self, X: Any, y: Any, sample_weight: Any = None, check_input: bool = True) -> Any:
        """Grow the tree.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)
            The rows, taken as float32. NaN is a missing value. A sparse matrix is made dense.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            The target: class labels, or numbers.
        sample_weight : array-like of shape (n_samples,), default=None
            The rows' weights. Rows of weight zero take no part.
        check_input : bool, default=True
            False skips the checks of `X`, which must be a float32 array.

        Returns
        -------
        self
            The fitted estimator.

        Raises
        ------
        ParameterError
            A parameter has a value that cannot be used.
        DataError
            The rows or the target cannot be used.
        """
        criterion = self._check_parameters()
        X, y = self._check_data(X, y, check_input)
        n_samples, self.n_features_in_ = X.shape
        y = y.reshape(-1, 1) if y.ndim == 1 else y
        if len(y) != n_samples:
            raise ShapeError(f"X has {n_samples} rows, but y has {len(y)}")
        self.n_outputs_ = y.shape[1]
        y, counts, class_weight = self._encode(y)
        if criterion == "poisson" and ((y < 0).any() or y.sum() <= 0):
            raise DataError(
                "the poisson criterion needs y without negative values, and one above zero"
            )
        if sample_weight is not None:
            sample_weight = _weights(sample_weight, n_samples)
        if class_weight is not None:
            sample_weight = class_weight if sample_weight is None else sample_weight * class_weight
        limits = self._limits(n_samples, sample_weight)
        self.max_features_ = limits["max_features"]
        flat = _core.tree_grow(
            X,
            np.ascontiguousarray(y, dtype=np.float64),
            counts,
            sample_weight,
            criterion=criterion,
            random=self.splitter == "random",
            monotonic=self._monotonic(counts),
            seed=int(check_random_state(self.random_state).randint(0, 2**31 - 1)),
            presort=None,
            n_jobs=self._jobs(X),
            **limits,
        )
        if self.ccp_alpha > 0:
            flat = flat.prune(float(self.ccp_alpha))
        per_output = np.array(counts if counts is not None else [1] * self.n_outputs_)
        self.tree_ = Tree._of(flat, self.n_features_in_, per_output)
        return self

    def _check_data(self, X: Any, y: Any, check_input: bool) -> tuple[np.ndarray, np.ndarray]:
        if check_input:
            finite = True if issparse(X) else "allow-nan"
            X, y = validate_data(
                self,
                X,
                y,
                validate_separately=(
                    {"dtype": np.float32, "accept_sparse": "csc", "ensure_all_finite": finite},
                    {"ensure_2d": False, "dtype": None},
                ),
            )
        return (X.toarray() if issparse(X) else X), np.atleast_1d(y)

    def _encode(self, y: np.ndarray) -> tuple[np.ndarray, list[int] | None, np.ndarray | None]:
        """Return the target as numbers, the classes' count and the rows' class weights."""
        return y, None, None

    def _check_parameters(self) -> str:
        """Check the parameters that no data is needed for; return the kernel's criterion."""
        names = _CRITERIA["classifier" if is_classifier(self) else "regressor"]
        _demand(self, "criterion", self.criterion in list(names), f"one of {list(names)}")
        _demand(self, "splitter", self.splitter in ("best", "random"), "'best' or 'random'")
        _demand(self, "max_depth", _count(self.max_depth, 1, none=True), "a count from 1, or None")
        _demand(
            self,
            "min_samples_split",
            _count(self.min_samples_split, 2) or _share(self.min_samples_split, 1.0),
            "a count from 2, or a fraction above 0 and up to 1",
        )
        _demand(
            self,
            "min_samples_leaf",
            _count(self.min_samples_leaf, 1)
            or (_share(self.min_samples_leaf, 1.0) and self.min_samples_leaf < 1),
            "a count from 1, or a fraction between 0 and 1",
        )
        _demand(
            self,
            "min_weight_fraction_leaf",
            _number(self.min_weight_fraction_leaf) and self.min_weight_fraction_leaf <= 0.5,
            "a number from 0 to 0.5",
        )
        _demand(
            self,
            "max_features",
            _count(self.max_features, 1, none=True)
            or _share(self.max_features, 1.0)
            or (isinstance(self.max_features, str) and self.max_features in ("sqrt", "log2")),
            "a count from 1, a fraction above 0 and up to 1, 'sqrt', 'log2' or None",
        )
        leaves = _count(self.max_leaf_nodes, 2, none=True)
        _demand(self, "max_leaf_nodes", leaves, "a count from 2, or None")
        for name in ("min_impurity_decrease", "ccp_alpha"):
            _demand(self, name, _number(getattr(self, name)), "a number from 0")
        return names[self.criterion]

    def _limits(self, n_samples: int, sample_weight: np.ndarray | None) -> dict[str, Any]:
        """Return the limits of growth as counts."""
        least, split = self.min_samples_leaf, self.min_samples_split
        if not isinstance(least, Integral):
            least = ceil(least * n_samples)
        if not isinstance(split, Integral):
            split = max(2, ceil(split * n_samples))
        n, most = self.n_features_in_, self.max_features
        if most == "sqrt":
            most = max(1, int(np.sqrt(n)))
        elif most == "log2":
            most = max(1, int(np.log2(n)))
        elif most is None:
            most = n
        elif not isinstance(most, Integral):
            most = max(1, int(most * n))
        weight = n_samples if sample_weight is None else float(np.sum(sample_weight))
        return {
            "max_depth": min(int(self.max_depth or _UNLIMITED), _UNLIMITED),
            "min_split": max(int(split), 2 * int(least)),
            "min_leaf": int(least),
            "min_weight": self.min_weight_fraction_leaf * weight,
            "max_features": int(most),
            "max_leaves": None if self.max_leaf_nodes is None else int(self.max_leaf_nodes),
            "min_decrease": float(self.min_impurity_decrease),
        }

    def _monotonic(self, counts: list[int] | None) -> list[int] | None:
        if self.monotonic_cst is None:
            return None
        if self.n_outputs_ > 1:
            raise ParameterError("monotonic_cst is not supported with multiple outputs")
        if counts is not None and counts[0] > 2:
            raise ParameterError("monotonic_cst is not supported with more than two classes")
        cst = np.asarray(self.monotonic_cst)
        if cst.shape != (self.n_features_in_,):
            raise ParameterError(
                f"monotonic_cst has shape {cst.shape}, but X has {self.n_features_in_} columns"
            )
        if not np.isin(cst, (-1, 0, 1)).all():
            raise ParameterError(f"monotonic_cst must hold -1, 0 and 1 only; got {np.unique(cst)}")
        # The kernel binds the share of class 0, the user that of class 1.
        sign = 1 if counts is None else -1
        return [sign * int(v) for v in cst]

    def _jobs(self, X: np.ndarray) -> int:
        n_jobs = _threads.resolve(self.n_jobs)
        return n_jobs if X.size >= _SMALL else 1

    def _rows(self, X: Any, check_input: bool) -> np.ndarray:
        """Return the rows to predict as a float32 array."""
        check_is_fitted(self)
        if not check_input:
            validate_data(self, X, reset=False, skip_check_array=True)
            return X.toarray() if issparse(X) else X
        X = validate_data(
            self,
            X,
            dtype=np.float32,
            accept_sparse="csr",
            reset=False,
            ensure_all_finite=True if issparse(X) else "allow-nan",
        )
        return X.toarray() if issparse(X) else X

    def _values(self, X: Any, check_input: bool) -> np.ndarray:
        X = self._rows(X, check_input)
        return self.tree_.predict(X, self._jobs(X))

    def apply(self, X: Any, check_input: bool = True) -> np.ndarray:
        """Return the leaf that each row ends in.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)
            The rows.
        check_input : bool, default=True
            False skips the checks of `X`, which must be a float32 array.

        Returns
        -------
        ndarray of shape (n_samples,), int64
            Leaves, numbered as in ``tree_``.
        """
        X = self._rows(X, check_input)
        return self.tree_.apply(X, self._jobs(X))

    def decision_path(self, X: Any, check_input: bool = True) -> csr_matrix:
        """Return the nodes that each row passes.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)
            The rows.
        check_input : bool, default=True
            False skips the checks of `X`, which must be a float32 array.

        Returns
        -------
        csr_matrix of shape (n_samples, node_count)
            One where the row passes the node.
        """
        X = self._rows(X, check_input)
        return self.tree_.decision_path(X, self._jobs(X))

    def get_depth(self) -> int:
        """Return the longest way from the root to a leaf."""
        check_is_fitted(self)
        return self.tree_.max_depth

    def get_n_leaves(self) -> int:
        """Return the number of leaves."""
        check_is_fitted(self)
        return self.tree_.n_leaves

    @property
    def feature_importances_(self) -> np.ndarray:
        """What each feature took away of the impurity, summing to one, (n_features,)."""
        check_is_fitted(self)
        return self.tree_.compute_feature_importances()

    def cost_complexity_pruning_path(self, X: Any, y: Any, sample_weight: Any = None) -> Bunch:
        """Grow the whole tree and cut its weakest branch again and again.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)
            The rows.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            The target.
        sample_weight : array-like of shape (n_samples,), default=None
            The rows' weights.

        Returns
        -------
        Bunch
            ``ccp_alphas`` and ``impurities``, ndarrays of the same length: the `ccp_alpha` at
            which each branch falls, and the leaves' impurity after that.
        """
        tree = clone(self).set_params(ccp_alpha=0.0).fit(X, y, sample_weight=sample_weight).tree_
        alphas, impurities = tree._flat.pruning_path()
        return Bunch(ccp_alphas=alphas, impurities=impurities)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        tags.input_tags.allow_nan = True
        return tags


class DecisionTreeClassifier(ClassifierMixin, _DecisionTree):
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


class DecisionTreeRegressor(RegressorMixin, _DecisionTree):
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


def _weights(sample_weight: Any, n_samples: int) -> np.ndarray:
    """Return the rows' weights as float64; one number is every row's."""
    if isinstance(sample_weight, Real):
        return np.full(n_samples, float(sample_weight))
    weights = check_array(
        sample_weight, ensure_2d=False, dtype=np.float64, order="C", input_name="sample_weight"
    )
    if weights.shape != (n_samples,):
        raise ShapeError(f"sample_weight has shape {weights.shape}, but X has {n_samples} rows")
    return weights


def _demand(estimator: Any, name: str, good: bool, what: str) -> None:
    if not good:
        value = getattr(estimator, name)
        raise ParameterError(f"{type(estimator).__name__}: {name} must be {what}; got {value!r}")


def _count(value: Any, least: int, none: bool = False) -> bool:
    """Return whether `value` is a whole number from `least` on, or None where that is meant."""
    return (none and value is None) or (isinstance(value, Integral) and int(value) >= least)


def _share(value: Any, most: float) -> bool:
    """Return whether `value` is a fraction above 0 and up to `most`."""
    return isinstance(value, Real) and not isinstance(value, Integral) and 0 < float(value) <= most


def _number(value: Any) -> bool:
    """Return whether `value` is a number from 0 on."""
    return isinstance(value, Real) and float(value) >= 0
