"""Readers of what scontrol, sinfo, sacctmgr and sshare print about the cluster itself. Text in, values out."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import replace

from namdrunner.slurm.discovery import Account, FoundPartition, FoundQos, Gres, NodeShape, Reservation
from namdrunner.slurm.profile import Qos
from namdrunner.slurm.resources import parse_memory
from namdrunner.slurm.times import parse_duration

LIMITS = (
    "EnforcePartLimits", "MaxArraySize", "MaxJobCount", "MinJobAge", "DefMemPerCPU", "DefMemPerNode", "MaxMemPerCPU",
    "MaxMemPerNode", "JobRequeue", "KillWait", "PreemptMode", "PriorityFlags", "AccountingStorageEnforce", "MpiDefault",
    "SelectTypeParameters", "ReturnToService",
)  # fmt: skip
"""Settings of ``scontrol show config`` that decide what a job may ask for."""

_NAME = re.compile(r"^[A-Za-z0-9][A-Za-z0-9._+@:/-]{0,127}$")
_KEY = re.compile(r"(?:^|\s)([A-Za-z][A-Za-z0-9/:_]*)=")
_MIG = re.compile(r"(?:^|[._:-])\d+g[._]?\d+g[b]?(?:$|[._+-])|(?:^|[._-])mig(?:$|[._-])", re.IGNORECASE)
_GRES = re.compile(r"([A-Za-z_][A-Za-z0-9_]*)(?::([^:,()]*[^:,()0-9][^:,()]*))?(?::(\d+)([KMG]?))?(?:\([^)]*\))?$")
_NOTHING = {"", "(null)", "N/A", "NONE", "None", "none"}
_ALL = _NOTHING | {"ALL", "UNLIMITED"}
_DOWN = (
    "DOWN",
    "DRAIN",
    "FAIL",
    "NOT_RESPONDING",
    "MAINT",
    "RESERVED",
    "PLANNED",
    "POWER",
    "FUTURE",
    "UNKNOWN",
    "REBOOT",
)
MAX_ROWS = 20_000


def key_values(line: str) -> dict[str, str]:
    """The ``Key=Value`` pairs of a line of ``scontrol -o``; values may hold spaces, the first of two keys holds."""
    found: dict[str, str] = {}
    keys = list(_KEY.finditer(line))
    for at, key in enumerate(keys):
        value = line[key.end() : keys[at + 1].start() if at + 1 < len(keys) else len(line)]
        found.setdefault(key.group(1), value.strip())
    return found


def table_rows(text: str, separator: str = "|") -> list[dict[str, str]]:
    """Rows of a ``--parsable2`` table by its header; lines that do not fit the header are passed over."""
    lines = [line for line in text.splitlines()[:MAX_ROWS] if separator in line]
    if not lines:
        return []
    header = [name.strip() for name in lines[0].split(separator)]
    rows = (line.split(separator) for line in lines[1:])
    return [dict(zip(header, (c.strip() for c in row), strict=True)) for row in rows if len(row) == len(header)]


def parse_gres(text: str) -> tuple[Gres, ...]:
    """``gpu:a100:4(S:0-1),gpu:a100_3g.20gb:2`` as values; what cannot be read is left out."""
    found = []
    for part in re.split(r",(?![^(]*\))", text.strip()):
        match = _GRES.match(part.strip())
        if match is None or part.strip() in _NOTHING:
            continue
        name, kind, count, unit = match.groups()
        factor = {"": 1, "K": 1024, "M": 1024**2, "G": 1024**3}[unit or ""]
        number = min(int(count[:12]) * factor if count else 1, 2**53)
        found.append(Gres(name, kind or "", number, mig=name == "gpu" and is_mig(kind or "")))
    return tuple(found)


def is_mig(kind: str) -> bool:
    """Whether a GPU type names a slice: ``a100_3g.20gb``, ``1g.5gb``, ``nvidia_h200_1g.18gb``."""
    return bool(_MIG.search(kind))


def parse_partitions(text: str) -> dict[str, FoundPartition]:
    """``scontrol -o show partition``, without the nodes."""
    found: dict[str, FoundPartition] = {}
    for line in text.splitlines()[:MAX_ROWS]:
        words = key_values(line)
        name = words.get("PartitionName", "")
        if not _NAME.match(name) or "State" not in words:
            continue
        per_core = words.get("DefMemPerCPU", "")
        found[name] = FoundPartition(
            name=name,
            state=words["State"],
            default=words.get("Default") == "YES",
            max_walltime_s=_duration(words.get("MaxTime", "")),
            default_walltime_s=_duration(words.get("DefaultTime", "")),
            max_nodes_per_job=_positive(words.get("MaxNodes", "")),
            qos=_names(words.get("AllowQos", "")),
            denied_qos=_names(words.get("DenyQos", "")),
            accounts=_names(words.get("AllowAccounts", "")),
            groups=_names(words.get("AllowGroups", "")),
            partition_qos="" if words.get("QoS", "") in _NOTHING else words["QoS"],
            memory_per_core_bytes=_memory(per_core),
            billing_weights=_weights(words.get("TRESBillingWeights", "")),
        )
    return found


NODE_COLUMNS = ("Partitions", "CPUEfctv", "CPUTot", "Sockets", "CoresPerSocket", "ThreadsPerCore", "RealMemory",
                "MemSpecLimit", "Gres", "State", "ActiveFeatures")  # fmt: skip
"""What the cluster counts alike nodes by, in this order, separated by ``|`` behind the count."""


def parse_node_counts(text: str) -> dict[str, tuple[NodeShape, ...]]:
    """Shapes by partition, from lines ``COUNT|Partitions|CPUEfctv|...`` (see ``NODE_COLUMNS``)."""
    counts: dict[str, Counter[NodeShape]] = {}
    idle: Counter[tuple[str, NodeShape]] = Counter()
    down: Counter[tuple[str, NodeShape]] = Counter()
    features: dict[tuple[str, NodeShape], dict[str, None]] = {}
    for line in text.splitlines()[:MAX_ROWS]:
        cells = [cell.strip() for cell in line.split("|")]
        if len(cells) != len(NODE_COLUMNS) + 1 or not cells[0].isdigit():
            continue
        words = dict(zip(NODE_COLUMNS, cells[1:], strict=True))
        shape = _shape(words)
        if shape is None:
            continue
        number = int(cells[0][:9])
        for partition in (p for p in words["Partitions"].split(",") if _NAME.match(p)):
            counts.setdefault(partition, Counter())[shape] += number
            features.setdefault((partition, shape), {}).update(dict.fromkeys(_names(words["ActiveFeatures"])))
            idle[partition, shape] += number if _is_idle(words["State"]) else 0
            down[partition, shape] += number if _is_down(words["State"]) else 0
    return {
        partition: tuple(
            replace(shape, features=tuple(features.get((partition, _alike(shape)), ()))[:50])
            for shape in _shapes(partition, shapes, idle, down)
        )
        for partition, shapes in counts.items()
    }


def parse_sinfo(text: str) -> tuple[dict[str, FoundPartition], dict[str, tuple[NodeShape, ...]]]:
    """``sinfo -h -o '%R|%a|%l|%L|%D|%c|%z|%m|%G|%T'``: the second source, where scontrol does not answer."""
    found: dict[str, FoundPartition] = {}
    counts: dict[str, Counter[NodeShape]] = {}
    idle: Counter[tuple[str, NodeShape]] = Counter()
    down: Counter[tuple[str, NodeShape]] = Counter()
    for line in text.splitlines()[:MAX_ROWS]:
        cells = [cell.strip() for cell in line.split("|")]
        if len(cells) != 10 or not _NAME.match(cells[0].rstrip("*")) or not cells[4].isdigit():
            continue
        name = cells[0].rstrip("*")
        found[name] = FoundPartition(
            name=name,
            state=cells[1].upper(),
            default=cells[0].endswith("*"),
            max_walltime_s=_duration(cells[2]),
            default_walltime_s=_duration(cells[3]),
        )
        sockets, _, rest = cells[6].partition(":")
        cores, _, threads = rest.partition(":")
        shape = _shape(
            {"CPUTot": cells[5].rstrip("+"), "Sockets": sockets, "CoresPerSocket": cores, "ThreadsPerCore": threads,
             "RealMemory": cells[7].rstrip("+"), "Gres": cells[8]}
        )  # fmt: skip
        if shape is None:
            continue
        number = int(cells[4][:9])
        counts.setdefault(name, Counter())[shape] += number
        idle[name, shape] += number if _is_idle(cells[9].upper()) else 0
        down[name, shape] += number if _is_down(cells[9].upper()) else 0
    return found, {name: _shapes(name, shapes, idle, down) for name, shapes in counts.items()}


def _alike(shape: NodeShape) -> NodeShape:
    return replace(shape, nodes=0, idle=0, down=0, features=())


def _shapes(
    partition: str,
    shapes: Counter[NodeShape],
    idle: Counter[tuple[str, NodeShape]],
    down: Counter[tuple[str, NodeShape]],
) -> tuple[NodeShape, ...]:
    ordered = sorted(shapes.items(), key=lambda item: (-item[1], item[0].cores, item[0].memory_bytes or 0))
    return tuple(replace(s, nodes=n, idle=idle[partition, s], down=down[partition, s]) for s, n in ordered)


def _shape(words: dict[str, str]) -> NodeShape | None:
    cpus = _positive(words.get("CPUEfctv", "")) or _positive(words.get("CPUTot", ""))
    if cpus is None:
        return None
    threads = _positive(words.get("ThreadsPerCore", "")) or 1
    sockets = _positive(words.get("Sockets", "")) or 1
    per_socket = _positive(words.get("CoresPerSocket", ""))
    # Where a site lets Slurm count cores and not threads, CPUs are cores already.
    counts_threads = threads > 1 and (per_socket is None or cpus > sockets * per_socket)
    memory = _positive(words.get("RealMemory", ""))
    spared = _positive(words.get("MemSpecLimit", "")) or 0
    return NodeShape(
        nodes=0,
        cores=max(cpus // threads if counts_threads else cpus, 1),
        sockets=sockets,
        threads_per_core=threads,
        memory_bytes=(memory - spared) * 1024**2 if memory and memory > spared else None,
        gres=parse_gres(words.get("Gres", "")),
    )


def _is_idle(state: str) -> bool:
    return state.rstrip("*~#!%$@^-+").split("+")[0] == "IDLE" and not _is_down(state)


def _is_down(state: str) -> bool:
    return state.endswith("*") or any(word.startswith(_DOWN) for word in state.split("+"))


def parse_qos(text: str, allowed: frozenset[str] | None = None) -> tuple[FoundQos, ...]:
    """``sacctmgr -P show qos``; ``allowed``: names the person's associations have, None where those are not known."""
    found = []
    for row in table_rows(text):
        name = row.get("Name", "")
        if not _NAME.match(name):
            continue
        user, job = _tres(row.get("MaxTRESPU", "")), _tres(row.get("MaxTRES", ""))
        factor = row.get("UsageFactor", "")
        limits = Qos(
            name=name,
            max_walltime_s=_duration(row.get("MaxWall", "")),
            max_jobs_per_user=_number(row.get("MaxJobsPU", "")),
            max_submitted_per_user=_number(row.get("MaxSubmitPU", "")),
            max_cores_per_user=user.get("cpu"),
            max_nodes_per_user=user.get("node"),
            max_gpus_per_user=user.get("gres/gpu"),
            max_cores_per_job=job.get("cpu"),
            max_nodes_per_job=job.get("node"),
            max_gpus_per_job=job.get("gres/gpu"),
            billing_factor=None if _factor(factor) == 1.0 else _factor(factor),
        )
        group = tuple((key, row[key]) for key in _GROUP if row.get(key))
        found.append(
            FoundQos(
                limits,
                allowed=None if allowed is None else name in allowed,
                priority=_number(row.get("Priority", "")),
                flags=_names(row.get("Flags", "")),
                group_limits=group,
            )
        )
    return tuple(found)


