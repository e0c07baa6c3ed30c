"""Creating a job: its record first, then its files, so that whatever breaks can be resumed or removed."""

from __future__ import annotations

import asyncio
import contextlib
import json
import shlex
from base64 import b64decode, b64encode
from collections.abc import Sequence
from dataclasses import asdict, replace
from datetime import timedelta
from pathlib import Path, PurePosixPath
from typing import Any

from namdrunner.errors import (
    BusyError,
    ClusterError,
    ConflictError,
    ConnectionFailedError,
    InputError,
    InterruptedOperationError,
    NamdrunnerError,
)
from namdrunner.jobs.folders import check_name, inside, job_folder, new_job_id
from namdrunner.jobs.record import JobStatus
from namdrunner.jobs.state import JobState
from namdrunner.remote.values import UploadItem
from namdrunner.services.context import Context
from namdrunner.services.forecast import Space, forecast
from namdrunner.services.job_info import INFO, info_text
from namdrunner.services.job_request import JobPlan, JobRequest
from namdrunner.services.looks import try_submission
from namdrunner.services.plan import UNRESOLVED, error_findings, plan_job
from namdrunner.services.script_spec import script_spec
from namdrunner.services.tasks import TaskHandle
from namdrunner.services.templates import TemplateService
from namdrunner.slurm.script import build_job_script
from namdrunner.store.jobs import StoredJob, with_status

SHARED_BYTES = 64 * 1024
"""Inputs at least this large are looked for among earlier jobs' before they are sent."""
RESUME = "Submit the job to resume its upload, or delete it."


async def plan(context: Context, templates: TemplateService, request: JobRequest) -> JobPlan:
    """The plan of a job, made off the event loop: files are read and hashed."""
    cluster = context.clusters.stored(request.cluster)
    profile = context.clusters.profile(request.cluster)
    roots = context.clusters.roots(cluster.name)
    planned, spaces = await asyncio.gather(
        asyncio.to_thread(plan_job, request, profile, roots, templates, context.now()),
        _spaces(context, cluster.name, roots),
    )
    expected, findings = forecast(planned, profile, context.jobs.measured(cluster.name), spaces)
    return replace(planned, forecast=expected, findings=(*planned.findings, *findings))


async def _spaces(context: Context, cluster: str, roots: tuple[str, str] | None) -> tuple[Space, ...]:
    if roots is None or not context.clusters.connected(cluster):
        return ()
    try:
        return await context.clusters.looks.space(context.clusters.session(cluster), cluster, roots)
    except (ClusterError, ConnectionFailedError, BusyError):
        return ()  # a forecast is worth having, but not worth failing for


async def plan_on_cluster(
    context: Context, templates: TemplateService, request: JobRequest, *, ask_cluster: bool = False
) -> JobPlan:
    """The plan with what a look at its cluster adds, if it is connected: does NAMD exist there?

    ``ask_cluster``: Slurm is asked, too, whether it would take the job; raises NotConnectedError when it cannot be.
    """
    if ask_cluster:
        context.clusters.session(request.cluster)
    planned = await plan(context, templates, request)
    cluster = planned.record.cluster
    if not context.clusters.connected(cluster):
        return planned
    session = context.clusters.session(cluster)
    recipe = script_spec(planned.record, context.clusters.profile(cluster)).recipe
    findings = list(await context.clusters.looks.namd(session, cluster, recipe))
    if ask_cluster:
        findings += await try_submission(session, planned.script)
    return replace(planned, findings=(*planned.findings, *findings))


async def plan_many(context: Context, templates: TemplateService, requests: Sequence[JobRequest]) -> list[JobPlan]:
    """The plans of jobs that are made together, in the order given; their ids differ.

    Requests that differ in nothing but the name are evaluated and checked once.
    """
    plans: list[JobPlan] = []
    alike: dict[str, JobPlan] = {}
    taken: set[str] = set()
    for request in requests:
        key = request.model_dump_json(exclude={"name"})
        if key not in alike:
            alike[key] = await plan(context, templates, request)
        made = _renamed(context, alike[key], request.name, taken)
        taken.add(made.record.id)
        plans.append(made)
    return plans


