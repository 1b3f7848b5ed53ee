"""Coefficients along the strength of the penalty."""

from __future__ import annotations

from dataclasses import dataclass
from numbers import Integral
from typing import Any

import numpy as np
from sklearn.base import clone

from tamis._optional import need
from tamis.exceptions import ParameterError
from tamis.models._elastic import ElasticNet
from tamis.models._group import GroupLasso, members_of
from tamis.models._linear import Ridge
from tamis.models._logistic import LogisticRegression

__all__ = ["RegularizationPath", "regularization_path"]

#: Where there are only squares no penalty leaves nothing: this share stands for the absolute part.
_LEAST_SHARE = 1e-3


@dataclass(frozen=True)
class RegularizationPath:
    """Models along the strength of the penalty, the strongest first.

    Attributes
    ----------
    strengths : ndarray of shape (n_strengths,)
        alpha, or for logistic regression C, which gets larger as the penalty gets weaker.
    coef : ndarray of shape (n_strengths, n_outputs, n_features)
    intercept : ndarray of shape (n_strengths, n_outputs)
    names : list of str
        The columns.
    parameter : str
        "alpha" or "C".
    """

    strengths: np.ndarray
    coef: np.ndarray
    intercept: np.ndarray
    names: list[str]
    parameter: str

    def plot(self, ax: Any = None, *, output: int = 0, most_named: int = 10) -> Any:
        """Draw each coefficient along the strength of the penalty.

        Parameters
        ----------
        ax : matplotlib Axes, optional
            Where to draw; by default on a new figure.
        output : int, default=0
            The target or class.
        most_named : int, default=10
            How many of the largest coefficients are named at their ends.

        Returns
        -------
        matplotlib Axes
        """
        pyplot: Any = need("matplotlib.pyplot", "plotting a path")
        if ax is None:
            _, ax = pyplot.subplots(figsize=(7, 4.5), layout="constrained")
        lines = self.coef[:, output]
        last = np.abs(lines[-1])
        named = [j for j in np.argsort(-last, kind="stable")[:most_named] if last[j] > 0]
        for j in range(lines.shape[1]):
            style: dict[str, Any] = {"color": "0.8", "linewidth": 0.8, "zorder": 1}
            if j in named:
                style = {"label": self.names[j], "linewidth": 1.5, "zorder": 2}
            ax.plot(self.strengths, lines[:, j], **style)
        ax.axhline(0.0, color="0.5", linewidth=0.8, zorder=0)
        ax.set_xscale("log")
        if self.parameter == "alpha":
            ax.invert_xaxis()
        ax.set_xlabel(f"{self.parameter} (the penalty gets weaker to the right)")
        ax.set_ylabel("coefficient")
        if named:
            ax.legend(loc="center left", bbox_to_anchor=(1.0, 0.5), frameon=False, fontsize="small")
        return ax


def regularization_path(
    model: Any,
    X: Any,
    y: Any,
    *,
    strengths: Any = 100,
    eps: float = 1e-3,
    sample_weight: Any = None,
) -> RegularizationPath:
    """Return the coefficients of a model along the strength of its penalty.

    Lasso, elastic net and group lasso make one Gram matrix; every model starts from the one before.

    Parameters
    ----------
    model : Lasso, ElasticNet, GroupLasso, Ridge or LogisticRegression
        An object of tamis, with the parameters to use; it is not fitted.
    X : array-like of shape (n_samples, n_features)
    y : array-like of shape (n_samples,) or (n_samples, n_targets)
    strengths : int or array-like, default=100
        The values of alpha (of C, for logistic regression), or how many on a scale of logarithms
        from the least penalty that leaves no coefficient on.
    eps : float in (0, 1), default=1e-3
        The weakest penalty as a share of the strongest.
    sample_weight : array-like of shape (n_samples,), optional

    Returns
    -------
    RegularizationPath

    Examples
    --------
    >>> import numpy as np
    >>> from tamis.models import Lasso, regularization_path
    >>> X = np.array([[-1.0, 0.2], [0.0, -0.1], [1.0, -0.1]])
    >>> path = regularization_path(Lasso(), X, [-3.0, 0.0, 3.0], strengths=3, eps=0.1)
    >>> path.strengths.round(3), path.coef[:, 0, 0].round(2)
    (array([2.   , 0.632, 0.2  ]), array([0.  , 2.05, 2.7 ]))
    """
    if not 0 < eps < 1:
        raise ParameterError(f"eps must lie between 0 and 1; got {eps!r}")
    count = None
    values = np.array([])
    if isinstance(strengths, Integral):
        count = int(strengths)
        if count < 1:
            raise ParameterError(f"strengths must be at least 1; got {strengths!r}")
    else:
        values = np.sort(np.asarray(strengths, dtype=np.float64).ravel())
        if not len(values) or not (values > 0).all():
            raise ParameterError("strengths must be positive numbers")
    model = clone(model)
    if isinstance(model, GroupLasso):
        return _of_groups(model, X, y, count, values[::-1], eps, sample_weight)
    if isinstance(model, ElasticNet):
        return _of_elastic(model, X, y, count, values[::-1], eps, sample_weight)
    if isinstance(model, Ridge):
        return _one_by_one(model, "alpha", X, y, count, values[::-1], eps, sample_weight)
    if isinstance(model, LogisticRegression):
        model.set_params(warm_start=True)
        return _one_by_one(model, "C", X, y, count, values, eps, sample_weight)
    raise ParameterError(
        f"regularization_path takes Lasso, ElasticNet, GroupLasso, Ridge and LogisticRegression of "
        f"tamis; got {type(model).__name__}"
    )


