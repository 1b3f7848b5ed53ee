"""Near-duplicate texts: exact over sets of shingles."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from numbers import Integral, Real
from typing import Any

import numpy as np

from tamis import _core, _frame, _progress, _random, _threads
from tamis._frame import Text
from tamis.dedup._base import Deduplicator, check_choice
from tamis.dedup._documents import decode, documents, stack
from tamis.dedup._found import Found
from tamis.dedup._normal import FORMS, USUAL
from tamis.dedup._result import Cells
from tamis.exceptions import DataError, DuplicatesWarning, ParameterError

__all__ = ["TextDeduplicator"]

#: Words or characters in a shingle where the caller names no number.
_SIZES = {"word": 3, "char": 5}


class TextDeduplicator(Deduplicator):
    """Keep one of each group of texts that are nearly the same.

    A text is the set of its shingles: all runs of `shingle_size` words (or characters) in it. Two
    texts are a pair when their sets have a Jaccard similarity of at least `threshold`: shingles
    that both have, divided by shingles that either has. Of a text of 75 words that was copied, one
    changed word leaves .92 of the shingles of three words, two leave .85, three .78.

    Every pair is found and none but pairs: the similarity is counted, not estimated.

    Parameters
    ----------
    threshold : float, default=0.8
        The least similarity of a pair, above 0 and up to 1. It is compared with the quotient of
        two whole numbers, so that 4 shared shingles of 5 are exactly .8.
    shingle : {"word", "char"}, default="word"
        What a shingle is made of: words by Unicode's rules (UAX #29), without punctuation and
        white space; or code points, with all that stands between words. Of Chinese, Japanese, Thai
        and other scripts without spaces each character counts as a word.
    shingle_size : int, optional
        How many words or characters make a shingle; 3 words or 5 characters by default.
    method : {"auto", "exact", "minhash"}, default="auto"
        ``"exact"`` finds every pair. ``"minhash"`` looks at candidates by random signatures, checks
        them, and misses some pairs: `expected_recall` of the result says how many are found at
        least. ``"auto"`` is exact, unless the texts share so much that this would take far longer
        than ``"minhash"`` does, as with low thresholds; `expected_recall` tells.
    normalize : None, True, str, tuple of str or callable, default="nfc"
        What is evened out before texts are compared. ``"nfc"``: how accents are encoded (implied by
        all that follow); ``"case"``: upper and lower case, in any script; ``"whitespace"``: runs
        of white space; ``"punctuation"``: its marks are left out. True is the first three. None
        takes texts as they are; a function gets each text and returns the one to compare.
    column : column name, optional
        The column of a frame that holds the texts; by default its only column of text.
    keep : {"first", "last", "most_complete", "best"}, default="first"
        Which text of a cluster stays; ``"most_complete"`` is the longest, ``"best"`` the one with
        the highest score; the first of several.
    by : column name, array-like of shape (n_texts,) or callable, optional
        The scores for ``keep="best"``: a column of `X`, numbers, or a function of `X` that returns
        them.
    linkage : {"star", "connected"}, default="star"
        Whether each text of a cluster is a pair with the cluster's representative, or with any
        other text of it.
    random_state : int, RandomState instance or None, default=0
        Where the signatures of ``"minhash"`` come from.
    n_jobs : int, optional
        Threads; the result does not depend on it.

    Attributes
    ----------
    duplicates_ : Duplicates
        What was found.
    sample_indices_ : ndarray of shape (n_texts_out,), int64
        Positions of the texts that stay, rising (after `fit_resample`).

    Warns
    -----
    DuplicatesWarning
        If texts are shorter than a shingle; they pair only with texts that equal them.

    Notes
    -----
    Texts that are equal after `normalize` are one group with score 1. Empty texts, texts of white
    space and missing ones (None, NaN) are no duplicates of anything.

    The exact join indexes the rarest shingles of each text (Bayardo, Ma and Srikant 2007; with the
    places of shared shingles, Xiao, Wang, Lin and Yu 2008); signatures are MinHash (Broder 1997) in
    bands (Indyk and Motwani 1998). Shingles are compared by 64-bit hashes: in a hundred million
    different shingles two share one with a probability of three in ten thousand, and the similarity
    of two texts may then be off by one shingle.

    Examples
    --------
    >>> from tamis.dedup import TextDeduplicator
    >>> texts = ["The cat sat on the mat.", "A dog barked.", "the cat sat on the mat", ""]
    >>> step = TextDeduplicator(shingle_size=2, normalize=("case", "punctuation"))
    >>> step.fit_resample(texts)[0]
    ['The cat sat on the mat.', 'A dog barked.', '']
    >>> step.duplicates_
    <Duplicates: 1 text of 4 can be dropped, 1 cluster, exact>
    """

    _unit = "text"

    def __init__(
        self,
        threshold: float = 0.8,
        *,
        shingle: str = "word",
        shingle_size: int | None = None,
        method: str = "auto",
        normalize: Any = "nfc",
        column: Any = None,
        keep: str = "first",
        by: Any = None,
        linkage: str = "star",
        random_state: Any = 0,
        n_jobs: int | None = None,
    ) -> None:
        self.threshold = threshold
        self.shingle = shingle
        self.shingle_size = shingle_size
        self.method = method
        self.normalize = normalize
        self.column = column
        self.keep = keep
        self.by = by
        self.linkage = linkage
        self.random_state = random_state
        self.n_jobs = n_jobs

    def _check_parameters(self) -> None:
        super()._check_parameters()
        check_choice("shingle", self.shingle, tuple(_SIZES))
        check_choice("method", self.method, ("auto", "exact", "minhash"))
        t = self.threshold
        if isinstance(t, bool) or not isinstance(t, Real) or not 0 < t <= 1:
            raise ParameterError(f"threshold must be a number above 0 and up to 1; got {t!r}")
        size = self.shingle_size
        whole = isinstance(size, Integral) and not isinstance(size, bool)
        if size is not None and (not whole or not 1 <= size <= 1000):
            raise ParameterError(
                f"shingle_size must be a whole number from 1 to 1000; got {size!r}"
            )
        _forms(self.normalize)

    def _items(self, X: Any, what: str) -> Text:
        return documents(X, self.column, what)

    def _join(self, train: Any, test: Any) -> Text:
        return stack(train, test)

    def _search(self, items: Any, n_left: int | None) -> Found:
        forms, function = _forms(self.normalize)
        if function is not None:
            items = _mapped(items, function)
        size = _SIZES[self.shingle] if self.shingle_size is None else int(self.shingle_size)
        with _progress.bar(None, "texts compared") as bar:
            group, keys, left, right, score, short, recall = _core.text_duplicates(
                items.offsets, items.data, items.missing if items.missing.any() else None,
                self.shingle, size, forms, float(self.threshold), self.method,
                _random.base_seed(self.random_state), n_left,
                _threads.resolve(self.n_jobs), _progress.kernel_callback(bar),
            )  # fmt: skip
        if short:
            texts = "1 text is" if short == 1 else f"{short:,} texts are"
            warnings.warn(
                f"{texts} shorter than a shingle of {size} {self.shingle}s: such texts are "
                "duplicates only of texts that equal them",
                DuplicatesWarning,
                stacklevel=3,
            )
        return Found(
            group, left, right, score, np.ones(len(left), dtype=np.int64),
            kinds=("equal", "shingles"), keys=keys, recall=recall,
        )  # fmt: skip

    def _completeness(self, X: Any, items: Any) -> np.ndarray:
        return np.where(items.missing, 0, np.diff(items.offsets))

    def _cells(self, X: Any, rows: np.ndarray) -> Cells:
        texts = decode(documents(_frame.take(X, rows), self.column))
        return Cells(["text" if self.column is None else self.column], [[t] for t in texts])

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.input_tags.string = True
        tags.input_tags.one_d_array = True
        tags.input_tags.two_d_array = False
        return tags


def _forms(normalize: Any) -> tuple[list[str], Callable[[str], str] | None]:
    """Return what is evened out in texts, by name, and the caller's own function."""
    if normalize is None or normalize is False:
        return [], None
    if callable(normalize):
        return ["nfc"], normalize
    names = USUAL if normalize is True else normalize
    names = [names] if isinstance(names, str) else names
    if not isinstance(names, Sequence) or any(n not in FORMS for n in names):
        raise ParameterError(
            f"normalize must be None, True, a function, or one or more of {', '.join(FORMS)}; "
            f"got {normalize!r}"
        )
    return ["nfc", *(n for n in names if n != "nfc")], None


def _mapped(texts: Text, function: Callable[[str], str]) -> Text:
    """Return texts as a function gives them."""
    made = [None if text is None else function(text) for text in decode(texts)]
    for i, text in enumerate(made):
        if not isinstance(text, str) and not texts.missing[i]:
            raise DataError(
                f"normalize gave {type(text).__name__} for text {i}: it must return a str"
            )
    return Text(*_core.text_buffers(made), texts.missing)
