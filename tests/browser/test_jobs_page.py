"""The UI's list of jobs, built and delivered as a person gets it."""

from __future__ import annotations

import pytest
from tests.browser.chromium import Chromium
from tests.browser.jobs import NASTY
from tests.conftest import not_available

from namdrunner.client import Client
from namdrunner.server.pages import ui_is_built

pytestmark = pytest.mark.browser


@pytest.fixture(autouse=True)
def built() -> None:
    if not ui_is_built():
        not_available("the web UI is not built")


def test_finished_jobs_are_listed_and_nothing_in_a_name_is_markup(client: Client, chromium: Chromium) -> None:
    chromium.open(client.open_ticket()["url"])
    shown = chromium.wait_for_text("Ubiquitin in water")
    assert NASTY in shown
    assert "Completed" in shown
    assert "4711" in shown
    assert chromium.evaluate("[...document.querySelectorAll('main b, main img')].length") == 0
    assert chromium.console == []


def test_the_ui_loads_nothing_from_elsewhere(client: Client, chromium: Chromium) -> None:
    chromium.open(client.open_ticket()["url"])
    chromium.wait_for_text("Ubiquitin in water")
    origins = chromium.evaluate(
        "[...new Set(performance.getEntriesByType('resource').map(e => new URL(e.name).origin))]"
    )
    assert origins == [client.server.url]
