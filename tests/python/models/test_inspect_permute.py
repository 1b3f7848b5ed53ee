"""Permutation importance and partial dependence: scikit-learn's numbers, frames, groups, noise."""

import matplotlib as mpl
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
import sklearn.inspection as theirs
from scipy.sparse import csr_matrix
from sklearn.linear_model import LinearRegression as SkLinear
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from threadpoolctl import threadpool_limits

from tamis.exceptions import DataError, ParameterError, ShapeError
from tamis.models import (
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    LinearRegression,
    LogisticRegression,
    partial_dependence,
    permutation_importance,
)
from tamis.models.inspect import _stack

mpl.use("Agg")


@pytest.fixture(autouse=True)
def one_thread_of_theirs():
    with threadpool_limits(1):
        yield


def table(n=160, seed=0):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, 4))
    y = X[:, 0] + 0.5 * X[:, 1] ** 2 + 0.2 * rng.normal(size=n)
    return X, y


def mixed(n=160):
    X, y = table(n)
    frame = pd.DataFrame(X, columns=list("abcd"))
    level = np.arange(n) % 3
    frame["town"] = pd.Categorical(np.array(["Bern", "Rome", "Oslo"])[level])
    frame.loc[::7, "c"] = np.nan
    return frame, y + 2 * (level == 1)


@pytest.mark.parametrize(
    "options",
    [{}, {"scoring": "roc_auc", "n_repeats": 3}, {"max_samples": 0.5}, {"sample_weight": True}],
    ids=str,
)
def test_scikit_learns_importances_from_the_same_seed(options):
    X, y = table()
    X = pd.DataFrame(X, columns=list("abcd"))
    model = make_pipeline(StandardScaler(), LogisticRegression()).fit(X, y > 0)
    if "sample_weight" in options:
        options = {"sample_weight": np.arange(len(y)) + 1.0}
    ours = permutation_importance(model, X, y > 0, random_state=3, **options)
    peer = theirs.permutation_importance(model, X, y > 0, random_state=3, **options)
    for name in ("importances", "importances_mean", "importances_std"):
        np.testing.assert_allclose(ours[name], peer[name], atol=1e-14)


def test_any_frame_and_small_blocks_give_the_same(monkeypatch):
    X, y = mixed()
    model = HistGradientBoostingRegressor(max_iter=10, categorical_features="from_dtype")
    model.fit(X, y)
    one = permutation_importance(model, X, y, random_state=0)
    assert one.names == [*"abcd", "town"] and not one.noise[[0, 4]].any()
    polars = pl.from_pandas(X)
    arrow = pa.Table.from_pandas(X, preserve_index=False)
    for rows in (polars, arrow, X[::-1][::-1]):
        found = permutation_importance(model, rows, y, random_state=0)
        np.testing.assert_array_equal(one.importances, found.importances)
    assert isinstance(
        permutation_importance(model, polars, y, n_repeats=1).to_frame(), pl.DataFrame
    )
    grid = partial_dependence(model, X, "town")
    mean = partial_dependence(model, X, "a", grid_resolution=20).average
    for rows in (polars, arrow):
        np.testing.assert_array_equal(grid.average, partial_dependence(model, rows, "town").average)
        other = partial_dependence(model, rows, "a", grid_resolution=20)
        np.testing.assert_array_equal(mean, other.average)
    monkeypatch.setattr(_stack, "_CELLS", 1)
    found = permutation_importance(model, X, y, random_state=0)
    np.testing.assert_array_equal(one.importances, found.importances)
    np.testing.assert_array_equal(grid.average, partial_dependence(model, X, "town").average)


def test_a_column_and_its_likeness_are_worth_something_together():
    X, y = table(300)
    X = np.c_[X, X[:, 0] + 0.01 * np.random.default_rng(1).normal(size=300)]
    model = HistGradientBoostingRegressor(max_iter=30, random_state=0).fit(X, y)
    alone = permutation_importance(model, X, y, random_state=0)
    both = permutation_importance(model, X, y, random_state=0, groups="correlated")
    assert both.names == ["x0 + x4", "x1", "x2", "x3"]
    assert both.importances_mean[0] > alone.importances_mean[[0, 4]].sum()
    named = permutation_importance(model, X, y, random_state=0, groups={"pair": ["x0", 4]})
    np.testing.assert_allclose(named.importances_mean[0], both.importances_mean[0])
    assert named.names == ["pair", "x1", "x2", "x3"]


def test_noise_is_called_noise():
    called = 0
    for seed in range(6):
        X, _ = table(200, seed)
        y = X[:, 0] + np.random.default_rng(seed).normal(size=200)
        model = LinearRegression().fit(X[:80], y[:80])
        found = permutation_importance(model, X[80:], y[80:], random_state=0)
        assert not found.noise[0] and (found.low <= found.importances_mean).all()
        called += int((~found.noise[1:]).sum())
    assert called <= 1  # of 18


