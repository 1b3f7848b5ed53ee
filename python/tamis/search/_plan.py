"""A plan: what is done to the data, and which model learns from it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from html import escape
from typing import Any

__all__ = ["STEPS", "Plan", "plainest"]

#: The refinement steps, in the order they act.
STEPS = ("duplicates", "outliers", "missing", "encode", "scale", "labels", "classes", "loss")

_PLAIN: dict[str, Any] = {
    "duplicates": "keep",
    "outliers": "keep",
    "missing": "median",
    "encode": "one-hot",
    "scale": "none",
    "labels": "keep",
    "classes": "keep",
    "loss": "own",
}


def plainest(family: str) -> dict[str, Any]:
    """Return the plainest choice of each step: what a first script would do for this model.

    Boosting handles gaps and categories itself, so for it the plainest is to leave them alone.
    """
    if family == "boosting":
        return {**_PLAIN, "missing": "native", "encode": "native"}
    return dict(_PLAIN)


_SAYS = {
    ("duplicates", "keep"): "keep duplicate rows",
    ("duplicates", "drop"): "drop rows that repeat an earlier row, target included",
    ("outliers", "keep"): "keep outlying values",
    ("outliers", "clip-iqr"): "clip numbers to 1.5 IQR beyond the quartiles",
    ("outliers", "clip-mad"): "clip numbers to 3.5 scaled MAD around the median",
    ("outliers", "drop-iqr"): "drop rows with a number 3 IQR beyond the quartiles",
    ("outliers", "drop-mad"): "drop rows with a number 7 scaled MAD from the median",
    ("missing", "median"): "fill numbers by the median, categories by the mode",
    ("missing", "mode"): "fill numbers and categories by the mode",
    ("missing", "knn"): "fill numbers by their 5 nearest rows, categories by the mode",
    ("missing", "chained"): "fill numbers by regressions on each other, categories by the mode",
    ("missing", "chained-trees"): "fill numbers by boosted trees on each other, categories by the "
    "mode",
    ("missing", "forest"): "fill numbers by random forests, categories by the mode",
    ("missing", "low-rank"): "fill numbers from a table of low rank, categories by the mode",
    ("missing", "auto"): "fill numbers by what fills hidden cells best, categories by the mode",
    ("missing", "flag"): "fill numbers by the median and flag them; missing is a category",
    ("missing", "native"): "leave gaps to the model, which handles them",
    ("encode", "one-hot"): "one column for each category",
    ("encode", "target"): "categories by the mean of the target, learned inside the fold",
    ("encode", "native"): "leave categories to the model, which handles them",
    ("scale", "none"): "leave the scale of numbers",
    ("scale", "standard"): "standardise numbers",
    ("scale", "robust"): "scale numbers by median and IQR",
    ("labels", "keep"): "keep all labels",
    ("labels", "drop"): "drop rows whose label is likely wrong, as judged out of fold",
    ("labels", "weight"): "weigh rows by how likely their label is right, as judged out of fold",
    ("classes", "keep"): "leave the classes as they are",
    ("classes", "weigh"): "weigh rows so that classes count alike",
    ("classes", "repeat"): "repeat rows of rare classes, in training folds alone",
    ("classes", "smote"): "make rows of rare classes between neighbours, in training folds alone",
    ("loss", "own"): "fit by the loss that the model is known by",
    ("loss", "gce"): "fit by generalised cross entropy, which forgives wrong labels",
}


@dataclass(frozen=True)
class Plan:
    """Choices of data steps and of a model; `params` are the model's, sorted by name."""

    duplicates: str
    outliers: str
    missing: str
    encode: str
    scale: str
    family: str
    params: tuple[tuple[str, Any], ...] = ()
    classes: str = "keep"
    labels: str = "keep"
    loss: str = "own"

    def plain(self) -> Plan:
        """Return the same model with the plainest preparation."""
        return replace(self, **plainest(self.family))

    def without(self, step: str) -> Plan:
        """Return the plan with one step at its plainest."""
        return replace(self, **{step: plainest(self.family)[step]})

    def refinements(self) -> list[str]:
        """Return the steps that are not at their plainest."""
        plain = plainest(self.family)
        return [s for s in STEPS if getattr(self, s) != plain[s]]

    @property
    def model(self) -> str:
        """The model with its parameters, for reading."""
        inner = ", ".join(f"{k}={_short(v)}" for k, v in self.params)
        return f"{self.family}({inner})"

    def says(self, step: str) -> str:
        """Return in words what a step of this plan does."""
        return _SAYS[step, getattr(self, step)]

    def describe(self) -> str:
        """Return the plan as text, a line for each step."""
        lines = [f"{step:<11} {self.says(step)}" for step in STEPS]
        return "\n".join([*lines, f"{'model':<11} {self.model}"])

    def __str__(self) -> str:
        return self.describe()

    def _repr_html_(self) -> str:
        cells = [(step, self.says(step)) for step in STEPS] + [("model", self.model)]
        rows = "".join(f"<tr><th>{k}</th><td>{escape(v)}</td></tr>" for k, v in cells)
        return f"<table>{rows}</table>"

    def as_dict(self) -> dict[str, Any]:
        """Return the plan as plain values."""
        steps = {step: getattr(self, step) for step in STEPS}
        return {**steps, "family": self.family, "params": dict(self.params)}


def _short(value: Any) -> str:
    return f"{value:.3g}" if isinstance(value, float) else str(value)
