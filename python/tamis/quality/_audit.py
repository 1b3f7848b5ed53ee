"""audit: what is wrong with a table, where, and what to do."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tamis import _frame
from tamis.exceptions import DataError
from tamis.quality import _by_column, _by_compare, _by_gaps, _by_table, _by_target
from tamis.quality._finding import SEVERITIES, Finding
from tamis.quality._report import AuditReport
from tamis.quality._table import Table

__all__ = ["audit"]


def audit(data: Any, target: Any = None, *, compare: Any = None) -> AuditReport:
    """Look through a table for what would spoil a model.

    Missing cells, open or in disguise; constant columns and identifiers; numbers and dates kept
    as text; one category in several spellings; outliers; rows and columns that are there twice;
    which columns miss at random as far as the others show, and which gaps go with what; with a
    target: its gaps, its balance, and columns that give it away; with another table: rows
    in both, and what differs. Nothing is changed. The same data give the same report.

    Parameters
    ----------
    data : pandas or polars frame, Arrow table, str or Path
        The table, or a CSV, TSV, Parquet or JSONL file.
    target : str, optional
        The column that is to be predicted.
    compare : frame, str or Path, optional
        Another table, such as the test rows.

    Returns
    -------
    AuditReport
        `findings`, the worst first, and `columns`; it shows itself in a notebook, and
        ``report(path)`` writes it as one HTML file.

    Raises
    ------
    ParameterError
        If `data` or `compare` is no table, or has no column named `target`.
    DataError
        If a table has no rows or two columns of one name, or a file is broken.

    Examples
    --------
    >>> import pandas as pd
    >>> import tamis
    >>> frame = pd.DataFrame({"age": [23, 35, None, 41] * 10, "paid": [0, 1, 1, 0] * 10})
    >>> frame["outcome"] = frame["paid"].map({0: "no", 1: "yes"})
    >>> report = tamis.audit(frame, target="paid")
    >>> [(f.kind, f.severity) for f in report.findings][:2]
    [('leakage', 'high'), ('missing', 'medium')]
    >>> report.findings[0].message
    "'outcome' gives the target 'paid' away: each of its values stands for one of the target."
    """
    table = _table(data, "data", target)
    found: list[Finding] = []
    for name in table.columns:
        for check in _by_column.CHECKS:
            found += check(table, name)
    for whole in (*_by_table.CHECKS, *_by_gaps.CHECKS):
        found += whole(table)
    if target is not None:
        for judge in _by_target.CHECKS:
            found += judge(table)
    if compare is not None:
        other = _table(compare, "compare")
        for against in _by_compare.CHECKS:
            found += against(table, other)
    found.sort(key=lambda f: (SEVERITIES.index(f.severity), -f.score))
    return AuditReport(table, found)


def _table(data: Any, what: str, target: Any = None) -> Table:
    if isinstance(data, str | Path):
        from tamis._read import read

        data = read(data)
    frame = _frame.wrap(data, what)
    if target is not None:
        _frame.check_names(frame, [target], what)
    if not len(frame):
        raise DataError(f"{what} has no rows: there is nothing to look at")
    return Table(data, target)
