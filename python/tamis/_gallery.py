"""A gallery of suspect images or texts."""

from __future__ import annotations

import io
import textwrap
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from tamis import _frame
from tamis._draw import INK, PALE, SOFT
from tamis._optional import need
from tamis.exceptions import DataError, ParameterError, ShapeError

__all__ = ["plot_gallery"]

#: Pixels of an image's longer side that are drawn, at most.
_PIXELS = 320
#: Letters a line and lines of a text, and letters of a caption.
_LINE, _LINES, _CAPTION = 36, 11, 40
_FILES = (".png", ".jpg", ".jpeg", ".gif", ".bmp", ".tif", ".tiff", ".webp")


def plot_gallery(
    items: Any,
    scores: Any = None,
    *,
    mask: Any = None,
    captions: Sequence[Any] | None = None,
    n: int = 12,
    columns: int = 4,
    axes: Any = None,
) -> np.ndarray:
    """Draw suspect images or texts, the most suspect first.

    Parameters
    ----------
    items : sequence of n_items images or texts
        Images are arrays (rows by columns, with 3 or 4 channels or without; whole numbers up to
        255, other numbers from their least to their greatest), paths of files, bytes of files, or
        PIL images. A str is a text, unless it is the path of an image's file that is there.
    scores : array-like of shape (n_items,), optional
        Low is suspect: the `score_samples` of a detector, or the `quality` of labels. The lowest
        come first. Without scores, items come in their order.
    mask : array-like of shape (n_items,), bool, optional
        Which items are suspect; the others are left out. An outlier's is ``predict(X) == -1``.
    captions : sequence of n_items, optional
        What stands above each item ("given: cat, suggested: dog"); by default its position and,
        where there are scores, its score.
    n : int, default=12
        Items that are drawn, at most.
    columns : int, default=4
        Items side by side.
    axes : array of matplotlib Axes, optional
        Where to draw, one for each item; by default on a new figure.

    Returns
    -------
    ndarray of matplotlib Axes
        One for each item drawn, in the order of the gallery.

    Raises
    ------
    MissingExtraError
        If matplotlib is not installed (the extra ``plot``).
    ShapeError
        If `scores`, `mask` or `captions` is not one for each item, or there are too few axes.
    DataError
        If an item is neither a text nor an image that can be read.
    ParameterError
        If no item is suspect, or `n` or `columns` is no whole number from 1 on.

    Examples
    --------
    >>> import numpy as np
    >>> from tamis.outlier import plot_gallery
    >>> axes = plot_gallery(["fine", "BUY NOW", "fine too"], scores=[0.9, 0.1, 0.8], n=2)
    >>> [ax.get_title() for ax in axes]
    ['1: 0.1', '2: 0.8']
    """
    for name, value in (("n", n), ("columns", columns)):
        if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < 1:
            raise ParameterError(f"{name} must be a whole number from 1 on; got {value!r}")
    items = _listed(items)
    order = _order(len(items), scores, mask)[:n]
    if captions is not None and len(captions) != len(items):
        raise ShapeError(f"{len(captions)} captions for {len(items)} items: give one for each")
    if axes is None:
        axes = _new_axes(len(order), min(columns, len(order)))
    axes = np.atleast_1d(np.asarray(axes, dtype=object)).ravel()
    if len(axes) < len(order):
        raise ShapeError(f"{len(axes)} axes for {len(order)} items: give one for each, or less n")
    for ax, place in zip(axes, order, strict=False):
        if captions is not None:
            title = str(captions[place])
        else:
            title = f"{place}" if scores is None else f"{place}: {float(scores[place]):.3g}"
        _draw(ax, items[place], place)
        ax.set_title(
            textwrap.shorten(title, _CAPTION, placeholder="…"),
            fontsize=9, color=INK, parse_math=False,
        )  # fmt: skip
    return axes[: len(order)]


def _listed(items: Any) -> list[Any]:
    """Return the items of an array, a list or a column as a list."""
    if _frame.is_frame(items) or isinstance(items, str | bytes | dict):
        raise ParameterError(
            "items must be a sequence of images or texts (a column, a list, an array); got "
            f"{type(items).__name__}"
        )
    if hasattr(items, "to_list"):  # a pandas or polars column
        return items.to_list()
    return items.to_pylist() if hasattr(items, "to_pylist") else list(items)


