"""Losses of classes."""

from __future__ import annotations

from typing import Any

import numpy as np

from tamis.exceptions import ParameterError
from tamis.losses._base import Loss, log_shares

__all__ = [
    "ClassBalanced",
    "CrossEntropy",
    "Focal",
    "GeneralizedCrossEntropy",
    "Hinge",
    "SquaredHinge",
    "SymmetricCrossEntropy",
]


class _Weighted(Loss):
    """A loss of classes with a weight for each class."""

    class_weight: Any

    def _weights(self) -> list[float]:
        if self.class_weight is None:
            return []
        weights = np.asarray(self.class_weight)
        if weights.ndim != 1 or weights.dtype.kind not in "iuf":
            raise ParameterError(
                "class_weight must be one number for each class, in the order of the codes; "
                f"got {self.class_weight!r}"
            )
        return [float(w) for w in weights]


def _number(loss: Loss, name: str, low: float, high: float, ends: str) -> float:
    """Return a parameter as a float, checked against its interval, written as in "(0, 1]"."""
    value = getattr(loss, name)
    good = isinstance(value, int | float | np.number) and not isinstance(value, bool)
    good = good and (value > low or (ends[0] == "[" and value == low))
    good = good and (value < high or (ends[1] == "]" and value == high))
    if not good:
        text = f"{ends[0]}{low:g}, {high:g}{ends[1]}"
        raise ParameterError(f"{name} must be a number in {text}; got {value!r}")
    return float(value)


class CrossEntropy(_Weighted):
    """Cross entropy of the softmax (of the logistic function, for two classes).

    ``-log p`` of the row's own class. The Hessian is exact.

    Parameters
    ----------
    class_weight : array-like of shape (n_classes,), optional
        A factor for the rows of each class.
    label_smoothing : float in [0, 1), default=0
        The share of the target that is spread evenly over all K classes, the row's own among
        them: it keeps ``1 - label_smoothing + label_smoothing / K`` (the convention of Szegedy
        et al., PyTorch and Keras; the other one spreads over the K - 1 others only).

    References
    ----------
    Szegedy et al. (2016), Rethinking the Inception architecture for computer vision.

    Examples
    --------
    >>> from tamis.losses import CrossEntropy
    >>> CrossEntropy().value([1, 0], [0.0, -1000.0]).round(4)
    array([0.6931, 0.    ])
    >>> CrossEntropy(class_weight=[1, 10]).gradient([1], [0.0])
    array([-5.])
    """

    def __init__(self, *, class_weight: Any = None, label_smoothing: float = 0.0) -> None:
        self.class_weight = class_weight
        self.label_smoothing = label_smoothing

    def _spec(self) -> tuple[str, list[float], list[float]]:
        share = _number(self, "label_smoothing", 0, 1, "[)")
        return "cross_entropy", [share], self._weights()


class Focal(_Weighted):
    """Focal loss: cross entropy that counts less for rows that are already right.

    ``-(1 - p)^gamma log p``. The Hessian is exact, and below zero for rows that are far wrong.
    Its scores are not those of probabilities: `probabilities` turns them back in closed form
    (Charoenphakdee et al. 2021).

    Parameters
    ----------
    gamma : float >= 0, default=2
        0 is cross entropy.
    class_weight : array-like of shape (n_classes,), optional
        A factor for the rows of each class (alpha, in the paper).

    References
    ----------
    Lin et al. (2017), Focal loss for dense object detection.
    Charoenphakdee et al. (2021), On focal loss for class-posterior probability estimation.

    Examples
    --------
    >>> from tamis.losses import Focal
    >>> Focal(gamma=2).value([1, 1], [0.0, 5.0]).round(5)
    array([0.17329, 0.     ])
    """

    def __init__(self, gamma: float = 2.0, *, class_weight: Any = None) -> None:
        self.gamma = gamma
        self.class_weight = class_weight

    def _spec(self) -> tuple[str, list[float], list[float]]:
        return "focal", [_number(self, "gamma", 0, np.inf, "[)")], self._weights()

    def log_probabilities(self, score: Any) -> np.ndarray:
        """Return the logarithms of the probabilities, recalibrated."""
        log_p = log_shares(score)
        rest = np.maximum(-np.expm1(log_p), np.finfo(float).tiny)
        # Where the loss is least, each class's probability is in proportion to 1 / (d loss / d p).
        ratio = np.where(rest < 1e-8, 1.0, -log_p / rest)
        log_h = log_p - self.gamma * np.log(rest) - np.log1p(self.gamma * np.exp(log_p) * ratio)
        return log_shares(log_h)


