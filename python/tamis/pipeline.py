"""A pipeline whose steps may change the rows while fitting, and are skipped when predicting."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, clone
from sklearn.pipeline import Pipeline as _SkPipeline
from sklearn.utils import Bunch
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted, has_fit_parameter

from tamis.exceptions import ParameterError

__all__ = ["Pipeline", "make_pipeline"]


def _last_has(name: str) -> Any:
    """Let a method exist when the last step has it, as scikit-learn's pipeline does."""

    def check(self: Pipeline) -> bool:
        getattr(self.steps[-1][1], name)
        return True

    return available_if(check)


def resamples(step: Any) -> bool:
    """Return whether a step changes rows: it has `fit_resample` and no `transform`."""
    return hasattr(step, "fit_resample") and not hasattr(step, "transform")


class Pipeline(BaseEstimator):
    """Chain of transformers and resamplers with a final estimator.

    Like scikit-learn's Pipeline, except that a step with ``fit_resample`` (and no ``transform``)
    changes the rows when fitting, the target and everything else given by row with them, and is
    skipped when predicting: new rows are never dropped. Where such a step makes weights of the rows
    (``sample_weight_``, as LabelCleaner does), the last step is fitted with them.

    Parameters
    ----------
    steps : list of (str, estimator)
        Names and steps, in order. A step may be ``"passthrough"`` or None. They are cloned when
        fitting; the pipeline's own are replaced by the fitted ones, as in scikit-learn.

    Attributes
    ----------
    named_steps : Bunch
        The steps by name.
    classes_ : ndarray of shape (n_classes,)
        The classes, when the last step is a classifier.

    Examples
    --------
    >>> import numpy as np
    >>> from tamis.pipeline import Pipeline
    >>> from sklearn.linear_model import Ridge
    >>> from tamis.dedup import RowDeduplicator
    >>> X = np.array([[0.0], [1.0], [1.0], [2.0]])
    >>> model = Pipeline([("duplicates", RowDeduplicator()), ("model", Ridge(alpha=0.0))])
    >>> model.fit(X, [0.0, 1.0, 1.0, 2.0]).predict([[3.0]]).round(6)
    array([3.])
    """

    def __init__(self, steps: list[tuple[str, Any]]) -> None:
        self.steps = steps

    # --- parameters ----------------------------------------------------------------------------

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Return the parameters; with `deep`, those of the steps as ``step__name`` too."""
        params: dict[str, Any] = {"steps": self.steps}
        if deep:
            for name, step in self.steps:
                params[name] = step
                if hasattr(step, "get_params"):
                    params.update({f"{name}__{k}": v for k, v in step.get_params().items()})
        return params

    def set_params(self, **params: Any) -> Pipeline:
        """Set parameters: ``steps``, a whole step by its name, or ``step__name``."""
        if "steps" in params:
            self.steps = params.pop("steps")
        nested: dict[str, dict[str, Any]] = {}
        for key, value in params.items():
            name, _, rest = key.partition("__")
            if name not in dict(self.steps):
                known = ", ".join(n for n, _ in self.steps)
                raise ParameterError(f"no step named {name!r} in this pipeline (it has {known})")
            if rest:
                nested.setdefault(name, {})[rest] = value
            else:
                self.steps = [(n, value if n == name else s) for n, s in self.steps]
        for name, inner in nested.items():
            dict(self.steps)[name].set_params(**inner)
        return self

    # --- fitting -------------------------------------------------------------------------------

    def _check_steps(self) -> None:
        names = [name for name, _ in self.steps]
        if not names:
            raise ParameterError("a pipeline needs at least one step")
        if len(set(names)) < len(names) or any("__" in n or n == "steps" for n in names):
            raise ParameterError(f"step names must differ and hold no '__': got {names}")
        for name, step in self.steps[:-1]:
            ok = _idle(step) or resamples(step) or hasattr(step, "transform")
            if not ok:
                raise ParameterError(f"step {name!r} ({step!r}) has no transform or fit_resample")

    def _fit_before_last(self, X: Any, y: Any, params: dict[str, Any]) -> tuple:
        """Fit all steps but the last; return the rows and parameters that reach the last one."""
        self._check_steps()
        by_step: dict[str, dict[str, Any]] = {name: {} for name, _ in self.steps}
        for key, value in params.items():
            name, _, rest = key.partition("__")
            if name not in by_step or not rest:
                raise ParameterError(f"pass {key!r} as step__{key}, so that its step is known")
            by_step[name][rest] = value
        steps = list(self.steps)
        for place, (name, step) in enumerate(steps[:-1]):
            if _idle(step):
                continue
            fresh = clone(step)
            if resamples(fresh):
                later = [n for n, _ in steps[place + 1 :]]
                X, y, by_step = _resample(fresh, X, y, by_step[name], by_step, later)
                self._check_weights(name, fresh)
            elif hasattr(fresh, "fit_transform"):
                X = fresh.fit_transform(X, y, **by_step[name])
            else:
                X = fresh.fit(X, y, **by_step[name]).transform(X)
            steps[place] = (name, fresh)
        self.steps = steps
        return X, y, by_step[steps[-1][0]]

    def _check_weights(self, name: str, step: Any) -> None:
        """Refuse weights made by a step where the last one takes none."""
        last = self.steps[-1][1]
        if not hasattr(step, "sample_weight_"):
            return
        if _idle(last) or not has_fit_parameter(last, "sample_weight"):
            raise ParameterError(
                f"step {name!r} gives weights, but {type(last).__name__} takes no sample_weight: "
                "choose another action of the step, or another model"
            )

    def _set_last(self, fitted: Any) -> None:
        self.steps = [*self.steps[:-1], (self.steps[-1][0], fitted)]

    def fit(self, X: Any, y: Any = None, **params: Any) -> Pipeline:
        """Fit the steps in order.

        Parameters
        ----------
        X : frame or array of shape (n_rows, n_columns)
            Training rows.
        y : array-like of shape (n_rows,), optional
            Target.
        **params : object
            ``step__name=value``. Values given by row stay aligned when rows are dropped; those of a
            step that changes rows go to its ``fit_resample``.

        Returns
        -------
        Pipeline
        """
        X, y, last = self._fit_before_last(X, y, params)
        if not _idle(self.steps[-1][1]):
            self._set_last(clone(self.steps[-1][1]).fit(X, y, **last))
        return self

    def fit_transform(self, X: Any, y: Any = None, **params: Any) -> Any:
        """Fit the steps and return the transformed training rows (those that stay)."""
        X, y, last = self._fit_before_last(X, y, params)
        step = self.steps[-1][1]
        if _idle(step):
            return X
        step = clone(step)
        if hasattr(step, "fit_transform"):
            X = step.fit_transform(X, y, **last)
        else:
            X = step.fit(X, y, **last).transform(X)
        self._set_last(step)
        return X

    # --- using ---------------------------------------------------------------------------------

    def _without_resamplers(self) -> _SkPipeline:
        """Return the fitted steps that act on new rows, as scikit-learn's pipeline."""
        check_is_fitted(self)
        last = [self.steps[-1]]
        return _SkPipeline([s for s in self.steps[:-1] if not resamples(s[1])] + last)

    def __sklearn_is_fitted__(self) -> bool:
        last = [s for _, s in self.steps if not _idle(s)][-1:]
        try:
            for step in last:
                check_is_fitted(step)
        except Exception:  # NotFittedError of whatever library the step is from
            return False
        return True

    @_last_has("predict")
    def predict(self, X: Any, **params: Any) -> np.ndarray:
        """Return the last step's prediction of every row."""
        return self._without_resamplers().predict(X, **params)

    @_last_has("predict_proba")
    def predict_proba(self, X: Any) -> np.ndarray:
        """Return the probability of every class, shape (n_rows, n_classes)."""
        return self._without_resamplers().predict_proba(X)

    @_last_has("predict_log_proba")
    def predict_log_proba(self, X: Any) -> np.ndarray:
        """Return the logarithms of `predict_proba`."""
        return self._without_resamplers().predict_log_proba(X)

    @_last_has("decision_function")
    def decision_function(self, X: Any) -> np.ndarray:
        """Return the last step's decision values."""
        return self._without_resamplers().decision_function(X)

    @_last_has("score")
    def score(self, X: Any, y: Any = None) -> float:
        """Return the last step's own score on the rows, none of them dropped."""
        return self._without_resamplers().score(X, y)

    @available_if(lambda self: all(_idle(s) or hasattr(s, "transform") for _, s in self.steps[-1:]))
    def transform(self, X: Any) -> Any:
        """Return the rows transformed; no row is dropped."""
        return self._without_resamplers().transform(X)

    # --- looking -------------------------------------------------------------------------------

    @property
    def named_steps(self) -> Bunch:
        """The steps by name."""
        return Bunch(**dict(self.steps))

    @property
    def classes_(self) -> np.ndarray:
        """The classes of the last step."""
        return self.steps[-1][1].classes_

    @property
    def n_features_in_(self) -> int:
        """How many columns the first step saw when fitting."""
        return self._first_seen("n_features_in_")

    @property
    def feature_names_in_(self) -> np.ndarray:
        """The names of the columns that the first step saw when fitting."""
        return self._first_seen("feature_names_in_")

    def _first_seen(self, name: str) -> Any:
        for _, step in self.steps:
            if not _idle(step):
                return getattr(step, name)
        raise AttributeError(name)

    def __len__(self) -> int:
        return len(self.steps)

    def __getitem__(self, key: str | int) -> Any:
        return dict(self.steps)[key] if isinstance(key, str) else self.steps[key][1]

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        last: Any = self.steps[-1][1] if self.steps else None
        if hasattr(last, "__sklearn_tags__"):
            theirs = last.__sklearn_tags__()
            tags.estimator_type = theirs.estimator_type
            tags.classifier_tags = theirs.classifier_tags
            tags.regressor_tags = theirs.regressor_tags
            tags.target_tags = theirs.target_tags
        first: Any = self.steps[0][1] if self.steps else None
        if hasattr(first, "__sklearn_tags__"):
            tags.input_tags = first.__sklearn_tags__().input_tags
        return tags


