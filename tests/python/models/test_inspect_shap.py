"""Shapley values of trees against the definition: every subset, one after the other."""

import math
import pickle
from functools import cache
from itertools import combinations

import matplotlib as mpl
import numpy as np
import pandas as pd
import polars as pl
import pytest
import sklearn.ensemble as sk
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LinearRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.tree import DecisionTreeRegressor as SkTree
from threadpoolctl import threadpool_limits

from tamis.exceptions import InternalError, ParameterError
from tamis.models import (
    DecisionTreeClassifier,
    ExtraTreesRegressor,
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    RandomForestClassifier,
    tree_shap,
)
from tamis.models.inspect._read import read_trees

mpl.use("Agg")


def frame(n=120, seed=0, categories=True):
    rng = np.random.default_rng(seed)
    X = pd.DataFrame(rng.normal(size=(n, 3)), columns=["a", "b", "c"])
    level = rng.integers(0, 4, n)
    y = X["a"] * X["b"] + (level % 2) * X["c"] + 0.1 * rng.normal(size=n)
    X["d"] = pd.Categorical(np.array(["p", "q", "r", "s"])[level]) if categories else level
    X.loc[rng.random(n) < 0.2, "a"] = np.nan
    return X, y.to_numpy()


def by_share(grown, row, known, tree):
    """Return what a tree says of a row when some features are known."""
    t = grown.tree(tree)

    def below(at):
        if t["left"][at] < 0:
            return t["value"][at]
        j = t["feature"][at]
        left, right = t["left"][at], t["right"][at]
        if j in known:
            v = row[j]
            if np.isnan(v):
                goes = t["missing_left"][at]
            elif t["set"][at] >= 0:
                goes = int(v) in grown.left_categories(t["set"][at])
            else:
                goes = v <= t["threshold"][at]
            return below(left if goes else right)
        share = t["cover"][left] / (t["cover"][left] + t["cover"][right])
        return share * below(left) + (1 - share) * below(right)

    return below(0)


def of_model(grown, row, known):
    out = grown.base.copy()
    for tree, first in enumerate(grown.outputs):
        value = by_share(grown, row, known, tree)
        out[first : first + len(value)] += value / (grown.n_trees if grown.mean else 1)
    return out


def shapley(game, n):
    """Return Shapley's values of a game on sets of n players, by the definition."""
    values = []
    for j in range(n):
        rest, total = [i for i in range(n) if i != j], 0.0
        for size in range(n):
            weight = math.factorial(size) * math.factorial(n - size - 1) / math.factorial(n)
            for s in combinations(rest, size):
                total = total + weight * (game({*s, j}) - game(set(s)))
        values.append(total)
    return np.array(values)


@pytest.fixture(autouse=True)
def one_thread_of_theirs():
    with threadpool_limits(1):
        yield


@cache
def model(name):
    """Return a fitted model and its rows."""
    X, y = frame()
    classes, three = (y > 0).astype(int), np.digitize(y, [-0.5, 0.5])
    plain = frame(categories=False)[0]
    boost = {"max_iter": 4, "max_leaf_nodes": 8, "min_samples_leaf": 3, "random_state": 0}
    boost["categorical_features"] = "from_dtype"
    forest = {"n_estimators": 4, "max_depth": 5, "random_state": 0}
    if name == "tree":
        return DecisionTreeClassifier(random_state=0).fit(plain, three), plain
    if name == "two targets":
        return SkTree(max_depth=4).fit(plain, np.c_[y, -y]), plain
    if name == "forest":
        weights = np.random.default_rng(1).random(len(y))
        return RandomForestClassifier(**forest).fit(plain, classes, weights), plain
    if name == "extra trees":
        return ExtraTreesRegressor(**forest).fit(plain, y), plain
    if name == "their forest":
        return sk.RandomForestClassifier(**forest).fit(plain, three), plain
    if name == "boosting":
        return HistGradientBoostingRegressor(**boost).fit(X, y), X
    if name == "boosting, 3 classes":
        return HistGradientBoostingClassifier(**boost).fit(X, three), X
    if name == "their boosting":
        return sk.HistGradientBoostingClassifier(**boost).fit(X, classes), X
    return sk.HistGradientBoostingRegressor(loss="poisson", **boost).fit(X, np.abs(y)), X


MODELS = (
    *("tree", "two targets", "forest", "extra trees", "their forest"),
    *("boosting", "boosting, 3 classes", "their boosting", "their counts"),
)


@pytest.mark.parametrize("name", MODELS)
def test_values_are_shapleys(name):
    fitted, X = model(name)
    grown = read_trees(fitted)
    rows, said = grown.rows(X), grown.said(X)
    shap = tree_shap(fitted, X)
    values = shap.values.reshape(*rows.shape, -1)
    # They sum to what the model says, and so do those against a background.
    np.testing.assert_allclose(values.sum(axis=1) + shap.base_values, said, atol=1e-9)
    want = shapley(lambda known: of_model(grown, rows[7], known), 4)
    np.testing.assert_allclose(values[7], want, atol=1e-10)
    np.testing.assert_allclose(of_model(grown, rows[0], set()), shap.base_values, atol=1e-10)

    other = X.iloc[20:50]
    shap = tree_shap(fitted, X.iloc[:2], background=other)
    values = shap.values.reshape(2, 4, -1)

    def mixed(known):
        rows = other.copy()
        for j in known:
            rows.isetitem(j, X.iloc[:, j].iloc[[0] * len(other)].set_axis(other.index))
        return read_trees(fitted).said(rows).mean(axis=0)

    np.testing.assert_allclose(values[0], shapley(mixed, 4), atol=1e-10)
    np.testing.assert_allclose(said[20:50].mean(axis=0), shap.base_values, atol=1e-10)


