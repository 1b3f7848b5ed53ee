"""Linear models pulled towards the weights they came with."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
from scipy import optimize, sparse
from sklearn.base import is_classifier
from sklearn.utils.sparsefuncs import mean_variance_axis

from tamis._check import validated
from tamis.exceptions import DataError, ParameterError
from tamis.models._finetune_base import Tuner

__all__ = ["LinearTuner"]

#: Pulls tried by ``strength="auto"``, as multiples of the rows' weight.
_PULLS = tuple(10.0 ** np.arange(1.5, -4.1, -0.5))
#: Newton's steps solve a square system: for columns up to here, and no more than so many.
_NEWTON = 500
_STEPS = 100
#: The intercept is free, but for this: without it, one of an absent class would never end.
_INTERCEPT = 1e-3
#: The loss that a linear model was fitted by, by the name of its class.
_LOSSES = {
    "LogisticRegression": "cross_entropy",
    "LogisticRegressionCV": "cross_entropy",
    "LinearRegression": "squared_error",
    "HuberRegressor": "huber",
    "QuantileRegressor": "quantile",
}
#: The same, for models that take a loss: what scikit-learn calls it.
_SGD = {
    "log_loss": "cross_entropy",
    "hinge": "hinge",
    "squared_hinge": "squared_hinge",
    "squared_error": "squared_error",
    "huber": "huber",
}


class LinearTuner(Tuner):
    """The path of a linear model over pulls: towards its weights, and towards none.

    Minimises ``sum(loss) + pull / 2 * sum((spread * (coef - centre))**2)``, where `spread` is the
    standard deviation of a column in the rows fitted on, so that a column's unit does not matter,
    and `centre` the source's coefficients (L2-SP) or nought (from scratch). The intercept is free.
    """

    def __init__(self, model: Any, loss: Any) -> None:
        self.model = model
        self.classifies = is_classifier(model)
        self.classes = np.asarray(model.classes_) if self.classifies else None
        self.coef = np.atleast_2d(np.asarray(model.coef_, dtype=np.float64))
        free = np.asarray(model.intercept_, dtype=np.float64).ravel()
        self.intercept = np.broadcast_to(free, (len(self.coef),)).copy()
        from tamis import losses

        self.loss = losses.get(_default_loss(model) if loss is None else loss)
        one_each = type(model).__name__ in ("LinearSVC", "SGDClassifier")
        if len(self.coef) > 1 and (one_each or not self.classifies):
            self.loss = _EachColumn(self.loss, self.classifies)

    @property
    def likelihood(self) -> bool:
        """Whether the sum of losses is (taken for) a negative log-likelihood."""
        return self.classifies

    def read(self, X: Any) -> Any:
        """Return X checked against what the model was fitted on."""
        return validated(self.model, X, reset=False, dtype=np.float64, accept_sparse="csr")

    def candidates(self, strength: Any, total: float) -> list[tuple[float, float]]:
        """Return (share of the source's weights in the centre, pull), for rows of weight `total`.

        Infinite is the source with a new intercept only.
        """
        if strength != "auto":
            return [(1.0, float(strength))]
        pulls = [total * pull for pull in _PULLS]
        return [(1.0, pull) for pull in (np.inf, *pulls)] + [(0.0, pull) for pull in pulls]

    def name(self, candidate: tuple[float, float]) -> str:
        """Return a candidate in words."""
        share, pull = candidate
        if pull == np.inf:
            return "source, intercept refitted"
        return f"pull {pull:.3g} to {'the source' if share else 'nought'}"

    def path(self, X: Any, y: np.ndarray, weight: np.ndarray, candidates: list) -> list:
        """Return (coefficients, intercepts) for each candidate, each starting at the one before."""
        spread = _spread(X, weight)
        shrunk = X @ sparse.diags_array(1.0 / spread) if sparse.issparse(X) else X / spread
        loss = self.loss
        if hasattr(loss, "prepared"):
            loss = loss.prepared(y, None if self.classes is None else len(self.classes))
        out: list[tuple[np.ndarray, np.ndarray]] = []
        at, last = np.zeros(0), None
        for share, pull in candidates:
            centre, free = share * self.coef, self._intercept(share, y, weight)
            if share != last:
                at, last = np.zeros(self.coef.size + len(self.coef)), share
            base = X @ centre.T + free
            at = self._fit(loss, shrunk, y, weight, base, pull, at)
            change, shift = self._parts(at)
            out.append((centre + change / spread, free + shift))
        return out

    def _intercept(self, share: float, y: np.ndarray, weight: np.ndarray) -> np.ndarray:
        """Return where the intercepts start."""
        if share or self.classifies or not getattr(self.model, "fit_intercept", True):
            return self.intercept * share
        return np.atleast_1d(np.average(y, axis=0, weights=weight))

    def _parts(self, at: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        k, p = self.coef.shape
        return at[: k * p].reshape(k, p), at[k * p :]

    def _fit(
        self, loss: Any, X: Any, y: np.ndarray, weight: np.ndarray, base: np.ndarray, pull: float,
        start: np.ndarray,
    ) -> np.ndarray:  # fmt: skip
        held = np.full(X.shape[1], pull)
        if getattr(self.model, "fit_intercept", True):
            ones = np.ones((X.shape[0], 1))
            X = sparse.hstack([X, ones], "csr") if sparse.issparse(X) else np.hstack([X, ones])
            held = np.append(held, _INTERCEPT)
        change, shift = self._parts(start)
        start = np.column_stack([change, shift])[:, : len(held)]
        made = np.zeros((len(change), change.shape[1] + 1))
        made[:, : len(held)] = _Problem(loss, X, y, weight, base, held).solve(start)
        return np.concatenate([np.ravel(made[:, :-1]), made[:, -1]])

    def scores(self, fitted: list, X: Any) -> np.ndarray:
        """Return the raw scores of each candidate, shape (n_candidates, n_rows[, n_outputs])."""
        all_scores = np.stack([X @ coef.T + free for coef, free in fitted])
        return all_scores[:, :, 0] if all_scores.shape[2] == 1 else all_scores

    def losses_of(self, scores: np.ndarray, y: np.ndarray) -> np.ndarray:
        """Return the loss of each row for each candidate."""
        return np.stack([self.loss.value(y, one) for one in scores])

    def combine(self, fitted: list, weights: np.ndarray) -> Any:
        """Return the model whose scores are the weighted mean of the candidates'."""
        coef = np.tensordot(weights, np.stack([f[0] for f in fitted]), 1)
        free = np.tensordot(weights, np.stack([f[1] for f in fitted]), 1)
        model = copy.deepcopy(self.model)
        old, shift = np.asarray(model.coef_), np.asarray(model.intercept_)
        model.coef_ = coef.reshape(old.shape).astype(old.dtype)
        if getattr(model, "fit_intercept", True):
            kept = free.astype(shift.dtype if shift.dtype.kind == "f" else np.float64)
            model.intercept_ = kept.reshape(shift.shape) if shift.ndim else kept[0]
        if hasattr(model, "_steps"):
            model._steps = None  # where SGD was before its steps were averaged
        return model


class _Problem:
    """``sum(weight * loss(y, base + X @ at.T)) + sum(held / 2 * at**2)``, least."""

    def __init__(
        self, loss: Any, X: Any, y: np.ndarray, weight: np.ndarray, base: np.ndarray,
        held: np.ndarray,
    ) -> None:  # fmt: skip
        # What is held without end stays at nought.
        self.free = np.flatnonzero(np.isfinite(held))
        self.loss, self.y, self.weight, self.base = loss, y, weight, base
        self.X = X if len(self.free) == len(held) else X[:, self.free]
        self.held = held[self.free]

    def solve(self, start: np.ndarray) -> np.ndarray:
        """Return the coefficients, shape (n_outputs, n_columns)."""
        out = np.zeros_like(start)
        at = start[:, self.free]
        newton = len(at) == 1 and hasattr(self.loss, "hessian") and at.shape[1] <= _NEWTON
        out[:, self.free] = self._newton(at) if newton else self._descend(at)
        return out

    def _score(self, at: np.ndarray) -> np.ndarray:
        score = self.base + self.X @ at.T
        return np.asarray(score[:, 0] if score.shape[1] == 1 else score)

    def _value(self, at: np.ndarray, score: np.ndarray) -> float:
        return float(self.weight @ self.loss.value(self.y, score) + self.held @ (at**2).sum(0) / 2)

    def _slope(self, at: np.ndarray, score: np.ndarray) -> np.ndarray:
        rows = self.loss.gradient(self.y, score).reshape(len(self.y), -1) * self.weight[:, None]
        return np.asarray((self.X.T @ rows).T + self.held * at)

    def _square(self, score: np.ndarray) -> np.ndarray:
        curve = np.maximum(self.loss.hessian(self.y, score), 0.0) * self.weight
        if sparse.issparse(self.X):
            square = (self.X.T @ self.X.multiply(curve[:, None])).toarray()
        else:
            square = self.X.T @ (self.X * curve[:, None])
        square[np.diag_indices(len(square))] += self.held + 1e-10 * (1 + square.trace())
        return np.asarray(square)

    def _newton(self, at: np.ndarray) -> np.ndarray:
        """One output: steps by the second derivatives, halved until they lead down."""
        score = self._score(at)
        value = self._value(at, score)
        for _ in range(_STEPS):
            slope = self._slope(at, score)[0]
            step = np.linalg.solve(self._square(score), slope)
            for size in 0.5 ** np.arange(20):
                there = at - size * step
                new = self._score(there)
                lower = self._value(there, new)
                if lower <= value - 1e-4 * size * (slope @ step):
                    break
            else:
                break
            gained = value - lower
            at, score, value = there, new, lower
            if gained <= 1e-8 * self.weight.sum():
                break
        return at

    def _descend(self, at: np.ndarray) -> np.ndarray:
        def objective(flat: np.ndarray) -> tuple[float, np.ndarray]:
            there = flat.reshape(at.shape)
            score = self._score(there)
            return self._value(there, score), np.ravel(self._slope(there, score))

        options = {"maxiter": 500, "maxcor": 20, "ftol": 1e-10, "gtol": 1e-6 * self.weight.sum()}
        found = optimize.minimize(
            objective, np.ravel(at), jac=True, method="L-BFGS-B", options=options
        )
        return np.asarray(found.x.reshape(at.shape))


class _EachColumn:
    """A loss of one score, summed over the columns: one class against the rest, or one target."""

    def __init__(self, loss: Any, classes: bool) -> None:
        self.loss, self.classes = loss, classes

    def _column(self, y: np.ndarray, k: int) -> np.ndarray:
        return (y == k).astype(np.float64) if self.classes else y[:, k]

    def value(self, y: np.ndarray, score: np.ndarray) -> np.ndarray:
        columns = (self.loss.value(self._column(y, k), s) for k, s in enumerate(score.T))
        return np.sum(list(columns), axis=0)

    def gradient(self, y: np.ndarray, score: np.ndarray) -> np.ndarray:
        columns = (self.loss.gradient(self._column(y, k), s) for k, s in enumerate(score.T))
        return np.column_stack(list(columns))


def _default_loss(model: Any) -> Any:
    name = type(model).__name__
    if name in ("SGDClassifier", "SGDRegressor", "Perceptron"):
        said, own = getattr(model, "loss", "hinge"), getattr(model, "loss_", None)
        if own is None and said not in _SGD:
            raise ParameterError(f"{name} was fitted by {said!r}: say by which loss to go on")
        return _SGD[said] if own is None else own
    if name in ("LinearSVC", "LinearSVR"):
        # But for the errors below epsilon.
        numbers = {
            "epsilon_insensitive": "absolute_error",
            "squared_epsilon_insensitive": "squared_error",
        }
        return numbers.get(model.loss, model.loss)
    if name in _LOSSES:
        # Our LogisticRegression may have been fitted by another loss.
        own = getattr(model, "loss", None) if name == "LogisticRegression" else None
        return own or _LOSSES[name]
    if is_classifier(model):
        raise ParameterError(f"the loss of {name} is not known here: give loss=")
    return "squared_error"


def _spread(X: Any, weight: np.ndarray) -> np.ndarray:
    """Return the standard deviation of each column, one where it is constant."""
    if sparse.issparse(X):
        variance = mean_variance_axis(X, axis=0, weights=weight)[1]
    else:
        mean = np.average(X, axis=0, weights=weight)
        variance = np.average((X - mean) ** 2, axis=0, weights=weight)
    if not np.isfinite(variance).all():
        raise DataError("a column is too large for its spread to be a number: scale it first")
    return np.where(variance > 0, np.sqrt(variance), 1.0)
