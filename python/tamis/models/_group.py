"""Least squares with a penalty of groups of columns."""

from __future__ import annotations

import warnings
from numbers import Integral
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, MultiOutputMixin, RegressorMixin
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils.validation import check_is_fitted

from tamis import _core
from tamis._check import validated, weights_of
from tamis._threads import resolve
from tamis.exceptions import ParameterError
from tamis.models._coef import check_penalty

__all__ = ["GroupLasso", "members_of"]


class GroupLasso(MultiOutputMixin, RegressorMixin, BaseEstimator):
    """Least squares whose columns come in or stay out by groups.

    It minimises the mean squared error over two, plus ``alpha * ((1 - l1_ratio) * sum of
    w_g * |b_g|_2 + l1_ratio * |b|_1)``: the group lasso, or with an `l1_ratio` the sparse group
    lasso, which also leaves out columns of groups that are in. By block coordinate descent on the
    Gram matrix of the centred columns, which takes one pass over the rows in any number of threads
    with the same bits. The levels of one category, the lags of one series or the splines of one
    quantity make a group. For classes see ``LogisticRegression(groups=...)``.

    Parameters
    ----------
    alpha : float, default=1.0
        Strength of the penalty; not negative.
    groups : array-like of shape (n_features,), list of lists, or dict, optional
        The group of each column by any label (-1 or None for a column that is not penalised); or
        the columns of each group, by name or position, where a column in none is not penalised.
        By default each column is a group of its own, which is the lasso.
    l1_ratio : float in [0, 1], default=0.0
        The share of the penalty that is of absolute values.
    group_weights : array-like of shape (n_groups,), optional
        The weights w_g, in the order of `groups_`; by default the roots of the groups' sizes.
    fit_intercept : bool, default=True
        Whether to fit an intercept, which is not penalised.
    max_iter : int, default=10000
        The most sweeps over the groups.
    tol : float, default=1e-6
        Stop when no part of the subgradient is larger than this share of the largest slope of
        coefficients of zero.
    n_jobs : int, optional
        Threads; None uses all cores, 1 in a worker process.

    Attributes
    ----------
    coef_ : ndarray of shape (n_features,) or (n_targets, n_features)
        For several targets a group holds its columns' coefficients of all of them.
    intercept_ : float or ndarray of shape (n_targets,)
    groups_ : list of ndarray
        The columns of each group, by position.
    active_ : ndarray of bool, shape (n_groups,)
        Which groups are in.
    n_iter_ : int
        Sweeps made.
    n_features_in_ : int
    feature_names_in_ : ndarray of str

    Notes
    -----
    The penalty is that of the caller's units: scale columns first where these differ. At most 4,000
    columns.

    References
    ----------
    Yuan and Lin (2006), Model selection and estimation in regression with grouped variables.
    Simon, Friedman, Hastie and Tibshirani (2013), A sparse-group lasso.

    Examples
    --------
    >>> import numpy as np
    >>> from tamis.models import GroupLasso
    >>> X = np.random.default_rng(0).normal(size=(200, 4))
    >>> model = GroupLasso(alpha=0.3, groups=["a", "a", "b", "b"]).fit(X, X[:, 0] + X[:, 1])
    >>> model.active_, model.coef_.round(2)
    (array([ True, False]), array([0.69, 0.67, 0.  , 0.  ]))
    """

    coef_: np.ndarray
    groups_: list[np.ndarray]

    def __init__(
        self,
        alpha: float = 1.0,
        *,
        groups: Any = None,
        l1_ratio: float = 0.0,
        group_weights: Any = None,
        fit_intercept: bool = True,
        max_iter: int = 10_000,
        tol: float = 1e-6,
        n_jobs: int | None = None,
    ) -> None:
        self.alpha = alpha
        self.groups = groups
        self.l1_ratio = l1_ratio
        self.group_weights = group_weights
        self.fit_intercept = fit_intercept
        self.max_iter = max_iter
        self.tol = tol
        self.n_jobs = n_jobs

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> GroupLasso:
        """Fit the model.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Finite numbers; float32 stays float32.
        y : array-like of shape (n_samples,) or (n_samples, n_targets)
        sample_weight : array-like of shape (n_samples,), optional

        Returns
        -------
        GroupLasso

        Raises
        ------
        ParameterError
            If a column is in two groups or none of the table's.

        Warns
        -----
        ConvergenceWarning
            If `max_iter` sweeps were not enough.
        """
        X, targets, weights, one = self._take(X, y, sample_weight)
        coef, intercept, steps, left, _ = self._run(
            X, targets, weights, np.array([float(self.alpha)])
        )
        if left[0] > self.tol:
            warnings.warn(
                f"the group lasso did not converge in {self.max_iter} sweeps (subgradient "
                f"{left[0]:.1e}, tol {self.tol:.1e}): raise max_iter, scale the columns, or "
                "penalise more",
                ConvergenceWarning,
                stacklevel=2,
            )
        self.coef_ = (coef[0, 0] if one else coef[0]).astype(X.dtype)
        used = [bool(coef[0][:, g].any()) for g in self.groups_]
        self.active_: np.ndarray = np.array(used)
        self.n_iter_ = max(int(steps[0]), 1)
        self.intercept_: Any = 0.0
        if self.fit_intercept:
            self.intercept_ = X.dtype.type(intercept[0, 0]) if one else intercept[0].astype(X.dtype)
        return self

    def _take(self, X: Any, y: Any, sample_weight: Any) -> tuple[Any, Any, Any, bool]:
        """Check the parameters; return X, the targets as a matrix, the weights, and if y is one."""
        check_penalty(self)
        X, y = validated(
            self, X, y, dtype=(np.float64, np.float32), multi_output=True, y_numeric=True
        )
        self.groups_ = members_of(self.groups, self)
        targets = np.asarray(y, dtype=np.float64).reshape(len(X), -1)
        return X, targets, weights_of(sample_weight, X), np.ndim(y) == 1

    def _run(self, X: Any, targets: Any, weights: Any, alphas: np.ndarray) -> Any:
        """Return what the kernel makes for penalties after each other."""
        by_group = np.sqrt([float(len(g)) for g in self.groups_])
        if self.group_weights is not None:
            by_group = np.asarray(self.group_weights, dtype=np.float64)
        return _core.group_path(
            X,
            targets,
            weights,
            ([g.tolist() for g in self.groups_], by_group.ravel().tolist()),
            alphas,
            float(self.l1_ratio),
            bool(self.fit_intercept),
            int(self.max_iter),
            float(self.tol),
            resolve(self.n_jobs),
        )

    def predict(self, X: Any) -> np.ndarray:
        """Return the predictions, shape (n_samples,) or (n_samples, n_targets)."""
        check_is_fitted(self)
        X = validated(self, X, reset=False, dtype=(np.float64, np.float32))
        return np.asarray(X @ self.coef_.T + self.intercept_)


