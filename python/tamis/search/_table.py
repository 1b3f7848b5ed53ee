"""A frame of mixed columns as one float matrix: numbers, then times, then category codes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import narwhals as nw
import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils.validation import check_is_fitted

from tamis import _columns, _frame
from tamis.exceptions import DataError

__all__ = ["FrameEncoder", "choose_columns"]


def choose_columns(data: Any, target: str | None) -> tuple[FrameEncoder, dict[str, str]]:
    """Return an encoder for the columns a model can learn from, and why the others are left out."""
    frame = _frame.wrap(data)
    columns = [_columns.profile(frame.get_column(n)) for n in frame.columns if n != target]
    ignored = {c.name: _WHY.get(c.kind, c.kind) for c in columns if not c.usable}
    columns = [c for c in columns if c.usable]
    if not columns:
        why = "; ".join(f"{name}: {reason}" for name, reason in ignored.items()) or "no column"
        raise DataError(f"no column beside the target can be learned from ({why})")
    encoder = FrameEncoder(
        numbers=[c.name for c in columns if c.kind == "number"],
        datetimes=[c.name for c in columns if c.kind == "datetime"],
        categories=[c.name for c in columns if c.kind == "category"],
        markers={c.name: list(c.markers) for c in columns if c.markers},
    )
    return encoder, ignored


_WHY = {
    "text": "free text, nearly unique",
    "identifier": "an identifier, (nearly) unique",
    "constant": "constant",
    "empty": "empty",
    "other": "lists or objects",
}


class FrameEncoder(TransformerMixin, BaseEstimator):
    """Turn a frame into a float64 matrix: numbers, then times, then category codes.

    Missing cells are NaN. A category is the position of its value among those seen in fitting,
    sorted; one never seen is ``len(levels)``. Columns it was not told of are ignored.

    Parameters
    ----------
    numbers : list of str
        Columns of numbers; text that holds numbers ("$1,200") is read as such.
    datetimes : list of str
        Columns of dates or times (ISO text is read as such); they become seconds since 1970.
    categories : list of str
        Columns of categories: text, categoricals or booleans.
    markers : dict of str to list, optional
        Values by column that mean "missing" ("?", -999).

    Attributes
    ----------
    levels_ : dict of str to list
        The values of each category column, in the order of their codes.
    columns_ : list of str
        The columns of the matrix, in order.
    n_features_in_ : int
    feature_names_in_ : ndarray of str

    Examples
    --------
    >>> import pandas as pd
    >>> from tamis.search import FrameEncoder
    >>> frame = pd.DataFrame({"age": [30, None], "port": ["B", "A"], "note": ["x", "y"]})
    >>> FrameEncoder(numbers=["age"], categories=["port"]).fit_transform(frame)
    array([[30.,  1.],
           [nan,  0.]])
    """

    def __init__(
        self,
        numbers: Sequence[str] = (),
        datetimes: Sequence[str] = (),
        categories: Sequence[str] = (),
        markers: dict[str, list] | None = None,
    ) -> None:
        self.numbers = numbers
        self.datetimes = datetimes
        self.categories = categories
        self.markers = markers

    def fit(self, X: Any, y: Any = None) -> FrameEncoder:
        """Learn the values of the category columns."""
        frame = self._frame_with_columns(X)
        self.columns_ = [*self.numbers, *self.datetimes, *self.categories]
        self.n_features_in_ = len(frame.columns)
        self.feature_names_in_ = np.array(frame.columns, dtype=object)
        self.levels_ = {}
        for name in self.categories:
            v = self._values(frame, name)
            self.levels_[name] = sorted(set(v.data[~v.missing].tolist()), key=_sort_key)
        return self

    def transform(self, X: Any) -> np.ndarray:
        """Return the matrix.

        Raises
        ------
        DataError
            If a column is absent, or holds what it cannot: the message names it.
        """
        check_is_fitted(self)
        frame = self._frame_with_columns(X)
        out = np.empty((len(frame), len(self.columns_)), dtype=np.float64, order="F")
        for j, name in enumerate(self.columns_):
            v = self._values(frame, name)
            if name in self.levels_:
                out[:, j] = _codes(v, self.levels_[name])
            elif name in self.datetimes:
                out[:, j] = _seconds(v, name)
            else:
                out[:, j] = _numbers(v, name)
        return out

    def get_feature_names_out(self, input_features: Any = None) -> np.ndarray:
        """Return the names of the matrix's columns."""
        return np.array(self.columns_, dtype=object)

    def decode(self, j: int, codes: np.ndarray) -> list[Any]:
        """Return matrix values of column `j` as values of the frame's column."""
        name = self.columns_[j]
        if name in self.levels_:
            levels = self.levels_[name]
            return [levels[int(c)] if 0 <= c < len(levels) else None for c in codes]
        if name in self.datetimes:
            return [np.datetime64(round(c * 1e6), "us").item() for c in codes]
        return [float(c) for c in codes]

    def _frame_with_columns(self, X: Any) -> nw.DataFrame[Any]:
        frame = _frame.wrap(X, "X")
        have = set(frame.columns)
        wanted = [*self.numbers, *self.datetimes, *self.categories]
        absent = [n for n in wanted if n not in have]
        if absent:
            raise DataError(
                f"the data lack {'a column' if len(absent) == 1 else 'columns'} that the model "
                f"was trained on: {', '.join(map(str, absent))}"
            )
        return frame

    def _values(self, frame: nw.DataFrame[Any], name: str) -> _frame.Values:
        """Return the column with what means "missing" marked so."""
        v = _frame.values(frame.get_column(name))
        gone = (self.markers or {}).get(name)
        if gone and len(v.data):
            marked = [x in gone for x in v.data.tolist()]
            return _frame.Values(v.kind, v.data, v.missing | np.array(marked))
        return v