def _order(count: int, scores: Any, mask: Any) -> np.ndarray:
    """Return the positions of the suspect items, the most suspect first."""
    chosen = np.arange(count)
    if mask is not None:
        flags = np.asarray(mask)
        if flags.shape != (count,) or flags.dtype != bool:
            raise ShapeError(
                f"mask must be {count} booleans, one for each item; got {flags.dtype} of shape "
                f"{flags.shape}"
            )
        chosen = np.flatnonzero(flags)
    if scores is not None:
        numbers = np.asarray(scores, dtype=np.float64)
        if numbers.shape != (count,):
            raise ShapeError(f"scores must be {count} numbers; got shape {numbers.shape}")
        chosen = chosen[np.argsort(numbers[chosen], kind="stable")]
    if not len(chosen):
        raise ParameterError("there is nothing to draw: no item is given, or none is suspect")
    return chosen


def _new_axes(count: int, columns: int) -> np.ndarray:
    plt = need("matplotlib.pyplot", "a picture")
    rows = -(-count // columns)
    size = (2.6 * columns, 2.3 * rows)
    figure, grid = plt.subplots(rows, columns, figsize=size, layout="constrained", squeeze=False)
    for ax in grid.ravel()[count:]:
        figure.delaxes(ax)
    return grid.ravel()[:count]


def _draw(ax: Any, item: Any, place: int) -> None:
    ax.set_xticks([])
    ax.set_yticks([])
    for side in ax.spines.values():
        side.set_visible(False)
    if isinstance(item, str) and not (item.lower().endswith(_FILES) and Path(item).is_file()):
        lines = textwrap.wrap(" ".join(item.split()), _LINE) or ["(empty)"]
        if len(lines) > _LINES:
            lines = [*lines[: _LINES - 1], lines[_LINES - 1][: _LINE - 1] + "…"]
        ax.set_facecolor(PALE)
        ax.text(
            0.04, 0.94, "\n".join(lines), transform=ax.transAxes, va="top", fontsize=7.5,
            color=INK if item.strip() else SOFT, linespacing=1.35, parse_math=False, clip_on=True,
        )  # fmt: skip
        return
    image = _image(item, place)
    ax.imshow(image, cmap="gray" if image.ndim == 2 else None)


def _opened(item: bytes | str | Path) -> Any:
    """Return the image of a file, or of its bytes."""
    from PIL import Image  # matplotlib brings it

    with Image.open(io.BytesIO(item) if isinstance(item, bytes) else item) as image:
        return image.convert(image.mode if image.mode in ("L", "RGB", "RGBA") else "RGB")


def _image(item: Any, place: int) -> np.ndarray:
    """Return an image as an array that matplotlib draws, made small by leaving pixels out."""
    try:
        pixels = np.asarray(_opened(item) if isinstance(item, bytes | str | Path) else item)
    except (OSError, ValueError) as error:
        raise DataError(f"item {place} cannot be read as an image: {error}") from error
    if pixels.ndim == 3 and pixels.shape[2] == 1:
        pixels = pixels[:, :, 0]
    flat = pixels.ndim == 2 or (pixels.ndim == 3 and pixels.shape[2] in (3, 4))
    if not flat or not pixels.size or pixels.dtype.kind not in "buif":
        raise DataError(
            f"item {place} is no text and no image: an image has rows and columns of pixels, and "
            f"1, 3 or 4 channels; got {type(item).__name__} of shape {pixels.shape}"
        )
    step = -(-max(pixels.shape[:2]) // _PIXELS)
    pixels = pixels[::step, ::step]
    if pixels.ndim == 2 or pixels.dtype == np.uint8:
        return pixels.astype(np.float64) if pixels.ndim == 2 else pixels
    if pixels.dtype.kind in "iu" and pixels.min() >= 0 and pixels.max() <= 255:
        return pixels.astype(np.uint8)
    low, high = np.nanmin(pixels), np.nanmax(pixels)
    if low >= 0 and high <= 1:
        return pixels.astype(np.float64)
    return (pixels - low) / ((high - low) or 1.0)
