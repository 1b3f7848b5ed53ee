"""Duplicates in files too large to hold: found in one pass, left out of a copy in a second.

In memory is the column of text that is compared, or 16 bytes a row where whole rows are: a hash of
128 bits (BLAKE2b) of its values, under which two different rows of a billion share one with a
probability below 1e-20. The other columns pass through.
"""

from __future__ import annotations

import datetime
import decimal
import difflib
import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import IO, Any

import numpy as np

from tamis import _core, _threads
from tamis._frame import Text
from tamis._progress import bar
from tamis._stream import Batch, Source
from tamis.dedup._cells import canonical
from tamis.dedup._found import Found
from tamis.dedup._result import Duplicates, _short
from tamis.exceptions import DataError, ParameterError

__all__ = ["FileDuplicates", "copy", "equal_rows", "similar_texts"]


@dataclass(frozen=True)
class FileDuplicates:
    """What was found in files.

    Attributes
    ----------
    sources : list of Source
        The files.
    ends : ndarray of int64
        How many rows there are up to the end of each file.
    lines : ndarray of int64
        The line each row starts on.
    found : Duplicates
        The rows of all files as one.
    names : list of str, optional
        The columns compared.
    """

    sources: Sequence[Source]
    ends: np.ndarray
    lines: np.ndarray
    found: Duplicates
    names: Sequence[str] | None

    def file_of(self, row: int) -> int:
        """Return the number of the file that a row is in."""
        return int(np.searchsorted(self.ends, row, side="right"))

    def where(self, row: int) -> str:
        """Name a row by its file and line."""
        return self.sources[self.file_of(row)].where(int(self.lines[row]))

    def kept_by_file(self) -> list[np.ndarray]:
        """Return for each file which of its rows stay."""
        return [self.found.keep[a:b] for a, b in pairwise([0, *self.ends.tolist()])]

    def examples(self) -> list[dict[str, Any]]:
        """Return a few pairs with their cells, the least alike first."""
        chosen = self.found._example_pairs()
        cells = self._cells({row for i, j, *_ in chosen for row in (i, j)})
        return [
            {
                "names": (self.where(i), self.where(j)),
                "score": score,
                "evidence": evidence,
                "cells": [
                    (name, _short(cells[i].get(name)), _short(cells[j].get(name)))
                    for name in dict.fromkeys([*cells[i], *cells[j]])
                ],
            }
            for i, j, score, evidence in chosen
        ]

    def _cells(self, rows: set[int]) -> dict[int, dict[str, Any]]:
        """Read some rows once more, no further than the last of them."""
        out: dict[int, dict[str, Any]] = {}
        start = 0
        for source in self.sources:
            for batch in source.batches(self.names):
                for row in [r for r in rows if start <= r < start + len(batch.rows)]:
                    cells = batch.rows[row - start]
                    out[row] = cells if self.names is None else {
                        n: cells.get(n) for n in self.names
                    }  # fmt: skip
                start += len(batch.rows)
                if len(out) == len(rows):
                    return out
        return out


def similar_texts(
    sources: Sequence[Source], column: str, step: Any, order: Callable[[int], np.ndarray | None]
) -> FileDuplicates:
    """Return the near-duplicates in a column of files, as `step` (a TextDeduplicator) finds them.

    Raises
    ------
    ParameterError
        If no row has such a column.
    DataError
        If a file is broken or a cell of the column is no text; the message names file and line.
    """
    sizes, data = [np.zeros(1, dtype=np.int64)], bytearray()
    missing: list[bool] = []

    def take(source: Source, batch: Batch) -> None:
        texts = [row.get(column) for row in batch.rows]
        for line, text in zip(batch.lines, texts, strict=True):
            if text is not None and not isinstance(text, str):
                kind = type(text).__name__
                raise DataError(f"{source.where(line)}: {column!r} holds {kind}, no text")
        offsets, buffer = _core.text_buffers(texts)
        sizes.append(np.diff(offsets))
        data.extend(buffer.tobytes())
        missing.extend(text is None for text in texts)

    ends, lines = _read(sources, [column], take)
    offsets = np.cumsum(np.concatenate(sizes))
    text = Text(offsets, np.frombuffer(data, dtype=np.uint8), np.array(missing, dtype=bool))
    found = step._search(text, None)
    result = Duplicates(found, linkage=step.linkage, order=order(len(lines)), unit="text")
    return FileDuplicates(sources, ends, lines, result, [column])


