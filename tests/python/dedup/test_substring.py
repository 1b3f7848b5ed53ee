"""Repeated passages, against suffixes sorted one by one and other slow references."""

import pickle
from itertools import pairwise

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
from tamis.dedup import SubstringDeduplicator, duplicate_groups, find_leakage
from tamis.exceptions import DataError, ParameterError, ShapeError, StoppedError

TEXTS = ["Call me Ishmael.", "He said: Call me Ishmael. Then he left.", "Nothing else.", None]


def spans(texts, length, **more):
    frame = SubstringDeduplicator(length, **more).fit(texts).duplicates_.spans
    return list(frame.itertuples(index=False, name=None))


def covered(texts, found):
    marks = [np.zeros(len(t), dtype=bool) for t in texts]
    for document, start, end, *_ in found:
        marks[document][start:end] = True
    return [m.tolist() for m in marks]


def suffix_array(texts, length):
    """Mark what a suffix array marks: each suffix by what it shares with its neighbours."""
    suffixes = sorted((t[i:], d, i) for d, t in enumerate(texts) for i in range(len(t)))
    marks = [np.zeros(len(t), dtype=bool) for t in texts]
    for (one, *_), (other, *_) in pairwise(suffixes):
        shared = next(
            (k for k, (a, b) in enumerate(zip(one, other, strict=False)) if a != b),
            min(len(one), len(other)),
        )
        if shared >= length:
            for text, d, i in suffixes:
                if text[:shared] == one[:shared]:
                    marks[d][i : i + shared] = True
    return [m.tolist() for m in marks]


parts = st.one_of(
    st.text("ab", max_size=6),
    st.text("aé日😀", max_size=4),
    st.sampled_from(["the same words", "abababab", "bbbbbbb", "\x00", "\ud800"]),
)
corpora = st.lists(st.lists(parts, max_size=5).map("".join), max_size=6)


@given(corpora, st.integers(2, 8))
def test_what_is_covered_is_what_a_suffix_array_gives(texts, length):
    found = spans(texts, length)
    assert covered(texts, found) == suffix_array(texts, length)
    passages = {}
    for document, start, end, match in found:
        passages.setdefault(match, []).append(texts[document][start:end])
    assert sorted(passages) == list(range(len(passages)))
    for same in passages.values():
        assert len(same) > 1
        assert len(set(same)) == 1
        assert len(same[0]) >= length
    assert len({same[0] for same in passages.values()}) == len(passages)
    assert found == sorted(found)


@given(corpora, st.integers(2, 6), st.randoms())
def test_the_order_of_the_documents_is_of_no_account(texts, length, random):
    order = list(range(len(texts)))
    random.shuffle(order)
    moved = [texts[i] for i in order]
    one = SubstringDeduplicator(length, min_share=0.5).fit(texts).duplicates_
    two = SubstringDeduplicator(length, min_share=0.5).fit(moved).duplicates_

    def contents(found, texts):
        pairs = found.pairs
        named = {
            (*sorted([texts[i], texts[j]]), s, e) for i, j, s, e in pairs.itertuples(index=False)
        }
        clusters = sorted(sorted(texts[i] for i in c) for c in found.clusters)
        where = sorted(
            (texts[d], s, e, texts[d][s:e])
            for d, s, e, _ in found.spans.itertuples(index=False, name=None)
        )
        return named, clusters, where, sorted(np.array(texts, dtype=object)[found.keep].tolist())

    assert contents(one, texts) == contents(two, moved)


@given(corpora, st.integers(2, 6), st.sampled_from([0.3, 0.8, 1.0]))
def test_a_dropped_document_stands_in_one_that_stays(texts, length, share):
    step = SubstringDeduplicator(length, min_share=share)
    kept = step.fit_resample(texts)[0]
    assert kept == [texts[i] for i in step.sample_indices_]
    found = step.duplicates_
    listed = {(i, j): s for i, j, s, _ in found.pairs.itertuples(index=False, name=None)}
    for cluster in found.clusters:
        (home,) = [i for i in cluster if found.keep[i]]
        for i in set(cluster) - {home}:
            score = listed[min(i, home), max(i, home)]
            there = [s for s in spans([texts[i], texts[home]], length) if s[0] == 0]
            once = [s for s in there if texts[i][s[1] : s[2]] in texts[home]]
            marks = covered([texts[i]], once)[0]
            assert len(texts[i]) <= len(texts[home])
            if texts[i] != texts[home]:
                assert sum(marks) / len(marks) == pytest.approx(score)
            assert score >= share


