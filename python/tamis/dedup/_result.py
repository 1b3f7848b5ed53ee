"""What a search for duplicates gives back."""

from __future__ import annotations

import math
from functools import cached_property
from html import escape
from typing import Any

import numpy as np

from tamis import _frame
from tamis._state import register
from tamis.exceptions import StateError

__all__ = ["Duplicates", "Leakage"]

_SHOWN = 5


class Duplicates:
    """Rows that equal others: groups, pairs and which to keep.

    Attributes
    ----------
    labels : ndarray of shape (n_rows,), int64
        The group of each row, numbered from 0 in order of first appearance.
    keep : ndarray of shape (n_rows,), bool
        Which rows stay: one of each group.
    expected_recall : float
        The share of all duplicates that is expected to be found; 1.0 when the search is exact.
    n_rows : int
        How many rows were looked at.
    """

    def __init__(
        self,
        labels: np.ndarray,
        keep: np.ndarray,
        *,
        like: Any = None,
        expected_recall: float = 1.0,
    ) -> None:
        self.labels = labels
        self.keep = keep
        self.expected_recall = expected_recall
        self.n_rows = len(labels)
        self._frame = _frame.take(like, np.arange(0)) if _frame.is_frame(like) else None
        self._examples = self._take_examples(like)

    # --- what was found ------------------------------------------------------------------------

    @cached_property
    def clusters(self) -> list[np.ndarray]:
        """Positions of the rows of each group of two or more, in order of first appearance."""
        size = np.bincount(self.labels) if self.n_rows else np.zeros(0, dtype=np.int64)
        rows = np.flatnonzero(size[self.labels] > 1)
        rows = rows[np.argsort(self.labels[rows], kind="stable")]
        cuts = np.cumsum(size[size > 1])[:-1]
        return np.split(rows, cuts) if len(rows) else []

    @property
    def n_duplicates(self) -> int:
        """How many rows would be dropped."""
        return int(self.n_rows - np.count_nonzero(self.keep))

    @property
    def pairs(self) -> Any:
        """A frame of pairs (left < right, score, evidence): each row dropped with the one kept.

        Two rows dropped from one cluster are not listed as a pair of their own: a cluster of a
        thousand has half a million pairs and one reason.
        """
        left, right = self._edges()
        return self._build(
            {
                "left": left,
                "right": right,
                "score": np.ones(len(left)),
                "evidence": ["equal"] * len(left),
            }
        )

    def to_frame(self) -> Any:
        """Return a frame with one line for each row that has a duplicate: row, cluster, size, keep.

        `cluster` numbers the entries of `clusters`.
        """
        rows = np.concatenate(self.clusters) if self.clusters else np.zeros(0, dtype=np.int64)
        sizes = [len(c) for c in self.clusters]
        return self._build(
            {
                "row": rows,
                "cluster": np.repeat(np.arange(len(sizes)), sizes),
                "size": np.repeat(np.array(sizes, dtype=np.int64), sizes),
                "keep": self.keep[rows],
            }
        )

    # --- how it is shown -----------------------------------------------------------------------

    def __repr__(self) -> str:
        return f"<{type(self).__name__}: {self._summary()}>"

    def _summary(self) -> str:
        return (
            f"{_count(self.n_duplicates, 'row')} of {self.n_rows:,} can be dropped, "
            f"{_count(len(self.clusters), 'cluster')}, {self._recall()}"
        )

    def _recall(self) -> str:
        exact = self.expected_recall == 1.0
        return "exact" if exact else f"expected recall {self.expected_recall:.3f}"

    def _repr_html_(self) -> str:
        body = "".join(
            f"<tr><th>{row}</th>" + "".join(f"<td>{escape(c)}</td>" for c in cells) + "</tr>"
            for row, cells in self._examples[1]
        )
        head = "".join(f"<th>{escape(str(c))}</th>" for c in self._examples[0])
        table = f"<table><thead><tr><th>row</th>{head}</tr></thead><tbody>{body}</tbody></table>"
        note = "<p>Examples, each row beside the one it equals:</p>" if body else ""
        return f"<p>{escape(self._summary())}</p>{note}{table if body else ''}"

    # --- helpers -------------------------------------------------------------------------------

    def _edges(self) -> tuple[np.ndarray, np.ndarray]:
        kept = np.flatnonzero(self.keep)
        home = np.empty(len(kept), dtype=np.int64)
        home[self.labels[kept]] = kept
        dropped = np.flatnonzero(~self.keep)
        other = home[self.labels[dropped]]
        left, right = np.minimum(dropped, other), np.maximum(dropped, other)
        order = np.lexsort((right, left))
        return left[order], right[order]

    def _example_rows(self) -> np.ndarray:
        left, right = self._edges()
        return np.stack([left[:_SHOWN], right[:_SHOWN]], axis=1).ravel()

    def _take_examples(self, like: Any) -> tuple[list[str], list[tuple[str, list[str]]]]:
        """Return column names and a few rows as text: the data themselves are not kept."""
        if like is None or not self.n_rows:
            return [], []
        rows = self._example_rows()
        taken = _frame.take(like, rows)
        if _frame.is_frame(taken):
            frame = _frame.wrap(taken)
            names, cells = [*frame.columns], frame.rows()
        else:
            names, cells = [str(j) for j in range(taken.shape[1])], taken.tolist()
        return names, [
            (self._row_name(r), [_short(c) for c in line])
            for r, line in zip(rows, cells, strict=True)
        ]

    def _row_name(self, row: int) -> str:
        return str(row)

    def _build(self, columns: dict[str, Any]) -> Any:
        return _frame.build(self._frame, columns)