def _renamed(context: Context, plan: JobPlan, name: str, taken: set[str]) -> JobPlan:
    """The plan for a job of that name; ids count milliseconds, so one that is taken gives way to the next."""
    name = check_name(name)
    moment = context.now()
    while (job_id := new_job_id(name, moment)) in taken or context.jobs.known([job_id]):
        moment += timedelta(milliseconds=1)
    roots = context.clusters.roots(plan.record.cluster) or UNRESOLVED
    changes = {
        "id": job_id,
        "name": name,
        "project_dir": job_folder(roots[0], job_id),
        "scratch_dir": job_folder(roots[1], job_id),
    }
    record = plan.record.model_copy(update=changes)
    script = build_job_script(script_spec(record, context.clusters.profile(record.cluster)))
    return replace(plan, record=record, script=script)


async def create(context: Context, plans: Sequence[JobPlan], *, force: bool, handle: TaskHandle) -> list[StoredJob]:
    """Record jobs of one cluster and upload them together; returns them READY.

    Raises InputError (``preflight-failed``) unless ``force``, before anything is recorded.
    """
    failed = next((plan for plan in plans if plan.errors), None)
    if failed is not None and not force:
        raise error_findings(failed)
    for plan in plans:
        await _check_on_cluster(context, plan)
    for plan in plans:
        job = StoredJob(plan.record, JobStatus(state=JobState.CREATED))
        rewritten = {f.name: f.text for f in plan.files if f.text is not None}
        texts = {"script": plan.script, "rewritten": json.dumps(rewritten), **_config_texts(plan.config)}
        context.jobs.add(job, texts=texts)
        context.tell(job)
    if len(plans) == 1:
        handle.belongs_to(plans[0].record.id)
    return await upload(context, [plan.record.id for plan in plans], handle)


def _config_texts(config: str) -> dict[str, str]:
    """The config as shown, and its exact bytes where they are not UTF-8."""
    data = config.encode("utf-8", "surrogateescape")
    shown = data.decode("utf-8", "replace")
    return {"config": shown} if shown.encode() == data else {"config": shown, "config64": b64encode(data).decode()}


async def _check_on_cluster(context: Context, plan: JobPlan) -> None:
    """Files the config names by absolute paths that do not exist here must exist there."""
    session = context.clusters.session(plan.record.cluster)
    if not plan.on_cluster:
        return
    tests = "; ".join(f"[ -r {shlex.quote(p)} ] || printf '%s\\n' {shlex.quote(p)}" for p in plan.on_cluster)
    reply = await session.run(f"bash -c {shlex.quote(tests)}", timeout_s=60, label="look for files on the cluster")
    missing = reply.text.splitlines()
    if missing:
        raise InputError(
            f"{missing[0]} exists neither here nor on the cluster.",
            code="file-not-found",
            remedy="Correct the path in the config, or put the file there.",
            context={"missing": missing},
        )


async def upload(context: Context, job_ids: Sequence[str], handle: TaskHandle) -> list[StoredJob]:
    """Send what CREATED or UPLOADING jobs of one cluster still lack there; what arrived before is not sent again.

    Raises InterruptedOperationError (``input-changed``) when a local file is no longer what was planned.
    """
    async with contextlib.AsyncExitStack() as stack:
        for job_id in sorted(job_ids):
            await stack.enter_async_context(context.lock(job_id))
        jobs = [context.jobs.get(job_id) for job_id in job_ids]
        for job in jobs:
            if job.state not in (JobState.CREATED, JobState.UPLOADING):
                raise ConflictError(
                    f"The job is {job.state.value}; its upload is over.",
                    code="upload-over",
                    remedy=f"See how it stands: namdrunner job show {job.id}",
                )
        session = context.session(jobs[0])
        parts = [await asyncio.to_thread(_items, context, job) for job in jobs]
        jobs = [
            context.save(with_status(job, state=JobState.UPLOADING, reason="", remedy=""), says="Uploading.")
            for job in jobs
        ]
        handle.say(f"Uploading {sum(len(part) for part in parts)} files")
        try:
            await session.upload([part[0] for part in parts])
            await _send(context, jobs, parts, handle)
        except NamdrunnerError as error:
            _stopped(context, jobs, f"The upload stopped: {error.message}", error.remedy or RESUME)
            raise
        except asyncio.CancelledError:
            _stopped(context, jobs, "The upload was cancelled.", RESUME)
            raise
        return [
            context.save(with_status(job, state=JobState.READY), says="Everything is on the cluster.") for job in jobs
        ]