def members_of(groups: Any, model: Any) -> list[np.ndarray]:
    """Return the columns of each group by position, for a model that has seen its columns."""
    p = model.n_features_in_
    if groups is None:
        return [np.array([j]) for j in range(p)]
    if isinstance(groups, dict):
        groups = list(groups.values())
    groups = list(groups)
    if groups and all(isinstance(g, list | tuple | set | np.ndarray | range) for g in groups):
        return [np.array([_position(c, model) for c in sorted_if(g)], dtype=int) for g in groups]
    if len(groups) != p:
        raise ParameterError(
            f"groups has {len(groups)} labels for {p} columns: give one a column, or lists of "
            "columns"
        )
    found: dict[Any, list[int]] = {}
    for j, label in enumerate(groups):
        free = label is None or (isinstance(label, Integral) and label == -1)
        if not free:
            found.setdefault(label, []).append(j)
    return [np.array(columns, dtype=int) for columns in found.values()]


def sorted_if(group: Any) -> list[Any]:
    """Return the members of a group in order: a set has none of its own."""
    return sorted(group) if isinstance(group, set) else list(group)


def _position(column: Any, model: Any) -> int:
    if isinstance(column, Integral) and 0 <= int(column) < model.n_features_in_:
        return int(column)
    names = list(getattr(model, "feature_names_in_", []))
    if column in names:
        return names.index(column)
    known = f"its names are {', '.join(map(str, names[:10]))}" if names else "it has no names"
    raise ParameterError(
        f"groups names the column {column!r}, which X of {model.n_features_in_} columns has not "
        f"({known})"
    )
