"""Saving a result: what was found and what stays, no item of the data."""

from __future__ import annotations

from typing import Any

import numpy as np

from tamis._state import register
from tamis.dedup._found import Found
from tamis.dedup._result import Duplicates
from tamis.exceptions import StateError

_ARRAYS = {
    "group": np.int64, "left": np.int64, "right": np.int64, "score": np.float64,
    "evidence": np.int64, "keys": np.uint64,
}  # fmt: skip


def _take(result: Duplicates) -> dict[str, Any]:
    found = result._found
    return {
        **{name: getattr(found, name) for name in _ARRAYS},
        "kinds": list(found.kinds),
        "recall": found.recall,
        "spans": dict(found.spans),
        "unit": result._unit,
        "labels": result.labels,
        "keep": result.keep,
    }


def _give(state: dict[str, Any]) -> Duplicates:
    found = _found(state)
    labels: Any = state.get("labels")
    keep: Any = state.get("keep")
    ok = isinstance(labels, np.ndarray) and isinstance(keep, np.ndarray)
    ok = ok and labels.dtype == np.int64 and keep.dtype == np.bool_
    ok = ok and labels.shape == keep.shape == found.group.shape
    # Each cluster 0..k-1 keeps one item.
    if not ok or not np.array_equal(np.unique(labels), np.sort(labels[keep])):
        raise StateError("the saved duplicates do not fit together: save them again")
    if not _numbered(labels):
        raise StateError("the saved duplicates are not numbered from 0: save them again")
    result = Duplicates.__new__(Duplicates)
    result._found, result._unit = found, str(state.get("unit"))
    result.labels, result.keep = labels, keep
    result.n_rows, result.expected_recall = len(labels), found.recall
    result._frame, result._examples = None, {"pairs": []}
    return result


def _numbered(labels: np.ndarray) -> bool:
    present = np.unique(labels)
    return np.array_equal(present, np.arange(len(present)))


def _found(state: dict[str, Any]) -> Found:
    """Return the found pairs, checked."""
    arrays: dict[str, Any] = {name: state.get(name) for name in _ARRAYS}
    for name, dtype in _ARRAYS.items():
        array = arrays[name]
        if not isinstance(array, np.ndarray) or array.dtype != dtype or array.ndim != 1:
            raise StateError(f"the saved duplicates have no usable {name!r}: save them again")
    kinds, recall, spans = state.get("kinds"), state.get("recall"), state.get("spans")
    found = Found(
        **arrays,
        kinds=tuple(kinds) if isinstance(kinds, list) else (),
        recall=recall if isinstance(recall, float) else np.nan,
        spans=spans if isinstance(spans, dict) else {},
    )
    n_pairs, n = len(found.left), found.n_groups
    columns = [found.right, found.score, found.evidence]
    fits = all(len(c) == n_pairs for c in columns) and _numbered(found.group)
    fits = fits and bool(found.kinds) and all(isinstance(k, str) for k in found.kinds)
    fits = fits and 0 <= found.recall <= 1 and (n_pairs == 0 or len(found.keys) == n)
    if fits and n_pairs:
        fits = bool((found.left < found.right).all() and found.left.min() >= 0)
        fits = fits and found.right.max() < n and found.evidence.min() >= 0
        fits = fits and found.evidence.max() < len(found.kinds)
    if not fits:
        raise StateError("the saved duplicates do not fit together: save them again")
    return found


register(Duplicates, take=_take, give=_give)
