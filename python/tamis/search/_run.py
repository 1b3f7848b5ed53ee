"""One call of tune: the race, the proof, the last fits, and Ctrl-C at any moment of them."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from tamis.search._ablation import Worth, ablate
from tamis.search._changes import refine
from tamis.search._holdout import Holdout, judge, resamples
from tamis.search._metrics import Predictions, predict
from tamis.search._plan import Plan
from tamis.search._pool import Pool
from tamis.search._prepare import Table
from tamis.search._race import Candidate, Race
from tamis.search._result import TuneResult

__all__ = ["Run"]

#: The race ends at this share of the time budget, or when so many repeats of the proof still fit.
_RACE_SHARE = 0.7
_PROOFS = 2.0
#: After Ctrl-C a plan whose fit takes longer than this is not fitted again.
_QUICK = 1.0


@dataclass
class Run:
    """One call of tune: the race, the ablation, the last fits."""

    table: Table
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

    def _hurry(self) -> float | None:
        """Return until when the intervals may take: at once after Ctrl-C."""
        return self.start if self.interrupted else self.deadline

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
        return judge(t.metric, t.y_holdout, said, base, dummy, self.seed, self._hurry())

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
