"""Tables of any column types as numbers, and what was filled in as the values it stands for."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import numpy as np

from tamis import _fill, _frame
from tamis._state import register
from tamis.exceptions import ColumnTypeError, DataError, ShapeError, StateError
from tamis.impute._cells import (
    TIMES,
    UNITS,
    Cells,
    all_cells,
    as_table,
    cells_of,
    missing_of,
    width,
)

__all__ = ["Codec", "refuse_infinite", "written"]

_KINDS = ("number", "integer", "boolean", "category", *TIMES)
#: Whole numbers up to here are exact in float64.
_EXACT = 2**53


class Codec:
    """The columns of a table as float64, learned from its training rows.

    Numbers stay as they are. Categories, strings, booleans and other hashable objects become
    codes from 0: booleans False and True, categories with an order or a declaration in that
    order, others sorted. Integers beyond 2**53 become the distance from the least of them, times
    and durations the distance from the earliest in the column's own unit, so that neither is
    rounded while a column spans less than 2**53 units (104 days of nanoseconds).

    Attributes
    ----------
    columns : list of dict
        What is known of each column: ``name``, ``kind``, whether it was ``empty``, the ``values``
        of categories, ``reference`` and ``per_day`` (units a day) of whole numbers and times.
    """

    columns: list[dict[str, Any]]

    @classmethod
    def fit(cls, X: Any) -> Codec:
        """Return the codec of a table.

        Parameters
        ----------
        X : frame, array or list of shape (n_rows, n_columns)
            A pandas or polars frame, an Arrow table, an array of numbers, strings or objects.

        Returns
        -------
        Codec

        Raises
        ------
        DataError
            If a column holds an infinity or a kind of value that cannot be imputed (lists, say).
        """
        made = cls.__new__(cls)
        made.columns = [_learned(name, cells) for name, cells in all_cells(as_table(X))]
        return made

    @property
    def names(self) -> list[Any]:
        """Names of the columns, or their positions."""
        return [column["name"] for column in self.columns]

    @property
    def kinds(self) -> list[str]:
        """What each column is: number, integer, boolean, category, datetime or duration."""
        return [column["kind"] for column in self.columns]

    @property
    def categorical(self) -> np.ndarray:
        """Which columns are codes."""
        return np.array([column["values"] is not None for column in self.columns], dtype=bool)

    @property
    def n_categories(self) -> np.ndarray:
        """How many codes each column has; 0 for numbers and times."""
        values = [column["values"] for column in self.columns]
        return np.array([0 if v is None else len(v) for v in values], dtype=np.int64)

    @property
    def empty(self) -> np.ndarray:
        """Which columns had no value when fitting: nothing is known of them."""
        return np.array([column["empty"] for column in self.columns], dtype=bool)

    def encode(self, X: Any) -> np.ndarray:
        """Return the table as numbers.

        Parameters
        ----------
        X : frame, array or list of shape (n_rows, n_columns)
            Columns as when fitting.

        Returns
        -------
        ndarray of shape (n_rows, n_columns), float64, column by column in memory
            NaN where a value is missing, is a category not seen when fitting, or stands in a
            column that had no value then.

        Raises
        ------
        DataError
            If a column holds an infinity, or is of another kind than when fitting.
        """
        table = self._table(X)
        out = np.empty((_frame.n_rows(table), len(self.columns)), order="F")
        for j, (name, cells) in enumerate(all_cells(table)):
            out[:, j] = _encoded(self.columns[j], name, cells)
        return out

    def missing(self, X: Any) -> np.ndarray:
        """Return where values are missing; a category that is unknown is not.

        Parameters
        ----------
        X : frame, array or list of shape (n_rows, n_columns)

        Returns
        -------
        ndarray of shape (n_rows, n_columns), bool, column by column in memory
        """
        return missing_of(self._table(X))

    def decode(self, X: Any, filled: np.ndarray) -> Any:
        """Return the table with its missing cells filled.

        Parameters
        ----------
        X : frame, array or list of shape (n_rows, n_columns)
            The table as it came; it is not written to.
        filled : ndarray of shape (n_rows, n_columns)
            What `encode` gave, completed. Cells that are not missing in X are not looked at; a
            missing cell that is NaN here stays missing.

        Returns
        -------
        frame or ndarray of shape (n_rows, n_columns)
            Of the type of X (an array where X is a list); index, names, dtypes, categories and
            time zones as they were. Whole numbers are rounded.
        """
        table = self._table(X)
        return written(table, self.cells(table, filled))

    def cells(self, table: Any, filled: np.ndarray) -> dict[int, _fill.Cells]:
        """Return what `decode` writes: for each column touched, the rows and their values."""
        holes = missing_of(table) & ~np.isnan(filled)
        new = {}
        for j in np.flatnonzero(holes.any(axis=0)).tolist():
            rows = np.flatnonzero(holes[:, j])
            known = self.columns[j]
            target = None if known["values"] is not None else cells_of(table, j)
            new[j] = (rows, _decoded(known, filled[rows, j], target))
        return new

    def value(self, column: int, code: float) -> Any:
        """Return what a number in a column stands for; NaN for NaN.

        Parameters
        ----------
        column : int
        code : float

        Returns
        -------
        object
            A float, an int, a category, a datetime64 or a timedelta64.
        """
        if np.isnan(code):
            return code
        found = _decoded(self.columns[column], np.array([float(code)]), None)[0]
        time = isinstance(found, np.datetime64 | np.timedelta64)
        return found.item() if isinstance(found, np.generic) and not time else found

    def code(self, column: int, value: Any) -> float:
        """Return the number of a value; a text or object that is unknown is added at the end.

        Parameters
        ----------
        column : int
        value : object

        Returns
        -------
        float

        Raises
        ------
        DataError
            If it is not of the column's kind.
        """
        known = self.columns[column]
        kind = known["kind"]
        if kind in TIMES:
            letter = "M" if kind == "datetime" else "m"
            try:
                cell = cells_of(np.array([[value]], dtype=f"{letter}8[ns]"), 0)
            except (TypeError, ValueError):
                raise _unfit(known, value) from None
            return float(_offsets(known, cell)[0])
        if known["values"] is None:
            number = isinstance(value, int | float | np.number | Decimal)
            if not number or isinstance(value, bool) or (kind == "integer" and value % 1):
                raise _unfit(known, value)
            return float(value - known["reference"])
        codes = {v: i for i, v in enumerate(known["values"].tolist())}
        texts = all(isinstance(v, str) for v in codes)
        if kind == "boolean" and not isinstance(value, bool | np.bool_):
            raise _unfit(known, value)
        if kind == "category" and texts and not isinstance(value, str):
            raise _unfit(known, value)
        known["values"] = _objects([*codes, *({value} - codes.keys())])
        return float(codes.get(value, len(codes)))

    def _table(self, X: Any) -> Any:
        table = as_table(X)
        if width(table) != len(self.columns):
            raise ShapeError(
                f"X has {width(table)} columns, but {len(self.columns)} were seen when fitting"
            )
        return table


def written(table: Any, new: dict[int, _fill.Cells]) -> Any:
    """Return a copy of a table with new cells, by the position of the column."""
    if _frame.is_frame(table):
        names = _frame.names(table)
        return _fill.fill(table, {names[j]: cells for j, cells in new.items()})
    out = table.copy()
    for j, (rows, cells) in new.items():
        plain = out.dtype == object and isinstance(cells, np.ndarray)
        out[rows, j] = cells.tolist() if plain else cells
    return out


# --- from cells to numbers ---------------------------------------------------------------------


def _learned(name: Any, cells: Cells) -> dict[str, Any]:
    """Return what is to be known of a column."""
    kind, empty = cells.kind, bool(cells.missing.all())
    known = {"name": name, "kind": "number" if kind == "none" else kind, "empty": empty}
    known |= {"values": None, "reference": 0, "per_day": cells.per_day}
    present = cells.data[~cells.missing]
    if kind == "boolean":
        known["values"] = _objects([False, True])
    elif kind == "category":
        known["values"] = _objects(_ordered(name, present, cells.order))
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


def _encoded(known: dict[str, Any], name: Any, cells: Cells) -> np.ndarray:
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
    out[there] = _offsets(known, cells)[there]
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


def _offsets(known: dict[str, Any], cells: Cells) -> np.ndarray:
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


def _decoded(known: dict[str, Any], codes: np.ndarray, target: Cells | None) -> Any:
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


def _objects(values: list[Any]) -> np.ndarray:
    out = np.empty(len(values), dtype=object)
    out[:] = values
    return out


def _unhashable(name: Any) -> ColumnTypeError:
    return ColumnTypeError(
        f"column {name!r} holds lists or other objects that cannot be imputed: drop it, or turn it "
        "into numbers or text"
    )


def _unfit(known: dict[str, Any], value: Any) -> DataError:
    return DataError(
        f"{value!r} cannot be a value of column {known['name']!r}, which is of kind "
        f"{known['kind']!r}: give a value of that kind"
    )


def _check(codec: Codec) -> None:
    """Refuse a saved codec that is not whole."""
    columns = vars(codec).get("columns")
    fields = {"name", "kind", "empty", "values", "reference", "per_day"}
    good = isinstance(columns, list)
    for column in columns if isinstance(columns, list) else ():
        good = good and isinstance(column, dict) and column.keys() == fields
        good = good and column["kind"] in _KINDS and isinstance(column["reference"], int)
        coded = good and column["kind"] in ("boolean", "category")
        good = good and isinstance(column["values"], np.ndarray) == coded
        good = good and (column["kind"] not in TIMES or column["per_day"] in UNITS)
    if not good:
        raise StateError("the columns of a saved imputer are not whole: save it again")


register(Codec, check=_check)
