"""Boosted trees whose leaves move no further than new rows warrant, and new trees after them."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
from sklearn.base import is_classifier
from sklearn.preprocessing import OrdinalEncoder

from tamis import _core
from tamis.models import _boost_columns as columns
from tamis.models._boost_adopt import adopt, is_foreign
from tamis.models._boost_base import BaseBoosting
from tamis.models._finetune_base import Tuner

__all__ = ["BoostTuner"]

#: Pulls of the leaves tried by ``strength="auto"``, for each round of the model.
_PULLS = (10.0, 3.0, 1.0, 0.3, 0.1)
#: New rounds that are tried after the leaves have moved.
_ROUNDS = (0, 10, 30, 100)
#: The same where the new trees stand alone.
_ALONE = (10, 30, 100)
#: The first score is free, but for this.
_FREE = 1e-3
_STEPS = 20


class BoostTuner(Tuner):
    """The old trees with their leaves refitted near what they were, and shrunken new trees.

    Minimises ``sum(loss) + pull / 2 * sum(change**2)`` over the changes of all leaves (L2-SP, the
    leaves as columns of noughts and ones), by Newton's steps on a quadratic model of the loss. New
    trees are then grown on what is left, with ``pull / rounds`` added to `l2_regularization`.
    A candidate is (share of the old trees, pull, new rounds): a share of 0 is from scratch.
    """

    @staticmethod
    def suits(model: Any) -> bool:
        """Return whether the model is a histogram boosting, of ours or scikit-learn's."""
        return isinstance(model, BaseBoosting) or is_foreign(model)

    def __init__(self, model: Any, loss: Any, seed: int) -> None:
        self.source = adopt(model) if is_foreign(model) else model
        self.classifies = is_classifier(model)
        self.likelihood = self.classifies
        self.classes = np.asarray(model.classes_) if self.classifies else None
        self.model = _coded(self.source)
        self.model.set_params(warm_start=False, early_stopping=False, verbose=0)
        self.model.random_state = seed % 2**32
        if loss is not None:
            from tamis.losses import get

            self.model.loss = get(loss)
            self.model._loss = self.model.loss
        self.loss = _loss_of(self.model)
        self.old = self.model._trees
        self._seen: tuple[int, np.ndarray] | None = None

    def read(self, X: Any) -> np.ndarray:
        """Return X as numbers, categories as codes."""
        return columns.table(self.source, X, reset=False)

    def finish(self, model: Any) -> Any:
        """Return the model as one that takes what the source took."""
        done = copy.copy(self.source)
        done._trees, done._baseline_prediction = model._trees, model._baseline_prediction
        done.loss, done._loss = model.loss, model._loss
        done.train_score_ = done.validation_score_ = np.zeros(0)
        return done

    def candidates(self, strength: Any, total: float) -> list[tuple[float, float, int]]:
        """Return (share of the old trees, pull, new rounds)."""
        pulls = _PULLS if strength == "auto" else (float(strength),)
        pulls = tuple(pull * self.old.rounds for pull in pulls)
        moved = [(1.0, p, r) for p in pulls for r in (_ROUNDS if np.isfinite(p) else (0,))]
        if strength != "auto":
            return moved
        return [(1.0, np.inf, 0), *moved, *((0.0, 0.0, r) for r in _ALONE)]

    def name(self, candidate: tuple[float, float, int]) -> str:
        """Return a candidate in words."""
        share, pull, rounds = candidate
        new = f"{rounds} new rounds"
        if not share:
            return f"{new} only"
        if pull == np.inf:
            return "source, first score refitted"
        each = pull / self.old.rounds
        return f"pull {each:.3g} a round" + (f", {new}" if rounds else "")

    def path(self, X: Any, y: np.ndarray, weight: np.ndarray, candidates: list) -> list:
        """Return (model with all its rounds, new rounds that count) for each candidate."""
        leaves = self._leaves(X)
        loss = self.loss
        if hasattr(loss, "prepared"):
            loss = loss.prepared(y, None if self.classes is None else len(self.classes))
        out: list[tuple[Any, int]] = []
        start: np.ndarray | None = None
        for way in dict.fromkeys((share, pull) for share, pull, _ in candidates):
            share, pull = way
            rounds = [r for *w, r in candidates if tuple(w) == way]
            if share:
                refit = _Refit(loss, y, weight, leaves, self.model, pull)
                start = refit.solve(start)
                model = self._with(*refit.parts(start))
            else:
                model = self._with(self.old.value * 0, self.model._baseline(y, weight))
            model = self._grown(model, X, y, weight, pull, max(rounds))
            out.extend((model, r) for r in rounds)
        return out

    def _with(self, value: np.ndarray, base: np.ndarray) -> Any:
        model = copy.copy(self.model)
        model._trees = self.old.with_values(value)
        model._baseline_prediction = base.reshape(1, -1)
        return model

    def _grown(
        self, model: Any, X: Any, y: np.ndarray, weight: np.ndarray, pull: float, rounds: int
    ) -> Any:
        if rounds == 0:
            return model
        wanted = copy.copy(model)
        wanted.max_iter = self.old.rounds + rounds
        wanted.l2_regularization = model.l2_regularization + pull / self.old.rounds
        wanted.do_early_stopping_ = False
        train = (X, y.astype(np.float64), weight)
        wanted._boost(wanted._booster(train, None, again=True), train, None, again=True)
        model._trees = wanted._trees
        return model

    def _leaves(self, X: np.ndarray) -> np.ndarray:
        """Return the node in which each row ends in each tree, numbered through all trees."""
        return self.old.apply(X)

    def scores(self, fitted: list, X: Any) -> np.ndarray:
        """Return the raw scores of each candidate, shape (n_candidates, n_rows[, n_classes])."""
        old, out = self.old.rounds, []
        models = {id(model): model for model, _ in fitted}
        made: dict[tuple[int, int], np.ndarray] = {}
        for key, model in models.items():
            done = 0
            raw = np.repeat(model._baseline_prediction, len(X), axis=0)
            for rounds in sorted({r for m, r in fitted if m is model}):
                raw = model._trees.add(X, raw, done, old + rounds, 1)
                done, made[key, rounds] = old + rounds, raw
        for model, rounds in fitted:
            raw = made[id(model), rounds]
            out.append(raw[:, 0] if raw.shape[1] == 1 else raw)
        return np.stack(out)

    def losses_of(self, scores: np.ndarray, y: np.ndarray) -> np.ndarray:
        """Return the loss of each row for each candidate."""
        return np.stack([self.loss.value(y, one) for one in scores])

    def combine(self, fitted: list, weights: np.ndarray) -> Any:
        """Return the model whose scores are the weighted mean of the candidates'."""
        old = self.old.rounds
        value, base = np.zeros_like(self.old.value), np.zeros_like(self.model._baseline_prediction)
        parts = []
        for model in {id(m): m for m, _ in fitted}.values():
            trees = model._trees
            of_round = np.zeros(trees.rounds)
            for (m, rounds), share in zip(fitted, weights, strict=True):
                if m is model:
                    of_round[: old + rounds] += share
            value += of_round[0] * trees.value[: len(value)]
            base += of_round[0] * model._baseline_prediction
            last = int(np.count_nonzero(of_round))
            if last > old:
                parts.append(trees.part(old, last, of_round[old:last]))
        model = self._with(value, base)
        for part in parts:
            model._trees = model._trees.joined(part)
        return model


