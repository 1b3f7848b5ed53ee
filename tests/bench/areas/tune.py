"""The whole way: from a raw table to a model, judged on rows that nobody was given."""

from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.metrics import roc_auc_score

from . import Row

ROOT = Path(__file__).resolve().parents[3]
BUDGET = 30


def parts(frame, rng):
    """Return four fifths of the rows to learn from and the rest to judge by."""
    order = rng.permutation(len(frame))
    cut = len(frame) * 4 // 5
    return {"train": frame.iloc[order[:cut]], "test": frame.iloc[order[cut:]]}


def titanic(rng):
    return parts(pd.read_csv(ROOT / "examples" / "data" / "titanic.csv"), rng)


def census(rng):
    """Return a made table of the size and kind of Adult: 32k rows, numbers and categories."""
    n = 32_000
    frame = pd.DataFrame({f"number {i}": rng.gamma(2, 10, n).round() for i in range(6)})
    score = np.log1p(frame["number 0"]) + 0.02 * frame["number 1"] - 3
    for i in range(8):
        codes = rng.integers(0, 4 + 2 * i, n)
        frame[f"category {i}"] = np.char.add("value ", codes.astype(str))
        score += rng.normal(size=4 + 2 * i)[codes] / 3
    frame = frame.mask(rng.random(frame.shape) < 0.02)
    chance = 1 / (1 + np.exp(-score))
    frame["survived"] = (rng.random(n) < chance).astype(int)
    return parts(frame, rng)


def tamis(threads):
    from tamis import tune

    def call(data):
        result = tune(data["train"], "survived", time_budget=BUDGET, n_jobs=threads, random_state=0)
        return result.model.predict_proba(data["test"])[:, 1]

    return call


def boosting(threads):
    """Return scikit-learn's gradient boosting as it comes, on all columns."""
    from sklearn.compose import make_column_selector, make_column_transformer
    from sklearn.ensemble import HistGradientBoostingClassifier
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import TargetEncoder

    text = make_column_selector(dtype_include=[object, "string", "category"])
    encode = make_column_transformer((TargetEncoder(), text), remainder="passthrough")
    model = make_pipeline(encode, HistGradientBoostingClassifier(random_state=0))

    def call(data):
        train = data["train"]
        model.fit(train.drop(columns="survived"), train["survived"])
        return model.predict_proba(data["test"])[:, 1]

    return call


def auc(data, chances):
    return float(roc_auc_score(data["test"]["survived"], chances))


PEERS = {"tamis": tamis, "scikit-learn": boosting}
ROWS = [
    Row(f"Titanic, budget {BUDGET} s", titanic, PEERS, auc, "AUC"),
    Row(f"32k x 14 mixed, budget {BUDGET} s", census, PEERS, auc, "AUC"),
]
