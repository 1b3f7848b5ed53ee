"""The segments of an index: on disk as they were committed, in memory as they have become."""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np

from tamis import _threads
from tamis.dedup import _manifest
from tamis.dedup._lock import Lock
from tamis.dedup._manifest import Manifest
from tamis.dedup._segment import Segment, keys_of, read_arrays, stacked, write_arrays
from tamis.exceptions import DataError, StateError

__all__ = ["Store"]

#: How often opening starts anew when a writer replaces files at the same time.
_TRIES = 20
#: Files of an index other than the manifest, and what a writer that was killed leaves behind.
_OWN = re.compile(
    r"\.?\d{8}-[0-9a-f]{8}\.(segment|deleted)(\.[0-9a-f]{8})?|\.manifest\.json\.[0-9a-f]{8}"
)


class Store:
    """An index as it is on disk, with changes that are not committed.

    Attributes
    ----------
    manifest : Manifest
        What was committed last, as far as this object knows.
    segments : list of Segment
        All texts, in the order in which they were added.
    ids : str
        "int", "str", or "" while there is no text.
    next_id : int
        The number of the next text that comes without an id.
    changed : bool
        Whether there is something to commit.
    """

    def __init__(self, path: Path, n_jobs: int | None) -> None:
        self.path = path
        self.n_jobs = n_jobs
        self.lock = Lock(path / "lock")
        self.closed = False
        self.load(_manifest.read(path))

    def load(self, manifest: Manifest) -> None:
        """Take in what was committed.

        Raises
        ------
        StateError
            If a file is absent or damaged; the message names the file.
        """
        for _ in range(_TRIES):
            try:
                self.segments = _segments(self.path, manifest)
                break
            except FileNotFoundError as error:
                # A writer may have replaced the file since the manifest was read.
                newer = _manifest.read(self.path)
                if newer.generation == manifest.generation:
                    raise StateError(
                        f"{error.filename} is absent: copy the index again or make it anew"
                    ) from error
                manifest = newer
        else:
            raise StateError(f"{self.path} changes faster than it can be read: try again")
        self.manifest = manifest
        self.ids, self.next_id = manifest.ids, manifest.next_id
        self.changed = False

    def begin(self) -> None:
        """Take the lock before the first change, and read what others committed before that."""
        self.check_open()
        if not self.lock.held:
            self.lock.take()
            manifest = _manifest.read(self.path)
            if manifest.generation != self.manifest.generation or not self.segments:
                self.load(manifest)

    def find(self, names: list[Any]) -> dict[int, tuple[Segment, int]]:
        """Return {position in names: (segment, row)} of what is held."""
        if not names or ("str" if isinstance(names[0], str) else "int") != self.ids:
            return {}
        keys = keys_of(names)
        return {
            k: (segment, row)
            for segment in self.segments
            for k, row in segment.find(names, keys).items()
        }

    def check_new(self, names: list[Any], keys: np.ndarray) -> None:
        """Raise DataError if an id is given twice or held already."""
        if len(np.unique(keys)) < len(keys):
            seen = set()
            for name in names:
                if name in seen:
                    raise DataError(f"id {name!r} is given twice: each text has an id of its own")
                seen.add(name)
        found = self.find(names)
        if found:
            name = names[min(found)]
            raise DataError(f"id {name!r} is in the index already: delete it first, or rename it")

    def append(self, parts: list[dict[str, np.ndarray]]) -> None:
        """Add sets in memory, with what was added before where that is not much more."""
        total = sum(len(p["offsets"]) - 1 for p in parts)
        while self.segments and not self.segments[-1].name:
            if self.segments[-1].n_live > 2 * total:
                break
            last = self.segments.pop()
            total += last.n_live
            parts.insert(0, last.live())
        self.segments.append(self._stacked(parts))
        self.changed = True

    def check_open(self) -> None:
        """Raise StateError if the index was closed."""
        if self.closed:
            raise StateError(f"the index {self.path} is closed: open it again")

    def close(self) -> None:
        """Forget what was not committed, and let others write."""
        self.segments, self.changed, self.closed = [], False, True
        self.lock.release()

    def commit(self) -> None:
        """Write all changes to disk, all of them or none."""
        if not self.changed:
            return
        self._compact()
        heads = []
        for segment in self.segments:
            if not segment.name:
                name = f"{self.manifest.generation + 1:08d}-{secrets.token_hex(4)}.segment"
                segment.head = write_arrays(self.path / name, segment.arrays)
                segment.name = name
            heads.append(segment.head)
        dead = {
            s.name: np.flatnonzero(s.dead).astype(np.uint32)
            for s in self.segments
            if s.n_live < len(s)
        }
        name = f"{self.manifest.generation + 1:08d}-{secrets.token_hex(4)}.deleted"
        deleted = write_arrays(self.path / name, dead) if dead else {}
        manifest = Manifest(
            self.manifest.config, self.ids, self.next_id, self.manifest.generation + 1,
            heads, deleted,
        )  # fmt: skip
        _manifest.write(self.path, manifest)
        self.manifest, self.changed = manifest, False
        self._tidy()

    def _compact(self) -> None:
        """Join the last segments while they are small, and drop what was deleted where it is much.

        A segment is joined with what comes after it where that is half as large or more, so that
        a text is written about as often as the logarithm of the number of texts.
        """
        whole: list[Segment] = []
        for segment in self.segments:
            if segment.n_live == 0:
                continue
            if 2 * segment.n_live < len(segment):
                segment = self._stacked([segment.live()])  # noqa: PLW2901
            whole.append(segment)
        k, total = len(whole), 0
        while k and (not whole[k - 1].name or whole[k - 1].n_live <= 2 * total):
            k -= 1
            total += whole[k].n_live
        sizes = [*(segment.n_live for segment in whole[:k]), total]
        # Deletions may have left one smaller than the next.
        k = next((j for j in range(k) if sizes[j] <= sizes[j + 1]), k)
        if len(whole) - k > 1:
            whole[k:] = [self._stacked([segment.live() for segment in whole[k:]])]
        self.segments = whole

    def _stacked(self, parts: Iterable[dict[str, np.ndarray]]) -> Segment:
        threshold = self.manifest.config["threshold"]
        return stacked(parts, threshold, _threads.resolve(self.n_jobs))

    def _tidy(self) -> None:
        """Remove files that the manifest does not name: of earlier commits, or never finished."""
        known = self.manifest.files()
        for path in self.path.iterdir():
            if path.name not in known and _OWN.fullmatch(path.name):
                with suppress(OSError):
                    path.unlink()


def _segments(folder: Path, manifest: Manifest) -> list[Segment]:
    """Return the segments of an index, with what was deleted."""
    segments = [Segment(read_arrays(folder, h), h["name"], h) for h in manifest.segments]
    if manifest.deleted:
        gone = read_arrays(folder, manifest.deleted)
        for segment in segments:
            segment.dead[gone.get(segment.name, np.zeros(0, dtype=np.uint32))] = True
    return segments
