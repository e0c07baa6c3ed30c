"""The event stream: server-sent events with ids, so that a client goes on where it was cut off."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Protocol, TypeVar

if TYPE_CHECKING:
    from sse_starlette import ServerSentEvent

HEARTBEAT_S = 15

Item = TypeVar("Item")


class HasEventFields(Protocol):
    """An event of the services' bus."""

    @property
    def id(self) -> int: ...
    @property
    def kind(self) -> str: ...
    @property
    def data(self) -> object: ...


async def until(source: AsyncIterator[Item], stop: asyncio.Event) -> AsyncIterator[Item]:
    """The items of ``source`` until ``stop`` is set, even while it waits for the next one."""
    stopped = asyncio.ensure_future(stop.wait())
    following: asyncio.Task[Item] | None = None
    try:
        while True:
            following = asyncio.ensure_future(_next(source))
            await asyncio.wait({stopped, following}, return_when=asyncio.FIRST_COMPLETED)
            if not following.done():
                return
            try:
                item = following.result()
            except StopAsyncIteration:
                return
            yield item
    finally:
        for task in (stopped, following):
            if task is not None and not task.done():
                task.cancel()
        await asyncio.gather(*(t for t in (stopped, following) if t is not None), return_exceptions=True)
        close = getattr(source, "aclose", None)
        if close is not None:
            await close()


async def _next(source: AsyncIterator[Item]) -> Item:
    return await anext(source)


async def server_sent(source: AsyncIterator[HasEventFields], stop: asyncio.Event) -> AsyncIterator[ServerSentEvent]:
    from sse_starlette import ServerSentEvent

    # At once, so that a browser's EventSource knows it is connected and how long to wait before trying again.
    yield ServerSentEvent(comment="namdrunner", retry=2000)
    async for event in until(source, stop):
        text = json.dumps(event.data, separators=(",", ":"), default=str)
        yield ServerSentEvent(data=text, event=event.kind, id=str(event.id))
