"""Trees and linear models as JSON that scores without tamis."""

from __future__ import annotations

import json
import os
from typing import Any

import numpy as np
from sklearn.base import is_classifier

from tamis import _write
from tamis.exceptions import ParameterError
from tamis.models.inspect._coefficients import linear_parts
from tamis.models.inspect._read import Grown, names_of, read_trees

__all__ = ["export_json"]

_VERSION = 1


def export_json(
    model: Any,
    path: str | os.PathLike[str] | None = None,
    *,
    feature_names: Any = None,
    indent: int | None = None,
) -> str:
    """Return a tree, a forest, histogram boosting or a linear model as JSON.

    The document is enough to score rows in any language. It is stable: another layout would have
    another ``version``.

    Parameters
    ----------
    model : fitted model, of tamis or scikit-learn
        A model, not a pipeline: its steps are not exported.
    path : path, optional
        Where to write it, whole or not at all.
    feature_names : sequence of str, optional
        By default the names that the model was fitted with, or "x0", "x1", ...
    indent : int, optional
        Spaces for each level, for reading; by default everything stands on one line.

    Returns
    -------
    str
        The document.

    Raises
    ------
    ParameterError
        The model is of no kind that can be exported, or the file cannot be written.

    Notes
    -----
    All documents have ``format`` ("tamis-model"), ``version`` (1), ``model`` (the class),
    ``kind`` ("trees" or "linear"), ``features`` (a list of ``{"name": ..., "categories": [...]}``,
    the categories where the model knows them), ``classes`` (of a classifier) and ``link``:

    - ``"identity"``: the scores are the prediction;
    - ``"exp"``: the prediction is the exponential of the score;
    - ``"shares"``: the scores are the probabilities of the classes;
    - ``"sigmoid"``: there is one score, the log-odds of the second class;
    - ``"softmax"``: the probabilities are the softmax of the scores;
    - ``null``: there are no probabilities. One score: the second class where it is above 0;
      several: the class of the highest.

    Trees: a score is ``base`` (one number an output) plus what the trees say, in their order, or
    with ``"combine": "mean"`` the sum divided by the number of trees. A tree adds the ``value`` of
    the leaf to the outputs from ``output`` on. ``nodes[0]`` is its root; a node without ``value``
    splits on ``feature``: a row goes to the node ``left`` where its value is at most ``threshold``
    (a number, or the text "inf"), or is one of ``categories``; to ``right`` otherwise; and as
    ``missing`` says where it has no value, or a category that is not among those of the feature.
    ``samples`` and ``weight`` say how many training rows came to a node. With
    ``"input": "float32"`` values are rounded to single precision first.

    Linear: the score of an output is its ``intercept`` plus the sum of its ``coef`` by name times
    the row's values.

    Examples
    --------
    >>> import json
    >>> from tamis.models import DecisionTreeRegressor, export_json
    >>> model = DecisionTreeRegressor().fit([[0.0], [1.0]], [3.0, 4.0])
    >>> json.loads(export_json(model, feature_names=["age"]))["trees"][0]["nodes"][0]["feature"]
    'age'
    """
    if hasattr(model, "steps"):
        raise ParameterError(
            "a pipeline cannot be exported, only its model: give the last step, and rows as they "
            "come to it"
        )
    linear = getattr(model, "coef_", None) is not None
    made = _linear(model, feature_names) if linear else _trees(read_trees(model, feature_names))
    names = [feature["name"] for feature in made["features"]]
    if len(set(names)) < len(names):
        raise ParameterError("two features have the same name: give feature_names")
    head = {"format": "tamis-model", "version": _VERSION, "model": type(model).__name__}
    text = json.dumps({**head, **made}, indent=indent, allow_nan=False, ensure_ascii=False)
    if path is not None:
        _write.replace(path, text.encode())
    return text


def _trees(grown: Grown) -> dict[str, Any]:
    model = grown.model
    if is_classifier(model) and isinstance(model.classes_, list):
        raise ParameterError("a classifier of several targets cannot be exported")
    out: dict[str, Any] = {"kind": "trees", "input": "float32" if grown.single else "float64"}
    out["features"] = [
        {"name": name}
        if known is None
        else {"name": name, "categories": [_plain(c) for c in known]}
        for name, known in zip(grown.names, grown.categories, strict=True)
    ]
    if is_classifier(model):
        out["classes"] = [_plain(c) for c in model.classes_]
    out["link"] = _link_of_trees(grown)
    out["combine"] = "mean" if grown.mean else "sum"
    out["base"] = grown.base.tolist()
    out["trees"] = [_tree(grown, number) for number in range(grown.n_trees)]
    return out


