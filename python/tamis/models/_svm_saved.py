"""Support vector machines in files: sparse parts taken apart, what comes back checked."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
from scipy import sparse

from tamis._state import register
from tamis.exceptions import StateError
from tamis.models._svm import SVC, SVR

__all__: list[str] = []

_PARTS = ("support_vectors_", "dual_coef_", "_dual_coef_")


def _take(model: Any) -> dict[str, Any]:
    state = dict(vars(model))
    for name in _PARTS:
        value: Any = state.get(name)
        if sparse.issparse(value):
            state[name] = {
                "data": value.data,
                "indices": value.indices,
                "indptr": value.indptr,
                "shape": tuple(map(int, value.shape)),
            }
    return state


def _give(cls: type, state: dict[str, Any]) -> Any:
    made = cls()
    for name, value in state.items():
        if name.startswith("__") or hasattr(cls, name):
            raise StateError(f"{cls.__name__} has no attribute {name!r} of its own")
        made.__dict__[name] = _sparse(cls, value) if name in _PARTS else value
    return made


def _sparse(cls: type, value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    try:
        parts = (value["data"], value["indices"], value["indptr"])
        made = sparse.csr_array(parts, shape=value["shape"])
        made.check_format(full_check=True)
    except Exception as error:
        raise StateError(f"a sparse part of {cls.__name__} is damaged: {error}") from None
    return made


def _check(model: Any) -> None:
    """Raise StateError where support vectors and coefficients do not fit each other."""
    have = vars(model)
    if "support_vectors_" not in have:
        return
    lines = len(have.get("classes_", (0, 1))) - 1
    pairs = lines * (lines + 1) // 2
    vectors = have["support_vectors_"].shape[0] if len(have["support_vectors_"].shape) == 2 else -1
    given = callable(have.get("kernel")) or have.get("kernel") == "precomputed"
    counts, support = np.asarray(have.get("_n_support")), np.asarray(have.get("support_"))
    n = len(support) if support.ndim == 1 else -1
    good = (
        support.dtype.kind == "i"
        and (given or vectors == n)
        and counts.dtype.kind == "i"
        and counts.shape == (lines + 1 if "classes_" in have else 1,)
        and bool((counts >= 0).all())
        and int(counts.sum()) == n
        and all(np.shape(have.get(k)) == (lines, n) for k in ("dual_coef_", "_dual_coef_"))
        and all(np.shape(have.get(k)) == (pairs,) for k in ("intercept_", "_intercept_"))
        and isinstance(have.get("_gamma"), float)
        and isinstance(have.get("shape_fit_"), tuple)
        and bool(((support >= 0) & (support < have["shape_fit_"][0])).all())
    )
    if not good:
        raise StateError(f"the support vectors of {type(model).__name__} do not fit each other")


register(SVC, check=_check, take=_take, give=partial(_give, SVC))
register(SVR, check=_check, take=_take, give=partial(_give, SVR))
