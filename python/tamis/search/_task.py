"""What is to be predicted: the kind of task, read off the target, and the target as numbers."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from typing import Any

import numpy as np

from tamis import _columns, _frame
from tamis.exceptions import DataError, ParameterError

__all__ = ["Task", "find_task"]

_KINDS = ("auto", "classification", "binary", "multiclass", "regression")
#: Whole numbers with at most so many distinct values are classes, not quantities.
_MOST_INT_CLASSES = 15
_METRIC = {"binary": "roc_auc", "multiclass": "accuracy", "regression": "r2"}


@dataclass(frozen=True)
class Task:
    """The task: kind ("binary", "multiclass" or "regression"), why, and the target as numbers.

    `y` holds class codes (int64, positions in `classes`) or floats; `labels` holds the target as
    a model is to see and return it.
    """

    kind: str
    reason: str
    target: str
    y: np.ndarray
    labels: np.ndarray
    classes: tuple[Any, ...]

    @property
    def classifies(self) -> bool:
        """Whether the target holds classes."""
        return self.kind != "regression"

    @property
    def default_metric(self) -> str:
        """The metric used when none is asked for."""
        return _METRIC[self.kind]

    def codes(self, labels: np.ndarray) -> np.ndarray:
        """Return class codes of labels (or floats for regression)."""
        if not self.classifies:
            return np.asarray(labels, dtype=np.float64)
        place = {c: i for i, c in enumerate(self.classes)}
        return np.array([place[v] for v in np.asarray(labels).tolist()], dtype=np.int64)


def find_task(data: Any, target: str, kind: str = "auto") -> Task:
    """Read the task off the target column, or check that the one asked for fits it."""
    if kind not in _KINDS:
        raise ParameterError(f"task must be one of {', '.join(_KINDS)}; got {kind!r}")
    frame = _frame.wrap(data)
    if target not in frame.columns:
        near = difflib.get_close_matches(str(target), [str(c) for c in frame.columns], n=1)
        hint = f"; did you mean {near[0]!r}?" if near else f"; it has {_some(frame.columns)}"
        raise ParameterError(f"no column named {target!r} in the data{hint}")
    v = _frame.values(frame.get_column(target))
    column = _columns.profile(frame.get_column(target))
    if v.missing.any():
        rows = np.flatnonzero(v.missing)
        raise DataError(
            f"the target {target!r} is missing in {len(rows)} of {len(v.data)} rows (the first is "
            f"row {rows[0]}): drop those rows, for a model cannot learn from them"
        )
    if column.n_distinct < 2:
        raise DataError(
            f"the target {target!r} is constant: there is nothing to learn; check the column"
        )
    if v.kind == "object":
        raise DataError(f"the target {target!r} holds objects: convert it to numbers or text")
    if v.kind == "float" and np.isinf(v.data).any():
        row = int(np.flatnonzero(np.isinf(v.data))[0])
        raise DataError(f"the target {target!r} is infinite in row {row}: correct or drop it")
    if column.parse == "number" and column.n_distinct > 2:
        numbers = np.array([_columns.parse_number(t) for t in v.data])
        if np.isfinite(numbers).all():
            v = _frame.Values("float", numbers, v.missing)
    return _as_task(v, column, target, kind)


def _as_task(v: _frame.Values, column: _columns.Column, target: str, asked: str) -> Task:
    uniques = np.unique(v.data) if v.kind != "str" else np.array(sorted(set(v.data)), dtype=object)
    n = len(v.data)
    kind, reason = _infer(v, uniques)
    if asked in ("binary", "multiclass", "classification"):
        kind, reason = "binary" if len(uniques) == 2 else "multiclass", "as asked"
        if asked == "binary" and kind != "binary":
            raise DataError(f"the target {target!r} has {len(uniques)} classes, not two")
    elif asked == "regression":
        kind, reason = "regression", "as asked"
        if v.kind == "str":
            raise DataError(f"the target {target!r} is text: regression needs numbers")
    if column.kind == "identifier" or (kind != "regression" and len(uniques) > max(2, n // 2)):
        raise DataError(
            f"the target {target!r} is nearly unique ({len(uniques)} distinct values in {n} rows): "
            "it looks like an identifier; choose another column, or task='regression' if it is a "
            "quantity"
        )
    if kind == "regression":
        y = v.data.astype(np.float64)
        return Task(kind, reason, target, y, y, ())
    counts = np.array([np.count_nonzero(v.data == u) for u in uniques])
    if counts.min() < 2:
        rare = uniques[int(counts.argmin())]
        raise DataError(
            f"class {rare!r} of the target {target!r} has only one row: it cannot be both learned "
            "and checked; merge it with another class or drop it"
        )
    place = {u: i for i, u in enumerate(uniques.tolist())}
    codes = np.array([place[t] for t in v.data.tolist()], dtype=np.int64)
    return Task(kind, reason, target, codes, v.data, tuple(uniques.tolist()))


def _infer(v: _frame.Values, uniques: np.ndarray) -> tuple[str, str]:
    if len(uniques) == 2:
        return "binary", f"two distinct values ({uniques[0]} and {uniques[1]})"
    if v.kind in ("str", "bool"):
        return "multiclass", f"text with {len(uniques)} distinct values"
    whole = bool(np.all(np.mod(uniques.astype(np.float64), 1.0) == 0.0))
    if whole and len(uniques) <= _MOST_INT_CLASSES and v.kind != "time":
        return "multiclass", f"whole numbers with only {len(uniques)} distinct values"
    return "regression", f"numbers with {len(uniques)} distinct values"


def _some(names: list[str]) -> str:
    shown = ", ".join(str(n) for n in names[:8])
    return shown + (f" and {len(names) - 8} more" if len(names) > 8 else "")
