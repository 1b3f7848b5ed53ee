"""Estimators of tamis in scikit-learn's tools, and rows that are dropped in training alone."""

from sklearn.datasets import load_breast_cancer
from sklearn.model_selection import GridSearchCV
from sklearn.preprocessing import StandardScaler

from tamis.dedup import RowDeduplicator
from tamis.impute import SimpleImputer
from tamis.models import LogisticRegression
from tamis.outlier import MADDetector, OutlierHandler
from tamis.pipeline import Pipeline

X, y = load_breast_cancer(return_X_y=True)
model = Pipeline(
    [
        ("duplicates", RowDeduplicator()),
        ("missing", SimpleImputer(strategy="median")),
        ("outliers", OutlierHandler(MADDetector(threshold=10.0), action="drop")),
        ("scale", StandardScaler()),
        ("model", LogisticRegression(max_iter=500)),
    ]
)
search = GridSearchCV(model, {"model__C": [0.1, 1.0]}, cv=3, scoring="roc_auc").fit(X, y)
print(f"best {search.best_params_}, AUC {search.best_score_:.4f}")
assert search.best_score_ > 0.98
