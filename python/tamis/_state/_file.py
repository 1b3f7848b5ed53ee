"""The file: safetensors with the manifest in its metadata, a checksum, written atomically."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import safetensors
from safetensors.numpy import save as to_bytes

from tamis import _write
from tamis.exceptions import ParameterError, StateError

__all__ = ["read_file", "write_file"]

#: The format this version writes and the newest that it reads.
FORMAT = 1
#: safetensors refuses headers beyond 100 MB, and the manifest is part of the header.
_MANIFEST_LIMIT = 80_000_000


def write_file(path: Path, manifest: dict[str, Any], arrays: dict[str, np.ndarray]) -> Path:
    """Write the file whole or not at all."""
    text = json.dumps(manifest, separators=(",", ":"), allow_nan=False)
    if len(text) > _MANIFEST_LIMIT:
        raise StateError(
            f"this holds {len(text) / 1e6:.0f} MB of texts and other values that are not numeric "
            f"arrays, and {_MANIFEST_LIMIT / 1e6:.0f} MB fit into one file"
        )
    head = {"format": str(FORMAT), "manifest": text, "sha256": _digest(FORMAT, text, arrays)}
    _write.replace(path, to_bytes(arrays, metadata=head))
    return path


def read_file(path: Path) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """Read manifest and arrays, and check that they are what was written."""
    if not path.is_file():
        what = "is a folder, not a file" if path.is_dir() else "does not exist"
        raise ParameterError(f"{path} {what}: give the path of a file that tamis.save wrote")
    head, arrays = _open(path)
    version = head.get("format", "")
    if "manifest" not in head or "sha256" not in head or not version.isdecimal():
        raise StateError(f"{path} is a safetensors file, but not one that tamis.save wrote")
    if int(version[:9]) > FORMAT:
        raise StateError(
            f"{path} is of format {version[:9]}, and this tamis reads up to {FORMAT}: upgrade tamis"
        )
    if _digest(int(version), head["manifest"], arrays) != head["sha256"]:
        raise StateError(
            f"{path} is damaged (its checksum does not fit): copy it again or save it anew"
        )
    try:
        manifest = json.loads(head["manifest"])
    except (ValueError, RecursionError) as error:
        raise StateError(f"{path} holds no readable manifest ({error}): save it anew") from error
    if not isinstance(manifest, dict):
        raise StateError(f"{path} holds no readable manifest: save it anew")
    return manifest, arrays


def _open(path: Path) -> tuple[dict[str, str], dict[str, np.ndarray]]:
    """Return metadata and arrays of a safetensors file."""
    try:
        with safetensors.safe_open(path, framework="numpy") as file:
            head = file.metadata() or {}
            return head, {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except OSError as error:
        raise ParameterError(f"{path} cannot be read: {error.strerror or error}") from error
    except Exception as error:  # safetensors' own error, and what NumPy says to odd arrays
        raise StateError(
            f"{path} is not a file that tamis.save wrote, or it is cut off ({error}): "
            "copy it again or save it anew"
        ) from error


def _digest(version: int, text: str, arrays: dict[str, np.ndarray]) -> str:
    digest = hashlib.sha256(f"{version}\n{text}".encode("utf-8", "surrogatepass"))
    for name in sorted(arrays):
        array = arrays[name]
        digest.update(f"\n{name} {array.dtype.str} {array.shape}\n".encode())
        digest.update(np.ascontiguousarray(array).reshape(-1).view(np.uint8).data)
    return digest.hexdigest()
