"""Checks of one column at a time."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np

from tamis.quality._finding import Finding, count, finding, listed, share
from tamis.quality._table import Table

__all__ = ["CHECKS", "outlier_rows"]

_MANY_MISSING = 0.2
_FENCE = 3.0  # interquartile ranges beyond the quartiles: "far out" (Tukey 1977)
_FEW = 20


def missing(t: Table, name: Any) -> Iterator[Finding]:
    """Cells that are not there."""
    column, gaps = t.columns[name], t.values(name).missing
    if not column.n_missing or name == t.target:
        return
    if column.kind == "empty" and column.n_missing == column.n_rows:
        yield finding(
            "empty", "medium", name, f"{name!r} holds nothing.", "Drop the column.",
            rows=np.flatnonzero(gaps),
        )  # fmt: skip
        return
    part = column.n_missing / column.n_rows
    rows = f"{count(column.n_missing, 'row')} ({share(column.n_missing, column.n_rows)})"
    text = f"{name!r} is missing in {rows}."
    fix = "Fill it (tamis.impute), inside the folds when you cross-validate."
    if part > 0.5:
        fix = "Drop the column, or keep only whether it is there: more than half is missing."
    yield finding(
        "missing", "medium" if part >= _MANY_MISSING else "low", name, text, fix,
        rows=np.flatnonzero(gaps), score=part,
    )  # fmt: skip


def constant(t: Table, name: Any) -> Iterator[Finding]:
    """One value in every row."""
    column = t.columns[name]
    if column.kind != "constant" or name == t.target or column.n_rows < 2:
        return
    value = next((v for v, _ in t.counts(name) if v not in column.markers), None)
    gaps = " or is missing" if column.n_missing else ""
    yield finding(
        "constant", "low" if column.n_missing else "medium", name,
        f"{name!r} holds {value!r} in every row{gaps}.",
        "Drop the column: nothing can be learned from it"
        + (", unless its gaps mean something." if gaps else "."),
    )  # fmt: skip


def identifier(t: Table, name: Any) -> Iterator[Finding]:
    """Columns that name the row rather than describe it."""
    column = t.columns[name]
    if column.kind != "identifier" or name == t.target:
        return
    what = "numbers the rows" if t.numbers_rows(name) else "looks like an identifier"
    yield finding(
        "identifier", "low", name,
        f"{name!r} {what}: {column.n_distinct:,} distinct values in {count(column.n_rows, 'row')}.",
        "Leave it out of the model, which would learn rows by heart from it.",
        score=column.n_distinct / column.n_rows,
    )  # fmt: skip


def stored_as_text(t: Table, name: Any) -> Iterator[Finding]:
    """Numbers and dates kept as text."""
    column = t.columns[name]
    if not column.parse:
        return
    example = next((v for v, _ in t.counts(name) if v not in column.markers), "")
    if column.parse == "number":
        yield finding(
            "number_as_text", "medium", name,
            f"{name!r} holds numbers kept as text, such as {example!r}.",
            "Convert it to numbers, or its order is lost"
            + (" (tamis.tune does that by itself)." if not column.markers else
               f"; read {listed(column.markers)} as missing."),
        )  # fmt: skip
        return
    yield finding(
        "date_as_text", "low", name,
        f"{name!r} holds dates kept as text, such as {example!r}.",
        "Convert it to a date type and derive what matters (year, month, weekday, age).",
    )  # fmt: skip


def disguised(t: Table, name: Any) -> Iterator[Finding]:
    """Values that stand for "missing"."""
    column, v = t.columns[name], t.values(name)
    if column.markers:
        rows = np.flatnonzero(_is_one_of(v, column.markers))
        yield finding(
            "disguised_missing", "medium", name,
            f"{name!r} says {listed(column.markers)} where it means \"missing\", in "
            f"{count(len(rows), 'row')} ({share(len(rows), column.n_rows)}).",
            "Read these values as missing, then fill them as other gaps.",
            rows=rows, score=len(rows) / column.n_rows,
        )  # fmt: skip
    if column.suspects:
        rows = np.flatnonzero(_is_one_of(v, column.suspects))
        yield finding(
            "suspect_value", "low", name,
            f"{name!r} is {listed(column.suspects)} in {count(len(rows), 'row')}, far above all "
            "other values: a cap, or a mark for missing.",
            "Ask where the data come from; if it means missing, read it so.",
            rows=rows, score=len(rows) / column.n_rows,
        )  # fmt: skip


def _is_one_of(v: Any, wanted: tuple[Any, ...]) -> np.ndarray:
    if v.kind == "str":
        there = set(wanted)
        return np.array([x in there for x in v.data.tolist()], dtype=bool) & ~v.missing
    return np.isin(v.data, wanted) & ~v.missing


def spellings(t: Table, name: Any) -> Iterator[Finding]:
    """One category under several spellings, and spaces around values."""
    column = t.columns[name]
    if column.kind != "category" or t.values(name).kind != "str":
        return
    forms: dict[str, list[str]] = {}
    for value, _ in t.counts(name):
        forms.setdefault(" ".join(value.split()).casefold(), []).append(value)
    several = [values for values in forms.values() if len(values) > 1]
    if several:
        odd = {v for values in several for v in values[1:]}
        rows = np.flatnonzero(_is_one_of(t.values(name), tuple(odd)))
        shown = "; ".join(" = ".join(repr(v) for v in values[:3]) for values in several[:3])
        many = "one category" if len(several) == 1 else f"{len(several)} categories"
        yield finding(
            "category_variants", "medium", name,
            f"{name!r} writes {many} in several ways, in case or spaces: {shown}.",
            "Write each category one way (strip spaces, one case).",
            rows=rows, score=len(rows) / column.n_rows,
        )  # fmt: skip
        return
    spaced = [v for v, _ in t.counts(name) if v != v.strip() and v not in column.markers]
    if spaced:
        rows = np.flatnonzero(_is_one_of(t.values(name), tuple(spaced)))
        yield finding(
            "spaces", "low", name,
            f"{name!r} has spaces around {count(len(rows), 'value')}, such as {spaced[0]!r}.",
            "Strip the spaces: they make a value differ from the same one typed clean.",
            rows=rows, score=len(rows) / column.n_rows,
        )  # fmt: skip


def infinite(t: Table, name: Any) -> Iterator[Finding]:
    """Infinities."""
    v = t.values(name)
    rows = np.flatnonzero(np.isinf(v.data)) if v.kind == "float" else np.array([], dtype=int)
    if len(rows):
        yield finding(
            "infinite", "medium", name, f"{name!r} is infinite in {count(len(rows), 'row')}.",
            "Correct these cells or mark them missing: most models refuse them.",
            rows=rows, score=len(rows) / t.n_rows,
        )  # fmt: skip


def outlier_rows(t: Table, name: Any) -> np.ndarray:
    """Return the rows whose number is far out (beyond three interquartile ranges)."""
    from tamis.outlier import IQRDetector

    if t.columns[name].kind != "number" or t.columns[name].n_distinct <= _FEW // 2:
        return np.array([], dtype=np.int64)
    x = t.numbers(name)
    x = np.where(np.isinf(x), np.nan, x)
    values = x[np.isfinite(x)]
    # Where half of the values are one value (a mostly zero amount), fences say nothing.
    if len(values) < _FEW or np.subtract(*np.quantile(values, [0.75, 0.25])) == 0:
        return np.array([], dtype=np.int64)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        inside = IQRDetector(factor=_FENCE, n_jobs=1).fit(x[:, None])
    return np.flatnonzero((x < inside.lower_[0]) | (x > inside.upper_[0]))


def outliers(t: Table, name: Any) -> Iterator[Finding]:
    """Numbers far from the rest."""
    rows = outlier_rows(t, name)
    if not len(rows):
        return
    x = t.numbers(name)
    rest = np.delete(x, rows)
    rest = rest[np.isfinite(rest)]
    low, high = float(rest.min()), float(rest.max())
    far = x[rows]
    gap = float(np.min(np.where(far > high, far - high, low - far)))
    worst = listed(sorted(set(far.tolist()), key=lambda v: -abs(v - np.median(rest))), 3)
    # Values with a wide gap to all others are errors more often than a long tail is.
    alone = gap > 2 * (high - low) and len(rows) <= max(1, 0.01 * t.n_rows)
    yield finding(
        "outliers", "medium" if alone else "low", name,
        f"{name!r} has {count(len(rows), 'value')} far from the rest, which lie between {low:g} "
        f"and {high:g}: {worst}.",
        "Check them against the source; they look like errors or another unit."
        if alone else
        "Check the largest; if they are real, a log scale or a robust model copes with them.",
        rows=rows, score=len(rows) / t.n_rows,
    )  # fmt: skip


CHECKS = (
    missing, constant, identifier, stored_as_text, disguised, spellings, infinite, outliers,
)  # fmt: skip
