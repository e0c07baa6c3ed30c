"""The event stream."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Header, Query
from sse_starlette import EventSourceResponse

from namdrunner.errors import InputError
from namdrunner.server.context import Context
from namdrunner.server.stream import HEARTBEAT_S, server_sent

router = APIRouter(tags=["events"])


@router.get(
    "/events",
    response_class=EventSourceResponse,
    responses={200: {"content": {"text/event-stream": {"schema": {"type": "string"}}}}},
)
async def stream_events(
    context: Context,
    last_event_id: Annotated[str | None, Query()] = None,
    last_event_id_header: Annotated[str | None, Header(alias="Last-Event-ID")] = None,
) -> EventSourceResponse:
    """What happens, as it happens.

    Events: ``job.updated``, ``job.deleted``, ``job.energies`` (new ENERGY rows; not repeated for who resumes),
    ``cluster.updated``, ``cluster.synced``, ``connection.changed``, ``prompt.needed``, ``prompt.closed``,
    ``task.updated``, ``transfer.progress``, ``log.line`` and ``reset`` (events were missed: load the present state
    again). Each has an id; a client resumes with the header ``Last-Event-ID`` or, on its first request, with
    ``?last_event_id=``.
    """
    # The header is what a browser adds by itself when it reconnects: it is newer than the address.
    given = last_event_id_header or last_event_id
    if given is not None and not given.isdigit():
        raise InputError(
            "The last event id is not a number.",
            code="event-id-invalid",
            remedy="Send the id of the last event that was received, or none.",
        )
    source = context.application.events.subscribe(int(given) if given else None)
    return EventSourceResponse(server_sent(source, context.stopping), ping=HEARTBEAT_S)
