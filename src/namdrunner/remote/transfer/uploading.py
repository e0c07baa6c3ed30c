"""One upload: what is there already, what can be reused on the cluster, what travels in bundles and what alone."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import PurePosixPath

from namdrunner.errors import TransferError
from namdrunner.remote.listing import LARGE_BYTES, Look, RemoteStat, nul_joined
from namdrunner.remote.transfer import parts
from namdrunner.remote.transfer.bundle import SMALL, bundles, send_bundle
from namdrunner.remote.transfer.channel import TransferChannel
from namdrunner.remote.transfer.control import TransferControl
from namdrunner.remote.transfer.digest import DigestCache, RemoteDigests, bytes_sha256
from namdrunner.remote.transfer.flow import Bandwidth
from namdrunner.remote.transfer.meter import Meter
from namdrunner.remote.transfer.reuse import Elsewhere, reuse
from namdrunner.remote.transfer.upload import Outgoing, Uploader
from namdrunner.remote.values import TransferredFile

Abandoned = dict[PurePosixPath, set[str]]
"""Folder to names of staging folders of uploads that ended there before their time, of any earlier transfer."""


class Uploading:
    """The state of one upload over its attempts; ``done`` is by target name."""

    def __init__(
        self,
        channel: TransferChannel,
        digests: DigestCache,
        remembered: RemoteDigests,
        bandwidth: Bandwidth,
        meter: Meter,
        control: TransferControl,
        elsewhere: Elsewhere,
        abandoned: Abandoned,
    ) -> None:
        self._channel = channel
        self._digests = digests
        self._remembered = remembered
        self._bandwidth = bandwidth
        self._meter = meter
        self._control = control
        self._elsewhere = elsewhere
        self._abandoned = abandoned
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
            await self._send_bundle(bundle)
        await self._remove_abandoned({f.target.parent for f in files})
        large = [f for f in pending if f.bytes > SMALL]
        if large:
            uploader = Uploader(self._channel, self._control, self._meter, self._bandwidth, look.stats, self.done)
            await uploader.send(large)
        await self._remember_sent([f for f in large if f.bytes >= LARGE_BYTES])

    async def _remember_sent(self, files: Sequence[Outgoing]) -> None:
        """Note what the verified files look like now, so that sending them again costs no reading."""
        if not files:
            return
        look = await self._channel.look([], [f.target for f in files])
        self._remember(files, {f.name: self.done[f.name].sha256 for f in files}, look)
        for file in files:
            self._digests.remember_version(file.item.source, file.version, self.done[file.name].sha256)

    async def _send_bundle(self, bundle: Sequence[Outgoing]) -> None:
        staging = parts.staging_name()
        try:
            digests = await send_bundle(self._channel, bundle, self._control, self._meter, self._bandwidth, staging)
        except BaseException:
            for folder in {f.target.parent for f in bundle}:
                self._abandoned.setdefault(folder, set()).add(staging)
            raise
        self.done.update({f.name: f.result(digests[f.name]) for f in bundle})

    async def _remove_abandoned(self, folders: set[PurePosixPath]) -> None:
        """A script that was killed could not remove its staging folder."""
        left = {folder: self._abandoned.pop(folder) for folder in folders & self._abandoned.keys()}
        if not left:
            return
        try:
            places = nul_joined(folder / name for folder, names in left.items() for name in names)
            await self._channel.command("xargs -0 rm -rf --", stdin=places, label="remove what was left behind")
        except BaseException:
            for folder, names in left.items():
                self._abandoned.setdefault(folder, set()).update(names)
            raise

    async def look(self, files: Sequence[Outgoing]) -> Look:
        folders = dict.fromkeys(f.target.parent for f in files)
        paths = [p for f in files for p in ((f.target,) if f.bytes <= SMALL else (f.target, f.part))]
        return await self._channel.look(folders, paths)

    async def without_present(self, files: Sequence[Outgoing], look: Look) -> list[Outgoing]:
        """Files that still have to be sent: those of the same size over there are compared by checksum."""
        for file in files:
            there = look.stats.get(file.name)
            if there is not None and there.kind == "folder":
                raise TransferError(
                    f"{file.name} is a folder on the cluster.",
                    code="target-is-folder",
                    remedy="Move it away there, then repeat.",
                    retryable=False,
                )
        alike = [f for f in files if _alike(look.stats.get(f.name), f.bytes)]
        if alike:
            theirs, ours = await asyncio.gather(
                self._remote_digests(alike, look), asyncio.gather(*(self._digest(f) for f in alike))
            )
            for file, digest in zip(alike, ours, strict=True):
                if theirs.get(file.name) == digest:
                    self._skip(file, digest)
        return [f for f in files if f.name not in self.done]

    async def _remote_digests(self, files: Sequence[Outgoing], look: Look) -> dict[str, str]:
        known = {f.name: self._remembered.get(f.name, look.stats.get(f.name)) for f in files}
        found = {name: digest for name, digest in known.items() if digest is not None}
        unknown = [f for f in files if f.name not in found]
        if unknown:
            any_large = any(f.bytes >= LARGE_BYTES for f in unknown)
            found |= await self._channel.digests([f.target for f in unknown], any_large=any_large)
            self._remember(unknown, found, look)
        return found

    def _remember(self, files: Sequence[Outgoing], digests: dict[str, str], look: Look) -> None:
        for file in files:
            stat = look.stats.get(file.name)
            if file.bytes >= LARGE_BYTES and stat is not None and file.name in digests:
                self._remembered.remember(file.name, stat, digests[file.name])

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
