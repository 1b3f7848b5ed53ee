"""Linear support vector machines: liblinear's objectives, state, hostile input."""

import pickle
import warnings

import numpy as np
import pytest
from scipy import sparse
from sklearn import svm as sk
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils.estimator_checks import check_estimator

import tamis
from tamis.exceptions import DataError, ParameterError
from tamis.models import LinearSVC, LinearSVR


def table(n=200, p=6, classes=2, seed=0):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, p)) * np.geomspace(0.3, 3, p)
    score = X / np.geomspace(0.3, 3, p) @ rng.normal(size=(p, classes))
    return X, (score + rng.gumbel(size=score.shape)).argmax(axis=1)


def objective(model, X, y, weights):
    """Return the objective of the problem of two classes or of numbers where a model stands."""
    bias = model.intercept_scaling if model.fit_intercept else 1.0
    coef, free = np.ravel(model.coef_), float(np.ravel(model.intercept_)[0])
    score = X @ coef + free
    if isinstance(model, LinearSVR | sk.LinearSVR):
        loss = np.maximum(np.abs(y - score) - model.epsilon, 0)
    else:
        loss = np.maximum(1 - np.where(y == model.classes_[1], 1, -1) * score, 0)
    loss = loss**2 if model.loss.startswith("squared") else loss
    every = np.append(coef, free / bias)
    penalty = np.abs(every).sum() if getattr(model, "penalty", "") == "l1" else every @ every / 2
    return penalty + model.C * weights @ loss


PROBLEMS = [
    {},
    {"loss": "hinge", "max_iter": 100_000},
    {"penalty": "l1", "dual": False, "C": 0.1},
    {"dual": True, "intercept_scaling": 5.0, "C": 0.3, "max_iter": 100_000},
    {"fit_intercept": False, "C": 10.0},
]


@pytest.mark.parametrize("params", PROBLEMS, ids=str)
def test_the_objective_is_that_of_liblinear_or_better(params):
    X, y = table()
    w = np.random.default_rng(1).uniform(0.5, 2, len(y))
    params = {"tol": 1e-6, "random_state": 0, "max_iter": 5000, **params}
    ours = LinearSVC(**params, class_weight="balanced").fit(X, y, w)
    theirs = sk.LinearSVC(**params, class_weight="balanced").fit(X, y, w)
    sides = w * (w.sum() / 2 / np.bincount(y, w))[y]
    best = objective(theirs, X, y, sides)
    assert objective(ours, X, y, sides) <= best * (1 + 1e-7)
    np.testing.assert_allclose(ours.coef_, theirs.coef_, rtol=1e-3, atol=1e-4)
    np.testing.assert_allclose(ours.intercept_, theirs.intercept_, rtol=1e-3, atol=1e-3)
    cells = X * (np.random.default_rng(2).random(X.shape) < 0.5)
    dense = clone(ours).fit(cells, y, w)
    for matrix in (sparse.csr_array(cells), sparse.csc_matrix(cells)):
        got = clone(ours).fit(matrix, y, w)
        np.testing.assert_allclose(got.coef_, dense.coef_, rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize("loss", ["hinge", "squared_hinge"])
@pytest.mark.parametrize("multi_class", ["ovr", "crammer_singer"])
def test_more_classes(loss, multi_class):
    for classes in (2, 4):
        X, y = table(classes=classes)
        params = {"loss": loss, "multi_class": multi_class, "tol": 1e-5, "C": 0.5}
        params |= {"max_iter": 100_000, "class_weight": {1: 2.0}, "random_state": 0}
        ours, theirs = LinearSVC(**params).fit(X, y), sk.LinearSVC(**params).fit(X, y)
        assert ours.coef_.shape == theirs.coef_.shape
        np.testing.assert_allclose(ours.coef_, theirs.coef_, rtol=5e-3, atol=1e-3)
        np.testing.assert_allclose(
            ours.decision_function(X), theirs.decision_function(X), rtol=1e-2, atol=5e-3
        )
        assert (ours.predict(X) == theirs.predict(X)).mean() > 0.99


@pytest.mark.parametrize("loss", ["epsilon_insensitive", "squared_epsilon_insensitive"])
@pytest.mark.parametrize("epsilon", [0.0, 0.3])
def test_regression(loss, epsilon):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(200, 5))
    y, w = X @ rng.normal(size=5) + rng.normal(size=200) + 2, rng.uniform(0.5, 2, 200)
    params = {"loss": loss, "epsilon": epsilon, "tol": 1e-6, "max_iter": 100_000, "C": 0.5}
    ours = LinearSVR(**params).fit(X, y, w)
    theirs = sk.LinearSVR(**params, random_state=0).fit(X, y, w)
    assert objective(ours, X, y, w) <= objective(theirs, X, y, w) * (1 + 1e-6)
    np.testing.assert_allclose(ours.coef_, theirs.coef_, rtol=1e-2, atol=1e-3)
    np.testing.assert_allclose(ours.predict(X), theirs.predict(X), rtol=1e-2, atol=1e-2)
    got = clone(ours).fit(sparse.csr_matrix(X), y, w)
    np.testing.assert_allclose(got.coef_, ours.coef_, rtol=1e-3, atol=1e-4)


