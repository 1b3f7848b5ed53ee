"""IsolationForest: scikit-learn's contract, planes, weights, missing values, seeds and threads."""

import pickle

import numpy as np
import pandas as pd
import polars as pl
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse
from sklearn import ensemble
from sklearn.base import clone
from sklearn.metrics import roc_auc_score
from sklearn.utils.estimator_checks import check_estimator

import tamis
from tamis.exceptions import DataError, ParameterError, ShapeError, StateError
from tamis.outlier import IsolationForest


def table(n=600, p=4, seed=0, outliers=20):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, p))
    X[:outliers] = rng.uniform(-6, 6, size=(outliers, p))
    return X, np.arange(n) < outliers


@pytest.mark.parametrize("level", [0, "full"])
def test_check_estimator(level):
    forest = IsolationForest(n_estimators=20, extension_level=level)
    why = "weights are chances to be drawn, not repetitions, as in scikit-learn's class"
    kinds = ("dense", "sparse")
    unmet = {f"check_sample_weight_equivalence_on_{kind}_data": why for kind in kinds}
    check_estimator(forest, expected_failed_checks=unmet, on_skip=None)


@pytest.mark.parametrize("level", [0, 1, "full"])
def test_ranks_as_well_as_scikit_learn(level):
    X, truth = table(2000)
    ours = IsolationForest(random_state=0, extension_level=level).fit(X)
    theirs = ensemble.IsolationForest(random_state=0).fit(X)
    auc = roc_auc_score(truth, -ours.score_samples(X))
    assert auc > roc_auc_score(truth, -theirs.score_samples(X)) - 0.005
    if level == 0:
        both = np.corrcoef(ours.score_samples(X), theirs.score_samples(X))
        assert both[0, 1] > 0.95
        assert_allclose(ours.score_samples(X).mean(), theirs.score_samples(X).mean(), atol=0.01)


def test_planes_find_what_no_axis_shows():
    rng = np.random.default_rng(0)
    angle = rng.uniform(0, 2 * np.pi, 1000)
    ring = np.column_stack([np.cos(angle), np.sin(angle)]) + 0.05 * rng.normal(size=(1000, 2))
    X = np.concatenate([ring, 0.05 * rng.normal(size=(10, 2))])
    truth = np.arange(1010) >= 1000
    axes, planes = (
        roc_auc_score(truth, -IsolationForest(random_state=0, **k).fit(X).score_samples(X))
        for k in ({}, {"extension_level": 1})
    )
    assert planes > axes and planes > 0.9


def test_units_do_not_matter_to_planes():
    X, truth = table()
    X = X * np.array([1e-6, 1.0, 1e6, 1e3]) + np.array([0, 0, 1e7, 0])
    forest = IsolationForest(random_state=0, extension_level="full").fit(X)
    assert roc_auc_score(truth, -forest.score_samples(X)) > 0.9


def test_weight_zero_is_removal_and_weights_are_chances():
    X, _ = table()
    weights = np.random.default_rng(1).integers(0, 3, len(X)).astype(float)
    for options in ({}, {"bootstrap": True}, {"contamination": 0.1}):
        forest = IsolationForest(n_estimators=10, random_state=0, **options)
        some = clone(forest).fit(X, sample_weight=weights)
        less = clone(forest).fit(X[weights > 0], sample_weight=weights[weights > 0])
        assert_array_equal(some.score_samples(X), less.score_samples(X))
        assert some.offset_ == less.offset_
        assert all((weights[rows] > 0).all() for rows in some.estimators_samples_)
    heavy = np.where(np.arange(len(X)) == 3, 1e6, 1.0)
    forest = IsolationForest(random_state=0, max_samples=5).fit(X, sample_weight=heavy)
    assert all(3 in rows for rows in forest.estimators_samples_)
    for bad in (-weights - 1, weights * 0, np.full(len(X), np.nan)):
        with pytest.raises(DataError, match="sample_weight"):
            clone(forest).fit(X, sample_weight=bad)
    with pytest.raises(ShapeError):
        clone(forest).fit(X, sample_weight=[1.0])


def test_samples_are_what_the_trees_saw():
    X, _ = table()
    forest = IsolationForest(n_estimators=7, max_samples=50, random_state=3).fit(X)
    for rows in forest.estimators_samples_:
        assert rows.dtype == np.int64 and len(np.unique(rows)) == 50
    alone = IsolationForest(n_estimators=1, max_samples=50, random_state=3)
    alone.fit(X)
    assert_array_equal(alone.estimators_samples_[0], forest.estimators_samples_[0])
    twice = IsolationForest(bootstrap=True, max_samples=1.0, random_state=0).fit(X[:50])
    assert any(len(np.unique(rows)) < 50 for rows in twice.estimators_samples_)


def test_the_first_trees_do_not_depend_on_how_many_there_are():
    X, _ = table()
    grown = IsolationForest(n_estimators=5, random_state=1, warm_start=True).fit(X)
    first = list(grown.estimators_)
    grown.set_params(n_estimators=12).fit(X)
    assert all(a is b for a, b in zip(first, grown.estimators_[:5], strict=True))
    once = IsolationForest(n_estimators=12, random_state=1).fit(X)
    assert_array_equal(grown.score_samples(X), once.score_samples(X))
    assert len(once) == 12 and once[3] is list(once)[3]
    with pytest.raises(ParameterError, match="larger or equal"):
        grown.set_params(n_estimators=3).fit(X)
    with pytest.warns(UserWarning, match="does not fit new trees"):
        grown.set_params(n_estimators=12).fit(X)


