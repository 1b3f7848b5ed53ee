"""What a model's score loses when a column's cells are shuffled."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from numbers import Integral
from typing import Any

import numpy as np
from scipy import stats
from sklearn.base import ClassifierMixin, RegressorMixin
from sklearn.metrics import check_scoring
from sklearn.utils import check_random_state
from sklearn.utils.random import sample_without_replacement

from tamis import _frame, _progress
from tamis._draw import BLUE, INK, SOFT, axes_of, plain, short
from tamis.exceptions import ParameterError, ShapeError
from tamis.models.inspect._stack import Rows

__all__ = ["PermutationImportance", "permutation_importance"]

#: Parts of the rows that are left out in turn of each column's first shuffle, for the error of a
#: score. More cost more scores than the importances themselves.
_PARTS = 10


@dataclass(frozen=True)
class PermutationImportance:
    """What the score loses when columns are shuffled.

    Attributes
    ----------
    importances_mean, importances_std : ndarray of shape (n_features,)
        Over the shuffles, under scikit-learn's names; with groups a place a group.
    importances : ndarray of shape (n_features, n_repeats)
        Of each shuffle.
    names : list of str
        The columns or groups.
    baseline : float
        The score of the rows as they are.
    low, high : ndarray of shape (n_features,)
        The 95 % interval of the mean: by how far the score would move on other rows of the same
        kind (rows left out in turn) and other shuffles.
    p_value : ndarray of shape (n_features,)
        Of as large a loss if the column were worth nothing, corrected for the number of columns
        (Benjamini and Hochberg 1995: of the columns above noise about 5 % are there by chance).
    noise : ndarray of shape (n_features,)
        True where the loss cannot be told from none (``p_value > 0.05``).
    scoring : str
        How it was scored.
    """

    importances_mean: np.ndarray
    importances_std: np.ndarray
    importances: np.ndarray
    names: list[str]
    baseline: float
    low: np.ndarray
    high: np.ndarray
    p_value: np.ndarray
    noise: np.ndarray
    scoring: str
    _like: Any = field(default=None, repr=False, compare=False)

    def __getitem__(self, key: str) -> Any:
        return getattr(self, key)

    def to_frame(self) -> Any:
        """Return a line a column, the largest first, as a frame of the kind of X (or pandas)."""
        order = np.argsort(-self.importances_mean, kind="stable")
        lines = {
            "feature": [self.names[j] for j in order],
            "importance": self.importances_mean[order].tolist(),
            "low": self.low[order].tolist(),
            "high": self.high[order].tolist(),
            "p_value": self.p_value[order].tolist(),
            "noise": self.noise[order].tolist(),
        }
        return _frame.build(self._like, lines)

    def plot(self, ax: Any = None, *, max_features: int = 20) -> Any:
        """Draw the importances with their intervals, the largest first; grey is noise.

        Parameters
        ----------
        ax : matplotlib Axes, optional
            Where to draw; by default on a new figure.
        max_features : int, default=20
            How many columns are shown.

        Returns
        -------
        matplotlib Axes
        """
        order = np.argsort(-self.importances_mean, kind="stable")[:max_features]
        ax = plain(axes_of(ax, 7.0, 1.1 + 0.26 * len(order)))
        for line, j in enumerate(order):
            colour = "0.7" if self.noise[j] else BLUE
            ax.barh(line, self.importances_mean[j], height=0.62, color=colour, alpha=0.85)
            ax.plot([self.low[j], self.high[j]], [line, line], color=INK, linewidth=1.2)
        ax.axvline(0.0, color="0.6", linewidth=0.8)
        ax.set_yticks(range(len(order)), [short(self.names[j]) for j in order])
        ax.tick_params(axis="y", colors=INK)
        ax.set_ylim(len(order) - 0.4, -0.6)
        ax.set_xlabel(
            f"loss of {self.scoring} (from {self.baseline:.4g}) when shuffled; line: 95 % interval",
            color=SOFT, fontsize=9,
        )  # fmt: skip
        told = int((~self.noise).sum())
        title = f"{told} of {len(self.names)} columns above noise (blue)"
        ax.set_title(title, fontsize=10, color=INK, loc="left")
        return ax

    def __repr__(self) -> str:
        order = np.argsort(-self.importances_mean, kind="stable")[:3]
        said = ", ".join(f"{self.names[j]} {self.importances_mean[j]:.3g}" for j in order)
        told = int((~self.noise).sum())
        return (
            f"<PermutationImportance of {len(self.names)} columns, {told} above noise; "
            f"{self.scoring} {self.baseline:.4g}, loss: {said}>"
        )

    def _repr_html_(self) -> str:
        frame = self.to_frame()
        return str(frame._repr_html_()) if hasattr(frame, "_repr_html_") else repr(self)


def permutation_importance(
    estimator: Any,
    X: Any,
    y: Any,
    *,
    scoring: Any = None,
    n_repeats: int = 5,
    n_jobs: int | None = None,
    random_state: Any = None,
    sample_weight: Any = None,
    max_samples: float | int = 1.0,
    groups: Any = None,
    feature_names: Any = None,
) -> Any:
    """Return what the score loses when a column's cells are shuffled (Breiman 2001).

    As scikit-learn's of the same name, with the same numbers from the same seed; and frames of any
    kind, columns that are shuffled together, an interval and a p-value that say what is noise. On
    rows that the model was fitted on it says what the model uses; on others, what that is worth.

    Parameters
    ----------
    estimator : fitted model or pipeline
    X : array-like or frame of shape (n_rows, n_features)
        Dense rows.
    y : array-like of shape (n_rows,) or (n_rows, n_outputs)
    scoring : str, callable, list, tuple or dict, optional
        As in scikit-learn; of several the results come back by name. By default the model's
        `score`.
    n_repeats : int, default=5
        Shuffles of each column.
    n_jobs : int or None, default=None
        Accepted for scikit-learn's sake: models predict on threads of their own.
    random_state : int, RandomState or None, default=None
    sample_weight : array-like of shape (n_rows,), optional
        Weights for the score.
    max_samples : int or float, default=1.0
        Rows, or their share, drawn for each shuffle.
    groups : dict of str to list, or "correlated", optional
        Columns (names or positions) that are shuffled together, by a name; columns in no group stay
        alone. A model can fall back on a column's likeness, so that both seem worthless alone:
        "correlated" puts numeric columns together whose ranks correlate by more than 0.7.
    feature_names : sequence of str, optional
        Names of an array's columns.

    Returns
    -------
    PermutationImportance
        Of several scorings a dict of them.

    Raises
    ------
    ParameterError
        A parameter has a value that cannot be used, or a column is not there.
    DataError
        X is sparse or has no rows.

    Examples
    --------
    >>> import numpy as np
    >>> from tamis.models import LinearRegression, permutation_importance
    >>> X = np.random.default_rng(0).normal(size=(200, 3))
    >>> y = X[:, 0] + 0.3 * X[:, 1]
    >>> found = permutation_importance(LinearRegression().fit(X, y), X, y, random_state=0)
    >>> found.importances_mean.round(1), found.noise
    (array([1.8, 0.2, 0. ]), array([False, False,  True]))
    """
    if not isinstance(n_repeats, Integral) or isinstance(n_repeats, bool) or n_repeats < 1:
        raise ParameterError(f"n_repeats must be a count from 1; got {n_repeats!r}")
    if isinstance(scoring, Mapping | list | tuple | set):
        several = scoring if isinstance(scoring, Mapping) else {name: name for name in scoring}
        seed = check_random_state(random_state).randint(np.iinfo(np.int32).max + 1)
        return {
            name: permutation_importance(
                estimator, X, y, scoring=one, n_repeats=n_repeats, random_state=seed, groups=groups,
                sample_weight=sample_weight, max_samples=max_samples, feature_names=feature_names,
            )
            for name, one in several.items()
        }  # fmt: skip
    rows = Rows(X, feature_names)
    if _frame.n_rows(y) != rows.n:
        raise ShapeError(f"X has {rows.n} rows, but y has {_frame.n_rows(y)}")
    sets = _sets(rows, groups)
    scorer, named = _scorer(estimator, scoring)
    judge = _Judge(estimator, scorer, rows, y, sample_weight)
    draws = check_random_state(random_state)
    seed = draws.randint(np.iinfo(np.int32).max + 1)
    drawn = _count(max_samples, rows.n)
    losses = np.empty((len(sets), n_repeats))
    partial = np.full((len(sets), _PARTS), np.nan)
    with _progress.bar(len(sets) * n_repeats, "permutation_importance") as bar:
        for j, places in enumerate(sets.values()):
            found = list(judge.scores(places, _orders(seed, rows.n, drawn, n_repeats), bar))
            losses[j] = judge.baseline - np.array([score for score, _ in found])
            partial[j] = found[0][1]
    mean, spread = losses.mean(axis=1), losses.std(axis=1)
    error = np.sqrt(_jackknife(partial) ** 2 + losses.var(axis=1, ddof=n_repeats > 1) / n_repeats)
    free = _PARTS - 1 if judge.plain else max(n_repeats - 1, 1)
    reach = float(stats.t.ppf(0.975, free)) * error
    with np.errstate(divide="ignore", invalid="ignore"):
        t = np.where(error > 0, mean / error, np.where(mean > 0, np.inf, 0.0))
    p = _corrected(stats.t.sf(t, free))
    return PermutationImportance(
        mean, spread, losses, list(sets), judge.baseline, mean - reach, mean + reach, p, p > 0.05,
        named, X if rows.is_frame else None,
    )  # fmt: skip


class _Said:
    """Stands for the model before a scorer, and gives predictions that were made before.

    Whatever else it is asked for, the model itself answers.
    """

    def __init__(self, model: Any, of: Any) -> None:
        self._model, self._of = model, of

    def __getattr__(self, name: str) -> Any:
        found = getattr(self.__dict__["_model"], name)
        if name in ("predict", "predict_proba", "predict_log_proba", "decision_function"):
            return _named(name, self._of)
        return found

    def __sklearn_tags__(self) -> Any:
        return self._model.__sklearn_tags__()

    def __sklearn_is_fitted__(self) -> bool:
        return True


def _named(name: str, of: Any) -> Any:
    """Return a method that gives predictions; scorers look at its name."""

    def method(X: Any) -> np.ndarray:
        return np.asarray(of(name))

    method.__name__ = name
    return method


class _Judge:
    """Scores rows as they are and shuffled."""

    def __init__(self, model: Any, scorer: Any, rows: Rows, y: Any, weight: Any) -> None:
        self.model, self.scorer, self.rows = model, scorer, rows
        self.y = y if _frame.is_frame(y) else np.asarray(y)
        self.weight = None if weight is None else np.asarray(weight)
        #: Whether the score depends on predictions alone, so that they can be made in one go.
        self.plain = hasattr(scorer, "_score_func")
        self.parts = np.random.default_rng(0).permutation(rows.n) % min(_PARTS, rows.n)
        self.base: dict[str, np.ndarray] = {}
        self.jack: dict[int, float] = {}
        self._stack: tuple[int, Any] = (0, None)
        every = np.arange(rows.n)
        self.baseline = (
            self._score(self._base_of, every) if self.plain else self._of_model(rows.X, every)
        )

    def _base_of(self, name: str) -> np.ndarray:
        if name not in self.base:
            self.base[name] = np.asarray(getattr(self.model, name)(self.rows.X))
        return self.base[name]

    def scores(
        self, places: list[int], orders: list[tuple[np.ndarray, np.ndarray]], bar: Any
    ) -> Iterator[tuple[float, np.ndarray]]:
        """Yield the score shuffled, and what is lost without each part of the rows."""
        most = self.rows.most if self.plain else 1
        for first in range(0, len(orders), most):
            some = orders[first : first + most]
            stacked = self.rows.with_order(
                self._copies([rows for rows, _ in some]), places,
                np.concatenate([order for _, order in some]),
            )  # fmt: skip
            cache: dict[str, np.ndarray] = {}

            def said(name: str, stacked: Any = stacked, cache: Any = cache) -> np.ndarray:
                if name not in cache:
                    cache[name] = np.asarray(getattr(self.model, name)(stacked))
                return cache[name]

            for k, (rows, _) in enumerate(some):
                of, parts = _part(said, k * len(rows), len(rows)), np.full(_PARTS, np.nan)
                if self.plain and first + k == 0:
                    parts = self._without(of, rows)
                yield self._score(of, rows) if self.plain else self._of_model(stacked, rows), parts
                bar.update()

    def _copies(self, chosen: list[np.ndarray]) -> Any:
        """Return copies of the rows, kept for the next columns where they are of all rows."""
        if len(chosen[0]) < self.rows.n:
            return _frame.take(self.rows.X, np.concatenate(chosen))
        if self._stack[0] != len(chosen):
            self._stack = (len(chosen), self.rows.copies(len(chosen)))
        return self._stack[1]

    def _score(self, of: Any, rows: np.ndarray) -> float:
        """Return the score of some rows, of which `of` gives the predictions."""
        return self._of_model(None, rows, _Said(self.model, of))

    def _of_model(self, X: Any, rows: np.ndarray, model: Any = None) -> float:
        kwargs = {} if self.weight is None else {"sample_weight": self.weight[rows]}
        model = self.model if model is None else model
        return float(self.scorer(model, X, _frame.take(self.y, rows), **kwargs))

    def _without(self, of: Any, rows: np.ndarray) -> np.ndarray:
        """Return what is lost when each part of the rows is left out."""
        out = np.full(_PARTS, np.nan)
        for p in range(_PARTS):
            kept = np.flatnonzero(self.parts[rows] != p)
            with suppress(ValueError):  # a class may be gone with the part
                out[p] = self._jack(p) - self._score(_chosen(of, kept), rows[kept])
        return out

    def _jack(self, part: int) -> float:
        if part not in self.jack:
            kept = np.flatnonzero(self.parts != part)
            self.jack[part] = self._score(_chosen(self._base_of, kept), kept)
        return self.jack[part]


def _chosen(of: Any, kept: np.ndarray) -> Any:
    return lambda name: of(name)[kept]


def _part(said: Any, start: int, size: int) -> Any:
    return lambda name: said(name)[start : start + size]


def _orders(seed: int, n: int, drawn: int, n_repeats: int) -> list[tuple[np.ndarray, np.ndarray]]:
    """Return the rows and their shuffled order for each repeat, as scikit-learn draws them."""
    rng = check_random_state(seed)
    chosen = np.arange(n)
    if drawn < n:
        chosen = sample_without_replacement(n, drawn, random_state=rng)
    shuffle, order, out = np.arange(len(chosen)), chosen, []
    for _ in range(n_repeats):
        rng.shuffle(shuffle)
        order = order[shuffle]  # a shuffle of what was shuffled before
        out.append((chosen, order))
    return out


def _count(max_samples: Any, n: int) -> int:
    whole = isinstance(max_samples, Integral) and not isinstance(max_samples, bool)
    if whole and 1 <= max_samples <= n:
        return int(max_samples)
    if not whole and isinstance(max_samples, float | np.floating) and 0 < max_samples <= 1:
        return max(1, int(max_samples * n))
    raise ParameterError(f"max_samples must be a count up to {n} or a share; got {max_samples!r}")


def _scorer(model: Any, scoring: Any) -> tuple[Any, str]:
    """Return the scorer and its name; the usual `score` becomes the metric that it is."""
    if scoring is None:
        last = model.steps[-1][1] if hasattr(model, "steps") else model
        kind = getattr(type(last), "score", None)
        if kind is ClassifierMixin.score:
            return check_scoring(model, "accuracy"), "accuracy"
        if kind is RegressorMixin.score:
            return check_scoring(model, "r2"), "R²"
    named = scoring if isinstance(scoring, str) else getattr(scoring, "__name__", "the score")
    return check_scoring(model, scoring), str(named)


def _sets(rows: Rows, groups: Any) -> dict[str, list[int]]:
    """Return the columns that are shuffled together, by name."""
    if groups is None:
        return {name: [j] for j, name in enumerate(rows.names)}
    if isinstance(groups, str):
        if groups != "correlated":
            raise ParameterError(f"groups must be a dict, 'correlated' or None; got {groups!r}")
        return _correlated(rows)
    if not isinstance(groups, Mapping):
        raise ParameterError("groups must be a dict of names to columns, 'correlated' or None")
    out: dict[str, list[int]] = {}
    taken: set[int] = set()
    for name, columns in groups.items():
        places = [rows.place(c) for c in ([columns] if isinstance(columns, str) else columns)]
        if not places or taken & set(places) or len(set(places)) < len(places):
            raise ParameterError(f"the group {name!r} is empty, or has a column that is elsewhere")
        taken |= set(places)
        out[str(name)] = places
    return {**out, **{n: [j] for j, n in enumerate(rows.names) if j not in taken}}


def _correlated(rows: Rows, least: float = 0.7) -> dict[str, list[int]]:
    from scipy.cluster.hierarchy import fcluster, linkage
    from scipy.spatial.distance import squareform

    ranks, places = [], []
    for j in range(len(rows.names)):
        column = rows.column(j)
        if rows.is_frame and not column.dtype.is_numeric():
            continue
        try:
            cells = np.asarray(column.to_numpy() if rows.is_frame else column, dtype=np.float64)
        except (TypeError, ValueError):
            continue
        if np.nanmin(cells, initial=np.inf) < np.nanmax(cells, initial=-np.inf):
            cells = np.where(np.isnan(cells), np.nanmedian(cells), cells)
            ranks.append(stats.rankdata(cells))
            places.append(j)
    clusters = list(range(len(places)))
    if len(places) > 1:
        far = np.clip(1 - np.abs(np.corrcoef(ranks)), 0, None)
        np.fill_diagonal(far, 0)
        tree = linkage(squareform(far, checks=False), "complete")
        clusters = fcluster(tree, 1 - least, "distance").tolist()
    of = dict(zip(places, clusters, strict=True))
    out: dict[str, list[int]] = {}
    seen: dict[int, str] = {}
    for j, name in enumerate(rows.names):
        cluster = of.get(j)
        if cluster is None or cluster not in seen:
            mates = [] if cluster is None else [k for k in places if of[k] == cluster and k != j]
            label = " + ".join([name, *(rows.names[k] for k in mates[:2])])
            label += f" + {len(mates) - 2} more" if len(mates) > 2 else ""
            out[label] = [j, *mates]
            if cluster is not None:
                seen[cluster] = label
    return out


def _jackknife(partial: np.ndarray) -> np.ndarray:
    """Return the standard error from the values without a part each."""
    known = np.isfinite(partial)
    n = known.sum(axis=1)
    mean = np.where(known, partial, 0).sum(axis=1) / np.maximum(n, 1)
    squares = np.where(known, (partial - mean[:, None]) ** 2, 0).sum(axis=1)
    return np.asarray(np.sqrt(squares * np.maximum(n - 1, 0) / np.maximum(n, 1)))


def _corrected(p: np.ndarray) -> np.ndarray:
    order = np.argsort(p, kind="stable")
    scaled = p[order] * len(p) / np.arange(1, len(p) + 1)
    out = np.empty(len(p))
    out[order] = np.minimum(np.minimum.accumulate(scaled[::-1])[::-1], 1.0)
    return out
