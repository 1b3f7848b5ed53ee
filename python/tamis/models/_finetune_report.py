"""What fine-tuning gives back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.base import is_classifier
from sklearn.metrics import r2_score, roc_auc_score

from tamis import _html

__all__ = ["FineTuned", "Report", "score_of"]


@dataclass(frozen=True)
class Report:
    """What a way of fitting is worth on rows that it was not fitted on.

    Attributes
    ----------
    score : float
        Area under the ROC curve (of several classes the mean of one against the rest) or R
        squared: mean over the folds.
    folds : tuple of float
        Of each fold.
    gain : float
        Above the source model, the mean over the folds.
    error : float
        The standard error of the gain.
    """

    score: float
    folds: tuple[float, ...]
    gain: float
    error: float

    @classmethod
    def of(cls, scores: list[float], sizes: list[float], source: list[float]) -> Report:
        """Return the report of the scores of the folds, beside those of the source."""
        gains = np.subtract(scores, source)
        fit = np.isfinite(gains)
        if not fit.any():
            return cls(np.nan, tuple(scores), np.nan, np.nan)
        mean = float(np.average(np.asarray(scores)[fit], weights=np.asarray(sizes)[fit]))
        gain = float(np.average(gains[fit], weights=np.asarray(sizes)[fit]))
        error = float(gains[fit].std(ddof=1) / np.sqrt(fit.sum())) if fit.sum() > 1 else np.nan
        return cls(mean, tuple(scores), gain, error)


class FineTuned:
    """A fine-tuned model, how far it went, and what that was worth.

    Attributes
    ----------
    model : estimator
        Of the kind that was given, fitted; a forest comes back as one of weighed trees.
    strengths : dict of str to float
        The candidates of which the model is the mean, and their weights.
    report : dict of str to Report
        ``source``, ``scratch``, ``pooled`` (where the source's rows were given) and
        ``fine-tuned``: scores on rows that nothing was fitted on.
    metric : str
        ``roc_auc`` or ``r2``; more is better.
    """

    def __init__(
        self, model: Any, strengths: dict[str, float], report: dict[str, Report], classifies: bool
    ) -> None:
        self.model = model
        self.strengths = strengths
        self.report = report
        self.metric = "roc_auc" if classifies else "r2"

    @property
    def best(self) -> str | None:
        """The way with the best score on rows left out; None without a report."""
        fit = {k: r.score for k, r in self.report.items() if np.isfinite(r.score)}
        return max(fit, key=lambda k: fit[k]) if fit else None

    def __repr__(self) -> str:
        if not self.report:
            return f"<FineTuned {type(self.model).__name__}>"
        said = ", ".join(f"{name} {r.score:.3f}" for name, r in self.report.items())
        return f"<FineTuned {type(self.model).__name__}: {self.metric} {said}>"

    def _repr_html_(self) -> str:
        lines = [
            [name, f"{r.score:.3f}", f"{r.gain:+.3f}", f"{r.error:.3f}", name == self.best]
            for name, r in self.report.items()
        ]
        strengths = [
            [name, f"{100 * share:.0f} %"]
            for name, share in sorted(self.strengths.items(), key=lambda s: -s[1])[:5]
        ]
        return _html.render(
            "finetuned.html", model=type(self.model).__name__, metric=self.metric, lines=lines,
            strengths=strengths,
        )  # fmt: skip


def score_of(model: Any, X: Any, y: np.ndarray, weight: np.ndarray) -> float:
    """Return the model's score on rows; NaN where the rows do not tell (one class only)."""
    if not is_classifier(model):
        return float(r2_score(y, model.predict(X), sample_weight=weight)) if len(y) > 1 else np.nan
    known = np.unique(y)
    if len(known) < 2:
        return np.nan
    classes = model.classes_
    scores = _class_scores(model, X)
    aucs = []
    for k, c in enumerate(classes):
        hit = y == c
        if hit.any() and not hit.all():
            aucs.append(roc_auc_score(hit, scores[:, k], sample_weight=weight))
    return float(np.mean(aucs))


def _class_scores(model: Any, X: Any) -> np.ndarray:
    if hasattr(model, "decision_function"):
        scores = np.asarray(model.decision_function(X))
    else:
        scores = np.asarray(model.predict_proba(X))
    return np.column_stack([-scores, scores]) if scores.ndim == 1 else scores
