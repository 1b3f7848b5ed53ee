"""Neighbours: the local outlier factor, and the distance to the twentieth neighbour."""

from . import Row
from ._outlier_data import auc, planted


def factor(threads):
    from tamis.outlier import LocalOutlierFactor

    detector = LocalOutlierFactor(n_jobs=threads)
    return lambda data: -detector.fit(data[0]).negative_outlier_factor_


def sklearn_factor(threads):
    from sklearn.neighbors import LocalOutlierFactor

    detector = LocalOutlierFactor(n_jobs=threads)
    return lambda data: -detector.fit(data[0]).negative_outlier_factor_


def distance(threads):
    from tamis.outlier import KNNDetector

    detector = KNNDetector(20, n_jobs=threads)
    return lambda data: -detector.fit(data[0]).scores_


def search(algorithm):
    def prepare(threads):
        from sklearn.neighbors import NearestNeighbors

        search = NearestNeighbors(n_neighbors=20, algorithm=algorithm, n_jobs=threads)
        return lambda data: search.fit(data[0]).kneighbors()[0][:, -1]

    return prepare


def factors(n, p):
    peers = {"tamis": factor, "scikit-learn": sklearn_factor}
    return Row(f"local outlier factor, {n // 1000}k x {p}", planted(n, p), peers, auc, "AUC")


def distances(n, p, **more):
    peers = {"tamis": distance, "scikit-learn": search("auto"), **more}
    task = f"distance to the 20th neighbour, {n // 1000}k x {p}"
    return Row(task, planted(n, p), peers, auc, "AUC")


ROWS = [
    factors(20_000, 10),
    distances(20_000, 10, **{"scikit-learn (brute)": search("brute")}),
    factors(20_000, 100),
    distances(20_000, 100),
    # Minutes for scikit-learn.
    distances(200_000, 10),
]
