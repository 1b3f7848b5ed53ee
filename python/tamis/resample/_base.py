"""What samplers share: parameters, the target, the container, and which rows came from where."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from scipy import sparse
from sklearn.base import BaseEstimator, OneToOneFeatureMixin
from sklearn.utils import InputTags, Tags, TargetTags, column_or_1d
from sklearn.utils.multiclass import check_classification_targets, type_of_target
from sklearn.utils.validation import check_array, check_consistent_length, validate_data

from tamis import _frame
from tamis._check import refuse_infinite, where_text
from tamis.exceptions import DataError, ParameterError
from tamis.resample import _rows
from tamis.resample._params import check_parameters
from tamis.resample._rows import Made
from tamis.resample._strategy import rows_by_class

__all__ = ["BaseSampler"]


@dataclass(slots=True)
class SamplerTags:
    """What imbalanced-learn asks of a sampler's tags."""

    sample_indices: bool = False


@dataclass(slots=True)
class SamplerInputTags(InputTags):
    """What may come in; `dataframe` is imbalanced-learn's."""

    dataframe: bool = True


@dataclass(slots=True)
class AllTags(Tags):
    """scikit-learn's tags, and a sampler's."""

    sampler_tags: SamplerTags = field(default_factory=SamplerTags)


class BaseSampler(OneToOneFeatureMixin, BaseEstimator):
    """Samplers: `fit_resample`, as imbalanced-learn has it.

    A subclass has `_kind` and ``_resample(cells, y)``, which returns the positions of the rows
    that stay, and what is made of them or None. Where it also returns positions to keep, these
    are among the rows that stay and the made ones after them.
    """

    _kind: str
    #: Whether rows are only taken, so that there are sample_indices_.
    _takes = False
    #: Whether cells may be anything: they are not looked at.
    _any_cells = False
    #: Whether the rows of a pandas frame keep their labels.
    _keeps_index = False
    #: Whether a sparse matrix may come in.
    _sparse = True
    _estimator_type = "sampler"

    sampling_strategy: Any

    def fit(self, X: Any, y: Any, **params: Any) -> Any:
        """Check the rows and find how many of each class are asked for.

        Parameters
        ----------
        X : frame, array or sparse matrix of shape (n_rows, n_features)
            The rows.
        y : array-like of shape (n_rows,)
            The classes.
        **params : object
            Ignored.

        Returns
        -------
        self
        """
        check_parameters(self)
        _, labels, _ = self._check(X, y)
        self.sampling_strategy_ = rows_by_class(self.sampling_strategy, labels, self._kind)
        return self

    def fit_resample(self, X: Any, y: Any, **params: Any) -> Any:
        """Resample the rows.

        Parameters
        ----------
        X : frame, array, list or sparse matrix of shape (n_rows, n_features)
            The rows.
        y : array-like of shape (n_rows,)
            The classes; a matrix with one column of 0 and 1 for each class will do.
        **params : array-like of shape (n_rows,)
            Whatever else is given by row (``sample_weight``, ``groups``) and must stay aligned; a
            made row has the value of the row it starts from.

        Returns
        -------
        X, y or X, y, params
            The rows, in the containers and dtypes they came in; original rows come first.
            `params` is a dict, returned only when some were given.

        Raises
        ------
        ParameterError
            If a parameter is out of its range, or asks for what the classes cannot give.
        DataError
            If there are fewer than two classes, or cells that the method cannot use.
        """
        check_parameters(self)
        cells, labels, _ = self._check(X, y)
        self.sampling_strategy_ = rows_by_class(self.sampling_strategy, labels, self._kind)
        rows, made, keep = self._resample_checked(cells, labels)
        made_from = np.zeros((0, 2), np.int64) if made is None else _pairs(made.base, made.other)
        source = np.concatenate([_pairs(rows, rows), made_from])
        X_out = self._rows_out(X, cells, rows, made)
        if keep is not None:
            source = source[keep]
            X_out = _rows.take(X_out, X_out, keep, keep_index=False)
        self.source_index_ = source
        if self._takes:
            self.sample_indices_ = source[:, 0].copy()
        if made is not None and made.voters is not None:
            self.voter_index_ = made.voters
        y_out = _target(y, source[:, 0], X_out)
        if params:
            by_row = {k: _frame.take(v, source[:, 0]) for k, v in params.items()}
            return X_out, y_out, by_row
        return X_out, y_out

    # --- for subclasses ------------------------------------------------------------------------

    def _resample_checked(self, cells: Any, y: np.ndarray) -> tuple[Any, Any, Any]:
        found = self._resample(cells, y)
        rows, made = found[:2]
        return np.asarray(rows, dtype=np.int64), made, found[2] if len(found) > 2 else None

    def _resample(self, cells: Any, y: np.ndarray) -> tuple[Any, ...]:
        raise AttributeError(f"{type(self).__name__} must define _resample")

    def _numbers(self, cells: Any) -> Any:
        """Return the cells that made rows lie between."""
        return cells

    # --- rows in -------------------------------------------------------------------------------

    def _check(self, X: Any, y: Any) -> tuple[Any, np.ndarray, bool]:
        """Return rows as a matrix (any cells: as they are), labels, and whether y was a matrix."""
        if y is None:
            raise ParameterError(f"{type(self).__name__} needs the classes of the rows: give y")
        labels, by_column = _labels(y)
        if _frame.n_rows(X) == 0 if _frame.is_frame(X) else False:
            raise DataError("X has 0 rows, and a minimum of 1 is required")
        cells = self._cells(X, labels)
        check_consistent_length(cells, labels)
        return cells, labels, by_column

    def _cells(self, X: Any, y: np.ndarray) -> Any:
        formats = ["csr", "csc"] if self._sparse else False
        if self._any_cells:
            validate_data(self, X, y, skip_check_array=True)
            if _frame.is_frame(X):
                return X
            return check_array(X, dtype=None, accept_sparse=formats, ensure_all_finite=False)
        if _frame.is_frame(X):
            _rows.number_columns(X, type(self).__name__)
        try:
            cells, _ = validate_data(self, X, y, accept_sparse=formats, ensure_all_finite=False)
        except (TypeError, ValueError) as error:
            if "could not convert" in str(error):
                raise DataError(f"{error}{where_text(self, X)}") from error
            raise
        refuse_infinite(self, cells.data[:, None] if sparse.issparse(cells) else cells,
                        allow_nan=False)  # fmt: skip
        return cells

    # --- rows out ------------------------------------------------------------------------------

    def _rows_out(self, X: Any, cells: Any, rows: np.ndarray, made: Made | None) -> Any:
        if made is None:
            return _rows.take(X, cells, rows, keep_index=self._keeps_index)
        numbers = self._numbers(cells)
        if _frame.is_frame(X):
            return _rows.extend_frame(X, numbers, made)
        out = _rows.extend(cells, numbers, made)
        return out.tolist() if isinstance(X, list) else out

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        return AllTags(
            estimator_type="sampler",
            target_tags=TargetTags(required=True),
            transformer_tags=tags.transformer_tags,
            input_tags=SamplerInputTags(
                sparse=self._sparse, string=self._any_cells, allow_nan=self._any_cells
            ),
            sampler_tags=SamplerTags(sample_indices=self._takes),
        )


