"""Pictures of what is missing."""

from __future__ import annotations

from typing import Any

import narwhals as nw
import numpy as np

from tamis import _frame
from tamis._draw import BLUE, INK, RED, SOFT, axes_of, colours, font, percent, plain, short
from tamis._optional import need
from tamis.exceptions import ParameterError, ShapeError

__all__ = ["plot_missing"]

_PRESENT, _PALE = "#dfe7f0", "#f2f4f6"
#: Strips that a long table's rows are shown in, at most.
_STRIPS = 600
#: Up to so many columns the figures stand in the cells of the picture of gaps together.
_WRITTEN = 12
#: Rows whose gaps are counted at once.
_PIECE = 1 << 20


def plot_missing(
    X: Any, *, kind: str = "pattern", columns: Any = None, sort: bool = True, ax: Any = None
) -> Any:
    """Draw what is missing: where, or which columns together.

    Parameters
    ----------
    X : frame or array of shape (n_rows, n_columns)
        The table.
    kind : {"pattern", "together"}, default="pattern"
        ``"pattern"`` has a line for each column and the rows along it, with the share that is
        missing beside it. A long table is shown in strips of rows, the darker the more of their
        cells are missing. ``"together"`` shows for each two columns the correlation of their
        gaps: 1 where they are missing in the same rows, below 0 where they avoid each other.
    columns : list, optional
        Names (of an array: positions) of the columns to show; by default all, and for
        ``"together"`` those with gaps.
    sort : bool, default=True
        Order the rows so that those with the same gaps stand together; False leaves them as they
        are, which shows gaps in time.
    ax : matplotlib Axes, optional
        Where to draw; by default on a new figure that is large enough for the columns.

    Returns
    -------
    matplotlib Axes

    Raises
    ------
    MissingExtraError
        If matplotlib is not installed (the extra ``plot``).
    ParameterError
        If a column is not there, or `kind` is unknown.

    Examples
    --------
    >>> import pandas as pd
    >>> from tamis.impute import plot_missing
    >>> X = pd.DataFrame({"age": [23, None, 41, None], "port": ["C", "S", None, "Q"]})
    >>> ax = plot_missing(X)
    >>> [label.get_text() for label in ax.get_yticklabels()]
    ['age', 'port']
    """
    if kind not in ("pattern", "together"):
        raise ParameterError(f"kind must be 'pattern' or 'together'; got {kind!r}")
    table = pick(read(X), columns)
    names = list(table)
    gaps = np.stack([gaps_of(table[name]) for name in names])
    if kind == "pattern":
        return _pattern(gaps, names, sort, ax)
    if columns is None and gaps.any():
        some = np.flatnonzero(gaps.any(axis=1))
        gaps, names = gaps[some], [names[j] for j in some]
    return _together(gaps, names, ax)


def _pattern(gaps: np.ndarray, names: list[str], sort: bool, ax: Any) -> Any:
    n_columns, n_rows = gaps.shape
    shares = gaps.mean(axis=1) if n_rows else np.zeros(n_columns)
    if sort:
        # The column with most gaps decides first.
        gaps = gaps[:, np.lexsort(gaps[np.argsort(shares, kind="stable")])[::-1]]
    ax = axes_of(ax, 8.0, 1.3 + 0.24 * n_columns)
    strips = _strips(gaps)
    ax.imshow(
        strips, aspect="auto", cmap=colours(_PRESENT, RED), vmin=0, vmax=1,
        interpolation="nearest", extent=(0, max(n_rows, 1), n_columns - 0.5, -0.5),
    )  # fmt: skip
    size = font(ax, n_columns)
    for j in range(1, n_columns):
        ax.axhline(j - 0.5, color="white", linewidth=size / 6)
    ax.set_yticks(range(n_columns), [short(n) for n in names], fontsize=size)
    place = ax.get_yaxis_transform()
    for j, part in enumerate(shares):
        ax.text(
            1.01, j, percent(part), transform=place, va="center", fontsize=size,
            color=RED if part else SOFT,
        )  # fmt: skip
    ticker = need("matplotlib.ticker", "a picture")
    ax.xaxis.set_major_locator(ticker.MaxNLocator(5, integer=True))
    ax.xaxis.set_major_formatter(ticker.StrMethodFormatter("{x:,.0f}"))
    ordered = "ordered by their gaps" if sort else "in their order"
    each = f", {round(n_rows / strips.shape[1]):,} to a strip" if n_rows > _STRIPS else ""
    ax.set_xlabel(f"{n_rows:,} rows, {ordered}{each}", color=SOFT)
    ax.set_title(f"{percent(shares.mean())} of all cells missing", color=INK, fontsize=11)
    return plain(ax)


