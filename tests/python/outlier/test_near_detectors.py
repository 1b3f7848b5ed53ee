"""KNNDetector and LocalOutlierFactor: exact neighbours, duplicates, novelty, missing values."""

import pickle
import threading
import time
import warnings

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from sklearn import neighbors
from sklearn.base import clone
from sklearn.utils.estimator_checks import check_estimator

import tamis
from tamis import _core
from tamis.exceptions import DataError, ParameterError, StoppedError
from tamis.outlier import KNNDetector, LocalOutlierFactor


@pytest.mark.parametrize("novelty", [False, True])
@pytest.mark.parametrize("detector", [KNNDetector(contamination=0.1), LocalOutlierFactor(5)])
def test_check_estimator(detector, novelty):
    check_estimator(detector.set_params(novelty=novelty), on_skip=None)


@given(st.integers(0, 2**32 - 1), st.sampled_from([np.float32, np.float64]), st.integers(1, 12))
def test_neighbours_are_those_of_scikit_learn(seed, dtype, p):
    rng = np.random.default_rng(seed)
    X = (rng.normal(size=(150, p)) * 10.0 ** rng.integers(-3, 4) + rng.normal()).astype(dtype)
    Y = rng.normal(size=(40, p)).astype(dtype)
    ours = KNNDetector(7).fit(X)
    theirs = neighbors.NearestNeighbors(n_neighbors=7, algorithm="kd_tree").fit(X)
    for rows in (None, Y):
        got, places = ours.kneighbors(rows)
        want, _ = theirs.kneighbors(rows)
        assert_allclose(got, want, rtol=1e-9, atol=1e-12)
        origin = X if rows is None else Y
        measured = np.linalg.norm((origin[:, None] - X[places]).astype(np.float64), axis=2)
        assert_allclose(got, measured, rtol=1e-6, atol=1e-12)


@pytest.mark.parametrize("p", [3, 40])
def test_factors_are_those_of_scikit_learn(p):
    X = np.random.default_rng(0).normal(size=(500, p))
    for options in ({}, {"n_neighbors": 5, "contamination": 0.05}, {"metric": "manhattan"}):
        ours = LocalOutlierFactor(**options, novelty=True).fit(X)
        theirs = neighbors.LocalOutlierFactor(**options, novelty=True).fit(X)
        assert_allclose(ours.negative_outlier_factor_, theirs.negative_outlier_factor_, rtol=1e-9)
        assert_allclose(ours.offset_, theirs.offset_)
        assert_allclose(ours.score_samples(X + 0.1), theirs.score_samples(X + 0.1), rtol=1e-9)
    graph = ours.kneighbors_graph(X[:5], mode="distance")
    assert_allclose(graph.toarray(), theirs.kneighbors_graph(X[:5], mode="distance").toarray())


def test_duplicates_do_not_blow_factors_up():
    rng = np.random.default_rng(0)
    x = np.concatenate([np.full(1000, 0.1), np.linspace(0.1, 0.3, 3000), rng.random(500) * 100])
    X = rng.permutation(x)[:, None]
    theirs = neighbors.LocalOutlierFactor(n_neighbors=5)
    with pytest.warns(UserWarning, match="Duplicate"):
        theirs.fit(X)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        ours = LocalOutlierFactor(n_neighbors=5).fit(X)
    factors, other = ours.negative_outlier_factor_, theirs.negative_outlier_factor_
    assert factors.min() > -1e4 and other.min() < -1e7
    beside = np.abs(X[:, 0] - 0.1) < 1e-3
    same = np.isclose(factors, other, rtol=1e-6)[~beside & (other > -1e3)]
    assert same.mean() > 0.99  # but for which of equally near rows are taken
    assert (factors[X[:, 0] == 0.1] == -1).all()
    heap = np.zeros((60, 2))
    heap[-1] = 1e6
    fitted = LocalOutlierFactor(n_neighbors=5, novelty=True).fit(heap)
    assert fitted._predict()[-1] == -1 and (fitted._predict()[:-1] == 1).all()
    assert -1e4 < fitted.score_samples([[1e12, 0.0]])[0] < -1.5
    assert (LocalOutlierFactor().fit(np.ones((50, 3))).negative_outlier_factor_ == -1).all()


def test_distances_by_hand():
    X = np.array([[0.0], [1.0], [3.0], [7.0]])
    want = {"largest": [3, 2, 3, 6], "mean": [2, 1.5, 2.5, 5], "median": [2, 1.5, 2.5, 5]}
    for method, distances in want.items():
        assert_allclose(-KNNDetector(2, method=method).fit(X).scores_, distances)
    new = KNNDetector(2, novelty=True).fit(X)
    assert_allclose(-new.score_samples([[0.0], [5.0]]), [1, 2])
    assert KNNDetector(20).fit(X).n_neighbors_ == 3


