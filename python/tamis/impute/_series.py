"""Missing values of series: from the values before and after, the time between, the season."""

from __future__ import annotations

import numbers
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, OneToOneFeatureMixin, TransformerMixin
from sklearn.utils.validation import check_is_fitted

from tamis import _frame
from tamis.exceptions import ColumnTypeError, ParameterError
from tamis.impute._cells import TIMES, UNITS, Cells, as_table, cells_of, width
from tamis.impute._codes import refuse_infinite
from tamis.impute._runs import Clock, Runs, clock_of, groups_of
from tamis.impute._season import Season, learned, steps_of
from tamis.impute._tables import checked
from tamis.impute._typed import Codec, written

__all__ = ["SeriesImputer"]

_METHODS = ("forward", "backward", "linear", "time", "seasonal")


class SeriesImputer(OneToOneFeatureMixin, TransformerMixin, BaseEstimator):
    """Fill missing values of series from the values before and after them.

    Rows are taken in the order of a time column, or as they stand, and come out as they went
    in. Values never cross from one group to another.

    Parameters
    ----------
    method : {"forward", "backward", "linear", "time", "seasonal"}, default="forward"
        ``"forward"`` repeats the last value and ``"backward"`` the next one, in columns of any
        type. ``"linear"`` draws a line between the two over the rows between, ``"time"`` over the
        time between. ``"seasonal"`` takes the season's profile away, draws the line and puts the
        profile back. These three are for numbers, dates, times and durations.
    time : str or int, optional
        The column of numbers, dates or times that orders the rows (the position of it in an
        array). It is not filled, and must have no missing value. A DatetimeIndex of a pandas
        frame takes its place for ``"time"`` and ``"seasonal"``.
    group : str, int or list of these, optional
        Columns whose values name a series. They are not filled; a missing value is a group.
    columns : list of str or int, optional
        What to fill; by default all other columns.
    period : int, optional
        Steps in a season, for ``method="seasonal"``. Found by autocorrelation if not given, for
        each column. A step is the commonest distance of the time column, or a row.
    limit : int, optional
        Most cells to fill in each gap: the first ones, or for ``"backward"`` the last ones.
    edges : {"keep", "nearest"}, default="keep"
        What is done before the first value of a group and after the last, where one side is
        lacking: leave it missing, or take the nearest value (with the profile of the season).

    Attributes
    ----------
    periods_ : dict
        The period of each column, where the method is seasonal; 0 where none was found, and the
        column is filled as by ``"linear"`` or ``"time"``.
    n_features_in_ : int
        Columns seen when fitting.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Their names, where they had any.

    Notes
    -----
    The profile of a season is learned from the training rows: in a group's own rows where they
    have each phase twice, in all rows otherwise. Everything else comes from the rows that are
    transformed, and no value is carried over from the training rows. Without a time column the
    phase is the row's place in its group, counted from its first row.

    References
    ----------
    Cleveland et al., "STL: A Seasonal-Trend Decomposition Procedure Based on Loess", Journal of
    Official Statistics 6 (1990), for the idea; the decomposition here is the classical one, by
    moving averages (Kendall and Stuart, "The Advanced Theory of Statistics", volume 3).

    Examples
    --------
    >>> import pandas as pd
    >>> from tamis.impute import SeriesImputer
    >>> frame = pd.DataFrame({
    ...     "shop": ["a", "a", "a", "b", "b", "b"],
    ...     "day": pd.to_datetime(["2024-01-01", "2024-01-02", "2024-01-05"] * 2),
    ...     "sold": [10.0, None, 30.0, 5.0, None, 9.0],
    ... })
    >>> SeriesImputer("time", time="day", group="shop").fit_transform(frame)["sold"].tolist()
    [10.0, 15.0, 30.0, 5.0, 6.0, 9.0]
    """

    def __init__(
        self,
        method: str = "forward",
        *,
        time: Any = None,
        group: Any = None,
        columns: Any = None,
        period: int | None = None,
        limit: int | None = None,
        edges: str = "keep",
    ):
        self.method = method
        self.time = time
        self.group = group
        self.columns = columns
        self.period = period
        self.limit = limit
        self.edges = edges

    def fit(self, X: Any, y: Any = None) -> SeriesImputer:
        """Learn the seasons; other methods learn nothing but the columns.

        Parameters
        ----------
        X : frame or array of shape (n_rows, n_columns)
            The rows.
        y : ignored
            Present for the API.

        Returns
        -------
        self

        Raises
        ------
        ParameterError
            If a parameter has a value that cannot be used, or names a column that is not there.
        DataError
            If a column does not fit the method, holds an infinity, or a time is missing.
        """
        self._check_parameters()
        table = checked(self, X, fitting=True)
        columns = self._columns(table)
        self._clock(table)
        self._seasons: list[Season] = []
        self.periods_: dict[Any, int] = {}
        if self.method in ("forward", "backward"):
            for j in columns:
                refuse_infinite(_name(table, j), cells_of(table, j))
            return self
        part = _part(table, columns)
        codec = Codec.fit(part)
        self._refuse_text(codec)
        if self.method == "seasonal":
            self._fit_seasons(codec, table, part)
        return self

    def transform(self, X: Any) -> Any:
        """Fill the missing values.

        Parameters
        ----------
        X : frame or array of shape (n_rows, n_columns)
            The rows.

        Returns
        -------
        frame or ndarray of shape (n_rows, n_columns)
            In the caller's container, its rows in the order they came in.

        Raises
        ------
        DataError
            If a column does not fit the method, holds an infinity, or a time is missing.
        """
        check_is_fitted(self)
        table = checked(self, X, fitting=False)
        columns, clock = self._columns(table), self._clock(table)
        groups = groups_of(table, self._places(table, self.group))
        runs = Runs(_frame.n_rows(table), clock, groups)
        if self.method in ("forward", "backward"):
            return self._repeated(table, columns, runs)
        part = as_table(_part(table, columns))
        codec = Codec.fit(part)  # how numbers are written down, nothing more
        self._refuse_text(codec)
        matrix = codec.encode(part)
        days = None if clock is None or self.method == "linear" else clock.days
        for j in np.flatnonzero(np.isnan(matrix).any(axis=0)).tolist():
            added: Any = 0.0
            if self.method == "seasonal" and self._seasons[j].period:
                added = self._seasons[j].of(self._steps.places(clock, runs), groups)
            cells = matrix[:, j] - added
            matrix[:, j] = runs.line(cells, days, self.limit, self.edges == "nearest") + added
        return written(table, {columns[j]: new for j, new in codec.cells(part, matrix).items()})

    def _repeated(self, table: Any, columns: list[int], runs: Runs) -> Any:
        """Return the table with values repeated as they are."""
        new = {}
        for j in columns:
            cells = cells_of(table, j)
            refuse_infinite(_name(table, j), cells)
            if not cells.missing.any():
                continue
            rows, source = runs.repeat(
                cells.missing, self.method == "backward", self.limit, self.edges == "nearest"
            )
            new[j] = (rows, _values(cells, source))
        return written(table, new)

    # --- seasons -------------------------------------------------------------------------------

    def _fit_seasons(self, codec: Codec, table: Any, part: Any) -> None:
        matrix, clock = codec.encode(part), self._clock(table)
        groups = groups_of(table, self._places(table, self.group))
        runs = Runs(len(matrix), clock, groups)
        self._steps = steps_of(clock, runs)
        places = self._steps.places(clock, runs)
        for j, name in enumerate(codec.names):
            season = learned(matrix[:, j], places, groups, runs, self.period)
            self._seasons.append(season)
            self.periods_[name] = season.period

    # --- columns -------------------------------------------------------------------------------

    def _places(self, table: Any, names: Any) -> list[int]:
        """Return the positions of columns."""
        names = [] if names is None else names
        names = names if isinstance(names, list | tuple | np.ndarray) else [names]
        if _frame.is_frame(table):
            frame = _frame.wrap(table)
            _frame.check_names(frame, names, "X")
            return [list(frame.columns).index(name) for name in names]
        for name in names:
            if not isinstance(name, numbers.Integral) or int(name) not in range(table.shape[1]):
                raise ParameterError(
                    f"X is an array of {table.shape[1]} columns and has no {name!r}: give positions"
                )
        return [int(name) for name in names]

    def _columns(self, table: Any) -> list[int]:
        """Return the positions of the columns to fill."""
        other = {*self._places(table, self.time), *self._places(table, self.group)}
        if self.columns is None:
            return [j for j in range(width(table)) if j not in other]
        columns = self._places(table, self.columns)
        if other & set(columns):
            raise ParameterError("columns must not name the time or a group: they are not filled")
        return columns

    def _clock(self, table: Any) -> Clock | None:
        """Return the time of each row, if there is one."""
        if self.time is not None:
            place = self._places(table, self.time)
            if len(place) != 1:
                raise ParameterError(f"time must name one column; got {self.time!r}")
            return clock_of(cells_of(table, place[0]), _name(table, place[0]))
        index = getattr(table, "index", None)
        dated = hasattr(index, "normalize")  # a DatetimeIndex
        if dated and self.method in ("time", "seasonal"):
            return clock_of(cells_of(np.asarray(index, dtype="M8[ns]")[:, None], 0), "the index")
        if self.method == "time":
            raise ParameterError(
                "method='time' needs the time of each row: name its column with time=, or give a "
                "pandas frame with a DatetimeIndex"
            )
        return None

    def _refuse_text(self, codec: Codec) -> None:
        """Refuse columns that no line can be drawn in."""
        for name, kind in zip(codec.names, codec.kinds, strict=True):
            if kind in ("category", "boolean"):
                raise ColumnTypeError(
                    f"column {name!r} is of kind {kind!r}, and method={self.method!r} is for "
                    "numbers and times: name the columns to fill with columns=, or take "
                    "method='forward'"
                )

    def _check_parameters(self) -> None:
        for name, known in (("method", _METHODS), ("edges", ("keep", "nearest"))):
            if getattr(self, name) not in known:
                raise ParameterError(
                    f"{name} must be one of {', '.join(known)}; got {getattr(self, name)!r}"
                )
        for name, least in (("period", 2), ("limit", 1)):
            value = getattr(self, name)
            whole = isinstance(value, numbers.Integral) and not isinstance(value, bool)
            if value is not None and (not whole or value < least):
                raise ParameterError(
                    f"{name} must be a whole number of at least {least}, or None; got {value!r}"
                )

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.input_tags.string = True
        tags.input_tags.categorical = True
        return tags


def _name(table: Any, column: int) -> Any:
    return _frame.names(table)[column] if _frame.is_frame(table) else column


def _part(table: Any, columns: list[int]) -> Any:
    """Return some columns of a table."""
    if not _frame.is_frame(table):
        return table[:, columns]
    frame = _frame.wrap(table)
    return frame.select([frame.columns[j] for j in columns]).to_native()


def _values(cells: Cells, rows: np.ndarray) -> Any:
    """Return the values of rows, as they are written into a column."""
    found = cells.data[rows]
    if cells.kind in TIMES:
        letter = "M" if cells.kind == "datetime" else "m"
        return found.view(f"{letter}8[{UNITS[cells.per_day]}]")
    return found if cells.kind in ("number", "integer", "boolean") else found.tolist()
