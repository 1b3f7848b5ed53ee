"""Sound, 200 clips of 5 s at 16 kHz: spectra for models, beside librosa."""

import numpy as np

from . import Row

RATE = 16_000


def clips(rng):
    tones = np.sin(np.arange(5 * RATE) * rng.uniform(0.02, 1, (200, 1))) * 0.3
    return (tones + rng.normal(scale=0.05, size=tones.shape)).astype(np.float32)


def ours(name):
    def prepare(threads):
        import tamis.augment.audio as ta

        f = getattr(ta, name)
        return lambda x: f(x, RATE, n_jobs=threads)

    return prepare


def librosa(make):
    def prepare(threads):
        from concurrent.futures import ThreadPoolExecutor

        import librosa

        f = make(librosa)
        if threads == 1:
            return lambda x: np.stack([f(i) for i in x])

        def pooled(x):
            with ThreadPoolExecutor(threads) as pool:
                return np.stack(list(pool.map(f, x)))

        return pooled

    return prepare


def log_mel(librosa):
    return lambda x: librosa.power_to_db(librosa.feature.melspectrogram(y=x, sr=RATE))


def mfcc(librosa):
    return lambda x: librosa.feature.mfcc(y=x, sr=RATE)


def mean(_, made):
    return float(np.mean(made, dtype=np.float64))


def row(task, name, peer):
    peers = {"tamis": ours(name), "librosa": librosa(peer)}
    return Row(f"{task}, 200 clips of 5 s", clips, peers, mean, "mean")


ROWS = [
    row("log-mel spectrogram", "log_mel_spectrogram", log_mel),
    row("MFCC", "mfcc", mfcc),
]
