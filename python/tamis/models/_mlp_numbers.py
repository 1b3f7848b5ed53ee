"""Networks of layers that predict numbers."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.base import RegressorMixin
from sklearn.metrics import r2_score
from sklearn.utils import column_or_1d
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted

from tamis._check import validated
from tamis.exceptions import DataError
from tamis.models._mlp_base import BaseMLP, trains_by_batches
from tamis.models._mlp_loss import Objective, number_objective

__all__ = ["MLPRegressor"]


class MLPRegressor(RegressorMixin, BaseMLP):
    """A network of layers that predicts numbers (multi-layer perceptron).

    A drop-in for scikit-learn's class of this name: with the same `random_state` its weights, up to
    rounding, trained in about half the time. Batches go forwards and backwards in compiled code,
    in the precision of the rows; several targets a row and sparse rows are taken as well.

    Parameters
    ----------
    loss : str or object, default="squared_error"
        "squared_error"; "poisson" (half the deviance of counts; predicts the exponential of the
        score); a loss of numbers by its name in `tamis.losses` ("absolute_error", "huber",
        "log_cosh", "quantile"), one of its objects, or a loss of one's own with `value` and
        `gradient`.
    hidden_layer_sizes : int or sequence of int, default=(100,)
        Units of each hidden layer; none for a linear model.
    activation : {"identity", "logistic", "tanh", "relu"}, default="relu"
        What hidden units make of their sums.
    solver : {"lbfgs", "sgd", "adam"}, default="adam"
        "lbfgs" takes all rows at once (SciPy's L-BFGS-B), the others batches.
    alpha : float, default=0.0001
        The penalty ``alpha / 2 * sum(weights ** 2)``, against the sum of losses of a batch (so that
        its pull grows with the number of batches). Biases are free.
    batch_size : int or "auto", default="auto"
        Rows of a batch; "auto" is 200, or all if there are fewer.
    learning_rate : {"constant", "invscaling", "adaptive"}, default="constant"
        How "sgd" goes slower: never; by ``t ** power_t``; or to a fifth each time that
        `n_iter_no_change` epochs gained less than `tol`.
    learning_rate_init : float, default=0.001
        The (first) learning rate of "sgd" and "adam".
    power_t : float, default=0.5
        The exponent of "invscaling".
    max_iter : int, default=200
        The most epochs, or steps of "lbfgs".
    shuffle : bool, default=True
        Whether each epoch sees the rows in an order of its own.
    random_state : int or RandomState, optional
        Of first weights, orders, the rows to stop by, and dropped units.
    tol : float, default=1e-4
        What counts as a gain; for "lbfgs" the largest part of the gradient to stop at.
    verbose : bool, default=False
        Whether to print the loss of each epoch.
    warm_start : bool, default=False
        Start from the weights of the fit before.
    momentum : float in [0, 1], default=0.9
        How much of a step of "sgd" the next one keeps.
    nesterovs_momentum : bool, default=True
        Whether "sgd" looks ahead.
    early_stopping : bool, default=False
        Whether to keep the weights that did best on rows left out of training, and to stop when
        these do no better.
    validation_fraction : float in [0, 1), default=0.1
        The share of rows left out for that.
    beta_1, beta_2 : float in [0, 1), default=0.9, 0.999
        How much of the means of gradients and of their squares "adam" keeps.
    epsilon : float, default=1e-8
        Keeps the steps of "adam" small where gradients vanish.
    n_iter_no_change : int, default=10
        Epochs in a row that may gain less than `tol`.
    max_fun : int, default=15000
        The most calls of the loss by "lbfgs".
    dropout : float in [0, 1), default=0.0
        The share of hidden units left out, for each row of each batch anew, while training by
        "sgd" or "adam"; the others count for more, so that sums stay what they are.
    weight_decay : float, default=0.0
        Weights shrink by ``learning rate * weight_decay`` in each step of "sgd" or "adam" (SGDW,
        AdamW). `alpha` adds to the gradient, which "adam" then divides by its size: weights with
        large gradients are hardly held. Decay holds all alike.
    n_jobs : int, optional
        Threads; None uses all cores, 1 in a worker process. The answer has the same bits.

    Attributes
    ----------
    coefs_ : list of ndarray of shape (units, units of the next layer)
    intercepts_ : list of ndarray of shape (units of the next layer,)
    loss_ : float
        The loss of the last epoch, with the penalty.
    best_loss_ : float or None
        The least so far; None with `early_stopping`.
    loss_curve_ : list of float
        The loss of each epoch.
    validation_scores_ : list of float or None
        R squared on the rows left out, after each epoch.
    best_validation_score_ : float or None
    n_iter_ : int
        Epochs, or steps of "lbfgs".
    t_ : int
        Rows seen, again each time.
    n_layers_, n_outputs_ : int
    out_activation_ : str
    n_features_in_ : int
    feature_names_in_ : ndarray of str

    Notes
    -----
    Ctrl-C ends the training by batches with a warning, as in scikit-learn: the model keeps what it
    has learnt. A batch whose rows weigh nothing is left out.

    References
    ----------
    As for `MLPClassifier`.

    Examples
    --------
    >>> import numpy as np
    >>> from tamis.models import MLPRegressor
    >>> X = np.linspace(-2, 2, 50)[:, None]
    >>> model = MLPRegressor(hidden_layer_sizes=(20,), activation="tanh", solver="lbfgs",
    ...                      max_iter=1000, random_state=0).fit(X, X[:, 0] ** 2)
    >>> bool(model.score(X, X[:, 0] ** 2) > 0.99)
    True
    """

    def __init__(
        self,
        loss: Any = "squared_error",
        hidden_layer_sizes: Any = (100,),
        activation: str = "relu",
        *,
        solver: str = "adam",
        alpha: float = 0.0001,
        batch_size: Any = "auto",
        learning_rate: str = "constant",
        learning_rate_init: float = 0.001,
        power_t: float = 0.5,
        max_iter: int = 200,
        shuffle: bool = True,
        random_state: Any = None,
        tol: float = 1e-4,
        verbose: bool = False,
        warm_start: bool = False,
        momentum: float = 0.9,
        nesterovs_momentum: bool = True,
        early_stopping: bool = False,
        validation_fraction: float = 0.1,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-8,
        n_iter_no_change: float = 10,
        max_fun: int = 15000,
        dropout: float = 0.0,
        weight_decay: float = 0.0,
        n_jobs: int | None = None,
    ) -> None:
        self.loss = loss
        self.hidden_layer_sizes = hidden_layer_sizes
        self.activation = activation
        self.solver = solver
        self.alpha = alpha
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.learning_rate_init = learning_rate_init
        self.power_t = power_t
        self.max_iter = max_iter
        self.shuffle = shuffle
        self.random_state = random_state
        self.tol = tol
        self.verbose = verbose
        self.warm_start = warm_start
        self.momentum = momentum
        self.nesterovs_momentum = nesterovs_momentum
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.beta_1 = beta_1
        self.beta_2 = beta_2
        self.epsilon = epsilon
        self.n_iter_no_change = n_iter_no_change
        self.max_fun = max_fun
        self.dropout = dropout
        self.weight_decay = weight_decay
        self.n_jobs = n_jobs

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> MLPRegressor:
        """Fit the network.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)
            Finite numbers; float32 stays float32.
        y : array-like of shape (n_samples,) or (n_samples, n_targets)
            Numbers; of "poisson" not below zero.
        sample_weight : array-like of shape (n_samples,), optional

        Returns
        -------
        MLPRegressor

        Raises
        ------
        ParameterError
            If a parameter is out of range.
        DataError
            If weights overflow: the columns or targets are too large.

        Warns
        -----
        ConvergenceWarning
            If `max_iter` was not enough.
        """
        return self._fit(X, y, sample_weight, incremental=False)

    @available_if(trains_by_batches)
    def partial_fit(self, X: Any, y: Any, sample_weight: Any = None) -> MLPRegressor:
        """Go over rows once more.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)
        y : array-like of shape (n_samples,) or (n_samples, n_targets)
        sample_weight : array-like of shape (n_samples,), optional

        Returns
        -------
        MLPRegressor
        """
        return self._fit(X, y, sample_weight, incremental=True)

    def _read(self, X: Any, y: Any, incremental: bool, reset: bool) -> tuple[Any, np.ndarray]:
        X, y = validated(
            self, X, y, accept_sparse=["csr", "csc"], multi_output=True, y_numeric=True,
            dtype=(np.float64, np.float32), reset=reset,
        )  # fmt: skip
        if y.ndim == 2 and y.shape[1] == 1:
            y = column_or_1d(y, warn=True)
        if isinstance(self.loss, str) and self.loss == "poisson" and (y < 0).any():
            row = int(np.argwhere(y < 0)[0][0])
            raise DataError(f"loss='poisson' takes no y below zero; row {row} has one")
        return X, y

    def _outputs(self, y: np.ndarray) -> int:
        return 1 if y.ndim == 1 else int(y.shape[1])

    def _out_activation(self) -> str:
        return "exp" if isinstance(self.loss, str) and self.loss == "poisson" else "identity"

    def _target(self, y: np.ndarray, dtype: Any) -> tuple[np.ndarray, Objective]:
        target = np.ascontiguousarray(y.reshape(len(y), -1), dtype=np.float64)
        return target, number_objective(self.loss, target.shape[1])

    def _validation_score(self, scores: np.ndarray, rows: Any, held: np.ndarray) -> float:
        said = self._numbers(scores)
        if not np.isfinite(said).all():
            return np.nan
        weights = None if rows.weights is None else rows.weights[held]
        return float(r2_score(rows.target[held], said, sample_weight=weights))

    def _numbers(self, scores: np.ndarray) -> np.ndarray:
        return np.exp(scores) if self.out_activation_ == "exp" else scores

    def predict(self, X: Any) -> np.ndarray:
        """Return the predicted number of each row, shape (n_samples,) or (n_samples, n_targets)."""
        check_is_fitted(self)
        said = self._numbers(self._scores(X))
        return said[:, 0] if said.shape[1] == 1 else said
