"""Folds keep groups whole and classes in proportion."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tamis.exceptions import DataError
from tamis.search._split import folds, holdout_rows, strata


@given(st.integers(0, 10_000), st.integers(2, 6), st.integers(1, 4))
def test_folds_partition_and_keep_groups(seed, k, copies):
    rng = np.random.default_rng(seed)
    group = np.repeat(np.arange(40), copies)
    rng.shuffle(group)
    y = rng.integers(0, 2, len(group))
    seen = np.zeros(len(group), dtype=int)
    for train, test in folds(y, group, k, seed):
        seen[test] += 1
        assert len(np.intersect1d(group[train], group[test])) == 0
        assert len(train) + len(test) == len(group)
    assert (seen == 1).all()


@given(st.integers(0, 10_000))
def test_classes_stay_in_proportion(seed):
    rng = np.random.default_rng(seed)
    y = (rng.random(200) < 0.2).astype(int)
    sizes = [(len(test), y[test].sum()) for _, test in folds(y, np.arange(200), 5, seed)]
    assert max(s for s, _ in sizes) - min(s for s, _ in sizes) <= 2
    assert max(p for _, p in sizes) - min(p for _, p in sizes) <= 1


def test_holdout_share_and_seed():
    y = np.repeat([0, 1], [700, 300])
    train, test = holdout_rows(y, np.arange(1000), 0.2, 3)
    assert len(test) == pytest.approx(200, abs=3)
    assert y[test].mean() == pytest.approx(0.3, abs=0.01)
    assert np.array_equal(test, holdout_rows(y, np.arange(1000), 0.2, 3)[1])
    assert not np.array_equal(test, holdout_rows(y, np.arange(1000), 0.2, 4)[1])
    assert sorted([*train, *test]) == list(range(1000))


def test_too_few_distinct_rows():
    with pytest.raises(DataError, match="only 2 distinct rows"):
        folds(np.zeros(10), np.repeat([0, 1], 5), 3, 0)


def test_strata_of_numbers_are_deciles():
    assert np.bincount(strata(np.arange(1000.0), False)).tolist() == [100] * 10
