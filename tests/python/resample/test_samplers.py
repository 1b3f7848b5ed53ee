"""Containers, types, provenance, hostile input: what holds for all samplers."""

import pickle

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from scipy import sparse
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression

import tamis
from tamis import resample
from tamis.exceptions import DataError, ParameterError, UnsuitedError
from tamis.pipeline import Pipeline
from tamis.resample import (
    ADASYN,
    SMOTE,
    SMOTEENN,
    SMOTEN,
    SMOTENC,
    SVMSMOTE,
    AllKNN,
    BorderlineSMOTE,
    EditedNearestNeighbours,
    KMeansSMOTE,
    MixUp,
    NearMiss,
    RandomOverSampler,
    RandomUnderSampler,
    RepeatedEditedNearestNeighbours,
    SMOTETomek,
    TomekLinks,
)

MAKERS = [
    ADASYN(random_state=0),
    BorderlineSMOTE(random_state=0),
    KMeansSMOTE(random_state=0, kmeans_estimator=3, cluster_balance_threshold=0.05),
    RandomOverSampler(random_state=0, shrinkage=0.5),
    SMOTE(random_state=0),
    SMOTEENN(random_state=0),
    SMOTENC([3], random_state=0),
    SMOTETomek(random_state=0),
    SVMSMOTE(random_state=0),
]
TAKERS = [
    AllKNN(),
    EditedNearestNeighbours(),
    NearMiss(),
    RandomOverSampler(random_state=0),
    RandomUnderSampler(random_state=0),
    RepeatedEditedNearestNeighbours(),
    TomekLinks(),
]
ALL = [*MAKERS, *TAKERS, SMOTEN(random_state=0)]


def table(n=120, seed=0):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, 4))
    X[:, 3] = rng.integers(0, 5, n)
    y = (X[:, 0] + 0.7 * rng.normal(size=n) > 0.9).astype(int)
    return X, y


def frame(X):
    return pd.DataFrame(X, columns=list("abcd")).astype({"d": "int16", "b": "float32"})


def name(sampler):
    return type(sampler).__name__


@pytest.mark.parametrize("sampler", ALL, ids=name)
def test_containers_come_back_as_they_came(sampler):
    X, y = table()
    data = frame(X)
    arrays = data.to_numpy().astype(np.float64)
    before = arrays.copy()
    out, labels = clone(sampler).fit_resample(arrays, y)
    np.testing.assert_array_equal(arrays, before)
    assert isinstance(out, np.ndarray) and labels.dtype == y.dtype

    indexed = data.set_axis([f"r{i}" for i in range(len(data))], axis=0)
    got, got_y = clone(sampler).fit_resample(indexed, pd.Series(y, indexed.index, name="t"))
    pd.testing.assert_series_equal(got.dtypes, data.dtypes)
    assert got.index.equals(got_y.index) and got_y.name == "t"
    assert isinstance(got.index, pd.RangeIndex) != isinstance(sampler, RandomUnderSampler)
    # The float32 column may move a neighbour by a bit; the target may not move at all.
    np.testing.assert_array_equal(got_y, labels)

    for made, target in (
        (pl.from_pandas(data), pl.Series("t", y)),
        (pa.Table.from_pandas(data, preserve_index=False), pa.array(y)),
    ):
        more, more_y = clone(sampler).fit_resample(made, target)
        assert type(more) is type(made) and more.schema == made.schema
        assert isinstance(more_y, type(target))
        np.testing.assert_array_equal(np.asarray(more_y), labels)
        np.testing.assert_array_equal(more.to_pandas().to_numpy(), got.to_numpy())

    listed, listed_y = clone(sampler).fit_resample(arrays.tolist(), y.tolist())
    np.testing.assert_array_equal(np.array(listed), out)
    assert listed_y == labels.tolist()


@pytest.mark.parametrize("sampler", ALL, ids=name)
def test_provenance(sampler):
    X, y = table()
    fitted = clone(sampler)
    out, labels = fitted.fit_resample(X, y)
    source = fitted.source_index_
    assert source.shape == (len(out), 2) and source.dtype == np.int64
    np.testing.assert_array_equal(y[source[:, 0]], labels)
    if isinstance(sampler, tuple(type(s) for s in TAKERS)) and fitted._takes:
        if getattr(sampler, "shrinkage", None) is None:
            np.testing.assert_array_equal(source[:, 0], source[:, 1])
            np.testing.assert_array_equal(out, X[fitted.sample_indices_])
        return
    whole = (source == source[:, :1]).all(axis=1)
    if not isinstance(sampler, SMOTEENN | SMOTETomek):
        np.testing.assert_array_equal(source[: len(X), 0], np.arange(len(X)))
        np.testing.assert_array_equal(out[: len(X)], X)
    low = np.minimum(X[source[:, 0]], X[source[:, 1]])
    high = np.maximum(X[source[:, 0]], X[source[:, 1]])
    between = ((out >= low - 1e-9) & (out <= high + 1e-9))[:, :3].all(axis=1)
    if not isinstance(sampler, SVMSMOTE | RandomOverSampler | SMOTEN):
        assert between.all()
    assert whole.sum() >= len(X) // 2


