"""Many small files fetched as one tar stream, with their checksums from the cluster behind it."""

from __future__ import annotations

import asyncio
import os
import tarfile
from collections.abc import Sequence
from typing import IO, cast

import asyncssh

from namdrunner.remote import faults, listing
from namdrunner.remote.transfer.channel import TransferChannel
from namdrunner.remote.transfer.control import TransferControl
from namdrunner.remote.transfer.digest import bytes_sha256
from namdrunner.remote.transfer.download import Incoming
from namdrunner.remote.transfer.flow import Bandwidth
from namdrunner.remote.transfer.meter import Meter

# Input: paths, each ended by NUL. Output: a tar stream; on the error channel, after it, the checksums.
PACK = r"""export LC_ALL=C; files=()
while IFS= read -r -d '' f; do files+=("$f"); done
printf '%s\0' "${files[@]}" | tar -c -f - -P --no-recursion --null -T - 2>/dev/null
printf '%s\0' "${files[@]}" | xargs -0 sha256sum -- 1>&2 2>/dev/null; exit 0"""
_BUFFER = 1024 * 1024


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
    async with channel.process(PACK) as process:
        with faults.stream_work(channel.place):
            process.stdin.write(listing.nul_joined(f.source for f in files))
            process.stdin.write_eof()
            bridge = _Bridge(process.stdout, asyncio.get_running_loop(), control, bandwidth)
            ours = await asyncio.to_thread(_unpack, bridge, {str(f.source): f for f in files}, meter)
            while await process.stdout.read(_BUFFER):
                pass  # padding behind the end of the archive
            words = await process.stderr.read()
            await process.wait_closed()
        if process.returncode is None:
            raise faults.lost_fault(channel.place, "a transfer was cut off")
    return ours, listing.parse_digests(words)


class _Bridge:
    """Lets a thread read what arrives in the event loop."""

    def __init__(
        self,
        stream: asyncssh.SSHReader[bytes],
        loop: asyncio.AbstractEventLoop,
        control: TransferControl,
        bandwidth: Bandwidth,
    ) -> None:
        self._stream = stream
        self._loop = loop
        self._control = control
        self._bandwidth = bandwidth

    def read(self, count: int) -> bytes:
        return asyncio.run_coroutine_threadsafe(self._take(count), self._loop).result()

    async def _take(self, count: int) -> bytes:
        await self._control.checkpoint()
        data = await self._stream.read(count)
        await self._bandwidth.take(len(data))
        return data

    def call(self, meter: Meter, file: str, count: int) -> None:
        self._loop.call_soon_threadsafe(meter.sent, file, count)


def _unpack(bridge: _Bridge, wanted: dict[str, Incoming], meter: Meter) -> dict[str, str]:
    """Runs in a thread. Only what was asked for is written, and only to the places chosen here."""
    digests: dict[str, str] = {}
    try:
        with tarfile.open(
            mode="r|",
            fileobj=cast(IO[bytes], bridge),
            bufsize=_BUFFER,
            encoding="utf-8",
            errors="surrogateescape",
        ) as archive:
            for member in archive:
                file = wanted.get(member.name)
                if file is None or not member.isreg() or member.size != file.bytes or member.name in digests:
                    continue
                source = archive.extractfile(member)
                data = source.read() if source is not None else b""
                _write(file, data)
                digests[member.name] = bytes_sha256(data)
                bridge.call(meter, file.name, len(data))
    except tarfile.TarError:
        return digests  # cut short: what is missing is asked for again
    return digests


def _write(file: Incoming, data: bytes) -> None:
    file.target.parent.mkdir(parents=True, exist_ok=True)
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | getattr(os, "O_BINARY", 0) | getattr(os, "O_NOFOLLOW", 0)
    with os.fdopen(os.open(file.part, flags, 0o666), "wb") as part:
        part.write(data)
