"""Where results go: checked before any work, and nothing of others' is overwritten."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from tamis import _write
from tamis.exceptions import ParameterError

__all__ = ["RESULT_FILES", "check_file", "check_folder", "is_model", "is_page"]

#: What `TuneResult.save` writes.
RESULT_FILES = (
    "model.tamis",
    "report.html",
    "leaderboard.csv",
    "ablation.csv",
    "data.csv",
    "changes.csv",
    "result.json",
)


def check_file(path: Path, ours: Callable[[Path], bool]) -> None:
    """Raise unless a file can be written to `path`: not there yet, or one of ours."""
    _write.check(path)
    if path.exists() and path.stat().st_size and not ours(path):
        raise ParameterError(
            f"{path} exists and was not written by this command: remove it or choose another name"
        )


def check_folder(path: Path) -> None:
    """Raise unless the files of a result can be written to the folder `path`, made if need be."""
    there = path
    while not there.exists() and there != there.parent:
        there = there.parent
    if not there.is_dir():
        raise ParameterError(f"{path} cannot be a folder: {there} is a file")
    if not os.access(there, os.W_OK):
        raise ParameterError(f"{path} cannot be written: no permission to write to {there}")
    taken = [name for name in RESULT_FILES if (path / name).exists()]
    if taken and not is_model(path / "model.tamis"):
        raise ParameterError(
            f"{path} already holds {taken[0]}, which tamis did not write: choose another folder"
        )


def is_model(path: Path) -> bool:
    """Return whether the file was written by `tamis.save`, by its first bytes."""
    return path.is_file() and b'"manifest"' in _start(path)


def is_page(path: Path) -> bool:
    """Return whether the file is a report of tamis."""
    return b'name="generator" content="tamis' in _start(path)


def _start(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(4096)
