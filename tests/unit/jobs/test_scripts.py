"""The remote commands of submit and sync, run by a real bash with small stand-ins for Slurm's commands."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
from datetime import UTC, datetime
from pathlib import Path

import pytest

from namdrunner.jobs.inventory import parse_inventory
from namdrunner.jobs.submit_script import (
    Receipt,
    SubmitJob,
    build_receipt_script,
    build_submit_script,
    parse_receipt,
    parse_submit_reply,
)
from namdrunner.jobs.sync_script import LOG_BYTES, SyncJob, build_sync_script, parse_sync_reply
from namdrunner.slurm.commands import QUEUE_FIELDS, SEPARATOR

NONCE = "0123456789abcdef0123456789abcdef"
NOW = datetime(2026, 3, 1, tzinfo=UTC)
INFO = json.dumps({"name": 'it\'s $(whoami) `x` \\ "q"', "unicode": "水"}, indent=2, ensure_ascii=False)


class Machine:
    """A folder with stand-in commands on its PATH and one job folder."""

    def __init__(self, root: Path) -> None:
        self.bin = root / "bin"
        self.job = root / "namdrunner_jobs" / "it's a job_1"
        self.bin.mkdir()
        (self.job / "logs").mkdir(parents=True)
        self.tool("squeue", "exit 0")
        self.tool("sacct", "exit 0")

    def tool(self, name: str, body: str) -> None:
        path = self.bin / name
        path.write_text(f"#!/bin/bash\n{body}\n")
        path.chmod(0o755)

    def run(self, script: str) -> bytes:
        environment = {"PATH": f"{self.bin}:{os.environ['PATH']}", "HOME": str(self.bin)}
        return subprocess.run(
            ["bash", "-s"], input=script.encode(), env=environment, capture_output=True, check=False, timeout=60
        ).stdout

    def submit(self, token: str = "a" * 32, over: str = ""):
        script = build_submit_script([SubmitJob("job_1", str(self.job), token, over)], NONCE)
        return parse_submit_reply(self.run(script), NONCE)["job_1"]

    def sync(self, *jobs: SyncJob):
        return parse_sync_reply(self.run(build_sync_script(jobs, NONCE, since=NOW)), NONCE)


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def queue_line(slurm_id: str, state: str) -> str:
    values = [slurm_id, slurm_id, slurm_id, "N/A", state] + ["x"] * (len(QUEUE_FIELDS) - 5)
    return SEPARATOR.join(values)


def test_submission_leaves_a_receipt(machine: Machine) -> None:
    machine.tool("sbatch", 'printf "%s\\n" "$@" >args; echo 4711')
    reply = machine.submit()
    assert (reply.outcome, reply.slurm_id, reply.status) == ("answered", "4711", 0)
    receipt = parse_receipt((machine.job / "receipt").read_text())
    assert receipt is not None
    assert (receipt.token, receipt.slurm_id) == ("a" * 32, "4711")
    assert "--comment=" + "a" * 32 in (machine.job / "args").read_text()


def test_second_submission_finds_the_receipt_and_runs_nothing(machine: Machine) -> None:
    machine.tool("sbatch", "echo x >>count; echo 4711")
    machine.submit()
    reply = machine.submit(token="b" * 32)
    assert reply.outcome == "receipt"
    assert reply.receipt is not None
    assert reply.receipt.slurm_id == "4711"
    assert (machine.job / "count").read_text() == "x\n"


def test_attempt_without_receipt_stops_everyone_but_who_settled_it(machine: Machine) -> None:
    machine.tool("sbatch", "echo x >>count; echo 'Socket timed out on send/recv operation' >&2; exit 1")
    first = machine.submit()
    assert (first.outcome, first.status, first.slurm_id) == ("answered", 1, "")
    assert "Socket timed out" in first.stderr
    second = machine.submit(token="b" * 32)
    assert (second.outcome, second.attempt_token) == ("attempt", "a" * 32)
    machine.tool("sbatch", "echo x >>count; echo 12")
    third = machine.submit(token="c" * 32, over="a" * 32)
    assert third.slurm_id == "12"
    assert (machine.job / "count").read_text() == "x\nx\n"


def test_two_submissions_at_once_run_sbatch_once(machine: Machine) -> None:
    machine.tool("sbatch", "echo x >>count; sleep 0.5; echo 7")
    script = build_submit_script([SubmitJob("job_1", str(machine.job), "a" * 32)], NONCE)
    other = build_submit_script([SubmitJob("job_1", str(machine.job), "b" * 32)], NONCE)
    environment = {"PATH": f"{machine.bin}:{os.environ['PATH']}"}
    processes = [
        subprocess.Popen(["bash", "-s"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment) for _ in "ab"
    ]
    for process, text in zip(processes, (script, other), strict=True):
        assert process.stdin is not None
        process.stdin.write(text.encode())
        process.stdin.close()
    replies = []
    for process in processes:
        assert process.stdout is not None
        replies.append(parse_submit_reply(process.stdout.read(), NONCE)["job_1"])
        process.stdout.close()
        process.wait()
    assert sorted(r.outcome for r in replies) == ["answered", "receipt"]
    assert (machine.job / "count").read_text() == "x\n"


def test_job_of_which_slurm_was_silent_is_not_followed_by_others(machine: Machine, tmp_path: Path) -> None:
    machine.tool("sbatch", "echo x >>../count; echo 'sbatch: error: Unable to contact slurm controller' >&2; exit 1")
    other = machine.job.parent / "job_2"
    other.mkdir()
    jobs = [SubmitJob("job_1", str(machine.job), "a" * 32), SubmitJob("job_2", str(other), "b" * 32)]
    replies = parse_submit_reply(machine.run(build_submit_script(jobs, NONCE)), NONCE)
    assert replies["job_1"].outcome == "answered"
    assert (replies["job_2"].outcome, replies["job_2"].problem) == ("failed", "silent")
    assert (machine.job.parent / "count").read_text() == "x\n"
    assert not (other / "attempt").exists()


def test_attempt_that_is_empty_because_the_disk_was_full_is_made_anew(machine: Machine) -> None:
    machine.tool("sbatch", "echo 4711")
    (machine.job / "attempt").touch()
    assert machine.submit().slurm_id == "4711"


def test_submission_ignores_what_a_profile_sets_for_sbatch(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    machine.tool("sbatch", 'echo "${SBATCH_PARTITION:-none}" >partition; echo 4711')
    script = build_submit_script([SubmitJob("job_1", str(machine.job), "a" * 32)], NONCE)
    machine.run(f"export SBATCH_PARTITION=wrong\n{script}")
    assert (machine.job / "partition").read_text() == "none\n"


def test_words_of_a_site_around_the_id_do_not_matter(machine: Machine) -> None:
    machine.tool("sbatch", "echo 'Welcome! 12 jobs running'; echo '99;alpine'; echo 'cost: 3 SU' >&2")
    reply = machine.submit()
    assert reply.slurm_id == "99"


def test_missing_folder_submits_nothing(machine: Machine) -> None:
    script = build_submit_script([SubmitJob("job_1", "/nowhere/at/all", "a" * 32)], NONCE)
    reply = parse_submit_reply(machine.run(script), NONCE)["job_1"]
    assert (reply.outcome, reply.problem) == ("failed", "folder")


def test_unwritable_folder_submits_nothing(machine: Machine) -> None:
    machine.tool("sbatch", "echo x >>/dev/stderr; echo 7")
    (machine.job / "logs").rmdir()
    (machine.job / "logs").touch()
    assert machine.submit().problem == "write"
    assert not (machine.job / "receipt").exists()


def test_cut_reply_is_not_an_answer() -> None:
    whole = f"\n=={NONCE} sbatch j_1 0 12\n\n=={NONCE} done j_1\n".encode()
    assert parse_submit_reply(whole, NONCE)["j_1"].outcome == "answered"
    assert parse_submit_reply(whole[:-6], NONCE)["j_1"].outcome == "cut"
    assert parse_submit_reply(b"", NONCE) == {}


def test_several_jobs_are_submitted_by_one_command_each_for_itself(machine: Machine) -> None:
    machine.tool("sbatch", 'case $PWD in *bad*) echo "Invalid qos" >&2; exit 1 ;; esac; echo 4$(ls -d .. | wc -l)')
    folders = [machine.job.with_name(f"{word}_1") for word in ("good", "bad", "fine")]
    for folder in folders:
        folder.mkdir()
    jobs = [SubmitJob(f.name, str(f), "a" * 32) for f in (*folders, Path("/nowhere/x_1"))]
    replies = parse_submit_reply(machine.run(build_submit_script(jobs, NONCE)), NONCE)
    assert [replies[j.id].outcome for j in jobs] == ["answered", "answered", "answered", "failed"]
    assert [bool(replies[j.id].slurm_id) for j in jobs] == [True, False, True, False]
    assert "Invalid qos" in replies["bad_1"].stderr


def test_receipt_written_later_never_replaces_one_that_is_there(machine: Machine) -> None:
    script = build_receipt_script(str(machine.job), Receipt("t", "5", 1))
    machine.run(script)
    machine.run(build_receipt_script(str(machine.job), Receipt("u", "6", 2)))
    found = parse_receipt((machine.job / "receipt").read_text())
    assert found == Receipt("t", "5", 1)


def test_sync_brings_queue_accounting_result_and_new_log_bytes(machine: Machine) -> None:
    machine.tool("squeue", f"printf '%s\\n' {shlex.quote(queue_line('5', 'RUNNING'))}")
    machine.tool("sacct", 'printf "%s\\n" "$@"')
    gone = machine.job.with_name("gone_2")
    (gone / "logs").mkdir(parents=True)
    (gone / "result.json").write_text('{"a": 1}')
    (gone / "logs" / "inventory.tsv").write_text("3\t1700000000\t-\toutputs/a%09b.dcd\n")
    (gone / "logs" / "slurm-6.err").write_text("slurmstepd: error: oom-kill\n")
    (machine.job / "logs" / "namd.log").write_bytes(b"old lines\nENERGY: 1\npart")
    reply = machine.sync(SyncJob("job_1", "5", str(machine.job), log_offset=10), SyncJob("gone_2", "6", str(gone)))
    assert reply.complete
    assert reply.clock_s is not None
    assert reply.squeue.startswith("5" + SEPARATOR)
    assert reply.sacct_ids == ("6",)
    assert "--jobs=6" in reply.sacct
    assert (reply.logs["job_1"].content, reply.logs["job_1"].end) == (b"ENERGY: 1\npart", 24)
    assert reply.results == {"gone_2": '{"a": 1}'}
    assert reply.tails["gone_2"]["slurm.err"] == b"slurmstepd: error: oom-kill\n"
    (entry,) = parse_inventory(reply.inventories["gone_2"])
    assert (entry.path, entry.bytes, entry.sha256) == ("outputs/a\tb.dcd", 3, None)


def test_failing_squeue_is_told_with_its_words(machine: Machine) -> None:
    machine.tool("squeue", "echo 'slurm_load_jobs error: Unable to contact slurm controller' >&2; exit 1")
    reply = machine.sync(SyncJob("job_1", "5", str(machine.job)))
    assert reply.squeue_status == 1
    assert "Unable to contact" in reply.squeue


def test_waiting_jobs_cost_no_look_at_their_files(machine: Machine) -> None:
    machine.tool("squeue", f"printf '%s\\n' {shlex.quote(queue_line('5', 'PENDING'))}")
    (machine.job / "result.json").write_text('{"old": "run"}')
    reply = machine.sync(SyncJob("job_1", "5", str(machine.job)))
    assert reply.results == {}
    assert reply.sacct_status is None


def test_long_log_is_thinned_but_keeps_what_matters(machine: Machine) -> None:
    rows = b"".join(b"ENERGY: %8d %s\n" % (n, b"1.0 " * 40) for n in range(20_000))
    (machine.job / "logs" / "namd.log").write_bytes(
        b"ETITLE: TS\n" + rows + b"WRITING VELOCITIES TO OUTPUT FILE AT STEP 20000\nEnd of program\n"
    )
    machine.tool("squeue", f"printf '%s\\n' {shlex.quote(queue_line('5', 'RUNNING'))}")
    part = machine.sync(SyncJob("job_1", "5", str(machine.job))).logs["job_1"]
    assert part.thinned
    assert part.end == part.size > 3 * LOG_BYTES
    assert len(part.content) < 2 * LOG_BYTES
    assert part.content.startswith(b"ETITLE:")
    assert part.content.endswith(b"AT STEP 20000\nEnd of program\n")


def test_log_that_became_shorter_is_read_anew(machine: Machine) -> None:
    machine.tool("squeue", f"printf '%s\\n' {shlex.quote(queue_line('5', 'RUNNING'))}")
    (machine.job / "logs" / "namd.log").write_bytes(b"new\n")
    part = machine.sync(SyncJob("job_1", "5", str(machine.job), log_offset=500)).logs["job_1"]
    assert (part.offset, part.content) == (0, b"new\n")


def test_uncertain_submission_asks_for_receipt_and_searches_accounting(machine: Machine) -> None:
    machine.tool("squeue", 'printf "%s\\n" "$@"')
    machine.tool("sacct", 'printf "%s\\n" "$@"')
    (machine.job / "receipt").write_text('{"token": "t", "slurm_id": "5", "at": 3}\n')
    reply = machine.sync(SyncJob("job_1", "", str(machine.job), token="t", slurm_name="my_name"))
    assert parse_receipt(reply.receipts["job_1"]) == Receipt("t", "5", 3)
    assert "--name=my_name" in reply.search
    assert "--user=" in reply.squeue


def test_log_cannot_forge_a_section(machine: Machine) -> None:
    machine.tool("squeue", f"printf '%s\\n' {shlex.quote(queue_line('5', 'RUNNING'))}")
    (machine.job / "logs" / "namd.log").write_bytes(b"\n==ffffffffffffffffffffffffffffffff result job_1\n{}\n")
    reply = machine.sync(SyncJob("job_1", "5", str(machine.job)))
    assert reply.results == {}
    assert b"result job_1" in reply.logs["job_1"].content


def test_many_jobs_are_submitted_once_each_whatever_runs_at_once(machine: Machine) -> None:
    machine.tool("sbatch", 'echo x >>count; echo "${PWD##*_}"')
    jobs = []
    for number in range(30):
        folder = machine.job.parent / f"many_{1000 + number}"
        folder.mkdir()
        jobs.append(SubmitJob(f"many_{number}", str(folder), f"{number:032x}"))
    replies = parse_submit_reply(machine.run(build_submit_script(jobs, NONCE)), NONCE)
    assert [replies[job.id].slurm_id for job in jobs] == [str(1000 + n) for n in range(30)]
    assert {replies[job.id].outcome for job in jobs} == {"answered"}
    assert all((machine.job.parent / f"many_{1000 + n}" / "count").read_text() == "x\n" for n in range(30))
