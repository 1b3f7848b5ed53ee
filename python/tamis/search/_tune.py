"""tune: from a raw table to better data and a better model, with proof."""

from __future__ import annotations

import time
import warnings
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from tamis import _columns, _frame
from tamis._progress import bar
from tamis._random import base_seed, derive
from tamis._read import read
from tamis._threads import resolve
from tamis.exceptions import DataError, ParameterError
from tamis.search._ablation import Worth, ablate
from tamis.search._build import Builder
from tamis.search._changes import refine
from tamis.search._evaluate import Evaluator
from tamis.search._holdout import Holdout, judge, resamples
from tamis.search._metrics import Metric, Predictions, predict
from tamis.search._plan import Plan
from tamis.search._pool import Pool
from tamis.search._race import Candidate, Race
from tamis.search._result import TuneResult
from tamis.search._space import Facts, Space
from tamis.search._split import holdout_rows, strata
from tamis.search._table import choose_columns
from tamis.search._task import Task, find_task

__all__ = ["tune"]

#: The race ends at this share of the time budget, or when so many repeats of the proof still fit.
_RACE_SHARE = 0.7
_PROOFS = 2.0
#: After Ctrl-C a plan whose fit takes longer than this is not fitted again.
_QUICK = 1.0


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
    n_jobs: int | None = None,
    random_state: int | np.random.RandomState | None = None,
    progress: bool | None = None,
) -> TuneResult:
    """Search data steps and models together, and say what each step was worth.

    A holdout is set aside first. On the other rows plans (what to do with duplicates, gaps,
    outliers, categories and scales, and which model) race in rounds of cross-validation; every
    statistic is learned, and every row dropped, inside the training folds. Each step of the
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
        table = _prepare(data, target, task, metric, holdout, cv, seed)
        run = _Run(table, threads, seed, deadline, start)
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


@dataclass
class _Table:
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


def _prepare(
    data: Any, target: str, kind: str, metric: str | None, share: float, cv: int, seed: int
) -> _Table:
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
    encoder.transform(_frame.take(data, holdout))  # what is wrong with them is said now
    row_numbers = [
        n for n in frame.columns if _columns.profile(frame.get_column(n)).kind == "identifier"
    ]
    compared = tuple(n for n in frame.columns if n != target and n not in row_numbers)
    copies = duplicate_groups(train, subset=list(compared))
    smallest = int(np.bincount(train_task.y).min()) if task.classifies else len(Z)
    builder = Builder(encoder, train_task, seed, smallest, compared)
    n_numbers = len(encoder.numbers) + len(encoder.datetimes)
    gaps = np.isnan(Z)
    facts = Facts(
        classifies=task.classifies,
        n_rows=len(Z),
        n_numbers=len(encoder.numbers),
        n_categories=len(encoder.categories),
        duplicates=len(np.unique(copies)) < len(copies),
        gaps=bool(gaps.any()),
        number_gap_rows=int(gaps[:, :n_numbers].any(axis=1).sum()),
    )
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
    return _Table(
        task, scorer, train, _frame.take(data, holdout), task.y[holdout], train_task, evaluate,
        builder, Space(facts, derive(seed, "space")), ignored, len(frame),
    )  # fmt: skip


def _rows_of(task: Task, rows: np.ndarray) -> Task:
    return Task(task.kind, task.reason, task.target, task.y[rows], task.labels[rows], task.classes)


@dataclass
class _Run:
    """One call of tune: the race, the ablation, the last fits."""

    table: _Table
    threads: int
    seed: int
    deadline: float | None
    start: float
    shown: Any = None
    race: Race = field(init=False)
    pool: Pool = field(init=False)
    interrupted: bool = False
    plan: Plan | None = None
    worth: list[Worth] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.pool = Pool(self.threads)
        t = self.table
        self.race = Race(t.evaluate, t.space, self.pool, self._tell)

    def search(self, max_candidates: int | None) -> None:
        """Race, then judge the winner's steps. Ctrl-C ends it with the best so far."""
        try:
            self.race.run(max_candidates=max_candidates, deadline=self._race_end)
            best = self._provable()
            self.plan = best.plan
            end = None if self.deadline is None else self.deadline - self._finish_seconds(best)
            self.plan, self.worth = ablate(
                best.plan, self.table.evaluate, self.pool, deadline=end, tell=self._tell
            )
        except KeyboardInterrupt:
            self._interrupt()

    def finish(self) -> TuneResult:
        """Fit the plan on all training rows, score it once, and put the result together."""
        try:
            return self._finish()
        except KeyboardInterrupt:
            if self.interrupted:
                raise
            self._interrupt()
            return self._finish()

    def _finish(self) -> TuneResult:
        model, *others = self._fit()
        t = self.table
        refined, changes = refine(t.train, model, self._final_plan, t.evaluate.copies)
        return TuneResult(
            model=model,
            plan=self._final_plan,
            task=t.task,
            holdout=self._holdout(model, others),
            candidates=self.race.ranking() + [c for c in self.race.candidates if not c.trials],
            worth=self.worth,
            data=refined,
            changes=changes,
            ignored=t.ignored,
            interrupted=self.interrupted,
            seconds=time.monotonic() - self.start,
            n_rows=t.n_rows,
            n_train=len(t.train_task.y),
        )

    # --- the clock -----------------------------------------------------------------------------

    def _race_end(self, best: Candidate | None, last: bool = False) -> float | None:
        """Return when the race (or its `last` round) must end, to leave room for the proof."""
        if self.deadline is None:
            return None
        if best is None:
            return self.start + _RACE_SHARE * (self.deadline - self.start)
        proof = self._proof_seconds(best)
        if last:
            return self.deadline - proof
        share = self.start + _RACE_SHARE * (self.deadline - self.start)
        return min(share, self.deadline - _PROOFS * proof)

    def _proof_seconds(self, best: Candidate) -> float:
        """Estimate one repeat of the ablation of a plan, and what comes after it."""
        trials = self.table.evaluate.cv * (2 + len(best.plan.refinements()))
        return 1.1 * best.seconds * trials / self.threads + self._finish_seconds(best)

    def _provable(self) -> Candidate:
        """Return the best plan whose worth can still be proved in the time left.

        One that is clearly worse (by more than the spread of the best over the folds) is not
        taken for that.
        """
        ranking = self.race.ranking()
        if self.deadline is None:
            return ranking[0]
        left = self.deadline - time.monotonic()
        scores = ranking[0].scores()
        near = ranking[0].score - (np.std(scores, ddof=1) if len(scores) > 1 else 0.0)
        fair = [c for c in ranking if c.evidence >= ranking[0].evidence and c.score >= near]
        return next((c for c in fair if self._proof_seconds(c) <= left), ranking[0])

    # --- parts ---------------------------------------------------------------------------------

    @property
    def _final_plan(self) -> Plan:
        assert self.plan is not None
        return self.plan

    def _interrupt(self) -> None:
        """Settle on the best plan so far whose fit is quick."""
        tried = [c for c in self.race.ranking() if np.isfinite(c.score)]
        self.pool.close()
        if not tried:
            raise KeyboardInterrupt
        self.interrupted = True
        self.worth = []
        quick = [c for c in tried if c.seconds <= _QUICK]
        self.plan = (quick or [min(tried, key=lambda c: c.seconds)])[0].plan
        # Fits of other libraries that do not hear the stop flag may still hold the old threads.
        self.pool = Pool(max(2, self.threads))

    def _fit(self) -> list[Any]:
        """Return the fitted model, its plain counterpart (or the same), and the dummy."""
        from sklearn.dummy import DummyClassifier, DummyRegressor

        t = self.table
        plans = list(dict.fromkeys([self._final_plan, self._final_plan.plain()]))
        labels = t.train_task.labels
        fitted: dict[int, Any] = {}

        def take(i: int, outcome: Any) -> None:
            if isinstance(outcome, BaseException):
                raise outcome
            fitted[i] = outcome

        jobs = [lambda p=p: t.builder.pipeline(p).fit(t.train, labels) for p in plans]
        self.pool.run(jobs, take)
        dummy = DummyClassifier(strategy="prior") if t.task.classifies else DummyRegressor()
        dummy.fit(np.zeros((len(labels), 1)), labels)
        return [fitted[0], fitted[len(plans) - 1], dummy]

    def _holdout(self, model: Any, others: list[Any]) -> Holdout:
        t = self.table
        said = predict(model, t.holdout, t.task, coded=False)
        plain = others[0]
        base = said if plain is model else predict(plain, t.holdout, t.task, coded=False)
        nothing = np.zeros((len(t.y_holdout), 1))
        dummy = predict(others[1], nothing, t.task, coded=False)
        return judge(t.metric, t.y_holdout, said, base, dummy, self.seed)

    def _finish_seconds(self, best: Candidate) -> float:
        """Estimate how long the last fits, the holdout and its intervals take."""
        t = self.table
        y = t.y_holdout
        trial = Predictions(y)
        if t.task.classifies:
            proba = np.random.default_rng(0).random((len(y), len(t.task.classes)))
            trial = Predictions(y, proba / proba.sum(axis=1, keepdims=True))
        begin = time.perf_counter()
        t.metric.score(trial, y)
        one = time.perf_counter() - begin
        fits = 2.5 * best.seconds * (2 if self.threads == 1 else 1)
        return fits + 2.5 * resamples(len(y)) * one + 0.5

    def _tell(self, race: Race | None = None) -> None:
        if self.shown is None or self.shown.disable:
            return
        elapsed = time.monotonic() - self.start
        self.shown.n = elapsed if self.shown.total is None else min(elapsed, self.shown.total)
        if race is not None:
            scores = [c.score for c in race.candidates if c.trials and np.isfinite(c.score)]
            if scores:
                best = race.ranking()[0].score
                self.shown.set_postfix_str(
                    f"{len(scores)} plans, best {self.table.metric.name} {best:.4f}"
                )
        self.shown.refresh()
