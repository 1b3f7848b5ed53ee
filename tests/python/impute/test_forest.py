"""Random forests that fill missing values: of any type, in the caller's container."""

import pickle
import threading
import time

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from sklearn.base import clone
from sklearn.utils.estimator_checks import check_estimator

import tamis
from tamis import _core
from tamis.exceptions import DataError, ParameterError, StateError, StoppedError
from tamis.impute import ForestImputer

FEW = {"n_estimators": 10, "random_state": 0, "n_jobs": 1}


def table(n=400, share=0.15, seed=0):
    """Return numbers of which some follow from others, not in a line, with holes; and the truth."""
    rng = np.random.default_rng(seed)
    a, b = rng.normal(size=(2, n))
    truth = np.column_stack([a, b, a * b, np.abs(a) - b, np.where(a > 0, b, -b)])
    truth += rng.normal(size=truth.shape) / 10
    return np.where(rng.random(truth.shape) < share, np.nan, truth), truth


def mixed(n=300, seed=0):
    """Return a pandas frame of many types without holes."""
    rng = np.random.default_rng(seed)
    size = rng.normal(size=n)
    kind = np.where(size > 0.5, "pot", np.where(size < -0.5, "cup", "bowl"))
    return pd.DataFrame(
        {
            "size": size + rng.normal(size=n) / 10,
            "kind": kind,
            "class": pd.Categorical(kind, categories=["pot", "none", "bowl", "cup"]),
            "count": pd.array(np.round(size * 10).astype(int), dtype="Int64"),
            "good": pd.array(size > 0, dtype="boolean"),
            "day": pd.Timestamp("2020-01-01") + pd.to_timedelta(np.round(size * 100), unit="D"),
            "small": (size * 2).astype(np.float32),
        }
    )


def holed(frame, share=0.1, seed=1):
    """Return a copy of a frame with holes, and where they are."""
    rng = np.random.default_rng(seed)
    mask = rng.random(frame.shape) < share
    return frame.mask(mask), mask


def rmse(got, truth, mask):
    return np.sqrt(np.mean((got - truth)[mask] ** 2))


def test_cells_are_far_better_than_means_and_the_error_is_known():
    X, truth = table()
    mask = np.isnan(X)
    imputer = ForestImputer(random_state=0, n_jobs=1)
    got = imputer.fit_transform(X)
    assert got.dtype == np.float64
    np.testing.assert_array_equal(got[~mask], X[~mask])
    means = np.broadcast_to(np.nanmean(X, axis=0), X.shape)
    assert rmse(got, truth, mask) < 0.65 * rmse(means, truth, mask)
    errors = [rmse(got[:, [j]], truth[:, [j]], mask[:, [j]]) for j in range(5)]
    assert abs(np.mean(imputer.oob_error_) / np.mean(errors) - 1) < 0.3
    assert 2 <= imputer.n_iter_ <= 10


def test_forests_agree_with_scikit_learns():
    from sklearn.ensemble import RandomForestRegressor

    X, truth = table(800, share=0.0)
    rows = np.arange(800) % 4 == 0
    holes = X.copy()
    holes[rows, 2] = np.nan
    got = ForestImputer(random_state=0, n_jobs=1, max_features=None).fit_transform(holes)
    others = [0, 1, 3, 4]
    peer = RandomForestRegressor(min_samples_leaf=5, random_state=0)
    said = peer.fit(X[~rows][:, others], X[~rows, 2]).predict(X[rows][:, others])
    ours, theirs = (np.sqrt(np.mean((v - truth[rows, 2]) ** 2)) for v in (got[rows, 2], said))
    assert abs(ours / theirs - 1) < 0.1


def test_every_type_is_imputed_as_what_it_is():
    truth = mixed()
    X, mask = holed(truth)
    before = X.copy()
    imputer = ForestImputer(**FEW).fit(X)
    got = imputer.transform(X)
    pd.testing.assert_frame_equal(X, before)
    assert got.dtypes.equals(X.dtypes)
    assert not got.isna().any(axis=None)
    pd.testing.assert_frame_equal(got.mask(mask), X)
    assert imputer.categorical_.tolist() == [False, True, True, False, True, False, False]
    for name in ("kind", "class", "good"):
        rows = mask[:, list(truth).index(name)]
        assert (got[name][rows] == truth[name][rows]).mean() > 0.8
    assert (imputer.oob_error_[imputer.categorical_] < 0.3).all()
    away = (got["day"] - truth["day"]).abs().dt.days
    assert away[mask[:, 5]].median() < 40
    pd.testing.assert_frame_equal(ForestImputer(**FEW).fit_transform(X), got)


