"""Missing values: median, nearest neighbours, chained equations, the choice among them."""

import numpy as np

from . import Row, _impute_auto, _impute_series, _impute_trees


def holes(n_rows, n_columns, share):
    """Return a maker of a correlated table with missing cells, and of the truth beside it."""

    def make(rng):
        hidden = rng.normal(size=(n_rows, 4))
        truth = hidden @ rng.normal(size=(4, n_columns)) + rng.normal(size=(n_rows, n_columns)) / 2
        missing = rng.random((n_rows, n_columns)) < share
        return {"X": np.where(missing, np.nan, truth), "truth": truth, "missing": missing}

    return make


def error(data, filled):
    """Return the root mean squared error of the cells filled in."""
    gap = (np.asarray(filled) - data["truth"])[data["missing"]]
    return float(np.sqrt(np.mean(gap**2)))


def median(package):
    def prepare(threads):
        if package == "tamis":
            from tamis.impute import SimpleImputer

            imputer = SimpleImputer(strategy="median", n_jobs=threads)
        else:
            from sklearn.impute import SimpleImputer

            imputer = SimpleImputer(strategy="median")
        return lambda data: imputer.fit_transform(data["X"])

    return prepare


def knn(package):
    def prepare(threads):
        if package == "tamis":
            from tamis.impute import KNNImputer

            imputer = KNNImputer(n_jobs=threads)
        else:
            from sklearn.impute import KNNImputer

            imputer = KNNImputer()
        return lambda data: imputer.fit_transform(data["X"])

    return prepare


def iterative(package):
    def prepare(threads):
        if package == "tamis":
            from tamis.impute import IterativeImputer

            imputer = IterativeImputer(random_state=0, n_jobs=threads)
        else:
            from sklearn.experimental import enable_iterative_imputer  # noqa: F401
            from sklearn.impute import IterativeImputer

            imputer = IterativeImputer(random_state=0)
        return lambda data: imputer.fit_transform(data["X"])

    return prepare


def both(make):
    return {package: make(package) for package in ("tamis", "scikit-learn")}


ROWS = [
    Row("median, 1M x 20, 10 % missing", holes(1_000_000, 20, 0.1), both(median), error, "RMSE"),
    Row("KNN (k=5), 20k x 30, 10 % missing", holes(20_000, 30, 0.1), both(knn), error, "RMSE"),
    Row(
        "chained equations, 50k x 20, 10 % missing",
        holes(50_000, 20, 0.1),
        both(iterative),
        error,
        "RMSE",
    ),
    *_impute_series.ROWS,
    *_impute_auto.ROWS,
    *_impute_trees.ROWS,
]
