"""Sound, 200 clips of 5 s at 16 kHz: operations one by one."""

import numpy as np

from . import Row

RATE = 16_000


def clips(rng):
    tones = np.sin(np.arange(5 * RATE) * rng.uniform(0.02, 1, (200, 1))) * 0.3
    return (tones + rng.normal(scale=0.05, size=tones.shape)).astype(np.float32)


def one(name, *args, **options):
    def prepare(threads):
        import tamis.augment.audio as ta

        t = getattr(ta, name)(*args, **options)
        return lambda x: t(x, sample_rate=RATE, n_jobs=threads)

    return prepare


def reused(threads):
    import tamis.augment.audio as ta

    # Written to before, as a buffer is that is used again and again.
    t, out = ta.AddNoise(10), np.full((200, 5 * RATE), 1, np.float32)
    return lambda x: t(x, n_jobs=threads, out=out)


def audiomentations(make):
    def prepare(threads):
        from concurrent.futures import ThreadPoolExecutor

        import audiomentations as A

        t = make(A)
        if threads == 1:
            return lambda x: np.stack([t(i, RATE) for i in x])

        def pooled(x):
            with ThreadPoolExecutor(threads) as pool:
                return np.stack(list(pool.map(lambda i: t(i, RATE), x)))

        return pooled

    return prepare


def off(x, made):
    """Return how far the ratio of the worst clip is from 10 dB."""
    noise = ((made.astype(float) - x) ** 2).mean(axis=1)
    return float(np.abs(10 * np.log10((x.astype(float) ** 2).mean(axis=1) / noise) - 10).max())


def level(_, made):
    return float(np.sqrt((np.asarray(made, float) ** 2).mean()))


def row(task, ours, peer, quality=level, measure="rms"):
    peers = {"tamis": ours, "audiomentations": audiomentations(peer)}
    return Row(f"{task}, 200 clips of 5 s", clips, peers, quality, measure)


def noise(A):
    return A.AddGaussianSNR(10, 10, p=1)


ROWS = [
    row("white noise at 10 dB", one("AddNoise", 10), noise, off, "dB off"),
    row("white noise at 10 dB, into out=", reused, noise, off, "dB off"),
    row("gain of 6 dB", one("Gain", 6.0), lambda A: A.Gain(6, 6, p=1)),
    row("low pass at 2 kHz, 12 dB an octave", one("LowPass", 2000.0, order=2),
        lambda A: A.LowPassFilter(2000, 2000, min_rolloff=12, max_rolloff=12, p=1)),
    row("resampled to 22,050 Hz", one("Resample", 22_050), lambda A: A.Resample(22050, 22050, p=1)),
]  # fmt: skip
