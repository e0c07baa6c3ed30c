"""Documents about the server itself."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from namdrunner.server.schemas.base import Answer, Body, JsonObject


class Ping(Answer):
    """Proof that a NAMDRunner server answers, and which."""

    pid: int
    version: str


class ConnectionDocument(Answer):
    cluster: str
    state: Literal["disconnected", "connecting", "connected", "expired"]
    since: str | None = None
    reason: str = ""
    host: str = ""
    port: int | None = None
    user: str = ""


class DatabaseDocument(Answer):
    """``set_aside``: where a damaged database was moved when the server started."""

    path: str
    bytes: int
    set_aside: str | None = None


class StatusDocument(Answer):
    """``jobs``: how many there are in each state."""

    version: str
    pid: int
    started_at: str
    uptime_s: float
    connections: list[ConnectionDocument] = Field(default_factory=list)
    jobs: dict[str, int] = Field(default_factory=dict)
    active_jobs: int = 0
    tasks_running: int = 0
    prompts_pending: int = 0
    database: DatabaseDocument | None = None


class UploadsUse(Answer):
    """Files kept for jobs and drafts; ``unfinished`` ones are there only in part."""

    path: str
    bytes: int
    files: int
    unfinished: int


class StorageDocument(Answer):
    """``backups``: paths, oldest first."""

    path: str
    bytes: int
    jobs: int
    clusters: int
    backups: list[str] = Field(default_factory=list)
    set_aside: str | None = None
    uploads: UploadsUse | None = None


class UploadsCleared(Answer):
    """``freed``: bytes."""

    freed: int


class Backup(Answer):
    """``backup``: the path of the copy."""

    backup: str
    bytes: int


class JobsForgotten(Answer):
    """``previous``: the backup that was made before."""

    forgotten: int
    previous: str


class RestoreRequest(Body):
    """``backup``: absolute path of a backup."""

    backup: str


class Restored(Answer):
    """``previous``: where the database that was replaced is kept."""

    restored: str = ""
    previous: str


class TicketRequest(Body):
    """``page``: the path of the UI to show."""

    page: str = "/"


class OpenTicket(Answer):
    """An address that logs a browser in, once."""

    url: str
    expires_at: str


class ActivityList(Answer):
    activity: list[JsonObject]


class ConnectionLimits(Answer):
    """``available`` of ``burst`` requests can go out at once, then ``requests_per_s``; ``waiting`` of at most
    ``queue_depth`` wait for their turn. ``sessions`` of ``sessions_allowed`` are in use. ``shared``: requests that were
    spared because the same one was under way.
    """

    cluster: str
    requests_per_s: float
    burst: int
    available: int
    waiting: int
    queue_depth: int
    sessions: int = 0
    sessions_of_transfers: int = 0
    sessions_allowed: int = 0
    sessions_configured: int = 0
    shared: int = 0
    in_flight: int = 0
    transferred_bytes: int = 0
    bytes_per_s: float | None = None


class LimitsList(Answer):
    limits: list[ConnectionLimits]


class CheckRequest(Body):
    """``config``: absolute path of a NAMD config on the machine the server runs on.

    ``cluster`` with ``partition`` or ``recipe``: by the rules of the NAMD that is started there, as far as
    ``namd_version`` and ``gpu`` are not given. Without any of them: 3.0 on processors.
    """

    config: str
    namd_version: str | None = None
    gpu: bool | None = None
    cluster: str | None = None
    partition: str | None = None
    recipe: str | None = None


class Fix(Answer):
    """A change that a corrected copy would make: ``set``, ``remove``, ``rename`` or ``insert`` a keyword."""

    action: Literal["set", "remove", "rename", "insert"]
    keyword: str
    value: str = ""


class Finding(Answer):
    code: str
    severity: Literal["error", "warning", "advice"]
    message: str
    remedy: str = ""
    keyword: str | None = None
    file: str | None = None
    line: int | None = None
    fixable: bool = False
    fix: Fix | None = None


class CheckedFile(Answer):
    role: str
    path: str
    bytes: int | None = None


class CheckSummary(Answer):
    """The simulation in numbers, ``None`` where it is not known; ``charge`` in e, ``cell`` in angstrom."""

    atoms: int | None = None
    charge: float | None = None
    cell: list[list[float]] | None = None
    ensemble: str | None = None
    steps: int | None = None
    simulated_ns: float | None = None
    gpu_mode: str | None = None
    gpu_reason: str | None = None
    output_bytes: int | None = None
    files: list[CheckedFile] = Field(default_factory=list)


class CheckReport(Answer):
    ok: bool
    findings: list[Finding]
    summary: CheckSummary


class CorrectedCopy(Answer):
    """``config``: path of the copy; ``fixed``: how many findings it takes care of."""

    config: str
    fixed: int


class UploadDocument(Answer):
    """A file kept by the server until a job uses it; ``path`` can be named in a job's files."""

    id: str
    name: str
    path: str
    bytes: int
    sha256: str
