"""Checks against another table: rows in both, columns and values that differ."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np

from tamis.dedup import find_leakage
from tamis.exceptions import DuplicatesWarning
from tamis.quality._finding import Finding, count, finding, listed, share
from tamis.quality._table import Table

__all__ = ["CHECKS"]

_FEW = 30
_DRIFT, _MUCH_DRIFT = 0.1, 0.3
_CHANCE = 1e-4
#: Texts of each table that are compared, at most.
_MOST_TEXTS = 100_000


def columns_differ(t: Table, other: Table) -> Iterator[Finding]:
    """Columns that one table has and the other lacks, or holds as another kind."""
    absent = [n for n in t.features if n not in other.columns]
    if absent:
        yield finding(
            "column_absent", "medium", absent,
            f"The compared table lacks {listed(absent, 8)}.",
            "A model trained on them cannot be used there: add or rename the columns.",
        )  # fmt: skip
    extra = [n for n in other.columns if n not in t.columns]
    if extra:
        yield finding(
            "column_extra", "info", extra,
            f"Only the compared table has {listed(extra, 8)}.",
            "They are ignored; rename them if they are meant to be the same columns.",
        )  # fmt: skip
    for name in _shared(t, other):
        a, b = t.columns[name], other.columns[name]
        kinds = {_family(t, name), _family(other, name)}
        if len(kinds) == 2 and "" not in kinds:
            yield finding(
                "kind_differs", "medium", name,
                f"{name!r} is {a.dtype} ({_family(t, name)}) here and {b.dtype} "
                f"({_family(other, name)}) in the compared table.",
                "Read both files with the same types.",
            )  # fmt: skip


def _family(t: Table, name: Any) -> str:
    """Return what a column's values are; nothing where there are none to tell by."""
    if t.columns[name].kind == "empty":
        return ""
    kind = t.values(name).kind
    known = {"float": "numbers", "int": "numbers", "uint": "numbers", "str": "text"}
    return known.get(kind, {"time": "times", "bool": "booleans"}.get(kind, "objects"))


def _shared(t: Table, other: Table) -> list[Any]:
    return [n for n in t.columns if n in other.columns]


def shared_rows(t: Table, other: Table) -> Iterator[Finding]:
    """Rows that stand in both tables."""
    names = [n for n in t.compared if n in other.columns]
    features = [n for n in names if n != t.target]
    if not features:
        return
    found = find_leakage(t.data, other.data, subset=features)
    n = len(found.right_rows)
    if not n:
        return
    by_chance = t.crowded(features)
    part = n / max(1, other.n_rows)
    text = (
        f"{count(n, 'row')} of the compared table ({share(n, other.n_rows)}) are in this one too, "
        f"equal in every shared column"
    )
    if t.target in names:
        whole = len(find_leakage(t.data, other.data, subset=names).right_rows)
        text += f" but {t.target!r}; {whole:,} of them with the same {t.target!r}"
    text += ". With so few distinct values this happens by chance." if by_chance else "."
    yield finding(
        "shared_rows",
        "info" if by_chance else "high" if part >= 0.01 else "medium",
        (),
        text,
        "Take them out of one of the tables: a score on rows that were trained on is too good.",
        rows=found.left_rows,
        score=part,
    )


def shared_texts(t: Table, other: Table) -> Iterator[Finding]:
    """Texts of the compared table that nearly equal one of this table."""
    for name in _shared(t, other):
        if not t.columns[name].kind == other.columns[name].kind == "text":
            continue
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DuplicatesWarning)  # of short texts
            found = find_leakage(_texts(t, name), _texts(other, name), "text", normalize=True)
        n = len(found.right_rows)
        if not n:
            continue
        part = n / found.n_test
        of = "" if found.n_test == other.n_rows else f" of the first {found.n_test:,}"
        yield finding(
            "shared_texts", "high" if part >= 0.01 else "medium", name,
            f"{count(n, 'text')}{of} in {name!r} of the compared table "
            f"({share(n, found.n_test)}) {'is' if n == 1 else 'are'} in this one too, or nearly "
            "the same.",
            "Take them out of one of the tables (tamis.dedup.find_leakage with kind='text'): a "
            "score on texts that were trained on is too good.",
            rows=found.left_rows, score=part,
        )  # fmt: skip


