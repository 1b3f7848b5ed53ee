"""From the raw table to what the search needs: the task, the holdout, the matrix, the space."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from tamis import _columns, _frame
from tamis._random import derive
from tamis.exceptions import DataError
from tamis.search._build import Builder
from tamis.search._evaluate import Evaluator
from tamis.search._metrics import Metric
from tamis.search._space import Facts, Space
from tamis.search._split import holdout_rows, strata
from tamis.search._table import FrameEncoder, choose_columns
from tamis.search._task import Task, find_task

__all__ = ["Table", "prepare"]


@dataclass
class Table:
    """The data, split: training rows for everything, holdout rows for one score."""

    task: Task
    metric: Metric
    train: Any
    holdout: Any
    y_holdout: np.ndarray
    train_task: Task
    evaluate: Evaluator
    builder: Builder
    space: Space
    ignored: dict[str, str]
    n_rows: int


def prepare(
    data: Any, target: str, kind: str, metric: str | None, share: float, cv: int, seed: int
) -> Table:
    from tamis.dedup import duplicate_groups

    frame = _frame.wrap(data)
    task = find_task(data, target, kind)
    scorer = Metric(metric, task)
    if len(frame) < 4 * cv:
        raise DataError(f"only {len(frame)} rows: {cv} folds and a holdout need {4 * cv}")
    # Kinds of columns are read off all rows (no target, no statistic); levels and everything
    # else are learned from training rows.
    encoder, ignored = choose_columns(data, target)
    features = [*encoder.numbers, *encoder.datetimes, *encoder.categories]
    groups = duplicate_groups(data, subset=features)
    level = strata(task.y, task.classifies)
    train_rows, holdout = holdout_rows(level, groups, share, seed)
    train = _frame.take(data, train_rows)
    train_task = _rows_of(task, train_rows)
    if task.classifies and len(np.unique(train_task.y)) < len(task.classes):
        raise DataError("a class has too few distinct rows to be in training and holdout: merge it")
    Z = encoder.fit(train).transform(train)
    held = _frame.take(data, holdout)
    encoder.transform(held)  # what is wrong with them is said now, not after the search
    compared = _compared(frame, target)
    copies = duplicate_groups(train, subset=list(compared))
    smallest = int(np.bincount(train_task.y).min()) if task.classifies else len(Z)
    builder = Builder(encoder, train_task, seed, smallest, compared)
    evaluate = Evaluator(
        Z,
        train_task.y,
        copies=copies,
        groups=groups[train_rows],
        strata=level[train_rows],
        builder=builder,
        metric=scorer,
        cv=cv,
        seed=seed,
    )
    facts = _facts(Z, encoder, train_task, copies)
    return Table(
        task, scorer, train, held, task.y[holdout], train_task, evaluate, builder,
        Space(facts, derive(seed, "space")), ignored, len(frame),
    )  # fmt: skip


def _compared(frame: Any, target: str) -> tuple[str, ...]:
    """Return the columns that copies must agree in: all but the target and row numbers."""
    return tuple(
        name
        for name in frame.columns
        if name != target and _columns.profile(frame.get_column(name)).kind != "identifier"
    )


def _facts(Z: np.ndarray, encoder: FrameEncoder, task: Task, copies: np.ndarray) -> Facts:
    n_numbers = len(encoder.numbers) + len(encoder.datetimes)
    gaps = np.isnan(Z)
    return Facts(
        classifies=task.classifies,
        n_rows=len(Z),
        n_numbers=len(encoder.numbers),
        n_categories=len(encoder.categories),
        duplicates=len(np.unique(copies)) < len(copies),
        gaps=bool(gaps.any()),
        number_gap_rows=int(gaps[:, :n_numbers].any(axis=1).sum()),
        classes=tuple(np.bincount(task.y).tolist()) if task.classifies else (),
    )


def _rows_of(task: Task, rows: np.ndarray) -> Task:
    return Task(task.kind, task.reason, task.target, task.y[rows], task.labels[rows], task.classes)
