"""Wrong labels: time on many rows, F1 on planted errors."""

import numpy as np

from . import Row

FILTERS = (
    "prune_by_class", "prune_by_noise_rate", "both", "confident_learning", "predicted_neq_given",
    "low_normalized_margin", "low_self_confidence",
)  # fmt: skip


def flipped(rng, y, share, by_class):
    """Return labels with a share of them moved: evenly, or each class to one other at its rate."""
    k, n = int(y.max()) + 1, len(y)
    out = y.copy()
    if not by_class:
        rows = rng.choice(n, round(share * n), replace=False)
        out[rows] = (y[rows] + rng.integers(1, k, len(rows))) % k
        return out
    moved = rng.random(n) < np.linspace(0.0, 2.0 * share, k)[rng.permutation(k)][y]
    out[moved] = ((np.arange(k) + rng.integers(1, k, k)) % k)[y[moved]]
    return out


def many(rng, n=500_000, k=20):
    truth = rng.integers(0, k, n)
    p = rng.normal(size=(n, k))
    p[np.arange(n), truth] += 4.0
    np.exp(p, out=p)
    p /= p.sum(axis=1, keepdims=True)
    return p, flipped(rng, truth, 0.1, False), truth


def digits(share, by_class):
    """Return a maker of the out-of-fold probabilities of a forest that saw noisy digits."""

    def make(rng):
        from sklearn.datasets import load_digits
        from sklearn.ensemble import RandomForestClassifier
        from sklearn.model_selection import StratifiedKFold, cross_val_predict

        X, truth = load_digits(return_X_y=True)
        y = flipped(rng, truth, share, by_class)
        folds = StratifiedKFold(5, shuffle=True, random_state=0)
        model = RandomForestClassifier(100, random_state=0)
        return cross_val_predict(model, X, y, cv=folds, method="predict_proba"), y, truth

    return make


def tamis(threads):
    from tamis.labels import find_label_errors

    return lambda data: find_label_errors(data[1], pred_probs=data[0], n_jobs=threads).mask


def batched(threads):
    from cleanlab.experimental.label_issues_batched import find_label_issues_batched

    # On one process, its default: more of them take it half a minute.
    return lambda data: find_label_issues_batched(data[1], data[0], verbose=False, return_mask=True)


def default(threads):
    from cleanlab.filter import find_label_issues

    return lambda data: find_label_issues(data[1], data[0], n_jobs=threads)


def every_filter(threads):
    """The best of cleanlab's filters, told which by the truth."""
    from cleanlab.filter import find_label_issues

    def call(data):
        p, y, truth = data
        masks = [find_label_issues(y, p, filter_by=how, n_jobs=1) for how in FILTERS]
        return max(masks, key=lambda mask: f1((p, y, truth), mask))

    return call


def f1(data, mask):
    _, y, truth = data
    wrong = y != truth
    return float(2 * (mask & wrong).sum() / max(1, mask.sum() + wrong.sum()))


_TIMED = {"tamis": tamis, "cleanlab (batched)": batched, "cleanlab (filter)": default}
_FOUND = {"tamis": tamis, "cleanlab (best filter)": every_filter}

ROWS = [
    Row("label errors, 500k x 20 classes", many, _TIMED, f1, "F1"),
    *[
        Row(
            f"label errors, digits, {100 * share:.0f} % flipped {'by class' if by else 'evenly'}",
            digits(share, by), _FOUND, f1, "F1",
        )
        for share in (0.1, 0.2) for by in (False, True)
    ],
]  # fmt: skip
