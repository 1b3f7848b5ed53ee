"""Copies of clips: the same sound with noise, louder, compressed anew or at another speed."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from tamis import _core, _progress, _threads
from tamis.dedup import _media, _sounds
from tamis.dedup._base import Deduplicator, check_choice
from tamis.dedup._found import Found, numbered
from tamis.dedup._result import Cells
from tamis.exceptions import DataError, ParameterError

__all__ = ["AudioDeduplicator"]

#: The share of copies found, rounded down, where the threshold was chosen: see the class's notes.
_RECALL = 0.99
#: What a pair rests on: by how many hundredths the speeds differ, and whether the pitch does.
_SPEEDS = 5
_KINDS = (
    "equal",
    *(
        f"spectrum{f', speed {k}% apart' if k else ''}{', pitch apart' if apart else ''}"
        for k in range(_SPEEDS)
        for apart in (False, True)
    ),
)
#: Pitches that differ by less are not said to.
_PITCH = 0.008


@dataclass(frozen=True)
class _Prints:
    """What is kept of clips: see the kernel. `content` and `shape` have a line a clip."""

    bands: np.ndarray
    frames: np.ndarray
    codes: np.ndarray
    content: np.ndarray
    shape: np.ndarray


class AudioDeduplicator(Deduplicator):
    """Keep one of each cluster of clips that hold the same recording.

    Copies are found that are louder or softer, have noise added, were compressed by MP3 or Vorbis,
    have another sample rate, or play up to 3 % faster or slower, with the pitch moved or kept.
    Another recording of the same words, by the same voice too, is no copy. Each pair was laid over
    each other at the lag and speed that fit best, and its score is the correlation of the two
    spectra there.

    Silent clips (peak below -80 dB of full scale, which is 1 for floats) are duplicates of nothing.
    Clips with nothing to be recognised by (a click, a steady tone, less than about 0.2 seconds) are
    duplicates only if all their samples are equal.

    Parameters
    ----------
    threshold : float, default=0.96
        The least score of a pair, above 0 and up to 1.
    min_overlap : float, default=0.8
        The least share of the sound of each of the two clips that must lie in the part they have in
        common. A clip that is a part of a longer one is a duplicate only if this is low enough for
        the longer one.
    sample_rate : int, optional
        The sample rate, in hertz, of arrays that come without one.
    errors : {"raise", "skip"}, default="raise"
        What to do with a clip that cannot be read: raise an error that names it, or leave it as it
        is, a duplicate of nothing, and warn.
    column : str, optional
        The column of a frame that holds the clips (paths or bytes).
    keep : {"first", "last", "most_complete", "best"}, default="first"
        Which clip of a cluster stays; ``"most_complete"`` is the longest, of the highest sample
        rate among these, ``"best"`` the one with the highest score; the first of several.
    by : column name, array-like of shape (n_clips,) or callable, optional
        The scores for ``keep="best"``: a column of `X`, numbers, or a function of `X` that returns
        them.
    linkage : {"star", "connected"}, default="star"
        Whether each clip of a cluster matches the cluster's representative, or any other of it.
    n_jobs : int, optional
        Threads; the result does not depend on it.

    Attributes
    ----------
    duplicates_ : Duplicates
        What was found.
    unreadable_ : ndarray, int64
        Positions of the clips that could not be read (with ``errors="skip"``).
    sample_indices_ : ndarray of shape (n_clips_out,), int64
        Positions of the clips that stay, rising (after `fit_resample`).

    Notes
    -----
    `X` is a list of paths, bytes of files (WAV, MP3, FLAC, Ogg Vorbis), arrays and pairs (array,
    sample rate), mixed as they come; or a frame with a column of paths or bytes. Arrays have the
    shape (samples,) or (channels, samples), and are integers with a sign or floats. A file that
    breaks off is taken as far as it can be decoded.

    Clips are mixed to one channel and brought to 8 kHz; the spectrum has 32 mel bands from 150 to
    3500 Hz every 16 ms. Candidates are clips that share codes of half a second, as in [1]_, but
    made of a cosine transform of the spectrum, whose signs a small change of speed or pitch seldom
    turns; the two weakest bits are tried both ways. Clips are compared with at most 256 others for
    each code, in an order of their contents: of more copies of one recording than that, not every
    pair is listed.

    The search is not exact. The recall expected is 0.99: of 2,750 copies of 250 French telephone
    prompts, on which the threshold was chosen, 0.997 were found (noise at 20 and 10 dB, MP3 at 64
    and 32 kbit/s, speed and tempo 2 % up and down), all of those of a second and more. Of prompts
    in other languages it was 0.987 to 0.993 of all pairs, two copies of one clip among them. Clips
    below a second that hold one short word are told apart less surely than longer ones.

    References
    ----------
    .. [1] J. Haitsma, T. Kalker, "A Highly Robust Audio Fingerprinting System", ISMIR 2002.

    Examples
    --------
    >>> import numpy as np
    >>> from tamis.dedup import AudioDeduplicator
    >>> time = np.arange(16000) / 8000
    >>> rising = np.sin(2 * np.pi * (300 + 400 * time) * time)
    >>> calling = np.sin(2 * np.pi * 900 * time + 40 * np.cos(9 * time))
    >>> noisy = rising / 3 + np.random.default_rng(0).normal(scale=0.02, size=16000)
    >>> step = AudioDeduplicator(sample_rate=8000).fit([rising, calling, noisy])
    >>> step.duplicates_.pairs[["left", "right", "evidence"]]
       left  right  evidence
    0     0      2  spectrum
    """

    _unit = "clip"

    def __init__(
        self,
        threshold: float = 0.96,
        *,
        min_overlap: float = 0.8,
        sample_rate: int | None = None,
        errors: str = "raise",
        column: Any = None,
        keep: str = "first",
        by: Any = None,
        linkage: str = "star",
        n_jobs: int | None = None,
    ) -> None:
        self.threshold = threshold
        self.min_overlap = min_overlap
        self.sample_rate = sample_rate
        self.errors = errors
        self.column = column
        self.keep = keep
        self.by = by
        self.linkage = linkage
        self.n_jobs = n_jobs

    def _check_parameters(self) -> None:
        super()._check_parameters()
        check_choice("errors", self.errors, ("raise", "skip"))
        for name in ("threshold", "min_overlap"):
            value = getattr(self, name)
            number = isinstance(value, int | float | np.integer | np.floating)
            if not number or isinstance(value, bool) or not 0 < value <= 1:
                raise ParameterError(f"{name} must be a number above 0 and up to 1; got {value!r}")
        rate = self.sample_rate
        if rate is not None and (
            isinstance(rate, bool)
            or not isinstance(rate, int | np.integer)
            or not 1_000 <= rate <= 1_000_000
        ):
            raise ParameterError(
                f"sample_rate must be a whole number of hertz, 1000 to 1000000; got {rate!r}"
            )

    def _items(self, X: Any, what: str) -> _Prints:
        items = _sounds.sources(X, self.column, what)
        parts = [_core.audio_prints([])[0]]
        broken, first = [], None
        given = partial(_sounds.given, rate=self.sample_rate, what=what)
        with _progress.bar(len(items), "clips") as bar:
            for start, batch in _media.batches(items, given, 512, 32 << 20):
                ready = [b"" if isinstance(b, DataError) else b for b in batch]
                arrays, faults = _core.audio_prints(ready, n_jobs=_threads.resolve(self.n_jobs))
                parts.append(arrays)
                for k, reason in faults:
                    fault, called = batch[k], _media.name(items[start + k], start + k, what)
                    error = (
                        fault if isinstance(fault, DataError) else DataError(f"{called}: {reason}")
                    )
                    if self.errors == "raise":
                        raise error
                    broken.append(start + k)
                    first = first or error
                bar.update(len(batch))
        if first is not None:
            _media.warn_of_broken(len(broken), self._unit, first)
        if what == "X":
            self.unreadable_ = np.array(broken, dtype=np.int64)
        bands, frames, codes, content, shape = (np.concatenate(a) for a in zip(*parts, strict=True))
        return _Prints(bands, frames, codes, content.reshape(-1, 2), shape.reshape(-1, 4))

    def _join(self, train: _Prints, test: _Prints) -> _Prints:
        return _media.joined(train, test)

    def _search(self, items: _Prints, n_left: int | None) -> Found:
        n = len(items.frames)
        silent = items.shape[:, 3] > 0
        # Silent clips are groups of their own.
        own = np.where(silent, 1 + np.arange(n), 0).astype(np.uint64)
        rows = np.column_stack([own, items.content, items.shape.astype(np.uint64)])
        _, start, code = np.unique(rows, axis=0, return_index=True, return_inverse=True)
        group = numbered(start[code.reshape(-1)])
        first = np.sort(start)
        keys = (items.content[:, 0] ^ own)[first]
        sides = _media.sides(group, len(first), n_left)
        with _progress.bar(None, "pairs of clips") as bar:
            left, right, score, speed, pitch = _core.audio_pairs(
                items.bands,
                items.frames,
                items.codes,
                first,
                keys,
                sides,
                float(self.threshold),
                float(self.min_overlap),
                n_jobs=_threads.resolve(self.n_jobs),
                progress=_progress.kernel_callback(bar),
            )
        evidence = 1 + 2 * np.rint(100 * np.abs(np.log(speed))).clip(0, _SPEEDS - 1)
        evidence += np.abs(np.log(pitch)) > _PITCH
        return Found(group, left, right, score, evidence.astype(np.int64), _KINDS, keys, _RECALL)

    def _completeness(self, X: Any, items: _Prints) -> np.ndarray:
        # The rank by seconds, then by rate.
        samples, rate = items.shape[:, 0], items.shape[:, 1]
        rows = np.column_stack([samples / np.maximum(rate, 1), rate])
        return np.unique(rows, axis=0, return_inverse=True)[1].reshape(-1)

    def _cells(self, X: Any, rows: np.ndarray) -> Cells:
        items = _sounds.sources(X, self.column, "X")
        lines = []
        for row in rows.tolist():
            called = _media.name(items[row], row, "X")
            try:
                one = _sounds.given(items[row], row, self.sample_rate, "X")
                if isinstance(one, bytes):
                    samples, rate, channels = _core.audio_decode(one)
                else:
                    (samples, rate), channels = one, 1
            except (DataError, ParameterError) as error:  # the file went away, say
                lines.append([str(error), called, "", ""])
                continue
            seconds = f"{len(samples) / rate:.2f} s"
            kind = f"{rate} Hz" + (f", {channels} channels" if channels > 1 else "")
            lines.append([_sounds.waveform(samples), called, seconds, kind])
        return Cells(["sound", "name", "duration", "rate"], lines)

    def _take_rows(self, X: Any, rows: np.ndarray) -> Any:
        # A list of clips would make no array.
        return [X[i] for i in rows] if isinstance(X, list | tuple) else super()._take_rows(X, rows)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.string = True
        tags.no_validation = True
        return tags
