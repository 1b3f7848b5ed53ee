"""Logistic regression: L1 and elastic net, sparse rows, losses, wrong labels."""

import pickle

import numpy as np
import pytest
import sklearn.linear_model as sk
from scipy import optimize, sparse
from sklearn.base import clone

import tamis
from tamis import losses
from tamis.exceptions import ParameterError
from tamis.models import LogisticRegression


def table(n=400, p=8, classes=2, seed=0):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, p)) * np.geomspace(0.1, 10, p)
    score = X / np.geomspace(0.1, 10, p) @ rng.normal(size=(p, classes))
    return X, (score + rng.gumbel(size=score.shape)).argmax(axis=1)


def objective(model, X, y, c, ratio, weights=None):
    """Return scikit-learn's objective where a model stands."""
    w = np.ones(len(y)) if weights is None else weights
    score = X @ model.coef_.T + model.intercept_
    loss = losses.CrossEntropy().value(y, score if score.shape[1] > 1 else score[:, 0])
    penalty = ratio * np.abs(model.coef_).sum() + (1 - ratio) / 2 * (model.coef_**2).sum()
    return w @ loss + penalty / c


@pytest.mark.parametrize("classes", [2, 3])
@pytest.mark.parametrize(("c", "ratio"), [(0.05, 1.0), (1.0, 0.4)])
def test_absolute_values_as_in_scikit_learn(classes, c, ratio):
    X, y = table(classes=classes)
    X = (X - X.mean(0)) / X.std(0)  # where saga gets to the end
    w = np.random.default_rng(1).integers(1, 4, len(y))
    ours = LogisticRegression(C=c, l1_ratio=ratio, tol=1e-8, max_iter=1000).fit(X, y, w)
    theirs = sk.LogisticRegression(
        C=c, l1_ratio=ratio, solver="saga", tol=1e-7, max_iter=20_000, random_state=0
    ).fit(X, y, w)
    np.testing.assert_allclose(ours.coef_, theirs.coef_, atol=2e-4)
    best = objective(theirs, X, y, c, ratio, w)
    assert objective(ours, X, y, c, ratio, w) <= best * (1 + 1e-9)
    repeated = clone(ours).fit(X.repeat(w, 0), y.repeat(w))
    np.testing.assert_allclose(ours.coef_, repeated.coef_, atol=1e-6)


def test_the_penalty_is_that_of_the_callers_units():
    X, y = table()
    ours = LogisticRegression(C=0.2, l1_ratio=1.0, tol=1e-9, max_iter=2000).fit(X, y)
    assert 0 < (ours.coef_ == 0).sum() < 8
    off = ours.predict_proba(X)[:, 1] - y
    slope = X.T @ off
    there = ours.coef_[0] != 0
    np.testing.assert_allclose(slope[there], -5 * np.sign(ours.coef_[0][there]), atol=1e-3)
    assert (np.abs(slope[~there]) <= 5 + 1e-6).all()


@pytest.mark.parametrize("ratio", [0.0, 0.5])
@pytest.mark.parametrize("classes", [2, 3])
def test_sparse_rows(ratio, classes):
    X, y = table(classes=classes)
    X[np.random.default_rng(0).random(X.shape) < 0.6] = 0.0
    model = LogisticRegression(C=0.5, l1_ratio=ratio, tol=1e-8, max_iter=3000)
    dense = clone(model).fit(X, y)
    for matrix in (sparse.csr_array(X), sparse.csc_matrix(X)):
        got = clone(model).fit(matrix, y)
        np.testing.assert_allclose(got.coef_, dense.coef_, atol=1e-5)
        np.testing.assert_allclose(got.predict_proba(matrix), dense.predict_proba(X), atol=1e-5)
    got.sparsify()
    np.testing.assert_allclose(got.decision_function(X), dense.decision_function(X), atol=1e-3)
    assert isinstance(got.densify().coef_, np.ndarray)


NAMES = ["cross_entropy", "label_smoothed", "class_balanced", "focal", "gce", "sce"]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("classes", [2, 3])
def test_losses_by_name_stand_at_an_optimum(name, classes):
    X, y = table(classes=classes)
    model = LogisticRegression(loss=name, tol=1e-8, max_iter=2000).fit(X, y)
    score = model.decision_function(X)
    slope = model.loss_.gradient(y, score).reshape(len(y), -1)
    np.testing.assert_allclose(slope.T @ X + model.coef_ / model.C, 0, atol=1e-4)
    np.testing.assert_allclose(slope.sum(axis=0), 0, atol=1e-4)
    np.testing.assert_allclose(model.predict_proba(X).sum(axis=1), 1)
    assert (model.predict_proba(X).argmax(axis=1) == model.predict(X)).all()


