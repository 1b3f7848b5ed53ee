"""Each method on hidden cells: what columns are filled by, and how far off that may be."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.isotonic import IsotonicRegression

from tamis import _progress
from tamis._random import derive
from tamis._state import register
from tamis.exceptions import StateError
from tamis.impute._auto_choose import Cells, choose, losses
from tamis.impute._auto_hide import hide, repeats
from tamis.impute._auto_methods import complete, fitted
from tamis.impute._auto_sheet import Sheet
from tamis.impute._auto_spread import Spread, row_traits, signs

__all__ = ["Judged", "judge"]

#: What the intervals are to cover.
COVERAGE = 0.9
#: Hidden cells of less variance than this, in units of their column's, do not show what it holds.
_SHOWN = 0.25
#: Groups of cells in which the chance of a wrong category is learned.
_GROUPS = 8


@dataclass
class Judged:
    """What was found on hidden cells.

    Attributes
    ----------
    methods : list of str
    weights : ndarray of shape (n_columns, n_methods)
        How much of each method a column is filled by.
    errors : ndarray of shape (n_columns, n_methods)
        Root mean squared error, or error rate, of each method.
    error, coverage : ndarray of shape (n_columns,)
        Error of what was chosen, and how often its 90 % interval held the value.
    n_hidden : ndarray of shape (n_columns,), int64
    spread : Spread
    unsure, wrong : ndarray
        How often a category is wrong where the methods are so unsure.
    """

    methods: list[str]
    weights: np.ndarray
    errors: np.ndarray
    error: np.ndarray
    coverage: np.ndarray
    n_hidden: np.ndarray
    spread: Spread
    unsure: np.ndarray
    wrong: np.ndarray

    def doubt(self, level: np.ndarray) -> np.ndarray:
        """Return the chance that the likeliest level of each cell is wrong."""
        return np.interp(_unsure(level), self.unsure, self.wrong)


def judge(
    codes: np.ndarray,
    sheet: Sheet,
    made: dict[str, Callable[[], Any]],
    *,
    n_repeats: int | None,
    max_rows: int,
    blend: bool,
    seed: int,
) -> Judged:
    """Hide known cells, let each method fill them, and choose.

    Parameters
    ----------
    codes : ndarray of shape (n_rows, n_columns), float64
        The training rows, NaN where missing.
    sheet : Sheet
    made : dict
        For each method what makes its imputer.
    n_repeats : int, optional
        How often cells are hidden; by default until some 2000 were.
    max_rows : int
        On how many rows at most.
    blend : bool
        Whether columns may be filled by several methods.
    seed : int

    Returns
    -------
    Judged
    """
    if len(codes) > max_rows:
        rng = np.random.default_rng(derive(seed, "rows"))
        codes = codes[np.sort(rng.choice(len(codes), max_rows, replace=False))]
    n_repeats = n_repeats or repeats(int((~np.isnan(codes)).sum()))
    cells = _hidden_cells(codes, sheet, made, n_repeats, seed)
    choice = choose(cells, n_repeats, blend)
    coded = np.array([len(v) > 0 for v in sheet.levels])
    scale = np.where(coded, 1.0, sheet.scale)
    errors = np.sqrt(losses(cells)) * scale[:, None]
    for j in np.flatnonzero(coded).tolist():
        errors[j] = [_missed(cells[j].truth, said) for said in cells[j].said]
    # What is judged was chosen without the repeat that it is judged on.
    mixed = [
        np.einsum("nm,mnw->nw", choice.crossed[column.repeat, j], column.said)
        for j, column in enumerate(cells)
    ]
    used = choice.weights.any(axis=0)
    gaps, traits = [np.zeros(0)] * len(cells), [np.zeros((0, 4))] * len(cells)
    for j in np.flatnonzero(~coded & (sheet.widths > 0)).tolist():
        column, value = cells[j], mixed[j][:, 0]
        gaps[j] = column.truth[:, 0] - value
        traits[j] = signs(column.said[used][:, :, 0], value, column.rows)
    shown = np.array([np.mean(c.truth[:, :1] ** 2) if len(c.truth) else 1.0 for c in cells])
    varied = ~coded & (sheet.high > sheet.low)
    unseen = np.where(varied & (shown < _SHOWN), 1.0 - shown, 0.0)
    error = np.full(len(cells), np.nan)
    for j, column in enumerate(cells):
        if len(column.truth):
            root = _missed(column.truth, mixed[j]) if coded[j] else np.sqrt(np.mean(gaps[j] ** 2))
            error[j] = root * scale[j]
    unsure, wrong = _doubts([(cells[j].truth, mixed[j]) for j in np.flatnonzero(coded).tolist()])
    return Judged(
        methods=list(made),
        weights=choice.weights,
        errors=errors,
        error=error,
        coverage=_coverage(cells, gaps, traits, n_repeats, unseen),
        n_hidden=np.array([len(column.truth) for column in cells], dtype=np.int64),
        spread=Spread.fit(gaps, traits, COVERAGE, unseen),
        unsure=unsure,
        wrong=wrong,
    )


def _hidden_cells(
    codes: np.ndarray,
    sheet: Sheet,
    made: dict[str, Callable[[], Any]],
    n_repeats: int,
    seed: int,
) -> list[Cells]:
    """Return for each column the hidden cells and what each method said of them."""
    p = codes.shape[1]
    missing = np.isnan(codes)
    whole = sheet.spread(codes)
    some = sheet.widths > 0
    owner = np.repeat(np.arange(int(some.sum())), sheet.widths[some])
    found: list[list[Cells]] = [[] for _ in range(p)]
    with _progress.bar(n_repeats * len(made), "methods tried") as bar:
        for repeat in range(n_repeats):
            rng = np.random.default_rng(derive(seed, repeat))
            hidden = np.zeros_like(missing)
            hidden[:, some] = hide(missing[:, some], np.nan_to_num(whole), owner, rng)
            holed = sheet.spread(np.where(hidden, np.nan, codes))
            traits = row_traits(holed)
            filled = []
            for make in made.values():
                filled.append(complete(fitted(make(), holed), holed) if some.any() else holed)
                bar.update()
            for j in range(p):
                rows, block = np.flatnonzero(hidden[:, j]), sheet.block(j)
                said = np.stack([f[rows, block] for f in filled])
                if not len(sheet.levels[j]):
                    said = sheet.within(j, said)
                number = np.full(len(rows), repeat)
                found[j].append(Cells(whole[rows, block], said, number, traits[rows]))
    return [
        Cells(
            np.concatenate([c.truth for c in parts]),
            np.concatenate([c.said for c in parts], axis=1),
            np.concatenate([c.repeat for c in parts]),
            np.concatenate([c.rows for c in parts]),
        )
        for parts in found
    ]


def _coverage(
    cells: list[Cells],
    gaps: list[np.ndarray],
    traits: list[np.ndarray],
    n_repeats: int,
    unseen: np.ndarray,
) -> np.ndarray:
    """Return how often intervals learned in the other repeats held the hidden values."""
    inside = [np.zeros(0, dtype=bool) for _ in cells]
    for r in range(n_repeats):
        test = [column.repeat[: len(g)] == r for column, g in zip(cells, gaps, strict=True)]
        train = [~t if n_repeats > 1 else t for t in test]
        spread = Spread.fit(
            [g[t] for g, t in zip(gaps, train, strict=True)],
            [a[t] for a, t in zip(traits, train, strict=True)],
            COVERAGE,
            unseen,
        )
        for j, (g, a, t) in enumerate(zip(gaps, traits, test, strict=True)):
            ratio = g[t] / spread.of(j, a[t])
            held = (ratio >= spread.low[j]) & (ratio <= spread.high[j])
            inside[j] = np.concatenate([inside[j], held])
    return np.array([held.mean() if len(held) else np.nan for held in inside])


def _missed(truth: np.ndarray, said: np.ndarray) -> float:
    """Return how often the likeliest level is not the true one."""
    if not len(truth):
        return float("nan")
    return float(np.mean(truth[np.arange(len(truth)), said.argmax(axis=1)] != 1.0))


def _unsure(level: np.ndarray) -> np.ndarray:
    return 1.0 - np.clip(level.max(axis=1, initial=0.0), 0.0, 1.0)


def _doubts(pairs: list[tuple[np.ndarray, np.ndarray]]) -> tuple[np.ndarray, np.ndarray]:
    """Return knots of how often categories are wrong, rising with how unsure the methods are."""
    pairs = [(truth, said) for truth, said in pairs if len(truth)]
    if not pairs:
        return np.array([0.0, 1.0]), np.array([0.0, 1.0])
    unsure = np.concatenate([_unsure(said) for _, said in pairs])
    wrong = np.concatenate(
        [truth[np.arange(len(truth)), said.argmax(axis=1)] != 1.0 for truth, said in pairs]
    ).astype(float)
    parts = np.array_split(np.argsort(unsure, kind="stable"), min(_GROUPS, len(unsure)))
    middle = np.array([unsure[part].mean() for part in parts])
    rate = np.array([(wrong[part].sum() + 0.5) / (len(part) + 1.0) for part in parts])
    rising = IsotonicRegression().fit(middle, rate, [len(part) for part in parts])
    middle = np.unique(middle)
    return middle, np.asarray(rising.predict(middle), dtype=np.float64)


def _check(judged: Judged) -> None:
    """Refuse what was saved if it is not whole."""
    have = vars(judged)
    methods: Any = have.get("methods")
    weights: Any = have.get("weights")
    spread: Any = have.get("spread")
    good = isinstance(methods, list) and isinstance(spread, Spread)
    good = good and isinstance(weights, np.ndarray) and weights.dtype.kind == "f"
    good = good and weights.shape == (len(spread.scale), len(methods))
    for name in ("unsure", "wrong"):
        good = good and isinstance(have.get(name), np.ndarray) and have[name].dtype.kind == "f"
    if not (good and have["unsure"].shape == have["wrong"].shape and have["unsure"].ndim == 1):
        raise StateError("what a saved imputer chose is not whole: save it again")


register(Judged, check=_check)
