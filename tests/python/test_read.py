"""Files to frames; every broken file says where it is broken."""

import gzip
import json
import re

import pandas as pd
import pytest

from tamis import _optional
from tamis._read import read
from tamis.exceptions import DataError, MissingExtraError, ParameterError


def write(path, content):
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def fails(path, *words, error=DataError):
    """Assert that reading fails in one line that names the file and the words."""
    with pytest.raises(error) as caught:
        read(path)
    text = str(caught.value)
    assert str(path) in text
    assert "\n" not in text.strip()
    for word in words:
        assert word in text, text


FRAME = pd.DataFrame({"a": [1, 2], "b": ["x", None], "c": [0.5, 1.5]})


@pytest.mark.parametrize("ending", [".csv", ".CSV", ".csv.gz", ".tsv", ".jsonl", ".ndjson.gz"])
def test_text_files(tmp_path, ending):
    path = tmp_path / f"data{ending}"
    compression = "gzip" if ending.endswith(".gz") else None
    if "json" in ending:
        FRAME.to_json(path, orient="records", lines=True, compression=compression)
    else:
        tab = "\t" if "tsv" in ending else ","
        FRAME.to_csv(path, index=False, sep=tab, compression=compression)
    for frame in (read(path), read(str(path))):
        assert frame.to_json() == FRAME.to_json()
        assert frame.dtypes.equals(FRAME.dtypes)


@pytest.mark.parametrize("ending", [".parquet", ".pq"])
def test_parquet(tmp_path, ending):
    FRAME.to_parquet(tmp_path / f"data{ending}")
    frame = read(tmp_path / f"data{ending}")
    assert frame.to_json() == FRAME.to_json()
    assert frame.dtypes.equals(FRAME.dtypes)


def test_a_mark_at_the_start_and_blanks_after_commas(tmp_path):
    frame = read(write(tmp_path / "a.csv", b"\xef\xbb\xbfa, b\n1, x\n2, y\n"))
    assert frame.to_dict("list") == {"a": [1, 2], "b": ["x", "y"]}
    frame = read(write(tmp_path / "a.jsonl", b'\xef\xbb\xbf{"a": 1}\n\n{"a": 2}\n'))
    assert frame["a"].tolist() == [1, 2]


def test_quotes_around_commas_line_ends_and_quotes(tmp_path):
    path = write(tmp_path / "a.csv", 'a,b\r\n"1,5","two\nlines"\r\n"say ""so""",x\r\n')
    assert read(path).to_dict("list") == {"a": ["1,5", 'say "so"'], "b": ["two\nlines", "x"]}


@pytest.mark.parametrize("ending", [".csv", ".csv.gz"])
def test_too_many_fields_name_the_line(tmp_path, ending):
    content = b"a,b\n1,2\n3,4\n5,6,7\n8,9\n"
    content = gzip.compress(content) if ending.endswith("gz") else content
    fails(write(tmp_path / f"a{ending}", content), "line 4 has 3 fields", "has 2")


def test_the_line_is_the_line_of_the_file_where_cells_span_lines(tmp_path):
    path = write(tmp_path / "a.csv", 'a,b\n"one\ntwo\nthree",2\n5,6,7\n')
    fails(path, "line 5 has 3 fields")


def test_the_line_is_right_after_blank_lines(tmp_path):
    fails(write(tmp_path / "a.csv", "a,b\n1,2\n\n\n5,6,7\n"), "line 5 has 3 fields")


@pytest.mark.parametrize("content", ['a,b\n1,2\n3,"open\n5,6\n', 'a,b\n1,2\n3,"open'])
def test_a_quote_that_is_never_closed_names_its_line(tmp_path, content):
    fails(write(tmp_path / "a.csv", content), "line 3", "never closed")


def test_a_quote_never_closed_after_cells_that_span_lines(tmp_path):
    path = write(tmp_path / "a.csv", 'a,b\n"x\ny",2\n\n3,"open\n5,6\n')
    fails(path, "line 5", "never closed")


def test_text_that_is_not_utf8_names_the_line(tmp_path):
    rows = b"name,x\n" + b"ok,1\n" * 3 + "Zoë,2\n".encode("latin-1")
    fails(write(tmp_path / "a.csv", rows), "line 5", "UTF-8")
    fails(write(tmp_path / "a.jsonl", b'{"a": 1}\n{"a": "\xff"}\n'), "line 2", "UTF-8")


def test_utf16_is_not_utf8(tmp_path):
    fails(write(tmp_path / "a.csv", "a,b\n1,2\n".encode("utf-16")), "UTF-8")


@pytest.mark.parametrize("name", ["a.csv", "a.tsv", "a.jsonl", "a.parquet"])
def test_empty_files(tmp_path, name):
    fails(write(tmp_path / name, b""), "empty")


