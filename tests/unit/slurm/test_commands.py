import shlex
from datetime import UTC, datetime

import pytest

from namdrunner.errors import UsageError
from namdrunner.slurm import commands


def test_one_squeue_for_all_jobs_in_utc() -> None:
    words = shlex.split(commands.squeue_command(["12", "13_4", "46_[1-6%2]"]))
    assert words[:4] == ["env", "TZ=UTC0", "SLURM_TIME_FORMAT=%s", "squeue"]
    assert "--jobs=12,13_4,46_[1-6%2]" in words
    assert any(word.startswith("--format=%i\x1f%A\x1f") for word in words)


def test_own_jobs_without_ids() -> None:
    assert '--user="$(id -un)"' in commands.squeue_command()
    assert "--user='a b'" in commands.squeue_command(user="a b")


def test_accounting_is_bounded_and_by_id() -> None:
    text = commands.sacct_command(["7", "8"], datetime(2026, 11, 22, tzinfo=UTC))
    assert "--jobs=7,8 --starttime=2026-11-22T00:00:00" in text
    assert "--duplicates" in text


@pytest.mark.parametrize("bad", ["", "1;rm -rf /", "1 2", "$(id)", "-1", "1.batch"])
def test_ids_that_are_none_never_reach_a_shell(bad: str) -> None:
    for build in (commands.squeue_command, commands.sacct_command, commands.scancel_command):
        with pytest.raises(UsageError):
            build([bad])


def test_no_ids_is_an_error_and_not_every_job() -> None:
    with pytest.raises(UsageError):
        commands.scancel_command([])


def test_submission_carries_the_token_twice() -> None:
    words = shlex.split(commands.sbatch_words('"$3"'))
    assert words == ["sbatch", "--parsable", "--comment=$3", "job.sbatch", "$3"]
    assert "SBATCH_PARTITION" in commands.reviewed_environment().split()
    alone = shlex.split(commands.sbatch_command("/pl/it's $HOME", "tok-1"))
    assert alone[:3] == ["cd", "/pl/it's $HOME", "&&"]
    assert alone[-2:] == ["job.sbatch", "tok-1"]


def test_a_token_cannot_hold_shell_text() -> None:
    with pytest.raises(UsageError):
        commands.check_token("a b;c")


def test_only_signals_the_script_knows() -> None:
    assert commands.signal_command("12") == "scancel --batch --signal=USR1 12"
    with pytest.raises(UsageError):
        commands.signal_command("12", "KILL")


def test_trying_only_submits_nothing() -> None:
    words = shlex.split(commands.try_only_command("/p q").replace("&&", " && "))
    assert words[:2] == ["cd", "/p q"]
    assert words[-4:] == ["sbatch", "--test-only", "job.sbatch", "test"]
