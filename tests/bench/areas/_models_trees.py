"""Models: forests and boosting."""

from functools import partial
from importlib import import_module

import numpy as np
from sklearn.metrics import roc_auc_score

from . import Row


def table(rng, n_rows, n_columns=30, classes=True, fitted=False):
    """Return train and test rows of a sum of curves and products, with noise."""
    X = rng.normal(size=(n_rows + n_rows // 4, n_columns))
    score = X[:, 0] * X[:, 1] + np.sin(2 * X[:, 2]) + X[:, 3] ** 2 / 2
    score += X[:, 4:10] @ np.linspace(0.5, -0.5, 6) + 0.7 * rng.normal(size=len(X))
    y = (score > np.median(score)).astype(int) if classes else score
    data = {"X": X[:n_rows], "y": y[:n_rows], "X_test": X[n_rows:], "y_test": y[n_rows:]}
    if fitted:
        data["models"] = {p: boost(p, classes)(2)(data) for p in ("tamis", "lightgbm")}
        data["X_test"], data["y_test"] = data["X"], data["y"]
    return data


def boost(package, classes):
    """Return what prepares 100 rounds of ours or of LightGBM."""

    def ours(threads):
        from tamis.models import HistGradientBoostingClassifier, HistGradientBoostingRegressor

        cls = HistGradientBoostingClassifier if classes else HistGradientBoostingRegressor
        model = cls(early_stopping=False, n_jobs=threads)
        return lambda data: model.fit(data["X"], data["y"])

    def theirs(threads):
        import lightgbm

        objective = "binary" if classes else "regression"
        params = {"objective": objective, "num_threads": threads, "verbose": -1}

        def call(data):
            rows = lightgbm.Dataset(data["X"], data["y"], params={"verbose": -1})
            return lightgbm.train(params, rows, 100)

        return call

    return ours if package == "tamis" else theirs


def predict(package):
    """Return what prepares a prediction of a model that `table` fitted."""

    def prepare(threads):
        def call(data):
            model = data["models"][package]
            if package == "tamis":
                model.set_params(n_jobs=threads)
                return model.predict_proba(data["X_test"])[:, 1]
            return model.predict(data["X_test"], num_threads=threads)

        return call

    return prepare


def forest(package, name):
    """Return what prepares a forest of 100 trees."""

    def prepare(threads):
        home = "tamis.models" if package == "tamis" else "sklearn.ensemble"
        model = getattr(import_module(home), name)(n_jobs=threads, random_state=0)
        return lambda data: model.fit(data["X"], data["y"])

    return prepare


def tree(package):
    """Return what prepares a tree that grows until its leaves are pure."""

    def prepare(threads):
        home = "tamis.models" if package == "tamis" else "sklearn.tree"
        model = import_module(home).DecisionTreeClassifier(random_state=0)
        if package == "tamis" and "n_jobs" in model.get_params():
            model.set_params(n_jobs=threads)
        return lambda data: model.fit(data["X"], data["y"])

    return prepare


def auc(data, result):
    """Return the AUC of a model, or of probabilities, on the test rows."""
    if hasattr(result, "predict_proba"):
        result = result.predict_proba(data["X_test"])[:, 1]
    elif hasattr(result, "predict"):
        result = result.predict(data["X_test"])
    return float(roc_auc_score(data["y_test"], result))


def rmse(data, model):
    return float(np.sqrt(np.mean((model.predict(data["X_test"]) - data["y_test"]) ** 2)))


def boosting(classes):
    return {package: boost(package, classes) for package in ("tamis", "lightgbm")}


def forests(name):
    return {package: forest(package, name) for package in ("tamis", "scikit-learn")}


ROWS = [
    Row(
        "decision tree, 100k x 30, to the end",
        partial(table, n_rows=100_000),
        {package: tree(package) for package in ("tamis", "scikit-learn")},
        auc,
        "AUC",
    ),
    Row(
        "histogram boosting, 100 rounds, 2 classes, 200k x 30",
        partial(table, n_rows=200_000),
        boosting(True),
        auc,
        "AUC",
    ),
    Row(
        "histogram boosting, 100 rounds, numbers, 200k x 30",
        partial(table, n_rows=200_000, classes=False),
        boosting(False),
        rmse,
        "RMSE",
    ),
    Row(
        "prediction of 100 boosted trees, 200k x 30",
        partial(table, n_rows=200_000, fitted=True),
        {package: predict(package) for package in ("tamis", "lightgbm")},
        auc,
        "AUC",
    ),
    Row(
        "random forest, 100 trees, 100k x 30",
        partial(table, n_rows=100_000),
        forests("RandomForestClassifier"),
        auc,
        "AUC",
    ),
    Row(
        "extra trees, 100 trees, 100k x 30",
        partial(table, n_rows=100_000),
        forests("ExtraTreesClassifier"),
        auc,
        "AUC",
    ),
]
