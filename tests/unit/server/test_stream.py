"""The event stream: told in order, resumed without a gap, ended cleanly."""

from __future__ import annotations

import asyncio

import httpx
from fastapi import FastAPI
from tests.unit.server.fakes import FakeApplication

from namdrunner.client.events import Event, parse_stream
from namdrunner.server.stream import server_sent, until
from namdrunner.services.events import EventBus


async def collect(bus: EventBus, last_id: int | None, stop: asyncio.Event) -> list[Event]:
    """Through the text of the stream and the client's own parser."""
    text = b""
    async for message in server_sent(bus.subscribe(last_id), stop):
        text += message.encode()
    return list(parse_stream(iter(text.splitlines(keepends=True))))


async def test_events_arrive_in_order_with_their_ids() -> None:
    bus, stop = EventBus(), asyncio.Event()
    reading = asyncio.create_task(collect(bus, None, stop))
    await asyncio.sleep(0.01)
    first = bus.publish("job.updated", {"id": "a", "name": "two\nlines and \u03c0"})
    second = bus.publish("job.updated", {"id": "b"})
    await asyncio.sleep(0.01)
    stop.set()
    events = await asyncio.wait_for(reading, 5)
    assert [(e.id, e.kind) for e in events] == [(first.id, "job.updated"), (second.id, "job.updated")]
    assert events[0].data == {"id": "a", "name": "two\nlines and \u03c0"}


async def test_a_listener_resumes_after_the_last_event_it_saw() -> None:
    bus, stop = EventBus(), asyncio.Event()
    ids = [bus.publish("job.updated", {"n": n}).id for n in range(5)]
    reading = asyncio.create_task(collect(bus, ids[2], stop))
    await asyncio.sleep(0.01)
    stop.set()
    assert [e.data["n"] for e in await asyncio.wait_for(reading, 5)] == [3, 4]


async def test_a_listener_from_before_the_restart_is_told_to_load_anew() -> None:
    bus, stop = EventBus(), asyncio.Event()
    reading = asyncio.create_task(collect(bus, 12345, stop))
    await asyncio.sleep(0.01)
    stop.set()
    assert [e.kind for e in await asyncio.wait_for(reading, 5)] == ["reset"]


async def test_stopping_ends_a_stream_that_waits() -> None:
    bus, stop = EventBus(), asyncio.Event()

    async def read() -> list[object]:
        return [item async for item in until(bus.subscribe(), stop)]

    reading = asyncio.create_task(read())
    await asyncio.sleep(0.01)
    stop.set()
    assert await asyncio.wait_for(reading, 5) == []


async def test_the_route_takes_the_header_before_the_address(
    app: FastAPI, http: httpx.AsyncClient, application: FakeApplication
) -> None:
    ids = [application.events.publish("job.updated", {"n": n}).id for n in range(3)]
    app.state.context.stopping.set()
    answer = await http.get(f"/api/v1/events?last_event_id={ids[0]}", headers={"Last-Event-ID": "x"})
    assert (answer.status_code, answer.json()["code"]) == (422, "event-id-invalid")
    answer = await http.get(f"/api/v1/events?last_event_id={ids[0]}")
    assert answer.headers["content-type"].startswith("text/event-stream")


def test_the_parser_reads_what_servers_may_send() -> None:
    lines = [
        b": heartbeat\r\n",
        b"\r\n",
        b"id: 7\r\n",
        b"event:job.updated\r\n",
        b'data: {"a":\r\n',
        b"data: 1}\r\n",
        b"\r\n",
    ]
    assert list(parse_stream(iter(lines))) == [Event(7, "job.updated", {"a": 1})]
