"""The closed list of classes whose objects are saved, and how each is taken apart and made."""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
from sklearn.base import BaseEstimator

from tamis._state import _checks, _hist
from tamis.exceptions import StateError

__all__ = ["TYPES", "Entry", "find", "make", "register", "state_of"]

#: Types that parameters name (``dtype=np.float64``), by the name they are saved under.
TYPES: dict[type, str] = {
    **{t: t.__name__ for t in (bool, int, float, str, object)},
    **{
        getattr(np, name): f"numpy.{name}"
        for name in (
            "bool_", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64",
            "float16", "float32", "float64", "complex64", "complex128", "str_", "object_",
        )
    },
}  # fmt: skip

#: Our modules: each estimator named in ``__all__`` is on the list, and what they `register`.
_OURS = (
    "tamis.dedup",
    "tamis.impute",
    "tamis.labels",
    "tamis.losses",
    "tamis.models",
    "tamis.outlier",
    "tamis.pipeline",
    "tamis.resample",
    "tamis.search",
    "tamis.search._steps",
)


@dataclass(frozen=True)
class Entry:
    """A class of the list.

    Attributes
    ----------
    path : str
        The name it is saved under.
    cls : type
        The class.
    check : callable
        Raises StateError when the attributes of a new object do not fit together.
    take : callable, optional
        From an object to the dict of plain values that is saved; by default its attributes.
    give : callable, optional
        From that dict to the object; by default ``cls.__new__`` and its attributes.
    """

    path: str
    cls: type
    check: Callable[[Any], None] = _checks.fitted
    take: Callable[[Any], dict[str, Any]] | None = None
    give: Callable[[dict[str, Any]], Any] | None = None


_registered: dict[str, Entry] = {}
_C = TypeVar("_C", bound=type)


def register(
    cls: _C | None = None,
    *,
    check: Callable[[Any], None] = _checks.fitted,
    take: Callable[[Any], dict[str, Any]] | None = None,
    give: Callable[[dict[str, Any]], Any] | None = None,
) -> Any:
    """Put a class of tamis on the list of those that are saved; usable as a decorator.

    Estimators in the ``__all__`` of our areas are on it without this. A class that is not, or that
    keeps its state outside its attributes (one of Rust), or whose attributes need a check, is
    registered in the module that the area's ``__init__`` imports.

    Parameters
    ----------
    cls : type
        The class, in a module of tamis.
    check : callable
        ``check(obj)`` raises when the attributes of a loaded object do not fit together.
    take, give : callable, optional
        ``take(obj)`` returns a dict of values that can be saved, ``give(state)`` the object;
        `give` gets whatever a file holds and has to check it.

    Examples
    --------
    A class of Rust with a constructor that validates::

        register(_core.Tree, take=lambda t: t.arrays(), give=lambda s: _core.Tree(**s))
    """

    def put(cls: _C) -> _C:
        path = f"{cls.__module__}.{cls.__qualname__}"
        if not path.startswith("tamis."):
            raise ValueError(f"only classes of tamis can be registered, not {path}")
        _registered[path] = Entry(path, cls, check, take, give)
        return cls

    return put if cls is None else put(cls)


def find(cls: type) -> Entry | None:
    """Return the entry of a class, None when it is not on the list."""
    if cls.__module__.partition(".")[0] == "tamis":
        return _our_classes().get(cls)
    for path in _SKLEARN:
        name = path.rpartition(".")[2]
        if name == cls.__name__ and cls.__module__.partition(".")[0] == "sklearn":
            entry = _foreign(path)
            return entry if entry.cls is cls else None
    return None


def state_of(entry: Entry, obj: Any, where: str) -> dict[str, Any]:
    """Return what is saved of an object."""
    if entry.take is None and not hasattr(obj, "__dict__"):
        raise StateError(f"{where}: {entry.path} keeps its state where it cannot be saved")
    try:
        entry.check(obj)  # what could not be loaded is not saved
        if entry.take is not None:
            return entry.take(obj)
    except StateError as error:
        raise StateError(f"{where}: {error}") from None
    return dict(vars(obj))


