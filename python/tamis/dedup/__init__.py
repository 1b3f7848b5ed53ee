"""Duplicates of every kind: in one data set, or across two."""

from tamis.dedup import _saved as _saved
from tamis.dedup._leakage import duplicate_groups, find_leakage
from tamis.dedup._result import Duplicates, Leakage
from tamis.dedup._rows import RowDeduplicator
from tamis.dedup._substring import SubstringDeduplicator

__all__ = [
    "Duplicates",
    "Leakage",
    "RowDeduplicator",
    "SubstringDeduplicator",
    "duplicate_groups",
    "find_leakage",
]
