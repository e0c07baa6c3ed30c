"""How a browser is let in: a one-time ticket in an address becomes a session cookie that scripts cannot read."""

from __future__ import annotations

import secrets
import time
from collections import OrderedDict
from collections.abc import Callable

TICKET_LIFETIME_S = 600.0
_MAX_SESSIONS = 64
_MAX_TICKETS = 64


class Tickets:
    """Tickets and sessions live in memory only, and end with the server."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._tickets: OrderedDict[str, float] = OrderedDict()
        self._sessions: OrderedDict[str, None] = OrderedDict()

    def issue(self) -> tuple[str, float]:
        """A new ticket and when it expires (seconds since the epoch)."""
        ticket = secrets.token_urlsafe(32)
        expires_at = self._clock() + TICKET_LIFETIME_S
        self._tickets[ticket] = expires_at
        while len(self._tickets) > _MAX_TICKETS:
            self._tickets.popitem(last=False)
        return ticket, expires_at

    def redeem(self, ticket: str) -> str | None:
        """A new session for a ticket that is valid; it is used up by this."""
        expires_at = self._tickets.pop(ticket, None)
        if expires_at is None or expires_at < self._clock():
            return None
        session = secrets.token_urlsafe(32)
        self._sessions[session] = None
        while len(self._sessions) > _MAX_SESSIONS:
            self._sessions.popitem(last=False)
        return session

    def knows(self, session: str) -> bool:
        return session in self._sessions
