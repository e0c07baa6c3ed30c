"""``server.json``: how a client finds the running server, and how it knows that it really is one."""

from __future__ import annotations

import json
import os
import secrets
import time
from dataclasses import asdict, dataclass
from pathlib import Path

from namdrunner.paths import Folders


@dataclass(frozen=True)
class ServerFile:
    """One running server. ``started_at``: seconds since the epoch; ``token``: the secret every request carries."""

    pid: int
    port: int
    token: str
    version: str
    started_at: float

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def __repr__(self) -> str:
        return f"ServerFile(pid={self.pid}, port={self.port}, version={self.version!r})"

    def write(self, path: Path) -> None:
        """Atomically, readable by the owner only from the first byte on."""
        temporary = path.with_name(f".{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
        descriptor = os.open(temporary, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
        try:
            with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
                json.dump(asdict(self), stream)
                stream.flush()
                os.fsync(stream.fileno())
            temporary.replace(path)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise

    def remove(self, path: Path) -> None:
        """Only where it is still ours: a newer server may have written its own meanwhile."""
        if read_server_file(path) == self:
            path.unlink(missing_ok=True)


def read_server_file(path: Path) -> ServerFile | None:
    """``None`` when the file is absent, damaged, or belongs to somebody else."""
    try:
        if os.name == "posix" and path.stat().st_uid != os.getuid():
            return None
        document = json.loads(path.read_text(encoding="utf-8"))
        return ServerFile(
            pid=int(document["pid"]),
            port=int(document["port"]),
            token=str(document["token"]),
            version=str(document["version"]),
            started_at=float(document["started_at"]),
        )
    except (OSError, ValueError, KeyError, TypeError):
        return None


def process_alive(pid: int) -> bool:
    if pid <= 0:
        return False
    import psutil  # only when a server does not answer: it costs 20 ms

    return bool(psutil.pid_exists(pid))


def find_server(folders: Folders, *, timeout_s: float = 3.0) -> ServerFile | None:
    """The server that answers for these folders with its own token; ``None`` when there is none.

    A file left behind by a crash is told apart by asking: nobody listens, or another program took the port.
    Raises ConnectionFailedError (``server-not-answering``) when the process lives and holds the port but is silent.
    """
    found = read_server_file(folders.server_file)
    if found is None:
        return None
    from namdrunner.client.transport import answers_as

    return found if answers_as(found, timeout_s=timeout_s) else None


def wait_until_gone(server: ServerFile, *, timeout_s: float = 20.0) -> bool:
    """True once the process has ended."""
    end = time.monotonic() + timeout_s
    while time.monotonic() < end:
        if not process_running(server.pid):
            return True
        time.sleep(0.05)
    return False


def process_running(pid: int) -> bool:
    """Like process_alive, but a child that ended and was not yet reaped counts as gone."""
    import psutil

    try:
        return bool(psutil.Process(pid).status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False
    except psutil.AccessDenied:
        return True
