"""An index on disk: exact answers, and nothing that was committed is ever lost."""

import ast
import os
import random
import subprocess
import sys
import warnings
from itertools import pairwise
from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tamis import _core
from tamis.dedup import DedupIndex, TextDeduplicator
from tamis.dedup import _manifest as manifest
from tamis.exceptions import (
    DataError,
    ParameterError,
    ShapeError,
    StateError,
    StoppedError,
)

TEXTS = ["the cat sat on the mat", "a dog barked at night", "birds sing", ""]


def make(path, **more):
    return DedupIndex.create(path / "index", **{"shingle_size": 2, "threshold": 0.5, **more})


def rows(found):
    return list(found.itertuples(index=False, name=None))


def jaccard(one, other, size):
    a, b = (
        {tuple(w[i : i + size]) for i in range(len(w) - size + 1)}
        for w in (one.split(), other.split())
    )
    if not a and not b:
        return 1.0 if one == other and one.strip() else 0.0
    return len(a & b) / len(a | b)


texts = st.lists(
    st.one_of(
        st.lists(st.sampled_from("abcd"), max_size=7).map(" ".join),
        st.lists(st.sampled_from("xyz"), max_size=4).map(
            lambda w: "a header of all " + " ".join(w)
        ),
    ),
    max_size=12,
)


@settings(deadline=None)
@given(
    st.lists(st.tuples(texts, st.booleans(), st.integers(0, 9)), max_size=5),
    texts,
    st.sampled_from([0.3, 0.5, 0.8, 1.0]),
    st.booleans(),
)
def test_answers_are_those_of_the_slow_search(tmp_path_factory, steps, asked, threshold, named):
    path = tmp_path_factory.mktemp("index")
    held, saved, count = {}, {}, 0
    with make(path, threshold=threshold) as index:
        for new, commit, gone in steps:
            ids = [f"é{count + k}" if named else count + k for k in range(len(new))]
            count += len(new)
            index.add(new, ids)
            held.update(zip(ids, new, strict=True))
            if len(held) > gone:
                dropped = sorted(held)[gone]
                index.delete([dropped])
                del held[dropped]
            if commit:
                index.commit()
                saved = dict(held)
            check(index, held, asked, threshold)
    with DedupIndex.open(path / "index", n_jobs=2) as index:
        check(index, saved, asked, threshold)
        assert sizes_fall(index)


def check(index, held, asked, threshold):
    assert len(index) == len(held)
    want = {
        (q, name, s)
        for q, one in enumerate(asked)
        for name, other in held.items()
        if (s := jaccard(one, other, 2)) >= threshold
    }
    found = rows(index.query(asked))
    assert set(found) == want
    assert len(found) == len(want)
    assert [(q, -s) for q, _, s in found] == sorted((q, -s) for q, _, s in found)


def sizes_fall(index):
    sizes = [s.n_live for s in index._store.segments]
    return all(one > other for one, other in pairwise(sizes))


@pytest.mark.parametrize("normalize", [None, "nfc", True, ("case", "punctuation")])
@pytest.mark.parametrize(("shingle", "size"), [("word", 1), ("word", None), ("char", 3)])
def test_the_same_pairs_as_textdeduplicator(tmp_path, normalize, shingle, size):
    rng = np.random.default_rng(0)
    words = ["Cafe\u0301", "café", "sat", "SAT", "the", "我们", "去", "ไทย", "mat.", " ", "\ud800"]
    texts = [" ".join(rng.choice(words, rng.integers(0, 7))) for _ in range(150)]
    how = {"threshold": 0.6, "shingle": shingle, "shingle_size": size, "normalize": normalize}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of texts shorter than a shingle
        pairs = TextDeduplicator(**how, method="exact").fit(texts).duplicates_.pairs
    with make(tmp_path, **how) as index:
        index.add(texts[:70])
        index.commit()
        index.add(texts[70:])
        found = [(i, j, s) for i, j, s in rows(index.query(texts)) if i < j]
    assert sorted(found) == sorted(rows(pairs[["left", "right", "score"]]))


