import pytest

from namdrunner.slurm.state import SlurmPhase, SlurmState, cancelled_by, parse_state


@pytest.mark.parametrize(
    ("text", "state"),
    [
        ("RUNNING", SlurmState.RUNNING),
        ("CD", SlurmState.COMPLETED),
        ("CANCELLED by 1001", SlurmState.CANCELLED),
        ("CANCELLED", SlurmState.CANCELLED),
        ("OUT_OF_ME+", SlurmState.OUT_OF_MEMORY),
        ("CANCELLED+", SlurmState.CANCELLED),
        ("  oom ", SlurmState.OUT_OF_MEMORY),
        ("RE+", SlurmState.UNKNOWN),
        ("SOMETHING_NEW", SlurmState.UNKNOWN),
        ("", SlurmState.UNKNOWN),
    ],
)
def test_names_in_every_form_slurm_uses(text: str, state: SlurmState) -> None:
    assert parse_state(text) is state


def test_who_cancelled() -> None:
    assert cancelled_by("CANCELLED by 0") == "0"
    assert cancelled_by("CANCELLED") == ""


def test_requeued_ends_a_run_but_not_the_job() -> None:
    assert SlurmState.REQUEUED.phase is SlurmPhase.ENDED
    assert not SlurmState.REQUEUED.final
    assert not SlurmState.UNKNOWN.final
    assert SlurmState.NODE_FAIL.final
    assert SlurmState.NODE_FAIL.may_be_requeued


def test_no_state_is_both_under_way_and_final() -> None:
    for state in SlurmState:
        assert sum((state.waiting, state.running, state.final)) <= 1


def test_phases_are_ordered() -> None:
    phases = [SlurmState.PENDING, SlurmState.RUNNING, SlurmState.COMPLETING, SlurmState.COMPLETED]
    assert [state.phase.rank for state in phases] == sorted(state.phase.rank for state in phases)
