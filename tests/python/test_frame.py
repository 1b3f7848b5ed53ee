"""Frames in, the same frames out: pandas, polars and Arrow, with all their types."""

import datetime as dt
import decimal
import zoneinfo

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tamis import _frame
from tamis.exceptions import DataError, ParameterError


def column(native, name="x"):
    return _frame.values(_frame.wrap(native).get_column(name))


# --- wrap ------------------------------------------------------------------------------------


@pytest.mark.parametrize("make", [pd.DataFrame, pl.DataFrame, pa.table])
def test_frames_are_known(make):
    frame = make({"a": [1, 2], "b": ["x", "y"]})
    assert _frame.is_frame(frame)
    assert _frame.names(frame) == ["a", "b"]


@pytest.mark.parametrize("other", [np.zeros((2, 2)), [[1, 2]], {"a": [1]}, None, "a.csv"])
def test_other_things_are_refused_by_name(other):
    assert not _frame.is_frame(other)
    with pytest.raises(ParameterError, match=f"must be a pandas .* got .*{type(other).__name__}"):
        _frame.wrap(other)


def test_a_lazy_frame_is_told_to_collect():
    with pytest.raises(ParameterError, match="collect"):
        _frame.wrap(pl.DataFrame({"a": [1]}).lazy(), "data")


def test_a_series_is_no_frame():
    with pytest.raises(ParameterError, match=r"pandas.*Series"):
        _frame.wrap(pd.Series([1, 2]))


@pytest.mark.parametrize("make", [
    lambda: pd.DataFrame([[1, 2, 3]], columns=["a", "b", "a"]),
    lambda: pa.Table.from_arrays([pa.array([1])] * 3, names=["a", "b", "a"]),
])  # fmt: skip
def test_two_columns_of_one_name_are_refused(make):
    with pytest.raises(DataError, match="more than one column named 'a'"):
        _frame.wrap(make())


@pytest.mark.parametrize("make", [pd.DataFrame, pl.DataFrame, lambda: pa.table({})])
def test_no_columns_are_refused(make):
    with pytest.raises(DataError, match="no columns"):
        _frame.wrap(make())


def test_column_names_that_are_numbers():
    frame = pd.DataFrame(np.arange(6.0).reshape(2, 3))
    assert _frame.names(frame) == [0, 1, 2]


# --- values ----------------------------------------------------------------------------------

PANDAS = [
    ("float", "float64", pd.Series([1.5, np.nan, -2.0])),
    ("float", "float32", pd.Series([1.5, np.nan, -2.0], dtype="float32")),
    ("float", "float64", pd.Series([1.5, None, -2.0], dtype="Float64")),
    ("float", "float32", pd.Series([1.5, None, -2.0], dtype="Float32")),
    ("int", "int64", pd.Series([2**60 + 1, -3, 2], dtype="int64")),
    ("int", "int64", pd.Series([2**60 + 1, None, 2], dtype="Int64")),
    ("int", "int64", pd.Series([1, None, 2], dtype="Int8")),
    ("uint", "uint64", pd.Series([2**64 - 1, 0, 2], dtype="uint64")),
    ("uint", "uint64", pd.Series([2**64 - 1, None, 2], dtype="UInt64")),
    ("bool", "bool", pd.Series([True, False, True])),
    ("bool", "bool", pd.Series([True, None, False], dtype="boolean")),
    ("bool", "bool", pd.Series([True, None, False], dtype=object)),
    ("float", "float64", pd.Series([1, None, 2.5], dtype=object)),
    ("str", "object", pd.Series(["a", None, "b"])),
    ("str", "object", pd.Series(["a", None, "b"], dtype=object)),
    ("str", "object", pd.Series(["a", None, "b"], dtype="string")),
    ("str", "object", pd.Series(["a", None, "b"], dtype="category")),
    ("str", "object", pd.Series(["a", None, "b"], dtype=pd.ArrowDtype(pa.string()))),
    ("int", "int64", pd.Series([1, None, 3], dtype=pd.ArrowDtype(pa.int64()))),
    ("object", "object", pd.Series(["a", None, 3], dtype=object)),
    ("object", "object", pd.Series([[1], None, [2]], dtype=object)),
]


@pytest.mark.parametrize(
    ("kind", "dtype", "series"), PANDAS, ids=lambda v: str(getattr(v, "dtype", v))
)
@pytest.mark.parametrize("index", [None, [7, 7, -1], ["p", "q", "r"]], ids=["range", "dup", "text"])
def test_pandas_columns(kind, dtype, series, index):
    frame = pd.DataFrame({"x": series})
    if index:
        frame.index = index
    before = frame.copy(deep=True)
    v = column(frame)
    assert v.kind == kind
    assert v.data.dtype == dtype
    assert v.missing.tolist() == series.isna().tolist()
    want = series.dropna().tolist()
    assert v.data[~v.missing].tolist() == want
    pd.testing.assert_frame_equal(frame, before)


