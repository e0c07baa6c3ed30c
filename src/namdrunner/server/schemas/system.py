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


class TicketRequest(Body):
    """``page``: the path of the UI to show."""

    page: str = "/"


class OpenTicket(Answer):
    """An address that logs a browser in, once."""

    url: str
    expires_at: str


class ActivityList(Answer):
    activity: list[JsonObject]


class CheckRequest(Body):
    """``config``: absolute path of a NAMD config on the machine the server runs on."""

    config: str
    namd_version: str = "3.0"
    gpu: bool = False


class Finding(Answer):
    code: str
    severity: Literal["error", "warning", "advice"]
    message: str
    remedy: str = ""
    keyword: str | None = None
    file: str | None = None
    line: int | None = None


class CheckReport(Answer):
    ok: bool
    findings: list[Finding] = Field(default_factory=list)
    summary: JsonObject = Field(default_factory=dict)


class UploadDocument(Answer):
    """A file kept by the server until a job uses it; ``path`` can be named in a job's files."""

    id: str
    name: str
    path: str
    bytes: int
    sha256: str
