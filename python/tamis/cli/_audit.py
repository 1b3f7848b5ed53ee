"""tamis audit: what is wrong with a table."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from tamis.cli._errors import debug_option
from tamis.cli._output import check_file, is_page
from tamis.cli._show import heading, paragraph

__all__ = ["command", "listing"]

#: Severities, the worst first, and how they are shown.
_COLOURS = {"high": "red", "medium": "yellow", "low": "cyan", "info": None}
_WORST = list(_COLOURS)
#: Columns or rows named in a finding before it says how many more there are.
_MOST = 6


@click.command(
    "audit",
    epilog="""\b
Examples:
  tamis audit train.csv --target price
  tamis audit train.csv --target price --compare test.csv -o report.html
  tamis audit train.csv --target price --fail-on high    # in a CI job
""",
)
@click.argument("data", type=click.Path(path_type=Path))
@click.option("--target", metavar="COLUMN", help="The column that is to be predicted.")
@click.option(
    "--compare", type=click.Path(path_type=Path), metavar="OTHER",
    help="Another table, such as the test rows: rows that are in both are reported.",
)  # fmt: skip
@click.option(
    "-o", "--output", type=click.Path(path_type=Path), metavar="FILE",
    help="Write a report to this HTML file.",
)  # fmt: skip
@click.option(
    "--fail-on", type=click.Choice(["high", "medium", "low"]),
    help="End with exit code 1 if there is a finding of this severity or a worse one.",
)  # fmt: skip
@debug_option
@click.pass_context
def command(
    ctx: click.Context,
    data: Path,
    target: str | None,
    compare: Path | None,
    output: Path | None,
    fail_on: str | None,
) -> None:
    """Say what is wrong with DATA, the worst first, and what to do about it."""
    import tamis
    from tamis._read import read

    if output is not None:
        check_file(output, is_page)
    frame = read(data)
    other = None if compare is None else read(compare)
    report = tamis.audit(frame, target, compare=other)
    if output is not None:
        report.report(output)
    click.echo(listing(report.findings, data, len(frame), frame.shape[1]))
    if output is not None:
        click.echo(f"\nWritten  {output}")
    worst = min((_WORST.index(f.severity) for f in report.findings), default=len(_WORST))
    if fail_on is not None and worst <= _WORST.index(fail_on):
        ctx.exit(1)


def listing(findings: Any, data: Path, n_rows: int, n_columns: int) -> str:
    """Return the findings as text, the worst first."""
    size = f"{n_rows} rows, {n_columns} columns"
    count = {s: sum(f.severity == s for f in findings) for s in _WORST}
    total = ", ".join(f"{n} {s}" for s, n in count.items() if n) or "nothing found"
    blocks = [paragraph(f"{size}: {total}", 2, f"{data}: ")]
    for finding in sorted(findings, key=lambda f: _WORST.index(f.severity)):
        blocks.append(_block(finding))
    return "\n\n".join(blocks)


def _block(finding: Any) -> str:
    label = click.style(finding.severity.upper(), fg=_COLOURS[finding.severity], bold=True)
    where = _where(finding)
    lines = [f"{label}  {heading(finding.kind, where)}", paragraph(finding.message)]
    if finding.fix:
        lines.append(paragraph(finding.fix, 7, "  Fix: "))
    return "\n".join(lines)


def _where(finding: Any) -> str:
    names = [str(c) for c in finding.columns]
    more = len(names) - _MOST
    return ", ".join(names[:_MOST]) + (f" and {more} more" if more > 0 else "")
