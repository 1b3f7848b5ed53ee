"""Fine-tuning: against the objective as it is written down, and against what users would try."""

import copy
import pickle

import numpy as np
import pandas as pd
import pytest
from scipy import optimize, sparse
from scipy.special import expit
from sklearn import ensemble, linear_model, svm
from sklearn.metrics import roc_auc_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.tree import DecisionTreeClassifier

from tamis.exceptions import DataError, ParameterError, ShapeError
from tamis.models import LinearSVC, LogisticRegression, Ridge, SGDClassifier, finetune


def shifted(seed=0, shift=0.4, d=8, n_old=800, n_new=100):
    """Return old rows, new rows, and many more new ones, whose coefficients have moved."""
    rng = np.random.default_rng(seed)
    old = rng.normal(size=d) * 2 / np.sqrt(d)
    new = old + shift * rng.normal(size=d)

    def rows(n, coef):
        X = rng.normal(size=(n, d))
        return X, (rng.random(n) < expit(X @ coef)).astype(int)

    return rows(n_old, old), rows(n_new, new), rows(2000, new)


@pytest.fixture(scope="module")
def data():
    return shifted()


@pytest.fixture(scope="module")
def source(data):
    return linear_model.LogisticRegression().fit(*data[0])


def slow_l2sp(model, X, y, pull, weight=None):
    """Minimise the objective of the docstring as it stands."""
    weight = np.ones(len(y)) if weight is None else weight
    mean = np.average(X, axis=0, weights=weight)
    spread = np.sqrt(np.average((X - mean) ** 2, axis=0, weights=weight))
    centre = model.coef_[0]

    def objective(at):
        score = X @ at[:-1] + at[-1]
        loss = np.logaddexp(0, -(2 * y - 1) * score)
        away = spread * (at[:-1] - centre)
        # 1e-3: the little that holds the intercept.
        return weight @ loss + pull / 2 * away @ away + 5e-4 * (at[-1] - model.intercept_[0]) ** 2

    start = np.append(centre, model.intercept_)
    return optimize.minimize(objective, start, method="BFGS", options={"gtol": 1e-6}).x


@pytest.mark.parametrize("pull", [0.5, 20.0])
@pytest.mark.parametrize("weighted", [False, True])
def test_a_linear_model_is_the_least_of_its_objective(data, source, pull, weighted):
    X, y = data[1]
    weight = np.random.default_rng(1).uniform(0.5, 3, len(y)) if weighted else None
    tuned = finetune(source, X, y, strength=pull, sample_weight=weight, cv=0).model
    slow = slow_l2sp(source, X, y, pull, weight)
    np.testing.assert_allclose(np.append(tuned.coef_, tuned.intercept_), slow, atol=2e-4)


def test_ends_of_the_path(data, source):
    X, y = data[1]
    free = finetune(source, X, y, strength=0, cv=0).model
    plain = linear_model.LogisticRegression(C=np.inf, tol=1e-8, max_iter=500).fit(X, y)
    np.testing.assert_allclose(free.coef_, plain.coef_, rtol=1e-2, atol=1e-2)
    held = finetune(source, X, y, strength=np.inf, cv=0).model
    np.testing.assert_array_equal(held.coef_, source.coef_)
    assert abs(held.predict_proba(X)[:, 1].mean() - y.mean()) < 1e-3


def test_the_unit_of_a_column_does_not_matter(data):
    (A, a), (B, b), (C, _) = data
    unit = np.array([1e-3, 1e4, 1, 1, 50, 1, 1, 1e-2])
    free = linear_model.LogisticRegression(C=np.inf, solver="newton-cholesky")
    one = finetune(free.fit(A, a), B, b, strength=10, cv=0).model.decision_function(C)
    other = finetune(copy.copy(free).fit(A * unit, a), B * unit, b, strength=10, cv=0).model
    np.testing.assert_allclose(other.decision_function(C * unit), one, atol=1e-3)


def test_automatic_strength_is_near_the_best_and_never_far_behind():
    behind, tuned, fixed = [], [], []
    for seed in range(10):
        (A, a), (B, b), (C, c) = shifted(seed, shift=0.4 * (seed % 3), n_new=80)
        make = lambda X, y: linear_model.LogisticRegression().fit(X, y)  # noqa: E731
        model = make(A, a)
        auc = lambda m, C=C, c=c: roc_auc_score(c, m.decision_function(C))  # noqa: E731
        tuned.append(auc(finetune(model, B, b, cv=0, random_state=seed).model))
        fixed.append([auc(finetune(model, B, b, strength=s, cv=0).model) for s in (3, 10, 30)])
        both = make(np.concatenate([A, B]), np.concatenate([a, b]))
        behind.append(max(auc(m) for m in (model, make(B, b), both)) - tuned[-1])
    assert np.mean(tuned) >= np.mean(fixed, axis=0).max() - 0.002
    assert np.mean(np.array(behind) <= 0.01) >= 0.8


