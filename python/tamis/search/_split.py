"""Splits that keep groups of equal rows on one side and classes in proportion."""

from __future__ import annotations

import heapq

import numpy as np

from tamis._random import derive
from tamis.exceptions import DataError

__all__ = ["folds", "holdout_rows", "strata", "trusted_part"]


def strata(y: np.ndarray, classifies: bool) -> np.ndarray:
    """Return what to keep in proportion: the class, or the decile of a number."""
    if classifies:
        return y
    edges = np.quantile(y, np.linspace(0.1, 0.9, 9))
    return np.searchsorted(edges, y, side="right")


def folds(
    stratum: np.ndarray, group: np.ndarray, k: int, seed: int
) -> list[tuple[np.ndarray, np.ndarray]]:
    """Return `k` pairs (training rows, test rows); rows of one group are in one test fold.

    A group counts for the stratum of its first row. Within a stratum the groups are shuffled and
    dealt, large ones first, each to the fold that has the fewest rows of the stratum.

    Parameters
    ----------
    stratum, group : ndarray of shape (n_rows,)
        What to keep in proportion, and what to keep together.
    k : int
        The number of folds.
    seed : int
        The same seed gives the same folds.
    """
    fold = _deal(stratum, group, np.full(k, 1.0 / k), seed)
    rows = np.arange(len(fold))
    return [(rows[fold != i], rows[fold == i]) for i in range(k)]


def holdout_rows(
    stratum: np.ndarray, group: np.ndarray, share: float, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """Return (training rows, holdout rows), about `share` of the rows in the second."""
    side = _deal(stratum, group, np.array([1.0 - share, share]), derive(seed, "holdout"))
    rows = np.arange(len(side))
    if not (side == 1).any() or not (side == 0).any():
        raise DataError("too few distinct rows to set a holdout aside: give more data")
    return rows[side == 0], rows[side == 1]


def trusted_part(
    train: np.ndarray, test: np.ndarray, group: np.ndarray, trusted: np.ndarray | None
) -> tuple[np.ndarray, np.ndarray]:
    """Return the split with trusted rows alone in its test part.

    The others are fitted on, but for those equal to a row that is scored.
    """
    if trusted is None:
        return train, test
    scored, rest = test[trusted[test]], test[~trusted[test]]
    free = rest[~np.isin(group[rest], group[scored])]
    return np.sort(np.concatenate([train, free])), scored


def _deal(stratum: np.ndarray, group: np.ndarray, shares: np.ndarray, seed: int) -> np.ndarray:
    """Return for each row the part it is dealt to; parts are to hold `shares` of each stratum."""
    _, first, inverse, size = np.unique(
        group, return_index=True, return_inverse=True, return_counts=True
    )
    if len(first) < len(shares):
        raise DataError(
            f"only {len(first)} distinct rows of features: {len(shares)} parts cannot be made"
        )
    rng = np.random.default_rng(derive(seed, "deal"))
    order = rng.permutation(len(first))
    order = order[np.lexsort((-size[order], stratum[first[order]]))]
    part_of_group = np.empty(len(first), dtype=np.int64)
    label = stratum[first]
    used = np.zeros(len(shares))  # rows so far, over all strata: it settles ties
    for value in np.unique(label):
        members = order[label[order] == value]
        heap = [(0.0, used[p], int(i), int(p)) for i, p in enumerate(rng.permutation(len(shares)))]
        heapq.heapify(heap)
        for g in members.tolist():
            fill, total, tie, part = heapq.heappop(heap)
            part_of_group[g] = part
            step = float(size[g]) / shares[part]
            used[part] += step
            heapq.heappush(heap, (fill + step, total + step, tie, part))
    return part_of_group[inverse]
