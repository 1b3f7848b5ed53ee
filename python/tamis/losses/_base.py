"""What losses share: value, gradient and Hessian of each row, from one kernel."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.special import log_softmax
from sklearn.base import BaseEstimator

from tamis import _core
from tamis._threads import resolve
from tamis.exceptions import DataError, ParameterError, ShapeError

__all__ = ["Loss", "check", "log_shares"]

#: Fewer scores than this are not worth a thread.
_SMALL = 100_000


class Loss(BaseEstimator):
    """A loss of raw scores: `value`, `gradient` and `hessian`, one row each, unweighted.

    Losses of classes take class codes ``0 .. K - 1``, and scores of shape (n_rows,) (the logit of
    class 1 of two) or (n_rows, K). Losses of numbers take numbers and scores of shape (n_rows,).
    All keep their digits where scores are far out.

    Parameters are read and changed by `get_params` and `set_params`; losses are cloned, pickled
    and saved as estimators are. A loss of one's own is any object with `value` and `gradient`
    (and `hessian`, where a model needs it) of this form; `tamis.losses.check` tries it.
    """

    #: Whether targets are classes.
    classifies = True

    def _spec(self) -> tuple[str, list[float], list[float]]:
        """Return the name in the kernel, the parameters in order and the class weights."""
        raise ParameterError(f"{type(self).__name__} is no loss by itself: take one of its kinds")

    def value(self, y: Any, score: Any) -> np.ndarray:
        """Return the loss of each row.

        Parameters
        ----------
        y : array-like of shape (n_rows,)
            Class codes or numbers.
        score : array-like of shape (n_rows,) or (n_rows, n_classes)
            Raw scores.

        Returns
        -------
        ndarray of shape (n_rows,), float64
        """
        return self._rows(y, score, 0)[:, 0]

    def gradient(self, y: Any, score: Any) -> np.ndarray:
        """Return the first derivatives, in the shape of `score` (0 at a kink)."""
        return self._rows(y, score, 1).reshape(np.shape(score))

    def hessian(self, y: Any, score: Any) -> np.ndarray:
        """Return the second derivative along each score, in the shape of `score`."""
        return self._rows(y, score, 2).reshape(np.shape(score))

    def prepared(self, y: Any, n_classes: int | None = None) -> Any:
        """Return the loss with what it takes from the training targets (most take nothing)."""
        return self

    def probabilities(self, score: Any) -> np.ndarray:
        """Return the probabilities of the classes that scores stand for.

        Parameters
        ----------
        score : array-like of shape (n_rows,) or (n_rows, n_classes)

        Returns
        -------
        ndarray of shape (n_rows, n_classes)
        """
        return np.exp(self.log_probabilities(score))

    def log_probabilities(self, score: Any) -> np.ndarray:
        """Return the logarithms of `probabilities`, without loss where they are small."""
        if not self.classifies:
            raise ParameterError(f"{type(self).__name__} is a loss of numbers, not of classes")
        return log_shares(score)

    def _rows(self, y: Any, score: Any, what: int) -> np.ndarray:
        scores = np.asarray(score, dtype=np.float64)
        if scores.ndim == 1:
            scores = scores[:, None]
        if scores.ndim != 2 or scores.shape[1] == 0:
            raise ShapeError(f"score must have one or two dimensions; got {np.shape(score)}")
        try:
            target = np.asarray(y, dtype=np.float64)
        except (TypeError, ValueError):
            what_for = "class codes 0, 1, ..." if self.classifies else "numbers"
            raise DataError(f"y must hold {what_for}: encode it first") from None
        if target.ndim != 1 or len(target) != len(scores):
            raise ShapeError(f"y has shape {target.shape}, score has {len(scores)} rows")
        threads = 1 if scores.size < _SMALL else resolve(None)
        width = scores.shape[1] if what else 1
        out = _core.loss_rows(self._spec(), target, scores, what, threads)
        return out.reshape(len(scores), width)


def log_shares(score: Any) -> np.ndarray:
    """Return the logarithms of the softmax of scores; one column stands for two classes."""
    scores = np.asarray(score, dtype=np.float64)
    if scores.ndim == 2 and scores.shape[1] == 1:
        scores = scores[:, 0]
    if scores.ndim == 1:
        return np.column_stack([-np.logaddexp(0, scores), -np.logaddexp(0, -scores)])
    return np.asarray(log_softmax(scores, axis=1))


def check(loss: Any, y: Any, score: Any, *, step: float = 1e-4, tol: float = 1e-4) -> None:
    """Check a loss of one's own by finite differences.

    Parameters
    ----------
    loss : object with value and gradient, and hessian if it has one
    y : array-like of shape (n_rows,)
    score : array-like of shape (n_rows,) or (n_rows, n_classes)
        Where to look: not at kinks.
    step : float, default=1e-4
        How far to go to both sides.
    tol : float, default=1e-4
        The largest error, as a share of 1 plus the size of what is compared.

    Raises
    ------
    ShapeError
        If an answer has another shape than it must.
    DataError
        If the gradient is not the slope of the value, or the Hessian neither the slope of the
        gradient nor above it. It names the row.

    Examples
    --------
    >>> import numpy as np
    >>> import tamis
    >>> class Cubed:
    ...     def value(self, y, score):
    ...         return np.abs(score - y) ** 3
    ...
    ...     def gradient(self, y, score):
    ...         return 3 * (score - y) * np.abs(score - y)
    >>> tamis.losses.check(Cubed(), [0.0, 1.0], [2.0, -1.0])
    """
    at = np.array(score, dtype=np.float64)
    y = np.asarray(y)
    gradient = np.asarray(loss.gradient(y, at))
    hessian = np.asarray(loss.hessian(y, at)) if hasattr(loss, "hessian") else None
    shapes = {
        "value": (np.asarray(loss.value(y, at)), at.shape[:1]),
        "gradient": (gradient, at.shape),
    }
    if hessian is not None:
        shapes["hessian"] = (hessian, at.shape)
    for name, (got, want) in shapes.items():
        if got.shape != want:
            raise ShapeError(f"{name} must have shape {want}; got {got.shape}")
    for k in range(at[0].size if len(at) else 0):
        column = (slice(None), k) if at.ndim == 2 else slice(None)
        low, high = at.copy(), at.copy()
        low[column] -= step
        high[column] += step
        slope = (loss.value(y, high) - loss.value(y, low)) / (2 * step)
        _compare("gradient", "slope of the value", gradient[column], slope, tol)
        if hessian is not None:
            turned = loss.gradient(y, high)[column] - loss.gradient(y, low)[column]
            bend = np.maximum(turned / (2 * step), hessian[column])  # a bound may lie above
            _compare("hessian", "slope of the gradient", hessian[column], bend, tol)


def _compare(name: str, what: str, got: np.ndarray, want: np.ndarray, tol: float) -> None:
    bad = np.flatnonzero(~(np.abs(got - want) <= tol * (1 + np.abs(want))))
    if len(bad):
        i = bad[0]
        raise DataError(f"the {name} of row {i} is {got[i]:.6g}, the {what} is {want[i]:.6g}")
