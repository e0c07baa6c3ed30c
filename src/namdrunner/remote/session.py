"""The session the services use: commands, listings and transfers on one cluster's connection."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from pathlib import PurePosixPath
from typing import Any

import asyncssh
from tenacity import AsyncRetrying, retry_if_exception, stop_after_attempt, wait_random_exponential

from namdrunner.errors import (
    BusyError,
    ClusterError,
    CommandError,
    ConnectionFailedError,
    NamdrunnerError,
    QuotaError,
)
from namdrunner.remote import faults, listing
from namdrunner.remote.commands import run_command
from namdrunner.remote.link import ClusterLink
from namdrunner.remote.plaintext import plain_line
from namdrunner.remote.sharing import SharedCalls
from namdrunner.remote.shell import bash
from namdrunner.remote.transfer.control import TransferControl
from namdrunner.remote.transfer.engine import TransferEngine
from namdrunner.remote.values import (
    CommandEvent,
    CommandResult,
    DownloadItem,
    ProgressCallback,
    RemoteFile,
    TransferPlan,
    TransferredFile,
    UploadItem,
)

RECONNECT_WAIT_S = 60.0
SESSION_WAIT_S = 10.0
REFUSED_PAUSE_S = 0.2
ATTEMPTS = 3
_QUOTA_WORDS = ("no space left on device", "disk quota exceeded", "quota exceeded", "file too large")


class SshSession:
    """Implements ``Session`` on a ``ClusterLink``; one per cluster, used by many at once."""

    def __init__(self, link: ClusterLink, on_command: Callable[[CommandEvent], None]) -> None:
        self.link = link
        self._on_command = on_command
        self._shared: SharedCalls[CommandResult] = SharedCalls()
        self._transfers = TransferEngine(self)

    @property
    def cluster(self) -> str:
        return self.link.spec.cluster

    def check(self) -> None:
        """Raise ``NotConnectedError`` unless connected or coming back by itself."""
        if not self.link.coming_back:
            self.link.connection()

    def limits(self) -> dict[str, Any]:
        """Budget and queues, for the Logs panel and ``status``."""
        traffic = {"transferred_bytes": self.transferred_bytes, "bytes_per_s": self._transfers.bandwidth.bytes_per_s}
        return self.link.limiter.document() | self.link.gate.document() | self._shared.document() | traffic

    @property
    def transferred_bytes(self) -> int:
        """File contents moved on this session so far."""
        return self._transfers.moved_bytes

    def limit_bandwidth(self, bytes_per_s: float | None) -> None:
        """Bytes per second that all transfers of this cluster share from now on; ``None``: as fast as it goes."""
        self._transfers.bandwidth.bytes_per_s = bytes_per_s

    async def run(
        self,
        command: str,
        *,
        timeout_s: float = 60.0,
        stdin: bytes | None = None,
        check: bool = False,
        max_output_bytes: int = 64 * 1024 * 1024,
        label: str = "",
        idempotent: bool = False,
    ) -> CommandResult:
        """As in ``Session``. ``idempotent``: the command changes nothing, so identical ones may share one answer,
        and it is asked again when the connection broke and came back."""

        async def once() -> CommandResult:
            return await self._run_once(command, label or command, timeout_s, stdin, max_output_bytes)

        if idempotent:
            key = (command, stdin, max_output_bytes)
            result = await self._shared.call(key, lambda: self._retrying(once))
        else:
            result = await once()
        if check and result.exit_status != 0:
            raise command_fault(result, label or command, self.cluster)
        return result

    async def _retrying(self, once: Callable[[], Any]) -> CommandResult:
        async for attempt in AsyncRetrying(
            stop=stop_after_attempt(ATTEMPTS),
            wait=wait_random_exponential(multiplier=0.5, max=5),
            retry=retry_if_exception(_worth_repeating),
            reraise=True,
        ):
            with attempt:
                return await once()  # type: ignore[no-any-return]
        raise AssertionError("tenacity ended without a result")

    async def _run_once(
        self, command: str, label: str, timeout_s: float, stdin: bytes | None, max_output_bytes: int
    ) -> CommandResult:
        label = plain_line(label, limit=200)
        await self.link.limiter.acquire()
        started, at = time.monotonic(), time.time()
        status: int | None = None
        error = ""
        try:
            result = await self._in_session(command, label, timeout_s, stdin, max_output_bytes)
            status = result.exit_status
            return result
        except NamdrunnerError as exc:
            error = exc.code
            raise
        finally:
            self._on_command(CommandEvent(self.cluster, at, label, time.monotonic() - started, status, error))

    async def _in_session(
        self, command: str, label: str, timeout_s: float, stdin: bytes | None, max_output_bytes: int
    ) -> CommandResult:
        give_up = time.monotonic() + SESSION_WAIT_S
        pause = REFUSED_PAUSE_S
        while True:
            connection = await self.link.wait_connected(RECONNECT_WAIT_S)
            async with self.link.gate.session(wait_s=SESSION_WAIT_S):
                try:
                    return await run_command(
                        connection,
                        command,
                        place=self.link.place,
                        label=label,
                        timeout_s=timeout_s,
                        stdin=stdin,
                        max_output_bytes=max_output_bytes,
                    )
                except asyncssh.ChannelOpenError as exc:
                    if connection is not self._live():
                        raise faults.lost_fault(self.link.place, exc.reason) from exc
                    self.link.gate.refused()
                    if time.monotonic() > give_up:
                        raise faults.no_session_left(self.link.place, self.link.gate.open - 1) from exc
            # Let another end first; the server may also still be closing one that is over here.
            await asyncio.sleep(pause)
            pause = min(2.0, pause * 1.5)

    def _live(self) -> asyncssh.SSHClientConnection | None:
        try:
            return self.link.connection()
        except ConnectionFailedError:
            return None

    async def list_tree(self, root: PurePosixPath, *, max_entries: int = 100_000) -> list[RemoteFile]:
        """As in ``Session``. Links are listed, never followed.

        Raises:
            ClusterError: ``too-many-files`` when there are more than ``max_entries``.
        """
        result = await self.run(
            bash(listing.LIST_TREE, str(root), str((max_entries + 1) * 4)),
            label=f"list {root}",
            timeout_s=120,
            idempotent=True,
        )
        entries = listing.parse_tree(result.stdout)
        if len(entries) > max_entries:
            raise ClusterError(
                f"{root} holds more than {max_entries} files.",
                code="too-many-files",
                remedy="Clean the folder up on the cluster, or list a part of it.",
                context={"root": str(root), "max_entries": max_entries},
            )
        return entries

    async def stream(self, script: str, *arguments: str, stdin: bytes = b"", label: str = "") -> AsyncGenerator[bytes]:
        """As in ``Session``."""
        label = plain_line(label or script, limit=200)
        await self.link.limiter.acquire()
        started, at = time.monotonic(), time.time()
        status: int | None = None
        error = ""
        try:
            output = self._transfers.stream(script, *arguments, stdin=stdin, label=label)
            async with contextlib.aclosing(output):
                async for data in output:
                    yield data
            status = 0
        except NamdrunnerError as exc:
            error = exc.code
            raise
        finally:
            self._on_command(CommandEvent(self.cluster, at, label, time.monotonic() - started, status, error))

    async def upload(
        self,
        items: Sequence[UploadItem],
        *,
        progress: ProgressCallback | None = None,
        control: TransferControl | None = None,
        elsewhere: Mapping[str, Sequence[PurePosixPath]] | None = None,
    ) -> list[TransferredFile]:
        """As in ``Session``."""
        return await self._transfers.upload(
            items, progress=progress, control=control or TransferControl(), elsewhere=elsewhere or {}
        )

    async def plan_upload(self, items: Sequence[UploadItem]) -> TransferPlan:
        """As in ``Session``."""
        return await self._transfers.plan_upload(items)

    async def download(
        self,
        items: Sequence[DownloadItem],
        *,
        progress: ProgressCallback | None = None,
        control: TransferControl | None = None,
    ) -> list[TransferredFile]:
        """As in ``Session``."""
        return await self._transfers.download(items, progress=progress, control=control or TransferControl())


def command_fault(result: CommandResult, label: str, cluster: str) -> ClusterError:
    """The error of a command that ended badly, with its own words."""
    words = plain_line(result.error_text or result.text, limit=500)
    context = {"cluster": cluster, "command": plain_line(label, limit=200), "exit_status": result.exit_status}
    if any(w in words.lower() for w in _QUOTA_WORDS):
        return QuotaError(
            f"There is no space left on {cluster}: {words}",
            remedy="Delete what is no longer needed there (old jobs, scratch), or ask for more quota.",
            context=context,
        )
    return CommandError(
        f"'{plain_line(label, limit=80)}' failed with exit status {result.exit_status}"
        + (f": {words}" if words else "."),
        remedy="The words above are the cluster's own.",
        context=context | {"stderr": words},
    )


def _worth_repeating(exc: BaseException) -> bool:
    return isinstance(exc, ConnectionFailedError) and exc.retryable and not isinstance(exc, BusyError)
