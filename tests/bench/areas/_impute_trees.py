"""Missing values by trees: chained equations, donors, random forests."""

import numpy as np

from . import Row


def curved(n_rows, n_columns, share):
    """Return a maker of a table of which half is linear in what is hidden, half is not."""

    def make(rng):
        hidden = rng.normal(size=(n_rows, 4))
        straight = hidden @ rng.normal(size=(4, n_columns - n_columns // 2))
        a, b = (hidden[:, rng.integers(4, size=n_columns // 2)] for _ in range(2))
        shapes = [a * b, a**2, np.sin(2 * a) + b, np.where(a > 0, b, -b), np.abs(a) - b]
        bent = np.column_stack([shapes[j % 5][:, j] for j in range(n_columns // 2)])
        truth = np.column_stack([straight, bent])
        truth = truth / truth.std(axis=0) + rng.normal(size=truth.shape) / 3
        missing = rng.random(truth.shape) < share
        return {"X": np.where(missing, np.nan, truth), "truth": truth, "missing": missing}

    return make


def error(data, filled):
    """Return the root mean squared error of the cells filled in."""
    gap = (np.asarray(filled) - data["truth"])[data["missing"]]
    return float(np.sqrt(np.mean(gap**2)))


def spread(data, filled):
    """Return the variance of what was filled in over that of what was hidden; 1 is right."""
    filled, gone = np.asarray(filled), data["missing"]
    pairs = [(filled[rows, j], data["truth"][rows, j]) for j, rows in enumerate(gone.T)]
    return float(np.mean([np.var(drawn) / np.var(truth) for drawn, truth in pairs]))


def trees(n_donors):
    """Return the peers of chained equations with trees: means, or values of donors."""

    def ours(threads):
        from tamis.impute import IterativeImputer

        imputer = IterativeImputer("trees", n_donors=n_donors, random_state=0, n_jobs=threads)
        return lambda data: imputer.fit_transform(data["X"])

    def miceforest(threads):
        import miceforest
        import pandas as pd

        def call(data):
            frame = pd.DataFrame(data["X"]).rename(columns=str)
            # By default each value is one of 5 donors'; 0 asks for the prediction itself.
            kernel = miceforest.ImputationKernel(
                frame, random_state=0, mean_match_candidates=n_donors or 0
            )
            kernel.mice(5, num_threads=threads)
            return kernel.complete_data(0)

        return call

    return {"tamis": ours, "miceforest": miceforest}


def forest(package):
    def prepare(threads):
        if package == "tamis":
            from tamis.impute import ForestImputer

            imputer = ForestImputer(random_state=0, n_jobs=threads)
        else:
            from sklearn.ensemble import RandomForestRegressor
            from sklearn.experimental import enable_iterative_imputer  # noqa: F401
            from sklearn.impute import IterativeImputer

            grown = RandomForestRegressor(
                max_features=1 / 3, min_samples_leaf=5, random_state=0, n_jobs=threads
            )
            imputer = IterativeImputer(grown, random_state=0)
        return lambda data: imputer.fit_transform(data["X"])

    return prepare


ROWS = [
    Row("trees, 2k x 20, 20 % missing", curved(2000, 20, 0.2), trees(None), error, "RMSE"),
    Row(
        "trees, 5 donors, 2k x 20, 20 % missing", curved(2000, 20, 0.2), trees(5), spread, "spread"
    ),
    Row(
        "forests, 2k x 20, 20 % missing",
        curved(2000, 20, 0.2),
        {package: forest(package) for package in ("tamis", "scikit-learn")},
        error,
        "RMSE",
    ),
]
