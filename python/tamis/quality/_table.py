"""A table as the checks see it: each column read once, in the forms they need."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import narwhals as nw
import numpy as np

from tamis import _columns, _frame
from tamis._columns import Column
from tamis._frame import Values
from tamis.dedup import duplicate_groups

__all__ = ["Table"]

#: Where so few rows could be equal by chance, equal rows say little.
_ROOM = 10


@dataclass
class Table:
    """The columns of a frame with what is known about them."""

    data: Any
    target: Any = None
    frame: nw.DataFrame[Any] = field(init=False)
    columns: dict[Any, Column] = field(init=False)
    _values: dict[Any, Values] = field(init=False, default_factory=dict)
    _codes: dict[Any, np.ndarray] = field(init=False, default_factory=dict)
    _numbers: dict[Any, np.ndarray] = field(init=False, default_factory=dict)
    _gaps: dict[Any, np.ndarray] = field(init=False, default_factory=dict)

    def __post_init__(self) -> None:
        self.frame = _frame.wrap(self.data)
        self.columns = {n: _columns.profile(self.frame.get_column(n)) for n in self.frame.columns}

    @property
    def n_rows(self) -> int:
        """How many rows there are."""
        return len(self.frame)

    @property
    def features(self) -> list[Any]:
        """All columns but the target."""
        return [n for n in self.columns if n != self.target]

    @property
    def row_numbers(self) -> list[Any]:
        """Columns that only number the rows: they hide equal rows."""
        return [n for n in self.features if self.numbers_rows(n)]

    @property
    def compared(self) -> list[Any]:
        """The columns by which rows are compared, the target among them."""
        return [n for n in self.columns if n == self.target or not self.numbers_rows(n)]

    def numbers_rows(self, name: Any) -> bool:
        """Return whether a column only numbers the rows."""
        whole = self.values(name).kind in ("int", "uint")
        return self.columns[name].kind == "identifier" and whole

    def values(self, name: Any) -> Values:
        """Return a column's values and gaps."""
        if name not in self._values:
            self._values[name] = _frame.values(self.frame.get_column(name))
        return self._values[name]

    def codes(self, name: Any) -> np.ndarray:
        """Return a number for each distinct value, by first appearance; a gap is a value."""
        if name not in self._codes:
            self._codes[name] = duplicate_groups(self.data, [name], n_jobs=1)
        return self._codes[name]

    def numbers(self, name: Any) -> np.ndarray:
        """Return a column of numbers or times as floats; NaN where missing, also in disguise."""
        if name not in self._numbers:
            v = self.values(name)
            if v.kind == "str":
                codes = self.codes(name)
                first = np.unique(codes, return_index=True)[1]
                read = [
                    np.nan if v.missing[i] else _read(v.data[i], self.columns[name].parse)
                    for i in first
                ]
                x = np.array(read, dtype=np.float64)[codes]
            else:
                x = np.where(v.missing, np.nan, v.data.astype(np.float64))
                x[np.isin(x, self.columns[name].markers)] = np.nan
            self._numbers[name] = x
        return self._numbers[name]

    def gaps(self, name: Any) -> np.ndarray:
        """Return where a column is missing, openly or in disguise."""
        if name not in self._gaps:
            v, markers = self.values(name), self.columns[name].markers
            found = v.missing
            if markers and v.kind == "str":
                there = set(markers)
                found = found | np.array([x in there for x in v.data.tolist()], dtype=bool)
            elif markers:
                found = found | np.isin(v.data, markers)
            if self.columns[name].kind in ("number", "datetime"):
                found = found | np.isnan(self.numbers(name))
            self._gaps[name] = found
        return self._gaps[name]

    def is_number(self, name: Any) -> bool:
        """Return whether a column holds numbers, as such or as text."""
        column = self.columns[name]
        typed = self.values(name).kind in ("float", "int", "uint")
        return column.kind == "number" or (column.kind == "identifier" and typed)

    def counts(self, name: Any) -> list[tuple[Any, int]]:
        """Return the distinct values with their counts, the most frequent first, gaps left out."""
        v = self.values(name)
        codes = self.codes(name)
        first, n = np.unique(codes, return_index=True, return_counts=True)[1:]
        there = ~v.missing[first]
        pairs = zip(v.data[first[there]].tolist(), n[there].tolist(), strict=True)
        return sorted(pairs, key=lambda pair: (-pair[1], str(pair[0])))

    def crowded(self, names: list[Any]) -> bool:
        """Return whether rows equal in these columns are to be expected by chance."""
        room = 1.0
        for name in names:
            room *= max(1, self.columns[name].n_distinct)
        return room < _ROOM * self.n_rows


def _read(text: Any, parse: str) -> float:
    if parse == "datetime":
        moment = _columns.parse_datetime(text)
        return np.nan if np.isnat(moment) else moment.astype(np.int64) / 1e9
    return _columns.parse_number(text)
