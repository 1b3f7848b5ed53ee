"""Several detectors as one."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.base import clone

from tamis import _random
from tamis.exceptions import ParameterError
from tamis.outlier._base import Detector
from tamis.outlier._columns import HBOS
from tamis.outlier._forest import IsolationForest
from tamis.outlier._lof import LocalOutlierFactor
from tamis.outlier._threshold import BEYOND, CENSORED, Tail


class OutlierEnsemble(Detector):
    """Outliers by the ranks that several detectors give them: no single one is best everywhere.

    Each detector's scores become evidence: minus the logarithm of the share of training rows that
    are as far out, by rank; for the tenth that is farthest out, by the tail that the bulk leads to
    expect. The score of a row is the mean evidence.

    Parameters
    ----------
    detectors : list of detectors, default=None
        Each has `fit` and `score_samples`; those with ``novelty`` are used with it. None is an
        isolation forest, one whose cuts are planes, histograms of 10 bins and the local outlier
        factor: global, clustered, dependent and local outliers are each seen by some of them.
    threshold : 'auto' or float, default='auto'
        From which score on a row is an outlier; ``'auto'`` is the logarithm of 1000: beyond what
        one row in a thousand is expected to be by the detectors' mean. On clean data it flags
        well below 1 % of the rows.
    contamination : float, default=None
        The share of training rows, in (0, 0.5], that are outliers; it goes before `threshold`.
    random_state : int, RandomState or None, default=None
        The seed of the forests that are there by default.
    n_jobs : int, default=None
        Threads of the detectors that are there by default; None is all cores, or one in a worker
        process. The results do not depend on it.

    Attributes
    ----------
    detectors_ : list of detectors
        The fitted detectors.
    evidence_ : ndarray of shape (n_rows, n_detectors)
        What each detector has against each training row.
    scores_ : ndarray of shape (n_rows,)
        Minus the mean evidence: high is normal.
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
    Columns are brought to mean 0 and standard deviation 1 before the detectors see them. A frame's
    columns of texts, categories and booleans become numbers: minus the logarithm of the share of
    training rows whose level is as rare or rarer, as with `ECOD`; these are not scaled. Training
    rows are no neighbours of their own; a training row that is scored again as a new one is.

    References
    ----------
    Aggarwal and Sathe, "Outlier Ensembles" (2017). Kriegel, Kröger, Schubert and Zimek,
    "Interpreting and Unifying Outlier Scores", SDM 2011.

    Examples
    --------
    >>> import numpy as np
    >>> from tamis.outlier import OutlierEnsemble
    >>> X = np.random.default_rng(0).normal(size=(300, 3))
    >>> X[7] = 9.0
    >>> OutlierEnsemble(random_state=0).fit_predict(X).argmin()
    np.int64(7)
    """

    _takes_categories = True
    is_categorical_: np.ndarray

    def __init__(
        self,
        detectors: list[Any] | None = None,
        *,
        threshold: Any = "auto",
        contamination: float | None = None,
        random_state: Any = None,
        n_jobs: int | None = None,
    ):
        self.detectors = detectors
        self.threshold = threshold
        self.contamination = contamination
        self.random_state = random_state
        self.n_jobs = n_jobs

    def fit(self, X: Any, y: Any = None) -> OutlierEnsemble:
        """Fit the detectors, and the threshold.

        Parameters
        ----------
        X : array-like or frame of shape (n_rows, n_features)
            Numbers; NaN is missing. A frame may have categories too.
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
            If X holds an infinity or a column that is not of numbers.
        """
        super().fit(X, y)
        if self.contamination is None and isinstance(self.threshold, str):
            self.offset_ = float(np.log(BEYOND))
        return self

    def _members(self) -> list[Any]:
        """Return unfitted detectors."""
        if self.detectors is not None:
            members = [clone(detector) for detector in self.detectors]
            bad = [m for m in members if not hasattr(m, "fit")]
            if not members or bad:
                raise ParameterError("detectors must be a list of at least one detector")
            return members
        seed = _random.base_seed(self.random_state)
        jobs = self.n_jobs
        return [
            IsolationForest(random_state=_random.derive(seed, "axes"), n_jobs=jobs),
            IsolationForest(
                random_state=_random.derive(seed, "planes"), extension_level="full", n_jobs=jobs
            ),
            HBOS(n_bins=10, n_jobs=jobs),
            LocalOutlierFactor(n_jobs=jobs),
        ]

    def _learn(self, X: np.ndarray) -> np.ndarray:
        known = ~np.isnan(X)
        count = np.maximum(known.sum(axis=0), 1)
        self._means = np.where(known, X, 0.0).sum(axis=0, dtype=np.float64) / count
        square = np.where(known, X - self._means, 0.0) ** 2
        scales = np.sqrt(square.sum(axis=0, dtype=np.float64) / count)
        self._scales = np.where((scales > 0) & ~self.is_categorical_, scales, 1.0)
        X = self._scaled(X)
        self.detectors_ = []
        self._sorted: list[np.ndarray] = []
        self._tails: list[list[float]] = []
        columns: list[np.ndarray] = []
        for member in self._members():
            if "novelty" in member.get_params():
                member.set_params(novelty=True)
            if isinstance(member, LocalOutlierFactor) and 1 < len(X) <= member.n_neighbors:
                member.set_params(n_neighbors=len(X) - 1)
            out = -_training_scores(member.fit(X), X)
            tail = Tail.of(out)
            # A member without a tail goes by ranks alone.
            parts = [np.inf, 1.0, 1.0] if tail is None else [tail.start, tail.shape, tail.rate]
            self._tails.append(
                [*parts, np.inf if tail is None else float(np.quantile(out, CENSORED))]
            )
            self._sorted.append(np.sort(out))
            self.detectors_.append(member)
            columns.append(self._evidence(len(columns), out))
        self.evidence_ = np.column_stack(columns)
        return self.evidence_.mean(axis=1)

    def _scaled(self, X: np.ndarray) -> np.ndarray:
        return (X - self._means) / self._scales

    def _evidence(self, which: int, out: np.ndarray) -> np.ndarray:
        """Return what a detector's scores say against rows."""
        ranked = self._sorted[which]
        n = len(ranked)
        middle = (np.searchsorted(ranked, out) + np.searchsorted(ranked, out, side="right")) / 2
        evidence = -np.log((n - middle + 0.5) / (n + 1))
        *parts, end = self._tails[which]
        far = out > end
        evidence[far] = Tail(*parts).evidence(out[far])
        return np.maximum(evidence, 0.0)

    def _all(self, X: np.ndarray) -> np.ndarray:
        """Return what each detector has against scaled rows."""
        parts = [
            self._evidence(i, -np.asarray(member.score_samples(X), dtype=np.float64))
            for i, member in enumerate(self.detectors_)
        ]
        return np.column_stack(parts)

    def _rate(self, X: np.ndarray) -> np.ndarray:
        return self._all(self._scaled(X)).mean(axis=1)

    def _parts(self, X: np.ndarray) -> np.ndarray:
        X = self._scaled(X)
        evidence = self._all(X)
        shares = np.zeros(X.shape)
        for weights, member in zip(evidence.T, self.detectors_, strict=True):
            if hasattr(member, "explain"):
                shares += weights[:, None] * member.explain(X)
        total = shares.sum(axis=1, keepdims=True)
        return np.divide(shares, total, out=np.zeros_like(shares), where=total > 0)


def _training_scores(member: Any, X: np.ndarray) -> np.ndarray:
    """Return the scores of training rows, none of which is a neighbour of its own."""
    for name in ("scores_", "negative_outlier_factor_"):
        if hasattr(member, name):
            return np.asarray(getattr(member, name), dtype=np.float64)
    return np.asarray(member.score_samples(X), dtype=np.float64)
