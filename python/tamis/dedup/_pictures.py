"""Images in any of the forms that callers have, as the image kernels take them."""

from __future__ import annotations

import base64
import struct
import zlib
from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np
from markupsafe import Markup

from tamis.dedup import _media
from tamis.exceptions import DataError, ParameterError

__all__ = ["given", "html", "sources"]

#: An image as it was given: a path, bytes, a PIL image or an array.
Source: TypeAlias = Any
#: What the kernel takes: the bytes of a file; or pixels (rows, columns, channels) and the
#: orientation as cameras write it.
Given: TypeAlias = bytes | tuple[np.ndarray, int]

#: The tag that holds the orientation.
_ORIENTATION = 0x112


def sources(X: Any, column: Any, what: str) -> list[Source]:
    """Return the images of a list, an array of images, or a column of a frame."""
    found = _media.items_of(X, column, what, "images")
    if found is not None:
        return found
    if isinstance(X, np.ndarray) and X.ndim not in (1, 3, 4):
        raise ParameterError(
            f"{what} must have the shape (n, rows, columns) or (n, rows, columns, channels); got "
            f"{X.shape}: put a single image into a list"
        )
    if isinstance(X, str | bytes) or not isinstance(X, Sequence | np.ndarray):
        raise ParameterError(
            f"{what} must be a list of images, an array of images or a frame; got "
            f"{type(X).__name__}"
        )
    return list(X)


def given(source: Source, place: int, what: str, max_pixels: int) -> Given:
    """Return an image as the kernel takes it; files are read here.

    Raises
    ------
    DataError
        If it is no image, or its file cannot be read.
    """
    called = _media.name(source, place, what)
    read = _media.file(source, called)
    if read is not None:
        return read
    try:
        if isinstance(source, np.ndarray):
            return _pixels(source), 1
        if hasattr(source, "getexif") and hasattr(source, "size"):
            return _of_pil(source, max_pixels)
    except DataError as error:
        raise DataError(f"{called}: {error}") from None
    raise DataError(
        f"{called} is {_media.kind(source)}: an image is a path, bytes, a PIL image or an array"
    )


def _of_pil(image: Any, max_pixels: int) -> Given:
    """Return a PIL image, which is decoded now if it was not, turned as its file asks."""
    width, height = image.size
    if width * height > max_pixels:
        raise DataError(
            f"the image has {width} x {height} pixels, and more than max_pixels={max_pixels} are "
            "not decoded: raise max_pixels if the file can be trusted"
        )
    try:
        image.load()
        tag = image.getexif().get(_ORIENTATION, 1)  # Pillow itself turns TIFF files when it loads
        if image.mode not in ("L", "LA", "RGB", "RGBA", "I;16", "F", "1"):
            image = image.convert("RGBA" if "transparency" in image.info else "RGB")
        array = np.asarray(image)
    except (OSError, SyntaxError, ValueError) as error:
        raise DataError(f"the image cannot be decoded: {error}") from error
    return _pixels(array), tag if tag in range(1, 9) else 1


def _pixels(array: np.ndarray) -> np.ndarray:
    """Return an array of pixels as (rows, columns, channels) of uint8 or uint16."""
    shape = array.shape
    if array.ndim == 2:
        array = array[:, :, None]
    if array.ndim != 3 or array.shape[2] not in (1, 2, 3, 4) or not array.size:
        raise DataError(
            f"an array of shape {shape} is no image: it must be (rows, columns) or (rows, "
            "columns, channels) with 1, 3 or 4 channels"
        )
    if array.dtype == bool:
        array = array.astype(np.uint8) * 255
    elif array.dtype.kind == "f":
        if not np.isfinite(array).all() or array.min() < 0 or array.max() > 1:
            raise DataError("values of a float image must lie in 0 to 1: divide by the maximum")
        array = np.rint(array * 65535.0).astype(np.uint16)
    elif array.dtype.kind in "iu" and array.dtype not in (np.uint8, np.uint16):
        if array.min() < 0 or array.max() > 255:
            raise DataError(f"values of an {array.dtype} image must lie in 0 to 255")
        array = array.astype(np.uint8)
    elif array.dtype.kind not in "iu":
        raise DataError(f"an array of {array.dtype} is no image: use uint8, uint16 or float")
    return np.ascontiguousarray(array, dtype=array.dtype.newbyteorder("="))


def html(rows: int, columns: int, rgb: bytes, alt: str) -> Markup:
    """Return a small picture as an HTML image with its data inside."""
    lines = b"".join(b"\0" + rgb[i * 3 * columns : (i + 1) * 3 * columns] for i in range(rows))
    png = b"\x89PNG\r\n\x1a\n"
    for kind, data in (
        (b"IHDR", struct.pack(">IIBBBBB", columns, rows, 8, 2, 0, 0, 0)),
        (b"IDAT", zlib.compress(lines, 6)),
        (b"IEND", b""),
    ):
        png += struct.pack(">I", len(data)) + kind + data
        png += struct.pack(">I", zlib.crc32(kind + data))
    code = base64.b64encode(png).decode()
    return Markup('<img alt="{}" src="data:image/png;base64,{}">').format(alt, code)
