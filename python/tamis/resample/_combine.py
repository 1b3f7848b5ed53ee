"""SMOTE, and then rows removed."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.base import clone

from tamis.exceptions import ParameterError
from tamis.resample import _rows
from tamis.resample._base import BaseSampler
from tamis.resample._clean import EditedNearestNeighbours, TomekLinks
from tamis.resample._smote import SMOTE, BaseSMOTE
from tamis.resample._strategy import OVER, rows_by_class

__all__ = ["SMOTEENN", "SMOTETomek"]


class _Both(BaseSampler):
    """A kind of SMOTE and a cleaner after it."""

    _kind = OVER

    smote: Any
    smote_: BaseSMOTE
    random_state: Any
    n_jobs: int | None

    def _smote(self) -> BaseSMOTE:
        if self.smote is None:
            return SMOTE(
                sampling_strategy=self.sampling_strategy,
                random_state=self.random_state,
                n_jobs=self.n_jobs,
            )
        if not isinstance(self.smote, BaseSMOTE) or not hasattr(self.smote, "_of_class"):
            raise ParameterError(
                "smote must be None or a sampler of tamis.resample that makes rows between "
                f"numbers, such as SMOTE(); got {self.smote!r}: for others chain the two steps "
                "in a tamis.pipeline.Pipeline"
            )
        return clone(self.smote)

    def _validate_estimator(self) -> Any:
        """Make the two, and return the cleaner."""
        raise AttributeError(f"{type(self).__name__} must define _validate_estimator")

    def _resample(self, cells: Any, y: np.ndarray) -> tuple[Any, ...]:
        cleaner = self._validate_estimator()
        smote = self.smote_
        smote.n_features_in_ = cells.shape[1]
        smote.sampling_strategy_ = rows_by_class(smote.sampling_strategy, y, OVER)
        made = smote._made(cells, y)
        whole = _rows.extend(cells, cells, made)
        labels = np.concatenate([y, y[made.base]])
        cleaner.fit(whole, labels)
        keep = cleaner._resample(whole, labels)[0]
        self.sampling_strategy_ = self.sampling_strategy
        return np.arange(len(y)), made, keep


class SMOTETomek(_Both):
    """SMOTE, then the Tomek links removed from all classes.

    Parameters
    ----------
    sampling_strategy : float, str, dict or callable, default='auto'
        The rows wanted before the cleaning, as in `RandomOverSampler`.
    random_state : int, RandomState or None, default=None
        Draws are those of imbalanced-learn.
    smote : SMOTE or None, default=None
        What makes rows (any kind of SMOTE for numbers); None is `SMOTE` as asked for here.
    tomek : TomekLinks or None, default=None
        What removes rows; None is ``TomekLinks(sampling_strategy="all")``.
    n_jobs : int or None, default=None
        Threads; None is all cores.

    Attributes
    ----------
    sampling_strategy_ : object
        The parameter, as imbalanced-learn has it here.
    smote_, tomek_ : estimator
        The two, fitted.
    source_index_ : ndarray of shape (n_rows_out, 2), int64
        The rows each row lies between; originals (i, i).
    n_features_in_ : int
        Columns seen.
    feature_names_in_ : ndarray of str
        Their names, where they had any.

    Notes
    -----
    G. Batista, B. Bazzan and M. Monard, Balancing training data for automated annotation of
    keywords: a case study, 2003.

    Examples
    --------
    >>> from sklearn.datasets import make_classification
    >>> from tamis.resample import SMOTETomek
    >>> X, y = make_classification(weights=[0.8], random_state=0)
    >>> len(SMOTETomek(random_state=0).fit_resample(X, y)[1]) <= 162
    True
    """

    def __init__(
        self,
        *,
        sampling_strategy: Any = "auto",
        random_state: Any = None,
        smote: Any = None,
        tomek: Any = None,
        n_jobs: int | None = None,
    ) -> None:
        self.sampling_strategy = sampling_strategy
        self.random_state = random_state
        self.smote = smote
        self.tomek = tomek
        self.n_jobs = n_jobs

    def _validate_estimator(self) -> Any:
        self.smote_ = self._smote()
        plain = TomekLinks(sampling_strategy="all", n_jobs=self.n_jobs)
        self.tomek_ = plain if self.tomek is None else clone(self.tomek)
        return self.tomek_


class SMOTEENN(_Both):
    """SMOTE, then the rows removed that their neighbours contradict.

    Parameters
    ----------
    sampling_strategy : float, str, dict or callable, default='auto'
        The rows wanted before the cleaning, as in `RandomOverSampler`.
    random_state : int, RandomState or None, default=None
        Draws are those of imbalanced-learn.
    smote : SMOTE or None, default=None
        What makes rows (any kind of SMOTE for numbers); None is `SMOTE` as asked for here.
    enn : EditedNearestNeighbours or None, default=None
        What removes rows; None is ``EditedNearestNeighbours(sampling_strategy="all")``.
    n_jobs : int or None, default=None
        Threads; None is all cores.

    Attributes
    ----------
    sampling_strategy_ : object
        The parameter, as imbalanced-learn has it here.
    smote_, enn_ : estimator
        The two, fitted.
    source_index_ : ndarray of shape (n_rows_out, 2), int64
        The rows each row lies between; originals (i, i). Rows come class by class.
    n_features_in_ : int
        Columns seen.
    feature_names_in_ : ndarray of str
        Their names, where they had any.

    Notes
    -----
    G. Batista, R. C. Prati and M. C. Monard, A study of the behavior of several methods for
    balancing machine learning training data, 2004.

    Examples
    --------
    >>> from sklearn.datasets import make_classification
    >>> from tamis.resample import SMOTEENN
    >>> X, y = make_classification(weights=[0.8], random_state=0)
    >>> len(SMOTEENN(random_state=0).fit_resample(X, y)[1]) <= 162
    True
    """

    def __init__(
        self,
        *,
        sampling_strategy: Any = "auto",
        random_state: Any = None,
        smote: Any = None,
        enn: Any = None,
        n_jobs: int | None = None,
    ) -> None:
        self.sampling_strategy = sampling_strategy
        self.random_state = random_state
        self.smote = smote
        self.enn = enn
        self.n_jobs = n_jobs

    def _validate_estimator(self) -> Any:
        self.smote_ = self._smote()
        plain = EditedNearestNeighbours(sampling_strategy="all", n_jobs=self.n_jobs)
        self.enn_ = plain if self.enn is None else clone(self.enn)
        return self.enn_
