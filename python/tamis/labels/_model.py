"""The model that judges labels where none is given."""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.sparse as sp

from tamis import _frame, _threads
from tamis.exceptions import DataError, ShapeError
from tamis.labels._targets import Target

__all__ = ["default_model", "table"]

#: Forests judge labels best, boosting is quicker: it takes over beyond so many cells of the table.
_MOST_CELLS = 2_000_000
_TREES, _LEAF = 100, 2
_ROUNDS, _LEAVES = 60, 31
#: The most levels that boosting takes as categories.
_MOST_LEVELS = 254


def table(X: Any) -> Any:
    """Return the rows in a form that all parts know: frame, matrix of numbers, texts, sparse."""
    if sp.issparse(X):
        return X.tocsr()
    if _frame.is_frame(X):
        return X
    if type(X).__name__ == "LazyFrame":
        return _frame.wrap(X, "X")
    if _is_texts(X):
        return [str(v) for v in X]
    array = np.asarray(X)
    if array.ndim == 1:
        array = array.reshape(-1, 1)
    if array.ndim != 2:
        raise ShapeError(
            f"X has {array.ndim} dimensions: give rows of columns, or pred_probs from a model of "
            "your own"
        )
    if array.dtype.kind in "biuf":
        if array.dtype.kind == "f" and len(bad := np.argwhere(np.isinf(array))):
            raise DataError(
                f"X is infinite in row {bad[0][0]}, column {bad[0][1]}: replace it by NaN or a "
                "finite number"
            )
        return array
    import pandas as pd

    return pd.DataFrame(array, columns=[f"x{j}" for j in range(array.shape[1])]).infer_objects()


def _is_texts(X: Any) -> bool:
    if isinstance(X, str | bytes | dict):
        return False
    if getattr(X, "ndim", 1) != 1 or not len(X):
        return False
    return all(isinstance(v, str) for v in X)


def default_model(X: Any, target: Target, seed: int, n_jobs: int | None) -> Any:
    """Return a model for the rows: everything it learns, it learns in `fit`."""
    if isinstance(X, list):
        return _of_texts(target)
    if not _frame.is_frame(X):
        return _trees(target, X.shape, seed, n_jobs, None)
    from tamis.pipeline import Pipeline
    from tamis.search._table import choose_columns

    # Only the kind of each column is read off all rows; levels are learned in each fold.
    encoder, _ = choose_columns(X, None)
    numbers = len(encoder.numbers) + len(encoder.datetimes)
    frame = _frame.wrap(X)
    levels = [frame.get_column(name).n_unique() for name in encoder.categories]
    categorical = [numbers + j for j, count in enumerate(levels) if count <= _MOST_LEVELS]
    shape = (len(frame), numbers + len(levels))
    model = _trees(target, shape, seed, n_jobs, categorical or None)
    return Pipeline([("columns", encoder), ("model", model)])


def _trees(target: Target, shape: Any, seed: int, n_jobs: int | None, categorical: Any) -> Any:
    from sklearn import ensemble

    kind = "Classifier" if target.classifies else "Regressor"
    if shape[0] * shape[1] <= _MOST_CELLS:
        made = getattr(ensemble, f"RandomForest{kind}")
        return made(
            _TREES, min_samples_leaf=_LEAF, random_state=seed, n_jobs=_threads.resolve(n_jobs)
        )
    made = getattr(ensemble, f"HistGradientBoosting{kind}")
    return made(
        max_iter=_ROUNDS,
        max_leaf_nodes=_LEAVES,
        early_stopping=False,
        categorical_features=categorical,
        random_state=seed,
    )


def _of_texts(target: Target) -> Any:
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression, Ridge
    from sklearn.pipeline import make_pipeline

    words = TfidfVectorizer(sublinear_tf=True)
    return make_pipeline(words, LogisticRegression(C=5.0) if target.classifies else Ridge())
