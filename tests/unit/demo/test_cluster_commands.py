"""The stand-ins for Slurm's commands against what real Slurm was recorded to say."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence
from pathlib import Path

import pytest
from tests.unit.demo.recorded import RECORDED_SITE, read_recording

from namdrunner.demo.slurm.call import Reply
from namdrunner.demo.slurm.model import Job, Site, State
from namdrunner.demo.slurm.scheduler import Scheduler
from namdrunner.demo.slurm.service import answer

NOW = 1_795_385_973.0


class Desk:
    """A scheduler that is not running, and its commands. The clock stands still until it is moved."""

    def __init__(self, folder: Path, site: Site = RECORDED_SITE) -> None:
        self.folder = folder
        self.now = NOW
        self.environment = {"TZ": "UTC0"}
        self.scheduler = Scheduler(site, spool=folder, base_environment={}, clock=lambda: self.now)

    def run(self, *words: str, stdin: bytes = b"") -> Reply:
        async def read() -> bytes:
            return stdin

        entries = [f"{n}={v}" for n, v in self.environment.items()]
        fields = [words[0], str(self.folder), "22", str(len(words) - 1), *words[1:], *entries]
        return asyncio.run(answer(self.scheduler, [f.encode() for f in fields], read))

    def submit(self, *options: str) -> Job:
        reply = self.run("sbatch", "--parsable", *options, "--wrap", "sleep 60")
        assert reply.status == 0, reply.stderr
        return self.scheduler.jobs[int(reply.stdout)]

    def started(self, *options: str, nodes: Sequence[str] = ("c1",)) -> Job:
        job = self.submit(*options)
        job.state, job.reason, job.start, job.eligible = State.RUNNING, "None", self.now, self.now
        job.node_names = tuple(nodes)
        return job

    def ended(self, state: State, *options: str, code: int = 0, number: int = 0) -> Job:
        job = self.started(*options)
        self.now += 2
        job.state, job.end, job.exit_code, job.exit_signal = state, self.now, code, number
        return job


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


# What the demo refuses in the same words and with the same status. Left out: reservations of GPUs and arrays that
# real Slurm grants, a database of other clusters, limits per user and QOS that the demo does not have.
REFUSALS = [
    "account_not_mine", "array_bad", "begin_bad", "constraint_unknown", "deadline_past", "dependency_bad_syntax",
    "gpus_option_cpu_partition", "gres_bad_syntax", "gres_on_cpu_partition", "gres_unknown_name", "invalid_account",
    "invalid_partition", "invalid_qos", "invalid_time_spec", "mem_invalid_spec", "mem_per_cpu_too_much",
    "mem_too_much", "no_script", "node_range_bad", "nodelist_other_partition", "nodelist_unknown", "ntasks_per_node",
    "partition_inactive", "qos_not_permitted_on_partition", "reservation_unknown", "signal_bad",
    "time_over_partition", "time_over_partition_long", "too_many_cpus_per_task", "too_many_nodes",
    "too_many_tasks_one_node", "too_many_tasks_total", "unknown_option", "DenyOnLimit_time_over_qos",
    "DenyOnLimit_qos_max_wall_tiny",
]  # fmt: skip


@pytest.mark.shared_data
@pytest.mark.parametrize("name", REFUSALS)
def test_sbatch_refuses_in_the_words_of_real_slurm(name: str, desk: Desk, shared_data: Path) -> None:
    recording = read_recording(shared_data / "slurm_samples", f"sbatch_error_{name}")
    reply = desk.run(*recording.words)
    assert (reply.status, reply.stdout, reply.stderr.strip()) == (
        recording.status,
        recording.stdout,
        recording.stderr.strip(),
    )
    assert desk.scheduler.jobs == {}


@pytest.mark.shared_data
@pytest.mark.parametrize(
    ("name", "script"),
    [("script_empty", b""), ("script_no_shebang", b"echo hi\n"), ("script_dos", b"#!/bin/bash\r\n#SBATCH -t 5\r\n"),
     ("unknown_option_in_script", b"#!/bin/bash\n#SBATCH --frobnicate=3\nhostname\n")],
)  # fmt: skip
def test_sbatch_refuses_scripts_in_the_words_of_real_slurm(
    name: str, script: bytes, desk: Desk, shared_data: Path
) -> None:
    recording = read_recording(shared_data / "slurm_samples", f"sbatch_error_{name}")
    reply = desk.run("sbatch", stdin=script)
    assert (reply.status, reply.stderr.strip()) == (recording.status, recording.stderr.strip())


@pytest.mark.shared_data
def test_sbatch_answers_as_recorded(desk: Desk, shared_data: Path) -> None:
    samples = shared_data / "slurm_samples"
    desk.scheduler.next_id = 4
    assert desk.run(*read_recording(samples, "sbatch_parsable").words).stdout == "4\n"
    assert desk.run(*read_recording(samples, "sbatch_plain").words).stdout == "Submitted batch job 5\n"
    assert desk.run(*read_recording(samples, "sbatch_parsable_cluster").words).stdout == "6;alpine\n"
    refused = read_recording(samples, "sbatch_test_only_error")
    reply = desk.run(*refused.words)
    assert (reply.status, reply.stderr.strip()) == (refused.status, refused.stderr.strip())
    promised = read_recording(samples, "sbatch_test_only")
    desk.scheduler.next_id = 123
    stamp = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d")
    assert stamp.sub("T", desk.run(*promised.words).stderr) == stamp.sub("T", promised.stderr)
    assert len(desk.scheduler.jobs) == 3


def test_options_come_from_script_environment_and_command_line_in_rising_order(desk: Desk) -> None:
    desk.environment["SBATCH_QOS"] = "long"
    script = (
        b"#!/bin/bash\n#SBATCH -J inside -t 10 # a remark\n#SBATCH --qos=low --comment='two words'\n\n"
        b"echo\n#SBATCH -n 9\n"
    )
    reply = desk.run("sbatch", "--parsable", "--time=0:07:00", stdin=script)
    order = desk.scheduler.jobs[int(reply.stdout)].order
    assert (order.name, order.qos, order.time_limit_s, order.comment, order.tasks) == (
        "inside", "long", 420, "two words", 1,
    )  # fmt: skip


def test_export_decides_what_the_job_sees(desk: Desk) -> None:
    desk.environment |= {"COLOUR": "red", "SLURM_JOB_ID": "77"}
    assert desk.submit().order.environment["COLOUR"] == "red"
    assert "SLURM_JOB_ID" not in desk.submit().order.environment
    assert desk.submit("--export=NONE").order.environment == {}
    assert desk.submit("--export=COLOUR,SIZE=3").order.environment == {"COLOUR": "red", "SIZE": "3"}
    assert desk.submit("--export=ALL,COLOUR=blue").order.environment["COLOUR"] == "blue"


@pytest.mark.shared_data
def test_squeue_prints_the_recorded_columns(desk: Desk, shared_data: Path) -> None:
    recording = read_recording(shared_data / "slurm_samples", "squeue_default")
    desk.scheduler.next_id = 36
    desk.started("-J", "filler", "-N", "4", "-n", "32", "-t", "20", nodes=("c1", "c2", "c3", "c4"))
    held = desk.submit("-J", "held", "-n", "1", "-H")
    held.id, held.reason = 43, "JobHeldUser"
    desk.now += 18
    lines = desk.run("squeue").stdout.splitlines()
    recorded = recording.stdout.splitlines()
    assert lines[0] == recorded[0]
    assert set(lines[1:]) <= set(recorded)
    assert len(lines) == 3


@pytest.mark.shared_data
def test_squeue_prints_a_pending_job_as_recorded(desk: Desk, shared_data: Path) -> None:
    recording = read_recording(shared_data / "slurm_samples", "squeue_me_o")
    desk.scheduler.next_id = 39
    desk.submit("-p", "amilan", "-J", "dep_afterok", "-n", "1", "-t", "20", "-d", "afterok:36").reason = "Dependency"
    ours = desk.run(*recording.words).stdout.strip().split("|")
    theirs = next(line for line in recording.stdout.splitlines() if line.startswith("39|")).split("|")
    submitted, priority = 12, 13  # differ by when it was recorded and by Slurm's fair share
    for position, (mine, recorded) in enumerate(zip(ours, theirs, strict=True)):
        if position not in (submitted, priority):
            assert mine == recorded


@pytest.mark.shared_data
@pytest.mark.parametrize("name", ["squeue_error_invalid_jobid", "squeue_error_invalid_state"])
def test_squeue_fails_as_recorded(name: str, desk: Desk, shared_data: Path) -> None:
    recording = read_recording(shared_data / "slurm_samples", name)
    reply = desk.run(*recording.words)
    assert (reply.status, reply.stdout, reply.stderr.strip()) == (
        recording.status,
        recording.stdout,
        recording.stderr.strip(),
    )


def test_squeue_forgets_unknown_ids_among_known_ones(desk: Desk) -> None:
    job = desk.submit()
    reply = desk.run("squeue", "-h", "-j", f"{job.id},99999999", "-o", "%i|%T")
    assert (reply.status, reply.stdout, reply.stderr) == (0, f"{job.id}|PENDING\n", "")


def test_squeue_shows_an_ended_job_only_when_asked_for_all_states(desk: Desk) -> None:
    job = desk.ended(State.FAILED, code=3)
    assert desk.run("squeue", "-h", "-j", str(job.id)).stdout == ""
    assert desk.run("squeue", "-h", "-j", str(job.id), "-t", "all", "-o", "%T %t").stdout == "FAILED F\n"


def test_squeue_named_columns_have_their_width(desk: Desk) -> None:
    job = desk.submit("-J", "long_name_of_a_job")
    reply = desk.run("squeue", "-h", "-O", "JobID:8,Name:6,StateCompact:.4,Comment:10")
    assert reply.stdout == f"{job.id:<8}long_n  PD(null)    \n"


@pytest.mark.shared_data
def test_sacct_prints_ended_jobs_as_recorded(desk: Desk, shared_data: Path) -> None:
    recording = read_recording(shared_data / "slurm_samples", "sacct_state_samples_X")
    recorded = {line.split("|")[0]: line for line in recording.stdout.splitlines()}
    header = recording.stdout.splitlines()[0]
    desk.scheduler.next_id = 8
    desk.ended(State.FAILED, "-J", "failed_exit3", code=3)
    desk.ended(State.FAILED, "-J", "failed_cmd127", code=127)
    desk.ended(State.FAILED, "-J", "failed_segv", number=11)
    words = [w for w in recording.words if not re.fullmatch(r"[\d,]+", w) and w != "-j"]
    lines = desk.run(*words, "-j", "8,9,10").stdout.splitlines()
    assert lines[0] == header
    for line in lines[1:]:
        theirs = dict(zip(header.split("|"), recorded[line.split("|")[0]].split("|"), strict=True))
        ours = dict(zip(header.split("|"), line.split("|"), strict=True))
        for field in ("JobName", "State", "ExitCode", "DerivedExitCode", "NodeList", "AllocCPUS", "AllocTRES"):
            assert ours[field] == theirs[field], field
    assert len(lines) == 4


@pytest.mark.shared_data
def test_sacct_columns_are_as_recorded(desk: Desk, shared_data: Path) -> None:
    recording = read_recording(shared_data / "slurm_samples", "sacct_default_width")
    desk.scheduler.next_id = 7
    desk.ended(State.COMPLETED, "-J", "completed", "-n", "1")
    recorded = [line for line in recording.stdout.splitlines() if not line.startswith("7.0")]
    assert desk.run(*recording.words).stdout.splitlines() == recorded


def test_sacct_knows_cancelled_and_requeued_runs(desk: Desk) -> None:
    job = desk.started("-J", "twice")
    desk.now += 3
    job.end = desk.now
    job.runs.append(job.as_run().__class__(**{**job.as_run().__dict__, "state": State.REQUEUED}))
    job.state, job.start, job.node_names, job.cancelled_by = State.CANCELLED, None, (), 1001
    text = desk.run("sacct", "-X", "-n", "-P", "-D", "-j", str(job.id), "-o", "JobID,State,Start,NodeList").stdout
    assert [line.split("|")[1] for line in text.splitlines()] == ["REQUEUED", "CANCELLED by 1001"]
    assert text.splitlines()[1] == f"{job.id}|CANCELLED by 1001|None|None assigned"
    assert len(desk.run("sacct", "-X", "-n", "-j", str(job.id)).stdout.splitlines()) == 1


def test_sacct_hides_what_was_never_eligible_unless_asked_by_id(desk: Desk) -> None:
    job = desk.submit("-H")
    assert desk.run("sacct", "-X", "-n").stdout == ""
    assert desk.run("sacct", "-X", "-n", "-P", "-j", str(job.id), "-o", "State").stdout == "PENDING\n"


@pytest.mark.shared_data
@pytest.mark.parametrize("name", ["sacct_unknown_jobid", "sacct_error_invalid_field"])
def test_sacct_says_of_nothing_what_was_recorded(name: str, desk: Desk, shared_data: Path) -> None:
    recording = read_recording(shared_data / "slurm_samples", name)
    reply = desk.run(*recording.words)
    assert (reply.status, reply.stdout, reply.stderr) == (recording.status, recording.stdout, recording.stderr)


@pytest.mark.shared_data
def test_scontrol_shows_a_job_with_the_recorded_keys(desk: Desk, shared_data: Path) -> None:
    recording = read_recording(shared_data / "slurm_samples", "scontrol_show_job_running")
    desk.scheduler.next_id = 118
    desk.started("-J", "op_requeue", "-n", "2", "-t", "30", "--comment=my comment")
    pattern = re.compile(r"(\S+?)=(\S*)")
    ours = dict(pattern.findall(desk.run("scontrol", "show", "job", "118").stdout))
    theirs = dict(pattern.findall(recording.stdout))
    assert set(theirs) - set(ours) <= {"PreemptEligibleTime", "PreemptTime"}
    for key in ("UserId", "JobState", "Reason", "TimeLimit", "NumCPUs", "TRES", "MinMemoryCPU", "ExitCode", "Restarts",
                "BatchHost", "Comment", "Partition", "QOS", "Account"):  # fmt: skip
        assert ours[key] == theirs[key]


@pytest.mark.shared_data
@pytest.mark.parametrize(
    "name", ["scontrol_show_job_error_invalid", "scontrol_update_error_invalid", "scancel_error_invalid_jobid"]
)
def test_unknown_jobs_are_answered_as_recorded(name: str, desk: Desk, shared_data: Path) -> None:
    recording = read_recording(shared_data / "slurm_samples", name)
    reply = desk.run(*recording.words)
    assert (reply.status, reply.stdout, reply.stderr.strip()) == (
        recording.status,
        recording.stdout,
        recording.stderr.strip(),
    )


def test_scontrol_lowers_a_time_limit_but_does_not_raise_it(desk: Desk) -> None:
    job = desk.submit("-t", "30")
    assert desk.run("scontrol", "update", f"jobid={job.id}", "TimeLimit=00:10:00").status == 0
    assert job.time_limit_s == 600
    refused = desk.run("scontrol", "update", f"jobid={job.id}", "TimeLimit=02:00:00")
    assert (refused.status, refused.stderr) == (1, f"Access/permission denied for job {job.id}\n")


def test_scontrol_holds_and_releases(desk: Desk) -> None:
    job = desk.submit()
    desk.run("scontrol", "hold", str(job.id))
    assert (job.hold, job.reason) == (True, "JobHeldUser")
    desk.run("scontrol", "release", str(job.id))
    assert not job.hold


@pytest.mark.shared_data
def test_scontrol_shows_partitions_as_recorded(desk: Desk, shared_data: Path) -> None:
    recording = read_recording(shared_data / "slurm_samples", "scontrol_show_partition")
    ours = desk.run("scontrol", "show", "partition", "atesting").stdout.splitlines()
    theirs = next(b for b in recording.stdout.split("\n\n") if "PartitionName=atesting" in b).splitlines()
    different = [(a, b) for a, b in zip(ours, theirs, strict=False) if a != b]
    # The demo has no largest number of nodes and no preemption.
    assert [a.split()[0] for a, _ in different] == ["MaxNodes=UNLIMITED", "OverTimeLimit=NONE"]


@pytest.mark.shared_data
def test_sinfo_prints_partitions_as_recorded(desk: Desk, shared_data: Path) -> None:
    recording = read_recording(shared_data / "slurm_samples", "sinfo_o_summary")
    desk.started("-n", "2")
    theirs = recording.stdout.splitlines()
    ours = [line for line in desk.run(*recording.words).stdout.splitlines() if line.startswith(("amilan", "amem"))]
    assert ours == [line for line in theirs if line.startswith(("amilan", "amem"))]
    table = read_recording(shared_data / "slurm_samples", "sinfo_full")
    assert desk.run("sinfo").stdout.splitlines()[0] == table.stdout.splitlines()[0]


@pytest.mark.shared_data
def test_sacctmgr_shows_associations_and_qos_as_recorded(desk: Desk, shared_data: Path) -> None:
    samples = shared_data / "slurm_samples"
    recording = read_recording(samples, "sacctmgr_show_assoc")
    words = [w.replace("$USER", "alice") for w in recording.words]
    ours = desk.run(*words).stdout.rstrip("\n").split("|")
    theirs = recording.stdout.rstrip("\n").split("|")
    assert (ours[:4], ours[5:]) == (theirs[:4], theirs[5:])
    whole = read_recording(samples, "sacctmgr_show_qos")
    assert desk.run(*whole.words).stdout.splitlines()[0] == whole.stdout.splitlines()[0]
    short = desk.run(*read_recording(samples, "sacctmgr_show_qos_fmt").words).stdout.splitlines()
    assert short[0] == "Name|Priority|MaxWall|MaxTRESPU|MaxJobsPU|MaxSubmitPU|GrpTRES|Flags"
    assert short[2].startswith("long|50|7-00:00:00||2|")


def test_every_field_that_is_asked_for_exists(desk: Desk) -> None:
    from namdrunner.slurm.accounting import parse_sacct_reply
    from namdrunner.slurm.commands import ACCOUNTING_FIELDS, QUEUE_FIELDS, SEPARATOR
    from namdrunner.slurm.queue import parse_squeue_reply

    job = desk.started("--comment=token-1", "-J", "name with blanks")
    desk.environment["SLURM_TIME_FORMAT"] = "%s"
    queue = desk.run("squeue", "--noheader", "--states=all", f"--format={SEPARATOR.join(QUEUE_FIELDS)}")
    (row,) = parse_squeue_reply(queue.stdout, queue.stderr, queue.status)
    assert (row.id, row.comment, row.name, row.state_text) == (str(job.id), "token-1", "name with blanks", "RUNNING")
    assert row.start_time is not None
    assert row.start_time.timestamp() == int(NOW)
    words = ["--noheader", "--allocations", "--duplicates", "--parsable2", f"--delimiter={SEPARATOR}"]
    books = desk.run("sacct", *words, f"--format={','.join(ACCOUNTING_FIELDS)}", f"--jobs={job.id}")
    (entry,) = parse_sacct_reply(books.stdout, books.stderr, books.status)
    assert (entry.id, entry.comment, entry.state_text) == (str(job.id), "token-1", "RUNNING")


def test_a_command_that_is_not_there_says_so(desk: Desk) -> None:
    assert desk.run("sprio").status == 127