@pytest.mark.parametrize("to", [pl.from_pandas, pa.Table.from_pandas])
def test_other_frames_come_back_as_they_are(to):
    X, _ = holed(mixed())
    frame = to(X)
    got = ForestImputer(**FEW).fit_transform(frame)
    assert type(got) is type(frame)
    assert got.schema == frame.schema
    expected = ForestImputer(**FEW).fit_transform(X)
    for name in ("kind", "count", "good"):
        column = got[name].to_pylist() if isinstance(got, pa.Table) else got[name].to_list()
        assert column == expected[name].tolist()


def test_arrays_lists_and_layouts():
    X, _ = table(120)
    want = ForestImputer(**FEW).fit_transform(X)
    wide = np.full((240, 10), np.nan)
    wide[::2, ::2] = X
    X.setflags(write=False)
    for same in (X, np.asfortranarray(X), wide[::2, ::2], X.tolist()):
        np.testing.assert_array_equal(ForestImputer(**FEW).fit_transform(same), want)
    single = ForestImputer(**FEW).fit_transform(X.astype(np.float32))
    assert single.dtype == np.float32
    np.testing.assert_allclose(single, want, atol=0.3)
    objects = np.array([["a", 1.0], [None, 1.0], ["b", 9.0], ["b", None]] * 9, dtype=object)
    got = ForestImputer(**FEW).fit_transform(objects)
    assert got[1, 0] == "a" and got[3, 1] > 5


def test_the_same_bits_on_any_number_of_threads_and_for_any_batch():
    X, _ = holed(mixed())
    fitted = [ForestImputer(**{**FEW, "n_jobs": n}).fit(X) for n in (1, 2, 3)]
    one, two, three = (imputer.transform(X) for imputer in fitted)
    pd.testing.assert_frame_equal(one, two)
    pd.testing.assert_frame_equal(one, three)
    np.testing.assert_array_equal(fitted[0].oob_error_, fitted[2].oob_error_)
    parts = pd.concat([fitted[1].transform(X[:7]), fitted[1].transform(X[7:])])
    pd.testing.assert_frame_equal(parts, one)
    pd.testing.assert_frame_equal(ForestImputer(**FEW).fit_transform(X), one)


def test_new_rows_missing_where_none_was_and_unknown_categories():
    X, truth = table()
    X[:, 0] = truth[:, 0]  # complete when fitting
    new, full = table(200, seed=5)
    imputer = ForestImputer(**FEW).fit(X)
    rows = np.isnan(new[:, 0])
    got = imputer.transform(new)
    assert rmse(got[rows, 0], full[rows, 0], slice(None)) < 0.8
    skipping = ForestImputer(skip_complete=True, **FEW).fit(X)
    np.testing.assert_allclose(skipping.transform(new)[rows, 0], X[:, 0].mean())
    assert np.isnan(skipping.oob_error_[0]) and not np.isnan(imputer.oob_error_).any()
    frame = mixed(100)
    imputer = ForestImputer(**FEW).fit(holed(frame)[0])
    frame = frame.astype({"kind": object})
    frame.loc[3, "kind"] = "lid"
    frame.loc[3, "size"] = np.nan
    got = imputer.transform(frame)
    assert got.loc[3, "kind"] == "lid" and np.isfinite(got.loc[3, "size"])
    assert len(imputer.transform(frame[:0])) == 0


def test_numbers_that_are_said_to_be_categories():
    rng = np.random.default_rng(0)
    code = rng.choice([10.0, 20.0, 70.0], size=300)
    X = np.column_stack([code, code == 20, rng.normal(size=300)])
    X[::9, 0] = np.nan
    for how in ([True, False, False], [0], [-3]):
        got = ForestImputer(categorical_features=how, **FEW).fit_transform(X)
        assert set(got[:, 0]) == {10.0, 20.0, 70.0}
        assert (got[::9, 0] == 20)[X[::9, 1] == 1].all()
    frame = pd.DataFrame(X, columns=["code", "is", "z"])
    imputer = ForestImputer(categorical_features=["code"], **FEW).fit(frame)
    assert set(imputer.transform(frame)["code"]) == {10.0, 20.0, 70.0}
    frame.loc[0:1, "code"] = [55.0, np.nan]  # 55 was not there: it stays
    assert imputer.transform(frame).loc[0, "code"] == 55
    for bad in (["size"], [3], [True]):
        with pytest.raises(ParameterError, match="categorical_features"):
            ForestImputer(categorical_features=bad, **FEW).fit(X)


