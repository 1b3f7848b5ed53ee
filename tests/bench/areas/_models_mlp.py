"""Networks of layers: the same batches, epochs and weights as scikit-learn's."""

import warnings
from functools import partial
from importlib import import_module

import numpy as np
from sklearn.datasets import load_digits

from . import Row


def digits(rng):
    X, y = load_digits(return_X_y=True)
    order = rng.permutation(len(y))
    X, y = X[order] / 16, y[order]
    return {"X": X[:1500], "y": y[:1500], "X_test": X[1500:], "y_test": y[1500:]}


def moons(rng, n=125_000, p=30):
    X = rng.normal(size=(n, p))
    y = (X[:, 0] * X[:, 1] + X[:, 2] + 0.5 * rng.normal(size=n) > 0).astype(int)
    cut = n * 4 // 5
    return {"X": X[:cut], "y": y[:cut], "X_test": X[cut:], "y_test": y[cut:]}


def pictures(rng, n=12_500, p=784, dtype=np.float64):
    centres = rng.normal(size=(10, p)) * 0.6
    y = rng.integers(0, 10, n)
    X = np.abs(centres[y] + rng.normal(size=(n, p))).astype(dtype)
    cut = n * 4 // 5
    return {"X": X[:cut], "y": y[:cut], "X_test": X[cut:], "y_test": y[cut:]}


def both(**params):
    def fit(package):
        def prepare(threads):
            home = "tamis.models" if package == "tamis" else "sklearn.neural_network"
            model = import_module(home).MLPClassifier(random_state=0, **params)
            if package == "tamis":
                model.set_params(n_jobs=threads)

            def call(data):
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore")  # so many epochs, converged or not
                    return model.fit(data["X"], data["y"]).predict(data["X_test"])

            return call

        return prepare

    return {package: fit(package) for package in ("tamis", "scikit-learn")}


def accuracy(data, predicted):
    return float(np.mean(data["y_test"] == predicted))


SINGLE = partial(pictures, dtype=np.float32)
ROWS = [
    Row("MLP (100), digits, 50 epochs", digits, both(max_iter=50), accuracy, "accuracy"),
    Row(
        "MLP (100, 50), 100k x 30, 5 epochs",
        moons,
        both(hidden_layer_sizes=(100, 50), max_iter=5),
        accuracy,
        "accuracy",
    ),
    Row(
        "MLP (256), 10k x 784, 3 epochs",
        pictures,
        both(hidden_layer_sizes=(256,), max_iter=3),
        accuracy,
        "accuracy",
    ),
    Row(
        "the same in float32",
        SINGLE,
        both(hidden_layer_sizes=(256,), max_iter=3),
        accuracy,
        "accuracy",
    ),
]
