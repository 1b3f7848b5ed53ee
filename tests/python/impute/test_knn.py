"""KNNImputer against scikit-learn's, and on hostile input."""

import pickle
import threading
import time
import tracemalloc

import numpy as np
import pandas as pd
import polars as pl
import pytest
import sklearn.impute
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.utils.estimator_checks import check_estimator

from tamis import _core
from tamis.exceptions import DataError, ParameterError, StoppedError
from tamis.impute import KNNImputer


def holed(n, p, seed=0, share=0.2, dtype=np.float64):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, p)) @ rng.normal(size=(p, p))
    X[rng.random(X.shape) < share] = np.nan
    return X.astype(dtype)


def squared(distances):
    return 1.0 / (1.0 + distances**2)


def test_check_estimator():
    check_estimator(KNNImputer(), on_skip=None)


@given(
    st.integers(1, 40),
    st.integers(1, 25),
    st.integers(1, 7),
    st.integers(0, 2**32 - 1),
    st.sampled_from([0.05, 0.3, 0.7]),
    st.integers(1, 12),
    st.sampled_from(["uniform", "distance", squared]),
    st.sampled_from([np.nan, -1]),
    st.booleans(),
)
@pytest.mark.filterwarnings("ignore:Skipping features")
def test_same_as_scikit_learn(n, m, p, seed, share, k, weights, marker, keep):
    fit, X = holed(n, p, seed, share), holed(m, p, seed + 1, share)
    fit[np.isnan(fit)] = X[np.isnan(X)] = marker
    how = {
        "n_neighbors": k,
        "weights": weights,
        "missing_values": marker,
        "keep_empty_features": keep,
        "add_indicator": True,
    }
    ours = KNNImputer(**how).fit(fit)
    theirs = sklearn.impute.KNNImputer(**how).fit(fit)
    before = X.copy()
    assert_allclose(ours.transform(X), theirs.transform(X), rtol=1e-9, atol=1e-9)
    assert_array_equal(X, before)
    if not keep:  # scikit-learn leaves out the names of empty columns that it keeps
        assert_array_equal(ours.get_feature_names_out(), theirs.get_feature_names_out())
    assert len(ours.get_feature_names_out()) == ours.transform(X).shape[1]


@pytest.mark.parametrize("weights", ["uniform", "distance"])
def test_same_as_scikit_learn_on_a_larger_table(weights):
    X = holed(1500, 12, share=0.1)
    ours = KNNImputer(weights=weights).fit_transform(X)
    assert_allclose(ours, sklearn.impute.KNNImputer(weights=weights).fit_transform(X), atol=1e-9)


@pytest.mark.parametrize("weights", ["uniform", "distance", squared])
def test_a_metric_of_the_callers_own(weights):
    def cityblock(x, y, *, missing_values=np.nan):
        both = ~np.isnan(x) & ~np.isnan(y)
        return np.abs(x - y)[both].sum() if both.any() else np.nan

    X = holed(40, 4)
    how = {"metric": cityblock, "weights": weights, "n_neighbors": 3}
    assert_allclose(
        KNNImputer(**how).fit_transform(X), sklearn.impute.KNNImputer(**how).fit_transform(X)
    )


def test_more_cells_than_a_chunk_with_callable_weights():
    X = holed(5000, 3, share=0.3)
    weighed = KNNImputer(weights=np.ones_like).fit_transform(X)
    assert_allclose(weighed, KNNImputer().fit_transform(X), atol=1e-12)


def test_float32_is_kept():
    X = holed(300, 6, dtype=np.float32)
    ours = KNNImputer().fit_transform(X)
    assert ours.dtype == np.float32
    assert_allclose(ours, sklearn.impute.KNNImputer().fit_transform(X), rtol=1e-5, atol=1e-5)
    mixed = KNNImputer().fit(X).transform(X[:9].astype(np.float64))
    assert_allclose(mixed, ours[:9], rtol=1e-6)


def test_ties_go_to_the_earlier_row():
    X = np.array([[0.0, np.nan], [0.0, 1.0], [0.0, 2.0], [0.0, 3.0]])
    assert KNNImputer(n_neighbors=2).fit_transform(X)[0, 1] == 1.5


