"""Text evened out before it is compared, column by column."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

import narwhals as nw
import numpy as np

from tamis import _frame
from tamis._frame import Values
from tamis.dedup._cells import Piece
from tamis.exceptions import DataError, ParameterError

__all__ = ["FORMS", "USUAL", "normalized", "normalizers"]

#: What can be evened out: characters composed, case, runs of white space, punctuation.
FORMS = ("nfc", "case", "whitespace", "punctuation")
#: What True stands for.
USUAL = ("nfc", "case", "whitespace")

Function: TypeAlias = Callable[[str], str]


def normalizers(normalize: Any, names: Sequence[Any]) -> dict[Any, Function]:
    """Return for each column what evens out its text; columns named are to hold text.

    Raises
    ------
    ParameterError
        If it is not None, True, a function, some of the known forms, or a dict of these.
    """
    if not isinstance(normalize, Mapping):
        one = _function(normalize)
        return {} if one is None else dict.fromkeys(names, one)
    given = {name: _function(form) for name, form in normalize.items()}
    for name in given:
        if name not in names:
            raise ParameterError(f"normalize names {name!r}, which is none of the columns compared")
    return {name: one for name, one in given.items() if one is not None}


def _function(form: Any) -> Function | None:
    if form is None or form is False:
        return None
    if callable(form):
        return form
    wanted = USUAL if form is True else [form] if isinstance(form, str) else form
    if not isinstance(wanted, Sequence) or any(f not in FORMS for f in wanted):
        raise ParameterError(
            f"normalize must be None, True, a function, one or more of {', '.join(FORMS)}, or a "
            f"dict of these by column; got {form!r}"
        )
    return lambda text: _formed(text, wanted)


def _formed(text: str, wanted: Sequence[str]) -> str:
    """Return the text in some forms; characters are composed whenever any is asked for."""
    text = unicodedata.normalize("NFC", text)
    if "case" in wanted:
        text = text.casefold()
    if "punctuation" in wanted:
        text = "".join(c for c in text if unicodedata.category(c)[0] != "P")
    if not text.isascii():  # what was folded or has come together may compose anew
        text = unicodedata.normalize("NFC", text)
    return " ".join(text.split()) if "whitespace" in wanted else text


def normalized(piece: Piece, function: Function, name: Any, asked: bool) -> Piece:
    """Return a column with its text evened out; another column as it is unless it was asked for."""
    if isinstance(piece, nw.Series) and piece.dtype not in (
        nw.String, nw.Categorical, nw.Enum, nw.Object, nw.Unknown,
    ):  # fmt: skip
        values = None
    else:
        values = piece if isinstance(piece, Values) else _frame.values(piece)
    if values is None or values.kind not in ("str", "object"):
        if asked and values is not None and values.missing.all():
            return values
        if asked:
            raise ParameterError(f"normalize names column {name!r}, which holds no text")
        return piece
    known: dict[str, str] = {}
    out = np.empty(len(values.data), dtype=object)
    for i, (cell, gone) in enumerate(zip(values.data.tolist(), values.missing, strict=True)):
        if gone or not isinstance(cell, str):
            out[i] = cell
            continue
        if cell not in known:
            known[cell] = function(cell)
            if not isinstance(known[cell], str):
                raise DataError(
                    f"normalize gave {type(known[cell]).__name__} for {cell!r} of column {name!r}: "
                    "it must return a str"
                )
        out[i] = known[cell]
    return Values(values.kind, out, values.missing)
