"""Support vector machines beside scikit-learn's, whose steps they repeat."""

import os
import pickle
import signal
import threading
import time

import numpy as np
import pytest
import sklearn.svm as peer
from scipy import sparse
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils.estimator_checks import parametrize_with_checks

import tamis
from tamis.exceptions import DataError, ParameterError, ShapeError, StateError
from tamis.models import SVC, SVR


# Gamma by itself would depend on repeated rows, and so would the steps within a loose tol.
@parametrize_with_checks([SVC(gamma="auto", tol=1e-10), SVR(gamma="auto", tol=1e-10)])
@pytest.mark.filterwarnings("ignore")
def test_estimator_contract(estimator, check):
    check(estimator)


def table(n=250, p=4, classes=2, seed=0):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, p))
    score = np.sin(2 * X[:, 0]) + X[:, 1] * X[:, 2]
    cuts = np.quantile(score, np.arange(1, classes) / classes)
    y = np.digitize(score + 0.3 * rng.normal(size=n), cuts)
    return X, np.array(["a", "b", "c", "d"])[y], score + 0.1 * rng.normal(size=n)


def same(ours, theirs, X):
    """The same but for what the last digits of kernel values do to the last steps."""
    common = np.intersect1d(ours.support_, theirs.support_)
    assert len(common) >= 0.98 * max(len(ours.support_), len(theirs.support_))
    np.testing.assert_allclose(ours.n_support_, theirs.n_support_, atol=2)
    np.testing.assert_allclose(ours.n_iter_, theirs.n_iter_, rtol=0.25)
    np.testing.assert_allclose(ours.intercept_, theirs.intercept_, atol=2e-3)
    assert ours.shape_fit_ == theirs.shape_fit_
    assert ours.fit_status_ == theirs.fit_status_
    if isinstance(theirs, peer.SVC):
        np.testing.assert_allclose(
            ours.decision_function(X), theirs.decision_function(X), atol=5e-3
        )
        assert np.mean(ours.predict(X) == theirs.predict(X)) >= 0.995
    else:
        np.testing.assert_allclose(ours.predict(X), theirs.predict(X), atol=5e-3)


KERNELS = [
    {"kernel": "linear"},
    {"kernel": "poly", "degree": 2, "coef0": 1.0},
    {"kernel": "rbf", "gamma": 0.7, "C": 10.0},
    {"kernel": "rbf", "gamma": "auto", "shrinking": False},
    {"kernel": "sigmoid", "gamma": 0.05, "coef0": -0.1},
]


@pytest.mark.parametrize("params", KERNELS, ids=lambda p: p["kernel"])
def test_the_steps_of_libsvm(params):
    for classes in (2, 4):
        X, y, target = table(classes=classes)
        for rows in (X, sparse.csr_array(X * (np.abs(X) > 0.5))):
            ours, theirs = (module.SVC(**params).fit(rows, y) for module in (tamis.models, peer))
            same(ours, theirs, rows)
            assert hasattr(ours, "coef_") == (params["kernel"] == "linear")
            if hasattr(ours, "coef_"):
                got, want = (sparse.csr_array(m.coef_).toarray() for m in (ours, theirs))
                np.testing.assert_allclose(got, want, atol=5e-3)
            ovo = ours.set_params(decision_function_shape="ovo").decision_function(rows)
            want = theirs.set_params(decision_function_shape="ovo").decision_function(rows)
            np.testing.assert_allclose(ovo, want, atol=5e-3)
    for rows in (X, sparse.csr_array(X * (np.abs(X) > 0.5))):
        ours, theirs = (module.SVR(**params).fit(rows, target) for module in (tamis.models, peer))
        same(ours, theirs, rows)
        # Without a tube the two signs of a variable tie, and the steps part.
        more = {**params, "epsilon": 0.0, "C": 0.3}
        ours, theirs = (module.SVR(**more).fit(rows, target) for module in (tamis.models, peer))
        np.testing.assert_allclose(ours.predict(rows), theirs.predict(rows), atol=0.02)


