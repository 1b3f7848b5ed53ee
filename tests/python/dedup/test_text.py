"""Near-duplicate texts against a slow obvious reference."""

import pickle
import random
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
from tamis.dedup import TextDeduplicator, duplicate_groups, find_leakage
from tamis.exceptions import DataError, DuplicatesWarning, ParameterError, StoppedError

pytestmark = pytest.mark.filterwarnings(
    "ignore::tamis.exceptions.DuplicatesWarning"  # short texts and large clusters, all over
)


def shingles(text, kind, size):
    parts = text.split() if kind == "word" else list(text)
    return {tuple(parts[i : i + size]) for i in range(len(parts) - size + 1)}


def slow_pairs(texts, threshold=0.8, kind="word", size=3):
    """Return all pairs with their scores, by comparing all with all."""
    texts = [unicodedata.normalize("NFC", t or "") for t in texts]
    sets = [shingles(t, kind, size) for t in texts]
    out = {}
    for j, b in enumerate(sets):
        for i, a in enumerate(sets[:j]):
            if not texts[i].strip() or not texts[j].strip():
                continue
            score = len(a & b) / len(a | b) if a | b else 0.0
            score = 1.0 if texts[i] == texts[j] else score
            if score >= threshold:
                out[i, j] = score
    return out


def pairs_of(found):
    frame = found.pairs
    return dict(zip(zip(frame["left"], frame["right"], strict=True), frame["score"], strict=True))


words = st.lists(st.sampled_from(["a", "b", "c", "d", "é", "e\u0301", "我", "lorem"]), max_size=9)
documents = st.lists(words.map(" ".join), max_size=25)


@given(
    documents,
    st.sampled_from([0.3, 0.5, 2 / 3, 0.8, 1.0]),
    st.sampled_from([("word", 1), ("word", 2), ("char", 1), ("char", 3)]),
)
def test_pairs_are_those_of_the_slow_search(texts, threshold, unit):
    kind, size = unit
    step = TextDeduplicator(threshold, shingle=kind, shingle_size=size, n_jobs=1)
    found = step.fit(texts).duplicates_
    assert pairs_of(found) == slow_pairs(texts, threshold, kind, size)
    assert found.expected_recall == 1.0


@given(documents, documents, st.sampled_from([0.5, 0.8]))
def test_leakage_is_that_of_the_slow_search(train, test, threshold):
    found = find_leakage(train, test, kind="text", threshold=threshold, shingle_size=1)
    n = len(train)
    want = {
        (i, j - n): score
        for (i, j), score in slow_pairs(train + test, threshold, size=1).items()
        if i < n <= j
    }
    assert pairs_of(found) == want
    assert found.right_rows.tolist() == sorted({j for _, j in want})


def corpus(n=600, copies=200, seed=0):
    """Return texts of which some are edited copies of others."""
    rng = random.Random(seed)
    known = [f"w{i}" for i in range(2000)]
    weights = [1 / (i + 3) for i in range(2000)]
    texts = [rng.choices(known, weights, k=rng.randint(20, 60)) for _ in range(n)]
    for _ in range(copies):
        words = list(rng.choice(texts[:n]))
        for _ in range(rng.randint(0, 3)):
            words[rng.randrange(len(words))] = rng.choice(known)
        texts.append(words)
    rng.shuffle(texts)
    return [" ".join(words) for words in texts]


def test_threads_and_the_order_of_the_texts_are_of_no_account():
    texts = corpus()
    want = slow_pairs(texts)
    assert len(want) > 100
    contents = {frozenset((texts[i], texts[j])) for i, j in want}
    for n_jobs in (1, 2, 3):
        assert pairs_of(TextDeduplicator(n_jobs=n_jobs).fit(texts).duplicates_) == want
    mixed = random.Random(1).sample(texts, len(texts))
    for method in ("exact", "minhash"):
        step = TextDeduplicator(method=method)
        here, there = step.fit(texts).duplicates_, clone(step).fit(mixed).duplicates_
        sets = [
            {frozenset((t[i], t[j])) for i, j in pairs_of(found)}
            for found, t in ((here, texts), (there, mixed))
        ]
        assert sets[0] == sets[1] <= contents
        clusters = [
            {frozenset(t[i] for i in c) for c in found.clusters}
            for found, t in ((here, texts), (there, mixed))
        ]
        assert clusters[0] == clusters[1]


