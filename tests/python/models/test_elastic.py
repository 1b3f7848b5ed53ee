"""Lasso, elastic net and paths beside scikit-learn's."""

import pickle

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
import sklearn.linear_model as sk
from scipy import sparse
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils.estimator_checks import parametrize_with_checks

import tamis
from tamis.exceptions import ParameterError
from tamis.models import ElasticNet, Lasso, LogisticRegression, Ridge, regularization_path

mpl.use("agg")


@parametrize_with_checks([Lasso(), ElasticNet()])
@pytest.mark.filterwarnings("ignore")
def test_estimator_contract(estimator, check):
    check(estimator)


def table(n=150, p=10, seed=0):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, p)) * np.geomspace(0.2, 5, p) + 3
    y = X[:, 0] - 0.5 * X[:, 3] + 0.2 * X[:, p - 1] + rng.normal(size=n)
    return X, y, rng.integers(1, 4, n)


@pytest.mark.parametrize("shape", [(150, 10), (30, 60)])
@pytest.mark.parametrize(
    "params",
    [
        {"l1_ratio": 1.0},
        {"l1_ratio": 0.3, "fit_intercept": False},
        {"l1_ratio": 0.7, "positive": True},
        {"l1_ratio": 0.5, "selection": "random", "random_state": 0},
    ],
    ids=str,
)
def test_scikit_learns(shape, params):
    X, y, w = table(*shape)
    Y = np.column_stack([y, -y + X[:, 1]])
    for target, weight in ((y, None), (y, w), (Y, None)):
        ours = ElasticNet(0.05, tol=1e-9, max_iter=100_000, **params).fit(X, target, weight)
        theirs = sk.ElasticNet(0.05, tol=1e-9, max_iter=100_000, **params)
        theirs.fit(X, target, weight)
        np.testing.assert_allclose(ours.coef_, theirs.coef_, atol=2e-5)
        np.testing.assert_allclose(ours.predict(X), theirs.predict(X), atol=2e-4)
        assert np.shape(ours.intercept_) == np.shape(theirs.intercept_)
        assert (
            np.asarray(ours.dual_gap_) <= 1e-9 * (target - target.mean(0)).var(0) * 1.5 + 1
        ).all()
        assert ours.sparse_coef_.shape == theirs.sparse_coef_.shape


def test_sparse_rows_and_weights_are_repetition():
    X, y, w = table()
    X[np.random.default_rng(1).random(X.shape) < 0.6] = 0.0
    model = ElasticNet(0.1, tol=1e-10, max_iter=100_000)
    for intercept in (True, False):
        model.set_params(fit_intercept=intercept)
        dense = clone(model).fit(X, y, w)
        cells = clone(model).fit(sparse.csr_array(X), y, w)
        again = clone(model).fit(X.repeat(w, 0), y.repeat(w))
        for other in (cells, again):
            np.testing.assert_allclose(other.coef_, dense.coef_, atol=1e-5)
            np.testing.assert_allclose(other.intercept_, dense.intercept_, atol=1e-4)
        np.testing.assert_allclose(cells.predict(sparse.csr_array(X)), dense.predict(X), atol=1e-3)


def test_the_same_bits_on_any_number_of_threads_and_after_saving(tmp_path):
    X, y, _ = table(3000)
    one, two, three = (Lasso(0.01, n_jobs=n).fit(X, y) for n in (1, 2, 3))
    assert one.coef_.tobytes() == two.coef_.tobytes() == three.coef_.tobytes()
    back = tamis.load(tamis.save(one, tmp_path / "m.tamis"))
    for copy in (back, pickle.loads(pickle.dumps(one))):
        np.testing.assert_array_equal(copy.predict(X), one.predict(X))


def test_hostile_input():
    X, y, _ = table(40)
    X[:, 2] = 7.0  # constant
    X[:, 5] = X[:, 4]  # a copy
    kept = X.copy()
    X.flags.writeable = False
    model = Lasso(0.1).fit(X, y)
    np.testing.assert_array_equal(X, kept)
    assert model.coef_[2] == 0.0
    single = Lasso(0.1).fit(X.astype(np.float32), y)
    assert single.coef_.dtype == np.float32
    np.testing.assert_allclose(single.coef_, model.coef_, atol=1e-4)
    np.testing.assert_allclose(Lasso(0.1).fit(np.asfortranarray(X), y).coef_, model.coef_)
    assert (Lasso().fit(X, np.ones(40)).coef_ == 0).all()
    assert Lasso().fit(X[:1], y[:1]).predict(X[:1]) == pytest.approx(y[:1])
    with pytest.warns(ConvergenceWarning, match="raise max_iter"):
        ElasticNet(1e-4, max_iter=1, tol=1e-12).fit(X, y)
    with pytest.warns(UserWarning, match="alpha=0"):
        Lasso(0.0, tol=1e-2).fit(X, y)
    first = ElasticNet(0.01, tol=1e-10, max_iter=10_000, warm_start=True).fit(X, y)
    assert first.fit(X, y).n_iter_ <= 1
    for bad, says in (
        ({"alpha": -1.0}, "alpha"),
        ({"l1_ratio": 2}, "l1_ratio"),
        ({"selection": "all"}, "selection"),
        ({"max_iter": 0}, "max_iter"),
    ):
        with pytest.raises(ParameterError, match=says):
            ElasticNet(**bad).fit(X, y)


def test_paths():
    X, y, w = table()
    frame = pd.DataFrame(X, columns=[f"c{j}" for j in range(10)])
    path = regularization_path(Lasso(tol=1e-9), frame, y, strengths=20, sample_weight=w)
    assert path.coef.shape == (20, 1, 10)
    assert path.names[3] == "c3"
    assert (path.coef[0] == 0).all()
    assert (path.coef[1] != 0).any()
    alone = Lasso(path.strengths[10], tol=1e-9).fit(X, y, w)
    np.testing.assert_allclose(path.coef[10, 0], alone.coef_, atol=1e-4)
    alphas, coefs, _ = sk.lasso_path(X - X.mean(0), y - y.mean(), alphas=10, tol=1e-9)
    ours = regularization_path(Lasso(tol=1e-9), X, y, strengths=10)
    np.testing.assert_allclose(ours.strengths, alphas)
    np.testing.assert_allclose(ours.coef[:, 0], coefs.T, atol=1e-4)
    ridge = regularization_path(Ridge(), X, y, strengths=[100.0, 1.0])
    np.testing.assert_allclose(ridge.coef[1, 0], Ridge(1.0).fit(X, y).coef_)
    label = (y > np.median(y)).astype(int) + (y > np.quantile(y, 0.8))
    logistic = regularization_path(LogisticRegression(l1_ratio=1.0), X, label, strengths=5)
    assert logistic.coef.shape == (5, 3, 10)
    assert np.abs(logistic.coef[0]).max() < 1e-6
    axes = path.plot()
    assert axes.get_xlabel().startswith("alpha")
    assert len(axes.get_legend().get_texts()) <= 10
    assert logistic.plot(axes, output=1) is axes
    mpl.pyplot.close("all")
    for bad in ({"eps": 2.0}, {"strengths": 0}, {"strengths": [-1.0]}):
        with pytest.raises(ParameterError):
            regularization_path(Lasso(), X, y, **bad)
    with pytest.raises(ParameterError, match="takes Lasso"):
        regularization_path(sk.Lasso(), X, y)