def test_reopened_it_is_what_was_committed(tmp_path):
    index = make(tmp_path)
    index.add(TEXTS[:2], ["cat", "dog"])
    index.commit()
    index.add(TEXTS[2:], ["birds", "blank"])
    assert rows(index.query(["birds sing", TEXTS[0]])) == [(0, "birds", 1.0), (1, "cat", 1.0)]
    assert repr(index) == (
        "<DedupIndex: 4 texts, threshold 0.5, shingles of 2 words, changes not committed>"
    )
    index.close()
    with DedupIndex.open(tmp_path / "index") as again:
        assert len(again) == 2
        assert (again.threshold, again.shingle, again.shingle_size) == (0.5, "word", 2)
        assert again.normalize == ("nfc",)
        assert rows(again.query(["birds sing", TEXTS[0]])) == [(1, "cat", 1.0)]
    with pytest.raises(StateError, match="is closed"):
        again.query(TEXTS)
    with pytest.raises(StateError, match="is closed"):
        again.add(TEXTS)


def test_ids(tmp_path):
    index = make(tmp_path)
    index.add(TEXTS[:2])
    index.add(TEXTS[2:], np.array([7, 8], dtype=np.int32))
    index.add(["more of this"])
    assert rows(index.query(["more of this", "birds sing"])) == [(0, 9, 1.0), (1, 7, 1.0)]
    index.commit()
    for ids, error, words in [
        ([1], DataError, "id 1 is in the index already"),
        ([20, 20], DataError, "id 20 is given twice"),
        ([20, 21], ShapeError, "2 ids for 1"),
        (["a"], DataError, "ids of this index are integers"),
        ([1.5], DataError, "all integers or all texts"),
        ([2**63], DataError, "beyond 64 bits"),
    ]:
        with pytest.raises(error, match=words):
            index.add(["x"] * (2 if ids == [20, 20] else 1), ids)
    with pytest.raises(DataError, match="id 99 is not in the index: nothing was deleted"):
        index.delete([1, 99])
    index.delete(1)
    index.add(["new text of one"], [1])
    assert rows(index.query(["new text of one", TEXTS[1]])) == [(0, 1, 1.0)]
    index.close()
    with make(tmp_path / "s") as named:
        named.add(["a b c"], pd.Series(["x"]))
        with pytest.raises(DataError, match="are texts: give ids="):
            named.add(["b c d"])
        named.add(pl.DataFrame({"t": ["b c d"], "i": ["y"]}), ["y"], column="t")
        found = named.query(pl.Series(["a b c"]))
        assert rows(found) == [(0, "x", 1.0)]
        frame = named.query(pl.DataFrame({"t": ["a b c", "q"]}))
        assert isinstance(frame, pl.DataFrame)
        assert frame.rows() == [(0, "x", 1.0)]


def test_merge(tmp_path):
    one, other = make(tmp_path / "a"), make(tmp_path / "b")
    one.add(TEXTS[:2], [1, 2])
    other.add([*TEXTS[2:], "gone soon now"], [3, 4, 5])
    other.delete([5])
    one.merge(other)
    assert len(one) == 4
    one.commit()
    assert rows(one.query(["birds sing"])) == [(0, 3, 1.0)]
    other.commit()
    with pytest.raises(DataError, match="id 3 is in the index already"):
        one.merge(tmp_path / "b" / "index")
    with pytest.raises(ParameterError, match="different ways"):
        one.merge(make(tmp_path / "c", threshold=0.6))
    with pytest.raises(ParameterError, match="with itself"):
        one.merge(tmp_path / "a" / "index")
    named = make(tmp_path / "d")
    named.add(["x y"], ["n"])
    with pytest.raises(DataError, match="those of the other str"):
        one.merge(named)
    empty = make(tmp_path / "e")
    empty.merge(one)
    assert len(empty) == 4


