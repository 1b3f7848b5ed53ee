"""What pictures share: colours, axes, and names that fit."""

from __future__ import annotations

from typing import Any

import numpy as np

from tamis._optional import need

__all__ = [
    "BLUE", "INK", "PALE", "RED", "SOFT", "axes_of", "colours", "font", "percent", "plain", "short",
]  # fmt: skip

#: The colours of the reports.
INK, SOFT, BLUE, RED, PALE = "#1f2328", "#59636e", "#0969da", "#b42318", "#f2f4f6"
_LONGEST = 28


def axes_of(ax: Any, width: float, height: float) -> Any:
    """Return the axes given, or those of a new figure of this size in inches."""
    if ax is not None:
        return ax
    plt = need("matplotlib.pyplot", "a picture")
    return plt.subplots(figsize=(width, height), layout="constrained")[1]


def plain(ax: Any) -> Any:
    """Return the axes without a frame and with quiet ticks."""
    for side in ax.spines.values():
        side.set_visible(False)
    ax.tick_params(length=0, colors=SOFT)
    return ax


def font(ax: Any, lines: int) -> float:
    """Return the size of letters at which so many lines fit in the height of the axes."""
    height = ax.get_position().height * ax.figure.get_size_inches()[1] * 72
    return float(np.clip(0.8 * height / max(lines, 1), 3.0, 9.0))


def short(name: Any) -> str:
    """Return a name that does not push the picture aside."""
    text = str(name)
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"


def percent(part: float) -> str:
    """Return a share in per cent, short."""
    if 0 < part < 0.001:
        return "< 0.1 %"
    return f"{100 * part:.1f} %" if 0 < part < 0.0995 else f"{100 * part:.0f} %"


def colours(*names: str) -> Any:
    """Return a map between colours; what is not a number is white."""
    colors = need("matplotlib.colors", "a picture")
    made = colors.LinearSegmentedColormap.from_list("tamis", names)
    return made.with_extremes(bad="white")
