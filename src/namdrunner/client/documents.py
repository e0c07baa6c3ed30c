"""The documents the API speaks, for type checkers: plain dictionaries at run time, as the JSON contract has them.

Times are RFC 3339 in UTC, sizes bytes, durations seconds.
"""

from __future__ import annotations

from typing import Any, Literal, TypedDict

JsonObject = dict[str, Any]
ConnectionStateName = Literal["disconnected", "connecting", "connected", "expired"]
TaskStateName = Literal["running", "done", "failed", "cancelled"]


class ErrorDocument(TypedDict):
    code: str
    kind: str
    message: str
    remedy: str
    retryable: bool
    context: JsonObject


class ClusterDocument(TypedDict):
    name: str
    host: str
    port: int | None
    user: str | None
    identity_file: str | None
    profile: str
    project_root: str
    scratch_root: str
    state: ConnectionStateName
    since: str | None
    reason: str
    profile_checked: str
    partitions: list[JsonObject]
    qos: list[JsonObject]
    presets: list[JsonObject]
    purge_days: int | None
    drift: list[JsonObject]


class Check(TypedDict):
    name: str
    ok: bool
    message: str
    remedy: str


class CheckList(TypedDict):
    checks: list[Check]
    ok: bool


class Progress(TypedDict):
    step: int | None
    target_step: int | None
    ns_per_day: float | None
    eta_s: float | None


class InputDocument(TypedDict):
    name: str
    bytes: int
    sha256: str
    role: str
    source: str


class OutputDocument(TypedDict):
    name: str
    bytes: int
    modified_at: str | None
    sha256: str | None


class JobSummary(TypedDict):
    """A row of ``job list``."""

    id: str
    name: str
    cluster: str
    status: str
    reason: str
    queue_reason: str
    stale: str
    slurm_ids: list[str]
    template: str | None
    created_at: str
    submitted_at: str | None
    started_at: str | None
    ended_at: str | None
    walltime_s: int | None
    progress: Progress
    synced_at: str | None
    parent: str | None


class JobDocument(JobSummary):
    """``job show``."""

    values: JsonObject
    resources: JsonObject
    recipe: str
    exit_code: int | None
    remedy: str
    evidence: list[JsonObject]
    diagnosis: list[JsonObject]
    inputs: list[InputDocument]
    outputs: list[OutputDocument]
    children: list[str]
    project_dir: str
    scratch_dir: str
    run: JsonObject
    timeline: list[JsonObject]
    last_energies: dict[str, float]
    warnings: list[JsonObject]
    continuation: JsonObject | None
    chain: JsonObject | None
    cancel_requested_at: str | None
    deleting: bool


class JobList(TypedDict):
    jobs: list[JobSummary]
    total: int


class JobFiles(TypedDict):
    """``live``: the outputs were listed on the cluster just now; else they are as last seen.

    ``local``: names of those of which an unchanged copy is on this computer.
    """

    inputs: list[InputDocument]
    outputs: list[OutputDocument]
    live: bool
    local: list[str]


class LogText(TypedDict):
    text: str
    start: int
    offset: int
    bytes: int
    complete: bool


class Energies(TypedDict):
    columns: list[str]
    rows: list[list[float | None]]
    lowest: list[list[float | None]] | None
    highest: list[list[float | None]] | None
    total_rows: int
    complete: bool


class JobScript(TypedDict):
    config: str
    script: str


class ClusterNamd(TypedDict):
    recipe: str
    namd_version: str
    gpu: bool
    looked: bool
    findings: list[JsonObject]


class FreeSpace(TypedDict):
    root: str
    bytes: int


class Forecast(TypedDict):
    """What a job will take; ``None`` where nothing comparable was measured."""

    output_bytes: int | None
    free: list[FreeSpace]
    ns_per_day: float | None
    ns_per_day_low: float | None
    ns_per_day_high: float | None
    extrapolated: bool
    basis: str
    basis_jobs: list[str]
    run_time_s: float | None
    walltime_s: float | None
    memory_bytes: int | None
    memory_basis: str
    service_units: float | None
    service_units_most: float | None
    service_units_basis: str


class DryRun(TypedDict):
    """What ``job create`` would send, before anything is sent."""

    id: str
    config: str
    script: str
    files: list[JsonObject]
    on_cluster: list[str]
    findings: list[JsonObject]
    summary: JsonObject
    forecast: Forecast
    project_dir: str
    scratch_dir: str
    run: JsonObject
    resources: JsonObject


class TaskProgress(TypedDict):
    bytes: int
    total: int
    files: int
    files_total: int
    file: str
    rate_bytes_per_s: float
    eta_s: float | None


class TaskDocument(TypedDict):
    id: str
    kind: str
    job: str | None
    cluster: str | None
    state: TaskStateName
    pausable: bool
    paused: bool
    message: str
    progress: TaskProgress | None
    error: ErrorDocument | None
    result: JsonObject | None
    started_at: str
    ended_at: str | None


class PromptFieldDocument(TypedDict):
    text: str
    echo: bool


class PromptDocument(TypedDict):
    id: str
    cluster: str
    kind: str
    title: str
    instructions: str
    fields: list[PromptFieldDocument]
    details: dict[str, str]
    created_at: str


class TemplateSummary(TypedDict):
    id: str
    version: str
    title: str
    description: str
    source: str
    variables: int
    kind: str
    clusters: list[str]
    uses: int | None
    problem: str


class RenderedTemplate(TypedDict):
    text: str
    values: JsonObject
    files: dict[str, list[JsonObject]]
    steps: dict[str, int]
    steps_per_cycle: int | None
    timestep_fs: float | None
    notes: list[str]


class TemplateValidation(TypedDict):
    ok: bool
    problems: list[JsonObject]
    template: JsonObject | None
    variables: list[JsonObject]


class StatusDocument(TypedDict):
    version: str
    pid: int
    started_at: str
    uptime_s: float
    connections: list[JsonObject]
    jobs: dict[str, int]
    active_jobs: int
    tasks_running: int
    prompts_pending: int
    database: JsonObject


class OpenTicket(TypedDict):
    """An address that opens the UI once, before it expires."""

    url: str
    expires_at: str


class UploadDocument(TypedDict):
    id: str
    name: str
    path: str
    bytes: int
    sha256: str
