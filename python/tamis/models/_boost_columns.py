"""Columns of boosting: which hold categories, their codes, and constraints by column."""

from __future__ import annotations

import itertools
from numbers import Integral
from typing import Any

import numpy as np
from sklearn.preprocessing import OrdinalEncoder
from sklearn.utils.validation import check_array

from tamis import _frame
from tamis._check import validated
from tamis.exceptions import DataError, ParameterError

__all__ = ["interaction_sets", "monotonic_signs", "table"]

_FLOATS = (np.float64, np.float32)


def table(estimator: Any, X: Any, *, reset: bool) -> np.ndarray:
    """Return the rows as floats, categories as their codes, NaN where one is unknown or missing.

    With `reset`, sets ``is_categorical_`` and what encodes the categories.
    """
    if reset:
        estimator.is_categorical_ = _categorical(X, estimator.categorical_features)
        estimator._encoder = None
    if estimator.is_categorical_ is None:
        return validated(estimator, X, dtype=_FLOATS, ensure_all_finite=False, reset=reset)
    validated(estimator, X, skip_check_array=True, reset=reset)
    if not hasattr(X, "shape"):
        X = check_array(X, dtype=None, ensure_all_finite=False)
    mask = estimator.is_categorical_
    codes = _codes(estimator, _part(X, mask), reset)
    out = np.empty((len(codes), len(mask)))
    out[:, mask] = codes
    if not mask.all():
        part = _part(X, ~mask)
        out[:, ~mask] = check_array(part, dtype=_FLOATS, ensure_all_finite=False)
    return out


def _part(X: Any, mask: np.ndarray) -> Any:
    """Return some columns: floats or objects of an array, and of a frame objects or a frame."""
    if not _frame.is_frame(X):
        return np.asarray(X)[:, mask]
    frame = _frame.wrap(X)
    return frame[:, np.flatnonzero(mask).tolist()].to_native()


def _objects(X: Any) -> np.ndarray:
    """Return columns as objects, with NaN for what is missing, or as numbers."""
    if not _frame.is_frame(X):
        return X
    frame = _frame.wrap(X)
    columns = []
    for series in frame.iter_columns():
        cells = np.array(series.to_list(), dtype=object)
        missing = np.array([_is_missing(cell) for cell in cells], dtype=bool)
        cells[missing] = np.nan
        columns.append(cells)
    return np.column_stack(columns)


def _codes(estimator: Any, X: Any, reset: bool) -> np.ndarray:
    X = _objects(X)
    if not reset:
        return estimator._encoder.transform(X)
    encoder = OrdinalEncoder(
        handle_unknown="use_encoded_value", unknown_value=np.nan, encoded_missing_value=np.nan
    )
    codes = encoder.fit_transform(X)
    estimator._encoder = encoder
    columns = np.flatnonzero(estimator.is_categorical_)
    for column, count in zip(columns, category_counts(encoder), strict=True):
        if count > estimator.max_bins:
            names = getattr(estimator, "feature_names_in_", None)
            name = f"at index {column}" if names is None else repr(names[column])
            raise DataError(
                f"Categorical feature {name} is expected to have a cardinality <= "
                f"{estimator.max_bins} but actually has a cardinality of {count}."
            )
    return codes


def category_counts(encoder: OrdinalEncoder) -> list[int]:
    """Return how many categories each column has, missing ones not counted."""
    return [sum(not _is_missing(cell) for cell in cells) for cells in encoder.categories_]


def _is_missing(cell: Any) -> bool:
    return cell is None or (isinstance(cell, float | np.floating) and bool(np.isnan(cell)))


