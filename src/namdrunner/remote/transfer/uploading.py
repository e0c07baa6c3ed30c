"""One upload: what is there already, what can be reused on the cluster, what travels in bundles and what alone."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from namdrunner.errors import TransferError
from namdrunner.remote.listing import Look, RemoteStat
from namdrunner.remote.transfer import parts
from namdrunner.remote.transfer.bundle import SMALL, bundles, send_bundle
from namdrunner.remote.transfer.channel import TransferChannel
from namdrunner.remote.transfer.control import TransferControl
from namdrunner.remote.transfer.digest import DigestCache, bytes_sha256
from namdrunner.remote.transfer.flow import Bandwidth
from namdrunner.remote.transfer.meter import Meter
from namdrunner.remote.transfer.reuse import Elsewhere, reuse
from namdrunner.remote.transfer.upload import Outgoing, Uploader
from namdrunner.remote.values import TransferredFile


class Uploading:
    """The state of one upload over its attempts; ``done`` is by target name."""

    def __init__(
        self,
        channel: TransferChannel,
        digests: DigestCache,
        bandwidth: Bandwidth,
        meter: Meter,
        control: TransferControl,
        elsewhere: Elsewhere,
    ) -> None:
        self._channel = channel
        self._digests = digests
        self._bandwidth = bandwidth
        self._meter = meter
        self._control = control
        self._elsewhere = elsewhere
        self._staging = parts.staging_name()
        self.done: dict[str, TransferredFile] = {}

    async def rest(self, files: Sequence[Outgoing]) -> None:
        """Send what is not done yet."""
        await self._control.checkpoint()
        look = await self.look(files)
        pending = await self._without_reusable(await self.without_present(files, look))
        needed = sum(f.bytes for f in pending)
        if look.free_bytes is not None and needed > look.free_bytes:
            raise parts.no_space(str(files[0].target.parent), needed, look.free_bytes)
        for bundle in bundles([f for f in pending if f.bytes <= SMALL]):
            digests = await send_bundle(
                self._channel, bundle, self._control, self._meter, self._bandwidth, self._staging
            )
            self.done.update({f.name: f.result(digests[f.name]) for f in bundle})
        large = [f for f in pending if f.bytes > SMALL]
        if large:
            uploader = Uploader(self._channel, self._control, self._meter, self._bandwidth, look.stats, self.done)
            await uploader.send(large)

    async def look(self, files: Sequence[Outgoing]) -> Look:
        folders = dict.fromkeys(f.target.parent for f in files)
        return await self._channel.look(folders, [p for f in files for p in (f.target, f.part)])

    async def without_present(self, files: Sequence[Outgoing], look: Look) -> list[Outgoing]:
        """Files that still have to be sent: those of the same size over there are compared by checksum."""
        for file in files:
            there = look.stats.get(file.name)
            if there is not None and there.kind == "folder":
                raise TransferError(
                    f"{file.name} is a folder on the cluster.", code="target-is-folder", retryable=False
                )
        alike = [f for f in files if _alike(look.stats.get(f.name), f.bytes)]
        if alike:
            theirs, ours = await asyncio.gather(
                self._channel.digests([f.target for f in alike]),
                asyncio.gather(*(self._digest(f) for f in alike)),
            )
            for file, digest in zip(alike, ours, strict=True):
                if theirs.get(file.name) == digest:
                    self._skip(file, digest)
        return [f for f in files if f.name not in self.done]

    async def _without_reusable(self, files: list[Outgoing]) -> list[Outgoing]:
        if not self._elsewhere:
            return files
        digests = await asyncio.gather(*(self._digest(f) for f in files))
        for file, digest in await reuse(self._channel, list(zip(files, digests, strict=True)), self._elsewhere):
            self._skip(file, digest)
        return [f for f in files if f.name not in self.done]

    def _skip(self, file: Outgoing, digest: str) -> None:
        self.done[file.name] = file.result(digest, skipped=True)
        self._meter.finish(file.name)

    async def _digest(self, file: Outgoing) -> str:
        if isinstance(file.item.source, bytes):
            return bytes_sha256(file.item.source)
        return file.item.sha256 or await self._digests.of(file.item.source)


def _alike(there: RemoteStat | None, size: int) -> bool:
    return there is not None and there.kind == "file" and there.bytes == size
