"""Naive Bayes, the Huber and the quantile regressor beside scikit-learn's."""

import pickle

import numpy as np
import pytest
import sklearn.naive_bayes as nb
from scipy import sparse
from sklearn.linear_model import HuberRegressor as TheirHuber
from sklearn.linear_model import QuantileRegressor as TheirQuantile
from sklearn.utils.estimator_checks import parametrize_with_checks

import tamis
from tamis import models
from tamis.exceptions import DataError, ParameterError
from tamis.models import (
    BernoulliNB,
    ComplementNB,
    GaussianNB,
    HuberRegressor,
    MultinomialNB,
    QuantileRegressor,
)

COUNTS = [MultinomialNB, ComplementNB, BernoulliNB]


@parametrize_with_checks(
    [
        GaussianNB(),
        MultinomialNB(),
        ComplementNB(),
        BernoulliNB(),
        HuberRegressor(tol=1e-10, max_iter=5000),  # repeated rows end elsewhere within a loose tol
        QuantileRegressor(),
    ]
)
@pytest.mark.filterwarnings("ignore")
def test_estimator_contract(estimator, check):
    check(estimator)


def table(n=300, p=5, seed=0):
    rng = np.random.default_rng(seed)
    y = rng.integers(0, 3, n)
    X = rng.normal(size=(n, p)) * np.geomspace(0.1, 100, p) + y[:, None] + 1e3
    return X, np.array(["a", "b", "c"])[y], rng.integers(0, 4, n)


def same(ours, theirs, names, rtol=1e-7):
    for name in names:
        want = getattr(theirs, name)
        np.testing.assert_allclose(getattr(ours, name), want, rtol=rtol, err_msg=name)


GAUSS = ("theta_", "var_", "class_prior_", "class_count_", "epsilon_")


@pytest.mark.parametrize("params", [{}, {"priors": [0.2, 0.3, 0.5], "var_smoothing": 1e-3}])
def test_gaussian_is_scikit_learns(params):
    X, y, w = table()
    for weights in (None, w):
        ours = GaussianNB(**params).fit(X, y, weights)
        theirs = nb.GaussianNB(**params).fit(X, y, weights)
        same(ours, theirs, GAUSS)
        got, want = (m.predict_joint_log_proba(X) for m in (ours, theirs))
        np.testing.assert_allclose(got, want, rtol=1e-9)
        np.testing.assert_allclose(ours.predict_proba(X), theirs.predict_proba(X), atol=1e-9)
        assert (ours.predict(X) == theirs.predict(X)).all()
    repeated = GaussianNB(var_smoothing=0.0).fit(X.repeat(w, 0), y.repeat(w))
    weighted = GaussianNB(var_smoothing=0.0).fit(X, y, w)
    same(weighted, repeated, ("theta_", "var_", "class_prior_"), rtol=1e-9)


def test_gaussian_in_parts_threads_and_types(tmp_path):
    X, y, w = table(9000)
    whole = GaussianNB(var_smoothing=0.0).fit(X, y, w)
    parts = GaussianNB(var_smoothing=0.0)
    for a in range(0, 9000, 1000):
        parts.partial_fit(X[a : a + 1000], y[a : a + 1000], ["a", "b", "c"], w[a : a + 1000])
    same(parts, whole, ("theta_", "var_", "class_prior_", "class_count_"), rtol=1e-9)
    one, two, three = (GaussianNB(n_jobs=n).fit(X, y, w) for n in (1, 2, 3))
    assert one.var_.tobytes() == two.var_.tobytes() == three.var_.tobytes()
    assert two.predict_proba(X).tobytes() == one.predict_proba(X).tobytes()
    single = GaussianNB().fit(X.astype(np.float32), y)
    assert single.theta_.dtype == single.predict_proba(X.astype(np.float32)).dtype == np.float32
    same(single, GaussianNB().fit(X.astype(np.float32).astype(float), y), ("theta_",), 1e-6)
    back = tamis.load(tamis.save(one, tmp_path / "m.tamis"))
    for copy in (back, pickle.loads(pickle.dumps(one))):
        np.testing.assert_array_equal(copy.predict_proba(X), one.predict_proba(X))


def test_classes_are_found_by_counting_as_by_sorting():
    X, _, _ = table(50)
    rng = np.random.default_rng(0)
    for y in (
        rng.integers(-3, 4, 50).astype(np.int8),
        rng.integers(0, 2, 50) * 10**9,
        rng.integers(0, 2, 50).astype(bool),
        np.array([255, 0] * 25, dtype=np.uint8),
    ):
        model = GaussianNB().fit(X, y)
        np.testing.assert_array_equal(model.classes_, np.unique(y))
        assert model.classes_.dtype == y.dtype
        same(model, nb.GaussianNB().fit(X, y), ("theta_", "var_"))


def test_what_cannot_be_used_says_so():
    X, y, _ = table(30)
    bad = X.copy()
    bad[3, 2] = np.nan
    with pytest.raises(DataError, match="NaN in column 2, row 3"):
        GaussianNB().fit(bad, y)
    with pytest.raises(DataError, match="column 2, row 3"):
        GaussianNB().fit(X, y).predict(bad)
    for params, says in (
        ({"priors": [0.5, 0.5]}, "Number of priors"),
        ({"priors": [0.5, 0.1, 0.1]}, "sum of the priors"),
        ({"priors": [-1.0, 1.0, 1.0]}, "non-negative"),
        ({"var_smoothing": -1.0}, "var_smoothing"),
    ):
        with pytest.raises(ParameterError, match=says):
            GaussianNB(**params).fit(X, y)
    with pytest.raises(DataError, match="do not exist in the initial classes"):
        GaussianNB().partial_fit(X, y, ["a", "b"])
    with pytest.raises(ParameterError, match="first call"):
        GaussianNB().partial_fit(X, y)


