"""tamis dedup: a copy of files without their duplicates."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import click

from tamis.cli._dedup_report import page, summary
from tamis.cli._errors import debug_option
from tamis.cli._output import check_file, is_page
from tamis.exceptions import ParameterError

__all__ = ["command"]

#: Options that say how texts are compared.
_TEXT_OPTIONS = ("threshold", "shingle", "shingle_size", "method", "normalize")
_FIELDS = ("file", "line", "kept_file", "kept_line", "score", "evidence")


@click.command(
    "dedup",
    epilog="""\b
Examples:
  tamis dedup corpus.jsonl --text-column text -o clean.jsonl
  tamis dedup part-*.parquet --text-column body --threshold 0.7 -o all.parquet --report r.html
  tamis dedup data.csv --rows -o clean.csv --dropped dropped.csv

\b
Files are read twice and never held whole: in memory is the column of text, or 16 bytes a row with
--rows. All must be of one format, which is that of the copy too.
""",
)
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--text-column", metavar="COLUMN", help="Drop near-duplicates of the text in it.")
@click.option("--rows", is_flag=True, help="Drop rows that equal another one.")
@click.option(
    "--subset", multiple=True, metavar="COLUMN",
    help="With --rows: a column to compare; may be given more than once. All by default.",
)  # fmt: skip
@click.option(
    "-o", "--output", required=True, type=click.Path(path_type=Path), metavar="OUT",
    help="The copy to write: the kept rows of all files, as they were.",
)  # fmt: skip
@click.option(
    "--report", type=click.Path(path_type=Path), metavar="FILE",
    help="Write a report to this HTML file.",
)  # fmt: skip
@click.option(
    "--dropped", type=click.Path(path_type=Path), metavar="FILE",
    help="Write what was dropped, and what it matched, to this CSV or JSONL file.",
)  # fmt: skip
@click.option(
    "--keep", type=click.Choice(["first", "last"]), default="first", show_default=True,
    help="Which copy stays.",
)  # fmt: skip
@click.option("--threshold", type=float, metavar="T", help="The least similarity of texts: 0.8.")
@click.option(
    "--shingle", type=click.Choice(["word", "char"]), help="What texts are compared by: words."
)
@click.option("--shingle-size", type=int, metavar="N", help="How many of them make a shingle.")
@click.option(
    "--method", type=click.Choice(["auto", "exact", "minhash"]), help="How pairs are found: auto."
)
@click.option(
    "--normalize", multiple=True, type=click.Choice(["nfc", "case", "whitespace", "punctuation"]),
    help="What is evened out in texts before; may be given more than once.",
)  # fmt: skip
@click.option("--overwrite", is_flag=True, help="Replace files that are there; never an input.")
@click.option("--n-jobs", type=int, metavar="N", help="Threads; all cores by default.")
@debug_option
def command(files: tuple[Path, ...], **options: Any) -> None:
    """Write a copy of FILES without duplicates: JSONL, CSV, TSV or Parquet, in bounded memory."""
    from tamis._stream import open_source

    outputs = {k: options[k] for k in ("output", "report", "dropped") if options[k] is not None}
    _check_options(options)
    sources = [open_source(path) for path in files]
    _check_outputs(files, outputs, sources[0].kind, options["overwrite"])
    _check_alike(sources)
    result = _search(sources, options)
    _write_all(result, outputs)
    click.echo(summary(result, outputs))


def _check_options(options: dict[str, Any]) -> None:
    rows, column = options["rows"], options["text_column"]
    if rows == (column is not None):
        raise ParameterError("give either --text-column COLUMN or --rows")
    if options["subset"] and not rows:
        raise ParameterError("--subset goes with --rows")
    given = [name for name in _TEXT_OPTIONS if options[name] not in (None, ())]
    if rows and given:
        raise ParameterError(f"--{given[0].replace('_', '-')} goes with --text-column")
    dropped = options["dropped"]
    if dropped is not None and dropped.suffix.lower() not in (".csv", ".jsonl"):
        raise ParameterError(f"{dropped}: the list of what was dropped is a .csv or a .jsonl file")


def _check_outputs(
    files: Sequence[Path], outputs: dict[str, Path], kind: str, overwrite: bool
) -> None:
    """Raise unless every file can be written: none is an input, one of others', or named twice."""
    from tamis import _write
    from tamis._read import kind_of_name

    taken = {path.resolve(): "an input" for path in files}
    if len(taken) < len(files):
        raise ParameterError("a file is given more than once: its rows would all be duplicates")
    for name, path in outputs.items():
        real = _write.check(path)
        if real in taken:
            raise ParameterError(f"{path} is {taken[real]} too: choose another name")
        taken[real] = f"what --{name} names"
        if name == "report":
            check_file(path, is_page)
        elif path.exists() and not overwrite:
            raise ParameterError(f"{path} exists: choose another name or give --overwrite")
    out = outputs["output"]
    if kind_of_name(out) != kind:
        raise ParameterError(f"{out} is to be a {kind} file as those read are: name it so")


