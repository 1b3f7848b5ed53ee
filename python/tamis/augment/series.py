"""Augmentation of series: arrays of steps, or of steps and channels.

A batch is an array (items, steps) or (items, steps, channels), or a list of arrays of different
lengths. The operations keep the length. `masks`, one array of steps an item (labels of steps, say),
follow where time is moved. Missing values are kept where they are.
"""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from tamis import _core, _progress, _threads
from tamis.augment._base import Node, Transform, Work
from tamis.augment._fields import Field, Flag, Number
from tamis.exceptions import DataError, ParameterError, ShapeError

__all__ = ["Dropout", "Jitter", "MagnitudeWarp", "Permute", "Scale", "TimeWarp", "WindowSlice"]

Range = float | tuple[float, float]
_KNOTS = Number(0, 10_000, whole=True, fixed=True)


class _Series(Transform):
    """An operation on series."""

    _area: ClassVar[str] = "series"

    @classmethod
    def _apply(cls, work: Work, items: Any, out: Any, targets: dict[str, Any]) -> Any:
        given = {k: v for k, v in targets.items() if v is not None}
        if unknown := set(given) - {"masks", "labels"}:
            raise ParameterError(f"series have no targets {', '.join(sorted(unknown))}")
        for name, values in given.items():
            if len(values) != len(items):
                raise ShapeError(f"{len(items)} series, but {name} of {len(values)}")
        series = [_table(x, i) for i, x in enumerate(items)]
        done = _run(work, items, series, out)
        if not given:
            return done
        if "masks" in given:
            given["masks"] = _masks(work, series, given["masks"])
        return {"series": done, **given}

    @classmethod
    def _draw(cls, ax: Any, item: Any, root: Node) -> None:
        ax.plot(np.asarray(item), linewidth=0.9)
        ax.set_xticks([])
        ax.tick_params(labelsize=7)


def _table(x: Any, i: int) -> np.ndarray:
    """Return a series as float64 of steps and channels."""
    x = np.asarray(x)
    if x.ndim not in (1, 2):
        raise ShapeError(
            f"series {i} has shape {x.shape}: a series is (steps,) or (steps, channels)"
        )
    if x.dtype.kind not in "fiu":
        raise DataError(f"series {i} is of {x.dtype}: give numbers")
    return np.ascontiguousarray(x if x.ndim == 2 else x[:, None], np.float64)


def _run(work: Work, items: Any, series: list[np.ndarray], out: Any) -> Any:
    """Run the plan and return the caller's container."""
    made = [np.empty(s.shape) for s in series]
    with _progress.bar(None, "augmenting") as bar:
        _core.augment_series(
            work.plan, work.key, series, made, _threads.resolve(work.n_jobs),
            _progress.kernel_callback(bar),
        )  # fmt: skip
    given = [np.asarray(x) for x in items]
    done = [
        m.reshape(x.shape).astype(x.dtype if x.dtype.kind == "f" else np.float64, copy=False)
        for m, x in zip(made, given, strict=True)
    ]
    if out is not None:
        return _into(out, done, given)
    if isinstance(items, np.ndarray):
        return np.stack(done) if done else items.copy()
    return tuple(done) if isinstance(items, tuple) else done


def _into(out: Any, done: list[np.ndarray], given: list[np.ndarray]) -> np.ndarray:
    shapes = {d.shape for d in done}
    if (
        not isinstance(out, np.ndarray)
        or len(shapes) > 1
        or out.shape != (len(done), *shapes.pop())
    ):
        raise ShapeError("out must be an array with room for series of one shape")
    if out.dtype.kind != "f" or not out.flags.writeable:
        raise ParameterError("out must be a writeable array of floats")
    if any(np.may_share_memory(out, x) for x in given):
        raise ParameterError("out must not be the memory of the series")
    for place, x in zip(out, done, strict=True):
        place[...] = x
    return out


def _masks(work: Work, series: list[np.ndarray], masks: Any) -> Any:
    """Take the values of steps from where their steps were taken."""
    arrays = [np.asarray(m) for m in masks]
    for i, (m, s) in enumerate(zip(arrays, series, strict=True)):
        if not m.ndim or len(m) != len(s):
            raise ShapeError(f"the mask of series {i} has {m.shape}; its series has {len(s)} steps")
    steps = [len(s) for s in series]
    sources = _core.augment_steps(work.plan, work.key, steps, _threads.resolve(work.n_jobs))
    done = [m[np.asarray(at, int)] for m, at in zip(arrays, sources, strict=True)]
    return np.stack(done) if isinstance(masks, np.ndarray) and done else done


class Jitter(_Series):
    """Add normal noise to every value.

    Parameters
    ----------
    std : float or (float, float), default=0.05
        Standard deviation of the noise.
    relative : bool, default=True
        In units of each channel's own standard deviation (a constant channel stays), rather than of
        the values.
    p : float, default=1
        How often the operation is run.

    References
    ----------
    T. T. Um and others, "Data Augmentation of Wearable Sensor Data for Parkinson's Disease
    Monitoring using Convolutional Neural Networks", ICMI 2017; also of the operations below.

    Examples
    --------
    >>> import numpy as np
    >>> from tamis.augment.series import Jitter
    >>> waves = np.sin(np.arange(40) / 3).reshape(2, 20)
    >>> Jitter(0.1)(waves).shape
    (2, 20)
    """

    _ranges: ClassVar[dict[str, Number]] = {"std": Number(0)}
    _settings: ClassVar[dict[str, Field]] = {"relative": Flag()}

    def __init__(self, std: Range = 0.05, *, relative: bool = True, p: float = 1.0) -> None:
        self._set(std=std, relative=relative, p=p)


