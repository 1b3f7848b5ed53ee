"""What the classifier and the regressor of networks share: how they are trained."""

from __future__ import annotations

import warnings
from itertools import pairwise
from numbers import Integral, Real
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import train_test_split
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted

from tamis import _core, _progress
from tamis._check import validated
from tamis.exceptions import DataError, ParameterError
from tamis.models._coef import positive_weights
from tamis.models._mlp_loss import Objective
from tamis.models._mlp_train import Rows, Trainer, WholeProblem
from tamis.models._tree_base import _count, _demand, _number

__all__ = ["BaseMLP", "trains_by_batches"]

#: Of L-BFGS's steps, the share by cross entropy before a loss that forgives.
_WARM_SHARE = 0.1


class BaseMLP(BaseEstimator):
    """A network, its training by batches or by L-BFGS, and its scores."""

    coefs_: list[np.ndarray]
    intercepts_: list[np.ndarray]
    best_loss_: Any
    best_validation_score_: Any
    _best_params: Any
    _classifies = False

    def _fit(self, X: Any, y: Any, sample_weight: Any, incremental: bool) -> Any:
        hidden = self._check(incremental)
        first = not hasattr(self, "coefs_") or (not self.warm_start and not incremental)
        X, y = self._read(X, y, incremental, first)
        self._random_state = check_random_state(self.random_state)
        dtype = X.dtype if first else self.coefs_[0].dtype
        target, objective = self._target(y, dtype)
        weights = self._weights(sample_weight, X, y, incremental)
        self._loss = objective.loss
        self.n_outputs_ = self._outputs(y)
        if first:
            self._initialise([X.shape[1], *hidden, self.n_outputs_], dtype)
        rows = Rows(X, target, weights)
        if self.solver == "lbfgs":
            self._by_lbfgs(rows, objective, first)
        else:
            self._by_batches(rows.of(dtype), objective, incremental)
        if not all(np.isfinite(w).all() for w in [*self.coefs_, *self.intercepts_]):
            raise DataError(
                "Solver produced non-finite parameter weights. The input data may contain large "
                "values and need to be preprocessed."
            )
        return self

    # --- the two kinds fill these in

    def _read(self, X: Any, y: Any, incremental: bool, reset: bool) -> tuple[Any, np.ndarray]:
        raise NotImplementedError

    def _target(self, y: np.ndarray, dtype: Any) -> tuple[np.ndarray, Objective]:
        raise NotImplementedError

    def _outputs(self, y: np.ndarray) -> int:
        raise NotImplementedError

    def _out_activation(self) -> str:
        raise NotImplementedError

    def _weights(self, given: Any, X: Any, y: Any, incremental: bool) -> np.ndarray | None:
        return None if given is None else positive_weights(given, X)

    def _stratify(self, target: np.ndarray) -> np.ndarray | None:
        return None

    def _validation_score(self, scores: np.ndarray, rows: Rows, held: np.ndarray) -> float:
        raise NotImplementedError

    # --- the parameters

    def _check(self, incremental: bool) -> list[int]:
        """Check the parameters; return the sizes of the hidden layers."""
        for name, known in (
            ("activation", ("identity", "logistic", "tanh", "relu")),
            ("solver", ("lbfgs", "sgd", "adam")),
            ("learning_rate", ("constant", "invscaling", "adaptive")),
        ):
            value = getattr(self, name)
            _demand(self, name, isinstance(value, str) and value in known, f"one of {known}")
        for name in ("alpha", "power_t", "tol", "weight_decay"):
            value = getattr(self, name)
            _demand(self, name, _number(value) and np.isfinite(value), "a number from 0")
        for name in ("learning_rate_init", "epsilon"):
            value = getattr(self, name)
            _demand(self, name, _number(value) and value > 0, "a number above 0")
        for name in ("validation_fraction", "beta_1", "beta_2", "dropout"):
            value = getattr(self, name)
            _demand(self, name, _number(value) and value < 1, "a number from 0 and below 1")
        _demand(self, "momentum", _number(self.momentum) and self.momentum <= 1, "from 0 to 1")
        for name in ("max_iter", "max_fun"):
            _demand(self, name, _count(getattr(self, name), 1), "a count from 1")
        batch = self.batch_size
        good = (isinstance(batch, str) and batch == "auto") or _count(batch, 1)
        _demand(self, "batch_size", good, "'auto' or a count from 1")
        wait = self.n_iter_no_change
        good = _count(wait, 1) or (isinstance(wait, Real) and wait == np.inf)
        _demand(self, "n_iter_no_change", good, "a count from 1, or infinity")
        for name in ("shuffle", "warm_start", "nesterovs_momentum", "early_stopping"):
            good = isinstance(getattr(self, name), bool | np.bool_)
            _demand(self, name, good, "True or False")
        if self.solver == "lbfgs" and (self.dropout > 0 or self.weight_decay > 0):
            raise ParameterError("dropout and weight_decay go with the solvers 'adam' and 'sgd'")
        if incremental and self.early_stopping:
            raise ParameterError("partial_fit does not support early_stopping=True")
        return self._hidden()

    def _hidden(self) -> list[int]:
        given = self.hidden_layer_sizes
        sizes = [given] if isinstance(given, Integral) else given
        try:
            hidden = [int(size) for size in sizes]
            good = all(isinstance(size, Integral) for size in sizes) and min(hidden, default=1) > 0
        except (TypeError, ValueError):
            good = False
        if not good:
            raise ParameterError(f"hidden_layer_sizes must be > 0, got {given!r}.")
        return hidden

    def _initialise(self, widths: list[int], dtype: Any) -> None:
        """Draw weights as scikit-learn does (Glorot and Bengio), and forget what was learnt."""
        self.n_iter_ = self.t_ = 0
        self.n_layers_ = len(widths)
        self.out_activation_ = self._out_activation()
        self.coefs_, self.intercepts_ = [], []
        factor = 2.0 if self.activation == "logistic" else 6.0
        for n_in, n_out in pairwise(widths):
            bound = np.sqrt(factor / (n_in + n_out))
            draw = self._random_state.uniform
            self.coefs_.append(draw(-bound, bound, (n_in, n_out)).astype(dtype, copy=False))
            self.intercepts_.append(draw(-bound, bound, n_out).astype(dtype, copy=False))
        self._memory = None
        if self.solver != "lbfgs":
            self.loss_curve_: list[float] = []
            self._no_improvement_count = 0
            early = self.early_stopping
            self._best_params = self._params() if early else None
            self.validation_scores_: list[float] | None = [] if early else None
            self.best_validation_score_ = -np.inf if early else None
            self.best_loss_ = None if early else np.inf

    def _params(self) -> np.ndarray:
        return np.concatenate([np.ravel(w) for w in [*self.coefs_, *self.intercepts_]])

    def _set_params(self, params: np.ndarray) -> None:
        start = 0
        for kind in (self.coefs_, self.intercepts_):
            for k, old in enumerate(kind):
                kind[k] = params[start : start + old.size].reshape(old.shape).copy()
                start += old.size

    def _widths(self) -> list[int]:
        return [len(self.coefs_[0]), *(np.shape(w)[1] for w in self.coefs_)]

    def _network(self, objective: Objective, params: np.ndarray, memory: Any) -> Any:
        """Return the network as the kernel trains it."""
        adam = ("adam", float(self.beta_1), float(self.beta_2), float(self.epsilon))
        sgd = ("sgd", float(self.momentum), float(self.nesterovs_momentum), 0.0)
        return _core.Perceptron(
            params,
            self._widths(),
            self.activation,
            loss=objective.spec or ("squared_error", [], []),
            output=objective.output if objective.spec else (True, 1.0, None),
            solver=sgd if self.solver == "sgd" else adam,
            alpha=float(self.alpha),
            weight_decay=float(self.weight_decay),
            dropout=float(self.dropout),
            seed=int(self._random_state.randint(2**31 - 1)) if self.dropout > 0 else 0,
            memory=memory,
        )

    # --- batches

    def _by_batches(self, rows: Rows, objective: Objective, incremental: bool) -> None:
        train, held = self._split(rows)
        batch = self._batch(len(train))
        fresh = not incremental or getattr(self, "_memory", None) is None
        if fresh:
            self._memory, self._rate = None, float(self.learning_rate_init)
        trainer = Trainer(self, rows, objective, batch)
        order = np.arange(len(train))
        epochs = 1 if incremental else int(self.max_iter)
        self.n_iter_ = 0
        try:
            with _progress.bar(epochs, type(self).__name__, None if epochs > 1 else False) as bar:
                for _ in range(epochs):
                    if self.shuffle:
                        turn = np.arange(len(train))
                        self._random_state.shuffle(turn)
                        order = order[turn]
                    summed = trainer.epoch(train[order], self._rate)
                    bar.update()
                    if self._after_epoch(summed, trainer, held, len(train)):
                        break
                else:
                    if not incremental:
                        warnings.warn(
                            f"Stochastic Optimizer: Maximum iterations ({self.max_iter}) reached "
                            "and the optimization hasn't converged yet.",
                            ConvergenceWarning,
                            stacklevel=4,
                        )
        except KeyboardInterrupt:
            warnings.warn("Training interrupted by user.", stacklevel=4)
        self._memory = trainer.net.memory()
        self._set_params(trainer.net.params() if held is None else self._best_params)

    def _split(self, rows: Rows) -> tuple[np.ndarray, np.ndarray | None]:
        """Return the rows to train on and those to stop by."""
        every = np.arange(rows.n)
        if not self.early_stopping:
            return every, None
        train, held = train_test_split(
            every,
            random_state=self._random_state,
            test_size=self.validation_fraction,
            stratify=self._stratify(rows.target),
        )
        if len(held) < 2:
            raise DataError(
                "The validation set is too small. Increase 'validation_fraction' or the size of "
                "your dataset."
            )
        return train, held

    def _batch(self, n: int) -> int:
        if isinstance(self.batch_size, str):
            return min(200, n)
        if self.batch_size > n:
            warnings.warn(
                "Got `batch_size` less than 1 or larger than sample size. It is going to be "
                "clipped",
                stacklevel=5,
            )
        return int(min(self.batch_size, n))

    def _after_epoch(self, summed: float, trainer: Any, held: Any, n: int) -> bool:
        """Take an epoch into account; return whether it was the last."""
        self.n_iter_ += 1
        self.t_ += n
        self.loss_ = summed / n
        self.loss_curve_.append(self.loss_)
        if self.verbose:
            print(f"Iteration {self.n_iter_}, loss = {self.loss_:.8f}")
        better = self._judge_loss() if held is None else self._judge_held(trainer, held)
        self._no_improvement_count = 0 if better else self._no_improvement_count + 1
        if self.solver == "sgd" and self.learning_rate == "invscaling":
            self._rate = self.learning_rate_init / (self.t_ + 1) ** self.power_t
        if not self._no_improvement_count > self.n_iter_no_change:
            return False
        what = "Training loss" if held is None else "Validation score"
        text = (
            f"{what} did not improve more than tol={self.tol:f} for {self.n_iter_no_change} "
            "consecutive epochs."
        )
        adaptive = self.solver == "sgd" and self.learning_rate == "adaptive"
        if adaptive and self._rate > 1e-6:
            self._rate /= 5.0
            text += f" Setting learning rate to {self._rate:f}"
            self._no_improvement_count = 0
        else:
            text += " Learning rate too small. Stopping." if adaptive else " Stopping."
        if self.verbose:
            print(text)
        return self._no_improvement_count > 0

    def _judge_loss(self) -> bool:
        better = not self.loss_ > self.best_loss_ - self.tol
        self.best_loss_ = min(self.loss_, self.best_loss_)
        return better

    def _judge_held(self, trainer: Any, held: np.ndarray) -> bool:
        params = trainer.net.params()
        score = self._validation_score(trainer.scores(params, held), trainer.rows, held)
        self.validation_scores_.append(score)  # type: ignore[union-attr]
        if self.verbose:
            print(f"Validation score: {score:f}")
        better = not score < self.best_validation_score_ + self.tol
        if score > self.best_validation_score_:
            self.best_validation_score_, self._best_params = score, params
        return better

    # --- all rows at once

    def _by_lbfgs(self, rows: Rows, objective: Objective, first: bool) -> None:
        """Minimise by SciPy's L-BFGS-B, as scikit-learn does, in float64."""
        rows, dtypes = rows.of(np.float64), [w.dtype for w in [*self.coefs_, *self.intercepts_]]
        problem = WholeProblem(self, rows, objective)
        flat, steps = self._params().astype(np.float64), int(self.max_iter)
        if first and objective.start is not None:
            start = WholeProblem(self, rows, objective.start)
            flat = start.solve(flat, max(1, int(steps * _WARM_SHARE)), self.max_fun, self.tol).x
        found = problem.solve(flat, steps, self.max_fun, self.tol)
        self.n_iter_ = min(int(found.nit), steps)
        if found.status != 0:
            warnings.warn(
                f"lbfgs failed to converge after {self.n_iter_} iteration(s) (status="
                f"{found.status}):\n{found.message}\n\nraise max_iter (max_iter={steps}), or scale "
                "the columns",
                ConvergenceWarning,
                stacklevel=4,
            )
        self.loss_ = float(found.fun)
        self._set_params(found.x)
        kept = [w.astype(d) for w, d in zip([*self.coefs_, *self.intercepts_], dtypes, strict=True)]
        self.coefs_, self.intercepts_ = kept[: len(self.coefs_)], kept[len(self.coefs_) :]

    # --- scores

    def _scores(self, X: Any) -> np.ndarray:
        """Return what the last layer says of rows, before its activation."""
        check_is_fitted(self, "coefs_")
        X = validated(
            self, X, reset=False, accept_sparse=["csr", "csc"], dtype=(np.float64, np.float32)
        )
        params = self._params()
        dtype = np.float32 if X.dtype == params.dtype == np.float32 else np.float64
        rows = Rows(X, None, None).of(dtype)
        return rows.scores(self, params.astype(dtype, copy=False), None)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags


def trains_by_batches(model: Any) -> bool:
    """Return True; AttributeError, which hides a method, for "lbfgs"."""
    if model.solver not in ("sgd", "adam"):
        raise AttributeError(
            "partial_fit is only available for stochastic optimizers. "
            f"{model.solver} is not stochastic."
        )
    return True
