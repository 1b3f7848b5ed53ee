"""What estimators of tamis share."""

from __future__ import annotations

from typing import Any

import numpy as np

from tamis import _frame

__all__ = ["ResampleMixin"]


class ResampleMixin:
    """Estimators that change the rows: `fit_resample`, as imbalanced-learn has it.

    A subclass defines ``_fit_rows(X, y)``, which returns the positions of the rows to keep, in
    order. Rows come back in the caller's container, with index and dtypes as they were.

    Attributes
    ----------
    sample_indices_ : ndarray of shape (n_rows_out,), int64
        The position in the input of each row that came out.
    """

    def fit_resample(self, X: Any, y: Any = None, **params: Any) -> Any:
        """Fit on the rows and return those that stay.

        Parameters
        ----------
        X : frame or array of shape (n_rows, n_columns)
            The rows.
        y : array-like of shape (n_rows,), optional
            The target.
        **params : array-like of shape (n_rows,)
            Whatever else is given by row (``sample_weight``, ``groups``) and must stay aligned.

        Returns
        -------
        X, y or X, y, params
            The rows that stay. `params` is a dict, returned only when some were given;
            y is None when none was given.
        """
        rows = np.asarray(self._fit_rows(X, y), dtype=np.int64)
        self.sample_indices_ = rows
        X_out = self._take_rows(X, rows)
        y_out = None if y is None else _take_vector(self._new_target(y), rows)
        if params:
            return X_out, y_out, {k: _take_vector(v, rows) for k, v in params.items()}
        return X_out, y_out

    def _new_target(self, y: Any) -> Any:
        """Return the target whose rows are given back; a step that corrects it has another."""
        return y

    def _take_rows(self, X: Any, rows: np.ndarray) -> Any:
        return _frame.take(X, rows)

    def _fit_rows(self, X: Any, y: Any) -> np.ndarray:
        raise AttributeError(f"{type(self).__name__} must define _fit_rows")


def _take_vector(values: Any, rows: np.ndarray) -> Any:
    """Return the given rows of a one-dimensional container, in its own type."""
    if values is None:
        return None
    if hasattr(values, "iloc"):
        return values.iloc[rows]
    if type(values).__module__.partition(".")[0] in ("polars", "pyarrow"):
        return values.take(rows) if hasattr(values, "take") else values.gather(rows)
    return np.asarray(values)[rows]
