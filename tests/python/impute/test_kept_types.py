"""Frames out: SimpleImputer, KNNImputer and IterativeImputer fill in columns as what they are."""

import pickle

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
import sklearn
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression, Ridge

import tamis
from tamis.exceptions import DataError, ParameterError
from tamis.impute import IterativeImputer, KNNImputer, SimpleImputer

NAN = np.nan
ALL = [SimpleImputer, KNNImputer, IterativeImputer]
pytestmark = pytest.mark.filterwarnings("ignore:.*Early stopping criterion not reached")


def complete(n=120, seed=0):
    """Return a table of many types whose columns tell of each other."""
    rng = np.random.default_rng(seed)
    hidden = rng.normal(size=n)
    kind = np.where(hidden > 0.5, "high", np.where(hidden < -0.5, "low", "mid"))
    when = pd.Timestamp("2020-01-01") + pd.to_timedelta((hidden * 10).round(3), unit="D")
    return pd.DataFrame({
        "number": hidden + rng.normal(size=n) / 10,
        "count": (10 + 3 * hidden).round().astype(int),
        "kind": pd.Categorical(kind, ["low", "mid", "high"], ordered=True),
        "text": np.where(hidden > 0, "yes", "no"),
        "flag": hidden > 0.2,
        "when": when.astype("datetime64[us]"),
        "whole": np.arange(n) % 7,
    })  # fmt: skip


def holed(n=120, seed=0, share=0.15):
    frame = complete(n, seed)
    frame["count"] = frame["count"].astype("Int32")
    frame["flag"] = frame["flag"].astype("boolean")
    rng = np.random.default_rng(seed + 1)
    for name in frame.columns[:-1]:
        frame.loc[rng.random(n) < share, name] = pd.NA if name in ("count", "flag") else None
    return frame


def polars_of(frame):
    plain = frame.astype({"kind": "str", "count": "float"}).astype(object)
    plain = plain.where(frame.notna(), None)
    schema = {
        "number": pl.Float64, "count": pl.Int32, "kind": pl.Enum(["low", "mid", "high"]),
        "text": pl.String, "flag": pl.Boolean, "when": pl.Datetime("us"), "whole": pl.Int64,
    }  # fmt: skip
    cells = {n: [None if pd.isna(v) else v for v in plain[n]] for n in schema}
    cells["count"] = [None if v is None else int(v) for v in cells["count"]]
    return pl.DataFrame(cells, schema=schema)


def told(imputer, library="pandas"):
    return imputer.set_output(transform=library)


# --- types stay, observed cells stay -----------------------------------------------------------


@pytest.mark.parametrize("make", ALL)
@pytest.mark.parametrize("index", ["range", "text"])
def test_pandas_columns_keep_their_types(make, index):
    frame = holed()
    if index == "text":
        frame.index = [f"r{i}" for i in range(len(frame))]
    before = frame.copy(deep=True)
    out = told(make()).fit_transform(frame)
    pd.testing.assert_frame_equal(frame, before)
    assert list(out.dtypes) == list(frame.dtypes)
    assert out.index.equals(frame.index)
    assert not out.isna().any(axis=None)
    there = frame.notna()
    for name in frame:
        assert (out.loc[there[name], name] == frame.loc[there[name], name]).all()
    out.iloc[0, 0] = 99.0
    pd.testing.assert_frame_equal(frame, before)


@pytest.mark.parametrize("make", ALL)
def test_polars_columns_keep_their_types(make):
    frame = polars_of(holed())
    out = told(make(), "polars").fit_transform(frame)
    assert isinstance(out, pl.DataFrame)
    assert out.schema == frame.schema
    assert out.null_count().sum_horizontal().item() == 0
    same = told(make()).fit_transform(holed())
    assert out["kind"].to_list() == same["kind"].tolist()
    assert_allclose(out["number"], same["number"])


@pytest.mark.parametrize("make", ALL)
def test_any_frame_becomes_the_one_asked_for(make):
    frame = holed(40)[["number", "text"]]
    want = told(make()).fit_transform(frame)
    table = pa.table({n: pa.array(frame[n], from_pandas=True) for n in frame})
    for given_ in (table, pl.DataFrame({n: table[n].to_pylist() for n in frame})):
        got = told(make()).fit_transform(given_)
        assert isinstance(got, pd.DataFrame)
        assert got["text"].tolist() == want["text"].tolist()
        assert isinstance(told(make(), "polars").fit_transform(given_), pl.DataFrame)
    with sklearn.config_context(transform_output="pandas"):
        pd.testing.assert_frame_equal(make().fit_transform(frame), want)


