"""Large files from the browser: broken off in the middle, gone on with after a reload, cancelled, of the wrong kind."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from tests.browser.accessibility import violations
from tests.browser.chromium import Chromium

from namdrunner.client import Client
from namdrunner.client.transport import Transport, path_of

pytestmark = pytest.mark.browser

SIZE = 24_000_000
SLOWLY = 3_000_000.0
CHOOSER = "[data-testid=choose-files]"
ARRIVED = "document.querySelector('progress[aria-label^=Copying]')?.value"


@pytest.fixture
def large(tmp_path: Path) -> Path:
    path = tmp_path / "large.prm"
    path.write_bytes(b"! remark " + os.urandom(SIZE // 2).hex().encode())
    return path


def begin(client: Client, chromium: Chromium) -> None:
    chromium.emulate(1280, 720)
    chromium.open(client.open_ticket("/create/configure")["url"])
    chromium.wait_for(f"Boolean(document.querySelector({CHOOSER!r}))")


def staged(client: Client) -> dict[str, int]:
    found: dict[str, int] = asked(client, "storage")["uploads"]
    return found


def asked(client: Client, *path: str) -> Any:
    transport = Transport(client.server)
    try:
        return transport.get(path_of(*path))
    finally:
        transport.close()


def kept(chromium: Chromium) -> Path:
    """The file as it was staged."""
    files = chromium.wait_for("JSON.parse(localStorage['namdrunner.draft'] ?? '{}').files?.[0]?.path", 60)
    return Path(str(files))


def test_it_goes_on_when_the_network_comes_back(client: Client, chromium: Chromium, large: Path) -> None:
    begin(client, chromium)
    chromium.upload_speed(SLOWLY)
    chromium.choose_files(CHOOSER, [large])
    chromium.wait_for(f"{ARRIVED} > 4_000_000", 60)
    chromium.offline()
    chromium.wait_for_text("The connection broke off; it goes on by itself.", 30)
    assert violations(chromium) == []
    chromium.offline(offline=False)
    assert kept(chromium).read_bytes() == large.read_bytes()
    assert staged(client)["unfinished"] == 0


def test_it_goes_on_after_a_reload_when_the_file_is_chosen_again(
    client: Client, chromium: Chromium, large: Path
) -> None:
    begin(client, chromium)
    chromium.upload_speed(SLOWLY)
    chromium.choose_files(CHOOSER, [large])
    chromium.wait_for(f"{ARRIVED} > 4_000_000", 60)
    chromium.reload()
    shown = chromium.wait_for_text("Choose it again to go on", 30)
    assert "large.prm" in shown
    assert violations(chromium) == []
    [part] = asked(client, "uploads", "incoming")["incoming"]
    assert 4_000_000 < part["received"] < SIZE
    chromium.choose_files(CHOOSER, [large])
    chromium.wait_for(f"{ARRIVED} >= {part['received']}", 60)
    chromium.upload_speed(-1)
    assert kept(chromium).read_bytes() == large.read_bytes()
    assert kept(chromium).parent.name == part["id"]


def test_a_cancelled_one_leaves_nothing(client: Client, chromium: Chromium, large: Path) -> None:
    before = staged(client)
    begin(client, chromium)
    chromium.upload_speed(SLOWLY)
    chromium.choose_files(CHOOSER, [large])
    chromium.wait_for(f"{ARRIVED} > 1_000_000", 60)
    chromium.press_button("Cancel large.prm")
    chromium.wait_for("!document.querySelector('progress[aria-label^=Copying]')")
    chromium.wait_for("fetch('/api/v1/uploads/incoming').then(a => a.json()).then(a => a.incoming.length === 0)", 30)
    assert staged(client) == before


def test_files_of_the_wrong_kind_are_said_to_be(client: Client, chromium: Chromium, tmp_path: Path) -> None:
    strange = {
        "empty.psf": b"",
        "picture.pdb": b"\x89PNG\r\n\x1a\n" + bytes(200),
        "name with 'quotes' & <b>.prm": b"* force field\n",
        "ünïcode 結晶.txt": b"hello",
        ".hidden": b"hello",
    }
    for name, content in strange.items():
        (tmp_path / name).write_bytes(content)
    begin(client, chromium)
    chromium.choose_files(CHOOSER, [tmp_path / name for name in strange])
    for wanted in ("The file is empty.", "ünïcode 結晶.txt", "no folder can hold"):
        chromium.wait_for_text(wanted)
    assert chromium.evaluate("document.querySelectorAll('main b').length") == 0
    chromium.wait_for("document.querySelectorAll('.error-text').length >= 3")
    assert violations(chromium) == []
