"""The refined training data, and every change that was made to it."""

from __future__ import annotations

from typing import Any

import numpy as np

from tamis import _frame
from tamis.pipeline import Pipeline
from tamis.search._plan import Plan
from tamis.search._table import FrameEncoder

__all__ = ["refine"]

_FILLED = {
    "median": "missing; the column's median",
    "mode": "missing; the column's most frequent value",
    "knn": "missing; mean of the 5 nearest rows",
    "chained": "missing; by regressions on the other columns",
    "chained-trees": "missing; by boosted trees on the other columns",
    "forest": "missing; by random forests on the other columns",
    "low-rank": "missing; from a table of low rank",
    "auto": "missing; by what fills hidden cells of the column best",
    "flag": "missing; the column's median (the model sees that it was missing)",
}
_CATEGORY = "missing; the column's most frequent value"


class _Log:
    """Collects changes as columns."""

    def __init__(self) -> None:
        names = ("row", "column", "old", "new", "step", "reason")
        self.columns: dict[str, list[Any]] = {name: [] for name in names}

    def add(self, row: Any, column: Any, old: Any, new: Any, step: str, reason: str) -> None:
        cells = (row, column, old, new, step, reason)
        for cell, into in zip(cells, self.columns.values(), strict=True):
            into.append(cell)


def refine(data: Any, model: Pipeline, plan: Plan, copies: np.ndarray) -> tuple[Any, Any]:
    """Return (refined rows in the caller's container, changes as a frame).

    Parameters
    ----------
    data : frame
        The training rows as they were given.
    model : Pipeline
        The pipeline fitted on them.
    plan : Plan
        Its plan.
    copies : ndarray of shape (n_rows,)
        Equal labels for rows that are copies of each other.
    """
    log = _Log()
    labels = _frame.row_labels(data)
    rows = _drop_duplicates(model, labels, copies, log)
    encoder: FrameEncoder = model.named_steps["columns"]
    before = encoder.transform(_frame.take(data, rows))
    rows, before, after = _outliers(model, encoder, labels, rows, before, log)
    stay = _wrong_labels(model, labels, rows, log)
    rows, before, after = rows[stay], before[stay], after[stay]
    clipped = _differ(before, after)
    after = _fill(model, plan, after)
    refined = _frame.take(data, rows)
    frame = _frame.wrap(refined)
    for j, name in enumerate(encoder.columns_):
        raw = _frame.values(frame.get_column(name))
        refined = _parse(refined, raw, name, encoder, before[:, j], log)
        changed = _differ(before[:, j], after[:, j])
        marked = np.isnan(before[:, j]) & ~raw.missing & ~changed
        cells = np.flatnonzero(changed | marked)
        new = encoder.decode(j, after[cells, j])
        new = [None if marked[c] else v for c, v in zip(cells, new, strict=True)]
        new = _like(new, raw, name, encoder)
        for c, value in zip(cells.tolist(), new, strict=True):
            step, reason = _why(model, plan, encoder, j, bool(clipped[c, j]), bool(marked[c]))
            old = None if raw.missing[c] else raw.data[c]
            old = old.item() if isinstance(old, np.generic) else old
            log.add(labels[rows[c]], name, old, value, step, reason)
        refined = _frame.replace_cells(refined, name, cells, new)
    return refined, _frame.build(data, log.columns)


def _drop_duplicates(
    model: Pipeline, labels: np.ndarray, copies: np.ndarray, log: _Log
) -> np.ndarray:
    every = np.arange(len(labels))
    if "duplicates" not in model.named_steps:
        return every
    rows = model.named_steps["duplicates"].sample_indices_
    _, first, inverse = np.unique(copies, return_index=True, return_inverse=True)
    for row in np.setdiff1d(every, rows).tolist():
        reason = f"the same as row {labels[first[inverse[row]]]}"
        log.add(labels[row], None, None, None, "duplicates", f"dropped: {reason}")
    return rows


