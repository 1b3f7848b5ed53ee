"""Duplicates: rows that equal others, in one table or across two."""

from tamis.dedup._result import Duplicates, Leakage
from tamis.dedup._rows import RowDeduplicator, duplicate_groups, find_leakage

__all__ = ["Duplicates", "Leakage", "RowDeduplicator", "duplicate_groups", "find_leakage"]
