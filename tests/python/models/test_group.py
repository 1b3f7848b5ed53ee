"""Groups of columns: least squares, classes, paths."""

import pickle

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils.estimator_checks import parametrize_with_checks

import tamis
from tamis.exceptions import ParameterError
from tamis.models import GroupLasso, Lasso, LogisticRegression, regularization_path

mpl.use("agg")
GROUPS = [0, 0, 1, 1, 1, 2, -1, 3]


@parametrize_with_checks([GroupLasso()])
@pytest.mark.filterwarnings("ignore")
def test_estimator_contract(estimator, check):
    check(estimator)


def table(n=200, seed=0):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, 8)) * np.array([1.0, 3, 1, 2, 0.5, 1, 1, 10]) + 2
    y = X[:, 0] - 0.5 * X[:, 1] + 0.8 * X[:, 5] + 0.5 * X[:, 6] + rng.normal(size=n)
    return X, y, rng.integers(1, 4, n)


def off_balance(coef, slope, groups, free, norm_by, alone):
    """Return how far slopes are from what the penalties pull (0 at the optimum)."""
    worst = np.abs(slope[..., free]).max(initial=0.0)
    for g in groups:
        b, s = coef[..., g], slope[..., g]
        strength = norm_by * np.sqrt(len(g))
        if not b.any():
            rest = np.linalg.norm(np.sign(s) * np.maximum(np.abs(s) - alone, 0.0))
            worst = max(worst, rest - strength)
            continue
        pull = s + alone * np.sign(b) + strength * b / np.linalg.norm(b)
        pull = np.where(b == 0, np.maximum(np.abs(s) - alone, 0.0), np.abs(pull))
        worst = max(worst, pull.max())
    return worst


@pytest.mark.parametrize("ratio", [0.0, 0.4])
@pytest.mark.parametrize("intercept", [True, False])
def test_slopes_balance_the_penalty(ratio, intercept):
    X, y, w = table()
    Y = np.column_stack([y, X[:, 2] - y])
    for target, weight in ((y, None), (Y, w)):
        model = GroupLasso(0.3, groups=GROUPS, l1_ratio=ratio, tol=1e-9, fit_intercept=intercept)
        model.fit(X, target, weight)
        left = (model.predict(X) - target).T
        shares = np.ones(len(X)) if weight is None else weight
        slope = (left * shares) @ X / shares.sum()
        alone, by = 0.3 * ratio, 0.3 * (1 - ratio)
        assert off_balance(model.coef_, slope, model.groups_, [6], by, alone) < 1e-6
        assert model.active_.tolist() == [model.coef_[..., g].any() for g in model.groups_]
        if target is y and intercept:
            assert 0 < model.active_.sum() < 4
    again = clone(model).fit(X.repeat(w, 0), Y.repeat(w, 0))
    np.testing.assert_allclose(again.coef_, model.coef_, atol=1e-7)


@pytest.mark.parametrize("classes", [2, 3])
@pytest.mark.parametrize("ratio", [0.0, 0.4])
def test_classes(classes, ratio):
    X, y, w = table(400)
    label = (y > np.median(y)).astype(int) + (classes > 2) * (y > np.quantile(y, 0.8))
    model = LogisticRegression(C=0.08, groups=GROUPS, l1_ratio=ratio, tol=1e-8, max_iter=3000)
    model.fit(X, label, w)
    off = (model.predict_proba(X) - (label[:, None] == model.classes_)).T * w
    slope = (off[1:] if classes == 2 else off) @ X
    members = [np.flatnonzero(np.array(GROUPS) == g) for g in range(4)]
    strength = (1 - ratio) / 0.08, ratio / 0.08
    assert off_balance(model.coef_, slope, members, [6], *strength) / w.sum() < 1e-5
    used = [model.coef_[:, g].any() for g in members]
    assert any(used)
    assert classes > 2 or not all(used)
    one, two = (clone(model).set_params(n_jobs=n).fit(X, label, w) for n in (1, 2))
    assert one.coef_.tobytes() == two.coef_.tobytes() == model.coef_.tobytes()


