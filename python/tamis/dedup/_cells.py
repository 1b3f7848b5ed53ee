"""Columns of any type as what the row kernel takes: cells of an exact type, and a mask."""

from __future__ import annotations

import datetime
import decimal
import math
from collections.abc import Iterable, Mapping, Sequence, Set
from typing import Any, TypeAlias

import narwhals as nw
import numpy as np

from tamis import _core, _frame
from tamis._frame import Text, Values
from tamis.exceptions import DataError, ParameterError

__all__ = ["Part", "Piece", "check_subset", "parts", "pieces"]

#: What the kernel takes for one column: an array (or text as offsets and bytes), and a mask.
Part: TypeAlias = tuple[Any, np.ndarray | None]
#: One column of one table.
Piece: TypeAlias = "nw.Series[Any] | Values"

_NUMBERS = frozenset(["bool", "int", "uint", "float"])
_DTYPE = {
    "bool": np.bool_, "int": np.int64, "uint": np.uint64, "float": np.float64, "time": np.int64
}  # fmt: skip


def check_subset(subset: Any) -> list[Any] | None:
    """Return the columns to compare as a list; None is all of them."""
    if subset is None:
        return None
    wanted = [subset] if isinstance(subset, str) or not isinstance(subset, Iterable) else [*subset]
    if not wanted:
        raise ParameterError("subset names no column: name at least one, or None for all")
    return wanted


def pieces(X: Any, subset: Any, what: str = "X") -> dict[Any, Piece]:
    """Return the columns to compare, by name (by position where `X` is an array)."""
    wanted = check_subset(subset)
    if _frame.is_frame(X) or type(X).__name__ == "LazyFrame":
        frame = _frame.wrap(X, what)
        _frame.check_names(frame, wanted or (), what)
        return {name: frame.get_column(name) for name in wanted or frame.columns}
    array = np.asarray(X)
    if array.ndim != 2:
        raise ParameterError(f"{what} must be a frame or an array of rows and columns")
    n_columns = array.shape[1]
    for j in wanted or ():
        if not isinstance(j, int | np.integer) or not -n_columns <= j < n_columns:
            raise ParameterError(
                f"{what} has no column {j!r}: an array's columns are numbered 0 to {n_columns - 1}"
            )
    return {int(j): _array_column(array[:, j]) for j in wanted or range(n_columns)}


def _array_column(column: np.ndarray) -> Piece:
    """Return a column of a NumPy array, its values as they are."""
    kind = column.dtype.kind
    if kind == "f" and column.dtype.itemsize <= 8:
        data = column.astype(np.float32) if column.dtype.itemsize == 2 else column
        return Values("float", data, np.isnan(data))
    if kind in "bui":
        name = {"b": "bool", "u": "uint", "i": "int"}[kind]
        return Values(name, column.astype(_DTYPE[name], copy=False), np.zeros(len(column), bool))
    import pandas as pd

    if kind in "mM":
        return nw.from_native(pd.Series(column), series_only=True)
    return nw.from_native(pd.Series(column.astype(object), dtype=object), series_only=True)


def parts(column: Sequence[Piece], name: Any = "") -> list[Part]:
    """Return one column, given as one piece a table, as the kernel takes it.

    The pieces are stacked. Where their types differ, numbers are compared exactly (an integer is
    never turned into a float), and everything else as objects.
    """
    if all(isinstance(p, nw.Series) and p.dtype == nw.String for p in column):
        held = _frame.views(column[0]) if len(column) == 1 else None  # type: ignore[arg-type]
        if held is not None:
            return [((held.views, held.buffers), _mask(held.missing))]
        return [_text([_frame.text(p) for p in column if isinstance(p, nw.Series)])]
    if len(column) == 1 and isinstance(column[0], nw.Series) and _frame.is_time(column[0]):
        ticks, _ = _frame.ticks(column[0])
        return [(ticks, _mask(np.asarray(column[0].is_null().to_numpy(), dtype=bool)))]
    found = [p if isinstance(p, Values) else _frame.values(p) for p in column]
    missing = _stacked([v.missing for v in found])
    kinds = {v.kind for v in found if not v.missing.all()} or {"bool"}
    if len(kinds) == 1 and kinds <= _DTYPE.keys():
        (kind,) = kinds
        data = [v.data if v.kind == kind else np.zeros(len(v.data), _DTYPE[kind]) for v in found]
        return [(_stacked(data), _mask(missing))]
    if kinds <= _NUMBERS:
        exact = [_exact(v) for v in found]
        return [
            (np.concatenate([e[k][0] for e in exact]), np.concatenate([e[k][1] for e in exact]))
            for k in range(3)
        ]
    cells = [c for v in found for c in v.data.tolist()]
    if kinds != {"str"}:
        known: dict[Any, int] = {}
        try:
            cells = [
                "" if gone else canonical(c, known) for c, gone in zip(cells, missing, strict=True)
            ]
        except RecursionError:
            raise DataError(f"column {name!r} holds objects that are nested too deep") from None
    return [(_core.text_buffers(cells), _mask(missing))]


