"""Copies of clips: synthetic speech, distorted; hostile input; the containers."""

import io
import pickle
import wave

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.base import clone

from tamis import _core
from tamis.dedup import AudioDeduplicator, duplicate_groups, find_leakage
from tamis.exceptions import DataError, DuplicatesWarning, ParameterError, StoppedError

RATE = 8000


def speech(seed, seconds=1.5, speed=1.0, pitch=1.0):
    """Return something like speech: a voice whose pitch and two formants glide."""
    rng = np.random.default_rng(seed)
    knots = np.arange(0, seconds + 0.5, 0.17)
    low, high = np.array([100, 300, 900, 0.1]), np.array([200, 800, 2400, 1.1])
    values = low + (high - low) * rng.random((len(knots), 4))
    time = np.arange(int(seconds / speed * RATE)) / RATE * speed
    f0, one, two, level = (np.interp(time, knots, v) for v in values.T)
    phase = np.cumsum(f0 * pitch) / RATE
    voice = np.zeros(len(time))
    for h in range(1, 20):
        f = f0 * h
        shape = 1 / (1 + ((f - one) / 90) ** 2) + 0.6 / (1 + ((f - two) / 90) ** 2)
        voice += shape * np.sin(2 * np.pi * h * phase)
    return (0.15 * level * np.abs(np.sin(np.pi * time / 0.17)) * voice).astype(np.float32)


def noisy(x, decibel, seed=0):
    z = np.random.default_rng(seed).normal(size=len(x))
    return (x + z * np.sqrt((x**2).mean() / (z**2).mean() / 10 ** (decibel / 10))).astype("f4")


def wav(x, rate=RATE, channels=1):
    file = io.BytesIO()
    with wave.open(file, "wb") as out:
        out.setnchannels(channels)
        out.setsampwidth(2)
        out.setframerate(rate)
        out.writeframes(np.rint(np.clip(x, -1, 1) * 32767).astype("<i2").tobytes())
    return file.getvalue()


def found(clips, **options):
    return AudioDeduplicator(sample_rate=RATE, n_jobs=1, **options).fit(clips).duplicates_


def pairs(clips, **options):
    frame = found(clips, **options).pairs
    return list(zip(frame["left"], frame["right"], strict=True))


COPIES = {
    "gain": lambda x: x * 0.02,
    "white noise at 20 dB": lambda x: noisy(x, 20),
    "white noise at 10 dB": lambda x: noisy(x, 10),
    "8 bits": lambda x: np.round(x * 127) / 127,
    "moved": lambda x: np.concatenate([np.zeros(1234, "f4"), x]),
    "upside down": lambda x: -x,
    "twice the rate": lambda x: (np.repeat(x, 2), 2 * RATE),
}


@pytest.mark.parametrize("kind", COPIES)
def test_copies_are_found_and_nothing_else(kind):
    clips = [speech(k, 1 + 0.2 * k) for k in range(8)]
    got = pairs([*clips, *(COPIES[kind](x) for x in clips)])
    assert got == [(k, k + 8) for k in range(8)]


@pytest.mark.parametrize(
    ("speed", "pitch", "evidence"),
    [
        (1.02, 1.02, "spectrum, speed 2% apart, pitch apart"),
        (0.98, 0.98, "spectrum, speed 2% apart, pitch apart"),
        (1.02, 1.0, "spectrum, speed 2% apart"),
        (0.98, 1.0, "spectrum, speed 2% apart"),
    ],
)
def test_copies_at_another_speed(speed, pitch, evidence):
    clips = [speech(k, 2) for k in range(5)]
    frame = found([*clips, *(speech(k, 2, speed, pitch) for k in range(5))]).pairs
    assert frame["left"].tolist() == [0, 1, 2, 3, 4]
    assert frame["right"].tolist() == [5, 6, 7, 8, 9]
    assert set(frame["evidence"]) == {evidence}
    assert frame["score"].between(0.96, 1).all()


