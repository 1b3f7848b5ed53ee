"""Rows within a tolerance, and rows whose text is evened out: against brute force."""

import datetime
import pickle
import unicodedata

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.base import clone

import tamis
from tamis import _core
from tamis.dedup import RowDeduplicator, duplicate_groups, find_leakage
from tamis.dedup import _rows as module
from tamis.exceptions import DataError, ParameterError, StoppedError


def alike(a, b, limits):
    """Return whether two rows (dicts) are duplicates, by the definition."""
    for name, x in a.items():
        y, gone = b[name], (pd.isna(x), pd.isna(b[name]))
        if any(gone):
            if not all(gone):
                return False
        elif name not in limits:
            if x != y:
                return False
        elif x != y and not abs(x - y) <= limits[name]:
            return False
    return True


floats = st.sampled_from([0.0, -0.0, 0.1, 0.3, 0.30000000000000004, 1.0, 1.1, 1e308, -1e308,
                          float("inf"), float("-inf"), None])  # fmt: skip
big = st.sampled_from([0, 1, 2, 5, 2**53, 2**53 + 1, 2**63 - 1, -(2**63), -(2**63) + 2])
small = st.integers(0, 6)
texts = st.sampled_from(["a", "b", None])
rows_of = st.lists(st.tuples(floats, big, small, texts), min_size=1, max_size=40)
limit = st.sampled_from([0.2, 1, 2.5])


def slow(rows, names, limits):
    plain = [dict(zip(names, row, strict=True)) for row in rows]
    n = len(rows)
    return {(i, j) for i in range(n) for j in range(i + 1, n) if alike(plain[i], plain[j], limits)}


def pairs_of(found):
    pairs = found.pairs
    return set(zip(pairs["left"], pairs["right"], strict=True))


@given(
    rows_of, st.dictionaries(st.sampled_from("xi"), limit), st.sampled_from(["star", "connected"])
)
def test_pairs_and_clusters_are_those_of_brute_force(rows, limits, linkage):
    names = list("xijs")
    frame = pd.DataFrame(dict(zip(names, map(list, zip(*rows, strict=True)), strict=True)))
    frame = frame.astype({"x": float, "i": np.int64})
    want = slow(rows, names, limits)
    step = RowDeduplicator(tolerance=limits, linkage=linkage)
    found = step.fit(frame).duplicates_
    assert pairs_of(found) == want
    for cluster in found.clusters:
        (kept,) = [i for i in cluster if found.keep[i]]
        near = [i for i in cluster if i == kept or (min(i, kept), max(i, kept)) in want]
        assert linkage == "connected" or len(near) == len(cluster)
    if linkage == "connected":
        together = {(i, j) for c in found.clusters for i in c for j in c if i < j}
        assert want <= together
        groups = duplicate_groups(frame, tolerance=limits)
        assert groups.tolist() == found.labels.tolist()
    assert pairs_of(step.fit(pl.from_pandas(frame)).duplicates_) == want


@given(rows_of, st.randoms(use_true_random=False))
def test_clusters_do_not_hang_on_the_order_of_the_rows(rows, random):
    frame = pd.DataFrame(rows, columns=list("xijs")).astype({"x": float, "i": np.int64})
    order = random.sample(range(len(rows)), len(rows))
    step = RowDeduplicator(tolerance={"x": 0.2, "j": 2})
    sets = []
    for numbers in (range(len(rows)), order):
        step.fit(frame.iloc[list(numbers)])
        sets.append({frozenset(numbers[i] for i in c) for c in step.duplicates_.clusters})
    assert sets[0] == sets[1]


@pytest.mark.parametrize("dtype", ["f4", "f8", "i1", "i8", "u1", "u8"])
def test_every_type_by_its_own_arithmetic(dtype):
    rng = np.random.default_rng(0)
    top = 200 if dtype == "u1" else 100
    x = (rng.random((300, 2)) * top).astype(dtype)
    got = pairs_of(RowDeduplicator(tolerance=1.3 if "f" in dtype else 2).fit(x).duplicates_)
    limit = x.dtype.type(1.3) if "f" in dtype else 2
    wide = x if "f" in dtype else x.astype(int)
    near = (np.abs(wide[:, None] - wide[None]) <= limit).all(axis=2)
    i, j = np.nonzero(np.triu(near, 1))
    assert len(i) > 3
    assert got == set(zip(i.tolist(), j.tolist(), strict=True))


