"""All connections of one server process, one per cluster."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from namdrunner.errors import NotConnectedError
from namdrunner.remote.hostkeys import HostKeyBook
from namdrunner.remote.limits import Limits
from namdrunner.remote.link import ClusterLink
from namdrunner.remote.routes import resolve_route
from namdrunner.remote.session import SshSession
from namdrunner.remote.values import (
    CommandEvent,
    ConnectionSpec,
    ConnectionStatus,
    Prompter,
    Session,
)


class ConnectionManager:
    """Connects clusters, keeps what is connected, tells of every change and of every remote command."""

    def __init__(
        self,
        prompter: Prompter,
        on_change: Callable[[ConnectionStatus], None],
        on_command: Callable[[CommandEvent], None],
        *,
        limits: Limits | None = None,
    ) -> None:
        self._prompter = prompter
        self._on_change = on_change
        self._on_command = on_command
        self._limits = limits or Limits()
        self._links: dict[str, ClusterLink] = {}
        self._sessions: dict[str, SshSession] = {}

    def use_limits(self, limits: Limits) -> None:
        """Other limits from now on, for open connections as well."""
        self._limits = limits
        for link in self._links.values():
            link.limits = limits
            link.limiter.use(limits)
            link.gate.use(limits)

    async def connect(self, spec: ConnectionSpec) -> ConnectionStatus:
        """Log in to a cluster, asking the person through the prompter. Nothing happens when it is connected already.

        Raises:
            AuthenticationError: the login was not accepted, or a question was declined.
            HostKeyError: ``host-key-changed``, ``host-key-refused`` or ``host-key-revoked``.
            ConnectionFailedError: ``connection-refused``, ``unknown-host``, ``connection-timeout``, ``not-ssh``, ...
        """
        link = self._links.get(spec.cluster)
        if link is not None and link.spec != spec:
            await link.disconnect("its settings have changed")
            link = None
        if link is None:
            link = ClusterLink(spec, self._prompter, self._on_change, self._limits)
            self._links[spec.cluster] = link
            self._sessions[spec.cluster] = SshSession(link, self._on_command)
        return await link.connect()

    async def disconnect(self, cluster: str) -> None:
        """Close the connection; a cluster that is not connected is left as it is."""
        link = self._links.get(cluster)
        if link is not None:
            await link.disconnect()

    def session(self, cluster: str) -> Session:
        """The session of a connected cluster. It stays valid when a lost connection is made again by itself.

        Raises:
            NotConnectedError: ``not-connected`` or ``connection-expired``.
        """
        session = self._sessions.get(cluster)
        if session is None:
            raise NotConnectedError(
                f"The cluster {cluster} is not connected.",
                remedy=f"Connect it first: namdrunner cluster connect {cluster}",
                context={"cluster": cluster},
            )
        session.check()
        return session

    def status(self, cluster: str) -> ConnectionStatus | None:
        """Where one cluster stands; ``None`` when it was never connected here."""
        link = self._links.get(cluster)
        return link.status if link else None

    def limits(self) -> dict[str, dict[str, Any]]:
        """Request budget, queue and sessions of every cluster that was connected here, by its name."""
        return {cluster: session.limits() for cluster, session in self._sessions.items()}

    def statuses(self) -> list[ConnectionStatus]:
        return [link.status for link in self._links.values()]

    async def forget_host_key(self, spec: ConnectionSpec) -> int:
        """Remove what NAMDRunner's own file says of a cluster's host key; the number of lines removed."""
        hop = (await asyncio.to_thread(resolve_route, spec))[-1]
        return HostKeyBook(spec.known_hosts).forget(hop.key_name, hop.port)

    async def close(self) -> None:
        """Close everything; for the end of the process."""
        await asyncio.gather(*(self.disconnect(name) for name in list(self._links)))
