"""One value for each column of a table of any types."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from tamis import _core
from tamis.exceptions import DataError
from tamis.impute._typed import Codec

__all__ = ["fills"]


def fills(
    codec: Codec,
    matrix: np.ndarray,
    strategy: str | Callable[[np.ndarray], Any],
    fill_value: Any,
    threads: int,
) -> np.ndarray:
    """Return the code that each column's missing cells get; NaN for a column without values.

    Where the strategy is a mean or a median, other columns than numbers and times get their most
    frequent value; where it is a callable, other columns than numbers.
    """
    kinds = np.array(codec.kinds)
    numbers = np.isin(kinds, ("number", "integer"))
    if strategy == "constant":
        return np.array([_constant(codec, j, fill_value) for j in range(len(kinds))])
    found = _core.column_statistics(matrix, "most_frequent", np.nan, threads)
    if callable(strategy):
        for j in np.flatnonzero(numbers & ~codec.empty).tolist():
            column = matrix[:, j]
            found[j] = float(strategy(column[~np.isnan(column)]))
    elif strategy != "most_frequent":
        told = _core.column_statistics(matrix, strategy, np.nan, threads)
        found = np.where(codec.categorical, found, told)
    return found


def _constant(codec: Codec, column: int, value: Any) -> float:
    if value is not None:
        return codec.code(column, value)
    kind = codec.kinds[column]
    if kind in ("number", "integer"):
        return codec.code(column, 0)
    if kind == "category":
        return codec.code(column, "missing_value")
    raise DataError(
        f"column {codec.names[column]!r} is of kind {kind!r}, for which there is no constant: give "
        "a fill_value of its kind"
    )
