"""Rows drawn at random: more of the rare classes, or fewer of the common ones."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from scipy import sparse
from sklearn.utils import check_array, check_random_state
from sklearn.utils.sparsefuncs import mean_variance_axis

from tamis.exceptions import DataError, ParameterError
from tamis.resample._base import BaseSampler
from tamis.resample._rows import Made
from tamis.resample._strategy import OVER, UNDER

__all__ = ["RandomOverSampler", "RandomUnderSampler"]


class RandomOverSampler(BaseSampler):
    """Draw rows of the rare classes again, with replacement.

    Parameters
    ----------
    sampling_strategy : float, str, dict or callable, default='auto'
        The rows wanted: the ratio of the minority to the majority (two classes); 'minority',
        'not minority', 'not majority' (which 'auto' is) or 'all', whose classes are brought to
        the size of the largest; a dict from class to rows; or a function of y that returns one.
    random_state : int, RandomState or None, default=None
        Draws are those of imbalanced-learn.
    shrinkage : float, dict or None, default=None
        None repeats rows as they are, cells of any kind. A number makes a smoothed bootstrap:
        normal noise with this share of the rule-of-thumb bandwidth; a dict has one by class.

    Attributes
    ----------
    sampling_strategy_ : dict
        The rows made of each class.
    sample_indices_ : ndarray of shape (n_rows_out,), int64
        The row each row was drawn from.
    source_index_ : ndarray of shape (n_rows_out, 2), int64
        The same, twice: see `tamis.resample.SourceSplit`.
    shrinkage_ : dict or None
        The shrinkage of each class.
    n_features_in_ : int
        Columns seen.
    feature_names_in_ : ndarray of str
        Their names, where they had any.

    Notes
    -----
    The smoothed bootstrap is ROSE: G. Menardi and N. Torelli, Training and assessing
    classification rules with imbalanced data, 2014. Frames keep every dtype, missing values
    included; a pandas frame gets a new index.

    Examples
    --------
    >>> from tamis.resample import RandomOverSampler
    >>> X, y = [["a"], ["b"], ["c"]], [0, 0, 1]
    >>> RandomOverSampler(random_state=0).fit_resample(X, y)
    ([['a'], ['b'], ['c'], ['c']], [0, 0, 1, 1])
    """

    _kind = OVER
    _takes = True
    _any_cells = True

    def __init__(
        self,
        *,
        sampling_strategy: Any = "auto",
        random_state: Any = None,
        shrinkage: Any = None,
    ) -> None:
        self.sampling_strategy = sampling_strategy
        self.random_state = random_state
        self.shrinkage = shrinkage

    def _resample(self, cells: Any, y: np.ndarray) -> tuple[Any, ...]:
        rng = check_random_state(self.random_state)
        self.shrinkage_ = self._shrinkage()
        numbers = None if self.shrinkage_ is None else _numbers(cells)
        shrinkage = self.shrinkage_ or {}
        drawn, parts = [np.arange(len(y))], []
        for label, n in self.sampling_strategy_.items():
            own = np.flatnonzero(y == label)
            rows = rng.choice(own, size=n, replace=True)
            drawn.append(rows)
            if numbers is not None:
                new = _smoothed(numbers, own, rows, shrinkage[label], rng)
                parts.append(Made(rows, rows, np.zeros(n), given=new))
        if numbers is None:
            return np.concatenate(drawn), None
        return drawn[0], Made.joined(parts)

    def _shrinkage(self) -> dict[Any, float] | None:
        if self.shrinkage is None:
            return None
        if not isinstance(self.shrinkage, Mapping):
            return dict.fromkeys(self.sampling_strategy_, self.shrinkage)
        lacking = [c for c in self.sampling_strategy_ if c not in self.shrinkage]
        if lacking:
            raise ParameterError(
                "`shrinkage` should contain a shrinkage factor for each class that is resampled: "
                f"it has none for {lacking[0]!r}"
            )
        for label, factor in self.shrinkage.items():
            if factor < 0:
                raise ParameterError(
                    f"The shrinkage factor needs to be >= 0: it is {factor} for class {label!r}"
                )
        return dict(self.shrinkage)


def _smoothed(
    X: Any, own: np.ndarray, rows: np.ndarray, factor: float, rng: np.random.RandomState
) -> Any:
    """Return rows with normal noise, by the spread of the rows of their class."""
    n, p = X.shape
    if sparse.issparse(X):
        spread = np.sqrt(mean_variance_axis(X[own], axis=0)[1])
    else:
        spread = np.std(X[own], axis=0)
    bandwidth = (4 / ((p + 2) * n)) ** (1 / (p + 4))
    noise = rng.randn(len(rows), p) * (factor * bandwidth * spread)
    if sparse.issparse(X):
        return sparse.csr_matrix(noise + X[rows].toarray(), dtype=X.dtype)
    return noise + X[rows]


def _numbers(cells: Any) -> Any:
    try:
        return check_array(cells, accept_sparse=["csr", "csc"], dtype="numeric")
    except ValueError as error:
        raise DataError(
            "When shrinkage is not None, X needs to contain only numerical data, none missing: "
            f"{error}"
        ) from error


class RandomUnderSampler(BaseSampler):
    """Keep a random share of the rows of the common classes.

    Parameters
    ----------
    sampling_strategy : float, str, dict or callable, default='auto'
        The rows wanted: the ratio of the minority to the majority (two classes); 'majority',
        'not minority' (which 'auto' is), 'not majority' or 'all', whose classes are brought to
        the size of the smallest; a dict from class to rows; or a function of y that returns one.
    random_state : int, RandomState or None, default=None
        Draws are those of imbalanced-learn.
    replacement : bool, default=False
        Whether a row may be drawn more than once.

    Attributes
    ----------
    sampling_strategy_ : dict
        The rows kept of each class.
    sample_indices_ : ndarray of shape (n_rows_out,), int64
        The row each row was.
    source_index_ : ndarray of shape (n_rows_out, 2), int64
        The same, twice.
    n_features_in_ : int
        Columns seen.
    feature_names_in_ : ndarray of str
        Their names, where they had any.

    Notes
    -----
    Rows come back class by class. Cells may be of any kind, and a pandas frame keeps its index.

    Examples
    --------
    >>> from tamis.resample import RandomUnderSampler
    >>> sampler = RandomUnderSampler(random_state=0)
    >>> sampler.fit_resample([["a"], ["b"], ["c"]], [0, 0, 1])
    ([['b'], ['c']], [0, 1])
    >>> sampler.sample_indices_
    array([1, 2])
    """

    _kind = UNDER
    _takes = True
    _any_cells = True
    _keeps_index = True

    def __init__(
        self,
        *,
        sampling_strategy: Any = "auto",
        random_state: Any = None,
        replacement: bool = False,
    ) -> None:
        self.sampling_strategy = sampling_strategy
        self.random_state = random_state
        self.replacement = replacement

    def _resample(self, cells: Any, y: np.ndarray) -> tuple[Any, ...]:
        rng = check_random_state(self.random_state)
        kept = []
        for label in np.unique(y).tolist():
            own = np.flatnonzero(y == label)
            if label in self.sampling_strategy_:
                n = self.sampling_strategy_[label]
                own = own[rng.choice(len(own), size=n, replace=self.replacement)]
            kept.append(own)
        return np.concatenate(kept), None
