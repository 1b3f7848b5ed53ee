"""Vectors however they are kept, as one matrix of floats."""

from __future__ import annotations

from typing import Any

import narwhals as nw
import numpy as np

from tamis import _core, _frame
from tamis.exceptions import DataError, ShapeError

__all__ = ["is_listed", "matrix"]


def is_listed(X: Any) -> bool:
    """Return whether the vectors are cells: of a list, a column or a frame of one column."""
    if _frame.is_frame(X):
        frame = _frame.wrap(X)
        return len(frame.columns) == 1 and not frame[frame.columns[0]].dtype.is_numeric()
    if isinstance(X, np.ndarray) or hasattr(X, "__array__"):
        return getattr(X, "ndim", 1) == 1 and not _is_numbers(X)
    return False


def _is_numbers(X: Any) -> bool:
    dtype = getattr(X, "dtype", None)
    return isinstance(dtype, np.dtype) and dtype.kind in "biufc"


def matrix(X: Any, what: str) -> np.ndarray:
    """Return the vectors as a C-contiguous matrix, float32 or float64, every value finite.

    Parameters
    ----------
    X : array-like or frame of shape (n, d), or a column of n cells that hold d numbers each
    what : str
        What the input is called in messages.

    Raises
    ------
    DataError
        If a value is no finite number; the message names its row and column.
    ShapeError
        If the vectors are not of one length.
    """
    names = None
    if is_listed(X):
        if _frame.is_frame(X):
            frame = _frame.wrap(X, what)
            X = frame[frame.columns[0]].to_native()
        data = _stacked(X, what)
    elif _frame.is_frame(X):
        frame = _frame.wrap(X, what)
        names = frame.columns
        data = _table(frame, what)
    else:
        data = _numbers(np.asarray(X), what)
    if data.ndim != 2:
        raise ShapeError(
            f"{what} must hold one vector a row, shape (n, d); got {data.ndim} dimension(s). "
            "Reshape your data"
        )
    data = np.ascontiguousarray(data)
    found = _core.find_infinite(data, True)
    if found is not None:
        row, column = found
        value = "NaN" if np.isnan(data[row, column]) else "infinity"
        name = column if names is None else names[column]
        raise DataError(
            f"{what} contains {value} in row {row}, column {name!r}: a vector needs finite numbers"
        )
    return data


def _numbers(data: np.ndarray, what: str) -> np.ndarray:
    """Return an array as float32 where it is no wider, or as float64."""
    if data.dtype.kind == "c":
        raise DataError(f"Complex data not supported: {what} must hold real numbers")
    if data.dtype in (np.float32, np.float64):
        return data
    try:
        return data.astype(np.float32 if data.dtype == np.float16 else np.float64)
    except (TypeError, ValueError):
        raise DataError(f"{what} holds {data.dtype} values: vectors are made of numbers") from None


def _table(frame: nw.DataFrame[Any], what: str) -> np.ndarray:
    """Return the columns of a frame side by side."""
    columns = []
    for name in frame.columns:
        column = _frame.values(frame.get_column(name))
        if column.kind not in ("float", "int", "uint", "bool"):
            raise DataError(
                f"{what} has a column {name!r} of {frame.schema[name]}: vectors are made of numbers"
            )
        data = column.data.astype(np.float32 if column.data.dtype == np.float32 else np.float64)
        data[column.missing] = np.nan
        columns.append(data)
    return np.stack(columns, axis=1)


def _stacked(X: Any, what: str) -> np.ndarray:
    """Return vectors that are cells as rows."""
    if hasattr(X, "to_pylist") and str(getattr(X, "type", "")).startswith("fixed_size_list"):
        X = X.combine_chunks() if hasattr(X, "combine_chunks") else X
        if not X.null_count:
            flat = _numbers(X.flatten().to_numpy(zero_copy_only=False), what)
            return flat.reshape(len(X), X.type.list_size)
    cells = X.to_pylist() if hasattr(X, "to_pylist") else list(X)
    rows: list[np.ndarray] = []
    for i, cell in enumerate(cells):
        try:
            row = _numbers(np.asarray(cell), what)
        except ValueError:
            row = np.zeros(())
        if row.ndim != 1:
            shown = (
                "is missing" if cell is None else f"is no list of numbers: {type(cell).__name__}"
            )
            raise DataError(f"the vector in row {i} of {what} {shown}")
        if rows and len(row) != len(rows[0]):
            raise ShapeError(
                f"the vector in row {i} of {what} has {len(row)} numbers, the first {len(rows[0])}"
            )
        rows.append(row)
    return np.stack(rows) if rows else np.zeros((0, 0))
