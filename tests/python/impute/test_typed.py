"""The codec: every column type as numbers and back, nothing but missing cells touched."""

import datetime as dt
import pickle
from decimal import Decimal

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_array_equal

import tamis
from tamis.exceptions import ColumnTypeError, DataError, ShapeError
from tamis.impute._typed import Codec

NAN = np.nan
BIG = 2**60
NS = "datetime64[ns]"


def stamp(text):
    return dt.datetime.fromisoformat(text)


FLOATS, INTS, BOOLS = [1.5, None, -2.0, 1.5], [3, None, -1, 3], [True, None, False, True]
TEXTS = ["b", None, "a", "b"]
TIMES = [stamp("2020-01-02 03:04:05"), None, stamp("1969-12-31"), stamp("2020-01-02 03:04:05")]
DATES = [v and v.date() for v in TIMES]
SPANS = [dt.timedelta(seconds=3), None, dt.timedelta(days=-1), dt.timedelta(seconds=3)]
TIME_CODES = [(TIMES[0] - TIMES[2]).total_seconds(), NAN, 0]
DATE_CODES = [(DATES[0] - DATES[2]).total_seconds(), NAN, 0]


def arrow(kind):
    return pd.ArrowDtype(kind)


ORDERED = pd.CategoricalDtype(["z", "b", "a"], ordered=True)

#: (column, what its first three cells are as numbers, in seconds for times).
PANDAS = {
    "float64": (pd.Series(FLOATS), [1.5, NAN, -2]),
    "float32": (pd.Series(FLOATS, dtype="float32"), [1.5, NAN, -2]),
    "Float64": (pd.Series(FLOATS, dtype="Float64"), [1.5, NAN, -2]),
    "Int64": (pd.Series(INTS, dtype="Int64"), [3, NAN, -1]),
    "Int8": (pd.Series(INTS, dtype="Int8"), [3, NAN, -1]),
    "large": (pd.Series([BIG + 3, None, BIG + 1, BIG + 3], dtype="Int64"), [2, NAN, 0]),
    "UInt64": (pd.Series([2**64 - 1, None, 2**64 - 3, 2**64 - 1], dtype="UInt64"), [2, NAN, 0]),
    "boolean": (pd.Series(BOOLS, dtype="boolean"), [1, NAN, 0]),
    "bool objects": (pd.Series(BOOLS, dtype=object), [1, NAN, 0]),
    "str": (pd.Series(TEXTS), [1, NAN, 0]),
    "string": (pd.Series(TEXTS, dtype="string"), [1, NAN, 0]),
    "objects": (pd.Series(TEXTS, dtype=object), [1, NAN, 0]),
    "category": (pd.Series(TEXTS, dtype="category"), [1, NAN, 0]),
    "ordered": (pd.Series(TEXTS, dtype=ORDERED), [0, NAN, 1]),
    "numbers as categories": (pd.Series([10, None, 7, 10], dtype="category"), [1, NAN, 0]),
    "intervals": (pd.cut(pd.Series([9.0, None, 1.0, 9.0]), 2), [1, NAN, 0]),
    "mixed": (pd.Series(["b", None, 3, "b"], dtype=object), [1, NAN, 0]),
    "dates": (pd.Series(DATES, dtype=object), DATE_CODES),
    "decimals": (pd.Series([Decimal("1.5"), None, Decimal(-2), Decimal("1.5")]), [1.5, NAN, -2]),
    "datetime64[ns]": (pd.Series(TIMES, dtype="datetime64[ns]"), TIME_CODES),
    "datetime64[s]": (pd.Series(TIMES, dtype="datetime64[s]"), TIME_CODES),
    "zoned": (pd.Series(TIMES, dtype="datetime64[us, Europe/Paris]"), TIME_CODES),
    "timedelta64[ns]": (pd.Series(SPANS, dtype="timedelta64[ns]"), [86403, NAN, 0]),
    "period": (pd.Series(pd.PeriodIndex(["2021-01", None, "2020-05", "2021-01"], freq="M")),
               [1, NAN, 0]),
    "double[pyarrow]": (pd.Series(FLOATS, dtype=arrow(pa.float64())), [1.5, NAN, -2]),
    "int32[pyarrow]": (pd.Series(INTS, dtype=arrow(pa.int32())), [3, NAN, -1]),
    "bool[pyarrow]": (pd.Series(BOOLS, dtype=arrow(pa.bool_())), [1, NAN, 0]),
    "string[pyarrow]": (pd.Series(TEXTS, dtype=arrow(pa.string())), [1, NAN, 0]),
    "date32[pyarrow]": (pd.Series(DATES, dtype=arrow(pa.date32())), DATE_CODES),
    "timestamp[pyarrow]": (pd.Series(TIMES, dtype=arrow(pa.timestamp("ns", "UTC"))), TIME_CODES),
    "duration[pyarrow]": (pd.Series(SPANS, dtype=arrow(pa.duration("ms"))), [86403, NAN, 0]),
    "decimal[pyarrow]": (pd.Series([Decimal("1.5"), None, Decimal(-2), Decimal("1.5")],
                                   dtype=arrow(pa.decimal128(6, 2))), [1.5, NAN, -2]),
    "dictionary[pyarrow]": (pd.Series(TEXTS, dtype=arrow(pa.dictionary(pa.int8(), pa.string()))),
                            [1, NAN, 0]),
}  # fmt: skip

