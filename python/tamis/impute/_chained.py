"""Chained equations on tables of any types: numbers are regressed, categories classified."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning

from tamis._state import register
from tamis.impute._cells import TIMES
from tamis.impute._levels import common_levels
from tamis.impute._rounds import Table
from tamis.impute._simple import SimpleImputer
from tamis.impute._typed import Codec

if TYPE_CHECKING:
    from tamis.impute._iterative import IterativeImputer

__all__ = ["Design", "MixedTable", "fill", "fit_frame"]


@dataclass(frozen=True)
class Design:
    """What estimators see of a table.

    Numbers stand about their mean in units of their standard deviation, two categories as 0 and
    1, more of them as a column each if they are common.

    Attributes
    ----------
    used : ndarray
        Positions of the columns that had values; what follows is by place among these.
    start : ndarray
        Codes that missing cells begin with.
    n_categories : ndarray
        0 for numbers and times.
    mean, scale : ndarray
        Of numbers and times; 0 and 1 for others.
    levels : list of ndarray
        Of more than two categories those that have a column, and are filled in.
    exact : list of ndarray
        What each number was when fitting, sorted, where donors give their own: it comes back
        without the rounding of the way there and back. Empty otherwise.
    """

    used: np.ndarray
    start: np.ndarray
    n_categories: np.ndarray
    mean: np.ndarray
    scale: np.ndarray
    levels: list[np.ndarray]
    exact: list[np.ndarray]

    @classmethod
    def of(cls, codec: Codec, matrix: np.ndarray, start: np.ndarray, donors: bool) -> Design:
        """Return the design of a table of codes."""
        used = np.flatnonzero(~codec.empty)
        n_categories, cells = codec.n_categories[used], matrix[:, used]
        numbers = n_categories == 0
        mean = np.where(numbers, np.nanmean(cells, axis=0), 0.0)
        scale = np.where(numbers, np.nanstd(cells, axis=0), 1.0)
        scale = np.where(scale > 0, scale, 1.0)
        exact = [np.unique(c[~np.isnan(c)]) for c in cells.T] if donors else []
        levels = [
            common_levels(x) if n > 2 else np.arange(float(n))
            for x, n in zip(cells.T, n_categories.tolist(), strict=True)
        ]
        return cls(used, start[used], n_categories, mean, scale, levels, exact)

    @property
    def widths(self) -> np.ndarray:
        """How many columns stand for each column of the table."""
        return np.array([len(v) if len(v) > 2 else 1 for v in self.levels], dtype=np.int64)

    def columns(self, of: np.ndarray | list[int]) -> np.ndarray:
        """Return the columns that stand for some columns of the table."""
        ends = np.cumsum(self.widths)
        parts = [np.arange(ends[j] - self.widths[j], ends[j]) for j in of]
        return np.concatenate(parts) if parts else np.zeros(0, dtype=np.int64)

    def coded(self, column: int, codes: np.ndarray) -> np.ndarray:
        """Return what stands for the codes of a column; of a category that is unknown, nothing."""
        levels = self.levels[column]
        if self.n_categories[column] == 0:
            return ((codes - self.mean[column]) / self.scale[column])[:, None]
        if len(levels) > 2:
            return (codes[:, None] == levels).astype(np.float64)
        # Two levels, or one: what is neither, or unknown, stands between.
        known = [codes == levels[0], codes == levels[-1]]
        return np.select(known, [0.0, 1.0], 0.5)[:, None]

    def expand(self, cells: np.ndarray) -> np.ndarray:
        """Return what stands for a table of codes."""
        return np.hstack([self.coded(j, cells[:, j]) for j in range(cells.shape[1])])

    def numbers(self, expanded: np.ndarray, codes: np.ndarray) -> np.ndarray:
        """Return codes, with the numbers as they stand in the expanded table."""
        first = np.cumsum(self.widths) - self.widths
        whole = expanded[:, first] * self.scale + self.mean
        for j, known in enumerate(self.exact):
            at = np.searchsorted((known[1:] + known[:-1]) / 2, whole[:, j])
            near = np.abs(known[at] - whole[:, j]) <= 1e-12 * (self.scale[j] + abs(self.mean[j]))
            whole[:, j] = np.where(near, known[at], whole[:, j])
        return np.where(self.n_categories == 0, whole, codes)


class MixedTable:
    """A table whose numbers another one regresses, and whose categories are classified."""

    def __init__(
        self, inner: Any, design: Design, codes: np.ndarray, mask: np.ndarray, classifier: Any,
        random_state: np.random.RandomState | None,
    ) -> None:  # fmt: skip
        self._inner, self._design, self._codes, self._mask = inner, design, codes, mask
        self._classifier, self._state = classifier, random_state

    def refresh(self) -> None:
        """Begin a round."""
        self._inner.refresh()

    def impute(self, column: int, others: np.ndarray) -> Any:
        """Fill a column by a regression on others, and return the fitted estimator.

        None where one category is common: nothing is to be told apart.
        """
        listed, own = self._design.columns(others), self._design.columns([column])
        if self._design.n_categories[column] == 0:
            return self._inner.impute(int(own[0]), listed)
        gone = self._mask[:, column]
        levels = self._design.levels[column]
        if len(levels) < 2:
            return None
        cells, target = self._inner.cells(), self._codes[:, column]
        known = np.flatnonzero(~gone & np.isin(target, levels))
        model = _classified(self._classifier, cells[known][:, listed], target[known], self._state)
        if gone.any():
            found = chosen(model, cells[gone][:, listed], self._state)
            self._codes[gone, column] = found
            for k, values in zip(own, self._design.coded(column, found).T, strict=True):
                self._inner.set(int(k), np.ascontiguousarray(values))
        return model

    def change(self) -> float:
        """Return the largest sum of absolute changes in a row since this was last asked."""
        return float(self._inner.change())

    def stalled(self) -> bool:
        """Return whether more rounds are of no use, though the table still changes."""
        return bool(self._inner.stalled())

    def filled(self) -> np.ndarray:
        """Return the codes of the table as it stands."""
        return self._design.numbers(self._inner.cells(), self._codes)


def _classified(
    classifier: Any, X: np.ndarray, y: np.ndarray, state: np.random.RandomState | None
) -> Any:
    """Return a fitted classifier; where draws are wanted, one of a bootstrap sample."""
    model = clone(classifier)
    if state is not None:
        rows = state.randint(len(y), size=len(y))
        if (y[rows] != y[rows[0]]).any():
            X, y = X[rows], y[rows]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # near enough for one round of many
        return model.fit(X, y)


def chosen(model: Any, X: np.ndarray, state: np.random.RandomState | None) -> np.ndarray:
    """Return the categories that a classifier takes, or draws from its probabilities."""
    if state is not None and hasattr(model, "draw"):  # trees
        return np.asarray(model.draw(X, state.randint(2**31 - 1)), dtype=np.float64)
    if state is None or not hasattr(model, "predict_proba"):
        return np.asarray(model.predict(X), dtype=np.float64)
    sums = np.cumsum(model.predict_proba(X), axis=1)
    at = state.random_sample(len(X))[:, None] * sums[:, -1:]
    place = np.minimum((sums <= at).sum(axis=1), sums.shape[1] - 1)
    return np.asarray(model.classes_[place], dtype=np.float64)


def fit_frame(imputer: IterativeImputer, X: Any, params: dict[str, Any]) -> Any:
    """Fit an imputer on a table of any types and return it completed, in its own container."""
    table, matrix, missing = imputer._start_typed(X)
    codec, imputer._design = imputer._known, None
    if not codec.categorical.any() and not np.isin(codec.kinds, TIMES).any():
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="Skipping features")  # told below
            completed = imputer._completed(matrix, params)
        return imputer._finish_typed(table, _spread(imputer, completed), missing)
    imputer._empty = codec.empty
    imputer.n_iter_ = 0
    imputer.initial_imputer_ = SimpleImputer(
        strategy=imputer.initial_strategy,
        fill_value=imputer.fill_value,
        keep_empty_features=imputer.keep_empty_features,
    )
    imputer.initial_imputer_._fit_typed(table)
    imputer._codec = imputer.initial_imputer_._known  # a constant may be a category of its own
    design = Design.of(
        imputer._known, matrix, imputer.initial_imputer_._codes, imputer.n_donors is not None
    )
    imputer._design = design
    mask = missing[:, design.used]
    codes = np.where(mask, design.start, matrix[:, design.used])
    if imputer.max_iter and mask.any() and len(design.used) > 1:
        codes = _rounds(imputer, design, codes, mask, params)
    return imputer._finish_typed(table, _full(imputer, codes), missing)


def _rounds(
    imputer: IterativeImputer, design: Design, codes: np.ndarray, mask: np.ndarray, params: Any
) -> np.ndarray:
    """Run the rounds on codes that are filled provisionally."""
    imputer._limits = _limits(imputer, design)
    expanded, wide = design.expand(codes), np.repeat(mask, design.widths, axis=1)
    inner: Any = imputer._table(expanded, wide, params)
    state = imputer.random_state_ if imputer._draws else None
    table: Table = MixedTable(inner, design, codes.copy(), mask, imputer._classifier(), state)
    known = np.abs(expanded[~wide]).max()
    return np.asarray(imputer._rounds(codes, mask, known, table))


def _limits(imputer: IterativeImputer, design: Design) -> tuple[np.ndarray, np.ndarray]:
    """Return limits in the units of the design; categories have none."""
    told = imputer._checked_limits(len(imputer._empty))
    numbers = design.n_categories == 0
    out = []
    for limit, bound in zip(told, (-np.inf, np.inf), strict=True):
        own = limit[design.used] if len(limit) == len(imputer._empty) else limit
        scaled = np.where(numbers, (own - design.mean) / design.scale, bound)
        out.append(np.repeat(scaled, design.widths))
    return out[0], out[1]


def fill(imputer: IterativeImputer, matrix: np.ndarray, missing: np.ndarray) -> np.ndarray:
    """Return codes for the missing cells by the regressions and classifiers fitted."""
    design = imputer._design
    if design is None:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="Skipping features")
            return _spread(imputer, imputer._refilled(matrix))
    mask = missing[:, design.used]
    codes = np.where(mask, design.start, matrix[:, design.used])
    expanded = design.expand(codes)
    state = imputer.random_state_ if imputer._draws else None
    rows = [np.flatnonzero(mask[:, j]) for j in range(mask.shape[1])]
    seed = imputer._drawn_seed()
    for place, (column, others, estimator) in enumerate(imputer.imputation_sequence_):
        if not len(rows[column]) or estimator is None:
            continue
        own = design.columns([column])
        cells = expanded[rows[column]][:, design.columns(others)]
        if design.n_categories[column] == 0:
            found = imputer._found(place, cells, int(own[0]), seed)
            expanded[rows[column], own[0]] = found
        else:
            found = chosen(estimator, cells, state)
            codes[rows[column], column] = found
            expanded[np.ix_(rows[column], own)] = design.coded(column, found)
    return _full(imputer, design.numbers(expanded, codes))


def _spread(imputer: IterativeImputer, completed: np.ndarray) -> np.ndarray:
    """Return completed numbers by the columns that went in; NaN for those that are dropped."""
    out = np.full((len(completed), len(imputer._empty)), np.nan)
    out[:, imputer._kept()] = completed
    return out


def _full(imputer: IterativeImputer, codes: np.ndarray) -> np.ndarray:
    """Return codes by the columns that went in."""
    out = np.tile(imputer._zeros_where_empty(), (len(codes), 1))
    out[:, imputer._design.used] = codes
    return out


register(Design)
