"""Missing values by chained equations: each column from the others, in rounds."""

from __future__ import annotations

import numbers
import time
import warnings
from typing import Any

import numpy as np
from sklearn import get_config
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import BayesianRidge
from sklearn.utils import check_random_state
from sklearn.utils.metadata_routing import MetadataRouter, MethodMapping, process_routing
from sklearn.utils.validation import check_is_fitted

from tamis import _threads
from tamis._check import refuse_infinite
from tamis.exceptions import ParameterError
from tamis.impute import _chained
from tamis.impute._base import is_nan, missing_mask
from tamis.impute._donors import Donors, Matching, check_donors
from tamis.impute._keeping import TypeKeeper
from tamis.impute._rounds import AnyTable, RidgeTable, Step, Table, drawn, limit
from tamis.impute._simple import SimpleImputer
from tamis.impute._trees import TreesClassifier, TreesTable

__all__ = ["IterativeImputer"]

_ORDERS = ("ascending", "descending", "roman", "arabic", "random")
_STRATEGIES = ("mean", "median", "most_frequent", "constant")


class IterativeImputer(Matching, TypeKeeper):
    """Fill missing values of each column by a regression on the other columns, in rounds.

    Parameters, defaults, attributes and results are those of
    :class:`sklearn.impute.IterativeImputer`. With Bayesian ridge regression, the default, the
    products of the columns are kept and brought up to date, so that a column costs its missing
    rows, and the shrinkage follows from the eigenvalues of these products; with ``"trees"`` small
    native forests are grown on bins that are made once; any other estimator with ``fit`` and
    ``predict`` is fitted anew for each column and round.

    Parameters
    ----------
    estimator : estimator, "trees" or tuple of two, default=BayesianRidge()
        Regresses a column on others. With `sample_posterior` its ``predict`` must take
        ``return_std``. ``"trees"`` are native ones, for relations that are not linear: 40 boosted
        trees of 16 leaves (Friedman 2001) for each column and round, of which there are no more
        once one changes as much as the round before. For `n_donors` 20 are bagged, and for
        `sample_posterior` 10, and a draw is the value of a training row in the leaf of one of
        them. A pair is a regressor for numbers and a classifier for categories, which
        is :class:`tamis.models.LogisticRegression` by default (see Notes).
    missing_values : int or np.nan, default=np.nan
        What stands for a missing value.
    sample_posterior : bool, default=False
        Draw from the predictive distribution instead of filling in its mean.
    max_iter : int, default=10
        Rounds at most.
    tol : float, default=1e-3
        The rounds end when no row changes by more than `tol` times the largest value.
    n_nearest_features : int, optional
        Regress on so many other columns, drawn by their correlation; all by default.
    initial_strategy : {"mean", "median", "most_frequent", "constant"}, default="mean"
        How cells are filled before the first round.
    fill_value : str or number, optional
        The constant of ``initial_strategy="constant"``.
    imputation_order : {"ascending", "descending", "roman", "arabic", "random"}
        Columns with fewest missing values first (the default) or last; from left to right, or
        from right to left; or in a new random order in each round.
    skip_complete : bool, default=False
        Leave columns that were complete when fitting to the initial strategy.
    min_value, max_value : float or array-like of shape (n_features,), default=-inf, inf
        Limits of what is filled in.
    verbose : int, default=0
        1 tells the change in each round, 2 also the time.
    random_state : int, RandomState or None
        Seed of the draws.
    add_indicator : bool, default=False
        Append a 0/1 column for each column that had missing values when fitting.
    keep_empty_features : bool, default=False
        Keep columns that had no value when fitting, filled by the initial strategy.
    n_jobs : int, optional
        Threads of the Bayesian ridge regression and of the trees; the results do not depend on it.
    n_donors : int, optional
        Predictive mean matching: a missing number becomes that of one of so many rows whose
        predictions are nearest to its own, drawn at random; with 1, that of the nearest. All
        `max_iter` rounds are run. Not together with `sample_posterior`.

    Attributes
    ----------
    initial_imputer_ : SimpleImputer
        Fills cells before the first round.
    imputation_sequence_ : list of tuple
        (feat_idx, neighbor_feat_idx, estimator) in the order of fitting. `sigma_` of a Bayesian
        ridge is there only with `sample_posterior`, which needs it.
    n_iter_ : int
        Rounds that were run.
    n_features_with_missing_ : int
        Columns with missing values when fitting (all columns unless `skip_complete`).
    indicator_ : MissingIndicator or None
        The indicator behind `add_indicator`.
    random_state_ : RandomState
        The state that draws come from.
    n_features_in_ : int
        Columns seen when fitting.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Their names, where they had any.

    Notes
    -----
    Where frames come out (``set_output(transform="pandas")`` or ``"polars"``, or scikit-learn's
    configuration), every column of a frame keeps its type. A table of numbers is completed as an
    array is. With categories, texts, booleans or times in it, estimators see numbers and times
    about their mean in units of their standard deviation, and categories as columns of 0 and 1;
    categories are classified, and with `sample_posterior` drawn from the probabilities of a
    classifier fitted on a bootstrap sample. `imputation_sequence_` then counts the columns that
    had values.

    References
    ----------
    van Buuren and Groothuis-Oudshoorn, "mice: Multivariate Imputation by Chained Equations in R",
    Journal of Statistical Software 45 (2011). MacKay, "Bayesian Interpolation", Neural Computation
    4 (1992), for the shrinkage. Doove, van Buuren and Dusseldorp, "Recursive partitioning for
    missing data imputation in the presence of interaction effects", Computational Statistics &
    Data Analysis 72 (2014), for draws from trees. Little, "Missing-data adjustments in large
    surveys", Journal of Business & Economic Statistics 6 (1988), for predictive mean matching.

    Examples
    --------
    >>> import numpy as np
    >>> from tamis.impute import IterativeImputer
    >>> imputer = IterativeImputer(random_state=0)
    >>> imputer.fit_transform([[1, 2], [3, 6], [4, 8], [np.nan, 3], [7, np.nan]]).round(1)
    array([[ 1. ,  2. ],
           [ 3. ,  6. ],
           [ 4. ,  8. ],
           [ 1.5,  3. ],
           [ 7. , 14. ]])
    """

    def __init__(
        self,
        estimator: Any = None,
        *,
        missing_values: Any = np.nan,
        sample_posterior: bool = False,
        max_iter: int = 10,
        tol: float = 1e-3,
        n_nearest_features: int | None = None,
        initial_strategy: str = "mean",
        fill_value: Any = None,
        imputation_order: str = "ascending",
        skip_complete: bool = False,
        min_value: Any = -np.inf,
        max_value: Any = np.inf,
        verbose: int = 0,
        random_state: Any = None,
        add_indicator: bool = False,
        keep_empty_features: bool = False,
        n_jobs: int | None = None,
        n_donors: int | None = None,
    ):
        self.estimator = estimator
        self.missing_values = missing_values
        self.sample_posterior = sample_posterior
        self.max_iter = max_iter
        self.tol = tol
        self.n_nearest_features = n_nearest_features
        self.initial_strategy = initial_strategy
        self.fill_value = fill_value
        self.imputation_order = imputation_order
        self.skip_complete = skip_complete
        self.min_value = min_value
        self.max_value = max_value
        self.verbose = verbose
        self.random_state = random_state
        self.add_indicator = add_indicator
        self.keep_empty_features = keep_empty_features
        self.n_jobs = n_jobs
        self.n_donors = n_donors

    def fit(self, X: Any, y: Any = None, **fit_params: Any) -> IterativeImputer:
        """Fit the regressions.

        Parameters
        ----------
        X : array-like or frame of shape (n_rows, n_features)
            Numbers; float32 is kept.
        y : ignored
            Present for the API.
        **fit_params
            Go to the estimator's ``fit`` (with scikit-learn's metadata routing enabled).

        Returns
        -------
        self

        Raises
        ------
        ParameterError
            If a parameter has a value that cannot be used.
        DataError
            If X holds an infinity.
        """
        self.fit_transform(X, **fit_params)
        return self

    def fit_transform(self, X: Any, y: Any = None, **fit_params: Any) -> Any:
        """Fit the regressions and return X completed; see `fit`.

        Parameters
        ----------
        X : array-like or frame of shape (n_rows, n_features)
            Numbers; float32 is kept.
        y : ignored
            Present for the API.
        **fit_params
            Go to the estimator's ``fit`` (with scikit-learn's metadata routing enabled).

        Returns
        -------
        ndarray of shape (n_rows, n_features_out)
        """
        params = self._begin(fit_params)
        if self._wants_types(X):
            return self._as_told(_chained.fit_frame(self, X, params))
        self._codec = None
        X = self._validated(X, fitting=True)
        self._fit_indicator(X)
        indicated = self._indicated(X)
        return self._joined(self._completed(X, params), indicated)

    def _begin(self, fit_params: dict[str, Any]) -> dict[str, Any]:
        """Check the parameters and start anew; return what goes to the estimator's fit."""
        self._check_parameters()
        if fit_params and not get_config()["enable_metadata_routing"]:
            raise ParameterError(
                "parameters for the estimator need scikit-learn's metadata routing"
            )
        routed = process_routing(self, "fit", **fit_params)
        if not hasattr(self, "random_state_"):
            self.random_state_ = check_random_state(self.random_state)
        self.imputation_sequence_: list[Step] = []
        self._donors: list[Donors | None] = []
        self._seed = self._drawn_seed()
        return dict(routed.estimator.fit)

    def _fit_frame(self, X: Any) -> Any:
        return _chained.fit_frame(self, X, self._begin({}))

    def _fill_typed(self, matrix: np.ndarray, missing: np.ndarray) -> np.ndarray:
        return _chained.fill(self, matrix, missing)

    def _completed(self, X: np.ndarray, params: dict[str, Any]) -> np.ndarray:
        """Fit on an array and return it completed."""
        mask = missing_mask(X, self.missing_values)
        self._empty: np.ndarray = np.all(mask, axis=0)
        self.initial_imputer_ = SimpleImputer(
            missing_values=self.missing_values,
            strategy=self.initial_strategy,
            fill_value=self.fill_value,
            keep_empty_features=self.keep_empty_features,
        ).set_output(transform="default")
        self.initial_imputer_.fit(X)
        filled, mask = self._first(X), self._open(mask)
        self.n_iter_ = 0
        if self.max_iter == 0 or mask.all() or filled.shape[1] == 1:
            return filled
        self._limits = self._checked_limits(X.shape[1])
        known = np.abs(filled[~mask]).max()
        return self._rounds(filled, mask, known, self._table(filled, mask, params))

    def transform(self, X: Any) -> Any:
        """Fill the missing values of X by the regressions fitted.

        Parameters
        ----------
        X : array-like or frame of shape (n_rows, n_features)

        Returns
        -------
        ndarray of shape (n_rows, n_features_out)

        Raises
        ------
        DataError
            If X holds an infinity.
        """
        check_is_fitted(self)
        if self._codec is not None:
            return self._as_told(self._transform_frame(X))
        X = self._validated(X, fitting=False)
        indicated = self._indicated(X)
        return self._joined(self._refilled(X), indicated)

    def _refilled(self, X: np.ndarray) -> np.ndarray:
        """Return an array completed by the regressions fitted."""
        filled, mask = self._first(X), self._open(missing_mask(X, self.missing_values))
        if self.n_iter_ == 0 or mask.all():
            return filled
        rows = [np.flatnonzero(mask[:, j]) for j in range(mask.shape[1])]
        seed = self._drawn_seed()
        for place, (column, others, _) in enumerate(self.imputation_sequence_):
            if len(rows[column]):
                cells = filled[rows[column]][:, others]
                filled[rows[column], column] = self._found(place, cells, column, seed)
        return filled

    # --- fitting -------------------------------------------------------------------------------

    def _rounds(self, filled: np.ndarray, mask: np.ndarray, known: float, table: Table) -> Any:
        """Run the rounds on a table filled provisionally; return it completed."""
        order = self._order(mask)
        self.n_features_with_missing_ = len(order)
        chance = self._chances(filled)
        if self.verbose > 0:
            print(f"[IterativeImputer] Completing matrix with shape {filled.shape}")
        start = time.monotonic()
        for round_ in range(1, self.max_iter + 1):
            self.n_iter_ = round_
            if self.imputation_order == "random":
                order = self._order(mask)
            table.refresh()
            for column in order:
                others = self._others(int(column), chance, mask.shape[1])
                estimator = table.impute(int(column), others)
                if estimator is not None:
                    self.imputation_sequence_.append(Step(int(column), others, estimator))
                    if len(self._donors) < len(self.imputation_sequence_):
                        self._donors.append(None)
            if self.verbose > 1:
                took = time.monotonic() - start
                print(
                    f"[IterativeImputer] Ending imputation round {round_}/{self.max_iter}, "
                    f"elapsed time {took:0.2f}"
                )
            if self._draws:
                continue
            if self._settled(table.change(), self.tol * known) or table.stalled():
                break
        else:
            if not self._draws and not isinstance(self._pair[0], str):  # trees never settle
                warnings.warn(
                    "[IterativeImputer] Early stopping criterion not reached.",
                    ConvergenceWarning,
                    stacklevel=3,
                )
        return table.filled()

    def _table(self, filled: np.ndarray, mask: np.ndarray, params: Any) -> Table:
        """Return the table whose columns are imputed, in the form that the estimator allows."""
        estimator = BayesianRidge() if self._pair[0] is None else self._pair[0]
        match = None if self.n_donors is None else self._match
        if isinstance(estimator, str):
            draws, threads = self.sample_posterior, _threads.resolve(self.n_jobs)
            return TreesTable(filled, mask, self._limits, draws, match, self._seed, threads)
        plain = type(estimator) is BayesianRidge and estimator.fit_intercept
        plain = plain and not estimator.compute_score and not estimator.verbose and not params
        if plain:
            threads = _threads.resolve(self.n_jobs)
            draw = self._drawn if self.sample_posterior else None
            return RidgeTable(filled, mask, estimator, self._limits, draw, match, threads)
        return AnyTable(filled, mask, estimator, self._drawn, match, dict(params))

    @property
    def _pair(self) -> tuple[Any, Any]:
        """What regresses numbers and what classifies categories; None for ours."""
        if isinstance(self.estimator, tuple) and len(self.estimator) == 2:
            return self.estimator
        return self.estimator, None

    def _classifier(self) -> Any:
        from tamis.models import LogisticRegression

        if self._pair[1] is not None:
            return self._pair[1]
        if isinstance(self._pair[0], str):
            return TreesClassifier(seed=self._seed, n_jobs=self.n_jobs)
        return LogisticRegression(n_jobs=self.n_jobs)

    def _settled(self, change: float, limit: float) -> bool:
        if self.verbose > 0:
            print(f"[IterativeImputer] Change: {change}, scaled tolerance: {limit} ")
            if change < limit:
                print("[IterativeImputer] Early stopping criterion reached.")
        return bool(change < limit)

    def _drawn(self, estimator: Any, cells: np.ndarray, column: int, dtype: Any) -> np.ndarray:
        """Return what a fitted estimator fills into a column."""
        limits = self._limits[0][column], self._limits[1][column]
        state = self.random_state_ if self.sample_posterior else None
        return drawn(estimator, cells, limits, dtype, state)

    # --- which columns, in what order ----------------------------------------------------------

    def _order(self, mask: np.ndarray) -> np.ndarray:
        share = mask.mean(axis=0)
        columns = np.flatnonzero(share) if self.skip_complete else np.arange(len(share))
        if self.imputation_order == "arabic":
            return columns[::-1]
        if self.imputation_order in ("ascending", "descending"):
            order = np.argsort(share, kind="stable")[len(share) - len(columns) :]
            return order[::-1] if self.imputation_order == "descending" else order
        if self.imputation_order == "random":
            self.random_state_.shuffle(columns)
        return columns

    def _chances(self, filled: np.ndarray) -> np.ndarray | None:
        """Return how likely a column (row) is drawn to predict another (column of the result)."""
        if self.n_nearest_features is None or self.n_nearest_features >= filled.shape[1]:
            return None
        with np.errstate(invalid="ignore", divide="ignore"):
            chance = np.abs(np.corrcoef(filled.T))
        chance = np.clip(np.nan_to_num(chance, nan=1e-6), 1e-6, None)
        np.fill_diagonal(chance, 0)
        return chance / chance.sum(axis=0)

    def _others(self, column: int, chance: np.ndarray | None, n_columns: int) -> np.ndarray:
        if chance is None:
            return np.delete(np.arange(n_columns), column)
        n = self.n_nearest_features
        return self.random_state_.choice(n_columns, n, replace=False, p=chance[:, column])

    # --- checks --------------------------------------------------------------------------------

    def _validated(self, X: Any, *, fitting: bool) -> np.ndarray:
        X = self._numbers(X, fitting=fitting, dtype=(np.float64, np.float32, np.float16))
        self._check_marker(X)
        refuse_infinite(self, X, allow_nan=is_nan(self.missing_values))
        return X

    def _first(self, X: np.ndarray) -> np.ndarray:
        """Return the table filled provisionally."""
        with warnings.catch_warnings():
            # It does not know the columns' names.
            warnings.filterwarnings("ignore", message="Skipping features")
            filled = self.initial_imputer_.transform(X)
        if self._empty.any() and not self.keep_empty_features:
            self._warn_of_dropped(self._kept(), f"strategy={self.initial_strategy!r}")
        return filled

    def _open(self, mask: np.ndarray) -> np.ndarray:
        """Return where the columns that come out are to be filled by regressions."""
        if not self.keep_empty_features:
            return mask[:, ~self._empty]
        return mask & ~self._empty

    def _checked_limits(self, n_columns: int) -> tuple[np.ndarray, np.ndarray]:
        low, high = (
            limit(value, bound, n_columns, None if self.keep_empty_features else self._empty)
            for value, bound in ((self.min_value, -np.inf), (self.max_value, np.inf))
        )
        if not np.all(high > low):
            raise ParameterError("One (or more) features have min_value >= max_value.")
        return low, high

    def _check_parameters(self) -> None:
        self._check_flags("sample_posterior", "skip_complete")
        for name, known in (("initial_strategy", _STRATEGIES), ("imputation_order", _ORDERS)):
            if getattr(self, name) not in known:
                raise ParameterError(
                    f"{name} must be one of {', '.join(known)}; got {getattr(self, name)!r}"
                )
        if not isinstance(self.max_iter, numbers.Integral) or self.max_iter < 0:
            raise ParameterError(f"max_iter must be a whole number from 0; got {self.max_iter!r}")
        if not isinstance(self.tol, numbers.Real) or not self.tol >= 0:
            raise ParameterError(f"tol must be a number from 0; got {self.tol!r}")
        n = self.n_nearest_features
        if n is not None and (not isinstance(n, numbers.Integral) or n < 1):
            raise ParameterError(f"n_nearest_features must be a whole number from 1; got {n!r}")
        check_donors(self.n_donors, self.sample_posterior)
        for e in self._pair:
            if isinstance(e, str) and e == "trees" and e is self._pair[0]:
                continue
            if e is not None and not (hasattr(e, "fit") and hasattr(e, "predict")):
                raise ParameterError(f"estimator must have fit and predict; got {e!r}")

    def _kept(self) -> np.ndarray:
        return np.ones_like(self._empty) if self.keep_empty_features else ~self._empty

    def get_metadata_routing(self) -> MetadataRouter:
        """Return how parameters are routed to the estimator.

        Returns
        -------
        MetadataRouter
        """
        mapping = MethodMapping().add(caller="fit", callee="fit")
        return MetadataRouter(owner=type(self).__name__).add(
            estimator=self._pair[0], method_mapping=mapping
        )
