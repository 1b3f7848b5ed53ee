"""Calibration: scikit-learn's results, folds that keep rows together, the report."""

import numpy as np
import pytest
from sklearn import calibration
from sklearn.calibration import calibration_curve
from sklearn.datasets import load_iris, make_classification
from sklearn.frozen import FrozenEstimator
from sklearn.metrics import brier_score_loss, log_loss
from sklearn.model_selection import GroupKFold
from sklearn.utils.estimator_checks import parametrize_with_checks

import tamis
from tamis.exceptions import DataError, ParameterError, ShapeError
from tamis.models import SVC, CalibratedClassifierCV, GaussianNB

METHODS = ["sigmoid", "isotonic", "temperature"]


@parametrize_with_checks([CalibratedClassifierCV(SVC(gamma="auto", n_jobs=1), cv=2)])
@pytest.mark.filterwarnings("ignore")
def test_estimator_contract(estimator, check):
    if "sample_weight_equivalence" in str(check):
        pytest.skip("folds are of rows, repeated or not (scikit-learn's own exception)")
    if "check_estimator_sparse" in str(check):
        pytest.skip("passes; nine formats through scikit-learn's own code take 4 s of CPU")
    check(estimator)


def table(seed=0, classes=2):
    return make_classification(
        400, 6, n_informative=4, n_classes=classes, flip_y=0.2, random_state=seed
    )


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("ensemble", [True, False])
def test_the_results_of_scikit_learn(method, ensemble, tmp_path):
    X, y = table(classes=3)
    w = np.random.default_rng(0).uniform(0.5, 2, len(y))
    ours, theirs = (
        cls(GaussianNB(), method=method, ensemble=ensemble, cv=3).fit(X, y, w)
        for cls in (CalibratedClassifierCV, calibration.CalibratedClassifierCV)
    )
    np.testing.assert_array_equal(ours.predict_proba(X), theirs.predict_proba(X))
    back = tamis.load(tamis.save(ours, tmp_path / "m.tamis"))
    np.testing.assert_array_equal(back.predict_proba(X), ours.predict_proba(X))


def test_frozen_and_default(tmp_path):
    X, y = table()
    base = SVC().fit(X[:200], y[:200])
    model = CalibratedClassifierCV(FrozenEstimator(base)).fit(X[200:], y[200:])
    assert len(model.calibrated_classifiers_) == 1
    back = tamis.load(tamis.save(model, tmp_path / "m.tamis"))
    np.testing.assert_array_equal(back.predict_proba(X), model.predict_proba(X))
    plain = CalibratedClassifierCV(cv=2).fit(X, y)
    back = tamis.load(tamis.save(plain, tmp_path / "d.tamis"))
    np.testing.assert_array_equal(back.predict_proba(X), plain.predict_proba(X))


class Spy(GaussianNB):
    """Keeps the rows it was fitted on."""

    def fit(self, X, y, sample_weight=None):
        self.seen_ = X[:, 0].copy()
        return super().fit(X, y, sample_weight)


def test_groups_and_copies_stay_in_one_fold():
    X, y = table()
    groups = np.arange(400) // 4
    X[:, 0] = groups
    model = CalibratedClassifierCV(Spy(), cv=4).fit(X, y, groups=groups)
    assert model.cv == 4
    seen = [set(pair.estimator.seen_) for pair in model.calibrated_classifiers_]
    assert [len(s) for s in seen] == [75] * 4
    by_splitter = CalibratedClassifierCV(Spy(), cv=GroupKFold(4)).fit(X, y, groups=groups)
    assert len(by_splitter.calibrated_classifiers_) == 4
    twice, labels = np.repeat(X[::4], 2, axis=0), np.repeat(y[::4], 2)
    order = np.random.default_rng(0).permutation(len(twice))
    model = CalibratedClassifierCV(Spy(), cv=4, copies="together").fit(twice[order], labels[order])
    for pair in model.calibrated_classifiers_:
        assert (np.unique(pair.estimator.seen_, return_counts=True)[1] == 2).all()
    both = CalibratedClassifierCV(Spy(), cv=3, copies="together", ensemble=False)
    both.fit(twice, labels, groups=np.arange(200) // 8)
    assert both.get_params()["cv"] == 3


def test_the_report():
    X, y = table()
    model = CalibratedClassifierCV(GaussianNB(), cv=3).fit(X[:200], y[:200])
    w = np.random.default_rng(0).uniform(0.5, 2, 200)
    report = model.calibration_report(X[200:], y[200:], w, n_bins=5)
    made = model.predict_proba(X[200:])
    assert report.after["brier"] == pytest.approx(
        brier_score_loss(y[200:], made[:, 1], sample_weight=w)
    )
    assert report.after["log_loss"] == pytest.approx(log_loss(y[200:], made, sample_weight=w))
    before = model.uncalibrated_proba(X[200:])
    assert report.before["log_loss"] == pytest.approx(log_loss(y[200:], before, sample_weight=w))
    even = model.calibration_report(X[200:], y[200:], n_bins=5)
    observed, predicted = calibration_curve(y[200:], made[:, 1], n_bins=5)
    np.testing.assert_allclose(even.curve_after["observed"], observed)
    np.testing.assert_allclose(even.curve_after["predicted"], predicted)
    assert even.curve_after["weight"].sum() == pytest.approx(1.0)
    assert "log_loss" in str(report)
    X, y = load_iris(return_X_y=True)
    margin = CalibratedClassifierCV(SVC(), cv=3, ensemble=False).fit(X[::2], y[::2])
    report = margin.calibration_report(X[1::2], y[1::2])
    assert report.after["ece"] < report.before["ece"]
    assert report.after["log_loss"] < report.before["log_loss"]


def test_what_cannot_be_used_says_so():
    X, y = table()
    with pytest.raises(ParameterError, match="copies must be"):
        CalibratedClassifierCV(GaussianNB(), copies="drop").fit(X, y)
    with pytest.raises(ParameterError, match="whole number as cv"):
        CalibratedClassifierCV(GaussianNB(), cv=GroupKFold(2), copies="together").fit(X, y)
    with pytest.raises(ShapeError, match="groups has 3 entries"):
        CalibratedClassifierCV(GaussianNB()).fit(X, y, groups=[1, 2, 3])
    with pytest.raises(DataError, match="lower cv"):
        CalibratedClassifierCV(GaussianNB()).fit(X, y, groups=np.arange(400) % 2)
    with pytest.raises(DataError, match="one group alone"):
        CalibratedClassifierCV(GaussianNB(), cv=2).fit(X, y, groups=y * np.arange(400))
    model = CalibratedClassifierCV(GaussianNB()).fit(X, y)
    for bad, says in (
        ({"n_bins": 0}, "n_bins"),
        ({"sample_weight": np.zeros(400)}, "sample_weight"),
        ({"y": np.full(400, 7)}, "class 7"),
        ({"y": y[:3]}, "entries for 400"),
    ):
        with pytest.raises((ParameterError, DataError, ShapeError), match=says):
            model.calibration_report(**{"X": X, "y": y, **bad})
