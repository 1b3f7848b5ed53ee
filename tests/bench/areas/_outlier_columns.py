"""Detectors that look at each column: fit, and the scores of the training rows."""

from . import Row
from ._outlier_data import auc, planted


def ours(name):
    def prepare(threads):
        from tamis import outlier

        detector = getattr(outlier, name)(n_jobs=threads)
        return lambda data: -detector.fit(data[0]).scores_

    return prepare


def pyod(name):
    def prepare(threads):
        from importlib import import_module

        cls = getattr(import_module(f"pyod.models.{name.lower()}"), name)
        options = {} if name == "HBOS" else {"n_jobs": threads}
        if name == "HBOS":
            import numpy as np

            cls().fit(np.eye(50))  # numba compiles
        return lambda data: cls(**options).fit(data[0]).decision_scores_

    return prepare


ROWS = [
    Row(
        f"{name}, 200k x 30",
        planted(200_000, 30),
        {"tamis": ours(name), "pyod": pyod(name)},
        auc,
        "AUC",
    )
    for name in ("ECOD", "COPOD", "HBOS")
]