def test_scores_of_ones_own_and_several():
    X, y = table()
    model = SkLinear().fit(X, y)

    def worst(model, X, y):
        return -np.abs(model.predict(X) - y).max()

    ours = permutation_importance(model, X, y, scoring=worst, random_state=0)
    peer = theirs.permutation_importance(model, X, y, scoring=worst, random_state=0)
    np.testing.assert_allclose(ours.importances, peer.importances)
    several = permutation_importance(model, X, y, scoring=["r2", "neg_mean_squared_error"])
    assert list(several) == ["r2", "neg_mean_squared_error"]


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({"n_repeats": 0}, ParameterError),
        ({"max_samples": 1.5}, ParameterError),
        ({"groups": {"g": ["x9"]}}, ParameterError),
        ({"groups": {"g": [0], "h": [0]}}, ParameterError),
        ({"groups": "alike"}, ParameterError),
        ({"feature_names": ["a"]}, ParameterError),
    ],
)
def test_what_is_refused(options, error):
    X, y = table(30)
    with pytest.raises(error):
        permutation_importance(LinearRegression().fit(X, y), X, y, **options)


def test_rows_that_cannot_be_used_are_refused():
    X, y = table(30)
    model = LinearRegression().fit(X, y)
    with pytest.raises(DataError, match="sparse"):
        permutation_importance(model, csr_matrix(X), y)
    with pytest.raises(ShapeError, match="30 rows"):
        permutation_importance(model, X, y[:5])
    with pytest.raises(DataError, match="no rows"):
        partial_dependence(model, X[:0], 0)
    with pytest.raises(ParameterError, match="no column 'z'"):
        partial_dependence(model, X, "z")
    with pytest.raises(ParameterError, match="one value"):
        flat = np.zeros((300, 4))
        flat[:5, 0] = [1, 2, 3, 4, 5]
        partial_dependence(model, flat, 0, grid_resolution=4)


@pytest.mark.parametrize("kind", ["average", "individual", "both"])
def test_scikit_learns_dependence(kind):
    X, y = table()
    weights = np.arange(len(y)) + 1.0
    for model, target in ((HistGradientBoostingClassifier(max_iter=5), y > 0),
                          (LogisticRegression(), np.digitize(y, [0, 1]))):  # fmt: skip
        model.fit(X, target)
        for features in (1, (0, 2)):
            options = {"kind": kind, "grid_resolution": 9, "percentiles": (0.1, 0.8)}
            options["sample_weight"] = weights if kind == "average" else None
            ours = partial_dependence(model, X, features, **options)
            asked = [features] if features == 1 else list(features)
            peer = theirs.partial_dependence(model, X, asked, method="brute", **options)
            for name in ("average", "individual"):
                if name in peer:
                    np.testing.assert_allclose(ours[name], peer[name], atol=1e-12)
            for a, b in zip(ours.grid_values, peer.grid_values, strict=True):
                np.testing.assert_allclose(a, b)


def test_grids_of_ones_own_and_of_few_values():
    X, y = mixed()
    model = HistGradientBoostingRegressor(max_iter=5, categorical_features="from_dtype").fit(X, y)
    found = partial_dependence(model, X, "town")
    assert found.grid_values[0].tolist() == ["Bern", "Oslo", "Rome"]
    found = partial_dependence(model, X, "a", custom_values={"a": [0, 1]}, kind="both")
    assert found.average.shape == (1, 2) and found.individual.shape == (1, len(X), 2)
    X["whole"] = np.arange(len(X)) % 4
    plain = LinearRegression().fit(X[["whole", "a"]], y)
    found = partial_dependence(plain, X[["whole", "a"]], "whole", categorical_features=["whole"])
    assert found.grid_values[0].tolist() == [0, 1, 2, 3]
    slope = np.diff(found.average[0])
    np.testing.assert_allclose(slope, plain.coef_[0])


def test_pictures_say_what_they_show():
    X, y = mixed()
    model = HistGradientBoostingRegressor(max_iter=9, categorical_features="from_dtype").fit(X, y)
    title = partial_dependence(model, X, "a", kind="both").plot(centered=True).get_title(loc="left")
    assert "a moves the mean over" in title
    assert "town" in partial_dependence(model, X, "town").plot().get_xlabel()
    pair = partial_dependence(model, X, ("a", "town"), grid_resolution=8)
    assert "interaction" in pair.plot().get_title(loc="left")
    found = permutation_importance(model, X, y, random_state=0)
    assert "above noise" in found.plot(max_features=3).get_title(loc="left")
    assert "above noise" in repr(found) and "<table" in found._repr_html_()
    mpl.pyplot.close("all")
