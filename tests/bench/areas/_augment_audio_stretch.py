"""Clips made longer or shorter, higher or lower, beside audiomentations."""

import numpy as np

from . import Row

RATE = 16_000
#: Every so many clips one is a pure tone, by which the quality is judged.
EVERY = 10


def clips(rng):
    """Return 200 clips of 5 s: chords whose notes set in and die away, with noise, and tones."""
    t = np.arange(5 * RATE) / RATE
    made = rng.normal(scale=0.005, size=(200, len(t))).astype(np.float32)
    for i, clip in enumerate(made):
        if i % EVERY == 0:
            clip[:] = 0.4 * np.sin(2 * np.pi * pitch(i) * t)
            continue
        for start in rng.integers(0, len(t) - RATE, 8):
            for hertz in rng.uniform(100, 3000, 4):
                t1 = t[: len(t) - start]
                clip[start:] += 0.08 * np.exp(-4 * t1) * np.sin(2 * np.pi * hertz * t1)
    return made


def pitch(i):
    return 200.0 + 9.0 * i


def ours(name, value):
    def prepare(threads):
        from tamis.augment import audio as ta

        t = getattr(ta, name)(value)
        return lambda x: t(x, sample_rate=RATE, n_jobs=threads)

    return prepare


def audiomentations(name, method, **options):
    def prepare(threads):
        from concurrent.futures import ThreadPoolExecutor

        import audiomentations as am

        t = getattr(am, name)(method=method, p=1.0, **options)

        def call(x):
            if threads == 1:
                return [t(clip, RATE) for clip in x]
            with ThreadPoolExecutor(threads) as pool:
                return list(pool.map(lambda clip: t(clip, RATE), x))

        return call

    return prepare


def beside(factor):
    """Return decibels of what is not the tone, whose frequency is fitted: the worst of all."""

    def quality(_, made):
        worst = -np.inf
        for i in range(0, len(made), EVERY):
            y = np.asarray(made[i], float)
            y = y[len(y) // 8 : -len(y) // 8]
            t, hertz = np.arange(len(y)) / RATE, pitch(i) * factor
            # From a short part, whose phase cannot turn round, to the whole.
            for n in (len(y) // 16, len(y) // 4, len(y), len(y)):
                wave = 2 * np.pi * hertz * t[:n]
                c, s = np.cos(wave), np.sin(wave)
                a = np.column_stack([c, s, t[:n] * s, t[:n] * c])
                (c, s, u, v), *_ = np.linalg.lstsq(a, y[:n], rcond=None)
                rest = y[:n] - a @ [c, s, u, v]
                hertz += (s * v - c * u) / (c * c + s * s) / (2 * np.pi)
            worst = max(worst, 10 * np.log10(np.mean(rest**2) / np.mean(y**2)))
        return float(worst)

    return quality


def peers(name, value, **options):
    return {
        "tamis": ours(name, value),
        "audiomentations": audiomentations(name, "signalsmith_stretch", **options),
        "audiomentations (vocoder)": audiomentations(name, "librosa_phase_vocoder", **options),
    }


ROWS = [
    Row(
        "200 clips of 5 s, time stretch", clips,
        peers("TimeStretch", 0.8, min_rate=0.8, max_rate=0.8, leave_length_unchanged=False),
        beside(1.0), "dB beside a tone",
    ),
    Row(
        "200 clips of 5 s, pitch shift", clips,
        peers("PitchShift", 4, min_semitones=4, max_semitones=4),
        beside(2 ** (4 / 12)), "dB beside a tone",
    ),
]  # fmt: skip
