"""Networks of layers: scikit-learn's numbers, a plain reference, losses, dropout, decay."""

import os
import pickle
import signal
import threading
import time
import warnings
from itertools import pairwise

import numpy as np
import pytest
import sklearn.neural_network as sk
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import optimize, sparse
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils.estimator_checks import check_estimator

import tamis
from tamis import _core, losses
from tamis.exceptions import DataError, ParameterError, ShapeError
from tamis.models import MLPClassifier, MLPRegressor

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


def table(n=300, p=6, classes=3, seed=0):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, p))
    score = np.column_stack([X[:, 0] * X[:, 1], X[:, 1] - X[:, 2], X[:, 2] ** 2])[:, :classes]
    return X, (2 * score + rng.gumbel(size=score.shape)).argmax(axis=1)


X, Y = table()
SEEN = np.random.default_rng(5).random(len(Y))
NUMBERS = np.tanh(X[:, 0] * X[:, 1]) + X[:, 2]


def kinds(name):
    return getattr(tamis.models, name), getattr(sk, name)


def same(ours, theirs, tol=1e-10):
    for a, b in zip(
        [*ours.coefs_, *ours.intercepts_], [*theirs.coefs_, *theirs.intercepts_], strict=True
    ):
        np.testing.assert_allclose(a, b, atol=tol)
        assert a.dtype == b.dtype
    for name in (
        "loss_", "best_loss_", "loss_curve_", "validation_scores_", "best_validation_score_",
        "n_iter_", "t_", "n_layers_", "n_outputs_", "out_activation_",
    ):  # fmt: skip
        a, b = getattr(ours, name, "none"), getattr(theirs, name, "none")
        if a is None or isinstance(a, str):
            assert a == b, name
        else:
            np.testing.assert_allclose(a, b, rtol=1e-4 if tol > 1e-7 else 1e-8, err_msg=name)


@pytest.mark.parametrize(
    ("name", "params", "data"),
    [
        ("MLPClassifier", {"activation": "tanh", "hidden_layer_sizes": (9, 5)}, (X, Y)),
        ("MLPClassifier", {"early_stopping": True, "n_iter_no_change": 2}, (X, Y > 0, SEEN)),
        ("MLPClassifier", {"solver": "sgd", "learning_rate": "adaptive", "tol": 0.05,
                           "n_iter_no_change": 1, "learning_rate_init": 0.1}, (X, Y)),
        ("MLPClassifier", {"solver": "sgd", "learning_rate": "invscaling", "shuffle": False,
                           "nesterovs_momentum": False, "batch_size": 70}, (X, Y)),
        ("MLPClassifier", {"solver": "lbfgs", "activation": "logistic"}, (X, Y, SEEN)),
        ("MLPClassifier", {}, (sparse.csr_array(X * (X > 0)), np.eye(3)[Y] + np.eye(3)[2 - Y] > 0)),
        ("MLPClassifier", {}, (X.astype(np.float32), Y)),
        ("MLPRegressor", {"hidden_layer_sizes": ()}, (X, NUMBERS, SEEN)),
        ("MLPRegressor", {"solver": "lbfgs"}, (X, np.column_stack([NUMBERS, X[:, 0]]))),
        ("MLPRegressor", {"loss": "poisson", "early_stopping": True}, (X, np.exp(NUMBERS))),
    ],
)  # fmt: skip
def test_the_numbers_of_scikit_learn(name, params, data):
    ours, theirs = (kind(max_iter=8, random_state=3, **params) for kind in kinds(name))
    ours.fit(*data), theirs.fit(*data)
    same(ours, theirs, 1e-5 if data[0].dtype == np.float32 else 1e-10)
    what = "predict_proba" if name == "MLPClassifier" else "predict"
    a, b = getattr(ours, what)(data[0]), getattr(theirs, what)(data[0])
    np.testing.assert_allclose(a, b, atol=1e-5 if a.dtype == np.float32 else 1e-10)
    assert a.dtype == b.dtype
    np.testing.assert_allclose(ours.predict(data[0]), theirs.predict(data[0]), atol=1e-5)


