"""Events reach every listener once, in order, and can be resumed."""

from __future__ import annotations

import asyncio

from namdrunner.services.events import QUEUE, RING, Event, EventBus


async def collect(bus: EventBus, count: int, last_id: int | None = None) -> list[Event]:
    found = []
    async for event in bus.subscribe(last_id):
        found.append(event)
        if len(found) == count:
            break
    return found


async def test_listener_hears_what_comes_after_it_joined() -> None:
    bus = EventBus()
    bus.publish("early", {})
    listening = asyncio.create_task(collect(bus, 2))
    await asyncio.sleep(0)
    bus.publish("one", {"n": 1})
    bus.publish("two", {"n": 2})
    assert [e.kind for e in await listening] == ["one", "two"]


async def test_resume_gives_exactly_what_was_missed() -> None:
    bus = EventBus()
    seen = bus.publish("seen", {})
    missed = [bus.publish(f"m{n}", {}) for n in range(3)]
    assert await collect(bus, 3, seen.id) == missed


async def test_gap_is_announced_with_reset() -> None:
    bus = EventBus()
    first = bus.publish("first", {})
    for n in range(RING + 5):
        bus.publish("later", {"n": n})
    events = await collect(bus, 3, first.id)
    assert [e.kind for e in events] == ["reset", "later", "later"]
    assert events[0].id < events[1].id


async def test_id_from_an_earlier_server_gives_reset_not_silence() -> None:
    bus = EventBus()
    assert (await collect(bus, 1, bus.last_id - 50_000))[0].kind == "reset"
    assert (await collect(bus, 1, bus.last_id + 50_000))[0].kind == "reset"


async def test_slow_listener_misses_nothing() -> None:
    bus = EventBus()
    found: list[int] = []

    async def slow() -> None:
        async for event in bus.subscribe():
            found.append(event.data["n"])
            if len(found) == 1:
                await asyncio.sleep(0.05)
            if len(found) == QUEUE + 500:
                return

    listening = asyncio.create_task(slow())
    await asyncio.sleep(0)
    bus.publish("x", {"n": 0})
    await asyncio.sleep(0)
    for n in range(1, QUEUE + 500):
        bus.publish("x", {"n": n})
    await asyncio.wait_for(listening, 5)
    assert found == list(range(QUEUE + 500))


async def test_close_ends_subscriptions() -> None:
    bus = EventBus()
    listening = asyncio.create_task(collect(bus, 1))
    await asyncio.sleep(0)
    bus.close()
    assert await asyncio.wait_for(listening, 1) == []


async def test_ids_grow_over_restarts() -> None:
    first = EventBus().publish("a", {})
    await asyncio.sleep(0.002)
    assert EventBus().publish("b", {}).id > first.id
