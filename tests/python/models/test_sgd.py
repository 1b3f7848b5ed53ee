"""Stochastic gradient descent: scikit-learn's coefficients, any loss, state, hostile input."""

import pickle
import warnings

import numpy as np
import pytest
import sklearn.linear_model as sk
from scipy import sparse
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils.estimator_checks import check_estimator

import tamis
from tamis import losses
from tamis.exceptions import DataError, ParameterError, ShapeError
from tamis.models import SGDClassifier, SGDRegressor


def table(n=300, p=9, classes=2, seed=0):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, p))
    score = X @ rng.normal(size=(p, classes)) + rng.gumbel(size=(n, classes))
    return X, score.argmax(axis=1)


def numbers(n=300, p=9, seed=0):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, p))
    return X, X @ rng.normal(size=p) + rng.normal(size=n) + 1


def same(ours, theirs, rtol=1e-6):
    for name in ("coef_", "intercept_"):
        np.testing.assert_allclose(getattr(ours, name), getattr(theirs, name), rtol=rtol, atol=1e-9)
    assert ours.n_iter_ == theirs.n_iter_
    assert ours.t_ == theirs.t_


STEPS = [
    {"loss": "hinge"},
    {"loss": "log_loss", "penalty": "elasticnet", "alpha": 0.01},
    {"loss": "modified_huber", "learning_rate": "invscaling", "eta0": 0.05},
    {"loss": "squared_hinge", "penalty": None, "learning_rate": "constant", "eta0": 0.001},
    {"loss": "perceptron", "penalty": "l1", "alpha": 0.001},
    {"loss": "huber", "average": 40, "shuffle": False, "learning_rate": "invscaling"},
    {"loss": "squared_error", "learning_rate": "adaptive", "eta0": 0.001},
    {"loss": "epsilon_insensitive", "average": True, "fit_intercept": False},
    {"loss": "squared_epsilon_insensitive", "learning_rate": "invscaling", "power_t": 0.3},
    {"loss": "hinge", "learning_rate": "pa1", "eta0": 0.1, "penalty": None},
    {"loss": "hinge", "learning_rate": "pa2", "eta0": 0.1},
]


@pytest.mark.parametrize("params", STEPS, ids=lambda p: f"{p['loss']}-{len(p)}")
def test_the_coefficients_of_scikit_learn(params):
    for classes in (2, 4):
        X, y = table(classes=classes)
        w = np.random.default_rng(1).uniform(0.5, 2, len(y))
        params = {"max_iter": 3, "tol": None, "random_state": 3, **params}
        ours = SGDClassifier(**params, class_weight={1: 2.0}).fit(X, y, sample_weight=w)
        theirs = sk.SGDClassifier(**params, class_weight={1: 2.0}).fit(X, y, sample_weight=w)
        same(ours, theirs)
        np.testing.assert_array_equal(ours.predict(X), theirs.predict(X))
        X[np.random.default_rng(2).random(X.shape) < 0.7] = 0
        X = sparse.csr_matrix(X)
        same(clone(ours).fit(X, y), clone(theirs).fit(X, y))


@pytest.mark.parametrize("loss", SGDRegressor._known)
@pytest.mark.parametrize("rate", ["invscaling", "adaptive", "optimal"])
def test_the_numbers_of_scikit_learn(loss, rate):
    X, y = numbers()
    params = {"loss": loss, "learning_rate": rate, "random_state": 5, "alpha": 0.01}
    if loss == "squared_epsilon_insensitive" and rate == "optimal":
        params |= {"max_iter": 1, "tol": None}
    ours = SGDRegressor(**params).fit(X, y)
    theirs = sk.SGDRegressor(**params).fit(X, y)
    same(ours, theirs, 1e-5)
    np.testing.assert_allclose(ours.predict(X), theirs.predict(X), rtol=1e-4, atol=1e-6)


