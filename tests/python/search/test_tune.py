"""tune as its user calls it: what comes back, from what, and what is refused."""

import json
import pickle
import subprocess
import sys
import textwrap

import numpy as np
import pandas as pd
import polars as pl
import pytest

import tamis
from tamis import _frame
from tamis.exceptions import DataError, ParameterError

SMALL = {"max_candidates": 6, "cv": 3, "random_state": 0, "n_jobs": 2}


@pytest.fixture(scope="module")
def result(mixed):
    before = mixed.copy(deep=True)
    result = tamis.tune(mixed, "y", **SMALL)
    pd.testing.assert_frame_equal(mixed, before)  # input is never written to
    return result


def rows(frame):
    return _frame.wrap(frame).rows(named=True)


def test_result_is_whole(result, mixed):
    assert result.task.kind == "binary"
    assert result.holdout.metric == "roc_auc"
    h = result.holdout
    assert h.low <= h.score <= h.high
    assert h.dummy == pytest.approx(0.5)
    assert h.gain == pytest.approx(h.score - h.baseline)
    assert len(result.leaderboard) == 6
    scores = result.leaderboard.score[result.leaderboard.folds >= 3]
    assert h.score > 0.7
    assert scores.max() > 0.7
    assert not result.interrupted
    assert result.ignored == {"id": "an identifier, (nearly) unique"}
    assert "model" in str(result.plan)
    assert str(result).splitlines()[-1] == str(h)
    assert list(result.ablation.columns)[:8] == [
        "step", "choice", "instead_of", "gain", "low", "high", "verdict", "kept",
    ]  # fmt: skip
    for row in rows(result.ablation):
        kept = row["verdict"] == "helps" or bool(row["note"])
        assert row["kept"] == kept
        plain = getattr(result.plan.plain(), row["step"])
        assert (getattr(result.plan, row["step"]) == plain) == (not row["kept"])


def test_holdout_score_is_that_of_the_model_on_rows_it_did_not_see(result, mixed):
    from sklearn.metrics import roc_auc_score

    out = mixed.loc[~mixed.index.isin(result.data.index)]
    dropped = set(result.changes.row[result.changes.reason.str.startswith("dropped")])
    out = out.loc[~out.index.isin(dropped)]
    assert len(out) == result.holdout.n_rows
    said = result.model.predict_proba(out)[:, 1]
    assert roc_auc_score(out.y == "yes", said) == pytest.approx(result.holdout.score)


def test_copies_of_a_row_are_on_one_side(result, mixed):
    features = mixed.drop(columns=["id", "y"]).apply(lambda row: "|".join(map(str, row)), axis=1)
    held = ~mixed.index.isin(result.data.index) & ~mixed.index.isin(result.changes.row.dropna())
    assert not set(features[held]) & set(features[result.data.index])


def test_data_and_changes_agree(result, mixed):
    data = result.data
    assert isinstance(data, pd.DataFrame)
    assert data["size"].dtype == mixed["size"].dtype
    changed = {(r["row"], r["column"]): r for r in rows(result.changes)}
    for name in ("age", "port", "size"):
        for label in data.index:
            was, now = mixed.loc[label, name], data.loc[label, name]
            same = was == now or (pd.isna(was) and pd.isna(now))
            assert same != ((label, name) in changed), (label, name, was, now)
            if not same:
                record = changed[label, name]["new"]
                assert record == now or (record is None and pd.isna(now))


def test_model_predicts_new_frames(result, mixed):
    new = mixed.drop(columns="y").iloc[:20].assign(extra="x", port="never seen", age=np.nan)
    assert set(result.model.predict(new)) <= {"yes", "no"}
    assert result.model.predict_proba(new).shape == (20, 2)
    with pytest.raises(DataError, match=r"lack a column .*: size"):
        result.model.predict(new.drop(columns="size"))
    back = pickle.loads(pickle.dumps(result.model))
    np.testing.assert_array_equal(back.predict_proba(new), result.model.predict_proba(new))


