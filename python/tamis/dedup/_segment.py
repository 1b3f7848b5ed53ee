"""Parts of an index: arrays in memory, or in a file that never changes."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import save

from tamis import _core, _write
from tamis.exceptions import StateError

__all__ = ["Segment", "keys_of", "read_arrays", "stacked", "write_arrays"]

_DTYPES = {"I64": np.int64, "U64": np.uint64, "U32": np.uint32, "U8": np.uint8}
_SETS = ("identity", "offsets", "hashes")
_POSTINGS = ("common", "counts", "tokens", "rows")
#: Bytes that are checked at a time.
_CHUNK = 1 << 24


class Segment:
    """Some texts of an index, with what finds them.

    Attributes
    ----------
    arrays : dict of str to ndarray
        The sets of shingles (identity, offsets, hashes), where their rare shingles stand (common,
        counts, tokens, rows), and the ids: `ids` (int64), or `id_offsets` and `id_bytes`. `id_keys`
        are the ids (or hashes of them), rising, and `id_rows` their rows.
    dead : ndarray of bool
        Which texts were deleted.
    name : str
        The file, or "" where it is in memory alone.
    """

    def __init__(self, arrays: dict[str, np.ndarray], name: str = "", head: Any = None) -> None:
        self.arrays = arrays
        self.name = name
        self.head = head  # how the file is known: name, size and checksum
        self.dead = np.zeros(len(arrays["offsets"]) - 1, dtype=bool)

    def __len__(self) -> int:
        return len(self.dead)

    @property
    def n_live(self) -> int:
        """How many texts were not deleted."""
        return len(self) - int(np.count_nonzero(self.dead))

    def sets(self) -> tuple[np.ndarray, ...]:
        """Return what the kernel takes for the sets."""
        return tuple(self.arrays[name] for name in _SETS)

    def postings(self) -> tuple[np.ndarray, ...]:
        """Return what the kernel takes to find them."""
        return tuple(self.arrays[name] for name in _POSTINGS)

    def id_of(self, row: int) -> int | str:
        """Return the id of a text."""
        if "ids" in self.arrays:
            return int(self.arrays["ids"][row])
        start, end = self.arrays["id_offsets"][row : row + 2]
        return self.arrays["id_bytes"][start:end].tobytes().decode("utf-8", "surrogatepass")

    def find(self, ids: list[Any], keys: np.ndarray) -> dict[int, int]:
        """Return {position in ids: row} of the ids that this segment holds and did not delete."""
        held = self.arrays["id_keys"]
        start = np.searchsorted(held, keys, "left")
        end = np.searchsorted(held, keys, "right")
        found = {}
        for k in np.flatnonzero(end > start).tolist():
            for row in self.arrays["id_rows"][start[k] : end[k]].tolist():
                if not self.dead[row] and self.id_of(row) == ids[k]:
                    found[k] = row
        return found

    def live(self) -> dict[str, np.ndarray]:
        """Return the sets and ids of the texts that were not deleted."""
        keep = ~self.dead
        a = self.arrays
        out = {"identity": a["identity"].reshape(-1, 2)[keep].reshape(-1)}
        out["offsets"], out["hashes"] = _chosen(a["offsets"], a["hashes"], keep)
        if "ids" in a:
            out["ids"] = a["ids"][keep]
        else:
            out["id_offsets"], out["id_bytes"] = _chosen(a["id_offsets"], a["id_bytes"], keep)
        return out


def _chosen(
    offsets: np.ndarray, data: np.ndarray, keep: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return the parts of ragged data that are kept."""
    if keep.all():
        return np.asarray(offsets), np.asarray(data)
    size = np.diff(offsets)
    return np.concatenate([[0], np.cumsum(size[keep])]), data[np.repeat(keep, size)]


def keys_of(ids: list[Any]) -> np.ndarray:
    """Return what ids are looked up by: integers as they are, texts by a hash."""
    if all(isinstance(i, int) for i in ids):
        return np.array(ids, dtype=np.int64)
    encoded = (i.encode("utf-8", "surrogatepass") for i in ids)
    digests = b"".join(hashlib.blake2b(e, digest_size=8).digest() for e in encoded)
    return np.frombuffer(digests, dtype="<i8").astype(np.int64)


def stacked(parts: Iterable[dict[str, np.ndarray]], threshold: float, n_jobs: int) -> Segment:
    """Return one segment in memory of the sets and ids of several."""
    parts = list(parts)
    arrays: dict[str, np.ndarray] = {}
    for name in parts[0]:
        pieces = [p[name] for p in parts]
        if name.endswith("offsets"):
            ends = np.cumsum([0, *(p[-1] for p in pieces)])
            moved = [p[1:] + e for p, e in zip(pieces, ends, strict=False)]
            pieces = [np.zeros(1, np.int64), *moved]
        arrays[name] = np.concatenate(pieces)
    if "ids" in arrays:
        keys = arrays["ids"]
    else:
        offsets, data = arrays["id_offsets"].tolist(), arrays["id_bytes"].tobytes()
        texts = [data[i:j] for i, j in pairwise(offsets)]
        keys = keys_of([t.decode("utf-8", "surrogatepass") for t in texts])
    order = np.argsort(keys, kind="stable")
    arrays["id_keys"], arrays["id_rows"] = keys[order], order.astype(np.uint32)
    sets = tuple(arrays[name] for name in _SETS)
    found = _core.index_postings(sets, threshold, n_jobs=n_jobs)
    arrays.update(zip(_POSTINGS, found, strict=True))
    return Segment(arrays)


# --- files --------------------------------------------------------------------------------------


def write_arrays(path: Path, arrays: dict[str, np.ndarray]) -> dict[str, Any]:
    """Write a file (safetensors) whole or not at all; return its name, size and checksum."""
    data = save({name: np.ascontiguousarray(a) for name, a in arrays.items()})
    _write.replace(path, data)
    return {"name": path.name, "size": len(data), "sha256": hashlib.sha256(data).hexdigest()}


def read_arrays(folder: Path, head: dict[str, Any]) -> dict[str, np.ndarray]:
    """Return the arrays of a file, mapped into memory, once its checksum was found right.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    StateError
        If it is not what was written; the message names it.
    """
    path = folder / head["name"]
    damaged = StateError(
        f"{path} is damaged (its checksum does not fit): copy the index again or make it anew"
    )
    if path.stat().st_size != head["size"]:
        raise damaged
    whole = np.memmap(path, dtype=np.uint8, mode="r")
    digest = hashlib.sha256()
    for start in range(0, len(whole), _CHUNK):
        digest.update(whole[start : start + _CHUNK].data)
    if digest.hexdigest() != head["sha256"]:
        raise damaged
    n = int.from_bytes(whole[:8].tobytes(), "little")
    arrays = {}
    for name, entry in json.loads(whole[8 : 8 + n].tobytes()).items():
        if name != "__metadata__":
            start, end = entry["data_offsets"]
            raw = np.asarray(whole)[8 + n + start : 8 + n + end]
            arrays[name] = raw.view(_DTYPES[entry["dtype"]])
    return arrays
