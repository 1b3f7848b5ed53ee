"""Fine-tuning: a fitted model taken to new rows, no further than they warrant."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from numbers import Real
from typing import Any

import numpy as np
from scipy import sparse
from sklearn.base import clone, is_classifier, is_regressor
from sklearn.utils.validation import check_is_fitted

from tamis import _progress
from tamis._random import base_seed
from tamis.exceptions import DataError, ParameterError, ShapeError
from tamis.models._finetune_boost import BoostTuner
from tamis.models._finetune_forest import ForestTuner
from tamis.models._finetune_linear import LinearTuner
from tamis.models._finetune_mlp import MLPTuner
from tamis.models._finetune_report import FineTuned, Report, score_of

__all__ = ["finetune"]

#: Folds in which the strength is chosen, and how often they are drawn (the more, the fewer rows).
_FOLDS = 5
_MANY = 1000
#: Candidates of less weight than this are left out of the mean.
_LITTLE = 1e-3


def finetune(
    model: Any,
    X: Any,
    y: Any,
    *,
    strength: Any = "auto",
    loss: Any = None,
    source: tuple[Any, Any] | None = None,
    sample_weight: Any = None,
    groups: Any = None,
    cv: int = 5,
    random_state: Any = None,
) -> FineTuned:
    """Fit a model that is trained already to new rows, without forgetting what it knows.

    Linear models and networks are pulled towards the weights that they have (L2-SP). Forests keep
    their trees, weigh them by how well they do on the new rows, and get new ones beside them.
    Boosted trees keep their splits; the values of their leaves are refitted, pulled towards what
    they were, and new trees, shrunken by the same pull, come after them. How far to go is chosen by
    cross-validation inside the new rows; the model is the mean of the candidates by how well each
    predicts rows left out (pseudo-Bayesian averaging), which for these models is again one model of
    the same kind (but for networks, which take the best candidate). What the model would have been
    worth untouched, fitted from scratch, or fitted on both data sets is measured on rows that
    nothing was fitted on.

    Parameters
    ----------
    model : estimator
        Fitted: a linear model (with `coef_` and `intercept_`), a network (MLPClassifier or
        MLPRegressor, of one target), a random forest (with `estimators_`) or a histogram boosting
        (scikit-learn's comes back as ours), of tamis or of scikit-learn; or a pipeline that ends in
        one, whose other steps are kept as they are. It is not changed.
    X : array-like or frame of shape (n_samples, n_features)
        New rows; sparse ones for linear models and networks.
    y : array-like of shape (n_samples,) or (n_samples, n_targets)
        Their targets: of the classes that the model knows, at least two rows of each that occurs.
    strength : 'auto' or float, default='auto'
        How strongly the model is held to what it was. For linear models the pull on the
        coefficients, in units of the columns' spread, against the sum of losses: 0 lets them go,
        infinity allows a new intercept alone. For forests the share of the old trees, from 0 to 1.
        For networks the pull on all weights, as they stand; infinity allows new biases of the
        scores alone. For boosting the pull on each leaf's value, in rows a round of the model:
        infinity allows a new first score alone; how many new trees come after is chosen in any
        case.
    loss : str or loss, optional
        Of `tamis.losses`, for linear models, networks and boosting; by default the one that the
        model was fitted by.
    source : (X, y), optional
        The rows that the model was fitted on, to report what fitting on both would have given.
    sample_weight : array-like of shape (n_samples,), optional
        Weights of the new rows.
    groups : array-like of shape (n_samples,), optional
        Rows of one group are never on both sides of a split.
    cv : int, default=5
        Folds of the report; 0 for none, which takes a sixth of the time.
    random_state : int or RandomState, optional
        Of the folds and of new trees.

    Returns
    -------
    FineTuned
        `model`, `strengths` (the candidates and their weights) and `report`.

    Raises
    ------
    ParameterError
        If the model cannot be fine-tuned, or a parameter is out of range.
    DataError
        If y has a class that the model does not know, or one row of a class only.

    References
    ----------
    X. Li, Y. Grandvalet and F. Davoine, "Explicit Inductive Bias for Transfer Learning with
    Convolutional Networks", ICML 2018 (L2-SP); Y. Yao and others, "Using Stacking to Average
    Bayesian Predictive Distributions", Bayesian Analysis 2018 (pseudo-Bayesian averaging).

    Examples
    --------
    >>> import numpy as np
    >>> from tamis.models import LogisticRegression, finetune
    >>> rng = np.random.default_rng(0)
    >>> X, new = rng.normal(size=(500, 4)), rng.normal(size=(60, 4))
    >>> model = LogisticRegression().fit(X, X @ [1, 1, 0, 0] > 0)
    >>> tuned = finetune(model, new, new @ [1, 0.5, 0.5, 0] > 0, random_state=0)
    >>> bool(tuned.report["fine-tuned"].score > tuned.report["source"].score)
    True
    """
    job = _Job(model, X, y, loss, sample_weight, groups, random_state)
    _check_strength(strength, job.tuner)
    if isinstance(cv, bool) or not isinstance(cv, int) or cv < 0 or cv == 1:
        raise ParameterError(f"cv must be 0 or a number of folds from 2; got {cv!r}")
    rows = np.arange(job.n)
    with _progress.bar(cv + 1, "fine-tuning") as bar:
        last, weights = job.tuned(rows, strength)
        bar.update()
        report = _report(job, strength, cv, source, bar) if cv else {}
    return FineTuned(job.whole(last), weights, report, job.classifies)


class _Job:
    """The model, the new rows as its last step sees them, and the folds."""

    def __init__(
        self, model: Any, X: Any, y: Any, loss: Any, weight: Any, groups: Any, random_state: Any
    ) -> None:
        model = getattr(model, "best_estimator_", model)
        check_is_fitted(model)
        self.model, self.raw = model, X
        self.steps = getattr(model, "steps", None)
        last = self.steps[-1][1] if self.steps else model
        self.seed = base_seed(random_state)
        self.classifies = is_classifier(last)
        self.tuner = _tuner(last, loss, self.seed)
        self.X = self.tuner.read(model[:-1].transform(X) if self.steps else X)
        self.n = self.X.shape[0]
        self.target = np.asarray(y)
        if len(self.target) != self.n or self.target.ndim > 2:
            raise ShapeError(f"X has {self.n} rows, y has shape {self.target.shape}")
        self.y = self._codes() if self.classifies else self._numbers()
        self.weight = _weights(weight, self.n)
        self.groups = None if groups is None else _group_codes(groups, self.n)

    def _codes(self) -> np.ndarray:
        classes = self.tuner.classes
        if self.target.ndim != 1:
            raise ShapeError(f"y must have one dimension; got {self.target.ndim}")
        place = {c: k for k, c in enumerate(classes.tolist())}
        codes = [place.get(c, -1) for c in self.target.tolist()]
        if -1 in codes:
            row = codes.index(-1)
            raise DataError(
                f"row {row} of y is {self.target.tolist()[row]!r}, which the model does not know; "
                f"its classes: {', '.join(map(str, classes))}"
            )
        counts = np.bincount(codes, minlength=len(classes))
        if np.count_nonzero(counts) < 2:
            raise DataError("y has rows of one class only: give rows of two at least")
        if (counts == 1).any():
            alone = classes.tolist()[np.flatnonzero(counts == 1)[0]]
            raise DataError(f"class {alone!r} has one row: give another, or leave it out")
        return np.array(codes)

    def _numbers(self) -> np.ndarray:
        try:
            numbers = self.target.astype(np.float64)
        except (TypeError, ValueError):
            raise DataError("y must hold numbers: the model is a regressor") from None
        bad = ~np.isfinite(numbers)
        if bad.any():
            raise DataError(f"row {int(np.argwhere(bad)[0][0])} of y is not a finite number")
        outputs = np.atleast_2d(getattr(self.tuner.model, "coef_", [[0]])).shape[0]
        if numbers.ndim == 2 and numbers.shape[1] == 1 and outputs == 1:
            numbers = numbers[:, 0]
        if (1 if numbers.ndim == 1 else numbers.shape[1]) != outputs:
            raise ShapeError(f"y has shape {numbers.shape}; the model has {outputs} outputs")
        if self.n < 4:
            raise DataError(f"X has {self.n} rows: give four at least")
        return numbers

    def folds(self, rows: np.ndarray, n: int, draw: int) -> np.ndarray:
        """Return the number of the fold of each of `rows`: dealt out by class, groups whole."""
        rng = np.random.default_rng([self.seed, draw])
        order = rng.permutation(len(rows))
        if self.groups is not None:
            groups = self.groups[rows]
            found = np.unique(groups)
            if len(found) < 2:
                raise DataError("groups must hold two groups at least")
            deal = np.arange(len(found)) % min(n, len(found))
            return np.asarray(rng.permutation(deal)[np.searchsorted(found, groups)])
        if self.classifies:
            order = order[np.argsort(self.y[rows][order], kind="stable")]
        fold = np.empty(len(rows), dtype=np.int64)
        fold[order] = np.arange(len(rows)) % min(n, len(rows))
        return fold

    def tuned(self, rows: np.ndarray, strength: Any) -> tuple[Any, dict[str, float]]:
        """Return the last step fitted to `rows`, and the weights of the candidates by name."""
        tuner, X = self.tuner, self.X[rows]
        y, weight = self.y[rows], self.weight[rows]
        candidates = tuner.candidates(strength, float(weight.sum()))
        shares = np.ones(1)
        if len(candidates) > 1:
            shares = _shares(self._loss_left_out(X, rows, candidates), weight, tuner.likelihood)
        kept = [(c, s) for c, s in zip(candidates, shares, strict=True) if s > _LITTLE]
        share = np.array([s for _, s in kept]) / sum(s for _, s in kept)
        fitted = tuner.path(X, y, weight, [c for c, _ in kept])
        names = [tuner.name(c) for c, _ in kept]
        return tuner.combine(fitted, share), dict(zip(names, share.tolist(), strict=True))

    def _loss_left_out(self, X: Any, rows: np.ndarray, candidates: list) -> np.ndarray:
        """Return the loss of each row by each candidate fitted without it."""
        y, weight = self.y[rows], self.weight[rows]
        draws = 2 if len(rows) < _MANY else 1
        loss = np.zeros((len(candidates), len(rows)))
        for draw in range(draws):
            fold = self.folds(rows, _FOLDS, draw + 1)
            for f in np.unique(fold):
                kept, out = np.flatnonzero(fold != f), np.flatnonzero(fold == f)
                fitted = self.tuner.path(X[kept], y[kept], weight[kept], candidates)
                scores = self.tuner.scores(fitted, X[out])
                loss[:, out] += self.tuner.losses_of(scores, y[out]) / draws
        return loss

    def whole(self, last: Any) -> Any:
        """Return the model with its last step replaced."""
        if not self.steps:
            return self.tuner.finish(last)
        last = self.tuner.finish(last)
        model = copy.copy(self.model)
        model.steps = [*self.steps[:-1], (self.steps[-1][0], last)]
        return model


def _tuner(model: Any, loss: Any, seed: int) -> Any:
    if not (is_classifier(model) or is_regressor(model)):
        raise ParameterError(f"{type(model).__name__} is no classifier and no regressor")
    if hasattr(model, "coef_") and hasattr(model, "intercept_"):
        return LinearTuner(model, loss)
    if MLPTuner.suits(model):
        return MLPTuner(model, loss, seed)
    if BoostTuner.suits(model):
        return BoostTuner(model, loss, seed)
    if ForestTuner.suits(model):
        if loss is not None:
            raise ParameterError("a forest has no loss: leave loss= out")
        return ForestTuner(model, seed)
    raise ParameterError(
        f"{type(model).__name__} cannot be fine-tuned: give a linear model, a network, a "
        "forest, a histogram boosting, or a pipeline that ends in one"
    )


def _check_strength(strength: Any, tuner: Any) -> None:
    most = tuner.most
    number = isinstance(strength, Real) and not isinstance(strength, bool)
    if strength != "auto" and not (number and 0 <= strength <= most):
        raise ParameterError(f"strength must be 'auto' or from 0 to {most:g}; got {strength!r}")


def _weights(weight: Any, n: int) -> np.ndarray:
    if weight is None:
        return np.ones(n)
    weights = np.asarray(weight, dtype=np.float64)
    if weights.shape != (n,) or not np.isfinite(weights).all() or (weights < 0).any():
        raise ParameterError(f"sample_weight must be {n} numbers that are not negative")
    if not weights.any():
        raise ParameterError("sample_weight is zero for every row")
    return weights


def _group_codes(groups: Any, n: int) -> np.ndarray:
    values = np.asarray(groups)
    if values.shape != (n,):
        raise ShapeError(f"X has {n} rows, groups has shape {values.shape}")
    return np.unique(values.astype(str), return_inverse=True)[1]


def _shares(loss: np.ndarray, weight: np.ndarray, likelihood: bool) -> np.ndarray:
    """Return the weight of each candidate by the loss of rows that it was not fitted on."""
    sums = loss @ weight
    if not likelihood:
        # Of normal residuals whose scale is estimated.
        sums = weight.sum() / 2 * np.log(np.maximum(sums, np.finfo(np.float64).tiny))
    share = np.exp(sums.min() - sums)
    return np.asarray(share / share.sum())


def _report(job: _Job, strength: Any, cv: int, source: Any, bar: Any) -> dict[str, Report]:
    """Return what each way is worth on rows that it was not fitted on."""
    names = ["source", "scratch", "fine-tuned"]
    old = None
    if source is not None:
        names.insert(2, "pooled")
        old = _read_source(job, source)
    fold = job.folds(np.arange(job.n), cv, 0)
    scores: dict[str, list[float]] = {name: [] for name in names}
    sizes = []
    for f in np.unique(fold):
        kept, out = np.flatnonzero(fold != f), np.flatnonzero(fold == f)
        made = {"source": job.tuner.model, "scratch": _scratch(job, kept)}
        if old is not None:
            made["pooled"] = _scratch(job, kept, old)
        made["fine-tuned"] = job.tuned(kept, strength)[0]
        sizes.append(float(job.weight[out].sum()))
        for name in names:
            held, truth = job.X[out], job.target[out]
            scores[name].append(score_of(made[name], held, truth, job.weight[out]))
        bar.update()
    return {name: Report.of(scores[name], sizes, scores["source"]) for name in names}


def _read_source(job: _Job, source: Any) -> tuple[Any, np.ndarray]:
    if not isinstance(source, Sequence) or len(source) != 2:
        raise ParameterError("source must be (X, y): the rows that the model was fitted on")
    X = job.tuner.read(job.model[:-1].transform(source[0]) if job.steps else source[0])
    y = np.asarray(source[1])
    if len(y) != X.shape[0]:
        raise ShapeError(f"source has {X.shape[0]} rows, but {len(y)} targets")
    return X, y


def _scratch(job: _Job, rows: np.ndarray, old: Any = None) -> Any:
    """Return the last step fitted on `rows` alone, or on the old rows as well."""
    X, y, weight = job.X[rows], job.target[rows], job.weight[rows]
    if old is not None:
        stack = sparse.vstack if sparse.issparse(X) else np.concatenate
        X, y = stack([old[0], X]), np.concatenate([old[1], y])
        weight = np.concatenate([np.ones(len(old[1])), weight])
    model = clone(job.tuner.model)
    if (weight == 1).all():
        return model.fit(X, y)
    return model.fit(X, y, sample_weight=weight)
