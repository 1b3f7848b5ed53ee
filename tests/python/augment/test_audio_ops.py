"""Sound, operation by operation: against scipy.signal, NumPy and what they promise."""

import numpy as np
import pytest
import scipy.signal as ss
from hypothesis import given
from hypothesis import strategies as st

import tamis.augment.audio as ta
from tamis.augment import Compose, SomeOf
from tamis.exceptions import DataError, ParameterError

RATE = 8000


def tone(hertz, seconds=0.5, rate=RATE, dtype=np.float32):
    return np.sin(2 * np.pi * hertz * np.arange(int(seconds * rate)) / rate).astype(dtype)


def decibel(a, b):
    return 10 * np.log10(np.square(a, dtype=float).sum() / np.square(b, dtype=float).sum())


@given(
    st.integers(1, 3),
    st.integers(1, 400),
    st.floats(-20, 60),
    st.sampled_from(["white", "pink", "clips"]),
    st.integers(-25, 6),
    st.integers(0, 99),
)
def test_the_ratio_is_exact(channels, n, snr, kind, size, epoch):
    rng = np.random.default_rng(epoch)
    x = (rng.normal(size=(2, channels, n)) * 10.0**size).astype(np.float32)
    rest = {"clips": [rng.normal(size=9), rng.normal(size=(2, 500))]} if kind == "clips" else {}
    color = "pink" if kind == "pink" else "white"
    made = ta.AddNoise(snr, color, **rest)(x, epoch=epoch).astype(float)
    for a, b in zip(made, x, strict=True):
        assert decibel(b, a - b) == pytest.approx(snr, abs=1e-3)


def test_noise_has_its_colour_and_channels_their_own():
    x = np.repeat(tone(440, 16)[None], 2, axis=0)[None]
    for color, slope in [("white", 0.0), ("pink", -10.0)]:
        noise = (ta.AddNoise(0, color)(x) - x)[0]
        assert abs(np.corrcoef(np.diff(noise))[0, 1]) < 0.03
        f, power = ss.welch(noise[0], RATE, nperseg=4096)
        inside = (f > 20) & (f < 3900)
        fit = np.polyfit(np.log10(f[inside]), 10 * np.log10(power[inside]), 1)
        assert fit[0] == pytest.approx(slope, abs=0.4)


def test_recordings_are_cut_and_looped():
    long, short = np.arange(1.0, 1001), np.array([1, 2, 3], np.int16)
    x = np.ones((40, 1, 50), np.float32)
    starts = set()
    for made in ta.AddNoise(0, clips=[long])(x):
        noise = made[0] - 1
        step = np.diff(noise)
        np.testing.assert_allclose(step, step[0], rtol=1e-3)
        starts.add(round(noise[0] / step[0]))
    assert min(starts) >= 1 and max(starts) <= 951 and len(starts) > 30
    noise = ta.AddNoise(0, clips=[short])(x)[0, 0] - 1
    np.testing.assert_allclose(noise[3:], noise[:-3], atol=1e-6)
    # A silent place is not taken: there would be no noise.
    rare = np.zeros(5000)
    rare[-3:] = 1
    assert (ta.AddNoise(3, clips=[rare])(x) != x).any(axis=(1, 2)).all()
    both = ta.AddNoise(0, clips=[np.stack([np.ones(9), np.arange(1.0, 10)])])
    noise = both(np.ones((1, 2, 9), np.float32))[0] - 1
    assert np.ptp(noise[0]) < 1e-6 < np.ptp(noise[1])
    record = both.replay(0)[0]
    assert record["recording"] == 0 and 0 <= record["start"] < 1
    assert "recording" not in ta.AddNoise().replay(0)[0]


@pytest.mark.parametrize("zero_phase", [False, True])
@pytest.mark.parametrize("order", [1, 2, 5])
def test_filters_are_scipys(order, zero_phase):
    x = np.random.default_rng(order).normal(size=(2, 2, 700)) + 1
    for op, kind in [(ta.LowPass, "lowpass"), (ta.HighPass, "highpass")]:
        made = op(600, order=order, zero_phase=zero_phase)(x, sample_rate=RATE)
        sos = ss.butter(order, 600, kind, fs=RATE, output="sos")
        want = (ss.sosfiltfilt if zero_phase else ss.sosfilt)(sos, x)
        np.testing.assert_allclose(made, want, atol=2e-6)
    for n in (1, 2, 9):  # shorter than what scipy wants
        assert np.isfinite(ta.LowPass(600, zero_phase=True)(x[..., :n], sample_rate=RATE)).all()


def test_a_low_cutoff_of_a_high_rate_is_stable():
    x = np.random.default_rng(0).normal(size=(1, 40000))
    made = ta.HighPass(5, order=8)(x, sample_rate=192_000)
    want = ss.sosfilt(ss.butter(8, 5, "high", fs=192_000, output="sos"), x)
    np.testing.assert_allclose(made, want, atol=1e-4)


