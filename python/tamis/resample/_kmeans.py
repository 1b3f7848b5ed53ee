"""SMOTE inside the clusters where a rare class is common."""

from __future__ import annotations

import math
from numbers import Integral
from typing import Any

import numpy as np
from sklearn.base import clone
from sklearn.cluster import MiniBatchKMeans
from sklearn.metrics import pairwise_distances_chunked

from tamis.exceptions import UnsuitedError
from tamis.resample._rows import Made
from tamis.resample._smote import BaseSMOTE

__all__ = ["KMeansSMOTE"]

#: Megabytes of distances at a time.
_MEMORY = 32


class KMeansSMOTE(BaseSMOTE):
    """SMOTE inside clusters, more of it in the clusters where the class is sparse.

    Parameters
    ----------
    sampling_strategy : float, str, dict or callable, default='auto'
        The rows wanted, as in `RandomOverSampler`; the shares of clusters are rounded up.
    random_state : int, RandomState or None, default=None
        Draws are those of imbalanced-learn.
    k_neighbors : int or estimator, default=2
        Neighbours that rows are made with, as in `SMOTE`.
    n_jobs : int or None, default=None
        Threads; None is all cores. The result is the same for any number.
    kmeans_estimator : int, estimator or None, default=None
        The clusters: their number, or a clusterer with `n_clusters`; None is
        ``MiniBatchKMeans()``.
    cluster_balance_threshold : 'auto' or float, default='auto'
        The least share of the class in a cluster that is used.
    density_exponent : 'auto' or float, default='auto'
        Power of the mean distance in a cluster, by which its share is found.

    Attributes
    ----------
    sampling_strategy_ : dict
        The rows asked for of each class.
    kmeans_estimator_ : estimator
        The fitted clusterer.
    nn_k_ : estimator
        The search for neighbours; fitted only where it was given.
    cluster_balance_threshold_ : 'auto' or float
        The threshold used: with one cluster, none.
    source_index_ : ndarray of shape (n_rows_out, 2), int64
        The rows each row lies between; originals (i, i).
    n_features_in_ : int
        Columns seen.
    feature_names_in_ : ndarray of str
        Their names, where they had any.

    Raises
    ------
    UnsuitedError
        If no cluster has rows enough of a class.

    Notes
    -----
    F. Last, G. Douzas and F. Bacao, Oversampling for imbalanced learning based on k-means and
    SMOTE, 2017.

    Examples
    --------
    >>> from sklearn.datasets import make_blobs
    >>> from tamis.resample import KMeansSMOTE
    >>> X, y = make_blobs([100, 800, 100], centers=[[-10, 0], [0, 0], [10, 0]], random_state=0)
    >>> y = (y == 1).astype(int)
    >>> sampler = KMeansSMOTE(kmeans_estimator=10, random_state=42)
    >>> (sampler.fit_resample(X, y)[1] == 0).sum() >= 800
    np.True_
    """

    def __init__(
        self,
        *,
        sampling_strategy: Any = "auto",
        random_state: Any = None,
        k_neighbors: Any = 2,
        n_jobs: int | None = None,
        kmeans_estimator: Any = None,
        cluster_balance_threshold: Any = "auto",
        density_exponent: Any = "auto",
    ) -> None:
        self.sampling_strategy = sampling_strategy
        self.random_state = random_state
        self.k_neighbors = k_neighbors
        self.n_jobs = n_jobs
        self.kmeans_estimator = kmeans_estimator
        self.cluster_balance_threshold = cluster_balance_threshold
        self.density_exponent = density_exponent

    def _prepare(self) -> None:
        super()._prepare()
        given = self.kmeans_estimator
        if given is None:
            self.kmeans_estimator_ = MiniBatchKMeans(random_state=self.random_state)
        elif isinstance(given, Integral):
            self.kmeans_estimator_ = MiniBatchKMeans(
                n_clusters=int(given), random_state=self.random_state
            )
        else:
            self.kmeans_estimator_ = clone(given)
        one = self.kmeans_estimator_.n_clusters == 1
        self.cluster_balance_threshold_ = -np.inf if one else self.cluster_balance_threshold

    def _of_class(self, cells: Any, y: np.ndarray, label: Any, n: int) -> list[Made]:
        clusters = self.kmeans_estimator_.fit_predict(cells)
        threshold = self.cluster_balance_threshold_
        if threshold == "auto":
            threshold = n / sum(self.sampling_strategy_.values()) / 2
        used = []
        for cluster in range(self.kmeans_estimator_.n_clusters):
            inside = clusters == cluster
            own = np.flatnonzero(inside & (y == label))
            if (
                inside.any()
                and len(own) / inside.sum() >= threshold
                and len(own) >= self._near.size
            ):
                used.append(own)
        if not used:
            raise UnsuitedError(
                f"No clusters found with sufficient samples of class {label!r}: lower "
                "cluster_balance_threshold, or ask for more clusters or fewer neighbours"
            )
        sparsity = np.array([self._sparsity(cells[own]) for own in used])
        shares = sparsity / sparsity.sum()
        parts = []
        for own, share in zip(used, shares, strict=True):
            near = self._near.others(cells, own, own, f"class {label!r} in a cluster")
            parts.append(self._draw(own, near, math.ceil(n * share)))
        return parts

    def _sparsity(self, cells: Any) -> float:
        """Return how thinly the rows of a cluster lie: a power of their mean distance, by row."""
        n = cells.shape[0]
        chunks = pairwise_distances_chunked(
            cells, n_jobs=self.n_jobs, working_memory=_MEMORY, reduce_func=_sums
        )
        mean = sum(float(c.sum()) for c in chunks) / (n**2 - n)
        auto = self.density_exponent == "auto"
        power = math.log(n, 1.6) ** 1.8 * 0.16 if auto else self.density_exponent
        return mean**power / n


def _sums(distances: np.ndarray, start: int) -> np.ndarray:
    rows = np.arange(len(distances))
    distances[rows, start + rows] = 0
    return distances.sum(axis=1)
