"""Duplicates of every kind."""

from . import (
    _dedup_audio,
    _dedup_image,
    _dedup_record,
    _dedup_rows,
    _dedup_substring,
    _dedup_text,
    _dedup_vector,
)

ROWS = [
    *_dedup_audio.ROWS,
    *_dedup_image.ROWS,
    *_dedup_record.ROWS,
    *_dedup_rows.ROWS,
    *_dedup_substring.ROWS,
    *_dedup_text.ROWS,
    *_dedup_vector.ROWS,
]