def test_one_writes_and_others_read(tmp_path):
    writer = make(tmp_path)
    writer.add(TEXTS[:1])
    writer.commit()
    reader = DedupIndex.open(tmp_path / "index")
    with pytest.raises(StateError, match=f"process {os.getpid()}.*lock"):
        reader.add(TEXTS[1:2])
    for k in range(20):  # files are merged and removed under the reader
        writer.add([f"text number {k} of many"])
        writer.commit()
    assert rows(reader.query(TEXTS[:1])) == [(0, 0, 1.0)]
    assert len(reader) == 1
    reader.refresh()
    assert len(reader) == 21
    writer.close()
    reader.add(["the reader writes"])
    with pytest.raises(StateError, match="not committed"):
        reader.refresh()
    reader.commit()
    reader.close()
    assert len(DedupIndex.open(tmp_path / "index")) == 22


def test_a_writer_sees_first_what_another_committed(tmp_path):
    early = make(tmp_path)
    with DedupIndex.open(tmp_path / "index") as other:
        other.add(TEXTS[:2])
        other.commit()
    early.add(TEXTS[2:3])
    early.commit()
    assert len(early) == 3


def test_growth_keeps_few_files(tmp_path):
    index = make(tmp_path)
    rng = np.random.default_rng(0)
    for _ in range(150):
        index.add([" ".join(map(str, rng.integers(0, 1000, 8))) for _ in range(3)])
        index.commit()
    index.delete(range(0, 300))
    index.commit()
    assert sizes_fall(index)
    files = list((tmp_path / "index").iterdir())
    assert len(files) < 14
    assert sum(len(s) for s in index._store.segments) < 310


def test_files_of_others_stay(tmp_path):
    index = make(tmp_path)
    (tmp_path / "index" / "notes.txt").write_text("mine")
    (tmp_path / "index" / ".00000001-abcdef01.segment.abcdef02").write_text("torn")
    index.add(TEXTS)
    index.commit()
    names = {p.name for p in (tmp_path / "index").iterdir()}
    assert "notes.txt" in names
    assert not any(n.startswith(".") for n in names)


# --- what goes wrong ----------------------------------------------------------------------------


def damaged(path):
    """Open the index and ask it, as a user would."""
    with DedupIndex.open(path) as index:
        return rows(index.query(TEXTS))


def test_no_byte_can_change_unseen(tmp_path):
    index = make(tmp_path)
    index.add(TEXTS * 3, [f"t{k}" for k in range(12)])
    index.delete(["t3"])
    index.commit()
    index.add(["more of this"], ["more"])
    index.commit()
    index.close()
    path = tmp_path / "index"
    rng = random.Random(0)
    for file in sorted(path.iterdir()):
        if file.name == "lock":
            continue
        data = file.read_bytes()
        places = {0, len(data) - 1, *(rng.randrange(len(data)) for _ in range(150))}
        for place in sorted(places):
            torn = bytearray(data)
            torn[place] ^= 1 << rng.randrange(8)
            file.write_bytes(torn)
            with pytest.raises(StateError, match=file.name):
                damaged(path)
        for cut in (0, 1, len(data) // 2, len(data) - 1):
            file.write_bytes(data[:cut])
            with pytest.raises(StateError, match=file.name):
                damaged(path)
        file.write_bytes(data + b"\0")
        with pytest.raises(StateError, match=file.name):
            damaged(path)
        file.unlink()
        error = ParameterError if file.name == manifest.FILE else StateError
        with pytest.raises(error, match=file.name):
            damaged(path)
        file.write_bytes(data)
    assert damaged(path)


def test_a_later_format_is_told(tmp_path, monkeypatch):
    monkeypatch.setattr(manifest, "FORMAT", 2)
    make(tmp_path).close()
    monkeypatch.undo()
    with pytest.raises(StateError, match="upgrade tamis"):
        DedupIndex.open(tmp_path / "index")


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"threshold": 0}, "threshold must be"),
        ({"shingle": "line"}, "shingle must be"),
        ({"shingle_size": 0}, "shingle_size must be"),
        ({"normalize": "upper"}, "normalize must be"),
        ({"normalize": str.lower}, "cannot save"),
        ({"n_jobs": 0}, "n_jobs"),
    ],
)
def test_what_cannot_be_used(tmp_path, more, words):
    with pytest.raises(ParameterError, match=words):
        make(tmp_path, **more)
    assert not (tmp_path / "index").exists()


