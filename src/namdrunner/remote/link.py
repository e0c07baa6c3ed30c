"""The connection to one cluster over time: made, watched, lost, made again where nobody has to be asked."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import asyncssh

from namdrunner.errors import ConnectionFailedError, NamdrunnerError, NotConnectedError
from namdrunner.remote import faults
from namdrunner.remote.hostkeys import HostKeyBook
from namdrunner.remote.limits import Limits, RequestLimiter, SessionGate
from namdrunner.remote.login import open_hop
from namdrunner.remote.questions import Questions
from namdrunner.remote.routes import resolve_route
from namdrunner.remote.values import ConnectionSpec, ConnectionState, ConnectionStatus, Prompter

StatusCallback = Callable[[ConnectionStatus], None]
RECONNECT_DELAYS_S = (0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 30.0, 60.0, 60.0, 60.0, 120.0, 120.0)
"""Pauses before silent attempts to come back: for about eight minutes, then the person has to act."""
WATCH_INTERVAL_S = 5.0
SLEPT_S = 20.0
"""A jump of the wall clock against the monotonic one that means that the computer slept."""
PROBE_TIMEOUT_S = 10.0


class ClusterLink:
    """One cluster's connection; the limits on it outlive a reconnect."""

    def __init__(self, spec: ConnectionSpec, prompter: Prompter, on_change: StatusCallback, limits: Limits) -> None:
        self.spec = spec
        self.limits = limits
        self.limiter = RequestLimiter(limits)
        self.gate = SessionGate(limits)
        self.reconnect_delays_s: tuple[float, ...] = RECONNECT_DELAYS_S
        self._prompter = prompter
        self._on_change = on_change
        self._chain: list[asyncssh.SSHClientConnection] = []
        self._connecting: asyncio.Task[None] | None = None
        self._returning: asyncio.Task[None] | None = None
        self._watching: asyncio.Task[None] | None = None
        self._settled = asyncio.Event()
        self._settled.set()
        self._silent = False
        self._unlocked: dict[Path, asyncssh.SSHKey] = {}
        self.status = ConnectionStatus(spec.cluster, ConnectionState.DISCONNECTED, time.time(), host=spec.host)

    # For those who use the connection

    @property
    def place(self) -> str:
        return f"{self.status.host}:{self.status.port}"

    @property
    def connected(self) -> bool:
        return self.status.state is ConnectionState.CONNECTED

    @property
    def coming_back(self) -> bool:
        """Whether a lost connection is being made again without anybody being asked."""
        return self._returning is not None and not self._returning.done()

    def connection(self) -> asyncssh.SSHClientConnection:
        """The open connection.

        Raises:
            NotConnectedError: ``not-connected``, or ``connection-expired`` when it was there and went away.
            ConnectionFailedError: ``reconnecting`` while it is being made again by itself.
        """
        if self.connected and self._chain:
            return self._chain[-1]
        name = self.spec.cluster
        if self.coming_back:
            raise ConnectionFailedError(
                f"The connection to {name} was lost and is being made again.",
                code="reconnecting",
                remedy="Wait a moment.",
                context={"cluster": name},
            )
        if self.status.state is ConnectionState.EXPIRED:
            raise NotConnectedError(
                f"The connection to {name} has ended: {self.status.reason or 'it was lost'}",
                code="connection-expired",
                remedy=f"Connect again: namdrunner cluster connect {name}",
                context={"cluster": name},
            )
        raise NotConnectedError(
            f"The cluster {name} is not connected.",
            remedy=f"Connect it first: namdrunner cluster connect {name}",
            context={"cluster": name},
        )

    async def wait_connected(self, timeout_s: float) -> asyncssh.SSHClientConnection:
        """The open connection, waiting while a lost one is being made again by itself."""
        if not self.connected and self.coming_back:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._settled.wait(), timeout_s)
        return self.connection()

    # Life

    async def connect(self) -> ConnectionStatus:
        """Log in, asking the person where needed. Callers at the same time share one login."""
        if self.connected:
            return self.status
        if self._connecting is None:
            self._stop_returning()
            self._connecting = asyncio.create_task(self._connect_once(self._prompter))
            self._connecting.add_done_callback(self._connect_ended)
        await asyncio.shield(self._connecting)
        return self.status

    def _connect_ended(self, task: asyncio.Task[None]) -> None:
        self._connecting = None
        if not task.cancelled():
            task.exception()  # retrieved: every waiter has its own copy

    async def disconnect(self, reason: str = "disconnected on request") -> None:
        self._stop_returning()
        if self._connecting is not None:
            self._connecting.cancel()
            await asyncio.gather(self._connecting, return_exceptions=True)
        chain, self._chain = self._chain, []
        self._unlocked.clear()
        self._set(ConnectionState.DISCONNECTED, reason)
        await _close(chain)

    async def _connect_once(self, prompter: Prompter | None) -> None:
        questions = Questions(self.spec.cluster, prompter, self._unlocked)
        self._set(ConnectionState.CONNECTING, "logging in")
        chain: list[asyncssh.SSHClientConnection] = []
        try:
            await self._open_chain(questions, chain)
            if chain[-1].is_closed():  # lost again before anybody watched it
                raise faults.lost_fault(self.place, "the cluster ended the session")
        except BaseException as exc:
            await _close(chain)
            reason = exc.message if isinstance(exc, NamdrunnerError) else "the login was stopped"
            if prompter is not None:
                self._set(ConnectionState.DISCONNECTED, reason)
            raise
        self._chain = chain
        # Keys and agents answer again without anybody; a password or a second factor is never spent twice.
        self._silent = questions.spent == 0
        self.gate.reset()
        self._set(ConnectionState.CONNECTED, "")
        self._watch()

    async def _open_chain(self, questions: Questions, chain: list[asyncssh.SSHClientConnection]) -> None:
        route = await asyncio.to_thread(resolve_route, self.spec)
        target = route[-1]
        self.status = ConnectionStatus(
            self.spec.cluster, self.status.state, self.status.since, self.status.reason,
            target.host, target.port, target.user,
        )  # fmt: skip
        for hop in route:
            book = HostKeyBook(self.spec.known_hosts, hop.known_hosts_files)
            last = hop is target
            connection = await open_hop(
                hop,
                questions,
                book,
                tunnel=chain[-1] if chain else None,
                on_lost=self._lost_target if last else _ignore_loss,
            )
            chain.append(connection)

    def _lost_target(self, connection: asyncssh.SSHClientConnection | None, exc: Exception | None) -> None:
        """Called for every connection to the cluster that ends, also those of logins that failed."""
        if not self.connected or not self._chain or self._chain[-1] is not connection:
            return
        detail = str(exc) if exc else "the cluster ended the session"
        self._lost(detail)

    def _lost(self, detail: str) -> None:
        chain, self._chain = self._chain, []
        for connection in chain:
            connection.abort()
        reason = faults.lost_fault(self.place, detail).message
        if self._silent:
            self._set(ConnectionState.CONNECTING, reason)
            self._settled.clear()
            self._returning = asyncio.create_task(self._come_back(reason))
        else:
            self._set(ConnectionState.EXPIRED, reason)

    async def _come_back(self, reason: str) -> None:
        """Try again without asking anybody, with growing pauses; a refused login is not repeated."""
        try:
            for delay in self.reconnect_delays_s:
                await asyncio.sleep(delay)
                try:
                    await self._connect_once(None)
                    return
                except ConnectionFailedError as exc:
                    reason = exc.message
                    if not exc.retryable:
                        break
            self._set(ConnectionState.EXPIRED, reason)
        finally:
            self._settled.set()

    def _stop_returning(self) -> None:
        if self._returning is not None:
            self._returning.cancel()
            self._returning = None
        if self._watching is not None:
            self._watching.cancel()
            self._watching = None
        self._settled.set()

    # Watching

    def _watch(self) -> None:
        if self._watching is not None:
            self._watching.cancel()
        self._watching = asyncio.create_task(self._watch_clock())

    async def _watch_clock(self) -> None:
        """After sleep the keep-alive timers know nothing of the time that passed: probe at once."""
        wall, steady = time.time(), time.monotonic()
        while self.connected:
            await asyncio.sleep(WATCH_INTERVAL_S)
            drift = (time.time() - wall) - (time.monotonic() - steady)
            wall, steady = time.time(), time.monotonic()
            late = drift > SLEPT_S
            if late and not await self.probe():
                return

    async def probe(self, timeout_s: float = PROBE_TIMEOUT_S) -> bool:
        """Ask the server for a sign of life; a connection that gives none counts as lost."""
        if not self.connected or not self._chain:
            return False
        connection = self._chain[-1]
        try:
            async with asyncio.timeout(timeout_s), connection.create_process("true", encoding=None) as process:
                await process.wait_closed()
            return True
        except asyncssh.ChannelOpenError:
            return True  # it answered, and has no session to give
        except (TimeoutError, asyncssh.Error, OSError):
            if self._chain and self._chain[-1] is connection:
                self._lost("no answer after this computer slept or changed network")
            return False

    def _set(self, state: ConnectionState, reason: str) -> None:
        old = self.status
        self.status = ConnectionStatus(
            old.cluster, state, time.time(), reason, old.host, old.port, old.user or (self.spec.user or "")
        )
        self._on_change(self.status)


def _ignore_loss(connection: asyncssh.SSHClientConnection | None, exc: Exception | None) -> None:
    """A lost jump host takes the cluster's connection with it, which is noticed there."""


async def _close(chain: list[asyncssh.SSHClientConnection]) -> None:
    for connection in reversed(chain):
        connection.close()
    for connection in reversed(chain):
        with suppress(TimeoutError, OSError, asyncssh.Error):
            await asyncio.wait_for(connection.wait_closed(), 2.0)
        connection.abort()
