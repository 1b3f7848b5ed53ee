"""Missing values by one statistic a column."""

from __future__ import annotations

import numbers
from collections import Counter
from collections.abc import Callable
from typing import Any

import numpy as np
from scipy import sparse
from sklearn.utils.validation import check_is_fitted, validate_data

from tamis import _core, _threads
from tamis._check import refuse_infinite, refuse_times, where_text
from tamis.exceptions import DataError, ParameterError, ShapeError
from tamis.impute._base import FLOATS, is_nan, missing_mask
from tamis.impute._keeping import TypeKeeper
from tamis.impute._modes import fills

_STRATEGIES = ("mean", "median", "most_frequent", "constant")


class SimpleImputer(TypeKeeper):
    """Fill missing values with one statistic of the column, or a constant.

    Parameters, defaults, attributes and results are those of
    :class:`sklearn.impute.SimpleImputer`. Statistics of numbers are computed by all cores, in
    float64.

    Parameters
    ----------
    missing_values : int, float, str, np.nan, None or pandas.NA, default=np.nan
        What stands for a missing value. Every cell equal to it is filled.
    strategy : {'mean', 'median', 'most_frequent', 'constant'} or callable, default='mean'
        The statistic. ``'most_frequent'`` (the smallest of several) and ``'constant'`` take
        strings and objects too. A callable gets the column's present values as a
        one-dimensional array and returns one value.
    fill_value : object, default=None
        The value of ``strategy='constant'``. None is 0 for numbers, ``'missing_value'``
        otherwise.
    copy : bool, default=True
        False lets `transform` write into a float array that it is given.
    add_indicator : bool, default=False
        Append a 0/1 column for each column that had missing values when fitting.
    keep_empty_features : bool, default=False
        Keep columns that had no value when fitting, filled with 0 (with `fill_value` where the
        strategy is ``'constant'``). False drops them, with a warning.
    n_jobs : int, default=None
        Threads; None is all cores, or one in a worker process. The results do not depend on it.

    Attributes
    ----------
    statistics_ : ndarray of shape (n_features,)
        The value that each column's missing cells get; NaN for a column without values.
    indicator_ : MissingIndicator or None
        The indicator behind `add_indicator`.
    n_features_in_ : int
        Columns seen when fitting.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Their names, where they had any.

    Notes
    -----
    Where frames come out (``set_output(transform="pandas")`` or ``"polars"``, or scikit-learn's
    configuration), every column of a frame keeps its type: whole numbers are rounded, times keep
    their unit and zone, and the mean, the median and a callable are for numbers (the first two
    for times too), all other columns of such a table get the most frequent value. A constant of
    None is 0 for numbers and ``'missing_value'`` for texts. Columns that had no value are kept as
    `keep_empty_features` says: numbers with 0, others as they are.

    Differences from scikit-learn, all deliberate: an infinity is refused with its column and
    row; means of float32 columns are summed in float64; integers beyond 2**53 are not rounded by
    ``'most_frequent'``; float16 comes out of ``'mean'`` and ``'median'`` as float64; a sparse
    column whose missing cells stand among implicit zeros is not taken for empty by
    ``'constant'``; `inverse_transform` puts dropped columns back as missing.

    Examples
    --------
    >>> import numpy as np
    >>> from tamis.impute import SimpleImputer
    >>> imputer = SimpleImputer(strategy="median")
    >>> imputer.fit_transform([[7, 2, 3], [4, np.nan, 6], [10, 5, 9]])
    array([[ 7. ,  2. ,  3. ],
           [ 4. ,  3.5,  6. ],
           [10. ,  5. ,  9. ]])
    >>> imputer.statistics_
    array([7. , 3.5, 6. ])
    """

    def __init__(
        self,
        *,
        missing_values: Any = np.nan,
        strategy: str | Callable[[np.ndarray], Any] = "mean",
        fill_value: Any = None,
        copy: bool = True,
        add_indicator: bool = False,
        keep_empty_features: bool = False,
        n_jobs: int | None = None,
    ):
        self.missing_values = missing_values
        self.strategy = strategy
        self.fill_value = fill_value
        self.copy = copy
        self.add_indicator = add_indicator
        self.keep_empty_features = keep_empty_features
        self.n_jobs = n_jobs

    def fit(self, X: Any, y: Any = None) -> SimpleImputer:
        """Learn the statistic of each column.

        Parameters
        ----------
        X : array-like, frame or sparse matrix of shape (n_rows, n_features)
            The rows.
        y : ignored
            Present for the API.

        Returns
        -------
        self

        Raises
        ------
        ParameterError
            If a parameter has a value that cannot be used.
        DataError
            If X holds an infinity, or text or times where the strategy needs numbers.
        """
        self._check_flags("copy")
        if not callable(self.strategy) and self.strategy not in _STRATEGIES:
            raise ParameterError(
                f"strategy must be one of {', '.join(_STRATEGIES)}, or a callable; "
                f"got {self.strategy!r}"
            )
        if self._wants_types(X):
            self._fit_typed(X)
            return self
        self._codec = None
        X = self._validated(X, fitting=True)
        self._fill_dtype = X.dtype
        statistics = self._sparse_statistics if sparse.issparse(X) else self._statistics
        self.statistics_ = statistics(X)
        self._fit_indicator(X)
        return self

    def transform(self, X: Any) -> Any:
        """Fill the missing values.

        Parameters
        ----------
        X : array-like, frame or sparse matrix of shape (n_rows, n_features)
            The rows.

        Returns
        -------
        ndarray or sparse matrix of shape (n_rows, n_features_out)
            The rows without missing values (a frame after ``set_output``).

        Raises
        ------
        DataError
            If X holds an infinity, or its dtype cannot take the values.
        """
        check_is_fitted(self)
        if self._codec is not None:
            return self._as_told(self._transform_frame(X))
        X = self._validated(X, fitting=False)
        indicated = self._indicated(X)
        kept = self._kept()
        if not kept.all():
            self._warn_of_dropped(kept, f"strategy={self.strategy!r}")
            X = X[:, np.flatnonzero(kept)]
        values = self.statistics_[kept].astype(self._fill_dtype, copy=False)
        if sparse.issparse(X):
            mask = missing_mask(X.data, self.missing_values)
            columns = np.repeat(np.arange(X.shape[1]), np.diff(X.indptr))
            X.data[mask] = values[columns[mask]]
        elif X.dtype in FLOATS:
            _core.fill_missing(X, values.astype(float), self._marker(), self._threads())
        else:
            np.copyto(X, values, where=missing_mask(X, self.missing_values), casting="same_kind")
        return self._joined(X, indicated)

    def inverse_transform(self, X: Any) -> np.ndarray:
        """Put missing values back where the indicator says they were.

        Parameters
        ----------
        X : array-like of shape (n_rows, n_features_out)
            What `transform` gave, with ``add_indicator=True``.

        Returns
        -------
        ndarray of shape (n_rows, n_features)
            The rows with `missing_values` where they were. A column that had no missing value
            when fitting has no indicator, and keeps its filled values.
        """
        check_is_fitted(self)
        if self.indicator_ is None:
            raise ParameterError(
                "'inverse_transform' works only with add_indicator=True. "
                f"Got 'add_indicator={self.add_indicator}'"
            )
        X, kept = np.asarray(X), self._kept()
        n_out = int(kept.sum())
        features = self.indicator_.features_
        if X.ndim != 2 or X.shape[1] != n_out + len(features):
            raise ShapeError(
                f"X must have the {n_out + len(features)} columns that transform gives; "
                f"got shape {X.shape}"
            )
        original = np.full(
            (len(X), len(kept)), self.missing_values, dtype=object if X.dtype == object else float
        )
        original[:, kept] = X[:, :n_out]
        gone = np.zeros(original.shape, dtype=bool)
        gone[:, features] = X[:, n_out:].astype(bool)
        original[gone] = self.missing_values
        return original

    def _fit_typed(self, X: Any) -> None:
        _, matrix, _ = self._start_typed(X)
        known = self._known
        found = fills(known, matrix, self.strategy, self.fill_value, self._threads())
        kept = self.strategy == "constant" and self.keep_empty_features
        self._codes = found if kept else np.where(known.empty, self._zeros_where_empty(), found)
        self.statistics_ = np.empty(len(self._codes), dtype=object)
        self.statistics_[:] = [known.value(j, code) for j, code in enumerate(self._codes)]

    def _fill_typed(self, matrix: np.ndarray, missing: np.ndarray) -> np.ndarray:
        return np.where(missing, self._codes, np.nan)

    def _kept(self) -> np.ndarray:
        if self._codec is not None and not self.keep_empty_features:
            return ~self._codec.empty
        if self.keep_empty_features:
            return np.ones(len(self.statistics_), dtype=bool)
        return ~missing_mask(self.statistics_, np.nan)

    def _threads(self) -> int:
        return _threads.resolve(self.n_jobs)

    def _marker(self) -> float:
        """Return the missing value of float columns."""
        return np.nan if is_nan(self.missing_values) else float(self.missing_values)

    def _validated(self, X: Any, *, fitting: bool) -> Any:
        dtype: Any = FLOATS
        if not fitting and self._fill_dtype.kind == "O":
            dtype = object
        elif self.strategy in ("most_frequent", "constant"):
            # A list of strings would become an array of fixed width.
            texts = isinstance(X, list) and any(isinstance(v, str) for row in X for v in row)
            dtype = object if texts else None
        if dtype is FLOATS:
            refuse_times(self, X)
        try:
            X_checked = validate_data(
                self,
                X,
                reset=fitting,
                accept_sparse="csc",
                dtype=dtype,
                force_writeable=not fitting,
                ensure_all_finite=False,
                copy=self.copy and not fitting,
            )
        except ValueError as error:
            if "could not convert" not in str(error):
                raise
            raise DataError(
                f"Cannot use {self.strategy} strategy with non-numeric data:\n{error}"
                f"{where_text(self, X)}"
            ) from None
        self._check_kind(X_checked)
        values = X_checked.data.reshape(-1, 1) if sparse.issparse(X_checked) else X_checked
        refuse_infinite(self, values, allow_nan=is_nan(self.missing_values))
        self._check_marker(X_checked)
        if self.strategy == "constant":
            self._check_fill(X_checked.dtype, fitting)
        return X_checked

    def _check_kind(self, X: Any) -> None:
        if X.dtype.kind not in "iufO":
            raise DataError(
                f"SimpleImputer does not support data with dtype {X.dtype}: give numbers, or "
                "categories and strings as an array of dtype object or a frame"
            )
        if sparse.issparse(X) and not is_nan(self.missing_values) and self.missing_values == 0:
            raise DataError(
                "Imputation not possible when missing_values == 0 and input is sparse. "
                "Provide a dense array instead."
            )

    def _check_fill(self, dtype: np.dtype, fitting: bool) -> None:
        """Refuse a constant that the dtype cannot hold."""
        if fitting:
            fills = dtype if self.fill_value is None else type(self.fill_value)
            message = (
                f"fill_value={self.fill_value!r} (of type {fills!r}) cannot be cast to the "
                f"input data that is {dtype!r}: give a fill_value of the data's own kind"
            )
        else:
            fills = self._fill_dtype
            message = (
                f"The dtype of the filling value (i.e. {fills!r}) cannot be cast to the input "
                f"data that is {dtype!r}: fit and transform data of the same kind"
            )
        if not np.can_cast(fills, dtype, casting="same_kind"):
            raise DataError(message)

    def _fill(self, dtype: np.dtype) -> Any:
        if self.fill_value is not None:
            return self.fill_value
        return 0 if dtype.kind in "iuf" else "missing_value"

    def _statistics(self, X: np.ndarray) -> np.ndarray:
        """Return the statistics of a dense array's columns."""
        if self.strategy in ("mean", "median"):
            found = _core.column_statistics(X, self.strategy, self._marker(), self._threads())
            return self._for_empty(found, np.isnan(found))
        if self.strategy == "most_frequent" and X.dtype.kind != "O":
            found = self._modes(X)
            return self._for_empty(found, missing_mask(found, np.nan))
        mask = missing_mask(X, self.missing_values)
        if self.strategy == "constant":
            found = np.full(X.shape[1], self._fill(X.dtype), dtype=object)
            if not self.keep_empty_features:
                found[mask.all(axis=0)] = np.nan
            return found
        present = [X[~mask[:, j], j] for j in range(X.shape[1])]
        if callable(self.strategy):
            return np.array([self.strategy(column) for column in present], dtype=float)
        found = np.empty(X.shape[1], dtype=object)
        found[:] = [_object_mode(column) for column in present]
        return self._for_empty(found, np.array([len(column) == 0 for column in present]))

    def _for_empty(self, found: np.ndarray, empty: np.ndarray) -> np.ndarray:
        """Put what stands for a column without values."""
        found[empty] = 0 if self.keep_empty_features else np.nan
        return found

    def _modes(self, X: np.ndarray) -> np.ndarray:
        """Return the most frequent number of each column."""
        if X.dtype.kind == "f":
            X = X if X.dtype in FLOATS else X.astype(np.float64)
            return _core.column_statistics(X, "most_frequent", self._marker(), self._threads())
        marker: Any = self.missing_values
        whole = isinstance(marker, numbers.Real) and float(marker).is_integer()
        wide: Any = np.uint64 if X.dtype.kind == "u" else np.int64
        found = _core.integer_modes(
            X.astype(wide, copy=False), int(marker) if whole else None, self._threads()
        )
        values = [np.nan if v is None else v for v in found]
        # Floats, as scikit-learn has it, unless they would round.
        exact = all(v is None or int(float(v)) == v for v in found)
        return np.array(values, dtype=float if exact else object)

    def _sparse_statistics(self, X: Any) -> np.ndarray:
        """Return the statistics of a CSC matrix's columns, implicit zeros counted."""
        n_rows, n_columns = X.shape
        found = np.full(n_columns, np.nan)
        for j in range(n_columns):
            column = X.data[X.indptr[j] : X.indptr[j + 1]]
            mask = missing_mask(column, self.missing_values)
            column, n_present = column[~mask], n_rows - int(mask.sum())
            if n_present == 0 and self.keep_empty_features:
                found[j] = self._fill(X.dtype) if self.strategy == "constant" else 0
            elif callable(self.strategy):
                # scikit-learn's contract: the callable does not see the zeros.
                found[j] = self.strategy(column[column != 0])
            elif n_present and self.strategy == "constant":
                found[j] = self._fill(X.dtype)
            elif n_present:
                dense = np.zeros((n_present, 1))
                dense[: len(column), 0] = column
                found[j] = _core.column_statistics(dense, self.strategy, np.nan)[0]
        return found

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags


def _object_mode(column: np.ndarray) -> Any:
    """Return the most frequent object, the smallest of several; NaN of none."""
    counts = Counter(column.tolist())
    if not counts:
        return np.nan
    most = max(counts.values())
    ties = [value for value, count in counts.items() if count == most]
    try:
        return min(ties)
    except TypeError:  # objects without an order among them
        return min(ties, key=lambda v: (str(type(v)), str(v)))
