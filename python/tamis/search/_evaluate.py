"""Fit a plan on some training rows and score it on others."""

from __future__ import annotations

import time
from dataclasses import dataclass

import numpy as np

from tamis._random import derive
from tamis.pipeline import Pipeline
from tamis.search._build import Builder
from tamis.search._metrics import Metric, predict
from tamis.search._plan import Plan
from tamis.search._split import folds, trusted_part

__all__ = ["Evaluator", "Split", "Trial"]


@dataclass(frozen=True)
class Split:
    """One fold of one repeat; `cap` limits the training rows (0: all)."""

    repeat: int
    fold: int
    cap: int = 0


@dataclass(frozen=True)
class Trial:
    """The outcome of one plan on one split. `score` is NaN where the fit failed (see `error`)."""

    score: float
    seconds: float
    error: str = ""


class Evaluator:
    """Scores plans on splits of the training table.

    Parameters
    ----------
    Z : ndarray of shape (n_rows, n_columns)
        The encoder's matrix of the training rows.
    y : ndarray of shape (n_rows,)
        Class codes or numbers.
    copies : ndarray of shape (n_rows,)
        Rows with equal labels are copies of each other, for the step that drops duplicates.
    groups, strata : ndarray of shape (n_rows,)
        What the folds keep together, and in proportion.
    trusted : ndarray of bool of shape (n_rows,), optional
        The rows that scores are taken on; the others are fitted on alone.
    """

    def __init__(
        self,
        Z: np.ndarray,
        y: np.ndarray,
        *,
        copies: np.ndarray,
        groups: np.ndarray,
        strata: np.ndarray,
        builder: Builder,
        metric: Metric,
        cv: int,
        seed: int,
        trusted: np.ndarray | None = None,
    ) -> None:
        self.Z = Z
        self.y = y
        self.copies = copies
        self.groups = groups
        self.strata = strata
        self.builder = builder
        self.metric = metric
        self.cv = cv
        self.seed = seed
        self.trusted = trusted
        self._folds: dict[int, list[tuple[np.ndarray, np.ndarray]]] = {}

    def rows(self, split: Split) -> tuple[np.ndarray, np.ndarray]:
        """Return the training and test rows of a split."""
        if split.repeat not in self._folds:
            seed = derive(self.seed, "folds", split.repeat)
            made = folds(self.strata, self.groups, self.cv, seed)
            self._folds[split.repeat] = [
                trusted_part(train, test, self.groups, self.trusted) for train, test in made
            ]
        train, test = self._folds[split.repeat][split.fold]
        if split.cap and len(train) > split.cap:
            rng = np.random.default_rng(derive(self.seed, "cap", split.repeat, split.fold))
            train = np.sort(rng.permutation(train)[: split.cap])
        return train, test

    @property
    def test_share(self) -> float:
        """Rows that a score is taken on, as a share of those that are fitted on."""
        train, test = self.rows(Split(0, 0))
        return len(test) / len(train)

    def __call__(self, plan: Plan, split: Split) -> Trial:
        """Fit and score one plan on one split."""
        start = time.perf_counter()
        train, test = self.rows(split)
        if plan.duplicates == "drop":
            _, first = np.unique(self.copies[train], return_index=True)
            train = train[np.sort(first)]
        try:
            model = Pipeline(self.builder.matrix_steps(plan)).fit(self.Z[train], self.y[train])
            said = predict(model, self.Z[test], self.builder.task, coded=True)
            score = self.metric.score(said, self.y[test])
        except (ValueError, ArithmeticError, RuntimeError, np.linalg.LinAlgError) as error:
            text = f"{type(error).__name__}: {error}".splitlines()[0]
            return Trial(float("nan"), time.perf_counter() - start, text)
        return Trial(score, time.perf_counter() - start)
