"""A job's file as a stream of bytes: what a browser downloads or shows, without a copy on this computer."""

from __future__ import annotations

import contextlib
import shlex
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from namdrunner.errors import NotFoundError, TransferError
from namdrunner.remote.values import Session
from namdrunner.services.context import Context
from namdrunner.services.files import PLAIN, RESULTS, remote_path

READABLE = (*RESULTS, "input_files/", "scratch/")

_STAT = r'[ -f "$file" ] && [ ! -L "$file" ] && stat -c "%s %Y" "$file" || echo missing'
_READ = 'while read -r first count; do tail -c +$((first + 1)) -- "$1" | head -c "$count"; done'


@dataclass(frozen=True)
class FileContent:
    """A file on the cluster as it is now; ``modified_at`` in whole seconds since the epoch."""

    session: Session
    path: PurePosixPath
    name: str
    size: int
    modified_at: int

    @property
    def version(self) -> str:
        """Changes when the content does."""
        return f"{self.path}:{self.size}:{self.modified_at}"

    def read(self, first: int, end: int) -> AsyncGenerator[bytes]:
        """The bytes from ``first`` up to ``end``. Raises TransferError (``file-changed``) when there are fewer."""
        return self.read_ranges([(first, end - first)])

    async def read_ranges(self, ranges: Sequence[tuple[int, int]]) -> AsyncGenerator[bytes]:
        """The bytes of several parts (first byte, count), one after the other, by one remote command."""
        wanted = [(first, count) for first, count in ranges if count > 0]
        missing = sum(count for _, count in wanted)
        if not missing:
            return
        lines = "".join(f"{first} {count}\n" for first, count in wanted).encode()
        pieces = self.session.stream(_READ, str(self.path), stdin=lines, label=f"read {self.name}")
        async with contextlib.aclosing(pieces):
            async for piece in pieces:
                missing -= len(piece)
                yield piece
        if missing:
            raise TransferError(
                f"{self.name} became shorter while it was read.",
                code="file-changed",
                remedy="Read it again.",
                retryable=True,
            )


async def open_content(context: Context, job_id: str, name: str) -> FileContent:
    """A file of the job by the name ``files`` lists it under; inputs are below ``input_files/``.

    Raises NotFoundError (``no-such-output``) for anything else, links included, NotConnectedError.
    """
    job = context.jobs.get(job_id)
    if not (name.startswith(READABLE) or name in PLAIN):
        raise _missing(name)
    path = remote_path(context, job, name)
    session = context.session(job)
    words = (await _run(session, _STAT, path, label=f"look at {name}")).split()
    if len(words) != 2:
        raise _missing(name)
    return FileContent(session, path, PurePosixPath(name).name, int(words[0]), int(words[1]))


async def _run(session: Session, script: str, path: PurePosixPath, *, label: str) -> bytes:
    text = f"file={shlex.quote(str(path))}\n{script}\n"
    reply = await session.run("bash -s", stdin=text.encode(), timeout_s=300, check=True, label=label)
    return reply.stdout


def _missing(name: str) -> NotFoundError:
    return NotFoundError(f"The job has no file '{name}'.", code="no-such-output", remedy="See the list of its files.")
