"""Being a good guest on a real server: limits, sharing, scarce sessions, files that do not hold up a status query."""

from __future__ import annotations

import asyncio
import os
import statistics
import time
from pathlib import Path, PurePosixPath
from types import SimpleNamespace

import pytest
from tests.faults.proxy import proxied
from tests.faults.sshd import QUICK, Person, client, running

from namdrunner.errors import BusyError, ConnectionFailedError, NotConnectedError
from namdrunner.remote.limits import Limits
from namdrunner.remote.values import ConnectionState, DownloadItem, UploadItem


async def test_a_storm_of_requests_is_bounded_and_visible(tmp_path: Path) -> None:
    limits = Limits(requests_per_s=20, burst=2, queue_depth=5)
    with running(tmp_path / "sshd") as server:
        async with client(limits=limits) as c:
            await c.manager.connect(server.spec())
            session = c.manager.session("testing")
            storm = [asyncio.create_task(session.run(f"echo {n}")) for n in range(30)]
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            assert session.limits()["waiting"] > 0
            results = await asyncio.gather(*storm, return_exceptions=True)
    refused = [r for r in results if isinstance(r, BusyError)]
    assert len(refused) >= 20
    assert refused[0].code == "too-many-requests"
    assert len(refused) + len(c.commands) == 30


async def test_two_syncs_at_once_are_one_command(tmp_path: Path) -> None:
    with running(tmp_path / "sshd") as server:
        async with client(limits=QUICK) as c:
            await c.manager.connect(server.spec())
            session = c.manager.session("testing")
            command = f"echo x >> '{tmp_path}/count'; cat '{tmp_path}/count'"
            same = await asyncio.gather(*(session.run(command, idempotent=True) for _ in range(5)))
            assert {r.text for r in same} == {"x\n"}
            assert (await session.run(command)).text == "x\nx\n"  # not declared to be repeatable: runs each time
            assert len(c.commands) == 2


@pytest.mark.parametrize("allowed", ["2", "3"])
async def test_a_server_that_allows_few_sessions_is_made_do_with(tmp_path: Path, allowed: str) -> None:
    with running(tmp_path / "sshd", MaxSessions=allowed) as server:
        async with client(limits=QUICK) as c:
            await c.manager.connect(server.spec())
            session = c.manager.session("testing")
            results = await asyncio.gather(*(session.run("sleep 0.1; echo done") for _ in range(8)))
            assert {r.text for r in results} == {"done\n"}
            assert session.limits()["sessions_allowed"] <= int(allowed)
            items = [UploadItem(os.urandom(2_000_000), PurePosixPath(tmp_path / "there" / f"{n}")) for n in range(4)]
            async with asyncio.timeout(30):
                await session.upload(items)
                await session.download([DownloadItem(i.target, tmp_path / "back" / i.target.name) for i in items])
    for item in items:
        assert (tmp_path / "back" / item.target.name).read_bytes() == item.source


async def test_a_slow_line_full_of_a_file_still_answers_quickly(tmp_path: Path) -> None:
    source = tmp_path / "long.dcd"
    source.write_bytes(os.urandom(9_000_000))
    with running(tmp_path / "sshd") as server:
        async with proxied(server.port, latency_s=0.01, bytes_per_s=4e6) as proxy, client(limits=QUICK) as c:
            await c.manager.connect(server.spec(port=proxy.port))
            session = c.manager.session("testing")
            work = asyncio.create_task(session.upload([UploadItem(source, PurePosixPath(tmp_path / "there"))]))
            await asyncio.sleep(0.5)
            answers = []
            while not work.done():
                started = time.monotonic()
                await session.run("echo squeue")
                answers.append(time.monotonic() - started)
                await asyncio.sleep(0.05)
            await work
    assert len(answers) >= 3
    assert statistics.median(answers) < 1.0  # without steering, two megabytes or more would wait before it


async def test_silence_after_sleep_is_noticed_by_a_probe(tmp_path: Path) -> None:
    with running(tmp_path / "sshd") as server:
        async with proxied(server.port) as proxy, client(limits=QUICK) as c:
            await c.manager.connect(server.spec(port=proxy.port))
            link = c.manager._links["testing"]
            link.reconnect_delays_s = (0.01,)
            assert await link.probe(2.0)
            proxy.stall()
            proxy.refuse = True
            assert not await link.probe(0.2)
            for _ in range(100):
                if c.changes[-1].state is ConnectionState.EXPIRED:
                    break
                await asyncio.sleep(0.02)
            with pytest.raises((NotConnectedError, ConnectionFailedError)):
                await c.manager.session("testing").run("echo")
            proxy.flow()
            proxy.refuse = False
            await c.manager.connect(server.spec(port=proxy.port))
            assert (await c.manager.session("testing").run("echo on")).text == "on\n"


async def test_waking_up_asks_the_server_at_once_whether_it_is_still_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asleep = 0.0
    clock = SimpleNamespace(time=lambda: time.time() + asleep, monotonic=time.monotonic)
    monkeypatch.setattr("namdrunner.remote.link.time", clock)
    monkeypatch.setattr("namdrunner.remote.link.WATCH_INTERVAL_S", 0.02)
    with running(tmp_path / "sshd") as server:
        async with proxied(server.port) as proxy, client(limits=QUICK) as c:
            await c.manager.connect(server.spec(port=proxy.port))
            link = c.manager._links["testing"]
            probes: list[bool] = []
            probe = link.probe

            async def counted(timeout_s: float = 0.3) -> bool:
                probes.append(await probe(timeout_s))
                return probes[-1]

            monkeypatch.setattr(link, "probe", counted)
            await asyncio.sleep(0.1)
            assert probes == []  # no time was lost: nobody is asked
            asleep = 3600.0
            async with asyncio.timeout(30):
                while not probes:  # noqa: ASYNC110 - the watch goes by the clock
                    await asyncio.sleep(0.01)
                assert probes == [True]
                proxy.stall()
                proxy.refuse = True
                asleep = 7200.0
                while c.changes[-1].state is ConnectionState.CONNECTED:  # noqa: ASYNC110 - as above
                    await asyncio.sleep(0.01)
            assert "slept" in c.changes[-1].reason
            proxy.flow()


async def test_keep_alive_notices_a_silent_network(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("namdrunner.remote.login.KEEPALIVE_INTERVAL_S", 0.2)
    with running(tmp_path / "sshd") as server:
        async with proxied(server.port) as proxy, client(Person(), limits=QUICK) as c:
            await c.manager.connect(server.spec(port=proxy.port))
            c.manager._links["testing"].reconnect_delays_s = ()
            proxy.stall()
            started = time.monotonic()
            for _ in range(200):
                if c.changes[-1].state is not ConnectionState.CONNECTED:
                    break
                await asyncio.sleep(0.05)
            assert time.monotonic() - started < 5
            assert "lost" in c.changes[-1].reason
