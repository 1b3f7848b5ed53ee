"""The one place that knows pandas, polars and Arrow (through narwhals): frames in, frames out."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import narwhals as nw
import numpy as np

from tamis import _core
from tamis._optional import have, need
from tamis.exceptions import DataError, ParameterError

__all__ = [
    "Text",
    "Values",
    "Views",
    "append",
    "append_flags",
    "build",
    "check_names",
    "is_frame",
    "is_time",
    "n_rows",
    "names",
    "replace_cells",
    "replace_column",
    "row_labels",
    "take",
    "text",
    "ticks",
    "values",
    "views",
    "wrap",
]


@dataclass(frozen=True)
class Values:
    """One column as NumPy: `data` and where it is `missing` (data is arbitrary there).

    `kind` is "float" (float32 or float64), "int" (int64), "uint" (uint64), "bool",
    "str" (object array of str), "time" (int64 nanoseconds) or "object" (anything else).
    """

    kind: str
    data: np.ndarray
    missing: np.ndarray


@dataclass(frozen=True)
class Text:
    """One column of text: string i is the UTF-8 ``data[offsets[i]:offsets[i + 1]]``."""

    offsets: np.ndarray
    data: np.ndarray
    missing: np.ndarray


@dataclass(frozen=True)
class Views:
    """One column of text as Arrow's string views (16 bytes each) and the buffers they refer to."""

    views: np.ndarray
    buffers: list[np.ndarray]
    missing: np.ndarray


def is_frame(data: Any) -> bool:
    """Return whether `data` is an eager frame: pandas, polars, Arrow or another narwhals knows."""
    return bool(nw.dependencies.is_into_dataframe(data))


def wrap(data: Any, what: str = "data") -> nw.DataFrame[Any]:
    """Return the narwhals view of a frame whose column names are usable.

    Raises
    ------
    ParameterError
        If `data` is not an eager frame.
    DataError
        If it has no column, or two columns of the same name.
    """
    if type(data).__name__ == "LazyFrame":
        raise ParameterError(f"{what} is a lazy frame: call .collect() on it first")
    if not is_frame(data):
        raise ParameterError(
            f"{what} must be a pandas or polars frame or an Arrow table; "
            f"got {type(data).__module__}.{type(data).__name__}"
        )
    columns = [str(c) for c in getattr(data, "column_names", getattr(data, "columns", ()))]
    twice = sorted({c for c in columns if columns.count(c) > 1})
    if twice:
        raise DataError(f"{what} has more than one column named {twice[0]!r}: rename one of them")
    if not columns:
        raise DataError(f"{what} has no columns")
    return nw.from_native(data, eager_only=True)


def names(data: Any) -> list[str]:
    """Return the column names of a frame."""
    return list(wrap(data).columns)


def check_names(frame: nw.DataFrame[Any], wanted: Iterable[Any], what: str = "data") -> None:
    """Raise a ParameterError that suggests the nearest name if a wanted column is not there."""
    for name in wanted:
        if name not in frame.columns:
            there = [str(c) for c in frame.columns]
            near = difflib.get_close_matches(str(name), there, n=1)
            shown = ", ".join(there[:8]) + (f" and {len(there) - 8} more" if len(there) > 8 else "")
            hint = f"did you mean {near[0]!r}?" if near else f"it has {shown}"
            raise ParameterError(f"{what} has no column named {name!r}; {hint}")


def build(like: Any, columns: Mapping[str, Sequence[Any]]) -> Any:
    """Return a new frame of the same library as `like` (pandas where it is no frame).

    A column of mixed types stays as it is in pandas and becomes text elsewhere.
    """
    if not is_frame(like) or hasattr(like, "iloc"):
        import pandas as pd

        return pd.DataFrame({k: _as_column(v) for k, v in columns.items()})
    plain: dict[str, Any] = {}
    for name, column in columns.items():
        cells = [c.item() if isinstance(c, np.generic) else c for c in column]
        kinds = {type(c) for c in cells if c is not None}
        mixed = len(kinds) > 1 and not kinds <= {int, float}
        plain[name] = [None if c is None else str(c) for c in cells] if mixed else cells
    return nw.from_dict(plain, backend=nw.get_native_namespace(wrap(like))).to_native()


