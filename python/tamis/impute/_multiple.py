"""Several completed tables, each from a draw of its own, and what they say together."""

from __future__ import annotations

import numbers
import warnings
from typing import Any, NamedTuple

import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin, clone
from sklearn.utils.validation import check_is_fitted

from tamis import _frame
from tamis._progress import bar
from tamis._random import base_seed, derive
from tamis.exceptions import ColumnTypeError, ParameterError, ShapeError
from tamis.impute._iterative import IterativeImputer
from tamis.impute._keeping import TypeKeeper
from tamis.impute._tables import checked
from tamis.impute._typed import Codec

__all__ = ["MultipleImputer", "Pooled"]

#: Bootstrap samples that are drawn in search of one in which no column loses all its values.
_TRIES = 100


class Pooled(NamedTuple):
    """What an analysis of several completed tables says.

    Attributes
    ----------
    estimate : float or ndarray
        The mean of the estimates.
    variance : float or ndarray
        Its variance: within the tables, and between them.
    df : float or ndarray
        Degrees of freedom of the t distribution that an interval takes.
    """

    estimate: Any
    variance: Any
    df: Any


class MultipleImputer(TransformerMixin, BaseEstimator):
    """Complete a table several times, so that an analysis knows what filling in has cost.

    One completed table takes guesses for facts: intervals computed from it are too narrow. Here
    each of `n` tables is filled by draws with a stream of their own; analyse each of them, and
    `pool` the answers by Rubin's rules.

    Parameters
    ----------
    n : int, default=5
        How many tables.
    imputer : estimator, optional
        What fills one table: it must draw and have a `random_state`, which is set here.
        ``IterativeImputer(sample_posterior=True)`` by default; with ``n_donors=5`` in place of
        that draws are values that were observed, with ``"trees"`` relations need not be linear.
    bootstrap : bool, default=True
        Fit the imputer of each table on a bootstrap sample of the rows, so that the tables also
        differ by what is not known of the regressions. Without that, intervals are too narrow
        unless the imputer draws its own coefficients for each table.
    random_state : int, RandomState or None
        Seed of the samples and draws. Table i is the same whatever `n` is.

    Attributes
    ----------
    imputers_ : list of estimator
        One for each table.
    seed_ : int
        The seed that the streams are derived from.
    n_features_in_ : int
        Columns seen when fitting.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Their names, where they had any.

    References
    ----------
    Rubin, "Multiple Imputation for Nonresponse in Surveys", Wiley (1987). Barnard and Rubin,
    "Small-sample degrees of freedom with multiple imputation", Biometrika 86 (1999). Honaker and
    King, "What to do about missing values in time-series cross-section data", American Journal of
    Political Science 54 (2010), for the bootstrap in place of draws of coefficients.

    Examples
    --------
    >>> import numpy as np
    >>> from tamis.impute import MultipleImputer
    >>> rng = np.random.default_rng(0)
    >>> X = rng.normal(size=(200, 2)) @ [[1, 0.8], [0, 0.6]]
    >>> X[:80, 1] = np.nan
    >>> imputer = MultipleImputer(n=5, random_state=0)
    >>> tables = imputer.fit_transform(X)
    >>> means = [table[:, 1].mean() for table in tables]
    >>> variances = [table[:, 1].var(ddof=1) / 200 for table in tables]
    >>> pooled = imputer.pool(means, variances)
    >>> bool(pooled.variance > np.mean(variances))
    True
    """

    def __init__(
        self,
        n: int = 5,
        *,
        imputer: Any = None,
        bootstrap: bool = True,
        random_state: Any = None,
    ):
        self.n = n
        self.imputer = imputer
        self.bootstrap = bootstrap
        self.random_state = random_state

    def fit(self, X: Any, y: Any = None) -> MultipleImputer:
        """Fit an imputer for each table.

        Parameters
        ----------
        X : frame or array of shape (n_rows, n_features)
            The rows.
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
            If X holds an infinity or a column that the imputer cannot take.
        """
        made = self._made()
        X = checked(self, X, fitting=True)
        self._codec = Codec.fit(X)
        known = ~self._codec.missing(X)
        with bar(len(made), "imputers fitted") as progress:
            for i, imputer in enumerate(made):
                self._completed(imputer, self._sample(X, known, i), fitting=True)
                progress.update()
        self.imputers_ = made
        return self

    def transform(self, X: Any) -> list[Any]:
        """Return new rows completed n times by the imputers fitted.

        Parameters
        ----------
        X : frame or array of shape (n_rows, n_features)
            The rows.

        Returns
        -------
        list of n frames or arrays
            X completed, in the caller's container; the same whenever it is called.
        """
        check_is_fitted(self)
        X = checked(self, X, fitting=False)
        tables = []
        with bar(len(self.imputers_), "completed tables") as progress:
            for i, imputer in enumerate(self.imputers_):
                if hasattr(imputer, "random_state_"):
                    imputer.random_state_ = np.random.RandomState(derive(self.seed_, "draw", i))
                tables.append(self._completed(imputer, X, fitting=False))
                progress.update()
        return tables

    @staticmethod
    def pool(estimates: Any, variances: Any, complete_df: float | None = None) -> Pooled:
        """Return what the analyses of the tables say together, by Rubin's rules.

        Parameters
        ----------
        estimates : array-like of shape (n,) or (n, ...)
            The estimate from each table; arrays are pooled element by element.
        variances : array-like of the same shape
            Their squared standard errors.
        complete_df : float, optional
            Degrees of freedom that the analysis would have without missing values (rows less
            coefficients): the small-sample rule of Barnard and Rubin. None is the rule of 1987.

        Returns
        -------
        Pooled
            ``(estimate, variance, df)``. Where all estimates are equal nothing is added to the
            variance, and `df` is infinite (with `complete_df`, what is left of it). From one
            table nothing can be said about the variance between tables: it is left out, with a
            warning.

        Examples
        --------
        >>> from tamis.impute import MultipleImputer
        >>> MultipleImputer.pool([1.0, 2.0, 3.0], [0.5, 0.5, 0.5])._asdict()
        {'estimate': 2.0, 'variance': 1.8333333333333333, 'df': 3.78125}
        """
        q, u = np.asarray(estimates, dtype=float), np.asarray(variances, dtype=float)
        if q.ndim == 0 or len(q) == 0 or q.shape != u.shape:
            raise ShapeError(
                "estimates and variances must have one entry for each table and the same shape; "
                f"got shapes {q.shape} and {u.shape}"
            )
        if (u < 0).any():
            raise ParameterError("variances must not be negative: give squared standard errors")
        if complete_df is not None and not complete_df > 0:
            raise ParameterError(f"complete_df must be greater than 0; got {complete_df!r}")
        return _pooled(q, u, complete_df)

    def _made(self) -> list[Any]:
        """Return the imputers to fit, each with its seed."""
        if not isinstance(self.n, numbers.Integral) or isinstance(self.n, bool) or self.n < 1:
            raise ParameterError(f"n must be a whole number of at least 1; got {self.n!r}")
        imputer = self.imputer
        imputer = IterativeImputer(sample_posterior=True) if imputer is None else imputer
        parameters = imputer.get_params(deep=False) if hasattr(imputer, "get_params") else {}
        if "random_state" not in parameters:
            raise ParameterError(
                f"imputer must draw from a random_state; {imputer!r} has none, and would give "
                f"{self.n} times the same table"
            )
        if not parameters.get("sample_posterior", True) and not parameters.get("n_donors"):
            raise ParameterError(
                "imputer would fill in expected values and not draw: set sample_posterior=True "
                "or n_donors"
            )
        if not isinstance(self.bootstrap, bool | np.bool_):
            raise ParameterError(f"bootstrap must be True or False; got {self.bootstrap!r}")
        self.seed_: int = base_seed(self.random_state)
        seeds = [derive(self.seed_, "fit", i) for i in range(int(self.n))]
        return [clone(imputer).set_params(random_state=seed) for seed in seeds]

    def _sample(self, X: Any, known: np.ndarray, i: int) -> Any:
        """Return the rows that imputer i is fitted on: no column loses all its values."""
        if not self.bootstrap:
            return X
        rng = np.random.default_rng(derive(self.seed_, "rows", i))
        for _ in range(_TRIES):
            rows = rng.integers(len(known), size=len(known))
            if (known[rows].any(axis=0) == known.any(axis=0)).all():
                return _frame.take(X, rows)
        return X

    def _completed(self, imputer: Any, X: Any, *, fitting: bool) -> Any:
        """Return X completed by one imputer, in its own container."""
        if isinstance(imputer, TypeKeeper):
            return imputer._fit_frame(X) if fitting else imputer._transform_frame(X)
        if type(imputer).__module__.partition(".")[0] == "tamis":
            return imputer.fit_transform(X) if fitting else imputer.transform(X)
        if self._codec.categorical.any():
            name = self._codec.names[int(np.argmax(self._codec.categorical))]
            raise ColumnTypeError(
                f"column {name!r} holds categories, which {type(imputer).__name__} would take for "
                "numbers: use an imputer of tamis, or drop the column"
            )
        matrix = self._codec.encode(X)
        filled = np.full(matrix.shape, np.nan)
        out = imputer.fit_transform(matrix) if fitting else imputer.transform(matrix)
        filled[:, ... if np.shape(out) == matrix.shape else ~self._codec.empty] = out
        return self._codec.decode(X, filled)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.input_tags.string = True
        return tags


def _pooled(q: np.ndarray, u: np.ndarray, complete_df: float | None) -> Pooled:
    n, estimate, within = len(q), q.mean(axis=0), u.mean(axis=0)
    if n == 1:
        warnings.warn(
            "there is one table: the variance between tables is not known and left out",
            UserWarning,
            stacklevel=3,
        )
        between = np.zeros_like(within)
    else:
        # Equal estimates differ by nothing, not by the rounding of their mean.
        between = np.where(np.ptp(q, axis=0) == 0, 0.0, q.var(axis=0, ddof=1)) * (1 + 1 / n)
    variance = within + between
    with np.errstate(divide="ignore", invalid="ignore"):
        share = np.where(between > 0, between / variance, 0.0)
        df = np.where(share > 0, (n - 1) / share**2, np.inf)
        if complete_df is not None and np.isfinite(complete_df):
            observed = (complete_df + 1) / (complete_df + 3) * complete_df * (1 - share)
            df = 1 / (1 / df + 1 / observed)
    plain: Any = float if q.ndim == 1 else np.asarray
    return Pooled(plain(estimate), plain(variance), plain(df))
