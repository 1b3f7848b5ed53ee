"""Pictures of wrong labels."""

from __future__ import annotations

from typing import Any

import numpy as np

from tamis._optional import need
from tamis.exceptions import ShapeError

__all__ = ["plot"]

#: The colours of the reports.
_INK, _SOFT, _BLUE, _RED = "#1f2328", "#59636e", "#0969da", "#b42318"
#: Up to so many classes the figures stand in the cells.
_WRITTEN, _NAMED = 12, 30
_LONGEST = 16


def plot(issues: Any, axes: Any) -> Any:
    """Draw the noise matrix (of a quantity: residuals by prediction) beside the qualities."""
    plt = need("matplotlib.pyplot", "drawing plots")
    if axes is None:
        _, axes = plt.subplots(1, 2, figsize=(10.5, 4.6), layout="constrained")
    pair = list(np.ravel(np.asarray(axes, dtype=object)))
    if len(pair) != 2:
        raise ShapeError(f"axes must be two; got {len(pair)}")
    left, right = pair
    if issues.classes is None:
        _residuals(issues, left)
    else:
        _matrix(issues, left)
    _qualities(issues, right)
    return left, right


def _matrix(issues: Any, ax: Any) -> None:
    noise = issues.noise_matrix
    wrong = noise.copy()
    np.fill_diagonal(wrong, 0.0)
    # The diagonal is near 1 and would leave the rest pale: it is written, not coloured.
    top = max(float(wrong.max()), 1e-9)
    ax.imshow(wrong, cmap="Reds", vmin=0.0, vmax=top)
    k = len(noise)
    if k <= _WRITTEN:
        for i in range(k):
            for j in range(k):
                value = noise[i, j]
                colour = _SOFT if i == j else "white" if wrong[i, j] > 0.6 * top else _INK
                text = "0" if round(100 * value) == 0 else f"{100 * value:.0f}"
                ax.text(j, i, text, ha="center", va="center", color=colour, fontsize=8)
    names = [_short(c) for c in issues.classes.tolist()]
    step = -(-k // _NAMED)
    turn = max(map(len, names)) > 3 and k > 4
    ax.set_xticks(
        range(0, k, step), names[::step], rotation=45 if turn else 0, ha="right" if turn else
        "center",
    )  # fmt: skip
    ax.set_yticks(range(0, k, step), names[::step])
    ax.set_xlabel("true class", color=_SOFT)
    ax.set_ylabel("given label", color=_SOFT)
    ax.set_title("How often each class is given each label, in %", color=_INK, fontsize=10)
    ax.tick_params(length=0)


def _residuals(issues: Any, ax: Any) -> None:
    order = np.argsort(issues.mask, kind="stable")  # the wrong ones on top
    colour = np.where(issues.mask[order], _RED, _BLUE)
    ax.scatter(issues.labels[order], issues.residuals[order], s=9, c=colour, alpha=0.6, lw=0)
    for side in (-1, 1):
        ax.axhline(side * issues.thresholds, color=_SOFT, lw=1, ls="--")
    ax.set_xlabel("given value", color=_SOFT)
    ax.set_ylabel("studentised residual", color=_SOFT)
    ax.set_title("Distance from the prediction", color=_INK, fontsize=10)


def _qualities(issues: Any, ax: Any) -> None:
    bins = np.linspace(0.0, 1.0, 41)
    parts = [issues.quality[~issues.mask], issues.quality[issues.mask]]
    names = [f"kept ({len(parts[0]):,})", f"likely wrong ({len(parts[1]):,})"]
    ax.hist(parts, bins=bins, stacked=True, color=[_BLUE, _RED], label=names)
    ax.set_yscale("log")
    ax.set_xlim(0.0, 1.0)
    ax.set_xlabel("quality of the label", color=_SOFT)
    ax.set_ylabel("rows", color=_SOFT)
    ax.set_title("Quality of the labels", color=_INK, fontsize=10)
    ax.legend(frameon=False, fontsize=9, loc="upper center")
    for side in ("top", "right"):
        ax.spines[side].set_visible(False)


def _short(value: Any) -> str:
    text = str(value)
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"
