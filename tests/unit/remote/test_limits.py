from __future__ import annotations

import asyncio
import time

import pytest

from namdrunner.errors import BusyError
from namdrunner.remote.limits import Limits, RequestLimiter, SessionGate
from namdrunner.remote.sharing import SharedCalls


async def test_a_burst_passes_at_once_and_the_rest_at_the_rate() -> None:
    limiter = RequestLimiter(Limits(requests_per_s=50, burst=10, queue_depth=20))
    started = time.monotonic()
    for _ in range(10):
        await limiter.acquire()
    burst = time.monotonic() - started
    await asyncio.gather(*(limiter.acquire() for _ in range(10)))
    assert burst < 0.1
    assert 0.15 < time.monotonic() - started < 1.0


async def test_a_full_queue_says_try_again_in_a_moment() -> None:
    limiter = RequestLimiter(Limits(requests_per_s=0.001, burst=1, queue_depth=3))
    await limiter.acquire()
    waiting = [asyncio.create_task(limiter.acquire()) for _ in range(3)]
    await asyncio.sleep(0)
    assert limiter.document()["waiting"] == 3
    with pytest.raises(BusyError) as caught:
        await limiter.acquire()
    assert "too many pending requests" in caught.value.message
    assert caught.value.remedy == "Try again in a moment."
    assert caught.value.retryable
    for task in waiting:
        task.cancel()
    await asyncio.gather(*waiting, return_exceptions=True)
    assert limiter.document()["waiting"] == 0


async def test_transfers_leave_sessions_for_commands() -> None:
    gate = SessionGate(Limits(sessions=4, sessions_for_commands=2))
    async with gate.session(transfer=True), gate.session(transfer=True):
        async with gate.session_if_free(transfer=True) as free:
            assert not free
        async with gate.session(wait_s=1), gate.session(wait_s=1):
            assert gate.document()["sessions"] == 4
            with pytest.raises(BusyError) as caught:
                async with gate.session(wait_s=0.01):
                    pass
    assert caught.value.code == "too-many-sessions"
    assert gate.document()["sessions"] == 0


async def test_a_server_that_opens_no_more_lowers_the_ceiling_until_the_next_login() -> None:
    gate = SessionGate(Limits(sessions=8))
    async with gate.session(), gate.session(), gate.session(), gate.session():
        gate.refused()
        assert gate.ceiling == 3
    async with gate.session():
        gate.refused()
    assert gate.ceiling == 2  # never below what a verified transfer needs
    gate.reset()
    assert gate.ceiling == 8


async def test_identical_requests_in_flight_are_one_and_repeats_get_the_same_answer() -> None:
    now = [0.0]
    calls: SharedCalls[int] = SharedCalls(clock=lambda: now[0])
    begun = 0

    async def ask() -> int:
        nonlocal begun
        begun += 1
        await asyncio.sleep(0.01)
        return begun

    assert await asyncio.gather(*(calls.call("squeue", ask) for _ in range(5))) == [1] * 5
    assert await calls.call("squeue", ask) == 1
    assert await calls.call("sacct", ask) == 2
    now[0] = 1.5
    assert await calls.call("squeue", ask) == 3
    assert calls.document()["shared"] == 5


async def test_a_shared_failure_is_everyones_and_is_not_kept() -> None:
    calls: SharedCalls[int] = SharedCalls()

    async def fail() -> int:
        await asyncio.sleep(0)
        raise BusyError("no")

    async def work() -> int:
        return 7

    results = await asyncio.gather(*(calls.call("x", fail) for _ in range(3)), return_exceptions=True)
    assert [type(r) for r in results] == [BusyError] * 3
    assert await calls.call("x", work) == 7


async def test_one_caller_leaving_does_not_take_the_answer_from_the_others() -> None:
    calls: SharedCalls[int] = SharedCalls()

    async def work() -> int:
        await asyncio.sleep(0.02)
        return 1

    leaving = asyncio.create_task(calls.call("x", work))
    staying = asyncio.create_task(calls.call("x", work))
    await asyncio.sleep(0)
    leaving.cancel()
    assert await staying == 1
