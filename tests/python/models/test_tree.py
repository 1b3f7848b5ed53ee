"""Decision trees: scikit-learn's trees, limits, weights, missing values, hostile input."""

import pickle
import signal
import subprocess
import sys
import time

import numpy as np
import pandas as pd
import polars as pl
import pytest
import sklearn.tree as sk
from hypothesis import given
from hypothesis import strategies as st
from scipy import sparse
from sklearn.base import clone
from sklearn.utils.estimator_checks import parametrize_with_checks

from tamis.exceptions import DataError, ParameterError, ShapeError, StateError
from tamis.models import DecisionTreeClassifier, DecisionTreeRegressor
from tamis.models._tree_arrays import Tree

PEERS = {
    DecisionTreeClassifier: sk.DecisionTreeClassifier,
    DecisionTreeRegressor: sk.DecisionTreeRegressor,
}
BOTH = pytest.mark.parametrize("estimator", list(PEERS))
STRUCTURE = ("children_left", "children_right", "feature", "threshold", "n_node_samples")
GROWTH = [
    {},
    {"max_depth": 4, "min_samples_split": 0.05},
    {"min_samples_leaf": 5},
    {"min_samples_leaf": 0.03},
    {"max_leaf_nodes": 17},
    {"max_features": "sqrt"},
    {"max_features": 0.7, "min_impurity_decrease": 0.002},
    {"min_weight_fraction_leaf": 0.02},
    {"ccp_alpha": 0.003},
]


