"""Losses by name."""

from __future__ import annotations

from typing import Any

from sklearn.base import clone

from tamis.exceptions import ParameterError
from tamis.losses import _classes, _numbers
from tamis.losses._base import Loss

__all__ = ["get", "names"]

#: The names of losses; where two stand for one class, the second sets a parameter.
_NAMES: dict[str, tuple[type[Loss], dict[str, Any]]] = {
    "cross_entropy": (_classes.CrossEntropy, {}),
    "weighted": (_classes.CrossEntropy, {}),
    "label_smoothed": (_classes.CrossEntropy, {"label_smoothing": 0.1}),
    "class_balanced": (_classes.ClassBalanced, {}),
    "focal": (_classes.Focal, {}),
    "gce": (_classes.GeneralizedCrossEntropy, {}),
    "sce": (_classes.SymmetricCrossEntropy, {}),
    "hinge": (_classes.Hinge, {}),
    "squared_hinge": (_classes.SquaredHinge, {}),
    "squared_error": (_numbers.SquaredError, {}),
    "absolute_error": (_numbers.AbsoluteError, {}),
    "huber": (_numbers.Huber, {}),
    "log_cosh": (_numbers.LogCosh, {}),
    "quantile": (_numbers.Quantile, {}),
}
_ALIASES = {
    "ce": "cross_entropy",
    "log_loss": "cross_entropy",
    "generalized_cross_entropy": "gce",
    "symmetric_cross_entropy": "sce",
    "absolute": "absolute_error",
    "pinball": "quantile",
}


def names() -> list[str]:
    """Return the names that `get` knows.

    Examples
    --------
    >>> import tamis
    >>> "focal" in tamis.losses.names()
    True
    """
    return [*_NAMES, *_ALIASES]


def get(loss: Any, **params: Any) -> Any:
    """Return a loss by its name, or the object given.

    Parameters
    ----------
    loss : str or object
        A name of `names()`, or a loss: one of ours, or an object with `value` and `gradient`.
    **params : object
        Parameters to set; an object given is not changed.

    Returns
    -------
    loss

    Raises
    ------
    ParameterError
        If there is no such loss or parameter.

    Examples
    --------
    >>> import tamis
    >>> tamis.losses.get("gce", q=0.5)
    GeneralizedCrossEntropy(q=0.5)
    """
    if isinstance(loss, str):
        name = _ALIASES.get(loss, loss)
        if name not in _NAMES:
            raise ParameterError(f"there is no loss {loss!r}; known: {', '.join(names())}")
        kind, defaults = _NAMES[name]
        return _set(kind(), {**defaults, **params})
    if isinstance(loss, Loss):
        return _set(clone(loss), params) if params else loss
    if isinstance(loss, type) or not all(
        callable(getattr(loss, part, None)) for part in ("value", "gradient")
    ):
        raise ParameterError(
            "loss must be a name, a loss of tamis.losses, or an object with value(y, score) and "
            f"gradient(y, score); got {loss!r}"
        )
    if params:
        raise ParameterError("parameters can be set on losses of tamis only")
    return loss


def _set(loss: Loss, params: dict[str, Any]) -> Loss:
    unknown = set(params) - set(loss.get_params())
    if unknown:
        raise ParameterError(
            f"{type(loss).__name__} has no parameter {sorted(unknown)[0]!r}; it has "
            f"{', '.join(loss.get_params()) or 'none'}"
        )
    return loss.set_params(**params)
