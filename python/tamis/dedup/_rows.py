"""Equal rows: exact over any mix of column types."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils.validation import validate_data

from tamis import _core, _frame, _threads
from tamis._frame import Values
from tamis.base import ResampleMixin
from tamis.dedup._cells import Piece, parts, pieces
from tamis.dedup._result import Duplicates, Leakage
from tamis.exceptions import DataError, ParameterError

__all__ = ["RowDeduplicator", "duplicate_groups", "find_leakage"]

_KEEP = ("first", "last", "most_complete")


def duplicate_groups(X: Any, subset: Any = None, *, n_jobs: int | None = None) -> np.ndarray:
    """Return the group of each row: rows are in one group when they are equal.

    Made to be handed to scikit-learn's ``GroupKFold``, so that copies of a row never stand on both
    sides of a split. Equality is that of `RowDeduplicator`.

    Parameters
    ----------
    X : frame or array of shape (n_rows, n_columns)
        The rows. Any column types.
    subset : list of column names (positions for an array), optional
        The columns to compare; all of them by default.
    n_jobs : int, optional
        Threads; the result does not depend on it.

    Returns
    -------
    ndarray of shape (n_rows,), int64
        Group labels 0 to k-1, in order of first appearance.

    Raises
    ------
    ParameterError
        If `X` is no table or `subset` names a column that is not there.

    Examples
    --------
    >>> import pandas as pd
    >>> from tamis.dedup import duplicate_groups
    >>> duplicate_groups(pd.DataFrame({"a": [1, 2, 1], "b": ["x", "y", "x"]}))
    array([0, 1, 0])
    """
    columns = pieces(X, subset)
    return _groups([[c] for c in columns.values()], list(columns), _n_rows(columns), n_jobs)


def find_leakage(
    train: Any,
    test: Any,
    kind: str = "rows",
    *,
    subset: Any = None,
    n_jobs: int | None = None,
) -> Leakage:
    """Find test rows that are in the training data too.

    Columns are matched by name (by position in arrays) and compared by value, also where their
    types differ between the tables: an integer equals the float of the same value.

    Parameters
    ----------
    train, test : frame or array of shape (n_rows, n_columns)
        The tables.
    kind : {"rows"}, default="rows"
        What counts as the same: rows that are equal.
    subset : list of column names (positions for arrays), optional
        The columns to compare; by default all that both tables have.
    n_jobs : int, optional
        Threads; the result does not depend on it.

    Returns
    -------
    Leakage
        A `Duplicates` whose `pairs` have train rows on the left and test rows on the right.

    Raises
    ------
    ParameterError
        If `kind` is not known or `subset` names a column that a table lacks.
    DataError
        If the tables have no column in common.

    Examples
    --------
    >>> import pandas as pd
    >>> from tamis.dedup import find_leakage
    >>> train = pd.DataFrame({"a": [1, 2, 3], "b": ["x", "y", "z"]})
    >>> find_leakage(train, pd.DataFrame({"a": [3.0, 4.0], "b": ["z", "z"]}))
    <Leakage: 1 test row of 2 equal 1 train row of 3, exact>
    """
    if kind != "rows":
        raise ParameterError(f"kind must be 'rows'; got {kind!r}")
    left, right = pieces(train, subset, "train"), pieces(test, subset, "test")
    shared = [name for name in left if name in right]
    if not shared:
        raise DataError("train and test have no column in common: name them alike")
    n_train = _n_rows(left)
    columns = [[left[name], right[name]] for name in shared]
    labels = _groups(columns, shared, n_train + _n_rows(right), n_jobs)
    return Leakage(labels, n_train, like=train)


def _n_rows(columns: dict[Any, Piece]) -> int:
    first = next(iter(columns.values()), None)
    if first is None:
        return 0
    return len(first.data) if isinstance(first, Values) else len(first)


def _groups(
    columns: list[list[Piece]], names: list[Any], n_rows: int, n_jobs: int | None
) -> np.ndarray:
    """Return group labels of rows given column by column, one piece a table."""
    taken = [p for name, c in zip(names, columns, strict=True) for p in parts(c, name)]
    first = _core.first_equal_rows(n_rows, taken, n_jobs=_threads.resolve(n_jobs))
    number = np.cumsum(first == np.arange(n_rows)) - 1
    return number[first]


class RowDeduplicator(ResampleMixin, BaseEstimator):
    """Keep one of each group of equal rows.

    Rows are hashed and every match is confirmed by value, so nothing is called a duplicate that
    is none, and none is missed. NaN equals NaN and a missing cell another missing cell; 0.0 equals
    -0.0; integers are never compared through floats; categories compare by value; lists, dicts
    and arrays in cells compare by their items. The target takes no part: of rows that are equal
    in the columns compared, one stays, with its own target.

    Parameters
    ----------
    subset : list of column names (positions for an array), optional
        The columns to compare; all of them by default.
    keep : {"first", "last", "most_complete"}, default="first"
        Which row of a group stays; ``"most_complete"`` is the one with the fewest missing cells
        over all columns, the first of several.
    n_jobs : int, optional
        Threads; the result does not depend on it.

    Attributes
    ----------
    duplicates_ : Duplicates
        What was found.
    sample_indices_ : ndarray of shape (n_rows_out,), int64
        Positions of the rows that stay, rising (after `fit_resample`).
    n_features_in_ : int
    feature_names_in_ : ndarray of str
        Only where `X` is a frame.

    Examples
    --------
    >>> import pandas as pd
    >>> from tamis.dedup import RowDeduplicator
    >>> frame = pd.DataFrame({"a": [1.0, None, 1.0, None], "b": ["x", "y", "x", "y"]})
    >>> step = RowDeduplicator()
    >>> step.fit_resample(frame)[0]
         a  b
    0  1.0  x
    1  NaN  y
    >>> step.duplicates_
    <Duplicates: 2 rows of 4 can be dropped, 2 clusters, exact>
    """

    def __init__(
        self, subset: Any = None, *, keep: str = "first", n_jobs: int | None = None
    ) -> None:
        self.subset = subset
        self.keep = keep
        self.n_jobs = n_jobs

    def fit(self, X: Any, y: Any = None) -> RowDeduplicator:
        """Find the equal rows.

        Parameters
        ----------
        X : frame or array of shape (n_rows, n_columns)
            The rows. Any column types.
        y : ignored

        Returns
        -------
        RowDeduplicator
            Itself.

        Raises
        ------
        ParameterError
            If `keep` or `subset` cannot be used.
        DataError
            If a column holds objects nested too deep to compare.
        """
        if self.keep not in _KEEP:
            raise ParameterError(f"keep must be one of {', '.join(_KEEP)}; got {self.keep!r}")
        X = self._checked(X)
        labels = duplicate_groups(X, self.subset, n_jobs=self.n_jobs)
        keep = np.zeros(len(labels), dtype=bool)
        keep[self._chosen(X, labels)] = True
        self.duplicates_ = Duplicates(labels, keep, like=X)
        return self

    def _fit_rows(self, X: Any, y: Any) -> np.ndarray:
        return np.flatnonzero(self.fit(X, y).duplicates_.keep)

    def _checked(self, X: Any) -> Any:
        if _frame.is_frame(X):
            names = _frame.names(X)
            self.n_features_in_ = len(names)
            self.feature_names_in_ = np.array(names, dtype=object)
            return X
        return validate_data(self, X, dtype=None, ensure_all_finite=False)

    def _chosen(self, X: Any, labels: np.ndarray) -> np.ndarray:
        """Return the row of each group that stays, by group."""
        rows = np.arange(len(labels))
        if self.keep == "last":
            rows = rows[::-1]
        elif self.keep == "most_complete":
            # Stable: of equally complete rows the first.
            rows = rows[np.argsort(_gaps(X), kind="stable")]
        return rows[np.unique(labels[rows], return_index=True)[1]]

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.input_tags.string = True
        tags.input_tags.categorical = True
        return tags


def _gaps(X: Any) -> np.ndarray:
    """Return the number of missing cells of each row."""
    columns = pieces(X, None)
    gaps = np.zeros(_n_rows(columns), dtype=np.int64)
    for column in columns.values():
        v = column if isinstance(column, Values) else _frame.values(column)
        gaps += v.missing
    return gaps
