"""Talking to the server from a command: finding or starting it, and following long work."""

from __future__ import annotations

import sys
from collections.abc import Callable
from types import TracebackType
from typing import TYPE_CHECKING, Any

from namdrunner.cli.output import clean, say
from namdrunner.client import Client, result_of
from namdrunner.client.documents import JsonObject, TaskDocument
from namdrunner.errors import ConflictError, InterruptedOperationError

if TYPE_CHECKING:
    from rich.progress import Progress

POLL_S = 0.2


def open_client(*, start: bool = True) -> Client:
    """The person's server, started where none runs; offers to replace one of another version."""
    try:
        return Client.connect(start=start)
    except ConflictError as error:
        if error.code != "server-version" or not _interactive():
            raise
        say(error.message)
        import typer

        if not typer.confirm("Restart it now? Jobs on the cluster are not affected.", default=True, err=True):
            raise
        with Client.connect(any_version=True) as old:
            old.stop()
        return Client.connect(start=start)


def _interactive() -> bool:
    return sys.stdin is not None and sys.stdin.isatty() and sys.stderr.isatty()


def follow(
    client: Client,
    task: TaskDocument,
    *,
    each: Callable[[TaskDocument], None] | None = None,
    interrupted: str = "",
) -> JsonObject:
    """Show a task's progress on stderr until it has ended; its result, or its error raised.

    Ctrl-C leaves it running and raises InterruptedOperationError; ``interrupted`` says how to get back to it.
    """
    try:
        with ProgressDisplay() as display:
            while task["state"] == "running":
                if each:
                    each(task)
                display.show(task)
                task = client.tasks.get(task["id"], wait_s=POLL_S)
            display.show(task)
    except KeyboardInterrupt:
        raise InterruptedOperationError(
            "Interrupted here; the work goes on in the server.",
            code="left-running",
            remedy=interrupted or "See `namdrunner status`.",
            context={"task": task["id"]},
        ) from None
    return result_of(task)


class ProgressDisplay:
    """A bar on a terminal, a line per new message elsewhere."""

    def __init__(self) -> None:
        self._message = ""
        self._bar: Progress | None = None
        self._row: Any = None

    def show(self, task: TaskDocument) -> None:
        progress = task["progress"]
        if progress and progress["total"] and sys.stderr.isatty():
            self._show_bar(progress["file"], progress["bytes"], progress["total"])
        message = task["message"]
        if message and message != self._message and task["state"] in ("running", "done"):
            self._message = message
            say(message)

    def _show_bar(self, file: str, done: int, total: int) -> None:
        if self._bar is None:
            self._bar = _new_bar()
            self._bar.start()
            self._row = self._bar.add_task("", total=total)
        self._bar.update(self._row, description=clean(file)[-48:], completed=done, total=total)

    def __enter__(self) -> ProgressDisplay:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar.stop()


def _new_bar() -> Progress:
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        DownloadColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
        TransferSpeedColumn,
    )

    return Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
        console=Console(stderr=True),
        transient=True,
    )
