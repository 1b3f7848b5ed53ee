"""One writer at a time: a lock that a process loses when it ends, however it ends."""

from __future__ import annotations

import os
from pathlib import Path

from tamis.exceptions import ParameterError, StateError

__all__ = ["Lock"]


class Lock:
    """A lock on a file.

    The file stays where it is; what counts is the system's lock on it, which goes with the process.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._handle: int | None = None

    @property
    def held(self) -> bool:
        """Whether it is held by this object."""
        return self._handle is not None

    def take(self) -> None:
        """Take the lock, unless it is held.

        Raises
        ------
        StateError
            If another process, or another object of this one, holds it; the message names both.
        ParameterError
            If the file cannot be written.
        """
        if self.held:
            return
        try:
            handle = os.open(self.path, os.O_RDWR | os.O_CREAT, 0o666)
        except OSError as error:
            raise ParameterError(
                f"{self.path} cannot be written: {error.strerror or error}"
            ) from error
        try:
            _lock(handle)
        except OSError:
            holder = os.read(handle, 40).decode("ascii", "replace").strip() or "unknown"
            os.close(handle)
            raise StateError(
                f"{self.path.parent} is being written to by another (process {holder}, which holds "
                f"{self.path}): only one writes at a time, and the others read"
            ) from None
        os.ftruncate(handle, 0)
        os.write(handle, str(os.getpid()).encode())
        self._handle = handle

    def release(self) -> None:
        """Let it go, if it is held."""
        if self._handle is not None:
            os.close(self._handle)
            self._handle = None

    def __del__(self) -> None:
        self.release()


def _lock(handle: int) -> None:
    """Lock an open file or raise OSError at once."""
    if os.name == "nt":
        import msvcrt

        os.lseek(handle, 1 << 30, os.SEEK_SET)  # beyond the text, which others may read
        msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined,unused-ignore]
        os.lseek(handle, 0, os.SEEK_SET)
    else:
        import fcntl

        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
