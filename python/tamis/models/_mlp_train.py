"""Rows as the kernel takes them, and networks trained on them by batches or all at once."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import optimize, sparse

from tamis import _core
from tamis._threads import resolve
from tamis.models._coef import table
from tamis.models._mlp_loss import Objective

__all__ = ["Rows", "Trainer", "WholeProblem"]

#: Products of numbers in a batch from which a second thread pays, and in a call below which not
#: even one of its own does.
_THREADS = 4e6
_SHORT = 5e7
#: Epochs by cross entropy before a loss that forgives.
_WARM = 5
#: Rows that a loss of the caller's own sees at once, by L-BFGS.
_MANY = 2000


class Rows:
    """Rows with targets and weights, as the kernel takes them."""

    def __init__(self, X: Any, target: Any, weights: Any) -> None:
        if sparse.issparse(X):
            X = X.tocsr()
            if not X.has_canonical_format:
                X = X.copy()
                X.sum_duplicates()
        self.X, self.target, self.weights = X, target, weights
        self.n = X.shape[0]
        self.table = table(X)

    def of(self, dtype: Any) -> Rows:
        """Return the rows in a precision (of sparse ones the kernel takes any)."""
        if sparse.issparse(self.X) or self.X.dtype == dtype:
            return self
        return Rows(self.X.astype(dtype), self.target, self.weights)

    def threads(self, model: Any, at_once: int, in_all: int, params: int) -> tuple[int, bool]:
        """Return how many threads rows are worth, and whether the call is a short one."""
        work = 6.0 * params
        jobs = resolve(model.n_jobs) if work * min(at_once, in_all) > _THREADS else 1
        return jobs, work * in_all < _SHORT

    def scores(self, model: Any, params: np.ndarray, held: Any) -> np.ndarray:
        """Return the scores of rows by a network of these parameters."""
        n = self.n if held is None else len(held)
        how = self.threads(model, n, n, len(params) // 3)
        return _core.mlp_scores(self.table, params, model._widths(), model.activation, held, *how)

    def total(self) -> float:
        return float(self.n if self.weights is None else self.weights.sum())


class Trainer:
    """A network in the kernel, and the rows that it is trained on by batches."""

    def __init__(self, model: Any, rows: Rows, objective: Objective, batch: int) -> None:
        self.model, self.rows, self.objective, self.batch = model, rows, objective, batch
        start = objective.start
        self.warm = start is not None and len(model.loss_curve_) < _WARM
        now = start if self.warm else objective
        self.net = model._network(now, model._params(), model._memory)
        self.size = sum(w.size for w in model.coefs_)

    def epoch(self, order: np.ndarray, rate: float) -> float:
        """Train on rows in this order; return the sum of their losses."""
        model, rows = self.model, self.rows
        if self.warm and len(model.loss_curve_) >= _WARM:
            self.warm = False
            self.net = model._network(self.objective, self.net.params(), self.net.memory())
            model.best_loss_ = None if model.best_loss_ is None else np.inf
        jobs, short = rows.threads(model, self.batch, len(order), self.size)
        if self.objective.spec is None:
            return self._by_own(order, rate, jobs)
        return float(
            self.net.epoch(
                rows.table, rows.target, rows.weights, order, self.batch, rate, jobs, short
            )
        )

    def _by_own(self, order: np.ndarray, rate: float, jobs: int) -> float:
        """Train for an epoch by a loss that only Python can call."""
        summed, rows = 0.0, self.rows
        for first in range(0, len(order), self.batch):
            ids = order[first : first + self.batch]
            weight = np.ones(len(ids)) if rows.weights is None else rows.weights[ids]
            total = float(weight.sum())
            if total <= 0:
                continue
            scores = self.net.ahead(rows.table, ids, jobs)
            value, slopes = self.objective.look(rows.target[ids], scores)
            slopes = slopes * weight[:, None]
            squares = self.net.back(rows.table, ids, slopes, total, rate, jobs)
            summed += (weight @ value + 0.5 * self.model.alpha * squares) / total * len(ids)
        return float(summed)

    def scores(self, params: np.ndarray, held: np.ndarray) -> np.ndarray:
        """Return the scores of rows left out."""
        return self.rows.scores(self.model, params, held)


class WholeProblem:
    """The mean loss of all rows with its penalties, and its gradient.

    ``(sum(weight * loss) + alpha / 2 * |coefs|^2 + sum(pulls / 2 * (params - anchor)^2)) /
    sum(weight)``; `pulls` and `anchor` (L2-SP) are those of fine-tuning.
    """

    def __init__(
        self, model: Any, rows: Rows, objective: Objective, alpha: float | None = None,
        pulls: np.ndarray | None = None, anchor: np.ndarray | None = None,
    ) -> None:  # fmt: skip
        self.model, self.rows, self.objective = model, rows, objective
        self.alpha = float(model.alpha if alpha is None else alpha)
        self.pulls, self.anchor = pulls, anchor
        self.size = sum(w.size for w in model.coefs_)
        self.net = model._network(objective, model._params().astype(np.float64), None)
        self.total = rows.total()

    def look(self, flat: np.ndarray) -> tuple[float, np.ndarray]:
        """Return the value and the gradient at parameters."""
        rows = self.rows
        self.net.place(np.ascontiguousarray(flat))
        jobs, short = rows.threads(self.model, rows.n, rows.n, self.size)
        if self.objective.spec is None:
            value = self._by_own(jobs)
        else:
            value = self.net.look(rows.table, rows.target, rows.weights, jobs, short)
        slopes, coefs = self.net.slopes(), flat[: self.size]
        value += 0.5 * self.alpha * float(coefs @ coefs)
        slopes[: self.size] += self.alpha * coefs
        if self.pulls is not None:
            moved = flat - self.anchor
            value += 0.5 * float(self.pulls @ moved**2)
            slopes += self.pulls * moved
        return value / self.total, slopes / self.total

    def _by_own(self, jobs: int) -> float:
        value, rows = 0.0, self.rows
        for first in range(0, rows.n, _MANY):
            ids = np.arange(first, min(first + _MANY, rows.n))
            weight = np.ones(len(ids)) if rows.weights is None else rows.weights[ids]
            losses, slopes = self.objective.look(
                rows.target[ids], self.net.ahead(rows.table, ids, jobs)
            )
            value += float(weight @ losses)
            self.net.back(rows.table, ids, slopes * weight[:, None], None, 0.0, jobs)
        return value

    def solve(self, start: np.ndarray, max_iter: int, max_fun: int, tol: float) -> Any:
        """Return SciPy's result from `start` on."""
        options = {"maxfun": int(max_fun), "maxiter": int(max_iter), "gtol": float(tol)}
        return optimize.minimize(self.look, start, jac=True, method="L-BFGS-B", options=options)
