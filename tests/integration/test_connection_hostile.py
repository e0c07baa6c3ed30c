"""A cluster that logs us in and then lies: wrong sizes, answers cut short, garbage, or no end of it."""

from __future__ import annotations

import asyncio
import contextlib
import os
import tracemalloc
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path, PurePosixPath
from typing import Any

import asyncssh
import pytest
from tests.faults.sshd import QUICK, Person, client
from tests.faults.standin import Answer, dishonest, run_here

from namdrunner.errors import ClusterError, ConnectionFailedError, NamdrunnerError, TransferError
from namdrunner.remote.values import DownloadItem, Session, UploadItem


@asynccontextmanager
async def session_with(folder: Path, answer: Answer = run_here, **more: Any) -> AsyncIterator[Session]:
    async with dishonest(folder, answer, **more) as server, client(Person(["x"]), limits=QUICK) as c:
        await c.manager.connect(server.spec())
        yield c.manager.session("testing")


class Shortened(asyncssh.SFTPServer):
    """Files end after the half of what they are said to hold."""

    def read(self, file_obj: Any, offset: int, size: int) -> bytes:
        return b"" if offset >= 600_000 else bytes(super().read(file_obj, offset, size))  # type: ignore[arg-type]


class Damaging(asyncssh.SFTPServer):
    def read(self, file_obj: Any, offset: int, size: int) -> bytes:
        data = bytearray(super().read(file_obj, offset, size))  # type: ignore[arg-type]
        data[:1] = b"?" if data[:1] != b"?" else b"!"
        return bytes(data)


class Boundless(asyncssh.SFTPServer):
    """Gives more than was asked for."""

    def read(self, file_obj: Any, offset: int, size: int) -> bytes:
        return os.urandom(size + 1000)


class Forgetful(asyncssh.SFTPServer):
    """Says that it wrote."""

    def write(self, file_obj: Any, offset: int, data: bytes) -> int:
        return len(data)


@pytest.mark.parametrize("sftp", [Shortened, Damaging, Boundless])
async def test_a_file_that_does_not_come_as_it_is_never_takes_its_place(tmp_path: Path, sftp: type) -> None:
    source, target = tmp_path / "there.dcd", tmp_path / "here.dcd"
    source.write_bytes(os.urandom(1_200_000))
    target.write_bytes(b"the result of last week")
    async with session_with(tmp_path, sftp=sftp) as session:
        with pytest.raises((TransferError, ConnectionFailedError)) as caught:
            async with asyncio.timeout(60):
                await session.download([DownloadItem(PurePosixPath(source), target)])
    assert caught.value.remedy
    assert target.read_bytes() == b"the result of last week"


async def test_what_was_not_written_there_is_not_called_sent(tmp_path: Path) -> None:
    target = tmp_path / "there.bin"
    async with session_with(tmp_path, sftp=Forgetful) as session:
        with pytest.raises(TransferError) as caught:
            async with asyncio.timeout(60):
                await session.upload([UploadItem(os.urandom(1_200_000), PurePosixPath(target))])
    assert caught.value.code == "checksum-mismatch"
    assert not target.exists()


async def _endless(process: asyncssh.SSHServerProcess[bytes]) -> None:
    with contextlib.suppress(OSError, asyncssh.Error):
        while not process.is_closing():
            process.stdout.write(os.urandom(1 << 16) * 4)
            await process.stdout.drain()


def saying(words: bytes) -> Answer:
    async def answer(process: asyncssh.SSHServerProcess[bytes]) -> None:
        with contextlib.suppress(OSError):
            process.stdout.write(words)
            process.exit(0)

    return answer


@pytest.mark.parametrize(
    "answer",
    [
        _endless,
        saying(b"\xff\x00\xfe" * 5001),
        saying(b"100 4096\x00" + b"zz\x00-5\x00never\x00x\x00/a\x00"),
        saying(b"Please change your password\n"),
        saying(b"f\x00huge\x00now\x00name\x00"),
    ],
)
async def test_nonsense_is_refused_in_bounded_memory(tmp_path: Path, answer: Answer) -> None:
    async with session_with(tmp_path, answer) as session:
        tracemalloc.start()
        try:
            for work in (
                session.list_tree(PurePosixPath("/job")),
                session.download([DownloadItem(PurePosixPath("/job/a"), tmp_path / "a")]),
                session.upload([UploadItem(b"x", PurePosixPath("/job/a"))]),
            ):
                with pytest.raises(NamdrunnerError) as caught:
                    async with asyncio.timeout(60):
                        await work
                assert caught.value.remedy
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
    assert peak < 250_000_000
    assert not (tmp_path / "a").exists()


async def test_no_answer_at_all_ends_in_time(tmp_path: Path) -> None:
    never = asyncio.Event()

    async def silent(process: asyncssh.SSHServerProcess[bytes]) -> None:
        await never.wait()

    async with session_with(tmp_path, silent) as session:
        with pytest.raises(ClusterError) as caught:
            await session.run("squeue", timeout_s=0.3)
        assert caught.value.code == "command-timeout"
        never.set()