def test_a_deep_tree_loses_no_digits():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(1500, 40))
    y = X.sum(axis=1) + rng.normal(size=1500)
    shap = tree_shap(ExtraTreesRegressor(3, random_state=0).fit(X, y), X[:50])
    assert np.isfinite(shap.values).all()  # `check` has seen that they sum to 1e-9


def test_threads_and_containers_give_the_same_bits():
    X, y = frame(400)
    model = HistGradientBoostingClassifier(max_iter=20, categorical_features="from_dtype")
    model.fit(X, y > 0)
    one = tree_shap(model, X, n_jobs=1)
    for jobs in (2, 3):
        np.testing.assert_array_equal(one.values, tree_shap(model, X, n_jobs=jobs).values)
        against = [tree_shap(model, X, background=X[:70], n_jobs=j).values for j in (1, jobs)]
        np.testing.assert_array_equal(*against)
    polars = pl.from_pandas(X).with_columns(pl.col("d").cast(pl.Categorical))
    np.testing.assert_array_equal(one.values, tree_shap(model, polars).values)
    np.testing.assert_array_equal(one.values, tree_shap(model, X[::-1]).values[::-1])
    np.testing.assert_array_equal(one.values, pickle.loads(pickle.dumps(one)).values)


def test_rows_in_any_layout_and_a_tree_without_splits():
    X, y = frame(categories=False)
    X = X.to_numpy(dtype=np.float64)
    model = RandomForestClassifier(3, random_state=0).fit(X, y > 0)
    want = tree_shap(model, X).values
    frozen = np.asfortranarray(X)
    frozen.flags.writeable = False
    for rows in (frozen, np.repeat(X, 2, axis=0)[::2], X.astype(np.float32), X.tolist()):
        np.testing.assert_array_equal(want, tree_shap(model, rows).values)
    flat = tree_shap(DecisionTreeClassifier().fit(X, np.ones(len(X))), X)
    assert not flat.values.any() and "of 1" not in repr(flat)


def test_a_pipeline_is_explained_by_the_columns_that_come_to_its_trees():
    X, y = frame(categories=False)
    trees = RandomForestClassifier(5, random_state=0)
    made = make_pipeline(StandardScaler(), trees).fit(X, y > 0)
    shap = tree_shap(made, X)
    assert shap.feature_names == ["a", "b", "c", "d"] and shap.output_names == ["False", "True"]
    np.testing.assert_allclose(shap.of() + shap.of("False"), 0, atol=1e-12)
    np.testing.assert_array_equal(shap.of(), shap.of("True"))
    assert list(shap.to_frame().columns) == shap.feature_names
    assert isinstance(shap.to_frame(like=pl.DataFrame({"a": [1]})), pl.DataFrame)
    sizes = list(shap.importance().values())
    assert sizes == sorted(sizes, reverse=True)
    assert "probability" in repr(shap)


def test_what_cannot_be_explained_is_refused():
    X, y = frame(categories=False)
    with pytest.raises(ParameterError, match="LinearRegression is no tree"):
        tree_shap(LinearRegression().fit(X.fillna(0), y), X)
    with pytest.raises(NotFittedError):
        tree_shap(RandomForestClassifier(), X)
    model = DecisionTreeClassifier(max_depth=2, random_state=0).fit(X, y > 0)
    with pytest.raises(ParameterError, match="3 names for 4"):
        tree_shap(model, X, feature_names=["a", "b", "c"])
    with pytest.raises(ParameterError, match="no output 'maybe'"):
        tree_shap(model, X).of("maybe")
    with pytest.raises(ValueError, match="feature names"):
        tree_shap(model, X.iloc[:, :2])
    with pytest.raises(ValueError, match="0 sample"):
        tree_shap(model, X, background=X[:0])

    class Other(DecisionTreeClassifier):
        def predict_proba(self, X, check_input=True):
            return super().predict_proba(X, check_input)[:, ::-1]

    with pytest.raises(InternalError, match="otherwise than by its trees"):
        tree_shap(Other(max_depth=2).fit(X, y > 0), X)


def test_pictures_say_what_they_show():
    X, y = frame()
    model = HistGradientBoostingRegressor(max_iter=10, categorical_features="from_dtype").fit(X, y)
    shap = tree_shap(model, X)
    ax = shap.plot(max_features=3)
    assert "moves the score most" in ax.get_title(loc="left") and len(ax.get_yticks()) == 3
    ax = shap.plot_row(0, max_features=2)
    said = model.predict(X[:1])[0]
    assert f"Row 0: {said:.4g}" in ax.get_title(loc="left")
    mpl.pyplot.close("all")
