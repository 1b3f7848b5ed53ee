"""What decision trees share: parameters, growing, walking, pruning."""

from __future__ import annotations

from math import ceil
from numbers import Integral, Real
from typing import Any

import numpy as np
from scipy.sparse import csr_matrix, issparse
from sklearn.base import (
    BaseEstimator,
    MultiOutputMixin,
    clone,
    is_classifier,
)
from sklearn.utils import Bunch, check_random_state
from sklearn.utils.validation import check_array, check_is_fitted

from tamis import _core, _threads
from tamis._check import validated
from tamis.exceptions import DataError, ParameterError, ShapeError
from tamis.models._tree_arrays import Tree

__all__ = ["BaseTree"]

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


class BaseTree(MultiOutputMixin, BaseEstimator):
    """What the classifier and the regressor share."""

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
        return self._grow_on(X, y, sample_weight, criterion)

    def _grow_on(self, X: np.ndarray, y: np.ndarray, sample_weight: Any, criterion: str) -> Any:
        """Grow the tree on checked rows."""
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
            X, y = validated(
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
            validated(self, X, reset=False, skip_check_array=True)
            return X.toarray() if issparse(X) else X
        X = validated(
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
