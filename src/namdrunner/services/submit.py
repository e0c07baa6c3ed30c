"""Submission: exactly once, whatever is interrupted."""

from __future__ import annotations

import contextlib
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

from namdrunner.errors import (
    ConflictError,
    NamdrunnerError,
    NotFoundError,
    QuotaError,
    SubmissionError,
)
from namdrunner.jobs.record import Submission
from namdrunner.jobs.state import JobState
from namdrunner.jobs.submit_script import (
    Attempt,
    Receipt,
    SubmitJob,
    SubmitReply,
    build_receipt_script,
    build_submit_script,
    parse_submit_reply,
)
from namdrunner.services.context import Context
from namdrunner.slurm.queue import QueueRow
from namdrunner.slurm.refusals import is_ambiguous, refusal
from namdrunner.store.jobs import StoredJob, with_record, with_status

ABSENT_AFTER = timedelta(seconds=90)
"""How old an attempt must be before a queue that does not list it proves that Slurm never took the job."""

BATCH = 100
"""Jobs per remote command."""

_UNKNOWN = "It is not certain that Slurm took the job; it is being looked for before anything is submitted again."


async def submit(context: Context, job_id: str) -> StoredJob:
    """Submit a job that is ready. Returns it PENDING.

    Raises ConflictError when it was submitted before, SubmissionError when Slurm refuses (the job stays READY),
    ConnectionFailedError or ClusterError when the outcome is not known (the job is SUBMIT_UNKNOWN until a sync has
    found out).
    """
    outcome = (await submit_many(context, [job_id]))[job_id]
    if isinstance(outcome, NamdrunnerError):
        raise outcome
    return outcome


async def submit_many(context: Context, job_ids: Sequence[str]) -> dict[str, StoredJob | NamdrunnerError]:
    """Submit jobs of one cluster with one remote command; what became of each, in the order given.

    Raises only what concerns all of them: ConnectionFailedError or ClusterError, with every job SUBMIT_UNKNOWN.
    """
    outcomes: dict[str, StoredJob | NamdrunnerError] = {job_id: _gone(job_id) for job_id in job_ids}
    async with contextlib.AsyncExitStack() as stack:
        for job_id in sorted(set(job_ids)):
            await stack.enter_async_context(context.lock(job_id))
        ready = []
        for job in context.jobs.get_many(job_ids):
            try:
                _check_state(job)
                ready.append(job)
            except ConflictError as error:
                outcomes[job.id] = error
        for start in range(0, len(ready), BATCH):
            await _submit_together(context, ready[start : start + BATCH], outcomes)
    return outcomes


async def _submit_together(
    context: Context, jobs: Sequence[StoredJob], outcomes: dict[str, StoredJob | NamdrunnerError]
) -> None:
    session = context.session(jobs[0])
    attempts = context.save_many([_attempt(context, job) for job in jobs])
    nonce = secrets.token_hex(16)
    script = build_submit_script([_submit_job(job) for job in attempts], nonce)
    label = "sbatch" if len(jobs) == 1 else f"sbatch of {len(jobs)} jobs"
    try:
        result = await session.run("bash -s", stdin=script.encode(), timeout_s=120 + 90 * len(jobs), label=label)
    except BaseException as error:
        why = error.message if isinstance(error, NamdrunnerError) else "The submission was interrupted."
        context.save_many([_unknown(job, why).job for job in attempts], [why] * len(attempts))
        raise
    replies = parse_submit_reply(result.stdout, nonce)
    ends = [_conclude(context, job, replies.get(job.id, SubmitReply("cut"))) for job in attempts]
    context.save_many([end.job for end in ends], [end.says for end in ends])
    outcomes.update({end.job.id: end.error or end.job for end in ends})


@dataclass(frozen=True)
class _End:
    """What became of one submission: the job as it then is, what its history says, and why Slurm refused it."""

    job: StoredJob
    says: str
    error: NamdrunnerError | None = None


def _gone(job_id: str) -> NotFoundError:
    return NotFoundError(
        f"The job '{job_id}' was deleted.", code="job-not-found", remedy="See 'namdrunner job list' for what there is."
    )


