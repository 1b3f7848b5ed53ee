"""The race: many plans on little evidence, the best of them on more (successive halving)."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from tamis._random import derive
from tamis.exceptions import StoppedError, TamisError
from tamis.search._evaluate import Evaluator, Split, Trial
from tamis.search._plan import Plan
from tamis.search._pool import Pool
from tamis.search._space import Space

__all__ = ["Candidate", "Race"]

#: How many plans start together, and which share of them goes on to the next round.
BRACKET = 16
KEEP = 3
#: From so many training rows on, a first round on few rows sorts out the worst plans.
_LARGE = 6000
_FIRST_ROWS = 3000
#: So many of the best are compared once more, on folds that nothing was chosen by.
_FINALISTS = 4


@dataclass
class Candidate:
    """A plan in the race and its trials."""

    plan: Plan
    number: int
    trials: dict[Split, Trial] = field(default_factory=dict)

    def scores(self) -> list[float]:
        """Return the scores on the most telling splits there are: all rows before few rows."""
        full = [t.score for s, t in self.trials.items() if not s.cap]
        return full or [t.score for t in self.trials.values()]

    @property
    def evidence(self) -> tuple[int, int]:
        """How much the score rests on: all rows or not, and the number of folds."""
        full = sum(1 for s in self.trials if not s.cap)
        return (1, full) if full else (0, len(self.trials))

    @property
    def score(self) -> float:
        """The mean score, -inf where the plan failed or was not tried."""
        scores = self.scores()
        return float(np.mean(scores)) if scores and np.isfinite(scores).all() else -np.inf

    @property
    def seconds(self) -> float:
        """Seconds of one fit and prediction on all rows of a fold, as far as known."""
        full = [t.seconds for s, t in self.trials.items() if not s.cap]
        return float(np.mean(full or [t.seconds for t in self.trials.values()] or [0.0]))

    @property
    def error(self) -> str:
        """What went wrong, if anything did."""
        return next((t.error for t in self.trials.values() if t.error), "")


class Race:
    """Runs plans against each other.

    Parameters
    ----------
    evaluate : Evaluator
    space : Space
    pool : Pool
    tell : callable
        Called with this race after each trial, for the progress bar.
    """

    def __init__(
        self, evaluate: Evaluator, space: Space, pool: Pool, tell: Callable[[Race], None]
    ) -> None:
        self.evaluate = evaluate
        self.space = space
        self.pool = pool
        self.tell = tell
        self.candidates: list[Candidate] = []
        self.n_trials = 0
        self._rng = np.random.default_rng(derive(evaluate.seed, "race"))

    # --- the rounds ----------------------------------------------------------------------------

    def rounds(self) -> list[list[Split]]:
        """Return the splits of each round."""
        cv = self.evaluate.cv
        first, all_folds = min(2, cv), [Split(0, f) for f in range(cv)]
        rounds = [all_folds[:first], all_folds]
        if len(self.evaluate.y) > _LARGE:
            rounds.insert(0, [Split(0, 0, _FIRST_ROWS)])
        return rounds

    def run(self, *, max_candidates: int | None, deadline: Callable[..., float | None]) -> None:
        """Race brackets of plans until so many were tried or the time is up, then the finalists.

        `deadline(best, last)` says until when the race, or its last round, may go on, given the
        best so far (or None): to prove its worth must still fit behind.
        """
        while max_candidates is None or len(self.candidates) < max_candidates:
            left = BRACKET if max_candidates is None else max_candidates - len(self.candidates)
            end = deadline(self._leader())
            if self.n_trials and end is not None and time.monotonic() > end:
                break
            bracket = self._next(min(BRACKET, left))
            if not bracket or not self._bracket(bracket, end):
                break
        if not any(np.isfinite(c.score) for c in self.candidates):
            self._at_least_one()
        finalists = self.ranking()[:_FINALISTS]
        fresh = [Split(1, f) for f in range(self.evaluate.cv)]
        if len(finalists) > 1 and all(self._complete(c) for c in finalists):
            self._trials(finalists, fresh, deadline(finalists[0], last=True))
            if not all(s in c.trials for c in finalists for s in fresh):
                for c in finalists:  # scores on unequal folds cannot be compared
                    for s in fresh:
                        c.trials.pop(s, None)

    def _bracket(self, bracket: list[Candidate], deadline: float | None) -> bool:
        alive = bracket
        for number, splits in enumerate(self.rounds()):
            if not self._trials(alive, splits, deadline):
                return False
            alive = [c for c in alive if np.isfinite(c.score)]
            alive.sort(key=lambda c: (-_mean(c, splits), c.number))
            if number + 1 < len(self.rounds()):
                alive = alive[: max(2, -(-len(alive) // KEEP))]
        return True

    def _trials(
        self, candidates: list[Candidate], splits: list[Split], deadline: float | None
    ) -> bool:
        """Try every candidate on every split that it has not been tried on."""
        todo = [(c, s) for s in splits for c in candidates if s not in c.trials]

        def take(i: int, outcome: Trial | BaseException) -> None:
            if isinstance(outcome, StoppedError):
                return
            if isinstance(outcome, BaseException):
                raise outcome
            candidate, split = todo[i]
            candidate.trials[split] = outcome
            self.n_trials += 1
            self.tell(self)

        for split in splits:
            self.evaluate.rows(split)  # made here, once, before threads ask for them
        jobs = [lambda c=c, s=s: self.evaluate(c.plan, s) for c, s in todo]
        return self.pool.run(jobs, take, deadline)

    def _at_least_one(self) -> None:
        """Try plans, whatever the clock says, until one works."""
        for candidate in self.candidates or self._next(1):
            if not candidate.trials:
                self._trials([candidate], [Split(0, 0)], None)
            if np.isfinite(candidate.score):
                return
        errors = [c.error for c in self.candidates if c.error]
        raise TamisError(f"no plan could be fitted; the first failed with {errors[0]}")

    # --- the plans -----------------------------------------------------------------------------

    def _next(self, n: int) -> list[Candidate]:
        """Return the next plans: the anchors first, then draws, half of them near the best."""
        known = {c.plan for c in self.candidates}
        plans = [] if self.candidates else self.space.anchors()[:n]
        best = [c.plan for c in self.ranking()[:3] if np.isfinite(c.score)]
        for _ in range(40 * n):  # a small space may have no more plans
            if len(plans) >= n:
                break
            if best and self._rng.random() < 0.5:
                plan = self.space.near(best[int(self._rng.integers(len(best)))])
            else:
                plan = self.space.draw()
            if plan not in known and plan not in plans:
                plans.append(plan)
        new = [Candidate(p, len(self.candidates) + i) for i, p in enumerate(plans)]
        self.candidates += new
        return new

    # --- the outcome ---------------------------------------------------------------------------

    def _leader(self) -> Candidate | None:
        """Return the best so far, if any plan has a score."""
        ranking = self.ranking()
        return ranking[0] if ranking and np.isfinite(ranking[0].score) else None

    def _complete(self, candidate: Candidate) -> bool:
        return all(Split(0, f) in candidate.trials for f in range(self.evaluate.cv))

    def ranking(self) -> list[Candidate]:
        """Return the candidates that were tried, the best first.

        More evidence goes before less: a plan that left the race early never stands above one
        that went on.
        """
        tried = [c for c in self.candidates if c.trials]
        final = [c for c in tried if Split(1, 0) in c.trials]
        order = sorted(tried, key=lambda c: (self._place(c), -c.score, c.number))
        if final:
            # The finalists keep their order among themselves and stand first.
            best = sorted(final, key=lambda c: (-c.score, c.number))
            order = best + [c for c in order if c not in final]
        return order

    def _place(self, candidate: Candidate) -> int:
        """Return how far the candidate came: 0 for all folds."""
        if not np.isfinite(candidate.score):
            return 9
        full, folds = candidate.evidence
        return 0 if self._complete(candidate) else (3 if not full else 2 - int(folds >= 2))


def _mean(candidate: Candidate, splits: list[Split]) -> float:
    """Return the mean score on the given splits."""
    scores = [candidate.trials[s].score for s in splits if s in candidate.trials]
    return float(np.mean(scores)) if scores else -np.inf
