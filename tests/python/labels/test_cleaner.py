"""LabelCleaner: each action, in each container, alone and in a pipeline."""

import pickle

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from sklearn.base import clone
from sklearn.datasets import load_wine
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge
from sklearn.model_selection import cross_val_score
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline as sk_make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.validation import check_is_fitted

import tamis
from tamis.exceptions import DataError, ParameterError
from tamis.labels import LabelCleaner
from tamis.pipeline import Pipeline

NAMES = np.array(["barolo", "grignolino", "barbera"])
WRONG = [3, 100, 150]


def model():
    return sk_make_pipeline(StandardScaler(), LogisticRegression())


def wine():
    X, y = load_wine(return_X_y=True, as_frame=True)
    y = y.to_numpy().copy()
    y[WRONG] = [1, 2, 0]
    X.index = range(1000, 1000 + len(X))
    return X, y


def cleaner(action, **params):
    return LabelCleaner(action, model(), random_state=0, **params)


def test_drop_keeps_containers_and_alignment():
    X, y = wine()
    labels = pd.Series(NAMES[y], index=X.index, dtype="category", name="wine")
    step = cleaner("drop")
    X_out, y_out, rest = step.fit_resample(X, labels, sample_weight=np.ones(len(y)), other=y)
    rows = step.sample_indices_
    assert not set(WRONG) & set(rows.tolist())
    pd.testing.assert_frame_equal(X_out, X.iloc[rows])
    pd.testing.assert_series_equal(y_out, labels.iloc[rows])
    np.testing.assert_array_equal(rest["other"], y[rows])
    assert step.n_features_in_ == 13 and len(rows) == len(y) - step.issues_.n_issues


@pytest.mark.parametrize(
    ("frame", "series"),
    [
        (lambda X: X, lambda v: pd.Series(v, dtype="category", name="wine")),
        (lambda X: X, lambda v: pd.Series(v, dtype="str")),
        (pl.from_pandas, lambda v: pl.Series("wine", v)),
        (pa.Table.from_pandas, lambda v: pa.chunked_array([v])),
        (lambda X: X.to_numpy(), np.array),
        (lambda X: X.to_numpy(), list),
    ],
)
def test_relabel_keeps_the_container(frame, series):
    X, y = wine()
    given_X, given = frame(X), series(NAMES[y].tolist())
    step = cleaner("relabel")
    X_out, y_out = step.fit_resample(given_X, given)
    assert type(X_out) is type(given_X)
    assert isinstance(given, list) or type(y_out) is type(given)
    assert getattr(y_out, "dtype", None) == getattr(given, "dtype", getattr(y_out, "dtype", None))
    plain = y_out.to_pylist() if hasattr(y_out, "to_pylist") else list(y_out)
    assert [plain[i] for i in WRONG] == ["barolo", "grignolino", "barbera"]
    kept = ~step.issues_.mask
    assert (np.array(plain)[kept] == NAMES[y][kept]).all()
    assert step.sample_indices_.tolist() == list(range(len(y)))
    if isinstance(given, pd.Series | pl.Series):
        assert y_out.name == given.name
        assert given.to_list() == NAMES[y].tolist()  # never written to


def test_weight_and_quantities():
    X, y = wine()
    step = cleaner("weight")
    X_out, y_out = step.fit_resample(X, y)
    assert len(X_out) == len(y_out) == len(step.sample_weight_) == len(y)
    assert (step.sample_weight_[WRONG] < 0.3).all() and np.median(step.sample_weight_) > 0.9
    rng = np.random.default_rng(0)
    x = rng.normal(size=(200, 1))
    target = (3 * x[:, 0]).round(1) + rng.normal(size=200) * 0.1
    target[5] = 40.0
    step = LabelCleaner("relabel", LinearRegression(), random_state=0)
    new = step.fit_resample(x, pd.Series(target))[1]
    assert abs(new[5] - 3 * x[5, 0]) < 0.2 and (new.drop(5) == np.delete(target, 5)).all()
    whole = LabelCleaner("relabel", LinearRegression(), task="regression", random_state=0)
    counts = (100 * x[:, 0]).astype(np.int64)
    counts[5] = 10**6
    assert whole.fit_resample(x, counts)[1].dtype == np.float64


class Seen(LogisticRegression):
    """Remembers the weights it was fitted with."""

    def fit(self, X, y, sample_weight=None):
        self.seen_ = sample_weight
        self.labels_ = np.asarray(y)
        return super().fit(X, y, sample_weight)


@pytest.mark.parametrize("action", ["drop", "relabel", "weight"])
def test_in_a_pipeline(action):
    X, y = wine()
    pipe = Pipeline([("scale", StandardScaler()), ("clean", cleaner(action)), ("model", Seen())])
    given = np.linspace(1, 2, len(y))
    pipe.fit(X, y, model__sample_weight=given, clean__groups=np.arange(len(y)))
    step = pipe["clean"]
    rows = step.sample_indices_
    expected = given[rows] * (step.sample_weight_ if action == "weight" else 1.0)
    np.testing.assert_allclose(pipe["model"].seen_, expected)
    changed = np.flatnonzero(pipe["model"].labels_ != y[rows])
    assert set(changed) >= set(WRONG) if action == "relabel" else not len(changed)
    assert len(pipe.predict(X)) == len(X)  # nothing is dropped or judged when predicting
    assert pipe.predict(X)[WRONG].tolist() == [0, 1, 2]


def test_weights_need_a_model_that_takes_them():
    X, y = wine()
    pipe = Pipeline([("clean", cleaner("weight")), ("model", KNeighborsClassifier())])
    with pytest.raises(ParameterError, match="'clean' gives weights, but KNeighborsClassifier"):
        pipe.fit(X, y)
    with pytest.raises(TypeError, match="transform"):
        sk_make_pipeline(cleaner("drop"), Ridge()).fit(X, y)


def test_validation_labels_are_never_cleaned():
    X, y = wine()
    pipe = Pipeline([("scale", StandardScaler()), ("clean", cleaner("drop", cv=3)), ("m", Seen())])
    truth = load_wine(return_X_y=True)[1]
    scores = cross_val_score(pipe, X, y, cv=3)
    assert (scores < 1).any() and scores.mean() > 0.9 and (truth != y).sum() == 3


def test_a_class_never_goes_whole():
    X, y = wine()
    y[:] = np.where(y == 0, 0, 1)
    y[60] = 2  # one row of a class of its own, labelled wrong
    y[61] = 2
    step = cleaner("drop")
    _, out = step.fit_resample(X, y)
    assert set(np.unique(out)) == {0, 1, 2}


def test_parameters_clone_pickle_save(tmp_path):
    X, y = wine()
    for action, extra in (("nothing", {}), ("drop", {"method": "best"}), ("drop", {"task": "x"})):
        with pytest.raises(ParameterError, match="must be one of"):
            cleaner(action, **extra).fit_resample(X, y)
    with pytest.raises(DataError, match="needs the labels"):
        cleaner("drop").fit_resample(X)
    with pytest.raises(NotFittedError):
        check_is_fitted(cleaner("drop"))
    step = cleaner("drop")
    assert clone(step).get_params()["action"] == "drop"
    step.fit_resample(X, y)
    tamis.save(step.set_params(estimator=None), tmp_path / "step.tamis")
    for other in (pickle.loads(pickle.dumps(step)), tamis.load(tmp_path / "step.tamis")):
        np.testing.assert_array_equal(other.sample_indices_, step.sample_indices_)
        np.testing.assert_array_equal(other.issues_.mask, step.issues_.mask)
