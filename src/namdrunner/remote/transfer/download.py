"""Fetching files from a cluster."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import hashlib
import os
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import BinaryIO

import asyncssh

from namdrunner.errors import InputError
from namdrunner.remote.listing import RemoteStat, encoded
from namdrunner.remote.transfer import parts
from namdrunner.remote.transfer.bytestream import Streams, write_hashed
from namdrunner.remote.transfer.channel import MAX_LANES, TransferChannel, first_failure
from namdrunner.remote.transfer.control import TransferControl
from namdrunner.remote.transfer.digest import Hash
from namdrunner.remote.transfer.flow import Bandwidth, Flow
from namdrunner.remote.transfer.meter import Meter
from namdrunner.remote.transfer.pipeline import CHUNK, BlockFile, pipeline, read_exactly, received_chunks
from namdrunner.remote.transfer.upload import STRIPED
from namdrunner.remote.values import DownloadItem, TransferredFile

TAIL = 64 * 1024


@dataclass(frozen=True)
class Incoming:
    """One file to fetch. ``source`` is where its bytes are: a link inside the job folder is resolved already."""

    item: DownloadItem
    source: PurePosixPath
    stat: RemoteStat

    @property
    def bytes(self) -> int:
        return self.stat.bytes

    @property
    def target(self) -> Path:
        return self.item.target

    @cached_property
    def name(self) -> str:
        return str(self.item.target)

    @cached_property
    def part(self) -> Path:
        version = f"{self.source}:{self.stat.bytes}:{self.stat.modified_s}"
        return self.target.with_name(parts.part_name(self.target.name, version))

    def result(self, sha256: str, *, skipped: bool = False) -> TransferredFile:
        return TransferredFile(str(self.item.source), self.name, self.bytes, sha256, skipped)


def check_items(items: Sequence[DownloadItem]) -> None:
    targets = [str(i.target) for i in items]
    if len(set(targets)) < len(targets):
        twice = sorted({t for t in targets if targets.count(t) > 1})
        raise InputError(f"Two files would go to {twice[0]}.", code="duplicate-target")
    for item in items:
        if not item.source.is_absolute() or ".." in item.source.parts:
            raise InputError(f"{item.source} is not an absolute path on the cluster.", code="bad-source")


class Downloader:
    """Fetches single files over SFTP; the cluster computes their checksums meanwhile."""

    def __init__(self, channel: TransferChannel, control: TransferControl, meter: Meter, bandwidth: Bandwidth) -> None:
        self._channel = channel
        self._control = control
        self._meter = meter
        self._bandwidth = bandwidth
        self._flow = Flow()
        self._streams = Streams(channel, self._flow, bandwidth, control)
        self.done: dict[str, TransferredFile] = {}

    async def fetch(self, files: Sequence[Incoming]) -> None:
        """Fetch and verify ``files``; those that arrived are in ``done`` even when this raises."""
        remote = asyncio.create_task(self._channel.digests([f.source for f in files]))
        try:
            wide = [f for f in files if f.bytes >= STRIPED]
            narrow = sorted((f for f in files if f.bytes < STRIPED), key=lambda f: -f.bytes)
            async with self._channel.lanes(MAX_LANES if wide else len(narrow)) as lanes:
                for file in wide:
                    await self._fetch_one(file, lanes, remote)
                waiting = list(reversed(narrow))
                await first_failure(*(self._serve(waiting, [lane], remote) for lane in lanes))
        finally:
            remote.cancel()
            await asyncio.gather(remote, return_exceptions=True)

    async def _serve(
        self, waiting: list[Incoming], lanes: list[asyncssh.SFTPClient], remote: asyncio.Task[dict[str, str]]
    ) -> None:
        while waiting:
            await self._fetch_one(waiting.pop(), lanes, remote)

    async def _fetch_one(
        self, file: Incoming, lanes: list[asyncssh.SFTPClient], remote: asyncio.Task[dict[str, str]]
    ) -> None:
        await asyncio.to_thread(file.target.parent.mkdir, parents=True, exist_ok=True)
        async with self._channel.explained(file.source.parent):
            handles = [
                await lane.open(encoded(file.source), asyncssh.FXF_READ, encoding=None, block_size=0) for lane in lanes
            ]
            try:
                digest = await self._receive(file, handles)
            finally:
                for handle in handles:
                    await _closed(handle)
        await self.accept(file, digest, (await asyncio.shield(remote)).get(str(file.source)))

    async def accept(self, file: Incoming, ours: str | None, theirs: str | None) -> None:
        """Put a fetched file in its place when it is what the cluster has and what was expected.

        Raises:
            TransferError: ``checksum-mismatch``, ``source-changed`` or ``unexpected-content``.
        """
        if ours is not None and ours == theirs and file.item.sha256 not in (None, ours):
            await asyncio.to_thread(file.part.unlink, missing_ok=True)
            raise parts.unexpected(str(file.source), ours, str(file.item.sha256))
        if ours is None or ours != theirs:
            await asyncio.to_thread(file.part.unlink, missing_ok=True)
            now = (await self._channel.look([], [file.source])).stats.get(str(file.source))
            raise parts.mismatch(file.name) if now == file.stat else parts.changed(str(file.source))
        await asyncio.to_thread(os.replace, file.part, file.target)
        self._arrived(file, ours)

    async def accept_all(self, files: Sequence[Incoming], ours: dict[str, str], theirs: dict[str, str]) -> None:
        """``accept`` for many, digests by the path on the cluster; the good ones first."""
        good = [f for f in files if _agrees(f, ours, theirs)]
        await asyncio.to_thread(_replace_all, good)
        for file in good:
            self._arrived(file, ours[str(file.source)])
        for file in files:
            if file.name not in self.done:
                await self.accept(file, ours.get(str(file.source)), theirs.get(str(file.source)))

    def _arrived(self, file: Incoming, digest: str) -> None:
        self._meter.finish(file.name)
        self.done[file.name] = file.result(digest)

    async def _receive(self, file: Incoming, handles: Sequence[asyncssh.SFTPClientFile]) -> str:
        digest = hashlib.sha256()
        descriptor = await asyncio.to_thread(os.open, file.part, _OPEN_FLAGS, 0o666)
        with os.fdopen(descriptor, "r+b", buffering=0) as part:
            start = await self._resume_at(file, part, handles[0])
            self._meter.start_at(file.name, start)
            await asyncio.to_thread(_hash_prefix, part, start, digest)
            await self._stream(file, part, start, handles, digest)
        return digest.hexdigest()

    async def _stream(
        self, file: Incoming, part: BinaryIO, start: int, handles: Sequence[BlockFile], digest: Hash
    ) -> None:
        position = start

        def arrived(count: int) -> None:
            self._meter.sent(file.name, count)

        while position < file.bytes:
            if self._streams.better(position, file.bytes):
                write = functools.partial(write_hashed, part, digest=digest)
                position = await self._streams.get(file.source, position, file.bytes, write, arrived)
            async with (
                pipeline(self._flow, self._bandwidth, self._control) as line,
                contextlib.aclosing(received_chunks(line, handles, position, file.bytes)) as chunks,
            ):
                async for data in chunks:
                    await asyncio.to_thread(_write_hashed, part, data, digest)
                    position += len(data)
                    arrived(len(data))
                    if self._streams.better(position, file.bytes):
                        break

    async def _resume_at(self, file: Incoming, part: BinaryIO, handle: asyncssh.SFTPClientFile) -> int:
        """The length of the part when its end is what the cluster has there, else 0."""
        there = os.fstat(part.fileno()).st_size
        if 0 < there <= file.bytes:
            begin = max(0, there - TAIL)
            part.seek(begin)
            ours = await asyncio.to_thread(part.read, there - begin)
            if ours == await read_exactly(handle, begin, there - begin):
                return there
        part.truncate(0)
        return 0


_OPEN_FLAGS = os.O_RDWR | os.O_CREAT | getattr(os, "O_BINARY", 0) | getattr(os, "O_NOFOLLOW", 0)


def _agrees(file: Incoming, ours: dict[str, str], theirs: dict[str, str]) -> bool:
    digest = ours.get(str(file.source))
    return digest is not None and digest == theirs.get(str(file.source)) and file.item.sha256 in (None, digest)


def _replace_all(files: Sequence[Incoming]) -> None:
    for file in files:
        file.part.replace(file.target)


def _hash_prefix(part: BinaryIO, size: int, digest: Hash) -> None:
    part.seek(0)
    left = size
    while left:
        data = part.read(min(CHUNK, left))
        digest.update(data)
        left -= len(data)


def _write_hashed(part: BinaryIO, data: bytes, digest: Hash) -> None:
    view = memoryview(data)
    while view:
        view = view[part.write(view) :]
    digest.update(data)


async def _closed(handle: asyncssh.SFTPClientFile) -> None:
    try:
        await handle.close()
    except asyncio.CancelledError:
        raise
    except (asyncssh.Error, OSError, ValueError):
        return  # a handle of a broken connection; the cause is on its way up already
