"""Vectors that are alike: 40k x 256, embeddings in clusters and spread evenly.

Every run's pairs are counted against the same search in blocks, in double precision.
"""

import numpy as np

from . import Row

N, WIDTH, THRESHOLD = 40_000, 256, 0.95


def with_copies(x, rng):
    """Return vectors of which a twentieth are others with some noise."""
    n = len(x) // 20
    copies, of = rng.choice(len(x), n, replace=False), rng.choice(len(x), n, replace=False)
    noise = x.std() * rng.uniform(0.05, 0.5, (n, 1)) * rng.standard_normal((n, WIDTH))
    x[copies] = x[of] + noise
    return np.ascontiguousarray(x, dtype=np.float32)


def spread(rng):
    """Return vectors in all directions alike: none of them tells more than another."""
    return with_copies(rng.standard_normal((N, WIDTH)), rng)


def clustered(rng):
    """Return vectors as models give them: 400 clusters of uneven size, a common mean."""
    scale = (1 + np.arange(WIDTH)) ** -0.5
    centres = rng.standard_normal((400, WIDTH)) * scale
    cluster = rng.choice(400, N, p=rng.dirichlet(np.ones(400)))
    x = centres[cluster] + 0.8 * rng.standard_normal((N, WIDTH)) * scale
    turn = np.linalg.qr(rng.standard_normal((WIDTH, WIDTH)))[0]
    return with_copies(x @ turn + turn[0] * np.sqrt((scale**2).sum()), rng)


def tamis(threads):
    from tamis.dedup import VectorDeduplicator

    step = VectorDeduplicator(THRESHOLD, n_jobs=threads)
    return lambda x: step.fit(x).duplicates_.n_pairs


def numpy(threads):
    def call(x, block=2048):
        unit = x / np.linalg.norm(x, axis=1, keepdims=True)
        found = 0
        for i in range(0, len(unit), block):
            row, column = np.nonzero(unit[i : i + block] @ unit[i:].T >= THRESHOLD)
            found += int((column > row).sum())
        return found

    return call


def counted(x, n_pairs):
    """Return the share of the true number of pairs."""
    wide = x.astype(np.float64)
    wide /= np.linalg.norm(wide, axis=1, keepdims=True)
    true = 0
    for i in range(0, len(wide), 1024):
        row, column = np.nonzero(wide[i : i + 1024] @ wide[i:].T >= THRESHOLD)
        true += int((column > row).sum())
    return n_pairs / true


PEERS = {"tamis": tamis, "numpy": numpy}
ROWS = [
    Row("vectors in clusters, 40k x 256, cosine .95", clustered, PEERS, counted, "share"),
    Row("vectors spread evenly, 40k x 256, cosine .95", spread, PEERS, counted, "share"),
]
