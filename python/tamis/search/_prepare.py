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
from tamis.search._split import holdout_rows, strata, trusted_part
from tamis.search._table import FrameEncoder, choose_columns
from tamis.search._task import Task, find_task
from tamis.search._trusted import check_enough, trusted_rows

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
    data: Any, target: str, kind: str, metric: str | None, share: float, cv: int, seed: int,
    trusted: Any = None,
) -> Table:  # fmt: skip
    from tamis.dedup import duplicate_groups

    frame = _frame.wrap(data)
    task = find_task(data, target, kind)
    scorer = Metric(metric, task)
    if len(frame) < 4 * cv:
        raise DataError(f"only {len(frame)} rows: {cv} folds and a holdout need {4 * cv}")
    # Kinds of columns are read off all rows (no target, no statistic); levels and everything
    # else are learned from training rows.
    checked, mark = trusted_rows(data, target, trusted)
    encoder, ignored = choose_columns(data if mark is None else _without(data, mark), target)
    if mark is not None:
        ignored[mark] = "it says whose targets were checked"
    features = [*encoder.numbers, *encoder.datetimes, *encoder.categories]
    groups = duplicate_groups(data, subset=features)
    level = strata(task.y, task.classifies)
    # Where some rows are trusted, each part gets its share of them.
    layer = level if checked is None else 2 * level + checked
    train_rows, holdout = trusted_part(*holdout_rows(layer, groups, share, seed), groups, checked)
    train = _frame.take(data, train_rows)
    train_task = _rows_of(task, train_rows)
    if task.classifies and len(np.unique(train_task.y)) < len(task.classes):
        raise DataError("a class has too few distinct rows to be in training and holdout: merge it")
    if checked is not None:
        check_enough(task, checked, cv)
    Z = encoder.fit(train).transform(train)
    held = _frame.take(data, holdout)
    encoder.transform(held)  # what is wrong with them is said now, not after the search
    compared = _compared(frame, target, mark)
    copies = duplicate_groups(train, subset=list(compared))
    smallest = int(np.bincount(train_task.y).min()) if task.classifies else len(Z)
    builder = Builder(encoder, train_task, seed, smallest, compared)
    evaluate = Evaluator(
        Z,
        train_task.y,
        copies=copies,
        groups=groups[train_rows],
        strata=layer[train_rows],
        builder=builder,
        metric=scorer,
        cv=cv,
        seed=seed,
        trusted=None if checked is None else checked[train_rows],
    )
    facts = _facts(Z, encoder, train_task, copies, checked is not None)
    return Table(
        task, scorer, train, held, task.y[holdout], train_task, evaluate, builder,
        Space(facts, derive(seed, "space")), ignored, len(frame),
    )  # fmt: skip


def _compared(frame: Any, target: str, mark: str | None) -> tuple[str, ...]:
    """Return the columns that copies must agree in: all but the target, marks and row numbers."""
    return tuple(
        name
        for name in frame.columns
        if name not in (target, mark)
        and _columns.profile(frame.get_column(name)).kind != "identifier"
    )


def _without(data: Any, name: str) -> Any:
    return _frame.wrap(data).drop(name).to_native()


def _facts(
    Z: np.ndarray, encoder: FrameEncoder, task: Task, copies: np.ndarray, trusted: bool
) -> Facts:
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
        trusted=trusted and task.classifies,
    )


def _rows_of(task: Task, rows: np.ndarray) -> Task:
    return Task(task.kind, task.reason, task.target, task.y[rows], task.labels[rows], task.classes)
