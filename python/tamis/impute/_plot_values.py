"""Pictures of what was filled in, beside what was observed."""

from __future__ import annotations

from typing import Any

import numpy as np

from tamis import _frame
from tamis._draw import BLUE, INK, RED, SOFT, plain, short
from tamis._optional import need
from tamis.exceptions import ParameterError, ShapeError
from tamis.impute._plots import gaps_of, pick, read

__all__ = ["plot_imputed"]

#: Columns that are shown by themselves, and levels of a category.
_SHOWN, _LEVELS = 12, 10
#: Whole numbers of so few values are shown as categories are.
_FEW = 12
_BINS = 30
#: Spikes are cut at so many times the height of what was observed.
_SPIKE = 2.5


def plot_imputed(before: Any, after: Any, *, columns: Any = None, axes: Any = None) -> Any:
    """Draw the distribution of what was filled in beside that of what was observed.

    Numbers and times as shares of the same bins, categories as bars. Imputed values need not look
    like the observed ones (rows with gaps may be other rows), but a spike, or values where none
    was observed, is worth a look.

    Parameters
    ----------
    before, after : frame or array of shape (n_rows, n_columns)
        The table with gaps, and the same rows completed.
    columns : list, optional
        Names or positions of the columns to show; by default those with gaps, at most twelve,
        those with most gaps first.
    axes : matplotlib Axes or array of them, optional
        Where to draw, one for each column; by default on a new figure.

    Returns
    -------
    ndarray of matplotlib Axes
        One for each column shown.

    Raises
    ------
    MissingExtraError
        If matplotlib is not installed (the extra ``plot``).
    ShapeError
        If the tables do not have the same rows, or there are too few axes.
    ParameterError
        If a column is not there, or nothing is missing.

    Examples
    --------
    >>> import numpy as np
    >>> from tamis.impute import SimpleImputer, plot_imputed
    >>> X = np.array([[1.0, 5.0], [2.0, np.nan], [4.0, 6.0], [np.nan, 8.0]])
    >>> axes = plot_imputed(X, SimpleImputer().fit_transform(X))
    >>> [ax.get_title() for ax in axes]
    ['x0: 1 filled in', 'x1: 1 filled in']
    """
    old, new = read(before), read(after)
    gaps = {name: gaps_of(column) for name, column in pick(old, columns).items()}
    if columns is None:
        some = {name: where for name, where in gaps.items() if where.any()}
        order = sorted(some, key=lambda name: -int(some[name].sum()))[:_SHOWN]
        gaps = {name: gaps[name] for name in order}
        if not gaps:
            raise ParameterError("nothing is missing in the table before: there is nothing to show")
    places = {name: j for j, name in enumerate(old)}
    panels = _panels(axes, len(gaps))
    for ax, (name, where) in zip(panels, gaps.items(), strict=True):
        key = name if name in new or _frame.is_frame(after) else places[name]
        filled = next(iter(pick(new, [key]).values()))
        if len(filled) != len(where):
            raise ShapeError(
                f"before has {len(where):,} rows and after {len(filled):,}: they must be the same"
            )
        _compare(ax, old[name], filled, where)
        ax.set_title(f"{short(name)}: {int(where.sum()):,} filled in", color=INK, fontsize=10)
    if axes is None:
        panels[0].legend(frameon=False, fontsize=8, labelcolor=SOFT)
    return panels


