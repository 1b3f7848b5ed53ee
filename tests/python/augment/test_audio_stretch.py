"""Time stretch and pitch shift: pitch, clicks, what is heard beside a tone, channels, any input."""

import json
import pickle
from itertools import pairwise

import numpy as np
import pytest

from tamis.augment import Compose, from_dict
from tamis.augment.audio import Gain, PitchShift, TimeStretch
from tamis.exceptions import DataError, ParameterError

RATE = 16_000
RATES = (0.5, 0.83, 1.27, 2.0)
SEMITONES = (-12.0, -5.0, 3.3, 12.0)


def tone(hertz, n=RATE, phase=0.0):
    return 0.5 * np.sin(2 * np.pi * hertz * np.arange(n) / RATE + phase)


def fitted(y, hertz):
    """Return the frequency of the tone in y near `hertz`, and the decibels of what is not tone."""
    y = y[len(y) // 8 : -len(y) // 8]
    t = np.arange(len(y)) / RATE
    for _ in range(4):
        wave = 2 * np.pi * hertz * t
        # The third and fourth columns are the slope over the frequency.
        a = np.column_stack([np.cos(wave), np.sin(wave), t * np.sin(wave), t * np.cos(wave)])
        (c, s, u, v), *_ = np.linalg.lstsq(a, y, rcond=None)
        rest = y - a[:, :2] @ np.linalg.lstsq(a[:, :2], y, rcond=None)[0]
        hertz += (s * v - c * u) / (c * c + s * s) / (2 * np.pi)
    return hertz, 10 * np.log10(np.mean(rest**2) / np.mean(y**2))


def made(t, x):
    return t(np.asarray(x, np.float32)[None], sample_rate=RATE)[0].astype(float)


@pytest.mark.parametrize("hertz", [110.0, 440.3, 3001.0, 6100.0])
def test_a_tone_keeps_its_pitch_or_moves_by_the_semitones(hertz):
    every = [(TimeStretch(r), hertz) for r in RATES]
    every += [(PitchShift(s), hertz * 2 ** (s / 12)) for s in SEMITONES]
    for t, want in every:
        if want > 7400:
            assert np.abs(made(t, tone(hertz))[2000:-2000]).max() < 1e-3
            continue
        got, beside = fitted(made(t, tone(hertz)), want)
        assert abs(1200 * np.log2(got / want)) < 0.05, t
        assert beside < -72, (t, beside)


def vocoder(x, rate, size=1024):
    """Return a clip that sets in with its first sample and then no more, stretched step by step."""
    n, half, hop = len(x), size // 2, size // 4
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(size) / size)
    padded = np.concatenate([np.zeros(4 * size), x, np.zeros(4 * size)])
    end, after = n / rate, half

    def spectrum(at):
        start = at - half + 4 * size
        return np.fft.rfft(padded[start : start + size] * window)

    out, last = np.zeros(round(end) + 4 * size), np.zeros(half + 1, complex)
    for heard in range(-hop, round(end) + half, hop):
        if heard <= after:
            at = heard
        elif heard < end:
            at = after + (heard - after) * (n - after) / (end - after)
        else:
            at = n + heard - end
        now, before = spectrum(round(at)), spectrum(round(at) - hop)
        power = np.abs(np.concatenate([[0, 0], now, [0, 0]])) ** 2
        peaks = [
            k for k in range(half + 1)
            if power[k + 2] > max(power[k : k + 2]) and power[k + 2] >= max(power[k + 3 : k + 5])
        ]  # fmt: skip
        limits = [(a + b + 1) // 2 for a, b in pairwise(peaks)]
        for peak, first, stop in zip(peaks, [0, *limits], [*limits, half + 1], strict=True):
            turn = last[peak] * np.conj(before[peak])
            new = heard == 0 and abs(now[peak]) ** 2 > 4 * abs(before[peak]) ** 2
            turn = 1 if new or abs(turn) < 1e-18 else turn / abs(turn)
            now[first:stop] *= turn
        last = now
        out[heard + size : heard + 2 * size] += np.fft.irfft(now) * window / 1.5
    return out[size + half :][: round(end)]


@pytest.mark.parametrize("rate", [0.7, 1.4])
def test_it_is_the_phase_vocoder(rate):
    t = np.arange(6000) / RATE
    x = sum(
        0.2 * np.cos(2 * np.pi * (f * t + slope * t * t)) for f, slope in [(300, 900), (1100, -500)]
    )
    np.testing.assert_allclose(made(TimeStretch(rate), x), vocoder(x, rate), atol=1e-5)


@pytest.mark.parametrize("under", [0.0, 0.1])
def test_clicks_stay_sharp_and_in_their_places(under):
    at = np.arange(2003, 15_000, 1523)
    x = under * tone(300.0)
    x[at] += 1
    for t, rate in [(TimeStretch(r), r) for r in RATES] + [(PitchShift(s), 1) for s in SEMITONES]:
        y = np.abs(made(t, x) if not under else np.diff(made(t, x), 2, prepend=[0, 0]))
        for place in at / rate:
            start, end = int(place - 600 / rate), int(place + 600 / rate)
            found = start + np.argmax(y[max(start, 0) : end]) - (under > 0)
            assert abs(found - place) <= 0.0003 * RATE, (t, place)


def test_time_runs_evenly_where_nothing_sets_in():
    rising = 0.5 * np.sin(2 * np.pi * np.cumsum(np.linspace(300, 3000, 2 * RATE)) / RATE)
    for rate in (0.6, 1.5):
        y = made(TimeStretch(rate), rising)
        n = len(y)
        assert n == round(2 * RATE / rate)
        for share in (0.2, 0.5, 0.8):
            i = int(share * n)
            part = y[i - 256 : i + 256] * np.hanning(512)
            peak = np.argmax(np.abs(np.fft.rfft(part, 1 << 15))) * RATE / (1 << 15)
            assert abs(peak - (300 + 2700 * share)) < 25


@pytest.mark.parametrize("t", [TimeStretch(0.8), TimeStretch(1.7), PitchShift(4), PitchShift(-3)])
def test_channels_stay_in_step(t):
    rng = np.random.default_rng(0)
    x = np.float32(tone(500) + rng.normal(scale=0.05, size=RATE))
    twice = t(np.stack([x, x])[None], sample_rate=RATE)[0]
    np.testing.assert_array_equal(twice[0], twice[1])
    alone = t(x[None], sample_rate=RATE)[0]
    np.testing.assert_allclose(twice[0], alone, atol=2e-5)
    # The angle between two channels of a tone is kept.
    hertz = 500 * 2 ** (t.semitones / 12) if isinstance(t, PitchShift) else 500
    y = t(np.float32([[tone(500), 0.3 * tone(500, phase=1.0)]]), sample_rate=RATE)[0, :, 3000:9000]
    left, right = y @ np.exp(-2j * np.pi * hertz * np.arange(6000) / RATE)
    assert abs(np.angle(right / left) - 1.0) < 2e-3
    assert abs(abs(right / left) - 0.3) < 1e-3


def test_lengths_silence_and_short_clips():
    rng = np.random.default_rng(1)
    for n in (0, 1, 3, 400, 2047):
        x = np.float32(rng.uniform(-1, 1, (1, 2, n)))
        for rate in (0.1, 0.5, 1.0, 2.0, 10.0):
            want = max(round(n / rate + 1e-9), 1) if n else 0
            for hertz in (None, 1000):
                y = TimeStretch(rate)(x, sample_rate=hertz)
                assert y.shape == (1, 2, want) and (np.abs(y) < 4).all()
                assert not TimeStretch(rate)(np.zeros_like(x), sample_rate=hertz).any()
        for semitones in (-36, 0, 5.5, 36):
            y = PitchShift(semitones)(x, sample_rate=RATE)
            assert y.shape == x.shape and (np.abs(y) < 4).all()
    made = TimeStretch(2)(np.ones((1, 40), np.float32), sample_rate=192_000)
    assert made.shape == (1, 20)
    x = np.float32(rng.uniform(-1, 1, (1, 900)))
    np.testing.assert_array_equal(TimeStretch(1)(x), x)
    np.testing.assert_array_equal(PitchShift(0)(x), x)


@pytest.mark.parametrize("t", [TimeStretch((0.8, 1.25)), PitchShift((-4, 4))], ids=repr)
def test_any_batch_any_thread_any_type(t):
    x = np.random.default_rng(2).normal(scale=0.1, size=(5, 2, 3000)).astype(np.float32)
    x.flags.writeable = False
    want = t(list(x), sample_rate=RATE)
    assert len({y.shape[-1] for y in want}) == (5 if isinstance(t, TimeStretch) else 1)

    def same(got, wanted=want):
        return all(np.array_equal(a, b) for a, b in zip(got, wanted, strict=True))

    for n_jobs in (1, 2, 3):
        assert same(t(list(x), sample_rate=RATE, n_jobs=n_jobs))
    assert same([y for i in range(5) for y in t(list(x[i : i + 1]), sample_rate=RATE, first=i)])
    again = from_dict(json.loads(json.dumps(t.to_dict())))
    assert again == t and same(pickle.loads(pickle.dumps(t))(list(x), sample_rate=RATE))
    assert same(t(list(np.repeat(x, 2, axis=-1)[..., ::2]), sample_rate=RATE))
    assert same(t(list(x.astype(float)), sample_rate=RATE))
    whole = t([np.int16(np.rint(x[0] * 32767))], sample_rate=RATE)[0]
    assert whole.dtype == np.int16 and whole.shape == want[0].shape


def test_groups_and_a_preview():
    x = np.float32([tone(400), tone(900)])
    t = Compose([TimeStretch((0.8, 1.25)), PitchShift((-4, 4), p=0.5), Gain(-3)], seed=1)
    made = t(list(x), labels=[0, 1], sample_rate=RATE)
    rates = [t.replay(i)[0]["rate"] for i in range(2)]
    assert [len(y) for y in made["clips"]] == [round(RATE / r) for r in rates]
    assert len(t.preview(list(x), n=2, sample_rate=RATE).axes) == 6
    fixed = Compose([TimeStretch(1.25)], seed=0)
    out = np.empty((2, 12_800), np.float32)
    assert fixed(x, out=out) is out and out.any()


@pytest.mark.parametrize(
    ("call", "error", "says"),
    [
        (lambda: TimeStretch(0), ParameterError, "rate"),
        (lambda: TimeStretch((0.5, 11)), ParameterError, "rate"),
        (lambda: PitchShift(37), ParameterError, "semitones"),
        (lambda: PitchShift("up"), ParameterError, "semitones"),
        (lambda: TimeStretch(2)([np.float32([0, np.nan])]), DataError, "clip 0.*not finite"),
    ],
)
def test_what_is_wrong_is_named(call, error, says):
    with pytest.raises(error, match=says):
        call()
