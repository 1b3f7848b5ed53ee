"""What estimators share: rows kept in the caller's containers."""

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from sklearn.base import BaseEstimator

from tamis.base import ResampleMixin


class KeepEven(ResampleMixin, BaseEstimator):
    def _fit_rows(self, X, y):
        return range(0, len(X), 2)


CELLS = {"a": [1, 2, 3], "b": ["x", "y", "z"]}


def test_pandas_rows_keep_index_and_types():
    X = pd.DataFrame(CELLS, index=[9, 9, 4]).astype({"a": "Int8", "b": "category"})
    y = pd.Series([1.0, 2.0, 3.0], index=[9, 9, 4], name="t")
    step = KeepEven()
    X_out, y_out = step.fit_resample(X, y)
    pd.testing.assert_frame_equal(X_out, X.iloc[[0, 2]])
    pd.testing.assert_series_equal(y_out, y.iloc[[0, 2]])
    assert step.sample_indices_.tolist() == [0, 2]
    assert step.sample_indices_.dtype == np.int64


def test_polars_and_arrow_rows():
    frame, y = pl.DataFrame(CELLS), pl.Series("t", [1, 2, 3])
    X_out, y_out = KeepEven().fit_resample(frame, y)
    assert X_out.rows() == [(1, "x"), (3, "z")]
    assert isinstance(y_out, pl.Series)
    assert y_out.to_list() == [1, 3]
    for target in (pa.array([1, 2, 3]), pa.chunked_array([[1, 2], [3]])):
        X_out, y_out = KeepEven().fit_resample(frame.to_arrow(), target)
        assert isinstance(X_out, pa.Table)
        assert type(y_out) is type(target)
        assert y_out.to_pylist() == [1, 3]


def test_arrays_and_lists():
    X = np.arange(6).reshape(3, 2)[:, ::-1]
    X.setflags(write=False)
    X_out, y_out = KeepEven().fit_resample(X, ["p", "q", "r"])
    assert np.array_equal(X_out, X[[0, 2]])
    assert y_out.tolist() == ["p", "r"]


def test_no_target():
    X_out, y_out = KeepEven().fit_resample(pd.DataFrame(CELLS))
    assert (len(X_out), y_out) == (2, None)


@pytest.mark.parametrize("none", [np.array([], dtype=int), []])
def test_no_row_left(none):
    step = KeepEven()
    step._fit_rows = lambda X, y: none
    X_out, y_out = step.fit_resample(pd.DataFrame(CELLS), pd.Series([1, 2, 3]))
    assert (X_out.shape, len(y_out)) == ((0, 2), 0)


def test_what_is_given_by_row_stays_aligned():
    weights = np.array([0.1, 0.2, 0.3])
    _, _, params = KeepEven().fit_resample(
        pd.DataFrame(CELLS),
        None,
        sample_weight=weights,
        groups=None,
        names=pl.Series(["p", "q", "r"]),
    )
    assert params["sample_weight"].tolist() == [0.1, 0.3]
    assert params["groups"] is None
    assert params["names"].to_list() == ["p", "r"]
