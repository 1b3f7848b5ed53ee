"""Chained equations with native trees, and predictive mean matching with any regression."""

import pickle

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils.estimator_checks import check_estimator

import tamis
from tamis import _core
from tamis.exceptions import DataError, ParameterError, ShapeError, StateError
from tamis.impute import IterativeImputer
from tamis.models import Ridge

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

#: Every way to fill in: means, draws, matched donors.
WAYS = [
    {"estimator": "trees"},
    {"estimator": "trees", "sample_posterior": True, "max_iter": 3},
    {"estimator": "trees", "n_donors": 5, "max_iter": 3},
    {"n_donors": 5, "max_iter": 3},
    {"estimator": Ridge(), "n_donors": 3, "max_iter": 3},
]


def table(n=400, share=0.15, seed=0):
    """Return numbers of which some follow from others, not in a line, with holes; and the truth."""
    rng = np.random.default_rng(seed)
    a, b = rng.normal(size=(2, n))
    truth = np.column_stack([a, b, a * b, np.abs(a) - b, np.where(a > 0, b, -b)])
    truth += rng.normal(size=truth.shape) / 10
    return np.where(rng.random(truth.shape) < share, np.nan, truth), truth


def fitted(how, X, **more):
    return IterativeImputer(**{"random_state": 0, "n_jobs": 1, **how, **more}).fit(X)


def test_trees_follow_what_is_not_linear():
    X, truth = table()
    mask = np.isnan(X)
    got, ridge = (
        IterativeImputer(estimator, random_state=0).fit_transform(X)
        for estimator in ("trees", None)
    )
    np.testing.assert_array_equal(got[~mask], X[~mask])
    ours, theirs = (np.sqrt(np.mean((v - truth)[mask] ** 2)) for v in (got, ridge))
    assert ours < 0.85 * theirs


def test_rounds_end_when_only_chance_is_left():
    X, _ = table()
    imputer = fitted({"estimator": "trees", "max_iter": 30}, X)
    assert 2 <= imputer.n_iter_ < 30
    with pytest.warns(ConvergenceWarning):  # as ever, for the others
        fitted({"max_iter": 1}, X)


@pytest.mark.parametrize("how", WAYS, ids=str)
def test_the_same_bits_again_and_on_any_number_of_threads(how):
    X, _ = table()
    got = [
        IterativeImputer(random_state=7, n_jobs=n, **how).fit_transform(X).tobytes()
        for n in (1, 1, 2, 3)
    ]
    assert len(set(got)) == 1
    other = IterativeImputer(random_state=8, n_jobs=1, **how).fit_transform(X).tobytes()
    assert other != got[0]


@pytest.mark.parametrize("how", WAYS, ids=str)
def test_saved_pickled_and_new_rows(how, tmp_path):
    X, _ = table(200)
    new, _ = table(60, seed=4)
    imputer = fitted(how, X)
    copies = [
        pickle.loads(pickle.dumps(imputer)),
        tamis.load(tamis.save(imputer, tmp_path / "imputer.tamis")),
    ]
    want = imputer.transform(new)
    assert np.isfinite(want).all()
    np.testing.assert_array_equal(want[~np.isnan(new)], new[~np.isnan(new)])
    for copy in copies:
        np.testing.assert_array_equal(copy.transform(new), want)
    assert clone(imputer).get_params()["n_donors"] == how.get("n_donors")


def test_means_of_trees_are_replayed_by_transform():
    X, _ = table()
    imputer = IterativeImputer("trees", random_state=0)
    np.testing.assert_array_equal(imputer.fit_transform(X), imputer.transform(X))


