"""The stand-in for squeue."""

from __future__ import annotations

import os
import pwd

from namdrunner.demo.slurm.call import VERSION, Call, Reply, job_ids
from namdrunner.demo.slurm.layout import Column, parse_named, parse_percent, render
from namdrunner.demo.slurm.model import Job, State, compress
from namdrunner.demo.slurm.options import OptionTable, Refusal, names, parse
from namdrunner.demo.slurm.runner import expand
from namdrunner.demo.slurm.units import format_memory, format_short

_VALUES = (
    "jobs states user users format Format partition partitions name account sort iterate qos clusters nodelist"
    " reservation steps licenses"
)
_FLAGS = "noheader me array long start help usage version all hide noconvert priority verbose federation local sibling"
_TABLE = OptionTable(
    command="squeue",
    values=names(_VALUES),
    flags=names(_FLAGS),
    short={
        "h": "noheader", "j": "jobs", "t": "states", "u": "users", "o": "format", "O": "Format", "p": "partitions",
        "n": "name", "A": "account", "S": "sort", "i": "iterate", "q": "qos", "M": "clusters", "w": "nodelist",
        "R": "reservation", "s": "steps", "r": "array", "l": "long", "V": "version", "a": "all", "P": "priority",
        "v": "verbose", "L": "licenses",
    },
)  # fmt: skip
_DEFAULT = "%.18i %.9P %.8j %.8u %.2t %.10M %.6D %R"
_LONG = "%.18i %.9P %.8j %.8u %.8T %.10M %.9l %.6D %R"
_START = "%.18i %.9P %.8j %.8u %.2t %.19S %.6D %20Y %R"
_STATES = (
    "PENDING,RUNNING,SUSPENDED,COMPLETED,CANCELLED,FAILED,TIMEOUT,NODE_FAIL,PREEMPTED,BOOT_FAIL,DEADLINE,"
    "OUT_OF_MEMORY,COMPLETING,CONFIGURING,RESIZING,RESV_DEL_HOLD,REQUEUED,REQUEUE_FED,REQUEUE_HOLD,REVOKED,"
    "SIGNALING,SPECIAL_EXIT,STAGE_OUT,STOPPED"
)
_COMPACT = {
    "PD": "PENDING", "R": "RUNNING", "CG": "COMPLETING", "CD": "COMPLETED", "CA": "CANCELLED", "F": "FAILED",
    "TO": "TIMEOUT", "NF": "NODE_FAIL", "RQ": "REQUEUED", "S": "SUSPENDED", "OOM": "OUT_OF_MEMORY",
    "PR": "PREEMPTED", "CF": "CONFIGURING",
}  # fmt: skip


async def run(call: Call) -> Reply:
    parsed = parse(_TABLE, call.arguments)
    if "version" in parsed:
        return Reply(f"slurm {VERSION}\n")
    options = parsed.options
    jobs = list(call.scheduler.jobs.values())
    errors = ""
    if "jobs" in options:
        wanted = job_ids(options["jobs"])
        jobs = [j for j in jobs if j.id in wanted]
        if len(wanted) == 1 and not jobs:
            raise Refusal("slurm_load_jobs error: Invalid job id specified")
    names = options.get("users", options.get("user", ""))
    if names:
        known = known_users(call)
        errors = "".join(f"squeue: error: Invalid user: {n}\n\n" for n in names.split(",") if n not in known)
        jobs = [j for j in jobs if any(n in known for n in names.split(","))]
    states = _states(options.get("states", ""))
    jobs = [j for j in jobs if (j.state in states if states is not None else j.state.active)]
    for option, text in (("partitions", "partition"), ("partition", "partition"), ("qos", "qos")):
        if option in options:
            jobs = [j for j in jobs if getattr(j.order, text) in options[option].split(",")]
    if "name" in options:
        jobs = [j for j in jobs if j.name in options["name"].split(",")]
    if "account" in options:
        jobs = [j for j in jobs if j.order.account in options["account"].split(",")]
    jobs.sort(key=lambda j: (j.order.partition, j.state is not State.PENDING, -j.priority, j.id))
    columns = job_columns(call)
    if "Format" in options:
        pieces = parse_named("squeue", options["Format"], {n.lower(): columns[c] for n, c in _NAMED.items()})
    else:
        standard = _LONG if "long" in options else _START if "start" in options else _DEFAULT
        layout = options.get("format") or call.environment.get("SQUEUE_FORMAT") or standard
        pieces = parse_percent(layout, columns)
    if "start" in options:
        jobs = [j for j in jobs if j.state is State.PENDING]
    return Reply(render(pieces, jobs, header="noheader" not in options), errors)


def known_users(call: Call) -> set[str]:
    """The demo's user, and the person's own name, which ``id -un`` gives in the demo's shells."""
    names = {call.scheduler.site.user, str(call.scheduler.site.uid)}
    try:
        names |= {pwd.getpwuid(os.getuid()).pw_name, str(os.getuid())}
    except KeyError:
        names.add(str(os.getuid()))
    return names


def _states(text: str) -> set[State] | None:
    if not text:
        return None
    if text.lower() == "all":
        return set(State)
    found: set[State] = set()
    for word in text.upper().split(","):
        name = _COMPACT.get(word, word)
        if name not in _STATES.split(","):
            raise Refusal(
                f"squeue: error: Invalid job state specified: {word}\n"
                f"squeue: error: Valid job states include: {_STATES}\n"
            )
        if name in State.__members__:
            found.add(State[name])
    return found


