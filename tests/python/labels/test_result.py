"""LabelIssues, LabelConflicts and the plot."""

import pickle

import numpy as np
import pandas as pd
import polars as pl
import pytest

import tamis
from tamis.exceptions import DataError, ShapeError
from tamis.labels import conflicting_labels, find_label_errors

P = np.array([[0.9, 0.1], [0.8, 0.2], [0.1, 0.9], [0.2, 0.8], [0.1, 0.9]])
Y = ["no", "no", "no", "yes", "yes"]


def test_how_it_is_shown():
    issues = find_label_errors(Y, pred_probs=P)
    assert repr(issues) == "<LabelIssues: 1 of 5 labels is likely wrong (20.0 %), 2 classes>"
    html = issues._repr_html_()
    assert "likely wrong" in html and "<td>2</td>" in html
    summary = issues.summary
    assert summary["issues"].tolist() == [1, 0]
    assert summary["mistaken_for"].tolist()[0] == "yes" and pd.isna(summary["mistaken_for"][1])
    assert isinstance(find_label_errors(pl.Series(Y), pred_probs=P).summary, pl.DataFrame)
    evil = find_label_errors(["<b>", "<b>", "<b>", "yes", "yes"], pred_probs=P)
    assert "<b>" not in evil._repr_html_().replace("<b>Wrong labels</b>", "")
    clean = find_label_errors([0, 0, 1, 1, 1], pred_probs=P)
    assert clean.n_issues == 0 and len(clean.to_frame()) == 0 and "<table>" not in repr(clean)


def test_pickle_and_save(tmp_path):
    for y in (Y, [0, 0, 0, 1, 1]):
        issues = find_label_errors(y, pred_probs=P)
        tamis.save(issues, tmp_path / "issues.tamis")
        for other in (pickle.loads(pickle.dumps(issues)), tamis.load(tmp_path / "issues.tamis")):
            assert other.suggested.tolist() == issues.suggested.tolist()
            np.testing.assert_array_equal(other.quality, issues.quality)
            np.testing.assert_array_equal(other.noise_matrix, issues.noise_matrix)
            assert repr(other) == repr(issues)


@pytest.mark.parametrize("make", [pd.DataFrame, pl.DataFrame, lambda d: np.array(d["a"])[:, None]])
def test_conflicts(make):
    X = make({"a": [1, 1, 1, 2, 3, 3, 2]})
    found = conflicting_labels(X, ["x", "y", "x", "y", "x", "y", "y"])
    assert found.conflicting.tolist() == [True, True, True, False, True, True, False]
    assert found.tied.tolist() == [False, False, False, False, True, True, False]
    assert found.mask.tolist() == [False, True, False, False, False, False, False]
    assert found.majority.tolist() == ["x", "x", "x", "y", "x", "y", "y"]
    assert found.n_groups == 2
    frame = found.to_frame()
    assert list(frame["row"]) == [0, 1, 2, 4, 5]
    assert [None if pd.isna(v) else v for v in frame["majority"]] == ["x", "x", "x", None, None]
    assert "5 rows in 2 groups" in repr(found)


def test_near_conflicts_and_what_cannot_be_used():
    X = np.array([[0.0], [1e-3], [5.0]])
    assert not conflicting_labels(X, [0, 1, 1]).conflicting.any()
    assert conflicting_labels(X, [0, 1, 1], tolerance=0.01).conflicting.tolist() == [1, 1, 0]
    texts = ["the cat sat on the mat today", "The cat sat on the mat, today!", "dogs are not cats"]
    near = conflicting_labels(texts, ["a", "b", "b"], kind="text", normalize=True, threshold=0.5)
    assert near.conflicting.tolist() == [True, True, False]
    with pytest.raises(ShapeError, match="3 rows, but y has 2"):
        conflicting_labels(X, [0, 1])
    with pytest.raises(DataError, match="missing"):
        conflicting_labels(X, [0, None, 1])


def test_conflicts_of_rows_that_were_judged():
    rng = np.random.default_rng(0)
    y = rng.integers(0, 2, 60)
    X = rng.normal(size=(60, 2)) + y[:, None] * 3
    X[1], y[0], y[1] = X[0], 0, 1
    issues = find_label_errors(y, X=X, random_state=0, n_jobs=1)
    assert np.flatnonzero(issues.conflicts.conflicting).tolist() == [0, 1]


@pytest.mark.parametrize("kind", ["classes", "quantity"])
def test_plot(kind):
    matplotlib = pytest.importorskip("matplotlib")
    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    if kind == "classes":
        issues = find_label_errors(Y, pred_probs=P)
    else:
        issues = find_label_errors(np.arange(9.0) + 0.5, predictions=np.arange(9.0))
    left, right = issues.plot()
    assert left.get_title() and right.get_xlabel() == "quality of the label"
    _, axes = plt.subplots(1, 2)
    assert issues.plot(axes=axes)[0] is axes[0]
    with pytest.raises(ShapeError, match="axes must be two"):
        issues.plot(axes=axes[:1])
    plt.close("all")
