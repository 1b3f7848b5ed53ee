"""Out-of-fold predictions: every row is judged by a model that has not seen it or its copies."""

from __future__ import annotations

import numbers
from typing import Any

import numpy as np
import scipy.sparse as sp
from sklearn.base import clone
from sklearn.model_selection import check_cv
from sklearn.utils.parallel import Parallel, delayed
from sklearn.utils.validation import has_fit_parameter

from tamis import _frame
from tamis._progress import bar
from tamis._random import base_seed, derive
from tamis.exceptions import DataError, ParameterError, ShapeError
from tamis.labels._model import default_model, table
from tamis.labels._targets import Target

__all__ = ["copies_of", "out_of_fold"]

#: Rows (and cells) up to which rows of numbers are compared within a tolerance.
_MOST_ROWS, _MOST_CELLS = 20_000, 2_000_000
#: Numbers so near, in standard deviations of their column, are the same.
_NEAR = 1e-4


def out_of_fold(
    X: Any,
    target: Target,
    *,
    estimator: Any,
    cv: Any,
    groups: Any,
    copies: np.ndarray,
    weights: np.ndarray | None,
    random_state: Any,
    n_jobs: int | None,
) -> tuple[np.ndarray, np.ndarray]:
    """Return predictions (probabilities, or numbers) and which rows could be judged.

    A row whose class had no row in the training folds cannot be judged.
    """
    X = table(X)
    n = len(target.y)
    seed = base_seed(random_state)
    own = estimator is None
    model = default_model(X, target, derive(seed, "model"), n_jobs) if own else estimator
    if target.classifies and not hasattr(model, "predict_proba"):
        raise ParameterError(
            f"{type(model).__name__} has no predict_proba: give a classifier that has, or wrap it "
            "in sklearn.calibration.CalibratedClassifierCV"
        )
    splits = _splits(X, target, cv, groups, copies, derive(seed, "folds"))
    width = len(target.classes) if target.classes is not None else 1
    out = np.full((n, width), np.nan)
    judged = np.zeros(n, dtype=bool)
    jobs = (delayed(_fold)(clone(model), X, target, weights, fit, test) for fit, test in splits)
    # The default model has its own threads; of another, as many fits at once as asked for.
    done = Parallel(n_jobs=1 if own else n_jobs, return_as="generator")(jobs)
    with bar(len(splits), "judging labels") as progress:
        for (_, test), (said, known) in zip(splits, done, strict=True):
            out[test], judged[test] = said, known
            progress.update()
    return (out if target.classifies else out[:, 0]), judged


