"""What is done about wrong labels: rows dropped, labels corrected, or rows given less weight."""

from __future__ import annotations

from typing import Any

import narwhals as nw
import numpy as np
from sklearn.base import BaseEstimator

from tamis import _frame
from tamis.base import ResampleMixin
from tamis.exceptions import DataError, ParameterError
from tamis.labels._find import find_label_errors
from tamis.labels._issues import LabelIssues

__all__ = ["LabelCleaner"]

_ACTIONS = ("drop", "relabel", "weight")


class LabelCleaner(ResampleMixin, BaseEstimator):
    """Drop rows with labels that are likely wrong, correct the labels, or weigh the rows.

    There is `fit_resample` and no `transform`: ``tamis.pipeline.Pipeline`` runs it when fitting
    and skips it when predicting, so the labels that a model is scored on are never touched.

    Parameters
    ----------
    action : {"drop", "relabel", "weight"}, default="drop"
        ``"drop"`` removes the rows; ``"relabel"`` gives them the suggested label; ``"weight"``
        leaves rows and labels alone and makes `sample_weight_`, which is the quality of each
        label. ``tamis.pipeline.Pipeline`` hands it to its last step as ``sample_weight`` (times
        what was given to it), and refuses a last step that takes none.
    estimator : classifier with predict_proba, or regressor, optional
        What judges the labels, out of fold; see `find_label_errors`.
    cv : int or splitter, default=5
        The folds.
    method : str, default="posterior"
        How labels of classes are judged; see `find_label_errors`.
    task : {"auto", "classification", "regression"}, default="auto"
        What the labels are.
    random_state : int, RandomState or None
        For the folds and the default model.
    n_jobs : int, optional
        Threads; the result does not depend on it.

    Attributes
    ----------
    issues_ : LabelIssues
        What was found.
    sample_indices_ : ndarray of shape (n_rows_out,), int64
        After `fit_resample`: the positions of the rows that stay (all but with ``"drop"``).
    sample_weight_ : ndarray of shape (n_rows,), float64
        With ``"weight"``: the quality of each label, from 0 to 1.
    n_features_in_ : int
        Columns seen, where rows have columns.

    See Also
    --------
    find_label_errors : What is found, and how.

    Notes
    -----
    A class is never dropped whole: where all its rows are likely wrong, the surest of them stays.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.datasets import load_wine
    >>> from tamis.labels import LabelCleaner
    >>> X, y = load_wine(return_X_y=True)
    >>> y[[3, 100, 150]] = [1, 2, 0]
    >>> cleaner = LabelCleaner("relabel", random_state=0)
    >>> X_same, y_new = cleaner.fit_resample(X, y)
    >>> y_new[[3, 100, 150]]
    array([0, 1, 2])
    """

    def __init__(
        self,
        action: str = "drop",
        estimator: Any = None,
        *,
        cv: Any = 5,
        method: str = "posterior",
        task: str = "auto",
        random_state: Any = None,
        n_jobs: int | None = None,
    ) -> None:
        self.action = action
        self.estimator = estimator
        self.cv = cv
        self.method = method
        self.task = task
        self.random_state = random_state
        self.n_jobs = n_jobs

    def fit(self, X: Any, y: Any, sample_weight: Any = None, groups: Any = None) -> LabelCleaner:
        """Find the labels that are likely wrong.

        Parameters
        ----------
        X : frame, array or sparse matrix of shape (n_rows, n_columns), or texts
            The rows.
        y : array-like of shape (n_rows,)
            Their labels.
        sample_weight, groups : array-like of shape (n_rows,), optional
            Weights of the rows, and rows that stay in one fold.

        Returns
        -------
        self

        Raises
        ------
        ParameterError
            If a parameter has a value that cannot be used.
        DataError
            If labels are missing, or X cannot be learned from.
        """
        if self.action not in _ACTIONS:
            raise ParameterError(
                f"action must be one of {', '.join(_ACTIONS)}; got {self.action!r}"
            )
        if y is None:
            raise DataError("LabelCleaner needs the labels y")
        self.issues_ = find_label_errors(
            y, X=X, estimator=self.estimator, cv=self.cv, groups=groups,
            sample_weight=sample_weight, task=self.task, method=self.method,
            random_state=self.random_state, n_jobs=self.n_jobs,
        )  # fmt: skip
        shape: Any = getattr(X, "shape", ())
        if len(shape) == 2:
            self.n_features_in_ = int(shape[1])
        return self

    def fit_resample(self, X: Any, y: Any = None, **params: Any) -> Any:
        """Find wrong labels and act on them.

        Parameters
        ----------
        X : frame, array or sparse matrix of shape (n_rows, n_columns), or texts
            The rows.
        y : array-like of shape (n_rows,)
            Their labels.
        **params : array-like of shape (n_rows,)
            What else is given by row and must stay aligned. ``sample_weight`` and ``groups`` are
            also used when labels are judged.

        Returns
        -------
        X, y or X, y, params
            In the caller's containers, with index, names and dtypes.
        """
        used = {k: v for k, v in params.items() if k in ("sample_weight", "groups")}
        self.fit(X, y, **used)
        if self.action == "weight":
            self.sample_weight_ = self.issues_.quality.copy()
        return super().fit_resample(X, y, **params)

    def _fit_rows(self, X: Any, y: Any) -> np.ndarray:
        if self.action != "drop":
            return np.arange(len(self.issues_))
        return np.flatnonzero(~_leave_some(self.issues_))

    def _new_target(self, y: Any) -> Any:
        if self.action != "relabel":
            return y
        rows = np.flatnonzero(self.issues_.mask)
        return _replaced(y, rows, self.issues_.suggested[rows])


def _leave_some(issues: LabelIssues) -> np.ndarray:
    """Return the rows to drop: of each class, at least the surest label stays."""
    drop = issues.mask.copy()
    if issues.classes is None:
        return drop
    codes = issues._given
    kept = np.bincount(codes[~drop], minlength=len(issues.classes))
    for lost in np.flatnonzero((kept == 0) & (np.bincount(codes, minlength=len(kept)) > 0)):
        rows = np.flatnonzero(codes == lost)
        drop[rows[issues.quality[rows].argmax()]] = False
    return drop


def _replaced(y: Any, rows: np.ndarray, new: np.ndarray) -> Any:
    """Return a copy of the labels with others in some rows, in the container they came in."""
    if _frame.is_frame(y):
        return _frame.replace_cells(y, _frame.names(y)[0], rows, new.tolist())
    if nw.dependencies.is_into_series(y):
        series = nw.from_native(y, series_only=True)
        name = series.name
        frame = series.alias("y").to_frame().to_native()
        changed = _frame.wrap(_frame.replace_cells(frame, "y", rows, new.tolist()))
        out = changed.get_column("y").to_native()
        return (
            out.rename(name)
            if hasattr(out, "iloc")
            else out
            if name is None
            else (nw.from_native(out, series_only=True).alias(name).to_native())
        )
    cells = np.array(y)
    if cells.dtype.kind in "iu" and new.dtype.kind == "f":
        cells = cells.astype(np.float64)  # a prediction is a fraction
    cells.reshape(-1)[rows] = new
    return cells
