"""Trees and linear models as JSON, scored by plain Python; coefficients; trees as pictures."""

import json
import math
import struct

import matplotlib as mpl
import numpy as np
import pandas as pd
import polars as pl
import pytest
import sklearn.ensemble as sk
from sklearn.compose import make_column_transformer
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import PoissonRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler, OneHotEncoder, StandardScaler
from sklearn.svm import SVC

from tamis.exceptions import ParameterError
from tamis.models import (
    DecisionTreeClassifier,
    DecisionTreeRegressor,
    ExtraTreesClassifier,
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    Lasso,
    LinearRegression,
    LogisticRegression,
    RandomForestRegressor,
    coefficients,
    export_json,
    export_text,
    plot_tree,
)

mpl.use("Agg")


# What the documentation of `export_json` says, and nothing else: no array library.
def scores_of(doc, row):
    if doc["kind"] == "linear":
        pairs = zip(doc["intercept"], doc["coef"], strict=True)
        return [b + sum(w * row[name] for name, w in coef.items()) for b, coef in pairs]
    known = {f["name"]: f.get("categories") for f in doc["features"]}
    total = list(doc["base"])
    for tree in doc["trees"]:
        node = tree["nodes"][0]
        while "value" not in node:
            cell, levels = row[node["feature"]], known[node["feature"]]
            gone = cell is None or cell != cell or (levels is not None and cell not in levels)  # noqa: PLR0124
            if gone:
                side = node["missing"]
            elif levels is not None:
                side = "left" if cell in node["categories"] else "right"
            else:
                if doc["input"] == "float32":
                    cell = struct.unpack("f", struct.pack("f", cell))[0]
                side = "left" if cell <= float(node["threshold"]) else "right"
            node = tree["nodes"][node[side]]
        for k, value in enumerate(node["value"]):
            total[tree["output"] + k] += value
    return [t / len(doc["trees"]) for t in total] if doc["combine"] == "mean" else total


def predicted(doc, row):
    scores = scores_of(doc, row)
    if "classes" in doc:
        best = int(scores[0] > 0) if len(scores) == 1 else scores.index(max(scores))
        return doc["classes"][best]
    return math.exp(scores[0]) if doc["link"] == "exp" else scores[0]


def probabilities(doc, scores):
    if doc["link"] == "sigmoid":
        p = 1 / (1 + math.exp(-scores[0]))
        return [1 - p, p]
    if doc["link"] == "softmax":
        e = [math.exp(s - max(scores)) for s in scores]
        return [v / sum(e) for v in e]
    return scores


def table(n=150, missing=True, categories=True):
    rng = np.random.default_rng(0)
    X = pd.DataFrame(rng.normal(size=(n, 3)), columns=["a", "b", "c"])
    level = rng.integers(0, 4, n)
    y = (X["a"] * X["b"] + (level % 2) * X["c"] + 0.1 * rng.normal(size=n)).to_numpy()
    if missing:
        X.loc[rng.random(n) < 0.2, "a"] = np.nan
    if categories:
        X["town"] = pd.Categorical(np.array(["Bern", "Köln", 'R"o', "s"], dtype=object)[level])
        X.loc[::9, "town"] = None
    return X, y, np.array(["low", "mid", "high"])[np.digitize(y, [-0.5, 0.5])]


BOOST = {"max_iter": 6, "min_samples_leaf": 3, "categorical_features": "from_dtype"}
TREES = {
    "tree": (DecisionTreeClassifier(max_depth=6), "classes"),
    "tree of numbers": (DecisionTreeRegressor(), "numbers"),
    "forest": (RandomForestRegressor(7, random_state=0), "numbers"),
    "extra trees": (ExtraTreesClassifier(7, max_depth=5, random_state=0), "classes"),
    "their forest": (sk.RandomForestClassifier(7, random_state=0), "classes"),
    "boosting": (HistGradientBoostingRegressor(**BOOST), "numbers"),
    "counts": (HistGradientBoostingRegressor(loss="poisson", **BOOST), "counts"),
    "two classes": (HistGradientBoostingClassifier(**BOOST), "two"),
    "three classes": (HistGradientBoostingClassifier(**BOOST), "classes"),
}


