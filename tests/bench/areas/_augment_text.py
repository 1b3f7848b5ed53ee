"""Texts: EDA's four operations and typing errors, beside nlpaug and plain Python."""

from . import Row

WORDS = (  # noqa: SIM905
    "the old house was big and quiet but we could not find a good place to begin the hard work of "
    "change so they asked a friend to help us carry heavy books across town before it was too late"
).split()


def sentences(rng, n=20_000):
    long = rng.integers(8, 25, n)
    return [" ".join(WORDS[k] for k in rng.integers(0, len(WORDS), m)) + "." for m in long]


def few(rng):
    return sentences(rng, 500)


def ours(threads):
    from tamis.augment import Compose
    from tamis.augment import text as tt

    t = Compose(
        [
            tt.SynonymReplacement(0.1), tt.RandomInsertion(0.1), tt.RandomSwap(0.1),
            tt.RandomDeletion(0.1), tt.KeyboardNoise(0.05),
        ]
    )  # fmt: skip
    return lambda texts: t(texts, n_jobs=threads)


def plain(_):
    """Return the same five steps as one would write them in Python."""
    import random

    from tamis.augment.text import _tables

    synonyms, keys, draw = _tables.lexicon(), _tables.keys("qwerty"), random.Random(0)

    def typed(word):
        out = []
        for c in word:
            hit = draw.random() < 0.05 and c in keys
            kind = draw.choices(range(4), (4, 1, 2, 2))[0] if hit else -1
            out += [c] if kind != 2 else []
            if kind == 0:
                out[-1] = draw.choice(keys[c])
            elif kind == 1:
                out.append(draw.choice(keys[c]))
            elif kind == 3 and len(out) > 1:
                out[-1], out[-2] = out[-2], out[-1]
        return "".join(out)

    def one(text):
        words = text.split()
        n = max(1, round(0.1 * len(words)))
        known = [i for i, w in enumerate(words) if w in synonyms]
        for i in draw.sample(known, min(n, len(known))):
            words[i] = draw.choice(synonyms[words[i]])
        for _ in range(n):
            found = [w for w in words if w in synonyms]
            if found:
                new = draw.choice(synonyms[draw.choice(found)])
                words.insert(draw.randrange(len(words) + 1), new)
        for _ in range(max(1, n // 2)):
            i, j = draw.randrange(len(words)), draw.randrange(len(words))
            words[i], words[j] = words[j], words[i]
        kept = [w for w in words if draw.random() >= 0.1] or [draw.choice(words)]
        return " ".join(typed(w) for w in kept)

    return lambda texts: [one(t) for t in texts]


def nlpaug(_):
    import nlpaug.augmenter.char as nac
    import nlpaug.augmenter.word as naw
    import nlpaug.flow as naf

    flow = naf.Sequential(
        [
            naw.RandomWordAug("substitute", aug_p=0.1, target_words=["big", "small"]),
            naw.RandomWordAug("swap", aug_p=0.1), naw.RandomWordAug("delete", aug_p=0.1),
            nac.KeyboardAug(aug_char_p=0.05),
        ]
    )  # fmt: skip
    return flow.augment


def known(_, made):
    """Return the share of words that are still of the vocabulary."""
    words = [w.strip(".") for text in made for w in text.split()]
    return sum(w in WORDS for w in words) / len(words)


ROWS = [
    Row(
        "20k sentences, EDA and typos", sentences,
        {"tamis": ours, "python (plain)": plain}, known, "words kept",
    ),
    # Five hundred, since nlpaug takes minutes for more.
    Row("500 sentences, EDA and typos", few, {"tamis": ours, "nlpaug": nlpaug},
        known, "words kept"),
]  # fmt: skip
