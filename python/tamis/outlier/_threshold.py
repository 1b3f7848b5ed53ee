"""From scores to a threshold: a share of the rows, a number, or what the bulk leads to expect."""

from __future__ import annotations

import numbers
from dataclasses import dataclass
from typing import Any

import numpy as np

from tamis.exceptions import ParameterError

#: The share of rows of the fitted tail that may lie beyond the threshold.
BEYOND = 1e-3
#: The tail is fitted from this quantile of the scores on,
START = 0.5
#: and what is above this one is counted but not looked at: it may be outliers.
CENSORED = 0.9
#: Of fewer scores no tail is fitted, and nothing is an outlier.
FEWEST = 4
#: Scores that the tail is fitted to; of more, evenly spread quantiles.
MOST = 1000


def check_threshold(threshold: Any, contamination: Any) -> None:
    """Refuse parameters that cannot be used."""
    number = isinstance(threshold, numbers.Real) and not isinstance(threshold, bool)
    if not (number and np.isfinite(threshold)) and not (
        isinstance(threshold, str) and threshold == "auto"
    ):
        raise ParameterError(f"threshold must be 'auto' or a finite number; got {threshold!r}")
    if contamination is not None:
        share(contamination, "None")


def share(contamination: Any, other: str) -> float:
    """Return a contamination as a share, or say what it may be, `other` included."""
    value: Any = contamination
    number = isinstance(value, numbers.Real) and not isinstance(value, bool)
    if not number or not 0 < float(value) <= 0.5:
        raise ParameterError(
            f"contamination must be {other} or a number in (0, 0.5]; got {contamination!r}"
        )
    return float(value)


def offset(scores: np.ndarray, threshold: Any, contamination: Any) -> float:
    """Return the score below which rows are outliers; high scores are normal."""
    if contamination is not None:
        return float(np.percentile(scores, 100.0 * contamination))
    if isinstance(threshold, str):
        return automatic(scores)
    return float(threshold)


def automatic(scores: np.ndarray, *, least: float = 0.0) -> float:
    """Return the score below which a row is farther out than the bulk leads to expect.

    The threshold is where the `Tail` of the scores leaves one row in a thousand. Where there is no
    tail (too few scores, or most of them equal), nothing is below it.
    """
    tail = Tail.of(-scores, least=least)
    return float(scores.min()) if tail is None else -tail.level(BEYOND)


@dataclass(frozen=True)
class Tail:
    """A generalized Pareto tail (Pickands 1975) of how far out the bulk leads to expect rows.

    It is fitted to the half of the scores that is farther out, with the outermost tenth of all
    censored, so that outliers of about half that share move it little. A tail lighter than the
    exponential one is taken for exponential.

    Attributes
    ----------
    start : float
        Where it starts: the median.
    shape, rate : float
        ``(1 + rate * (score - start)) ** (-1 / shape)`` of the half is beyond a score.
    """

    start: float
    shape: float
    rate: float

    @classmethod
    def of(cls, out: np.ndarray, *, least: float = 0.0) -> Tail | None:
        """Return the tail of scores, of at least a shape; high scores are far out."""
        out = np.sort(np.asarray(out, dtype=np.float64))
        start, end = np.quantile(out, [START, CENSORED])
        reach = end - start
        if not (reach > 0 and np.isfinite(reach)):
            return None
        above = out[out > start] - start
        seen = above[above <= reach]
        if len(seen) < FEWEST:
            return None
        censored, weight = len(above) - len(seen), max(1.0, len(seen) / MOST)
        if len(seen) > MOST:
            seen = np.quantile(seen, (np.arange(MOST) + 0.5) / MOST)
        # Given rate = shape / scale, the likeliest shape is a mean of logarithms (Grimshaw 1993).
        rates = np.concatenate([[1e-6], np.geomspace(0.02, 20.0, 60)]) / reach
        logs = np.log1p(rates[:, None] * seen).sum(axis=1) * weight
        known = len(seen) * weight
        shapes = (logs + censored * np.log1p(rates * reach)) / known
        likely = np.where(shapes >= least, -known * np.log(shapes / rates) - logs, -np.inf)
        best = int(np.argmax(likely))
        return cls(float(start), min(float(shapes[best]), 1.0), float(rates[best]))

    def level(self, share: float) -> float:
        """Return the score that a share of the rows is beyond."""
        return self.start + float(np.expm1(self.shape * np.log((1.0 - START) / share)) / self.rate)

    def evidence(self, out: np.ndarray) -> np.ndarray:
        """Return minus the logarithm of the share of rows beyond each score, from the start on."""
        far = np.maximum(out - self.start, 0.0)
        return np.log1p(self.rate * far) / self.shape - np.log(1.0 - START)
