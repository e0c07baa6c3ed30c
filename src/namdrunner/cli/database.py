"""database show, backup, restore, reset, forget-jobs: nothing here touches a cluster."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from namdrunner.cli.options import Json
from namdrunner.cli.output import facts, say, size, write_json
from namdrunner.cli.session import open_client
from namdrunner.errors import InterruptedOperationError, UsageError

Yes = Annotated[bool, typer.Option("--yes", help="Do not ask.")]


def show(as_json: Json = False) -> None:
    """Show where the local database is, how large, and which backups there are."""
    with open_client() as client:
        found = client.storage.show()
    if as_json:
        write_json(found)
        return
    facts(
        [
            ("file", found["path"]),
            ("size", size(found["bytes"])),
            ("jobs", found["jobs"]),
            ("clusters", found["clusters"]),
            ("backups", ", ".join(found["backups"]) or "none"),
        ]
    )


def backup(as_json: Json = False) -> None:
    """Make a consistent copy of the database beside it."""
    with open_client() as client:
        made = client.storage.backup()
    if as_json:
        write_json(made)
    else:
        say(f"Backed up to {made['backup']} ({size(made['bytes'])}).")


def restore(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A backup.")], yes: Yes = False, as_json: Json = False
) -> None:
    """Put a backup in the place of the database, which is kept beside it."""
    _confirm(yes, f"Replace the database by {file}?")
    with open_client() as client:
        done = client.storage.restore(file)
    if as_json:
        write_json(done)
    else:
        say(f"Restored. The database as it was before: {done['previous']}")


def reset(yes: Yes = False, as_json: Json = False) -> None:
    """Forget jobs and clusters here; the database is kept, and everything on the clusters stays."""
    _confirm(yes, "Forget all jobs and clusters on this computer? Nothing on the clusters is touched.")
    with open_client() as client:
        done = client.storage.reset()
    if as_json:
        write_json(done)
    else:
        say(f"Forgotten. The database as it was before: {done['previous']}")


def forget_jobs(yes: Yes = False, as_json: Json = False) -> None:
    """Empty the local list of jobs after a backup; a sync restores it from the clusters."""
    _confirm(yes, "Forget the local list of jobs? Nothing on the clusters is touched.")
    with open_client() as client:
        done = client.storage.forget_jobs()
    if as_json:
        write_json(done)
    else:
        say(f"Forgot {done['forgotten']} jobs; a sync brings them back. Backup: {done['previous']}")


def _confirm(yes: bool, question: str) -> None:
    """Raises UsageError (``confirmation-needed``) where nobody can be asked, InterruptedOperationError."""
    if yes:
        return
    if not sys.stdin.isatty():
        raise UsageError("This has to be confirmed.", code="confirmation-needed", remedy="Repeat it with --yes.")
    if not typer.confirm(question, err=True):
        raise InterruptedOperationError("Nothing was changed.", code="not-confirmed")