@pytest.mark.parametrize("make", [pl.from_pandas, lambda f: pl.from_pandas(f).to_arrow()])
def test_the_same_from_polars_and_arrow(result, mixed, make):
    other = tamis.tune(make(mixed), "y", **SMALL)
    for ours, theirs in zip(rows(result.leaderboard), rows(other.leaderboard), strict=True):
        same = [{k: v for k, v in r.items() if k != "seconds"} for r in (ours, theirs)]
        assert str(same[0]).replace("nan", "None") == str(same[1])
    assert type(other.data) is type(make(mixed))
    assert other.holdout == result.holdout
    assert len(_frame.wrap(other.changes)) == len(result.changes)
    np.testing.assert_array_equal(
        other.model.predict_proba(make(mixed)), result.model.predict_proba(mixed)
    )


@pytest.mark.parametrize("n_jobs", [1, 3])
def test_the_same_on_any_number_of_threads(result, mixed, n_jobs):
    other = tamis.tune(mixed, "y", **{**SMALL, "n_jobs": n_jobs})
    pd.testing.assert_frame_equal(
        result.leaderboard.drop(columns="seconds"),
        other.leaderboard.drop(columns="seconds"),
        check_exact=True,
    )
    pd.testing.assert_frame_equal(result.ablation, other.ablation, check_exact=True)
    pd.testing.assert_frame_equal(result.changes, other.changes)
    assert result.holdout == other.holdout


def test_files(tmp_path, mixed, result):
    mixed.to_csv(tmp_path / "a.csv", index=False)
    from_file = tamis.tune(tmp_path / "a.csv", "y", **SMALL)
    assert from_file.holdout == result.holdout
    folder = from_file.save(tmp_path / "out")
    names = {p.name for p in folder.iterdir()}
    assert names == {
        "model.tamis", "leaderboard.csv", "ablation.csv", "changes.csv", "data.csv",
        "report.html", "result.json",
    }  # fmt: skip
    model = tamis.load(folder / "model.tamis")
    np.testing.assert_array_equal(model.predict_proba(mixed), from_file.model.predict_proba(mixed))
    stored = json.loads((folder / "result.json").read_text())
    assert stored["holdout"]["score"] == from_file.holdout.score
    assert len(pd.read_csv(folder / "data.csv")) == len(from_file.data)


def test_report_is_one_page(tmp_path, result):
    page = result.report(tmp_path / "r.html").read_text()
    assert f"{result.holdout.score:.4f}" in page
    assert "<svg" in page
    assert "http://" not in page.replace("http://www.w3.org", "")
    assert "https://" not in page
    assert "<script" not in page
    assert f"{result.holdout.score:.4f}" in result._repr_html_()


def test_regression_and_multiclass():
    from sklearn.datasets import load_diabetes, load_iris

    r = tamis.tune(load_diabetes(as_frame=True).frame, "target", **SMALL)
    assert (r.task.kind, r.holdout.metric) == ("regression", "r2")
    assert r.holdout.score > 0.2 > abs(r.holdout.dummy)
    assert r.model.predict(load_diabetes(as_frame=True).frame).dtype == np.float64
    iris = load_iris(as_frame=True).frame
    iris["target"] = np.array(["setosa", "versicolor", "virginica"])[iris["target"]]
    r = tamis.tune(iris, "target", **SMALL)
    assert (r.task.kind, r.holdout.metric) == ("multiclass", "accuracy")
    assert r.holdout.score > 0.8
    assert set(r.model.predict(iris)) == {"setosa", "versicolor", "virginica"}


def test_noise_repeated_three_times_scores_at_chance():
    """Copies of a row on both sides of a split would make pure noise look learnable."""
    rng = np.random.default_rng(1)
    X = rng.normal(size=(150, 5))
    y = rng.integers(0, 2, 150)
    frame = pd.DataFrame(np.tile(X, (3, 1)), columns=list("abcde")).assign(y=np.tile(y, 3))
    r = tamis.tune(frame.sample(frac=1, random_state=0), "y", max_candidates=12, random_state=0)
    assert abs(r.holdout.score - 0.5) < 0.15
    assert r.leaderboard.score[r.leaderboard.folds >= 5].max() < 0.62
    assert "better" not in r.holdout.verdict