_GROUP = ("GrpTRES", "GrpTRESMins", "GrpTRESRunMins", "GrpJobs", "GrpSubmit", "GrpWall", "MaxTRESPA", "MaxJobsPA",
          "MaxSubmitPA", "MinTRES", "MaxTRESPerNode")  # fmt: skip
_ASSOCIATION = ("GrpTRES", "GrpTRESMins", "GrpTRESRunMins", "GrpJobs", "GrpSubmit", "GrpWall", "MaxJobs", "MaxSubmit",
                "MaxTRES", "MaxTRESPerNode", "MaxTRESMins", "MaxWall")  # fmt: skip


def parse_accounts(associations: str, shares: str = "", *, cluster: str = "", default: str = "") -> tuple[Account, ...]:
    """``sacctmgr -P show assoc user=ME`` and ``sshare -P -U -l``; either alone will do.

    Associations with other clusters of the same accounting are left out when ``cluster`` is known. ``default``: the
    person's default account.
    """
    rows = [row for row in table_rows(associations) if _NAME.match(row.get("Account", ""))]
    if cluster and any(row.get("Cluster") == cluster for row in rows):
        rows = [row for row in rows if row.get("Cluster") == cluster]
    fair = {row["Account"]: row for row in table_rows(shares) if _NAME.match(row.get("Account", ""))}
    found: dict[str, Account] = {}
    for row in rows:
        name = row["Account"]
        share = fair.get(name, {})
        before = found.get(name)
        partition = row.get("Partition", "")
        found[name] = Account(
            name=name,
            default=name == default,
            qos=tuple(dict.fromkeys((*(before.qos if before else ()), *_names(row.get("QOS", ""))))),
            default_qos=row.get("Def QOS", "") or (before.default_qos if before else ""),
            partitions=(*(before.partitions if before else ()), *((partition,) if _NAME.match(partition) else ())),
            fair_share=_factor(share.get("FairShare", "")),
            level_fair_share=_factor(share.get("LevelFS", "")),
            limits=tuple((key, row[key]) for key in _ASSOCIATION if row.get(key)),
        )
    for name, share in fair.items():
        if name not in found and not rows:
            found[name] = Account(
                name,
                default=name == default,
                fair_share=_factor(share.get("FairShare", "")),
                level_fair_share=_factor(share.get("LevelFS", "")),
            )
    if len(found) == 1 and not default:
        (name,) = found
        only = found[name]
        found[name] = replace(only, default=True)
    return tuple(found.values())


