"""IQRDetector and MADDetector: bounds, signs, missing values, columns without spread."""

import pickle

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.testing import assert_allclose, assert_array_equal
from scipy import stats
from sklearn.base import clone
from sklearn.utils.estimator_checks import check_estimator

from tamis import _core
from tamis.exceptions import ColumnTypeError, DataError, ParameterError
from tamis.outlier import IQRDetector, MADDetector, ZScoreDetector

DETECTORS = [IQRDetector(), MADDetector(), ZScoreDetector(), IQRDetector("auto")]
TABLES = hnp.arrays(
    st.sampled_from([np.float64, np.float32]),
    hnp.array_shapes(min_dims=2, max_dims=2, min_side=1, max_side=30),
    elements=st.one_of(
        st.just(np.nan), st.sampled_from([0.0, 1.0, 5.0]), st.floats(-1e6, 1e6, width=32)
    ),
)


@pytest.mark.parametrize("detector", [IQRDetector(0.2), MADDetector(1.0), ZScoreDetector(1.0)])
def test_check_estimator(detector):
    check_estimator(detector, on_skip=None)


@pytest.mark.parametrize("detector", DETECTORS)
def test_check_estimator_with_the_defaults(detector):
    why = "wants an outlier among three blobs, where no cell is beyond the default bounds"
    unmet = {"check_outliers_fit_predict": why, "check_outliers_train": why}
    check_estimator(detector, expected_failed_checks=unmet, on_skip=None)


@given(st.integers(3, 60), st.integers(0, 2**32 - 1), st.floats(0.1, 5.0))
def test_bounds_are_those_of_numpy(n, seed, reach):
    X = np.random.default_rng(seed).normal(size=(n, 3))
    X[0, 1] = np.nan
    iqr = IQRDetector(reach).fit(X)
    low, high = np.nanquantile(X, [0.25, 0.75], axis=0)
    assert_allclose(iqr.lower_, low - reach * (high - low))
    assert_allclose(iqr.upper_, high + reach * (high - low))
    mad = MADDetector(reach).fit(X)
    center = np.nanmedian(X, axis=0)
    moments = ZScoreDetector(reach).fit(X)
    assert_allclose(moments.center_, np.nanmean(X, axis=0), atol=1e-12)
    assert_allclose(moments.scale_, np.nanstd(X, axis=0))
    scale = stats.median_abs_deviation(X, axis=0, scale="normal", nan_policy="omit")
    assert_allclose(mad.center_, center)
    assert_allclose(mad.upper_, center + reach * np.asarray(scale))


@given(TABLES, st.sampled_from(DETECTORS))
def test_signs_agree_with_the_bounds(X, detector):
    detector = clone(detector).fit(X)
    decision = detector.decision_function(X)
    outside = ((detector.lower_ > X) | (detector.upper_ < X)).any(axis=1)
    assert_array_equal(decision < 0, outside)
    assert_array_equal(detector.predict(X), np.where(outside, -1, 1))
    assert_array_equal(detector.fit_predict(X), detector.predict(X))
    assert_allclose(detector.score_samples(X) - detector.offset_, decision, atol=1e-12)
    assert (detector.score_samples(X) <= 0).all()
    alone = np.concatenate([detector.decision_function(row[None]) for row in X])
    assert_array_equal(alone, decision)


@given(TABLES, st.sampled_from(DETECTORS))
def test_shares_add_up(X, detector):
    shares = clone(detector).fit(X).explain(X)
    assert shares.shape == X.shape
    assert (shares[np.isnan(X)] == 0).all()
    total = shares.sum(axis=1)
    assert (np.isclose(total, 1) | (total == 0)).all()


def test_the_guilty_feature_has_the_share():
    X = np.random.default_rng(0).normal(size=(200, 4))
    X[7, 2] = 50.0
    detector = MADDetector().fit(X)
    assert detector.predict(X)[7] == -1
    assert detector.explain(X)[7].argmax() == 2
    assert detector.score_samples(X).argmin() == 7


