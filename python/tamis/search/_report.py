"""The page about a tune: what came out, what helped, what was changed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tamis import _frame, _html
from tamis._optional import have
from tamis.search._plan import STEPS

if TYPE_CHECKING:
    from tamis.search._result import TuneResult

__all__ = ["fragment", "page"]

_SHOWN = 15  # rows of a long table on the page; the files hold all


def page(result: TuneResult) -> str:
    """Return the whole report as one HTML page."""
    return _html.render("tune.html", **_context(result), figures=_figures(result))


def fragment(result: TuneResult) -> str:
    """Return a short form for a notebook."""
    return _html.render("tune_short.html", **_context(result))


def _context(result: TuneResult) -> dict[str, Any]:
    changes = _frame.wrap(result.changes)
    counts: dict[tuple[str, str], int] = {}
    for step, column in zip(
        changes.get_column("step").to_list(), changes.get_column("column").to_list(), strict=True
    ):
        key = (step, "whole rows" if column is None else str(column))
        counts[key] = counts.get(key, 0) + 1
    board = _frame.wrap(result.leaderboard).rows(named=True)
    return {
        "result": result,
        "holdout": result.holdout,
        "plan": [(s, result.plan.says(s)) for s in STEPS] + [("model", result.plan.model)],
        "ablation": _frame.wrap(result.ablation).rows(named=True),
        "leaderboard": board[:_SHOWN],
        "n_tried": len(board),
        "changes": changes.rows(named=True)[:_SHOWN],
        "n_changes": len(changes),
        "counts": sorted(((n, *key) for key, n in counts.items()), reverse=True),
    }


# --- figures ----------------------------------------------------------------------------------


def _figures(result: TuneResult) -> dict[str, Any]:
    """Return the plots as SVG; none without matplotlib, and the page says so."""
    if not have("matplotlib"):
        return {}
    figures = {"holdout": _holdout(result), "race": _race(result)}
    if len(_frame.wrap(result.ablation)):
        figures["ablation"] = _ablation(result)
    return {name: _html.figure_svg(figure) for name, figure in figures.items()}


def _axes(height: float) -> tuple[Any, Any]:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7.2, height), layout="constrained")
    axes = figure.add_subplot()
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.grid(axis="x", alpha=0.3)
    return figure, axes


def _holdout(result: TuneResult) -> Any:
    """Draw the model's score with its interval, above the baseline and the dummy."""
    h = result.holdout
    figure, axes = _axes(1.9)
    names = ["dummy: sees no column", "baseline: plainest preparation", "tamis: this model"]
    axes.plot([h.dummy, h.baseline], [0, 1], "o", color="#8a8f98", markersize=8)
    axes.errorbar(
        [h.score],
        [2],
        xerr=[[h.score - h.low], [h.high - h.score]],
        fmt="o",
        color="#1f6feb",
        markersize=9,
        capsize=4,
    )
    for y, x in enumerate((h.dummy, h.baseline, h.score)):
        axes.annotate(f"{x:.3f}", (x, y), (0, 7), textcoords="offset points", ha="center")
    axes.set_yticks(range(3), names)
    axes.set_ylim(-0.5, 2.7)
    axes.set_xlabel(f"{h.metric} on {h.n_rows} holdout rows (higher is better)")
    return figure


def _ablation(result: TuneResult) -> Any:
    """Draw what each step was worth, with its interval, around zero."""
    rows = _frame.wrap(result.ablation).rows(named=True)[::-1]
    figure, axes = _axes(0.9 + 0.5 * len(rows))
    colours = {"helps": "#1a7f37", "hurts": "#cf222e", "no evidence": "#8a8f98"}
    axes.axvline(0, color="#57606a", linewidth=1)
    for y, w in enumerate(rows):
        low, high = (min(max(w[k], -1e6), 1e6) for k in ("low", "high"))
        if abs(low) < 1e6:
            axes.plot([low, high], [y, y], color=colours[w["verdict"]], linewidth=2.5)
        axes.plot([w["gain"]], [y], "o", color=colours[w["verdict"]], markersize=8)
    axes.set_yticks(range(len(rows)), [f"{w['step']}: {w['choice']}" for w in rows])
    axes.set_ylim(-0.6, len(rows) - 0.4)
    axes.set_xlabel(f"gain in {result.holdout.metric} over leaving the step out (95 % interval)")
    return figure


def _race(result: TuneResult) -> Any:
    """Draw every plan's score in the order they were tried."""
    board = [r for r in _frame.wrap(result.leaderboard).rows(named=True) if r["score"] is not None]
    figure, axes = _axes(3.0)
    axes.grid(axis="y", alpha=0.3)
    colours = ["#1f6feb", "#bf8700", "#1a7f37", "#8250df", "#cf222e"]
    families = sorted({r["model"].partition("(")[0] for r in board})
    for family, colour in zip(families, colours, strict=False):
        mine = [r for r in board if r["model"].startswith(family + "(")]
        for rows, marker in (("all", "o"), ("few", "x")):
            some = [r for r in mine if r["rows"] == rows]
            label = family if rows == "all" else f"{family}, sorted out on few rows"
            if some:
                x, y = [r["number"] + 1 for r in some], [r["score"] for r in some]
                axes.plot(x, y, marker, color=colour, alpha=0.8, label=label, markersize=6)
    axes.set_xlabel("plan, in the order tried")
    axes.set_ylabel(result.holdout.metric)
    axes.legend(frameon=False, fontsize=8, ncols=2, loc="lower right")
    return figure
