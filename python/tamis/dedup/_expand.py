"""From pairs of groups to pairs of their members."""

from __future__ import annotations

import numpy as np

__all__ = ["between", "within"]


def within(group: np.ndarray, all_pairs: bool = True) -> tuple[np.ndarray, np.ndarray]:
    """Return the pairs of items that share a group, left < right; or each with the first alone."""
    rows = np.argsort(group, kind="stable")
    starts, size = _runs(group[rows])
    first = np.repeat(starts, size)  # of its run, for each place
    place = np.arange(len(rows)) - first
    count = place if all_pairs else np.minimum(place, 1)
    right = np.repeat(np.arange(len(rows)), count)
    step = np.arange(len(right)) - np.repeat(np.cumsum(count) - count, count)
    return rows[first[right] + step], rows[right]


def between(
    left_group: np.ndarray,
    right_group: np.ndarray,
    left: np.ndarray,
    right: np.ndarray,
    all_pairs: bool = True,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return (left item, right item, position of the pair) for every item of paired groups.

    Without `all_pairs`, the first item of each group on the left stands for the others.
    """
    n_groups = int(max(left_group.max(initial=-1), right_group.max(initial=-1))) + 1
    rows_left, starts_left, size_left = _members(left_group, n_groups)
    rows_right, starts_right, size_right = _members(right_group, n_groups)
    if not all_pairs:
        size_left = np.minimum(size_left, 1)
    wide = size_right[right]
    count = size_left[left] * wide
    pair = np.repeat(np.arange(len(left)), count)
    step = np.arange(len(pair)) - np.repeat(np.cumsum(count) - count, count)
    i, j = np.divmod(step, wide[pair]) if len(pair) else (step, step)
    return (
        rows_left[starts_left[left[pair]] + i],
        rows_right[starts_right[right[pair]] + j],
        pair,
    )


def _members(group: np.ndarray, n_groups: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    size = np.bincount(group, minlength=n_groups).astype(np.int64)
    return np.argsort(group, kind="stable"), np.cumsum(size) - size, size


def _runs(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return where runs of equal values start, and how long they are."""
    new = np.ones(len(values), dtype=bool)
    new[1:] = values[1:] != values[:-1]
    starts = np.flatnonzero(new)
    return starts, np.diff(np.append(starts, len(values)))
