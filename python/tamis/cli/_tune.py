"""tamis tune: search, show what was found, save it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from tamis import _frame
from tamis.cli._errors import INTERRUPTED, debug_option
from tamis.cli._output import RESULT_FILES, check_folder
from tamis.cli._show import columns, heading, number, paragraph

__all__ = ["command", "summary"]

#: How many plans of the leaderboard are shown.
_TOP = 5


@click.command(
    "tune",
    epilog="""\b
Examples:
  tamis tune train.csv --target price
  tamis tune train.parquet --target churned --time-budget 300 -o out
  tamis tune train.csv --target species --max-candidates 40 --random-state 0

\b
Ctrl-C ends the search: the best model so far is shown and saved (exit code 130).
""",
)
@click.argument("data", type=click.Path(path_type=Path))
@click.option("--target", required=True, metavar="COLUMN", help="The column to predict.")
@click.option(
    "--task",
    type=click.Choice(["auto", "classification", "binary", "multiclass", "regression"]),
    default="auto",
    show_default=True,
    help="What kind of target it is.",
)
@click.option(
    "--metric",
    metavar="NAME",
    help="A scikit-learn scorer, such as roc_auc or neg_log_loss. Chosen by the task otherwise.",
)
@click.option(
    "--time-budget", type=float, default=60, show_default=True, metavar="SECONDS",
    help="Time for search and proof; not used with --max-candidates.",
)  # fmt: skip
@click.option(
    "--max-candidates", type=click.IntRange(min=1), metavar="N",
    help="Try exactly N plans: the result depends on data and seed alone, not on the clock.",
)  # fmt: skip
@click.option(
    "--holdout", type=float, default=0.2, show_default=True, metavar="SHARE",
    help="The share of rows set aside for the final score.",
)  # fmt: skip
@click.option(
    "--cv", type=click.IntRange(min=2), default=5, show_default=True, metavar="FOLDS",
    help="Folds of the cross-validation.",
)  # fmt: skip
@click.option(
    "--trusted", metavar="COLUMN",
    help="The column that says whose targets were checked: scores are taken on those rows alone.",
)  # fmt: skip
@click.option("--n-jobs", type=int, metavar="N", help="Threads; all cores by default.")
@click.option("--random-state", type=click.IntRange(min=0), metavar="SEED", help="Seed.")
@click.option(
    "-o", "--output", type=click.Path(path_type=Path), metavar="DIR",
    help="Save the model, the tables and a report to this folder.",
)  # fmt: skip
@debug_option
@click.pass_context
def command(ctx: click.Context, data: Path, output: Path | None, **options: Any) -> None:
    """Find the data steps and the model that fit DATA best, and prove what helped.

    Duplicates, gaps, outliers, categories, scales and models are tried together in
    cross-validation; each step of the winner is then judged on its own, and the model is scored
    once on rows that nothing was fitted on or chosen by.
    """
    import tamis
    from tamis._read import read

    if output is not None:
        check_folder(output)
    frame = read(data)
    try:
        result = tamis.tune(frame, **options)
    except KeyboardInterrupt:
        click.echo(
            "interrupted before the first plan was tried: there is nothing to save", err=True
        )
        raise click.exceptions.Exit(INTERRUPTED) from None
    if output is not None:
        result.save(output)
    click.echo(summary(result, data, output))
    if result.interrupted:
        ctx.exit(INTERRUPTED)


def summary(result: Any, data: Path, output: Path | None) -> str:
    """Return the outcome as text; the last line is the score on the holdout."""
    parts = [_opening(result, data), _plan(result), _leaderboard(result), _ablation(result)]
    if output is not None:
        names = [name for name in RESULT_FILES if (output / name).exists()]
        parts.append(paragraph(f"{output}: {', '.join(names)}", indent=9, first="Written "))
    return "\n\n".join(part for part in [*parts, _holdout(result.holdout)] if part)


def _opening(result: Any, data: Path) -> str:
    tried = len(_frame.wrap(result.leaderboard))
    lines = [
        paragraph(f"{data}, {result.n_rows} rows", 9, "Data"),
        paragraph(
            f"{result.task.kind}, target {result.task.target!r}: {result.task.reason}", 9, "Task"
        ),
        paragraph(
            f"{tried} plans in {result.seconds:.1f} s"
            + (", interrupted: this is the best so far" if result.interrupted else ""),
            9,
            "Tried",
        ),
    ]
    if result.ignored:
        left = "; ".join(f"{name} ({why})" for name, why in result.ignored.items())
        lines.append(paragraph(left, 9, "Ignored"))
    return "\n".join(lines)


def _plan(result: Any) -> str:
    rows = [line.split(None, 1) for line in result.plan.describe().splitlines() if line.strip()]
    cells = [(row[0], row[1] if len(row) > 1 else "") for row in rows]
    return heading("Plan") + "\n" + columns(cells)


def _leaderboard(result: Any) -> str:
    from tamis.search._plan import plainest

    rows = _frame.wrap(result.leaderboard).head(_TOP).rows(named=True)
    cells = [("", "score", "std", "model", "steps")]
    for row in rows:
        plain = plainest(row["model"].partition("(")[0])
        steps = [f"{step} {row[step]}" for step in plain if row[step] != plain[step]]
        scores = number(row["score"]), number(row["std"])
        cells.append((str(row["rank"]), *scores, row["model"], ", ".join(steps) or "plainest"))
    note = f"{result.holdout.metric} in cross-validation on the training rows, higher is better"
    return heading("Leaderboard", note) + "\n" + columns(cells, right=(0, 1, 2))


def _ablation(result: Any) -> str:
    rows = _frame.wrap(result.ablation).rows(named=True)
    if not rows:
        return ""
    cells = []
    for row in rows:
        interval = f"[{_signed(row['low'])}, {_signed(row['high'])}]"
        kept = "kept" if row["kept"] else "left out"
        verdict = f"{row['verdict']}, {kept}" + (f" ({row['note']})" if row["note"] else "")
        name = f"{row['step']} {row['choice']}"
        cells.append((name, _signed(row["gain"]), interval, verdict))
    note = f"gain in {result.holdout.metric} over the plainest choice, 95 % interval"
    return heading("Worth of each step", note) + "\n" + columns(cells, right=(1, 2))


def _holdout(h: Any) -> str:
    note = "rows that nothing was fitted on or chosen by"
    lines = [
        heading("Holdout", f"{h.n_rows} {note}: {h.verdict}"),
        "  baseline: the same model, plainest preparation; dummy: sees no column",
        f"{h.metric} {number(h.score)} [{number(h.low)}, {number(h.high)}]"
        f"  baseline {number(h.baseline)}  dummy {number(h.dummy)}",
    ]
    return "\n".join(lines)


def _signed(value: Any) -> str:
    text = number(value)
    return text if text.startswith("-") else f"+{text}"
