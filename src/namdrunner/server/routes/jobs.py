"""Jobs: from creation to results."""

from __future__ import annotations

import hashlib
from datetime import UTC
from pathlib import PurePosixPath
from typing import Annotated, Any, Literal
from urllib.parse import quote

from fastapi import APIRouter, Header, Query, status
from pydantic import AwareDatetime
from starlette.responses import Response, StreamingResponse

from namdrunner.jobs.state import JobState
from namdrunner.server.context import Context
from namdrunner.server.ranges import byte_range
from namdrunner.server.schemas import jobs as schema
from namdrunner.server.schemas.discovery import ExpectedStart
from namdrunner.server.schemas.tasks import TaskDocument
from namdrunner.services.job_request import JobRequest

router = APIRouter(prefix="/jobs", tags=["jobs"])

ACCEPTED = status.HTTP_202_ACCEPTED


@router.get("", response_model=schema.JobList)
async def list_jobs(
    context: Context,
    job_status: Annotated[list[JobState] | None, Query(alias="status")] = None,
    cluster: str | None = None,
    template: str | None = None,
    search: str = "",
    sort: str = "-created_at",
    limit: Annotated[int, Query(ge=1, le=100_000)] = 200,
    offset: Annotated[int, Query(ge=0)] = 0,
    since: Annotated[AwareDatetime | None, Query(description="created then or later")] = None,
) -> Any:
    """A page of jobs and how many match in all; ``sort`` names a field, descending with ``-`` before it."""
    return context.application.jobs.list(
        status=[state.value for state in job_status or ()],
        cluster=cluster,
        template=template,
        search=search,
        sort=sort,
        limit=limit,
        offset=offset,
        **({"since": since.astimezone(UTC)} if since else {}),
    )


@router.post("", response_model=TaskDocument, status_code=ACCEPTED)
async def create_job(body: JobRequest, context: Context) -> Any:
    """Plan and check a job, then upload it as a task, whose result is ``{"job": JobDocument}``.

    What makes the job impossible is said at once; errors the checks find are overridden by ``force``.
    """
    return (await context.application.jobs.start_create(body)).document()


@router.post("/batch", response_model=TaskDocument, status_code=ACCEPTED)
async def create_jobs(body: schema.JobBatch, context: Context) -> Any:
    """Make jobs of one cluster together: one upload, one submission; ``submit`` and ``force`` as the first says.

    The task's result is ``{"jobs": [JobDocument], "refused": {id: error}}``.
    """
    return (await context.application.jobs.start_create_many(body.jobs)).document()


@router.post("/dry-run", response_model=schema.DryRun)
async def plan_job(body: JobRequest, context: Context, ask_cluster: bool = False) -> Any:
    """What creating this job would send, without sending anything.

    Where the cluster is connected, free space and NAMD are looked for there. ``ask_cluster``: Slurm is asked, too,
    whether it would take the job (``sbatch --test-only``).
    """
    return await context.application.jobs.dry_run(body, ask_cluster=ask_cluster)


@router.post("/resources", response_model=schema.ResourcePlan)
async def plan_resources(body: JobRequest, context: Context) -> Any:
    """What the request's resources come to on its cluster; the rest of the request need not be complete."""
    return context.application.jobs.plan_resources(body)


@router.post("/expected-start", response_model=ExpectedStart)
async def get_expected_start(body: JobRequest, context: Context) -> Any:
    """When a job with these resources would start: idle nodes, Slurm's plan and own history, kept apart."""
    return await context.application.resource_help.expected_start(body)


@router.post("/sync", response_model=TaskDocument, status_code=ACCEPTED)
async def sync_jobs(body: schema.SyncRequest, context: Context) -> Any:
    """Ask the clusters now instead of at the next cycle."""
    return context.application.jobs.start_sync(cluster=body.cluster, job=body.job, jobs=body.jobs).document()


@router.post("/submit", response_model=TaskDocument, status_code=ACCEPTED)
async def submit_jobs(body: schema.JobIds, context: Context) -> Any:
    """Hand several jobs to Slurm with one command per cluster, each exactly once.

    The task's result is ``{"jobs": [JobDocument], "refused": {id: error}}``.
    """
    return context.application.jobs.batches.start_submit(body.jobs).document()


@router.post("/cancel", response_model=TaskDocument, status_code=ACCEPTED)
async def cancel_jobs(body: schema.JobIds, context: Context) -> Any:
    """Cancel several jobs with one command per cluster; the result as of submitting several."""
    return context.application.jobs.batches.start_cancel(body.jobs).document()


@router.post("/delete", response_model=TaskDocument, status_code=ACCEPTED)
async def delete_jobs(body: schema.JobDeletions, context: Context) -> Any:
    """Delete several jobs, cancelled first where they run. The result is ``{"deleted": [id], "refused": {...}}``."""
    return context.application.jobs.batches.start_delete(body.jobs, keep_remote=body.keep_remote).document()


