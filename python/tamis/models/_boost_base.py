"""What boosted classifiers and regressors share: parameters, rounds, early stopping, scores."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, is_classifier
from sklearn.metrics import check_scoring
from sklearn.model_selection import train_test_split
from sklearn.utils import check_random_state, resample
from sklearn.utils.validation import check_consistent_length, check_is_fitted

from tamis import _core, _progress, _threads
from tamis._check import weights_of
from tamis.exceptions import DataError, ParameterError
from tamis.models import _boost_columns as columns
from tamis.models._boost_trees import BoostedTree, BoostedTrees
from tamis.models._tree_base import _count, _demand, _number, _share

__all__ = ["BaseBoosting"]

#: Rows that bins are found on, at most; more are sampled from, as scikit-learn does.
_BIN_ROWS = 200_000
#: Training rows that a scorer sees, at most.
_SCORE_ROWS = 10_000
#: Fewer cells than this are worked on by one thread: starting others takes longer.
_SMALL = 32_768
_TOP = np.iinfo(np.uint32).max


class BaseBoosting(BaseEstimator):
    """What the classifier and the regressor share."""

    loss: Any
    learning_rate: Any
    max_iter: Any
    max_leaf_nodes: Any
    max_depth: Any
    min_samples_leaf: Any
    l2_regularization: Any
    max_features: Any
    max_bins: Any
    categorical_features: Any
    monotonic_cst: Any
    interaction_cst: Any
    warm_start: Any
    early_stopping: Any
    scoring: Any
    validation_fraction: Any
    n_iter_no_change: Any
    tol: Any
    verbose: Any
    random_state: Any
    n_jobs: Any
    is_categorical_: np.ndarray | None
    n_trees_per_iteration_: int
    train_score_: np.ndarray
    validation_score_: np.ndarray
    _trees: BoostedTrees
    _given: Any
    #: Names of losses that the kernel has.
    _losses: tuple[str, ...] = ()

    def fit(
        self,
        X: Any,
        y: Any,
        sample_weight: Any = None,
        *,
        X_val: Any = None,
        y_val: Any = None,
        sample_weight_val: Any = None,
    ) -> Any:
        """Grow the trees.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            The rows. NaN is a missing value, infinities are numbers like others.
        y : array-like of shape (n_samples,)
            The target.
        sample_weight : array-like of shape (n_samples,), default=None
            The rows' weights.
        X_val : array-like of shape (n_val, n_features), default=None
            Rows to stop early by, in place of some of `X`.
        y_val : array-like of shape (n_val,), default=None
            Their target.
        sample_weight_val : array-like of shape (n_val,), default=None
            Their weights.

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
        began = time.perf_counter()
        self._check_parameters()
        again = bool(self.warm_start) and self._is_fitted()
        X = columns.table(self, X, reset=True)
        y = self._encode_y(y)
        check_consistent_length(X, y)
        sample_weight = self._class_weighted(weights_of(sample_weight, X), y)
        if sample_weight is not None and not (sample_weight != 0).any():
            raise DataError("sample_weight: every weight is zero, so no row counts")
        held = self._held_given(X_val, y_val, sample_weight_val)
        if not again:
            rng = check_random_state(self.random_state)
            self._random_seed = int(rng.randint(_TOP, dtype="u8"))
            self._feature_seed = int(rng.randint(_TOP, dtype="u8"))
        train = (X, y, sample_weight)
        auto = held is not None or len(X) > 10_000
        self.do_early_stopping_ = auto if self.early_stopping == "auto" else self.early_stopping
        if self.do_early_stopping_ and held is None and self.validation_fraction is not None:
            train, held = self._split(train)
        self._loss = self._loss_object(train[1])
        booster = self._booster(train, held, again)
        self._boost(booster, train, held, again)
        if self.verbose:
            took = time.perf_counter() - began
            print(f"Fit {self.n_iter_} rounds of {self.n_trees_per_iteration_} in {took:.3f} s")
        return self

    def _check_parameters(self) -> None:
        """Check the parameters that no data is needed for."""
        own = hasattr(self.loss, "gradient") or (isinstance(self.loss, str) and self._named())
        _demand(self, "loss", own, f"one of {list(self._losses)}, or a loss of tamis.losses")
        positive = _number(self.learning_rate) and self.learning_rate > 0
        _demand(self, "learning_rate", positive, "a number above 0")
        for name, least, none in (
            ("max_iter", 1, False),
            ("max_leaf_nodes", 2, True),
            ("max_depth", 1, True),
            ("min_samples_leaf", 1, False),
            ("n_iter_no_change", 1, False),
        ):
            what = f"a count from {least}" + (", or None" if none else "")
            _demand(self, name, _count(getattr(self, name), least, none), what)
        for name in ("l2_regularization", "tol"):
            _demand(self, name, _number(getattr(self, name)), "a number from 0")
        share = _share(self.max_features, 1.0)
        _demand(self, "max_features", share, "a fraction above 0 and up to 1")
        bins = _count(self.max_bins, 2) and self.max_bins <= 255
        _demand(self, "max_bins", bins, "a count from 2 to 255")
        part = self.validation_fraction
        good = part is None or _count(part, 1) or (_share(part, 1.0) and part < 1)
        what = "a fraction between 0 and 1, a count from 1, or None"
        _demand(self, "validation_fraction", good, what)
        stop = self.early_stopping
        good = isinstance(stop, bool | np.bool_) or (isinstance(stop, str) and stop == "auto")
        _demand(self, "early_stopping", good, "True, False or 'auto'")
        known = self.scoring is None or isinstance(self.scoring, str) or callable(self.scoring)
        _demand(self, "scoring", known, "a name, a callable or None")

    def _named(self) -> bool:
        """Return whether a loss of this name exists, here or in `tamis.losses`."""
        from tamis.losses import names

        return self.loss in self._losses or self.loss in names()

    def _loss_object(self, y: np.ndarray) -> Any:
        """Return the loss as an object, None where the kernel has it."""
        if isinstance(self.loss, str) and self.loss in self._losses:
            return None
        loss = self.loss
        if isinstance(loss, str):
            from tamis.losses import get

            loss = get(loss)
        if hasattr(loss, "prepared"):
            loss = loss.prepared(y, self._n_classes())
        return loss

    def _n_classes(self) -> int | None:
        return None

    def _encode_y(self, y: Any) -> np.ndarray:
        """Return the target as float64, checked."""
        raise NotImplementedError

    def _encode_y_val(self, y: Any) -> np.ndarray:
        return self._encode_y(y)

    def _class_weighted(self, weights: np.ndarray | None, y: np.ndarray) -> np.ndarray | None:
        return weights

    def _baseline(self, y: np.ndarray, weights: np.ndarray | None) -> np.ndarray:
        """Return the first score of each class."""
        raise NotImplementedError

    def _held_given(self, X: Any, y: Any, sample_weight: Any) -> Any:
        """Return the caller's rows to stop early by."""
        if X is None and y is None:
            return None
        if y is None:
            raise ParameterError("X_val is provided, but y_val was not provided.")
        if X is None:
            raise ParameterError("y_val is provided, but X_val was not provided.")
        if self.early_stopping is False:
            raise ParameterError(
                "X_val and y_val are passed to fit while at the same time early_stopping is "
                "False: set it to 'auto' or True."
            )
        X = columns.table(self, X, reset=False)
        y = self._encode_y_val(y)
        check_consistent_length(X, y)
        return X, y, weights_of(sample_weight, X)

    def _split(self, rows: Any) -> tuple[Any, Any]:
        """Split off the rows to stop early by; warm starts split alike."""
        X, y, weights = rows
        parts = [X, y] if weights is None else [X, y, weights]
        parts = train_test_split(
            *parts,
            test_size=self.validation_fraction,
            stratify=y if is_classifier(self) else None,
            random_state=self._random_seed,
        )
        train, held = parts[::2], parts[1::2]
        return (train, held) if weights is not None else ((*train, None), (*held, None))

    def _booster(self, train: Any, held: Any, again: bool) -> _core.Booster:
        """Return the kernel's object, with the rows in bins."""
        X, y, weights = train
        jobs = self._jobs(X)
        width, n_features = self.n_trees_per_iteration_, X.shape[1]
        categories = self._categories(n_features)
        rows, bin_weights = None, weights
        if len(X) > _BIN_ROWS:
            share = None if weights is None else weights / weights.sum()
            rng = check_random_state(self._random_seed)
            rows, bin_weights = rng.choice(len(X), _BIN_ROWS, p=share), None
        cuts = _core.boost_cuts(X, rows, bin_weights, categories, int(self.max_bins), jobs)
        if not again:
            self._baseline_prediction = self._baseline(y, weights).reshape(1, -1)
            self._trees = BoostedTrees(width, categories, **_NOTHING)
        elif self._trees.categories.tolist() != categories or self._trees.width != width:
            raise DataError("warm_start needs the columns, categories and classes of the first fit")
        elif self.max_iter < self.n_iter_:
            raise ParameterError(
                f"max_iter={self.max_iter} must be larger than or equal to n_iter_={self.n_iter_} "
                "when warm_start==True"
            )
        booster = _core.Booster(
            X,
            y,
            weights,
            self._scores(X).T.ravel(),
            cuts,
            loss=self.loss if self._loss is None else "given",
            quantile=float(getattr(self, "quantile", None) or 0.5),
            width=width,
            max_leaves=self.max_leaf_nodes,
            max_depth=self.max_depth,
            min_leaf=min(int(self.min_samples_leaf), 2**31),
            min_hessian=1e-3,
            l2=float(self.l2_regularization),
            max_features=float(self.max_features),
            monotonic=self._monotonic(),
            interactions=columns.interaction_sets(self.interaction_cst, n_features),
            rate=float(self.learning_rate),
            seed=self._feature_seed,
            before=self._trees.rounds,
            n_jobs=jobs,
        )
        if held is not None:
            X, y, weights = held
            booster.hold(X, y, weights, self._scores(X).T.ravel(), jobs)
        return booster

    def _monotonic(self) -> list[int]:
        signs = columns.monotonic_signs(self, self.monotonic_cst)
        if self.monotonic_cst is not None and self.n_trees_per_iteration_ > 1:
            raise ParameterError(
                "monotonic constraints are not supported for multiclass classification."
            )
        return signs

    def _categories(self, n_features: int) -> list[int]:
        counts = np.zeros(n_features, dtype=int)
        if self.is_categorical_ is not None:
            counts[self.is_categorical_] = columns.category_counts(self._encoder)
            # A column of nothing but missing values still has categories, if none.
            counts[self.is_categorical_] = np.maximum(counts[self.is_categorical_], 1)
        return [int(count) for count in counts]

    def _boost(self, booster: _core.Booster, train: Any, held: Any, again: bool) -> None:
        """Make the rounds, in one go where nobody has to look in between."""
        first, jobs = self._trees.rounds, self._jobs(train[0])
        before = self._trees
        if again:
            scores = (self.train_score_.tolist(), self.validation_score_.tolist())
        else:
            scores = ([], [])
        look = self._looker(booster, train, held, before) if self.do_early_stopping_ else None
        if look is not None and not again:
            look(scores)
        rounds = self.max_iter - first
        if look is None and self._loss is None:
            with _progress.bar(rounds, type(self).__name__) as bar:
                booster.rounds(rounds, jobs, _progress.kernel_callback(bar))
        else:
            with _progress.bar(rounds, type(self).__name__) as bar:
                for number in range(first, self.max_iter):
                    if self._loss is None:
                        booster.rounds(1, jobs, None)
                    else:
                        self._round_on(booster, train[1], jobs)
                    bar.update()
                    stop = look is not None and look(scores)
                    if self.verbose >= 2:
                        print(f"[{number + 1}/{self.max_iter}] {_told(scores)}")
                    if stop:
                        break
        self.train_score_, self.validation_score_ = (np.asarray(part) for part in scores)
        self._trees = before.joined(booster.trees())

    def _round_on(self, booster: _core.Booster, y: np.ndarray, jobs: int) -> None:
        """Make a round on the gradients of a loss object."""
        raw = self._shaped(booster.raw()[0])
        gradient = np.asarray(self._loss.gradient(y, raw), dtype=np.float64)
        if hasattr(self._loss, "hessian"):
            hessian = np.maximum(np.asarray(self._loss.hessian(y, raw), dtype=np.float64), 0.0)
        else:
            hessian = np.ones_like(gradient)
        booster.round_on(gradient.T.ravel(), hessian.T.ravel(), jobs)

    def _shaped(self, raw: np.ndarray) -> np.ndarray:
        """Return flat scores as a loss takes them: (n_rows,) or (n_rows, n_classes)."""
        width = self.n_trees_per_iteration_
        return raw if width == 1 else np.ascontiguousarray(raw.reshape(width, -1).T)

    def _looker(self, booster: _core.Booster, train: Any, held: Any, before: BoostedTrees) -> Any:
        """Return what notes the scores of a round, and says whether to stop."""
        by_loss = isinstance(self.scoring, str) and self.scoring == "loss"
        scorer: Any = None if by_loss else check_scoring(self, self.scoring)
        jobs = self._jobs(train[0])
        some = None if by_loss else self._some(train)

        def losses() -> tuple[float, float | None]:
            if self._loss is None:
                return booster.losses(jobs)
            raw = [None if r is None else self._shaped(r) for r in booster.raw()]
            of = [
                None if r is None else np.average(self._loss.value(rows[1], r), weights=rows[2])
                for rows, r in zip((train, held), raw, strict=True)
            ]
            return of[0], of[1]  # type: ignore[return-value]

        def score(rows: Any, raw: np.ndarray, chosen: np.ndarray | None) -> float:
            X, y, weights = rows
            raw = raw.reshape(self.n_trees_per_iteration_, -1).T
            if chosen is not None:
                X, y, raw = X[chosen], y[chosen], raw[chosen]
                weights = None if weights is None else weights[chosen]
            if is_classifier(self):
                y = self.classes_[y.astype(int)]
            self._given = (X, raw, before, booster)
            try:
                kwargs = {} if weights is None else {"sample_weight": weights}
                return float(scorer(self, X, y, **kwargs))
            finally:
                del self._given

        def look(scores: tuple[list[float], list[float]]) -> bool:
            if by_loss:
                now, then = losses()
                scores[0].append(-now)
                if then is not None:
                    scores[1].append(-then)
            else:
                raw, raw_held = booster.raw()
                scores[0].append(score(train, raw, some))
                if raw_held is not None:
                    scores[1].append(score(held, raw_held, None))
            return self._should_stop(scores[0] if held is None else scores[1])

        return look

    def _some(self, train: Any) -> np.ndarray | None:
        """Return the training rows that a scorer sees, None for all."""
        X, y, _ = train
        if len(X) <= _SCORE_ROWS:
            return None
        return resample(
            np.arange(len(X)),
            n_samples=_SCORE_ROWS,
            replace=False,
            random_state=self._random_seed,
            stratify=y if is_classifier(self) else None,
        )

    def _should_stop(self, scores: list[float]) -> bool:
        """Return whether none of the last scores is better than the one before them."""
        if len(scores) <= self.n_iter_no_change:
            return False
        mark = scores[-self.n_iter_no_change - 1] + self.tol
        return not any(score > mark for score in scores[-self.n_iter_no_change :])

    def _is_fitted(self) -> bool:
        return hasattr(self, "_trees") and self._trees.rounds > 0

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "_trees")

    @property
    def n_iter_(self) -> int:
        """How many rounds were made."""
        check_is_fitted(self)
        return self._trees.rounds

    @property
    def _predictors(self) -> list[list[BoostedTree]]:
        """The trees by round and class, under scikit-learn's names."""
        trees, width = self._trees, self._trees.width
        return [[trees.tree(i * width + k) for k in range(width)] for i in range(trees.rounds)]

    def _jobs(self, X: np.ndarray) -> int:
        n_jobs = _threads.resolve(self.n_jobs)
        return n_jobs if X.size >= _SMALL else 1

    def _scores(self, X: np.ndarray) -> np.ndarray:
        """Return the raw scores of rows as floats, (n_rows, width)."""
        start = np.broadcast_to(self._baseline_prediction, (len(X), self.n_trees_per_iteration_))
        return self._trees.add(X, start, 0, self._trees.rounds, self._jobs(X))

    def _raw_predict(self, X: Any) -> np.ndarray:
        check_is_fitted(self)
        given = getattr(self, "_given", None)
        if given is None:
            return self._scores(columns.table(self, X, reset=False))
        # A scorer asks, in the middle of `fit`.
        rows, raw, before, booster = given
        if X is rows:
            return raw
        self._trees = before.joined(booster.trees())
        try:
            return self._scores(np.asarray(X, dtype=np.float64))
        finally:
            self._trees = before

    def _staged(self, X: Any) -> Iterator[np.ndarray]:
        check_is_fitted(self)
        X = columns.table(self, X, reset=False)
        raw = np.repeat(self._baseline_prediction, len(X), axis=0)
        for number in range(self._trees.rounds):
            raw = self._trees.add(X, raw, number, number + 1, self._jobs(X))
            yield raw

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        return tags


_NOTHING: dict[str, Any] = {
    "starts": np.zeros(1, dtype=np.int64),
    **{
        name: np.zeros(0)
        for name in (
            *("value", "count", "feature", "threshold", "missing_left", "left", "right"),
            *("gain", "depth", "cut", "set", "sets"),
        )
    },
}


def _told(scores: tuple[list[float], list[float]]) -> str:
    parts = zip(("training", "validation"), scores, strict=True)
    return ", ".join(f"{name} score {part[-1]:.5f}" for name, part in parts if part)
