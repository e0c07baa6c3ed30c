"""Blocks of one file over SFTP, many under way at once, on one or several channels."""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Coroutine, Sequence
from typing import Any, Protocol

from namdrunner.errors import TransferError
from namdrunner.remote.transfer.control import TransferControl
from namdrunner.remote.transfer.flow import BLOCK, LARGEST, Bandwidth, Flow

CHUNK = 1024 * 1024
"""What is read, hashed or written at once in a thread; the event loop only handles blocks."""
MOST_HELD = 2 * LARGEST
"""Asked for and not consumed yet, answered or not: what a slow disk may make us hold."""


class BlockFile(Protocol):
    """The part of ``asyncssh.SFTPClientFile`` that is used: opened in binary with ``block_size=0``."""

    async def read(self, size: int = ..., offset: int | None = ...) -> bytes: ...
    async def write(self, data: bytes, offset: int | None = ...) -> int: ...


class Pipeline:
    """Requests in the order they were made; failing or leaving cancels what is still under way."""

    def __init__(self, flow: Flow, bandwidth: Bandwidth, control: TransferControl) -> None:
        self._flow = flow
        self._bandwidth = bandwidth
        self._control = control
        self._pending: deque[tuple[asyncio.Task[Any], int]] = deque()
        self._held = 0

    async def add(self, request: Coroutine[Any, Any, Any], count: int) -> None:
        """Start ``request``, which moves ``count`` bytes, when it is allowed to."""
        try:
            await self._control.checkpoint()
            await self._bandwidth.take(count)
        except BaseException:
            request.close()
            raise
        began = self._flow.begin(count)
        task = asyncio.ensure_future(request)
        task.add_done_callback(lambda done: self._answered(done, count, began))
        self._pending.append((task, count))
        self._held += count

    def _answered(self, task: asyncio.Task[Any], count: int, began: float) -> None:
        if task.cancelled() or task.exception() is not None:
            self._flow.abandon(count)
        else:
            self._flow.end(count, began)

    @property
    def full(self) -> bool:
        """Whether an answer should be awaited before more is asked."""
        return bool(self._pending) and (self._flow.full or self._held >= MOST_HELD)

    @property
    def answered(self) -> bool:
        """Whether ``oldest`` would not have to wait."""
        return bool(self._pending) and self._pending[0][0].done()

    def __len__(self) -> int:
        return len(self._pending)

    async def oldest(self) -> Any:
        """The answer to the oldest request."""
        task, count = self._pending[0]
        result = await task
        self._pending.popleft()
        self._held -= count
        return result

    async def drop(self) -> None:
        tasks = [task for task, _ in self._pending]
        self._pending.clear()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def send_chunk(
    pipeline: Pipeline, files: Sequence[BlockFile], data: bytes, offset: int, sent: Callable[[int], None]
) -> None:
    """Write ``data`` at ``offset``, block by block, in turn over ``files`` (the same file on several channels)."""
    for start in range(0, len(data), BLOCK):
        while pipeline.full or pipeline.answered:
            sent(await pipeline.oldest())
        block = data[start : start + BLOCK]
        position = offset + start
        file = files[(position // BLOCK) % len(files)]
        await pipeline.add(_write(file, block, position), len(block))


async def _write(file: BlockFile, block: bytes, offset: int) -> int:
    await file.write(block, offset)
    return len(block)


async def finish_sending(pipeline: Pipeline, sent: Callable[[int], None]) -> None:
    while len(pipeline):
        sent(await pipeline.oldest())


async def received_chunks(
    pipeline: Pipeline, files: Sequence[BlockFile], offset: int, size: int
) -> AsyncGenerator[bytes, None]:
    """The bytes from ``offset`` to ``size`` in order, in pieces of about ``CHUNK``.

    Raises:
        TransferError: ``source-changed`` when the file ends early.
    """
    asked = offset
    parts: list[bytes] = []
    held = 0
    while asked < size or len(pipeline):
        while asked < size and not pipeline.full:
            count = min(BLOCK, size - asked)
            file = files[(asked // BLOCK) % len(files)]
            await pipeline.add(read_exactly(file, asked, count), count)
            asked += count
        block = await pipeline.oldest()
        parts.append(block)
        held += len(block)
        if held >= CHUNK:
            yield b"".join(parts)
            parts, held = [], 0
    if parts:
        yield b"".join(parts)


async def read_exactly(file: BlockFile, offset: int, count: int) -> bytes:
    """Exactly ``count`` bytes; servers may answer a request in pieces."""
    data = await file.read(count, offset)
    while len(data) < count:
        more = await file.read(count - len(data), offset + len(data))
        if not more:
            raise TransferError(
                "The file on the cluster became shorter while it was read.",
                code="source-changed",
                remedy="Wait until the job that writes it has ended, and download it again.",
            )
        data += more
    return data


@contextlib.asynccontextmanager
async def pipeline(flow: Flow, bandwidth: Bandwidth, control: TransferControl) -> AsyncIterator[Pipeline]:
    made = Pipeline(flow, bandwidth, control)
    try:
        yield made
    finally:
        await made.drop()