@pytest.mark.parametrize("name", TREES)
def test_plain_python_scores_trees_from_json_to_the_last_bit(name, tmp_path):
    model, target = TREES[name]
    X, y, classes = table(categories=hasattr(model, "categorical_features"))
    y = {"numbers": y, "counts": np.abs(y), "classes": classes, "two": classes == "low"}[target]
    model.fit(X, y)
    text = export_json(model, tmp_path / "model.json")
    assert (tmp_path / "model.json").read_text(encoding="utf-8") == text
    doc = json.loads(text)
    rows = X.astype(object).where(X.notna(), None).to_dict("records")
    scores = np.array([scores_of(doc, row) for row in rows])
    if hasattr(model, "_raw_predict"):
        np.testing.assert_array_equal(scores, model._raw_predict(X))
    elif target == "classes":
        np.testing.assert_array_equal(scores, model.predict_proba(X))
    said = np.array([predicted(doc, row) for row in rows])
    if target in ("classes", "two"):
        np.testing.assert_array_equal(said, model.predict(X))
        proba = [probabilities(doc, list(s)) for s in scores]
        np.testing.assert_allclose(proba, model.predict_proba(X), atol=1e-12)
    elif target == "counts":
        np.testing.assert_allclose(said, model.predict(X), rtol=1e-14)
    else:
        np.testing.assert_array_equal(said, model.predict(X))


def test_an_unknown_category_goes_where_missing_values_go():
    X, y, _ = table()
    model = HistGradientBoostingRegressor(**BOOST).fit(X, y)
    doc = json.loads(export_json(model))
    new = X.astype({"town": object}).iloc[:5].assign(town="Ulm")
    new["town"] = pd.Categorical(new["town"])
    rows = new.astype(object).to_dict("records")
    np.testing.assert_array_equal([scores_of(doc, r)[0] for r in rows], model.predict(new))


@pytest.mark.parametrize(
    ("model", "target"),
    [
        (LinearRegression(), "numbers"),
        (Lasso(alpha=0.01), "numbers"),
        (PoissonRegressor(), "counts"),
        (LogisticRegression(), "two"),
        (LogisticRegression(), "classes"),
        (LogisticRegression(loss="gce"), "classes"),
    ],
    ids=lambda v: v if isinstance(v, str) else type(v).__name__,
)
def test_plain_python_scores_linear_models_from_json(model, target):
    X, y, classes = table(missing=False, categories=False)
    y = {"numbers": y, "counts": np.abs(y), "classes": classes, "two": classes == "low"}[target]
    doc = json.loads(export_json(model.fit(X, y)))
    rows = X.to_dict("records")
    said = [predicted(doc, row) for row in rows]
    if target in ("numbers", "counts"):
        np.testing.assert_allclose(said, model.predict(X), rtol=1e-9, atol=1e-9)
        return
    np.testing.assert_array_equal(said, model.predict(X))
    assert doc["link"] == ("sigmoid" if target == "two" else "softmax")
    proba = [probabilities(doc, scores_of(doc, row)) for row in rows]
    np.testing.assert_allclose(proba, model.predict_proba(X), atol=1e-9)


def test_what_cannot_be_exported_is_refused(tmp_path):
    X, y, classes = table(missing=False, categories=False)
    with pytest.raises(ParameterError, match="last step"):
        export_json(make_pipeline(StandardScaler(), LinearRegression()).fit(X, y))
    with pytest.raises(ParameterError, match="otherwise than by its coef"):
        export_json(SVC(kernel="linear").fit(X, classes))
    with pytest.raises(ParameterError, match="no tree"):
        export_json(SVC().fit(X, classes))
    with pytest.raises(NotFittedError):
        export_json(DecisionTreeRegressor())
    model = DecisionTreeRegressor().fit(X, y)
    with pytest.raises(ParameterError, match="the same name"):
        export_json(model, feature_names=["a", "a", "b"])
    with pytest.raises(ParameterError, match="no folder"):
        export_json(model, tmp_path / "not" / "there.json")