def test_levels():
    x = np.random.default_rng(0).normal(size=(3, 2, 4000)) * 0.01
    x[1] *= 50
    peak = np.abs(ta.Normalize(-6)(x)).max(axis=(1, 2))
    np.testing.assert_allclose(20 * np.log10(peak), -6, atol=1e-5)
    rms = np.sqrt((ta.Normalize(-20, by="rms")(x) ** 2).mean(axis=(1, 2)))
    np.testing.assert_allclose(20 * np.log10(rms), -20, atol=1e-5)
    # -3.01 LUFS for a sine of 997 Hz at full scale; silence around it is gated.
    wave = np.pad(tone(997, 20), 20000)[None]
    made = ta.Normalize(-13.01, by="loudness")(wave, sample_rate=RATE)
    assert np.abs(made).max() == pytest.approx(10**-0.5, rel=0.01)
    quiet = ta.Normalize(-20, by="loudness")(wave * 1e-5, sample_rate=RATE)
    np.testing.assert_array_equal(quiet, wave * np.float32(1e-5))
    tiny = np.float32([[1e-42, 0]])
    assert ta.Normalize()(tiny)[0, 0] == pytest.approx(1)


def test_clipping():
    x = np.random.default_rng(0).normal(size=(1, 2001))
    np.testing.assert_allclose(ta.Clip(0.5, unit="full")(x), x.clip(-0.5, 0.5), atol=1e-6)
    top = np.abs(x).max()
    np.testing.assert_allclose(ta.Clip(0.5)(x), x.clip(-top / 2, top / 2), atol=1e-6)
    t = np.percentile(np.abs(x), 80, method="lower")
    np.testing.assert_allclose(ta.Clip(80, unit="percentile")(x), x.clip(-t, t), atol=1e-6)
    soft = ta.Clip(0.5, unit="full", soft=True)(x)
    np.testing.assert_allclose(soft, 0.5 * np.tanh(x / 0.5), atol=1e-6)
    nearly = np.eye(1, 9)
    np.testing.assert_array_equal(ta.Clip(50, unit="percentile")(nearly), nearly)


def test_shifts():
    x = np.arange(1.0, 11)[None]
    np.testing.assert_array_equal(ta.TimeShift(0.3)(x), np.roll(x, 3))
    np.testing.assert_array_equal(ta.TimeShift(-0.3)(x), np.roll(x, -3))
    later = ta.TimeShift(0.002, unit="seconds", mode="fill")(x, sample_rate=1000)
    assert later.tolist() == [[0, 0, 1, 2, 3, 4, 5, 6, 7, 8]]
    gone = ta.TimeShift(-5, unit="seconds", mode="fill")(x, sample_rate=1000)
    assert not gone.any()


def test_codes():
    x = np.random.default_rng(0).normal(size=(1, 5000)) * 0.4
    steps = 2.0**7 - 1
    size = np.abs(x.clip(-1, 1))
    linear = np.rint(size * steps) / steps * np.sign(x)
    np.testing.assert_allclose(ta.CodecNoise(8, codec="linear")(x), linear, atol=1e-6)
    code = np.rint(np.log1p(255 * size) / np.log(256) * steps) / steps
    want = np.expm1(code * np.log(256)) / 255 * np.sign(x)
    np.testing.assert_allclose(ta.CodecNoise(8)(x), want, atol=1e-6)
    waves = np.stack([tone(500), tone(3500)]) * 0.5
    narrow = ta.CodecNoise(16, codec="linear", rate=4000)(waves, sample_rate=RATE)[:, 200:-200]
    assert decibel(narrow[0] - waves[0, 200:-200], waves[0]) < -40
    assert np.abs(narrow[1]).max() < 1e-3
    as_is = ta.CodecNoise(8, rate=16000)(waves, sample_rate=RATE)
    np.testing.assert_array_equal(as_is, ta.CodecNoise(8)(waves))


def test_given_rooms_are_convolutions():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(2, 2, 9000))
    for n in (1, 30, 5000):
        h = rng.normal(size=n)
        options = {"responses": [h], "keep_level": False}
        want = ss.fftconvolve(x, h[None, None], axes=-1)
        near = {"atol": 1e-5 * np.abs(want).max()}
        np.testing.assert_allclose(ta.Reverb(**options)(x), want[..., :9000], **near)
        made = ta.Reverb(**options, tail=True)(x)
        np.testing.assert_allclose(made, want, **near)
    pair = rng.normal(size=(2, 20))
    made = ta.Reverb(responses=[pair], keep_level=False)(x)
    want = ss.fftconvolve(x, pair[None], axes=-1)[..., :9000]
    np.testing.assert_allclose(made, want, atol=1e-4)
    kept = ta.Reverb(responses=[pair])(x)
    assert decibel(kept, x) == pytest.approx(0, abs=1e-4)
    assert ta.Reverb(responses=[pair, h]).replay(3)[0]["response"] in (0, 1)


