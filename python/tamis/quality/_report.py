"""What audit gives back."""

from __future__ import annotations

import textwrap
from pathlib import Path
from typing import Any

import numpy as np

from tamis import _frame, _html
from tamis.quality._by_column import outlier_rows
from tamis.quality._finding import SEVERITIES, Finding, count, share
from tamis.quality._table import Table

__all__ = ["AuditReport", "Finding"]

_BARS = 12


class AuditReport:
    """What is wrong with a table.

    Attributes
    ----------
    findings : list of Finding
        The worst first.
    columns : frame
        One line a column, in the container of the data: column, kind, dtype, missing,
        distinct, outliers, min, median, max (of numbers), top (the most frequent values).
    target : str or None
        The target asked about.
    n_rows, n_columns : int
        The size of the table.
    """

    def __init__(self, table: Table, findings: list[Finding]) -> None:
        self.findings = findings
        self.target = table.target
        self.n_rows, self.n_columns = table.n_rows, len(table.columns)
        self._lines = [_line(table, name) for name in table.columns]
        self._like = _frame.take(table.data, np.arange(0))
        names = [k for k in self._lines[0] if k != "bars"]
        self.columns = _frame.build(self._like, {k: [r[k] for r in self._lines] for k in names})

    def to_frame(self) -> Any:
        """Return the findings as a frame: kind, severity, columns, n_rows, message, fix, score."""
        rows = [vars(f) | {"columns": ", ".join(map(str, f.columns))} for f in self.findings]
        names = ("kind", "severity", "columns", "n_rows", "message", "fix", "score")
        return _frame.build(self._like, {k: [r[k] for r in rows] for k in names})

    @property
    def counts(self) -> dict[str, int]:
        """How many findings there are of each severity."""
        return {s: sum(f.severity == s for f in self.findings) for s in SEVERITIES}

    def __repr__(self) -> str:
        said = ", ".join(f"{n} {s}" for s, n in self.counts.items() if n) or "nothing found"
        rows, columns = count(self.n_rows, "row"), count(self.n_columns, "column")
        lines = [f"AuditReport of {rows}, {columns}: {said}"]
        for f in self.findings:
            lines += textwrap.wrap(
                f.message, 96, initial_indent=f"  {f.severity:<8}", subsequent_indent=" " * 10
            )
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        return _html.render("audit_short.html", **self._context())

    def report(self, path: str | Path) -> Path:
        """Write the report as one self-contained HTML file.

        Parameters
        ----------
        path : str or Path
            Where to; a file that is there is replaced.

        Returns
        -------
        Path
        """
        return _html.write(path, _html.render("audit.html", **self._context()))

    def _context(self) -> dict[str, Any]:
        missing = sum(line["missing"] for line in self._lines)
        return {
            "report": self,
            "lines": self._lines,
            "counts": self.counts,
            "missing": missing,
            "missing_share": share(missing, self.n_rows * self.n_columns),
            "groups": [(s, [f for f in self.findings if f.severity == s]) for s in SEVERITIES],
        }


def _line(t: Table, name: Any) -> dict[str, Any]:
    column = t.columns[name]
    numbers = t.is_number(name)
    x = t.numbers(name) if numbers else np.array([])
    x = x[np.isfinite(x)]
    known = bool(len(x))
    top = t.counts(name) if column.kind in ("category", "constant") else []
    shown = ", ".join(f"{str(v)[:30]} ({n})" for v, n in top[:3])
    return {
        "column": str(name),
        "kind": column.kind,
        "dtype": column.dtype,
        "missing": column.n_missing,
        "distinct": column.n_distinct,
        "outliers": len(outlier_rows(t, name)),
        "min": float(x.min()) if known else None,
        "median": float(np.median(x)) if known else None,
        "max": float(x.max()) if known else None,
        "top": shown + (f" and {len(top) - 3} more" if len(top) > 3 else ""),
        "bars": _bars(x if column.kind == "number" else None, top, t.n_rows),
    }


def _bars(x: np.ndarray | None, top: list[tuple[Any, int]], n_rows: int) -> list[tuple[str, float]]:
    """Return bars of a small drawing of the values: what each stands for, and its height 0 to 1."""
    if x is not None and len(x) and np.isfinite(np.ptp(x)) and np.ptp(x) > 0:
        n, edges = np.histogram(x, bins=_BARS)
        names = [f"{a:.4g} to {b:.4g}: {c:,}" for a, b, c in zip(edges, edges[1:], n, strict=False)]
        return [(name, c / n.max()) for name, c in zip(names, n.tolist(), strict=True)]
    if x is None and top:
        most = top[0][1]
        return [(f"{v}: {n:,}", n / most) for v, n in top[:_BARS]]
    return []
