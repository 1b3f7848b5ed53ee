"""Tabular MixUp: weights, targets, columns without a mean."""

import numpy as np
import pandas as pd
import polars as pl
import pytest
from sklearn.base import clone

from tamis.exceptions import DataError, ParameterError
from tamis.resample import MixUp


def test_rows_and_targets_are_the_same_means():
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(50, 3)), rng.choice(list("abc"), 50)
    sampler = MixUp(0.8, ratio=2.0, random_state=1)
    out, soft = sampler.fit_resample(X, y)
    assert out.shape == (150, 3) and soft.shape == (150, 3)
    (first, second), w = sampler.source_index_.T, sampler.weight_
    assert (w >= 0.5).all() and (w[:50] == 1).all()
    np.testing.assert_allclose(out, w[:, None] * X[first] + (1 - w[:, None]) * X[second])
    hot = (y[:, None] == sampler.classes_).astype(float)
    np.testing.assert_allclose(soft, w[:, None] * hot[first] + (1 - w[:, None]) * hot[second])
    hard = clone(sampler).set_params(labels="hard").fit_resample(X, y)[1]
    np.testing.assert_array_equal(hard, y[first])
    numbers = clone(sampler).fit_resample(X, X[:, 0])[1]
    np.testing.assert_allclose(numbers, out[:, 0])


def test_columns_without_a_mean_come_from_the_heavier_row():
    data = pd.DataFrame(
        {
            "n": [1.0, np.nan, 3.0, 4.0],
            "i": pd.array([1, 2, None, 40], dtype="Int64"),
            "s": ["a", "b", None, "d"],
            "t": pd.date_range("2020", periods=4),
            "b": [True, False, True, True],
        }
    )
    for made in (data, pl.from_pandas(data)):
        sampler = MixUp(1.0, ratio=5, random_state=0)
        out, _ = sampler.fit_resample(made, [0, 1, 0, 1])
        first, second = sampler.source_index_.T
        shown = out.to_pandas() if isinstance(out, pl.DataFrame) else out
        if isinstance(out, pl.DataFrame):
            assert out.schema == made.schema
        else:
            pd.testing.assert_series_equal(out.dtypes, data.dtypes)
        assert [None if pd.isna(v) else v for v in shown["s"]] == [
            None if pd.isna(v) else v for v in data["s"].iloc[first]
        ]
        assert shown["t"].tolist() == data["t"].iloc[first].tolist()
        np.testing.assert_array_equal(shown["n"].isna(), data["n"].isna().to_numpy()[first])
        lone = data["n"].isna().to_numpy()[second] & ~shown["n"].isna().to_numpy()
        np.testing.assert_array_equal(shown["n"][lone], data["n"].to_numpy()[first][lone])


def test_whole_numbers_lists_and_what_cannot_be():
    out, _ = MixUp(random_state=0).fit_resample([[1, 2], [30, 40]], [0, 1])
    assert isinstance(out, list) and all(isinstance(v, int) for row in out for v in row)
    X = np.zeros((4, 2))
    assert MixUp(ratio=0).fit_resample(X, [0, 0, 1, 1])[0].shape == (4, 2)
    assert MixUp().fit(X, [0, 0, 1, 1]).classes_.tolist() == [0, 1]
    for rows, labels in ((X, None), (X, [0, 1]), (X[:0], [])):
        with pytest.raises((ParameterError, DataError, ValueError)):
            MixUp().fit_resample(rows, labels)
