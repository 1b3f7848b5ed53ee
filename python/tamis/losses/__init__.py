"""Losses of one row, of raw scores: one definition for every model that takes ``loss=``."""

from tamis.losses._base import Loss, check
from tamis.losses._classes import (
    ClassBalanced,
    CrossEntropy,
    Focal,
    GeneralizedCrossEntropy,
    Hinge,
    SquaredHinge,
    SymmetricCrossEntropy,
)
from tamis.losses._get import get, names
from tamis.losses._numbers import AbsoluteError, Huber, LogCosh, Quantile, SquaredError

__all__ = [
    "AbsoluteError",
    "ClassBalanced",
    "CrossEntropy",
    "Focal",
    "GeneralizedCrossEntropy",
    "Hinge",
    "Huber",
    "LogCosh",
    "Loss",
    "Quantile",
    "SquaredError",
    "SquaredHinge",
    "SymmetricCrossEntropy",
    "check",
    "get",
    "names",
]
