"""Which methods fill a column, from their errors on hidden cells."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.optimize import nnls

__all__ = ["Cells", "Choice", "choose", "losses"]

#: How many cells of its own weigh as much, for a column, as what is seen in all columns.
_OWN = (10.0, 50.0, 250.0, np.inf)
#: Methods of less weight in a blend are left out.
_LIGHT = 0.08
#: A blend costs several methods: it must be better than one by this share.
_GAIN = 0.005


@dataclass
class Cells:
    """The hidden cells of one column: what they are and what each method said.

    Attributes
    ----------
    truth : ndarray of shape (n_cells, width)
    said : ndarray of shape (n_methods, n_cells, width)
    repeat : ndarray of shape (n_cells,), int64
        In which repeat each was hidden.
    rows : ndarray of shape (n_cells, 2)
        What is to be known of their rows, for the scale of errors.
    """

    truth: np.ndarray
    said: np.ndarray
    repeat: np.ndarray
    rows: np.ndarray

    def products(self, rows: np.ndarray) -> np.ndarray:
        """Return the sums of products of the methods' errors, over some cells."""
        gap = (self.said - self.truth)[:, rows].reshape(len(self.said), -1)
        return gap @ gap.T


@dataclass
class Choice:
    """The weight of each method in each column.

    Attributes
    ----------
    weights : ndarray of shape (n_columns, n_methods)
    crossed : ndarray of shape (n_repeats, n_columns, n_methods)
        The weights that the other repeats give: by them cells of a repeat are judged.
    """

    weights: np.ndarray
    crossed: np.ndarray


def choose(cells: list[Cells], n_repeats: int, blend: bool) -> Choice:
    """Return the weights that do best on cells that they were not found on.

    For each column the sums of products of the methods' errors are mixed with those of all
    columns, so that a column of few hidden cells follows what is seen elsewhere. From the mixture
    comes one method, or the blend of the least error. How much is mixed, and whether blends
    are worth it, is decided for all columns at once, by errors in the repeats left out.
    """
    n_methods = len(cells[0].said)
    sums = np.zeros((n_repeats, len(cells), n_methods, n_methods))
    n = np.zeros((n_repeats, len(cells)))
    for j, column in enumerate(cells):
        for r in range(n_repeats):
            rows = column.repeat == r
            sums[r, j], n[r, j] = column.products(rows), rows.sum()
    unit = _units(sums.sum(axis=0), n.sum(axis=0))
    sums /= unit[:, None, None]
    total, count = sums.sum(axis=0), n.sum(axis=0)
    best: tuple[float, Choice] | None = None
    for one in (True, False) if blend else (True,):
        for own in _OWN:
            crossed = np.stack(
                [
                    _weights(total - sums[r], count - n[r], own, one) if n_repeats > 1
                    else _weights(total, count, own, one)
                    for r in range(n_repeats)
                ]
            )  # fmt: skip
            loss = float(np.einsum("rja,rjab,rjb->", crossed, sums, crossed))
            loss *= 1.0 if one else 1.0 + _GAIN
            if best is None or loss < best[0] * (1 - 1e-9):
                best = loss, Choice(_weights(total, count, own, one), crossed)
    assert best is not None
    return best[1]


def losses(cells: list[Cells]) -> np.ndarray:
    """Return the mean squared error of each method in each column, NaN where none was hidden."""
    out = np.full((len(cells), len(cells[0].said)), np.nan)
    for j, column in enumerate(cells):
        if len(column.truth):
            gap = ((column.said - column.truth) ** 2).sum(axis=2)
            out[j] = gap.mean(axis=1)
    return out


def _units(sums: np.ndarray, n: np.ndarray) -> np.ndarray:
    """Return what a column's errors are measured in: the median method's."""
    unit = np.median(np.diagonal(sums, axis1=1, axis2=2), axis=1) / np.maximum(n, 1)
    usual = np.median(unit[unit > 0]) if (unit > 0).any() else 1.0
    # Columns that all methods fill without error say nothing and must not weigh.
    return np.where(unit > 1e-9 * usual, unit, usual)


def _weights(sums: np.ndarray, n: np.ndarray, own: float, one: bool) -> np.ndarray:
    """Return the weights of each column from sums of products of errors."""
    pooled = sums.sum(axis=0) / max(float(n.sum()), 1.0)
    out = np.zeros(sums.shape[:2])
    for j in range(len(sums)):
        part = n[j] / (n[j] + own) if np.isfinite(own) else 0.0
        mixed = (1 - part) * pooled + part * sums[j] / max(n[j], 1.0)
        if one:
            out[j, int(np.diagonal(mixed).argmin())] = 1.0
        else:
            out[j] = _blend(mixed)
    return out


def _blend(products: np.ndarray) -> np.ndarray:
    """Return the weights, from 0 and of sum 1, whose blend has the least error."""
    used = np.arange(len(products))
    while True:
        part = products[np.ix_(used, used)]
        values, vectors = np.linalg.eigh(part)
        root = vectors * np.sqrt(np.maximum(values, 1e-12 * max(values[-1], 1e-300)))
        # The least of the square and of the sum's distance from 1 has the direction sought.
        scaled = np.vstack([root.T, np.full(len(used), np.sqrt(max(values[-1], 1e-300)))])
        found = nnls(scaled, np.append(np.zeros(len(used)), scaled[-1, 0]))[0]
        if found.sum() <= 0:
            found = (np.arange(len(used)) == np.diagonal(part).argmin()).astype(float)
        found /= found.sum()
        heavy = found >= _LIGHT
        if heavy.all():
            out = np.zeros(len(products))
            out[used] = found
            return out
        used = used[heavy]
