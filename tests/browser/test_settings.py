"""The database looked after, clusters edited and templates written, in the browser."""

from __future__ import annotations

import json

import pytest
from tests.browser.accessibility import violations
from tests.browser.chromium import Chromium

from namdrunner.client import Client

pytestmark = pytest.mark.browser


def confirm(chromium: Chromium, title: str) -> None:
    """Press the action of the dialog with this title, and wait until it is gone."""
    dialog = f"[...document.querySelectorAll('[role=dialog]')].find(e => e.innerText.includes({json.dumps(title)}))"
    chromium.wait_for(f"Boolean({dialog})")
    chromium.evaluate(f"[...{dialog}.querySelectorAll('button')].at(-1).click()")
    chromium.wait_for("!document.querySelector('[role=dialog]')")


def test_what_is_forgotten_can_be_restored(client: Client, chromium: Chromium) -> None:
    jobs = len(client.jobs.list()["jobs"])
    chromium.open(client.open_ticket("/settings/database")["url"])
    chromium.press_button("Back up now")
    chromium.wait_for_text("Backed up to")
    chromium.press_button("Forget jobs")
    chromium.wait_for_text("Nothing on the clusters is touched")
    assert violations(chromium) == []
    chromium.press_button("Keep")
    assert len(client.jobs.list()["jobs"]) == jobs
    chromium.wait_for("!document.querySelector('[role=dialog]')")
    chromium.press_button("Start anew")
    confirm(chromium, "Forget jobs and clusters?")
    chromium.wait_for_text("0 jobs, 0 clusters")
    chromium.press_button("Restore")
    confirm(chromium, "Restore this backup?")
    chromium.wait_for_text("1 cluster")
    assert len(client.jobs.list()["jobs"]) == jobs


def test_a_cluster_is_changed_and_only_where_it_was(client: Client, chromium: Chromium) -> None:
    chromium.open(client.open_ticket("/settings/clusters")["url"])
    chromium.press_button("Edit")
    chromium.fill("Host", "bad host!")
    chromium.press_button("Save")
    chromium.wait_for_text("is not a host name")
    chromium.fill("Host", "other.example.org")
    assert violations(chromium) == []
    chromium.press_button("Save")
    chromium.wait_for_text("ralphie@other.example.org")
    assert client.clusters.get("alpine")["user"] == "ralphie"


def test_a_template_is_written_checked_and_kept(client: Client, chromium: Chromium) -> None:
    chromium.open(client.open_ticket("/templates/new")["url"])
    chromium.wait_for_text("Rendered")
    content = "document.querySelector('.editor .code')?.shadowRoot?.querySelector('.cm-content')"
    chromium.wait_for(f"Boolean({content})")
    assert violations(chromium) == []
    chromium.evaluate(f"{content}.focus()")
    chromium.type("#@ var broken nonsense\n")
    chromium.wait_for_text("Not valid yet")
    chromium.wait_for_text("Line 1")
    assert violations(chromium) == []
    for _ in range(len("#@ var broken nonsense\n")):
        chromium.press("Backspace", 8)
    chromium.wait_for("!document.body.innerText.includes('Not valid yet')")
    chromium.press_button("Save")
    chromium.wait_for("location.pathname === '/templates/my_template'")
    assert "my_template" in [template["id"] for template in client.templates.list()]
    chromium.press_button("Delete")
    confirm(chromium, "Delete this template?")
    chromium.wait_for("location.pathname === '/templates'")
    assert "my_template" not in [template["id"] for template in client.templates.list()]
