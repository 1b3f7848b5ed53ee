"""Isolation forests."""

from __future__ import annotations

import numbers
import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np
from scipy import sparse
from sklearn.base import BaseEstimator, OutlierMixin
from sklearn.utils import gen_batches
from sklearn.utils.validation import check_is_fitted

from tamis import _core, _progress, _random, _threads
from tamis._state._classes import register
from tamis.exceptions import DataError, ParameterError, ShapeError, StateError
from tamis.outlier._base import flagged, validated, whole
from tamis.outlier._threshold import automatic, share

#: Rows of a sparse matrix that are made dense together.
_BATCH = 1 << 14


class IsolationForest(OutlierMixin, BaseEstimator):
    """Isolation forest: rows that random cuts soon part from all others are outliers.

    The parameters, attributes, signs and scores of scikit-learn's class; ``extension_level`` is
    new. The trees are drawn anew: a seed gives other trees than scikit-learn's.

    Parameters
    ----------
    n_estimators : int, default=100
        Trees.
    max_samples : 'auto', int or float, default='auto'
        Rows that a tree sees: a number, a share of the rows, or with ``'auto'`` 256 of them.
    contamination : 'auto' or float, default='auto'
        The share of training rows, in (0, 0.5], that are outliers; with ``'auto'`` rows are that
        score below -0.5, as in the paper.
    max_features : int or float, default=1.0
        Features that a tree sees: a number, or a share of them.
    bootstrap : bool, default=False
        Whether a tree may see a row more than once.
    n_jobs : int, default=None
        Threads; None is all cores, or one in a worker process. The results do not depend on it.
    random_state : int, RandomState or None, default=None
        The seed. Each tree has draws of its own, so that the first trees are the same ones however
        many there are.
    verbose : int, default=0
        A progress bar if positive; with 0, long fits show one to a person who is watching.
    warm_start : bool, default=False
        Whether `fit` keeps the trees there are and adds what `n_estimators` lacks.
    extension_level : int or 'full', default=0
        How many features a cut has besides the first: 0 is the isolation forest of 2008, 1 and
        more are the extended forest, whose cuts are planes; ``'full'`` is one fewer than a tree
        sees. Planes find outliers that no feature shows alone, and give no advantage to the axes.
    threshold : 'auto' or None, default=None
        ``'auto'``: `offset_` is the score beyond what the bulk of the training scores leads to
        expect. On clean data it flags well below 1 % of the rows, whatever their distribution.

    Attributes
    ----------
    estimators_ : list of IsolationTree
        The trees, each with `max_depth`, `n_features` and `arrays`.
    estimators_samples_ : list of ndarray
        The rows that each tree saw. Drawn again when asked for.
    max_samples_ : int
        Rows that a tree saw.
    offset_ : float
        ``decision_function`` is ``score_samples - offset_``: -0.5, or the quantile of the training
        scores that `contamination` names.
    is_categorical_ : ndarray of shape (n_features_in_,), bool
        Which columns are categories.
    n_features_in_ : int
        Columns seen when fitting.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Their names, where they had any.

    Notes
    -----
    A missing cell is sent where most of the known training rows of the node went, so that what is
    not known is no evidence; in a plane it adds nothing. Cells are compared in single precision,
    as scikit-learn does. A frame's columns of texts, categories and booleans are cut by how rare
    their levels are: minus the logarithm of the share of training rows whose level is as rare or
    rarer, so that names, of which each row has its own, are never cut. Rows at the threshold
    exactly are no outliers.

    In a plane each feature counts in standard deviations of the rows that the tree sees, so that
    units do not matter; the paper leaves the scaling to the user.

    `sample_weight` gives the chances of rows to be drawn. A row of weight zero is as good as
    absent: it is neither drawn nor counted, in `contamination` either.

    References
    ----------
    Liu, Ting and Zhou, "Isolation Forest", ICDM 2008. Hariri, Carrasco Kind and Brunner, "Extended
    Isolation Forest", IEEE TKDE 33 (2021).

    Examples
    --------
    >>> from tamis.outlier import IsolationForest
    >>> X = [[-1.1], [0.3], [0.5], [100.0]]
    >>> forest = IsolationForest(random_state=0).fit(X)
    >>> forest.predict([[0.1], [0.0], [90.0]])
    array([ 1,  1, -1])
    """

    _takes_categories = True
    is_categorical_: np.ndarray

    def __init__(
        self,
        *,
        n_estimators: int = 100,
        max_samples: Any = "auto",
        contamination: Any = "auto",
        max_features: float = 1.0,
        bootstrap: bool = False,
        n_jobs: int | None = None,
        random_state: Any = None,
        verbose: int = 0,
        warm_start: bool = False,
        extension_level: Any = 0,
        threshold: Any = None,
    ):
        self.n_estimators = n_estimators
        self.max_samples = max_samples
        self.contamination = contamination
        self.max_features = max_features
        self.bootstrap = bootstrap
        self.n_jobs = n_jobs
        self.random_state = random_state
        self.verbose = verbose
        self.warm_start = warm_start
        self.extension_level = extension_level
        self.threshold = threshold

    def fit(self, X: Any, y: Any = None, sample_weight: Any = None) -> IsolationForest:
        """Grow the trees.

        Parameters
        ----------
        X : array-like, frame or sparse matrix of shape (n_rows, n_features)
            Numbers; NaN is missing. A frame may have categories too.
        y : ignored
            Present for the API.
        sample_weight : array-like of shape (n_rows,), optional
            The chances of the rows, zero or more.

        Returns
        -------
        self

        Raises
        ------
        ParameterError
            If a parameter has a value that cannot be used.
        DataError
            If X holds an infinity or a column that is not of numbers, or a weight is negative.
        """
        wanted = whole("n_estimators", self.n_estimators)
        auto = isinstance(self.contamination, str) and self.contamination == "auto"
        contamination = None if auto else share(self.contamination, "'auto'")
        if not (self.threshold is None or (auto and self.threshold == "auto")):
            raise ParameterError(
                "threshold must be None, or 'auto' where contamination is 'auto' too; "
                f"got {self.threshold!r} and contamination={self.contamination!r}"
            )
        given, X = X, validated(self, X, fitting=True, accept_sparse="csr")
        kept, weights = _positive(sample_weight, X.shape[0])
        if kept is not None and self.is_categorical_.any():
            X = validated(self, given, fitting=True, counted=kept)
        n = X.shape[0] if kept is None else len(kept)
        rows = self._rows_of_tree(n)
        features = self._features_of_tree()
        extension = self._extension(features)
        if not (self.warm_start and hasattr(self, "estimators_")):
            self.estimators_: list[Any] = []
            self._seed = _random.base_seed(self.random_state)
        more = wanted - len(self.estimators_)
        if more < 0:
            raise ParameterError(
                f"n_estimators={wanted} must be larger or equal to "
                f"len(estimators_)={len(self.estimators_)} when warm_start==True"
            )
        self.max_samples_ = self._max_samples = rows
        self._kept, self._weights, self._n_rows = kept, weights, n
        if more == 0:
            warnings.warn(
                "Warm-start fitting without increasing n_estimators does not fit new trees.",
                stacklevel=2,
            )
        else:
            self.estimators_ = self.estimators_ + self._grow(X, more, features, extension)
        self.offset_ = -0.5
        if contamination is not None or self.threshold is not None:
            scores = self._scores(X if kept is None else X[kept])
            self.offset_ = (
                automatic(scores)
                if contamination is None
                else float(np.percentile(scores, 100.0 * contamination))
            )
        return self

    def _rows_of_tree(self, n: int) -> int:
        """Return how many rows a tree sees."""
        value: Any = self.max_samples
        if isinstance(value, str) and value == "auto":
            return min(256, n)
        number = isinstance(value, numbers.Real) and not isinstance(value, bool)
        if number and isinstance(value, numbers.Integral) and int(value) > 0:
            if int(value) > n:
                warnings.warn(
                    f"max_samples ({value}) is greater than the total number of samples ({n}). "
                    "max_samples will be set to n_samples for estimation.",
                    stacklevel=3,
                )
            return min(int(value), n)
        if number and 0 < float(value) <= 1:
            return max(1, int(float(value) * n))
        raise ParameterError(
            "max_samples must be 'auto', a whole number from 1 on, or a share in (0, 1]; "
            f"got {value!r}"
        )

    def _features_of_tree(self) -> int:
        """Return how many features a tree sees."""
        value, p = self.max_features, self.n_features_in_
        if isinstance(value, bool) or not isinstance(value, numbers.Real) or not value > 0:
            raise ParameterError(f"max_features must be positive; got {value!r}")
        if isinstance(value, numbers.Integral):
            if value > p:
                raise ParameterError(f"max_features={value} must be <= n_features={p}")
            return int(value)
        if value > 1:
            raise ParameterError(f"max_features as a share must be in (0, 1]; got {value!r}")
        return max(1, int(value * p))

    def _extension(self, features: int) -> int:
        """Return how many features a cut has besides the first."""
        value = self.extension_level
        if isinstance(value, str) and value == "full":
            return features - 1
        return min(whole("extension_level", value, 0), features - 1)

    def _grow(self, X: Any, count: int, features: int, extension: int) -> list[Any]:
        """Return `count` more trees."""
        first, jobs = len(self.estimators_), _threads.resolve(self.n_jobs)
        n, rows, kept = self._n_rows, self._max_samples, self._kept
        places = kept
        if sparse.issparse(X):  # the rows that some tree sees, dense
            drawn = _core.isolation_samples(
                self._seed, first, count, n, rows, bool(self.bootstrap), self._weights, jobs
            )
            seen = np.unique(np.concatenate(drawn)).astype(np.int64)
            places = np.zeros(n, dtype=np.int64)
            places[seen] = np.arange(len(seen))
            X = X[seen if kept is None else kept[seen]].toarray()
        with _progress.bar(count, "trees", True if self.verbose else None) as bar:
            return _core.isolation_grow(
                X, n, places, self._seed, first, count, rows, features,
                bool(self.bootstrap), self._weights, extension, jobs,
                _progress.kernel_callback(bar),
            )  # fmt: skip

    @property
    def estimators_samples_(self) -> list[np.ndarray]:
        """The rows that each tree saw, tree by tree."""
        check_is_fitted(self)
        drawn = _core.isolation_samples(
            self._seed, 0, len(self.estimators_), self._n_rows, self._max_samples,
            bool(self.bootstrap), self._weights, _threads.resolve(self.n_jobs),
        )  # fmt: skip
        return [d.astype(np.int64) if self._kept is None else self._kept[d] for d in drawn]

    def score_samples(self, X: Any) -> np.ndarray:
        """Return minus the anomaly score of the paper: high is normal.

        Parameters
        ----------
        X : array-like, frame or sparse matrix of shape (n_rows, n_features)
            The rows.

        Returns
        -------
        ndarray of shape (n_rows,), float64
            In (-1, 0): near -1 for outliers, -0.5 where nothing is told, higher for normal rows.
        """
        check_is_fitted(self)
        return self._scores(validated(self, X, fitting=False, accept_sparse="csr"))

    def _scores(self, X: Any) -> np.ndarray:
        jobs = _threads.resolve(self.n_jobs)
        with _progress.bar(X.shape[0], "rows", True if self.verbose else None) as bar:
            if not sparse.issparse(X):
                tell = _progress.kernel_callback(bar)
                return -_core.isolation_score(X, self.estimators_, jobs, tell)
            parts = []
            for part in gen_batches(X.shape[0], _BATCH):
                parts.append(-_core.isolation_score(X[part].toarray(), self.estimators_, jobs))
                bar.update(part.stop - part.start)
            return np.concatenate(parts)

    def decision_function(self, X: Any) -> np.ndarray:
        """Return the score above the threshold; negative for outliers.

        Parameters
        ----------
        X : array-like, frame or sparse matrix of shape (n_rows, n_features)
            The rows.

        Returns
        -------
        ndarray of shape (n_rows,), float64
            ``score_samples(X) - offset_``.
        """
        return self.score_samples(X) - self.offset_

    def predict(self, X: Any) -> np.ndarray:
        """Return -1 for outliers, 1 for the rest.

        Parameters
        ----------
        X : array-like, frame or sparse matrix of shape (n_rows, n_features)
            The rows.

        Returns
        -------
        ndarray of shape (n_rows,), int64
        """
        return flagged(self.decision_function(X))

    def explain(self, X: Any) -> np.ndarray:
        """Return the share of each feature in each row's score.

        Parameters
        ----------
        X : array-like or frame of shape (n_rows, n_features)
            The rows.

        Returns
        -------
        ndarray of shape (n_rows, n_features), float64
            By how much the cuts of a feature shortened the way of the row from what was expected
            before each of them, summed over the trees, where that is positive; over the sum, so
            that each row adds up to 1, or to 0 where nothing isolates it. The terms of a plane
            share by how far each pulled the row to its side. Missing cells have no share.
        """
        check_is_fitted(self)
        X = validated(self, X, fitting=False)
        return _core.isolation_shares(X, self.estimators_, _threads.resolve(self.n_jobs))

    def __len__(self) -> int:
        return len(self.estimators_)

    def __getitem__(self, index: int) -> Any:
        return self.estimators_[index]

    def __iter__(self) -> Iterator[Any]:
        return iter(self.estimators_)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.input_tags.sparse = True
        return tags


def _positive(sample_weight: Any, n: int) -> tuple[np.ndarray | None, np.ndarray | None]:
    """Return the rows of positive weight (None for all) and their weights (None for equal)."""
    if sample_weight is None:
        return None, None
    weights = np.asarray(sample_weight, dtype=np.float64)
    if weights.ndim == 0:
        weights = np.full(n, float(weights))
    if weights.shape != (n,):
        raise ShapeError(f"sample_weight.shape == {weights.shape}, expected {(n,)}")
    if not (np.isfinite(weights).all() and (weights >= 0).all()):
        raise DataError("sample_weight must be finite numbers from 0 on")
    kept = np.flatnonzero(weights)
    if not len(kept):
        raise DataError("sample_weight is zero for every row: nothing is left to learn from")
    weights = weights[kept]
    # Equal weights are no weights: the same rows are drawn.
    given = None if (weights == weights[0]).all() else weights
    return (None if len(kept) == n else kept), given


def _give(state: dict[str, Any]) -> Any:
    try:
        return _core.IsolationTree(**state)
    except TypeError as error:
        raise StateError(f"the isolation tree is damaged: {error}") from None


register(_core.IsolationTree, take=lambda tree: tree.arrays(), give=_give)