def test_weights_of_rows_and_classes():
    X, y, target = table(classes=3)
    w = np.random.default_rng(1).integers(1, 4, len(y)).astype(float)
    for params in ({"class_weight": {"a": 3.0, "c": 0.2}}, {"class_weight": "balanced"}):
        ours, theirs = (m.SVC(**params).fit(X, y, w) for m in (tamis.models, peer))
        same(ours, theirs, X)
        np.testing.assert_array_equal(ours.class_weight_, theirs.class_weight_)
    same(SVR().fit(X, target, w), peer.SVR().fit(X, target, w), X)
    w[::3] = 0.0  # scikit-learn's support_ would be shifted by rows that do not count
    times = w.astype(int)
    one = SVC(gamma=0.3, tol=1e-9).fit(X, y, w)
    many = SVC(gamma=0.3, tol=1e-9).fit(X.repeat(times, axis=0), y.repeat(times))
    np.testing.assert_allclose(one.decision_function(X), many.decision_function(X), atol=1e-6)


def test_kernels_that_are_given():
    X, y, target = table(120, classes=3)
    values = np.exp(-0.3 * ((X[:, None] - X[None]) ** 2).sum(-1))
    plain = SVC(gamma=0.3).fit(X, y)

    def kernel(a, b):
        return np.exp(-0.3 * ((a[:, None] - b[None]) ** 2).sum(-1))

    for model, rows in ((SVC(kernel="precomputed"), values), (SVC(kernel=kernel), X)):
        model.fit(rows, y)
        np.testing.assert_array_equal(model.support_, plain.support_)
        np.testing.assert_allclose(
            model.decision_function(rows[:9]), plain.decision_function(X[:9]), atol=1e-6
        )
        assert (model.predict(rows) == plain.predict(X)).all()
    with pytest.raises(ValueError, match="5 features"):
        SVC(kernel="precomputed").fit(values, y).predict(values[:, :5])
    with pytest.raises(ShapeError, match="square"):
        SVC(kernel="precomputed").fit(values[:, :5], y)
    with pytest.raises(TypeError, match="Sparse precomputed"):
        SVC(kernel="precomputed").fit(sparse.csr_array(values), y)
    np.testing.assert_allclose(
        SVR(kernel="precomputed").fit(values, target).predict(values),
        SVR(gamma=0.3).fit(X, target).predict(X),
        atol=1e-6,
    )


def test_neither_threads_nor_cache_matter(tmp_path):
    X, y, target = table(700, p=6, classes=3)
    fits = [SVC(n_jobs=n, cache_size=c).fit(X, y) for n, c in ((1, 200), (2, 0.01), (3, 200))]
    two = [SVC(n_jobs=n, cache_size=c).fit(X, target > 0) for n, c in ((1, 200), (2, 0.01))]
    line = [SVR(n_jobs=n, cache_size=c).fit(X, target) for n, c in ((1, 200), (2, 0.01))]
    for models in (fits, two, line):
        first = models[0]
        for model in models[1:]:
            assert model.dual_coef_.tobytes() == first.dual_coef_.tobytes()
            assert model.intercept_.tobytes() == first.intercept_.tobytes()
            np.testing.assert_array_equal(model.predict(X), first.predict(X))
    model = fits[0]
    alone = np.concatenate([model.decision_function(row[None]) for row in X[:20]])
    np.testing.assert_array_equal(alone, model.decision_function(X)[:20])
    back = tamis.load(tamis.save(model, tmp_path / "m.tamis"))
    for copy in (back, pickle.loads(pickle.dumps(model))):
        np.testing.assert_array_equal(copy.decision_function(X), model.decision_function(X))
    narrow = SVC().fit(sparse.csr_array(X), y)
    back = tamis.load(tamis.save(narrow, tmp_path / "s.tamis"))
    np.testing.assert_array_equal(back.predict(X), narrow.predict(X))


def test_containers_and_types():
    pd = pytest.importorskip("pandas")
    X, y, target = table(90)
    want = SVC().fit(X, y).predict(X)
    frozen = np.asfortranarray(X)
    frozen.flags.writeable = False
    for rows in (
        frozen,
        X.tolist(),
        pd.DataFrame(X, columns=list("abcd")),
        np.repeat(X, 2, 0)[::2],
    ):
        assert (SVC().fit(rows, y).predict(rows) == want).all()
    single = SVR().fit(X.astype(np.float32), target).predict(X.astype(np.float32))
    np.testing.assert_allclose(single, SVR().fit(X, target).predict(X), atol=1e-4)
    assert SVR().fit(X, np.ones(90)).predict(X[:2]).tolist() == [1.0, 1.0]
    assert len(SVC().fit(np.ones((4, 2)), [0, 0, 1, 1]).support_) == 4
    far = np.array([[0.0], [1.0]]) + 1e9  # distances survive a far origin
    assert SVC(gamma=1.0, C=100.0).fit(far, [0, 1]).predict(far).tolist() == [0, 1]