class GeneralizedCrossEntropy(_Weighted):
    """Generalised cross entropy, between cross entropy (q to 0) and mean absolute error (q = 1).

    ``(1 - p^q) / q``. Rows that are far wrong pull less, so wrong labels do less harm. The Hessian
    is exact, and below zero for rows that are far wrong: start from cross entropy.

    Parameters
    ----------
    q : float in (0, 1], default=0.7
    class_weight : array-like of shape (n_classes,), optional
        A factor for the rows of each class.

    References
    ----------
    Zhang and Sabuncu (2018), Generalized cross entropy loss for training deep neural networks
    with noisy labels.

    Examples
    --------
    >>> from tamis.losses import GeneralizedCrossEntropy
    >>> GeneralizedCrossEntropy(q=1.0).value([1, 0], [0.0, 1000.0])
    array([0.5, 1. ])
    """

    def __init__(self, q: float = 0.7, *, class_weight: Any = None) -> None:
        self.q = q
        self.class_weight = class_weight

    def _spec(self) -> tuple[str, list[float], list[float]]:
        return "gce", [_number(self, "q", 0, 1, "(]")], self._weights()


class SymmetricCrossEntropy(_Weighted):
    """Symmetric cross entropy: `alpha` cross entropy plus `beta` reverse cross entropy.

    The reverse, ``-sum_k p_k log y_k``, takes `log_zero` for the logarithm of zero. It is bounded,
    so that wrong labels do less harm. The Hessian is exact and may lie below zero.

    Parameters
    ----------
    alpha : float >= 0, default=0.1
    beta : float >= 0, default=1
    log_zero : float < 0, default=-4
    class_weight : array-like of shape (n_classes,), optional
        A factor for the rows of each class.

    References
    ----------
    Wang et al. (2019), Symmetric cross entropy for robust learning with noisy labels.

    Examples
    --------
    >>> from tamis.losses import SymmetricCrossEntropy
    >>> SymmetricCrossEntropy(alpha=0, beta=1).value([1], [0.0])
    array([2.])
    """

    def __init__(
        self,
        alpha: float = 0.1,
        beta: float = 1.0,
        *,
        log_zero: float = -4.0,
        class_weight: Any = None,
    ) -> None:
        self.alpha = alpha
        self.beta = beta
        self.log_zero = log_zero
        self.class_weight = class_weight

    def _spec(self) -> tuple[str, list[float], list[float]]:
        values = [
            _number(self, "alpha", 0, np.inf, "[)"),
            _number(self, "beta", 0, np.inf, "[)"),
            _number(self, "log_zero", -np.inf, 0, "()"),
        ]
        return "sce", values, self._weights()


class _Margin(_Weighted):
    """A loss of the margin, which knows no probabilities."""

    def log_probabilities(self, score: Any) -> np.ndarray:
        """Refuse: the scores of these losses stand for no probabilities."""
        raise ParameterError(
            f"{type(self).__name__} gives no probabilities: calibrate the model "
            "(sklearn.calibration.CalibratedClassifierCV), or take a loss of cross entropy's kind"
        )


class Hinge(_Margin):
    """Hinge: ``max(0, 1 - margin)``.

    For more than two classes the sum over each class against the rest. The Hessian is zero but at
    the kink; 1 stands for it, as a scale for steps.

    Parameters
    ----------
    class_weight : array-like of shape (n_classes,), optional
        A factor for the rows of each class.

    Examples
    --------
    >>> from tamis.losses import Hinge
    >>> Hinge().value([1, 0, 1], [2.0, 0.5, -1.0])
    array([0. , 1.5, 2. ])
    """

    def __init__(self, *, class_weight: Any = None) -> None:
        self.class_weight = class_weight

    def _spec(self) -> tuple[str, list[float], list[float]]:
        return "hinge", [], self._weights()


