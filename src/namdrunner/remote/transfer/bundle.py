"""Many small files as one tar stream: one command each way, verified on the cluster before anything is renamed."""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import AsyncGenerator, Iterator, Sequence
from typing import Protocol, TypeVar

import asyncssh

from namdrunner.errors import CommandError, NamdrunnerError, QuotaError, TransferError
from namdrunner.remote import faults, listing
from namdrunner.remote.plaintext import plain_line
from namdrunner.remote.transfer import parts, tarstream
from namdrunner.remote.transfer.channel import TransferChannel
from namdrunner.remote.transfer.control import TransferControl
from namdrunner.remote.transfer.digest import bytes_sha256
from namdrunner.remote.transfer.flow import Bandwidth
from namdrunner.remote.transfer.meter import Meter
from namdrunner.remote.transfer.upload import Outgoing

SMALL = 1024 * 1024
"""Files up to this size travel in bundles."""
BUNDLE_BYTES = 32 * 1024 * 1024
BUNDLE_FILES = 2000
_PIECE = 256 * 1024
Piece = tuple[bytes, str | None, int]
"""Bytes to send, the file they belong to if any, and how many of them are its contents."""

# $1: name of the staging folders; $2: "plain" when no name needs escaping in the manifest: then openssl, which uses the
# processor's SHA instructions where coreutils mostly do not, is asked first, in one process for all files.
# Input: the folders to fill, each ended by NUL, an empty one, then the tar stream; bash reads from a pipe byte by byte,
# so tar finds its beginning. Everything is verified, then renamed by one `mv` per folder; what does not verify is
# thrown away as a whole. What attempts of other days left goes meanwhile. -m gives files the cluster's own time: many
# sites purge what looks old. Last it says its own name: where another program answers for it, that is noticed.
UNPACK = r"""export LC_ALL=C; dirs=()
while IFS= read -r -d '' d && [ -n "$d" ]; do dirs+=("$d"); done
clean() { local d; for d in "${dirs[@]}"; do rm -rf -- "$d/$1"; done; }
quick() { [ "$2" = plain ] && command -v openssl >/dev/null 2>&1 || return 1
cut -c67- -- "$1" | tr '\n' '\0' | xargs -0 openssl dgst -sha256 -r 2>/dev/null | cmp -s - "$1"; }
trap 'clean "$1"' EXIT
for d in "${dirs[@]}"; do mkdir -- "$d/$1" || exit 3; done
for d in "${dirs[@]}"; do find "$d" -maxdepth 1 -name '.nr-*.part' -mmin +1440 -exec rm -rf {} +; done </dev/null &
tar -x -m -f - -C / || exit 3
m="${dirs[0]}/$1/.nr-manifest"; quick "$m" "$2" || sha256sum --quiet -c "$m" >&2 || exit 4; rm -f -- "$m"
for d in "${dirs[@]}"; do
find "$d/$1" -mindepth 1 -maxdepth 1 -type f -print0 | xargs -0 -r mv -f -t "$d" -- || exit 5
done; echo "$1"
"""
_READ = os.O_RDONLY | getattr(os, "O_BINARY", 0)
_MANIFEST = b".nr-manifest"


class Sized(Protocol):
    @property
    def bytes(self) -> int: ...


F = TypeVar("F", bound=Sized)


def bundles(files: Sequence[F]) -> Iterator[list[F]]:
    """Split into bundles of bounded size: what an interruption costs at most."""
    bundle: list[F] = []
    size = 0
    for file in files:
        if bundle and (size + file.bytes > BUNDLE_BYTES or len(bundle) >= BUNDLE_FILES):
            yield bundle
            bundle, size = [], 0
        bundle.append(file)
        size += file.bytes
    if bundle:
        yield bundle


class Packer:
    """Writes a tar stream piece by piece, hashing what goes in; the manifest comes last."""

    def __init__(self, files: Sequence[Outgoing], staging: str) -> None:
        self._files = files
        self._staging = staging
        self.folders = list(dict.fromkeys(f.target.parent for f in files))
        self.digests: dict[str, str] = {}

    def pieces(self) -> Iterator[Piece]:
        """``(bytes to send, file name, content bytes)``. Reads files; run it in a thread."""
        yield listing.nul_joined(self.folders) + b"\0", None, 0
        manifest: list[bytes] = []
        staged = {folder: listing.encoded(folder / self._staging) + b"/" for folder in self.folders}
        for file in self._files:
            data = _content(file)
            if len(data) != file.bytes:
                raise parts.changed(file.source_name)
            digest = bytes_sha256(data)
            self.digests[file.name] = digest
            path = staged[file.target.parent] + listing.encoded(file.target.name)
            manifest.append(_manifest_line(digest, path))
            yield tarstream.entry(path, data), file.name, len(data)
        yield tarstream.entry(staged[self.folders[0]] + _MANIFEST, b"".join(manifest)), None, 0
        yield tarstream.END, None, 0


