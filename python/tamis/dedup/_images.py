"""Images that show the same: turned, mirrored, resized or compressed anew."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from tamis import _core, _progress, _threads
from tamis.dedup import _media, _pictures
from tamis.dedup._base import Deduplicator, check_choice
from tamis.dedup._found import Found, numbered
from tamis.dedup._result import Cells
from tamis.exceptions import DataError, ParameterError

__all__ = ["ImageDeduplicator"]

#: The turns by their number in the kernel, as a person names them: which way is which hangs on
#: which of two images is called the copy.
_TURNS = (
    "", ", mirrored", ", mirrored upside down", ", rotated 180", ", mirrored and rotated 90",
    ", rotated 90", ", rotated 90", ", mirrored and rotated 90",
)  # fmt: skip
_HASHES = ("phash+thumbnail", "dhash+thumbnail", "phash+dhash+thumbnail")
_KINDS = ("equal", *(h + t for h in _HASHES for t in dict.fromkeys(_TURNS)))


@dataclass(frozen=True)
class _Sketches:
    """What is kept of images: what the kernel gives, and what it cannot know."""

    small: np.ndarray
    size: np.ndarray
    n_bytes: np.ndarray
    keys: np.ndarray
    flat: np.ndarray
    broken: np.ndarray


class ImageDeduplicator(Deduplicator):
    """Keep one of each cluster of images that show the same.

    Copies that were rotated by 90, 180 or 270 degrees, mirrored, resized (the shape may change) or
    compressed anew are found; crops, recoloured images and images with something added are
    different images. An image is reduced to a grid of 32 x 32 cells. Images whose pHash or dHash
    differ in few bits, in any of eight turns, are candidates, and a candidate is a duplicate only
    if the grids agree in that turn: in every part, in colour, and in what is fine.

    JPEG files are read at a quarter of their size, which takes a fraction of the time. The
    orientation that cameras write is honoured. What can be seen through lies on white. Images with
    next to no contrast (white pages, say) have nothing to be recognised by: they are duplicates
    only if all their pixels are equal, in some turn.

    Parameters
    ----------
    max_distance : int, default=12
        How many of the 128 bits of a hash may differ for a pair to be looked at. A place of a hash
        is plus, minus or zero, and opposite signs count twice.
    orientations : bool, default=True
        Whether a rotated or mirrored copy is a duplicate.
    max_pixels : int, default=100_000_000
        Larger images are refused, by what their header says, before they are decoded.
    errors : {"raise", "skip"}, default="raise"
        What to do with an image that cannot be read: raise an error that names it, or leave it as
        it is, a duplicate of nothing, and warn.
    column : str, optional
        The column of a frame that holds the images (paths or bytes).
    keep : {"first", "last", "most_complete", "best"}, default="first"
        Which image of a cluster stays; ``"most_complete"`` is the one with the most pixels, then
        the most bytes, ``"best"`` the one with the highest score; the first of several.
    by : column name, array-like of shape (n_images,) or callable, optional
        The scores for ``keep="best"``: a column of `X`, numbers, or a function of `X` that returns
        them.
    linkage : {"star", "connected"}, default="star"
        Whether each image of a cluster matches the cluster's representative, or any other of it.
    n_jobs : int, optional
        Threads; the result does not depend on it.

    Attributes
    ----------
    duplicates_ : Duplicates
        What was found; a score of 1 says that the grids are equal.
    unreadable_ : ndarray, int64
        Positions of the images that could not be read (with ``errors="skip"``).
    sample_indices_ : ndarray of shape (n_images_out,), int64
        Positions of the images that stay, rising (after `fit_resample`).

    Notes
    -----
    `X` is a list of paths, bytes of files, PIL images and arrays, mixed as they come; an array of
    images of shape (n, rows, columns) or (n, rows, columns, channels); or a frame with a column of
    paths or bytes. Arrays have 1, 3 or 4 channels of uint8, uint16, or floats from 0 to 1. Files
    are JPEG, PNG, GIF (the first picture), WebP, BMP or TIFF.

    All pairs within `max_distance` are compared: the hashes are searched by the words that two
    near ones must share [2]_. The pHash takes the signs of the 63 lowest frequencies of the cosine
    transform [1]_, the dHash those of the differences of neighbours on 6 x 6 cells.

    References
    ----------
    .. [1] C. Zauner, "Implementation and Benchmarking of Perceptual Image Hash Functions", 2010.
    .. [2] M. Norouzi, A. Punjani, D. Fleet, "Fast Search in Hamming Space with Multi-Index
       Hashing", CVPR 2012.

    Examples
    --------
    >>> import numpy as np
    >>> from tamis.dedup import ImageDeduplicator
    >>> rows, columns = np.mgrid[:60, :80]
    >>> slope = np.uint8(3 * columns)
    >>> waves = np.uint8(128 + 100 * np.sin(rows / 9) * np.cos(columns / 7))
    >>> step = ImageDeduplicator().fit([slope, waves, np.rot90(waves)])
    >>> step.duplicates_.pairs
       left  right  score                           evidence
    0     1      2    1.0  phash+dhash+thumbnail, rotated 90
    """

    _unit = "image"

    def __init__(
        self,
        max_distance: int = 12,
        *,
        orientations: bool = True,
        max_pixels: int = 100_000_000,
        errors: str = "raise",
        column: Any = None,
        keep: str = "first",
        by: Any = None,
        linkage: str = "star",
        n_jobs: int | None = None,
    ) -> None:
        self.max_distance = max_distance
        self.orientations = orientations
        self.max_pixels = max_pixels
        self.errors = errors
        self.column = column
        self.keep = keep
        self.by = by
        self.linkage = linkage
        self.n_jobs = n_jobs

    def _check_parameters(self) -> None:
        super()._check_parameters()
        check_choice("errors", self.errors, ("raise", "skip"))
        for name, most in (("max_distance", 128), ("max_pixels", 2**40)):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int | np.integer):
                raise ParameterError(f"{name} must be an integer; got {value!r}")
            if not 0 <= value <= most:
                raise ParameterError(f"{name} must be from 0 to {most}; got {value}")
        if not isinstance(self.orientations, bool | np.bool_):
            raise ParameterError(f"orientations must be True or False; got {self.orientations!r}")

    def _items(self, X: Any, what: str) -> _Sketches:
        items = _pictures.sources(X, self.column, what)
        n = len(items)
        parts: list[tuple[Any, ...]] = []
        n_bytes, broken, first = np.zeros(n, np.int64), np.zeros(n, bool), None
        given = partial(_pictures.given, what=what, max_pixels=self.max_pixels)
        with _progress.bar(n, "images") as bar:
            for start, batch in _media.batches(items, given, 256, 64 << 20):
                ready = [b"" if isinstance(b, DataError) else b for b in batch]
                *arrays, failed = _core.image_sketches(
                    ready, self.max_pixels, n_jobs=_threads.resolve(self.n_jobs)
                )
                parts.append(tuple(arrays))
                reasons = {start + k: reason for k, reason in failed}
                for k, one in enumerate(batch):
                    place = start + k
                    if isinstance(one, bytes):
                        n_bytes[place] = len(one)
                    elif isinstance(one, tuple):
                        n_bytes[place] = one[0].nbytes
                    if place in reasons:
                        named = f"{_media.name(items[place], place, what)}: {reasons[place]}"
                        error = one if isinstance(one, DataError) else DataError(named)
                        if self.errors == "raise":
                            raise error
                        broken[place], first = True, first or error
                bar.update(len(batch))
        if first is not None:
            _media.warn_of_broken(int(broken.sum()), self._unit, first)
        if what == "X":
            self.unreadable_ = np.flatnonzero(broken)
        empty = _core.image_sketches([], self.max_pixels)[:4]
        small, size, keys, flat = (np.concatenate(a) for a in zip(empty, *parts, strict=True))
        return _Sketches(small, size, n_bytes, keys, flat, broken)

    def _join(self, train: _Sketches, test: _Sketches) -> _Sketches:
        return _media.joined(train, test)

    def _search(self, items: _Sketches, n_left: int | None) -> Found:
        group, first = self._groups(items)
        sides = _media.sides(group, len(first), n_left)
        able = np.flatnonzero(~(items.flat | items.broken)[first])
        with _progress.bar(len(able), "pairs of images") as bar:
            left, right, score, turn, hashes = _core.image_pairs(
                np.ascontiguousarray(items.small[first[able]]),
                self.max_distance,
                bool(self.orientations),
                None if sides is None else sides[able],
                n_jobs=_threads.resolve(self.n_jobs),
                progress=_progress.kernel_callback(bar),
            )
        kinds = np.array([[_KINDS.index(h + t) for t in _TURNS] for h in _HASHES])
        return Found(
            group,
            able[left],
            able[right],
            score,
            kinds[hashes - 1, turn],
            _KINDS,
            items.keys[first, 0],
        )

    def _groups(self, items: _Sketches) -> tuple[np.ndarray, np.ndarray]:
        """Return the group of each image (equal bytes, or flat and equal pixels), and its first."""
        key = items.keys[:, :2].copy()
        # Flat images are known by their pixels: upright, or in the turn of the least hash.
        own = slice(4, 6) if self.orientations else slice(2, 4)
        key[items.flat] = items.keys[items.flat, own]
        kind = np.where(items.broken, 2 + np.arange(len(key)), items.flat)
        rows = np.column_stack([kind.astype(np.uint64), key])
        _, group = np.unique(rows, axis=0, return_inverse=True)
        group = numbered(group.reshape(-1))
        return group, np.unique(group, return_index=True)[1]

    def _completeness(self, X: Any, items: _Sketches) -> np.ndarray:
        # The rank by pixels, then by bytes.
        rows = np.column_stack([items.size.prod(axis=1), items.n_bytes])
        return np.unique(rows, axis=0, return_inverse=True)[1].reshape(-1)

    def _cells(self, X: Any, rows: np.ndarray) -> Cells:
        items = _pictures.sources(X, self.column, "X")
        lines = []
        for row in rows.tolist():
            source = items[row]
            called = _media.name(source, row, "X")
            try:
                one = _pictures.given(source, row, "X", self.max_pixels)
                picture = _pictures.html(
                    *_core.image_preview(one, _PREVIEW, self.max_pixels), alt=called
                )
            except DataError as error:  # the file went away, say
                lines.append([str(error), called])
            else:
                lines.append([picture, called])
        return Cells(["image", "name"], lines)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.two_d_array = False
        tags.input_tags.three_d_array = True
        tags.input_tags.string = True
        tags.no_validation = True
        return tags


#: The longer side of a picture shown, in pixels.
_PREVIEW = 192
