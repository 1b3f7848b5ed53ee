"""Categories as numbers, and what rows vote for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import narwhals as nw
import numpy as np
from scipy import sparse
from sklearn.base import clone
from sklearn.preprocessing import OneHotEncoder

from tamis import _frame
from tamis.exceptions import DataError, ParameterError

__all__ = ["Kinds", "columns", "elected", "encode", "most_frequent", "renumbered", "split"]


@dataclass
class Kinds:
    """The categories of some columns: codes by row, and for each column a row that has each."""

    codes: np.ndarray
    first: list[np.ndarray]
    sizes: list[int]

    def one_hot(self, codes: np.ndarray, numbers: np.ndarray, spread: float) -> Any:
        """Return rows as imbalanced-learn encodes them, for a search that was given."""
        starts = np.concatenate([[0], np.cumsum(self.sizes)[:-1]])
        n, width = codes.shape
        flags = sparse.csr_matrix(
            (
                np.full(n * width, spread / np.sqrt(2)),
                (starts + codes.astype(np.int64)).ravel(),
                np.arange(0, n * width + 1, width),
            ),
            shape=(n, sum(self.sizes)),
        )
        return sparse.hstack([sparse.csr_matrix(numbers), flags], format="csr")


def split(X: Any, given: Any) -> tuple[np.ndarray, np.ndarray]:
    """Return the positions of the columns of categories, and of the others."""
    width = X.shape[1]
    if isinstance(given, str):
        if given != "auto":
            raise ParameterError(f"categorical_features must be 'auto' or columns; got {given!r}")
        if not _frame.is_frame(X):
            raise ParameterError(
                "with categorical_features='auto', the input data should be a pandas.DataFrame "
                f"or another frame, whose dtypes say it: got {type(X).__name__}"
            )
        schema = _frame.wrap(X, "X").schema.values()
        found = np.flatnonzero([kind in (nw.Categorical, nw.Enum) for kind in schema])
    else:
        found = _positions(X, given, width)
    return found, np.setdiff1d(np.arange(width), found)


def _positions(X: Any, given: Any, width: int) -> np.ndarray:
    columns = np.asarray(given)
    if columns.dtype == bool:
        if len(columns) != width:
            raise ParameterError(
                f"categorical_features has {len(columns)} flags, X {width} columns"
            )
        return np.flatnonzero(columns)
    if columns.dtype.kind in "OU" and columns.size:
        if not _frame.is_frame(X):
            raise ParameterError(
                "categorical_features has names, and X is no frame: give positions"
            )
        frame = _frame.wrap(X, "X")
        _frame.check_names(frame, list(given), "X")
        return np.array([frame.columns.index(name) for name in given], dtype=np.int64)
    if not columns.size:
        return np.zeros(0, dtype=np.int64)
    if columns.dtype.kind not in "iu" or columns.min() < -width or columns.max() >= width:
        raise ParameterError(
            f"all features must be in [0, {width - 1}] or [-{width}, 0]: categorical_features is "
            f"{given!r}"
        )
    return columns.astype(np.int64) % width


def columns(X: Any, where: np.ndarray) -> Any:
    """Return some columns: of a pandas frame as a frame, of other frames as objects."""
    if hasattr(X, "iloc"):
        return X.iloc[:, where]
    if not _frame.is_frame(X):
        return X[:, where]
    frame = _frame.wrap(X, "X")
    names = [frame.columns[j] for j in where]
    if all(frame.schema[name].is_numeric() for name in names):
        return np.column_stack([_frame.values(frame.get_column(n)).data for n in names])
    out = np.empty((len(frame), len(where)), dtype=object)
    for j, name in enumerate(names):
        out[:, j] = frame.get_column(name).to_list()
    return out


def encode(table: Any, encoder: Any, dtype: Any) -> tuple[Any, Kinds]:
    """Return the fitted encoder, and the categories of each row."""
    if encoder is None:
        plain = dtype if np.dtype(dtype).kind != "O" else np.float64
        fitted = OneHotEncoder(handle_unknown="ignore", dtype=plain).fit(table)
        codes = np.empty(table.shape, dtype=np.uint32, order="F")
        for j, kinds in enumerate(fitted.categories_):
            codes[:, j] = _searched(table, j, kinds)
        sizes = [len(kinds) for kinds in fitted.categories_]
        return fitted, Kinds(codes, [_first(c) for c in codes.T], sizes)
    fitted = clone(encoder)
    flags = sparse.csr_matrix(fitted.fit_transform(table))
    sizes = [len(kinds) for kinds in fitted.categories_]
    if flags.shape[1] != sum(sizes):
        raise DataError(
            "SMOTENC requires a one-hot encoding with one column per category: the encoder made "
            f"{flags.shape[1]} of {sum(sizes)} categories. Give one that drops and merges none"
        )
    flags.eliminate_zeros()
    if flags.nnz != flags.shape[0] * len(sizes):
        raise DataError("categorical_encoder must mark one category of each column in every row")
    flags.sort_indices()
    starts = np.concatenate([[0], np.cumsum(sizes)[:-1]])
    codes = (flags.indices.reshape(-1, len(sizes)) - starts).astype(np.uint32)
    return fitted, Kinds(codes, [_first(c) for c in codes.T], sizes)


def _searched(table: Any, j: int, kinds: np.ndarray) -> np.ndarray:
    """Return the place of each cell of a column among its categories."""
    cells = table.iloc[:, j].to_numpy() if hasattr(table, "iloc") else table[:, j]
    if kinds.dtype.kind != "O" and cells.dtype.kind != "O":
        return np.searchsorted(kinds, cells)
    places = {kind: place for place, kind in enumerate(kinds.tolist())}
    # Not-a-numbers are no keys: they are the last category, or the one before None.
    odd = [place for place, kind in enumerate(kinds.tolist()) if not _same(kind)]
    return np.array([places.get(cell, odd[0] if odd else -1) for cell in cells.tolist()])


def _same(value: Any) -> bool:
    same = value == value  # noqa: PLR0124 what is missing differs from itself, or says neither
    return same is True or (isinstance(same, np.bool_) and bool(same))


def _first(codes: np.ndarray) -> np.ndarray:
    """Return the first row of each code."""
    first = np.zeros(int(codes.max()) + 1, dtype=np.int64)
    first[codes[::-1]] = np.arange(len(codes) - 1, -1, -1)
    return first


def renumbered(codes: np.ndarray) -> tuple[np.ndarray, list[np.ndarray]]:
    """Return an encoder's codes as whole numbers from 0 on, and a row that has each."""
    out = np.empty(codes.shape, dtype=np.uint32)
    for j, column in enumerate(codes.T):
        out[:, j] = np.unique(column, return_inverse=True)[1]
    return out, [_first(column) for column in out.T]


