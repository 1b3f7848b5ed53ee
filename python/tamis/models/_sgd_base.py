"""What the models of stochastic gradient descent share: parameters, losses, state and the fit."""

from __future__ import annotations

import warnings
from numbers import Integral, Real
from typing import Any, NamedTuple

import numpy as np
from sklearn.base import BaseEstimator, is_classifier
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import ShuffleSplit, StratifiedShuffleSplit

from tamis import _core
from tamis._check import validated
from tamis.exceptions import DataError, ParameterError, ShapeError
from tamis.models._coef import SparseCoefMixin, cells
from tamis.models._logistic import ROBUST

__all__ = ["MAX_INT", "Problems", "StochasticGradientDescent"]

MAX_INT = np.iinfo(np.int32).max
_RATES = ("constant", "optimal", "invscaling", "adaptive", "pa1", "pa2")
_PENALTIES = ("l2", "l1", "elasticnet", None)


class Problems(NamedTuple):
    """The rows of a fit: class codes or numbers, weights, and the seed of each problem."""

    y: np.ndarray
    weights: np.ndarray
    sides: np.ndarray
    held: np.ndarray | None
    seeds: list[int]


class StochasticGradientDescent(SparseCoefMixin, BaseEstimator):
    """Parameters, losses, state and the fit."""

    loss: Any
    penalty: str | None
    alpha: float
    l1_ratio: float | None
    fit_intercept: bool
    max_iter: int
    tol: float | None
    shuffle: bool
    epsilon: float
    random_state: Any
    learning_rate: str
    eta0: float
    power_t: float
    early_stopping: bool
    validation_fraction: float
    n_iter_no_change: int
    warm_start: bool
    average: bool | int
    loss_: Any
    t_: float
    _skipped: float
    _steps: tuple[np.ndarray, ...] | None = None
    #: Names of losses as scikit-learn means them.
    _known: tuple[str, ...] = ()
    #: The loss of the steepest steps, by which alone passive-aggressive rates make sense.
    _aggressive = ""

    def _check(self, partial: bool = False) -> None:
        def demand(name: str, good: bool, what: str) -> None:
            if not good:
                raise ParameterError(f"{name} must be {what}; got {getattr(self, name)!r}")

        def number(name: str, low: float, high: float, ends: str) -> None:
            value = getattr(self, name)
            good = isinstance(value, Real) and not isinstance(value, bool)
            good = good and (value > low or (ends[0] == "[" and value == low))
            good = good and (value < high or (ends[1] == "]" and value == high))
            demand(name, bool(good), f"a number in {ends[0]}{low:g}, {high:g}{ends[1]}")

        for name in ("max_iter", "n_iter_no_change"):
            value = getattr(self, name)
            demand(name, isinstance(value, Integral) and int(value) >= 1, "a whole number from 1")
        for name in ("fit_intercept", "shuffle", "early_stopping", "warm_start"):
            demand(name, isinstance(getattr(self, name), bool | np.bool_), "True or False")
        demand("average", isinstance(self.average, Integral) and int(self.average) >= 0,
               "True, False or a whole number from 1")  # fmt: skip
        demand("penalty", self.penalty in _PENALTIES, f"one of {_PENALTIES}")
        demand("learning_rate", self.learning_rate in _RATES, f"one of {_RATES}")
        number("alpha", 0, np.inf, "[)")
        number("epsilon", 0, np.inf, "[)")
        number("eta0", 0, np.inf, "()")
        number("power_t", -np.inf, np.inf, "()")
        number("validation_fraction", 0, 1, "()")
        if self.tol is not None:
            number("tol", 0, np.inf, "[)")
        if self.l1_ratio is not None:
            number("l1_ratio", 0, 1, "[]")
        elif self.penalty == "elasticnet":
            raise ParameterError("l1_ratio must be set when penalty is 'elasticnet'")
        if self.early_stopping and partial:
            raise ParameterError("early_stopping should be False with partial_fit")
        if self.learning_rate == "optimal" and self.alpha == 0:
            raise ParameterError(
                "alpha must be > 0 since learning_rate is 'optimal': it sets the size of the steps"
            )
        if self.learning_rate in ("pa1", "pa2") and self.loss != self._aggressive:
            raise ParameterError(
                f"Learning rate {self.learning_rate!r} only works with loss {self._aggressive!r}."
            )
        if self.power_t < 0:
            text = "Negative values for `power_t` are deprecated in scikit-learn 1.8: use 0 or more"
            warnings.warn(text, FutureWarning, stacklevel=4)

    def _loss_object(self) -> Any:
        """Return the loss as one of `tamis.losses` or of one's own, None for scikit-learn's."""
        if isinstance(self.loss, str) and self.loss in self._known:
            return None
        from tamis.losses import get, names

        if isinstance(self.loss, str) and self.loss not in names():
            known = sorted({*self._known, *names()})
            raise ParameterError(f"loss must be one of {known} or a loss; got {self.loss!r}")
        return get(self.loss)

    def _rule(self, loss: Any) -> Any:
        """Return the loss as the kernel takes it: (name, parameters), or a function."""
        if loss is None:
            if self.loss == "huber" and self.epsilon == 0:
                raise ParameterError("epsilon must be above 0 for loss='huber'")
            given = [float(self.epsilon)]
            return {
                "hinge": ("hinge", [1.0]),
                "perceptron": ("hinge", [0.0]),
                "squared_hinge": ("squared_hinge", [1.0]),
                "log_loss": ("cross_entropy", [0.0]),
                "modified_huber": ("modified_huber", []),
                "squared_error": ("squared_error", []),
            }.get(self.loss) or (self.loss, given)
        if hasattr(loss, "_spec"):
            return loss._spec()[:2]

        def ask(y: np.ndarray, score: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
            value = np.ascontiguousarray(loss.value(y, score), dtype=np.float64)
            return value, np.ascontiguousarray(loss.gradient(y, score), dtype=np.float64)

        return ask

    def _rows(self, X: Any, y: Any, reset: bool, **checks: Any) -> Any:
        return validated(
            self,
            X,
            y,
            accept_sparse="csr",
            dtype=(np.float64, np.float32),
            order="C",
            reset=reset,
            **checks,
        )

    def _held(self, y: np.ndarray, weights: np.ndarray) -> np.ndarray | None:
        """Return which rows are kept to score by."""
        if not self.early_stopping:
            return None
        kind = StratifiedShuffleSplit if is_classifier(self) else ShuffleSplit
        split = kind(test_size=self.validation_fraction, random_state=self.random_state)
        train, kept = next(split.split(np.zeros((len(y), 1)), y))
        if not weights[kept].any():
            raise DataError(
                "The sample weights for validation set are all zero, consider using a different "
                "random state."
            )
        if not len(train) or not len(kept):
            raise DataError(
                f"Splitting {len(y)} samples into a train set and a validation set with "
                f"validation_fraction={self.validation_fraction!r} led to an empty set "
                f"({len(train)} and {len(kept)} samples). Please either change "
                "validation_fraction, increase number of samples, or disable early_stopping."
            )
        held = np.zeros(len(y), dtype=bool)
        held[kept] = True
        return held

    def _begin(self, shape: tuple[int, int], coef: Any, intercept: Any, fresh: bool) -> Any:
        """Return (coef, intercept, their means) to start from; `fresh` forgets all but these."""
        if not fresh and getattr(self, "coef_", None) is not None:
            self.densify()
            coef, intercept = self.coef_, self.intercept_
            if self.average and self._steps is not None:
                return tuple(np.asarray(part, dtype=np.float64) for part in self._steps)
            self._skipped = self.t_ - 1  # no mean is known of the steps until now
        zeros, none = np.zeros(shape), np.zeros(shape[0])
        if coef is not None:
            zeros = np.array(coef, dtype=np.float64)
            if zeros.shape != shape and not (shape[0] == 1 and zeros.size == shape[1]):
                raise ShapeError(
                    f"Provided coef_init does not match dataset: it has shape {zeros.shape}, not "
                    f"{shape}"
                )
        if intercept is not None:
            none = np.array(intercept, dtype=np.float64)
            if none.shape != shape[:1] and not (shape[0] == 1 and none.shape == ()):
                raise ShapeError(
                    f"Provided intercept_init does not match dataset: it has shape {none.shape}, "
                    f"not {shape[:1]}"
                )
        mean = (np.zeros(shape), np.zeros(shape[0]))
        if not self.average:
            mean = (np.zeros((0, shape[1])), np.zeros(0))
        return (zeros.reshape(shape), none.reshape(shape[0]), *mean)

    def _descend(self, X: Any, rows: Problems, start: Any, jobs: int, partial: bool) -> Any:
        """Go on from `start` at `t_`; return (coef, intercept) and set `n_iter_` and `t_`."""
        rule, table, max_iter = self._rule(self.loss_), cells(X), 1 if partial else self.max_iter
        rules = [rule]
        if not partial and not start[0].any() and not callable(rule) and rule[0] in ROBUST:
            rules = [("cross_entropy", [0.0]), rule]
        self.n_iter_, held = 0, rows.held
        for rule in rules:
            last = rule is rules[-1]
            if last and self.n_iter_:
                self._skipped = self.t_ - 1  # weights are averaged from the last loss on
            settings = self._settings(max_iter, averaged=last)
            if not last:
                start = (*start[:2], np.zeros((0, X.shape[1])), np.zeros(0))
            *state, epochs = _core.sgd_fit(
                table, rows.y, rows.weights, rows.sides, held, rule, settings, rows.seeds, start,
                float(self.t_), 1 if callable(rule) else jobs,
            )  # fmt: skip
            if not last and self.average:
                state[2:] = np.zeros_like(state[0]), np.zeros_like(state[1])
            start = tuple(state)
            self.n_iter_ += max(epochs)
            self.t_ += max(epochs) * X.shape[0]
            if max(epochs) == max_iter and not partial and self.tol is not None:
                warnings.warn(
                    "Maximum number of iteration reached before convergence. Consider increasing "
                    "max_iter to improve the fit.",
                    ConvergenceWarning,
                    stacklevel=4,
                )
        self._steps = tuple(part.astype(X.dtype) for part in start) if self.average else None
        mean = self.average and self.average <= self.t_ - 1 - self._skipped
        coef, intercept = start[2:] if mean else start[:2]
        return coef.astype(X.dtype), intercept.astype(X.dtype)

    def _settings(self, max_iter: int, averaged: bool) -> dict[str, Any]:
        share = {"l2": 0.0, "l1": 1.0, "elasticnet": self.l1_ratio}.get(str(self.penalty))
        return {
            "alpha": float(self.alpha),
            "l1_ratio": None if share is None else float(share),
            "learning_rate": self.learning_rate,
            "eta0": float(self.eta0),
            "power_t": float(self.power_t),
            "fit_intercept": bool(self.fit_intercept),
            "average": float(self.average + self._skipped) if self.average and averaged else 0.0,
            "max_iter": int(max_iter),
            "tol": None if self.tol is None else float(self.tol),
            "n_iter_no_change": int(self.n_iter_no_change),
            "shuffle": bool(self.shuffle),
            "classes": is_classifier(self),
        }

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags
