"""Missing values from a matrix of low rank."""

from __future__ import annotations

import numbers
import warnings
from typing import Any

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils.validation import check_is_fitted

from tamis import _core, _progress, _threads
from tamis._check import refuse_infinite
from tamis._random import base_seed, derive
from tamis.exceptions import ParameterError
from tamis.impute._base import FLOATS, Imputer, is_nan, missing_mask

#: Singular values kept where `max_rank` does not say.
_RANK = 100
#: The shrinkage is chosen among these shares of the largest singular value, the largest first.
_SHARES = tuple(0.65**k for k in range(1, 16))
#: On so many cells hidden (a share of the known ones), in so many rows at most.
_HIDDEN, _ROWS = 0.1, 20_000
#: The search ends when the error has not fallen for so many shares.
_PATIENCE = 2
#: While the shrinkage is chosen, the rounds end sooner: the errors are known to a few per cent.
_ROUGH = 1e-3


class SoftImputer(Imputer):
    """Fill missing values from a matrix of low rank, found by shrinking singular values.

    Columns are centred and scaled; then the missing cells are filled from the table whose
    singular values are shrunk, again and again (soft-impute). What a fit learns are the right
    singular vectors; rows are put on them by a ridge regression over their observed cells, which
    for the rows of the fit gives the completed table of soft-impute itself.

    Parameters
    ----------
    shrinkage : float, optional
        What is taken off each singular value, as a share (0 to 1) of the largest one of the
        scaled table with its missing cells at 0. By default it is chosen by the error on a tenth
        of the known cells, hidden at random.
    max_rank : int, optional
        Singular vectors at most; 100 by default.
    max_iter : int, default=300
        Rounds at most.
    tol : float, default=1e-4
        The rounds end when the missing cells change by less than this share of their size.
    missing_values : int, float or np.nan, default=np.nan
        What stands for a missing value.
    random_state : int, RandomState or None
        Seed of which cells are hidden.
    add_indicator : bool, default=False
        Append a 0/1 column for each column that had missing values when fitting.
    keep_empty_features : bool, default=False
        Keep columns that had no value when fitting, filled with 0. False drops them, with a
        warning.
    n_jobs : int, optional
        Threads; None is all cores, or one in a worker process. The results do not depend on it.

    Attributes
    ----------
    shrinkage_ : float
        The share that was used.
    components_ : ndarray of shape (rank, n_features), float64
        The right singular vectors, in units of scaled columns; 0 for a column without values.
    singular_values_ : ndarray of shape (rank,), float64
        The singular values after the shrinkage, the largest first.
    mean_, scale_ : ndarray of shape (n_features,), float64
        Mean and standard deviation of each column's known cells.
    n_iter_ : int
        Rounds that were run in the last fit.
    indicator_ : MissingIndicator or None
        The indicator behind `add_indicator`.
    n_features_in_ : int
        Columns seen when fitting.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Their names, where they had any.

    References
    ----------
    Mazumder, Hastie and Tibshirani, "Spectral Regularization Algorithms for Learning Large
    Incomplete Matrices", Journal of Machine Learning Research 11 (2010). Hastie, Mazumder, Lee
    and Zadeh, "Matrix Completion and Low-Rank SVD via Fast Alternating Least Squares", ibid. 16
    (2015), for the rows as ridge regressions. O'Donoghue and Candès, "Adaptive Restart for
    Accelerated Gradient Schemes", Foundations of Computational Mathematics 15 (2015).

    Examples
    --------
    >>> import numpy as np
    >>> from tamis.impute import SoftImputer
    >>> truth = np.outer(np.arange(30.0), [1.0, 2.0, -1.0, 3.0])
    >>> X = truth.copy()
    >>> X[10, 1] = X[20, 2] = np.nan
    >>> filled = SoftImputer(random_state=0).fit_transform(X)
    >>> bool(abs(filled - truth).max() < 0.5)
    True
    """

    def __init__(
        self,
        *,
        shrinkage: float | None = None,
        max_rank: int | None = None,
        max_iter: int = 300,
        tol: float = 1e-4,
        missing_values: Any = np.nan,
        random_state: Any = None,
        add_indicator: bool = False,
        keep_empty_features: bool = False,
        n_jobs: int | None = None,
    ):
        self.shrinkage = shrinkage
        self.max_rank = max_rank
        self.max_iter = max_iter
        self.tol = tol
        self.missing_values = missing_values
        self.random_state = random_state
        self.add_indicator = add_indicator
        self.keep_empty_features = keep_empty_features
        self.n_jobs = n_jobs

    def fit(self, X: Any, y: Any = None) -> SoftImputer:
        """Find the singular vectors.

        Parameters
        ----------
        X : array-like or frame of shape (n_rows, n_features)
            Numbers.
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
            If X holds an infinity.
        """
        self._check_parameters()
        X = self._validated(X, fitting=True)
        mask = missing_mask(X, self.missing_values)
        self._fit_indicator(X)
        self._valid_mask: np.ndarray = np.any(~mask, axis=0)
        cells = np.where(mask, np.nan, X).astype(np.float64)
        self.mean_, self.scale_ = _moments(cells, self._valid_mask)
        scaled = self._scaled(cells)
        seed = base_seed(self.random_state)
        threads = _threads.resolve(self.n_jobs)
        given = self.shrinkage
        self.shrinkage_ = self._chosen(scaled, seed, threads) if given is None else float(given)
        shrink = self._absolute(scaled, self.shrinkage_, threads)
        with _progress.bar(None, "SoftImputer") as shown:
            tell = _progress.kernel_callback(shown)
            _, vectors, values, rounds, settled = self._completed(
                np.nan_to_num(scaled), np.isnan(scaled), shrink, threads, tell
            )
        if not settled:
            warnings.warn(
                f"SoftImputer did not settle in {rounds} rounds: raise max_iter, tol or shrinkage",
                ConvergenceWarning,
                stacklevel=2,
            )
        self.components_ = np.zeros((len(values), X.shape[1]))
        self.components_[:, self._valid_mask] = vectors
        self.singular_values_, self._shrink, self.n_iter_ = values, shrink, rounds
        return self

    def transform(self, X: Any) -> Any:
        """Fill the missing values.

        Parameters
        ----------
        X : array-like or frame of shape (n_rows, n_features)
            The rows.

        Returns
        -------
        ndarray of shape (n_rows, n_features_out)
            The rows without missing values, in float32 if they came so (a frame after
            ``set_output``).

        Raises
        ------
        DataError
            If X holds an infinity.
        """
        check_is_fitted(self)
        X = self._validated(X, fitting=False)
        mask = missing_mask(X, self.missing_values)
        indicated = self._indicated(X)
        valid = self._valid_mask
        if not self._kept().all():
            self._warn_of_dropped(self._kept(), "SoftImputer")
        out = np.where(mask, 0, X)
        gaps = mask & valid
        if gaps.any():
            rows = np.flatnonzero(gaps.any(axis=1))
            cells = np.where(mask[rows], np.nan, X[rows]).astype(np.float64)
            said = _core.soft_project(
                np.ascontiguousarray(self._scaled(cells)),
                np.ascontiguousarray(self.components_[:, valid]),
                self.singular_values_,
                self._shrink,
                _threads.resolve(self.n_jobs),
            )
            filled = np.zeros(cells.shape)
            filled[:, valid] = said * self.scale_[valid] + self.mean_[valid]
            out[rows] = np.where(gaps[rows], filled, out[rows])
        return self._joined(out if self._kept().all() else out[:, self._kept()], indicated)

    # --- the fit -------------------------------------------------------------------------------

    def _scaled(self, cells: np.ndarray) -> np.ndarray:
        """Return the columns that have values, centred and scaled."""
        valid = self._valid_mask
        return (cells[:, valid] - self.mean_[valid]) / self.scale_[valid]

    def _absolute(self, scaled: np.ndarray, share: float, threads: int) -> float:
        """Return what is taken off each singular value."""
        if not scaled.size:
            return 0.0
        return share * _core.soft_largest(np.nan_to_num(scaled), threads)

    def _completed(
        self,
        filled: np.ndarray,
        gaps: np.ndarray,
        shrink: float,
        threads: int,
        tell: Any = None,
        least: float = 0.0,
    ) -> Any:
        if not filled.size:
            return filled, np.zeros((0, filled.shape[1])), np.zeros(0), 0, True
        rank = _RANK if self.max_rank is None else int(self.max_rank)
        rank = min(rank, *filled.shape)
        rules = (shrink, rank, int(self.max_iter), max(float(self.tol), least))
        return _core.soft_fit(filled, gaps, *rules, threads, tell)

    def _chosen(self, scaled: np.ndarray, seed: int, threads: int) -> float:
        """Return the share of the least error on cells hidden at random."""
        rng = np.random.default_rng(derive(seed, "soft"))
        if len(scaled) > _ROWS:
            scaled = scaled[np.sort(rng.choice(len(scaled), _ROWS, replace=False))]
        known = np.flatnonzero(~np.isnan(scaled))
        n_hidden = int(_HIDDEN * len(known))
        if not n_hidden:
            return _SHARES[len(_SHARES) // 2]
        hidden = np.sort(rng.choice(known, n_hidden, replace=False))
        truth = scaled.flat[hidden]
        filled = np.nan_to_num(scaled)
        filled.flat[hidden] = 0.0
        gaps = np.isnan(scaled)
        gaps.flat[hidden] = True
        best, least, since = _SHARES[0], np.inf, 0
        top = self._absolute(filled, 1.0, threads)
        for share in _SHARES:
            # Each share starts from the table that the one before it left.
            shrink = share * top
            filled = self._completed(filled, gaps, shrink, threads, least=_ROUGH)[0]
            error = float(np.mean((filled.flat[hidden] - truth) ** 2))
            if error < least:
                best, least, since = share, error, 0
            else:
                since += 1
            if since == _PATIENCE:
                break
        return best

    # --- checks --------------------------------------------------------------------------------

    def _kept(self) -> np.ndarray:
        return np.asarray(self._valid_mask | bool(self.keep_empty_features))

    def _check_parameters(self) -> None:
        self._check_flags()
        share: Any = self.shrinkage
        if share is not None and not (_is_number(share) and 0 <= share <= 1):
            raise ParameterError(f"shrinkage must be a number from 0 to 1, or None; got {share!r}")
        for name in ("max_rank", "max_iter"):
            n: Any = getattr(self, name)
            if n is None and name == "max_rank":
                continue
            if not isinstance(n, numbers.Integral) or isinstance(n, bool) or int(n) < 1:
                raise ParameterError(f"{name} must be a whole number of at least 1; got {n!r}")
        if not (_is_number(self.tol) and self.tol >= 0):
            raise ParameterError(f"tol must be a number from 0; got {self.tol!r}")

    def _validated(self, X: Any, *, fitting: bool) -> np.ndarray:
        X = self._numbers(X, fitting=fitting, dtype=FLOATS)
        refuse_infinite(self, X, allow_nan=is_nan(self.missing_values))
        self._check_marker(X)
        return X


def _is_number(value: Any) -> bool:
    return isinstance(value, numbers.Real) and not isinstance(value, bool)


def _moments(cells: np.ndarray, valid: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the mean and standard deviation of each column's known cells (0 and 1 for none)."""
    mean, scale = np.zeros(cells.shape[1]), np.ones(cells.shape[1])
    mean[valid] = np.nanmean(cells[:, valid], axis=0)
    spread = np.nanstd(cells[:, valid], axis=0)
    # A column of one value may have a spread by rounding alone.
    small = spread <= 1e-12 * np.abs(mean[valid])
    scale[valid] = np.where(small, 1.0, spread)
    return mean, scale
