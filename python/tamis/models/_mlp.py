"""Networks of layers that tell classes apart."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import sparse
from scipy.special import expit, softmax
from sklearn.base import ClassifierMixin
from sklearn.utils import column_or_1d
from sklearn.utils.class_weight import compute_sample_weight
from sklearn.utils.metaestimators import available_if
from sklearn.utils.multiclass import (
    check_classification_targets,
    type_of_target,
    unique_labels,
)
from sklearn.utils.validation import check_is_fitted

from tamis._check import validated
from tamis.exceptions import DataError, ParameterError
from tamis.models._mlp_base import BaseMLP, trains_by_batches
from tamis.models._mlp_loss import Objective, class_objective

__all__ = ["MLPClassifier"]


class MLPClassifier(ClassifierMixin, BaseMLP):
    """A network of layers that tells classes apart (multi-layer perceptron).

    A drop-in for scikit-learn's class of this name: with the same `random_state` its weights, up to
    rounding, trained in about half the time. Batches go forwards and backwards in compiled code,
    in the precision of the rows; several labels a row and sparse rows are taken as well.

    Parameters
    ----------
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
    loss : str or object, default="log_loss"
        A loss of classes by its name in `tamis.losses` ("gce", "sce", "focal", "class_balanced",
        "label_smoothed", ...), one of its objects, or a loss of one's own with `value` and
        `gradient` (it sees class codes and raw scores). "gce" and "sce", which forgive wrong
        labels, start by five epochs of cross entropy (a tenth of `max_iter`, for "lbfgs").
    dropout : float in [0, 1), default=0.0
        The share of hidden units left out, for each row of each batch anew, while training by
        "sgd" or "adam"; the others count for more, so that sums stay what they are.
    weight_decay : float, default=0.0
        Weights shrink by ``learning rate * weight_decay`` in each step of "sgd" or "adam" (SGDW,
        AdamW). `alpha` adds to the gradient, which "adam" then divides by its size: weights with
        large gradients are hardly held. Decay holds all alike.
    class_weight : dict, "balanced" or list of dict, optional
        Weights of the classes.
    n_jobs : int, optional
        Threads; None uses all cores, 1 in a worker process. The answer has the same bits.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
    coefs_ : list of ndarray of shape (units, units of the next layer)
    intercepts_ : list of ndarray of shape (units of the next layer,)
    loss_ : float
        The loss of the last epoch, with the penalty.
    best_loss_ : float or None
        The least so far; None with `early_stopping`.
    loss_curve_ : list of float
        The loss of each epoch.
    validation_scores_ : list of float or None
        Accuracy on the rows left out, after each epoch.
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
    has learnt. For the focal loss, whose scores are not those of probabilities, `predict_proba` is
    recalibrated in closed form. A batch whose rows weigh nothing is left out.

    References
    ----------
    Glorot and Bengio (2010), Understanding the difficulty of training deep feedforward neural
    networks. Kingma and Ba (2015), Adam: a method for stochastic optimization. Srivastava et al.
    (2014), Dropout. Loshchilov and Hutter (2019), Decoupled weight decay regularization.

    Examples
    --------
    >>> import numpy as np
    >>> from tamis.models import MLPClassifier
    >>> X = np.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
    >>> model = MLPClassifier((8,), solver="lbfgs", random_state=1).fit(X, ["a", "b", "b", "a"])
    >>> model.predict(X)
    array(['a', 'b', 'b', 'a'], dtype='<U1')
    """

    _classifies = True

    def __init__(
        self,
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
        loss: Any = "log_loss",
        dropout: float = 0.0,
        weight_decay: float = 0.0,
        class_weight: Any = None,
        n_jobs: int | None = None,
    ) -> None:
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
        self.loss = loss
        self.dropout = dropout
        self.weight_decay = weight_decay
        self.class_weight = class_weight
        self.n_jobs = n_jobs

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> MLPClassifier:
        """Fit the network.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)
            Finite numbers; float32 stays float32.
        y : array-like of shape (n_samples,) or (n_samples, n_labels)
            Classes, or for each label whether a row has it.
        sample_weight : array-like of shape (n_samples,), optional

        Returns
        -------
        MLPClassifier

        Raises
        ------
        ParameterError
            If a parameter is out of range.
        DataError
            If weights overflow: the columns are too large.

        Warns
        -----
        ConvergenceWarning
            If `max_iter` was not enough.
        """
        return self._fit(X, y, sample_weight, incremental=False)

    @available_if(trains_by_batches)
    def partial_fit(
        self, X: Any, y: Any, sample_weight: Any = None, classes: Any = None
    ) -> MLPClassifier:
        """Go over rows once more.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)
        y : array-like of shape (n_samples,) or (n_samples, n_labels)
        sample_weight : array-like of shape (n_samples,), optional
        classes : array-like of shape (n_classes,), optional
            All classes there are; needed on the first call.

        Returns
        -------
        MLPClassifier
        """
        known = getattr(self, "classes_", None)
        if known is None:
            if classes is None:
                raise ParameterError("classes must be passed on the first call to partial_fit.")
            self.classes_ = unique_labels(classes)
        elif classes is not None and not np.array_equal(known, unique_labels(classes)):
            raise ParameterError(
                f"`classes={classes!r}` is not the same as on last call to partial_fit, was: "
                f"{known!r}"
            )
        return self._fit(X, y, sample_weight, incremental=True)

    def _read(self, X: Any, y: Any, incremental: bool, reset: bool) -> tuple[Any, np.ndarray]:
        X, y = validated(
            self, X, y, accept_sparse=["csr", "csc"], multi_output=True,
            dtype=(np.float64, np.float32), reset=reset,
        )  # fmt: skip
        if sparse.issparse(y):
            y = y.toarray()
        if y.ndim == 2 and y.shape[1] == 1:
            y = column_or_1d(y, warn=True)
        check_classification_targets(y)
        if type_of_target(y).endswith("multioutput"):
            raise DataError("Multioutput target data is not supported with label binarization")
        classes = unique_labels(y)
        if not hasattr(self, "classes_") or (not self.warm_start and not incremental):
            self.classes_ = classes
        elif self.warm_start and set(classes) != set(self.classes_):
            raise DataError(
                "warm_start can only be used where `y` has the same classes as in the previous "
                f"call to fit. Previously got {self.classes_}, `y` has {classes}"
            )
        elif len(np.setdiff1d(classes, self.classes_, assume_unique=True)):
            raise DataError(
                f"`y` has classes not in `self.classes_`. `self.classes_` has {self.classes_}. "
                f"'y' has {classes}."
            )
        self._several = y.ndim == 2
        return X, y

    def _outputs(self, y: np.ndarray) -> int:
        if self._several:
            return int(y.shape[1])
        return 1 if len(self.classes_) <= 2 else len(self.classes_)

    def _out_activation(self) -> str:
        return "softmax" if len(self.classes_) > 2 and not self._several else "logistic"

    def _target(self, y: np.ndarray, dtype: Any) -> tuple[np.ndarray, Objective]:
        if self._several:
            target = np.ascontiguousarray(y, dtype=np.float64)
        else:
            target = np.searchsorted(self.classes_, y).astype(np.float64)[:, None]
        n_classes = len(self.classes_)
        return target, class_objective(self.loss, target, n_classes, self._several, dtype)

    def _weights(self, given: Any, X: Any, y: Any, incremental: bool) -> np.ndarray | None:
        weights = super()._weights(given, X, y, incremental)
        if self.class_weight is None:
            return weights
        if incremental and isinstance(self.class_weight, str):
            raise ParameterError(
                f"class_weight={self.class_weight!r} counts the rows of each class, which "
                "partial_fit has not seen: give weights by class"
            )
        by_class = np.asarray(compute_sample_weight(self.class_weight, y), dtype=np.float64)
        return by_class if weights is None else weights * by_class

    def _stratify(self, target: np.ndarray) -> np.ndarray | None:
        return target.astype(bool) if self.n_outputs_ == 1 else None

    def _validation_score(self, scores: np.ndarray, rows: Any, held: np.ndarray) -> float:
        said, truth = self._codes(scores), rows.target[held]
        hits = (said == truth).all(axis=1) if said.ndim == 2 else said == truth[:, 0]
        weights = None if rows.weights is None else rows.weights[held]
        return float(np.average(hits, weights=weights))

    def _codes(self, scores: np.ndarray) -> np.ndarray:
        """Return class codes, or whether each label is there."""
        if self.out_activation_ == "softmax":
            return np.asarray(scores.argmax(axis=1))
        there = (scores > 0).astype(int)
        return there if self.n_outputs_ > 1 else there[:, 0]

    def predict(self, X: Any) -> np.ndarray:
        """Return the likeliest class of each row, or its labels, shape (n_samples, n_labels)."""
        check_is_fitted(self)
        codes = self._codes(self._scores(X))
        if codes.ndim == 2:
            return codes
        return np.asarray(self.classes_[np.minimum(codes, len(self.classes_) - 1)])

    def predict_proba(self, X: Any) -> np.ndarray:
        """Return the probability of each class or label, shape (n_samples, n_classes)."""
        check_is_fitted(self)
        scores = self._scores(X)
        loss = getattr(self, "_loss", None)
        if hasattr(loss, "log_probabilities"):
            return self._recalibrated(loss, scores)
        if self.out_activation_ == "softmax":
            return np.asarray(softmax(scores, axis=1))
        shares = expit(scores)
        return np.asarray(shares if self.n_outputs_ > 1 else np.hstack([1 - shares, shares]))

    def _recalibrated(self, loss: Any, scores: np.ndarray) -> np.ndarray:
        if self.out_activation_ == "softmax" or self.n_outputs_ == 1:
            shares = loss.probabilities(scores[:, 0] if self.n_outputs_ == 1 else scores)
        else:
            shares = np.column_stack([loss.probabilities(s)[:, 1] for s in scores.T])
        return np.asarray(shares).astype(scores.dtype)

    def predict_log_proba(self, X: Any) -> np.ndarray:
        """Return the logarithms of `predict_proba`."""
        shares = self.predict_proba(X)
        return np.asarray(np.log(shares, out=shares))

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_label = True
        return tags
