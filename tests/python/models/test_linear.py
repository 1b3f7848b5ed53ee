"""Linear and logistic regression beside scikit-learn's."""

import pickle

import numpy as np
import pytest
import sklearn.linear_model as sk
from sklearn.datasets import load_digits, load_iris
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils.estimator_checks import parametrize_with_checks

from tamis.exceptions import ParameterError
from tamis.models import LinearRegression, LogisticRegression, Ridge

#: What scikit-learn's own Ridge fails too: n_iter_ is None for a direct solution.
EXPECTED = {"check_non_transformer_estimators_n_iter": "n_iter_ is None, as scikit-learn's"}


@parametrize_with_checks(
    [LinearRegression(), LogisticRegression(), Ridge()],
    expected_failed_checks=lambda e: EXPECTED if isinstance(e, Ridge) else {},
)
@pytest.mark.filterwarnings("ignore")
def test_estimator_contract(estimator, check):
    check(estimator)


def table(n=200, p=6, seed=0):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, p)) * 10.0 ** np.arange(p) + 3
    return X, X @ rng.normal(size=p) + rng.normal(size=n), rng.integers(1, 4, n)


@pytest.mark.parametrize("intercept", [True, False])
@pytest.mark.parametrize("weighted", [True, False])
def test_least_squares_and_ridge_are_scikit_learns(intercept, weighted):
    X, y, w = table()
    w = w if weighted else None
    for ours, theirs in (
        (LinearRegression(fit_intercept=intercept), sk.LinearRegression(fit_intercept=intercept)),
        (Ridge(3.0, fit_intercept=intercept), sk.Ridge(3.0, fit_intercept=intercept)),
    ):
        ours.fit(X, y, w)
        theirs.fit(X, y, w)
        np.testing.assert_allclose(ours.predict(X), theirs.predict(X), rtol=1e-7)
        np.testing.assert_allclose(ours.coef_, theirs.coef_, rtol=1e-6)
        np.testing.assert_allclose(ours.intercept_, theirs.intercept_, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("shape", [(30, 50), (50, 20)])
def test_dependent_columns_give_the_least_norm(shape):
    rng = np.random.default_rng(0)
    X = rng.normal(size=shape)
    X[:, 3] = X[:, 1] + X[:, 2]
    X[:, 4] = 1.0
    y = rng.normal(size=shape[0])
    ours, theirs = LinearRegression().fit(X, y), sk.LinearRegression().fit(X, y)
    np.testing.assert_allclose(ours.coef_, theirs.coef_, atol=1e-9)
    np.testing.assert_allclose(ours.predict(X), theirs.predict(X), atol=1e-9)


def test_several_targets_and_a_penalty_for_each():
    X, y, _ = table()
    Y = np.column_stack([y, -y])
    ours = Ridge(np.array([1.0, 5.0])).fit(X, Y)
    np.testing.assert_allclose(ours.coef_, sk.Ridge([1.0, 5.0]).fit(X, Y).coef_, rtol=1e-6)
    assert LinearRegression().fit(X, Y).predict(X).shape == Y.shape


def steepest(model, X, y):
    """Return the largest slope of the penalised loss where the model stands (0 at the optimum)."""
    off = model.predict_proba(X) - (y[:, None] == model.classes_)
    return np.abs(off.T @ X + model.coef_ / model.C).max()


@pytest.mark.parametrize(("data", "c"), [(load_iris, 0.1), (load_iris, 1.0), (load_digits, 0.1)])
def test_logistic_is_scikit_learns(data, c):
    X, y = data(return_X_y=True)
    X, y = X[:600], y[:600]
    ours = LogisticRegression(C=c, tol=1e-9, max_iter=2000).fit(X, y)
    # scikit-learn's default solver takes a minute to the optimum of the digits.
    theirs = sk.LogisticRegression(C=c, tol=1e-9, solver="newton-cholesky").fit(X, y)
    assert steepest(ours, X, y) < 1e-6
    np.testing.assert_allclose(ours.coef_, theirs.coef_, atol=1e-3)
    np.testing.assert_allclose(ours.predict_proba(X), theirs.predict_proba(X), atol=1e-4)


def test_two_classes_weights_and_names():
    X, y, w = table(p=3)
    y = np.where(y > np.median(y), "high", "low")
    ours = LogisticRegression(tol=1e-9, max_iter=1000).fit(X, y, w)
    repeated = LogisticRegression(tol=1e-9, max_iter=1000).fit(X.repeat(w, 0), y.repeat(w))
    np.testing.assert_allclose(ours.coef_, repeated.coef_, rtol=1e-5)
    theirs = sk.LogisticRegression(solver="newton-cholesky", tol=1e-10, class_weight="balanced")
    ours.set_params(class_weight="balanced").fit(X, y)
    np.testing.assert_allclose(ours.coef_, theirs.fit(X, y).coef_, rtol=1e-4)
    assert ours.classes_.tolist() == ["high", "low"]


def test_the_same_bits_on_any_number_of_threads():
    X, y, _ = table(5000)
    label = (y > np.median(y)).astype(int)
    for make, target in ((LinearRegression, y), (Ridge, y), (LogisticRegression, label)):
        one, two, three = (make(n_jobs=n).fit(X, target).coef_ for n in (1, 2, 3))
        assert one.tobytes() == two.tobytes() == three.tobytes()


def test_warm_start_and_convergence():
    X, y = load_iris(return_X_y=True)
    model = LogisticRegression(max_iter=1, tol=1e-12)
    with pytest.warns(ConvergenceWarning, match="raise max_iter"):
        model.fit(X, y)
    model.set_params(max_iter=500, tol=1e-6, warm_start=True).fit(X, y)
    first = model.n_iter_[0]
    assert model.fit(X, y).n_iter_[0] < first
    back = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(back.predict_proba(X), model.predict_proba(X))


@pytest.mark.parametrize(
    ("model", "says"),
    [
        (LogisticRegression(C=0.0), "C must be"),
        (LogisticRegression(l1_ratio=2.0), "l1_ratio must lie"),
        (LogisticRegression(solver="magic"), "solver must be"),
        (Ridge(alpha=-1.0), "not negative"),
        (Ridge(solver="magic"), "solver must be"),
    ],
)
def test_what_is_not_supported_says_so(model, says):
    X, y = load_iris(return_X_y=True)
    with pytest.raises(ParameterError, match=says):
        model.fit(X, y)
