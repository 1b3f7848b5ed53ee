"""Clips in files of any format: copies of each other, whole and damaged; saved estimators."""

import io

import numpy as np
import pytest
import soundfile

import tamis
from tamis.dedup import AudioDeduplicator
from tamis.exceptions import DataError

RATE = 8000
FORMATS = {
    "wav": ("WAV", "PCM_16"),
    "flac": ("FLAC", "PCM_16"),
    "ogg": ("OGG", "VORBIS"),
    "mp3": ("MP3", "MPEG_LAYER_III"),
    "wav24": ("WAV", "PCM_24"),
    "wav float": ("WAV", "FLOAT"),
}


def tune(seed, seconds=2.0):
    """Return notes that change every sixth of a second."""
    rng = np.random.default_rng(seed)
    time = np.arange(int(seconds * RATE)) / RATE
    notes = rng.uniform(150, 3000, (int(seconds * 6) + 1, 4))[(time * 6).astype(int)]
    return (0.1 * np.sin(2 * np.pi * np.cumsum(notes, axis=0) / RATE).sum(axis=1)).astype("f4")


def found(clips):
    return AudioDeduplicator(sample_rate=RATE, n_jobs=1).fit(clips).duplicates_


def encoded(x, form, channels=1):
    file = io.BytesIO()
    kind, subtype = FORMATS[form]
    if channels == 2:
        x = np.stack([x, x], axis=1)
    soundfile.write(file, x, RATE, format=kind, subtype=subtype)
    return file.getvalue()


@pytest.fixture(scope="module")
def clips():
    return [tune(seed) for seed in range(5)]


@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("form", FORMATS)
def test_a_file_of_any_format_is_a_copy_of_its_clip(clips, form, channels):
    files = [encoded(x, "wav") for x in clips] + [encoded(x, form, channels) for x in clips]
    frame = found(files)
    n = len(clips)
    assert [c.tolist() for c in frame.clusters] == [[i, i + n] for i in range(n)]


@pytest.mark.parametrize("form", FORMATS)
def test_the_format_is_known_from_the_file_not_its_name(clips, form, tmp_path):
    paths = [tmp_path / "one.bin", tmp_path / "two.txt"]
    paths[0].write_bytes(encoded(clips[0], form))
    paths[1].write_bytes(encoded(clips[0], "wav"))
    assert [c.tolist() for c in found(paths).clusters] == [[0, 1]]


@pytest.mark.parametrize("form", FORMATS)
def test_damaged_files_of_any_format_do_no_harm(clips, form):
    whole = encoded(clips[0], form)
    rng = np.random.default_rng(0)
    for turn in range(12):
        data = bytearray(whole)
        if turn % 3 == 0:
            data = data[: int(rng.integers(1, len(data)))]
        else:
            for place in rng.integers(0, len(data) if turn % 3 == 1 else 200, 8):
                data[place] = int(rng.integers(256))
        try:
            found([encoded(clips[1], "wav"), bytes(data)])
        except DataError as error:
            assert "1" in str(error)


def test_a_fitted_estimator_is_saved_and_loaded(clips, tmp_path):
    files = [encoded(x, "wav") for x in [*clips, clips[2]]]
    fitted = AudioDeduplicator(sample_rate=RATE, n_jobs=1).fit(files)
    tamis.save(fitted, tmp_path / "audio.tamis")
    again = tamis.load(tmp_path / "audio.tamis")
    assert again.get_params() == fitted.get_params()
    np.testing.assert_array_equal(again.duplicates_.keep, fitted.duplicates_.keep)
    assert [c.tolist() for c in again.duplicates_.clusters] == [[2, 5]]
