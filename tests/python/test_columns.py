"""What a column is taken for, judged from its values alone."""

import narwhals as nw
import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tamis._columns import parse_datetime, parse_number, profile


def column(cells, dtype=None, name="x"):
    return profile(nw.from_native(pd.Series(cells, dtype=dtype, name=name), series_only=True))


@pytest.mark.parametrize(
    ("cells", "kind"),
    [
        ([1.5, 2.5, None, 2.5], "number"),
        ([1, 2, 2], "number"),
        ([True, False, True], "category"),
        (["a", "b", "a"], "category"),
        (["a", "a", None], "constant"),
        ([3.0, 3.0, np.nan], "constant"),
        ([None, None], "empty"),
        ([np.nan, np.nan], "empty"),
        ([], "empty"),
        (pd.to_datetime(["2020-01-01", "2021-01-01"]), "datetime"),
        ([[1], [2]], "other"),
        ([f"user{i}" for i in range(100)], "identifier"),
        ([f"the words of sentence number {i}" for i in range(100)], "text"),
        (list(range(100)), "identifier"),
        (list(range(1000, 1100)), "identifier"),
        ([i * i for i in range(100)], "number"),
        (list(range(49)), "number"),
        ([float(i) for i in range(100)], "number"),
    ],
    ids=str,
)
def test_kinds(cells, kind):
    found = column(cells)
    assert found.kind == kind
    assert found.usable == (kind in ("number", "category", "datetime"))
    assert found.name == "x"
    assert found.n_rows == len(cells)


def test_counts():
    found = column(["a", None, "b", "a", np.nan])
    assert (found.n_rows, found.n_missing, found.n_distinct) == (5, 2, 2)


@pytest.mark.parametrize("marker", ["?", "N/A", " na ", "", "--", "NULL", "None", "nan"])
def test_missing_in_disguise(marker):
    found = column(["red", marker, "blue", "red"])
    assert found.markers == (marker,)
    assert found.n_distinct == 2
    assert found.kind == "category"


def test_numbers_as_text_with_a_marker():
    found = column(["1.5", "?", "2", "$1,200", "-3e2"])
    assert (found.kind, found.parse, found.markers) == ("number", "number", ("?",))


def test_dates_as_text():
    found = column(["2020-01-01", "2020-01-02 10:00", "2020-01-03T10:00:00.5"])
    assert (found.kind, found.parse) == ("datetime", "datetime")


def test_a_word_among_numbers_makes_categories():
    assert column(["1", "2", "many", "1"]).kind == "category"


@pytest.mark.parametrize("dtype", ["float64", "float32", "int64", "Int64"])
def test_negative_markers_need_repeats_and_nothing_else_negative(dtype):
    assert column([5, 6, 7, -999, -999, -999], dtype).markers == (-999.0,)
    assert column([5, 6, 7, -999, -999], dtype).markers == ()
    assert column([5, -6, 7, -999, -999, -999], dtype).markers == ()


def test_caps_are_suspects_and_no_markers():
    found = column([1, 2, 3, 99999, 99999, 99999])
    assert (found.markers, found.suspects) == ((), (99999.0,))
    assert column([1, 50000, 90000, 99999, 99999, 99999]).suspects == ()


def test_infinities_are_values():
    found = column([1.0, np.inf, -np.inf, 2.0])
    assert (found.kind, found.n_missing, found.n_distinct) == ("number", 0, 4)


@pytest.mark.parametrize(
    "series",
    [
        pl.Series("x", ["a", None, "b"], dtype=pl.Categorical),
        pl.Series("x", [1, None, 2], dtype=pl.UInt8),
        pl.Series("x", [[1], None, [2]]),
        pl.Series("x", [None, None]),
        pl.Series("x", [1.0, float("nan"), None]),
    ],
    ids=lambda s: str(s.dtype),
)
def test_polars_columns_are_profiled(series):
    found = profile(nw.from_native(series, series_only=True))
    nan = series.is_nan().sum() or 0 if series.dtype.is_float() else 0
    assert found.n_missing == series.null_count() + nan


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("1", 1.0), (" -1.5 ", -1.5), ("1,200", 1200.0), ("$1,200.50", 1200.5), ("5 %", 5.0),
        ("1e3", 1000.0), (".5", 0.5), ("5.", 5.0), ("€3", 3.0), ("+7", 7.0),
    ],
)  # fmt: skip
def test_numbers_are_read(text, number):
    assert parse_number(text) == number


@pytest.mark.parametrize("text", ["", "a", "1 2", "1,2,3", "12,34", "--5", "0x10", "1e", "inf"])
def test_what_is_no_number_is_nan(text):
    assert np.isnan(parse_number(text))


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_every_float_as_python_writes_it_is_read_back(x):
    assert parse_number(repr(x)) == x


@given(st.integers(0, 10**15))
def test_thousands_are_read_back(n):
    assert parse_number(f"{n:,}") == n


@given(st.text())
def test_no_text_breaks_the_parsers(text):
    assert isinstance(parse_number(text), float)
    assert parse_datetime(text).dtype == "datetime64[ns]"


def test_dates_are_read_or_not_a_time():
    assert parse_datetime("2020-02-29 10:30") == np.datetime64("2020-02-29T10:30", "ns")
    for text in ("2021-02-29", "2020-13-01", "yesterday", "", "2020-01-01 25:00"):
        assert np.isnat(parse_datetime(text))


@given(st.lists(st.one_of(st.none(), st.text(max_size=5)), max_size=30))
def test_any_texts_are_profiled(cells):
    found = column(cells, dtype=object)
    assert found.n_missing == sum(c is None for c in cells)
    assert found.n_distinct + len(found.markers) == len({c for c in cells if c is not None})
