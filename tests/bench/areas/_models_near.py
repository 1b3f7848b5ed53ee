"""Neighbours, and models taken to new rows."""

from functools import partial

import numpy as np
from scipy.special import expit
from sklearn.metrics import roc_auc_score

from . import Row


def clusters(rng, n, d, n_test):
    centres = rng.normal(size=(10, d)) * 1.2
    y = rng.integers(0, 10, n + n_test)
    X = centres[y] + rng.normal(size=(n + n_test, d))
    return {"X": X[:n], "y": y[:n], "X_test": X[n:], "y_test": y[n:]}


def voting(package):
    def prepare(threads):
        if package == "tamis":
            from tamis.models import KNeighborsClassifier
        else:
            from sklearn.neighbors import KNeighborsClassifier
        model = KNeighborsClassifier(n_jobs=threads)
        return lambda data: model.fit(data["X"], data["y"]).predict(data["X_test"])

    return prepare


def accuracy(data, predicted):
    return float(np.mean(data["y_test"] == predicted))


def moved(rng, d=20, n_old=3000, n_new=100, n_seeds=30):
    """Return thirty tasks whose coefficients have moved by amounts between none and much."""
    tasks = []
    for seed in range(n_seeds):
        old = rng.normal(size=d) * 2 / np.sqrt(d)
        shift = (0.0, 0.2, 0.3, 0.4, 0.8)[seed % 5]
        new = old + shift * rng.normal(size=d) * (rng.random(d) < 0.5)
        rows = []
        for n, coef in ((n_old, old), (n_new, new), (4000, new)):
            X = rng.normal(size=(n, d))
            rows.append((X, (rng.random(n) < expit(X @ coef)).astype(int)))
        tasks.append(rows)
    return tasks


def way(name):
    """Return a way of using the new rows: one of three without fine-tuning, or ours."""

    def prepare(_):
        from sklearn.linear_model import LogisticRegression

        from tamis.models import finetune

        def one(old, new):
            if name == "scratch":
                return LogisticRegression().fit(*new)
            if name == "pooled":
                both = [np.concatenate(part) for part in zip(old, new, strict=True)]
                return LogisticRegression().fit(*both)
            model = LogisticRegression().fit(*old)
            if name == "source":
                return model
            strength = 10.0 if name == "L2-SP, pull 10" else "auto"
            return finetune(model, *new, strength=strength, cv=0, random_state=0).model

        return lambda tasks: [one(old, new).decision_function(X) for old, new, (X, _) in tasks]

    return prepare


def mean_auc(tasks, scores):
    return float(np.mean([roc_auc_score(t[2][1], s) for t, s in zip(tasks, scores, strict=True)]))


ROWS = [
    Row(
        "5 nearest neighbours, 100k x 20, 10k to predict",
        partial(clusters, n=100_000, d=20, n_test=10_000),
        {"tamis": voting("tamis"), "scikit-learn": voting("scikit-learn")},
        accuracy,
        "accuracy",
    ),
    Row(
        "fine-tuning by 100 rows, 30 tasks",
        moved,
        {
            "tamis": way("auto"),
            **{w: way(w) for w in ("L2-SP, pull 10", "source", "scratch", "pooled")},
        },
        mean_auc,
        "mean AUC",
    ),
]
