"""Texts as a user holds them, in the form that kernels read."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import narwhals as nw
import numpy as np

from tamis import _core, _frame
from tamis._frame import Text
from tamis.exceptions import DataError, ParameterError

__all__ = ["decode", "documents", "like", "stack"]


def documents(X: Any, column: Any, what: str = "X") -> Text:
    """Return the texts of a list, an array, a series, or a column of a frame.

    Parameters
    ----------
    X : list, array or series of shape (n_documents,), or frame
    column : str, optional
        The column of a frame; by default its only column, or its only column of text.
    what : str
        What `X` is called in messages.

    Raises
    ------
    ParameterError
        If `X` is none of these, or the column is not told or not there.
    DataError
        If an item is neither text nor missing; the message gives its position.
    """
    if _frame.is_frame(X) or type(X).__name__ == "LazyFrame":
        frame = _frame.wrap(X, what)
        name = _column(frame, column, what)
        return _series(frame.get_column(name), f"column {name!r} of {what}")
    if column is not None:
        raise ParameterError(f"column={column!r} names a column, and {what} is no frame")
    if type(X).__module__.partition(".")[0] == "pyarrow":
        import pyarrow as pa

        X = pa.chunked_array([X]) if isinstance(X, pa.Array) else X
    if nw.dependencies.is_into_series(X):
        return _series(nw.from_native(X, series_only=True), what)
    if isinstance(X, str | bytes) or not isinstance(X, Sequence | np.ndarray):
        raise ParameterError(
            f"{what} must be a list, an array or a series of texts, or a frame; "
            f"got {type(X).__name__}"
        )
    if isinstance(X, np.ndarray) and X.ndim != 1:
        raise ParameterError(f"{what} must be one-dimensional: a text an item; got {X.shape}")
    return _cells(X.tolist() if isinstance(X, np.ndarray) else list(X), what)


def _column(frame: nw.DataFrame[Any], column: Any, what: str) -> Any:
    if column is not None:
        _frame.check_names(frame, [column], what)
        return column
    if len(frame.columns) == 1:
        return frame.columns[0]
    found = [n for n, dtype in frame.schema.items() if dtype == nw.String]
    if len(found) == 1:
        return found[0]
    shown = ", ".join(map(repr, found[:8])) + (" and more" if len(found) > 8 else "")
    have = f"has more than one column of text ({shown})" if found else "has no column of text"
    raise ParameterError(f"{what} {have}: name one with column=")


def _series(series: nw.Series[Any], what: str) -> Text:
    if series.dtype != nw.String:
        return _cells(series.to_list(), what)
    found = _frame.text(series)
    if (np.diff(found.offsets)[found.missing] > 0).any():  # bytes of no account
        return _cells(series.to_list(), what)
    return found


def _cells(cells: list[Any], what: str) -> Text:
    missing = np.array([not isinstance(c, str) for c in cells], dtype=bool)
    for k in np.flatnonzero(missing).tolist():
        if not _is_missing(cells[k]):
            raise DataError(
                f"item {k} of {what} is {type(cells[k]).__name__}, not text: "
                "convert it, or leave it None"
            )
    return Text(*_core.text_buffers(cells), missing)


def _is_missing(cell: Any) -> bool:
    gone = cell is None or type(cell).__name__ in ("NAType", "NaTType")
    return gone or (isinstance(cell, float) and math.isnan(cell))


def stack(one: Text, other: Text) -> Text:
    """Return the texts of two inputs as one."""
    parts = [t.data[int(t.offsets[0]) : int(t.offsets[-1])] for t in (one, other)]
    offsets = [one.offsets - one.offsets[0], other.offsets[1:] - other.offsets[0] + len(parts[0])]
    missing = np.concatenate([one.missing, other.missing])
    return Text(np.concatenate(offsets), np.concatenate(parts), missing)


def decode(text: Text, items: Any = None) -> list[str | None]:
    """Return the texts as Python has them, or the items of the given positions."""
    data, offsets = text.data, text.offsets.tolist()
    return [
        None
        if text.missing[k]
        else data[offsets[k] : offsets[k + 1]].tobytes().decode("utf-8", "surrogatepass")
        for k in (range(len(text.missing)) if items is None else items)
    ]


def like(X: Any, column: Any, texts: list[str | None]) -> Any:
    """Return a container like `X` that holds these texts."""
    if _frame.is_frame(X):
        frame = _frame.wrap(X)
        name = _column(frame, column, "X")
        if hasattr(X, "iloc"):
            copy = X.copy(deep=False)
            copy[name] = type(X[name])(texts, index=X.index, dtype=_text_dtype(X[name]))
            return copy
        backend = nw.get_native_namespace(frame)
        return frame.with_columns(
            nw.new_series(name, texts, nw.String(), backend=backend)
        ).to_native()
    if hasattr(X, "iloc"):
        return type(X)(texts, index=X.index, name=X.name, dtype=_text_dtype(X))
    if nw.dependencies.is_into_series(X):
        series = nw.from_native(X, series_only=True)
        backend = nw.get_native_namespace(series)
        return nw.new_series(series.name, texts, nw.String(), backend=backend).to_native()
    if isinstance(X, np.ndarray):
        return np.array(texts, dtype=object if X.dtype == object else None)
    return texts


def _text_dtype(series: Any) -> Any:
    """Return the dtype for new texts in place of a pandas series."""
    return object if series.dtype == "category" else series.dtype
