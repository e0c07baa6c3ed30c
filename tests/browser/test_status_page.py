"""The plain status page, as a person sees it: let in once, kept up to date, locked for everybody else."""

from __future__ import annotations

import pytest
from tests.browser.chromium import Chromium
from tests.browser.jobs import NASTY

from namdrunner.client import Client

pytestmark = pytest.mark.browser

PAGE = "/static/status.html"
"""Shown at / where the UI is not built."""


def test_finished_jobs_are_there_and_the_log_is_one_click_away(client: Client, chromium: Chromium) -> None:
    chromium.open(client.open_ticket(PAGE)["url"])
    shown = chromium.wait_for_text("COMPLETED")
    assert "Ubiquitin in water" in shown
    assert "4711" in shown
    assert "ralphie@login.example.org" in shown
    chromium.click("#jobs tbody button")
    assert "NAMD finished" in chromium.wait_for_text("NAMD finished")
    assert chromium.console == []


def test_names_are_shown_as_text(client: Client, chromium: Chromium) -> None:
    chromium.open(client.open_ticket(PAGE)["url"])
    assert NASTY in chromium.wait_for_text("COMPLETED")
    assert chromium.evaluate("document.querySelectorAll('#jobs td b, #jobs td img').length") == 0


def test_a_new_cluster_appears_without_a_reload(client: Client, chromium: Chromium) -> None:
    chromium.open(client.open_ticket(PAGE)["url"])
    chromium.wait_for_text("COMPLETED")
    client.clusters.add("blanca", host="blanca.example.org")
    assert "blanca.example.org" in chromium.wait_for_text("blanca")


def test_without_a_ticket_the_page_is_locked(client: Client, chromium: Chromium) -> None:
    url = client.open_ticket(PAGE)["url"]
    chromium.open(client.server.url)
    chromium.wait_for_text("namdrunner")
    assert "Ubiquitin" not in chromium.text()
    chromium.open(url)
    chromium.wait_for_text("Ubiquitin")
