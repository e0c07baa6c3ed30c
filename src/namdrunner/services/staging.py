"""The staging store: files a browser hands over, whole or in parts, kept on this computer until jobs have used them."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import json
import logging
import os
import re
import secrets
import shutil
import threading
import time
from collections.abc import Collection, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from namdrunner.errors import ConflictError, InputError, NotFoundError
from namdrunner.jobs.state import JobState
from namdrunner.store.jobs import JobQuery, JobRepository

log = logging.getLogger(__name__)

RESERVE_BYTES = 512 * 1024**2
"""What stays free on the disk, so that the database can still be written."""

UNFINISHED_DAYS = 3.0
"""How long the beginning of a file waits for its rest."""

KEPT_DAYS = 14.0
"""How long a whole file is kept after it came: duplicates of a job and drafts use it again."""

_INCOMING = "incoming"


@dataclass(frozen=True)
class Incoming:
    """A file of which ``received`` of ``bytes`` are here. ``modified_ms``: when the original was last changed."""

    id: str
    name: str
    bytes: int
    modified_ms: int = 0
    into: str = ""
    received: int = 0


@dataclass(frozen=True)
class StagedFile:
    """A whole file; ``id`` is that of the upload, which may hold several files of one folder."""

    id: str
    name: str
    path: str
    bytes: int
    sha256: str


@dataclass(frozen=True)
class StagingUse:
    """What the store takes on the disk; ``unfinished`` of the ``files`` are not whole."""

    path: str
    bytes: int
    files: int
    unfinished: int


class StagingStore:
    """Files below ``folder``: whole ones in ``{upload id}/{name}``, unfinished ones apart from them."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._writers: dict[str, Writer] = {}
        self._lock = threading.Lock()

    # -- files in parts --------------------------------------------------------------------------------------

    def begin(self, name: str, size: int, modified_ms: int = 0, into: str = "") -> Incoming:
        """The place for a file; the one that exists where the same file was begun before and broken off.

        ``modified_ms`` below zero: never go on with another one.
        Raises InputError (``file-name-invalid``, ``local-disk-full``), NotFoundError, ConflictError (``file-exists``).
        """
        _check_name(name)
        if into:
            self._upload_folder(into)
        wanted = (name, size, modified_ms, into)
        for old in self.incoming() if modified_ms >= 0 else ():
            if (old.name, old.bytes, old.modified_ms, old.into) == wanted and not self._busy(old.id):
                _check_space(self._folder, size - old.received)
                return old
        new = Incoming(secrets.token_hex(8), name, size, modified_ms, into)
        folder = self._incoming / new.id
        folder.mkdir(parents=True, mode=0o700)
        try:
            _check_space(folder, size)
            (folder / "data").touch(mode=0o600)
            (folder / "about.json").write_text(json.dumps(asdict(new)), encoding="utf-8")
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise
        return new

    def incoming(self) -> list[Incoming]:
        """Every unfinished file, the newest last."""
        folders = self._incoming.iterdir() if self._incoming.is_dir() else ()
        known = [(_modified(folder), one) for folder in folders if (one := _read(folder))]
        return [one for _, one in sorted(known, key=lambda pair: pair[0])]

    def about(self, incoming_id: str) -> Incoming:
        """One of them. Raises NotFoundError (``upload-not-found``)."""
        found = _read(self._incoming / _checked(incoming_id))
        if found is None:
            raise _no_upload(incoming_id)
        return found

    def writer(self, incoming_id: str, offset: int) -> Writer:
        """For the bytes from ``offset`` on, which has to be where the last ones ended; takes over from another one.

        Raises NotFoundError (``upload-not-found``), ConflictError (``upload-offset``, with ``received`` as context).
        """
        with self._lock:
            if (before := self._writers.get(incoming_id)) is not None:
                before.close()
            about = self.about(incoming_id)
            here = about.received
            if offset != here:
                raise ConflictError(
                    f"The next byte of {about.name} is number {here}, not {offset}.",
                    code="upload-offset",
                    remedy="Go on from there.",
                    retryable=True,
                    context={"received": here},
                )
            writer = Writer(self._incoming / incoming_id / "data", about, before)
            self._writers[incoming_id] = writer
            return writer

    def finish(self, incoming_id: str) -> StagedFile:
        """Put a file that is all here in its place. Raises ConflictError (``upload-incomplete``, ``file-exists``)."""
        about = self.about(incoming_id)
        writer = self._writers.get(incoming_id)
        if writer is not None:
            writer.close()
        if about.received != about.bytes:
            raise ConflictError(
                f"{about.received} of {about.bytes} bytes of {about.name} are here.",
                code="upload-incomplete",
                remedy="Send the rest.",
                retryable=True,
                context={"received": about.received},
            )
        data = self._incoming / incoming_id / "data"
        digest = writer.digest() if writer else None
        if digest is None:
            with data.open("rb") as stream:
                digest = hashlib.file_digest(stream, "sha256").hexdigest()
        upload_id, target = self._place(about.name, about.into, incoming_id)
        data.replace(target)
        self.drop(incoming_id)
        return StagedFile(upload_id, about.name, str(target), about.bytes, digest)

    def drop(self, incoming_id: str) -> None:
        """Forget an unfinished file."""
        folder = self._incoming / _checked(incoming_id)
        if not folder.is_dir():
            raise _no_upload(incoming_id)
        with self._lock:
            writer = self._writers.pop(incoming_id, None)
        if writer is not None:
            writer.close()
        shutil.rmtree(folder, ignore_errors=True)

    # -- whole files -----------------------------------------------------------------------------------------

    def remove(self, upload_id: str) -> None:
        """Throw an upload away. Raises NotFoundError (``upload-not-found``)."""
        shutil.rmtree(self._upload_folder(upload_id))

    def describe(self) -> StagingUse:
        sizes = [size for _, size in _files(self._folder)]
        unfinished = self.incoming()
        return StagingUse(str(self._folder), sum(sizes), len(sizes) - len(unfinished), len(unfinished))

    def sweep(self, in_use: Collection[Path] = (), *, now: float | None = None) -> int:
        """Remove what nobody came back for; files ``in_use`` stay, with all of their upload. Returns bytes freed."""
        at = time.time() if now is None else now
        freed = self._remove(in_use, at - KEPT_DAYS * 86400, at - UNFINISHED_DAYS * 86400)
        if freed:
            log.info("%d bytes of old uploads were removed", freed)
        return freed

    def clear(self, in_use: Collection[Path] = ()) -> int:
        """Remove all that is not ``in_use`` nor just being written. Returns bytes freed."""
        return self._remove(in_use, float("inf"), float("inf"))

    def _remove(self, in_use: Collection[Path], whole_before: float, parts_before: float) -> int:
        used = {str(path) for path in in_use}
        doomed = []
        for folder in self._uploads():
            paths = [path for path, _ in _files(folder)]
            if max(map(_modified, [folder, *paths])) < whole_before and not used.intersection(map(str, paths)):
                doomed.append(folder)
        for folder in self._incoming.iterdir() if self._incoming.is_dir() else ():
            if max(_modified(folder), _modified(folder / "data")) < parts_before and not self._busy(folder.name):
                doomed.append(folder)
        freed = sum(size for folder in doomed for _, size in _files(folder))
        for folder in doomed:
            shutil.rmtree(folder, ignore_errors=True)
        return freed

    # -- places ----------------------------------------------------------------------------------------------

    def _busy(self, incoming_id: str) -> bool:
        writer = self._writers.get(incoming_id)
        return writer is not None and not writer.closed

    @property
    def _incoming(self) -> Path:
        return self._folder / _INCOMING

    def _uploads(self) -> Iterator[Path]:
        if self._folder.is_dir():
            yield from (path for path in self._folder.iterdir() if re.fullmatch(r"[0-9a-f]{16}", path.name))

    def _upload_folder(self, upload_id: str) -> Path:
        folder = self._folder / _checked(upload_id)
        if not folder.is_dir():
            raise _no_upload(upload_id)
        return folder

    def _place(self, name: str, into: str, otherwise: str) -> tuple[str, Path]:
        """Id of the upload and the path of the file in it, its folder made."""
        folder = self._upload_folder(into) if into else self._folder / otherwise
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        target = folder.joinpath(*name.split("/"))
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
        except (FileExistsError, NotADirectoryError):
            raise _same_name() from None
        if target.is_dir():
            raise _same_name()
        return folder.name, target