def test_a_common_beginning_is_no_copy():
    start = speech(0, 0.8)
    clips = [np.concatenate([start, speech(k, 1.0)]) for k in (1, 2, 3)]
    assert pairs([start, *clips]) == []
    assert pairs([start, *clips], min_overlap=0.2, threshold=0.9) != []


def test_silence_tones_and_clicks_are_not_all_the_same():
    rng = np.random.default_rng(0)
    time = np.arange(RATE) / RATE
    faint = [rng.normal(size=RATE) * 2e-5 for _ in range(3)]
    tones = [np.sin(2 * np.pi * f * time) for f in (440, 445, 880)]
    clicks = [np.eye(1, RATE, k)[0] for k in (100, 5000)]
    hiss = [rng.normal(size=RATE) * 0.1 for _ in range(4)]
    silent = [np.zeros(RATE), np.zeros(RATE), np.zeros(0), np.full(RATE, 1e-5)]
    assert pairs([*faint, *tones, *clicks, *hiss, *silent]) == []
    assert pairs([tones[0], tones[0]]) == [(0, 1)]  # equal samples


def test_equal_files_are_one_group_whatever_their_form():
    x = np.rint(speech(1) * 32768).clip(-32768, 32767).astype(np.int16)
    raw = wav(x / 32767)
    samples = (_core.audio_decode(raw)[0] * 32768).astype(np.int16)
    stereo = np.stack([samples, samples])
    wide = samples.astype(np.int32) << 16
    result = found([raw, samples, stereo, wide, samples / 32768, samples.tobytes() and raw])
    assert result.labels.tolist() == [0] * 6
    assert set(result.pairs["evidence"]) == {"equal"}
    assert (result.pairs["score"] == 1).all()


def test_paths_columns_and_containers(tmp_path):
    clips = {"a": speech(1), "b": noisy(speech(1), 20), "c": speech(2)}
    paths = []
    for name, x in clips.items():
        paths.append(tmp_path / f"{name}.wav")
        paths[-1].write_bytes(wav(x))
    names = [str(p) for p in paths]
    for X in (paths, names, tuple(names), np.array(names), pd.Series(names), pl.Series(names)):
        assert AudioDeduplicator().fit(X).duplicates_.labels.tolist() == [0, 0, 1]
    for make in (pd.DataFrame, pl.DataFrame, pa.table):
        frame = make({"clip": names, "n": [1, 2, 3]})
        step = AudioDeduplicator(column="clip", keep="best", by="n")
        kept = step.fit_resample(frame)[0]
        assert type(kept) is type(frame)
        assert list(kept["n"]) == ([2, 3] if make is not pa.table else [pa.scalar(2), pa.scalar(3)])
    html = step.duplicates_._repr_html_()
    assert "<svg" in html
    assert "8000 Hz" in html
    assert "1.50 s" in html
    assert names[0] in html


def test_a_list_of_clips_comes_back_as_a_list():
    x = speech(1)
    clips = [x[:11000], (x, RATE), b"junk", wav(speech(2)) + b"\0\0"]
    with pytest.warns(DuplicatesWarning, match=r"1 clip cannot be read and is left .*X\[2\]"):
        step = AudioDeduplicator(sample_rate=RATE, errors="skip", keep="most_complete")
        kept, y = step.fit_resample(clips, [1, 2, 3, 4])
    assert step.unreadable_.tolist() == [2]
    assert kept[0] is clips[1]
    assert kept[1:] == clips[2:]
    assert y.tolist() == [2, 3, 4]


def test_the_longest_stays_then_the_one_of_the_highest_rate():
    x = speech(1)
    step = AudioDeduplicator(keep="most_complete")
    clips = [(x, 8000), (np.repeat(x, 2), 16000), (x, 8000), (x[: len(x) - 500], 8000)]
    assert step.fit(clips).duplicates_.keep.tolist() == [False, True, False, False]


