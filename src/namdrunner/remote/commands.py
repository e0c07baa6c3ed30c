"""One remote command: started, fed, read with a bound, ended in time."""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress

import asyncssh

from namdrunner.errors import ClusterError, CommandTimeoutError
from namdrunner.remote import faults
from namdrunner.remote.values import CommandResult

_CHUNK = 64 * 1024
_CLOSE_TIMEOUT_S = 1.0


class _TooLong(Exception):
    pass


class _Budget:
    """Bytes both output streams may still bring."""

    def __init__(self, left: int) -> None:
        self.left = left

    async def read_all(self, reader: asyncssh.SSHReader[bytes]) -> bytes:
        parts = []
        while chunk := await reader.read(_CHUNK):
            self.left -= len(chunk)
            if self.left < 0:
                raise _TooLong
            parts.append(chunk)
        return b"".join(parts)


async def run_command(
    connection: asyncssh.SSHClientConnection,
    command: str,
    *,
    place: str,
    label: str,
    timeout_s: float,
    stdin: bytes | None,
    max_output_bytes: int,
) -> CommandResult:
    """Run ``command`` on an open connection.

    Raises:
        CommandTimeoutError: after ``timeout_s``; the channel is killed, the remote side gets a hang-up.
        ClusterError: ``output-too-long`` beyond ``max_output_bytes``.
        ConnectionFailedError: the connection went away.
        asyncssh.ChannelOpenError: the server opens no further session.
    """
    started = time.monotonic()
    process: asyncssh.SSHClientProcess[bytes] | None = None
    try:
        async with asyncio.timeout(timeout_s):
            process = await connection.create_process(command, encoding=None)
            stdout, stderr = await _converse(process, stdin, max_output_bytes)
            await process.wait_closed()
        status = process.returncode
    except TimeoutError as exc:
        raise CommandTimeoutError(
            f"'{label}' did not answer within {timeout_s:g} seconds.",
            remedy="The login node or a file system may be slow; try again in a minute.",
            context={"place": place, "command": label, "timeout_s": timeout_s},
        ) from exc
    except _TooLong as exc:
        raise ClusterError(
            f"'{label}' answered with more than {max_output_bytes} bytes.",
            code="output-too-long",
            remedy="Ask for less at once.",
            context={"place": place, "command": label},
        ) from exc
    except asyncssh.ChannelOpenError:
        raise
    except (asyncssh.Error, OSError, EOFError) as exc:
        raise faults.lost_fault(place, str(exc)) from exc
    finally:
        if process is not None:
            await _end(process)
    if status is None:
        raise faults.lost_fault(place, "a command ended without a status")
    return CommandResult(label or command, status, stdout, stderr, time.monotonic() - started)


async def _converse(
    process: asyncssh.SSHClientProcess[bytes], stdin: bytes | None, max_output_bytes: int
) -> tuple[bytes, bytes]:
    budget = _Budget(max_output_bytes)
    feeding = asyncio.ensure_future(_feed(process, stdin))
    reading = [asyncio.ensure_future(budget.read_all(r)) for r in (process.stdout, process.stderr)]
    try:
        stdout, stderr = await asyncio.gather(*reading)
        return stdout, stderr
    finally:
        for task in (feeding, *reading):
            task.cancel()  # the command ended: what it did not read it does not want
        await asyncio.gather(feeding, *reading, return_exceptions=True)


async def _feed(process: asyncssh.SSHClientProcess[bytes], stdin: bytes | None) -> None:
    with suppress(BrokenPipeError, ConnectionError, asyncssh.Error, OSError):
        for start in range(0, len(stdin or b""), _CHUNK):
            process.stdin.write((stdin or b"")[start : start + _CHUNK])
            await process.stdin.drain()
        process.stdin.write_eof()


async def _end(process: asyncssh.SSHClientProcess[bytes]) -> None:
    if process.is_closing() and process.returncode is not None:
        return
    with suppress(OSError, asyncssh.Error):
        process.kill()
    process.close()
    with suppress(TimeoutError, OSError, asyncssh.Error):
        await asyncio.wait_for(process.wait_closed(), _CLOSE_TIMEOUT_S)
