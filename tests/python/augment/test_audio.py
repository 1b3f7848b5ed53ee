"""Sound: what each operation does, containers and types, threads, hostile input."""

import json
import pickle

import numpy as np
import pytest

import tamis.augment.audio as ta
from tamis.augment import Compose, OneOf, from_dict
from tamis.exceptions import DataError, ParameterError, ShapeError

RATE = 8000
HISS = [np.random.default_rng(1).normal(size=n).tolist() for n in (40, 4000)]
EVERY = [
    ta.Gain((-12, 6)), ta.Polarity(p=1.0), ta.Normalize((-6, -1)), ta.Normalize(-3, by="rms"),
    ta.Normalize(-20, by="loudness"), ta.Clip(), ta.Clip((60, 90), unit="percentile", soft=True),
    ta.TimeShift(), ta.TimeShift((-0.1, 0.1), unit="seconds", mode="fill"), ta.AddNoise(),
    ta.AddNoise(10, "pink"), ta.AddNoise(clips=HISS), ta.CodecNoise(), ta.CodecNoise(rate=4000),
    ta.LowPass((500, 2000)), ta.HighPass(order=3, zero_phase=True), ta.Reverb((0.05, 0.2)),
    ta.Reverb(responses=HISS[:1], tail=True), ta.Speed(1.1), ta.Resample(11025),
]  # fmt: skip
IDS = [f"{type(t).__name__}{i}" for i, t in enumerate(EVERY)]


@pytest.fixture
def clips():
    rng = np.random.default_rng(0)
    tone = np.sin(np.arange(1500) * 0.1) * 0.3
    return (tone + rng.normal(scale=0.05, size=(6, 2, 1500))).astype(np.float32)


@pytest.mark.parametrize("t", EVERY, ids=IDS)
def test_every_operation_is_the_same_whatever_the_batch(t, clips):
    before = clips.copy()
    clips.flags.writeable = False

    def run(x, **options):
        return t(x, sample_rate=RATE, **options)

    made = run(clips)
    np.testing.assert_array_equal(clips, before)
    assert made.dtype == np.float32 and made.shape[:2] == (6, 2)
    assert made.shape != clips.shape or not np.array_equal(made, clips)
    for n_jobs in (1, 2, 3):
        np.testing.assert_array_equal(run(clips, n_jobs=n_jobs), made)
    parts = [*run(clips[:2]), *run(list(clips[2:]), first=2)]
    assert all(np.array_equal(a, b) for a, b in zip(parts, made, strict=True))
    again = from_dict(json.loads(json.dumps(t.to_dict())))
    assert again == t
    assert np.array_equal(pickle.loads(pickle.dumps(again))(clips, sample_rate=RATE), made)
    out = np.empty_like(made)
    assert run(clips, out=out) is out and np.array_equal(out, made)
    assert [type(r["type"]) for r in t.replay(3)] == [str]
    spread = np.repeat(clips, 2, axis=-1)[..., ::2]
    np.testing.assert_array_equal(run(spread), made)
    wide = run(clips.astype(np.float64))
    assert wide.dtype == np.float64 and np.array_equal(wide, made)
    whole = (clips * 20000).astype(np.int16)
    scaled = run(whole.astype(np.float32) / 32768)
    want = np.clip(np.rint(scaled * 32768.0), -32768, 32767).astype(np.int16)
    np.testing.assert_array_equal(run(whole), want)


@pytest.mark.parametrize("t", EVERY, ids=IDS)
def test_silence_and_nothing_pass(t):
    for shape in [(2, 500), (2, 2, 500), (1, 1), (1, 2, 1), (3, 0), (2, 2, 0)]:
        made = t(np.zeros(shape, np.float32), sample_rate=RATE)
        assert made.shape[:-1] == shape[:-1] and not made.any()
        whole = t(np.zeros(shape, np.int16), sample_rate=RATE)
        assert whole.dtype == np.int16 and not whole.any()
    assert t([], sample_rate=RATE) == []
    assert t(np.zeros((0, 9), np.float32), sample_rate=RATE).shape == (0, 9)


