"""The plain status page, as a person sees it: let in once, kept up to date, locked for everybody else."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from tests.browser.chromium import Chromium

from namdrunner.client import Client, stop_server
from namdrunner.jobs.folders import job_folder, new_job_id
from namdrunner.jobs.record import JobProgress, JobRecord, JobStatus, RunPlan, Submission
from namdrunner.jobs.state import JobState
from namdrunner.paths import Folders
from namdrunner.slurm.resources import Resources
from namdrunner.store.clusters import ClusterRepository, StoredCluster
from namdrunner.store.database import Database
from namdrunner.store.jobs import JobRepository, StoredJob

pytestmark = pytest.mark.browser

NASTY = '<b>bold</b> & "quoted" <img src=x onerror=alert(1)>'


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


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    """A server of its own with one cluster and two finished jobs, one of them with a name full of markup."""
    folders = Folders.below(tmp_path_factory.mktemp("home")).ensure()
    database = Database(folders.database)
    ClusterRepository(database).add(StoredCluster("alpine", "login.example.org", user="ralphie"))
    jobs = JobRepository(database)
    for name in ("Ubiquitin in water", NASTY):
        jobs.add(ended_job(name))
    database.close()
    with Client.connect(folders) as connected:
        yield connected
        stop_server(connected.server, force=True)


def test_finished_jobs_are_there_and_the_log_is_one_click_away(client: Client, chromium: Chromium) -> None:
    chromium.open(client.open_ticket()["url"])
    shown = chromium.wait_for_text("COMPLETED")
    assert "Ubiquitin in water" in shown
    assert "4711" in shown
    assert "ralphie@login.example.org" in shown
    chromium.click("#jobs tbody button")
    assert "NAMD finished" in chromium.wait_for_text("NAMD finished")
    assert chromium.console == []


def test_names_are_shown_as_text(client: Client, chromium: Chromium) -> None:
    chromium.open(client.open_ticket()["url"])
    assert NASTY in chromium.wait_for_text("COMPLETED")
    assert chromium.evaluate("document.querySelectorAll('#jobs td b, #jobs td img').length") == 0


def test_a_new_cluster_appears_without_a_reload(client: Client, chromium: Chromium) -> None:
    chromium.open(client.open_ticket()["url"])
    chromium.wait_for_text("COMPLETED")
    client.clusters.add("blanca", host="blanca.example.org")
    assert "blanca.example.org" in chromium.wait_for_text("blanca")


def test_without_a_ticket_the_page_is_locked(client: Client, chromium: Chromium) -> None:
    url = client.open_ticket()["url"]
    chromium.open(client.server.url)
    chromium.wait_for_text("namdrunner")
    assert "Ubiquitin" not in chromium.text()
    chromium.open(url)
    chromium.wait_for_text("Ubiquitin")
