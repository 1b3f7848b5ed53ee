"""What all operations share: parameters, groups, seeds, replay, records and pictures.

An area (image, audio, text, series) has a subclass of `Transform` that says how its items are run
(`_apply`), and each operation says its parameters as fields. Draws are made by the kernels.
"""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from numbers import Integral
from typing import Any, ClassVar

import numpy as np

from tamis import _core, _optional
from tamis.augment._fields import Field, Number
from tamis.exceptions import ParameterError, ShapeError

__all__ = [
    "Compose", "Group", "Node", "OneOf", "SomeOf", "Transform", "Work", "check_out", "from_dict",
]  # fmt: skip

AREAS = ("image", "audio", "text", "series")
_P = Number(0.0, 1.0, fixed=True)
_known: dict[str, type[Node]] = {}


@dataclass(frozen=True)
class Work:
    """A call: the plan as the kernels take it, and where it stands.

    Attributes
    ----------
    plan : tuple
        The tree of operations.
    key : (int, int, int)
        Seed, epoch and number of the first item.
    n_jobs : int or None
        Threads.
    root : Node
        The transform that was called.
    """

    plan: tuple
    key: tuple[int, int, int]
    n_jobs: int | None
    root: Node


class Node:
    """An operation or a group of them."""

    _area: ClassVar[str] = ""
    p: float

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        if not cls.__name__.startswith("_"):
            _known[cls._type()] = cls

    @classmethod
    def _type(cls) -> str:
        return f"{cls._area}.{cls.__name__}" if cls._area else cls.__name__

    @classmethod
    def _names(cls) -> list[str]:
        return [n for n in inspect.signature(cls).parameters if n != "transforms"]

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Return the parameters by name."""
        return {name: getattr(self, name) for name in self._names()}

    def _plan(self) -> tuple:
        raise NotImplementedError

    def _leaves(self) -> Iterator[Transform]:
        """Yield the operations in reading order, as the kernels number them."""
        raise NotImplementedError

    def __call__(
        self,
        items: Any,
        *,
        epoch: int = 0,
        first: int = 0,
        n_jobs: int | None = None,
        out: Any = None,
        **targets: Any,
    ) -> Any:
        """Run on a batch.

        Parameters
        ----------
        items : array or list
            The batch.
        epoch : int, default=0
            Pass over the data; another epoch has other draws.
        first : int, default=0
            Number of the batch's first item in the data. An item's draws depend on the seed, the
            epoch and its number alone.
        n_jobs : int, optional
            Threads; None is all cores, one within a worker.
        out : array, optional
            Where a batch of equal shapes is written.
        **targets : list or array
            What goes along with the items, one an item: of images `masks`, `bboxes`, `keypoints`
            and `labels`. Of sound `labels`, and the `sample_rate` in hertz (also one number for
            all), which operations need that are meant in seconds or hertz.

        Returns
        -------
        array, list or dict
            The same container; a dict with the items and the targets' names where some are given.
        """
        if not hasattr(items, "__len__"):
            raise ParameterError(f"give a batch: an array or a list of items; got {items!r}")
        key = (getattr(self, "seed", 0), _count("epoch", epoch), _count("first", first))
        work = Work(self._plan(), key, n_jobs, self)
        return self._home()._apply(work, items, out, targets)

    def _home(self) -> type[Transform]:
        homes = {leaf._data or leaf._area: type(leaf) for leaf in self._leaves()}
        if len(homes) != 1:
            found = ", ".join(sorted(homes)) or "none"
            raise ParameterError(f"the operations must be of one kind of data; found {found}")
        return next(iter(homes.values()))

    def replay(self, item: int, *, epoch: int = 0) -> list[dict[str, Any]]:
        """Return what is done to an item: for each operation its type and what was drawn.

        Parameters
        ----------
        item : int
            Number of the item.
        epoch : int, default=0
            Pass over the data.

        Returns
        -------
        list of dict
            In the order they are run; what was not drawn is not run.
        """
        key = (getattr(self, "seed", 0), _count("epoch", epoch), _count("item", item))
        leaves = list(self._leaves())
        return _records(_core.augment_draw(self._plan(), key, 1)[0], leaves)

    def preview(
        self,
        items: Any,
        *,
        n: int = 4,
        epoch: int = 0,
        first: int = 0,
        fig: Any = None,
        **given: Any,
    ) -> Any:
        """Draw items beside what `n` epochs make of them.

        Parameters
        ----------
        items : array or list
            A few items.
        n : int, default=4
            Epochs.
        epoch, first : int, default=0
            The first epoch and the number of the first item.
        fig : matplotlib figure, optional
            Where to draw; by default a new one.
        **given : number
            What else a call takes, such as the `sample_rate` of sound.

        Returns
        -------
        matplotlib.figure.Figure
            The grid.
        """
        _optional.need("matplotlib", "a preview")
        from matplotlib.figure import Figure

        n = _count("n", n)
        home = self._home()
        if fig is None:
            fig = Figure(figsize=(2.2 * (n + 1), 2.2 * len(items)), layout="constrained")
        grid = fig.subplots(len(items), n + 1, squeeze=False)
        batches = [items] + [self(items, epoch=epoch + k, first=first, **given) for k in range(n)]
        for column, batch in enumerate(batches):
            for row, item in enumerate(batch):
                home._draw(grid[row][column], item, self)
            grid[0][column].set_title("as it is" if column == 0 else f"epoch {epoch + column - 1}")
        return fig

    def to_dict(self) -> dict[str, Any]:
        """Return the transform as plain values that JSON can hold; `from_dict` makes it again."""
        plain = {k: list(v) if isinstance(v, tuple) else v for k, v in self.get_params().items()}
        return {"type": self._type(), **plain}

    @classmethod
    def from_dict(cls, record: dict[str, Any]) -> Any:
        """Make the transform that `to_dict` wrote down."""
        return from_dict(record)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Node) and self.to_dict() == other.to_dict()

    def __hash__(self) -> int:
        return hash(repr(self))

    def __repr__(self) -> str:
        defaults = {n: p.default for n, p in inspect.signature(type(self)).parameters.items()}
        parts = [f"{k}={v!r}" for k, v in self.get_params().items() if v != defaults.get(k)]
        return f"{type(self).__name__}({', '.join(parts)})"


class Transform(Node):
    """One operation: `_ranges` and `_draws` are drawn for each item, `_settings` are not."""

    _ranges: ClassVar[Mapping[str, Number]] = {}
    _settings: ClassVar[Mapping[str, Field]] = {}
    _draws: ClassVar[tuple[str, ...]] = ()
    #: What it is called on, where that is not what its area is called on.
    _data: ClassVar[str] = ""

    def _set(self, **values: Any) -> None:
        """Check and keep the parameters."""
        fields = {**self._ranges, **self._settings, "p": _P}
        for name, value in values.items():
            setattr(self, name, fields[name].check(name, value))

    def _plan(self) -> tuple:
        ranges = [r for n, f in self._ranges.items() for r in f.ranges(getattr(self, n))]
        ranges += [(0.0, 1.0, "uniform")] * len(self._draws)
        return ("leaf", self.p, type(self).__name__, ranges, self._told())

    def _told(self) -> Any:
        """Return the settings as the area's kernels take them."""
        return [x for n, f in self._settings.items() for x in f.numbers(getattr(self, n))]

    def _leaves(self) -> Iterator[Transform]:
        yield self

    def _record(self, values: Sequence[float]) -> dict[str, Any]:
        """Return what was drawn, by name."""
        record: dict[str, Any] = {"type": self._type()}
        rest = list(values)
        for name, field in self._ranges.items():
            drawn = [int(x) if field.whole else x for x in rest[: field.copies]]
            record[name] = drawn[0] if field.copies == 1 else drawn
            rest = rest[field.copies :]
        return {**record, **dict(zip(self._draws, rest, strict=True))}

    @classmethod
    def _apply(cls, work: Work, items: Any, out: Any, targets: dict[str, Any]) -> Any:
        raise NotImplementedError

    @classmethod
    def _draw(cls, ax: Any, item: Any, root: Node) -> None:
        raise NotImplementedError


