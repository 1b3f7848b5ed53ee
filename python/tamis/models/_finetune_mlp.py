"""Networks pulled towards the weights they came with."""

from __future__ import annotations

import copy
import warnings
from typing import Any

import numpy as np
from scipy import optimize
from sklearn.base import clone, is_classifier
from sklearn.exceptions import ConvergenceWarning

from tamis._check import validated
from tamis.exceptions import ParameterError
from tamis.models._finetune_base import Tuner
from tamis.models._mlp import MLPClassifier
from tamis.models._mlp_loss import Objective, class_objective, number_objective
from tamis.models._mlp_numbers import MLPRegressor
from tamis.models._mlp_train import Rows, WholeProblem

__all__ = ["MLPTuner"]

#: Pulls tried by ``strength="auto"``, as multiples of the rows' weight.
_PULLS = tuple(10.0 ** np.arange(0.5, -3.1, -0.5))
#: Steps of L-BFGS for a pull, each from the weights of the stronger one, and the gradient of the
#: mean loss to stop at.
_STEPS = 100
_GOAL = 1e-5
#: The biases of the scores are free, but for this.
_FREE = 1e-3


class MLPTuner(Tuner):
    """The path of a network over pulls towards its weights, and a network from scratch.

    Minimises ``sum(loss) + pull / 2 * sum((weights - source)**2)`` over all weights and biases but
    those of the scores, which are free (L2-SP), by L-BFGS from the source on. A candidate is a
    pull; `None` is a network fitted to the new rows alone, as the source was.
    """

    @staticmethod
    def suits(model: Any) -> bool:
        """Return whether the model is a network, of ours or scikit-learn's."""
        return type(model).__name__ in ("MLPClassifier", "MLPRegressor") and hasattr(
            model, "coefs_"
        )

    def __init__(self, model: Any, loss: Any, seed: int) -> None:
        self.model, self.seed = model, seed
        self.classifies = is_classifier(model)
        self.likelihood = self.classifies
        self.classes = np.asarray(model.classes_) if self.classifies else None
        if model.n_outputs_ > 1 and model.out_activation_ != "softmax":
            raise ParameterError("a network of several labels or targets cannot be fine-tuned")
        if loss is None:
            loss = getattr(model, "loss", None) or "squared_error"
        self.loss = loss
        self.net = _worker(model)
        self.source = self.net._params()

    def read(self, X: Any) -> Any:
        """Return X checked against what the model was fitted on."""
        return validated(self.model, X, reset=False, dtype=np.float64, accept_sparse="csr")

    def candidates(self, strength: Any, total: float) -> list[float | None]:
        """Return the pulls, the strongest first, for rows of weight `total`."""
        if strength != "auto":
            return [float(strength)]
        return [np.inf, *(total * pull for pull in _PULLS), None]

    def name(self, candidate: float | None) -> str:
        """Return a candidate in words."""
        if candidate is None:
            return "from scratch"
        if candidate == np.inf:
            return "source, biases of the scores refitted"
        return f"pull {candidate:.3g} to the source"

    def _objective(self, y: np.ndarray) -> Objective:
        if self.classes is None:
            return number_objective(self.loss, 1)
        return class_objective(self.loss, y[:, None], len(self.classes), False, np.float64)

    def path(self, X: Any, y: np.ndarray, weight: np.ndarray, candidates: list) -> list:
        """Return the parameters for each candidate, each starting at the one before."""
        rows = Rows(X, y.astype(np.float64)[:, None], weight)
        objective, at = self._objective(y), self.source
        out = []
        for pull in candidates:
            if pull is not None:
                at = self._pulled(rows, objective, pull, at)
            # A network from scratch would not know an absent class: the weakest pull stands in.
            known = self.classes is None or len(np.unique(y)) == len(self.classes)
            out.append(self._scratch(X, y, weight) if pull is None and known else at)
        return out

    def _pulled(self, rows: Rows, objective: Objective, pull: float, at: np.ndarray) -> np.ndarray:
        last = self.net.intercepts_[-1].size
        pulls = np.full(len(at), 0.0 if np.isinf(pull) else pull)
        pulls[-last:] = _FREE
        problem = WholeProblem(self.net, rows, objective, 0.0, pulls, self.source)
        free = slice(-last, None) if np.isinf(pull) else slice(None)

        def look(part: np.ndarray) -> tuple[float, np.ndarray]:
            whole = at.copy()
            whole[free] = part
            value, slopes = problem.look(whole)
            return value, slopes[free]

        options = {"maxiter": _STEPS, "gtol": _GOAL, "ftol": 1e-9}
        found = optimize.minimize(look, at[free], jac=True, method="L-BFGS-B", options=options)
        moved = at.copy()
        moved[free] = found.x
        return moved

    def _scratch(self, X: Any, y: np.ndarray, weight: np.ndarray) -> np.ndarray:
        fresh = clone(self.model).set_params(warm_start=False, random_state=self.seed % 2**32)
        target = y if self.classes is None else self.classes[y]
        even = bool((weight == weight[0]).all())
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            fresh.fit(X, target, sample_weight=None if even else weight)
        return _worker(fresh)._params()

    def scores(self, fitted: list, X: Any) -> np.ndarray:
        """Return the raw scores of each candidate, shape (n_candidates, n_rows[, n_classes])."""
        rows = Rows(X, None, None)
        said = np.stack([rows.scores(self.net, params, None) for params in fitted])
        return said[:, :, 0] if said.shape[2] == 1 else said

    def losses_of(self, scores: np.ndarray, y: np.ndarray) -> np.ndarray:
        """Return the loss of each row for each candidate."""
        if isinstance(self.loss, str) and self.loss == "poisson":
            return np.exp(scores) - y * scores
        loss = self._objective(y).loss
        if loss is None:
            from tamis.losses import get

            loss = get("cross_entropy" if self.classifies else "squared_error")
        return np.stack([loss.value(y, one) for one in scores])

    def combine(self, fitted: list, weights: np.ndarray) -> Any:
        """Return the network of the heaviest candidate: a mean of weights is no mean of scores."""
        model = copy.deepcopy(self.model)
        net = _worker(model)
        net._set_params(fitted[int(np.argmax(weights))])
        kinds = (("coefs_", net.coefs_), ("intercepts_", net.intercepts_))
        for name, made in kinds:
            old = getattr(model, name)
            setattr(model, name, [new.astype(w.dtype) for new, w in zip(made, old, strict=True)])
        model.__dict__.pop("_optimizer", None)  # the memory of steps that led elsewhere
        model.__dict__.pop("_memory", None)
        return model


def _worker(model: Any) -> Any:
    """Return a network of ours in float64 with the model's weights."""
    kind = MLPClassifier if is_classifier(model) else MLPRegressor
    net = kind(activation=model.activation, n_jobs=getattr(model, "n_jobs", None))
    net.coefs_ = [np.array(w, dtype=np.float64) for w in model.coefs_]
    net.intercepts_ = [np.array(w, dtype=np.float64) for w in model.intercepts_]
    return net
