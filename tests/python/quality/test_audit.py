"""Planted problems are found, clean data are left alone, and every library gives the same."""

import numpy as np
import pandas as pd
import polars as pl
import pytest

import tamis
from tamis.exceptions import DataError, ParameterError


def clean(n=400, seed=0):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=n)
    return pd.DataFrame(
        {
            "x": x,
            "z": rng.uniform(0, 10, n),
            "port": rng.choice(["north", "south", "west"], n),
            "y": np.where(x + rng.normal(size=n) > 0, "yes", "no"),
        }
    )


def kinds(report, severity=None):
    return {f.kind for f in report.findings if severity in (None, f.severity)}


@pytest.mark.parametrize("seed", range(3))
def test_clean_data_give_no_alarm(seed):
    report = tamis.audit(clean(seed=seed), "y")
    assert not kinds(report, "high")
    assert not kinds(report, "medium")


def test_a_copy_of_the_target_is_leakage():
    frame = clean().assign(copy=lambda f: f.y, code=lambda f: (f.y == "yes").astype(int) * 7)
    leaks = [f for f in tamis.audit(frame, "y").findings if f.kind == "leakage"]
    assert {c for f in leaks for c in f.columns} == {"copy", "code"}
    assert {f.severity for f in leaks} == {"high"}


def test_a_copy_of_a_number_is_leakage():
    frame = clean().assign(target=np.random.default_rng(9).normal(size=400))
    frame["leak"] = frame.target * 2 + 1
    leaks = [f for f in tamis.audit(frame, "target").findings if f.kind == "leakage"]
    assert [f.columns for f in leaks] == [("leak",)]


def test_rows_shared_with_another_table_are_found():
    train, test = clean(300, 1), clean(100, 2)

    def shared(other):
        found = tamis.audit(train, "y", compare=other).findings
        return [f for f in found if "rows of the compared table" in f.message]

    assert not shared(test)
    found = shared(pd.concat([test, train.iloc[:7]], ignore_index=True))
    assert len(found) == 1
    assert "7 rows" in found[0].message
    assert found[0].severity in ("medium", "high")


def test_texts_shared_with_another_table_are_found():
    rng = np.random.default_rng(3)
    words = np.array([f"word{i}" for i in range(500)])

    def notes(n):
        return [" ".join(rng.choice(words, 25)) for _ in range(n)]

    train, test = clean(300, 1).assign(note=notes(300)), clean(100, 2).assign(note=notes(100))

    def shared(other):
        found = tamis.audit(train, "y", compare=other).findings
        return [f for f in found if f.kind == "shared_texts"]

    assert not shared(test)
    test.loc[:2, "note"] = ["An" + train.note[7], train.note[8].upper(), train.note[9] + " end"]
    (found,) = shared(test)
    assert found.columns == ("note",)
    assert found.rows == (7, 8, 9)
    assert found.severity == "high"
    assert "3 texts in 'note' of the compared table (3.0 %) are" in found.message


def test_each_planted_problem_is_named_with_its_column():
    frame = clean()
    frame["gaps"] = frame.z.where(np.arange(400) % 3 > 0)
    frame["same"] = 1
    frame["price"] = [f"${v:,.2f}" for v in frame.z * 1000]
    frame.loc[:9, "port"] = "?"
    frame["sentinel"] = np.where(np.arange(400) % 20 == 0, -999.0, frame.z)
    frame["far"] = frame.x
    frame.loc[3, "far"] = 1e6
    frame = pd.concat([frame, frame.iloc[[5, 6]]], ignore_index=True)
    report = tamis.audit(frame, "y")
    text = "\n".join(f.message for f in report.findings)
    for name in ("gaps", "same", "price", "port", "sentinel", "far"):
        assert f"'{name}'" in text, name
    assert any(f.n_rows == 2 and "repeat" in f.message for f in report.findings)
    assert all(f.fix and f.message for f in report.findings)
    assert {f.severity for f in report.findings} <= {"info", "low", "medium", "high"}


@pytest.mark.parametrize("make", [pl.from_pandas, lambda f: pl.from_pandas(f).to_arrow()])
def test_the_same_findings_from_polars_and_arrow(make):
    frame = clean().assign(gaps=lambda f: f.z.where(f.z > 2), copy=lambda f: f.y)
    ours, theirs = tamis.audit(frame, "y"), tamis.audit(make(frame), "y")
    assert [(f.kind, f.columns, f.message) for f in ours.findings] == [
        (f.kind, f.columns, f.message) for f in theirs.findings
    ]


def test_report_and_representations(tmp_path):
    report = tamis.audit(clean().assign(copy=lambda f: f.y), "y")
    path = tmp_path / "a.html"
    report.report(path)
    page = path.read_text()
    assert "copy" in page
    assert "<script" not in page
    assert "copy" in repr(report)
    assert "copy" in report._repr_html_()
    assert len(report.to_frame()) == len(report.findings)
    assert len(report.columns) == 5


def test_bad_input_is_refused_with_what_to_do():
    with pytest.raises(ParameterError, match="port"):
        tamis.audit(clean(), "prt")
    with pytest.raises(ParameterError, match="no such file"):
        tamis.audit("nowhere.csv")
    with pytest.raises(DataError, match="more than one column"):
        tamis.audit(pd.DataFrame([[1, 2]], columns=["a", "a"]))


@pytest.mark.parametrize(
    "frame",
    [
        pd.DataFrame({"a": [1.0], "y": [1]}),
        pd.DataFrame({"a": [None, None], "y": [1, 2]}),
        pd.DataFrame({"a": [[1], [2]], "y": [1, 2]}),
        pd.DataFrame({"a": [np.inf, 1.0, 2.0], "y": [1, 2, 1]}),
        pd.DataFrame({"a": pd.array([1, None, 3], dtype="Int64"), "y": [True, False, True]}),
        pd.DataFrame({"a": pd.to_datetime(["2026-01-01", None]), "y": [1, 2]}),
    ],
)
def test_odd_tables_are_audited(frame):
    assert tamis.audit(frame, "y").columns is not None
    assert tamis.audit(frame).columns is not None


@pytest.mark.parametrize("make", [pd.DataFrame, pl.DataFrame])
def test_labels_that_look_wrong(make):
    rng = np.random.default_rng(0)
    frame = clean(600).drop(columns="y").assign(extra=rng.normal(size=600))
    truth = frame["x"] + frame["extra"] > 0
    wrong = rng.choice(np.flatnonzero((frame["x"] + frame["extra"]).abs() > 1), 15, replace=False)
    truth[wrong] = ~truth[wrong]
    data = make(frame.assign(y=np.where(truth, "yes", "no")).to_dict("list"))
    (finding,) = [f for f in tamis.audit(data, "y").findings if f.kind == "label_errors"]
    hit = set(finding.rows) & set(wrong.tolist())
    assert len(hit) >= 12 and finding.n_rows - len(hit) <= 4
    assert "find_label_errors" in finding.fix and finding.columns == ("y",)
    # Classes that overlap: a model errs there, labels do not.
    assert "label_errors" not in kinds(tamis.audit(clean(600), "y"))