def _content(file: Outgoing) -> bytes:
    try:
        if isinstance(file.item.source, bytes):
            return file.item.source
        descriptor = os.open(file.item.source, _READ)
        try:
            return _read(descriptor, file.bytes + 1)
        finally:
            os.close(descriptor)
    except OSError as exc:
        raise parts.missing_local(file.source_name, exc.strerror or str(exc)) from exc


def _read(descriptor: int, count: int) -> bytes:
    """Up to ``count`` bytes: fewer only at the end of the file."""
    data = os.read(descriptor, count)
    while len(data) < count and (more := os.read(descriptor, count - len(data))):
        data += more
    return data


def _manifest_line(digest: str, name: bytes) -> bytes:
    """One line of ``sha256sum``'s format, names with backslashes and newlines escaped as it wants them."""
    if listing.needs_escape(name):
        name = name.replace(b"\\", b"\\\\").replace(b"\n", b"\\n").replace(b"\r", b"\\r")
        return b"\\" + digest.encode() + b" *" + name + b"\n"
    return digest.encode() + b" *" + name + b"\n"


async def send_bundle(
    channel: TransferChannel,
    files: Sequence[Outgoing],
    control: TransferControl,
    meter: Meter,
    bandwidth: Bandwidth,
    staging: str,
) -> dict[str, str]:
    """Send ``files`` in one stream, by way of folders called ``staging``.

    Returns target name to sha256 when all of them are verified and in place.

    Raises:
        QuotaError, TransferError: nothing was renamed.
    """
    packer = Packer(files, staging)
    async with channel.process(UNPACK, staging, listing.wording(f.name for f in files)) as process:
        with faults.stream_work(channel.place):
            try:
                await _feed(process, packer, control, meter, bandwidth)
                process.stdin.write_eof()
            except BrokenPipeError:
                pass  # the remote side gave up: its words come below
            said = await process.stdout.read(16_384)
            words = plain_line((await process.stderr.read(16_384)).decode("utf-8", "replace"), limit=500)
            await process.wait_closed()
        status = process.returncode
    if status is None:
        raise faults.lost_fault(channel.place, "a transfer was cut off")
    if status != 0:
        raise _refusal(status, words, str(files[0].target.parent))
    if staging.encode() not in said:
        raise parts.not_confirmed(str(files[0].target.parent))
    for file in files:
        meter.finish(file.name)
    return packer.digests


async def _feed(
    process: asyncssh.SSHClientProcess[bytes],
    packer: Packer,
    control: TransferControl,
    meter: Meter,
    bandwidth: Bandwidth,
) -> None:
    async with contextlib.aclosing(_ahead(packer.pieces())) as batches:
        async for batch in batches:
            await control.checkpoint()
            data = b"".join(piece for piece, _, _ in batch)
            await bandwidth.take(len(data))
            for start in range(0, len(data), _PIECE):
                process.stdin.write(data[start : start + _PIECE])
                await process.stdin.drain()
            for _, name, count in batch:
                if name is not None:
                    meter.sent(name, count)


async def _ahead(pieces: Iterator[Piece]) -> AsyncGenerator[list[Piece], None]:
    """Batches of ``pieces``; the next one is read and hashed while the last is being sent."""
    coming = asyncio.ensure_future(asyncio.to_thread(_batch, pieces))
    try:
        while batch := await asyncio.shield(coming):
            coming = asyncio.ensure_future(asyncio.to_thread(_batch, pieces))
            yield batch
    finally:
        await asyncio.gather(coming, return_exceptions=True)  # a thread cannot be stopped, only waited for


def _batch(pieces: Iterator[Piece]) -> list[Piece]:
    batch: list[Piece] = []
    size = 0
    for piece in pieces:
        batch.append(piece)
        size += len(piece[0])
        if size >= _PIECE * 4:
            break
    return batch


def _refusal(status: int, words: str, folder: str) -> NamdrunnerError:
    context = {"folder": folder, "exit_status": status, "detail": words}
    if any(w in words.lower() for w in ("no space left", "quota exceeded")):
        return QuotaError(
            f"There is no space left on the cluster in {folder}: {words}",
            remedy="Delete what is no longer needed there (old jobs, scratch), or ask for more quota.",
            context=context,
        )
    if status == 4:
        return parts.mismatch(folder)
    if "permission denied" in words.lower():
        return TransferError(
            f"The cluster allows no access in {folder}.",
            code="remote-permission-denied",
            remedy="Check the project and scratch folders of the cluster's settings.",
            retryable=False,
            context=context,
        )
    if status == 127:
        return CommandError(
            f"A program is missing on the cluster: {words}",
            remedy="Ask the cluster's support: bash, tar, find, xargs and sha256sum are needed.",
            context=context,
        )
    return TransferError(
        f"The files could not be put into {folder}: {words}",
        remedy="Look at the folder on the cluster ('namdrunner cluster test' does), then repeat.",
        context=context,
    )
