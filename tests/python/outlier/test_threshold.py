"""threshold="auto": few false positives whatever the distribution, and outliers found."""

import numpy as np
import pytest
from sklearn.base import clone

from tamis.outlier import (
    ECOD,
    HBOS,
    EllipticEnvelope,
    IsolationForest,
    KNNDetector,
    LocalOutlierFactor,
    OutlierEnsemble,
    PCADetector,
)
from tamis.outlier._threshold import automatic

CLEAN = {
    "normal": lambda rng, shape: rng.normal(size=shape),
    "uniform": lambda rng, shape: rng.uniform(size=shape),
    "log-normal": lambda rng, shape: rng.lognormal(size=shape),
    "t(5)": lambda rng, shape: rng.standard_t(5, size=shape),
}
DETECTORS = [
    ECOD(),
    HBOS(),
    IsolationForest(random_state=0, threshold="auto"),
    KNNDetector(),
    LocalOutlierFactor(threshold="auto"),
    EllipticEnvelope(random_state=0, threshold="auto"),
    PCADetector(),
    OutlierEnsemble(random_state=0),
]


def share_flagged(detector, draw, n, p, seed):
    X = draw(np.random.default_rng(seed), (n, p))
    return (clone(detector).fit_predict(X) == -1).mean()


@pytest.mark.parametrize("kind", CLEAN)
@pytest.mark.parametrize("detector", DETECTORS, ids=lambda d: type(d).__name__)
def test_false_positives_on_small_clean_tables(detector, kind):
    draws = 2 if isinstance(detector, EllipticEnvelope) else 6  # its search takes its time
    shares = [share_flagged(detector, CLEAN[kind], 200, p, s) for p in (2, 8) for s in range(draws)]
    assert np.mean(shares) <= 0.01


@pytest.mark.slow
@pytest.mark.parametrize("kind", CLEAN)
@pytest.mark.parametrize("detector", DETECTORS, ids=lambda d: type(d).__name__)
def test_false_positives_on_larger_clean_tables(detector, kind):
    for n, draws in ((1000, 8), (10_000, 2)):
        shares = [share_flagged(detector, CLEAN[kind], n, 5, s) for s in range(draws)]
        assert np.mean(shares) <= 0.01


def test_outliers_do_not_move_it_much_and_ties_are_normal():
    rng = np.random.default_rng(0)
    clean = -rng.exponential(size=2000)
    few = np.concatenate([clean[:1900], np.full(100, -50.0)])
    assert automatic(few) < automatic(clean) < -5
    assert (few < automatic(few)).sum() == 100
    for flat in (np.zeros(30), np.r_[np.zeros(95), -np.ones(5)], np.array([1.0])):
        assert not (flat < automatic(flat)).any()