def _pairs(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    return np.stack([first, second], axis=1).astype(np.int64, copy=False)


def _labels(y: Any) -> tuple[np.ndarray, bool]:
    """Return the class of each row, and whether y had a column for each class."""
    if type(y).__module__.partition(".")[0] in ("polars", "pyarrow"):
        y = np.asarray(y)
    check_classification_targets(y)
    if type_of_target(y) != "multilabel-indicator":
        return column_or_1d(np.asarray(y) if isinstance(y, list) else y), False
    flags = y.toarray() if sparse.issparse(y) else np.asarray(y)
    if (flags.sum(axis=1) > 1).any():
        raise DataError(
            "y has rows of more than one class. Multilabel and multioutput targets are not "
            "supported."
        )
    return flags.argmax(axis=1), True


def _target(y: Any, rows: np.ndarray, X_out: Any) -> Any:
    """Return the classes of the rows, in the container of y."""
    if isinstance(y, list):
        return [y[i] for i in rows]
    if hasattr(y, "iloc"):
        out = y.iloc[rows]
        if hasattr(X_out, "iloc"):
            return out.set_axis(X_out.index, axis=0)
        return out.reset_index(drop=True)
    out = _frame.take(y, rows) if not sparse.issparse(y) else y.tocsr()[rows]
    return out.ravel() if isinstance(out, np.ndarray) and out.shape[1:] == (1,) else out
