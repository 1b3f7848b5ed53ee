"""scikit-learn's histogram boosting: its compiled code trusts its trees, so they are proven here.

Its prediction reads arrays without looking at their bounds. An object is only made when every index
that it can reach is inside, every walk down a tree ends, and the matrix it reads has the columns
that the trees ask for: what prepares that matrix is built anew, not loaded.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
from sklearn.compose import ColumnTransformer
from sklearn.preprocessing import FunctionTransformer, LabelEncoder, OrdinalEncoder
from sklearn.utils import check_array

from tamis._state._checks import fitted, require

__all__ = ["check_bins", "check_tree", "give_classifier", "give_regressor", "take"]

#: What a fitted object consists of, beside its parameters.
_FITTED = (
    "n_features_in_", "feature_names_in_", "classes_", "n_trees_per_iteration_", "is_categorical_",
    "do_early_stopping_", "train_score_", "validation_score_", "_is_categorical_remapped",
    "_label_encoder", "_baseline_prediction", "_predictors", "_bin_mapper", "_n_features",
    "_random_seed", "_feature_subsample_rng", "_use_validation_data",
)  # fmt: skip
_BINS = (
    "n_bins", "subsample", "is_categorical", "known_categories", "random_state", "n_threads",
    "is_categorical_", "missing_values_bin_idx_", "bin_thresholds_", "n_bins_non_missing_",
    "_sklearn_output_config",
)  # fmt: skip
_TREE = ("nodes", "binned_left_cat_bitsets", "raw_left_cat_bitsets")


def take(est: Any) -> dict[str, Any]:
    """Return parameters and fitted values; what scikit-learn can make from them is left out."""
    state = {"params": est.get_params(deep=False)}
    if hasattr(est, "_predictors"):
        check(est)
        state["fitted"] = {k: vars(est)[k] for k in _FITTED if k in vars(est)}
        state["constant_hessian"] = bool(est._loss.constant_hessian)
        prepare = getattr(est, "_preprocessor", None)
        state["encoder"] = None if prepare is None else prepare.named_transformers_["encoder"]
    return state


def give_classifier(state: dict[str, Any]) -> Any:
    """Return the classifier, checked."""
    from sklearn.ensemble import HistGradientBoostingClassifier

    return _give(HistGradientBoostingClassifier, state)


def give_regressor(state: dict[str, Any]) -> Any:
    """Return the regressor, checked."""
    from sklearn.ensemble import HistGradientBoostingRegressor

    return _give(HistGradientBoostingRegressor, state)


def _give(cls: Any, state: dict[str, Any]) -> Any:
    est = cls(**state["params"])
    if "fitted" not in state:
        return est
    values = state["fitted"]
    known = isinstance(values, dict) and set(values) <= set(_FITTED)
    require(known, est, "it has fitted values that it should not have")
    vars(est).update(values)
    check(est)
    est._preprocessor = _preprocessor(est, state["encoder"])
    est._scorer = None  # it was early stopping's; fitting makes another
    est._loss = est._get_loss(sample_weight=None)
    est._loss.constant_hessian = bool(state["constant_hessian"])
    return est


def check(est: Any) -> None:
    """Check that trees, bins and columns fit each other."""
    fitted(est)
    bins, trees = est._bin_mapper, est._predictors
    require(type(bins).__name__ == "_BinMapper", est, "it has no bins")
    require(est.max_bins + 1 == bins.n_bins, est, "max_bins does not fit its bins")
    n = len(bins.n_bins_non_missing_)
    require(n == est.n_features_in_, est, "its bins do not fit its columns")
    many = est.n_trees_per_iteration_
    base = est._baseline_prediction
    good = isinstance(base, np.ndarray) and base.dtype.kind == "f" and base.shape == (1, many)
    require(good, est, "its first prediction is malformed")
    rounds = isinstance(trees, list) and all(isinstance(r, list) and len(r) == many for r in trees)
    require(rounds, est, "its trees are malformed")
    if hasattr(est, "classes_"):
        require(len(est.classes_) == (2 if many == 1 else many), est, "its classes do not fit")
        require(isinstance(est._label_encoder, LabelEncoder), est, "its classes do not fit")
    for tree in (tree for row in trees for tree in row):
        require(type(tree).__name__ == "TreePredictor", est, "its trees are malformed")
        inner = tree.nodes[tree.nodes["is_leaf"] == 0]
        feature = inner["feature_idx"]
        require(np.all((feature >= 0) & (feature < n)), est, "a tree asks for a column beyond")
        category = inner["is_categorical"] == 1
        agreed = np.all(bins.is_categorical_[feature[category]] == 1)
        require(agreed, est, "a tree takes numbers for categories")


def check_bins(bins: Any) -> None:
    """Check the bins: as many for each column as it says, all below `n_bins`."""
    require(set(vars(bins)) <= set(_BINS), bins, "it has attributes that it should not have")
    limits, kinds = bins.bin_thresholds_, bins.is_categorical_
    good = type(bins.n_bins) is int and 3 <= bins.n_bins <= 256
    require(good and bins.missing_values_bin_idx_ == bins.n_bins - 1, bins, "n_bins is wrong")
    good = isinstance(limits, list) and all(
        isinstance(t, np.ndarray) and t.ndim == 1 and t.dtype == np.float64 for t in limits
    )
    require(good, bins, "its limits are malformed")
    good = isinstance(kinds, np.ndarray) and kinds.dtype == np.uint8
    good = good and kinds.shape == (len(limits),) and bool(np.all(kinds <= 1))
    require(good, bins, "it does not say which columns are categories")
    count = np.array([len(t) + (kind == 0) for t, kind in zip(limits, kinds, strict=True)])
    held = bins.n_bins_non_missing_
    good = isinstance(held, np.ndarray) and held.dtype == np.uint32 and held.shape == count.shape
    good = good and bool(np.all(held == count)) and bool(np.all(count < bins.n_bins))
    require(good, bins, "its limits do not fit its bins")
    levels = [t for t, kind in zip(limits, kinds, strict=True) if kind]
    good = all(bool(np.all((t >= 0) & (t < 255))) for t in levels)
    require(good, bins, "a category is no small whole number")


def check_tree(tree: Any) -> None:
    """Check a tree: children come later and have one parent, bitsets are where nodes say."""
    from sklearn.ensemble._hist_gradient_boosting.common import PREDICTOR_RECORD_DTYPE

    require(set(vars(tree)) == set(_TREE), tree, "it has attributes that it should not have")
    nodes = tree.nodes
    good = isinstance(nodes, np.ndarray) and nodes.dtype == PREDICTOR_RECORD_DTYPE
    require(good and nodes.ndim == 1 and len(nodes) > 0, tree, "its nodes are malformed")
    flags = np.concatenate([nodes["is_leaf"], nodes["is_categorical"]])
    require(np.all(flags <= 1), tree, "its nodes are malformed")
    parents = np.flatnonzero(nodes["is_leaf"] == 0)
    left, right = (nodes[side][parents].astype(np.int64) for side in ("left", "right"))
    later = np.all((left > parents) & (right > parents))
    children = np.concatenate([left, right])
    require(later and np.all(children < len(nodes)), tree, "a node leads astray")
    require(len(np.unique(children)) == len(children), tree, "two nodes lead to the same one")
    sets = (tree.binned_left_cat_bitsets, tree.raw_left_cat_bitsets)
    good = all(
        isinstance(b, np.ndarray) and b.dtype == np.uint32 and b.ndim == 2 and b.shape[1] == 8
        for b in sets
    )
    require(good and all(b.flags.c_contiguous for b in sets), tree, "its bitsets are malformed")
    used = nodes["bitset_idx"][parents][nodes["is_categorical"][parents] == 1]
    require(all(np.all(used < len(b)) for b in sets), tree, "a node asks for a set beyond")


def _preprocessor(est: Any, encoder: Any) -> Any:
    """Return what brings categories to the front and to codes, as scikit-learn builds it."""
    mask = vars(est).get("is_categorical_")
    if mask is None:
        require(encoder is None, est, "it encodes categories but has none")
        return None
    n = est.n_features_in_
    good = isinstance(mask, np.ndarray) and mask.dtype == bool and mask.shape == (n,)
    require(good and isinstance(encoder, OrdinalEncoder), est, "its categories are malformed")
    good = encoder.n_features_in_ == mask.sum() and encoder.dtype is np.float64
    good = good and encoder.handle_unknown == "use_encoded_value"
    require(good and "categories_" in vars(encoder), est, "its categories do not fit its columns")
    vars(encoder).pop("_sklearn_output_config", None)
    numbers = FunctionTransformer(partial(check_array, dtype=[np.float64], ensure_all_finite=False))
    made = ColumnTransformer([("encoder", OrdinalEncoder(), mask), ("numerical", numbers, ~mask)])
    made.set_output(transform="default")
    made.fit(_one_row(est))
    made.transformers_ = [
        (name, encoder if name == "encoder" else part, columns)
        for name, part, columns in made.transformers_
    ]
    return made


def _one_row(est: Any) -> Any:
    """Return a table of the columns that the estimator was fitted on."""
    row = np.zeros((1, est.n_features_in_))
    if not hasattr(est, "feature_names_in_"):
        return row
    import pandas as pd

    return pd.DataFrame(row, columns=est.feature_names_in_)
