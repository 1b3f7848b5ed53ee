"""Which labels of classes are wrong, from probabilities: confident learning, and Bayes' rule."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from tamis import _core
from tamis.exceptions import ParameterError

__all__ = ["METHODS", "Judged", "judge"]

METHODS = ("posterior", "both", "noise_rate", "class", "confident", "disagree")
#: Rows that each true class is thought to have had labelled wrong beyond those counted.
_PRIOR = 1.0
_NONE = np.uint32(0xFFFFFFFF)


@dataclass(frozen=True)
class Judged:
    """What is known about the labels of classes.

    `joint` counts rows by given label and true class, `noise` is the probability of a given label
    (by row of the matrix) for each true class (by column).
    """

    mask: np.ndarray
    quality: np.ndarray
    other: np.ndarray
    thresholds: np.ndarray
    joint: np.ndarray
    noise: np.ndarray
    sharpness: float


def judge(
    p: np.ndarray, codes: np.ndarray, weights: np.ndarray | None, method: str, n_jobs: int
) -> Judged:
    """Judge the label of each row by the probabilities `p` of shape (n_rows, n_classes)."""
    if method not in METHODS:
        raise ParameterError(f"method must be one of {', '.join(METHODS)}; got {method!r}")
    k = p.shape[1]
    y = codes.astype(np.uint32)
    thresholds, joint, confident = _core.label_joint(p, y, weights, n_jobs)
    joint = joint.reshape(k, k)
    noise = _noise(joint)
    flat = noise.ravel()
    power, sharpness = _core.label_sharpness(p, y, flat, weights, n_jobs)
    quality, doubted, rivals = _core.label_verdicts(p, y, flat, power, n_jobs)
    if method == "posterior":
        mask = best_f1(quality, doubted, weights)
    elif method == "disagree":
        mask = _mask(len(y), doubted)
    elif method == "confident":
        sure = (confident[doubted] != _NONE) & (confident[doubted] != y[doubted])
        mask = _mask(len(y), doubted[sure])
    else:
        mask = _pruned(p, y, joint, doubted, method, n_jobs)
    other = codes.copy()
    other[doubted] = rivals
    return Judged(mask, quality, other, thresholds, joint, noise, sharpness)


def _mask(n: int, rows: np.ndarray) -> np.ndarray:
    mask = np.zeros(n, dtype=bool)
    mask[rows] = True
    return mask


def _noise(joint: np.ndarray) -> np.ndarray:
    """Return p(given label | true class), no wrong label quite impossible."""
    k = len(joint)
    counts = joint + _PRIOR / (k - 1) * (1.0 - np.eye(k))
    return np.ascontiguousarray(counts / counts.sum(axis=0))


def best_f1(quality: np.ndarray, doubted: np.ndarray, weights: Any = None) -> np.ndarray:
    """Return which of the doubted rows make the set of the greatest expected F1.

    With the probability w of each label to be wrong, a set S has the expected F1 of about
    2 sum_S w / (|S| + sum w): the best set holds the rows of the greatest w, down to some w.
    """
    if weights is None:
        each, total = None, float(len(quality) - quality.sum())
    else:
        each, total = weights[doubted], float(((1.0 - quality) * weights).sum())
    if not len(doubted) or total <= 0.0:
        return _mask(len(quality), doubted[:0])
    wrong = 1.0 - quality[doubted]
    if each is None:
        falling = np.sort(wrong)[::-1]  # values sort several times faster than their places
        gained, held = np.cumsum(falling), np.arange(1.0, len(falling) + 1.0)
    else:
        order = np.argsort(-wrong, kind="stable")
        falling, each = wrong[order], each[order]
        gained, held = np.cumsum(falling * each), np.cumsum(each)
    value = 2.0 * gained / np.maximum(held + total, 1e-300)
    value[:-1][falling[1:] == falling[:-1]] = -1.0  # equals go together
    return _mask(len(quality), doubted[wrong >= falling[int(value.argmax())]])


def _pruned(
    p: np.ndarray, y: np.ndarray, joint: np.ndarray, doubted: np.ndarray, method: str, n_jobs: int
) -> np.ndarray:
    """Return the rows that the paper's rules prune, of those where another class is ahead."""
    own, rival, best = _core.label_margins(p, y, n_jobs)
    wrong = np.rint(joint).astype(np.int64)
    np.fill_diagonal(wrong, 0)
    masks = []
    if method in ("class", "both"):
        masks.append(_lowest(own, y.astype(np.int64), wrong.sum(axis=1), doubted))
    if method in ("noise_rate", "both"):
        pair = y.astype(np.int64) * len(joint) + rival
        masks.append(_lowest(own - best, pair, wrong.ravel(), doubted))
    return np.logical_and.reduce(masks)


def _lowest(
    score: np.ndarray, group: np.ndarray, how_many: np.ndarray, among: np.ndarray
) -> np.ndarray:
    """Return of each group so many rows of the lowest scores, the first of equals."""
    rows = among[np.lexsort((score[among], group[among]))]
    sorted_groups = group[rows]
    rank = np.arange(len(rows)) - np.searchsorted(sorted_groups, sorted_groups)
    return _mask(len(score), rows[rank < how_many[sorted_groups]])
