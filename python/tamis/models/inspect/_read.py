"""Fitted trees of tamis and of scikit-learn, read into one kind of arrays."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.sparse import issparse
from sklearn.base import is_classifier
from sklearn.utils.validation import check_is_fitted

from tamis._check import refuse_infinite, validated
from tamis.exceptions import ParameterError
from tamis.models._boost_adopt import adopt, is_foreign
from tamis.models._boost_base import BaseBoosting
from tamis.models._boost_columns import table

__all__ = ["Grown", "last_step", "names_of", "read_trees"]

_ONE_EACH = ("left", "right", "feature", "threshold", "missing_left", "cover", "samples", "set")


@dataclass(frozen=True)
class Grown:
    """Trees as parallel arrays, one entry a node, tree after tree.

    Attributes
    ----------
    starts : ndarray of shape (n_trees + 1,)
        Where each tree begins.
    outputs : ndarray of shape (n_trees,)
        The first output that each tree adds to.
    left, right : ndarray of shape (n_nodes,)
        Children from their tree's first node, -1 in a leaf.
    feature, threshold, missing_left, set, sets :
        The splits; `set` is -1 in a split of numbers, else the row of `sets` whose bits are the
        categories on the left.
    cover, samples :
        Weight and count of the training rows.
    value : ndarray of shape (n_nodes, width)
    note : dict of str to ndarray
        What else is known of a node: impurity or gain.
    base : ndarray of shape (n_outputs,)
    mean : bool
        Whether the outputs are means over the trees, or sums.
    names : list of str
        The features.
    output_names : list of str
        Empty where the model has one output.
    categories : list
        Of each feature None, or its categories in the order of their codes.
    single : bool
        Whether rows are compared in single precision.
    """

    model: Any
    starts: np.ndarray
    outputs: np.ndarray
    left: np.ndarray
    right: np.ndarray
    feature: np.ndarray
    threshold: np.ndarray
    missing_left: np.ndarray
    cover: np.ndarray
    samples: np.ndarray
    set: np.ndarray
    sets: np.ndarray
    value: np.ndarray
    note: dict[str, np.ndarray]
    base: np.ndarray
    mean: bool
    names: list[str]
    output_names: list[str]
    categories: list[Any]
    single: bool

    @property
    def n_trees(self) -> int:
        """How many trees."""
        return len(self.outputs)

    def tree(self, number: int) -> dict[str, np.ndarray]:
        """Return the arrays of one tree."""
        part = slice(self.starts[number], self.starts[number + 1])
        arrays = {name: getattr(self, name)[part] for name in (*_ONE_EACH, "value")}
        return {**arrays, **{name: a[part] for name, a in self.note.items()}}

    def splits(self) -> dict[str, Any]:
        """Return the arrays of the kernels, without the values."""
        arrays: dict[str, Any] = {
            name: np.ascontiguousarray(getattr(self, name))
            for name in ("starts", "outputs", *_ONE_EACH)
            if name != "samples"
        }
        return {**arrays, "sets": np.ascontiguousarray(self.sets, dtype=np.uint64).ravel()}

    def left_categories(self, code_set: int) -> list[int]:
        """Return the codes that a set sends left."""
        words = np.ascontiguousarray(self.sets[code_set])
        bits = np.unpackbits(words.view(np.uint8), bitorder="little")
        return [int(code) for code in np.flatnonzero(bits)]

    def rows(self, X: Any) -> np.ndarray:
        """Return rows as the trees see them, float64: categories as codes, NaN what is missing."""
        if isinstance(self.model, BaseBoosting):
            X = table(self.model, X, reset=False)
        else:
            finite = True if issparse(X) else "allow-nan"
            X = validated(
                self.model, X, dtype=np.float32, accept_sparse="csr", reset=False,
                ensure_all_finite=finite,
            )  # fmt: skip
            X = X.toarray() if issparse(X) else X
            refuse_infinite(self.model, X)
        return np.ascontiguousarray(X, dtype=np.float64)

    def said(self, X: Any) -> np.ndarray:
        """Return the raw scores of the model itself, (n_rows, n_outputs)."""
        if not self.single:
            return np.asarray(self.model._raw_predict(X)).reshape(-1, len(self.base))
        if not is_classifier(self.model):
            return np.asarray(self.model.predict(X)).reshape(-1, len(self.base))
        proba = self.model.predict_proba(X)
        if not isinstance(proba, list):
            return np.asarray(proba)
        most = max(p.shape[1] for p in proba)
        return np.hstack([np.pad(p, ((0, 0), (0, most - p.shape[1]))) for p in proba])


def read_trees(model: Any, feature_names: Any = None) -> Grown:
    """Return the trees of a fitted model.

    Raises
    ------
    ParameterError
        If it is no tree, forest or histogram boosting of tamis or scikit-learn.
    """
    if hasattr(model, "tree_"):
        return _of_trees(model, [model], feature_names)
    if is_foreign(model):
        model = adopt(model)
    if isinstance(model, BaseBoosting):
        check_is_fitted(model)
        return _of_ours(model, feature_names)
    trees = getattr(model, "estimators_", None)
    if isinstance(trees, list) and trees and all(hasattr(t, "tree_") for t in trees):
        return _of_trees(model, trees, feature_names)
    if hasattr(model, "fit") and not hasattr(model, "n_features_in_"):
        check_is_fitted(model)
    raise ParameterError(
        f"{type(model).__name__} is no tree, forest or histogram boosting of tamis or scikit-learn"
    )


def last_step(model: Any, X: Any = None, names: Any = None) -> tuple[Any, Any, Any]:
    """Return the last step of a pipeline, the rows as they come to it, and its columns' names.

    A model that is no pipeline comes back as it is. The model of a fine-tuning is its own.
    """
    if type(model).__name__ == "FineTuned":
        model = model.model
    if not hasattr(model, "steps"):
        return model, X, names
    given = names
    for name, step in model.steps[:-1]:
        if step is None or step == "passthrough" or not hasattr(step, "transform"):
            continue
        if names is None and hasattr(step, "feature_names_in_"):
            names = step.feature_names_in_
        try:
            names = step.get_feature_names_out(names)
        except (AttributeError, ValueError) as error:
            if given is not None:
                raise ParameterError(
                    f"the step {name!r} does not say how its columns are called ({error}): give "
                    "the model without the steps before, and the names of its columns"
                ) from error
            names = None
        if X is not None:
            X = step.transform(X)
    return last_step(model.steps[-1][1], X, names)


def names_of(model: Any, feature_names: Any = None) -> list[str]:
    """Return the features' names, as given, as the model knows them, or "x0", "x1", ..."""
    n = int(model.n_features_in_)
    if feature_names is None:
        feature_names = getattr(model, "feature_names_in_", [f"x{j}" for j in range(n)])
    names = [str(name) for name in feature_names]
    if len(names) != n:
        raise ParameterError(f"feature_names has {len(names)} names for {n} features")
    return names


