"""Transfers beside scp, sftp, rsync and a new ssh + rsync per file set: one sshd, one run, ratios printed.

Run as ``python benchmarks/transfer.py [--big MIB] [--long GIB] [--small N]``; needs OpenSSH; rsync if there.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

import psutil

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks._api import asked_all_the_time
from tests.faults.proxy import proxied
from tests.faults.sshd import QUICK, Client, OpenSshServer, client, running

from namdrunner.remote.values import DownloadItem, Session, UploadItem

MIB = 1024 * 1024
LATENCY_S = 0.025
"""In each direction: 50 ms there and back."""


@dataclass
class Table:
    """Rows of name and seconds; ratios against the first row of the section."""

    failures: list[str] = field(default_factory=list)

    def section(self, title: str) -> None:
        print(f"\n{title}", flush=True)

    def row(self, name: str, seconds: float, moved: int, note: str = "") -> float:
        print(f"  {name:<34} {seconds:8.2f} s {moved / MIB / seconds:9.1f} MiB/s  {note}", flush=True)
        return seconds

    def claim(self, text: str, value: float, limit: float, *, at_least: bool) -> None:
        holds = value >= limit if at_least else value <= limit
        sign = ">=" if at_least else "<="
        print(f"  -> {text}: {value:.2f} (wanted {sign} {limit:g}) {'ok' if holds else 'MISSED'}", flush=True)
        if not holds:
            self.failures.append(text)


@dataclass
class Bench:
    folder: Path
    server: OpenSshServer
    table: Table
    repeats: int = 3

    def options(self, port: int) -> list[str]:
        own = ["StrictHostKeyChecking=no", "UserKnownHostsFile=/dev/null", "LogLevel=ERROR", "IdentitiesOnly=yes"]
        words = ["-F", "/dev/null", "-i", str(self.server.key_file)]
        for option in own:
            words += ["-o", option]
        return [*words, "-P" if port < 0 else "-p", str(abs(port))]

    async def peer(self, *command: str, stdin: bytes | None = None) -> float:
        started = time.perf_counter()
        process = await asyncio.create_subprocess_exec(
            *command, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.DEVNULL
        )
        await process.communicate(stdin)
        assert process.returncode == 0, command
        return time.perf_counter() - started

    async def scp(self, source: str, target: str, port: int, *more: str) -> float:
        return await self.peer("scp", "-q", *more, *self.options(-port), source, target)

    async def sftp(self, words: str, port: int) -> float:
        return await self.peer("sftp", "-q", "-b", "-", *self.options(-port), self.login, stdin=words.encode())

    async def rsync(self, source: str, target: str, port: int) -> float:
        shell = " ".join(["ssh", *self.options(port)])
        return await self.peer("rsync", "-a", "--whole-file", "-e", shell, source, target)

    async def ssh_and_rsync(self, source: str, target: str, port: int) -> float:
        """Longbow's way: for every set of files a new ssh (to make the folder) and a new rsync with checksums."""
        made = await self.peer("ssh", *self.options(port), self.login, f"mkdir -p {self.folder}/peer")
        shell = " ".join(["ssh", *self.options(port)])
        return made + await self.peer("rsync", "-ac", "-e", shell, source, target)

    @property
    def login(self) -> str:
        return f"{self.server.user}@127.0.0.1"

    async def best(self, work: Callable[[], Awaitable[float]], clean: Path | None = None) -> float:
        """The fastest of several: what disturbs a measurement only ever makes it slower.

        Folders are put aside, not deleted: ext4 passes over inodes freed a moment ago, which costs whoever creates a
        thousand files next 0.17 s.
        """
        times = []
        for _ in range(self.repeats):
            if clean is not None and clean.is_dir():
                clean.rename(Path(tempfile.mkdtemp(dir=self.folder)) / clean.name)
            elif clean is not None:
                clean.unlink(missing_ok=True)
            times.append(await work())
        return min(times)


async def timed(work: Awaitable[object]) -> float:
    started = time.perf_counter()
    await work
    return time.perf_counter() - started


async def connected(bench: Bench, c: Client, port: int) -> None:
    await c.manager.connect(bench.server.spec(port=port, known_hosts=bench.folder / f"known_{port}"))


