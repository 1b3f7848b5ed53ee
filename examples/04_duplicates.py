"""Duplicates of several kinds: rows, rows within a tolerance, nearly equal texts, leaks."""

import pandas as pd

from tamis.dedup import RowDeduplicator, TextDeduplicator, find_leakage

orders = pd.DataFrame(
    {
        "city": ["Paris", "paris ", "Lyon", "Lyon", "Nice"],
        "price": [10.0, 10.0, 7.0, 7.004, 3.0],
    }
)
rows = RowDeduplicator(tolerance={"price": 0.01}, normalize=True)
left, _ = rows.fit_resample(orders)
print(rows.duplicates_.pairs)
assert left.index.tolist() == [0, 2, 4]

story = "It was the best of times, it was the worst of times, it was the age of wisdom"
texts = [story, story.upper() + "!", "Call me Ishmael. Some years ago, never mind how long", ""]
near = TextDeduplicator(threshold=0.8, normalize=("case", "punctuation"))
kept, _ = near.fit_resample(texts)
print(near.duplicates_)
assert len(kept) == 3

train = [story, "Something else entirely was said here"]
test = [story + ", it seems", "Other words, all of them new"]
leak = find_leakage(train, test, kind="text", threshold=0.7)
print(leak.pairs)
assert leak.right_rows.tolist() == [0]
