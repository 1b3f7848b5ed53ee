"""Checks across columns and rows: duplicates of either."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from tamis.dedup import duplicate_groups
from tamis.quality._finding import Finding, count, finding, listed, share
from tamis.quality._table import Table

__all__ = ["CHECKS"]

_FEW = 20
_PERFECT = 1 - 1e-9
_MOST_NUMBERS = 500  # columns for which all correlations are looked at


def duplicate_rows(t: Table) -> Iterator[Finding]:
    """Rows that are there more than once."""
    names = t.compared
    labels = duplicate_groups(t.data, names)
    later = np.ones(t.n_rows, dtype=bool)
    later[np.unique(labels, return_index=True)[1]] = False
    rows = np.flatnonzero(later)
    if not len(rows):
        return
    by_chance = t.crowded(names)
    apart = f", apart from {listed(t.row_numbers)}" if t.row_numbers else ""
    part = len(rows) / t.n_rows
    yield finding(
        "duplicate_rows",
        "info" if by_chance else "medium" if part >= 0.01 else "low",
        (),
        f"{count(len(rows), 'row')} ({share(len(rows), t.n_rows)}) repeat an earlier row in "
        f"every column{apart}."
        + (" With so few distinct values this happens by chance." if by_chance else ""),
        "Keep copies on one side of every split (tamis.dedup.duplicate_groups)."
        if by_chance
        else "Drop them (tamis.dedup.RowDeduplicator), or keep copies on one side of every split.",
        rows=rows,
        score=part,
    )


def conflicting_rows(t: Table) -> Iterator[Finding]:
    """Rows that agree in every feature and not in the target."""
    names = [n for n in t.compared if n != t.target]
    if t.target is None or not names:
        return
    labels = duplicate_groups(t.data, names)
    target = t.codes(t.target)
    gone = t.values(t.target).missing
    both = duplicate_groups(np.stack([labels, target], axis=1)[~gone])
    # Groups of features that hold more than one target.
    first = np.unique(both, return_index=True)[1]
    kinds = np.bincount(labels[~gone][first], minlength=int(labels.max()) + 1)
    rows = np.flatnonzero((kinds[labels] > 1) & ~gone)
    if not len(rows):
        return
    by_chance = t.crowded(names)
    part = len(rows) / t.n_rows
    yield finding(
        "conflicting_rows",
        "info" if by_chance else "medium" if part >= 0.01 else "low",
        t.target,
        f"{count(len(rows), 'row')} ({share(len(rows), t.n_rows)}) agree with another row in every "
        f"feature but not in {t.target!r}: no model can get all of them right.",
        "Look for wrong labels among them, or for a column that would tell them apart.",
        rows=rows,
        score=part,
    )


def duplicate_columns(t: Table) -> Iterator[Finding]:
    """Columns that say the same, as copies or under other names for the values."""
    seen: dict[bytes, list[Any]] = {}
    for name in t.features:
        if t.columns[name].kind not in ("constant", "empty"):
            seen.setdefault(t.codes(name).tobytes(), []).append(name)
    for names in seen.values():
        if len(names) < 2:
            continue
        copies = [n for n in names[1:] if _equal(t, names[0], n)]
        if copies:
            yield finding(
                "duplicate_columns", "medium", [names[0], *copies],
                f"{listed(copies)} {'is a copy' if len(copies) == 1 else 'are copies'} of "
                f"{names[0]!r}.",
                "Keep one of them.",
            )  # fmt: skip
        recoded = [n for n in names[1:] if n not in copies]
        # Where nearly every value is unique, any two columns map onto each other.
        if recoded and t.columns[names[0]].n_distinct <= 0.5 * t.n_rows and t.n_rows >= _FEW:
            yield finding(
                "recoded_columns", "low", [names[0], *recoded],
                f"{listed(recoded)} {'says' if len(recoded) == 1 else 'say'} the same as "
                f"{names[0]!r} in other words: each value goes with one value of the other.",
                "Keep one of them.",
            )  # fmt: skip


def _equal(t: Table, a: Any, b: Any) -> bool:
    va, vb = t.values(a), t.values(b)
    if va.kind != vb.kind or not np.array_equal(va.missing, vb.missing):
        return False
    there = ~va.missing
    if va.kind == "object":
        return [repr(x) for x in va.data[there]] == [repr(x) for x in vb.data[there]]
    return bool(np.array_equal(va.data[there], vb.data[there]))


def correlated_columns(t: Table) -> Iterator[Finding]:
    """Columns of numbers that are one another times a number plus a number."""
    names = [n for n in t.features if t.columns[n].kind == "number" and t.columns[n].n_distinct > 2]
    if len(names) < 2 or len(names) > _MOST_NUMBERS or t.n_rows < _FEW:
        return
    keys: dict[bytes, list[Any]] = {}
    for name in names:  # the same gaps, or they are not the same column
        keys.setdefault(np.isfinite(t.numbers(name)).tobytes(), []).append(name)
    for mask, group in keys.items():
        there = np.frombuffer(mask, dtype=bool)
        if len(group) < 2 or there.sum() < _FEW:
            continue
        x = np.stack([t.numbers(n)[there] for n in group])
        with np.errstate(all="ignore"):
            r = np.abs(np.nan_to_num(np.corrcoef(x)))
        taken: set[Any] = set()
        for i, name in enumerate(group):
            near = [
                group[j]
                for j in range(i + 1, len(group))
                if r[i, j] > _PERFECT and group[j] not in taken and not _equal(t, name, group[j])
            ]
            taken.update(near)
            if near:
                yield finding(
                    "correlated_columns", "medium", [name, *near],
                    f"{listed(near)} {'is' if len(near) == 1 else 'are'} {name!r} on another "
                    "scale: their correlation is 1.",
                    "Keep one of them.",
                )  # fmt: skip


CHECKS = (duplicate_rows, conflicting_rows, duplicate_columns, correlated_columns)
