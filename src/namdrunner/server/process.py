"""The server process: one per person and folder, on the loopback interface, from start to clean stop."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import secrets
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import uvicorn
from fastapi import FastAPI

import namdrunner
from namdrunner.client.lock import LOCK_NAME, InstanceLock
from namdrunner.client.presence import ServerFile, read_server_file
from namdrunner.errors import ConflictError, UsageError
from namdrunner.paths import Folders
from namdrunner.server.app import create_app
from namdrunner.server.context import ServerContext
from namdrunner.server.logs import start_logging, stop_logging

if TYPE_CHECKING:
    from namdrunner.services.application import Application

log = logging.getLogger(__name__)

_GRACE_S = 5
_SWEEP_S = 86_400
_LOOK_AGAIN_S = 2.0


@dataclass(frozen=True)
class ServeOptions:
    """``port`` 0: any free one. ``end_with_stdin``: stop when whoever started us is gone."""

    folders: Folders
    port: int = 0
    end_with_stdin: bool = False
    on_ready: Callable[[ServerFile, str], None] = field(default=lambda server, url: None)
    """Called with the server and a one-time address for the browser once it answers."""


def serve(options: ServeOptions) -> None:
    """Run until told to stop by a signal or by the API.

    Raises ConflictError (``server-running``) when one runs already, UsageError (``port-taken``).
    """
    options.folders.ensure()
    with InstanceLock(options.folders.state / LOCK_NAME) as lock:
        if not lock.acquire():
            raise _already_running(options.folders)
        with listen(options.port) as listener:
            token = secrets.token_urlsafe(32)
            start_logging(options.folders.log_file, token)
            try:
                asyncio.run(_serve(options, listener, token))
            finally:
                stop_logging()


async def _serve(options: ServeOptions, listener: socket.socket, token: str) -> None:
    from namdrunner.services.application import Application

    folders = options.folders
    port = int(listener.getsockname()[1])
    application = await Application.open(folders)
    try:
        app = create_app(application, token, port=port, folders=folders)
        context: ServerContext = app.state.context
        server = LoopServer(uvicorn_config(app), context.stopping)
        loop = asyncio.get_running_loop()
        context.request_stop = server.request_stop
        present = ServerFile(os.getpid(), port, token, namdrunner.__version__, time.time())

        def ready() -> None:
            present.write(folders.server_file)
            ticket, _ = context.tickets.issue()
            log.info("server %s of version %s listens on port %d", present.pid, present.version, port)
            options.on_ready(present, f"{context.origin}/open?token={ticket}")

        server.on_started = ready
        sweeping = asyncio.create_task(_sweep_uploads(application, context))
        with _stop_on_signals(loop, server.request_stop):
            if options.end_with_stdin:
                _stop_at_end_of_stdin(loop, server.request_stop)
            keeper = asyncio.create_task(_keep(present, folders, server))
            try:
                await server.serve(sockets=[listener])
            finally:
                sweeping.cancel()
                keeper.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await keeper
                present.remove(folders.server_file)
    finally:
        await application.close()
        log.info("server stopped")


async def _keep(present: ServerFile, folders: Folders, server: LoopServer) -> None:
    """Write server.json anew where it was deleted or damaged: clients find the server by nothing else."""
    while True:
        await asyncio.sleep(_LOOK_AGAIN_S)
        if server.started and not server.should_exit and read_server_file(folders.server_file) != present:
            with contextlib.suppress(OSError):
                present.write(folders.server_file)
                log.warning("%s was gone or damaged; it was written anew", folders.server_file.name)


async def _sweep_uploads(application: Application, context: ServerContext) -> None:
    """Now and then every day: remove uploads that nobody came back for."""
    from namdrunner.services.staging import sources_in_use

    while True:
        try:
            await asyncio.to_thread(context.uploads.sweep, sources_in_use(application.context.jobs))
        except Exception:
            log.exception("old uploads could not be removed")
        await asyncio.sleep(_SWEEP_S)


def uvicorn_config(app: FastAPI) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        loop="asyncio",
        http="h11",
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,  # addresses of /open carry tickets
        server_header=False,
        date_header=True,
        proxy_headers=False,
        timeout_graceful_shutdown=_GRACE_S,
        timeout_keep_alive=30,
    )


class LoopServer(uvicorn.Server):
    """uvicorn with our own signal handling, which can end open event streams first."""

    def __init__(self, config: uvicorn.Config, stopping: asyncio.Event) -> None:
        super().__init__(config)
        self._stopping = stopping
        self.on_started: Callable[[], None] = lambda: None

    def request_stop(self) -> None:
        """Again while it is stopping: without waiting for anybody."""
        if self.should_exit:
            self.force_exit = True
        self._stopping.set()
        self.should_exit = True

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            self.on_started()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


@contextlib.contextmanager
def _stop_on_signals(loop: asyncio.AbstractEventLoop, stop: Callable[[], None]) -> Iterator[None]:
    names = ["SIGINT", "SIGTERM", "SIGHUP"] if sys.platform != "win32" else ["SIGINT", "SIGTERM", "SIGBREAK"]
    signals = [getattr(signal, name) for name in names]
    previous = {number: signal.getsignal(number) for number in signals}
    for number in signals:
        # signal.signal and not loop.add_signal_handler: the latter does not exist on Windows.
        signal.signal(number, lambda *_: loop.call_soon_threadsafe(stop))
    try:
        yield
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)


def _stop_at_end_of_stdin(loop: asyncio.AbstractEventLoop, stop: Callable[[], None]) -> None:
    def wait() -> None:
        with contextlib.suppress(OSError, ValueError):
            while os.read(0, 4096):
                pass
        with contextlib.suppress(RuntimeError):
            loop.call_soon_threadsafe(stop)

    threading.Thread(target=wait, name="stdin", daemon=True).start()


def listen(port: int) -> socket.socket:
    """A socket on the loopback interface; 0: any free port. Raises UsageError (``port-taken``)."""
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        if os.name == "posix":
            # Lets a restart take the port again at once; on Windows it would let two programs share it.
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", port))
    except (OSError, OverflowError) as error:
        listener.close()
        raise UsageError(
            f"Port {port} cannot be used: {getattr(error, 'strerror', None) or error}.",
            code="port-taken",
            remedy="Choose another with --port, or leave it out to get a free one.",
            context={"port": port},
        ) from error
    listener.set_inheritable(False)
    return listener


def _already_running(folders: Folders) -> ConflictError:
    found = read_server_file(folders.server_file)
    who = f" (process {found.pid}, port {found.port})" if found else ""
    return ConflictError(
        f"A NAMDRunner server is already running for these folders{who}.",
        code="server-running",
        remedy="Use it: open the UI with `namdrunner`. Or end it with `namdrunner stop`.",
        context={"pid": found.pid, "port": found.port} if found else {},
    )
