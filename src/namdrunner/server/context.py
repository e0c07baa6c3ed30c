"""What the routes share: the application, and the server process they run in."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated

from fastapi import Depends, Request

from namdrunner.paths import Folders
from namdrunner.server.tickets import Tickets
from namdrunner.services.staging import StagingStore

if TYPE_CHECKING:
    from namdrunner.services.application import Application


def _ignore() -> None:
    """Where no process can be ended (tests of the routes)."""


@dataclass
class ServerContext:
    """``stopping`` is set when the server is about to end: open event streams then close."""

    application: Application
    folders: Folders
    port: int
    tickets: Tickets = field(default_factory=Tickets)
    stopping: asyncio.Event = field(default_factory=asyncio.Event)
    request_stop: Callable[[], None] = _ignore
    uploads: StagingStore = field(init=False)

    def __post_init__(self) -> None:
        self.uploads = StagingStore(self.folders.staging)

    @property
    def origin(self) -> str:
        return f"http://127.0.0.1:{self.port}"


def _context(request: Request) -> ServerContext:
    context: ServerContext = request.app.state.context
    return context


Context = Annotated[ServerContext, Depends(_context)]
