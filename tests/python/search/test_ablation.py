"""The interval of a step's worth."""

import numpy as np
import pytest
from scipy import stats

from tamis.search._ablation import corrected_interval, verdict


def test_interval_is_nadeau_and_bengios():
    d = np.array([0.01, 0.03, -0.01, 0.02, 0.05, 0.00])
    mean, low, high = corrected_interval(d, 0.25)
    reach = stats.t.ppf(0.975, 5) * np.sqrt((1 / 6 + 0.25) * d.var(ddof=1))
    assert mean == pytest.approx(d.mean())
    assert (low, high) == pytest.approx((mean - reach, mean + reach))


def test_interval_without_evidence():
    assert corrected_interval(np.array([0.1]), 0.25)[1:] == (-np.inf, np.inf)
    assert corrected_interval(np.zeros(10), 0.25) == (0.0, 0.0, 0.0)
    assert [verdict(*i) for i in [(0.1, 0.2), (-0.2, -0.1), (-0.1, 0.1), (0.0, 0.0)]] == [
        "helps", "hurts", "no evidence", "no evidence",
    ]  # fmt: skip


def test_corrected_interval_covers_and_the_plain_one_does_not():
    """Scores of folds share training rows: over many data sets the correction must hold."""
    rng = np.random.default_rng(0)
    covers = 0
    draws = 300
    for _ in range(draws):
        x = rng.normal(size=60)
        d = []
        for _ in range(3):
            order = rng.permutation(60)
            for f in range(5):
                test = order[f * 12 : (f + 1) * 12]
                train = np.setdiff1d(order, test)
                # The worth of predicting by the training mean rather than by zero, truth: -1/48.
                d.append(np.mean(x[test] ** 2) - np.mean((x[test] - x[train].mean()) ** 2))
        _, low, high = corrected_interval(np.array(d), 0.25)
        covers += low <= -1 / 48 <= high
    assert covers / draws > 0.9
