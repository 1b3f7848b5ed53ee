"""Categories of many levels: which are learned from, and that the rest does no harm."""

import time

import numpy as np
import pandas as pd
import pytest

from tamis.impute import AutoImputer, IterativeImputer
from tamis.impute._levels import common_levels


def test_levels_that_are_common():
    codes = np.repeat([0.0, 1, 2, 3, 4], [600, 380, 12, 5, 3])
    assert common_levels(codes).tolist() == [0, 1, 2]
    assert common_levels(np.append(codes, np.nan)).tolist() == [0, 1, 2]
    assert common_levels(np.arange(1000.0)).tolist() == [0]
    assert common_levels(np.array([7.0, 3, 3])).tolist() == [3, 7]
    assert common_levels(np.arange(40.0).repeat(30)).tolist() == list(range(30))
    assert common_levels(np.full(3, np.nan)).tolist() == []


def table():
    """Return rows with a name each, a ticket that few share, and a port that goes with the fare."""
    rng = np.random.default_rng(0)
    n = 800
    port = rng.integers(0, 3, n)
    frame = pd.DataFrame(
        {
            "name": [f"person {i}" for i in range(n)],
            "ticket": [f"t{i // 3}" for i in range(n)],
            "fare": port * 10.0 + rng.normal(size=n),
            "port": np.array(["S", "C", "Q"])[port],
        }
    )
    truth = frame.copy()
    for j, column in enumerate(frame):
        frame.loc[rng.random(n) < 0.1 + 0.02 * j, column] = None
    return frame, truth


@pytest.mark.parametrize(
    "imputer",
    [
        IterativeImputer(random_state=0).set_output(transform="pandas"),
        IterativeImputer(random_state=0, sample_posterior=True).set_output(transform="pandas"),
        AutoImputer(random_state=0),
    ],
    ids=["iterative", "draws", "auto"],
)
def test_names_and_tickets_do_no_harm(imputer):
    frame, truth = table()
    start = time.process_time()
    filled = imputer.fit_transform(frame)
    # A column for each name took minutes, and the rounds did not settle.
    assert time.process_time() - start < 20
    assert not filled.isna().any(axis=None)
    gone = frame["port"].isna() & frame["fare"].notna()
    assert (filled["port"] == truth["port"])[gone].mean() > 0.9
    assert filled["name"].isin(frame["name"]).all()
    assert imputer.transform(frame).dtypes.equals(frame.dtypes)
