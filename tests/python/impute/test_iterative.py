"""Chained equations: scikit-learn's numbers, on any number of threads, from any input."""

import pickle

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.experimental import enable_iterative_imputer  # noqa: F401
from sklearn.impute import IterativeImputer as Theirs
from sklearn.linear_model import BayesianRidge, LinearRegression, Ridge
from sklearn.utils.estimator_checks import check_estimator

import tamis
from tamis.exceptions import DataError, ParameterError
from tamis.impute import IterativeImputer

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


def table(n=300, p=6, share=0.2, seed=0):
    rng = np.random.default_rng(seed)
    hidden = rng.normal(size=(n, 3))
    truth = 10 + hidden @ rng.normal(size=(3, p)) * 5 + rng.normal(size=(n, p))
    return np.where(rng.random((n, p)) < share, np.nan, truth)


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"imputation_order": "random", "initial_strategy": "median"},
        {"imputation_order": "descending", "skip_complete": True, "max_iter": 3},
        {"n_nearest_features": 2, "min_value": 5.0, "max_value": [20.0] * 6},
        {"estimator": BayesianRidge(alpha_1=0.1, lambda_2=2.0, alpha_init=0.3, tol=1e-8)},
        {"estimator": BayesianRidge(fit_intercept=False)},
        {"estimator": Ridge(alpha=3.0), "imputation_order": "arabic"},
        {"add_indicator": True, "tol": 0.1},
    ],
    ids=str,
)
def test_results_are_scikit_learns(options):
    X, new = table(), table(50, seed=1)
    X[:, 3] = np.nan_to_num(X[:, 3], nan=1.0)  # complete when fitting, not afterwards
    ours = IterativeImputer(random_state=0, **options)
    theirs = Theirs(random_state=0, **options)
    np.testing.assert_allclose(ours.fit_transform(X), theirs.fit_transform(X), atol=1e-8)
    np.testing.assert_allclose(ours.transform(new), theirs.transform(new), atol=1e-8)
    assert ours.n_iter_ == theirs.n_iter_
    assert ours.n_features_with_missing_ == theirs.n_features_with_missing_


def test_draws_are_scikit_learns():
    X = table()
    options = {"sample_posterior": True, "random_state": 0, "min_value": 0, "max_iter": 4}
    ours, theirs = IterativeImputer(**options), Theirs(**options)
    np.testing.assert_allclose(ours.fit_transform(X), theirs.fit_transform(X), atol=1e-6)
    last, peer = ours.imputation_sequence_[-1].estimator, theirs.imputation_sequence_[-1].estimator
    np.testing.assert_allclose(last.sigma_, peer.sigma_, rtol=1e-6)
    np.testing.assert_allclose([last.alpha_, last.lambda_], [peer.alpha_, peer.lambda_], rtol=1e-6)


@pytest.mark.parametrize("shape", [(8, 20), (300, 4)])
def test_few_rows_exact_relations_and_constants(shape):
    X = table(*shape)
    X[:, 0] = 7.0
    X[:, 1] = 2 * X[:, 2] - 1  # also missing together
    got = IterativeImputer(random_state=0).fit_transform(X)
    np.testing.assert_allclose(got, Theirs(random_state=0).fit_transform(X), atol=1e-5)


def test_the_same_bits_on_any_number_of_threads():
    X = table(5000)
    one, two, three = (IterativeImputer(n_jobs=n).fit_transform(X).tobytes() for n in (1, 2, 3))
    assert one == two == three


def test_observed_cells_input_and_precision_stay():
    X = table().astype(np.float32)
    before = X.copy()
    X.setflags(write=False)
    got = IterativeImputer().fit_transform(X)
    assert got.dtype == np.float32
    np.testing.assert_array_equal(X, before)
    seen = ~np.isnan(X)
    np.testing.assert_array_equal(got[seen], X[seen])
    np.testing.assert_allclose(got, IterativeImputer().fit_transform(X.astype(float)), rtol=1e-4)


def test_frames_names_empty_columns_and_pickle():
    frame = pd.DataFrame(table(), columns=list("abcdef"))
    frame["c"] = np.nan
    with pytest.warns(UserWarning, match="without any observed values: \\['c'\\]"):
        imputer = IterativeImputer().set_output(transform="pandas").fit(frame)
    with pytest.warns(UserWarning, match="without any observed"):
        out = imputer.transform(frame)
    assert list(out.columns) == list("abdef")
    again = pickle.loads(pickle.dumps(imputer))
    with pytest.warns(UserWarning, match="without any observed"):
        assert again.transform(frame).equals(out)
    kept = IterativeImputer(keep_empty_features=True).fit_transform(frame)
    assert (kept[:, 2] == 0).all()


def test_saved_and_loaded(tmp_path):
    X = table()
    imputer = IterativeImputer().fit(X)
    again = tamis.load(tamis.save(imputer, tmp_path / "imputer.tamis"))
    np.testing.assert_array_equal(again.transform(X), imputer.transform(X))


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"max_iter": -1}, "max_iter"),
        ({"tol": -1.0}, "tol"),
        ({"imputation_order": "up"}, "imputation_order"),
        ({"initial_strategy": "mode"}, "initial_strategy"),
        ({"n_nearest_features": 0}, "n_nearest_features"),
        ({"estimator": object()}, "fit and predict"),
        ({"min_value": 3, "max_value": 2}, "min_value >= max_value"),
        ({"skip_complete": "no"}, "skip_complete"),
    ],
)
def test_bad_parameters_are_refused(options, says):
    with pytest.raises(ParameterError, match=says):
        IterativeImputer(**options).fit(table(20))


def test_infinities_are_refused_by_column():
    frame = pd.DataFrame(table(20), columns=list("abcdef"))
    frame.loc[3, "d"] = np.inf
    with pytest.raises(DataError, match="infinity in column 'd', row 3"):
        IterativeImputer().fit(frame)


def test_contract():
    assert clone(IterativeImputer(max_iter=3)).max_iter == 3
    check_estimator(IterativeImputer(max_iter=3, n_jobs=1), on_skip=None)
    assert IterativeImputer(LinearRegression()).fit_transform(table()).shape == (300, 6)