def sources_in_use(jobs: JobRepository) -> set[Path]:
    """Files on this computer that have still to be uploaded to a cluster."""
    waiting = (JobState.CREATED, JobState.UPLOADING)
    found, _ = jobs.page(JobQuery(states=waiting, limit=10_000))
    return {Path(file.source) for job in found for file in job.record.inputs if file.source}


class Writer:
    """Appends to one unfinished file; closed by whoever comes after it, even while it waits for bytes."""

    def __init__(self, path: Path, about: Incoming, before: Writer | None) -> None:
        self._about = about
        self._lock = threading.Lock()
        self.closed = False
        self.received: int = about.received
        self._digest: hashlib._Hash | None = hashlib.sha256() if about.received == 0 else None
        if before is not None and before.received == about.received:
            self._digest = before._digest
        # Unbuffered: what was not written on a full disk must not be tried again when it is closed.
        self._stream = path.open("ab", buffering=0)

    def write(self, chunk: bytes) -> None:
        """Raises ConflictError (``upload-taken-over``), InputError (``upload-too-long``, ``local-disk-full``)."""
        with self._lock:
            if self.closed:
                raise ConflictError(
                    f"{self._about.name} is being sent a second time.",
                    code="upload-taken-over",
                    remedy="Nothing to do.",
                )
            if self.received + len(chunk) > self._about.bytes:
                raise InputError(
                    f"{self._about.name} turned out longer than it was said to be.",
                    code="upload-too-long",
                    remedy="Choose the file again; it changed meanwhile.",
                )
            view = memoryview(chunk)
            try:
                while view:
                    view = view[self._stream.write(view) :]
            except OSError as error:
                if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
                    raise disk_full() from error
                raise
            self.received += len(chunk)
            if self._digest is not None:
                self._digest.update(chunk)

    def close(self) -> None:
        with self._lock, contextlib.suppress(OSError):
            self.closed = True
            self._stream.close()

    def digest(self) -> str | None:
        """sha256 of the whole file, where every byte of it passed through here."""
        whole = self.received == self._about.bytes
        return self._digest.hexdigest() if self._digest is not None and whole else None