def _of_elastic(
    model: ElasticNet, X: Any, y: Any, count: int | None, alphas: Any, eps: float, weight: Any
) -> RegularizationPath:
    model._check()
    X, targets, weights, _ = model._take(X, y, weight)
    if count is not None:
        zero = model._run(X, targets, weights, np.array([]), None)[-1]
        alphas = _grid(zero.max() / max(model.l1_ratio, _LEAST_SHARE), count, eps)
    coef, intercept, *_ = model._run(X, targets, weights, np.ascontiguousarray(alphas), None)
    return RegularizationPath(alphas, coef, intercept, _names(model), "alpha")


def _of_groups(
    model: GroupLasso, X: Any, y: Any, count: int | None, alphas: Any, eps: float, weight: Any
) -> RegularizationPath:
    X, targets, weights, _ = model._take(X, y, weight)
    if count is not None:
        alphas = _grid(model._run(X, targets, weights, np.array([]))[-1], count, eps)
    coef, intercept, *_ = model._run(X, targets, weights, np.ascontiguousarray(alphas))
    return RegularizationPath(alphas, coef, intercept, _names(model), "alpha")


def _one_by_one(
    model: Any, name: str, X: Any, y: Any, count: int | None, values: Any, eps: float, weight: Any
) -> RegularizationPath:
    if count is not None:
        values = _grid(_strongest(model, name, X, y, weight), count, eps)
        values = values if name == "alpha" else 1.0 / values
    coefs, intercepts = [], []
    for value in values:
        model.set_params(**{name: float(value)}).fit(X, y, weight)
        coefs.append(np.atleast_2d(model.coef_).astype(np.float64))
        intercepts.append(np.atleast_1d(model.intercept_).astype(np.float64))
    return RegularizationPath(values, np.array(coefs), np.array(intercepts), _names(model), name)


def _strongest(model: Any, name: str, X: Any, y: Any, weight: Any) -> float:
    """Return the slope of the loss where all coefficients are zero, over the share of L1."""
    X = np.asarray(X, dtype=np.float64)
    w = np.ones(len(X)) if weight is None else np.asarray(weight, dtype=np.float64)
    if name == "C":
        targets = (np.asarray(y)[:, None] == np.unique(np.asarray(y))).astype(np.float64)
        share = max(model.l1_ratio or 0.0, _LEAST_SHARE)
    else:
        targets, share = np.asarray(y, dtype=np.float64).reshape(len(X), -1), _LEAST_SHARE
    off = targets - np.average(targets, axis=0, weights=w) * bool(model.fit_intercept)
    slopes = np.abs(X.T @ (off * w[:, None]))
    if getattr(model, "groups", None) is not None and share < 1:
        members = members_of(model.groups, model.set_params(C=1e-9).fit(X, y, weight))
        norms = [np.linalg.norm(slopes[g]) / np.sqrt(len(g)) for g in members if len(g)]
        return float(max(norms, default=0.0)) / (1 - (model.l1_ratio or 0.0))
    return float(slopes.max()) / share


def _grid(most: float, count: int, eps: float) -> np.ndarray:
    most = most if most > 0 else 1.0  # a constant target: any penalty leaves nothing
    return np.asarray(np.geomspace(most, most * eps, count))


def _names(model: Any) -> list[str]:
    names = getattr(model, "feature_names_in_", range(model.n_features_in_))
    return [str(n) for n in names]
