"""What the real services say is exactly what the API documents: nothing refused, nothing unnamed."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
from pydantic import BaseModel

from namdrunner.jobs.record import Evidence, InputFile, JobProgress, JobRecord, JobStatus, OutputFile, TemplateRef
from namdrunner.jobs.state import JobState
from namdrunner.paths import Folders
from namdrunner.server.app import create_app
from namdrunner.server.schemas import clusters, jobs, settings, system, templates
from namdrunner.services.application import Application
from namdrunner.slurm.resources import GpuRequest, Resources
from namdrunner.store.jobs import StoredJob

JOB = "ala_1764547200000"
NOW = datetime(2026, 11, 22, 10, 0, tzinfo=UTC)
FILES = {"structure_file": "a.psf", "coordinates_file": "a.pdb", "parameter_files": "a.prm"}
RENDER = {"values": {}, "files": {name: [f"/x/{file}"] for name, file in FILES.items()}}


def stored_job() -> StoredJob:
    record = JobRecord(
        id=JOB,
        name="alanine",
        cluster="alpine",
        created_at=NOW,
        template=TemplateRef(id="explicit_solvent_npt"),
        values={"temperature": 300},
        resources=Resources(cores=4, walltime_s=3600, gpus=GpuRequest(type="a100", count=1)),
        inputs=(InputFile(name="ala.psf", bytes=3, sha256="0" * 64, role="structure", source="/x/ala.psf"),),
        project_dir=f"/projects/x/namdrunner_jobs/{JOB}",
        scratch_dir=f"/scratch/x/namdrunner_jobs/{JOB}",
    )
    status = JobStatus(
        state=JobState.FAILED,
        reason="NAMD stopped.",
        exit_code=1,
        submitted_at=NOW,
        started_at=NOW,
        ended_at=NOW,
        progress=JobProgress(step=5, target_step=10, ns_per_day=1.5, eta_s=3.0),
        evidence=(Evidence(source="sacct", at=NOW, says="FAILED", state=JobState.FAILED, weight=3),),
        diagnosis=({"code": "x", "severity": "error", "message": "m", "remedy": "r"},),
        outputs=(OutputFile(name="logs/namd.log", bytes=7, modified_at=NOW),),
        last_energies={"TOTAL": -1.0},
        synced_at=NOW,
    )
    return StoredJob(record, status)


@pytest.fixture
async def real(tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    folders = Folders.below(tmp_path).ensure()
    application = await Application.open(folders)
    app = create_app(application, "t", port=1, folders=folders)
    headers = {"Authorization": "Bearer t"}
    base = "http://127.0.0.1:1"
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=base, headers=headers) as client:
        body = {"name": "alpine", "host": "login.example", "profile": "alpine"}
        assert (await client.post("/api/v1/clusters", json=body)).status_code == 201
        application.context.jobs.add(stored_job(), texts={"config": "run 10", "script": "#!/bin/bash"})
        yield client
    await application.close()


def unnamed(model: object, path: str = "") -> Iterator[str]:
    """Fields, at any depth, that the services sent and no schema names."""
    if isinstance(model, BaseModel):
        yield from (f"{path}.{name}" for name in model.model_extra or {})
        for name in type(model).model_fields:
            yield from unnamed(getattr(model, name), f"{path}.{name}")
    elif isinstance(model, list):
        for item in model:
            yield from unnamed(item, f"{path}[]")


READS: list[tuple[str, str, Any, type[BaseModel]]] = [
    ("GET", "status", None, system.StatusDocument),
    ("GET", "activity", None, system.ActivityList),
    ("GET", "clusters", None, clusters.ClusterList),
    ("GET", "clusters/alpine", None, clusters.ClusterDocument),
    ("GET", "clusters/alpine/namd", None, clusters.ClusterNamd),
    ("GET", f"jobs/{JOB}/energies?points=5", None, jobs.Energies),
    ("PATCH", "clusters/alpine", {"user": "ralphie"}, clusters.ClusterDocument),
    ("POST", "clusters/alpine/disconnect", None, clusters.ClusterDocument),
    ("GET", "jobs", None, jobs.JobList),
    ("GET", f"jobs/{JOB}", None, jobs.JobDocument),
    ("GET", f"jobs/{JOB}/script", None, jobs.JobScript),
    ("GET", f"jobs/{JOB}/files", None, jobs.JobFiles),
    ("GET", f"jobs/{JOB}/logs", None, jobs.LogText),
    ("GET", f"jobs/{JOB}/energies", None, jobs.Energies),
    ("GET", "templates", None, templates.TemplateList),
    ("GET", "templates/explicit_solvent_npt", None, templates.TemplateDocument),
    ("POST", "templates/vacuum_optimization/render", RENDER, templates.RenderedTemplate),
    ("POST", "templates/validate", {"text": "#@ template a v1 'b'\n{{ c }}"}, templates.TemplateValidation),
    ("GET", "templates/npt_production/history", None, templates.TemplateHistory),
    ("GET", "templates/npt_production/diff", None, templates.TemplateDiff),
    ("GET", "settings", None, settings.SettingsDocument),
    ("PATCH", "settings", {"changes": {"limits.burst": 5}}, settings.SettingsDocument),
    ("GET", "settings/export", None, settings.SettingsExport),
    ("POST", "settings/import", {"text": '{"format": 1}'}, settings.SettingsImported),
    ("DELETE", "clusters/alpine", None, clusters.ClusterRemoved),
]


@pytest.mark.parametrize(("method", "path", "body", "schema"), READS, ids=[f"{m} {p}" for m, p, _, _ in READS])
async def test_answers_are_what_is_documented(
    real: httpx.AsyncClient, method: str, path: str, body: Any, schema: type[BaseModel]
) -> None:
    answer = await real.request(method, f"/api/v1/{path}", json=body)
    assert answer.status_code == 200, answer.text
    assert list(unnamed(schema.model_validate(answer.json()))) == []


async def test_a_check_is_what_is_documented(real: httpx.AsyncClient, tmp_path: Path) -> None:
    config = tmp_path / "x.namd"
    config.write_text("timestep -2\nstructure nothing.psf\nrun 10\n")
    answer = await real.post("/api/v1/check", json={"config": str(config)})
    assert answer.status_code == 200, answer.text
    report = system.CheckReport.model_validate(answer.json())
    assert not report.ok
    assert list(unnamed(report)) == []


async def test_a_job_is_found_by_its_name_and_by_the_beginning_of_its_id(real: httpx.AsyncClient) -> None:
    assert (await real.get("/api/v1/jobs/ala_17")).json()["id"] == JOB


async def test_a_plan_is_what_is_documented(real: httpx.AsyncClient, tmp_path: Path) -> None:
    config = tmp_path / "x.namd"
    config.write_text("outputName x\nrestartfreq 100\ntimestep 2\nrun 1000\n")
    body = {"name": "x", "cluster": "alpine", "config": str(config)}
    body |= {"resources": {"partition": "acpu", "cores": 2, "walltime": "01:00:00"}}
    answer = await real.post("/api/v1/jobs/dry-run", json=body)
    assert answer.status_code == 200, answer.text
    plan = jobs.DryRun.model_validate(answer.json())
    assert list(unnamed(plan)) == []
    assert (plan.forecast.ns_per_day, plan.forecast.free, plan.summary["restart_steps"]) == (None, [], 100)
    answer = await real.post("/api/v1/jobs/dry-run?ask_cluster=true", json=body)
    assert answer.json()["code"] == "not-connected", answer.text
