"""The Structure tab: molecules are drawn, frames are counted and played, and without WebGL it says so."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path

import numpy as np
import pytest
from tests.browser.accessibility import violations
from tests.browser.chromium import Chromium
from tests.browser.jobs import ended_job

from namdrunner.client import Client, stop_server
from namdrunner.demo.sample import sample_job
from namdrunner.jobs.record import InputFile, OutputFile, RunPlan
from namdrunner.namd.dcd import DcdWriter
from namdrunner.namd.pdb import read_pdb
from namdrunner.paths import Folders
from namdrunner.remote.values import TransferredFile
from namdrunner.server import pages
from namdrunner.services.local_copies import LocalCopies
from namdrunner.store.clusters import ClusterRepository, StoredCluster
from namdrunner.store.database import Database
from namdrunner.store.jobs import JobRepository, StoredJob

pytestmark = [pytest.mark.browser]

FRAMES = 6
SOFTWARE = ("--use-gl=angle", "--use-angle=swiftshader", "--enable-unsafe-swiftshader")
BLIND = "This browser cannot draw in three dimensions"
COLOURS = """(() => {
  const drawn = document.querySelector('canvas[data-frames]');
  const flat = document.createElement('canvas');
  [flat.width, flat.height] = [drawn.width, drawn.height];
  const context = flat.getContext('2d');
  context.drawImage(drawn, 0, 0);
  return new Set(new Uint32Array(context.getImageData(0, 0, flat.width, flat.height).data.buffer)).size;
})()"""
"""How many different colours the picture has: one when nothing is drawn."""


@pytest.fixture(scope="module", autouse=True)
def built() -> None:
    assert pages.ui_is_built(), "the web UI is not built: run scripts/build_ui.py"


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Client, StoredJob]]:
    """A finished job whose structure and trajectory are on this computer: nothing is connected."""
    folders = Folders.below(tmp_path_factory.mktemp("home")).ensure()
    files = tmp_path_factory.mktemp("files")
    job = finished_job(files, folders)
    database = Database(folders.database)
    ClusterRepository(database).add(StoredCluster("alpine", "login.example.org", user="ralphie"))
    JobRepository(database).add(job, texts={"config": "dcdFreq 250\n"})
    empty = ended_job("Nothing to see")
    JobRepository(database).add(empty)
    database.close()
    with Client.connect(folders) as connected:
        yield connected, job
        stop_server(connected.server, force=True)


def finished_job(files: Path, folders: Folders) -> StoredJob:
    paths = [path for group in sample_job(files / "sample").files.values() for path in group]
    psf = next(path for path in paths if path.suffix == ".psf")
    start = read_pdb(next(path for path in paths if path.suffix == ".pdb")).coordinates
    dcd = files / "trialanine.dcd"
    noise = np.random.default_rng(5)
    with DcdWriter(dcd, len(start), first_step=250, step_interval=250, timestep_fs=2.0) as writer:
        for _ in range(FRAMES):
            writer.write(start + noise.normal(0, 0.1, start.shape), np.diag([28.0, 28.0, 28.0]))
    job = ended_job("Trialanine")
    data = psf.read_bytes()
    given = InputFile(
        name=psf.name, bytes=len(data), sha256=sha256(data).hexdigest(), role="structure", source=str(psf)
    )
    size = dcd.stat().st_size
    output = OutputFile(name="outputs/trialanine.dcd", bytes=size, modified_at=datetime.now(UTC))
    LocalCopies(folders).remember(job.id, {output.name: TransferredFile("x", str(dcd), size, "0" * 64)})
    record = job.record.model_copy(update={"inputs": (given,), "run": RunPlan(timestep_fs=2.0)})
    return replace(job, record=record, status=job.status.model_copy(update={"outputs": (output,)}))


@pytest.fixture
def seeing(chromium_program: str, tmp_path: Path) -> Iterator[Chromium]:
    """A browser that draws with the processor where there is no graphics card."""
    with Chromium(chromium_program, tmp_path / "chromium", SOFTWARE) as browser:
        yield browser


def enter(browser: Chromium, client: Client) -> None:
    client.status()  # a connection that was closed for being idle is opened again for what changes nothing
    browser.open(client.open_ticket()["url"])


def open_structure(browser: Chromium, client: Client, job: StoredJob) -> None:
    enter(browser, client)
    browser.wait_for_text("Trialanine", 30)
    browser.press_button("Trialanine")
    browser.press_button("Structure")


def test_molecules_and_their_frames(here: tuple[Client, StoredJob], seeing: Chromium) -> None:
    client, job = here
    seeing.emulate(1280, 720)
    open_structure(seeing, client, job)
    drawn = f"Number(document.querySelector('canvas[data-frames]')?.dataset.frames) === {FRAMES}"
    seeing.wait_for(f"{drawn} || document.body.innerText.includes({BLIND!r})", 60)
    if BLIND in seeing.text():  # neither a graphics card nor a substitute: then it says so
        return
    seeing.wait_for(f"{COLOURS} > 20", 30)
    shown = seeing.wait_for_text(f"frame 1 of {FRAMES}, step 250, 0.5 ps")
    assert f"{FRAMES} of {FRAMES} frames loaded" in shown
    assert "46 of 2,158 atoms shown" in shown
    seeing.press_button("Next frame")
    seeing.wait_for_text(f"frame 2 of {FRAMES}, step 500, 1 ps")
    seeing.press_button("Play")
    seeing.wait_for("document.querySelector('input[type=range]').value !== '1'", 30)
    seeing.press_button("Pause")
    for theme in ("light", "dark"):
        seeing.emulate(1280, 720, theme)
        assert violations(seeing) == []
    seeing.evaluate("[...document.querySelectorAll('label')].find(l => l.innerText.trim() === 'Water').click()")
    seeing.wait_for_text("2,158 of 2,158 atoms shown", 30)
    # What the tab drew with goes with it, and comes again.
    seeing.press_button("Overview")
    seeing.wait_for("!document.querySelector('canvas')")
    seeing.press_button("Structure")
    seeing.wait_for(drawn, 60)
    assert seeing.console == []


def test_without_webgl_it_says_what_to_do(
    here: tuple[Client, StoredJob], chromium_program: str, tmp_path: Path
) -> None:
    with Chromium(chromium_program, tmp_path / "chromium", ["--disable-3d-apis"]) as browser:
        open_structure(browser, *here)
        shown = browser.wait_for_text(BLIND, 60)
        assert "hardware acceleration" in shown
        assert violations(browser) == []


def test_a_job_without_a_structure_says_what_is_missing(here: tuple[Client, StoredJob], chromium: Chromium) -> None:
    client, _ = here
    enter(chromium, client)
    chromium.wait_for_text("Nothing to see", 30)
    chromium.press_button("Nothing to see")
    chromium.press_button("Structure")
    assert "PSF" in chromium.wait_for_text("Nothing names the atoms", 30)
    assert violations(chromium) == []
