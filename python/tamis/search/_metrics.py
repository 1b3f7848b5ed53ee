"""Metrics by scikit-learn's names, scored from predictions that are made once."""

from __future__ import annotations

import difflib
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
from sklearn.metrics import get_scorer, get_scorer_names

from tamis.exceptions import ParameterError
from tamis.search._task import Task

__all__ = ["Metric", "Predictions", "predict"]

_SHORT = {
    "auc": "roc_auc",
    "logloss": "neg_log_loss",
    "log_loss": "neg_log_loss",
    "rmse": "neg_root_mean_squared_error",
    "mse": "neg_mean_squared_error",
    "mae": "neg_mean_absolute_error",
}


class Predictions:
    """What a model said of some rows: class codes or numbers, and probabilities if it has them."""

    def __init__(self, label: np.ndarray, proba: np.ndarray | None = None) -> None:
        self.label = label
        self.proba = proba

    def __getitem__(self, rows: np.ndarray) -> Predictions:
        return Predictions(self.label[rows], None if self.proba is None else self.proba[rows])


def predict(model: Any, X: Any, task: Task, *, coded: bool) -> Predictions:
    """Return the predictions of a model fitted on class codes (`coded`) or on labels."""
    if not task.classifies:
        return Predictions(np.asarray(model.predict(X), dtype=np.float64))
    codes = np.asarray(model.classes_) if coded else task.codes(model.classes_)
    proba = np.zeros((X.shape[0], len(task.classes)))
    proba[:, codes] = model.predict_proba(X)
    return Predictions(proba.argmax(axis=1), proba)


class _Said(BaseEstimator):
    """An estimator that repeats predictions, for scikit-learn's scorers. X holds row numbers."""

    def __init__(self, said: Predictions | None = None, n_classes: int = 0) -> None:
        self.said = said
        self.n_classes = n_classes
        if n_classes:
            self.classes_ = np.arange(n_classes)

    def __sklearn_is_fitted__(self) -> bool:
        return True

    def predict(self, X: np.ndarray) -> np.ndarray:
        return self.said.label[X[:, 0]]  # type: ignore[union-attr]


class _SaidClasses(ClassifierMixin, _Said):
    def predict_proba(self, X: np.ndarray) -> np.ndarray:
        return self.said.proba[X[:, 0]]  # type: ignore[union-attr, index]


class _SaidNumbers(RegressorMixin, _Said):
    pass


class Metric:
    """A scikit-learn scorer by name: higher is better.

    Parameters
    ----------
    name : str or None
        A name of `sklearn.metrics.get_scorer_names`, a short form ("auc", "rmse", "mae",
        "logloss"), or None for the task's own.
    task : Task
        What is predicted.
    """

    def __init__(self, name: str | None, task: Task) -> None:
        name = task.default_metric if name is None else name
        if not isinstance(name, str):
            raise ParameterError(f"metric must be the name of a scikit-learn scorer; got {name!r}")
        self.name = _SHORT.get(name, name)
        known = get_scorer_names()
        if self.name not in known:
            near = difflib.get_close_matches(name, [*known, *_SHORT], n=1)
            hint = f": did you mean {near[0]!r}?" if near else ""
            raise ParameterError(f"unknown metric {name!r}{hint}")
        self._scorer = get_scorer(self.name)
        self._n_classes = len(task.classes)
        self._classifies = task.classifies
        self._check(task)

    def _check(self, task: Task) -> None:
        """Refuse a metric that cannot score this task, before any work is done."""
        n = len(task.y)
        if task.classifies:
            proba = np.full((n, self._n_classes), 1.0 / self._n_classes)
            trial = Predictions(task.y, proba)
        else:
            trial = Predictions(task.y)
        try:
            fine = np.isfinite(self.score(trial, task.y))
        except (ValueError, TypeError, AttributeError) as error:
            raise ParameterError(
                f"metric {self.name!r} does not fit a {task.kind} task ({error})"
            ) from error
        if not fine:
            raise ParameterError(f"metric {self.name!r} does not fit a {task.kind} task")

    def score(self, said: Predictions, y: np.ndarray) -> float:
        """Return the score of predictions against class codes or numbers."""
        kind = _SaidClasses if self._classifies else _SaidNumbers
        rows = np.arange(len(y)).reshape(-1, 1)
        return float(self._scorer(kind(said, self._n_classes), rows, y))
