from __future__ import annotations

import asyncio
import os
from pathlib import Path, PurePosixPath
from typing import Any

import pytest

from namdrunner.errors import TransferError
from namdrunner.remote.values import CommandResult
from namdrunner.services import content
from namdrunner.services.content import FileContent


class LocalShell:
    """Runs the commands on this computer, as the cluster would."""

    async def run(self, command: str, *, stdin: bytes = b"", **_: Any) -> CommandResult:
        process = await asyncio.create_subprocess_exec(
            *command.split(), stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
        )
        stdout, _stderr = await process.communicate(stdin)
        assert process.returncode == 0
        return CommandResult(command, 0, stdout, b"", 0.0)


async def read(path: Path, first: int, end: int) -> bytes:
    file = FileContent(LocalShell(), PurePosixPath(path), path.name, path.stat().st_size, 0)  # type: ignore[arg-type]
    return b"".join([piece async for piece in file.read(first, end)])


@pytest.mark.parametrize(("first", "end"), [(0, 0), (0, 1), (0, 10_000), (4096, 4097), (9_999, 10_000), (100, 8300)])
async def test_any_part_of_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, first: int, end: int) -> None:
    monkeypatch.setattr(content, "PIECE_BYTES", 4096)
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
