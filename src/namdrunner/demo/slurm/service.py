"""Where the stand-ins' calls arrive: a loopback socket inside the demo cluster, opened by a token."""

from __future__ import annotations

import asyncio
import contextlib
import hmac
from collections.abc import Awaitable, Callable

from namdrunner.demo.slurm import sacct, sacctmgr, sbatch, scancel, scontrol, sinfo, squeue
from namdrunner.demo.slurm.call import Call, Reply
from namdrunner.demo.slurm.options import Refusal
from namdrunner.demo.slurm.scheduler import Scheduler

COMMANDS: dict[str, Callable[[Call], Awaitable[Reply]]] = {
    "sacct": sacct.run,
    "sacctmgr": sacctmgr.run,
    "sbatch": sbatch.run,
    "scancel": scancel.run,
    "scontrol": scontrol.run,
    "sinfo": sinfo.run,
    "squeue": squeue.run,
}
_LARGEST = 64 * 1024 * 1024


class Service:
    """Answers the stand-in commands. ``address`` is host, port and token, as the stand-ins read them."""

    def __init__(self, scheduler: Scheduler, token: str) -> None:
        self._scheduler = scheduler
        self._token = token.encode()
        self._server: asyncio.Server | None = None

    async def start(self) -> int:
        """Listen on a free loopback port and return it."""
        self._server = await asyncio.start_server(self._answer, "127.0.0.1", 0)
        port: int = self._server.sockets[0].getsockname()[1]
        return port

    async def close(self) -> None:
        if self._server is not None:
            self._server.close()
            await self._server.wait_closed()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            fields = (await _read(reader)).split(b"\0")
            if not hmac.compare_digest(fields[0], self._token):
                return
            reply = await answer(self._scheduler, fields[1:], lambda: _ask_stdin(reader, writer))
            out = reply.stdout.encode("utf-8", "surrogateescape")
            err = reply.stderr.encode("utf-8", "surrogateescape")
            writer.write(b"%d %d %d\n" % (reply.status, len(out), len(err)) + out + err)
            await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError, ValueError):
            pass  # a stand-in that went away
        finally:
            writer.close()
            with contextlib.suppress(ConnectionError):
                await writer.wait_closed()


async def answer(scheduler: Scheduler, fields: list[bytes], read_stdin: Callable[[], Awaitable[bytes]]) -> Reply:
    """One call: command, folder, umask (octal), number of arguments, the arguments, then ``NAME=value`` entries."""
    words = [f.decode("utf-8", "surrogateescape") for f in fields]
    command, cwd, umask, count = words[0], words[1], int(words[2], 8), int(words[3])
    arguments, entries = words[4 : 4 + count], words[4 + count :]
    environment = dict(e.split("=", 1) for e in entries if "=" in e)
    handler = COMMANDS.get(command)
    if handler is None:
        return Reply(stderr=f"{command}: the demo cluster does not have this command\n", status=127)
    try:
        return await handler(Call(scheduler, command, tuple(arguments), cwd, environment, umask, read_stdin))
    except Refusal as refusal:
        return Reply(stderr=refusal.text, status=refusal.status)


async def _read(reader: asyncio.StreamReader) -> bytes:
    """A block: its length in decimal, a line feed, the bytes."""
    length = int(await reader.readuntil(b"\n"))
    if not 0 <= length <= _LARGEST:
        raise ValueError("block too large")
    return await reader.readexactly(length)


async def _ask_stdin(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bytes:
    writer.write(b"stdin\n")
    await writer.drain()
    return await _read(reader)