def _of_trees(model: Any, fitted: list[Any], feature_names: Any) -> Grown:
    trees = [t.tree_ for t in fitted]

    def joined(name: str, dtype: Any) -> np.ndarray:
        return np.concatenate([np.asarray(getattr(t, name)) for t in trees]).astype(dtype)

    counts = [len(t.children_left) for t in trees]
    width = trees[0].n_outputs * int(np.max(trees[0].max_n_classes))
    value = np.concatenate([t.value.reshape(-1, width) for t in trees]).astype(np.float64)
    n = int(model.n_features_in_)
    return Grown(
        model=model,
        starts=np.concatenate([[0], np.cumsum(counts)]).astype(np.int64),
        outputs=np.zeros(len(trees), dtype=np.int64),
        left=joined("children_left", np.int64),
        right=joined("children_right", np.int64),
        feature=joined("feature", np.int64),
        threshold=joined("threshold", np.float64),
        missing_left=joined("missing_go_to_left", np.bool_),
        cover=joined("weighted_n_node_samples", np.float64),
        samples=joined("n_node_samples", np.int64),
        set=np.full(sum(counts), -1, dtype=np.int64),
        sets=np.zeros((0, 4), dtype=np.uint64),
        value=value,
        note={"impurity": joined("impurity", np.float64)},
        base=np.zeros(width),
        mean=True,
        names=names_of(model, feature_names),
        output_names=_output_names(model, width),
        categories=[None] * n,
        single=True,
    )


def _output_names(model: Any, width: int) -> list[str]:
    classes = getattr(model, "classes_", None)
    if classes is None:
        return [] if width == 1 else [f"target {k}" for k in range(width)]
    if not isinstance(classes, list):
        return [str(c) for c in classes]
    most = max(len(c) for c in classes)
    return [
        f"target {k}: {c[i] if i < len(c) else '-'}"
        for k, c in enumerate(classes)
        for i in range(most)
    ]


def _boosted_names(model: Any, width: int) -> list[str]:
    return [] if width == 1 else [str(c) for c in model.classes_]


def _of_ours(model: Any, feature_names: Any) -> Grown:
    trees = model._trees
    arrays = trees._arrays()
    inner = arrays["left"] > 0
    categories: list[Any] = [None] * model.n_features_in_
    if model.is_categorical_ is not None:
        for j, cells in zip(
            np.flatnonzero(model.is_categorical_), model._encoder.categories_, strict=True
        ):
            categories[j] = _present(cells)
    return Grown(
        model=model,
        starts=arrays["starts"],
        outputs=np.arange(len(arrays["starts"]) - 1, dtype=np.int64) % trees.width,
        left=np.where(inner, arrays["left"].astype(np.int64), -1),
        right=np.where(inner, arrays["right"].astype(np.int64), -1),
        feature=np.where(inner, arrays["feature"].astype(np.int64), -2),
        threshold=arrays["threshold"],
        missing_left=arrays["missing_left"],
        cover=arrays["count"].astype(np.float64),
        samples=arrays["count"].astype(np.int64),
        set=np.where(inner, arrays["set"].astype(np.int64), -1),
        sets=arrays["sets"].reshape(-1, 4),
        value=arrays["value"].reshape(-1, 1),
        note={"gain": arrays["gain"]},
        base=model._baseline_prediction.ravel().astype(np.float64),
        mean=False,
        names=names_of(model, feature_names),
        output_names=_boosted_names(model, trees.width),
        categories=categories,
        single=False,
    )


def _present(cells: np.ndarray) -> list[Any]:
    """Return categories without the one that stands for what is missing."""
    kept = [c for c in cells if not (c is None or (isinstance(c, float) and np.isnan(c)))]
    return [c.item() if isinstance(c, np.generic) else c for c in kept]
