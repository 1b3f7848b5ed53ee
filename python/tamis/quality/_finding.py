"""One thing that is wrong with data."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

__all__ = ["SEVERITIES", "Finding", "count", "finding", "listed", "share"]

#: From bad to harmless.
SEVERITIES = ("high", "medium", "low", "info")
_MOST_ROWS = 1000


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong, or worth knowing.

    Attributes
    ----------
    kind : str
        What it is, in one word of our own ("missing", "leakage").
    severity : str
        "high" (a model trained on this is wrong), "medium" (costs accuracy or misleads), "low"
        (worth a look) or "info".
    columns : tuple of str
        The columns it is about; none when it is about whole rows.
    rows : tuple of int
        Positions of the rows it is about: the first 1000 of them.
    n_rows : int
        How many rows it is about.
    message : str
        What is wrong, and where.
    fix : str
        What to do.
    score : float
        How much of it there is, 0 to 1; what it measures depends on the kind.
    """

    kind: str
    severity: str
    columns: tuple[Any, ...]
    rows: tuple[int, ...]
    n_rows: int
    message: str
    fix: str
    score: float


def finding(
    kind: str,
    severity: str,
    columns: Any,
    message: str,
    fix: str,
    *,
    rows: np.ndarray | Sequence[int] = (),
    score: float = 1.0,
) -> Finding:
    """Return a finding about one column, several or none, and rows given as positions."""
    names = tuple(columns) if isinstance(columns, list | tuple) else (columns,)
    some = tuple(int(r) for r in rows[:_MOST_ROWS])
    return Finding(kind, severity, names, some, len(rows), message, fix, float(score))


def count(n: int, what: str) -> str:
    """Return "1 row", "2,000 rows"."""
    return f"{n:,} {what}{'' if n == 1 else 's'}"


def share(part: int, whole: int) -> str:
    """Return a share as a person writes it."""
    percent = 100.0 * part / max(whole, 1)
    if 0 < percent < 0.1:
        return "under 0.1 %"
    return f"{percent:.1f} %" if percent < 10 else f"{percent:.0f} %"


def listed(items: Iterable[Any], most: int = 4) -> str:
    """Return a few items in quotes, and how many more there are."""
    items = list(items)
    shown = ", ".join(repr(i) if not isinstance(i, float) else f"{i:g}" for i in items[:most])
    return shown + (f" and {len(items) - most} more" if len(items) > most else "")
