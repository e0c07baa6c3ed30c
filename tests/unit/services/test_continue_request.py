"""How far a continuation goes, as people say it, and what a job's end suggests."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from namdrunner.errors import InputError, UsageError
from namdrunner.jobs.record import JobProgress, JobRecord, JobStatus, RunPlan
from namdrunner.jobs.state import JobState
from namdrunner.services.continue_request import ContinueRequest
from namdrunner.services.continue_suggestions import suggest, with_suggestions
from namdrunner.slurm.profile import ClusterProfile
from namdrunner.slurm.resources import Resources
from namdrunner.store.jobs import StoredJob


@pytest.mark.parametrize(
    ("time", "steps"), [("5 ns", 2_500_000), ("0.04 ps", 20), ("1us", 500_000_000), ("1 fs", 1), ("12.5 PS", 6250)]
)
def test_lengths_of_time(time: str, steps: int) -> None:
    assert ContinueRequest(time=time).steps_of(2.0) == steps


def test_lengths_that_are_none() -> None:
    assert ContinueRequest(until_done=True).steps_of(2.0) is None
    with pytest.raises(InputError) as caught:
        ContinueRequest(time="soon").steps_of(2.0)
    assert caught.value.code == "time-invalid"
    with pytest.raises(UsageError):
        ContinueRequest(time="1 ns", steps=5).steps_of(2.0)


def ended(state: JobState, *, speed: float | None = None, **resources: int) -> StoredJob:
    record = JobRecord(
        id="a_1764547200000",
        name="a",
        cluster="c",
        created_at=datetime(2026, 1, 1, tzinfo=UTC),
        resources=Resources(**resources),  # type: ignore[arg-type]
        run=RunPlan(timestep_fs=2.0),
        project_dir="/p",
        scratch_dir="/s",
    )
    return StoredJob(record, JobStatus(state=state, progress=JobProgress(ns_per_day=speed)))


def test_more_memory_after_it_ran_out() -> None:
    job = ended(JobState.OUT_OF_MEMORY, memory_bytes=10 * 2**30)
    (found,) = suggest(job, ClusterProfile(), None)
    assert (found.field, found.value) == ("memory_bytes", 15 * 2**30)
    assert with_suggestions(job.record.resources, (found,)).memory_bytes == 15 * 2**30


def test_walltime_from_the_measured_speed() -> None:
    # 1 ns at 24 ns/day is one hour; 15 % and the start-up on top, in quarters of an hour.
    (found,) = suggest(ended(JobState.TIMEOUT, speed=24.0), ClusterProfile(), 500_000)
    assert (found.field, found.value) == ("walltime_s", 4500)
    assert suggest(ended(JobState.TIMEOUT), ClusterProfile(), 500_000) == ()
