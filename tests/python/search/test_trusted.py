"""Rows whose targets were checked: scores are taken on them, and wrong labels are seen through."""

import numpy as np
import pandas as pd
import polars as pl
import pytest

import tamis
from tamis.exceptions import DataError, ParameterError
from tamis.search._evaluate import Split
from tamis.search._prepare import prepare
from tamis.search._split import trusted_part


def noisy(n=1500, checked=200):
    """Return rows of which class 1 is called 0 in 40 % of those that nobody checked."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(n, 10))
    truth = (X @ rng.normal(size=10) * 2 + rng.logistic(size=n) > 0).astype(int)
    said = np.where((truth == 1) & (rng.random(n) < 0.4), 0, truth)
    frame = pd.DataFrame(X, columns=list("abcdefghij"))
    frame["ok"] = rng.permutation(n) < checked
    frame["y"] = np.where(frame["ok"], truth, said)
    return frame, truth


def test_a_loss_that_forgives_wrong_labels_is_found():
    frame, truth = noisy()
    result = tamis.tune(
        frame, "y", trusted="ok", metric="accuracy", max_candidates=8, cv=3, random_state=0
    )
    assert result.plan.loss == "gce"
    assert "ok" in result.ignored
    worth = result.ablation.set_index("step").loc["loss"]
    assert worth["verdict"] == "helps"
    assert result.holdout.n_rows < 60
    plain = tamis.models.LogisticRegression().fit(frame[list("abcdefghij")], frame["y"])
    new = frame.drop(columns=["ok", "y"])
    better = (result.model.predict(new) == truth).mean()
    assert better > (plain.predict(new) == truth).mean() + 0.05


def test_scores_are_of_trusted_rows_and_the_others_are_fitted_on():
    frame, _ = noisy(300, 100)
    made = prepare(frame, "y", "auto", None, 0.2, 3, 0, "ok")
    ok = made.train["ok"].to_numpy()
    tests = []
    for fold in range(3):
        train, test = made.evaluate.rows(Split(0, fold))
        assert ok[test].all()
        assert not np.intersect1d(train, test).size
        assert len(train) + len(test) == len(ok)
        tests.append(len(test))
    assert sum(tests) == ok.sum()
    assert max(tests) - min(tests) <= 2
    assert made.holdout["ok"].all()
    assert len(made.train) + len(made.holdout) == len(frame)
    assert not set(made.train.index) & set(made.holdout.index)


def test_rows_equal_to_one_that_is_scored_are_not_fitted_on():
    group = np.array([0, 0, 1, 2, 3, 3])
    trusted = np.array([True, False, False, True, False, False])
    train, test = trusted_part(np.array([4, 5]), np.array([0, 1, 2, 3]), group, trusted)
    np.testing.assert_array_equal(test, [0, 3])
    np.testing.assert_array_equal(train, [2, 4, 5])


def test_numbers_polars_and_a_mask():
    rng = np.random.default_rng(0)
    x = rng.normal(size=200)
    frame = pl.DataFrame({"x": x, "z": rng.normal(size=200), "y": 3 * x})
    result = tamis.tune(frame, "y", trusted=x > 0, max_candidates=2, cv=2, random_state=0)
    assert result.holdout.n_rows < 40
    assert result.data.columns == ["x", "z", "y"]


@pytest.mark.parametrize(
    ("trusted", "error", "said"),
    [
        ("nope", ParameterError, "nope"),
        ("y", ParameterError, "another column"),
        ("half", DataError, "row 3"),
        ("a", ParameterError, "true or false"),
        ([True], ParameterError, "shape"),
        ("few", DataError, "class"),
    ],
)
def test_what_is_wrong_is_named(trusted, error, said):
    frame, _ = noisy(100, 50)
    frame["half"] = [None if i == 3 else True for i in range(100)]
    frame["few"] = np.arange(100) < 3
    with pytest.raises(error, match=said):
        tamis.tune(frame, "y", trusted=trusted, max_candidates=1, cv=2)
