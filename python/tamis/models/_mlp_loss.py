"""What a network is trained by: a loss of the kernel, or one of the caller's own."""

from __future__ import annotations

from typing import Any

import numpy as np

from tamis.exceptions import ParameterError, ShapeError
from tamis.models._logistic import ROBUST, loss_of_classes

__all__ = ["Objective", "class_objective", "number_objective"]

Spec = tuple[str, list[float], list[float]]


class Objective:
    """A loss as the kernel takes it, or one that only Python can call.

    Attributes
    ----------
    loss : object or None
        The loss as an object; None for scikit-learn's own.
    spec : tuple or None
        (name, parameters, class weights) in the kernel; None where only Python can call it.
    output : tuple
        Whether each score has a target of its own, what the value is multiplied by, and the least
        probability that a logarithm is taken of.
    """

    def __init__(
        self, loss: Any, spec: Spec | None, each: bool, share: float = 1.0,
        least: float | None = None,
    ) -> None:  # fmt: skip
        self.loss, self.spec = loss, spec
        self.output = (each, share, least)

    @property
    def start(self) -> Objective | None:
        """The loss to start by, where this one forgives rows that are far wrong."""
        if self.spec is None or self.spec[0] not in ROBUST:
            return None
        return Objective(None, ("cross_entropy", [0.0], self.spec[2]), self.output[0])

    def look(self, target: np.ndarray, scores: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the value of each row and the slopes of its scores, by the caller's own loss."""
        scores = scores.astype(np.float64)
        if self.output[0]:
            columns = [self._one(y, s) for y, s in zip(target.T, scores.T, strict=True)]
            slopes = np.column_stack([slope for _, slope in columns])
            return np.sum([value for value, _ in columns], axis=0), slopes
        codes = target[:, 0].astype(np.int64)
        one = scores[:, 0] if scores.shape[1] == 1 else scores
        value, slope = self._one(codes, one)
        return value, slope.reshape(scores.shape)

    def _one(self, y: np.ndarray, score: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        value = np.asarray(self.loss.value(y, score), dtype=np.float64)
        slope = np.asarray(self.loss.gradient(y, score), dtype=np.float64)
        if value.shape != (len(y),) or slope.shape != score.shape:
            raise ShapeError(
                f"{type(self.loss).__name__} gave values of shape {value.shape} and slopes of "
                f"shape {slope.shape} for scores of shape {score.shape}"
            )
        return value, slope


def class_objective(
    loss: Any, target: np.ndarray, n_classes: int, each: bool, dtype: Any
) -> Objective:
    """Return the objective of a classifier; `target` has class codes, or labels where `each`."""
    found = loss_of_classes(loss)
    if hasattr(found, "prepared") and not each:
        found = found.prepared(target[:, 0], max(n_classes, 2))
    if not hasattr(found, "_spec"):
        return Objective(found, None, each)
    spec = found._spec()
    if spec == ("cross_entropy", [0.0], []):
        # Probabilities end where scikit-learn ends them.
        return Objective(None, spec, each, least=float(np.finfo(dtype).eps))
    return Objective(found, spec, each)


def number_objective(loss: Any, n_outputs: int) -> Objective:
    """Return the objective of a regressor."""
    if isinstance(loss, str) and loss == "poisson":
        return Objective(None, ("poisson", [], []), True)
    from tamis.losses import get

    found = get(loss)
    if getattr(found, "classifies", False):
        raise ParameterError(f"loss={loss!r} is one of classes: take one of numbers")
    if not hasattr(found, "_spec"):
        return Objective(found, None, True)
    # scikit-learn gives the mean over the targets, and the slopes of the sum.
    share = 1.0 / n_outputs if isinstance(loss, str) and loss == "squared_error" else 1.0
    return Objective(None if share < 1 or n_outputs == 1 else found, found._spec(), True, share)
