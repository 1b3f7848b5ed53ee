"""Labels cleaned in tune: inside the folds alone, said in the changes, saved with the model."""

import numpy as np
import pandas as pd
import pytest

import tamis
from tamis.search import _plan
from tamis.search._changes import refine
from tamis.search._evaluate import Split
from tamis.search._prepare import prepare


def table(n=300, numbers=False):
    rng = np.random.default_rng(0)
    x = rng.normal(size=n)
    frame = pd.DataFrame({"a": x, "b": rng.normal(size=n), "port": rng.choice(["N", "S"], n)})
    frame["y"] = 5.0 * x if numbers else np.where(x > 0, "yes", "no")
    frame.index = range(1000, 1000 + n)
    wrong = (np.abs(x) > 0.8) & (rng.random(n) < 0.15)
    if numbers:
        frame.loc[wrong, "y"] += 40.0
    else:
        frame.loc[wrong, "y"] = np.where(x[wrong] > 0, "no", "yes")
    return frame, set(frame.index[wrong].tolist())


@pytest.mark.parametrize(("n", "said"), [(300, ("keep",)), (700, ("keep", "drop", "weight"))])
def test_few_labels_are_not_judged(n, said):
    assert (
        prepare(table(n)[0], "y", "auto", None, 0.2, 3, 0).space.choices("tree")["labels"] == said
    )


@pytest.mark.parametrize("choice", ["drop", "weight"])
@pytest.mark.parametrize("family", ["logistic", "boosting", "ridge"])
def test_each_choice_fits_and_says_what_it_did(family, choice, tmp_path):
    frame, wrong = table(numbers=family == "ridge")
    made = prepare(frame, "y", "auto", None, 0.2, 3, 0)
    plan = next(p for p in made.space.anchors() if p.family == family)
    params = (("max_iter", 25),) if family == "boosting" else plan.params
    plan = _plan.replace(plan, labels=choice, params=params)
    model = made.builder.pipeline(plan).fit(made.train, made.train_task.labels)
    assert len(model.predict(frame)) == len(frame)
    refined, changes = refine(made.train, model, plan, np.arange(len(made.train)))
    gone = changes[changes["step"] == "labels"]
    if choice == "weight":
        assert len(gone) == 0 and len(refined) == len(made.train)
        return
    there = wrong & set(made.train.index.tolist())
    hit = len(there & set(gone["row"].tolist()))
    assert hit >= (1 if family == "boosting" else 0.5 * len(there))  # few rows for boosting
    assert set(refined.index) == set(made.train.index) - set(gone["row"])
    assert gone["reason"].str.startswith("dropped: the label is likely wrong").all()
    again = tamis.load(tamis.save(model, tmp_path / "model.tamis"))
    assert (again.predict(frame) == model.predict(frame)).all()


def test_the_rows_a_score_is_taken_on_keep_their_labels():
    frame, _ = table()
    made = prepare(frame, "y", "auto", None, 0.2, 3, 0)
    plan = next(p for p in made.space.anchors() if p.family == "tree")
    evaluate = made.evaluate
    seen = {}

    def score(said, y):
        seen["y"] = y
        return 0.0

    object.__setattr__(evaluate.metric, "score", score)
    evaluate(_plan.replace(plan, labels="drop"), Split(0, 0))
    test = evaluate.rows(Split(0, 0))[1]
    np.testing.assert_array_equal(seen["y"], evaluate.y[test])