def test_empty_columns_and_the_indicator():
    frame = pd.DataFrame(table(60)[0], columns=list("abcde"))
    frame["c"] = np.nan
    with pytest.warns(UserWarning, match="without any observed values: \\['c'\\]"):
        out = ForestImputer(add_indicator=True, **FEW).fit_transform(frame)
    flags = [f"missingindicator_{c}" for c in "abcde"]
    assert list(out.columns) == [*"abde", *flags]
    np.testing.assert_array_equal(out[flags].to_numpy() == 1, frame.isna().to_numpy())
    imputer = ForestImputer(keep_empty_features=True, **FEW).fit(frame)
    assert (imputer.transform(frame)["c"] == 0).all()
    assert imputer.get_feature_names_out().tolist() == list("abcde")
    with pytest.warns(UserWarning, match="without any observed"):
        array = ForestImputer(add_indicator=True, **FEW).fit_transform(frame.to_numpy())
    np.testing.assert_array_equal(array, out.to_numpy())


def test_small_and_odd_tables():
    assert ForestImputer(**FEW).fit_transform([[1.0, np.nan]] + [[2.0, 3.0]] * 3)[0, 1] == 3
    np.testing.assert_array_equal(ForestImputer(**FEW).fit_transform([[1.0], [3.0]]), [[1], [3]])
    one = ForestImputer(**FEW).fit_transform([[1.0], [np.nan], [1.0]])
    np.testing.assert_array_equal(one, np.ones((3, 1)))
    constant = np.where(np.eye(12, 3) == 1, np.nan, 7.0)
    np.testing.assert_array_equal(ForestImputer(**FEW).fit_transform(constant), np.full((12, 3), 7))
    huge = table(80)[0] * 1e300
    assert np.isfinite(ForestImputer(**FEW).fit_transform(huge)).all()
    with pytest.warns(UserWarning, match="without any"):
        assert ForestImputer(**FEW).fit_transform(np.full((3, 2), np.nan)).shape == (3, 0)


def test_a_marker_for_what_is_missing():
    X, _ = table(100)
    marked = np.where(np.isnan(X), -99, X)
    got = ForestImputer(missing_values=-99, **FEW).fit_transform(marked)
    np.testing.assert_array_equal(got, ForestImputer(**FEW).fit_transform(X))
    with pytest.raises(ParameterError, match="for arrays"):
        ForestImputer(missing_values=-99, **FEW).fit(pd.DataFrame(marked))


def test_saved_pickled_and_cloned(tmp_path):
    X, _ = holed(mixed(120))
    imputer = ForestImputer(categorical_features=["count"], **FEW).fit(X)
    want = imputer.transform(X)
    pd.testing.assert_frame_equal(pickle.loads(pickle.dumps(imputer)).transform(X), want)
    again = tamis.load(tamis.save(imputer, tmp_path / "forest.tamis"))
    pd.testing.assert_frame_equal(again.transform(X), want)
    assert clone(imputer).get_params() == imputer.get_params()


def test_damaged_forests_are_refused():
    imputer = ForestImputer(**FEW).fit(table(60)[0])
    arrays = imputer._forests[0].forest.arrays()
    for name, harm in {
        "steps": lambda v: v + 1,
        "roots": lambda v: v + 10**6,
        "value": lambda v: v[:-1],
        "cuts": lambda v: v[::-1].copy(),
        "starts": lambda v: v - 1,
    }.items():
        with pytest.raises(StateError, match="damaged"):
            _core.Forest(**{**arrays, name: harm(arrays[name])})


@pytest.mark.parametrize(
    "options",
    [
        {"n_estimators": 0},
        {"max_iter": 0},
        {"max_features": "third"},
        {"max_features": 1.5},
        {"min_samples_leaf": 2.5},
        {"max_depth": 0},
        {"skip_complete": None},
    ],
    ids=str,
)
def test_bad_parameters_are_refused(options):
    with pytest.raises(ParameterError, match=next(iter(options))):
        ForestImputer(**options).fit(table(20)[0])


def test_bad_tables_are_refused():
    frame = pd.DataFrame(table(20)[0], columns=list("abcde"))
    frame.loc[3, "d"] = np.inf
    with pytest.raises(DataError, match="infinity in column 'd', row 3"):
        ForestImputer(**FEW).fit(frame)
    with pytest.raises(DataError, match="column 'x'"):
        ForestImputer(**FEW).fit(pd.DataFrame({"x": [[1], [2]]}))


def test_a_stopped_fit_ends_at_once():
    X, _ = table(20_000)
    scope, seen = _core.Scope(), []

    def work():
        with scope:
            try:
                ForestImputer(n_jobs=1).fit(X)
            except StoppedError:
                seen.append(time.perf_counter())

    thread = threading.Thread(target=work)
    thread.start()
    time.sleep(0.5)
    asked = time.perf_counter()
    scope.stop()
    thread.join()
    assert len(seen) == 1
    assert seen[0] - asked < 0.5


def test_contract():
    check_estimator(ForestImputer(n_estimators=3, max_iter=2, n_jobs=1), on_skip=None)
