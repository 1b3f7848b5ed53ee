"""tamis predict, end to end."""

import io
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

import tamis


def frame_of(text):
    return pd.read_csv(io.StringIO(text))


def test_standard_output_has_the_models_own_predictions(tam, model, csv, table):
    result = tam("predict", model, csv)
    assert result.exit_code == 0, result.output
    out = frame_of(result.stdout)
    assert list(out.columns) == ["prediction"]
    assert np.array_equal(out["prediction"], tamis.load(model).predict(table))
    assert result.stderr == ""


def test_probabilities(tam, model, csv, table):
    out = frame_of(tam("predict", model, csv, "--proba").stdout)
    assert list(out.columns) == ["prediction", "proba_no", "proba_yes"]
    assert np.array_equal(out.iloc[:, 1:], tamis.load(model).predict_proba(table))
    assert np.array_equal(out["prediction"], tamis.load(model).predict(table))


def test_numbers_keep_every_digit(tam, regressor, csv, table):
    out = frame_of(tam("predict", regressor, csv).stdout)
    assert np.array_equal(out["prediction"], tamis.load(regressor).predict(table))


def test_a_file_and_its_replacement(tam, model, csv, tmp_path):
    out = tmp_path / "p.csv"
    for flags in ([], ["--proba"], []):
        result = tam("predict", model, csv, "-o", out, *flags)
        assert result.exit_code == 0, result.output
        assert result.stdout == ""
        assert result.stderr == f"120 predictions written to {out}\n"
    assert out.read_text() == tam("predict", model, csv).stdout


def test_a_folder_that_tune_wrote(tam, model, csv, tmp_path):
    (tmp_path / "out").mkdir()
    model.rename(tmp_path / "out" / "model.tamis")
    assert tam("predict", tmp_path / "out", csv).exit_code == 0
    (tmp_path / "empty").mkdir()
    result = tam("predict", tmp_path / "empty", csv)
    assert result.exit_code == 2
    assert "holds no model.tamis" in result.stderr


@pytest.mark.parametrize(
    ("name", "content"),
    [("mine.csv", "a,b\n1,2\n"), ("mine.csv", "prediction,mine\n"), ("note.txt", "dear diary")],
)
def test_a_file_of_somebody_else_is_kept(tam, model, csv, tmp_path, name, content):
    path = tmp_path / name
    path.write_text(content)
    result = tam("predict", model, csv, "-o", path)
    assert result.exit_code == 2
    assert "was not written by this command" in result.stderr
    assert path.read_text() == content


def test_a_missing_folder_is_said_before_anything_is_read(tam, model, tmp_path):
    result = tam("predict", model, tmp_path / "no.csv", "-o", tmp_path / "no" / "p.csv")
    assert result.exit_code == 2
    assert "there is no folder" in result.stderr


def test_a_missing_column_is_named(tam, model, csv, table):
    table.drop(columns="port").to_csv(csv, index=False)
    result = tam("predict", model, csv)
    assert result.exit_code == 2
    assert "port" in result.stderr
    assert result.stderr.count("\n") == 1


def test_new_columns_unseen_categories_and_gaps(tam, model, csv, table):
    table.assign(port="new", age=None, other=1).to_csv(csv, index=False)
    assert tam("predict", model, csv).exit_code == 0


def test_no_probabilities_of_numbers(tam, regressor, csv):
    result = tam("predict", regressor, csv, "--proba")
    assert result.exit_code == 2
    assert "no probabilities" in result.stderr


def test_files_that_are_no_models(tam, csv, tmp_path):
    assert "not a file that tamis.save wrote" in tam("predict", csv, csv).stderr
    result = tam("predict", tamis.save({"a": 1}, tmp_path / "x.tamis"), csv)
    assert result.exit_code == 2
    assert "does not predict" in result.stderr


@pytest.mark.parametrize("rows", [5, 200_000])
def test_a_closed_pipe_is_quiet(model, tmp_path, table, rows):
    data = tmp_path / "many.csv"
    pd.concat([table] * (rows // len(table) + 1)).head(rows).to_csv(data, index=False)
    command = [sys.executable, "-m", "tamis", "predict", str(model), str(data)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    if rows > 5:
        assert process.stdout.readline() == "prediction\n"
    process.stdout.close()
    assert process.stderr.read() == ""
    process.stderr.close()
    assert process.wait() == 141


def test_a_real_process(shell, model, csv, tmp_path):
    done = shell("predict", model, csv, "-o", tmp_path / "p.csv")
    assert (done.returncode, done.stdout) == (0, "")
    assert len((tmp_path / "p.csv").read_text().splitlines()) == 121
