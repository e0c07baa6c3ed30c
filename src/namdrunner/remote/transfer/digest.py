"""sha256 of local files, computed in threads and remembered while size and time stay the same."""

from __future__ import annotations

import asyncio
import hashlib
import os
from pathlib import Path
from typing import Protocol

from namdrunner.remote.listing import RemoteStat

_REMEMBERED = 10_000


class Hash(Protocol):
    """What ``hashlib`` makes."""

    def update(self, data: bytes | memoryview, /) -> None: ...
    def hexdigest(self) -> str: ...


class DigestCache:
    """Path, size and modification time in nanoseconds to sha256, for the life of the process."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, int, int], str] = {}

    async def of(self, path: Path) -> str:
        """The sha256 of a file, hex."""
        key = self._key(path)
        if key not in self._known:
            self.remember(path, key, await asyncio.to_thread(file_sha256, path))
        return self._known[key]

    def remember(self, path: Path, key: tuple[str, int, int], digest: str) -> None:
        """Keep a digest computed elsewhere, unless the file changed since ``key`` was taken."""
        if self._key(path) != key:
            return
        if len(self._known) >= _REMEMBERED:
            self._known.pop(next(iter(self._known)))
        self._known[key] = digest

    def remember_version(self, source: Path | bytes, version: str, digest: str) -> None:
        """``remember`` for a source whose version is ``size:time``."""
        if isinstance(source, bytes):
            return
        size, _, modified = version.partition(":")
        self.remember(source, (os.fspath(source.absolute()), int(size), int(modified)), digest)

    @staticmethod
    def _key(path: Path) -> tuple[str, int, int]:
        stat = path.stat()
        return (os.fspath(path.absolute()), stat.st_size, stat.st_mtime_ns)


class RemoteDigests:
    """sha256 of large files on the cluster, as long as inode, change time and size say that nothing touched them."""

    def __init__(self) -> None:
        self._known: dict[str, tuple[RemoteStat, str]] = {}

    def get(self, path: str, stat: RemoteStat | None) -> str | None:
        known, digest = self._known.get(path, (None, ""))
        return digest if stat is not None and stat.stamp and known == stat else None

    def remember(self, path: str, stat: RemoteStat, digest: str) -> None:
        if len(self._known) >= _REMEMBERED:
            self._known.pop(next(iter(self._known)))
        self._known[path] = (stat, digest)


def file_sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def bytes_sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
