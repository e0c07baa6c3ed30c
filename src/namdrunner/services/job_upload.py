"""The upload of jobs: what arrived before is not sent again, and what several jobs share is sent once."""

from __future__ import annotations

import asyncio
import contextlib
import json
import posixpath
from base64 import b64decode
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath

from namdrunner.errors import ConflictError, ConnectionFailedError, InterruptedOperationError, NamdrunnerError
from namdrunner.jobs.folders import inside
from namdrunner.jobs.state import JobState
from namdrunner.remote.values import Session, UploadItem
from namdrunner.services.context import Context
from namdrunner.services.job_info import INFO, info_text
from namdrunner.services.placing import MOST_JOBS, place
from namdrunner.services.tasks import TaskHandle
from namdrunner.store.jobs import StoredJob, with_status

SHARED_BYTES = 64 * 1024
"""Inputs at least this large are looked for among earlier jobs' before they are sent."""
RESUME = "Submit the job to resume its upload, or delete it."

Places = dict[str, list[PurePosixPath]]
"""sha256 to where such content is on the cluster."""


async def upload(context: Context, job_ids: Sequence[str], handle: TaskHandle) -> list[StoredJob]:
    """Send what CREATED or UPLOADING jobs of one cluster still lack there; what arrived before is not sent again.

    Raises InterruptedOperationError (``input-changed``) when a local file is no longer what was planned.
    """
    async with contextlib.AsyncExitStack() as stack:
        for job_id in sorted(job_ids):
            await stack.enter_async_context(context.lock(job_id))
        jobs = _in_order(context.jobs.get_many(job_ids), job_ids)
        for missing in set(job_ids) - {job.id for job in jobs}:
            context.jobs.get(missing)  # says that it was deleted
        for job in jobs:
            if job.state not in (JobState.CREATED, JobState.UPLOADING):
                raise ConflictError(
                    f"The job is {job.state.value}; its upload is over.",
                    code="upload-over",
                    remedy=f"See how it stands: namdrunner job show {job.id}",
                )
        fresh = all(job.state is JobState.CREATED for job in jobs)
        session = context.session(jobs[0])
        parts = await asyncio.to_thread(_parts, context, jobs)
        begun = [with_status(job, state=JobState.UPLOADING, reason="", remedy="") for job in jobs]
        jobs = context.save_many(begun, ["Uploading."] * len(begun))
        handle.say(f"Uploading {sum(len(part) for part in parts)} files")
        try:
            known = await asyncio.to_thread(_elsewhere, context, jobs)
            left = await _place_new(session, parts, known, handle) if fresh else parts
            if left:
                await _send(session, left, known, handle)
        except NamdrunnerError as error:
            _stopped(context, jobs, f"The upload stopped: {error.message}", error.remedy or RESUME)
            raise
        except asyncio.CancelledError:
            _stopped(context, jobs, "The upload was cancelled.", RESUME)
            raise
        ready = [with_status(job, state=JobState.READY) for job in jobs]
        return context.save_many(ready, ["Everything is on the cluster."] * len(ready))


def _in_order(jobs: Sequence[StoredJob], job_ids: Sequence[str]) -> list[StoredJob]:
    order = {job_id: number for number, job_id in enumerate(job_ids)}
    return sorted(jobs, key=lambda job: order[job.id])


async def _place_new(
    session: Session, parts: Sequence[list[UploadItem]], known: Places, handle: TaskHandle
) -> Sequence[list[UploadItem]]:
    """Put new jobs in place together; returns those for which this is not the way.

    Where their inputs are too large for that, the first one is sent by itself, and the rest gets them from it.
    """
    left, led = list(parts), False
    while left:
        portion = left[:MOST_JOBS]
        try:
            placed = await place(session, portion, known)
        except ConnectionFailedError:
            return left
        if not placed:
            if led or len(left) == 1:
                return left
            portion, led = left[:1], True
            await _send(session, portion, known, handle)
        for item in (item for part in portion for item in part if item.sha256):
            known.setdefault(item.sha256 or "", []).append(item.target)
        left = left[len(portion) :]
    return left


async def _send(
    session: Session,
    parts: Sequence[list[UploadItem]],
    elsewhere: Mapping[str, Sequence[PurePosixPath]],
    handle: TaskHandle,
) -> None:
    """Each content once; jobs that share it, now or from earlier, get it on the cluster from one another.

    The records go first, so that a half-made job can be recognised; the scripts last: with it, a job is whole.
    """
    await session.upload([part[0] for part in parts])
    first: dict[str, UploadItem] = {}
    again: list[UploadItem] = []
    for item in (item for part in parts for item in part[1:]):
        if item.sha256 is None or first.setdefault(item.sha256, item) is item:
            continue
        again.append(item)
    repeated = {id(item) for item in again}
    once = [item for part in parts for item in part[1:] if id(item) not in repeated]
    await session.upload(once, progress=handle.progress, control=handle.control, elsewhere=elsewhere)
    if again:
        there = {digest: [item.target] for digest, item in first.items()}
        await session.upload(again, progress=handle.progress, control=handle.control, elsewhere=there)


def _elsewhere(context: Context, jobs: Sequence[StoredJob]) -> Places:
    """Where inputs of these jobs lie on the cluster already, as inputs of earlier jobs."""
    wanted = {i.sha256 for job in jobs for i in job.record.inputs if i.bytes >= SHARED_BYTES}
    own = {job.id for job in jobs}
    found: dict[str, list[PurePosixPath]] = {}
    for project_dir, name, digest in context.jobs.inputs_like(jobs[0].record.cluster, wanted, leave_out=own):
        found.setdefault(digest, []).append(inside(f"{project_dir}/input_files", name))
    return found


def _stopped(context: Context, jobs: Sequence[StoredJob], reason: str, remedy: str) -> None:
    stopped = [with_status(job, reason=reason, remedy=remedy) for job in jobs]
    context.save_many(stopped, [reason] * len(stopped))


def _parts(context: Context, jobs: Sequence[StoredJob]) -> list[list[UploadItem]]:
    texts = context.jobs.texts([job.id for job in jobs])
    return [_items(job, texts[job.id]) for job in jobs]


def _items(job: StoredJob, texts: Mapping[str, str]) -> list[UploadItem]:
    """Record, inputs, config, script."""
    record = job.record
    rewritten = json.loads(texts.get("rewritten") or "{}")
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
    exact = texts.get("config64")
    config = b64decode(exact) if exact else texts.get("config", "").encode()
    items.append(UploadItem(config, project / "config.namd"))
    for path, text in json.loads(texts.get("chain") or "{}").items():
        items.append(UploadItem(text.encode(), PurePosixPath(posixpath.normpath(project / path))))
    items.append(UploadItem(texts.get("script", "").encode(), project / "job.sbatch"))
    return items
