"""Batches of texts or tokens into the kernels and out again, with spans and labels."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np

from tamis import _core, _progress, _threads
from tamis.augment._base import Node, Transform, Work
from tamis.exceptions import DataError, ParameterError, ShapeError

__all__ = ["TextTransform", "checked_table"]


class TextTransform(Transform):
    """An operation on texts: `_mask()` is what it puts, `_rows()` what it looks up."""

    _area: ClassVar[str] = "text"

    def _mask(self) -> str:
        return ""

    def _rows(self) -> dict[str, list[str]] | None:
        return None

    def _told(self) -> Any:
        made = getattr(self, "_made", None)
        if made is None and (rows := self._rows()) is not None:
            made = self._made = _core.TextTable(rows)
        return (super()._told(), self._mask(), made)

    def __getstate__(self) -> dict[str, Any]:
        return {k: v for k, v in self.__dict__.items() if k != "_made"}

    @classmethod
    def _apply(cls, work: Work, items: Any, out: Any, targets: dict[str, Any]) -> Any:
        if out is not None:
            raise ParameterError("texts come out as new ones: leave out= away")
        given = {k: v for k, v in targets.items() if v is not None}
        if unknown := set(given) - {"spans", "labels"}:
            raise ParameterError(f"texts have no targets {', '.join(sorted(unknown))}")
        if isinstance(items, str):
            raise ParameterError("give a list of texts; got one text")
        texts = list(items)
        for name, values in given.items():
            if len(values) != len(texts):
                raise ShapeError(f"{len(texts)} texts, but {name} of {len(values)}")
        if texts and all(isinstance(t, list | tuple) for t in texts):
            return _tokens(work, texts, given)
        for i, text in enumerate(texts):
            if not isinstance(text, str):
                raise DataError(f"text {i} is {text!r}: give a string, or lists of tokens only")
        return _texts(work, items, texts, given)

    @classmethod
    def _draw(cls, ax: Any, item: Any, root: Node) -> None:
        text = item if isinstance(item, str) else " ".join(item)
        ax.text(0.02, 0.98, text[:400], wrap=True, va="top", fontsize=7, transform=ax.transAxes)
        ax.set_xticks([])
        ax.set_yticks([])


def _texts(work: Work, items: Any, texts: list[str], given: dict[str, Any]) -> Any:
    spans = [_spans(i, s, texts[i]) for i, s in enumerate(given.get("spans", []))]
    edges = [[(s[0], s[1]) for s in one] for one in spans]
    with _progress.bar(None, "augmenting") as bar:
        made, places = _core.text_apply(
            work.plan, work.key, texts, edges, _threads.resolve(work.n_jobs),
            _progress.kernel_callback(bar),
        )  # fmt: skip
    done = _like(items, made)
    if not given:
        return done
    if "spans" in given:
        moved = [
            [(*at, *span[2:]) for at, span in zip(now, one, strict=True) if at]
            for now, one in zip(places, spans, strict=True)
        ]
        given = {**given, "spans": moved}
    return {"texts": done, **given}


def _spans(i: int, spans: Any, text: str) -> list[tuple]:
    """Return the spans of a text as tuples, checked."""
    found = [tuple(s) for s in spans]
    for s in found:
        whole = len(s) >= 2 and all(isinstance(x, int | np.integer) for x in s[:2])
        if not whole or not 0 <= s[0] <= s[1] <= len(text):
            raise DataError(
                f"text {i} has {len(text)} code points; "
                f"its span {s!r} is not (start, end, ...) in it"
            )
    return [(int(s[0]), int(s[1]), *s[2:]) for s in found]


def _tokens(work: Work, lists: list[Any], given: dict[str, Any]) -> Any:
    if "spans" in given:
        raise ParameterError("spans go with texts; with tokens give labels, one a token")
    for i, tokens in enumerate(lists):
        if bad := [t for t in tokens if not isinstance(t, str) or not t]:
            raise DataError(f"tokens {i}: {bad[0]!r} is not a string of at least one character")
    labels = given.get("labels")
    for i, mine in enumerate(labels if labels is not None else []):
        if len(mine) != len(lists[i]):
            raise ShapeError(f"tokens {i}: {len(lists[i])} tokens, but {len(mine)} labels")
    made = _core.text_tokens(
        work.plan, work.key, [list(t) for t in lists], _threads.resolve(work.n_jobs)
    )
    done = [[token for token, _ in one] for one in made]
    if labels is None:
        return done
    moved = [
        [None if at is None else mine[at] for _, at in one]
        for one, mine in zip(made, labels, strict=True)
    ]
    return {"tokens": done, "labels": moved}


def _like(items: Any, texts: list[str]) -> Any:
    """Return the texts in the caller's container."""
    if isinstance(items, tuple):
        return tuple(texts)
    if isinstance(items, np.ndarray):
        return np.array(texts, dtype=object if items.dtype.kind == "O" else None)
    if hasattr(items, "index") and hasattr(items, "dtype"):  # a pandas Series
        return type(items)(texts, index=items.index, name=items.name, dtype=items.dtype)
    if hasattr(items, "dtype") and hasattr(items, "to_list"):  # a polars Series
        return type(items)(items.name, texts)
    return texts


def checked_table(name: str, value: Any) -> dict[str, list[str]] | None:
    """Return a caller's table of words as plain lists, or raise ParameterError."""
    if value is None:
        return None
    if not isinstance(value, Mapping) or not value:
        raise ParameterError(f"{name} must be a dict of words with lists of words; got {value!r}")
    for word, others in value.items():
        fits = isinstance(others, list | tuple | set) and all(
            isinstance(o, str) and o for o in others
        )
        if not isinstance(word, str) or not word or not fits:
            raise ParameterError(f"{name}[{word!r}] must be a list of words; got {others!r}")
    return {
        str(word): sorted(others) if isinstance(others, set) else list(others)
        for word, others in value.items()
    }
