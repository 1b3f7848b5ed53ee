"""scikit-learn's own tests with our classes in place; what differs is listed with its reason."""

import re
import subprocess
import sys

import pytest

RUN = """
import os, sys
import pytest, sklearn, sklearn.calibration, sklearn.linear_model, sklearn.naive_bayes
import sklearn.neural_network, sklearn.svm
import tamis.models
for name in {names!r}:
    for home, module in list(sys.modules.items()):
        if home.startswith("sklearn.") and name in vars(module):
            setattr(module, name, getattr(tamis.models, name))
path = os.path.join(os.path.dirname(sklearn.__file__), {path!r})
options = ["-q", "-p", "no:cacheprovider", "-c", os.devnull, "--rootdir", os.path.dirname(path)]
sys.exit(pytest.main([path, *options, "-W", "ignore", "--tb=no", "-k", {choose!r}]))
"""

#: Two fits agree to 1.4e-7 where 1e-7 is asked (test_logreg_l1); any solver takes any penalty,
#: there are no callbacks, one message tells of all solvers, n_jobs is used, float32 stays float32,
#: and classes that inherit from scikit-learn's class reach into it.
LOGISTIC = """
test_logreg_l1 test_check_solver_option test_liblinear_dual_random_state test_max_iter test_n_iter
test_multinomial_logistic_regression_string_inputs test_logistic_regression_solvers_multiclass
test_logreg_predict_proba_multinomial test_warm_start_newton_solver test_dtype_match
test_l1_ratio_non_elasticnet test_scores_attribute_layout_elasticnet test_large_sparse_matrix
test_liblinear_with_large_values test_newton_cholesky_fallback_to_lbfgs
test_liblinear_multiclass_raises test_l1_ratio_None_deprecated
test_logisticregression_warns_with_n_jobs test_lr_penalty_l1ratio_incompatible
test_lr_scoring_warns test_logistic_regression_callback_support
test_logistic_regression_callback_fitted_estimator test_logistic_regression_callback_support_warning
"""
#: Sweeps over coefficients in use, input always checked, other messages; the
#: order of random draws.
ELASTIC = """
test_enet_nonfinite_params test_warm_start
test_random_descent test_check_input_false test_enet_copy_X_False_check_input_False
test_enet_coordinate_descent_raises_convergence
"""
#: No steps to count, every solver takes sparse rows with an intercept, and the answer is exact
#: where lbfgs would stop on the way; private helpers.
RIDGE = """
test_n_iter test_ridge_fit_intercept_sparse_error test_ridge_fit_intercept_sparse_sag
test_lbfgs_solver_error
"""

#: They look at the private gradient and at the private optimizer object.
MLP = "test_gradient test_learning_rate_warmstart test_adaptive_learning_rate"
#: Private attributes and tables (test_plain_..., ..._method_access, test_loss_..., ..._subsets),
#: other messages (..._balanced, ..._zero_validation_weight), and an end that hangs on the score of
#: weights without their scale (test_multi_thread_...).
SGD = """
test_plain_has_no_average_attr test_sgd_predict_proba_method_access test_loss_function_epsilon
test_validation_mask_correctly_subsets test_partial_fit_weight_class_balanced
test_sgd_error_on_zero_validation_weight test_multi_thread_multi_class_and_early_stopping
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("names", "path", "choose", "differ"),
    [
        (["LogisticRegression"], "linear_model/tests/test_logistic.py", "not CV", LOGISTIC),
        (
            ["Lasso", "ElasticNet"],
            "linear_model/tests/test_coordinate_descent.py",
            "not CV and not Multi and not multi_task",
            ELASTIC,
        ),
        # X is never written to, whatever copy_X says.
        (
            ["LinearRegression"],
            "linear_model/tests/test_base.py",
            "",
            "test_inplace_data_preprocessing",
        ),
        (
            ["Ridge"],
            "linear_model/tests/test_ridge.py",
            "not CV and not Classifier and not cv and not classifier",
            RIDGE,
        ),
        # Where the steps of a loose tol end on sparse and on dense rows.
        (["HuberRegressor"], "linear_model/tests/test_huber.py", "", "test_huber_sample_weights"),
        # The message for a solver that SciPy has no more.
        (
            ["QuantileRegressor"],
            "linear_model/tests/test_quantile.py",
            "",
            "test_error_interior_point_future",
        ),
        (["SGDClassifier", "SGDRegressor"], "linear_model/tests/test_sgd.py", "not OneClass", SGD),
        # Steps of Newton's method are enough where sweeps over the rows are not.
        (
            ["LinearSVC", "LinearSVR"],
            "svm/tests",
            "linear or lsvc or crammer or min_c",
            "test_linear_svm_convergence_warnings",
        ),
        # Private methods.
        (
            ["GaussianNB", "MultinomialNB", "ComplementNB", "BernoulliNB"],
            "tests/test_naive_bayes.py",
            "",
            "test_alpha_vector test_check_alpha test_gnb_check_update_with_no_data",
        ),
        (["MLPClassifier", "MLPRegressor"], "neural_network/tests/test_mlp.py", "", MLP),
        # A callable whose matrix does not fit the rows is refused by fit already.
        (["SVC", "SVR"], "svm/tests/test_svm.py", "", "test_svr_errors"),
        (["SVC", "SVR"], "svm/tests/test_sparse.py", "", ""),
        # The default classifier is our LinearSVC.
        (
            ["CalibratedClassifierCV", "SVC"],
            "tests/test_calibration.py",
            "",
            "test_calibration_default_estimator",
        ),
    ],
    ids=lambda v: v[0] if isinstance(v, list) else "",
)
def test_the_tests_of_scikit_learn(names, path, choose, differ):
    code = RUN.format(names=names, path=path, choose=choose)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert re.search(r"\d+ passed", done.stdout), done.stdout + done.stderr
    failed = set(re.findall(r"^FAILED \S*::(\w+)", done.stdout, flags=re.MULTILINE))
    assert failed <= set(differ.split()), failed - set(differ.split())
