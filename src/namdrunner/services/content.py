"""A job's file as a stream of bytes: what a browser downloads or shows, without a copy on this computer."""

from __future__ import annotations

import shlex
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import PurePosixPath

from namdrunner.errors import NotFoundError, TransferError
from namdrunner.remote.values import Session
from namdrunner.services.context import Context
from namdrunner.services.files import PLAIN, RESULTS, remote_path

PIECE_BYTES = 4 * 1024 * 1024
"""Read with one command each, so that a large file needs little memory here."""

READABLE = (*RESULTS, "input_files/", "scratch/")

_STAT = r'[ -f "$file" ] && [ ! -L "$file" ] && stat -c "%s %Y" "$file" || echo missing'
_READ = r'tail -c +$((first + 1)) "$file" | head -c "$length"'


@dataclass(frozen=True)
class FileContent:
    """A file on the cluster as it is now; ``modified_at`` in whole seconds since the epoch."""

    session: Session
    path: PurePosixPath
    name: str
    size: int
    modified_at: int

    async def read(self, first: int, end: int) -> AsyncIterator[bytes]:
        """The bytes from ``first`` up to ``end``. Raises TransferError (``file-changed``) when there are fewer."""
        while first < end:
            length = min(PIECE_BYTES, end - first)
            reply = await _run(self.session, _READ, self.path, first=first, length=length, label=f"read {self.name}")
            if len(reply) != length:
                raise TransferError(
                    f"{self.name} became shorter while it was read.",
                    code="file-changed",
                    remedy="Read it again.",
                    retryable=True,
                )
            yield reply
            first += length


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


async def _run(session: Session, script: str, path: PurePosixPath, *, label: str, **numbers: int) -> bytes:
    values = "".join(f"{key}={value}\n" for key, value in numbers.items())
    text = f"file={shlex.quote(str(path))}\n{values}{script}\n"
    reply = await session.run("bash -s", stdin=text.encode(), timeout_s=300, check=True, label=label)
    return reply.stdout


def _missing(name: str) -> NotFoundError:
    return NotFoundError(f"The job has no file '{name}'.", code="no-such-output", remedy="See the list of its files.")
