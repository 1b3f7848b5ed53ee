"""Imbalanced classes: rows made of rows, with their sources, and no leak into the folds.

python examples/06_resample.py
"""

from pathlib import Path

import pandas as pd
from sklearn.model_selection import StratifiedKFold, cross_val_score
from sklearn.neighbors import KNeighborsClassifier

from tamis.pipeline import Pipeline
from tamis.resample import SMOTENC, RandomOverSampler, SourceSplit

passengers = pd.read_csv(Path(__file__).parent / "data" / "titanic.csv")
X = passengers[["age", "fare", "sex", "travel_class"]].dropna()
first = (X.pop("travel_class") == 1).astype(int)

# Rows of the rarer class between a passenger and one like it; text stays text.
sampler = SMOTENC(["sex"], random_state=0)
more, labels = sampler.fit_resample(X, first)
print(f"{len(X)} rows, {first.mean():.0%} first class; {len(more)} rows, {labels.mean():.0%}")
print(more.tail(3).to_string())
print("made of rows", sampler.source_index_[-3:].tolist())

# Resampling before cross-validation tests the model on copies of what it was trained on.
numbers, nearest = X[["age", "fare"]], KNeighborsClassifier(1)
copies = RandomOverSampler(random_state=0)
drawn, drawn_labels = copies.fit_resample(numbers, first)
folds = StratifiedKFold(5, shuffle=True, random_state=0)
wrong = cross_val_score(nearest, drawn, drawn_labels, cv=folds, scoring="balanced_accuracy")
# Folds that made rows do not cross, or a pipeline, which resamples inside the fold.
split = SourceSplit(copies.source_index_, folds)
right = cross_val_score(nearest, drawn, drawn_labels, cv=split, scoring="balanced_accuracy")
inside = Pipeline([("copies", RandomOverSampler(random_state=0)), ("model", nearest)])
also = cross_val_score(inside, numbers, first, cv=folds, scoring="balanced_accuracy")
print(f"balanced accuracy: leaky {wrong.mean():.3f}")
print(f"by source {right.mean():.3f}, in a pipeline {also.mean():.3f}")
