"""Copies of spoken prompts: one voice, so that what is no copy sounds much like one.

Needs the Debian packages asterisk-core-sounds-en-wav, lame and sox. The threshold of
AudioDeduplicator was chosen on the French prompts of the same series; these are the English ones.
"""

import shutil
import subprocess
import tempfile
import wave
from itertools import combinations
from pathlib import Path

import numpy as np

from . import Row

RATE = 8000
SOUNDS = Path("/usr/share/asterisk/sounds/en_US_f_Allison")
NEEDED = "asterisk-core-sounds-en-wav lame sox"


def read(path):
    with wave.open(str(path)) as file:
        return np.frombuffer(file.readframes(file.getnframes()), "<i2")


def noisy(rng, x, decibel, pink):
    z = np.fft.rfft(rng.normal(size=len(x)))
    if pink:
        z[1:] /= np.sqrt(np.arange(1, len(z)))
    z = np.fft.irfft(z, len(x))
    x = x.astype(float)
    return x + z * np.sqrt((x**2).mean() / (z**2).mean() / 10 ** (decibel / 10))


def copies(rng, path, folder):
    """Return (bytes of a file or samples, samples) of the copies of a clip."""
    x = read(path)
    plain = [x * 0.25] + [noisy(rng, x, s, pink) for s in (20, 10) for pink in (False, True)]
    made = [np.rint(c.clip(-32768, 32767)).astype(np.int16) for c in plain]
    out = [((c, RATE), c) for c in made]
    tasks = [["speed", s, "rate", "8k"] for s in ("0.98", "1.02")]
    tasks += [["tempo", "-s", s] for s in ("0.98", "1.02")]
    for effect in tasks:
        subprocess.run(["sox", "-V1", path, f"{folder}/a.wav", *effect], check=True)
        changed = read(f"{folder}/a.wav")
        out.append(((changed, RATE), changed))
    for rate in ("64", "32"):
        mp3, decoded = f"{folder}/a.mp3", f"{folder}/b.wav"
        subprocess.run(["lame", "--quiet", "-b", rate, "-m", "m", path, mp3], check=True)
        subprocess.run(["lame", "--quiet", "--decode", mp3, decoded], check=True)
        out.append((Path(mp3).read_bytes(), read(decoded)))
    return out


def same_recording(x, y):
    """Whether two prompts are one recording: their samples correlate."""
    if not 0.9 < len(x) / len(y) < 1.1:
        return False
    n = 1 << (len(x) + len(y)).bit_length()
    cross = np.fft.irfft(np.fft.rfft(x, n) * np.fft.rfft(y, n).conj(), n)
    norm = np.linalg.norm(x.astype(float)) * np.linalg.norm(y.astype(float))
    return np.abs(cross).max() > 0.9 * norm


def prompts(rng, n):
    """Return clips of 1 to 5 seconds, their copies, and which recording each is."""
    if not SOUNDS.is_dir() or not all(map(shutil.which, ("lame", "sox"))):
        raise SystemExit(f"the benchmark of audio needs: apt-get install {NEEDED}")
    paths = [p for p in sorted(SOUNDS.rglob("*.wav")) if RATE <= len(read(p)) <= 5 * RATE]
    paths = [p for p in paths if p.parent.name != "silence"]
    paths = [paths[i] for i in rng.permutation(len(paths))[:n]]
    source = list(range(n))
    for i, j in combinations(range(n), 2):
        if same_recording(read(paths[i]), read(paths[j])):
            source[j] = min(source[i], source[j])
    clips = [((read(p), RATE), read(p)) for p in paths]
    recording = list(source)
    with tempfile.TemporaryDirectory() as folder:
        for i, path in enumerate(paths):
            made = copies(rng, path, folder)
            clips += made
            recording += [source[i]] * len(made)
    return {
        "files": [c[0] for c in clips],
        "samples": [c[1] for c in clips],
        "recording": np.array(recording),
        "n": n,
    }


def tamis(threads):
    from tamis.dedup import AudioDeduplicator

    def call(data):
        pairs = AudioDeduplicator(n_jobs=threads).fit(data["files"]).duplicates_.pairs
        return pairs["left"].to_numpy(), pairs["right"].to_numpy()

    return call


def pyacoustid(threads):
    import acoustid

    def alike(one, other):
        try:
            return acoustid.compare_fingerprints(one, other) > 0.5
        except ZeroDivisionError:  # less than about 3 seconds: it has no fingerprint
            return False

    def call(data):
        prints = [acoustid.fingerprint(RATE, 1, iter([x.tobytes()])) for x in data["samples"]]
        prints = [(len(x) / RATE, p) for x, p in zip(data["samples"], prints, strict=True)]
        pairs = list(combinations(range(len(prints)), 2))
        found = [(i, j) for i, j in pairs if alike(prints[i], prints[j])]
        found = np.array(found, dtype=np.int64).reshape(-1, 2)
        return found[:, 0], found[:, 1]

    return call


def recall(data, pairs):
    """Return the share of the copies that are paired with their original."""
    n = data["n"]
    found = set(zip(*(side.tolist() for side in pairs), strict=True))
    per = (len(data["files"]) - n) // n
    return np.mean([((k - n) // per, k) in found for k in range(n, len(data["files"]))])


def precision(data, pairs):
    """Return the share of the pairs that are of one recording."""
    left, right = pairs
    return (data["recording"][left] == data["recording"][right]).mean() if len(left) else 1.0


ROWS = [
    Row("30 prompts and 330 copies", lambda rng: prompts(rng, 30),
        {"tamis": tamis, "pyacoustid": pyacoustid}, recall, "recall"),
    Row("30 prompts and 330 copies, precision", lambda rng: prompts(rng, 30),
        {"tamis": tamis, "pyacoustid": pyacoustid}, precision, "precision"),
    Row("250 prompts and 2,750 copies", lambda rng: prompts(rng, 250), {"tamis": tamis}, recall,
        "recall"),
    Row("250 prompts and 2,750 copies, precision", lambda rng: prompts(rng, 250), {"tamis": tamis},
        precision, "precision"),
]  # fmt: skip
