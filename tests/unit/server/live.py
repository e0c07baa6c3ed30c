"""The real HTTP server in a thread of the test, over the application in memory."""

from __future__ import annotations

import asyncio
import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from tests.unit.server.fakes import FakeApplication

import namdrunner
from namdrunner.client import ServerFile
from namdrunner.paths import Folders
from namdrunner.server.app import create_app
from namdrunner.server.process import LoopServer, listen, uvicorn_config

TOKEN = "the-token-of-this-server"


@dataclass
class Live:
    """``do`` runs a function inside the server's event loop and waits for its result."""

    server: ServerFile
    application: FakeApplication
    loop: asyncio.AbstractEventLoop
    stop: Callable[[], None]

    def do(self, function: Callable[[], object]) -> object:
        async def inside() -> object:
            return function()

        return asyncio.run_coroutine_threadsafe(inside(), self.loop).result(5)


@contextmanager
def live_server(folders: Folders, *, version: str = namdrunner.__version__) -> Iterator[Live]:
    application = FakeApplication()
    listener = listen(0)
    port = listener.getsockname()[1]
    app = create_app(application, TOKEN, port=port, folders=folders.ensure())  # type: ignore[arg-type]
    server = LoopServer(uvicorn_config(app), app.state.context.stopping)
    ready = threading.Event()
    loops: list[asyncio.AbstractEventLoop] = []

    async def run() -> None:
        loops.append(asyncio.get_running_loop())
        server.on_started = ready.set
        await server.serve(sockets=[listener])
        await application.tasks.close()

    thread = threading.Thread(target=lambda: asyncio.run(run()))
    thread.start()
    assert ready.wait(10)
    present = ServerFile(os.getpid(), port, TOKEN, version, time.time())
    present.write(folders.server_file)

    def stop() -> None:
        if thread.is_alive():
            loops[0].call_soon_threadsafe(server.request_stop)
            thread.join(10)

    try:
        yield Live(present, application, loops[0], stop)
    finally:
        stop()
        listener.close()
        present.remove(folders.server_file)
        assert not thread.is_alive()
