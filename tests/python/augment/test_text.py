"""Texts: what each operation does, spans and labels, rates, threads, hostile input."""

import json
import pickle
import re

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tamis.augment.text as tt
from tamis.augment import Compose, OneOf, from_dict
from tamis.augment.series import Jitter
from tamis.augment.text import _tables
from tamis.exceptions import DataError, ParameterError, ShapeError

EVERY = [
    tt.SynonymReplacement(0.5), tt.RandomInsertion(0.3), tt.RandomSwap(0.5), tt.RandomDeletion(0.4),
    tt.WordDropout(0.3), tt.SpanMask(0.4), tt.Contractions(0.5), tt.KeyboardNoise(0.3),
    tt.OcrNoise(0.5), tt.CaseNoise(0.3), tt.CaseNoise(0.5, unit="word"),
]  # fmt: skip
TEXT = "We do not know whether the big old house is quick to sell, but it's not a good start."


@pytest.mark.parametrize("t", EVERY, ids=repr)
def test_every_operation_changes_texts_the_same_way_whatever_the_batch(t):
    texts = [TEXT, "Big dogs", "", "one", *[f"{TEXT} {k} times" for k in range(60)]]
    before = list(texts)
    made = t(texts)
    assert texts == before
    assert made[0] != TEXT or made[5] != texts[5]
    assert made[2] == "" and all(made[:2]) and all(made[3:])
    for n_jobs in (1, 2, 3):
        assert t(texts, n_jobs=n_jobs) == made
    assert t(texts[:7]) + t(texts[7:], first=7) == made
    assert t(texts, epoch=1) != made
    assert pickle.loads(pickle.dumps(t))(texts) == made
    again = from_dict(json.loads(json.dumps(t.to_dict())))
    assert again == t and again(texts) == made


graphemes = st.sampled_from(
    ["a", "B", "e\u0301", "👩‍👩‍👧", "日", " ", " ", "'", "rn", ".", "it is", "n\u0303"]
)


@given(st.lists(graphemes, max_size=12).map("".join), st.integers(0, 10_000), st.data())
def test_spans_lie_in_the_text_and_graphemes_are_whole(text, epoch, data):
    a = data.draw(st.integers(0, len(text)))
    b = data.draw(st.integers(a, len(text)))
    both = Compose([OneOf(EVERY), OneOf(EVERY)], seed=1)
    made = both([text], spans=[[(a, b, "L")]], epoch=epoch)
    out, spans = made["texts"][0], made["spans"][0]
    assert bool(out) == bool(text)
    assert both([text], spans=[[]], epoch=epoch)["spans"] == [[]]
    for start, end, label in spans:
        assert 0 <= start <= end <= len(out) and label == "L"
    # No accent is left without its letter (but where text and span cut one off themselves).
    noisy = tt.KeyboardNoise(0.5)([text], epoch=epoch)[0]
    assert not re.search("(^|[^eE])\u0301", noisy)


def test_words_come_from_the_lexicon_in_their_case():
    t = tt.SynonymReplacement(1.0, lexicon={"dog": ["hound"], "NASA": ["ESA"]})
    assert t(["Dog DOG dog, NASA nasa dogs"]) == ["Hound HOUND hound, ESA nasa dogs"]
    table = _tables.lexicon()
    assert len(table) > 300
    assert all(w not in others and others for w, others in table.items())


def test_a_span_follows_its_words_and_goes_with_them():
    text, spans = "Anna met Bob Miller in Paris", [(0, 4, "PER"), (9, 19, "PER"), (23, 28, "LOC")]
    for epoch in range(60):
        for t in (tt.RandomDeletion(0.5), tt.RandomSwap(1.0), tt.SpanMask(0.5, each="word")):
            made = t([text], spans=[spans], epoch=epoch)
            for start, end, label in made["spans"][0]:
                words = made["texts"][0][start:end].replace("[MASK]", "").split()
                allowed = {"LOC": {"Paris"}, "PER": {"Anna", "Bob", "Miller"}}[label]
                assert words and set(words) <= allowed
            left = sum(n in made["texts"][0] for n in ("Anna", "Bob", "Paris"))
            assert len(made["spans"][0]) >= left


