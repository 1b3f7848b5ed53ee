"""Operations on words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from tamis.augment._fields import Choice, Field, Number
from tamis.augment.text import _tables
from tamis.augment.text._run import TextTransform, checked_table
from tamis.exceptions import ParameterError

__all__ = [
    "Contractions", "RandomDeletion", "RandomInsertion", "RandomSwap", "SpanMask",
    "SynonymReplacement", "WordDropout",
]  # fmt: skip

Range = float | tuple[float, float]
Lexicon = Mapping[str, Sequence[str]] | None
_RATE = Number(0, 1)


class _Lexical(TextTransform):
    _ranges: ClassVar[dict[str, Number]] = {"rate": _RATE}
    lexicon: dict[str, list[str]] | None

    def _rows(self) -> dict[str, list[str]]:
        return _tables.lexicon() if self.lexicon is None else self.lexicon


class SynonymReplacement(_Lexical):
    """Put synonyms in the place of words.

    Parameters
    ----------
    rate : float or (float, float), default=0.1
        Share of the words; only those that the lexicon has are replaced.
    lexicon : dict, optional
        Words (in lower case, unless case matters) with lists of their synonyms. By default a small
        English one of everyday words. The case of the word (first letter, capitals) is kept.
    p : float, default=1
        How often the operation is run.

    References
    ----------
    J. Wei and K. Zou, "EDA: Easy Data Augmentation Techniques for Boosting Performance on Text
    Classification Tasks", EMNLP 2019; also of insertion, swap and deletion.

    Examples
    --------
    >>> from tamis.augment.text import SynonymReplacement
    >>> t = SynonymReplacement(1.0, lexicon={"quick": ["fast"], "dog": ["hound"]})
    >>> t(["The Quick dog."], spans=[[(4, 9, "SPEED")]])
    {'texts': ['The Fast hound.'], 'spans': [[(4, 8, 'SPEED')]]}
    """

    def __init__(self, rate: Range = 0.1, *, lexicon: Lexicon = None, p: float = 1.0) -> None:
        self._set(rate=rate, p=p)
        self.lexicon = checked_table("lexicon", lexicon)


class RandomInsertion(_Lexical):
    """Insert synonyms of the text's own words before other words.

    Parameters
    ----------
    rate : float or (float, float), default=0.1
        Words inserted, as a share of the words there.
    lexicon : dict, optional
        As of SynonymReplacement.
    p : float, default=1
        How often the operation is run.
    """

    def __init__(self, rate: Range = 0.1, *, lexicon: Lexicon = None, p: float = 1.0) -> None:
        self._set(rate=rate, p=p)
        self.lexicon = checked_table("lexicon", lexicon)


class RandomSwap(TextTransform):
    """Let words change places, two and two; only words that lie in the same spans.

    Parameters
    ----------
    rate : float or (float, float), default=0.1
        Share of the words that move.
    p : float, default=1
        How often the operation is run.
    """

    _ranges: ClassVar[dict[str, Number]] = {"rate": _RATE}

    def __init__(self, rate: Range = 0.1, *, p: float = 1.0) -> None:
        self._set(rate=rate, p=p)


class RandomDeletion(TextTransform):
    """Remove words, each with the same chance; one word always stays.

    Parameters
    ----------
    rate : float or (float, float), default=0.1
        Chance of a word.
    p : float, default=1
        How often the operation is run.
    """

    _ranges: ClassVar[dict[str, Number]] = {"rate": _RATE}

    def __init__(self, rate: Range = 0.1, *, p: float = 1.0) -> None:
        self._set(rate=rate, p=p)


class WordDropout(TextTransform):
    """Put a mask in the place of words, each with the same chance; spans keep it.

    Parameters
    ----------
    rate : float or (float, float), default=0.1
        Chance of a word.
    mask : str, default='[UNK]'
        The mask.
    p : float, default=1
        How often the operation is run.

    References
    ----------
    S. R. Bowman and others, "Generating Sentences from a Continuous Space", CoNLL 2016.
    """

    _ranges: ClassVar[dict[str, Number]] = {"rate": _RATE}

    def __init__(self, rate: Range = 0.1, *, mask: str = "[UNK]", p: float = 1.0) -> None:
        self._set(rate=rate, p=p)
        self.mask = _word("mask", mask)

    def _mask(self) -> str:
        return self.mask


class SpanMask(TextTransform):
    """Mask runs of words; masked words belong to no span any more.

    Parameters
    ----------
    rate : float or (float, float), default=0.15
        Share of the words that are masked.
    mean_length : float, default=3
        Mean length of a run in words (geometric).
    each : {'run', 'word'}, default='run'
        Whether a run gets one mask, or each of its words.
    mask : str, default='[MASK]'
        The mask.
    p : float, default=1
        How often the operation is run.

    References
    ----------
    M. Joshi and others, "SpanBERT: Improving Pre-training by Representing and Predicting Spans",
    TACL 2020.
    """

    _ranges: ClassVar[dict[str, Number]] = {"rate": _RATE}
    _settings: ClassVar[dict[str, Field]] = {
        "mean_length": Number(1, 1e6, fixed=True),
        "each": Choice(("word", "run")),
    }

    def __init__(
        self, rate: Range = 0.15, *, mean_length: float = 3.0, each: str = "run",
        mask: str = "[MASK]", p: float = 1.0,
    ) -> None:  # fmt: skip
        self._set(rate=rate, mean_length=mean_length, each=each, p=p)
        self.mask = _word("mask", mask)

    def _mask(self) -> str:
        return self.mask


class Contractions(TextTransform):
    """Write English phrases in their short forms, or short forms in full.

    Parameters
    ----------
    rate : float or (float, float), default=0.5
        Chance of each place where it can be done.
    direction : {'both', 'contract', 'expand'}, default='both'
        Which way.
    p : float, default=1
        How often the operation is run.

    Examples
    --------
    >>> from tamis.augment.text import Contractions
    >>> Contractions(1.0, direction="contract")(["We do not know. It is late."])
    ["We don't know. It's late."]
    """

    direction: str
    _ranges: ClassVar[dict[str, Number]] = {"rate": _RATE}
    _settings: ClassVar[dict[str, Field]] = {"direction": Choice(("both", "contract", "expand"))}

    def __init__(self, rate: Range = 0.5, *, direction: str = "both", p: float = 1.0) -> None:
        self._set(rate=rate, direction=direction, p=p)

    def _rows(self) -> dict[str, list[str]]:
        return _tables.contractions(self.direction)


def _word(name: str, value: Any) -> str:
    if not isinstance(value, str) or not value:
        raise ParameterError(f"{name} must be a string of at least one character; got {value!r}")
    return value
