"""What passes between a cluster connection and those who use it: plain values and two small protocols."""

from __future__ import annotations

import enum
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from namdrunner.remote.transfer.control import TransferControl


class ConnectionState(enum.Enum):
    """Where a connection stands. ``EXPIRED``: it was connected and went away; a person has to act."""

    DISCONNECTED = "disconnected"
    CONNECTING = "connecting"
    CONNECTED = "connected"
    EXPIRED = "expired"


@dataclass(frozen=True)
class ConnectionSpec:
    """How to reach one cluster. Fields left ``None`` are taken from ``~/.ssh/config``, then SSH's defaults."""

    cluster: str
    host: str
    port: int | None = None
    user: str | None = None
    identity_file: Path | None = None
    known_hosts: Path | None = None
    """Our own known_hosts, which is written; the user's is only read."""
    ssh_config: Path | None = None
    """``None``: the user's own ``~/.ssh/config`` where it exists."""
    use_agent: bool = True


@dataclass(frozen=True)
class ConnectionStatus:
    cluster: str
    state: ConnectionState
    since: float
    """Seconds since the epoch, UTC."""
    reason: str = ""
    host: str = ""
    port: int = 22
    user: str = ""


class PromptKind(enum.Enum):
    PASSWORD = "password"
    PASSPHRASE = "passphrase"
    KEYBOARD_INTERACTIVE = "keyboard-interactive"
    HOST_KEY = "host-key"


@dataclass(frozen=True)
class PromptField:
    """One line to be filled in; ``echo`` is what the server asked for (False: a secret)."""

    text: str
    echo: bool = False


@dataclass(frozen=True)
class Prompt:
    """A question that only a person can answer, in the server's own words (control characters removed).

    ``HOST_KEY`` prompts have one echoing field answered ``yes`` or ``no``; ``details`` then holds
    ``host``, ``algorithm`` and ``fingerprint`` (SHA256:...).
    """

    cluster: str
    kind: PromptKind
    title: str
    instructions: str = ""
    fields: tuple[PromptField, ...] = ()
    details: dict[str, str] = field(default_factory=dict)


class Prompter(Protocol):
    """Who can ask the person. ``None`` means the person declined; the connection then fails."""

    async def ask(self, prompt: Prompt) -> Sequence[str] | None: ...


@dataclass(frozen=True)
class CommandResult:
    """A remote command that ended. ``stdout`` and ``stderr`` are the bytes as sent."""

    command: str
    exit_status: int
    stdout: bytes
    stderr: bytes
    duration_s: float

    @property
    def text(self) -> str:
        return self.stdout.decode("utf-8", errors="replace")

    @property
    def error_text(self) -> str:
        return self.stderr.decode("utf-8", errors="replace")


@dataclass(frozen=True)
class UploadItem:
    """A local file (``source``: path) or small content (``source``: bytes), and where it goes (absolute)."""

    source: Path | bytes
    target: PurePosixPath
    sha256: str | None = None
    """Known digest of the source; computed while sending when ``None``."""


@dataclass(frozen=True)
class DownloadItem:
    source: PurePosixPath
    target: Path
    bytes: int | None = None
    sha256: str | None = None


@dataclass(frozen=True)
class TransferredFile:
    """A file that arrived whole: verified by size and sha256 on both ends."""

    source: str
    target: str
    bytes: int
    sha256: str
    skipped: bool = False
    """True where the same bytes were there already and nothing was sent."""


@dataclass(frozen=True)
class TransferProgress:
    file: str
    file_bytes: int
    file_total: int
    bytes: int
    total: int
    files: int
    files_total: int
    rate_bytes_per_s: float = 0.0
    eta_s: float | None = None


@dataclass(frozen=True)
class TransferPlan:
    """What a transfer would do, before it moves a byte. Names are those of the targets."""

    new: tuple[str, ...]
    changed: tuple[str, ...]
    """There with other content: replaced."""
    present: tuple[str, ...]
    """There already, by sha256."""
    bytes_to_send: int
    bytes: int
    free_bytes: int | None = None
    """Room at the target, where known; quotas are not counted in."""


