"""Verifying a large file while it is still being sent: the cluster hashes what has arrived meanwhile."""

from __future__ import annotations

import asyncio
import contextlib
from pathlib import PurePosixPath

import asyncssh

from namdrunner.errors import NamdrunnerError
from namdrunner.remote import faults
from namdrunner.remote.transfer.channel import TransferChannel

_UNIT = 1024 * 1024
STEP = 64 * _UNIT
"""Hashed behind the sender in steps of this size; smaller files are hashed when they are there."""

# Reads lines of "offset count" in units of 1 MiB and hashes these pieces as one stream. openssl uses the processor's
# SHA instructions where coreutils mostly do not (measured 1.2 against 0.37 GB/s).
FOLLOW = r"""export LC_ALL=C
if command -v openssl >/dev/null 2>&1; then h() { openssl dgst -sha256 -r; }; else h() { sha256sum; }; fi
while read -r o n; do dd if="$1" bs=1048576 skip="$o" count="$n" status=none; done | h | head -c 64"""


class FollowingCheck:
    """One remote process that hashes a growing file up to what is known to have arrived."""

    def __init__(self, channel: TransferChannel, path: PurePosixPath) -> None:
        self._channel = channel
        self._path = path
        self._arrived = 0
        self._asked = 0
        self._more = asyncio.Event()
        self._ended = False
        self._task = asyncio.create_task(self._run())

    def arrived(self, position: int) -> None:
        """Everything before ``position`` is on the cluster."""
        self._arrived = position
        if position - self._asked >= STEP:
            self._more.set()

    async def digest(self) -> str | None:
        """The sha256 of the file on the cluster, once everything has arrived.

        Without a free session for it the file is hashed now, in one command.
        """
        self._ended = True
        self._more.set()
        return await self._task or (await self._channel.digests([self._path])).get(str(self._path))

    async def close(self) -> None:
        self._task.cancel()
        with contextlib.suppress(asyncio.CancelledError, NamdrunnerError, asyncssh.Error, OSError):
            await self._task

    async def _run(self) -> str | None:
        async with self._channel.process_if_free(FOLLOW, str(self._path)) as process:
            if process is None:
                return None
            with faults.stream_work(self._channel.place):
                while not (self._ended and self._asked >= self._arrived):
                    if not self._ended and self._arrived - self._asked < STEP:
                        self._more.clear()
                        await self._more.wait()
                        continue
                    count = min(STEP, self._arrived - self._asked)
                    process.stdin.write(b"%d %d\n" % (self._asked // _UNIT, -(-count // _UNIT)))
                    self._asked += count
                process.stdin.write_eof()
                return (await process.stdout.read()).strip().decode("ascii", "replace")
