"""Many jobs put in place by one stream, and their results fetched by another; this computer stands for the cluster."""

from __future__ import annotations

import hashlib
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path, PurePosixPath
from typing import Any

import pytest

from namdrunner.remote.transfer.control import TransferControl
from namdrunner.remote.values import CommandResult, DownloadItem, TransferProgress, UploadItem
from namdrunner.services.placing import MOST_BYTES, place
from namdrunner.services.result_stream import fetch_stream


def bash(command: str, stdin: bytes | None) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(["bash", "-c", command], input=stdin, capture_output=True, check=False)


class Here:
    """A session whose cluster is this computer. ``spoil`` changes what streams bring."""

    def __init__(self) -> None:
        self.commands = 0
        self.spoil = (b"", b"")

    async def run(self, command: str, *, stdin: bytes | None = None, **_: object) -> CommandResult:
        self.commands += 1
        done = bash(command, stdin)
        return CommandResult(command, done.returncode, done.stdout, done.stderr, 0.0)

    async def stream(self, script: str, *arguments: str, stdin: bytes = b"", label: str = "") -> AsyncIterator[bytes]:
        self.commands += 1
        data = bash(script, stdin).stdout.replace(*self.spoil)
        for start in range(0, len(data), 100_000):
            yield data[start : start + 100_000]


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def job(parent: Path, name: str, inputs: dict[str, bytes]) -> list[UploadItem]:
    folder = PurePosixPath(str(parent / name))
    items = [UploadItem(f"info of {name}".encode(), folder / "job_info.json")]
    items += [UploadItem(data, folder / "input_files" / path, sha256(data)) for path, data in inputs.items()]
    return [*items, UploadItem(b"#!/bin/bash\n", folder / "job.sbatch")]


async def test_folders_come_whole_with_shared_contents_as_one_file(tmp_path: Path) -> None:
    parent, session = tmp_path / "namdrunner_jobs", Here()
    shared = {"a/system.psf": b"psf" * 1000, "it's\todd 水.pdb": b"pdb" * 500}
    jobs = [job(parent, f"job_{n}", shared | {"seed": b"%d" % n}) for n in range(5)]
    assert await place(session, jobs, {})  # type: ignore[arg-type]
    assert session.commands == 1
    assert sorted(p.name for p in parent.iterdir()) == [f"job_{n}" for n in range(5)]
    for n, items in enumerate(jobs):
        for item in items:
            assert Path(str(item.target)).read_bytes() == item.source
        assert (parent / f"job_{n}" / "logs").is_dir()
    assert (parent / "job_0" / "input_files" / "a" / "system.psf").stat().st_nlink == 5


async def test_content_that_is_there_is_linked_when_it_is_what_it_is_said_to_be(tmp_path: Path) -> None:
    parent, earlier = tmp_path / "namdrunner_jobs", tmp_path / "earlier.psf"
    earlier.write_bytes(b"psf" * 1000)
    known = {sha256(b"psf" * 1000): [PurePosixPath(str(earlier))]}
    jobs = [job(parent, "job_1", {"system.psf": b"psf" * 1000})]
    assert await place(Here(), jobs, known)  # type: ignore[arg-type]
    assert earlier.stat().st_nlink == 2

    earlier.write_bytes(b"other" * 100)  # through both names: the job's own file is another one by now
    other = [job(parent, "job_2", {"system.psf": b"psf" * 1000})]
    assert not await place(Here(), other, known)  # type: ignore[arg-type]
    assert sorted(p.name for p in parent.iterdir()) == ["job_1"]


async def test_a_folder_that_exists_is_left_alone(tmp_path: Path) -> None:
    parent = tmp_path / "namdrunner_jobs"
    (parent / "job_1").mkdir(parents=True)
    (parent / "job_1" / "mine").touch()
    jobs = [job(parent, name, {"x": b"x"}) for name in ("job_0", "job_1")]
    assert not await place(Here(), jobs, {})  # type: ignore[arg-type]
    assert sorted(str(p.relative_to(parent)) for p in parent.rglob("*")) == ["job_1", "job_1/mine"]


async def test_large_inputs_are_not_for_one_stream(tmp_path: Path) -> None:
    session = Here()
    large = [job(tmp_path / "jobs", "job_1", {"x": bytes(MOST_BYTES + 1)})]
    assert not await place(session, large, {})  # type: ignore[arg-type]
    assert session.commands == 0


@pytest.fixture
def results(tmp_path: Path) -> list[DownloadItem]:
    items = []
    for n in range(4):
        source = tmp_path / "there" / f"job_{n}" / "it's.dcd"
        source.parent.mkdir(parents=True)
        source.write_bytes(b"%d" % n * 300_000)
        target = tmp_path / "here" / f"job_{n}" / "it's.dcd"
        items.append(DownloadItem(PurePosixPath(str(source)), target, 300_000, sha256(b"%d" % n * 300_000)))
    return items


async def fetched(session: Here, items: list[DownloadItem]) -> dict[Path, Any]:
    told: list[TransferProgress] = []
    found = await fetch_stream(session, items, told.append, TransferControl())  # type: ignore[arg-type]
    assert len(told) == sum(not file.skipped for file in found.values())
    return found


async def test_results_come_in_one_stream_and_once(results: list[DownloadItem]) -> None:
    session = Here()
    found = await fetched(session, results)
    assert all(item.target.read_bytes() == Path(str(item.source)).read_bytes() for item in results)
    assert set(found) == {item.target for item in results}
    again = await fetched(session, results)
    assert all(file.skipped for file in again.values())
    assert session.commands == 1


async def test_what_does_not_have_its_checksum_is_not_put_in_place(results: list[DownloadItem]) -> None:
    session = Here()
    session.spoil = (b"2" * 1000, b"3" * 1000)
    found = await fetched(session, results)
    assert sorted(path.parent.name for path in found) == ["job_0", "job_1", "job_3"]
    assert not results[2].target.exists()


async def test_what_grew_or_is_gone_is_left_to_the_ordinary_way(results: list[DownloadItem]) -> None:
    Path(str(results[0].source)).unlink()
    Path(str(results[1].source)).write_bytes(b"more")
    found = await fetched(Here(), results)
    assert sorted(path.parent.name for path in found) == ["job_2", "job_3"]