def test_the_end_comes_where_scikit_learn_has_it():
    for classes in (2, 3):
        X, y = table(400, classes=classes, seed=2)
        for loss in ("hinge", "log_loss"):
            for penalty in ("l2", "l1"):
                params = {"loss": loss, "penalty": penalty, "random_state": 0, "alpha": 0.003}
                same(SGDClassifier(**params).fit(X, y), sk.SGDClassifier(**params).fit(X, y), 1e-4)
    # The state of a generator is used up alike.
    one, two = np.random.RandomState(7), np.random.RandomState(7)
    for _ in range(2):
        ours = SGDClassifier(random_state=one).fit(X, y)
        same(ours, sk.SGDClassifier(random_state=two).fit(X, y), 1e-4)
    one, two = np.random.RandomState(7), np.random.RandomState(7)
    X, y = numbers()
    for _ in range(2):
        ours = SGDRegressor(random_state=one, early_stopping=True).fit(X, y)
        theirs = sk.SGDRegressor(random_state=two, early_stopping=True).fit(X, y)
    assert abs(ours.score(X, y) - theirs.score(X, y)) < 0.01


@pytest.mark.parametrize("average", [False, True, 350])
def test_parts_and_warm_starts(average):
    X, y = table(classes=3)
    params = {"average": average, "random_state": 1, "loss": "log_loss", "tol": None, "alpha": 0.01}
    # scikit-learn forgets the intercept between parts where it averages.
    params["fit_intercept"] = not average
    ours, theirs = SGDClassifier(**params), sk.SGDClassifier(**params)
    for a in range(0, 300, 100):
        for model in (ours, theirs):
            model.partial_fit(X[a : a + 100], y[a : a + 100], classes=[0, 1, 2])
        same(ours, theirs)
    for model in (ours, theirs):
        model.set_params(warm_start=True, max_iter=2).fit(X, y)
        model.fit(X, y)
    same(ours, theirs)
    X, y = numbers()
    ours = SGDRegressor(average=average, random_state=0)
    theirs = sk.SGDRegressor(average=average, random_state=0)
    for a in range(0, 300, 100):
        for model in (ours, theirs):
            model.partial_fit(X[a : a + 100], y[a : a + 100])
    same(ours, theirs)
    start = np.ones(9)
    for model in (ours, theirs):
        model.set_params(max_iter=2, tol=None).fit(X, y, coef_init=start, intercept_init=[2.0])
        assert model is theirs or (start == 1).all()  # theirs writes to it
    same(ours, theirs)


def test_early_stopping_goes_by_rows_held_out():
    X, y = table(1000, classes=3)
    for loss in ("hinge", "log_loss", "gce"):
        model = SGDClassifier(loss, early_stopping=True, random_state=0, n_iter_no_change=3)
        model.fit(X, y)
        assert 3 < model.n_iter_ < 100
        assert model.score(X, y) > 0.6
    w = np.ones(1000)
    first = clone(model).fit(X, y, sample_weight=w)
    np.testing.assert_array_equal(first.coef_, model.coef_)
    with pytest.raises(ValueError, match="early_stopping should be False"):
        model.partial_fit(X, y)
    with pytest.raises(ValueError, match="train set will be empty"):
        SGDRegressor(early_stopping=True, validation_fraction=0.9).fit(X[:1], [1.0])


class Own:
    """Cross entropy of two classes as a user may write it; it keeps how it was called."""

    calls = 0

    def value(self, y, score):
        return np.logaddexp(0, score) - y * score

    def gradient(self, y, score):
        self.calls += 1
        assert len(y) <= 32
        return 1 / (1 + np.exp(-score)) - y


