"""imbalanced-learn's own tests of the samplers, run with ours in their place."""

import os
import subprocess
import sys

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.exceptions import DataConversionWarning
from sklearn.utils._testing import ignore_warnings

import tamis.resample as ours

imblearn = pytest.importorskip("imblearn")

from imblearn.over_sampling.base import BaseOverSampler  # noqa: E402
from imblearn.under_sampling.base import BaseCleaningSampler, BaseUnderSampler  # noqa: E402
from imblearn.utils import estimator_checks  # noqa: E402

PLUGIN = """
import importlib

import tamis.resample

for package in ("over_sampling", "under_sampling", "combine"):
    theirs = importlib.import_module(f"imblearn.{package}")
    for name in tamis.resample.__all__:
        if hasattr(theirs, name):
            setattr(theirs, name, getattr(tamis.resample, name))
"""
_OVER, _UNDER = "imblearn.over_sampling", "imblearn.under_sampling._prototype_selection.tests"
MODULES = [
    *(f"{_OVER}.tests.test_{name}" for name in ("adasyn", "common", "random_over_sampler")),
    *(
        f"{_OVER}._smote.tests.test_{name}"
        for name in ("borderline_smote", "kmeans_smote", "smote", "smote_nc", "smoten", "svm_smote")
    ),
    *(
        f"{_UNDER}.test_{name}"
        for name in (
            *("allknn", "edited_nearest_neighbours", "nearmiss", "random_under_sampler"),
            *("repeated_edited_nearest_neighbours", "tomek_links"),
        )
    ),
    *(f"imblearn.combine.tests.test_{name}" for name in ("smote_enn", "smote_tomek")),
]

SAMPLERS = [
    ours.ADASYN(random_state=42),
    ours.AllKNN(),
    ours.BorderlineSMOTE(random_state=42),
    ours.EditedNearestNeighbours(),
    ours.KMeansSMOTE(random_state=0, kmeans_estimator=12),
    ours.NearMiss(version=1),
    ours.NearMiss(version=2),
    ours.RandomOverSampler(random_state=42),
    ours.RandomUnderSampler(random_state=42),
    ours.RepeatedEditedNearestNeighbours(),
    ours.SMOTE(random_state=42),
    ours.SMOTEENN(random_state=42),
    ours.SMOTEN(random_state=42),
    ours.SMOTETomek(random_state=42),
    ours.SVMSMOTE(random_state=42),
    ours.TomekLinks(),
]

#: So that the checks know what each is to do with the classes.
for base, kind in (
    (BaseOverSampler, "over"),
    (BaseUnderSampler, "under"),
    (BaseCleaningSampler, "clean"),
):
    for sampler in SAMPLERS:
        if sampler._kind == kind and not isinstance(sampler, ours.SMOTEENN | ours.SMOTETomek):
            base.register(type(sampler))


@pytest.mark.slow
def test_imbalanced_learns_tests_pass_with_our_classes(tmp_path):
    pytest.importorskip(MODULES[0], reason="imbalanced-learn was installed without its tests")
    (tmp_path / "swap_samplers.py").write_text(PLUGIN)
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    paths = [str(tmp_path), *(p for p in sys.path if p)]
    command = [
        *(sys.executable, "-m", "pytest", "-q", "-p", "swap_samplers", "-p", "no:cacheprovider"),
        *("-c", str(tmp_path / "pytest.ini"), "--rootdir", str(tmp_path), "-W", "ignore"),
        *("--pyargs", *MODULES),
    ]
    run = subprocess.run(
        command,
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(paths)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stdout[-5000:]
    assert " passed" in run.stdout


CHECKS = [
    (sampler, check)
    for sampler in SAMPLERS
    for check in estimator_checks._yield_sampler_checks(sampler)
]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("sampler", "check"),
    CHECKS,
    ids=[f"{type(s).__name__}-{c.__name__}" for s, c in CHECKS],
)
@pytest.mark.filterwarnings("ignore")
def test_imbalanced_learns_checks_pass(sampler, check):
    np.random.seed(0)  # noqa: NPY002 the checks draw from it
    with ignore_warnings(category=(FutureWarning, DataConversionWarning)):
        check(type(sampler).__name__, clone(sampler))