@pytest.mark.parametrize("kind", COUNTS)
@pytest.mark.parametrize("classes", [1, 2, 3])
def test_counts_are_scikit_learns(kind, classes):
    rng = np.random.default_rng(0)
    X, y, w = rng.poisson(0.7, (120, 15)), rng.integers(0, classes, 120), rng.random(120)
    theirs = getattr(nb, kind.__name__)
    special = {"ComplementNB": {"norm": True}, "BernoulliNB": {"binarize": 1.0}}
    names = ("feature_log_prob_", "class_log_prior_", "feature_count_", "class_count_")
    for params in (
        {},
        # scikit-learn's BernoulliNB mixes up classes and columns of an array of alphas.
        {"alpha": 0.3 if kind is BernoulliNB else np.full(15, 0.3), "fit_prior": False},
        {"class_prior": np.full(classes, 1 / classes), **special.get(kind.__name__, {})},
    ):
        a, b = kind(**params).fit(X, y, w), theirs(**params).fit(X, y, w)
        same(a, b, names)
        np.testing.assert_allclose(a.predict_proba(X), b.predict_proba(X), atol=1e-12)
        cells = kind(**params).fit(sparse.csr_array(X), y, w)
        np.testing.assert_allclose(cells.feature_log_prob_, b.feature_log_prob_)
        np.testing.assert_allclose(cells.predict_proba(sparse.csr_array(X)), b.predict_proba(X))
        parts = kind(**params)
        for rows in (slice(0, 50), slice(50, None)):
            parts.partial_fit(X[rows], y[rows], range(classes), w[rows])
        same(parts, b, names)
    with pytest.warns(UserWarning, match="alpha too small"):
        kind(alpha=0.0, force_alpha=False).fit(X, y)
    with pytest.raises(ParameterError, match="n_features"):
        kind(alpha=[1.0, 2.0]).fit(X, y)


@pytest.mark.parametrize("intercept", [True, False])
def test_huber_is_scikit_learns(intercept):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(200, 4))
    y = X @ [1.0, -2.0, 0.5, 0.0] + 3 * intercept + 0.3 * rng.normal(size=200)
    y[:20] += 50
    w = rng.integers(1, 3, 200)
    params = {"fit_intercept": intercept, "alpha": 0.1, "epsilon": 1.5}
    ours = HuberRegressor(**params, tol=1e-8, max_iter=500).fit(X, y, w)
    theirs = TheirHuber(**params, tol=1e-8, max_iter=1000).fit(X, y, w)
    np.testing.assert_allclose(ours.coef_, theirs.coef_, atol=1e-4)
    same(ours, theirs, ("scale_",), rtol=1e-4)
    np.testing.assert_allclose(ours.predict(X), theirs.predict(X), atol=1e-3)
    assert (ours.outliers_ == theirs.outliers_).all()
    repeated = HuberRegressor(**params, tol=1e-8, max_iter=500).fit(X.repeat(w, 0), y.repeat(w))
    np.testing.assert_allclose(ours.coef_, repeated.coef_, atol=1e-4)
    cells = HuberRegressor(**params, tol=1e-8, max_iter=500).fit(sparse.csr_array(X), y, w)
    np.testing.assert_allclose(cells.coef_, ours.coef_, atol=1e-4)
    units = HuberRegressor(alpha=0.0, fit_intercept=intercept).fit(X * [1e-3, 1, 1e3, 1e6], y)
    plain = HuberRegressor(alpha=0.0, fit_intercept=intercept).fit(X, y)
    np.testing.assert_allclose(units.coef_ * [1e-3, 1, 1e3, 1e6], plain.coef_, atol=1e-3)
    again = HuberRegressor(**params, warm_start=True).fit(X, y)
    assert again.fit(X, y).n_iter_ <= 3
    for bad in ({"epsilon": 0.5}, {"alpha": -1.0}, {"max_iter": -1}):
        with pytest.raises(ParameterError, match=next(iter(bad))):
            models.HuberRegressor(**bad).fit(X, y)


@pytest.mark.parametrize("shape", [(150, 4), (20, 30)])
@pytest.mark.parametrize("intercept", [True, False])
def test_quantiles_are_scikit_learns(shape, intercept):
    rng = np.random.default_rng(0)
    X = rng.normal(size=shape)
    y = X[:, 0] - 2 * X[:, 1] + rng.exponential(size=shape[0])
    w = rng.integers(0, 3, shape[0])
    for q, alpha, weights in ((0.5, 0.01, None), (0.9, 0.02, w), (0.2, 0.0, w)):
        if alpha == 0.0 and shape[1] > shape[0]:
            continue  # any line through all rows is best
        params = {"quantile": q, "alpha": alpha, "fit_intercept": intercept}
        ours = QuantileRegressor(**params).fit(X, y, weights)
        theirs = TheirQuantile(**params).fit(X, y, weights)
        np.testing.assert_allclose(ours.coef_, theirs.coef_, atol=1e-8)
        np.testing.assert_allclose(ours.intercept_, theirs.intercept_, atol=1e-8)
        cells = QuantileRegressor(**params).fit(sparse.csr_array(X), y, weights)
        np.testing.assert_allclose(cells.coef_, ours.coef_, atol=1e-8)
    for bad in ({"quantile": 1.0}, {"alpha": -1.0}, {"solver": "magic"}):
        with pytest.raises(ParameterError, match=next(iter(bad))):
            QuantileRegressor(**bad).fit(X, y)