def _link_of_trees(grown: Grown) -> str | None:
    model = grown.model
    if not is_classifier(model):
        log = not grown.mean and getattr(model, "loss", None) in ("poisson", "gamma")
        return "exp" if log else "identity"
    if grown.mean:
        return "shares"
    if not isinstance(model.loss, str) or model.loss != "log_loss":
        return None  # another loss has probabilities of its own
    return "sigmoid" if len(grown.base) == 1 else "softmax"


def _tree(grown: Grown, number: int) -> dict[str, Any]:
    t = {name: array.tolist() for name, array in grown.tree(number).items()}
    nodes: list[dict[str, Any]] = []
    for i, left in enumerate(t["left"]):
        counts = {"samples": t["samples"][i], "weight": t["cover"][i]}
        if left < 0:
            nodes.append({"value": t["value"][i], **counts})
            continue
        j, known = t["feature"][i], grown.categories[t["feature"][i]]
        split: dict[str, Any] = {"feature": grown.names[j]}
        if t["set"][i] < 0:
            cut = t["threshold"][i]
            split["threshold"] = cut if np.isfinite(cut) else ("inf" if cut > 0 else "-inf")
        else:
            codes = grown.left_categories(t["set"][i])
            split["categories"] = [_plain(known[c]) for c in codes if c < len(known)]
        split["missing"] = "left" if t["missing_left"][i] else "right"
        nodes.append({**split, "left": left, "right": t["right"][i], **counts})
    return {"output": int(grown.outputs[number]), "nodes": nodes}


def _linear(model: Any, feature_names: Any) -> dict[str, Any]:
    coef, intercept = linear_parts(model)
    names = names_of(model, feature_names)
    out: dict[str, Any] = {"kind": "linear", "features": [{"name": name} for name in names]}
    if is_classifier(model):
        out["classes"] = [_plain(c) for c in model.classes_]
    out["link"] = _link_of_lines(model, coef, intercept)
    out["intercept"] = intercept.tolist()
    out["coef"] = [dict(zip(names, line, strict=True)) for line in coef.tolist()]
    return out


def _link_of_lines(model: Any, coef: np.ndarray, intercept: np.ndarray) -> str | None:
    """Return the link by which the model says what it says of some rows."""
    rng = np.random.default_rng(0)
    X: Any = rng.normal(size=(16, coef.shape[1])) / max(
        float(np.linalg.norm(coef, axis=1).max()), 1e-30
    )
    scores = X @ coef.T + intercept
    names = getattr(model, "feature_names_in_", None)
    if names is not None:
        import pandas as pd

        X = pd.DataFrame(X, columns=names)
    one, several = len(coef) == 1, len(coef) > 1
    wrong = f"{type(model).__name__} predicts otherwise than by its coefficients"
    if is_classifier(model):
        if hasattr(model, "decision_function"):
            said = np.asarray(model.decision_function(X)).reshape(len(scores), -1)
            if said.shape != scores.shape or not np.allclose(said, scores, atol=1e-6):
                raise ParameterError(wrong)
        if not hasattr(model, "predict_proba"):
            return None
        said = np.asarray(model.predict_proba(X))
        positive = 1 / (1 + np.exp(-scores[:, 0]))
        if one and np.allclose(said[:, 1], positive, atol=1e-6):
            return "sigmoid"
        shares = np.exp(scores - scores.max(axis=1, keepdims=True))
        shares /= shares.sum(axis=1, keepdims=True)
        return "softmax" if several and np.allclose(said, shares, atol=1e-6) else None
    said = np.asarray(model.predict(X)).reshape(scores.shape)
    if np.allclose(said, scores, rtol=1e-6, atol=1e-6 * (1 + np.abs(scores).max())):
        return "identity"
    with np.errstate(over="ignore"):
        if np.allclose(said, np.exp(scores), rtol=1e-6):
            return "exp"
    raise ParameterError(wrong)


def _plain(value: Any) -> Any:
    """Return a label as JSON has it: a number, a boolean or a text."""
    if isinstance(value, np.generic):
        value = value.item()
    return value if isinstance(value, bool | int | float | str) else str(value)
