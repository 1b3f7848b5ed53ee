"""Probabilities of support vector machines: a sigmoid a pair of classes, and their coupling."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import optimize
from scipy.special import expit
from sklearn.base import clone
from sklearn.model_selection import StratifiedKFold
from sklearn.utils import check_random_state

if TYPE_CHECKING:
    from tamis.models._svm import SVC

__all__: list[str] = []

FOLDS = 5
#: Probabilities of pairs stay this far from 0 and 1 (libsvm's own margin).
MARGIN = 1e-7


def slopes(model: SVC, X: Any, codes: np.ndarray, weights: Any) -> tuple[np.ndarray, np.ndarray]:
    """Return slope and offset of each pair of classes, by out-of-fold scores."""
    k = len(model.classes_)
    scores = np.full((len(codes), k * (k - 1) // 2), np.nan)
    by_class = dict(enumerate(model.class_weight_))
    folds = max(2, min(FOLDS, int(np.bincount(codes).min())))
    splits = StratifiedKFold(folds, shuffle=True, random_state=_seed(model.random_state))
    rows = X if hasattr(X, "shape") and not hasattr(X, "iloc") else np.asarray(X)
    for train, test in _splits(splits, codes):
        part = clone(model).set_params(
            probability="deprecated", class_weight=by_class, gamma=model._gamma
        )
        inside, outside = rows[train], rows[test]
        if model.kernel == "precomputed":
            inside, outside = inside[:, train], outside[:, train]
        part.fit(inside, codes[train], None if weights is None else np.asarray(weights)[train])
        if len(part.classes_) == k:
            scores[test] = part._pairs(outside)
    found = []
    for column, (a, b) in zip(scores.T, _pairs(k), strict=True):
        use = ((codes == a) | (codes == b)) & np.isfinite(column)
        found.append(_sigmoid(column[use], codes[use] == a))
    return np.array([s for s, _ in found]), np.array([o for _, o in found])


def _seed(random_state: Any) -> int:
    return int(check_random_state(random_state).randint(np.iinfo(np.int32).max))


def _splits(splits: StratifiedKFold, codes: np.ndarray) -> Any:
    if np.bincount(codes).min() >= 2:
        return splits.split(codes, codes)
    everyone = np.arange(len(codes))  # a class of one row cannot be left out
    return [(everyone, everyone)]


def _pairs(k: int) -> list[tuple[int, int]]:
    return [(a, b) for a in range(k) for b in range(a + 1, k)]


def _sigmoid(score: np.ndarray, positive: np.ndarray) -> tuple[float, float]:
    """Return A and B of ``1 / (1 + exp(A score + B))``, by Platt's targets off 0 and 1."""
    n_pos = int(positive.sum())
    n_neg = len(positive) - n_pos
    target = np.where(positive, (n_pos + 1) / (n_pos + 2), 1 / (n_neg + 2))
    scale = max(float(np.abs(score).max(initial=0.0)), 1e-300)

    def look(at: np.ndarray) -> tuple[float, np.ndarray]:
        z = at[0] * score / scale + at[1]
        slope = target - expit(-z)
        value = target * z + np.logaddexp(0.0, -z)
        return float(value.sum()), np.array([slope @ score / scale, slope.sum()])

    start = np.array([0.0, np.log((n_neg + 1) / (n_pos + 1))])
    done = optimize.minimize(look, start, jac=True, method="BFGS", options={"gtol": 1e-6})
    return float(done.x[0] / scale), float(done.x[1])


def coupled(pairs: np.ndarray, slope: np.ndarray, offset: np.ndarray, k: int) -> np.ndarray:
    """Return probabilities of classes that fit those of the pairs best (Wu, Lin and Weng)."""
    first = np.clip(expit(-(pairs * slope + offset)), MARGIN, 1 - MARGIN)
    if k == 2:
        return np.column_stack([first[:, 0], 1 - first[:, 0]])
    r = np.zeros((len(pairs), k, k))
    for column, (a, b) in zip(first.T, _pairs(k), strict=True):
        r[:, a, b], r[:, b, a] = column, 1 - column
    # Least sum over pairs of (r_ba p_a - r_ab p_b)^2 with sum p = 1: a linear system.
    system = np.zeros((len(pairs), k + 1, k + 1))
    system[:, :k, :k] = -r * r.transpose(0, 2, 1)
    each = np.arange(k)
    system[:, each, each] = (r**2).sum(axis=1)
    system[:, :k, k] = system[:, k, :k] = 1.0
    right = np.zeros((len(pairs), k + 1, 1))
    right[:, k] = 1.0
    made = np.clip(np.linalg.solve(system, right)[:, :k, 0], 0.0, 1.0)
    return made / made.sum(axis=1, keepdims=True)
