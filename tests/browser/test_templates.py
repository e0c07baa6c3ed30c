"""Templates and settings in the browser: imported, edited, restored, used; changed, carried over."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tests.browser.accessibility import violations
from tests.browser.chromium import Chromium

from namdrunner.client import Client

pytestmark = pytest.mark.browser


def drop(chromium: Chromium, name: str, text: str) -> None:
    """Let go of a file over the page."""
    chromium.evaluate(
        "(() => { const transfer = new DataTransfer();"
        f" transfer.items.add(new File([{json.dumps(text)}], {json.dumps(name)}));"
        " dispatchEvent(new DragEvent('drop', {dataTransfer: transfer, bubbles: true, cancelable: true})); })()"
    )


def choose(chromium: Chromium, testid: str, name: str, text: str) -> None:
    """Choose a file in the hidden chooser."""
    chromium.evaluate(
        "(() => { const transfer = new DataTransfer();"
        f" transfer.items.add(new File([{json.dumps(text)}], {json.dumps(name)}));"
        f" const input = document.querySelector('[data-testid={testid}]'); input.files = transfer.files;"
        " input.dispatchEvent(new Event('change', {bubbles: true})); })()"
    )


def test_a_config_is_dropped_edited_restored_and_used(client: Client, chromium: Chromium) -> None:
    chromium.emulate(1280, 720)
    chromium.open(client.open_ticket("/templates")["url"])
    chromium.wait_for_text("Restrained equilibration ladder")
    drop(chromium, "lab run.namd", "structure a.psf\ncoordinates a.pdb\nparameters p.prm\ntemperature 300\nrun 20\n")
    chromium.wait_for("location.pathname === '/templates/lab_run'")
    chromium.wait_for_text("current")
    assert violations(chromium) == []
    text = str(client.templates.get("lab_run")["text"])
    client.templates.save(text.replace("number 300", "number 310"), replace=True)
    chromium.open(client.server.url + "/templates/lab_run")
    chromium.press_button("Compare version 1 with the current one")
    chromium.wait_for_text("+#@ var temperature number 310")
    assert violations(chromium) == []
    chromium.press_button("Restore version 1")
    chromium.wait_for_text("Version 1 is the current one again")
    assert client.templates.get("lab_run")["text"] == text
    chromium.press_button("Use it in a job")
    chromium.wait_for("location.pathname === '/create'")
    assert chromium.console == []


def test_an_edit_elsewhere_is_not_overwritten_unasked(client: Client, chromium: Chromium) -> None:
    client.templates.duplicate("npt_production", "shared")
    chromium.open(client.open_ticket("/templates/shared/edit")["url"])
    content = "document.querySelector('.editor .code')?.shadowRoot?.querySelector('.cm-content')"
    chromium.wait_for(f"Boolean({content})")
    text = str(client.templates.get("shared")["text"])
    client.templates.save(text.replace("100 ns", "50 ns"), replace=True)
    chromium.evaluate(f"{content}.focus()")
    chromium.type("# mine\n")
    chromium.press_button("Save")
    chromium.wait_for_text("was changed elsewhere")
    assert violations(chromium) == []
    chromium.press_button("Replace the other one")
    chromium.wait_for("location.pathname === '/templates/shared'")
    assert "# mine" in str(client.templates.get("shared")["text"])


def test_what_cannot_be_imported_is_said(client: Client, chromium: Chromium) -> None:
    chromium.open(client.open_ticket("/templates")["url"])
    chromium.wait_for_text("FEP window")
    choose(chromium, "import", "x.namd", "hello")
    chromium.wait_for_text("cannot be made a template")
    chromium.fill("Search templates", "nothing at all")
    chromium.wait_for_text("No template matches")
    assert violations(chromium) == []


def test_settings_are_changed_refused_and_carried_over(client: Client, chromium: Chromium, tmp_path: Path) -> None:
    chromium.emulate(1280, 720)
    chromium.open(client.open_ticket("/settings/general")["url"])
    chromium.wait_for_text("Limits on each cluster's connection")
    assert violations(chromium) == []
    chromium.fill("Sessions", "999")
    chromium.press_button("Save")
    chromium.wait_for_text("Give a whole number from 3 to 64")
    assert violations(chromium) == []
    chromium.fill("Sessions", "4")
    chromium.press_button("Save")
    chromium.wait_for_text("Settings saved.")
    values = {s["key"]: s["value"] for s in client.settings.show()["settings"]}
    assert values["limits.sessions"] == 4
    chromium.downloads_to(tmp_path)
    chromium.press_button("Export all")
    chromium.wait_for_text("Exported 1 cluster")
    document = client.settings.export()
    document["settings"]["limits.sessions"] = 6
    choose(chromium, "import-settings", "s.json", json.dumps(document))
    chromium.wait_for_text("Here already, kept")
    assert {s["key"]: s["value"] for s in client.settings.show()["settings"]}["limits.sessions"] == 6
    choose(chromium, "import-settings", "s.json", "[]")
    chromium.wait_for_text("cannot be imported")
    client.settings.change({"limits.sessions": None})


def test_the_theme_of_the_settings_is_used(client: Client, chromium: Chromium) -> None:
    client.settings.change({"appearance.theme": "dark"})
    chromium.open(client.open_ticket("/settings/appearance")["url"])
    chromium.wait_for("document.documentElement?.dataset.theme === 'dark'")
    assert violations(chromium) == []
    client.settings.change({"appearance.theme": None})
    chromium.wait_for("document.documentElement?.dataset.theme === undefined")
