"""Submission: exactly once, whatever is interrupted."""

from __future__ import annotations

import secrets
from dataclasses import replace
from datetime import timedelta

from namdrunner.errors import (
    ClusterError,
    ConflictError,
    ConnectionFailedError,
    NamdrunnerError,
    QuotaError,
    SubmissionError,
)
from namdrunner.jobs.record import Submission
from namdrunner.jobs.state import JobState
from namdrunner.jobs.submit_script import (
    Receipt,
    SubmitReply,
    build_receipt_script,
    build_submit_script,
    parse_submit_reply,
)
from namdrunner.services.context import Context
from namdrunner.services.job_info import info_text
from namdrunner.slurm.queue import QueueRow
from namdrunner.slurm.refusals import is_ambiguous, refusal
from namdrunner.store.jobs import StoredJob, with_record, with_status

ABSENT_AFTER = timedelta(seconds=90)
"""How old an attempt must be before a queue that does not list it proves that Slurm never took the job."""

_UNKNOWN = "It is not certain that Slurm took the job; it is being looked for before anything is submitted again."


async def submit(context: Context, job_id: str) -> StoredJob:
    """Submit a job that is ready. Returns it PENDING.

    Raises ConflictError when it was submitted before, SubmissionError when Slurm refuses (the job stays READY),
    ConnectionFailedError or ClusterError when the outcome is not known (the job is SUBMIT_UNKNOWN until a sync has
    found out).
    """
    async with context.lock(job_id):
        job = context.jobs.get(job_id)
        _check_state(job)
        session = context.session(job)
        over = job.record.submissions[-1].token if job.record.submissions else ""
        token = secrets.token_hex(16)
        now = context.now()
        job = with_record(job, submissions=(*job.record.submissions, Submission(token=token, at=now)))
        job = with_status(job, state=JobState.SUBMITTING, reason="", remedy="", submitted_at=now)
        context.save(job, says="Submitting.")
        nonce = secrets.token_hex(16)
        script = build_submit_script(
            job.record.project_dir, token, nonce=nonce, job_info=info_text(job.record), over=over
        )
        try:
            result = await session.run("bash -s", stdin=script.encode(), timeout_s=180, label="sbatch")
        except (ConnectionFailedError, ClusterError) as error:
            _unknown(context, job, error.message)
            raise
        except BaseException:
            _unknown(context, job, "The submission was interrupted.")
            raise
        return _conclude(context, job, parse_submit_reply(result.stdout, nonce))


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


def _conclude(context: Context, job: StoredJob, reply: SubmitReply) -> StoredJob:
    match reply.outcome:
        case "receipt" if reply.receipt is not None:
            return accept(context, job, reply.receipt.slurm_id, reply.receipt.token, "It had been submitted already.")
        case "attempt":
            return _unknown(
                context,
                _with_foreign_attempt(job, reply.attempt_token),
                "An earlier attempt is still to be looked into.",
            )
        case "answered" if reply.slurm_id and reply.status == 0:
            return accept(context, job, reply.slurm_id, job.record.submissions[-1].token, "Slurm took the job.")
        case "answered":
            error = refusal(reply.stderr, reply.status)
            if is_ambiguous(error):
                _unknown(context, job, error.message)
                raise error
            return _refused(context, job, error)
        case "failed":
            return _refused(context, job, _failure(reply.problem))
        case _:
            return _unknown(context, job, "The cluster's answer to the submission was cut off.")


def accept(context: Context, job: StoredJob, slurm_id: str, token: str, says: str) -> StoredJob:
    """Slurm has the job, under the token of one of its submissions."""
    submissions = [s for s in job.record.submissions if s.token != token]
    own = next((s for s in job.record.submissions if s.token == token), None)
    own = own or Submission(token=token, at=job.status.submitted_at or context.now())
    job = with_record(job, submissions=(*submissions, own.model_copy(update={"slurm_id": slurm_id})))
    job = with_status(job, state=JobState.PENDING, reason="", remedy="", stale="", queue_reason="")
    return context.save(job, says=f"{says} Its Slurm id is {slurm_id}.")


def _with_foreign_attempt(job: StoredJob, token: str) -> StoredJob:
    """Another client tried before us, so our own token was never used and its is the one to look for."""
    earlier = tuple(s for s in job.record.submissions[:-1] if s.token != token)
    attempt = Submission(token=token, at=job.record.submissions[-1].at)
    return with_record(job, submissions=(*earlier, attempt))


def _unknown(context: Context, job: StoredJob, why: str) -> StoredJob:
    job = with_status(
        job,
        state=JobState.SUBMIT_UNKNOWN,
        reason=f"{why} {_UNKNOWN}",
        remedy="Wait for the next sync, or sync now; nothing is submitted twice.",
    )
    return context.save(job, says=why)


def _refused(context: Context, job: StoredJob, error: NamdrunnerError) -> StoredJob:
    back = with_status(job, state=JobState.READY, reason=error.message, remedy=error.remedy, submitted_at=None)
    context.save(back, says=f"Slurm refused the job: {error.message}")
    raise error


def _failure(problem: str) -> NamdrunnerError:
    if problem == "write":
        return QuotaError(
            "The project folder cannot be written: nothing was submitted.",
            remedy="Free some space in the project folder (see the site's quota command), then submit again.",
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
    last = job.record.submissions[-1].at if job.record.submissions else context.now()
    if seen.queue_answered and seen.accounting_answered and context.now() - last > ABSENT_AFTER:
        ready = with_status(
            job,
            state=JobState.READY,
            reason="Slurm never took the job: neither its receipt nor the queue nor accounting knows it.",
            remedy="Submit it again.",
            submitted_at=None,
        )
        return context.save(ready)
    return job


class Reconciliation:
    """What was seen of a job whose submission is not settled."""

    def __init__(
        self,
        *,
        receipt: Receipt | None,
        queue: tuple[QueueRow, ...],
        queue_answered: bool,
        searched: tuple[tuple[str, str], ...],
        accounting_answered: bool,
    ) -> None:
        self.receipt = receipt
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
