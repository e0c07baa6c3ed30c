"""Sending files to a cluster."""

from __future__ import annotations

import asyncio
import hashlib
import stat
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import BinaryIO

import asyncssh

from namdrunner.errors import InputError, TransferError
from namdrunner.remote.listing import RemoteStat, encoded
from namdrunner.remote.transfer import parts
from namdrunner.remote.transfer.bytestream import Streams
from namdrunner.remote.transfer.channel import MAX_LANES, TransferChannel, first_failure
from namdrunner.remote.transfer.control import TransferControl
from namdrunner.remote.transfer.digest import Hash, bytes_sha256
from namdrunner.remote.transfer.flow import LARGEST, Bandwidth, Flow
from namdrunner.remote.transfer.following import STEP, FollowingCheck
from namdrunner.remote.transfer.meter import Meter
from namdrunner.remote.transfer.pipeline import CHUNK, BlockFile, finish_sending, pipeline, read_exactly, send_chunk
from namdrunner.remote.values import TransferredFile, UploadItem

STRIPED = 32 * 1024 * 1024
"""From this size on, one file uses all channels at once."""
TAIL = 64 * 1024
_OPEN_FLAGS = asyncssh.FXF_READ | asyncssh.FXF_WRITE | asyncssh.FXF_CREAT


@dataclass(frozen=True)
class Outgoing:
    """One file to send, as it was when the plan was made."""

    item: UploadItem
    bytes: int
    version: str
    """Tells this version of the source from others: size and time, or the digest of given content."""

    @property
    def target(self) -> PurePosixPath:
        return self.item.target

    @cached_property
    def name(self) -> str:
        return str(self.item.target)

    @property
    def source_name(self) -> str:
        return self.name if isinstance(self.item.source, bytes) else str(self.item.source)

    @property
    def part(self) -> PurePosixPath:
        return self.target.with_name(parts.part_name(self.target.name, self.version))

    def result(self, sha256: str, *, skipped: bool = False) -> TransferredFile:
        return TransferredFile(self.source_name, self.name, self.bytes, sha256, skipped)


def outgoing(item: UploadItem) -> Outgoing:
    """Reads the source's size and time.

    Raises:
        InputError: ``file-unreadable`` or ``bad-target``.
    """
    if not item.target.is_absolute() or ".." in item.target.parts or not item.target.name:
        raise InputError(f"{item.target} is not an absolute path on the cluster.", code="bad-target")
    if isinstance(item.source, bytes):
        return Outgoing(item, len(item.source), bytes_sha256(item.source))
    try:
        found = item.source.stat()
    except OSError as exc:
        raise parts.missing_local(str(item.source), exc.strerror or str(exc)) from exc
    if not stat.S_ISREG(found.st_mode):
        raise parts.missing_local(str(item.source), "it is not a file")
    return Outgoing(item, found.st_size, f"{found.st_size}:{found.st_mtime_ns}")


def check_targets(files: Sequence[Outgoing]) -> None:
    names = [f.name for f in files]
    twice = sorted({n for n in names if names.count(n) > 1}) if len(set(names)) < len(names) else []
    if twice:
        raise InputError(f"Two files would go to {twice[0]}.", code="duplicate-target")


def open_source(item: UploadItem) -> BinaryIO:
    import io

    return io.BytesIO(item.source) if isinstance(item.source, bytes) else Path(item.source).open("rb", buffering=0)