MODELS = [
    linear_model.LogisticRegression(),
    LogisticRegression(),
    linear_model.SGDClassifier(loss="log_loss", random_state=0),
    linear_model.SGDClassifier(random_state=0),
    svm.LinearSVC(),
    SGDClassifier("label_smoothed", random_state=0, alpha=0.1, average=True),
    LinearSVC(loss="hinge", max_iter=20_000),
]


@pytest.mark.parametrize("model", MODELS, ids=lambda m: f"{type(m).__module__}.{m}"[:40])
@pytest.mark.parametrize("classes", [2, 3])
def test_classifiers_learn_the_new_rows(model, classes):
    rng = np.random.default_rng(3)
    names = np.array(["x", "y", "z"])[:classes]
    old, new = rng.normal(size=(2, 5, classes))
    A, B = rng.normal(size=(300, 5)), rng.normal(size=(150, 5))
    fitted = copy.deepcopy(model).fit(A, names[(A @ old).argmax(1)])
    before = pickle.dumps(fitted)
    b = names[(B @ new).argmax(1)]
    tuned = finetune(fitted, B, b, strength=0.5, cv=0).model
    assert type(tuned) is type(fitted)
    assert tuned.score(B, b) > max(0.8, fitted.score(B, b) + 0.1)
    assert pickle.dumps(fitted) == before


@pytest.mark.parametrize("targets", [1, 2])
@pytest.mark.parametrize("intercept", [True, False])
def test_ridge_is_solved_exactly(targets, intercept):
    rng = np.random.default_rng(4)
    A, B = rng.normal(size=(200, 3)), rng.normal(size=(40, 3)) + 1
    old, new = rng.normal(size=(2, 3, targets))
    flat = (lambda y: y[:, 0]) if targets == 1 else (lambda y: y)
    model = Ridge(fit_intercept=intercept).fit(A, flat(A @ old))
    b = B @ new + 0.1 * rng.normal(size=(40, targets))
    tuned = finetune(model, B, flat(b), strength=5.0, cv=0).model
    # Squared error is half a square here: ridge of what the model leaves, in standard columns.
    spread = B.std(axis=0)
    left = b - (model.predict(B).reshape(40, -1))
    ridge = linear_model.Ridge(5.0, fit_intercept=intercept).fit(B / spread, left)
    want = np.atleast_2d(model.coef_) + ridge.coef_.reshape(targets, -1) / spread
    np.testing.assert_allclose(np.atleast_2d(tuned.coef_), want, atol=2e-3)
    assert tuned.coef_.shape == model.coef_.shape
    assert np.shape(tuned.intercept_) == np.shape(model.intercept_)


def test_sparse_rows_give_what_dense_ones_give(data):
    (A, a), (B, b), _ = data
    A, B = A * (A > 0), B * (B > 0)
    model = linear_model.LogisticRegression().fit(sparse.csr_array(A), a)
    dense = finetune(model, B, b, cv=0, random_state=0).model
    thin = finetune(model, sparse.csr_array(B), b, cv=0, random_state=0).model
    np.testing.assert_allclose(thin.coef_, dense.coef_, atol=1e-6)


def test_robust_losses_are_taken(source):
    rng = np.random.default_rng(0)
    X, coef = rng.normal(size=(600, 8)), rng.normal(size=8)
    truth = (X @ coef > 0).astype(int)
    wrong = np.where(rng.random(600) < 0.4, 1, truth)
    robust = finetune(source, X, wrong, strength=1.0, loss="gce", cv=0).model
    plain = finetune(source, X, wrong, strength=1.0, cv=0).model
    assert robust.score(X, truth) > plain.score(X, truth) + 0.1
    with pytest.raises(ParameterError, match="no loss 'what'"):
        finetune(source, X, truth, loss="what")


def test_pipelines_and_frames_keep_their_steps(data):
    (A, a), (B, b), (C, _) = data
    names = [f"c{i}" for i in range(A.shape[1])]
    old, new = pd.DataFrame(A * 9 + 4, columns=names), pd.DataFrame(B * 9 + 4, columns=names)
    pipe = make_pipeline(StandardScaler(), linear_model.LogisticRegression()).fit(old, a)
    tuned = finetune(pipe, new, b, strength=10.0, cv=3, source=(old, a)).model
    assert tuned[0] is pipe[0] and tuned[-1] is not pipe[-1]
    scaled = finetune(pipe[-1], pipe[:-1].transform(new), b, strength=10.0, cv=0).model
    later = pd.DataFrame(C * 9 + 4, columns=names)
    np.testing.assert_allclose(
        tuned.decision_function(later), scaled.decision_function(pipe[:-1].transform(later))
    )
    with pytest.raises(ValueError, match="feature names"):
        finetune(pipe, new.rename(columns={"c0": "other"}), b)