def test_whole_numbers_are_never_made_floats():
    x = np.array([2**63, 2**63 + 1, 2**63 + 3, 2**64 - 1, 0], dtype=np.uint64)[:, None]
    assert pairs_of(RowDeduplicator(tolerance=1).fit(x).duplicates_) == {(0, 1)}
    assert pairs_of(RowDeduplicator(tolerance=2.9).fit(x).duplicates_) == {(0, 1), (1, 2)}
    y = np.array([-(2**63), 2**63 - 1, 0])[:, None]
    assert pairs_of(RowDeduplicator(tolerance=2.0**63).fit(y).duplicates_) == {(0, 2), (1, 2)}
    assert RowDeduplicator(tolerance=1e30).fit(y).duplicates_.n_pairs == 3


def test_values_on_any_grid_find_their_neighbours():
    x = np.arange(1000)[:, None] * 0.75
    got = pairs_of(RowDeduplicator(tolerance=1).fit(x).duplicates_)
    assert got == {(i, i + 1) for i in range(999)}


def test_score_and_evidence():
    frame = pd.DataFrame({"a": [1.0, 1.5, 1.0, 9.0], "b": [0, 1, 0, 5]})
    found = RowDeduplicator(tolerance={"a": 1, "b": 4}).fit(frame).duplicates_
    assert found.pairs.to_dict("list") == {
        "left": [0, 0, 1], "right": [1, 2, 2], "score": [0.5, 1.0, 0.5],
        "evidence": ["within tolerance", "equal", "within tolerance"],
    }  # fmt: skip
    assert found.keep.tolist() == [True, False, False, True]
    assert "within tolerance" in found._repr_html_()
    assert tamis.dedup.Duplicates is type(found)


def test_a_star_holds_what_is_near_its_middle():
    x = np.arange(5.0)[:, None]
    star = RowDeduplicator(tolerance=1).fit(x).duplicates_
    assert sorted(map(len, star.clusters)) in ([2, 3], [3])
    chain = RowDeduplicator(tolerance=1, linkage="connected").fit(x).duplicates_
    assert [c.tolist() for c in chain.clusters] == [[0, 1, 2, 3, 4]]


TIMES = ["2020-01-01 00:00:00", "2020-01-01 00:00:02", "2020-01-01 00:00:07", None]


@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
@pytest.mark.parametrize(
    "t",
    [pd.Timedelta("2s"), datetime.timedelta(seconds=2), np.timedelta64(2000, "ms"), {"d": 2},
     {"d": 2.4}, {"d": pd.Timedelta("2s")}],
)  # fmt: skip
def test_times_in_any_unit(unit, t):
    column = pd.Series(pd.to_datetime(TIMES)).astype(f"datetime64[{unit}]")
    frame = pd.DataFrame({"d": column, "k": [1, 1, 1, 1]})
    other = frame.assign(d=column - pd.Timestamp("2000-01-01"))
    zoned = frame.assign(d=column.dt.tz_localize("Asia/Tokyo"))
    for data in (frame, other, zoned, pl.from_pandas(frame)):
        assert pairs_of(RowDeduplicator(tolerance=t).fit(data).duplicates_) == {(0, 1)}


def test_dates_and_far_times():
    days = [datetime.date(1, 1, 1), datetime.date(9999, 12, 30), datetime.date(9999, 12, 31)]
    frame = pl.DataFrame({"d": days})
    found = RowDeduplicator(tolerance={"d": 86400}).fit(frame).duplicates_
    assert pairs_of(found) == {(1, 2)}


def test_a_number_is_for_numbers_and_a_time_for_times():
    frame = pd.DataFrame({
        "x": [1.0, 1.5], "b": [True, True], "d": pd.to_datetime(["2020-01-01", "2020-01-02"]),
    })  # fmt: skip
    assert RowDeduplicator(tolerance=1).fit(frame).duplicates_.n_pairs == 0
    assert RowDeduplicator(tolerance={"x": 1, "d": 86400}).fit(frame).duplicates_.n_pairs == 1
    assert RowDeduplicator(["x", "b"], tolerance=1).fit(frame).duplicates_.n_pairs == 1
    assert RowDeduplicator(["d"], tolerance=pd.Timedelta("1D")).fit(frame).duplicates_.n_pairs == 1


