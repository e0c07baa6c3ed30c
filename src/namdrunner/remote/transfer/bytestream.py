"""One plain stream through a remote command: on a near, fast line it costs half of what SFTP's answers cost."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable
from pathlib import PurePosixPath
from typing import Any, BinaryIO

import asyncssh

from namdrunner.remote import faults
from namdrunner.remote.transfer.channel import TransferChannel
from namdrunner.remote.transfer.control import TransferControl
from namdrunner.remote.transfer.digest import Hash
from namdrunner.remote.transfer.flow import QUEUEING_S, Bandwidth, Flow

UNIT = 1024 * 1024
"""Streams begin at multiples of this."""
STEP = 32 * UNIT
"""An upload is acknowledged in steps of this size."""
WORTHWHILE = 32 * UNIT
"""A rest smaller than this is not worth another session."""
WINDOW = 4 * UNIT
"""What may be under way on one stream, at most: OpenSSH's own window is the half of it."""
SLOWEST_BYTES_PER_S = WINDOW / QUEUEING_S / 2
"""On a slower line a full window would keep others on the connection waiting for longer than we may."""
PAUSE_BYTES = 256 * UNIT
"""After a stream that turned out slow, so much goes over SFTP before the next is tried."""
_READ_AHEAD = 4 * UNIT
_BATCH = 2 * UNIT
_MOST_HELD = 8 * UNIT
_SLICE = 64 * 1024
_VECTORS = 512

# $1: file; $2: unit to begin with; $3: units in all. dd writes at fixed places: one that outlives its connection writes
# what is there anyway.
PUT = r"""export LC_ALL=C; k=$2
while [ "$k" -lt "$3" ]; do
dd of="$1" bs=1048576 count=32 iflag=fullblock seek="$k" conv=notrunc status=none || exit 5
k=$((k+32)); echo "$k"; done"""
# $1: file; $2: unit to begin with.
GET = r"""export LC_ALL=C; exec dd if="$1" bs=1048576 skip="$2" status=none"""


class ByteSession(asyncssh.SSHClientSession[bytes]):
    """What a remote command sends, in the pieces it came in; reading and writing hold each other back."""

    def __init__(self) -> None:
        self._channel: asyncssh.SSHClientChannel[bytes] | None = None
        self._parts: list[bytes] = []
        self._held = 0
        self._wanted = 1
        self._paused = False
        self._readable = asyncio.Event()
        self._writable = asyncio.Event()
        self._writable.set()
        self.closed = False

    def connection_made(self, chan: asyncssh.SSHClientChannel[bytes]) -> None:
        self._channel = chan

    def connection_lost(self, exc: Exception | None) -> None:
        self.closed = True
        self._readable.set()
        self._writable.set()

    def eof_received(self) -> bool:
        self._readable.set()
        self.closed = True
        return True

    def pause_writing(self) -> None:
        self._writable.clear()

    def resume_writing(self) -> None:
        self._writable.set()

    def data_received(self, data: bytes, datatype: Any) -> None:
        if datatype is not None:
            return  # words on the error channel: SFTP, which comes next, gives the reason
        self._parts.append(data)
        self._held += len(data)
        if self._held >= self._wanted:
            self._readable.set()
        if self._held > _MOST_HELD and not self._paused and self._channel is not None:
            self._paused = True
            self._channel.pause_reading()

    async def take(self, wanted: int) -> list[bytes]:
        """What came: at least ``wanted`` bytes, fewer only when there will be no more."""
        self._wanted = wanted
        if self._held < wanted and not self.closed:
            self._readable.clear()
            await self._readable.wait()
        return self.taken()

    def taken(self) -> list[bytes]:
        """What came so far."""
        parts, self._parts, self._held = self._parts, [], 0
        if self._paused and self._channel is not None:
            self._paused = False
            self._channel.resume_reading()
        return parts

    async def write(self, data: bytes) -> None:
        view = memoryview(data)
        for start in range(0, len(view), _SLICE):
            if not self._writable.is_set():
                await self._writable.wait()
            if self.closed or self._channel is None:
                raise BrokenPipeError
            self._channel.write(view[start : start + _SLICE])

    def end(self) -> None:
        if self._channel is not None and not self.closed:
            self._channel.write_eof()


