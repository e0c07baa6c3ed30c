"""Cancelling a job, and deleting it."""

from __future__ import annotations

import asyncio
import contextlib
import shlex
from collections.abc import Sequence
from dataclasses import replace

from namdrunner.errors import ClusterError, ConflictError, NamdrunnerError, NotConnectedError
from namdrunner.jobs.folders import job_folder
from namdrunner.jobs.state import JobState
from namdrunner.services.context import Context
from namdrunner.services.sync import sync_cluster
from namdrunner.services.tasks import Task, TaskHandle
from namdrunner.slurm.commands import scancel_command
from namdrunner.slurm.daemons import daemon_error
from namdrunner.store.job_views import ActiveJob
from namdrunner.store.jobs import StoredJob, with_status

END_PATIENCE_S = 90.0
"""How long a deletion waits for Slurm to end a job that was cancelled for it."""


async def cancel(context: Context, job_id: str) -> StoredJob:
    """Ask Slurm to end the job; its state follows from the evidence. A job never submitted is CANCELLED at once.

    Raises ConflictError (``job-ended``, ``submission-unsettled``), ClusterError when scancel fails.
    """
    refused = await cancel_many(context, [job_id])
    if job_id in refused:
        raise refused[job_id]
    return context.jobs.get(job_id)


async def cancel_many(context: Context, job_ids: Sequence[str]) -> dict[str, NamdrunnerError]:
    """The same for jobs of one cluster, with one command; why it was not done, for those of which it was not.

    Raises NotFoundError, ConnectionFailedError, ClusterError when scancel fails.
    """
    refused: dict[str, NamdrunnerError] = {}
    async with contextlib.AsyncExitStack() as stack:
        for job_id in sorted(set(job_ids)):
            await stack.enter_async_context(context.lock(job_id))
        asked: list[StoredJob] = []
        for job in [context.jobs.get(job_id) for job_id in job_ids]:
            try:
                if _in_slurm(job):
                    asked.append(job)
                else:
                    reason = "It was cancelled before submission."
                    context.save(with_status(job, state=JobState.CANCELLED, reason=reason))
            except ConflictError as error:
                refused[job.id] = error
        if asked:
            await _scancel(context, asked)
    return refused


def _in_slurm(job: StoredJob) -> bool:
    """Whether Slurm has to be asked; raises ConflictError when there is nothing to cancel, or not yet."""
    if job.state.final:
        raise ConflictError(
            f"The job has ended already ({job.state.value}).",
            code="job-ended",
            remedy="There is nothing to cancel. To remove it and its files, delete it.",
        )
    if job.state.submitted and job.slurm_id is None:
        raise ConflictError(
            "It is not known yet whether Slurm took the job.",
            code="submission-unsettled",
            remedy="Sync first, then cancel.",
            retryable=True,
        )
    return job.state.submitted


async def _scancel(context: Context, jobs: Sequence[StoredJob]) -> None:
    ids = [job.slurm_id or "" for job in jobs]
    label = f"scancel {ids[0]}" if len(ids) == 1 else f"scancel of {len(ids)} jobs"
    command = f"bash -lc {shlex.quote(scancel_command(ids))}"
    reply = await context.session(jobs[0]).run(command, timeout_s=60, label=label)
    if reply.exit_status != 0:
        raise daemon_error("scancel", reply.error_text, reply.exit_status)
    now = context.now()
    asked = [replace(job, cancel_requested_at=now) for job in jobs]
    context.save_many(asked, ["Cancel was asked for."] * len(asked))


def start_delete(context: Context, job: ActiveJob | StoredJob, cluster: str, *, keep_remote: bool = False) -> Task:
    """Delete the job as a task; a deletion of it that is under way is returned instead."""
    running = context.tasks.running("delete", job=job.id, cluster=cluster)
    if running is not None:
        return running

    async def work(handle: TaskHandle) -> dict[str, object]:
        return await delete(context, job.id, keep_remote=keep_remote, handle=handle)

    return context.tasks.start("delete", work, job=job.id, cluster=cluster)


async def delete(context: Context, job_id: str, *, keep_remote: bool, handle: TaskHandle) -> dict[str, object]:
    """Cancel the job if it is under way, wait for its end, remove its folders on the cluster, then its local record.

    The intention is stored first, so that an interrupted deletion is finished by the next sync. ``keep_remote``
    forgets the local record only; a sync of all jobs finds the job again.
    """
    job = context.jobs.get(job_id)
    refused = await delete_many(context, [job_id], keep_remote=keep_remote, handle=handle)
    if job_id in refused:
        raise refused[job_id]
    kept: dict[str, object] = {"kept_on_cluster": job.record.project_dir} if keep_remote else {}
    return {"deleted": job_id, **kept}


