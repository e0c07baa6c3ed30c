"""The stand-in for scontrol."""

from __future__ import annotations

import re
from collections.abc import Callable

from namdrunner.demo.slurm.call import VERSION, Call, Reply, job_ids
from namdrunner.demo.slurm.model import Job, Node, Partition, State, compress
from namdrunner.demo.slurm.options import OptionTable, Refusal, names, parse
from namdrunner.demo.slurm.runner import expand
from namdrunner.demo.slurm.squeue import dependency_text
from namdrunner.demo.slurm.units import format_long, format_memory, parse_time_limit

_TABLE = OptionTable(
    command="scontrol",
    values=frozenset({"cluster", "uid"}),
    flags=names("oneliner details quiet verbose all hide help version usage future local sibling"),
    short={"o": "oneliner", "d": "details", "Q": "quiet", "v": "verbose", "a": "all", "M": "cluster", "V": "version"},
)


async def run(call: Call) -> Reply:
    parsed = parse(_TABLE, call.arguments)
    words = list(parsed.arguments)
    if "version" in parsed or words[:1] == ["version"]:
        return Reply(f"slurm {VERSION}\n")
    if not words:
        raise Refusal("scontrol: error: the demo cluster has no interactive scontrol")
    verb = words.pop(0).lower()
    if verb == "ping":
        return Reply("Slurmctld(primary) at login is UP\n")
    if verb == "show":
        return Reply(_show(call, words, one_line="oneliner" in parsed))
    if verb in _JOB_VERBS:
        return _on_jobs(call, verb, words)
    if verb == "update":
        return _update(call, words)
    if verb in {"suspend", "resume"}:
        raise Refusal("".join(f"Access/permission denied for job {w}\n" for w in words))
    raise Refusal(f"invalid keyword: {verb}")


# -- what is shown -------------------------------------------------------------------------------------------


def _show(call: Call, words: list[str], *, one_line: bool) -> str:
    what = words[0].lower().rstrip("s") if words else ""
    name = words[1] if len(words) > 1 else ""
    if what in {"job", "jobid", "step"}:
        text = _jobs_text(call, name)
    elif what in {"partition", "part"}:
        text = _partitions_text(call, name)
    elif what == "node":
        text = _nodes_text(call, name)
    elif what == "config":
        return _config_text(call)
    elif what == "hostname":
        return "".join(f"{n}\n" for n in expand_names(name or call.environment.get("SLURM_JOB_NODELIST", "")))
    elif what in {"re", "reservation"}:
        return "No reservations in the system\n"
    else:
        raise Refusal(f"invalid entity:{words[0] if words else ''} for keyword:show")
    if one_line:
        blocks = [b for b in text.split("\n\n") if b.strip()]
        return "".join(" ".join(block.split()) + " \n" for block in blocks)
    return text


def expand_names(text: str) -> list[str]:
    """``d[1-2],x`` as separate names."""
    found: list[str] = []
    for prefix, inside in re.findall(r"([^,\[\]]+)(?:\[([^\]]*)\])?", text):
        if not inside:
            found.append(prefix)
        for part in filter(None, inside.split(",")):
            first, _, last = part.partition("-")
            found += [f"{prefix}{n}" for n in range(int(first), int(last or first) + 1)]
    return found


def _jobs_text(call: Call, name: str) -> str:
    ids = job_ids(name)
    if name and not any(i in call.scheduler.jobs for i in ids):
        raise Refusal("slurm_load_jobs error: Invalid job id specified")
    jobs = [j for j in call.scheduler.jobs.values() if not name or j.id in ids]
    return "".join(_job_text(call, job) for job in jobs) or "No jobs in the system\n"