def _stacked(arrays: list[np.ndarray]) -> np.ndarray:
    return np.concatenate(arrays) if len(arrays) > 1 else arrays[0]


def _mask(missing: np.ndarray) -> np.ndarray | None:
    return missing if missing.any() else None


def _text(column: list[Text]) -> Part:
    """Return stacked text."""
    missing = _mask(np.concatenate([t.missing for t in column]))
    if len(column) == 1:
        return (column[0].offsets, column[0].data), missing
    # A slice of an Arrow array may begin and end inside its bytes.
    data = [t.data[int(t.offsets[0]) : int(t.offsets[-1])] for t in column]
    starts = np.cumsum([0, *(len(d) for d in data)])
    offsets = [t.offsets[:-1] - t.offsets[0] + s for t, s in zip(column, starts, strict=False)]
    return (np.concatenate([*offsets, starts[-1:]]).astype(np.int64), np.concatenate(data)), missing


def _exact(v: Values) -> list[tuple[np.ndarray, np.ndarray]]:
    """Return numbers as (int64, uint64 above it, float64 that is no such integer), each masked."""
    if v.kind == "float":
        x = np.where(v.missing, 0.5, v.data.astype(np.float64))
        whole = np.floor(x) == x
        small = whole & (x >= -(2.0**63)) & (x < 2.0**63)
        large = whole & (x >= 2.0**63) & (x < 2.0**64)
    else:
        x = v.data
        large = x > np.uint64(2**63 - 1) if v.kind == "uint" else np.zeros(len(x), bool)
        small = ~large
    rest = ~(small | large)
    held = ((small, np.int64), (large, np.uint64), (rest, np.float64))
    return [(np.where(own, x, 0).astype(to), ~own | v.missing) for own, to in held]


def canonical(cell: Any, known: dict[Any, int]) -> str:
    """Return a text that two cells share exactly when they are equal.

    Cells compare as in Python (1 equals 1.0 and True), except that NaN and None equal each other,
    and that arrays, lists and tuples compare by their items. Objects that can be neither compared
    nor hashed equal only themselves.

    Parameters
    ----------
    cell : object
    known : dict
        Objects met so far, by value; it grows.
    """
    if isinstance(cell, np.ndarray) and cell.ndim and cell.dtype.kind in "mM":
        cell = list(cell)  # tolist() would give bare integers
    elif isinstance(cell, np.ndarray | np.generic) and cell.dtype.kind not in "mM":
        cell = cell.tolist()
    if isinstance(cell, str):
        return f"s{len(cell)}:{cell}"
    if cell is None or (isinstance(cell, float | decimal.Decimal) and math.isnan(cell)):
        return "~"
    if isinstance(cell, int):
        return f"i{int(cell)}"
    if isinstance(cell, float):
        return f"i{int(cell)}" if cell.is_integer() else f"f{cell!r}"
    if isinstance(cell, bytes | bytearray):
        return f"b{bytes(cell).hex()}"
    if isinstance(cell, Mapping):
        items = sorted((canonical(k, known), canonical(v, known)) for k, v in cell.items())
        return "{" + ",".join(f"{k}={v}" for k, v in items) + "}"
    if isinstance(cell, Set):
        return "<" + ",".join(sorted(canonical(v, known) for v in cell)) + ">"
    if isinstance(cell, Sequence):
        return "[" + ",".join(canonical(v, known) for v in cell) + "]"
    if str(cell) in ("NaT", "<NA>"):
        return "~"
    if isinstance(cell, datetime.datetime) and cell.tzinfo is not None:
        cell = cell.astimezone(datetime.timezone.utc)
    return _known(cell, known)


def _known(cell: Any, known: dict[Any, int]) -> str:
    """Return the number of an object among those met, by value where it has a hash."""
    try:
        return f"o{known.setdefault(cell, len(known))}"
    except TypeError:
        return f"o{known.setdefault(('id', id(cell)), len(known))}"
