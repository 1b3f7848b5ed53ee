"""Classes of very different size: what tune offers, and that nothing made reaches a test fold."""

from dataclasses import replace

import numpy as np
import pandas as pd

import tamis
from tamis.search._build import Builder
from tamis.search._plan import Plan, plainest
from tamis.search._space import Facts, Space
from tamis.search._table import FrameEncoder
from tamis.search._task import find_task

FACTS = Facts(
    classifies=True, n_rows=500, n_numbers=3, n_categories=2, duplicates=False, gaps=False,
    number_gap_rows=0, classes=(440, 60),
)  # fmt: skip


def rare(n=240):
    rng = np.random.default_rng(0)
    X = pd.DataFrame(
        {"a": rng.normal(size=n), "b": rng.normal(size=n), "c": rng.choice(list("xyz"), n)}
    )
    y = (X["a"] + rng.normal(size=n) > 1.6).map({True: "yes", False: "no"})
    return X.assign(t=y)


def test_choices_follow_the_sizes_of_the_classes():
    def offered(family="logistic", **facts):
        return Space(replace(FACTS, **facts), 0).choices(family)["classes"]

    assert offered() == ("keep", "weigh", "repeat", "smote")
    assert offered("boosting") == ("keep", "weigh", "repeat")
    assert offered(classes=(480, 20)) == ("keep", "weigh", "repeat")
    assert offered(classes=(300, 200)) == ("keep",)
    assert offered(classes=(10**6, 10**5)) == ("keep", "weigh", "repeat")
    assert offered(classifies=False, classes=()) == ("keep",)


def test_rows_are_made_when_fitting_alone():
    table = rare()
    task = find_task(table, "t", "auto")
    encoder = FrameEncoder(numbers=["a", "b"], datetimes=[], categories=["c"]).fit(table)
    builder = Builder(encoder, task, 0, int(np.bincount(task.y).min()), ())
    counts = np.bincount(task.y)
    for family in ("logistic", "tree", "boosting"):
        for choice in ("weigh", "repeat", "smote")[: 2 if family == "boosting" else 3]:
            plan = replace(Plan(**plainest(family), family=family), classes=choice)
            model = builder.pipeline(plan).fit(table, task.labels)
            assert len(model.predict(table)) == len(table)
            step = model.named_steps.get("classes")
            assert (step is None) == (choice == "weigh")
            if step is not None:
                assert len(step.source_index_) == 2 * counts.max()
            if family == "logistic":
                plain = builder.pipeline(plan.plain()).fit(table, task.labels)
                found = [(m.predict(table) == "yes").sum() for m in (model, plain)]
                assert found[0] > found[1]
            assert plan.says("classes").startswith(choice if choice != "smote" else "make")


def test_tune_tries_them_and_saves_the_model(tmp_path):
    result = tamis.tune(rare(), "t", max_candidates=14, random_state=1, progress=False, cv=3)
    assert set(result.leaderboard["classes"]) > {"keep"}
    loaded = tamis.load(tamis.save(result.model, tmp_path / "m.tamis"))
    table = rare().drop(columns="t")
    np.testing.assert_array_equal(loaded.predict(table), result.model.predict(table))
