"""Which categories of a column are common enough to learn from."""

from __future__ import annotations

import numpy as np

__all__ = ["common_levels"]

#: A level has so many rows (fewer in a small table) and so large a share of them; of more levels
#: the most frequent count.
_ROWS, _SHARE, _MOST = 5, 0.01, 30


def common_levels(codes: np.ndarray) -> np.ndarray:
    """Return the codes, rising, that stand often enough in a column; the most frequent always.

    Names, tickets and other texts that hardly repeat are known by no other column: regressing on
    a column for each of them costs time, and fits their rows alone.
    """
    values, n = np.unique(codes[~np.isnan(codes)], return_counts=True)
    order = np.argsort(-n, kind="stable")[:_MOST]
    total = n.sum()
    enough = n[order] >= max(_SHARE * total, min(_ROWS, total / 20))
    return np.sort(values[order[enough | (np.arange(len(order)) == 0)]])