def equal_rows(
    sources: Sequence[Source],
    subset: Sequence[str] | None,
    n_jobs: int | None,
    order: Callable[[int], np.ndarray | None],
) -> FileDuplicates:
    """Return the equal rows of files: all columns, or those of `subset`.

    Cells of CSV are compared as text, JSON as values (1 equals 1.0; the order of keys is of no
    account; null equals a key that is not there), Parquet by its types.

    Raises
    ------
    ParameterError
        If no row has a column of `subset`.
    DataError
        If a file is broken; the message names the file and line.
    """
    hashes, known = bytearray(), {}  # type: ignore[var-annotated]

    def take(source: Source, batch: Batch) -> None:
        for line, row in zip(batch.lines, batch.rows, strict=True):
            try:
                hashes.extend(_digest(row, subset, known))
            except RecursionError:
                raise DataError(f"{source.where(line)}: nested too deep") from None

    ends, lines = _read(sources, subset, take)
    words = np.frombuffer(hashes, dtype=np.uint64).reshape(-1, 2)
    columns = [(words[:, 0], None), (words[:, 1], None)]
    group = _core.equal_rows(len(words), columns, n_jobs=_threads.resolve(n_jobs))
    result = Duplicates(Found(group), order=order(len(lines)))
    return FileDuplicates(sources, ends, lines, result, subset)


def copy(result: FileDuplicates, file: IO[bytes]) -> None:
    """Write the rows that stay to `file`, as they stand in their files.

    Raises
    ------
    DataError
        If a file was changed since it was read.
    """
    copier = result.sources[0].copier(file)
    try:
        copier.start(result.sources[0].head())
        with bar(len(result.lines), "writing", unit=" rows") as progress:
            for source, keep in zip(result.sources, result.kept_by_file(), strict=True):
                start = 0
                for raw in source.raw():
                    end = start + len(raw)
                    if end > len(keep):
                        break
                    copier.write(raw, keep[start:end])
                    progress.update(len(raw))
                    start = end
                source.check_unchanged()
    finally:
        copier.close()


def _read(
    sources: Sequence[Source],
    names: Sequence[str] | None,
    take: Callable[[Source, Batch], None],
) -> tuple[np.ndarray, np.ndarray]:
    """Read all files once; return the number of rows up to the end of each, and their lines."""
    for source in sources:
        there = source.names()
        for name in names or () if there is not None else ():
            if name not in (there or ()):
                raise ParameterError(_unknown(name, str(source.path), there or ()))
    lacking = set(names or ())
    first: Sequence[str] = ()
    ends, lines = [], [np.zeros(0, dtype=np.int64)]
    n_rows = 0
    with bar(None, "reading", unit=" rows") as progress:
        for source in sources:
            for batch in source.batches(names):
                first = first or list(batch.rows[0])
                if lacking:
                    lacking -= {name for row in batch.rows for name in lacking if name in row}
                take(source, batch)
                lines.append(np.array(batch.lines, dtype=np.int64))
                n_rows += len(batch.rows)
                progress.update(len(batch.rows))
            source.check_unchanged()
            ends.append(n_rows)
    if n_rows == 0:
        raise DataError(f"{', '.join(str(s.path) for s in sources)}: there are no rows")
    if lacking:
        raise ParameterError(_unknown(min(lacking), "any row", first))
    return np.array(ends, dtype=np.int64), np.concatenate(lines)


def _unknown(name: str, where: str, there: Sequence[str]) -> str:
    near = difflib.get_close_matches(name, there, n=1)
    hint = f"did you mean {near[0]!r}?" if near else f"there is {', '.join(there[:8])}"
    return f"there is no column named {name!r} in {where}; {hint}"


def _digest(row: dict[str, Any], names: Sequence[str] | None, known: dict[Any, int]) -> bytes:
    """Return 16 bytes that two rows share when they are equal."""
    cells = []
    for name in sorted(row) if names is None else names:
        cell = canonical(_plain(row.get(name)), known)
        if cell != "~":  # a missing cell is one that is not there
            cells.append(f"{len(name)}:{name}={cell}")
    text = ",".join(cells).encode("utf-8", "surrogatepass")
    return hashlib.blake2b(text, digest_size=16).digest()


def _plain(cell: Any) -> Any:
    """Return times and decimals as texts of their own."""
    if isinstance(cell, datetime.datetime) and cell.tzinfo is not None:
        cell = cell.astimezone(datetime.timezone.utc)
    if isinstance(cell, datetime.date | datetime.time | datetime.timedelta):
        # pandas has types of its own for nanoseconds; days, times and spans are kept apart.
        kinds = (datetime.datetime, datetime.date, datetime.time, datetime.timedelta)
        kind = next(k for k in kinds if isinstance(cell, k))
        return None if cell != cell else ["time", kind.__name__, str(cell)]  # noqa: PLR0124
    if isinstance(cell, decimal.Decimal) and not cell.is_nan():
        return ["decimal", str(cell.normalize())]
    return cell
