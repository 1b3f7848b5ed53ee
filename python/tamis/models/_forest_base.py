"""What forests share: draws, growing on bins or exactly, averaging, rows out of the bag."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from numbers import Integral, Real
from typing import Any
from warnings import warn

import numpy as np
from scipy.sparse import csr_matrix, hstack, issparse
from sklearn.base import BaseEstimator, MultiOutputMixin, is_classifier
from sklearn.exceptions import DataConversionWarning
from sklearn.utils import check_random_state, compute_sample_weight
from sklearn.utils.multiclass import type_of_target
from sklearn.utils.validation import check_is_fitted

from tamis import _core, _progress, _threads
from tamis._check import validated, weights_of
from tamis.exceptions import DataError, ParameterError
from tamis.models._tree import DecisionTreeClassifier, DecisionTreeRegressor
from tamis.models._tree_arrays import Tree
from tamis.models._tree_base import _count, _demand

__all__ = ["BaseForest"]

_INT = np.iinfo(np.int32).max
#: With more rows than this, `max_bins="auto"` puts them in bins.
_EXACT_ROWS = 10_000
#: Criteria that are known on bins.
_BINNED = ("gini", "entropy", "squared_error")
#: Fewer cells than this are worked on by one thread: starting others takes longer.
_SMALL = 32_768
_TREE_PARAMETERS = (
    "criterion",
    "max_depth",
    "min_samples_split",
    "min_samples_leaf",
    "min_weight_fraction_leaf",
    "max_features",
    "max_leaf_nodes",
    "min_impurity_decrease",
    "ccp_alpha",
    "monotonic_cst",
)


class BaseForest(MultiOutputMixin, BaseEstimator):
    """What the four forests share."""

    n_estimators: Any
    criterion: Any
    max_depth: Any
    min_samples_split: Any
    min_samples_leaf: Any
    min_weight_fraction_leaf: Any
    max_features: Any
    max_leaf_nodes: Any
    min_impurity_decrease: Any
    bootstrap: Any
    oob_score: Any
    n_jobs: Any
    random_state: Any
    verbose: Any
    warm_start: Any
    ccp_alpha: Any
    max_samples: Any
    monotonic_cst: Any
    max_bins: Any
    estimators_: list[Any]
    #: Whether a split is the best or a random cut of each feature.
    _splitter: str

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Any:
        """Grow the trees.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)
            The rows, taken as float32. NaN is a missing value. A sparse matrix is made dense.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            The target: class labels, or numbers.
        sample_weight : array-like of shape (n_samples,), default=None
            The rows' weights: how likely each row is drawn, or how much it counts where none are
            drawn.

        Returns
        -------
        self
            The fitted estimator.

        Raises
        ------
        ParameterError
            A parameter has a value that cannot be used.
        DataError
            The rows or the target cannot be used.
        """
        criterion = self._check_forest()
        X, y = self._check_data(X, y)
        sample_weight = weights_of(sample_weight, X)
        if criterion == "poisson" and ((y < 0).any() or y.sum() <= 0):
            raise DataError(
                "the poisson criterion needs y without negative values, and one above zero"
            )
        y, class_weight = self._encode(y, sample_weight)
        y = np.ascontiguousarray(y, dtype=np.float64)
        weight = sample_weight
        if class_weight is not None:
            weight = class_weight if weight is None else weight * class_weight
        if weight is not None and not (weight != 0).any():
            raise DataError("sample_weight: every weight is zero, so no row counts")
        self._sample_weight = weight
        self._n_samples = len(X)
        self._n_samples_bootstrap = self._drawn(len(X), weight) if self.bootstrap else None
        random_state = check_random_state(self.random_state)
        if not self.warm_start or not hasattr(self, "estimators_"):
            self.estimators_ = []
        more = self.n_estimators - len(self.estimators_)
        if more < 0:
            raise ParameterError(
                f"n_estimators={self.n_estimators} must be larger or equal to "
                f"len(estimators_)={len(self.estimators_)} when warm_start==True"
            )
        if more == 0:
            warn(
                "Warm-start fitting without increasing n_estimators does not fit new trees.",
                stacklevel=2,
            )
        else:
            random_state.randint(_INT, size=len(self.estimators_))  # those drawn before
            seeds = [int(random_state.randint(_INT)) for _ in range(more)]
            self.estimators_ = self.estimators_ + self._grow(X, y, seeds, criterion)
        if self.oob_score and (more > 0 or not hasattr(self, "oob_score_")):
            kind = type_of_target(y)
            if kind == "unknown" or (is_classifier(self) and kind == "multiclass-multioutput"):
                raise DataError(
                    "The type of target cannot be used to compute OOB estimates. Got "
                    f"{kind} while only the following are supported: continuous, "
                    "continuous-multioutput, binary, multiclass, multilabel-indicator."
                )
            self._score_oob(X, y)
        self._decapsulate()
        return self

    def _check_forest(self) -> str:
        """Check the parameters that no data is needed for; return the kernel's criterion."""
        _demand(self, "n_estimators", _count(self.n_estimators, 1), "a count from 1")
        if not self.bootstrap and self.max_samples is not None:
            raise ParameterError(
                "`max_sample` cannot be set if `bootstrap=False`. Either switch to "
                "`bootstrap=True` or set `max_sample=None`."
            )
        if not self.bootstrap and self.oob_score:
            raise ParameterError("Out of bag estimation only available if bootstrap=True")
        most = self.max_samples
        good = (
            most is None
            or _count(most, 1)
            or (isinstance(most, Real) and not isinstance(most, Integral) and float(most) > 0)
        )
        _demand(self, "max_samples", good, "a count from 1, a fraction above 0, or None")
        auto = isinstance(self.max_bins, str) and self.max_bins == "auto"
        bins = auto or self.max_bins is None or (_count(self.max_bins, 2) and self.max_bins <= 255)
        _demand(self, "max_bins", bins, "'auto', a count from 2 to 255, or None")
        return self._tree(0)._check_parameters()

    def _check_data(self, X: Any, y: Any) -> tuple[np.ndarray, np.ndarray]:
        if issparse(y):
            raise DataError("sparse multilabel-indicator for y is not supported.")
        finite = True if issparse(X) else "allow-nan"
        X, y = validated(
            self,
            X,
            y,
            multi_output=True,
            accept_sparse="csc",
            dtype=np.float32,
            ensure_all_finite=finite,
        )
        X = X.toarray() if issparse(X) else X
        y = np.atleast_1d(y)
        if y.ndim == 2 and y.shape[1] == 1:
            warn(
                "A column-vector y was passed when a 1d array was expected. Please change the "
                "shape of y to (n_samples,), for example using ravel().",
                DataConversionWarning,
                stacklevel=3,
            )
        y = y.reshape(-1, 1) if y.ndim == 1 else y
        self.n_outputs_ = y.shape[1]
        return X, y

    def _encode(
        self, y: np.ndarray, weights: np.ndarray | None
    ) -> tuple[np.ndarray, np.ndarray | None]:
        """Return the target as numbers, and the rows' class weights."""
        return y, None

    def _decapsulate(self) -> None:
        """Give the classes of one output without a list around them."""

    def _score_oob(self, X: np.ndarray, y: np.ndarray) -> None:
        raise NotImplementedError

    def _drawn(self, n: int, weights: np.ndarray | None) -> int:
        """Return how many rows a tree draws."""
        most = self.max_samples
        if most is None:
            return n
        if isinstance(most, Integral):
            return int(most)
        whole = n if weights is None else weights.sum()
        drawn = max(int(most * whole), 1)
        if drawn < max(10, n ** (1 / 3)):
            of = "number of samples" if weights is None else "total sum of sample weights"
            warn(
                f"Using the fractional value max_samples={most} when the {of} is {whole} results "
                f"in a low number ({drawn}) of bootstrap samples. We recommend passing "
                "`max_samples` as an integer instead.",
                stacklevel=3,
            )
        return drawn

    def _tree(self, seed: int) -> Any:
        """Return a tree to be grown."""
        cls = DecisionTreeClassifier if is_classifier(self) else DecisionTreeRegressor
        params = {name: getattr(self, name) for name in _TREE_PARAMETERS}
        return cls(splitter=self._splitter, random_state=seed, n_jobs=1, **params)

    def _indices(self, seed: int) -> np.ndarray:
        """Return the rows that a tree draws, as scikit-learn draws them."""
        draws = check_random_state(seed)
        n, weights = self._n_samples, self._sample_weight
        if weights is None:
            return draws.randint(0, n, self._n_samples_bootstrap)
        return draws.choice(n, self._n_samples_bootstrap, p=weights / weights.sum())

    def _tree_weights(self, seed: int, y: np.ndarray) -> np.ndarray | None:
        """Return what each row counts in a tree."""
        if not self.bootstrap:
            return self._sample_weight
        indices = self._indices(seed)
        counts = np.bincount(indices, minlength=self._n_samples).astype(np.float64)
        if getattr(self, "class_weight", None) == "balanced_subsample":
            counts *= compute_sample_weight("balanced", y, indices=indices)
        return counts

    def _grow(self, X: np.ndarray, y: np.ndarray, seeds: list[int], criterion: str) -> list[Any]:
        trees = [self._tree(seed) for seed in seeds]
        jobs = self._jobs(X)
        grow = self._binned(X, y, trees, criterion) if self._bins(X, criterion) else None
        with _progress.bar(len(trees), type(self).__name__) as bar:
            if grow is not None:
                step = max(8, 2 * jobs)
                for first in range(0, len(trees), step):
                    some = trees[first : first + step]
                    grow(some, [self._weights_or_ones(tree.random_state, y) for tree in some])
                    bar.update(len(some))
                return trees

            def fit(tree: Any) -> None:
                # A thread of ours counts as a worker; what it runs is stopped from here.
                tree._grow_on(X, y, self._tree_weights(tree.random_state, y), criterion)
                bar.update()

            if jobs == 1 or len(trees) == 1:
                for tree in trees:
                    fit(tree)
                return trees
            self._in_threads(fit, trees, jobs)
        return trees

    def _in_threads(self, fit: Any, trees: list[Any], jobs: int) -> None:
        """Fit trees on some threads; what goes wrong, or Ctrl-C, ends all of them."""
        scope = _core.Scope()

        def one(tree: Any) -> None:
            with scope:
                fit(tree)

        with ThreadPoolExecutor(jobs) as pool:
            done = [pool.submit(one, tree) for tree in trees]
            try:
                for future in done:
                    future.result()
            except BaseException:
                scope.stop()
                for future in done:
                    future.cancel()
                raise

    def _weights_or_ones(self, seed: int, y: np.ndarray) -> np.ndarray:
        weights = self._tree_weights(seed, y)
        return np.ones(len(y)) if weights is None else weights

    def _bins(self, X: np.ndarray, criterion: str) -> bool:
        """Return whether the trees grow on bins."""
        able = criterion in _BINNED and self.n_outputs_ == 1 and self.monotonic_cst is None
        if self.max_bins is None:
            return False
        if isinstance(self.max_bins, str):
            return able and len(X) > _EXACT_ROWS
        if not able:
            raise ParameterError(
                f"max_bins={self.max_bins} needs one output, no monotonic_cst and a criterion "
                f"other than {self.criterion!r}; set max_bins=None"
            )
        return True

    def _binned(self, X: np.ndarray, y: np.ndarray, trees: list[Any], criterion: str) -> Any:
        """Put the rows in bins; return what grows trees on them, given their weights."""
        jobs = self._jobs(X)
        bins = 255 if isinstance(self.max_bins, str) else int(self.max_bins)
        classes = int(self.n_classes_[0]) if is_classifier(self) else 1
        cuts = _core.boost_cuts(X, None, None, [0] * X.shape[1], bins, jobs)
        template = trees[0]
        template.n_features_in_ = X.shape[1]
        limits = template._limits(len(X), None)
        forest = _core.BinnedForest(
            X,
            y[:, 0],
            classes,
            cuts,
            criterion=criterion,
            random=self._splitter == "random",
            max_depth=self.max_depth,
            min_split=limits["min_split"],
            min_leaf=limits["min_leaf"],
            min_share=float(self.min_weight_fraction_leaf),
            max_features=limits["max_features"],
            max_leaves=limits["max_leaves"],
            min_decrease=limits["min_decrease"],
            n_jobs=jobs,
        )

        def grow(some: list[Any], weights: list[np.ndarray]) -> None:
            flats = forest.grow(weights, [tree.random_state for tree in some], jobs)
            for tree, flat in zip(some, flats, strict=True):
                tree.n_features_in_, tree.n_outputs_ = X.shape[1], 1
                tree.max_features_ = limits["max_features"]
                if is_classifier(self):
                    tree.classes_ = np.arange(classes, dtype=np.float64)
                    tree.n_classes_ = classes
                alpha = float(self.ccp_alpha)
                pruned = flat.prune(alpha) if alpha > 0 else flat
                tree.tree_ = Tree._of(pruned, X.shape[1], np.array([classes]))

        return grow

    def _jobs(self, X: np.ndarray) -> int:
        n_jobs = _threads.resolve(self.n_jobs)
        return n_jobs if X.size >= _SMALL else 1

    def _rows(self, X: Any) -> np.ndarray:
        """Return the rows to predict as a float32 array."""
        check_is_fitted(self)
        finite = True if issparse(X) else "allow-nan"
        X = validated(
            self, X, dtype=np.float32, accept_sparse="csr", reset=False, ensure_all_finite=finite
        )
        return X.toarray() if issparse(X) else X

    def _mean(self, X: Any) -> np.ndarray:
        """Return the trees' mean values, (n_rows, n_outputs, n_classes)."""
        X = self._rows(X)
        flats = [tree.tree_._flat for tree in self.estimators_]
        out = _core.forest_mean(flats, X, self._jobs(X))
        return out.reshape(len(X), self.n_outputs_, -1)

    def _oob_mean(self, X: np.ndarray) -> np.ndarray:
        """Return the mean values over the trees that did not draw a row."""
        n = len(X)
        sums, counts = None, np.zeros(n)
        for tree in self.estimators_:
            out = np.flatnonzero(np.bincount(self._indices(tree.random_state), minlength=n) == 0)
            values = _core.forest_mean([tree.tree_._flat], X[out], self._jobs(X))
            if sums is None:
                sums = np.zeros((n, tree.tree_.value[0].size))
            sums[out] += values.reshape(len(out), -1)
            counts[out] += 1
        if (counts == 0).any():
            warn(
                "Some inputs do not have OOB scores. This probably means too few trees were used "
                "to compute any reliable OOB estimates.",
                UserWarning,
                stacklevel=3,
            )
        assert sums is not None  # there is at least one tree
        return (sums / np.maximum(counts, 1)[:, None]).reshape(n, self.n_outputs_, -1)

    def apply(self, X: Any) -> np.ndarray:
        """Return the leaf that each row ends in.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)
            The rows.

        Returns
        -------
        ndarray of shape (n_samples, n_estimators), int64
            Leaves, numbered as in each tree's ``tree_``.
        """
        X = self._rows(X)
        return np.column_stack([t.tree_.apply(X, self._jobs(X)) for t in self.estimators_])

    def decision_path(self, X: Any) -> tuple[csr_matrix, np.ndarray]:
        """Return the nodes that each row passes.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)
            The rows.

        Returns
        -------
        indicator : csr_matrix of shape (n_samples, n_nodes)
            One where the row passes the node.
        n_nodes_ptr : ndarray of shape (n_estimators + 1,)
            The columns of tree i are ``n_nodes_ptr[i]`` up to ``n_nodes_ptr[i + 1]``.
        """
        X = self._rows(X)
        paths = [tree.tree_.decision_path(X, self._jobs(X)) for tree in self.estimators_]
        ends = np.array([0, *(path.shape[1] for path in paths)]).cumsum()
        return hstack(paths).tocsr(), ends

    @property
    def feature_importances_(self) -> np.ndarray:
        """What each feature took away of the impurity, summing to one, (n_features,)."""
        check_is_fitted(self)
        found = [t.feature_importances_ for t in self.estimators_ if t.tree_.node_count > 1]
        if not found:
            return np.zeros(self.n_features_in_)
        mean = np.mean(found, axis=0, dtype=np.float64)
        return mean / mean.sum()

    @property
    def estimators_samples_(self) -> list[np.ndarray]:
        """The rows that each tree drew."""
        check_is_fitted(self)
        if not self.bootstrap:
            return [np.arange(self._n_samples, dtype=np.int32) for _ in self.estimators_]
        return [self._indices(tree.random_state).astype(np.int32) for tree in self.estimators_]

    @property
    def estimator_(self) -> Any:
        """A tree with the parameters of those grown."""
        return self._tree(0).set_params(random_state=None)

    def __len__(self) -> int:
        return len(self.estimators_)

    def __getitem__(self, index: Any) -> Any:
        return self.estimators_[index]

    def __iter__(self) -> Iterator[Any]:
        return iter(self.estimators_)

    def __sklearn_is_fitted__(self) -> bool:
        return bool(getattr(self, "estimators_", None))

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        tags.input_tags.allow_nan = True
        return tags