def _categorical(X: Any, wanted: Any) -> np.ndarray | None:
    """Return which columns hold categories, None where none does."""
    if isinstance(wanted, str) and wanted == "from_dtype":
        if not _frame.is_frame(X):
            return None
        dtypes = _frame.wrap(X).schema.dtypes()
        mask = np.array([str(kind).startswith(("Categorical", "Enum")) for kind in dtypes])
        return mask if mask.any() else None
    if wanted is None:
        return None
    chosen = np.asarray(wanted)
    if chosen.size == 0:
        return None
    if isinstance(wanted, str) or chosen.dtype.kind not in "biuUSO":
        raise ParameterError(
            "categorical_features must be an array-like of bool, int or str, got: "
            f"{chosen.dtype.name}."
        )
    if chosen.dtype.kind in "OUS":
        kinds = {type(cell) for cell in chosen.ravel()}
        if not all(issubclass(kind, str | np.str_) for kind in kinds):
            found = ", ".join(sorted(kind.__name__ for kind in kinds))
            raise ParameterError(
                f"categorical_features must be an array-like of bool, int or str, got: {found}."
            )
    n_features = X.shape[1] if hasattr(X, "shape") else len(X[0])
    mask = np.zeros(n_features, dtype=bool)
    if chosen.dtype.kind in "OUS":
        mask[_places(X, chosen)] = True
    elif chosen.dtype.kind == "b":
        if chosen.shape != (n_features,):
            raise ParameterError(
                "categorical_features set as a boolean mask must have shape (n_features,), "
                f"got: {chosen.shape}"
            )
        mask = chosen.copy()
    else:
        if chosen.min() < 0 or chosen.max() >= n_features:
            raise ParameterError(
                "categorical_features set as integer indices must be in [0, n_features - 1]"
            )
        mask[chosen] = True
    return mask if mask.any() else None


def _places(X: Any, names: np.ndarray) -> list[int]:
    if not _frame.is_frame(X):
        raise ParameterError(
            "categorical_features should be passed as an array of integers or as a boolean mask "
            "when the model is fitted on data without feature names."
        )
    known = _frame.names(X)
    for name in names:
        if name not in known:
            raise ParameterError(
                f"categorical_features has an item value '{name}' which is not a valid feature "
                f"name of the training data. Observed feature names: {known}"
            )
    return [known.index(name) for name in names]


def monotonic_signs(estimator: Any, wanted: Any) -> list[int]:
    """Return the sign of each column, or nothing where none is bound."""
    n = estimator.n_features_in_
    if wanted is None:
        return []
    if isinstance(wanted, dict):
        names = getattr(estimator, "feature_names_in_", None)
        if names is None:
            raise ParameterError("monotonic_cst is a dict, but the columns of X have no names")
        unknown = sorted(set(wanted) - set(names))
        if unknown:
            raise ParameterError(
                f"monotonic_cst contains {len(unknown)} unexpected feature names: {unknown[:5]}."
            )
        signs = np.array([wanted.get(name, 0) for name in names])
    else:
        signs = np.asarray(wanted)
    if signs.shape != (n,):
        raise ParameterError(
            f"monotonic_cst has shape {signs.shape} but the input data X has {n} features."
        )
    if not np.isin(signs, (-1, 0, 1)).all():
        raise ParameterError(f"monotonic_cst must hold -1, 0 and 1 only; got {np.unique(signs)}")
    mask = estimator.is_categorical_
    if mask is not None and (signs[mask] != 0).any():
        raise ParameterError("Categorical features cannot have monotonic constraints.")
    return [int(v) for v in signs] if signs.any() else []


def interaction_sets(wanted: Any, n_features: int) -> list[list[int]] | None:
    """Return the sets of columns that may meet in a branch."""
    if wanted is None:
        return None
    if isinstance(wanted, str) and wanted == "no_interactions":
        wanted = [[i] for i in range(n_features)]
    elif isinstance(wanted, str) and wanted == "pairwise":
        wanted = itertools.combinations(range(n_features), 2)
    try:
        sets = [set(group) for group in wanted]
    except TypeError:
        raise ParameterError(
            f"Interaction constraints must be a sequence of tuples or lists, got: {wanted!r}."
        ) from None
    for group in sets:
        if not all(isinstance(i, Integral) and 0 <= int(i) < n_features for i in group):
            raise ParameterError(
                "Interaction constraints must consist of integer indices in [0, n_features - 1] = "
                f"[0, {n_features - 1}], specifying the position of features, got invalid "
                f"indices: {group!r}"
            )
    rest = set(range(n_features)).difference(*sets) if sets else set(range(n_features))
    return [sorted(int(i) for i in group) for group in ([*sets, rest] if rest else sets)]
