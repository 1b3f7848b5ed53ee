"""Probabilities from scores: scikit-learn's calibration, with honest folds and a report."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from numbers import Integral
from typing import Any

import numpy as np
from scipy.special import expit, softmax
from sklearn import calibration, get_config
from sklearn.model_selection import StratifiedGroupKFold, check_cv
from sklearn.utils.validation import check_is_fitted

from tamis._check import weights_of
from tamis.exceptions import DataError, ParameterError, ShapeError

__all__ = ["CalibratedClassifierCV", "CalibrationReport"]

#: Probabilities this near to 0 count as so much in a logarithm.
_LEAST = 1e-15


class CalibratedClassifierCV(calibration.CalibratedClassifierCV):
    """Probabilities of a classifier made right: by a sigmoid, isotonic regression or temperature.

    scikit-learn's class of this name, and its results. What is added: rows of one group, or copies
    of one row, can be kept in one fold, so that no score used for calibration comes from a model
    that has seen the row; and `calibration_report` says on other rows what it was worth. Use it
    where a loss gives scores that are no probabilities: hinge (`SVC`, `LinearSVC`, SGD), focal.

    Parameters
    ----------
    estimator : classifier, optional
        The classifier; `LinearSVC` by default. A fitted one is wrapped in
        `sklearn.frozen.FrozenEstimator`: then all rows given serve calibration.
    method : {"sigmoid", "isotonic", "temperature"}, default="sigmoid"
        Platt's sigmoid (two numbers a class), a rising step function (for thousands of rows), or
        one temperature for all classes.
    cv : int, splitter or iterable of splits, default=None
        The folds; None is 5, stratified.
    n_jobs : int, optional
        Fits at once.
    ensemble : bool or "auto", default="auto"
        Whether the models of the folds are kept, each with a calibrator, and averaged (True), or
        one model of all rows is calibrated by out-of-fold scores (False). "auto" is False for a
        frozen classifier, True otherwise.
    copies : {"ignore", "together"}, default="ignore"
        "together" keeps rows that are equal in one fold, as `groups` of `fit` does rows of a group.
        Both go with whole numbers as `cv`.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
    calibrated_classifiers_ : list
        Pairs of classifier and calibrators: one a fold, or one.
    n_features_in_ : int
    feature_names_in_ : ndarray of str

    References
    ----------
    Platt (1999), Probabilistic outputs for support vector machines. Zadrozny and Elkan (2002),
    Transforming classifier scores into accurate multiclass probability estimates. Guo, Pleiss, Sun
    and Weinberger (2017), On calibration of modern neural networks.

    Examples
    --------
    >>> from sklearn.datasets import load_breast_cancer
    >>> from tamis.models import SVC, CalibratedClassifierCV
    >>> X, y = load_breast_cancer(return_X_y=True)
    >>> model = CalibratedClassifierCV(SVC(), ensemble=False).fit(X[:400], y[:400])
    >>> model.predict_proba(X[400:402]).round(1)
    array([[1. , 0. ],
           [0.1, 0.9]])
    >>> report = model.calibration_report(X[400:], y[400:])
    >>> bool(report.after["ece"] < report.before["ece"])
    True
    """

    def __init__(
        self,
        estimator: Any = None,
        *,
        method: str = "sigmoid",
        cv: Any = None,
        n_jobs: int | None = None,
        ensemble: Any = "auto",
        copies: str = "ignore",
    ) -> None:
        super().__init__(estimator, method=method, cv=cv, n_jobs=n_jobs, ensemble=ensemble)
        self.copies = copies

    def fit(
        self, X: Any, y: Any, sample_weight: Any = None, *, groups: Any = None, **fit_params: Any
    ) -> CalibratedClassifierCV:
        """Fit and calibrate.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Whatever the classifier takes.
        y : array-like of shape (n_samples,)
            Classes.
        sample_weight : array-like of shape (n_samples,), optional
            Weights, for the classifier and the calibration.
        groups : array-like of shape (n_samples,), optional
            Rows that belong together, and so into one fold.
        **fit_params : dict
            What else the classifier's `fit` takes.

        Returns
        -------
        CalibratedClassifierCV
        """
        if self.copies not in ("ignore", "together"):
            raise ParameterError(f"copies must be 'ignore' or 'together'; got {self.copies!r}")
        inner = copy.copy(self)
        if self.estimator is None:
            inner.estimator = _default()
        if groups is not None or self.copies == "together":
            inner.cv = self._splits(X, y, groups)
        super(CalibratedClassifierCV, inner).fit(X, y, sample_weight, **fit_params)
        inner.cv, inner.estimator = self.cv, self.estimator
        self.__dict__.update(vars(inner))
        return self

    def _splits(self, X: Any, y: Any, groups: Any) -> list[tuple[np.ndarray, np.ndarray]]:
        """Return folds that no group and, if so asked, no copy of a row is spread over."""
        y = np.asarray(y)
        together = np.arange(len(y))
        if self.copies == "together":
            from tamis.dedup import duplicate_groups

            together = duplicate_groups(X, n_jobs=self.n_jobs)
        if groups is not None:
            if len(groups) != len(y):
                raise ShapeError(f"groups has {len(groups)} entries for {len(y)} rows")
            together = _joined(together, np.asarray(groups))
        if self.cv is not None and not isinstance(self.cv, Integral):
            if self.copies == "together":
                raise ParameterError("copies='together' goes with a whole number as cv")
            splitter = check_cv(self.cv, y, classifier=True)
        else:
            splitter = StratifiedGroupKFold(5 if self.cv is None else int(self.cv))
        if isinstance(splitter, StratifiedGroupKFold) and (
            len(np.unique(together)) < splitter.get_n_splits()
        ):
            raise DataError(
                f"{len(np.unique(together))} groups of rows are fewer than the "
                f"{splitter.get_n_splits()} folds: lower cv"
            )
        splits = list(splitter.split(np.zeros((len(y), 1)), y, together))
        missing = [c for fit, _ in splits for c in np.setdiff1d(y, y[fit]).tolist()]
        if missing:
            raise DataError(
                f"class {missing[0]!r} lies in one group alone: a fold that leaves it "
                "out has no such row to fit on; give finer groups or fewer folds"
            )
        return splits

    def uncalibrated_proba(self, X: Any) -> np.ndarray:
        """Return the probabilities without calibration, shape (n_samples, n_classes).

        Those of the classifier; of one that has scores alone, their logistic function or softmax.
        The models of the folds are averaged, as in `predict_proba`.
        """
        check_is_fitted(self)
        total: Any = 0.0
        for pair in self.calibrated_classifiers_:
            model = pair.estimator
            if hasattr(model, "predict_proba"):
                made = np.asarray(model.predict_proba(X), dtype=np.float64)
            else:
                score = np.asarray(model.decision_function(X), dtype=np.float64)
                made = softmax(score, axis=1) if score.ndim == 2 else _two(expit(score))
            out = np.zeros((len(made), len(self.classes_)))
            out[:, np.searchsorted(self.classes_, model.classes_)] = made
            total = total + out
        return np.asarray(total / len(self.calibrated_classifiers_))

    def calibration_report(
        self, X: Any, y: Any, sample_weight: Any = None, *, n_bins: int = 10
    ) -> CalibrationReport:
        """Judge the probabilities before and after calibration on rows that `fit` has not seen.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
        y : array-like of shape (n_samples,)
        sample_weight : array-like of shape (n_samples,), optional
        n_bins : int, default=10
            Bins of equal width from 0 to 1.

        Returns
        -------
        CalibrationReport
        """
        if not isinstance(n_bins, Integral) or n_bins < 1:
            raise ParameterError(f"n_bins must be a whole number from 1; got {n_bins!r}")
        after = self.predict_proba(X)
        y = np.asarray(y)
        if y.shape != (len(after),):
            raise ShapeError(f"y has {y.shape} entries for {len(after)} rows")
        if len(y) == 0:
            raise DataError("there is no row to judge by")
        unknown = np.setdiff1d(y, self.classes_)
        if len(unknown):
            raise DataError(f"class {unknown.tolist()[0]!r} was not among those fitted")
        codes = np.searchsorted(self.classes_, y)
        weights = weights_of(sample_weight, after)
        weights = np.ones(len(y)) if weights is None else weights
        if not np.isfinite(weights).all() or (weights < 0).any() or not weights.any():
            raise DataError("sample_weight must be finite, not negative, and not zero throughout")
        parts = [
            _judge(made, codes, weights, int(n_bins))
            for made in (self.uncalibrated_proba(X), after)
        ]
        return CalibrationReport(parts[0][0], parts[1][0], parts[0][1], parts[1][1])


@dataclass(frozen=True)
class CalibrationReport:
    """What calibration was worth.

    Attributes
    ----------
    before, after : dict of float
        ``"ece"``, the expected calibration error (of the most probable class); ``"brier"``, the
        mean squared error of the probabilities, summed over classes and halved; ``"log_loss"``.
    curve_before, curve_after : dict of ndarray
        The reliability curve, for each bin with rows: ``"predicted"`` and ``"observed"``, means of
        the probability and of its event, and ``"weight"``, the share of the rows. The event is the
        second of two classes, or that the most probable of more is right.
    """

    before: dict[str, float]
    after: dict[str, float]
    curve_before: dict[str, np.ndarray]
    curve_after: dict[str, np.ndarray]

    def __str__(self) -> str:
        lines = [f"{'':10}{'before':>10}{'after':>10}"]
        lines += [f"{k:10}{self.before[k]:10.4f}{self.after[k]:10.4f}" for k in self.before]
        return "\n".join(lines)


def _two(positive: np.ndarray) -> np.ndarray:
    return np.column_stack([1 - positive, positive])


def _joined(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Return labels of rows that are together by either, by any chain."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    sides = [np.unique(side, return_inverse=True)[1].ravel() for side in (one, other)]
    size = int(sides[0].max()) + 1
    edges = (np.ones(len(one)), (sides[0], size + sides[1]))
    graph = coo_array(edges, shape=(size + int(sides[1].max()) + 1,) * 2)
    return connected_components(graph, directed=False)[1][sides[0]]


def _judge(
    made: np.ndarray, codes: np.ndarray, weights: np.ndarray, n_bins: int
) -> tuple[dict[str, float], dict[str, np.ndarray]]:
    """Return the figures and the reliability curve of probabilities."""
    share = weights / weights.sum()
    told = made[np.arange(len(codes)), codes]
    wrong = made.copy()
    wrong[np.arange(len(codes)), codes] -= 1.0
    best = made.max(axis=1), (made.argmax(axis=1) == codes).astype(float)
    event = best if made.shape[1] > 2 else (made[:, 1], (codes == 1).astype(float))
    top = _curve(best[0], best[1], share, n_bins)
    figures = {
        "ece": float(top["weight"] @ np.abs(top["predicted"] - top["observed"])),
        "brier": float(share @ (wrong**2).sum(axis=1)) / 2,
        "log_loss": float(-share @ np.log(np.maximum(told, _LEAST))),
    }
    return figures, _curve(event[0], event[1], share, n_bins)


def _default() -> Any:
    """Return a LinearSVC of ours: it can be stopped, and names what it cannot take."""
    from tamis.models._linear_svc import LinearSVC

    made = LinearSVC(random_state=0)
    if get_config()["enable_metadata_routing"]:
        made.set_fit_request(sample_weight=True)
    return made


def _curve(
    predicted: np.ndarray, observed: np.ndarray, share: np.ndarray, n_bins: int
) -> dict[str, np.ndarray]:
    place = np.minimum((predicted * n_bins).astype(np.int64), n_bins - 1)
    weight, sums, hits = (
        np.bincount(place, w, minlength=n_bins)
        for w in (share, share * predicted, share * observed)
    )
    full = weight > 0
    return {
        "predicted": sums[full] / weight[full],
        "observed": hits[full] / weight[full],
        "weight": weight[full],
    }
