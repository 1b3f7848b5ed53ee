"""SoftImputer: soft-impute as it is written, low-rank tables, hostile input."""

import pickle
import signal
import subprocess
import sys
import time

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils.estimator_checks import check_estimator

import tamis
from tamis.exceptions import DataError, ParameterError
from tamis.impute import SimpleImputer, SoftImputer


def low_rank(n=200, p=12, rank=3, noise=0.1, share=0.2, seed=0):
    """Return a table with gaps, and the truth beside it."""
    rng = np.random.default_rng(seed)
    truth = rng.normal(size=(n, rank)) @ rng.normal(size=(rank, p))
    truth = 5 + np.arange(p) * (truth + noise * rng.normal(size=(n, p)))
    X = np.where(rng.random((n, p)) < share, np.nan, truth)
    return X, truth


def slow(X, share, rounds=4000):
    """Soft-impute by whole decompositions, on scaled columns."""
    mean, std = np.nanmean(X, axis=0), np.nanstd(X, axis=0)
    std = np.where(std <= 1e-12 * np.abs(mean), 1.0, std)
    Z = (X - mean) / std
    gaps = np.isnan(Z)
    filled = np.nan_to_num(Z)
    shrink = share * np.linalg.norm(filled, 2)
    for _ in range(rounds):
        u, d, v = np.linalg.svd(filled, full_matrices=False)
        said = (u * np.maximum(d - shrink, 0)) @ v
        filled = np.where(gaps, said, Z)
    return np.where(gaps, filled * std + mean, X)


@pytest.mark.parametrize("shape", [(60, 8), (8, 30), (20, 20)])
@pytest.mark.parametrize("share", [0.05, 0.3])
def test_it_is_soft_impute(shape, share):
    X, _ = low_rank(*shape)
    got = SoftImputer(shrinkage=share, tol=1e-9, max_iter=5000).fit_transform(X)
    np.testing.assert_allclose(got, slow(X, share), rtol=1e-5, atol=1e-5)


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 10**6), st.integers(2, 9), st.integers(1, 9), st.floats(0.02, 0.9))
def test_it_is_soft_impute_on_any_table(seed, n, p, share):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, p)).round(1)
    X[rng.random((n, p)) < 0.4] = np.nan
    X[0] = 1.0  # no column is empty
    got = SoftImputer(shrinkage=share, tol=1e-10, max_iter=20_000).fit_transform(X)
    np.testing.assert_allclose(got, slow(X, share), atol=1e-3)


def test_a_low_rank_is_found_and_new_rows_are_put_on_it():
    X, truth = low_rank(400, seed=1)
    gaps = np.isnan(X)
    imputer = SoftImputer(random_state=0).fit(X[:300])
    assert 0 < imputer.shrinkage_ < 0.2
    spread = truth.std(axis=0) + 1e-9
    plain = SimpleImputer(strategy="mean").fit(X[:300]).transform(X)
    for rows in (slice(0, 300), slice(300, 400)):
        error = ((imputer.transform(X) - truth) / spread)[rows][gaps[rows]]
        dull = ((plain - truth) / spread)[rows][gaps[rows]]
        assert np.sqrt(np.mean(error**2)) < 0.3 * np.sqrt(np.mean(dull**2))
    gram = imputer.components_ @ imputer.components_.T
    np.testing.assert_allclose(gram, np.eye(len(gram)), atol=1e-8)
    assert (np.diff(imputer.singular_values_) <= 0).all()


def test_max_rank_holds_and_pure_noise_is_the_mean():
    X, _ = low_rank()
    assert len(SoftImputer(max_rank=2, shrinkage=0.01).fit(X).singular_values_) == 2
    rng = np.random.default_rng(0)
    noise = np.where(rng.random((500, 10)) < 0.2, np.nan, rng.normal(size=(500, 10)))
    got = SoftImputer(random_state=0).fit_transform(noise)
    assert np.abs(got[np.isnan(noise)]).max() < 0.5


def test_the_same_bits_on_any_number_of_threads():
    X, _ = low_rank(3000, 20)
    one, two, three = (
        SoftImputer(random_state=0, n_jobs=n).fit_transform(X).tobytes() for n in (1, 2, 3)
    )
    assert one == two == three


def test_batches_of_rows_do_not_matter():
    X, _ = low_rank()
    imputer = SoftImputer(random_state=0).fit(X)
    parts = np.vstack([imputer.transform(X[i : i + 7]) for i in range(0, 200, 7)])
    np.testing.assert_array_equal(parts, imputer.transform(X))


def test_observed_cells_input_and_precision_stay():
    X = low_rank()[0].astype(np.float32)
    before = X.copy()
    X.setflags(write=False)
    got = SoftImputer(random_state=0).fit_transform(X)
    assert got.dtype == np.float32
    np.testing.assert_array_equal(X, before)
    np.testing.assert_array_equal(got[~np.isnan(X)], X[~np.isnan(X)])
    strided = np.asfortranarray(np.hstack([X, X])[:, :12])
    np.testing.assert_array_equal(SoftImputer(random_state=0).fit_transform(strided), got)


