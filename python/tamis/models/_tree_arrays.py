"""The fitted tree: plain arrays under scikit-learn's names, checked when it is made."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.sparse import csr_matrix

from tamis import _core
from tamis._state import register
from tamis.exceptions import StateError

__all__ = ["Tree"]

_DTYPES = {
    "children_left": np.int64,
    "children_right": np.int64,
    "feature": np.int64,
    "threshold": np.float64,
    "impurity": np.float64,
    "n_node_samples": np.int64,
    "weighted_n_node_samples": np.float64,
    "missing_go_to_left": np.bool_,
    "value": np.float64,
}


class Tree:
    """A binary tree as parallel arrays, one entry a node.

    This constructor is the only way to make one, whether it was just grown, unpickled or loaded:
    it checks that every child lies after its parent, has one parent only and every feature
    exists, so that no array can lead out of bounds or in a circle.

    Parameters
    ----------
    n_features : int
        Columns of the rows it takes.
    n_classes : array-like of int, shape (n_outputs,)
        Classes of each output; 1 in regression.
    children_left, children_right : array-like of int, shape (node_count,)
        The children, -1 in a leaf.
    feature : array-like of int, shape (node_count,)
        The column that splits, -2 in a leaf.
    threshold : array-like of float, shape (node_count,)
        Rows at or below it go left; -2 in a leaf.
    impurity : array-like of float, shape (node_count,)
        The criterion on the training rows of the node.
    n_node_samples : array-like of int, shape (node_count,)
        How many training rows came to the node.
    weighted_n_node_samples : array-like of float, shape (node_count,)
        Their weight.
    missing_go_to_left : array-like of bool, shape (node_count,)
        Where rows without a value go.
    value : array-like of float, shape (node_count, n_outputs, max(n_classes))
        Class shares, or the mean or median.

    Attributes
    ----------
    node_count, max_depth, n_leaves, n_outputs, max_n_classes : int
        Counts. The arrays are attributes too, and read-only.

    Raises
    ------
    StateError
        The arrays do not make a tree; the message names the array or the node.
    """

    n_features: int
    n_classes: np.ndarray
    children_left: np.ndarray
    children_right: np.ndarray
    feature: np.ndarray
    threshold: np.ndarray
    impurity: np.ndarray
    n_node_samples: np.ndarray
    weighted_n_node_samples: np.ndarray
    missing_go_to_left: np.ndarray
    value: np.ndarray

    def __init__(self, n_features: int, n_classes: Any, **arrays: Any) -> None:
        if set(arrays) != set(_DTYPES):
            wrong = ", ".join(sorted(set(arrays) ^ set(_DTYPES)))
            raise StateError(f"the tree is damaged: arrays missing or unknown: {wrong}")
        counts = _array("n_classes", n_classes, np.int64)
        if counts.ndim != 1 or counts.size == 0 or counts.min() < 1 or int(n_features) < 1:
            raise StateError("the tree is damaged: n_classes or n_features is below 1")
        state = {name: _array(name, arrays[name], dtype) for name, dtype in _DTYPES.items()}
        shape = (len(state["children_left"]), len(counts), int(counts.max()))
        if state["value"].shape != shape:
            raise StateError(
                f"the tree is damaged: value has shape {state['value'].shape}, not {shape}"
            )
        if any(a.ndim != 1 for name, a in state.items() if name != "value"):
            raise StateError("the tree is damaged: an array is not one-dimensional")
        state["value"] = state["value"].reshape(-1)
        flat = _core.FlatTree(int(n_features), shape[1], shape[2], **state)
        self._set(flat, int(n_features), counts)

    @classmethod
    def _of(cls, flat: _core.FlatTree, n_features: int, n_classes: np.ndarray) -> Tree:
        """Return the tree of a kernel's result, which was checked there."""
        tree = cls.__new__(cls)
        tree._set(flat, n_features, np.array(n_classes, dtype=np.int64))
        return tree

    def _set(self, flat: _core.FlatTree, n_features: int, n_classes: np.ndarray) -> None:
        self._flat = flat
        self.n_features = n_features
        self.n_classes = n_classes
        arrays = flat.arrays()
        arrays["value"] = arrays["value"].reshape(-1, len(n_classes), int(n_classes.max()))
        for name, array in arrays.items():
            array.flags.writeable = False
            setattr(self, name, array)

    def state(self) -> dict[str, Any]:
        """Return what the constructor takes: ``Tree(**tree.state())`` is the same tree."""
        arrays = {name: getattr(self, name) for name in _DTYPES}
        return {"n_features": self.n_features, "n_classes": self.n_classes, **arrays}

    def __reduce__(self) -> tuple[Any, ...]:
        return _rebuild, (self.state(),)

    @property
    def node_count(self) -> int:
        """How many nodes."""
        return len(self.children_left)

    @property
    def max_depth(self) -> int:
        """The longest way from the root to a leaf."""
        return self._flat.max_depth

    @property
    def n_leaves(self) -> int:
        """How many leaves."""
        return self._flat.n_leaves

    @property
    def n_outputs(self) -> int:
        """How many targets."""
        return len(self.n_classes)

    @property
    def max_n_classes(self) -> int:
        """The most classes of any target."""
        return int(self.n_classes.max())

    def apply(self, X: np.ndarray, n_jobs: int = 1) -> np.ndarray:
        """Return the leaf of every row of a float32 matrix, int64."""
        return self._flat.apply(X, n_jobs)

    def predict(self, X: np.ndarray, n_jobs: int = 1) -> np.ndarray:
        """Return the value of every row's leaf: (rows, classes), or (rows, outputs, classes)."""
        out = self.value.take(self.apply(X, n_jobs), axis=0)
        return out[:, 0] if self.n_outputs == 1 else out

    def decision_path(self, X: np.ndarray, n_jobs: int = 1) -> csr_matrix:
        """Return the nodes on every row's way: a matrix of ones, (rows, node_count)."""
        indices, indptr = self._flat.decision_path(X, n_jobs)
        ones = np.ones(len(indices), dtype=np.int64)
        return csr_matrix((ones, indices, indptr), shape=(len(X), self.node_count))

    def compute_feature_importances(self, normalize: bool = True) -> np.ndarray:
        """Return how much of the impurity each feature took away, (n_features,)."""
        return self._flat.importances(normalize)


def _array(name: str, values: Any, dtype: type) -> np.ndarray:
    """Return `values` in the dtype, refusing what would not keep its value."""
    array = np.asarray(values)
    if array.dtype != dtype:
        try:
            cast: np.ndarray = array.astype(dtype)
        except (TypeError, ValueError) as error:
            raise StateError(f"the tree is damaged: {name} is {array.dtype}") from error
        if array.dtype.kind not in "biuf" or not np.array_equal(cast, array, equal_nan=True):
            raise StateError(f"the tree is damaged: {name} is {array.dtype}")
        array = cast
    return array


def _rebuild(state: dict[str, Any]) -> Tree:
    return Tree(**state)


register(Tree, take=Tree.state, give=_rebuild)
