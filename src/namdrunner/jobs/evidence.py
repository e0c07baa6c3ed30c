"""From what was observed to the state of a job: a pure function that never takes absence for an answer.

Weights, strongest first: ``result.json`` of the present run (4), accounting (3), the queue (2), NAMD's log (1).
A job that the queue lists as waiting or running is alive whatever older records say: it was requeued.
COMPLETED needs NAMD's own proof of success and results that were verified after they were copied.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from namdrunner.jobs.record import Evidence, LogFacts
from namdrunner.jobs.result import JobResult
from namdrunner.jobs.state import JobState
from namdrunner.slurm.state import SlurmState

GRACE_S = 120.0
"""How long a job may be missing from the queue before its fate is called unknown: accounting lags by seconds."""

NO_LOG_FILE = 53
"""The "signal" sacct shows when the folder of a job or of its log does not exist (measured on Slurm 22.05)."""

WEIGHT_RESULT, WEIGHT_ACCOUNTING, WEIGHT_QUEUE, WEIGHT_LOG, WEIGHT_NONE = 4, 3, 2, 1, 0


@dataclass(frozen=True)
class QueueSight:
    """What squeue said. ``answered`` False: it failed, for ``failure``; ``state`` None: it does not list the job."""

    answered: bool
    state: SlurmState | None = None
    reason: str = ""
    start: datetime | None = None
    failure: str = ""


@dataclass(frozen=True)
class AccountingRun:
    """One run of the job in sacct; requeued jobs have several, in order."""

    state: SlurmState
    exit_status: int = 0
    exit_signal: int = 0
    start: datetime | None = None
    end: datetime | None = None


@dataclass(frozen=True)
class AccountingSight:
    answered: bool
    runs: tuple[AccountingRun, ...] = ()
    failure: str = ""


@dataclass(frozen=True)
class Observations:
    """Everything seen of one job in one cycle. ``missing_for_s``: since when an answering queue does not list it.

    ``collected``: the results in the project folder were verified by us, because the job script could not.
    """

    at: datetime
    previous: JobState
    slurm_id: str
    queue: QueueSight
    accounting: AccountingSight
    result: JobResult | None = None
    log: LogFacts | None = None
    expected_step: int | None = None
    cancel_requested: bool = False
    collected: bool = False
    missing_for_s: float = 0.0
    previous_weight: int = 0


@dataclass(frozen=True)
class Verdict:
    state: JobState
    reason: str
    remedy: str = ""
    weight: int = WEIGHT_NONE
    stale: str = ""
    exit_code: int | None = None
    started_at: datetime | None = None
    ended_at: datetime | None = None
    evidence: tuple[Evidence, ...] = ()


_END: dict[SlurmState, tuple[JobState, str, str]] = {
    SlurmState.TIMEOUT: (
        JobState.TIMEOUT,
        "The job reached its walltime.",
        "Continue it from its last restart files, with more walltime or in shorter segments.",
    ),
    SlurmState.DEADLINE: (
        JobState.TIMEOUT,
        "The job could not finish before its deadline.",
        "Submit it again with a later deadline or a shorter walltime.",
    ),
    SlurmState.OUT_OF_MEMORY: (
        JobState.OUT_OF_MEMORY,
        "The job needed more memory than it had asked for.",
        "Ask for about half as much memory again and continue.",
    ),
    SlurmState.NODE_FAIL: (
        JobState.NODE_FAIL,
        "A node of the job failed.",
        "Continue from the last restart files; the fault is not in the simulation.",
    ),
    SlurmState.BOOT_FAIL: (
        JobState.NODE_FAIL,
        "A node of the job could not be started.",
        "Submit the job again; the fault is not in the simulation.",
    ),
    SlurmState.LAUNCH_FAILED: (
        JobState.NODE_FAIL,
        "The job could not be started on its nodes.",
        "Submit the job again; if it happens again, ask the cluster's support.",
    ),
    SlurmState.PREEMPTED: (
        JobState.PREEMPTED,
        "The job had to make way for one of higher priority.",
        "Continue from the last restart files.",
    ),
    SlurmState.CANCELLED: (JobState.CANCELLED, "The job was cancelled.", ""),
    SlurmState.REVOKED: (JobState.CANCELLED, "The job was revoked by the federation.", ""),
}

_LOOK = "Read the diagnosis and the logs of the job."


def decide(seen: Observations) -> Verdict:
    """The state that the observations prove, with the evidence for it in words."""
    verdict = _judge(seen)
    if seen.previous.final and verdict.state is not seen.previous and verdict.weight < seen.previous_weight:
        verdict = Verdict(seen.previous, "", weight=seen.previous_weight, stale=verdict.stale)
    return _with(verdict, evidence=_evidence(seen))


def _judge(seen: Observations) -> Verdict:
    result = _result_of_present_run(seen)
    queue = seen.queue.state if seen.queue.answered else None
    if queue is SlurmState.UNKNOWN:
        return Verdict(
            seen.previous, "", stale=f"Slurm gives the job a state that is not known here: {seen.queue.reason}"
        )
    if queue is not None and (queue.waiting or queue is SlurmState.REQUEUED):
        return Verdict(JobState.PENDING, "", weight=WEIGHT_QUEUE)
    if result is None and queue is not None and queue.running and queue is not SlurmState.COMPLETING:
        return Verdict(JobState.RUNNING, "", weight=WEIGHT_QUEUE, started_at=seen.queue.start)
    if result is not None:
        return _by_result(seen, result)
    if queue is SlurmState.COMPLETING:
        return Verdict(JobState.RUNNING, "Slurm is ending the job.", weight=WEIGHT_QUEUE, started_at=seen.queue.start)
    run = _final_run(seen)
    if run is not None:
        return _by_slurm(seen, run)
    return _without_record(seen)


def _result_of_present_run(seen: Observations) -> JobResult | None:
    result = seen.result
    if result is None or result.slurm_job_id != seen.slurm_id:
        return None
    start = seen.queue.start if seen.queue.answered and seen.queue.state is not None else None
    if start is not None and result.ended_at < start.timestamp():
        return None  # of a run before the requeue
    return result


def _final_run(seen: Observations) -> AccountingRun | None:
    """The end of the last run: by accounting, else by a queue that still remembers the finished job."""
    if seen.accounting.answered and seen.accounting.runs:
        last = seen.accounting.runs[-1]
        if last.state.final or last.state is SlurmState.REVOKED:
            return last
    if seen.queue.answered and seen.queue.state is not None and seen.queue.state.final:
        return AccountingRun(seen.queue.state, start=seen.queue.start)
    return None


def proves_success(
    expected_step: int | None, *, final_output_step: int | None, end_of_program: bool, fatal_error: bool
) -> bool:
    """NAMD's own success test: final velocities at the expected step, the end of the program, no error line."""
    if fatal_error or not end_of_program or final_output_step is None:
        return False
    return expected_step is None or final_output_step == expected_step


