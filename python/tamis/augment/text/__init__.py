"""Augmentation of text: words and characters changed, with spans and token labels that follow.

Called as `t(texts, spans=, labels=, epoch=0, first=0, n_jobs=None)` on a list of strings, a Series
or an array of them, or on a list of lists of tokens. `spans` holds for each text its (start, end,
label) in code points; a span whose words are removed is dropped. With tokens, `labels` holds a list
of labels for each; what is inserted gets None. A text never becomes empty, and characters as people
see them (graphemes) are never cut.
"""

from tamis.augment.text._chars import CaseNoise, KeyboardNoise, OcrNoise
from tamis.augment.text._words import (
    Contractions,
    RandomDeletion,
    RandomInsertion,
    RandomSwap,
    SpanMask,
    SynonymReplacement,
    WordDropout,
)

__all__ = [
    "CaseNoise",
    "Contractions",
    "KeyboardNoise",
    "OcrNoise",
    "RandomDeletion",
    "RandomInsertion",
    "RandomSwap",
    "SpanMask",
    "SynonymReplacement",
    "WordDropout",
]