def test_each_step_can_predict():
    X, _ = table()
    imputer = fitted({"estimator": "trees"}, X)
    assert len(imputer.imputation_sequence_) == imputer.n_iter_ * 5
    step = imputer.imputation_sequence_[-1]
    others = np.delete(np.arange(5), step.feat_idx)
    np.testing.assert_array_equal(step.neighbor_feat_idx, others)
    said = step.estimator.predict(np.nan_to_num(X)[:3, others].tolist())
    assert said.shape == (3,) and step.estimator.n_features_in_ == 4
    assert step.estimator.n_estimators_ == 40
    with pytest.raises(ShapeError, match="rows of 4 columns"):
        step.estimator.predict(X)


@pytest.mark.parametrize("how", [WAYS[1], WAYS[2], WAYS[3]], ids=str)
def test_draws_are_distributed_as_what_is_missing(how):
    # Draws from leaves know that y has a spread of 1 in one half and of 3 in the other. Donors of
    # like predictions do not, and are given one spread.
    rng = np.random.default_rng(0)
    x = rng.uniform(-1, 1, size=3000)
    spread = np.where((x > 0) & ("n_donors" not in how), 3.0, 1.0)
    y = 4 * x + rng.normal(size=3000) * spread
    gone = rng.random(3000) < 0.3
    X = np.column_stack([x, np.where(gone, np.nan, y)])
    got = IterativeImputer(random_state=0, **how).fit_transform(X)[gone, 1]
    assert np.isin(got, y[~gone]).all() or how.get("sample_posterior")
    left = got - 4 * x[gone]
    for half in (x[gone] > 0, x[gone] <= 0):
        assert abs(left[half].mean()) < 0.35
        # What bagged trees say of one number alone is noisy, and so are their donors.
        slack = 0.25 if how.get("estimator") == "trees" and "n_donors" in how else 0.15
        assert abs(left[half].std() / spread[gone][half].mean() - 1) < slack


@pytest.mark.slow
@pytest.mark.parametrize("how", [WAYS[1], WAYS[2], WAYS[3]], ids=str)
def test_intervals_of_many_draws_cover_the_truth(how):
    X, truth = table(500, share=0.1)
    mask = np.isnan(X)
    drawn = [IterativeImputer(random_state=s, **how).fit_transform(X)[mask] for s in range(40)]
    low, high = np.quantile(drawn, [0.05, 0.95], axis=0)
    covered = ((low <= truth[mask]) & (truth[mask] <= high)).mean()
    assert 0.75 < covered <= 0.99


@pytest.mark.parametrize("estimator", [None, "trees", Ridge()], ids=str)
def test_one_donor_is_the_nearest_and_nothing_is_drawn(estimator):
    X, _ = table(200)
    options = {"estimator": estimator, "n_donors": 1, "max_iter": 2}
    if estimator == "trees":  # they draw columns
        options["random_state"] = 0
    one, two = (IterativeImputer(**options).fit_transform(X) for _ in range(2))
    np.testing.assert_array_equal(one, two)
    for j in range(5):
        assert np.isin(one[:, j], X[:, j]).all()


def test_donors_are_values_that_occur_in_any_precision_and_within_limits():
    X, _ = table(200)
    got = IterativeImputer(n_donors=4, random_state=0).fit_transform(X.astype(np.float32))
    assert got.dtype == np.float32
    assert all(np.isin(got[:, j], X[:, j].astype(np.float32)).all() for j in range(5))
    got = IterativeImputer(n_donors=4, max_value=0.5, random_state=0).fit_transform(X)
    assert got[np.isnan(X)].max() <= 0.5


@given(st.lists(st.integers(-9, 9), min_size=1, max_size=40), st.integers(1, 8), st.integers(0, 99))
def test_donors_are_among_the_nearest(said, k, seed):
    said, wanted = np.array(said, dtype=float), np.linspace(-10, 10, 21)
    found = _core.match_donors(said, wanted, k, seed, 0)
    for value, place in zip(wanted, found, strict=True):
        away = np.abs(said - value)
        assert away[place] <= np.sort(away)[min(k, len(said)) - 1]
        if k == 1:
            assert place == np.flatnonzero(away == away.min())[0]


