from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.slurm.samples import Sample, read_sample, samples

from namdrunner.errors import ClusterError
from namdrunner.slurm.accounting import AccountingRow, parse_sacct, parse_sacct_reply, runs_of
from namdrunner.slurm.state import SlurmState


def rows_of(sample: Sample) -> tuple[AccountingRow, ...]:
    header, _, body = sample.stdout.partition("\n")
    return parse_sacct(body, fields=header.split("|"), separator="|")


def sample(shared_data: Path, name: str) -> Sample:
    return read_sample(shared_data / "slurm_samples" / f"{name}.txt")


@given(st.text())
def test_any_text_is_survived(text: str) -> None:
    assert isinstance(parse_sacct(text), tuple)


@pytest.mark.shared_data
def test_every_recorded_accounting_is_read_whole(shared_data: Path) -> None:
    read = 0
    for one in samples(shared_data, "sacct_*.txt"):
        if not one.stdout.startswith("JobID|"):
            continue
        fields = one.stdout.partition("\n")[0].split("|")
        lines = [line.split("|") for line in one.stdout.splitlines()[1:]]
        jobs = [line for line in lines if "." not in line[0] and len(line) == len(fields)]
        rows = rows_of(one)
        assert len(rows) == len(jobs), one.name
        assert all(row.state is not SlurmState.UNKNOWN for row in rows), one.name
        read += len(rows)
    assert read > 300


@pytest.mark.shared_data
def test_ends_are_told_apart(shared_data: Path) -> None:
    rows = {row.name: row for row in rows_of(sample(shared_data, "sacct_state_samples_X"))}
    assert rows["completed"].state is SlurmState.COMPLETED
    assert rows["failed_exit3"].exit_code == 3
    assert (rows["failed_segv"].exit_code, rows["failed_segv"].exit_signal) == (0, 11)
    assert rows["timeout"].state is SlurmState.TIMEOUT
    assert rows["oom_step"].state is SlurmState.COMPLETED
    assert rows["cancelled_by_root"].cancelled_by == "0"
    assert rows["cancelled_pending"].start_time is None
    assert rows["deadline"].state is SlurmState.DEADLINE
    assert rows["completed"].elapsed_s == 3


@pytest.mark.shared_data
def test_runs_of_a_requeued_job_in_order(shared_data: Path) -> None:
    runs = runs_of(rows_of(sample(shared_data, "sacct_duplicates_preempt_pending")), "33")
    assert [run.state for run in runs] == [SlurmState.PREEMPTED, SlurmState.PENDING]
    runs = runs_of(rows_of(sample(shared_data, "sacct_duplicates_requeue_cancel")), "118")
    assert runs[0].state is SlurmState.REQUEUED
    assert runs[-1].submit_time is not None
    assert [run.submit_time for run in runs] == sorted(run.submit_time for run in runs if run.submit_time)


@pytest.mark.shared_data
@pytest.mark.parametrize("name", ["sacct_transients_warm", "sacct_transients_after_restart"])
def test_placeholders_never_show(shared_data: Path, name: str) -> None:
    one = sample(shared_data, name)
    fields = one.command.partition("--format=")[2].partition(" ")[0].split(",")
    text = "\n".join(line.partition(": ")[2] for line in one.stdout.splitlines())
    rows = parse_sacct(text, fields=fields, separator="|")
    assert [row.name for row in rows] == ["realname"] * 4


@pytest.mark.shared_data
@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("down_dbd_sacct", "slurm-down"),
        ("down_dbd_stopped_sacct", "slurm-slow"),
        ("down_munge_sacct", "slurm-authentication"),
    ],
)
def test_a_broken_database_is_no_empty_history(shared_data: Path, name: str, code: str) -> None:
    one = sample(shared_data, name)
    with pytest.raises(ClusterError) as caught:
        parse_sacct_reply(one.stdout, one.stderr, one.exit_status)
    assert caught.value.code == code
    assert caught.value.retryable


def test_accounting_switched_off() -> None:
    with pytest.raises(ClusterError) as caught:
        parse_sacct_reply("", "Slurm accounting storage is disabled\n", 1)
    assert caught.value.code == "accounting-off"
    assert not caught.value.retryable


def test_a_job_cancelled_soon_after_submission_never_started() -> None:
    fields = ["JobID", "State", "Start", "End", "NodeList", "JobName"]
    text = "2|CANCELLED by 1001|2026-11-23T00:08:03|2026-11-23T00:08:03|None assigned|waits\n"
    (row,) = parse_sacct(text, fields=fields, separator="|")
    assert row.start_time is None
    assert row.end_time is not None
