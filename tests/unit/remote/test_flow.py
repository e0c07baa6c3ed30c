from __future__ import annotations

import asyncio
import time

import pytest

from namdrunner.errors import InterruptedOperationError
from namdrunner.remote.transfer.control import TransferControl
from namdrunner.remote.transfer.flow import BLOCK, LARGEST, SMALLEST, Bandwidth, Flow
from namdrunner.remote.transfer.meter import Meter
from namdrunner.remote.transfer.parts import part_name
from namdrunner.remote.transfer.pipeline import MOST_HELD, pipeline, received_chunks
from namdrunner.remote.values import TransferProgress


def drive(flow: Flow, now: list[float], line_bytes_per_s: float, base_s: float, seconds: float) -> None:
    """A line of that speed with a queue: each block waits for those before it."""
    waiting: list[tuple[float, float]] = []
    free_at = now[0]
    end = now[0] + seconds
    while now[0] < end:
        while not flow.full:
            began = flow.begin(BLOCK)
            free_at = max(free_at, now[0]) + BLOCK / line_bytes_per_s
            waiting.append((free_at + base_s, began))
        arrival, began = waiting.pop(0)
        now[0] = max(now[0], arrival)
        flow.end(BLOCK, began)


@pytest.mark.parametrize(("speed", "base"), [(1e6, 0.05), (20e6, 0.05), (300e6, 0.0005), (50e6, 0.2)])
def test_the_window_fills_the_line_without_making_others_wait(speed: float, base: float) -> None:
    now = [0.0]
    flow = Flow(clock=lambda: now[0])
    drive(flow, now, speed, base, 20.0)
    queueing = flow.under_way / speed - base
    assert SMALLEST <= flow.window <= LARGEST
    assert queueing < max(0.2, SMALLEST / speed + 0.1)
    assert flow.window >= min(LARGEST, speed * base) * 0.5


async def test_a_slow_disk_holds_the_sender_back() -> None:
    class Answering:
        asked = 0

        async def read(self, size: int = 0, offset: int | None = None) -> bytes:
            self.asked += size
            return bytes(size)

        async def write(self, data: bytes, offset: int | None = None) -> int:
            raise AssertionError

    file, taken = Answering(), 0
    async with pipeline(Flow(), Bandwidth(None), TransferControl()) as line:
        async for data in received_chunks(line, [file], 0, 200 * 1024 * 1024):
            taken += len(data)
            for _ in range(50):
                await asyncio.sleep(0)  # everything that was asked for is answered meanwhile
            assert file.asked - taken <= MOST_HELD + BLOCK
    assert taken == 200 * 1024 * 1024


async def test_bandwidth_is_shared_and_kept() -> None:
    limit = Bandwidth(1_000_000)
    started = time.monotonic()
    await asyncio.gather(*(limit.take(50_000) for _ in range(5)))
    assert 0.15 < time.monotonic() - started < 0.6
    await Bandwidth(None).take(1 << 40)


def test_progress_is_throttled_and_ends_with_everything() -> None:
    now = [0.0]
    told: list[TransferProgress] = []
    meter = Meter(told.append, {"a": 1000, "b": 500}, clock=lambda: now[0])
    meter.start_at("a", 400)
    for _ in range(600):
        now[0] += 0.001
        meter.sent("a", 1)
    assert len(told) < 5
    assert told[-1].rate_bytes_per_s == pytest.approx(1000, rel=0.2)
    assert told[-1].eta_s == pytest.approx((1500 - told[-1].bytes) / told[-1].rate_bytes_per_s)
    meter.finish("a")
    meter.finish("b")
    assert (told[-1].bytes, told[-1].total, told[-1].files, told[-1].files_total) == (1500, 1500, 2, 2)
    assert meter.moved == 600


async def test_control_pauses_and_cancels() -> None:
    control = TransferControl()
    await control.checkpoint()
    control.pause()
    waiting = asyncio.create_task(control.checkpoint())
    await asyncio.sleep(0.01)
    assert not waiting.done()
    control.resume()
    await waiting
    control.pause()
    control.cancel()
    with pytest.raises(InterruptedOperationError):
        await control.checkpoint()


def test_part_names_fit_and_tell_versions_apart() -> None:
    assert part_name("x.dcd", "1") != part_name("x.dcd", "2")
    assert part_name("x.dcd", "1").endswith(".part")
    assert len(part_name("ü" * 127, "1").encode()) <= 255
