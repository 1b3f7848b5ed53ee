"""Least squares where it is hard: signs, sparse rows, scales, offsets, dependent columns."""

import numpy as np
import pytest
import sklearn.linear_model as sk
from scipy import optimize, sparse
from sklearn.base import clone

from tamis.exceptions import DataError, ParameterError
from tamis.models import Lasso, LinearRegression, LogisticRegression, Ridge


def table(n=200, p=6, seed=0):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, p)) + 1
    return X, X @ rng.normal(size=p) + rng.normal(size=n), rng.integers(1, 4, n)


@pytest.mark.parametrize("intercept", [True, False])
@pytest.mark.parametrize("shape", [(200, 6), (20, 40)])
def test_coefficients_that_are_not_negative(intercept, shape):
    X, y, w = table(*shape)
    for target, weight in ((y, None), (y, w), (np.column_stack([y, -y]), None)):
        ours = LinearRegression(positive=True, fit_intercept=intercept).fit(X, target, weight)
        theirs = sk.LinearRegression(positive=True, fit_intercept=intercept)
        np.testing.assert_allclose(
            ours.predict(X), theirs.fit(X, target, weight).predict(X), atol=1e-8
        )
        assert (ours.coef_ >= 0).all()
    ridge = Ridge(3.0, positive=True, fit_intercept=intercept).fit(X, y, w)
    mean = np.average(X, axis=0, weights=w) * intercept
    y_mean = np.average(y, weights=w) * intercept
    root = np.sqrt(w)[:, None]
    rows = np.vstack([root * (X - mean), np.sqrt(3.0) * np.eye(shape[1])])
    right = np.append(root[:, 0] * (y - y_mean), np.zeros(shape[1]))
    np.testing.assert_allclose(ridge.coef_, optimize.nnls(rows, right)[0], atol=1e-9)
    cells = Ridge(3.0, positive=True, fit_intercept=intercept).fit(sparse.csr_matrix(X), y, w)
    np.testing.assert_allclose(cells.coef_, ridge.coef_, atol=1e-8)
    with pytest.raises(TypeError):
        LinearRegression(positive=True).fit(sparse.csr_matrix(X), y)
    with pytest.raises(ParameterError, match="does not support positive"):
        Ridge(positive=True, solver="svd").fit(X, y)
    with pytest.raises(ParameterError, match="only when positive=True"):
        Ridge(solver="lbfgs").fit(X, y)


@pytest.mark.parametrize("intercept", [True, False])
@pytest.mark.parametrize("shape", [(200, 6), (20, 40)])
def test_sparse_rows(intercept, shape):
    X, y, w = table(*shape)
    X[np.random.default_rng(0).random(X.shape) < 0.7] = 0.0
    for model in (LinearRegression(fit_intercept=intercept), Ridge(2.0, fit_intercept=intercept)):
        for weight in (None, w):
            dense = clone(model).fit(X, y, weight)
            for kind in (sparse.csr_array, sparse.csc_matrix):
                got = clone(model).fit(kind(X), y, weight)
                np.testing.assert_allclose(got.coef_, dense.coef_, atol=2e-5)
                np.testing.assert_allclose(got.predict(kind(X)), dense.predict(X), atol=1e-4)
    single = Ridge().fit(sparse.csr_matrix(X, dtype=np.float32), y)
    assert single.coef_.dtype == np.float32


@pytest.mark.parametrize("solver", ["auto", "svd", "cholesky", "lsqr", "sparse_cg", "sag", "saga"])
def test_every_solver_gives_the_same(solver):
    X, y, _ = table()
    X[:, 2] = X[:, 1]  # dependent: the penalty shares the coefficient out
    got = Ridge(1.0, solver=solver).fit(X, y)
    np.testing.assert_allclose(got.coef_, sk.Ridge(1.0, solver="svd").fit(X, y).coef_, atol=1e-8)
    assert got.solver_ == ("cholesky" if solver == "auto" else solver)
    for wide in (X[:4], sparse.csr_matrix(X[:4])):
        np.testing.assert_allclose(
            Ridge(1.0, solver=solver).fit(wide, y[:4]).coef_,
            sk.Ridge(1.0, solver="svd").fit(X[:4], y[:4]).coef_,
            atol=1e-7,
        )