def _as_column(cells: Sequence[Any]) -> Any:
    """Return cells as pandas is to take them: mixed types as objects, untouched."""
    if isinstance(cells, np.ndarray) or len({type(c) for c in cells if c is not None}) < 2:
        return list(cells) if len(cells) else np.array([], dtype=object)
    column = np.empty(len(cells), dtype=object)
    column[:] = list(cells)
    return column


def take(data: Any, rows: np.ndarray) -> Any:
    """Return the given rows (positions or a mask) in the same container, dtypes and index kept."""
    rows = np.asarray(rows)
    if rows.dtype == bool:
        rows = np.flatnonzero(rows)
    if hasattr(data, "iloc"):
        return data.iloc[rows]
    if is_frame(data):
        return wrap(data)[rows, :].to_native()
    if nw.dependencies.is_into_series(data):
        return nw.from_native(data, series_only=True)[rows.tolist()].to_native()
    if type(data).__module__.partition(".")[0] == "pyarrow":
        return data.take(rows)
    # A list of numbers, or of rows of them, stands for an array; of texts or images, for itself.
    plain = int | float | np.generic | list | tuple
    if isinstance(data, list | tuple) and not (data and all(isinstance(x, plain) for x in data)):
        return [data[row] for row in rows]
    return np.asarray(data)[rows]


def n_rows(data: Any) -> int:
    """Return how many rows a frame, an array or a list has."""
    return len(wrap(data)) if is_frame(data) else len(data)


def row_labels(data: Any) -> np.ndarray:
    """Return the pandas index of a frame, or positions where the container has none."""
    if hasattr(data, "iloc"):
        return np.asarray(data.index)
    return np.arange(len(wrap(data)))


def values(series: nw.Series[Any]) -> Values:
    """Return a column as a NumPy array of its own kind and a mask of what is missing."""
    dtype = series.dtype
    missing = _missing(series)
    if dtype.is_float() or isinstance(dtype, nw.Decimal):
        plain = dtype in (nw.Float32, nw.Float64)
        width = np.float32 if dtype == nw.Float32 else np.float64
        data = np.asarray((series if plain else series.cast(nw.Float64)).to_numpy(), dtype=width)
        return Values("float", data, missing | np.isnan(data))
    if dtype.is_integer():
        kind: Any = nw.UInt64 if dtype.is_unsigned_integer() else nw.Int64
        data = _filled(series, missing, 0).cast(kind).to_numpy()
        return Values("uint" if dtype.is_unsigned_integer() else "int", np.asarray(data), missing)
    if dtype == nw.Boolean:
        data = np.asarray(_filled(series, missing, False).to_numpy(), dtype=bool)
        return Values("bool", data, missing)
    if is_time(series):
        return Values("time", _nanoseconds(series, missing), missing)
    if dtype in (nw.String, nw.Categorical, nw.Enum):
        data = np.array(series.to_list(), dtype=object)
        if all(isinstance(v, str) for v in data[~missing]):
            return Values("str", data, missing)
        return _objects(data, missing)
    data = np.empty(len(series), dtype=object)
    data[:] = series.to_list()
    return _objects(data, missing)


def text(series: nw.Series[Any]) -> Text:
    """Return a column of text as offsets and bytes, borrowed from Arrow where it is kept so."""
    missing = _missing(series)
    if have("pyarrow") and series.dtype == nw.String:
        arrow = need("pyarrow", "Arrow data")
        try:
            array = series.to_arrow()
            if isinstance(array, arrow.ChunkedArray):
                array = array.combine_chunks()
            array = array.cast(arrow.large_string())
        except (arrow.ArrowException, UnicodeError):  # lone surrogates
            pass
        else:
            _, offsets, data = array.buffers()
            last = array.offset + len(array) + 1
            return Text(
                np.frombuffer(offsets, dtype=np.int64)[array.offset : last]
                if len(array)
                else np.zeros(1, dtype=np.int64),
                np.frombuffer(data or b"", dtype=np.uint8),
                missing,
            )
    return Text(*_core.text_buffers(series.to_list()), missing)