POLARS = {
    "Float32": (pl.Series(FLOATS, dtype=pl.Float32), [1.5, NAN, -2]),
    "NaN": (pl.Series([1.5, NAN, -2.0, 1.5]), [1.5, NAN, -2]),
    "Int64": (pl.Series(INTS), [3, NAN, -1]),
    "UInt8": (pl.Series([3, None, 1, 3], dtype=pl.UInt8), [3, NAN, 1]),
    "large": (pl.Series([BIG + 3, None, BIG + 1, BIG + 3]), [2, NAN, 0]),
    "Boolean": (pl.Series(BOOLS), [1, NAN, 0]),
    "String": (pl.Series(TEXTS), [1, NAN, 0]),
    "Categorical": (pl.Series(TEXTS, dtype=pl.Categorical), [1, NAN, 0]),
    "Enum": (pl.Series(TEXTS, dtype=pl.Enum(["z", "b", "a"])), [0, NAN, 1]),
    "Date": (pl.Series(DATES), DATE_CODES),
    "Datetime": (pl.Series(TIMES), TIME_CODES),
    "zoned": (pl.Series(TIMES, dtype=pl.Datetime("ns", "Europe/Paris")), TIME_CODES),
    "Duration": (pl.Series(SPANS), [86403, NAN, 0]),
    "Decimal": (pl.Series([Decimal("1.5"), None, Decimal(-2), Decimal("1.5")]), [1.5, NAN, -2]),
    "Time": (pl.Series([dt.time(9), None, dt.time(8), dt.time(9)]), [1, NAN, 0]),
}

ARROW = {
    "double": (pa.array(FLOATS), [1.5, NAN, -2]),
    "int16": (pa.array(INTS, pa.int16()), [3, NAN, -1]),
    "uint64": (pa.array([2**64 - 1, None, 2**64 - 3, 2**64 - 1], pa.uint64()), [2, NAN, 0]),
    "bool": (pa.array(BOOLS), [1, NAN, 0]),
    "string": (pa.array(TEXTS), [1, NAN, 0]),
    "large_string": (pa.array(TEXTS, pa.large_string()), [1, NAN, 0]),
    "dictionary": (pa.array(TEXTS).dictionary_encode(), [1, NAN, 0]),
    "chunks": (pa.chunked_array([pa.array(TEXTS[:2]), pa.array(TEXTS[2:])]).dictionary_encode(),
               [1, NAN, 0]),
    "date32": (pa.array(DATES), DATE_CODES),
    "timestamp": (pa.array(TIMES, pa.timestamp("ns", "Asia/Tokyo")), TIME_CODES),
    "duration": (pa.array(SPANS), [86403, NAN, 0]),
    "decimal": (pa.array([Decimal("1.50"), None, Decimal("-2.00"), Decimal("1.50")]),
                [1.5, NAN, -2]),
}  # fmt: skip

