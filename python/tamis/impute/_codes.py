"""The cells of one column as numbers, and numbers as the cells they stand for."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import numpy as np

from tamis.exceptions import ColumnTypeError, DataError
from tamis.impute._cells import TIMES, UNITS, Cells

__all__ = ["decoded", "encoded", "learned", "objects", "offsets", "refuse_infinite", "unfit"]

#: Whole numbers up to here are exact in float64.
_EXACT = 2**53


def learned(name: Any, cells: Cells) -> dict[str, Any]:
    """Return what is to be known of a column."""
    kind, empty = cells.kind, bool(cells.missing.all())
    known = {"name": name, "kind": "number" if kind == "none" else kind, "empty": empty}
    known |= {"values": None, "reference": 0, "per_day": cells.per_day}
    present = cells.data[~cells.missing]
    if kind == "boolean":
        known["values"] = objects([False, True])
    elif kind == "category":
        known["values"] = objects(_ordered(name, present, cells.order))
    elif kind == "number":
        refuse_infinite(name, cells)
    elif kind != "none" and not empty:
        least, most = int(present.min()), int(present.max())
        if kind in TIMES or max(-least, most) > _EXACT:
            known["reference"] = least
    return known


def _ordered(name: Any, present: np.ndarray, order: list[Any] | None) -> list[Any]:
    """Return the categories that are there, as declared or sorted."""
    try:
        seen = set(present.tolist())
    except TypeError:  # a tuple of lists
        raise _unhashable(name) from None
    if order is not None:
        return [v for v in order if v in seen]
    try:
        return sorted(seen)
    except TypeError:  # objects without an order among them
        return sorted(seen, key=lambda v: (type(v).__name__, str(v)))


def encoded(known: dict[str, Any], name: Any, cells: Cells) -> np.ndarray:
    """Return cells as float64."""
    kind, out = known["kind"], np.full(len(cells.data), np.nan)
    if known["empty"] or cells.kind == "none":
        return out
    there = ~cells.missing
    if known["values"] is not None:
        out[there] = _places(known["values"], cells.data[there], name)
        return out
    fits = (kind,) if kind in TIMES else ("number", "integer", "boolean")
    if cells.kind not in fits:
        if cells.missing.all():
            return out
        raise ColumnTypeError(
            f"column {name!r} was of kind {kind!r} when fitting and is {cells.kind!r} now: "
            "give it the type that it had"
        )
    refuse_infinite(name, cells)
    out[there] = offsets(known, cells)[there]
    return out


def _places(values: np.ndarray, data: np.ndarray, name: Any) -> np.ndarray:
    """Return where each object stands among the values; NaN where it does not."""
    import pandas as pd

    known, asked = (pd.Index(v, dtype=object, tupleize_cols=False) for v in (values, data))
    try:
        places = known.get_indexer(asked)
    except TypeError:
        raise _unhashable(name) from None
    return np.where(places < 0, np.nan, places)


def offsets(known: dict[str, Any], cells: Cells) -> np.ndarray:
    """Return numbers as they are, or as the distance from the column's reference."""
    reference, data = known["reference"], cells.data
    if data.dtype.kind not in "iu" or (not reference and not cells.per_day):
        return data.astype(np.float64) - (reference if reference else 0.0)
    theirs, ours = cells.per_day, known["per_day"]
    part = np.zeros(len(data))
    if theirs > ours:
        data, rest = data // (theirs // ours), data % (theirs // ours)
        part = rest / (theirs // ours)
    elif theirs < ours:
        times = ours // theirs
        if (np.abs(data[~cells.missing].astype(np.float64)) * times >= 2.0**63).any():
            return data.astype(np.float64) * times - reference
        data = np.where(cells.missing, 0, data) * times
    # Without a sign a difference of any two fits; it is taken in the direction that needs none.
    wide, low = data.astype(np.uint64), np.uint64(reference % 2**64)
    ahead = data.astype(object) >= reference if data.dtype.kind == "u" else data >= reference
    return np.where(ahead, (wide - low).astype(float), -(low - wide).astype(float)) + part


def refuse_infinite(name: Any, cells: Cells) -> None:
    """Raise DataError where numbers hold an infinity."""
    if cells.kind != "number":
        return
    rows = np.flatnonzero(np.isinf(cells.data) & ~cells.missing)
    if len(rows):
        raise DataError(
            f"Input X contains infinity in column {name!r}, row {rows[0]}: replace it by NaN or a "
            "finite number"
        )


# --- and back ----------------------------------------------------------------------------------


def decoded(known: dict[str, Any], codes: np.ndarray, target: Cells | None) -> Any:
    """Return the values of numbers, as `_fill` takes them, in the unit of the target column."""
    kind, reference = known["kind"], known["reference"]
    if known["values"] is not None:
        last = len(known["values"]) - 1
        found = known["values"][np.clip(np.rint(codes), 0, last).astype(np.int64)]
        return found.astype(bool) if kind == "boolean" else found.tolist()
    if kind in TIMES:
        ours = known["per_day"]
        theirs = target.per_day if target is not None and target.per_day else ours
        if theirs >= ours:
            times = theirs // ours
            ticks = [reference * times + round(c * times) for c in codes.tolist()]
        else:
            times = ours // theirs
            ticks = [(reference + round(c) + times // 2) // times for c in codes.tolist()]
        low, high = -(2**63) + 1, 2**63 - 1
        whole = np.array([min(max(t, low), high) for t in ticks], dtype=np.int64)
        return whole.view(f"{'M' if kind == 'datetime' else 'm'}8[{UNITS[theirs]}]")
    if kind == "integer" or (target is not None and target.kind == "integer"):
        floats = target is not None and target.kind == "number"
        limits = (-(2**63), 2**63 - 1) if target is None or floats else target.limits
        whole = _whole(codes, reference, *limits)
        return whole.astype(np.float64) if floats else whole
    if target is not None and target.decimal:
        return [Decimal(repr(c)) for c in codes.tolist()]
    return codes


def _whole(codes: np.ndarray, reference: int, low: int, high: int) -> np.ndarray:
    """Return numbers as integers within limits."""
    wide: Any = np.uint64 if high > 2**63 - 1 else np.int64
    if not reference and (np.abs(codes) < _EXACT).all():
        return np.clip(np.rint(codes), low, high).astype(wide)
    exact = [min(max(round(c) + reference, low), high) for c in codes.tolist()]
    return np.array(exact, dtype=wide)


def objects(values: list[Any]) -> np.ndarray:
    out = np.empty(len(values), dtype=object)
    out[:] = values
    return out


def _unhashable(name: Any) -> ColumnTypeError:
    return ColumnTypeError(
        f"column {name!r} holds lists or other objects that cannot be imputed: drop it, or turn it "
        "into numbers or text"
    )


def unfit(known: dict[str, Any], value: Any) -> DataError:
    return DataError(
        f"{value!r} cannot be a value of column {known['name']!r}, which is of kind "
        f"{known['kind']!r}: give a value of that kind"
    )
