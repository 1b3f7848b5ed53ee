"""A boosting of scikit-learn's as one of ours: the same trees, the same predictions."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
from sklearn.base import is_classifier
from sklearn.utils.validation import check_is_fitted

from tamis.models._boost import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from tamis.models._boost_base import BaseBoosting
from tamis.models._boost_columns import category_counts
from tamis.models._boost_trees import BoostedTrees

__all__ = ["adopt", "is_foreign"]

_NAMES = ("HistGradientBoostingClassifier", "HistGradientBoostingRegressor")
#: Our array of each of scikit-learn's entries of a node.
_ENTRIES = {
    "value": "value",
    "count": "count",
    "threshold": "num_threshold",
    "missing_left": "missing_go_to_left",
    "left": "left",
    "right": "right",
    "gain": "gain",
    "depth": "depth",
    "cut": "bin_threshold",
}
_DTYPES = {"count": np.uint32, "missing_left": np.bool_, "left": np.uint32, "right": np.uint32}
_DTYPES |= {"depth": np.uint32, "cut": np.uint8}


def is_foreign(model: Any) -> bool:
    """Return whether the model is a histogram boosting of scikit-learn's."""
    kinds = type(model).__mro__
    return any(k.__name__ in _NAMES and k.__module__.startswith("sklearn.") for k in kinds)


def adopt(model: Any) -> Any:
    """Return our estimator with the trees of a fitted one of scikit-learn's."""
    check_is_fitted(model)
    kind = HistGradientBoostingClassifier if is_classifier(model) else HistGradientBoostingRegressor
    known = kind().get_params()
    ours = kind(**{k: v for k, v in model.get_params(deep=False).items() if k in known})
    for name in ("classes_", "n_features_in_", "feature_names_in_", "is_categorical_"):
        if name in vars(model):
            setattr(ours, name, getattr(model, name))
    for name in ("do_early_stopping_", "train_score_", "validation_score_"):
        setattr(ours, name, getattr(model, name))
    ours.n_trees_per_iteration_ = model.n_trees_per_iteration_
    prepare = getattr(model, "_preprocessor", None)
    ours._encoder = None if prepare is None else _nameless(prepare.named_transformers_["encoder"])
    ours._baseline_prediction = np.array(model._baseline_prediction, dtype=np.float64)
    ours._random_seed = int(model._random_seed)
    ours._feature_seed = int(model._random_seed)
    ours._loss = ours._loss_object(np.zeros(1))
    ours._trees = _trees(model, ours)
    return ours


def _nameless(encoder: Any) -> Any:
    """Return the encoder as one of arrays: ours hands it no frames."""
    encoder = copy.copy(encoder)
    vars(encoder).pop("feature_names_in_", None)
    return encoder


def _trees(model: Any, ours: BaseBoosting) -> BoostedTrees:
    n = model.n_features_in_
    categories = np.zeros(n, dtype=np.uint32)
    place = np.arange(n)
    mask = ours.is_categorical_
    if mask is not None:
        # scikit-learn has its categories in front.
        place = np.concatenate([np.flatnonzero(mask), np.flatnonzero(~mask)])
        categories[mask] = np.maximum(category_counts(ours._encoder), 1)
    flat = [tree for trees in model._predictors for tree in trees]
    nodes = np.concatenate([tree.nodes for tree in flat])
    starts = np.concatenate([[0], np.cumsum([len(tree.nodes) for tree in flat])])
    arrays: dict[str, np.ndarray] = {
        ours_: np.ascontiguousarray(nodes[theirs]).astype(_DTYPES.get(ours_, np.float64))
        for ours_, theirs in _ENTRIES.items()
    }
    inner = nodes["is_leaf"] == 0
    feature = np.where(inner, place[np.where(inner, nodes["feature_idx"], 0)], 0)
    for side in ("left", "right"):
        arrays[side][~inner] = 0
    held = np.cumsum([0, *(len(tree.raw_left_cat_bitsets) for tree in flat)])[:-1]
    split = inner & (nodes["is_categorical"] == 1)
    sets = nodes["bitset_idx"] + np.repeat(held, np.diff(starts))
    words = np.concatenate([tree.raw_left_cat_bitsets for tree in flat])
    return BoostedTrees(
        model.n_trees_per_iteration_,
        categories,
        starts=starts.astype(np.int64),
        feature=feature.astype(np.uint32),
        set=np.where(split, sets, -1).astype(np.int32),
        sets=np.ascontiguousarray(words, dtype=np.uint32).reshape(-1).view(np.uint64),
        **arrays,
    )
