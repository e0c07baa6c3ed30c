"""The stand-in for sacct."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from namdrunner.demo.slurm.call import VERSION, Call, Reply, exit_text, job_ids
from namdrunner.demo.slurm.layout import render_table
from namdrunner.demo.slurm.model import Job, Run, State, compress
from namdrunner.demo.slurm.options import OptionTable, Refusal, names, parse
from namdrunner.demo.slurm.squeue import known_users
from namdrunner.demo.slurm.units import format_long, format_memory

_VALUES = "format jobs user uid starttime endtime state name delimiter account partition qos accounts clusters fields"
_FLAGS = (
    "allocations noheader parsable parsable2 duplicates allusers long brief helpformat version verbose truncate"
    " allclusters units noconvert help usage completion"
)
_TABLE = OptionTable(
    command="sacct",
    values=names(_VALUES),
    flags=names(_FLAGS),
    short={
        "X": "allocations", "n": "noheader", "p": "parsable", "P": "parsable2", "D": "duplicates", "a": "allusers",
        "o": "format", "j": "jobs", "u": "user", "S": "starttime", "E": "endtime", "s": "state", "A": "accounts",
        "r": "partition", "q": "qos", "l": "long", "b": "brief", "e": "helpformat", "V": "version", "v": "verbose",
        "T": "truncate", "M": "clusters", "L": "allclusters",
    },
)  # fmt: skip
_DEFAULT = "JobID,JobName,Partition,Account,AllocCPUS,State,ExitCode"

Entry = tuple[Job, Run, str]
"""A job, one of its runs, and the step: empty for the job itself, else ``batch``."""


async def run(call: Call) -> Reply:
    parsed = parse(_TABLE, call.arguments)
    options = parsed.options
    if "version" in options:
        return Reply(f"slurm {VERSION}\n")
    if "helpformat" in options:
        return Reply(" ".join(name for name, _, _ in _FIELDS) + "\n")
    layout = options.get("format") or options.get("fields") or call.environment.get("SACCT_FORMAT") or _DEFAULT
    chosen = [_field(word) for word in layout.split(",") if word.strip()]
    texts = _texts(call)
    rows = [[texts[name](entry) for name, _ in chosen] for entry in _entries(call, options)]
    delimiter = options.get("delimiter", "|") if {"parsable", "parsable2"} & options.keys() else ""
    return Reply(
        render_table(
            chosen,
            rows,
            header="noheader" not in options,
            delimiter=delimiter,
            trailing="parsable" in options,
        )
    )


def _entries(call: Call, options: Mapping[str, str]) -> list[Entry]:
    jobs = list(call.scheduler.accounts.values())
    by_id = "jobs" in options
    if by_id:
        wanted = job_ids(options["jobs"])
        jobs = [j for j in jobs if j.id in wanted]
    if options.get("user") and not by_id:
        known = known_users(call)
        jobs = [j for j in jobs if any(n in known for n in options["user"].split(","))]
    if "name" in options:
        jobs = [j for j in jobs if j.name in options["name"].split(",")]
    since = _moment(call, options, "starttime", None if by_id else "midnight")
    until = _moment(call, options, "endtime", None)
    states = {w.upper() for w in options.get("state", "").split(",") if w}
    entries: list[Entry] = []
    for job in jobs:
        for one in call.scheduler.account_rows(job, duplicates="duplicates" in options):
            if not _within(one, since, until) or (states and not states & {one.state.name, one.state.value}):
                continue
            # sacct hides jobs that were never eligible unless they are asked for by id.
            if one.eligible is None and not by_id:
                continue
            entries.append((job, one, ""))
            if "allocations" not in options and one.start:
                entries.append((job, one, "batch"))
    return entries


def _moment(call: Call, options: Mapping[str, str], name: str, default: str | None) -> float | None:
    text = options.get(name, default)
    if text is None:
        return None
    moment = call.calendar.read(text, call.now)
    if moment is None:
        raise Refusal(f"Invalid time specification (pos=0): {text}")
    return moment


def _within(one: Run, since: float | None, until: float | None) -> bool:
    if since is not None and one.end is not None and one.end < int(since):
        return False
    return until is None or one.submit <= until


def _field(word: str) -> tuple[str, int]:
    name, _, width = word.strip().partition("%")
    for known, size, _ in _FIELDS:
        if known.lower() == name.lower():
            number = re.fullmatch(r"-?\d+", width)
            return known, int(width) if number else size
    raise Refusal(f'sacct: error: Invalid field requested: "{name}"')


def _state(entry: Entry) -> str:
    _, one, step = entry
    if one.state is State.CANCELLED and not step and one.cancelled_by is not None:
        return f"CANCELLED by {one.cancelled_by}"
    return one.state.name


def _elapsed(call: Call, one: Run) -> float:
    return (one.end or call.now) - one.start if one.start else 0.0


def _tres(job: Job) -> str:
    order = job.order
    memory = format_memory(order.memory_mb * order.nodes)
    return f"billing={order.cpus},cpu={order.cpus},mem={memory},node={order.nodes}"


def _texts(call: Call) -> dict[str, Callable[[Entry], str]]:
    return {name: _bound(call, text) for name, _, text in _FIELDS}


def _bound(call: Call, text: Callable[[Call, Entry], str]) -> Callable[[Entry], str]:
    return lambda entry: text(call, entry)


def _of_job(text: Callable[[Job], str]) -> Callable[[Call, Entry], str]:
    """A field that job steps leave empty."""
    return lambda _, entry: "" if entry[2] else text(entry[0])


def _always(text: Callable[[Job, Run], str]) -> Callable[[Call, Entry], str]:
    return lambda _, entry: text(entry[0], entry[1])


def _stamp(which: Callable[[Run], float | None], missing: Callable[[Run], str]) -> Callable[[Call, Entry], str]:
    return lambda call, entry: call.calendar.write(which(entry[1]), missing(entry[1]))


def _never_started(one: Run) -> str:
    return "None" if one.state is State.CANCELLED else "Unknown"


_FIELDS: tuple[tuple[str, int, Callable[[Call, Entry], str]], ...] = (
    ("JobID", -12, lambda _, e: f"{e[0].id}.{e[2]}" if e[2] else str(e[0].id)),
    ("JobIDRaw", -12, lambda _, e: f"{e[0].id}.{e[2]}" if e[2] else str(e[0].id)),
    ("JobName", 10, lambda _, e: e[2] or e[0].name),
    ("User", 9, _of_job(lambda j: j.user)),
    ("UID", 6, _of_job(lambda j: str(j.uid))),
    ("Group", 9, _of_job(lambda j: j.user)),
    ("Account", 10, _always(lambda j, r: j.order.account)),
    ("Partition", 10, _of_job(lambda j: j.order.partition)),
    ("QOS", 10, _of_job(lambda j: j.order.qos)),
    ("State", 10, lambda _, e: _state(e)),
    ("ExitCode", 8, _always(lambda j, r: exit_text(r.exit_code, r.exit_signal))),
    ("DerivedExitCode", 15, _of_job(lambda j: "0:0")),
    ("Elapsed", 10, lambda call, e: format_long(_elapsed(call, e[1]))),
    ("ElapsedRaw", 10, lambda call, e: str(int(_elapsed(call, e[1])))),
    ("Timelimit", 10, _of_job(lambda j: format_long(j.time_limit_s))),
    ("TimelimitRaw", 12, _of_job(lambda j: str(j.time_limit_s // 60))),
    ("Submit", 19, _stamp(lambda r: r.submit, lambda r: "Unknown")),
    ("Eligible", 19, _stamp(lambda r: r.eligible, lambda r: "Unknown")),
    ("Start", 19, _stamp(lambda r: r.start, _never_started)),
    ("End", 19, _stamp(lambda r: r.end, lambda r: "Unknown")),
    ("NodeList", 15, _always(lambda j, r: compress(r.node_names) or "None assigned")),
    ("NNodes", 8, _always(lambda j, r: str(len(r.node_names) or j.order.nodes))),
    ("NCPUS", 10, _always(lambda j, r: str(j.order.cpus))),
    ("AllocCPUS", 10, _always(lambda j, r: str(j.order.cpus))),
    ("ReqCPUS", 8, _always(lambda j, r: str(j.order.cpus))),
    ("AllocNodes", 10, _always(lambda j, r: str(len(r.node_names)))),
    ("ReqMem", 10, _of_job(lambda j: format_memory(j.order.memory_mb))),
    ("AllocTRES", 10, _always(lambda j, r: _tres(j) if r.start else "")),
    ("ReqTRES", 10, _of_job(_tres)),
    ("MaxRSS", 10, _always(lambda j, r: "")),
    ("AveRSS", 10, _always(lambda j, r: "")),
    ("TotalCPU", 10, _always(lambda j, r: "00:00:00")),
    ("CPUTime", 10, lambda call, e: format_long(_elapsed(call, e[1]) * e[0].order.cpus)),
    ("CPUTimeRAW", 10, lambda call, e: str(int(_elapsed(call, e[1])) * e[0].order.cpus)),
    ("Priority", 10, _of_job(lambda j: str(j.priority))),
    ("Cluster", 10, lambda call, e: call.scheduler.site.cluster),
    ("Reason", 22, lambda _, e: "" if e[2] else e[1].reason if e[1].state is State.PENDING else "None"),
    ("WorkDir", 20, _of_job(lambda j: j.order.workdir)),
    ("Comment", 14, _of_job(lambda j: j.comment)),
    ("SubmitLine", 20, _of_job(lambda j: j.order.submit_line)),
)
