"""Two windows on one draft, a server that ends while the page is open, and markup in everything a person can name."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.browser.accessibility import violations
from tests.browser.chromium import Chromium
from tests.browser.jobs import NASTY, ended_job

from namdrunner.client import Client, stop_server
from namdrunner.paths import Folders
from namdrunner.store.clusters import ClusterRepository, StoredCluster
from namdrunner.store.database import Database
from namdrunner.store.jobs import JobRepository
from namdrunner.store.logs import LogRepository

pytestmark = pytest.mark.browser

TEMPLATE = f"""#@ template  nasty  v1   "{NASTY.replace('"', "'")}"
#@ describe  {NASTY}
#@ var temperature  number  300  [200, 400]  K  "<img src=x>"  -- {NASTY}
temperature {{{{ temperature }}}}
# {NASTY}
run 10
"""


@pytest.fixture
def client(tmp_path: Path) -> Iterator[Client]:
    """A server of its own, which the test may stop."""
    folders = Folders.below(tmp_path / "home").ensure()
    database = Database(folders.database)
    ClusterRepository(database).add(StoredCluster("alpine", "login.example.org", user="ralphie"))
    job = ended_job(NASTY)
    JobRepository(database).add(job, texts={"config": f"# {NASTY}\n", "script": f"#!/bin/bash\n# {NASTY}\n"})
    log = f"Info: {NASTY}\nFATAL ERROR: {NASTY}\n".encode()
    LogRepository(database).append(job.id, "namd", log, start=0, end=len(log))
    database.close()
    with Client.connect(folders) as connected:
        yield connected
        stop_server(connected.server, force=True)


def test_two_windows_on_one_draft_notice_each_other(client: Client, chromium: Chromium) -> None:
    chromium.open(client.open_ticket("/create")["url"])
    chromium.wait_for_text("What it takes")
    first = chromium.new_tab()
    chromium.open(client.server.url + "/create")
    chromium.wait_for_text("What it takes")
    chromium.fill("Name", "of the second window")
    chromium.wait_for("localStorage['namdrunner.draft']?.includes('of the second')")
    second = chromium.to_tab(first)
    chromium.wait_for_text("This draft was changed in another tab.")
    assert violations(chromium) == []
    chromium.fill("Name", "of the first window")
    chromium.press_button("Keep this one")
    chromium.wait_for("localStorage['namdrunner.draft'].includes('of the first')")
    chromium.to_tab(second)
    chromium.press_button("Take the other tab's")
    chromium.wait_for("document.getElementById('create-name').value === 'of the first window'")


def test_a_server_that_ends_is_said_and_what_is_there_stays(client: Client, chromium: Chromium) -> None:
    chromium.open(client.open_ticket("/jobs")["url"])
    chromium.wait_for_text("Completed")
    stop_server(client.server, force=True)
    chromium.wait_for_text("The server does not answer", 30)
    assert NASTY in chromium.text()
    assert violations(chromium) == []
    chromium.press_button("Create job")
    chromium.wait_for_text("Create job")
    chromium.press_button("Try now")
    chromium.wait_for_text("The server does not answer", 30)


def test_nothing_that_was_named_becomes_markup(client: Client, chromium: Chromium) -> None:
    client.templates.save(TEMPLATE)
    [job] = client.jobs.list()["jobs"]
    chromium.open(client.open_ticket("/jobs")["url"])
    seen = {
        "/jobs": NASTY,
        f"/jobs/{job['id']}": NASTY,
        f"/jobs/{job['id']}/logs": "FATAL ERROR",
        f"/jobs/{job['id']}/script": "NAMD config",
        "/templates": "nasty",
        "/templates/nasty": "nasty",
        "/templates/nasty/edit": "Rendered",
        "/create/configure?": "NAMD config",
    }
    for path, wanted in seen.items():
        if path.startswith("/create"):
            chromium.evaluate(
                "localStorage['namdrunner.draft'] = JSON.stringify(" + json.dumps(draft()) + "); null",
            )
        chromium.wait_for("document.readyState === 'complete'")
        chromium.open(client.server.url + path)
        chromium.wait_for_text(wanted)
        markup = "[...document.querySelectorAll('main, [role=dialog]')].flatMap(e => [...e.querySelectorAll('b, img')])"
        assert chromium.evaluate(f"{markup}.length") == 0, path
    assert chromium.console == []


def draft() -> dict[str, object]:
    blank = dict.fromkeys(("partition", "qos", "account", "cores", "nodes", "gpus", "memory", "walltime"), "")
    return {
        "version": 1, "name": NASTY, "cluster": "alpine", "preset": "", "resources": blank, "source": "template",
        "template": "nasty", "values": {}, "files": [], "config": "", "task": "", "changed": 1, "writer": "",
    }  # fmt: skip
