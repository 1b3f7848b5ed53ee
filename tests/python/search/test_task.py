"""The task is read off the target, or refused with what to do."""

import numpy as np
import pandas as pd
import polars as pl
import pytest

from tamis.exceptions import DataError, ParameterError
from tamis.search._task import find_task

N = 60


def task(values, kind="auto"):
    return find_task(pd.DataFrame({"x": range(len(values)), "y": values}), "y", kind)


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        ([0, 1] * (N // 2), "binary"),
        ([True, False] * (N // 2), "binary"),
        (["no", "yes"] * (N // 2), "binary"),
        ([0.0, 1.0] * (N // 2), "binary"),
        (["a", "b", "c"] * (N // 3), "multiclass"),
        ([1, 2, 3] * (N // 3), "multiclass"),
        (list(np.linspace(0, 1, N)), "regression"),
        ([i // 2 for i in range(N)], "regression"),
        ([f"${i / 2:,.2f}" for i in range(N)], "regression"),
    ],
)
def test_inferred(values, kind):
    assert task(values).kind == kind
    assert task(values).reason


def test_codes_are_places_in_sorted_classes():
    t = task(["b", "a"] * 30)
    assert t.classes == ("a", "b")
    assert t.y[:2].tolist() == [1, 0]
    assert t.codes(np.array(["a", "b"])).tolist() == [0, 1]


def test_as_asked():
    assert task([1, 2, 3] * 20, "regression").kind == "regression"
    assert task([1, 2, 3] * 20, "classification").kind == "multiclass"
    with pytest.raises(DataError, match="3 classes, not two"):
        task([1, 2, 3] * 20, "binary")
    with pytest.raises(DataError, match="text"):
        task(["a", "b"] * 30, "regression")
    with pytest.raises(ParameterError, match="task must be one of"):
        task([1, 2] * 30, "ranking")


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ([1] * N, "constant"),
        ([0, 1] * 29 + [None, 1], "missing in 1 of 60 rows .*row 58"),
        ([f"name {i}" for i in range(N)], "nearly unique"),
        (list(range(N)), "nearly unique"),
        (["a"] * 59 + ["b"], "only one row"),
        ([{"a": 1}] * 30 + [{"a": 2}] * 30, "objects"),
        ([np.inf, *np.linspace(0, 1, N)], "infinite in row 0"),
    ],
)
def test_refused(values, says):
    with pytest.raises(DataError, match=says):
        task(values)


def test_a_wrong_name_suggests_the_right_one():
    frame = pl.DataFrame({"survived": [0, 1], "age": [1, 2]})
    with pytest.raises(ParameterError, match="did you mean 'survived'"):
        find_task(frame, "survivd")
    with pytest.raises(ParameterError, match="it has survived, age"):
        find_task(frame, "zzz")
