"""Neighbours in tables of numbers and categories: one distance for both, and votes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tamis import _core
from tamis._state import register
from tamis.impute._cells import TIMES
from tamis.impute._typed import Codec

__all__ = ["Mixed", "voted"]


@dataclass(frozen=True)
class Mixed:
    """How rows of mixed kinds are compared.

    Attributes
    ----------
    named : ndarray of bool
        Which columns are categories.
    scale : ndarray
        What numbers are divided by.
    usual : ndarray
        Means of numbers, the most frequent categories.
    """

    named: np.ndarray
    scale: np.ndarray
    usual: np.ndarray

    @classmethod
    def of(cls, codec: Codec, matrix: np.ndarray) -> Mixed | None:
        """Return how the rows of a table are compared; None where they are plain numbers."""
        named = codec.categorical
        if not named.any() and not np.isin(codec.kinds, TIMES).any():
            return None
        means = _core.column_statistics(matrix, "mean", np.nan)
        modes = _core.column_statistics(matrix, "most_frequent", np.nan)
        with np.errstate(invalid="ignore"):
            square = np.nansum((matrix - means) ** 2, axis=0) / (~np.isnan(matrix)).sum(axis=0)
        scale = np.where(named | ~(square > 0), 1.0, np.sqrt(2 * square))
        return cls(named, scale, np.where(named, modes, means))

    def scaled(self, matrix: np.ndarray, missing: np.ndarray) -> np.ndarray:
        """Return codes as they are compared; a category that is unknown is like no other."""
        unknown = np.isnan(matrix) & ~missing & self.named
        return np.where(unknown, -1.0, matrix / self.scale)


def voted(distances: np.ndarray, values: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Return the category with the most weight in each row, the nearest of several."""
    alike = ~np.isnan(distances)
    nothing = weights.sum(axis=1, keepdims=True) == 0
    weights = np.where(alike, np.where(nothing, 1.0, weights), 0.0)
    codes = values.astype(np.int64)
    votes = np.zeros((len(codes), int(codes.max(initial=0)) + 1))
    np.add.at(votes, (np.arange(len(codes))[:, None], codes), weights)
    mine = np.where(alike, np.take_along_axis(votes, codes, axis=1), -1.0)
    best = mine.argmax(axis=1)[:, None]
    return np.take_along_axis(values, best, axis=1)[:, 0]


register(Mixed)
