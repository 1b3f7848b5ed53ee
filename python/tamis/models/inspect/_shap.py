"""Shapley values of trees."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.base import is_classifier

from tamis import _core, _frame, _progress, _threads
from tamis.exceptions import InternalError, ParameterError
from tamis.models.inspect._plots import plot_row, plot_values
from tamis.models.inspect._read import Grown, last_step, read_trees

__all__ = ["ShapValues", "tree_shap"]

#: Fewer steps than this are taken by one thread: starting others takes longer.
_SMALL = 200_000


class ShapValues:
    """What each feature adds to what a model says of each row.

    Attributes
    ----------
    values : ndarray of shape (n_rows, n_features) or (n_rows, n_features, n_outputs)
        With the base value the features of a row sum to the model's raw score: of boosting the
        log-odds (of several classes the score of each; of counts the logarithm), of forests and
        trees the probability of each class, in regression the prediction. shap's conventions.
    base_values : float or ndarray of shape (n_outputs,)
        What the model says of no row in particular.
    data : ndarray of shape (n_rows, n_features)
        The rows as the trees see them; categories are their codes.
    feature_names : list of str
    output_names : list of str
        The classes or targets; empty where there is one output.
    unit : str
        What the values are measured in.
    """

    def __init__(
        self, grown: Grown, values: np.ndarray, base: np.ndarray, data: np.ndarray, unit: str
    ) -> None:
        one = len(base) == 1
        self.values = values[:, :, 0] if one else values
        self.base_values = float(base[0]) if one else base
        self.data = data
        self.feature_names = grown.names
        self.output_names = grown.output_names
        self.unit = unit
        self._categories = grown.categories

    def __len__(self) -> int:
        return len(self.values)

    def of(self, output: Any = None) -> np.ndarray:
        """Return the values of one output, (n_rows, n_features), by its position or name.

        By default the only output, or of two classes the second.
        """
        return self.values if self.values.ndim == 2 else self.values[:, :, self._place(output)]

    def _place(self, output: Any) -> int:
        if output is None and len(self.output_names) == 2:
            return 1
        if output is None or isinstance(output, bool):
            raise ParameterError(f"say which output: one of {self.output_names}")
        if str(output) in self.output_names:
            return self.output_names.index(str(output))
        if isinstance(output, int | np.integer) and 0 <= output < len(self.output_names):
            return int(output)
        raise ParameterError(f"there is no output {output!r}; there are {self.output_names}")

    def importance(self, output: Any = None) -> dict[str, float]:
        """Return the mean size of each feature's values, the largest first.

        By default the mean over all outputs.
        """
        values = np.abs(self.values if output is None else self.of(output))
        mean = values.mean(axis=(0, 2) if values.ndim == 3 else 0) if len(values) else None
        sizes = np.zeros(len(self.feature_names)) if mean is None else mean
        order = np.argsort(-sizes, kind="stable")
        return {self.feature_names[j]: float(sizes[j]) for j in order}

    def to_frame(self, output: Any = None, like: Any = None) -> Any:
        """Return the values of one output as a frame (of the kind of `like`; by default pandas)."""
        values = self.of(output)
        return _frame.build(like, {n: list(values[:, j]) for j, n in enumerate(self.feature_names)})

    def plot(self, ax: Any = None, *, output: Any = None, max_features: int = 15) -> Any:
        """Draw the values of all rows, a line a feature, the largest first.

        Parameters
        ----------
        ax : matplotlib Axes, optional
            Where to draw; by default on a new figure.
        output : int or str, optional
            Which output, as `of` takes it.
        max_features : int, default=15
            How many features are shown.

        Returns
        -------
        matplotlib Axes
            A dot a row: to the right where the feature raises the score, and the redder the larger
            its value in the row.
        """
        return plot_values(self, self.of(output), ax, max_features, self._title(output))

    def plot_row(
        self, row: int, ax: Any = None, *, output: Any = None, max_features: int = 10
    ) -> Any:
        """Draw how the score of one row comes about, from the base value to what the model says.

        Parameters
        ----------
        row : int
            Its position.
        ax : matplotlib Axes, optional
            Where to draw; by default on a new figure.
        output : int or str, optional
            Which output, as `of` takes it.
        max_features : int, default=10
            How many features have a bar of their own; the others share one.

        Returns
        -------
        matplotlib Axes
        """
        base = np.atleast_1d(self.base_values)
        start = float(base[0] if len(base) == 1 else base[self._place(output)])
        cells = [self._cell(row, j) for j in range(len(self.feature_names))]
        title = self._title(output)
        return plot_row(self, self.of(output)[row], start, cells, row, ax, max_features, title)

    def _cell(self, row: int, feature: int) -> str:
        value, known = self.data[row, feature], self._categories[feature]
        if np.isnan(value):
            return "missing"
        return f"{value:.4g}" if known is None else str(known[int(value)])

    def _title(self, output: Any) -> str:
        return f" of {self.output_names[self._place(output)]}" if self.values.ndim == 3 else ""

    def __repr__(self) -> str:
        said = ", ".join(f"{n} {v:.3g}" for n, v in list(self.importance().items())[:3])
        return f"<ShapValues {len(self)} rows, mean |value| in {self.unit}: {said}>"


def tree_shap(
    model: Any,
    X: Any,
    *,
    background: Any = None,
    feature_names: Any = None,
    check: bool = True,
    n_jobs: int | None = None,
) -> ShapValues:
    """Return what each feature adds to what trees say of each row: exact Shapley values.

    Without a background a feature that is not known follows both branches by the training rows'
    shares, which costs nothing beyond the trees (path-dependent). With one it takes the values of
    the background rows, and the values are means over these (interventional): what the model would
    say if the feature alone were changed, whatever it goes with.

    Parameters
    ----------
    model : fitted tree, forest or histogram boosting, of tamis or scikit-learn
        Or a pipeline that ends in one: the values are of the columns that come to it.
    X : array-like, sparse matrix or frame of shape (n_rows, n_features)
        The rows, as `predict` takes them.
    background : array-like or frame of shape (n_background, n_features), optional
        Rows to compare with; 100 to 1,000 that stand for the others will do.
    feature_names : sequence of str, optional
        By default the names that the model was fitted with, or "x0", "x1", ...
    check : bool, default=True
        Whether to see that the values sum to what the model says.
    n_jobs : int or None, default=None
        Threads; None takes all cores. The values are the same on any number.

    Returns
    -------
    ShapValues

    Raises
    ------
    ParameterError
        The model has no trees, or names do not fit.
    InternalError
        The values do not sum to what the model says by more than 1e-9 of its size: the model
        predicts otherwise than by its trees.

    Notes
    -----
    The value of a game is an integral over 0..1 of the slope of its multilinear extension (Owen
    1972). For a leaf that is a polynomial, so that Gauss and Legendre's points give it exactly:
    (edges x features on a path / 2) steps for a row and tree, without the loss of digits that
    deep trees bring to other ways.

    References
    ----------
    Lundberg et al. (2020), From local explanations to global understanding with explainable AI for
    trees, Nature Machine Intelligence 2.
    Owen (1972), Multilinear extensions of games, Management Science 18.
    Yu et al. (2022), Linear TreeShap, NeurIPS.

    Examples
    --------
    >>> import numpy as np
    >>> from tamis.models import DecisionTreeRegressor, tree_shap
    >>> X = np.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
    >>> model = DecisionTreeRegressor(random_state=0).fit(X, [0.0, 0.0, 0.0, 8.0])
    >>> shap = tree_shap(model, [[1.0, 1.0]])
    >>> shap.base_values, shap.values.round(9)
    (2.0, array([[3., 3.]]))
    """
    last, rows, names = last_step(model, X, feature_names)
    grown = read_trees(last, names)
    data = grown.rows(rows)
    other = None
    if background is not None:
        other = grown.rows(last_step(model, background, feature_names)[1])
    value, filled = grown.value / (grown.n_trees if grown.mean else 1), False
    if grown.mean and value.shape[1] > 1 and is_classifier(last) and _sums_to_one(last, grown):
        value, filled = value[:, 1:], True  # the first class is the rest
    known = [0 if c is None else len(c) for c in grown.categories]
    steps = len(data) * len(grown.left)
    jobs = _threads.resolve(n_jobs) if steps >= _SMALL else 1
    with _progress.bar(None, "tree_shap") as bar:
        values, base = _core.tree_shap(
            data,
            other,
            **grown.splits(),
            value=np.ascontiguousarray(value),
            n_outputs=len(grown.base) - filled,
            categories=np.array(known, dtype=np.uint32),
            n_jobs=jobs,
            progress=_progress.kernel_callback(bar),
        )
    values = values.reshape(*data.shape, -1)
    if filled:
        values = np.concatenate([-values.sum(axis=2, keepdims=True), values], axis=2)
        base = np.concatenate([[1.0 - base.sum()], base])
    base = base + grown.base
    if check:
        _check(values.sum(axis=1) + base, grown.said(rows), last)
    return ShapValues(grown, values, base, data, _unit(last, grown))


def _sums_to_one(model: Any, grown: Grown) -> bool:
    one = not isinstance(model.classes_, list)
    return one and bool(np.abs(grown.value.sum(axis=1) - 1.0).max() < 1e-12)


def _check(summed: np.ndarray, said: np.ndarray, model: Any) -> None:
    if not said.size:
        return
    off, size = np.abs(summed - said), max(1.0, float(np.abs(said).max()))
    if not off.max() <= 1e-9 * size:
        row = int(np.argmax(off.max(axis=1)))
        raise InternalError(
            f"the values of row {row} sum to {summed[row]}, but {type(model).__name__} says "
            f"{said[row]}: it predicts otherwise than by its trees (check=False passes over this)"
        )


def _unit(model: Any, grown: Grown) -> str:
    if is_classifier(model):
        if grown.mean:
            return "probability"
        return "log-odds" if len(grown.base) == 1 else "score"
    log = not grown.mean and getattr(model, "loss", None) in ("poisson", "gamma")
    return "logarithm of the prediction" if log else "prediction"
