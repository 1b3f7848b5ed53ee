"""Outliers."""

from tamis.outlier._handler import OutlierHandler
from tamis.outlier._univariate import IQRDetector, MADDetector

__all__ = ["IQRDetector", "MADDetector", "OutlierHandler"]