class Group(Node):
    """Several operations."""

    transforms: list[Node]

    def _take(self, transforms: Any) -> None:
        self.transforms = list(transforms)
        for t in self.transforms:
            if not isinstance(t, Node):
                raise ParameterError(f"transforms must be operations or groups of them; got {t!r}")
        if not self.transforms:
            raise ParameterError("transforms must hold at least one operation")

    def _leaves(self) -> Iterator[Transform]:
        for t in self.transforms:
            yield from t._leaves()

    def _numbers(self) -> tuple[str, list[float]]:
        """Return the kind of the group and its numbers, as the kernels take them."""
        raise NotImplementedError

    def _plan(self) -> tuple:
        kind, numbers = self._numbers()
        return (kind, self.p, numbers, [t._plan() for t in self.transforms])

    def to_dict(self) -> dict[str, Any]:
        """Return the group as plain values that JSON can hold; `from_dict` makes it again."""
        record = super().to_dict()
        if "transforms" in inspect.signature(type(self)).parameters:
            record["transforms"] = [t.to_dict() for t in self.transforms]
        return record

    def __repr__(self) -> str:
        own = super().__repr__()
        if "transforms" not in inspect.signature(type(self)).parameters:
            return own
        head, _, rest = own.partition("(")
        return f"{head}({self.transforms!r}{', ' if rest != ')' else ''}{rest}"


