"""Columns of frames, arrays and lists as plain cells: of what kind they are, what is missing."""

from __future__ import annotations

import datetime as dt
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import narwhals as nw
import numpy as np

from tamis import _frame
from tamis.exceptions import ColumnTypeError, DataError, ShapeError

__all__ = ["TIMES", "UNITS", "Cells", "all_cells", "as_table", "cells_of", "missing_of", "width"]

#: Kinds that are counted in units of time.
TIMES = ("datetime", "duration")
#: Units of time, and how many make a day.
_PER_DAY = {"D": 1, **{u: 86400 * 1000**i for i, u in enumerate(("s", "ms", "us", "ns"))}}
UNITS = {per_day: unit for unit, per_day in _PER_DAY.items()}
#: Python's own times, as NumPy has them.
_PLAIN_TIMES = {dt.date: "M8[D]", dt.datetime: "M8[us]", dt.timedelta: "m8[us]"}
_WIDE = (-(2**63), 2**63 - 1)


@dataclass(frozen=True)
class Cells:
    """One column as it stands; `data` is arbitrary where `missing`.

    `kind` is "number" (float64), "integer" (int64 or uint64, within `limits` of the column's
    dtype), "boolean", "category" (objects, declared in `order` where they were), "datetime" or
    "duration" (int64, `per_day` of them a day), or "none": no value says what it would be.
    `decimal` tells of numbers that are Decimal objects.
    """

    kind: str
    data: np.ndarray
    missing: np.ndarray
    order: list[Any] | None = None
    per_day: int = 0
    limits: tuple[int, int] = _WIDE
    decimal: bool = False


def as_table(X: Any) -> Any:
    """Return a frame as it is, anything else as a two-dimensional array."""
    if _frame.is_frame(X):
        _frame.wrap(X, "X")
        return X
    if not isinstance(X, np.ndarray):
        X = _as_array(X)
    if X.ndim != 2:
        raise ShapeError(f"X must be a table (two dimensions); got {X.ndim}: use X.reshape(-1, 1)")
    if X.dtype.kind not in "biufOUSMm":
        raise DataError(f"values of dtype {X.dtype} cannot be imputed: give numbers or objects")
    return X


def _as_array(X: Any) -> np.ndarray:
    """Return a list as numbers, or as objects where it holds others."""
    try:
        return np.asarray(X, dtype=np.float64)
    except (TypeError, ValueError):
        return np.asarray(X, dtype=object)


def width(table: Any) -> int:
    """Return how many columns a table has."""
    return len(_frame.names(table)) if _frame.is_frame(table) else int(table.shape[1])


def all_cells(table: Any) -> Iterator[tuple[Any, Cells]]:
    """Yield the name (or position) and the cells of each column."""
    names = _frame.names(table) if _frame.is_frame(table) else list(range(table.shape[1]))
    for j, name in enumerate(names):
        yield name, cells_of(table, j)