def _outliers(
    model: Pipeline,
    encoder: FrameEncoder,
    labels: np.ndarray,
    rows: np.ndarray,
    Z: np.ndarray,
    log: _Log,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the rows that stay, and their matrix before and after clipping."""
    step = model.named_steps.get("outliers")
    if step is None or step.estimator_ is None:
        return rows, Z, Z
    if hasattr(step, "transform"):
        return rows, Z, step.transform(Z)
    low, high = _bounds(step)
    stay = step.sample_indices_
    numbers = Z[:, list(step.columns)]
    with np.errstate(invalid="ignore"):
        outside = (numbers < low) | (numbers > high)
    for place in np.setdiff1d(np.arange(len(rows)), stay).tolist():
        j = int(np.flatnonzero(outside[place])[0]) if outside[place].any() else 0
        name = encoder.columns_[step.columns[j]]
        reason = f"dropped: {name} is outside {low[j]:g} to {high[j]:g}"
        log.add(labels[rows[place]], name, float(numbers[place, j]), None, "outliers", reason)
    return rows[stay], Z[stay], Z[stay]


def _wrong_labels(model: Pipeline, labels: np.ndarray, rows: np.ndarray, log: _Log) -> np.ndarray:
    """Return the places of the rows whose labels were trusted."""
    step = model.named_steps.get("labels")
    if step is None:
        return np.arange(len(rows))
    issues, stay = step.issues_, step.sample_indices_
    for place in np.setdiff1d(np.arange(len(rows)), stay).tolist():
        old, new = issues.labels[place], issues.suggested[place]
        old, new = (v.item() if isinstance(v, np.generic) else v for v in (old, new))
        said = f"{new:.6g}" if isinstance(new, float) else repr(new)
        reason = f"dropped: the label is likely wrong, the other rows say {said}"
        log.add(labels[rows[place]], None, old, None, "labels", reason)
    return stay


def _bounds(step: Any) -> tuple[np.ndarray, np.ndarray]:
    detector = step.estimator_.detector_
    return np.asarray(detector.lower_), np.asarray(detector.upper_)


def _fill(model: Pipeline, plan: Plan, Z: np.ndarray) -> np.ndarray:
    """Return the matrix filled as the model sees it; a gap that stays a category stays a gap."""
    if plan.missing == "native":
        return Z
    filled = model.named_steps["missing"].transform(Z)
    if plan.missing == "flag":
        return filled
    return model.named_steps["missing-categories"].transform(filled)


def _differ(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return (a != b) & ~(np.isnan(a) & np.isnan(b))


def _why(
    model: Pipeline, plan: Plan, encoder: FrameEncoder, j: int, clipped: bool, marked: bool
) -> tuple[str, str]:
    name = encoder.columns_[j]
    if marked:
        return "missing", "stands for a missing value"
    if clipped:
        low, high = _bounds(model.named_steps["outliers"])
        return "outliers", f"clipped to {low[j]:g} to {high[j]:g}"
    return "missing", _CATEGORY if name in encoder.levels_ else _FILLED[plan.missing]


def _parse(
    refined: Any,
    raw: _frame.Values,
    name: str,
    encoder: FrameEncoder,
    numbers: np.ndarray,
    log: _Log,
) -> Any:
    """Turn a column of numbers kept as text into numbers: one change, said once."""
    if raw.kind != "str" or name not in encoder.numbers:
        return refined
    example = next((t for t, x in zip(raw.data, numbers, strict=True) if not np.isnan(x)), "")
    log.add(
        None, name, "text", "number", "columns", f"text that holds numbers, such as {example!r}"
    )
    return _frame.replace_column(refined, name, numbers)


def _like(new: list[Any], raw: _frame.Values, name: str, encoder: FrameEncoder) -> list[Any]:
    """Return times as text where the column keeps them as text."""
    if name in encoder.datetimes and raw.kind == "str":
        return [None if v is None else v.isoformat(sep=" ") for v in new]
    return new
