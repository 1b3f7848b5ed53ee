"""ECOD, COPOD and HBOS: the papers' sums, missing values, alone and in a batch, thresholds."""

import pickle

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from scipy import stats
from sklearn.base import clone
from sklearn.metrics import roc_auc_score
from sklearn.utils.estimator_checks import check_estimator

import tamis
from tamis import _core
from tamis.exceptions import DataError, ParameterError, StateError
from tamis.outlier import COPOD, ECOD, HBOS

DETECTORS = [ECOD(), COPOD(), HBOS(), HBOS(n_bins=5)]


@pytest.mark.parametrize("detector", [ECOD(contamination=0.1), HBOS(contamination=0.1), COPOD()])
def test_check_estimator(detector):
    why = "with threshold='auto' three blobs have no outlier"
    unmet = {"check_outliers_fit_predict": why, "check_outliers_train": why}
    unmet = {} if detector.contamination else unmet
    check_estimator(detector, expected_failed_checks=unmet, on_skip=None)


def paper(fit, X):
    """Return ECOD's scores as the paper has them."""
    n = len(fit)
    share = np.stack([(fit[:, None] <= X).sum(axis=0), (fit[:, None] >= X).sum(axis=0)])
    left, right = -np.log(np.where(share > 0, share / n, 1 / (n + 1)))
    skewed = np.where(stats.skew(fit, axis=0) < 0, left, right)
    return np.max([left.sum(axis=1), right.sum(axis=1), skewed.sum(axis=1)], axis=0)


@given(st.integers(5, 80), st.integers(0, 2**32 - 1), st.integers(0, 1))
def test_scores_are_those_of_the_paper(n, seed, digits):
    rng = np.random.default_rng(seed)
    fit, X = np.round(rng.gumbel(size=(n, 3)), digits * 8), rng.normal(size=(40, 3)) * 3
    for detector in (ECOD(), COPOD()):
        detector.fit(fit)
        assert_allclose(-detector.scores_, paper(fit, fit), atol=1e-12)
        assert_allclose(-detector.score_samples(X), paper(fit, X), atol=1e-12)


def test_histograms_are_those_of_numpy():
    X = np.random.default_rng(0).normal(size=(500, 3))
    want = np.zeros(500)
    for column in X.T:
        counts, edges = np.histogram(column, 7)
        bins = np.clip(np.searchsorted(edges, column, side="right") - 1, 0, 6)
        want += np.log(counts.max() / counts[bins])
    assert_allclose(-HBOS(n_bins=7).fit(X).scores_, want)
    beyond = HBOS(n_bins=7).fit(X[:, :1]).score_samples([[99.0], [-99.0]])
    counts, _ = np.histogram(X[:, 0], 7)
    assert_allclose(-beyond, np.log(counts.max() / 0.5))


@pytest.mark.parametrize("detector", DETECTORS)
def test_alone_in_a_batch_threads_layouts_pickle_and_saved(detector, tmp_path):
    X = np.random.default_rng(1).normal(size=(40_000, 5))
    X[X > 2] = np.nan
    X[:, 4] = np.round(X[:, 4], 1)
    want = clone(detector).set_params(n_jobs=1).fit(X)
    assert_array_equal(want.scores_, want.score_samples(X))
    alone = np.concatenate([want.score_samples(X[i : i + 1]) for i in range(50)])
    assert_array_equal(alone, want.scores_[:50])
    frozen = np.asfortranarray(X)
    frozen.flags.writeable = False
    for n_jobs, table in ((2, X), (3, frozen), (1, np.repeat(X, 2, axis=1)[:, ::2])):
        other = clone(detector).set_params(n_jobs=n_jobs).fit(table)
        assert_array_equal(other.scores_, want.scores_)
        assert other.offset_ == want.offset_
    tamis.save(want, tmp_path / "detector.tamis")
    for again in (pickle.loads(pickle.dumps(want)), tamis.load(tmp_path / "detector.tamis")):
        assert_array_equal(again.score_samples(X), want.scores_)


