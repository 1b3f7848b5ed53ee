"""Rows of many series in one table: their order, and what stands before and after each row."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np

from tamis import _core
from tamis.exceptions import DataError
from tamis.impute._cells import TIMES, Cells, cells_of

__all__ = ["Clock", "Groups", "Runs", "clock_of", "groups_of"]


class Clock(NamedTuple):
    """When each row is: numbers to sort by, and the same as float64 (times in days)."""

    ticks: np.ndarray
    days: np.ndarray
    dates: bool


@dataclass(frozen=True)
class Groups:
    """Which series each row belongs to, from 0 in the order they appear, and how many there are."""

    codes: np.ndarray
    size: int
    columns: list[Cells]

    @cached_property
    def keys(self) -> list[tuple[Any, ...]]:
        """The values that name each series; None where one is missing."""
        first = np.empty(self.size, dtype=np.int64)
        first[self.codes[::-1]] = np.arange(len(self.codes))[::-1]
        named = []
        for cells in self.columns:
            gone, values = cells.missing[first].tolist(), cells.data[first].tolist()
            named.append([None if g else v for g, v in zip(gone, values, strict=True)])
        return list(zip(*named, strict=True))


def clock_of(cells: Cells, name: Any) -> Clock:
    """Return the clock of a column of numbers or times.

    Raises
    ------
    DataError
        If the column is of another kind, or a cell is missing or infinite.
    """
    if cells.kind not in ("number", "integer", *TIMES):
        raise DataError(f"column {name!r} orders the rows: give numbers, dates or times")
    if cells.missing.any():
        row = int(np.flatnonzero(cells.missing)[0])
        raise DataError(
            f"column {name!r} orders the rows and is missing in row {row}: fill it or drop the row"
        )
    days = cells.data / cells.per_day if cells.per_day else cells.data.astype(np.float64)
    if not np.isfinite(days).all():
        raise DataError(f"column {name!r} orders the rows and holds an infinity")
    return Clock(cells.data, days, cells.kind == "datetime")


def groups_of(table: Any, columns: list[int]) -> Groups | None:
    """Return the series that columns name; a missing value names one too."""
    if not columns:
        return None
    import pandas as pd

    parts = [cells_of(table, j) for j in columns]
    codes, size = np.zeros(0, dtype=np.int64), 0
    for i, cells in enumerate(parts):
        found, uniques = pd.factorize(cells.data)
        many = len(uniques)
        if cells.missing.any():
            found, many = np.where(cells.missing, many, found), many + 1
        if i == 0 and many == len(uniques):
            codes, size = found, many
            continue
        codes, uniques = pd.factorize(codes * many + found if i else found)
        size = len(uniques)
    return Groups(codes, size, parts)


class Runs:
    """The rows by series and time; among equals in the order they came in."""

    def __init__(self, n_rows: int, clock: Clock | None, groups: Groups | None):
        self._n_rows = n_rows
        self._ticks = None if clock is None else clock.ticks
        self._codes = None if groups is None else groups.codes
        self._size = 1 if groups is None else groups.size
        self._by_time = _order(self._ticks, None)

    def __len__(self) -> int:
        return self._n_rows

    def repeat(
        self, missing: np.ndarray, backward: bool, limit: int | None, nearest: bool
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return the rows that are filled, and the row that each takes its value from."""
        source = _core.series_sources(
            missing, self._codes, self._size, self._by_time, backward, limit, nearest
        )
        rows = np.flatnonzero(missing & (source >= 0))
        return rows, source[rows]

    def line(
        self, cells: np.ndarray, days: np.ndarray | None, limit: int | None, nearest: bool
    ) -> np.ndarray:
        """Return cells with straight lines over the gaps, by the time or by the row."""
        return _core.series_lines(
            cells, self._codes, self._size, self._by_time, days, limit, nearest
        )

    @cached_property
    def _sorted(self) -> np.ndarray | None:
        """Rows by series, then by time; None where they stand so already."""
        return _order(self._ticks, self._codes)

    def sorted(self, by_row: np.ndarray) -> np.ndarray:
        """Return values by row in sorted order."""
        return by_row if self._sorted is None else by_row[self._sorted]

    def by_row(self, by_place: np.ndarray) -> np.ndarray:
        """Return values in sorted order by row."""
        if self._sorted is None:
            return by_place
        out = np.empty_like(by_place)
        out[self._sorted] = by_place
        return out

    @cached_property
    def ends(self) -> tuple[np.ndarray, np.ndarray]:
        """First and last place of each row's series, in sorted order."""
        first = np.zeros(self._n_rows, dtype=bool)
        first[:1] = True
        if self._codes is not None:
            codes = self.sorted(self._codes)
            first[1:] = codes[1:] != codes[:-1]
        starts = np.flatnonzero(first)
        lengths = np.diff(np.append(starts, self._n_rows))
        return np.repeat(starts, lengths), np.repeat(starts + lengths - 1, lengths)


def _order(ticks: np.ndarray | None, codes: np.ndarray | None) -> np.ndarray | None:
    """Return the rows by series and time, or None where they are in that order."""
    by_time = None
    if ticks is not None and not (ticks[1:] >= ticks[:-1]).all():
        by_time = np.argsort(ticks, kind="stable")
    if codes is None:
        return by_time
    same = codes[1:] == codes[:-1]
    if ticks is not None:
        same &= ticks[1:] >= ticks[:-1]
    if ((codes[1:] > codes[:-1]) | same).all():
        return None
    # Narrow codes are sorted by counting.
    narrow = codes.astype(np.uint16) if codes.max() < 2**16 else codes
    if by_time is None:
        return np.argsort(narrow, kind="stable")
    return by_time[np.argsort(narrow[by_time], kind="stable")]
