"""One sync of one cluster: one remote command, then every active job's state from the evidence."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from namdrunner.errors import ClusterError, InputError
from namdrunner.jobs.evidence import (
    AccountingRun,
    AccountingSight,
    Observations,
    QueueSight,
    Verdict,
    decide,
)
from namdrunner.jobs.record import JobProgress
from namdrunner.jobs.result import JobResult, parse_result
from namdrunner.jobs.state import JobState
from namdrunner.jobs.submit_script import parse_attempt, parse_receipt
from namdrunner.jobs.sync_script import SyncJob, SyncReply, build_sync_script, parse_sync_reply
from namdrunner.services.allocation import CODE, processors_remark
from namdrunner.services.collect import collect
from namdrunner.services.context import Context
from namdrunner.services.endings import conclude
from namdrunner.services.job_logs import JobLog, read_log_part
from namdrunner.services.purge import cluster_warnings
from namdrunner.services.submit import Reconciliation, reconcile, settled
from namdrunner.slurm.accounting import AccountingRow, parse_sacct_reply, runs_of
from namdrunner.slurm.queue import QueueRow, parse_squeue_reply
from namdrunner.slurm.reasons import explain_reason
from namdrunner.slurm.script import slurm_job_name
from namdrunner.store.job_views import ActiveJob
from namdrunner.store.jobs import StoredJob, with_status

SLACK = timedelta(days=1)
"""Added before the earliest submission when accounting is searched: clocks differ."""
CHUNK = 100
"""Jobs per transaction."""
MAX_JOBS = 2_000
"""Active jobs per remote command."""


@dataclass(frozen=True)
class Seen:
    """The reply, read: what the queue and accounting hold, or why they do not answer."""

    reply: SyncReply
    queue: dict[str, QueueRow]
    """By Slurm id."""
    queue_failure: str
    accounting: tuple[AccountingRow, ...]
    accounting_failure: str
    asked: frozenset[str]
    """Ids accounting was asked about."""
    logs: dict[str, JobLog] = field(default_factory=dict)
    """What was read of the logs: a job that is looked at twice has its new lines taken in once."""


async def sync_cluster(
    context: Context, cluster: str, extra: Sequence[str] = (), *, deleting: bool = False
) -> dict[str, list[Any]]:
    """Bring all active jobs of the cluster (and ``extra``) up to date; returns ``synced`` and ``changed`` ids.

    ``warnings`` are of results that a site will soon clear away from its scratch.

    ``deleting``: jobs that are being deleted, too.

    Raises NotConnectedError, ConnectionFailedError, CommandTimeoutError; the jobs then keep their last known state.
    """
    session = context.clusters.session(cluster)
    jobs = {job.id: job for job in context.jobs.active(cluster) if deleting or not job.deleting}
    jobs |= {job.id: job for job in context.jobs.brief(extra) if job.state.submitted and (deleting or not job.deleting)}
    chosen = list(jobs.values())[:MAX_JOBS]
    if not chosen:
        return {"synced": [], "changed": [], "warnings": cluster_warnings(context, cluster)}
    nonce = secrets.token_hex(16)
    script = build_sync_script(_questions(context, chosen), nonce, since=_since(context, chosen))
    label = f"sync of {len(chosen)} job{'s' if len(chosen) > 1 else ''}"
    result = await session.run("bash -s", stdin=script.encode(), timeout_s=180, label=label)
    reply = parse_sync_reply(result.stdout, nonce)
    if not reply.complete:
        raise ClusterError(
            f"The answer of {cluster} to the sync was cut off; the jobs keep their last known state.",
            code="sync-cut-off",
            remedy="Sync again. If it stays so, look at 'namdrunner cluster test'.",
            retryable=True,
            context={"stderr": result.error_text[-500:]},
        )
    seen = _read(reply)
    changed: list[str] = []
    sights = {job.id: _sight(job, seen) for job in chosen}
    news = [i for i, sight in sights.items() if sight is None or context.last_seen.get(i) != sight]
    for start in range(0, len(news), CHUNK):
        ids = news[start : start + CHUNK]
        later = _update_together(context, ids, seen, changed)
        for job_id in later:
            if await _update_alone(context, job_id, seen):
                changed.append(job_id)
        await asyncio.sleep(0)
    context.last_seen.update(sights)
    warnings = cluster_warnings(context, cluster)
    return {"synced": [job.id for job in chosen], "changed": changed, "warnings": warnings}


def _questions(context: Context, jobs: Sequence[ActiveJob]) -> list[SyncJob]:
    ends = context.logs.ends([job.id for job in jobs], "namd")
    return [
        SyncJob(
            id=job.id,
            slurm_id="" if job.unsettled else job.slurm_id or "",
            project_dir=job.project_dir,
            log_offset=ends.get(job.id, 0),
            token=job.token if job.unsettled else "",
            slurm_name=slurm_job_name(job.name),
        )
        for job in jobs
    ]


def _since(context: Context, jobs: Sequence[ActiveJob]) -> datetime:
    return min((job.submitted_at for job in jobs if job.submitted_at), default=context.now()) - SLACK


def _sight(job: ActiveJob, seen: Seen) -> object:
    """What was seen of a job that only waits or runs; seen like this twice, nothing has to be read or written.

    ``None`` for a job of which there is more to see.
    """
    row = seen.queue.get(job.slurm_id or "")
    part = seen.reply.logs.get(job.id)
    same_log = part is None or (part.offset == part.end and not part.content)
    if job.unsettled or row is None or not same_log or job.id in seen.reply.results:
        return None
    return (job.state, row.state, row.reason, row.start_time) if row.state.waiting or row.state.running else None


def _read(reply: SyncReply) -> Seen:
    queue: tuple[QueueRow, ...] = ()
    queue_failure = "" if reply.squeue_status is not None else "the reply was cut off"
    if reply.squeue_status is not None:
        try:
            queue = parse_squeue_reply(reply.squeue, reply.squeue, reply.squeue_status)
        except ClusterError as error:
            queue_failure = _words(error)
    accounting: tuple[AccountingRow, ...] = ()
    accounting_failure = ""
    if reply.sacct_status is not None:
        try:
            accounting = parse_sacct_reply(reply.sacct, reply.sacct, reply.sacct_status)
        except ClusterError as error:
            accounting_failure = _words(error)
    rows = {row.id: row for row in queue} | {row.job_number: row for row in queue}
    return Seen(reply, rows, queue_failure, accounting, accounting_failure, frozenset(reply.sacct_ids))


def _words(error: ClusterError) -> str:
    own = str(error.context.get("stderr", "")).strip().splitlines()
    return own[-1][:300] if own else error.message


def _update_together(context: Context, job_ids: Sequence[str], seen: Seen, changed: list[str]) -> list[str]:
    """Apply what was seen to jobs nobody else is working on, in one transaction and without a pause.

    Returns the jobs that need more: another command on the cluster, or their turn.
    """
    later, moved = [], []
    for before in context.jobs.get_many(job_ids):
        if context.lock(before.id).locked() or _unsettled(before):
            later.append(before.id)
            continue
        if not before.state.submitted or before.slurm_id is None:
            continue
        job, verdict = _judge(context, before, seen)
        if verdict.state is JobState.COLLECTING or _left_behind(job, seen, verdict):
            later.append(before.id)
            continue
        job = _finish(context, before, _apply(context, job, seen, verdict), seen)
        if _noticeable(job) != _noticeable(before):
            moved.append((before, job))
    context.jobs.save_many([job for _, job in moved])
    for before, job in moved:
        _tell(context, before, job)
        if job.state is not before.state:
            changed.append(job.id)
    return later


async def _update_alone(context: Context, job_id: str, seen: Seen) -> bool:
    """The same for one job that has to be looked into on the cluster; True when its state changed."""
    async with context.lock(job_id):
        before = job = context.jobs.get(job_id)  # as it is now: a person may have cancelled it meanwhile
        if _unsettled(job):
            job = await reconcile(context, settled(job), _reconciliation(job, seen))
        elif job.state.submitted and job.slurm_id is not None:
            job, verdict = _judge(context, job, seen)
            if verdict.state is JobState.COLLECTING:
                job, verdict = await _collected(context, job, seen, verdict)
            elif _left_behind(job, seen, verdict):
                job = await _brought_home(context, job)
            job = _finish(context, before, _apply(context, job, seen, verdict), seen)
        if _noticeable(job) != _noticeable(before):
            context.jobs.save(job)
            _tell(context, before, job)
        return job.state is not before.state


def _unsettled(job: StoredJob) -> bool:
    return job.state in (JobState.SUBMITTING, JobState.SUBMIT_UNKNOWN)


def _judge(context: Context, job: StoredJob, seen: Seen) -> tuple[StoredJob, Verdict]:
    job = with_log(context, job, seen)
    return job, decide(_observe(context, job, seen))


def _finish(context: Context, before: StoredJob, job: StoredJob, seen: Seen) -> StoredJob:
    if job.state.final and not before.state.final:
        return conclude(context, job, seen.reply.tails.get(job.id, {}), seen.reply.inventories.get(job.id, ""))
    return job


def _reconciliation(job: StoredJob, seen: Seen) -> Reconciliation:
    searched, answered = [], False
    if seen.reply.search_status is not None:
        try:
            rows = parse_sacct_reply(seen.reply.search, seen.reply.search, seen.reply.search_status)
            searched = [(row.job_number or row.id, f"{row.comment} {row.submit_line}") for row in rows]
            answered = True
        except ClusterError as error:
            answered = error.code == "accounting-off"
    return Reconciliation(
        receipt=parse_receipt(seen.reply.receipts.get(job.id, "")),
        attempt=parse_attempt(seen.reply.attempts.get(job.id, "")),
        clock_s=seen.reply.clock_s,
        queue=tuple(seen.queue.values()),
        queue_answered=not seen.queue_failure,
        searched=tuple(searched),
        accounting_answered=answered,
    )


def with_log(context: Context, job: StoredJob, seen: Seen) -> StoredJob:
    part = seen.reply.logs.get(job.id)
    if part is None:
        return job
    log = seen.logs.get(job.id) or read_log_part(context, job, part)
    seen.logs[job.id] = log
    progress = JobProgress(
        step=log.progress.step,
        target_step=log.progress.target_step,
        ns_per_day=log.progress.ns_per_day,
        eta_s=log.progress.eta_s,
    )
    remark = processors_remark(job.record, context.clusters.pace(job.record.cluster), log.processors)
    diagnosis = (*(d for d in job.status.diagnosis if d.get("code") != CODE), *([remark] if remark else []))
    return with_status(job, progress=progress, log=log.facts, last_energies=log.last_energies, diagnosis=diagnosis)


def _result(job: StoredJob, seen: Seen) -> JobResult | None:
    text = seen.reply.results.get(job.id)
    if text is None:
        return None
    try:
        result = parse_result(text)
    except InputError:
        return None
    own = {s.token for s in job.record.submissions}
    return result if result.job_id == job.id and result.token in own else None


def _observe(context: Context, job: StoredJob, seen: Seen) -> Observations:
    result = _result(job, seen)
    row = seen.queue.get(job.slurm_id or "")
    now = context.now()
    gone = job.status.missing_since
    return Observations(
        at=now,
        previous=job.state,
        slurm_id=job.slurm_id or "",
        queue=QueueSight(
            answered=not seen.queue_failure,
            state=row.state if row else None,
            reason=row.reason if row else "",
            start=row.start_time if row and row.state.running else None,
            failure=seen.queue_failure,
        ),
        accounting=_accounting(job, seen),
        result=result,
        log=job.status.log,
        expected_step=job.record.run.target_step,
        cancel_requested=job.cancel_requested_at is not None,
        missing_for_s=(now - gone).total_seconds() if gone else 0.0,
        previous_weight=job.status.weight,
    )


def _accounting(job: StoredJob, seen: Seen) -> AccountingSight:
    if seen.accounting_failure:
        return AccountingSight(False, failure=seen.accounting_failure)
    if job.slurm_id not in seen.asked:
        return AccountingSight(False)
    runs = tuple(
        AccountingRun(r.state, r.exit_code, r.exit_signal, r.start_time, r.end_time)
        for r in runs_of(seen.accounting, job.slurm_id or "")
    )
    return AccountingSight(True, runs)


async def _collected(context: Context, job: StoredJob, seen: Seen, verdict: Verdict) -> tuple[StoredJob, Verdict]:
    """Copy what the job script could not, then judge again."""
    context.tell(with_status(job, state=JobState.COLLECTING))
    outcome = await collect(context, job)
    if not outcome.complete:
        return job, replace(verdict, reason=outcome.reason or verdict.reason, remedy=outcome.remedy or verdict.remedy)
    job = with_status(job, outputs=outcome.outputs)
    return job, decide(replace(_observe(context, job, seen), collected=True))


def _left_behind(job: StoredJob, seen: Seen, verdict: Verdict) -> bool:
    """It ran, ended otherwise than it should, and its script did not come to bringing home what there is."""
    if not verdict.state.final or verdict.state is JobState.COMPLETED:
        return False
    if job.state.final and not job.status.left_in_scratch:
        return False
    result = _result(job, seen)
    home = result is not None and (result.staged_out or result.stage in ("setup", "stage-in"))
    return not home and (verdict.started_at or job.status.started_at) is not None


async def _brought_home(context: Context, job: StoredJob) -> StoredJob:
    """Restart files and whatever else the run wrote; where it cannot be had now, this is remembered."""
    try:
        outcome = await collect(context, job)
    except ClusterError:
        return with_status(job, left_in_scratch=True)
    if outcome.complete:
        return with_status(job, outputs=outcome.outputs, left_in_scratch=False)
    return with_status(job, left_in_scratch=not outcome.gone)


def _apply(context: Context, job: StoredJob, seen: Seen, verdict: Verdict) -> StoredJob:
    row = seen.queue.get(job.slurm_id or "")
    status = job.status
    now = context.now()
    waiting = verdict.state is JobState.PENDING and row is not None
    explained = explain_reason(row.reason) if waiting and row is not None and row.reason else None
    missing = not seen.queue_failure and row is None and verdict.state.active
    started = verdict.started_at or (row.start_time if row and row.state.running else None) or status.started_at
    changes: dict[str, Any] = {
        "state": verdict.state,
        "reason": verdict.reason,
        "remedy": verdict.remedy,
        "queue_reason": explained.message if explained else "",
        "started_at": None if verdict.state is JobState.PENDING else started,
        "ended_at": verdict.ended_at if verdict.state.final else None,
        "exit_code": verdict.exit_code if verdict.state.final else None,
        "evidence": verdict.evidence,
        "weight": verdict.weight,
        "stale": verdict.stale,
        "missing_since": (status.missing_since or now) if missing else None,
        "synced_at": status.synced_at if verdict.stale else now,
    }
    if verdict.state.final:
        changes["ended_at"] = verdict.ended_at or status.ended_at or now
        changes["progress"] = status.progress.model_copy(update={"eta_s": None})
    return with_status(job, **changes)


def _noticeable(job: StoredJob) -> dict[str, Any]:
    """What is worth a write: all but the time of the look and the times inside the evidence."""
    status = job.status.model_dump(exclude={"synced_at", "evidence"})
    told = [(e.source, e.says) for e in job.status.evidence]
    return status | {"evidence": told, "slurm_id": job.slurm_id}


def _tell(context: Context, before: StoredJob, job: StoredJob) -> None:
    quiet = {"synced_at", "evidence", "missing_since", "weight"}
    if job.status.model_dump(exclude=quiet) != before.status.model_dump(exclude=quiet):
        context.tell(job)