def test_any_layout_and_number_of_threads_gives_the_same_bits():
    X = holed(700, 9)
    want = KNNImputer(weights="distance", n_jobs=1).fit_transform(X)
    for n_jobs in (2, 3):
        assert KNNImputer(weights="distance", n_jobs=n_jobs).fit_transform(X).tobytes() == (
            want.tobytes()
        )
    frozen = np.asfortranarray(X)
    frozen.flags.writeable = False
    assert_array_equal(KNNImputer(weights="distance").fit_transform(frozen), want)
    wide = np.empty((700, 18))
    wide[:, ::2] = X
    assert_array_equal(KNNImputer(weights="distance").fit_transform(wide[:, ::2]), want)


def test_rows_without_a_shared_feature_get_the_column_mean():
    fit = np.array([[1.0, np.nan], [3.0, np.nan], [np.nan, 10.0]])
    assert_array_equal(KNNImputer().fit(fit).transform([[np.nan, 4.0]]), [[2.0, 4.0]])
    assert_array_equal(KNNImputer().fit(fit).transform([[np.nan, np.nan]]), [[2.0, 10.0]])


def test_columns_without_values():
    X = pd.DataFrame({"a": [1.0, np.nan, 3.0], "gone": np.nan, "b": [1.0, 2.0, 3.0]})
    with pytest.warns(UserWarning, match=r"Skipping features.*\['gone'\]"):
        assert KNNImputer().fit_transform(X).shape == (3, 2)
    kept = KNNImputer(keep_empty_features=True).set_output(transform="pandas").fit_transform(X)
    assert list(kept.columns) == ["a", "gone", "b"]
    assert kept["gone"].tolist() == [0, 0, 0]


def test_polars_frames():
    frame = pl.DataFrame({"a": [1.0, None, 3.0], "b": [1, 2, None]})
    assert_array_equal(KNNImputer(n_neighbors=1).fit_transform(frame), [[1, 1], [1, 2], [3, 1]])


def test_infinity_and_text_are_refused():
    frame = pd.DataFrame({"a": [1.0, 2.0], "b": [1.0, float("-inf")]})
    with pytest.raises(DataError, match="infinity in column 'b', row 1"):
        KNNImputer().fit(frame)
    with pytest.raises(ValueError, match="could not convert"):
        KNNImputer().fit([["x"], ["y"]])


@pytest.mark.parametrize(
    "how",
    [
        {"n_neighbors": 0},
        {"n_neighbors": 2.5},
        {"weights": "near"},
        {"metric": "cosine"},
        {"copy": None},
    ],
)
def test_bad_parameters(how):
    with pytest.raises(ParameterError, match=next(iter(how))):
        KNNImputer(**how).fit([[1.0], [2.0]])


def test_pickle_and_one_row():
    X = holed(60, 4)
    imputer = KNNImputer().fit(X)
    again = pickle.loads(pickle.dumps(imputer))
    assert_array_equal(again.transform(X), imputer.transform(X))
    assert_array_equal(KNNImputer().fit_transform([[1.0, 2.0]]), [[1.0, 2.0]])


def test_memory_stays_far_below_all_distances():
    X = holed(4000, 8, share=0.2)
    tracemalloc.start()
    KNNImputer(weights=squared).fit_transform(X)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 4000 * 4000 * 8 / 10


def test_a_stopped_search_ends_at_once():
    X = holed(20_000, 30, share=0.1)
    scope = _core.Scope()
    seen = []

    def work():
        with scope:
            try:
                _core.knn_impute(X, X, 5, "uniform")
            except StoppedError:
                seen.append(time.perf_counter())

    thread = threading.Thread(target=work)
    thread.start()
    time.sleep(0.3)
    asked = time.perf_counter()
    scope.stop()
    thread.join()
    assert len(seen) == 1
    assert seen[0] - asked < 0.5


def test_kernels_refuse_what_does_not_fit():
    two, three = np.zeros((2, 2)), np.zeros((2, 3))
    with pytest.raises(ValueError, match="columns"):
        _core.knn_impute(two, three, 5, "uniform")
    with pytest.raises(ValueError, match="precision"):
        _core.knn_impute(two, two.astype(np.float32), 5, "uniform")
    with pytest.raises(ParameterError, match="n_neighbors"):
        _core.knn_impute(two, two, 0, "uniform")
    with pytest.raises(ParameterError, match="weights"):
        _core.knn_impute(two, two, 1, "near")
