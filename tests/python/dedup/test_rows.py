"""Equal rows: exact over mixed types, against a slow obvious reference."""

import datetime
import pickle

import narwhals as nw
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.base import clone
from sklearn.model_selection import GroupKFold
from sklearn.utils.estimator_checks import check_estimator

from tamis import _core, _frame
from tamis.dedup import Duplicates, RowDeduplicator, duplicate_groups, find_leakage
from tamis.exceptions import DataError, ParameterError, ShapeError, StoppedError


def slow_groups(rows):
    seen = {}
    return [seen.setdefault(row, len(seen)) for row in rows]


def key(cell):
    return None if isinstance(cell, float) and np.isnan(cell) else cell


cells = st.tuples(
    st.sampled_from([0.0, -0.0, 1.5, float("nan"), None]),
    st.sampled_from([0, 1, 2**53, 2**53 + 1]),
    st.sampled_from(["", "a", "b", "é", None]),
    st.booleans(),
)


@given(st.lists(cells, min_size=1, max_size=40))
def test_groups_are_those_of_the_slow_search_in_every_container(rows):
    want = slow_groups([tuple(key(c) for c in row) for row in rows])
    columns = dict(zip("xisb", map(list, zip(*rows, strict=True)), strict=True))
    frame = pd.DataFrame(columns)
    assert duplicate_groups(frame).tolist() == want
    assert duplicate_groups(frame.astype({"s": "category", "i": "Int64"})).tolist() == want
    assert duplicate_groups(frame.astype({"s": object})).tolist() == want
    schema = {"x": pl.Float64, "i": pl.Int64, "s": pl.String, "b": pl.Boolean}
    assert duplicate_groups(pl.DataFrame(columns, schema)).tolist() == want
    assert duplicate_groups(pa.table(columns)).tolist() == want


@given(st.lists(st.lists(st.sampled_from([0.0, 1.0, np.nan]), min_size=3, max_size=3), min_size=1))
def test_matrices_of_any_layout(rows):
    want = slow_groups([tuple(key(c) for c in row) for row in rows])
    x = np.array(rows)
    layouts = [x, np.asfortranarray(x), x.astype(np.float32), x.astype(np.float16)]
    layouts += [np.repeat(x, 2, axis=0)[::2], np.flip(np.flip(x, 1), 1)]
    for array in layouts:
        array.setflags(write=False)
        assert duplicate_groups(array).tolist() == want


@pytest.mark.parametrize(
    ("column", "want"),
    [
        (np.array([2**63, 2**63 + 1, 2**63], dtype=np.uint64), [0, 1, 0]),
        (np.array(["a", "b", "a"]), [0, 1, 0]),
        (np.array(["2020-01-01", "NaT", "NaT"], dtype="datetime64[s]"), [0, 1, 1]),
        (np.array([1, "1", 1.0], dtype=object), [0, 1, 0]),
        (np.array([1, 2, 1], dtype=np.int8), [0, 1, 0]),
    ],
    ids=["uint64", "str", "datetime", "object", "int8"],
)
def test_arrays_of_other_types(column, want):
    assert duplicate_groups(column[:, None]).tolist() == want


def test_object_cells_compare_by_value():
    moment = datetime.datetime(2020, 1, 1, tzinfo=datetime.timezone.utc)
    other = moment.astimezone(datetime.timezone(datetime.timedelta(hours=2)))
    cell = np.empty(19, dtype=object)
    days = np.array(["2020-01-01"], dtype="datetime64[D]")
    cell[:] = [
        [1, 2], (1.0, 2), np.array([1, 2]), [2, 1], {"a": 1, "b": [np.nan]}, {"b": [None], "a": 1},
        {1, 2}, {2, 1}, moment, other, "[1, 2]", ["a", "b"], ["a,b"], b"x", None, np.nan,
        days, days.astype("datetime64[ns]"), [18262],
    ]  # fmt: skip
    got = duplicate_groups(pd.DataFrame({"c": cell})).tolist()
    assert got == [0, 0, 0, 1, 2, 2, 3, 3, 4, 4, 5, 6, 7, 8, 9, 9, 10, 10, 11]


