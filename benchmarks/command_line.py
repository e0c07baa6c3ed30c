"""How long a person waits for the command line, and what the server costs while nothing happens."""

from __future__ import annotations

import json
import statistics
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psutil
from _report import Report, run

from namdrunner.jobs.folders import job_folder, new_job_id
from namdrunner.jobs.record import InputFile, JobRecord, JobStatus
from namdrunner.jobs.state import JobState
from namdrunner.paths import Folders
from namdrunner.slurm.resources import Resources
from namdrunner.store.clusters import ClusterRepository, StoredCluster
from namdrunner.store.database import Database
from namdrunner.store.jobs import JobRepository, StoredJob

JOBS = 1000
REPEATS = 7
SETTLE_S = 3.0


def median_time(*arguments: str, environment: dict[str, str] | None = None) -> float:
    times = []
    for _ in range(REPEATS):
        began = time.perf_counter()
        run(*arguments, environment=environment)
        times.append(time.perf_counter() - began)
    return statistics.median(times)


def ended_job(number: int, now: datetime) -> StoredJob:
    """A job as it looks a month after its end, with a dozen inputs."""
    created = now - timedelta(days=30, minutes=number)
    job_id = new_job_id(f"sweep {number}", created)
    inputs = tuple(InputFile(name=f"file_{i}.prm", bytes=10_000 * i, sha256="0" * 64) for i in range(12))
    record = JobRecord(
        id=job_id,
        name=f"sweep {number}",
        cluster="cluster",
        created_at=created,
        resources=Resources(cores=16, walltime_s=3600),
        inputs=inputs,
        project_dir=job_folder("/projects/somebody", job_id),
        scratch_dir=job_folder("/scratch/somebody", job_id),
    )
    return StoredJob(record, JobStatus(state=JobState.COMPLETED, reason="NAMD finished.", ended_at=created))


def fill(folders: Folders) -> None:
    database = Database(folders.database)
    ClusterRepository(database).add(StoredCluster("cluster", "localhost"))
    jobs = JobRepository(database)
    now = datetime.now(UTC)
    for number in range(JOBS):
        jobs.add(ended_job(number, now))
    database.close()


def main() -> int:
    report = Report()
    report.line("namdrunner --help", median_time("--help"), 0.25, "s")
    with tempfile.TemporaryDirectory(prefix="namdrunner-benchmark-") as home:
        environment = {"NAMDRUNNER_HOME": home}
        folders = Folders.below(Path(home)).ensure()
        fill(folders)
        try:
            run("cluster", "list", environment=environment)  # starts the server
            server = psutil.Process(json.loads(folders.server_file.read_text())["pid"])
            time.sleep(SETTLE_S)
            report.line("resident memory of the idle server", server.memory_info().rss / 1e6, 120, "MB")
            listed = json.loads(run("job", "list", "--json", environment=environment))
            if listed.get("total", len(listed["jobs"])) != JOBS:
                raise RuntimeError(f"{len(listed['jobs'])} of {JOBS} jobs were listed")
            elapsed = median_time("job", "list", "--json", environment=environment)
            report.line(f"namdrunner job list --json, {len(listed['jobs'])} of {JOBS} jobs shown", elapsed, 0.5, "s")
            time.sleep(SETTLE_S)
            report.note(f"resident memory after {REPEATS + 1} such lists", server.memory_info().rss / 1e6, "MB")
        finally:
            run("stop", environment=environment)
    return report.status


if __name__ == "__main__":
    sys.exit(main())
