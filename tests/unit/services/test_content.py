from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncGenerator
from pathlib import Path, PurePosixPath
from typing import Any

import pytest

from namdrunner.errors import TransferError
from namdrunner.services.content import FileContent


class LocalShell:
    """Runs the scripts on this computer, as the cluster would."""

    def __init__(self) -> None:
        self.started = 0

    async def stream(self, script: str, *arguments: str, stdin: bytes = b"", label: str = "") -> AsyncGenerator[bytes]:
        self.started += 1
        process = await asyncio.create_subprocess_exec(
            "bash", "-c", script, "bash", *arguments, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
        )
        stdout, _stderr = await process.communicate(stdin)
        assert process.returncode == 0
        for begin in range(0, len(stdout), 1000):
            yield stdout[begin : begin + 1000]


def opened(path: Path, shell: LocalShell | None = None) -> FileContent:
    session: Any = shell or LocalShell()
    return FileContent(session, PurePosixPath(path), path.name, path.stat().st_size, 0)


async def read(path: Path, first: int, end: int) -> bytes:
    return b"".join([piece async for piece in opened(path).read(first, end)])


@pytest.mark.parametrize(("first", "end"), [(0, 0), (0, 1), (0, 10_000), (4096, 4097), (9_999, 10_000), (100, 8300)])
async def test_any_part_of_a_file(tmp_path: Path, first: int, end: int) -> None:
    path = tmp_path / "it's a trajectory.dcd"
    data = os.urandom(10_000)
    path.write_bytes(data)
    assert await read(path, first, end) == data[first:end]


async def test_a_file_that_shrinks_meanwhile_is_never_taken_for_whole(tmp_path: Path) -> None:
    path = tmp_path / "run.dcd"
    path.write_bytes(b"x" * 100)
    with pytest.raises(TransferError) as error:
        await read(path, 0, 200)
    assert error.value.code == "file-changed"


async def test_many_parts_are_read_by_one_command_in_the_order_asked(tmp_path: Path) -> None:
    path = tmp_path / "run.dcd"
    data = os.urandom(10_000)
    path.write_bytes(data)
    shell = LocalShell()
    ranges = [(5000, 10), (0, 4), (9_990, 10), (70, 0), (100, 3000)]
    got = b"".join([piece async for piece in opened(path, shell).read_ranges(ranges)])
    assert got == b"".join(data[first : first + count] for first, count in ranges)
    assert shell.started == 1
