"""Creating a job: its record first, then its files, so that whatever breaks can be resumed or removed."""

from __future__ import annotations

import asyncio
import contextlib
import json
import shlex
from base64 import b64decode, b64encode
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path, PurePosixPath
from typing import Any

from namdrunner.errors import ConflictError, InputError, InterruptedOperationError, NamdrunnerError
from namdrunner.jobs.folders import inside
from namdrunner.jobs.record import JobStatus
from namdrunner.jobs.state import JobState
from namdrunner.remote.values import UploadItem
from namdrunner.services.context import Context
from namdrunner.services.job_info import INFO, info_text
from namdrunner.services.job_request import JobPlan, JobRequest
from namdrunner.services.plan import error_findings, plan_job
from namdrunner.services.tasks import TaskHandle
from namdrunner.services.templates import TemplateService
from namdrunner.store.jobs import StoredJob, with_status

RESUME = "Submit the job to resume its upload, or delete it."


async def plan(context: Context, templates: TemplateService, request: JobRequest) -> JobPlan:
    """The plan of a job, made off the event loop: files are read and hashed."""
    cluster = context.clusters.stored(request.cluster)
    profile = context.clusters.profile(request.cluster)
    roots = context.clusters.roots(cluster.name)
    return await asyncio.to_thread(plan_job, request, profile, roots, templates, context.now())


async def plan_many(context: Context, templates: TemplateService, requests: Sequence[JobRequest]) -> list[JobPlan]:
    """The plans of jobs that are made together, in the order given; their ids differ."""
    plans: list[JobPlan] = []
    taken: set[str] = set()
    for request in requests:
        made = await plan(context, templates, request)
        while made.record.id in taken or context.jobs.known([made.record.id]):
            await asyncio.sleep(0.002)  # ids count milliseconds
            made = await plan(context, templates, request)
        taken.add(made.record.id)
        plans.append(made)
    return plans


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
                raise ConflictError(f"The job is {job.state.value}; its upload is over.", code="upload-over")
        session = context.session(jobs[0])
        parts = [await asyncio.to_thread(_items, context, job) for job in jobs]
        jobs = [
            context.save(with_status(job, state=JobState.UPLOADING, reason="", remedy=""), says="Uploading.")
            for job in jobs
        ]
        items = [item for part in parts for item in part[1:]]
        handle.say(f"Uploading {len(items)} files")
        try:
            await session.upload([part[0] for part in parts])
            await session.upload(items, progress=handle.progress)
        except NamdrunnerError as error:
            _stopped(context, jobs, f"The upload stopped: {error.message}", error.remedy or RESUME)
            raise
        except asyncio.CancelledError:
            _stopped(context, jobs, "The upload was cancelled.", RESUME)
            raise
        return [
            context.save(with_status(job, state=JobState.READY), says="Everything is on the cluster.") for job in jobs
        ]


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
        "project_dir": plan.record.project_dir,
        "scratch_dir": plan.record.scratch_dir,
        "run": plan.record.run.model_dump(mode="json"),
        "resources": plan.record.resources.model_dump(mode="json"),
    }
