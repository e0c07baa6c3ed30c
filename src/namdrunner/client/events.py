"""The event stream, read as a plain iterator that resumes where it was cut off."""

from __future__ import annotations

import http.client
import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from namdrunner.client.transport import Transport, path_of
from namdrunner.errors import ConnectionFailedError

# The server sends a heartbeat every 15 s; three missed ones mean the connection is dead.
_SILENCE_S = 45.0
_RETRIES = 5


@dataclass(frozen=True)
class Event:
    """One thing that happened. ``id`` increases, also over restarts of the server."""

    id: int
    kind: str
    data: dict[str, Any]


def follow(transport: Transport, *, last_id: int | None = None) -> Iterator[Event]:
    """Yield events for ever; after a cut connection go on with the event that would have come next.

    An event of kind ``reset`` says that events were missed and state has to be read anew. Raises
    ConnectionFailedError when the server stays away.
    """
    failures = 0
    while True:
        try:
            for event in _one_connection(transport, last_id):
                last_id, failures = event.id, 0
                yield event
        except ConnectionFailedError:
            if failures >= _RETRIES:
                raise
        failures += 1
        if failures > _RETRIES:
            raise ConnectionFailedError(
                "The NAMDRunner server ended the event stream.",
                code="server-gone",
                remedy="Repeat the command: it starts a new server. Jobs on the cluster are not affected.",
            )
        time.sleep(min(0.2 * 2**failures, 5.0))


def _one_connection(transport: Transport, last_id: int | None) -> Iterator[Event]:
    headers = {"Accept": "text/event-stream"}
    if last_id is not None:
        headers["Last-Event-ID"] = str(last_id)
    with transport.stream(path_of("events"), headers, timeout_s=_SILENCE_S) as response:
        try:
            yield from parse_stream(response)
        except (OSError, http.client.HTTPException):
            return


def parse_stream(lines: Iterator[bytes] | http.client.HTTPResponse) -> Iterator[Event]:
    """Events of a ``text/event-stream`` body given line by line; comments (heartbeats) are skipped."""
    event_id, kind, data = 0, "message", list[str]()
    for raw in lines:
        line = raw.decode("utf-8", errors="replace").rstrip("\r\n")
        if not line:
            if data:
                yield Event(event_id, kind, json.loads("\n".join(data)))
            kind, data = "message", []
            continue
        name, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if name == "id" and value.isdigit():
            event_id = int(value)
        elif name == "event":
            kind = value
        elif name == "data":
            data.append(value)
