"""Vectors that are alike: exact, against brute force in double precision."""

import pickle

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.base import clone
from sklearn.utils.estimator_checks import check_estimator

import tamis
from tamis import _core
from tamis.dedup import VectorDeduplicator, duplicate_groups, find_leakage
from tamis.exceptions import DataError, ParameterError, ShapeError, StoppedError


def vectors(n=300, d=40, seed=0, dtype=np.float64):
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((n, d)) + 0.5
    copies = rng.integers(0, n, n // 2)
    x[: n // 2] = x[copies] + rng.uniform(0, 0.4, (n // 2, 1)) * rng.standard_normal((n // 2, d))
    return x[rng.permutation(n)].astype(dtype)


def brute(x, threshold, metric):
    x = np.asarray(x, dtype=np.float64)
    if metric == "cosine":
        size = np.sqrt((x * x).sum(axis=1))
        with np.errstate(invalid="ignore", divide="ignore"):
            near = (x @ x.T) / size / size[:, None] >= threshold
    else:
        near = np.sqrt(((x[:, None] - x[None]) ** 2).sum(axis=2)) <= threshold
    left, right = np.nonzero(np.triu(near, 1))
    return set(zip(left.tolist(), right.tolist(), strict=True))


def pairs(found):
    frame = found.pairs
    left, right = (np.asarray(frame[side]).tolist() for side in ("left", "right"))
    return set(zip(left, right, strict=True))


@pytest.mark.filterwarnings("ignore:one cluster holds")
@given(
    st.integers(0, 10**6),
    st.integers(1, 60),
    st.integers(1, 30),
    st.sampled_from([(0.95, "cosine"), (0.5, "cosine"), (2.0, "euclidean"), (0.1, "euclidean")]),
    st.sampled_from([np.float32, np.float64]),
)
def test_pairs_are_those_of_brute_force(seed, n, d, how, dtype):
    x = vectors(n, d, seed, dtype)
    threshold, metric = how
    found = VectorDeduplicator(threshold, metric=metric).fit(x).duplicates_
    assert pairs(found) == brute(x, threshold, metric)


@pytest.mark.parametrize("metric", ["cosine", "euclidean"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_enough_vectors_for_sketches(metric, dtype):
    x = vectors(3000, 64, 1, dtype)
    threshold = 0.9 if metric == "cosine" else 4.0
    found = [
        VectorDeduplicator(threshold, metric=metric, n_jobs=jobs).fit(x).duplicates_
        for jobs in (1, 2, 3)
    ]
    wide = x.astype(np.float64)
    if metric == "euclidean":
        square = (wide * wide).sum(axis=1)
        near = square + square[:, None] - 2 * wide @ wide.T <= threshold**2
        want = set(zip(*(a.tolist() for a in np.nonzero(np.triu(near, 1))), strict=True))
    else:
        want = brute(x, threshold, metric)
    assert len(want) > 100
    assert pairs(found[0]) == want
    assert found[0].expected_recall == 1.0
    for other in found[1:]:
        pd.testing.assert_frame_equal(other.pairs, found[0].pairs)


@pytest.mark.parametrize("linkage", ["star", "connected"])
def test_the_order_of_the_vectors_is_of_no_account(linkage):
    x = vectors()
    order = np.random.default_rng(1).permutation(len(x))
    one, other = (
        VectorDeduplicator(0.9, linkage=linkage).fit(v).duplicates_ for v in (x, x[order])
    )
    assert {tuple(sorted(order[[i, j]].tolist())) for i, j in pairs(other)} == pairs(one)
    clusters = lambda found, name: {frozenset(name[c].tolist()) for c in found.clusters}  # noqa: E731
    assert clusters(one, np.arange(len(x))) == clusters(other, order)


def test_scores_and_evidence():
    x = [[3.0, 4.0], [6.0, 8.0], [3.0, 4.0], [0.0, 0.0], [0.0, 0.0]]
    found = VectorDeduplicator(1.0).fit(np.array(x)).duplicates_
    assert found.pairs.to_dict("list") == {
        "left": [0, 0, 1], "right": [1, 2, 2], "score": [1.0] * 3,
        "evidence": ["cosine", "equal", "cosine"],
    }  # fmt: skip
    found = VectorDeduplicator(5.0, metric="euclidean").fit(np.array(x)).duplicates_
    score = dict(zip(zip(found.pairs["left"], found.pairs["right"], strict=True),
                     found.pairs["score"], strict=True))  # fmt: skip
    assert score[0, 1] == score[0, 3] == 1 / 6
    assert score[3, 4] == score[0, 2] == 1.0
    assert (1, 3) not in score
    assert "euclidean" in found._repr_html_()


def test_many_equal_vectors_are_one_group():
    x = np.tile(np.random.default_rng(0).standard_normal(16), (20_000, 1))
    x[0] += 1e-3
    with pytest.warns(tamis.exceptions.DuplicatesWarning, match="one cluster"):
        found = VectorDeduplicator(n_jobs=1).fit(x).duplicates_
    assert found.n_pairs == 20_000 * 19_999 // 2
    assert found.keep.sum() == 1


def test_a_common_offset_and_a_far_vector_cost_no_digits():
    x = vectors(200, 8)
    want = brute(x, 0.5, "euclidean")
    assert want
    for far in (1e3, 1e12):
        y = np.concatenate([x, np.full((1, 8), far)])
        assert pairs(VectorDeduplicator(0.5, metric="euclidean").fit(y).duplicates_) == want


def test_every_container_gives_the_same():
    x = vectors(60, 5, dtype=np.float32)
    want = pairs(VectorDeduplicator().fit(x).duplicates_)
    assert want
    columns = {f"c{j}": x[:, j] for j in range(5)}
    flat = pa.FixedSizeListArray.from_arrays(pa.array(x.reshape(-1)), 5)
    cells = np.empty(60, dtype=object)
    cells[:] = list(x)
    read_only = x.copy()
    read_only.setflags(write=False)
    for form in (
        x.astype(np.float64), np.asfortranarray(x), np.repeat(x, 2, axis=0)[::2], read_only,
        x.tolist(), pd.DataFrame(columns), pl.DataFrame(columns), pa.table(columns), cells,
        pd.Series(list(x)), pd.DataFrame({"e": list(x)}), pl.DataFrame({"e": x.tolist()}),
        pl.Series(x.tolist()), pl.DataFrame({"e": x}), flat, pa.table({"e": flat}),
        pa.chunked_array([flat[:20], flat[20:]]), pa.table({"e": x.tolist()}),
    ):  # fmt: skip
        assert pairs(VectorDeduplicator().fit(form).duplicates_) == want


def test_the_callers_container_comes_back():
    frame = pl.DataFrame({"e": [[1.0, 0.0], [1.0, 0.01], [0.0, 1.0]]})
    assert VectorDeduplicator().fit_resample(frame)[0].equals(frame[[0, 2]])
    best = VectorDeduplicator(keep="best", by=[1, 2, 3]).fit(frame)
    assert best.duplicates_.keep.tolist() == [False, True, True]
    few = VectorDeduplicator().fit(np.array([[1.0, 2.0]])).duplicates_
    assert (few.n_pairs, few.keep.tolist()) == (0, [True])


@pytest.mark.parametrize(
    ("data", "error", "words"),
    [
        (np.array([[1.0, 2.0], [np.nan, 1.0]]), DataError, "NaN in row 1, column 0"),
        (pd.DataFrame({"a": [1.0, 2.0], "b": [np.inf, 1]}), DataError, "infinity in row 0, .*'b'"),
        (pl.DataFrame({"a": [1, None]}), DataError, "NaN in row 1, column 'a'"),
        (pl.DataFrame({"e": [[1.0], None]}), DataError, "row 1 of X is missing"),
        (pl.DataFrame({"e": [[1.0], [1.0, 2.0]]}), ShapeError, "row 1 of X has 2 numbers"),
        (pd.DataFrame({"a": [1], "b": ["x"]}), DataError, "column 'b'"),
        (pd.Series([["x"], ["y"]]), DataError, "row 0 of X is no list of numbers"),
        (np.zeros(3), ValueError, "Reshape your data"),
        (np.zeros((2, 2), dtype=complex), ValueError, "Complex data not supported"),
    ],
)
def test_what_cannot_be_used(data, error, words):
    with pytest.raises(error, match=words):
        VectorDeduplicator().fit(data)


@pytest.mark.parametrize(
    "options",
    [{"threshold": 0}, {"threshold": 1.1}, {"threshold": "x"}, {"metric": "dot"},
     {"threshold": -1, "metric": "euclidean"}, {"threshold": np.nan, "metric": "euclidean"}],
)  # fmt: skip
def test_parameters_that_cannot_be_used(options):
    with pytest.raises(ParameterError, match=r"threshold must be|metric must be"):
        VectorDeduplicator(**options).fit(np.eye(2))


@pytest.mark.parametrize("metric", ["cosine", "euclidean"])
def test_leakage_and_groups(metric):
    x = vectors(200, 6)
    x[150] = x[3]
    threshold = 0.97 if metric == "cosine" else 0.4
    options = {"threshold": threshold, "metric": metric}
    found = find_leakage(x[:120], x[120:].astype(np.float64), "vector", **options)
    want = {(i, j - 120) for i, j in brute(x, threshold, metric) if i < 120 <= j}
    assert want
    assert pairs(found) == want
    assert "vector" in found._repr_html_()
    groups = duplicate_groups(x, kind="vector", **options)
    assert groups[150] == groups[3]
    with pytest.raises(ShapeError, match="train has vectors of 6 numbers, test of 5"):
        find_leakage(x, x[:, :5], "vector")


@pytest.mark.filterwarnings("ignore:one cluster holds")
def test_check_estimator():
    check_estimator(VectorDeduplicator(n_jobs=1), on_skip=None)


def test_pickle_clone_and_save(tmp_path):
    step = VectorDeduplicator(0.9).fit(vectors())
    for again in (
        pickle.loads(pickle.dumps(step)),
        tamis.load(tamis.save(step, tmp_path / "v.tamis")),
    ):
        assert again.duplicates_.pairs.equals(step.duplicates_.pairs)
    assert clone(step).get_params() == step.get_params()


def test_it_stops():
    scope = _core.Scope()
    scope.stop()
    with scope, pytest.raises(StoppedError):
        VectorDeduplicator().fit(vectors())
