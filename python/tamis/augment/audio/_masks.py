"""SpecAugment, on spectrograms."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np

from tamis import _core, _progress, _threads
from tamis.augment._base import Node, Transform, Work, check_out
from tamis.augment._fields import Field, Number
from tamis.augment.audio._run import documented
from tamis.exceptions import DataError, ParameterError, ShapeError

__all__ = ["SpecAugment"]

_COUNT = Number(0, 1000, whole=True, fixed=True)
_WIDTH = Number(0, 1_000_000, whole=True, fixed=True)


@documented
class SpecAugment(Transform):
    """Bend time and mask bands and spans of spectrograms.

    Called on spectrograms, not on clips: an array (items, mels, frames) or (items, channels, mels,
    frames), or a list of arrays (mels, frames) or (channels, mels, frames), of float32 or float64.
    Channels are masked alike.

    Parameters
    ----------
    time_warp : int, default=0
        A point in time is moved by at most so many frames, and time runs evenly to both sides of
        it (the paper's W, 80 of some 1500 frames); values between frames lie on a straight line.
    freq_masks, freq_width : int, default=2, 27
        How many bands are masked, and how many mels wide at most (F).
    time_masks, time_width : int, default=2, 100
        How many spans are masked, and how many frames long at most (T).
    time_share : float, default=0.2
        A span is no longer than this share of the frames (the paper's p; 1 for no such limit).
    fill : float or 'mean', default='mean'
        What a mask holds: a number, or the mean of the spectrogram after the warp.
    {p}

    References
    ----------
    D. S. Park and others, "SpecAugment: A Simple Data Augmentation Method for Automatic Speech
    Recognition", Interspeech 2019.

    Examples
    --------
    >>> import numpy as np
    >>> from tamis.augment.audio import SpecAugment
    >>> spectra = np.ones((1, 8, 20), np.float32)
    >>> t = SpecAugment(freq_masks=1, freq_width=3, time_masks=1, time_width=4, fill=0.0)
    >>> t(spectra, epoch=5).shape, t.replay(0, epoch=5)[0]["type"]
    ((1, 8, 20), 'audio.SpecAugment')
    """

    _area: ClassVar[str] = "audio"
    _data: ClassVar[str] = "spectrograms"
    _settings: ClassVar[dict[str, Field]] = {
        "time_warp": _WIDTH,
        "freq_masks": _COUNT,
        "freq_width": _WIDTH,
        "time_masks": _COUNT,
        "time_width": _WIDTH,
        "time_share": Number(0, 1, fixed=True),
    }
    time_warp: int
    freq_masks: int
    freq_width: int
    time_masks: int
    time_width: int

    def __init__(
        self,
        time_warp: int = 0,
        *,
        freq_masks: int = 2,
        freq_width: int = 27,
        time_masks: int = 2,
        time_width: int = 100,
        time_share: float = 0.2,
        fill: float | str = "mean",
        p: float = 1.0,
    ) -> None:
        self._set(
            time_warp=time_warp, freq_masks=freq_masks, freq_width=freq_width,
            time_masks=time_masks, time_width=time_width, time_share=time_share, p=p,
        )  # fmt: skip
        self.fill = fill if fill == "mean" else Number(fixed=True).check("fill", fill)

    def _plan(self) -> tuple:
        draws = 2 + 2 * (self.freq_masks + self.time_masks)
        return ("leaf", self.p, "SpecAugment", [(0.0, 1.0, "uniform")] * draws, self._told())

    def _told(self) -> Any:
        return [*super()._told(), np.nan if self.fill == "mean" else self.fill]

    def _record(self, values: Sequence[float]) -> dict[str, Any]:
        """Return what was drawn: places are shares of the room, as shapes are not known here."""
        at, by, *rest = values
        pairs = list(zip(rest[::2], rest[1::2], strict=True))

        def masks(drawn: list[tuple[float, float]], most: int) -> list[dict[str, Any]]:
            return [{"width": int(w * (most + 1)), "at": at} for w, at in drawn]

        return {
            "type": self._type(),
            "time_warp": {"at": at, "by": (2 * by - 1) * self.time_warp},
            "freq_masks": masks(pairs[: self.freq_masks], self.freq_width),
            "time_masks": masks(pairs[self.freq_masks :], self.time_width),
        }

    @classmethod
    def _apply(cls, work: Work, items: Any, out: Any, targets: dict[str, Any]) -> Any:
        given = {k: v for k, v in targets.items() if v is not None}
        if unknown := set(given) - {"labels"}:
            raise ParameterError(f"spectrograms have no targets {', '.join(sorted(unknown))}")
        if "labels" in given and len(given["labels"]) != len(items):
            raise ShapeError(f"{len(items)} spectrograms, but labels of {len(given['labels'])}")
        done = _run(work, items, [_spectrum(x, i) for i, x in enumerate(items)], out)
        return {"spectrograms": done, **given} if given else done

    @classmethod
    def _draw(cls, ax: Any, item: Any, root: Node) -> None:
        x = _spectrum(item, 0)
        ax.imshow(x.mean(axis=0) if x.ndim == 3 else x, origin="lower", aspect="auto")
        ax.set_xticks([])
        ax.set_yticks([])


def _spectrum(x: Any, i: int) -> np.ndarray:
    x = np.asarray(x)
    if x.dtype not in (np.float32, np.float64):
        raise DataError(f"spectrogram {i} is of {x.dtype}: give float32 or float64")
    if x.ndim not in (2, 3):
        raise ShapeError(
            f"spectrogram {i} has shape {x.shape}: it is (mels, frames) or (channels, mels, "
            f"frames), and a batch an array or a list of them"
        )
    return np.ascontiguousarray(x)


def _run(work: Work, items: Any, spectra: list[np.ndarray], out: Any) -> Any:
    """Run the plan and return the caller's container."""
    same = len({(x.shape, x.dtype) for x in spectra}) <= 1
    if out is not None:
        if not same:
            raise ShapeError("out needs spectrograms of the same shape and type")
        if not spectra:
            return out
        check_out(out, (len(spectra), *spectra[0].shape), spectra[0].dtype, spectra)
        done = out
    elif isinstance(items, np.ndarray):
        done = np.empty(items.shape, items.dtype)
    else:
        done = [np.empty_like(x) for x in spectra]
    if len({x.dtype for x in spectra}) > 1:
        raise DataError("spectrograms are of float32 and float64: give one of them")
    if isinstance(done, np.ndarray) and not done.size:
        return done
    with _progress.bar(None, "augmenting") as bar:
        _core.audio_spec_augment(
            work.plan, work.key, (spectra, list(done)), _threads.resolve(work.n_jobs),
            _progress.kernel_callback(bar),
        )  # fmt: skip
    return tuple(done) if isinstance(items, tuple) and out is None else done
