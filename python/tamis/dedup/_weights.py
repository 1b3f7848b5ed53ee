"""What agreement in a field is worth: match weights, without labels."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tamis import _core
from tamis.dedup._fields import Field

__all__ = ["LEVELS", "Weights", "chance_levels", "estimate", "patterns", "probability"]

LEVELS, _MISSING = 4, 255
#: Pairs on which agreement by chance is counted.
_PAIRS = 40_000
#: What is supposed of matches before any was seen, worth so many matches.
_PRIOR = np.array([0.1, 0.05, 0.15, 0.7])
_WORTH = 5.0
_ROUNDS = 200


@dataclass
class Weights:
    """The model of Fellegi and Sunter.

    Attributes
    ----------
    m, u : ndarray of shape (n_fields, 4)
        How often matches, and other pairs, agree to each level (0 differs, 3 is equal).
    prior : float
        The share of matches among all pairs.
    """

    m: np.ndarray
    u: np.ndarray
    prior: float

    def total(self, levels: np.ndarray) -> np.ndarray:
        """Return the sum of the weights of each row of levels (natural logarithms)."""
        table = np.log(self.m / self.u)
        out = np.zeros(len(levels))
        for k in range(levels.shape[1]):
            out += np.append(table[k], 0.0)[np.minimum(levels[:, k], LEVELS)]
        return out

    def rarity(self, levels: np.ndarray, fields: list[Field], rows: np.ndarray) -> np.ndarray:
        """Return what equal values are worth more for being rare, or less for being common.

        Winkler's adjustment: equal values count by how often that very value is met.
        """
        out = np.zeros(len(levels))
        for k, field in enumerate(fields):
            n = max(int(np.count_nonzero(field.codes >= 0)), 1)
            share = np.bincount(field.codes[field.codes >= 0], minlength=1) / n
            equal = levels[:, k] == LEVELS - 1
            out[equal] += np.log(self.u[k, -1] / share[field.codes[rows[equal]]])
        return out


def probability(weight: np.ndarray, prior: float) -> np.ndarray:
    """Return the probability of a match."""
    odds = np.clip(weight + np.log(prior / (1 - prior)), -700, 700)
    return 1 / (1 + np.exp(-odds))


def chance_levels(fields: list[Field], n_jobs: int) -> np.ndarray:
    """Return how often two records agree to each level by chance, shape (n_fields, 4).

    Records are paired with others a few places on, in an order that means nothing. Equality, which
    may be too rare for that, is counted from the frequencies of the values.
    """
    n = len(fields[0].codes)
    steps = np.unique(np.linspace(1, max(n - 1, 1), max(_PAIRS // max(n, 1), 1)).astype(np.int64))
    left = np.tile(np.arange(n), len(steps))[:_PAIRS] if n > 1 else np.zeros(0, dtype=np.int64)
    right = (left + np.repeat(steps, n)[: len(left)]) % max(n, 1)
    levels = _core.record_levels([f.column for f in fields], left, right, n_jobs)
    out = np.empty((len(fields), LEVELS))
    for k, field in enumerate(fields):
        size = np.bincount(field.codes[field.codes >= 0], minlength=1).astype(np.float64)
        known = max(size.sum(), 2.0)
        equal = max((size * (size - 1)).sum() / (known * (known - 1)), 1 / known**2)
        equal = min(equal, 1 - 1e-6)
        seen = np.bincount(levels[:, k][levels[:, k] < LEVELS - 1], minlength=LEVELS - 1) + 0.5
        out[k] = np.append((1 - equal) * seen / seen.sum(), equal)
    return out


def estimate(
    levels: np.ndarray, times: np.ndarray, u: np.ndarray, n_pairs: float, n_records: int
) -> Weights:
    """Return the weights that explain the levels of the candidates best.

    Expectation and maximisation over the share of matches and how often they agree; `u` stays.
    Pairs that are no candidates are taken to be no matches.

    Parameters
    ----------
    levels : ndarray of shape (n_candidates, n_fields), uint8
    times : ndarray of shape (n_candidates,)
        How many pairs each stands for.
    u : ndarray of shape (n_fields, 4)
    n_pairs : float
        How many pairs there are in all.
    n_records : int
    """
    first, place = patterns(levels)
    kinds, times = levels[first], np.bincount(place, times)
    model = Weights(np.tile(_PRIOR, (len(u), 1)), u, _share(n_records * 0.1, n_pairs))
    for _ in range(_ROUNDS):
        post = probability(model.total(kinds), model.prior) * times
        m = np.empty_like(u)
        for k in range(len(u)):
            seen = np.bincount(np.minimum(kinds[:, k], LEVELS), post, minlength=LEVELS + 1)
            m[k] = seen[:LEVELS] + _WORTH * _PRIOR
        m /= m.sum(axis=1, keepdims=True)
        moved = np.abs(m - model.m).max()
        model = Weights(m, u, _share(post.sum(), n_pairs))
        if moved < 1e-6:
            break
    return model


def _share(matches: float, n_pairs: float) -> float:
    return float(np.clip(matches / max(n_pairs, 1.0), 1e-12, 0.5))


def patterns(levels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the first of each kind of row of levels, and which kind each row is."""
    packed = np.zeros(len(levels), dtype=np.uint64)
    for k in range(levels.shape[1]):
        # Of more than 20 fields by a hash; that two kinds share one is as good as never met.
        packed = packed * np.uint64(7919) + np.minimum(levels[:, k], LEVELS).astype(np.uint64)
        packed ^= packed >> np.uint64(29)
    _, first, place = np.unique(packed, return_index=True, return_inverse=True)
    return first, place.reshape(-1)
