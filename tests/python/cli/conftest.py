"""What the tests of the command line share."""

import shutil
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

import tamis
from tamis.cli import main
from tamis.pipeline import Pipeline
from tamis.search import FrameEncoder


@pytest.fixture
def tam():
    """Run a command line in this process: tam("tune", path, ...) -> click's result."""

    def call(*args):
        return CliRunner().invoke(main, [str(a) for a in args])

    return call


@pytest.fixture
def shell():
    """Run a command line in a process of its own."""

    def call(*args, **options):
        return subprocess.run(
            [sys.executable, "-m", "tamis", *map(str, args)],
            capture_output=True,
            text=True,
            check=False,
            **options,
        )

    return call


@pytest.fixture(scope="session")
def table():
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"age": rng.normal(40, 9, 120), "port": rng.choice(list("SCQ"), 120)})
    frame.loc[::9, "age"] = np.nan
    frame["alive"] = np.where((frame["port"] == "S") | (frame["age"] > 45), "yes", "no")
    return frame


@pytest.fixture
def csv(tmp_path, table):
    path = tmp_path / "train.csv"
    table.to_csv(path, index=False)
    return path


@pytest.fixture(scope="session")
def models(tmp_path_factory, table):
    """A saved classifier and a saved regressor, from the frame to the prediction."""
    folder = tmp_path_factory.mktemp("models")
    kinds = {
        "c": (HistGradientBoostingClassifier(max_iter=5), table["alive"]),
        "r": (HistGradientBoostingRegressor(max_iter=5), np.arange(120.0)),
    }
    for name, (est, y) in kinds.items():
        columns = FrameEncoder(numbers=["age"], categories=["port"])
        pipeline = Pipeline([("columns", columns), ("model", est)]).fit(table, y)
        tamis.save(pipeline, folder / f"{name}.tamis")
    return folder


@pytest.fixture
def model(models, tmp_path):
    """The path of a saved classifier, the test's own."""
    return shutil.copy(models / "c.tamis", tmp_path / "m.tamis")


@pytest.fixture
def regressor(models, tmp_path):
    """The path of a saved regressor, the test's own."""
    return shutil.copy(models / "r.tamis", tmp_path / "r.tamis")