def _attempt(context: Context, job: StoredJob) -> StoredJob:
    """The job with a new token, SUBMITTING; stored before anything is sent."""
    now = context.now()
    own = Submission(token=secrets.token_hex(16), at=now)
    job = with_record(job, submissions=(*job.record.submissions, own))
    return with_status(job, state=JobState.SUBMITTING, reason="", remedy="", submitted_at=now)


def _submit_job(job: StoredJob) -> SubmitJob:
    submissions = job.record.submissions
    return SubmitJob(
        id=job.id,
        project_dir=job.record.project_dir,
        token=submissions[-1].token,
        over=submissions[-2].token if len(submissions) > 1 else "",
    )


def _check_state(job: StoredJob) -> None:
    state = job.state
    if state is JobState.READY:
        return
    if state in (JobState.SUBMITTING, JobState.SUBMIT_UNKNOWN):
        raise ConflictError(
            "An earlier submission of this job is not settled yet.",
            code="submission-unsettled",
            remedy=f"Sync the job: namdrunner job sync {job.id}",
            retryable=True,
        )
    if state.submitted:
        raise ConflictError(
            f"The job was submitted already (Slurm job {job.slurm_id or 'unknown'}).",
            code="already-submitted",
            remedy="Create a new job to run it again; a job is submitted once.",
            context={"slurm_id": job.slurm_id},
        )
    raise ConflictError(
        f"The job is {state.value}; only a READY job can be submitted.",
        code="job-not-ready",
        remedy="Finish its upload first.",
    )


def _conclude(context: Context, job: StoredJob, reply: SubmitReply) -> _End:
    match reply.outcome:
        case "receipt" if reply.receipt is not None:
            receipt = reply.receipt
            return _accepted(context, job, receipt.slurm_id, receipt.token, "It had been submitted already.")
        case "attempt":
            foreign = _with_foreign_attempt(job, reply.attempt_token)
            return _unknown(foreign, "An earlier attempt is still to be looked into.")
        case "answered" if reply.slurm_id and reply.status == 0:
            return _accepted(context, job, reply.slurm_id, job.record.submissions[-1].token, "Slurm took the job.")
        case "answered":
            error = refusal(reply.stderr, reply.status)
            return replace(_unknown(job, error.message), error=error) if is_ambiguous(error) else _refused(job, error)
        case "failed":
            return _refused(job, _failure(reply.problem))
        case _:
            return _unknown(job, "The cluster's answer to the submission was cut off.")


def accept(context: Context, job: StoredJob, slurm_id: str, token: str, says: str) -> StoredJob:
    """Slurm has the job, under the token of one of its submissions."""
    end = _accepted(context, job, slurm_id, token, says)
    return context.save(end.job, says=end.says)


def _accepted(context: Context, job: StoredJob, slurm_id: str, token: str, says: str) -> _End:
    submissions = [s for s in job.record.submissions if s.token != token]
    own = next((s for s in job.record.submissions if s.token == token), None)
    own = own or Submission(token=token, at=job.status.submitted_at or context.now())
    job = with_record(job, submissions=(*submissions, own.model_copy(update={"slurm_id": slurm_id})))
    job = with_status(job, state=JobState.PENDING, reason="", remedy="", stale="", queue_reason="")
    return _End(job, f"{says} Its Slurm id is {slurm_id}.")


def _with_foreign_attempt(job: StoredJob, token: str) -> StoredJob:
    """Another client tried before us, so our own token was never used and its is the one to look for."""
    earlier = tuple(s for s in job.record.submissions[:-1] if s.token != token)
    attempt = Submission(token=token, at=job.record.submissions[-1].at)
    return with_record(job, submissions=(*earlier, attempt))


def _unknown(job: StoredJob, why: str) -> _End:
    job = with_status(
        job,
        state=JobState.SUBMIT_UNKNOWN,
        reason=f"{why} {_UNKNOWN}",
        remedy="Wait for the next sync, or sync now; nothing is submitted twice.",
    )
    return _End(job, why)


