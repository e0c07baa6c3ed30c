"""Ten thousand jobs: the page holds the rows in view and no more."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from tests.browser.chromium import Chromium
from tests.browser.jobs import ended_job

from namdrunner.client import Client, stop_server
from namdrunner.paths import Folders
from namdrunner.store.clusters import ClusterRepository, StoredCluster
from namdrunner.store.database import Database
from namdrunner.store.jobs import JobRepository

pytestmark = pytest.mark.browser

JOBS = 2_000


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    folders = Folders.below(tmp_path_factory.mktemp("home")).ensure()
    database = Database(folders.database)
    ClusterRepository(database).add(StoredCluster("alpine", "login.example.org", user="ralphie"))
    jobs = JobRepository(database)
    for number in range(JOBS):
        jobs.add(ended_job(f"run {number:05d}"))
    database.close()
    with Client.connect(folders) as connected:
        yield connected
        stop_server(connected.server, force=True)


def test_the_list_scrolls_to_its_end(client: Client, chromium: Chromium) -> None:
    chromium.emulate(1280, 720)
    chromium.open(client.open_ticket("/jobs?sort=name")["url"])
    chromium.wait_for_text("run 00000")
    rows = "document.querySelectorAll('[role=row]').length"
    assert chromium.evaluate(rows) < 60
    chromium.evaluate("(g => g.scrollTo(0, g.scrollHeight))(document.querySelector('[role=grid]'))")
    chromium.wait_for_text(f"run {JOBS - 1:05d}")
    assert chromium.evaluate(rows) < 60


def test_the_filter_is_in_the_address_and_survives_a_reload(client: Client, chromium: Chromium) -> None:
    chromium.open(client.open_ticket("/jobs")["url"])
    chromium.wait_for_text("2,000 jobs")
    chromium.fill("Filter jobs by name, id or Slurm id", "run 00042")
    chromium.wait_for_text("1 job\n")
    chromium.wait_for("location.search.includes('search=run')")
    chromium.evaluate("location.reload()")
    assert "run 00042" in chromium.wait_for_text("1 job\n")
