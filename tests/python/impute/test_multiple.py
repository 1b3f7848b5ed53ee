"""MultipleImputer: streams of their own, Rubin's rules by hand, and intervals that cover."""

import pickle

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import stats
from sklearn.base import clone
from sklearn.experimental import enable_iterative_imputer  # noqa: F401
from sklearn.impute import IterativeImputer as Theirs
from sklearn.utils.estimator_checks import check_estimator

import tamis
from tamis.exceptions import ColumnTypeError, DataError, ParameterError, ShapeError
from tamis.impute import IterativeImputer, KNNImputer, MultipleImputer

NAN = np.nan
pool = MultipleImputer.pool


def holed(n=60, seed=0):
    rng = np.random.default_rng(seed)
    a = rng.normal(size=n)
    frame = pd.DataFrame({
        "a": a, "b": 2 * a + rng.normal(size=n), "i": pd.Series(np.round(5 * a), dtype="Int64"),
        "c": pd.Categorical(np.where(a + rng.normal(size=n) > 0, "up", "down")),
    })  # fmt: skip
    for name in ("b", "i", "c"):
        frame.loc[rng.random(n) < 0.3, name] = None
    return frame


def few(**how):
    return IterativeImputer(sample_posterior=True, max_iter=2, **how)


# --- the tables --------------------------------------------------------------------------------


def test_check_estimator():
    a_list = "transform gives a list of tables, one for each draw"
    checks = (
        "check_transformer_general",
        "check_transformer_preserve_dtypes",
        "check_transformer_data_not_an_array",
        "check_methods_subset_invariance",
        "check_methods_sample_order_invariance",
        "check_transformers_unfitted_stateless",
    )
    check_estimator(
        MultipleImputer(2, imputer=few(), random_state=0),
        expected_failed_checks=dict.fromkeys(checks, a_list),
        on_skip=None,
        on_fail="raise",
    )  # fmt: skip


def test_tables_differ_where_cells_were_missing_and_only_there():
    frame = holed()
    before = frame.copy(deep=True)
    tables = MultipleImputer(4, imputer=few(), random_state=0).fit_transform(frame)
    pd.testing.assert_frame_equal(frame, before)
    assert len(tables) == 4
    gone = frame.isna()
    for table in tables:
        assert list(table.dtypes) == list(frame.dtypes)
        assert not table.isna().any(axis=None)
        for name in frame:
            assert (table.loc[~gone[name], name] == frame.loc[~gone[name], name]).all()
    values = np.array([t["b"][gone["b"]] for t in tables])
    assert (values.std(axis=0) > 0).all()
    assert len({tuple(t["c"][gone["c"]]) for t in tables}) == 4


def test_a_table_is_the_same_whatever_n_and_whenever_asked():
    frame = holed()
    two = MultipleImputer(2, imputer=few(), random_state=3)
    three = MultipleImputer(3, imputer=few(random_state=99), random_state=3).fit(frame)
    for one, other in zip(two.fit_transform(frame), three.fit_transform(frame), strict=False):
        pd.testing.assert_frame_equal(one, other)
    first, again = three.transform(frame), three.transform(frame)
    other = two.transform(frame)
    for k in range(2):
        pd.testing.assert_frame_equal(first[k], again[k])
        pd.testing.assert_frame_equal(first[k], other[k])
    assert (first[0]["b"] != first[1]["b"]).any()


@pytest.mark.parametrize("make", [pl.DataFrame, pa.table])
def test_other_containers(make):
    frame = make({"a": [1.0, 2, 3, None], "s": ["x", None, "y", "y"], "i": [1, None, 3, 4]})
    for table in MultipleImputer(2, imputer=few(), random_state=0).fit_transform(frame):
        assert type(table) is type(frame)
        assert table.schema == frame.schema


def test_arrays_keep_their_dtype():
    X = np.array([[1, 2], [3, NAN], [NAN, 5], [4, 9]], dtype=np.float32)
    tables = MultipleImputer(3, imputer=few(), random_state=0).fit_transform(X)
    assert {t.dtype for t in tables} == {np.dtype(np.float32)}
    assert_array_equal(tables[0][~np.isnan(X)], X[~np.isnan(X)])
    assert not np.isnan(tables[0]).any()


@pytest.mark.parametrize("imputer", [
    IterativeImputer(n_donors=5, max_iter=2),
    IterativeImputer("trees", sample_posterior=True, max_iter=2),
], ids=["donors", "trees"])  # fmt: skip
def test_donors_and_trees(imputer):
    frame = holed()
    made = MultipleImputer(2, imputer=imputer, random_state=0)
    for one, other in (made.fit_transform(frame), made.transform(frame)):
        assert list(one.dtypes) == list(frame.dtypes)
        assert not one.isna().any(axis=None)
        gone = frame["b"].isna()
        assert (one["b"] != other["b"])[gone].any()
        if imputer.n_donors:
            assert one["b"].isin(frame["b"].dropna()).all()
    pd.testing.assert_frame_equal(made.transform(frame)[0], made.transform(frame)[0])


def test_an_imputer_of_scikit_learn():
    frame = holed().drop(columns="c").assign(nothing=NAN)
    theirs = Theirs(sample_posterior=True, max_iter=1)
    imputer = MultipleImputer(2, imputer=theirs, random_state=0)
    with np.errstate(all="ignore"), pytest.warns(UserWarning, match="Skipping features"):
        tables = imputer.fit_transform(frame)
    assert list(tables[0].dtypes) == list(frame.dtypes)
    assert not tables[0].drop(columns="nothing").isna().any(axis=None)
    with pytest.raises(ColumnTypeError, match="column 'c' holds categories"):
        imputer.fit(holed())


