"""tune: from a raw table to better data and a better model, with proof."""

from __future__ import annotations

import time
import warnings
from pathlib import Path
from typing import Any

import numpy as np

from tamis._progress import bar
from tamis._random import base_seed
from tamis._read import read
from tamis._threads import resolve
from tamis.exceptions import ParameterError
from tamis.search._prepare import prepare
from tamis.search._result import TuneResult
from tamis.search._run import Run

__all__ = ["tune"]


def tune(
    data: Any,
    target: str,
    *,
    task: str = "auto",
    metric: str | None = None,
    time_budget: float | None = 60,
    max_candidates: int | None = None,
    holdout: float = 0.2,
    cv: int = 5,
    trusted: Any = None,
    n_jobs: int | None = None,
    random_state: int | np.random.RandomState | None = None,
    progress: bool | None = None,
) -> TuneResult:
    """Search data steps and models together, and say what each step was worth.

    A holdout is set aside first. On the other rows plans (what to do with duplicates, gaps,
    outliers, categories, scales, wrong labels and rare classes, and which model) race in rounds of
    cross-validation; every statistic is learned, and every row dropped or made, inside the
    training folds. Each step of the
    winner is then taken out in turn, on folds that nothing was chosen by; a step that does not
    help is left out. The final model is scored once on the holdout.

    Parameters
    ----------
    data : frame, str or Path
        A pandas or polars frame, an Arrow table, or the path of a CSV, Parquet or JSONL file.
    target : str
        The column to predict.
    task : {"auto", "classification", "binary", "multiclass", "regression"}, default="auto"
        What kind of target it is; "auto" reads it off the column (see ``result.task``).
    metric : str, optional
        A scikit-learn scorer ("roc_auc", "neg_log_loss", "r2", ...); higher is better. By default
        "roc_auc" for two classes, "accuracy" for more, "r2" for numbers.
    time_budget : float or None, default=60
        Seconds for the whole call. Ignored when `max_candidates` is given.
    max_candidates : int, optional
        Try exactly so many plans (fewer if the space has no more). The result then depends on the
        data and `random_state` alone, not on the clock or the number of threads.
    holdout : float, default=0.2
        The share of rows set aside, between 0.05 and 0.5.
    cv : int, default=5
        Folds of the cross-validation, at least 2.
    trusted : str or array-like of bool of shape (n_rows,), optional
        Rows whose targets were checked, or the column that says so. Every score, in the race as
        on the holdout, is then taken on these alone; the others are only fitted on. Without them
        nothing can tell a model that forgives wrong labels from one that repeats them.
    n_jobs : int, optional
        Threads; None or -1 uses all cores.
    random_state : int, RandomState or None
        Seed of splits, plans and models.
    progress : bool, optional
        Show a progress bar; by default only to a person.

    Returns
    -------
    TuneResult

    Raises
    ------
    ParameterError
        If a parameter cannot be used, or there is no such column.
    DataError
        If the target is missing, constant or nearly unique, or no column can be learned from.
    KeyboardInterrupt
        If Ctrl-C comes before the first plan was tried. Later the best so far is returned, with
        ``result.interrupted`` set.

    References
    ----------
    Jamieson and Talwalkar (2016), Non-stochastic best arm identification and hyperparameter
    optimization (successive halving). Nadeau and Bengio (2003), Inference for the generalization
    error (the interval of a step's worth).

    Examples
    --------
    >>> import tamis
    >>> from sklearn.datasets import load_breast_cancer
    >>> frame = load_breast_cancer(as_frame=True).frame
    >>> result = tamis.tune(frame, "target", max_candidates=4, cv=3, random_state=0)
    >>> result.task.kind
    'binary'
    >>> bool(result.holdout.score > 0.9)
    True
    """
    if time_budget is None and max_candidates is None:
        raise ParameterError("give a time_budget, max_candidates, or both")
    _check_numbers(time_budget, max_candidates, holdout, cv)
    start = time.monotonic()
    deadline = None if max_candidates is not None else start + float(time_budget or 0)
    if isinstance(data, str | Path):
        data = read(data)
    seed = base_seed(random_state)
    threads = resolve(n_jobs)
    # One filter for all threads: it cannot be set in each (warnings are the whole process's).
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        table = prepare(data, target, task, metric, holdout, cv, seed, trusted)
        run = Run(table, threads, seed, deadline, start)
        with bar(None if deadline is None else time_budget, "tune", progress) as shown:
            run.shown = shown
            try:
                run.search(max_candidates)
                return run.finish()
            finally:
                run.pool.close()


def _check_numbers(
    time_budget: float | None, max_candidates: int | None, holdout: float, cv: int
) -> None:
    if time_budget is not None and not time_budget > 0:
        raise ParameterError(f"time_budget must be positive seconds; got {time_budget!r}")
    if max_candidates is not None and (not _whole(max_candidates) or max_candidates < 1):
        raise ParameterError(
            f"max_candidates must be a whole number from 1; got {max_candidates!r}"
        )
    if not 0.05 <= holdout <= 0.5:
        raise ParameterError(f"holdout must be a share between 0.05 and 0.5; got {holdout!r}")
    if not _whole(cv) or cv < 2:
        raise ParameterError(f"cv must be a whole number of folds, at least 2; got {cv!r}")


def _whole(value: Any) -> bool:
    return isinstance(value, int | np.integer) and not isinstance(value, bool)
