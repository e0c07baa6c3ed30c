"""Many small files fetched as one tar stream, with their checksums from the cluster behind it."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Sequence
from pathlib import Path

import asyncssh

from namdrunner.remote import faults, listing
from namdrunner.remote.transfer.channel import TransferChannel
from namdrunner.remote.transfer.control import TransferControl
from namdrunner.remote.transfer.digest import bytes_sha256
from namdrunner.remote.transfer.download import Incoming
from namdrunner.remote.transfer.flow import Bandwidth
from namdrunner.remote.transfer.meter import Meter
from namdrunner.remote.transfer.tarstream import DamagedError, TarReader

# Input: paths, each ended by NUL. Output: a tar stream; on the error channel, at the same time, the checksums.
# A file with two names in the list has to come twice: --hard-dereference.
PACK = (
    listing.HASHER
    + r"""export LC_ALL=C
pack() { exec tar -c -b 128 -f - -P --format=gnu --hard-dereference --no-recursion --null -T - 2>/dev/null; }
{ { tee /dev/fd/3 | pack >&4 3>&-
} 3>&1 | xargs -0 "${h[@]}" 1>&2 2>/dev/null 4>&-; } 4>&1; exit 0"""
)
_BATCH = 1024 * 1024
_FLAGS = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | getattr(os, "O_BINARY", 0) | getattr(os, "O_NOFOLLOW", 0)


async def fetch_bundle(
    channel: TransferChannel,
    files: Sequence[Incoming],
    control: TransferControl,
    meter: Meter,
    bandwidth: Bandwidth,
) -> tuple[dict[str, str], dict[str, str]]:
    """Write the ``.part`` of each of ``files``.

    Returns the sha256 of what arrived and of what is on the cluster, both by the path there; files that could not be
    read or have another size than planned are left out of the first.
    """
    unpacker = _Unpacker(files)
    async with channel.process(PACK, listing.wording(f.source for f in files)) as process:
        with faults.stream_work(channel.place):
            process.stdin.write(listing.nul_joined(f.source for f in files))
            process.stdin.write_eof()
            words = asyncio.ensure_future(process.stderr.read())
            try:
                await _receive(process.stdout, unpacker, control, meter, bandwidth)
                theirs = listing.parse_digests(await words)
            finally:
                words.cancel()
                await asyncio.gather(words, return_exceptions=True)
            await process.wait_closed()
        if process.returncode is None:
            raise faults.lost_fault(channel.place, "a transfer was cut off")
    return unpacker.digests, theirs


async def _receive(
    stream: asyncssh.SSHReader[bytes], unpacker: _Unpacker, control: TransferControl, meter: Meter, bandwidth: Bandwidth
) -> None:
    """Unpack batch by batch in a thread while the next one arrives."""
    unpacking: asyncio.Future[list[tuple[str, int]]] | None = None
    try:
        while batch := await _batch(stream, control, bandwidth):
            if unpacking is not None:
                _count(await asyncio.shield(unpacking), meter)
            unpacking = asyncio.ensure_future(asyncio.to_thread(unpacker.unpack, batch))
        if unpacking is not None:
            _count(await asyncio.shield(unpacking), meter)
    finally:
        if unpacking is not None:  # nothing may still be written when this is left
            await asyncio.gather(unpacking, return_exceptions=True)


async def _batch(stream: asyncssh.SSHReader[bytes], control: TransferControl, bandwidth: Bandwidth) -> bytes:
    parts: list[bytes] = []
    left = _BATCH
    while left > 0:
        await control.checkpoint()
        data = await stream.read(left)
        if not data:
            break
        await bandwidth.take(len(data))
        parts.append(data)
        left -= len(data)
    return b"".join(parts)


def _count(arrived: list[tuple[str, int]], meter: Meter) -> None:
    for name, count in arrived:
        meter.sent(name, count)


class _Unpacker:
    """Works in threads, one at a time. Only what was asked for is written, and only to the places chosen here."""

    def __init__(self, files: Sequence[Incoming]) -> None:
        self._files = {str(f.source): f for f in files}
        self._reader = TarReader(self._wanted)
        self._folders: set[Path] = set()
        self._damaged = False
        self.digests: dict[str, str] = {}

    def _wanted(self, name: str, size: int) -> bool:
        file = self._files.get(name)
        return file is not None and size == file.bytes and name not in self.digests

    def unpack(self, batch: bytes) -> list[tuple[str, int]]:
        """Write what is complete; returns local names and bytes."""
        arrived: list[tuple[str, int]] = []
        if self._damaged:
            return arrived  # cut short: what is missing is asked for again
        try:
            for name, data in self._reader.feed(batch):
                file = self._files[name]
                self._write(file, data)
                self.digests[name] = bytes_sha256(data)
                arrived.append((file.name, len(data)))
        except DamagedError:
            self._damaged = True
        return arrived

    def _write(self, file: Incoming, data: bytes) -> None:
        folder = file.target.parent
        if folder not in self._folders:
            folder.mkdir(parents=True, exist_ok=True)
            self._folders.add(folder)
        descriptor = os.open(file.part, _FLAGS, 0o666)
        try:
            view = memoryview(data)
            while view:
                view = view[os.write(descriptor, view) :]
        finally:
            os.close(descriptor)
