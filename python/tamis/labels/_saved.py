"""Saving a result: what was found in which row, no row of the data."""

from __future__ import annotations

from typing import Any

import numpy as np

from tamis._state import register
from tamis.exceptions import StateError
from tamis.labels._issues import LabelIssues
from tamis.labels._targets import Target

_ROWS = {"mask": np.bool_, "judged": np.bool_, "quality": np.float64}
_OPTIONAL = ("thresholds", "confident_joint", "noise_matrix", "residuals")


def _take(issues: LabelIssues) -> dict[str, Any]:
    classes = issues.classes
    return {
        **{name: getattr(issues, name) for name in (*_ROWS, *_OPTIONAL)},
        "given": issues._given,
        "other": issues._other,
        "classes": classes.tolist() if classes is not None and classes.dtype == object else classes,
    }


def _give(state: dict[str, Any]) -> LabelIssues:
    rows: Any = {name: state.get(name) for name in (*_ROWS, "given", "other")}
    classes: Any = state.get("classes")
    if isinstance(classes, list):
        listed, classes = classes, np.empty(len(classes), dtype=object)
        classes[:] = listed
    kinds = {**_ROWS, "given": np.float64, "other": np.float64}
    if classes is not None:
        kinds |= {"given": np.int64, "other": np.int64}
    shape = getattr(rows["mask"], "shape", ())
    for name, array in rows.items():
        good = isinstance(array, np.ndarray) and array.dtype == kinds[name]
        if not good or array.ndim != 1 or array.shape != shape:
            raise StateError(f"the saved label issues have no usable {name!r}: save them again")
    if classes is not None:
        codes = np.concatenate([rows["given"], rows["other"]])
        fits = isinstance(classes, np.ndarray) and classes.ndim == 1
        if not fits or codes.min(initial=0) < 0 or codes.max(initial=-1) >= len(classes):
            raise StateError("the saved label issues have classes that do not fit: save them again")
    return LabelIssues(
        Target(rows["given"], classes, None), rows["mask"], rows["quality"], rows["other"],
        judged=rows["judged"], **{name: state.get(name) for name in _OPTIONAL},
    )  # fmt: skip


register(LabelIssues, take=_take, give=_give)