CASES = [
    *((pd.DataFrame, name, *case) for name, case in PANDAS.items()),
    *((pl.DataFrame, name, *case) for name, case in POLARS.items()),
    *((pa.table, name, *case) for name, case in ARROW.items()),
]


def cells(frame, name="x"):
    """Return a column as a list, None for every kind of missing value."""
    column = frame.column(name) if isinstance(frame, pa.Table) else frame[name]
    values = column.to_pylist() if isinstance(frame, pa.Table) else column.to_list()
    return [None if pd.isna(v) else v for v in values]


def dtype(frame, name="x"):
    return frame.schema.field(name).type if isinstance(frame, pa.Table) else frame[name].dtype


@pytest.mark.parametrize(
    ("make", "name", "column", "numbers"), CASES, ids=[f"{c[0].__name__} {c[1]}" for c in CASES]
)
def test_there_and_back(make, name, column, numbers):
    frame = make({"x": column, "y": column})
    codec = Codec.fit(frame)
    got = codec.encode(frame)
    known = codec.columns[0]
    if known["kind"] in ("datetime", "duration"):
        got = got * (86400 / known["per_day"])
    assert got.shape == (4, 2)
    assert_array_equal(got[:, 0], [*numbers, numbers[0]])
    assert_array_equal(codec.missing(frame), [[False] * 2, [True] * 2, [False] * 2, [False] * 2])
    assert codec.categorical.tolist() == [known["kind"] in ("boolean", "category")] * 2
    assert codec.n_categories.tolist() == [2 * codec.categorical[0]] * 2

    filled = codec.encode(frame)
    assert cells(codec.decode(frame, filled)) == cells(frame)  # NaN stays missing
    filled[1] = filled[0]
    out = codec.decode(frame, filled)
    assert type(out) is type(frame)
    assert dtype(out) == dtype(frame)
    want = cells(frame)
    assert want[1] is None  # the input is as it was
    want[1] = want[0]
    assert cells(out) == want
    assert [type(v) for v in cells(out)] == [type(v) for v in want]


@pytest.mark.parametrize("make", [pd.DataFrame, pl.DataFrame, pa.table])
def test_whole_numbers_are_rounded_within_their_type(make):
    column = {
        pd.DataFrame: pd.Series([100, None, None, 5], dtype="Int8"),
        pl.DataFrame: pl.Series([100, None, None, 5], dtype=pl.Int8),
        pa.table: pa.array([100, None, None, 5], pa.int8()),
    }[make]
    frame = make({"x": column})
    out = Codec.fit(frame).decode(frame, np.array([[NAN], [2.6], [1000.0], [7.0]]))
    assert cells(out) == [100, 3, 127, 5]


def test_observed_cells_are_never_rewritten():
    frame = pd.DataFrame({
        "big": pd.Series([2**62 + 1, None, -(2**62) - 1], dtype="Int64"),
        "ns": pd.Series(["2020-01-01 00:00:00.000000001", None, "1700-01-01"], dtype=NS),
        "plain": [2**62 + 1, -(2**62) - 1, 3],
        "zero": [-0.0, NAN, 0.0],
    }).set_index(pd.Index([5, 5, 7]))  # fmt: skip
    codec = Codec.fit(frame)
    out = codec.decode(frame, np.nan_to_num(codec.encode(frame), nan=1.0))
    pd.testing.assert_frame_equal(out.iloc[[0, 2]], frame.iloc[[0, 2]])
    assert np.signbit(out["zero"].to_numpy()).tolist() == [True, False, False]
    assert out.index.tolist() == [5, 5, 7]
    assert list(out.dtypes) == list(frame.dtypes)


