"""Rows that no model can take: the error names the column and row, and says what to do."""

import inspect

import numpy as np
import pandas as pd
import polars as pl
import pytest
from sklearn.base import BaseEstimator

from tamis import models
from tamis.exceptions import DataError

KINDS = [
    name
    for name in models.__all__
    if inspect.isclass(getattr(models, name)) and issubclass(getattr(models, name), BaseEstimator)
]
#: They have a way with what is missing, or with infinities.
TAKES_NAN = ("Tree", "Forest", "Boosting")
TAKES_INFINITY = ("Boosting",)


def frame(**columns):
    a = np.linspace(0.1, 4.0, 40)
    return pd.DataFrame({"a": a, **columns}), (np.arange(40) % 2)


@pytest.mark.parametrize("name", KINDS)
def test_the_column_is_named(name):
    model = getattr(models, name)()
    numbers = np.linspace(1.0, 2.0, 40)
    numbers[3] = np.nan
    cases = [
        ({"city": ["x", "y"] * 20}, "could not convert.*'city'"),
        ({"when": pd.date_range("2020", periods=40)}, "'when' holds times"),
    ]
    if not any(word in name for word in TAKES_NAN):
        cases.append(({"gap": numbers}, "NaN.*'gap', row 3"))
    if not any(word in name for word in TAKES_INFINITY):
        cases.append(({"far": np.where(np.isnan(numbers), np.inf, numbers)}, "inf.*'far', row 3"))
    for columns, said in cases:
        X, y = frame(**columns)
        for table in (X, pl.from_pandas(X)):
            with pytest.raises(DataError, match=said):
                model.fit(table, y)
    good, y = frame(b=np.linspace(1.0, 2.0, 40))
    model.fit(good, y)
    with pytest.raises(DataError, match=r"could not convert.*'b'"):
        model.predict(good.assign(b="x"))


def test_arrays_are_told_by_position():
    X = np.ones((4, 3))
    X[2, 1] = np.inf
    with pytest.raises(DataError, match="column 1, row 2"):
        models.DecisionTreeClassifier().fit(X, [0, 1, 0, 1])
