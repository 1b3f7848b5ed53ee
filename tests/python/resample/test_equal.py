"""The same rows as imbalanced-learn makes, for every class and every form of the strategy."""

import warnings

import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import make_classification
from sklearn.neighbors import NearestNeighbors

import tamis.resample as ours

imblearn = pytest.importorskip("imblearn")

from imblearn import combine, over_sampling, under_sampling  # noqa: E402

SEEDED = {
    "ADASYN": {},
    "BorderlineSMOTE": {},
    "KMeansSMOTE": {"kmeans_estimator": 4, "cluster_balance_threshold": 0.05},
    "RandomOverSampler": {},
    "RandomUnderSampler": {},
    "SMOTE": {},
    "SMOTEENN": {},
    "SMOTETomek": {},
    "SVMSMOTE": {},
}
PLAIN = {
    "AllKNN": {},
    "EditedNearestNeighbours": {},
    "NearMiss": {},
    "RepeatedEditedNearestNeighbours": {},
    "TomekLinks": {},
}
MORE = [
    ("BorderlineSMOTE", {"kind": "borderline-2", "k_neighbors": 3, "m_neighbors": 7}),
    ("RandomOverSampler", {"shrinkage": 0.7}),
    ("RandomOverSampler", {"shrinkage": {0: 0.3, 1: 2.0, 2: 0.0}}),
    ("RandomUnderSampler", {"replacement": True}),
    ("SVMSMOTE", {"out_step": 0.2}),
    ("KMeansSMOTE", {"kmeans_estimator": 1, "density_exponent": 2.0}),
    ("AllKNN", {"allow_minority": True, "kind_sel": "mode", "n_neighbors": 5}),
    ("EditedNearestNeighbours", {"kind_sel": "mode", "n_neighbors": 5}),
    ("RepeatedEditedNearestNeighbours", {"max_iter": 2, "sampling_strategy": "all"}),
    ("NearMiss", {"version": 2}),
    ("NearMiss", {"version": 3, "n_neighbors_ver3": 9}),
    ("SMOTE", {"k_neighbors": NearestNeighbors(n_neighbors=4)}),
    ("ADASYN", {"n_neighbors": NearestNeighbors(n_neighbors=4)}),
]


def peer(name):
    for home in (over_sampling, under_sampling, combine):
        if hasattr(home, name):
            return getattr(home, name)
    raise AssertionError(name)


def table(seed, classes=3, n=260):
    weights = [0.6, 0.25, 0.15][:classes]
    return make_classification(
        n_samples=n,
        n_features=7,
        n_informative=5,
        n_classes=classes,
        n_clusters_per_class=1,
        weights=weights,
        flip_y=0.1,
        class_sep=0.6,
        random_state=seed,
    )


def both(name, X, y, **params):
    """Return what theirs and ours give, and ours; an error of theirs must be one of ours."""
    theirs, mine = peer(name)(**params), getattr(ours, name)(**params)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            wanted = theirs.fit_resample(X, y)
        except (ValueError, RuntimeError) as error:
            with pytest.raises(ValueError if isinstance(error, ValueError) else RuntimeError):
                mine.fit_resample(X, y)
            return None
        return wanted, mine.fit_resample(X, y), theirs, mine


def same(found):
    if found is None:
        return
    (X_want, y_want), (X_got, y_got), theirs, mine = found
    np.testing.assert_allclose(np.asarray(X_got), np.asarray(X_want), rtol=1e-9, atol=1e-12)
    np.testing.assert_array_equal(np.asarray(y_got), np.asarray(y_want))
    assert (
        dict(mine.sampling_strategy_) == dict(theirs.sampling_strategy_)
        if isinstance(theirs.sampling_strategy_, dict)
        else mine.sampling_strategy_ == theirs.sampling_strategy_
    )
    for name in ("nn_k_", "nn_m_", "nn_"):
        if hasattr(theirs, name):
            assert getattr(mine, name).n_neighbors == getattr(theirs, name).n_neighbors
    assert mine.source_index_.shape == (len(y_want), 2)
    assert hasattr(mine, "sample_indices_") == hasattr(theirs, "sample_indices_")