@pytest.mark.parametrize(
    ("options", "error", "words"),
    [
        ({"tolerance": -1}, ParameterError, "finite and 0 or more"),
        ({"tolerance": float("nan")}, ParameterError, "finite"),
        ({"tolerance": {"x": np.inf}}, ParameterError, "of column 'x' must be finite"),
        ({"tolerance": np.timedelta64("NaT")}, ParameterError, "finite"),
        ({"tolerance": True}, ParameterError, "must be a number"),
        ({"tolerance": "1"}, ParameterError, "must be a number"),
        ({"tolerance": {"z": 1}}, ParameterError, "'z', which is none of the columns"),
        ({"tolerance": {"s": 1}}, ParameterError, "column 's' does not hold"),
        ({"tolerance": {"b": 1}}, ParameterError, "column 'b' does not hold"),
        ({"tolerance": {"x": pd.Timedelta(1)}}, ParameterError, "column 'x' does not hold"),
        ({"normalize": "lower"}, ParameterError, "normalize must be"),
        ({"normalize": 3}, ParameterError, "normalize must be"),
        ({"normalize": {"z": True}}, ParameterError, "'z', which is none"),
        ({"normalize": {"x": True}}, ParameterError, "'x', which holds no text"),
        ({"normalize": lambda text: None}, DataError, "gave NoneType for 'a' of column 's'"),
    ],
)
def test_what_cannot_be_used(options, error, words):
    frame = pd.DataFrame({"x": [1.0, 2.0], "s": ["a", "b"], "b": [True, False]})
    with pytest.raises(error, match=words):
        RowDeduplicator(**options).fit(frame)


def test_too_many_pairs(monkeypatch):
    monkeypatch.setattr(module, "_MOST_PAIRS", 40)
    x = np.arange(10.0)[:, None]
    assert RowDeduplicator(tolerance=4).fit(x).duplicates_.n_pairs == 30
    with pytest.raises(DataError, match="more than 40 pairs of different rows"):
        RowDeduplicator(tolerance=10).fit(x)


@pytest.mark.parametrize("n_jobs", [2, 3])
def test_the_same_on_any_number_of_threads(n_jobs):
    rng = np.random.default_rng(0)
    x = rng.random((40_000, 3))
    one = RowDeduplicator(tolerance=0.01, n_jobs=1).fit(x).duplicates_
    many = RowDeduplicator(tolerance=0.01, n_jobs=n_jobs).fit(x).duplicates_
    assert one.pairs.equals(many.pairs)
    assert one.labels.tolist() == many.labels.tolist()
    assert one.n_pairs > 1000


def test_nothing_one_row_and_strange_arrays():
    assert duplicate_groups(np.zeros((0, 2)), tolerance=1).tolist() == []
    assert duplicate_groups(np.zeros((1, 2)), tolerance=1).tolist() == [0]
    x = np.arange(40.0).reshape(10, 4)
    x.setflags(write=False)
    for array in (x[:, ::2], np.asfortranarray(x)[::-1]):
        assert RowDeduplicator(tolerance=4).fit(array).duplicates_.n_pairs == 9
    gone = pd.DataFrame({"x": [None, None, 1.0], "y": pd.array([1, 2, None], dtype="Int64")})
    assert pairs_of(RowDeduplicator(tolerance=1).fit(gone).duplicates_) == {(0, 1)}


def test_it_stops_and_pickles():
    with _core.Scope() as scope:
        scope.stop()
        with pytest.raises(StoppedError):
            duplicate_groups(np.zeros((10, 2)), tolerance=1)
    step = RowDeduplicator(tolerance={0: 1.5}, normalize=True).fit(np.arange(3.0)[:, None])
    again = pickle.loads(pickle.dumps(step))
    assert again.duplicates_.pairs.equals(step.duplicates_.pairs)
    assert clone(step).get_params() == step.get_params()


# --- two tables -------------------------------------------------------------------------------


@given(rows_of, rows_of)
def test_leakage_is_that_of_brute_force(left, right):
    names, limits = list("xijs"), {"x": 0.2, "j": 1}
    plain = [[dict(zip(names, row, strict=True)) for row in rows] for rows in (left, right)]
    want = {
        (i, j)
        for i, a in enumerate(plain[0])
        for j, b in enumerate(plain[1])
        if alike(a, b, limits)
    }
    frames = [pd.DataFrame(r, columns=names).astype({"x": float, "i": np.int64})
              for r in (left, right)]  # fmt: skip
    assert pairs_of(find_leakage(*frames, tolerance=limits)) == want


