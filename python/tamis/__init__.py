"""tamis: better training data and a better model, with proof of what helped."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from tamis._core import __version__

if TYPE_CHECKING:
    from tamis import (
        augment,
        dedup,
        exceptions,
        impute,
        labels,
        losses,
        models,
        outlier,
        pipeline,
        quality,
        resample,
        search,
    )
    from tamis._state import load, save
    from tamis.quality import audit
    from tamis.search import TuneResult, tune

#: Public name -> the module that defines it (None: the name is a module).
_NAMES = {
    "TuneResult": "tamis.search",
    "audit": "tamis.quality",
    "augment": None,
    "dedup": None,
    "exceptions": None,
    "impute": None,
    "labels": None,
    "load": "tamis._state",
    "losses": None,
    "models": None,
    "outlier": None,
    "pipeline": None,
    "quality": None,
    "resample": None,
    "save": "tamis._state",
    "search": None,
    "tune": "tamis.search",
}

__all__ = [
    "TuneResult",
    "__version__",
    "audit",
    "augment",
    "dedup",
    "exceptions",
    "impute",
    "labels",
    "load",
    "losses",
    "models",
    "outlier",
    "pipeline",
    "quality",
    "resample",
    "save",
    "search",
    "tune",
]


def __getattr__(name: str) -> Any:
    if name not in _NAMES:
        raise AttributeError(f"module 'tamis' has no attribute {name!r}")
    home = _NAMES[name]
    if home is None:
        return importlib.import_module(f"tamis.{name}")
    value = getattr(importlib.import_module(home), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
