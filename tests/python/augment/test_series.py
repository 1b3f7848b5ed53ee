"""Series: what each operation does, masks that follow, gaps, threads, hostile input."""

import json
import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tamis.augment.series as ts
from tamis.augment import Compose, OneOf, from_dict
from tamis.exceptions import DataError, ParameterError, ShapeError

EVERY = [
    ts.Jitter(0.1), ts.Scale((0.5, 2.0)), ts.Scale(per_channel=True), ts.MagnitudeWarp(),
    ts.TimeWarp(), ts.WindowSlice((0.5, 0.9)), ts.Permute(4), ts.Permute((2, 6), random_cuts=True),
    ts.Dropout(0.2, length=3), ts.Dropout(0.2, fill=None), ts.Dropout(0.2, fill="last"),
]  # fmt: skip


@pytest.fixture
def waves():
    rng = np.random.default_rng(0)
    return np.sin(np.arange(80)[:, None] / [3, 5]) + rng.normal(size=(12, 1, 2))


@pytest.mark.parametrize("t", EVERY, ids=repr)
def test_every_operation_is_the_same_whatever_the_batch(t, waves):
    before = waves.copy()
    made = t(waves)
    np.testing.assert_array_equal(waves, before)
    assert made.shape == waves.shape and made.dtype == np.float64
    assert not np.array_equal(made, waves, equal_nan=True)
    for n_jobs in (1, 2, 3):
        assert t(waves, n_jobs=n_jobs).tobytes() == made.tobytes()
    parts = np.concatenate([t(waves[:5]), t(waves[5:], first=5)])
    assert parts.tobytes() == made.tobytes()
    assert t(waves, epoch=1).tobytes() != made.tobytes()
    again = from_dict(json.loads(json.dumps(t.to_dict())))
    assert again == t and pickle.loads(pickle.dumps(again))(waves).tobytes() == made.tobytes()
    waves.flags.writeable = False
    narrow = t(waves.astype(np.float32)[:, ::2])
    assert narrow.dtype == np.float32 and narrow.shape == (12, 40, 2)
    one = t([w[:, 0] for w in waves[:3]] + [np.arange(7)])
    assert [o.shape for o in one] == [(80,), (80,), (80,), (7,)]
    out = np.empty_like(made)
    assert t(waves, out=out) is out and out.tobytes() == made.tobytes()


@given(st.integers(1, 30), st.integers(0, 9999))
def test_masks_follow_time(n, epoch):
    t = Compose([OneOf([ts.TimeWarp(1.0), ts.WindowSlice((0.1, 1.0)), ts.Permute((1, 9))])])
    steps = np.arange(n, dtype=float)[None]
    made = t(steps, masks=np.arange(n)[None], epoch=epoch)
    assert np.abs(made["series"] - made["masks"]).max() <= 0.5
    assert made["series"].min() >= 0 and made["series"].max() <= n - 1


def test_noise_and_factors_have_their_size(waves):
    x = np.tile(waves, (1, 50, 1)) * [1.0, 100.0]
    noise = ts.Jitter(0.1)(x) - x
    np.testing.assert_allclose(noise.std(axis=1), 0.1 * x.std(axis=1), rtol=0.1)
    assert ts.Jitter(0.5)(np.full((1, 9), 3.0)).tolist() == [[3.0] * 9]
    absolute = ts.Jitter(0.1, relative=False)(x) - x
    np.testing.assert_allclose(absolute.std(axis=1), 0.1, rtol=0.1)
    factor = ts.Scale((0.5, 2.0))(x) / x
    np.testing.assert_allclose(factor, factor[:, :1, :1].repeat(2, 2).repeat(4000, 1))
    assert 0.5 <= factor.min() < factor.max() <= 2
    curve = ts.MagnitudeWarp(0.2)(np.ones((400, 50)))
    assert curve.mean() == pytest.approx(1, abs=0.01)
    assert np.abs(np.diff(curve, n=2, axis=1)).max() < 0.05
    assert ts.WindowSlice(1.0)(x).tobytes() == ts.TimeWarp(0.0)(x).tobytes() == x.tobytes()


def test_permuted_segments_hold_every_step(waves):
    made = ts.Permute((2, 9), random_cuts=True)(waves)
    np.testing.assert_array_equal(np.sort(made, axis=1), np.sort(waves, axis=1))


def test_gaps_stay_gaps(waves):
    waves[:, 10] = np.nan
    made = ts.Scale(2.0)(ts.WindowSlice(1.0)(waves))
    assert np.isnan(made).sum() == np.isnan(waves).sum()
    gone = np.isnan(ts.Dropout(0.25, length=5, fill=None)(np.ones((50, 80))))
    assert 0.15 < gone.mean() <= 0.25


@pytest.mark.parametrize(
    ("call", "error", "says"),
    [
        (lambda: ts.Jitter(-1), ParameterError, "std"),
        (lambda: ts.WindowSlice(0), ParameterError, "fraction"),
        (lambda: ts.Permute(2.5), ParameterError, "segments"),
        (lambda: ts.Dropout(fill="no"), ParameterError, "fill"),
        (lambda: ts.Dropout(fill=float("nan")), ParameterError, "fill"),
        (lambda: ts.TimeWarp(knots=-1), ParameterError, "knots"),
        (lambda: ts.Jitter()(None), ParameterError, "batch"),
        (lambda: ts.Jitter()(np.zeros((2, 3, 4, 5))), ShapeError, "series 0"),
        (lambda: ts.Jitter()([np.zeros(3), np.array(["a"])]), DataError, "series 1"),
        (lambda: ts.Jitter()(np.zeros((2, 3)), masks=np.zeros((2, 4))), ShapeError, "series 0"),
        (lambda: ts.Jitter()(np.zeros((2, 3)), masks=[0]), ShapeError, "masks of 1"),
        (lambda: ts.Jitter()(np.zeros((2, 3)), spans=[0, 1]), ParameterError, "spans"),
        (lambda: ts.Jitter()(np.zeros((2, 3)), out=np.zeros((2, 4))), ShapeError, "out"),
    ],
)
def test_what_is_wrong_is_named(call, error, says):
    with pytest.raises(error, match=says):
        call()


def test_empty_series_and_batches_come_back():
    assert ts.TimeWarp()([]) == []
    assert ts.TimeWarp()(np.zeros((0, 5))).shape == (0, 5)
    assert ts.TimeWarp()([np.zeros(0)])[0].shape == (0,)
    for t in EVERY:
        assert t(np.ones((1, 1))).shape == (1, 1)


def test_a_preview_is_drawn(waves):
    assert len(Compose([ts.TimeWarp()]).preview(waves[:2], n=2).axes) == 6