def test_folders_that_are_none(tmp_path):
    with pytest.raises(ParameterError, match="is no index"):
        DedupIndex.open(tmp_path)
    make(tmp_path).close()
    with pytest.raises(ParameterError, match="is not empty"):
        make(tmp_path)
    with pytest.raises(ParameterError, match="is a file"):
        DedupIndex.create(tmp_path / "index" / manifest.FILE)


def test_nothing_is_no_trouble(tmp_path):
    index = make(tmp_path)
    index.add([])
    index.delete([])
    index.commit()
    index.add([None, "", float("nan")])
    assert rows(index.query(["", None])) == []
    assert list(index.query([]).columns) == ["query", "id", "score"]
    index.commit()
    assert len(DedupIndex.open(tmp_path / "index")) == 3


def test_it_stops(tmp_path):
    index = make(tmp_path)
    index.add(TEXTS)
    with _core.Scope() as scope:
        scope.stop()
        with pytest.raises(StoppedError):
            index.query(TEXTS)
        with pytest.raises(StoppedError):
            index.add(TEXTS)
    assert len(index) == 4


# --- killed -------------------------------------------------------------------------------------

#: For each line it is given, forks a writer that adds, deletes and commits, kills it after so many
#: seconds, and says what the writer said last.
KILLER = """
import os, signal, sys, time
from tamis.dedup import DedupIndex

def write(path, say):
    index = DedupIndex.open(path, n_jobs=1)
    n = index._store.manifest.generation
    while True:
        texts = [f"text {n} {k} and words {n * k}" for k in range(20)]
        index.add(texts, [f"{n}-{k}" for k in range(20)])
        if n:
            index.delete([f"{n - 1}-{k}" for k in range(0, 20, 2)])
        index.commit()
        n += 1
        os.write(say, b"%d\\n" % n)

for line in sys.stdin:
    hear, say = os.pipe()
    child = os.fork()
    if child == 0:
        write(sys.argv[1], say)
    os.close(say)
    time.sleep(float(line))
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    with open(hear) as heard:
        print(heard.read().split()[-1:], flush=True)
"""


def expected(n):
    """Return the ids after n commits."""
    every = {f"{i}-{k}" for i in range(n) for k in range(20)}
    return every - {f"{i}-{k}" for i in range(n - 1) for k in range(0, 20, 2)}


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork and SIGKILL")
@pytest.mark.parametrize("rounds", [15, pytest.param(60, marks=pytest.mark.slow)])
def test_killed_at_any_moment_it_is_as_committed(tmp_path, rounds):
    make(tmp_path).close()
    path = tmp_path / "index"
    rng = random.Random(rounds)
    committed = 0
    with subprocess.Popen(
        [sys.executable, "-c", KILLER, str(path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(Path(_core.__file__).parents[1])},
    ) as killer:
        for _ in range(rounds):
            print(rng.random() * 0.2, file=killer.stdin, flush=True)
            said = ast.literal_eval(killer.stdout.readline())
            least = max(committed, *map(int, said)) if said else committed
            with DedupIndex.open(path) as index:
                committed = index._store.manifest.generation
                assert committed in (least, least + 1)  # committed, and killed before it said so
                check_generation(index, committed)
                index.add(["the next writer"], ["probe"])  # no lock was left behind
        killer.stdin.close()
    assert committed > rounds / 3


def check_generation(index, n):
    segments = index._store.segments
    ids = {s.id_of(k) for s in segments for k in np.flatnonzero(~s.dead).tolist()}
    assert ids == expected(n)
    if n:
        asked = [f"text {n - 1} {k} and words {(n - 1) * k}" for k in range(20)]
        found = {name for _, name, score in rows(index.query(asked)) if score == 1.0}
        assert found >= {f"{n - 1}-{k}" for k in range(20)}