def _job_text(call: Call, job: Job) -> str:
    order, calendar = job.order, call.calendar
    pending = job.state is State.PENDING
    code = {State.TIMEOUT: "0:15", State.CANCELLED: "0:15" if job.start else "0:0"}.get(
        job.state, f"{job.exit_code}:{job.exit_signal}"
    )
    end = job.end or (job.start + job.time_limit_s if job.start else None)
    memory = order.memory_mb // order.cpus_per_node if order.memory_per_cpu else order.memory_mb
    per = "CPU" if order.memory_per_cpu else "Node"
    lines = [
        f"JobId={job.id} JobName={job.name}",
        f"UserId={job.user}({job.uid}) GroupId={job.user}({job.uid}) MCS_label=N/A",
        f"Priority={job.priority} Nice=0 Account={order.account} QOS={order.qos}",
        f"JobState={job.state.name} Reason={job.reason} Dependency={dependency_text(job)}",
        f"Requeue={int(order.requeue)} Restarts={job.restarts} BatchFlag=1 Reboot=0 ExitCode={code}",
        f"RunTime={format_long(job.elapsed(call.now))} TimeLimit={format_long(job.time_limit_s)} TimeMin=N/A",
        f"SubmitTime={calendar.write(job.submit, 'Unknown')} EligibleTime={calendar.write(job.eligible, 'Unknown')}",
        f"AccrueTime={calendar.write(job.eligible, 'Unknown')}",
        f"StartTime={calendar.write(job.start, 'Unknown')} EndTime={calendar.write(end, 'Unknown')} Deadline=N/A",
        "SuspendTime=None SecsPreSuspend=0 LastSchedEval=" + calendar.write(job.start or job.submit, "Unknown")
        + " Scheduler=Main",
        f"Partition={order.partition} AllocNode:Sid=login:0",
        "ReqNodeList=(null) ExcNodeList=(null)",
        f"NodeList={compress(job.node_names)}",
        *([f"BatchHost={job.node_names[0]}"] if job.node_names and not pending else []),
        f"NumNodes={order.nodes} NumCPUs={order.cpus} NumTasks={order.tasks} CPUs/Task={order.cpus_per_task}"
        " ReqB:S:C:T=0:0:*:*",
        f"TRES=cpu={order.cpus},mem={format_memory(order.memory_mb * order.nodes)},node={order.nodes},"
        f"billing={order.cpus}",
        "Socks/Node=* NtasksPerN:B:S:C=0:0:*:* CoreSpec=*",
        f"MinCPUsNode={order.cpus_per_node} MinMemory{per}={format_memory(memory)} MinTmpDiskNode=0",
        "Features=(null) DelayBoot=00:00:00",
        "OverSubscribe=OK Contiguous=0 Licenses=(null) Network=(null)",
        f"Command={' '.join([order.command, *order.arguments]) if order.command else '(null)'}",
        f"WorkDir={order.workdir}",
        *([f"Comment={job.comment} "] if job.comment else []),
        f"StdErr={expand(order.error, job)}",
        f"StdIn={order.input}",
        f"StdOut={expand(order.output, job)}",
        "Power=",
    ]  # fmt: skip
    return "\n   ".join(lines) + "\n   \n\n"


def _partitions_text(call: Call, name: str) -> str:
    site = call.scheduler.site
    chosen = [p for p in site.partitions if not name or p.name == name]
    if not chosen:
        raise Refusal(f"Partition {name} not found")
    return "".join(_partition_text(p, site.nodes_of(p)) for p in chosen)


def _partition_text(partition: Partition, nodes: tuple[Node, ...]) -> str:
    cores, memory = sum(n.cores for n in nodes), sum(n.memory_mb for n in nodes)
    lines = [
        f"PartitionName={partition.name}",
        f"AllowGroups=ALL AllowAccounts=ALL AllowQos={','.join(partition.qos) or 'ALL'}",
        f"AllocNodes=ALL Default={'YES' if partition.default else 'NO'} QoS=N/A",
        f"DefaultTime={format_long(partition.default_time_s)} DisableRootJobs=NO ExclusiveUser=NO"
        " GraceTime=0 Hidden=NO",
        f"MaxNodes=UNLIMITED MaxTime={format_long(partition.max_time_s)} MinNodes=0 LLN=NO MaxCPUsPerNode=UNLIMITED",
        f"Nodes={compress(partition.nodes)}",
        "PriorityJobFactor=1 PriorityTier=1 RootOnly=NO ReqResv=NO OverSubscribe=NO",
        "OverTimeLimit=NONE PreemptMode=OFF",
        f"State={partition.state.upper()} TotalCPUs={cores} TotalNodes={len(nodes)} SelectTypeParameters=NONE",
        "JobDefaults=(null)",
        f"DefMemPerCPU={partition.memory_per_core_mb} MaxMemPerNode=UNLIMITED",
        f"TRES=cpu={cores},mem={format_memory(memory)},node={len(nodes)},billing={cores}",
    ]
    return "\n   ".join(lines) + "\n\n"


