"""What a search for duplicates gives back."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from tamis import _frame, _html
from tamis.dedup._expand import between, within
from tamis.dedup._found import Found, link
from tamis.exceptions import DuplicatesWarning

__all__ = ["Cells", "Duplicates", "Leakage"]

#: Pairs shown in HTML.
_SHOWN = 5
#: A cluster of so many members that are so large a share of all is warned of.
_LARGE, _LARGE_SHARE = 20, 0.2
#: More pairs than this are not listed one by one.
_MOST_PAIRS = 20_000_000


@dataclass(frozen=True)
class Cells:
    """Some items as a person is shown them: a line an item, a cell a name (text or Markup)."""

    names: Sequence[str] = ()
    lines: Sequence[Sequence[Any]] = field(default_factory=list)


class Duplicates:
    """What is a duplicate of what, and which items stay.

    Every kind of search gives this result: rows, text, images, audio, vectors, records. Every pair
    was verified by comparing the items themselves.

    Attributes
    ----------
    labels : ndarray of shape (n_rows,), int64
        The cluster of each item, numbered from 0 in order of first appearance.
    keep : ndarray of shape (n_rows,), bool
        Which items stay: one of each cluster. It is the one that `keep` asks for among those that
        are paired with every other member of the cluster; with ``linkage="connected"`` among all.
    expected_recall : float
        The share of all pairs that is expected to be found; 1.0 when the search is exact.
    n_rows : int
        How many items were looked at.
    """

    def __init__(
        self,
        found: Found,
        *,
        linkage: str = "star",
        order: np.ndarray | None = None,
        like: Any = None,
        unit: str = "row",
        cells: Callable[[np.ndarray], Cells] | None = None,
    ) -> None:
        linked = link(found, linkage)
        self._found = found
        self._unit = unit
        self.labels = linked.labels
        self.n_rows = len(self.labels)
        self.expected_recall = found.recall
        self.keep = self._chosen(order, linked.central | (linkage == "connected"))
        self._frame = _frame.take(like, np.arange(0)) if _frame.is_frame(like) else None
        self._examples = self._take_examples(cells)
        self._warn_of_a_large_cluster()

    def _chosen(self, order: np.ndarray | None, able: np.ndarray) -> np.ndarray:
        """Return which items stay: of each cluster the able one that comes first in `order`."""
        if order is None and not len(self._found.left):
            # The first of each cluster: its label is higher than all before it.
            highest = np.maximum.accumulate(self.labels)
            first = np.ones(self.n_rows, dtype=bool)
            np.not_equal(highest[1:], highest[:-1], out=first[1:])
            return first
        rows = np.flatnonzero(able) if order is None else order[able[order]]
        chosen = np.empty(int(self.labels.max(initial=-1)) + 1, dtype=np.int64)
        # Of several items of one cluster the last that is written stays; each has an able one.
        chosen[self.labels[rows[::-1]]] = rows[::-1]
        keep = np.zeros(self.n_rows, dtype=bool)
        keep[chosen] = True
        return keep

    # --- what was found ------------------------------------------------------------------------

    @cached_property
    def clusters(self) -> list[np.ndarray]:
        """Positions of the items of each cluster of two or more, in order of first appearance."""
        size = np.bincount(self.labels) if self.n_rows else np.zeros(0, dtype=np.int64)
        rows = np.flatnonzero(size[self.labels] > 1)
        rows = rows[np.argsort(self.labels[rows], kind="stable")]
        cuts = np.cumsum(size[size > 1])[:-1]
        return np.split(rows, cuts) if len(rows) else []

    @property
    def n_duplicates(self) -> int:
        """How many items would be dropped."""
        return int(self.n_rows - np.count_nonzero(self.keep))

    @property
    def n_pairs(self) -> int:
        """How many pairs there are, equal items included."""
        size = np.bincount(self._found.group, minlength=1).astype(np.int64)
        across = size[self._found.left] * size[self._found.right]
        return int((size * (size - 1) // 2).sum() + across.sum())

    @property
    def pairs(self) -> Any:
        """A frame of all pairs: left < right (positions), score, evidence; sorted.

        Where equal items alone make more than 20 million pairs, equal items are listed as pairs
        with the first of them, and a warning says so.
        """
        return self._pair_frame(self._found_pairs())

    @property
    def spans(self) -> Any:
        """A frame of where parts match: document, start, end (half-open, in code points), and more.

        Empty unless parts of items were compared.
        """
        empty = dict.fromkeys(("document", "start", "end"), np.zeros(0, dtype=np.int64))
        return self._build(self._found.spans or empty)

    def to_frame(self) -> Any:
        """Return a frame of the items that have a duplicate: row, cluster, size, keep.

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
            f"{_count(self.n_duplicates, self._unit)} of {self.n_rows:,} can be dropped, "
            f"{_count(len(self.clusters), 'cluster')}, {self._recall()}"
        )

    def _recall(self) -> str:
        exact = self.expected_recall == 1.0
        return "exact" if exact else f"expected recall {self.expected_recall:.3f}"

    def _repr_html_(self) -> str:
        return _html.render(
            "duplicates.html", kind=type(self).__name__, summary=self._summary(), **self._examples
        )

    # --- helpers -------------------------------------------------------------------------------

    def _found_pairs(self) -> dict[str, np.ndarray]:
        """Return all pairs of items: left, right, score, evidence (a position in `kinds`)."""
        found = self._found
        all_listed = self.n_pairs <= _MOST_PAIRS
        if not all_listed:
            warnings.warn(
                f"{self.n_pairs:,} pairs are too many to list: equal items are listed with the "
                "first of them alone (`labels` and `clusters` are whole)",
                DuplicatesWarning,
                stacklevel=3,
            )
        left, right = within(found.group, all_listed)
        across_left, across_right, pair = between(
            found.group, found.group, found.left, found.right, all_listed
        )
        return {
            "left": np.concatenate([left, np.minimum(across_left, across_right)]),
            "right": np.concatenate([right, np.maximum(across_left, across_right)]),
            "score": np.concatenate([np.ones(len(left)), found.score[pair]]),
            "evidence": np.concatenate([np.zeros(len(left), np.int64), found.evidence[pair]]),
        }

    def _pair_frame(self, pairs: dict[str, np.ndarray]) -> Any:
        order = np.lexsort((pairs["right"], pairs["left"]))
        columns: dict[str, Any] = {name: column[order] for name, column in pairs.items()}
        kinds = np.array(self._found.kinds, dtype=object)
        columns["evidence"] = kinds[columns["evidence"]].tolist()
        return self._build(columns)

    def _example_pairs(self) -> list[tuple[int, int, float, str]]:
        """Return some dropped items, each with the one kept: the least alike first."""
        dropped, home, score, kind = self._drops(None if len(self._found.left) else _SHOWN)
        left, right = np.minimum(dropped, home).tolist(), np.maximum(dropped, home).tolist()
        least = np.argsort(score, kind="stable")[:_SHOWN].tolist()
        return [(left[n], right[n], float(score[n]), kind[n]) for n in least]

    def _drops(self, most: int | None) -> tuple[np.ndarray, np.ndarray, np.ndarray, list[str]]:
        """Return the items dropped (`most` of them), for each the one kept, score and evidence.

        The score is NaN where the two are no pair, but linked by others.
        """
        found, kept = self._found, np.flatnonzero(self.keep)
        home = np.empty(len(kept), dtype=np.int64)
        home[self.labels[kept]] = kept
        dropped = np.flatnonzero(~self.keep)[:most]
        home = home[self.labels[dropped]]
        pair = np.sort(np.stack([found.group[dropped], found.group[home]]), 0)
        place = _place(found, pair)
        score = np.where(pair[0] == pair[1], 1.0, np.nan)
        score[place >= 0] = found.score[place[place >= 0]]
        kinds = np.where(pair[0] == pair[1], 0, len(found.kinds))
        kinds[place >= 0] = found.evidence[place[place >= 0]]
        named = [*found.kinds, "by others"]
        return dropped, home, score, [named[k] for k in kinds.tolist()]

    def _take_examples(self, cells: Callable[[np.ndarray], Cells] | None) -> dict[str, Any]:
        """Return a few pairs as they are shown: the data themselves are not kept."""
        chosen = self._example_pairs() if cells is not None and self.n_rows else []
        rows = np.array([row for i, j, *_ in chosen for row in (i, j)], dtype=np.int64)
        shown = cells(rows) if cells is not None and len(rows) else Cells()
        lines = [[_short(cell) for cell in line] for line in shown.lines]
        pairs = [
            {
                "names": (self._row_name(i), self._row_name(j)),
                "score": score,
                "evidence": kind,
                "cells": list(zip(shown.names, lines[2 * k], lines[2 * k + 1], strict=True)),
            }
            for k, (i, j, score, kind) in enumerate(chosen)
        ]
        return {"pairs": pairs}

    def _row_name(self, row: int) -> str:
        return f"{self._unit} {row}"

    def _build(self, columns: dict[str, Any]) -> Any:
        return _frame.build(self._frame, columns)

    def _warn_of_a_large_cluster(self) -> None:
        size = np.bincount(self.labels) if self.n_rows else np.zeros(1, dtype=np.int64)
        most = int(size.max())
        if most >= _LARGE and most > _LARGE_SHARE * self.n_rows:
            place = sum(1 for s in size[: int(size.argmax())] if s > 1)
            warnings.warn(
                f"one cluster holds {most:,} of {self.n_rows:,} {self._unit}s: look at "
                f"`clusters[{place}]` before dropping them, or compare more strictly",
                DuplicatesWarning,
                stacklevel=3,
            )


