"""Models: Shapley values of trees."""

from functools import partial

import numpy as np

from . import Row


def table(rng, n_rows, n_columns=30, boosted=False):
    """Return rows, and models fitted on 20,000 of their kind."""
    X = rng.normal(size=(20_000 + n_rows, n_columns))
    score = X[:, 0] * X[:, 1] + np.sin(2 * X[:, 2]) + X[:, 3] ** 2 / 2
    score += X[:, 4:10] @ np.linspace(0.5, -0.5, 6) + 0.7 * rng.normal(size=len(X))
    y = (score > np.median(score)).astype(int)
    train, rows = X[:20_000], X[20_000:]
    return {"X": rows, "models": (boosts if boosted else forests)(train, y[:20_000])}


def forests(X, y):
    """Return one forest for both: scikit-learn's, which ours reads too."""
    from sklearn.ensemble import RandomForestClassifier

    model = RandomForestClassifier(100, max_depth=8, random_state=0, n_jobs=-1).fit(X, y)
    return {"tamis": model, "shap": model}


def boosts(X, y):
    import lightgbm

    from tamis.models import HistGradientBoostingClassifier

    rows = lightgbm.Dataset(X, y, params={"verbose": -1})
    return {
        "tamis": HistGradientBoostingClassifier(early_stopping=False, random_state=0).fit(X, y),
        "lightgbm": lightgbm.train({"objective": "binary", "verbose": -1}, rows, 100),
    }


def ours(against=0):
    """Return what prepares our values; `against` background rows."""

    def prepare(threads):
        from tamis.models import tree_shap

        def call(data):
            other = data["X"][:against] if against else None
            return tree_shap(data["models"]["tamis"], data["X"], background=other, n_jobs=threads)

        return call

    return prepare


def with_shap(against=0):
    def prepare(threads):
        import shap

        def call(data):
            other = data["X"][:against] if against else None
            return shap.TreeExplainer(data["models"]["shap"], other)(data["X"])

        return call

    return prepare


def contributions(threads):
    """Prepare LightGBM's values; their last column is the base value."""
    return lambda data: data["models"]["lightgbm"].predict(
        data["X"], pred_contrib=True, num_threads=threads
    )


def off(data, result):
    """Return by how much the values do not sum to what the model says."""
    model = data["models"]["lightgbm" if isinstance(result, np.ndarray) else "tamis"]
    if isinstance(result, np.ndarray):
        said, summed = model.predict(data["X"], raw_score=True), result.sum(axis=1)
    elif hasattr(model, "decision_function"):
        said, summed = model.decision_function(data["X"]), result.values.sum(axis=1)
        summed = summed + result.base_values
    else:
        said = model.predict_proba(data["X"])[:, 1]
        base = np.asarray(result.base_values).reshape(-1, 2)[:, 1]
        summed = result.values[:, :, 1].sum(axis=1) + base
    return float(np.abs(said - summed).max())


ROWS = [
    Row(
        "tree SHAP, 100 trees of depth 8, 2k x 30",
        partial(table, n_rows=2_000),
        {"tamis": ours(), "shap": with_shap()},
        off,
        "off by",
    ),
    Row(
        "tree SHAP against 100 rows, 100 trees of depth 8, 200 x 30",
        partial(table, n_rows=200),
        {"tamis": ours(100), "shap": with_shap(100)},
        off,
        "off by",
    ),
    Row(
        "tree SHAP, 100 boosted trees of 31 leaves, 10k x 30",
        partial(table, n_rows=10_000, boosted=True),
        {"tamis": ours(), "lightgbm": contributions},
        off,
        "off by",
    ),
]
