"""pandas' indexes and dtypes, which estimators keep to give columns back as they were."""

from __future__ import annotations

import re
import sys
from typing import Any

import numpy as np

from tamis.exceptions import StateError

__all__ = ["known", "make", "parts"]

#: The names of dtypes without parameters of their own.
_PLAIN = re.compile(
    r"U?Int(8|16|32|64)|Float(32|64)|boolean|str|string|datetime64\[(s|ms|us|ns), [\w/+:-]{1,40}\]"
)


def known(obj: Any) -> bool:
    """Return whether `obj` is one of pandas' that can be saved."""
    pd = sys.modules.get("pandas")
    if pd is None:
        return False
    return type(obj) is pd.Index or isinstance(obj, pd.api.extensions.ExtensionDtype)


def parts(obj: Any, where: str) -> tuple[str, Any]:
    """Return what kind it is, and plain values to make it from."""
    import pandas as pd

    if isinstance(obj, pd.Index):
        return "Index", (np.asarray(obj), obj.dtype, obj.name)
    if isinstance(obj, pd.CategoricalDtype):
        categories = None if obj.categories is None else pd.Index(obj.categories)
        if categories is not None and type(categories) is not pd.Index:
            raise StateError(f"{where}: categories of dtype {categories.dtype} cannot be saved")
        return "CategoricalDtype", (categories, bool(obj.ordered))
    if not _PLAIN.fullmatch(str(obj)):
        raise StateError(f"{where}: the pandas dtype {obj} cannot be saved")
    return "dtype", str(obj)


def make(name: Any, state: Any) -> Any:
    """Return the index or dtype."""
    import pandas as pd

    if name == "dtype" and isinstance(state, str) and _PLAIN.fullmatch(state):
        return pd.api.types.pandas_dtype(state)
    if name == "Index" and isinstance(state, tuple) and len(state) == 3:
        values, dtype, label = state
        if isinstance(values, np.ndarray) and values.ndim == 1:
            return pd.Index(values, dtype=dtype, name=label)
    if name == "CategoricalDtype" and isinstance(state, tuple) and len(state) == 2:
        categories, ordered = state
        if isinstance(categories, pd.Index | None) and isinstance(ordered, bool):
            return pd.CategoricalDtype(categories, ordered)
    raise StateError("a pandas value is malformed")
