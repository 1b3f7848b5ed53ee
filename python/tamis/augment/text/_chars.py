"""Operations on characters."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from tamis.augment._fields import Choice, Field, Number
from tamis.augment.text import _tables
from tamis.augment.text._run import TextTransform, checked_table
from tamis.exceptions import ParameterError

__all__ = ["CaseNoise", "KeyboardNoise", "OcrNoise"]

Range = float | tuple[float, float]
_RATE = Number(0, 1)


class KeyboardNoise(TextTransform):
    """Make typing errors in words.

    Parameters
    ----------
    rate : float or (float, float), default=0.05
        Share of the characters of words.
    layout : {'qwerty', 'qwertz', 'azerty'} or dict, default='qwerty'
        The keyboard, or characters with lists of those beside them.
    weights : (float, float, float, float), default=(4, 1, 2, 2)
        How often a key beside it is hit instead, a key beside it is hit as well, the key is left
        out, and the next key comes first; relative to each other.
    p : float, default=1
        How often the operation is run.

    Examples
    --------
    >>> from tamis.augment.text import KeyboardNoise
    >>> noisy = KeyboardNoise(0.3)(["typed in a hurry"])[0]
    >>> noisy != "typed in a hurry", len(noisy) > 0
    (True, True)
    """

    _ranges: ClassVar[dict[str, Number]] = {"rate": _RATE}

    def __init__(
        self, rate: Range = 0.05, *, layout: str | Mapping[str, Sequence[str]] = "qwerty",
        weights: Sequence[float] = (4, 1, 2, 2), p: float = 1.0,
    ) -> None:  # fmt: skip
        self._set(rate=rate, p=p)
        if isinstance(layout, str):
            layout = Choice(tuple(_tables.KEYBOARDS)).check("layout", layout)
        self.layout = layout if isinstance(layout, str) else checked_table("layout", layout)
        one = Number(0, fixed=True)
        self.weights = tuple(one.check("weights", w) for w in weights)
        if len(self.weights) != 4 or not sum(self.weights):
            raise ParameterError(f"weights must be four numbers, not all 0; got {weights!r}")

    def _rows(self) -> dict[str, list[str]]:
        return _tables.keys(self.layout) if isinstance(self.layout, str) else self.layout or {}

    def _told(self) -> Any:
        _, mask, table = super()._told()
        return (list(self.weights), mask, table)


class OcrNoise(TextTransform):
    """Take characters for others that look alike, as a scanner does (0 and O, rn and m).

    Parameters
    ----------
    rate : float or (float, float), default=0.1
        Share of the places where there is a look-alike.
    table : dict, optional
        Look-alikes of one or two characters, with lists of what they are taken for.
    p : float, default=1
        How often the operation is run.
    """

    _ranges: ClassVar[dict[str, Number]] = {"rate": _RATE}

    def __init__(
        self, rate: Range = 0.1, *, table: Mapping[str, Sequence[str]] | None = None, p: float = 1.0
    ) -> None:
        self._set(rate=rate, p=p)
        self.table = checked_table("table", table)

    def _rows(self) -> dict[str, list[str]]:
        return _tables.look_alikes() if self.table is None else self.table


class CaseNoise(TextTransform):
    """Change capitals and small letters.

    Parameters
    ----------
    rate : float or (float, float), default=0.05
        Share of the letters, or of the words.
    unit : {'letter', 'word'}, default='letter'
        Letters get the other case; words are written small, in capitals or with a capital first.
    p : float, default=1
        How often the operation is run.
    """

    _ranges: ClassVar[dict[str, Number]] = {"rate": _RATE}
    _settings: ClassVar[dict[str, Field]] = {"unit": Choice(("letter", "word"))}

    def __init__(self, rate: Range = 0.05, *, unit: str = "letter", p: float = 1.0) -> None:
        self._set(rate=rate, unit=unit, p=p)
