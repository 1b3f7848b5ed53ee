"""Log-mel spectrograms and cepstra beside a slow reference and librosa, and SpecAugment."""

import json
import pickle

import numpy as np
import pytest

import tamis.augment.audio as ta
from tamis.augment import Compose, from_dict
from tamis.exceptions import DataError, ParameterError, ShapeError

RATE = 8000


@pytest.fixture(scope="module")
def clips():
    rng = np.random.default_rng(0)
    t = np.arange(3000) / RATE
    tone = np.sin(2 * np.pi * (300 + 400 * t) * t)
    return (0.3 * tone + rng.normal(scale=0.02, size=(3, 2, 3000))).astype(np.float32)


def slow_mel(x, n_fft, hop, win, n_mels, fmin, fmax, center, htk, norm):
    """Return the power in mel bands, term by term."""
    x = np.pad(x.astype(float), n_fft // 2 * center)
    window = np.zeros(n_fft)
    start = (n_fft - win) // 2
    window[start : start + win] = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(win) / win)
    angle = -2j * np.pi * np.outer(np.arange(n_fft // 2 + 1), np.arange(n_fft)) / n_fft
    starts = range(0, len(x) - n_fft + 1, hop)
    frames = np.stack([x[s : s + n_fft] * window for s in starts], axis=1)
    power = np.abs(np.exp(angle) @ frames) ** 2
    grid = np.linspace(0, RATE, 200_001)
    if htk:
        scale = 2595 * np.log10(1 + grid / 700)
    else:
        above = 15 + np.log(np.maximum(grid, 1000) / 1000) * 27 / np.log(6.4)
        scale = np.where(grid < 1000, grid * 3 / 200, above)
    low, high = np.interp([fmin, fmax], grid, scale)
    edges = np.interp(np.linspace(low, high, n_mels + 2), scale, grid)
    f = np.arange(n_fft // 2 + 1) * RATE / n_fft
    bank = []
    for a, b, c in zip(edges, edges[1:], edges[2:], strict=False):
        triangle = np.clip(np.minimum((f - a) / (b - a), (c - f) / (c - b)), 0, None)
        bank.append(triangle * (2 / (c - a) if norm else 1))
    return np.array(bank) @ power


def slow_db(power, top_db=80):
    db = 10 * np.log10(np.maximum(power, 1e-10))
    return np.maximum(db, db.max() - top_db)


SETTINGS = [
    {"n_fft": 256, "hop_length": 80, "win_length": 200, "n_mels": 20},
    {"n_fft": 255, "hop_length": 64, "n_mels": 13, "center": False, "htk": True, "norm": None},
    {"n_fft": 512, "hop_length": 128, "n_mels": 40, "fmin": 100, "fmax": 3500},
]


@pytest.mark.parametrize("given", SETTINGS)
def test_log_mel_and_mfcc_are_those_of_a_slow_transform(clips, given):
    full = {"fmin": 0, "fmax": RATE / 2, "center": True, "htk": False, "norm": "slaney", **given}
    made = ta.log_mel_spectrogram(clips, RATE, **given)
    n = full["n_mels"]
    k = np.arange(n)
    dct = np.cos(np.pi * np.outer(k, k + 0.5) / n) * np.sqrt(2 / n)
    dct[0] /= np.sqrt(2)
    lift = 1 + 11 * np.sin(np.pi * (k[:12] + 1) / 22)
    cepstra = ta.mfcc(clips, RATE, n_mfcc=12, lifter=22, **given)
    for i in range(2):
        want = slow_db(
            np.stack([
                slow_mel(
                    x, full["n_fft"], full["hop_length"], full.get("win_length", full["n_fft"]), n,
                    full["fmin"], full["fmax"], full["center"], full["htk"], full["norm"],
                )
                for x in clips[i]
            ])
        )  # fmt: skip
        np.testing.assert_allclose(made[i], want, atol=2e-3)
        want = np.einsum("kn,cnt->ckt", dct[:12], want) * lift[:, None]
        np.testing.assert_allclose(cepstra[i], want, atol=5e-2, rtol=1e-4)


def test_log_mel_and_mfcc_are_those_of_librosa(clips):
    librosa = pytest.importorskip("librosa")
    for given in SETTINGS[::2]:
        want = librosa.feature.melspectrogram(y=clips[0], sr=RATE, **given)
        want = librosa.power_to_db(want)
        made = ta.log_mel_spectrogram(clips[:1], RATE, **given)[0]
        np.testing.assert_allclose(made, want, rtol=1e-4, atol=1e-3)
        want = librosa.feature.mfcc(y=clips[0], sr=RATE, n_mfcc=12, lifter=22, **given)
        made = ta.mfcc(clips[:1], RATE, n_mfcc=12, lifter=22, **given)[0]
        np.testing.assert_allclose(made, want, rtol=1e-4, atol=5e-3)


def test_containers_types_and_threads_of_features(clips):
    made = ta.log_mel_spectrogram(clips, RATE, n_jobs=1)
    assert made.dtype == np.float32 and made.shape == (3, 2, 128, 6)
    for n_jobs in (2, 3):
        assert np.array_equal(ta.log_mel_spectrogram(clips, RATE, n_jobs=n_jobs), made)
    mixed = (clips[0], clips[1, 0, :700], (clips[2] * 32768).astype(np.int16))
    parts = ta.log_mel_spectrogram(mixed, RATE)
    assert isinstance(parts, tuple) and np.array_equal(parts[0], made[0])
    assert parts[1].shape == (128, 2) and abs(parts[2] - made[2]).max() < 3
    assert ta.log_mel_spectrogram([np.zeros(0, np.float32)], RATE)[0].shape == (128, 1)
    assert ta.mfcc(np.zeros((2, 10), np.float32), RATE, center=False).shape == (2, 20, 0)
    assert ta.mfcc(np.zeros((0, 2, 10), np.float32), RATE).shape == (0, 2, 20, 0)
    loud = ta.log_mel_spectrogram(clips, RATE, ref="max", top_db=None)
    assert all(abs(x.max()) < 1e-4 for x in loud)


@pytest.mark.parametrize(
    ("given", "match"),
    [
        ({"n_fft": 1}, "n_fft"), ({"hop_length": 0}, "hop_length"), ({"n_mels": 0}, "n_mels"),
        ({"win_length": 4096}, "win_length"), ({"fmin": 5000}, "fmin"), ({"norm": 2}, "norm"),
        ({"ref": 0}, "ref"), ({"amin": 0}, "amin"), ({"top_db": -1}, "top_db"), ({"htk": 1}, "htk"),
    ],
)  # fmt: skip
def test_wrong_settings_are_named(given, match, clips):
    with pytest.raises(ParameterError, match=match):
        ta.log_mel_spectrogram(clips, RATE, **given)


def test_wrong_clips_are_named(clips):
    bad = clips.copy()
    bad[1, 0, 5] = np.nan
    with pytest.raises(DataError, match="clip 1"):
        ta.log_mel_spectrogram(bad, RATE)
    with pytest.raises(ParameterError, match="n_mfcc"):
        ta.mfcc(clips, RATE, n_mels=10, n_mfcc=11)
    with pytest.raises(ParameterError, match="sample rate"):
        ta.mfcc(clips, 0)


@pytest.fixture(scope="module")
def spectra():
    return np.random.default_rng(1).normal(size=(6, 30, 90)).astype(np.float32)


MASK = ta.SpecAugment(20, freq_width=9, time_width=30, time_share=0.25, fill=-7.0)


def test_spec_augment_is_the_same_whatever_the_batch(spectra):
    before = spectra.copy()
    spectra.flags.writeable = False
    t = Compose([MASK], seed=3)
    made = t(spectra)
    assert np.array_equal(spectra, before) and made.dtype == np.float32
    for n_jobs in (1, 2, 3):
        assert np.array_equal(t(spectra, n_jobs=n_jobs), made)
    parts = [*t(spectra[:2]), *t(list(spectra[2:]), first=2)]
    assert np.array_equal(parts, made)
    again = from_dict(json.loads(json.dumps(t.to_dict())))
    assert again == t and np.array_equal(pickle.loads(pickle.dumps(again))(spectra), made)
    out = np.empty_like(made)
    assert t(spectra, out=out) is out and np.array_equal(out, made)
    wide = t(np.repeat(spectra[:, None], 2, axis=1).astype(np.float64), labels=list("abcdef"))
    assert wide["labels"] == list("abcdef")
    np.testing.assert_allclose(wide["spectrograms"][:, 1], made, atol=1e-6)


def test_masks_are_those_of_the_replay(spectra):
    t = ta.SpecAugment(freq_width=9, time_width=30, time_share=0.25, fill=-7.0)
    made = t(spectra)
    for i, x in enumerate(made):
        want = spectra[i].copy()
        (record,) = t.replay(i)
        for mask in record["freq_masks"]:
            start = int(mask["at"] * (30 - mask["width"] + 1))
            want[start : start + mask["width"]] = -7
        masked = want == -7
        assert np.array_equal(x[masked], want[masked])
        columns = (x == -7).all(axis=0)
        assert columns.sum() <= 2 * int(0.25 * 90)
        assert np.array_equal(x[:, ~columns], want[:, ~columns])
    mean = ta.SpecAugment(freq_masks=1, time_masks=0)(spectra)
    rows = [[r for r in range(30) if np.ptp(x[r]) == 0] for x in mean]
    assert all(abs(mean[i, r] - spectra[i].mean()).max() < 1e-6 for i, r in enumerate(rows))


def test_a_warp_moves_time_and_keeps_its_ends():
    ramp = np.tile(np.arange(100.0), (2, 3, 1))
    made = ta.SpecAugment(30, freq_masks=0, time_masks=0)(ramp)
    assert np.array_equal(made[..., 0], ramp[..., 0]) and np.allclose(made[..., -1], 99)
    assert (np.diff(made) > 0).all() and 1 < abs(made - ramp).max() <= 30
    assert np.array_equal(made[:, 0], made[:, 1])


def test_spectrograms_that_cannot_be_taken_are_named(spectra):
    for shape in [(2, 0, 5), (2, 5, 0), (2, 1, 1), (0, 4, 4)]:
        assert MASK(np.zeros(shape, np.float32)).shape == shape
    assert MASK([]) == []
    bad = spectra.copy()
    bad[4, 0, 0] = np.inf
    with pytest.raises(DataError, match="spectrogram 4"):
        MASK(bad)
    with pytest.raises(DataError, match="int64"):
        MASK(np.zeros((1, 2, 2), int))
    with pytest.raises(ShapeError, match="spectrogram 0"):
        MASK(np.zeros((2, 2), np.float32))
    with pytest.raises(ParameterError, match="one kind of data"):
        Compose([MASK, ta.Gain(3)])(spectra)
    with pytest.raises(ParameterError, match="time_share"):
        ta.SpecAugment(time_share=1.5)
    with pytest.raises(ParameterError, match="fill"):
        ta.SpecAugment(fill="median")


def test_preview_draws(spectra):
    pytest.importorskip("matplotlib")
    assert len(MASK.preview(list(spectra[:2]), n=1).axes) == 4