def views(series: nw.Series[Any]) -> Views | None:
    """Return a polars column of text as the views it is kept as, or None where that cannot be."""
    native = series.to_native()
    if type(native).__module__.partition(".")[0] != "polars" or series.dtype != nw.String:
        return None
    if not have("pyarrow") or not hasattr(need("pyarrow", "Arrow data"), "string_view"):
        return None
    newest = need("polars", "polars data").CompatLevel.newest()
    array = native.to_arrow(compat_level=newest)
    if str(array.type) != "string_view":
        return None
    _, whole, *buffers = array.buffers()
    start, end = array.offset, array.offset + len(array)
    return Views(
        np.frombuffer(whole or b"", dtype=np.uint8)[16 * start : 16 * end],
        [np.frombuffer(b or b"", dtype=np.uint8) for b in buffers],
        _missing(series),
    )


def _missing(series: nw.Series[Any]) -> np.ndarray:
    if series.null_count() == 0:
        return np.zeros(len(series), dtype=bool)
    return np.asarray(series.is_null().to_numpy(), dtype=bool)


def _filled(series: nw.Series[Any], missing: np.ndarray, value: Any) -> nw.Series[Any]:
    return series.fill_null(value) if missing.any() else series


def _nanoseconds(series: nw.Series[Any], missing: np.ndarray) -> np.ndarray:
    """Return times and durations as int64 nanoseconds (missing ones as 0)."""
    data = _times(series)
    kind = data.dtype.kind  # "m" or "M"
    return np.where(missing, 0, data.astype(f"{kind}8[ns]", copy=False).view(np.int64))


def is_time(series: nw.Series[Any]) -> bool:
    """Return whether a column holds times, dates or durations."""
    return series.dtype in (nw.Datetime, nw.Date, nw.Duration)


def ticks(series: nw.Series[Any]) -> tuple[np.ndarray, int]:
    """Return times and durations as int64 in their own unit, and how many make a second."""
    data = _times(series)
    unit = np.datetime_data(data.dtype)[0]
    if unit == "D":  # dates
        data, unit = data.astype(f"{data.dtype.kind}8[s]"), "s"
    return data.view(np.int64), {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}[unit]


def _times(series: nw.Series[Any]) -> np.ndarray:
    """Return times and durations as NumPy has them, without a time zone."""
    if series.dtype == nw.Date:
        series = series.cast(nw.Datetime("us"))
    elif isinstance(series.dtype, nw.Datetime) and series.dtype.time_zone is not None:
        series = series.dt.convert_time_zone("UTC").dt.replace_time_zone(None)
    data = np.asarray(series.to_numpy())
    if data.dtype.kind in "mM":
        return data
    return data.astype("m8[ns]" if isinstance(series.dtype, nw.Duration) else "M8[ns]")


def _objects(data: np.ndarray, missing: np.ndarray) -> Values:
    """Return objects as the plain kind they all have, if they have one (booleans, numbers)."""
    present = [v for v, gone in zip(data, missing, strict=True) if not gone]
    types = {type(v) for v in present}
    if types == {bool}:
        return Values("bool", np.where(missing, False, data).astype(bool), missing)
    if types and types <= {int, float} and all(abs(v) <= 2**53 for v in present):
        floats = np.where(missing, np.nan, data).astype(np.float64)
        return Values("float", floats, missing | np.isnan(floats))
    return Values("object", data, missing)


def append(data: Any, name: str, cells: np.ndarray) -> Any:
    """Return a copy of the frame with one column of numbers more, as its last."""
    frame = wrap(data)
    if name in frame.columns:
        raise DataError(f"there is a column named {name!r} already: rename it")
    if hasattr(data, "iloc"):
        copy = data.copy(deep=False)
        copy[name] = cells
        return copy
    backend = nw.get_native_namespace(frame)
    series = nw.new_series(name, cells.tolist(), backend=backend)
    return frame.with_columns(series).to_native()


