"""The command line: `tamis tune`, `tamis audit`, `tamis dedup`, `tamis predict`."""

from __future__ import annotations

import importlib
from typing import Any

import click

from tamis._core import __version__
from tamis.cli._errors import USAGE, Group, debug_option

__all__ = ["main"]

#: Command -> what it does. Its module is only imported when it is called, so that help is quick.
_COMMANDS = {
    "audit": "Say what is wrong with a table.",
    "dedup": "Copy files without their duplicates.",
    "predict": "Predict the rows of a table with a saved model.",
    "tune": "Find the data steps and the model that fit a table best.",
}


class _Lazy(Group):
    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> Any:
        if cmd_name not in _COMMANDS:
            return None
        return importlib.import_module(f"tamis.cli._{cmd_name}").command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(sorted(_COMMANDS.items()))


@click.group(
    cls=_Lazy,
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="""\b
Examples:
  tamis audit train.csv --target price
  tamis tune train.csv --target price --time-budget 60 -o out
  tamis predict out new.csv -o predictions.csv
  tamis dedup corpus.jsonl --text-column text -o clean.jsonl

\b
Tables are CSV, TSV, Parquet or JSONL files, also compressed (.gz, .bz2, .xz).
Exit codes: 0 done, 1 findings (audit --fail-on), 2 an error in what was given, 70 a bug in
tamis, 130 interrupted by Ctrl-C.

\b
Completion by the Tab key, in ~/.bashrc (or ~/.zshrc with zsh_source):
  eval "$(_TAMIS_COMPLETE=bash_source tamis)"
For fish: _TAMIS_COMPLETE=fish_source tamis > ~/.config/fish/completions/tamis.fish
""",
)
@click.version_option(__version__, prog_name="tamis", message="%(prog)s %(version)s")
@debug_option
@click.pass_context
def main(ctx: click.Context) -> None:
    """Turn raw training data into better training data and a better model, with proof."""
    if ctx.invoked_subcommand is None:
        click.echo(ctx.get_help(), err=True)
        ctx.exit(USAGE)
