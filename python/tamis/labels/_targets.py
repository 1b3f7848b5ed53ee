"""The labels as given: what is missing, which kind they are, and the number of each class."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import narwhals as nw
import numpy as np
from sklearn.utils.multiclass import type_of_target

from tamis import _frame
from tamis.exceptions import DataError, ParameterError, ShapeError

__all__ = ["Target", "read", "weights_by_row"]

_TASKS = ("auto", "classification", "regression")
#: Whole numbers that span no more than this many times the rows are counted, not sorted.
_SPAN = 4


@dataclass(frozen=True)
class Target:
    """A target: `y` holds class numbers (positions in `classes`) or floats; no class, no classes.

    `like` is an empty frame of the caller's library, in which results are given.
    """

    y: np.ndarray
    classes: np.ndarray | None
    like: Any

    @property
    def classifies(self) -> bool:
        """Whether the target holds classes."""
        return self.classes is not None


def read(y: Any, task: str = "auto", classes: Any = None, like: Any = None) -> Target:
    """Return a target, or say what is wrong with it and where."""
    if task not in _TASKS:
        raise ParameterError(f"task must be one of {', '.join(_TASKS)}; got {task!r}")
    values = _values(y)
    if not len(values):
        raise DataError("y has no labels: there is nothing to look at")
    like = _like(y) if like is None else like
    if task == "auto" and classes is None:
        task = "regression" if _continuous(values) else "classification"
    if task == "regression":
        return Target(_numbers(values), None, like)
    found, codes = _coded(values)
    if classes is not None:
        found, codes = _placed(found, codes, classes)
    if len(found) < 2:
        raise DataError(
            f"y has one class ({found.tolist()[0]!r}) alone: there is nothing to compare it to"
        )
    return Target(codes, found, like)


def _values(y: Any) -> np.ndarray:
    """Return the labels as an array of one dimension, with none missing."""
    if _frame.is_frame(y):
        frame = _frame.wrap(y, "y")
        if len(frame.columns) != 1:
            raise ShapeError(f"y must be one column; got {len(frame.columns)}")
        y = frame.get_column(frame.columns[0]).to_native()
    if nw.dependencies.is_into_series(y):
        v = _frame.values(nw.from_native(y, series_only=True))
        _refuse_missing(v.missing)
        return v.data
    if isinstance(y, list | tuple):
        # NumPy would make text of a missing label among texts.
        _refuse_missing(np.array([_is_missing(v) for v in y], dtype=bool))
    values = np.asarray(y)
    if values.ndim == 2 and values.shape[1] == 1:
        values = values[:, 0]
    if values.ndim != 1:
        raise ShapeError(f"y must have one dimension; got shape {values.shape}")
    if values.dtype.kind == "f":
        _refuse_missing(np.isnan(values))
    elif values.dtype.kind == "O":
        _refuse_missing(np.array([_is_missing(v) for v in values.tolist()], dtype=bool))
    return values


def _is_missing(value: Any) -> bool:
    nan = isinstance(value, float | np.floating) and bool(np.isnan(value))
    return value is None or nan or type(value).__name__ in ("NAType", "NaTType")


def _refuse_missing(missing: np.ndarray) -> None:
    if missing.any():
        rows = np.flatnonzero(missing)
        raise DataError(
            f"the label is missing in {len(rows)} of {len(missing)} rows (the first is row "
            f"{rows[0]}): drop these rows, or label them"
        )


def _like(y: Any) -> Any:
    """Return an empty frame of the library of `y`; None where it has none."""
    if _frame.is_frame(y):
        return _frame.take(y, np.arange(0))
    if nw.dependencies.is_into_series(y) and not hasattr(y, "iloc"):
        series = nw.from_native(y, series_only=True)
        return series[:0].to_frame().to_native()
    return None


def _continuous(values: np.ndarray) -> bool:
    return values.dtype.kind == "f" and type_of_target(values, input_name="y") == "continuous"


def _numbers(values: np.ndarray) -> np.ndarray:
    try:
        y = values.astype(np.float64)
    except (TypeError, ValueError) as error:
        raise DataError(f"y must be numbers for regression: {error}") from error
    if np.isinf(y).any():
        row = int(np.flatnonzero(np.isinf(y))[0])
        raise DataError(f"y is infinite in row {row}: correct or drop it")
    return y


def _coded(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the classes in order, and the number of each row's class."""
    if values.dtype.kind in "iu":
        low, high = int(values.min()), int(values.max())
        if high - low < _SPAN * len(values) and high < 2**62:
            # No copy where the classes are 0, 1, ... already: there may be very many rows.
            codes = values.astype(np.int64, copy=False)
            codes = codes - low if low else codes
            there = np.bincount(codes) > 0
            classes = (np.flatnonzero(there) + low).astype(values.dtype)
            return classes, codes if there.all() else (np.cumsum(there) - 1)[codes]
    if values.dtype.kind == "O":
        texts = values.tolist()
        try:
            order: list[Any] = sorted(set(texts))
        except TypeError:
            order = sorted(set(texts), key=lambda v: (type(v).__name__, str(v)))
        place = {label: i for i, label in enumerate(order)}
        classes = np.empty(len(order), dtype=object)
        classes[:] = order
        return classes, np.array([place[t] for t in texts], dtype=np.int64)
    classes, codes = np.unique(values, return_inverse=True)
    return classes, codes.astype(np.int64)


def _placed(found: np.ndarray, codes: np.ndarray, classes: Any) -> tuple[np.ndarray, np.ndarray]:
    """Return the classes in the caller's order, and numbers in it."""
    listed = list(classes)
    if len(set(listed)) < len(listed):
        raise ParameterError(f"classes must differ; got {listed}")
    given = np.empty(len(listed), dtype=object)
    given[:] = listed
    place = {label: i for i, label in enumerate(listed)}
    absent = [label for label in found.tolist() if label not in place]
    if absent:
        row = int(np.flatnonzero(codes == found.tolist().index(absent[0]))[0])
        raise ParameterError(
            f"the label {absent[0]!r} (row {row}) is not among classes={listed}: name every class, "
            "in the order of the columns of pred_probs"
        )
    move = np.array([place[label] for label in found.tolist()], dtype=np.int64)
    plain = np.asarray(listed)
    return (plain if plain.dtype.kind in "biuf" else given), move[codes]


def weights_by_row(sample_weight: Any, n: int) -> np.ndarray | None:
    """Return weights as float64; None where all are equal."""
    if sample_weight is None:
        return None
    weights = np.asarray(sample_weight, dtype=np.float64)
    if weights.shape != (n,):
        raise ShapeError(f"sample_weight has shape {weights.shape}; expected {(n,)}")
    if not np.isfinite(weights).all() or (weights < 0).any():
        raise DataError("sample_weight must be finite numbers from 0 on")
    if not weights.any():
        raise DataError("sample_weight is zero for every row: nothing is left to learn from")
    return weights