@pytest.mark.parametrize("level", [0, "full"])
def test_threads_batches_layouts_and_pickle(level, tmp_path):
    X, _ = table(5000)
    X[X > 2.5] = np.nan
    forest = IsolationForest(
        n_estimators=20, max_features=3, random_state=0, extension_level=level, n_jobs=1
    ).fit(X)
    want = forest.score_samples(X)
    frozen = np.asfortranarray(X)
    frozen.flags.writeable = False
    for n_jobs, table_ in ((2, X), (3, frozen), (1, np.repeat(X, 2, axis=1)[:, ::2])):
        other = clone(forest).set_params(n_jobs=n_jobs).fit(table_)
        assert_array_equal(other.score_samples(table_), want)
    assert_array_equal(forest.score_samples(X[17:18]), want[17:18])
    assert_array_equal(pickle.loads(pickle.dumps(forest)).score_samples(X), want)
    tamis.save(forest, tmp_path / "forest.tamis")
    again = tamis.load(tmp_path / "forest.tamis")
    assert_array_equal(again.score_samples(X), want)
    assert_array_equal(again.estimators_samples_[4], forest.estimators_samples_[4])
    damaged = forest.estimators_[0].arrays()
    damaged["feature"] = damaged["feature"] + np.uint32(100)
    with pytest.raises(StateError, match="feature"):
        type(forest.estimators_[0])(**damaged)


def test_missing_cells_are_no_evidence():
    X, truth = table(2000)
    holes = np.random.default_rng(5).random(X.shape) < 0.1
    holes[truth] = False
    X[holes] = np.nan
    for level in (0, "full"):
        forest = IsolationForest(random_state=0, extension_level=level).fit(X)
        scores = forest.score_samples(X)
        assert roc_auc_score(truth, -scores) > 0.9
        assert scores[holes.sum(axis=1) >= 2].mean() > scores[~truth].mean() - 0.02
        assert (forest.explain(X)[np.isnan(X)] == 0).all()


def test_constant_columns_and_rows():
    for X in (np.ones((40, 3)), np.full((5, 2), np.nan), [[3.0, 4.0]]):
        forest = IsolationForest(random_state=0).fit(X)
        assert_array_equal(forest.score_samples(X), -0.5)
        assert_array_equal(forest.predict(X), 1)
        assert_array_equal(forest.explain(X), 0)


@pytest.mark.parametrize("level", [0, "full"])
def test_the_guilty_feature_has_the_share(level):
    X, _ = table(outliers=0)
    X[7, 2] = 15.0
    forest = IsolationForest(random_state=0, extension_level=level).fit(X)
    shares = forest.explain(X)
    assert shares[7].argmax() == 2 and shares[7, 2] > 0.6
    total = shares.sum(axis=1)
    assert (np.isclose(total, 1) | (total == 0)).all() and (shares >= 0).all()


@pytest.mark.parametrize("contamination", [0.05, 0.5])
def test_contamination_and_ties(contamination):
    X, _ = table()
    X = np.round(X)
    forest = IsolationForest(contamination=contamination, random_state=0).fit(X)
    decision = forest.decision_function(X)
    assert_allclose(forest.offset_, np.percentile(forest.score_samples(X), 100 * contamination))
    assert_array_equal(forest.predict(X), np.where(decision < 0, -1, 1))
    assert (forest.predict(X) == -1).mean() <= contamination


@pytest.mark.parametrize("make", [sparse.csr_matrix, sparse.csc_array, sparse.coo_matrix])
def test_sparse_matrices_score_as_dense_ones(make):
    X, _ = table()
    X[X < 0] = 0
    weights = (np.arange(len(X)) % 3).astype(float)
    forest = IsolationForest(n_estimators=10, random_state=0, contamination=0.1)
    dense = clone(forest).fit(X, sample_weight=weights)
    thin = clone(forest).fit(make(X), sample_weight=weights)
    assert_array_equal(thin.score_samples(make(X)), dense.score_samples(X))
    assert thin.offset_ == dense.offset_
    with pytest.raises(DataError, match="infinity"):
        forest.fit(make(np.array([[np.inf, 1.0]])))


@pytest.mark.parametrize("make", [pd.DataFrame, pl.DataFrame])
def test_frames_and_what_is_no_number(make):
    X, _ = table()
    names = list("abcd")
    frame = make(dict(zip(names, X.T, strict=True)))
    forest = IsolationForest(random_state=0, contamination=0.1).fit(frame)
    assert_array_equal(forest.feature_names_in_, names)
    assert_array_equal(
        forest.score_samples(frame),
        IsolationForest(random_state=0).fit(X).score_samples(X),
    )
    with pytest.raises(DataError, match="in column 1"):
        forest.fit([[1.0, "x"], [2.0, "y"]])


@pytest.mark.parametrize(
    "bad",
    [
        {"n_estimators": 0}, {"max_samples": 0}, {"max_samples": 1.5}, {"max_samples": "all"},
        {"max_features": 9}, {"max_features": 0.0}, {"max_features": 1.5}, {"contamination": 0.6},
        {"contamination": 0}, {"extension_level": -1}, {"extension_level": "half"},
        {"threshold": "high"}, {"threshold": "auto", "contamination": 0.1}, {"n_jobs": 0},
    ],
)  # fmt: skip
def test_bad_parameters(bad):
    with pytest.raises(ParameterError):
        IsolationForest(**bad).fit(np.eye(4))


def test_infinity_and_width():
    with pytest.raises(DataError, match="infinity in column 1, row 0"):
        IsolationForest().fit([[1.0, np.inf], [1.0, 2.0]])
    with pytest.raises(ValueError, match="features"):
        IsolationForest().fit([[1.0, 2.0]]).predict([[1.0]])
    X, _ = table()
    before = X.copy()
    IsolationForest(contamination=0.1).fit(X).explain(X)
    assert_array_equal(X, before)
