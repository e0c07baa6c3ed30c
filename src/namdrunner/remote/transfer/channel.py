"""The transfer engine's hold on the connection: SFTP channels, file-work commands, byte streams."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Iterable
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, TypeVar, cast

import asyncssh

from namdrunner.errors import BusyError, NamdrunnerError, QuotaError, TransferError
from namdrunner.remote import faults, listing
from namdrunner.remote.listing import Look
from namdrunner.remote.plaintext import plain_line
from namdrunner.remote.shell import bash

if TYPE_CHECKING:
    from namdrunner.remote.session import SshSession

S = TypeVar("S", bound=asyncssh.SSHClientSession[bytes])
MAX_LANES = 3
RECONNECT_WAIT_S = 60.0
_DIGEST_TIMEOUT_S = 6 * 3600.0
_QUOTA_WORDS = ("no space left", "quota exceeded", "quota")
# A write of 64 KiB tells a full disk or quota apart from everything else SFTP calls "Failure".
_PROBE = r"""export LC_ALL=C; f="$1/.nr-probe.$$"
head -c 65536 /dev/zero 2>/dev/null | dd of="$f" bs=65536 conv=fsync 2>&1; rm -f -- "$f" """


class TransferChannel:
    """What the engine does on the cluster, whatever the direction."""

    def __init__(self, session: SshSession) -> None:
        self._session = session
        self._link = session.link

    @property
    def place(self) -> str:
        return self._link.place

    async def look(self, folders: Iterable[PurePosixPath], paths: Iterable[PurePosixPath]) -> Look:
        """Make ``folders``, then say what is at ``paths``; in one round trip."""
        result = await self._session.run(
            bash(listing.MAKE_AND_LOOK),
            stdin=listing.make_and_look_input(list(folders), paths),
            label="look at files",
            timeout_s=120,
            check=True,
        )
        return listing.parse_look(result.stdout)

    async def digests(self, paths: Iterable[PurePosixPath], *, any_large: bool = True) -> dict[str, str]:
        """sha256 of remote files, in one round trip; unreadable ones are left out.

        ``any_large=False`` saves looking at each file's size first, which costs a millisecond a file.
        """
        paths = list(paths)
        if any_large:
            script = bash(listing.DIGESTS, str(listing.LARGE_BYTES))
        else:
            script = bash(listing.SMALL_DIGESTS, listing.wording(paths))
        result = await self._session.run(
            script,
            stdin=listing.nul_joined(paths),
            label="checksums of files",
            timeout_s=_DIGEST_TIMEOUT_S,
        )
        return listing.parse_digests(result.stdout)

    async def command(self, script: str, *arguments: str, stdin: bytes | None = None, label: str) -> bytes:
        result = await self._session.run(bash(script, *arguments), stdin=stdin, label=label, timeout_s=600, check=True)
        return result.stdout

    @contextlib.asynccontextmanager
    async def lanes(self, wanted: int) -> AsyncIterator[list[asyncssh.SFTPClient]]:
        """One to ``wanted`` SFTP channels, as many as the limits and the server allow now."""
        async with contextlib.AsyncExitStack() as stack:
            await stack.enter_async_context(self._link.gate.session(transfer=True))
            lanes = [await self._open_lane(stack)]
            for _ in range(min(wanted, MAX_LANES) - 1):
                if not await stack.enter_async_context(self._link.gate.session_if_free(transfer=True)):
                    break
                try:
                    lanes.append(await self._open_lane(stack))
                except NamdrunnerError:
                    break
            yield lanes

    async def _open_lane(self, stack: contextlib.AsyncExitStack) -> asyncssh.SFTPClient:
        connection = await self._link.wait_connected(RECONNECT_WAIT_S)
        try:
            lane = await connection.start_sftp_client(path_encoding=None)
        except asyncssh.ChannelOpenError as exc:
            raise self._no_channel(connection, exc) from exc
        except (asyncssh.Error, OSError, EOFError) as exc:
            raise faults.lost_fault(self.place, str(exc)) from exc
        stack.callback(lane.exit)
        return lane

    @contextlib.asynccontextmanager
    async def process(self, script: str, *arguments: str) -> AsyncIterator[asyncssh.SSHClientProcess[bytes]]:
        """A remote script whose input and output are streamed; killed when the block is left early."""
        async with self._link.gate.session(transfer=True):
            process = await self._start(script, arguments)
            try:
                yield process
            finally:
                _stop(process)

    @contextlib.asynccontextmanager
    async def process_if_free(
        self, script: str, *arguments: str
    ) -> AsyncIterator[asyncssh.SSHClientProcess[bytes] | None]:
        """As ``process``, or ``None`` when there is no session to spare for it."""
        async with self._link.gate.session_if_free(transfer=True) as free:
            process = None
            if free:
                with contextlib.suppress(BusyError):
                    process = await self._start(script, arguments)
            try:
                yield process
            finally:
                if process is not None:
                    _stop(process)

    @contextlib.asynccontextmanager
    async def stream_if_free(
        self, factory: Callable[[], S], window: int, script: str, *arguments: str
    ) -> AsyncIterator[S | None]:
        """A remote script with a session of one's own making; ``None`` when there is no session to spare for it."""
        async with self._link.gate.session_if_free(transfer=True) as free:
            if not free:
                yield None
                return
            connection = await self._link.wait_connected(RECONNECT_WAIT_S)
            try:
                channel, session = await connection.create_session(
                    factory, bash(script, *arguments), encoding=None, window=window
                )
            except asyncssh.ChannelOpenError as exc:
                if connection.is_closed():
                    raise faults.lost_fault(self.place, exc.reason) from exc
                self._link.gate.refused()
                yield None
                return
            except (asyncssh.Error, OSError) as exc:
                raise faults.lost_fault(self.place, str(exc)) from exc
            try:
                yield cast(S, session)
            finally:
                channel.close()

    @property
    def alive(self) -> bool:
        """Whether the connection stands as far as is known here."""
        return self._link.connected

    async def _start(self, script: str, arguments: tuple[str, ...]) -> asyncssh.SSHClientProcess[bytes]:
        connection = await self._link.wait_connected(RECONNECT_WAIT_S)
        try:
            return await connection.create_process(bash(script, *arguments), encoding=None)
        except asyncssh.ChannelOpenError as exc:
            raise self._no_channel(connection, exc) from exc
        except (asyncssh.Error, OSError) as exc:
            raise faults.lost_fault(self.place, str(exc)) from exc

    def _no_channel(self, connection: asyncssh.SSHClientConnection, exc: asyncssh.ChannelOpenError) -> NamdrunnerError:
        """The server opened no session: too many are open, or the connection is going."""
        if connection.is_closed():
            return faults.lost_fault(self.place, exc.reason)
        self._link.gate.refused()
        return faults.no_session_left(self.place, self._link.gate.open - 1)

    @contextlib.asynccontextmanager
    async def explained(self, folder: PurePosixPath) -> AsyncIterator[None]:
        """Turn what SFTP says about work in ``folder`` into our errors."""
        try:
            yield
        except (asyncssh.SFTPConnectionLost, asyncssh.SFTPNoConnection, asyncssh.SFTPBadMessage) as exc:
            raise faults.lost_fault(self.place, exc.reason) from exc
        except asyncssh.SFTPError as exc:
            raise await self.sftp_fault(exc, folder) from exc
        except asyncssh.DisconnectError as exc:
            raise faults.lost_fault(self.place, exc.reason) from exc
        except (EOFError, ConnectionError, BrokenPipeError) as exc:
            raise faults.lost_fault(self.place, str(exc)) from exc

    async def sftp_fault(self, exc: asyncssh.SFTPError, folder: PurePosixPath) -> NamdrunnerError:
        context = {"folder": str(folder), "detail": exc.reason}
        full = isinstance(exc, asyncssh.SFTPNoSpaceOnFilesystem | asyncssh.SFTPQuotaExceeded)
        words = exc.reason
        if type(exc) is asyncssh.SFTPFailure:
            words = await self._probe(folder)
            full = any(w in words.lower() for w in _QUOTA_WORDS)
        if full:
            return QuotaError(
                f"There is no space left on the cluster in {folder}: {plain_line(words)}",
                remedy="Delete what is no longer needed there (old jobs, scratch), or ask for more quota.",
                context=context,
            )
        if isinstance(exc, asyncssh.SFTPPermissionDenied):
            return TransferError(
                f"The cluster allows no access in {folder}.",
                code="remote-permission-denied",
                remedy="Check the project and scratch folders of the cluster's settings.",
                retryable=False,
                context=context,
            )
        return TransferError(
            f"The cluster refused file work in {folder}: {plain_line(exc.reason)}.",
            remedy="Try again; if it stays so, look at the folder on the cluster.",
            context=context,
        )

    async def _probe(self, folder: PurePosixPath) -> str:
        try:
            result = await self._session.run(bash(_PROBE, str(folder)), label="test for space", timeout_s=30)
        except NamdrunnerError:
            return ""
        return result.text + result.error_text


def _stop(process: asyncssh.SSHClientProcess[bytes]) -> None:
    """End a script; it may clean up behind itself."""
    if process.returncode is None:
        with contextlib.suppress(OSError, asyncssh.Error):
            process.terminate()
    process.close()


async def first_failure(*work: object) -> None:
    """Wait for all; the first failure cancels the rest and is raised."""
    tasks = [asyncio.ensure_future(w) for w in work]  # type: ignore[call-overload]
    try:
        await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
