"""tamis dedup: copies of files without duplicates, byte for byte, whole or not at all."""

import csv as csv_module
import gzip
import json

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tamis import _stream
from tamis.dedup import RowDeduplicator, _files

A = (
    b'\xef\xbb\xbf{"id": 1, "t": "\xc3\xa9"}\n\n  {"t":"x","id":2}\r\n'
    b'{"t": "\\u00e9", "id": 1.0, "z": null}\n{"id": 3}'
)
B = b'{"id": 9}\n{"id":2,"t":"x"}'


def one_line(result, says):
    """Check that a command ended with one line on standard error and nothing else."""
    assert result.exit_code == 2, result.output
    assert result.stdout == ""
    assert result.stderr.startswith("error: ")
    assert result.stderr.count("\n") == 1
    assert says in result.stderr


def names(folder):
    return sorted(path.name for path in folder.iterdir())


@pytest.fixture
def two(tmp_path):
    (tmp_path / "a.jsonl").write_bytes(A)
    (tmp_path / "b.jsonl").write_bytes(B)
    return [tmp_path / "a.jsonl", tmp_path / "b.jsonl"]


def test_lines_of_jsonl_are_kept_as_they_are(tam, two, tmp_path):
    out, listed = tmp_path / "out.jsonl", tmp_path / "d.jsonl"
    result = tam("dedup", *two, "--rows", "-o", out, "--dropped", listed)
    assert result.exit_code == 0, result.output
    assert out.read_bytes() == (
        b'{"id": 1, "t": "\xc3\xa9"}\n  {"t":"x","id":2}\r\n{"id": 3}\n{"id": 9}\n'
    )
    assert [json.loads(line) for line in listed.read_text().splitlines()] == [
        {"file": str(two[0]), "line": 4, "kept_file": str(two[0]), "kept_line": 1,
         "score": 1.0, "evidence": "equal"},
        {"file": str(two[1]), "line": 2, "kept_file": str(two[0]), "kept_line": 3,
         "score": 1.0, "evidence": "equal"},
    ]  # fmt: skip
    text = " ".join(result.stdout.split())
    assert "6 read, 2 dropped (33.3 %), 4 kept" in text
    assert str(listed) in "".join(result.stdout.split())  # a long path goes over two lines
    assert names(tmp_path) == ["a.jsonl", "b.jsonl", "d.jsonl", "out.jsonl"]


def test_the_last_stays_and_columns_are_chosen(tam, two, tmp_path):
    out = tmp_path / "out.jsonl"
    assert tam("dedup", *two, "--rows", "-o", out, "--keep", "last").exit_code == 0
    ids = [json.loads(line)["id"] for line in out.read_text().splitlines()]
    assert ids == [1.0, 3, 9, 2]
    result = tam("dedup", *two, "--rows", "--subset", "t", "-o", out, "--overwrite")
    assert result.exit_code == 0, result.output
    ids = [json.loads(line)["id"] for line in out.read_text().splitlines()]
    assert ids == [1, 2, 3]


def test_csv_records_of_many_lines(tam, tmp_path):
    path, out = tmp_path / "a.csv", tmp_path / "out.csv.gz"
    path.write_bytes(b'a,b\r\n1,"two\r\nlines"\r\n\r\n1, "two\r\nlines"\r\n1.0,x\r\n"1.0","x"')
    listed = tmp_path / "d.csv"
    result = tam("dedup", path, "--rows", "-o", out, "--dropped", listed)
    assert result.exit_code == 0, result.output
    assert gzip.decompress(out.read_bytes()) == b'a,b\r\n1,"two\r\nlines"\r\n1.0,x\r\n'
    rows = list(csv_module.DictReader(listed.read_text().splitlines()))
    assert [(r["line"], r["kept_line"]) for r in rows] == [("5", "2"), ("8", "7")]


def test_compressed_files_are_read(tam, tmp_path):
    path, out = tmp_path / "a.jsonl.gz", tmp_path / "out.jsonl"
    path.write_bytes(gzip.compress(b'{"a":1}\n{"a":1}\n'))
    assert tam("dedup", path, "--rows", "-o", out).exit_code == 0
    assert out.read_bytes() == b'{"a":1}\n'


cells = st.fixed_dictionaries({
    "i": st.sampled_from([None, 0, 2**53, 2**53 + 1]),
    "x": st.sampled_from([None, 0.0, -0.0, 1.5]),
    "s": st.sampled_from([None, "", "a", "é"]),
    "l": st.sampled_from([None, [], [1, 2], [2, 1]]),
    "d": st.sampled_from([None, *pd.to_datetime(["2020-01-01", "2020-01-02"])]),
    "b": st.sampled_from([True, False]),
})  # fmt: skip
SCHEMA = pa.schema([
    ("i", pa.int64()), ("x", pa.float64()), ("s", pa.string()), ("l", pa.list_(pa.int64())),
    ("d", pa.timestamp("us")), ("b", pa.bool_()),
])  # fmt: skip


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=15)
@given(st.lists(cells, min_size=1, max_size=30))
def test_parquet_is_that_of_the_estimator(tam, tmp_path, rows):
    table = pa.Table.from_pylist(rows, SCHEMA)
    path, out = tmp_path / "a.parquet", tmp_path / "out.parquet"
    pq.write_table(table, path, compression="zstd", row_group_size=7)
    result = tam("dedup", path, "--rows", "-o", out, "--overwrite")
    assert result.exit_code == 0, result.output
    again = pq.read_table(out)
    assert again.equals(RowDeduplicator().fit_resample(table)[0])
    if len(again):
        assert pq.ParquetFile(out).metadata.row_group(0).column(0).compression == "ZSTD"


