"""Which records are compared: keys chosen by how often records share them by chance."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations

import numpy as np

from tamis import _core
from tamis.dedup._fields import Field

__all__ = ["Blocking", "automatic", "everything", "given"]

#: Records no more than this are all compared with each other.
_FEW = 300
#: Partners a record may have by chance: through one set of columns, and through all.
_ONE, _ALL = 8.0, 15.0
#: Keys at most, and records of a block at most.
_KEYS, _BLOCK = 60, 200
#: How many neighbours by alphabet a record is compared with.
_WINDOW = 2
#: Records drawn to estimate what keys miss.
_DRAWS = 20_000


@dataclass(frozen=True)
class Blocking:
    """Keys: records that share one are compared.

    Attributes
    ----------
    columns : list of ndarray of shape (n_records,), int64
        Codes, -1 where missing: column k is field k's value, column ``n_fields + k`` a code that
        values written a little otherwise share.
    sets : list of tuple of int
        Records that agree in all columns of a set are compared.
    block : int
        Larger blocks are left out.
    ranks : list of ndarray of shape (n_records,), int64
        Neighbours by rank are compared, too.
    window : int
        How many neighbours.
    """

    columns: list[np.ndarray]
    sets: list[tuple[int, ...]]
    block: int
    ranks: list[np.ndarray]
    window: int

    def pairs(
        self, sides: tuple[np.ndarray, np.ndarray] | None, n_jobs: int
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return the candidates, left < right."""
        shared = (self.columns, [list(s) for s in self.sets], self.block)
        near = (self.ranks, self.window)
        return _core.record_candidates(len(self.columns[0]), shared, near, sides, n_jobs)

    def recall(self, left: np.ndarray, right: np.ndarray, weight: np.ndarray) -> float:
        """Return the share of matches that the sets bring together, estimated from those found.

        How often matches agree in a field is taken from pairs that a set without that field
        brought together, so that the choice of the pairs does not flatter it; fields are taken to
        err independently. Neighbours by rank come on top and are not counted.
        """
        n_fields = len(self.columns) // 2
        if self.window >= len(self.columns[0]):
            return 1.0
        same = np.stack([(c[left] == c[right]) & (c[left] >= 0) for c in self.columns])
        met = np.stack([same[list(s)].all(axis=0) for s in self.sets]) if self.sets else None
        if met is None or not weight.sum() > 0:
            return 1.0 if met is None else 0.0
        rng = np.random.default_rng(0)
        drawn = np.zeros((2 * n_fields, _DRAWS), dtype=bool)
        for k in range(n_fields):
            others = [i for i, s in enumerate(self.sets) if all(c % n_fields != k for c in s)]
            free = weight * met[others].any(axis=0) if others else weight
            free = free if free.sum() > 0 else weight
            place = rng.random(_DRAWS) * free.sum()
            value, loose = (free * same[k]).sum(), (free * same[n_fields + k]).sum()
            drawn[k], drawn[n_fields + k] = place < value, place < loose
        return float(np.any([drawn[list(s)].all(axis=0) for s in self.sets], axis=0).mean())


def everything(fields: list[Field]) -> Blocking:
    """Return the blocking that brings any two records together."""
    n = len(fields[0].codes)
    return Blocking([f.codes for f in fields] * 2, [], 0, [np.zeros(n, dtype=np.int64)], n)


def given(fields: list[Field], keys: list[tuple[int, ...]]) -> Blocking:
    """Return the blocking by equal values in the fields of each key."""
    n = len(fields[0].codes)
    return Blocking([f.codes for f in fields] * 2, keys, max(n, 1), [], 0)


def automatic(fields: list[Field], coarse: list[np.ndarray]) -> Blocking:
    """Return the blocking by the columns, and the least sets of them, that few records share.

    Rarest first, single columns before pairs and these before triples, until a record has as many
    partners by chance (if columns were independent) as is affordable.
    """
    n, n_fields = len(fields[0].codes), len(fields)
    if n <= _FEW:
        return everything(fields)
    columns = [f.codes for f in fields] + coarse
    chance = [_chance(c) for c in columns]
    sets: list[tuple[int, ...]] = []
    partners = 0.0
    for size in (1, 2, 3):
        # Alone, values as they are count too; together, what tells less and errs less will do.
        usable = range(2 * n_fields) if size == 1 else range(n_fields, 2 * n_fields)
        shared = [(float(np.prod([chance[k] for k in s])) * n, s)
                  for s in combinations(usable, size)]  # fmt: skip
        for more, key in sorted(shared):
            known = any(set(s) <= set(key) for s in sets)
            if known or more > _ONE or partners + more > _ALL or len(sets) == _KEYS:
                continue
            sets.append(key)
            partners += more
    if not sets:
        sets = [tuple(range(n_fields, 2 * n_fields))]
    rare = {k for s in sets if len(s) == 1 for k in s}
    named = [k for k in range(n_fields) if k in rare]
    named = named or [min(range(n_fields), key=lambda k: chance[k])]
    ranks = [r for k in named for r in (fields[k].codes, fields[k].backwards())]
    return Blocking(columns, sets, _BLOCK, ranks, _WINDOW)


def _chance(codes: np.ndarray) -> float:
    """Return how likely two records share a code."""
    size = np.unique(codes[codes >= 0], return_counts=True)[1].astype(np.float64)
    n = len(codes)
    return float((size * (size - 1)).sum() / max(n * (n - 1), 1))
