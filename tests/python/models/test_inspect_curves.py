"""Learning curves and calibration: scikit-learn's numbers, words, what is refused."""

import matplotlib as mpl
import numpy as np
import pandas as pd
import polars as pl
import pytest
from sklearn.calibration import calibration_curve as their_calibration
from sklearn.dummy import DummyClassifier
from sklearn.model_selection import GroupKFold, KFold
from sklearn.model_selection import learning_curve as their_learning
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from tamis.exceptions import DataError, ParameterError, ShapeError
from tamis.models import (
    GaussianNB,
    HistGradientBoostingRegressor,
    LinearRegression,
    LogisticRegression,
    calibration_curve,
    learning_curve,
)

mpl.use("Agg")


def rows(n=200, seed=0):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, 3))
    p = 1 / (1 + np.exp(-2 * X[:, 0]))
    return X, p, (rng.random(n) < p).astype(int)


@pytest.mark.parametrize("strategy", ["uniform", "quantile"])
def test_scikit_learns_calibration(strategy):
    _, p, y = rows(500)
    curve = calibration_curve(y, p, n_bins=7, strategy=strategy)
    true, said = curve
    for ours, theirs in zip((true, said), their_calibration(y, p, n_bins=7, strategy=strategy),
                            strict=True):  # fmt: skip
        np.testing.assert_allclose(ours, theirs, atol=1e-12)
    assert curve.brier == pytest.approx(np.mean((y - p) ** 2))
    assert curve.ece == pytest.approx(np.average(np.abs(true - said), weights=curve.counts))
    assert (curve.low <= true).all() and (true <= curve.high).all()
    twice = calibration_curve(np.r_[y, y], np.r_[p, p], n_bins=7, strategy=strategy)
    weighed = calibration_curve(y, p, n_bins=7, strategy=strategy, sample_weight=np.full(500, 2))
    if strategy == "uniform":  # quantiles of more rows lie elsewhere
        np.testing.assert_allclose(twice.prob_true, weighed.prob_true)


def test_what_is_off_is_said():
    rng = np.random.default_rng(0)
    p = rng.random(4000)
    y = rng.random(4000) < p
    assert "No evidence" in calibration_curve(y, p).verdict
    assert "too high in" in calibration_curve(y, np.sqrt(p)).verdict
    assert "too low in" in calibration_curve(y, p**2).verdict
    sure = p**3 / (p**3 + (1 - p) ** 3)
    assert "too sure" in calibration_curve(y, sure, n_bins=10).verdict
    ax = calibration_curve(y, sure, n_bins=10).plot()
    assert "too sure" in ax.get_title(loc="left") and "ECE" in ax.texts[0].get_text()
    mpl.pyplot.close("all")


def test_classes_by_name_and_several():
    _, p, y = rows(300)
    names = np.array(["no", "yes"])[y]
    one = calibration_curve(names, p)
    both = np.c_[1 - p, p]
    np.testing.assert_allclose(one.prob_true, calibration_curve(names, both).prob_true)
    other = calibration_curve(names, both, pos_label="no")
    assert other.event == "no" and other.brier == pytest.approx(one.brier)
    proba = np.c_[p / 2, p / 2, 1 - p]
    three = calibration_curve(np.where(y, "a", "c"), proba, classes=["a", "b", "c"])
    assert three.event == "the likeliest class"


@pytest.mark.parametrize(
    ("y", "p", "options", "error"),
    [
        ([0, 1], [0.1, 1.2], {}, DataError),
        ([0, 1], [0.1, np.nan], {}, DataError),
        ([0, 1], [0.1], {}, ShapeError),
        ([], [], {}, DataError),
        ([0, 1, 2], [0.1, 0.2, 0.3], {}, DataError),
        ([0, 1], [0.1, 0.2], {"n_bins": 0}, ParameterError),
        ([0, 1], [0.1, 0.2], {"strategy": "even"}, ParameterError),
        ([0, 1], [0.1, 0.2], {"pos_label": "x"}, ParameterError),
    ],
)
def test_what_calibration_refuses(y, p, options, error):
    with pytest.raises(error):
        calibration_curve(y, p, **options)


def test_the_scores_are_those_of_models_fitted_on_so_many_rows():
    X, _, y = rows()
    model = make_pipeline(StandardScaler(), LogisticRegression())
    curve = learning_curve(model, X, y, scoring="roc_auc")
    sizes, train, test = curve
    theirs = their_learning(model, X, y, train_sizes=[1.0], scoring="roc_auc")
    np.testing.assert_allclose(train[-1], theirs[1][-1])  # all rows: the order is of no matter
    np.testing.assert_allclose(test[-1], theirs[2][-1])
    assert sizes.tolist() == [10, 20, 40, 80, 160] and train.shape == test.shape == (5, 5)
    for kind in (pd.DataFrame(X, columns=list("abc")), pl.DataFrame(X, schema=list("abc"))):
        again = learning_curve(model, kind, y, scoring="roc_auc", train_sizes=[40])
        np.testing.assert_array_equal(again.test_scores, test[[2]])
    ones = np.ones(len(y))
    weighed = learning_curve(model, X, y, scoring="roc_auc", sample_weight=ones, train_sizes=[40])
    np.testing.assert_allclose(weighed.test_scores, test[[2]], atol=1e-6)


def test_sets_are_nested_hold_the_classes_and_no_group_is_on_both_sides():
    X, _, _ = rows(120)
    y = np.arange(120) % 10 == 0
    seen = []

    class Spy(GaussianNB):
        def fit(self, X, y, sample_weight=None):
            seen.append((set(X[:, 0]), np.mean(y)))
            return super().fit(X, y, sample_weight)

    groups = np.arange(120) // 10
    learning_curve(Spy(), X, y, train_sizes=[0.25, 1.0], cv=GroupKFold(4), groups=groups)
    held = [set(X[test, 0]) for _, test in GroupKFold(4).split(X, y, groups)]
    for k in range(4):
        (small, share), (large, _) = seen[2 * k : 2 * k + 2]
        assert small < large and not large & held[k] and 0.03 < share < 0.2


def test_what_a_curve_says():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(400, 4))
    y = np.sin(3 * X[:, 0]) * X[:, 1] + X[:, 2]
    hungry = learning_curve(HistGradientBoostingRegressor(max_iter=30), X, y)
    assert hungry.verdict.startswith("More rows would likely help") and hungry.low > 0
    full = learning_curve(LinearRegression(), X, X[:, 0] + rng.normal(size=400))
    assert full.verdict.startswith("No evidence that more rows")
    assert "likely help" in hungry.plot().get_title(loc="left")
    assert "sizes" in repr(full)
    mpl.pyplot.close("all")


def test_what_learning_refuses():
    X, _, y = rows(40)
    model = LogisticRegression()
    for sizes in ([0.0, 1.0], [100], [1.5], [0.001], ["a"]):
        with pytest.raises(ParameterError):
            learning_curve(model, X, y, train_sizes=sizes)
    with pytest.raises(ShapeError):
        learning_curve(model, X, y[:5])
    with pytest.raises(DataError, match="lack a class"):
        learning_curve(DummyClassifier(), X, np.arange(40) == 0, cv=KFold(2), train_sizes=[2, 10])
