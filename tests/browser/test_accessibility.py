"""Every page, in both themes and in a narrow window."""

from __future__ import annotations

import pytest
from tests.browser.accessibility import violations
from tests.browser.chromium import Chromium

from namdrunner.client import Client

pytestmark = pytest.mark.browser

PAGES = {
    "/jobs": "Ubiquitin",
    "/jobs/JOB": "Timeline",
    "/jobs/JOB/live": "ns/day",
    "/jobs/JOB/files": "Not connected",
    "/jobs/JOB/logs": "Follow",
    "/jobs/JOB/script": "Job script",
    "/create": "What it takes",
    "/create/configure": "NAMD config",
    "/templates": "Use it in a job",
    "/templates/explicit_solvent_npt": "langevin_damping",
    "/settings/clusters": "login.example.org",
    "/settings/general": "Limits on each cluster's connection",
    "/settings/appearance": "Like the system",
    "/settings/database": "Back up now",
    "/settings/about": "Version",
    "/nothing/here": "There is nothing here",
}
"""What every page has to show before it is looked at."""


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_everybody_can_use_every_page(client: Client, chromium: Chromium, theme: str) -> None:
    job = client.jobs.list(search="Ubiquitin")["jobs"][0]["id"]
    chromium.emulate(1280, 720, theme)
    chromium.open(client.open_ticket("/jobs")["url"])
    found = {}
    for path, wanted in PAGES.items():
        chromium.wait_for("document.readyState === 'complete'")
        chromium.open(client.server.url + path.replace("JOB", job))
        chromium.wait_for_text(wanted)
        found[path] = violations(chromium)
    assert {path: what for path, what in found.items() if what} == {}
    assert chromium.console == []


def test_the_menus_and_the_palette_work_by_keyboard(client: Client, chromium: Chromium) -> None:
    chromium.open(client.open_ticket("/jobs")["url"])
    chromium.wait_for_text("Ubiquitin")
    chromium.evaluate("dispatchEvent(new KeyboardEvent('keydown', {key: 'k', ctrlKey: true}))")
    chromium.fill("Find a job or a command", "ubiq")
    chromium.wait_for_text("Ubiquitin")
    chromium.wait_for("document.querySelector('[role=option][aria-selected=true]')?.innerText.includes('Ubiquitin')")
    assert violations(chromium) == []
    chromium.press("Enter", 13)
    chromium.wait_for_text("Timeline")
    assert chromium.console == []


def test_a_narrow_window_hides_nothing(client: Client, chromium: Chromium) -> None:
    chromium.emulate(600, 800)
    chromium.open(client.open_ticket("/jobs")["url"])
    chromium.wait_for_text("Ubiquitin")
    assert violations(chromium) == []
    assert chromium.evaluate("document.documentElement.scrollWidth <= innerWidth")