class Compose(Group):
    """Operations one after the other.

    Parameters
    ----------
    transforms : list
        Operations and groups.
    seed : int, default=0
        Of all draws. Item i of epoch e is the same whatever the batch size, the number of threads
        and workers, and whether it is run before or after a restart.
    fuse : bool, default=False
        Resample neighbouring geometric steps of images once, with the border of the first. Quicker
        and sharper, but the pixels differ from those of one step after the other.
    min_visibility : float, default=0
        Boxes of which less is seen are dropped with their labels.
    mask_interpolation : {'nearest', 'linear'}
        How masks are read between pixels; 'linear' for heat maps, as float32.
    channels_first : bool, default=False
        Whether images have their channels first.
    p : float, default=1
        How often the group is run at all.

    Examples
    --------
    >>> import numpy as np
    >>> from tamis.augment import Compose
    >>> from tamis.augment.image import HorizontalFlip, Rotate
    >>> t = Compose([HorizontalFlip(), Rotate((-10, 10))], seed=3)
    >>> images = np.zeros((2, 8, 8, 3), np.uint8)
    >>> t(images, epoch=1).shape
    (2, 8, 8, 3)
    >>> Compose.from_dict(t.to_dict()) == t
    True
    """

    def __init__(
        self,
        transforms: Sequence[Node],
        *,
        seed: int = 0,
        fuse: bool = False,
        min_visibility: float = 0.0,
        mask_interpolation: str = "nearest",
        channels_first: bool = False,
        p: float = 1.0,
    ) -> None:
        self._take(transforms)
        self.seed = _count("seed", seed)
        self.fuse = bool(fuse)
        self.min_visibility = _P.check("min_visibility", min_visibility)
        if mask_interpolation not in ("nearest", "linear"):
            raise ParameterError(
                f"mask_interpolation must be nearest or linear; got {mask_interpolation!r}"
            )
        self.mask_interpolation = mask_interpolation
        self.channels_first = bool(channels_first)
        self.p = _P.check("p", p)

    def _numbers(self) -> tuple[str, list[float]]:
        return "all", []


