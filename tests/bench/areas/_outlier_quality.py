"""How well outliers are ranked: the ensemble beside single detectors, all with their defaults."""

import warnings

import numpy as np

from . import Row

KINDS = ("global", "local", "clustered", "dependency")
#: Of scikit-learn and pyod, by the module and the class.
PEERS = {
    "scikit-learn IsolationForest": ("sklearn.ensemble", "IsolationForest", {"random_state": 0}),
    "scikit-learn LOF": ("sklearn.neighbors", "LocalOutlierFactor", {}),
    "scikit-learn EllipticEnvelope": (
        "sklearn.covariance", "EllipticEnvelope", {"random_state": 0},
    ),
    "scikit-learn OneClassSVM": ("sklearn.svm", "OneClassSVM", {}),
    "pyod IForest": ("pyod.models.iforest", "IForest", {"random_state": 0}),
    "pyod LOF": ("pyod.models.lof", "LOF", {}),
    "pyod KNN": ("pyod.models.knn", "KNN", {}),
    "pyod ECOD": ("pyod.models.ecod", "ECOD", {}),
    "pyod COPOD": ("pyod.models.copod", "COPOD", {}),
    "pyod HBOS": ("pyod.models.hbos", "HBOS", {}),
    "pyod PCA": ("pyod.models.pca", "PCA", {"random_state": 0}),
    "pyod OCSVM": ("pyod.models.ocsvm", "OCSVM", {}),
    "pyod MCD": ("pyod.models.mcd", "MCD", {"random_state": 0}),
    "pyod INNE": ("pyod.models.inne", "INNE", {"random_state": 0}),
    "pyod GMM": ("pyod.models.gmm", "GMM", {"random_state": 0}),
    "pyod CBLOF": ("pyod.models.cblof", "CBLOF", {"random_state": 0}),
    "pyod COF": ("pyod.models.cof", "COF", {}),
    "pyod KDE": ("pyod.models.kde", "KDE", {}),
    "pyod LODA": ("pyod.models.loda", "LODA", {}),
}  # fmt: skip


def planted(kind, rng, n=1000, p=6, m=50):
    """Return rows of two dependent heaps, then outliers of a kind, and which these are."""
    mixes = rng.normal(size=(2, p, p))
    heaps = [rng.normal(size=(n // 2, p)) @ mix * 0.5 + 6 * i - 3 for i, mix in enumerate(mixes)]
    X = np.concatenate(heaps)
    if kind == "global":
        out = rng.uniform(X.min(axis=0) * 1.1, X.max(axis=0) * 1.1, size=(m, p))
    elif kind == "local":
        wide = [rng.multivariate_normal(h.mean(0), 5 * np.cov(h.T), m // 2) for h in heaps]
        out = np.concatenate(wide)
    elif kind == "clustered":
        far = X.mean(axis=0) + 4 * X.std(axis=0) * rng.choice([-1, 1], p)
        out = far + 0.3 * rng.normal(size=(m, p))
    else:  # each column as it is, but not together
        out = np.column_stack([rng.permutation(column)[:m] for column in X.T])
    return np.concatenate([X, out]), np.arange(n + m) >= n


def among(X, normal, rng, share=0.05):
    """Return the normal rows and few of the others."""
    rare = np.flatnonzero(~normal)
    count = min(len(rare), max(10, round(share * normal.sum())))
    rows = np.concatenate([np.flatnonzero(normal), rng.choice(rare, count, replace=False)])
    return X[rows], ~normal[rows]


def tables(rng):
    """Return (name, rows, which are outliers) of the real tables and the planted kinds."""
    from sklearn import datasets

    cancer, wine, digits = (
        load(return_X_y=True)
        for load in (datasets.load_breast_cancer, datasets.load_wine, datasets.load_digits)
    )
    found = [("breast cancer", *among(cancer[0], cancer[1] == 1, rng))]
    found += [("wine", *among(wine[0], wine[1] != k, rng)) for k in range(3)]
    found += [("digits", *among(digits[0], digits[1] == k, rng)) for k in range(10)]
    found += [(kind, *planted(kind, rng)) for kind in KINDS for _ in range(3)]
    return [(name, standard(X), truth) for name, X, truth in found]


def standard(X):
    scale = X.std(axis=0)
    return (X - X.mean(axis=0)) / np.where(scale > 0, scale, 1.0)


def ours(name, **options):
    def prepare(threads):
        from tamis import outlier

        detector = getattr(outlier, name)(**options)
        if "n_jobs" in detector.get_params():
            detector.set_params(n_jobs=threads)
        return lambda data: [scored(detector, X) for _, X, _ in data]

    return prepare


def peer(module, name, options):
    def prepare(threads):
        from importlib import import_module

        cls = getattr(import_module(module), name)
        return lambda data: [scored(cls(**options), X) for _, X, _ in data]

    return prepare


def scored(detector, X):
    """Return the scores of training rows; high is an outlier."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        fitted = detector.fit(X)
    for name, sign in (
        ("decision_scores_", 1), ("negative_outlier_factor_", -1), ("scores_", -1), ("dist_", 1),
    ):  # fmt: skip
        if hasattr(fitted, name):
            return sign * np.asarray(getattr(fitted, name))
    return -fitted.score_samples(X)


def mean_auc(data, results):
    """Return the mean over the kinds of tables of their mean areas under the curve."""
    areas = by_name(data, results)
    return float(np.mean([np.mean(area) for area in areas.values()]))


def by_name(data, results):
    from sklearn.metrics import roc_auc_score

    areas = {}
    for (name, _, truth), scores in zip(data, results, strict=True):
        finite = np.nan_to_num(scores, posinf=1e300)
        areas.setdefault(name, []).append(roc_auc_score(truth, finite))
    return areas


def one_kind(kind):
    def make(rng):
        return [(kind, *planted(kind, rng)) for _ in range(5)]

    some = ("scikit-learn IsolationForest", "scikit-learn LOF", "pyod KNN")
    peers = {"tamis": ours("OutlierEnsemble", random_state=0)}
    peers |= {name: peer(*PEERS[name]) for name in some}
    return Row(f"ensemble, planted {kind} outliers, 1k x 6, 5 tables", make, peers, mean_auc, "AUC")


ROWS = [
    Row(
        "ensemble, breast cancer, wine, digits and planted kinds, 26 tables",
        tables,
        {
            "tamis": ours("OutlierEnsemble", random_state=0),
            **{name: peer(*arguments) for name, arguments in PEERS.items()},
        },
        mean_auc,
        "AUC",
    ),
    *map(one_kind, KINDS),
]
