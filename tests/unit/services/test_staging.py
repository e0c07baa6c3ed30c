"""Files from a browser: in parts, broken off, gone on with, and cleared away when nobody comes back."""

from __future__ import annotations

import errno
import hashlib
import os
import shutil
import time
from pathlib import Path

import pytest

from namdrunner.errors import ConflictError, InputError, NotFoundError
from namdrunner.services import staging
from namdrunner.services.staging import KEPT_DAYS, UNFINISHED_DAYS, StagingStore

DATA = os.urandom(3_000_000)
DAY_S = 86_400


@pytest.fixture
def store(tmp_path: Path) -> StagingStore:
    return StagingStore(tmp_path / "staging")


def send(store: StagingStore, incoming: str, offset: int, data: bytes) -> None:
    writer = store.writer(incoming, offset)
    writer.write(data)
    writer.close()


def test_a_file_goes_on_where_it_broke_off_even_in_a_new_server(store: StagingStore, tmp_path: Path) -> None:
    begun = store.begin("run/a.dcd", len(DATA), 17)
    send(store, begun.id, 0, DATA[:1_000_000])
    other = StagingStore(tmp_path / "staging")
    again = other.begin("run/a.dcd", len(DATA), 17)
    assert (again.id, again.received) == (begun.id, 1_000_000)
    send(other, again.id, 1_000_000, DATA[1_000_000:])
    whole = other.finish(again.id)
    assert Path(whole.path).read_bytes() == DATA
    assert whole.sha256 == hashlib.sha256(DATA).hexdigest()
    assert other.incoming() == []


def test_the_digest_of_parts_is_that_of_the_whole(store: StagingStore) -> None:
    begun = store.begin("a.dcd", len(DATA))
    for start in range(0, len(DATA), 700_000):
        send(store, begun.id, start, DATA[start : start + 700_000])
    assert store.finish(begun.id).sha256 == hashlib.sha256(DATA).hexdigest()


def test_another_file_of_the_same_name_begins_anew(store: StagingStore) -> None:
    begun = store.begin("a.dcd", 10, 17)
    send(store, begun.id, 0, b"12345")
    for size, modified in ((11, 17), (10, 18), (10, -1)):
        assert store.begin("a.dcd", size, modified).id != begun.id


def test_a_part_has_to_follow_the_last_one(store: StagingStore) -> None:
    begun = store.begin("a.dcd", 10)
    send(store, begun.id, 0, b"12345")
    for offset in (0, 4, 6):
        with pytest.raises(ConflictError) as caught:
            store.writer(begun.id, offset)
        assert (caught.value.code, caught.value.context) == ("upload-offset", {"received": 5})
    with pytest.raises(ConflictError, match="5 of 10 bytes"):
        store.finish(begun.id)
    with pytest.raises(InputError, match="longer"):
        send(store, begun.id, 5, b"123456")
    send(store, begun.id, 5, b"67890")
    assert Path(store.finish(begun.id).path).read_bytes() == b"1234567890"


def test_a_second_sender_takes_over_from_one_that_hangs(store: StagingStore) -> None:
    begun = store.begin("a.dcd", 10)
    hanging = store.writer(begun.id, 0)
    hanging.write(b"123")
    send(store, begun.id, 3, b"4567890")
    with pytest.raises(ConflictError, match="second time"):
        hanging.write(b"late")
    assert Path(store.finish(begun.id).path).read_bytes() == b"1234567890"


def test_a_full_disk_is_said_and_what_came_before_stays(store: StagingStore, monkeypatch: pytest.MonkeyPatch) -> None:
    begun = store.begin("a.dcd", 10)
    writer = store.writer(begun.id, 0)
    writer.write(b"12345")
    writer._stream.close()

    class Full:
        def write(self, data: bytes) -> int:
            raise OSError(errno.ENOSPC, "No space left on device")

        def close(self) -> None: ...

    monkeypatch.setattr(writer, "_stream", Full())
    with pytest.raises(InputError) as caught:
        writer.write(b"67890")
    assert caught.value.code == "local-disk-full"
    writer.close()
    assert store.begin("a.dcd", 10).received == 5


def test_a_file_that_cannot_fit_is_refused_before_it_is_sent(
    store: StagingStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = shutil._ntuple_diskusage(10**12, 10**12, staging.RESERVE_BYTES + 9)
    monkeypatch.setattr("namdrunner.services.staging.shutil.disk_usage", lambda _: usage)
    with pytest.raises(InputError) as caught:
        store.begin("a.dcd", 10)
    assert caught.value.code == "local-disk-full"
    assert store.incoming() == []
    assert store.begin("a.dcd", 9).bytes == 9


def test_old_uploads_are_removed_and_those_a_job_still_needs_are_not(store: StagingStore) -> None:
    kept, dropped = (store.finish(one.id) for one in (store.begin("a.psf", 0), store.begin("b.psf", 0)))
    part = store.begin("c.dcd", 10)
    send(store, part.id, 0, b"12345")
    now = time.time()
    assert store.sweep(now=now + (UNFINISHED_DAYS - 1) * DAY_S) == 0
    assert [one.id for one in store.incoming()] == [part.id]
    assert store.sweep(now=now + (UNFINISHED_DAYS + 1) * DAY_S) == 5
    assert store.incoming() == []
    store.sweep([Path(kept.path)], now=now + (KEPT_DAYS + 1) * DAY_S)
    assert Path(kept.path).exists()
    assert not Path(dropped.path).exists()


def test_what_the_store_takes_is_known_and_can_be_cleared(store: StagingStore) -> None:
    whole = store.begin("a.psf", 4)
    send(store, whole.id, 0, b"1234")
    path = Path(store.finish(whole.id).path)
    part = store.begin("b.psf", 9)
    send(store, part.id, 0, b"123")
    use = store.describe()
    assert (use.bytes, use.files, use.unfinished) == (7, 1, 1)
    assert store.clear([path]) == 3
    assert path.exists()
    assert store.clear() == 4
    assert (store.describe().files, store.describe().unfinished) == (0, 0)


@pytest.mark.parametrize("identifier", ["", "nothing", "0" * 16, "../../../etc", "incoming"])
def test_only_ids_of_ours_name_a_folder(store: StagingStore, identifier: str) -> None:
    store.begin("a.psf", 1)
    for use in (store.remove, store.drop, store.finish, store.about):
        with pytest.raises(NotFoundError):
            use(identifier)
