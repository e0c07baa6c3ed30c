"""Uploads in parts over HTTP: a connection that breaks off loses nothing that arrived."""

from __future__ import annotations

import hashlib
import http.client
import os
import resource
import time
from pathlib import Path

import httpx
import pytest
from tests.unit.server.live import TOKEN, live_server

from namdrunner.paths import Folders

PARTS = "/api/v1/uploads/incoming"
HEADERS = {"Authorization": f"Bearer {TOKEN}"}


async def begin(http: httpx.AsyncClient, **about: object) -> dict[str, object]:
    answer = await http.post(PARTS, json={"name": "a.dcd", "bytes": 10} | about)
    assert answer.status_code == 201, answer.text
    document: dict[str, object] = answer.json()
    return document


async def test_parts_make_a_file(http: httpx.AsyncClient) -> None:
    begun = await begin(http)
    one = await http.patch(f"{PARTS}/{begun['id']}?offset=0", content=b"12345")
    assert one.json()["received"] == 5
    assert (await http.get(PARTS)).json()["incoming"] == [one.json()]
    wrong = await http.patch(f"{PARTS}/{begun['id']}?offset=0", content=b"12345")
    assert (wrong.status_code, wrong.json()["context"]) == (409, {"received": 5})
    assert (await begin(http))["id"] == begun["id"]
    await http.patch(f"{PARTS}/{begun['id']}?offset=5", content=b"67890")
    whole = (await http.post(f"{PARTS}/{begun['id']}/finish")).json()
    assert Path(whole["path"]).read_bytes() == b"1234567890"
    assert whole["sha256"] == hashlib.sha256(b"1234567890").hexdigest()
    assert (await http.delete(f"/api/v1/uploads/{whole['id']}")).status_code == 200


async def test_an_unfinished_file_can_be_dropped(http: httpx.AsyncClient) -> None:
    begun = await begin(http)
    assert (await http.delete(f"{PARTS}/{begun['id']}")).status_code == 200
    assert (await http.get(PARTS)).json() == {"incoming": []}
    assert (await http.patch(f"{PARTS}/{begun['id']}?offset=0", content=b"x")).status_code == 404


@pytest.mark.parametrize("about", [{"name": "../x"}, {"name": "a\nb"}, {"name": ""}, {"bytes": -1}, {"into": "../.."}])
async def test_nonsense_is_refused(http: httpx.AsyncClient, about: dict[str, object]) -> None:
    answer = await http.post(PARTS, json={"name": "a.dcd", "bytes": 10} | about)
    assert answer.status_code in (400, 422)
    assert answer.json()["remedy"]


def test_a_connection_that_breaks_off_keeps_what_arrived_and_memory_stays_small(tmp_path: Path) -> None:
    """64 MB in one request, cut after 40: the rest is sent alone."""
    size, cut = 64 * 1024**2, 40 * 1024**2
    piece = os.urandom(1024**2)
    with live_server(Folders.below(tmp_path)) as live:
        base = f"http://127.0.0.1:{live.server.port}"
        about = {"name": "big.dcd", "bytes": size, "modified_ms": 17}
        begun = httpx.post(base + PARTS, json=about, headers=HEADERS).json()
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        raw = http.client.HTTPConnection("127.0.0.1", live.server.port)
        raw.putrequest("PATCH", f"{PARTS}/{begun['id']}?offset=0")
        for name, value in (HEADERS | {"Content-Length": str(size)}).items():
            raw.putheader(name, value)
        raw.endheaders()
        for _ in range(cut // len(piece)):
            raw.send(piece)
        raw.close()
        deadline = time.monotonic() + 30
        while True:  # the server needs a moment to notice
            again = httpx.post(base + PARTS, json=about, headers=HEADERS).json()
            if again["id"] == begun["id"] and again["received"] == cut:
                break
            if again["id"] != begun["id"]:
                httpx.delete(f"{base}{PARTS}/{again['id']}", headers=HEADERS)
            assert time.monotonic() < deadline, again
        answer = httpx.patch(
            f"{base}{PARTS}/{begun['id']}?offset={cut}",
            content=(piece for _ in range((size - cut) // len(piece))),
            headers=HEADERS,
        )
        assert answer.json()["received"] == size
        whole = httpx.post(f"{base}{PARTS}/{begun['id']}/finish", headers=HEADERS).json()
        grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    expected = hashlib.sha256()
    for _ in range(size // len(piece)):
        expected.update(piece)
    assert whole["sha256"] == expected.hexdigest()
    assert grown < 40_000  # kB
