"""What the pages that make jobs ask for: files described, resources planned, templates and the database kept."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from namdrunner.namd.namdbin import write_namdbin
from namdrunner.paths import Folders
from namdrunner.server.app import create_app
from namdrunner.services.application import Application

PDB = """CRYST1   30.000   40.000   50.000  90.00  90.00  90.00 P 1           1
ATOM      1  OH2 TIP3W   1       1.000   2.000   3.000  1.00  0.00      WT1
ATOM      2  H1  TIP3W   1       3.000   4.000   5.000  1.00  0.00      WT1
END
"""
TEMPLATE = """#@ template mine v1 "Mine"
#@ var temperature number 300 [1, 400] K "Temperature"
temperature {{ temperature }}
"""


@pytest.fixture
async def real(tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    folders = Folders.below(tmp_path / "home").ensure()
    application = await Application.open(folders)
    app = create_app(application, "t", port=1, folders=folders)
    headers = {"Authorization": "Bearer t"}
    base = "http://127.0.0.1:1/api/v1/"
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=base, headers=headers) as client:
        await client.post("clusters", json={"name": "here", "host": "login.example", "profile": "demo"})
        yield client
    await application.close()


async def test_coordinates_are_described_with_their_cell(real: httpx.AsyncClient, tmp_path: Path) -> None:
    path = tmp_path / "water.pdb"
    path.write_text(PDB)
    facts = (await real.post("files/inspect", json={"path": str(path)})).json()
    assert (facts["kind"], facts["atoms"], facts["problem"]) == ("coordinates", 2, "")
    assert [row[i] for i, row in enumerate(facts["cell"])] == [30, 40, 50]
    assert facts["origin"] == [2, 3, 4]


async def test_binary_coordinates_are_counted(real: httpx.AsyncClient, tmp_path: Path) -> None:
    path = tmp_path / "run.restart.coor"
    write_namdbin(path, [[0.0, 0.0, 0.0]] * 7)
    facts = (await real.post("files/inspect", json={"path": str(path)})).json()
    assert (facts["kind"], facts["atoms"]) == ("binary coordinates", 7)


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [("empty.psf", b"", "empty"), ("wrong.psf", b"\x89PNG\r\n\x1a\n" * 9, "PSF"), ("notes.xsc", b"hello\n", "")],
)
async def test_a_file_that_is_not_what_its_name_says(
    real: httpx.AsyncClient, tmp_path: Path, name: str, content: bytes, words: str
) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    facts = (await real.post("files/inspect", json={"path": str(path)})).json()
    assert facts["problem"]
    assert words in facts["problem"]


@pytest.mark.parametrize("path", ["relative.psf", "/nowhere/at/all.psf", "/"])
async def test_what_is_no_file_is_refused(real: httpx.AsyncClient, path: str) -> None:
    answer = await real.post("files/inspect", json={"path": path})
    assert answer.status_code in (404, 422)
    assert answer.json()["remedy"]


async def test_resources_are_planned_before_anything_else_is_known(real: httpx.AsyncClient) -> None:
    request = {"name": "", "cluster": "here", "preset": "small", "resources": {"cores": 3}}
    plan = (await real.post("jobs/resources", json=request)).json()
    assert (plan["resources"]["cores"], plan["resources"]["walltime_s"], plan["nodes"]) == (3, 1800, 1)
    assert plan["findings"] == []
    assert plan["script"].startswith("#!/bin/bash")


async def test_too_long_a_walltime_is_said_at_its_field(real: httpx.AsyncClient) -> None:
    request = {"name": "", "cluster": "here", "resources": {"walltime": "9-00:00:00"}}
    plan = (await real.post("jobs/resources", json=request)).json()
    assert [(f["severity"], f["keyword"]) for f in plan["findings"]] == [("error", "walltime")]
    assert plan["script"] == ""


async def test_memory_without_a_unit_is_refused(real: httpx.AsyncClient) -> None:
    request = {"name": "", "cluster": "here", "resources": {"memory": "64"}}
    assert (await real.post("jobs/resources", json=request)).json()["code"] == "memory-unit-missing"


async def test_a_template_is_tried_kept_replaced_and_deleted(real: httpx.AsyncClient) -> None:
    tried = (await real.post("templates/render", json={"text": TEMPLATE, "values": {"temperature": 310}})).json()
    assert "temperature 310" in tried["text"]
    assert (await real.post("templates", json={"text": TEMPLATE})).status_code == 201
    assert (await real.post("templates", json={"text": TEMPLATE})).json()["code"] == "template-exists"
    changed = TEMPLATE.replace("Mine", "Ours")
    assert (await real.post("templates", json={"text": changed, "replace": True})).json()["title"] == "Ours"
    assert (await real.delete("templates/mine")).json() == {"ok": True}
    assert (await real.get("templates/mine")).status_code == 404


async def test_the_variables_of_a_text_are_told_while_it_is_written(real: httpx.AsyncClient) -> None:
    valid = (await real.post("templates/validate", json={"text": TEMPLATE})).json()
    assert [v["name"] for v in valid["variables"]] == ["temperature"]
    broken = (await real.post("templates/validate", json={"text": TEMPLATE.replace("[1, 400]", "[1, ")})).json()
    assert (broken["ok"], broken["variables"], broken["problems"][0]["line"]) == (False, [], 2)


async def test_built_in_templates_stay(real: httpx.AsyncClient) -> None:
    assert (await real.delete("templates/explicit_solvent_npt")).json()["code"] == "template-built-in"


async def test_a_value_out_of_range_names_its_variable(real: httpx.AsyncClient) -> None:
    answer = await real.post("templates/render", json={"text": TEMPLATE, "values": {"temperature": 900}})
    assert [p["variable"] for p in answer.json()["context"]["problems"]] == ["temperature"]


async def test_the_database_is_backed_up_restored_and_reset(real: httpx.AsyncClient) -> None:
    backup = (await real.post("storage/backup")).json()["backup"]
    assert (await real.post("storage/reset")).json()["previous"]
    assert (await real.get("clusters")).json()["clusters"] == []
    restored = await real.post("storage/restore", json={"backup": backup})
    assert restored.status_code == 200, restored.text
    assert [c["name"] for c in (await real.get("clusters")).json()["clusters"]] == ["here"]


async def test_what_is_no_database_is_not_restored(real: httpx.AsyncClient, tmp_path: Path) -> None:
    path = tmp_path / "notes.sqlite"
    path.write_text("hello")
    assert (await real.post("storage/restore", json={"backup": str(path)})).status_code in (409, 422)
    assert len((await real.get("clusters")).json()["clusters"]) == 1


async def test_a_corrected_copy_leaves_the_config_as_it_is(real: httpx.AsyncClient, tmp_path: Path) -> None:
    config = tmp_path / "prod.namd"
    text = b"# caf\xe9\nstepsPerCycle 20\nrun 1003\n"
    config.write_bytes(text)
    answer = (await real.post("check/correct", json={"config": str(config)})).json()
    assert config.read_bytes() == text
    copy = Path(answer["config"])
    assert (copy.parent, copy.name) == (tmp_path, "prod.corrected.namd")
    assert b"run 1020" in copy.read_bytes()
    assert b"# caf\xe9" in copy.read_bytes()
    again = (await real.post("check/correct", json={"config": str(copy)})).json()
    assert again.get("code") == "nothing-to-correct" or again["config"] != str(copy)


async def test_a_config_is_checked_for_the_namd_of_the_cluster(real: httpx.AsyncClient, tmp_path: Path) -> None:
    config = tmp_path / "prod.namd"
    config.write_text("GPUresident on\nrun 20\n")

    async def codes(**body: object) -> set[str]:
        answer = await real.post("check", json={"config": str(config), **body})
        return {finding["code"] for finding in answer.json()["findings"]}

    assert "gpu-build-needed" in await codes(cluster="here")
    assert "gpu-build-needed" not in await codes(cluster="here", gpu=True)
    assert "keyword-of-another-version" in await codes(cluster="here", namd_version="2.14")
    assert (await real.post("check", json={"config": str(config), "cluster": "nowhere"})).status_code == 404
    unknown = {"config": str(config), "cluster": "here", "recipe": "none-such"}
    assert (await real.post("check", json=unknown)).status_code == 422