def test_arrow_lists_and_structs():
    table = pa.table({"l": [[1, 2], [1, 2], None, None, []], "s": [{"a": 1}] * 5})
    assert duplicate_groups(table).tolist() == [0, 0, 1, 1, 2]


def test_objects_that_cannot_be_compared():
    class Odd:
        __hash__ = None

    one, two = Odd(), Odd()
    frame = pd.DataFrame({"o": pd.Series([one, two, one], dtype=object)})
    assert duplicate_groups(frame).tolist() == [0, 1, 0]
    deep = []
    for _ in range(100_000):
        deep = [deep]
    with pytest.raises(DataError, match="'o' holds objects that are nested too deep"):
        duplicate_groups(pd.DataFrame({"o": pd.Series([deep, 1], dtype=object)}))
    while deep:
        deep = deep.pop()


def test_lone_surrogates_and_nul():
    texts = ["\ud800", "\ud801", "\ud800", "a\0", "a"]
    frame = pd.DataFrame({"s": pd.Series(texts, dtype=object)})
    assert duplicate_groups(frame).tolist() == [0, 1, 0, 2, 3]


def test_sliced_arrow_text_and_no_rows():
    table = pa.table({"s": ["x", "a", "b", None, "a", "y"]}).slice(1, 4)
    assert duplicate_groups(table).tolist() == [0, 1, 2, 0]
    assert find_leakage(table, table.slice(3)).left_rows.tolist() == [0, 3]
    for empty in (table.slice(0, 0), pd.DataFrame({"s": []}), np.zeros((0, 2))):
        assert duplicate_groups(empty).tolist() == []


def test_text_without_arrow(monkeypatch):
    monkeypatch.setattr(_frame, "have", lambda name: False)
    series = nw.from_native(pl.Series(["a", None, "é"]), series_only=True)
    text = _frame.text(series)
    assert text.data.tobytes() == "aé".encode()
    assert text.offsets.tolist() == [0, 1, 1, 3]
    assert text.missing.tolist() == [False, True, False]


@pytest.mark.parametrize("n_jobs", [1, 2, 3])
def test_the_same_on_any_number_of_threads(n_jobs):
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"a": rng.integers(0, 300, 60_000), "b": rng.choice(["x", "y"], 60_000)})
    want = frame.groupby(["a", "b"], sort=False).ngroup().to_numpy()
    assert (duplicate_groups(frame, n_jobs=n_jobs) == want).all()


def test_groups_go_into_a_split():
    x = np.repeat(np.arange(20), 3)[:, None]
    for train, test in GroupKFold(4).split(x, groups=duplicate_groups(x)):
        assert not set(x[train, 0]) & set(x[test, 0])


# --- the estimator ----------------------------------------------------------------------------


def frame():
    return pd.DataFrame(
        {"k": [1, 2, 1, 3, 1], "v": [None, "b", None, "c", "a"], "w": [1.0, 2.0, 1.0, 3.0, None]},
        index=list("pqrst"),
    )


@pytest.mark.parametrize(
    ("subset", "keep", "rows"),
    [
        (None, "first", [0, 1, 3, 4]),
        (None, "last", [1, 2, 3, 4]),
        ("k", "first", [0, 1, 3]),
        (["k"], "last", [1, 3, 4]),
        (["k"], "most_complete", [0, 1, 3]),
        (["k", "w"], "most_complete", [0, 1, 3, 4]),
    ],
)
def test_which_rows_stay(subset, keep, rows):
    step = RowDeduplicator(subset, keep=keep)
    before = frame()
    X, y, more = step.fit_resample(before, np.arange(5), sample_weight=[1, 2, 3, 4, 5])
    pd.testing.assert_frame_equal(before, frame())
    pd.testing.assert_frame_equal(X, before.iloc[rows])
    assert y.tolist() == rows
    assert (np.array(more["sample_weight"]) - 1).tolist() == rows
    assert step.sample_indices_.tolist() == rows
    assert np.flatnonzero(step.duplicates_.keep).tolist() == rows