def make(path: str, state: dict[str, Any]) -> Any:
    """Return the object of class `path` with the state given, checked."""
    entry = _by_path(path)
    if entry.give is not None:
        made = entry.give(state)
    else:
        cls: Any = entry.cls
        for name in state:
            if name.startswith("__") or callable(getattr(cls, name, None)):
                raise StateError(f"{path} has no attribute {name!r} of its own")
        made = cls.__new__(cls)
        # A parameter that came with a later version has its default, as in a new object.
        made.__dict__.update(_defaults(cls, state))
        made.__dict__.update(state)
    entry.check(made)
    return made


def _defaults(cls: type, state: dict[str, Any]) -> dict[str, Any]:
    if not issubclass(cls, BaseEstimator):
        return {}
    out = {}
    for name, parameter in inspect.signature(cls).parameters.items():
        if name in state or parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
            continue
        if parameter.default is parameter.empty:
            raise StateError(f"{cls.__name__} lacks its parameter {name}")
        out[name] = parameter.default
    return out


def _by_path(path: str) -> Entry:
    if path in _SKLEARN:
        return _foreign(path)
    for entry in _our_classes().values():
        if entry.path == path:
            return entry
    raise StateError(
        f"{path[:100]!r} is not among the classes that tamis loads (a newer tamis may know it)"
    )


def _our_classes() -> dict[type, Entry]:
    """Return the estimators of our modules, and what they registered."""
    found: dict[type, Entry] = {}
    for home in _OURS:
        module = importlib.import_module(home)
        for name in getattr(module, "__all__", ()):
            value = getattr(module, name)
            if isinstance(value, type) and issubclass(value, BaseEstimator):
                found.setdefault(value, Entry(f"{home}.{name}", value))
    found.update({entry.cls: entry for entry in _registered.values()})
    return found


def _foreign(path: str) -> Entry:
    home, _, name = path.rpartition(".")
    return Entry(path, getattr(importlib.import_module(home), name), **_SKLEARN[path])


#: scikit-learn's classes, under the path they are imported from, and what is special about each.
_SKLEARN: dict[str, dict[str, Any]] = {
    "sklearn.calibration.CalibratedClassifierCV": {},
    "sklearn.calibration._CalibratedClassifier": {"check": _checks.nothing},
    "sklearn.calibration._SigmoidCalibration": {},
    "sklearn.calibration._TemperatureScaling": {},
    "sklearn.compose.ColumnTransformer": {"check": _checks.column_transformer},
    "sklearn.dummy.DummyClassifier": {},
    "sklearn.dummy.DummyRegressor": {},
    "sklearn.ensemble.HistGradientBoostingClassifier": {
        "take": _hist.take, "give": _hist.give_classifier,
    },
    "sklearn.ensemble.HistGradientBoostingRegressor": {
        "take": _hist.take, "give": _hist.give_regressor,
    },
    "sklearn.ensemble._hist_gradient_boosting.binning._BinMapper": {"check": _hist.check_bins},
    "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor": {
        "check": _hist.check_tree,
    },
    "sklearn.frozen.FrozenEstimator": {"check": _checks.nothing},
    "sklearn.impute.MissingIndicator": {},
    "sklearn.isotonic.IsotonicRegression": {
        "take": _checks.take_isotonic, "give": _checks.give_isotonic,
    },
    "sklearn.linear_model.BayesianRidge": {},
    "sklearn.neighbors.NearestNeighbors": {},
    "sklearn.pipeline.FeatureUnion": {"check": _checks.union},
    "sklearn.pipeline.Pipeline": {"check": _checks.pipeline},
    "sklearn.preprocessing.FunctionTransformer": {"check": _checks.identity},
    "sklearn.preprocessing.LabelEncoder": {},
    "sklearn.preprocessing.OneHotEncoder": {"check": _checks.encoder},
    "sklearn.preprocessing.OrdinalEncoder": {"check": _checks.encoder},
    "sklearn.preprocessing.RobustScaler": {"check": _checks.scaler},
    "sklearn.preprocessing.StandardScaler": {"check": _checks.scaler},
    "sklearn.preprocessing.TargetEncoder": {"check": _checks.target_encoder},
    "sklearn.svm.LinearSVC": {},
}  # fmt: skip
