"""Text for the terminal: headings, wrapped paragraphs and plain columns that fit its width."""

from __future__ import annotations

import math
import shutil
import textwrap
from collections.abc import Sequence
from typing import Any

import click

__all__ = ["columns", "heading", "number", "paragraph", "width"]

#: Lines longer than this are hard to read however wide the terminal is.
_WIDEST = 110
_GAP = 2


def width() -> int:
    """Return how many characters a line may have."""
    return max(40, min(_WIDEST, shutil.get_terminal_size((80, 24)).columns))


def heading(text: str, note: str = "") -> str:
    """Return a heading, with a note in plain type behind it."""
    return click.style(text, bold=True) + (f"  {note}" if note else "")


def paragraph(text: str, indent: int = 2, first: str = "") -> str:
    """Return the text wrapped, its first line starting with `first`."""
    return textwrap.fill(
        " ".join(text.split()),
        width(),
        initial_indent=first.ljust(indent),
        subsequent_indent=" " * indent,
        break_on_hyphens=False,
    )


def number(value: Any) -> str:
    """Return a score or gain for reading: four digits after the point, fewer when large."""
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return "-"
    value = float(value)
    if not math.isfinite(value):
        return str(value)
    if value == 0 or 1e-4 <= abs(value) < 100:
        return f"{value:.4f}"
    return f"{value:,.2f}" if 100 <= abs(value) < 1e7 else f"{value:.4g}"


def columns(rows: Sequence[Sequence[str]], right: Sequence[int] = (), indent: int = 2) -> str:
    """Return rows of cells as columns; the last column is wrapped in the room that is left.

    Parameters
    ----------
    rows : sequence of sequences of str
        The cells; all rows have as many.
    right : sequence of int
        The columns whose cells end flush.
    indent : int
        Spaces before each line.
    """
    if not rows:
        return ""
    widths = [max(len(row[j]) for row in rows) for j in range(len(rows[0]))]
    room = width() - indent - sum(widths[:-1]) - _GAP * (len(widths) - 1)
    room = max(room, 20)
    lines = []
    for row in rows:
        cells = [
            cell.rjust(widths[j]) if j in right else cell.ljust(widths[j])
            for j, cell in enumerate(row[:-1])
        ]
        start = " " * indent + "".join(cell + " " * _GAP for cell in cells)
        last = row[-1].rjust(widths[-1]) if len(row) - 1 in right else row[-1]
        wrapped = textwrap.wrap(last, room, break_on_hyphens=False) if len(last) > room else [last]
        lines.append((start + (wrapped or [""])[0]).rstrip())
        lines += [" " * len(start) + more for more in wrapped[1:]]
    return "\n".join(lines)
