"""Detectors that look at each column and add up: ECOD, COPOD, HBOS."""

from __future__ import annotations

from typing import Any

import numpy as np

from tamis import _core
from tamis._state._classes import register
from tamis.exceptions import StateError
from tamis.outlier._base import Detector, whole


class _ByColumn(Detector):
    """What the detectors share: sums over columns, in which a category's level has its part.

    A subclass has ``_learn_numbers``, ``_rate_numbers`` and ``_share_numbers`` for the columns of
    numbers.
    """

    _takes_categories = True
    is_categorical_: np.ndarray

    def _learn_numbers(self, X: np.ndarray) -> np.ndarray:
        raise NotImplementedError

    def _rate_numbers(self, X: np.ndarray) -> np.ndarray:
        raise NotImplementedError

    def _share_numbers(self, X: np.ndarray) -> np.ndarray:
        raise NotImplementedError

    def _learn(self, X: np.ndarray) -> np.ndarray:
        return self._with_levels(X, self._learn_numbers(self._numbers(X)))

    def _rate(self, X: np.ndarray) -> np.ndarray:
        return self._with_levels(X, self._rate_numbers(self._numbers(X)))

    def _numbers(self, X: np.ndarray) -> np.ndarray:
        return X[:, ~self.is_categorical_] if self.is_categorical_.any() else X

    def _with_levels(self, X: np.ndarray, scores: np.ndarray) -> np.ndarray:
        for j in np.flatnonzero(self.is_categorical_):
            scores = scores + np.nan_to_num(X[:, j])
        return scores

    def _parts(self, X: np.ndarray) -> np.ndarray:
        numbers = self._numbers(X)
        if numbers is X:
            return self._share_numbers(X)
        parts = np.nan_to_num(X).astype(np.float64)
        parts[:, ~self.is_categorical_] = (
            self._share_numbers(numbers) * self._rate_numbers(numbers)[:, None]
        )
        total = parts.sum(axis=1, keepdims=True)
        return np.divide(parts, total, out=np.zeros_like(parts), where=total > 0)


class ECOD(_ByColumn):
    """Outliers in the tails of the columns' empirical distributions.

    The score of a row is the largest of three sums over the columns: of minus the logarithm of the
    share of values that are at most as large, of that of the values at least as large, and of the
    one of these that is on the side of each column's skew. No parameter, and nothing random.

    Parameters
    ----------
    threshold : 'auto' or float, default='auto'
        From which score on a row is an outlier, or ``'auto'``: beyond what the bulk of the training
        scores leads to expect. On clean data it flags well below 1 % of the rows.
    contamination : float, default=None
        The share of training rows, in (0, 0.5], that are outliers; it goes before `threshold`.
    n_jobs : int, default=None
        Threads; None is all cores, or one in a worker process. The results do not depend on it.

    Attributes
    ----------
    scores_ : ndarray of shape (n_rows,)
        `score_samples` of the training rows.
    offset_ : float
        ``decision_function`` is ``score_samples - offset_``.
    is_categorical_ : ndarray of shape (n_features_in_,), bool
        Which columns are categories.
    n_features_in_ : int
        Columns seen when fitting.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Their names, where they had any.

    Notes
    -----
    The distribution is that of the training rows alone, so that a row scores the same alone and in
    a batch. A value beyond all training values counts as one more of its kind would: a share of 1
    in n + 1. Missing cells add nothing, and columns without spread add nothing.

    A frame's columns of texts, categories and booleans count by how rare their levels are: minus
    the logarithm of the share of training rows whose level is as rare or rarer is added to each of
    the three sums. Names and numbers of which each row has its own so add nothing. A level that
    was not seen counts as one more of those seen once.

    A popular implementation adds up the largest of the three of each column, and takes the rows
    that are scored into the distribution. Here the sums are made first, as in the paper.

    References
    ----------
    Li, Zhao, Hu, Botta, Ionescu and Chen, "ECOD: Unsupervised Outlier Detection Using Empirical
    Cumulative Distribution Functions", IEEE TKDE 35 (2023).

    Examples
    --------
    >>> import numpy as np
    >>> from tamis.outlier import ECOD
    >>> X = np.random.default_rng(0).normal(size=(200, 2))
    >>> X[7] = 9.0
    >>> detector = ECOD().fit(X)
    >>> detector.scores_.argmin(), detector.predict([[0.1, 0.2]])
    (np.int64(7), array([1]))
    """

    def __init__(
        self,
        *,
        threshold: Any = "auto",
        contamination: float | None = None,
        n_jobs: int | None = None,
    ):
        self.threshold = threshold
        self.contamination = contamination
        self.n_jobs = n_jobs

    def _learn_numbers(self, X: np.ndarray) -> np.ndarray:
        self._tails, scores = _core.tails_fit(X, self._threads())
        return scores

    def _rate_numbers(self, X: np.ndarray) -> np.ndarray:
        return self._tails.score(X, self._threads())

    def _share_numbers(self, X: np.ndarray) -> np.ndarray:
        return self._tails.shares(X, self._threads())