def cells_of(table: Any, column: int) -> Cells:
    """Return one column of a table.

    Raises
    ------
    ColumnTypeError
        If it holds lists or other objects that cannot be told apart.
    """
    if not _frame.is_frame(table):
        return _of_array(table[:, column], column)
    series = _frame.wrap(table)[:, column]
    floats = _plain_floats(series)
    if floats is not None:
        return _of_array(floats, column)
    if series.dtype in (nw.Categorical, nw.Enum):
        return _of_categories(series)
    if series.dtype == nw.String:
        return Cells("category", _listed(series), _null(series))
    v = _frame.values(series)
    if v.kind == "time":
        ticks, per_second = _frame.ticks(series)
        kind = "duration" if series.dtype == nw.Duration else "datetime"
        if series.dtype == nw.Date:
            return Cells(kind, ticks // (per_second * 86400), v.missing, per_day=1)
        return Cells(kind, ticks, v.missing, per_day=per_second * 86400)
    if v.kind in ("int", "uint"):
        bits = np.iinfo(v.data.dtype)
        name = str(series.dtype).lower()
        bits = np.iinfo(name) if hasattr(np, name) else bits
        return Cells("integer", v.data, v.missing, limits=(int(bits.min), int(bits.max)))
    plain = series.dtype.is_float() or isinstance(series.dtype, nw.Decimal)
    if v.kind == "float" and plain:
        return Cells("number", v.data.astype(np.float64), v.missing)
    if v.kind == "bool":
        return Cells("boolean", v.data, v.missing)
    return _of_objects(_listed(series), v.missing, series.name)


def _plain_floats(series: nw.Series[Any]) -> np.ndarray | None:
    """Return a column of pandas that is kept as floats of NumPy, without a look at its cells."""
    native = series.to_native()
    dtype = getattr(native, "dtype", None)
    return native.to_numpy() if isinstance(dtype, np.dtype) and dtype.kind == "f" else None


def _listed(series: nw.Series[Any]) -> np.ndarray:
    """Return the values of a column as objects."""
    data = np.empty(len(series), dtype=object)
    data[:] = series.to_list()
    return data


def _null(series: nw.Series[Any]) -> np.ndarray:
    return np.asarray(series.is_null().to_numpy(), dtype=bool)


def _of_categories(series: nw.Series[Any]) -> Cells:
    """Return a column of categories, in the order they were declared in, if they were."""
    native, order = series.to_native(), None
    if hasattr(native, "cat") and hasattr(native.cat, "categories"):
        order = list(native.cat.categories)
    elif series.dtype == nw.Enum:
        order = list(series.dtype.categories)  # type: ignore[attr-defined]
    return Cells("category", _listed(series), _null(series), order=order)


def _of_array(data: np.ndarray, column: int) -> Cells:
    kind = data.dtype.kind
    none = np.zeros(len(data), dtype=bool)
    if kind == "f":
        return Cells("number", data.astype(np.float64, copy=False), np.isnan(data))
    if kind in "iu":
        bits = np.iinfo(data.dtype)
        wide: Any = np.uint64 if kind == "u" else np.int64
        return Cells("integer", data.astype(wide), none, limits=(int(bits.min), int(bits.max)))
    if kind == "b":
        return Cells("boolean", data, none)
    if kind in "mM":
        return _of_times(data)
    if kind in "US":
        return Cells("category", data.astype(object), none)
    return _of_objects(data, _gone(data), column)


def _of_times(data: np.ndarray) -> Cells:
    unit = np.datetime_data(data.dtype)[0]
    kind = "datetime" if data.dtype.kind == "M" else "duration"
    if unit not in _PER_DAY:
        unit = {"Y": "D", "M": "D", "W": "D", "h": "s", "m": "s"}.get(unit, "ns")
        data = data.astype(f"{data.dtype.kind}8[{unit}]")
    data = np.ascontiguousarray(data)
    return Cells(kind, data.view(np.int64), np.isnat(data), per_day=_PER_DAY[unit])


def _of_objects(data: np.ndarray, missing: np.ndarray, name: Any) -> Cells:
    """Return objects as the one kind they all are, or as categories."""
    present = data[~missing].tolist()
    kinds = {type(v) for v in present}
    if not kinds:
        return Cells("none", data, missing)
    if kinds <= {bool, np.bool_}:
        return Cells("boolean", np.where(missing, False, data).astype(bool), missing)
    number = int | float | np.integer | np.floating | Decimal
    if all(issubclass(k, number) and k is not bool for k in kinds):
        return _of_numbers(data, missing, present)
    unit = _PLAIN_TIMES.get(next(iter(kinds))) if len(kinds) == 1 else None
    if unit and not any(getattr(v, "tzinfo", None) for v in present):
        times = np.full(len(data), "NaT", dtype=unit)
        times[~missing] = np.array(present, dtype=unit)
        return _of_times(times)
    for k in kinds:
        if k.__hash__ is None:
            raise ColumnTypeError(
                f"column {name!r} holds {k.__name__} objects, which cannot be imputed: drop it, "
                "or turn it into numbers or text"
            )
    return Cells("category", data, missing)


def _of_numbers(data: np.ndarray, missing: np.ndarray, present: list[Any]) -> Cells:
    decimal = any(isinstance(v, Decimal) for v in present)
    whole = all(isinstance(v, int | np.integer) for v in present)
    if whole and all(_WIDE[0] <= v <= _WIDE[1] for v in present):
        return Cells("integer", np.where(missing, 0, data).astype(np.int64), missing)
    floats = np.full(len(data), np.nan)
    floats[~missing] = [float(v) for v in present]
    return Cells("number", floats, missing | np.isnan(floats), decimal=decimal)


def _gone(data: np.ndarray) -> np.ndarray:
    """Return which objects stand for a missing value: None, NaN, NaT, NA."""
    import pandas as pd

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of objects whose comparison is deprecated
        return np.asarray(pd.isna(data), dtype=bool)


def missing_of(table: Any) -> np.ndarray:
    """Return where the cells of a table are missing, column by column in memory."""
    if not _frame.is_frame(table):
        if table.dtype.kind in "fmM":
            return np.asfortranarray(np.isnan(table))
        if table.dtype.kind == "O":
            return np.asfortranarray(_gone(table))
        return np.zeros(table.shape, dtype=bool, order="F")
    frame = _frame.wrap(table)
    out = np.zeros(frame.shape, dtype=bool, order="F")
    for j in range(frame.shape[1]):
        series = frame[:, j]
        floats = _plain_floats(series)
        if floats is not None:
            out[:, j] = np.isnan(floats)
            continue
        if series.null_count():
            out[:, j] = _null(series)
        if series.dtype.is_float():
            out[:, j] |= np.isnan(_frame.values(series).data)
    return out
