"""The space of plans for a table: which choices make sense, and draws from it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from tamis.search._plan import STEPS, Plan, plainest

__all__ = ["Facts", "Space"]

#: Model families and the values their parameters are drawn from.
FAMILIES: dict[str, dict[str, tuple]] = {
    "logistic": {"C": (0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0, 100.0)},
    "linear": {},
    "ridge": {"alpha": (0.01, 0.1, 1.0, 3.0, 10.0, 30.0, 100.0, 1000.0)},
    "tree": {"max_depth": (3, 4, 5, 6, 8, 12), "min_samples_leaf": (1, 5, 10, 20, 50)},
    "boosting": {
        "l2_regularization": (0.0, 1.0, 10.0),
        "learning_rate": (0.03, 0.06, 0.1, 0.2),
        "max_iter": (50, 100, 200),
        "max_leaf_nodes": (7, 15, 31),
        "min_samples_leaf": (10, 20, 40),
    },
}

#: Where each family starts.
DEFAULTS: dict[str, dict[str, Any]] = {
    "logistic": {"C": 1.0},
    "linear": {},
    "ridge": {"alpha": 1.0},
    "tree": {"max_depth": 5, "min_samples_leaf": 10},
    "boosting": {
        "l2_regularization": 0.0,
        "learning_rate": 0.1,
        "max_iter": 100,
        "max_leaf_nodes": 15,
        "min_samples_leaf": 20,
    },
}
_OUTLIERS = ("keep", "clip-iqr", "clip-mad", "drop-iqr", "drop-mad")
_LINEAR = ("logistic", "linear", "ridge")
#: Families that take another loss.
_ANY_LOSS = ("logistic", "boosting")
#: Classes are balanced where the rarest has less than this share of the largest.
_RARE = 1 / 3
#: SMOTE looks for five neighbours in the class, and compares its rows with one another.
_FEW_ROWS, _MOST_SMOTE_WORK = 30, 5e9
#: What imputers cost grows in their own ways; where it is more than this they are not offered, so
#: that a fit stays within some seconds. kNN compares every row that has a gap with all others.
_MOST_KNN_WORK = 2e9
#: Chained regressions and low rank multiply the columns with one another, in rounds.
_MOST_PRODUCTS, _MOST_COLUMNS = 5e8, 150
#: The choice on hidden cells fits several imputers several times; trees are grown by column.
_MOST_CELLS_AUTO, _MOST_CELLS_TREES = 5e4, 2e4
#: Judging labels fits the model three times more; of few rows it can say little, and where a fit
#: takes hardly any time of its own these fits are most of what a search costs.
_MOST_CELLS_LABELS, _LEAST_ROWS_LABELS = 1e5, 500
#: So many of the plans that are drawn leave labels alone, for the price of judging them, and the
#: loss, which seldom is the matter (unless scores are taken on rows that were checked).
_MOSTLY_PLAIN = {"labels": 0.8, "loss": 0.8}


@dataclass(frozen=True)
class Facts:
    """What the training table has: it decides which choices make sense."""

    classifies: bool
    n_rows: int
    n_numbers: int
    n_categories: int
    duplicates: bool
    gaps: bool
    number_gap_rows: int
    classes: tuple[int, ...] = ()
    trusted: bool = False


class Space:
    """The plans that make sense for a table.

    Parameters
    ----------
    facts : Facts
        What the table has.
    seed : int
        The same seed gives the same draws.
    """

    def __init__(self, facts: Facts, seed: int) -> None:
        self.facts = facts
        self.families = (
            ("logistic", "boosting", "tree")
            if facts.classifies
            else ("ridge", "boosting", "tree", "linear")
        )
        self._rng = np.random.default_rng(seed)

    def choices(self, family: str) -> dict[str, tuple[str, ...]]:
        """Return the choices of each step for a model family, the plainest first."""
        f = self.facts
        native = family == "boosting"
        missing: tuple[str, ...] = ("native",) if native else ("median",)
        if f.gaps:
            missing += ("median", "flag") if native else ("mode", "flag")
            missing += self._imputers()
        encode = ("native",) if native else ("one-hot",)
        return {
            "duplicates": ("keep", "drop") if f.duplicates else ("keep",),
            "outliers": _OUTLIERS if f.n_numbers else ("keep",),
            "missing": missing,
            "encode": (*encode, "target") if f.n_categories else encode,
            "scale": ("none", "standard", "robust") if family in _LINEAR else ("none",),
            "labels": ("keep", "drop", "weight") if self._judges_labels() else ("keep",),
            "classes": self._balancing(native),
            "loss": ("own", "gce") if f.classifies and family in _ANY_LOSS else ("own",),
        }

    def _balancing(self, native: bool) -> tuple[str, ...]:
        """Return what is done about classes of very different size."""
        sizes = self.facts.classes
        if not sizes or min(sizes) >= _RARE * max(sizes):
            return ("keep",)
        found = ("keep", "weigh", "repeat")
        # Boosting has gaps and codes of categories, between which there is nothing.
        work = float(sorted(sizes)[-2]) ** 2 * max(
            1, self.facts.n_numbers + self.facts.n_categories
        )
        if native or min(sizes) < _FEW_ROWS or work > _MOST_SMOTE_WORK:
            return found
        return (*found, "smote")

    def _judges_labels(self) -> bool:
        f = self.facts
        cells = f.n_rows * (f.n_numbers + f.n_categories)
        return f.n_rows >= _LEAST_ROWS_LABELS and 0 < cells <= _MOST_CELLS_LABELS

    def _imputers(self) -> tuple[str, ...]:
        """Return the imputers that fill numbers from other numbers, as far as they are quick."""
        f = self.facts
        if not f.number_gap_rows or not f.n_numbers:
            return ()
        found: tuple[str, ...] = ()
        if float(f.number_gap_rows) * f.n_rows * f.n_numbers <= _MOST_KNN_WORK:
            found += ("knn",)
        if f.n_numbers < 2:
            return found
        if f.n_rows * f.n_numbers**2 <= _MOST_PRODUCTS and f.n_numbers <= _MOST_COLUMNS:
            found += ("chained", "low-rank")
        if f.n_rows * f.n_numbers <= _MOST_CELLS_AUTO:
            found += ("auto",)
        if f.n_rows * f.n_numbers <= _MOST_CELLS_TREES:
            found += ("chained-trees", "forest")
        return found

    def anchors(self) -> list[Plan]:
        """Return the plans to begin with: of each family the plainest, then a likely good one."""
        plain = [Plan(**plainest(f), family=f, params=_params(DEFAULTS[f])) for f in self.families]
        liked = {"missing": "flag", "encode": "target", "scale": "standard"}
        better = []
        for plan in plain:
            choices = self.choices(plan.family)
            new: dict[str, Any] = {
                step: choice for step, choice in liked.items() if choice in choices[step]
            }
            better.append(replace(plan, **new))
        if self.facts.trusted:
            # Some targets were checked, so the others may well be wrong.
            better += [replace(p, loss="gce") for p in better if p.family in _ANY_LOSS]
        return list(dict.fromkeys([*plain, *better]))

    def draw(self) -> Plan:
        """Return a plan drawn at random: each step is plain half of the time or mostly."""
        family = self.families[self._rng.choice(len(self.families), p=self._weights())]
        steps = {}
        for step, options in self.choices(family).items():
            share = 0.5 if self.facts.trusted else _MOSTLY_PLAIN.get(step, 0.5)
            plain = len(options) == 1 or self._rng.random() < share
            steps[step] = options[0] if plain else self._pick(options[1:])
        params = {name: self._pick(values) for name, values in FAMILIES[family].items()}
        return Plan(**steps, family=family, params=_params(params))

    def near(self, plan: Plan) -> Plan:
        """Return a plan that differs from the given one in one or two choices."""
        choices = self.choices(plan.family)
        open_steps = [s for s in STEPS if len(choices[s]) > 1]
        names = [name for name, _ in plan.params]
        params = dict(plan.params)
        steps: dict[str, Any] = {}
        for _ in range(1 + int(self._rng.random() < 0.5)):
            what = self._pick((*open_steps, *names)) if open_steps or names else None
            if what in open_steps:
                now = steps.get(what, getattr(plan, what))
                steps[what] = self._pick(tuple(c for c in choices[what] if c != now))
            elif what is not None:
                params[what] = _neighbour(FAMILIES[plan.family][what], params[what], self._rng)
        return replace(plan, **steps, params=_params(params))

    def _weights(self) -> np.ndarray:
        weights = np.array([{"linear": 1.0, "tree": 1.0}.get(f, 3.0) for f in self.families])
        return weights / weights.sum()

    def _pick(self, options: tuple) -> Any:
        return options[int(self._rng.integers(len(options)))]


def _params(params: dict[str, Any]) -> tuple[tuple[str, Any], ...]:
    return tuple(sorted(params.items()))


def _neighbour(values: tuple, now: Any, rng: np.random.Generator) -> Any:
    """Return the value one place up or down from the one a plan has."""
    place = values.index(now) if now in values else 0
    step = 1 if rng.random() < 0.5 else -1
    return values[min(max(place + step, 0), len(values) - 1)]