class Streams:
    """Decides for one transfer when a plain stream is the better way."""

    def __init__(self, channel: TransferChannel, flow: Flow, bandwidth: Bandwidth, control: TransferControl) -> None:
        self._channel = channel
        self._flow = flow
        self._bandwidth = bandwidth
        self._control = control
        self._not_before = 0

    def better(self, position: int, total: int) -> bool:
        """Whether the rest from ``position`` should go as a stream, from what SFTP has shown of the line so far."""
        return (
            self._flow.near
            and total - position >= WORTHWHILE
            and position >= self._not_before
            and not self._bandwidth.bytes_per_s
        )

    async def put(
        self,
        path: PurePosixPath,
        position: int,
        total: int,
        read: Callable[[int, int], bytes],
        arrived: Callable[[int], None],
    ) -> int:
        """Send what ``read(offset, count)`` gives from ``position`` (a multiple of ``UNIT``) on.

        Returns up to where everything is on the cluster: less than ``total`` when SFTP has to go on.
        """
        self._not_before = position + PAUSE_BYTES
        units = (position // UNIT, -(-total // UNIT))
        async with self._channel.stream_if_free(
            ByteSession, WINDOW, PUT, str(path), *(str(n) for n in units)
        ) as session:
            if session is None:
                return position
            sending = asyncio.ensure_future(self._send(session, position, total, read))
            try:
                return await self._acknowledged(session, position, total, arrived)
            finally:
                sending.cancel()
                await asyncio.gather(sending, return_exceptions=True)

    async def _send(self, session: ByteSession, position: int, total: int, read: Callable[[int, int], bytes]) -> None:
        coming = asyncio.ensure_future(asyncio.to_thread(read, position, _READ_AHEAD))
        try:
            while data := await asyncio.shield(coming):
                position += len(data)
                coming = asyncio.ensure_future(asyncio.to_thread(read, position, _READ_AHEAD))
                await session.write(data)
            session.end()
        finally:
            await asyncio.gather(coming, return_exceptions=True)  # a thread cannot be stopped, only waited for

    async def _acknowledged(
        self, session: ByteSession, position: int, total: int, arrived: Callable[[int], None]
    ) -> int:
        while position < total:
            try:
                async with asyncio.timeout(STEP / SLOWEST_BYTES_PER_S):
                    answer = b"".join(await session.take(1))
            except TimeoutError:
                return position
            self._still_there(session)
            if not answer or self._interrupted:
                return position
            unit = int(answer.split()[-1])
            position = min(total, unit * UNIT)
            arrived(position)
        return position

    async def get(
        self,
        path: PurePosixPath,
        position: int,
        total: int,
        write: Callable[[list[bytes]], None],
        arrived: Callable[[int], None],
    ) -> int:
        """Fetch from ``position`` on, handing it to ``write`` in a thread; returns up to where that was done."""
        self._not_before = position + PAUSE_BYTES
        surplus = position % UNIT
        async with self._channel.stream_if_free(ByteSession, WINDOW, GET, str(path), str(position // UNIT)) as session:
            if session is None:
                return position
            began, before = time.monotonic(), position
            while position < total and not self._interrupted:
                try:
                    async with asyncio.timeout(_BATCH / SLOWEST_BYTES_PER_S + QUEUEING_S * 10):
                        pieces = await session.take(min(_BATCH, total - position))
                except TimeoutError:
                    pieces = session.taken()
                    self._still_there(session)
                    if not pieces:
                        break
                if not pieces:
                    self._still_there(session)
                    break
                pieces, surplus = _cut(pieces, surplus, total - position)
                count = sum(map(len, pieces))
                await asyncio.to_thread(write, pieces)
                position += count
                arrived(count)
                now = time.monotonic()
                if now - began > 1.0:
                    if (position - before) / (now - began) < SLOWEST_BYTES_PER_S:
                        break
                    began, before = now, position
        return position

    @property
    def _interrupted(self) -> bool:
        return self._control.paused or self._control.cancelled

    def _still_there(self, session: ByteSession) -> None:
        if session.closed and not self._channel.alive:
            raise faults.lost_fault(self._channel.place, "a transfer was cut off")


def _cut(pieces: list[bytes], surplus: int, most: int) -> tuple[list[bytes], int]:
    """``pieces`` without the first ``surplus`` bytes and without what exceeds ``most``; the surplus left over."""
    kept: list[bytes] = []
    for piece in pieces:
        if surplus:
            dropped = min(surplus, len(piece))
            surplus -= dropped
            piece = piece[dropped:]
        if len(piece) > most:
            piece = piece[:most]
        if piece:
            kept.append(piece)
            most -= len(piece)
    return kept, surplus


def write_hashed(file: BinaryIO, pieces: list[bytes], digest: Hash) -> None:
    """Append ``pieces`` to an unbuffered file without joining them first, where the system can."""
    if hasattr(os, "writev"):
        for start in range(0, len(pieces), _VECTORS):
            some = pieces[start : start + _VECTORS]
            written = os.writev(file.fileno(), some)
            if written < sum(map(len, some)):
                _write(file, b"".join(some)[written:])
    else:
        _write(file, b"".join(pieces))
    for piece in pieces:
        digest.update(piece)


def _write(file: BinaryIO, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[file.write(view) :]