def _refused(job: StoredJob, error: NamdrunnerError) -> _End:
    back = with_status(job, state=JobState.READY, reason=error.message, remedy=error.remedy, submitted_at=None)
    return _End(back, f"Slurm refused the job: {error.message}", error)


def _failure(problem: str) -> NamdrunnerError:
    if problem == "write":
        return QuotaError(
            "The project folder cannot be written: nothing was submitted.",
            remedy="Free some space in the project folder (see the site's quota command), then submit again.",
        )
    if problem == "silent":
        return SubmissionError(
            "Slurm did not answer for a job before this one: this one was not submitted.",
            code="not-submitted",
            remedy="Submit it again in a minute.",
            retryable=True,
        )
    if problem == "busy":
        return ConflictError(
            "Another client is submitting this job at the moment.",
            code="submission-under-way",
            remedy="Sync in a minute to see its outcome.",
            retryable=True,
        )
    return SubmissionError(
        "The job's folder on the cluster is gone: nothing was submitted.",
        code="project-folder-missing",
        remedy="Create the job again.",
    )


async def reconcile(context: Context, job: StoredJob, seen: Reconciliation) -> StoredJob:
    """Settle a submission whose outcome was not heard, by receipt, then queue, then accounting."""
    tokens = {s.token: s for s in job.record.submissions}
    if seen.receipt is not None:
        return accept(context, job, seen.receipt.slurm_id, seen.receipt.token, "Its receipt was found.")
    found = next((row for row in seen.queue if row.comment in tokens), None)
    slurm_id, token = (found.job_number or found.id, found.comment) if found else seen.by_accounting(set(tokens))
    if slurm_id:
        receipt = Receipt(token, slurm_id, int(tokens[token].at.timestamp()))
        await context.session(job).run(
            build_receipt_script(job.record.project_dir, receipt), timeout_s=30, label="write the receipt"
        )
        return accept(context, job, slurm_id, token, "It was found in Slurm.")
    if seen.queue_answered and seen.accounting_answered and _age(context, job, seen) > ABSENT_AFTER:
        ready = with_status(
            job,
            state=JobState.READY,
            reason="Slurm never took the job: neither its receipt nor the queue nor accounting knows it.",
            remedy="Submit it again.",
            submitted_at=None,
        )
        return context.save(ready)
    return job


def _age(context: Context, job: StoredJob, seen: Reconciliation) -> timedelta:
    """Of the last attempt, by the cluster's own clock where it got so far: the clock here may be wrong or set anew."""
    if seen.attempt is not None and seen.clock_s is not None:
        return timedelta(seconds=seen.clock_s - seen.attempt.at)
    last = job.record.submissions[-1].at if job.record.submissions else context.now()
    return context.now() - last


class Reconciliation:
    """What was seen of a job whose submission is not settled."""

    def __init__(
        self,
        *,
        receipt: Receipt | None,
        attempt: Attempt | None,
        clock_s: int | None,
        queue: tuple[QueueRow, ...],
        queue_answered: bool,
        searched: tuple[tuple[str, str], ...],
        accounting_answered: bool,
    ) -> None:
        self.receipt = receipt
        self.attempt = attempt
        self.clock_s = clock_s
        self.queue = queue
        self.queue_answered = queue_answered
        self.searched = searched
        """(Slurm id, comment or submit line) of accounting's records of that name."""
        self.accounting_answered = accounting_answered

    def by_accounting(self, tokens: set[str]) -> tuple[str, str]:
        for slurm_id, words in self.searched:
            for token in tokens:
                if token in words:
                    return slurm_id, token
        return "", ""


def settled(job: StoredJob) -> StoredJob:
    """The job without the mark of an interrupted submission; for a server that starts again."""
    if job.state is not JobState.SUBMITTING:
        return job
    return replace(
        job,
        status=job.status.model_copy(
            update={"state": JobState.SUBMIT_UNKNOWN, "reason": f"The server stopped while submitting. {_UNKNOWN}"}
        ),
    )
