"""A model taken to new rows, and losses that bear wrong labels.

python examples/09_models.py
"""

import numpy as np
from sklearn.datasets import load_breast_cancer
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from tamis.models import KNeighborsClassifier, LogisticRegression, finetune

X, y = load_breast_cancer(return_X_y=True)

# A clinic whose device measures otherwise: a fitted model meets rows that have moved.
rng = np.random.default_rng(0)
here, there, y_here, y_there = train_test_split(X, y, test_size=0.6, random_state=0, stratify=y)
there = there * rng.uniform(0.6, 1.4, X.shape[1])
new, later, y_new, y_later = train_test_split(
    there, y_there, train_size=60, random_state=0, stratify=y_there
)
model = make_pipeline(StandardScaler(), LogisticRegression()).fit(here, y_here)
tuned = finetune(model, new, y_new, source=(here, y_here), random_state=0)
print(tuned)
for name, share in sorted(tuned.strengths.items(), key=lambda s: -s[1])[:3]:
    print(f"  {share:.0%} {name}")
print(f"on {len(later)} later rows: as it was {model.score(later, y_later):.3f}, ", end="")
print(f"fine-tuned {tuned.model.score(later, y_later):.3f}")

# Four in ten of the benign are called malignant.
train, test, y_train, y_test = train_test_split(X, y, random_state=0, stratify=y)
noisy = np.where((y_train == 1) & (rng.random(len(y_train)) < 0.4), 0, y_train)
for loss in ("cross_entropy", "gce"):
    robust = make_pipeline(StandardScaler(), LogisticRegression(C=0.1, loss=loss))
    print(f"{loss:<13} {robust.fit(train, noisy).score(test, y_test):.3f}")

near = make_pipeline(StandardScaler(), KNeighborsClassifier(15)).fit(train, noisy)
print(f"15 neighbours {near.score(test, y_test):.3f}")
