"""Fine-tuning of boosting: leaves against their objective, and what a user would expect of it."""

import pickle

import numpy as np
import pandas as pd
import pytest
from scipy import optimize
from sklearn import ensemble
from sklearn.metrics import r2_score, roc_auc_score

import tamis
from tamis.exceptions import ParameterError
from tamis.models import (
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    finetune,
)
from tamis.models._boost_adopt import adopt
from tamis.models._finetune_boost import BoostTuner


def rows(n, seed, shift=0.0):
    """Return rows with gaps and categories, and what they score."""
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame(
        {
            "a": rng.normal(size=n),
            "kind": pd.Categorical(rng.choice(list("wxyz"), n), categories=list("wxyz")),
            "b": rng.normal(size=n),
        }
    )
    score = 1.5 * frame["b"] + 2 * (frame["kind"] == "x") - np.abs(frame["a"])
    score = score + shift * (2 * (frame["kind"] == "w") - frame["a"])
    frame.loc[::9, "a"] = np.nan
    return frame, score.to_numpy() + 0.3 * rng.normal(size=n)


@pytest.mark.parametrize("classes", [2, 3])
def test_scikit_learns_trees_say_the_same_in_ours(classes):
    X, score = rows(400, 0)
    y = np.array(["p", "q", "r"])[np.digitize(score, [0.0, 1.5][: classes - 1])]
    theirs = ensemble.HistGradientBoostingClassifier(max_iter=12).fit(X, y)
    new = rows(200, 1)[0]
    np.testing.assert_array_equal(adopt(theirs).predict_proba(new), theirs.predict_proba(new))


@pytest.mark.parametrize("loss", ["squared_error", "poisson", "absolute_error"])
def test_scikit_learns_regressors_too(loss):
    X, score = rows(300, 0)
    theirs = ensemble.HistGradientBoostingRegressor(loss=loss, max_iter=8, categorical_features=[1])
    codes = X.assign(kind=X["kind"].cat.codes.astype(float)).to_numpy()
    theirs.fit(codes, np.abs(score))
    np.testing.assert_array_equal(adopt(theirs).predict(codes), theirs.predict(codes))


@pytest.mark.parametrize("classes", [2, 3])
@pytest.mark.parametrize("pull", [0.5, 30.0])
def test_leaves_are_the_least_of_the_objective(classes, pull):
    X, score = rows(300, 0)
    y = np.digitize(score, [0.0, 1.5][: classes - 1])
    model = HistGradientBoostingClassifier(max_iter=4, max_leaf_nodes=4).fit(X, y)
    new, moved = rows(60, 1, shift=1.0)
    target = np.digitize(moved, [0.0, 1.5][: classes - 1])
    weight = np.random.default_rng(0).uniform(0.5, 2, 60)
    tuner = BoostTuner(model, None, 0)
    table = tuner.read(new)
    [(tuned, _)] = tuner.path(table, target, weight, [(1.0, pull, 0)])
    leaves, width = tuner.old.apply(table), len(model._baseline_prediction[0])
    value = tuner.old.value

    def objective(change):
        raw = np.column_stack(
            [
                model._baseline_prediction[0, k]
                + change[len(value) + k]
                + (value + change[: len(value)])[leaves[:, k::width]].sum(axis=1)
                for k in range(width)
            ]
        )
        of_row = tuner.loss.value(target, raw[:, 0] if width == 1 else raw)
        held = np.full(len(change), pull)
        held[len(value) :] = 1e-3
        return weight @ of_row + held @ change**2 / 2

    slow = optimize.minimize(objective, np.zeros(len(value) + width), method="L-BFGS-B")
    mine = np.concatenate(
        [
            tuned._trees.value - value,
            (tuned._baseline_prediction - model._baseline_prediction)[0],
        ]
    )
    assert objective(mine) <= slow.fun + 1e-3


def test_no_change_but_the_first_score_without_end():
    X, score = rows(300, 0)
    model = HistGradientBoostingClassifier(max_iter=10).fit(X, score > 0)
    new, moved = rows(80, 1)
    tuned = finetune(model, new, moved > 1, strength=np.inf, cv=0).model
    np.testing.assert_array_equal(tuned._trees.value, model._trees.value)
    assert abs(tuned.predict_proba(new)[:, 1].mean() - (moved > 1).mean()) < 1e-3


def test_new_rows_are_learnt_and_old_ones_not_forgotten():
    X, score = rows(1000, 0)
    new, moved = rows(120, 1, shift=1.0)
    held, truth = rows(1500, 2, shift=1.0)
    source = HistGradientBoostingClassifier(max_iter=40, random_state=0).fit(X, score > 0)
    scratch = HistGradientBoostingClassifier(max_iter=40, random_state=0).fit(new, moved > 0)
    before = source.predict_proba(held)
    done = finetune(source, new, moved > 0, cv=2, source=(X, score > 0), random_state=0)
    auc = [
        roc_auc_score(truth > 0, model.predict_proba(held)[:, 1])
        for model in (source, scratch, done.model)
    ]
    assert auc[2] > auc[0] + 0.05
    assert auc[2] > auc[1] - 0.01
    assert list(done.report) == ["source", "scratch", "pooled", "fine-tuned"]
    np.testing.assert_array_equal(source.predict_proba(held), before)


def test_the_model_is_one_of_its_kind(tmp_path):
    X, score = rows(300, 0)
    source = HistGradientBoostingClassifier(max_iter=8, n_jobs=2).fit(X, score > 0)
    new, moved = rows(60, 1, shift=1.0)
    done = [finetune(source, new, moved > 0, strength=0.3, cv=0, random_state=0) for _ in range(2)]
    said = done[0].model.predict_proba(new)
    np.testing.assert_array_equal(said, done[1].model.predict_proba(new))
    tamis.save(done[0].model, tmp_path / "model.tamis")
    np.testing.assert_array_equal(tamis.load(tmp_path / "model.tamis").predict_proba(new), said)
    np.testing.assert_array_equal(
        pickle.loads(pickle.dumps(done[0].model)).predict_proba(new), said
    )
    assert done[0].model.feature_names_in_.tolist() == ["a", "kind", "b"]


@pytest.mark.parametrize("loss", ["squared_error", "absolute_error", "quantile", "poisson"])
def test_numbers_by_the_loss_of_the_source(loss):
    quantile = 0.5 if loss == "quantile" else None
    X, score = rows(500, 0)
    new, moved = rows(100, 1, shift=1.0)
    held, truth = rows(500, 2, shift=1.0)
    low = score.min() - 3
    source = HistGradientBoostingRegressor(loss=loss, quantile=quantile, max_iter=30)
    source.fit(X, np.maximum(score - low, 0))
    done = finetune(source, new, np.maximum(moved - low, 0), cv=0, random_state=0).model
    target = np.maximum(truth - low, 0)
    assert r2_score(target, done.predict(held)) > r2_score(target, source.predict(held)) + 0.02


def test_a_robust_loss_and_what_is_wrong():
    X, score = rows(300, 0)
    source = ensemble.HistGradientBoostingClassifier(max_iter=8).fit(X, score > 0)
    new, moved = rows(60, 1)
    done = finetune(source, new, moved > 0, strength=1.0, loss="gce", cv=0).model
    assert isinstance(done, HistGradientBoostingClassifier)
    assert done.loss.q == 0.7
    with pytest.raises(ParameterError, match="strength"):
        finetune(source, new, moved > 0, strength=-1)
