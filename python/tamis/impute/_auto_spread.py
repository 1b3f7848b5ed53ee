"""How far off what is filled in may be: a scale for each cell, and intervals by residuals."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from sklearn.isotonic import IsotonicRegression

from tamis._state import register
from tamis.exceptions import StateError

__all__ = ["Spread", "row_traits", "signs"]

#: Cells of its own at which a column's scale (its quantiles) count as much as those of all.
_SCALE, _TAIL = 10.0, 20.0
#: Bins of equal numbers of cells in which the scale is learned, and cells of a bin at least.
_BINS, _BIN = 20, 10
#: The scale of a cell, in units of its column's, stays between these.
_LOW, _HIGH = 0.2, 5.0
#: The ridge of the regression of errors on signs of trouble, and what keeps its logarithms finite.
_RIDGE, _LEAST = 30.0, 0.05
#: The least error of a column, squared, as a share of the usual one.
_FINEST = 1e-12
#: How many signs of trouble there are.
_SIGNS = 4


@dataclass
class Spread:
    """The scale and tails of errors of numbers, learned from hidden cells.

    Attributes
    ----------
    scale : ndarray of shape (n_columns,)
        Root mean squared error of each column, scaled.
    usual : ndarray of shape (n_columns,)
        The usual disagreement of the methods.
    slope : ndarray of shape (4,)
        How the logarithm of squared errors goes with the signs of trouble (see `signs`).
    at, times : ndarray
        By how much the scale of a cell is more than its column's, where the signs say so much.
    low, high : ndarray of shape (n_columns,)
        The tails: 5 % of errors are below (above), in units of a cell's scale.
    """

    scale: np.ndarray
    usual: np.ndarray
    slope: np.ndarray
    at: np.ndarray
    times: np.ndarray
    low: np.ndarray
    high: np.ndarray

    @classmethod
    def fit(
        cls,
        gaps: list[np.ndarray],
        traits: list[np.ndarray],
        coverage: float,
        unseen: np.ndarray | float = 0.0,
    ) -> Spread:
        """Learn from the errors of the hidden cells of each column and their signs of trouble.

        `unseen` is the variance of a column that its hidden cells do not show: where all of them
        had the usual value of a column that is nearly constant, their errors say too little.
        """
        n = np.array([len(g) for g in gaps], dtype=float)
        square = np.array([np.mean(g**2) if len(g) else 0.0 for g in gaps])
        square = np.maximum(square, unseen)
        some = square[square > 0]
        usually = np.log(np.median(some)) if len(some) else 0.0
        own = np.log(np.maximum(square, _FINEST * np.exp(usually)))
        # By logarithms: columns of tiny errors are not to be taken for columns of usual ones.
        scale = np.exp((n * own + _SCALE * usually) / (n + _SCALE) / 2)
        usual = np.array([np.median(t[:, 0]) if len(t) else 0.0 for t in traits])
        none, flat = np.zeros(len(n)), np.ones(1)
        made = cls(scale, usual, np.zeros(_SIGNS), flat, flat.copy(), none, none.copy())
        ratio = np.concatenate([g / s for g, s in zip(gaps, scale, strict=True)])
        if len(ratio) >= 2 * _BIN:
            signs = np.concatenate([made._relative(j, t) for j, t in enumerate(traits)])
            made.slope = _slope(signs, ratio)
            made.at, made.times = _rising(signs @ made.slope, ratio)
        ratios = [g / made.of(j, t) for j, (g, t) in enumerate(zip(gaps, traits, strict=True))]
        made.low, made.high = _tails(ratios, coverage)
        return made

    def of(self, column: int, traits: np.ndarray) -> np.ndarray:
        """Return the scale of cells of a column, given their signs of trouble."""
        along = self._relative(column, traits) @ self.slope
        return self.scale[column] * np.interp(along, self.at, self.times)

    def _relative(self, column: int, traits: np.ndarray) -> np.ndarray:
        """Return the signs with the disagreement as a logarithm, in units of the column's."""
        out = traits.copy()
        usual = self.usual[column]
        out[:, 0] = np.log(np.maximum(traits[:, 0] / usual, _LEAST)) if usual > 0 else 0.0
        return out