@pytest.mark.parametrize("name", [*SEEDED, *PLAIN])
def test_rows_are_those_of_imbalanced_learn(name):
    for seed in range(4):
        X, y = table(seed)
        params = SEEDED.get(name, PLAIN.get(name, {}))
        if name in SEEDED:
            params = {**params, "random_state": seed}
        same(both(name, X, y, **params))


@pytest.mark.parametrize(
    ("name", "params"), MORE, ids=[f"{n}-{i}" for i, (n, _) in enumerate(MORE)]
)
def test_parameters_do_what_they_do_there(name, params):
    for seed in (5, 6):
        X, y = table(seed)
        seeded = {"random_state": seed} if name in SEEDED else {}
        same(both(name, X, y, **params, **seeded))


@pytest.mark.parametrize(
    "strategy",
    [
        *("auto", "all", "majority", "minority", "not majority", "not minority"),
        *({2: 150, 0: 160}, {0: 30, 1: 20}, {0: -1}, {9: 10}, [0, 2], 0.8, 0.05),
        lambda y: {0: 170, 2: 99},
    ],
    ids=lambda s: "function" if callable(s) else repr(s),
)
@pytest.mark.parametrize("name", ["SMOTE", "RandomUnderSampler", "TomekLinks"])
def test_every_form_of_the_strategy(name, strategy):
    seeded = {"random_state": 3} if name in SEEDED else {}
    for classes in (2, 3):
        X, y = table(1, classes)
        same(both(name, X, y, sampling_strategy=strategy, **seeded))


def test_a_random_state_goes_on_from_class_to_class():
    for name, params in SEEDED.items():
        X, y = table(2)
        theirs, mine = peer(name)(**params), getattr(ours, name)(**params)
        states = [np.random.RandomState(7), np.random.RandomState(7)]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            wanted = theirs.set_params(random_state=states[0]).fit_resample(X, y)
            got = mine.set_params(random_state=states[1]).fit_resample(X, y)
        np.testing.assert_allclose(got[0], wanted[0], rtol=1e-9, atol=1e-12)
        assert states[0].randint(1 << 30) == states[1].randint(1 << 30)


def mixed(seed, n=300):
    rng = np.random.RandomState(seed)
    X = pd.DataFrame(
        {
            "a": rng.randn(n),
            "b": rng.choice(["x", "y", "z"], n),
            "c": rng.randn(n) * 3 + 1,
            "d": pd.Categorical(rng.choice(["u", "v"], n)),
            "e": rng.randint(20, size=n),
            "f": rng.choice([0, 1, 2, 5], n),
        }
    )
    return X, np.array(["no", "yes", "maybe"])[rng.choice(3, n, p=[0.6, 0.3, 0.1])]


def test_numbers_and_categories():
    for seed in range(6):
        X, y = mixed(seed)
        kinds = [["b", "d", "f"], [1, 3], [False, True, False, True, False, True]][seed % 3]
        found = both("SMOTENC", X, y, categorical_features=kinds, random_state=seed)
        if seed % 3 == 1:
            kinds = ["b", "d"]
        (X_want, y_want), (X_got, y_got), theirs, mine = found
        pd.testing.assert_frame_equal(X_got, X_want)
        np.testing.assert_array_equal(y_got, y_want)
        assert mine.median_std_ == pytest.approx(theirs.median_std_)
        np.testing.assert_array_equal(mine.categorical_features_, theirs.categorical_features_)
        numbers = X[["a", "c"]].to_numpy()
        matrix = np.hstack([numbers, np.random.RandomState(seed).randint(3, size=(len(X), 2))])
        wanted, got, *_ = both("SMOTENC", matrix, y, categorical_features=[2, 3], random_state=seed)
        np.testing.assert_allclose(got[0], wanted[0])


def test_categories_alone():
    for seed in range(6):
        rng = np.random.RandomState(seed)
        X = np.column_stack([rng.choice(list("abcdef")[: k + 2], 200) for k in range(4)])
        X = X.astype(object)
        y = np.where((X[:, 0] == "a") & (rng.rand(200) < 0.7), "yes", "no")
        (X_want, y_want), (X_got, y_got), *_ = both("SMOTEN", X, y, random_state=seed)
        np.testing.assert_array_equal(X_got, X_want)
        np.testing.assert_array_equal(y_got, y_want)
