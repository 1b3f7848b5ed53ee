"""Batches of images into the kernels and out again, with what goes along."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np

from tamis import _core, _progress, _threads
from tamis.augment._base import Compose, Node, Transform, Work, check_out
from tamis.exceptions import DataError, ParameterError, ShapeError

__all__ = ["ImageTransform"]

TARGETS = ("masks", "bboxes", "keypoints", "labels")


class ImageTransform(Transform):
    """An operation on images."""

    _area: ClassVar[str] = "image"

    @classmethod
    def _apply(cls, work: Work, items: Any, out: Any, targets: dict[str, Any]) -> Any:
        given = {k: v for k, v in targets.items() if v is not None}
        unknown = set(given) - set(TARGETS)
        if unknown:
            raise ParameterError(f"images have no targets {', '.join(sorted(unknown))}")
        for name, values in given.items():
            if len(values) != len(items):
                raise ShapeError(f"{len(items)} images, but {name} of {len(values)}")
        first = _channels_first(work.root)
        pictures, shapes = _pictures(items, first)
        n_jobs = _threads.resolve(work.n_jobs)
        fuse = bool(getattr(work.root, "fuse", False))
        images = _images(work, items, pictures, out, (first, fuse, n_jobs))
        if not given:
            return images
        return {"images": images, **_along(work, shapes, given, (fuse, n_jobs))}

    @classmethod
    def _draw(cls, ax: Any, item: Any, root: Node) -> None:
        x = np.asarray(item)
        if x.ndim == 3 and (x.shape[-1] > 4 or _channels_first(root)):
            x = np.moveaxis(x, 0, -1)
        if x.dtype != np.uint8:
            low, high = float(x.min()), float(x.max())
            x = x if low >= 0 and high <= 1 else (x - low) / max(high - low, 1e-12)
        x = x[..., 0] if x.ndim == 3 and x.shape[-1] <= 2 else x
        white = 255 if x.dtype == np.uint8 else 1
        ax.imshow(x, **({"cmap": "gray", "vmin": 0, "vmax": white} if x.ndim == 2 else {}))
        ax.set_axis_off()


def _channels_first(root: Node) -> bool:
    """Return whether the caller's images have their channels first."""
    return isinstance(root, Compose) and root.channels_first


def picture(x: Any, i: int, channels_first: bool = False) -> np.ndarray:
    """Return an image as a contiguous array of rows, columns and channels."""
    x = np.asarray(x)
    if x.dtype not in (np.uint8, np.float32):
        raise DataError(f"image {i} is of {x.dtype}: give uint8 or float32")
    if x.ndim == 2:
        x = x[..., None]
    elif x.ndim == 3 and channels_first:
        x = np.moveaxis(x, 0, -1)
    if x.ndim != 3 or not 1 <= x.shape[2] <= 4 or not x.size:
        wanted = "(channels, rows, columns)" if channels_first else "(rows, columns, channels)"
        raise ShapeError(
            f"image {i} has shape {x.shape}: an image is {wanted} of 1 to 4 "
            "channels, or (rows, columns)"
        )
    return np.ascontiguousarray(x)


def _pictures(items: Any, channels_first: bool) -> tuple[list[np.ndarray], list[tuple[int, ...]]]:
    """Return the images as the kernels take them, an array as one batch, and their shapes."""
    if isinstance(items, np.ndarray) and len(items) and items.dtype != object:
        shape = picture(items[0], 0, channels_first).shape
        x = items[..., None] if items.ndim == 3 else items
        x = np.moveaxis(x, 1, -1) if items.ndim == 4 and channels_first else x
        return [np.ascontiguousarray(x)], [shape] * len(items)
    pictures = [picture(x, i, channels_first) for i, x in enumerate(items)]
    return pictures, [p.shape for p in pictures]


def _images(
    work: Work, items: Any, pictures: list[np.ndarray], out: Any, how: tuple[bool, bool, int]
) -> Any:
    """Run the plan and return the caller's container."""
    channels_first, fuse, n_jobs = how
    if not pictures:
        return items if out is None else out
    result = _Result(items, pictures, out, channels_first)
    with _progress.bar(None, "augmenting") as bar:
        callback = _progress.kernel_callback(bar)
        _core.image_apply(work.plan, work.key, pictures, result.make, fuse, n_jobs, callback)
    return result.done()


class _Result:
    """Where the kernels write, and what the caller gets of it."""

    one: bool
    turn: list[bool]
    buffers: list[np.ndarray]

    def __init__(
        self, items: Any, pictures: list[np.ndarray], out: Any, channels_first: bool
    ) -> None:
        self.items, self.pictures, self.out = items, pictures, out
        self.channels_first = channels_first

    def _given(self) -> list[tuple[np.dtype, bool]]:
        """Return the type of each image, and whether it has no axis of channels."""
        if self.pictures[0].ndim == 4:
            return [(self.pictures[0].dtype, self.items.ndim == 3)] * len(self.items)
        flat = [np.ndim(x) == 2 for x in self.items]
        return [(p.dtype, f) for p, f in zip(self.pictures, flat, strict=True)]

    def make(self, after: list[tuple[int, int, int, bool, bool]]) -> list[np.ndarray]:
        """Return the buffers of images that come out like this: one of a batch of one shape."""
        forms = []
        for (h, w, c, normalized, first), (dtype, flat) in zip(after, self._given(), strict=True):
            form = (c, h, w) if first else (h, w) if flat else (h, w, c)
            forms.append((form, np.dtype(np.float32) if normalized else dtype, first))
        same = len(set(forms)) == 1
        if self.out is not None and not same:
            raise ShapeError("out needs images that come out with the same shape and type")
        self.one = same and (isinstance(self.items, np.ndarray) or self.out is not None)
        # What the kernels write with channels last and the caller wants with channels first.
        self.turn = [self.channels_first and len(f[0]) == 3 and not f[2] for f in forms]
        if not self.one:
            self.buffers = [np.empty(shape, dtype) for shape, dtype, _ in forms]
            return self.buffers
        shape, dtype = (len(forms), *forms[0][0]), forms[0][1]
        turned = self.turn[0]
        if self.out is not None:
            final = (shape[0], shape[3], *shape[1:3]) if turned else shape
            check_out(self.out, final, dtype, self.pictures)
        direct = self.out is not None and not turned
        self.buffers = [self.out if direct else np.empty(shape, dtype)]
        return self.buffers

    def done(self) -> Any:
        """Return what was made, in the caller's container and with its order of channels."""
        if not self.one:
            parts = zip(self.buffers, self.turn, strict=True)
            done = [np.ascontiguousarray(np.moveaxis(b, -1, 0)) if t else b for b, t in parts]
            return tuple(done) if isinstance(self.items, tuple) else done
        whole = self.buffers[0]
        if not self.turn[0]:
            return whole
        turned = np.moveaxis(whole, -1, 1)
        if self.out is None:
            return np.ascontiguousarray(turned)
        self.out[...] = turned
        return self.out


