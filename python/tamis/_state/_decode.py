"""From the manifest to objects: every entry is checked, and made of entries before it."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import sklearn

from tamis._state import _pandas
from tamis._state._arrays import read_dtype, restore
from tamis._state._classes import TYPES, make
from tamis._state._random import make_random_state
from tamis.exceptions import StateError, VersionWarning

__all__ = ["decode"]

#: Deeper than any model; what is made must be safe to walk, print and delete.
_DEPTH = 100
#: Entries as walked from the root, shared ones counted each time (tables that unfold without end).
_SIZE = 100_000_000
_NAMED = {name: kind for kind, name in TYPES.items()}


def decode(manifest: dict[str, Any], arrays: dict[str, np.ndarray], path: Path) -> Any:
    """Return the object of a manifest."""
    try:
        reader = _Reader(arrays)
        for entry in _of(list, manifest.get("objects")):
            reader.add(_of(dict, entry))
        if reader.arrays:
            raise StateError("it holds arrays that nothing refers to")
        root = reader.value(manifest.get("root"))
    except StateError as error:
        raise StateError(f"{path} cannot be loaded: {error}; save it anew") from error
    except (MemoryError, KeyboardInterrupt):
        raise
    except Exception as error:  # what classes and NumPy say to values that do not fit them
        raise StateError(
            f"{path} cannot be loaded: its values do not fit together "
            f"({type(error).__name__}: {error}); save it anew"
        ) from error
    saved = manifest.get("scikit-learn")
    if reader.foreign and saved != sklearn.__version__:
        text = str(saved)[:20]
        warnings.warn(VersionWarning(reader.foreign, sklearn.__version__, text), stacklevel=3)
    return root


class _Reader:
    """The objects made so far, with how deep and how large each is."""

    def __init__(self, arrays: dict[str, np.ndarray]) -> None:
        self.arrays = dict(arrays)
        self.foreign = ""  # the first class of scikit-learn met
        self._made: list[Any] = []
        self._depth: list[int] = []
        self._size: list[int] = []
        self._deepest = 0
        self._total = 0

    def add(self, entry: dict[str, Any]) -> None:
        """Make the object of the next entry of the table."""
        self._deepest, self._total = 0, 1
        kind = entry.get("kind")
        if not isinstance(kind, str) or kind not in _KINDS:
            raise StateError(f"unknown kind of value {str(kind)[:80]!r}")
        made = _KINDS[kind](self, entry)
        if self._deepest + 1 > _DEPTH or self._total > _SIZE:
            raise StateError("its values are nested too deeply")
        self._made.append(made)
        self._depth.append(self._deepest + 1)
        self._size.append(self._total)

    def value(self, v: Any) -> Any:
        """Return the value that stands for `v` in the manifest."""
        self._total += 1
        if v is None or isinstance(v, bool | int | float | str):
            return v
        if not isinstance(v, dict) or len(v) != 1:
            raise StateError("a value is malformed")
        ((key, inner),) = v.items()
        if key == "ref":
            return self._ref(inner)
        if key == "int":
            return int(_of(str, inner), 16)
        if key == "float" and inner in ("nan", "inf", "-inf"):
            return float(inner)
        if key == "bytes":
            return bytes.fromhex(_of(str, inner))
        if key == "scalar":
            return _scalar(*_pair(inner))
        if key == "dtype":
            return read_dtype(inner)
        if key == "type" and isinstance(inner, str) and inner in _NAMED:
            return _NAMED[inner]
        raise StateError(f"unknown kind of value {str(key)[:80]!r}")

    def _ref(self, i: Any) -> Any:
        if type(i) is not int or not 0 <= i < len(self._made):
            raise StateError("a value refers to one that is not there")
        self._deepest = max(self._deepest, self._depth[i])
        self._total += self._size[i]
        if self._total > _SIZE:
            raise StateError("its values are nested too deeply")
        return self._made[i]

    def _items(self, entry: dict[str, Any], key: str = "items") -> list[Any]:
        return [self.value(v) for v in _of(list, entry.get(key))]

    def _dict(self, entry: dict[str, Any]) -> dict[Any, Any]:
        keys, values = self._items(entry, "keys"), self._items(entry, "values")
        made = dict(zip(keys, values, strict=True))
        if len(made) < len(keys):
            raise StateError("a dict has a key twice")
        return made

    def _slice(self, entry: dict[str, Any]) -> slice:
        start, stop, step = self._items(entry)
        return slice(start, stop, step)

    def _array(self, entry: dict[str, Any]) -> np.ndarray:
        stored = self.arrays.pop(_of(str, entry.get("array")), None)
        if stored is None:
            raise StateError("an array is not there")
        array = restore(stored, read_dtype(entry.get("dtype")))
        return array.T if entry.get("order") == "F" else array

    def _objects(self, entry: dict[str, Any]) -> np.ndarray:
        shape = tuple(_of(int, n) for n in _of(list, entry.get("shape")))
        items = self._items(entry)
        made = np.empty(len(items), dtype=object)
        for i, item in enumerate(items):  # a slice assignment would take lists apart
            made[i] = item
        return made.reshape(shape)

    def _random(self, entry: dict[str, Any]) -> Any:
        return make_random_state(entry.get("name"), self.value(entry.get("state")))

    def _pandas(self, entry: dict[str, Any]) -> Any:
        return _pandas.make(entry.get("name"), self.value(entry.get("state")))

    def _estimator(self, entry: dict[str, Any]) -> Any:
        path = _of(str, entry.get("class"))
        state = {k: self.value(v) for k, v in _of(dict, entry.get("state")).items()}
        made = make(path, state)
        if path.startswith("sklearn.") and not self.foreign:
            self.foreign = path.rpartition(".")[2]
        return made


_KINDS: dict[str, Callable[[_Reader, dict[str, Any]], Any]] = {
    "list": _Reader._items,
    "tuple": lambda r, e: tuple(r._items(e)),
    "set": lambda r, e: set(r._items(e)),
    "frozenset": lambda r, e: frozenset(r._items(e)),
    "dict": _Reader._dict,
    "slice": _Reader._slice,
    "array": _Reader._array,
    "objects": _Reader._objects,
    "random": _Reader._random,
    "pandas": _Reader._pandas,
    "estimator": _Reader._estimator,
}


def _of(kind: type, value: Any) -> Any:
    if type(value) is not kind:
        raise StateError(f"a {kind.__name__} was expected, not a {type(value).__name__}")
    return value


def _pair(value: Any) -> tuple[Any, Any]:
    if not isinstance(value, list) or len(value) != 2:
        raise StateError("a value is malformed")
    return value[0], value[1]


def _scalar(name: Any, digits: Any) -> np.generic:
    dtype = read_dtype(name)
    raw = bytes.fromhex(_of(str, digits))
    if dtype.hasobject or dtype.names or len(raw) != dtype.itemsize:
        raise StateError("a number is malformed")
    if dtype.kind == "b" and raw not in (b"\0", b"\1"):
        raise StateError("a boolean holds another value")
    if not raw:
        return dtype.type()
    return np.frombuffer(raw, dtype)[0]
