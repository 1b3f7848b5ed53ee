"""Rows that are the same, or nearly, and are labelled differently."""

from __future__ import annotations

from typing import Any

import numpy as np

from tamis import _frame
from tamis.exceptions import ShapeError
from tamis.labels._targets import Target, read

__all__ = ["LabelConflicts", "conflicting_labels", "conflicts_of"]


class LabelConflicts:
    """Groups of equal (or near) rows whose labels differ.

    Attributes
    ----------
    group : ndarray of shape (n_rows,), int64
        The group of each row: rows are in one group when they are duplicates.
    conflicting : ndarray of shape (n_rows,), bool
        Rows whose group holds more than one label.
    mask : ndarray of shape (n_rows,), bool
        Rows whose label is not that of the majority of their group. Where no label has a majority
        over every other, none is: `tied` tells.
    tied : ndarray of shape (n_rows,), bool
        Rows of groups with several labels of the greatest count.
    majority : ndarray of shape (n_rows,)
        The label of the majority of the row's group; the row's own where there is none.
    """

    def __init__(self, target: Target, group: np.ndarray) -> None:
        self._target = target
        self.group = group
        labels = target.classes[target.y] if target.classes is not None else target.y
        self._labels = labels
        _, codes = np.unique(target.y, return_inverse=True)
        pairs, inverse, count = np.unique(
            group.astype(np.int64) * (int(codes.max()) + 1) + codes,
            return_inverse=True,
            return_counts=True,
        )
        home = pairs // (int(codes.max()) + 1)
        n = int(group.max()) + 1
        kinds = np.bincount(home, minlength=n)
        top = np.zeros(n, dtype=np.int64)
        np.maximum.at(top, home, count)
        winners = np.bincount(home, weights=count == top[home], minlength=n)
        first = np.zeros(n, dtype=np.int64)
        best = np.flatnonzero(count == top[home])
        row_of_pair = np.zeros(len(pairs), dtype=np.int64)
        row_of_pair[inverse[::-1]] = np.arange(len(group))[::-1]
        first[home[best]] = row_of_pair[best]
        self.conflicting = kinds[group] > 1
        self.tied = self.conflicting & (winners[group] > 1)
        chosen = np.where(self.tied | ~self.conflicting, np.arange(len(group)), first[group])
        self.mask = codes[chosen] != codes
        self.majority = labels[chosen]

    @property
    def n_groups(self) -> int:
        """How many groups hold more than one label."""
        return len(np.unique(self.group[self.conflicting]))

    def to_frame(self) -> Any:
        """Return a frame of the rows in conflict: row, group, label, majority (None in a tie)."""
        rows = np.flatnonzero(self.conflicting)
        rows = rows[np.argsort(self.group[rows], kind="stable")]
        majority = [
            None if tie else label
            for tie, label in zip(
                self.tied[rows].tolist(), self.majority[rows].tolist(), strict=True
            )
        ]
        columns = {
            "row": rows,
            "group": self.group[rows],
            "label": self._labels[rows].tolist(),
            "majority": majority,
        }
        return _frame.build(self._target.like, columns)

    def __repr__(self) -> str:
        n = int(np.count_nonzero(self.conflicting))
        groups = self.n_groups
        return (
            f"<LabelConflicts: {n:,} rows in {groups:,} group{'' if groups == 1 else 's'} of the "
            f"same rows with different labels; {int(self.mask.sum()):,} against the majority>"
        )


def conflicting_labels(
    X: Any, y: Any, *, subset: Any = None, kind: str = "rows", n_jobs: Any = None, **options: Any
) -> LabelConflicts:
    """Find rows that are the same, or nearly, and are labelled differently.

    Parameters
    ----------
    X : frame or array of shape (n_rows, n_columns), or items as the kind's class takes them
        The rows.
    y : array-like of shape (n_rows,)
        Their labels (or numbers, which differ when they are not equal).
    subset : list of column names (positions for an array), optional
        The columns to compare; all of them by default.
    kind : {"rows", "text", "image", "audio", "vector", "record"}, default="rows"
        What the items are, as in ``tamis.dedup.duplicate_groups``.
    n_jobs : int, optional
        Threads; the result does not depend on it.
    **options
        Parameters of the class that compares them (``tolerance=...``, ``threshold=...``).

    Returns
    -------
    LabelConflicts

    Raises
    ------
    DataError
        If labels are missing.
    ShapeError
        If X and y differ in length.

    Examples
    --------
    >>> import pandas as pd
    >>> from tamis.labels import conflicting_labels
    >>> X = pd.DataFrame({"a": [1, 1, 1, 2]})
    >>> found = conflicting_labels(X, ["cat", "cat", "dog", "dog"])
    >>> found.to_frame()
       row  group label majority
    0    0      0   cat      cat
    1    1      0   cat      cat
    2    2      0   dog      cat
    """
    from tamis.dedup import duplicate_groups

    target = read(y)
    group = duplicate_groups(X, subset, kind=kind, n_jobs=n_jobs, **options)
    return conflicts_of(target, group)


def conflicts_of(target: Target, group: np.ndarray) -> LabelConflicts:
    """Return the conflicts within groups of the same rows."""
    if len(group) != len(target.y):
        raise ShapeError(f"X has {len(group)} rows, but y has {len(target.y)} labels")
    return LabelConflicts(target, group)
