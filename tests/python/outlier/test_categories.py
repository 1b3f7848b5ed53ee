"""Categories in frames: how rare a level is, missing and unseen ones, and who refuses them."""

import pickle
from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone

import tamis
from tamis.exceptions import ColumnTypeError, DataError
from tamis.outlier import (
    COPOD,
    ECOD,
    HBOS,
    EllipticEnvelope,
    IQRDetector,
    IsolationForest,
    KNNDetector,
    LocalOutlierFactor,
    OutlierEnsemble,
    OutlierHandler,
    PCADetector,
)

FOREST = IsolationForest(n_estimators=30, random_state=0, threshold="auto")
TAKE = [ECOD(), COPOD(), HBOS(), FOREST, OutlierEnsemble([FOREST, HBOS(n_bins=10)])]
MAKERS = [pd.DataFrame, pl.DataFrame, lambda d: pl.DataFrame(d).to_arrow()]
TITANIC = Path(__file__).parents[3] / "examples" / "data" / "titanic.csv"
ids = {"ids": lambda v: type(v).__name__}


def columns(n=400, seed=0):
    """Return columns of numbers and categories; row 5 has a level of its own."""
    rng = np.random.default_rng(seed)
    port = rng.choice(["S", "C", "Q"], n, p=[0.6, 0.3, 0.1]).tolist()
    port[5], port[6] = "moon", None
    return {
        "age": rng.normal(size=n).tolist(),
        "port": port,
        "member": (rng.random(n) < 0.5).tolist(),
        "name": [f"name {i}" for i in range(n)],
    }


def test_evidence_is_the_share_of_rows_as_rare():
    port = ["a"] * 5 + ["b"] * 3 + ["c", "d", None]
    detector = ECOD().fit(pd.DataFrame({"port": port}))
    assert_array_equal(detector.is_categorical_, [True])
    want = {"a": 1.0, "b": 5 / 10, "c": 2 / 10, "d": 2 / 10, None: 1.0, "unseen": 3 / 11}
    got = detector.score_samples(pd.DataFrame({"port": list(want)}))
    assert_allclose(got, np.log(list(want.values())), atol=1e-12)


@pytest.mark.parametrize("make", MAKERS)
@pytest.mark.parametrize("detector", TAKE, **ids)
def test_rare_levels_count_and_names_do_not(detector, make):
    X = columns()
    fitted = clone(detector).fit(make(X))
    assert_array_equal(fitted.is_categorical_, [False, True, True, True])
    scores = fitted.score_samples(make(X))
    shares = fitted.explain(make(X))
    assert shares.shape == (400, 4)
    assert shares[5].argmax() == 1 and shares[5, 1] > 0.5
    assert_allclose(shares[:, 3], 0)  # each row's own
    assert shares[6, 1] == 0 or not isinstance(fitted, ECOD | HBOS)
    assert scores[5] < np.quantile(scores, 0.05)
    without = clone(detector).fit(make({k: v for k, v in X.items() if k != "name"}))
    if not isinstance(detector, OutlierEnsemble | IsolationForest):
        assert_allclose(without.scores_, fitted.scores_)
    new = {"age": [0.0] * 3, "port": ["S", "mars", None], "member": [True] * 3, "name": ["z"] * 3}
    known, unseen, missing = fitted.score_samples(make(new))
    assert unseen < known and missing > unseen


@pytest.mark.parametrize("detector", TAKE, **ids)
def test_alone_in_a_batch_containers_pickle_and_saved(detector, tmp_path):
    X = columns()
    X["level"] = pd.Categorical(np.array(list("abcdefg"))[np.arange(400) % 7])
    frame = pd.DataFrame(X, index=np.arange(400) + 9)
    before = frame.copy()
    fitted = clone(detector).fit(frame)
    scores = fitted.score_samples(frame)
    assert_array_equal(np.concatenate([fitted.score_samples(frame[i : i + 1]) for i in (0, 5, 6)]),
                       scores[[0, 5, 6]])  # fmt: skip
    assert_array_equal(clone(detector).fit(pl.from_pandas(frame)).score_samples(frame), scores)
    pd.testing.assert_frame_equal(frame, before)
    tamis.save(fitted, tmp_path / "d.tamis")
    for again in (pickle.loads(pickle.dumps(fitted)), tamis.load(tmp_path / "d.tamis")):
        assert_array_equal(again.score_samples(frame), scores)
    with pytest.raises(ColumnTypeError, match="give a frame"):
        fitted.score_samples(frame.to_numpy())
    with pytest.raises(ValueError, match="feature names"):
        fitted.score_samples(frame.rename(columns={"port": "harbour"}))