def test_nanoseconds_are_exact():
    times = pd.to_datetime(["2020-01-01 00:00:00.000000001", "2020-01-01 00:00:00.000000004", None])
    frame = pd.DataFrame({"t": times})
    codec = Codec.fit(frame)
    assert codec.encode(frame)[:2, 0].tolist() == [0, 3]
    out = codec.decode(frame, np.array([[0.0], [3.0], [2.0]]))
    assert out["t"][2] == pd.Timestamp("2020-01-01 00:00:00.000000003")


@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
@pytest.mark.parametrize("other", ["s", "ms", "us", "ns"])
def test_another_unit_than_when_fitting(unit, other):
    times = pd.Series(["2020-01-01", "2021-05-06 07:08:09", None], dtype=f"datetime64[{unit}]")
    frame = pd.DataFrame({"t": times})
    codec = Codec.fit(frame)
    again = frame.astype(f"datetime64[{other}]")
    assert_array_equal(codec.encode(again), codec.encode(frame))
    out = codec.decode(again, codec.encode(frame)[[0, 1, 1]])
    assert out["t"].tolist() == [times[0], times[1], times[1]]
    assert out["t"].dtype == again["t"].dtype


def test_unknown_categories_are_not_missing_and_stay():
    codec = Codec.fit(pd.DataFrame({"x": ["a", "b"], "n": [1.0, 2.0]}))
    new = pd.DataFrame({"x": ["c", None, "b"], "n": [NAN, 1.0, 2.0]})
    assert_array_equal(codec.encode(new), [[NAN, NAN], [NAN, 1], [1, 2]])
    assert_array_equal(codec.missing(new)[:, 0], [False, True, False])
    out = codec.decode(new, np.zeros((3, 2)))
    assert out["x"].tolist() == ["c", "a", "b"]


@pytest.mark.parametrize("kind", [pd.CategoricalDtype(["b", "c"]), pl.Enum(["b", "c"])])
def test_a_category_that_the_new_frame_does_not_declare_is_added(kind):
    make, series = (pl.DataFrame, pl.Series) if kind == pl.Enum else (pd.DataFrame, pd.Series)
    codec = Codec.fit(make({"x": series(["a", "b"])}))
    out = codec.decode(make({"x": series(["b", None], dtype=kind)}), np.zeros((2, 1)))
    assert cells(out) == ["b", "a"]


def test_declared_categories_without_a_row_have_no_code():
    frame = pd.DataFrame({"x": pd.Categorical(["b", "a", None], ["c", "b", "z", "a"])})
    codec = Codec.fit(frame)
    assert_array_equal(codec.encode(frame)[:, 0], [0, 1, NAN])
    out = codec.decode(frame, np.zeros((3, 1)))
    assert out["x"].dtype == frame["x"].dtype


# --- columns that have nothing in them ---------------------------------------------------------


@pytest.mark.parametrize("empty", [
    pd.DataFrame({"x": [None, None]}, dtype=object),
    pd.DataFrame({"x": [NAN, NAN]}),
    pl.DataFrame({"x": [None, None]}),
    pa.table({"x": pa.nulls(2)}),
])  # fmt: skip
@pytest.mark.parametrize("values", [["a", "a"], [1.5, 1.5], [True, True], TIMES[:1] * 2])
def test_missing_altogether_when_transformed(empty, values):
    make = {pd.DataFrame: pd.DataFrame, pl.DataFrame: pl.DataFrame}.get(type(empty), pa.table)
    codec = Codec.fit(make({"x": values}))
    assert np.isnan(codec.encode(empty)).all()
    full = codec.encode(make({"x": values}))
    assert cells(codec.decode(empty, full)) == values


