"""Forests with their trees weighed by new rows, and trees of the new rows beside them."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
from sklearn.base import clone, is_classifier

from tamis._check import validated
from tamis.exceptions import DataError
from tamis.models._finetune_base import Tuner

__all__ = ["ForestTuner"]

#: Shares of the old trees that ``strength="auto"`` tries, and how much their error counts.
_SHARES = (1.0, 0.9, 0.75, 0.5, 0.25, 0.1, 0.0)
_HEATS = (0.0, 0.5, 1.0)
#: A tree stands in the new forest as often as its weight says, out of this many for each tree.
_TIMES = 2


class ForestTuner(Tuner):
    """Weights for the old trees of a forest and for as many new ones.

    A candidate is the share of the old trees and the heat: an old tree weighs
    ``exp(-heat * z)`` among the old, where z is its mean squared error (of probabilities, or of
    targets) on the new rows, which it has never seen, standardised over the trees.
    """

    most = 1.0

    @staticmethod
    def suits(model: Any) -> bool:
        """Return whether the model is a forest of single trees with one output."""
        trees = getattr(model, "estimators_", None)
        flat = isinstance(trees, list) and trees and hasattr(trees[0], "tree_")
        return bool(flat) and getattr(model, "n_outputs_", 1) == 1 and hasattr(model, "bootstrap")

    def __init__(self, model: Any, seed: int) -> None:
        self.model, self.seed = model, seed
        self.classifies = is_classifier(model)
        self.likelihood = self.classifies
        self.classes = np.asarray(model.classes_) if self.classifies else None

    def read(self, X: Any) -> Any:
        """Return X checked against what the model was fitted on."""
        return validated(
            self.model, X, reset=False, dtype=np.float32, ensure_all_finite="allow-nan"
        )

    def candidates(self, strength: Any, total: float) -> list[tuple[float, float]]:
        """Return (share of the old trees, heat)."""
        if strength != "auto":
            return [(float(strength), 0.5)]
        return [(share, heat) for share in _SHARES for heat in (_HEATS if share else (0.0,))]

    def name(self, candidate: tuple[float, float]) -> str:
        """Return a candidate in words."""
        share, heat = candidate
        how = "as they are" if heat == 0 else f"by error x {heat:g}"
        return f"{share:.0%} old trees ({how})" if share else "new trees only"

    def path(self, X: Any, y: np.ndarray, weight: np.ndarray, candidates: list) -> list:
        """Return (trees, weights) for each candidate; the trees are the same ones."""
        new: list[Any] = []
        if any(share < 1 for share, _ in candidates):
            new = self._grown(X, y, weight)
        old = list(self.model.estimators_)
        errors = self._errors(X, y, weight)
        out = []
        for share, heat in candidates:
            of_old = np.exp(-heat * errors)
            of_old *= share / of_old.sum()
            of_new = np.full(len(new), (1 - share) / max(len(new), 1))
            out.append((old + new, np.concatenate([of_old, of_new])))
        return out

    def _grown(self, X: Any, y: np.ndarray, weight: np.ndarray) -> list[Any]:
        forest = clone(self.model).set_params(warm_start=False, random_state=self.seed % 2**32)
        if hasattr(forest, "oob_score"):
            forest.set_params(oob_score=False)
        if self.classes is not None and len(np.unique(y)) < len(self.classes):
            absent = np.setdiff1d(np.arange(len(self.classes)), y)
            raise DataError(
                f"y has no row of class {self.classes[absent[0]]!r}: new trees need rows of every "
                "class of the forest (strength=1 weighs the old trees alone)"
            )
        target = y if self.classes is None else self.classes[y]
        same = bool((weight == weight[0]).all())
        forest.fit(X, target, sample_weight=None if same else weight)
        return list(forest.estimators_)

    def _errors(self, X: Any, y: np.ndarray, weight: np.ndarray) -> np.ndarray:
        said = np.stack([self._tree(tree, X) for tree in self.model.estimators_])
        if self.classes is not None:
            truth = np.eye(len(self.classes))[y]
            each = np.sum((said - truth) ** 2, axis=2)
        else:
            each = (said - y) ** 2
        errors = np.average(each, axis=1, weights=weight)
        return np.asarray((errors - errors.mean()) / (errors.std() or 1.0))

    def _tree(self, tree: Any, X: Any) -> np.ndarray:
        return np.asarray(tree.predict_proba(X) if self.classifies else tree.predict(X))

    def scores(self, fitted: list, X: Any) -> np.ndarray:
        """Return what each candidate says, shape (n_candidates, n_rows[, n_classes])."""
        said = np.stack([self._tree(tree, X) for tree in fitted[0][0]])
        return np.tensordot(np.stack([weights for _, weights in fitted]), said, 1)

    def losses_of(self, scores: np.ndarray, y: np.ndarray) -> np.ndarray:
        """Return the loss of each row for each candidate."""
        if self.classes is None:
            return (scores - y) ** 2
        least = 0.5 / len(self.model.estimators_)
        return -np.log(np.clip(scores[:, np.arange(len(y)), y], least, None))

    def combine(self, fitted: list, weights: np.ndarray) -> Any:
        """Return the forest in which trees stand as often as they weigh."""
        trees = fitted[0][0]
        weight = weights @ np.stack([w for _, w in fitted])
        total = _TIMES * len(self.model.estimators_)
        exact = weight / weight.sum() * total
        times = np.floor(exact).astype(np.int64)
        rest = total - int(times.sum())
        times[np.argsort(times - exact, kind="stable")[:rest]] += 1
        model = copy.copy(self.model)
        model.estimators_ = [t for t, n in zip(trees, times, strict=True) for _ in range(n)]
        model.n_estimators = len(model.estimators_)
        return model