def test_many_batches_and_files(tam, tmp_path, monkeypatch):
    monkeypatch.setattr(_stream, "_ROWS", 7)
    monkeypatch.setattr(_stream._ParquetCopier, "_GROUP", 20)
    rng = np.random.default_rng(0)
    frames = [pd.DataFrame({"a": rng.integers(0, 60, 50), "b": "x"}) for _ in range(3)]
    want = pd.concat(frames).drop_duplicates()["a"].tolist()
    for ending, write in (
        ("csv", lambda f, p: f.to_csv(p, index=False)),
        ("jsonl", lambda f, p: f.to_json(p, orient="records", lines=True)),
        ("parquet", lambda f, p: f.to_parquet(p, index=False)),
    ):
        paths = [tmp_path / f"{i}.{ending}" for i in range(3)]
        for frame, path in zip(frames, paths, strict=True):
            write(frame, path)
        out = tmp_path / f"out.{ending}"
        result = tam("dedup", *paths, "--rows", "-o", out)
        assert result.exit_code == 0, result.output
        read = {"csv": pd.read_csv, "parquet": pd.read_parquet}.get(ending)
        got = pd.read_json(out, lines=True) if read is None else read(out)
        assert got["a"].tolist() == want


def test_rows_are_told_apart_by_value():
    digest = lambda row, names=None: _files._digest(row, names, {})  # noqa: E731
    assert digest({"a": 1, "b": None}) == digest({"a": 1.0})
    assert digest({"a": 1, "b": 2}) == digest({"b": 2, "a": 1})
    assert digest({"a": "1"}) != digest({"a": 1})
    assert digest({"a": "x,1:b=i2"}) != digest({"a": "x", "b": 2})
    assert digest({"a": pd.Timestamp("2020-01-01")}) != digest({"a": "2020-01-01 00:00:00"})
    assert digest({"a": pd.NaT}) == digest({})
    assert digest({"a": pd.Timestamp("2020-01-01T01", tz="Europe/Berlin")}) == digest(
        {"a": pd.Timestamp("2020-01-01T00", tz="UTC")}
    )
    assert digest({"a": 1, "b": 2}, ["a"]) == digest({"a": 1}, ["a"])


# --- text -------------------------------------------------------------------------------------

WORDS = [f"word{i}" for i in range(12)]


def test_near_duplicate_texts(tam, tmp_path):
    texts = [" ".join(WORDS), "another text of its own", " ".join([*WORDS, "more"]), None, ""]
    path, out, page = tmp_path / "a.jsonl", tmp_path / "out.jsonl", tmp_path / "r.html"
    path.write_text("".join(json.dumps({"id": i, "t": t}) + "\n" for i, t in enumerate(texts)))
    listed = tmp_path / "d.csv"
    args = ["--text-column", "t", "-o", out, "--report", page, "--dropped", listed]
    result = tam("dedup", path, *args, "--threshold", "0.7", "--normalize", "case")
    assert result.exit_code == 0, result.output
    assert [json.loads(line)["id"] for line in out.read_text().splitlines()] == [0, 1, 3, 4]
    (row,) = csv_module.DictReader(listed.read_text().splitlines())
    assert (row["line"], row["kept_line"]) == ("3", "1")
    assert 0.7 <= float(row["score"]) < 1
    html = page.read_text()
    assert "line 3" in html
    assert "word11 more" in html
    assert "5 read, 1 dropped (20.0 %), 4 kept" in " ".join(result.stdout.split())
    frame = pd.read_json(path, lines=True)
    for ending, write in (("csv", frame.to_csv), ("parquet", frame.to_parquet)):
        write(tmp_path / f"a.{ending}", index=False)
        other = tmp_path / f"out.{ending}"
        args = ["--text-column", "t", "-o", other, "--threshold", "0.7"]
        assert tam("dedup", tmp_path / f"a.{ending}", *args).exit_code == 0
        read = pd.read_csv if ending == "csv" else pd.read_parquet
        assert read(other)["id"].tolist() == [0, 1, 3, 4]


def test_what_is_no_text(tam, tmp_path):
    path = tmp_path / "a.jsonl"
    path.write_text('{"t": "a"}\n{"t": 5}\n')
    one_line(tam("dedup", path, "--text-column", "t", "-o", tmp_path / "o.jsonl"),
             "a.jsonl, line 2: 't' holds int, no text")  # fmt: skip


