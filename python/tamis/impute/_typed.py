"""Tables of any column types as numbers, and what was filled in as the values it stands for."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import numpy as np

from tamis import _fill, _frame
from tamis._state import register
from tamis.exceptions import ShapeError, StateError
from tamis.impute._cells import (
    TIMES,
    UNITS,
    all_cells,
    as_table,
    cells_of,
    missing_of,
    width,
)
from tamis.impute._codes import decoded, encoded, learned, objects, offsets, unfit

__all__ = ["Codec", "written"]

_KINDS = ("number", "integer", "boolean", "category", *TIMES)


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
        made.columns = [learned(name, cells) for name, cells in all_cells(as_table(X))]
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
            out[:, j] = encoded(self.columns[j], name, cells)
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
            new[j] = (rows, decoded(known, filled[rows, j], target))
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
        found = decoded(self.columns[column], np.array([float(code)]), None)[0]
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
                raise unfit(known, value) from None
            return float(offsets(known, cell)[0])
        if known["values"] is None:
            number = isinstance(value, int | float | np.number | Decimal)
            if not number or isinstance(value, bool) or (kind == "integer" and value % 1):
                raise unfit(known, value)
            return float(value - known["reference"])
        codes = {v: i for i, v in enumerate(known["values"].tolist())}
        texts = all(isinstance(v, str) for v in codes)
        if kind == "boolean" and not isinstance(value, bool | np.bool_):
            raise unfit(known, value)
        if kind == "category" and texts and not isinstance(value, str):
            raise unfit(known, value)
        known["values"] = objects([*codes, *({value} - codes.keys())])
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
