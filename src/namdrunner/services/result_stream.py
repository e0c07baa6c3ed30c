"""Many results as one tar stream, checked against the checksums that the job script took when it copied them."""

from __future__ import annotations

import asyncio
import hashlib
import os
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from pathlib import Path

from namdrunner.errors import ClusterError, ConnectionFailedError
from namdrunner.remote.listing import nul_joined
from namdrunner.remote.transfer.control import TransferControl
from namdrunner.remote.transfer.tarstream import DamagedError, TarReader
from namdrunner.remote.values import DownloadItem, ProgressCallback, Session, TransferProgress, TransferredFile

MOST_BYTES = 48 * 1024 * 1024
"""Of one file: it is held in memory until it is whole. Larger ones are worth a transfer that can be resumed."""
_BATCH = 8 * 1024 * 1024
_FLAGS = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | getattr(os, "O_BINARY", 0) | getattr(os, "O_NOFOLLOW", 0)

# Input: paths, each ended by NUL. A file with two names in the list has to come twice.
_PACK = (
    "LC_ALL=C exec tar -c -b 128 -f - -P --format=gnu --hard-dereference --no-recursion --null -T - 2>/dev/null || true"
)


async def fetch_stream(
    session: Session, items: Sequence[DownloadItem], progress: ProgressCallback, control: TransferControl
) -> dict[Path, TransferredFile]:
    """Those of the files that arrived with the checksum expected, by their place here; the rest is for ``download``.

    Takes only files whose size and sha256 are known. Ends early, without an error, when the connection breaks.
    """
    wanted = {str(item.source): item for item in items if _suits(item)}
    done = await asyncio.to_thread(_here_already, wanted)
    for name in done:
        del wanted[name]
    found = {Path(file.target): file for file in done.values()}
    if not wanted:
        return found
    unpacker = _Unpacker(wanted)
    label = f"fetch {len(wanted)} results"
    unpacking: asyncio.Future[list[TransferredFile]] | None = None
    try:
        async for batch in _batches(session, nul_joined(wanted), label):
            await control.checkpoint()
            if unpacking is not None:
                _take(await asyncio.shield(unpacking), found, items, progress)
            unpacking = asyncio.ensure_future(asyncio.to_thread(unpacker.unpack, batch))
    except (ConnectionFailedError, ClusterError):
        pass  # what is missing is asked for in the ordinary way, which waits for the connection and says what is wrong
    finally:
        if unpacking is not None:
            _take((await asyncio.gather(unpacking, return_exceptions=True))[0], found, items, progress)
    return found


def _suits(item: DownloadItem) -> bool:
    return item.sha256 is not None and item.bytes is not None and item.bytes <= MOST_BYTES


def _here_already(wanted: Mapping[str, DownloadItem]) -> dict[str, TransferredFile]:
    found: dict[str, TransferredFile] = {}
    for name, item in wanted.items():
        if item.target.is_file() and item.target.stat().st_size == item.bytes:
            with item.target.open("rb") as file:
                digest = hashlib.file_digest(file, "sha256").hexdigest()
            if digest == item.sha256:
                found[name] = _file(item, skipped=True)
    return found


async def _batches(session: Session, stdin: bytes, label: str) -> AsyncIterator[bytes]:
    parts: list[bytes] = []
    held = 0
    async for data in session.stream(_PACK, stdin=stdin, label=label):
        parts.append(data)
        held += len(data)
        if held >= _BATCH:
            yield b"".join(parts)
            parts, held = [], 0
    if parts:
        yield b"".join(parts)


def _take(
    arrived: list[TransferredFile] | BaseException,
    found: dict[Path, TransferredFile],
    items: Sequence[DownloadItem],
    progress: ProgressCallback,
) -> None:
    if isinstance(arrived, BaseException):
        return
    total = sum(item.bytes or 0 for item in items)
    for file in arrived:
        found[Path(file.target)] = file
        moved = sum(f.bytes for f in found.values())
        progress(TransferProgress(file.target, file.bytes, file.bytes, moved, total, len(found), len(items)))


class _Unpacker:
    """Works in threads, one at a time. Only what was asked for is written, and only to the places chosen here."""

    def __init__(self, wanted: Mapping[str, DownloadItem]) -> None:
        self._wanted = wanted
        self._reader = TarReader(lambda name, size: name in wanted and wanted[name].bytes == size)
        self._damaged = False

    def unpack(self, batch: bytes) -> list[TransferredFile]:
        """Put what is complete and right into its place."""
        arrived: list[TransferredFile] = []
        try:
            for name, content in self._members(batch):
                item = self._wanted[name]
                if hashlib.sha256(content).hexdigest() == item.sha256:
                    _write(item.target, content)
                    arrived.append(_file(item))
        except (DamagedError, OSError):
            self._damaged = True
        return arrived

    def _members(self, batch: bytes) -> Iterator[tuple[str, bytes]]:
        if not self._damaged:
            yield from self._reader.feed(batch)


def _write(target: Path, content: bytes) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_name(f".{target.name}.stream.part")
    with os.fdopen(os.open(part, _FLAGS, 0o666), "wb", buffering=0) as file:
        view = memoryview(content)
        while view:
            view = view[file.write(view) :]
    part.replace(target)


def _file(item: DownloadItem, *, skipped: bool = False) -> TransferredFile:
    return TransferredFile(str(item.source), str(item.target), item.bytes or 0, item.sha256 or "", skipped)
