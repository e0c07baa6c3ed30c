"""Transfers over a real OpenSSH server: what arrives, what is skipped, what odd names and links do."""

from __future__ import annotations

import asyncio
import dataclasses
import hashlib
import os
from collections.abc import AsyncIterator, Iterator
from pathlib import Path, PurePosixPath

import pytest
from tests.faults.sshd import QUICK, OpenSshServer, client, running

from namdrunner.errors import InputError, InterruptedOperationError, QuotaError, TransferError
from namdrunner.remote.transfer.control import TransferControl
from namdrunner.remote.values import DownloadItem, Session, TransferProgress, UploadItem

ODD_NAMES = ("-rf", "new\nline", "quo'te\"s", "$(touch x)", "naïve ü 漢字", "back\\slash", " spaces ", "a" * 250)


@pytest.fixture(scope="module")
def sshd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OpenSshServer]:
    with running(tmp_path_factory.mktemp("sshd")) as server:
        yield server


@pytest.fixture
async def session(sshd: OpenSshServer) -> AsyncIterator[Session]:
    async with client(limits=QUICK) as c:
        await c.manager.connect(sshd.spec())
        yield c.manager.session("testing")


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def leftovers(folder: Path) -> list[Path]:
    return [p for p in folder.rglob("*") if p.name.endswith(".part")]


@pytest.mark.parametrize("size", [0, 1, 65_536, 3_000_001, 70 * 1024 * 1024 + 17])
async def test_a_file_goes_there_and_back_identical(session: Session, tmp_path: Path, size: int) -> None:
    source = tmp_path / "source.bin"
    source.write_bytes(os.urandom(size))
    there, back = tmp_path / "there" / "deep" / "file.bin", tmp_path / "back" / "file.bin"
    told: list[TransferProgress] = []
    (up,) = await session.upload([UploadItem(source, PurePosixPath(there))], progress=told.append)
    assert (up.bytes, up.sha256, up.skipped) == (size, digest(source), False)
    assert digest(there) == digest(source)
    assert (told[-1].bytes, told[-1].total, told[-1].files) == (size, size, 1)
    (down,) = await session.download([DownloadItem(PurePosixPath(there), back)])
    assert (down.bytes, down.sha256, down.skipped) == (size, digest(source), False)
    assert digest(back) == digest(source)
    assert leftovers(tmp_path) == []


async def test_what_is_there_already_is_not_sent_again(session: Session, tmp_path: Path) -> None:
    sources = [tmp_path / f"{n}.bin" for n in range(3)]
    for n, path in enumerate(sources):
        path.write_bytes(os.urandom(1000 * (n + 1) ** 6))
    items = [UploadItem(p, PurePosixPath(tmp_path / "there" / p.name)) for p in sources]
    assert [f.skipped for f in await session.upload(items)] == [False] * 3
    assert [f.skipped for f in await session.upload(items)] == [True] * 3
    same_size = bytearray(sources[1].read_bytes())
    same_size[-1] ^= 1
    sources[1].write_bytes(same_size)
    assert [f.skipped for f in await session.upload(items)] == [True, False, True]
    assert (tmp_path / "there" / "1.bin").read_bytes() == bytes(same_size)
    fetch = [DownloadItem(i.target, tmp_path / "back" / i.target.name) for i in items]
    assert [f.skipped for f in await session.download(fetch)] == [False] * 3
    assert [f.skipped for f in await session.download(fetch)] == [True] * 3


@pytest.mark.parametrize("size", [700, 1_500_000])
async def test_odd_names_survive_both_ways(session: Session, tmp_path: Path, size: int) -> None:
    content = {name: os.urandom(size) for name in ODD_NAMES}
    there = tmp_path / "job 'x'\n$HOME"
    up = [UploadItem(data, PurePosixPath(there / name)) for name, data in content.items()]
    await session.upload(up)
    assert {p.name: p.read_bytes() for p in there.iterdir()} == content
    down = [DownloadItem(i.target, tmp_path / "back" / i.target.name) for i in up]
    assert all(not f.skipped for f in await session.download(down))
    assert {p.name: p.read_bytes() for p in (tmp_path / "back").iterdir()} == content
    assert all(f.skipped for f in await session.upload(up))


