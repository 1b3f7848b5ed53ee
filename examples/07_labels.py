"""Wrong labels: found out of fold, shown, and dropped, corrected or given less weight.

python examples/07_labels.py
"""

import numpy as np
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import cross_val_score

from tamis.labels import LabelCleaner, conflicting_labels, find_label_errors
from tamis.pipeline import Pipeline

X, truth = load_digits(return_X_y=True)
X, truth = X[:900] / 16, truth[:900]

# One label in ten is moved to another digit.
rng = np.random.default_rng(0)
wrong = rng.random(len(truth)) < 0.1
y = np.where(wrong, (truth + rng.integers(1, 10, len(truth))) % 10, truth)

issues = find_label_errors(y, X=X, random_state=0)
print(issues)
print(issues.to_frame().head())
hit = (issues.mask & wrong).sum()
print(f"of {wrong.sum()} planted errors {hit} are found, with {issues.n_issues - hit} false alarms")
print(f"right suggestions: {(issues.suggested == truth)[issues.mask & wrong].mean():.0%}")

# The same images under two labels need no model.
twice, labels = np.vstack([X, X[:3]]), np.append(y, (y[:3] + 1) % 10)
print(conflicting_labels(twice, labels))

# In a pipeline the labels are cleaned while fitting alone; scores are taken on labels as they are
# (here: on the true ones).
clean, held = slice(0, 600), slice(600, None)
model = LogisticRegression(max_iter=500)
print(f"as they are {model.fit(X[clean], y[clean]).score(X[held], truth[held]):.3f}")
for action in ("drop", "relabel", "weight"):
    pipe = Pipeline([("labels", LabelCleaner(action, random_state=0)), ("model", model)])
    print(f"{action:<11} {pipe.fit(X[clean], y[clean]).score(X[held], truth[held]):.3f}")
print(f"cross-validated on the noisy labels {cross_val_score(pipe, X, y, cv=2).mean():.3f}")
