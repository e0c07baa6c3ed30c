"""A TCP proxy that treats a connection as badly as real networks do."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

PIECE = 64 * 1024


@dataclass
class Proxy:
    """Forwards to ``target_port``. Set the attributes while it runs.

    ``latency_s`` is added to each direction; ``bytes_per_s`` throttles each direction; while ``stalled`` nothing
    passes; ``cut_after`` bytes (both directions together, counted from ``arm``) every connection is cut.
    """

    target_port: int
    latency_s: float = 0.0
    bytes_per_s: float | None = None
    reset: bool = True
    """Cut with a TCP reset; else with an orderly end."""
    refuse: bool = False
    passed: int = 0
    cuts: int = 0
    port: int = 0
    _cut_at: int | None = None
    _going: asyncio.Event = field(default_factory=asyncio.Event)
    _writers: set[asyncio.StreamWriter] = field(default_factory=set)
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)
    _server: asyncio.Server | None = None

    async def start(self) -> Proxy:
        self._going.set()
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0, limit=1 << 20)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def stop(self) -> None:
        if self._server is not None:
            self._server.close()
        self.cut()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._server is not None:
            await self._server.wait_closed()

    def arm(self, cut_after: int) -> None:
        """Cut all connections once when ``cut_after`` further bytes have passed."""
        self._cut_at = self.passed + cut_after

    def disarm(self) -> None:
        self._cut_at = None

    def stall(self) -> None:
        self._going.clear()

    def flow(self) -> None:
        self._going.set()

    def cut(self) -> None:
        self.cuts += bool(self._writers)
        for writer in list(self._writers):
            if self.reset:
                writer.transport.abort()
            else:
                writer.close()
        self._writers.clear()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self.refuse:
            writer.transport.abort()
            return
        try:
            far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self.target_port, limit=1 << 20)
        except OSError:
            writer.transport.abort()
            return
        self._writers |= {writer, far_writer}
        for source, sink in ((reader, far_writer), (far_reader, writer)):
            task = asyncio.create_task(self._pump(source, sink))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _pump(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        """Two halves with a queue between, so that latency delays data without limiting the rate."""
        queue: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue(maxsize=2048)
        loop = asyncio.get_running_loop()

        async def deliver() -> None:
            while True:
                due, data = await queue.get()
                if due > loop.time():
                    await asyncio.sleep(due - loop.time())
                await self._going.wait()
                if self.bytes_per_s:
                    await asyncio.sleep(len(data) / self.bytes_per_s)
                if sink.is_closing():
                    return
                sink.write(data)
                await sink.drain()
                if not data:
                    return

        delivering = asyncio.create_task(deliver())
        try:
            while data := await source.read(PIECE):
                self.passed += len(data)
                if self._cut_at is not None and self.passed >= self._cut_at:
                    self._cut_at = None
                    self.cut()
                    return
                await queue.put((loop.time() + self.latency_s, data))
            while not queue.empty():  # noqa: ASYNC110 - Queue.join would wait for ever once delivery failed
                await asyncio.sleep(0.01)
        except (ConnectionError, OSError):
            return
        finally:
            delivering.cancel()
            with contextlib.suppress(asyncio.CancelledError, ConnectionError, OSError):
                await delivering
            self._writers.discard(sink)
            sink.close()


@contextlib.asynccontextmanager
async def proxied(target_port: int, **settings: object) -> AsyncIterator[Proxy]:
    proxy = Proxy(target_port, **settings)  # type: ignore[arg-type]
    try:
        yield await proxy.start()
    finally:
        await proxy.stop()
