"""Boosting: scikit-learn's model, bins and rounds; losses, categories, hostile input, threads."""

import pickle
import signal
import subprocess
import sys
import time

import numpy as np
import pandas as pd
import polars as pl
import pytest
import sklearn.ensemble as sk
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.utils.estimator_checks import parametrize_with_checks

import tamis
from tamis.exceptions import DataError, ParameterError, StateError
from tamis.models import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from tamis.models._boost_trees import BoostedTrees

Classifier, Regressor = HistGradientBoostingClassifier, HistGradientBoostingRegressor
PEERS = {
    Classifier: sk.HistGradientBoostingClassifier,
    Regressor: sk.HistGradientBoostingRegressor,
}
#: It wants rows that count twice to be two in `min_samples_leaf`, too; scikit-learn's own fails.
REPETITION = {
    "check_sample_weight_equivalence_on_dense_data": "min_samples_leaf counts rows, not weights"
}


def table(n=400, columns=4, seed=0):
    """Return rows with missing values, two and three classes, numbers above 0, and weights."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, columns))
    score = X[:, 0] * X[:, 1] + X[:, 2] + 0.3 * rng.normal(size=n)
    X[rng.random(X.shape) < 0.1] = np.nan
    return X, (score > 0).astype(int), np.digitize(score, [-0.7, 0.7]), score, rng.random(n) + 0.1


def both(estimator, X, y, weights=None, **params):
    params = {"random_state": 0, "max_iter": 4, **params}
    ours = estimator(**params).fit(X, y, weights)
    return ours, PEERS[estimator](**params).fit(X, y, weights)


def assert_same(ours, theirs, X):
    np.testing.assert_allclose(ours._raw_predict(X), theirs._raw_predict(X), atol=1e-6, rtol=1e-6)


@parametrize_with_checks(
    [Classifier(max_iter=3, min_samples_leaf=5), Regressor(max_iter=12, min_samples_leaf=5)],
    expected_failed_checks=lambda _: REPETITION,
)
def test_scikit_learns_checks(estimator, check):
    check(estimator)


@pytest.mark.parametrize(
    "params",
    [
        {"max_depth": 3, "l2_regularization": 2.0, "max_bins": 17},
        {"max_leaf_nodes": None, "min_samples_leaf": 30},
        {"interaction_cst": [{0, 1}, {1, 2}]},
        {"categorical_features": [3], "learning_rate": 0.3},
        {"early_stopping": True, "max_iter": 15, "n_iter_no_change": 3, "scoring": None},
        {"early_stopping": True, "max_iter": 15, "n_iter_no_change": 3, "tol": 0.01},
    ],
    ids=str,
)
def test_the_model_of_scikit_learn(params):
    # Weighted, no two splits of a node are equally good by chance.
    X, _, three, number, weights = table()
    X[:, 3] = np.floor(2 * X[:, 3]) + 9
    for estimator, y in ((Classifier, three), (Regressor, number)):
        ours, theirs = both(estimator, X, y, weights, **params)
        assert_same(ours, theirs, X)
        assert ours.n_iter_ == theirs.n_iter_
        np.testing.assert_allclose(ours.train_score_, theirs.train_score_, rtol=1e-6)
        np.testing.assert_allclose(ours.validation_score_, theirs.validation_score_, rtol=1e-6)
        if estimator is Classifier:
            np.testing.assert_allclose(ours.predict_proba(X), theirs.predict_proba(X), atol=1e-6)


@pytest.mark.parametrize("loss", ["squared_error", "gamma", "poisson"])
def test_the_losses_of_scikit_learn(loss):
    X, _, _, number, weights = table()
    y = np.exp(number / 2)
    for w in (None, weights):
        ours, theirs = both(Regressor, X, y, w, loss=loss, max_iter=5)
        assert_same(ours, theirs, X)
        np.testing.assert_allclose(ours.predict(X), theirs.predict(X), rtol=1e-6)


@pytest.mark.parametrize(
    "loss", [pytest.param("absolute_error", marks=pytest.mark.slow), "quantile"]
)
def test_leaves_are_quantiles(loss):
    # Gradients have two values, so that many splits are equally good: only the loss is alike.
    X, _, _, y, weights = table()
    for w in (None, weights):
        ours, theirs = both(
            Regressor,
            X,
            y,
            w,
            loss=loss,
            quantile=0.3,
            early_stopping=True,
            validation_fraction=None,
            max_iter=30,
            min_samples_leaf=40,
        )
        assert ours.train_score_[0] == pytest.approx(theirs.train_score_[0])
        assert ours.train_score_[-1] > theirs.train_score_[-1] - 0.02


def test_monotonic_constraints_hold():
    X, two, three, number, weights = table(columns=3)
    grid = np.linspace(-3, 3, 50)
    for estimator, y in ((Classifier, two), (Regressor, number)):
        model = estimator(monotonic_cst=[0, 0, 1], max_iter=20).fit(X, y, weights)
        for row in X[:40]:
            rows = np.tile(row, (50, 1))
            rows[:, 2] = grid
            assert (np.diff(model._raw_predict(rows)[:, 0]) >= 0).all()
    frame = pd.DataFrame(X, columns=list("abc"))
    named = Regressor(monotonic_cst={"c": 1}, max_iter=20).fit(frame, number, weights)
    np.testing.assert_array_equal(named.predict(frame), model.predict(X))
    with pytest.raises(ParameterError, match="multiclass"):
        Classifier(monotonic_cst=[0, 0, 1]).fit(X, three)
    with pytest.raises(ParameterError, match="unexpected feature names"):
        Regressor(monotonic_cst={"d": 1}).fit(frame, number)


def test_categories_of_frames():
    rng = np.random.default_rng(0)
    names = np.array(["red", "green", "blue", "grey"])[rng.integers(0, 4, 300)]
    x = rng.normal(size=300)
    y = np.where(np.isin(names, ["red", "grey"]), 3.0, 0.0) + x
    data = {"x": x, "colour": names}
    pandas = pd.DataFrame(data).astype({"colour": "category"})
    polar = pl.DataFrame(data).with_columns(pl.col("colour").cast(pl.Categorical))
    codes = np.column_stack([x, np.unique(names, return_inverse=True)[1]])
    want = Regressor(categorical_features=[1]).fit(codes, y).predict(codes)
    assert np.corrcoef(want, y)[0, 1] > 0.98
    for frame in (pandas, polar):
        model = Regressor().fit(frame, y)
        assert model.is_categorical_.tolist() == [False, True]
        np.testing.assert_array_equal(model.predict(frame), want)
    np.testing.assert_array_equal(
        Regressor(categorical_features=["colour"]).fit(pd.DataFrame(data), y).predict(pandas), want
    )
    # What was not there in `fit` is missing, and what is missing goes with most rows.
    odd = pd.DataFrame({"x": [0.0, 0.0], "colour": ["mauve", None]})
    said = model.predict(pl.DataFrame(odd))
    assert said[0] == said[1]
    with pytest.raises(DataError, match="'colour' is expected to have a cardinality <= 3"):
        Regressor(max_bins=3).fit(pandas, y)
    with pytest.raises(ParameterError, match="not a valid feature name"):
        Regressor(categorical_features=["size"]).fit(pandas, y)


@pytest.mark.parametrize("name", [pytest.param("gce", marks=pytest.mark.slow), "focal"])
def test_losses_by_name_and_object(name):
    X, two, three, _, weights = table(300)
    for y in (two, three):
        model = Classifier(name, max_iter=15).fit(X, y, weights)
        same = Classifier(tamis.losses.get(name), max_iter=15).fit(X, y, weights)
        np.testing.assert_array_equal(model.predict_proba(X), same.predict_proba(X))
        assert model.score(X, y) > 0.8
        np.testing.assert_allclose(model.predict_proba(X).sum(axis=1), 1)
    stopped = Classifier(name, early_stopping=True, n_iter_no_change=2).fit(X, two)
    assert len(stopped.validation_score_) == stopped.n_iter_ + 1


class Mine:
    """Half the squared error, by a user."""

    def value(self, y, score):
        return (y - score) ** 2 / 2

    def gradient(self, y, score):
        return score - y


class Broken(Mine):
    def gradient(self, y, score):
        return np.where(np.arange(len(y)) == 3, np.nan, score - y)


def test_a_loss_of_ones_own():
    X, _, _, y, _ = table(300)
    ours, named = (Regressor(loss, max_iter=10).fit(X, y) for loss in (Mine(), "squared_error"))
    np.testing.assert_allclose(ours.predict(X), named.predict(X), atol=1e-3)
    with pytest.raises(DataError, match="row 3"):
        Regressor(Broken()).fit(X, y)
    with pytest.raises(ParameterError, match="loss must be"):
        Regressor("no such").fit(X, y)


def test_draws_of_features_and_warm_starts():
    X, two, _, _, weights = table()
    params = {"max_features": 0.5, "random_state": 3}
    whole = Classifier(max_iter=12, **params).fit(X, two, weights)
    parts = Classifier(max_iter=5, warm_start=True, **params).fit(X, two, weights)
    parts.set_params(max_iter=12).fit(X, two, weights)
    np.testing.assert_array_equal(whole.decision_function(X), parts.decision_function(X))
    other = Classifier(max_iter=12, max_features=0.5, random_state=4).fit(X, two, weights)
    assert (whole.decision_function(X) != other.decision_function(X)).any()
    with pytest.raises(ParameterError, match="larger than or equal"):
        parts.set_params(max_iter=3).fit(X, two, weights)


def test_stages_threads_types_and_saving(tmp_path):
    X, _, three, _, weights = table()
    X = X.astype(np.float32)
    model = Classifier(max_iter=6, n_jobs=1).fit(X, three, weights)
    *_, last = model.staged_predict_proba(X)
    np.testing.assert_array_equal(last, model.predict_proba(X))
    assert len(list(model.staged_predict(X))) == model.n_iter_ == 6
    for n_jobs in (2, 3):
        same = clone(model).set_params(n_jobs=n_jobs).fit(X, three, weights)
        np.testing.assert_array_equal(same.predict_proba(X), model.predict_proba(X))
    X.flags.writeable = False
    wide = np.asfortranarray(X.astype(np.float64))[::1]
    for rows in (X.astype(np.float64), wide, pd.DataFrame(X).to_numpy()):
        again = clone(model).fit(rows, three, weights)
        np.testing.assert_array_equal(again.predict_proba(rows), model.predict_proba(X))
    tamis.save(model, tmp_path / "m.tamis")
    for copy in (pickle.loads(pickle.dumps(model)), tamis.load(tmp_path / "m.tamis")):
        np.testing.assert_array_equal(copy.predict_proba(X), model.predict_proba(X))
    state = model._trees.state()
    with pytest.raises(StateError, match="damaged"):
        BoostedTrees(**{**state, "left": np.roll(state["left"], 1)})
    tree = model._predictors[0][0]
    assert tree.get_n_leaf_nodes() == (tree.nodes["left"] == 0).sum()


def test_hostile_input():
    X, two, _, y, _ = table(60)
    with pytest.raises(NotFittedError):
        Regressor().predict(X)
    for model in (Regressor(max_iter=2), Classifier(max_iter=2)):
        assert len(set(model.fit(np.zeros((60, 2)), two).predict(np.ones((4, 2))))) == 1
        assert model.fit(np.full((60, 1), np.nan), two).predict([[1.0]]).shape == (1,)
        assert model.fit([[1.0]], [5]).predict([[2.0]]).tolist() == [5]
        assert model.fit(X, np.ones(60)).predict(X[:1]).tolist() == [1]
    ends = np.array([[-np.inf], [0.0], [1.0], [np.inf], [np.nan]])
    found = Regressor(min_samples_leaf=1).fit(ends, [0, 0, 1, 1, 9]).predict(ends)
    np.testing.assert_allclose(found, [0, 0, 1, 1, 9], atol=1e-3)
    huge = Regressor(max_iter=3).fit(X, y * 1e200).predict(X)
    assert np.isfinite(huge).all()
    for params in ({"max_bins": 256}, {"learning_rate": 0}, {"max_features": 0.0}, {"max_iter": 0}):
        with pytest.raises(ParameterError, match=next(iter(params))):
            Regressor(**params).fit(X, y)
    with pytest.raises(DataError, match="every weight is zero"):
        Regressor().fit(X, y, np.zeros(60))
    with pytest.raises(ParameterError, match="quantile"):
        Regressor("quantile").fit(X, y)
    before = X.copy()
    Regressor(max_iter=2).fit(X, y)
    np.testing.assert_array_equal(before, X)


@pytest.mark.slow
def test_ctrl_c():
    code = (
        "import numpy as np; from tamis.models import HistGradientBoostingRegressor as R\n"
        "X = np.random.default_rng(0).normal(size=(60000, 10)); print('go', flush=True)\n"
        "R(max_iter=100000, early_stopping=False).fit(X, X[:, 0])"
    )
    run = subprocess.Popen([sys.executable, "-c", code], stdout=-1, stderr=-1, text=True)
    run.stdout.readline()
    time.sleep(1.0)
    run.send_signal(signal.SIGINT)
    _, errors = run.communicate(timeout=10)
    assert "KeyboardInterrupt" in errors
