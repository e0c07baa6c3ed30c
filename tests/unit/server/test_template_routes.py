"""Templates over the API, with the real services: kept, imported, compared, restored, guarded."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from tests.unit.server.test_contract import stored_job

from namdrunner.paths import Folders
from namdrunner.server.app import create_app
from namdrunner.services.application import Application
from namdrunner.services.clusters import ClusterInput

CONFIG = "structure a.psf\ncoordinates a.pdb\nparameters p.prm\ntemperature 300\nrun 20\n"
API = "/api/v1/templates"


@pytest.fixture
async def http(tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    folders = Folders.below(tmp_path).ensure()
    application = await Application.open(folders)
    application.clusters.add(ClusterInput("alpine", "login.example"))
    application.context.jobs.add(stored_job(), texts={"config": "run 10", "script": "#!/bin/bash"})
    app = create_app(application, "t", port=1, folders=folders)
    headers = {"Authorization": "Bearer t"}
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:1", headers=headers) as client:
        yield client
    await application.close()


async def test_import_edit_compare_restore_delete(http: httpx.AsyncClient) -> None:
    imported = await http.post(f"{API}/import", json={"files": {"lab.namd": CONFIG}})
    assert imported.status_code == 201
    one = imported.json()["imported"][0]
    assert (one["template"]["id"], one["named"]["structure_file"]) == ("lab", ["a.psf"])
    text = (await http.get(f"{API}/lab")).json()["text"]
    changed = text.replace("number 300", "number 310")
    saved = await http.post(API, json={"text": changed, "replace": True, "base": 1})
    assert saved.status_code == 201
    stale = await http.post(API, json={"text": text, "replace": True, "base": 1})
    assert (stale.status_code, stale.json()["code"]) == (409, "template-changed")
    versions = (await http.get(f"{API}/lab/history")).json()["versions"]
    assert [(v["number"], v["current"]) for v in versions] == [(2, True), (1, False)]
    diff = (await http.get(f"{API}/lab/diff", params={"from": 1, "to": 2})).json()
    assert (diff["from"], diff["to"]) == (1, 2)
    assert "number 310" in diff["diff"]
    assert (await http.post(f"{API}/lab/restore", json={"number": 1})).json()["text"] == text
    assert (await http.get(f"{API}/lab/history/2")).json()["text"] == changed
    assert (await http.post(f"{API}/lab/duplicate", json={})).json()["id"] == "lab_copy"
    assert (await http.delete(f"{API}/lab")).status_code == 200
    assert (await http.get(f"{API}/lab")).status_code == 404
    assert (await http.post(f"{API}/lab/restore", json={})).json()["id"] == "lab"


async def test_uses_are_counted_and_guard(http: httpx.AsyncClient) -> None:
    listed = {t["id"]: t for t in (await http.get(API)).json()["templates"]}
    assert listed["explicit_solvent_npt"]["uses"] == 1
    assert listed["npt_production"]["uses"] == 0
    text = (await http.get(f"{API}/explicit_solvent_npt")).json()["text"]
    assert (await http.post(API, json={"text": text, "replace": True})).status_code == 201
    refused = await http.delete(f"{API}/explicit_solvent_npt")
    assert (refused.status_code, refused.json()["code"]) == (409, "template-in-use")
    assert (await http.delete(f"{API}/explicit_solvent_npt", params={"force": True})).status_code == 200
    assert (await http.delete(f"{API}/explicit_solvent_npt")).json()["code"] == "template-built-in"


async def test_a_folder_has_to_be_one(http: httpx.AsyncClient, tmp_path: Path) -> None:
    (tmp_path / "f").mkdir()
    (tmp_path / "f" / "run.namd").write_text(CONFIG)
    (tmp_path / "f" / "a.psf").write_text("x")
    answer = await http.post(f"{API}/import-folder", json={"folder": str(tmp_path / "f")})
    assert answer.json()["imported"][0]["files"] == {"structure_file": [str(tmp_path / "f" / "a.psf")]}
    assert (await http.post(f"{API}/import-folder", json={"folder": "f"})).status_code == 422
    assert (await http.post(f"{API}/import", json={"files": {}})).status_code == 422
