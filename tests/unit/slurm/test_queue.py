import re
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.slurm.samples import read_sample, samples

from namdrunner.errors import ClusterError, CommandError, CommandTimeoutError
from namdrunner.slurm.commands import QUEUE_FIELDS, SEPARATOR
from namdrunner.slurm.queue import parse_squeue, parse_squeue_reply
from namdrunner.slurm.state import SlurmState

ROW = SEPARATOR.join(
    ["3_[2-4%1]", "3", "3", "2-4%1", "PENDING", "1795384899", "N/A", "N/A", "5:00", "1", "", "amilan", "ucb", "normal",
     "tok|en x,y", "a|b, c\td", "ReqNodeNotAvail, UnavailableNodes:c4"]
)  # fmt: skip


def test_a_row_with_every_trap() -> None:
    (row,) = parse_squeue("Welcome to the cluster!\n" + ROW + "\n")
    assert row.id == "3_[2-4%1]"
    assert row.array_task == "2-4%1"
    assert row.state is SlurmState.PENDING
    assert row.submit_time == datetime(2026, 11, 22, 22, 1, 39, tzinfo=UTC)
    assert row.start_time is None
    assert row.time_limit_s == 300
    assert row.comment == "tok|en x,y"
    assert row.name == "a|b, c\td"
    assert row.reason == "ReqNodeNotAvail, UnavailableNodes:c4"


def test_nulls_are_empty() -> None:
    (row,) = parse_squeue(ROW.replace("tok|en x,y", "(null)").replace("2-4%1" + SEPARATOR, "N/A" + SEPARATOR))
    assert row.comment == ""
    assert row.array_task == ""


@given(st.text())
def test_any_text_is_survived(text: str) -> None:
    assert isinstance(parse_squeue(text), tuple)


def test_an_unknown_id_alone_means_none() -> None:
    assert parse_squeue_reply("", "slurm_load_jobs error: Invalid job id specified\n", 1) == ()


@pytest.mark.shared_data
def test_every_recorded_queue_is_read_whole(shared_data: Path) -> None:
    read = 0
    for sample in samples(shared_data, "squeue_*.txt"):
        layout = re.search(r"""-o ['"](%[^'"]*)['"]""", sample.command)
        if not layout or "json" in sample.command:
            continue
        fields = layout.group(1).split("|")
        rows = parse_squeue(sample.stdout, fields=fields, separator="|")
        lines = [line for line in sample.stdout.splitlines() if line and not line.startswith("JOBID|")]
        assert len(rows) == len(lines), sample.name
        for row in rows:
            assert row.state is not SlurmState.UNKNOWN or "%T" not in fields
        read += len(rows)
    assert read > 150


@pytest.mark.shared_data
def test_reasons_keep_spaces_and_commas(shared_data: Path) -> None:
    sample = read_sample(shared_data / "slurm_samples" / "squeue_reason_ReqNodeNotAvail_maint.txt")
    (row,) = parse_squeue(sample.stdout, fields=["%i", "%T", "%r", "%R", "%S"], separator="|")
    assert row.reason == "ReqNodeNotAvail, Reserved for maintenance"


@pytest.mark.shared_data
@pytest.mark.parametrize(
    ("name", "code", "kind"),
    [
        ("down_ctld_squeue", "slurm-down", ClusterError),
        ("down_ctld_hung_squeue", "slurm-slow", CommandTimeoutError),
        ("down_munge_squeue", "slurm-authentication", ClusterError),
        ("squeue_error_invalid_state", "command-failed", CommandError),
    ],
)
def test_a_broken_controller_is_no_empty_queue(shared_data: Path, name: str, code: str, kind: type) -> None:
    sample = read_sample(shared_data / "slurm_samples" / f"{name}.txt")
    with pytest.raises(kind) as caught:
        parse_squeue_reply(sample.stdout, sample.stderr, sample.exit_status)
    assert caught.value.code == code


def test_fields_and_row_agree() -> None:
    assert ROW.count(SEPARATOR) + 1 == len(QUEUE_FIELDS)
