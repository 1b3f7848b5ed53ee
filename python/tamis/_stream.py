"""Files that are read batch by batch, more than once, and copied without some of their rows."""

from __future__ import annotations

import codecs
import csv
import gzip
import json
import lzma
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np

from tamis import _read
from tamis._optional import need
from tamis.exceptions import DataError

__all__ = ["Batch", "Copier", "Source", "compressed", "open_source"]

#: Rows in memory at a time.
_ROWS = 8192


@dataclass(frozen=True)
class Batch:
    """Some rows: each as a dict, the line each starts on (its number in Parquet), and as they are.

    `raw` is bytes for each row, or an Arrow record batch.
    """

    rows: list[dict[str, Any]]
    lines: list[int]
    raw: Any


class Source:
    """One file: its rows, and what a copy of some of them is written with."""

    kind: str

    def __init__(self, path: Path) -> None:
        self.path = path
        self.stamp = self._stamp()

    def batches(self, names: Sequence[str] | None) -> Iterator[Batch]:
        """Yield the rows in order; `names` are the columns wanted, None is all."""
        raise NotImplementedError

    def raw(self) -> Iterator[Any]:
        """Yield the rows as they are, in batches; they are not looked at again."""
        raise NotImplementedError

    def head(self) -> bytes:
        """Return what stands before the rows."""
        return b""

    def schema(self) -> Any:
        """Return the types of the columns, where the file has such."""
        return None

    def names(self) -> list[str] | None:
        """Return the names of the columns, or None where each row has its own."""
        return None

    def check_unchanged(self) -> None:
        """Raise DataError if the file is not the one that was opened."""
        if self._stamp() != self.stamp:
            raise DataError(f"{self.path} was changed while it was read: run the command again")

    def _stamp(self) -> tuple[int, int]:
        found = self.path.stat()
        return found.st_size, found.st_mtime_ns

    def where(self, line: int) -> str:
        """Name a row."""
        return f"{self.path}, line {line}"

    def copier(self, file: IO[bytes]) -> Copier:
        """Return what writes the kept rows of this file and those like it to `file`."""
        return Copier(file)


