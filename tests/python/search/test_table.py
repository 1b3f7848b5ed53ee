"""The encoder: any frame to one matrix, the same for every library."""

import numpy as np
import pandas as pd
import polars as pl
import pytest
from sklearn.base import clone

from tamis.exceptions import DataError
from tamis.search._table import FrameEncoder, choose_columns


def test_columns_are_chosen_with_reasons(mixed):
    encoder, ignored = choose_columns(mixed, "y")
    assert encoder.numbers == ["age", "size", "price"]
    assert encoder.datetimes == ["seen"]
    assert encoder.categories == ["port"]
    assert encoder.markers == {"port": ["?"]}
    assert ignored == {"id": "an identifier, (nearly) unique"}


def test_matrix_is_the_same_for_pandas_polars_and_arrow(mixed):
    encoder, _ = choose_columns(mixed, "y")
    Z = encoder.fit_transform(mixed)
    p = pl.from_pandas(mixed)
    np.testing.assert_array_equal(Z, clone(encoder).fit_transform(p))
    np.testing.assert_array_equal(Z, clone(encoder).fit_transform(p.to_arrow()))
    port = encoder.columns_.index("port")
    assert np.isnan(Z[(mixed.port == "?").to_numpy(), port]).all()
    assert Z[:, encoder.columns_.index("price")].min() >= 500


def test_new_data(mixed):
    encoder, _ = choose_columns(mixed, "y")
    encoder.fit(mixed)
    new = mixed.iloc[:3].drop(columns=["y", "id"]).assign(extra=1, port=["zz", None, "a"])
    codes = encoder.transform(new)[:, encoder.columns_.index("port")]
    assert codes[0] == len(encoder.levels_["port"])
    assert np.isnan(codes[1])
    assert codes[2] == 0
    with pytest.raises(DataError, match=r"lack columns .*: age, price"):
        encoder.transform(new.drop(columns=["age", "price"]))
    with pytest.raises(DataError, match="'age' should hold numbers; row 1 holds 'old'"):
        encoder.transform(new.assign(age=["1", "old", "2"]))
    with pytest.raises(DataError, match="'age' is infinite in row 2"):
        encoder.transform(new.assign(age=[1.0, 2.0, np.inf]))
    with pytest.raises(DataError, match="'seen' should hold dates"):
        encoder.transform(new.assign(seen=[1, 2, 3]))


def test_categories_that_a_file_of_numbers_turned_into_numbers():
    encoder = FrameEncoder(categories=["code"]).fit(pd.DataFrame({"code": ["1", "2", "x"]}))
    assert encoder.transform(pd.DataFrame({"code": [2, 1]}))[:, 0].tolist() == [1.0, 0.0]


def test_empty_frame_and_all_missing():
    encoder = FrameEncoder(numbers=["a"], categories=["b"])
    encoder.fit(pd.DataFrame({"a": [1.0, 2.0], "b": ["x", None]}))
    assert encoder.transform(pd.DataFrame({"a": [], "b": []})).shape == (0, 2)
    assert np.isnan(encoder.transform(pd.DataFrame({"a": [None], "b": [None]}))).all()


def test_decode_gives_back_values(mixed):
    encoder, _ = choose_columns(mixed, "y")
    Z = encoder.fit_transform(mixed)
    j = encoder.columns_.index("seen")
    assert encoder.decode(j, Z[:2, j]) == mixed.seen[:2].dt.to_pydatetime().tolist()
    j = encoder.columns_.index("port")
    known = np.flatnonzero(mixed.port != "?")[:3]
    assert encoder.decode(j, Z[known, j]) == mixed.port[known].tolist()