def test_the_report_is_of_rows_left_out(data, source):
    (A, a), (B, b), _ = data
    tuned = finetune(source, B, b, source=(A, a), random_state=0)
    assert list(tuned.report) == ["source", "scratch", "pooled", "fine-tuned"]
    assert all(len(r.folds) == 5 for r in tuned.report.values())
    assert tuned.report["source"].gain == 0 and tuned.best in tuned.report
    assert abs(sum(tuned.strengths.values()) - 1) < 1e-9
    assert "roc_auc" in repr(tuned) and "fine-tuned" in tuned._repr_html_()
    again = finetune(source, B, b, source=(A, a), random_state=0)
    np.testing.assert_array_equal(again.model.coef_, tuned.model.coef_)
    assert again.report == pickle.loads(pickle.dumps(tuned)).report
    # Labels of no meaning are not learned.
    rng = np.random.default_rng(0)
    noise = finetune(source, rng.normal(size=(200, 8)), np.arange(200) % 2, random_state=0)
    assert noise.report["fine-tuned"].score < 0.62


def test_groups_are_never_on_both_sides(data, source):
    from tamis.models._finetune import _Job

    X, y = data[1]
    groups = np.repeat(np.arange(20), 5)
    fold = _Job(source, X, y, None, None, groups, 0).folds(np.arange(100), 5, 1)
    assert all(len(np.unique(fold[groups == g])) == 1 for g in range(20))
    assert len(np.unique(fold)) == 5


@pytest.mark.parametrize("kind", [ensemble.RandomForestClassifier, ensemble.ExtraTreesClassifier])
def test_forests_weigh_old_trees_and_add_new_ones(kind):
    (A, a), (B, b), (C, c) = shifted(1, shift=1.0, n_new=150)
    names = np.array(["no", "yes"])
    bootstrap = {"bootstrap": True} if kind is ensemble.ExtraTreesClassifier else {}
    model = kind(20, random_state=0, **bootstrap).fit(A, names[a])
    tuned = finetune(model, B, names[b], random_state=0, cv=2)
    assert type(tuned.model) is kind and len(tuned.model.estimators_) == 40
    auc = lambda m: roc_auc_score(c, m.predict_proba(C)[:, 1])  # noqa: E731
    assert auc(tuned.model) > auc(model)
    assert list(tuned.model.classes_) == ["no", "yes"] and len(model.estimators_) == 20
    old = finetune(model, B, names[b], strength=1.0, cv=0).model
    assert set(map(id, old.estimators_)) <= set(map(id, model.estimators_))
    new = finetune(model, B, names[b], strength=0.0, cv=0).model
    assert not set(map(id, new.estimators_)) & set(map(id, model.estimators_))
    with pytest.raises(DataError, match="one class only"):
        finetune(model, B, np.full(len(B), "no"))


def test_regression_forests():
    rng = np.random.default_rng(0)
    A, B, C = (rng.uniform(-2, 2, size=(n, 3)) for n in (500, 80, 500))
    f, g = (lambda X: np.sin(X[:, 0]) + X[:, 1]), (lambda X: np.sin(X[:, 0]) - X[:, 1])
    model = ensemble.RandomForestRegressor(20, random_state=0).fit(A, f(A))
    tuned = finetune(model, B, g(B), random_state=0, cv=2)
    assert tuned.metric == "r2" and tuned.model.score(C, g(C)) > model.score(C, g(C)) + 0.3


def test_what_is_wrong_is_named(data, source):
    X, y = data[1]
    cases = [
        (ParameterError, "cannot be fine-tuned", DecisionTreeClassifier().fit(X, y), X, y, {}),
        (ParameterError, "strength must be", source, X, y, {"strength": -1}),
        (ParameterError, "strength must be", source, X, y, {"strength": "strong"}),
        (ParameterError, "cv must be", source, X, y, {"cv": 1}),
        (DataError, "row 0 of y is 7", source, X, np.where(np.arange(100) == 0, 7, y), {}),
        (DataError, "one class only", source, X, np.zeros(100, int), {}),
        (DataError, "has one row", source, X, np.arange(100) == 3, {}),
        (ShapeError, "y has shape", source, X, y[:50], {}),
        (ParameterError, "sample_weight", source, X, y, {"sample_weight": -np.ones(100)}),
        (ShapeError, "groups has shape", source, X, y, {"groups": [1, 2]}),
        (ParameterError, "source must be", source, X, y, {"source": X}),
        (ValueError, "features", source, X[:, :3], y, {}),
        (ValueError, "NaN", source, np.full_like(X, np.nan), y, {}),
    ]
    for error, text, model, rows, target, more in cases:
        with pytest.raises(error, match=text):
            finetune(model, rows, target, **more)
