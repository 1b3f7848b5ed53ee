"""Records of one person, place or thing, written differently."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from numbers import Real
from typing import Any

import numpy as np
from sklearn.utils.validation import validate_data

from tamis import _core, _frame, _progress, _threads
from tamis._frame import Values
from tamis.dedup._base import Deduplicator
from tamis.dedup._blocking import Blocking, automatic, given
from tamis.dedup._cells import pieces
from tamis.dedup._expand import between
from tamis.dedup._fields import COMPARATORS, Field, field, raw
from tamis.dedup._found import Found, numbered
from tamis.dedup._result import Cells
from tamis.dedup._weights import LEVELS, chance_levels, estimate, patterns, probability
from tamis.exceptions import DataError, ParameterError

__all__ = ["RecordDeduplicator"]

#: The kinds of a column, and its cells as text, one array a table.
_Column = tuple[set[str], list[np.ndarray]]


class RecordDeduplicator(Deduplicator):
    """Keep one of each cluster of records that are of one person, place or thing.

    Names with typing errors, addresses written otherwise, swapped digits: fields are compared one
    by one, and what agreement in each is worth is learned from the data without labels. Two
    records are a pair when the probability that they match reaches the threshold.

    Parameters
    ----------
    fields : list of column names (positions for an array), or dict, optional
        The columns to compare; all of them by default. A dict maps each to its comparator,
        ``"jaro_winkler"`` (names and other text), ``"levenshtein"`` (codes and numbers that are
        names), ``"numeric"``, ``"date"`` or ``"exact"``, or to None, which is what a list gives:
        the comparator that fits the column.
    threshold : float, default=0.9
        The least probability of a match, above 0 and below 1.
    blocking : list, optional
        Only records that agree in at least one of these are compared: a column among `fields`, or
        a tuple of such columns that must all agree. By default keys are chosen by how few records
        share them by chance.
    keep : {"first", "last", "most_complete", "best"}, default="first"
        Which record of a cluster stays; ``"most_complete"`` is the one with the fewest missing
        cells over all columns, ``"best"`` the one with the highest score.
    by : column name, array-like of shape (n_rows,) or callable, optional
        The scores for ``keep="best"``: a column of `X`, numbers, or a function of `X` that returns
        them.
    linkage : {"star", "connected"}, default="star"
        Whether each record of a cluster pairs with the cluster's representative, or with any other
        record of it.
    n_jobs : int, optional
        Threads; the result does not depend on it.

    Attributes
    ----------
    duplicates_ : Duplicates
        What was found. The score of a pair is the probability that it matches; its evidence names
        the fields that are equal, and with ``~`` those that are nearly so. ``expected_recall`` is
        the estimated share of the matches that the keys brought together and that reached the
        threshold.
    weights_ : dict
        For each field a dict: ``comparator``, and for the levels from 0 (differs) to 3 (equal)
        ``m``, how often matches agree so, ``u``, how often other pairs do, and ``weight``, the
        binary logarithm of their ratio.
    sample_indices_ : ndarray of shape (n_rows_out,), int64
        Positions of the rows that stay, rising (after `fit_resample`).
    n_features_in_ : int
    feature_names_in_ : ndarray of str
        Only where `X` is a frame.

    Notes
    -----
    The model is that of Fellegi and Sunter [1]_: fields agree independently of each other, among
    matches and among other pairs. Agreement by chance is counted on pairs drawn without regard to
    keys, and how often matches agree is found by expectation and maximisation. Equal values count
    by how rare the value is [2]_. A missing field says nothing. Text is compared without regard to
    case, width and repeated spaces.

    Records that are equal in all fields are one group if their fields say enough to make them a
    pair; an empty record is never paired.

    Few fields or few records make weights uncertain: look at ``weights_``. Fields that follow
    from one another (postcode and suburb) count twice.

    References
    ----------
    .. [1] Fellegi, I. P. and Sunter, A. B. (1969). "A theory for record linkage". JASA 64.
    .. [2] Winkler, W. E. (1990). "String comparator metrics and enhanced decision rules in the
       Fellegi-Sunter model of record linkage". Survey Research Methods Section, ASA.

    Examples
    --------
    >>> import pandas as pd
    >>> from tamis.dedup import RecordDeduplicator
    >>> given = ["Ann", "Bob", "Eve", "Dan", "Ida", "Max"]
    >>> towns = {"Smith": "Leeds", "Jones": "York", "Adams": "Hull", "Brown": "Bath", "Cole": "Ely"}
    >>> people = pd.DataFrame([
    ...     {"name": f"{first} {last}", "born": f"19{40 + i}-0{1 + j}-{11 + i + j}", "town": town}
    ...     for i, first in enumerate(given)
    ...     for j, (last, town) in enumerate(towns.items())
    ... ])
    >>> people.loc[30] = ["Ann Smyth", "1940-11-01", "leeds"]
    >>> step = RecordDeduplicator().fit(people)
    >>> step.duplicates_.pairs[["left", "right", "evidence"]]
       left  right            evidence
    0     0     30  town, ~name, ~born
    """

    _unit = "record"

    def __init__(
        self,
        fields: Any = None,
        *,
        threshold: float = 0.9,
        blocking: Any = None,
        keep: str = "first",
        by: Any = None,
        linkage: str = "star",
        n_jobs: int | None = None,
    ) -> None:
        self.fields = fields
        self.threshold = threshold
        self.blocking = blocking
        self.keep = keep
        self.by = by
        self.linkage = linkage
        self.n_jobs = n_jobs

    def _check_parameters(self) -> None:
        super()._check_parameters()
        t = self.threshold
        if not isinstance(t, Real) or isinstance(t, bool) or not 0 < t < 1:
            raise ParameterError(f"threshold must be above 0 and below 1; got {t!r}")
        for name, comparator in self._comparators().items():
            if comparator is not None and comparator not in COMPARATORS:
                raise ParameterError(
                    f"the comparator of {name!r} must be one of {', '.join(COMPARATORS)}, or None; "
                    f"got {comparator!r}"
                )

    def _comparators(self) -> dict[Any, Any]:
        if isinstance(self.fields, Mapping):
            return dict(self.fields)
        if self.fields is None:
            return {}
        listed = isinstance(self.fields, Iterable) and not isinstance(self.fields, str)
        return dict.fromkeys(self.fields if listed else [self.fields])

    # --- the items -----------------------------------------------------------------------------

    def _items(self, X: Any, what: str) -> dict[Any, _Column]:
        if what == "X" and _frame.is_frame(X):
            names = _frame.names(X)
            self.n_features_in_ = len(names)
            self.feature_names_in_ = np.array(names, dtype=object)
        elif what == "X":
            X = validate_data(self, X, dtype=None, ensure_all_finite=False)
        wanted = None if self.fields is None else list(self._comparators())
        out: dict[Any, _Column] = {}
        for name, piece in pieces(X, wanted, what).items():
            kind, cells = raw(piece)
            out[name] = ({kind}, [cells])
        return out

    def _join(self, train: dict[Any, _Column], test: dict[Any, _Column]) -> dict[Any, _Column]:
        shared = [name for name in train if name in test]
        if not shared:
            raise DataError("train and test have no column in common: name them alike")
        both = {name: (train[name], test[name]) for name in shared}
        return {k: (a[0] | b[0], [*a[1], *b[1]]) for k, (a, b) in both.items()}

    # --- the search ----------------------------------------------------------------------------

    def _search(self, items: dict[Any, _Column], n_left: int | None) -> Found:
        comparators = self._comparators()
        names = list(items)
        fields = [
            field(kinds, np.concatenate(cells), comparators.get(name))
            for name, (kinds, cells) in items.items()
        ]
        records = _Records.of(fields, n_left, _threads.resolve(self.n_jobs))
        with _progress.bar(None, "records") as bar:
            search = _Search(records, self._blocking(names, records), bar)
        self.weights_ = {
            name: {
                "comparator": f.comparator,
                "m": search.model.m[k],
                "u": search.model.u[k],
                "weight": np.log2(search.model.m[k] / search.model.u[k]),
            }
            for k, (name, f) in enumerate(zip(names, fields, strict=True))
        }
        return search.found(float(self.threshold), [str(n) for n in names])

    def _blocking(self, names: list[Any], records: _Records) -> Blocking:
        if self.blocking is None:
            return automatic(records.fields, records.coarse)
        keys = []
        for key in self.blocking if not isinstance(self.blocking, str) else [self.blocking]:
            columns = key if isinstance(key, tuple | list) else (key,)
            for column in columns:
                if column not in names:
                    raise ParameterError(f"blocking names {column!r}, which is none of the fields")
            keys.append(tuple(names.index(c) for c in columns))
        if not keys or not all(keys):
            raise ParameterError("blocking names no column: give at least one, or None")
        return given(records.fields, keys)

    # --- what is shown -------------------------------------------------------------------------

    def _completeness(self, X: Any, items: Any) -> np.ndarray:
        gaps = np.zeros(_frame.n_rows(X), dtype=np.int64)
        for column in pieces(X, None).values():
            gaps -= (column if isinstance(column, Values) else _frame.values(column)).missing
        return gaps

    def _cells(self, X: Any, rows: np.ndarray) -> Cells:
        wanted = None if self.fields is None else list(self._comparators())
        shown = {k: raw(p)[1] for k, p in pieces(_frame.take(X, rows), wanted).items()}
        return Cells([str(k) for k in shown], list(zip(*shown.values(), strict=True)))

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.input_tags.string = True
        tags.input_tags.categorical = True
        return tags


@dataclass(frozen=True)
class _Records:
    """Records of distinct content, in an order that is that of their keys.

    `group` tells for each item which record it is, `times` how many items each record stands for.
    """

    fields: list[Field]
    coarse: list[np.ndarray]
    keys: np.ndarray
    group: np.ndarray
    times: np.ndarray
    sides: tuple[np.ndarray, np.ndarray] | None
    n_jobs: int

    @staticmethod
    def of(fields: list[Field], n_left: int | None, n_jobs: int) -> _Records:
        n = len(fields[0].codes)
        group = _core.equal_rows(n, [(f.codes, None) for f in fields], n_jobs=n_jobs)
        first = np.unique(group, return_index=True)[1]
        keys, coarse = _core.record_keys([f.take(first).column for f in fields])
        order = np.argsort(keys, kind="stable")
        place = np.empty_like(order)
        place[order] = np.arange(len(order))
        group = place[group]
        sides = None
        if n_left is not None:
            left, right = np.zeros((2, len(first)), dtype=bool)
            left[group[:n_left]] = right[group[n_left:]] = True
            sides = (left, right)
        return _Records(
            [f.take(first[order]) for f in fields],
            [np.ascontiguousarray(c[order]) for c in coarse],
            keys[order],
            group,
            np.bincount(group, minlength=len(first)),
            sides,
            n_jobs,
        )

    def __len__(self) -> int:
        return len(self.keys)

    def n_pairs(self) -> float:
        """Return how many pairs of records there are."""
        if self.sides is None:
            return len(self) * (len(self) - 1) / 2
        return float(self.sides[0].sum()) * float(self.sides[1].sum())

    def levels(self, left: np.ndarray, right: np.ndarray, bar: Any = None) -> np.ndarray:
        """Return how far the fields of pairs agree."""
        tell = None if bar is None else _progress.kernel_callback(bar)
        columns = [f.column for f in self.fields]
        return _core.record_levels(columns, left, right, self.n_jobs, tell)


class _Search:
    """Candidates, the model that explains them, and the probability of each."""

    def __init__(self, records: _Records, blocking: Blocking, bar: Any) -> None:
        self.records, self.blocking = records, blocking
        self.left, self.right = blocking.pairs(records.sides, records.n_jobs)
        self.levels = records.levels(self.left, self.right, bar)
        # Equal items are matches, too: each with one other counts.
        every = np.arange(len(records))
        self.own = records.levels(every, every)
        again = np.flatnonzero(records.times > 1)
        u = chance_levels(records.fields, records.n_jobs)
        self.model = estimate(
            np.concatenate([self.levels, self.own[again]]),
            np.concatenate([np.ones(len(self.left)), records.times[again] - 1.0]),
            u,
            max(records.n_pairs(), 1.0),
            len(records),
        )
        self.score = self._probability(self.levels, self.left)

    def _probability(self, levels: np.ndarray, rows: np.ndarray) -> np.ndarray:
        weight = self.model.total(levels) + self.model.rarity(levels, self.records.fields, rows)
        return probability(weight, self.model.prior)

    def found(self, threshold: float, names: list[str]) -> Found:
        """Return the pairs that reach the threshold, in terms of the items."""
        records, match = self.records, self.score >= threshold
        left, right, score = self.left[match], self.right[match], self.score[match]
        kinds, evidence = _evidence(self.levels[match], names)
        met = self.blocking.recall(self.left, self.right, self.score)
        total = self.score.sum()
        recall = met * (score.sum() / total if total > 0 else 1.0)
        # Records that say too little to be a pair are single, however many are equal.
        alone = (self._probability(self.own, np.arange(len(records))) < threshold) & (
            records.times > 1
        )
        label = np.where(alone[records.group], len(records) + np.arange(len(records.group)),
                         records.group)  # fmt: skip
        _, first, group = np.unique(label, return_index=True, return_inverse=True)
        group = numbered(first[group])
        pick = np.unique(np.concatenate([first, np.flatnonzero(alone[records.group])]))
        one, two, pair = between(records.group[pick], records.group[pick], left, right)
        one, two = group[pick[one]], group[pick[two]]
        keys = np.zeros(int(group.max(initial=-1)) + 1, dtype=np.uint64)
        keys[group] = records.keys[records.group]
        return Found(
            group, np.minimum(one, two), np.maximum(one, two), score[pair], evidence[pair],
            kinds, keys, float(recall),
        )  # fmt: skip


def _evidence(levels: np.ndarray, names: list[str]) -> tuple[tuple[str, ...], np.ndarray]:
    """Return the kinds of evidence, "equal" first, and that of each pair."""
    first, place = patterns(levels)
    number = {"equal": 0}
    kinds = []
    for row in levels[first].tolist():
        same = [n for n, level in zip(names, row, strict=True) if level == LEVELS - 1]
        near = [f"~{n}" for n, level in zip(names, row, strict=True) if 0 < level < LEVELS - 1]
        kinds.append(number.setdefault(", ".join(same + near), len(number)))
    return tuple(number), np.array(kinds, dtype=np.int64)[place]
