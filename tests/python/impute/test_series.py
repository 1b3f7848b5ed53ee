"""SeriesImputer against pandas' ffill, bfill and interpolate, on groups, types and seasons."""

import pickle

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.utils.estimator_checks import check_estimator

import tamis
from tamis.exceptions import ColumnTypeError, DataError, ParameterError
from tamis.impute import SeriesImputer

NAN = np.nan


@pytest.mark.parametrize("method", ["forward", "backward", "linear", "seasonal"])
def test_check_estimator(method):
    check_estimator(SeriesImputer(method), on_skip=None)


@st.composite
def tables(draw):
    """Return a frame of two columns with holes, two groups, times in no order."""
    n = draw(st.integers(1, 30))
    cell = st.one_of(st.just(NAN), st.integers(-50, 50).map(lambda v: v / 4))
    column = st.lists(cell, min_size=n, max_size=n)
    return pd.DataFrame({
        "g": draw(st.lists(st.sampled_from(["a", "b", None]), min_size=n, max_size=n)),
        "t": draw(st.lists(st.integers(0, 200), min_size=n, max_size=n, unique=True)),
        "x": draw(column),
        "y": draw(column),
    })  # fmt: skip


def by_pandas(frame, fill):
    """Return the columns filled group by group in the order of time, rows as they stood."""
    parts = [
        part.sort_values("t")[["t", "x", "y"]].set_index("t", drop=False).pipe(fill)
        for _, part in frame.groupby("g", dropna=False)
    ]
    labels = np.concatenate(
        [part.sort_values("t").index for _, part in frame.groupby("g", dropna=False)]
    )
    whole = pd.concat(parts).set_index(pd.Index(labels)).sort_index()
    return whole[["x", "y"]].to_numpy()


@given(tables(), st.one_of(st.none(), st.integers(1, 4)))
@pytest.mark.parametrize("method", ["forward", "backward", "linear", "time"])
def test_as_pandas_does_it(method, frame, limit):
    how = {
        "forward": lambda part: part.ffill(limit=limit),
        "backward": lambda part: part.bfill(limit=limit),
        "linear": lambda part: part.interpolate("linear", limit=limit, limit_area="inside"),
        "time": lambda part: part.interpolate("index", limit=limit, limit_area="inside"),
    }[method]
    before = frame.copy(deep=True)
    imputer = SeriesImputer(method, time="t", group="g", limit=limit)
    out = imputer.fit_transform(frame)
    pd.testing.assert_frame_equal(frame, before)
    assert_allclose(out[["x", "y"]].to_numpy(), by_pandas(frame, how), rtol=1e-12, atol=1e-12)
    pd.testing.assert_frame_equal(out[["g", "t"]], frame[["g", "t"]])
    assert list(out.columns) == list(frame.columns)


@given(tables())
def test_edges_take_the_nearest_value(frame):
    for method, first, second in (("forward", "ffill", "bfill"), ("backward", "bfill", "ffill")):
        out = SeriesImputer(method, time="t", group="g", edges="nearest").fit_transform(frame)
        want = by_pandas(frame, lambda p, a=first, b=second: getattr(getattr(p, a)(), b)())
        assert_array_equal(out[["x", "y"]].to_numpy(), want)
    out = SeriesImputer("linear", time="t", group="g", edges="nearest").fit_transform(frame)
    want = by_pandas(frame, lambda p: p.interpolate("linear", limit_area="inside").ffill().bfill())
    assert_allclose(out[["x", "y"]].to_numpy(), want, atol=1e-12)


def test_values_never_cross_groups_and_rows_stay_in_place():
    frame = pd.DataFrame({
        "g": ["b", "a", "b", "a", "b"],
        "t": [3, 1, 1, 2, 2],
        "x": [NAN, 1.0, 7.0, NAN, NAN],
    }, index=list("vwxyz"))  # fmt: skip
    out = SeriesImputer(time="t", group="g").fit_transform(frame)
    assert out["x"].tolist() == [7, 1, 7, 1, 7]
    assert out.index.tolist() == list("vwxyz")
    two = frame.assign(h=[1, 1, 2, 1, 2])
    out = SeriesImputer(time="t", group=["g", "h"]).fit_transform(two)
    assert_array_equal(out["x"], [NAN, 1, 7, 1, 7])


# --- types -------------------------------------------------------------------------------------

TYPED = {
    "s": ["a", None, "b"],
    "b": [True, None, False],
    "i": [2**60 + 1, None, 5],
    "t": [pd.Timestamp("1800-01-01"), None, pd.Timestamp("2200-01-01 00:00:00.000001")],
}


def typed(make):
    if make is pd.DataFrame:
        types = {"s": "category", "b": "boolean", "i": "Int64", "t": "datetime64[us, UTC]"}
        return pd.DataFrame({k: pd.Series(v, dtype=types[k]) for k, v in TYPED.items()})
    if make is pl.DataFrame:
        types = {"s": pl.Enum(["b", "a"]), "b": pl.Boolean, "i": pl.Int64, "t": pl.Datetime("us")}
        return pl.DataFrame({k: pl.Series(v, dtype=types[k]) for k, v in TYPED.items()})
    types = {"s": pa.string(), "b": pa.bool_(), "i": pa.int64(), "t": pa.timestamp("us")}
    return pa.table({k: pa.array(v, types[k]) for k, v in TYPED.items()})