@pytest.mark.parametrize(
    ("name", "content"),
    [("a.csv", "a,b\n"), ("a.csv", "\n\n"), ("a.jsonl", "\n\n"), ("a.csv", "\ufeff")],
)
def test_files_without_rows(tmp_path, name, content):
    fails(write(tmp_path / name, content), "no rows")


@pytest.mark.parametrize(
    ("line", "words"),
    [("{'a': 1}", "not JSON"), ('{"a": 1', "not JSON"), ("[1, 2]", "object"), ("3", "object")],
)
def test_a_broken_line_of_json_is_named(tmp_path, line, words):
    path = write(tmp_path / "a.jsonl", f'{{"a": 1}}\n\n{line}\n{{"a": 2}}\n')
    fails(path, "line 3", words)


def test_json_rows_with_other_keys(tmp_path):
    path = write(tmp_path / "a.jsonl", '{"a": 1}\n{"b": "x"}\n')
    assert read(path).isna().to_numpy().tolist() == [[False, True], [True, False]]


@pytest.mark.parametrize("name", ["a.csv.gz", "a.jsonl.gz", "a.parquet", "a.csv.xz", "a.jsonl.bz2"])
def test_files_that_are_not_what_their_name_says(tmp_path, name):
    fails(write(tmp_path / name, b"this is plain text, nothing else"))


@pytest.mark.parametrize("name", ["a.csv.gz", "a.jsonl.gz"])
def test_a_compressed_file_cut_short(tmp_path, name):
    line = b"a,b\n" + b"1,2\n" * 5000 if "csv" in name else b'{"a": 1}\n' * 5000
    fails(write(tmp_path / name, gzip.compress(line)[:40]))


def test_a_parquet_file_cut_short(tmp_path):
    path = tmp_path / "a.parquet"
    FRAME.to_parquet(path)
    fails(write(path, path.read_bytes()[:-20]), "Parquet")


def test_columns_named_twice(tmp_path):
    fails(write(tmp_path / "a.csv", "a,b,a\n1,2,3\n"), "column", "'a'")
    fails(write(tmp_path / "a.tsv", "a\ta\n1\t2\n"), "'a'")


def test_names_that_only_look_numbered_are_fine(tmp_path):
    assert list(read(write(tmp_path / "a.csv", "a,a.1\n1,2\n")).columns) == ["a", "a.1"]


def test_more_cells_than_names_in_every_row(tmp_path):
    # pandas would make the first column an index, and shift every name by one.
    fails(write(tmp_path / "a.csv", "a,b\n1,2,3\n4,5,6\n"), "line 2 has 3 fields", "2")


def test_a_comma_at_the_end_of_every_line_is_forgiven(tmp_path):
    frame = read(write(tmp_path / "a.csv", "a,b,\n1,2,\n3,4,\n"))
    assert frame["b"].tolist() == [2, 4]


def test_a_path_that_is_not_there_suggests_the_nearest(tmp_path):
    write(tmp_path / "titanic.csv", "a\n1\n")
    fails(
        tmp_path / "titanc.csv", "no such file", "did you mean", "titanic.csv", error=ParameterError
    )
    fails(tmp_path / "nowhere" / "x.csv", "no such file", error=ParameterError)
    fails(tmp_path, "folder", error=ParameterError)


@pytest.mark.parametrize("name", ["data", "data.xlsx", "data.txt.gz", ".csv", "a.csv.zst"])
def test_an_ending_that_says_nothing(tmp_path, name):
    fails(write(tmp_path / name, "a\n1\n"), ".parquet", error=ParameterError)


def test_big_numbers_are_kept(tmp_path):
    path = write(tmp_path / "a.csv", f"a,b\n{2**53 + 1},{2**64 - 1}\n1,2\n")
    frame = read(path)
    assert frame["a"].tolist() == [2**53 + 1, 1]
    assert frame["b"].tolist() == [2**64 - 1, 2]
    path = write(tmp_path / "a.jsonl", json.dumps({"a": 2**53 + 1}) + "\n")
    assert read(path)["a"].tolist() == [2**53 + 1]


def test_the_shipped_table(pytestconfig):
    frame = read(pytestconfig.rootpath / "examples" / "data" / "titanic.csv")
    assert frame.shape == (1309, 12)
    assert frame.isna().sum().sum() == 1280


def test_an_absent_package_names_its_extra(monkeypatch, tmp_path):
    path = tmp_path / "a.parquet"
    FRAME.to_parquet(path)

    def absent(name):
        raise ImportError(name)

    monkeypatch.setattr(_optional.importlib, "import_module", absent)
    with pytest.raises(MissingExtraError, match=re.escape("pip install 'tamis[parquet]'")):
        read(path)
    assert issubclass(MissingExtraError, ImportError)