@pytest.mark.parametrize("sampler", ALL, ids=name)
def test_copies_threads_and_files(sampler, tmp_path):
    X, y = table()
    fitted = clone(sampler)
    out, _ = fitted.fit_resample(X, y)
    again, _ = clone(sampler).fit_resample(X, y)
    np.testing.assert_array_equal(out, again)
    back = pickle.loads(pickle.dumps(fitted))
    np.testing.assert_array_equal(back.source_index_, fitted.source_index_)
    assert back.get_feature_names_out().tolist() == ["x0", "x1", "x2", "x3"]
    if "n_jobs" in sampler.get_params():
        for jobs in (1, 2, 3):
            threads, _ = clone(sampler).set_params(n_jobs=jobs).fit_resample(X, y)
            np.testing.assert_array_equal(out, threads)
    if not isinstance(sampler, SVMSMOTE | KMeansSMOTE):  # hold machines of scikit-learn's
        loaded = tamis.load(tamis.save(fitted, tmp_path / "s.tamis"))
        np.testing.assert_array_equal(loaded.source_index_, fitted.source_index_)
        np.testing.assert_array_equal(loaded.fit_resample(X, y)[0], out)


@pytest.mark.parametrize("sampler", ALL, ids=name)
def test_hostile_input(sampler):
    X, y = table()
    fresh = clone(sampler)
    for rows, labels in (
        (X[:0], y[:0]),
        (X[:1], y[:1]),
        (X, np.zeros(len(y))),
        (X, y[:-1]),
        (X[:, 0], y),
        (X, None),
        (X, np.linspace(0, 1, len(y))),
    ):
        with pytest.raises((ValueError, TypeError)):
            fresh.fit_resample(rows, labels)
    with pytest.raises(ParameterError):
        clone(sampler).set_params(sampling_strategy="most").fit_resample(X, y)
    X.setflags(write=False)
    out, _ = clone(sampler).fit_resample(X, y)
    strided, _ = clone(sampler).fit_resample(np.asfortranarray(np.repeat(X, 2, axis=0))[::2], y)
    np.testing.assert_array_equal(out, strided)
    single, _ = clone(sampler).fit_resample(X.astype(np.float32), y)
    assert single.dtype == (np.float64 if getattr(sampler, "shrinkage", None) else np.float32)
    if not fresh._any_cells:
        holes = X.copy()
        holes[3, 2] = np.nan
        with pytest.raises(DataError, match="column 2, row 3"):
            fresh.fit_resample(holes, y)
        with pytest.raises(DataError, match=r"'e'.*categories"):
            fresh.fit_resample(frame(X).assign(e="x"), y)


def test_cells_of_any_kind_are_drawn_as_they_are():
    data = pd.DataFrame(
        {
            "big": pd.array([2**60 + 1, None, 3, 4, 5, 6], dtype="Int64"),
            "text": ["a", None, "c", "d", "e", "f"],
            "when": pd.date_range("2020", periods=6, tz="Europe/Madrid"),
            "kind": pd.Categorical(list("xyxyxy")),
            "mixed": [1, "a", None, 2.5, (1,), True],
        },
        index=list("uvwxyz"),
    )
    y = [0, 0, 0, 0, 1, 1]
    for sampler in (RandomOverSampler(random_state=0), RandomUnderSampler(random_state=0)):
        out, _ = sampler.fit_resample(data, y)
        wanted = data.iloc[sampler.sample_indices_]
        if isinstance(sampler, RandomOverSampler):
            wanted = wanted.reset_index(drop=True)
        pd.testing.assert_frame_equal(out, wanted)
    held = pl.DataFrame({"a": ["x", None, "z"], "b": [[1], [2], [3]]})
    out, _ = RandomOverSampler(random_state=0).fit_resample(held, [0, 0, 1])
    assert out.equals(held[[0, 1, 2, 2]])


def test_sparse_matrices():
    X, y = table()
    for sampler in (SMOTE(random_state=0), BorderlineSMOTE(random_state=0), TomekLinks()):
        dense, _ = clone(sampler).fit_resample(X, y)
        for kind in (sparse.csr_matrix, sparse.csc_matrix, sparse.csr_array):
            out, _ = clone(sampler).fit_resample(kind(X), y)
            assert out.format == kind(X).format
            np.testing.assert_allclose(out.toarray(), dense)


