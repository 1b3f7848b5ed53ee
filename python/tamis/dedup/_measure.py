"""Columns of numbers and times with a tolerance, each in a type of its own."""

from __future__ import annotations

import datetime
import math
from collections.abc import Mapping, Sequence
from fractions import Fraction
from numbers import Real
from typing import Any, TypeAlias

import narwhals as nw
import numpy as np

from tamis import _frame
from tamis._frame import Values
from tamis.dedup._cells import Piece
from tamis.exceptions import DataError, ParameterError

__all__ = ["Measured", "check_tolerance", "measured", "tolerances"]

#: What the kernel takes for a column with a tolerance: ((array, tolerance), mask).
Measured: TypeAlias = tuple[tuple[np.ndarray, Any], "np.ndarray | None"]

_TIMES = (datetime.timedelta, np.timedelta64)  # pandas' Timedelta is a timedelta
_NUMBERS = frozenset(["int", "uint", "float"])


def check_tolerance(tolerance: Any) -> None:
    """Raise ParameterError unless it is None, a number, a time, or a dict of these."""
    each = tolerance if isinstance(tolerance, Mapping) else {None: tolerance}
    for name, t in each.items():
        where = "" if name is None else f" of column {name!r}"
        if t is None and name is None:
            continue
        if isinstance(t, bool | np.bool_) or not isinstance(t, (Real, *_TIMES)):
            raise ParameterError(f"the tolerance{where} must be a number or a Timedelta; got {t!r}")
        size: Any = _seconds(t) if isinstance(t, _TIMES) and t == t else t  # noqa: PLR0124
        if not 0 <= size < math.inf:
            raise ParameterError(f"the tolerance{where} must be finite and 0 or more; got {t!r}")


def tolerances(tolerance: Any, names: Sequence[Any]) -> dict[Any, Any]:
    """Return the tolerance of each column that has one."""
    if tolerance is None:
        return {}
    if not isinstance(tolerance, Mapping):
        return dict.fromkeys(names, tolerance)
    for name in tolerance:
        if name not in names:
            raise ParameterError(f"tolerance names {name!r}, which is none of the columns compared")
    return dict(tolerance)


def measured(column: Sequence[Piece], t: Any, name: Any, asked: bool) -> Measured | None:
    """Return one column, given as one piece a table, with its tolerance in the column's type.

    None is for a column to be compared exactly: its tolerance comes to nothing, or it is of
    another kind than the tolerance and was not `asked` for by name. A number is for numbers alone
    unless it was asked for: then it is seconds for times.
    """
    found = [p if isinstance(p, Values) else _frame.values(p) for p in column]
    missing = np.concatenate([v.missing for v in found])
    kinds = {v.kind for v in found if not v.missing.all()}
    if not kinds:
        return None
    if kinds == {"time"} and (asked or isinstance(t, _TIMES)):
        data, limit = _times(column, found, t, name)
    elif kinds <= _NUMBERS and not isinstance(t, _TIMES):
        data, limit = _numbers(found, kinds, t, name)
    elif asked:
        raise ParameterError(f"column {name!r} does not hold what its tolerance {t!r} measures")
    else:
        return None
    return ((data, limit), missing) if limit else None


def _numbers(found: list[Values], kinds: set[str], t: Real, name: Any) -> tuple[np.ndarray, Any]:
    """Return numbers as one array: as they are, or as floats where that changes none."""
    if kinds == {"float"}:
        data = np.concatenate([_data(v, kinds, np.float32) for v in found])
        if data.dtype == np.float32:
            # What it holds is compared in single precision, and so is the tolerance.
            return data, float(np.float32(min(float(t), float(np.finfo(np.float32).max))))
        return data, float(t)
    if len(kinds) == 1:
        dtype: Any = np.uint64 if kinds == {"uint"} else np.int64
        return np.concatenate([_data(v, kinds, dtype) for v in found]), _whole(t)
    dtype = np.float64 if "float" in kinds else np.int64
    limit = 2**53 if "float" in kinds else 2**63 - 1
    for v in found:
        present = v.data[~v.missing]
        if (
            v.kind != "float"
            and len(present)
            and max(-int(present.min()), int(present.max())) > limit
        ):
            raise DataError(
                f"column {name!r} holds {v.kind}s too large for the type of the other table: "
                "give both tables one type, or leave out its tolerance"
            )
    data = np.concatenate([np.where(v.missing, 0, v.data).astype(dtype) for v in found])
    return data, float(t) if dtype == np.float64 else _whole(t)


def _data(v: Values, kinds: set[str], dtype: Any) -> np.ndarray:
    """Return the numbers, or nothing (in the given type) where all are missing."""
    return v.data if v.kind in kinds else np.zeros(len(v.data), dtype)


def _times(
    column: Sequence[Piece], found: list[Values], t: Any, name: Any
) -> tuple[np.ndarray, int]:
    """Return times as ticks of the finest unit among the pieces."""
    held = [
        _frame.ticks(p) if isinstance(p, nw.Series) and v.kind == "time"
        else (np.zeros(len(v.data), np.int64), 1)
        for p, v in zip(column, found, strict=True)
    ]  # fmt: skip
    finest = max(unit for _, unit in held)
    stacked = []
    for (data, unit), v in zip(held, found, strict=True):
        factor, ticks = finest // unit, np.where(v.missing, 0, data)
        if factor > 1 and len(ticks) and np.abs(ticks).max() > (2**63 - 1) // factor:
            raise DataError(f"column {name!r} holds times too far from 1970 to be compared exactly")
        stacked.append(ticks * factor)
    return np.concatenate(stacked), _whole(_seconds(t) * finest)


def _seconds(t: Any) -> Fraction:
    """Return a time, or a number of seconds, as an exact number of seconds."""
    if hasattr(t, "as_unit"):  # pandas' own, finer than datetime's
        return Fraction(int(t.as_unit("ns").value), 10**9)
    if isinstance(t, np.timedelta64):
        return Fraction(int(t.astype("m8[ns]").astype(np.int64)), 10**9)
    if isinstance(t, datetime.timedelta):
        return Fraction(t // datetime.timedelta(microseconds=1), 10**6)
    return Fraction(t)


def _whole(t: Any) -> int:
    """Return a tolerance between whole numbers: a part of one makes no difference."""
    return min(math.floor(t), 2**64 - 1)
