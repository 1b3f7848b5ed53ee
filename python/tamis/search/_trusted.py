"""Rows whose targets were checked: scores are taken on them alone."""

from __future__ import annotations

from typing import Any

import numpy as np

from tamis import _frame
from tamis.exceptions import DataError, ParameterError
from tamis.search._task import Task

__all__ = ["check_enough", "trusted_rows"]

#: Trusted rows of each class (or in all, of numbers) for a fold, at least.
_LEAST = 2


def trusted_rows(data: Any, target: str, trusted: Any) -> tuple[np.ndarray | None, str | None]:
    """Return which rows are trusted, and the column that says so where it is one."""
    if trusted is None:
        return None, None
    if not isinstance(trusted, str):
        return _as_flags(np.asarray(trusted), "trusted", len(_frame.wrap(data))), None
    frame = _frame.wrap(data)
    _frame.check_names(frame, [trusted])
    if trusted == target:
        raise ParameterError("trusted must name another column than the target")
    cells = np.array(frame.get_column(trusted).to_list(), dtype=object)
    missing = frame.get_column(trusted).is_null().to_numpy() | np.array(
        [isinstance(cell, float) and np.isnan(cell) for cell in cells], dtype=bool
    )
    if missing.any():
        row = int(np.flatnonzero(missing)[0])
        raise DataError(f"column {trusted!r}: row {row} does not say whether it is trusted")
    return _as_flags(cells, f"column {trusted!r}", len(frame)), trusted


def _as_flags(cells: np.ndarray, what: str, n: int) -> np.ndarray:
    if cells.shape != (n,):
        raise ParameterError(f"{what} has shape {cells.shape}; the data has {n} rows")
    values = set(cells.tolist())
    if not values <= {True, False}:
        odd = next(v for v in cells.tolist() if v not in (True, False))
        raise ParameterError(f"{what} must be true or false; it has {odd!r}")
    return cells.astype(bool)


def check_enough(task: Task, trusted: np.ndarray, cv: int) -> None:
    """Check that every fold and the holdout can have trusted rows to be scored on."""
    least = _LEAST * (cv + 1)
    if not task.classifies:
        if trusted.sum() < least:
            raise DataError(f"{int(trusted.sum())} rows are trusted: {least} are needed at least")
        return
    counts = np.bincount(task.y[trusted], minlength=len(task.classes))
    few = int(counts.argmin())
    if counts[few] < least:
        raise DataError(
            f"{counts[few]} rows of class {task.classes[few]!r} are trusted: {least} are needed "
            f"for {cv} folds and a holdout (cv=2 needs {_LEAST * 3})"
        )
