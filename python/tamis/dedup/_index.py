"""An index of texts on disk that grows: what is like a text was seen before."""

from __future__ import annotations

import os
from numbers import Integral
from pathlib import Path
from typing import Any

import numpy as np

from tamis import _core, _frame, _progress, _threads
from tamis.dedup import _manifest
from tamis.dedup._documents import documents
from tamis.dedup._manifest import Manifest
from tamis.dedup._segment import keys_of
from tamis.dedup._store import Store
from tamis.dedup._texts import _SIZES, TextDeduplicator, _forms
from tamis.exceptions import DataError, ParameterError, ShapeError, StateError

__all__ = ["DedupIndex"]


class DedupIndex:
    """Texts in a folder on disk, by what they hold: which of them are like a new text.

    Made by `create` and opened by `open`. Two texts are alike as they are for `TextDeduplicator`:
    their sets of shingles have a Jaccard similarity of `threshold` or more, or they are equal after
    `normalize`. Every text that is alike is found, and none but those.

    `add`, `delete` and `merge` change the index in memory, where `query` sees the changes; `commit`
    writes them. What was committed stays whatever happens to the process afterwards, and a process
    that ends before it has committed leaves the index as it was. One process writes at a time (it
    takes the lock with its first change, and `close` gives it back); any number read, and see what
    was committed when they opened the index or called `refresh`.

    The texts themselves are not kept: their shingles are, as 64-bit hashes, 8 bytes for each.

    Attributes
    ----------
    path : Path
        The folder.
    threshold, shingle, shingle_size, normalize
        How texts are compared, as they were given to `create`.

    Notes
    -----
    The folder holds segments: files that never change, each with its sets and an inverted index of
    their rarest shingles (prefix filtering: Chaudhuri, Ganti and Kaushik, "A primitive operator for
    similarity joins in data cleaning", ICDE 2006). A commit writes one segment and takes into it
    the smaller ones before it, so that there are about as many as the logarithm of the number of
    texts (O'Neil et al., "The log-structured merge-tree", 1996); then it replaces the manifest,
    which names them with their checksums. Files are read through memory maps.

    Examples
    --------
    >>> import tempfile
    >>> from tamis.dedup import DedupIndex
    >>> folder = tempfile.TemporaryDirectory()
    >>> index = DedupIndex.create(folder.name + "/seen", threshold=0.5, shingle_size=2)
    >>> index.add(["the cat sat on the mat", "a dog barked at night"], ids=["cat", "dog"])
    >>> index.commit()
    >>> index.close()
    >>> with DedupIndex.open(folder.name + "/seen") as index:
    ...     index.query(["a dog barked at noon", "birds sing", "the cat sat on the mat"])
       query   id  score
    0      0  dog    0.6
    1      2  cat    1.0
    >>> folder.cleanup()
    """

    def __init__(self, path: Path, n_jobs: int | None) -> None:
        self.path = path
        self.n_jobs = n_jobs
        self._store = Store(path, n_jobs)

    # --- making, opening, closing ---------------------------------------------------------------

    @classmethod
    def create(
        cls,
        path: str | os.PathLike[str],
        *,
        threshold: float = 0.8,
        shingle: str = "word",
        shingle_size: int | None = None,
        normalize: Any = "nfc",
        n_jobs: int | None = None,
    ) -> DedupIndex:
        """Make an empty index.

        Parameters
        ----------
        path : path-like
            A folder that does not exist yet, or is empty.
        threshold, shingle, shingle_size, normalize
            As `TextDeduplicator` has them; `normalize` is no function here.
        n_jobs : int, optional
            Threads; results do not depend on it.

        Returns
        -------
        DedupIndex

        Raises
        ------
        ParameterError
            If a parameter has a value that cannot be used, or the folder is not empty.
        """
        config = _config(threshold, shingle, shingle_size, normalize)
        _threads.resolve(n_jobs)
        folder = Path(os.path.realpath(path))
        if folder.exists() and not folder.is_dir():
            raise ParameterError(f"{path} is a file: an index is a folder")
        if folder.is_dir() and any(folder.iterdir()):
            raise ParameterError(f"{path} is not empty: open the index with DedupIndex.open, "
                                 "or name another folder")  # fmt: skip
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise ParameterError(f"{path} cannot be made: {error.strerror or error}") from error
        _manifest.write(folder, Manifest(config))
        return cls.open(folder, n_jobs=n_jobs)

    @classmethod
    def open(cls, path: str | os.PathLike[str], *, n_jobs: int | None = None) -> DedupIndex:
        """Open an index.

        Parameters
        ----------
        path : path-like
            The folder.
        n_jobs : int, optional
            Threads; results do not depend on it.

        Returns
        -------
        DedupIndex

        Raises
        ------
        ParameterError
            If there is no index.
        StateError
            If a file of it is absent or damaged; the message names the file.
        """
        _threads.resolve(n_jobs)
        folder = Path(os.path.realpath(path))
        return cls(folder, n_jobs)

    def close(self) -> None:
        """Forget what was not committed, and let others write."""
        self._store.close()

    def __enter__(self) -> DedupIndex:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def refresh(self) -> None:
        """Read what others have committed.

        Raises
        ------
        StateError
            If there are changes of one's own that are not committed.
        """
        if self._store.changed:
            raise StateError("there are changes that are not committed: commit or close first")
        manifest = _manifest.read(self.path)
        if manifest.generation != self._store.manifest.generation:
            self._store.load(manifest)

    # --- what it holds --------------------------------------------------------------------------

    @property
    def threshold(self) -> float:
        """The least similarity of texts that are alike."""
        return float(self._store.manifest.config["threshold"])

    @property
    def shingle(self) -> str:
        """What a shingle is made of."""
        return str(self._store.manifest.config["shingle"])

    @property
    def shingle_size(self) -> int:
        """How many words or characters make a shingle."""
        return int(self._store.manifest.config["shingle_size"])

    @property
    def normalize(self) -> tuple[str, ...]:
        """What is evened out before texts are compared."""
        return tuple(self._store.manifest.config["normalize"])

    def __len__(self) -> int:
        return sum(segment.n_live for segment in self._store.segments)

    def __repr__(self) -> str:
        pending = ", changes not committed" if self._store.changed else ""
        return (
            f"<DedupIndex: {len(self):,} texts, threshold {self.threshold:g}, shingles of "
            f"{self.shingle_size} {self.shingle}s{pending}>"
        )

    # --- changing it ----------------------------------------------------------------------------

    def add(self, texts: Any, ids: Any = None, *, column: Any = None) -> None:
        """Add texts.

        Parameters
        ----------
        texts : list, array or series of shape (n_texts,), or frame
            The texts; None and NaN are blank, and blank texts are like nothing.
        ids : array-like of int or str of shape (n_texts,), optional
            What the texts are called: all integers, or all texts. By default numbers, on from the
            last.
        column : column name, optional
            The column of a frame that holds the texts.

        Raises
        ------
        DataError
            If an id is given twice or is in the index already (the message names it), or is
            neither an integer nor a text.
        ShapeError
            If there are not as many ids as texts.
        StateError
            If another process is writing.
        """
        read = documents(texts, column, "texts")
        n = len(read.missing)
        self._store.begin()
        kind, names = self._named(ids, n)
        keys = keys_of(names)
        self._store.check_new(names, keys)
        if n == 0:
            return
        arrays = dict(zip(("identity", "offsets", "hashes"), self._sets(read), strict=True))
        if kind == "int":
            arrays["ids"] = keys
            self._store.next_id = max(self._store.next_id, int(keys.max()) + 1)
        else:
            arrays["id_offsets"], arrays["id_bytes"] = _core.text_buffers(names)
        self._store.ids = kind
        self._store.append([arrays])

    def delete(self, ids: Any) -> None:
        """Delete the texts of these ids.

        Parameters
        ----------
        ids : array-like of int or str

        Raises
        ------
        DataError
            If an id is not in the index; the message names it, and nothing is deleted.
        StateError
            If another process is writing.
        """
        self._store.begin()
        names = _names([ids] if isinstance(ids, str | Integral) else ids)[1]
        found = self._store.find(names)
        for k, name in enumerate(names):
            if k not in found:
                raise DataError(f"id {name!r} is not in the index: nothing was deleted")
        for segment, row in found.values():
            segment.dead[row] = True
        self._store.changed |= bool(names)

    def merge(self, other: DedupIndex | str | os.PathLike[str]) -> None:
        """Add all texts of another index, with their ids.

        Parameters
        ----------
        other : DedupIndex or path-like
            An index that compares texts in the same way.

        Raises
        ------
        ParameterError
            If it compares texts in another way.
        DataError
            If both hold a text of one id; the message names it.
        StateError
            If another process is writing.
        """
        if not isinstance(other, DedupIndex):
            with DedupIndex.open(other) as opened:
                return self.merge(opened)
        if other is self or other.path == self.path:
            raise ParameterError("an index cannot be merged with itself")
        if other._store.manifest.config != self._store.manifest.config:
            raise ParameterError(
                f"the indexes compare texts in different ways: {self._store.manifest.config} here, "
                f"{other._store.manifest.config} there"
            )
        self._store.begin()
        held = [segment for segment in other._store.segments if segment.n_live]
        names = [s.id_of(row) for s in held for row in np.flatnonzero(~s.dead).tolist()]
        if names and self._store.ids not in ("", other._store.ids):
            raise DataError(
                f"the ids here are {self._store.ids}, and those of the other {other._store.ids}"
            )
        self._store.check_new(names, keys_of(names))
        if held:
            self._store.ids, self._store.next_id = (
                other._store.ids,
                max(self._store.next_id, other._store.next_id),
            )
            self._store.append([segment.live() for segment in held])
        return None

    def commit(self) -> None:
        """Write all changes to disk, all of them or none.

        Raises
        ------
        ParameterError
            If a file cannot be written; the index on disk is then as it was.
        """
        self._store.commit()

    # --- asking it ------------------------------------------------------------------------------

    def query(self, texts: Any, *, column: Any = None) -> Any:
        """Find the texts of the index that are like these.

        Parameters
        ----------
        texts : list, array or series of shape (n_texts,), or frame
            The texts to ask for.
        column : column name, optional
            The column of a frame that holds the texts.

        Returns
        -------
        frame
            A line for each text found: query (the position in `texts`), id and score (the
            similarity, 1.0 for equal texts). By query; the most similar first, then in the order in
            which they were added. A frame of the library of `texts`, of pandas where it is none.
        """
        self._store.check_open()
        asked = self._sets(documents(texts, column, "texts"))
        jobs = _threads.resolve(self.n_jobs)
        none = np.zeros(0, dtype=np.int64)
        found = [(none, none, none, none.astype(np.float64))]
        with _progress.bar(None, "texts looked up") as bar:
            for place, segment in enumerate(self._store.segments):
                query, row, score = _core.index_query(
                    asked, segment.sets(), segment.postings(), segment.dead, self.threshold,
                    n_jobs=jobs, progress=_progress.kernel_callback(bar),
                )  # fmt: skip
                found.append((query, np.full(len(row), place), row, score))
        queries, places, rows, scores = map(np.concatenate, zip(*found, strict=True))
        order = np.lexsort((rows, places, -scores, queries))
        ids = [
            self._store.segments[p].id_of(r)
            for p, r in zip(places[order].tolist(), rows[order].tolist(), strict=True)
        ]
        named: Any = np.array(ids, dtype=np.int64) if self._store.ids == "int" else ids
        columns: dict[str, Any] = {"query": queries[order], "id": named, "score": scores[order]}
        return _frame.build(texts, columns)

    # --- helpers --------------------------------------------------------------------------------

    def _sets(self, texts: _frame.Text) -> Any:
        return _core.index_sets(
            texts.offsets, texts.data, texts.missing if texts.missing.any() else None,
            self.shingle, self.shingle_size, list(self.normalize),
            n_jobs=_threads.resolve(self.n_jobs),
        )  # fmt: skip

    def _named(self, ids: Any, n: int) -> tuple[str, list[Any]]:
        if ids is None:
            if self._store.ids == "str":
                raise DataError("the ids of this index are texts: give ids=")
            return "int", list(range(self._store.next_id, self._store.next_id + n))
        kind, names = _names(ids)
        if len(names) != n:
            raise ShapeError(f"there are {len(names)} ids for {n} texts")
        if n and self._store.ids and kind != self._store.ids:
            held = "integers" if self._store.ids == "int" else "texts"
            raise DataError(f"id {names[0]!r} does not fit: the ids of this index are {held}")
        return kind, names