@pytest.mark.parametrize("make", ALL)
def test_better_than_the_most_frequent(make):
    truth, frame = complete(400), holed(400)
    out = told(make()).fit_transform(frame)
    wrong = {n: (out[n] != truth[n])[frame[n].isna()].mean() for n in ("kind", "text", "flag")}
    gap = (out["when"] - truth["when"])[frame["when"].isna()] / pd.Timedelta("1D")
    bar = {SimpleImputer: (0.9, 13), KNNImputer: (0.25, 4), IterativeImputer: (0.2, 2)}[make]
    assert max(wrong.values()) < bar[0]
    assert np.sqrt(np.mean(gap**2)) < bar[1]


# --- the same numbers as scikit-learn ----------------------------------------------------------


@given(st.integers(0, 10**6), st.sampled_from(ALL))
@pytest.mark.filterwarnings("ignore:Skipping features")
def test_tables_of_numbers_give_the_same_bits_as_arrays(seed, make):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(15, 4))
    X[rng.random(X.shape) < 0.3] = NAN
    X[:, 3] = rng.integers(0, 9, size=15)
    frame = pd.DataFrame(X, columns=list("abcd")).astype({"d": "int16", "a": "Float64"})
    out = told(make()).fit_transform(frame)
    want = make().fit_transform(X)
    assert_array_equal(out.to_numpy(dtype=float), want)
    assert out["d"].dtype == np.int16
    plain = told(make()).fit_transform(pd.DataFrame(X, columns=list("abcd")))
    assert_array_equal(plain.to_numpy(), want)


@pytest.mark.parametrize("make", ALL)
def test_without_frames_out_nothing_changes(make):
    frame = pd.DataFrame({"a": [1, 2, 3], "b": pd.Series([1, None, 3], dtype="Int64")})
    out = make().fit_transform(frame)
    assert isinstance(out, np.ndarray)
    assert_array_equal(out, make().fit_transform(frame.to_numpy(dtype=float, na_value=NAN)))


@pytest.mark.parametrize("make", ALL)
def test_times_and_texts_are_refused_by_column_without_frames_out(make):
    times = pd.DataFrame({"a": [1.0, 2], "t": pd.to_datetime(["2020-01-01", None])})
    for frame in (times, times[["t"]], pl.DataFrame({"a": [1.0], "t": [pd.Timestamp("2020")]})):
        with pytest.raises(DataError, match=r"column 't' holds times.*set_output"):
            make().fit(frame)
    with pytest.raises(DataError, match="column 0 holds times"):
        make().fit(times[["t"]].to_numpy())
    with pytest.raises(DataError, match="in column 'x'"):
        make().fit(pd.DataFrame({"a": [1.0, 2], "x": ["u", "v"]}))


# --- columns that are empty, missing late, unknown ---------------------------------------------


@pytest.mark.parametrize("make", ALL)
def test_columns_without_values(make):
    frame = holed(30).assign(nothing=NAN, none=pd.Series([None] * 30, dtype="str"))
    with pytest.warns(UserWarning, match=r"without any observed values: .*nothing"):
        out = told(make()).fit_transform(frame)
    assert list(out.columns) == list(frame.columns[:-2])
    kept = told(make(keep_empty_features=True)).fit_transform(frame)
    assert list(kept.columns) == list(frame.columns)
    assert (kept["nothing"] == 0).all()
    assert kept["none"].isna().all()


@pytest.mark.parametrize("make", ALL)
def test_missing_only_when_transformed_and_unknown_categories(make):
    train = complete(80)
    imputer = told(make()).fit(train)
    new = train.head(10).copy()
    new["kind"] = pd.Categorical(["huge", None] * 5)
    new["flag"] = pd.Series([None] * 10, dtype="boolean")
    new["whole"] = pd.Series([None] + [3] * 9, dtype="Int64")
    new.loc[0, "when"] = pd.NaT
    out = imputer.transform(new)
    assert not out.isna().any(axis=None)
    assert (out["kind"][::2] == "huge").all()
    assert set(out["kind"][1::2]) <= {"low", "mid", "high"}
    assert out["flag"].dtype == "boolean"
    one = imputer.transform(new.head(1))
    assert len(one) == 1
    assert len(imputer.transform(new.head(0))) == 0


