"""Errors of tamis: one tree, each also the built-in error that callers already catch."""

from __future__ import annotations

from sklearn.exceptions import InconsistentVersionWarning, NotFittedError

__all__ = [
    "ColumnTypeError",
    "DataError",
    "DuplicatesWarning",
    "InternalError",
    "MissingExtraError",
    "NotConvergedError",
    "NotFittedError",
    "ParameterError",
    "ShapeError",
    "StateError",
    "StoppedError",
    "TamisError",
    "UnsuitedError",
    "VersionWarning",
]


class TamisError(Exception):
    """What every error of tamis is."""


class ParameterError(TamisError, ValueError):
    """A parameter has a value that cannot be used."""


class ShapeError(TamisError, ValueError):
    """Arrays, columns or rows do not fit each other."""


class DataError(TamisError, ValueError):
    """The data cannot be used as they are; the message names the column, row or file."""


class UnsuitedError(DataError, RuntimeError):
    """A method can do nothing with data that is right as such."""


class ColumnTypeError(DataError, TypeError):
    """A column holds objects that the method has no use for; the message names the column."""


class NotConvergedError(TamisError, RuntimeError):
    """A method did not reach its tolerance."""


class StateError(TamisError, ValueError):
    """Saved or fitted state is absent, damaged or of another version."""


class StoppedError(TamisError, RuntimeError):
    """The work was stopped by its caller."""


class InternalError(TamisError, RuntimeError):
    """A bug in tamis."""


class MissingExtraError(TamisError, ImportError):
    """An optional package is needed; the message names the extra that brings it."""


class VersionWarning(InconsistentVersionWarning):
    """A file holds estimators of scikit-learn that another version of it wrote."""

    def __init__(self, estimator: str, current: str, original: str) -> None:
        super().__init__(
            estimator_name=estimator,
            current_sklearn_version=current,
            original_sklearn_version=original,
        )

    def __str__(self) -> str:
        return (
            f"the file was saved with scikit-learn {self.original_sklearn_version} and is loaded "
            f"with {self.current_sklearn_version}: {self.estimator_name} may answer differently; "
            "save it anew with this version, or install the other"
        )


class DuplicatesWarning(UserWarning):
    """A search for duplicates has something to say that may change what its user does."""
