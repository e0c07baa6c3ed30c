"""Verifying a large file while it is still being sent: the cluster hashes each finished segment meanwhile."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
from pathlib import PurePosixPath

import asyncssh

from namdrunner.errors import NamdrunnerError
from namdrunner.remote import faults
from namdrunner.remote.transfer.channel import TransferChannel

SEGMENT = 64 * 1024 * 1024

# Reads "offset count" lines and answers one digest each. openssl uses the processor's SHA instructions where
# coreutils mostly do not (measured 1.2 against 0.37 GB/s).
HASH_SEGMENTS = r"""export LC_ALL=C
if command -v openssl >/dev/null 2>&1; then h() { openssl dgst -sha256 -r; }; else h() { sha256sum; }; fi
while read -r o n; do tail -c +$((o+1)) -- "$1" | head -c "$n" | h | head -c 64; echo; done"""


class Digester:
    """sha256 of everything and of each ``SEGMENT`` bytes."""

    def __init__(self) -> None:
        self._whole = hashlib.sha256()
        self._segment = hashlib.sha256()
        self._filled = 0
        self.segments: list[str] = []

    def update(self, data: bytes) -> None:
        self._whole.update(data)
        view = memoryview(data)
        while view:
            take = min(len(view), SEGMENT - self._filled)
            self._segment.update(view[:take])
            self._filled += take
            view = view[take:]
            if self._filled == SEGMENT:
                self._end_segment()

    def _end_segment(self) -> None:
        self.segments.append(self._segment.hexdigest())
        self._segment = hashlib.sha256()
        self._filled = 0

    def hexdigest(self) -> str:
        return self._whole.hexdigest()

    def all_segments(self) -> list[str]:
        """Digests of all segments, the last one short."""
        return [*self.segments, *([self._segment.hexdigest()] if self._filled else [])]


class SegmentCheck:
    """One remote process that hashes segments of a growing file as they become complete."""

    def __init__(self, channel: TransferChannel, path: PurePosixPath) -> None:
        self._channel = channel
        self._path = path
        self._arrived = 0
        self._asked = 0
        self._more = asyncio.Event()
        self._ended = False
        self._task = asyncio.create_task(self._run())
        self.possible = True

    def arrived(self, position: int) -> None:
        """Everything before ``position`` is on the cluster."""
        self._arrived = position
        if position - self._asked >= SEGMENT:
            self._more.set()

    async def agrees(self, digester: Digester) -> bool:
        """Whether the file on the cluster is, segment by segment, what the digester saw.

        Without a free session for it the whole file is hashed now, in one command.
        """
        self._ended = True
        self._more.set()
        segments = await self._task
        if not self.possible:
            return (await self._channel.digests([self._path])).get(str(self._path)) == digester.hexdigest()
        return segments == digester.all_segments()

    async def close(self) -> None:
        self._task.cancel()
        with contextlib.suppress(asyncio.CancelledError, NamdrunnerError, asyncssh.Error, OSError):
            await self._task

    async def _run(self) -> list[str]:
        found: list[str] = []
        async with self._channel.process_if_free(HASH_SEGMENTS, str(self._path)) as process:
            if process is None:
                self.possible = False
                return []
            with faults.stream_work(self._channel.place):
                while not (self._ended and self._asked >= self._arrived):
                    if not self._ended and self._arrived - self._asked < SEGMENT:
                        self._more.clear()
                        await self._more.wait()
                        continue
                    count = min(SEGMENT, self._arrived - self._asked)
                    process.stdin.write(b"%d %d\n" % (self._asked, count))
                    self._asked += count
                    found.append((await process.stdout.readline()).strip().decode("ascii", "replace"))
                process.stdin.write_eof()
        return found
