"""Near-duplicate texts: Zipf's law, 50 to 100 words, a tenth of them copies with a few edits.

Which texts are copies of which is known from the making of them, and how alike they are is counted
here over sets of three words, so that recall and precision are measured against neither program.
"""

from collections import defaultdict
from itertools import combinations

import numpy as np

from . import Row

THRESHOLD, SIZE = 0.8, 3
#: Of signatures of 128 values: 16 bands of 8 find .947 of the pairs at .8.
VALUES, BANDS, WIDTH = 128, 16, 8


def vocabulary(rng, n=20_000):
    letters = list("etaoinshrdlucmfwypvbgkjqxz")
    frequency = 1 / np.arange(1, 27) ** 0.7
    lengths = rng.integers(2, 11, 2 * n)
    drawn = rng.choice(letters, lengths.sum(), p=frequency / frequency.sum())
    words = ["".join(w) for w in np.split(drawn, np.cumsum(lengths)[:-1])]
    return list(dict.fromkeys(words))[:n]


def edited(words, rng, n_words):
    """Return words with up to three edits."""
    words = list(words)
    for _ in range(int(rng.integers(0, 4))):
        place, word = int(rng.integers(len(words))), int(rng.integers(n_words))
        kind = rng.integers(3)
        if kind == 0:
            words[place] = word
        elif kind == 1:
            words.insert(place, word)
        else:
            del words[place]
    return words


def texts(rng, n, boilerplate=0.0):
    """Return texts and the pairs of them that are at least .8 alike, as (left, right)."""
    known = vocabulary(rng)
    chance = 1 / (np.arange(len(known)) + 2.7) ** 1.05
    chance /= chance.sum()
    n_own = n - n // 10
    sizes = rng.integers(50, 101, n_own)
    drawn = rng.choice(len(known), sizes.sum(), p=chance)
    bodies = [words.tolist() for words in np.split(drawn, np.cumsum(sizes)[:-1])]
    if boilerplate:
        frames = rng.choice(len(known), (20, 100), p=chance).tolist()
        for i, words in enumerate(bodies):
            shared = int(boilerplate * len(words))
            frame = frames[int(rng.integers(20))][:shared]
            bodies[i] = frame[: shared // 2] + words[shared:] + frame[shared // 2 :]
    source = np.concatenate([np.arange(n_own), rng.integers(0, n_own, n // 10)])
    bodies += [edited(bodies[k], rng, len(known)) for k in source[n_own:]]
    order = rng.permutation(n)
    family = defaultdict(list)
    for row, k in enumerate(order.tolist()):
        family[int(source[k])].append((row, bodies[k]))
    pairs = {
        (i, j)
        for members in family.values()
        for (i, a), (j, b) in combinations(members, 2)
        if alike(shingles(a), shingles(b)) >= THRESHOLD
    }
    return [" ".join([known[w] for w in bodies[k]]) for k in order], pairs


def shingles(words):
    return {tuple(words[i : i + SIZE]) for i in range(len(words) - SIZE + 1)}


def alike(one, other):
    return len(one & other) / len(one | other)


def two_sets(rng):
    """Return 50k train and 10k test texts, and the pairs across."""
    made, pairs = texts(rng, 60_000)
    cut = 50_000
    return made[:cut], made[cut:], {(i, j - cut) for i, j in pairs if i < cut <= j}


def quality(data, found):
    """Return the lower of recall and precision."""
    right = len(found & data[-1])
    return min(right / len(data[-1]), right / max(1, len(found)))


def joined(lists):
    """Return the pairs of a list of matches for each text."""
    return {(i, j) for j, matches in enumerate(lists) for i in matches if i < j}


def tokens(made):
    """Return the shingles of each text as a peer takes them."""
    split = (text.split() for text in made)
    return [[" ".join(w[i : i + SIZE]) for i in range(len(w) - SIZE + 1)] for w in split]


def tamis(threads):
    from tamis.dedup import TextDeduplicator

    step = TextDeduplicator(THRESHOLD, shingle_size=SIZE, n_jobs=threads)

    def call(data):
        pairs = step.fit(data[0]).duplicates_.pairs
        return set(zip(pairs["left"].tolist(), pairs["right"].tolist(), strict=True))

    return call


def rensa(threads):
    from rensa import RMinHash, RMinHashLSH

    def call(data):
        signatures = RMinHash.from_token_sets(tokens(data[0]), VALUES, 42)
        index = RMinHashLSH(THRESHOLD, VALUES, BANDS)
        index.insert_many(signatures)
        return joined(index.query_all(signatures))

    return call


def gaoya_index():
    from gaoya.minhash import MinHashStringIndex

    return MinHashStringIndex(
        32, THRESHOLD, BANDS, WIDTH, ngram_range=(SIZE, SIZE), id_container="smallvec"
    )


def gaoya(threads):
    gaoya_index()

    def call(data):
        index = gaoya_index()
        index.par_bulk_insert_docs(list(range(len(data[0]))), data[0])
        return joined(index.par_bulk_query(data[0]))

    return call


def datasketch(threads):
    from datasketch import MinHash, MinHashLSH

    def call(data):
        encoded = ([token.encode() for token in row] for row in tokens(data[0]))
        signatures = MinHash.bulk(encoded, num_perm=VALUES)
        index = MinHashLSH(THRESHOLD, VALUES)
        with index.insertion_session() as session:
            for i, signature in enumerate(signatures):
                session.insert(i, signature)
        return joined(index.query(signature) for signature in signatures)

    return call


def tamis_leakage(threads):
    from tamis.dedup import find_leakage

    def call(data):
        pairs = find_leakage(data[0], data[1], kind="text", n_jobs=threads).pairs
        return set(zip(pairs["left"].tolist(), pairs["right"].tolist(), strict=True))

    return call


def gaoya_leakage(threads):
    gaoya_index()

    def call(data):
        index = gaoya_index()
        index.par_bulk_insert_docs(list(range(len(data[0]))), data[0])
        return {(i, j) for j, found in enumerate(index.par_bulk_query(data[1])) for i in found}

    return call


MEASURE = "lower of recall and precision"
ROWS = [
    Row(
        "near-duplicate texts, 100k",
        lambda rng: texts(rng, 100_000),
        {"tamis": tamis, "rensa": rensa, "gaoya": gaoya, "datasketch": datasketch},
        quality,
        MEASURE,
    ),
    Row(
        "near-duplicate texts, 1M",
        lambda rng: texts(rng, 10**6),
        {"tamis": tamis},
        quality,
        MEASURE,
    ),
    Row(
        "near-duplicate texts, 100k, 60 % boilerplate",
        lambda rng: texts(rng, 100_000, 0.6),
        {"tamis": tamis, "gaoya": gaoya},
        quality,
        MEASURE,
    ),
    Row(
        "texts of 10k that are among 50k",
        two_sets,
        {"tamis": tamis_leakage, "gaoya": gaoya_leakage},
        quality,
        MEASURE,
    ),
]
