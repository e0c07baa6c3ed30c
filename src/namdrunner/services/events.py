"""The event bus: what happens, told to everyone who listens, with ids that a listener can resume from."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

RING = 10_000
QUEUE = 2_000
"""Events a slow listener may lag behind before it has to resume."""


@dataclass(frozen=True)
class Event:
    id: int
    kind: str
    data: dict[str, Any]


class EventBus:
    """Ids grow by one and, because they start from the clock, also over restarts of the server."""

    def __init__(self) -> None:
        self._next = time.time_ns() // 1_000_000 * 1_000
        self._ring: deque[Event] = deque(maxlen=RING)
        self._closed = False
        self._listeners: set[asyncio.Queue[Event | None]] = set()

    @property
    def last_id(self) -> int:
        return self._next - 1

    @property
    def listened(self) -> bool:
        return bool(self._listeners)

    def publish(self, kind: str, data: dict[str, Any], *, keep: bool = True) -> Event:
        """``keep=False``: for those who listen now; one who resumes later does not hear of it."""
        event = Event(self._next, kind, data)
        self._next += 1
        if keep:
            self._ring.append(event)
        for queue in list(self._listeners):
            if queue.qsize() < QUEUE:
                queue.put_nowait(event)
            else:
                self._listeners.discard(queue)  # its subscription goes on from the ring
                queue.put_nowait(None)
        return event

    def close(self) -> None:
        """End every subscription."""
        for queue in list(self._listeners):
            self._listeners.discard(queue)
            queue.put_nowait(None)
        self._closed = True

    async def subscribe(self, last_id: int | None = None) -> AsyncIterator[Event]:
        """Events after ``last_id`` (``None``: from now on).

        When ``last_id`` is older than what is kept, a ``reset`` event comes first: the listener has to load the
        present state again.
        """
        position = self.last_id if last_id is None else last_id
        while not self._closed:
            queue: asyncio.Queue[Event | None] = asyncio.Queue()
            self._listeners.add(queue)
            try:
                missed = [event for event in self._ring if event.id > position]
                oldest = self._ring[0].id if self._ring else self._next
                if position < oldest - 1 or position > self.last_id:
                    position = oldest - 1 if missed else self.last_id
                    yield Event(position, "reset", {})
                for event in missed:
                    position = event.id
                    yield event
                while (received := await queue.get()) is not None:
                    if received.id > position:
                        position = received.id
                        yield received
            finally:
                self._listeners.discard(queue)
