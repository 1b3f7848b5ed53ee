"""Checks of why cells may be missing: whether gaps go with what the other columns show."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import stats

from tamis.quality._finding import Finding, count, finding, listed, share
from tamis.quality._little import little
from tamis.quality._table import Table

__all__ = ["CHECKS"]

#: Rows that the tests look at, at most: enough to see what matters.
_MOST_ROWS = 20_000
#: Gaps (and cells that are there) expected in each group of rows, at least.
_EXPECTED = 5
_GROUPS = 5
_LEVELS = 8
#: The chance that one column or more of a table without such relations is named.
_CHANCE = 0.01
#: From such a difference of shares on, gaps that go with the target are more than worth a look.
_MUCH = 0.1


@dataclass(frozen=True)
class _Relation:
    """The gaps of one column against the groups of another."""

    by: Any
    p: float
    strength: float  # Cramér's V
    low: tuple[str, float]  # the group with the fewest gaps, and their share there
    high: tuple[str, float]


def gaps(t: Table) -> Iterator[Finding]:
    """Which columns miss at random, as far as the others show, and which do not."""
    open_columns = [n for n in t.features if 0 < t.gaps(n).sum() < t.n_rows]
    others = [n for n in t.columns if t.columns[n].kind in ("number", "category", "datetime")]
    if not open_columns or not others:
        return
    rows = np.arange(t.n_rows)
    if t.n_rows > _MOST_ROWS:
        rows = np.sort(np.random.default_rng(0).choice(t.n_rows, _MOST_ROWS, replace=False))
    found = _relations(t, open_columns, others, rows)
    if not any(found.values()):
        return
    yield from _overall(t, rows)
    related = _significant(found)
    for name, relations in related.items():
        yield _depends(t, name, relations)
    free = [n for n, tried in found.items() if tried and n not in related]
    if free:
        n_tests = sum(len(tried) for tried in found.values())
        yield finding(
            "gaps_random", "info", free,
            f"{listed(free, 8)} {'misses' if len(free) == 1 else 'miss'} at random as far as the "
            f"other columns show: {count(n_tests, 'test')} of gaps against columns, corrected for "
            "their number. Whether a gap depends on the value that is not there cannot be seen in "
            "the data.",
            "Fill these columns by what is most accurate (tamis.impute.AutoImputer); ask where the "
            "data come from whether high or low values were left out.",
            score=0.0,
        )  # fmt: skip


def _overall(t: Table, rows: np.ndarray) -> Iterator[Finding]:
    """Report Little's test of all columns of numbers."""
    names = [n for n in t.columns if t.columns[n].kind == "number"]
    tested = little(np.stack([t.numbers(n)[rows] for n in names], axis=1)) if names else None
    if tested is None:
        return
    random = tested.p >= _CHANCE
    p = f"p = {tested.p:.2g}" if tested.p >= 1e-4 else "p < 0.0001"
    yield finding(
        "gaps_overall", "info", [names[j] for j in tested.columns],
        f"Little's test (EM on normal scores, {len(tested.columns)} columns of numbers, "
        f"{count(tested.n_rows, 'row')}, {tested.n_patterns} patterns of gaps): chi2 = "
        f"{tested.statistic:.1f} at {tested.freedom} degrees of freedom, {p}. "
        + ("No sign that gaps depend on the values that are there." if random else
           "Gaps are not completely at random: they depend on values that are there."),
        "Rows may be dropped without bias only where gaps are completely at random; filling "
        "from the other columns needs less: that these show what the gaps depend on.",
        score=1.0 - tested.p,
    )  # fmt: skip


def _depends(t: Table, name: Any, relations: list[_Relation]) -> Finding:
    """Return the finding about a column whose gaps go with others."""
    first = relations[0]
    also = ""
    if len(relations) > 1:
        also = f" They also go with {listed([r.by for r in relations[1:]], 3)}."
    by_target = first.by == t.target
    much = by_target and first.high[1] - first.low[1] >= _MUCH
    what = "the target " if by_target else ""
    fix = (
        "Do not drop these rows, which would bias what is left: fill the column from the others "
        "(tamis.impute.IterativeImputer, AutoImputer) and keep a flag of the gap."
    )
    if much:
        fix += " Find out why: gaps that follow the outcome may give it away."
    return finding(
        "gaps_depend", "medium" if much else "low", [name, *(r.by for r in relations)],
        f"The gaps of {name!r} go with {what}{first.by!r}: it is missing in "
        f"{_rate(first.low[1])} of the rows where {first.by!r} is {first.low[0]}, and in "
        f"{_rate(first.high[1])} where it is {first.high[0]}.{also}",
        fix, rows=np.flatnonzero(t.gaps(name)), score=max(r.strength for r in relations),
    )  # fmt: skip


def _rate(part: float) -> str:
    return share(round(10_000 * part), 10_000)


# --- the tests ---------------------------------------------------------------------------------