async def one_big_file(bench: Bench, mib: int, *, latency_s: float, wanted: float) -> None:
    size = mib * MIB
    source, ours, theirs = bench.folder / "big", bench.folder / "ours", bench.folder / "theirs"
    source.write_bytes(os.urandom(MIB) * mib)
    where = f"behind a proxy, {latency_s * 2000:.0f} ms there and back" if latency_s else "on loopback"
    async with proxied(bench.server.port, latency_s=latency_s) as proxy, client(limits=QUICK) as c:
        port = proxy.port if latency_s else bench.server.port
        await connected(bench, c, port)
        session = c.manager.session("testing")

        async def up() -> float:
            return await timed(session.upload([UploadItem(source, PurePosixPath(ours))]))

        async def down() -> float:
            return await timed(session.download([DownloadItem(PurePosixPath(source), ours)]))

        for way, mine in (("up", up), ("down", down)):
            bench.table.section(f"One file of {mib} MiB, {way}, {where}")
            pair = (str(source), f"{bench.login}:{theirs}")
            ends = pair if way == "up" else (f"{bench.login}:{source}", str(theirs))
            verb = "put" if way == "up" else "get"
            scp = await bench.best(lambda e=ends: bench.scp(*e, port), theirs)  # type: ignore[misc]
            bench.table.row("scp", scp, size)
            own = await bench.best(mine, ours)
            bench.table.row("namdrunner (verified by sha256)", own, size, f"{scp / own:.2f}x scp")
            sftp = await bench.best(lambda v=verb: bench.sftp(f"{v} {source} {theirs}\n", port), theirs)  # type: ignore[misc]
            bench.table.row("sftp", sftp, size)
            if shutil.which("rsync"):
                bench.table.row("rsync", await bench.best(lambda e=ends: bench.rsync(*e, port), theirs), size)  # type: ignore[misc]
                both = await bench.best(lambda e=ends: bench.ssh_and_rsync(*e, port), theirs)  # type: ignore[misc]
                bench.table.row("new ssh + rsync -c", both, size)
            bench.table.claim(f"{way} {where}, speed against scp", scp / own, wanted, at_least=True)
        if not latency_s:
            await session.upload([UploadItem(source, PurePosixPath(ours))])
            sent = session.transferred_bytes
            again = await timed(session.upload([UploadItem(source, PurePosixPath(ours))]))
            bench.table.section(f"The same {mib} MiB again, unchanged")
            bench.table.row("namdrunner", again, size)
            bench.table.claim("unchanged again, payload bytes", session.transferred_bytes - sent, 0, at_least=False)
            bench.table.claim("unchanged again, seconds for each GiB", again * 1024 / mib, 1.0, at_least=False)


async def many_small_files(bench: Bench, count: int) -> None:
    source, ours, theirs, back = (bench.folder / n for n in ("small", "small_ours", "small_theirs", "small_back"))
    source.mkdir()
    for number in range(count):
        (source / f"{number:05}.dat").write_bytes(os.urandom(20_000))
    size = count * 20_000
    port = bench.server.port
    names = sorted(p.name for p in source.iterdir())
    async with client(limits=QUICK) as c:
        await connected(bench, c, port)
        session = c.manager.session("testing")

        async def up() -> float:
            return await timed(session.upload([UploadItem(source / n, PurePosixPath(ours / n)) for n in names]))

        async def down() -> float:
            return await timed(session.download([DownloadItem(PurePosixPath(source / n), back / n) for n in names]))

        def sftp_words(way: str) -> str:
            return f"put -r {source} {theirs}\n" if way == "up" else f"get -r {source} {theirs}\n"

        for way, mine, target in (("up", up, ours), ("down", down, back)):
            bench.table.section(f"{count} files of 20 kB, {way}, on loopback")
            remote = f"{bench.login}:{theirs if way == 'up' else source}"
            ends = (str(source), remote) if way == "up" else (remote, str(theirs))
            scp = await bench.best(lambda e=ends: bench.scp(*e, port, "-r"), theirs)  # type: ignore[misc]
            bench.table.row("scp -r", scp, size)
            own = await bench.best(mine, target)
            bench.table.row("namdrunner (verified by sha256)", own, size, f"{scp / own:.2f}x scp -r")
            sftp = await bench.best(lambda w=way: bench.sftp(sftp_words(w), port), theirs)  # type: ignore[misc]
            bench.table.row("sftp", sftp, size)
            if shutil.which("rsync"):
                bench.table.row("rsync", await bench.best(lambda e=ends: bench.rsync(*e, port), theirs), size)  # type: ignore[misc]
                both = await bench.best(lambda e=ends: bench.ssh_and_rsync(*e, port), theirs)  # type: ignore[misc]
                bench.table.row("new ssh + rsync -c", both, size)
            bench.table.claim(f"{count} small files {way}, speed against scp -r", scp / own, 4.0, at_least=True)


