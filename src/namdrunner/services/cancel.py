"""Cancelling a job, and deleting it."""

from __future__ import annotations

import asyncio
import shlex
from dataclasses import replace

from namdrunner.errors import ClusterError, ConflictError, NotConnectedError
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
    async with context.lock(job_id):
        job = context.jobs.get(job_id)
        if job.state.final:
            raise ConflictError(
                f"The job has ended already ({job.state.value}).",
                code="job-ended",
                remedy="There is nothing to cancel. To remove it and its files, delete it.",
            )
        if not job.state.submitted:
            return context.save(
                with_status(job, state=JobState.CANCELLED, reason="It was cancelled before submission.")
            )
        if job.slurm_id is None:
            raise ConflictError(
                "It is not known yet whether Slurm took the job.",
                code="submission-unsettled",
                remedy="Sync first, then cancel.",
                retryable=True,
            )
        reply = await context.session(job).run(
            f"bash -lc {shlex.quote(scancel_command([job.slurm_id]))}", timeout_s=60, label=f"scancel {job.slurm_id}"
        )
        if reply.exit_status != 0:
            raise daemon_error("scancel", reply.error_text, reply.exit_status)
        return context.save(replace(job, cancel_requested_at=context.now()), says="Cancel was asked for.")


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
    if keep_remote:
        if job.state.active:
            raise ConflictError(
                "The job is still under way.", code="job-active", remedy="Cancel it first, or wait for its end."
            )
        context.jobs.delete(job_id)
        context.events.publish("job.deleted", {"id": job_id})
        return {"deleted": job_id, "kept_on_cluster": job.record.project_dir}
    if not context.clusters.connected(job.record.cluster):
        context.session(job)
        raise NotConnectedError(
            f"The cluster {job.record.cluster} is not connected.",
            remedy=f"Connect it first: namdrunner cluster connect {job.record.cluster}",
        )
    context.save(replace(job, deleting=True), says="Deletion was asked for.")
    if job.state.active:
        handle.say("Cancelling the job first")
        await _end(context, job_id)
    handle.say("Removing the job's folders")
    await remove_folders(context, context.jobs.get(job_id))
    return {"deleted": job_id}


async def _end(context: Context, job_id: str) -> None:
    deadline = asyncio.get_running_loop().time() + END_PATIENCE_S
    asked = False
    while (job := context.jobs.get(job_id)).state.active:
        if asyncio.get_running_loop().time() > deadline:
            context.save(replace(job, deleting=False), says="Deletion was given up: the job did not end.")
            raise ClusterError(
                "The job was cancelled, but Slurm has not ended it yet; nothing was removed.",
                code="job-not-ended",
                remedy="Delete it again in a minute.",
                retryable=True,
            )
        if not asked and job.slurm_id is not None:
            await cancel(context, job_id)
            asked = True
        await sync_cluster(context, job.record.cluster, extra=[job_id], deleting=True)
        await asyncio.sleep(1.0)


async def remove_folders(context: Context, job: StoredJob) -> None:
    """Remove exactly the job's two folders; paths are rebuilt from the roots and compared before anything goes.

    Raises ConflictError (``path-unsafe``) when the record names other folders than the roots give.
    """
    roots = await context.clusters.find_roots(job.record.cluster)
    own = (job.record.project_dir, job.record.scratch_dir)
    if own != tuple(job_folder(root, job.id) for root in roots):
        raise ConflictError(
            "The job's folders are not where this cluster's jobs live; nothing was removed.",
            code="path-unsafe",
            remedy="Restore the cluster's roots, remove the folders by hand, or delete with --keep-remote.",
            context={"folders": list(own)},
        )
    lines = ['remove() { [ -L "$1" ] && { rm -f -- "$1"; return; }; [ ! -e "$1" ] || rm -rf -- "$1"; }']
    lines += [f"remove {shlex.quote(folder)} || status=1" for folder in (own[1], own[0])]
    script = "\n".join(["status=0", *lines, "exit $status"]) + "\n"
    reply = await context.session(job).run("bash -s", stdin=script.encode(), timeout_s=900, label=f"remove {job.id}")
    if reply.exit_status != 0:
        raise ClusterError(
            f"The job's folders could not be removed whole: {reply.error_text.strip()[:300]}",
            code="removal-failed",
            remedy="Look at the folders' permissions on the cluster, then delete again.",
            context={"folders": list(own)},
        )
    context.jobs.delete(job.id)
    context.events.publish("job.deleted", {"id": job.id})
