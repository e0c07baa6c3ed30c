"""The Python client: everything the UI and the command line can do, as typed methods.

    from namdrunner.client import Client

    with Client.connect() as client:
        task = client.jobs.create({"name": "alanine", "cluster": "alpine", "config": "/data/ala/prod.namd", ...})
        job = client.wait(task)["job"]
        for event in client.events():
            ...

Errors are those of ``namdrunner.errors``, with the same words and remedies as everywhere else.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from types import TracebackType
from typing import cast

import namdrunner
from namdrunner.client import documents
from namdrunner.client.continuing import Continuing
from namdrunner.client.documents import JsonObject, OpenTicket, StatusDocument, TaskDocument
from namdrunner.client.events import Event, follow
from namdrunner.client.launch import start_server, stop_server
from namdrunner.client.nouns import Clusters, Jobs, Prompts, Settings, Storage, Tasks, Templates
from namdrunner.client.presence import ServerFile, find_server
from namdrunner.client.transport import Transport, path_of
from namdrunner.errors import ConflictError, ConnectionFailedError, InterruptedOperationError, from_document
from namdrunner.paths import Folders

__all__ = ["Client", "Event", "ServerFile", "documents", "find_server", "start_server", "stop_server"]


class Client:
    """A synchronous client of one running server; safe to use from several threads."""

    def __init__(self, server: ServerFile, *, timeout_s: float = 60.0) -> None:
        self.server = server
        self._http = Transport(server, timeout_s=timeout_s)
        self.clusters = Clusters(self._http)
        self.jobs = Jobs(self._http)
        self.continuing = Continuing(self._http)
        self.templates = Templates(self._http)
        self.storage = Storage(self._http)
        self.settings = Settings(self._http)
        self.prompts = Prompts(self._http)
        self.tasks = Tasks(self._http)

    @classmethod
    def connect(
        cls,
        folders: Folders | None = None,
        *,
        start: bool = True,
        any_version: bool = False,
        timeout_s: float = 60.0,
    ) -> Client:
        """The server of these folders (default: this person's), started in the background where none runs.

        Raises ConnectionFailedError (``server-not-running``) when there is none and ``start`` is False,
        ConflictError (``server-version``) when it is another version than this client, unless ``any_version``.
        """
        folders = folders or Folders.default()
        server = find_server(folders)
        if server is None:
            if not start:
                raise ConnectionFailedError(
                    "The NAMDRunner server is not running.",
                    code="server-not-running",
                    remedy="Start it with `namdrunner serve`, or open the UI with `namdrunner`.",
                )
            server = start_server(folders)
        if server.version != namdrunner.__version__ and not any_version:
            raise ConflictError(
                f"The running server is version {server.version}, this is version {namdrunner.__version__}.",
                code="server-version",
                remedy="Run `namdrunner stop` and repeat the command; jobs on the cluster are not affected.",
                context={"server": server.version, "client": namdrunner.__version__},
            )
        return cls(server, timeout_s=timeout_s)

    def status(self) -> StatusDocument:
        return cast(StatusDocument, self._http.get(path_of("status")))

    def limits(self) -> list[JsonObject]:
        """How busy each cluster's connection is, against what a good guest asks for."""
        return cast("list[JsonObject]", self._http.get(path_of("limits"))["limits"])

    def activity(self, *, limit: int = 200) -> list[JsonObject]:
        """What was done on the clusters lately, oldest first."""
        return cast("list[JsonObject]", self._http.get(path_of("activity"), {"limit": limit})["activity"])

    def check(self, config: str, *, namd_version: str = "3.0", gpu: bool = False) -> JsonObject:
        """Preflight a NAMD config (absolute path) and the files it names."""
        body = {"config": config, "namd_version": namd_version, "gpu": gpu}
        return cast(JsonObject, self._http.post(path_of("check"), body))

    def events(self, last_id: int | None = None) -> Iterator[Event]:
        """What happens, as it happens; resumed after a cut connection."""
        return follow(self._http, last_id=last_id)

    def open_ticket(self, page: str = "/") -> OpenTicket:
        """An address that logs a browser in, once, and shows ``page``."""
        return cast(OpenTicket, self._http.post(path_of("tickets"), {"page": page}))

    def wait(
        self,
        task: TaskDocument,
        *,
        on_progress: Callable[[TaskDocument], None] | None = None,
        interval_s: float = 0.25,
    ) -> JsonObject:
        """Follow a task to its end and give its result; raises the task's error.

        Leaving early (Ctrl-C) leaves the task running.
        """
        while task["state"] == "running":
            if on_progress:
                on_progress(task)
            task = self.tasks.get(task["id"], wait_s=interval_s if on_progress else 5.0)
        if on_progress:
            on_progress(task)
        return result_of(task)

    def stop(self, *, timeout_s: float = 30.0) -> bool:
        """End the server; True when its process is gone."""
        return stop_server(self.server, timeout_s=timeout_s)

    def close(self) -> None:
        self._http.close()

    def __enter__(self) -> Client:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def result_of(task: TaskDocument) -> JsonObject:
    """The result of a task that ended; raises its error."""
    if task["state"] == "done":
        return task["result"] or {}
    if task["error"] is not None:
        raise from_document(task["error"])
    raise InterruptedOperationError(
        task["message"] or "The task was cancelled before it was done.",
        code="task-cancelled",
        remedy="Start it again: what was already done is not repeated.",
        context={"task": task["id"]},
    )
