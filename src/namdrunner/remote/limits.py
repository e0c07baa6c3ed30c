"""Being a good guest: how often requests go out, how many wait, how many sessions are open on one connection."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from namdrunner.errors import BusyError


@dataclass(frozen=True)
class Limits:
    """Bounds for one cluster. Sites ask for fewer than five requests a second and often allow ten sessions."""

    requests_per_s: float = 5.0
    burst: int = 10
    queue_depth: int = 20
    sessions: int = 8
    """Sessions (channels) at once; OpenSSH's ``MaxSessions`` is 10 by default."""
    sessions_for_commands: int = 2
    """Of these, kept free of transfers, so that a status query never waits for a file."""
    bytes_per_s: float | None = None
    """Bandwidth all transfers share; ``None``: as fast as it goes."""


class RequestLimiter:
    """A token bucket with a bounded queue; first come, first served."""

    def __init__(self, limits: Limits, clock: Callable[[], float] = time.monotonic) -> None:
        self._limits = limits
        self._clock = clock
        self._tokens = float(limits.burst)
        self._at = clock()
        self._turn = asyncio.Lock()
        self._waiting = 0

    def use(self, limits: Limits) -> None:
        """Go on with other limits; who waits already waits by them."""
        self._refill()
        self._limits = limits
        self._tokens = min(self._tokens, float(limits.burst))

    async def acquire(self) -> None:
        """Wait for the next request's turn.

        Raises:
            BusyError: ``too-many-requests`` when the queue is full already.
        """
        if self._waiting >= self._limits.queue_depth:
            raise BusyError(
                "There are too many pending requests to this cluster.",
                remedy="Try again in a moment.",
                context={"waiting": self._waiting, "queue_depth": self._limits.queue_depth},
            )
        self._waiting += 1
        try:
            async with self._turn:
                self._refill()
                while self._tokens < 1:
                    await asyncio.sleep((1 - self._tokens) / self._limits.requests_per_s)
                    self._refill()
                self._tokens -= 1
        finally:
            self._waiting -= 1

    def _refill(self) -> None:
        now = self._clock()
        grown = self._tokens + (now - self._at) * self._limits.requests_per_s
        # A hair above: a sleep of exactly the missing time must not come out a rounding error short.
        self._tokens = min(float(self._limits.burst), grown + 1e-9)
        self._at = now

    def document(self) -> dict[str, Any]:
        self._refill()
        return {
            "requests_per_s": self._limits.requests_per_s,
            "burst": self._limits.burst,
            "available": int(self._tokens),
            "waiting": self._waiting,
            "queue_depth": self._limits.queue_depth,
        }


FEWEST = 2
"""Sessions without which nothing goes: one for a transfer, one for the command that verifies it."""


class SessionGate:
    """Counts open sessions. Transfers leave some for commands; a server that refuses one lowers the ceiling."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._changed = asyncio.Condition()
        self.ceiling = limits.sessions
        self.open = 0
        self.open_transfers = 0

    def use(self, limits: Limits) -> None:
        """Go on with other limits; sessions that are open stay open."""
        refused = self.ceiling < self._limits.sessions
        self._limits = limits
        self.ceiling = min(self.ceiling, limits.sessions) if refused else limits.sessions

    @property
    def transfer_ceiling(self) -> int:
        return max(1, self.ceiling - self._limits.sessions_for_commands)

    @asynccontextmanager
    async def session(self, *, transfer: bool = False, wait_s: float | None = None) -> AsyncIterator[None]:
        """Hold one session for the time of the block.

        Raises:
            BusyError: ``too-many-sessions`` when none became free within ``wait_s``.
        """
        async with self._changed:
            try:
                async with asyncio.timeout(wait_s):
                    await self._changed.wait_for(lambda: self._free(transfer))
            except TimeoutError:
                raise BusyError(
                    "All sessions on the connection to the cluster are in use.",
                    code="too-many-sessions",
                    remedy="Wait until a transfer or command has ended, and try again.",
                    context=self.document(),
                ) from None
            self.open += 1
            self.open_transfers += transfer
        try:
            yield
        finally:
            async with self._changed:
                self.open -= 1
                self.open_transfers -= transfer
                self._changed.notify_all()

    @asynccontextmanager
    async def session_if_free(self, *, transfer: bool = False) -> AsyncIterator[bool]:
        """As ``session``, without waiting: False when there is none to be had now."""
        if not self._free(transfer):
            yield False
            return
        async with self.session(transfer=transfer):
            yield True

    def _free(self, transfer: bool) -> bool:
        return self.open < self.ceiling and (not transfer or self.open_transfers < self.transfer_ceiling)

    def refused(self) -> None:
        """The server opened no further session: expect no more than are open now, until the next login."""
        # Several refusals at once each count the others that are just being opened: not below two for that.
        self.ceiling = max(FEWEST, min(self.ceiling, self.open - 1))

    def reset(self) -> None:
        """A new connection starts with the configured ceiling."""
        self.ceiling = self._limits.sessions

    def document(self) -> dict[str, Any]:
        return {
            "sessions": self.open,
            "sessions_of_transfers": self.open_transfers,
            "sessions_allowed": self.ceiling,
            "sessions_configured": self._limits.sessions,
        }
