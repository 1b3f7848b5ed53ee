"""scikit-learn's own tests of the detectors it has too, run with our classes in their place."""

import importlib.util
import os
import subprocess
import sys

import pytest

PLUGIN = """
import sklearn.{package}
import tamis.outlier

sklearn.{package}.{name} = tamis.outlier.{name}
"""

#: They count the calls of a private helper of scikit-learn's, which cuts rows into chunks.
FOREST = ["test_iforest_chunks_works1", "test_iforest_chunks_works2"]
#: It wants the warning that duplicates have spoiled the factors; ours are not spoiled.
FACTOR = ["test_lof_duplicate_samples"]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("package", "module", "name", "without"),
    [
        ("ensemble", "test_iforest", "IsolationForest", FOREST),
        ("neighbors", "test_lof", "LocalOutlierFactor", FACTOR),
        ("covariance", "test_elliptic_envelope", "EllipticEnvelope", []),
    ],
)
def test_scikit_learns_tests_pass_with_our_classes(package, module, name, without, tmp_path):
    home = f"sklearn.{package}.tests.{module}"
    if importlib.util.find_spec(home) is None:
        pytest.skip("scikit-learn was installed without its tests")
    (tmp_path / "swap_detectors.py").write_text(PLUGIN.format(package=package, name=name))
    (tmp_path / "pytest.ini").write_text("[pytest]\nmarkers = thread_unsafe\n")
    ours = [str(tmp_path), *(p for p in sys.path if p)]
    command = [
        *(sys.executable, "-m", "pytest", "-q", "-p", "swap_detectors", "-p", "no:cacheprovider"),
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
