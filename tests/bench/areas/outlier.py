"""Outliers: bounds, forests, columns and neighbours."""

import numpy as np

from . import Row, _outlier_columns, _outlier_forest, _outlier_near, _outlier_quality


def heavy(rng):
    return rng.standard_t(3, size=(1_000_000, 20))


def tamis(threads):
    from tamis.outlier import IQRDetector

    detector = IQRDetector(n_jobs=threads)
    return lambda X: detector.fit(X).predict(X) == -1


def numpy(threads):
    def call(X):
        low, high = np.percentile(X, [25, 75], axis=0)
        reach = 1.5 * (high - low)
        return (np.less(X, low - reach) | np.greater(X, high + reach)).any(axis=1)

    return call


def found(X, outliers):
    return float(np.mean(outliers))


ROWS = [
    Row(
        "rows outside the IQR bounds, 1M x 20",
        heavy,
        {"tamis": tamis, "numpy": numpy},
        found,
        "share",
    ),
    *_outlier_forest.ROWS,
    *_outlier_columns.ROWS,
    *_outlier_near.ROWS,
    *_outlier_quality.ROWS,
]