class COPOD(ECOD):
    """Outliers in the tails of the columns' empirical copula.

    The score of a row is minus the logarithm of the tail probability under the empirical copula
    that says most against it: the left one, the right one, or the one on the side of each column's
    skew.

    Parameters
    ----------
    threshold : 'auto' or float, default='auto'
        From which score on a row is an outlier, or ``'auto'``: beyond what the bulk of the training
        scores leads to expect. On clean data it flags well below 1 % of the rows.
    contamination : float, default=None
        The share of training rows, in (0, 0.5], that are outliers; it goes before `threshold`.
    n_jobs : int, default=None
        Threads; None is all cores, or one in a worker process. The results do not depend on it.

    Attributes
    ----------
    scores_ : ndarray of shape (n_rows,)
        `score_samples` of the training rows.
    offset_ : float
        ``decision_function`` is ``score_samples - offset_``.
    is_categorical_ : ndarray of shape (n_features_in_,), bool
        Which columns are categories.
    n_features_in_ : int
        Columns seen when fitting.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Their names, where they had any.

    Notes
    -----
    As the papers define them, the scores of COPOD and of `ECOD` are the same numbers: the products
    of the copula's margins are the sums of ECOD. Both names are here because both are looked for;
    in an ensemble one of them is enough. The notes on `ECOD` hold here too.

    References
    ----------
    Li, Zhao, Botta, Ionescu and Hu, "COPOD: Copula-Based Outlier Detection", ICDM 2020.

    Examples
    --------
    >>> import numpy as np
    >>> from tamis.outlier import COPOD
    >>> X = np.random.default_rng(0).normal(size=(200, 2))
    >>> X[7] = 9.0
    >>> COPOD().fit(X).explain(X[[7]]).round(2)
    array([[0.5, 0.5]])
    """


class HBOS(_ByColumn):
    """Outliers in the rare bins of the columns' histograms.

    The score of a row is the sum over the columns of the logarithm of how much higher the highest
    bin is than the one of its value.

    Parameters
    ----------
    n_bins : int or 'auto', default='auto'
        Bins of a column, all of one width; ``'auto'`` is the square root of the number of its known
        values, as the paper advises.
    threshold : 'auto' or float, default='auto'
        From which score on a row is an outlier, or ``'auto'``: beyond what the bulk of the training
        scores leads to expect. On clean data it flags well below 1 % of the rows.
    contamination : float, default=None
        The share of training rows, in (0, 0.5], that are outliers; it goes before `threshold`.
    n_jobs : int, default=None
        Threads; None is all cores, or one in a worker process. The results do not depend on it.

    Attributes
    ----------
    scores_ : ndarray of shape (n_rows,)
        `score_samples` of the training rows.
    offset_ : float
        ``decision_function`` is ``score_samples - offset_``.
    is_categorical_ : ndarray of shape (n_features_in_,), bool
        Which columns are categories.
    n_features_in_ : int
        Columns seen when fitting.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Their names, where they had any.

    Notes
    -----
    An empty bin, and what is beyond the least and the greatest training value, counts as half a
    row. A frame's columns of texts, categories and booleans count by how rare their levels are, as
    with `ECOD`. Missing cells add nothing. In a column without spread its one value adds nothing,
    and any other value is beyond it.

    References
    ----------
    Goldstein and Dengel, "Histogram-Based Outlier Score (HBOS): A Fast Unsupervised Anomaly
    Detection Algorithm", KI 2012.

    Examples
    --------
    >>> import numpy as np
    >>> from tamis.outlier import HBOS
    >>> X = np.random.default_rng(0).normal(size=(200, 2))
    >>> X[7] = 9.0
    >>> HBOS().fit(X).scores_.argmin()
    np.int64(7)
    """

    def __init__(
        self,
        *,
        n_bins: Any = "auto",
        threshold: Any = "auto",
        contamination: float | None = None,
        n_jobs: int | None = None,
    ):
        self.n_bins = n_bins
        self.threshold = threshold
        self.contamination = contamination
        self.n_jobs = n_jobs

    def _learn_numbers(self, X: np.ndarray) -> np.ndarray:
        auto = isinstance(self.n_bins, str) and self.n_bins == "auto"
        bins = None if auto else whole("n_bins", self.n_bins)
        self._histograms = _core.histogram_fit(X, bins, self._threads())
        return self._rate_numbers(X)

    def _rate_numbers(self, X: np.ndarray) -> np.ndarray:
        return _core.histogram_score(X, *self._histograms, self._threads())

    def _share_numbers(self, X: np.ndarray) -> np.ndarray:
        return _core.histogram_shares(X, *self._histograms, self._threads())


def _give(state: dict[str, Any]) -> Any:
    try:
        return _core.Tails(**state)
    except TypeError as error:
        raise StateError(f"the distributions are damaged: {error}") from None


def _take(tails: Any) -> dict[str, Any]:
    return dict(zip(("values", "skewness"), tails.parts(), strict=True))


register(_core.Tails, take=_take, give=_give)