class Scale(_Series):
    """Multiply the values by a factor.

    Parameters
    ----------
    factor : float or (float, float), default=(0.8, 1.2)
        The factor.
    per_channel : bool, default=False
        Whether each channel has a factor of its own.
    p : float, default=1
        How often the operation is run.
    """

    factor: Range
    _ranges: ClassVar[dict[str, Number]] = {"factor": Number()}
    _settings: ClassVar[dict[str, Field]] = {"per_channel": Flag()}

    def __init__(
        self, factor: Range = (0.8, 1.2), *, per_channel: bool = False, p: float = 1.0
    ) -> None:
        self._set(factor=factor, per_channel=per_channel, p=p)

    def _told(self) -> Any:
        low, high = self.factor if isinstance(self.factor, tuple) else (self.factor, self.factor)
        return [*super()._told(), float(low), float(high)]


class MagnitudeWarp(_Series):
    """Multiply each channel by a smooth curve about 1: a natural cubic spline through its knots.

    Parameters
    ----------
    std : float or (float, float), default=0.2
        Standard deviation of the knots about 1.
    knots : int, default=4
        Knots between the two at the ends.
    p : float, default=1
        How often the operation is run.
    """

    _ranges: ClassVar[dict[str, Number]] = {"std": Number(0)}
    _settings: ClassVar[dict[str, Field]] = {"knots": _KNOTS}

    def __init__(self, std: Range = 0.2, *, knots: int = 4, p: float = 1.0) -> None:
        self._set(std=std, knots=knots, p=p)


class TimeWarp(_Series):
    """Let time run faster here and slower there, by a smooth curve; both ends stay.

    Parameters
    ----------
    std : float or (float, float), default=0.2
        Standard deviation of the pace at the knots about 1; it is 0.05 at least.
    knots : int, default=4
        Knots between the two at the ends.
    p : float, default=1
        How often the operation is run.

    Examples
    --------
    >>> import numpy as np
    >>> from tamis.augment.series import TimeWarp
    >>> steps = np.arange(30.0).reshape(1, 30)
    >>> moved = TimeWarp(0.5)(steps, masks=(steps > 9).astype(int))
    >>> bool((np.diff(moved["series"]) > 0).all()), sorted(set(moved["masks"][0].tolist()))
    (True, [0, 1])
    """

    _ranges: ClassVar[dict[str, Number]] = {"std": Number(0)}
    _settings: ClassVar[dict[str, Field]] = {"knots": _KNOTS}

    def __init__(self, std: Range = 0.2, *, knots: int = 4, p: float = 1.0) -> None:
        self._set(std=std, knots=knots, p=p)


class WindowSlice(_Series):
    """Take a window of the series and stretch it to the whole length.

    Parameters
    ----------
    fraction : float or (float, float), default=(0.8, 1)
        Length of the window, as a share of the series.
    p : float, default=1
        How often the operation is run.

    References
    ----------
    A. Le Guennec, S. Malinowski and R. Tavenard, "Data Augmentation for Time Series Classification
    using Convolutional Neural Networks", 2016.
    """

    _ranges: ClassVar[dict[str, Number]] = {"fraction": Number(0, 1, above=True)}

    def __init__(self, fraction: Range = (0.8, 1.0), *, p: float = 1.0) -> None:
        self._set(fraction=fraction, p=p)


class Permute(_Series):
    """Cut the series into segments and put them in another order.

    Parameters
    ----------
    segments : int or (int, int), default=(2, 5)
        How many; of a series of fewer steps, each step is one.
    random_cuts : bool, default=False
        Whether the cuts are drawn too, rather than even.
    p : float, default=1
        How often the operation is run.
    """

    _ranges: ClassVar[dict[str, Number]] = {"segments": Number(1, 1_000_000, whole=True)}
    _settings: ClassVar[dict[str, Field]] = {"random_cuts": Flag()}

    def __init__(
        self, segments: int | tuple[int, int] = (2, 5), *, random_cuts: bool = False, p: float = 1.0
    ) -> None:
        self._set(segments=segments, random_cuts=random_cuts, p=p)


class Dropout(_Series):
    """Take the values of some spans away, in all channels.

    Parameters
    ----------
    fraction : float or (float, float), default=0.1
        Share of the steps; as spans may overlap, at most this.
    length : int, default=1
        Steps of a span.
    fill : float, 'last' or None, default=0
        What stands there instead: a number, the step before the span (after it, at the start), or
        a gap (NaN).
    p : float, default=1
        How often the operation is run.
    """

    _ranges: ClassVar[dict[str, Number]] = {"fraction": Number(0, 1)}
    _settings: ClassVar[dict[str, Field]] = {"length": Number(1, whole=True, fixed=True)}

    def __init__(
        self, fraction: Range = 0.1, *, length: int = 1, fill: float | str | None = 0.0,
        p: float = 1.0,
    ) -> None:  # fmt: skip
        self._set(fraction=fraction, length=length, p=p)
        if fill != "last" and fill is not None:
            fill = Number(fixed=True).check("fill", fill)
        self.fill = fill

    def _told(self) -> Any:
        number = self.fill if isinstance(self.fill, float) else np.nan
        return [*super()._told(), float(self.fill == "last"), number]
