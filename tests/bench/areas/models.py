"""Models: linear, ridge, logistic, trees, forests, boosting."""

from functools import partial
from importlib import import_module

import numpy as np

from . import (
    Row,
    _models_linear,
    _models_mlp,
    _models_near,
    _models_sgd,
    _models_shap,
    _models_svm,
    _models_trees,
)

HOMES = {
    "LinearRegression": "linear_model",
    "Ridge": "linear_model",
    "LogisticRegression": "linear_model",
    "DecisionTreeClassifier": "tree",
}


def table(rng, n_rows, n_columns, n_classes=0):
    """Return train and test rows; the target is linear with noise, or a class drawn from it."""
    X = rng.normal(size=(n_rows, n_columns))
    if n_classes:
        score = X @ rng.normal(size=(n_columns, n_classes)) + rng.gumbel(size=(n_rows, n_classes))
        y = score.argmax(axis=1)
    else:
        y = X @ rng.normal(size=n_columns) + rng.normal(size=n_rows)
    cut = n_rows * 4 // 5
    return {"X": X[:cut], "y": y[:cut], "X_test": X[cut:], "y_test": y[cut:]}


def fit(package, name, **params):
    """Return what prepares a class of ours or of scikit-learn for fit and predict."""

    def prepare(threads):
        home = "tamis.models" if package == "tamis" else f"sklearn.{HOMES[name]}"
        model = getattr(import_module(home), name)(**params)
        if package == "tamis" and "n_jobs" in model.get_params():
            model.set_params(n_jobs=threads)
        return lambda data: model.fit(data["X"], data["y"]).predict(data["X_test"])

    return prepare


def both(name, **params):
    return {package: fit(package, name, **params) for package in ("tamis", "scikit-learn")}


def r2(data, predicted):
    rest = ((data["y_test"] - predicted) ** 2).sum()
    return float(1 - rest / ((data["y_test"] - data["y_test"].mean()) ** 2).sum())


def accuracy(data, predicted):
    return float(np.mean(data["y_test"] == predicted))


ROWS = [
    Row(
        "least squares, 200k x 50",
        partial(table, n_rows=250_000, n_columns=50),
        both("LinearRegression"),
        r2,
        "R2",
    ),
    Row("ridge, 200k x 50", partial(table, n_rows=250_000, n_columns=50), both("Ridge"), r2, "R2"),
    Row(
        "logistic, 5 classes, 40k x 30",
        partial(table, n_rows=50_000, n_columns=30, n_classes=5),
        both("LogisticRegression"),
        accuracy,
        "accuracy",
    ),
    Row(
        "tree (depth 10), 2 classes, 80k x 20",
        partial(table, n_rows=100_000, n_columns=20, n_classes=2),
        both("DecisionTreeClassifier", max_depth=10, random_state=0),
        accuracy,
        "accuracy",
    ),
    *_models_trees.ROWS,
]
ROWS += _models_linear.ROWS
ROWS += _models_near.ROWS
ROWS += _models_sgd.ROWS
ROWS += _models_shap.ROWS
ROWS += _models_mlp.ROWS
ROWS += _models_svm.ROWS
