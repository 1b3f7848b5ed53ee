"""Missing values from the nearest rows."""

from __future__ import annotations

import numbers
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from sklearn.metrics import pairwise_distances_chunked
from sklearn.utils.validation import check_is_fitted

from tamis import _core, _threads
from tamis._check import refuse_infinite
from tamis.exceptions import ParameterError
from tamis.impute._base import FLOATS, is_nan, missing_mask
from tamis.impute._keeping import TypeKeeper
from tamis.impute._votes import Mixed, voted

#: Rows whose neighbours are held at once when a callable weighs them.
_ROWS = 4096

#: A group of missing cells of one column: the rows, their donors' distances and values.
_Group = tuple[np.ndarray, int, np.ndarray, np.ndarray]


class KNNImputer(TypeKeeper):
    """Fill missing values with the mean of the nearest rows that have them.

    The distance between two rows is Euclidean over the features that both have, scaled up to
    all features. Parameters, defaults, attributes and results are those of
    :class:`sklearn.impute.KNNImputer`; memory grows with the data, never with its square, and
    all cores are used.

    Parameters
    ----------
    missing_values : int, float, str, np.nan or None, default=np.nan
        What stands for a missing value.
    n_neighbors : int, default=5
        How many donors a missing cell takes.
    weights : {'uniform', 'distance'} or callable, default='uniform'
        ``'distance'`` weighs a donor by one over its distance. A callable gets an array of
        distances of shape (n_cells, n_neighbors), NaN where a cell has fewer donors, and
        returns weights of the same shape, or None for equal ones.
    metric : {'nan_euclidean'} or callable, default='nan_euclidean'
        A callable ``f(x, y, *, missing_values)`` returns the distance of two rows (slow: it
        runs in Python for every pair).
    copy : bool, default=True
        False lets `transform` write into a float array that it is given.
    add_indicator : bool, default=False
        Append a 0/1 column for each column that had missing values when fitting.
    keep_empty_features : bool, default=False
        Keep columns that had no value when fitting, filled with 0. False drops them, with a
        warning.
    n_jobs : int, default=None
        Threads; None is all cores, or one in a worker process. The results do not depend on it.

    Attributes
    ----------
    indicator_ : MissingIndicator or None
        The indicator behind `add_indicator`.
    n_features_in_ : int
        Columns seen when fitting.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Their names, where they had any.

    Notes
    -----
    Where frames come out (``set_output(transform="pandas")`` or ``"polars"``, or scikit-learn's
    configuration), every column of a frame keeps its type. A table of numbers has the distance
    above. With categories, texts, booleans or times in it, each number and time is divided by
    its standard deviation and the root of 2, so that two rows drawn at random are 1 apart in the
    mean of squares, and two categories that differ are 1 apart (as in Gower's coefficient);
    missing categories are voted by the donors with their weights, the nearest of equal ones.

    A row that shares no feature with any donor gets the column's mean. Among donors at the same
    distance the earlier row wins; scikit-learn leaves that to the order of a partition, so ties
    at the last place may be settled otherwise there. Infinities are refused with their column, and
    the names of empty columns that are kept are among those that come out.

    References
    ----------
    Troyanskaya et al., "Missing value estimation methods for DNA microarrays",
    Bioinformatics 17 (2001). Dixon, "Pattern recognition with partly missing data", IEEE
    Transactions on Systems, Man, and Cybernetics 9 (1979). Gower, "A general coefficient of
    similarity and some of its properties", Biometrics 27 (1971).

    Examples
    --------
    >>> import numpy as np
    >>> from tamis.impute import KNNImputer
    >>> X = [[1, 2, np.nan], [3, 4, 3], [np.nan, 6, 5], [8, 8, 7]]
    >>> KNNImputer(n_neighbors=2).fit_transform(X)
    array([[1. , 2. , 4. ],
           [3. , 4. , 3. ],
           [5.5, 6. , 5. ],
           [8. , 8. , 7. ]])
    """

    def __init__(
        self,
        *,
        missing_values: Any = np.nan,
        n_neighbors: int = 5,
        weights: str | Callable[[np.ndarray], Any] | None = "uniform",
        metric: str | Callable[..., float] = "nan_euclidean",
        copy: bool = True,
        add_indicator: bool = False,
        keep_empty_features: bool = False,
        n_jobs: int | None = None,
    ):
        self.missing_values = missing_values
        self.n_neighbors = n_neighbors
        self.weights = weights
        self.metric = metric
        self.copy = copy
        self.add_indicator = add_indicator
        self.keep_empty_features = keep_empty_features
        self.n_jobs = n_jobs

    def fit(self, X: Any, y: Any = None) -> KNNImputer:
        """Remember the rows.

        Parameters
        ----------
        X : array-like or frame of shape (n_rows, n_features)
            Numbers; float32 is kept.
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
            If X holds an infinity.
        """
        self._check_parameters()
        if self._wants_types(X):
            self._fit_typed(X)
            return self
        self._codec = None
        X = self._validated(X, fitting=True)
        self._fit_X = X
        self._mask_fit_X = missing_mask(X, self.missing_values)
        self._valid_mask = ~self._mask_fit_X.all(axis=0)
        self._fit_indicator(X)
        return self

    def transform(self, X: Any) -> Any:
        """Fill the missing values.

        Parameters
        ----------
        X : array-like or frame of shape (n_rows, n_features)
            The rows.

        Returns
        -------
        ndarray of shape (n_rows, n_features_out)
            The rows without missing values (a frame after ``set_output``).

        Raises
        ------
        DataError
            If X holds an infinity.
        """
        check_is_fitted(self)
        self._check_parameters()
        if self._codec is not None:
            return self._as_told(self._transform_frame(X))
        X = self._validated(X, fitting=False)
        mask = missing_mask(X, self.missing_values)
        indicated = self._indicated(X)
        kept = self._kept()
        if not kept.all():
            self._warn_of_dropped(kept, "nearest neighbours")
        if mask[:, self._valid_mask].any():
            self._impute(X, mask)
        if self.keep_empty_features:
            X[:, ~self._valid_mask] = 0
        return self._joined(X if kept.all() else X[:, kept], indicated)

    def _fit_typed(self, X: Any) -> None:
        self._check_parameters()
        _, self._fit_X, _ = self._start_typed(X)
        self._mask_fit_X = np.isnan(self._fit_X)
        self._valid_mask = ~self._known.empty
        self._mixed = Mixed.of(self._known, self._fit_X)
        if self._mixed is not None and callable(self.metric):
            raise ParameterError(
                "a metric of your own takes numbers: with categories or times the metric must be "
                "'nan_euclidean'"
            )

    def _fill_typed(self, matrix: np.ndarray, missing: np.ndarray) -> np.ndarray:
        X = np.where(missing, np.nan, matrix)
        if missing[:, self._valid_mask].any():
            if self._mixed is None:
                self._impute(X, np.isnan(X))
            else:
                self._impute_mixed(self._mixed, X, missing)
        return np.where(self._valid_mask, X, self._zeros_where_empty())

    def _impute_mixed(self, mixed: Mixed, X: np.ndarray, missing: np.ndarray) -> None:
        """Write the missing cells of X, among which are categories or times."""
        fit, rows = (
            mixed.scaled(m, gone) for m, gone in ((self._fit_X, self._mask_fit_X), (X, missing))
        )
        found = self._found(fit, rows, np.isnan(rows), named=mixed.named)
        for cells, column, distances, values in found:
            alone = np.isnan(distances).all(axis=1)
            X[cells[alone], column] = mixed.usual[column]
            if not alone.all():
                how = voted if mixed.named[column] else _averaged
                near = distances[~alone]
                X[cells[~alone], column] = how(near, values[~alone], self._weighed(near))

    def _impute(self, X: np.ndarray, mask: np.ndarray) -> None:
        """Write the missing cells of X."""
        fit = self._fit_X.astype(np.result_type(self._fit_X, X), copy=False)
        rows = X.astype(fit.dtype, copy=False)
        if not is_nan(self.missing_values):
            fit = np.where(self._mask_fit_X, np.nan, fit)
            rows = np.where(mask, np.nan, rows)
        threads = _threads.resolve(self.n_jobs)
        if self.metric == "nan_euclidean" and not callable(self.weights):
            how = "uniform" if self.weights is None else self.weights
            X[mask] = _core.knn_impute(fit, rows, self.n_neighbors, how, threads)
            return
        groups = self._measured(X, mask) if callable(self.metric) else self._found(fit, rows, mask)
        means = np.ma.array(self._fit_X, mask=self._mask_fit_X).mean(axis=0)
        for cells, column, distances, values in groups:
            alone = np.isnan(distances).all(axis=1)
            X[cells[alone], column] = means[column]
            if not alone.all():
                X[cells[~alone], column] = _averaged(
                    distances[~alone], values[~alone], self._weighed(distances[~alone])
                )

    def _found(
        self, fit: np.ndarray, X: np.ndarray, mask: np.ndarray, named: np.ndarray | None = None
    ) -> Iterator[_Group]:
        """Yield the missing cells with their donors, as the kernel finds them."""
        threads = _threads.resolve(self.n_jobs)
        kinds = None if named is None else named.tolist()
        holed = np.flatnonzero(mask[:, self._valid_mask].any(axis=1))
        for start in range(0, len(holed), _ROWS):
            part = holed[start : start + _ROWS]
            counts, donors, near = _core.knn_donors(
                fit, X[part], self.n_neighbors, threads, named=kinds
            )
            cell_rows, cell_columns = np.nonzero(mask[part])
            place = np.cumsum(counts) - counts
            for column in np.flatnonzero(self._valid_mask):
                cells = np.flatnonzero(cell_columns == column)
                k = min(self.n_neighbors, int((~self._mask_fit_X[:, column]).sum()))
                at = place[cells, None] + np.arange(k)
                there = np.arange(k) < counts[cells, None]
                distances, values = np.full(there.shape, np.nan), np.zeros(there.shape)
                distances[there] = near[at[there]]
                values[there] = self._fit_X[donors[at[there]], column]
                yield part[cell_rows[cells]], int(column), distances, values

    def _measured(self, X: np.ndarray, mask: np.ndarray) -> Iterator[_Group]:
        """Yield the missing cells with their donors by a metric of the caller's."""
        holed = np.flatnonzero(mask[:, self._valid_mask].any(axis=1))
        chunks = pairwise_distances_chunked(
            X[holed],
            self._fit_X,
            metric=self.metric,
            missing_values=self.missing_values,
            ensure_all_finite="allow-nan" if is_nan(self.missing_values) else True,
        )
        start = 0
        for chunk in chunks:
            part = holed[start : start + len(chunk)]
            start += len(chunk)
            for column in np.flatnonzero(self._valid_mask):
                cells = np.flatnonzero(mask[part, column])
                donors = np.flatnonzero(~self._mask_fit_X[:, column])
                distances = chunk[np.ix_(cells, donors)]
                order = np.argsort(distances, axis=1, kind="stable")[:, : self.n_neighbors]
                values = self._fit_X[donors[order], column]
                yield part[cells], int(column), np.take_along_axis(distances, order, 1), values

    def _weighed(self, distances: np.ndarray) -> np.ndarray:
        """Return what each donor counts; a NaN distance is no donor."""
        weights: Any = None
        if self.weights == "distance":
            with np.errstate(divide="ignore"):
                weights = 1.0 / distances
            endless = np.isinf(weights)
            weights = np.where(endless.any(axis=1, keepdims=True), endless, weights)
        elif callable(self.weights):
            weights = self.weights(distances)
        if weights is None:
            weights = np.ones_like(distances)
        return np.where(np.isnan(distances) | np.isnan(weights), 0.0, weights)

    def _kept(self) -> np.ndarray:
        return np.asarray(self._valid_mask | bool(self.keep_empty_features))

    def _check_parameters(self) -> None:
        self._check_flags("copy")
        n = self.n_neighbors
        if not isinstance(n, numbers.Integral) or isinstance(n, bool) or n < 1:
            raise ParameterError(f"n_neighbors must be a whole number of at least 1; got {n!r}")
        if not callable(self.weights) and self.weights not in ("uniform", "distance", None):
            raise ParameterError(
                f"weights must be 'uniform', 'distance' or a callable; got {self.weights!r}"
            )
        if not callable(self.metric) and self.metric != "nan_euclidean":
            raise ParameterError(
                f"metric must be 'nan_euclidean' or a callable; got {self.metric!r}"
            )

    def _validated(self, X: Any, *, fitting: bool) -> np.ndarray:
        X = self._numbers(
            X, fitting=fitting, dtype=FLOATS, force_writeable=not fitting, copy=self.copy
        )
        refuse_infinite(self, X, allow_nan=is_nan(self.missing_values))
        self._check_marker(X)
        return X


def _averaged(distances: np.ndarray, values: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Return the weighted mean of each row's values; the plain one where nothing has a weight."""
    total = weights.sum(axis=1)
    plain = np.nanmean(np.where(np.isnan(distances), np.nan, values), axis=1)
    sums = (weights * values).sum(axis=1)
    return np.where(total != 0, sums / np.where(total != 0, total, 1), plain)