def test_losses_by_name_and_ones_own():
    for classes in (2, 3):
        X, y = table(2000, classes=classes)
        want = sk.LogisticRegression().fit(X, y).score(X, y)
        for loss in ["label_smoothed", "focal", "gce", "sce", losses.ClassBalanced("focal"), Own()]:
            # Batches are no place for large first steps.
            rate = {"learning_rate": "invscaling", "eta0": 0.1} if isinstance(loss, Own) else {}
            model = SGDClassifier(loss, random_state=0, average=True, **rate).fit(X, y)
            assert model.score(X, y) > want - 0.04, loss
            if not isinstance(loss, Own) and "hinge" not in str(loss):
                np.testing.assert_allclose(model.predict_proba(X).sum(axis=1), 1)
                assert (model.predict_proba(X).argmax(axis=1) == model.predict(X)).mean() > 0.99
    assert Own.calls == 0
    own = Own()
    SGDClassifier(own, max_iter=2, tol=None, random_state=0).fit(X[:65], y[:65] == 1)
    assert own.calls == 6
    a = SGDClassifier("cross_entropy", max_iter=2, tol=None, random_state=0).fit(X, y)
    b = SGDClassifier("log_loss", max_iter=2, tol=None, random_state=0).fit(X, y)
    np.testing.assert_array_equal(a.coef_, b.coef_)
    weighed = losses.CrossEntropy(class_weight=[1.0, 3.0, 1.0])
    a = clone(a).set_params(loss=weighed).fit(X, y)
    b.fit(X, y, sample_weight=np.array([1.0, 3.0, 1.0])[y])
    np.testing.assert_array_equal(a.coef_, b.coef_)


def test_a_loss_that_fails_says_so():
    class Bad(Own):
        def gradient(self, y, score):
            raise KeyError("nothing here")

    class Short(Own):
        def gradient(self, y, score):
            return np.zeros(1)

    X, y = table()
    with pytest.raises(KeyError, match="nothing here"):
        SGDClassifier(Bad()).fit(X, y)
    with pytest.raises(ShapeError, match="one number a row"):
        SGDClassifier(Short()).fit(X, y)
    for loss in ("magic", 3, "squared"):
        with pytest.raises(ParameterError, match="loss"):
            SGDClassifier(loss).fit(X, y)
    for loss in ("hinge", losses.Focal(), "gce"):
        with pytest.raises(ParameterError, match="loss"):
            SGDRegressor(loss).fit(X, y)
    for loss in ("hinge", "squared_error", "absolute_error"):
        assert not hasattr(SGDClassifier(loss), "predict_proba")


@pytest.mark.parametrize("loss", ["absolute_error", "log_cosh", losses.Quantile(0.5)])
def test_losses_of_numbers(loss):
    X, y = numbers(1500)
    model = SGDRegressor(loss, random_state=0, average=True).fit(X, y)
    assert model.score(X, y) > sk.LinearRegression().fit(X, y).score(X, y) - 0.03


def test_wrong_labels_are_forgiven():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(4000, 10))
    truth = (X @ rng.normal(size=10) * 2 + rng.logistic(size=4000) > 0).astype(int)
    y = np.where((truth == 1) & (rng.random(4000) < 0.4), 0, truth)
    params = {"alpha": 0.001, "average": True, "random_state": 0}
    plain = SGDClassifier("log_loss", **params).fit(X[:2000], y[:2000])
    robust = SGDClassifier("gce", **params).fit(X[:2000], y[:2000])
    assert robust.score(X[2000:], truth[2000:]) > plain.score(X[2000:], truth[2000:]) + 0.02
    assert robust.n_iter_ > plain.n_iter_  # it went on from cross entropy


def test_focal_probabilities_are_those_of_the_classes():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(20_000, 2))
    truth = 1 / (1 + np.exp(-2 * X[:, 0]))
    y = (rng.random(20_000) < truth).astype(int)
    model = SGDClassifier("focal", average=True, random_state=0, learning_rate="invscaling")
    model.set_params(eta0=0.1).fit(X, y)
    assert np.abs(model.predict_proba(X)[:, 1] - truth).mean() < 0.04
    softmax = 1 / (1 + np.exp(-model.decision_function(X)))
    assert np.abs(softmax - truth).mean() > 0.05


