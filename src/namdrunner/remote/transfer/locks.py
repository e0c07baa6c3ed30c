"""One transfer at a time per target: two writers on one unfinished file would mix their bytes."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterable


class TargetLocks:
    """Targets in use. A transfer waits until none of its own are."""

    def __init__(self) -> None:
        self._used: set[str] = set()
        self._changed = asyncio.Condition()

    @contextlib.asynccontextmanager
    async def held(self, targets: Iterable[str]) -> AsyncIterator[None]:
        mine = set(targets)
        async with self._changed:
            await self._changed.wait_for(lambda: self._used.isdisjoint(mine))
            self._used |= mine
        try:
            yield
        finally:
            async with self._changed:
                self._used -= mine
                self._changed.notify_all()
