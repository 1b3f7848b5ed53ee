"""Losses of numbers."""

from __future__ import annotations

import numpy as np

from tamis.losses._base import Loss
from tamis.losses._classes import _number

__all__ = ["AbsoluteError", "Huber", "LogCosh", "Quantile", "SquaredError"]


class SquaredError(Loss):
    """Half the squared error, ``(score - y)^2 / 2``. The Hessian is 1.

    Examples
    --------
    >>> from tamis.losses import SquaredError
    >>> SquaredError().value([1.0], [3.0])
    array([2.])
    """

    classifies = False

    def _spec(self) -> tuple[str, list[float], list[float]]:
        return "squared_error", [], []


class AbsoluteError(Loss):
    """The absolute error. The Hessian is zero but at the kink; 1 stands for it.

    Examples
    --------
    >>> from tamis.losses import AbsoluteError
    >>> AbsoluteError().gradient([1.0, 1.0, 1.0], [3.0, 1.0, -2.0])
    array([ 1.,  0., -1.])
    """

    classifies = False

    def _spec(self) -> tuple[str, list[float], list[float]]:
        return "absolute_error", [], []


class Huber(Loss):
    """Half the squared error up to an error of `delta`, a straight line beyond.

    The Hessian is exact: 1 inside, 0 outside.

    Parameters
    ----------
    delta : float > 0, default=1

    References
    ----------
    Huber (1964), Robust estimation of a location parameter.

    Examples
    --------
    >>> from tamis.losses import Huber
    >>> Huber(delta=1.0).value([0.0, 0.0], [0.5, 10.0])
    array([0.125, 9.5  ])
    """

    classifies = False

    def __init__(self, delta: float = 1.0) -> None:
        self.delta = delta

    def _spec(self) -> tuple[str, list[float], list[float]]:
        return "huber", [_number(self, "delta", 0, np.inf, "()")], []


class LogCosh(Loss):
    """The logarithm of the hyperbolic cosine of the error. The Hessian is exact.

    Examples
    --------
    >>> from tamis.losses import LogCosh
    >>> LogCosh().value([0.0, 0.0], [0.0, 1000.0]).round(3)
    array([  0.   , 999.307])
    """

    classifies = False

    def _spec(self) -> tuple[str, list[float], list[float]]:
        return "log_cosh", [], []


class Quantile(Loss):
    """The pinball loss, which is least at a quantile. 1 stands for the Hessian.

    ``quantile * (y - score)`` above, ``(1 - quantile) * (score - y)`` below.

    Parameters
    ----------
    quantile : float in (0, 1), default=0.5

    References
    ----------
    Koenker and Bassett (1978), Regression quantiles.

    Examples
    --------
    >>> from tamis.losses import Quantile
    >>> Quantile(0.9).value([1.0, 1.0], [0.0, 2.0]).round(3)
    array([0.9, 0.1])
    """

    classifies = False

    def __init__(self, quantile: float = 0.5) -> None:
        self.quantile = quantile

    def _spec(self) -> tuple[str, list[float], list[float]]:
        return "quantile", [_number(self, "quantile", 0, 1, "()")], []
