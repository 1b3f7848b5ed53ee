"""EllipticEnvelope and PCADetector: distances, shares, missing values, columns without spread."""

import pickle

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn import covariance
from sklearn.base import clone
from sklearn.metrics import roc_auc_score
from sklearn.utils.estimator_checks import check_estimator

import tamis
from tamis.exceptions import DataError, ParameterError
from tamis.outlier import EllipticEnvelope, PCADetector

DETECTORS = [
    EllipticEnvelope(random_state=0, threshold="auto"),
    PCADetector(),
    PCADetector(0.5, whiten=False),
]


def table(n=500, p=4, seed=0):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, p)) @ rng.normal(size=(p, p)) + 5
    X[:10] = X.mean(axis=0) + 8 * X.std(axis=0) * rng.normal(size=(10, p))
    return X, np.arange(n) < 10


@pytest.mark.parametrize(
    "detector",
    [pytest.param(EllipticEnvelope(), marks=pytest.mark.slow), PCADetector(contamination=0.1)],
)
@pytest.mark.filterwarnings("ignore:The covariance matrix", "ignore:Determinant")
def test_check_estimator(detector):
    check_estimator(detector, on_skip=None)


def test_the_ellipse_is_scikit_learns():
    X, _ = table()
    ours = EllipticEnvelope(random_state=0, contamination=0.05).fit(X)
    theirs = covariance.EllipticEnvelope(random_state=0, contamination=0.05).fit(X)
    assert_allclose(ours.covariance_, theirs.covariance_)
    assert_allclose(ours.score_samples(X), theirs.score_samples(X))
    assert_allclose(ours.offset_, theirs.offset_)
    assert_array_equal(ours.predict(X), theirs.predict(X))


def test_all_components_are_the_mahalanobis_distance():
    X, _ = table()
    want = covariance.EmpiricalCovariance().fit(X).mahalanobis(X)
    assert_allclose(-PCADetector().fit(X).scores_, want)
    Z = (X - X.mean(axis=0)) / X.std(axis=0)
    _, _, axes = np.linalg.svd(Z, full_matrices=False)
    rest = Z - Z @ axes[:2].T @ axes[:2]
    got = PCADetector(2, whiten=False).fit(X)
    assert_allclose(-got.scores_, (rest**2).sum(axis=1))
    assert got.components_.shape == (2, 4)


@pytest.mark.parametrize("detector", DETECTORS)
def test_found_explained_saved_and_alone(detector, tmp_path):
    X, truth = table()
    X[20, 3] = np.nan
    X[30] = np.nanmean(X, axis=0)
    X[30, 1] += 50
    truth = truth | (np.arange(len(X)) == 30)
    detector = clone(detector).fit(X)
    scores = detector.score_samples(X)
    assert roc_auc_score(truth, -scores) > 0.95
    flagged = detector.predict(X) == -1
    assert flagged[truth].mean() > 0.4 and flagged[~truth].mean() < 0.01
    shares = detector.explain(X)
    assert_allclose(shares.sum(axis=1), 1)
    assert shares[30].argmax() == 1
    assert_array_equal(detector.score_samples(X[20:21]), scores[20:21])
    tamis.save(detector, tmp_path / "detector.tamis")
    for again in (pickle.loads(pickle.dumps(detector)), tamis.load(tmp_path / "detector.tamis")):
        assert_array_equal(again.score_samples(X), scores)


def test_columns_without_spread_or_of_one_another():
    X, _ = table()
    X = np.column_stack([X, np.full(len(X), 3.0), X[:, 0] * 2, np.full(len(X), np.nan)])
    scores = PCADetector().fit(X).scores_
    assert np.isfinite(scores).all()
    assert_allclose(scores, PCADetector().fit(X[:, :4]).scores_, rtol=1e-3, atol=1.0)
    assert_array_equal(PCADetector().fit(np.ones((20, 3))).scores_, 0)
    with pytest.warns(UserWarning, match="not full rank"):
        detector = EllipticEnvelope(random_state=0).fit(X)
    assert np.isfinite(detector.score_samples(X)).all()
    assert np.isfinite(detector.explain(X)).all()


def test_frames_and_parameters():
    X, _ = table()
    frame = pd.DataFrame(X, columns=list("abcd"))
    for detector in DETECTORS:
        fitted = clone(detector).fit(frame)
        assert_array_equal(fitted.feature_names_in_, list("abcd"))
        assert fitted.predict(frame).shape == (500,)
        with pytest.raises(DataError, match="infinity in column 1, row 0"):
            clone(detector).fit([[1.0, np.inf], [1.0, 2.0]])
    for bad in (0, 4, 1.5, "two", True):
        with pytest.raises(ParameterError, match="n_components"):
            PCADetector(bad).fit(X)
    for bad in ({"contamination": 0.7}, {"threshold": 3.0}):
        with pytest.raises(ParameterError):
            EllipticEnvelope(**bad).fit(X)
