"""scikit-learn's own tests of forests, boosting and neighbours, with our classes in their place."""

import importlib.util
import os
import subprocess
import sys

import pytest

PLUGIN = """
import sklearn.{package}
import tamis.models

for name in {names}:
    setattr(sklearn.{package}, name, getattr(tamis.models, name))
"""
BOOSTING = ("HistGradientBoostingClassifier", "HistGradientBoostingRegressor")
FORESTS = (
    "ExtraTreesClassifier",
    "ExtraTreesRegressor",
    "RandomForestClassifier",
    "RandomForestRegressor",
)
NEIGHBOURS = ("KNeighborsClassifier", "KNeighborsRegressor")
HOME = "ensemble._hist_gradient_boosting.tests"
#: They look at private helpers of scikit-learn's, or swap them for others.
PRIVATE = [
    "test_binning_train_validation_are_separated",
    "test_small_trainset",
    "test_check_interaction_cst",
    "test_dataframe_categorical_results_same_as_ndarray",
    "test_early_stopping_with_sample_weights",
]
#: It passes a private loss object of scikit-learn's, which has no value of its own.
FOREIGN_LOSS = ["test_custom_loss"]
#: The same errors in other words.
WORDS = ["test_categorical_spec_errors", "test_input_error"]

#: Private helpers of scikit-learn's; joblib, which ours does without; a criterion as an object;
#: another text of an error; and a warning that "friedman_mse" will go, which here it will not.
FOREST = [
    "test_memory_layout",
    "test_validate_y_class_weight",
    "test_oob_not_computed_twice",
    "test_backend_respected",
    "test_mse_criterion_object_segfault_smoke_test",
    "test_poisson_y_positive_check",
    "test_friedman_mse_deprecation",
]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("package", "module", "names", "without"),
    [
        ("ensemble", f"{HOME}.test_gradient_boosting", BOOSTING, PRIVATE + FOREIGN_LOSS + WORDS),
        ("ensemble", f"{HOME}.test_warm_start", BOOSTING, []),
        ("ensemble", "ensemble.tests.test_forest", FORESTS, FOREST),
        ("ensemble", f"{HOME}.test_monotonic_constraints", BOOSTING, WORDS),
        ("neighbors", "neighbors.tests.test_neighbors", NEIGHBOURS, []),
    ],
)
def test_scikit_learns_tests_pass_with_our_classes(package, module, names, without, tmp_path):
    home = f"sklearn.{module}"
    if importlib.util.find_spec(home) is None:
        pytest.skip("scikit-learn was installed without its tests")
    (tmp_path / "swap_models.py").write_text(PLUGIN.format(package=package, names=names))
    (tmp_path / "pytest.ini").write_text("[pytest]\nmarkers = thread_unsafe\n")
    ours = [str(tmp_path), *(p for p in sys.path if p)]
    command = [
        *(sys.executable, "-m", "pytest", "-q", "-p", "swap_models", "-p", "no:cacheprovider"),
        *("-c", str(tmp_path / "pytest.ini"), "--rootdir", str(tmp_path), "-W", "ignore"),
        *("-k", " and ".join(f"not {test}" for test in without) or "test"),
        *("--pyargs", home),
    ]
    run = subprocess.run(
        command,
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(ours)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stdout[-5000:]
    assert " passed" in run.stdout