@pytest.mark.parametrize("threshold", [0.4, 0.8])
@pytest.mark.parametrize("seed", [0, 7])
def test_minhash_finds_what_it_states(threshold, seed):
    texts = corpus(3000, 2000)
    every = pairs_of(TextDeduplicator(threshold, method="exact").fit(texts).duplicates_)
    step = TextDeduplicator(threshold, method="minhash", random_state=seed)
    found = step.fit(texts).duplicates_
    got = pairs_of(found)
    assert 0.9 < found.expected_recall < 1
    assert len(got) / len(every) >= found.expected_recall
    assert got.items() <= every.items()
    assert f"expected recall {found.expected_recall:.3f}" in repr(found)


def test_auto_gives_up_where_all_texts_share_much():
    # Texts out of so few words that nearly all of them share their rarest ones.
    rng = np.random.default_rng(0)
    held = np.argsort(rng.random((20_000, 40)), axis=1)[:, :18]
    texts = [" ".join(f"w{k}" for k in row) for row in held.tolist()]
    found = TextDeduplicator(0.7, shingle_size=1).fit(texts).duplicates_
    assert 0.9 < found.expected_recall < 1
    pairs = pairs_of(found)
    rows = np.zeros((20_000, 40), dtype=np.float32)
    np.put_along_axis(rows, held, 1, axis=1)
    shared = rows[:3000] @ rows.T
    left, right = np.nonzero(shared / (36 - shared) >= 0.7)
    every = {(i, j) for i, j in zip(left.tolist(), right.tolist(), strict=True) if i < j}
    assert len(every) > 500
    assert {p for p in pairs if p[0] < 3000} <= every
    assert len(every & pairs.keys()) / len(every) >= found.expected_recall
    assert pairs[min(pairs)] == shared[min(pairs)] / (36 - shared[min(pairs)])


# --- text as people write it --------------------------------------------------------------------


def equal(one, other, **options):
    """Return whether two texts are called equal (in one group, that is with score 1)."""
    found = TextDeduplicator(**options).fit([one, other]).duplicates_
    return found.pairs["evidence"].tolist() == ["equal"]


@pytest.mark.parametrize(
    ("one", "other", "normalize"),
    [
        ("déjà vu", "de\u0301ja\u0300 vu", "nfc"),
        ("STRASSE und ΣΑΣ", "straße und σας", "case"),
        (" a\tb\u3000c ", "a b c", "whitespace"),
        ("“Don't!” (now)。", "Dont now", "punctuation"),
        (" Hello,  World", "hello world", ("case", "whitespace", "punctuation")),
        (" Hello,  World", "hello, world", True),
        ("abc 17", "abc 18", lambda text: text[:-1]),
    ],
)
def test_normalize(one, other, normalize):
    assert equal(one, other, normalize=normalize)
    assert not equal(one, other, normalize=None)


@pytest.mark.parametrize(
    ("one", "other", "alike"),
    [
        ("我们明天去北京看长城。", "我们明天去北京看故宫。", True),
        ("我们明天去北京看长城。", "他昨天在上海买了一本书。", False),
        ("ประเทศไทยมีอากาศร้อนมาก", "ประเทศไทยมีอากาศร้อน", True),
        ("ประเทศไทยมีอากาศร้อนมาก", "เขาซื้อหนังสือเมื่อวานนี้", False),
        ("東京都に住んでいます", "東京都に住んでいました", True),
        ("한국어 문장을 하나 썼다", "한국어 문장을 하나 썼다!", True),
    ],
)
def test_scripts_without_spaces_have_words(one, other, alike):
    found = TextDeduplicator(0.5, shingle_size=2).fit([one, other]).duplicates_
    assert (found.n_pairs == 1) is alike


def test_punctuation_alone_makes_no_two_texts_equal_but_alike():
    found = TextDeduplicator().fit(["one two three four", "one, two, three: four!"]).duplicates_
    assert found.pairs[["score", "evidence"]].values.tolist() == [[1.0, "shingles"]]
    assert TextDeduplicator(shingle="char").fit(["one two", "one, two"]).duplicates_.n_pairs == 0


def test_blank_and_missing_texts_are_no_duplicates():
    texts = ["", "", " \n", None, float("nan"), pd.NA, "\u3000", "a b c", "a b c"]
    step = TextDeduplicator().fit(texts)
    assert pairs_of(step.duplicates_) == {(7, 8): 1.0}
    assert find_leakage(["", None], ["", None], kind="text").right_rows.tolist() == []


