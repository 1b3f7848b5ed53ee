"""What a model says on average when one or two features are set."""

from __future__ import annotations

from dataclasses import dataclass, field
from numbers import Integral
from typing import Any

import narwhals as nw
import numpy as np
from scipy.stats.mstats import mquantiles
from sklearn.base import is_classifier, is_regressor

from tamis import _frame, _progress
from tamis._check import weights_of
from tamis._draw import BLUE, INK, SOFT, axes_of, colours, plain, short
from tamis.exceptions import ParameterError
from tamis.models.inspect._stack import Rows, asked

__all__ = ["PartialDependence", "partial_dependence"]

_METHODS = {
    "auto": ("predict_proba", "decision_function"),
    "predict_proba": "predict_proba",
    "decision_function": "decision_function",
}
#: Lines of single rows that are drawn at most.
_LINES = 60


@dataclass(frozen=True, repr=False)
class PartialDependence:
    """What a model says when features are set to the values of a grid.

    Attributes
    ----------
    grid_values : list of ndarray
        The values of each feature.
    average : ndarray of shape (n_outputs, len(grid), ...), or None
        The mean over the rows; of two classes one output, the probability of the second.
    individual : ndarray of shape (n_outputs, n_rows, len(grid), ...), or None
        Of each row.
    names : list of str
        The features.
    outputs : list of str
        The classes or targets; empty where there is one output.
    what : str
        What the model was asked for.
    """

    grid_values: list[np.ndarray]
    average: np.ndarray | None
    individual: np.ndarray | None
    names: list[str]
    outputs: list[str]
    what: str
    _categorical: tuple[bool, ...] = field(default=(), repr=False)
    _deciles: tuple[Any, ...] = field(default=(), repr=False)

    def __getitem__(self, key: str) -> Any:
        return getattr(self, key)

    def __repr__(self) -> str:
        said = ""
        if self.average is not None:
            said = f" from {self.average.min():.4g} to {self.average.max():.4g}"
        sizes = " x ".join(str(len(grid)) for grid in self.grid_values)
        return f"<PartialDependence on {', '.join(self.names)} ({sizes}): {self.what}{said}>"

    def plot(self, ax: Any = None, *, output: int = 0, centered: bool = False) -> Any:
        """Draw the average, the rows behind it, or of two features a map.

        Parameters
        ----------
        ax : matplotlib Axes, optional
            Where to draw; by default on a new figure.
        output : int, default=0
            The position of the class or target.
        centered : bool, default=False
            Whether the lines of rows begin at 0, which shows where they part.

        Returns
        -------
        matplotlib Axes
            The marks at the foot are the deciles of the feature.
        """
        if len(self.names) == 2:
            return self._map(ax, output)
        ax = plain(axes_of(ax, 6.0, 3.8))
        grid, flat = self.grid_values[0], self._categorical[0]
        x = np.arange(len(grid)) if flat else np.asarray(grid, dtype=np.float64)
        mean = self.average[output] if self.average is not None else None
        rows = self.individual[output] if self.individual is not None else None
        if centered and rows is not None:
            rows = rows - rows[:, :1]
            mean = None if mean is None else mean - mean[0]
        if rows is not None:
            some = np.random.default_rng(0).permutation(len(rows))[:_LINES]
            ax.plot(x, rows[some].T, color="0.75", linewidth=0.6, zorder=1)
        if mean is not None and flat:
            ax.plot(x, mean, "o", color=BLUE, zorder=3)
            ax.vlines(x, min(0.0, float(mean.min())), mean, color=BLUE, linewidth=1.0, zorder=2)
        elif mean is not None:
            ax.plot(x, mean, color=BLUE, linewidth=2.0, zorder=3)
        if flat:
            tilt = 30 if len(grid) > 5 else 0
            side = "right" if tilt else "center"
            ax.set_xticks(x, [short(v) for v in grid], rotation=tilt, ha=side)
        elif self._deciles and self._deciles[0] is not None:
            ax.plot(
                self._deciles[0], np.zeros(9), "|", color=INK, markersize=7, clip_on=False,
                transform=ax.get_xaxis_transform(),
            )  # fmt: skip
        ax.set_xlabel(short(self.names[0]), color=SOFT)
        ax.set_ylabel(self.what + (", from where it begins" if centered else ""), color=SOFT)
        ax.set_title(self._title(mean, output), fontsize=10, color=INK, loc="left")
        return ax

    def _title(self, mean: np.ndarray | None, output: int) -> str:
        of = f" of {self.outputs[output]}" if self.outputs else ""
        name = short(self.names[0])
        if mean is None:
            return f"What single rows{of} would be, by {name}"
        step = "" if self._categorical[0] else (
            " and rises" if np.all(np.diff(mean) >= 0) else
            " and falls" if np.all(np.diff(mean) <= 0) else ""
        )  # fmt: skip
        return f"{name} moves the mean{of} over {np.ptp(mean):.3g}{step}"

    def _map(self, ax: Any, output: int) -> Any:
        if self.average is None:
            raise ParameterError("two features are drawn by their average: kind='average'")
        ax = axes_of(ax, 6.0, 4.6)
        mean = self.average[output]
        places = [
            np.arange(len(g)) if flat else np.asarray(g, dtype=np.float64)
            for g, flat in zip(self.grid_values, self._categorical, strict=True)
        ]
        paint = colours("#ffffff", BLUE)
        if any(self._categorical) or min(mean.shape) < 2:
            shown = ax.pcolormesh(*places, mean.T, cmap=paint, shading="nearest")
        else:
            shown = ax.contourf(*places, mean.T, levels=10, cmap=paint)
        ax.figure.colorbar(shown, ax=ax, label=self.what)
        for axis, flat, at, grid in zip(
            (ax.xaxis, ax.yaxis), self._categorical, places, self.grid_values, strict=True
        ):
            if flat:
                axis.set_ticks(at, [short(v) for v in grid])
        ax.set_xlabel(short(self.names[0]), color=SOFT)
        ax.set_ylabel(short(self.names[1]), color=SOFT)
        lost = mean - mean.mean(axis=1, keepdims=True) - mean.mean(axis=0) + mean.mean()
        share = float((lost**2).sum() / max(((mean - mean.mean()) ** 2).sum(), 1e-300))
        title = f"Over {np.ptp(mean):.3g}; {100 * share:.0f} % of it is interaction"
        ax.set_title(title, fontsize=10, color=INK, loc="left")
        return ax


