"""Gaps in many series: the last value, and lines."""

import numpy as np
import pandas as pd

from . import Row


def series(rng):
    """Return 1M rows of 10k series that stand mixed, a fifth of the values missing."""
    n, groups = 1_000_000, 10_000
    group = rng.integers(0, groups, n)
    place = pd.Series(group).groupby(group).cumcount().to_numpy()
    truth = np.sin(place / 5 + group) + 0.05 * rng.normal(size=n)
    gone = rng.random(n) < 0.2
    return {"X": pd.DataFrame({"g": group, "x": np.where(gone, np.nan, truth)}), "truth": truth}


def error(data, filled):
    """Return the root mean squared error of the cells filled in."""
    gap = np.asarray(filled) - data["truth"]
    return float(np.sqrt(np.nanmean(gap[data["X"]["x"].isna()] ** 2)))


def ours(method):
    def prepare(threads):
        from tamis.impute import SeriesImputer

        imputer = SeriesImputer(method, group="g")
        return lambda data: imputer.fit_transform(data["X"])["x"]

    return prepare


def last(threads):
    return lambda data: data["X"].groupby("g")["x"].ffill()


def lines(threads):
    def fill(part):
        return part.interpolate(limit_area="inside")

    return lambda data: data["X"].groupby("g")["x"].transform(fill)


ROWS = [
    Row("last value, 1M rows in 10k series", series, {"tamis": ours("forward"), "pandas": last},
        error, "RMSE"),
    Row("lines over gaps, 1M rows in 10k series", series,
        {"tamis": ours("linear"), "pandas": lines}, error, "RMSE"),
]  # fmt: skip
