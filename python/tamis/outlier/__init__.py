"""Outliers."""

from tamis.outlier._columns import COPOD, ECOD, HBOS
from tamis.outlier._ensemble import OutlierEnsemble
from tamis.outlier._forest import IsolationForest
from tamis.outlier._handler import OutlierHandler
from tamis.outlier._knn import KNNDetector
from tamis.outlier._linear import EllipticEnvelope, PCADetector
from tamis.outlier._lof import LocalOutlierFactor
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
]
