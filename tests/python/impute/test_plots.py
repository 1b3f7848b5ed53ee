"""Pictures: what they show, on whose axes, from any table."""

import itertools
import os
import subprocess
import sys

import numpy as np
import pandas as pd
import polars as pl
import pytest

from tamis.exceptions import ParameterError, ShapeError
from tamis.impute import SimpleImputer, plot_imputed, plot_missing

matplotlib = pytest.importorskip("matplotlib")
matplotlib.use("Agg")
plt = pytest.importorskip("matplotlib.pyplot")


@pytest.fixture(autouse=True)
def closed():
    yield
    plt.close("all")


def table(n=200, seed=0):
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame(
        {
            "age": rng.normal(40, 10, n),
            "rooms": rng.integers(1, 5, n).astype(float),
            "port": rng.choice(list("CSQ"), n),
            "day": pd.Timestamp("2020-01-01") + pd.to_timedelta(rng.integers(0, 700, n), unit="D"),
            "whole": np.arange(n),
        }
    )
    for j, name in enumerate(["age", "rooms", "port", "day"]):
        frame.loc[rng.random(n) < 0.1 * (j + 1), name] = None
    return frame


def drawn(ax):
    """Draw the figure: what matplotlib would warn of fails the test."""
    ax.figure.canvas.draw()
    return ax


def shares(ax):
    return [t.get_text() for t in ax.texts]


@pytest.mark.parametrize(
    "make", [lambda f: f, pl.from_pandas, lambda f: pl.from_pandas(f).to_arrow()]
)
def test_the_pattern_has_each_column_with_its_share(make):
    frame = table()
    ax = drawn(plot_missing(make(frame)))
    assert [t.get_text() for t in ax.get_yticklabels()] == list(frame.columns)
    want = frame.isna().mean()
    assert shares(ax)[-1] == "0 %"
    assert shares(ax)[3] == f"{100 * want.iloc[3]:.0f} %"
    image = ax.images[0].get_array()
    np.testing.assert_allclose(image.mean(axis=1), want)
    # Rows with the same gaps stand together: the column with most gaps is in one piece.
    assert np.abs(np.diff(image[3])).sum() == 1


def test_rows_may_stay_in_their_order_and_columns_be_chosen():
    frame = table()
    ax = plot_missing(frame, sort=False, columns=["day", "age"])
    np.testing.assert_array_equal(ax.images[0].get_array(), frame[["day", "age"]].isna().T)
    ax = plot_missing(frame.to_numpy(), columns=[4, 0])
    assert [t.get_text() for t in ax.get_yticklabels()] == ["x4", "x0"]


def test_a_long_table_is_shown_in_strips_that_keep_every_gap():
    rng = np.random.default_rng(0)
    X = np.where(rng.random((1_000_003, 5)) < 0.001, np.nan, 1.0)
    ax = drawn(plot_missing(X, sort=False))
    image = ax.images[0].get_array()
    assert image.shape == (5, 600)
    np.testing.assert_allclose(image.mean(axis=1), np.isnan(X).mean(axis=0), rtol=1e-3)
    assert "1,000,003 rows" in ax.get_xlabel()


def test_sixty_columns_are_named():
    X = np.where(np.random.default_rng(0).random((300, 60)) < 0.2, np.nan, 0.0)
    names = [f"a rather long name of column {j}" for j in range(60)]
    ax = drawn(plot_missing(pd.DataFrame(X, columns=names)))
    assert len(ax.get_yticklabels()) == 60
    boxes = [t.get_window_extent() for t in ax.get_yticklabels()]
    assert all(a.y0 >= b.y1 - 1 for a, b in itertools.pairwise(boxes))  # none overlaps
    drawn(plot_missing(pd.DataFrame(X, columns=names), kind="together"))


def test_together_shows_correlations_of_gaps():
    frame = table(500)
    frame["same"] = frame.age
    ax = drawn(plot_missing(frame, kind="together"))
    gaps = frame.drop(columns="whole").isna().astype(float)
    want = gaps.corr().to_numpy()[1:, :-1]
    got = np.ma.filled(np.ma.masked_invalid(ax.images[0].get_array()), np.nan)
    lower = np.tri(4, dtype=bool)
    np.testing.assert_allclose(got[lower], want[lower], atol=1e-6)
    assert got[3, 0] == pytest.approx(1)
    assert np.isnan(got[0, 1])
    assert "whole" not in [t.get_text() for t in ax.get_yticklabels()]


