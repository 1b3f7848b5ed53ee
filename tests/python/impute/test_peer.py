"""scikit-learn's own tests of the imputers, run with our classes in their place."""

import os
import subprocess
import sys

import pytest

PLUGIN = """
import sklearn.impute
import tamis.impute

for name in tamis.impute.__all__:
    setattr(sklearn.impute, name, getattr(tamis.impute, name))
"""


@pytest.mark.slow
@pytest.mark.parametrize("module", ["test_impute", "test_knn", "test_common"])
def test_scikit_learns_tests_pass_with_our_classes(module, tmp_path):
    pytest.importorskip(f"sklearn.impute.tests.{module}", reason="ships without its tests")
    (tmp_path / "swap_imputers.py").write_text(PLUGIN)
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    ours = [str(tmp_path), *(p for p in sys.path if p)]
    command = [
        *(sys.executable, "-m", "pytest", "-q", "-p", "swap_imputers", "-p", "no:cacheprovider"),
        *("-c", str(tmp_path / "pytest.ini"), "--rootdir", str(tmp_path), "-W", "ignore"),
        *("--pyargs", f"sklearn.impute.tests.{module}"),
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
