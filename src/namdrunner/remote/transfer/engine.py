"""Transfers as a whole: plan, move, verify, take up again after whatever broke the connection."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from namdrunner.errors import BusyError, ConnectionFailedError, TransferError
from namdrunner.remote.listing import RemoteStat
from namdrunner.remote.transfer import parts
from namdrunner.remote.transfer.bundle import SMALL, bundles, send_bundle
from namdrunner.remote.transfer.channel import TransferChannel
from namdrunner.remote.transfer.control import TransferControl
from namdrunner.remote.transfer.digest import DigestCache, bytes_sha256
from namdrunner.remote.transfer.download import Downloader, Incoming, check_items
from namdrunner.remote.transfer.flow import Bandwidth
from namdrunner.remote.transfer.meter import Meter
from namdrunner.remote.transfer.upload import Outgoing, Uploader, check_targets, outgoing
from namdrunner.remote.values import DownloadItem, ProgressCallback, TransferredFile, UploadItem

if TYPE_CHECKING:
    from namdrunner.remote.session import SshSession

ATTEMPTS_WITHOUT_PROGRESS = 4
ATTEMPTS_SPOILT = 3
"""Files that came through whole and wrong move bytes too: that is no progress."""
_PAUSE_S = 0.1


class TransferEngine:
    """Uploads and downloads of one cluster."""

    def __init__(self, session: SshSession) -> None:
        self._channel = TransferChannel(session)
        self._digests = DigestCache()
        self.bandwidth = Bandwidth(session.link.limits.bytes_per_s)

    # Upload

    async def upload(
        self, items: Sequence[UploadItem], *, progress: ProgressCallback | None, control: TransferControl
    ) -> list[TransferredFile]:
        if not items:
            return []
        files = await asyncio.to_thread(lambda: [outgoing(item) for item in items])
        check_targets(files)
        meter = Meter(progress, {f.name: f.bytes for f in files})
        done: dict[str, TransferredFile] = {}
        staging = parts.staging_name()

        async def attempt() -> None:
            await self._upload_rest([f for f in files if f.name not in done], done, meter, control, staging)

        await self._persist(attempt, lambda: meter.moved + len(done))
        return [done[f.name] for f in files]

    async def _upload_rest(
        self,
        files: Sequence[Outgoing],
        done: dict[str, TransferredFile],
        meter: Meter,
        control: TransferControl,
        staging: str,
    ) -> None:
        await control.checkpoint()
        folders = list(dict.fromkeys(f.target.parent for f in files))
        remote = await self._channel.look(folders, [p for f in files for p in (f.target, f.part)])
        pending = await self._without_present(files, remote, done, meter)
        small = [f for f in pending if f.bytes <= SMALL]
        for bundle in bundles(small):
            digests = await send_bundle(self._channel, bundle, control, meter, self.bandwidth, staging)
            done.update({f.name: f.result(digests[f.name]) for f in bundle})
        large = [f for f in pending if f.bytes > SMALL]
        if large:
            uploader = Uploader(self._channel, control, meter, self.bandwidth, self._digests, remote)
            uploader.done = done
            await uploader.send(large)

    async def _without_present(
        self,
        files: Sequence[Outgoing],
        remote: dict[str, RemoteStat],
        done: dict[str, TransferredFile],
        meter: Meter,
    ) -> list[Outgoing]:
        """Files that still have to be sent: those of the same size over there are compared by checksum."""
        for file in files:
            there = remote.get(file.name)
            if there is not None and there.kind == "folder":
                raise TransferError(
                    f"{file.name} is a folder on the cluster.", code="target-is-folder", retryable=False
                )
        alike = [f for f in files if _alike(remote.get(f.name), f.bytes)]
        if alike:
            theirs, ours = await asyncio.gather(
                self._channel.digests([f.target for f in alike]),
                asyncio.gather(*(self._local_digest(f) for f in alike)),
            )
            for file, digest in zip(alike, ours, strict=True):
                if theirs.get(file.name) == digest:
                    done[file.name] = file.result(digest, skipped=True)
                    meter.finish(file.name)
        return [f for f in files if f.name not in done]

    async def _local_digest(self, file: Outgoing) -> str:
        if isinstance(file.item.source, bytes):
            return bytes_sha256(file.item.source)
        return file.item.sha256 or await self._digests.of(file.item.source)

    # Download

    async def download(
        self, items: Sequence[DownloadItem], *, progress: ProgressCallback | None, control: TransferControl
    ) -> list[TransferredFile]:
        if not items:
            return []
        check_items(items)
        meter = Meter(progress, {str(i.target): i.bytes or 0 for i in items})
        done: dict[str, TransferredFile] = {}

        async def attempt() -> None:
            await self._download_rest([i for i in items if str(i.target) not in done], done, meter, control)

        await self._persist(attempt, lambda: meter.moved + len(done))
        return [done[str(i.target)] for i in items]

    async def _download_rest(
        self,
        items: Sequence[DownloadItem],
        done: dict[str, TransferredFile],
        meter: Meter,
        control: TransferControl,
    ) -> None:
        await control.checkpoint()
        stats = await self._channel.look([], [i.source for i in items])
        files = [_incoming(item, stats) for item in items]
        for file in files:
            meter.resize(file.name, file.bytes)
        downloader = Downloader(self._channel, control, meter, self.bandwidth)
        downloader.done = done
        pending = await self._not_here(files, done, meter)
        await asyncio.to_thread(_check_local_space, pending)
        if pending:
            await downloader.fetch(pending)

    async def _not_here(
        self, files: Sequence[Incoming], done: dict[str, TransferredFile], meter: Meter
    ) -> list[Incoming]:
        alike = [f for f in files if f.target.is_file() and f.target.stat().st_size == f.bytes]
        if alike:
            theirs, ours = await asyncio.gather(
                self._channel.digests([f.source for f in alike]),
                asyncio.gather(*(self._digests.of(f.target) for f in alike)),
            )
            for file, digest in zip(alike, ours, strict=True):
                if theirs.get(str(file.source)) == digest:
                    done[file.name] = file.result(digest, skipped=True)
                    meter.finish(file.name)
        return [f for f in files if f.name not in done]

    # Both

    async def _persist(self, attempt: Callable[[], Awaitable[None]], progress: Callable[[], int]) -> None:
        """Repeat ``attempt`` while it moves forward; each one goes on where the last stopped."""
        fruitless, spoilt, moved = 0, 0, progress()
        while True:
            try:
                await attempt()
                return
            except (ConnectionFailedError, TransferError, BusyError) as exc:
                if not exc.retryable:
                    raise
                fruitless = 0 if progress() > moved else fruitless + 1
                moved = progress()
                spoilt += exc.code in ("checksum-mismatch", "source-changed")
                if fruitless >= ATTEMPTS_WITHOUT_PROGRESS or spoilt >= ATTEMPTS_SPOILT:
                    raise
                await asyncio.sleep(_PAUSE_S * 2**fruitless)


def _alike(there: RemoteStat | None, size: int) -> bool:
    return there is not None and there.kind == "file" and there.bytes == size


def _incoming(item: DownloadItem, stats: dict[str, RemoteStat]) -> Incoming:
    stat = stats.get(str(item.source))
    if stat is None:
        raise parts.missing_remote(str(item.source))
    if stat.kind != "file":
        raise TransferError(
            f"{item.source} is a {stat.kind}, not a file; links are not followed.",
            code="not-a-file",
            remedy="Copy what the link points to into the job's folder on the cluster first.",
            retryable=False,
            context={"source": str(item.source), "kind": stat.kind},
        )
    return Incoming(item, item.source, stat)


def _check_local_space(files: Sequence[Incoming]) -> None:
    for folder, needed in _needed_by_folder(files).items():
        existing = next(p for p in (folder, *folder.parents) if p.exists())
        free = shutil.disk_usage(existing).free
        if needed > free:
            raise parts.no_space(str(folder), needed, free, local=True)


def _needed_by_folder(files: Sequence[Incoming]) -> dict[Path, int]:
    needed: dict[Path, int] = {}
    for file in files:
        folder = file.target.parent.absolute()
        needed[folder] = needed.get(folder, 0) + file.bytes
    return needed