def _by_result(seen: Observations, result: JobResult) -> Verdict:
    base = Verdict(
        JobState.FAILED,
        "",
        _LOOK,
        WEIGHT_RESULT,
        exit_code=result.exit_code,
        started_at=datetime.fromtimestamp(result.started_at, UTC),
        ended_at=datetime.fromtimestamp(result.ended_at, UTC),
    )
    finished = result.exit_code == 0 and proves_success(
        seen.expected_step,
        final_output_step=result.final_output_step,
        end_of_program=result.end_of_program,
        fatal_error=result.fatal_error,
    )
    if finished:
        if result.staged_out or seen.collected:
            return _with(
                base, state=JobState.COMPLETED, reason="NAMD finished and its results are in place.", remedy=""
            )
        return _with(
            base,
            state=JobState.COLLECTING,
            reason=f"NAMD finished; its results still have to be copied. {result.error}".strip(),
            remedy="Sync again; if it stays so, look at the space left in the project folder.",
        )
    slurm = _final_run(seen)
    if slurm is not None and slurm.state in _END:
        state, reason, remedy = _END[slurm.state]
        return _with(base, state=state, reason=reason, remedy=remedy)
    if result.signal == "USR1":
        state, reason, remedy = _END[SlurmState.TIMEOUT]
        return _with(base, state=state, reason=reason, remedy=remedy)
    if result.signal and seen.cancel_requested:
        return _with(base, state=JobState.CANCELLED, reason="The job was cancelled.", remedy="")
    if result.signal and slurm is None:
        if seen.missing_for_s < GRACE_S:
            return _with(
                base,
                state=seen.previous if seen.previous.active else JobState.UNKNOWN,
                reason="The job was stopped by Slurm; accounting does not say yet why.",
                remedy="Sync again in a minute.",
            )
        return _with(base, state=JobState.CANCELLED, reason=f"The job was stopped by a {result.signal} signal.")
    killed = result.exit_code is not None and result.exit_code > 128 and not result.fatal_error
    if killed and slurm is None and seen.missing_for_s < GRACE_S:
        return _with(
            base,
            state=seen.previous if seen.previous.active else JobState.UNKNOWN,
            reason="NAMD was killed; Slurm does not say yet why.",
            remedy="Sync again in a minute.",
        )
    if result.error:
        return _with(base, reason=result.error)
    if result.exit_code == 0 and not result.fatal_error:
        where = "at all" if result.last_step is None else f"beyond step {result.last_step}"
        return _with(base, reason=f"NAMD ended without an error but did not run {where} to the step it should reach.")
    if result.exit_code is not None and result.exit_code > 128:
        return _with(base, reason=f"NAMD was ended by signal {result.exit_code - 128}.")
    return _with(base, reason=f"NAMD failed with exit status {result.exit_code}.")


