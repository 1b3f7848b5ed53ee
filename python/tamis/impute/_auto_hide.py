"""Known cells to hide so that what is hidden is like what is missing."""

from __future__ import annotations

import numpy as np

__all__ = ["hide", "repeats"]

#: Share of the known cells that is hidden at a time. More would leave less to learn from than
#: there is, and favour methods that need little.
_SHARE = 0.03
#: Cells that are to be hidden over all repeats, and the repeats that may take.
_CELLS, _REPEATS = 2000, (3, 10)
#: Cells of a column without gaps, as a share of those that a usual column gets.
_LITTLE = 0.3
#: The share of a column's known cells that is hidden at most.
_MOST = 0.2
#: Columns that gaps are regressed on, at most; the ridge, as a share of the rows; how many times
#: likelier than usual a cell may be taken.
_COLUMNS, _RIDGE, _LIKELIER = 150, 1e-3, 20.0


def repeats(n_known: int) -> int:
    """Return how often cells are to be hidden, to see enough of them."""
    return int(np.clip(np.ceil(_CELLS / max(_SHARE * n_known, 1.0)), *_REPEATS))


def hide(
    gaps: np.ndarray, scaled: np.ndarray, owner: np.ndarray, rng: np.random.Generator
) -> np.ndarray:
    """Return a mask of known cells to hide.

    A column gets hidden cells as it has gaps, in rows that are as likely to have them there: cells
    are drawn by the odds of a gap, from regressions of the gaps on the other columns. Where gaps
    come together (a block of columns is missing in the same rows), they are hidden together.

    Parameters
    ----------
    gaps : ndarray of shape (n_rows, n_columns), bool
    scaled : ndarray of shape (n_rows, k), float64
        The rows, centred and scaled, 0 where missing.
    owner : ndarray of shape (k,), int64
        Which column each column of `scaled` belongs to.
    rng : Generator

    Returns
    -------
    ndarray of shape (n_rows, n_columns), bool
    """
    known = ~gaps
    n_known = known.sum(axis=0)
    # Two cells of a column stay at least.
    room = np.minimum(np.ceil(_MOST * n_known).astype(np.int64), np.maximum(n_known - 2, 0))
    odds = _odds(gaps, scaled, owner, rng)
    partners = _partners(gaps)
    hidden = np.zeros_like(gaps)
    for j in rng.permutation(gaps.shape[1]).tolist():
        n = min(_wanted(gaps, j), int(room[j])) - int(hidden[:, j].sum())
        free = known[:, j] & ~hidden[:, j]
        if gaps.shape[1] > 1:  # something of each row stays
            free &= (known & ~hidden).sum(axis=1) > 1
        rows = np.flatnonzero(free)
        n = min(n, len(rows))
        if n < 1:
            continue
        chance = odds[rows, j] / odds[rows, j].sum()
        taken = rng.choice(rows, n, replace=False, p=chance)
        hidden[taken, j] = True
        _hide_partners(hidden, gaps, taken, j, partners[j], room, rng)
    return hidden


def _wanted(gaps: np.ndarray, column: int) -> int:
    """Return how many cells of a column are to be hidden, by how many it lacks."""
    n_gaps = gaps.sum(axis=0)
    budget = _SHARE * (gaps.size - n_gaps.sum())
    usual = np.maximum(n_gaps, _LITTLE * max(n_gaps.mean(), 1.0))
    return max(1, round(budget * usual[column] / usual.sum()))


def _odds(
    gaps: np.ndarray, scaled: np.ndarray, owner: np.ndarray, rng: np.random.Generator
) -> np.ndarray:
    """Return how much likelier than usual each cell is to be missing, by the other columns."""
    n = len(gaps)
    out = np.ones(gaps.shape)
    used = np.arange(scaled.shape[1])
    if len(used) > _COLUMNS:
        used = np.sort(rng.choice(len(used), _COLUMNS, replace=False))
    Z, owner = scaled[:, used], owner[used]
    gram = Z.T @ Z + (_RIDGE * n + 1.0) * np.eye(len(used))
    rate = gaps.mean(axis=0)
    cross = Z.T @ (gaps - rate)
    for j in np.flatnonzero((rate > 0) & (rate < 1)):
        # A column is 0 where it is missing itself: it must not tell its own gaps.
        others = np.flatnonzero(owner != j)
        if not len(others):
            continue
        weights = np.linalg.solve(gram[np.ix_(others, others)], cross[others, j])
        spread = rate[j] * (1 - rate[j])
        explained = min(float(cross[others, j] @ weights) / (n * spread), 0.9)
        # What chance explains in so many columns is no relation.
        real = 1.0 - len(others) / max(n * explained, 1e-12)
        if real > 0:
            # From the regression to the log odds, as discriminant analysis has it.
            line = Z[:, others] @ weights * (real / (spread * (1 - explained)))
            limit = np.log(_LIKELIER)
            out[:, j] = np.exp(np.clip(line, -limit, limit))
    return out


def _partners(gaps: np.ndarray) -> np.ndarray:
    """Return how many of the gaps that come with a column's (row) are more than come anyway.

    Row j, column k: the share of the rows that lack j and k which would not lack k if they had j.
    """
    n_gone = gaps.sum(axis=0)
    n_there = len(gaps) - n_gone
    both = gaps.T.astype(float) @ gaps
    with np.errstate(invalid="ignore", divide="ignore"):
        with_gap = both / n_gone[:, None]
        without = (n_gone - both) / n_there[:, None]
        more = (with_gap - without) / (1 - without) / with_gap
    more = np.where(np.isfinite(more), np.clip(more, 0, 1), 0.0)
    # A few rows more than chance has it are no block.
    noise = 3.0 / np.sqrt(np.maximum(both, 1.0))
    more[more < noise] = 0.0
    np.fill_diagonal(more, 0.0)
    return more


def _hide_partners(
    hidden: np.ndarray,
    gaps: np.ndarray,
    taken: np.ndarray,
    column: int,
    more: np.ndarray,
    room: np.ndarray,
    rng: np.random.Generator,
) -> None:
    """Hide in rows what is missing beside a column's gaps, as rows drawn among these have it."""
    givers = np.flatnonzero(gaps[:, column])
    if not more.any() or not len(givers):
        return
    for row in taken:
        giver = givers[int(rng.integers(len(givers)))]
        new = gaps[giver] & ~gaps[row] & ~hidden[row] & (rng.random(len(more)) < more)
        new &= hidden.sum(axis=0) < room
        if (gaps[row] | hidden[row] | new).sum() < len(more):
            hidden[row] |= new
