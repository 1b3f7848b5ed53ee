"""Files written whole or not at all."""

from __future__ import annotations

import os
import secrets
from contextlib import suppress
from pathlib import Path

from tamis.exceptions import ParameterError

__all__ = ["check", "replace"]


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
    real = check(path)
    beside = real.with_name(f".{real.name}.{secrets.token_hex(4)}")
    try:
        with beside.open("xb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(real)
        _sync_folder(real.parent)
    except OSError as error:
        raise ParameterError(f"{path} cannot be written: {error.strerror or error}") from error
    finally:
        with suppress(OSError):
            beside.unlink(missing_ok=True)


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
