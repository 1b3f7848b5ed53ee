"""Cells of a frame replaced in one go: every column keeps its dtype, its categories, its zone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from tamis._frame import wrap
from tamis._optional import need

__all__ = ["fill"]

#: Positions (increasing) and what they get: an array of numbers or booleans, an array of
#: datetime64 or timedelta64 (UTC where the column has a zone), or a list of other values.
Cells = tuple[np.ndarray, Any]


def fill(data: Any, columns: Mapping[Any, Cells]) -> Any:
    """Return the frame with new cells in the columns named; nothing else is touched.

    A category that a column does not have yet is added to it. A column whose dtype cannot hold
    the cells at all (nothing but missing values, read as another type) takes their type.
    """
    columns = {name: (rows, cells) for name, (rows, cells) in columns.items() if len(rows)}
    if hasattr(data, "iloc"):
        copy = data.copy(deep=_writes_are_seen())
        for name, (rows, cells) in columns.items():
            copy[name] = _pandas(data[name], rows, cells)
        return copy
    if not columns:  # nothing of what these libraries give is ever written to
        return data
    if wrap(data).implementation.is_pyarrow():
        for name, (rows, cells) in columns.items():
            array = _arrow(data.column(name), rows, cells)
            place = data.schema.get_field_index(name)
            data = data.set_column(place, data.schema.field(place).with_type(array.type), array)
        return data
    return data.with_columns([_polars(data[name], *new) for name, new in columns.items()])


def _spread(n_rows: int, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return where new cells go, as a mask, and which of them each row would get."""
    here = np.zeros(n_rows, dtype=bool)
    here[rows] = True
    return here, np.maximum(np.cumsum(here) - 1, 0)


def _other_kind(cells: Any, numbers: bool, text: bool) -> bool:
    """Return whether cells are no numbers in a column of numbers, or the other way round."""
    return text if isinstance(cells, np.ndarray) else numbers


# --- pandas ------------------------------------------------------------------------------------


def _writes_are_seen() -> bool:
    """Return whether writing to a shallow copy would change the original (before pandas 3)."""
    import pandas as pd

    return int(pd.__version__.partition(".")[0]) < 3


def _pandas(column: Any, rows: np.ndarray, cells: Any) -> Any:
    import pandas as pd

    dtype = column.dtype
    if isinstance(dtype, pd.CategoricalDtype):
        fresh = [v for v in dict.fromkeys(cells) if v not in dtype.categories]
        column = column.cat.add_categories(fresh) if fresh else column.copy()
        column.iloc[rows] = pd.Categorical(cells, dtype=column.dtype)
        return column
    if isinstance(dtype, pd.SparseDtype):
        return _pandas(column.sparse.to_dense(), rows, cells).astype(dtype)
    if not _holds(dtype, cells):
        column = column.astype(object)
        column.iloc[rows] = _as_objects(cells)
        return column.infer_objects()
    column = column.copy()
    column.iloc[rows] = _pandas_array(cells, dtype)
    return column


def _holds(dtype: Any, cells: Any) -> bool:
    """Return whether a pandas dtype holds cells of such a kind."""
    kind = getattr(dtype, "kind", "O")
    if isinstance(cells, np.ndarray) and cells.dtype.kind in "mM":
        return kind in (cells.dtype.kind, "O")
    numbers = isinstance(cells, np.ndarray)
    return kind not in "mM" if numbers else kind not in "iufmM"


def _pandas_array(cells: Any, dtype: Any) -> Any:
    """Return cells as an array of a pandas dtype."""
    import pandas as pd

    plain = dtype.name == "object"
    if isinstance(dtype, pd.ArrowDtype):
        return pd.array(_arrow_cells(cells, dtype.pyarrow_dtype), dtype=dtype)
    if isinstance(cells, np.ndarray) and cells.dtype.kind in "mM":
        if isinstance(dtype, pd.DatetimeTZDtype):
            return pd.DatetimeIndex(cells.astype(f"M8[{dtype.unit}]"), tz="UTC").tz_convert(
                dtype.tz
            )
        return _as_objects(cells) if plain else cells.astype(dtype)
    return _as_objects(cells) if plain else pd.array(cells, dtype=dtype)


