"""Copies of rows with some columns changed, stacked so that a model is asked seldom."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.sparse import issparse

from tamis import _frame
from tamis.exceptions import DataError, ParameterError

__all__ = ["Rows", "asked"]

#: Cells that are stacked at most.
_CELLS = 4_000_000


class Rows:
    """A table whose copies are stacked: a frame of any kind, or an array."""

    def __init__(self, X: Any, names: Any = None) -> None:
        if issparse(X):
            raise DataError("X is sparse, which is not taken here: give an array (X.toarray())")
        self.is_frame = _frame.is_frame(X)
        if not self.is_frame:
            X = np.asarray(X)
            if X.ndim != 2:
                raise DataError(f"X must have rows and columns; got shape {X.shape}")
        self.X = X
        self.n = _frame.n_rows(X)
        given = _frame.names(X) if self.is_frame else [f"x{j}" for j in range(X.shape[1])]
        self.columns: list[str] = [str(name) for name in given]
        self.names = self.columns if names is None else [str(name) for name in names]
        if len(self.names) != len(self.columns):
            raise ParameterError(
                f"feature_names has {len(self.names)} names for {len(self.columns)} columns"
            )
        if self.n == 0:
            raise DataError("X has no rows")

    def place(self, feature: Any) -> int:
        """Return the position of a column given by name or position."""
        if isinstance(feature, str):
            for known in (self.names, self.columns):
                if feature in known:
                    return known.index(feature)
        n, whole = len(self.names), isinstance(feature, int | np.integer)
        if whole and not isinstance(feature, bool) and -n <= feature < n:
            return int(feature) % n
        shown = ", ".join(self.names[:8]) + (", ..." if len(self.names) > 8 else "")
        raise ParameterError(f"there is no column {feature!r} in X; it has {shown}")

    @property
    def most(self) -> int:
        """How many copies are stacked at most."""
        return max(1, _CELLS // max(self.n * len(self.columns), 1))

    def column(self, place: int) -> Any:
        """Return a column: a series of the frame, or an array."""
        if self.is_frame:
            return _frame.wrap(self.X).get_column(self.columns[place])
        return self.X[:, place]

    def copies(self, count: int) -> Any:
        """Return so many copies, one below the other."""
        return _frame.take(self.X, np.tile(np.arange(self.n), count))

    def with_order(self, stacked: Any, places: list[int], order: np.ndarray) -> Any:
        """Return stacked copies in which some columns have the cells of other rows."""
        if not self.is_frame:
            out = stacked.copy()
            out[:, places] = self.X[order][:, places]
            return out
        names = [self.columns[j] for j in places]
        if hasattr(self.X, "iloc"):
            out = stacked.copy(deep=False)
            for j in places:
                out.isetitem(j, self.X.iloc[:, j].iloc[order].set_axis(out.index))
            return out
        frame, source = _frame.wrap(stacked), _frame.wrap(self.X)
        return frame.with_columns(
            *(source.get_column(name)[order.tolist()].alias(name) for name in names)
        ).to_native()


def asked(model: Any, X: Any, methods: Any) -> np.ndarray:
    """Return what the first of the methods that the model has says of rows."""
    for method in [methods] if isinstance(methods, str) else methods:
        if hasattr(model, method):
            return np.asarray(getattr(model, method)(X))
    raise ParameterError(f"{type(model).__name__} has none of {methods}")
