"""What tamis dedup says: in the terminal, and as a page."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tamis.cli._show import columns, heading, paragraph

__all__ = ["page", "summary"]

#: Clusters shown, and rows named in each.
_CLUSTERS, _ROWS = 10, 4


def summary(result: Any, outputs: dict[str, Path]) -> str:
    """Return what was done as text for one screen."""
    found = result.found
    blocks = [paragraph(f"{_counts(result)} ({found._recall()})", 9, "Rows")]
    blocks[0] += "\n" + paragraph(_compared(result), 9, "Compared")
    if len(result.sources) > 1:
        files = _files(result)
        more = [("and", f"{len(files) - 8} more", "")] if len(files) > 8 else []
        lines = [(str(d), f"of {n}", name) for name, n, d in files[:8]]
        blocks.append(heading("Dropped") + "\n" + columns([*lines, *more], right=(0, 1)))
    largest = _largest(result)[:5]
    if largest:
        sizes = [(str(size), f"kept {kept}; {rows}") for size, kept, rows in largest]
        blocks.append(heading("Largest clusters") + "\n" + columns(sizes, right=(0,)))
    written = ", ".join(str(path) for path in outputs.values())
    return "\n\n".join([*blocks, paragraph(written, 9, "Written")])


def page(result: Any, outputs: dict[str, Path]) -> str:
    """Return the report as HTML."""
    from tamis import _html

    found = result.found
    return _html.render(
        "dedup.html",
        title=str(outputs["output"]),
        compared=_compared(result),
        cards=[
            (f"{found.n_rows:,}", "rows read"),
            (f"{found.n_duplicates:,}", "dropped"),
            (f"{found.n_rows - found.n_duplicates:,}", "kept"),
            (f"{len(found.clusters):,}", "clusters"),
            (f"{found.expected_recall:.3g}", "of all pairs expected to be found"),
        ],
        files=[list(line) for line in _files(result)],
        clusters=[list(line) for line in _largest(result)],
        dropped=outputs.get("dropped"),
        kind="Examples",
        summary=f"{min(5, found.n_duplicates)} of {found.n_duplicates:,} dropped rows with the "
        "copy that was kept",
        pairs=result.examples(),
    )


def _counts(result: Any) -> str:
    found = result.found
    share = 100 * found.n_duplicates / found.n_rows
    kept = found.n_rows - found.n_duplicates
    return f"{found.n_rows:,} read, {found.n_duplicates:,} dropped ({share:.1f} %), {kept:,} kept"


def _compared(result: Any) -> str:
    if result.names is None:
        return "whole rows, by value"
    names = ", ".join(map(repr, result.names))
    return f"{'text' if result.found._unit == 'text' else 'values'} in {names}"


def _files(result: Any) -> list[tuple[str, int, int]]:
    """Return for each file its name, its rows, and how many of them are dropped."""
    return [
        (str(source.path), len(keep), int(len(keep) - keep.sum()))
        for source, keep in zip(result.sources, result.kept_by_file(), strict=True)
    ]


def _largest(result: Any) -> list[tuple[int, str, str]]:
    """Return the largest clusters: size, the row kept, the first of those dropped."""
    clusters = sorted(result.found.clusters, key=len, reverse=True)[:_CLUSTERS]
    out = []
    for rows in clusters:
        keep = result.found.keep[rows]
        others = rows[~keep]
        more = f" and {len(others) - _ROWS:,} more" if len(others) > _ROWS else ""
        named = ", ".join(result.where(int(row)) for row in others[:_ROWS])
        out.append((len(rows), result.where(int(rows[keep][0])), f"dropped {named}{more}"))
    return out
