"""Every imputer that tune offers: fits in a pipeline, is the same on any threads, is saved."""

import numpy as np
import pandas as pd
import pytest

import tamis
from tamis.search import _plan
from tamis.search._prepare import prepare

CHOICES = [choice for step, choice in _plan._SAYS if step == "missing"]


def table(n=240, seed=0):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=n)
    frame = pd.DataFrame(
        {
            "a": 1e6 * x,
            "b": x + rng.normal(size=n) / 3,
            "c": rng.normal(size=n) / 1e3,
            "day": pd.Timestamp("2020-01-01") + pd.to_timedelta(np.rint(100 * x), unit="D"),
            "port": rng.choice(["north", "south"], n),
        }
    )
    for name in frame.columns:
        frame.loc[rng.random(n) < 0.15, name] = None
    frame["y"] = np.where(x + rng.normal(size=n) / 3 > 0, "yes", "no")
    return frame


@pytest.mark.parametrize("choice", [c for c in CHOICES if c != "native"])
def test_each_choice_fits_predicts_and_is_saved(choice, tmp_path):
    frame = table()
    made = prepare(frame, "y", "auto", None, 0.2, 3, 0)
    plan = next(p for p in made.space.anchors() if p.family == "logistic")
    plan = _plan.replace(plan, missing=choice, scale="standard")
    assert choice in made.space.choices("logistic")["missing"]
    model = made.builder.pipeline(plan).fit(made.train, made.train_task.labels)
    said = model.predict_proba(frame)
    assert np.isfinite(said).all()
    assert np.mean(model.predict(frame) == frame.y) > 0.7
    again = tamis.load(tamis.save(model, tmp_path / "model.tamis"))
    np.testing.assert_array_equal(again.predict_proba(frame), said)
    assert plan.says("missing")


def test_known_cells_stay_and_scales_do_not_matter():
    from tamis.impute import IterativeImputer, KNNImputer
    from tamis.search._steps import ScaledImputer

    X = table()[["a", "b", "c"]].to_numpy()
    gaps = np.isnan(X)
    for imputer in (KNNImputer(keep_empty_features=True), IterativeImputer(random_state=0)):
        out = ScaledImputer(imputer).fit(X).transform(X)
        np.testing.assert_array_equal(out[~gaps], X[~gaps])
        other = ScaledImputer(imputer).fit(X * 1e-4).transform(X * 1e-4)
        np.testing.assert_allclose(other, out * 1e-4, rtol=1e-6)
