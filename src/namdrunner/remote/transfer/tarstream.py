"""Tar streams in the old GNU format, written and read piece by piece, without an object per member."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from namdrunner.remote.listing import decoded

BLOCK = 512
END = bytes(2 * BLOCK)
_LONGEST_NAME = 64 * 1024
_FILE, _LONG_NAME = (b"0", b"\0"), b"L"
_BLANK = bytes(BLOCK)


def entry(path: bytes, data: bytes) -> bytes:
    """A regular file with its content; ``path`` is put below the folder the stream is unpacked in."""
    path = path.lstrip(b"/")
    head = _long(path, _LONG_NAME) + _header(path[:100], len(data), _FILE[0])
    return b"".join((head, data, bytes(-len(data) % BLOCK)))


def folder(path: bytes) -> bytes:
    """A folder below the one the stream is unpacked in."""
    path = path.strip(b"/") + b"/"
    return _long(path, _LONG_NAME) + _header(path[:100], 0, b"5")


def link(path: bytes, target: bytes) -> bytes:
    """A second name of a file: of an earlier one of the stream, or (absolute, ``tar -P``) of one that is there."""
    path = path.lstrip(b"/")
    longs = _long(target, b"K") + _long(path, _LONG_NAME)
    return longs + _header(path[:100], 0, b"1" + target[:100])


def _long(name: bytes, kind: bytes) -> bytes:
    if len(name) <= 100:
        return b""
    name += b"\0"
    return _header(b"././@LongLink", len(name), kind) + name + bytes(-len(name) % BLOCK)


def _header(name: bytes, size: int, kind: bytes) -> bytes:
    # Name, mode, owner, group, size, time; checksum; kind; name of a link; magic; what we leave empty.
    mode = b"0000755" if kind == b"5" else b"0000644"
    before = b"%s%s\x000000000\x000000000\x00%011o\x0000000000000\x00" % (name.ljust(100, b"\0"), mode, size)
    behind = kind.ljust(101, b"\0") + b"ustar  \0".ljust(BLOCK - 257, b"\0")
    checksum = sum(before) + sum(behind) + 8 * ord(" ")
    return b"%s%06o\0 %s" % (before, checksum, behind)


class DamagedError(Exception):
    """This is no tar stream, or no longer."""


class TarReader:
    """Gives the wanted files of a stream in the old GNU format; all else is passed over, holding nothing of it."""

    def __init__(self, wanted: Callable[[str, int], bool]) -> None:
        """``wanted(name, size)`` says whether the content shall be collected: at most one such is held at a time."""
        self._wanted = wanted
        self._rest = b""
        self._skip = 0
        self._long_name: bytes | None = None
        self.ended = False

    def feed(self, data: bytes) -> Iterator[tuple[str, bytes]]:
        """``(name, content)`` of what is complete with ``data``.

        Raises:
            DamagedError: the stream makes no sense from here on.
        """
        data = self._rest + data if self._rest else data
        at = 0
        while not self.ended:
            if self._skip:
                passed = min(self._skip, len(data) - at)
                at += passed
                self._skip -= passed
            if len(data) - at < BLOCK or self._skip:
                break
            header = data[at : at + BLOCK]
            if header == _BLANK:
                self.ended = True
                break
            size, kind = _size(header), header[156:157]
            padded = size + -size % BLOCK
            name = header[:100].rstrip(b"\0") if self._long_name is None else self._long_name
            if kind == _LONG_NAME:
                if size > _LONGEST_NAME:
                    raise DamagedError("a name is too long")
            elif kind not in _FILE or not self._wanted(decoded(name), size):
                self._long_name = None
                self._skip = padded
                at += BLOCK
                continue
            if len(data) - at < BLOCK + padded:
                break
            content = data[at + BLOCK : at + BLOCK + size]
            at += BLOCK + padded
            if kind == _LONG_NAME:
                self._long_name = content.rstrip(b"\0")
                continue
            self._long_name = None
            yield decoded(name), content
        self._rest = b"" if self.ended else data[at:]


def _size(header: bytes) -> int:
    """The size a header tells, after its checksum was tested."""
    try:
        told = int(header[148:156].strip(b"\0 "), 8)
        size = int(header[124:136].strip(b"\0 ") or b"0", 8)
    except ValueError:
        raise DamagedError("a number is none") from None
    if size < 0 or told != sum(header) - sum(header[148:156]) + 8 * ord(" "):
        raise DamagedError("a header does not match its checksum")
    return size
