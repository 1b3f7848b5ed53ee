"""The methods that AutoImputer tries, on a sheet of numbers."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin, clone
from sklearn.exceptions import ConvergenceWarning

from tamis import _core
from tamis._state import register

__all__ = ["METHODS", "AsCodes", "FewerLevels", "Fill", "affordable", "complete", "fitted", "make"]

#: From the plainest to the most costly; among equals the earlier is taken.
METHODS = ("mean", "median", "most_frequent", "knn", "iterative", "soft", "trees", "forest")
#: kNN compares the rows with gaps with all rows: more cells than this take long.
_MOST_KNN = 4e9
#: Trees of a forest, rounds of trees, and cells of the sheet up to which trees are grown.
_TREES, _ROUNDS, _MOST_TREES = 40, 5, 3e5
#: Chained equations regress on so many columns at most.
_NEAREST = 60


class Fill(TransformerMixin, BaseEstimator):
    """Fill each column of a sheet with one value; columns of levels with their shares.

    Parameters
    ----------
    strategy : {"mean", "median", "most_frequent"}
    shares : ndarray of bool
        Which columns are those of levels.
    n_jobs : int
    """

    def __init__(self, strategy: str, shares: np.ndarray, n_jobs: int = 1) -> None:
        self.strategy = strategy
        self.shares = shares
        self.n_jobs = n_jobs

    def fit(self, X: np.ndarray, y: Any = None) -> Fill:
        """Learn the values."""
        values = _core.column_statistics(X, self.strategy, np.nan, self.n_jobs)
        if self.shares.any():
            means = _core.column_statistics(X, "mean", np.nan, self.n_jobs)
            values = np.where(self.shares, means, values)
        self.values_ = np.nan_to_num(values)
        return self

    def transform(self, X: np.ndarray) -> np.ndarray:
        """Return the sheet completed."""
        return np.where(np.isnan(X), self.values_, X)


class FewerLevels(TransformerMixin, BaseEstimator):
    """Let an imputer see all but the last level of each category; the last is what is left to 1.

    With all of them, each level would follow from what the others were filled with provisionally.

    Parameters
    ----------
    imputer : imputer
    owner : ndarray of int64
        Which category a column of the sheet belongs to; -1 for numbers.
    """

    def __init__(self, imputer: Any, owner: np.ndarray) -> None:
        self.imputer = imputer
        self.owner = owner

    def fit(self, X: np.ndarray, y: Any = None) -> FewerLevels:
        """Fit the imputer."""
        seen = self._seen()
        self.imputer_ = clone(self.imputer).fit(X[:, seen]) if seen.any() else None
        return self

    def transform(self, X: np.ndarray) -> np.ndarray:
        """Return the sheet completed."""
        seen = self._seen()
        out = X.copy()
        if self.imputer_ is not None:
            out[:, seen] = self.imputer_.transform(X[:, seen])
        for last in np.flatnonzero(~seen):
            block = (self.owner == self.owner[last]) & seen
            out[:, last] = np.where(
                np.isnan(X[:, last]), 1.0 - out[:, block].sum(axis=1), X[:, last]
            )
        return out

    def _seen(self) -> np.ndarray:
        last = np.append(self.owner[1:] != self.owner[:-1], True)
        return ~(last & (self.owner >= 0))


class AsCodes(TransformerMixin, BaseEstimator):
    """Let an imputer see each category as one column of codes, not as a column for each level.

    Parameters
    ----------
    imputer : imputer
        With a parameter `categorical_features`.
    owner : ndarray of int64
        Which category a column of the sheet belongs to; -1 for numbers.
    """

    def __init__(self, imputer: Any, owner: np.ndarray) -> None:
        self.imputer = imputer
        self.owner = owner

    def fit(self, X: np.ndarray, y: Any = None) -> AsCodes:
        """Fit the imputer."""
        coded = [j for j, block in enumerate(self._blocks()) if self.owner[block[0]] >= 0]
        options = {"categorical_features": coded} if coded else {}
        self.imputer_ = clone(self.imputer).set_params(**options).fit(self._codes(X))
        return self

    def transform(self, X: np.ndarray) -> np.ndarray:
        """Return the sheet completed."""
        filled = self.imputer_.transform(self._codes(X))
        out = np.empty_like(X)
        for j, block in enumerate(self._blocks()):
            if self.owner[block[0]] < 0:
                out[:, block[0]] = filled[:, j]
            else:
                said = filled[:, j, None] == np.arange(len(block))
                out[:, block] = np.where(np.isnan(X[:, block]), said, X[:, block])
        return out

    def _blocks(self) -> list[np.ndarray]:
        """Return the columns of the sheet that each column has."""
        new = np.append(True, (self.owner[1:] != self.owner[:-1]) | (self.owner[1:] < 0))
        return np.split(np.arange(len(self.owner)), np.flatnonzero(new)[1:])

    def _codes(self, X: np.ndarray) -> np.ndarray:
        out = np.empty((len(X), len(self._blocks())))
        for j, block in enumerate(self._blocks()):
            cells = X[:, block]
            number = self.owner[block[0]] < 0
            # A level that has no column of its own says nothing here.
            known = ~np.isnan(cells[:, 0]) & (number | (np.nan_to_num(cells).sum(axis=1) > 0))
            value = cells[:, 0] if number else np.nan_to_num(cells).argmax(axis=1)
            out[:, j] = np.where(known, value, np.nan)
        return out


register(Fill)
register(FewerLevels)
register(AsCodes)


def affordable(n_rows: int, n_gap_rows: int, n_columns: int) -> list[str]:
    """Return the methods that take a reasonable time on a sheet of this size."""
    out = list(METHODS)
    if float(n_rows) * n_gap_rows * n_columns > _MOST_KNN:
        out.remove("knn")
    if n_rows * n_columns > _MOST_TREES:
        out = [name for name in out if name not in ("trees", "forest")]
    return out


def make(name: str, owner: np.ndarray, seed: int, threads: int) -> Any:
    """Return an imputer of sheets by its name; `owner` is -1 for numbers."""
    from tamis.impute import ForestImputer, IterativeImputer, KNNImputer, SoftImputer

    if name in ("mean", "median", "most_frequent"):
        return Fill(name, owner >= 0, threads)
    if name == "knn":
        return KNNImputer(
            n_neighbors=10, weights="distance", keep_empty_features=True, n_jobs=threads
        )
    if name == "forest":
        return AsCodes(
            ForestImputer(
                _TREES,
                max_iter=_ROUNDS,
                random_state=seed,
                keep_empty_features=True,
                n_jobs=threads,
            ),
            owner,
        )
    imputer: Any
    if name in ("iterative", "trees"):
        nearest = _NEAREST if len(owner) > 2 * _NEAREST else None
        imputer = IterativeImputer(
            "trees" if name == "trees" else None,
            max_iter=_ROUNDS if name == "trees" else 10,
            n_nearest_features=nearest,
            random_state=seed,
            keep_empty_features=True,
            n_jobs=threads,
        )
    else:
        imputer = SoftImputer(random_state=seed, keep_empty_features=True, n_jobs=threads)
    return FewerLevels(imputer, owner) if (owner >= 0).any() else imputer


def fitted(imputer: Any, sheet: np.ndarray) -> Any:
    """Fit an imputer; that its rounds have not settled does not matter where errors are judged."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return imputer.fit(sheet)


def complete(imputer: Any, sheet: np.ndarray) -> np.ndarray:
    """Return a sheet completed by a fitted imputer."""
    return np.asarray(imputer.transform(sheet), dtype=np.float64)