def _check_alike(sources: Sequence[Any]) -> None:
    """Raise unless one copy can hold the rows of all files."""
    for source in sources[1:]:
        if source.kind != sources[0].kind:
            raise ParameterError(
                f"{source.path} is a {source.kind} file and {sources[0].path} a "
                f"{sources[0].kind} file: give files of one format"
            )
        if source.names() != sources[0].names() or source.schema() != sources[0].schema():
            raise ParameterError(f"{source.path} has other columns than {sources[0].path}")


def _search(sources: Sequence[Any], options: dict[str, Any]) -> Any:
    import numpy as np

    from tamis.dedup import _files

    def order(n: int) -> Any:
        return np.arange(n)[::-1] if options["keep"] == "last" else None

    if options["rows"]:
        return _files.equal_rows(sources, options["subset"] or None, options["n_jobs"], order)
    from tamis.dedup import TextDeduplicator

    given = {name: options[name] for name in _TEXT_OPTIONS if options[name] not in (None, ())}
    step = TextDeduplicator(n_jobs=options["n_jobs"], keep=options["keep"], **given)
    step._check_parameters()
    return _files.similar_texts(sources, options["text_column"], step, order)


def _write_all(result: Any, outputs: dict[str, Path]) -> None:
    """Write all files or none: each is put in its place when all have been written."""
    from tamis import _stream, _write
    from tamis.dedup import _files

    with ExitStack() as stack:
        file = {name: stack.enter_context(_write.beside(path)) for name, path in outputs.items()}
        with _stream.compressed(file["output"], outputs["output"]) as inner:
            _files.copy(result, inner)
        if "dropped" in outputs:
            for text in _listed(result, outputs["dropped"].suffix.lower()):
                file["dropped"].write(text.encode("utf-8", "surrogateescape"))
        if "report" in outputs:
            file["report"].write(page(result, outputs).encode("utf-8", "surrogateescape"))


def _listed(result: Any, ending: str) -> Iterator[str]:
    """Yield the list of what was dropped, a line at a time."""
    dropped, kept, score, evidence = result.found._drops(None)
    if ending == ".csv":
        yield _csv_line(_FIELDS)
    lines, of = result.lines, [str(s.path) for s in result.sources]
    for i, j, s, kind in zip(
        dropped.tolist(), kept.tolist(), score.tolist(), evidence, strict=True
    ):
        value = None if s != s else round(s, 6)  # noqa: PLR0124
        cells = (
            of[result.file_of(i)], int(lines[i]), of[result.file_of(j)], int(lines[j]), value, kind
        )  # fmt: skip
        line = dict(zip(_FIELDS, cells, strict=True))
        yield _csv_line(cells) if ending == ".csv" else json.dumps(line, ensure_ascii=False) + "\n"


def _csv_line(cells: Sequence[Any]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerow(cells)
    return text.getvalue()
