"""What the deduplicators share: which copy stays, how copies are linked, what comes back."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator

from tamis import _frame
from tamis.base import ResampleMixin
from tamis.dedup._found import Found
from tamis.dedup._result import Cells, Duplicates
from tamis.exceptions import DataError, ParameterError, ShapeError

__all__ = ["Deduplicator", "check_choice"]

_KEEP = ("first", "last", "most_complete", "best")
_LINKAGE = ("star", "connected")


def check_choice(name: str, value: Any, known: tuple[str, ...]) -> None:
    """Raise ParameterError unless the parameter has one of the values known."""
    if not isinstance(value, str) or value not in known:
        raise ParameterError(f"{name} must be one of {', '.join(known)}; got {value!r}")


class Deduplicator(ResampleMixin, BaseEstimator):
    """Finds duplicates, keeps one of each cluster.

    A subclass has the parameters `keep`, `by`, `linkage` and `n_jobs`, and defines

    - ``_items(X, what)``: the input, checked, in a form of its own;
    - ``_join(train, test)``: the items of two inputs as one;
    - ``_search(items, n_left)``: what was found; where `n_left` is given, only pairs of an item
      before that position with one at or after it count (groups may be on one side alone);
    - ``_completeness(X, items)``: a number for each item, higher is more complete;
    - ``_cells(X, rows)``: the given items as a person is shown them.

    `_unit` is what one item is called.
    """

    _unit = "item"
    keep: str
    by: Any
    linkage: str
    n_jobs: int | None

    def fit(self, X: Any, y: Any = None) -> Any:
        """Find the duplicates.

        Parameters
        ----------
        X : array-like or frame
            The items, as the class describes them.
        y : ignored

        Returns
        -------
        self

        Raises
        ------
        ParameterError
            If a parameter has a value that cannot be used.
        DataError
            If the items cannot be used; the message names the item.
        """
        self._check_parameters()
        items = self._items(X, "X")
        found = self._search(items, None)
        self.duplicates_ = Duplicates(
            found,
            linkage=self.linkage,
            order=self._order(X, items, len(found.group)),
            like=X,
            unit=self._unit,
            cells=lambda rows: self._cells(X, rows),
        )
        return self

    def _fit_rows(self, X: Any, y: Any) -> np.ndarray:
        return np.flatnonzero(self.fit(X, y).duplicates_.keep)

    def _check_parameters(self) -> None:
        """Raise ParameterError unless the parameters can be used; a subclass adds its own."""
        check_choice("keep", self.keep, _KEEP)
        check_choice("linkage", self.linkage, _LINKAGE)
        if (self.by is None) == (self.keep == "best"):
            raise ParameterError(
                "keep='best' needs by=: a column, scores or a function that gives them"
                if self.by is None
                else f"by= is used with keep='best' alone; keep is {self.keep!r}"
            )

    # --- for a subclass to define --------------------------------------------------------------

    def _items(self, X: Any, what: str) -> Any:
        raise AttributeError(f"{type(self).__name__} must define _items")

    def _join(self, train: Any, test: Any) -> Any:
        raise AttributeError(f"{type(self).__name__} must define _join")

    def _search(self, items: Any, n_left: int | None) -> Found:
        raise AttributeError(f"{type(self).__name__} must define _search")

    def _completeness(self, X: Any, items: Any) -> np.ndarray:
        raise AttributeError(f"{type(self).__name__} must define _completeness")

    def _cells(self, X: Any, rows: np.ndarray) -> Cells:
        raise AttributeError(f"{type(self).__name__} must define _cells")

    # --- which copy stays ----------------------------------------------------------------------

    def _order(self, X: Any, items: Any, n_items: int) -> np.ndarray | None:
        """Return the positions of the items, the one to keep before others first.

        None stands for the order they have.
        """
        if self.keep == "last":
            return np.arange(n_items)[::-1]
        if self.keep == "most_complete":
            return np.argsort(-np.asarray(self._completeness(X, items)), kind="stable")
        if self.keep == "best":
            return np.argsort(-_scores(X, self.by, n_items), kind="stable")
        return None


def _scores(X: Any, by: Any, n_items: int) -> np.ndarray:
    """Return the scores by which the best copy is chosen, higher is better."""
    if isinstance(by, Callable):  # type: ignore[arg-type]
        given = by(X)
    elif isinstance(by, str):
        if not _frame.is_frame(X):
            raise ParameterError(f"by={by!r} names a column, and X is no frame")
        frame = _frame.wrap(X, "X")
        _frame.check_names(frame, [by], "X")
        column = _frame.values(frame.get_column(by))
        given = np.where(column.missing, -np.inf, column.data) if column.kind != "str" else None
    else:
        given = by
    try:
        scores = np.asarray(given, dtype=np.float64)
    except (TypeError, ValueError):
        scores = None
    if given is None or scores is None:
        raise DataError(f"by={by!r} does not give numbers: the best copy has the highest score")
    if scores.shape != (n_items,):
        raise ShapeError(f"by gives scores of shape {scores.shape} for {n_items} items")
    # A missing score loses to any other.
    return np.where(np.isnan(scores), -np.inf, scores)