def dependency_text(job: Job) -> str:
    if not job.dependencies:
        return "(null)"
    shown = [f"{d.kind}({d.state})" if d.kind == "singleton" else f"{d.kind}:{d.job_id}({d.state})"
             for d in job.dependencies]  # fmt: skip
    return ("?" if job.order.any_dependency else ",").join(shown)


def start_estimate(job: Job) -> float | None:
    """When it started; for a job that waits for its time, when that is."""
    return job.start or (job.begin if job.state is State.PENDING and job.reason == "BeginTime" else None)


def reason_or_nodes(job: Job) -> str:
    if job.state is State.PENDING:
        return f"({job.reason})"
    return compress(job.node_names) or f"({job.reason})"


def job_columns(call: Call) -> dict[str, Column[Job]]:
    """squeue's one-letter fields."""
    calendar, now = call.calendar, call.now

    def end(job: Job) -> float | None:
        return job.end or (job.start + job.time_limit_s if job.start else None)

    def left(job: Job) -> str:
        return format_short(job.time_limit_s - job.elapsed(now))

    return {
        "a": Column("ACCOUNT", lambda j: j.order.account),
        "A": Column("JOBID", lambda j: str(j.id)),
        "b": Column("TRES_PER_NODE", lambda j: "N/A"),
        "B": Column("EXEC_HOST", lambda j: j.node_names[0] if j.node_names else "n/a"),
        "c": Column("MIN_CPUS", lambda j: str(j.order.cpus_per_node)),
        "C": Column("CPUS", lambda j: str(j.order.cpus)),
        "D": Column("NODES", lambda j: str(len(j.node_names) or j.order.nodes)),
        "e": Column("END_TIME", lambda j: calendar.write(end(j), "N/A")),
        "E": Column("DEPENDENCY", dependency_text),
        "f": Column("FEATURES", lambda j: "(null)"),
        "F": Column("ARRAY_JOB_ID", lambda j: str(j.id)),
        "g": Column("GROUP", lambda j: j.user),
        "i": Column("JOBID", lambda j: str(j.id)),
        "j": Column("NAME", lambda j: j.name),
        "k": Column("COMMENT", lambda j: j.comment or "(null)"),
        "K": Column("ARRAY_TASK_ID", lambda j: "N/A"),
        "l": Column("TIME_LIMIT", lambda j: format_short(j.time_limit_s)),
        "L": Column("TIME_LEFT", left),
        "m": Column("MIN_MEMORY", lambda j: format_memory(_asked_memory(j))),
        "M": Column("TIME", lambda j: format_short(j.elapsed(now))),
        "n": Column("REQ_NODES", lambda j: ""),
        "N": Column("NODELIST", lambda j: compress(j.node_names)),
        "o": Column("COMMAND", lambda j: j.order.command or "(null)"),
        "p": Column("PRIORITY", lambda j: f"{j.priority / 2**32:.14f}"),
        "P": Column("PARTITION", lambda j: j.order.partition),
        "q": Column("QOS", lambda j: j.order.qos),
        "Q": Column("PRIORITY", lambda j: str(j.priority)),
        "r": Column("REASON", lambda j: j.reason),
        "R": Column("NODELIST(REASON)", reason_or_nodes),
        "S": Column("START_TIME", lambda j: calendar.write(start_estimate(j), "N/A")),
        "t": Column("ST", lambda j: j.state.value),
        "T": Column("STATE", lambda j: j.state.name),
        "u": Column("USER", lambda j: j.user),
        "U": Column("UID", lambda j: str(j.uid)),
        "v": Column("RESERVATION", lambda j: "(null)"),
        "V": Column("SUBMIT_TIME", lambda j: calendar.write(j.submit, "N/A")),
        "x": Column("EXC_NODES", lambda j: ""),
        "y": Column("NICE", lambda j: "0"),
        "Y": Column("SCHEDNODES", lambda j: "(null)"),
        "z": Column("S:C:T", lambda j: "*:*:*"),
        "Z": Column("WORK_DIR", lambda j: j.order.workdir),
        # Not one letter in squeue; for the names of --Format alone.
        "stdout": Column("STDOUT", lambda j: expand(j.order.output, j)),
        "stderr": Column("STDERR", lambda j: expand(j.order.error, j)),
        "restarts": Column("RESTARTCOUNT", lambda j: str(j.restarts)),
        "eligible": Column("ELIGIBLE_TIME", lambda j: calendar.write(j.eligible, "N/A")),
    }


def _asked_memory(job: Job) -> int:
    return job.order.memory_mb // job.order.cpus_per_node if job.order.memory_per_cpu else job.order.memory_mb


_NAMED = {
    "Account": "a", "JobID": "A", "JobArrayID": "i", "ArrayJobID": "F", "ArrayTaskID": "K", "BatchHost": "B",
    "NumCPUs": "C", "NumNodes": "D", "EndTime": "e", "Dependency": "E", "Feature": "f", "Name": "j",
    "Comment": "k", "TimeLimit": "l", "TimeLeft": "L", "MinMemory": "m", "TimeUsed": "M", "NodeList": "N",
    "Command": "o", "Partition": "P", "QOS": "q", "PriorityLong": "Q", "Reason": "r", "ReasonList": "R",
    "StartTime": "S", "StateCompact": "t", "State": "T", "UserName": "u", "UserID": "U", "SubmitTime": "V",
    "SchedNodes": "Y", "WorkDir": "Z", "STDOUT": "stdout", "STDERR": "stderr", "RestartCnt": "restarts",
    "EligibleTime": "eligible", "tres-per-node": "b", "Reservation": "v",
}  # fmt: skip