def test_coefficients_come_back_in_the_callers_units_with_names():
    X, y, _ = table(missing=False)
    X["town"] = X["town"].astype(object).fillna("?")
    made = make_pipeline(
        make_column_transformer(
            (make_pipeline(MinMaxScaler(), StandardScaler()), ["a"]),
            (StandardScaler(), ["b", "c"]),
            (OneHotEncoder(drop="first"), ["town"]),
            verbose_feature_names_out=False,
        ),
        LinearRegression(),
    ).fit(X, y)
    # Only the last scaler counts where two stand in a row within the columns.
    found = coefficients(made)
    assert found.names[:3] == ["a", "b", "c"] and found.names[3].startswith("town_")
    step = X.iloc[:1].assign(b=X["b"] + 1)
    assert made.predict(step)[0] - made.predict(X.iloc[:1])[0] == pytest.approx(found.coef[0, 1])
    frame = found.to_frame()
    assert frame.columns.tolist() == ["feature", "coefficient", "scaled"]
    assert isinstance(found.to_frame(like=pl.DataFrame({"a": [1]})), pl.DataFrame)
    assert "(intercept)" in found._repr_html_()

    X, y, classes = table(missing=False, categories=False)
    two = make_pipeline(MinMaxScaler(), StandardScaler(), LogisticRegression()).fit(X, classes)
    found = coefficients(two)
    scores = X.to_numpy() @ found.coef.T + found.intercept
    np.testing.assert_allclose(scores, two.decision_function(X), atol=1e-9)
    assert found.outputs == ["high", "low", "mid"]
    ax = found.plot(output="low")
    assert "Coefficients of low" in ax.get_title(loc="left")
    plain = coefficients(LinearRegression().fit(X.to_numpy(), y))
    assert plain.names == ["x0", "x1", "x2"] and not plain.is_scaled
    assert plain.to_frame().columns.tolist() == ["feature", "coefficient"]
    with pytest.raises(ParameterError, match="no coefficients"):
        coefficients(DecisionTreeRegressor().fit(X, y))
    mpl.pyplot.close("all")


def test_a_tree_is_drawn_and_told():
    X, _, classes = table()
    model = HistGradientBoostingClassifier(max_iter=2, max_leaf_nodes=6, **{
        k: v for k, v in BOOST.items() if k != "max_iter"
    }).fit(X, classes)  # fmt: skip
    ax = plot_tree(model, 1)
    said = " ".join(t.get_text() for t in ax.texts)
    assert "missing" in said and "adds" in said and "gain" in said
    assert "tree 1 of 6, for low" in ax.get_title(loc="left")
    lines = export_text(model, 1).splitlines()
    assert len(lines) == len(model._predictors[0][1].nodes) - 1

    plain = X[["b", "c"]]
    tree = DecisionTreeClassifier(random_state=0).fit(plain, classes)
    ax = plot_tree(tree, max_depth=2, class_names=["H", "L", "M"], feature_names=["x", "y"])
    said = [t.get_text() for t in ax.texts]
    assert any("…" in t for t in said) and any("H " in t for t in said) and "impurity" in said[0]
    assert "drawn down to depth 2" in ax.get_title(loc="left")
    assert "goes on" in export_text(tree, max_depth=1)
    assert (
        export_text(DecisionTreeRegressor().fit([[0.0], [0.0]], [1, 1])) == "all rows: 1 (2 rows)"
    )
    with pytest.raises(ParameterError, match="no tree 6"):
        plot_tree(model, 6)
    with pytest.raises(ParameterError, match="2 names for 3"):
        plot_tree(tree, class_names=["a", "b"])
    mpl.pyplot.close("all")