def test_columns_complete_when_fitting_empty_ones_and_few_rows():
    X, truth = table(150)
    X[:, 1] = truth[:, 1]
    new, _ = table(40, seed=3)
    for how in WAYS:
        assert np.isfinite(fitted(how, X).transform(new)).all()
        assert np.isfinite(IterativeImputer(random_state=0, **how).fit_transform(X[:6])).all()
    frame = pd.DataFrame(X, columns=list("abcde"))
    frame["c"] = np.nan
    with pytest.warns(UserWarning, match="without any observed values: \\['c'\\]"):
        out = IterativeImputer("trees").set_output(transform="pandas").fit_transform(frame)
    assert list(out.columns) == list("abde")
    kept = IterativeImputer("trees", keep_empty_features=True).fit_transform(frame)
    assert (kept[:, 2] == 0).all()


@pytest.mark.parametrize("how", WAYS[:4], ids=str)
def test_frames_of_any_types(how, tmp_path):
    rng = np.random.default_rng(0)
    size = rng.normal(size=300)
    truth = pd.DataFrame(
        {
            "size": size,
            "kind": np.where(size > 0.5, "pot", np.where(size < -0.5, "cup", "bowl")),
            "count": pd.array(np.round(size * 10).astype(int), dtype="Int64"),
            "good": pd.array(size > 0, dtype="boolean"),
        }
    )
    mask = rng.random(truth.shape) < 0.1
    X = truth.mask(mask)
    imputer = IterativeImputer(random_state=0, n_jobs=1, **how).set_output(transform="pandas")
    got = imputer.fit_transform(X)
    assert got.dtypes.equals(X.dtypes)
    assert not got.isna().any(axis=None)
    pd.testing.assert_frame_equal(got.mask(mask), X)
    for j, name in ((1, "kind"), (3, "good")):
        assert (got[name] == truth[name])[mask[:, j]].mean() > 0.75
    copy = tamis.load(tamis.save(imputer, tmp_path / "imputer.tamis"))
    pd.testing.assert_frame_equal(copy.transform(X[:60]), imputer.transform(X[:60]))


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"estimator": "tree"}, "fit and predict"),
        ({"n_donors": 0}, "n_donors"),
        ({"n_donors": 2.0}, "n_donors"),
        ({"n_donors": 2, "sample_posterior": True}, "sample_posterior"),
    ],
)
def test_bad_parameters_are_refused(options, says):
    with pytest.raises(ParameterError, match=says):
        IterativeImputer(**options).fit(table(20)[0])


def test_kernels_refuse_what_does_not_fit():
    with pytest.raises(DataError, match="no donor"):
        _core.match_donors(np.empty(0), np.ones(1), 1, 0, 0)
    with pytest.raises(DataError, match="not a number"):
        _core.match_donors(np.ones(2), np.array([np.nan]), 1, 0, 0)
    cuts = _core.Cuts.find(np.ones((3, 2)), [0, 0])
    with pytest.raises(StateError, match="damaged"):
        _core.Cuts(**{**cuts.arrays(), "starts": np.array([0, 5, 9])})
    mask = np.zeros((3, 2), dtype=bool)
    with pytest.raises(ShapeError, match="mask"):
        _core.TreeTable(np.ones((3, 2)), mask[:2], cuts, [0, 0])
    filled = _core.TreeTable(np.ones((3, 2)), mask, cuts, [0, 0])
    with pytest.raises(ShapeError, match="no such columns"):
        filled.set(2, np.ones(1))
    with pytest.raises(ShapeError, match="each missing cell"):
        filled.set(1, np.ones(1))


def test_contract():
    check_estimator(IterativeImputer("trees", max_iter=2, n_jobs=1), on_skip=None)
    check_estimator(IterativeImputer(n_donors=2, max_iter=2, n_jobs=1), on_skip=None)
