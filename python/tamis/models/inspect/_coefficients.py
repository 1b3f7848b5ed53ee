"""The coefficients of linear models, with names, in the caller's units."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import sparse
from sklearn.utils.validation import check_is_fitted

from tamis import _frame
from tamis._draw import BLUE, INK, RED, SOFT, axes_of, plain, short
from tamis.exceptions import ParameterError
from tamis.models.inspect._read import last_step, names_of

__all__ = ["Coefficients", "coefficients", "linear_parts"]


@dataclass(frozen=True)
class Coefficients:
    """What a linear model adds to its score for one more of each feature.

    Attributes
    ----------
    coef : ndarray of shape (n_outputs, n_features)
        In the units of the columns before any scaling in the pipeline.
    intercept : ndarray of shape (n_outputs,)
        The score where all features are 0, before any scaling.
    scaled : ndarray of shape (n_outputs, n_features)
        As the model has them: where a scaler stands before it, for one step of the scaled feature
        (with StandardScaler one standard deviation), which makes features comparable.
    names : list of str
        The features.
    outputs : list of str
        The classes or targets; empty where there is one output.
    is_scaled : bool
        Whether a scaler stands before the model.
    """

    coef: np.ndarray
    intercept: np.ndarray
    scaled: np.ndarray
    names: list[str]
    outputs: list[str]
    is_scaled: bool

    def to_frame(self, like: Any = None) -> Any:
        """Return a line for each output and feature (a frame of the kind of `like`, or pandas).

        The columns: output (where there are several), feature, coefficient, and scaled where a
        scaler stands before the model. The intercept comes first, under the name "(intercept)".
        """
        lines: dict[str, list[Any]] = {"output": [], "feature": [], "coefficient": [], "scaled": []}
        for k in range(len(self.coef)):
            lines["output"] += [self.outputs[k] if self.outputs else ""] * (len(self.names) + 1)
            lines["feature"] += ["(intercept)", *self.names]
            lines["coefficient"] += [float(self.intercept[k]), *self.coef[k].tolist()]
            lines["scaled"] += [float("nan"), *self.scaled[k].tolist()]
        if not self.outputs:
            del lines["output"]
        if not self.is_scaled:
            del lines["scaled"]
        return _frame.build(like, lines)

    def plot(self, ax: Any = None, *, output: int | str = 0, max_features: int = 20) -> Any:
        """Draw the coefficients of one output, the largest first.

        Parameters
        ----------
        ax : matplotlib Axes, optional
            Where to draw; by default on a new figure.
        output : int or str, default=0
            The position or name of the output.
        max_features : int, default=20
            How many features are shown.

        Returns
        -------
        matplotlib Axes
        """
        place = self.outputs.index(output) if isinstance(output, str) else int(output)
        values = self.scaled[place]
        order = np.argsort(-np.abs(values), kind="stable")[:max_features]
        order = order[: max(1, np.count_nonzero(values))]
        ax = plain(axes_of(ax, 7.0, 1.1 + 0.26 * len(order)))
        colours = [RED if v > 0 else BLUE for v in values[order]]
        ax.barh(range(len(order)), values[order], height=0.7, color=colours)
        ax.axvline(0.0, color="0.6", linewidth=0.8)
        ax.set_yticks(range(len(order)), [short(self.names[j]) for j in order])
        ax.tick_params(axis="y", colors=INK)
        ax.set_ylim(len(order) - 0.4, -0.6)
        per = (
            "for one step of the scaled feature"
            if self.is_scaled
            else "for one more of the feature"
        )
        ax.set_xlabel(f"change of the score for {per}", color=SOFT, fontsize=9)
        zero = int((values == 0).sum())
        of = f" of {self.outputs[place]}" if self.outputs else ""
        rest = f", {zero} of {len(values)} are zero" if zero else ""
        title = f"Coefficients{of}: {short(self.names[order[0]])} has the largest{rest}"
        ax.set_title(title, fontsize=10, color=INK, loc="left")
        return ax

    def __repr__(self) -> str:
        order = np.argsort(-np.abs(self.scaled).max(axis=0), kind="stable")[:5]
        said = ", ".join(f"{self.names[j]} {self.coef[0, j]:.4g}" for j in order if self.coef[0, j])
        first = f" (of {self.outputs[0]})" if self.outputs else ""
        return f"<Coefficients of {len(self.names)} features{first}: {said}>"

    def _repr_html_(self) -> str:
        return str(self.to_frame()._repr_html_())


def coefficients(model: Any, feature_names: Any = None) -> Coefficients:
    """Return the coefficients of a linear model with the names of its features.

    Parameters
    ----------
    model : fitted linear model, of tamis or scikit-learn
        What has `coef_`, or a pipeline that ends in one. Names are followed through the pipeline
        (ColumnTransformer, encoders), and scaling before the model is taken back: the coefficients
        are in the caller's units (StandardScaler, MinMaxScaler, MaxAbsScaler and RobustScaler, also
        within a ColumnTransformer).
    feature_names : sequence of str, optional
        The names of the columns that the model (or the pipeline) takes; by default those that it
        was fitted with, or "x0", "x1", ...

    Returns
    -------
    Coefficients

    Raises
    ------
    ParameterError
        The model has no coefficients, or names do not fit.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn.preprocessing import StandardScaler
    >>> from tamis.models import LinearRegression, coefficients
    >>> X = np.array([[0.0, 1.0], [10.0, 0.0], [20.0, 1.0], [30.0, 0.0]])
    >>> y = 5 + 2 * X[:, 0] - 3 * X[:, 1]
    >>> made = make_pipeline(StandardScaler(), LinearRegression()).fit(X, y)
    >>> coefficients(made, ["age", "city"]).to_frame().round(3)
           feature  coefficient  scaled
    0  (intercept)          5.0     NaN
    1          age          2.0  22.361
    2         city         -3.0  -1.500
    """
    last, _, names = last_step(model, names=feature_names)
    coef, intercept = linear_parts(last)
    factor, shift, is_scaled = _scaling(model, coef.shape[1])
    classes = getattr(last, "classes_", None)
    if classes is not None and len(coef) == len(classes):
        outputs = [str(c) for c in classes]
    else:
        outputs = [] if len(coef) == 1 else [f"target {k}" for k in range(len(coef))]
    return Coefficients(
        coef=coef * factor,
        intercept=intercept + coef @ shift,
        scaled=coef,
        names=names_of(last, names),
        outputs=outputs,
        is_scaled=is_scaled,
    )


def linear_parts(model: Any) -> tuple[np.ndarray, np.ndarray]:
    """Return (coef, intercept) as float64 of shapes (n_outputs, n_features) and (n_outputs,)."""
    coef = getattr(model, "coef_", None)
    if coef is None:
        if hasattr(model, "fit") and not hasattr(model, "n_features_in_"):
            check_is_fitted(model)
        raise ParameterError(f"{type(model).__name__} has no coefficients")
    if sparse.issparse(coef):
        coef = coef.toarray()
    coef = np.atleast_2d(np.asarray(coef, dtype=np.float64))
    intercept = np.asarray(getattr(model, "intercept_", 0.0), dtype=np.float64).ravel()
    return coef, np.broadcast_to(intercept, len(coef)).copy()


def _scaling(model: Any, n: int) -> tuple[np.ndarray, np.ndarray, bool]:
    """Return factor and shift of each column (scaled = x * factor + shift), and if there is one.

    Only the scalers that stand last before the model count: what comes before them changed the
    columns otherwise.
    """
    factor, shift, found = np.ones(n), np.zeros(n), False
    steps = getattr(model, "steps", None) or [("", model)]
    for _, step in reversed(steps[:-1]):
        if step is None or step == "passthrough" or not hasattr(step, "transform"):
            continue
        made = _of_step(step, n)
        if made is None:
            break
        shift = shift + factor * made[1]
        factor = factor * made[0]
        found = True
        if hasattr(step, "transformers_"):
            break
    return factor, shift, found


def _of_step(step: Any, n: int) -> tuple[np.ndarray, np.ndarray] | None:
    """Return factor and shift of a scaler, or of the scalers in a ColumnTransformer."""
    ones, zeros = np.ones(n), np.zeros(n)
    kind = type(step).__name__
    if kind == "ColumnTransformer":
        found = False
        for name, part, _ in step.transformers_:
            place = step.output_indices_.get(name, slice(0, 0))
            width = place.stop - place.start
            if isinstance(part, str) or part is None or not width:
                continue
            inner = part.steps if hasattr(part, "steps") else [("", part)]
            made = _of_step(inner[-1][1], width)
            if made is not None:
                ones[place], zeros[place] = made
                found = True
        return (ones, zeros) if found else None
    if kind == "MinMaxScaler":
        return step.scale_, step.min_
    if kind in ("StandardScaler", "MaxAbsScaler", "RobustScaler"):
        scale = getattr(step, "scale_", None)
        centre = getattr(step, "mean_" if kind == "StandardScaler" else "center_", None)
        off = kind == "StandardScaler" and not step.with_mean
        factor = ones if scale is None else 1.0 / np.asarray(scale)
        return factor, zeros if centre is None or off else -np.asarray(centre) * factor
    return None