def _along(
    work: Work, shapes: list[tuple[int, ...]], given: dict[str, Any], how: tuple[bool, int]
) -> dict[str, Any]:
    """Move the targets as their images were."""
    fuse = how[0]
    found = dict(given)
    if "masks" in given:
        found["masks"] = _masks(work, shapes, given["masks"], how)
    if "keypoints" in given:
        points = [_table("keypoints", i, p, 2) for i, p in enumerate(given["keypoints"])]
        made = _core.image_points(work.plan, work.key, shapes, [p.tolist() for p in points], fuse)
        found["keypoints"] = [np.array(p, float).reshape(-1, 2) for p in made]
    if "bboxes" in given:
        boxes = [_table("bboxes", i, b, 4) for i, b in enumerate(given["bboxes"])]
        moved = _core.image_boxes(work.plan, work.key, shapes, [b.tolist() for b in boxes], fuse)
        least = getattr(work.root, "min_visibility", 0.0)
        keep = [
            [k for k, (b, seen) in enumerate(one) if _area(b) > 0 and seen >= least - 1e-9]
            for one in moved
        ]
        found["bboxes"] = [
            np.array([one[k][0] for k in kept], float).reshape(-1, 4)
            for one, kept in zip(moved, keep, strict=True)
        ]
        if "labels" in given:
            parts = zip(given["labels"], boxes, keep, strict=True)
            found["labels"] = [_kept(i, *part) for i, part in enumerate(parts)]
    return found


def _area(box: Sequence[float]) -> float:
    return max(box[2] - box[0], 0.0) * max(box[3] - box[1], 0.0)


def _kept(i: int, labels: Any, boxes: np.ndarray, keep: list[int]) -> Any:
    if len(labels) != len(boxes):
        raise ShapeError(f"image {i} has {len(boxes)} bboxes, but {len(labels)} labels")
    if isinstance(labels, np.ndarray):
        return labels[keep]
    return (
        type(labels)(labels[k] for k in keep)
        if isinstance(labels, list | tuple)
        else [labels[k] for k in keep]
    )


def _table(name: str, i: int, values: Any, columns: int) -> np.ndarray:
    """Return boxes or points of an image as rows of finite numbers."""
    x = np.asarray(values, float)
    if x.size == 0:
        return np.empty((0, columns))
    if x.ndim != 2 or x.shape[1] != columns:
        raise ShapeError(f"{name} of image {i} must be rows of {columns} numbers; got {x.shape}")
    if not np.isfinite(x).all():
        raise DataError(f"{name} of image {i} hold a number that is not finite")
    if columns == 4 and ((x[:, 2] < x[:, 0]) | (x[:, 3] < x[:, 1])).any():
        raise DataError(f"{name} of image {i}: a box is left, top, right, bottom")
    return x


def _masks(work: Work, shapes: list[tuple[int, ...]], masks: Any, how: tuple[bool, int]) -> Any:
    fuse, n_jobs = how
    linear = getattr(work.root, "mask_interpolation", "nearest") == "linear"
    arrays = [np.asarray(m) for m in masks]
    for i, m in enumerate(arrays):
        if m.ndim not in (2, 3) or m.shape[:2] != shapes[i][:2]:
            raise ShapeError(
                f"the mask of image {i} has shape {m.shape}; its image has {shapes[i][:2]} pixels"
            )
        if m.dtype.hasobject or (m.ndim == 3 and not m.shape[2]):
            raise DataError(f"the mask of image {i} must hold numbers")
    told = [_told(m, linear) for m in arrays]
    made = _core.image_masks(work.plan, work.key, shapes, told, fuse, n_jobs)
    done = []
    for mask, x in zip(arrays, made, strict=True):
        plain = x if linear else x.view(mask.dtype)
        done.append(plain.reshape(x.shape[:2] + mask.shape[2:]))
    if isinstance(masks, np.ndarray) and len({d.shape for d in done}) == 1:
        return np.stack(done)
    return done


def _told(mask: np.ndarray, linear: bool) -> np.ndarray:
    """Return a mask as the kernels take it: floats, or the bytes of its pixels."""
    if linear:
        return np.ascontiguousarray(mask if mask.ndim == 3 else mask[..., None], np.float32)
    flat = np.ascontiguousarray(mask).reshape(*mask.shape[:2], -1)
    return flat.view(np.uint8)