def partial_dependence(
    estimator: Any,
    X: Any,
    features: Any,
    *,
    sample_weight: Any = None,
    categorical_features: Any = None,
    feature_names: Any = None,
    response_method: str = "auto",
    percentiles: tuple[float, float] = (0.05, 0.95),
    grid_resolution: int = 100,
    custom_values: Any = None,
    kind: str = "average",
) -> PartialDependence:
    """Return what a model says when one or two features are set, for all rows (Friedman 2001).

    As scikit-learn's of the same name by its method "brute", with frames of any kind, and the model
    asked for many grid values in one go.

    Parameters
    ----------
    estimator : fitted model or pipeline
    X : array-like or frame of shape (n_rows, n_features)
        Rows that the features are set in.
    features : int, str, or a pair of them
        The column or columns.
    sample_weight : array-like of shape (n_rows,), optional
        Weights for the average.
    categorical_features : sequence of int or str, optional
        Columns of which every value is a grid value; columns of text, categories and booleans are
        always such.
    feature_names : sequence of str, optional
        Names of an array's columns.
    response_method : {"auto", "predict_proba", "decision_function"}, default="auto"
        What a classifier is asked for; "auto" takes probabilities where there are some.
    percentiles : (float, float), default=(0.05, 0.95)
        Where the grid begins and ends.
    grid_resolution : int, default=100
        Grid values at most; a column of fewer values has them all.
    custom_values : dict, optional
        Grid values by column.
    kind : {"average", "individual", "both"}, default="average"
        The mean over the rows, or each of them.

    Returns
    -------
    PartialDependence

    Raises
    ------
    ParameterError
        A parameter has a value that cannot be used, or a column is not there.

    Examples
    --------
    >>> import numpy as np
    >>> from tamis.models import LinearRegression, partial_dependence
    >>> X = np.array([[0.0, 1.0], [1.0, 3.0], [2.0, 5.0], [4.0, 0.0]])
    >>> model = LinearRegression().fit(X, 3 * X[:, 0])
    >>> found = partial_dependence(model, X, 0, percentiles=(0, 1))
    >>> found.grid_values, found.average.round(6)
    ([array([0., 1., 2., 4.])], array([[ 0.,  3.,  6., 12.]]))
    """
    rows = Rows(X, feature_names)
    chosen = [features] if isinstance(features, str | int | np.integer) else list(features)
    if len(chosen) not in (1, 2):
        raise ParameterError(f"features must be one column or two; got {features!r}")
    places = [rows.place(feature) for feature in chosen]
    if kind not in ("average", "individual", "both"):
        raise ParameterError(f"kind must be 'average', 'individual' or 'both'; got {kind!r}")
    if response_method not in _METHODS:
        raise ParameterError(f"response_method must be one of {list(_METHODS)}")
    if not (is_classifier(estimator) or is_regressor(estimator)):
        raise ParameterError(f"{type(estimator).__name__} is no classifier or regressor")
    if not isinstance(grid_resolution, Integral) or grid_resolution < 2:
        raise ParameterError(f"grid_resolution must be a count from 2; got {grid_resolution!r}")
    low, high = percentiles
    if not 0 <= low < high <= 1:
        raise ParameterError(f"percentiles must rise within 0 and 1; got {percentiles!r}")
    given = () if categorical_features is None else categorical_features
    named = {rows.place(f) for f in given}
    own = {rows.place(f): v for f, v in (custom_values or {}).items()}
    grids = [
        _grid(rows, j, j in named, own.get(j), (low, high), int(grid_resolution)) for j in places
    ]
    method: Any = _METHODS[response_method] if is_classifier(estimator) else "predict"
    said = _said(estimator, rows, places, [g.cells for g in grids], method)
    two = is_classifier(estimator) and said.ndim == 3 and said.shape[2] == 2
    said = said[:, :, 1:] if two else said.reshape(*said.shape[:2], -1)
    shape = tuple(len(g.cells) for g in grids)
    lines = np.ascontiguousarray(said.transpose(2, 1, 0))  # outputs, rows, grid
    average = None
    if kind != "individual":
        average = np.average(lines, axis=1, weights=weights_of(sample_weight, _Shaped(rows.n)))
        average = average.reshape(-1, *shape)
    individual = None if kind == "average" else lines.reshape(*lines.shape[:2], *shape)
    proba = is_classifier(estimator) and response_method != "decision_function" and hasattr(
        estimator, "predict_proba"
    )  # fmt: skip
    outputs = _outputs(estimator, lines.shape[0])
    what = "score" if is_classifier(estimator) else "prediction"
    if proba:
        what = f"probability of {estimator.classes_[1]}" if two else "probability"
    return PartialDependence(
        [g.cells for g in grids], average, individual, [rows.names[j] for j in places], outputs,
        what, tuple(g.categorical for g in grids), tuple(g.deciles for g in grids),
    )  # fmt: skip