@pytest.mark.filterwarnings("error")
def test_short_texts_are_counted_in_a_warning():
    with pytest.warns(DuplicatesWarning, match="3 texts are shorter than a shingle of 3 words"):
        found = TextDeduplicator().fit(["a b", "a b", "a c", "a b c", ""]).duplicates_
    assert pairs_of(found) == {(0, 1): 1.0}
    with pytest.warns(DuplicatesWarning, match="1 text is shorter than a shingle of 5 chars"):
        TextDeduplicator(shingle="char").fit(["ab", "abcdefg"])
    TextDeduplicator().fit(["a b c", "", None])


def test_lone_surrogates_and_nul():
    texts = ["\ud800 b c", "\ud801 b c", "\ud800 b c", "a\0 b c", "a b c"]
    found = TextDeduplicator(shingle="char").fit(texts).duplicates_
    assert found.labels.tolist() == [0, 1, 0, 2, 3]


def test_a_long_text():
    text = " ".join(f"word{i}" for i in range(200_000))
    found = TextDeduplicator().fit([text, text + " more", "x y z"]).duplicates_
    assert found.labels.tolist() == [0, 0, 1]


# --- containers ---------------------------------------------------------------------------------

TEXTS = ["one two three four", "five six seven", None, "one two three four", "eight nine ten"]


@pytest.mark.parametrize(
    "make",
    [
        list,
        tuple,
        lambda t: np.array(t, dtype=object),
        lambda t: np.array(["" if x is None else x for x in t]),
        lambda t: np.repeat(np.array(t, dtype=object), 2)[::2],
        lambda t: pd.Series(t, index=list("pqrst")),
        lambda t: pd.Series(t, dtype=object),
        lambda t: pd.Series(t, dtype="category"),
        pl.Series,
        pa.array,
        lambda t: pa.chunked_array([t[:2], t[2:]]),
        lambda t: pa.array(["x", *t]).slice(1),
    ],
    ids=["list", "tuple", "object", "U", "strided", "pd", "pd object", "pd category", "pl", "pa",
         "chunked", "sliced"],
)  # fmt: skip
def test_what_went_in_comes_out(make):
    texts = make(TEXTS)
    if isinstance(texts, np.ndarray):
        texts.setflags(write=False)
    step = TextDeduplicator()
    X, y = step.fit_resample(texts, np.arange(5))
    assert y.tolist() == step.sample_indices_.tolist() == [0, 1, 2, 4]
    assert isinstance(X, list if isinstance(texts, tuple) else type(texts))
    kept = X.to_pylist() if hasattr(X, "to_pylist") else list(X)
    assert [x if x and x == x else None for x in kept] == [  # noqa: PLR0124
        TEXTS[i] for i in (0, 1, 2, 4)
    ]
    if isinstance(texts, pd.Series):
        assert X.index.tolist() == texts.index[[0, 1, 2, 4]].tolist()
        assert X.dtype == texts.dtype
    assert "one two three four" in step.duplicates_._repr_html_()


@pytest.mark.parametrize("like", [pd.DataFrame, pl.DataFrame, pa.table], ids=["pd", "pl", "pa"])
def test_a_column_of_a_frame(like):
    columns = {"n": [1, 2, 3, 4, 5], "body": TEXTS}
    X, _ = TextDeduplicator().fit_resample(like(columns))
    assert isinstance(X, type(like(columns)))
    step = TextDeduplicator(column="body", keep="best", by="n").fit(like(columns))
    assert step.duplicates_.keep.tolist() == [False, True, True, True, True]
    assert isinstance(step.duplicates_.pairs, type(X))
    assert "body" in step.duplicates_._repr_html_()
    groups = duplicate_groups(like(columns), kind="text", column="body")
    assert groups.tolist() == [0, 1, 2, 0, 3]
    found = find_leakage(like(columns), like({"body": TEXTS[3:]}), kind="text")
    assert found.left_rows.tolist() == [0, 3, 4]
    assert found.right_rows.tolist() == [0, 1]
    assert "one two three four" in found._repr_html_()


def test_a_list_against_a_frame():
    found = find_leakage(TEXTS, pd.DataFrame({"t": TEXTS[1:3]}), kind="text")
    assert repr(found) == "<Leakage: 1 test text of 2 equals 1 train text of 5, exact>"


