"""Missing values by whatever does best on known cells that were hidden."""

from __future__ import annotations

import numbers
import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, OneToOneFeatureMixin, TransformerMixin
from sklearn.utils.validation import check_is_fitted

from tamis import _frame, _threads
from tamis._random import base_seed, derive
from tamis.exceptions import ParameterError
from tamis.impute._auto_judge import judge
from tamis.impute._auto_methods import METHODS, affordable, complete, fitted, make
from tamis.impute._auto_sheet import Sheet
from tamis.impute._auto_spread import row_traits, signs
from tamis.impute._tables import checked
from tamis.impute._typed import Codec

__all__ = ["AutoImputer"]


# `set_output` has no place here: the caller's own container comes back.
class AutoImputer(  # type: ignore[call-arg]
    OneToOneFeatureMixin, TransformerMixin, BaseEstimator, auto_wrap_output_keys=None
):
    """Fill missing values by the methods that do best on known cells hidden for the purpose.

    Known cells of the training rows are hidden where cells like them are missing: a row takes
    over the gaps of another that is as likely to have such gaps. Each method fills them; what it
    was off by says which method, or which blend of several, a column is filled by. How far off
    it may be is said for every cell: the scale of the errors grows with what goes with them (the
    methods' disagreement, an extreme row or value, many gaps beside it), and the limits of the
    intervals are quantiles of the errors seen (conformal).

    Columns of any type are filled as what they are: numbers by numbers, whole numbers, categories,
    strings, booleans and times by values of their own type, and the table comes back as the
    container it came in.

    Parameters
    ----------
    methods : list of str or dict of str to imputer, optional
        Which methods are tried, out of "mean", "median", "most_frequent", "knn" (nearest rows on
        scaled columns), "iterative" (chained ridge regressions), "soft" (low rank), "trees"
        (chained boosted trees) and "forest" (missForest); or imputers of your own by name, which
        get a float64 matrix of scaled numbers and 0/1 columns of levels. By default all that take
        a reasonable time on tables of this size.
    blend : bool, default=True
        Let a column be filled by a weighted mean of methods, where that does better; False takes
        one method a column.
    n_repeats : int, optional
        How often cells are hidden, 3 % of the known ones at a time; by default until some 2000
        were, 3 to 10 times.
    max_rows : int, default=5000
        The methods are compared on so many rows, drawn at random; those chosen are fitted on all.
    keep_empty_features : bool, default=False
        Keep columns that had no value when fitting, filled with 0. False drops them, with a
        warning.
    random_state : int, RandomState or None
        Seed of which cells are hidden and of the methods.
    n_jobs : int, optional
        Threads; None is all cores, or one in a worker process. The results do not depend on it.

    Attributes
    ----------
    report_ : pandas DataFrame
        A line for each column: `column`, `method` (its weight beside each of several), the error
        on hidden cells as `rmse` (of numbers and times, in units of the column) or `error_rate`
        (of categories; the other of the two is NaN), `coverage` of the 90 % interval there (NaN
        for categories), and `n_hidden`, how many cells that is seen in. Cells are judged by what
        the other repeats chose.
    errors_ : pandas DataFrame
        The error of every method in every column, a line for each column.
    imputers_ : dict of str to imputer
        The methods in use, fitted on all training rows.
    n_features_in_ : int
        Columns seen when fitting.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Their names, where they had any.

    Notes
    -----
    That gaps depend on the very value that is missing cannot be seen in the data; then all that
    is said here is too rosy. Errors of a column with few hidden cells are mixed with those of all
    columns before a method is chosen; how much, is found by leaving repeats out. A category is
    filled with one of its common levels (the 30 most frequent of those in one cell of a hundred);
    a column of texts that hardly repeat is filled with the most frequent, and no method sees it.

    References
    ----------
    van Buuren, "Flexible Imputation of Missing Data" (2018), for hiding cells as gaps stand.
    Breiman, "Stacked Regressions", Machine Learning 24 (1996). Lei et al., "Distribution-Free
    Predictive Inference for Regression", Journal of the American Statistical Association 113
    (2018), for intervals scaled to each cell.

    Examples
    --------
    >>> import numpy as np
    >>> import pandas as pd
    >>> from tamis.impute import AutoImputer
    >>> rng = np.random.default_rng(0)
    >>> x = rng.normal(size=200)
    >>> frame = pd.DataFrame({"x": x, "y": 3 * x + rng.normal(size=200) / 10, "z": x > 0})
    >>> frame.loc[::7, "y"] = np.nan
    >>> imputer = AutoImputer(random_state=0).fit(frame)
    >>> filled, std = imputer.transform(frame, return_std=True)
    >>> bool(abs(filled.y - 3 * frame.x).max() < 1), bool((std[::7, 1] > 0).all())
    (True, True)
    >>> list(imputer.report_.columns)
    ['column', 'method', 'rmse', 'error_rate', 'coverage', 'n_hidden']
    """

    def __init__(
        self,
        methods: Any = None,
        *,
        blend: bool = True,
        n_repeats: int | None = None,
        max_rows: int = 5000,
        keep_empty_features: bool = False,
        random_state: Any = None,
        n_jobs: int | None = None,
    ):
        self.methods = methods
        self.blend = blend
        self.n_repeats = n_repeats
        self.max_rows = max_rows
        self.keep_empty_features = keep_empty_features
        self.random_state = random_state
        self.n_jobs = n_jobs

    def fit(self, X: Any, y: Any = None) -> AutoImputer:
        """Compare the methods and fit those chosen.

        Parameters
        ----------
        X : frame, array or list of shape (n_rows, n_features)
            Columns of any types.
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
            If X holds an infinity, or values that cannot be imputed (lists, say).
        """
        self._check_parameters()
        table = checked(self, X, fitting=True)
        self._codec = Codec.fit(table)
        codes = self._codec.encode(table)
        self._sheet = Sheet.fit(codes, self._codec.n_categories)
        seed = base_seed(self.random_state)
        self._threads = _threads.resolve(self.n_jobs)
        sheet = self._sheet.spread(codes)
        made = self._made(codes, seed)
        self._judged = judge(
            codes,
            self._sheet,
            made,
            n_repeats=self.n_repeats,
            max_rows=int(self.max_rows),
            blend=bool(self.blend),
            seed=derive(seed, "hide"),
        )
        used = np.flatnonzero(self._judged.weights.any(axis=0) & bool(sheet.shape[1]))
        names = list(made)
        self.imputers_ = {names[m]: fitted(made[names[m]](), sheet) for m in used}
        del self._threads
        return self

    def transform(self, X: Any, return_std: bool = False) -> Any:
        """Fill the missing values.

        Parameters
        ----------
        X : frame, array or list of shape (n_rows, n_features)
            The rows.
        return_std : bool, default=False
            Give the uncertainty of each cell too.

        Returns
        -------
        filled : frame or ndarray of shape (n_rows, n_features_out)
            The rows without missing values, in the container they came in.
        std : ndarray of shape (n_rows, n_features_out), float64
            With `return_std`: the expected root mean squared error of each cell in units of its
            column (seconds for times); for categories the chance that the cell is wrong. 0 where
            the value was observed.

        Raises
        ------
        DataError
            If X holds an infinity, or a column of another kind than when fitting.
        """
        check_is_fitted(self)
        table = checked(self, X, fitting=False)
        if not self._kept().all():
            self._warn_of_dropped()
        codes = self._codec.encode(table)
        gaps = np.isnan(codes)
        filled, std, _, _ = self._filled(codes, gaps)
        out = self._cut(self._codec.decode(table, filled))
        if not return_std:
            return out
        std = np.where(self._codec.missing(table), std * self._seconds(), 0.0)
        return out, std[:, self._kept()]

    def interval(self, X: Any) -> tuple[Any, Any]:
        """Return limits between which nine of ten of the missing values lie.

        Parameters
        ----------
        X : frame, array or list of shape (n_rows, n_features)
            The rows.

        Returns
        -------
        low, high : frame or ndarray of shape (n_rows, n_features_out)
            The rows with the lower and upper limit in place of each missing number or time.
            Observed cells are as they were; categories have no limits and stay missing.

        Raises
        ------
        DataError
            If X holds an infinity, or a column of another kind than when fitting.
        """
        check_is_fitted(self)
        table = checked(self, X, fitting=False)
        codes = self._codec.encode(table)
        _, _, low, high = self._filled(codes, np.isnan(codes))
        low, high = (self._cut(self._codec.decode(table, limit)) for limit in (low, high))
        return low, high

    @property
    def report_(self) -> Any:
        """A line for each column: what it is filled by, and how well."""
        check_is_fitted(self)
        import pandas as pd

        j, plain, coded = self._judged, self._sheet.plain, self._codec.categorical
        says = [self._says(w) for w in j.weights]
        return pd.DataFrame(
            {
                "column": self._codec.names,
                "method": np.where(plain, "most_frequent", says).tolist(),
                "rmse": np.where(coded, np.nan, j.error),
                "error_rate": np.where(plain, self._sheet.rare, np.where(coded, j.error, np.nan)),
                "coverage": j.coverage,
                "n_hidden": j.n_hidden,
            }
        )

    @property
    def errors_(self) -> Any:
        """The error of every method in every column."""
        check_is_fitted(self)
        import pandas as pd

        columns = dict(zip(self._judged.methods, self._judged.errors.T, strict=True))
        return pd.DataFrame({"column": self._codec.names, **columns})

    # --- filling -------------------------------------------------------------------------------

    def _filled(self, codes: np.ndarray, gaps: np.ndarray) -> tuple[np.ndarray, ...]:
        """Return the codes completed, the uncertainty, and the limits of intervals."""
        filled, std = codes.copy(), np.zeros(codes.shape)
        low, high = codes.copy(), codes.copy()
        if self.keep_empty_features:
            for part in (filled, low, high):
                part[:, self._sheet.empty] = 0.0
        for j in np.flatnonzero(self._sheet.plain).tolist():
            filled[gaps[:, j], j] = self._sheet.levels[j][0]
            std[gaps[:, j], j] = self._sheet.rare[j]
        rows = np.flatnonzero((gaps & (self._sheet.widths > 0)).any(axis=1))
        if not len(rows):
            return filled, std, low, high
        sheet = self._sheet.spread(codes[rows])
        said = np.stack([complete(imputer, sheet) for imputer in self.imputers_.values()])
        used = [self._judged.methods.index(name) for name in self.imputers_]
        traits = row_traits(sheet)
        for j in np.flatnonzero(self._sheet.widths).tolist():
            gone = np.flatnonzero(gaps[rows, j])
            if not len(gone):
                continue
            at = rows[gone], j
            block = said[:, gone][:, :, self._sheet.block(j)]
            weights = self._judged.weights[j, used]
            if self._codec.categorical[j]:
                level = np.tensordot(weights, block, axes=1)
                filled[at] = self._sheet.code(j, level)
                std[at] = self._judged.doubt(level)
                low[at] = high[at] = np.nan
                continue
            block = self._sheet.within(j, block[:, :, 0])
            value = weights @ block
            scale = self._judged.spread.of(j, signs(block, value, traits[gone]))
            filled[at] = self._sheet.code(j, value[:, None])
            std[at] = scale * self._sheet.scale[j]
            for part, tail in (
                (low, self._judged.spread.low[j]),
                (high, self._judged.spread.high[j]),
            ):
                part[at] = self._sheet.code(j, (value + tail * scale)[:, None])
        return filled, std, low, high

    def _seconds(self) -> np.ndarray:
        """Return what turns the codes' units into those of `std`."""
        per_day = np.array([column["per_day"] for column in self._codec.columns], dtype=float)
        return np.where(per_day > 0, 86400.0 / np.maximum(per_day, 1.0), 1.0)

    def _cut(self, table: Any) -> Any:
        """Return a table without the columns that are dropped."""
        kept = self._kept()
        if kept.all():
            return table
        if _frame.is_frame(table):
            names = [n for n, there in zip(_frame.names(table), kept, strict=True) if there]
            return _frame.wrap(table).select(names).to_native()
        return table[:, kept]

    def _says(self, weights: np.ndarray) -> str:
        """Return in words what a column is filled by."""
        parts = [(w, name) for name, w in zip(self._judged.methods, weights, strict=True) if w > 0]
        if len(parts) == 1:
            return parts[0][1]
        return ", ".join(
            f"{name} {100 * w:.0f} %" for w, name in sorted(parts, key=lambda p: -p[0])
        )

    # --- parameters ----------------------------------------------------------------------------

    def _made(self, codes: np.ndarray, seed: int) -> dict[str, Any]:
        """Return for each method what makes its imputer."""
        from sklearn.base import clone

        if isinstance(self.methods, dict):
            return {name: lambda e=e: clone(e) for name, e in self.methods.items()}
        owner = self._sheet.owner
        n_gap_rows = int(np.isnan(codes).any(axis=1).sum())
        names = self.methods
        if names is None:
            names = affordable(len(codes), n_gap_rows, len(owner))
        threads = self._threads
        return {
            name: lambda name=name: make(name, owner, derive(seed, name), threads) for name in names
        }

    def _check_parameters(self) -> None:
        for name in ("blend", "keep_empty_features"):
            if not isinstance(getattr(self, name), bool | np.bool_):
                raise ParameterError(f"{name} must be True or False; got {getattr(self, name)!r}")
        for name, least in (("n_repeats", 1), ("max_rows", 50)):
            n: Any = getattr(self, name)
            if n is None and name == "n_repeats":
                continue
            if not isinstance(n, numbers.Integral) or isinstance(n, bool) or n < least:
                raise ParameterError(f"{name} must be a whole number from {least}; got {n!r}")
        methods = self.methods
        if methods is None:
            return
        if not isinstance(methods, Sequence | dict) or isinstance(methods, str) or not methods:
            raise ParameterError(f"methods must be a list of names or a dict; got {methods!r}")
        if isinstance(methods, dict):
            for name, imputer in methods.items():
                if not (hasattr(imputer, "fit") and hasattr(imputer, "transform")):
                    raise ParameterError(f"method {name!r} must have fit and transform")
            return
        for name in methods:
            if name not in METHODS:
                raise ParameterError(f"methods must be out of {', '.join(METHODS)}; got {name!r}")

    def _kept(self) -> np.ndarray:
        return np.asarray(~self._sheet.empty | bool(self.keep_empty_features))

    def _warn_of_dropped(self) -> None:
        gone = [n for n, kept in zip(self._codec.names, self._kept(), strict=True) if not kept]
        warnings.warn(
            f"Skipping features without any observed values: {gone}. At least one non-missing "
            "value is needed for imputation.",
            UserWarning,
            stacklevel=3,
        )

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
        check_is_fitted(self, "imputers_")
        names = np.asarray(super().get_feature_names_out(input_features), dtype=object)
        return names[self._kept()]

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.input_tags.categorical = True
        tags.input_tags.string = True
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags
