"""Parameters of operations: what may be given, and how it is told to the kernels."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from numbers import Integral, Real
from typing import Any

from tamis.exceptions import ParameterError

__all__ = ["Choice", "Field", "Flag", "Number", "Values"]


class Field:
    """What a parameter may be."""

    def check(self, name: str, value: Any) -> Any:
        """Return the value in its plain form, or raise ParameterError."""
        raise NotImplementedError

    def numbers(self, value: Any) -> list[float]:
        """Return a checked value as the kernels take settings."""
        raise NotImplementedError


@dataclass(frozen=True)
class Number(Field):
    """A number, or a pair that is a range to draw from.

    Attributes
    ----------
    low, high : float
        Bounds, both included.
    above : bool
        Whether `low` itself is refused.
    whole : bool
        Whether only whole numbers are taken (and drawn).
    law : {'uniform', 'log', 'beta'}
        How a pair is drawn from; 'beta' takes one number, of Beta(a, a).
    fixed : bool
        Whether a pair is refused.
    copies : int
        How many values are drawn for an item.
    """

    low: float = -math.inf
    high: float = math.inf
    above: bool = False
    whole: bool = False
    law: str = "uniform"
    fixed: bool = False
    copies: int = 1

    def check(self, name: str, value: Any) -> Any:
        """Return a number or a pair of numbers."""
        if isinstance(value, Real) and not isinstance(value, bool):
            return self._one(name, value)
        pair = isinstance(value, Sequence) and not isinstance(value, str) and len(value) == 2
        if self.fixed or self.law == "beta" or not pair:
            wanted = (
                "a number" if self.fixed or self.law == "beta" else "a number or a pair of them"
            )
            raise ParameterError(f"{name} must be {wanted}; got {value!r}")
        low, high = (self._one(name, v) for v in value)
        if low > high:
            raise ParameterError(
                f"{name} is a range from {low} to {high}: the lower end comes first"
            )
        return low, high

    def _one(self, name: str, value: Any) -> float | int:
        if not isinstance(value, Real) or isinstance(value, bool) or not math.isfinite(value):
            raise ParameterError(f"{name} must be a finite number; got {value!r}")
        if self.whole and not isinstance(value, Integral) and not float(value).is_integer():
            raise ParameterError(f"{name} must be a whole number; got {value!r}")
        number = float(value)
        if not self.low <= number <= self.high or (self.above and number == self.low):
            start = f"above {self.low:g}" if self.above else f"at least {self.low:g}"
            end = f" and at most {self.high:g}" if self.high < math.inf else ""
            raise ParameterError(f"{name} must be {start}{end}; got {value!r}")
        return int(number) if self.whole else number

    def ranges(self, value: Any) -> list[tuple[float, float, str]]:
        """Return the ranges that the kernels draw from."""
        low, high = value if isinstance(value, tuple) else (value, value)
        law = "whole" if self.whole else self.law
        return [(float(low), float(high), law)] * self.copies

    def numbers(self, value: Any) -> list[float]:
        """Return the number."""
        return [float(value)]


@dataclass(frozen=True)
class Choice(Field):
    """One of several words."""

    options: tuple[str, ...]

    def check(self, name: str, value: Any) -> str:
        """Return the word."""
        if not isinstance(value, str) or value not in self.options:
            raise ParameterError(f"{name} must be one of {', '.join(self.options)}; got {value!r}")
        return value

    def numbers(self, value: Any) -> list[float]:
        """Return its place among the options."""
        return [float(self.options.index(value))]


@dataclass(frozen=True)
class Flag(Field):
    """True or False."""

    def check(self, name: str, value: Any) -> bool:
        """Return the flag."""
        if not isinstance(value, bool):
            raise ParameterError(f"{name} must be True or False; got {value!r}")
        return value

    def numbers(self, value: Any) -> list[float]:
        """Return 1 or 0."""
        return [float(value)]


@dataclass(frozen=True)
class Values(Field):
    """A number, or one for each channel; a kernel reads them to the end of its settings."""

    low: float = -math.inf
    above: bool = False

    def check(self, name: str, value: Any) -> float | tuple[float, ...]:
        """Return a number or a tuple."""
        one = Number(self.low, above=self.above, fixed=True)
        if isinstance(value, Real):
            return one.check(name, value)
        if not hasattr(value, "__len__") or isinstance(value, str) or not len(value):
            raise ParameterError(f"{name} must be a number or one for each channel; got {value!r}")
        return tuple(one.check(name, float(v)) for v in value)

    def numbers(self, value: Any) -> list[float]:
        """Return the values."""
        return list(value) if isinstance(value, tuple) else [value]
