"""Transfers as a whole: plan, move, verify, take up again after whatever broke the connection."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from namdrunner.errors import BusyError, ConnectionFailedError, TransferError
from namdrunner.remote.listing import LARGE_BYTES, RemoteStat
from namdrunner.remote.transfer import parts
from namdrunner.remote.transfer.bundle import SMALL, bundles
from namdrunner.remote.transfer.channel import TransferChannel
from namdrunner.remote.transfer.control import TransferControl
from namdrunner.remote.transfer.digest import DigestCache, RemoteDigests
from namdrunner.remote.transfer.download import Downloader, Incoming, check_items
from namdrunner.remote.transfer.flow import Bandwidth
from namdrunner.remote.transfer.locks import TargetLocks
from namdrunner.remote.transfer.meter import Meter
from namdrunner.remote.transfer.reuse import Elsewhere
from namdrunner.remote.transfer.streaming import output_of
from namdrunner.remote.transfer.unbundle import fetch_bundle
from namdrunner.remote.transfer.upload import check_targets, outgoing
from namdrunner.remote.transfer.uploading import Abandoned, Uploading
from namdrunner.remote.values import DownloadItem, ProgressCallback, TransferPlan, TransferredFile, UploadItem

if TYPE_CHECKING:
    from namdrunner.remote.session import SshSession

ATTEMPTS_WITHOUT_PROGRESS = 4
ATTEMPTS_LOST = 10
"""As many when only the connection was lost: it came back by itself each time, and the pauses grow."""
ATTEMPTS_SPOILT = 3
"""Files that came through whole and wrong move bytes too: that is no progress."""
_PAUSE_S = 0.1
_LONGEST_PAUSE_S = 15.0


class TransferEngine:
    """Uploads and downloads of one cluster."""

    def __init__(self, session: SshSession) -> None:
        self._channel = TransferChannel(session)
        self._digests = DigestCache()
        self._remote_digests = RemoteDigests()
        self._locks = TargetLocks()
        self._abandoned: Abandoned = {}
        self.moved_bytes = 0
        """File contents sent and received in all; what was there already is not counted."""
        self.bandwidth = Bandwidth(session.link.limits.bytes_per_s)

    # Upload

    async def upload(
        self,
        items: Sequence[UploadItem],
        *,
        progress: ProgressCallback | None,
        control: TransferControl,
        elsewhere: Elsewhere,
    ) -> list[TransferredFile]:
        files = await asyncio.to_thread(lambda: [outgoing(item) for item in items])
        check_targets(files)
        meter = Meter(progress, {f.name: f.bytes for f in files})
        work = self._uploading(meter, control, elsewhere)

        async def attempt() -> None:
            await work.rest([f for f in files if f.name not in work.done])

        async with self._locks.held(f.name for f in files):
            if files:
                await self._persist(attempt, meter, work.done)
        return [work.done[f.name] for f in files]

    def _uploading(self, meter: Meter, control: TransferControl, elsewhere: Elsewhere) -> Uploading:
        return Uploading(
            self._channel,
            self._digests,
            self._remote_digests,
            self.bandwidth,
            meter,
            control,
            elsewhere,
            self._abandoned,
        )

    async def plan_upload(self, items: Sequence[UploadItem]) -> TransferPlan:
        files = await asyncio.to_thread(lambda: [outgoing(item) for item in items])
        check_targets(files)
        meter = Meter(None, {f.name: f.bytes for f in files})
        work = self._uploading(meter, TransferControl(), {})
        look = await work.look(files)
        pending = await work.without_present(files, look)
        return TransferPlan(
            new=tuple(f.name for f in pending if f.name not in look.stats),
            changed=tuple(f.name for f in pending if f.name in look.stats),
            present=tuple(f.name for f in files if f.name in work.done),
            bytes_to_send=sum(f.bytes for f in pending),
            bytes=sum(f.bytes for f in files),
            free_bytes=look.free_bytes,
        )

    # Download

    async def download(
        self, items: Sequence[DownloadItem], *, progress: ProgressCallback | None, control: TransferControl
    ) -> list[TransferredFile]:
        check_items(items)
        meter = Meter(progress, {str(i.target): i.bytes or 0 for i in items})
        work = Downloader(self._channel, control, meter, self.bandwidth)

        async def attempt() -> None:
            await self._download_rest([i for i in items if str(i.target) not in work.done], work, meter, control)

        async with self._locks.held(str(i.target) for i in items):
            if items:
                await self._persist(attempt, meter, work.done)
        return [work.done[str(i.target)] for i in items]

    async def _download_rest(
        self, items: Sequence[DownloadItem], work: Downloader, meter: Meter, control: TransferControl
    ) -> None:
        await control.checkpoint()
        stats = (await self._channel.look([], [i.source for i in items])).stats
        files = [_incoming(item, stats) for item in items]
        for file in files:
            meter.resize(file.name, file.bytes)
        pending = await self._not_here(files, work, meter)
        await asyncio.to_thread(_check_local_space, pending)
        for bundle in bundles([f for f in pending if f.bytes <= SMALL]):
            ours, theirs = await fetch_bundle(self._channel, bundle, control, meter, self.bandwidth)
            await work.accept_all(bundle, ours, theirs)
        large = [f for f in pending if f.bytes > SMALL]
        if large:
            await work.fetch(large)

    async def _not_here(self, files: Sequence[Incoming], work: Downloader, meter: Meter) -> list[Incoming]:
        alike = [f for f in files if f.target.is_file() and f.target.stat().st_size == f.bytes]
        if alike:
            theirs, ours = await asyncio.gather(
                self._channel.digests([f.source for f in alike], any_large=any(f.bytes >= LARGE_BYTES for f in alike)),
                asyncio.gather(*(self._digests.of(f.target) for f in alike)),
            )
            for file, digest in zip(alike, ours, strict=True):
                if theirs.get(str(file.source)) == digest:
                    work.done[file.name] = file.result(digest, skipped=True)
                    meter.finish(file.name)
        return [f for f in files if f.name not in work.done]

    # Both

    async def stream(self, script: str, *arguments: str, stdin: bytes, label: str) -> AsyncGenerator[bytes]:
        """As ``Session.stream``."""
        output = output_of(self._channel, self.bandwidth, script, arguments, stdin, label)
        async with contextlib.aclosing(output):
            async for data in output:
                self.moved_bytes += len(data)
                yield data

    async def _persist(
        self, attempt: Callable[[], Awaitable[None]], meter: Meter, done: dict[str, TransferredFile]
    ) -> None:
        """Repeat ``attempt`` while it moves forward; each one goes on where the last stopped."""
        try:
            await self._attempts(attempt, lambda: meter.moved + len(done))
        finally:
            self.moved_bytes += meter.moved

    async def _attempts(self, attempt: Callable[[], Awaitable[None]], progress: Callable[[], int]) -> None:
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
                lost = isinstance(exc, ConnectionFailedError)
                allowed = ATTEMPTS_LOST if lost else ATTEMPTS_WITHOUT_PROGRESS
                if fruitless >= allowed or spoilt >= ATTEMPTS_SPOILT:
                    raise
                await asyncio.sleep(min(_LONGEST_PAUSE_S, _PAUSE_S * 2**fruitless))


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
