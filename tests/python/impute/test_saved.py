"""Imputers come back from a file as they were."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_array_equal

import tamis
from tamis.impute import KNNImputer, SimpleImputer

X = pd.DataFrame({"a": [1.0, np.nan, 3.0], "b": [np.nan, 5.0, 5.0], "c": [1.0, 2.0, np.nan]})


@pytest.mark.parametrize(
    "imputer",
    [
        SimpleImputer(strategy="median", add_indicator=True),
        SimpleImputer(strategy="constant", fill_value=7),
        KNNImputer(weights="distance", add_indicator=True),
    ],
)
def test_round_trip(imputer, tmp_path):
    imputer.fit(X)
    tamis.save(imputer, tmp_path / "imputer.tamis")
    again = tamis.load(tmp_path / "imputer.tamis")
    assert_array_equal(again.transform(X), imputer.transform(X))
    assert_array_equal(again.get_feature_names_out(), imputer.get_feature_names_out())