class Leakage(Duplicates):
    """Items that stand in two data sets, as `find_leakage` returns it.

    Attributes
    ----------
    labels : ndarray of shape (n_train + n_test,), int64
        The cluster of each item, the train items first.
    keep : ndarray of shape (n_test,), bool
        Which test items have no duplicate in train.
    left_rows, right_rows : ndarray, int64
        Positions of all train items that are in test, and of all test items that are in train.
    n_train, n_test : int
        How many items there are.
    """

    def __init__(self, found: Found, n_train: int, **shown: Any) -> None:
        self.n_train, self.n_test = n_train, len(found.group) - n_train
        train, test = found.group[:n_train], found.group[n_train:]
        sides = np.zeros((2, max(found.n_groups, 1)), dtype=bool)
        sides[0, train] = sides[1, test] = True
        leaks = sides[0] & sides[1]
        met = np.zeros((2, sides.shape[1]), dtype=bool)  # across a pair: train side, test side
        for one, other in ((found.left, found.right), (found.right, found.left)):
            across = sides[0, one] & sides[1, other]
            met[0, one[across]] = met[1, other[across]] = True
        self.left_rows = np.flatnonzero((leaks | met[0])[train])
        self.right_rows = np.flatnonzero((leaks | met[1])[test])
        super().__init__(found, linkage="connected", **shown)
        self.keep = np.ones(self.n_test, dtype=bool)
        self.keep[self.right_rows] = False

    @property
    def n_duplicates(self) -> int:
        """How many test items are in train."""
        return len(self.right_rows)

    @property
    def n_pairs(self) -> int:
        """How many pairs of a train and a test item there are."""
        found = self._found
        train = np.bincount(found.group[: self.n_train], minlength=max(found.n_groups, 1))
        test = np.bincount(found.group[self.n_train :], minlength=max(found.n_groups, 1))
        left, right = found.left, found.right
        return int((train * test).sum() + (train[left] * test[right]).sum()
                   + (train[right] * test[left]).sum())  # fmt: skip

    def _summary(self) -> str:
        equal = "equal" if not len(self._found.left) else "match"
        if len(self.right_rows) == 1:
            equal = "equals" if equal == "equal" else "matches"
        return (
            f"{_count(len(self.right_rows), f'test {self._unit}')} of {self.n_test:,} {equal} "
            f"{_count(len(self.left_rows), f'train {self._unit}')} of {self.n_train:,}, "
            f"{self._recall()}"
        )

    def _found_pairs(self) -> dict[str, np.ndarray]:
        """Return the pairs: train rows on the left, test rows on the right."""
        found, n = self._found, self.n_train
        train, test = found.group[:n], found.group[n:]
        same = np.arange(found.n_groups)
        one = np.concatenate([same, found.left, found.right])
        other = np.concatenate([same, found.right, found.left])
        score = np.concatenate([np.ones(len(same)), found.score, found.score])
        evidence = np.concatenate([np.zeros_like(same), found.evidence, found.evidence])
        all_listed = self.n_pairs <= _MOST_PAIRS
        if not all_listed:
            warnings.warn(
                f"{self.n_pairs:,} pairs are too many to list: equal train items are listed by the "
                "first of them alone (`left_rows` and `right_rows` are whole)",
                DuplicatesWarning,
                stacklevel=3,
            )
        left, right, pair = between(train, test, one, other, all_listed)
        return {"left": left, "right": right, "score": score[pair], "evidence": evidence[pair]}

    def _example_pairs(self) -> list[tuple[int, int, float, str]]:
        pairs = self._found_pairs() if self.n_pairs <= _MOST_PAIRS else None
        if pairs is None:
            return []
        chosen = np.argsort(pairs["score"], kind="stable")[:_SHOWN]
        kinds = self._found.kinds
        return [
            (int(i), int(j) + self.n_train, float(s), kinds[e])
            for i, j, s, e in zip(*(pairs[c][chosen] for c in pairs), strict=True)
        ]

    @cached_property
    def clusters(self) -> list[np.ndarray]:
        """Clusters with items on both sides; test items are numbered on from the train items."""
        whole = Duplicates.clusters.func(self)  # type: ignore[attr-defined]
        return [c for c in whole if c[0] < self.n_train <= c[-1]]

    def to_frame(self) -> Any:
        """Return a frame with one line for each item that is on both sides: side, row, cluster."""
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

    def _row_name(self, row: int) -> str:
        side, row = ("train", row) if row < self.n_train else ("test", row - self.n_train)
        return f"{side} {self._unit} {row}"

    def _warn_of_a_large_cluster(self) -> None:
        """Leave it: copies within one side are of no account here."""


def _place(found: Found, pair: np.ndarray) -> np.ndarray:
    """Return the position in `found` of each pair of groups (2, n), or -1."""
    if not len(found.left):
        return np.full(pair.shape[1], -1)
    n = found.n_groups
    codes = found.left * n + found.right
    order = np.argsort(codes)
    wanted = pair[0] * n + pair[1]
    at = np.searchsorted(codes, wanted, sorter=order).clip(max=len(codes) - 1)
    return np.where(codes[order[at]] == wanted, order[at], -1)


def _count(n: int, what: str) -> str:
    return f"{n:,} {what}{'' if n == 1 else 's'}"


def _short(cell: Any) -> Any:
    if hasattr(cell, "__html__"):
        return cell
    missing = cell is None or (isinstance(cell, float) and np.isnan(cell))
    text = "" if missing else str(cell)
    return text if len(text) <= 400 else text[:399] + "…"
