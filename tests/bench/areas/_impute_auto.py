"""AutoImputer on scikit-learn's tables with a fifth of the cells blanked: errors and coverage.

The peer is whichever of scikit-learn's imputers comes nearest to the truth, on scaled columns:
nobody could choose so without knowing the truth.
"""

import warnings

import numpy as np

from . import Row

TABLES = ("wine", "breast_cancer", "diabetes", "digits")
SHARE = 0.2


def blanked(name, at_random):
    """Return a maker of a table with gaps, completely at random or by a quarter of the columns."""

    def make(rng):
        from sklearn import datasets

        truth = getattr(datasets, f"load_{name}")().data.astype(float)
        truth = truth[:, truth.std(axis=0) > 0]
        gone = by_others(truth, rng) if at_random else rng.random(truth.shape) < SHARE
        return {"X": np.where(gone, np.nan, truth), "truth": truth, "gone": gone}

    return make


def by_others(truth, rng):
    """Return gaps whose odds are a logistic function of columns that are never missing."""
    n, p = truth.shape
    scaled = (truth - truth.mean(axis=0)) / truth.std(axis=0)
    order = rng.permutation(p)
    whole, rest = order[: p // 4], order[p // 4 :]
    gone = np.zeros((n, p), dtype=bool)
    for j in rest:
        line = scaled[:, whole] @ rng.normal(size=len(whole))
        line = (line - line.mean()) / line.std()
        low, high = -20.0, 20.0
        for _ in range(60):  # the intercept that gives the share
            middle = (low + high) / 2
            chance = 1 / (1 + np.exp(-(line + middle)))
            low, high = (middle, high) if chance.mean() < SHARE * p / len(rest) else (low, middle)
        gone[:, j] = rng.random(n) < chance
    return gone


def ours(threads):
    from tamis.impute import AutoImputer

    def call(data):
        imputer = AutoImputer(random_state=0, n_jobs=threads).fit(data["X"])
        return imputer.transform(data["X"]), *imputer.interval(data["X"])

    return call


def theirs(threads):
    from sklearn.experimental import enable_iterative_imputer  # noqa: F401
    from sklearn.impute import IterativeImputer, KNNImputer, SimpleImputer
    from sklearn.preprocessing import StandardScaler

    def call(data):
        warnings.simplefilter("ignore")
        scaler = StandardScaler().fit(data["X"])
        near = 20 if data["X"].shape[1] > 40 else None  # or it takes minutes
        chained = IterativeImputer(n_nearest_features=near, random_state=0)
        imputers = (SimpleImputer(), KNNImputer(), chained)
        filled = [
            scaler.inverse_transform(i.fit_transform(scaler.transform(data["X"]))) for i in imputers
        ]
        return min(filled, key=lambda f: error(data, (f,))), None, None

    return call


def error(data, result):
    """Return the root mean squared error of cells filled in, in units of their columns' spread."""
    gap = (result[0] - data["truth"]) / data["truth"].std(axis=0)
    return float(np.sqrt(np.mean(gap[data["gone"]] ** 2)))


def coverage(data, result):
    """Return how often the intervals held the truth."""
    _, low, high = result
    held = (low <= data["truth"]) & (data["truth"] <= high)
    return float(held[data["gone"]].mean())


ROWS = [
    row
    for name in TABLES
    for how, at_random in (("completely at random", False), ("by other columns", True))
    for row in (
        Row(
            f"{name}, 20 % missing {how}: AutoImputer",
            blanked(name, at_random),
            {"tamis": ours, "scikit-learn": theirs},
            error,
            "RMSE",
        ),
        Row(
            f"{name}, 20 % missing {how}: its 90 % intervals",
            blanked(name, at_random),
            {"tamis": ours},
            coverage,
            "coverage",
        ),
    )
]
