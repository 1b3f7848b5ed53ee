"""From objects to the manifest: a flat table in which every entry refers to earlier ones."""

from __future__ import annotations

import math
import platform
from typing import Any

import numpy as np
import sklearn

from tamis._core import __version__
from tamis._state import _pandas
from tamis._state._arrays import dtype_name, storable
from tamis._state._classes import TYPES, find, state_of
from tamis._state._random import random_state
from tamis.exceptions import StateError

__all__ = ["encode"]


def encode(obj: Any) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """Return the manifest of `obj` and its arrays by name.

    In the manifest, None, booleans, texts, finite floats and 64-bit integers stand for themselves;
    ``{"ref": i}`` is entry `i` of ``objects``; other values are dicts of one key.
    """
    writer = _Writer()
    try:
        root = writer.value(obj, "the object")
    except RecursionError:
        raise StateError("the object is nested too deeply to be saved") from None
    manifest = {
        "tamis": __version__,
        "scikit-learn": sklearn.__version__,
        "numpy": np.__version__,
        "python": platform.python_version(),
        "objects": writer.objects,
        "root": root,
    }
    return manifest, writer.arrays


class _Writer:
    """The table as it grows. Objects are remembered, so that what is shared is written once."""

    def __init__(self) -> None:
        self.objects: list[dict[str, Any]] = []
        self.arrays: dict[str, np.ndarray] = {}
        self._known: dict[int, int] = {}
        self._open: set[int] = set()
        self._alive: list[Any] = []  # an id is only good while its object lives

    def value(self, obj: Any, where: str) -> Any:
        """Return what stands for `obj` in the manifest."""
        kind = type(obj)
        if obj is None or kind is bool or kind is str:
            return obj
        if kind is int:
            return obj if -(2**63) <= obj < 2**63 else {"int": hex(obj)}
        if kind is float:
            return obj if math.isfinite(obj) else {"float": repr(obj)}
        if kind is bytes:
            return {"bytes": obj.hex()}
        if isinstance(obj, np.generic) and not isinstance(obj, np.void):
            one = np.asarray(obj)
            little = one.astype(one.dtype.newbyteorder("<"), copy=False)
            return {"scalar": [_dtype(one.dtype, where), little.tobytes().hex()]}
        if isinstance(obj, np.dtype):
            return {"dtype": _dtype(obj, where)}
        if isinstance(obj, type) and obj in TYPES:
            return {"type": TYPES[obj]}
        return {"ref": self._object(obj, where)}

    def _object(self, obj: Any, where: str) -> int:
        if id(obj) in self._known:
            return self._known[id(obj)]
        if id(obj) in self._open:
            raise StateError(f"{where} contains itself, which cannot be saved")
        self._open.add(id(obj))
        entry = self._entry(obj, where)
        self._open.discard(id(obj))
        self.objects.append(entry)
        self._alive.append(obj)
        self._known[id(obj)] = len(self.objects) - 1
        return len(self.objects) - 1

    def _entry(self, obj: Any, where: str) -> dict[str, Any]:
        kind = type(obj)
        if kind in (list, tuple, set, frozenset):
            members = sorted(obj, key=repr) if kind in (set, frozenset) else obj
            items = [self.value(v, f"{where}[{i}]") for i, v in enumerate(members)]
            return {"kind": kind.__name__, "items": items}
        if kind is dict:
            return {
                "kind": "dict",
                "keys": [self.value(k, f"a key of {where}") for k in obj],
                "values": [self.value(v, f"{where}[{k!r}]") for k, v in obj.items()],
            }
        if kind is slice:
            parts = [self.value(v, where) for v in (obj.start, obj.stop, obj.step)]
            return {"kind": "slice", "items": parts}
        if kind is np.ndarray:
            return self._array(obj, where)
        if isinstance(obj, np.random.RandomState | np.random.Generator):
            name, state = random_state(obj, where)
            return {"kind": "random", "name": name, "state": self.value(state, where)}
        if _pandas.known(obj):
            name, state = _pandas.parts(obj, where)
            return {"kind": "pandas", "name": name, "state": self.value(state, where)}
        entry = find(kind)
        if entry is None:
            raise StateError(_refusal(obj, where))
        state = {k: self.value(v, f"{where}.{k}") for k, v in state_of(entry, obj, where).items()}
        return {"kind": "estimator", "class": entry.path, "state": state}

    def _array(self, array: np.ndarray, where: str) -> dict[str, Any]:
        if array.dtype == object:
            items = [self.value(v, f"{where}[{i}]") for i, v in enumerate(array.ravel().tolist())]
            return {"kind": "objects", "shape": list(array.shape), "items": items}
        # Columns first stays so: some kernels are quicker on it, and sums keep their order.
        by_columns = array.ndim > 1 and array.flags.f_contiguous and not array.flags.c_contiguous
        name = f"a{len(self.arrays)}"
        dtype = _dtype(array.dtype, where)
        self.arrays[name] = storable(array.T if by_columns else array)
        order = "F" if by_columns else "C"
        return {"kind": "array", "array": name, "dtype": dtype, "order": order}


def _dtype(dtype: np.dtype, where: str) -> Any:
    try:
        return dtype_name(dtype)
    except StateError as error:
        raise StateError(f"{where}: {error}") from None


def _refusal(obj: Any, where: str) -> str:
    kind = type(obj)
    name = f"{kind.__module__}.{kind.__qualname__}"
    if callable(obj) and not hasattr(obj, "get_params"):
        given = getattr(obj, "__qualname__", name)
        return (
            f"{where} is {given}, a function or class of your own: tamis.save stores data, never "
            "code. Name it instead of passing it where the estimator allows that, or use pickle"
        )
    return (
        f"{where} is a {name}, which is not among the types that tamis.save knows: "
        "replace that part, or use pickle for files that only you will load"
    )