async def test_links_are_not_followed(session: Session, tmp_path: Path) -> None:
    (tmp_path / "outputs").mkdir()
    (tmp_path / "secret").write_text("private")
    (tmp_path / "outputs" / "link").symlink_to(tmp_path / "secret")
    with pytest.raises(TransferError) as caught:
        await session.download([DownloadItem(PurePosixPath(tmp_path / "outputs" / "link"), tmp_path / "got")])
    assert caught.value.code == "not-a-file"
    assert not (tmp_path / "got").exists()


async def test_what_cannot_be_sent_or_fetched_is_said_by_name(session: Session, tmp_path: Path) -> None:
    target = PurePosixPath(tmp_path / "there")
    with pytest.raises(InputError) as absent:
        await session.upload([UploadItem(tmp_path / "absent.psf", target)])
    with pytest.raises(InputError) as relative:
        await session.upload([UploadItem(b"x", PurePosixPath("relative/x"))])
    with pytest.raises(InputError) as outside:
        await session.upload([UploadItem(b"x", PurePosixPath("/tmp/job/../../etc/x"))])
    with pytest.raises(InputError) as twice:
        await session.upload([UploadItem(b"x", target), UploadItem(b"y", target)])
    with pytest.raises(TransferError) as gone:
        await session.download([DownloadItem(PurePosixPath(tmp_path / "gone.dcd"), tmp_path / "gone.dcd")])
    assert "absent.psf" in absent.value.message
    assert [relative.value.code, outside.value.code] == ["bad-target", "bad-target"]
    assert twice.value.code == "duplicate-target"
    assert gone.value.code == "remote-file-missing"


async def test_an_expected_checksum_is_insisted_on(session: Session, tmp_path: Path) -> None:
    source = tmp_path / "x.coor"
    source.write_bytes(b"real")
    item = DownloadItem(PurePosixPath(source), tmp_path / "back.coor", sha256=hashlib.sha256(b"else").hexdigest())
    with pytest.raises(TransferError) as caught:
        await session.download([item])
    assert caught.value.code == "unexpected-content"
    assert not (tmp_path / "back.coor").exists()


async def test_a_plan_says_what_would_move_and_moves_nothing(session: Session, tmp_path: Path) -> None:
    there = tmp_path / "there"
    there.mkdir()
    (there / "same").write_bytes(b"same")
    (there / "other").write_bytes(b"old")
    items = [
        UploadItem(data, PurePosixPath(there / name))
        for name, data in (("same", b"same"), ("other", b"new"), ("fresh", b"fresh"))
    ]
    plan = await session.plan_upload(items)
    assert plan.present == (str(there / "same"),)
    assert plan.changed == (str(there / "other"),)
    assert plan.new == (str(there / "fresh"),)
    assert (plan.bytes_to_send, plan.bytes) == (8, 12)
    assert plan.free_bytes is not None
    assert plan.free_bytes > 0
    assert sorted(p.name for p in there.iterdir()) == ["other", "same"]
    assert (there / "other").read_bytes() == b"old"


async def test_an_input_another_job_brought_is_linked_not_sent(session: Session, tmp_path: Path) -> None:
    source = tmp_path / "structure.psf"
    source.write_bytes(os.urandom(2_000_000))
    first, second = tmp_path / "job1" / "structure.psf", tmp_path / "job2" / "structure.psf"
    await session.upload([UploadItem(source, PurePosixPath(first))])
    stale = tmp_path / "stale.psf"
    stale.write_bytes(b"changed since")
    elsewhere = {digest(source): [PurePosixPath(stale), PurePosixPath(tmp_path / "gone"), PurePosixPath(first)]}
    (sent,) = await session.upload([UploadItem(source, PurePosixPath(second))], elsewhere=elsewhere)
    assert sent.skipped
    assert second.read_bytes() == source.read_bytes()
    assert second.stat().st_ino == first.stat().st_ino
    (again,) = await session.upload([UploadItem(b"else", PurePosixPath(second))], elsewhere=elsewhere)
    assert not again.skipped
    assert first.read_bytes() == source.read_bytes()


