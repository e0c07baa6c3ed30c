"""The charts of a run: columns chosen, steps looked at closer, rows taken along."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.browser.accessibility import violations
from tests.browser.chromium import Chromium
from tests.browser.jobs import ended_job
from tests.unit.namd.log_samples import HEAD, energy, title

from namdrunner.client import Client, stop_server
from namdrunner.paths import Folders
from namdrunner.store.clusters import ClusterRepository, StoredCluster
from namdrunner.store.database import Database
from namdrunner.store.jobs import JobRepository
from namdrunner.store.logs import LogRepository

pytestmark = pytest.mark.browser

ROWS = 200
CHART = "document.querySelector('section[aria-label=Energy]')"


@pytest.fixture(scope="module")
def job() -> str:
    return "Ubiquitin in water"


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory, job: str) -> Iterator[Client]:
    """A server that knows one completed job and its log, without a connection."""
    folders = Folders.below(tmp_path_factory.mktemp("home")).ensure()
    database = Database(folders.database)
    ClusterRepository(database).add(StoredCluster("alpine", "login.example.org", user="ralphie"))
    stored = ended_job(job)
    JobRepository(database).add(stored)
    lines = "".join(f"{energy(step)}\n" for step in range(ROWS))
    LogRepository(database).replace(stored.id, "namd", f"{HEAD}{title()}\n{lines}".encode(), complete=True)
    database.close()
    with Client.connect(folders) as connected:
        yield connected
        stop_server(connected.server, force=True)


def test_the_charts_of_a_run(client: Client, chromium: Chromium, job: str, tmp_path: Path) -> None:
    found = client.jobs.list(search=job)["jobs"][0]["id"]
    chromium.emulate(1280, 720)
    chromium.open(client.open_ticket(f"/jobs/{found}/live")["url"])
    chromium.wait_for("document.querySelectorAll('canvas').length >= 3", 30)

    # A column more is drawn, and its last value is told to those who do not see the chart.
    key = f"[...{CHART}.querySelectorAll('button[aria-pressed]')].find(b => b.innerText.trim().startsWith('ELECT'))"
    assert chromium.wait_for(f"{key}.getAttribute('aria-pressed')") == "false"
    chromium.evaluate(f"{key}.click(); null")
    chromium.wait_for(f"{key}.getAttribute('aria-pressed') === 'true'")
    chromium.wait_for(f"{CHART}.querySelector('[role=img]').getAttribute('aria-label').includes('ELECT')")

    # Looking closer moves all charts; everything is there again by one button.
    assert disabled(chromium, "All")
    chromium.press_button("Zoom in")
    chromium.wait_for(f"!({button('All')}).disabled")
    chromium.press_button("Later")
    assert violations(chromium) == []
    chromium.press_button("All")
    chromium.wait_for(f"({button('All')}).disabled")

    # Every row goes into the file, not only those that are drawn.
    folder = tmp_path / "downloads"
    folder.mkdir()
    chromium.downloads_to(folder)
    chromium.press_button("CSV")
    lines = wait_for_file(folder / f"{job}-energies.csv").splitlines()
    assert lines[0].split(",")[0] == "TS"
    assert [line.split(",")[0] for line in lines[1:]] == [str(step) for step in range(ROWS)]
    assert chromium.console == []


def button(name: str) -> str:
    return f"[...document.querySelectorAll('button')].find(b => b.innerText.trim() === {json.dumps(name)})"


def disabled(chromium: Chromium, name: str) -> bool:
    return bool(chromium.evaluate(f"({button(name)}).disabled"))


def wait_for_file(path: Path, timeout_s: float = 30.0) -> str:
    """Its text once it is complete: the browser gives it its name at the end."""
    deadline = time.monotonic() + timeout_s
    while not path.is_file():
        assert time.monotonic() < deadline, f"{path.name} was not downloaded"
        time.sleep(0.1)
    return path.read_text(encoding="utf-8")