POLARS = [
    ("float", pl.Series([1.5, None, float("nan")], dtype=pl.Float64), [False, True, True]),
    ("float", pl.Series([1.5, None, -0.0], dtype=pl.Float32), [False, True, False]),
    ("int", pl.Series([2**60 + 1, None, -2], dtype=pl.Int64), [False, True, False]),
    ("uint", pl.Series([2**64 - 1, None, 2], dtype=pl.UInt64), [False, True, False]),
    ("bool", pl.Series([True, None, False]), [False, True, False]),
    ("str", pl.Series(["a", None, ""]), [False, True, False]),
    ("str", pl.Series(["a", None, "b"], dtype=pl.Categorical), [False, True, False]),
    ("str", pl.Series(["a", None, "b"], dtype=pl.Enum(["a", "b"])), [False, True, False]),
    ("time", pl.Series([dt.date(2020, 1, 1), None, dt.date(1969, 12, 31)]), [False, True, False]),
    ("object", pl.Series([[1], None, [2, 3]]), [False, True, False]),
    ("float", pl.Series([decimal.Decimal("1.25"), None, decimal.Decimal(2)]), [False, True, False]),
]  # fmt: skip


@pytest.mark.parametrize(
    ("kind", "series", "missing"), POLARS, ids=lambda v: str(getattr(v, "dtype", ""))
)
@pytest.mark.parametrize("arrow", [False, True], ids=["polars", "arrow"])
def test_polars_and_arrow_columns(kind, series, missing, arrow):
    frame = pl.DataFrame({"x": series})
    if arrow:
        frame = frame.to_arrow()
    v = column(frame)
    assert v.kind == kind
    assert v.missing.tolist() == missing


DAY = 86_400 * 10**9


