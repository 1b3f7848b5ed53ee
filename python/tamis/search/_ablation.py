"""What each step was worth: the winner with and without it, on the same folds."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from scipy import stats

from tamis.search._evaluate import Evaluator, Split, Trial
from tamis.search._plan import Plan
from tamis.search._pool import Pool

__all__ = ["Worth", "ablate", "corrected_interval"]

#: Repeats of the cross-validation whose folds nothing was chosen by: the race has 0 and 1.
_FIRST_REPEAT = 2
#: Repeats when the number of candidates decides, and at the most when the clock does.
REPEATS = 3
LEVEL = 0.95


@dataclass(frozen=True)
class Worth:
    """What one step of the winner was worth, in the metric's own units (higher is better)."""

    step: str
    choice: str
    instead_of: str
    gain: float
    low: float
    high: float
    verdict: str
    kept: bool
    note: str = ""


def corrected_interval(
    differences: np.ndarray, test_share: float, level: float = LEVEL
) -> tuple[float, float, float]:
    """Return (mean, low, high) of paired differences over the folds of repeated cross-validation.

    The variance is corrected for the overlap of the training sets: s^2 (1/J + n_test/n_train),
    with J - 1 degrees of freedom.

    Parameters
    ----------
    differences : ndarray of shape (J,)
        Score of one plan less that of the other, by fold.
    test_share : float
        n_test / n_train.

    References
    ----------
    Nadeau and Bengio (2003), Inference for the generalization error, Machine Learning 52.
    """
    count = len(differences)
    mean = float(np.mean(differences)) if count else float("nan")
    if count < 2:
        return mean, float("-inf"), float("inf")
    error = float(np.sqrt((1.0 / count + test_share) * np.var(differences, ddof=1)))
    reach = float(stats.t.ppf(0.5 + level / 2, count - 1)) * error
    return mean, mean - reach, mean + reach


def verdict(low: float, high: float) -> str:
    """Return "helps", "hurts" or "no evidence" for an interval of a gain."""
    if low > 0:
        return "helps"
    return "hurts" if high < 0 else "no evidence"


class _Comparison:
    """Scores of plans on the same splits, made as far as the clock allows."""

    def __init__(self, evaluate: Evaluator, pool: Pool, tell: Callable[[], None]) -> None:
        self.evaluate = evaluate
        self.pool = pool
        self.tell = tell
        self.trials: dict[tuple[Plan, Split], Trial] = {}

    def run(self, plans: list[Plan], splits: list[Split], deadline: float | None) -> bool:
        todo = [(p, s) for s in splits for p in plans if (p, s) not in self.trials]

        def take(i: int, outcome: Any) -> None:
            if isinstance(outcome, BaseException):
                raise outcome
            self.trials[todo[i]] = outcome
            self.tell()

        for split in splits:
            self.evaluate.rows(split)
        jobs = [lambda p=p, s=s: self.evaluate(p, s) for p, s in todo]
        return self.pool.run(jobs, take, deadline)

    def gain(self, plan: Plan, other: Plan) -> tuple[float, float, float]:
        """Return the mean gain of `plan` over `other` and its interval."""
        both = [s for p, s in self.trials if p == plan and (other, s) in self.trials]
        d = [self.trials[plan, s].score - self.trials[other, s].score for s in both]
        if not all(np.isfinite(d)):
            # The plan without the step cannot be fitted at all: that is what the step is for.
            return float("nan"), float("-inf"), float("inf")
        return corrected_interval(np.array(d), self.evaluate.test_share)


def ablate(
    winner: Plan,
    evaluate: Evaluator,
    pool: Pool,
    *,
    deadline: float | None,
    tell: Callable[[], None],
) -> tuple[Plan, list[Worth]]:
    """Take each refinement out of the winner in turn; leave out those that earn nothing.

    Returns
    -------
    plan : Plan
        The winner with the steps that help.
    worth : list of Worth
        One row for each refinement of the winner.
    """
    steps = winner.refinements()
    if not steps:
        return winner, []
    compare = _Comparison(evaluate, pool, tell)
    plans = [winner, *(winner.without(s) for s in steps)]
    splits: list[Split] = []
    # One repeat costs the same as the one before; the last look at the reduced plan costs a
    # share of it for each repeat.
    for repeat in range(REPEATS):
        start = time.monotonic()
        new = [Split(_FIRST_REPEAT + repeat, f) for f in range(evaluate.cv)]
        done = compare.run(plans, new, deadline)
        if not done:
            break
        splits += new
        cost = time.monotonic() - start
        reserve = cost * (repeat + 2) / len(plans)
        if deadline is not None and time.monotonic() + cost + reserve > deadline:
            break
    worth = [_judge(compare, winner, step) for step in steps]
    return _leave_out(compare, winner, worth, splits, deadline)


def _judge(compare: _Comparison, winner: Plan, step: str) -> Worth:
    without = winner.without(step)
    gain, low, high = compare.gain(winner, without)
    word = verdict(low, high)
    kept, note = word == "helps", ""
    if not np.isfinite(low):  # what could not be measured stays as the race chose it
        kept, note = True, "not measured: the time was up, or the model needs it"
    choice, instead_of = getattr(winner, step), getattr(without, step)
    return Worth(step, choice, instead_of, gain, low, high, word, kept, note)


def _leave_out(
    compare: _Comparison,
    winner: Plan,
    worth: list[Worth],
    splits: list[Split],
    deadline: float | None,
) -> tuple[Plan, list[Worth]]:
    """Drop the steps that do not help, unless dropping them together would hurt."""
    while True:
        plan = winner
        for w in worth:
            plan = plan if w.kept else plan.without(w.step)
        out = [w for w in worth if not w.kept]
        if len(out) < 2:
            return plan, worth
        if not compare.run([plan], splits, deadline):
            return plan, worth
        _, low, _ = compare.gain(winner, plan)
        if not low > 0:
            return plan, worth
        back = max(out, key=lambda w: (w.gain, w.step))
        note = "kept: no evidence on its own, but leaving out all such steps hurts"
        worth = [replace(w, kept=True, note=note) if w is back else w for w in worth]
