"""Linear models by stochastic gradient descent."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.special import expit
from sklearn.base import ClassifierMixin
from sklearn.utils import check_random_state
from sklearn.utils.class_weight import compute_class_weight
from sklearn.utils.metaestimators import available_if
from sklearn.utils.multiclass import check_classification_targets

from tamis._threads import resolve
from tamis.exceptions import DataError, ParameterError
from tamis.models._bayes import first_call, known_codes
from tamis.models._coef import LinearClassMixin, positive_weights
from tamis.models._sgd_base import MAX_INT, Problems, StochasticGradientDescent

__all__ = ["SGDClassifier"]


def _gives_probabilities(model: Any) -> bool:
    if model.loss in ("log_loss", "modified_huber"):
        return True
    loss = model._loss_object()
    from tamis.losses import Hinge, SquaredHinge

    if not getattr(loss, "classifies", False) or isinstance(loss, Hinge | SquaredHinge):
        raise AttributeError(f"probability estimates are not available for loss={model.loss!r}")
    return True


class SGDClassifier(ClassifierMixin, LinearClassMixin, StochasticGradientDescent):
    """Linear classifiers (SVM, logistic regression, ...) by stochastic gradient descent.

    A drop-in for scikit-learn's class of this name: the same steps in the same order of rows, so
    the same coefficients up to rounding, about twice as fast; and any loss.

    Parameters
    ----------
    loss : str or object, default="hinge"
        "hinge", "log_loss", "modified_huber", "squared_hinge", "perceptron", or a loss of numbers
        ("squared_error", "huber", "epsilon_insensitive", "squared_epsilon_insensitive") on -1 and
        1. Beside these a loss by its name in `tamis.losses` ("gce", "sce", "focal",
        "class_balanced", "label_smoothed", ...), one of its objects, or a loss of one's own with
        `value` and `gradient`. "gce" and "sce", which forgive wrong labels, go on from a fit by
        cross entropy.
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
        End when the mean objective of an epoch (the score of the rows held out, with
        `early_stopping`) has not improved by as much for `n_iter_no_change` epochs; None goes all
        epochs.
    shuffle : bool, default=True
        Whether rows are shuffled before each epoch.
    verbose : int, default=0
        Kept for scikit-learn's sake.
    epsilon : float, default=0.1
        The error from which on "huber" is a line, and below which the insensitive losses are 0.
    n_jobs : int, optional
        Threads, over the classes; None uses all cores, 1 in a worker process.
    random_state : int or RandomState, optional
        Seed of the order of rows and of those held out.
    learning_rate : str, default="optimal"
        "constant" (`eta0`), "optimal" (``1 / (alpha * (t0 + t))``), "invscaling"
        (``eta0 / t**power_t``), "adaptive" (`eta0`, a fifth when nothing is gained), "pa1" or "pa2"
        (passive-aggressive, of hinge).
    eta0 : float, default=0.01
        The first step; the aggressiveness of "pa1" and "pa2".
    power_t : float, default=0.5
        The power of "invscaling".
    early_stopping : bool, default=False
        Whether to hold out rows and end when their score improves no more.
    validation_fraction : float, default=0.1
        The share of the rows held out.
    n_iter_no_change : int, default=5
        Epochs without an improvement before the end.
    class_weight : dict or "balanced", optional
        Weights of the classes.
    warm_start : bool, default=False
        Start from the coefficients of the fit before.
    average : bool or int, default=False
        Whether coefficients are the means over all steps; a number is the first step that counts.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
    coef_ : ndarray of shape (1 or n_classes, n_features)
    intercept_ : ndarray of shape (1 or n_classes,)
    n_iter_ : int
        Epochs made, the most of any class.
    t_ : float
        Steps made, and one.
    loss_ : object or None
        The loss of `tamis.losses` or of one's own, with what it takes from the training classes.
    n_features_in_ : int
    feature_names_in_ : ndarray of str

    Notes
    -----
    More than two classes are one problem each against the rest. A class weight of a loss
    (``CrossEntropy(class_weight=...)``) counts for the rows of that class in every problem.

    A loss of one's own is called for 32 rows at once: ``value(y, score)`` and
    ``gradient(y, score)`` with class codes 0 and 1 (1 is the class in question) and raw scores of
    shape (n_rows,). The slopes are those of the weights before the first of these rows, so that it
    is descent by small batches, whose steps are still made row by row.

    `predict_proba` goes with "log_loss", "modified_huber" and the losses of `tamis.losses` that
    stand for probabilities (focal is recalibrated).

    What differs from scikit-learn: on sparse rows the objective that ends the fit counts all
    coefficients (there, those of the last row's columns), so that `n_iter_` may differ; with
    `early_stopping` the score is that of the scaled weights, and right for "log_loss"; means over
    the steps with an L1 penalty are exact, and `partial_fit` goes on from the last step's
    intercept where it averages (there, from an old one); sums are in double precision for float32
    too; labels that are not in `classes` are an error; `sample_weight` must not be negative.

    References
    ----------
    Bottou (2012), Stochastic gradient descent tricks.
    Tsuruoka, Tsujii and Ananiadou (2009), Stochastic gradient descent training for L1-regularized
    log-linear models with cumulative penalty.
    Xu (2011), Towards optimal one pass large scale learning with averaged SGD.
    Crammer et al. (2006), Online passive-aggressive algorithms.

    Examples
    --------
    >>> import numpy as np
    >>> from tamis.models import SGDClassifier
    >>> X = np.array([[-1.0, -1.0], [-2.0, -1.0], [1.0, 1.0], [2.0, 1.0]])
    >>> model = SGDClassifier(random_state=0).fit(X, ["no", "no", "yes", "yes"])
    >>> model.predict([[-0.8, -1.0], [3.0, 2.0]])
    array(['no', 'yes'], dtype='<U3')
    >>> SGDClassifier("gce", random_state=0).fit(X, [0, 0, 1, 1]).predict_proba(X).shape
    (4, 2)
    """

    _known = (
        "hinge",
        "squared_hinge",
        "perceptron",
        "log_loss",
        "modified_huber",
        "squared_error",
        "huber",
        "epsilon_insensitive",
        "squared_epsilon_insensitive",
    )
    _aggressive = "hinge"

    def __init__(
        self,
        loss: Any = "hinge",
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
        n_jobs: int | None = None,
        random_state: Any = None,
        learning_rate: str = "optimal",
        eta0: float = 0.01,
        power_t: float = 0.5,
        early_stopping: bool = False,
        validation_fraction: float = 0.1,
        n_iter_no_change: int = 5,
        class_weight: Any = None,
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
        self.n_jobs = n_jobs
        self.random_state = random_state
        self.learning_rate = learning_rate
        self.eta0 = eta0
        self.power_t = power_t
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.n_iter_no_change = n_iter_no_change
        self.class_weight = class_weight
        self.warm_start = warm_start
        self.average = average

    def fit(
        self,
        X: Any,
        y: Any,
        coef_init: Any = None,
        intercept_init: Any = None,
        sample_weight: Any = None,
    ) -> SGDClassifier:
        """Fit the model.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)
            Finite numbers; float32 stays float32.
        y : array-like of shape (n_samples,)
            Classes.
        coef_init : array-like of shape (n_classes, n_features), optional
            Coefficients to start from.
        intercept_init : array-like of shape (n_classes,), optional
            Intercepts to start from.
        sample_weight : array-like of shape (n_samples,), optional

        Returns
        -------
        SGDClassifier

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
        loss = self._loss_object()
        X, y = self._rows(X, y, True)
        check_classification_targets(y)
        classes = np.unique(y)
        if self.warm_start and getattr(self, "coef_", None) is not None:
            self.densify()
            coef_init = self.coef_ if coef_init is None else coef_init
            intercept_init = self.intercept_ if intercept_init is None else intercept_init
        shape = _shape(classes, X)
        start = self._begin(shape, coef_init, intercept_init, fresh=True)
        self.classes_, self.loss_ = classes, loss
        self.t_, self._skipped = 1.0, 0.0
        return self._go(X, y, sample_weight, start, partial=False)

    def partial_fit(
        self, X: Any, y: Any, classes: Any = None, sample_weight: Any = None
    ) -> SGDClassifier:
        """Go on for one epoch over further rows.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)
        y : array-like of shape (n_samples,)
        classes : array-like of shape (n_classes,), optional
            All classes there are; needed on the first call.
        sample_weight : array-like of shape (n_samples,), optional

        Returns
        -------
        SGDClassifier
        """
        self._check(partial=True)
        if isinstance(self.class_weight, str):
            raise ParameterError(
                f"class_weight '{self.class_weight}' is not supported for partial_fit. In order to "
                "use 'balanced' weights, use compute_class_weight('balanced', classes=classes, "
                "y=y) on a sample that is large enough, and pass the result as class_weight"
            )
        loss = self._loss_object()
        X, y = self._rows(X, y, not hasattr(self, "classes_"))
        if first_call(self, classes):
            self.loss_ = loss
            self.t_, self._skipped = 1.0, 0.0
        start = self._begin(_shape(self.classes_, X), None, None, fresh=False)
        return self._go(X, y, sample_weight, start, partial=True)

    def _go(self, X: Any, y: Any, sample_weight: Any, start: Any, partial: bool) -> SGDClassifier:
        codes, k = known_codes(y, self.classes_), len(self.classes_)
        by_class = compute_class_weight(self.class_weight, classes=self.classes_, y=y)
        weights = positive_weights(sample_weight, X)
        if hasattr(self.loss_, "prepared"):
            self.loss_ = self.loss_.prepared(codes, k)
        if hasattr(self.loss_, "_spec") and len(self.loss_._spec()[2]):
            own = np.asarray(self.loss_._spec()[2])
            if len(own) != k:
                raise ParameterError(f"the loss has {len(own)} class weights for {k} classes")
            weights = weights * own[codes]
        # Drawn in scikit-learn's order, in which each problem draws one number that is not used.
        state = check_random_state(self.random_state)
        if k == 2:
            state.randint(1, MAX_INT)
            held = self._held(codes, weights)
            seeds = [int(state.randint(MAX_INT))]
            sides = np.array([[by_class[1], by_class[0]]])
        else:
            held = self._held(codes, weights)
            each = [check_random_state(seed) for seed in state.randint(MAX_INT, size=k)]
            seeds = [(one.randint(1, MAX_INT), int(one.randint(MAX_INT)))[1] for one in each]
            sides = np.column_stack([by_class, np.ones(k)])
        rows = Problems(codes.astype(np.float64), weights, sides, held, seeds)
        self.coef_, self.intercept_ = self._descend(X, rows, start, resolve(self.n_jobs), partial)
        return self

    @available_if(_gives_probabilities)
    def predict_proba(self, X: Any) -> np.ndarray:
        """Return the probability of each class, shape (n_samples, n_classes).

        Of more than two classes each is told from the rest, then all are divided by their sum.
        """
        scores = self.decision_function(X)
        flat = scores.reshape(-1)
        if self.loss == "modified_huber":
            own = (np.clip(flat, -1, 1) + 1) / 2
        elif self.loss == "log_loss":
            own = expit(flat)
        else:
            own = self.loss_.probabilities(flat)[:, 1].astype(flat.dtype)
        if scores.ndim == 1:
            return np.column_stack([1 - own, own])
        shares = own.reshape(scores.shape)
        total = shares.sum(axis=1, keepdims=True)
        return np.where(total > 0, shares / np.where(total > 0, total, 1), 1 / scores.shape[1])

    @available_if(_gives_probabilities)
    def predict_log_proba(self, X: Any) -> np.ndarray:
        """Return the logarithms of `predict_proba`."""
        with np.errstate(divide="ignore"):
            return np.log(self.predict_proba(X))


def _shape(classes: np.ndarray, X: Any) -> tuple[int, int]:
    """Return the shape of the coefficients."""
    if len(classes) < 2:
        raise DataError(
            f"The number of classes has to be greater than one; got {len(classes)} class"
        )
    return (1 if len(classes) == 2 else len(classes)), X.shape[1]