def test_rows_of_weight_zero_have_no_levels():
    frame = pd.DataFrame(columns())
    weight = (np.arange(400) >= 200).astype(float)
    weighted = clone(FOREST).fit(frame, sample_weight=weight)
    alone = clone(FOREST).fit(frame[200:])
    assert_array_equal(weighted.score_samples(frame), alone.score_samples(frame))


@pytest.mark.parametrize(
    "detector", [KNNDetector(), LocalOutlierFactor(), PCADetector(), EllipticEnvelope(),
                 IQRDetector()], **ids
)  # fmt: skip
def test_others_refuse_and_name_the_column(detector):
    with pytest.raises(DataError, match=r"in column 'port'.*IsolationForest"):
        detector.fit(pd.DataFrame(columns())[["age", "port"]])
    detector.fit(pd.DataFrame(columns())[["age", "member"]])  # booleans are 0 and 1 to them


def test_names_that_are_there_twice_and_what_is_no_level():
    twice = pd.DataFrame(np.eye(3), columns=["a", "b", "a"])
    for detector in (HBOS(), IQRDetector(), LocalOutlierFactor(2)):
        with pytest.raises(DataError, match="more than one column named 'a'"):
            detector.fit(twice)
    with pytest.raises(ColumnTypeError, match="'b' holds lists"):
        ECOD().fit(pd.DataFrame({"a": [1, 2], "b": [[1], [2]]}))
    whens = pd.DataFrame({"when": pd.to_datetime(["2020-01-01"] * 2), "b": [1.0, 2.0]})
    for detector, frame in ((ECOD(), whens), (IQRDetector(), pl.from_pandas(whens))):
        with pytest.raises(ColumnTypeError, match="'when' holds times"):
            detector.fit(frame)
    was_number = ECOD().fit(pd.DataFrame({"a": [1.0, 2.0], "b": ["x", "y"]}))
    with pytest.raises(ColumnTypeError, match="'a' holds values of kind 'str'"):
        was_number.score_samples(pd.DataFrame({"a": ["1"], "b": ["x"]}))
    with pytest.raises(DataError, match="infinity in column 'a', row 1"):
        ECOD().fit(pd.DataFrame({"a": [1, np.inf], "b": ["x", "y"]}))
    empty = pd.DataFrame({"a": pd.Series([None, None], dtype="str"), "b": [1.0, 2.0]})
    assert_array_equal(ECOD().fit(empty).explain(empty)[:, 0], 0)
    narrow = pd.DataFrame({"a": np.ones(4, np.float32), "b": list("xyxx")})
    assert np.isfinite(ECOD().fit(narrow).scores_).all()


@pytest.mark.parametrize("action", ["flag", "drop"])
def test_the_handler_acts_on_frames_with_categories(action, tmp_path):
    frame = pd.DataFrame(columns())
    frame.loc[7, "age"] = 50.0
    handler = OutlierHandler(HBOS(n_bins=10, contamination=0.02), action=action)
    groups, weight = np.arange(400), pd.Series(np.arange(400.0))
    if action == "drop":
        X, y, rest = handler.fit_resample(frame, np.arange(400), groups=groups, weight=weight)
        assert 0 < len(X) < 400 and 7 not in X.index
        for aligned in (y, rest["groups"], rest["weight"]):
            assert_array_equal(np.asarray(aligned), X.index)
        assert (X.dtypes == frame.dtypes).all()
        model = tamis.pipeline.Pipeline([("outliers", handler), ("forest", clone(FOREST))])
        assert len(model.fit(frame, np.arange(400)).predict(frame)) == 400
        assert model.named_steps["forest"].max_samples_ <= len(X)
    else:
        out = handler.fit_transform(frame)
        assert out.loc[7, "outlier"] == 1 and out["port"].equals(frame["port"])
        tamis.save(handler, tmp_path / "h.tamis")
        pd.testing.assert_frame_equal(tamis.load(tmp_path / "h.tamis").transform(frame), out)
    with pytest.raises(DataError, match="'port'"):
        OutlierHandler(action=action).fit(frame)


def test_titanic_names_and_tickets_do_not_dominate():
    frame = pd.read_csv(TITANIC)
    for detector in (ECOD(), HBOS(), FOREST, OutlierEnsemble(random_state=0)):
        fitted = clone(detector).fit(frame)
        shares = pd.Series(fitted.explain(frame).mean(axis=0), index=frame.columns)
        scores = fitted.score_samples(frame)
        assert (scores < fitted.offset_).mean() < 0.05
        assert shares[frame.columns.str.lower().isin(["name", "ticket"])].sum() < 0.25