def _as_objects(cells: Any) -> np.ndarray:
    out = np.empty(len(cells), dtype=object)
    out[:] = cells.tolist() if isinstance(cells, np.ndarray) else list(cells)
    return out


# --- Arrow -------------------------------------------------------------------------------------


def _arrow(column: Any, rows: np.ndarray, cells: Any) -> Any:
    pa, compute = need("pyarrow", "Arrow data"), need("pyarrow.compute", "Arrow data")
    here, which = _spread(len(column), rows)
    if pa.types.is_dictionary(column.type):
        return _arrow_dictionary(column, rows, cells)
    numbers = pa.types.is_floating(column.type) or pa.types.is_integer(column.type)
    own = pa.types.is_null(column.type) or _other_kind(
        cells, numbers, pa.types.is_string(column.type)
    )
    new = _arrow_cells(cells, None if own else column.type)
    if own:
        column = pa.nulls(len(column), new.type)
    return compute.if_else(pa.array(here), new.take(pa.array(which)), column)


def _arrow_cells(cells: Any, kind: Any) -> Any:
    """Return cells as an Arrow array of a type (of their own where none is given)."""
    pa = need("pyarrow", "Arrow data")
    if kind is None or not isinstance(cells, np.ndarray):
        if kind is not None and pa.types.is_dictionary(kind):
            return pa.array(cells, type=kind.value_type).dictionary_encode().cast(kind)
        return pa.array(cells, type=kind)
    return pa.array(cells).cast(kind)


def _arrow_dictionary(column: Any, rows: np.ndarray, cells: Any) -> Any:
    """Return a column of categories with new cells; known ones keep their places."""
    pa = need("pyarrow", "Arrow data")
    kind = column.type
    if isinstance(column, pa.ChunkedArray):
        column = column.unify_dictionaries()
        chunks = column.chunks
        column = pa.concat_arrays(chunks) if chunks else pa.array([], type=kind)
    known = column.dictionary.to_pylist()
    code_of = {v: i for i, v in enumerate(dict.fromkeys([*known, *cells]))}
    gone = column.indices.is_null().to_numpy(zero_copy_only=False).copy()
    codes = column.indices.fill_null(0).to_numpy(zero_copy_only=False).copy()
    codes[rows] = [code_of[v] for v in cells]
    gone[rows] = False
    return pa.DictionaryArray.from_arrays(
        pa.array(codes, type=kind.index_type, mask=gone),
        pa.array(list(code_of), type=kind.value_type),
        ordered=kind.ordered,
    )


# --- polars ------------------------------------------------------------------------------------


def _polars(column: Any, rows: np.ndarray, cells: Any) -> Any:
    pl = need("polars", "polars data")
    dtype = column.dtype
    if dtype == pl.Object:
        whole = column.to_list()
        for row, value in zip(rows.tolist(), cells, strict=True):
            whole[row] = value
        return pl.Series(column.name, whole, dtype=pl.Object)
    here, which = _spread(len(column), rows)
    if dtype == pl.Enum:
        known = dtype.categories.to_list()
        fresh = [v for v in dict.fromkeys(cells) if v not in set(known)]
        dtype = pl.Enum([*known, *fresh]) if fresh else dtype
    new = _polars_cells(cells, dtype)
    return column.cast(new.dtype).zip_with(pl.Series(~here), new.gather(which)).alias(column.name)


def _polars_cells(cells: Any, dtype: Any) -> Any:
    """Return cells as a polars series of a dtype (of their own where it is Null)."""
    pl = need("polars", "polars data")
    if isinstance(cells, np.ndarray) and cells.dtype.kind in "mM":
        new = pl.Series(cells)
        if dtype == pl.Datetime:
            new = new.cast(pl.Datetime(dtype.time_unit)).dt.replace_time_zone("UTC")
            zone = dtype.time_zone
            new = new.dt.convert_time_zone(zone) if zone else new.dt.replace_time_zone(None)
        return new.cast(dtype) if dtype.is_temporal() else new
    if dtype == pl.Null or _other_kind(cells, dtype.is_numeric(), dtype == pl.String):
        return pl.Series(cells)
    if isinstance(cells, np.ndarray):
        return pl.Series(cells).cast(dtype)
    if dtype in (pl.Categorical, pl.Enum):
        return pl.Series(cells, dtype=pl.String).cast(dtype)
    return pl.Series(cells, dtype=dtype)