@pytest.mark.parametrize("make", [pd.DataFrame, pl.DataFrame, pa.table])
@pytest.mark.parametrize(("method", "source"), [("forward", 0), ("backward", 2)])
def test_any_type_is_repeated_exactly(make, method, source):
    frame = typed(make)
    out = SeriesImputer(method).fit_transform(frame)
    assert type(out) is type(frame)
    for name in TYPED:
        cells = [
            c.to_pylist() if make is pa.table else c.to_list() for c in (frame[name], out[name])
        ]
        assert cells[1] == [cells[0][0], cells[0][source], cells[0][2]]
    if make is pd.DataFrame:
        assert list(out.dtypes) == list(frame.dtypes)
    else:
        assert out.schema == frame.schema


@pytest.mark.parametrize("make", [pd.DataFrame, pl.DataFrame, pa.table])
def test_lines_through_integers_and_times(make):
    frame = make({
        "i": [1, None, None, 3],
        "t": [pd.Timestamp("2020-01-01"), None, None, pd.Timestamp("2020-01-04")],
    })  # fmt: skip
    if make is pd.DataFrame:
        frame = frame.astype({"i": "Int16"})
    out = SeriesImputer("linear").fit_transform(frame)
    assert type(out) is type(frame)
    cells = {n: out[n].to_pylist() if make is pa.table else out[n].to_list() for n in ("i", "t")}
    assert cells["i"] == [1, 2, 2, 3]
    assert [pd.Timestamp(v).day for v in cells["t"]] == [1, 2, 3, 4]


def test_arrays_and_lists():
    X = np.array([[1, 2.0, 5], [1, NAN, NAN], [2, NAN, NAN], [2, 4, 6]], dtype=np.float32)
    X.flags.writeable = False
    out = SeriesImputer(group=0).fit_transform(X)
    assert out.dtype == np.float32
    assert_array_equal(out, [[1, 2, 5], [1, 2, 5], [2, NAN, NAN], [2, 4, 6]])
    assert_array_equal(SeriesImputer("linear").fit_transform([[1], [None], [3]]), [[1], [2], [3]])
    out = SeriesImputer().fit_transform(np.array([["a"], [None]], dtype=object))
    assert out.tolist() == [["a"], ["a"]]
    out = SeriesImputer("time", time=0).fit_transform([[0.0, 1], [9, NAN], [10, 11], [1, NAN]])
    assert_array_equal(out[:, 1], [1, 10, 11, 2])


def test_an_index_of_times_is_a_clock():
    days = pd.to_datetime(["2024-01-01", "2024-01-02", "2024-01-05"])
    frame = pd.DataFrame({"x": [1.0, NAN, 5.0]}, index=days)
    assert SeriesImputer("time").fit_transform(frame)["x"].tolist() == [1, 2, 5]
    assert SeriesImputer("linear").fit_transform(frame)["x"].tolist() == [1, 3, 5]


def test_nothing_is_carried_over_from_the_training_rows():
    imputer = SeriesImputer().fit(pd.DataFrame({"x": [1.0, 2.0]}))
    new = pd.DataFrame({"x": [NAN, 3.0, NAN]})
    assert_array_equal(imputer.transform(new)["x"], [NAN, 3, 3])
    assert len(imputer.transform(new.iloc[:0])) == 0


# --- seasons -----------------------------------------------------------------------------------


def seasonal(n=120, period=12, seed=0, holes=0.3, noise=0.05):
    rng = np.random.default_rng(seed)
    profile = 3 * np.sin(2 * np.pi * np.arange(period) / period) + rng.normal(size=period)
    truth = profile[np.arange(n) % period] + 0.1 * np.arange(n) + noise * rng.normal(size=n)
    return truth, np.where(rng.random(n) < holes, NAN, truth)


@pytest.mark.parametrize("period", [7, 12, None])
def test_a_season_is_found_and_beats_the_line(period):
    truth, x = seasonal(period=period or 12)
    frame = pd.DataFrame({"x": x})
    imputer = SeriesImputer("seasonal", period=period, edges="nearest").fit(frame)
    assert imputer.periods_ == {"x": period or 12}
    hole = np.isnan(x)

    def error(out):
        return np.sqrt(np.mean((out["x"].to_numpy() - truth)[hole] ** 2))

    line = SeriesImputer("linear", edges="nearest").fit_transform(frame)
    assert error(imputer.transform(frame)) < 0.25 * error(line)


