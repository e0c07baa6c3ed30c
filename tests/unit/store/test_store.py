"""The local database: what is put in comes out, pages are cut in SQL, damage is set aside."""

from __future__ import annotations

import sqlite3
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from alembic.config import Config
from alembic.script import ScriptDirectory

from namdrunner.errors import ConflictError, NamdrunnerError, NotFoundError
from namdrunner.jobs.record import InputFile, JobProgress, JobRecord, JobStatus, RunPlan, Submission
from namdrunner.jobs.state import JobState
from namdrunner.services.documents import summary_of
from namdrunner.slurm.resources import Resources
from namdrunner.store import database as database_module
from namdrunner.store.clusters import ClusterRepository, StoredCluster
from namdrunner.store.database import HEAD, Database
from namdrunner.store.job_views import MeasuredRun
from namdrunner.store.jobs import JobQuery, JobRepository, StoredJob, states_from, with_record, with_status
from namdrunner.store.logs import LIMIT_BYTES, LogPosition, LogRepository

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


@pytest.fixture
def database(tmp_path: Path):
    opened = Database(tmp_path / "namdrunner.sqlite")
    ClusterRepository(opened).add(StoredCluster(name="alpha", host="login.alpha"))
    yield opened
    opened.close()


def job(number: int, state: JobState = JobState.READY, cluster: str = "alpha") -> StoredJob:
    record = JobRecord(
        id=f"job_{number}",
        name=f"name {number}",
        cluster=cluster,
        created_at=NOW + timedelta(minutes=number),
        resources=Resources(cores=4),
        project_dir=f"/p/job_{number}",
        scratch_dir=f"/s/job_{number}",
    )
    return StoredJob(record, JobStatus(state=state, progress=JobProgress(ns_per_day=float(number))))


def test_job_comes_back_as_it_was_stored(database: Database) -> None:
    jobs = JobRepository(database)
    stored = job(1)
    jobs.add(stored, texts={"config": "run 10", "script": "#!/bin/bash"})
    assert jobs.get("job_1") == stored
    assert jobs.text("job_1", "config") == "run 10"
    with pytest.raises(ConflictError):
        jobs.add(stored)
    with pytest.raises(NotFoundError):
        jobs.get("job_2")


def test_change_of_state_becomes_history(database: Database) -> None:
    jobs = JobRepository(database)
    jobs.add(job(1), texts={"config": ""})
    jobs.save(with_status(jobs.get("job_1"), state=JobState.PENDING, reason="Waiting for resources."))
    jobs.save(with_status(jobs.get("job_1"), queue_reason="Priority"))
    assert [(e.state, e.says) for e in jobs.timeline("job_1")] == [
        ("READY", "The job was created."),
        ("PENDING", "Waiting for resources."),
    ]


def test_page_filters_sorts_and_counts(database: Database) -> None:
    jobs = JobRepository(database)
    for number in range(30):
        jobs.add(job(number, JobState.RUNNING if number % 3 else JobState.FAILED), texts={})
    page, total = jobs.page(JobQuery(states=(JobState.FAILED,), sort="created_at", limit=4, offset=2))
    assert total == 10
    assert [j.id for j in page] == ["job_6", "job_9", "job_12", "job_15"]
    found, total = jobs.page(JobQuery(search="name 29"))
    assert ([j.id for j in found], total) == (["job_29"], 1)
    assert jobs.page(JobQuery(search="%"))[1] == 0
    since = jobs.get("job_27").record.created_at
    recent, _ = jobs.page(JobQuery(since=since, sort="created_at"))
    assert recent[0].record.created_at == since
    assert len(recent) == sum(1 for j in jobs.page(JobQuery())[0] if j.record.created_at >= since)
    fastest, _ = jobs.page(JobQuery(sort="-ns_per_day", limit=1))
    assert fastest[0].id == "job_29"


def test_active_jobs_include_interrupted_deletions(database: Database) -> None:
    jobs = JobRepository(database)
    jobs.add(job(1, JobState.RUNNING))
    jobs.add(job(2, JobState.COMPLETED))
    doomed = StoredJob(job(3).record, JobStatus(state=JobState.COMPLETED), deleting=True)
    jobs.add(doomed)
    assert {j.id for j in jobs.active("alpha")} == {"job_1", "job_3"}
    assert [(j.id, j.state, j.project_dir) for j in jobs.brief(["job_2"])] == [
        ("job_2", JobState.COMPLETED, "/p/job_2")
    ]


