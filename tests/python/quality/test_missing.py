"""Which gaps are at random, as far as can be seen: few false alarms, planted relations found."""

import time

import numpy as np
import pandas as pd
import polars as pl
import pytest

import tamis
from tamis.quality._little import little


def table(n=1000, seed=0, heavy=False):
    rng = np.random.default_rng(seed)
    hidden = rng.standard_t(3, size=(n, 2)) if heavy else rng.normal(size=(n, 2))
    x = hidden @ rng.normal(size=(2, 4)) + rng.normal(size=(n, 4))
    frame = pd.DataFrame(x, columns=["age", "income", "height", "weight"])
    frame["port"] = np.where(x[:, 0] > 0.5, "north", rng.choice(["south", "west"], n))
    frame["y"] = np.where(x[:, 1] + rng.normal(size=n) > 0, "yes", "no")
    return frame


def punched(frame, seed, share=0.15, columns=("age", "income", "height", "port")):
    """Blank cells completely at random; `weight` goes where `height` goes."""
    rng = np.random.default_rng(1000 + seed)
    frame = frame.copy()
    for name in columns:
        frame.loc[rng.random(len(frame)) < share, name] = None
    frame.loc[frame.height.isna(), "weight"] = None
    return frame


def found(frame, kind, target="y"):
    return [f for f in tamis.audit(frame, target).findings if f.kind == kind]


@pytest.mark.parametrize("heavy", [False, True])
def test_gaps_completely_at_random_raise_few_alarms(heavy):
    alarms = overall = 0
    for seed in range(25):
        frame = punched(table(400, seed, heavy), seed)
        kinds = [f for f in tamis.audit(frame, "y").findings if f.kind.startswith("gaps_")]
        alarms += any(f.kind == "gaps_depend" for f in kinds)
        overall += any(f.kind == "gaps_overall" and f.score > 0.99 for f in kinds)
    assert alarms <= 2
    assert overall <= 2


def test_the_columns_that_gaps_go_with_are_named_with_the_effect():
    frame = table(2000)
    rng = np.random.default_rng(1)
    gone = rng.random(2000) < np.where(frame.age > 0.8, 0.4, 0.05)
    frame.loc[gone, "income"] = np.nan
    frame.loc[rng.random(2000) < 0.1, "height"] = np.nan
    (depends,) = found(frame, "gaps_depend")
    assert depends.columns[0] == "income"
    assert "age" in depends.columns
    assert "the gaps of 'income' go with" in depends.message.lower()
    assert "of the rows where 'age' is" in depends.message or "'port'" in depends.message
    assert depends.n_rows == gone.sum()
    (free,) = found(frame, "gaps_random")
    assert free.columns == ("height",)
    assert "as far as the other columns show" in free.message
    assert "cannot be seen in the data" in free.message
    (overall,) = found(frame, "gaps_overall")
    assert "not completely at random" in overall.message


def test_gaps_that_go_with_the_target_are_more_than_worth_a_look():
    frame = table(1000)
    gone = np.random.default_rng(1).random(1000) < np.where(frame.y == "yes", 0.5, 0.1)
    frame.loc[gone, "height"] = np.nan
    (depends,) = found(frame, "gaps_depend")
    assert depends.severity == "medium"
    assert "go with the target 'y'" in depends.message
    assert "where 'y' is 'no', and in 53 % where it is 'yes'" in depends.message
    without = found(frame, "gaps_depend", target=None)
    assert without[0].severity == "low"


def test_a_gap_in_the_middle_of_a_scale_a_category_and_a_time():
    frame = table(3000)
    frame["day"] = pd.Timestamp("2020-01-01") + pd.to_timedelta(np.arange(3000), unit="h")
    rng = np.random.default_rng(1)
    frame.loc[(frame.age.abs() < 0.3) & (rng.random(3000) < 0.5), "height"] = np.nan
    frame.loc[(frame.port == "north") & (rng.random(3000) < 0.4), "weight"] = np.nan
    frame.loc[(np.arange(3000) > 2500) & (rng.random(3000) < 0.4), "income"] = np.nan
    by = {f.columns[0]: f for f in found(frame, "gaps_depend")}
    assert "age" in by["height"].columns
    assert "where it is 'north'" in by["weight"].message
    assert "'day' is 2020-" in by["income"].message
    assert "2020-05-04" in by["income"].message