def _names(ids: Any) -> tuple[str, list[Any]]:
    """Return the kind of ids and the ids as a list."""
    cells = ids.tolist() if hasattr(ids, "tolist") else None
    if cells is None:
        cells = ids.to_pylist() if hasattr(ids, "to_pylist") else list(ids)
    kind = "str" if cells and isinstance(cells[0], str) else "int"
    for k, cell in enumerate(cells):
        whole = isinstance(cell, Integral) and not isinstance(cell, bool)
        if kind == "int" and whole and not -(2**63) <= int(cell) < 2**63 - 1:
            raise DataError(f"id {cell!r} is beyond 64 bits")
        if not (isinstance(cell, str) if kind == "str" else whole):
            raise DataError(f"id {k} is {cell!r}: ids are all integers or all texts")
    return kind, [int(c) for c in cells] if kind == "int" else cells


def _config(threshold: Any, shingle: Any, size: Any, normalize: Any) -> dict[str, Any]:
    """Return the parameters of an index, checked."""
    like = TextDeduplicator(threshold, shingle=shingle, shingle_size=size, normalize=normalize)
    like._check_parameters()
    forms, function = _forms(normalize)
    if function is not None:
        raise ParameterError("normalize is a function, which an index cannot save: name forms")
    return {
        "threshold": float(threshold),
        "shingle": shingle,
        "shingle_size": _SIZES[shingle] if size is None else int(size),
        "normalize": sorted(set(forms)),
    }