@dataclass(frozen=True)
class _Shaped:
    """So many rows."""

    n: int

    @property
    def shape(self) -> tuple[int]:
        return (self.n,)


@dataclass(frozen=True)
class _Grid:
    cells: np.ndarray
    categorical: bool
    deciles: Any


def _outputs(model: Any, n: int) -> list[str]:
    if n == 1:
        return []
    return [str(c) for c in getattr(model, "classes_", [f"target {k}" for k in range(n)])]


def _grid(
    rows: Rows, place: int, named: bool, own: Any, ends: tuple[float, float], most: int
) -> _Grid:
    """Return the grid of a column."""
    column = rows.column(place)
    if rows.is_frame:
        number = column.dtype.is_numeric()
        cells = np.asarray(column.drop_nulls().to_list(), dtype=None if number else object)
    else:
        cells = np.asarray(column)
        number = cells.dtype.kind in "iuf"
    if number:
        cells = cells[~np.isnan(cells.astype(np.float64))]
        nine = np.linspace(0.1, 0.9, 9)
        deciles = np.quantile(cells.astype(np.float64), nine) if len(cells) else None
    else:
        cells = np.array([c for c in cells if c is not None and c == c], dtype=object)  # noqa: PLR0124
        deciles = None
    flat = named or not number
    if own is not None:
        return _Grid(np.asarray(own), flat, deciles)
    if not len(cells):
        raise ParameterError(f"the column {rows.names[place]!r} has no value")
    levels = np.unique(cells) if number else _levels(cells)
    if flat or len(levels) < most:
        return _Grid(levels, flat, deciles)
    start, end = mquantiles(cells.astype(np.float64), prob=ends, axis=0)
    if np.isclose(start, end):
        raise ParameterError(
            f"the column {rows.names[place]!r} has one value between the percentiles: widen them"
        )
    return _Grid(np.linspace(start, end, most), False, deciles)


