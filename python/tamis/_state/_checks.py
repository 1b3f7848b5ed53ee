"""Checks of fitted estimators: what they learned must fit together before they are used."""

from __future__ import annotations

from typing import Any

import numpy as np
import sklearn

from tamis.exceptions import StateError

__all__ = [
    "column_transformer",
    "encoder",
    "fitted",
    "give_isotonic",
    "identity",
    "nothing",
    "pipeline",
    "scaler",
    "take_isotonic",
    "target_encoder",
    "union",
]


def require(good: Any, obj: Any, what: str) -> None:
    """Raise StateError unless `good`."""
    if not good:
        raise StateError(f"{type(obj).__name__}: {what}")


def nothing(obj: Any) -> None:
    """Check nothing: the parts were checked when they were made."""


def fitted(est: Any) -> None:
    """Check what every fitted estimator may have: columns, their names, classes."""
    have = vars(est) if hasattr(est, "__dict__") else {}
    n = have.get("n_features_in_")
    if n is not None:
        require(_count(n), est, "n_features_in_ is not a number of columns")
    names = have.get("feature_names_in_")
    if names is not None:
        good = isinstance(names, np.ndarray) and names.ndim == 1
        good = good and all(isinstance(v, str) for v in names.tolist())
        require(good and (n is None or len(names) == n), est, "its names do not fit its columns")
    classes = have.get("classes_")
    if classes is not None:
        parts = classes if isinstance(classes, list) else [classes]
        good = all(isinstance(c, np.ndarray) and c.ndim == 1 and len(c) for c in parts)
        require(good, est, "classes_ is not a list of classes")


def scaler(est: Any) -> None:
    """Check StandardScaler and RobustScaler."""
    fitted(est)
    for name in ("mean_", "var_", "scale_", "center_"):
        value = vars(est).get(name)
        if value is None:
            continue
        good = isinstance(value, np.ndarray) and value.dtype.kind == "f"
        require(good and value.shape == (_width(est),), est, f"{name} does not fit its columns")


def encoder(est: Any) -> None:
    """Check OneHotEncoder and OrdinalEncoder (and the part that TargetEncoder shares)."""
    fitted(est)
    if "categories_" not in vars(est):
        return
    lists = est.categories_
    good = isinstance(lists, list) and len(lists) == _width(est)
    good = good and all(isinstance(c, np.ndarray) and c.ndim == 1 for c in lists)
    require(good, est, "categories_ does not fit its columns")
    for name in ("_infrequent_indices", "_default_to_infrequent_mappings", "_n_features_outs"):
        value = vars(est).get(name)
        if value is not None:
            require(isinstance(value, list) and len(value) == len(lists), est, f"{name} is wrong")
    missing = vars(est).get("_missing_indices", {})
    good = isinstance(missing, dict) and all(
        _count(k) and k < len(lists) and _count(v) and v < len(lists[k]) for k, v in missing.items()
    )
    require(good, est, "_missing_indices is wrong")


def target_encoder(est: Any) -> None:
    """Check TargetEncoder: one mean for each category (and class)."""
    encoder(est)
    if "encodings_" not in vars(est):
        return
    means = est.encodings_
    many = len(est.classes_) if est.target_type_ == "multiclass" else 1
    good = isinstance(means, list) and len(means) == many * len(est.categories_)
    require(good, est, "encodings_ does not fit its columns")
    for i, mean in enumerate(means):
        good = isinstance(mean, np.ndarray) and mean.dtype.kind == "f"
        good = good and mean.shape == est.categories_[i // many].shape
        require(good, est, "encodings_ does not fit its categories")


def identity(est: Any) -> None:
    """Check that a FunctionTransformer has no function: ColumnTransformer's "passthrough" is one.

    Functions are code, which is neither saved nor loaded.
    """
    have = vars(est)
    out = have.get("feature_names_out")
    good = have.get("func") is None and have.get("inverse_func") is None
    good = good and (out is None or isinstance(out, str))
    require(good, est, "it holds a function, and functions are code, which is not saved")


def pipeline(est: Any) -> None:
    """Check the steps of a Pipeline."""
    _named(est, "steps", 2)


def union(est: Any) -> None:
    """Check the parts of a FeatureUnion."""
    _named(est, "transformer_list", 2)


def column_transformer(est: Any) -> None:
    """Check the parts of a ColumnTransformer."""
    fitted(est)
    _named(est, "transformers", 3)
    if "transformers_" in vars(est):
        _named(est, "transformers_", 3)


def _named(est: Any, attribute: str, width: int) -> None:
    parts = vars(est).get(attribute)
    good = isinstance(parts, list | tuple) and all(
        isinstance(p, list | tuple) and len(p) == width and isinstance(p[0], str) for p in parts
    )
    require(good, est, f"{attribute} is malformed")
    usable = all(p[1] is None or isinstance(p[1], str) or hasattr(p[1], "fit") for p in parts)
    require(usable, est, f"{attribute} holds what is no estimator")


def take_isotonic(est: Any) -> dict[str, Any]:
    """Return IsotonicRegression without its interpolator, which is made of its thresholds."""
    return {k: v for k, v in vars(est).items() if k != "f_"}


def give_isotonic(state: dict[str, Any]) -> Any:
    """Return IsotonicRegression with its interpolator, made by scikit-learn itself."""
    from sklearn.isotonic import IsotonicRegression

    est = IsotonicRegression()
    names = {*vars(est), "X_min_", "X_max_", "X_thresholds_", "y_thresholds_", "increasing_"}
    require(set(state) <= names, est, "it has attributes that it should not have")
    if "X_thresholds_" in state:
        x, y = state["X_thresholds_"], state["y_thresholds_"]
        good = all(
            isinstance(a, np.ndarray) and a.dtype.kind == "f" and a.ndim == 1 for a in (x, y)
        )
        require(good and len(x) == len(y) > 0, est, "its thresholds are malformed")
        require(bool(np.all(np.diff(x) >= 0)), est, "its thresholds are not in order")
    est.__setstate__({**state, "_sklearn_version": sklearn.__version__})  # versions: see decode
    return est


def _width(est: Any) -> int:
    n = vars(est).get("n_features_in_")
    require(_count(n), est, "n_features_in_ is not there")
    return int(vars(est)["n_features_in_"])


def _count(value: Any) -> bool:
    return isinstance(value, int | np.integer) and not isinstance(value, bool) and bool(value >= 0)