def test_labels_of_tokens_follow():
    tokens, labels = [["I", "don't", "like", "big", "dogs"]], [["O", "V", "V", "A", "N"]]
    t = tt.Contractions(1.0, direction="expand")
    made = t(tokens, labels=labels)
    assert made["tokens"] == [["I", "do", "not", "like", "big", "dogs"]]
    assert made["labels"] == [["O", "V", "V", "V", "A", "N"]]
    made = tt.RandomInsertion(1.0)(tokens, labels=labels)
    assert len(made["tokens"][0]) == len(made["labels"][0]) > 5
    assert made["labels"][0].count(None) == len(made["labels"][0]) - 5
    assert tt.RandomDeletion(1.0)(tokens) in [[[w]] for w in tokens[0]]


def test_rates_are_shares_of_words_and_characters():
    texts = ["word " * 50] * 200
    gone = 1 - sum(len(t.split()) for t in tt.RandomDeletion(0.1)(texts)) / 10_000
    masked = sum(t.count("[UNK]") for t in tt.WordDropout(0.1)(texts)) / 10_000
    new = sum(len(t.split()) for t in tt.RandomInsertion(0.1, lexicon={"word": ["x"]})(texts))
    only = tt.KeyboardNoise(0.1, weights=(1, 0, 0, 0))(["word " * 50] * 200)
    typed = np.mean([a != b for t in only for a, b in zip(t, "word " * 50, strict=True)]) / 0.8
    assert (gone, masked, new / 10_000 - 1, typed) == pytest.approx((0.1,) * 4, abs=0.012)


def test_keys_are_beside_each_other():
    keys = _tables.keys("qwerty")
    assert set("qwrazs".replace("r", "")) - {"a"} <= set(keys["a"]) | {"a", "q", "w"}
    assert "p" not in keys["a"] and "s" in keys["a"] and "g" in keys["h"]
    assert all(c in keys[d] for c in keys for d in keys[c] if d.isalpha())


def test_containers_come_back():
    texts = ["a big dog", "an old man"]
    want = tt.SynonymReplacement(1.0)(texts)
    s = pd.Series(texts, index=[5, 7], name="t")
    out = tt.SynonymReplacement(1.0)(s)
    pd.testing.assert_series_equal(out, pd.Series(want, index=[5, 7], name="t"))
    assert tt.SynonymReplacement(1.0)(pl.Series("t", texts)).to_list() == want
    assert tt.SynonymReplacement(1.0)(tuple(texts)) == tuple(want)
    assert tt.SynonymReplacement(1.0)(np.array(texts, object)).tolist() == want
    assert tt.SynonymReplacement(1.0)([]) == []


@pytest.mark.parametrize(
    ("call", "error", "says"),
    [
        (lambda: tt.RandomSwap(1.5), ParameterError, "rate must be at least 0 and at most 1"),
        (lambda: tt.RandomSwap((0.5, 0.1)), ParameterError, "lower end"),
        (lambda: tt.SynonymReplacement(lexicon={"a": "b"}), ParameterError, "lexicon"),
        (lambda: tt.KeyboardNoise(layout="dvorak"), ParameterError, "layout"),
        (lambda: tt.KeyboardNoise(weights=(0, 0, 0, 0)), ParameterError, "weights"),
        (lambda: tt.WordDropout(mask=""), ParameterError, "mask"),
        (lambda: tt.RandomSwap()("one text"), ParameterError, "list of texts"),
        (lambda: tt.RandomSwap()(["a", None]), DataError, "text 1"),
        (lambda: tt.RandomSwap()([["a"], "b"]), DataError, "text 0"),
        (lambda: tt.RandomSwap()(["abc"], spans=[[(1, 9, "x")]]), DataError, "text 0"),
        (lambda: tt.RandomSwap()(["abc"], spans=[]), ShapeError, "1 texts"),
        (lambda: tt.RandomSwap()([["a"]], labels=[["x", "y"]]), ShapeError, "tokens 0"),
        (lambda: tt.RandomSwap()(["a"], masks=[1]), ParameterError, "masks"),
        (lambda: Compose([tt.RandomSwap(), Jitter()])(["a"]), ParameterError, "one kind of data"),
    ],
)
def test_what_is_wrong_is_named(call, error, says):
    with pytest.raises(error, match=says):
        call()


def test_a_preview_is_drawn():
    fig = Compose([tt.SynonymReplacement(0.5), tt.KeyboardNoise(0.1)]).preview([TEXT, "two"], n=2)
    assert len(fig.axes) == 6
    assert fig.axes[0].texts[0].get_text() == TEXT
