"""Neighbours: what scikit-learn's classes say, wherever no two are equally near."""

import pickle

import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from sklearn import neighbors
from sklearn.utils.estimator_checks import parametrize_with_checks

import tamis
from tamis.models import KNeighborsClassifier, KNeighborsRegressor


@parametrize_with_checks([KNeighborsClassifier(), KNeighborsRegressor()])
def test_scikit_learns_checks(estimator, check):
    check(estimator)


@pytest.fixture(scope="module")
def data():
    rng = np.random.default_rng(0)
    X, Q = rng.normal(size=(400, 6)), rng.normal(size=(150, 6))
    return X, Q, rng.integers(0, 3, 400), rng.normal(size=(400, 2))


@pytest.mark.parametrize("weights", ["uniform", "distance", None, lambda d: 1 / (1 + d)])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_predictions_are_scikit_learns(data, weights, dtype):
    X, Q, labels, numbers = data
    X, Q = X.astype(dtype), np.concatenate([Q, X[:5]]).astype(dtype)
    for y in (labels, np.array(["a", "b", "c"])[labels], np.column_stack([labels, labels // 2])):
        ours = KNeighborsClassifier(7, weights=weights).fit(X, y)
        theirs = neighbors.KNeighborsClassifier(7, weights=weights).fit(X, y)
        np.testing.assert_array_equal(ours.predict(Q), theirs.predict(Q))
        got, want = ours.predict_proba(Q), theirs.predict_proba(Q)
        for mine, other in zip(got, want, strict=True):  # by row, or by output
            np.testing.assert_allclose(mine, other, atol=1e-5)
    for y in (numbers, numbers[:, 0]):
        ours = KNeighborsRegressor(7, weights=weights).fit(X, y)
        theirs = neighbors.KNeighborsRegressor(7, weights=weights).fit(X, y)
        np.testing.assert_allclose(ours.predict(Q), theirs.predict(Q), atol=1e-5)
        assert ours.predict(Q).shape == theirs.predict(Q).shape
    for rows in (Q, None):
        got, want = ours.kneighbors(rows, 3), theirs.kneighbors(rows, 3)
        np.testing.assert_array_equal(got[1], want[1])
        np.testing.assert_allclose(got[0], want[0], atol=2e-3)


@pytest.mark.parametrize("metric", ["manhattan", "cosine", lambda a, b: abs(a - b).max()])
def test_other_distances_and_sparse_rows_are_scikit_learns(data, metric):
    X, Q, y, _ = data
    ours = KNeighborsClassifier(metric=metric).fit(X, y)
    theirs = neighbors.KNeighborsClassifier(metric=metric).fit(X, y)
    np.testing.assert_array_equal(ours.predict(Q[:20]), theirs.predict(Q[:20]))
    thin = KNeighborsClassifier().fit(sparse.csr_array(X), y)
    np.testing.assert_array_equal(
        thin.predict(sparse.csr_array(Q)), KNeighborsClassifier().fit(X, y).predict(Q)
    )


def test_the_first_of_equally_near_rows_counts_and_threads_agree():
    grid = np.random.default_rng(1).integers(0, 3, (300, 2)).astype(float)
    y = np.arange(300)
    found = [
        KNeighborsRegressor(5, n_jobs=n).fit(grid, y).kneighbors(grid, return_distance=False)
        for n in (1, 2, 3)
    ]
    assert all(np.array_equal(found[0], other) for other in found[1:])
    distance = ((grid[:, None] - grid) ** 2).sum(axis=2)
    np.testing.assert_array_equal(found[0], np.argsort(distance, axis=1, kind="stable")[:, :5])


def test_frames_pickles_and_files(data, tmp_path):
    X, Q, y, numbers = data
    frame, later = pd.DataFrame(X).add_prefix("c"), pd.DataFrame(Q).add_prefix("c")
    for model in (
        KNeighborsClassifier().fit(frame, y),
        KNeighborsRegressor().fit(frame, numbers),
        KNeighborsClassifier(metric="manhattan", algorithm="brute").fit(frame, y),
    ):
        want = model.predict(later)
        np.testing.assert_array_equal(pickle.loads(pickle.dumps(model)).predict(later), want)
        tamis.save(model, tmp_path / "model.tamis")
        again = tamis.load(tmp_path / "model.tamis")
        np.testing.assert_array_equal(again.predict(later), want)
    before = model.get_params()
    assert before["algorithm"] == "brute" and KNeighborsClassifier().algorithm == "auto"


@pytest.mark.parametrize("k", [0, -1, 401, 2.5, "many"])
def test_errors_are_scikit_learns(data, k):
    X, Q, y, _ = data
    theirs = None
    try:
        neighbors.KNeighborsClassifier(k).fit(X, y).kneighbors(Q)
    except (ValueError, TypeError) as error:
        theirs = error
    with pytest.raises(type(theirs)):
        KNeighborsClassifier(k).fit(X, y).kneighbors(Q)