@pytest.mark.parametrize(("how", "message"), [
    ({"n": 0}, "n must be a whole number of at least 1"),
    ({"n": 2.0}, "n must be"),
    ({"imputer": KNNImputer()}, "must draw from a random_state"),
    ({"imputer": IterativeImputer()}, "set sample_posterior=True"),
])  # fmt: skip
def test_parameters_are_checked(how, message):
    with pytest.raises(ParameterError, match=message):
        MultipleImputer(**how).fit([[1.0, 2.0], [NAN, 3.0]])


def test_errors_name_the_column():
    with pytest.raises(DataError, match="infinity in column 'a', row 1"):
        MultipleImputer(2).fit(pd.DataFrame({"a": [1.0, np.inf], "b": [1.0, 2.0]}))


def test_clone_pickle_and_save(tmp_path):
    frame = holed()
    imputer = MultipleImputer(2, imputer=few(), random_state=0).fit(frame)
    want = imputer.transform(frame)
    tamis.save(imputer, tmp_path / "multiple.tamis")
    for again in (
        pickle.loads(pickle.dumps(imputer)),
        tamis.load(tmp_path / "multiple.tamis"),
        clone(imputer).fit(frame),
    ):
        pd.testing.assert_frame_equal(again.transform(frame)[1], want[1])


# --- Rubin's rules -----------------------------------------------------------------------------


def test_by_hand():
    # Three estimates 1, 2, 3 (between 1), variances 0.5: total 0.5 + 4/3, df 2 (1 + 0.5/(4/3))^2.
    got = pool([1.0, 2.0, 3.0], [0.5, 0.5, 0.5])
    assert got.estimate == 2
    assert got.variance == pytest.approx(11 / 6)
    assert got.df == pytest.approx(2 * (1 + 0.375) ** 2)
    assert isinstance(got.df, float)
    # Barnard and Rubin with 20 degrees of freedom in the complete data.
    share = (4 / 3) / (11 / 6)
    observed = 21 / 23 * 20 * (1 - share)
    got = pool([1.0, 2.0, 3.0], [0.5, 0.5, 0.5], complete_df=20)
    assert got.df == pytest.approx(1 / (1 / 3.78125 + 1 / observed))
    assert got.df < 3.78125


def test_arrays_are_pooled_element_by_element():
    rng = np.random.default_rng(0)
    q, u = rng.normal(size=(5, 2, 3)), rng.random((5, 2, 3))
    got = pool(q, u, complete_df=50)
    assert got.estimate.shape == (2, 3)
    one = pool(q[:, 1, 2], u[:, 1, 2], complete_df=50)
    assert_allclose([part[1, 2] for part in got], one)


def test_limits():
    equal = pool([0.1, 0.1, 0.1], [0.2, 0.3, 0.4])
    assert equal.variance == pytest.approx(0.3)
    assert equal.df == np.inf
    assert pool([0.1] * 3, [0.3] * 3, complete_df=10).df == pytest.approx(11 / 13 * 10)
    nothing = pool([1.0, 2.0], [0.0, 0.0])
    assert nothing == (1.5, 0.75, 1.0)
    assert pool([1.0, 2.0], [0.0, 0.0], complete_df=9).df == 0
    assert pool([1.0, 1.0], [0.0, 0.0]) == (1.0, 0.0, np.inf)
    with pytest.warns(UserWarning, match="there is one table"):
        assert pool([3.0], [0.5]) == (3.0, 0.5, np.inf)
    many = pool(np.tile([1.0, 2.0], 5000), np.full(10_000, 0.5), complete_df=np.inf)
    assert many.variance == pytest.approx(0.75, rel=1e-3)


@pytest.mark.parametrize(("q", "u", "df"), [
    ([1.0, 2.0], [1.0], None), (3.0, 1.0, None), ([], [], None), ([1.0], [-1.0], None),
    ([1.0], [1.0], 0),
])  # fmt: skip
def test_what_cannot_be_pooled_is_refused(q, u, df):
    with pytest.raises((ShapeError, ParameterError)):
        pool(q, u, complete_df=df)


@pytest.mark.slow
def test_intervals_of_a_coefficient_cover_under_mar():
    rng = np.random.default_rng(20240501)
    n, hits, single = 100, [], []
    for run in range(100):
        x = rng.normal(size=n)
        z = 0.5 * x + rng.normal(size=n)
        y = 1 + x + z + rng.normal(size=n)
        gone = rng.random(n) < 1 / (1 + np.exp(-(y - 1)))  # z is missing more where y is high
        table = np.column_stack([x, np.where(gone, NAN, z), y])
        tables = MultipleImputer(
            5, imputer=IterativeImputer(sample_posterior=True, max_iter=2), random_state=run
        ).fit_transform(table)
        found = [slope(t) for t in tables]
        pooled = pool([f[0] for f in found], [f[1] for f in found], complete_df=n - 3)
        hits.append(inside(*pooled))
        mean = IterativeImputer().fit_transform(table)
        single.append(inside(*slope(mean), n - 3))
    assert 0.90 <= np.mean(hits) <= 0.99
    assert np.mean(single) < np.mean(hits)


def slope(table):
    """Return the second column's coefficient in a regression of the third, and its variance."""
    X = np.column_stack([np.ones(len(table)), table[:, :2]])
    coef, residual = np.linalg.lstsq(X, table[:, 2])[:2]
    variance = residual[0] / (len(X) - 3) * np.linalg.inv(X.T @ X)
    return coef[2], variance[2, 2]


def inside(estimate, variance, df, truth=1.0):
    return abs(estimate - truth) <= stats.t.ppf(0.975, df) * np.sqrt(variance)