@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
@pytest.mark.parametrize("zone", [None, "UTC", "Asia/Kolkata"])
def test_times_are_nanoseconds_of_utc(unit, zone):
    times = pd.to_datetime(["1970-01-02", None, "1969-12-31 12:00"], format="mixed")
    series = pd.Series(times).dt.tz_localize("UTC").dt.tz_convert(zone).dt.as_unit(unit)
    v = column(pd.DataFrame({"x": series}))
    assert v.kind == "time"
    assert v.missing.tolist() == [False, True, False]
    assert v.data[~v.missing].tolist() == [DAY, -DAY // 2]


def test_durations_are_nanoseconds():
    for frame in (
        pd.DataFrame({"x": pd.to_timedelta(["1 days", None])}),
        pl.DataFrame({"x": [dt.timedelta(days=1), None]}),
        pa.table({"x": pa.array([dt.timedelta(days=1), None])}),
    ):
        v = column(frame)
        assert (v.kind, v.data[0], v.missing.tolist()) == ("time", DAY, [False, True])


def test_python_dates_in_an_object_column_are_objects():
    assert column(pd.DataFrame({"x": [dt.date(2020, 1, 1), None]})).kind == "object"


def test_whole_numbers_in_objects_that_a_float_cannot_hold_stay_objects():
    v = column(pd.DataFrame({"x": pd.Series([2**60 + 1, 5], dtype=object)}))
    assert (v.kind, v.data.tolist()) == ("object", [2**60 + 1, 5])


def test_a_categorical_of_numbers_keeps_them():
    v = column(pd.DataFrame({"x": pd.Series([3, 1, None, 3], dtype="category")}))
    assert v.missing.tolist() == [False, False, True, False]
    assert v.data[~v.missing].tolist() == [3, 1, 3]


def test_a_chunked_and_a_sliced_arrow_column():
    chunks = pa.chunked_array([[1, None], [], [3]], type=pa.int32())
    table = pa.table({"x": chunks}).slice(1)
    v = column(table)
    assert (v.kind, v.missing.tolist(), v.data[1]) == ("int", [True, False], 3)


def test_no_rows_at_all():
    for frame in (
        pd.DataFrame({"x": pd.Series([], dtype="float64")}),
        pd.DataFrame({"x": pd.Series([], dtype=object)}),
        pl.DataFrame({"x": pl.Series([], dtype=pl.String)}),
        pl.DataFrame({"x": pl.Series([], dtype=pl.Null)}),
        pa.table({"x": pa.array([], type=pa.timestamp("us"))}),
    ):
        v = column(frame)
        assert len(v.data) == len(v.missing) == 0


def test_a_column_of_nothing_but_missing():
    for frame in (
        pd.DataFrame({"x": [None, None]}),
        pd.DataFrame({"x": [np.nan, np.nan]}),
        pd.DataFrame({"x": pd.Series([None, None], dtype="Int64")}),
        pl.DataFrame({"x": [None, None]}),
        pa.table({"x": pa.nulls(2)}),
    ):
        assert column(frame).missing.all()


# --- take ------------------------------------------------------------------------------------


@pytest.mark.parametrize("rows", [[2, 0, 0], [], [False, True, True]], ids=str)
def test_take_keeps_container_types_and_index(rows):
    rows = np.array(rows, dtype=bool if rows and isinstance(rows[0], bool) else int)
    positions = np.flatnonzero(rows) if rows.dtype == bool else rows
    frame = pd.DataFrame(
        {"i": pd.array([1, None, 3], dtype="Int64"), "c": pd.Categorical(["a", "b", None])},
        index=pd.to_datetime(["2020-01-03", "2020-01-01", "2020-01-01"]),
    )
    pd.testing.assert_frame_equal(_frame.take(frame, rows), frame.iloc[positions])
    for other in (pl.DataFrame({"i": [1, None, 3], "s": ["a", "b", None]}),):
        got = _frame.take(other, rows)
        assert isinstance(got, pl.DataFrame)
        assert got.schema == other.schema
        assert got.rows() == [other.row(i) for i in positions.tolist()]
        table = _frame.take(other.to_arrow(), rows)
        assert isinstance(table, pa.Table)
        assert table.schema == other.to_arrow().schema
        assert pl.from_arrow(table).rows() == got.rows()
    array = np.arange(6).reshape(3, 2)
    assert np.array_equal(_frame.take(array, rows), array[positions])
    series = pd.Series([1, 2, 3], index=[5, 5, 4])
    pd.testing.assert_series_equal(_frame.take(series, rows), series.iloc[positions])


@pytest.mark.parametrize("keep", [[True, False, True], [2, 0]], ids=str)
def test_take_of_other_containers(keep):
    positions = np.flatnonzero(keep) if keep[0] is True else np.array(keep)
    assert _frame.take([10, 11, 12], np.array(keep)).tolist() == (10 + positions).tolist()


def test_row_labels():
    assert _frame.row_labels(pd.DataFrame({"a": [1, 2]}, index=["p", "q"])).tolist() == ["p", "q"]
    assert _frame.row_labels(pl.DataFrame({"a": [1, 2]})).tolist() == [0, 1]
    assert _frame.row_labels(pa.table({"a": [1, 2]})).tolist() == [0, 1]
    pairs = pd.MultiIndex.from_tuples([("a", 1), ("b", 2)])
    assert _frame.row_labels(pd.DataFrame({"a": [1, 2]}, index=pairs)).tolist() == [
        ("a", 1),
        ("b", 2),
    ]


# --- replace_cells ---------------------------------------------------------------------------

REPLACED = [
    (pd.Series([1, 2, 3], dtype="int64"), [5.0], "int64", [1, 5, 3]),
    (pd.Series([1, 2, 3], dtype="int64"), [2.5], "float64", [1, 2.5, 3]),
    (pd.Series([1, None, 3], dtype="Int64"), [2.5], "Float64", [1, 2.5, 3]),
    (pd.Series([1, None, 3], dtype="Int64"), [2.0], "Int64", [1, 2, 3]),
    (pd.Series([1, 2, 3], dtype="Int64"), [2.5], "Float64", [1, 2.5, 3]),
    (pd.Series([1, 2, 3], dtype="int64[pyarrow]"), [2.5], "double[pyarrow]", [1, 2.5, 3]),
    (pd.Series([1, None, 3], dtype="int64[pyarrow]"), [2], "int64[pyarrow]", [1, 2, 3]),
    (pd.Series([1.0, np.nan, 3.0], dtype="float32"), [2.0], "float32", [1, 2, 3]),
    (pd.Series([1.0, 0.0, 3.0], dtype="float32"), [0.1], "float32", [1, np.float32(0.1), 3]),
    (pd.Series([1.0, None, 3.0], dtype="Float32"), [0.1], "Float32", [1, np.float32(0.1), 3]),
    (pd.Series(["a", None, "c"]), ["b"], "str", ["a", "b", "c"]),
    (pd.Series(["a", None, "c"], dtype=object), ["b"], "object", ["a", "b", "c"]),
    (pd.Series(["a", None, "c"], dtype="category"), ["a"], "category", ["a", "a", "c"]),
    (pd.Series(["a", None, "c"], dtype="category"), ["new"], "category", ["a", "new", "c"]),
    (pd.Series([True, None, False], dtype="boolean"), [True], "boolean", [True, True, False]),
    (pd.Series([True, False, False]), [True], "bool", [True, True, False]),
]


@pytest.mark.parametrize(
    ("series", "new", "dtype", "want"), REPLACED, ids=lambda v: str(getattr(v, "dtype", v))
)
def test_replacing_cells_of_pandas(series, new, dtype, want):
    frame = pd.DataFrame({"x": series, "y": [1, 2, 3]})
    frame.index = ["p", "p", "q"]
    before = frame.copy(deep=True)
    got = _frame.replace_cells(frame, "x", np.array([1]), new)
    assert str(got["x"].dtype) == (str(before["x"].dtype) if dtype == "str" else dtype)
    assert got["x"].tolist() == want
    assert got.index.tolist() == ["p", "p", "q"]
    pd.testing.assert_frame_equal(frame, before)


def test_replacing_times():
    times = pd.Series(pd.to_datetime(["2020-01-01", None]).tz_localize("Asia/Kolkata"))
    new = [pd.Timestamp("2021-01-01", tz="Asia/Kolkata")]
    frame = pd.DataFrame({"x": times})
    got = _frame.replace_cells(frame, "x", np.array([1]), new)
    assert got["x"].dtype == frame["x"].dtype
    assert got["x"].iloc[1] == new[0]
    new = [dt.datetime(2021, 1, 1, tzinfo=zoneinfo.ZoneInfo("Asia/Kolkata"))]
    for native in (pl.from_pandas(frame), pl.from_pandas(frame).to_arrow()):
        got = _frame.replace_cells(native, "x", np.array([1]), new)
        assert _frame.wrap(got).schema == _frame.wrap(native).schema
        assert _frame.wrap(got).get_column("x").to_list()[1] == new[0]


def test_replacing_cells_of_polars_and_arrow():
    frame = pl.DataFrame({
        "i": pl.Series([1, None, 3], dtype=pl.Int16),
        "f": pl.Series([1.0, None, 3.0], dtype=pl.Float32),
        "s": ["a", None, "c"],
        "c": pl.Series(["a", None, "c"], dtype=pl.Categorical),
        "b": [True, None, False],
    })  # fmt: skip
    for native in (frame, frame.to_arrow()):
        whole = _frame.replace_cells(native, "i", np.array([1]), np.array([2.0]))
        assert type(whole) is type(native)
        assert _frame.wrap(whole).get_column("i").to_list() == [1, 2, 3]
        assert _frame.wrap(whole).schema["i"] == _frame.wrap(native).schema["i"]
        half = _frame.replace_cells(native, "i", np.array([1]), [2.5])
        assert _frame.wrap(half).get_column("i").to_list() == [1, 2.5, 3]
        for name, new in {"f": 2.0, "s": "b", "c": "b", "b": True}.items():
            got = _frame.replace_cells(native, name, np.array([1]), [new])
            assert _frame.wrap(got).get_column(name).to_list()[1] == new
            assert _frame.wrap(got).schema[name] == _frame.wrap(native).schema[name]
            assert _frame.wrap(got).columns == ["i", "f", "s", "c", "b"]
            assert _frame.wrap(native).get_column(name).to_list()[1] is None


def test_replacing_no_cell_gives_the_frame_itself():
    frame = pd.DataFrame({"x": [1, 2]})
    assert _frame.replace_cells(frame, "x", np.array([], dtype=int), []) is frame


@given(
    st.lists(st.one_of(st.none(), st.integers(-(2**63), 2**63 - 1)), min_size=1, max_size=20),
    st.data(),
)
def test_integers_survive_every_container(cells, data):
    rows = data.draw(st.lists(st.integers(0, len(cells) - 1), unique=True, max_size=5))
    for native in (
        pd.DataFrame({"x": pd.array(cells, dtype="Int64")}),
        pl.DataFrame({"x": pl.Series(cells, dtype=pl.Int64)}),
        pa.table({"x": pa.array(cells, type=pa.int64())}),
    ):
        v = column(native)
        assert [None if m else int(d) for d, m in zip(v.data, v.missing, strict=True)] == cells
        part = column(_frame.take(native, np.array(rows, dtype=int)))
        assert part.missing.tolist() == [cells[r] is None for r in rows]
        whole = _frame.replace_cells(native, "x", np.array(rows, dtype=int), [7] * len(rows))
        want = [7 if i in rows else c for i, c in enumerate(cells)]
        got = column(whole)
        assert [None if m else int(d) for d, m in zip(got.data, got.missing, strict=True)] == want