def test_months_have_a_year_whatever_their_length():
    truth, x = seasonal(n=96)
    frame = pd.DataFrame({"month": pd.date_range("2015-01-01", periods=96, freq="MS"), "x": x})
    imputer = SeriesImputer("seasonal", time="month", period=12).fit(frame.iloc[:60])
    shuffled = frame.iloc[60:].sample(frac=1, random_state=0)
    out = imputer.transform(shuffled)
    assert out.index.tolist() == shuffled.index.tolist()
    inner = out["x"].notna().to_numpy()
    assert_allclose(out["x"][inner], truth[shuffled.index][inner], atol=0.4)


def test_the_profile_comes_from_the_training_rows_alone():
    _, x = seasonal(n=120, holes=0.0)
    t = np.arange(120)
    imputer = SeriesImputer("seasonal", time="t", period=12).fit(pd.DataFrame({"t": t, "x": x}))
    flat = pd.DataFrame({"t": [120, 123, 126], "x": [0.0, NAN, 0.0]})
    season = imputer._seasons[0].common
    line = (-season[0] - season[6]) / 2
    assert_allclose(imputer.transform(flat)["x"][1], season[3] + line, atol=1e-9)


def test_groups_have_their_own_season_and_new_ones_the_common_one():
    one, _ = seasonal(seed=1, noise=0)
    two, _ = seasonal(seed=2, noise=0)
    frame = pd.DataFrame({
        "g": ["a", "b"] * 120, "t": np.repeat(np.arange(120), 2), "x": np.c_[one, two].ravel(),
    })  # fmt: skip
    imputer = SeriesImputer("seasonal", time="t", group="g", period=12).fit(frame)
    holed = frame.copy()
    holed.loc[100:140:4, "x"] = NAN
    out = imputer.transform(holed)
    assert_allclose(out["x"], frame["x"], atol=0.05)
    new = pd.DataFrame({"g": "c", "t": [0, 1, 2], "x": [1.0, NAN, 3.0]})
    assert np.isfinite(imputer.transform(new)["x"]).all()


@pytest.mark.parametrize("x", [
    [5.0] * 40, [1.0, NAN, 3.0], np.arange(50.0), [NAN] * 4,
    np.random.default_rng(0).normal(size=200), np.random.default_rng(0).normal(size=200).cumsum(),
])  # fmt: skip
def test_no_season_is_a_line(x):
    frame = pd.DataFrame({"x": x})
    frame.loc[1, "x"] = NAN
    imputer = SeriesImputer("seasonal").fit(frame)
    assert imputer.periods_ == {"x": 0}
    want = SeriesImputer("linear").fit_transform(frame)
    pd.testing.assert_frame_equal(imputer.transform(frame), want)


# --- refusals, saving --------------------------------------------------------------------------


@pytest.mark.parametrize(("how", "message"), [
    ({"method": "spline"}, "method must be one of forward"),
    ({"edges": "wrap"}, "edges must be"),
    ({"limit": 0}, "limit must be a whole number of at least 1"),
    ({"period": 1}, "period must be a whole number of at least 2"),
    ({"time": "when"}, "no column named 'when'"),
    ({"group": "shop"}, "no column named 'shop'"),
    ({"method": "time"}, "needs the time of each row"),
    ({"group": "s", "columns": ["s"]}, "must not name the time or a group"),
])  # fmt: skip
def test_parameters_are_checked(how, message):
    with pytest.raises(ParameterError, match=message):
        SeriesImputer(**how).fit(pd.DataFrame({"s": ["a"], "x": [1.0]}))


def test_errors_name_the_column():
    frame = pd.DataFrame({"s": ["a", None], "x": [1.0, np.inf], "t": [1.0, None]})
    with pytest.raises(ColumnTypeError, match=r"column 's' is of kind 'category'.*columns="):
        SeriesImputer("linear").fit(frame[["s"]])
    with pytest.raises(DataError, match="infinity in column 'x', row 1"):
        SeriesImputer("linear", columns="x").fit(frame)
    with pytest.raises(DataError, match="infinity in column 'x', row 1"):
        SeriesImputer().fit(frame[["x"]].head(1)).transform(frame[["x"]])
    with pytest.raises(DataError, match=r"column 't' orders the rows and is missing in row 1"):
        SeriesImputer(time="t", columns=["s"]).fit(frame)
    with pytest.raises(DataError, match="column 's' orders the rows: give numbers"):
        SeriesImputer(time="s").fit(frame[["s", "t"]])
    with pytest.raises(ParameterError, match="give positions"):
        SeriesImputer(time="t").fit(np.zeros((3, 2)))
    with pytest.raises(DataError, match="at least one row"):
        SeriesImputer().fit(frame.iloc[:0])


def test_clone_pickle_and_save(tmp_path):
    _, x = seasonal()
    frame = pd.DataFrame({"g": ["a", "b"] * 60, "x": x})
    imputer = SeriesImputer("seasonal", group="g", period=6).fit(frame)
    want = imputer.transform(frame)
    tamis.save(imputer, tmp_path / "series.tamis")
    for again in (
        pickle.loads(pickle.dumps(imputer)),
        tamis.load(tmp_path / "series.tamis"),
        clone(imputer).fit(frame),
    ):
        pd.testing.assert_frame_equal(again.transform(frame), want)
