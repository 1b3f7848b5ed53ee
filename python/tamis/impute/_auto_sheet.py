"""A table as the methods of AutoImputer see it: scaled numbers, categories as 0/1 columns."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from tamis._state import register
from tamis.exceptions import StateError
from tamis.impute._levels import common_levels

__all__ = ["Sheet"]


@dataclass
class Sheet:
    """How columns of codes become columns of the sheet, learned from training rows.

    Attributes
    ----------
    mean, scale, low, high : ndarray of shape (n_columns,)
        Of numbers: mean, standard deviation and range of the known cells.
    levels : list of ndarray
        The levels of each category that are common; empty for numbers.
    widths : ndarray of shape (n_columns,), int64
        How many columns of the sheet each has: none if it had no value, or is a category with
        one common level, which says nothing of others.
    rare : ndarray of shape (n_columns,)
        Of categories, the share of cells that are not of the most common level.
    """

    mean: np.ndarray
    scale: np.ndarray
    low: np.ndarray
    high: np.ndarray
    levels: list[np.ndarray]
    widths: np.ndarray
    rare: np.ndarray

    @classmethod
    def fit(cls, codes: np.ndarray, n_categories: np.ndarray) -> Sheet:
        """Learn from a table of codes, NaN where missing."""
        p = codes.shape[1]
        mean, scale, low, high = np.zeros(p), np.ones(p), np.zeros(p), np.zeros(p)
        levels, widths, rare = [np.zeros(0)] * p, np.zeros(p, dtype=np.int64), np.zeros(p)
        for j in range(p):
            x = codes[~np.isnan(codes[:, j]), j]
            if not len(x):
                continue
            widths[j] = 1
            if n_categories[j]:
                levels[j] = common_levels(x)
                widths[j] = len(levels[j]) if len(levels[j]) > 1 else 0
                rare[j] = 1.0 - np.unique(x, return_counts=True)[1].max() / len(x)
                continue
            low[j], high[j] = x.min(), x.max()
            mean[j] = np.clip(x.mean(), low[j], high[j])
            spread = float(x.std())
            scale[j] = spread if spread > 1e-12 * abs(mean[j]) else 1.0
        return cls(mean, scale, low, high, levels, widths, rare)

    def block(self, column: int) -> slice:
        """Return the columns of the sheet that stand for a column."""
        start = int(self.widths[:column].sum())
        return slice(start, start + int(self.widths[column]))

    @property
    def plain(self) -> np.ndarray:
        """Categories of one common level, as a mask: each is filled with it."""
        return np.array([len(v) == 1 for v in self.levels], dtype=bool)

    @property
    def empty(self) -> np.ndarray:
        """Columns that had no value, as a mask."""
        return (self.widths == 0) & ~self.plain

    @property
    def owner(self) -> np.ndarray:
        """Which category each column of the sheet is a level of; -1 for numbers."""
        coded = np.array([len(v) > 0 for v in self.levels], dtype=bool)
        return np.repeat(np.where(coded, np.arange(len(coded)), -1), self.widths)

    def spread(self, codes: np.ndarray) -> np.ndarray:
        """Return the sheet of a table of codes, NaN where missing."""
        out = np.empty((len(codes), int(self.widths.sum())))
        for j in np.flatnonzero(self.widths).tolist():
            x, at = codes[:, j], self.block(j)
            if len(self.levels[j]):
                out[:, at] = np.where(np.isnan(x)[:, None], np.nan, x[:, None] == self.levels[j])
            else:
                out[:, at] = ((x - self.mean[j]) / self.scale[j])[:, None]
        return out

    def within(self, column: int, said: np.ndarray) -> np.ndarray:
        """Return scaled numbers kept to the range that was seen."""
        low = (self.low[column] - self.mean[column]) / self.scale[column]
        high = (self.high[column] - self.mean[column]) / self.scale[column]
        return np.clip(said, low, high)

    def code(self, column: int, said: np.ndarray) -> np.ndarray:
        """Return the codes that cells of the sheet, one row a cell, stand for."""
        if len(self.levels[column]):
            return self.levels[column][said.argmax(axis=1)]
        value = said[:, 0] * self.scale[column] + self.mean[column]
        return np.clip(value, self.low[column], self.high[column])


def _check(sheet: Sheet) -> None:
    """Refuse a saved sheet that is not whole."""
    have = vars(sheet)
    widths: Any = have.get("widths")
    levels: Any = have.get("levels")
    good = isinstance(widths, np.ndarray) and widths.dtype.kind == "i" and widths.ndim == 1
    good = good and isinstance(levels, list) and len(levels) == len(widths)
    if good:
        for name in ("mean", "scale", "low", "high", "rare"):
            value: Any = have.get(name)
            good = good and isinstance(value, np.ndarray) and value.shape == widths.shape
            good = good and value.dtype.kind == "f"
        for v, width in zip(levels, widths, strict=True):
            good = good and isinstance(v, np.ndarray) and v.ndim == 1
            wide = (len(v) if len(v) > 1 else 0,) if len(v) else (0, 1)
            good = good and width in wide
    if not good:
        raise StateError("the columns of a saved imputer are not whole: save it again")


register(Sheet, check=_check)