def _panels(axes: Any, n: int) -> np.ndarray:
    """Return axes for so many columns."""
    if axes is not None:
        given = np.atleast_1d(np.asarray(axes, dtype=object)).ravel()
        if len(given) < n:
            raise ShapeError(f"{n} columns need {n} axes; got {len(given)}")
        return given[:n]
    plt = need("matplotlib.pyplot", "a picture")
    across = min(n, 3 if n <= 9 else 4)
    down = -(-n // across)
    size = (3.2 * across, 2.3 * down)
    made = plt.subplots(down, across, figsize=size, squeeze=False, layout="constrained")[1].ravel()
    for ax in made[n:]:
        ax.set_visible(False)
    return made[:n]


def _compare(ax: Any, old: Any, new: Any, gaps: np.ndarray) -> None:
    kind, observed = _cells(old, ~gaps)
    other, filled = _cells(new, gaps)
    if kind == other == "time":
        _densities(ax, observed, filled, True)
    elif {kind, other} <= _NUMBERS:
        numbers = np.unique(np.concatenate([observed, filled]))
        if len(numbers) > _FEW:
            _densities(ax, observed, filled, False)
        else:
            _bars(ax, observed, filled, numbers.tolist())
    else:
        observed, filled = observed.astype(str), filled.astype(str)
        levels, n = np.unique(observed, return_counts=True)
        order = levels[np.argsort(-n, kind="stable")].tolist()
        fresh = [v for v in np.unique(filled).tolist() if v not in set(order)]
        _bars(ax, observed, filled, order + fresh)
    plain(ax)
    ax.set_yticks([])
    ax.spines["bottom"].set_visible(True)
    ax.spines["bottom"].set_color("#d8dee4")


_NUMBERS = {"float", "int", "uint"}


def _cells(column: Any, rows: np.ndarray) -> tuple[str, np.ndarray]:
    """Return what a column holds, and its cells in some rows."""
    if isinstance(column, np.ndarray):
        import pandas as pd

        cells = column[rows]
        cells = cells[~np.asarray(pd.isna(cells))]
        if column.dtype.kind in "fiu":
            return "float", cells.astype(np.float64)
        if column.dtype.kind in "mM":
            return "time", cells.astype(f"{column.dtype.kind}8[ns]").astype(np.int64)
        return "object", cells
    v = _frame.values(column)
    there = rows & ~v.missing
    cells = v.data[there]
    return v.kind, cells.astype(np.float64) if v.kind in _NUMBERS else cells


def _densities(ax: Any, observed: np.ndarray, filled: np.ndarray, times: bool) -> None:
    """Draw the shares of both in the same bins."""
    every = np.concatenate([observed, filled])
    every = every[np.isfinite(every)] if not times else every
    if not len(every):
        return
    # A few far values would leave one bin for all others: they go to the outer bins.
    low, high = np.quantile(every, [0.005, 0.995]) if len(every) > 200 else (0, 0)
    low, high = (low, high) if high > low else (every.min(), every.max())
    edges = np.linspace(low, high if high > low else low + 1, _BINS + 1)
    at = edges.astype(np.int64).astype("datetime64[ns]") if times else edges
    tops = []
    for cells, colour, filling, label in (
        (observed, BLUE, True, "observed"),
        (filled, RED, False, "filled in"),
    ):
        share = np.histogram(np.clip(cells, edges[0], edges[-1]), edges)[0] / max(len(cells), 1)
        how = {"alpha": 0.35, "fill": True} if filling else {"linewidth": 1.6}
        ax.stairs(share, at, color=colour, label=label, **how)
        tops.append(share)
    _limit(ax, tops, at[:-1] + (at[1:] - at[:-1]) / 2)
    if times:
        dates = need("matplotlib.dates", "a picture")
        ax.xaxis.set_major_locator(dates.AutoDateLocator(minticks=3, maxticks=7))
        ax.xaxis.set_major_formatter(dates.ConciseDateFormatter(ax.xaxis.get_major_locator()))
    else:
        ax.locator_params(axis="x", nbins=5)


def _limit(ax: Any, tops: list[np.ndarray], middles: np.ndarray) -> None:
    """Cut a spike that would flatten all else, and say how high it is."""
    observed, filled = tops
    top = max(observed.max(), filled.max(), 1e-12)
    height = min(top, _SPIKE * observed.max()) if observed.max() > 0 else top
    ax.set_ylim(0, 1.12 * height)
    for k in np.flatnonzero(filled > 1.12 * height):
        ax.annotate(
            f"{100 * filled[k]:.0f} %", (middles[k], 1.12 * height), xytext=(6, -3),
            textcoords="offset points", va="top", fontsize=8, color=RED,
        )  # fmt: skip


def _bars(ax: Any, observed: np.ndarray, filled: np.ndarray, levels: list[Any]) -> None:
    """Draw the share of each level in both; rare levels share a bar."""
    shown = levels[:_LEVELS] if len(levels) <= _LEVELS else levels[: _LEVELS - 1]
    place = np.arange(len(shown) + (len(levels) > len(shown)))
    tops = []
    for cells, colour, shift, label in (
        (observed, BLUE, -0.2, "observed"),
        (filled, RED, 0.2, "filled in"),
    ):
        share = [float(np.mean(cells == v)) if len(cells) else 0.0 for v in shown]
        share += [1.0 - sum(share)] * (len(place) - len(shown))
        alpha = 0.55 if shift < 0 else 0.9
        ax.bar(place + shift, share, width=0.4, color=colour, alpha=alpha, label=label)
        tops.append(np.array(share))
    _limit(ax, tops, place + 0.4)
    names = [f"{v:g}" if isinstance(v, float) else short(v) for v in shown]
    names += ["others"] * (len(place) - len(shown))
    tilt = 0 if sum(map(len, names)) <= 24 else 45
    side = "center" if not tilt else "right"
    ax.set_xticks(
        place, names, rotation=tilt, ha=side, fontsize=8, rotation_mode="anchor" if tilt else None
    )
