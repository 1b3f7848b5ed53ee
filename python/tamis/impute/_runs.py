"""Rows of many series in one table: their order, and what stands before and after each row."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from tamis.exceptions import DataError
from tamis.impute._cells import TIMES, Cells, cells_of

__all__ = ["Clock", "Groups", "Runs", "clock_of", "groups_of"]


class Clock(NamedTuple):
    """When each row is: numbers to sort by, and the same as float64 (times in days)."""

    ticks: np.ndarray
    days: np.ndarray
    dates: bool


class Groups(NamedTuple):
    """Which series each row belongs to, and the values that name each series."""

    codes: np.ndarray
    keys: list[tuple[Any, ...]]


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
    codes = np.zeros(0, dtype=np.int64)
    for i, cells in enumerate(parts):
        found, uniques = pd.factorize(cells.data)
        found = np.where(cells.missing, len(uniques), found)
        codes = codes * (len(uniques) + 1) + found if i else found
        codes = pd.factorize(codes)[0]
    first = np.empty(codes.max(initial=-1) + 1, dtype=np.int64)
    first[codes[::-1]] = np.arange(len(codes))[::-1]
    named = []
    for cells in parts:
        gone = cells.missing[first].tolist()
        values = cells.data[first].tolist()
        named.append([None if g else v for g, v in zip(gone, values, strict=True)])
    return Groups(codes, list(zip(*named, strict=True)))


class Runs:
    """The rows by series and time; among equals in the order they came in."""

    def __init__(self, n_rows: int, clock: Clock | None, groups: Groups | None):
        #: Rows in sorted order; None where they stand so already.
        self._order = _order(clock and clock.ticks, groups and groups.codes)
        self._place = np.arange(n_rows)
        first = np.zeros(n_rows, dtype=bool)
        first[:1] = True
        if groups is not None:
            codes = self.sorted(groups.codes)
            first[1:] = codes[1:] != codes[:-1]
        starts = np.flatnonzero(first)
        lengths = np.diff(np.append(starts, n_rows))
        #: First and last place of each row's series, in sorted order.
        self.start = np.repeat(starts, lengths)
        self.end = np.repeat(starts + lengths - 1, lengths)

    def sorted(self, by_row: np.ndarray) -> np.ndarray:
        """Return values by row in sorted order."""
        return by_row if self._order is None else by_row[self._order]

    def by_row(self, by_place: np.ndarray) -> np.ndarray:
        """Return values in sorted order by row."""
        if self._order is None:
            return by_place
        out = np.empty_like(by_place)
        out[self._order] = by_place
        return out

    def __len__(self) -> int:
        return len(self._place)

    def _sides(self, there: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the places of the value before and the value after each place, or -1."""
        n, place = len(there), self._place
        before = np.maximum.accumulate(np.where(there, place, -1))
        before[before < self.start] = -1
        after = np.minimum.accumulate(np.where(there, place, n)[::-1])[::-1]
        after[after > self.end] = -1
        return before, after

    def repeat(
        self, missing: np.ndarray, backward: bool, limit: int | None, nearest: bool
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return the rows that are filled, and the row that each takes its value from."""
        before, after = self._sides(~self.sorted(missing))
        one, other = (after, before) if backward else (before, after)
        source = self._within(one, limit)
        if nearest:
            source = np.where(one < 0, self._within(other, limit), source)
        if self._order is not None:
            source = self.by_row(np.where(source < 0, -1, self._order[source]))
        rows = np.flatnonzero(missing & (source >= 0))
        return rows, source[rows]

    def _within(self, source: np.ndarray, limit: int | None) -> np.ndarray:
        """Return sources that are no farther than the limit."""
        if limit is None:
            return source
        return np.where(np.abs(self._place - source) <= limit, source, -1)

    def line(
        self, cells: np.ndarray, days: np.ndarray | None, limit: int | None, nearest: bool
    ) -> np.ndarray:
        """Return cells with straight lines over the gaps, by the time or by the row."""
        values = self.sorted(cells)
        there = ~np.isnan(values)
        at = self._place if days is None else self.sorted(days)
        before, after = self._sides(there)
        left, right = self._within(before, limit), self._within(after, limit)
        holes = np.flatnonzero(~there & (left >= 0) & (after >= 0))
        a, b = left[holes], after[holes]
        span = at[b] - at[a]
        share = (at[holes] - at[a]) / np.where(span > 0, span, 1)
        values = values.copy()
        values[holes] = values[a] + share * (values[b] - values[a])
        if nearest:
            for here, source in ((before < 0, right), (after < 0, left)):
                edge = np.flatnonzero(~there & here & (source >= 0))
                values[edge] = values[source[edge]]
        return self.by_row(values)


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