def _read(folder: Path) -> Incoming | None:
    try:
        about = Incoming(**json.loads((folder / "about.json").read_text(encoding="utf-8")))
        received = (folder / "data").stat().st_size
    except (OSError, ValueError, TypeError):
        return None
    return Incoming(**{**asdict(about), "received": received})


def _files(folder: Path) -> Iterator[tuple[Path, int]]:
    """What people sent, with sizes; nothing of our own."""
    for root, _, names in os.walk(folder):
        for name in names:
            path = Path(root) / name
            if name == "about.json" and path.parent.parent.name == _INCOMING:
                continue
            with contextlib.suppress(OSError):
                yield path, path.stat().st_size


def _modified(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:
        return 0.0


def _checked(identifier: str) -> str:
    if not re.fullmatch(r"[0-9a-f]{16}", identifier):
        raise _no_upload(identifier)
    return identifier


def _check_name(name: str) -> None:
    """A relative path of ordinary names."""
    for part in name.split("/"):
        if not part or len(part.encode()) > 255 or part in (".", "..") or re.search(r'[\\:\x00-\x1f\x7f<>"|?*]', part):
            raise InputError(
                "The name of the file has characters that no folder can hold.",
                code="file-name-invalid",
                remedy="Rename the file and upload it again.",
            )


def _check_space(folder: Path, needed: int) -> None:
    if shutil.disk_usage(folder).free < needed + RESERVE_BYTES:
        raise disk_full()


def disk_full() -> InputError:
    return InputError(
        "There is not enough room on this computer for the file.",
        code="local-disk-full",
        remedy="Free some space and try again, or name the file by its path: it is then not copied here.",
    )


def _same_name() -> ConflictError:
    return ConflictError(
        "A file and a folder of the upload have the same name.",
        code="file-exists",
        remedy="Rename one of them and upload them again.",
    )


def _no_upload(upload_id: str) -> NotFoundError:
    return NotFoundError(
        f"There is no upload '{upload_id}'.",
        code="upload-not-found",
        remedy="Choose the file again; uploads are thrown away when they are old.",
    )
