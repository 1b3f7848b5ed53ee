"""Linear regression by stochastic gradient descent."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.base import RegressorMixin
from sklearn.utils import check_random_state
from sklearn.utils.extmath import safe_sparse_dot
from sklearn.utils.validation import check_is_fitted

from tamis.exceptions import ParameterError
from tamis.models._coef import positive_weights
from tamis.models._sgd_base import MAX_INT, Problems, StochasticGradientDescent

__all__ = ["SGDRegressor"]


class SGDRegressor(RegressorMixin, StochasticGradientDescent):
    """Linear regression by stochastic gradient descent.

    A drop-in for scikit-learn's class of this name: the same steps in the same order of rows, so
    the same coefficients up to rounding, about twice as fast; and any loss.

    Parameters
    ----------
    loss : str or object, default="squared_error"
        "squared_error", "huber", "epsilon_insensitive", "squared_epsilon_insensitive", or a loss of
        numbers by its name in `tamis.losses` ("absolute_error", "log_cosh", "quantile"), one of its
        objects, or a loss of one's own with `value` and `gradient`.
    penalty : {"l2", "l1", "elasticnet", None}, default="l2"
        The penalty on coefficients; the intercept is free.
    alpha : float, default=0.0001
        Strength of the penalty; also sets the steps of ``learning_rate="optimal"``.
    l1_ratio : float in [0, 1], default=0.15
        The share of absolute values in "elasticnet".
    fit_intercept : bool, default=True
        Whether to fit an intercept.
    max_iter : int, default=1000
        The most epochs of `fit`.
    tol : float or None, default=1e-3
        End when the mean objective of an epoch (R2 of the rows held out, with `early_stopping`) has
        not improved by as much for `n_iter_no_change` epochs; None goes all epochs.
    shuffle : bool, default=True
        Whether rows are shuffled before each epoch.
    verbose : int, default=0
        Kept for scikit-learn's sake.
    epsilon : float, default=0.1
        The error from which on "huber" is a line, and below which the insensitive losses are 0.
    random_state : int or RandomState, optional
        Seed of the order of rows and of those held out.
    learning_rate : str, default="invscaling"
        "constant" (`eta0`), "optimal" (``1 / (alpha * (t0 + t))``), "invscaling"
        (``eta0 / t**power_t``), "adaptive" (`eta0`, a fifth when nothing is gained), "pa1" or "pa2"
        (passive-aggressive, of "epsilon_insensitive").
    eta0 : float, default=0.01
        The first step; the aggressiveness of "pa1" and "pa2".
    power_t : float, default=0.25
        The power of "invscaling".
    early_stopping : bool, default=False
        Whether to hold out rows and end when their score improves no more.
    validation_fraction : float, default=0.1
        The share of the rows held out.
    n_iter_no_change : int, default=5
        Epochs without an improvement before the end.
    warm_start : bool, default=False
        Start from the coefficients of the fit before.
    average : bool or int, default=False
        Whether coefficients are the means over all steps; a number is the first step that counts.

    Attributes
    ----------
    coef_ : ndarray of shape (n_features,)
    intercept_ : ndarray of shape (1,)
    n_iter_ : int
        Epochs made.
    t_ : float
        Steps made, and one.
    loss_ : object or None
        The loss of `tamis.losses` or of one's own.
    n_features_in_ : int
    feature_names_in_ : ndarray of str

    Notes
    -----
    A loss of one's own is called for 32 rows at once, as `SGDClassifier` says. What differs from
    scikit-learn is said there, too.

    References
    ----------
    Bottou (2012), Stochastic gradient descent tricks.

    Examples
    --------
    >>> import numpy as np
    >>> from tamis.models import SGDRegressor
    >>> X = np.linspace(-3, 3, 200)[:, None]
    >>> model = SGDRegressor(random_state=0).fit(X, 2 * X[:, 0] + 1)
    >>> model.coef_.round(1), model.intercept_.round(1)
    (array([2.]), array([1.]))
    """

    _known = ("squared_error", "huber", "epsilon_insensitive", "squared_epsilon_insensitive")
    _aggressive = "epsilon_insensitive"

    def __init__(
        self,
        loss: Any = "squared_error",
        *,
        penalty: str | None = "l2",
        alpha: float = 0.0001,
        l1_ratio: float | None = 0.15,
        fit_intercept: bool = True,
        max_iter: int = 1000,
        tol: float | None = 1e-3,
        shuffle: bool = True,
        verbose: int = 0,
        epsilon: float = 0.1,
        random_state: Any = None,
        learning_rate: str = "invscaling",
        eta0: float = 0.01,
        power_t: float = 0.25,
        early_stopping: bool = False,
        validation_fraction: float = 0.1,
        n_iter_no_change: int = 5,
        warm_start: bool = False,
        average: bool | int = False,
    ) -> None:
        self.loss = loss
        self.penalty = penalty
        self.alpha = alpha
        self.l1_ratio = l1_ratio
        self.fit_intercept = fit_intercept
        self.max_iter = max_iter
        self.tol = tol
        self.shuffle = shuffle
        self.verbose = verbose
        self.epsilon = epsilon
        self.random_state = random_state
        self.learning_rate = learning_rate
        self.eta0 = eta0
        self.power_t = power_t
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.n_iter_no_change = n_iter_no_change
        self.warm_start = warm_start
        self.average = average

    def fit(
        self,
        X: Any,
        y: Any,
        coef_init: Any = None,
        intercept_init: Any = None,
        sample_weight: Any = None,
    ) -> SGDRegressor:
        """Fit the model.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)
            Finite numbers; float32 stays float32.
        y : array-like of shape (n_samples,)
        coef_init : array-like of shape (n_features,), optional
            Coefficients to start from.
        intercept_init : array-like of shape (1,), optional
            The intercept to start from.
        sample_weight : array-like of shape (n_samples,), optional

        Returns
        -------
        SGDRegressor

        Raises
        ------
        DataError
            If the coefficients overflow: scale the columns.

        Warns
        -----
        ConvergenceWarning
            If `max_iter` epochs were not enough.
        """
        self._check()
        loss = self._loss_of_numbers()
        X, y = self._rows(X, y, True, y_numeric=True)
        if self.warm_start and getattr(self, "coef_", None) is not None:
            self.densify()
            coef_init = self.coef_ if coef_init is None else coef_init
            intercept_init = self.intercept_ if intercept_init is None else intercept_init
        start = self._begin((1, X.shape[1]), coef_init, intercept_init, fresh=True)
        self.loss_, self.t_, self._skipped = loss, 1.0, 0.0
        return self._go(X, y, sample_weight, start, partial=False)

    def partial_fit(self, X: Any, y: Any, sample_weight: Any = None) -> SGDRegressor:
        """Go on for one epoch over further rows.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)
        y : array-like of shape (n_samples,)
        sample_weight : array-like of shape (n_samples,), optional

        Returns
        -------
        SGDRegressor
        """
        self._check(partial=True)
        loss, first = self._loss_of_numbers(), getattr(self, "coef_", None) is None
        X, y = self._rows(X, y, first, y_numeric=True)
        if first:
            self.loss_, self.t_, self._skipped = loss, 1.0, 0.0
        start = self._begin((1, X.shape[1]), None, None, fresh=False)
        return self._go(X, y, sample_weight, start, partial=True)

    def _loss_of_numbers(self) -> Any:
        loss = self._loss_object()
        if getattr(loss, "classifies", False):
            raise ParameterError(f"loss={self.loss!r} is one of classes: take one of numbers")
        return loss

    def _go(self, X: Any, y: Any, sample_weight: Any, start: Any, partial: bool) -> SGDRegressor:
        weights = positive_weights(sample_weight, X)
        held = self._held(y, weights)
        seeds = [int(check_random_state(self.random_state).randint(0, MAX_INT))]
        # The rows' numbers as they would be in the precision of X.
        target = y.astype(X.dtype).astype(np.float64)
        rows = Problems(target, weights, np.ones((1, 2)), held, seeds)
        coef, self.intercept_ = self._descend(X, rows, start, 1, partial)
        self.coef_ = coef[0]
        return self

    def predict(self, X: Any) -> np.ndarray:
        """Return the predictions, shape (n_samples,)."""
        check_is_fitted(self)
        X = self._rows(X, "no_validation", False)
        scores = safe_sparse_dot(X, self.coef_.T, dense_output=True) + self.intercept_
        return np.asarray(scores).ravel()
