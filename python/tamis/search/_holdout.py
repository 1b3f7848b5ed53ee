"""One honest score, on rows that nothing was fitted on or chosen by."""

from __future__ import annotations

import time
from dataclasses import dataclass

import numpy as np

from tamis._random import derive
from tamis.search._metrics import Metric, Predictions

__all__ = ["Holdout", "judge"]

#: Resamples of the bootstrap: many where an interval is wide, fewer where rows are many.
_MOST, _FEWEST, _WORK = 500, 200, 500_000
#: So many are drawn even when the time is up.
_HURRIED = 100
_LEVEL = 0.95


@dataclass(frozen=True)
class Holdout:
    """The score on the holdout rows, beside plainer ways. Higher is better, as in scikit-learn.

    Attributes
    ----------
    metric : str
        The scikit-learn scorer.
    score, low, high : float
        The model's score and its 95 % bootstrap interval.
    baseline : float
        The same model with the plainest preparation.
    dummy : float
        A model that sees no column.
    gain, gain_low, gain_high : float
        Score less baseline, and its 95 % paired bootstrap interval.
    verdict : str
        "better than the baseline", "worse than the baseline" or "no evidence of a gain".
    n_rows : int
        How many rows the holdout has.
    """

    metric: str
    score: float
    low: float
    high: float
    baseline: float
    dummy: float
    gain: float
    gain_low: float
    gain_high: float
    verdict: str
    n_rows: int

    def __str__(self) -> str:
        return (
            f"{self.metric} on {self.n_rows} holdout rows: {self.score:.4f} "
            f"[{self.low:.4f}, {self.high:.4f}], baseline {self.baseline:.4f}, "
            f"dummy {self.dummy:.4f}: {self.verdict}"
        )


def resamples(n_rows: int) -> int:
    """Return how many bootstrap resamples are drawn for a holdout of so many rows."""
    return max(_FEWEST, min(_MOST, _WORK // n_rows))


def judge(
    metric: Metric,
    y: np.ndarray,
    model: Predictions,
    baseline: Predictions,
    dummy: Predictions,
    seed: int,
    deadline: float | None = None,
) -> Holdout:
    """Score the predictions, with bootstrap intervals over the holdout rows.

    Past the deadline (in `time.monotonic` seconds) fewer resamples are drawn.
    """
    rng = np.random.default_rng(derive(seed, "bootstrap"))
    same = model is baseline
    draws = []
    for number in range(resamples(len(y))):
        if number >= _HURRIED and deadline is not None and time.monotonic() > deadline:
            break
        rows = rng.integers(len(y), size=len(y))
        ours = _score(metric, model[rows], y[rows])
        draws.append((ours, ours if same else _score(metric, baseline[rows], y[rows])))
    scores, plain = np.array(draws).T
    low, high = _interval(scores)
    gain_low, gain_high = (0.0, 0.0) if same else _interval(scores - plain)
    score, base = metric.score(model, y), metric.score(baseline, y)
    word = "no evidence of a gain over the baseline"
    if gain_low > 0:
        word = "better than the baseline"
    elif gain_high < 0:
        word = "worse than the baseline"
    return Holdout(
        metric.name, score, low, high, base, metric.score(dummy, y),
        score - base, gain_low, gain_high, word, len(y),
    )  # fmt: skip


def _score(metric: Metric, said: Predictions, y: np.ndarray) -> float:
    """Return the score, NaN where a resample cannot be scored (one class only)."""
    try:
        return metric.score(said, y)
    except ValueError:
        return float("nan")


def _interval(draws: np.ndarray) -> tuple[float, float]:
    known = draws[np.isfinite(draws)]
    if not len(known):
        return float("nan"), float("nan")
    low, high = np.quantile(known, [0.5 - _LEVEL / 2, 0.5 + _LEVEL / 2])
    return float(low), float(high)