def make_pipeline(*steps: Any) -> Pipeline:
    """Return a pipeline whose steps are named after their classes.

    Examples
    --------
    >>> from sklearn.preprocessing import StandardScaler
    >>> from tamis.pipeline import make_pipeline
    >>> [name for name, _ in make_pipeline(StandardScaler(), StandardScaler()).steps]
    ['standardscaler-1', 'standardscaler-2']
    """
    names = [s if isinstance(s, str) else type(s).__name__.lower() for s in steps]
    numbered = [
        f"{n}-{names[: i + 1].count(n)}" if names.count(n) > 1 else n for i, n in enumerate(names)
    ]
    return Pipeline(list(zip(numbered, steps, strict=True)))


def _idle(step: Any) -> bool:
    return step is None or (isinstance(step, str) and step == "passthrough")


def _resample(
    step: Any,
    X: Any,
    y: Any,
    given: dict[str, Any],
    by_step: dict[str, dict[str, Any]],
    later: list[str],
) -> tuple:
    """Resample the rows, and with them what later steps were given by row.

    Weights that the step makes reach the last step, times those that it was given.
    """
    n_rows = X.shape[0] if hasattr(X, "shape") else len(X)
    out = step.fit_resample(X, y, **given)
    for name in later:
        for key, value in by_step[name].items():
            if np.ndim(value) >= 1 and len(value) == n_rows:
                by_step[name][key] = np.asarray(value)[_rows_of(step)]
    weights = getattr(step, "sample_weight_", None)
    if weights is not None:
        before = by_step[later[-1]].get("sample_weight")
        by_step[later[-1]]["sample_weight"] = weights if before is None else weights * before
    return out[0], out[1], by_step


def _rows_of(step: Any) -> np.ndarray:
    """Return the row of the input that each row came from; a made row, the one it starts from."""
    if hasattr(step, "sample_indices_"):
        return step.sample_indices_
    if hasattr(step, "source_index_"):
        return step.source_index_[:, 0]
    raise ParameterError(
        f"{type(step).__name__} does not say which rows it made of which, so what is given by row "
        "cannot follow: use the sampler of tamis.resample"
    )