def parse_default_account(text: str) -> str:
    """``sacctmgr -n -P show user ME format=defaultaccount``."""
    first = text.strip().split("\n")[0].split("|")[0].strip() if text.strip() else ""
    return first if _NAME.match(first) else ""


def parse_reservations(text: str) -> tuple[Reservation, ...]:
    """``scontrol -o show reservation``."""
    found = []
    for line in text.splitlines()[:MAX_ROWS]:
        words = key_values(line)
        name = words.get("ReservationName", "")
        if not name or "StartTime" not in words:
            continue
        flags = words.get("Flags", "").split(",")
        found.append(
            Reservation(
                name=name[:128],
                start=words["StartTime"],
                end=words.get("EndTime", ""),
                nodes=words.get("Nodes", ""),
                node_count=_positive(words.get("NodeCnt", "")),
                maintenance="MAINT" in flags,
                accounts=_names(words.get("Accounts", "")),
                users=_names(words.get("Users", "")),
            )
        )
    return tuple(found)


def parse_settings(text: str) -> tuple[dict[str, str], str]:
    """The bounding settings of ``scontrol show config``, and the cluster's name."""
    found = {}
    for line in text.splitlines()[:MAX_ROWS]:
        key, equals, value = line.partition("=")
        if equals:
            found[key.strip()] = value.strip()
    return {key: found[key][:200] for key in LIMITS if found.get(key, "") not in _NOTHING}, found.get("ClusterName", "")


