"""Fitted boosted trees: plain arrays, checked when they are made."""

from __future__ import annotations

from typing import Any

import numpy as np

from tamis import _core
from tamis._state import register
from tamis.exceptions import StateError

__all__ = ["BoostedTree", "BoostedTrees"]

_DTYPES = {
    "starts": np.int64,
    "value": np.float64,
    "count": np.uint32,
    "feature": np.uint32,
    "threshold": np.float64,
    "missing_left": np.bool_,
    "left": np.uint32,
    "right": np.uint32,
    "gain": np.float64,
    "depth": np.uint32,
    "cut": np.uint8,
    "set": np.int32,
    "sets": np.uint64,
}
#: scikit-learn's names of a node's entries.
_NODE = np.dtype(
    [
        ("value", np.float64),
        ("count", np.uint32),
        ("feature_idx", np.intp),
        ("num_threshold", np.float64),
        ("missing_go_to_left", np.uint8),
        ("left", np.uint32),
        ("right", np.uint32),
        ("gain", np.float64),
        ("depth", np.uint32),
        ("is_leaf", np.uint8),
        ("bin_threshold", np.uint8),
        ("is_categorical", np.uint8),
        ("bitset_idx", np.uint32),
    ]
)


class BoostedTrees:
    """Trees as parallel arrays, one entry a node, tree after tree.

    The constructor is the only way to make them, whether they were just grown, unpickled or
    loaded: it checks that every child lies after its parent and every feature exists.

    Parameters
    ----------
    width : int
        Trees a round.
    categories : array-like of int, shape (n_features,)
        Known categories of each feature, 0 for numbers.
    **arrays : array-like
        ``starts`` (where each tree begins, and the end of the last), and an entry a node:
        ``value``, ``count``, ``feature``, ``threshold``, ``missing_left``, ``left`` and ``right``
        (counted from the tree's first node, 0 in a leaf), ``gain`` (-1 in a leaf), ``depth``,
        ``cut`` (the last bin on the left) and ``set`` (-1, or which of ``sets``, four words each,
        has the categories on the left).

    Raises
    ------
    StateError
        The arrays do not make trees.
    """

    starts: np.ndarray
    value: np.ndarray
    sets: np.ndarray

    def __init__(self, width: int, categories: Any, **arrays: Any) -> None:
        if set(arrays) != set(_DTYPES):
            wrong = ", ".join(sorted(set(arrays) ^ set(_DTYPES)))
            raise StateError(f"the trees are damaged: arrays missing or unknown: {wrong}")
        self.width = int(width)
        self.categories = np.asarray(categories, dtype=np.uint32)
        for name, dtype in _DTYPES.items():
            array = np.asarray(arrays[name])
            if array.ndim != 1 or (array.size and array.dtype != dtype):
                raise StateError(f"the trees are damaged: {name} is {array.dtype}")
            setattr(self, name, array.astype(dtype, copy=False))
        self._core = _core.Ensemble(self.width, self.categories.tolist(), **self._arrays())

    def _arrays(self) -> dict[str, np.ndarray]:
        return {name: getattr(self, name) for name in _DTYPES}

    def state(self) -> dict[str, Any]:
        """Return what the constructor takes: ``BoostedTrees(**t.state())`` are the same trees."""
        return {"width": self.width, "categories": self.categories, **self._arrays()}

    def __reduce__(self) -> tuple[Any, ...]:
        return _rebuild, (self.state(),)

    @property
    def rounds(self) -> int:
        """How many rounds."""
        return (len(self.starts) - 1) // self.width

    def add(self, X: np.ndarray, start: np.ndarray, first: int, last: int, jobs: int) -> np.ndarray:
        """Return `start`, (n_rows, width), and what the rounds ``first .. last - 1`` say."""
        return self._core.add(X, start, first, last, jobs)

    def apply(self, X: np.ndarray) -> np.ndarray:
        """Return the node in which each row ends in each tree, numbered through all trees."""
        arrays = self._arrays() | {"value": np.arange(len(self.value), dtype=np.float64)}
        trees = len(self.starts) - 1
        # Each tree has a score of its own, which is the node's number.
        numbers = BoostedTrees(max(trees, 1), self.categories, **arrays)
        found = numbers.add(X, np.zeros((len(X), max(trees, 1))), 0, min(trees, 1), 1)
        return found[:, :trees].astype(np.uint32)

    def with_values(self, value: np.ndarray) -> BoostedTrees:
        """Return the same trees with other values."""
        return BoostedTrees(self.width, self.categories, **(self._arrays() | {"value": value}))

    def part(self, first: int, last: int, times: np.ndarray) -> dict[str, np.ndarray]:
        """Return the arrays of the rounds ``first .. last - 1``, their values so many times."""
        bounds = self.starts[first * self.width : last * self.width + 1]
        nodes = slice(int(bounds[0]), int(bounds[-1]))
        arrays = {k: a if k in _APART else a[nodes] for k, a in self._arrays().items()}
        sizes = np.diff(bounds)
        of_node = np.repeat(np.repeat(times, self.width), sizes)
        return arrays | {"starts": bounds - bounds[0], "value": arrays["value"] * of_node}

    def joined(self, other: dict[str, np.ndarray]) -> BoostedTrees:
        """Return these trees and those of more arrays."""
        mine = self._arrays()
        sets = len(mine["sets"]) // 4
        more = dict(other)
        more["set"] = np.where(other["set"] < 0, other["set"], other["set"] + sets).astype(np.int32)
        more["starts"] = other["starts"][1:] + mine["starts"][-1]
        arrays = {name: np.concatenate([mine[name], more[name]]) for name in _DTYPES}
        return BoostedTrees(self.width, self.categories, **arrays)

    def tree(self, number: int) -> BoostedTree:
        """Return one tree under scikit-learn's names."""
        start, end = (int(self.starts[number + k]) for k in (0, 1))
        part = {name: a[start:end] for name, a in self._arrays().items() if name not in _APART}
        nodes = np.zeros(end - start, dtype=_NODE)
        inner = part["left"] > 0
        categorical = inner & (part["set"] >= 0)
        for ours, theirs in _NAMES.items():
            nodes[theirs] = part[ours]
        nodes["is_leaf"] = ~inner
        nodes["is_categorical"] = categorical
        sets = part["set"][categorical]
        nodes["bitset_idx"][categorical] = np.arange(len(sets))
        words = self.sets.reshape(-1, 4)[sets]
        return BoostedTree(nodes, np.ascontiguousarray(words).view(np.uint32).reshape(-1, 8))