class Copier:
    """Writes rows of text."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._open_end = b""

    def start(self, head: bytes) -> None:
        """Write what stands before all rows."""
        self._file.write(head)

    def write(self, raw: Any, keep: np.ndarray) -> None:
        """Write the rows that stay. The last line of a file may lack its end; others need one."""
        for line, stays in zip(raw, keep.tolist(), strict=True):
            if stays:
                self._file.write(self._open_end + line)
                self._open_end = b"" if line.endswith((b"\n", b"\r")) else b"\n"

    def close(self) -> None:
        """Write what stands after all rows."""


def open_source(path: Path) -> Source:
    """Return a JSONL, CSV, TSV or Parquet file as a source; its ending says what it is.

    Raises
    ------
    ParameterError
        If there is no such file or its ending is not known.
    """
    kind = _read.kind_of(path)
    if kind == "parquet":
        return _Parquet(path)
    return _Jsonl(path) if kind == "jsonl" else _Csv(path, "\t" if kind == "tsv" else ",")


@contextmanager
def _reading(path: Path) -> Iterator[None]:
    """Turn what goes wrong while a file of text is read into errors that name it."""
    try:
        yield
    except UnicodeDecodeError as error:
        raise DataError(f"{path}, {_read.line_not_utf8(path)}: save it as UTF-8 first") from error
    except (OSError, EOFError, lzma.LZMAError, zlib.error) as error:
        raise DataError(f"{path} cannot be read: {error}") from error


def _in_batches(items: Iterator[Any]) -> Iterator[list[Any]]:
    batch = []
    for item in items:
        batch.append(item)
        if len(batch) == _ROWS:
            yield batch
            batch = []
    if batch:
        yield batch


class _Jsonl(Source):
    kind = "jsonl"

    def _lines(self) -> Iterator[tuple[int, bytes]]:
        with _reading(self.path), _read.open_file(self.path, "rb") as lines:
            for number, whole in enumerate(lines, 1):
                line = whole.removeprefix(codecs.BOM_UTF8) if number == 1 else whole
                if line.strip():
                    yield number, line

    def batches(self, names: Sequence[str] | None) -> Iterator[Batch]:
        for batch in _in_batches(self._lines()):
            rows = [self._row(number, line) for number, line in batch]
            yield Batch(rows, [n for n, _ in batch], [line for _, line in batch])

    def _row(self, number: int, line: bytes) -> dict[str, Any]:
        try:
            row = json.loads(line.decode())
        except UnicodeDecodeError as error:
            raise DataError(f"{self.where(number)} is not UTF-8: save it as UTF-8 first") from error
        except json.JSONDecodeError as error:
            raise DataError(f"{self.where(number)}: not JSON ({error.msg})") from error
        except RecursionError:
            raise DataError(f"{self.where(number)}: nested too deep") from None
        if not isinstance(row, dict):
            raise DataError(f"{self.where(number)}: expected an object, {{...}}")
        return row

    def raw(self) -> Iterator[Any]:
        for batch in _in_batches(self._lines()):
            yield [line for _, line in batch]


class _Csv(Source):
    def __init__(self, path: Path, separator: str) -> None:
        self.kind = "csv" if separator == "," else "tsv"
        self._separator = separator
        super().__init__(path)

    def _records(self) -> Iterator[tuple[int, list[str], bytes]]:
        """Yield the line a record starts on, its cells, and its lines as they are."""
        taken: list[str] = []

        def lines(file: Any) -> Iterator[str]:
            for line in file:
                taken.append(line)
                yield line

        with _reading(self.path), _read.open_file(self.path) as file:
            options: Any = {"delimiter": self._separator, "skipinitialspace": True, "strict": True}
            reader = csv.reader(lines(file), **options)
            start = 1
            try:
                for cells in reader:
                    if cells:
                        yield start, cells, "".join(taken).encode()
                    start += len(taken)
                    taken.clear()
            except csv.Error as error:
                what = str(error)
                if "unexpected end" in what:
                    what = "a quote opened here is never closed"
                raise DataError(f"{self.where(start)}: {what}") from error

    def head(self) -> bytes:
        return self._head()[1]

    def names(self) -> list[str] | None:
        return self._head()[0]

    def _head(self) -> tuple[list[str], bytes]:
        for _, cells, raw in self._records():
            twice = sorted({name for name in cells if cells.count(name) > 1})
            if twice:
                raise DataError(f"{self.path} has more than one column named {twice[0]!r}")
            return cells, raw if raw.endswith((b"\n", b"\r")) else raw + b"\n"
        raise DataError(f"{self.path} is empty")

    def _rows(self) -> Iterator[tuple[int, list[str], bytes]]:
        records = self._records()
        next(records, None)
        return records

    def batches(self, names: Sequence[str] | None) -> Iterator[Batch]:
        header = self._head()[0]
        for batch in _in_batches(self._rows()):
            rows = []
            for number, cells, _ in batch:
                if len(cells) != len(header):
                    raise DataError(
                        f"{self.where(number)} has {len(cells)} fields where the header has "
                        f"{len(header)}"
                    )
                rows.append(dict(zip(header, cells, strict=True)))
            yield Batch(rows, [n for n, _, _ in batch], [raw for _, _, raw in batch])

    def raw(self) -> Iterator[Any]:
        for batch in _in_batches(self._rows()):
            yield [raw for _, _, raw in batch]


class _Parquet(Source):
    kind = "parquet"

    def __init__(self, path: Path) -> None:
        self._arrow = need("pyarrow", "reading Parquet")
        self._parquet = need("pyarrow.parquet", "reading Parquet")
        super().__init__(path)

    def where(self, line: int) -> str:
        return f"{self.path}, row {line}"

    def schema(self) -> Any:
        return self._open().schema_arrow.remove_metadata()

    def names(self) -> list[str] | None:
        return list(self._open().schema_arrow.names)

    def _open(self) -> Any:
        try:
            return self._parquet.ParquetFile(self.path)
        except (self._arrow.ArrowException, OSError) as error:
            raise DataError(f"{self.path} is not a readable Parquet file: {error}") from error

    def batches(self, names: Sequence[str] | None) -> Iterator[Batch]:
        number = 1
        for raw in self._batches(names):
            yield Batch(raw.to_pylist(), list(range(number, number + len(raw))), raw)
            number += len(raw)

    def raw(self) -> Iterator[Any]:
        return self._batches(None)

    def _batches(self, names: Sequence[str] | None) -> Iterator[Any]:
        file = self._open()
        there = file.schema_arrow.names
        columns = None if names is None else [n for n in names if n in there]
        try:
            yield from file.iter_batches(batch_size=_ROWS, columns=columns)
        except (self._arrow.ArrowException, OSError) as error:
            raise DataError(f"{self.path} cannot be read: {error}") from error

    def copier(self, file: IO[bytes]) -> Copier:
        source = self._open()
        meta, codec = source.metadata, "snappy"
        if meta.num_row_groups and meta.num_columns:
            codec = meta.row_group(0).column(0).compression.lower()
        codec = "none" if codec == "uncompressed" else codec
        writer = self._parquet.ParquetWriter(file, source.schema_arrow, compression=codec)
        return _ParquetCopier(self._arrow, writer)


class _ParquetCopier(Copier):
    #: Rows of a row group: small ones make a file slow to read.
    _GROUP = 1 << 17

    def __init__(self, arrow: Any, writer: Any) -> None:
        self._arrow, self._writer = arrow, writer
        self._held: list[Any] = []

    def start(self, head: bytes) -> None:
        pass

    def write(self, raw: Any, keep: np.ndarray) -> None:
        self._held.append(raw.filter(self._arrow.array(keep)))
        if sum(map(len, self._held)) >= self._GROUP:
            self._flush()

    def _flush(self) -> None:
        if self._held:
            table = self._arrow.Table.from_batches(self._held).cast(self._writer.schema)
            self._writer.write_table(table)
            self._held = []

    def close(self) -> None:
        self._flush()
        self._writer.close()


@contextmanager
def compressed(file: IO[bytes], path: Path) -> Iterator[IO[bytes]]:
    """Give what compresses to `file` if the ending of `path` asks for that, or `file` itself."""
    ending = path.suffix.lower()
    if ending not in _read.OPENERS:
        yield file
    elif ending == ".gz":  # without the name and time of the file it is written to
        with gzip.GzipFile("", "wb", fileobj=file, mtime=0) as inner:
            yield inner  # type: ignore[misc]
    else:
        with _read.OPENERS[ending](file, "wb") as inner:
            yield inner
