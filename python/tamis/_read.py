"""Files to frames. An error names the file, and the line where there is one."""

from __future__ import annotations

import bz2
import csv
import gzip
import lzma
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tamis._optional import need
from tamis.exceptions import DataError, ParameterError

#: File endings that are read, and what they are.
FORMATS = {
    ".csv": "csv",
    ".tsv": "tsv",
    ".parquet": "parquet",
    ".pq": "parquet",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
}
#: Endings of compressed files, and what opens them.
OPENERS: dict[str, Any] = {".gz": gzip.open, ".bz2": bz2.open, ".xz": lzma.open}


def read(path: str | Path) -> Any:
    """Read a CSV, TSV, Parquet or JSONL file into a pandas frame.

    Parameters
    ----------
    path : str or Path
        The file; its ending says what it is (``.csv.gz`` and the like are read too).

    Returns
    -------
    pandas.DataFrame

    Raises
    ------
    ParameterError
        If there is no such file or its ending is not known.
    DataError
        If the file is broken; the message names the file and, where there is one, the line.
    """
    path = Path(path)
    kind = kind_of(path)
    if path.stat().st_size == 0:
        raise DataError(f"{path} is empty")
    frame = _parquet(path) if kind == "parquet" else _text(path, kind)
    if frame.shape[1] == 0 or len(frame) == 0:
        raise DataError(f"{path} holds no rows")
    return frame


def kind_of(path: Path) -> str:
    """Return what a file is (a value of `FORMATS`), by its ending.

    Raises
    ------
    ParameterError
        If there is no such file or its ending is not known.
    """
    if path.is_dir():
        raise ParameterError(f"{path} is a folder: name a file in it")
    if not path.is_file():
        raise ParameterError(f"no such file: {path}{_nearest(path)}")
    return kind_of_name(path)


def kind_of_name(path: Path) -> str:
    """Return the same of a file that need not be there."""
    endings = [s.lower() for s in path.suffixes if s.lower() not in OPENERS]
    kind = FORMATS.get(endings[-1] if endings else "")
    if kind is None:
        raise ParameterError(
            f"cannot tell what {path} is: its name should end in one of {', '.join(FORMATS)}"
        )
    return kind


def _text(path: Path, kind: str) -> Any:
    import pandas as pd

    try:
        return _jsonl(path) if kind == "jsonl" else _csv(path, "\t" if kind == "tsv" else ",")
    except UnicodeDecodeError as error:
        raise DataError(f"{path}, {line_not_utf8(path)}: save it as UTF-8 first") from error
    except pd.errors.EmptyDataError as error:
        raise DataError(f"{path} holds no rows") from error
    except (OSError, EOFError, lzma.LZMAError, zlib.error) as error:
        raise DataError(f"{path} cannot be read: {error}") from error


def open_file(path: Path, mode: str = "rt") -> Any:
    """Open a file, compressed or not, as bytes ("rb") or as UTF-8 text ("rt")."""
    text = {} if "b" in mode else {"encoding": "utf-8-sig", "newline": ""}
    return OPENERS.get(path.suffix.lower(), open)(path, mode, **text)


def _csv(path: Path, separator: str) -> Any:
    import pandas as pd

    records = (record for record in _records(path, separator) if record[1])
    _, header = next(records, (1, []))
    line, first = next(records, (1, []))
    if len(first) > len(header):  # pandas would take the first cell for a row label
        raise DataError(f"{path}, {_too_many(line, first, header)}")
    twice = sorted({name for name in header if name and header.count(name) > 1})
    if twice:
        raise DataError(f"{path} has more than one column named {twice[0]!r}: rename one of them")
    try:
        # skipinitialspace: files in the wild write "a, b"; dates stay text until profiled.
        return pd.read_csv(
            path,
            sep=separator,
            skipinitialspace=True,
            low_memory=False,
            encoding="utf-8-sig",
            on_bad_lines="error",
        )
    except pd.errors.ParserError as error:
        raise DataError(f"{path}{_what_is_broken(path, separator, str(error))}") from error


def _records(path: Path, separator: str) -> Iterator[tuple[int, list[str]]]:
    """Yield the line a record starts on and its cells."""
    with open_file(path) as lines:
        reader = csv.reader(lines, delimiter=separator, skipinitialspace=True, strict=True)
        start = 1
        try:
            for cells in reader:
                yield start, cells
                start = reader.line_num + 1
        except csv.Error:  # the last record cannot be told apart: a quote is open
            yield start, []


def _what_is_broken(path: Path, separator: str, error: str) -> str:
    """Say pandas' parser error in our words, with the line of the file.

    pandas counts records, not lines, and a cell may span several lines.
    """
    header: list[str] = []
    start = 1
    for start, cells in _records(path, separator):
        header = header or cells
        if "fields" in error and len(cells) > len(header):
            return f", {_too_many(start, cells, header)}"
    if "inside string" in error:
        return f", line {start}: a quote opened here is never closed"
    return f": {error.removeprefix('Error tokenizing data. ').strip()}"


def _too_many(line: int, cells: list[str], header: list[str]) -> str:
    return f"line {line} has {len(cells)} fields where the header has {len(header)}"


def line_not_utf8(path: Path) -> str:
    """Name the first line that is not UTF-8."""
    with open_file(path, "rb") as lines:
        for number, line in enumerate(lines, 1):
            try:
                line.decode("utf-8")
            except UnicodeDecodeError as error:
                return f"line {number} is not UTF-8 text (byte {error.start + 1} of the line)"
    return "which is not UTF-8 text"


def _jsonl(path: Path) -> Any:
    import json

    import pandas as pd

    rows = []
    with open_file(path) as lines:
        for number, line in enumerate(lines, 1):
            if not line.strip():
                continue
            try:
                row = json.loads(line)
            except json.JSONDecodeError as error:
                raise DataError(f"{path}, line {number}: not JSON ({error.msg})") from error
            if not isinstance(row, dict):
                raise DataError(f"{path}, line {number}: expected an object, {{...}}")
            rows.append(row)
    return pd.DataFrame(rows)


def _parquet(path: Path) -> Any:
    import pandas as pd

    arrow = need("pyarrow", "reading Parquet")
    try:
        return pd.read_parquet(path)
    except (arrow.lib.ArrowException, OSError) as error:
        raise DataError(f"{path} is not a readable Parquet file: {error}") from error


def _nearest(path: Path) -> str:
    """Return ' (did you mean ...?)' if a file of a like name stands beside the path."""
    import difflib

    try:
        there = [p.name for p in path.parent.iterdir() if p.is_file()]
    except OSError:
        return ""
    near = difflib.get_close_matches(path.name, there, n=1, cutoff=0.7)
    return f" (did you mean {path.parent / near[0]}?)" if near else ""
