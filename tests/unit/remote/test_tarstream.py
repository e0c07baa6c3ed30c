"""Our tar streams against the tar module, both ways, whatever the pieces they arrive in."""

from __future__ import annotations

import io
import tarfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from namdrunner.remote.listing import encoded
from namdrunner.remote.transfer import tarstream
from namdrunner.remote.transfer.tarstream import DamagedError, TarReader

WORDS = st.text(st.characters(blacklist_characters="/\0", blacklist_categories=("Cs",)), min_size=1, max_size=150)
NAMES = WORDS.filter(lambda word: word not in (".", "..")).map(lambda word: f"data/{word}")
FILES = st.dictionaries(NAMES, st.binary(max_size=1500), max_size=5)


def theirs(files: dict[str, bytes]) -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w", format=tarfile.GNU_FORMAT, encoding="utf-8") as archive:
        for name, data in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    return stream.getvalue()


@given(FILES)
def test_what_is_written_is_read_by_others(files: dict[str, bytes]) -> None:
    stream = b"".join(tarstream.entry(encoded("/" + name), data) for name, data in files.items()) + tarstream.END
    with tarfile.open(fileobj=io.BytesIO(stream), encoding="utf-8") as archive:
        found = {m.name: archive.extractfile(m).read() for m in archive}  # type: ignore[union-attr]
    assert found == files


@given(FILES, st.integers(1, 3000), st.sets(st.integers(0, 4)))
def test_what_others_wrote_is_read_in_pieces(files: dict[str, bytes], step: int, unwanted: set[int]) -> None:
    wanted = {name: data for k, (name, data) in enumerate(files.items()) if k not in unwanted}
    reader = TarReader(lambda name, size: name in wanted and size == len(wanted[name]))
    stream = theirs(files)
    found = [entry for at in range(0, len(stream), step) for entry in reader.feed(stream[at : at + step])]
    assert dict(found) == wanted
    assert reader.ended


@pytest.mark.parametrize("at", [3, 130, 150])
def test_a_spoilt_header_ends_it(at: int) -> None:
    stream = bytearray(theirs({"a": b"1", "b": b"2"}))
    stream[1024 + at] ^= 0x11
    reader = TarReader(lambda _name, _size: True)
    with pytest.raises(DamagedError):
        list(reader.feed(bytes(stream)))


def test_an_endless_name_is_not_collected() -> None:
    header = tarstream.entry(b"x" * 200_000, b"")[:512]
    with pytest.raises(DamagedError):
        list(TarReader(lambda _name, _size: True).feed(header))


def test_a_huge_file_nobody_asked_for_is_passed_over() -> None:
    head = theirs({"big": b""})[:512]
    size = b"%011o\0" % (1 << 30)
    plain = head[:124] + size + head[136:148] + b" " * 8 + head[156:]
    head = plain[:148] + b"%06o\0 " % sum(plain) + plain[156:]
    reader = TarReader(lambda name, _size: name != "big")
    assert list(reader.feed(head)) == []
    for _ in range(1 << 10):
        assert list(reader.feed(bytes(1 << 20))) == []
    assert not reader._rest
    assert list(reader.feed(theirs({"next": b"here"}))) == [("next", b"here")]