def test_containers_labels_and_rates_come_back(clips):
    t = Compose([ta.Gain(6), ta.Polarity(p=1.0)], seed=4)
    mixed = (clips[0], clips[1, 0, :70], np.array([1, -2], np.int16))
    made = t(mixed, labels=["a", "b", "c"], sample_rate=[8000, 16000, 44100])
    assert isinstance(made["clips"], tuple) and made["labels"] == ["a", "b", "c"]
    assert made["sample_rate"] == [8000, 16000, 44100]
    assert [x.shape for x in made["clips"]] == [(2, 1500), (70,), (2,)]
    assert made["clips"][2].tolist() == [-2, 4]
    assert t(list(clips), sample_rate=np.float32(8000))[0].shape == (2, 1500)


def test_whole_numbers_are_rounded_and_saturated():
    whole = np.array([[-32768, -20000, -1, 0, 1, 20000, 32767]], np.int16)
    assert ta.Gain(20 * np.log10(2))(whole).tolist() == [[-32768, -32768, -2, 0, 2, 32767, 32767]]
    assert ta.Polarity(p=1.0)(whole).tolist() == [[32767, 20000, 1, 0, -1, -20000, -32767]]
    halves = ta.Gain(20 * np.log10(0.5))(np.array([[1, 3, 5, -1]], np.int16))
    assert halves.tolist() == [[0, 2, 2, 0]]
    wide = np.array([[1e-300, 1 / 3]])
    np.testing.assert_array_equal(ta.Gain(6, p=0.0)(wide), wide)


@pytest.mark.parametrize(
    ("call", "error", "says"),
    [
        (lambda x: ta.Gain("loud"), ParameterError, "gain"),
        (lambda x: ta.Gain((3, 1)), ParameterError, "lower end"),
        (lambda x: ta.Gain()(x[0, 0]), ShapeError, "one clip was given"),
        (lambda x: ta.Gain()([x[0], x[0].T]), ShapeError, "clip 1 has shape"),
        (lambda x: ta.Gain()([x[0], x[0].astype(int)]), DataError, "clip 1 is of int64"),
        (lambda x: ta.Gain()([x[0], np.array(["a"])]), DataError, "clip 1"),
        (lambda x: ta.Gain()(None), ParameterError, "batch"),
        (lambda x: ta.Gain()([x[0], x[1] * np.nan], first=5), DataError, "clip 6.*not finite"),
        (lambda x: ta.Gain()([x[0], x[1] / 0], first=5), DataError, "clip 6.*not finite"),
        (lambda x: ta.Gain()(x, labels=[1]), ShapeError, "labels of 1"),
        (lambda x: ta.Gain()(x, masks=[1]), ParameterError, "masks"),
        (lambda x: ta.Gain()([x[0], x[0].T], first=3), ShapeError, "clip 4 has shape"),
        (lambda x: ta.Gain()(x, sample_rate=True), ParameterError, "sample rate of clip 0"),
        (lambda x: ta.Gain()(x, sample_rate=10), ParameterError, "sample rate of clip 0"),
        (lambda x: ta.Gain()(x, sample_rate=[1000]), ShapeError, "sample_rate of 1"),
        (lambda x: ta.Gain()(x, out=x.copy()[:2]), ShapeError, "out must be"),
        (lambda x: ta.Gain()(x, out=x), ParameterError, "memory"),
        (lambda x: ta.Gain()([x[0], x[0, :, :9]], out=x), ShapeError, "same shape"),
    ],
)
@pytest.mark.filterwarnings("ignore:divide by zero", "ignore:invalid value")
def test_what_is_wrong_is_named(call, error, says, clips):
    with pytest.raises(error, match=says):
        call(clips)


def test_groups_epochs_and_a_preview(clips):
    t = Compose([OneOf([ta.Gain((-20, -1)), ta.Polarity(p=1.0)])], seed=3)
    assert not np.array_equal(t(clips), t(clips, epoch=1))
    drawn = t.replay(4, epoch=1)
    assert {"audio.Gain", "audio.Polarity"} >= {drawn[0]["type"]}
    assert len(t.preview(clips[:2], n=2, sample_rate=RATE).axes) == 6