def test_state_threads_and_containers(tmp_path):
    pd = pytest.importorskip("pandas")
    X, y = table(500, classes=3)
    for params in ({"loss": "gce"}, {"penalty": "l1", "average": True}, {"early_stopping": True}):
        one, two, three = (
            SGDClassifier(n_jobs=n, random_state=0, **params).fit(X, y) for n in (1, 2, 3)
        )
        assert one.coef_.tobytes() == two.coef_.tobytes() == three.coef_.tobytes()
        back = tamis.load(tamis.save(one, tmp_path / "m.tamis"))
        for copy in (back, pickle.loads(pickle.dumps(one))):
            np.testing.assert_array_equal(copy.decision_function(X), one.decision_function(X))
        if not one.early_stopping:
            again = [copy.partial_fit(X, y).coef_ for copy in (back, one)]
            np.testing.assert_array_equal(*again)
    model = SGDClassifier(random_state=0, max_iter=3, tol=None)
    want = clone(model).fit(X, y).coef_
    frozen = X.copy()
    frozen.setflags(write=False)
    for other in (
        frozen,
        np.asfortranarray(X),
        pd.DataFrame(X),
        X.tolist(),
        np.repeat(X, 2, 0)[::2],
    ):
        np.testing.assert_array_equal(clone(model).fit(other, y).coef_, want)
    single = clone(model).fit(X.astype(np.float32), y)
    assert single.coef_.dtype == np.float32
    np.testing.assert_allclose(single.coef_, want, rtol=1e-3, atol=1e-2)
    cells = sparse.csr_matrix(X)
    parts = sparse.csr_matrix(
        (np.repeat(cells.data / 2, 2), np.repeat(cells.indices, 2), cells.indptr * 2), X.shape
    )
    twice = clone(model).fit(parts, y).coef_
    np.testing.assert_allclose(twice, clone(model).fit(cells, y).coef_, rtol=1e-6)
    assert not parts.has_canonical_format
    model.fit(X, y).sparsify()
    model.partial_fit(X, y)
    assert isinstance(model.coef_, np.ndarray)


def test_what_cannot_be_used_is_an_error():
    X, y = table()
    with pytest.raises(DataError, match="overflow occurred at epoch #1"):
        SGDRegressor(learning_rate="constant", eta0=1.0).fit(X * 1e200, y)
    with pytest.raises(DataError, match="greater than one"):
        SGDClassifier().fit(X, np.zeros(300))
    with pytest.warns(ConvergenceWarning, match="Maximum number of iteration"):
        SGDClassifier(max_iter=1).fit(X, y)
    model = SGDClassifier()
    with pytest.raises(ParameterError, match="classes must be passed"):
        model.partial_fit(X, y)
    model.partial_fit(X, y, classes=[0, 1])
    with pytest.raises(DataError, match="do not exist"):
        model.partial_fit(X, y + 1)
    for params in (
        {"alpha": -1.0},
        {"alpha": 0.0},
        {"penalty": "l3"},
        {"learning_rate": "fast"},
        {"loss": "log_loss", "learning_rate": "pa1"},
        {"tol": -1.0},
        {"max_iter": 0},
        {"average": -1},
        {"l1_ratio": None, "penalty": "elasticnet"},
        {"validation_fraction": 1.5},
        {"shuffle": "yes"},
    ):
        with pytest.raises(ParameterError, match=next(iter(params)).replace("_", ".")):
            SGDClassifier(**params).fit(X, y)
    with pytest.raises(ShapeError, match="coef_init"):
        SGDClassifier().fit(X, y, coef_init=np.zeros(3))


def test_interrupted_fits_leave_at_once():
    X, y = table(20_000, 50)
    with tamis._core.Scope() as scope:
        import threading

        threading.Timer(0.2, scope.stop).start()
        with pytest.raises(tamis.exceptions.StoppedError):
            SGDClassifier(max_iter=100_000, tol=None).fit(X, y)


@pytest.mark.slow
@pytest.mark.parametrize("model", [SGDClassifier(), SGDRegressor()], ids=str)
def test_check_estimator(model):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        # An epoch over repeated rows makes other steps than one over weighed rows, as it does in
        # scikit-learn.
        rows = ("check_sample_weight_equivalence_on_dense_data",
                "check_sample_weight_equivalence_on_sparse_data")  # fmt: skip
        check_estimator(model, expected_failed_checks=dict.fromkeys(rows, "stochastic"))