def test_empty_when_fitted():
    nothing = [None, None]
    frame = pd.DataFrame({"n": [NAN, NAN], "o": nothing, "t": pd.Series(nothing, dtype="str"),
                          "c": pd.Categorical(nothing, ["a"]), "i": [1, 2]})  # fmt: skip
    codec = Codec.fit(frame)
    assert codec.empty.tolist() == [True, True, True, True, False]
    new = pd.DataFrame({"n": [1.0], "o": ["x"], "t": ["y"], "c": ["a"], "i": [3]})
    assert_array_equal(codec.encode(new), [[NAN, NAN, NAN, NAN, 3]])


@pytest.mark.parametrize("make", [pd.DataFrame, pl.DataFrame, pa.table])
def test_no_rows(make):
    frame = make({"x": ["a", "b"], "n": [1, 2]})
    codec = Codec.fit(frame)
    none = frame.iloc[:0] if make is pd.DataFrame else frame[:0]
    assert codec.encode(none).shape == (0, 2)
    assert type(codec.decode(none, np.zeros((0, 2)))) is type(frame)
    assert Codec.fit(none).empty.all()


# --- arrays and lists --------------------------------------------------------------------------


def test_arrays():
    X = np.array([[1, NAN], [3, 4]], dtype=np.float32)[:, ::-1]
    X.flags.writeable = False
    codec = Codec.fit(X)
    assert_array_equal(codec.encode(X), X)
    out = codec.decode(X, np.array([[7.0, 0], [0, 0]]))
    assert out.dtype == np.float32
    assert_array_equal(out, [[7, 1], [4, 3]])


def test_object_arrays():
    X = np.array([["a", 1, True], [None, NAN, None], ["b", 2.5, False]], dtype=object)
    codec = Codec.fit(X)
    assert codec.kinds == ["category", "number", "boolean"]
    assert_array_equal(codec.encode(X), [[0, 1, 1], [NAN] * 3, [1, 2.5, 0]])
    out = codec.decode(X, np.array([[0.0] * 3, [1, 1.75, 1], [0] * 3]))
    assert out.tolist() == [["a", 1, True], ["b", 1.75, True], ["b", 2.5, False]]


def test_lists_texts_times_and_integers():
    assert_array_equal(Codec.fit([[1, None], [2, 3]]).encode([[1, None]]), [[1, NAN]])
    assert Codec.fit([["a", 1], ["b", None]]).kinds == ["category", "integer"]
    assert_array_equal(Codec.fit(np.array([["b"], ["a"]])).encode([["a"]]), [[0]])
    times = np.array([["2020-01", "NaT"], ["2020-03", "2020-02"]], dtype="M8[M]")
    codec = Codec.fit(times)
    assert_array_equal(codec.encode(times), [[0, NAN], [60, 0]])
    assert_array_equal(codec.decode(times, np.zeros((2, 2)))[0, 1], np.datetime64("2020-02"))
    whole = np.array([[2**62 + 1, 3], [5, 6]])
    assert_array_equal(Codec.fit(whole).decode(whole, np.ones((2, 2))), whole)


# --- refusals ----------------------------------------------------------------------------------


@pytest.mark.parametrize("frame", [
    pd.DataFrame({"a": [1.0, 2.0], "b": [1.0, np.inf]}),
    pl.DataFrame({"a": [1.0, 2.0], "b": [1.0, -np.inf]}),
    pa.table({"a": [1.0, 2.0], "b": [1.0, np.inf]}),
])  # fmt: skip
def test_infinities_are_refused_by_column_and_row(frame):
    with pytest.raises(DataError, match="infinity in column 'b', row 1"):
        Codec.fit(frame)
    make = pa.table if isinstance(frame, pa.Table) else type(frame)
    codec = Codec.fit(make({"a": [1.0], "b": [1.0]}))
    with pytest.raises(DataError, match="infinity in column 'b', row 1"):
        codec.encode(frame)