class Uploader:
    """Sends single files over SFTP, several or one wide at a time."""

    def __init__(
        self,
        channel: TransferChannel,
        control: TransferControl,
        meter: Meter,
        bandwidth: Bandwidth,
        remote: dict[str, RemoteStat],
        done: dict[str, TransferredFile],
    ) -> None:
        self._channel = channel
        self._control = control
        self._meter = meter
        self._bandwidth = bandwidth
        self._remote = remote
        self._flow = Flow()
        self._streams = Streams(channel, self._flow, bandwidth, control)
        self._done = done

    async def send(self, files: Sequence[Outgoing]) -> None:
        """Send and verify ``files``; those that arrived are in ``done`` (given) even when this raises."""
        wide = [f for f in files if f.bytes >= STRIPED]
        narrow = sorted((f for f in files if f.bytes < STRIPED), key=lambda f: -f.bytes)
        async with self._channel.lanes(MAX_LANES if wide else len(narrow)) as lanes:
            for file in wide:
                await self._send_one(file, lanes)
            waiting = list(reversed(narrow))
            await first_failure(*(self._serve(waiting, [lane]) for lane in lanes))

    async def _serve(self, waiting: list[Outgoing], lanes: list[asyncssh.SFTPClient]) -> None:
        while waiting:
            await self._send_one(waiting.pop(), lanes)

    async def _send_one(self, file: Outgoing, lanes: list[asyncssh.SFTPClient]) -> None:
        async with self._channel.explained(file.target.parent):
            handles = [await lane.open(encoded(file.part), _OPEN_FLAGS, encoding=None, block_size=0) for lane in lanes]
            try:
                ours, theirs = await self._send_bytes(file, handles)
            finally:
                for handle in handles:
                    await _closed(handle)
            if theirs is None:
                theirs = (await self._channel.digests([file.part], any_large=False)).get(str(file.part))
            if theirs != ours:
                raise await self._spoilt(lanes[0], file)
            await lanes[0].posix_rename(encoded(file.part), encoded(file.target))
        self._meter.finish(file.name)
        self._done[file.name] = file.result(ours)

    async def _spoilt(self, lane: asyncssh.SFTPClient, file: Outgoing) -> TransferError:
        """A part that does not match is worth nothing: the next attempt begins anew."""
        await lane.remove(encoded(file.part))
        self._remote.pop(str(file.part), None)
        return parts.mismatch(file.name)

    async def _send_bytes(self, file: Outgoing, handles: Sequence[asyncssh.SFTPClientFile]) -> tuple[str, str | None]:
        """Stream the source once: everything is hashed, what is there already is not sent again.

        Returns the sha256 of what was read here and, for large files, of what is on the cluster.
        """
        digest = hashlib.sha256()
        theirs: str | None = None
        with open_source(file.item) as source:
            start = await self._resume_at(file, source, handles[0])
            self._meter.start_at(file.name, start)
            check = FollowingCheck(self._channel, file.part) if file.bytes >= STEP else None
            try:
                await self._stream(file, source, start, handles, digest, check)
                if check is not None:
                    theirs = await check.digest()
            finally:
                if check is not None:
                    await check.close()
        await asyncio.to_thread(_unchanged, file)
        return digest.hexdigest(), theirs

    async def _stream(
        self,
        file: Outgoing,
        source: BinaryIO,
        start: int,
        handles: Sequence[BlockFile],
        digest: Hash,
        check: FollowingCheck | None,
    ) -> None:
        acknowledged = start

        def sent(count: int) -> None:
            arrived(acknowledged + count)

        def arrived(position: int) -> None:
            nonlocal acknowledged
            self._meter.sent(file.name, position - acknowledged)
            acknowledged = position
            if check is not None:
                check.arrived(acknowledged)

        read = _Hashing(source, digest).read
        position = 0
        async with pipeline(self._flow, self._bandwidth, self._control) as line:
            while data := await asyncio.to_thread(read, position, CHUNK):
                fresh = data[max(0, start - position) :] if position < start else data
                if fresh:
                    await send_chunk(line, handles, fresh, position + len(data) - len(fresh), sent)
                position += len(data)
                if position >= start and self._streams.better(position, file.bytes):
                    await finish_sending(line, sent)
                    position = await self._streams.put(file.part, position, file.bytes, read, arrived)
            await finish_sending(line, sent)
        if position != file.bytes:
            raise parts.changed(file.source_name)
        if check is not None:
            check.arrived(file.bytes)

    async def _resume_at(self, file: Outgoing, source: BinaryIO, handle: asyncssh.SFTPClientFile) -> int:
        """Where to go on: what several channels may have left out at the end of the part is sent again."""
        attributes = await handle.stat()
        there = attributes.size or 0
        if there > file.bytes:
            await handle.truncate(0)
            return 0
        start = max(0, there - LARGEST - CHUNK) if there < file.bytes or file.bytes >= STRIPED else there
        if start == 0:
            return 0
        begin = max(0, start - TAIL)
        source.seek(begin)
        ours = await asyncio.to_thread(source.read, start - begin)
        theirs = await read_exactly(handle, begin, start - begin)
        if ours != theirs:
            await handle.truncate(0)
            return 0
        return start


class _Hashing:
    """Reads a source at any place; every byte goes into the digest once, in order."""

    def __init__(self, source: BinaryIO, digest: Hash) -> None:
        self._source = source
        self._digest = digest
        self._hashed = 0

    def read(self, offset: int, count: int) -> bytes:
        self._source.seek(offset)
        data = self._source.read(count)
        if offset + len(data) > self._hashed:
            self._digest.update(memoryview(data)[max(0, self._hashed - offset) :])
            self._hashed = offset + len(data)
        return data


def _unchanged(file: Outgoing) -> None:
    if outgoing(file.item).version != file.version:
        raise parts.changed(file.source_name)


async def _closed(handle: asyncssh.SFTPClientFile) -> None:
    try:
        await handle.close()
    except asyncio.CancelledError:
        raise
    except (asyncssh.Error, OSError, ValueError):
        return  # a handle of a broken connection; the cause is on its way up already