@pytest.mark.parametrize("make", ALL)
def test_infinities_are_refused_by_column(make):
    frame = pd.DataFrame({"x": ["a", "b"], "n": [1.0, np.inf]})
    with pytest.raises(DataError, match="infinity in column 'n', row 1"):
        told(make()).fit(frame)
    imputer = told(make()).fit(frame.assign(n=[1.0, 2.0]))
    with pytest.raises(DataError, match="infinity in column 'n', row 1"):
        imputer.transform(frame)
    with pytest.raises(ValueError, match="feature names"):
        imputer.transform(frame.rename(columns={"x": "y"}))


@pytest.mark.parametrize("make", ALL)
@pytest.mark.parametrize("frame", [
    pd.DataFrame({"x": ["a"], "n": [1.0]}), pd.DataFrame({"x": ["a", None, "a"]}),
    pd.DataFrame({"x": ["a", None, "b"], "n": [1.0, 1.0, NAN]}),
    pd.DataFrame({"x": ["a", "b", None], "n": [NAN, NAN, 2.0]}),
    pd.DataFrame({"t": pd.to_datetime(["2020-01-01", None, "2020-01-03"])}),
])  # fmt: skip
def test_small_tables(make, frame):
    out = told(make()).fit_transform(frame)
    assert not out.isna().any(axis=None)
    with pytest.raises(DataError, match="at least one row"):
        told(make()).fit(frame.head(0))


@pytest.mark.parametrize("make", ALL)
def test_indicators(make):
    frame = holed(30)[["number", "text", "whole"]]
    out = told(make(add_indicator=True)).fit_transform(frame)
    assert list(out.columns[3:]) == ["missingindicator_number", "missingindicator_text"]
    assert_array_equal(out.iloc[:, 3:], frame[["number", "text"]].isna())


@pytest.mark.parametrize("make", ALL)
def test_saved_pickled_cloned_and_refitted(make, tmp_path):
    frame = holed(60)
    imputer = told(make()).fit(frame)
    want = imputer.transform(frame)
    tamis.save(imputer, tmp_path / "imputer.tamis")
    loaded = told(tamis.load(tmp_path / "imputer.tamis"))
    for again in (pickle.loads(pickle.dumps(imputer)), clone(imputer).fit(frame), loaded):
        pd.testing.assert_frame_equal(again.transform(frame), want)
    imputer.set_output(transform="default")
    assert imputer.transform(frame).dtype == object
    assert_array_equal(imputer.fit([[1.0], [NAN]]).transform([[NAN]]), [[1.0]])


@pytest.mark.parametrize("make", ALL)
def test_threads_make_no_difference(make):
    frame = holed(300)
    outs = [told(make(n_jobs=n)).fit_transform(frame) for n in (1, 2, 3)]
    pd.testing.assert_frame_equal(outs[0], outs[1])
    pd.testing.assert_frame_equal(outs[0], outs[2])


# --- SimpleImputer -----------------------------------------------------------------------------


def test_statistics_of_each_kind():
    frame = pd.DataFrame({
        "n": [1.0, 2, NAN, 6], "i": pd.Series([1, 2, None, 2], dtype="Int64"),
        "s": ["b", "a", None, "b"],
        "t": pd.to_datetime(["2020-01-01", "2020-01-02", None, "2020-01-06"]),
        "b": pd.Series([True, None, True, False], dtype="boolean"),
    })  # fmt: skip
    mean = told(SimpleImputer()).fit(frame)
    assert mean.statistics_.tolist() == [3.0, 2, "b", np.datetime64("2020-01-03"), True]
    assert mean.transform(frame).loc[2].tolist() == [3.0, 2, "b", pd.Timestamp("2020-01-03"), True]
    for strategy, want in (("median", [2.0, 2, "b", 2]), ("most_frequent", [1.0, 2, "b", 1])):
        out = told(SimpleImputer(strategy=strategy)).fit_transform(frame).loc[2]
        assert [*out[:3], out["t"].day] == want
    assert told(SimpleImputer(strategy=np.max)).fit_transform(frame)["n"][2] == 6


