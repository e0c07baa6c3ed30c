"""A person's first morning: add the cluster, connect, submit a job, look at it while it runs, take the results."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.browser.accessibility import violations
from tests.browser.chromium import Chromium

from namdrunner.client import Client, stop_server
from namdrunner.demo.cluster import DemoCluster
from namdrunner.demo.sample import sample_job
from namdrunner.paths import Folders
from namdrunner.server import pages

pytestmark = [pytest.mark.browser, pytest.mark.demo]


@pytest.fixture(scope="module", autouse=True)
def built() -> None:
    assert pages.ui_is_built(), "the web UI is not built: run scripts/build_ui.py"


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DemoCluster]:
    cluster = DemoCluster(tmp_path_factory.mktemp("cluster"), keep=True)
    cluster.start()
    yield cluster
    cluster.stop()


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    with Client.connect(Folders.below(tmp_path_factory.mktemp("home")).ensure()) as connected:
        yield connected
        stop_server(connected.server, force=True)


def add_cluster(chromium: Chromium, cluster: DemoCluster) -> None:
    facts = cluster.facts
    chromium.wait_for_text("Add your cluster")
    for label, text in (("Name", "demo"), ("Host", facts.host), ("User", facts.user), ("Port", str(facts.port))):
        chromium.fill(label, text)
    for label, text in (("Project folder", facts.project_root), ("Scratch folder", facts.scratch_root)):
        chromium.fill(label, text)
    chromium.wait_for(
        "(s => [...s.options].some(o => o.value === 'demo') && (s.value = 'demo') &&"
        " s.dispatchEvent(new Event('change', {bubbles: true})))([...document.querySelectorAll('select')].at(-1))"
    )
    chromium.press_button("Add cluster")


def test_from_nothing_to_results(client: Client, cluster: DemoCluster, chromium: Chromium, tmp_path: Path) -> None:
    chromium.emulate(1280, 720)
    chromium.open(client.open_ticket()["url"])
    add_cluster(chromium, cluster)

    # The host key is shown to be compared, and a wrong password is said to be wrong.
    chromium.press_button("Connect demo")
    assert cluster.facts.host_key_fingerprint in chromium.wait_for_text("Trust this host")
    assert violations(chromium) == []
    chromium.press_button("Trust this host")
    chromium.wait_for("!!document.querySelector('[role=dialog] input[type=password]')")
    assert violations(chromium) == []
    answer(chromium, "not the password")
    chromium.wait_for_text("did not accept the password")
    chromium.press_button("Connect demo")
    answer(chromium, cluster.facts.password)
    chromium.wait_for_text("demo: connected", 30)

    job = create(client, tmp_path)
    chromium.wait_for_text("Trialanine", 30)
    chromium.wait_for_text("Ready", 30)
    chromium.press_button("Trialanine in salt water")
    chromium.press_button("Submit")
    chromium.wait_for_text("Running", 30)
    assert violations(chromium) == []

    chromium.press_button("Live")
    chromium.wait_for("document.querySelectorAll('canvas').length >= 3", 40)
    chromium.wait_for_text("Completed", 90)
    assert violations(chromium) == []

    # A reload shows the same page again, and what was downloaded is what lies on the cluster.
    chromium.reload()
    chromium.wait_for("document.querySelectorAll('canvas').length >= 3", 30)
    chromium.press_button("Logs", 10)
    chromium.press_button("Files")
    chromium.wait_for_text("trialanine.dcd")
    assert violations(chromium) == []
    folder = tmp_path / "downloads"
    folder.mkdir()
    chromium.downloads_to(folder)
    chromium.press_button("Download trialanine.dcd")
    arrived = wait_for_file(folder / "trialanine.dcd")
    results = list(Path(cluster.facts.project_root).rglob("outputs/trialanine.dcd"))
    assert [path.read_bytes() for path in results] == [arrived]

    chromium.press_button("Script")
    chromium.wait_for("document.querySelector('.code')?.shadowRoot?.textContent.includes('cellBasisVector1')")
    chromium.press_button("Delete")
    assert violations(chromium) == []
    assert chromium.console == []
    chromium.press_button("Delete the job")
    chromium.wait_for("location.pathname === '/jobs'", 30)
    assert [j["id"] for j in client.jobs.list()["jobs"]] == []
    assert not (Path(cluster.facts.project_root) / "namdrunner_jobs" / job).exists()


def answer(chromium: Chromium, password: str) -> None:
    """To the question that is open; waits until that dialog is gone."""
    chromium.wait_for("document.querySelector('[role=dialog] input[type=password]')?.value === ''")
    chromium.evaluate("document.querySelector('[role=dialog]').id = 'answered'; null")
    chromium.evaluate("document.querySelector('[role=dialog] input').focus()")
    chromium.type(password)
    chromium.press("Enter", 13, "\r")
    chromium.wait_for("!document.getElementById('answered')")


def create(client: Client, folder: Path) -> str:
    """The sample job, uploaded and not yet submitted."""
    sample = sample_job(folder / "sample")
    request = {
        "name": sample.name,
        "cluster": "demo",
        "template": sample.template,
        "values": dict(sample.values),
        "files": {key: [str(path) for path in paths] for key, paths in sample.files.items()},
        "resources": {"cores": min(2, os.cpu_count() or 1), "walltime": "00:30:00"},
    }
    return str(client.wait(client.jobs.create(request))["job"]["id"])


def wait_for_file(path: Path, timeout_s: float = 20.0) -> bytes:
    deadline = time.monotonic() + timeout_s
    while not path.is_file():
        assert time.monotonic() < deadline, f"{path.name} was not downloaded"
        time.sleep(0.1)
    return path.read_bytes()
