"""Policies: many operations chosen among at random."""

from __future__ import annotations

from typing import Any

from tamis.augment._base import Group, Node, OneOf
from tamis.augment._fields import Number
from tamis.augment.image._geometric import Rotate, Shear, Translate
from tamis.augment.image._pixels import (
    BrightnessContrast,
    ColorJitter,
    Equalize,
    Posterize,
    Sharpen,
    Solarize,
)
from tamis.augment.image._run import ImageTransform

__all__ = ["AugMix", "RandAugment", "TrivialAugment"]


def _either(make: Any, most: float, least: float) -> Node:
    """Return an operation of a strength from `least` to `most`, either way."""
    if least == most:
        return OneOf([make(most), make(-most)])
    return OneOf([make((least, most)), make((-most, -least))])


def _span(low: float, high: float) -> Any:
    low, high = min(low, high), max(low, high)
    return low if low == high else (low, high)


def operations(least: float, most: float, pixels: bool = True) -> list[Node]:
    """Return the operations of the policies, of strengths from `least` to `most` (0 to 1)."""
    identity = BrightnessContrast(0.0, 0.0)
    bits = _span(round(8 - 4 * most), round(8 - 4 * least))
    moved = [
        _either(lambda v: Shear(v, 0.0), 17.0 * most, 17.0 * least),
        _either(lambda v: Shear(0.0, v), 17.0 * most, 17.0 * least),
        _either(lambda v: Translate(v, 0.0), 32.0 * most, 32.0 * least),
        _either(lambda v: Translate(0.0, v), 32.0 * most, 32.0 * least),
        _either(Rotate, 30.0 * most, 30.0 * least),
        Equalize(),
        Posterize(bits),
        Solarize(_span(1 - most, 1 - least)),
    ]
    if not pixels:
        return moved
    around = 0.9 * least, 0.9 * most

    def jitter(name: str) -> Node:
        still: dict[str, Any] = {
            "brightness": 1.0, "contrast": 1.0, "saturation": 1.0, "hue": 0.0,
        }  # fmt: skip
        return OneOf(
            [
                ColorJitter(**{**still, name: _span(1 + around[0], 1 + around[1])}),
                ColorJitter(**{**still, name: _span(1 - around[1], 1 - around[0])}),
            ]
        )

    tones = [jitter(name) for name in ("brightness", "contrast", "saturation")]
    return [identity, *moved, *tones, Sharpen(_span(*around))]


class _Policy(Group):
    """A group that makes its own operations."""

    _area = ImageTransform._area


class RandAugment(_Policy):
    """`n` of 13 operations, all of one strength (Cubuk et al. 2020).

    Parameters
    ----------
    n : int, default=2
        Operations for an image; one can come twice.
    magnitude : float, default=9
        Strength, 0 to 30.
    seed : int, default=0
        Of all draws, where the policy is called by itself.
    p : float, default=1
        How often it is run.
    """

    def __init__(
        self, n: int = 2, magnitude: float = 9.0, *, seed: int = 0, p: float = 1.0
    ) -> None:
        self.n = Number(1, 100, whole=True, fixed=True).check("n", n)
        self.magnitude = Number(0, 30, fixed=True).check("magnitude", magnitude)
        self.seed = Number(0, 2**62, whole=True, fixed=True).check("seed", seed)
        self.p = Number(0, 1, fixed=True).check("p", p)
        self._take(operations(self.magnitude / 30, self.magnitude / 30))

    def _numbers(self) -> tuple[str, list[float]]:
        return "some", [float(self.n), float(self.n), 1.0]


class TrivialAugment(_Policy):
    """One of 13 operations, of any strength (Müller and Hutter 2021).

    Parameters
    ----------
    seed : int, default=0
        Of all draws, where the policy is called by itself.
    p : float, default=1
        How often it is run.
    """

    def __init__(self, *, seed: int = 0, p: float = 1.0) -> None:
        self.seed = Number(0, 2**62, whole=True, fixed=True).check("seed", seed)
        self.p = Number(0, 1, fixed=True).check("p", p)
        self._take(operations(0.0, 1.0))

    def _numbers(self) -> tuple[str, list[float]]:
        return "one", [1.0] * len(self.transforms)


class AugMix(_Policy):
    """Chains of operations, mixed with one another and with the image (Hendrycks et al. 2020).

    Masks, boxes and keypoints cannot follow it, since it mixes moved images.

    Parameters
    ----------
    severity : float, default=3
        Strength, 0 to 10.
    width : int, default=3
        Chains.
    depth : int or (int, int), default=(1, 3)
        Operations of a chain.
    alpha : float, default=1
        Of the Dirichlet and Beta laws of the weights.
    seed : int, default=0
        Of all draws, where the policy is called by itself.
    p : float, default=1
        How often it is run.
    """

    def __init__(
        self,
        severity: float = 3.0,
        *,
        width: int = 3,
        depth: int | tuple[int, int] = (1, 3),
        alpha: float = 1.0,
        seed: int = 0,
        p: float = 1.0,
    ) -> None:
        self.severity = Number(0, 10, fixed=True).check("severity", severity)
        self.width = Number(1, 20, whole=True, fixed=True).check("width", width)
        self.depth = Number(1, 20, whole=True).check("depth", depth)
        self.alpha = Number(0, 1e3, above=True, fixed=True).check("alpha", alpha)
        self.seed = Number(0, 2**62, whole=True, fixed=True).check("seed", seed)
        self.p = Number(0, 1, fixed=True).check("p", p)
        self._take(operations(0.0, self.severity / 10, pixels=False))

    def _numbers(self) -> tuple[str, list[float]]:
        low, high = self.depth if isinstance(self.depth, tuple) else (self.depth, self.depth)
        return "mix", [float(self.width), float(low), float(high), self.alpha]
