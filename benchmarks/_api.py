"""The HTTP API in the process that is measured, and a client of its own process that asks it all the time."""

from __future__ import annotations

import asyncio
import contextlib
import json
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

from namdrunner.paths import Folders
from namdrunner.server.app import create_app
from namdrunner.server.process import LoopServer, listen, uvicorn_config
from namdrunner.services.application import Application

TOKEN = "only-for-this-measurement"
PATHS = ("status", "jobs", "limits", "tasks")
INTERVAL_S = 0.05

_ASK = """
import http.client, json, sys, time
port, token, paths, pause = int(sys.argv[1]), sys.argv[2], sys.argv[3].split(), float(sys.argv[4])
link = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
number = 0
while True:
    began = time.perf_counter()
    link.request("GET", "/api/v1/" + paths[number % len(paths)], headers={"Authorization": "Bearer " + token})
    answer = link.getresponse()
    answer.read()
    print(json.dumps([answer.status, time.perf_counter() - began]), flush=True)
    number += 1
    time.sleep(pause)
"""


@dataclass
class Asked:
    """Seconds of each answer since ``clear``."""

    seconds: list[float] = field(default_factory=list)


@contextlib.asynccontextmanager
async def asked_all_the_time(folder: Path) -> AsyncIterator[Asked]:
    """The application with an empty database, served in this loop."""
    application = await Application.open(Folders.below(folder))
    listener = listen(0)
    port = listener.getsockname()[1]
    app = create_app(application, TOKEN, port=port, folders=application.folders)
    server = LoopServer(uvicorn_config(app), app.state.context.stopping)
    serving = asyncio.create_task(server.serve(sockets=[listener]))
    words = [sys.executable, "-c", _ASK, str(port), TOKEN, " ".join(PATHS), str(INTERVAL_S)]
    asking = await asyncio.create_subprocess_exec(*words, stdout=asyncio.subprocess.PIPE)
    asked = Asked()
    reading = asyncio.create_task(_read(asking, asked))
    try:
        while not asked.seconds:
            assert asking.returncode is None
            await asyncio.sleep(0.01)
        yield asked
    finally:
        reading.cancel()
        asking.terminate()
        await asking.wait()
        server.request_stop()
        await serving
        await application.close()


async def _read(asking: asyncio.subprocess.Process, asked: Asked) -> None:
    assert asking.stdout is not None
    while line := await asking.stdout.readline():
        status, seconds = json.loads(line)
        assert status == 200, line
        asked.seconds.append(seconds)