def test_probability():
    X, y, _ = table(300, classes=3)
    with pytest.warns(FutureWarning, match="probability"):
        model = SVC(probability=True, random_state=0, C=5.0).fit(X, y)
    made = model.predict_proba(X)
    np.testing.assert_allclose(made.sum(axis=1), 1.0)
    np.testing.assert_allclose(np.exp(model.predict_log_proba(X)), made)
    assert np.mean(model.classes_[made.argmax(axis=1)] == model.predict(X)) > 0.9
    with pytest.warns(FutureWarning):
        theirs = peer.SVC(probability=True, random_state=0, C=5.0).fit(X, y).predict_proba(X)
    assert np.abs(made - theirs).mean() < 0.03
    with pytest.warns(FutureWarning, match="probA_"):
        assert len(model.probA_) == 3
    assert not hasattr(SVC().fit(X, y), "predict_proba")


def test_ties_and_limits():
    X, y, _ = table(200, classes=4)
    model = SVC(break_ties=True).fit(X, y)
    want = model.classes_[model.decision_function(X).argmax(axis=1)]
    assert (model.predict(X) == want).all()
    with pytest.raises(ParameterError, match="break_ties"):
        SVC(break_ties=True, decision_function_shape="ovo").fit(X, y).predict(X)
    with pytest.warns(ConvergenceWarning, match="max_iter=5"):
        short = SVC(max_iter=5).fit(X, y)
    assert short.fit_status_ == 1
    assert short.n_iter_.max() == 5


def test_what_cannot_be_used_says_so(monkeypatch):
    X, y, target = table(30)
    for params, says in (
        ({"C": 0.0}, "C must be"),
        ({"kernel": "magic"}, "kernel must be"),
        ({"gamma": -1.0}, "gamma"),
        ({"gamma": "wide"}, "gamma"),
        ({"degree": -1}, "degree"),
        ({"tol": 0.0}, "tol"),
        ({"cache_size": 0}, "cache_size"),
        ({"max_iter": -2}, "max_iter"),
        ({"coef0": np.inf}, "coef0"),
        ({"shrinking": "yes"}, "shrinking"),
        ({"decision_function_shape": "all"}, "decision_function_shape"),
    ):
        with pytest.raises(ParameterError, match=says):
            SVC(**params).fit(X, y)
    with pytest.raises(ParameterError, match="epsilon"):
        SVR(epsilon=-1.0).fit(X, target)
    with pytest.raises(DataError, match="greater than one"):
        SVC().fit(X, np.zeros(30))
    with pytest.raises(DataError, match="same class"):
        SVC().fit(X, y, (y == "a").astype(float))
    with pytest.raises(DataError, match="zero or negative"):
        SVR().fit(X, target, np.zeros(30))
    with pytest.raises(ShapeError, match="incompatible"):
        SVC().fit(X, y, np.ones(3))
    with pytest.raises(DataError, match="not finite"):
        SVC(kernel="linear").fit(X * 1e300, y)
    with pytest.raises(DataError, match="sparse input"):
        SVC().fit(X, y).predict(sparse.csr_array(X))
    monkeypatch.setattr("tamis.models._svm_base.MANY", 20)
    with pytest.warns(UserWarning, match="LinearSVC"):
        SVC().fit(X, y)


def test_ctrl_c_stops_it():
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(20_000, 30)), rng.integers(0, 2, 20_000)
    sent = []

    def press():
        time.sleep(0.3)
        sent.append(time.perf_counter())
        os.kill(os.getpid(), signal.SIGINT)

    threading.Thread(target=press).start()
    with pytest.raises(KeyboardInterrupt):
        SVC(C=100.0, cache_size=20, n_jobs=1).fit(X, y)
    assert time.perf_counter() - sent[0] < 0.5


@pytest.mark.parametrize("name", ["support_vectors_", "dual_coef_", "_n_support", "support_"])
def test_damaged_parts_are_refused(name, tmp_path):
    X, y, _ = table(40)
    model = SVC().fit(X, y)
    setattr(model, name, getattr(model, name)[:-1])
    with pytest.raises(StateError, match="do not fit"):
        tamis.save(model, tmp_path / "m.tamis")
