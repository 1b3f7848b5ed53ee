"""Batches of clips into the kernels and out again."""

from __future__ import annotations

from dataclasses import dataclass
from numbers import Real
from typing import Any, ClassVar

import numpy as np

from tamis import _core, _progress, _threads
from tamis.augment._base import Node, Transform, Work, check_out
from tamis.augment._fields import Field
from tamis.exceptions import DataError, ParameterError, ShapeError

__all__ = ["AudioTransform", "Range", "Recordings", "clip", "documented", "rates"]

Range = float | tuple[float, float]

TYPES = (np.int16, np.float32, np.float64)
MOST_CHANNELS = 256
_P_DOC = """
    p : float
        How often it is run."""


def documented(cls: type) -> type:
    """Fill in what the docstrings have in common."""
    cls.__doc__ = (cls.__doc__ or "").replace("\n    {p}", _P_DOC)
    return cls


class AudioTransform(Transform):
    """An operation on clips."""

    _area: ClassVar[str] = "audio"
    #: The parameter that holds recordings, in the classes that have one.
    _recordings: ClassVar[str] = ""

    def _told(self) -> Any:
        made = getattr(self, "_made", None)
        given = getattr(self, self._recordings) if self._recordings else None
        if made is None and given is not None:
            made = self._made = _core.AudioClips([_floats(x) for x in given])
        return super()._told(), made

    def __getstate__(self) -> dict[str, Any]:
        return {k: v for k, v in self.__dict__.items() if k != "_made"}

    def to_dict(self) -> dict[str, Any]:
        """Return the operation as plain values that JSON can hold; recordings as numbers."""
        record = super().to_dict()
        if self._recordings and record[self._recordings] is not None:
            record[self._recordings] = [x.tolist() for x in record[self._recordings]]
        return record

    def _record(self, values: Any) -> dict[str, Any]:
        record = super()._record(values)
        for name in self._draws:
            given = getattr(self, self._recordings)
            if given is None:
                del record[name]
            elif name != "start":
                record[name] = min(int(record[name] * len(given)), len(given) - 1)
        return record

    @classmethod
    def _apply(cls, work: Work, items: Any, out: Any, targets: dict[str, Any]) -> Any:
        given = {k: v for k, v in targets.items() if v is not None}
        unknown = set(given) - {"labels", "sample_rate"}
        if unknown:
            raise ParameterError(f"clips have no targets {', '.join(sorted(unknown))}")
        if "labels" in given and len(given["labels"]) != len(items):
            raise ShapeError(f"{len(items)} clips, but labels of {len(given['labels'])}")
        if isinstance(items, np.ndarray) and items.ndim == 1 and items.dtype.kind in "fiu":
            raise ShapeError("one clip was given: give a batch, [clip]")
        first = work.key[2]
        clips = [clip(x, first + i) for i, x in enumerate(items)]
        each = rates(given.get("sample_rate"), len(clips), first)
        done, after = _run(work, items, clips, each, out)
        made = {"clips": done}
        if "labels" in given:
            made["labels"] = given["labels"]
        if np.ndim(given.get("sample_rate", 0)):
            made["sample_rate"] = after
        return made if len(made) > 1 else done

    @classmethod
    def _draw(cls, ax: Any, item: Any, root: Node) -> None:
        x = clip(item, 0)
        full = 32768 if x.dtype == np.int16 else 1
        mono = x.mean(axis=0) / full if x.ndim == 2 else x / full
        ax.set_axis_off()
        wave, below = ax.inset_axes((0, 0.55, 1, 0.45)), ax.inset_axes((0, 0, 1, 0.5))
        wave.plot(mono, linewidth=0.5)
        wave.set_ylim(-1, 1)
        wave.set_xlim(0, max(len(mono) - 1, 1))
        below.imshow(_spectrogram(mono), origin="lower", aspect="auto", vmin=-80, vmax=0)
        for part in (wave, below):
            part.set_xticks([])
            part.set_yticks([])


