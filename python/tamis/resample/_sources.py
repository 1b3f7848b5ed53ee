"""Folds that made rows do not cross."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components
from sklearn.model_selection import check_cv

from tamis.exceptions import DataError, ShapeError

__all__ = ["SourceSplit", "check_split", "source_groups"]


def _sources(source_index: Any) -> np.ndarray:
    sources = np.asarray(source_index)
    if sources.ndim != 2 or not sources.shape[1] or sources.dtype.kind not in "iu":
        raise ShapeError(
            "source_index must have shape (n_rows, 2): for each row the positions of the rows it "
            "was made from, as source_index_ of a sampler"
        )
    return sources


def _originals(sources: np.ndarray) -> np.ndarray:
    """Return whether each row is the first that came from one row alone: the row itself."""
    alone = (sources == sources[:, :1]).all(axis=1)
    # Rows from one row alone before all others, in order: of each row the first counts.
    order = np.argsort(~alone, kind="stable")
    first = order[np.unique(sources[order, 0], return_index=True)[1]]
    out = np.zeros(len(sources), dtype=bool)
    out[first] = alone[first]
    return out


def source_groups(source_index: Any) -> np.ndarray:
    """Return groups that keep each row together with the rows it was made from.

    For scikit-learn's GroupKFold and its like. Where many rows are made between neighbours, the
    groups become as large as the class: then use `SourceSplit`, which leaves made rows out
    instead.

    Parameters
    ----------
    source_index : array-like of shape (n_rows, n_sources), int
        Positions of the rows each row was made from: `source_index_` of a sampler, with
        `voter_index_` beside it where there is one.

    Returns
    -------
    ndarray of shape (n_rows,), int64
        The group of each row, from 0 on.

    Examples
    --------
    >>> from tamis.resample import source_groups
    >>> source_groups([[0, 0], [1, 1], [2, 2], [0, 2], [1, 1]])
    array([0, 1, 0, 0, 1])
    """
    sources = _sources(source_index)
    n = int(sources.max()) + 1 if sources.size else 0
    first = np.repeat(sources[:, 0], sources.shape[1])
    links = coo_matrix((np.ones(len(first), dtype=bool), (first, sources.ravel())), shape=(n, n))
    groups = connected_components(links, directed=False)[1].astype(np.int64)
    _, again = np.unique(groups[sources[:, 0]], return_inverse=True)
    return again.astype(np.int64)


def check_split(source_index: Any, train: Any, test: Any) -> None:
    """Raise DataError if a row on one side of a split was made from one that is on the other.

    Parameters
    ----------
    source_index : array-like of shape (n_rows, n_sources), int
        As in `source_groups`.
    train, test : array-like of int
        Positions of the rows on either side.

    Raises
    ------
    DataError
        With the rows that leak.

    Examples
    --------
    >>> from tamis.resample import check_split
    >>> check_split([[0, 0], [1, 1], [0, 1]], [0, 2], [1])
    Traceback (most recent call last):
    ...
    tamis.exceptions.DataError: row 2 of the training rows shares its source row 1 with row 1 ...
    """
    sources = _sources(source_index)
    train, test = np.asarray(train), np.asarray(test)
    shared = np.isin(sources[train], sources[test])
    if not shared.any():
        return
    at, place = np.argwhere(shared)[0]
    source = sources[train[at], place]
    there = test[(sources[test] == source).any(axis=1)][0]
    raise DataError(
        f"row {train[at]} of the training rows shares its source row {source} with row {there} of "
        "the test rows: resample the training rows alone (in a Pipeline), or split by SourceSplit"
    )


class SourceSplit:
    """Split resampled rows so that none is trained on that was made from a row tested on.

    The original rows are split by `cv`. Each test side holds original rows alone; its training
    side holds the other originals, and the made rows whose sources are all among them.

    Parameters
    ----------
    source_index : array-like of shape (n_rows, n_sources), int
        As in `source_groups`: `source_index_` of a sampler whose original rows came first.
    cv : int or splitter, default=5
        How original rows are split; a number makes stratified folds for classes.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sklearn.model_selection import cross_val_score
    >>> from tamis.resample import SMOTE, SourceSplit
    >>> X = np.arange(40.0).reshape(-1, 1)
    >>> sampler = SMOTE(random_state=0)
    >>> X_out, y_out = sampler.fit_resample(X, [0] * 28 + [1] * 12)
    >>> folds = SourceSplit(sampler.source_index_, cv=4)
    >>> cross_val_score(LogisticRegression(), X_out, y_out, cv=folds).shape
    (4,)
    """

    def __init__(self, source_index: Any, cv: Any = 5) -> None:
        self.source_index = source_index
        self.cv = cv

    def split(self, X: Any, y: Any = None, groups: Any = None) -> Iterator[tuple[Any, Any]]:
        """Yield the positions of training and test rows, fold by fold.

        Parameters
        ----------
        X : array-like of shape (n_rows, n_features)
            The resampled rows.
        y : array-like of shape (n_rows,), optional
            Their classes.
        groups : array-like of shape (n_rows,), optional
            Given to `cv`.

        Yields
        ------
        train, test : ndarray of int
        """
        sources = _sources(self.source_index)
        n = X.shape[0] if hasattr(X, "shape") else len(X)
        if n != len(sources):
            raise ShapeError(f"source_index has {len(sources)} rows, and X has {n}")
        own = np.flatnonzero(_originals(sources))
        target = None if y is None else np.asarray(y)[own]
        kept = None if groups is None else np.asarray(groups)[own]
        cv = check_cv(self.cv, target, classifier=target is not None and target.ndim == 1)
        for _, test in cv.split(np.zeros((len(own), 1)), target, kept):
            held = np.isin(sources, sources[own[test], 0]).any(axis=1)
            yield np.flatnonzero(~held), own[test]

    def get_n_splits(self, X: Any = None, y: Any = None, groups: Any = None) -> int:
        """Return the number of folds."""
        return int(check_cv(self.cv).get_n_splits(X, y, groups))
