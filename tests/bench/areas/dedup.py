"""Duplicates of every kind."""

from . import _dedup_image, _dedup_rows, _dedup_substring, _dedup_text

ROWS = [*_dedup_image.ROWS, *_dedup_rows.ROWS, *_dedup_substring.ROWS, *_dedup_text.ROWS]
