"""Errors of the command line: one line on standard error, a traceback only with --debug."""

from __future__ import annotations

import os
import sys
import traceback
import warnings
from collections.abc import Callable, Sequence
from typing import Any

import click

__all__ = ["INTERRUPTED", "USAGE", "Group", "debug_option"]

USAGE = 2
BUG = 70
INTERRUPTED = 130
#: What a program that is killed by a closed pipe ends with in a shell.
CLOSED_PIPE = 141

_DEBUG = "tamis.debug"


def debug_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add ``--debug``, which every command takes, also before its name."""

    def keep(ctx: click.Context, _: click.Parameter, value: bool) -> None:
        if value:
            ctx.find_root().meta[_DEBUG] = True

    return click.option(
        "--debug",
        is_flag=True,
        expose_value=False,
        is_eager=True,
        callback=keep,
        help="Show the traceback of an error.",
    )(command)


class Group(click.Group):
    """A group whose commands end with one line when something is wrong."""

    def main(  # type: ignore[override]
        self, args: Sequence[str] | None = None, standalone_mode: bool = True, **extra: Any
    ) -> Any:
        """Run a command line and end with its exit code."""
        extra["prog_name"] = "tamis"  # also for python -m tamis
        if not standalone_mode:
            return super().main(args, standalone_mode=False, **extra)
        try:
            code = super().main(args, standalone_mode=False, **extra)
        except click.ClickException as error:
            _say(error.format_message())
            code = error.exit_code
        except click.Abort:  # Ctrl-C before a command was running
            code = INTERRUPTED
        sys.exit(code if isinstance(code, int) else 0)

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command named in the context; turn what it raises into a line and a code."""
        try:
            with warnings.catch_warnings():
                _calm_warnings()
                result = super().invoke(ctx)
                sys.stdout.flush()
                return result
        except (click.ClickException, click.Abort, click.exceptions.Exit):
            raise
        except KeyboardInterrupt:
            click.echo("interrupted", err=True)
            code = INTERRUPTED
        except BrokenPipeError:
            # Whoever read our output has enough; nothing more is to be written, now or at exit.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            code = CLOSED_PIPE
        except Exception as error:
            code = _explain(error, debug=_DEBUG in ctx.meta)
        raise click.exceptions.Exit(code)


def _explain(error: Exception, *, debug: bool) -> int:
    """Print the error's line (and traceback); return the exit code."""
    from tamis.exceptions import TamisError  # brings scikit-learn, which help does not need

    if debug:
        traceback.print_exception(error)
    if isinstance(error, TamisError):
        _say(str(error))
        return USAGE
    if isinstance(error, MemoryError):
        _say("not enough memory for this table: try fewer rows or columns")
        return USAGE
    if isinstance(error, OSError) and error.strerror:
        name = f"{error.filename}: " if error.filename else ""
        _say(f"{name}{error.strerror}")
        return USAGE
    more = "" if debug else "; --debug shows where"
    _say(f"a bug in tamis: {type(error).__name__}: {error}{more}")
    return BUG


def _say(message: str) -> None:
    line = " ".join(message.split())
    click.echo(f"{click.style('error:', fg='red', bold=True)} {line}", err=True)


def _calm_warnings() -> None:
    """Show our warnings as one line; those of libraries are for programmers, not for users."""
    warnings.simplefilter("ignore")
    warnings.filterwarnings("always", module=r"tamis(\.|$)", category=UserWarning)

    def show(message: Warning | str, *_: Any, **__: Any) -> None:
        line = " ".join(str(message).split())
        click.echo(f"{click.style('warning:', fg='yellow', bold=True)} {line}", err=True)

    warnings.showwarning = show