_APART = ("starts", "sets")
_NAMES = {
    "value": "value",
    "count": "count",
    "feature": "feature_idx",
    "threshold": "num_threshold",
    "missing_left": "missing_go_to_left",
    "left": "left",
    "right": "right",
    "gain": "gain",
    "depth": "depth",
    "cut": "bin_threshold",
}


class BoostedTree:
    """One tree, for reading, under scikit-learn's names.

    Attributes
    ----------
    nodes : structured ndarray of shape (n_nodes,)
        Siblings lie side by side, after their parent.
    raw_left_cat_bitsets : ndarray of shape (n_categorical_splits, 8), uint32
        The categories on the left, as bits.
    """

    def __init__(self, nodes: np.ndarray, sets: np.ndarray) -> None:
        self.nodes = nodes
        self.raw_left_cat_bitsets = sets

    def get_n_leaf_nodes(self) -> int:
        """Return the number of leaves."""
        return int(self.nodes["is_leaf"].sum())

    def get_max_depth(self) -> int:
        """Return the longest way from the root to a leaf."""
        return int(self.nodes["depth"].max())


def _rebuild(state: dict[str, Any]) -> BoostedTrees:
    return BoostedTrees(**state)


register(BoostedTrees, take=BoostedTrees.state, give=_rebuild)
