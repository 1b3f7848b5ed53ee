"""Forests of native trees: as fitted estimators, and as what completes a table."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin

from tamis import _core, _threads
from tamis._state import register
from tamis.exceptions import ShapeError, StateError
from tamis.impute._rounds import Match, Table

__all__ = ["Trees", "TreesClassifier", "TreesTable", "spreads"]


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


class TreesClassifier(ClassifierMixin, BaseEstimator):
    """A column of categories told from others by 40 bagged native trees."""

    def __init__(self, seed: int = 0, n_jobs: int | None = None):
        self.seed = seed
        self.n_jobs = n_jobs

    def fit(self, X: np.ndarray, y: np.ndarray) -> TreesClassifier:
        """Grow the trees."""
        self.classes_, codes = np.unique(y, return_inverse=True)
        n, threads = X.shape[1], _threads.resolve(self.n_jobs)
        cells = np.column_stack([X, codes]).astype(np.float64)
        counts = [0] * n + [len(self.classes_)]
        cuts = _core.Cuts.find(cells, counts, n_jobs=threads)
        mask = np.zeros(cells.shape, dtype=bool)
        table = _core.TreeTable(cells, mask, cuts, counts, threads)
        grown = {**TreesTable.BAGGED, **TreesTable.SIZES, "trees": 40, "keep": False}
        forest, _, _ = table.fit(
            n,
            list(range(n)),
            **grown,
            max_features=max(1, int(np.sqrt(n))),
            seed=self.seed,
            epoch=0,
            n_jobs=threads,
        )
        self.trees_ = Trees(forest)
        return self

    def predict(self, X: np.ndarray) -> np.ndarray:
        """Return the category that the trees find likeliest."""
        return self.classes_[self.trees_.predict(X, self.n_jobs).astype(np.int64)]

    def draw(self, X: np.ndarray, seed: int) -> np.ndarray:
        """Return for each row a category of its leaf of a tree drawn at random."""
        return self.classes_[self.trees_.draw(X, seed, self.n_jobs).astype(np.int64)]


class TreesTable(Table):
    """A table in the rounds of chained equations whose columns are regressed by forests."""

    #: How a column's forest is grown: boosted; or bagged, to draw from its leaves, or to know what
    #: trees say of rows that they did not see, as donors are to be compared with missing cells.
    #: Chosen among others on a table of 2000 x 20, half of it not linear, by error and time.
    BOOSTED: ClassVar[dict[str, Any]] = {
        "trees": 40,
        "bootstrap": False,
        "max_leaves": 16,
        "rate": 0.1,
    }
    BAGGED: ClassVar[dict[str, Any]] = {"bootstrap": True, "max_leaves": None, "rate": None}
    SIZES: ClassVar[dict[str, Any]] = {"min_leaf": 5, "max_depth": None}

    def __init__(
        self,
        filled: np.ndarray,
        mask: np.ndarray,
        limits: tuple[np.ndarray, np.ndarray],
        draws: bool,
        match: Match | None,
        seed: int,
        threads: int,
    ) -> None:
        self._start, self._mask, self._limits = filled, mask, limits
        self._draws, self._match, self._seed, self._threads = draws, match, seed, threads
        self._before = filled.astype(np.float64)
        known = np.where(mask, np.nan, self._before)
        counts = [0] * filled.shape[1]
        cuts = _core.Cuts.find(known, counts, n_jobs=threads)
        self._spreads = spreads(known)
        self._table = _core.TreeTable(self._before, mask, cuts, counts, threads)
        self._steps, self._moved, self._stalled = 0, np.inf, False

    def refresh(self) -> None:
        """Begin a round."""

    def impute(self, column: int, others: np.ndarray) -> Trees:
        """Fill a column by a forest grown on others, and return it."""
        table, listed, threads = self._table, others.tolist(), self._threads
        grown = self.BOOSTED
        if self._draws or self._match is not None:
            grown = {**self.BAGGED, "trees": 10 if self._draws else 20}
        forest, _, said = table.fit(
            column,
            listed,
            **grown,
            **self.SIZES,
            keep=self._draws,
            max_features=max(1, len(listed) // 3),
            seed=self._seed,
            epoch=self._steps,
            n_jobs=threads,
        )
        if self._draws:
            found = table.draw(column, listed, forest, self._seed, self._steps, threads)
        else:
            found = table.predict(column, listed, forest, threads)
        if self._match is not None:
            there, known = self._start[~self._mask[:, column], column], ~np.isnan(said)
            if not known.any():  # one row, which every tree saw
                said, known = there.astype(np.float64), ~known
            found = self._match(said[known], there[known], found, column).astype(np.float64)
        low, high = self._limits[0][column], self._limits[1][column]
        table.set(column, np.clip(found, low, high))
        self._steps += 1
        return Trees(forest)

    def change(self) -> float:
        """Return the largest sum of absolute changes in a row since this was last asked."""
        after = self._table.filled()
        gap = after - self._before
        moved = float(np.sum((gap / self._spreads) ** 2))
        self._stalled, self._moved = moved >= self._moved, moved
        self._before = after
        return float(np.linalg.norm(gap, ord=np.inf))

    def stalled(self) -> bool:
        """Return whether the last round changed as much as the one before: what is left is chance.

        The sum of squares of the changes, in standard deviations, tells, as in missForest.
        """
        return self._stalled

    def cells(self) -> np.ndarray:
        """Return the table as it stands, in float64."""
        return self._table.filled()

    def set(self, column: int, values: np.ndarray) -> None:
        """Put values into the missing cells of a column."""
        self._table.set(column, values)

    def filled(self) -> np.ndarray:
        """Return the table as it stands: what was observed as it was."""
        return np.where(self._mask, self._table.filled(), self._start).astype(self._start.dtype)


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
register(TreesClassifier)
register(Trees, take=lambda trees: {"forest": trees.forest}, give=_trees)