def test_many_columns_and_few_rows():
    rng = np.random.default_rng(0)
    X = sparse.random(150, 2000, 0.02, random_state=0, format="csr")
    y = (X @ rng.normal(size=2000) > 0).astype(int)
    w = np.ones(150)
    for more in ({}, {"loss": "hinge"}, {"penalty": "l1", "dual": False, "C": 5.0}):
        params = {"tol": 1e-5, "max_iter": 20_000, **more}
        ours = LinearSVC(**params).fit(X, y)
        theirs = sk.LinearSVC(**params, random_state=0).fit(X, y)
        assert objective(ours, X, y, w) <= objective(theirs, X, y, w) * (1 + 1e-4)
        if "penalty" in params:
            assert (ours.coef_ == 0).mean() > 0.8
    ours.sparsify()
    assert sparse.issparse(ours.coef_)
    assert ours.score(X, y) > 0.9


def test_weights_equal_repetition():
    X, y = table(classes=3)
    w = np.random.default_rng(1).integers(0, 4, len(y))
    for params in ({}, {"penalty": "l1", "dual": False}):
        model = LinearSVC(tol=1e-9, max_iter=10_000, class_weight="balanced", **params)
        twice = clone(model).fit(X.repeat(w, 0), y.repeat(w))
        np.testing.assert_allclose(model.fit(X, y, w).coef_, twice.coef_, atol=1e-5)


def test_state_threads_and_containers(tmp_path):
    pd = pytest.importorskip("pandas")
    X, y = table(3000, classes=3)
    for params in ({}, {"loss": "hinge", "tol": 0.1}, {"penalty": "l1", "dual": False}):
        one, two, three = (
            LinearSVC(n_jobs=n, random_state=0, **params).fit(X, y) for n in (1, 2, 3)
        )
        assert one.coef_.tobytes() == two.coef_.tobytes() == three.coef_.tobytes()
        back = tamis.load(tamis.save(one, tmp_path / "m.tamis"))
        for copy in (back, pickle.loads(pickle.dumps(one))):
            np.testing.assert_array_equal(copy.decision_function(X), one.decision_function(X))
    X, y = X[:200], y[:200]
    want = LinearSVC().fit(X, y).coef_
    frozen = X.copy()
    frozen.setflags(write=False)
    for other in (
        frozen,
        np.asfortranarray(X),
        pd.DataFrame(X),
        X.tolist(),
        np.repeat(X, 2, 0)[::2],
    ):
        np.testing.assert_array_equal(LinearSVC().fit(other, y).coef_, want)
    single = LinearSVC().fit(X.astype(np.float32), y)
    assert single.coef_.dtype == np.float64
    np.testing.assert_allclose(single.coef_, want, rtol=1e-3, atol=1e-4)
    wide = LinearSVC(C=1e-3).fit(np.hstack([X, np.zeros((200, 1)), np.ones((200, 1))]), y)
    assert np.isfinite(wide.coef_).all()
    assert (wide.coef_[:, 6] == 0).all()


def test_what_cannot_be_used_is_an_error():
    X, y = table()
    for params, match in (
        ({"penalty": "l1", "loss": "hinge"}, "do not go together"),
        ({"penalty": "l1", "dual": True}, "do not go together"),
        ({"loss": "hinge", "dual": False}, "do not go together"),
        ({"loss": "l3"}, "loss"),
        ({"C": 0.0}, "C must"),
        ({"tol": -1}, "tol must"),
        ({"intercept_scaling": 0}, "intercept_scaling must"),
        ({"multi_class": "all"}, "multi_class must"),
        ({"max_iter": -1}, "max_iter must"),
        ({"dual": "no"}, "dual must"),
    ):
        with pytest.raises(ParameterError, match=match):
            LinearSVC(**params).fit(X, y)
    with pytest.raises(DataError, match="at least 2 classes"):
        LinearSVC().fit(X, np.zeros(200))
    with pytest.raises(DataError, match="weights"):
        LinearSVC().fit(X, y, np.full(200, -1.0))
    with pytest.raises(ParameterError, match="epsilon"):
        LinearSVR(epsilon="small").fit(X, y)
    for params in ({"max_iter": 1}, {"loss": "hinge", "max_iter": 2}):
        with pytest.warns(ConvergenceWarning, match="failed to converge"):
            LinearSVC(tol=1e-9, **params).fit(X, y)


def test_interrupted_fits_leave_at_once():
    import threading

    X, y = table(20_000, 30)
    with tamis._core.Scope() as scope:
        threading.Timer(0.2, scope.stop).start()
        with pytest.raises(tamis.exceptions.StoppedError):
            LinearSVC(loss="hinge", max_iter=100_000, tol=1e-12, C=100.0).fit(X, y)


@pytest.mark.slow
@pytest.mark.parametrize("model", [LinearSVC(), LinearSVR()], ids=str)
def test_check_estimator(model):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        # Descent on the dual ends within `tol` of the optimum, as scikit-learn's does.
        rows = ["check_sample_weight_equivalence_on_dense_data",
                "check_sample_weight_equivalence_on_sparse_data"]  # fmt: skip
        rows = rows if isinstance(model, LinearSVR) else []
        check_estimator(model, expected_failed_checks=dict.fromkeys(rows, "tolerance"))