def row_traits(sheet: np.ndarray) -> np.ndarray:
    """Return for each row of a sheet how extreme its known cells are, and its share of gaps."""
    known = ~np.isnan(sheet)
    square = np.where(known, sheet, 0.0) ** 2
    extreme = square.sum(axis=1) / np.maximum(known.sum(axis=1), 1)
    gaps = (~known).sum(axis=1) / max(known.shape[1], 1)
    return np.column_stack([np.log1p(extreme), gaps])


def signs(said: np.ndarray, value: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """Return signs of trouble of cells: what goes with large errors.

    Parameters
    ----------
    said : ndarray of shape (n_methods, n_cells)
        What each method says, scaled.
    value : ndarray of shape (n_cells,)
        What is filled in, scaled.
    rows : ndarray of shape (n_cells, 2)
        The `row_traits` of the cells' rows.

    Returns
    -------
    ndarray of shape (n_cells, 4)
        The methods' standard deviation, how far from the mean the value is, how extreme the row
        is, and how much of it is missing.
    """
    return np.column_stack([said.std(axis=0), np.abs(value), rows])


def _slope(signs: np.ndarray, ratio: np.ndarray) -> np.ndarray:
    """Return the weights of a ridge regression of the logarithm of squared errors."""
    centred = signs - signs.mean(axis=0)
    spread = centred.std(axis=0)
    centred /= np.where(spread > 0, spread, 1.0)
    y = np.log(ratio**2 + _LEAST)
    gram = centred.T @ centred + _RIDGE * np.eye(signs.shape[1])
    found = np.linalg.solve(gram, centred.T @ (y - y.mean()))
    return np.where(spread > 0, found / np.where(spread > 0, spread, 1.0), 0.0)


def _rising(along: np.ndarray, ratio: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return knots of the scale of errors, rising with what the signs say."""
    parts = np.array_split(np.argsort(along, kind="stable"), min(_BINS, len(along) // _BIN))
    middle = np.array([along[part].mean() for part in parts])
    square = np.array([np.mean(ratio[part] ** 2) for part in parts])
    rising = IsotonicRegression().fit(middle, square, [len(part) for part in parts])
    middle = np.unique(middle)
    return middle, np.clip(np.sqrt(rising.predict(middle)), _LOW, _HIGH)


def _tails(ratios: list[np.ndarray], coverage: float) -> tuple[np.ndarray, np.ndarray]:
    """Return the quantiles of each column's errors mixed with those of all columns."""
    pooled = np.concatenate(ratios)
    if not len(pooled):
        return np.full(len(ratios), -1.645), np.full(len(ratios), 1.645)
    tail = (1.0 - coverage) / 2
    out = np.empty((2, len(ratios)))
    for j, own in enumerate(ratios):
        every = np.concatenate([own, pooled])
        weight = np.concatenate([np.ones(len(own)), np.full(len(pooled), _TAIL / len(pooled))])
        order = np.argsort(every, kind="stable")
        every, weight = every[order], weight[order]
        # A new cell may be beyond all those seen: as the conformal rule has it.
        place = np.cumsum(weight) / (weight.sum() + 1.0)
        below = int(np.searchsorted(place, tail, side="right"))
        above = int(np.searchsorted(place, 1.0 - tail, side="left"))
        out[:, j] = every[max(below - 1, 0)], every[min(above, len(every) - 1)]
    return out[0], out[1]


def _check(spread: Spread) -> None:
    """Refuse saved scales that are not whole."""
    have = vars(spread)
    names = ("scale", "usual", "low", "high", "at", "times", "slope")
    good = all(isinstance(have.get(n), np.ndarray) and have[n].dtype.kind == "f" for n in names)
    good = good and len({have[n].shape for n in names[:4]}) == 1 and have["at"].ndim == 1
    good = good and have["at"].shape == have["times"].shape and have["slope"].shape == (_SIGNS,)
    if not (good and len(have["at"])):
        raise StateError("the scales of a saved imputer are not whole: save it again")


register(Spread, check=_check)
