"""Operations that mix the images of a batch, and their labels with them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, ClassVar

import numpy as np

from tamis import _core
from tamis.augment._base import Node, _count
from tamis.augment._fields import Number
from tamis.exceptions import DataError, ParameterError, ShapeError

__all__ = ["CutMix", "MixUp", "Mosaic"]

_SEED = Number(0, 2**62, whole=True, fixed=True)
_SHARE = Number(0, 1, fixed=True)


class _Batch(Node):
    """An operation on a whole batch: called by itself, after a `Compose`."""

    _area: ClassVar[str] = "image"
    seed: int
    #: What is drawn for each image.
    _names_drawn: ClassVar[tuple[str, ...]] = ()

    def _ranges(self) -> list[tuple[float, float, str]]:
        raise NotImplementedError

    def _plan(self) -> tuple:
        return ("leaf", self.p, type(self).__name__, self._ranges(), [])

    def _leaves(self) -> Iterator[Any]:
        raise ParameterError(f"{type(self).__name__} takes a batch: call it after the Compose")
        yield

    def replay(self, item: int, *, epoch: int = 0) -> list[dict[str, Any]]:
        """Return what is drawn for an image, as `Transform.replay` does."""
        drawn = self._draw(1, _count("epoch", epoch), _count("item", item))[0]
        if drawn is None:
            return []
        return [{"type": self._type(), **dict(zip(self._names_drawn, drawn, strict=True))}]

    def _draw(self, n: int, epoch: int, first: int) -> list[list[float] | None]:
        drawn = _core.augment_draw(self._plan(), (self.seed, epoch, first), n)
        return [one[0][1] if one else None for one in drawn]

    def __call__(
        self,
        items: Any,
        *,
        labels: Any = None,
        epoch: int = 0,
        first: int = 0,
        n_jobs: int | None = None,
        out: Any = None,
        **targets: Any,
    ) -> Any:
        """Mix a batch of images of one shape.

        Parameters
        ----------
        items : array of shape (n, rows, columns[, channels]) or list of such images
            uint8 or float32.
        labels : array of shape (n, n_classes), optional
            Shares of the classes, one-hot for instance; mixed as the images are.
        epoch, first : int, default=0
            The pass over the data, and the number of the first image.
        n_jobs : int, optional
            Has no effect here; every operation takes it.
        out : array, optional
            Where the images are written.
        **targets
            Masks, boxes and keypoints cannot be mixed and are refused.

        Returns
        -------
        array, or dict of images and labels
            Draws depend on seed, epoch and number alone; the partner is of the same batch.
        """
        if targets:
            raise ParameterError(f"{type(self).__name__} mixes images and labels alone")
        images = [np.asarray(x) for x in items]
        for i, x in enumerate(images):
            if x.dtype not in (np.uint8, np.float32):
                raise DataError(f"image {i} is of {x.dtype}: give uint8 or float32")
            if x.shape != images[0].shape or x.dtype != images[0].dtype or x.ndim not in (2, 3):
                raise ShapeError(f"image {i} has shape {x.shape}, the first {images[0].shape}")
        shares = None if labels is None else _shares(labels, len(images))
        whole = np.stack(images) if images else np.asarray(items)
        made = np.empty_like(whole) if out is None else out
        if made.shape != whole.shape or made.dtype != whole.dtype:
            raise ShapeError(f"out must be of {whole.dtype} and shape {whole.shape}")
        mixed = None if shares is None else shares.copy()
        drawn = self._draw(len(images), _count("epoch", epoch), _count("first", first))
        for i, values in enumerate(drawn):
            if values is None or len(images) < 2:
                made[i] = whole[i]
                continue
            parts = self._mix(whole, i, values, made)
            if shares is not None and mixed is not None:
                mixed[i] = sum(weight * shares[k] for k, weight in parts)
        result = list(made) if isinstance(items, list) and out is None else made
        return result if labels is None else {"images": result, "labels": mixed}

    def _mix(
        self, whole: np.ndarray, i: int, values: list[float], made: np.ndarray
    ) -> list[tuple[int, float]]:
        """Write image `i` and return the weights of the images in it."""
        raise NotImplementedError


def _shares(labels: Any, n: int) -> np.ndarray:
    x = np.asarray(labels)
    if x.ndim != 2 or len(x) != n:
        raise ShapeError(
            f"labels must be shares of classes, one-hot for instance, of shape ({n}, n_classes); "
            f"got {x.shape}"
        )
    x = x.astype(np.float32 if x.dtype == np.float32 else np.float64)
    if not np.isfinite(x).all():
        raise DataError("labels hold a number that is not finite")
    return x


def _partner(i: int, n: int, share: float) -> int:
    """Return another image of the batch."""
    return (i + 1 + min(int(share * (n - 1)), n - 2)) % n


class MixUp(_Batch):
    """Blend each image, and its label, with another of the batch (Zhang et al. 2018).

    Parameters
    ----------
    alpha : float, default=0.2
        The weight is of Beta(alpha, alpha).
    seed : int, default=0
        Of all draws.
    p : float, default=1
        How often an image is mixed.

    Examples
    --------
    >>> import numpy as np
    >>> from tamis.augment.image import MixUp
    >>> mixed = MixUp(seed=1)(np.zeros((2, 4, 4, 3), np.uint8), labels=np.eye(2))
    >>> mixed["labels"].sum(axis=1).round(6)
    array([1., 1.])
    """

    _names_drawn = ("weight", "partner")

    def __init__(self, alpha: float = 0.2, *, seed: int = 0, p: float = 1.0) -> None:
        self.alpha = Number(0, 1e3, above=True, fixed=True).check("alpha", alpha)
        self.seed = _SEED.check("seed", seed)
        self.p = _SHARE.check("p", p)

    def _ranges(self) -> list[tuple[float, float, str]]:
        return [(self.alpha, self.alpha, "beta"), (0.0, 1.0, "uniform")]

    def _mix(
        self, whole: np.ndarray, i: int, values: list[float], made: np.ndarray
    ) -> list[tuple[int, float]]:
        weight, k = values[0], _partner(i, len(whole), values[1])
        x = whole[i] * np.float32(weight) + whole[k] * np.float32(1 - weight)
        made[i] = np.rint(x) if whole.dtype == np.uint8 else x
        return [(i, weight), (k, 1 - weight)]


class CutMix(_Batch):
    """Paste a rectangle of another image of the batch (Yun et al. 2019).

    The label's weights are the areas as they are after the rectangle was clipped at the border.

    Parameters
    ----------
    alpha : float, default=1
        The share that stays is of Beta(alpha, alpha), before clipping.
    seed : int, default=0
        Of all draws.
    p : float, default=1
        How often an image is mixed.
    """

    _names_drawn = ("weight", "partner", "x", "y")

    def __init__(self, alpha: float = 1.0, *, seed: int = 0, p: float = 1.0) -> None:
        self.alpha = Number(0, 1e3, above=True, fixed=True).check("alpha", alpha)
        self.seed = _SEED.check("seed", seed)
        self.p = _SHARE.check("p", p)

    def _ranges(self) -> list[tuple[float, float, str]]:
        return [(self.alpha, self.alpha, "beta")] + [(0.0, 1.0, "uniform")] * 3

    def _mix(
        self, whole: np.ndarray, i: int, values: list[float], made: np.ndarray
    ) -> list[tuple[int, float]]:
        h, w = whole.shape[1:3]
        k, side = _partner(i, len(whole), values[1]), np.sqrt(1 - values[0])
        spans = []
        for n, centre in ((h, values[3]), (w, values[2])):
            at, half = int(centre * n), round(float(side) * n) / 2
            spans.append(slice(max(0, int(at - half)), min(n, int(at + half))))
        made[i] = whole[i]
        made[i][tuple(spans)] = whole[k][tuple(spans)]
        rows, columns = (max(0, s.stop - s.start) for s in spans)
        pasted = rows * columns / (h * w)
        return [(i, 1 - pasted), (k, pasted)]


class Mosaic(_Batch):
    """Four images about a drawn point: each image's own part and three of the batch.

    Each part shows the same place of its image; the label's weights are the areas.

    Parameters
    ----------
    center : float or (float, float), default=(0.25, 0.75)
        Where the point lies, as shares of the sides.
    seed : int, default=0
        Of all draws.
    p : float, default=1
        How often an image is mixed.
    """

    _names_drawn = ("x", "y", "second", "third", "fourth")

    def __init__(
        self, center: float | tuple[float, float] = (0.25, 0.75), *, seed: int = 0, p: float = 1.0
    ) -> None:
        self.center = _CENTER.check("center", center)
        self.seed = _SEED.check("seed", seed)
        self.p = _SHARE.check("p", p)

    def _ranges(self) -> list[tuple[float, float, str]]:
        return _CENTER.ranges(self.center) + [(0.0, 1.0, "uniform")] * 3

    def _mix(
        self, whole: np.ndarray, i: int, values: list[float], made: np.ndarray
    ) -> list[tuple[int, float]]:
        h, w = whole.shape[1:3]
        x, y = round(values[0] * w), round(values[1] * h)
        of = [i, *(_partner(i, len(whole), u) for u in values[2:])]
        parts = []
        for k, (rows, columns) in zip(
            of,
            [(r, c) for r in (slice(0, y), slice(y, h)) for c in (slice(0, x), slice(x, w))],
            strict=True,
        ):
            made[i, rows, columns] = whole[k, rows, columns]
            area = (rows.stop - rows.start) * (columns.stop - columns.start)
            parts.append((k, area / (h * w)))
        return parts


_CENTER = Number(0, 1, copies=2)
