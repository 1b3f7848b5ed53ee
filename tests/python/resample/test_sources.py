"""Made rows do not cross folds, whichever way they are kept from it."""

import numpy as np
import pytest
from sklearn.model_selection import GroupKFold, StratifiedKFold, cross_val_score
from sklearn.neighbors import KNeighborsClassifier

from tamis.exceptions import DataError, ShapeError
from tamis.pipeline import Pipeline
from tamis.resample import (
    SMOTE,
    SMOTEENN,
    RandomOverSampler,
    RandomUnderSampler,
    SourceSplit,
    check_split,
    source_groups,
)


def noise(n=200, seed=0):
    """Return rows that say nothing about their class: what beats chance has leaked."""
    rng = np.random.default_rng(seed)
    return rng.normal(size=(n, 3)), (rng.random(n) < 0.15).astype(int)


def test_groups_keep_rows_with_what_they_were_made_from():
    X, y = noise()
    sampler = RandomOverSampler(random_state=0)
    X_out, y_out = sampler.fit_resample(X, y)
    groups = source_groups(sampler.source_index_)
    assert groups.max() + 1 == len(X)
    for train, test in GroupKFold(4).split(X_out, y_out, groups):
        check_split(sampler.source_index_, train, test)
    made = SMOTE(random_state=0)
    made.fit_resample(X, y)
    linked = source_groups(made.source_index_)
    first, second = made.source_index_.T
    np.testing.assert_array_equal(linked[first], linked[second])
    assert source_groups(np.zeros((0, 2), int)).shape == (0,)


@pytest.mark.parametrize(
    "sampler", [SMOTE(random_state=0), RandomOverSampler(random_state=0), SMOTEENN(random_state=0),
                RandomUnderSampler(random_state=0, replacement=True)]
)  # fmt: skip
def test_folds_of_originals_alone(sampler):
    X, y = noise()
    X_out, y_out = sampler.fit_resample(X, y)
    source = sampler.source_index_
    plain = StratifiedKFold(4, shuffle=True, random_state=0)
    if len(X_out) > len(X):
        with pytest.raises(DataError, match="shares its source row"):
            for train, test in plain.split(X_out, y_out):
                check_split(source, train, test)
    folds = SourceSplit(source, plain)
    assert folds.get_n_splits() == 4
    tested = []
    for train, test in folds.split(X_out, y_out):
        check_split(source, train, test)
        assert (source[test] == source[test][:, :1]).all()
        tested += source[test, 0].tolist()
    assert sorted(tested) == sorted(set(source[(source == source[:, :1]).all(axis=1), 0]))


def test_what_leaks_is_seen_and_what_does_not_is_not():
    X, y = noise(400)
    sampler = RandomOverSampler(random_state=0)
    X_out, y_out = sampler.fit_resample(X, y)
    model = KNeighborsClassifier(1)
    how = {"scoring": "balanced_accuracy"}
    leaky = cross_val_score(model, X_out, y_out, cv=StratifiedKFold(4), **how).mean()
    safe = cross_val_score(model, X_out, y_out, cv=SourceSplit(sampler.source_index_, 4), **how)
    inside = Pipeline([("more", RandomOverSampler(random_state=0)), ("model", model)])
    within = cross_val_score(inside, X, y, cv=StratifiedKFold(4), **how).mean()
    assert leaky > 0.85 and safe.mean() < 0.65 and within < 0.65


def test_what_is_no_provenance_is_refused():
    for wrong in ([0, 1], [[0.5, 1.0]], np.zeros((3, 0), int)):
        with pytest.raises(ShapeError):
            source_groups(wrong)
    with pytest.raises(ShapeError, match="has 1 rows"):
        next(SourceSplit([[0, 0]]).split(np.zeros((2, 1)), [0, 1]))