#: The share of a column's cells that may be text where numbers are expected.
_STRAY = 0.05


def _sort_key(value: Any) -> tuple[str, Any]:
    return type(value).__name__, value


def _codes(v: _frame.Values, levels: list[Any]) -> np.ndarray:
    place = {level: float(i) for i, level in enumerate(levels)}
    unseen = float(len(levels))
    if levels and isinstance(levels[0], str) and v.kind in ("int", "uint", "bool"):
        data = [str(x) for x in v.data.tolist()]  # "1" in training, 1 in a file of numbers only
    else:
        data = v.data.tolist()
    codes = np.array([place.get(_plain(x), unseen) for x in data], dtype=np.float64)
    codes[v.missing] = np.nan
    return codes


def _plain(value: Any) -> Any:
    """Return something hashable."""
    return value if isinstance(value, str | bool | int | float) else repr(value)


def _numbers(v: _frame.Values, name: str) -> np.ndarray:
    if v.kind == "str":
        cells = v.data.tolist()
        out = np.array([_columns.parse_number(t) if t else np.nan for t in cells], dtype=np.float64)
        wrong = np.isnan(out) & ~v.missing
        # A few stray texts in a column of numbers are missing values; more is another column.
        if wrong.sum() > _STRAY * len(cells):
            row = int(np.flatnonzero(wrong)[0])
            raise DataError(f"column {name!r} should hold numbers; row {row} holds {cells[row]!r}")
    elif v.kind == "object":
        raise DataError(f"column {name!r} should hold numbers; it holds mixed objects")
    else:
        out = v.data.astype(np.float64)
    out = np.where(v.missing, np.nan, out)
    if np.isinf(out).any():
        row = int(np.flatnonzero(np.isinf(out))[0])
        raise DataError(f"column {name!r} is infinite in row {row}: correct it or mark it missing")
    return out


def _seconds(v: _frame.Values, name: str) -> np.ndarray:
    if v.kind == "time":
        out = v.data / 1e9
    elif v.kind == "str":
        times = [_columns.parse_datetime(t) if isinstance(t, str) else "NaT" for t in v.data]
        stamps = np.array(times, dtype="datetime64[ns]")
        out = np.where(np.isnat(stamps), np.nan, stamps.astype(np.int64) / 1e9)
    elif v.missing.all():
        out = np.full(len(v.data), np.nan)
    else:
        raise DataError(f"column {name!r} should hold dates or times")
    return np.where(v.missing, np.nan, out)
