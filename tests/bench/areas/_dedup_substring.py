"""Passages of 50 characters or more that stand in more than one place."""

import numpy as np

from . import Row

LENGTH = 50


def documents(rng):
    """Return 8 MB of documents, into which 1,500 passages out of 300 were pasted."""
    letters = np.array(list("etaoinshrdlucmfwypvbgk"))
    words = np.array(["".join(rng.choice(letters, rng.integers(2, 9))) for _ in range(20_000)])
    often = 1 / np.arange(1, len(words) + 1)
    often /= often.sum()

    def text(n):
        return " ".join(words[rng.choice(len(words), n, p=often)])

    docs = [text(rng.integers(50, 600)) for _ in range(3_800)]
    passages = [text(rng.integers(12, 80)) for _ in range(300)]
    for _ in range(1_500):
        k = rng.integers(len(docs))
        cut = rng.integers(len(docs[k]))
        docs[k] = f"{docs[k][:cut]} {passages[rng.integers(300)]} {docs[k][cut:]}"
    return docs


def tamis(threads):
    from tamis.dedup import SubstringDeduplicator

    step = SubstringDeduplicator(LENGTH, n_jobs=threads)

    def call(docs):
        found = step.fit(docs).duplicates_.spans
        return found["document"].to_numpy(), found["start"].to_numpy(), found["end"].to_numpy()

    return call


def pydivsufsort(threads):
    from pydivsufsort import divsufsort, kasai

    def call(docs):
        raw = "\0".join(docs).encode()  # the documents are ASCII
        suffixes = divsufsort(raw)
        shared = np.flatnonzero(kasai(raw, suffixes) >= LENGTH)
        starts = np.unique(np.concatenate([suffixes[shared], suffixes[shared + 1]])).astype(int)
        edges = np.flatnonzero(np.frombuffer(raw + b"\0", np.uint8) == 0)
        place = np.searchsorted(edges, starts)
        starts = starts[edges[place] - starts >= LENGTH]  # none runs over an edge
        place = np.searchsorted(edges, starts)
        starts -= np.where(place > 0, edges[place - 1] + 1, 0)
        return place, starts, starts + LENGTH

    return call


def covered(docs, found):
    """Return how many characters the spans cover."""
    ends = np.cumsum([len(d) for d in docs])
    at = ends[found[0]] - np.array([len(d) for d in docs])[found[0]]
    change = np.zeros(ends[-1] + 1, dtype=int)
    np.add.at(change, at + found[1], 1)
    np.add.at(change, at + found[2], -1)
    return float(np.count_nonzero(np.cumsum(change)))


ROWS = [
    Row(
        "passages of 50 characters, 8 MB of text",
        documents,
        {"tamis": tamis, "pydivsufsort": pydivsufsort},
        covered,
        "characters covered",
    )
]