def table(n=400, columns=6, seed=0):
    """Return continuous rows, two classes, three classes, and numbers."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, columns)).astype(np.float32)
    y = X[:, 0] * X[:, 1] + 0.5 * rng.normal(size=n)
    return X, (y > 0).astype(int), np.digitize(X[:, 2] + rng.normal(size=n), [-1, 1]), y


def holes(X, share=0.1, seed=1):
    X = X.copy()
    X[np.random.default_rng(seed).random(X.shape) < share] = np.nan
    return X


def both(estimator, X, y, sample_weight=None, **params):
    params.setdefault("random_state", 0)
    ours = estimator(**params).fit(X, y, sample_weight)
    return ours, PEERS[estimator](**params).fit(X, y, sample_weight)


def assert_same_tree(ours, theirs):
    for name in STRUCTURE:
        np.testing.assert_array_equal(getattr(ours.tree_, name), getattr(theirs.tree_, name), name)
    for name in ("impurity", "weighted_n_node_samples", "value"):
        a, b = getattr(ours.tree_, name), getattr(theirs.tree_, name)
        assert a.shape == b.shape
        np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-9, err_msg=name)
    for name in ("node_count", "max_depth", "n_leaves", "n_features", "n_outputs"):
        assert getattr(ours.tree_, name) == getattr(theirs.tree_, name)
    np.testing.assert_array_equal(ours.tree_.n_classes, theirs.tree_.n_classes)
    np.testing.assert_allclose(
        ours.feature_importances_, theirs.feature_importances_, rtol=1e-9, atol=1e-12
    )


@parametrize_with_checks(
    [DecisionTreeClassifier(random_state=0), DecisionTreeRegressor(random_state=0)]
)
def test_scikit_learns_checks(estimator, check):
    check(estimator)


@pytest.mark.parametrize("params", GROWTH, ids=str)
@pytest.mark.parametrize("criterion", ["gini", "entropy"])
@pytest.mark.parametrize("kind", ["continuous", "missing", "ties"])
def test_the_same_tree_of_classes(params, criterion, kind):
    X, two, three, _ = table()
    X = {"continuous": X, "missing": holes(X), "ties": np.round(X * 2) / 2}[kind]
    for y in (two, three, np.c_[two, three]):
        for splitter in ("best", "random"):
            if "max_leaf_nodes" in params and (splitter == "random" or kind == "ties"):
                continue  # equal improvements leave scikit-learn's heap in an order of its own
            ours, theirs = both(
                DecisionTreeClassifier, X, y, criterion=criterion, splitter=splitter, **params
            )
            assert_same_tree(ours, theirs)
            np.testing.assert_array_equal(
                ours.tree_.missing_go_to_left, theirs.tree_.missing_go_to_left
            )


@pytest.mark.parametrize("params", GROWTH, ids=str)
@pytest.mark.parametrize("criterion", ["squared_error", "poisson", "absolute_error"])
def test_the_same_tree_of_numbers(params, criterion):
    X, _, three, y = table(300)
    y = np.abs(y) if criterion == "poisson" else y
    for target in (y, np.c_[y, three + y]):
        ours, theirs = both(DecisionTreeRegressor, X, target, criterion=criterion, **params)
        assert_same_tree(ours, theirs)
        assert ours.predict(X).shape == target.shape


@pytest.mark.parametrize("criterion", ["squared_error", "poisson", "absolute_error"])
@pytest.mark.parametrize("splitter", ["best", "random"])
def test_the_same_tree_of_numbers_with_missing_values(criterion, splitter):
    # Nodes of some rows only: in the smallest ones, features split equally well and rounding,
    # not the data, decides between them.
    X, _, _, y = table(600)
    params = {"criterion": criterion, "splitter": splitter, "min_samples_leaf": 20}
    assert_same_tree(*both(DecisionTreeRegressor, holes(X), np.abs(y), **params))


@pytest.mark.parametrize("criterion", ["gini", "entropy"])
def test_the_same_tree_with_weights(criterion):
    X, two, three, y = table()
    # Halves add up without rounding; else scikit-learn splits nodes that are pure.
    weight = np.random.default_rng(2).integers(0, 5, len(X)) / 2
    for target in (two, three, np.c_[two, three]):
        assert_same_tree(*both(DecisionTreeClassifier, X, target, weight, criterion=criterion))
    for target_criterion in ("squared_error", "absolute_error"):
        assert_same_tree(
            *both(
                DecisionTreeRegressor, X, y, weight, criterion=target_criterion, min_samples_leaf=3
            )
        )


def test_class_weights_are_sample_weights():
    X, two, three, _ = table()
    assert_same_tree(*both(DecisionTreeClassifier, X, two, class_weight={0: 3, 1: 0.5}))
    weights = [{0: 2, 1: 1}, {0: 1, 1: 4, 2: 2}]
    assert_same_tree(*both(DecisionTreeClassifier, X, np.c_[two, three], class_weight=weights))
    ours, theirs = both(DecisionTreeClassifier, X, three, class_weight="balanced", max_depth=4)
    np.testing.assert_allclose(ours.predict_proba(X), theirs.predict_proba(X))


def test_pure_nodes_are_leaves_whatever_the_weights():
    X, two, _, _ = table()
    tree = DecisionTreeClassifier(random_state=0).fit(X, two, np.linspace(0.1, 0.7, 400)).tree_
    inner = tree.feature >= 0
    assert (tree.value[inner, 0].max(axis=1) < 1).all()


@BOTH
def test_whole_weights_are_repetition(estimator):
    X, two, _, y = table(200)
    target = two if estimator is DecisionTreeClassifier else np.round(y)
    times = np.random.default_rng(0).integers(0, 4, len(X))
    weighted = estimator(random_state=0, max_depth=5).fit(X, target, times)
    repeated = estimator(random_state=0, max_depth=5).fit(
        np.repeat(X, times, axis=0), np.repeat(target, times)
    )
    np.testing.assert_allclose(weighted.predict(X), repeated.predict(X))


@pytest.mark.parametrize("max_leaf_nodes", [None, 25])
def test_monotonic_constraints(max_leaf_nodes):
    X, two, _, y = table(500, 3)
    y = y + X[:, 0]
    params = {
        "monotonic_cst": [1, -1, 0],
        "max_leaf_nodes": max_leaf_nodes,
        "min_samples_leaf": 3,
    }
    for criterion in ("squared_error", "absolute_error"):
        pair = both(DecisionTreeRegressor, X, y, criterion=criterion, **params)
        assert_same_tree(*pair)
    tree = both(DecisionTreeClassifier, X, two, **params)
    assert_same_tree(*tree)
    grid = np.linspace(-3, 3, 50)
    for column, sign in ((0, 1), (1, -1)):
        rows = np.repeat(X[:40], len(grid), axis=0)
        rows[:, column] = np.tile(grid, 40)
        proba = tree[0].predict_proba(rows)[:, 1].reshape(40, -1)
        assert (sign * np.diff(proba, axis=1) >= -1e-12).all()
        assert np.ptp(pair[0].predict(rows)) > 0


@BOTH
def test_paths_leaves_and_pruning(estimator):
    X, two, _, y = table()
    target = two if estimator is DecisionTreeClassifier else y
    ours, theirs = both(estimator, holes(X), target, max_depth=7, min_samples_leaf=4)
    new = holes(table(seed=5)[0])
    np.testing.assert_array_equal(ours.apply(new), theirs.apply(new))
    np.testing.assert_allclose(ours.predict(new), theirs.predict(new))
    assert (ours.decision_path(new) != theirs.decision_path(new)).nnz == 0
    assert ours.get_depth() == theirs.get_depth()
    assert ours.get_n_leaves() == theirs.get_n_leaves()
    path, want = (m.cost_complexity_pruning_path(X, target) for m in (ours, theirs))
    np.testing.assert_allclose(path.ccp_alphas, want.ccp_alphas, atol=1e-12)
    np.testing.assert_allclose(path.impurities, want.impurities, atol=1e-12)
    alpha = float(want.ccp_alphas[-3:].mean())
    assert_same_tree(*both(estimator, X, target, ccp_alpha=alpha))


def test_probabilities():
    X, two, three, _ = table()
    ours, theirs = both(DecisionTreeClassifier, X, three, max_depth=4)
    np.testing.assert_allclose(ours.predict_proba(X), theirs.predict_proba(X))
    with np.errstate(divide="ignore"):
        np.testing.assert_allclose(ours.predict_log_proba(X), theirs.predict_log_proba(X))
    ours, theirs = both(DecisionTreeClassifier, X, np.c_[two, three], max_depth=4)
    for a, b in zip(ours.predict_proba(X), theirs.predict_proba(X), strict=True):
        np.testing.assert_allclose(a, b)
    np.testing.assert_array_equal(ours.predict(X), theirs.predict(X))
    assert [list(c) for c in ours.classes_] == [[0, 1], [0, 1, 2]]
    names = np.array(["no", "perhaps", "surely"])[three]
    text = DecisionTreeClassifier(max_depth=3).fit(X, np.c_[names, names])
    assert set(np.unique(text.predict(X))) <= {"no", "perhaps", "surely"}


@given(st.data())
def test_a_tree_without_limits_recalls_its_rows(data):
    n, columns = data.draw(st.integers(1, 40)), data.draw(st.integers(1, 4))
    cells = st.one_of(st.floats(-1e3, 1e3, width=32), st.just(float("nan")))
    X = np.array(
        data.draw(st.lists(st.lists(cells, min_size=columns, max_size=columns), min_size=n,
                           max_size=n)), dtype=np.float32,
    )  # fmt: skip
    X = X.round(3) + 0.0  # no values closer than a tree tells apart, and no -0.0
    y = np.array(data.draw(st.lists(st.integers(0, 3), min_size=n, max_size=n)))
    seen = {}
    for row, label in zip(X.tolist(), y, strict=True):
        seen.setdefault(str(row), set()).add(label)
    model, theirs = both(DecisionTreeClassifier, X, y)
    assert model.score(X, y) == pytest.approx(theirs.score(X, y))
    if all(len(labels) == 1 for labels in seen.values()):
        assert model.score(X, y) == 1.0


@BOTH
@pytest.mark.parametrize("params", [{}, {"max_features": 2}, {"max_leaf_nodes": 90}], ids=str)
def test_threads_do_not_change_a_bit(estimator, params):
    X, two, _, y = table(6000, 12)
    X = holes(X)
    target = two if estimator is DecisionTreeClassifier else y
    trees = [estimator(random_state=3, n_jobs=j, **params).fit(X, target) for j in (1, 2, 3)]
    for other in trees[1:]:
        for name, array in trees[0].tree_.state().items():
            np.testing.assert_array_equal(np.asarray(array), other.tree_.state()[name], name)
        np.testing.assert_array_equal(trees[0].predict(X), other.predict(X))


@BOTH
def test_layouts_types_and_containers(estimator):
    X, two, _, y = table(100)
    target = two if estimator is DecisionTreeClassifier else y
    want = estimator(random_state=0).fit(X, target)
    frozen = np.asfortranarray(X)
    frozen.flags.writeable = False
    wide = np.zeros((200, 12), dtype=np.float32)
    wide[::2, ::2] = X
    frame = pd.DataFrame(X, columns=list("abcdef"))
    for rows in (
        frozen,
        wide[::2, ::2],
        X.astype(np.float64),
        frame,
        frame.astype("Float64"),
        pl.DataFrame(frame),
        sparse.csr_matrix(X),
        sparse.coo_matrix(X),
        X.tolist(),
    ):
        model = estimator(random_state=0).fit(rows, target)
        np.testing.assert_array_equal(model.tree_.threshold, want.tree_.threshold)
        np.testing.assert_array_equal(model.predict(rows), want.predict(X))
    assert list(estimator().fit(frame, target).feature_names_in_) == list("abcdef")
    nullable = frame.astype("Float64")
    nullable.iloc[3, 2] = pd.NA
    assert estimator().fit(nullable, target).predict(nullable).shape == (100,)


@BOTH
def test_degenerate_rows(estimator):
    one = estimator().fit([[1.0]], [1])
    assert one.predict([[5.0]]) == [1]
    assert one.tree_.node_count == 1
    assert one.feature_importances_.tolist() == [0.0]
    constant = estimator().fit(np.zeros((6, 2)), [0, 1, 0, 1, 0, 1])
    assert constant.get_depth() == 0
    empty = estimator().fit(np.full((6, 1), np.nan), [0, 1, 0, 1, 0, 1])
    assert empty.get_depth() == 0
    half = estimator().fit([[np.nan], [np.nan], [2.0], [3.0]], [1, 1, 0, 0])
    assert half.tree_.threshold[0] == np.inf
    assert half.predict([[np.nan], [1e30]]).tolist() == [1, 0]
    zeros = estimator(random_state=0).fit([[0.0], [-0.0], [0.0], [-0.0]], [0, 1, 0, 1])
    assert zeros.get_depth() == 0


@BOTH
def test_rows_and_targets_that_cannot_be_used(estimator):
    X, two, _, _ = table(20)
    bad = X.copy()
    bad[2, 1] = np.inf
    with pytest.raises(ValueError, match="infinity"):
        estimator().fit(bad, two)
    with pytest.raises(ValueError, match=r"Unknown label type|NaN"):
        estimator().fit(X, np.full(20, np.nan))
    with pytest.raises(ValueError, match=r"empty|minimum of 1"):
        estimator().fit(X[:0], two[:0])
    with pytest.raises((ShapeError, ValueError), match=r"rows|inconsistent"):
        estimator().fit(X, two[:-1])
    with pytest.raises(DataError, match="weight other than zero"):
        estimator().fit(X, two, np.zeros(20))
    with pytest.raises(ValueError, match=r"columns|features"):
        estimator().fit(X, two).predict(X[:, :3])
    with pytest.raises(ValueError, match="could not convert"):
        estimator().fit(pd.DataFrame({"a": ["x", "y"]}), [0, 1])


@pytest.mark.parametrize(
    "wrong",
    [
        {"criterion": "squared"}, {"splitter": "worst"}, {"max_depth": 0}, {"max_depth": 2.0},
        {"min_samples_split": 1}, {"min_samples_split": 1.5}, {"min_samples_leaf": 0},
        {"min_samples_leaf": 1.0}, {"min_weight_fraction_leaf": 0.6}, {"max_features": 0},
        {"max_features": "auto"}, {"max_features": 0.0}, {"max_leaf_nodes": 1},
        {"min_impurity_decrease": -1.0}, {"ccp_alpha": -0.1}, {"ccp_alpha": "x"},
        {"monotonic_cst": [1]}, {"monotonic_cst": [2] * 6}, {"n_jobs": 0},
    ],
    ids=str,
)  # fmt: skip
@BOTH
def test_wrong_parameters_are_named(estimator, wrong):
    X, two, _, _ = table(20)
    with pytest.raises(ParameterError, match=next(iter(wrong))):
        estimator(**wrong).fit(X, two)


def test_what_does_not_go_together():
    X, _, three, y = table(30)
    with pytest.raises(ParameterError, match="multiple outputs"):
        DecisionTreeRegressor(monotonic_cst=[0] * 6).fit(X, np.c_[y, y])
    with pytest.raises(ParameterError, match="two classes"):
        DecisionTreeClassifier(monotonic_cst=[0] * 6).fit(X, three)
    with pytest.raises(DataError, match="poisson"):
        DecisionTreeRegressor(criterion="poisson").fit(X, y)
    alias = DecisionTreeRegressor(criterion="friedman_mse", random_state=0).fit(X, y)
    plain = DecisionTreeRegressor(random_state=0).fit(X, y)
    np.testing.assert_array_equal(alias.tree_.threshold, plain.tree_.threshold)


def test_numbers_far_from_zero_are_told_apart():
    X, _, _, y = table(500)
    far = DecisionTreeRegressor(max_depth=4, random_state=0).fit(X, y + 1e9)
    near = DecisionTreeRegressor(max_depth=4, random_state=0).fit(X, y)
    np.testing.assert_array_equal(far.tree_.feature, near.tree_.feature)
    np.testing.assert_allclose(far.predict(X) - 1e9, near.predict(X), atol=1e-5)
    same = DecisionTreeRegressor().fit(X, np.full(500, 0.1))
    assert same.tree_.node_count == 1
    assert same.predict(X[:1]) == [0.1]


@BOTH
def test_input_is_not_written_to(estimator):
    X, two, _, _ = table(50)
    X = holes(X)
    weight = np.ones(50)
    kept = X.copy(), two.copy(), weight.copy()
    for array in (X, two, weight):
        array.flags.writeable = False
    estimator(random_state=0).fit(X, two, weight).predict(X)
    for before, after in zip(kept, (X, two, weight), strict=True):
        np.testing.assert_array_equal(before, after)


@BOTH
def test_pickle_and_clone(estimator):
    X, two, _, _ = table(50)
    model = estimator(max_depth=3, random_state=0).fit(holes(X), two)
    again = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(again.predict(X), model.predict(X))
    np.testing.assert_array_equal(again.apply(holes(X)), model.apply(holes(X)))
    assert clone(model).get_params() == model.get_params()
    assert not model.tree_.value.flags.writeable


def damaged():
    """Return what may be wrong with stored arrays."""
    return {
        "circle": lambda s: s["children_left"].__setitem__(0, 0),
        "out of bounds": lambda s: s["children_right"].__setitem__(0, 10**6),
        "two parents": lambda s: s["children_right"].__setitem__(0, s["children_left"][0]),
        "half a leaf": lambda s: s["children_left"].__setitem__(-1, 1),
        "feature": lambda s: s["feature"].__setitem__(0, 99),
        "threshold": lambda s: s["threshold"].__setitem__(0, np.nan),
        "short": lambda s: s.__setitem__("impurity", s["impurity"][:-1]),
        "values": lambda s: s.__setitem__("value", s["value"][:, :, :0]),
        "text": lambda s: s.__setitem__("feature", s["feature"].astype(str)),
        "fraction": lambda s: s.__setitem__("feature", s["feature"] + 0.5),
        "classes": lambda s: s.__setitem__("n_classes", [0]),
        "absent": lambda s: s.pop("threshold"),
        "unknown": lambda s: s.__setitem__("more", [1]),
    }


@pytest.mark.parametrize("harm", damaged().values(), ids=damaged())
def test_damaged_arrays_are_refused(harm):
    X, two, _, _ = table(50)
    tree = DecisionTreeClassifier(max_depth=3).fit(X, two).tree_
    state = {k: np.array(v) if k != "n_features" else v for k, v in tree.state().items()}
    assert Tree(**state).node_count == tree.node_count
    harm(state)
    with pytest.raises(StateError, match="damaged"):
        Tree(**state)


@pytest.mark.slow
@pytest.mark.parametrize("n_jobs", [1, 2])
def test_ctrl_c_answers_within_half_a_second(n_jobs):
    code = (
        "import time\n"
        "import numpy as np\n"
        "from tamis.models import DecisionTreeRegressor\n"
        "rng = np.random.default_rng(0)\n"
        "X, y = rng.normal(size=(200_000, 30)).astype(np.float32), rng.normal(size=200_000)\n"
        "print('ready', flush=True)\n"
        "try:\n"
        "    while True:\n"
        f"        DecisionTreeRegressor(n_jobs={n_jobs}).fit(X, y)\n"
        "except KeyboardInterrupt:\n"
        "    print(time.time(), flush=True)\n"
    )
    for wait in (0.05, 0.5):
        process = subprocess.Popen(
            [sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        assert process.stdout.readline() == "ready\n"
        time.sleep(wait)
        sent = time.time()
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=20)
        assert float(out) - sent < 0.5
        assert err == ""