class Leakage(Duplicates):
    """Rows that stand in two tables, as `find_leakage` returns it.

    Attributes
    ----------
    labels : ndarray of shape (n_train + n_test,), int64
        The group of each row, the train rows first.
    keep : ndarray of shape (n_test,), bool
        Which test rows are in no way in train.
    left_rows, right_rows : ndarray, int64
        Positions of all train rows that are in test, and of all test rows that are in train.
    n_train, n_test : int
        How many rows the tables have.
    """

    def __init__(self, labels: np.ndarray, n_train: int, *, like: Any = None) -> None:
        train, test = labels[:n_train], labels[n_train:]
        n_groups = int(labels.max()) + 1 if len(labels) else 0
        seen = np.zeros((2, n_groups), dtype=bool)
        seen[0, train] = seen[1, test] = True
        shared = seen[0] & seen[1]
        self.n_train, self.n_test = n_train, len(test)
        self.left_rows = np.flatnonzero(shared[train])
        self.right_rows = np.flatnonzero(shared[test])
        self._labels_test = test
        super().__init__(labels, ~shared[test], like=like)

    @property
    def n_duplicates(self) -> int:
        """How many test rows are in train."""
        return len(self.right_rows)

    def _summary(self) -> str:
        return (
            f"{_count(len(self.right_rows), 'test row')} of {self.n_test:,} equal "
            f"{_count(len(self.left_rows), 'train row')} of {self.n_train:,}, {self._recall()}"
        )

    def _edges(self) -> tuple[np.ndarray, np.ndarray]:
        """Return each test row that is in train with the first train row that it equals."""
        groups, first = np.unique(self.labels[: self.n_train], return_index=True)
        place = np.searchsorted(groups, self._labels_test[self.right_rows])
        left = first[place] if len(place) else np.zeros(0, dtype=np.int64)
        order = np.lexsort((self.right_rows, left))
        return left[order], self.right_rows[order]

    @cached_property
    def clusters(self) -> list[np.ndarray]:
        """Groups with rows on both sides; positions count on from the train rows to the test."""
        whole = Duplicates.clusters.func(self)  # type: ignore[attr-defined]
        return [c for c in whole if c[0] < self.n_train <= c[-1]]

    def to_frame(self) -> Any:
        """Return a frame with one line for each row that is on both sides: side, row, cluster."""
        rows = np.concatenate(self.clusters) if self.clusters else np.zeros(0, dtype=np.int64)
        sizes = [len(c) for c in self.clusters]
        train = rows < self.n_train
        return self._build(
            {
                "side": np.where(train, "train", "test").tolist(),
                "row": np.where(train, rows, rows - self.n_train),
                "cluster": np.repeat(np.arange(len(sizes)), sizes),
            }
        )

    def _example_rows(self) -> np.ndarray:
        return self._edges()[0][:_SHOWN]

    def _row_name(self, row: int) -> str:
        return f"train {row}"


def _take(found: Duplicates) -> dict[str, Any]:
    """Return what is saved: no row of the data."""
    return {"labels": found.labels, "keep": found.keep, "expected_recall": found.expected_recall}


def _give(state: dict[str, Any]) -> Duplicates:
    labels: Any = state.get("labels")
    keep: Any = state.get("keep")
    recall: Any = state.get("expected_recall")
    ok = isinstance(labels, np.ndarray) and isinstance(keep, np.ndarray)
    ok = ok and labels.dtype == np.int64 and keep.dtype == np.bool_ and labels.ndim == 1
    ok = ok and labels.shape == keep.shape and isinstance(recall, float)
    # Each group 0..k-1 keeps one row.
    if not ok or not np.array_equal(np.unique(labels), np.sort(labels[keep])):
        raise StateError("the saved duplicates do not fit together: save them again")
    if len(labels) and not np.array_equal(np.unique(labels), np.arange(labels.max() + 1)):
        raise StateError("the saved duplicates are not numbered from 0: save them again")
    return Duplicates(labels, keep, expected_recall=recall)


register(Duplicates, take=_take, give=_give)


def _count(n: int, what: str) -> str:
    return f"{n:,} {what}{'' if n == 1 else 's'}"


def _short(cell: Any) -> str:
    text = "" if cell is None or (isinstance(cell, float) and math.isnan(cell)) else str(cell)
    return text if len(text) <= 40 else text[:39] + "…"
