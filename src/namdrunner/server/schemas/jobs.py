"""Documents about jobs."""

from __future__ import annotations

from pydantic import Field

from namdrunner.jobs.record import ChainNote, ContinuationNote, Evidence, JobProgress, RunPlan
from namdrunner.jobs.state import JobState
from namdrunner.server.schemas.base import Answer, Body, JsonObject
from namdrunner.services.job_request import JobRequest
from namdrunner.slurm.resources import Resources


class InputDocument(Answer):
    name: str
    bytes: int
    sha256: str
    role: str = ""
    source: str = ""


class OutputDocument(Answer):
    name: str
    bytes: int
    modified_at: str | None = None
    sha256: str | None = None


class TimelineItem(Answer):
    """``state`` is null where something was said and the state stayed."""

    at: str
    state: str | None
    says: str


class JobWarning(Answer):
    """Something that will go wrong unless somebody acts: ``scratch-purge`` with the time when the site clears up."""

    code: str
    message: str
    remedy: str = ""
    purged_at: str | None = None


class JobSummary(Answer):
    """A row of the list of jobs; times are RFC 3339 in UTC."""

    id: str
    name: str
    cluster: str
    status: JobState
    slurm_ids: list[str] = Field(default_factory=list)
    template: str | None = None
    created_at: str
    submitted_at: str | None = None
    started_at: str | None = None
    ended_at: str | None = None
    walltime_s: int | None = None
    progress: JobProgress = JobProgress()
    reason: str = ""
    queue_reason: str = ""
    stale: str = ""
    synced_at: str | None = None
    parent: str | None = None


class JobDocument(JobSummary):
    values: JsonObject = Field(default_factory=dict)
    resources: Resources = Resources()
    recipe: str = ""
    exit_code: int | None = None
    evidence: list[Evidence] = Field(default_factory=list)
    diagnosis: list[JsonObject] = Field(default_factory=list)
    inputs: list[InputDocument] = Field(default_factory=list)
    outputs: list[OutputDocument] = Field(default_factory=list)
    children: list[str] = Field(default_factory=list)
    chain: ChainNote | None = None
    continuation: ContinuationNote | None = None
    project_dir: str = ""
    scratch_dir: str = ""
    remedy: str = ""
    run: RunPlan = RunPlan()
    timeline: list[TimelineItem] = Field(default_factory=list)
    last_energies: dict[str, float] = Field(default_factory=dict)
    warnings: list[JobWarning] = Field(default_factory=list)
    cancel_requested_at: str | None = None
    deleting: bool = False


class JobList(Answer):
    jobs: list[JobSummary]
    total: int


class JobScript(Answer):
    config: str
    script: str


class PlannedFile(Answer):
    """``name``: its path below the job's ``input_files``; ``source``: where it is on this computer."""

    name: str
    bytes: int
    sha256: str
    role: str = ""
    source: str = ""


class FreeSpace(Answer):
    root: str
    bytes: int


class Forecast(Answer):
    """What the job will take; null where nothing comparable was measured. Speeds in ns/day, with a plausible range.

    ``free``: on the cluster, where it is connected. ``run_time_s``: as expected; ``walltime_s``: what to ask for.
    ``memory_bytes``: per node. ``service_units``: for ``run_time_s``; ``service_units_most``: for the whole walltime
    asked for, by the rates of the profile of the cluster. Each ``basis`` says in words what a number rests on.
    """

    output_bytes: int | None = None
    free: list[FreeSpace] = Field(default_factory=list)
    ns_per_day: float | None = None
    ns_per_day_low: float | None = None
    ns_per_day_high: float | None = None
    extrapolated: bool = False
    basis: str = ""
    basis_jobs: list[str] = Field(default_factory=list)
    run_time_s: float | None = None
    walltime_s: float | None = None
    memory_bytes: int | None = None
    memory_basis: str = ""
    service_units: float | None = None
    service_units_most: float | None = None
    service_units_basis: str = ""


class DryRun(Answer):
    """What would be sent, before anything is sent. ``on_cluster``: files the config expects to be there already."""

    id: str
    config: str
    script: str
    files: list[PlannedFile]
    on_cluster: list[str] = Field(default_factory=list)
    findings: list[JsonObject]
    summary: JsonObject
    forecast: Forecast = Forecast()
    project_dir: str
    scratch_dir: str
    run: RunPlan
    resources: Resources


class ResourcePlan(Answer):
    """``resources`` with the preset and the defaults filled in; ``partition``: the one they go to; ``nodes`` and
    ``script`` only where no finding is an error.
    """

    resources: Resources
    partition: str | None = None
    recipe: str
    nodes: int | None = None
    findings: list[JsonObject]
    script: str = ""


class JobBatch(Body):
    jobs: list[JobRequest] = Field(min_length=1, max_length=1000)


class JobIds(Body):
    """Jobs by id, unambiguous beginning or name."""

    jobs: list[str] = Field(min_length=1, max_length=1000)


class JobDeletions(JobIds):
    keep_remote: bool = False


class JobDownloads(JobIds):
    """``patterns`` as for one job; each job's files go to a folder of its id below ``to``."""

    patterns: list[str] = Field(default_factory=list)
    to: str


class SyncRequest(Body):
    """Nothing given: every connected cluster; ``job`` or ``jobs``: their clusters, and them whatever their state."""

    cluster: str | None = None
    job: str | None = None
    jobs: list[str] = Field(default_factory=list, max_length=1000)


class DownloadRequest(Body):
    """``patterns``: shell-style, against the names of outputs and logs; none: everything."""

    patterns: list[str] = Field(default_factory=list)
    to: str


class LogText(Answer):
    """``start``: byte at which ``text`` begins; ``offset``: where the next request goes on; ``bytes``: size of
    the log; ``complete``: this is its end, and it will not grow.
    """

    text: str
    start: int
    offset: int
    bytes: int
    complete: bool = False


class JobFiles(Answer):
    """``live``: the outputs were listed on the cluster just now; else they are as last seen, and ``local`` names
    those that can be read all the same, because a copy that nobody changed is on this computer.
    """

    inputs: list[InputDocument]
    outputs: list[OutputDocument]
    live: bool = False
    local: list[str] = Field(default_factory=list)


class Energies(Answer):
    """``columns``: the names of the ETITLE line; one row per ENERGY line, or where that were too many the means of
    buckets, with ``lowest`` and ``highest`` beside them. ``total_rows``: ENERGY lines known in all.
    """

    columns: list[str]
    rows: list[list[float | None]]
    lowest: list[list[float | None]] | None = None
    highest: list[list[float | None]] | None = None
    total_rows: int
    complete: bool = False


class Performance(Answer):
    """``total_mass_u``: of the whole system, null where the log does not say it; speeds at ``steps``."""

    total_mass_u: float | None = None
    steps: list[int]
    ns_per_day: list[float]