def test_leakage_across_types():
    whole = pd.DataFrame({"a": [10, 20, 30]})
    parts = pd.DataFrame({"a": [10.4, 29.5, np.nan]})
    assert pairs_of(find_leakage(whole, parts, tolerance=0.5)) == {(0, 0), (2, 1)}
    unsigned = pd.DataFrame({"a": np.array([11, 2**63], dtype=np.uint64)})
    with pytest.raises(DataError, match="uints too large"):
        find_leakage(whole, unsigned, tolerance=1)
    assert pairs_of(find_leakage(whole, unsigned.iloc[:1], tolerance=1)) == {(0, 0)}
    with pytest.raises(DataError, match="ints too large"):
        find_leakage(pd.DataFrame({"a": [2**60]}), parts, tolerance=1)
    seconds = pd.DataFrame({"a": np.array(["2020-01-01"], dtype="datetime64[s]")})
    fine = pd.DataFrame({"a": np.array(["2020-01-01T00:00:00.5"], dtype="datetime64[ns]")})
    assert pairs_of(find_leakage(seconds, fine, tolerance={"a": 0.5})) == {(0, 0)}
    assert pairs_of(find_leakage(seconds, fine, tolerance={"a": 0.4})) == set()
    far = pd.DataFrame({"a": np.array(["9999-01-01"], dtype="datetime64[s]")})
    with pytest.raises(DataError, match="too far from 1970"):
        find_leakage(far, fine, tolerance={"a": 1})


# --- text evened out --------------------------------------------------------------------------

SAME = ["Straße  7", " STRASSE 7\n", "strasse 7"]


@pytest.mark.parametrize(
    ("normalize", "want"),
    [
        (None, [0, 1, 2, 3, 4]),
        ("nfc", [0, 1, 2, 3, 3]),
        ("whitespace", [0, 1, 2, 3, 3]),
        (("case", "whitespace"), [0, 0, 0, 1, 1]),
        (True, [0, 0, 0, 1, 1]),
        (str.casefold, [0, 1, 2, 3, 4]),
        ({"s": True}, [0, 0, 0, 1, 1]),
        ({"s": None}, [0, 1, 2, 3, 4]),
    ],
)
def test_text_is_evened_out(normalize, want):
    words = [*SAME, "é!", unicodedata.normalize("NFD", "é!")]
    frame = pd.DataFrame({"s": words, "k": 1})
    for data in (frame, frame.astype({"s": "category"}), frame.astype({"s": object}),
                 pl.from_pandas(frame), pa.Table.from_pandas(frame)):  # fmt: skip
        assert duplicate_groups(data, normalize=normalize).tolist() == want
    assert duplicate_groups(frame[["s"]].to_numpy(), normalize=True).tolist() == [0, 0, 0, 1, 1]


def test_punctuation_missing_cells_and_other_objects():
    frame = pd.DataFrame({"s": ["a-b, c$", "ab c$", None, "", "ab c"], "n": [1] * 5})
    got = duplicate_groups(frame, normalize=("punctuation", "whitespace"))
    assert got.tolist() == [0, 0, 1, 2, 3]
    mixed = pd.Series(["A", "a", 1, 1.0, None], dtype=object)
    assert duplicate_groups(pd.DataFrame({"m": mixed}), normalize="case").tolist() == [
        0,
        0,
        1,
        1,
        2,
    ]
    empty = pd.DataFrame({"s": [None, None]})
    assert duplicate_groups(empty, normalize={"s": True}).tolist() == [0, 0]


def test_what_stays_is_as_it_was():
    frame = pd.DataFrame({"s": SAME, "x": [1.0, 1.1, 5.0]})
    step = RowDeduplicator(normalize=True, tolerance=0.2)
    pd.testing.assert_frame_equal(step.fit_resample(frame)[0], frame.iloc[[0, 2]])
    assert find_leakage(frame, frame.iloc[1:], normalize=True, tolerance=0.2).n_duplicates == 2
    found = RowDeduplicator(["s"], normalize=True).fit(frame).duplicates_
    assert found.pairs["evidence"].unique().tolist() == ["equal when normalized"]
