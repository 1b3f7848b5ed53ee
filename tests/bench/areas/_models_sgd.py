"""Stochastic gradient descent and linear support vector machines, dense rows and texts."""

from functools import partial
from importlib import import_module

import numpy as np
from scipy import sparse

from . import Row
from ._models_linear import accuracy, table

HOMES = {"LinearSVC": "svm", "LinearSVR": "svm"}


def texts(rng, n, p=20_000, words=50):
    """Return sparse rows of about `words` cells, columns as common as words are, two classes."""
    rows = n * 6 // 5
    columns = (p * rng.random((rows, words)) ** 3).astype(np.int32)
    values = rng.exponential(size=(rows, words)) / np.sqrt(words)
    X = sparse.csr_array(
        (values.ravel(), columns.ravel(), np.arange(0, rows * words + 1, words, dtype=np.int32)),
        shape=(rows, p),
    )
    X.sum_duplicates()
    score = X @ rng.normal(size=p) * 3 + rng.logistic(size=rows)
    y = (score > np.median(score)).astype(int)
    return {"X": X[:n], "y": y[:n], "X_test": X[n:], "y_test": y[n:]}


def fit(package, name, **params):
    def prepare(threads):
        home = (
            "tamis.models" if package == "tamis" else f"sklearn.{HOMES.get(name, 'linear_model')}"
        )
        model = getattr(import_module(home), name)(**params)
        if "n_jobs" in model.get_params():
            model.set_params(n_jobs=threads)
        return lambda data: model.fit(data["X"], data["y"]).predict(data["X_test"])

    return prepare


def both(name, **params):
    return {package: fit(package, name, **params) for package in ("tamis", "scikit-learn")}


EPOCHS = {"max_iter": 5, "tol": None, "random_state": 0}
ROWS = [
    Row(
        "SGD, hinge, 200k x 30, 5 epochs",
        partial(table, n=200_000, p=30, classes=2),
        both("SGDClassifier", average=True, **EPOCHS),
        accuracy,
        "accuracy",
    ),
    Row(
        "SGD, log loss, 5 classes, 100k x 30, 5 epochs",
        partial(table, n=100_000, p=30, classes=5),
        both("SGDClassifier", loss="log_loss", alpha=0.001, **EPOCHS),
        accuracy,
        "accuracy",
    ),
    Row(
        "SGD, log loss, sparse 100k x 20k, 5 epochs",
        partial(texts, n=100_000),
        both("SGDClassifier", loss="log_loss", alpha=1e-5, **EPOCHS),
        accuracy,
        "accuracy",
    ),
    Row(
        "linear SVM, 100k x 30",
        partial(table, n=100_000, p=30, classes=2),
        both("LinearSVC"),
        accuracy,
        "accuracy",
    ),
    Row(
        "linear SVM, hinge, 20k x 30",
        partial(table, n=20_000, p=30, classes=2),
        both("LinearSVC", loss="hinge", C=0.01, random_state=0),
        accuracy,
        "accuracy",
    ),
    Row(
        "linear SVM, sparse 100k x 20k",
        partial(texts, n=100_000),
        both("LinearSVC", C=0.1),
        accuracy,
        "accuracy",
    ),
    Row(
        "linear SVM, L1, 50k x 30",
        partial(table, n=50_000, p=30, classes=2, useful=0.3),
        both("LinearSVC", penalty="l1", dual=False, C=0.001),
        accuracy,
        "accuracy",
    ),
]
