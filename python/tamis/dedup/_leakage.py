"""Duplicates across two data sets, and groups that keep duplicates together."""

from __future__ import annotations

import importlib
from typing import Any

import numpy as np

from tamis import _frame
from tamis.dedup._base import Deduplicator
from tamis.dedup._found import link
from tamis.dedup._result import Cells, Leakage
from tamis.exceptions import ParameterError

__all__ = ["duplicate_groups", "find_leakage"]

#: What can be compared, and what does it.
_KINDS = {
    "audio": ("tamis.dedup._audio", "AudioDeduplicator"),
    "image": ("tamis.dedup._images", "ImageDeduplicator"),
    "record": ("tamis.dedup._records", "RecordDeduplicator"),
    "rows": ("tamis.dedup._rows", "RowDeduplicator"),
    "substring": ("tamis.dedup._substring", "SubstringDeduplicator"),
    "text": ("tamis.dedup._texts", "TextDeduplicator"),
    "vector": ("tamis.dedup._vectors", "VectorDeduplicator"),
}


def duplicate_groups(
    X: Any, subset: Any = None, *, kind: str = "rows", n_jobs: int | None = None, **options: Any
) -> np.ndarray:
    """Return the group of each item: items are in one group when they are duplicates.

    Made to be handed to scikit-learn's ``GroupKFold``, so that copies never stand on both sides of
    a split: duplicates of duplicates are in one group too (``linkage="connected"``).

    Parameters
    ----------
    X : frame or array of shape (n_rows, n_columns), or items as the kind's class takes them
        The items.
    subset : list of column names (positions for an array), optional
        The columns to compare (``kind="rows"`` alone); all of them by default.
    kind : {"rows", "text", "substring", "image", "audio", "vector", "record"}, default="rows"
        What the items are; the class that compares them is RowDeduplicator, TextDeduplicator,
        SubstringDeduplicator (passages of texts), ImageDeduplicator, AudioDeduplicator,
        VectorDeduplicator or RecordDeduplicator.
    n_jobs : int, optional
        Threads; the result does not depend on it.
    **options
        Parameters of that class.

    Returns
    -------
    ndarray of shape (n_rows,), int64
        Group labels 0 to k-1, in order of first appearance.

    Raises
    ------
    ParameterError
        If `X` cannot be compared so, or a parameter has a value that cannot be used.

    Examples
    --------
    >>> import pandas as pd
    >>> from tamis.dedup import duplicate_groups
    >>> duplicate_groups(pd.DataFrame({"a": [1, 2, 1], "b": ["x", "y", "x"]}))
    array([0, 1, 0])
    """
    step = _step(kind, subset, n_jobs, options)
    return link(step._search(step._items(X, "data"), None), "connected").labels


def find_leakage(
    train: Any,
    test: Any,
    kind: str = "rows",
    *,
    subset: Any = None,
    n_jobs: int | None = None,
    **options: Any,
) -> Leakage:
    """Find test items that are in the training data too.

    Columns of tables are matched by name (by position in arrays) and compared by value, also where
    their types differ between the tables: an integer equals the float of the same value.

    Parameters
    ----------
    train, test : frame or array of shape (n_rows, n_columns), or items as the kind's class takes
        The data sets.
    kind : {"rows", "text", "substring", "image", "audio", "vector", "record"}, default="rows"
        What the items are; the class that compares them is RowDeduplicator, TextDeduplicator,
        SubstringDeduplicator (passages of texts), ImageDeduplicator, AudioDeduplicator,
        VectorDeduplicator or RecordDeduplicator.
    subset : list of column names (positions for arrays), optional
        The columns to compare (``kind="rows"`` alone); by default all that both tables have.
    n_jobs : int, optional
        Threads; the result does not depend on it.
    **options
        Parameters of that class, such as ``threshold``.

    Returns
    -------
    Leakage
        A `Duplicates` whose `pairs` have train rows on the left and test rows on the right.

    Raises
    ------
    ParameterError
        If `kind` is not known, an option cannot be used, or `subset` names a column that a table
        lacks.
    DataError
        If the tables have no column in common.

    Examples
    --------
    >>> import pandas as pd
    >>> from tamis.dedup import find_leakage
    >>> train = pd.DataFrame({"a": [1, 2, 3], "b": ["x", "y", "z"]})
    >>> find_leakage(train, pd.DataFrame({"a": [3.0, 4.0], "b": ["z", "z"]}))
    <Leakage: 1 test row of 2 equals 1 train row of 3, exact>
    """
    step = _step(kind, subset, n_jobs, options)
    left, right = step._items(train, "train"), step._items(test, "test")
    n_train = _frame.n_rows(train)

    def cells(rows: np.ndarray) -> Cells:
        ours = rows < n_train
        one, two = step._cells(train, rows[ours]), step._cells(test, rows[~ours] - n_train)
        lines, from_one, from_two = [], iter(one.lines), iter(two.lines)
        shared = [n for n in one.names if n in two.names] if one.names else list(two.names)
        at = {True: one, False: two}
        for own in ours.tolist():
            line = dict(zip(at[own].names, next(from_one if own else from_two), strict=True))
            lines.append([line[name] for name in shared])
        return Cells(shared, lines)

    found = step._search(step._join(left, right), n_train)
    return Leakage(found, n_train, like=train, unit=step._unit, cells=cells)


def _step(kind: str, subset: Any, n_jobs: int | None, options: dict[str, Any]) -> Deduplicator:
    """Return the deduplicator of a kind, its parameters checked."""
    if not isinstance(kind, str) or kind not in _KINDS:
        raise ParameterError(f"kind must be one of {', '.join(_KINDS)}; got {kind!r}")
    module, name = _KINDS[kind]
    cls = getattr(importlib.import_module(module), name)
    if subset is not None:
        options = {**options, "subset": subset}
    unknown = sorted(set(options) - set(cls._get_param_names()) | set(options) & _CHOICES)
    if unknown:
        raise ParameterError(f"kind={kind!r} takes no option {unknown[0]!r}")
    step: Deduplicator = cls(**options, n_jobs=n_jobs)
    step._check_parameters()
    return step


#: Parameters that say which copy stays: of no use where none is dropped.
_CHOICES = {"keep", "by", "linkage"}