@pytest.mark.parametrize("name", ["MLPClassifier", "MLPRegressor"])
def test_going_on_is_that_of_scikit_learn(name, tmp_path):
    y = Y if name == "MLPClassifier" else NUMBERS
    more = {"classes": [0, 1, 2]} if name == "MLPClassifier" else {}
    ours, theirs = (kind(5, random_state=1, max_iter=3) if name == "MLPClassifier" else
                    kind(hidden_layer_sizes=5, random_state=1, max_iter=3)
                    for kind in kinds(name))  # fmt: skip
    for part in (slice(0, 150), slice(150, 300)):
        theirs.partial_fit(X[part], y[part], **more)
        ours.partial_fit(X[part], y[part], **more)
        ours = pickle.loads(pickle.dumps(ours))
        ours = tamis.load(tamis.save(ours, tmp_path / "model.tamis"))  # with its memory
    same(ours, theirs)
    for model in (ours, theirs):
        model.set_params(warm_start=True).fit(X, y).fit(X, y)
    same(ours, theirs)
    with pytest.raises(ValueError, match="features"):
        ours.fit(X[:, 1:], y)


def plain_gradient(widths, activation, flat, X, y):
    """Return the value and the slopes of the sum of cross entropies, layer by layer."""
    sizes = list(pairwise(widths))
    ends = np.cumsum([a * b for a, b in sizes] + [b for _, b in sizes])
    parts = np.split(flat, ends[:-1])
    coefs = [part.reshape(s) for part, s in zip(parts, sizes, strict=False)]
    act = {"identity": lambda z: z, "logistic": lambda z: 1 / (1 + np.exp(-z)), "tanh": np.tanh,
           "relu": lambda z: np.maximum(z, 0)}[activation]  # fmt: skip
    slope = {"identity": lambda a: 1, "logistic": lambda a: a * (1 - a),
             "tanh": lambda a: 1 - a**2, "relu": lambda a: a > 0}[activation]  # fmt: skip
    said = [X]
    for k, coef in enumerate(coefs):
        z = said[-1] @ coef + parts[len(sizes) + k]
        said.append(act(z) if k < len(sizes) - 1 else z)
    e = np.exp(said[-1] - said[-1].max(axis=1, keepdims=True))
    p = e / e.sum(axis=1, keepdims=True)
    d = p - np.eye(widths[-1])[y]
    slopes = [None] * (2 * len(sizes))
    for k in reversed(range(len(sizes))):
        slopes[k], slopes[len(sizes) + k] = said[k].T @ d, d.sum(axis=0)
        d = d @ coefs[k].T * slope(said[k]) if k else d
    return -np.log(p[np.arange(len(y)), y]).sum(), np.concatenate([np.ravel(s) for s in slopes])


def network(widths, activation, flat, loss=("cross_entropy", [0.0], []), each=False):
    return _core.Perceptron(
        flat, widths, activation, loss=loss, output=(each, 1.0, None),
        solver=("adam", 0.9, 0.999, 1e-8), alpha=0.0, weight_decay=0.0, dropout=0.0, seed=0,
        memory=None,
    )  # fmt: skip


@settings(max_examples=12, deadline=None)
@given(
    st.lists(st.integers(1, 6), max_size=3),
    st.sampled_from(["identity", "logistic", "tanh", "relu"]),
    st.integers(0, 10_000),
)
def test_the_whole_gradient_is_that_of_plain_numpy(hidden, activation, seed):
    widths = [6, *hidden, 3]
    size = sum(a * b + b for a, b in pairwise(widths))
    flat = np.random.default_rng(seed).normal(size=size)
    net = network(widths, activation, flat)
    net.place(flat)
    value = net.look(X, Y[:, None].astype(float), None, 1, True)
    want = plain_gradient(widths, activation, flat, X, Y)
    np.testing.assert_allclose(value, want[0], rtol=1e-10)
    np.testing.assert_allclose(net.slopes(), want[1], rtol=1e-8, atol=1e-8)


@pytest.mark.parametrize(
    "loss", [("focal", [2.0], []), ("gce", [0.7], [1.0, 2.0, 3.0]), ("sce", [0.1, 1.0, -4.0], [])]
)
def test_the_gradient_of_losses_by_finite_differences(loss):
    widths = [6, 4, 3]
    flat = np.random.default_rng(0).normal(size=43)

    def value(at):
        net = network(widths, "tanh", at, loss)
        net.place(at)
        return net.look(X, Y[:, None].astype(float), SEEN, 1, True), net.slopes()

    want = optimize.approx_fprime(flat, lambda at: value(at)[0], 1e-6)
    np.testing.assert_allclose(value(flat)[1], want, rtol=1e-4, atol=1e-3)


class Own:
    """Cross entropy in plain NumPy."""

    def value(self, y, score):
        return np.log1p(np.exp(-(2 * y - 1) * score))

    def gradient(self, y, score):
        return 1 / (1 + np.exp(-score)) - y


