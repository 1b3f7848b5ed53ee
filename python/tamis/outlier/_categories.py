"""Columns of categories as numbers: how rare each level is."""

from __future__ import annotations

from typing import Any

import narwhals as nw
import numpy as np
from sklearn.utils.validation import check_array, validate_data

from tamis import _frame
from tamis._check import refuse_infinite
from tamis._state import register
from tamis.exceptions import ColumnTypeError, StateError

__all__ = ["Levels", "coded"]

_NUMBERS = ("float", "int", "uint")


class Levels:
    """What each level of a column says against a row.

    It is minus the logarithm of the share of training rows whose level is as rare or rarer, so
    that the most frequent level says nothing, and neither does a column of names or numbers of
    its own for each row: there every level is rare. A level that was not seen counts as one more
    of those that were seen once.

    Attributes
    ----------
    values : ndarray of objects
        The levels.
    evidence : ndarray of float64
        What each says.
    unseen : float
        What any other level says; NaN where none was seen.
    """

    values: np.ndarray
    evidence: np.ndarray
    unseen: float

    @classmethod
    def of(cls, name: Any, cells: _frame.Values) -> Levels:
        """Return the levels of a column."""
        made = cls.__new__(cls)
        counts: dict[Any, int] = {}
        for level in _present(name, cells):
            counts[level] = counts.get(level, 0) + 1
        made.values = np.empty(len(counts), dtype=object)
        made.values[:] = list(counts)
        rows = np.array(list(counts.values()), dtype=np.int64)
        order = np.argsort(rows, kind="stable")
        ranked = rows[order]
        total = int(rows.sum())
        # The rows of all levels that are as rare, those of equally rare ones included.
        as_rare = np.cumsum(ranked)[np.searchsorted(ranked, ranked, side="right") - 1]
        made.evidence = np.empty(len(counts))
        made.evidence[order] = np.log(total / as_rare) if total else 0.0
        once = int((rows == 1).sum())
        made.unseen = float(np.log((total + 1) / (once + 1))) if total else np.nan
        return made

    def code(self, name: Any, cells: _frame.Values) -> np.ndarray:
        """Return what the cells of a column say; NaN where they are missing."""
        known = dict(zip(self.values.tolist(), self.evidence.tolist(), strict=True))
        out = np.full(len(cells.data), np.nan)
        out[~cells.missing] = [known.get(level, self.unseen) for level in _present(name, cells)]
        return out


def _present(name: Any, cells: _frame.Values) -> list[Any]:
    """Return the cells that are not missing, all of which can be looked up."""
    present = cells.data[~cells.missing].tolist()
    try:
        set(present)
    except TypeError:
        raise ColumnTypeError(
            f"column {name!r} holds lists or other objects that cannot be told apart: leave it out"
        ) from None
    return present


def coded(estimator: Any, X: Any, *, fitting: bool, counted: Any = None) -> np.ndarray | None:
    """Return a frame as floats, its categories as what their levels say.

    None where there are no categories. With `counted`, the levels are learned from those rows.
    """
    if fitting:
        estimator._levels = {}
    if not _frame.is_frame(X):
        if estimator._levels:
            raise ColumnTypeError(
                f"{type(estimator).__name__} was fitted on a frame with categories: give a frame"
            )
        return None
    frame = _frame.wrap(X, "X")
    names = frame.columns
    columns = [frame.get_column(name) for name in names]
    if fitting:
        for j in (j for j, column in enumerate(columns) if _is_category(column)):
            column = columns[j] if counted is None else columns[j][counted.tolist()]
            estimator._levels[str(j)] = Levels.of(names[j], _frame.values(column))
    if not estimator._levels:
        return None
    validate_data(estimator, X, reset=fitting, skip_check_array=True)
    out, numbers = [], set()
    for j, (name, column) in enumerate(zip(names, columns, strict=True)):
        cells, levels = _frame.values(column), estimator._levels.get(str(j))
        if levels is None:
            out.append(_number(estimator, name, cells))
            numbers.add(out[-1].dtype)
        else:
            out.append(levels.code(name, cells))
    dtype = np.float32 if numbers == {np.dtype(np.float32)} else np.float64
    made = np.column_stack(out).astype(dtype, copy=False)
    if fitting:
        columns_of = range(made.shape[1])
        estimator.is_categorical_ = np.array([str(j) in estimator._levels for j in columns_of])
    made = check_array(made, ensure_all_finite=False, estimator=estimator)
    refuse_infinite(estimator, made)
    return made


def _is_category(column: nw.Series[Any]) -> bool:
    dtype = column.dtype
    if dtype in (nw.String, nw.Categorical, nw.Enum, nw.Boolean):
        return True
    return dtype == nw.Object and _frame.values(column).kind in ("str", "bool", "object")


def _number(estimator: Any, name: Any, cells: _frame.Values) -> np.ndarray:
    if cells.kind in _NUMBERS:
        dtype = cells.data.dtype if cells.kind == "float" else np.dtype(np.float64)
        return np.where(cells.missing, np.nan, cells.data).astype(dtype)
    if cells.missing.all():
        return np.full(len(cells.data), np.nan)
    raise ColumnTypeError(
        f"column {name!r} holds values of kind {cells.kind!r}, which {type(estimator).__name__} "
        "does not take there: give numbers, or leave the column out"
    )


def _check(levels: Levels) -> None:
    """Refuse saved levels that are not whole."""
    found = vars(levels)
    arrays = [found.get(name) for name in ("values", "evidence")]
    lengths = {len(a) if isinstance(a, np.ndarray) and a.ndim == 1 else -1 for a in arrays}
    if len(lengths) != 1 or -1 in lengths or not isinstance(found.get("unseen"), float):
        raise StateError("the categories of a saved detector are not whole: save it again")


register(Levels, check=_check)