def test_groups_of_one_are_the_lasso_and_names_do():
    X, y, _ = table()
    lasso = Lasso(0.2, tol=1e-10, max_iter=100_000).fit(X, y)
    np.testing.assert_allclose(GroupLasso(0.2, tol=1e-9).fit(X, y).coef_, lasso.coef_, atol=1e-5)
    frame = pd.DataFrame(X, columns=list("abcdefgh"))
    want = GroupLasso(0.2, groups=GROUPS).fit(X, y)
    for groups in (
        ["k", "k", "m", "m", "m", "n", None, "o"],
        [["a", "b"], ["c", "d", "e"], ["f"], ["h"]],
        {"first": [0, 1], "second": [2, 3, 4], "third": ["f"], "last": [7]},
    ):
        got = GroupLasso(0.2, groups=groups).fit(frame, y)
        np.testing.assert_array_equal(got.coef_, want.coef_)
    kinder = GroupLasso(0.2, groups=GROUPS, group_weights=[0.1, 5, 5, 5]).fit(X, y)
    assert kinder.active_.tolist() == [True, False, False, False]


def test_paths_and_pictures():
    X, y, _ = table()
    frame = pd.DataFrame(X, columns=list("abcdefgh"))
    path = regularization_path(GroupLasso(groups=GROUPS, tol=1e-8), frame, y, strengths=15)
    assert (np.delete(path.coef[0, 0], 6) == 0).all()
    assert np.delete(path.coef[1, 0], 6).any()
    alone = GroupLasso(path.strengths[8], groups=GROUPS, tol=1e-8).fit(X, y)
    np.testing.assert_allclose(path.coef[8, 0], alone.coef_, atol=1e-5)
    label = (y > 0).astype(int)
    logistic = regularization_path(LogisticRegression(groups=GROUPS), X, label, strengths=6)
    assert np.abs(np.delete(logistic.coef[0], 6, axis=1)).max() < 1e-4
    assert logistic.coef[-1].all()
    assert path.plot().get_xlabel().startswith("alpha")
    mpl.pyplot.close("all")


def test_hostile_input_bits_and_saving(tmp_path):
    X, y, _ = table(3000)
    X[:, 3] = 7.0
    X[:, 4] = X[:, 2]
    X.flags.writeable = False
    one, two, three = (GroupLasso(0.1, groups=GROUPS, n_jobs=n).fit(X, y) for n in (1, 2, 3))
    assert one.coef_.tobytes() == two.coef_.tobytes() == three.coef_.tobytes()
    assert one.coef_[3] == 0.0
    single = GroupLasso(0.1, groups=GROUPS).fit(X.astype(np.float32), y)
    assert single.coef_.dtype == np.float32
    np.testing.assert_allclose(single.coef_, one.coef_, atol=1e-4)
    for copy in (pickle.loads(pickle.dumps(one)), tamis.load(tamis.save(one, tmp_path / "m"))):
        np.testing.assert_array_equal(copy.predict(X), one.predict(X))
    with pytest.warns(ConvergenceWarning, match="raise max_iter"):
        GroupLasso(1e-4, groups=GROUPS, max_iter=1).fit(X, y)
    for bad, says in (
        ({"groups": [0, 1]}, "2 labels for 8 columns"),
        ({"groups": [["z"]]}, "'z'"),
        ({"groups": [[0, 1], [1]]}, "two groups"),
        ({"groups": [[9]]}, "9"),
        ({"group_weights": [-1.0] * 8}, "weights"),
        ({"group_weights": [1.0]}, "weights"),
        ({"l1_ratio": 2.0}, "l1_ratio"),
        ({"alpha": -1.0}, "alpha"),
        ({"max_iter": 0}, "max_iter"),
    ):
        with pytest.raises(ParameterError, match=says):
            GroupLasso(**bad).fit(X, y)