def test_classes_of_few_rows_and_copies():
    X = np.array([[0.0], [0.0], [0.0], [0.0], [5.0], [5.0], [9.0]])
    with pytest.raises(DataError, match=r"class 1 has 1 rows.*n_samples_fit = 1"):
        SMOTE().fit_resample(X, [0, 0, 0, 0, 0, 0, 1])
    out, _ = SMOTE(k_neighbors=1, random_state=0).fit_resample(X, [0, 0, 0, 0, 1, 1, 0])
    np.testing.assert_array_equal(out[7:], 5.0)
    # The copy is of another class, and so a link, whichever comes first.
    kept = TomekLinks(sampling_strategy="all")
    kept.fit_resample([[1.0], [4.0], [4.0], [9.0], [9.5]], [0, 0, 1, 1, 1])
    assert kept.sample_indices_.tolist() == [0, 3, 4]
    with pytest.raises(UnsuitedError, match="ADASYN"):
        ADASYN(n_neighbors=1).fit_resample([[0.0], [0.1], [0.2], [9.0], [9.1]], [0, 0, 0, 1, 1])


def test_missing_categories_are_categories():
    rng = np.random.default_rng(3)
    cells = np.array(["x", "y", None], dtype=object)[rng.integers(0, 3, 60)]
    data = pd.DataFrame({"a": rng.normal(size=60), "b": cells, "c": rng.choice([1.0, np.nan], 60)})
    y = np.repeat([0, 1], [40, 20])
    sampler = SMOTENC(["b", "c"], random_state=0, k_neighbors=3)
    out, _ = sampler.fit_resample(data, y)
    pd.testing.assert_series_equal(out.dtypes, data.dtypes)
    made = out.iloc[60:]
    assert made["b"].isna().any() and made["c"].isna().any() and made["a"].notna().all()
    assert sampler.voter_index_.shape == (20, 3)
    shown = pl.from_pandas(data.assign(b=data["b"].astype("category")))
    again, _ = SMOTENC("auto", random_state=0, k_neighbors=3).fit_resample(shown.drop("c"), y)
    assert again.schema == shown.drop("c").schema and again["b"].null_count() > 0
    with pytest.raises(DataError, match="'a', row 4"):
        SMOTENC(["b"]).fit_resample(data[["a", "b"]].assign(a=data["a"].where(data.index != 4)), y)


def test_by_row_values_stay_aligned():
    X, y = table()
    sampler = SMOTE(random_state=0)
    weights = np.arange(len(y), dtype=float)
    _, _, more = sampler.fit_resample(X, y, sample_weight=weights)
    np.testing.assert_array_equal(more["sample_weight"], sampler.source_index_[:, 0])
    steps = [("smote", SMOTE(random_state=0)), ("model", LogisticRegression())]
    model = Pipeline(steps).fit(X, y, model__sample_weight=1.0 + weights)
    direct = LogisticRegression().fit(*sampler.fit_resample(X, y),
                                      sample_weight=1.0 + more["sample_weight"])  # fmt: skip
    np.testing.assert_array_equal(model.predict(X), direct.predict(X))
    assert len(model.predict(X)) == len(X)


def test_pipelines_of_imbalanced_learn():
    imblearn = pytest.importorskip("imblearn.pipeline")
    X, y = table()
    for sampler in (SMOTE(random_state=0), RandomUnderSampler(random_state=0)):
        ours = Pipeline([("s", clone(sampler)), ("m", LogisticRegression())]).fit(X, y)
        theirs = imblearn.Pipeline([("s", clone(sampler)), ("m", LogisticRegression())]).fit(X, y)
        np.testing.assert_array_equal(ours.predict_proba(X), theirs.predict_proba(X))


@pytest.mark.parametrize(
    ("sampler", "params"),
    [
        (SMOTE, {"k_neighbors": 0}),
        (SMOTE, {"k_neighbors": "five"}),
        (SMOTE, {"random_state": "x"}),
        (SMOTE, {"n_jobs": 0}),
        (SMOTE, {"sampling_strategy": None}),
        (BorderlineSMOTE, {"kind": "borderline"}),
        (NearMiss, {"version": 4}),
        (SVMSMOTE, {"out_step": 2}),
        (AllKNN, {"allow_minority": 1}),
        (MixUp, {"alpha": 0}),
        (MixUp, {"labels": "none"}),
        (SMOTETomek, {"smote": RandomOverSampler()}),
    ],
)
def test_parameters_are_checked(sampler, params):
    X, y = table()
    with pytest.raises(ParameterError):
        sampler(**params).fit_resample(X, y)


def test_every_class_is_exported_and_listed():
    for each in ALL:
        assert name(each) in resample.__all__


def test_a_text_column_among_the_numbers_is_named():
    X = pd.DataFrame({"a": np.arange(20.0), "town": ["x", "y"] * 10, "k": pd.Categorical([0] * 20)})
    with pytest.raises(DataError, match=r"'town'.*categorical_features"):
        SMOTENC("auto").fit_resample(X, [0] * 14 + [1] * 6)
