"""Equal rows, or rows within a tolerance: exact over any mix of column types."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.utils.validation import validate_data

from tamis import _core, _frame, _threads
from tamis._frame import Values
from tamis._progress import bar, kernel_callback
from tamis.dedup._base import Deduplicator
from tamis.dedup._cells import Piece, parts, pieces
from tamis.dedup._found import Found
from tamis.dedup._measure import check_tolerance, measured, tolerances
from tamis.dedup._normal import normalized, normalizers
from tamis.dedup._result import Cells
from tamis.exceptions import DataError

__all__ = ["RowDeduplicator"]

#: More pairs of different rows than this are refused: the tolerance is too large.
_MOST_PAIRS = 50_000_000


class RowDeduplicator(Deduplicator):
    """Keep one of each group of equal rows, or of rows within a tolerance.

    Rows are hashed and every match is confirmed by value, so nothing is called a duplicate that
    is none, and none is missed. NaN equals NaN and a missing cell another missing cell; 0.0 equals
    -0.0; integers are never compared through floats; categories compare by value; lists, dicts
    and arrays in cells compare by their items. The target takes no part: of rows that are equal
    in the columns compared, one stays, with its own target.

    With `tolerance`, two rows are duplicates if ``|a - b| <= tolerance`` in each column that has
    one and their other cells are equal. Every such pair is found: there is no grid into whose
    cells values are put. The difference is the one that the column's own type gives: exact for
    integers and times, rounded to single precision where the column is; missing cells are within
    the tolerance of missing cells alone. The score of a pair is ``1 - max(|a - b| / tolerance)``.

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
        Whether each row of a cluster is a duplicate of the cluster's representative, or of any
        other row of it (of use with `tolerance`: equal rows are equal all around).
    tolerance : number, Timedelta or dict of column to these, optional
        How far two values may lie apart. A number is for all columns of numbers (not booleans), a
        Timedelta for all columns of times and durations; columns named in a dict alone have the
        tolerance given there, where a number is in seconds for times.
    normalize : None, True, str, tuple of str, callable or dict of column to these, default=None
        What is evened out in text before it is compared, in all columns of text or in those named:
        ``"nfc"`` composes characters (always done with the others), ``"case"`` folds case,
        ``"whitespace"`` trims it and makes runs of it one space, ``"punctuation"`` leaves it out;
        True is all but the last. A function takes a text and returns it as it is to be compared.
        What comes out is as it was.
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

    Rows that differ by little:

    >>> frame = pd.DataFrame({"weight": [70.2, 70.3, 81.0], "name": ["Ada ", "ada", "Ada"]})
    >>> RowDeduplicator(tolerance=0.2, normalize=True).fit(frame).duplicates_.pairs.round(2)
       left  right  score          evidence
    0     0      1    0.5  within tolerance
    """

    _unit = "row"

    def __init__(
        self,
        subset: Any = None,
        *,
        keep: str = "first",
        by: Any = None,
        linkage: str = "star",
        tolerance: Any = None,
        normalize: Any = None,
        n_jobs: int | None = None,
    ) -> None:
        self.subset = subset
        self.keep = keep
        self.by = by
        self.linkage = linkage
        self.tolerance = tolerance
        self.normalize = normalize
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

    def _check_parameters(self) -> None:
        super()._check_parameters()
        check_tolerance(self.tolerance)
        normalizers(self.normalize, [*self.normalize] if isinstance(self.normalize, dict) else [])

    def _search(self, items: dict[Any, Any], n_left: int | None) -> Found:
        columns = {k: v if isinstance(v, list) else [v] for k, v in items.items()}
        n_rows = sum(map(_length, next(iter(columns.values()), [])))
        self._even_out(columns)
        limits = tolerances(self.tolerance, [*columns])
        by_name = isinstance(self.tolerance, dict)
        near = {name: measured(columns[name], t, name, by_name) for name, t in limits.items()}
        held = [m for m in near.values() if m is not None]
        exact = [name for name in columns if near.get(name) is None]
        taken = [p for name in exact for p in parts(columns[name], name)]
        same = "equal" if self.normalize is None else "equal when normalized"
        n_jobs = _threads.resolve(self.n_jobs)
        if not held:
            return Found(_core.equal_rows(n_rows, taken, n_jobs=n_jobs), kinds=(same,))
        with bar(None, "comparing rows") as progress:
            group, keys, left, right, score = _core.rows_within(
                n_rows, taken, held, _MOST_PAIRS, n_left, n_jobs=n_jobs,
                progress=kernel_callback(progress),
            )  # fmt: skip
        kinds = (same, "within tolerance")
        return Found(group, left, right, score, np.ones_like(left), kinds, keys)

    def _even_out(self, columns: dict[Any, list[Piece]]) -> None:
        """Put columns with their text normalized in place of those given."""
        asked = isinstance(self.normalize, dict)
        for name, one in normalizers(self.normalize, [*columns]).items():
            columns[name] = [normalized(piece, one, name, asked) for piece in columns[name]]

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
        array = np.asarray(taken)
        return Cells([str(j) for j in range(array.shape[1])], array.tolist())

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.input_tags.string = True
        tags.input_tags.categorical = True
        return tags


def _length(piece: Piece) -> int:
    return len(piece.data) if isinstance(piece, Values) else len(piece)