def test_slurm_id_is_that_of_the_last_accepted_submission(database: Database) -> None:
    jobs = JobRepository(database)
    jobs.add(job(1))
    submissions = (Submission(token="a", at=NOW, slurm_id="7"), Submission(token="b", at=NOW))
    jobs.save(with_record(jobs.get("job_1"), submissions=submissions))
    assert jobs.get("job_1").slurm_id == "7"
    assert jobs.page(JobQuery(search="7"))[1] == 1


def test_removing_a_cluster_forgets_its_jobs_only(database: Database) -> None:
    clusters, jobs = ClusterRepository(database), JobRepository(database)
    clusters.add(StoredCluster(name="beta", host="b"))
    jobs.add(job(1))
    jobs.add(job(2, cluster="beta"), texts={"config": "x"})
    assert clusters.remove("beta") == 1
    assert jobs.known(["job_1", "job_2"]) == {"job_1"}
    with pytest.raises(NotFoundError):
        clusters.get("beta")


def test_job_of_an_unknown_cluster_is_refused(database: Database) -> None:
    with pytest.raises(Exception, match="FOREIGN KEY"):
        JobRepository(database).add(job(1, cluster="nowhere"))


def test_log_grows_part_by_part_and_begins_anew_when_it_was_replaced(database: Database) -> None:
    JobRepository(database).add(job(1))
    logs = LogRepository(database)
    logs.append("job_1", "namd", b"one\n", start=0, end=4, reader={"step": 1})
    logs.append("job_1", "namd", b"thinned\n", start=4, end=400, reader={"step": 2})
    assert logs.content("job_1", "namd") == b"one\nthinned\n"
    assert logs.position("job_1", "namd") == LogPosition(0, 400, False, 12, {"step": 2})
    assert logs.ends(["job_1", "job_2"], "namd") == {"job_1": 400}
    logs.append("job_1", "namd", b"new run\n", start=0, end=8, reader={})
    logs.finish("job_1", "namd")
    assert logs.content("job_1", "namd") == b"new run\n"
    assert logs.position("job_1", "namd").whole


def test_log_cache_is_bounded_and_keeps_the_most_recent(database: Database) -> None:
    JobRepository(database).add(job(1))
    logs = LogRepository(database)
    line = b"ENERGY: 0123456789\n"
    piece = line * (LIMIT_BYTES // len(line) // 3)
    for number in range(5):
        logs.append("job_1", "namd", piece, start=number * len(piece), end=(number + 1) * len(piece))
    position = logs.position("job_1", "namd")
    assert (position.start, position.end, position.kept) == (2 * len(piece), 5 * len(piece), 3 * len(piece))
    huge = line * (LIMIT_BYTES // len(line) + 10)
    logs.append("job_1", "slurm", huge, start=0, end=len(huge))
    kept = logs.content("job_1", "slurm")
    assert kept.startswith(b"ENERGY:")
    assert len(kept) <= LIMIT_BYTES
    assert logs.position("job_1", "slurm").start == len(huge) - len(kept)


def test_logs_go_with_their_job(database: Database) -> None:
    jobs, logs = JobRepository(database), LogRepository(database)
    jobs.add(job(1))
    logs.replace("job_1", "slurm", b"words", complete=True)
    jobs.delete("job_1")
    assert logs.content("job_1", "slurm") == b""


def test_damaged_database_is_set_aside_not_deleted(tmp_path: Path) -> None:
    path = tmp_path / "x.sqlite"
    path.write_bytes(b"this is not a database at all" * 100)
    opened = Database(path)
    assert opened.set_aside is not None
    assert opened.set_aside.read_bytes().startswith(b"this is not")
    assert ClusterRepository(opened).list() == []
    opened.close()


def test_newer_database_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.sqlite"
    Database(path).close()
    connection = sqlite3.connect(path)
    connection.execute("UPDATE alembic_version SET version_num = '9999'")
    connection.commit()
    connection.close()
    with pytest.raises(NamdrunnerError) as caught:
        Database(path)
    assert caught.value.code == "database-too-new"


def test_older_database_is_backed_up_before_it_is_migrated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "x.sqlite"
    Database(path).close()
    monkeypatch.setattr(database_module, "HEAD", "0002")
    Database(path).close()
    assert (tmp_path / "x.before-0002.sqlite").exists()


def test_head_is_the_newest_script_and_tables_match_it(tmp_path: Path) -> None:
    config = Config()
    config.set_main_option("script_location", "namdrunner.store:migrations")
    assert ScriptDirectory.from_config(config).get_current_head() == HEAD

    from alembic.autogenerate import compare_metadata
    from alembic.migration import MigrationContext

    from namdrunner.store.tables import Table

    opened = Database(tmp_path / "x.sqlite")
    with opened.engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), Table.metadata) == []
    opened.close()


