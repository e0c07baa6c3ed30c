"""What is said of a failure that the catalogue does not know, and of results that lie on scratch for long."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from namdrunner.jobs.record import JobRecord, JobStatus
from namdrunner.jobs.state import JobState
from namdrunner.services.endings import last_words
from namdrunner.services.purge import scratch_warnings
from namdrunner.slurm.profile import ClusterProfile
from namdrunner.slurm.resources import Resources
from namdrunner.store.jobs import StoredJob, with_record

ENDED = datetime(2026, 3, 1, 12, tzinfo=UTC)
JOB = StoredJob(
    JobRecord(
        id="job_1772366400000",
        name="job",
        cluster="alpine",
        created_at=ENDED,
        resources=Resources(),
        project_dir="/projects/me/namdrunner_jobs/job_1772366400000",
        scratch_dir="/scratch/me/namdrunner_jobs/job_1772366400000",
    ),
    JobStatus(state=JobState.FAILED, ended_at=ENDED),
)


def context(days_later: float, purge_days: int | None = 90) -> Any:
    profile = ClusterProfile(purge_days=purge_days)
    return SimpleNamespace(
        clusters=SimpleNamespace(profile=lambda _: profile), now=lambda: ENDED + timedelta(days=days_later)
    )


def with_left(job: StoredJob, **changes: object) -> StoredJob:
    return replace(job, status=job.status.model_copy(update={"left_in_scratch": True, **changes}))


def test_traceback_of_something_else_gives_its_last_line() -> None:
    tails = {
        "slurm.out": b"2026-03-01 NAMDRunner: start\n",
        "slurm.err": b"Traceback (most recent call last):\n  File 'wrap.py', line 3\nValueError: no such GPU\n\n",
    }
    (found,) = last_words(tails)
    assert "slurm.err" in found["message"]
    assert "ValueError: no such GPU" in found["message"]
    assert (found["file"], found["line"]) == ("slurm.err", 3)
    assert "Traceback" in found["excerpt"]


def test_own_words_are_no_last_words() -> None:
    assert last_words({"slurm.out": b"2026-03-01 12:00:00 NAMDRunner: end: stage done\n", "namd.err": b"\n"}) == ()


@pytest.mark.parametrize(
    ("days", "says"), [(62.9, None), (63.5, "in 26 days"), (89.2, "within a day"), (91, "at any time")]
)
def test_purge_is_warned_of_ahead(days: float, says: str | None) -> None:
    found = scratch_warnings(context(days), with_left(JOB))
    if says is None:
        assert found == []
        return
    (warning,) = found
    assert warning["code"] == "scratch-purge"
    assert says in warning["message"]
    assert "90 days" in warning["message"]
    assert warning["purged_at"] == "2026-05-30T12:00:00.000Z"


def test_results_that_are_home_need_no_warning() -> None:
    assert scratch_warnings(context(89), JOB) == []
    assert scratch_warnings(context(89, None), with_left(JOB)) == []


def test_project_folder_on_scratch_is_warned_of_too() -> None:
    job = with_record(JOB, project_dir="/scratch/me/namdrunner_jobs/job_1772366400000")
    (warning,) = scratch_warnings(context(80), job)
    assert "Download" in warning["remedy"]
