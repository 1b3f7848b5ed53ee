"""Duplicates of every kind: in one data set, or across two."""

from tamis.dedup import _saved as _saved
from tamis.dedup._audio import AudioDeduplicator
from tamis.dedup._images import ImageDeduplicator
from tamis.dedup._index import DedupIndex
from tamis.dedup._leakage import duplicate_groups, find_leakage
from tamis.dedup._records import RecordDeduplicator
from tamis.dedup._result import Duplicates, Leakage
from tamis.dedup._rows import RowDeduplicator
from tamis.dedup._substring import SubstringDeduplicator
from tamis.dedup._texts import TextDeduplicator
from tamis.dedup._vectors import VectorDeduplicator

__all__ = [
    "AudioDeduplicator",
    "DedupIndex",
    "Duplicates",
    "ImageDeduplicator",
    "Leakage",
    "RecordDeduplicator",
    "RowDeduplicator",
    "SubstringDeduplicator",
    "TextDeduplicator",
    "VectorDeduplicator",
    "duplicate_groups",
    "find_leakage",
]