def append_flags(data: Any, new: Sequence[str], flags: np.ndarray) -> Any:
    """Return a copy of the frame with columns of booleans more, as its last."""
    frame = wrap(data)
    backend = nw.get_native_namespace(frame)
    columns = [
        nw.new_series(name, flags[:, j].tolist(), nw.Boolean(), backend=backend)
        for j, name in enumerate(new)
    ]
    if hasattr(data, "iloc"):
        return data.assign(**{c.name: c.to_numpy() for c in columns})
    return frame.with_columns(columns).to_native()


def replace_cells(data: Any, name: str, rows: np.ndarray, new: Sequence[Any] | np.ndarray) -> Any:
    """Return a copy of the frame in which `name` has the values `new` at positions `rows`.

    The column keeps its dtype where the new values fit it, and becomes the least dtype that
    holds them where they do not (a fraction in a column of integers).
    """
    frame = wrap(data)
    new = list(new)
    if len(rows) == 0:
        return data
    if hasattr(data, "iloc"):
        column, new = _able_to_hold(data[name], new)
        column.iloc[rows] = new
        copy = data.copy(deep=False)
        copy[name] = column
        return copy
    cells = frame.get_column(name).to_list()
    for row, value in zip(np.asarray(rows).tolist(), new, strict=True):
        cells[row] = value
    dtype = frame.schema[name]
    if dtype.is_integer():
        fits = all(float(v).is_integer() for v in new)
        dtype = dtype if fits else nw.Float64()
        cells = [None if c is None else (int(c) if fits else float(c)) for c in cells]
    if frame.implementation.is_pyarrow():
        return _set_arrow_column(data, name, cells, whole=dtype == frame.schema[name])
    column_new = nw.new_series(name, cells, dtype, backend=nw.get_native_namespace(frame))
    return frame.with_columns(column_new).to_native()


def _set_arrow_column(data: Any, name: str, cells: list[Any], whole: bool) -> Any:
    """Return an Arrow table with other cells in a column, of its own type or of float64."""
    pa = need("pyarrow", "Arrow data")
    field = data.schema.field(name)
    if not whole:
        field = field.with_type(pa.float64())
    if pa.types.is_dictionary(field.type):
        # Older pyarrow makes no dictionary from a list, or one of other integers.
        array = pa.array(cells, type=field.type.value_type).dictionary_encode().cast(field.type)
    else:
        array = pa.array(cells, type=field.type)
    return data.set_column(data.schema.get_field_index(name), field, array)


def _able_to_hold(column: Any, new: list[Any]) -> tuple[Any, list[Any] | np.ndarray]:
    """Return a copy of a pandas column in a dtype that holds the values, and these in it."""
    kind = getattr(column.dtype, "kind", "O")
    if column.dtype == "category":
        fresh = [v for v in dict.fromkeys(new) if v not in column.cat.categories]
        return column.cat.add_categories(fresh), new
    if kind in "iu" and all(float(v).is_integer() for v in new):
        return column.copy(), [int(v) for v in new]
    if kind in "iu":
        arrow = "pyarrow" in str(column.dtype)
        nullable = "double[pyarrow]" if arrow else "Float64"
        return column.astype("float64" if isinstance(column.dtype, np.dtype) else nullable), new
    if column.dtype == np.float32:
        return column.copy(), np.asarray(new, dtype=np.float32)  # rounded, not refused
    return column.copy(), new


def replace_column(data: Any, name: str, numbers: np.ndarray) -> Any:
    """Return a copy of the frame in which `name` holds float64 numbers, NaN where missing."""
    if hasattr(data, "iloc"):
        copy = data.copy(deep=False)
        copy[name] = numbers
        return copy
    frame = wrap(data)
    cells = [None if np.isnan(x) else float(x) for x in numbers]
    column = nw.new_series(name, cells, nw.Float64(), backend=nw.get_native_namespace(frame))
    return frame.with_columns(column).to_native()
