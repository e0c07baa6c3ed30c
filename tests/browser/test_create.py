"""A job made in the browser: files dropped, mistakes said at their fields, the draft kept, and the job submitted."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.browser.accessibility import violations
from tests.browser.chromium import Chromium

from namdrunner.cli.connecting import connect_cluster
from namdrunner.cli.prompting import Answers
from namdrunner.client import Client, stop_server
from namdrunner.demo.cluster import DemoCluster
from namdrunner.demo.sample import make_sample
from namdrunner.paths import Folders

pytestmark = [pytest.mark.browser, pytest.mark.demo]

OWN = """
structure sample.psf
coordinates sample.pdb
paraTypeCharmm on
parameters sample.prm
temperature 300
exclude scaled1-4
1-4scaling 1.0
cutoff 8.0
switching on
switchdist 7.0
pairlistdist 10.0
timestep 1.0
outputName whole
cellBasisVector1 27.9 0 0
cellBasisVector2 0 27.9 0
cellBasisVector3 0 0 27.9
PME on
PMEGridSpacing 1.2
run 100
"""

NASTY = "<img src=x onerror=alert(1)>"


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DemoCluster]:
    cluster = DemoCluster(tmp_path_factory.mktemp("cluster"))
    cluster.start()
    yield cluster
    cluster.stop()


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sample")
    make_sample(folder)
    return folder


@pytest.fixture(scope="module")
def client(cluster: DemoCluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    """A server of its own, connected to the demo cluster."""
    facts = cluster.facts
    with Client.connect(Folders.below(tmp_path_factory.mktemp("home")).ensure()) as connected:
        connected.clusters.add(
            "demo",
            facts.host,
            port=facts.port,
            user=facts.user,
            profile=facts.profile,
            project_root=facts.project_root,
            scratch_root=facts.scratch_root,
        )
        answers = Answers(secrets=[facts.password], host_keys=[facts.host_key_fingerprint], interactive=False)
        connect_cluster(connected, "demo", answers)
        yield connected
        stop_server(connected.server, force=True)


def drop(chromium: Chromium, files: dict[str, bytes]) -> None:
    """Drop files on the page's drop zone."""
    packed = json.dumps([[name, base64.b64encode(content).decode()] for name, content in files.items()])
    chromium.wait_for("Boolean(document.querySelector('.zone'))")
    chromium.evaluate(
        "(files => { const t = new DataTransfer(); for (const [name, data] of files)"
        " t.items.add(new File([Uint8Array.from(atob(data), c => c.charCodeAt(0))], name));"
        " document.querySelector('.zone').dispatchEvent(new DragEvent('drop', {dataTransfer: t, bubbles: true})) })"
        f"({packed})"
    )


def choose(chromium: Chromium, field: str, value: str) -> None:
    chromium.wait_for(f"Boolean(document.getElementById({json.dumps(field)}))")
    chromium.evaluate(
        "((e, value) => { e.value = value; e.dispatchEvent(new Event('change', {bubbles: true})) })"
        f"(document.getElementById({json.dumps(field)}), {json.dumps(value)})"
    )


def inputs(folder: Path) -> dict[str, bytes]:
    return {
        path.name: path.read_bytes() for path in sorted(folder.iterdir()) if path.suffix in (".psf", ".pdb", ".prm")
    }


def test_from_files_to_a_submitted_job(client: Client, chromium: Chromium, sample: Path) -> None:
    chromium.open(client.open_ticket("/create")["url"])
    chromium.wait_for_text("What it takes")
    chromium.fill("Name", "Peptide in water")
    chromium.fill("Walltime", "00:10:00")
    chromium.wait_for_text("10 min 00 s")
    assert violations(chromium) == []

    chromium.press_button("Next: Configure")
    drop(chromium, inputs(sample))
    chromium.wait_for_text("2,158 atoms, charge 0 e")
    chromium.wait_for_text("From the files: 27.936")
    choose(chromium, "var-mode", "minimize")
    chromium.fill("Minimisation", "100")
    chromium.wait_for_text("108 steps of 2 fs")
    assert violations(chromium) == []
    chromium.wait_for("localStorage['namdrunner.draft']?.includes('\"100 steps\"')")

    chromium.reload()
    chromium.wait_for_text("2,158 atoms, charge 0 e")
    assert chromium.wait_for("document.getElementById('var-minimize_steps')?.value") == "100"

    chromium.press_button("Next: Review")
    chromium.wait_for_text("3 files")
    chromium.wait_for_text("Checks")
    assert violations(chromium) == []
    chromium.press_button("Upload and submit")
    chromium.wait_for("location.pathname.startsWith('/jobs/')", 40)
    [job] = client.jobs.list(search="Peptide in water")["jobs"]
    assert job["slurm_ids"]

    # The draft is used up; the job can be made once more.
    chromium.open(f"{client.server.url}/create?from={job['id']}")
    chromium.wait_for("document.getElementById('create-name')?.value === 'Peptide in water (copy)'")
    chromium.press_button("Next: Configure")
    chromium.wait_for_text("sample.prm")
    assert chromium.wait_for("document.getElementById('var-minimize_steps')?.value") == "100"
    assert chromium.console == []


