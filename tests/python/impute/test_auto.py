"""AutoImputer: near the best method, honest about its errors, for any table."""

import pickle

import numpy as np
import pandas as pd
import polars as pl
import pytest
from sklearn.base import clone
from sklearn.datasets import load_diabetes, load_wine
from sklearn.impute import KNNImputer as AnyKNN
from sklearn.utils.estimator_checks import check_estimator

import tamis
from tamis.exceptions import DataError, ParameterError
from tamis.impute import AutoImputer, SimpleImputer
from tamis.impute._auto_choose import Cells, choose
from tamis.impute._auto_hide import hide
from tamis.impute._auto_spread import Spread

#: The methods that take no time to speak of.
QUICK = ["mean", "knn", "iterative", "soft"]


def mixed(n=300, seed=0):
    """Return a table of all types, and its truth."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=n)
    truth = pd.DataFrame(
        {
            "x": x,
            "double": 2 * x + 5 + rng.normal(size=n) / 5,
            "count": pd.array(np.rint(10 * x + 100).astype(int), dtype="Int64"),
            "side": np.where(x > 0, "right", "left"),
            "level": pd.Categorical(np.where(x > 1, "high", np.where(x < -1, "low", "mid"))),
            "on": pd.array(x + rng.normal(size=n) / 3 > 0, dtype="boolean"),
            "day": pd.Timestamp("2020-06-01") + pd.to_timedelta(np.rint(30 * x), unit="D"),
            "noise": rng.normal(size=n).astype(np.float32),
        },
        index=np.arange(n) * 2 + 7,
    )
    frame = truth.copy()
    for name in frame.columns:
        frame.loc[rng.random(n) < 0.15, name] = None
    return frame, truth


def punched(X, seed, share=0.2, at_random=False):
    """Blank cells completely at random, or by the value of the first column, which stays."""
    rng = np.random.default_rng(seed)
    chance = np.full(X.shape, share)
    if at_random:
        above = X[:, :1] > np.median(X[:, 0])
        chance = np.where(above, 1.6, 0.4) * share * np.ones(X.shape)
        chance[:, 0] = 0
    gone = rng.random(X.shape) < chance
    return np.where(gone, np.nan, X), gone


@pytest.mark.slow
@pytest.mark.parametrize(("load", "at_random"), [(load_wine, True), (load_diabetes, False)])
def test_it_is_within_two_percent_of_the_best_method_and_covers(load, at_random):
    truth = load().data
    spread = truth.std(axis=0)
    ours, single, held = [], [], []
    for seed in range(2):
        X, gone = punched(truth, seed, at_random=at_random)
        imputer = AutoImputer(random_state=0).fit(X)
        ours.append(np.mean((((imputer.transform(X) - truth) / spread)[gone]) ** 2))
        low, high = imputer.interval(X)
        held.append(np.mean(((low <= truth) & (truth <= high))[gone]))
        one = {}
        for name in imputer.errors_.columns[1:]:
            alone = AutoImputer([name], random_state=0, n_repeats=1).fit_transform(X)
            one[name] = np.mean((((alone - truth) / spread)[gone]) ** 2)
        single.append(one)
    best = min(np.mean([one[name] for one in single]) for name in single[0])
    assert np.sqrt(np.mean(ours)) < 1.02 * np.sqrt(best)
    assert abs(np.mean(held) - 0.9) < (0.05 if at_random else 0.03)


def test_the_report_says_how_columns_are_filled():
    frame, _ = mixed()
    imputer = AutoImputer(random_state=0, n_repeats=3).fit(frame)
    report = imputer.report_.set_index("column")
    assert list(report.index) == list(frame.columns)
    assert report.rmse["double"] < 1.0
    assert report.error_rate["side"] < 0.2
    assert report[["rmse", "error_rate"]].notna().sum(axis=1).eq(1).all()
    assert np.isnan(report.coverage["side"])
    assert 0.5 < report.coverage["double"] <= 1
    assert (report.n_hidden > 0).all()
    errors = imputer.errors_.set_index("column")
    assert {"mean", "knn", "iterative", "soft", "trees", "forest"} <= set(errors.columns)
    assert errors.loc["double", "iterative"] < errors.loc["double", "mean"]
    assert set(imputer.imputers_) <= set(errors.columns)


@pytest.mark.parametrize(
    "make", [lambda f: f, pl.from_pandas, lambda f: pl.from_pandas(f).to_arrow()]
)
def test_every_column_keeps_its_type_and_observed_cells_their_values(make):
    frame, truth = mixed()
    given = make(frame)
    imputer = AutoImputer(QUICK, random_state=0, n_repeats=2).fit(given)
    out, std = imputer.transform(given, return_std=True)
    assert type(out) is type(given)
    if isinstance(given, pd.DataFrame):
        assert out.index.equals(frame.index)
        assert list(out.dtypes) == list(frame.dtypes)
        plain = out
    else:
        kept = out.schema if isinstance(given, pl.DataFrame) else out.schema.types
        assert kept == (given.schema if isinstance(given, pl.DataFrame) else given.schema.types)
        plain = (out if isinstance(out, pl.DataFrame) else pl.from_arrow(out)).to_pandas()
    gone = frame.isna().to_numpy()
    assert not plain.isna().to_numpy().any()
    for j, name in enumerate(frame.columns):
        seen = ~gone[:, j]
        want = truth[name].astype(object).to_numpy()[seen]
        assert (plain[name].astype(object).to_numpy()[seen] == want).all(), name
    assert (std[gone] > 0).all()
    assert (std[~gone] == 0).all()
    side = (plain.side.to_numpy() == truth.side.to_numpy())[gone[:, 3]]
    assert side.mean() > 0.8
    days = (plain.day.to_numpy() - truth.day.to_numpy())[gone[:, 6]]
    assert np.median(np.abs(days)) < np.timedelta64(10, "D")


def test_intervals_hold_the_value_and_leave_the_rest_alone():
    frame, truth = mixed(1500)
    imputer = AutoImputer(QUICK, random_state=0).fit(frame)
    low, high = imputer.interval(frame)
    for name in ("double", "count", "day", "noise"):
        gone = frame[name].isna().to_numpy()
        inside = ((low[name] <= truth[name]) & (truth[name] <= high[name])).to_numpy(dtype=bool)
        assert inside[~gone].all()
        # Whole numbers and days are rounded to the nearest: more of them are hit.
        assert -0.08 < inside[gone].mean() - 0.9 < (0.06 if name in ("double", "noise") else 0.1)
    assert low.side.isna().equals(frame.side.isna())


def test_the_uncertainty_of_a_cell_is_its_own():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(2000, 1))
    wild = np.abs(x[:, 0]) > 1
    y = x[:, 0] ** 2 + np.where(wild, 1.5, 0.1) * rng.normal(size=2000)
    truth = np.column_stack([x, y, x + rng.normal(size=(2000, 1)) / 5])
    X, gone = punched(truth, 0)
    imputer = AutoImputer(QUICK, random_state=0).fit(X)
    filled, std = imputer.transform(X, return_std=True)
    cells = gone[:, 1]
    gap = np.abs(filled - truth)[cells, 1]
    assert np.corrcoef(gap, std[cells, 1])[0, 1] > 0.2
    assert std[cells & wild, 1].mean() > 1.3 * std[cells & ~wild, 1].mean()
    assert 0.8 < np.sqrt(np.mean(gap**2) / np.mean(std[cells, 1] ** 2)) < 1.25


def test_the_same_results_on_any_number_of_threads_and_by_batches():
    frame, _ = mixed()
    one, two = (AutoImputer(random_state=0, n_repeats=1, n_jobs=n).fit(frame) for n in (1, 2))
    whole = one.transform(frame)
    pd.testing.assert_frame_equal(whole, two.transform(frame))
    pd.testing.assert_frame_equal(one.report_, two.report_)
    parts = [one.transform(frame.iloc[i : i + 50]) for i in range(0, 300, 50)]
    pd.testing.assert_frame_equal(pd.concat(parts), whole, check_categorical=False)
    other = AutoImputer(QUICK, random_state=1, n_repeats=1).fit(frame)
    assert not other.report_.equals(one.report_)


def test_new_rows_unknown_categories_and_gaps_where_there_were_none():
    frame, truth = mixed()
    frame["x"] = truth.x
    imputer = AutoImputer(random_state=0, n_repeats=2).fit(frame)
    new = truth.iloc[:5].copy()
    new["side"] = ["left", "right", "behind", None, "left"]
    new.loc[new.index[1], "x"] = np.nan
    new.iloc[4] = None
    out = imputer.transform(new)
    assert out.side.iloc[2] == "behind"
    assert not out.isna().to_numpy().any()
    assert abs(out.x.iloc[1] - truth.x.iloc[1]) < 0.5


def test_empty_columns():
    frame, _ = mixed(80)
    frame["none"] = np.nan
    imputer = AutoImputer(random_state=0, n_repeats=2).fit(frame)
    with pytest.warns(UserWarning, match=r"without any observed values: \['none'\]"):
        out, std = imputer.transform(frame, return_std=True)
    assert "none" not in out.columns
    assert std.shape == out.shape
    assert list(imputer.get_feature_names_out()) == list(out.columns)
    kept = AutoImputer(random_state=0, n_repeats=2, keep_empty_features=True).fit(frame)
    assert (kept.transform(frame)["none"] == 0).all()


@pytest.mark.parametrize(
    "X",
    [
        np.array([[1.0, np.nan]]),
        np.array([[1.0], [np.nan], [3.0]]),
        np.ones((6, 3)),
        np.full((4, 2), 7.0),
        np.array([[1e15, np.nan, -0.0], [1e15 + 1, 2.0, 0.0], [np.nan, 5.0, 0.0]]),
        np.array([["a", None], [None, "b"], ["a", "b"]], dtype=object),
        np.array([[2**60, 1], [2**60 + 1, 2], [2**60 + 2, 3]]),
    ],
    ids=["one row", "one column", "constant", "whole", "large", "text", "large whole"],
)
def test_odd_tables(X):
    imputer = AutoImputer(random_state=0, keep_empty_features=True).fit(X)
    out = imputer.transform(X)
    gone = pd.isna(X)
    assert (out[~gone] == X[~gone]).all()
    assert not pd.isna(out[:, ~gone.all(axis=0)]).any()
    imputer.interval(X)
    assert len(imputer.report_) == X.shape[1]


def test_input_is_not_written_to_and_float32_stays():
    X = punched(load_diabetes().data, 0)[0].astype(np.float32)
    before = X.copy()
    X.setflags(write=False)
    out = AutoImputer(["mean", "soft"], random_state=0).fit(X).transform(X)
    assert out.dtype == np.float32
    np.testing.assert_array_equal(X, before)
    strided = np.asfortranarray(np.hstack([X, X]))[:, :10]
    again = AutoImputer(["mean", "soft"], random_state=0).fit(strided).transform(strided)
    np.testing.assert_allclose(again, out, rtol=1e-5)


def test_methods_of_ones_own_and_one_method_a_column():
    X, _ = punched(load_diabetes().data, 0)
    mine = {"near": AnyKNN(keep_empty_features=True), "plain": SimpleImputer()}
    imputer = AutoImputer(mine, blend=False, random_state=0).fit(X)
    assert set(imputer.report_.method) <= {"near", "plain"}
    only = AutoImputer(["mean"], random_state=0).fit(X)
    want = SimpleImputer().fit_transform(X)
    np.testing.assert_allclose(only.transform(X), want)


def test_a_long_table_is_compared_on_some_rows_only():
    rng = np.random.default_rng(0)
    truth = rng.normal(size=(20_000, 2)) @ rng.normal(size=(2, 6))
    X, gone = punched(truth, 0, 0.1)
    imputer = AutoImputer(["mean", "soft"], max_rows=500, random_state=0).fit(X)
    assert imputer.report_.n_hidden.sum() < 3500
    gap = np.abs(imputer.transform(X) - truth)[gone]
    assert np.median(gap) < 0.5


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"methods": []}, "methods"),
        ({"methods": "mean"}, "methods"),
        ({"methods": ["magic"]}, "methods must be out of"),
        ({"methods": {"mine": 3}}, "fit and transform"),
        ({"n_repeats": 0}, "n_repeats"),
        ({"max_rows": 2}, "max_rows"),
        ({"blend": "no"}, "blend"),
    ],
)
def test_bad_parameters_are_refused(options, says):
    with pytest.raises(ParameterError, match=says):
        AutoImputer(**options).fit(np.eye(3))


def test_what_cannot_be_imputed_is_refused_by_column():
    frame, _ = mixed(20)
    frame.loc[frame.index[3], "double"] = np.inf
    with pytest.raises(DataError, match="infinity in column 'double', row 3"):
        AutoImputer().fit(frame)


def test_saved_loaded_pickled_and_cloned(tmp_path):
    frame, _ = mixed()
    imputer = AutoImputer(QUICK, random_state=0, n_repeats=2).fit(frame)
    want, std = imputer.transform(frame, return_std=True)
    for again in (
        tamis.load(tamis.save(imputer, tmp_path / "auto.tamis")),
        pickle.loads(pickle.dumps(imputer)),
    ):
        out, spread = again.transform(frame, return_std=True)
        pd.testing.assert_frame_equal(out, want)
        np.testing.assert_array_equal(spread, std)
        pd.testing.assert_frame_equal(again.report_, imputer.report_)
    assert clone(imputer).n_repeats == 2


def test_contract():
    check_estimator(AutoImputer(["mean", "iterative"], n_repeats=1, random_state=0), on_skip=None)


# --- the parts ---------------------------------------------------------------------------------


def test_hidden_cells_stand_where_cells_are_missing():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(4000, 4))
    gaps = np.zeros((4000, 4), dtype=bool)
    gaps[:, 1] = rng.random(4000) < 1 / (1 + np.exp(1.5 - 1.5 * x[:, 0]))
    gaps[:, 2] = gaps[:, 1] ^ (rng.random(4000) < 0.01)  # nearly always with the one before
    scaled = np.where(gaps, 0, x)
    hidden = sum(
        hide(gaps, scaled, np.arange(4), np.random.default_rng(s)).astype(int) for s in range(20)
    )
    assert not (gaps & (hidden > 0)).any()
    where = np.average(x[:, 0], weights=hidden[:, 1])
    assert abs(where - x[gaps[:, 1], 0].mean()) < 0.25
    assert x[~gaps[:, 1], 0].mean() < 0
    one = hide(gaps, scaled, np.arange(4), np.random.default_rng(0))
    assert (one[:, 1] & one[:, 2]).sum() > 0.9 * one[:, 1].sum()
    assert (one[:, 0] & one[:, 3]).sum() <= 2
    assert one[:, 3].sum() > 10
    assert one.sum() < 0.1 * (~gaps).sum()


def test_a_blend_beats_its_parts_and_weak_evidence_follows_the_rest():
    rng = np.random.default_rng(0)

    def cells(n, noise):
        truth = rng.normal(size=(n, 1))
        said = np.stack([truth + s * rng.normal(size=(n, 1)) for s in noise])
        return Cells(truth, said, rng.integers(3, size=n), np.zeros((n, 2)))

    many = [cells(400, (1.0, 1.0, 3.0)) for _ in range(5)]
    weights = choose(many, 3, blend=True).weights
    np.testing.assert_allclose(weights.sum(axis=1), 1)
    assert (np.abs(weights[:, :2] - 0.5) < 0.12).all()
    assert (weights[:, 2] <= 0.12).all()
    alone = choose(many, 3, blend=False).weights
    assert ((alone == 1).sum(axis=1) == 1).all()
    clear = [cells(400, (0.5, 1.0)) for _ in range(5)] + [cells(3, (1.2, 1.0))]
    assert choose(clear, 3, blend=False).weights[5, 0] == 1


def test_tails_cover_what_they_are_to_cover():
    rng = np.random.default_rng(0)
    apart = [rng.uniform(0.2, 3, 1000) for _ in range(4)]
    traits = [np.column_stack([a, rng.normal(size=(1000, 3))]) for a in apart]
    gaps = [(j + 1) * a * rng.standard_t(4, 1000) for j, a in enumerate(apart)]
    spread = Spread.fit(gaps, traits, 0.9)
    for j in range(4):
        a = rng.uniform(0.2, 3, 5000)
        scale = spread.of(j, np.column_stack([a, rng.normal(size=(5000, 3))]))
        ratio = (j + 1) * a * rng.standard_t(4, 5000) / scale
        held = (ratio >= spread.low[j]) & (ratio <= spread.high[j])
        assert abs(held.mean() - 0.9) < 0.03
        assert abs(held[a > 2].mean() - 0.9) < 0.05  # not by luck of the mixture
        assert abs(held[a < 1].mean() - 0.9) < 0.06


def test_a_column_that_is_nearly_constant_is_not_called_certain():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(500, 4))
    X[:, 0] = 0.0
    X[:4, 0] = 9.0
    X[:, 1] = 3.0
    X, gone = punched(X, 0)
    filled, std = AutoImputer(["mean", "soft"], random_state=0).fit(X).transform(X, return_std=True)
    usual = np.nanstd(X[:, 0])
    assert (std[gone[:, 0], 0] > 0.2 * usual).all()
    np.testing.assert_allclose(filled[:, 1], 3.0)