def test_a_marker_lists_and_frames():
    X, _ = low_rank(50)
    want = SoftImputer(random_state=0).fit_transform(X)
    marked = np.where(np.isnan(X), -1.0, X)
    got = SoftImputer(missing_values=-1, random_state=0).fit_transform(marked)
    np.testing.assert_array_equal(got, want)
    np.testing.assert_array_equal(SoftImputer(random_state=0).fit_transform(X.tolist()), want)
    names = [f"c{j}" for j in range(12)]
    for frame in (pd.DataFrame(X, columns=names), pl.DataFrame(X, schema=names, nan_to_null=True)):
        imputer = SoftImputer(random_state=0).fit(frame)
        np.testing.assert_allclose(imputer.transform(frame), want)
        assert list(imputer.get_feature_names_out()) == names


def test_empty_columns_indicators_and_gaps_that_come_later():
    X, _ = low_rank(80)
    X[:, 0] = np.nan_to_num(X[:, 0], nan=5.0)
    X[:, 3] = np.nan
    with pytest.warns(UserWarning, match=r"without any observed values: \[3\]"):
        out = SoftImputer(random_state=0).fit_transform(X)
    assert out.shape == (80, 11)
    imputer = SoftImputer(keep_empty_features=True, add_indicator=True, random_state=0).fit(X)
    out = imputer.transform(X)
    assert out.shape == (80, 12 + 11)
    assert (out[:, 3] == 0).all()
    new = X[:5].copy()
    new[:, 0] = np.nan
    new[4] = np.nan
    filled = imputer.transform(new)[:, :12]
    assert np.isfinite(filled).all()
    np.testing.assert_allclose(filled[4], np.where(np.arange(12) == 3, 0, imputer.mean_))


@pytest.mark.parametrize(
    "X",
    [
        np.ones((5, 3)),
        np.array([[1.0, np.nan, 3.0]]),
        np.array([[1.0], [np.nan], [3.0]]),
        np.array([[7.0, np.nan], [7.0, 1e-300], [np.nan, 2e-300]]),
        np.array([[1e15, np.nan, -0.0], [1e15 + 1, 2.0, 0.0], [np.nan, 5.0, 0.0]]),
    ],
    ids=["constant", "one row", "one column", "tiny", "large"],
)
def test_odd_tables(X):
    out = SoftImputer(random_state=0, keep_empty_features=True).fit_transform(X)
    assert np.isfinite(out).all()
    np.testing.assert_array_equal(out[~np.isnan(X)], X[~np.isnan(X)])


def test_a_table_of_nothing_but_gaps():
    X = np.full((4, 2), np.nan)
    out = SoftImputer(keep_empty_features=True).fit_transform(X)
    np.testing.assert_array_equal(out, np.zeros((4, 2)))


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"shrinkage": -0.1}, "shrinkage"),
        ({"shrinkage": 2}, "shrinkage"),
        ({"max_rank": 0}, "max_rank"),
        ({"max_iter": 1.5}, "max_iter"),
        ({"tol": -1.0}, "tol"),
        ({"add_indicator": "no"}, "add_indicator"),
    ],
)
def test_bad_parameters_are_refused(options, says):
    with pytest.raises(ParameterError, match=says):
        SoftImputer(**options).fit(np.eye(3))


def test_infinities_are_refused_by_column_and_text_too():
    frame = pd.DataFrame(low_rank(20)[0], columns=list("abcdefghijkl"))
    frame.loc[3, "d"] = np.inf
    with pytest.raises(DataError, match="infinity in column 'd', row 3"):
        SoftImputer().fit(frame)
    with pytest.raises(ValueError, match="could not convert"):
        SoftImputer().fit([["a", "b"]])


def test_too_few_rounds_are_told():
    with pytest.warns(ConvergenceWarning, match="did not settle in 1 round"):
        SoftImputer(shrinkage=0.01, max_iter=1).fit(low_rank()[0])


def test_saved_loaded_and_cloned(tmp_path):
    X, _ = low_rank()
    imputer = SoftImputer(random_state=0, add_indicator=True).fit(X)
    want = imputer.transform(X)
    again = tamis.load(tamis.save(imputer, tmp_path / "imputer.tamis"))
    np.testing.assert_array_equal(again.transform(X), want)
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(imputer)).transform(X), want)
    assert clone(imputer).add_indicator


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_contract():
    check_estimator(SoftImputer(n_jobs=1, random_state=0), on_skip=None)


@pytest.mark.slow
def test_ctrl_c_answers_within_half_a_second():
    code = (
        "import time\n"
        "import numpy as np\n"
        "from tamis.impute import SoftImputer\n"
        "rng = np.random.default_rng(0)\n"
        "X = rng.normal(size=(50_000, 60))\n"
        "X[rng.random(X.shape) < 0.3] = np.nan\n"
        "print('ready', flush=True)\n"
        "try:\n"
        "    SoftImputer(shrinkage=0.001, tol=0, max_iter=10**6).fit(X)\n"
        "except KeyboardInterrupt:\n"
        "    print(time.time(), flush=True)\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout.readline() == "ready\n"
    time.sleep(1.5)
    sent = time.time()
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=20)
    assert float(out) - sent < 0.5
    assert err == ""
