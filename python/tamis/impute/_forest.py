"""Missing values by random forests, column by column, in rounds (missForest)."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, OneToOneFeatureMixin, TransformerMixin
from sklearn.utils.validation import check_is_fitted

from tamis import _core, _frame, _progress, _random, _threads
from tamis.exceptions import ParameterError
from tamis.impute._base import is_nan, missing_mask
from tamis.impute._forest_columns import (
    encode_levels,
    firsts,
    found_levels,
    looked_at,
    others_of,
    whole,
)
from tamis.impute._tables import checked
from tamis.impute._trees import Trees, spreads
from tamis.impute._typed import Codec

__all__ = ["ForestImputer"]


class ForestImputer(OneToOneFeatureMixin, TransformerMixin, BaseEstimator):
    """Fill missing values by random forests: each column from all others, in rounds.

    Numbers are regressed, categories (strings, booleans, categories of frames) are classified.
    Cells start at the mean or the most frequent category; then each column is learned by a
    forest from the rows where it is there, and filled where it is missing, the column with the
    fewest missing values first. Rounds go on while they change less than the round before: they
    end when the change of the numbers (mean square, in standard deviations of their columns) has
    not fallen and that of the categories (share of cells changed) neither, and the round before
    is the one that counts.

    The bins that the trees look at are made once. Of the cells, only those filled in are put in
    their bins again.

    Parameters
    ----------
    n_estimators : int, default=100
        Trees of a forest.
    max_iter : int, default=10
        Rounds at most.
    max_features : {"sqrt", "log2"}, int, float or None, default=1/3
        How many columns a node looks at: a share of the other columns, a function of their
        number, a number, or all.
    min_samples_leaf : int, default=5
        Rows of a leaf at least.
    max_depth : int, optional
        Splits on the way to a leaf at most.
    categorical_features : array-like, optional
        Columns that hold categories, though they hold numbers: a mask, positions, or names. Others
        go by their type.
    missing_values : int or np.nan, default=np.nan
        What stands for a missing value in an array of numbers, besides NaN. In frames it is what
        the library has for it.
    random_state : int, RandomState or None
        Seed of the forests.
    n_jobs : int, optional
        Threads; the results do not depend on them.
    skip_complete : bool, default=False
        Grow no forest for columns that were complete when fitting. Where such a column is missing
        later, it is filled by the mean or the most frequent category.
    add_indicator : bool, default=False
        Append a 0/1 column for each column that had missing values when fitting.
    keep_empty_features : bool, default=False
        Keep columns that had no value when fitting: numbers become 0, others stay missing.
    verbose : int, default=0
        1 shows a progress bar even where nobody seems to be watching.

    Attributes
    ----------
    n_iter_ : int
        Rounds that were run (1 where nothing was missing).
    oob_error_ : ndarray of shape (n_features_in_,)
        The error of each column's forest on rows that its trees did not see: the root mean squared
        error of numbers, the share of wrong categories. NaN without a forest.
    categorical_ : ndarray of shape (n_features_in_,), bool
        Columns that were taken as categories.
    n_features_in_ : int
        Columns seen when fitting.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Their names, where they had any.

    Notes
    -----
    What comes back is of the caller's type: a frame with its index, names and dtypes, of which
    only the missing cells were written. `transform` fills new rows by the forests of the last
    round, in as many rounds as were run, and each row by itself; `fit_transform` does the same
    with the training rows.

    References
    ----------
    Stekhoven and Bühlmann, "MissForest: non-parametric missing value imputation for mixed-type
    data", Bioinformatics 28 (2012).

    Examples
    --------
    >>> import pandas as pd
    >>> from tamis.impute import ForestImputer
    >>> X = pd.DataFrame({"size": [1, 2, 2, 11, 12, None] * 5,
    ...                   "kind": ["cup", "cup", None, "pot", "pot", "pot"] * 5})
    >>> ForestImputer(random_state=0).fit_transform(X).loc[2, "kind"]
    'cup'
    """

    def __init__(
        self,
        n_estimators: int = 100,
        *,
        max_iter: int = 10,
        max_features: Any = 1 / 3,
        min_samples_leaf: int = 5,
        max_depth: int | None = None,
        categorical_features: Any = None,
        missing_values: Any = np.nan,
        random_state: Any = None,
        n_jobs: int | None = None,
        skip_complete: bool = False,
        add_indicator: bool = False,
        keep_empty_features: bool = False,
        verbose: int = 0,
    ):
        self.n_estimators = n_estimators
        self.max_iter = max_iter
        self.max_features = max_features
        self.min_samples_leaf = min_samples_leaf
        self.max_depth = max_depth
        self.categorical_features = categorical_features
        self.missing_values = missing_values
        self.random_state = random_state
        self.n_jobs = n_jobs
        self.skip_complete = skip_complete
        self.add_indicator = add_indicator
        self.keep_empty_features = keep_empty_features
        self.verbose = verbose

    def fit(self, X: Any, y: Any = None) -> ForestImputer:
        """Grow the forests.

        Parameters
        ----------
        X : frame or array-like of shape (n_rows, n_features)
            Numbers, strings, booleans, categories, times.
        y : ignored
            Present for the API.

        Returns
        -------
        self

        Raises
        ------
        ParameterError
            If a parameter has a value that cannot be used.
        DataError
            If X holds an infinity, or values that cannot be imputed.
        """
        self._check_parameters()
        table = self._table(X, fitting=True)
        self._codec = Codec.fit(table)
        cells, mask = self._codec.encode(table), self._codec.missing(table)
        self._levels = found_levels(
            self.categorical_features, self._names().tolist(), cells, self._codec.n_categories
        )
        encode_levels(self._levels, cells)
        self._some: np.ndarray = np.any(mask, axis=0)
        self._empty: np.ndarray = np.all(mask, axis=0)
        counts = self._codec.n_categories.astype(np.int64)
        for column, levels in self._levels.items():
            counts[column] = len(levels)
        self.categorical_ = counts > 0
        live = np.flatnonzero(~self._empty)
        self._counts, self._first = counts[live], firsts(cells[:, live], counts[live])
        self.oob_error_ = np.full(len(counts), np.nan)
        self.n_iter_ = 1
        self._forests: list[Trees | None] = [None] * len(live)
        self._order: list[int] = []
        if len(live):
            self._grow(cells[:, live], mask[:, live])
        return self

    def transform(self, X: Any) -> Any:
        """Fill the missing values of X.

        Parameters
        ----------
        X : frame or array-like of shape (n_rows, n_features)
            Columns as when fitting.

        Returns
        -------
        frame or ndarray of shape (n_rows, n_features_out)
            Of the type of X, an array for a list.

        Raises
        ------
        DataError
            If X holds an infinity, or a column of another type than when fitting.
        """
        check_is_fitted(self)
        table = self._table(X, fitting=False)
        cells, mask = self._codec.encode(table), self._codec.missing(table)
        encode_levels(self._levels, cells)
        live = ~self._empty
        if live.any():
            cells[:, live] = self._filled(cells[:, live], mask[:, live])
        for column, levels in self._levels.items():
            rows = mask[:, column]
            cells[rows, column] = levels[cells[rows, column].astype(np.int64)]
        if self.keep_empty_features:
            numbers_ = np.array([kind == "number" for kind in self._codec.kinds])
            cells[:, self._empty & numbers_] = 0.0
        return self._out(self._codec.decode(table, cells), mask)

    # --- fitting -------------------------------------------------------------------------------

    def _grow(self, cells: np.ndarray, mask: np.ndarray) -> None:
        """Run the rounds and keep the forests of the last that made things better."""
        seed = _random.base_seed(self.random_state)
        threads, n = _threads.resolve(self.n_jobs), cells.shape[1]
        counts = self._counts.tolist()
        self._cuts = _core.Cuts.find(cells, counts, n_jobs=threads)
        filled, scale = np.where(mask, self._first, cells), spreads(cells)
        table = _core.TreeTable(filled, mask, self._cuts, counts, threads)
        gone = mask.sum(axis=0)
        order = [int(j) for j in np.argsort(gone, kind="stable") if gone[j]]
        rest = [j for j in range(n) if not gone[j]]
        total = self.max_iter * len(order) + (0 if self.skip_complete else len(rest))
        forests: list[Any] = [None] * n
        before, errors = filled, np.full(n, np.nan)
        change: tuple[float, float] = (np.inf, np.inf)
        with _progress.bar(total, type(self).__name__, True if self.verbose else None) as bar:
            for round_ in range(self.max_iter if order else 0):
                self.n_iter_ = round_ + 1
                made, wrong = list(forests), errors.copy()
                for j in order:
                    made[j], wrong[j] = self._forest(table, j, seed, round_ * n + j, threads)
                    table.set(j, table.predict(j, others_of(j, n), made[j].forest, threads))
                    bar.update(1)
                after = table.filled()
                last, change = change, self._change(before, after, mask, scale)
                if all(new >= old for new, old in zip(change, last, strict=True)):
                    for j in order:  # as the round before left them
                        table.set(j, np.ascontiguousarray(before[mask[:, j], j]))
                    break
                before, forests, errors = after, made, wrong
            for j in [] if self.skip_complete else rest:
                epoch = self.max_iter * n + j
                forests[j], errors[j] = self._forest(table, j, seed, epoch, threads)
                bar.update(1)
        self._forests = forests
        self._order = order + ([] if self.skip_complete else rest)
        self.oob_error_[~self._empty] = errors

    def _forest(
        self, table: _core.TreeTable, column: int, seed: int, epoch: int, threads: int
    ) -> tuple[Trees, float]:
        others = others_of(column, len(self._counts))
        forest, error, _ = table.fit(
            column,
            others,
            trees=int(self.n_estimators),
            bootstrap=True,
            keep=False,
            min_leaf=int(self.min_samples_leaf),
            max_depth=self.max_depth,
            max_leaves=None,
            max_features=looked_at(self.max_features, len(others)),
            rate=None,
            seed=seed,
            epoch=epoch,
            n_jobs=threads,
        )
        return Trees(forest), error

    def _change(
        self, before: np.ndarray, after: np.ndarray, mask: np.ndarray, scale: np.ndarray
    ) -> tuple[float, float]:
        """Return how much numbers and categories changed; 0 where there are none."""
        moved = ((after - before) / scale)[mask & (self._counts == 0)]
        changed = (after != before)[mask & (self._counts > 0)]
        return (
            float(np.mean(moved**2)) if len(moved) else 0.0,
            float(np.mean(changed)) if len(changed) else 0.0,
        )

    # --- filling -------------------------------------------------------------------------------

    def _filled(self, cells: np.ndarray, mask: np.ndarray) -> np.ndarray:
        """Return encoded cells with those of the mask filled."""
        filled = np.where(mask, self._first, cells)
        order = [j for j in self._order if mask[:, j].any()]
        if not order:
            return filled
        threads, n = _threads.resolve(self.n_jobs), cells.shape[1]
        table = _core.TreeTable(filled, mask, self._cuts, self._counts.tolist(), threads)
        total = self.n_iter_ * len(order)
        with _progress.bar(total, type(self).__name__, True if self.verbose else None) as bar:
            for _ in range(self.n_iter_):
                for j in order:
                    trees = self._forests[j]
                    if trees is not None:
                        table.set(j, table.predict(j, others_of(j, n), trees.forest, threads))
                    bar.update(1)
        return table.filled()

    def _out(self, table: Any, mask: np.ndarray) -> Any:
        """Return the table without columns that are dropped, with the indicator if wanted."""
        kept = self._kept()
        flagged = np.flatnonzero(self._some & self.add_indicator)
        if not kept.all():
            dropped = self._names()[~kept]
            warnings.warn(
                f"Skipping features without any observed values: {dropped}. At least one "
                "non-missing value is needed for imputation with forests.",
                UserWarning,
                stacklevel=3,
            )
        if not _frame.is_frame(table):
            table = table[:, kept]
            flags = mask[:, flagged].astype(table.dtype)
            return np.hstack([table, flags]) if self.add_indicator else table
        if not kept.all():
            names = np.asarray(_frame.names(table), dtype=object)
            table = _frame.wrap(table).drop(*names[~kept]).to_native()
        new = [f"missingindicator_{name}" for name in self._names()[flagged].tolist()]
        return _frame.append_flags(table, new, mask[:, flagged]) if new else table

    # --- columns -------------------------------------------------------------------------------

    def _table(self, X: Any, *, fitting: bool) -> Any:
        """Return X as a frame or an array, with NaN where a marker stood."""
        table = checked(self, X, fitting=fitting)
        if is_nan(self.missing_values):
            return table
        if _frame.is_frame(table):
            raise ParameterError(
                "missing_values other than NaN are for arrays: make them missing in the frame"
            )
        mask = missing_mask(table, self.missing_values)
        if table.dtype.kind == "O":
            return np.where(mask, None, table)
        return np.where(mask, np.nan, table.astype(np.float64, copy=False))

    def _names(self) -> np.ndarray:
        names = getattr(self, "feature_names_in_", None)
        return np.arange(self.n_features_in_) if names is None else names

    def _kept(self) -> np.ndarray:
        return ~self._empty | self.keep_empty_features

    def get_feature_names_out(self, input_features: Any = None) -> np.ndarray:
        """Return the names of the columns that come out.

        Parameters
        ----------
        input_features : array-like of str, optional
            Names of the columns that go in; those seen when fitting, or ``x0``, ``x1``, ...

        Returns
        -------
        ndarray of str objects
        """
        check_is_fitted(self)
        names = np.asarray(super().get_feature_names_out(input_features), dtype=object)
        flags = [f"missingindicator_{n}" for n in names[self._some]] if self.add_indicator else []
        return np.concatenate([names[self._kept()], np.array(flags, dtype=object)])

    def _check_parameters(self) -> None:
        for name in ("n_estimators", "max_iter", "min_samples_leaf"):
            whole(getattr(self, name), name)
        if self.max_depth is not None:
            whole(self.max_depth, "max_depth")
        for name in ("skip_complete", "add_indicator", "keep_empty_features"):
            if not isinstance(getattr(self, name), bool | np.bool_):
                raise ParameterError(f"{name} must be True or False; got {getattr(self, name)!r}")
        looked_at(self.max_features, 1)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = is_nan(self.missing_values)
        tags.input_tags.categorical = True
        tags.input_tags.string = True
        tags.non_deterministic = False
        return tags
