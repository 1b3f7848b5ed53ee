"""SimpleImputer against scikit-learn's, and on hostile input."""

import pickle

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
import sklearn.impute
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.utils.estimator_checks import check_estimator

from tamis import _core
from tamis.exceptions import DataError, ParameterError
from tamis.impute import SimpleImputer

NUMERIC = ["mean", "median", "most_frequent"]


def holed(n, p, seed=0, share=0.2, dtype=np.float64):
    rng = np.random.default_rng(seed)
    X = rng.integers(-5, 6, size=(n, p)).astype(dtype)
    X[rng.random(X.shape) < share] = np.nan
    return X


def test_check_estimator():
    check_estimator(SimpleImputer(), on_skip=None)


@given(
    hnp.arrays(
        st.sampled_from([np.float64, np.float32]),
        hnp.array_shapes(min_dims=2, max_dims=2, min_side=1, max_side=12),
        elements=st.sampled_from([-2.5, -0.0, 0.0, 1.0, 3.25, 7.0, np.nan]),
    ),
    st.sampled_from([*NUMERIC, "constant"]),
    st.booleans(),
    st.booleans(),
    st.sampled_from([np.nan, 7.0, 0]),
)
@pytest.mark.filterwarnings("ignore:Skipping features")
def test_same_as_scikit_learn(X, strategy, keep, indicate, marker):
    if not np.isnan(marker):
        X = np.nan_to_num(X, nan=-1.5)
    how = {
        "strategy": strategy,
        "keep_empty_features": keep,
        "add_indicator": indicate,
        "missing_values": marker,
    }
    ours, theirs = SimpleImputer(**how).fit(X), sklearn.impute.SimpleImputer(**how).fit(X)
    assert_allclose(
        ours.statistics_.astype(float), theirs.statistics_.astype(float), rtol=1e-6, atol=1e-6
    )
    before = X.copy()
    got, want = ours.transform(X), theirs.transform(X)
    assert_array_equal(X, before)
    assert_allclose(got, want, rtol=1e-6, atol=1e-6)
    assert got.dtype == want.dtype
    assert_array_equal(ours.get_feature_names_out(), theirs.get_feature_names_out())


def test_large_columns_have_numpys_median():
    X = holed(40_000, 9, share=0.1) + np.random.default_rng(1).normal(size=(40_000, 9))
    for layout in (X, np.asfortranarray(X), X[::2, ::2], X[:, ::-1]):
        ours = SimpleImputer(strategy="median").fit(layout)
        assert_array_equal(ours.statistics_, np.nanmedian(layout, axis=0))


def test_any_number_of_threads_gives_the_same_bits():
    X = np.random.default_rng(2).normal(size=(30_000, 21))
    X[X > 1.5] = np.nan
    for strategy in NUMERIC:
        runs = [SimpleImputer(strategy=strategy, n_jobs=n).fit_transform(X) for n in (1, 2, 3)]
        assert runs[0].tobytes() == runs[1].tobytes() == runs[2].tobytes()


def test_infinity_is_refused_with_column_and_row():
    frame = pd.DataFrame({"a": [1.0, 2.0], "b": [1.0, np.inf]})
    with pytest.raises(DataError, match="infinity in column 'b', row 1"):
        SimpleImputer().fit(frame)
    imputer = SimpleImputer().fit(frame[["a"]].rename(columns={"a": "b"}))
    with pytest.raises(DataError, match="infinity in column 'b', row 1"):
        imputer.transform(frame[["b"]])
    with pytest.raises(DataError, match="NaN in column 1, row 0"):
        SimpleImputer(missing_values=-1).fit([[1.0, np.nan], [2.0, 3.0]])
    with pytest.raises(DataError, match="NaN in column 0, row 1"):
        SimpleImputer(missing_values="?", strategy="most_frequent").fit(
            np.array([["a"], [np.nan]], dtype=object)
        )


def test_text_where_numbers_are_needed_names_the_column():
    frame = pd.DataFrame({"a": [1.0, 2.0], "town": ["x", "y"]})
    with pytest.raises(DataError, match=r"could not convert.*(\n.*)?in column 'town'"):
        SimpleImputer().fit(frame)


def test_columns_without_values_are_dropped_with_a_warning():
    X = pd.DataFrame({"a": [1.0, 2.0], "gone": [np.nan, np.nan]})
    imputer = SimpleImputer().fit(X)
    with pytest.warns(UserWarning, match=r"Skipping features.*\['gone'\]"):
        assert imputer.transform(X).shape == (2, 1)
    kept = SimpleImputer(keep_empty_features=True).fit_transform(X)
    assert_array_equal(kept[:, 1], 0)


def test_a_frame_comes_out_when_asked_for():
    X = pd.DataFrame({"a": [1.0, np.nan, 3.0], "b": [np.nan, 2.0, 2.0]}, index=[7, 8, 9])
    out = SimpleImputer(add_indicator=True).set_output(transform="pandas").fit_transform(X)
    assert list(out.columns) == ["a", "b", "missingindicator_a", "missingindicator_b"]
    assert list(out.index) == [7, 8, 9]
    assert out["a"].tolist() == [1.0, 2.0, 3.0]


@pytest.mark.parametrize("make", [pl.DataFrame, pa.table, pd.DataFrame])
def test_other_frames(make):
    got = SimpleImputer().fit_transform(make({"a": [1.0, None, 3.0], "b": [4, 5, None]}))
    assert_array_equal(got, [[1, 4], [2, 5], [3, 4.5]])