async def delete_many(
    context: Context, job_ids: Sequence[str], *, keep_remote: bool, handle: TaskHandle
) -> dict[str, NamdrunnerError]:
    """The same for jobs of one cluster together; why it was not done, for those of which it was not."""
    jobs = [context.jobs.get(job_id) for job_id in job_ids]
    if keep_remote:
        return _forget(context, jobs)
    cluster = jobs[0].record.cluster
    if not context.clusters.connected(cluster):
        context.session(jobs[0])
        raise NotConnectedError(
            f"The cluster {cluster} is not connected.",
            remedy=f"Connect it first: namdrunner cluster connect {cluster}",
        )
    context.save_many([replace(job, deleting=True) for job in jobs], ["Deletion was asked for."] * len(jobs))
    if any(job.state.active for job in jobs):
        handle.say("Cancelling the job first" if len(jobs) == 1 else "Cancelling the jobs first")
        await _end(context, cluster, job_ids)
    handle.say("Removing the job's folders" if len(jobs) == 1 else f"Removing the folders of {len(jobs)} jobs")
    ended = [job for job in context.jobs.get_many(job_ids) if not job.state.active]
    refused = await _remove(context, ended)
    late = {job_id: _not_ended() for job_id in set(job_ids) - {job.id for job in ended}}
    return refused | late


def _forget(context: Context, jobs: Sequence[StoredJob]) -> dict[str, NamdrunnerError]:
    refused: dict[str, NamdrunnerError] = {}
    for job in jobs:
        if job.state.active:
            refused[job.id] = ConflictError(
                "The job is still under way.", code="job-active", remedy="Cancel it first, or wait for its end."
            )
            continue
        context.jobs.delete(job.id)
        context.events.publish("job.deleted", {"id": job.id})
    return refused


async def _end(context: Context, cluster: str, job_ids: Sequence[str]) -> None:
    """Cancel what is under way and wait for its end; jobs that do not end in time are no longer deleted."""
    deadline = asyncio.get_running_loop().time() + END_PATIENCE_S
    asked: set[str] = set()
    while active := [job for job in context.jobs.get_many(job_ids) if job.state.active]:
        if asyncio.get_running_loop().time() > deadline:
            kept = [replace(job, deleting=False) for job in active]
            context.save_many(kept, ["Deletion was given up: the job did not end."] * len(kept))
            return
        new = [job.id for job in active if job.id not in asked and job.slurm_id is not None]
        if new:
            await cancel_many(context, new)
            asked.update(new)
        await sync_cluster(context, cluster, extra=job_ids, deleting=True)
        await asyncio.sleep(1.0)


def _not_ended() -> ClusterError:
    return ClusterError(
        "The job was cancelled, but Slurm has not ended it yet; nothing was removed.",
        code="job-not-ended",
        remedy="Delete it again in a minute.",
        retryable=True,
    )


async def _remove(context: Context, jobs: Sequence[StoredJob]) -> dict[str, NamdrunnerError]:
    """Remove exactly the jobs' two folders; paths are rebuilt from the roots and compared before anything goes."""
    if not jobs:
        return {}
    roots = await context.clusters.find_roots(jobs[0].record.cluster)
    refused: dict[str, NamdrunnerError] = {}
    safe: list[StoredJob] = []
    for job in jobs:
        own = (job.record.project_dir, job.record.scratch_dir)
        if own == tuple(job_folder(root, job.id) for root in roots):
            safe.append(job)
        else:
            refused[job.id] = _unsafe(own)
    lines = [
        'remove() { [ -L "$1" ] && { rm -f -- "$1"; return; }; [ ! -e "$1" ] || rm -rf -- "$1"; }',
        'both() { remove "$2" && remove "$3" && echo "$1"; }',
        *(f"both {shlex.join((job.id, job.record.scratch_dir, job.record.project_dir))}" for job in safe),
    ]
    label = f"remove {safe[0].id}" if len(safe) == 1 else f"remove {len(safe)} jobs"
    if not safe:
        return refused
    reply = await context.session(safe[0]).run(
        "bash -s", stdin=("\n".join(lines) + "\n").encode(), timeout_s=900, label=label
    )
    gone = set(reply.text.split())
    for job in safe:
        if job.id in gone:
            context.jobs.delete(job.id)
            context.events.publish("job.deleted", {"id": job.id})
        else:
            refused[job.id] = _left_over(job, reply.error_text)
    return refused


def _unsafe(folders: tuple[str, str]) -> ConflictError:
    return ConflictError(
        "The job's folders are not where this cluster's jobs live; nothing was removed.",
        code="path-unsafe",
        remedy="Restore the cluster's roots, remove the folders by hand, or delete with --keep-remote.",
        context={"folders": list(folders)},
    )


def _left_over(job: StoredJob, words: str) -> ClusterError:
    return ClusterError(
        f"The job's folders could not be removed whole: {words.strip()[:300]}",
        code="removal-failed",
        remedy="Look at the folders' permissions on the cluster, then delete again.",
        context={"folders": [job.record.project_dir, job.record.scratch_dir]},
    )
