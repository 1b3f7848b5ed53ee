"""OutlierEnsemble: every planted kind is found, threads, missing values, its own detectors."""

import pickle

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn import covariance, datasets
from sklearn.base import clone
from sklearn.metrics import roc_auc_score
from sklearn.utils.estimator_checks import check_estimator

import tamis
from tamis.exceptions import ParameterError
from tamis.outlier import ECOD, HBOS, IsolationForest, KNNDetector, OutlierEnsemble


def planted(kind, seed=0, n=1000, p=6, m=50):
    """Return rows of two dependent heaps, then outliers of a kind, and which these are."""
    rng = np.random.default_rng(seed)
    mixes = rng.normal(size=(2, p, p))
    heaps = [rng.normal(size=(n // 2, p)) @ mix * 0.5 + 6 * i - 3 for i, mix in enumerate(mixes)]
    X = np.concatenate(heaps)
    if kind == "global":
        out = rng.uniform(X.min(axis=0) * 1.1, X.max(axis=0) * 1.1, size=(m, p))
    elif kind == "local":
        wide = [rng.multivariate_normal(h.mean(0), 5 * np.cov(h.T), m // 2) for h in heaps]
        out = np.concatenate(wide)
    elif kind == "clustered":
        far = X.mean(axis=0) + 4 * X.std(axis=0) * rng.choice([-1, 1], p)
        out = far + 0.3 * rng.normal(size=(m, p))
    else:  # each column as it is, but not together
        out = np.column_stack([rng.permutation(column)[:m] for column in X.T])
    return np.concatenate([X, out]), np.arange(n + m) >= n


def check(detector):
    why = "with threshold='auto' three blobs have no outlier"
    unmet = {"check_outliers_fit_predict": why, "check_outliers_train": why}
    unmet = {} if detector.contamination else unmet
    check_estimator(detector, expected_failed_checks=unmet, on_skip=None)


@pytest.mark.slow
def test_check_estimator():
    few = [IsolationForest(n_estimators=10, random_state=0), HBOS(n_bins=10)]
    check(OutlierEnsemble(few, contamination=0.1))
    check(OutlierEnsemble(few))


@pytest.mark.parametrize("kind", ["global", "local", "clustered", "dependency"])
def test_every_planted_kind_is_found(kind):
    aucs = []
    for seed in range(2):
        X, truth = planted(kind, seed)
        aucs.append(roc_auc_score(truth, -OutlierEnsemble(random_state=0).fit(X).scores_))
    assert np.mean(aucs) > 0.85


def test_real_tables_and_the_threshold():
    data = datasets.load_breast_cancer()
    rng = np.random.default_rng(0)
    ill = rng.choice(np.flatnonzero(data.target == 0), 20, replace=False)
    X = np.concatenate([data.data[data.target == 1], data.data[ill]])
    truth = np.arange(len(X)) >= len(X) - 20
    ensemble = OutlierEnsemble(random_state=0).fit(X)
    assert roc_auc_score(truth, -ensemble.scores_) > 0.85
    clean = [
        (OutlierEnsemble(random_state=0).fit_predict(draw(np.random.default_rng(s), (200, 4))) < 0)
        for s in range(3)
        for draw in (lambda r, n: r.normal(size=n), lambda r, n: r.lognormal(size=n))
    ]
    assert np.mean(clean) <= 0.01


def test_threads_pickle_saved_and_new_rows(tmp_path):
    X, truth = planted("global")
    X[5, 2] = np.nan
    want = OutlierEnsemble(random_state=0, n_jobs=1).fit(X)
    other = OutlierEnsemble(random_state=0, n_jobs=2).fit(X)
    assert_array_equal(want.scores_, other.scores_)
    assert_array_equal(want.evidence_.mean(axis=1), -want.scores_)
    scores = want.score_samples(X)
    assert roc_auc_score(truth, -scores) > 0.95
    assert_array_equal(want.score_samples(X[3:4]), scores[3:4])
    tamis.save(want, tmp_path / "ensemble.tamis")
    for again in (pickle.loads(pickle.dumps(want)), tamis.load(tmp_path / "ensemble.tamis")):
        assert_array_equal(again.score_samples(X), scores)
    X[9] = np.nanmean(X, axis=0)
    X[9, 4] = 60.0
    shares = clone(want).fit(X).explain(X)
    assert shares[9].argmax() == 4
    assert_allclose(shares.sum(axis=1), 1)


def test_detectors_of_ones_own():
    X, _ = planted("global", n=200, m=10)
    for detectors in ([ECOD(), KNNDetector(5)], [covariance.EllipticEnvelope(random_state=0)]):
        ensemble = OutlierEnsemble(detectors, contamination=0.05).fit(X)
        assert (ensemble.predict(X) == -1).sum() <= 11
        assert ensemble.evidence_.shape == (len(X), len(detectors))
        assert not hasattr(detectors[0], "scores_")
    for bad in ([], [3]):
        with pytest.raises((ParameterError, TypeError)):
            OutlierEnsemble(bad).fit(X)


def test_constant_rows_and_few_rows():
    for X in (np.ones((30, 2)), np.full((30, 2), np.nan), np.arange(6.0).reshape(3, 2)):
        ensemble = OutlierEnsemble(random_state=0).fit(X)
        assert (ensemble.fit_predict(X) == 1).all()
        assert np.isfinite(ensemble.score_samples(X + 1)).all()
