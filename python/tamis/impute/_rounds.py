"""A table in the rounds of chained equations: a column is regressed on others and filled."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple, Protocol

import numpy as np
from scipy import stats
from sklearn.base import clone
from sklearn.linear_model import BayesianRidge
from sklearn.utils import check_array

from tamis import _core
from tamis._state import register
from tamis.exceptions import StateError

#: ``draw(estimator, cells, column, dtype)`` returns what is filled in.
Draw = Callable[[Any, np.ndarray, int, Any], np.ndarray]
#: ``match(said, values, wanted, column)`` returns values of rows of which a regression says what is
#: near to `wanted`; `said` and `values` are what it says of the rows observed and what they have.
Match = Callable[[np.ndarray, np.ndarray, np.ndarray, int], np.ndarray]


class Step(NamedTuple):
    """One regression: the column, those it was regressed on, and the fitted estimator."""

    feat_idx: int
    neighbor_feat_idx: np.ndarray
    estimator: Any


def _give(state: dict[str, Any]) -> Step:
    column, others, estimator = (state.get(name) for name in Step._fields)
    whole = isinstance(column, int) and isinstance(others, np.ndarray)
    if not whole or not hasattr(estimator, "predict"):
        raise StateError("a saved regression is not whole: save the imputer again")
    return Step(column, others, estimator)  # type: ignore[arg-type]


register(Step, take=lambda step: step._asdict(), give=_give)


def drawn(
    estimator: Any,
    cells: np.ndarray,
    limits: tuple[float, float],
    dtype: Any,
    random_state: np.random.RandomState | None,
) -> np.ndarray:
    """Return what a fitted estimator says, within limits: its mean, or draws around it."""
    low, high = limits
    if random_state is None:
        return np.clip(estimator.predict(cells), low, high)
    if hasattr(estimator, "draw"):  # trees
        return np.clip(estimator.draw(cells, random_state.randint(2**31 - 1)), low, high)
    mean, spread = estimator.predict(cells, return_std=True)
    out = np.where(spread > 0, np.clip(mean, low, high), mean).astype(dtype)
    out[mean < low], out[mean > high] = low, high
    free = (spread > 0) & (mean >= low) & (mean <= high)
    mean, spread = mean[free], spread[free]
    around = stats.truncnorm((low - mean) / spread, (high - mean) / spread, mean, spread)
    out[free] = around.rvs(random_state=random_state)
    return out


def limit(value: Any, bound: float, n_columns: int, dropped: np.ndarray | None) -> np.ndarray:
    """Return a limit for each column that comes out."""
    value = bound if value is None else value
    each = np.full(n_columns, value) if np.isscalar(value) else value
    each = check_array(each, ensure_all_finite=False, copy=False, ensure_2d=False)
    # Limits may also be given for the columns that come out alone.
    return each if dropped is None or len(each) != len(dropped) else each[~dropped]


class Table(Protocol):
    """What the rounds need."""

    def refresh(self) -> None:
        """Begin a round."""

    def impute(self, column: int, others: np.ndarray) -> Any:
        """Fill a column by a regression on others, and return the fitted estimator."""

    def change(self) -> float:
        """Return the largest sum of absolute changes in a row since this was last asked."""
        ...

    def stalled(self) -> bool:
        """Return whether more rounds are of no use, though the table still changes."""
        return False

    def filled(self) -> np.ndarray:
        """Return the table as it stands."""
        ...


class AnyTable(Table):
    """Columns are regressed by any estimator."""

    def __init__(
        self,
        filled: np.ndarray,
        mask: np.ndarray,
        estimator: Any,
        draw: Draw,
        match: Match | None,
        params: Any,
    ) -> None:
        self._cells, self._mask = filled, mask
        self._before = filled.copy()
        self._estimator, self._draw, self._params = estimator, draw, params
        self._match = match

    def refresh(self) -> None:
        """Begin a round."""

    def impute(self, column: int, others: np.ndarray) -> Any:
        """Fill a column by a regression on others, and return the fitted estimator."""
        gone, cells = self._mask[:, column], self._cells
        estimator = clone(self._estimator)
        known, values = cells[~gone][:, others], cells[~gone, column]
        estimator.fit(known, values, **self._params)
        if self._match is not None:
            wanted = estimator.predict(cells[gone][:, others]) if gone.any() else np.empty(0)
            cells[gone, column] = self._match(estimator.predict(known), values, wanted, column)
        elif gone.any():
            cells[gone, column] = self._draw(estimator, cells[gone][:, others], column, cells.dtype)
        return estimator

    def change(self) -> float:
        """Return the largest sum of absolute changes in a row since this was last asked."""
        most = np.linalg.norm(self._cells - self._before, ord=np.inf)
        self._before = self._cells.copy()
        return float(most)

    def filled(self) -> np.ndarray:
        """Return the table as it stands."""
        return self._cells

    def cells(self) -> np.ndarray:
        """Return the table as it stands, in float64."""
        return self._cells

    def set(self, column: int, values: np.ndarray) -> None:
        """Put values into the missing cells of a column."""
        self._cells[self._mask[:, column], column] = values


class RidgeTable(Table):
    """Columns are regressed by Bayesian ridge regression, on running products of the columns."""

    def __init__(
        self,
        filled: np.ndarray,
        mask: np.ndarray,
        estimator: BayesianRidge,
        limits: tuple[np.ndarray, np.ndarray],
        draw: Draw | None,
        match: Match | None,
        threads: int,
    ) -> None:
        e = estimator
        self._prior = {
            "alpha": (e.alpha_1, e.alpha_2),
            "lambda_": (e.lambda_1, e.lambda_2),
            "alpha_init": e.alpha_init,
            "lambda_init": 1.0 if e.lambda_init is None else e.lambda_init,
            "tol": e.tol,
            "max_iter": e.max_iter,
        }
        self._start, self._mask, self._estimator = filled, mask, estimator
        self._limits, self._draw, self._match, self._threads = limits, draw, match, threads
        self._some: np.ndarray = np.any(mask, axis=0)
        self._chain = _core.Chain(filled.astype(np.float64), mask, threads)
        #: The cells as donors gave them: the chain's are shifted and back.
        self._given = None if match is None else filled.astype(np.float64)

    def refresh(self) -> None:
        """Begin a round."""
        self._chain.refresh(self._threads)

    def impute(self, column: int, others: np.ndarray) -> Any:
        """Fill a column by a regression on others, and return the fitted estimator."""
        chain, listed = self._chain, others.tolist()
        coef, intercept, alpha, lambda_, n_iter, means, sigma = chain.fit(
            column, listed, **self._prior, n_jobs=self._threads
        )
        estimator = clone(self._estimator)
        estimator.coef_, estimator.intercept_ = coef, intercept
        estimator.alpha_, estimator.lambda_, estimator.n_iter_ = alpha, lambda_, n_iter
        estimator.X_offset_, estimator.X_scale_ = means, np.ones_like(means)
        estimator.scores_, estimator.n_features_in_ = [], len(coef)
        if self._draw is not None:
            estimator.sigma_ = sigma
        if self._match is not None and self._given is not None:
            gone, cells = self._mask[:, column], self._given
            said = estimator.predict(cells[~gone][:, others])
            wanted = estimator.predict(cells[gone][:, others]) if gone.any() else np.empty(0)
            found = self._match(said, self._start[~gone, column], wanted, column)
            self.set(column, np.ascontiguousarray(found, dtype=np.float64))
        elif self._some[column] and self._draw is None:
            low, high = self._limits[0][column], self._limits[1][column]
            chain.fill(column, listed, coef, intercept, (float(low), float(high)))
        elif self._some[column] and self._draw is not None:
            drawn = self._draw(estimator, chain.rows(column, listed), column, np.float64)
            chain.set(column, np.ascontiguousarray(drawn, dtype=np.float64))
        return estimator

    def change(self) -> float:
        """Return the largest sum of absolute changes in a row since this was last asked."""
        return self._chain.change()

    def filled(self) -> np.ndarray:
        """Return the table as it stands: what was observed as it was."""
        return np.where(self._mask, self.cells(), self._start).astype(self._start.dtype)

    def cells(self) -> np.ndarray:
        """Return the table as it stands, in float64."""
        return np.asarray(self._chain.filled()) if self._given is None else self._given

    def set(self, column: int, values: np.ndarray) -> None:
        """Put values into the missing cells of a column."""
        self._chain.set(column, values)
        if self._given is not None:
            self._given[self._mask[:, column], column] = values
