"""What a column holds: its kind, what is missing in disguise, numbers and dates kept as text."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import narwhals as nw
import numpy as np

from tamis._frame import Values, values

#: Texts that stand for "missing" (compared stripped and in lower case).
MISSING_TEXTS = frozenset(
    ["", "?", "na", "n/a", "#n/a", "nan", "null", "none", "nil", "missing", "-", "--", "."]
)
#: Negative numbers that stand for "missing" where everything else is not negative.
MISSING_NUMBERS = (-9.0, -99.0, -999.0, -9999.0, -99999.0)
#: Numbers that may be a cap or a marker: reported, never treated as missing on their own.
SUSPECT_NUMBERS = (999.0, 9999.0, 99999.0, 999999.0)

_NUMBER = re.compile(
    r"^[\s$€£¥]*([+-]?(?:\d+|\d{1,3}(?:,\d{3})+)(?:\.\d*)?(?:[eE][+-]?\d+)?|[+-]?\.\d+)\s*%?\s*$"
)
_DATE = re.compile(r"^\d{4}-\d{2}-\d{2}([T ]\d{2}:\d{2}(:\d{2}(\.\d+)?)?)?$")
_MOSTLY = 0.95
_UNIQUE = 0.9
_ENOUGH = 50


@dataclass(frozen=True)
class Column:
    """What one column holds.

    `kind` is "number", "category", "datetime", "text" (nearly unique, long), "identifier"
    (nearly unique, short, or a row number), "constant", "empty" or "other" (lists, objects).
    """

    name: str
    kind: str
    dtype: str
    n_rows: int
    n_missing: int
    n_distinct: int
    markers: tuple[Any, ...] = ()  # values that mean "missing"
    suspects: tuple[float, ...] = ()  # values that may be caps or markers
    parse: str = ""  # "number" or "datetime" where text holds one of them

    @property
    def usable(self) -> bool:
        """Whether a model can learn from the column as it is."""
        return self.kind in ("number", "category", "datetime")


def profile(series: nw.Series[Any], name: str | None = None) -> Column:
    """Return what the column holds, judged from the values given alone."""
    v = values(series)
    name = series.name if name is None else name
    if v.kind == "str":
        return _text(v, name, str(series.dtype))
    present = v.data[~v.missing]
    if v.kind == "object":
        distinct = len({repr(x) for x in present})
        return Column(name, "other", str(series.dtype), len(v.data), int(v.missing.sum()), distinct)
    kind = {"bool": "category", "time": "datetime"}.get(v.kind, "number")
    uniques, counts = np.unique(present, return_counts=True)
    markers, suspects = _number_markers(uniques, counts) if kind == "number" else ((), ())
    uniques = uniques[~np.isin(uniques, markers)] if markers else uniques
    if len(uniques) < 2:
        kind = "constant" if len(uniques) else "empty"
    elif v.kind in ("int", "uint") and _row_number(uniques, len(v.data)):
        kind = "identifier"
    return Column(
        name, kind, str(series.dtype), len(v.data), int(v.missing.sum()), len(uniques),
        markers, suspects,
    )  # fmt: skip


def _number_markers(uniques: np.ndarray, counts: np.ndarray) -> tuple[tuple, tuple]:
    """Return (numbers that mean missing, numbers that may be caps): far off, and repeated."""
    markers = tuple(
        m
        for m in MISSING_NUMBERS
        if len(uniques) > 2
        and counts[uniques == m].sum() >= 3
        and (uniques[uniques != m] >= 0).all()
    )
    suspects = []
    for s in SUSPECT_NUMBERS:
        rest = uniques[uniques < s].astype(float)
        if len(rest) < 3 or counts[uniques == s].sum() < 3 or uniques.max() != s:
            continue
        if s - rest.max() > rest.max() - rest.min():
            suspects.append(s)
    return markers, tuple(suspects)


def _row_number(uniques: np.ndarray, n_rows: int) -> bool:
    """Return whether integers just number the rows: all distinct, without gaps."""
    span = int(uniques[-1]) - int(uniques[0]) + 1
    return n_rows >= _ENOUGH and len(uniques) == n_rows and span <= 2 * n_rows


def _text(v: Values, name: str, dtype: str) -> Column:
    present = v.data[~v.missing]
    distinct = sorted(set(present.tolist()))
    markers = tuple(d for d in distinct if d.strip().lower() in MISSING_TEXTS)
    real = [d for d in distinct if d not in set(markers)]
    counts = (len(v.data), int(v.missing.sum()), len(real))
    if len(real) < 2:
        kind = "constant" if real else "empty"
        return Column(name, kind, dtype, *counts, markers=markers)
    # Judged over distinct values: a column of "a" and "3" is no column of numbers.
    if sum(bool(_NUMBER.match(d)) for d in real) >= _MOSTLY * len(real):
        return Column(name, "number", dtype, *counts, markers=markers, parse="number")
    if sum(bool(_DATE.match(d.strip())) for d in real) >= _MOSTLY * len(real):
        return Column(name, "datetime", dtype, *counts, markers=markers, parse="datetime")
    if len(real) > _UNIQUE * len(present) and len(present) >= _ENOUGH:
        long = np.mean([len(d.split()) for d in real]) >= 3 or np.mean([len(d) for d in real]) > 30
        return Column(name, "text" if long else "identifier", dtype, *counts, markers=markers)
    return Column(name, "category", dtype, *counts, markers=markers)


def parse_number(text: str) -> float:
    """Return the number a text holds ("$1,200" is 1200, "5 %" is 5), or NaN."""
    found = _NUMBER.match(text)
    return float(found.group(1).replace(",", "")) if found else float("nan")


def parse_datetime(text: str) -> np.datetime64:
    """Return the ISO date or time a text holds, or NaT."""
    if _DATE.match(text.strip()):
        try:
            return np.datetime64(text.strip().replace(" ", "T"), "ns")
        except ValueError:
            return np.datetime64("NaT", "ns")
    return np.datetime64("NaT", "ns")
