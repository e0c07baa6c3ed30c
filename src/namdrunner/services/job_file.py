"""One file of a job to read from, wherever it is: here, or on the cluster."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from namdrunner.errors import TransferError
from namdrunner.services.content import open_content
from namdrunner.services.context import Context
from namdrunner.services.local_copies import LocalCopies
from namdrunner.store.jobs import StoredJob

PIECE_BYTES = 1024 * 1024


class JobFile(Protocol):
    """``version`` changes when the content does."""

    @property
    def name(self) -> str: ...
    @property
    def size(self) -> int: ...
    @property
    def version(self) -> str: ...

    def read_ranges(self, ranges: Sequence[tuple[int, int]]) -> AsyncGenerator[bytes]:
        """The bytes of several parts (first byte, count), one after the other."""
        ...


@dataclass(frozen=True)
class LocalFile:
    path: Path
    size: int
    version: str

    @property
    def name(self) -> str:
        return self.path.name

    async def read_ranges(self, ranges: Sequence[tuple[int, int]]) -> AsyncGenerator[bytes]:
        with self.path.open("rb") as file:
            for first, count in ranges:
                file.seek(first)
                left = count
                while left:
                    piece = await asyncio.to_thread(file.read, min(left, PIECE_BYTES))
                    if not piece:
                        raise TransferError(
                            f"{self.name} became shorter while it was read.",
                            code="file-changed",
                            remedy="Read it again.",
                            retryable=True,
                        )
                    left -= len(piece)
                    yield piece


async def open_job_file(context: Context, copies: LocalCopies, job: StoredJob, name: str) -> JobFile:
    """The file from this computer where it is here, else from the cluster.

    Raises NotFoundError (``no-such-output``), NotConnectedError where it is only on a cluster that is not connected.
    """
    path = await copies.find(job, name)
    if path is not None:
        with contextlib.suppress(OSError):
            stat = path.stat()
            return LocalFile(path, stat.st_size, f"{path}:{stat.st_size}:{stat.st_mtime_ns}")
    return await open_content(context, job.id, name)


async def read_whole(file: JobFile, first: int = 0, count: int | None = None) -> bytes:
    """``count`` bytes from ``first`` on, or all that follow."""
    left = file.size - first if count is None else min(count, file.size - first)
    if left <= 0:
        return b""
    pieces = file.read_ranges([(first, left)])
    async with contextlib.aclosing(pieces):
        return b"".join([piece async for piece in pieces])
