"""Forests: scikit-learn's trees one by one, bins, weights, rows out of the bag, hostile input."""

import pickle

import numpy as np
import pandas as pd
import pytest
import sklearn.ensemble as sk
from scipy import sparse
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.utils.estimator_checks import parametrize_with_checks

import tamis
from tamis.exceptions import DataError, ParameterError
from tamis.models import (
    ExtraTreesClassifier,
    ExtraTreesRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
)

CLASSIFIERS = [RandomForestClassifier, ExtraTreesClassifier]
REGRESSORS = [RandomForestRegressor, ExtraTreesRegressor]
REPETITION = [f"check_sample_weight_equivalence_on_{kind}_data" for kind in ("dense", "sparse")]
BOTH = pytest.mark.parametrize("estimator", [*CLASSIFIERS, *REGRESSORS])


def peer(estimator):
    return getattr(sk, estimator.__name__)


def table(n=200, columns=5, seed=0):
    """Return continuous rows, two and three classes, numbers and whole weights."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, columns)).astype(np.float32)
    y = X[:, 0] * X[:, 1] + 0.3 * rng.normal(size=n)
    return X, (y > 0).astype(int), np.digitize(y, [-0.5, 0.5]), y, rng.integers(1, 4, n)


def target(estimator, X, two, three, number):
    return three if estimator in CLASSIFIERS else number


@parametrize_with_checks(
    [RandomForestClassifier(3, random_state=0), ExtraTreesRegressor(3, random_state=0)],
    expected_failed_checks=lambda model: (
        dict.fromkeys(REPETITION, "rows are drawn by their weight") if model.bootstrap else {}
    ),
)
def test_scikit_learns_checks(estimator, check):
    check(estimator)


@BOTH
@pytest.mark.parametrize(
    "params",
    [
        {},
        {"max_depth": 3, "max_features": 0.6, "bootstrap": True, "max_samples": 0.5},
        {"min_samples_leaf": 4, "bootstrap": True, "oob_score": True, "n_estimators": 30},
    ],
    ids=str,
)
def test_the_forest_of_scikit_learn(estimator, params):
    X, *targets, weights = table()
    y = target(estimator, X, *targets)
    for w in (None, weights):
        params = {"n_estimators": 6, "random_state": 0, **params}
        if estimator is ExtraTreesRegressor:
            # Features that split a few rows alike are equally good but for rounding.
            params["min_samples_leaf"] = 15
        ours = estimator(**params).fit(X, y, w)
        theirs = peer(estimator)(**params).fit(X, y, w)
        for a, b in zip(ours.estimators_, theirs.estimators_, strict=True):
            np.testing.assert_array_equal(a.tree_.feature, b.tree_.feature)
            np.testing.assert_allclose(a.tree_.threshold, b.tree_.threshold)
        np.testing.assert_allclose(ours.predict(X[:50]), theirs.predict(X[:50]))
        np.testing.assert_allclose(ours.feature_importances_, theirs.feature_importances_)
        if "oob_score" in params:
            assert ours.oob_score_ == pytest.approx(theirs.oob_score_)


@pytest.mark.parametrize("class_weight", ["balanced", "balanced_subsample", {0: 3, 1: 1}])
def test_class_weights_are_scikit_learns(class_weight):
    X, two, *_ = table()
    params = {"n_estimators": 5, "random_state": 0, "class_weight": class_weight, "max_depth": 4}
    ours = RandomForestClassifier(**params).fit(X, two)
    theirs = sk.RandomForestClassifier(**params).fit(X, two)
    np.testing.assert_allclose(ours.predict_proba(X), theirs.predict_proba(X))


@BOTH
def test_several_targets(estimator):
    X, two, three, number, _ = table()
    y = np.c_[two, three] if estimator in CLASSIFIERS else np.c_[number, X[:, 0]]
    params = {"n_estimators": 5, "random_state": 0}
    ours, theirs = (cls(**params).fit(X, y) for cls in (estimator, peer(estimator)))
    np.testing.assert_allclose(ours.predict(X), theirs.predict(X))
    if estimator in CLASSIFIERS:
        for a, b in zip(ours.predict_proba(X), theirs.predict_proba(X), strict=True):
            np.testing.assert_allclose(a, b)


@pytest.mark.parametrize("estimator", [RandomForestClassifier, ExtraTreesRegressor])
def test_bins_are_as_good(estimator):
    X, *targets, _ = table(2000)
    y = target(estimator, X, *targets)
    scores = []
    for max_bins in (None, 255):
        model = estimator(20, random_state=0, max_bins=max_bins).fit(X[:1000], y[:1000])
        scores.append(model.score(X[1000:], y[1000:]))
    assert scores[1] > scores[0] - 0.03
    tree = model.estimators_[0].tree_
    assert (
        tree.n_node_samples[tree.children_left[0]] + tree.n_node_samples[tree.children_right[0]]
    ) == tree.n_node_samples[0]
    for n_jobs in (2, 3):
        same = clone(model).set_params(n_jobs=n_jobs).fit(X[:1000], y[:1000])
        np.testing.assert_array_equal(same.predict(X), model.predict(X))


@BOTH
def test_limits_on_bins(estimator):
    X, *targets, _ = table(600)
    X[::7, 0] = np.nan
    y = target(estimator, X, *targets)
    model = estimator(5, max_bins=64, min_samples_leaf=9, max_leaf_nodes=11, random_state=0)
    trees = [m.tree_ for m in model.fit(X, y).estimators_]
    assert all(t.n_leaves <= 11 for t in trees)
    assert all(t.n_node_samples[t.children_left == -1].min() >= 9 for t in trees)
    shallow = clone(model).set_params(max_depth=2, max_leaf_nodes=None).fit(X, y)
    assert all(m.get_depth() <= 2 for m in shallow.estimators_)
    none = clone(model).set_params(min_impurity_decrease=9.0).fit(X, y)
    assert all(m.tree_.node_count == 1 for m in none.estimators_)
    for criterion in ["entropy"] if estimator in CLASSIFIERS else ["friedman_mse"]:
        assert clone(model).set_params(criterion=criterion).fit(X, y).score(X, y) > 0.2
    assert np.isfinite(model.feature_importances_).all()


def test_auto_bins_from_many_rows(monkeypatch):
    monkeypatch.setattr("tamis.models._forest_base._EXACT_ROWS", 100)
    X, two, *_, number, _ = table(150)
    auto = RandomForestClassifier(3, random_state=0).fit(X, two)
    bins = RandomForestClassifier(3, random_state=0, max_bins=255).fit(X, two)
    np.testing.assert_array_equal(auto.predict_proba(X), bins.predict_proba(X))
    # What bins do not know is grown exactly, or refused where bins were asked for.
    RandomForestRegressor(2, criterion="absolute_error").fit(X, number)
    with pytest.raises(ParameterError, match="max_bins"):
        RandomForestRegressor(2, criterion="absolute_error", max_bins=99).fit(X, number)


def test_warm_starts_saving_and_frames(tmp_path):
    X, two, *_ = table()
    whole = RandomForestClassifier(8, random_state=1).fit(X, two)
    grown = RandomForestClassifier(3, random_state=1, warm_start=True).fit(X, two)
    grown.set_params(n_estimators=8).fit(X, two)
    np.testing.assert_array_equal(grown.predict_proba(X), whole.predict_proba(X))
    with pytest.raises(ParameterError, match="larger or equal"):
        grown.set_params(n_estimators=2).fit(X, two)
    tamis.save(whole, tmp_path / "m.tamis")
    for copy in (pickle.loads(pickle.dumps(whole)), tamis.load(tmp_path / "m.tamis")):
        np.testing.assert_array_equal(copy.predict_proba(X), whole.predict_proba(X))
    frame = pd.DataFrame(X, columns=list("abcde"))
    names = np.array(["no", "yes"])[two]
    for rows in (frame, sparse.csr_matrix(X), np.asfortranarray(X), X.tolist()):
        model = RandomForestClassifier(8, random_state=1).fit(rows, names)
        assert (model.predict(rows) == np.array(["no", "yes"])[whole.predict(X)]).all()
    paths, ends = whole.decision_path(X)
    assert paths.shape == (200, ends[-1]) and whole.apply(X).shape == (200, 8)
    assert len(whole) == 8 and whole[0] is whole.estimators_[0]


@BOTH
def test_hostile_input(estimator):
    with pytest.raises(NotFittedError):
        estimator().predict([[1.0]])
    for max_bins in (None, 16):
        model = estimator(2, max_bins=max_bins, random_state=0)
        assert model.fit([[1.0]], [5]).predict([[2.0]]).tolist() == [5]
        assert len(set(model.fit(np.zeros((30, 2)), np.ones(30)).predict(np.ones((3, 2))))) == 1
        assert model.fit(np.full((9, 1), np.nan), np.arange(9) % 2).predict([[1.0]]).shape == (1,)
        with pytest.raises(ValueError, match="infinity"):
            model.fit([[np.inf], [1.0]], [0, 1])
    for params in ({"n_estimators": 0}, {"max_samples": 0.0}, {"max_bins": 1}, {"max_depth": 0}):
        with pytest.raises(ParameterError, match=next(iter(params))):
            estimator(**{"bootstrap": True, **params}).fit([[0.0], [1.0]], [0, 1])
    with pytest.raises(ParameterError, match="Out of bag"):
        estimator(bootstrap=False, oob_score=True).fit([[0.0], [1.0]], [0, 1])


def test_the_poisson_criterion_refuses_negative_numbers():
    with pytest.raises(DataError, match="poisson"):
        RandomForestRegressor(criterion="poisson").fit([[0.0], [1.0]], [-1.0, 2.0])