@pytest.mark.parametrize("detector", DETECTORS)
def test_missing_cells_say_nothing_and_shares_add_up(detector):
    X = np.random.default_rng(2).normal(size=(300, 4))
    X[7, 2] = 30.0
    X[8] = np.nan
    X[9, 1] = np.nan
    detector = clone(detector).fit(X)
    assert detector.scores_[8] == 0
    shares = detector.explain(X)
    assert_allclose(shares.sum(axis=1), detector.scores_ < 0, atol=1e-12)
    assert shares[7].argmax() == 2 and shares[9, 1] == 0
    assert (shares >= 0).all()
    parts = -detector.scores_[:, None] * shares
    less = X.copy()
    less[20, 3] = np.nan
    if not isinstance(detector, ECOD):
        got = detector.score_samples(less)[20]
        assert_allclose(-got, -detector.scores_[20] - parts[20, 3])


@pytest.mark.parametrize("detector", DETECTORS)
def test_columns_without_spread(detector):
    for X in (np.full((30, 2), 5.0), np.full((30, 2), np.nan), np.full((1, 1), 2.0)):
        fitted = clone(detector).fit(X)
        assert_array_equal(fitted.scores_, 0)
        assert_array_equal(fitted.predict(X), 1)
        assert np.isfinite(fitted.score_samples([[9.0] * X.shape[1]])).all()


@pytest.mark.parametrize("detector", DETECTORS)
def test_contamination_thresholds_and_ties(detector):
    rng = np.random.default_rng(3)
    X = np.concatenate([rng.normal(size=(980, 6)), rng.uniform(-9, 9, size=(20, 6))])
    truth = np.arange(1000) >= 980
    auto = clone(detector).fit(X)
    assert roc_auc_score(truth, -auto.scores_) > 0.97
    flagged = auto.fit_predict(X) == -1
    assert flagged[~truth].mean() < 0.01
    if getattr(detector, "n_bins", None) != 5:
        assert flagged[truth].mean() > 0.2
    assert_array_equal(auto.predict(X) == -1, flagged)
    share = clone(detector).set_params(contamination=0.02).fit(X)
    assert (share.predict(X) == -1).sum() <= 20
    assert_allclose(share.offset_, np.percentile(share.scores_, 2))
    fixed = clone(detector).set_params(threshold=float(auto.scores_[5])).fit(X)
    assert fixed.predict(X)[5] == 1  # at the threshold exactly


@pytest.mark.parametrize("make", [pd.DataFrame, pl.DataFrame])
def test_frames_and_what_is_no_number(make):
    frame = make({"a": [1.0, 2.0, None, 4.0], "b": [1, 2, 3, 90]})
    assert_array_equal(ECOD().fit(frame).feature_names_in_, ["a", "b"])
    with pytest.raises(DataError, match="in column 1"):
        HBOS().fit([[1.0, "x"], [2.0, "y"]])
    with pytest.raises(DataError, match="infinity in column 1, row 0"):
        ECOD().fit([[1.0, np.inf], [1.0, 2.0]])


@pytest.mark.parametrize(
    "bad",
    [{"contamination": 0.7}, {"contamination": 0}, {"threshold": "high"}, {"threshold": np.inf}],
)
def test_bad_parameters(bad):
    with pytest.raises(ParameterError):
        ECOD(**bad).fit(np.eye(4))
    for bins in (0, 2.5, "many", True):
        with pytest.raises(ParameterError, match="n_bins"):
            HBOS(n_bins=bins).fit(np.eye(4))


def test_kernels_refuse_what_does_not_fit():
    with pytest.raises(StateError, match="order"):
        _core.Tails([np.array([2.0, 1.0])], [0.0])
    with pytest.raises(StateError, match="skewness"):
        _core.Tails([], [0.0])
    with pytest.raises(ValueError, match="distributions of 2"):
        _core.tails_fit(np.eye(2))[0].score(np.eye(3))
    ends = np.zeros(1)
    with pytest.raises(StateError, match="no bin"):
        _core.histogram_score(np.zeros((1, 1)), ends, ends, [np.zeros(1)])