def test_leakage_and_groups():
    train = [speech(k) for k in range(4)]
    test = [noisy(speech(2), 15), speech(9), speech(0), np.zeros(999, "f4")]
    leaks = find_leakage(train, test, "audio", sample_rate=RATE)
    assert leaks.left_rows.tolist() == [0, 2]
    assert leaks.right_rows.tolist() == [0, 2]
    assert leaks.pairs["right"].tolist() == [2, 0]
    assert "expected recall 0.99" in repr(leaks)
    groups = duplicate_groups([*train, *test], kind="audio", sample_rate=RATE)
    assert groups.tolist() == [0, 1, 2, 3, 2, 4, 0, 5]


@settings(max_examples=8)
@given(st.permutations(range(9)))
def test_the_order_of_the_clips_is_of_no_account(order):
    clips = [noisy(speech(k // 3), 20, seed=k) for k in range(9)]
    want = {
        (k // 3 * 3 + i, k // 3 * 3 + j) for k in (0, 3, 6) for i, j in ((0, 1), (0, 2), (1, 2))
    }
    frame = found([clips[k] for k in order]).pairs
    got = {
        tuple(sorted((order[i], order[j])))
        for i, j in zip(frame["left"], frame["right"], strict=True)
    }
    assert got == want


@pytest.mark.parametrize("n_jobs", [2, 3])
def test_the_same_on_any_number_of_threads(n_jobs):
    clips = [noisy(speech(k // 3), 15, seed=k) for k in range(30)]
    one = AudioDeduplicator(sample_rate=RATE, n_jobs=1).fit(clips).duplicates_
    more = AudioDeduplicator(sample_rate=RATE, n_jobs=n_jobs).fit(clips).duplicates_
    pd.testing.assert_frame_equal(one.pairs, more.pairs, check_exact=True)


def test_many_equal_and_many_alike_are_no_trouble():
    x = speech(1, 1.0)
    clips = [x] * 300 + [noisy(x, 30, seed=k) for k in range(60)]
    with pytest.warns(DuplicatesWarning, match="one cluster holds 360 of 360"):
        assert found(clips).n_duplicates == 359


# --- what cannot be used ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("clip", "words"),
    [
        (None, r"X\[1\] is missing"),
        (float("nan"), r"X\[1\] is missing"),
        (3, r"X\[1\] is a builtins.int"),
        ("no/such.wav", r"no/such.wav cannot be read: No such file"),
        ("nul\0", "cannot be read"),
        (b"", r"X\[1\]: the file is empty"),
        (b"RIFF....WAVE", r"X\[1\]: the file"),
        (b"text, and no sound" * 99, r"X\[1\]: the file"),
        (np.array([0.1, np.nan]), r"X\[1\]: sample 1 is NaN"),
        (np.array([0.1, np.inf]), r"X\[1\]: sample 1 is inf"),
        (np.array([0.1, 1e300]), r"X\[1\]: sample 1 is inf"),
        (np.zeros((9, 9, 9)), r"X\[1\]: samples of shape \(9, 9, 9\)"),
        (np.zeros((900, 2)), r"X\[1\]: samples of shape \(900, 2\): channels come first"),
        (np.zeros((0, 2)), r"X\[1\]: samples without a channel"),
        (np.zeros(9, complex), r"X\[1\]: samples of dtype complex128"),
        (np.array(["a"]), r"X\[1\]: samples of dtype <U1"),
        ((np.zeros(9), 10), r"X\[1\]: a sample rate is 1000 to 1000000 hertz; got 10"),
        ((np.zeros(9), 2**40), r"X\[1\] has the sample rate"),
        ((np.zeros(9), "8k"), r"X\[1\] has the sample rate '8k'"),
        ((np.zeros(9),), r"X\[1\] is a tuple of 1"),
        ((np.zeros(9), 8000, 1), r"X\[1\] is a tuple of 3"),
    ],
)
def test_clips_that_cannot_be_used_are_named(clip, words):
    with pytest.raises(DataError, match=words):
        found([speech(0, 0.5), clip])


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: found([], threshold=0), "threshold must be a number above 0"),
        (lambda: found([], threshold="high"), "threshold must be a number above 0"),
        (lambda: found([], min_overlap=1.1), "min_overlap must be"),
        (lambda: found([], errors="ignore"), "errors must be one of"),
        (lambda: AudioDeduplicator(sample_rate=10).fit([]), "sample_rate must be"),
        (lambda: AudioDeduplicator(sample_rate=True).fit([]), "sample_rate must be"),
        (lambda: found("a.wav"), "must be a list of clips"),
        (lambda: found(7), "must be a list of clips"),
        (lambda: found(np.zeros(9)), "put a single clip into a list"),
        (lambda: found([], column="c"), "is no frame"),
        (lambda: found(pd.DataFrame({"a": [], "b": []})), "name that of the clips"),
        (lambda: found(pd.DataFrame({"clip": []}), column="clips"), "did you mean 'clip'"),
        (lambda: found(pl.LazyFrame({"a": ["x"]})), "collect"),
        (lambda: find_leakage([], [], "audio", keep="last"), "takes no option 'keep'"),
    ],
)
def test_what_cannot_be_used(call, words):
    with pytest.raises(ParameterError, match=words):
        call()


def test_arrays_need_a_rate():
    with pytest.raises(DataError, match=r"X\[0\] has no sample rate"):
        AudioDeduplicator().fit([speech(0)])


@pytest.mark.parametrize("clips", [[], [speech(0)], [np.zeros(0)], [np.zeros(1)], [np.ones(1)] * 2])
def test_next_to_nothing(clips):
    assert found(clips).n_rows == len(clips)
    assert found(clips).n_duplicates == (len(clips) == 2)


def test_arrays_of_any_layout_and_type_are_left_as_they_are():
    x = speech(1)
    clips = [np.repeat(x, 2)[::2], x[::-1][::-1], x.astype(">f4"), x.astype("f8"), x.astype("f2")]
    clips += [(x * 32767).astype(">i2"), np.rint(x * 127 + 128).astype(np.uint8), np.stack([x, x])]
    for clip in clips:
        clip.setflags(write=False)
    assert found(clips).labels.tolist() == [0] * len(clips)


@pytest.mark.parametrize("rate", [1_000, 4_000, 11_025, 44_100, 48_000, 999_983, 1_000_000])
def test_odd_rates(rate):
    n = int(1.2 * rate)
    time = np.arange(n) / rate
    clips = [np.sin(2 * np.pi * (100 + 250 * time) * time * (1 + k)) for k in range(2)]
    assert AudioDeduplicator().fit([(c, rate) for c in clips]).duplicates_.n_duplicates == 0


def test_damaged_files_do_no_harm():
    rng = np.random.default_rng(0)
    good = np.frombuffer(wav(speech(1, 0.4)), np.uint8)
    clips = [good[: rng.integers(len(good))].tobytes() for _ in range(100)]
    for _ in range(200):
        bad = good.copy()
        places = rng.integers(0, rng.choice([60, len(bad)]), 4)
        bad[places] ^= rng.integers(1, 255, 4).astype(np.uint8)
        clips.append(bad.tobytes())
    with pytest.warns(DuplicatesWarning):
        AudioDeduplicator(errors="skip").fit(clips)


def test_pickle_and_clone():
    step = AudioDeduplicator(sample_rate=RATE, keep="last").fit([speech(1), speech(1)])
    again = pickle.loads(pickle.dumps(step))
    assert again.duplicates_.pairs.equals(step.duplicates_.pairs)
    assert clone(step).get_params() == step.get_params()


def test_it_stops():
    with _core.Scope() as scope:
        scope.stop()
        with pytest.raises(StoppedError):
            found([speech(1)] * 3)


def test_the_kernel_refuses_what_does_not_fit():
    none = np.zeros(0, np.float32), np.ones(1, np.int64), np.zeros(0, np.uint64)
    with pytest.raises(ValueError, match="too few"):
        _core.audio_pairs(*none, np.zeros(1, np.int64), np.zeros(1, np.uint64), None, 0.9, 0.8)
    with pytest.raises(TypeError):
        _core.audio_prints([3])
