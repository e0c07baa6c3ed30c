"""Pictures of every page in both themes and two sizes, with real jobs of a demo cluster: ``make screenshots``."""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from tests.browser.chromium import Chromium, find_chromium  # noqa: E402

from namdrunner.cli.connecting import connect_cluster  # noqa: E402
from namdrunner.cli.prompting import Answers  # noqa: E402
from namdrunner.client import Client, stop_server  # noqa: E402
from namdrunner.demo.cluster import DemoCluster  # noqa: E402
from namdrunner.demo.sample import sample_job  # noqa: E402
from namdrunner.paths import Folders  # noqa: E402
from namdrunner.server.pages import ui_is_built  # noqa: E402

SIZES = ((1280, 720), (1920, 1080))
THEMES = ("light", "dark")


@dataclass(frozen=True)
class Page:
    """``ready``: a JavaScript expression that is true once the page shows what it should."""

    name: str
    path: str
    ready: str
    then: str = ""


def says(text: str) -> str:
    return f"document.body?.innerText.includes({json.dumps(text)})"


PAGES = (
    Page("jobs", "/jobs", says("Completed")),
    Page("job-overview", "/jobs/DONE", says("Timeline")),
    Page("job-live", "/jobs/DONE/live", "document.querySelectorAll('canvas').length >= 3"),
    Page("job-files", "/jobs/DONE/files", says("trialanine.dcd")),
    Page("job-structure", "/jobs/DONE/structure", "document.readyState === 'complete'"),
    Page("job-logs", "/jobs/DONE/logs", says("Follow")),
    Page("job-script", "/jobs/DONE/script", "Boolean(document.querySelector('.code')?.shadowRoot)"),
    Page("create-resources", "/create", says("What it takes")),
    Page("create-configure", "/create/configure", says("NAMD config")),
    Page("create-review", "/create/review", says("Expected")),
    Page("templates", "/templates", says("Use it in a job")),
    Page("template", "/templates/explicit_solvent_npt", says("langevin_damping")),
    Page("template-editor", "/templates/explicit_solvent_npt/edit", says("Rendered")),
    Page("settings-clusters", "/settings/clusters", says("demo")),
    Page("settings-appearance", "/settings/appearance", says("Like the system")),
    Page("settings-database", "/settings/database", says("Back up now")),
    Page("settings-about", "/settings/about", says("Version")),
    Page(
        "logs-panel",
        "/jobs",
        says("Completed"),
        "[...document.querySelectorAll('section[aria-label=Logs] button')][0].click()",
    ),
    Page("palette", "/jobs", says("Completed"), "dispatchEvent(new KeyboardEvent('keydown',{key:'k',ctrlKey:true}))"),
    Page("missing", "/nothing/here", says("There is nothing here")),
)


@contextmanager
def running(home: Path) -> Iterator[tuple[Client, DemoCluster]]:
    """A demo cluster, and a server that is connected to it."""
    with DemoCluster(home / "cluster") as cluster, Client.connect(Folders.below(home / "home").ensure()) as client:
        facts = cluster.facts
        client.clusters.add(
            "demo",
            facts.host,
            port=facts.port,
            user=facts.user,
            profile=facts.profile,
            project_root=facts.project_root,
            scratch_root=facts.scratch_root,
        )
        answers = Answers(secrets=[facts.password], host_keys=[facts.host_key_fingerprint], interactive=False)
        connect_cluster(client, "demo", answers)
        try:
            yield client, cluster
        finally:
            stop_server(client.server, force=True)


def make_jobs(client: Client, folder: Path) -> str:
    """One job that completed, one that runs, some that wait and one that is ready; the id of the first."""
    sample = sample_job(folder)
    files = {key: [str(path) for path in paths] for key, paths in sample.files.items()}
    cores = min(2, os.cpu_count() or 1)

    def make(name: str, *, submit: bool = True, **values: Any) -> str:
        request = {
            "name": name,
            "cluster": "demo",
            "template": sample.template,
            "values": dict(sample.values) | values,
            "files": files,
            "resources": {"cores": cores, "walltime": "00:30:00"},
            "submit": submit,
        }
        return str(client.wait(client.jobs.create(request))["job"]["id"])

    done = make("Trialanine, 300 K")
    wait_for(client, done, {"COMPLETED"})
    wait_for(client, make("Trialanine, 310 K", temperature=310, duration="1 ns"), {"RUNNING"})
    for kelvin in (320, 330):
        make(f"Trialanine, {kelvin} K", temperature=kelvin)
    make("Trialanine, 340 K", temperature=340, submit=False)
    return done


def wait_for(client: Client, job: str, states: set[str], timeout_s: float = 400.0) -> None:
    deadline = time.monotonic() + timeout_s
    while (status := client.jobs.get(job)["status"]) not in states:
        if status in ("FAILED", "TIMEOUT", "CANCELLED") or time.monotonic() > deadline:
            raise SystemExit(f"The job {job} is {status}.")
        client.wait(client.jobs.sync())
        time.sleep(0.5)


def take(client: Client, chromium: Chromium, job: str, target: Path, suffix: str) -> None:
    chromium.open(client.open_ticket(f"/create?from={job}")["url"])
    chromium.wait_for("(localStorage['namdrunner.draft'] ?? '').includes('(copy)')")
    for width, height in SIZES:
        folder = target / f"{width}x{height}"
        folder.mkdir(parents=True, exist_ok=True)
        for theme in THEMES:
            chromium.emulate(width, height, theme)
            for page in PAGES:
                chromium.open(client.server.url + page.path.replace("DONE", job))
                chromium.wait_for(page.ready, 60)
                if page.then:
                    chromium.evaluate(f"{page.then}; null")
                settle(chromium)
                chromium.screenshot(folder / f"{page.name}-{theme}.{suffix}")
                print(f"{folder.name}/{page.name}-{theme}.{suffix}", flush=True)


def settle(chromium: Chromium) -> None:
    """Until the page has not changed for a third of a second."""
    chromium.evaluate(
        "new Promise(done => { let timer; const later = () => { clearTimeout(timer);"
        " timer = setTimeout(() => { watch.disconnect(); done(true) }, 350) };"
        " const watch = new MutationObserver(later);"
        " watch.observe(document.body, {subtree: true, childList: true, attributes: true, characterData: true});"
        " setTimeout(() => { watch.disconnect(); done(true) }, 4000); later() })"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--to", type=Path, default=ROOT / "build" / "screenshots", help="folder for the pictures")
    parser.add_argument("--format", choices=("png", "webp"), default="png")
    options = parser.parse_args()
    program = find_chromium()
    if program is None or not ui_is_built():
        raise SystemExit("Chromium or the built web UI is missing: install Chromium, run scripts/build_ui.py.")
    with tempfile.TemporaryDirectory(prefix="namdrunner-screens-") as name:
        home = Path(name)
        (home / "profile").mkdir()
        with running(home) as (client, _), Chromium(program, home / "profile") as chromium:
            job = make_jobs(client, home / "sample")
            take(client, chromium, job, options.to, options.format)
            if chromium.console:
                raise SystemExit("The pages reported errors:\n" + "\n".join(sorted(set(chromium.console))))
    print(f"The pictures are in {options.to}.")


if __name__ == "__main__":
    main()
