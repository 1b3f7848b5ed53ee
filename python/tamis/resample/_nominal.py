"""Rows made of numbers and categories, or of categories alone."""

from __future__ import annotations

import math
import warnings
from typing import Any

import numpy as np
from scipy import sparse
from scipy.spatial import distance_matrix
from sklearn.base import clone
from sklearn.exceptions import DataConversionWarning
from sklearn.preprocessing import OrdinalEncoder
from sklearn.utils import check_array, check_random_state
from sklearn.utils.validation import validate_data

from tamis import _core, _frame, _progress, _threads
from tamis._check import refuse_infinite, where_text
from tamis.exceptions import DataError
from tamis.resample import _codes
from tamis.resample._rows import Made
from tamis.resample._smote import BaseSMOTE

__all__ = ["SMOTEN", "SMOTENC"]

#: Distances of rows of categories at a time.
_CELLS = 1 << 20


class SMOTENC(BaseSMOTE):
    """SMOTE for numbers and categories.

    Numbers lie between those of a row and a neighbour. Categories are the most frequent among all
    the neighbours of the row, and come out as the cells they were: text, numbers, pandas
    categories, and a missing one, which is a category of its own.

    Parameters
    ----------
    categorical_features : 'auto' or array-like of int, str or bool
        The columns of categories: positions, names or a mask; 'auto' are those of a frame with a
        categorical dtype.
    categorical_encoder : encoder or None, default=None
        What finds the categories, with `categories_` once fitted; None is scikit-learn's
        OneHotEncoder.
    sampling_strategy : float, str, dict or callable, default='auto'
        The rows wanted, as in `RandomOverSampler`.
    random_state : int, RandomState or None, default=None
        Draws are those of imbalanced-learn.
    k_neighbors : int or estimator, default=5
        How many neighbours, as in `SMOTE`. An estimator is given the rows as imbalanced-learn
        encodes them.
    n_jobs : int or None, default=None
        Threads; None is all cores. The result is the same for any number.

    Attributes
    ----------
    sampling_strategy_ : dict
        The rows made of each class.
    nn_k_ : estimator
        The search for neighbours; fitted only where it was given.
    categorical_encoder_ : encoder
        The fitted encoder.
    categorical_features_, continuous_features_ : ndarray of int
        The columns of either kind.
    median_std_ : dict
        Of each class, the median standard deviation of the numbers: what a differing category
        counts as.
    source_index_ : ndarray of shape (n_rows_out, 2), int64
        The rows each row's numbers lie between; originals (i, i).
    voter_index_ : ndarray of shape (n_rows_made, n_neighbors), int64
        The rows that decided on the categories of each made row.
    n_features_ : int
        Columns seen; `n_features_in_` too.
    feature_names_in_ : ndarray of str
        Their names, where they had any.

    Raises
    ------
    DataError
        If all columns are of one kind, or a number is missing.

    Notes
    -----
    N. V. Chawla et al., SMOTE: synthetic minority over-sampling technique, JAIR 16, 2002. The
    rows are not one-hot encoded: differing categories are counted beside the distance of the
    numbers. In arrays of whole numbers imbalanced-learn cuts `median_std_` off to a whole number
    before it measures; here it is not.

    Examples
    --------
    >>> import pandas as pd
    >>> from tamis.resample import SMOTENC
    >>> X = pd.DataFrame({"a": [1.0, 2.0, 3.0, 4.0, 5.0], "b": list("xyxxx")})
    >>> sampler = SMOTENC(["b"], k_neighbors=1, random_state=0)
    >>> sampler.fit_resample(X, [0, 0, 0, 1, 1])[0].tail(1)["b"].tolist()
    ['x']
    """

    _any_cells = True

    def __init__(
        self,
        categorical_features: Any,
        *,
        categorical_encoder: Any = None,
        sampling_strategy: Any = "auto",
        random_state: Any = None,
        k_neighbors: Any = 5,
        n_jobs: int | None = None,
    ) -> None:
        self.categorical_features = categorical_features
        self.categorical_encoder = categorical_encoder
        self.sampling_strategy = sampling_strategy
        self.random_state = random_state
        self.k_neighbors = k_neighbors
        self.n_jobs = n_jobs

    def _resample(self, cells: Any, y: np.ndarray) -> tuple[Any, ...]:
        if sparse.issparse(cells):
            cells = cells.toarray()
        self._between = self._continuous(cells)
        self.median_std_: dict[Any, float] = {}
        self.categorical_encoder_, self._kinds = _codes.encode(
            _codes.columns(cells, self.categorical_features_),
            self.categorical_encoder,
            self._between.dtype,
        )
        made = self._made(cells, y)
        del self._kinds
        made.columns = self.continuous_features_
        if not len(made):
            made.picks = {int(j): np.zeros(0, np.int64) for j in self.categorical_features_}
        return np.arange(len(y)), made

    def _cells(self, X: Any, y: np.ndarray) -> Any:
        cells = super()._cells(X, y)
        self.n_features_ = cells.shape[1]
        self.categorical_features_, self.continuous_features_ = _codes.split(
            cells, self.categorical_features
        )
        for found, other in (
            (self.continuous_features_, "categorical"),
            (self.categorical_features_, "numerical"),
        ):
            if not found.size:
                raise DataError(
                    f"SMOTE-NC is not designed to work only with {other} features: use "
                    f"{'SMOTEN' if other == 'categorical' else 'SMOTE'}"
                )
        return cells

    def _continuous(self, cells: Any) -> np.ndarray:
        """Return the numbers; floats of an array stay among its other columns, uncopied."""
        if not _frame.is_frame(cells) and cells.dtype in (np.float64, np.float32):
            refuse_infinite(self, cells[:, self.continuous_features_], allow_nan=False)
            return cells
        columns = _codes.columns(cells, self.continuous_features_)
        try:
            numbers = check_array(columns, dtype="numeric", ensure_all_finite=False)
        except ValueError as error:
            raise DataError(
                f"{error}{where_text(self, columns)}: name it in categorical_features, which with "
                "'auto' are the columns of a categorical dtype"
            ) from error
        refuse_infinite(self, numbers, allow_nan=False)
        return numbers

    def _numbers(self, cells: Any) -> Any:
        numbers = self._between
        del self._between
        return numbers

    def _rows_out(self, X: Any, cells: Any, rows: np.ndarray, made: Made | None) -> Any:
        if not sparse.issparse(cells):
            return super()._rows_out(X, cells, rows, made)
        plain = super()._rows_out(cells.toarray(), cells.toarray(), rows, made)
        return sparse.csr_matrix(plain) if sparse.isspmatrix(cells) else sparse.csr_array(plain)

    def _of_class(self, cells: Any, y: np.ndarray, label: Any, n: int) -> list[Made]:
        own = np.flatnonzero(y == label)
        numbers, codes = self._between[own], self._kinds.codes[own]
        if numbers.shape[1] != len(self.continuous_features_):
            numbers = numbers[:, self.continuous_features_]
        spread = float(np.median(np.std(numbers, axis=0, dtype=np.float64)))
        self.median_std_[label] = spread
        near = self._neighbours(numbers, codes, spread, label)
        draw = self._draw(np.arange(len(own)), near, n)
        rng = check_random_state(self.random_state)
        chosen = _codes.elected(codes, near, draw.base, rng)
        return [
            Made(
                own[draw.base],
                own[draw.other],
                draw.step,
                picks={
                    int(j): self._kinds.first[c][chosen[c]].astype(np.int32)
                    for c, j in enumerate(self.categorical_features_)
                },
                voters=own[near[draw.base]],
            )
        ]

    def _neighbours(
        self, numbers: np.ndarray, codes: np.ndarray, spread: float, label: Any
    ) -> np.ndarray:
        """Return the nearest others of each row of a class, as positions in the class."""
        k, n = self._near.size - 1, len(numbers)
        if self._near.given:
            encoded = self._kinds.one_hot(codes, numbers, spread)
            self.nn_k_.fit(encoded)
            return self.nn_k_.kneighbors(encoded, return_distance=False)[:, 1:]
        self._near.check_size(n, n, f"class {label!r}")
        with _progress.bar(None, "blocks of rows") as bar:
            found = _core.nearest_mixed_rows(
                numbers.astype(np.float64, copy=False),
                codes,
                0.0 if math.isclose(spread, 0) else spread,
                k,
                _threads.resolve(self.n_jobs),
                _progress.kernel_callback(bar),
            )
        return found.reshape(n, k).astype(np.int64)


