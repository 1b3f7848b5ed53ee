"""Rows mixed of two others, and their target with them."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.utils import check_random_state, column_or_1d
from sklearn.utils.multiclass import type_of_target
from sklearn.utils.validation import check_consistent_length, validate_data

from tamis import _frame
from tamis.exceptions import ParameterError
from tamis.resample import _rows
from tamis.resample._base import BaseSampler
from tamis.resample._params import check_parameters
from tamis.resample._rows import Made
from tamis.resample._strategy import OVER

__all__ = ["MixUp"]


class MixUp(BaseSampler):
    """Add rows that are weighted means of two rows, with targets that are as well.

    The weight of the first row is drawn from Beta(alpha, alpha), and the heavier of the two gives
    every cell that has no mean: categories, text, times, and numbers that the other lacks.

    Parameters
    ----------
    alpha : float, default=0.2
        Of the Beta distribution: near 0, rows hardly mix; 1 is a uniform weight.
    ratio : float, default=1.0
        Made rows, as a share of the rows that come in.
    labels : {'soft', 'hard'}, default='soft'
        How classes come out. 'soft': y is a float64 array of shape (n_rows_out, n_classes) of
        weights that add up to 1, the columns in the order of `classes_`, original rows included;
        'hard': the class of the heavier row, in the container of y. A target of numbers is mixed
        and comes out as a float64 array either way.
    random_state : int, RandomState or None, default=None
        Draws.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,) or None
        The classes; None for a target of numbers.
    source_index_ : ndarray of shape (n_rows_out, 2), int64
        The two rows of each, the heavier first; originals (i, i).
    weight_ : ndarray of shape (n_rows_out,), float64
        The weight of the heavier row, 0.5 to 1; originals have 1.
    n_features_in_ : int
        Columns seen.
    feature_names_in_ : ndarray of str
        Their names, where they had any.

    Notes
    -----
    H. Zhang, M. Cisse, Y. N. Dauphin and D. Lopez-Paz, mixup: beyond empirical risk minimization,
    ICLR 2018. Whole-number columns are rounded. In an array all columns are numbers: give a frame
    where some are categories.

    Examples
    --------
    >>> import numpy as np
    >>> from tamis.resample import MixUp
    >>> sampler = MixUp(1.0, ratio=0.5, random_state=0)
    >>> X, y = sampler.fit_resample(np.array([[0.0], [1.0], [2.0], [3.0]]), ["a", "a", "b", "b"])
    >>> X.shape, y.shape, sampler.classes_
    ((6, 1), (6, 2), array(['a', 'b'], dtype='<U1'))
    >>> bool(np.allclose(y.sum(axis=1), 1))
    True
    """

    _kind = OVER
    _sparse = False

    def __init__(
        self,
        alpha: float = 0.2,
        *,
        ratio: float = 1.0,
        labels: str = "soft",
        random_state: Any = None,
    ) -> None:
        self.alpha = alpha
        self.ratio = ratio
        self.labels = labels
        self.random_state = random_state

    def fit(self, X: Any, y: Any, **params: Any) -> MixUp:
        """Check the rows and find the classes.

        Parameters
        ----------
        X : frame or array of shape (n_rows, n_features)
            The rows.
        y : array-like of shape (n_rows,)
            Classes, or numbers.
        **params : object
            Ignored.

        Returns
        -------
        self
        """
        check_parameters(self)
        self._look(X, y)
        return self

    def _look(self, X: Any, y: Any) -> tuple[Any, np.ndarray]:
        if y is None:
            raise ParameterError("MixUp needs the target of the rows: give y")
        target = column_or_1d(np.asarray(y))
        if _frame.is_frame(X):
            validate_data(self, X, target, skip_check_array=True)
            cells = X
        else:
            cells = validate_data(self, X, target, ensure_all_finite=False)[0]
        check_consistent_length(cells, target)
        numeric = type_of_target(target).startswith("continuous")
        self.classes_ = None if numeric else np.unique(target)
        return cells, target

    def fit_resample(self, X: Any, y: Any, **params: Any) -> Any:
        """Add mixed rows.

        Parameters
        ----------
        X : frame, array or list of shape (n_rows, n_features)
            The rows. NaN is missing.
        y : array-like of shape (n_rows,)
            Classes, or numbers.
        **params : array-like of shape (n_rows,)
            Whatever else is given by row; a made row has the value of its heavier row.

        Returns
        -------
        X, y or X, y, params
            X in its container, the original rows first; y as `labels` says.

        Raises
        ------
        ParameterError
            If a parameter is out of its range.
        """
        check_parameters(self)
        cells, target = self._look(X, y)
        n = len(target)
        rng = check_random_state(self.random_state)
        size = round(self.ratio * n)
        first, second = rng.randint(n, size=size), rng.randint(n, size=size)
        share = rng.beta(self.alpha, self.alpha, size=size)
        swap = share < 0.5
        base, other = np.where(swap, second, first), np.where(swap, first, second)
        weight = np.where(swap, 1 - share, share)
        X_out = self._mixed(X, cells, base, other, weight)
        own = np.arange(n)
        self.source_index_ = np.stack(
            [np.concatenate([own, base]), np.concatenate([own, other])], axis=1
        )
        self.weight_ = np.concatenate([np.ones(n), weight])
        y_out = self._target(y, target)
        if params:
            rows = self.source_index_[:, 0]
            return X_out, y_out, {k: _frame.take(v, rows) for k, v in params.items()}
        return X_out, y_out

    def _mixed(
        self, X: Any, cells: Any, base: np.ndarray, other: np.ndarray, weight: np.ndarray
    ) -> Any:
        made = Made(base, other, 1 - weight)
        if not _frame.is_frame(X):
            numbers = cells if cells.dtype.kind == "f" else cells.astype(np.float64)
            made.given = _means(numbers, base, other, weight).astype(cells.dtype)
            if cells.dtype.kind in "iu":
                made.given = np.rint(_means(numbers, base, other, weight)).astype(cells.dtype)
            out = _rows.extend(cells, None, made)
            return out.tolist() if isinstance(X, list) else out
        frame = _frame.wrap(X, "X")
        where = [j for j, kind in enumerate(frame.schema.values()) if kind.is_numeric()]
        made.columns = np.array(where, dtype=np.int64)
        made.picks = {j: base for j in range(frame.shape[1]) if j not in set(where)}
        means = np.empty((len(base), len(where)))
        for place, j in enumerate(where):
            column = _frame.values(frame.get_column(frame.columns[j]))
            numbers = np.where(column.missing, np.nan, column.data.astype(np.float64))
            mixed = _means(numbers[:, None], base, other, weight)[:, 0]
            means[:, place] = np.rint(mixed) if column.kind in ("int", "uint") else mixed
        made.given = means
        return _rows.extend_frame(X, None, made)

    def _target(self, y: Any, target: np.ndarray) -> Any:
        base, other = self.source_index_.T
        weight = self.weight_
        if self.classes_ is None:
            numbers = target.astype(np.float64)
            return weight * numbers[base] + (1 - weight) * numbers[other]
        if self.labels == "hard":
            return [y[i] for i in base] if isinstance(y, list) else _frame.take(y, base)
        codes = np.searchsorted(self.classes_, target)
        soft = np.zeros((len(base), len(self.classes_)))
        rows = np.arange(len(base))
        soft[rows, codes[base]] += weight
        soft[rows, codes[other]] += 1 - weight
        return soft


def _means(
    numbers: np.ndarray, base: np.ndarray, other: np.ndarray, weight: np.ndarray
) -> np.ndarray:
    """Return weighted means; where one of two numbers is missing, the heavier row's cell."""
    a, b = numbers[base], numbers[other]
    mixed = weight[:, None] * a + (1 - weight[:, None]) * b
    return np.where(np.isnan(b), a, mixed)