@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
def test_a_loss_of_ones_own(solver):
    given = {"solver": solver, "max_iter": 10, "random_state": 0, "alpha": 0.01}
    own = MLPClassifier(loss=Own(), **given).fit(X, Y > 0, SEEN)
    known = MLPClassifier(loss=losses.CrossEntropy(), **given).fit(X, Y > 0, SEEN)
    np.testing.assert_allclose(own.coefs_[0], known.coefs_[0], atol=1e-9)
    np.testing.assert_allclose(own.predict_proba(X), known.predict_proba(X), atol=1e-9)
    assert own.loss_ == pytest.approx(known.loss_)

    class Wrong(Own):
        def gradient(self, y, score):
            return 1.0

    with pytest.raises(ShapeError, match="slopes of shape"):
        MLPClassifier(loss=Wrong(), **given).fit(X, Y > 0)


def test_losses_by_name_do_what_they_are_for():
    rng = np.random.default_rng(0)
    A = rng.normal(size=(1200, 5))
    truth = (A[:, 0] + A[:, 1] ** 2 > 1).astype(int)
    wrong = np.where((truth == 1) & (rng.random(1200) < 0.4), 0, truth)
    given = {"random_state": 0, "max_iter": 60, "learning_rate_init": 0.01}
    plain = MLPClassifier((30,), **given).fit(A, wrong)
    robust = MLPClassifier((30,), loss="gce", **given).fit(A, wrong)
    assert robust.score(A, truth) > plain.score(A, truth) + 0.02
    assert robust.loss_curve_[4] > 0.4 > robust.loss_curve_[6]  # cross entropy, then the other
    focal = MLPClassifier((30,), loss="focal", **given).fit(A, truth)
    said = focal.predict_proba(A)
    entropy = -np.log(said[np.arange(1200), truth]).mean()
    assert entropy < 0.1  # recalibrated
    low = MLPRegressor("quantile", (10,), **given).fit(A, A[:, 0] + rng.normal(size=1200))
    assert low.out_activation_ == "identity"
    for loss in ("hinge", "squared_error", "nothing"):
        with pytest.raises(ParameterError):
            MLPClassifier(loss=loss).fit(A, truth)
    with pytest.raises(ParameterError, match="one of classes"):
        MLPRegressor(loss="focal").fit(A, truth)


def test_dropout_and_decay():
    given = {"random_state": 0, "max_iter": 30, "hidden_layer_sizes": (40, 20)}
    plain = MLPClassifier(**given).fit(X, Y)
    dropped = MLPClassifier(dropout=0.4, **given).fit(X, Y)
    assert dropped.loss_ > plain.loss_ + 0.02  # training is harder, prediction is not random
    np.testing.assert_array_equal(dropped.predict_proba(X), dropped.predict_proba(X))
    np.testing.assert_array_equal(
        dropped.coefs_[0], MLPClassifier(dropout=0.4, **given).fit(X, Y).coefs_[0]
    )
    decayed = MLPClassifier(weight_decay=20.0, **given).fit(X, Y)
    size = [sum((w**2).sum() for w in m.coefs_) for m in (plain, decayed)]
    assert size[1] < 0.8 * size[0]
    # One step of SGDW in plain arithmetic, from weights that a flat loss does not move.
    one = MLPRegressor(hidden_layer_sizes=(), solver="sgd", max_iter=1, alpha=0, weight_decay=2.0,
                       learning_rate_init=0.1, momentum=0, random_state=0)  # fmt: skip
    start = clone(one).set_params(weight_decay=0.0, learning_rate_init=1e-300).fit(X, NUMBERS)
    said = X @ start.coefs_[0][:, 0] + start.intercepts_[0]
    moved = one.set_params(batch_size=300).fit(X, NUMBERS)
    slope = X.T @ (said - NUMBERS) / 300
    want = start.coefs_[0][:, 0] * (1 - 0.1 * 2.0) - 0.1 * slope
    np.testing.assert_allclose(moved.coefs_[0][:, 0], want, atol=1e-12)
    for params in ({"dropout": 0.1}, {"weight_decay": 0.1}):
        with pytest.raises(ParameterError, match="adam"):
            MLPClassifier(solver="lbfgs", **params).fit(X, Y)


@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
def test_threads_give_the_same_bits(solver):
    A = np.random.default_rng(0).normal(size=(2500, 60))
    y = (A[:, 0] > 0).astype(int) + (A[:, 1] > 0)
    said = []
    for jobs in (1, 2, 3):
        drop = 0.2 if solver == "adam" else 0.0
        model = MLPClassifier((120, 30), solver=solver, max_iter=2, random_state=0, dropout=drop)
        said.append(model.set_params(n_jobs=jobs).fit(A, y).predict_proba(A))
    np.testing.assert_array_equal(said[0], said[1])
    np.testing.assert_array_equal(said[0], said[2])


