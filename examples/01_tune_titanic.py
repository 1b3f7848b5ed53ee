"""From a raw file to a better model, with proof of what helped."""

from pathlib import Path

import tamis

data = Path(__file__).parent / "data" / "titanic.csv"
result = tamis.tune(data, target="survived", max_candidates=8, random_state=0)
print(result.leaderboard[["rank", "score", "folds", "model"]].head())
print(result.ablation)
print(result.changes.head())
print(result)
