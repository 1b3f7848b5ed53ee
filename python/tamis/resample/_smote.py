"""Rows made between a row of a rare class and one of its neighbours."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.base import clone
from sklearn.svm import SVC
from sklearn.utils import check_random_state

from tamis.exceptions import DataError, UnsuitedError
from tamis.resample._base import BaseSampler
from tamis.resample._near import Search
from tamis.resample._rows import Made
from tamis.resample._strategy import OVER

__all__ = ["SMOTE", "SVMSMOTE", "BaseSMOTE", "BorderlineSMOTE"]


class BaseSMOTE(BaseSampler):
    """What the kinds of SMOTE share. `_made` says which rows are made of which."""

    _kind = OVER

    k_neighbors: Any
    random_state: Any
    n_jobs: int | None

    def _resample(self, cells: Any, y: np.ndarray) -> tuple[Any, ...]:
        return np.arange(len(y)), self._made(cells, y)

    def _made(self, cells: Any, y: np.ndarray) -> Made:
        self._prepare()
        asked = [(label, n) for label, n in self.sampling_strategy_.items() if n]
        parts = [part for label, n in asked for part in self._of_class(cells, y, label, n)]
        for name in ("_near", "_near_m", "_rng"):  # of no use later, and not to be saved
            self.__dict__.pop(name, None)
        return Made.joined(parts)

    def _prepare(self) -> None:
        self._near = Search(self.k_neighbors, self.n_jobs)
        self.nn_k_ = self._near.estimator

    def _of_class(self, cells: Any, y: np.ndarray, label: Any, n: int) -> list[Made]:
        raise AttributeError(f"{type(self).__name__} must define _of_class")

    def _draw(self, base: np.ndarray, near: np.ndarray, n: int, reach: float = 1.0) -> Made:
        """Draw `n` pairs of a row of `base` and one of its neighbours in `near`, and steps."""
        rng = check_random_state(self.random_state)
        picked = rng.randint(low=0, high=near.size, size=n)
        step = reach * rng.uniform(size=n)
        rows, column = np.divmod(picked, near.shape[1])
        return Made(base[rows], near[rows, column], step)


class SMOTE(BaseSMOTE):
    """Make rows of the rare classes between a row and one of its nearest of the same class.

    Parameters
    ----------
    sampling_strategy : float, str, dict or callable, default='auto'
        The rows wanted, as in `RandomOverSampler`.
    random_state : int, RandomState or None, default=None
        Draws are those of imbalanced-learn.
    k_neighbors : int or estimator, default=5
        How many neighbours; or a search like scikit-learn's NearestNeighbors with one more, the
        row itself, which is then used.
    n_jobs : int or None, default=None
        Threads; None is all cores. The result is the same for any number.

    Attributes
    ----------
    sampling_strategy_ : dict
        The rows made of each class.
    nn_k_ : estimator
        The search for neighbours, `n_neighbors` being one more than `k_neighbors`. It is fitted
        only where it was given.
    source_index_ : ndarray of shape (n_rows_out, 2), int64
        The rows each row lies between; originals (i, i). See `tamis.resample.SourceSplit`.
    n_features_in_ : int
        Columns seen.
    feature_names_in_ : ndarray of str
        Their names, where they had any.

    Raises
    ------
    DataError
        If a cell is missing, infinite or no number, or a class has too few rows.

    Notes
    -----
    The original rows come first, then the made ones class by class. Neighbours are exact; of
    equally near ones those of lower rows count, and a row is never its own neighbour, even beside
    copies of itself. Whole-number columns stay whole: what is made is cut off towards zero. There
    is no row between a number and a gap: impute first, or use `RandomOverSampler`.

    N. V. Chawla et al., SMOTE: synthetic minority over-sampling technique, JAIR 16, 2002.

    Examples
    --------
    >>> import numpy as np
    >>> from tamis.resample import SMOTE
    >>> X = np.array([[0.0], [1.0], [2.0], [3.0], [8.0], [9.0]])
    >>> sampler = SMOTE(k_neighbors=1, random_state=0)
    >>> X_out, y_out = sampler.fit_resample(X, [0, 0, 0, 0, 1, 1])
    >>> X_out[6:].round(2).tolist(), y_out[6:]
    ([[8.72], [8.4]], [1, 1])
    >>> sampler.source_index_[6:].tolist()
    [[4, 5], [5, 4]]
    """

    def __init__(
        self,
        *,
        sampling_strategy: Any = "auto",
        random_state: Any = None,
        k_neighbors: Any = 5,
        n_jobs: int | None = None,
    ) -> None:
        self.sampling_strategy = sampling_strategy
        self.random_state = random_state
        self.k_neighbors = k_neighbors
        self.n_jobs = n_jobs

    def _of_class(self, cells: Any, y: np.ndarray, label: Any, n: int) -> list[Made]:
        own = np.flatnonzero(y == label)
        near = self._near.others(cells, own, own, f"class {label!r}")
        return [self._draw(own, near, n)]


class _Bordering(BaseSMOTE):
    """Kinds of SMOTE that look at the neighbours of all classes too."""

    m_neighbors: Any

    def _prepare(self) -> None:
        super()._prepare()
        self._near_m = Search(self.m_neighbors, self.n_jobs)
        self.nn_m_ = self._near_m.estimator

    def _strangers(self, cells: Any, y: np.ndarray, rows: np.ndarray, label: Any) -> np.ndarray:
        """Return how many neighbours of each row are of another class."""
        near = self._near_m.others(cells, np.arange(len(y)), rows)
        return (y[near] != label).sum(axis=1)

    def _in_danger(self, strangers: np.ndarray) -> np.ndarray:
        """Return whether at least half of the neighbours are strangers, but not all."""
        m = self._near_m.size - 1
        return (strangers >= m / 2) & (strangers < m)


class BorderlineSMOTE(_Bordering):
    """SMOTE from the rows that lie at the border of their class.

    Parameters
    ----------
    sampling_strategy : float, str, dict or callable, default='auto'
        The rows wanted, as in `RandomOverSampler`.
    random_state : int, RandomState or None, default=None
        Draws are those of imbalanced-learn.
    k_neighbors : int or estimator, default=5
        Neighbours that rows are made with, as in `SMOTE`.
    m_neighbors : int or estimator, default=10
        Neighbours of any class that say whether a row lies at the border: at least half of them
        are of other classes, but not all.
    kind : {'borderline-1', 'borderline-2'}, default='borderline-1'
        Whether rows are made with neighbours of the class, or of any class; half of the way at
        most to one of another class.
    n_jobs : int or None, default=None
        Threads; None is all cores. The result is the same for any number.

    Attributes
    ----------
    sampling_strategy_ : dict
        The rows asked for of each class. A class without rows at the border gets none.
    nn_k_, nn_m_ : estimator
        The searches for neighbours; fitted only where they were given.
    in_danger_indices : dict
        The rows at the border of each class.
    source_index_ : ndarray of shape (n_rows_out, 2), int64
        The rows each row lies between; originals (i, i).
    n_features_in_ : int
        Columns seen.
    feature_names_in_ : ndarray of str
        Their names, where they had any.

    Notes
    -----
    H. Han, W. Wang and B. Mao, Borderline-SMOTE, ICIC 2005. The class of a neighbour is looked at
    as it is; imbalanced-learn may count a copy of a row in place of the row itself.

    Examples
    --------
    >>> import numpy as np
    >>> from tamis.resample import BorderlineSMOTE
    >>> X = np.array([[0.0], [1.0], [2.0], [3.0], [2.6], [9.0]])
    >>> sampler = BorderlineSMOTE(k_neighbors=1, m_neighbors=3, random_state=0)
    >>> X_out, y_out = sampler.fit_resample(X, [0, 0, 0, 0, 1, 1])
    >>> sampler.in_danger_indices
    {1: array([5])}
    """

    def __init__(
        self,
        *,
        sampling_strategy: Any = "auto",
        random_state: Any = None,
        k_neighbors: Any = 5,
        m_neighbors: Any = 10,
        kind: str = "borderline-1",
        n_jobs: int | None = None,
    ) -> None:
        self.sampling_strategy = sampling_strategy
        self.random_state = random_state
        self.k_neighbors = k_neighbors
        self.m_neighbors = m_neighbors
        self.kind = kind
        self.n_jobs = n_jobs

    def _prepare(self) -> None:
        super()._prepare()
        self.in_danger_indices: dict[Any, np.ndarray] = {}

    def _of_class(self, cells: Any, y: np.ndarray, label: Any, n: int) -> list[Made]:
        own = np.flatnonzero(y == label)
        danger = own[self._in_danger(self._strangers(cells, y, own, label))]
        if not len(danger):
            return []
        self.in_danger_indices[label] = danger
        if self.kind == "borderline-1":
            near = self._near.others(cells, own, danger, f"class {label!r}")
            return [self._draw(danger, near, n)]
        near = self._near.others(cells, np.arange(len(y)), danger)
        made = self._draw(danger, near, n)
        strange = np.flatnonzero(y[made.other] != label)
        rng = check_random_state(self.random_state)
        made.step[strange] *= rng.uniform(low=0.0, high=0.5, size=(len(strange), 1))[:, 0]
        return [made]


class SVMSMOTE(_Bordering):
    """SMOTE from the support vectors of a support vector machine.

    Parameters
    ----------
    sampling_strategy : float, str, dict or callable, default='auto'
        The rows wanted, as in `RandomOverSampler`.
    random_state : int, RandomState or None, default=None
        Draws are those of imbalanced-learn.
    k_neighbors : int or estimator, default=5
        Neighbours that rows are made with, as in `SMOTE`.
    m_neighbors : int or estimator, default=10
        Neighbours of any class that say whether a support vector is noise (all are of other
        classes) or in danger (at least half are).
    svm_estimator : estimator or None, default=None
        A machine with `support_` once fitted; None is ``SVC(gamma="scale")``.
    out_step : float, default=0.5
        How far rows are made away from a neighbour, from support vectors that are not in danger.
    n_jobs : int or None, default=None
        Threads of the search; None is all cores.

    Attributes
    ----------
    sampling_strategy_ : dict
        The rows made of each class.
    nn_k_, nn_m_ : estimator
        The searches for neighbours; fitted only where they were given.
    svm_estimator_ : estimator
        The fitted machine.
    source_index_ : ndarray of shape (n_rows_out, 2), int64
        The rows each row was made from; originals (i, i).
    n_features_in_ : int
        Columns seen.
    feature_names_in_ : ndarray of str
        Their names, where they had any.

    Notes
    -----
    H. M. Nguyen, E. W. Cooper and K. Kamei, Borderline over-sampling for imbalanced data
    classification, 2011. The machine's fit takes most of the time.

    Examples
    --------
    >>> from sklearn.datasets import make_classification
    >>> from tamis.resample import SVMSMOTE
    >>> X, y = make_classification(weights=[0.8], random_state=0)
    >>> X_out, y_out = SVMSMOTE(random_state=0).fit_resample(X, y)
    >>> (y == 1).sum().item(), (y_out == 1).sum().item()
    (19, 81)
    """

    def __init__(
        self,
        *,
        sampling_strategy: Any = "auto",
        random_state: Any = None,
        k_neighbors: Any = 5,
        m_neighbors: Any = 10,
        svm_estimator: Any = None,
        out_step: float = 0.5,
        n_jobs: int | None = None,
    ) -> None:
        self.sampling_strategy = sampling_strategy
        self.random_state = random_state
        self.k_neighbors = k_neighbors
        self.m_neighbors = m_neighbors
        self.svm_estimator = svm_estimator
        self.out_step = out_step
        self.n_jobs = n_jobs

    def _prepare(self) -> None:
        super()._prepare()
        plain = SVC(gamma="scale", random_state=self.random_state)
        self.svm_estimator_ = plain if self.svm_estimator is None else clone(self.svm_estimator)
        self._rng = check_random_state(self.random_state)

    def _of_class(self, cells: Any, y: np.ndarray, label: Any, n: int) -> list[Made]:
        own = np.flatnonzero(y == label)
        support = self._support(cells, y, label)
        strangers = self._strangers(cells, y, support, label)
        known = strangers < self._near_m.size - 1
        support, strangers = support[known], strangers[known]
        if not len(support):
            raise DataError(
                f"every support vector of class {label!r} has neighbours of other classes alone: "
                "SVM-SMOTE is not adapted to your dataset; try another kind of SMOTE"
            )
        danger = self._in_danger(strangers)
        first = int(self._rng.beta(10, 10) * (n + 1))
        parts = []
        for rows, size, reach in (
            (support[danger], first, 1.0),
            (support[~danger], n - first, -self.out_step),
        ):
            if len(rows):
                near = self._near.others(cells, own, rows, f"class {label!r}")
                parts.append(self._draw(rows, near, size, reach))
        return parts

    def _support(self, cells: Any, y: np.ndarray, label: Any) -> np.ndarray:
        self.svm_estimator_.fit(cells, y)
        if not hasattr(self.svm_estimator_, "support_"):
            raise UnsuitedError(
                "`svm_estimator` is required to exposed a `support_` fitted attribute. "
                f"{type(self.svm_estimator_).__name__} has none: give a support vector machine"
            )
        support = np.asarray(self.svm_estimator_.support_)
        return support[y[support] == label]