@dataclass(frozen=True)
class RemoteFile:
    """One entry of a listing; ``path`` is relative to the listed folder. ``kind``: file, folder, link, other."""

    path: str
    kind: str
    bytes: int
    modified_at: float


@dataclass(frozen=True)
class CommandEvent:
    """What the Logs panel shows of one remote command or transfer; never a secret."""

    cluster: str
    at: float
    what: str
    duration_s: float
    exit_status: int | None
    error: str = ""


ProgressCallback = Callable[[TransferProgress], None]


class Session(Protocol):
    """One authenticated connection to a cluster, as the services use it.

    Every method raises errors of ``namdrunner.errors``: ``NotConnectedError``, ``ConnectionFailedError`` when
    the connection goes away meanwhile, ``CommandTimeoutError``, ``QuotaError``, ``TransferError``, ``BusyError``.
    """

    @property
    def cluster(self) -> str: ...

    async def run(
        self,
        command: str,
        *,
        timeout_s: float = 60.0,
        stdin: bytes | None = None,
        check: bool = False,
        max_output_bytes: int = 64 * 1024 * 1024,
        label: str = "",
        idempotent: bool = False,
    ) -> CommandResult:
        """Run one shell command (given to the remote user's shell as is; callers quote).

        ``idempotent``: the command changes nothing (squeue, cat): identical ones in flight or within a second share
        one answer, and it is asked again when the connection broke and came back by itself. Never for sbatch.

        ``check``: a non-zero exit raises ``CommandError`` with the command's own words. ``label`` is what logs
        show in place of a long command.
        """
        ...

    def stream(self, script: str, *arguments: str, stdin: bytes = b"", label: str = "") -> AsyncGenerator[bytes]:
        """What a bash script (``$1``... are ``arguments``) writes, in pieces as they come, however much it is.

        It counts as a transfer. A reader that stops early ends the script.
        """
        ...

    async def upload(
        self,
        items: Sequence[UploadItem],
        *,
        progress: ProgressCallback | None = None,
        control: TransferControl | None = None,
        elsewhere: Mapping[str, Sequence[PurePosixPath]] | None = None,
    ) -> list[TransferredFile]:
        """Send files; parent folders are made. A file of the same size and sha256 that is there is skipped.

        ``control`` pauses, resumes and cancels; what was sent stays as ``.part`` and is taken up again next time.
        ``elsewhere`` (sha256 to paths on the cluster) names copies that are linked or copied there instead of sent.
        A broken connection that comes back by itself is waited for.
        """
        ...

    async def download(
        self,
        items: Sequence[DownloadItem],
        *,
        progress: ProgressCallback | None = None,
        control: TransferControl | None = None,
    ) -> list[TransferredFile]:
        """Fetch files to ``.part`` beside the target, verify by size and sha256, rename atomically, resume.

        Links are refused (``not-a-file``), never followed.
        """
        ...

    async def plan_upload(self, items: Sequence[UploadItem]) -> TransferPlan:
        """What ``upload`` would do with ``items``; makes the parent folders and nothing else."""
        ...

    @property
    def transferred_bytes(self) -> int:
        """File contents sent and received so far; what was there already is not counted."""
        ...

    def limit_bandwidth(self, bytes_per_s: float | None) -> None:
        """Bytes per second that all transfers of this cluster share from now on; ``None``: as fast as it goes."""
        ...

    def limits(self) -> dict[str, Any]:
        """Budget, queue and sessions of this cluster, for the Logs panel and ``status``."""
        ...

    async def list_tree(self, root: PurePosixPath, *, max_entries: int = 100_000) -> list[RemoteFile]:
        """All entries below ``root`` in one round trip; an empty list when it does not exist."""
        ...