@router.post("/download", response_model=TaskDocument, status_code=ACCEPTED)
async def download_jobs(body: schema.JobDownloads, context: Context) -> Any:
    """Bring the files of several jobs home in one transfer per cluster, verified by sha256.

    The task's result is ``{"jobs": [{"id", "to", "files"}], "refused": {id: error}}``.
    """
    return context.application.jobs.batches.start_download(body.jobs, body.patterns, body.to).document()


@router.get("/{job_id}", response_model=schema.JobDocument)
async def get_job(job_id: str, context: Context) -> Any:
    return context.application.jobs.get(job_id)


@router.get("/{job_id}/script", response_model=schema.JobScript)
async def get_job_script(job_id: str, context: Context) -> Any:
    """The NAMD config and the job script, as they were sent."""
    return context.application.jobs.script(job_id)


@router.delete("/{job_id}", response_model=TaskDocument, status_code=ACCEPTED)
async def delete_job(job_id: str, context: Context, keep_remote: bool = False) -> Any:
    """Cancel it if it runs, then delete it here and, unless kept, on the cluster."""
    return context.application.jobs.start_delete(job_id, keep_remote=keep_remote).document()


@router.post("/{job_id}/submit", response_model=TaskDocument, status_code=ACCEPTED)
async def submit_job(job_id: str, context: Context) -> Any:
    """Hand it to Slurm, exactly once however often this is asked."""
    return context.application.jobs.start_submit(job_id).document()


@router.post("/{job_id}/cancel", response_model=TaskDocument, status_code=ACCEPTED)
async def cancel_job(job_id: str, context: Context) -> Any:
    return context.application.jobs.start_cancel(job_id).document()


@router.post("/{job_id}/download", response_model=TaskDocument, status_code=ACCEPTED)
async def download_job(job_id: str, body: schema.DownloadRequest, context: Context) -> Any:
    """Bring files home, verified by sha256. The task's result is ``{"files": [...]}``."""
    return context.application.jobs.start_download(job_id, body.patterns, body.to).document()


@router.get("/{job_id}/logs", response_model=schema.LogText)
async def read_job_log(
    job_id: str,
    context: Context,
    which: Literal["namd", "slurm"] = "namd",
    offset: Annotated[int | None, Query(ge=0)] = None,
) -> Any:
    """Part of a log, from ``offset`` on; without it the last part."""
    return await context.application.jobs.logs(job_id, which, offset)


@router.get("/{job_id}/files", response_model=schema.JobFiles)
async def list_job_files(job_id: str, context: Context) -> Any:
    return await context.application.jobs.files(job_id)


@router.get(
    "/{job_id}/files/content",
    response_class=StreamingResponse,
    responses={
        200: {"content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}}},
        206: {"description": "The part that the header Range asks for."},
        416: {"description": "The range lies outside the file."},
    },
)
async def read_job_file(
    job_id: str,
    context: Context,
    name: Annotated[str, Query(min_length=1, max_length=4096)],
    range_header: Annotated[str | None, Header(alias="Range")] = None,
) -> Response:
    """The bytes of one file, straight from the cluster; ``Range`` asks for a part of it.

    Where the cluster is not connected, they come from a copy on this computer that nobody changed.
    """
    file = await context.application.jobs.content(job_id, name)
    headers = {
        "Accept-Ranges": "bytes",
        "Content-Encoding": "identity",  # compressing gigabytes of coordinates gains nothing
        "Content-Disposition": f"attachment; filename*=UTF-8''{quote(PurePosixPath(name).name, safe='')}",
        "ETag": f'"{hashlib.sha256(file.version.encode()).hexdigest()[:32]}"',
    }
    try:
        part = byte_range(range_header, file.size)
    except ValueError:
        return Response(status_code=416, headers={"Content-Range": f"bytes */{file.size}"})
    start, end = part or (0, file.size)
    headers["Content-Length"] = str(end - start)
    if part is not None:
        headers["Content-Range"] = f"bytes {start}-{end - 1}/{file.size}"
    return StreamingResponse(
        file.read_ranges([(start, end - start)]), 206 if part else 200, headers, media_type="application/octet-stream"
    )


@router.get("/{job_id}/energies", response_model=schema.Energies)
async def read_job_energies(
    job_id: str,
    context: Context,
    points: Annotated[int | None, Query(ge=1, le=100_000)] = None,
    after: Annotated[int, Query(ge=0)] = 0,
    until: Annotated[int | None, Query(ge=0)] = None,
) -> Any:
    """The ENERGY lines of the NAMD log as far as it is known, from row ``after`` up to and without ``until``.

    More of them than ``points`` are put into so many buckets, each with its mean, lowest and highest values.
    """
    return await context.application.jobs.energies(job_id, points=points, after=after, until=until)


@router.get("/{job_id}/performance", response_model=schema.Performance)
async def read_job_performance(job_id: str, context: Context) -> Any:
    """Speed as the run went on, from the TIMING lines of its log, and the mass of the system."""
    return await context.application.jobs.performance(job_id)