def _ballots(votes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return each row's votes in order, and at the first of each kind how many there are."""
    votes = np.sort(votes, axis=1)
    new = np.ones(votes.shape, dtype=bool)
    new[:, 1:] = votes[:, 1:] != votes[:, :-1]
    same = (votes[:, :, None] == votes[:, None, :]).sum(axis=2)
    return votes, np.where(new, same, 0)


def most_frequent(codes: np.ndarray, near: np.ndarray) -> np.ndarray:
    """Return the most frequent code of each column among each row's neighbours, or the least."""
    out = np.empty((len(near), codes.shape[1]), dtype=np.int64)
    for j, column in enumerate(codes.T):
        votes, counts = _ballots(column[near])
        out[:, j] = votes[np.arange(len(votes)), counts.argmax(axis=1)]
    return out


def elected(
    codes: np.ndarray, near: np.ndarray, base: np.ndarray, rng: np.random.RandomState
) -> list[np.ndarray]:
    """Return for each column the code that made rows get, ties drawn as imbalanced-learn does."""
    return [_elected(column, near, base, rng) for column in codes.T]


def _elected(
    column: np.ndarray, near: np.ndarray, base: np.ndarray, rng: np.random.RandomState
) -> np.ndarray:
    votes, counts = _ballots(column[near])
    best = counts == counts.max(axis=1, keepdims=True)
    winners = votes[best]
    size = best.sum(axis=1)
    start = np.cumsum(size) - size
    # All winners of all made rows in a row: one of each row comes first after shuffling.
    lengths = size[base]
    ends = np.cumsum(lengths)
    starts = ends - lengths
    order = np.arange(ends[-1] if len(ends) else 0)
    rng.shuffle(order)
    rank = np.empty_like(order)
    rank[order] = np.arange(len(order))
    if not len(base):
        return np.zeros(0, dtype=np.int64)
    chosen = order[np.minimum.reduceat(rank, starts)] - starts
    return winners[start[base] + chosen]
