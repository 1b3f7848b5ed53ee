"""The parameters of samplers, checked by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from numbers import Integral, Real
from typing import Any

from sklearn.utils import check_random_state

from tamis import _threads
from tamis.exceptions import ParameterError

__all__ = ["check_parameters", "is_searcher"]


def is_searcher(value: Any) -> bool:
    """Return whether an object searches for neighbours, as scikit-learn's do."""
    return hasattr(value, "kneighbors") and hasattr(value, "kneighbors_graph")


def _whole(value: Any, low: int = 1, high: float = float("inf")) -> bool:
    whole = isinstance(value, Integral) and not isinstance(value, bool)
    return whole and low <= int(value) <= high


def _real(value: Any, low: float, high: float = float("inf")) -> bool:
    real = isinstance(value, Real) and not isinstance(value, bool)
    return real and low <= float(value) <= high


def _one_of(*words: str) -> Callable[[Any], bool]:
    return lambda value: isinstance(value, str) and value in words


def _number_or(word: str) -> Callable[[Any], bool]:
    return lambda value: value == word if isinstance(value, str) else isinstance(value, Real)


_NEIGHBOURS = (lambda v: _whole(v) or is_searcher(v), "a whole number from 1 on, or an estimator "
               "with kneighbors and kneighbors_graph")  # fmt: skip
_FLAG = (lambda v: isinstance(v, bool), "True or False")

#: Name -> what it must be, in code and in words.
_RULES: dict[str, tuple[Callable[[Any], bool], str]] = {
    "k_neighbors": _NEIGHBOURS,
    "m_neighbors": _NEIGHBOURS,
    "n_neighbors": _NEIGHBOURS,
    "n_neighbors_ver3": _NEIGHBOURS,
    "kind": (_one_of("borderline-1", "borderline-2"), "'borderline-1' or 'borderline-2'"),
    "kind_sel": (_one_of("all", "mode"), "'all' or 'mode'"),
    "version": (lambda v: _whole(v, 1, 3), "1, 2 or 3"),
    "max_iter": (_whole, "a whole number from 1 on"),
    "out_step": (lambda v: _real(v, 0, 1), "a number from 0 to 1"),
    "replacement": _FLAG,
    "allow_minority": _FLAG,
    "shrinkage": (
        lambda v: v is None or isinstance(v, Mapping) or _real(v, 0),
        "None, a number from 0 on, or a dict of such numbers",
    ),
    "svm_estimator": (
        lambda v: v is None or (hasattr(v, "fit") and hasattr(v, "predict")),
        "None or an estimator with fit and predict",
    ),
    "kmeans_estimator": (
        lambda v: v is None or _whole(v) or (hasattr(v, "fit") and hasattr(v, "predict")),
        "None, a number of clusters, or an estimator with fit and predict",
    ),
    "cluster_balance_threshold": (_number_or("auto"), "'auto' or a number"),
    "density_exponent": (_number_or("auto"), "'auto' or a number"),
    "categorical_encoder": (
        lambda v: v is None or (hasattr(v, "fit_transform") and hasattr(v, "inverse_transform")),
        "None or an encoder with fit_transform and inverse_transform",
    ),
    "alpha": (lambda v: _real(v, 0) and v > 0, "a number above 0"),
    "ratio": (lambda v: _real(v, 0), "a number from 0 on"),
    "labels": (_one_of("soft", "hard"), "'soft' or 'hard'"),
}


def check_parameters(sampler: Any) -> None:
    """Raise ParameterError if a parameter is not what it must be."""
    for name, value in sampler.get_params(deep=False).items():
        if name == "random_state":
            try:
                check_random_state(value)
            except ValueError as error:
                raise ParameterError(f"random_state: {error}") from error
        elif name == "n_jobs":
            _threads.resolve(value)
        elif name in _RULES and not _RULES[name][0](value):
            raise ParameterError(f"{name} must be {_RULES[name][1]}; got {value!r}")