class SMOTEN(BaseSMOTE):
    """SMOTE for categories alone.

    A row is made of the most frequent category in each column among a row and its nearest. How far
    apart two categories are is how differently the classes are spread over the rows that have
    them (the value difference metric).

    Parameters
    ----------
    categorical_encoder : encoder or None, default=None
        What numbers the categories; None is scikit-learn's OrdinalEncoder.
    sampling_strategy : float, str, dict or callable, default='auto'
        The rows wanted, as in `RandomOverSampler`.
    random_state : int, RandomState or None, default=None
        Draws are those of imbalanced-learn.
    k_neighbors : int or estimator, default=5
        How many neighbours, beside the row itself. An estimator is given a matrix of distances.
    n_jobs : int or None, default=None
        Threads; None is all cores. The result is the same for any number.

    Attributes
    ----------
    sampling_strategy_ : dict
        The rows made of each class.
    nn_k_ : estimator
        The search for neighbours; fitted only where it was given.
    categorical_encoder_ : encoder
        The fitted encoder.
    source_index_ : ndarray of shape (n_rows_out, 2), int64
        The row each row was made from, twice; originals (i, i).
    voter_index_ : ndarray of shape (n_rows_made, n_neighbors + 1), int64
        The rows that decided on the categories of each made row.
    n_features_in_ : int
        Columns seen.
    feature_names_in_ : ndarray of str
        Their names, where they had any.

    Notes
    -----
    N. V. Chawla et al., SMOTE: synthetic minority over-sampling technique, JAIR 16, 2002. A
    missing cell is a category of its own where the encoder has it so.

    Examples
    --------
    >>> import numpy as np
    >>> from tamis.resample import SMOTEN
    >>> X = np.array(["a"] * 10 + ["b"] * 20 + ["c"] * 30, dtype=object).reshape(-1, 1)
    >>> X_out, y_out = SMOTEN(random_state=0).fit_resample(X, [0] * 20 + [1] * 40)
    >>> sum(y_out), len(y_out)
    (40, 80)
    """

    _any_cells = True

    def __init__(
        self,
        categorical_encoder: Any = None,
        *,
        sampling_strategy: Any = "auto",
        random_state: Any = None,
        k_neighbors: Any = 5,
        n_jobs: int | None = None,
    ) -> None:
        self.categorical_encoder = categorical_encoder
        self.sampling_strategy = sampling_strategy
        self.random_state = random_state
        self.k_neighbors = k_neighbors
        self.n_jobs = n_jobs

    def _prepare(self) -> None:
        super()._prepare()
        self.nn_k_.set_params(metric="precomputed")

    def _resample(self, cells: Any, y: np.ndarray) -> tuple[Any, ...]:
        if sparse.issparse(cells):
            warnings.warn(
                "a sparse matrix is not really efficient here: SMOTEN makes it dense",
                DataConversionWarning,
                stacklevel=3,
            )
            cells = cells.toarray()
        encoder = self.categorical_encoder
        self.categorical_encoder_ = (
            OrdinalEncoder(dtype=np.int32, encoded_missing_value=-1)
            if encoder is None
            else clone(encoder)
        )
        table = _codes.columns(cells, np.arange(cells.shape[1]))
        codes = np.asarray(self.categorical_encoder_.fit_transform(table))
        self._codes, self._first = _codes.renumbered(codes)
        self._tables = _tables(self._codes, y)
        made = self._made(cells, y)
        del self._codes, self._first, self._tables
        made.columns = np.zeros(0, dtype=np.int64)
        if not len(made):
            made.picks = {j: np.zeros(0, np.int64) for j in range(cells.shape[1])}
        return np.arange(len(y)), made

    def _numbers(self, cells: Any) -> Any:
        return None

    def _rows_out(self, X: Any, cells: Any, rows: np.ndarray, made: Made | None) -> Any:
        if not sparse.issparse(cells):
            return super()._rows_out(X, cells, rows, made)
        plain = super()._rows_out(cells.toarray(), cells.toarray(), rows, made)
        return type(cells)(plain)

    def _of_class(self, cells: Any, y: np.ndarray, label: Any, n: int) -> list[Made]:
        own = np.flatnonzero(y == label)
        codes = self._codes[own]
        near = self._neighbours(codes, label)
        rng = check_random_state(self.random_state)
        base = rng.choice(np.arange(len(own)), size=n, replace=True)
        voted = _codes.most_frequent(codes, near)[base]
        picks = {j: first[voted[:, j]] for j, first in enumerate(self._first)}
        rows = own[base]
        return [Made(rows, rows, np.zeros(n), picks=picks, voters=own[near[base]])]

    def _neighbours(self, codes: np.ndarray, label: Any) -> np.ndarray:
        """Return the nearest of each row of a class, itself among them."""
        n, k = len(codes), self._near.size
        if self._near.given:
            matrix = self._distances(codes, codes)
            self.nn_k_.fit(matrix)
            return self.nn_k_.kneighbors(matrix, return_distance=False)
        self._near.check_size(n, n, f"class {label!r}")
        kinds, where = np.unique(codes, axis=0, return_inverse=True)
        near = np.empty((len(kinds), k), dtype=np.int64)
        step = max(1, _CELLS // n)
        with _progress.bar(len(kinds), "kinds of rows") as bar:
            for start in range(0, len(kinds), step):
                part = slice(start, start + step)
                gaps = self._distances(kinds[part], codes)
                # Of many equally near rows, those that scikit-learn's search takes.
                near[part] = np.argpartition(gaps, k - 1, axis=1)[:, :k]
                bar.update(len(gaps))
        return near[where.ravel()]

    def _distances(self, queries: np.ndarray, codes: np.ndarray) -> np.ndarray:
        cells, sizes = self._tables
        jobs = _threads.resolve(self.n_jobs)
        return _core.nominal_distances(queries, codes, cells, sizes, jobs).reshape(len(queries), -1)

    def _cells(self, X: Any, y: np.ndarray) -> Any:
        if _frame.is_frame(X):
            return super()._cells(X, y)
        return validate_data(
            self, X, y, dtype=None, accept_sparse=["csr", "csc"], ensure_all_finite=False
        )[0]


def _tables(codes: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, list[int]]:
    """Return the squared distances between the categories of each column, and their numbers."""
    _, classes = np.unique(y, return_inverse=True)
    tables, sizes = [], []
    for column in codes.T:
        counts = np.zeros((int(column.max()) + 1, int(classes.max()) + 1))
        np.add.at(counts, (column, classes), 1.0)
        shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1.0)
        tables.append((distance_matrix(shares, shares, p=1) ** 2).ravel())
        sizes.append(len(shares))
    return np.concatenate(tables), sizes
