"""What a model learned, what it says of a row, and whether its probabilities can be trusted.

python examples/10_inspect.py
"""

import json

from sklearn.datasets import load_breast_cancer
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from tamis.models import (
    HistGradientBoostingClassifier,
    LogisticRegression,
    calibration_curve,
    coefficients,
    export_json,
    export_text,
    learning_curve,
    partial_dependence,
    permutation_importance,
    tree_shap,
)

X, y = load_breast_cancer(return_X_y=True, as_frame=True)
train, test, y_train, y_test = train_test_split(X, y, random_state=0, stratify=y)
model = HistGradientBoostingClassifier(max_iter=50, random_state=0).fit(train, y_train)

# Exact Shapley values: what each feature adds to the log-odds of each row.
shap = tree_shap(model, test)
print(shap)
first = sorted(zip(shap.feature_names, shap.values[0], strict=True), key=lambda p: -abs(p[1]))
print("row 0:", ", ".join(f"{name} {value:+.2f}" for name, value in first[:3]))

# What the score loses without a column; columns that say the same are shuffled together.
options = {"scoring": "roc_auc", "n_repeats": 3, "groups": "correlated", "random_state": 0}
print(permutation_importance(model, test, y_test, **options))

# How the probability moves along one feature.
curve = partial_dependence(model, test, "worst perimeter", grid_resolution=10)
print("worst perimeter:", curve.average[0].round(2))

print(export_text(model, tree=0, max_depth=1))
print(len(json.loads(export_json(model))["trees"]), "trees as JSON")

# A linear model: its coefficients in the columns' own units, and what more rows would bring.
linear = make_pipeline(StandardScaler(), LogisticRegression(C=0.05, l1_ratio=1.0))
print(coefficients(linear.fit(train, y_train)))
print(learning_curve(linear, train, y_train, scoring="roc_auc").verdict)
print(calibration_curve(y_test, linear.predict_proba(test)[:, 1], strategy="quantile"))
# Every result has a plot: shap.plot(), curve.plot(), ... (pip install 'tamis[plot]').