class _Refit:
    """``sum(weight * loss) + sum(pull / 2 * change**2)`` over the changes of the leaves."""

    def __init__(
        self, loss: Any, y: np.ndarray, weight: np.ndarray, leaves: np.ndarray, model: Any,
        pull: float,
    ) -> None:  # fmt: skip
        self.loss, self.y, self.weight = loss, y, weight
        self.value, self.base = model._trees.value, model._baseline_prediction[0]
        nodes, width = len(self.value), len(self.base)
        # One leaf more for each class holds every row: the first score.
        self.pull = np.full(nodes + width, pull)
        self.pull[nodes:] = _FREE
        first = np.broadcast_to(np.arange(nodes, nodes + width, dtype=np.uint32), (len(y), width))
        self.leaves = [
            np.ascontiguousarray(np.column_stack([first[:, k], leaves[:, k::width]]))
            for k in range(width)
        ]

    def parts(self, change: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the values of the nodes and the first scores."""
        nodes = len(self.value)
        return self.value + change[:nodes], self.base + change[nodes:]

    def _score(self, change: np.ndarray) -> np.ndarray:
        value = np.concatenate([self.value, self.base]) + change
        score = np.column_stack([value[leaves].sum(axis=1) for leaves in self.leaves])
        return score[:, 0] if score.shape[1] == 1 else score

    def _objective(self, change: np.ndarray, score: np.ndarray) -> float:
        held = np.isfinite(self.pull)
        loss = self.weight @ self.loss.value(self.y, score)
        return float(loss + self.pull[held] @ change[held] ** 2 / 2)

    def solve(self, start: np.ndarray | None) -> np.ndarray:
        """Return the changes, from the rows' slopes and bends at one point after another."""
        at = np.zeros_like(self.pull) if start is None else start
        score = self._score(at)
        value = self._objective(at, score)
        for _ in range(_STEPS):
            step = self._step(at, score)
            for size in 0.5 ** np.arange(12):
                there = at + size * step
                new = self._score(there)
                lower = self._objective(there, new)
                if lower < value:
                    break
            else:
                break
            gained, at, score, value = value - lower, there, new, lower
            if gained <= 1e-6 * self.weight.sum():
                break
        return at

    def _step(self, at: np.ndarray, score: np.ndarray) -> np.ndarray:
        many = (len(self.y), len(self.leaves))
        slope = np.asarray(self.loss.gradient(self.y, score), dtype=np.float64).reshape(many)
        bend = _bend(self.loss, self.y, score, slope).reshape(many)
        rows = self.weight[:, None]
        slope, bend = slope * rows, bend * rows
        out = at.copy()
        for k, leaves in enumerate(self.leaves):
            # The kernel's scores are of the changes in all: slopes at a change of nought.
            moved = at[leaves].sum(axis=1)
            gradient = np.ascontiguousarray(slope[:, k] - bend[:, k] * moved)
            hessian = np.ascontiguousarray(bend[:, k])
            out = _core.boost_refit(leaves, gradient, hessian, self.pull, out)
        return out - at


def _bend(loss: Any, y: np.ndarray, score: np.ndarray, slope: np.ndarray) -> np.ndarray:
    """Return second derivatives, or what stands for them where a loss is made of lines."""
    if type(loss).__name__ in ("AbsoluteError", "Quantile"):
        # A parabola that touches the loss from above.
        off = np.abs(y - score)
        least = max(float(np.median(off)) / 100, np.finfo(np.float64).tiny)
        return np.abs(slope.reshape(off.shape)) / np.maximum(off, least)
    if not hasattr(loss, "hessian"):
        return np.ones_like(slope)
    return np.maximum(np.asarray(loss.hessian(y, score), dtype=np.float64), 0.0)


class _Poisson:
    """The deviance of counts whose logarithm is the score, but for what does not depend on it."""

    def value(self, y: np.ndarray, score: np.ndarray) -> np.ndarray:
        return np.exp(score) - y * score

    def gradient(self, y: np.ndarray, score: np.ndarray) -> np.ndarray:
        return np.exp(score) - y

    def hessian(self, y: np.ndarray, score: np.ndarray) -> np.ndarray:
        return np.exp(score)


class _Gamma:
    """The same of the gamma distribution."""

    def value(self, y: np.ndarray, score: np.ndarray) -> np.ndarray:
        return score + y * np.exp(-score)

    def gradient(self, y: np.ndarray, score: np.ndarray) -> np.ndarray:
        return 1 - y * np.exp(-score)

    def hessian(self, y: np.ndarray, score: np.ndarray) -> np.ndarray:
        return y * np.exp(-score)


def _loss_of(model: Any) -> Any:
    """Return the loss that the model was fitted by, as an object."""
    from tamis import losses

    if model._loss is not None:
        return model._loss
    if model.loss in ("poisson", "gamma"):
        return _Poisson() if model.loss == "poisson" else _Gamma()
    if model.loss == "quantile":
        return losses.Quantile(model.quantile)
    return losses.get("cross_entropy" if model.loss == "log_loss" else model.loss)


def _coded(source: Any) -> Any:
    """Return a copy that takes categories as their codes, and columns without names."""
    model = copy.copy(source)
    vars(model).pop("feature_names_in_", None)
    mask = model.is_categorical_
    if mask is None:
        return model.set_params(categorical_features=None)
    counts = columns.category_counts(source._encoder)
    codes = [np.arange(max(count, 1), dtype=np.float64) for count in counts]
    encoder = OrdinalEncoder(
        categories=codes, handle_unknown="use_encoded_value", unknown_value=np.nan
    )
    model._encoder = encoder.fit(np.zeros((1, len(codes))))
    return model.set_params(categorical_features=mask)