def _relations(
    t: Table, open_columns: list[Any], others: list[Any], rows: np.ndarray
) -> dict[Any, list[_Relation]]:
    """Return for each column with gaps what could be tested."""
    missing = {name: t.gaps(name)[rows] for name in open_columns}
    found: dict[Any, list[_Relation]] = {name: [] for name in open_columns}
    for by in others:
        grouped = _Groups(t, by, rows)
        for name in open_columns:
            if name != by:
                found[name] += grouped.relation(missing[name])
    return found


def _significant(found: dict[Any, list[_Relation]]) -> dict[Any, list[_Relation]]:
    """Return those that stay after Holm's correction, the strongest first."""
    every = sorted(
        ((r.p, name, r) for name, tried in found.items() for r in tried), key=lambda one: one[0]
    )
    related: dict[Any, list[_Relation]] = {}
    for place, (p, name, relation) in enumerate(every):
        if p * (len(every) - place) >= _CHANCE:
            break
        related.setdefault(name, []).append(relation)
    in_order = {name: related[name] for name in found if name in related}
    return {name: sorted(rs, key=lambda r: -r.strength) for name, rs in in_order.items()}


class _Groups:
    """The rows in groups by a column: fifths of numbers and times, levels of categories."""

    def __init__(self, t: Table, by: Any, rows: np.ndarray) -> None:
        self.by = by
        self._there = np.flatnonzero(~t.gaps(by)[rows])
        self._at = rows[self._there]
        self._table = t
        self._ordered = t.columns[by].kind != "category"
        self._made: dict[int, tuple[np.ndarray, list[str]]] = {}

    def relation(self, missing: np.ndarray) -> list[_Relation]:
        """Return the relation of gaps to the groups, if there are enough of both."""
        gone = missing[self._there]
        n, n_gone = len(gone), int(gone.sum())
        few = min(n_gone, n - n_gone)
        most = min(_GROUPS if self._ordered else _LEVELS, few // _EXPECTED)
        if most < 2:
            return []
        codes, labels = self._cut(most)
        size = np.bincount(codes, minlength=len(labels))
        here = np.bincount(codes, weights=gone, minlength=len(labels))
        size, here, labels = _merged(size, here, labels, few / n)
        if len(size) < 2:
            return []
        rate = n_gone / n
        statistic = float(np.sum((here - size * rate) ** 2 / size) / (rate * (1 - rate)))
        shares = here / size
        low, high = int(shares.argmin()), int(shares.argmax())
        return [
            _Relation(
                self.by,
                float(stats.chi2.sf(statistic, len(size) - 1)),
                float(np.sqrt(statistic / n)),
                (labels[low], float(shares[low])),
                (labels[high], float(shares[high])),
            )
        ]

    def _cut(self, most: int) -> tuple[np.ndarray, list[str]]:
        """Return the group of each row, and what a group is called."""
        if most not in self._made:
            self._made[most] = self._by_size(most) if self._ordered else self._by_level()
        return self._made[most]

    def _by_size(self, most: int) -> tuple[np.ndarray, list[str]]:
        x = self._table.numbers(self.by)[self._at]
        edges = np.unique(np.quantile(x, np.arange(1, most) / most, method="nearest"))
        codes = np.searchsorted(edges, x, side="left")
        used, codes = np.unique(codes, return_inverse=True)
        labels = []
        for k in range(len(used)):
            inside = x[codes == k]
            ends = [self._text(v) for v in (inside.min(), inside.max())]
            labels.append(ends[0] if ends[0] == ends[1] else " to ".join(ends))
        return codes, labels

    def _text(self, value: float) -> str:
        column = self._table.columns[self.by]
        if column.kind == "datetime" and not column.dtype.startswith("Duration"):
            unit: Any = "s" if column.parse else "ns"
            return str(np.datetime64(int(value), unit).astype("M8[D]"))
        return f"{value:.4g}"

    def _by_level(self) -> tuple[np.ndarray, list[str]]:
        """Return levels, the rarest of many as one."""
        every = self._table.codes(self.by)
        values, first, codes = np.unique(every[self._at], return_index=True, return_inverse=True)
        order = np.argsort(-np.bincount(codes), kind="stable")
        place = np.empty(len(values), dtype=np.int64)
        place[order] = np.arange(len(values))
        data = self._table.values(self.by).data
        labels = [repr(data[self._at[first[k]]]) for k in order[: _LEVELS - 1]]
        if len(values) >= _LEVELS:
            labels.append("something else")
        return np.minimum(place[codes], len(labels) - 1), labels


def _merged(
    size: np.ndarray, here: np.ndarray, labels: list[str], rare: float
) -> tuple[np.ndarray, np.ndarray, list[str]]:
    """Put groups together in which too few gaps (or present cells) are to be expected."""
    small = size * rare < _EXPECTED
    if not small.any():
        return size, here, labels
    kept = np.flatnonzero(~small)
    sizes, heres = size[kept].tolist(), here[kept].tolist()
    names = [labels[k] for k in kept]
    if size[small].sum() * rare >= _EXPECTED:
        sizes.append(size[small].sum())
        heres.append(here[small].sum())
        names.append("something else")
    return np.array(sizes, dtype=float), np.array(heres, dtype=float), names


CHECKS = (gaps,)
