"""A person's day on real Slurm, logged in to by questions and answers: files, job, network trouble, results."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from tests.browser.accessibility import violations
from tests.browser.chromium import Chromium
from tests.browser.door import Door

from namdrunner.client import Client, stop_server
from namdrunner.demo.sample import make_sample
from namdrunner.paths import Folders

if TYPE_CHECKING:
    from tests.integration.slurm_cluster import SlurmCluster

pytestmark = [pytest.mark.browser, pytest.mark.slurm]

BULK = 24_000_000
"""Bytes of the file in whose middle the connection breaks."""
SLOWLY = 4_000_000.0
CONFIG = """
structure       sample.psf
coordinates     sample.pdb
paraTypeCharmm  on
parameters      sample.prm
parameters      remarks.prm
temperature     300
exclude         scaled1-4
1-4scaling      1.0
cutoff          8.0
switching       on
switchdist      7.0
pairlistdist    10.0
timestep        2.0
rigidBonds      all
nonbondedFreq   1
fullElectFrequency 2
stepsPerCycle   10
cellBasisVector1 27.9 0 0
cellBasisVector2 0 27.9 0
cellBasisVector3 0 0 27.9
PME             on
PMEGridSpacing  1.2
langevin        on
langevinDamping 1
langevinTemp    300
outputName      prod
outputEnergies  10
outputTiming    10
restartfreq     10
dcdfreq         10
xstFreq         10
minimize        20
reinitvels      300
run             80
"""
NAME = '<img src=x onerror="document.title=1"> in water'


@pytest.fixture(scope="module")
def door(slurm_cluster: SlurmCluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Door]:
    with Door(slurm_cluster, tmp_path_factory.mktemp("door")).opened() as opened:
        yield opened


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> Folders:
    return Folders.below(tmp_path_factory.mktemp("home")).ensure()


@pytest.fixture(scope="module")
def client(door: Door, slurm_cluster: SlurmCluster, folders: Folders) -> Iterator[Client]:
    with Client.connect(folders) as connected:
        connected.clusters.add(
            "hall",
            slurm_cluster.host,
            port=door.port,
            user=slurm_cluster.user,
            profile=str(slurm_cluster.profile),
            project_root=str(slurm_cluster.project_root),
            scratch_root=str(slurm_cluster.scratch_root),
        )
        yield connected
        stop_server(connected.server, force=True)


@pytest.fixture
def inputs(tmp_path: Path) -> list[Path]:
    folder = tmp_path / "inputs"
    make_sample(folder)
    (folder / "prod.namd").write_text(CONFIG)
    remarks = (f"! {os.urandom(1000).hex()}\n" for _ in range(BULK // 2000))
    (folder / "remarks.prm").write_text("".join(remarks))
    return [folder / name for name in ("prod.namd", "sample.psf", "sample.pdb", "sample.prm", "remarks.prm")]


def connect(chromium: Chromium) -> None:
    """From whatever state the connection menu shows."""
    button = "[...document.querySelectorAll('header button')].find(e => /^hall: (?!conn)/.test(e.innerText.trim()))"
    chromium.press_button(str(chromium.wait_for(f"{button}?.innerText.trim()", 60)))
    item = "[...document.querySelectorAll('[role=menuitem]')].find(e => e.innerText.includes('hall'))"
    chromium.wait_for(f"Boolean({item})")
    chromium.evaluate(f"{item}.click()")


def answer(chromium: Chromium, password: str) -> None:
    """The question that is open, in the server's own words."""
    field = "document.querySelector('[role=dialog] input[type=password]')"
    chromium.wait_for(f"{field}?.value === '' && {field}.labels[0].innerText === 'Password:'", 30)
    chromium.evaluate(f"(f => {{ f.closest('[role=dialog]').id = 'answered'; f.focus() }})({field})")
    chromium.type(password)
    chromium.press("Enter", 13, "\r")
    chromium.wait_for("!document.getElementById('answered')", 30)


def log_in(chromium: Chromium, password: str) -> None:
    connect(chromium)
    answer(chromium, password)
    chromium.wait_for_text("hall: connected", 40)