def test_weights_of_classes_are_weights_of_rows():
    given = {"random_state": 0, "max_iter": 5}
    by_class = MLPClassifier(class_weight={0: 3.0, 1: 1.0, 2: 0.5}, **given).fit(X, Y)
    by_row = MLPClassifier(**given).fit(X, Y, np.array([3.0, 1.0, 0.5])[Y])
    np.testing.assert_array_equal(by_class.coefs_[0], by_row.coefs_[0])
    MLPClassifier(class_weight="balanced", **given).fit(X, Y)
    with pytest.raises(ParameterError, match="partial_fit"):
        MLPClassifier(class_weight="balanced").partial_fit(X, Y, classes=[0, 1, 2])
    light = np.where(np.arange(300) < 200, 0.0, 1.0)  # batches without weight say nothing
    model = MLPClassifier(shuffle=False, batch_size=100, **given).fit(X, Y, light)
    alone = MLPClassifier(shuffle=False, batch_size=100, **given).fit(X[200:], Y[200:])
    np.testing.assert_allclose(model.coefs_[0], alone.coefs_[0], atol=1e-12)


def test_hostile_input():
    frozen = X.copy()
    frozen.flags.writeable = False
    want = MLPClassifier(5, max_iter=3, random_state=0).fit(X, Y).predict_proba(X)
    for rows in (frozen, np.asfortranarray(X), np.repeat(X, 2, axis=0)[::2], X.tolist(),
                  sparse.csc_matrix(X)):  # fmt: skip
        model = MLPClassifier(5, max_iter=3, random_state=0).fit(rows, Y)
        np.testing.assert_allclose(model.predict_proba(rows), want, atol=1e-12)
    twice = sparse.csr_array((np.ones(4), [1, 1, 0, 2], [0, 2, 3, 4]), shape=(3, 3))
    parts = [clone(model).fit(x, [0, 1, 0]).coefs_[0] for x in (twice, twice.toarray())]
    np.testing.assert_allclose(*parts, atol=1e-12)
    one = MLPClassifier(max_iter=2).fit(X, np.zeros(300))
    assert set(one.predict(X)) == {0.0}
    MLPRegressor(max_iter=2).fit(X[:1], [1.0])
    MLPClassifier(max_iter=2).fit(np.ones((10, 2)), [0, 1] * 5)
    for bad in ({"activation": "step"}, {"alpha": -1}, {"hidden_layer_sizes": (0,)},
                {"hidden_layer_sizes": 2.5}, {"batch_size": 0}, {"dropout": 1.0},
                {"weight_decay": np.nan}, {"solver": "newton"}, {"max_iter": 0},
                {"tol": "x"}, {"momentum": 2}, {"n_iter_no_change": 0}):  # fmt: skip
        with pytest.raises(ParameterError, match=next(iter(bad))):
            MLPClassifier(**bad).fit(X, Y)
    with pytest.raises(DataError, match="row 0"):
        MLPRegressor(loss="poisson").fit(X, -np.ones(300))
    with pytest.raises(DataError, match="non-finite"), np.errstate(all="ignore"):
        MLPRegressor(max_iter=2).fit(np.abs(np.tanh(X)) * 1.7e308, NUMBERS)
    with pytest.warns(ConvergenceWarning, match="Maximum iterations"):
        MLPClassifier(max_iter=2).fit(X, Y)
    for model in (MLPClassifier(), MLPRegressor()):
        assert not hasattr(model.set_params(solver="lbfgs"), "partial_fit")


def test_ctrl_c_keeps_what_was_learnt():
    A = np.random.default_rng(0).normal(size=(40_000, 200))
    model = MLPClassifier((400,), max_iter=100, random_state=0)
    pressed = []

    def press():
        pressed.append(time.monotonic())
        os.kill(os.getpid(), signal.SIGINT)

    timer = threading.Timer(0.5, press)
    timer.start()
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        model.fit(A, (A[:, 0] > 0).astype(int))
    assert time.monotonic() - pressed[0] < 0.5
    assert any("interrupted" in str(w.message) for w in said)
    assert model.predict(A[:5]).shape == (5,)


@pytest.mark.parametrize("model", [MLPClassifier(max_iter=40), MLPRegressor(max_iter=40)])
@pytest.mark.slow
def test_check_estimator(model):
    failed = [r["check_name"] for r in check_estimator(model, on_fail=None, on_skip=None)
              if r["status"] == "failed"]  # fmt: skip
    assert not failed
