"""OutlierHandler: each action in each container, and only the methods it should have."""

import narwhals as nw
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.testing import assert_array_equal
from sklearn.base import clone
from sklearn.ensemble import IsolationForest
from sklearn.linear_model import LinearRegression
from sklearn.pipeline import make_pipeline
from sklearn.utils.estimator_checks import check_estimator

from tamis.exceptions import DataError, ParameterError
from tamis.outlier import (
    IQRDetector,
    KNNDetector,
    LocalOutlierFactor,
    MADDetector,
    OutlierHandler,
)

CELLS = {"a": [1.0, 2.0, 3.0, 4.0, 90.0], "n": [-70, 5, 6, 7, 8]}
MAKERS = [pd.DataFrame, pl.DataFrame, pa.table]


def column(frame, name):
    cells = nw.from_native(frame)[name].to_list()
    return [None if pd.isna(v) else v for v in cells]


@pytest.mark.parametrize("action", ["flag", "clip", "nan"])
def test_check_estimator(action):
    check_estimator(OutlierHandler(action=action), on_skip=None)


@pytest.mark.parametrize("make", MAKERS)
def test_flag(make):
    frame = make(CELLS)
    out = OutlierHandler().fit_transform(frame)
    assert type(out) is type(frame)
    assert column(out, "outlier") == [1, 0, 0, 0, 1]
    assert column(out, "n") == CELLS["n"]
    with pytest.raises(DataError, match="'outlier'"):
        OutlierHandler().fit_transform(out)


@pytest.mark.parametrize("make", MAKERS)
def test_clip_and_nan_keep_container_and_types(make):
    frame = make(CELLS)
    handler = OutlierHandler(IQRDetector(), action="clip").fit(frame)
    out = handler.transform(frame)
    assert type(out) is type(frame)
    assert column(out, "a") == [1.0, 2.0, 3.0, 4.0, 7.0]
    assert column(out, "n") == [2, 5, 6, 7, 8]
    assert all(isinstance(v, int) for v in column(out, "n"))
    assert column(frame, "a") == CELLS["a"]
    gone = OutlierHandler(MADDetector(), action="nan").fit_transform(frame)
    assert column(gone, "a") == [1.0, 2.0, 3.0, 4.0, None]
    assert column(gone, "n") == [None, 5.0, 6.0, 7.0, 8.0]


def test_index_and_narrow_dtypes_stay():
    frame = pd.DataFrame(
        {
            "f": np.array([1, 2, 3, 4, 90.1], dtype=np.float32),
            "i": pd.array([1, 2, 3, None, 90], dtype="Int16"),
        },
        index=list("vwxyz"),
    )
    handler = OutlierHandler(action="clip").fit(frame)
    out = handler.transform(frame)
    assert out.dtypes.astype(str).tolist() == ["float32", "Int16"]
    assert list(out.index) == list("vwxyz")
    assert (handler.detector_.predict(out) == 1).all()


@given(
    hnp.arrays(
        st.sampled_from([np.float64, np.float32]),
        hnp.array_shapes(min_dims=2, max_dims=2, min_side=1, max_side=25),
        elements=st.one_of(st.just(np.nan), st.floats(-1e5, 1e5, width=32)),
    )
)
def test_after_clipping_or_blanking_nothing_is_outside(X):
    before = X.copy()
    for action in ("clip", "nan"):
        handler = OutlierHandler(MADDetector(1.0), action=action).fit(X)
        out = handler.transform(X)
        assert out.dtype == X.dtype
        assert (handler.detector_.predict(out) == 1).all()
        inside = (handler.lower_ <= X) & (handler.upper_ >= X)
        assert_array_equal(out[inside], X[inside])
        frame = handler.fit(pd.DataFrame(X)).transform(pd.DataFrame(X))
        assert_array_equal(frame.to_numpy(), out)
    assert_array_equal(X, before)


@pytest.mark.parametrize("make", MAKERS)
def test_drop_keeps_vectors_aligned(make):
    frame = make(CELLS)
    y, weights = pd.Series(list("pqrst"), index=range(10, 15)), np.arange(5.0)
    handler = OutlierHandler(action="drop")
    X_out, y_out, rest = handler.fit_resample(frame, y, sample_weight=weights)
    assert type(X_out) is type(frame)
    assert column(X_out, "n") == [5, 6, 7]
    assert y_out.tolist() == ["q", "r", "s"] and y_out.index.tolist() == [11, 12, 13]
    assert_array_equal(rest["sample_weight"], [1, 2, 3])
    assert_array_equal(handler.sample_indices_, [1, 2, 3])


def test_each_action_has_its_methods_alone():
    drop = OutlierHandler(action="drop")
    assert hasattr(drop, "fit_resample")
    assert not hasattr(drop, "transform") and not hasattr(drop, "fit_transform")
    with pytest.raises(TypeError, match="transform"):
        make_pipeline(drop, LinearRegression()).fit(np.eye(4), np.arange(4))
    for action in ("flag", "clip", "nan"):
        handler = OutlierHandler(action=action)
        assert hasattr(handler, "transform") and not hasattr(handler, "fit_resample")
    assert clone(drop).action == "drop"


def test_any_detector_flags_and_drops_but_clipping_needs_bounds():
    X = np.random.default_rng(0).normal(size=(200, 2))
    X[3] = 30.0
    forest = IsolationForest(random_state=0)
    assert OutlierHandler(forest).fit_transform(X)[3, 2] == 1
    kept, _ = OutlierHandler(forest, action="drop").fit_resample(X)
    assert len(kept) < 200
    with pytest.raises(ParameterError, match="bounds"):
        OutlierHandler(forest, action="clip").fit(X)
    with pytest.raises(ParameterError, match="action must be"):
        OutlierHandler(action="hide").fit(X)


def test_names_and_set_output():
    frame = pd.DataFrame(CELLS)
    assert list(OutlierHandler().fit(frame).get_feature_names_out()) == ["a", "n", "outlier"]
    handler = OutlierHandler(action="clip").set_output(transform="pandas")
    assert list(handler.fit_transform(frame).columns) == ["a", "n"]
    out = (
        make_pipeline(OutlierHandler())
        .set_output(transform="polars")
        .fit_transform(frame.to_numpy(dtype=float))
    )
    assert out.columns == ["x0", "x1", "outlier"]


def test_new_rows_are_judged_by_the_training_rows():
    handler = OutlierHandler(action="clip").fit(np.arange(10.0)[:, None])
    out = handler.transform(np.array([[1000.0], [5.0], [np.nan]]))
    assert out[0, 0] == handler.upper_[0]
    assert out[1, 0] == 5.0 and np.isnan(out[2, 0])
    with pytest.raises(ValueError, match="feature"):
        handler.transform([[1.0, 2.0]])
    named = OutlierHandler(action="clip").fit(pd.DataFrame(CELLS))
    with pytest.raises(ValueError, match="feature names"):
        named.transform(pd.DataFrame(CELLS).rename(columns={"a": "z"}))


@pytest.mark.parametrize("cls", [KNNDetector, LocalOutlierFactor])
def test_neighbours_judge_training_rows(cls):
    X = np.concatenate([np.random.default_rng(0).normal(size=(60, 2)), [[30.0, 30.0]]])
    handler = OutlierHandler(cls(5, contamination=0.01), action="drop")
    kept, y = handler.fit_resample(X, np.arange(61))
    assert_array_equal(y, np.arange(60))
    assert_array_equal(kept, X[:60])
    flag = OutlierHandler(cls(5, contamination=0.01, novelty=True)).fit(X)
    assert flag.transform([[40.0, 40.0]])[0, -1] == 1