@pytest.mark.parametrize(
    "detector", [KNNDetector(5, novelty=True), LocalOutlierFactor(5, novelty=True)]
)
def test_threads_layouts_pickle_and_saved(detector, tmp_path):
    X = np.random.default_rng(1).normal(size=(3000, 4))
    X[X > 2.5] = np.nan
    want = clone(detector).set_params(n_jobs=1).fit(X)
    scores = want.score_samples(X)
    assert_array_equal(want.score_samples(X[7:8]), scores[7:8])
    frozen = np.asfortranarray(X)
    frozen.flags.writeable = False
    for n_jobs, table in ((2, X), (3, frozen), (1, np.repeat(X, 2, axis=1)[:, ::2])):
        other = clone(detector).set_params(n_jobs=n_jobs).fit(table)
        assert_array_equal(other.score_samples(table), scores)
    tamis.save(want, tmp_path / "detector.tamis")
    for again in (pickle.loads(pickle.dumps(want)), tamis.load(tmp_path / "detector.tamis")):
        assert_array_equal(again.score_samples(X), scores)


@pytest.mark.parametrize("cls", [KNNDetector, LocalOutlierFactor])
def test_missing_cells_are_the_median(cls):
    X = np.random.default_rng(2).normal(size=(200, 3))
    X[5, 1] = np.nan
    X[:, 2] = np.where(np.arange(200) == 9, 40.0, X[:, 2])
    filled = X.copy()
    filled[5, 1] = np.nanmedian(X[:, 1])
    one, other = cls(5, novelty=True).fit(X), cls(5, novelty=True).fit(filled)
    assert_array_equal(one.score_samples(X), other.score_samples(filled))
    empty = np.column_stack([X, np.full(200, np.nan)])
    assert_allclose(cls(5, novelty=True).fit(empty).score_samples(empty), one.score_samples(X))
    shares = one.explain()
    assert shares[9].argmax() == 2 and shares[9, 2] > 0.9
    assert_allclose(shares.sum(axis=1), 1)
    assert one.explain(X).shape == X.shape


@pytest.mark.parametrize("cls", [KNNDetector, LocalOutlierFactor])
def test_novelty_keeps_the_two_uses_apart(cls):
    X = np.random.default_rng(3).normal(size=(50, 2))
    old, new = cls(3).fit(X), cls(3, novelty=True).fit(X)
    for method in ("predict", "decision_function", "score_samples"):
        assert not hasattr(old, method) and hasattr(new, method)
    assert hasattr(old, "fit_predict") and not hasattr(new, "fit_predict")
    decision = new.decision_function(X)
    assert_array_equal(new.predict(X), np.where(decision < 0, -1, 1))


def test_frames_hostile_input_and_parameters():
    frame = pd.DataFrame({"a": [1.0, 2.0, None, 4.0], "b": [1, 2, 3, 90]})
    assert_array_equal(KNNDetector(2).fit(frame).feature_names_in_, ["a", "b"])
    with pytest.raises(DataError, match="in column 'town'"):
        KNNDetector(1).fit(pd.DataFrame({"a": [1.0, 2.0], "town": ["x", "y"]}))
    with pytest.raises(DataError, match="infinity in column 1, row 0"):
        LocalOutlierFactor(1).fit([[1.0, np.inf], [1.0, 2.0]])
    with pytest.raises(DataError, match="n_samples=1"):
        KNNDetector(1).fit([[1.0]])
    for bad in ({"n_neighbors": 0}, {"contamination": 0.7}, {"threshold": "x"}):
        with pytest.raises(ParameterError):
            KNNDetector(**bad).fit(np.eye(5))
        with pytest.raises(ParameterError):
            LocalOutlierFactor(**bad).fit(np.eye(5))
    with pytest.raises(ParameterError, match="method"):
        KNNDetector(method="sum").fit(np.eye(5))
    with pytest.raises(ParameterError, match="algorithm"):
        LocalOutlierFactor(algorithm="fast").fit(np.eye(5))
    X = np.eye(3)
    with pytest.raises(ParameterError, match="precision"):
        _core.nearest_rows(X, X.astype(np.float32), 1)
    with pytest.raises(ValueError, match="nearest of"):
        _core.nearest_rows(X, None, 3)
    huge = KNNDetector(1).fit(np.array([[1e200], [-1e200], [3e199]]))
    assert_allclose(-huge.scores_, [7e199, 1.3e200, 7e199])


def test_a_search_stops_soon():
    X = np.random.default_rng(4).normal(size=(60_000, 30))
    scope = _core.Scope()
    timer = threading.Timer(0.3, scope.stop)
    timer.start()
    start = time.perf_counter()
    with scope, pytest.raises(StoppedError):
        _core.nearest_rows(X, None, 20, 1)
    assert time.perf_counter() - start < 3
    timer.join()
