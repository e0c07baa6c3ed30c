"""Hundreds of transfers broken at random points: each must end byte-identical, with nothing half-made left."""

from __future__ import annotations

import asyncio
import hashlib
import os
import random
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import pytest
from tests.faults.proxy import Proxy, proxied
from tests.faults.sshd import QUICK, Client, OpenSshServer, client, running

from namdrunner.errors import ConnectionFailedError, NamdrunnerError
from namdrunner.remote.values import DownloadItem, UploadItem

RUNS = 210
LANES = 3
PATIENCE_S = 120.0
"""For a machine that does much else; a run takes a fraction of a second."""
SEED = int(os.environ.get("NAMDRUNNER_FAULT_SEED", "20260801"))
FAULTS = ("reset", "drop", "stall", "kill-session", "kill-sftp", "cancel", "twice")


@pytest.fixture(scope="module")
def sshd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OpenSshServer]:
    with running(tmp_path_factory.mktemp("sshd")) as server:
        yield server


@dataclass
class Run:
    """One transfer and what happens to it."""

    number: int
    fault: str
    upload: bool
    sizes: tuple[int, ...]
    after: int
    folder: Path

    def __str__(self) -> str:
        way = "up" if self.upload else "down"
        return f"run {self.number}: {self.fault} after {self.after} bytes, {way}, sizes {self.sizes}"


def planned(number: int, dice: random.Random, folder: Path) -> Run:
    many = dice.random() < 0.35
    sizes = (
        tuple(dice.randrange(0, 60_000) for _ in range(dice.randrange(2, 25)))
        if many
        else tuple(dice.randrange(1_100_000, 5_000_000) for _ in range(dice.randrange(1, 3)))
    )
    total = sum(sizes) + 10_000
    return Run(number, FAULTS[number % len(FAULTS)], dice.random() < 0.5, sizes, dice.randrange(total), folder)


def digests(folder: Path) -> dict[str, str]:
    return {p.name: hashlib.sha256(p.read_bytes()).hexdigest() for p in folder.iterdir()}


async def transfer(run: Run, c: Client, source: Path, target: Path) -> None:
    session = c.manager.session("testing")
    if run.upload:
        await session.upload([UploadItem(p, PurePosixPath(target / p.name)) for p in sorted(source.iterdir())])
    else:
        await session.download([DownloadItem(PurePosixPath(p), target / p.name) for p in sorted(source.iterdir())])


async def when_passed(proxy: Proxy, count: int) -> None:
    goal = proxy.passed + count
    while proxy.passed < goal:  # noqa: ASYNC110 - the count is watched, not announced
        await asyncio.sleep(0.001)


async def break_it(run: Run, proxy: Proxy, server: OpenSshServer, work: asyncio.Task[None]) -> None:
    """Do to the connection what the run says, when its time has come."""
    if run.fault in ("reset", "drop", "twice"):
        proxy.reset = run.fault != "drop"
        proxy.arm(run.after)
        if run.fault == "twice":
            await when_passed(proxy, run.after + 50_000)
            proxy.arm(run.after // 2)
        return
    await when_passed(proxy, run.after)
    if run.fault == "stall":
        proxy.stall()
        await asyncio.sleep(0.05)
        proxy.flow()
    elif run.fault == "cancel":
        work.cancel()
    else:
        server.kill_sessions("sftp-server" if run.fault == "kill-sftp" else "")


async def carry_out(run: Run, c: Client, proxy: Proxy, server: OpenSshServer) -> None:
    source, target = run.folder / "source", run.folder / "target"
    source.mkdir(parents=True)
    for number, size in enumerate(run.sizes):
        (source / f"{number}.bin").write_bytes(os.urandom(size))
    work = asyncio.create_task(transfer(run, c, source, target))
    breaking = asyncio.create_task(break_it(run, proxy, server, work))
    try:
        async with asyncio.timeout(PATIENCE_S):
            if run.fault != "cancel":
                await work
            else:
                await asyncio.gather(work, return_exceptions=True)
                await transfer(run, c, source, target)
    finally:
        breaking.cancel()
        proxy.disarm()
        proxy.flow()
        await asyncio.gather(breaking, return_exceptions=True)
    async with asyncio.timeout(
        PATIENCE_S
    ):  # an abandoned script on the cluster cleans up behind itself, a moment later
        while list(target.glob(".nr-*")):  # noqa: ASYNC110 - as above
            await asyncio.sleep(0.02)
    assert digests(target) == digests(source)


async def lane(runs: list[Run], folder: Path) -> int:
    """Carry out runs one after the other on one connection that is broken again and again.

    Each lane has its own server: what one kills is its own.
    """
    with running(folder) as server:
        async with proxied(server.port) as proxy, client(limits=QUICK) as c:
            return await carry_out_all(runs, c, proxy, server)


async def carry_out_all(runs: list[Run], c: Client, proxy: Proxy, server: OpenSshServer) -> int:
    spec = server.spec(port=proxy.port)
    for run in runs:
        try:
            await c.manager.connect(spec)
            c.manager._links["testing"].reconnect_delays_s = (0.01,) * 50
            await carry_out(run, c, proxy, server)
        except (NamdrunnerError, AssertionError, TimeoutError, OSError) as exc:
            code = exc.code if isinstance(exc, NamdrunnerError) else ""
            raise AssertionError(f"{run} (seed {SEED}): {code} {exc!r}") from exc
    return proxy.cuts


async def test_transfers_survive_whatever_happens_to_the_connection(tmp_path: Path) -> None:
    dice = random.Random(SEED)
    runs = [planned(n, dice, tmp_path / str(n)) for n in range(RUNS)]
    cuts = await asyncio.gather(
        *(lane(runs[k::LANES], tmp_path / f"sshd{k}") for k in range(LANES)), return_exceptions=True
    )
    for failure in cuts:
        if isinstance(failure, BaseException):
            raise failure
    assert sum(cuts) > RUNS // 10


async def test_a_connection_that_does_not_come_back_leaves_a_part_to_go_on_with(
    sshd: OpenSshServer, tmp_path: Path
) -> None:
    source, target = tmp_path / "big.bin", tmp_path / "there.bin"
    source.write_bytes(os.urandom(12_000_000))
    async with proxied(sshd.port) as proxy:
        spec = sshd.spec(port=proxy.port, known_hosts=tmp_path / "known")
        async with client(limits=QUICK) as c:
            await c.manager.connect(spec)
            c.manager._links["testing"].reconnect_delays_s = (0.01, 0.01)
            proxy.arm(8_000_000)
            work = asyncio.create_task(c.manager.session("testing").upload([UploadItem(source, PurePosixPath(target))]))
            while not proxy.cuts:  # noqa: ASYNC110 - as above
                await asyncio.sleep(0.005)
            proxy.refuse = True
            with pytest.raises(ConnectionFailedError) as caught:
                await work
            assert caught.value.exit_status == 3
            assert not target.exists()
        (part,) = [p for p in tmp_path.iterdir() if p.name.endswith(".part")]
        assert part.stat().st_size > 1_000_000
        proxy.refuse = False
        async with client(limits=QUICK) as c:
            await c.manager.connect(spec)
            before = proxy.passed
            await c.manager.session("testing").upload([UploadItem(source, PurePosixPath(target))])
            assert proxy.passed - before < 13_000_000
    assert target.read_bytes() == source.read_bytes()
    assert not part.exists()
