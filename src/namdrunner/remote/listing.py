"""What is on the cluster: listings, sizes, checksums, each in one round trip whatever the number of files."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from namdrunner.errors import ClusterError
from namdrunner.remote.values import RemoteFile

_KINDS = {"f": "file", "d": "folder", "l": "link"}

# NUL ends each field: no other byte is forbidden in a name. One entry more than wanted tells of truncation.
LIST_TREE = r"""cd -P -- "$1" 2>/dev/null || exit 0
LC_ALL=C exec find . -mindepth 1 -printf '%y\0%s\0%T@\0%P\0' | head -z -n "$2" """

# Folders to make come first, ended by an empty entry; then the paths to look at. First comes the free space (blocks
# and their size) where the first folder is; paths that do not exist print nothing.
MAKE_AND_LOOK = r"""export LC_ALL=C; dirs=()
while IFS= read -r -d '' d && [ -n "$d" ]; do dirs+=("$d"); done
if [ ${#dirs[@]} -gt 0 ]; then printf '%s\0' "${dirs[@]}" | xargs -0 mkdir -p -- || exit 9; fi
stat -f --printf='%a %S\0' -- "${dirs[0]:-/}" 2>/dev/null || printf '\0'
xargs -0 -r stat --printf='%f\0%s\0%Y\0%.9Z-%i\0%n\0' -- 2>/dev/null; exit 0"""

# Large files one by one with openssl where it is: it uses the processor's SHA instructions, coreutils mostly do not.
# $1: from how many bytes on a file counts as large. Its output is brought into the form of sha256sum's.
DIGESTS = r"""export LC_ALL=C; small=()
have=; command -v openssl >/dev/null 2>&1 && have=1
while IFS= read -r -d '' f; do
if [ -n "$have" ] && [ -n "$(find "$f" -maxdepth 0 -type f -size +"$1"c 2>/dev/null)" ]; then
h=$(openssl dgst -sha256 -r < "$f" 2>/dev/null) && [ ${#h} -ge 64 ] || continue
n=${f//\\/\\\\}; n=${n//$'\n'/\\n}; n=${n//$'\r'/\\r}
if [ "$n" = "$f" ]; then printf '%s  %s\n' "${h:0:64}" "$f"; else printf '\\%s  %s\n' "${h:0:64}" "$n"; fi
else small+=("$f"); fi; done
[ ${#small[@]} -eq 0 ] || printf '%s\0' "${small[@]}" | xargs -0 sha256sum -- 2>/dev/null; exit 0"""
# $1: "plain" when no name needs escaping in the answer: openssl escapes them otherwise than sha256sum does.
HASHER = """if [ "$1" = plain ] && command -v openssl >/dev/null 2>&1; then h=(openssl dgst -sha256 -r)
else h=(sha256sum --); fi
"""
SMALL_DIGESTS = HASHER + r'LC_ALL=C xargs -0 -r "${h[@]}" 2>/dev/null; exit 0'
LARGE_BYTES = 32 * 1024 * 1024

_TYPE_MASK, _REGULAR, _FOLDER, _LINK = 0o170000, 0o100000, 0o040000, 0o120000


@dataclass(frozen=True)
class RemoteStat:
    """One path as ``lstat`` sees it: links are not followed. ``modified_s``: whole seconds since the epoch.

    ``stamp`` is the time of the last change of the inode, which cannot be set back, and its number.
    """

    kind: str
    bytes: int
    modified_s: int
    stamp: str = ""


def nul_joined(paths: Iterable[PurePosixPath | str]) -> bytes:
    return b"".join(encoded(path) + b"\0" for path in paths)


def encoded(path: PurePosixPath | str) -> bytes:
    """A path as bytes; names that are no UTF-8 travel as surrogates (PEP 383) and come out as they were."""
    return str(path).encode("utf-8", "surrogateescape")


def needs_escape(name: bytes) -> bool:
    """Whether ``sha256sum`` writes this name otherwise than it is."""
    return b"\\" in name or b"\n" in name or b"\r" in name


def wording(paths: Iterable[PurePosixPath | str]) -> str:
    """The first argument of scripts with ``HASHER``."""
    return "odd" if any(needs_escape(encoded(path)) for path in paths) else "plain"


def decoded(name: bytes) -> str:
    return name.decode("utf-8", "surrogateescape")


def _fields(output: bytes, width: int, what: str) -> list[tuple[bytes, ...]]:
    parts = output.split(b"\0")
    if parts[-1] != b"" or (len(parts) - 1) % width:
        raise _incomplete(f"The cluster's answer about {what} was cut short.")
    return [tuple(parts[i : i + width]) for i in range(0, len(parts) - 1, width)]


def _incomplete(message: str) -> ClusterError:
    return ClusterError(message, code="answer-incomplete", remedy="Try again.", retryable=True)


def _number(word: bytes, base: int = 10) -> int:
    """Raises ClusterError (``answer-incomplete``) for what is no size or time."""
    try:
        number = int(word.partition(b".")[0], base)
    except ValueError:
        number = -1
    if number < 0:
        raise _incomplete("The cluster's answer about files makes no sense.")
    return number


def _moment(word: bytes) -> float:
    """Seconds since the epoch, also before it; 0 for what is no time."""
    try:
        moment = float(word)
    except ValueError:
        return 0.0
    return moment if math.isfinite(moment) else 0.0


def _whole(word: bytes) -> int:
    return int(_moment(word))


def parse_tree(output: bytes) -> list[RemoteFile]:
    """Entries of ``LIST_TREE``."""
    entries = []
    for kind, size, modified, name in _fields(output, 4, "a folder"):
        word = _KINDS.get(kind.decode("ascii", "replace"), "other")
        entries.append(RemoteFile(decoded(name), word, _number(size), _moment(modified)))
    return entries


@dataclass(frozen=True)
class Look:
    """What is at some paths, and how much room there is. ``free_bytes``: ``None`` where it is not known."""

    stats: dict[str, RemoteStat]
    free_bytes: int | None


def parse_look(output: bytes) -> Look:
    """Path to what is there, from ``MAKE_AND_LOOK``; paths that do not exist are left out."""
    room, _, rest = output.partition(b"\0")
    numbers = [int(n) for n in room.split() if n.isdigit()]
    stats = {}
    for mode, size, modified, stamp, name in _fields(rest, 5, "files"):
        kind = {_REGULAR: "file", _FOLDER: "folder", _LINK: "link"}.get(_number(mode, 16) & _TYPE_MASK, "other")
        stats[decoded(name)] = RemoteStat(kind, _number(size), _whole(modified), stamp.decode("ascii", "replace"))
    return Look(stats, numbers[0] * numbers[1] if len(numbers) == 2 else None)


def parse_digests(output: bytes) -> dict[str, str]:
    """Path to sha256, from ``sha256sum``: a leading backslash marks a name with escaped newlines or backslashes.

    Between digest and name stands a space, then another or an asterisk.
    """
    digests = {}
    for line in output.split(b"\n"):
        if not line:
            continue
        escaped = line.startswith(b"\\")
        digest, _, name = line.removeprefix(b"\\").partition(b" ")
        name = name[1:]
        if escaped:
            name = _unescape(name)
        digests[decoded(name)] = digest.decode("ascii", "replace")
    return digests


def _unescape(name: bytes) -> bytes:
    pairs = {b"\\\\": b"\\", b"\\n": b"\n", b"\\r": b"\r"}
    out, i = b"", 0
    while i < len(name):
        pair = name[i : i + 2]
        if pair in pairs:
            out += pairs[pair]
            i += 2
        else:
            out += name[i : i + 1]
            i += 1
    return out


def make_and_look_input(folders: Sequence[PurePosixPath], paths: Iterable[PurePosixPath]) -> bytes:
    return nul_joined(folders) + b"\0" + nul_joined(paths)
