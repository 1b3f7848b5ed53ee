"""Files written whole or not at all."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from tamis.exceptions import ParameterError

__all__ = ["beside", "check", "replace"]


def check(path: str | os.PathLike[str]) -> Path:
    """Return the path, links followed, if a file can be put there.

    Raises
    ------
    ParameterError
        If the folder is not there or cannot be written to, or `path` is a folder itself.
    """
    real = Path(os.path.realpath(path))
    if not real.parent.is_dir():
        raise ParameterError(f"{path} cannot be written: there is no folder {real.parent}")
    if real.is_dir():
        raise ParameterError(f"{path} cannot be written: it is a folder")
    if not os.access(real.parent, os.W_OK):
        raise ParameterError(f"{path} cannot be written: no permission to write to {real.parent}")
    return real


def replace(path: str | os.PathLike[str], data: bytes) -> None:
    """Put `data` at `path` by writing a file beside it, syncing it to disk and renaming it.

    Raises
    ------
    ParameterError
        If it cannot be written; what was at `path` is then as it was.
    """
    with beside(path) as file:
        file.write(data)


@contextmanager
def beside(path: str | os.PathLike[str]) -> Iterator[IO[bytes]]:
    """Give a new file beside `path`; it is renamed to `path` when the block ends without error.

    Raises
    ------
    ParameterError
        If it cannot be written; what was at `path` is then as it was.
    """
    real = check(path)
    new = real.with_name(f".{real.name}.{secrets.token_hex(4)}")
    try:
        with _naming(path), new.open("xb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        with _naming(path):
            new.replace(real)
            _sync_folder(real.parent)
    finally:
        with suppress(OSError):
            new.unlink(missing_ok=True)


@contextmanager
def _naming(path: str | os.PathLike[str]) -> Iterator[None]:
    """Turn errors of the disk into one that names the path."""
    try:
        yield
    except OSError as error:
        raise ParameterError(f"{path} cannot be written: {error.strerror or error}") from error


def _sync_folder(folder: Path) -> None:
    """Make the rename outlast a power cut, where the system can."""
    if os.name != "posix":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        with suppress(OSError):  # some network folders cannot
            os.fsync(handle)
    finally:
        os.close(handle)
