"""Ten thousand jobs: the page holds the rows in view and no more."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from tests.browser.chromium import Chromium
from tests.browser.jobs import many_jobs

from namdrunner.client import Client, stop_server
from namdrunner.paths import Folders
from namdrunner.store.clusters import ClusterRepository, StoredCluster
from namdrunner.store.database import Database
from namdrunner.store.jobs import JobRepository

pytestmark = pytest.mark.browser

JOBS = 10_000


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    folders = Folders.below(tmp_path_factory.mktemp("home")).ensure()
    database = Database(folders.database)
    ClusterRepository(database).add(StoredCluster("alpine", "login.example.org", user="ralphie"))
    many_jobs(JobRepository(database), JOBS)
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
    chromium.wait_for_text("10,000 jobs")
    chromium.fill("Filter jobs by name, id or Slurm id", "run 00042")
    chromium.wait_for_text("1 job\n")
    chromium.wait_for("location.search.includes('search=run')")
    chromium.reload()
    assert "run 00042" in chromium.wait_for_text("1 job\n")


def test_sorting_and_selecting_reach_jobs_that_were_never_loaded(client: Client, chromium: Chromium) -> None:
    chromium.emulate(1280, 720)
    chromium.open(client.open_ticket("/jobs?sort=name")["url"])
    chromium.wait_for_text("run 00000")
    chromium.press_button("Name")
    chromium.wait_for_text(f"run {JOBS - 1:05d}")
    chromium.wait_for("location.search.includes('sort=-name')")
    chromium.evaluate("document.querySelector('[role=grid]').focus()")
    chromium.press("End", 35)
    chromium.wait_for_text("run 00000")
    chromium.press(" ", 32, " ")
    chromium.wait_for_text("1 job selected")
    chromium.press_button("Clear selection")


def test_the_date_filter_leaves_todays_jobs_and_can_be_cleared(client: Client, chromium: Chromium) -> None:
    chromium.open(client.open_ticket("/jobs?created=week&search=run%2000042")["url"])
    chromium.wait_for_text("1 job\n")
    chromium.press_button("Clear filter")
    chromium.wait_for_text("10,000 jobs")
    assert chromium.evaluate("location.search") == ""