def _strips(gaps: np.ndarray) -> np.ndarray:
    """Return the share of missing cells in each column and strip of rows."""
    n_rows = gaps.shape[1]
    if n_rows <= _STRIPS:
        return gaps.astype(float) if n_rows else np.zeros((len(gaps), 1))
    starts = np.linspace(0, n_rows, _STRIPS, endpoint=False).astype(np.int64)
    sums = np.add.reduceat(gaps, starts, axis=1, dtype=np.int64)
    return sums / np.diff(starts, append=n_rows)


def _together(gaps: np.ndarray, names: list[str], ax: Any) -> Any:
    n = len(names)
    side = 2.4 + max(0.24 * n, 1.2)
    ax = plain(axes_of(ax, side + 1.2, side))
    if n < 2 or not gaps.any():
        what = "nothing is missing" if not gaps.any() else f"only {short(names[0])} has gaps"
        ax.text(0.5, 0.5, what, ha="center", transform=ax.transAxes, color=INK)
        ax.set_xticks([])
        ax.set_yticks([])
        return ax
    shown = np.where(np.tri(n, k=-1, dtype=bool), _correlations(gaps), np.nan)
    scale = colours(BLUE, _PALE, RED)
    # A column is no pair with itself: the first line and the last column go.
    image = ax.imshow(shown[1:, :-1], cmap=scale, vmin=-1, vmax=1, interpolation="nearest")
    labels = [short(name) for name in names]
    size = font(ax, n)
    ax.set_xticks(range(n - 1), labels[:-1], rotation=90, fontsize=size)
    ax.set_yticks(range(n - 1), labels[1:], fontsize=size)
    if n <= _WRITTEN:
        for i, j in np.argwhere(np.isfinite(shown)):
            colour = "white" if abs(shown[i, j]) > 0.6 else INK
            said = f"{shown[i, j]:.1f}".replace("-0.0", "0.0")
            ax.text(j, i - 1, said, ha="center", va="center", fontsize=size - 1, color=colour)
    bar = ax.figure.colorbar(image, ax=ax, shrink=0.8, pad=0.03, aspect=18)
    bar.outline.set_visible(False)
    bar.set_ticks([-1, 0, 1], labels=["apart", "unrelated", "together"])
    bar.ax.tick_params(length=0, colors=SOFT)
    ax.set_title("Gaps in the same rows (correlation)", color=INK, fontsize=11, loc="left")
    return ax


def _correlations(gaps: np.ndarray) -> np.ndarray:
    """Return the correlation of gaps of each two columns; NaN where a column has no say."""
    n = gaps.shape[1]
    both = np.zeros((len(gaps), len(gaps)))
    for start in range(0, n, _PIECE):
        part = gaps[:, start : start + _PIECE].astype(np.float32)  # counts are exact in it
        both += part @ part.T
    mean = gaps.mean(axis=1)
    spread = np.sqrt(mean * (1 - mean))
    with np.errstate(invalid="ignore", divide="ignore"):
        return (both / n - np.outer(mean, mean)) / np.outer(spread, spread)


# --- reading tables ----------------------------------------------------------------------------


def read(X: Any) -> dict[Any, Any]:
    """Return the columns of a frame or array by name; those of an array are x0, x1, ..."""
    if _frame.is_frame(X):
        frame = _frame.wrap(X)
        return {name: frame.get_column(name) for name in frame.columns}
    cells = np.asarray(X)
    if cells.ndim != 2 or not cells.shape[1]:
        raise ShapeError(f"a table of rows and columns is needed; got shape {cells.shape}")
    return {f"x{j}": cells[:, j] for j in range(cells.shape[1])}


def pick(table: dict[Any, Any], columns: Any) -> dict[Any, Any]:
    """Return some columns, given by name or by position."""
    if columns is None:
        return table
    names = list(table)
    wanted: list[Any] = [columns] if isinstance(columns, str) else list(columns)
    if not wanted:
        raise ParameterError("columns is empty: name those to show")
    out = {}
    for one in wanted:
        whole = isinstance(one, int | np.integer) and one not in table and 0 <= one < len(names)
        name = names[one] if whole else one
        if name not in table:
            raise ParameterError(f"no column {one!r}; there are {', '.join(map(str, names[:8]))}")
        out[name] = table[name]
    return out


def gaps_of(column: Any) -> np.ndarray:
    """Return where a column of a frame or array is missing."""
    if isinstance(column, np.ndarray):
        if column.dtype.kind in "fmMO":
            import pandas as pd

            return np.asarray(pd.isna(column))
        return np.zeros(len(column), dtype=bool)
    gaps = np.asarray(column.is_null().to_numpy(), dtype=bool)
    if column.dtype in (nw.Float32, nw.Float64):
        return gaps | np.isnan(column.to_numpy())
    return gaps
