"""What forests for missing values need to know of columns and parameters."""

from __future__ import annotations

import numbers
from typing import Any

import numpy as np

from tamis.exceptions import ParameterError

__all__ = ["encode_levels", "firsts", "found_levels", "looked_at", "others_of", "whole"]


def found_levels(
    wanted: Any, names: list[Any], cells: np.ndarray, n_categories: np.ndarray
) -> dict[int, np.ndarray]:
    """Return the values of columns of numbers that are said to hold categories.

    Parameters
    ----------
    wanted : array-like or None
        A mask of the columns, positions, or names.
    names : list
        Names of all columns, or their positions.
    cells : ndarray of shape (n_rows, n_columns)
        The table as numbers.
    n_categories : ndarray of shape (n_columns,)
        0 for numbers.
    """
    if wanted is None:
        return {}
    n, marks = cells.shape[1], np.asarray(wanted)
    if marks.dtype == bool:
        if marks.shape != (n,):
            raise ParameterError(
                f"categorical_features must have an entry for each of {n} columns; "
                f"got {marks.shape}"
            )
        chosen = np.flatnonzero(marks).tolist()
    else:
        chosen = []
        for mark in marks.ravel().tolist():
            if mark not in names and not (isinstance(mark, int) and -n <= mark < n):
                raise ParameterError(f"categorical_features names no column: {mark!r}")
            chosen.append(names.index(mark) if mark in names else mark % n)
    found = {j: np.unique(cells[~np.isnan(cells[:, j]), j]) for j in chosen if n_categories[j] == 0}
    return {j: levels for j, levels in found.items() if len(levels)}


def encode_levels(levels: dict[int, np.ndarray], cells: np.ndarray) -> None:
    """Put codes for numbers that are categories, NaN for those that are not known."""
    for column, known in levels.items():
        place = np.searchsorted(known, cells[:, column]).clip(max=len(known) - 1)
        cells[:, column] = np.where(known[place] == cells[:, column], place, np.nan)


def whole(value: Any, name: str) -> None:
    """Refuse what is no whole number from 1."""
    if isinstance(value, bool) or not isinstance(value, numbers.Integral) or value < 1:
        raise ParameterError(f"{name} must be a whole number from 1; got {value!r}")


def looked_at(max_features: Any, n: int) -> int:
    """Return how many of `n` columns a node looks at."""
    if max_features is None:
        return max(n, 1)
    if max_features in ("sqrt", "log2"):
        return max(1, int(np.sqrt(n) if max_features == "sqrt" else np.log2(max(n, 1))))
    count = isinstance(max_features, int | np.integer) and not isinstance(max_features, bool)
    if count and max_features >= 1:
        return min(int(max_features), max(n, 1))
    if isinstance(max_features, float | np.floating) and 0 < max_features <= 1:
        return max(1, int(max_features * n))
    raise ParameterError(
        "max_features must be 'sqrt', 'log2', None, a whole number from 1 or a share up to 1; "
        f"got {max_features!r}"
    )


def others_of(column: int, n: int) -> list[int]:
    """Return all columns but one."""
    return [j for j in range(n) if j != column]


def firsts(cells: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """Return the mean of numbers and the most frequent code of categories."""
    out = np.empty(cells.shape[1])
    for j, n in enumerate(counts.tolist()):
        there = cells[~np.isnan(cells[:, j]), j]
        out[j] = np.bincount(there.astype(np.int64), minlength=n).argmax() if n else there.mean()
    return out