@pytest.mark.parametrize("detector", DETECTORS)
def test_columns_without_spread(detector):
    constant = np.full((50, 1), 3.0)
    fitted = clone(detector).fit(constant)
    assert_array_equal(fitted.predict([[3.0], [4.0], [np.nan]]), [1, 1, 1])
    assert_array_equal(fitted.lower_, [-np.inf])
    empty = clone(detector).fit(np.full((5, 2), np.nan))
    assert_array_equal(empty.predict([[1.0, 2.0]]), [1])
    if detector.get_params().get("factor") == "auto":
        return  # of scores that are mostly equal no tail is fitted
    mostly = np.zeros((100, 1))
    mostly[:3] = 500.0  # neither quartile nor median deviation sees them
    assert_array_equal(np.flatnonzero(clone(detector).fit_predict(mostly) == -1), [0, 1, 2])


@pytest.mark.parametrize("detector", DETECTORS)
def test_threads_layouts_and_pickle(detector):
    X = np.random.default_rng(1).normal(size=(40_000, 11))
    X[X > 2] = np.nan
    want = clone(detector).set_params(n_jobs=1).fit(X)
    frozen = np.asfortranarray(X)
    frozen.flags.writeable = False
    for n_jobs, table in ((2, X), (3, frozen), (1, np.repeat(X, 2, axis=1)[:, ::2])):
        other = clone(detector).set_params(n_jobs=n_jobs).fit(table)
        assert_array_equal(other.lower_, want.lower_)
        assert_array_equal(other.decision_function(table), want.decision_function(X))
    again = pickle.loads(pickle.dumps(want))
    assert_array_equal(again.predict(X), want.predict(X))


@pytest.mark.parametrize("make", [pd.DataFrame, pl.DataFrame, pa.table])
def test_frames(make):
    frame = make({"a": [1.0, 2.0, 3.0, None, 90.0], "b": [1, 2, 3, 4, None]})
    assert_array_equal(IQRDetector().fit_predict(frame), [1, 1, 1, 1, -1])
    nullable = pd.DataFrame({"n": pd.array([1, 2, None, 3, 90], dtype="Int64")})
    assert_array_equal(MADDetector().fit_predict(nullable), [1, 1, 1, 1, -1])


@pytest.mark.parametrize("make", [pd.DataFrame, pl.DataFrame])
def test_a_column_that_is_not_of_numbers_is_named(make):
    with pytest.raises(DataError, match="in column 'town'"):
        IQRDetector().fit(make({"a": [1.0, 2.0], "town": ["x", "y"]}))
    times = pd.DataFrame({"a": [1.0, 2.0], "when": pd.to_datetime(["2026-01-01"] * 2)})
    with pytest.raises(ColumnTypeError, match="column 'when'"):
        IQRDetector().fit(times)


def test_infinity_empty_and_wrong_width():
    with pytest.raises(DataError, match="infinity in column 1, row 0"):
        MADDetector().fit([[1.0, np.inf], [1.0, 2.0]])
    with pytest.raises(ValueError, match="0 sample"):
        MADDetector().fit(np.empty((0, 3)))
    with pytest.raises(ValueError, match="features"):
        MADDetector().fit([[1.0, 2.0]]).predict([[1.0]])


@pytest.mark.parametrize("value", [0, -1, np.nan, np.inf, "1.5", None, True])
def test_bad_parameters(value):
    with pytest.raises(ParameterError, match="factor must be"):
        IQRDetector(value).fit([[1.0]])
    for cls in (MADDetector, ZScoreDetector):
        with pytest.raises(ParameterError, match="threshold must be"):
            cls(value).fit([[1.0]])


def test_kernels_refuse_what_does_not_fit():
    X = np.zeros((2, 2))
    with pytest.raises(ParameterError, match="no such rule"):
        _core.univariate_bounds(X, "sigma", 1.0)
    with pytest.raises(ValueError, match="bounds of 3"):
        _core.univariate_decide(X, np.zeros((4, 3)), 1.0)
    with pytest.raises(ValueError, match="bounds of 3"):
        _core.univariate_shares(X, np.zeros((4, 3)))


@pytest.mark.parametrize("cls", [IQRDetector, MADDetector, ZScoreDetector])
def test_auto_flags_few_clean_rows_and_what_is_far(cls):
    rng = np.random.default_rng(0)
    clean = (rng.normal(size=(2000, 30)), rng.uniform(size=(500, 3)), rng.lognormal(size=(900, 2)))
    for X in clean:
        assert (cls("auto").fit_predict(X) == -1).mean() <= 0.01
        X[:5, 1] = X[:, 1].max() * 999
        fitted = cls("auto").fit(X)
        assert (fitted.predict(X)[:5] == -1).all()
        assert fitted.offset_ < 0
