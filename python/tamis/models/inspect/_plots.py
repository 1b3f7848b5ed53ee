"""Pictures of what features add to the scores of rows."""

from __future__ import annotations

from typing import Any

import numpy as np

from tamis._draw import BLUE, INK, RED, SOFT, axes_of, colours, plain, short

__all__ = ["plot_row", "plot_values"]

#: Dots of one line at most; more would lie on top of each other.
_DOTS = 1000


def plot_values(shap: Any, values: np.ndarray, ax: Any, most: int, of: str) -> Any:
    """Draw a line of dots a feature."""
    sizes = np.abs(values).mean(axis=0) if len(values) else np.zeros(values.shape[1])
    order = np.argsort(-sizes, kind="stable")[:most]
    ax = plain(axes_of(ax, 7.5, 1.1 + 0.3 * len(order)))
    rng = np.random.default_rng(0)
    some = rng.permutation(len(values))[:_DOTS]
    paint = colours("#0969da", "#b9a3c9", "#b42318")
    for line, j in enumerate(order):
        x, cells = values[some, j], shap.data[some, j]
        rank = np.full(len(x), np.nan)
        there = np.isfinite(cells)
        if there.any():
            low, high = np.percentile(cells[there], [5, 95])
            span = high - low or 1.0
            rank[there] = np.clip((cells[there] - low) / span, 0, 1)
        y = line + _swarm(x) * 0.38
        ax.scatter(x[~there], y[~there], s=7, color="0.6", linewidth=0)
        ax.scatter(x[there], y[there], s=7, c=rank[there], cmap=paint, vmin=0, vmax=1, linewidth=0)
    ax.axvline(0.0, color="0.6", linewidth=0.8, zorder=0)
    ax.set_yticks(range(len(order)), [short(shap.feature_names[j]) for j in order])
    ax.tick_params(axis="y", colors=INK)
    ax.set_ylim(len(order) - 0.4, -0.6)
    ax.set_xlabel(
        f"SHAP value{of} ({shap.unit}); blue: low value of the feature, red: high, grey: missing",
        color=SOFT, fontsize=9,
    )  # fmt: skip
    top = f"{shap.feature_names[order[0]]} moves the score{of} most"
    title = f"{short(top)}: {sizes[order[0]]:.3g} on average" if len(top) > 60 else (
        f"{top}: by {sizes[order[0]]:.3g} on average"
    )  # fmt: skip
    ax.set_title(title, fontsize=10, color=INK, loc="left")
    return ax


def _swarm(x: np.ndarray) -> np.ndarray:
    """Return heights in -1..1 that spread dots where there are many."""
    if len(x) < 2 or np.ptp(x) == 0:
        return np.linspace(-1, 1, len(x)) * (len(x) > 1)
    bins = np.minimum((100 * (x - x.min()) / np.ptp(x)).astype(int), 99)
    counts = np.bincount(bins, minlength=100)
    order = np.argsort(bins, kind="stable")
    place = np.empty(len(x))
    starts = np.concatenate([[0], np.cumsum(counts)])[:-1]
    place[order] = np.arange(len(x)) - starts[bins[order]]
    # The middle first, then outwards on either side.
    step = np.ceil(place / 2) * np.where(place % 2 == 0, 1, -1)
    return step / max(counts.max() / 2, 6.0)


def plot_row(
    shap: Any, values: np.ndarray, base: float, cells: list[str], row: int, ax: Any, most: int,
    of: str,
) -> Any:  # fmt: skip
    """Draw bars that lead from the base value to what the model says."""
    order = np.argsort(-np.abs(values), kind="stable")
    order = order[values[order] != 0]
    lines = [(f"{short(shap.feature_names[j])} = {short(cells[j])}", values[j]) for j in order]
    if len(lines) > most:
        rest = lines[most:]
        lines = [*lines[:most], (f"{len(rest)} other features", sum(v for _, v in rest))]
    ax = plain(axes_of(ax, 7.5, 1.2 + 0.32 * max(len(lines), 1)))
    at = base
    for line, (_, value) in enumerate(reversed(lines)):
        y = len(lines) - 1 - line
        ax.barh(y, value, left=at, height=0.62, color=RED if value > 0 else BLUE)
        if y:
            ax.plot([at + value] * 2, [y - 0.31, y - 0.69], color="0.6", linewidth=0.8)
        right = value > 0
        ax.annotate(
            f"{value:+.3g}", (at + value, y), (3 if right else -3, 0), va="center",
            textcoords="offset points", ha="left" if right else "right", fontsize=8, color=INK,
        )  # fmt: skip
        at += value
    ax.axvline(base, color="0.7", linewidth=0.8, linestyle="--", zorder=0)
    ax.set_yticks(range(len(lines)), [name for name, _ in lines])
    ax.tick_params(axis="y", colors=INK)
    ax.set_ylim(len(lines) - 0.5, -0.9)
    ax.margins(x=0.12)
    ax.set_xlabel(f"{shap.unit}{of}; dashed: the base value {base:.4g}", color=SOFT, fontsize=9)
    ax.set_title(
        f"Row {row}: {at:.4g}{of}, against {base:.4g} on average",
        fontsize=10, color=INK, loc="left",
    )  # fmt: skip
    return ax
