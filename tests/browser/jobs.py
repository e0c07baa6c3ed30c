"""What the pages of these tests have to show."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from namdrunner.jobs.folders import job_folder, new_job_id
from namdrunner.jobs.record import JobProgress, JobRecord, JobStatus, RunPlan, Submission
from namdrunner.jobs.state import JobState
from namdrunner.slurm.resources import Resources
from namdrunner.store.jobs import JobRepository, StoredJob

NASTY = '<b>bold</b> & "quoted" <img src=x onerror=alert(1)>'


def many_jobs(repository: JobRepository, count: int) -> None:
    """``run 00000`` and so on, in as few transactions as will do."""
    for start in range(0, count, 1000):
        names = (f"run {number:05d}" for number in range(start, min(start + 1000, count)))
        repository.add_many([(ended_job(name), {}) for name in names])


def ended_job(name: str) -> StoredJob:
    created = datetime.now(UTC) - timedelta(hours=2)
    job_id = new_job_id(name, created)
    record = JobRecord(
        id=job_id,
        name=name,
        cluster="alpine",
        created_at=created,
        resources=Resources(cores=8, walltime_s=3600),
        run=RunPlan(target_step=50_000),
        project_dir=job_folder("/projects/somebody", job_id),
        scratch_dir=job_folder("/scratch/somebody", job_id),
        submissions=(Submission(token="token", at=created, slurm_id="4711"),),
    )
    status = JobStatus(
        state=JobState.COMPLETED,
        reason="NAMD finished and its results are in place.",
        ended_at=created + timedelta(hours=1),
        progress=JobProgress(step=50_000, target_step=50_000, ns_per_day=12.5),
    )
    return StoredJob(record, status)
