"""Fields of records: their values evened out, numbered, and how they are to be compared."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import narwhals as nw
import numpy as np
import pandas as pd

from tamis import _core, _frame
from tamis._frame import Values

__all__ = ["COMPARATORS", "Field", "field", "raw"]

COMPARATORS = ("jaro_winkler", "levenshtein", "numeric", "date", "exact")
#: The share of a column's distinct texts that make it a column of dates, or of codes.
_MOST = 0.8
#: Distinct texts that are looked at for that.
_LOOKED_AT = 1000
_YEAR_FIRST = re.compile(r"(\d{4})[-/. ](\d{1,2})[-/. ](\d{1,2})\b")
_YEAR_LAST = re.compile(r"(\d{1,2})[-/. ](\d{1,2})[-/. ](\d{4})$")


@dataclass(frozen=True)
class Field:
    """One field of all records.

    Attributes
    ----------
    comparator : str
    values : list of str
        The distinct values, sorted.
    codes : ndarray of shape (n_records,), int64
        A position in `values`, or -1 where the field is missing.
    """

    comparator: str
    values: list[str]
    codes: np.ndarray

    @cached_property
    def column(self) -> tuple[str, np.ndarray, np.ndarray, np.ndarray]:
        """The field as the kernels take it."""
        return (self.comparator, *_core.text_buffers(self.values), self.codes)

    def take(self, rows: np.ndarray) -> Field:
        """Return the field of some records."""
        return Field(self.comparator, self.values, np.ascontiguousarray(self.codes[rows]))

    def backwards(self) -> np.ndarray:
        """Return the rank of each record's value when read from its end; -1 where missing."""
        order = sorted(range(len(self.values)), key=lambda i: self.values[i][::-1])
        rank = np.empty(len(order) + 1, dtype=np.int64)
        rank[order] = np.arange(len(order))
        rank[-1] = -1
        return rank[self.codes]


def raw(piece: Any) -> tuple[str, np.ndarray]:
    """Return the kind of a column ("text", "numeric", "date", "exact") and its cells as text.

    Missing cells are None.
    """
    column = piece if isinstance(piece, Values) else _frame.values(piece)
    if column.kind == "time":
        days = column.data.astype("datetime64[ns]").astype("datetime64[D]").astype(str)
        cells = np.array([d.replace("-", "") for d in days], dtype=object)
        kind = "date"
        if isinstance(piece, nw.Series) and isinstance(piece.dtype, nw.Duration):
            cells, kind = column.data.astype(str).astype(object), "numeric"
    elif column.kind in ("int", "uint", "float"):
        cells = np.array([_number(v) for v in column.data.tolist()], dtype=object)
        kind = "numeric"
    else:
        kind = "exact" if column.kind == "bool" else "text"
        cells = np.array([str(v) for v in column.data.tolist()], dtype=object)
    cells[column.missing] = None
    return kind, cells


def _number(v: float) -> str:
    return str(int(v)) if isinstance(v, float) and v.is_integer() else repr(v)


def field(kinds: set[str], cells: np.ndarray, comparator: str | None) -> Field:
    """Return a field of cells that `raw` gave, by the comparator given or the one that fits."""
    first, distinct = pd.factorize(cells)
    texts = [_even(v) for v in distinct]
    if comparator is None:
        kinds = kinds - {"text"} or {"text"}
        comparator = next(iter(kinds)) if len(kinds) == 1 else "text"
        comparator = _fitting(texts) if comparator == "text" else comparator
    if comparator == "date":
        texts = [_date(t) for t in texts]
    values = sorted({t for t in texts if t})
    place = {t: i for i, t in enumerate(values)}
    number = np.array([place.get(t, -1) for t in texts] + [-1], dtype=np.int64)
    return Field(comparator, values, number[first])


def _even(text: str) -> str:
    """Return a text without differences of case, width and spaces."""
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())


def _fitting(texts: list[str]) -> str:
    """Return the comparator that fits texts."""
    present = sorted({t for t in texts if t})
    present = present[:: max(len(present) // _LOOKED_AT, 1)]
    if sum(_is_date(_date(t)) for t in present) > _MOST * len(present):
        return "date"
    digits = sum(any(c.isdigit() for c in t) and not any(c.isalpha() for c in t) for t in present)
    return "levenshtein" if digits > _MOST * len(present) else "jaro_winkler"


def _date(text: str) -> str:
    """Return a date as yyyymmdd (day before month where the year comes last); others as it is."""
    if found := _YEAR_FIRST.match(text):
        year, month, day = found.groups()
    elif found := _YEAR_LAST.match(text):
        day, month, year = found.groups()
        if int(month) > 12:
            day, month = month, day
    else:
        return text
    return f"{year}{int(month):02}{int(day):02}"


def _is_date(text: str) -> bool:
    if len(text) != 8 or not text.isdecimal():
        return False
    year, month, day = int(text[:4]), int(text[4:6]), int(text[6:])
    return 1800 <= year < 2200 and 1 <= month <= 12 and 1 <= day <= 31