def test_made_up_rooms_fall_by_60_decibels():
    click = np.zeros((1, 8000))
    click[0, 0] = 1
    made = ta.Reverb(0.5, 3, keep_level=False)(click, sample_rate=RATE)[0]
    assert made[0] == pytest.approx(1, abs=1e-5)
    assert decibel(made[:1], made[1:]) == pytest.approx(3, abs=0.01)
    # Schroeder's integral falls by 30 dB in half the time.
    left = np.cumsum(made[:0:-1] ** 2)[::-1]
    assert 10 * np.log10(left[0] / left[2000]) == pytest.approx(30, abs=1.5)
    longer = ta.Reverb(0.5, tail=True)(click, sample_rate=RATE)
    assert longer.shape == (1, 8000 + 4000)


def test_speed_and_resample():
    x = tone(500, 1)[None]
    for factor in (0.5, 0.83, 1.37, 2):
        made = ta.Speed(factor)(x)
        assert made.shape[1] == np.ceil(8000 / factor)
        want = np.sin(2 * np.pi * 500 * factor * np.arange(made.shape[1]) / RATE)
        assert np.abs(made[0] - want)[200:-200].max() < 2e-3
    np.testing.assert_array_equal(ta.Speed(1)(x), x)
    made = ta.Resample(11025)(x, sample_rate=RATE)
    want = tone(500, 1, 11025)
    assert made.shape == (1, 11025) and np.abs(made - want)[0, 200:-200].max() < 2e-3
    # What follows counts by the new rate.
    both = Compose([ta.Resample(4000), ta.TimeShift(0.5, unit="seconds")])
    shifted = both(x, sample_rate=RATE)
    np.testing.assert_array_equal(shifted, np.roll(ta.Resample(4000)(x, sample_rate=RATE), 2000))
    some = Compose([SomeOf([ta.Speed(2), ta.Speed(0.5)], 1)], seed=2)
    mixed = some(np.repeat(x, 6, axis=0))
    assert {m.shape for m in mixed} == {(4000,), (16000,)}


@pytest.mark.parametrize(
    ("call", "error", "says"),
    [
        (lambda x: ta.AddNoise("loud"), ParameterError, "snr"),
        (lambda x: ta.AddNoise(color="brown"), ParameterError, "color"),
        (lambda x: ta.AddNoise(clips=[]), ParameterError, "clips"),
        (lambda x: ta.AddNoise(clips=[x[0], np.zeros(4)]), DataError, "clips: clip 1"),
        (lambda x: ta.AddNoise(clips=[x[0], np.zeros(0)]), DataError, "clips: clip 1"),
        (lambda x: ta.AddNoise(clips=[np.arange(4)]), DataError, "clips: clip 0 is of int64"),
        (lambda x: ta.Reverb(responses=[[np.nan]]), DataError, "responses: clip 0"),
        (lambda x: ta.Reverb(0), ParameterError, "rt60"),
        (lambda x: ta.Clip(2), ParameterError, "threshold"),
        (lambda x: ta.TimeShift(2), ParameterError, "shift"),
        (lambda x: ta.CodecNoise(1), ParameterError, "bits"),
        (lambda x: ta.CodecNoise(rate=2.5), ParameterError, "rate"),
        (lambda x: ta.LowPass(order=0), ParameterError, "order"),
        (lambda x: ta.LowPass(0), ParameterError, "cutoff"),
        (lambda x: ta.Speed(0), ParameterError, "factor"),
        (lambda x: ta.Resample(10), ParameterError, "rate"),
        (lambda x: ta.LowPass()(x, first=7), ParameterError, "clip 7: LowPass needs the sample"),
        (ta.Reverb(), ParameterError, "clip 0: Reverb needs the sample rate"),
        (ta.Reverb(tail=True), ParameterError, "clip 0: Reverb needs"),
        (ta.Resample(8000), ParameterError, "clip 0: Resample needs"),
        (ta.CodecNoise(rate=4000), ParameterError, "clip 0: CodecNoise needs"),
        (ta.TimeShift(1, unit="seconds"), ParameterError, "clip 0: TimeShift needs"),
        (ta.Normalize(by="loudness"), ParameterError, "clip 0: Normalize needs"),
        (lambda x: ta.LowPass(4000)(x, sample_rate=[9000, 8000]), ParameterError, "clip 1: a cut"),
    ],
)
def test_what_is_wrong_is_named(call, error, says):
    with pytest.raises(error, match=says):
        call(np.ones((2, 400), np.float32))
