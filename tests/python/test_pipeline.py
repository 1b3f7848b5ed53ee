"""The pipeline: rows change while fitting and never when predicting."""

import pickle

import numpy as np
import pandas as pd
import pytest
from sklearn.base import BaseEstimator, clone
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.neighbors import KNeighborsRegressor
from sklearn.preprocessing import StandardScaler

from tamis.base import ResampleMixin
from tamis.exceptions import ParameterError
from tamis.pipeline import Pipeline, make_pipeline


class DropLarge(ResampleMixin, BaseEstimator):
    """Drops rows whose first column is above a limit."""

    def __init__(self, limit=2.0):
        self.limit = limit

    def _fit_rows(self, X, y):
        return np.flatnonzero(np.asarray(X)[:, 0] <= self.limit)


class Recorder(Ridge):
    """Remembers what it was fitted on."""

    def fit(self, X, y, sample_weight=None):
        self.seen_ = (np.asarray(X), np.asarray(y), sample_weight)
        return super().fit(X, y, sample_weight)


X = np.array([[0.0], [1.0], [9.0], [2.0]])
Y = np.array([0.0, 1.0, -50.0, 2.0])


def test_rows_are_dropped_in_fit_and_kept_in_predict():
    model = Pipeline([("drop", DropLarge()), ("model", Recorder(alpha=0.0))])
    model.fit(X, Y, model__sample_weight=np.array([1.0, 2.0, 3.0, 4.0]))
    rows, target, weight = model["model"].seen_
    assert rows[:, 0].tolist() == [0, 1, 2]
    assert target.tolist() == [0, 1, 2]
    assert weight.tolist() == [1, 2, 4]
    np.testing.assert_allclose(model.predict(X), [0, 1, 9, 2])
    assert model.score(X[:2], Y[:2]) == pytest.approx(1.0)


class Doubts(ResampleMixin, BaseEstimator):
    """Keeps all rows but the first, and gives weights."""

    def fit_resample(self, X, y=None, **params):
        self.given_ = params
        self.sample_weight_ = np.arange(1.0, len(X))
        return super().fit_resample(X, y, **params)

    def _fit_rows(self, X, y):
        return np.arange(1, len(X))


def test_weights_that_a_step_makes_reach_the_last_step():
    steps = [("doubts", Doubts()), ("drop", DropLarge()), ("model", Recorder())]
    model = Pipeline(steps).fit(X, Y, doubts__groups=[1, 2, 3, 4])
    assert model["model"].seen_[2].tolist() == [1, 3]  # of rows 1 and 3: row 2 was dropped
    assert model["doubts"].given_ == {"groups": [1, 2, 3, 4]}
    given = np.array([1.0, 2.0, 3.0, 4.0])
    model.fit(X, Y, model__sample_weight=given)
    assert model["model"].seen_[2].tolist() == [2, 12]
    for last in ("passthrough", KNeighborsRegressor()):
        with pytest.raises(ParameterError, match="'doubts' gives weights"):
            Pipeline([("doubts", Doubts()), ("model", last)]).fit(X, Y)


def test_frames_pass_through():
    frame = pd.DataFrame(X, columns=["a"], index=list("wxyz"))
    model = Pipeline([("drop", DropLarge()), ("scale", StandardScaler()), ("model", Ridge(0.0))])
    model.fit(frame, pd.Series(Y, index=frame.index))
    assert model["drop"].sample_indices_.tolist() == [0, 1, 3]
    np.testing.assert_allclose(model.predict(frame), [0, 1, 9, 2], atol=1e-12)


def test_steps_given_are_not_touched_and_params_reach_them():
    drop = DropLarge(limit=5)
    model = Pipeline([("drop", drop), ("model", Ridge())])
    model.set_params(drop__limit=1.0, model__alpha=3.0)
    assert model.get_params()["drop__limit"] == 1.0
    fresh = clone(model).fit(X, Y)
    assert not hasattr(drop, "sample_indices_")
    assert fresh["drop"].sample_indices_.tolist() == [0, 1]
    model.set_params(drop="passthrough")
    assert len(model.fit(X, Y)) == 2
    with pytest.raises(ParameterError, match="no step named 'nope'"):
        model.set_params(nope__x=1)


def test_works_in_grid_search_and_pickles():
    rng = np.random.default_rng(0)
    data = rng.normal(size=(90, 3))
    target = (data[:, 0] > 0).astype(int)
    model = make_pipeline(DropLarge(1.0), StandardScaler(), LogisticRegression())
    search = GridSearchCV(model, {"droplarge__limit": [0.5, 1.0]}, cv=3).fit(data, target)
    assert search.best_score_ > 0.8
    assert len(cross_val_score(model, data, target, cv=3)) == 3
    back = pickle.loads(pickle.dumps(search.best_estimator_))
    np.testing.assert_array_equal(back.predict(data), search.predict(data))
    assert back.classes_.tolist() == [0, 1]
    assert back.predict_proba(data).shape == (90, 2)


def test_transformer_at_the_end():
    model = make_pipeline(DropLarge(), StandardScaler())
    assert model.fit_transform(X, Y).shape == (3, 1)
    assert model.transform(X).shape == (4, 1)
    assert not hasattr(model, "predict")


@pytest.mark.parametrize(
    ("steps", "says"),
    [
        ([], "at least one step"),
        ([("a", Ridge()), ("a", Ridge())], "must differ"),
        ([("a__b", StandardScaler()), ("m", Ridge())], "'__'"),
        ([("a", Ridge()), ("m", Ridge())], "no transform or fit_resample"),
    ],
)
def test_bad_steps(steps, says):
    with pytest.raises(ParameterError, match=says):
        Pipeline(steps).fit(X, Y)


def test_bad_fit_parameter():
    with pytest.raises(ParameterError, match="step__sample_weight"):
        Pipeline([("m", Ridge())]).fit(X, Y, sample_weight=Y)