def parse_version(text: str) -> str:
    """``slurm 22.05.8`` or ``slurm-wlm 22.05.8`` as ``22.05.8``; empty when it is neither."""
    match = re.search(r"^slurm\S*\s+(\d+\.\d+\S*)", text, re.MULTILINE)
    return match.group(1)[:40] if match else ""


def parse_mpi_plugins(text: str) -> tuple[str, ...]:
    """``srun --mpi=list``: one plugin a line behind a heading, on stdout or stderr."""
    names: list[str] = []
    for line in text.splitlines()[:100]:
        word = line.strip().removeprefix("srun:").strip()
        if re.fullmatch(r"(?:none|cray_shasta|openmpi|pmi2|pmix(?:_v\d+)?)", word):
            names.append(word)
        elif line.strip().startswith("specific pmix plugin versions available:"):
            names += [v.strip() for v in line.partition(":")[2].split(",") if re.fullmatch(r"pmix_v\d+", v.strip())]
    return tuple(dict.fromkeys(names))


def _tres(text: str) -> dict[str, int]:
    found = {}
    for part in text.split(","):
        key, equals, value = part.partition("=")
        number = _number(value)
        if equals and number is not None:
            found[key] = number
    return found


def _weights(text: str) -> tuple[tuple[str, float], ...]:
    """``CPU=1.0,Mem=0.25G,GRES/gpu=108.2``: per core, per GB of memory, per GPU, keys in small letters."""
    found = []
    for part in text.split(","):
        key, equals, value = part.partition("=")
        match = re.fullmatch(r"(\d+(?:\.\d+)?)([KMGTP]?)", value.strip(), re.IGNORECASE)
        if not equals or match is None:
            continue
        weight, unit = float(match.group(1)), match.group(2).upper()
        if key.strip().lower() == "mem":  # without a unit it is per MB
            weight *= {"": 1024.0, "K": 1024.0**2, "M": 1024.0, "G": 1.0, "T": 1 / 1024, "P": 1 / 1024**2}[unit]
        found.append((key.strip().lower(), weight))
    return tuple(found)


def _duration(text: str) -> int | None:
    """Seconds; what no clock of Slurm can hold is no limit."""
    seconds = parse_duration(text[:40])
    return seconds if seconds is not None and seconds < 2**40 else None


def _memory(text: str) -> int | None:
    number = _positive(text)
    if number is not None:
        return number * 1024**2
    return parse_memory(text) if re.fullmatch(r"\d{1,12}[KMGT]", text) else None


def _positive(text: str) -> int | None:
    match = re.match(r"^(\d{1,15})(?:\.\d+)?$", text.strip())
    return int(match.group(1)) or None if match else None


def _number(text: str) -> int | None:
    return int(text) if re.fullmatch(r"\d{1,15}", text.strip()) else None


def _factor(text: str) -> float | None:
    return float(text) if re.fullmatch(r"\d{1,15}(?:\.\d{1,15})?", text.strip()) else None


def _names(text: str) -> tuple[str, ...]:
    if text.strip() in _ALL:
        return ()
    return tuple(dict.fromkeys(_clean(text.split(","))))


def _clean(words: Iterable[str]) -> Iterator[str]:
    return (word.strip() for word in words if _NAME.match(word.strip()))