def test_strings_categories_and_nullable_columns():
    frame = pd.DataFrame(
        {
            "s": ["b", np.nan, "b", "a"],
            "c": pd.Categorical(["x", "y", None, "y"]),
        }
    )
    got = SimpleImputer(strategy="most_frequent").fit_transform(frame)
    assert got.tolist() == [["b", "x"], ["b", "y"], ["b", "y"], ["a", "y"]]
    whole = pd.DataFrame({"n": pd.array([1, None, 2, 2], dtype="Int64")})
    for marker in (np.nan, pd.NA):
        out = SimpleImputer(strategy="most_frequent", missing_values=marker).fit_transform(whole)
        assert_array_equal(out, [[1], [2], [2], [2]])
    texts = pd.DataFrame({"t": pd.array(["a", None], dtype="string")})
    out = SimpleImputer(strategy="most_frequent", missing_values=pd.NA, add_indicator=True)
    assert out.fit_transform(texts).tolist() == [["a", False], ["a", True]]


def test_whole_numbers_beyond_two_to_the_53():
    big = 2**53 + 1
    X = np.array([[big], [big], [-1], [5]])
    imputer = SimpleImputer(strategy="most_frequent", missing_values=-1)
    out = imputer.fit_transform(X)
    assert out.dtype == np.int64
    assert out.ravel().tolist() == [big, big, big, 5]
    unsigned = np.array([[2**64 - 1], [2**64 - 1], [0]], dtype=np.uint64)
    out = SimpleImputer(strategy="most_frequent", missing_values=0).fit_transform(unsigned)
    assert out.ravel().tolist() == [2**64 - 1] * 3


def test_datetimes_are_refused():
    frame = pd.DataFrame({"t": pd.to_datetime(["2026-01-01", None])})
    with pytest.raises((DataError, TypeError)):
        SimpleImputer(strategy="most_frequent").fit(frame.to_numpy())


@pytest.mark.parametrize("strategy", [*NUMERIC, "constant"])
def test_sparse_matrices_as_scikit_learn(strategy):
    from scipy import sparse

    X = sparse.random(60, 7, density=0.5, random_state=0, format="csc")
    X.data[::4] = np.nan
    how = {"strategy": strategy, "keep_empty_features": True}
    got = SimpleImputer(**how).fit_transform(X)
    want = sklearn.impute.SimpleImputer(**how).fit_transform(X)
    assert_allclose(got.toarray(), want.toarray())


def test_inverse_transform_puts_missing_cells_back():
    X = holed(50, 4)
    X[:, 2] = np.nan
    imputer = SimpleImputer(add_indicator=True)
    with pytest.warns(UserWarning, match="Skipping"):
        out = imputer.fit_transform(X)
    assert_array_equal(imputer.inverse_transform(out), X)
    texts = np.array([["a", np.nan], ["b", "c"]], dtype=object)
    imputer = SimpleImputer(strategy="most_frequent", add_indicator=True)
    back = imputer.inverse_transform(imputer.fit_transform(texts))
    assert back[0, 0] == "a" and np.isnan(back[0, 1]) and back[1].tolist() == ["b", "c"]
    with pytest.raises(ParameterError, match="add_indicator"):
        SimpleImputer().fit(X[:, :2]).inverse_transform(X[:, :2])


def test_copy_false_writes_in_place_and_read_only_input_is_copied():
    X = holed(30, 3)
    X[0] = 1.0
    frozen = X.copy()
    frozen.flags.writeable = False
    SimpleImputer().fit_transform(frozen)
    SimpleImputer(copy=False).fit_transform(X)
    assert not np.isnan(X).any()


def test_callable_strategy_one_row_and_pickle():
    X = holed(30, 3)
    imputer = SimpleImputer(strategy=np.max).fit(X)
    assert_array_equal(imputer.statistics_, np.nanmax(X, axis=0))
    again = pickle.loads(pickle.dumps(imputer))
    assert_array_equal(again.transform(X), imputer.transform(X))
    assert clone(imputer).strategy is np.max
    assert_array_equal(SimpleImputer().fit_transform([[1.0, 2.0]]), [[1.0, 2.0]])


@pytest.mark.parametrize(
    ("how", "match"),
    [
        ({"strategy": "best"}, "strategy must be"),
        ({"copy": "yes"}, "copy must be"),
        ({"add_indicator": 2}, "add_indicator must be"),
        ({"n_jobs": 0}, "n_jobs"),
        ({"strategy": "constant", "fill_value": "x"}, "cannot be cast"),
        ({"missing_values": "?"}, "both numerical"),
    ],
)
def test_bad_parameters(how, match):
    with pytest.raises(ValueError, match=match):
        SimpleImputer(**how).fit([[1.0], [2.0]])


def test_empty_input_and_wrong_width():
    with pytest.raises(ValueError, match="0 sample"):
        SimpleImputer().fit(np.empty((0, 2)))
    with pytest.raises(ValueError, match="features"):
        SimpleImputer().fit([[1.0, 2.0]]).transform([[1.0]])


def test_kernels_refuse_what_does_not_fit():
    with pytest.raises(ParameterError, match="no such statistic"):
        _core.column_statistics(np.zeros((2, 2)), "mode", np.nan)
    with pytest.raises(ValueError, match="values for 2 columns"):
        _core.fill_missing(np.zeros((2, 2)), np.zeros(3), np.nan)
