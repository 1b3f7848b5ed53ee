"""What an index consists of: one small file, replaced as a whole, that names all others."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from tamis import _write
from tamis.exceptions import ParameterError, StateError

__all__ = ["FILE", "Manifest", "read", "write"]

FILE = "manifest.json"
#: The format this version writes, and the newest that it reads.
FORMAT = 1


@dataclass
class Manifest:
    """The state of an index as it was last committed.

    Attributes
    ----------
    config : dict
        threshold, shingle, shingle_size and normalize.
    ids : str
        "int", "str", or "" while nothing was added.
    next_id : int
        The number of the next text that comes without an id.
    generation : int
        How often was committed.
    segments : list of dict
        The files, each with its name, size and checksum.
    deleted : dict
        The file of what was deleted; empty where nothing is.
    """

    config: dict[str, Any]
    ids: str = ""
    next_id: int = 0
    generation: int = 0
    segments: list[dict[str, Any]] = field(default_factory=list)
    deleted: dict[str, Any] = field(default_factory=dict)

    def files(self) -> set[str]:
        """Return the names of all files but this one."""
        heads = [*self.segments, *([self.deleted] if self.deleted else [])]
        return {head["name"] for head in heads}


def write(folder: Path, manifest: Manifest) -> None:
    """Put the manifest in place of the last one: this is the moment of a commit."""
    body = json.dumps({"format": FORMAT, **asdict(manifest)}, separators=(",", ":"))
    digest = hashlib.sha256(body.encode()).hexdigest()
    _write.replace(folder / FILE, f"{digest}\n{body}".encode())


def read(folder: Path) -> Manifest:
    """Return the manifest of an index.

    Raises
    ------
    ParameterError
        If there is no index.
    StateError
        If it is damaged or of a later format; the message names the file.
    """
    path = folder / FILE
    try:
        data = path.read_bytes()
    except OSError as error:
        raise ParameterError(
            f"{folder} is no index (it has no readable {FILE}): give the folder that "
            "DedupIndex.create made"
        ) from error
    digest, _, body = data.partition(b"\n")
    if hashlib.sha256(body).hexdigest().encode() != digest:
        raise StateError(
            f"{path} is damaged (its checksum does not fit): copy the index again or make it anew"
        )
    held = json.loads(body)
    if held.pop("format") > FORMAT:
        raise StateError(f"{path} is of a later format than this tamis reads: upgrade tamis")
    return Manifest(**held)
