"""tamis tune: what is shown, what is written where, interrupts."""

from types import SimpleNamespace

import pandas as pd
import pytest

import tamis
from tamis.search import Holdout, Plan


@pytest.fixture
def outcome():
    """A result as `tamis.tune` gives one, its numbers made up: for how it is shown."""
    plan = Plan("keep", "clip-iqr", "native", "native", "none", "boosting", (("max_depth", 4),))
    row = {"rank": 1, "score": 0.87, "std": 0.011, "folds": 5, "rows": "all", "model": plan.model}
    steps = {k: v for k, v in plan.as_dict().items() if k not in ("family", "params")}
    ablation = {
        "step": "missing", "choice": "native", "instead_of": "median", "gain": 0.0123,
        "low": -0.001, "high": 0.0256, "verdict": "no evidence", "kept": False, "note": "",
    }  # fmt: skip
    return SimpleNamespace(
        n_rows=1309,
        seconds=12.3,
        interrupted=False,
        ignored={"name": "free text, nearly unique"},
        plan=plan,
        task=SimpleNamespace(kind="binary", target="alive", reason="two distinct values"),
        leaderboard=pd.DataFrame([row | steps] * 8),
        ablation=pd.DataFrame([ablation]),
        holdout=Holdout(
            "roc_auc", 0.8721, 0.8312, 0.9102, 0.851, 0.5, 0.02, 0.01, 0.03, "better", 262
        ),
        saved=[],
    )


@pytest.fixture
def tuned(monkeypatch, outcome):
    """Replace the search itself; the fixture's list holds the calls made to it."""
    calls = []

    def tune(frame, **options):
        calls.append((frame, options))
        return outcome

    def save(folder):
        folder.mkdir(parents=True, exist_ok=True)
        tamis.save([1], folder / "model.tamis")
        (folder / "data.csv").write_text("a\n1\n")

    outcome.save = save
    monkeypatch.setattr(tamis, "tune", tune, raising=False)
    return calls


def test_the_last_line_is_the_holdout_score_beside_its_peers(tam, csv, tuned):
    result = tam("tune", csv, "--target", "alive")
    assert result.exit_code == 0, result.output
    last = "roc_auc 0.8721 [0.8312, 0.9102]  baseline 0.8510  dummy 0.5000"
    assert result.stdout.splitlines()[-1] == last


def test_the_summary_fits_80_columns(tam, csv, tuned, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    text = tam("tune", csv, "--target", "alive").stdout
    assert max(map(len, text.splitlines())) <= 80
    for part in (
        "binary, target 'alive': two distinct values",
        "8 plans in 12.3 s",
        "name (free text, nearly unique)",
        "outliers    clip numbers to 1.5 IQR",
        "boosting(max_depth=4)  outliers clip-iqr\n",
        "missing native  +0.0123  [-0.0010, +0.0256]  no evidence, left out",
        "262 rows that nothing was fitted on",
    ):
        assert part in text, text


def test_options_reach_tune(tam, csv, tuned):
    flags = ["--task", "binary", "--metric", "f1", "--time-budget", "3", "--max-candidates", "4"]
    flags += ["--holdout", "0.3", "--cv", "3", "--n-jobs", "2", "--random-state", "7"]
    flags += ["--trusted", "ok"]
    assert tam("tune", csv, "--target", "alive", *flags).exit_code == 0
    frame, options = tuned[0]
    assert frame.shape == (120, 3)
    assert options == {
        "target": "alive", "task": "binary", "metric": "f1", "time_budget": 3.0,
        "max_candidates": 4, "holdout": 0.3, "cv": 3, "n_jobs": 2, "random_state": 7,
        "trusted": "ok",
    }  # fmt: skip


def test_the_folder_is_made_replaced_and_only_added_to(tam, csv, tuned, tmp_path):
    out = tmp_path / "new" / "out"
    for _ in range(2):
        result = tam("tune", csv, "--target", "alive", "-o", out)
        assert result.exit_code == 0, result.output
        assert "model.tamis, data.csv" in result.stdout
        (out / "notes.txt").write_text("mine")
    assert (out / "notes.txt").read_text() == "mine"


@pytest.mark.parametrize("name", ["data.csv", "report.html", "model.tamis"])
def test_files_of_others_are_kept(tam, csv, tuned, tmp_path, name):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / name).write_text("mine")
    result = tam("tune", csv, "--target", "alive", "-o", tmp_path / "out")
    assert result.exit_code == 2
    assert f"already holds {name}" in result.stderr
    assert (tmp_path / "out" / name).read_text() == "mine"
    assert tuned == []


def test_a_file_in_the_way_is_said_first(tam, csv, tuned):
    result = tam("tune", csv, "--target", "alive", "-o", csv / "out")
    assert result.exit_code == 2
    assert "is a file" in result.stderr
    assert tuned == []


def test_an_interrupted_search_is_shown_saved_and_130(tam, csv, tuned, outcome, tmp_path):
    outcome.interrupted = True
    result = tam("tune", csv, "--target", "alive", "-o", tmp_path / "out")
    assert result.exit_code == 130
    assert "interrupted: this is the best so far" in result.stdout
    assert (tmp_path / "out" / "model.tamis").exists()


def test_an_interrupt_before_the_first_plan(tam, csv, monkeypatch, tmp_path):
    def stop(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(tamis, "tune", stop, raising=False)
    result = tam("tune", csv, "--target", "alive", "-o", tmp_path / "out")
    assert result.exit_code == 130
    assert result.stdout == ""
    assert result.stderr.count("\n") == 1
    assert not (tmp_path / "out").exists()