@pytest.mark.parametrize("make", [pl.from_pandas, lambda f: pl.from_pandas(f).to_arrow()])
def test_the_same_from_polars_and_arrow(make):
    frame = punched(table(600), 3)
    frame.loc[frame.age > 1, "weight"] = None
    ours, theirs = tamis.audit(frame, "y"), tamis.audit(make(frame), "y")
    assert [(f.kind, f.columns, f.message) for f in ours.findings] == [
        (f.kind, f.columns, f.message) for f in theirs.findings
    ]


def test_gaps_in_disguise_count():
    frame = table(1000)
    frame["port"] = frame.port.astype(object)
    frame.loc[frame.income > 1, "port"] = "?"
    (depends,) = found(frame, "gaps_depend")
    assert depends.columns[0] == "port"
    assert "income" in depends.columns


@pytest.mark.parametrize(
    "frame",
    [
        pd.DataFrame({"a": [1.0, None], "b": [2.0, 3.0]}),
        pd.DataFrame({"a": [None, None, 1.0] * 20, "b": [None, 3.0, None] * 20}),
        pd.DataFrame({"a": [1.0] * 50, "b": [None] * 25 + [1.0] * 25}),
        pd.DataFrame({"a": np.arange(50) % 7, "b": [None] * 49 + [1.0]}),
        pd.DataFrame({"a": [[1], None] * 30, "b": list("ab") * 30}),
        pd.DataFrame({"a": pd.to_timedelta(np.arange(60), unit="s"), "b": [None, 1.0, 2.0] * 20}),
    ],
    ids=["two rows", "never both", "constants", "one value", "lists", "durations"],
)
def test_tables_too_poor_for_a_test_are_left_alone(frame):
    for finding in tamis.audit(frame).findings:
        assert finding.message


def test_littles_statistic_of_two_columns_is_that_by_hand():
    # With x whole and y open there are two patterns, and the statistic is that of the means of x.
    rng = np.random.default_rng(0)
    x = rng.normal(size=500)
    y = x + rng.normal(size=500)
    y[rng.random(500) < 0.3] = np.nan
    tested = little(np.stack([x, y], axis=1))
    from scipy import stats

    z = stats.norm.ppf(stats.rankdata(x) / 501)
    z /= z.std()
    gone = np.isnan(y)
    n, m = (~gone).sum(), gone.sum()
    gap = z[gone].mean() - z[~gone].mean()
    want = gap**2 / (1 / n + 1 / m)
    assert tested.freedom == 1
    assert tested.n_patterns == 2
    np.testing.assert_allclose(tested.statistic, want, rtol=1e-3)


def test_littles_test_keeps_its_level_and_has_power():
    p_random, p_related = [], []
    for seed in range(100):
        frame = table(600, seed)[["age", "income", "height", "weight"]].to_numpy()
        rng = np.random.default_rng(seed)
        gone = rng.random((600, 4)) < 0.15
        gone[:, 0] = False
        p_random.append(little(np.where(gone, np.nan, frame)).p)
        gone[:, 1] = rng.random(600) < np.where(frame[:, 0] > 1, 0.35, 0.05)
        p_related.append(little(np.where(gone, np.nan, frame)).p)
    assert np.mean(np.array(p_random) < 0.05) <= 0.11
    assert 0.35 < np.mean(p_random) < 0.65
    assert np.mean(np.array(p_related) < 0.01) > 0.9


def test_a_long_table_takes_little_time():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(100_000, 30))
    x[rng.random(x.shape) < 0.1] = np.nan
    from tamis.quality._by_gaps import gaps
    from tamis.quality._table import Table

    t = Table(pd.DataFrame(x, columns=[f"c{j}" for j in range(30)]))
    start = time.process_time()
    assert list(gaps(t))
    assert time.process_time() - start < 4
