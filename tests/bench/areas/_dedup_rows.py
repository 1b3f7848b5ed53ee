"""Equal rows of a mixed table: each program on the container that is its own."""

import numpy as np
import pandas as pd

from . import Row


def mixed(rng):
    """Return 1M rows of 8 columns, of which every fifth repeats another row."""
    n = 800_000
    words = np.array([f"word {i}" for i in range(50_000)], dtype=object)
    frame = pd.DataFrame({
        "i": rng.integers(0, 10**6, n),
        "j": rng.integers(0, 20, n),
        "x": rng.normal(size=n),
        "y": np.where(rng.random(n) < 0.1, np.nan, rng.normal(size=n).round(2)),
        "b": rng.random(n) < 0.5,
        "s": words[rng.integers(0, len(words), n)],
        "t": words[rng.integers(0, 100, n)],
        "d": pd.Timestamp("2020-01-01") + pd.to_timedelta(rng.integers(0, 10**6, n), unit="s"),
    })  # fmt: skip
    rows = np.concatenate([np.arange(n), rng.integers(0, n, 200_000)])
    return frame.iloc[rng.permutation(rows)].reset_index(drop=True)


def mixed_polars(rng):
    """Return the same rows as a polars frame."""
    import polars as pl

    return pl.from_pandas(mixed(rng))


def tamis(threads):
    from tamis import _frame
    from tamis.dedup import RowDeduplicator

    _frame.wrap(pd.DataFrame({"a": [0]}))  # what is imported when the first frame is met
    step = RowDeduplicator(n_jobs=threads)
    return lambda frame: len(step.fit_resample(frame)[0])


def polars(threads):
    import polars  # noqa: F401

    return lambda frame: len(frame.unique(keep="first", maintain_order=True))


def pandas(threads):
    return lambda frame: len(frame.drop_duplicates())


def _rows_left(frame, left):
    return float(left)


ROWS = [
    Row(
        "equal rows, 1M x 8 mixed, polars frame",
        mixed_polars,
        {"tamis": tamis, "polars": polars},
        _rows_left,
        "rows left",
    ),
    Row(
        "equal rows, 1M x 8 mixed, pandas frame",
        mixed,
        {"tamis": tamis, "pandas": pandas},
        _rows_left,
        "rows left",
    ),
]