def _spectrogram(mono: np.ndarray, size: int = 256) -> np.ndarray:
    """Return decibels, frequencies by frames; a sine of full scale has 0."""
    padded = np.pad(mono, (0, max(size - len(mono), 0)))
    frames = np.lib.stride_tricks.sliding_window_view(padded, size)[:: size // 2]
    window = np.hanning(size)
    magnitude = np.abs(np.fft.rfft(frames * window)) * (2 / window.sum())
    return 20 * np.log10(np.maximum(magnitude.T, 1e-9))


def clip(x: Any, i: int) -> np.ndarray:
    """Return a clip as a contiguous array of samples, or of channels and samples."""
    x = np.asarray(x)
    if x.dtype not in TYPES:
        raise DataError(f"clip {i} is of {x.dtype}: give float32, float64 or int16")
    if x.ndim not in (1, 2) or (x.ndim == 2 and x.shape[0] > MOST_CHANNELS):
        raise ShapeError(
            f"clip {i} has shape {x.shape}: a clip is (samples,), or (channels, samples) of at "
            f"most {MOST_CHANNELS} channels, and a batch an array or a list of clips"
        )
    return np.ascontiguousarray(x)


@dataclass(frozen=True)
class Recordings(Field):
    """Clips that an operation draws from, or None."""

    def check(self, name: str, value: Any) -> tuple[np.ndarray, ...] | None:
        """Return float32 clips that nobody can write to."""
        if value is None:
            return None
        if not isinstance(value, list | tuple | np.ndarray) or not len(value):
            raise ParameterError(f"{name} must be a list of clips; got {value!r}")
        return tuple(self._one(name, i, x) for i, x in enumerate(value))

    def _one(self, name: str, i: int, x: Any) -> np.ndarray:
        x = np.asarray(x, np.float32) if isinstance(x, list | tuple) else x
        try:
            kept = _floats(clip(x, i))
        except (DataError, ShapeError) as error:
            raise type(error)(f"{name}: {error}") from None
        if not np.isfinite(kept).all() or not kept.any(axis=-1).all():
            raise DataError(f"{name}: clip {i} must be finite, and sound in every channel")
        kept = kept[0] if np.ndim(x) == 1 else kept
        kept.flags.writeable = False
        return kept

    def numbers(self, value: Any) -> list[float]:
        """Return nothing: recordings are told beside the numbers."""
        return []


def _floats(x: np.ndarray) -> np.ndarray:
    """Return a copy of a clip as float32 of channels and samples."""
    full = 32768 if x.dtype == np.int16 else 1
    return np.ascontiguousarray(np.atleast_2d(np.array(x, np.float32) / np.float32(full)))


def rates(given: Any, n: int, first: int = 0) -> list[int]:
    """Return the sample rate of each of `n` clips, 0 where none was given; `first` is a number."""
    if given is None:
        return [0] * n
    each = [given] * n if not np.ndim(given) else list(given)
    if len(each) != n:
        raise ShapeError(f"{n} clips, but sample_rate of {len(each)}")
    for i, rate in enumerate(each):
        whole = isinstance(rate, Real) and not isinstance(rate, bool) and float(rate) % 1 == 0
        if not whole or not 1000 <= rate <= 1_000_000:
            raise ParameterError(
                f"the sample rate of clip {first + i} must be a whole number of 1,000 to "
                f"1,000,000 hertz; got {rate!r}"
            )
    return [int(rate) for rate in each]


def _run(
    work: Work, items: Any, clips: list[np.ndarray], each: list[int], out: Any
) -> tuple[Any, list[int]]:
    """Run the plan; return the caller's container and the sample rates."""
    if not clips:
        return (items if out is None else out), []
    n_jobs = _threads.resolve(work.n_jobs)
    shapes = [
        (x.shape[0] if x.ndim == 2 else 1, x.shape[-1], r) for x, r in zip(clips, each, strict=True)
    ]
    told = _core.audio_augment_shapes(work.plan, work.key, shapes, n_jobs)
    forms = [
        ((c, n) if x.ndim == 2 else (n,), x.dtype) for (c, n, _), x in zip(told, clips, strict=True)
    ]
    same = len(set(forms)) == 1
    if out is not None and not same:
        raise ShapeError("out needs clips that come out with the same shape and type")
    batch = same and (isinstance(items, np.ndarray) or out is not None)
    if batch:
        shape = (len(forms), *forms[0][0])
        if out is not None:
            check_out(out, shape, forms[0][1], clips)
        # One array for all: large ones come in huge pages, which are quicker to touch first.
        done = np.empty(shape, forms[0][1]) if out is None else out
        if not done.size:
            return done, [rate for _, _, rate in told]
    else:
        done = [np.empty(*form) for form in forms]
    with _progress.bar(None, "augmenting") as bar:
        _core.audio_augment(
            work.plan, work.key, shapes, clips, list(done), n_jobs, _progress.kernel_callback(bar)
        )
    if not batch and isinstance(items, tuple):
        done = tuple(done)
    return done, [rate for _, _, rate in told]