class SquaredHinge(_Margin):
    """Squared hinge: ``max(0, 1 - margin)^2``.

    For more than two classes the sum over each class against the rest. The Hessian is exact but at
    the kink.

    Parameters
    ----------
    class_weight : array-like of shape (n_classes,), optional
        A factor for the rows of each class.

    Examples
    --------
    >>> from tamis.losses import SquaredHinge
    >>> SquaredHinge().value([1, 0, 1], [2.0, 0.5, -1.0])
    array([0.  , 2.25, 4.  ])
    """

    def __init__(self, *, class_weight: Any = None) -> None:
        self.class_weight = class_weight

    def _spec(self) -> tuple[str, list[float], list[float]]:
        return "squared_hinge", [], self._weights()


class ClassBalanced(Loss):
    """A loss whose classes are weighed by the effective number of their rows.

    The weight of a class of n rows is ``(1 - beta) / (1 - beta^n)``, scaled so that the weights
    add up to the number of classes. Models count the classes of the training rows by themselves;
    elsewhere give `counts`, or call `prepared`.

    Parameters
    ----------
    loss : str or loss of classes, default="cross_entropy"
        The loss that is weighed.
    beta : float in [0, 1), default=0.999
        0 weighs all classes alike; towards 1 the weights are those of 1 / n.
    counts : array-like of shape (n_classes,), optional
        The number of training rows of each class. A class without rows has the weight 0.

    References
    ----------
    Cui et al. (2019), Class-balanced loss based on effective number of samples.

    Examples
    --------
    >>> from tamis.losses import ClassBalanced
    >>> ClassBalanced(beta=0.99, counts=[900, 100]).class_weights().round(3)
    array([0.776, 1.224])
    """

    def __init__(
        self, loss: Any = "cross_entropy", *, beta: float = 0.999, counts: Any = None
    ) -> None:
        self.loss = loss
        self.beta = beta
        self.counts = counts

    def prepared(self, y: Any, n_classes: int | None = None) -> ClassBalanced:
        """Return this loss with the counts of the training classes.

        Parameters
        ----------
        y : array-like of shape (n_rows,)
            Class codes of the training rows.
        n_classes : int, optional
            By default as many as the largest code says.
        """
        if self.counts is not None:
            return self
        counts = np.bincount(np.asarray(y).astype(np.int64), minlength=n_classes or 0)
        return ClassBalanced(self.loss, beta=self.beta, counts=counts.tolist())

    def class_weights(self) -> np.ndarray:
        """Return the weight of each class, shape (n_classes,)."""
        beta = _number(self, "beta", 0, 1, "[)")
        if self.counts is None:
            raise ParameterError(
                "ClassBalanced needs the counts of the training classes: give counts=, or call "
                "prepared(y) with the training targets"
            )
        counts = np.asarray(self.counts, dtype=np.float64)
        if counts.ndim != 1 or not len(counts) or not (counts >= 0).all() or not counts.any():
            raise ParameterError(f"counts must be one number a class; got {self.counts!r}")
        there = counts > 0
        log_beta = np.log(beta) if beta else -np.inf
        weights = np.zeros(len(counts))
        weights[there] = (1 - beta) / -np.expm1(counts[there] * log_beta)
        return np.asarray(weights * len(counts) / weights.sum())

    def _inner(self) -> Any:
        from tamis.losses._get import get

        inner = get(self.loss)
        if not isinstance(inner, _Weighted):
            raise ParameterError(f"ClassBalanced takes a loss of classes; got {self.loss!r}")
        return inner

    def _spec(self) -> tuple[str, list[float], list[float]]:
        name, params, given = self._inner()._spec()
        weights = self.class_weights()
        if given and len(given) != len(weights):
            raise ParameterError(f"class_weight has {len(given)} values, counts {len(weights)}")
        return name, params, (weights * given if given else weights).tolist()

    def log_probabilities(self, score: Any) -> np.ndarray:
        """Return the logarithms of the probabilities of the classes, as weighed."""
        return np.asarray(self._inner().log_probabilities(score))