def _texts(t: Table, name: Any) -> list[str | None]:
    v = t.values(name)
    data, missing = v.data[:_MOST_TEXTS].tolist(), v.missing[:_MOST_TEXTS].tolist()
    return [None if gone else text for text, gone in zip(data, missing, strict=True)]


def new_categories(t: Table, other: Table) -> Iterator[Finding]:
    """Categories that only the compared table has."""
    for name in _shared(t, other):
        both = t.values(name).kind == other.values(name).kind == "str"
        if not both or t.columns[name].kind != "category":
            continue
        known = {v for v, _ in t.counts(name)}
        new = [(v, c) for v, c in other.counts(name) if v not in known]
        n = sum(c for _, c in new)
        if new:
            part = n / other.n_rows
            yield finding(
                "new_categories", "medium" if part > 0.05 else "low", name,
                f"{name!r} has {count(len(new), 'value')} in the compared table that "
                f"{'is' if len(new) == 1 else 'are'} not here: {listed(v for v, _ in new)}, in "
                f"{count(n, 'row')}.",
                "Check their spelling; a model has not learned them.", score=part,
            )  # fmt: skip


def drift(t: Table, other: Table) -> Iterator[Finding]:
    """Columns whose values are distributed otherwise in the compared table."""
    for name in _shared(t, other):
        if t.columns[name].kind == "number" and other.columns[name].kind == "number":
            distance, chance = _kolmogorov(t.numbers(name), other.numbers(name))
            middle = [f"{np.nanmedian(x.numbers(name)):g}" for x in (t, other)]
            what = f"medians {middle[0]} and {middle[1]}"
        elif t.columns[name].kind == other.columns[name].kind == "category":
            distance, chance, most = _chi_square(t.counts(name), other.counts(name))
            what = f"most of all in {most!r}"
        else:
            continue
        if distance < _DRIFT or chance > _CHANCE:
            continue
        yield finding(
            "drift", "medium" if distance >= _MUCH_DRIFT else "low", name,
            f"{name!r} is distributed otherwise in the compared table: they differ by "
            f"{distance:.2f} on a scale from 0 to 1 ({what}).",
            "Find out what changed; a model may not carry over.", score=distance,
        )  # fmt: skip


def _kolmogorov(a: np.ndarray, b: np.ndarray) -> tuple[float, float]:
    """Return the Kolmogorov-Smirnov distance of two samples and its probability by chance."""
    a, b = np.sort(a[np.isfinite(a)]), np.sort(b[np.isfinite(b)])
    if min(len(a), len(b)) < _FEW:
        return 0.0, 1.0
    at = np.concatenate([a, b])
    below = [np.searchsorted(x, at, side="right") / len(x) for x in (a, b)]
    distance = float(np.abs(below[0] - below[1]).max())
    size = len(a) * len(b) / (len(a) + len(b))
    return distance, min(1.0, 2.0 * float(np.exp(-2.0 * size * distance**2)))


def _chi_square(a: list[tuple[Any, int]], b: list[tuple[Any, int]]) -> tuple[float, float, Any]:
    """Return the total variation distance of counts, its probability, the value that moved most."""
    from scipy.stats import chi2

    left, right = dict(a), dict(b)
    keys = [*left, *(k for k in right if k not in left)]
    x = np.array([[side.get(k, 0) for k in keys] for side in (left, right)], dtype=np.float64)
    if x.size == 0 or x.sum(axis=1).min() < _FEW or len(keys) < 2:
        return 0.0, 1.0, None
    parts = x / x.sum(axis=1, keepdims=True)
    expected = x.sum(axis=1, keepdims=True) * x.sum(axis=0) / x.sum()
    statistic = ((x - expected) ** 2 / expected).sum()
    moved = np.abs(parts[0] - parts[1])
    chance = float(chi2.sf(statistic, len(keys) - 1))
    return float(moved.sum() / 2), chance, keys[int(moved.argmax())]


CHECKS = (columns_differ, shared_rows, shared_texts, new_categories, drift)