def test_time_budget_is_kept(mixed):
    r = tamis.tune(mixed, "y", time_budget=4, cv=3, random_state=0)
    assert r.seconds < 4.4 + 2.0  # on a busy machine a fit that cannot be stopped may run over
    assert len(r.leaderboard) >= 1


def test_a_tiny_budget_still_gives_a_model(mixed):
    r = tamis.tune(mixed, "y", time_budget=0.01, cv=3, random_state=0)
    assert r.holdout.n_rows > 0
    assert len(r.model.predict(mixed)) == len(mixed)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"metric": "roc_acu"}, "did you mean 'roc_auc'"),
        ({"time_budget": None, "max_candidates": None}, "give a time_budget"),
        ({"time_budget": -1}, "positive seconds"),
        ({"max_candidates": 0}, "whole number from 1"),
        ({"max_candidates": 2.5}, "whole number from 1"),
        ({"holdout": 0.9}, "between 0.05 and 0.5"),
        ({"cv": 1}, "at least 2"),
        ({"target": "yy"}, "did you mean 'y'"),
        ({"task": "ranking"}, "task must be one of"),
        ({"n_jobs": 0}, "n_jobs"),
        ({"random_state": -1}, "Seed"),
    ],
)
def test_bad_parameters_are_refused_at_once(mixed, change, says):
    with pytest.raises(ValueError, match=says):
        tamis.tune(mixed, **{"target": "y", **SMALL, **change})


@pytest.mark.parametrize(
    ("data", "error", "says"),
    [
        ([[1, 2]], ParameterError, "must be a pandas or polars frame"),
        (pl.DataFrame({"y": [1]}).lazy(), ParameterError, "collect"),
        ("nowhere.csv", ParameterError, "no such file"),
        (pd.DataFrame({"y": [0, 1] * 5, "x": range(10)}), DataError, "only 10 rows"),
        (pd.DataFrame({"y": [0, 1] * 50}), DataError, "no column"),
        (pd.DataFrame({"y": [0, 1] * 50, "x": 1}), DataError, "constant"),
        (pd.DataFrame({"y": [0, 1] * 50, "x": [np.inf, *range(99)]}), DataError, "'x' is infinite"),
        (pd.DataFrame([[0, 1, 2]] * 50, columns=["y", "x", "x"]), DataError, "more than one"),
    ],
)
def test_bad_data_is_refused_with_what_to_do(data, error, says):
    with pytest.raises(error, match=says):
        tamis.tune(data, "y", max_candidates=1)


INTERRUPT = """
    import os, signal, sys, threading, time
    import numpy as np, pandas as pd
    import tamis
    rng = np.random.default_rng(0)
    X = rng.normal(size=(4000, 12))
    frame = pd.DataFrame(X, columns=[f"c{{i}}" for i in range(12)])
    frame["y"] = (X[:, 0] + rng.normal(size=4000) > 0).astype(int)
    times = []
    def press():
        times.append(time.monotonic())
        os.kill(os.getpid(), signal.SIGINT)
    threading.Timer({after}, press).start()
    try:
        result = tamis.tune(frame, "y", time_budget=60, random_state=0, n_jobs=2)
        print("result", result.interrupted, time.monotonic() - times[0], result.holdout.score)
    except KeyboardInterrupt:
        print("interrupt", time.monotonic() - times[0])
"""


def interrupted(after):
    code = textwrap.dedent(INTERRUPT).format(after=after)
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


@pytest.mark.slow
def test_ctrl_c_gives_the_best_so_far_within_five_seconds():
    word, flag, seconds, score = interrupted(8)
    assert (word, flag) == ("result", "True")
    assert float(seconds) < 5
    assert float(score) > 0.7


def test_ctrl_c_before_the_first_plan_is_a_plain_interrupt(mixed, monkeypatch):
    from tamis.search import _race

    def stop(*args):
        raise KeyboardInterrupt

    monkeypatch.setattr(_race.Race, "_bracket", stop)
    with pytest.raises(KeyboardInterrupt):
        tamis.tune(mixed, "y", **SMALL)