def test_constants():
    frame = holed(20)[["number", "count", "text", "kind"]]
    out = told(SimpleImputer(strategy="constant")).fit_transform(frame)
    gone = frame.isna()
    assert (out.loc[gone["number"], "number"] == 0).all()
    assert (out.loc[gone["text"], "text"] == "missing_value").all()
    assert (out.loc[gone["kind"], "kind"] == "missing_value").all()
    out = told(SimpleImputer(strategy="constant", fill_value=7)).fit_transform(frame.iloc[:, :2])
    assert (out.loc[gone["count"], "count"] == 7).all()
    for fill, column in ((7, "text"), ("x", "count"), (1.5, "count")):
        with pytest.raises(DataError, match=f"column '{column}'"):
            told(SimpleImputer(strategy="constant", fill_value=fill)).fit(frame[[column]])
    with pytest.raises(DataError, match="column 'flag' is of kind 'boolean'"):
        told(SimpleImputer(strategy="constant")).fit(holed(20)[["flag"]])


# --- KNNImputer --------------------------------------------------------------------------------


@pytest.mark.parametrize("weights", ["uniform", "distance", lambda d: np.exp(-d)])
@pytest.mark.parametrize("k", [1, 4])
def test_neighbours_vote_as_by_hand(weights, k):
    frame = holed(60)[["number", "kind", "text"]]
    out = told(KNNImputer(n_neighbors=k, weights=weights)).fit_transform(frame)
    scale = np.sqrt(2) * frame["number"].std(ddof=0)
    number = frame["number"].to_numpy() / scale
    parts = [(number[:, None] - number) ** 2]
    for name in ("kind", "text"):
        codes = frame[name].astype("category").cat.codes.to_numpy()
        apart = (codes[:, None] != codes).astype(float)
        parts.append(np.where((codes < 0)[:, None] | (codes < 0), NAN, apart))
    shared = (~np.isnan(parts)).sum(axis=0)
    with np.errstate(invalid="ignore"):
        distance = np.sqrt(np.nansum(parts, axis=0) / shared * 3)
    how = {"uniform": np.ones_like, "distance": lambda d: 1 / d}.get(weights, weights)
    for name in frame:
        for row in np.flatnonzero(frame[name].isna()):
            donors = np.flatnonzero(frame[name].notna() & (shared[row] > 0))
            near = donors[np.argsort(distance[row, donors], kind="stable")[:k]]
            with np.errstate(divide="ignore"):
                weight = how(distance[row, near])
            weight = np.isinf(weight).astype(float) if np.isinf(weight).any() else weight
            values = frame[name].iloc[near]
            if name == "number":
                assert_allclose(out[name].iloc[row], np.average(values, weights=weight))
            else:
                votes = pd.Series(weight).groupby(values.astype(str).to_numpy()).sum()
                assert votes[out[name].iloc[row]] == pytest.approx(votes.max())


def test_a_metric_of_ones_own_takes_numbers():
    with pytest.raises(ParameterError, match="takes numbers"):
        told(KNNImputer(metric=lambda x, y, **_: 0.0)).fit(holed(20))


# --- IterativeImputer --------------------------------------------------------------------------


def test_a_pair_of_estimators():
    frame = holed()
    out = told(IterativeImputer((Ridge(), LogisticRegression(max_iter=500)))).fit_transform(frame)
    assert not out.isna().any(axis=None)
    imputer = told(IterativeImputer(Ridge(), max_iter=3)).fit(frame)
    kinds = {type(step.estimator).__name__ for step in imputer.imputation_sequence_}
    assert kinds == {"Ridge", "LogisticRegression"}
    with pytest.raises(ParameterError, match="fit and predict"):
        told(IterativeImputer((Ridge(), 3))).fit(frame)


def test_draws():
    frame = holed()

    def draw(seed):
        imputer = IterativeImputer(sample_posterior=True, max_iter=3, random_state=seed)
        return told(imputer).fit_transform(frame)

    pd.testing.assert_frame_equal(draw(1), draw(1))
    one, other = draw(1), draw(2)
    assert (one["kind"] != other["kind"]).any()
    assert list(one.dtypes) == list(frame.dtypes)


def test_limits_are_in_the_columns_units():
    frame = holed()[["number", "count", "text"]]
    out = told(IterativeImputer(min_value=[-0.1, 9, -9], max_value=[0.1, 11, 9])).fit_transform(
        frame
    )
    assert out["number"][frame["number"].isna()].abs().max() <= 0.1 + 1e-12
    assert out["count"][frame["count"].isna()].between(9, 11).all()
