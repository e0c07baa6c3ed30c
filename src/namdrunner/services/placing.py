"""New jobs put on the cluster together: one tar stream in which each content is once, one command that unpacks it.

Whole folders appear at once, by a rename, after all was verified: a job is there with all its files, or not at all.
"""

from __future__ import annotations

import asyncio
import hashlib
import secrets
from collections.abc import Mapping, Sequence
from pathlib import PurePosixPath

from namdrunner.remote.listing import encoded, needs_escape
from namdrunner.remote.shell import bash
from namdrunner.remote.transfer import tarstream
from namdrunner.remote.values import Session, UploadItem

MOST_BYTES = 4 * 1024 * 1024
"""Of one stream; more is worth a transfer of its own, which can be resumed."""
MOST_JOBS = 100
"""In one stream."""

_MANIFEST = b".manifest"
# $1: the folder of the jobs, $2: a name of our own. What an interrupted command left there goes after a day.
_UNPACK = r"""export LC_ALL=C; umask 022
mkdir -p -- "$1" && cd -- "$1" || exit 3
find . -maxdepth 1 -name '.new-*' -mmin +1440 -exec rm -rf {} +
trap 'rm -rf -- "$1/$2"' EXIT
mkdir -- "$2" && cd -- "$2" && tar -x -m -P -f - || exit 3
sha256sum --quiet -c .manifest >&2 || exit 4
rm -f .manifest
for d in *; do [ -e "../$d" ] && exit 5; done
mv -t .. -- * || exit 6
"""

Job = Sequence[UploadItem]
"""The files of one job; the first one lies directly in its folder."""
Known = Mapping[str, Sequence[PurePosixPath]]
"""sha256 to places on the cluster that are said to hold that content: verified before they are used."""


async def place(session: Session, jobs: Sequence[Job], known: Known) -> bool:
    """Put the folders of new jobs in place; False, and nothing is there, when this is not the way for them.

    Content that is large, folders that exist, file systems without hard links: the ordinary upload deals with those,
    and says what is wrong where something is.
    """
    if len(jobs) > MOST_JOBS or not _placeable(jobs):
        return False
    stream = await asyncio.to_thread(_stream, jobs, known)
    if stream is None:
        return False
    parent = _folder(jobs[0]).parent
    label = "upload of a job" if len(jobs) == 1 else f"upload of {len(jobs)} jobs"
    name = f".new-{secrets.token_hex(8)}"
    reply = await session.run(bash(_UNPACK, str(parent), name), stdin=stream, timeout_s=600, label=label)
    return reply.exit_status == 0


def _folder(job: Job) -> PurePosixPath:
    return job[0].target.parent


def _placeable(jobs: Sequence[Job]) -> bool:
    parents = {_folder(job).parent for job in jobs}
    names = (encoded(item.target) for job in jobs for item in job)
    if any(not item.target.is_relative_to(_folder(job)) for job in jobs for item in job):
        return False  # the files of a chain lie beside the job
    return len(parents) == 1 and not any(needs_escape(name) for name in names)


def _stream(jobs: Sequence[Job], known: Known) -> bytes | None:
    """The tar stream, its manifest last; ``None`` when it would be too long, or a file is not what it was."""
    parts: list[bytes] = []
    left = MOST_BYTES
    first: dict[str, bytes] = {}
    manifest: list[bytes] = []
    for job in jobs:
        folder = _folder(job)
        parts += [tarstream.folder(encoded(f"{folder.name}/{own}")) for own in ("logs", "outputs")]
        for item in job:
            name = encoded(item.target.relative_to(folder.parent))
            origin = _origin(item, first, known)
            if origin is not None:
                parts.append(tarstream.link(name, origin))
                if origin.startswith(b"/"):
                    first[item.sha256 or ""] = name
                    manifest.append(_line(item.sha256 or "", name))
                continue
            content = _content(item, left)
            if content is None:
                return None
            digest = hashlib.sha256(content).hexdigest()
            if item.sha256 not in (None, digest):
                return None
            left -= len(content)
            parts.append(tarstream.entry(name, content))
            first[digest] = name
            manifest.append(_line(digest, name))
    parts.append(tarstream.entry(_MANIFEST, b"".join(manifest)))
    return b"".join((*parts, tarstream.END))


def _origin(item: UploadItem, first: Mapping[str, bytes], known: Known) -> bytes | None:
    """Where the content of an input is already: in this stream, or on the cluster."""
    if item.sha256 is None:
        return None
    if item.sha256 in first:
        return first[item.sha256]
    return next((encoded(path) for path in known.get(item.sha256, ()) if path != item.target), None)


def _content(item: UploadItem, most: int) -> bytes | None:
    if isinstance(item.source, bytes):
        return item.source if len(item.source) <= most else None
    try:
        with item.source.open("rb") as file:
            content = file.read(most + 1)
    except OSError:
        return None
    return content if len(content) <= most else None


def _line(digest: str, name: bytes) -> bytes:
    return digest.encode() + b" *" + name + b"\n"
