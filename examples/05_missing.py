"""Missing values: filled by what does best on hidden cells, with what is not known said.

python examples/05_missing.py
"""

from pathlib import Path

import numpy as np
import pandas as pd

from tamis.impute import AutoImputer, IterativeImputer, MultipleImputer

passengers = pd.read_csv(Path(__file__).parent / "data" / "titanic.csv")
X = passengers.drop(columns=["survived", "name", "ticket", "id"])

# Known cells are hidden, every method fills them, and each column takes what does best.
imputer = AutoImputer(random_state=0).fit(X)
print(imputer.report_.to_string(index=False))

# The frame comes back with its dtypes, and each filled cell with its uncertainty.
filled, std = imputer.transform(X, return_std=True)
first = np.flatnonzero(X["age"].isna())[:3]
age = X.columns.get_loc("age")
for row in first:
    print(f"row {row}: age {filled['age'].iloc[row]:.0f} +- {std[row, age]:.0f}")

# An estimate from one completed table takes guesses for facts; several tables know better.
numbers = X[["age", "fare", "siblings_spouses", "parents_children"]]
draws = MultipleImputer(5, imputer=IterativeImputer(sample_posterior=True, min_value=0))
tables = draws.set_params(random_state=0).fit_transform(numbers)
pooled = draws.pool(
    [t["age"].mean() for t in tables], [t["age"].var(ddof=1) / len(t) for t in tables]
)
print(f"mean age {pooled.estimate:.2f}, standard error {np.sqrt(pooled.variance):.2f}")
