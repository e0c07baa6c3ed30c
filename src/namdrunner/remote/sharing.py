"""Identical requests in flight are one; a repeat within a second gets the answer just given."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Hashable
from typing import Any, Generic, TypeVar

T = TypeVar("T")
REPEAT_WINDOW_S = 1.0


class SharedCalls(Generic[T]):
    """Only for calls that change nothing: two callers get one answer."""

    def __init__(self, window_s: float = REPEAT_WINDOW_S, clock: Callable[[], float] = time.monotonic) -> None:
        self._window_s = window_s
        self._clock = clock
        self._flying: dict[Hashable, asyncio.Task[T]] = {}
        self._recent: dict[Hashable, tuple[float, T]] = {}
        self.saved = 0

    async def call(self, key: Hashable, start: Callable[[], Awaitable[T]]) -> T:
        """The result of ``start``, begun by this or by an earlier identical call. Failures are not kept."""
        self._forget_old()
        if key in self._recent:
            self.saved += 1
            return self._recent[key][1]
        task = self._flying.get(key)
        if task is None:
            task = asyncio.ensure_future(self._run(key, start))
            self._flying[key] = task
        else:
            self.saved += 1
        # One caller going away must not take the answer from the others.
        return await asyncio.shield(task)

    async def _run(self, key: Hashable, start: Callable[[], Awaitable[T]]) -> T:
        try:
            result = await start()
            self._recent[key] = (self._clock(), result)
            return result
        finally:
            self._flying.pop(key, None)

    def _forget_old(self) -> None:
        limit = self._clock() - self._window_s
        for key in [key for key, (at, _) in self._recent.items() if at < limit]:
            del self._recent[key]

    def document(self) -> dict[str, Any]:
        return {"shared": self.saved, "in_flight": len(self._flying)}