# --- what goes wrong --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "data", "says"),
    [
        ("a.jsonl", b'{"a": 1}\n{"a": }\n', "a.jsonl, line 2: not JSON"),
        ("a.jsonl", b'{"a": 1}\n[1]\n', "line 2: expected an object"),
        ("a.jsonl", b'{"a": "\xff"}\n', "line 1 is not UTF-8"),
        ("a.jsonl", b'{"a": ' + b"[" * 100_000 + b"\n", "line 1: nested too deep"),
        ("a.jsonl", b"\n\n", "there are no rows"),
        ("a.csv", b"", "is empty"),
        ("a.csv", b"a,b\n", "there are no rows"),
        ("a.csv", b"a,b\n1,2\n1,2,3\n", "line 3 has 3 fields where the header has 2"),
        ("a.csv", b"a,a\n1,2\n", "more than one column named 'a'"),
        ("a.csv", b'a,b\n1,2\n1,"2\n3,4\n', "line 3: a quote opened here is never closed"),
        ("a.csv", b"a,b\n1,\xff\n", "line 2 is not UTF-8"),
        ("a.parquet", b"PAR1 not", "is not a readable Parquet file"),
        ("a.csv.gz", b"nothing", "cannot be read"),
        ("a.txt", b"a", "cannot tell what"),
    ],
)
def test_broken_files_are_named(tam, tmp_path, name, data, says):
    path = tmp_path / name
    path.write_bytes(data)
    out = tmp_path / ("out" + "".join(path.suffixes))
    one_line(tam("dedup", path, "--rows", "-o", out), says)
    assert names(tmp_path) == [name]


def test_wrong_usage(tam, two, tmp_path):
    out = tmp_path / "out.jsonl"
    a, b = two
    (tmp_path / "c.csv").write_text("t\n1\n")
    link = tmp_path / "link.jsonl"
    link.symlink_to(a)
    for args, says in [
        (["--rows"], "--output"),
        (["-o", out], "either --text-column COLUMN or --rows"),
        (["-o", out, "--rows", "--text-column", "t"], "either --text-column"),
        (["-o", out, "--text-column", "t", "--subset", "t"], "--subset goes with --rows"),
        (["-o", out, "--rows", "--threshold", "0.5"], "--threshold goes with --text-column"),
        (["-o", out, "--rows", "--subset", "idd"], "did you mean 'id'"),
        (["-o", out, "--text-column", "t", "--threshold", "2"], "threshold must be"),
        (["-o", a, "--rows", "--overwrite"], "is an input too"),
        (["-o", link, "--rows", "--overwrite"], "is an input too"),
        (["-o", out, "--rows", "--report", b], "is an input too"),
        (["-o", out, "--rows", "--dropped", out], "is what --output names too"),
        (["-o", out, "--rows", "--dropped", tmp_path / "d.txt"], ".csv or a .jsonl"),
        (["-o", tmp_path / "out.csv", "--rows"], "is to be a jsonl file"),
        (["-o", tmp_path / "no" / "out.jsonl", "--rows"], "no folder"),
        (["-o", tmp_path / "c.csv", "--rows"], "exists"),
        ([a, "-o", out, "--rows"], "given more than once"),
        ([tmp_path / "c.csv", "-o", out, "--rows"], "files of one format"),
        ([tmp_path / "no.jsonl", "-o", out, "--rows"], "no such file"),
    ]:
        one_line(tam("dedup", a, b, *args), says)
    assert a.read_bytes() == A
    assert b.read_bytes() == B
    assert not out.exists()
    (tmp_path / "d.csv").write_text("u\n1\n")
    result = tam(
        "dedup", tmp_path / "c.csv", tmp_path / "d.csv", "--rows", "-o", tmp_path / "o.csv"
    )
    one_line(result, "has other columns than")


@pytest.mark.parametrize("ending", ["jsonl", "parquet"])
def test_an_interrupt_leaves_nothing_behind(tam, tmp_path, monkeypatch, ending):
    path = tmp_path / f"a.{ending}"
    frame = pd.DataFrame({"a": range(100)})
    frame.to_parquet(path) if ending == "parquet" else frame.to_json(
        path, orient="records", lines=True
    )
    monkeypatch.setattr(_stream, "_ROWS", 10)
    copier = _stream._ParquetCopier if ending == "parquet" else _stream.Copier
    whole, calls = copier.write, []

    def write(self, *args):
        calls.append(1)
        if len(calls) == 5:
            raise KeyboardInterrupt
        whole(self, *args)

    monkeypatch.setattr(copier, "write", write)
    out, page = tmp_path / f"out.{ending}", tmp_path / "r.html"
    result = tam("dedup", path, "--rows", "-o", out, "--report", page)
    assert result.exit_code == 130
    assert result.stderr == "interrupted\n"
    assert names(tmp_path) == [path.name]


def test_a_file_that_changes_while_it_is_read(tam, two, tmp_path, monkeypatch):
    whole = _files.copy

    def changed(*args):
        two[1].write_bytes(B + b"\n" + B)
        whole(*args)

    monkeypatch.setattr(_files, "copy", changed)
    out = tmp_path / "out.jsonl"
    one_line(tam("dedup", *two, "--rows", "-o", out), "b.jsonl was changed while it was read")
    assert not out.exists()