def test_nothing_and_one_text():
    for texts in ([], np.array([], dtype=object), pd.Series([], dtype=object), ["a b c"], [None]):
        step = TextDeduplicator().fit(texts)
        assert step.duplicates_.clusters == []
        assert len(step.fit_resample(texts)[0]) == len(texts)
    assert find_leakage([], ["a b c"], kind="text").n_pairs == 0


@pytest.mark.parametrize(("keep", "kept"), [("first", 0), ("last", 2), ("most_complete", 1)])
def test_which_copy_stays(keep, kept):
    base = " ".join(map(str, range(40)))
    step = TextDeduplicator(keep=keep).fit([base + " x", base + " longer", base + " y"])
    assert np.flatnonzero(step.duplicates_.keep).tolist() == [kept]


def test_the_longest_of_an_array_and_the_best_by_a_function():
    base = " ".join(map(str, range(40)))
    step = TextDeduplicator(keep="best", by=lambda X: [len(t) for t in X])
    assert step.fit_resample([base, base + " x"])[0] == [base + " x"]


# --- the estimator ------------------------------------------------------------------------------


def test_pickle_clone_and_save(tmp_path):
    step = TextDeduplicator(0.7, keep="last").fit(corpus(50, 20))
    again = pickle.loads(pickle.dumps(step))
    assert again.duplicates_.pairs.equals(step.duplicates_.pairs)
    assert clone(step).get_params() == step.get_params()
    tamis.save(step, tmp_path / "step.tamis")
    loaded = tamis.load(tmp_path / "step.tamis")
    assert loaded.get_params() == step.get_params()
    assert loaded.duplicates_.pairs.equals(step.duplicates_.pairs)


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda: TextDeduplicator(0).fit(TEXTS), ParameterError, "threshold must be"),
        (lambda: TextDeduplicator(1.1).fit(TEXTS), ParameterError, "threshold must be"),
        (lambda: TextDeduplicator("x").fit(TEXTS), ParameterError, "threshold must be"),
        (lambda: TextDeduplicator(shingle="line").fit(TEXTS), ParameterError, "shingle must be"),
        (lambda: TextDeduplicator(shingle_size=0).fit(TEXTS), ParameterError, "from 1 to 1000"),
        (lambda: TextDeduplicator(shingle_size=2.5).fit(TEXTS), ParameterError, "from 1 to 1000"),
        (lambda: TextDeduplicator(method="lsh").fit(TEXTS), ParameterError, "method must be"),
        (lambda: TextDeduplicator(normalize="nfd").fit(TEXTS), ParameterError, "normalize must"),
        (lambda: TextDeduplicator(normalize=lambda t: None).fit(TEXTS), DataError, "for text 0"),
        (lambda: TextDeduplicator(column="t").fit(TEXTS), ParameterError, "no frame"),
        (lambda: TextDeduplicator().fit("one text"), ParameterError, "must be a list"),
        (lambda: TextDeduplicator().fit({"a": 1}), ParameterError, "must be a list"),
        (lambda: TextDeduplicator().fit(["a", 3]), DataError, "item 1 of X is int, not text"),
        (lambda: TextDeduplicator().fit([b"a"]), DataError, "item 0 of X is bytes"),
        (lambda: TextDeduplicator().fit(np.zeros((2, 2))), ParameterError, "one-dimensional"),
        (lambda: TextDeduplicator().fit(pd.Series([1, 2])), DataError, "item 0 of X is int"),
        (
            lambda: TextDeduplicator().fit(pd.DataFrame({"n": [1], "m": [2]})),
            ParameterError,
            "has no column of text",
        ),
        (
            lambda: TextDeduplicator().fit(pd.DataFrame({"a": ["x"], "b": ["y"]})),
            ParameterError,
            r"more than one column of text \('a', 'b'\): name one",
        ),
        (
            lambda: TextDeduplicator(column="bdy").fit(pd.DataFrame({"body": ["x"]})),
            ParameterError,
            "did you mean 'body'",
        ),
        (lambda: find_leakage(TEXTS, [1], kind="text"), DataError, "item 0 of test"),
        (lambda: find_leakage(TEXTS, TEXTS, kind="text", subset=["a"]), ParameterError, "subset"),
    ],
)
def test_what_cannot_be_used(call, error, words):
    with pytest.raises(error, match=words):
        call()


def test_it_stops():
    with _core.Scope() as scope:
        scope.stop()
        with pytest.raises(StoppedError):
            TextDeduplicator().fit(TEXTS)