def test_spans_and_pairs():
    step = SubstringDeduplicator(10).fit(TEXTS)
    assert step.duplicates_.spans.to_dict("list") == {
        "document": [0, 1], "start": [0, 9], "end": [16, 25], "match": [0, 0],
    }  # fmt: skip
    assert step.duplicates_.keep.tolist() == [False, True, True, True]
    assert (
        repr(step.duplicates_) == "<Duplicates: 1 document of 4 can be dropped, 1 cluster, exact>"
    )
    html = step.duplicates_._repr_html_()
    assert "document 0" in html
    assert "He said: Call me Ishmael." in html


def test_twice_in_one_document_is_a_passage_and_no_pair():
    found = SubstringDeduplicator(5).fit(["again and again and", "b"]).duplicates_
    assert found.spans.to_dict("list") == {
        "document": [0, 0], "start": [0, 10], "end": [9, 19], "match": [0, 0],
    }  # fmt: skip
    assert found.n_pairs == 0


def test_nothing_crosses_the_edge_of_a_document():
    assert spans(["xxabc", "defyy", "abcdef"], 4) == []
    assert spans(["xxabc", "defyy", "abcdef"], 3) != []


def test_the_longest_document_stays_and_keep_chooses_among_equal_ones():
    texts = ["a passage that is long", "so: a passage that is long", "a passage that is long"]
    assert SubstringDeduplicator(10).fit(texts).duplicates_.keep.tolist() == [False, True, False]
    twice = [texts[0], texts[0]]
    last = SubstringDeduplicator(10, keep="last").fit(twice).duplicates_
    assert last.keep.tolist() == [False, True]
    assert last.pairs["evidence"].tolist() == ["equal"]
    assert SubstringDeduplicator(10).fit(["short", "short"]).duplicates_.n_pairs == 0


def test_a_passage_common_to_all_makes_no_pairs():
    rng = np.random.default_rng(0)
    own = ["".join(rng.choice(list("abcdefgh"), 200)) for _ in range(300)]
    found = SubstringDeduplicator(50).fit([f"{o} {'the same footer ' * 5}" for o in own])
    assert found.duplicates_.n_pairs == 0
    assert set(found.duplicates_.spans["document"]) == set(range(300))


# --- containers and what cannot be used -------------------------------------------------------


@pytest.mark.parametrize(
    "make",
    [
        list,
        tuple,
        lambda t: np.array(t, dtype=object),
        lambda t: np.array(t + t, dtype=object)[::2][:0].tolist() + t,
        pd.Series,
        lambda t: pd.Series(t, dtype=object),
        lambda t: pd.Series(t, dtype="category"),
        lambda t: pd.Series([*t, "x"], index=list("abcde")).iloc[:-1],
        pl.Series,
        lambda t: pa.chunked_array([t[:1], t[1:]]),
        lambda t: pd.DataFrame({"text": t}),
        lambda t: pl.DataFrame({"n": [1, 2, 3, 4], "text": t}),
        lambda t: pa.table({"n": [1, 2, 3, 4], "text": t}).slice(0, 4),
    ],
)
def test_every_container(make):
    data = make(TEXTS)
    column = "text" if hasattr(data, "columns") and len(data.columns) > 1 else None
    step = SubstringDeduplicator(10, column=column)
    out = step.fit_resample(data)[0]
    assert list(np.asarray(step.duplicates_.spans["start"])) == [0, 9]
    assert step.sample_indices_.tolist() == [1, 2, 3]
    if not isinstance(data, tuple):
        assert type(out) is type(data)
    cut = step.cut(data)
    assert len(cut) == 4
    if isinstance(data, pd.DataFrame | pd.Series):
        assert cut.index.equals(data.index)
    held = cut["text"] if column or isinstance(data, pd.DataFrame) else cut
    held = held.to_pylist() if hasattr(held, "to_pylist") else list(held)
    assert held[:3] == ["Call me Ishmael.", "He said:  Then he left.", "Nothing else."]
    assert held[3] is None or held[3] != held[3]


def test_slices_and_read_only_arrays():
    table = pa.table({"t": ["x", *TEXTS[:3]]}).slice(1)
    assert len(SubstringDeduplicator(10).fit(table).duplicates_.spans) == 2
    array = np.array(TEXTS[:3])
    array.setflags(write=False)
    assert len(SubstringDeduplicator(10).fit(array).duplicates_.spans) == 2