def test_backup_is_a_whole_private_copy(database: Database, tmp_path: Path) -> None:
    JobRepository(database).add(job(1))
    copy = database.backup(tmp_path / "copies" / "b.sqlite")
    assert copy.stat().st_mode & 0o077 == 0
    other = Database(copy)
    assert JobRepository(other).get("job_1").id == "job_1"
    other.close()


def test_unknown_state_name_is_explained() -> None:
    assert states_from(["running", "FAILED"]) == (JobState.RUNNING, JobState.FAILED)
    with pytest.raises(NotFoundError, match="not a state"):
        states_from(["done"])


def test_restore_brings_back_what_was_backed_up_and_keeps_the_present(database: Database, tmp_path: Path) -> None:
    jobs = JobRepository(database)
    jobs.add(job(1))
    copy = database.backup(tmp_path / "b.sqlite")
    jobs.add(job(2))
    kept = database.restore(copy)
    assert jobs.known(["job_1", "job_2"]) == {"job_1"}
    database.restore(kept)
    assert jobs.known(["job_1", "job_2"]) == {"job_1", "job_2"}


def test_reset_empties_and_keeps_a_copy(database: Database) -> None:
    JobRepository(database).add(job(1))
    kept = database.reset()
    assert ClusterRepository(database).list() == []
    database.restore(kept)
    assert JobRepository(database).get("job_1").id == "job_1"


@pytest.mark.parametrize("content", [b"", b"not a database", None])
def test_unusable_backup_changes_nothing(database: Database, tmp_path: Path, content: bytes | None) -> None:
    JobRepository(database).add(job(1))
    backup = tmp_path / "bad.sqlite"
    if content is not None:
        backup.write_bytes(content)
    with pytest.raises(NamdrunnerError) as caught:
        database.restore(backup)
    assert caught.value.code in ("backup-invalid", "backup-not-found")
    assert JobRepository(database).get("job_1").id == "job_1"


def test_summaries_say_what_the_whole_records_say(database: Database) -> None:
    jobs = JobRepository(database)
    for number in range(4):
        stored = job(number, JobState.RUNNING if number % 2 else JobState.UNKNOWN)
        submissions = (Submission(token="a", at=NOW), Submission(token="b", at=NOW, slurm_id=str(number)))
        stored = with_record(stored, submissions=submissions, resources=Resources(cores=2, walltime_s=3600))
        stored = with_status(stored, reason="why", queue_reason="Priority", synced_at=NOW, stale="old", started_at=NOW)
        jobs.add(stored)
    query = JobQuery(sort="name", limit=3, offset=1)
    summaries, total = jobs.summaries(query)
    assert total == 4
    assert summaries == [summary_of(stored) for stored in jobs.page(query)[0]]


def test_inputs_of_earlier_jobs_are_found_by_their_digest(database: Database) -> None:
    jobs = JobRepository(database)
    for number, state in enumerate([JobState.COMPLETED, JobState.UPLOADING, JobState.RUNNING]):
        same = InputFile(name=f"in {number}.psf", bytes=9, sha256="a" * 64)
        inputs = (same, InputFile(name="x", bytes=1, sha256="b"))
        jobs.add(with_record(job(number, state), inputs=inputs))
    found = jobs.inputs_like("alpha", {"a" * 64}, leave_out={"job_2"})
    assert found == [("/p/job_0", "in 0.psf", "a" * 64)]
    assert jobs.inputs_like("alpha", set()) == []


def test_speeds_are_those_of_completed_jobs_with_known_atoms(database: Database) -> None:
    jobs = JobRepository(database)
    run = RunPlan(atoms=23_558, timestep_fs=2.0)
    for number, state, cluster in ((1, JobState.COMPLETED, "alpha"), (2, JobState.FAILED, "alpha")):
        stored = job(number, state, cluster)
        jobs.add(with_record(stored, run=run, recipe="cpu"))
    jobs.add(job(3, JobState.COMPLETED))
    jobs.add(with_record(with_status(job(4, JobState.COMPLETED), progress=JobProgress()), run=run))
    (found,) = jobs.measured("alpha")
    assert found == MeasuredRun("job_1", "alpha", 23_558, 2.0, 1.0, Resources(cores=4), "cpu")
    assert jobs.measured("beta") == []
