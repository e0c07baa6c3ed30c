"""The state of a job follows from evidence alone."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from namdrunner.jobs.evidence import (
    GRACE_S,
    AccountingRun,
    AccountingSight,
    Observations,
    QueueSight,
    decide,
)
from namdrunner.jobs.record import LogFacts
from namdrunner.jobs.result import JobResult
from namdrunner.jobs.state import JobState
from namdrunner.slurm.state import SlurmState

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
ABSENT = QueueSight(answered=True)
SILENT = AccountingSight(answered=False, failure="Slurm accounting storage is disabled")
EMPTY = AccountingSight(answered=True)


def result(**changes: object) -> JobResult:
    values: dict[str, object] = {
        "job_id": "a_1",
        "token": "t",
        "slurm_job_id": "7",
        "host": "c1",
        "started_at": int(NOW.timestamp()) - 600,
        "ended_at": int(NOW.timestamp()) - 5,
        "stage": "done",
        "exit_code": 0,
        "last_step": 1000,
        "final_output_step": 1000,
        "end_of_program": True,
        "staged_out": True,
    }
    return JobResult.model_validate(values | changes)


def seen(**changes: object) -> Observations:
    base = Observations(
        at=NOW,
        previous=JobState.RUNNING,
        slurm_id="7",
        queue=ABSENT,
        accounting=EMPTY,
        expected_step=1000,
    )
    return replace(base, **changes)  # type: ignore[arg-type]


def run(state: SlurmState, status: int = 0, signal: int = 0) -> AccountingSight:
    return AccountingSight(True, (AccountingRun(state, status, signal),))


FINISHED = LogFacts(last_step=1000, final_output_step=1000, end_of_program=True)


@pytest.mark.parametrize(
    ("observations", "state"),
    [
        pytest.param(seen(queue=QueueSight(True, SlurmState.PENDING)), JobState.PENDING, id="waiting"),
        pytest.param(seen(queue=QueueSight(True, SlurmState.RUNNING)), JobState.RUNNING, id="running"),
        pytest.param(seen(queue=QueueSight(True, SlurmState.SUSPENDED)), JobState.RUNNING, id="suspended"),
        pytest.param(seen(result=result()), JobState.COMPLETED, id="result says all is well"),
        pytest.param(
            seen(result=result(), queue=QueueSight(True, SlurmState.COMPLETING)), JobState.COMPLETED, id="completing"
        ),
        pytest.param(seen(result=result(staged_out=False)), JobState.COLLECTING, id="results not copied"),
        pytest.param(seen(result=result(staged_out=False), collected=True), JobState.COMPLETED, id="copied by us"),
        pytest.param(seen(result=result(final_output_step=900)), JobState.FAILED, id="exit 0 short of the last step"),
        pytest.param(seen(result=result(fatal_error=True)), JobState.FAILED, id="exit 0 with a fatal error"),
        pytest.param(seen(result=result(final_output_step=None)), JobState.FAILED, id="exit 0 without output"),
        pytest.param(seen(result=result(exit_code=1, fatal_error=True)), JobState.FAILED, id="NAMD failed"),
        pytest.param(seen(result=result(exit_code=143, signal="USR1")), JobState.TIMEOUT, id="warned of the end"),
        pytest.param(
            seen(result=result(exit_code=143, signal="TERM"), cancel_requested=True), JobState.CANCELLED, id="cancelled"
        ),
        pytest.param(
            seen(result=result(exit_code=143, signal="TERM"), accounting=run(SlurmState.PREEMPTED)),
            JobState.PREEMPTED,
            id="preempted",
        ),
        pytest.param(seen(result=result(exit_code=143, signal="TERM")), JobState.RUNNING, id="stopped, not known why"),
        pytest.param(
            seen(result=result(exit_code=137), accounting=run(SlurmState.OUT_OF_MEMORY, 0, 125)),
            JobState.OUT_OF_MEMORY,
            id="memory",
        ),
        pytest.param(
            seen(result=result(exit_code=137, end_of_program=False), queue=QueueSight(True, SlurmState.RUNNING)),
            JobState.RUNNING,
            id="killed, Slurm has not said why",
        ),
        pytest.param(
            seen(result=result(exit_code=137, end_of_program=False), missing_for_s=GRACE_S + 1),
            JobState.FAILED,
            id="killed, and Slurm never says why",
        ),
        pytest.param(seen(accounting=run(SlurmState.TIMEOUT)), JobState.TIMEOUT, id="killed at the walltime"),
        pytest.param(seen(accounting=run(SlurmState.NODE_FAIL)), JobState.NODE_FAIL, id="node died"),
        pytest.param(seen(accounting=run(SlurmState.FAILED, 0, 53)), JobState.FAILED, id="no log folder"),
        pytest.param(
            seen(accounting=run(SlurmState.NODE_FAIL), log=FINISHED), JobState.COLLECTING, id="node died after the end"
        ),
        pytest.param(
            seen(accounting=run(SlurmState.NODE_FAIL), queue=QueueSight(True, SlurmState.PENDING)),
            JobState.PENDING,
            id="requeued",
        ),
        pytest.param(seen(accounting=run(SlurmState.COMPLETED)), JobState.UNKNOWN, id="Slurm alone proves nothing"),
        pytest.param(seen(accounting=run(SlurmState.RUNNING)), JobState.RUNNING, id="accounting lags"),
        pytest.param(seen(), JobState.RUNNING, id="just left the queue"),
        pytest.param(seen(missing_for_s=GRACE_S + 1), JobState.UNKNOWN, id="gone without a trace"),
        pytest.param(seen(accounting=SILENT, missing_for_s=GRACE_S + 1), JobState.UNKNOWN, id="no accounting"),
        pytest.param(seen(accounting=SILENT, log=FINISHED, collected=True), JobState.COMPLETED, id="log and outputs"),
        pytest.param(seen(result=result(slurm_job_id="6")), JobState.RUNNING, id="result of another job"),
    ],
)
def test_evidence_gives(observations: Observations, state: JobState) -> None:
    verdict = decide(observations)
    assert verdict.state is state, verdict


def test_silent_queue_leaves_the_state_and_says_why() -> None:
    verdict = decide(seen(queue=QueueSight(False, failure="Unable to contact slurm controller")))
    assert verdict.state is JobState.RUNNING
    assert "Unable to contact slurm controller" in verdict.stale


def test_result_from_before_the_requeue_does_not_count() -> None:
    old = result(ended_at=int(NOW.timestamp()) - 300, exit_code=143, signal="TERM", final_output_step=None)
    again = QueueSight(True, SlurmState.RUNNING, start=NOW - timedelta(seconds=60))
    assert decide(seen(result=old, queue=again)).state is JobState.RUNNING


def test_final_state_gives_way_only_to_stronger_evidence() -> None:
    by_result = seen(previous=JobState.COMPLETED, previous_weight=4, accounting=run(SlurmState.FAILED, 1))
    assert decide(by_result).state is JobState.COMPLETED
    by_accounting = seen(previous=JobState.TIMEOUT, previous_weight=3, result=result())
    assert decide(by_accounting).state is JobState.COMPLETED


def test_evidence_is_told_in_words_with_its_weight() -> None:
    verdict = decide(seen(result=result(), accounting=run(SlurmState.COMPLETED)))
    told = {e.source: e for e in verdict.evidence}
    assert "final output at step 1000" in told["result"].says
    assert told["result"].weight > told["sacct"].weight > told["squeue"].weight


RESULTS = st.none() | st.builds(
    result,
    exit_code=st.sampled_from([None, 0, 1, 137, 143]),
    signal=st.sampled_from(["", "USR1", "TERM"]),
    final_output_step=st.sampled_from([None, 500, 1000]),
    end_of_program=st.booleans(),
    fatal_error=st.booleans(),
    staged_out=st.booleans(),
    slurm_job_id=st.sampled_from(["7", "6"]),
)
QUEUES = st.builds(
    QueueSight,
    answered=st.booleans(),
    state=st.none() | st.sampled_from(SlurmState),
    start=st.sampled_from([None, NOW - timedelta(seconds=60), NOW - timedelta(hours=1)]),
)
RUNS = st.builds(AccountingRun, st.sampled_from(SlurmState), st.sampled_from([0, 1]), st.sampled_from([0, 9]))
ACCOUNTS = st.builds(AccountingSight, st.booleans(), st.lists(RUNS, max_size=3).map(tuple))
LOGS = st.none() | st.builds(
    LogFacts,
    last_step=st.sampled_from([None, 400, 1000]),
    final_output_step=st.sampled_from([None, 500, 1000]),
    end_of_program=st.booleans(),
    fatal_error=st.booleans(),
)
EVERYTHING = st.builds(
    Observations,
    at=st.just(NOW),
    previous=st.sampled_from([s for s in JobState if s.submitted]),
    slurm_id=st.just("7"),
    queue=QUEUES,
    accounting=ACCOUNTS,
    result=RESULTS,
    log=LOGS,
    expected_step=st.sampled_from([None, 1000]),
    cancel_requested=st.booleans(),
    collected=st.booleans(),
    missing_for_s=st.sampled_from([0.0, GRACE_S + 1]),
    previous_weight=st.integers(0, 4),
)


@given(EVERYTHING)
def test_any_combination_gives_a_state_with_reasons(observations: Observations) -> None:
    verdict = decide(observations)
    assert verdict.state.submitted
    if verdict.state.final and verdict.state is not observations.previous:
        assert verdict.reason
    if (
        verdict.state in (JobState.FAILED, JobState.TIMEOUT, JobState.UNKNOWN)
        and verdict.state is not observations.previous
    ):
        assert verdict.reason


@given(EVERYTHING)
def test_completed_is_never_inferred(observations: Observations) -> None:
    """A new COMPLETED needs a proof by NAMD (in the result or the log) and results in place."""
    verdict = decide(observations)
    if verdict.state is not JobState.COMPLETED or observations.previous is JobState.COMPLETED:
        return
    own, log = observations.result, observations.log
    goal = observations.expected_step
    by_result = (
        own is not None
        and own.slurm_job_id == "7"
        and own.exit_code == 0
        and own.end_of_program
        and not own.fatal_error
        and own.final_output_step is not None
        and own.final_output_step == (goal or own.final_output_step)
        and (own.staged_out or observations.collected)
    )
    by_log = (
        log is not None
        and log.end_of_program
        and not log.fatal_error
        and log.final_output_step is not None
        and log.final_output_step == (goal or log.final_output_step)
        and observations.collected
    )
    assert by_result or by_log


@given(EVERYTHING)
def test_a_job_the_queue_calls_waiting_is_never_over(observations: Observations) -> None:
    if observations.previous.final:
        return
    waiting = replace(observations, queue=QueueSight(True, SlurmState.PENDING))
    assert decide(waiting).state is JobState.PENDING


@given(EVERYTHING)
def test_weaker_evidence_never_moves_a_final_state(observations: Observations) -> None:
    verdict = decide(observations)
    if observations.previous.final and verdict.state is not observations.previous:
        assert verdict.weight >= observations.previous_weight


@given(EVERYTHING)
def test_without_any_record_nothing_ends(observations: Observations) -> None:
    blind = replace(observations, result=None, log=None, accounting=EMPTY, queue=ABSENT)
    state = decide(blind).state
    assert state in (observations.previous, JobState.UNKNOWN)
