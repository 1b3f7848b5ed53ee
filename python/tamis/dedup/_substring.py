"""Passages that stand in more than one place."""

from __future__ import annotations

from numbers import Integral, Real
from typing import Any

import numpy as np

from tamis import _core, _frame, _progress, _threads
from tamis._frame import Text
from tamis.dedup._base import Deduplicator
from tamis.dedup._documents import decode, documents, like, stack
from tamis.dedup._found import Found, Linked, numbered
from tamis.dedup._result import Cells
from tamis.exceptions import ParameterError

__all__ = ["SubstringDeduplicator"]


class SubstringDeduplicator(Deduplicator):
    """Find passages that stand in more than one place, and documents that stand in others.

    A character is part of a repeated passage when it lies in a run of `min_length` code points
    that occurs more than once in the texts, in two documents or twice in one; no run goes beyond
    the end of a document. This is what a suffix array gives, found in time that grows with the
    length of the texts, whatever they hold. Nothing is normalised: passages are equal character
    by character.

    Found passages are in ``duplicates_.spans``, a frame with the columns

    - document, start, end: where (half-open, in code points);
    - match: the number of the passage. Spans of one number hold the same text, and each number has
      two spans or more.

    A passage goes as far as all its occurrences go on alike. Where they part, the next passage
    begins ``min_length - 1`` characters before: the spans overlap, and together they cover every
    repeated character. Of occurrences of one passage that overlap each other (in a line of dashes)
    as few as cover the same characters are listed.

    A document is dropped when at least `min_share` of its characters stand in passages that one
    longer document has too (or one as long), and that document stays. Those two are a pair, scored
    by that share, its evidence "passage"; equal documents are one too, their evidence "equal".
    Documents that merely have a passage in common are no pair. A document that nothing covers is
    paired with each that it covers; two that are covered by the same one are not paired with each
    other.

    Parameters
    ----------
    min_length : int, default=50
        The least length of a passage in code points; 2 or more.
    column : str, optional
        The column that holds the texts, where `X` is a frame of more than one.
    min_share : float, default=0.8
        The share of a document that must stand in another for it to be dropped, above 0 up to 1.
    keep : {"first", "last", "most_complete", "best"}, default="first"
        Which of several equal documents stays. Of documents that differ the longest one does, as
        the others stand in it.
    by : column name, array-like of shape (n_documents,) or callable, optional
        The scores for ``keep="best"``: a column of `X`, numbers, or a function of `X` that returns
        them.
    n_jobs : int, optional
        Threads; the result does not depend on it.

    Attributes
    ----------
    duplicates_ : Duplicates
        What was found.
    sample_indices_ : ndarray of shape (n_documents_out,), int64
        Positions of the documents that stay, rising (after `fit_resample`).

    See Also
    --------
    SubstringDeduplicator.cut : the texts without what is repeated.

    Notes
    -----
    Runs of `min_length` characters are told apart by the least hash of the shorter runs in them
    [1]_; those that may be equal are compared. Passages are what is known as the compacted
    de Bruijn graph of these runs [2]_. Repeated passages harm language models [3]_.

    References
    ----------
    .. [1] Schleimer, Wilkerson and Aiken, "Winnowing: local algorithms for document
       fingerprinting", SIGMOD 2003.
    .. [2] Chikhi, Limasset and Medvedev, "Compacting de Bruijn graphs from sequencing data quickly
       and in low memory", Bioinformatics 32(12), 2016.
    .. [3] Lee et al., "Deduplicating training data makes language models better", ACL 2022.

    Examples
    --------
    >>> from tamis.dedup import SubstringDeduplicator
    >>> texts = ["Call me Ishmael.", "He said: Call me Ishmael. Then he left.", "Nothing else."]
    >>> step = SubstringDeduplicator(min_length=10).fit(texts)
    >>> step.duplicates_.spans
       document  start  end  match
    0         0      0   16      0
    1         1      9   25      0
    >>> step.duplicates_.pairs
       left  right  score evidence
    0     0      1    1.0  passage
    >>> step.cut(texts)
    ['Call me Ishmael.', 'He said:  Then he left.', 'Nothing else.']
    """

    _unit = "document"
    #: A dropped document stands in the one that stays, never in a chain of others.
    linkage = "star"

    def __init__(
        self,
        min_length: int = 50,
        *,
        column: str | None = None,
        min_share: float = 0.8,
        keep: str = "first",
        by: Any = None,
        n_jobs: int | None = None,
    ) -> None:
        self.min_length = min_length
        self.column = column
        self.min_share = min_share
        self.keep = keep
        self.by = by
        self.n_jobs = n_jobs

    def cut(self, X: Any) -> Any:
        """Return the texts without passages that stand before.

        The first occurrence of a passage stays, in the first document that has it, whole; where
        another passage runs into it, less than `min_length` characters of that one stay with it.
        Documents are not dropped: one may be left empty. Nothing is fitted.

        Parameters
        ----------
        X : list, array or series of shape (n_documents,), or frame
            The texts.

        Returns
        -------
        container like X
            The same documents, cut; a frame keeps its other columns.

        Raises
        ------
        ParameterError
            If a parameter has a value that cannot be used.
        DataError
            If an item is neither text nor missing; the message gives its position.
        """
        self._check_parameters()
        texts = documents(X, self.column)
        with _progress.bar(None, "cutting passages") as bar:
            offsets, data = _core.cut_passages(
                (texts.offsets, texts.data),
                int(self.min_length),
                n_jobs=_threads.resolve(self.n_jobs),
                progress=_progress.kernel_callback(bar),
            )
        return like(X, self.column, decode(Text(offsets, data, texts.missing)))

    def _check_parameters(self) -> None:
        super()._check_parameters()
        length, share = self.min_length, self.min_share
        if isinstance(length, bool) or not isinstance(length, Integral) or length < 2:
            raise ParameterError(f"min_length must be a whole number of 2 or more; got {length!r}")
        if isinstance(share, bool) or not isinstance(share, Real) or not 0 < share <= 1:
            raise ParameterError(f"min_share must be a number above 0, up to 1; got {share!r}")

    def _items(self, X: Any, what: str) -> Text:
        return documents(X, self.column, what)

    def _join(self, train: Text, test: Text) -> Text:
        return stack(train, test)

    def _search(self, items: Text, n_left: int | None) -> Found:
        with _progress.bar(None, "passages") as bar:
            spans, (equal, keys, home), (one, other, share) = _core.repeated_passages(
                (items.offsets, items.data),
                int(self.min_length),
                float(self.min_share),
                n_left,
                n_jobs=_threads.resolve(self.n_jobs),
                progress=_progress.kernel_callback(bar),
            )
        firsts = equal == np.arange(len(equal))
        group = (np.cumsum(firsts) - 1)[equal]
        one, other = group[one], group[other]
        return Found(
            group,
            left=np.minimum(one, other),
            right=np.maximum(one, other),
            score=share,
            evidence=np.ones(len(one), dtype=np.int64),
            kinds=("equal", "passage"),
            keys=keys[firsts],
            spans=_columns(spans, n_left),
            star=Linked(numbered(home), equal == home),
        )

    def _completeness(self, X: Any, items: Text) -> np.ndarray:
        gaps = np.zeros(len(items.missing), dtype=np.int64)
        if _frame.is_frame(X):
            for series in _frame.wrap(X).iter_columns():
                gaps -= np.asarray(series.is_null().to_numpy(), dtype=bool)
        return gaps

    def _cells(self, X: Any, rows: np.ndarray) -> Cells:
        texts = decode(documents(_frame.take(X, rows), self.column))
        return Cells(["text"], [[text] for text in texts])


def _columns(spans: Any, n_left: int | None) -> dict[str, Any]:
    """Return the columns of the spans; across two data sets each has its own numbers."""
    document, start, end, match, _ = spans
    columns = {"document": document, "start": start, "end": end, "match": match}
    if n_left is None:
        return columns
    right = document >= n_left
    columns["document"] = np.where(right, document - n_left, document)
    return {"side": np.where(right, "test", "train").tolist(), **columns}
