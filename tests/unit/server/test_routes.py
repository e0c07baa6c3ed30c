"""Requests reach the right service, and answers have the right form."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from pathlib import Path

import httpx
import pytest
from tests.unit.server.fakes import FakeApplication

from namdrunner.jobs.state import JobState
from namdrunner.server import pages
from namdrunner.server.app import openapi_document


async def test_listing_passes_its_filters_on(http: httpx.AsyncClient, application: FakeApplication) -> None:
    answer = await http.get("/api/v1/jobs?status=RUNNING&status=PENDING&cluster=alpine&sort=-name&limit=5&offset=2")
    assert answer.json()["total"] == 3
    assert application.jobs.asked == {
        "status": ["RUNNING", "PENDING"],
        "cluster": "alpine",
        "template": None,
        "search": "",
        "sort": "-name",
        "limit": 5,
        "offset": 2,
    }
    assert JobState(answer.json()["jobs"][0]["status"]) is JobState.RUNNING


async def test_a_long_list_is_compressed_when_the_client_can(http: httpx.AsyncClient) -> None:
    answer = await http.get("/api/v1/jobs", headers={"Accept-Encoding": "gzip"})
    assert answer.headers["content-encoding"] == "gzip"
    assert len(answer.json()["jobs"]) == 3


async def test_long_work_is_a_task_that_can_be_waited_for(http: httpx.AsyncClient) -> None:
    body = {"name": "x", "cluster": "alpine", "config": "/x.namd"}
    started = await http.post("/api/v1/jobs", json=body)
    assert started.status_code == 202
    ended = (await http.get(f"/api/v1/tasks/{started.json()['id']}?wait_s=5")).json()
    assert ended["state"] == "done"
    assert ended["result"]["job"]["id"] == "sample_0000000000001"


async def test_long_work_can_be_cancelled(http: httpx.AsyncClient) -> None:
    path = "/api/v1/jobs/sample_0000000000001/download"
    task = (await http.post(path, json={"to": "/tmp"})).json()
    assert task["state"] == "running"
    assert (await http.delete(f"/api/v1/tasks/{task['id']}")).json()["state"] == "cancelled"


async def test_a_transfer_is_paused_and_goes_on(http: httpx.AsyncClient) -> None:
    path = "/api/v1/jobs/sample_0000000000001/download"
    task = (await http.post(path, json={"to": "/tmp"})).json()
    await http.get(f"/api/v1/tasks/{task['id']}?wait_s=0.05")
    paused = (await http.post(f"/api/v1/tasks/{task['id']}/pause")).json()
    assert (paused["state"], paused["pausable"], paused["paused"]) == ("running", True, True)
    assert not (await http.post(f"/api/v1/tasks/{task['id']}/resume")).json()["paused"]
    assert (await http.delete(f"/api/v1/tasks/{task['id']}")).json()["state"] == "cancelled"
    late = await http.post(f"/api/v1/tasks/{task['id']}/pause")
    assert (late.status_code, late.json()["code"]) == (409, "task-not-pausable")


async def test_budget_and_queue_of_each_connection_are_shown(http: httpx.AsyncClient) -> None:
    (one,) = (await http.get("/api/v1/limits")).json()["limits"]
    assert (one["cluster"], one["available"], one["burst"], one["waiting"]) == ("alpine", 10, 10, 0)
    assert (one["queue_depth"], one["sessions"], one["sessions_allowed"], one["shared"]) == (20, 0, 8, 3)


async def test_a_prompt_is_announced_answered_and_gone(http: httpx.AsyncClient) -> None:
    await http.post("/api/v1/clusters", json={"name": "alpine", "host": "login.example"})
    task = (await http.post("/api/v1/clusters/alpine/connect")).json()
    await http.get(f"/api/v1/tasks/{task['id']}?wait_s=0.05")
    (prompt,) = (await http.get("/api/v1/prompts")).json()["prompts"]
    assert prompt["kind"] == "password"
    assert prompt["fields"] == [{"text": "Password: ", "echo": False}]
    await http.post(f"/api/v1/prompts/{prompt['id']}", json={"answers": ["right"]})
    await http.get(f"/api/v1/tasks/{task['id']}?wait_s=5")
    assert (await http.get("/api/v1/clusters/alpine")).json()["state"] == "connected"
    assert (await http.delete(f"/api/v1/prompts/{prompt['id']}")).status_code == 404


async def test_names_are_data_also_in_paths(http: httpx.AsyncClient) -> None:
    answer = await http.get("/api/v1/jobs/..%2F..%2Fclusters")
    assert answer.status_code == 404


async def test_an_upload_is_kept_with_its_digest(http: httpx.AsyncClient, tmp_path: Path) -> None:
    data = bytes(range(256)) * 5000
    answer = await http.post("/api/v1/uploads?name=ala.psf", content=data)
    document = answer.json()
    assert answer.status_code == 201
    assert document["sha256"] == hashlib.sha256(data).hexdigest()
    path = Path(document["path"])
    assert path.read_bytes() == data
    assert path.is_relative_to(tmp_path)
    assert (await http.delete(f"/api/v1/uploads/{document['id']}")).status_code == 200
    assert not path.exists()


async def test_an_upload_cannot_leave_its_folder(http: httpx.AsyncClient) -> None:
    for name in ("../x", "..", "a/../../b", "/a", "a//b", "a\\b", "a%00b", "C:x"):
        answer = await http.post(f"/api/v1/uploads?name={name}", content=b"x")
        assert answer.json()["code"] == "file-name-invalid"
    for identifier in ("nothing", "0" * 16, "..%00"):
        assert (await http.delete(f"/api/v1/uploads/{identifier}")).status_code == 404


async def test_files_that_belong_together_keep_their_paths(http: httpx.AsyncClient, tmp_path: Path) -> None:
    first = (await http.post("/api/v1/uploads?name=step5/prod.namd", content=b"source ../common.tcl")).json()
    into = f"&into={first['id']}"
    second = (await http.post(f"/api/v1/uploads?name=common.tcl{into}", content=b"")).json()
    assert Path(first["path"]).parent.parent == Path(second["path"]).parent
    assert (await http.post(f"/api/v1/uploads?name=common.tcl{into}", content=b"new")).json()["bytes"] == 3
    assert (await http.post(f"/api/v1/uploads?name=step5{into}", content=b"x")).json()["code"] == "file-exists"
    assert (await http.post(f"/api/v1/uploads?name=common.tcl/x{into}", content=b"x")).json()["code"] == "file-exists"
    assert (await http.post("/api/v1/uploads?name=x&into=0123456789abcdef", content=b"x")).status_code == 404
    assert not list(tmp_path.rglob("*.part"))


async def test_without_a_built_ui_there_is_a_status_page_without_inline_script(
    browser: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(pages, "UI", tmp_path)
    page = await browser.get("/")
    assert page.status_code == 200
    assert "<script>" not in page.text
    assert 'src="/static/status.js"' in page.text
    assert (await browser.get("/nothing/here")).status_code == 404


def test_openapi_names_every_operation_and_every_answer() -> None:
    document = openapi_document()
    names = []
    for path, methods in document["paths"].items():
        for operation in methods.values():
            names.append(operation["operationId"])
            success = next(v for k, v in operation["responses"].items() if k.startswith("2"))
            assert all(content["schema"] for content in success["content"].values()), path
            assert "application/problem+json" in operation["responses"]["default"]["content"]
    assert len(names) == len(set(names))
    assert {"listJobs", "createJob", "connectCluster", "answerPrompt", "streamEvents", "getTask"} <= set(names)


def test_an_idle_server_has_not_loaded_what_it_may_never_need() -> None:
    code = (
        "import sys; import namdrunner.server.process, namdrunner.services.application;"
        "print(sorted({'numpy', 'alembic', 'tkinter', 'openmm', 'rich.console'} & set(sys.modules)))"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "[]"