def _by_slurm(seen: Observations, run: AccountingRun) -> Verdict:
    base = Verdict(
        JobState.FAILED, "", _LOOK, WEIGHT_ACCOUNTING, exit_code=run.exit_status, started_at=run.start, ended_at=run.end
    )
    if _log_proves_success(seen):
        if seen.collected:
            return _with(
                base, state=JobState.COMPLETED, reason="NAMD finished and its results are in place.", remedy=""
            )
        return _with(
            base,
            state=JobState.COLLECTING,
            reason="NAMD finished but the job ended before its results were copied.",
            remedy="Sync again; the results are fetched from the scratch folder.",
        )
    if run.state in _END:
        state, reason, remedy = _END[run.state]
        return _with(base, state=state, reason=reason, remedy=remedy)
    if run.state is SlurmState.COMPLETED:
        return _with(
            base,
            state=JobState.UNKNOWN,
            reason="Slurm says the job ended normally, but it left no result and NAMD's log does not show its end.",
            remedy="Look at the job's folders and logs on the cluster; sync again.",
            weight=WEIGHT_NONE,
        )
    if run.exit_signal == NO_LOG_FILE:
        return _with(base, reason="Slurm could not open the job's log files, so the job never started.")
    if run.exit_signal:
        return _with(base, reason=f"The job was ended by signal {run.exit_signal}.")
    if seen.log is not None and seen.log.fatal_error:
        return _with(base, reason="NAMD stopped with an error.")
    return _with(base, reason=f"The job failed with exit status {run.exit_status}.")


def _log_proves_success(seen: Observations) -> bool:
    log = seen.log
    return log is not None and proves_success(
        seen.expected_step,
        final_output_step=log.final_output_step,
        end_of_program=log.end_of_program,
        fatal_error=log.fatal_error,
    )


def _without_record(seen: Observations) -> Verdict:
    """Neither the queue nor accounting nor a result says anything about the job's end."""
    keep = seen.previous
    if not seen.queue.answered:
        failure = seen.queue.failure or "squeue did not answer"
        return Verdict(keep, "", stale=f"The queue could not be asked: {failure}")
    if not seen.accounting.answered and _log_proves_success(seen):
        state = JobState.COMPLETED if seen.collected else JobState.COLLECTING
        return Verdict(state, "NAMD's log shows that it finished; accounting does not answer.", weight=WEIGHT_LOG)
    if seen.missing_for_s < GRACE_S:
        return Verdict(keep, "The job has left the queue; its end is being established.")
    why = "accounting has no final record of it" if seen.accounting.answered else "accounting does not answer"
    if seen.accounting.failure:
        why += f" ({seen.accounting.failure})"
    return Verdict(
        JobState.UNKNOWN,
        f"The job is no longer in the queue, {why}, and it left no result.",
        "Look at the job's logs and folders; sync again when accounting works.",
    )


def _with(verdict: Verdict, **changes: object) -> Verdict:
    return Verdict(**(verdict.__dict__ | changes))


def _evidence(seen: Observations) -> tuple[Evidence, ...]:
    """Every observation in words, strongest first."""
    found: list[Evidence] = []

    def add(source: str, says: str, weight: int) -> None:
        found.append(Evidence.model_validate({"source": source, "at": seen.at, "says": says, "weight": weight}))

    result = seen.result
    if result is not None:
        at = datetime.fromtimestamp(result.ended_at, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
        copied = "results copied and verified" if result.staged_out else "results not copied"
        proof = (
            f"final output at step {result.final_output_step}"
            if result.final_output_step is not None
            else "no final output"
        )
        status = "NAMD never started" if result.exit_code is None else f"NAMD's exit status {result.exit_code}"
        stopped = f", stopped by {result.signal}" if result.signal else ""
        add("result", f"ended {at} on {result.host}: {status}, {proof}, {copied}{stopped}", WEIGHT_RESULT)
    for run in seen.accounting.runs:
        add("sacct", f"{run.state.value}, exit {run.exit_status}:{run.exit_signal}", WEIGHT_ACCOUNTING)
    if not seen.accounting.answered and seen.accounting.failure:
        add("sacct", f"did not answer: {seen.accounting.failure}", WEIGHT_NONE)
    if not seen.queue.answered:
        add("squeue", f"did not answer: {seen.queue.failure}", WEIGHT_NONE)
    elif seen.queue.state is None:
        add("squeue", "does not list the job", WEIGHT_NONE)
    else:
        reason = f" ({seen.queue.reason})" if seen.queue.reason not in ("", "None") else ""
        add("squeue", f"{seen.queue.state.value}{reason}", WEIGHT_QUEUE)
    if seen.log is not None:
        parts = []
        if seen.log.last_step is not None:
            parts.append(f"step {seen.log.last_step}")
        if seen.log.final_output_step is not None:
            parts.append(f"final output at step {seen.log.final_output_step}")
        if seen.log.end_of_program:
            parts.append("end of program")
        if seen.log.fatal_error:
            parts.append("an error line")
        if parts:
            add("log", ", ".join(parts), WEIGHT_LOG)
    if seen.collected:
        add("outputs", "results in the project folder verified", WEIGHT_LOG)
    return tuple(found)
