"""The command as a whole: help, version, errors, exit codes."""

import os
import subprocess
import sys

import pytest

import tamis
from tamis import cli
from tamis.exceptions import DataError


def one_line(result, says):
    """Check that a command ended with one line on standard error and nothing else."""
    assert result.exit_code == 2, result.output
    assert result.stdout == ""
    assert result.stderr.startswith("error: ")
    assert result.stderr.count("\n") == 1
    assert says in result.stderr


def test_version(tam):
    result = tam("--version")
    assert result.exit_code == 0
    assert result.stdout == f"tamis {tamis.__version__}\n"


@pytest.mark.parametrize("command", [[], *[[name] for name in cli._COMMANDS]])
def test_help_has_examples_and_fits_80_columns(tam, command):
    for flag in ("-h", "--help"):
        result = tam(*command, flag)
        assert result.exit_code == 0
        assert "Examples:" in result.stdout
        assert f"tamis {' '.join(command)}" in result.stdout
        assert max(map(len, result.stdout.splitlines())) <= 100


def test_nothing_asked_for(tam):
    result = tam()
    assert result.exit_code == 2
    assert result.stdout == ""
    assert "Usage: tamis" in result.stderr


@pytest.mark.parametrize(
    ("args", "says"),
    [
        (["tnue"], "No such command 'tnue'"),
        (["--wrong"], "--wrong"),
        (["tune", "x.csv"], "--target"),
        (["tune"], "DATA"),
        (["tune", "x.csv", "--target", "y", "--cv", "1"], "--cv"),
        (["tune", "x.csv", "--target", "y", "--task", "guess"], "--task"),
        (["audit", "x.csv", "--fail-on", "never"], "--fail-on"),
        (["predict", "m.tamis"], "DATA"),
    ],
)
def test_wrong_usage_is_one_line(tam, args, says):
    one_line(tam(*args), says)


@pytest.mark.parametrize("rest", [["tune", "--target", "y"], ["audit"], ["predict", "MODEL"]])
def test_a_wrong_path_names_the_near_one(tam, csv, model, rest):
    rest = [str(model) if r == "MODEL" else r for r in rest]
    one_line(tam(*rest, csv.with_name("trian.csv")), "did you mean")


def test_a_broken_csv_names_file_and_line(tam, tmp_path):
    path = tmp_path / "broken.csv"
    path.write_text("a,b\n1,2\n1,2,3\n")
    one_line(tam("tune", path, "--target", "b"), "line 3 has 3 fields")


@pytest.mark.parametrize("before", [True, False])
def test_debug_shows_the_traceback_wherever_it_stands(tam, tmp_path, before):
    args = ["audit", tmp_path / "no.csv"]
    result = tam("--debug", *args) if before else tam(*args, "--debug")
    assert result.exit_code == 2
    assert "Traceback" in result.stderr
    assert result.stderr.splitlines()[-1].startswith("error: ")


def test_a_bug_is_told_from_a_wrong_input(tam, csv, monkeypatch):
    monkeypatch.setattr(tamis, "audit", lambda *_, **__: 1 / 0, raising=False)
    result = tam("audit", csv)
    assert result.exit_code == 70
    assert result.stderr == (
        "error: a bug in tamis: ZeroDivisionError: division by zero; --debug shows where\n"
    )


def test_a_message_of_many_lines_becomes_one(tam, csv, monkeypatch):
    def fail(*_, **__):
        raise DataError("first\nsecond")

    monkeypatch.setattr(tamis, "audit", fail, raising=False)
    one_line(tam("audit", csv), "error: first second")


def test_an_interrupt_is_one_line(tam, csv, monkeypatch):
    def stop(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(tamis, "audit", stop, raising=False)
    result = tam("audit", csv)
    assert result.exit_code == 130
    assert result.stderr == "interrupted\n"


def test_help_imports_nothing_heavy():
    code = (
        "import sys; from click.testing import CliRunner; from tamis.cli import main;"
        "CliRunner().invoke(main, ['--help']);"
        "sys.exit(', '.join({'sklearn', 'pandas', 'matplotlib'} & set(sys.modules)) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_completion(shell):
    for kind in ("bash_source", "zsh_source", "fish_source"):
        done = shell(env={**os.environ, "_TAMIS_COMPLETE": kind})
        assert done.returncode == 0, done.stderr
        assert "_TAMIS_COMPLETE" in done.stdout
