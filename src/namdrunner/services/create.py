"""Creating a job: its record first, then its files, so that whatever breaks can be resumed or removed."""

from __future__ import annotations

import asyncio
import json
import shlex
from base64 import b64encode
from collections.abc import Sequence
from dataclasses import asdict, replace
from datetime import datetime, timedelta
from typing import Any

from namdrunner.errors import (
    BusyError,
    ClusterError,
    ConnectionFailedError,
    InputError,
)
from namdrunner.jobs.folders import check_name, job_folder, new_job_id
from namdrunner.jobs.record import JobStatus
from namdrunner.jobs.state import JobState
from namdrunner.services.chains import chain_of
from namdrunner.services.clean_stop import finish
from namdrunner.services.context import Context
from namdrunner.services.forecast import Space, forecast
from namdrunner.services.job_request import JobPlan, JobRequest
from namdrunner.services.job_upload import upload
from namdrunner.services.looks import try_submission
from namdrunner.services.plan import UNRESOLVED, error_findings, plan_job
from namdrunner.services.script_spec import script_spec
from namdrunner.services.tasks import TaskHandle
from namdrunner.services.templates import TemplateService
from namdrunner.slurm.profile import ClusterProfile
from namdrunner.store.jobs import StoredJob


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
    taken = _taken(context, requests)
    profiles = {name: context.clusters.profile(name) for name in {request.cluster for request in requests}}
    roots = {name: context.clusters.roots(name) or UNRESOLVED for name in profiles}
    for request in requests:
        key = request.model_dump_json(exclude={"name"})
        if key not in alike:
            alike[key] = await plan(context, templates, request)
        made = _renamed(
            alike[key], request.name, context.now(), taken, profiles[request.cluster], roots[request.cluster]
        )
        taken.add(made.record.id)
        plans.append(made)
    return plans


def _taken(context: Context, requests: Sequence[JobRequest]) -> set[str]:
    """Ids of jobs that exist and could come up for these requests: made at this moment, or a little later."""
    now = context.now()
    moments = [now + timedelta(milliseconds=n) for n in range(50)]
    return context.jobs.known([new_job_id(name, at) for name in {r.name for r in requests} for at in moments])


def _renamed(
    plan: JobPlan, name: str, moment: datetime, taken: set[str], profile: ClusterProfile, roots: tuple[str, str]
) -> JobPlan:
    """The plan for a job of that name; ids count milliseconds, so one that is taken gives way to the next."""
    name = check_name(name)
    while (job_id := new_job_id(name, moment)) in taken:
        moment += timedelta(milliseconds=1)
    changes: dict[str, Any] = {
        "id": job_id,
        "name": name,
        "project_dir": job_folder(roots[0], job_id),
        "scratch_dir": job_folder(roots[1], job_id),
    }
    if plan.record.chain is not None:
        changes["chain"] = chain_of(plan.record.chain, job_id, changes["project_dir"])
    record = plan.record.model_copy(update=changes)
    return finish(replace(plan, record=record), profile)


async def create(context: Context, plans: Sequence[JobPlan], *, force: bool, handle: TaskHandle) -> list[StoredJob]:
    """Record jobs of one cluster and upload them together; returns them READY.

    Raises InputError (``preflight-failed``) unless ``force``, before anything is recorded.
    """
    failed = next((plan for plan in plans if plan.errors), None)
    if failed is not None and not force:
        raise error_findings(failed)
    for on_cluster in dict.fromkeys(plan.on_cluster for plan in plans):
        await _check_on_cluster(context, plans[0].record.cluster, on_cluster)
    made = [(StoredJob(plan.record, JobStatus(state=JobState.CREATED)), _texts(plan)) for plan in plans]
    context.jobs.add_many(made)
    for job, _ in made:
        context.tell(job)
    if len(plans) == 1:
        handle.belongs_to(plans[0].record.id)
    return await upload(context, [plan.record.id for plan in plans], handle)


def _texts(plan: JobPlan) -> dict[str, str]:
    rewritten = {f.name: f.text for f in plan.files if f.text is not None}
    chain = {"chain": json.dumps({path: text.decode() for path, text in plan.chain.items()})} if plan.chain else {}
    return {"script": plan.script, "rewritten": json.dumps(rewritten), **chain, **_config_texts(plan.config)}


def _config_texts(config: str) -> dict[str, str]:
    """The config as shown, and its exact bytes where they are not UTF-8."""
    data = config.encode("utf-8", "surrogateescape")
    shown = data.decode("utf-8", "replace")
    return {"config": shown} if shown.encode() == data else {"config": shown, "config64": b64encode(data).decode()}


async def _check_on_cluster(context: Context, cluster: str, paths: Sequence[str]) -> None:
    """Files the config names by absolute paths that do not exist here must exist there."""
    session = context.clusters.session(cluster)
    if not paths:
        return
    tests = "; ".join(f"[ -r {shlex.quote(p)} ] || printf '%s\\n' {shlex.quote(p)}" for p in paths)
    reply = await session.run(f"bash -c {shlex.quote(tests)}", timeout_s=60, label="look for files on the cluster")
    missing = reply.text.splitlines()
    if missing:
        raise InputError(
            f"{missing[0]} exists neither here nor on the cluster.",
            code="file-not-found",
            remedy="Correct the path in the config, or put the file there.",
            context={"missing": missing},
        )


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
