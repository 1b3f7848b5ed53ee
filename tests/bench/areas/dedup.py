"""Duplicates of every kind."""

from . import _dedup_rows, _dedup_substring

ROWS = [*_dedup_rows.ROWS, *_dedup_substring.ROWS]
