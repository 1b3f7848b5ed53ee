"""Files to frames. An error names the file, and the line where there is one."""

from __future__ import annotations

import re
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
    if not path.is_file():
        raise ParameterError(f"no such file: {path}{_nearest(path)}")
    endings = [s.lower() for s in path.suffixes if s.lower() not in (".gz", ".bz2", ".xz", ".zst")]
    kind = FORMATS.get(endings[-1] if endings else "")
    if kind is None:
        raise ParameterError(
            f"cannot tell what {path} is: its name should end in one of {', '.join(FORMATS)}"
        )
    if path.stat().st_size == 0:
        raise DataError(f"{path} is empty")
    frame = _parquet(path) if kind == "parquet" else _text(path, kind)
    if frame.shape[1] == 0 or len(frame) == 0:
        raise DataError(f"{path} holds no rows")
    return frame


def _text(path: Path, kind: str) -> Any:
    import pandas as pd

    try:
        if kind == "jsonl":
            return _jsonl(path)
        # skipinitialspace: files in the wild write "a, b"; dates stay text until profiled.
        return pd.read_csv(
            path,
            sep="\t" if kind == "tsv" else ",",
            skipinitialspace=True,
            low_memory=False,
            encoding="utf-8-sig",
            on_bad_lines="error",
        )
    except pd.errors.ParserError as error:
        raise DataError(f"{path}: {_line_of(str(error))}") from error
    except UnicodeDecodeError as error:
        raise DataError(
            f"{path} is not UTF-8 text (byte {error.start}): save it as UTF-8 first"
        ) from error
    except (pd.errors.EmptyDataError, OSError, EOFError) as error:
        raise DataError(f"{path} cannot be read: {error}") from error


def _jsonl(path: Path) -> Any:
    import gzip
    import json

    import pandas as pd

    rows = []
    opener: Any = gzip.open if path.suffix == ".gz" else open
    with opener(path, "rt", encoding="utf-8-sig") as lines:
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


def _line_of(text: str) -> str:
    """Say pandas' parser error in our words, with the line first."""
    found = re.search(r"Expected (\d+) fields in line (\d+), saw (\d+)", text)
    if found:
        want, line, saw = found.groups()
        return f"line {line} has {saw} fields where the lines before it have {want}"
    found = re.search(r"EOF inside string starting at row (\d+)", text)
    if found:
        return f"a quote opened at data row {int(found.group(1)) + 1} is never closed"
    return text.removeprefix("Error tokenizing data. ").strip()


def _nearest(path: Path) -> str:
    """Return ' (did you mean ...?)' if a file of a like name stands beside the path."""
    import difflib

    try:
        there = [p.name for p in path.parent.iterdir() if p.is_file()]
    except OSError:
        return ""
    near = difflib.get_close_matches(path.name, there, n=1, cutoff=0.7)
    return f" (did you mean {path.parent / near[0]}?)" if near else ""
