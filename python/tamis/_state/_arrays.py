"""Arrays of every kind as arrays that safetensors stores, and back."""

from __future__ import annotations

import re
from typing import Any

import numpy as np

from tamis.exceptions import StateError

__all__ = ["dtype_name", "read_dtype", "restore", "storable"]

#: The kinds that are stored as they are, and the element type under which others are stored.
_PLAIN = frozenset("?bhilqBHILQefd")
_UNDER = {"M": "<i8", "m": "<i8", "U": "<u4", "S": "|u1", "c": "", "V": "|u1"}
_NAME = re.compile(
    r"[<|](b1|[iu][1248]|f[248]|c8|c16|O|[SU]\d{1,9}|[mM]8(\[\d{0,9}(Y|M|W|D|h|m|s|ms|us|ns|ps|fs|as)\])?)"
)


def dtype_name(dtype: np.dtype) -> Any:
    """Return a dtype for the manifest: text, or for a structured one a list of [name, text].

    Raises
    ------
    StateError
        If it is not portable (long double) or has nested fields.
    """
    if dtype.names is not None:
        fields = [[name, dtype_name(dtype[name])] for name in dtype.names]
        if not all(isinstance(t, str) and t[1] in "iuf" for _, t in fields):
            raise StateError(f"arrays of dtype {dtype} cannot be saved")
        return fields
    text = dtype.newbyteorder("<").str
    if not _NAME.fullmatch(text):
        raise StateError(f"arrays of dtype {dtype} cannot be saved")
    return text


def read_dtype(name: Any) -> np.dtype:
    """Return the dtype that `dtype_name` wrote."""
    if isinstance(name, str) and _NAME.fullmatch(name):
        return np.dtype(name)
    if isinstance(name, list) and 0 < len(name) < 100:
        fields = []
        for field in name:
            if not (isinstance(field, list) and len(field) == 2 and isinstance(field[0], str)):
                raise StateError("a field of a structured dtype is malformed")
            inner = read_dtype(field[1])
            if inner.kind not in "iuf":
                raise StateError("a structured dtype has a field that is not a number")
            fields.append((field[0], inner))
        return np.dtype(fields)
    raise StateError(f"unknown dtype {str(name)[:80]!r}")


def storable(array: np.ndarray) -> np.ndarray:
    """Return the array, or a view with one axis more, in a type that safetensors knows."""
    dtype = read_dtype(dtype_name(array.dtype))
    array = np.require(array.astype(dtype, copy=False), requirements="C").reshape(array.shape)
    if array.dtype.char in _PLAIN:
        return array
    under = _under(dtype)
    width = dtype.itemsize // under.itemsize
    return np.ascontiguousarray(array).reshape(-1).view(under).reshape(*array.shape, width)


def restore(stored: np.ndarray, dtype: np.dtype) -> np.ndarray:
    """Return a fresh, writable array of `dtype` from what `storable` gave."""
    array = np.array(stored, order="C")
    if dtype.char in _PLAIN:
        if array.dtype != dtype:
            raise StateError(f"an array of {dtype} is stored as {array.dtype}")
        if dtype.kind == "b" and array.size and array.view(np.uint8).max() > 1:
            raise StateError("an array of booleans holds other values")
        return array
    under = _under(dtype)
    width = dtype.itemsize // under.itemsize
    if array.dtype != under or array.ndim < 1 or array.shape[-1] != width:
        raise StateError(f"an array of {dtype} is stored as {array.dtype} {array.shape}")
    if dtype.kind == "U" and array.size and array.max() > 0x10FFFF:
        raise StateError("an array of texts holds what is no character")
    return array.reshape(-1).view(dtype).reshape(array.shape[:-1])


def _under(dtype: np.dtype) -> np.dtype:
    if dtype.itemsize == 0 or dtype.kind not in _UNDER:
        raise StateError(f"arrays of dtype {dtype} cannot be saved")
    return np.dtype(_UNDER[dtype.kind] or f"<f{dtype.itemsize // 2}")