@dataclass
class Watched:
    """The process while it transfers: lateness of the loop's timers, status queries to the cluster, memory."""

    late: list[float] = field(default_factory=list)
    queries: list[float] = field(default_factory=list)
    rss: int = 0

    async def timers(self) -> None:
        while True:
            due = time.perf_counter() + 0.01
            await asyncio.sleep(0.01)
            self.late.append(time.perf_counter() - due)

    async def ask(self, session: Session) -> None:
        process = psutil.Process()
        while True:
            self.queries.append(await timed(session.run("echo squeue")))
            self.rss = max(self.rss, process.memory_info().rss)
            await asyncio.sleep(0.2)


async def long_transfer(bench: Bench, gib: float) -> None:
    """Memory, event-loop latency, status queries and the API's answers while much is under way."""
    size = int(gib * 1024) * MIB
    source, target = bench.folder / "long", bench.folder / "long_there"
    with source.open("wb") as file:
        file.truncate(size)  # sparse: the disk is not what is measured
    async with asked_all_the_time(bench.folder / "home") as asked, client(limits=QUICK) as c:
        await connected(bench, c, bench.server.port)
        session = c.manager.session("testing")
        await session.run("true")
        before = psutil.Process().memory_info().rss
        for way in ("up", "down"):
            watched = Watched()
            asked.seconds.clear()
            watchers = [asyncio.create_task(watched.timers()), asyncio.create_task(watched.ask(session))]
            if way == "up":
                seconds = await timed(session.upload([UploadItem(source, PurePosixPath(target))]))
            else:
                seconds = await timed(session.download([DownloadItem(PurePosixPath(source), target)]))
            for task in watchers:
                task.cancel()
            await asyncio.gather(*watchers, return_exceptions=True)
            target.unlink()
            asked_for = f"{len(watched.queries)} status queries, {len(asked.seconds)} API requests meanwhile"
            bench.table.section(f"{gib:g} GiB {way}, in the process that serves the API")
            bench.table.row("namdrunner (verified by sha256)", seconds, size, asked_for)
            p99 = statistics.quantiles(watched.late, n=100)[98] * 1000
            bench.table.claim(f"{way}: event-loop latency p99, ms", p99, 50, at_least=False)
            for what, times in (("answer of the API", asked.seconds), ("answer to a status query", watched.queries)):
                p95 = statistics.quantiles(times, n=20)[18] * 1000
                bench.table.claim(f"{way}: {what} p95, ms", p95, 100, at_least=False)
            bench.table.claim(f"{way}: growth of memory, MB", (watched.rss - before) / 1e6, 50, at_least=False)


async def run(arguments: argparse.Namespace) -> int:
    table = Table()
    with tempfile.TemporaryDirectory(prefix="bench-transfer-") as name, running(Path(name) / "sshd") as server:
        bench = Bench(Path(name), server, table, arguments.repeats)
        print(f"{arguments.ssh_version}; {os.cpu_count()} processors; load {os.getloadavg()[0]:.1f}")
        await many_small_files(bench, arguments.small)
        await one_big_file(bench, arguments.big, latency_s=0.0, wanted=0.85)
        await one_big_file(bench, arguments.slow, latency_s=LATENCY_S, wanted=0.95)
        await long_transfer(bench, arguments.long)
    print(f"\n{len(table.failures)} claims missed{': ' if table.failures else ''}{'; '.join(table.failures)}")
    return 1 if table.failures else 0


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--big", type=int, default=1024, help="MiB of the file on loopback")
    parser.add_argument("--slow", type=int, default=256, help="MiB of the file behind the proxy")
    parser.add_argument("--small", type=int, default=1000, help="number of small files")
    parser.add_argument("--long", type=float, default=5.0, help="GiB of the long transfer")
    parser.add_argument("--repeats", type=int, default=3)
    arguments = parser.parse_args()
    arguments.ssh_version = subprocess.run(["ssh", "-V"], capture_output=True, text=True, check=True).stderr.strip()
    return asyncio.run(run(arguments))


if __name__ == "__main__":
    sys.exit(main())
