"""How much may be under way: enough to fill the line, never so much that a status query waits behind it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

BLOCK = 4 * 32 * 1024 - 128
"""Bytes of one SFTP request: with its header four SSH packets of 32 KiB, and not a fifth with a few bytes in it.
OpenSSH ends the connection at 256 KiB and more."""
SMALLEST = 2 * BLOCK
LARGEST = 6 * 1024 * 1024
NEAR_S = 0.005
"""Up to this time for an answer, the window of one session is no limit to speak of."""
QUEUEING_S = 0.04
"""Extra waiting our own data may cause to others on the connection."""


class Flow:
    """A window of bytes steered by the delay of answers (the idea of LEDBAT, RFC 6817), shared by one transfer."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._fastest = float("inf")
        self._shrunk_at = 0.0
        self.window = 1024 * 1024
        self.under_way = 0

    def begin(self, count: int) -> float:
        """``count`` bytes leave; hand the result to ``end`` when they are acknowledged."""
        self.under_way += count
        return self._clock()

    def end(self, count: int, began: float) -> None:
        self.under_way -= count
        now = self._clock()
        delay = now - began
        self._fastest = min(self._fastest, delay)
        if delay <= self._fastest + QUEUEING_S:
            self.window = min(LARGEST, self.window + count)
        elif now - self._shrunk_at > delay:  # once per round trip
            self.window = max(SMALLEST, int(self.window * 0.7))
            self._shrunk_at = now

    def abandon(self, count: int) -> None:
        """Bytes that will not be acknowledged any more."""
        self.under_way -= count

    @property
    def near(self) -> bool:
        """Whether the other side answers at once however much is under way."""
        return self._fastest <= NEAR_S and self.window >= LARGEST

    @property
    def full(self) -> bool:
        return self.under_way >= self.window


class Bandwidth:
    """A limit on bytes per second that all transfers of a cluster share; ``None`` is no limit."""

    def __init__(self, bytes_per_s: float | None, clock: Callable[[], float] = time.monotonic) -> None:
        self.bytes_per_s = bytes_per_s
        self._clock = clock
        self._free_at = 0.0

    async def take(self, count: int) -> None:
        """Wait until ``count`` bytes may leave."""
        if not self.bytes_per_s:
            return
        now = self._clock()
        begin = max(now, self._free_at)
        self._free_at = begin + count / self.bytes_per_s
        if begin > now:
            await asyncio.sleep(begin - now)