def test_the_most_complete_of_unequal_rows():
    data = pd.DataFrame({"k": [1, 1, 1], "a": [None, 2.0, 3.0], "b": [None, None, "x"]})
    assert len(RowDeduplicator(["k"], keep="most_complete").fit_resample(data)[0].dropna()) == 1


def test_the_result():
    found = RowDeduplicator(["k"], keep="last").fit(frame()).duplicates_
    assert isinstance(found, Duplicates)
    assert found.pairs.to_dict("list") == {
        "left": [0, 0, 2], "right": [2, 4, 4], "score": [1.0] * 3, "evidence": ["equal"] * 3,
    }  # fmt: skip
    assert [c.tolist() for c in found.clusters] == [[0, 2, 4]]
    assert found.to_frame().to_dict("list") == {
        "row": [0, 2, 4], "cluster": [0] * 3, "size": [3] * 3, "keep": [False, False, True],
    }  # fmt: skip
    assert found.expected_recall == 1.0
    assert repr(found) == "<Duplicates: 2 rows of 5 can be dropped, 1 cluster, exact>"
    assert "row 0</th>" in found._repr_html_()


@pytest.mark.parametrize("like", [pd.DataFrame, pl.DataFrame, pa.table], ids=["pd", "pl", "pa"])
def test_no_duplicates_and_the_callers_container(like):
    data = like({"a": [1, 2], "b": ["<i>", None]})
    found = RowDeduplicator().fit(data).duplicates_
    assert found.clusters == []
    assert isinstance(found.pairs, type(data))
    assert isinstance(found.to_frame(), type(data))
    assert _frame.names(found.pairs) == ["left", "right", "score", "evidence"]
    assert "<table" not in found._repr_html_()


def test_html_is_escaped():
    found = RowDeduplicator().fit(pd.DataFrame({"<b>": ["<script>"] * 2})).duplicates_
    assert "<script>" not in found._repr_html_()
    assert "&lt;b&gt;" in found._repr_html_()


def test_polars_and_arrow_rows_come_back_in_kind():
    columns = {"a": [1, 1, 2], "s": ["x", "x", None]}
    assert (
        RowDeduplicator()
        .fit_resample(pl.DataFrame(columns))[0]
        .equals(pl.DataFrame(columns)[[0, 2]])
    )
    assert (
        RowDeduplicator().fit_resample(pa.table(columns))[0].equals(pa.table(columns).take([0, 2]))
    )


def test_check_estimator():
    check_estimator(RowDeduplicator(n_jobs=1), on_skip=None)


def test_pickle_and_clone():
    step = RowDeduplicator(["k"], keep="last").fit(frame())
    again = pickle.loads(pickle.dumps(step))
    assert again.duplicates_.pairs.equals(step.duplicates_.pairs)
    assert clone(step).get_params() == step.get_params()


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda: RowDeduplicator(keep="any").fit(frame()), ParameterError, "keep must be one of"),
        (lambda: RowDeduplicator(keep="best").fit(frame()), ParameterError, "needs by="),
        (lambda: RowDeduplicator(by="k").fit(frame()), ParameterError, "keep='best' alone"),
        (lambda: RowDeduplicator(linkage="x").fit(frame()), ParameterError, "linkage must be"),
        (lambda: duplicate_groups(frame(), ["kk"]), ParameterError, "did you mean 'k'"),
        (lambda: duplicate_groups(frame(), []), ParameterError, "names no column"),
        (lambda: duplicate_groups(np.zeros((2, 2)), [2]), ParameterError, "numbered 0 to 1"),
        (lambda: duplicate_groups(np.zeros(3)), ParameterError, "rows and columns"),
        (lambda: duplicate_groups(pl.LazyFrame({"a": [1]})), ParameterError, "collect"),
        (lambda: find_leakage(frame(), frame(), "texts"), ParameterError, "kind must be"),
        (lambda: find_leakage(frame(), frame().add_suffix("2")), DataError, "no column in common"),
        (lambda: duplicate_groups(frame(), n_jobs=0), ParameterError, "n_jobs"),
    ],
)
def test_what_cannot_be_used(call, error, words):
    with pytest.raises(error, match=words):
        call()


