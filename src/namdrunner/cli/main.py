"""Entry point of the command line: parsing, exit statuses, and errors in words or as one JSON document."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.main import get_command

import namdrunner
from namdrunner.cli.lazy import LazyGroup
from namdrunner.cli.options import Json
from namdrunner.cli.table import ROOT
from namdrunner.errors import InputError, InternalError, InterruptedOperationError, NamdrunnerError, UsageError

# Typer keeps its own copy of click: its exceptions are reached through what it makes public.
_CLICK_USAGE_ERROR: type[Exception] = typer.BadParameter.__mro__[1]
_CLICK_ERROR: type[Exception] = typer.BadParameter.__mro__[2]

TRACEBACK_VARIABLE = "NAMDRUNNER_TRACEBACK"


class Root(LazyGroup):
    entries = ROOT


app = typer.Typer(
    name="namdrunner",
    cls=Root,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["--help", "-h"]},
)


def _print_version(value: bool) -> None:
    if value:
        typer.echo(f"namdrunner {namdrunner.__version__}")
        raise typer.Exit


@app.callback(
    invoke_without_command=True,
    help="Run NAMD on a Slurm cluster. Without a command: open the UI.",
    epilog="Example: namdrunner demo",
)
def root(
    ctx: typer.Context,
    window: Annotated[bool, typer.Option("--window", help="Open the UI in a window of its own.")] = False,
    as_json: Json = False,
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Show the version.")
    ] = False,
) -> int | None:
    if ctx.invoked_subcommand is not None:
        return None
    from namdrunner.cli.opening import open_ui

    return open_ui(window=window, as_json=as_json)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit status; nothing but the answer is written to stdout."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    _open_streams()
    try:
        return _run_quietly(given)
    except NamdrunnerError as error:
        report(error, as_json="--json" in given)
        return error.exit_status
    except Exception as error:
        if os.environ.get(TRACEBACK_VARIABLE):
            raise
        known = _unforeseen(error)
        report(known, as_json="--json" in given)
        return known.exit_status


def _open_streams() -> None:
    """Started with stdout or stderr closed (``>&-``), Python has none: what is written then goes nowhere."""
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, Path(os.devnull).open("w", encoding="utf-8"))  # noqa: SIM115 - open to the end


def _run_quietly(given: Sequence[str]) -> int:
    try:
        return run(given)
    except BrokenPipeError:
        # The reader (head, less) has seen enough. Nothing may be written any more, also not at exit.
        with contextlib.suppress(OSError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except SystemExit as error:
        # click ends so, with status 1, where its own writing meets a closed pipe.
        if isinstance(error.__context__, BrokenPipeError):
            return 0
        raise


def run(arguments: Sequence[str]) -> int:
    """Like main, but errors are raised: those of click as UsageError."""
    command: Any = get_command(app)
    try:
        result = command.main(args=_json_behind_the_command(arguments), prog_name="namdrunner", standalone_mode=False)
        if isinstance(result, int) and not isinstance(result, bool):
            return result
        sys.stdout.flush()
        return 0
    except _CLICK_USAGE_ERROR as error:
        raise _usage_error(error) from error
    except _CLICK_ERROR as error:
        raise UsageError(_message(error), code="wrong-usage") from error
    except (KeyboardInterrupt, typer.Abort):
        raise InterruptedOperationError("Interrupted.", remedy="Repeat the command to go on.") from None


def _json_behind_the_command(arguments: Sequence[str]) -> list[str]:
    """``namdrunner --json job list`` asks for the same as ``namdrunner job list --json``."""
    given = list(arguments)
    if given[:1] != ["--json"] or all(word.startswith("-") for word in given):
        return given
    end = given.index("--") if "--" in given else len(given)
    return [*given[1:end], "--json", *given[end:]]


def _unforeseen(error: Exception) -> NamdrunnerError:
    """What a file system refuses, else a fault of ours: one sentence for the person, the details on request."""
    if isinstance(error, OSError) and error.filename:
        return InputError(
            f"{error.strerror}: {error.filename}",
            code="file-access",
            remedy="Check that the path exists and that you may read and write there; see `namdrunner doctor`.",
            context={"file": str(error.filename)},
        )
    return InternalError(
        f"Something went wrong inside NAMDRunner: {type(error).__name__}: {error}",
        remedy=f"Please report it, with what {TRACEBACK_VARIABLE}=1 before the same command shows.",
    )


def _usage_error(error: Any) -> UsageError:
    path = error.ctx.command_path if getattr(error, "ctx", None) else "namdrunner"
    return UsageError(_message(error), remedy=f"See `{path} --help`.")


def _message(error: Any) -> str:
    """Without the blank lines that click puts in for its own layout."""
    return " ".join(str(error.format_message()).split()) or "The command cannot be understood."


def report(error: NamdrunnerError, *, as_json: bool) -> None:
    from namdrunner.cli.output import clean, write_json

    if as_json:
        write_json({"error": error.document()})
    print(f"Error: {clean(error.message)}", file=sys.stderr)  # noqa: T201
    if error.remedy:
        print(f"  {clean(error.remedy)}", file=sys.stderr)  # noqa: T201
    for problem in other_problems(error):
        print(f"Also: {clean(problem)}", file=sys.stderr)  # noqa: T201


def other_problems(error: NamdrunnerError) -> list[str]:
    """What else was found wrong with a template or its values: the error's own sentence is the first of them."""
    problems = error.context.get("problems")
    if not isinstance(problems, list):
        return []
    return [str(p["message"]) for p in problems[1:] if isinstance(p, dict) and p.get("message")]
