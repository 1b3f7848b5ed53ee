"""Tables with known truths for the tests of search."""

import numpy as np
import pandas as pd
import pytest


@pytest.fixture(scope="session")
def mixed():
    """A small dirty table: numbers with gaps, a category, a date, an identifier, duplicates."""
    rng = np.random.default_rng(0)
    n = 240
    age = rng.normal(40, 10, n).round(1)
    port = rng.choice(["a", "b", "c"], n)
    score = 0.08 * (age - 40) + (port == "a") * 1.5 + rng.normal(0, 0.7, n)
    frame = pd.DataFrame(
        {
            "id": np.arange(n),
            "age": np.where(rng.random(n) < 0.15, np.nan, age),
            "port": np.where(rng.random(n) < 0.1, "?", port),
            "seen": pd.Timestamp("2026-01-01") + pd.to_timedelta(rng.integers(0, 300, n), "D"),
            "size": rng.integers(1, 9, n),
            "price": [f"${v:,.2f}" for v in rng.uniform(500, 3000, n)],
            "y": np.where(score > np.median(score), "yes", "no"),
        }
    )
    copies = frame.iloc[:12].assign(id=np.arange(n, n + 12))
    return pd.concat([frame, copies], ignore_index=True)
