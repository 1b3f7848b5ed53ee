"""Linear models and naive Bayes, on the sizes they are judged by, and wrong labels."""

from functools import partial
from importlib import import_module

import numpy as np
from scipy import optimize

from . import Row

HOMES = {"GaussianNB": "naive_bayes"}


def table(rng, n, p, classes=0, useful=1.0):
    """Return train rows and a fifth as many test rows; a share of the columns is of use."""
    X = rng.normal(size=(n * 6 // 5, p))
    coef = rng.normal(size=(p, max(classes, 1))) * (np.arange(p) < useful * p)[:, None]
    score = X @ coef
    if classes:
        y = (score + rng.gumbel(size=score.shape)).argmax(axis=1)
    else:
        y = score[:, 0] + 2 * rng.normal(size=len(X))
    return {"X": X[:n], "y": y[:n], "X_test": X[n:], "y_test": y[n:]}


def digits(rng):
    from sklearn.datasets import load_digits

    X, y = load_digits(return_X_y=True)
    order = rng.permutation(len(y))
    X, y = X[order], y[order]
    return {"X": X[:1500], "y": y[:1500], "X_test": X[1500:], "y_test": y[1500:]}


def fit(package, name, **params):
    def prepare(threads):
        home = HOMES.get(name, "linear_model")
        home = "tamis.models" if package == "tamis" else f"sklearn.{home}"
        model = getattr(import_module(home), name)(**params)
        if package == "tamis":
            model.set_params(n_jobs=threads)
        return lambda data: model.fit(data["X"], data["y"]).predict(data["X_test"])

    return prepare


def both(name, theirs=None, **params):
    """Return ours and scikit-learn's class; `theirs` are parameters for the latter alone."""
    return {
        "tamis": fit("tamis", name, **params),
        "scikit-learn": fit("scikit-learn", name, **params, **(theirs or {})),
    }


def r2(data, predicted):
    rest = ((data["y_test"] - predicted) ** 2).sum()
    return float(1 - rest / ((data["y_test"] - data["y_test"].mean()) ** 2).sum())


def accuracy(data, predicted):
    return float(np.mean(data["y_test"] == predicted))


def wrong_labels(rng, n_seeds=10):
    """Return tables of which 40 % of one class bear the label of the other, test rows apart."""
    tables = []
    for _ in range(n_seeds):
        X = rng.normal(size=(4000, 10))
        y = (X @ rng.normal(size=10) * 2 + rng.logistic(size=4000) > 0).astype(int)
        noisy = np.where((y == 1) & (rng.random(4000) < 0.4), 0, y)
        tables.append((X[:2000], noisy[:2000], X[2000:], y[2000:]))
    return tables


def by_loss(loss):
    def prepare(threads):
        from tamis.models import LogisticRegression

        model = LogisticRegression(loss=loss, max_iter=500, n_jobs=threads)
        return lambda tables: [model.fit(X, y).predict(new) for X, y, new, _ in tables]

    return prepare


def written_out(_):
    """Generalised cross entropy (q = 0.7) in NumPy and SciPy, from cross entropy on."""

    def one(X, y, new, q=0.7):
        side, p = np.where(y == 1, 1.0, -1.0), X.shape[1]

        def look(theta, robust):
            own = 1 / (1 + np.exp(-side * (X @ theta[:p] + theta[p])))
            value = (1 - own**q) / q if robust else -np.log(own)
            slope = -side * (own**q if robust else 1.0) * (1 - own)
            gradient = np.append(X.T @ slope + theta[:p], slope.sum())
            return value.sum() + 0.5 * theta[:p] @ theta[:p], gradient

        theta = np.zeros(p + 1)
        for robust in (False, True):
            theta = optimize.minimize(look, theta, args=(robust,), jac=True, method="L-BFGS-B").x
        return (new @ theta[:p] + theta[p] > 0).astype(int)

    return lambda tables: [one(X, y, new) for X, y, new, _ in tables]


def right(tables, predicted):
    return float(np.mean([(p == t[3]).mean() for p, t in zip(predicted, tables, strict=True)]))


ROWS = [
    Row(
        "least squares, 1M x 20",
        partial(table, n=1_000_000, p=20),
        both("LinearRegression"),
        r2,
        "R2",
    ),
    Row(
        "least squares, 100k x 100",
        partial(table, n=100_000, p=100),
        both("LinearRegression"),
        r2,
        "R2",
    ),
    Row("ridge, 1M x 20", partial(table, n=1_000_000, p=20), both("Ridge"), r2, "R2"),
    Row(
        "logistic, 2 classes, 200k x 30",
        partial(table, n=200_000, p=30, classes=2),
        both("LogisticRegression"),
        accuracy,
        "accuracy",
    ),
    Row(
        "logistic, digits", digits, both("LogisticRegression", max_iter=1000), accuracy, "accuracy"
    ),
    Row(
        "logistic, 10 classes, 100k x 30",
        partial(table, n=100_000, p=30, classes=10),
        both("LogisticRegression"),
        accuracy,
        "accuracy",
    ),
    Row(
        "logistic, L1, 20k x 60",
        partial(table, n=20_000, p=60, classes=2, useful=0.2),
        both("LogisticRegression", {"solver": "saga"}, l1_ratio=1.0, C=0.01),
        accuracy,
        "accuracy",
    ),
    Row(
        "lasso, 100k x 100",
        partial(table, n=100_000, p=100, useful=0.2),
        both("Lasso", alpha=0.05),
        r2,
        "R2",
    ),
    Row(
        "elastic net, 100k x 100",
        partial(table, n=100_000, p=100, useful=0.2),
        both("ElasticNet", alpha=0.05),
        r2,
        "R2",
    ),
    Row(
        "Gaussian naive Bayes, 1M x 20",
        partial(table, n=1_000_000, p=20, classes=2),
        both("GaussianNB"),
        accuracy,
        "accuracy",
    ),
    Row(
        "40 % wrong labels of one class, ten tables",
        wrong_labels,
        {
            "tamis": by_loss("gce"),
            "NumPy (GCE written out)": written_out,
            "tamis (cross entropy)": by_loss("cross_entropy"),
        },
        right,
        "accuracy on right labels",
    ),
]
