"""Equal rows: exact over any mix of column types."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.utils.validation import validate_data

from tamis import _core, _frame, _threads
from tamis._frame import Values
from tamis.dedup._base import Deduplicator
from tamis.dedup._cells import Piece, parts, pieces
from tamis.dedup._found import Found
from tamis.dedup._result import Cells
from tamis.exceptions import DataError

__all__ = ["RowDeduplicator"]


class RowDeduplicator(Deduplicator):
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
    keep : {"first", "last", "most_complete", "best"}, default="first"
        Which row of a group stays; ``"most_complete"`` is the one with the fewest missing cells
        over all columns, ``"best"`` the one with the highest score; the first of several.
    by : column name, array-like of shape (n_rows,) or callable, optional
        The scores for ``keep="best"``: a column of `X`, numbers, or a function of `X` that returns
        them.
    linkage : {"star", "connected"}, default="star"
        Whether each row of a cluster equals the cluster's representative, or any other row of it.
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

    _unit = "row"

    def __init__(
        self,
        subset: Any = None,
        *,
        keep: str = "first",
        by: Any = None,
        linkage: str = "star",
        n_jobs: int | None = None,
    ) -> None:
        self.subset = subset
        self.keep = keep
        self.by = by
        self.linkage = linkage
        self.n_jobs = n_jobs

    def _items(self, X: Any, what: str) -> dict[Any, Piece]:
        if what != "X":  # one of two tables
            return pieces(X, self.subset, what)
        if _frame.is_frame(X):
            names = _frame.names(X)
            self.n_features_in_ = len(names)
            self.feature_names_in_ = np.array(names, dtype=object)
        else:
            X = validate_data(self, X, dtype=None, ensure_all_finite=False)
        return pieces(X, self.subset)

    def _join(self, train: Any, test: Any) -> dict[Any, list[Piece]]:
        shared = [name for name in train if name in test]
        if not shared:
            raise DataError("train and test have no column in common: name them alike")
        return {name: [train[name], test[name]] for name in shared}

    def _search(self, items: dict[Any, Any], n_left: int | None) -> Found:
        columns = {k: v if isinstance(v, list) else [v] for k, v in items.items()}
        n_rows = sum(map(_length, next(iter(columns.values()), [])))
        taken = [p for name, column in columns.items() for p in parts(column, name)]
        return Found(_core.equal_rows(n_rows, taken, n_jobs=_threads.resolve(self.n_jobs)))

    def _completeness(self, X: Any, items: Any) -> np.ndarray:
        gaps = np.zeros(_frame.n_rows(X), dtype=np.int64)
        for column in pieces(X, None).values():
            gaps -= (column if isinstance(column, Values) else _frame.values(column)).missing
        return gaps

    def _cells(self, X: Any, rows: np.ndarray) -> Cells:
        taken = _frame.take(X, rows)
        if _frame.is_frame(taken):
            frame = _frame.wrap(taken)
            return Cells(frame.columns, frame.rows())
        return Cells([str(j) for j in range(taken.shape[1])], taken.tolist())

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.input_tags.string = True
        tags.input_tags.categorical = True
        return tags


def _length(piece: Piece) -> int:
    return len(piece.data) if isinstance(piece, Values) else len(piece)