@pytest.mark.parametrize("classes", [2, 3])
def test_a_long_table_begins_on_a_sample_and_ends_at_the_optimum(classes):
    X, y = table(50_000, 3, classes=classes)
    rng = np.random.default_rng(0)
    few = np.where(rng.random(len(y)) < 0.002, 1.0, 1e-9)  # hardly any of them in the sample
    few[::6] = 0.0
    order = np.argsort(y, kind="stable")
    rare = np.where((y == 1) & (np.arange(len(y)) % 1000 != 1), 0, y)  # not in the sample at all
    for rows, target, w in (
        (X, y, None),
        (np.asfortranarray(X[order]), y[order], None),
        (X + 1e6, y, None),
        (X, y, few),
        (X, rare, None),
    ):
        model = LogisticRegression(C=10.0, tol=1e-6, n_jobs=2).fit(rows, target, w)
        weight = np.ones(len(y)) if w is None else w
        off = (model.predict_proba(rows) - (target[:, None] == np.unique(target))).T * weight
        off = off[1:] if classes == 2 else off
        slope = off @ (rows - rows.mean(axis=0)) + model.coef_ / 10.0
        assert np.abs(slope / X.std(axis=0)).max() / weight.sum() < 2e-6
        again = clone(model).set_params(n_jobs=1).fit(rows, target, w)
        assert again.coef_.tobytes() == model.coef_.tobytes()


def reference_gce(X, y, q=0.7):
    """Return the scores of generalised cross entropy, written out, from cross entropy on."""
    side, p = np.where(y == 1, 1.0, -1.0), X.shape[1]

    def look(theta, robust):
        own = 1 / (1 + np.exp(-side * (X @ theta[:p] + theta[p])))
        value = (1 - own**q) / q if robust else -np.log(own)
        slope = -side * (own**q if robust else 1.0) * (1 - own)
        gradient = np.append(X.T @ slope + theta[:p], slope.sum())
        return value.sum() + 0.5 * theta[:p] @ theta[:p], gradient

    theta = np.zeros(p + 1)
    for robust in (False, True):
        theta = optimize.minimize(look, theta, args=(robust,), jac=True, method="L-BFGS-B").x
    return lambda rows: rows @ theta[:p] + theta[p]


@pytest.mark.parametrize("seed", range(3))
def test_wrong_labels_are_forgiven_as_the_reference_forgives_them(seed):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(3000, 10))
    truth = (X @ rng.normal(size=10) * 2 + rng.logistic(size=3000) > 0).astype(int)
    y = np.where((truth == 1) & (rng.random(3000) < 0.4), 0, truth)[:1500]
    new, right = X[1500:], truth[1500:]
    plain = LogisticRegression().fit(X[:1500], y).score(new, right)
    robust = LogisticRegression(loss="gce", max_iter=500).fit(X[:1500], y).score(new, right)
    want = ((reference_gce(X[:1500], y)(new) > 0) == right).mean()
    assert robust >= want - 0.005
    assert robust > plain + 0.02


class Own:
    """Cross entropy of two classes as a user may write it."""

    def value(self, y, score):
        return np.logaddexp(0, score) - y * score

    def gradient(self, y, score):
        return 1 / (1 + np.exp(-score)) - y


def test_a_loss_of_ones_own():
    X, y = table()
    w = np.random.default_rng(0).integers(1, 3, len(y))
    ours = LogisticRegression(tol=1e-8, max_iter=1000).fit(X, y, w)
    theirs = clone(ours).set_params(loss=Own()).fit(X, y, w)
    np.testing.assert_allclose(theirs.coef_, ours.coef_, atol=1e-4)
    warm = clone(theirs).set_params(warm_start=True).fit(X, y, w)
    assert warm.fit(X, y, w).n_iter_[0] <= 3
    with pytest.raises(ParameterError, match="l1_ratio=0 and no groups"):
        clone(theirs).set_params(l1_ratio=1.0).fit(X, y)


def test_focal_probabilities_are_those_of_the_classes():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(20_000, 2))
    truth = 1 / (1 + np.exp(-2 * X[:, 0]))
    y = (rng.random(20_000) < truth).astype(int)
    model = LogisticRegression(loss=losses.Focal(2.0), C=np.inf).fit(X, y)
    assert np.abs(model.predict_proba(X)[:, 1] - truth).mean() < 0.03
    softmax = 1 / (1 + np.exp(-model.decision_function(X)))
    assert np.abs(softmax - truth).mean() > 0.05


def test_state_threads_and_wrong_losses(tmp_path):
    X, y = table(3000, classes=3)
    for params in ({"loss": "gce"}, {"l1_ratio": 0.5}, {"loss": losses.ClassBalanced("focal")}):
        one, two, three = (
            LogisticRegression(n_jobs=n, max_iter=500, **params).fit(X, y) for n in (1, 2, 3)
        )
        assert one.coef_.tobytes() == two.coef_.tobytes() == three.coef_.tobytes()
        back = tamis.load(tamis.save(one, tmp_path / "m.tamis"))
        for copy in (back, pickle.loads(pickle.dumps(one))):
            np.testing.assert_array_equal(copy.predict_proba(X), one.predict_proba(X))
    for loss in ("squared_error", "hinge", "magic", 3):
        with pytest.raises(ParameterError, match="loss"):
            LogisticRegression(loss=loss).fit(X, y)
    with pytest.warns(FutureWarning, match="penalty"):
        LogisticRegression("l1", l1_ratio=1.0, max_iter=500).fit(X, y)
