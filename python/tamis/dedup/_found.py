"""What a search for duplicates found, before anything is chosen: groups and verified pairs."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from tamis import _core

__all__ = ["Found", "Linked", "link", "no_pairs", "numbered"]


def no_pairs() -> np.ndarray:
    """Return an empty array of item numbers."""
    return np.zeros(0, dtype=np.int64)


@dataclass(frozen=True)
class Found:
    """What a search found.

    Attributes
    ----------
    group : ndarray of shape (n_items,), int64
        Items of one content share a group, numbered from 0 in order of first appearance. They are
        duplicates of each other with score 1, and are not listed as pairs: a thousand equal items
        have half a million pairs. Items that must pair with nothing are groups of their own.
    left, right : ndarray of shape (n_pairs,), int64
        Pairs of groups, each pair once, left < right, verified.
    score : ndarray of shape (n_pairs,), float64
        How alike they are: 1 is the same, the unit is the search's.
    evidence : ndarray of shape (n_pairs,), int64
        What each pair rests on: a position in `kinds`.
    kinds : tuple of str
        The kinds of evidence; the first is that of items of one group.
    keys : ndarray of shape (n_groups,), uint64
        A hash of each group's content, so that results do not hang on the order of the items.
    recall : float
        The share of all pairs that is expected to be found; 1.0 when the search is exact.
    spans : dict of str to ndarray or list
        Where parts match: columns of equal length, among them document, start and end.
    star : Linked, optional
        The clusters of ``linkage="star"``, where not every item of a pair can stand for the other.
    """

    group: np.ndarray
    left: np.ndarray = field(default_factory=no_pairs)
    right: np.ndarray = field(default_factory=no_pairs)
    score: np.ndarray = field(default_factory=lambda: np.zeros(0))
    evidence: np.ndarray = field(default_factory=no_pairs)
    kinds: tuple[str, ...] = ("equal",)
    keys: np.ndarray = field(default_factory=lambda: np.zeros(0, dtype=np.uint64))
    recall: float = 1.0
    spans: dict[str, np.ndarray | list[str]] = field(default_factory=dict)
    star: Linked | None = None

    @property
    def n_groups(self) -> int:
        """How many groups there are."""
        return int(self.group.max()) + 1 if len(self.group) else 0


@dataclass(frozen=True)
class Linked:
    """Items in clusters: `labels` from 0 in order of first appearance; `central` items are paired
    with every other item of their cluster.
    """  # noqa: D205

    labels: np.ndarray
    central: np.ndarray


def link(found: Found, linkage: str) -> Linked:
    """Return the clusters of the items ("star" or "connected")."""
    if found.star is not None and linkage == "star":
        return found.star
    if not len(found.left):
        return Linked(found.group, np.ones(len(found.group), dtype=bool))
    home, central = _core.clusters(found.keys, found.left, found.right, linkage == "star")
    return Linked(numbered(home)[found.group], central[found.group])


def numbered(home: np.ndarray) -> np.ndarray:
    """Return labels below their number as labels from 0 in order of first appearance."""
    first = np.empty(len(home), dtype=np.int64)
    # Of several items of one label the last that is written stays.
    first[home[::-1]] = np.arange(len(home) - 1, -1, -1)
    number = np.cumsum(first[home] == np.arange(len(home))) - 1
    return number[first[home]]
