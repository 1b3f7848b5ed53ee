"""Forests of native trees as fitted estimators."""

from __future__ import annotations

from typing import Any

import numpy as np

from tamis import _core, _threads
from tamis._state import register
from tamis.exceptions import ShapeError, StateError

__all__ = ["Trees", "spreads"]


class Trees:
    """One column regressed on others by native trees, as `IterativeImputer` keeps it.

    Attributes
    ----------
    n_features_in_ : int
        Columns that a row has.
    n_estimators_ : int
        Trees.
    """

    def __init__(self, forest: _core.Forest) -> None:
        self.forest = forest
        self.n_features_in_ = forest.n_features
        self.n_estimators_ = forest.n_trees

    def predict(self, X: Any, n_jobs: int | None = None) -> np.ndarray:
        """Return what the trees say of rows.

        Parameters
        ----------
        X : array-like of shape (n_rows, n_features_in_)
            Numbers; NaN goes where more of the training rows went.
        n_jobs : int, optional
            Threads.

        Returns
        -------
        ndarray of shape (n_rows,), float64
        """
        return self.forest.predict(self._checked(X), _threads.resolve(n_jobs))

    def draw(self, X: Any, seed: int, n_jobs: int | None = None) -> np.ndarray:
        """Return for each row the value of a training row in its leaf of a tree drawn at random.

        Parameters
        ----------
        X : array-like of shape (n_rows, n_features_in_)
            Numbers.
        seed : int
            Seed of the draws.
        n_jobs : int, optional
            Threads.

        Returns
        -------
        ndarray of shape (n_rows,), float64
        """
        return self.forest.draw(self._checked(X), seed, 0, _threads.resolve(n_jobs))

    def _checked(self, X: Any) -> np.ndarray:
        X = np.asarray(X, dtype=np.float64)
        if X.ndim != 2 or X.shape[1] != self.n_features_in_:
            raise ShapeError(f"rows of {self.n_features_in_} columns are needed; got {X.shape}")
        return X


def spreads(cells: np.ndarray) -> np.ndarray:
    """Return the standard deviation of each column's numbers, 1 where they do not vary."""
    out = np.ones(cells.shape[1])
    for j in range(cells.shape[1]):
        there = cells[~np.isnan(cells[:, j]), j]
        far = np.abs(there).max(initial=0.0)
        if far > 0:
            deviation = far * (there / far).std()  # squares of large numbers overflow
            out[j] = deviation if deviation > 0 else 1.0
    return out


def _made(cls: Any, state: dict[str, Any]) -> Any:
    """Return an object of Rust from what `arrays` gave, which its constructor checks."""
    try:
        return cls(**state)
    except TypeError:
        raise StateError(f"a saved {cls.__name__} is not whole: save the imputer again") from None


def _trees(state: dict[str, Any]) -> Trees:
    if not isinstance(state.get("forest"), _core.Forest):
        raise StateError("saved trees are not whole: save the imputer again")
    return Trees(state["forest"])


register(
    _core.Forest, take=lambda made: made.arrays(), give=lambda state: _made(_core.Forest, state)
)
register(_core.Cuts, take=lambda made: made.arrays(), give=lambda state: _made(_core.Cuts, state))
register(Trees, take=lambda trees: {"forest": trees.forest}, give=_trees)
