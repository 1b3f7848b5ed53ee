"""The race on a made-up evaluator: budgets, order, failures."""

from dataclasses import replace

import numpy as np
import pytest

from tamis.exceptions import TamisError
from tamis.search._evaluate import Trial
from tamis.search._plan import STEPS, plainest
from tamis.search._pool import Pool
from tamis.search._race import Race
from tamis.search._space import Facts, Space

FACTS = Facts(
    classifies=True, n_rows=500, n_numbers=3, n_categories=2, duplicates=True, gaps=True,
    number_gap_rows=40,
)  # fmt: skip


class Judge:
    """Scores a plan by a rule of the plan alone, plus noise of the fold."""

    cv = 3
    seed = 0
    y = np.zeros(500)

    def __init__(self, rule):
        self.rule = rule
        self.asked = []

    def rows(self, split):
        return np.arange(3), np.arange(3)

    def __call__(self, plan, split):
        self.asked.append((plan, split))
        return Trial(self.rule(plan) + 0.01 * split.fold, 0.001, "")


@pytest.fixture
def pool():
    pool = Pool(2)
    yield pool
    pool.close()


def race(rule, pool, n=20):
    run = Race(Judge(rule), Space(FACTS, 1), pool, lambda _: None)
    run.run(max_candidates=n, deadline=lambda best, last=False: None)
    return run


def test_the_best_plan_wins_and_no_trial_is_made_twice(pool):
    run = race(lambda p: len(p.refinements()) + (p.family == "boosting"), pool)
    assert len(run.candidates) == 20
    assert len({c.plan for c in run.candidates}) == 20
    best = run.ranking()[0]
    assert best.score == max(c.score for c in run.candidates if c.evidence >= (1, 3))
    assert len(run.evaluate.asked) == len(set(run.evaluate.asked))
    spent = len(run.evaluate.asked)
    assert spent < 20 * 6  # most plans leave early


def test_the_same_draws_for_the_same_seed(pool):
    def plans(n):
        return [c.plan for c in race(lambda p: len(p.refinements()), pool, n).candidates]

    assert plans(20) == plans(20)
    assert plans(4) == plans(20)[:4]


def test_failing_plans_stand_last_and_only_failures_are_an_error(pool):
    run = race(lambda p: np.nan if p.family == "tree" else 1.0, pool)
    families = [c.plan.family for c in run.ranking()]
    assert "tree" not in families[: families.index("tree")]
    assert set(families[families.index("tree") :]) == {"tree"}
    with pytest.raises(TamisError, match="no plan could be fitted"):
        failing = Race(Failing(), Space(FACTS, 1), pool, lambda _: None)
        failing.run(max_candidates=3, deadline=lambda best, last=False: None)


class Failing(Judge):
    def __init__(self):
        super().__init__(None)

    def __call__(self, plan, split):
        return Trial(float("nan"), 0.001, "ValueError: no")


@pytest.mark.parametrize("family", ["logistic", "tree", "boosting"])
def test_choices_start_with_the_plainest(family):
    choices = Space(FACTS, 0).choices(family)
    assert {s: choices[s][0] for s in STEPS} == plainest(family)


def test_choices_that_make_no_sense_are_not_offered():
    bare = Facts(
        classifies=False, n_rows=500, n_numbers=0, n_categories=0, duplicates=False, gaps=False,
        number_gap_rows=0,
    )  # fmt: skip
    choices = Space(bare, 0).choices("ridge")
    assert {s: c for s, c in choices.items() if len(c) > 1} == {
        "scale": ("none", "standard", "robust")
    }
    space = Space(FACTS, 0)
    for _ in range(200):
        plan = space.near(space.draw())
        options = space.choices(plan.family)
        assert all(getattr(plan, s) in options[s] for s in STEPS)


def test_imputers_are_offered_where_they_are_quick():
    def offered(**facts):
        return Space(replace(FACTS, **facts), 0).choices("logistic")["missing"]

    small = (
        "median",
        "mode",
        "flag",
        "knn",
        "chained",
        "low-rank",
        "auto",
        "chained-trees",
        "forest",
    )
    assert offered() == small
    assert offered(n_numbers=1) == small[:4]
    assert offered(number_gap_rows=0) == small[:3]
    assert offered(n_rows=100_000, number_gap_rows=50_000, n_numbers=20) == (
        *small[:3],
        *small[4:6],
    )
    assert offered(n_rows=5_000_000, number_gap_rows=50_000, n_numbers=20) == small[:3]
    assert offered(gaps=False) == ("median",)