async def test_a_transfer_can_be_paused_cancelled_and_gone_on_with(session: Session, tmp_path: Path) -> None:
    source, target = tmp_path / "big.dcd", tmp_path / "there.dcd"
    source.write_bytes(os.urandom(40_000_000))
    session.limit_bandwidth(40e6)
    control = TransferControl()
    told: list[TransferProgress] = []

    def progress(p: TransferProgress) -> None:
        told.append(p)
        if p.bytes > 2_000_000 and not control.paused:
            control.pause()

    work = asyncio.create_task(
        session.upload([UploadItem(source, PurePosixPath(target))], progress=progress, control=control)
    )
    while not control.paused:  # noqa: ASYNC110 - told by progress
        await asyncio.sleep(0.01)
    await asyncio.sleep(0.1)
    (part,) = leftovers(tmp_path)
    size = part.stat().st_size
    await asyncio.sleep(0.1)
    assert part.stat().st_size == size < 40_000_000
    assert (await session.run("echo free")).text == "free\n"
    control.cancel()
    with pytest.raises(InterruptedOperationError) as caught:
        await work
    assert caught.value.code == "transfer-cancelled"
    assert caught.value.exit_status == 5
    assert not target.exists()
    await session.upload([UploadItem(source, PurePosixPath(target))])
    assert digest(target) == digest(source)
    assert leftovers(tmp_path) == []


async def test_what_a_killed_script_left_behind_goes_with_the_next_upload(sshd: OpenSshServer, tmp_path: Path) -> None:
    items = [UploadItem(os.urandom(50_000), PurePosixPath(tmp_path / "there" / f"{n}")) for n in range(20)]
    async with client(limits=QUICK) as c:
        await c.manager.connect(sshd.spec())
        session = c.manager.session("testing")
        session.limit_bandwidth(200_000)
        work = asyncio.create_task(session.upload(items))
        async with asyncio.timeout(60):
            while not list((tmp_path / "there").glob(".nr-*")):  # noqa: ASYNC110 - on disk, nobody tells
                await asyncio.sleep(0.01)
        work.cancel()
        assert sshd.kill_sessions("bash") > 0  # before it can clean up
        await asyncio.gather(work, return_exceptions=True)
        session.limit_bandwidth(None)
        await session.upload(items)
        assert sorted(p.name for p in (tmp_path / "there").iterdir()) == sorted(i.target.name for i in items)


