"""tamis predict: a saved model on new rows."""

from __future__ import annotations

import csv
import io
import sys
from pathlib import Path
from typing import Any

import click
import numpy as np

from tamis import _write
from tamis.cli._errors import debug_option
from tamis.cli._output import check_file
from tamis.exceptions import ParameterError, StateError

__all__ = ["command"]

_FIRST = "prediction"
#: Rows turned into text at a time.
_CHUNK = 10_000


@click.command(
    "predict",
    epilog="""\b
Examples:
  tamis predict out new.csv -o predictions.csv
  tamis predict out/model.tamis new.parquet --proba | head
""",
)
@click.argument("model", type=click.Path(path_type=Path))
@click.argument("data", type=click.Path(path_type=Path))
@click.option(
    "-o", "--output", type=click.Path(path_type=Path), metavar="FILE",
    help="The CSV file to write; standard output otherwise.",
)  # fmt: skip
@click.option("--proba", is_flag=True, help="Add a column with the probability of each class.")
@debug_option
def command(model: Path, data: Path, output: Path | None, proba: bool) -> None:
    """Predict the rows of DATA with MODEL, as CSV: one line for each row, in their order.

    MODEL is a folder that `tamis tune -o` wrote, or a .tamis file. Columns that the model does not
    know are ignored.
    """
    from tamis._read import read

    if output is not None:
        check_file(output, _is_ours)
    est = _load(model)
    if proba and not hasattr(est, "predict_proba"):
        raise ParameterError(f"{model} gives no probabilities: leave out --proba")
    names, values = _predict(est, read(data), proba)
    if output is not None:
        _write.replace(output, "".join(_csv(names, values)).encode())
        click.echo(f"{len(values[0])} predictions written to {output}", err=True)
        return
    for text in _csv(names, values):
        sys.stdout.write(text)


def _load(path: Path) -> Any:
    from tamis._state import load

    if path.is_dir():
        if not (path / "model.tamis").is_file():
            raise ParameterError(f"{path} holds no model.tamis: give a folder that tune -o wrote")
        path = path / "model.tamis"
    est = load(path)
    if not hasattr(est, "predict"):
        raise StateError(f"{path} holds a {type(est).__name__}, which does not predict")
    return est


def _predict(est: Any, frame: Any, proba: bool) -> tuple[list[str], list[np.ndarray]]:
    """Return the names and values of the columns to write."""
    if not proba:
        return [_FIRST], [est.predict(frame)]
    chances = est.predict_proba(frame)
    said = np.asarray(est.classes_)[chances.argmax(axis=1)]
    names = [_FIRST, *(f"proba_{c}" for c in np.asarray(est.classes_).tolist())]
    return names, [said, *chances.T]


def _csv(names: list[str], values: list[np.ndarray]) -> Any:
    """Yield the table as CSV text, a piece at a time."""
    for start in range(0, max(1, len(values[0])), _CHUNK):
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        if start == 0:
            writer.writerow(names)
        part = [v[start : start + _CHUNK].tolist() for v in values]
        writer.writerows(zip(*part, strict=True))
        yield text.getvalue()


def _is_ours(path: Path) -> bool:
    """Return whether the file starts as what this command writes."""
    with path.open("rb") as file:
        first = file.readline(4096).decode(errors="replace").strip().split(",")
    return first[0] == _FIRST and all(name.startswith("proba_") for name in first[1:])