def test_scales_and_offsets_cost_no_digits():
    rng = np.random.default_rng(0)
    Z = rng.normal(size=(500, 5))
    want = rng.normal(size=5)
    scale = np.array([1e-8, 1e-3, 1.0, 1e4, 1e9])
    for offset, close in ((0.0, 1e-9), (1e3, 1e-9), (1e8, 1e-5)):
        X = (Z + offset) * scale
        y = (X - X.mean(axis=0)) / scale @ want + 5.0
        got = LinearRegression().fit(X, y)
        np.testing.assert_allclose(got.coef_ * scale, want, rtol=close)
        np.testing.assert_allclose(got.predict(X), y, rtol=100 * close)
    # A column that differs from another by a millionth: normal equations alone would lose it.
    X = np.column_stack([Z, Z[:, 0] + 1e-6 * rng.normal(size=500)])
    y = X @ np.append(want, 2.0)
    np.testing.assert_allclose(LinearRegression().fit(X, y).coef_, np.append(want, 2.0), rtol=1e-6)


def test_dependent_columns_in_the_callers_units():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(60, 5)) * np.array([1.0, 100, 1, 1, 1]) + 1e4
    X[:, 3] = 2 * X[:, 0] + 5
    X[:, 4] = 1e8
    y = rng.normal(size=60) + X[:, 0]
    model = LinearRegression().fit(X, y)
    centred = X - X.mean(axis=0)
    centred[:, 4] = 0.0
    want = np.linalg.lstsq(centred, y - y.mean(), rcond=1e-10)[0]
    np.testing.assert_allclose(model.coef_, want, atol=1e-9)
    assert model.rank_ == 3
    assert model.coef_[4] == 0.0
    np.testing.assert_allclose(model.predict(X).mean(), y.mean())
    wide = LinearRegression().fit(X[:3], y[:3])
    np.testing.assert_allclose(wide.predict(X[:3]), y[:3])


def test_weights_are_repetition_and_threads_change_no_bit():
    X, y, w = table(3000)
    label = (y > 0).astype(int)
    for model in (LinearRegression(), Ridge(), LinearRegression(positive=True), Lasso(0.01)):
        got = clone(model).fit(X, y, w)
        again = clone(model).fit(X.repeat(w, 0), y.repeat(w))
        np.testing.assert_allclose(got.coef_, again.coef_, rtol=1e-6, atol=1e-9)
        one, two = (clone(model).set_params(n_jobs=n).fit(X, y, w) for n in (1, 2))
        assert one.coef_.tobytes() == two.coef_.tobytes()
        single = clone(model).fit(X.astype(np.float32), y, w)
        assert single.coef_.dtype == np.float32
        np.testing.assert_allclose(single.coef_, got.coef_, atol=1e-4)
    with pytest.raises(DataError, match="only one class"):
        LogisticRegression().fit(X, np.zeros(3000))
    constant = np.column_stack([X[:, :2], np.full(3000, 1e8)])
    got = LogisticRegression(C=np.inf, tol=1e-8).fit(constant, label)
    want = LogisticRegression(C=np.inf, tol=1e-8).fit(X[:, :2], label)
    np.testing.assert_allclose(got.predict_proba(constant), want.predict_proba(X[:, :2]), atol=1e-5)


def test_a_gram_matrix_that_is_given():
    X, y, w = table()
    X -= np.average(X, axis=0, weights=w)
    gram = X.T @ (w[:, None] * X) / w.mean()
    want = Lasso(0.1, tol=1e-10).fit(X, y, w)
    got = Lasso(0.1, tol=1e-10, precompute=gram).fit(X, y, w)
    np.testing.assert_allclose(got.coef_, want.coef_, atol=1e-8)
    np.testing.assert_allclose(got.intercept_, want.intercept_)
    with pytest.raises(DataError, match="did not pass validation"):
        Lasso(precompute=1.1 * gram).fit(X, y, w)
    with pytest.warns(UserWarning, match="recomputing"):
        shifted = Lasso(0.1, tol=1e-10, precompute=gram).fit(X + 1, y, w)
    np.testing.assert_allclose(shifted.coef_, want.coef_, atol=1e-8)
    for bad in (gram[:3], "magic"):
        with pytest.raises(ParameterError, match="precompute"):
            Lasso(precompute=bad).fit(X, y)