async def _send(context: Context, jobs: Sequence[StoredJob], parts: list[list[UploadItem]], handle: TaskHandle) -> None:
    """Each content once; jobs that share it, now or from earlier, get it on the cluster from one another."""
    session = context.session(jobs[0])
    elsewhere = await asyncio.to_thread(_elsewhere, context, jobs)
    first: dict[str, UploadItem] = {}
    again: list[UploadItem] = []
    for item in (item for part in parts for item in part[1:]):
        if item.sha256 is None or first.setdefault(item.sha256, item) is item:
            continue
        again.append(item)
    repeated = {id(item) for item in again}
    once = [item for part in parts for item in part[1:] if id(item) not in repeated]
    await session.upload(once, progress=handle.progress, elsewhere=elsewhere)
    if again:
        there = {digest: [item.target] for digest, item in first.items()}
        await session.upload(again, progress=handle.progress, elsewhere=there)


def _elsewhere(context: Context, jobs: Sequence[StoredJob]) -> dict[str, list[PurePosixPath]]:
    """Where inputs of these jobs lie on the cluster already, as inputs of earlier jobs."""
    wanted = {i.sha256 for job in jobs for i in job.record.inputs if i.bytes >= SHARED_BYTES}
    own = {job.id for job in jobs}
    found: dict[str, list[PurePosixPath]] = {}
    for project_dir, name, digest in context.jobs.inputs_like(jobs[0].record.cluster, wanted, leave_out=own):
        found.setdefault(digest, []).append(inside(f"{project_dir}/input_files", name))
    return found


def _stopped(context: Context, jobs: Sequence[StoredJob], reason: str, remedy: str) -> None:
    for job in jobs:
        context.save(with_status(job, reason=reason, remedy=remedy), says=reason)


def _items(context: Context, job: StoredJob) -> list[UploadItem]:
    """The record goes first, so that a half-made job can be recognised; the script last: with it, a job is whole."""
    record = job.record
    rewritten = json.loads(context.jobs.text(job.id, "rewritten") or "{}")
    project = PurePosixPath(record.project_dir)
    items = [UploadItem(info_text(record).encode(), project / INFO)]
    for file in record.inputs:
        target = inside(f"{project}/input_files", file.name)
        if file.name in rewritten:
            items.append(UploadItem(rewritten[file.name].encode("utf-8", "surrogateescape"), target, file.sha256))
            continue
        source = Path(file.source)
        if not source.is_file() or source.stat().st_size != file.bytes:
            raise InterruptedOperationError(
                f"{source} is no longer the file that the job was made from.",
                code="input-changed",
                remedy="Put the file back, or delete the job and create it anew.",
                retryable=False,
                context={"file": str(source)},
            )
        items.append(UploadItem(source, target, file.sha256))
    exact = context.jobs.text(job.id, "config64")
    config = b64decode(exact) if exact else context.jobs.text(job.id, "config").encode()
    items.append(UploadItem(config, project / "config.namd"))
    items.append(UploadItem(context.jobs.text(job.id, "script").encode(), project / "job.sbatch"))
    return items


def plan_document(plan: JobPlan) -> dict[str, Any]:
    """What a dry run shows."""
    return {
        "id": plan.record.id,
        "config": plan.config,
        "script": plan.script,
        "files": [
            {k: v for k, v in asdict(f).items() if k in ("name", "role", "bytes", "sha256")} | {"source": str(f.source)}
            for f in plan.files
        ],
        "on_cluster": list(plan.on_cluster),
        "findings": list(plan.findings),
        "summary": plan.summary,
        "forecast": plan.forecast,
        "project_dir": plan.record.project_dir,
        "scratch_dir": plan.record.scratch_dir,
        "run": plan.record.run.model_dump(mode="json"),
        "resources": plan.record.resources.model_dump(mode="json"),
    }
