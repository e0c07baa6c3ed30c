"""Cut-down views of jobs, taken out of their documents by SQLite, so that long lists stay quick."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import JSON, func, type_coerce

from namdrunner.jobs.state import JobState
from namdrunner.slurm.resources import Resources
from namdrunner.store.tables import JobRow


@dataclass(frozen=True)
class JobSummary:
    """One row of a list of jobs."""

    id: str
    name: str
    cluster: str
    state: str
    template: str | None
    created_at: datetime
    submitted_at: datetime | None
    started_at: datetime | None
    ended_at: datetime | None
    step: int | None
    target_step: int | None
    ns_per_day: float | None
    parent: str | None
    reason: str
    queue_reason: str
    eta_s: float | None
    synced_at: datetime | None
    stale: str
    walltime_s: int | None
    slurm_ids: tuple[str, ...]


@dataclass(frozen=True)
class ActiveJob:
    """What a sync asks with. ``token`` and ``submitted_at`` are of the last submission."""

    id: str
    name: str
    state: JobState
    deleting: bool
    slurm_id: str | None
    project_dir: str
    token: str
    submitted_at: datetime | None

    @property
    def unsettled(self) -> bool:
        """It is not known whether Slurm took it."""
        return self.state in (JobState.SUBMITTING, JobState.SUBMIT_UNKNOWN)


@dataclass(frozen=True)
class MeasuredRun:
    """How fast a completed job was, and on what."""

    id: str
    cluster: str
    atoms: int
    timestep_fs: float
    ns_per_day: float
    resources: Resources
    recipe: str
    memory_bytes: int | None = None
    """Of one process."""


SUMMARY = (
    JobRow.id,
    JobRow.name,
    JobRow.cluster,
    JobRow.state,
    JobRow.template,
    JobRow.created_at,
    JobRow.submitted_at,
    JobRow.started_at,
    JobRow.ended_at,
    JobRow.step,
    JobRow.target_step,
    JobRow.ns_per_day,
    JobRow.parent,
    type_coerce(
        func.json_extract(JobRow.status, "$.reason", "$.queue_reason", "$.progress.eta_s", "$.synced_at", "$.stale"),
        JSON,
    ),
    type_coerce(func.json_extract(JobRow.record, "$.resources.walltime_s", "$.submissions"), JSON),
)


MEASURED = type_coerce(
    func.json_extract(JobRow.record, "$.run.atoms", "$.run.timestep_fs", "$.resources", "$.recipe"), JSON
)
MEASURED_MEMORY = func.json_extract(JobRow.status, "$.log.memory_bytes")


BRIEF = (
    JobRow.id,
    JobRow.name,
    JobRow.state,
    JobRow.deleting,
    JobRow.slurm_id,
    type_coerce(func.json_extract(JobRow.record, "$.project_dir", "$.submissions[#-1]"), JSON),
)


def active_job(row: Any) -> ActiveJob:
    job_id, name, state, deleting, slurm_id, (project_dir, last) = row
    at = datetime.fromisoformat(last["at"]) if last else None
    token = last["token"] if last else ""
    return ActiveJob(job_id, name, JobState(state), deleting, slurm_id, project_dir, token, at)


def summary(row: Any) -> JobSummary:
    *columns, status, record = row
    plain: dict[str, Any] = dict(zip(JobSummary.__dataclass_fields__, columns, strict=False))
    reason, queue_reason, eta_s, synced_at, stale = status
    walltime_s, submissions = record
    return JobSummary(
        **plain,
        reason=reason or "",
        queue_reason=queue_reason or "",
        eta_s=eta_s,
        synced_at=datetime.fromisoformat(synced_at) if synced_at else None,
        stale=stale or "",
        walltime_s=walltime_s,
        slurm_ids=tuple(s["slurm_id"] for s in submissions or () if s.get("slurm_id")),
    )
