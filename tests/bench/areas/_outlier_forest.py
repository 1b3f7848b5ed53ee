"""Isolation forests: fit and score."""

import numpy as np

from . import Row
from ._outlier_data import auc, planted


def forest(threads):
    from tamis.outlier import IsolationForest

    detector = IsolationForest(random_state=0, n_jobs=threads)
    return lambda data: -detector.fit(data[0]).score_samples(data[0])


def sklearn(threads):
    import joblib
    from sklearn.ensemble import IsolationForest

    detector = IsolationForest(random_state=0, n_jobs=threads)

    def call(data):
        with joblib.parallel_backend("threading", n_jobs=threads):
            return -detector.fit(data[0]).score_samples(data[0])

    return call


def pyod(threads):
    from pyod.models.iforest import IForest

    return lambda data: IForest(random_state=0, n_jobs=threads).fit(data[0]).decision_scores_


def isotree(threads):
    from isotree import IsolationForest

    # The forest of the paper: its defaults are others.
    options = {"ndim": 1, "sample_size": 256, "missing_action": "fail"}
    detector = IsolationForest(ntrees=100, nthreads=threads, random_seed=0, **options)
    return lambda data: np.asarray(detector.fit(data[0]).predict(data[0]))


ROWS = [
    Row(
        "isolation forest, 100 trees, fit and score, 200k x 20",
        planted(200_000, 20),
        {"tamis": forest, "scikit-learn": sklearn, "pyod": pyod, "isotree": isotree},
        auc,
        "AUC",
    )
]
