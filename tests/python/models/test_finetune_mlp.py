"""Fine-tuning of networks: against the objective as written, and against what users would try."""

import numpy as np
import pytest
import sklearn.neural_network as sk
from scipy import optimize, sparse
from scipy.special import expit
from sklearn.metrics import roc_auc_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from tamis.exceptions import ParameterError
from tamis.models import MLPClassifier, MLPRegressor, finetune
from tamis.models._finetune_mlp import MLPTuner

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


def task(seed=0, shift=0.6, d=6, n_old=500, n_new=80):
    """Return old rows, new rows of a function that has moved, and many more new ones."""
    rng = np.random.default_rng(seed)
    W, v = rng.normal(size=(d, 3)) / np.sqrt(d), rng.normal(size=3) * 4
    moved = W + shift * rng.normal(size=W.shape) / np.sqrt(d), v + shift * rng.normal(size=3)

    def rows(n, W, v):
        X = rng.normal(size=(n, d))
        return X, (rng.random(n) < expit(np.tanh(2 * X @ W) @ v)).astype(int)

    return rows(n_old, W, v), rows(n_new, *moved), rows(2000, *moved)


OLD, NEW, LATER = task()
GIVEN = {"hidden_layer_sizes": (8,), "random_state": 0, "max_iter": 150, "learning_rate_init": 0.01}


@pytest.fixture(scope="module")
def source():
    return sk.MLPClassifier(activation="tanh", **GIVEN).fit(*OLD)


def flat(model):
    return np.concatenate([np.ravel(w) for w in [*model.coefs_, *model.intercepts_]])


def test_a_network_is_the_least_of_its_objective(source):
    X, y = NEW
    weight = np.random.default_rng(1).uniform(0.5, 2, len(y))
    tuned = finetune(source, X, y, strength=2.0, sample_weight=weight, cv=0).model
    start, last = flat(source), source.intercepts_[-1].size

    def objective(at):
        coef, end = at[:48].reshape(6, 8), at[48:56]
        score = np.tanh(X @ coef + at[56:64]) @ end + at[64]
        away = (at - start)[:-last]
        # 1e-3: the little that holds the bias of the score.
        loss = weight @ np.logaddexp(0, -(2 * y - 1) * score)
        return loss + 2.0 / 2 * away @ away + 5e-4 * (at[-1] - start[-1]) ** 2

    slopes = optimize.approx_fprime(flat(tuned), objective, 1e-6)
    assert np.abs(slopes).max() < 1e-2  # of a sum of 80 losses
    assert objective(flat(tuned)) < objective(start)
    held = finetune(source, X, y, strength=np.inf, cv=0).model
    np.testing.assert_array_equal(flat(held)[:-1], start[:-1])
    assert abs(held.predict_proba(X)[:, 1].mean() - y.mean()) < 1e-3


@pytest.mark.parametrize("package", ["ours", pytest.param("scikit-learn", marks=pytest.mark.slow)])
def test_automatic_strength_beats_source_and_scratch(package):
    kind = sk.MLPClassifier if package == "scikit-learn" else MLPClassifier
    model = kind(activation="tanh", **GIVEN).fit(*OLD)
    before = flat(model)
    tuned = finetune(model, *NEW, cv=0, random_state=0).model
    assert type(tuned) is kind
    np.testing.assert_array_equal(flat(model), before)
    scratch = kind(activation="tanh", **GIVEN).fit(*NEW)
    auc = [
        roc_auc_score(LATER[1], m.predict_proba(LATER[0])[:, 1]) for m in (tuned, model, scratch)
    ]
    assert auc[0] > max(auc[1:]) - 0.005
    tuned.set_params(warm_start=True).fit(*NEW)  # goes on from there


def test_the_report_and_a_pipeline(source):
    model = make_pipeline(StandardScaler(), source)
    model[0].fit(OLD[0])
    out = finetune(model, *NEW, cv=2, strength=3.0, source=OLD, random_state=0)
    assert set(out.report) == {"source", "scratch", "pooled", "fine-tuned"}
    assert out.report["fine-tuned"].score > 0.5
    assert out.model[0] is model[0]
    assert out.model.predict(LATER[0]).shape == (2000,)


def test_numbers_counts_sparse_rows_and_losses():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(300, 4))
    y = np.tanh(X[:, 0]) + X[:, 1]
    model = MLPRegressor(activation="tanh", **GIVEN).fit(X, y)
    new = X[:60], y[:60] * 1.5 + 1
    error = [np.mean((m.predict(X) - 1.5 * y - 1) ** 2)
             for m in (model, finetune(model, *new, cv=0, strength=0.1).model)]  # fmt: skip
    assert error[1] < 0.3 * error[0]
    rows = sparse.csr_array(new[0])
    a = finetune(model, *new, cv=0, strength=1.0, loss="huber").model
    b = finetune(model, rows, new[1], cv=0, strength=1.0, loss="huber").model
    np.testing.assert_allclose(flat(a), flat(b), atol=1e-5)
    counts = MLPRegressor("poisson", **GIVEN).fit(X, np.exp(y))
    tuned = finetune(counts, X[:60], 2 * np.exp(y[:60]), cv=0, strength=np.inf).model
    np.testing.assert_allclose(tuned.intercepts_[-1] - counts.intercepts_[-1], np.log(2), atol=0.1)
    several = MLPClassifier(max_iter=2).fit(X, np.column_stack([y > 0, X[:, 0] > 0]))
    with pytest.raises(ParameterError, match="several"):
        finetune(several, X, y > 0)


def test_classes_that_are_three():
    rng = np.random.default_rng(2)
    X = rng.normal(size=(400, 3))
    names = np.array(["a", "b", "c"])[X.argmax(axis=1)]
    model = MLPClassifier(n_jobs=1, **GIVEN).fit(X, names)
    turned = np.roll(X, 1, axis=1) * 0.3 + X
    new = turned[:90], names[:90]
    tuned = finetune(model, *new, cv=0, strength=0.3, random_state=0).model
    assert tuned.score(turned, names) > model.score(turned, names) - 0.01
    focal = finetune(model, *new, cv=0, strength=0.3, loss="focal").model
    assert focal.score(turned, names) > 0.7
    few = names[:90] != "c"
    tuner = MLPTuner(model, None, 0)
    codes = (names[:90][few] == "b").astype(int)
    fitted = tuner.path(turned[:90][few], codes, np.ones(few.sum()), [1.0, None])
    assert tuner.scores(fitted, X).shape == (2, 400, 3)
