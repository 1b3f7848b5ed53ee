"""What more rows bring."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from joblib import Parallel, delayed
from scipy import stats
from sklearn.base import clone, is_classifier
from sklearn.metrics import check_scoring
from sklearn.model_selection import check_cv
from sklearn.utils import check_random_state

from tamis import _frame, _progress
from tamis._draw import BLUE, INK, SOFT, axes_of, plain
from tamis.exceptions import DataError, ParameterError, ShapeError

__all__ = ["LearningCurve", "learning_curve"]

#: Each a doubling of the one before, so that the last step says what the next may bring.
_SIZES = (1 / 16, 1 / 8, 1 / 4, 1 / 2, 1.0)


@dataclass(frozen=True)
class LearningCurve:
    """Scores by the number of training rows.

    Unpacks as scikit-learn's: ``train_sizes, train_scores, test_scores = curve``.

    Attributes
    ----------
    train_sizes : ndarray of shape (n_sizes,)
        Training rows (of the smallest fold, where folds differ).
    train_scores, test_scores : ndarray of shape (n_sizes, n_folds)
        On the rows fitted on, and on those held out.
    scoring : str
        How it was scored; more is better.
    gain : float
        What the last step (by default a doubling of the rows) brought on rows held out.
    low, high : float
        Its 95 % interval, for folds that share training rows (Nadeau and Bengio 2003).
    """

    train_sizes: np.ndarray
    train_scores: np.ndarray
    test_scores: np.ndarray
    scoring: str
    gain: float
    low: float
    high: float

    def __iter__(self) -> Iterator[np.ndarray]:
        return iter((self.train_sizes, self.train_scores, self.test_scores))

    @property
    def verdict(self) -> str:
        """What the curve says, in words."""
        if len(self.train_sizes) < 2:
            return "one size says nothing about more rows"
        before, last = int(self.train_sizes[-2]), int(self.train_sizes[-1])
        step = f"from {before:,} to {last:,} rows {self.gain:+.3g}"
        step += f" ({self.low:+.3g} to {self.high:+.3g})"
        gap = float(np.nanmean(self.train_scores[-1]) - np.nanmean(self.test_scores[-1]))
        if self.low > 0:
            said = f"More rows would likely help: {step}"
        elif self.high < 0:
            said = f"More rows did harm: {step}"
        else:
            said = f"No evidence that more rows would help: {step}"
        if gap > 2 * max(abs(self.gain), 1e-12) and gap > 0.02 * max(
            abs(float(np.nanmean(self.train_scores[-1]))), 1e-12
        ):
            said += f"; it scores {gap:.3g} better on rows it knows, so that a simpler model may do"
        return said + "."

    def plot(self, ax: Any = None) -> Any:
        """Draw both scores by the number of training rows.

        Parameters
        ----------
        ax : matplotlib Axes, optional
            Where to draw; by default on a new figure.

        Returns
        -------
        matplotlib Axes
            Lines are means over the folds, bands reach one standard deviation.
        """
        ax = plain(axes_of(ax, 6.4, 4.0))
        lines = (
            (self.train_scores, "0.55", "rows fitted on"),
            (self.test_scores, BLUE, "held out"),
        )
        for scores, colour, name in lines:
            mean, spread = np.nanmean(scores, axis=1), np.nanstd(scores, axis=1)
            x, style = self.train_sizes, {"linewidth": 1.8, "markersize": 4}
            ax.plot(x, mean, "o-", color=colour, label=name, **style)
            ax.fill_between(x, mean - spread, mean + spread, color=colour, alpha=0.15, linewidth=0)
        ax.set_xscale("log")
        ax.set_xticks(self.train_sizes, [f"{n:,}" for n in self.train_sizes])
        ax.minorticks_off()
        ax.set_xlabel("training rows", color=SOFT)
        ax.set_ylabel(f"{self.scoring} (more is better)", color=SOFT)
        ax.legend(frameon=False, fontsize="small", loc="best")
        ax.set_title(self.verdict.split(":")[0].rstrip("."), fontsize=10, color=INK, loc="left")
        return ax

    def __repr__(self) -> str:
        return f"<LearningCurve of {len(self.train_sizes)} sizes: {self.verdict}>"


def learning_curve(
    estimator: Any,
    X: Any,
    y: Any,
    *,
    groups: Any = None,
    train_sizes: Any = _SIZES,
    cv: Any = None,
    scoring: Any = None,
    n_jobs: int | None = None,
    sample_weight: Any = None,
    random_state: Any = 0,
) -> LearningCurve:
    """Return scores by the number of training rows, which say whether more rows would help.

    In each fold the smaller sets are parts of the larger ones and, of a classifier, hold the
    classes by their shares. Every model is fitted anew on its rows alone, with all steps of a
    pipeline; the rows held out are the same for all sizes, and no group is on both sides.

    Parameters
    ----------
    estimator : model or pipeline
        It is cloned, not fitted.
    X : array-like or frame of shape (n_rows, n_features)
    y : array-like of shape (n_rows,)
    groups : array-like of shape (n_rows,), optional
        Groups that stay together, for a `cv` that heeds them (GroupKFold).
    train_sizes : sequence of int or float, default=(1/16, 1/8, 1/4, 1/2, 1)
        Training rows, or their share of a fold's.
    cv : int, splitter or iterable, optional
        As in scikit-learn; 5 folds by default.
    scoring : str or callable, optional
        By default the model's `score`.
    n_jobs : int or None, default=None
        Processes that fit; None is one.
    sample_weight : array-like of shape (n_rows,), optional
        Weights of the rows, in fitting and in scores.
    random_state : int, RandomState or None, default=0
        Which rows the smaller sets have.

    Returns
    -------
    LearningCurve

    Raises
    ------
    ParameterError
        A size is out of range.
    DataError
        A training set lacks a class in every fold, so that no model could be fitted on it.

    Examples
    --------
    >>> import numpy as np
    >>> from tamis.models import LinearRegression, learning_curve
    >>> X = np.random.default_rng(0).normal(size=(160, 2))
    >>> curve = learning_curve(LinearRegression(), X, X[:, 0] + X[:, 1])
    >>> curve.train_sizes, curve.test_scores[-1].round(3)
    (array([  8,  16,  32,  64, 128]), array([1., 1., 1., 1., 1.]))
    """
    n = _frame.n_rows(X)
    y = np.asarray(y)
    if len(y) != n:
        raise ShapeError(f"X has {n} rows, but y has {len(y)}")
    folds = list(check_cv(cv, y, classifier=is_classifier(estimator)).split(np.zeros(n), y, groups))
    sizes = _sizes(train_sizes, min(len(train) for train, _ in folds))
    scorer = check_scoring(estimator, scoring)
    weight = None if sample_weight is None else np.asarray(sample_weight, dtype=np.float64)
    rng = check_random_state(random_state)
    tasks = []
    for train, test in folds:
        order = _order(train, y, is_classifier(estimator), rng)
        tasks += [(order[:size], test) for size in sizes]
    found: list[Any] = []
    with _progress.bar(len(tasks), "learning_curve") as bar:
        runs = Parallel(n_jobs=n_jobs, return_as="generator")(
            delayed(_scores)(estimator, X, y, weight, scorer, *task) for task in tasks
        )
        for pair in runs:
            found.append(pair)
            bar.update()
    scores = np.array(found).reshape(len(folds), len(sizes), 2)
    train_scores, test_scores = scores.transpose(2, 1, 0)
    for size, line in zip(sizes, test_scores, strict=True):
        if np.isnan(line).all():
            raise DataError(f"{size} training rows lack a class in every fold: take more")
    share = len(folds[0][1]) / max(len(folds[0][0]), 1)
    gain, low, high = _gain(test_scores, share)
    named = "score" if scoring is not None else "accuracy" if is_classifier(estimator) else "R²"
    named = scoring if isinstance(scoring, str) else named
    return LearningCurve(sizes, train_scores, test_scores, named, gain, low, high)


def _sizes(wanted: Any, most: int) -> np.ndarray:
    given = np.asarray(list(wanted))
    if given.dtype.kind == "f":
        if not ((given > 0) & (given <= 1)).all():
            raise ParameterError(f"train_sizes must be shares above 0 and up to 1; got {wanted!r}")
        given = (given * most).astype(int)
    elif given.dtype.kind not in "iu" or (given > most).any():
        raise ParameterError(f"train_sizes must be counts up to {most}, or shares; got {wanted!r}")
    sizes = np.unique(given[given >= 2].astype(int))
    if not len(sizes):
        raise ParameterError(f"no train size is at least 2 of {most} rows")
    return sizes


def _order(train: np.ndarray, y: np.ndarray, classes: bool, rng: Any) -> np.ndarray:
    """Return the rows in an order whose beginnings hold the classes by their shares."""
    shuffled = train[rng.permutation(len(train))]
    if not classes:
        return shuffled
    _, codes, counts = np.unique(y[shuffled], return_inverse=True, return_counts=True)
    place = np.empty(len(shuffled))
    for k, count in enumerate(counts):
        place[codes == k] = (np.arange(count) + rng.random_sample()) / count
    return shuffled[np.argsort(place, kind="stable")]


def _scores(
    model: Any, X: Any, y: np.ndarray, weight: Any, scorer: Any, train: np.ndarray, test: np.ndarray
) -> tuple[float, float]:
    """Return the scores on the rows fitted on and on those held out; NaN where a class lacks."""
    rows, target = _frame.take(X, train), y[train]
    if is_classifier(model) and len(np.unique(target)) < min(2, len(np.unique(y))):
        return np.nan, np.nan
    fitted = clone(model)
    if weight is None:
        fitted.fit(rows, target)
        return scorer(fitted, rows, target), scorer(fitted, _frame.take(X, test), y[test])
    last = f"{fitted.steps[-1][0]}__" if hasattr(fitted, "steps") else ""
    fitted.fit(rows, target, **{f"{last}sample_weight": weight[train]})
    return (
        scorer(fitted, rows, target, sample_weight=weight[train]),
        scorer(fitted, _frame.take(X, test), y[test], sample_weight=weight[test]),
    )


def _gain(scores: np.ndarray, share: float) -> tuple[float, float, float]:
    """Return the mean gain of the last step and its interval."""
    if len(scores) < 2:
        return np.nan, np.nan, np.nan
    steps = scores[-1] - scores[-2]
    steps = steps[np.isfinite(steps)]
    if len(steps) < 2:
        return (float(steps.mean()) if len(steps) else np.nan), np.nan, np.nan
    error = float(np.sqrt(steps.var(ddof=1) * (1 / len(steps) + share)))
    reach = float(stats.t.ppf(0.975, len(steps) - 1)) * error
    mean = float(steps.mean())
    return mean, mean - reach, mean + reach
