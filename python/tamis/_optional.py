"""Optional packages: imported when used, and when absent an error names the extra."""

from __future__ import annotations

import importlib
import importlib.util
from types import ModuleType

from tamis.exceptions import MissingExtraError

#: Which extra of tamis brings which package.
EXTRAS = {"matplotlib": "plot", "pyarrow": "parquet", "polars": "polars"}


def need(module: str, purpose: str) -> ModuleType:
    """Import `module`, or say which extra brings it and what it was needed for."""
    try:
        return importlib.import_module(module)
    except ImportError as error:
        top = module.partition(".")[0]
        extra = EXTRAS[top]
        raise MissingExtraError(
            f"{purpose} needs {top}, which is not installed: pip install 'tamis[{extra}]'"
        ) from error


def have(module: str) -> bool:
    """Return whether `module` can be imported, without importing it."""
    return importlib.util.find_spec(module) is not None