def _fold(
    model: Any, X: Any, target: Target, weights: Any, fit: np.ndarray, test: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Fit on some rows; return the predictions of others, and which of them can be judged."""
    y = target.y[fit]
    params = {} if weights is None else {_weight_name(model): weights[fit]}
    if target.classes is None:
        model.fit(_frame_rows(X, fit), y, **params)
        said = np.asarray(model.predict(_frame_rows(X, test)), dtype=np.float64).reshape(-1, 1)
        return said, np.ones(len(test), dtype=bool)
    seen = np.unique(y)
    said = np.zeros((len(test), len(target.classes)))
    if len(seen) == 1:
        said[:, seen[0]] = 1.0
    else:
        model.fit(_frame_rows(X, fit), y, **params)
        places = np.asarray(model.classes_).astype(np.int64)
        said[:, places] = model.predict_proba(_frame_rows(X, test))
    return said, np.isin(target.y[test], seen)


def _frame_rows(X: Any, rows: np.ndarray) -> Any:
    return X[rows] if sp.issparse(X) else _frame.take(X, rows)


def _weight_name(model: Any) -> str:
    """Return the name of the parameter of `fit` by which weights reach the model."""
    steps = getattr(model, "steps", None)
    last = steps[-1][1] if steps else model
    if not has_fit_parameter(last, "sample_weight"):
        raise ParameterError(
            f"{type(last).__name__} takes no sample_weight: leave it out or give an estimator "
            "that does"
        )
    return f"{steps[-1][0]}__sample_weight" if steps else "sample_weight"


def _splits(
    X: Any, target: Target, cv: Any, groups: Any, copies: np.ndarray, seed: int
) -> list[tuple[np.ndarray, np.ndarray]]:
    n = len(target.y)
    if isinstance(cv, numbers.Integral) and not isinstance(cv, bool):
        from tamis.search._split import folds, strata

        if cv < 2:
            raise ParameterError(f"cv must be at least 2; got {cv}")
        together = _joined(copies, groups)
        distinct = len(np.unique(together))
        if distinct < 2:
            raise DataError(
                "all rows are copies of one another, or of one group: there is nothing to judge "
                "a label by"
            )
        level = strata(target.y, target.classifies)
        return folds(level, together, min(int(cv), distinct), seed)
    splitter = check_cv(cv, target.y, classifier=target.classifies)
    rows = np.zeros((n, 1))
    found = [(np.asarray(a), np.asarray(b)) for a, b in splitter.split(rows, target.y, groups)]
    times = np.bincount(np.concatenate([test for _, test in found]), minlength=n)
    if len(times) != n or not (times == 1).all():
        raise ParameterError("cv must put each row into the test part of one fold exactly")
    return found


def _joined(copies: np.ndarray, groups: Any) -> np.ndarray:
    """Return labels of what stays together: rows with a copy or a group in common, by any chain."""
    if groups is None:
        return copies
    n = len(copies)
    if len(groups) != n:
        raise ShapeError(f"groups has {len(groups)} entries for {n} rows")
    from scipy.sparse.csgraph import connected_components

    named = np.array([str(g) for g in groups]) if np.asarray(groups).dtype == object else groups
    _, other = np.unique(np.asarray(named), return_inverse=True)
    size = int(copies.max()) + 1
    edges = sp.coo_matrix(
        (np.ones(n), (copies, size + other)), shape=(size + int(other.max()) + 1,) * 2
    )
    return connected_components(edges, directed=False)[1][copies].astype(np.int64)


def copies_of(X: Any, n_jobs: int | None) -> np.ndarray:
    """Return labels of rows that are equal, or nearly (texts; numbers, where they are few)."""
    from tamis.dedup import duplicate_groups

    X = table(X)
    if sp.issparse(X):
        rows = X.tocsr()
        rows.sort_indices()
        keys = [
            (rows.indices[a:b].tobytes(), rows.data[a:b].tobytes())
            for a, b in zip(rows.indptr[:-1], rows.indptr[1:], strict=True)
        ]
        place = {key: i for i, key in enumerate(dict.fromkeys(keys))}
        return np.array([place[key] for key in keys], dtype=np.int64)
    if isinstance(X, list):
        return duplicate_groups(X, kind="text", n_jobs=n_jobs, normalize=True)
    tolerance = _tolerance(X)
    if tolerance is None:
        return duplicate_groups(X, n_jobs=n_jobs)
    return duplicate_groups(X, n_jobs=n_jobs, tolerance=tolerance)


def _tolerance(X: Any) -> dict[Any, float] | None:
    """Return how near numbers count as the same, by column of fractions."""
    if _frame.is_frame(X):
        frame = _frame.wrap(X)
        names = [c for c in frame.columns if frame.schema[c].is_float()]
        columns: dict[Any, np.ndarray] = {c: _frame.values(frame.get_column(c)).data for c in names}
        shape: tuple[int, ...] = frame.shape
    else:
        array = np.asarray(X)
        shape = array.shape
        columns = {j: array[:, j] for j in range(shape[1])} if array.dtype.kind == "f" else {}
    if not columns or shape[0] > _MOST_ROWS or shape[0] * shape[1] > _MOST_CELLS:
        return None
    out = {}
    for name, cells in columns.items():
        finite = cells[np.isfinite(cells)].astype(np.float64)
        # Whole numbers (counts, pixels, codes) are near only where they are equal.
        if len(finite) and (np.mod(finite, 1.0) != 0.0).any():
            out[name] = _NEAR * float(np.std(finite))
    return {name: t for name, t in out.items() if np.isfinite(t) and t > 0.0} or None