class OneOf(Group):
    """One of several operations.

    Parameters
    ----------
    transforms : list
        Operations and groups.
    weights : list of float, optional
        How often each is chosen, relative to the others; by default all alike.
    p : float, default=1
        How often one is run at all.
    """

    def __init__(
        self,
        transforms: Sequence[Node],
        *,
        weights: Sequence[float] | None = None,
        p: float = 1.0,
    ) -> None:
        self._take(transforms)
        if weights is not None:
            positive = Number(0.0, fixed=True)
            weights = tuple(positive.check("weights", w) for w in weights)
            if len(weights) != len(self.transforms) or not sum(weights):
                raise ParameterError(
                    f"weights must be one for each of {len(self.transforms)} transforms, not all 0"
                )
        self.weights = weights
        self.p = _P.check("p", p)

    def _numbers(self) -> tuple[str, list[float]]:
        return "one", list(self.weights or [1.0] * len(self.transforms))


class SomeOf(Group):
    """Some of several operations.

    Parameters
    ----------
    transforms : list
        Operations and groups.
    n : int or (int, int)
        How many, or from how many to how many.
    replace : bool, default=False
        Whether one can be run more than once; the order is then drawn too.
    p : float, default=1
        How often some are run at all.
    """

    def __init__(
        self,
        transforms: Sequence[Node],
        n: int | tuple[int, int] = 2,
        *,
        replace: bool = False,
        p: float = 1.0,
    ) -> None:
        self._take(transforms)
        most = 1000 if replace else len(self.transforms)
        self.n = Number(0, most, whole=True).check("n", n)
        self.replace = bool(replace)
        self.p = _P.check("p", p)

    def _numbers(self) -> tuple[str, list[float]]:
        low, high = self.n if isinstance(self.n, tuple) else (self.n, self.n)
        return "some", [float(low), float(high), float(self.replace)]


def from_dict(record: dict[str, Any]) -> Any:
    """Make the transform that `to_dict` wrote down.

    Raises
    ------
    ParameterError
        Where the type is not known or a parameter is wrong.
    """
    if not isinstance(record, dict) or not isinstance(record.get("type"), str):
        raise ParameterError(f"a transform is written as a dict with its type; got {record!r}")
    values = dict(record)
    name = values.pop("type")
    area = name.partition(".")[0]
    if area in AREAS and name not in _known:
        importlib.import_module(f"tamis.augment.{area}")
    cls = _known.get(name)
    if cls is None or cls in (Node, Transform, Group):
        raise ParameterError(f"no such transform: {name!r}")
    unknown = set(values) - set(inspect.signature(cls).parameters)
    if unknown:
        raise ParameterError(f"{name} has no parameter {', '.join(sorted(unknown))}")
    if "transforms" in values:
        values["transforms"] = [from_dict(t) for t in values["transforms"]]
    return cls(**values)


def check_out(
    out: Any, shape: tuple[int, ...], dtype: np.dtype, items: Sequence[np.ndarray]
) -> None:
    """Raise unless a batch of this shape and type can be written to `out`."""
    if not isinstance(out, np.ndarray) or out.shape != shape or out.dtype != dtype:
        found = f"{getattr(out, 'dtype', type(out).__name__)} {getattr(out, 'shape', '')}"
        raise ShapeError(f"out must be an array of {dtype} and shape {shape}; got {found}")
    if not out.flags.c_contiguous or not out.flags.writeable:
        raise ParameterError("out must be contiguous and writeable")
    if any(np.may_share_memory(out, x) for x in items):
        raise ParameterError("out must not be the memory of what comes in")


def _count(name: str, value: Any) -> int:
    """Return a whole number that fits 64 bits, or raise."""
    if isinstance(value, bool) or not isinstance(value, Integral) or not 0 <= int(value) < 2**63:
        raise ParameterError(f"{name} must be a whole number from 0; got {value!r}")
    return int(value)


def _records(drawn: Sequence[Any], leaves: Sequence[Transform]) -> list[dict[str, Any]]:
    out: list[dict[str, Any]] = []
    for step in drawn:
        if len(step) == 2:
            out.append(leaves[step[0]]._record(step[1]))
        else:
            keep, weights, chains = step
            made = [_records(chain, leaves) for chain in chains]
            out.append({"type": "mix", "keep": keep, "weights": weights, "chains": made})
    return out