@pytest.mark.parametrize("texts", [[], [""], ["a"], [None], ["", "", float("nan")], ["ab" * 40]])
def test_little_or_nothing(texts):
    step = SubstringDeduplicator(100)
    assert step.fit_resample(texts)[0] == texts or texts[-1] != texts[-1]
    assert len(step.duplicates_.spans) == 0
    assert step.cut(texts)[:2] == texts[:2]


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda: SubstringDeduplicator(1).fit(TEXTS), ParameterError, "min_length must be"),
        (lambda: SubstringDeduplicator(2.5).fit(TEXTS), ParameterError, "min_length must be"),
        (lambda: SubstringDeduplicator(min_share=0).fit(TEXTS), ParameterError, "min_share must"),
        (lambda: SubstringDeduplicator(keep="any").fit(TEXTS), ParameterError, "keep must be"),
        (lambda: SubstringDeduplicator(n_jobs=0).fit(TEXTS), ParameterError, "n_jobs"),
        (lambda: SubstringDeduplicator().fit(["a", 3]), DataError, "item 1 of X is int"),
        (lambda: SubstringDeduplicator().fit("text"), ParameterError, "must be a list"),
        (lambda: SubstringDeduplicator().fit(np.zeros((2, 2))), ParameterError, "one-dimensional"),
        (lambda: SubstringDeduplicator(column="a").fit(TEXTS), ParameterError, "is no frame"),
        (
            lambda: SubstringDeduplicator().fit(pd.DataFrame({"a": ["x"], "b": ["y"]})),
            ParameterError,
            "name one with column=",
        ),
        (
            lambda: SubstringDeduplicator(column="tex").fit(pd.DataFrame({"text": ["x"]})),
            ParameterError,
            "did you mean 'text'",
        ),
        (
            lambda: _core.repeated_passages((np.array([0, 9]), np.zeros(2, np.uint8)), 2, 0.5),
            ShapeError,
            "offsets must rise",
        ),
    ],
)
def test_what_cannot_be_used(call, error, words):
    with pytest.raises(error, match=words):
        call()


# --- the rest ---------------------------------------------------------------------------------


def test_threads_give_the_same():
    rng = np.random.default_rng(1)
    words = ["".join(rng.choice(list("abcdefg"), 5)) for _ in range(200)]
    texts = [" ".join(rng.choice(words, 400)) for _ in range(200)]
    texts += [texts[k][: 500 + k] for k in range(100)]
    one, *others = (SubstringDeduplicator(12, n_jobs=n).fit(texts).duplicates_ for n in (1, 2, 3))
    assert one.n_pairs == 100
    assert len(one.spans) > 1000
    for other in others:
        pd.testing.assert_frame_equal(one.spans, other.spans)
        pd.testing.assert_frame_equal(one.pairs, other.pairs)


def test_text_that_repeats_itself_stays_cheap():
    for text in ("-" * 300_000, "ab" * 150_000, "a line of words\n" * 20_000):
        found = spans([text], 50)
        assert all(covered([text], found)[0])
        assert len(found) < len(text) / 10
    assert SubstringDeduplicator(50).cut(["-" * 300_000, "x" + "-" * 70]) == ["-" * 50, "x"]


def test_leakage_is_what_train_and_test_share():
    train = ["a passage of train", "also twice, also twice", "it is known by heart, they say"]
    test = ["new", "we saw a passage of train there", "known by heart", "only here, only here"]
    found = find_leakage(train, test, "substring", min_length=8)
    assert found.spans.to_dict("list") == {
        "side": ["train", "train", "test", "test"],
        "document": [0, 2, 1, 2],
        "start": [0, 6, 7, 0],
        "end": [18, 20, 25, 14],
        "match": [0, 1, 0, 1],
    }
    assert found.pairs.to_dict("list") == {
        "left": [0, 2], "right": [1, 2], "score": [1.0, 1.0], "evidence": ["passage", "passage"],
    }  # fmt: skip
    assert found.keep.tolist() == [True, False, False, True]
    frames = (pd.DataFrame({"t": t}) for t in (train, test))
    again = find_leakage(*frames, "substring", column="t", min_length=8)
    assert again.pairs.equals(found.pairs)


def test_groups():
    assert duplicate_groups(TEXTS, kind="substring", min_length=10).tolist() == [0, 0, 1, 2]


def test_pickle_clone_and_save(tmp_path):
    step = SubstringDeduplicator(10, min_share=0.5).fit(TEXTS)
    again = pickle.loads(pickle.dumps(step))
    assert again.duplicates_.spans.equals(step.duplicates_.spans)
    assert clone(step).get_params() == step.get_params()
    loaded = tamis.load(tamis.save(step.duplicates_, tmp_path / "found.tamis"))
    assert loaded.spans.equals(step.duplicates_.spans)
    assert loaded.keep.tolist() == step.duplicates_.keep.tolist()


def test_it_stops():
    with _core.Scope() as scope:
        scope.stop()
        with pytest.raises(StoppedError):
            SubstringDeduplicator().fit(TEXTS)
        with pytest.raises(StoppedError):
            SubstringDeduplicator().cut(TEXTS)
