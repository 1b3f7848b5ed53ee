"""Resampling of imbalanced classes against imbalanced-learn."""

import numpy as np
from sklearn.datasets import make_classification

from . import Row


def table(rng):
    """Return 100k rows of 30 numbers, a tenth of them of the rare class."""
    return make_classification(
        n_samples=100_000,
        n_features=30,
        n_informative=15,
        n_classes=2,
        weights=[0.9],
        flip_y=0.02,
        class_sep=0.8,
        random_state=int(rng.integers(1 << 31)),
    )


def mixed(rng):
    """Return the same with ten columns of categories, numbered."""
    X, y = table(rng)
    for j in range(20, 30):
        cuts = np.quantile(X[:, j], np.linspace(0, 1, 3 + j % 5)[1:-1])
        X[:, j] = np.searchsorted(cuts, X[:, j])
    return X, y


def nominal(rng):
    """Return 20k rows of eight columns of text, a fifth of them of the rare class."""
    y = (rng.random(20_000) < 0.2).astype(int)
    words = np.array([f"word {i}" for i in range(12)], dtype=object)
    codes = rng.integers(0, 6, (len(y), 8)) + rng.integers(0, 3, (len(y), 8)) * y[:, None]
    return words[codes], y


def ours(name, *args, **params):
    def prepare(threads):
        from tamis import resample

        sampler = getattr(resample, name)(*args, random_state=0, n_jobs=threads, **params)
        return lambda data: sampler.fit_resample(*data)

    return prepare


def theirs(name, *args, **params):
    """Return imbalanced-learn's sampler: its threads are those of OpenMP and the BLAS."""

    def prepare(threads):
        from imblearn import over_sampling

        sampler = getattr(over_sampling, name)(*args, random_state=0, **params)
        return lambda data: sampler.fit_resample(*data)

    return prepare


def moment(data, result):
    """Return the mean square of the numbers of made rows, which tells whether they are the same."""
    made = result[0][len(data[0]) :]
    return float(np.mean(made[:, :3].astype(float) ** 2)) if made.dtype != object else len(made)


def row(task, data, name, *args, **params):
    peers = {
        "tamis": ours(name, *args, **params),
        "imbalanced-learn": theirs(name, *args, **params),
    }
    return Row(task, data, peers, moment, "mean square of made cells")


ROWS = [
    row("SMOTE, 100k x 30", table, "SMOTE"),
    row("BorderlineSMOTE, 100k x 30", table, "BorderlineSMOTE"),
    row("ADASYN, 100k x 30", table, "ADASYN"),
    row("SMOTENC, 100k x 30, ten of them categories", mixed, "SMOTENC", list(range(20, 30))),
    row("SMOTEN, 20k x 8", nominal, "SMOTEN"),
]
