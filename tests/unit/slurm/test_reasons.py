from pathlib import Path

import pytest
from tests.unit.slurm.samples import samples

from namdrunner.slurm.queue import parse_squeue
from namdrunner.slurm.reasons import catalogue, explain_reason


@pytest.mark.parametrize(
    ("reason", "kind"),
    [
        ("Priority", "queue"),
        ("(Resources)", "queue"),
        ("", "queue"),
        ("DependencyNeverSatisfied", "never"),
        ("ReqNodeNotAvail, Reserved for maintenance", "cluster"),
        ("ReqNodeNotAvail, UnavailableNodes:c4", "cluster"),
        ("QOSMaxCpuPerUserLimit", "limit"),
        ("QOSMaxWallDurationPerJobLimit", "never"),
        ("QOSMaxCpuPerJobLimit", "never"),
        ("QOSMaxSubmitJobPerUserLimit", "limit"),
        ("AssocGrpCPUMinutesLimit", "limit"),
        ("job requeued in held state", "held"),
    ],
)
def test_reasons_by_kind(reason: str, kind: str) -> None:
    words = explain_reason(reason)
    assert words.known
    assert words.kind == kind


def test_an_unknown_reason_is_quoted() -> None:
    words = explain_reason("FrontEndDown")
    assert not words.known
    assert "FrontEndDown" in words.message


def test_the_catalogue_speaks_in_sentences() -> None:
    for entry in catalogue():
        assert entry.message.endswith(".")
        assert entry.kind in {"queue", "limit"} or entry.remedy or entry.pattern in {
            "NonZeroExitCode", "TimeLimit", "RaisedSignal.*", "OutOfMemory",
        }, entry.pattern  # fmt: skip


@pytest.mark.shared_data
def test_every_recorded_reason_has_words(shared_data: Path) -> None:
    seen = set()
    for sample in samples(shared_data, "squeue_reason_*.txt"):
        if "%i|%T|%r|%R|%S" in sample.command:
            rows = parse_squeue(sample.stdout, fields=["%i", "%T", "%r", "%R", "%S"], separator="|")
            seen |= {row.reason for row in rows}
    for sample in samples(shared_data, "squeue_states_all.txt"):
        seen |= {row.reason for row in parse_squeue(sample.stdout, fields=["%i", "%T", "%r", "%j"], separator="|")}
    assert len(seen) > 25
    assert [reason for reason in seen if not explain_reason(reason).known] == []