@pytest.fixture
def streaming(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every line counts as near, and streams are worthwhile from 4 MiB on."""
    monkeypatch.setattr("namdrunner.remote.transfer.flow.Flow.near", True)
    monkeypatch.setattr("namdrunner.remote.transfer.bytestream.WORTHWHILE", 4 << 20)
    monkeypatch.setattr("namdrunner.remote.transfer.bytestream.PAUSE_BYTES", 8 << 20)


@pytest.mark.usefixtures("streaming")
@pytest.mark.parametrize("way", ["fast", "slow", "broken"])
async def test_a_plain_stream_gives_the_same_and_gives_way_to_sftp(
    session: Session, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    bytestream = "namdrunner.remote.transfer.bytestream"
    if way == "fast":
        monkeypatch.setattr(f"{bytestream}.SLOWEST_BYTES_PER_S", 1.0)
    elif way == "slow":
        monkeypatch.setattr(f"{bytestream}.SLOWEST_BYTES_PER_S", 1e15)
    else:
        monkeypatch.setattr(f"{bytestream}.PUT", "head -c 3000000 >/dev/null; exit 5")
        monkeypatch.setattr(f"{bytestream}.GET", "exit 5")
    source, there, back = (tmp_path / name for name in ("source", "there", "back"))
    source.write_bytes(os.urandom(75 * 1024 * 1024 + 17))
    told: list[TransferProgress] = []
    (up,) = await session.upload([UploadItem(source, PurePosixPath(there))], progress=told.append)
    (down,) = await session.download([DownloadItem(PurePosixPath(there), back)], progress=told.append)
    assert up.sha256 == down.sha256 == digest(source) == digest(there) == digest(back)
    assert told[-1].bytes == told[-1].total == up.bytes
    assert session.transferred_bytes == 2 * up.bytes
    assert leftovers(tmp_path) == []


async def test_two_transfers_to_one_target_do_not_mix(session: Session, tmp_path: Path) -> None:
    a, b = os.urandom(3_000_000), os.urandom(3_000_000)
    target = tmp_path / "there.bin"
    await asyncio.gather(
        *(session.upload([UploadItem(data, PurePosixPath(target))]) for data in (a, b, a, b)),
    )
    assert target.read_bytes() in (a, b)
    assert leftovers(tmp_path) == []


async def test_more_than_there_is_room_for_is_not_begun(session: Session, tmp_path: Path) -> None:
    source = tmp_path / "huge.dcd"
    with source.open("wb") as file:
        file.truncate(1 << 43)
    with pytest.raises(QuotaError) as there:
        await session.upload([UploadItem(source, PurePosixPath(tmp_path / "there.dcd"))])
    with pytest.raises(QuotaError) as here:
        await session.download([DownloadItem(PurePosixPath(source), tmp_path / "back" / "huge.dcd")])
    assert (there.value.code, here.value.code) == ("disk-full", "local-disk-full")
    assert leftovers(tmp_path) == []


@pytest.mark.skipif(os.getuid() != 0, reason="mounting a small file system needs root")
@pytest.mark.parametrize("size", [900_000, 6_000_000])
async def test_a_disk_that_fills_up_is_called_that(session: Session, tmp_path: Path, size: int) -> None:
    room = tmp_path / "room"
    room.mkdir()
    mounted = await session.run(f"mount -t tmpfs -o size=2m tmpfs '{room}'")
    if mounted.exit_status != 0:
        pytest.skip("a tmpfs cannot be mounted here")
    try:
        items = [UploadItem(os.urandom(size), PurePosixPath(room / f"{n}.bin")) for n in range(4)]
        engine = session._transfers  # type: ignore[attr-defined]
        look = engine._channel.look

        async def without_room(*args: object) -> object:
            return dataclasses.replace(await look(*args), free_bytes=None)  # as where a quota is the limit

        engine._channel.look = without_room
        with pytest.raises(QuotaError) as caught:
            await session.upload(items)
        assert caught.value.code == "disk-full"
        assert "space" in caught.value.message
        assert caught.value.remedy
    finally:
        await session.run(f"umount '{room}'")


async def test_a_large_file_that_was_sent_is_known_without_reading_it_again(session: Session, tmp_path: Path) -> None:
    source, target = tmp_path / "big.dcd", tmp_path / "there.dcd"
    source.write_bytes(os.urandom(33 * 1024 * 1024))
    item = UploadItem(source, PurePosixPath(target))
    await session.upload([item])
    before = session.transferred_bytes
    (again,) = await session.upload([item])
    assert (again.skipped, again.sha256) == (True, digest(source))
    assert session.transferred_bytes == before
    times = target.stat()
    with target.open("r+b") as file:  # same size, time set back: only the change time of the inode tells
        file.write(b"x")
    os.utime(target, ns=(times.st_atime_ns, times.st_mtime_ns))
    (third,) = await session.upload([item])
    assert not third.skipped
    assert digest(target) == digest(source)


async def test_checksums_of_large_files_come_from_openssl_with_any_name(
    session: Session, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("namdrunner.remote.listing.LARGE_BYTES", 10)
    content = {name: name.encode() * 20 for name in ODD_NAMES} | {"small": b"x"}
    for name, data in content.items():
        (tmp_path / name).write_bytes(data)
    channel = session._transfers._channel  # type: ignore[attr-defined]
    found = await channel.digests([PurePosixPath(tmp_path / n) for n in content] + [PurePosixPath(tmp_path / "no")])
    assert found == {str(tmp_path / n): hashlib.sha256(d).hexdigest() for n, d in content.items()}
