"""Outliers by Mahalanobis distances: a robust ellipse, and principal components."""

from __future__ import annotations

import numbers
from typing import Any

import numpy as np
from sklearn import covariance
from sklearn.utils.validation import check_is_fitted

from tamis.exceptions import ParameterError
from tamis.outlier._base import Detector, flagged, validated
from tamis.outlier._near import _medians
from tamis.outlier._threshold import automatic, share

#: The least variance of a component, in units of a column's.
_LEAST = 1e-6


class EllipticEnvelope(covariance.EllipticEnvelope):
    """Outliers outside a robust ellipse: the minimum covariance determinant.

    scikit-learn's class and its search for the ellipse, which takes missing values here, explains
    its scores, and finds a threshold by itself.

    Parameters
    ----------
    store_precision : bool, default=True
        Whether the inverse of the covariance is kept.
    assume_centered : bool, default=False
        Whether the centre is taken to be at zero.
    support_fraction : float, default=None
        The share of rows that the ellipse is made from; None is just over one half.
    contamination : float, default=0.1
        The share of training rows, in (0, 0.5], that are outliers.
    random_state : int, RandomState or None, default=None
        The seed.
    threshold : 'auto' or None, default=None
        ``'auto'``: `offset_` is the score beyond what the bulk of the training scores leads to
        expect, and `contamination` does not matter. On clean data it flags well below 1 % of the
        rows.

    Attributes
    ----------
    location_, covariance_, precision_ : ndarray
        The centre, the covariance, and its inverse.
    support_ : ndarray of shape (n_rows,), bool
        Which rows they were made from.
    raw_location_, raw_covariance_, raw_support_ : ndarray
        The same before rows were weighted again.
    dist_ : ndarray of shape (n_rows,)
        Squared Mahalanobis distances of the training rows.
    offset_ : float
        ``decision_function`` is ``score_samples - offset_``.
    n_features_in_ : int
        Columns seen when fitting.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Their names, where they had any.

    Notes
    -----
    A missing cell counts as the median of its column in training.

    References
    ----------
    Rousseeuw and Van Driessen, "A Fast Algorithm for the Minimum Covariance Determinant Estimator",
    Technometrics 41 (1999).

    Examples
    --------
    >>> import numpy as np
    >>> from tamis.outlier import EllipticEnvelope
    >>> X = np.random.default_rng(0).normal(size=(200, 2))
    >>> detector = EllipticEnvelope(random_state=0, threshold="auto").fit(X)
    >>> detector.predict([[0.0, 0.5], [9.0, 0.0]])
    array([ 1, -1])
    >>> detector.explain([[9.0, 0.0]]).round(1)
    array([[1., 0.]])
    """

    def __init__(
        self,
        *,
        store_precision: bool = True,
        assume_centered: bool = False,
        support_fraction: float | None = None,
        contamination: float = 0.1,
        random_state: Any = None,
        threshold: Any = None,
    ):
        super().__init__(
            store_precision=store_precision,
            assume_centered=assume_centered,
            support_fraction=support_fraction,
            contamination=contamination,
            random_state=random_state,
        )
        self.threshold = threshold

    def fit(self, X: Any, y: Any = None) -> EllipticEnvelope:
        """Find the ellipse.

        Parameters
        ----------
        X : array-like or frame of shape (n_rows, n_features)
            Numbers; NaN is missing.
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
        contamination = share(self.contamination, "None")
        if self.threshold is not None and self.threshold != "auto":
            raise ParameterError(f"threshold must be 'auto' or None; got {self.threshold!r}")
        X = validated(self, X, fitting=True, ensure_min_samples=2)
        names = getattr(self, "feature_names_in_", None)
        self._medians = _medians(X)
        super().fit(self._filled(X))
        if names is not None:
            self.feature_names_in_ = names
        if self.threshold is None:
            self.offset_ = float(np.percentile(-self.dist_, 100.0 * contamination))
        else:
            self.offset_ = automatic(-self.dist_)
        return self

    def _filled(self, X: np.ndarray) -> np.ndarray:
        return np.where(np.isnan(X), self._medians, X)

    def mahalanobis(self, X: Any) -> np.ndarray:
        """Return the squared Mahalanobis distances of rows from the centre.

        Parameters
        ----------
        X : array-like or frame of shape (n_rows, n_features)
            The rows.

        Returns
        -------
        ndarray of shape (n_rows,), float64
        """
        check_is_fitted(self)
        gaps = self._filled(validated(self, X, fitting=False)) - self.location_
        # Without BLAS, so that a row has the same bits alone and in a batch.
        along = np.einsum("ij,kj->ik", gaps, self.get_precision())
        return np.maximum(np.einsum("ij,ij->i", along, gaps), 0.0)

    def predict(self, X: Any) -> np.ndarray:
        """Return -1 for outliers, 1 for the rest. A row at the threshold exactly is no outlier.

        Parameters
        ----------
        X : array-like or frame of shape (n_rows, n_features)
            The rows.

        Returns
        -------
        ndarray of shape (n_rows,), int64
        """
        return flagged(self.decision_function(X))

    def explain(self, X: Any) -> np.ndarray:
        """Return the share of each feature in each row's distance.

        Parameters
        ----------
        X : array-like or frame of shape (n_rows, n_features)
            The rows.

        Returns
        -------
        ndarray of shape (n_rows, n_features), float64
            The squares of the row made uncorrelated while each feature is kept as close to itself
            as can be (Kessy, Lewin and Strimmer 2018), which add up to the squared distance; over
            their sum.
        """
        check_is_fitted(self)
        gaps = self._filled(validated(self, X, fitting=False)) - self.location_
        scales = np.sqrt(np.diag(self.covariance_))
        scales = np.where(scales > 0, scales, 1.0)
        values, vectors = np.linalg.eigh(self.covariance_ / np.outer(scales, scales))
        root = (vectors / np.sqrt(np.maximum(values, _LEAST))) @ vectors.T
        return shares_of(np.einsum("ij,kj->ik", gaps / scales, root))

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        return tags


def shares_of(parts: np.ndarray) -> np.ndarray:
    """Return squares over their sum by row; zeros where all are zero."""
    squares = parts**2
    total = squares.sum(axis=1, keepdims=True)
    return np.divide(squares, total, out=np.zeros_like(squares), where=total > 0)


class PCADetector(Detector):
    """Outliers along principal components, or by what the leading ones do not explain.

    Columns are brought to mean 0 and standard deviation 1. The score of a row is the sum over the
    components of its squared coordinate over the component's variance.

    Parameters
    ----------
    n_components : int or float, default=None
        How many leading components are left out: the score is then what they do not explain. A
        number below 1 is the share of the variance that they have. None leaves out none.
    whiten : bool, default=True
        Whether coordinates count in standard deviations of their component; False is the squared
        error of the reconstruction from the leading components.
    threshold : 'auto' or float, default='auto'
        From which score on a row is an outlier, or ``'auto'``: beyond what the bulk of the training
        scores leads to expect. On clean data it flags well below 1 % of the rows.
    contamination : float, default=None
        The share of training rows, in (0, 0.5], that are outliers; it goes before `threshold`.
    n_jobs : int, default=None
        For the sake of the other detectors: one thread is enough here.

    Attributes
    ----------
    components_ : ndarray of shape (n_kept, n_features)
        The components that make the score, those of most variance first.
    explained_variance_ : ndarray of shape (n_kept,)
        Their variance.
    mean_, scale_ : ndarray of shape (n_features,)
        The mean and the standard deviation of each column.
    scores_ : ndarray of shape (n_rows,)
        `score_samples` of the training rows.
    offset_ : float
        ``decision_function`` is ``score_samples - offset_``.
    n_features_in_ : int
        Columns seen when fitting.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Their names, where they had any.

    Notes
    -----
    A missing cell counts as the mean of its column. A component counts as having at least a
    millionth of a column's variance, so that constant and dependent columns divide by no zero.

    References
    ----------
    Shyu, Chen, Sarinnapakorn and Chang, "A Novel Anomaly Detection Scheme Based on Principal
    Component Classifier" (2003).

    Examples
    --------
    >>> import numpy as np
    >>> from tamis.outlier import PCADetector
    >>> x = np.random.default_rng(0).normal(size=200)
    >>> X = np.column_stack([x, x + 0.1 * np.random.default_rng(1).normal(size=200)])
    >>> PCADetector().fit(X).predict([[1.0, 1.0], [1.0, -1.0]])
    array([ 1, -1])
    """

    def __init__(
        self,
        n_components: float | None = None,
        *,
        whiten: bool = True,
        threshold: Any = "auto",
        contamination: float | None = None,
        n_jobs: int | None = None,
    ):
        self.n_components = n_components
        self.whiten = whiten
        self.threshold = threshold
        self.contamination = contamination
        self.n_jobs = n_jobs

    def _learn(self, X: np.ndarray) -> np.ndarray:
        known = ~np.isnan(X)
        count = np.maximum(known.sum(axis=0), 1)
        self.mean_ = np.where(known, X, 0.0).sum(axis=0, dtype=np.float64) / count
        gaps = np.where(known, X - self.mean_, 0.0)
        scales = np.sqrt(np.einsum("ij,ij->j", gaps, gaps) / count)
        self.scale_ = np.where(scales > 0, scales, 1.0)
        gaps /= self.scale_
        values, vectors = np.linalg.eigh(np.einsum("ij,ik->jk", gaps, gaps) / len(X))
        values, vectors = np.maximum(values[::-1], 0.0), vectors[:, ::-1]
        kept = slice(self._left_out(values), None)
        self.components_ = np.ascontiguousarray(vectors.T[kept])
        self.explained_variance_ = values[kept].copy()
        return self._rate(X)

    def _left_out(self, values: np.ndarray) -> int:
        """Return how many leading components are left out."""
        wanted, p = self.n_components, len(values)
        if wanted is None:
            return 0
        if isinstance(wanted, numbers.Integral) and not isinstance(wanted, bool):
            if 1 <= wanted < p:
                return int(wanted)
        elif isinstance(wanted, numbers.Real) and 0 < wanted < 1:
            parts = np.cumsum(values) / max(values.sum(), np.finfo(float).tiny)
            return min(int(np.searchsorted(parts, float(wanted))) + 1, p - 1)
        raise ParameterError(
            "n_components must be None, a whole number from 1 on and below the number of columns "
            f"(n_features = {p}), or a share in (0, 1); got {wanted!r}"
        )

    def _apart(self, X: np.ndarray) -> np.ndarray:
        """Return each feature's part, whose squares add up to the score."""
        gaps = np.where(np.isnan(X), 0.0, (X - self.mean_) / self.scale_)
        least = np.sqrt(np.maximum(self.explained_variance_, _LEAST))
        weights = 1.0 / least if self.whiten else np.ones(len(least))
        root = (self.components_.T * weights) @ self.components_
        # Without BLAS, so that a row has the same bits alone and in a batch.
        return np.einsum("ij,kj->ik", gaps, root)

    def _rate(self, X: np.ndarray) -> np.ndarray:
        return (self._apart(X) ** 2).sum(axis=1)

    def _parts(self, X: np.ndarray) -> np.ndarray:
        return shares_of(self._apart(X))
