"""Rows that a sampler returns: those taken, those made, in the caller's container."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import narwhals as nw
import numpy as np
from scipy import sparse

from tamis import _frame
from tamis.exceptions import DataError

__all__ = ["Made", "Picks", "between", "extend", "number_columns", "take"]

#: Cells that are made at a time.
_CELLS = 1 << 16

#: Column -> the rows that its cells in made rows are taken from, as they are.
Picks = dict[int, np.ndarray]


@dataclass
class Made:
    """Rows made from others: row m lies `step` of the way from row `base` to row `other`.

    `numbers` are the cells that lie between, in the columns `columns` (None: all); cells of other
    columns are taken from the rows in `picks`. `given` are finished cells instead. `voters` are
    the rows that decided on the categories.
    """

    base: np.ndarray
    other: np.ndarray
    step: np.ndarray
    columns: np.ndarray | None = None
    picks: Picks = field(default_factory=dict)
    given: Any = None
    voters: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.base)

    @classmethod
    def none(cls) -> Made:
        """Return no row."""
        nothing = np.zeros(0, dtype=np.int64)
        return cls(nothing, nothing, np.zeros(0))

    @classmethod
    def joined(cls, parts: list[Made]) -> Made:
        """Return the rows of several as one, in order."""
        if not parts:
            return cls.none()
        first = parts[0]
        if len(parts) == 1:
            return first
        picks = {j: np.concatenate([p.picks[j] for p in parts]) for j in first.picks}
        stack = sparse.vstack if sparse.issparse(first.given) else np.concatenate
        return cls(
            np.concatenate([p.base for p in parts]),
            np.concatenate([p.other for p in parts]),
            np.concatenate([p.step for p in parts]),
            first.columns,
            picks,
            None if first.given is None else stack([p.given for p in parts]),
            None if first.voters is None else np.concatenate([p.voters for p in parts]),
        )


def between(numbers: Any, made: Made, start: int = 0, end: int | None = None) -> Any:
    """Return the cells of made rows `start` to `end`, in the dtype of `numbers`."""
    rows = slice(start, end)
    if made.given is not None:
        return made.given[rows]
    base, other, step = made.base[rows], made.other[rows], made.step[rows, None]
    if made.columns is not None and numbers.shape[1] != len(made.columns):
        # All columns are there, so that no copy of the table was made.
        first = numbers[base][:, made.columns]
        return first + step * (numbers[other][:, made.columns] - first)
    gaps = numbers[other] - numbers[base]
    if sparse.issparse(numbers):
        return (numbers[base] + sparse.csr_matrix(step).multiply(gaps)).astype(numbers.dtype)
    return (numbers[base] + step * gaps).astype(numbers.dtype, copy=False)


def _blocks(n: int, width: int) -> list[tuple[int, int]]:
    step = max(1, _CELLS // max(1, width))
    return [(i, min(i + step, n)) for i in range(0, n, step)]


def extend(cells: Any, numbers: Any, made: Made) -> Any:
    """Return the rows of a matrix and the made ones after them."""
    if sparse.issparse(cells):
        if not len(made):
            return cells.copy()
        return sparse.vstack([cells, between(numbers, made)], format=cells.format)
    n, m = len(cells), len(made)
    dtype = cells.dtype if made.given is None else np.result_type(cells, made.given)
    out = np.empty((n + m, cells.shape[1]), dtype=dtype)
    out[:n] = cells
    where: Any = slice(None) if made.columns is None else made.columns
    if numbers is not None or made.given is not None:
        for start, end in _blocks(m, out.shape[1]):
            out[n + start : n + end, where] = between(numbers, made, start, end)
    for j, rows in made.picks.items():
        out[n:, j] = cells[rows, j]
    return out


def extend_frame(data: Any, numbers: Any, made: Made) -> Any:
    """Return the rows of a frame and the made ones after them; every column keeps its dtype."""
    if hasattr(data, "iloc"):
        return _extend_pandas(data, numbers, made)
    new = _dense(numbers, made)
    frame = _frame.wrap(data)
    backend = nw.get_native_namespace(frame)
    place = _places(made, frame.shape[1])
    columns = []
    for j, name in enumerate(frame.columns):
        old = frame.get_column(name)
        if j in made.picks:
            columns.append(old[made.picks[j].tolist()])
            continue
        kind = old.dtype
        cells: Any = _as_kind(new[:, place[j]], kind.is_integer(), kind == nw.Boolean)
        if old.null_count() and cells.dtype.kind == "f":
            cells = _with_none(cells)
        cells = cells.tolist() if cells.dtype == object else cells
        columns.append(nw.new_series(name, cells, backend=backend).cast(kind))
    more = nw.from_dict({c.name: c for c in columns}, backend=backend)
    return nw.concat([frame, more]).to_native()


def _extend_pandas(data: Any, numbers: Any, made: Made) -> Any:
    import pandas as pd

    kinds = set(data.dtypes)
    if len(kinds) == 1 and next(iter(kinds)) in (np.float64, np.float32) and not made.picks:
        plain = data.to_numpy()
        whole = extend(plain, numbers, made).astype(plain.dtype, copy=False)
        return pd.DataFrame(whole, columns=data.columns)
    new = _dense(numbers, made)
    place = _places(made, data.shape[1])
    columns = []
    for j, dtype in enumerate(data.dtypes):
        old = data.iloc[:, j]
        if j in made.picks:
            more = old.iloc[made.picks[j]]
        else:
            kind = getattr(dtype, "kind", "O")
            cells = _as_kind(new[:, place[j]], kind in "iu", kind == "b")
            more = pd.Series(cells).astype(dtype)
        columns.append(pd.concat([old, more], ignore_index=True))
    out = pd.concat(columns, axis=1)
    out.columns = data.columns
    return out


def _places(made: Made, width: int) -> dict[int, int]:
    """Return where the numbers of each column are."""
    columns = range(width) if made.columns is None else made.columns.tolist()
    return {j: place for place, j in enumerate(columns)}


def _dense(numbers: Any, made: Made) -> np.ndarray:
    if numbers is None and made.given is None:
        return np.zeros((len(made), 0))
    new = between(numbers, made)
    return new.toarray() if sparse.issparse(new) else new


def _as_kind(cells: np.ndarray, whole: bool, flags: bool) -> np.ndarray:
    if flags:
        return cells != 0
    if not whole or cells.dtype.kind != "f":
        return cells
    cells = np.trunc(cells)
    return _with_none(cells) if np.isnan(cells).any() else cells.astype(np.int64)


def _with_none(cells: np.ndarray) -> np.ndarray:
    """Return floats as objects, None where missing; whole ones as integers."""
    whole = bool((np.isnan(cells) | (np.trunc(cells) == cells)).all())
    out = np.empty(len(cells), dtype=object)
    out[:] = [None if np.isnan(v) else int(v) if whole else float(v) for v in cells]
    return out


def number_columns(data: Any, name: str) -> None:
    """Raise DataError if a column of a frame holds what no number lies between."""
    frame = _frame.wrap(data, "X")
    for column in frame.columns:
        kind = frame.schema[column]
        if kind.is_numeric() or kind == nw.Boolean or kind in (nw.Object, nw.Unknown):
            continue
        if kind in (nw.Categorical, nw.Enum, nw.String):
            what, advice = "categories", "use SMOTENC (or SMOTEN), or encode it"
        else:
            what, advice = "times", "turn it into numbers"
        raise DataError(
            f"could not convert column {column!r} for {name}: it holds {what}; {advice}"
        )


def take(data: Any, cells: Any, rows: np.ndarray, *, keep_index: bool) -> Any:
    """Return the given rows in the container of `data`; `cells` are its rows as checked."""
    if isinstance(data, list):
        return [data[i] for i in rows]
    if not _frame.is_frame(data):
        return cells[rows]
    out = _frame.take(data, rows)
    return out.reset_index(drop=True) if hasattr(out, "iloc") and not keep_index else out
