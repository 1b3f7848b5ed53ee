"""Outliers: found, explained, and flagged, clipped, blanked or dropped.

Every detector has ``score_samples`` (high is normal), ``decision_function`` (negative is an
outlier), ``predict`` (-1 or 1) and ``explain`` (the share of each feature). A row at the threshold
exactly is no outlier.

``threshold="auto"`` (``factor="auto"`` of IQRDetector) needs no guess of how many outliers there
are: it goes as far as the bulk of the training scores leads to expect one row in a thousand.
Measured on clean normal, uniform, log-normal and Student-t (5) rows of 2 and 10 columns, the mean
share of rows flagged is at most 0.4 % for n = 200 to 100,000; for KNNDetector, LocalOutlierFactor
and OutlierEnsemble at most 0.8 %, measured up to n = 10,000 (two columns: 40,000). It is made for
few outliers: where they are more than about a twentieth of the rows, they pass for a long tail and
few or none are flagged. Then give ``contamination``.
"""

from tamis._gallery import plot_gallery
from tamis.outlier._columns import COPOD, ECOD, HBOS
from tamis.outlier._ensemble import OutlierEnsemble
from tamis.outlier._forest import IsolationForest
from tamis.outlier._handler import OutlierHandler
from tamis.outlier._knn import KNNDetector
from tamis.outlier._linear import EllipticEnvelope, PCADetector
from tamis.outlier._lof import LocalOutlierFactor
from tamis.outlier._plots import plot_explanation, plot_scores
from tamis.outlier._univariate import IQRDetector, MADDetector, ZScoreDetector

__all__ = [
    "COPOD",
    "ECOD",
    "HBOS",
    "EllipticEnvelope",
    "IQRDetector",
    "IsolationForest",
    "KNNDetector",
    "LocalOutlierFactor",
    "MADDetector",
    "OutlierEnsemble",
    "OutlierHandler",
    "PCADetector",
    "ZScoreDetector",
    "plot_explanation",
    "plot_gallery",
    "plot_scores",
]