@pytest.mark.parametrize("column", [
    pd.Series([[1], [2]]),
    pd.Series([{"a": 1}, None]),
    pd.Series([np.zeros(2), np.ones(2)]),
    pd.Series([([1],), None]),
])  # fmt: skip
def test_lists_are_refused_by_column(column):
    with pytest.raises(ColumnTypeError, match="'bad'"):
        Codec.fit(pd.DataFrame({"ok": [1, 2], "bad": column}))
    with pytest.raises(ColumnTypeError, match="'bad'"):
        Codec.fit(pl.DataFrame({"ok": [1, 2], "bad": [[1], [2]]}))


def test_another_kind_than_when_fitting_is_refused_by_column():
    codec = Codec.fit(pd.DataFrame({"a": [1.0, 2.0], "t": pd.to_datetime(["2020", "2021"])}))
    with pytest.raises(ColumnTypeError, match=r"'a' was of kind 'number'.*'category' now"):
        codec.encode(pd.DataFrame({"a": ["x"], "t": pd.to_datetime(["2020"])}))
    with pytest.raises(ColumnTypeError, match=r"'t' was of kind 'datetime'.*'integer' now"):
        codec.encode(pd.DataFrame({"a": [1.0], "t": [3]}))
    with pytest.raises(ShapeError, match="1 columns, but 2"):
        codec.encode(pd.DataFrame({"a": [1.0]}))


@pytest.mark.parametrize("X", [[1, 2], np.zeros(3), np.zeros((2, 2, 2)), np.zeros((2, 2), complex)])
def test_what_is_no_table_is_refused(X):
    with pytest.raises((ShapeError, DataError)):
        Codec.fit(X)


# --- values and codes, saving ------------------------------------------------------------------


def test_values_and_codes():
    frame = pd.DataFrame({"x": ["a", "b"], "n": [1.5, 2], "i": [1, 2], "b": [True, False],
                          "t": pd.to_datetime(["2020-01-01", "2020-01-03"])})  # fmt: skip
    codec = Codec.fit(frame)
    row = codec.encode(frame)[1]
    got = [codec.value(j, code) for j, code in enumerate(row)]
    assert got == ["b", 2.0, 2, False, np.datetime64("2020-01-03")]
    assert np.isnan(codec.value(0, NAN))
    assert [codec.code(j, v) for j, v in enumerate(got)] == row.tolist()
    assert codec.code(0, "c") == 2
    assert codec.value(0, 2) == "c"
    assert codec.code(4, pd.Timestamp("2020-01-03")) == row[4]
    for j, wrong in enumerate([1, "a", 1.5, "yes", "soon"]):
        with pytest.raises(DataError, match=f"column '{frame.columns[j]}'"):
            codec.code(j, wrong)


def test_saved_and_pickled(tmp_path):
    frame = pd.DataFrame({
        "x": ["a", None], "c": pd.Categorical(["u", None]), "b": [True, None],
        "i": pd.Series([2**60, None], dtype="Int64"), "n": [1.5, NAN],
        "t": pd.to_datetime(["2020-01-01", None]),
    })  # fmt: skip
    codec = Codec.fit(frame)
    tamis.save(codec, tmp_path / "codec.tamis")
    for again in (tamis.load(tmp_path / "codec.tamis"), pickle.loads(pickle.dumps(codec))):
        assert_array_equal(again.encode(frame), codec.encode(frame))
        pd.testing.assert_frame_equal(
            again.decode(frame, np.zeros((2, 6))), codec.decode(frame, np.zeros((2, 6)))
        )


@given(
    st.lists(st.one_of(st.none(), st.integers(-(2**63) + 1, 2**63 - 1)), min_size=1, max_size=8),
)
def test_any_integers(values):
    frame = pd.DataFrame({"x": pd.Series(values, dtype="Int64")})
    codec = Codec.fit(frame)
    filled = codec.encode(frame)
    there = [v for v in values if v is not None]
    if there:
        filled[:] = np.nanmin(filled)
        out = codec.decode(frame, filled)
        assert out["x"].tolist() == [min(there) if v is None else v for v in values]
    else:
        assert codec.empty[0]
