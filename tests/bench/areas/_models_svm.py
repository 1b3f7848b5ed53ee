"""Support vector machines with kernels."""

from functools import partial
from importlib import import_module

import numpy as np

from . import Row


def waves(rng, n, p, n_test, classes=True):
    """Return rows whose target bends with three of the columns, with noise."""
    X = rng.normal(size=(n + n_test, p))
    y = np.sin(1.5 * X[:, 0]) + X[:, 1] * X[:, 2] + 0.5 * X[:, 3] + 0.5 * rng.normal(size=len(X))
    y = (y > 0).astype(int) if classes else y
    return {"X": X[:n], "y": y[:n], "X_test": X[n:], "y_test": y[n:]}


def model(package, name, threads):
    home = "tamis.models" if package == "tamis" else "sklearn.svm"
    made = getattr(import_module(home), name)()
    return made.set_params(n_jobs=threads) if package == "tamis" else made


def fit(name):
    """Return both packages: a fit, and the prediction of a few rows to judge it by."""

    def of(package):
        def prepare(threads):
            made = model(package, name, threads)
            return lambda data: made.fit(data["X"], data["y"]).predict(data["X_test"])

        return prepare

    return {package: of(package) for package in ("tamis", "scikit-learn")}


def fitted(rng, **shape):
    data = waves(rng, **shape)
    data["models"] = {
        package: model(package, "SVC", 1).fit(data["X"], data["y"])
        for package in ("tamis", "scikit-learn")
    }
    return data


def predict(package):
    def prepare(threads):
        def run(data):
            made = data["models"][package]
            if package == "tamis":
                made.set_params(n_jobs=threads)
            return made.predict(data["X_test"])

        return run

    return prepare


def accuracy(data, predicted):
    return float(np.mean(data["y_test"] == predicted))


def rmse(data, predicted):
    return float(np.sqrt(np.mean((data["y_test"] - predicted) ** 2)))


ROWS = [
    Row(
        "SVC (rbf), 5k x 20",
        partial(waves, n=5_000, p=20, n_test=1_000),
        fit("SVC"),
        accuracy,
        "accuracy",
    ),
    Row(
        "SVC (rbf), 20k x 20",
        partial(waves, n=20_000, p=20, n_test=1_000),
        fit("SVC"),
        accuracy,
        "accuracy",
    ),
    Row(
        "SVR (rbf), 5k x 20",
        partial(waves, n=5_000, p=20, n_test=1_000, classes=False),
        fit("SVR"),
        rmse,
        "RMSE",
    ),
    Row(
        "SVC, 10k rows to predict by a fit of 5k x 20",
        partial(fitted, n=5_000, p=20, n_test=10_000),
        {package: predict(package) for package in ("tamis", "scikit-learn")},
        accuracy,
        "accuracy",
    ),
]