def test_a_day(
    client: Client, door: Door, slurm_cluster: SlurmCluster, chromium: Chromium, inputs: list[Path], tmp_path: Path
) -> None:
    password = slurm_cluster.password
    chromium.emulate(1280, 720)
    chromium.open(client.open_ticket("/create")["url"])

    # Logging in: the host key is shown, the question is the server's own, a wrong answer is said to be wrong.
    connect(chromium)
    assert door.fingerprint in chromium.wait_for_text("Trust this host", 30)
    chromium.press_button("Trust this host")
    answer(chromium, "not the password")
    chromium.wait_for_text("did not accept", 40)
    log_in(chromium, password)

    # The form, with a reload after every step.
    chromium.fill("Name", NAME)
    chromium.fill("Cores", "2")
    chromium.fill("Walltime", "00:10:00")
    chromium.wait_for("localStorage['namdrunner.draft']?.includes('00:10:00')")
    chromium.reload()
    chromium.wait_for(f"document.getElementById('create-name')?.value === {json.dumps(NAME)}")
    chromium.press_button("Next: Configure")
    chromium.wait_for_text("Use an existing NAMD config")
    chromium.evaluate("document.querySelector('input[type=radio][value=config]').click()")
    chromium.wait_for("Boolean(document.querySelector('[data-testid=choose-files]'))")
    chromium.choose_files("[data-testid=choose-files]", inputs)
    chromium.wait_for_text("5 files copied", 60)
    chromium.wait_for("localStorage['namdrunner.draft']?.includes('remarks.prm')")
    chromium.reload()
    chromium.wait_for_text("prod.namd")
    chromium.press_button("Next: Review")
    chromium.wait_for_text("4 files", 60)
    chromium.reload()
    chromium.wait_for_text("Expected", 60)
    assert violations(chromium) == []
    chromium.press_button("Ask Slurm when it would start")
    chromium.wait_for_text("Slurm would start the job", 60)

    # The network breaks in the middle of the upload, and the job goes on from there.
    door.throttle(SLOWLY)
    force = "document.querySelector('.force input')"
    chromium.evaluate(f"{force} && !{force}.checked && {force}.click(); null")
    chromium.press_button("Upload only")
    chromium.wait_for("document.querySelector('progress')?.value > 2_000_000", 60)
    chromium.reload()
    chromium.wait_for("document.querySelector('progress')?.value > 3_000_000", 60)
    door.cut()
    chromium.wait_for_text("Open the job", 90)
    door.throttle(None)
    chromium.press_button("Open the job")
    chromium.wait_for("location.pathname.startsWith('/jobs/')", 30)
    [job] = client.jobs.list()["jobs"]
    assert job["status"] in ("CREATED", "UPLOADING")
    log_in(chromium, password)
    chromium.press_button("Submit", 60)
    shown = chromium.wait_for_text("Running", 120)
    assert NAME in shown
    assert chromium.evaluate("document.querySelectorAll('img[src=x]').length") == 0

    # Live charts until the end, in a narrow and dark window, too.
    chromium.press_button("Live")
    chromium.wait_for("document.querySelectorAll('canvas').length >= 3", 120)
    chromium.emulate(640, 800, "dark")
    chromium.wait_for_text("Completed", 240)
    assert violations(chromium) == []
    assert chromium.evaluate("document.documentElement.scrollWidth <= innerWidth")
    chromium.emulate(1280, 720)
    chromium.reload()
    chromium.wait_for("document.querySelectorAll('canvas').length >= 3", 60)

    # The results come home as they lie there, and then everything goes.
    chromium.press_button("Files")
    folder = tmp_path / "downloads"
    folder.mkdir()
    chromium.downloads_to(folder)
    chromium.press_button("Download prod.dcd", 60)
    arrived = wait_for_file(folder / "prod.dcd")
    home = Path(str(slurm_cluster.project_root)) / "namdrunner_jobs" / job["id"]
    [there] = list(home.rglob("prod.dcd"))
    assert there.read_bytes() == arrived
    chromium.press_button("Delete")
    chromium.press_button("Delete the job")
    chromium.wait_for("location.pathname === '/jobs'", 60)
    assert client.jobs.list()["jobs"] == []
    assert not home.exists()
    # What was cut off is reported by the browser; nothing else may be.
    assert [line for line in chromium.console if "Failed to load resource" not in line] == []


def test_a_changed_host_key_blocks_and_says_so(
    client: Client, folders: Folders, door: Door, slurm_cluster: SlurmCluster, chromium: Chromium
) -> None:
    chromium.open(client.open_ticket("/jobs")["url"])
    chromium.wait_for_text("hall: ", 30)
    client.clusters.disconnect("hall")
    known = folders.known_hosts
    if not known.exists():  # where this test runs alone, nobody has trusted the host yet
        known.write_text(f"[{slurm_cluster.host}]:{door.port} {door.public_key}\n")
    door.stop()
    door.rotate_host_key()
    door.start()
    connect(chromium)
    shown = chromium.wait_for_text(door.fingerprint, 40)
    assert "shows another host key than before" in shown
    assert "Trust this host" not in shown
    assert client.clusters.get("hall")["state"] == "disconnected"
    assert violations(chromium) == []

    # Only a person who has compared the keys can have the old one forgotten, and is asked about the new one again.
    forget = (
        "[...document.querySelectorAll('[role=dialog] button')].find(b => b.innerText.trim() === 'Forget the old key')"
    )
    assert chromium.wait_for(f"({forget})?.disabled")
    chromium.click("[role=dialog] input[type=checkbox]")
    chromium.press_button("Forget the old key")
    chromium.wait_for_text("is forgotten", 30)
    connect(chromium)
    assert door.fingerprint in chromium.wait_for_text("Trust this host", 40)
    chromium.press_button("Do not trust")


def wait_for_file(path: Path, timeout_s: float = 60.0) -> bytes:
    deadline = time.monotonic() + timeout_s
    while not path.is_file():
        assert time.monotonic() < deadline, f"{path.name} was not downloaded"
        time.sleep(0.1)
    return path.read_bytes()
