"""Tables as imputers of our own take them: any frame, array or list, checked once."""

from __future__ import annotations

from typing import Any

from sklearn.utils.validation import validate_data

from tamis import _frame
from tamis.exceptions import DataError
from tamis.impute._cells import as_table

__all__ = ["checked"]


def checked(estimator: Any, X: Any, *, fitting: bool) -> Any:
    """Return X as a frame or array whose columns are those seen when fitting.

    Raises
    ------
    DataError
        If there is no row to fit on.
    ValueError
        If columns differ from those seen when fitting (scikit-learn's own message).
    """
    if not _frame.is_frame(X):
        X = as_table(X) if isinstance(X, list | tuple) else X
        return as_table(
            validate_data(estimator, X, reset=fitting, dtype=None, ensure_all_finite=False)
        )
    table = as_table(X)
    validate_data(estimator, X, reset=fitting, skip_check_array=True)
    if fitting and _frame.n_rows(table) == 0:
        raise DataError(f"{type(estimator).__name__} needs at least one row to fit on; X has none")
    return table
