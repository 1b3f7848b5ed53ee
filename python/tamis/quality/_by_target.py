"""Checks of the target, and of columns that give it away."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from tamis.dedup import duplicate_groups
from tamis.quality._finding import Finding, count, finding, share
from tamis.quality._table import Table

__all__ = ["CHECKS", "is_classes"]

_FEW = 20  # rows below which nothing is said about what predicts what
_MOST_ROWS = 20_000  # rows that a column's score is taken from
_MOST_CLASSES = 15
_FOLDS = 5
_SURE, _STRONG = 0.98, 0.95
# Labels are judged in tables of so many rows, on so many of them and so many columns at the most; a
# label as doubtful as this is said to be wrong, where no more than this share is doubtful at all.
_FEW_LABELS, _MOST_LABELS, _MOST_FEATURES, _TREES = 500, 2000, 200, 40
_DOUBT, _OVERLAP = 0.05, 0.15


def is_classes(t: Table) -> bool:
    """Return whether the target holds classes rather than a quantity."""
    column, v = t.columns[t.target], t.values(t.target)
    if v.kind in ("str", "bool") and not (column.parse and column.n_distinct > _MOST_CLASSES):
        return True
    whole = v.kind in ("int", "uint") or bool(np.all(np.mod(_present(v), 1.0) == 0.0))
    return column.n_distinct == 2 or (whole and column.n_distinct <= _MOST_CLASSES)


def _present(v: Any) -> np.ndarray:
    if v.kind not in ("float", "int", "uint"):
        return np.array([0.5])  # not whole: a quantity
    return v.data[~v.missing].astype(np.float64)


def target(t: Table) -> Iterator[Finding]:
    """Report a target that cannot be learned."""
    column, name = t.columns[t.target], t.target
    if column.n_missing:
        yield finding(
            "target_missing", "high", name,
            f"The target {name!r} is missing in {count(column.n_missing, 'row')} "
            f"({share(column.n_missing, t.n_rows)}).",
            "Drop these rows, or label them: a model cannot learn from them.",
            rows=np.flatnonzero(t.values(name).missing), score=column.n_missing / t.n_rows,
        )  # fmt: skip
    if column.n_distinct < 2:
        yield finding(
            "target_constant", "high", name,
            f"The target {name!r} has {'one value' if column.n_distinct else 'no value'}.",
            "Choose another column, or get rows of the other outcomes: there is nothing to learn.",
        )  # fmt: skip
    elif column.kind == "identifier" or (is_classes(t) and column.n_distinct > t.n_rows / 2):
        yield finding(
            "target_unique", "high", name,
            f"The target {name!r} is nearly unique: {column.n_distinct:,} distinct values in "
            f"{count(t.n_rows, 'row')}. It looks like an identifier.",
            "Choose the column that holds the outcome.", score=column.n_distinct / t.n_rows,
        )  # fmt: skip


def balance(t: Table) -> Iterator[Finding]:
    """Classes of very different size."""
    if not is_classes(t) or not 2 <= t.columns[t.target].n_distinct <= t.n_rows / 2:
        return
    counts = t.counts(t.target)
    n = sum(c for _, c in counts)
    rare, least = counts[-1]
    part = least / n
    shown = ", ".join(f"{v!r} {share(c, n)}" for v, c in counts[:5])
    more = f" and {len(counts) - 5} more" if len(counts) > 5 else ""
    scarce = least < 5
    severity = "medium" if part < 0.01 or scarce else "low" if part < 0.1 else "info"
    fix = "Nothing to do: the classes are of like size."
    if severity != "info":
        fix = (
            f"Score with a metric that sees rare classes (balanced accuracy, ROC AUC), weigh the "
            f"classes or resample them (tamis.resample), or get more rows of {rare!r}."
        )
    elif part * len(counts) < 0.7:
        fix = "Do not judge by plain accuracy alone: always saying the first class scores "
        fix += f"{counts[0][1] / n:.2f}."
    yield finding(
        "class_balance", severity, t.target,
        f"{t.target!r} has {len(counts)} classes: {shown}{more}"
        + (f"; {rare!r} has only {count(least, 'row')}." if severity != "info" else "."),
        fix, score=1.0 - min(1.0, part * len(counts)),
    )  # fmt: skip


def leakage(t: Table) -> Iterator[Finding]:
    """Columns from which the target can be read off."""
    known = np.flatnonzero(~t.values(t.target).missing)
    if len(known) < _FEW or t.columns[t.target].n_distinct < 2:
        return
    judge = _Judge(t, known)
    for name in t.features:
        column = t.columns[name]
        if column.kind in ("constant", "empty"):
            continue
        how = _same(t, name, known)
        if how:
            yield finding(
                "leakage", "high", name, f"{name!r} gives the target {t.target!r} away: {how}.",
                "Drop the column, unless it will be known before the outcome is.",
            )  # fmt: skip
            continue
        score = judge(name)
        if score < _STRONG:
            continue
        measure = "of what is to be explained" if not judge.classes else "of the way to no error"
        sure = score >= _SURE
        yield finding(
            "leakage", "high" if sure else "low", name,
            f"{name!r} alone predicts the target {t.target!r} almost without error: in "
            f"cross-validation it goes {100 * score:.1f} % {measure}.",
            ("Ask when this value is known. If only with or after the outcome, drop the column."
             if sure else "Strong, but possible: make sure it is known before the outcome."),
            score=score,
        )  # fmt: skip


def _same(t: Table, name: Any, known: np.ndarray) -> str:
    """Return in words how a column is the target itself, or nothing."""
    codes, target_codes = t.codes(name)[known], t.codes(t.target)[known]
    if t.columns[t.target].n_distinct <= 0.5 * len(known):
        _, a = np.unique(codes, return_inverse=True)
        _, b = np.unique(target_codes, return_inverse=True)
        pairs = len(np.unique(a.astype(np.int64) * (int(b.max()) + 1) + b))
        if pairs == a.max() + 1 == b.max() + 1:
            v, w = t.values(name), t.values(t.target)
            equal = v.kind == w.kind and bool(np.array_equal(v.data[known], w.data[known]))
            return "it is a copy" if equal else "each of its values stands for one of the target"
    if t.is_number(name) and t.is_number(t.target):
        x, y = t.numbers(name)[known], t.numbers(t.target)[known]
        there = np.isfinite(x) & np.isfinite(y)
        # Gaps in a copy do not make it another column.
        if there.sum() >= max(_FEW, 0.5 * len(known)) and np.ptp(x[there]) > 0 < np.ptp(y[there]):
            if np.array_equal(x[there], y[there]):
                return "it is a copy"
            with np.errstate(all="ignore"):
                r = abs(np.corrcoef(x[there], y[there])[0, 1])
            if r > 1 - 1e-9 and t.columns[t.target].n_distinct > 2:
                return "it is the target on another scale (their correlation is 1)"
    return ""


class _Judge:
    """Scores what one column alone says about the target, cross-validated."""

    def __init__(self, t: Table, known: np.ndarray) -> None:
        self.t = t
        self.classes = is_classes(t)
        rng = np.random.default_rng(0)
        rows = rng.permutation(known)[:_MOST_ROWS]
        # Copies of a row on both sides of a fold would make any column look like a leak.
        names = [n for n in t.compared if n != t.target] or t.features
        groups = duplicate_groups(t.data, names, n_jobs=1)[rows]
        kinds, number = np.unique(groups, return_inverse=True)
        self.fold = rng.permutation(np.arange(len(kinds)) % _FOLDS)[number]
        self.rows = rows
        if self.classes:
            self.y: np.ndarray = np.unique(t.codes(t.target)[rows], return_inverse=True)[1]
            self.base = float(np.mean(self.y != np.bincount(self.y).argmax()))
        else:
            self.y = t.numbers(t.target)[rows]
            fine = np.isfinite(self.y)
            self.rows, self.fold, self.y = rows[fine], self.fold[fine], self.y[fine]
            self.base = float(np.var(self.y)) if len(self.y) else 0.0

    def __call__(self, name: Any) -> float:
        """Return 1 less the error over that of always saying the same; 0 where it cannot say."""
        few = self.classes and np.sort(np.bincount(self.y))[-2] < _FOLDS
        if len(self.y) < _FEW or self.base <= 0 or few:
            return 0.0
        if self.t.is_number(name) or self.t.columns[name].kind == "datetime":
            said = self._by_tree(self.t.numbers(name)[self.rows])
        else:
            said = self._by_value(self.t.codes(name)[self.rows])
        wrong = said != self.y if self.classes else (said - self.y) ** 2
        return 1.0 - float(np.mean(wrong)) / self.base

    def _by_tree(self, x: np.ndarray) -> np.ndarray:
        from tamis.models import DecisionTreeClassifier, DecisionTreeRegressor

        finite = np.isfinite(x)
        low, high = (x[finite].min(), x[finite].max()) if finite.any() else (0.0, 0.0)
        gap = low - 1.0 - (high - low)  # a gap may tell as much as a value: it lies below them
        x = np.where(finite, x, gap)[:, None]
        made = DecisionTreeClassifier if self.classes else DecisionTreeRegressor
        said = np.empty_like(self.y)
        for k in range(_FOLDS):
            test = self.fold == k
            if test.any() and not test.all():
                tree = made(max_depth=8, min_samples_leaf=2, random_state=0)
                said[test] = tree.fit(x[~test], self.y[~test]).predict(x[test])
        return said

    def _by_value(self, codes: np.ndarray) -> np.ndarray:
        """Predict the commonest class (the mean) that each value had in the other folds."""
        _, codes = np.unique(codes, return_inverse=True)
        n = int(codes.max()) + 1
        said = np.empty_like(self.y)
        for k in range(_FOLDS):
            train, test = self.fold != k, self.fold == k
            y, c = self.y[train], codes[train]
            if not self.classes:
                size = np.bincount(c, minlength=n)
                means = np.bincount(c, weights=y, minlength=n) / np.maximum(size, 1)
                said[test] = np.where(size > 0, means, y.mean())[codes[test]]
                continue
            m = int(self.y.max()) + 1
            pairs, size = np.unique(c.astype(np.int64) * m + y, return_counts=True)
            best = np.full(n, np.bincount(y).argmax())
            order = np.argsort(size, kind="stable")  # the commonest is written last
            best[pairs[order] // m] = pairs[order] % m
            said[test] = best[codes[test]]
        return said


def missing_tells(t: Table) -> Iterator[Finding]:
    """Columns whose gaps go with one class."""
    if not is_classes(t) or t.n_rows < 5 * _FEW:
        return
    y = t.codes(t.target)
    sizes = np.bincount(y)
    if len(sizes) < 2 or sizes.min() < _FEW:
        return
    for name in t.features:
        gaps = t.values(name).missing
        if not gaps.any() or gaps.all():
            continue
        rates = np.bincount(y, weights=gaps) / sizes
        if rates.max() - rates.min() > 0.9:
            yield finding(
                "missing_tells_target", "medium", name,
                f"{name!r} is missing in {100 * rates.max():.0f} % of the rows of one class of "
                f"{t.target!r} and in {100 * rates.min():.0f} % of another: its gaps give the "
                "target away.",
                "Find out whether it is filled in only after the outcome; if so, drop it.",
                rows=np.flatnonzero(gaps), score=rates.max() - rates.min(),
            )  # fmt: skip


def label_errors(t: Table) -> Iterator[Finding]:
    """Labels that the other columns speak against."""
    from sklearn.ensemble import RandomForestClassifier

    from tamis.labels import find_label_errors
    from tamis.pipeline import Pipeline
    from tamis.search._table import choose_columns

    known = np.flatnonzero(~t.values(t.target).missing)
    names = [n for n in t.features if t.columns[n].usable]
    if not names or len(known) < _FEW_LABELS or not is_classes(t):
        return
    if t.columns[t.target].n_distinct < 2:
        return
    rows = np.sort(np.random.default_rng(0).permutation(known)[:_MOST_LABELS])
    y = t.codes(t.target)[rows]
    if np.sort(np.bincount(y))[-2] < _FEW or len(names) > _MOST_FEATURES:
        return
    X = t.frame.select(names)[rows.tolist(), :].to_native()
    forest = RandomForestClassifier(_TREES, min_samples_leaf=2, random_state=0)
    model = Pipeline([("columns", choose_columns(X, None)[0]), ("model", forest)])
    issues = find_label_errors(y, X=X, estimator=model, cv=3, random_state=0, n_jobs=1)
    # Where classes overlap, a model is often wrong and labels seldom: then it says nothing.
    sure = issues.mask & (issues.quality < _DOUBT)
    if not sure.any() or np.mean(1.0 - issues.quality) > _OVERLAP:
        return
    worst = rows[np.flatnonzero(sure)[np.argsort(issues.quality[sure], kind="stable")]]
    part = len(worst) / len(rows)
    of = "" if len(rows) == len(known) else f" of {len(rows):,} that were drawn"
    yield finding(
        "label_errors", "medium" if part >= 0.01 else "low", t.target,
        f"The label {t.target!r} of {count(len(worst), 'row')}{of} "
        f"({share(len(worst), len(rows))}) looks wrong: a model that did not see the row is "
        "all but sure of another class.",
        "Look at them first (tamis.labels.find_label_errors lists them with what they should be); "
        "then correct or drop them (tamis.labels.LabelCleaner).",
        rows=worst, score=part,
    )  # fmt: skip


CHECKS = (target, balance, leakage, missing_tells, label_errors)