def _nodes_text(call: Call, name: str) -> str:
    nodes = [n for n in call.scheduler.site.nodes if not name or n.name in expand_names(name)]
    if not nodes:
        raise Refusal(f"Node {name} not found")
    blocks = []
    for node in nodes:
        cores, memory = call.scheduler.used(node.name)
        parts = ",".join(p.name for p in call.scheduler.site.partitions if node.name in p.nodes)
        lines = [
            f"NodeName={node.name} Arch=x86_64 CoresPerSocket={node.cores} ",
            f"CPUAlloc={cores} CPUEfctv={node.cores} CPUTot={node.cores} CPULoad=0.00",
            "AvailableFeatures=(null)",
            "ActiveFeatures=(null)",
            "Gres=(null)",
            f"NodeAddr=127.0.0.1 NodeHostName={node.name} Version={VERSION}",
            f"RealMemory={node.memory_mb} AllocMem={memory} FreeMem=N/A Sockets=1 Boards=1",
            f"State={node_state(cores, node).upper()} ThreadsPerCore=1 TmpDisk=0 Weight=1 Owner=N/A MCS_label=N/A",
            f"Partitions={parts} ",
            f"CfgTRES=cpu={node.cores},mem={format_memory(node.memory_mb)},billing={node.cores}",
            f"AllocTRES={f'cpu={cores},mem={format_memory(memory)}' if cores else ''}",
        ]
        blocks.append("\n   ".join(lines) + "\n\n")
    return "".join(blocks)


def node_state(used: int, node: Node) -> str:
    return "idle" if used == 0 else "allocated" if used >= node.cores else "mixed"


def _config_text(call: Call) -> str:
    site = call.scheduler.site
    rows = {
        "AccountingStorageEnforce": "associations,limits,qos",
        "AccountingStorageType": "accounting_storage/demo",
        "BOOT_TIME": call.calendar.write(call.scheduler.started_at, "N/A"),
        "ClusterName": site.cluster,
        "EnforcePartLimits": "ALL",
        "KillWait": f"{site.kill_wait_s:.0f} sec",
        "MaxArraySize": "1",
        "MaxJobCount": "10000",
        "MinJobAge": f"{site.min_job_age_s:.0f} sec",
        "OverTimeLimit": "0 min",
        "PreemptMode": "OFF",
        "SchedulerType": "sched/demo",
        "SelectType": "select/cons_tres",
        "SLURM_VERSION": VERSION,
    }
    lines = [f"Configuration data as of {call.calendar.write(call.now, 'N/A')}"]
    lines += [f"{name:<23} = {value}" for name, value in rows.items()]
    lines += ["", "Slurmctld(primary) at login is UP"]
    return "\n".join(lines) + "\n"


# -- what is done --------------------------------------------------------------------------------------------


def _hold(call: Call, job: Job) -> None:
    call.scheduler.hold(job)


def _release(call: Call, job: Job) -> None:
    call.scheduler.release(job)


def _requeue(call: Call, job: Job) -> None:
    call.scheduler.requeue(job)


def _requeue_hold(call: Call, job: Job) -> None:
    call.scheduler.requeue(job, hold=True)


_JOB_VERBS: dict[str, Callable[[Call, Job], None]] = {
    "hold": _hold, "uhold": _hold, "release": _release, "requeue": _requeue, "requeuehold": _requeue_hold,
}  # fmt: skip


def _on_jobs(call: Call, verb: str, words: list[str]) -> Reply:
    errors = ""
    for number in job_ids(",".join(w for w in words if "=" not in w)):
        job = call.scheduler.jobs.get(number)
        if job is None:
            errors += f"Invalid job id specified for job {number}\n"
        else:
            _JOB_VERBS[verb](call, job)
    return Reply(stderr=errors, status=1 if errors else 0)


def _update(call: Call, words: list[str]) -> Reply:
    """``JobId=`` with TimeLimit (only downwards), Comment, JobName, StartTime; ``NodeName= State=down`` as a fault."""
    changes = {name.lower(): value for name, _, value in (w.partition("=") for w in words)}
    if "nodename" in changes:
        if changes.get("state", "").lower() in {"down", "fail"}:
            for name in expand_names(changes["nodename"]):
                call.scheduler.fail_node(name)
        return Reply()
    number = changes.get("jobid", changes.get("job", ""))
    job = call.scheduler.jobs.get(int(number)) if number.isdigit() else None
    if job is None:
        raise Refusal(f"Invalid job id specified for job {number}")
    if "timelimit" in changes:
        seconds = parse_time_limit(changes["timelimit"])
        if seconds is None:
            raise Refusal(f"Invalid TimeLimit value\nInvalid time specification for job {number}")
        if seconds > job.time_limit_s:
            raise Refusal(f"Access/permission denied for job {number}")
        job.time_limit_s = seconds
    job.comment = changes.get("comment", job.comment)
    job.name = changes.get("jobname", changes.get("name", job.name))
    if "starttime" in changes:
        moment = call.calendar.read(changes["starttime"], call.now)
        if moment is None:
            raise Refusal(f"Invalid time specification for job {number}")
        job.begin = moment
    return Reply()