def _levels(cells: np.ndarray) -> np.ndarray:
    try:
        return np.unique(cells)
    except TypeError:  # values of several types
        return np.array(list(dict.fromkeys(cells)), dtype=object)


def _said(model: Any, rows: Rows, places: list[int], grids: list[np.ndarray], method: Any) -> Any:
    """Return what the model says, (grid points, rows[, outputs])."""
    index = np.stack([g.ravel() for g in np.meshgrid(
        *(np.arange(len(g)) for g in grids), indexing="ij"
    )])  # fmt: skip
    total, most = index.shape[1], rows.most
    out = []
    stacked, held = None, 0
    with _progress.bar(total, "partial_dependence") as bar:
        for first in range(0, total, most):
            some = index[:, first : first + most]
            count = some.shape[1]
            if held != count:
                stacked, held = rows.copies(count), count
            part = stacked
            for place, grid, at in zip(places, grids, some, strict=True):
                part = _set(rows, part, place, np.repeat(grid[at], rows.n))
            said = asked(model, part, method)
            out.append(said.reshape(count, rows.n, *said.shape[1:]))
            bar.update(count)
    return np.concatenate(out)


def _set(rows: Rows, stacked: Any, place: int, cells: np.ndarray) -> Any:
    """Return stacked rows in which a column has these cells."""
    if not rows.is_frame:
        whole = stacked.dtype.kind in "iub" and cells.dtype.kind == "f"
        out = stacked.astype(np.float64) if whole else stacked.copy()
        out[:, place] = cells
        return out
    name = rows.columns[place]
    if hasattr(stacked, "iloc"):
        import pandas as pd

        was = rows.X.iloc[:, place].dtype
        keep = not pd.api.types.is_numeric_dtype(was) or cells.dtype == was
        out = stacked.copy(deep=False)
        column = pd.Series(cells, index=out.index, dtype=was if keep else None)
        out.isetitem(place, column)
        return out
    frame = _frame.wrap(stacked)
    dtype = None if frame.schema[name].is_numeric() else frame.schema[name]
    series = nw.new_series(name, cells.tolist(), dtype, backend=nw.get_native_namespace(frame))
    return frame.with_columns(series).to_native()
