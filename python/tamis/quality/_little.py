"""Little's test of whether gaps are completely at random, as far as means can show."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import stats

__all__ = ["Little", "little"]

#: Columns with gaps and without them, and rows, at most: each pattern of gaps needs rows.
_OPEN, _WHOLE, _ROWS = 6, 10, 5000
#: Rows of a pattern, at least, for its mean to be about normal.
_PATTERN = 10
#: Of columns that say nearly the same, one is enough.
_SAME = 0.98
_ROUNDS, _SETTLED = 200, 1e-6
_RIDGE = 1e-8


@dataclass(frozen=True)
class Little:
    """The outcome: the columns and rows it rests on, and chi squared."""

    columns: list[int]
    n_rows: int
    n_patterns: int
    statistic: float
    freedom: int
    p: float


def little(X: np.ndarray) -> Little | None:
    """Test whether gaps are completely at random; None where there is too little to tell.

    The means of rows with the same gaps are compared with those of a normal distribution fitted
    to all rows by expectation and maximisation (Little 1988). The columns' normal scores stand for
    their values, so that heavy tails do no harm, and patterns of fewer than ten rows are left out.

    Parameters
    ----------
    X : ndarray of shape (n_rows, n_columns), float64
        Numbers; what is not finite is a gap.

    Returns
    -------
    Little or None

    References
    ----------
    Little, "A Test of Missing Completely at Random for Multivariate Data with Missing Values",
    Journal of the American Statistical Association 83 (1988).
    """
    if len(X) > _ROWS:
        X = X[np.sort(np.random.default_rng(1).choice(len(X), _ROWS, replace=False))]
    there = np.isfinite(X)
    n_gaps = (~there).sum(axis=0)
    varied = [j for j in range(X.shape[1]) if len(np.unique(X[there[:, j], j])) > 1]
    gappy = sorted((j for j in varied if n_gaps[j]), key=lambda j: -n_gaps[j])
    scores = {j: _scores(X[:, j], there[:, j]) for j in varied}
    columns: list[int] = []
    for j in [*gappy, *(j for j in varied if not n_gaps[j])]:
        n_same = sum(1 for k in columns if bool(n_gaps[k]) == bool(n_gaps[j]))
        if n_same < (_OPEN if n_gaps[j] else _WHOLE) and not _said(scores, columns, j):
            columns.append(j)
    if len(columns) < 2 or not n_gaps[columns].any():
        return None
    Z = np.stack([scores[j] for j in columns], axis=1)
    masks, pattern, size = np.unique(~np.isnan(Z), axis=0, return_inverse=True, return_counts=True)
    usual = (size >= _PATTERN) & masks.any(axis=1)
    rows = usual[pattern.ravel()]
    if usual.sum() < 2 or not masks[usual].any(axis=0).all():
        return None
    pattern = (np.cumsum(usual) - 1)[pattern.ravel()[rows]]
    statistic = _distance(Z[rows], masks[usual], pattern, size[usual])
    freedom = int(masks[usual].sum()) - len(columns)
    p = float(stats.chi2.sf(statistic, freedom))
    return Little(columns, int(rows.sum()), int(usual.sum()), statistic, freedom, p)


def _scores(x: np.ndarray, there: np.ndarray) -> np.ndarray:
    """Return normal scores of the values that are there: the quantile of each one's rank."""
    out = np.full(len(x), np.nan)
    out[there] = stats.norm.ppf(stats.rankdata(x[there]) / (there.sum() + 1))
    spread = np.nanstd(out)
    return out / spread if spread > 0 else out


def _said(scores: dict[int, np.ndarray], columns: list[int], j: int) -> bool:
    """Return whether a column chosen already says what column j says."""
    for k in columns:
        both = np.isfinite(scores[j]) & np.isfinite(scores[k])
        if both.sum() > 2:
            with np.errstate(invalid="ignore", divide="ignore"):
                r = np.corrcoef(scores[j][both], scores[k][both])[0, 1]
            if abs(r) > _SAME:
                return True
    return False


def _distance(Z: np.ndarray, masks: np.ndarray, pattern: np.ndarray, size: np.ndarray) -> float:
    """Return Little's statistic, from the fit by expectation and maximisation."""
    p = Z.shape[1]
    filled = np.nan_to_num(Z)
    # What each pattern gives to the fit: sums and products of the cells that are there.
    sums = np.zeros((len(masks), p))
    np.add.at(sums, pattern, filled)
    products = np.stack([filled[pattern == k].T @ filled[pattern == k] for k in range(len(masks))])
    n = size[:, None]
    mean, cov = np.nanmean(Z, axis=0), np.diag(np.nanvar(Z, axis=0))
    both = masks[:, :, None] & masks[:, None, :]
    ridge = _RIDGE * np.eye(p)
    for _ in range(_ROUNDS):
        inverse = _inverse(cov + ridge, masks, both)
        # Regressions of all columns on those that are there; these give themselves.
        weights = np.where(masks[:, :, None], np.eye(p), cov @ inverse)
        about = sums - n * np.where(masks, mean, 0)
        said = n * mean + np.einsum("kij,kj->ki", weights, about)
        new_mean = said.sum(axis=0) / size.sum()
        rest = cov - weights @ np.where(masks[:, :, None], cov, 0.0)
        rest = np.where(masks[:, :, None] | masks[:, None, :], 0.0, rest)
        centred = _centred(products, sums, n, np.where(masks, mean, 0))
        around = weights @ centred @ weights.transpose(0, 2, 1) + n[:, :, None] * rest
        shift = new_mean - mean
        new_cov = around.sum(axis=0) / size.sum() - np.outer(shift, shift)
        moved = max(np.abs(shift).max(), np.abs(new_cov - cov).max())
        mean, cov = new_mean, (new_cov + new_cov.T) / 2
        if moved < _SETTLED:
            break
    gap = np.where(masks, sums / n - mean, 0.0)
    inverse = _inverse(cov + ridge, masks, both)
    return float(np.sum(size * np.einsum("ki,kij,kj->k", gap, inverse, gap)))


def _centred(products: np.ndarray, sums: np.ndarray, n: np.ndarray, mean: np.ndarray) -> np.ndarray:
    """Return each pattern's products around the mean, over the cells that are there."""
    cross = sums[:, :, None] * mean[:, None, :]
    square = n[:, :, None] * mean[:, :, None] * mean[:, None, :]
    return products - cross - cross.transpose(0, 2, 1) + square


def _inverse(cov: np.ndarray, masks: np.ndarray, both: np.ndarray) -> np.ndarray:
    """Return for each pattern the inverse over the columns that are there, 0 elsewhere."""
    p = cov.shape[0]
    parts = np.where(both, cov, 0.0) + np.where(masks, 0.0, 1.0)[:, :, None] * np.eye(p)
    return np.where(both, np.linalg.inv(parts), 0.0)