def test_mistakes_are_said_where_they_were_made(client: Client, chromium: Chromium) -> None:
    chromium.open(client.open_ticket("/create")["url"])
    chromium.wait_for_text("What it takes")
    chromium.fill("Name", NASTY)
    chromium.fill("Walltime", "9-00:00:00")
    chromium.wait_for("document.getElementById('create-walltime-error')?.innerText.includes('longer than')")
    chromium.fill("Walltime", "1:00:00")
    chromium.fill("Memory per node", "64")
    chromium.wait_for("document.getElementById('create-memory-error')?.innerText.includes('has no unit')")
    assert violations(chromium) == []
    chromium.fill("Memory per node", "2GB")

    chromium.press_button("Next: Configure")
    drop(chromium, {"empty.psf": b"", f"{NASTY.replace('/', '')}.txt".replace("<", "_").replace(">", "_"): b"hello"})
    chromium.wait_for_text("The file is empty.")
    chromium.fill("Temperature", "900")
    chromium.wait_for("document.getElementById('var-temperature-error')?.innerText.includes('200 to 400 K')")
    assert violations(chromium) == []

    chromium.press_button("Next: Review")
    shown = chromium.wait_for_text("Before it can be checked")
    assert "Coordinates (PDB) is needed" in shown
    chromium.press_button("Temperature: This has to be 200 to 400 K.")
    chromium.wait_for("document.activeElement.id === 'var-temperature'")
    assert chromium.evaluate("document.querySelectorAll('img[src=x]').length") == 0


def test_a_config_of_ones_own_is_checked_with_its_files(client: Client, chromium: Chromium, sample: Path) -> None:
    config = sample / "own.namd"
    config.write_text("structure sample.psf\ncoordinates missing.pdb\nparameters sample.prm\nrun 100\n")
    chromium.open(client.open_ticket("/create/configure")["url"])
    chromium.wait_for_text("Use an existing NAMD config")
    chromium.evaluate("document.querySelector('input[type=radio][value=config]').click()")
    chromium.fill("Path of a NAMD config on this computer", str(config))
    chromium.press_button("Use")
    chromium.wait_for_text("own.namd")
    chromium.press_button("Next: Review")
    chromium.wait_for_text("missing.pdb")
    assert violations(chromium) == []


def test_a_config_of_ones_own_is_sent_and_sent_once_more(client: Client, chromium: Chromium, sample: Path) -> None:
    config = sample / "whole.namd"
    config.write_text(OWN)
    chromium.open(client.open_ticket("/create")["url"])
    chromium.wait_for_text("What it takes")
    chromium.evaluate("localStorage.clear(); null")
    chromium.reload()
    chromium.wait_for_text("What it takes")
    chromium.fill("Name", "Own config")
    chromium.press_button("Next: Configure")
    chromium.wait_for_text("Use an existing NAMD config")
    chromium.evaluate("document.querySelector('input[type=radio][value=config]').click()")
    chromium.fill("Path of a NAMD config on this computer", str(config))
    chromium.press_button("Use")
    chromium.wait_for_text("whole.namd")
    chromium.press_button("Next: Review")
    chromium.wait_for_text("Expected", 40)
    chromium.press_button("Upload only")
    chromium.wait_for("location.pathname.startsWith('/jobs/')", 60)
    [job] = client.jobs.list(search="Own config")["jobs"]

    chromium.open(f"{client.server.url}/create?from={job['id']}")
    chromium.wait_for("document.getElementById('create-name')?.value === 'Own config (copy)'")
    chromium.press_button("Next: Configure")
    chromium.wait_for_text(str(config))
    chromium.press_button("Next: Review")
    chromium.wait_for_text("3 files", 40)
    assert chromium.console == []