@pytest.mark.parametrize(
    ("X", "says"),
    [
        (np.ones((3, 2)), "nothing is missing"),
        (np.array([[1.0, np.nan]]), "only x1 has gaps"),
        (np.array([[np.nan, 1.0], [1.0, 2.0]]), "only x0 has gaps"),
    ],
)
def test_too_little_to_show_together_is_said(X, says):
    assert says in shares(drawn(plot_missing(X, kind="together")))


@pytest.mark.parametrize("X", [np.zeros((0, 3)), np.full((4, 1), np.nan), np.array([["a", None]])])
def test_odd_tables(X):
    drawn(plot_missing(X))


@pytest.mark.parametrize("kind", ["pattern", "together"])
def test_on_the_callers_axes(kind):
    _, axes = plt.subplots(1, 2)
    before = set(plt.get_fignums())
    assert plot_missing(table(), kind=kind, ax=axes[1]) is axes[1]
    drawn(axes[1])
    assert set(plt.get_fignums()) == before
    assert not axes[0].images


def test_imputed_beside_observed():
    frame = table()
    after = frame.fillna(
        {"age": 40.0, "rooms": 2.0, "port": "S", "day": pd.Timestamp("2020-10-01")}
    )
    axes = plot_imputed(frame, after)
    drawn(axes[0])
    titles = [ax.get_title() for ax in axes]
    counts = frame.isna().sum()
    assert titles == [f"{n}: {counts[n]} filled in" for n in ("day", "port", "rooms", "age")]
    ages = axes[3].patches
    observed, filled = (p.get_data().values for p in ages)
    assert observed.sum() == pytest.approx(1)
    assert filled.max() == pytest.approx(1)  # all at the mean
    assert "100 %" in shares(axes[3])
    ports = {(round(b.get_x() + b.get_width() / 2, 1)): b.get_height() for b in axes[1].patches}
    assert len(ports) == 6
    assert sum(ports.values()) == pytest.approx(2)
    for make in (pl.from_pandas, lambda f: pl.from_pandas(f).to_arrow()):
        again = plot_imputed(make(frame), make(after))
        assert [ax.get_title() for ax in again] == titles
        drawn(again[0])


def test_imputed_arrays_chosen_columns_and_own_axes():
    X = np.where(np.random.default_rng(0).random((50, 20)) < 0.2, np.nan, 3.0)
    X[0] = 1.0
    filled = SimpleImputer().fit_transform(X)
    assert len(plot_imputed(X, filled)) == 12
    _, axes = plt.subplots(2, 2)
    got = plot_imputed(pd.DataFrame(X).add_prefix("c"), filled, columns=["c3", "c1"], axes=axes)
    assert list(got) == list(axes.ravel()[:2])
    assert got[0].get_title().startswith("c3: ")
    drawn(got[0])
    one = plt.subplots()[1]
    assert plot_imputed(X, filled, columns=[2], axes=one)[0] is one


@pytest.mark.parametrize(
    ("call", "error", "says"),
    [
        (lambda: plot_missing(table(), kind="map"), ParameterError, "kind must be"),
        (lambda: plot_missing(table(), columns=["no"]), ParameterError, "no column 'no'"),
        (lambda: plot_missing(table(), columns=[]), ParameterError, "columns is empty"),
        (lambda: plot_missing(np.ones(3)), ShapeError, "rows and columns"),
        (lambda: plot_imputed(np.ones((2, 2)), np.ones((2, 2))), ParameterError, "nothing is"),
        (lambda: plot_imputed(table(), table(9)), ShapeError, "200 rows and after 9"),
        (
            lambda: plot_imputed(table(), table(), axes=plt.subplots()[1]),
            ShapeError,
            "4 columns need 4 axes; got 1",
        ),
        (
            lambda: plot_imputed(table(), table().drop(columns="age"), columns=["age"]),
            ParameterError,
            "no column",
        ),
    ],
)
def test_what_cannot_be_drawn_is_said(call, error, says):
    with pytest.raises(error, match=says):
        call()


def test_without_matplotlib_the_extra_is_named(tmp_path):
    (tmp_path / "matplotlib.py").write_text("raise ImportError('not here')")
    code = "from tamis.impute import plot_missing\nplot_missing([[1.0, float('nan')]])"
    run = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(tmp_path), *filter(None, sys.path)])},
        capture_output=True,
        text=True,
        check=False,
    )
    assert "pip install 'tamis[plot]'" in run.stderr
