"""What images and clips have in common: how they are given, named, read and left out."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any, TypeVar

import narwhals as nw
import numpy as np

from tamis import _frame
from tamis.exceptions import DataError, DuplicatesWarning, ParameterError

__all__ = ["batches", "file", "items_of", "joined", "kind", "name", "sides", "warn_of_broken"]

_Items = TypeVar("_Items")


def items_of(X: Any, column: Any, what: str, things: str) -> list[Any] | None:
    """Return the items of a column of a frame, or of a series; None where X is neither."""
    if type(X).__name__ == "LazyFrame" or _frame.is_frame(X):
        frame = _frame.wrap(X, what)
        if column is None and len(frame.columns) > 1:
            raise ParameterError(
                f"{what} has {len(frame.columns)} columns: name that of the {things} with column="
            )
        _frame.check_names(frame, [] if column is None else [column], what)
        return frame.get_column(frame.columns[0] if column is None else column).to_list()
    if column is not None:
        raise ParameterError(f"column={column!r} names a column, and {what} is no frame")
    if nw.dependencies.is_into_series(X):
        return nw.from_native(X, series_only=True).to_list()
    return None


def name(source: Any, place: int, what: str) -> str:
    """Return what a person knows an item by: its path, or its position."""
    if isinstance(source, str | os.PathLike):
        return str(source)
    return f"{what}[{place}]"


def file(source: Any, called: str) -> bytes | None:
    """Return the bytes that were given, or those of the file; None where it is neither."""
    if isinstance(source, bytes | bytearray | memoryview):
        return bytes(source)
    if not isinstance(source, str | os.PathLike):
        return None
    try:
        return Path(source).read_bytes()
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise DataError(f"{called} cannot be read: {reason}") from error


def kind(source: Any) -> str:
    """Return what something that cannot be used is, as a message says it."""
    missing = source is None or (isinstance(source, float) and np.isnan(source))
    return "missing" if missing else f"a {type(source).__module__}.{type(source).__name__}"


def batches(
    items: list[Any], given: Callable[[Any, int], Any], most: int, size: int
) -> Iterator[tuple[int, list[Any]]]:
    """Yield (position of the first, items as `given` makes them, or the error that it raises).

    A batch has at most so many items, and ends when they have so many bytes: files are read as
    they are wanted.
    """
    start, held = 0, 0
    batch: list[Any] = []
    for place, source in enumerate(items):
        try:
            one = given(source, place)
            held += len(one) if isinstance(one, bytes) else one[0].nbytes
        except DataError as error:
            one = error
        batch.append(one)
        if len(batch) == most or held >= size:
            yield start, batch
            start, batch, held = place + 1, [], 0
    if batch:
        yield start, batch


def warn_of_broken(n: int, unit: str, first: DataError) -> None:
    """Say that items cannot be read and are no duplicates."""
    count = f"1 {unit}" if n == 1 else f"{n} {unit}s"
    left = "is left as it is" if n == 1 else "are left as they are"
    warnings.warn(
        f"{count} cannot be read and {left}; the first: {first}", DuplicatesWarning, stacklevel=5
    )


def joined(one: _Items, other: _Items) -> _Items:
    """Return the arrays of two dataclasses of a kind, one after the other."""
    names = [f.name for f in fields(one)]  # type: ignore[arg-type]
    return type(one)(*(np.concatenate([getattr(one, k), getattr(other, k)]) for k in names))


def sides(group: np.ndarray, n_groups: int, n_left: int | None) -> np.ndarray | None:
    """Return on which of two sides each group stands: 1 left, 2 right, 3 both."""
    if n_left is None:
        return None
    found = np.zeros(n_groups, dtype=np.uint8)
    side = np.where(np.arange(len(group)) < n_left, 1, 2).astype(np.uint8)
    np.bitwise_or.at(found, group, side)
    return found