def test_columns_of_the_same_name():
    with pytest.raises(DataError, match="more than one column named 'a'"):
        duplicate_groups(pd.DataFrame([[1, 2]], columns=["a", "a"]))


# --- leakage ----------------------------------------------------------------------------------


def test_leakage_numbers_train_left_and_test_right():
    train = pd.DataFrame({"a": [1, 2, 2, 3], "b": ["x", "y", "y", "z"], "c": [0] * 4})
    test = pl.DataFrame({"b": ["y", "q", "x", "y"], "a": [2, 2, 1, 2]})
    found = find_leakage(train, test)
    assert found.pairs.to_dict("list")["left"] == [0, 1, 1, 2, 2]
    assert found.pairs.to_dict("list")["right"] == [2, 0, 3, 0, 3]
    assert found.left_rows.tolist() == [0, 1, 2]
    assert found.right_rows.tolist() == [0, 2, 3]
    assert found.keep.tolist() == [False, True, False, False]
    assert [c.tolist() for c in found.clusters] == [[0, 6], [1, 2, 4, 7]]
    assert found.to_frame()["side"].tolist() == ["train", "test", "train", "train", "test", "test"]
    assert repr(found) == "<Leakage: 3 test rows of 4 equal 3 train rows of 4, exact>"
    assert "train row 0" in found._repr_html_()


def test_numbers_of_two_types_are_compared_exactly():
    big = 2**53
    whole = pd.DataFrame({"a": [big, big + 1, 7, 0]})
    mixed = pd.DataFrame({"a": [float(big), 7.5, np.nan, -0.0, 2.0**63, np.inf]})
    found = find_leakage(whole, mixed)
    assert found.left_rows.tolist() == [0, 3]
    assert found.right_rows.tolist() == [0, 3]
    unsigned = pd.DataFrame({"a": np.array([2**63, 7], dtype=np.uint64)})
    assert find_leakage(unsigned, mixed).right_rows.tolist() == [4]
    assert find_leakage(unsigned, whole).right_rows.tolist() == [2]
    truth = pd.DataFrame({"a": [True, False]})
    assert find_leakage(truth, whole).right_rows.tolist() == [3]


def test_text_against_numbers_categories_and_nothing():
    text = pd.DataFrame({"a": ["1", "x", None]})
    assert find_leakage(text, pd.DataFrame({"a": [1, 2]})).right_rows.tolist() == []
    assert find_leakage(text, text.astype("category")).right_rows.tolist() == [0, 1, 2]
    assert find_leakage(text, pd.DataFrame({"a": [np.nan]})).left_rows.tolist() == [2]
    assert find_leakage(text, text.iloc[:0]).right_rows.tolist() == []
    assert find_leakage(text.iloc[:0], text).pairs.shape == (0, 4)


@given(st.lists(cells, min_size=1, max_size=20), st.lists(cells, min_size=1, max_size=20))
def test_leakage_is_that_of_the_slow_search(left, right):
    names = list("xisb")
    found = find_leakage(pd.DataFrame(left, columns=names), pd.DataFrame(right, columns=names))
    train = {tuple(key(c) for c in row) for row in left}
    want = [i for i, row in enumerate(right) if tuple(key(c) for c in row) in train]
    assert found.right_rows.tolist() == want


# --- the kernel's door ------------------------------------------------------------------------


def test_the_kernel_refuses_what_does_not_fit():
    with pytest.raises(ShapeError, match="column 0 has 2 rows where 3"):
        _core.equal_rows(3, [(np.zeros(2), None)])
    with pytest.raises(ShapeError, match="offsets must rise"):
        text = (np.array([0, 9]), np.zeros(2, np.uint8))
        _core.equal_rows(1, [(text, None)])
    with pytest.raises(TypeError):
        _core.equal_rows(1, [(np.zeros(1, np.int16), None)])


def test_it_stops():
    with _core.Scope() as scope:
        scope.stop()
        with pytest.raises(StoppedError):
            duplicate_groups(np.zeros((10, 2)))
