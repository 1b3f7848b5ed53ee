"""Checks of what an estimator is given; errors name the column and the row."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from sklearn.utils.validation import validate_data

from tamis import _core
from tamis._frame import is_frame, is_time, wrap
from tamis.exceptions import ColumnTypeError, DataError, ShapeError, TamisError

__all__ = [
    "column_name",
    "naming",
    "refuse_infinite",
    "refuse_times",
    "validated",
    "weights_of",
    "where_text",
]


def column_name(estimator: Any, column: int) -> Any:
    """Return the name of a column as the estimator saw it when fitting, or its position."""
    names = getattr(estimator, "feature_names_in_", None)
    return column if names is None or column >= len(names) else str(names[column])


def refuse_infinite(estimator: Any, X: np.ndarray, *, allow_nan: bool = True) -> None:
    """Raise DataError if a float matrix holds an infinity (or NaN, where not allowed).

    Other dtypes hold none, except objects, which are looked at for NaN alone.
    """
    if X.dtype.kind == "O":
        bad = None if allow_nan else np.argwhere(np.not_equal(X, X).astype(bool))
        found = tuple(bad[0].tolist()) if bad is not None and len(bad) else None
    elif X.dtype.kind == "f":
        X = X if X.dtype in (np.float32, np.float64) else X.astype(np.float64)
        found = _core.find_infinite(X, not allow_nan)
    else:
        found = None
    if found is None:
        return
    row, column = found
    what = "NaN" if X.dtype.kind == "O" or np.isnan(X[row, column]) else "infinity"
    advice = "impute or drop it" if what == "NaN" else "replace it by NaN or a finite number"
    raise DataError(
        f"Input X contains {what} in column {column_name(estimator, column)!r}, row {row}: "
        f"{advice} before calling {type(estimator).__name__}"
    )


def refuse_times(estimator: Any, X: Any) -> None:
    """Raise DataError if a column holds times, which would become numbers without a word."""
    if is_frame(X):
        frame = wrap(X, "X")
        found: list[Any] = [name for name in frame.columns if is_time(frame.get_column(name))]
    else:
        found = [0] if getattr(getattr(X, "dtype", None), "kind", "") in ("m", "M") else []
    if found:
        raise DataError(
            f"column {found[0]!r} holds times, which {type(estimator).__name__} takes only where "
            'frames come out: give a frame and call set_output(transform="pandas"), or turn the '
            "column into numbers"
        )


def validated(estimator: Any, X: Any, y: Any = "no_validation", **options: Any) -> Any:
    """Return what scikit-learn's `validate_data` does; what is wrong in a column is named."""
    with naming(estimator, X):
        return validate_data(estimator, X, y, **options)


@contextmanager
def naming(estimator: Any, X: Any) -> Iterator[None]:
    """Name the column and row where scikit-learn refuses a table without saying which.

    Cells are looked at only where something is wrong. Times are refused first: some frames would
    hand them over as numbers.
    """
    if is_frame(X):
        frame = wrap(X, "X")
        for name in frame.columns:
            if is_time(frame.get_column(name)):
                raise ColumnTypeError(
                    f"column {name!r} holds times, {type(estimator).__name__} takes numbers: turn "
                    "it into some (the days since a date, the month, the hour), or leave it out"
                )
    try:
        yield
    except (TypeError, ValueError) as error:
        named = None if isinstance(error, TamisError) else _named(estimator, X, str(error))
        if named is None:
            raise
        raise named from error


def _named(estimator: Any, X: Any, said: str) -> Exception | None:
    """Return an error that names the column and row of what was refused, if they can be told."""
    model, first = type(estimator).__name__, said.partition(".\n")[0].rstrip(".")
    if said.startswith("could not convert string"):
        where = where_text(estimator, X)
        return DataError(f"{said}{where}: encode it as numbers for {model}") if where else None
    if not first.startswith(("Input X contains NaN", "Input X contains infinity")):
        return None
    missing = "NaN" in first
    spot = _bad_cell(X, missing, np.float32 if "float32" in first else np.float64)
    if spot is None:
        return None
    row, column = spot
    advice = "impute or drop it" if missing else "replace it by a finite number"
    return DataError(
        f"{first} in column {_name_in(estimator, X, column)!r}, row {row}: {advice} before "
        f"calling {model}"
    )


def _bad_cell(X: Any, missing: bool, kind: Any) -> tuple[int, int] | None:
    """Return (row, column) of the first NaN, or infinity as `kind`, of a table of numbers."""
    if hasattr(X, "tocoo"):
        return None
    if is_frame(X):
        frame = wrap(X, "X")
        columns = [frame.get_column(name).to_numpy() for name in frame.columns]
    else:
        cells = np.asarray(X)
        columns = list(cells.T) if cells.ndim == 2 else []
    found = []
    for j, column in enumerate(columns):
        try:
            with np.errstate(over="ignore"):
                numbers = np.asarray(column, dtype=np.float64).astype(kind)
        except (TypeError, ValueError):
            return None
        bad = np.isnan(numbers) if missing else np.isinf(numbers)
        if bad.any():
            found.append((int(bad.argmax()), j))
    return min(found, default=None)


def where_text(estimator: Any, X: Any) -> str:
    """Return ' (in column ...)' for the first column that does not turn into numbers."""
    cells = np.asarray(X, dtype=object)
    for j in range(cells.shape[1] if cells.ndim == 2 else 0):
        try:
            cells[:, j].astype(float)
        except (TypeError, ValueError):
            return f" (in column {_name_in(estimator, X, j)!r})"
    return ""


def _name_in(estimator: Any, X: Any, column: int) -> Any:
    """Return a column's name in a frame that the estimator may not have seen yet."""
    names = getattr(X, "column_names", getattr(X, "columns", None))
    return column_name(estimator, column) if names is None else list(names)[column]


def weights_of(sample_weight: Any, X: Any) -> np.ndarray | None:
    """Return sample weights as float64, one for each row of `X`; None stays None."""
    if sample_weight is None:
        return None
    weights = np.asarray(sample_weight, dtype=np.float64)
    if weights.ndim == 0:
        weights = np.full(X.shape[0], float(weights))
    if weights.ndim != 1:
        raise ShapeError("Sample weights must be 1D array or scalar")
    if len(weights) != X.shape[0]:
        raise ShapeError(
            f"sample_weight.shape == {weights.shape}, expected {(X.shape[0],)}: one for each row"
        )
    return weights
