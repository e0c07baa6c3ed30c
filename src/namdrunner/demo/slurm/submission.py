"""From sbatch's options to an order, or to Slurm's refusal of it, in Slurm's words and with its exit statuses."""

from __future__ import annotations

import re
import signal
from collections.abc import Mapping, Sequence

from namdrunner.demo.slurm.model import Dependency, Order, Partition, Qos, Site, WarningSignal
from namdrunner.demo.slurm.options import Refusal
from namdrunner.demo.slurm.units import Calendar, parse_memory_mb, parse_time_limit

_BAD_NODES = "Requested node configuration is not available"
_BAD_TIME = "Requested time limit is invalid (missing or exceeds some limit)"


def refused(reason: str, *details: str) -> Refusal:
    """The controller's refusal; ``details`` are lines sbatch prints before it."""
    lines = [f"sbatch: error: {d}" for d in details]
    return Refusal("\n".join([*lines, f"sbatch: error: Batch job submission failed: {reason}"]), 1)


def bad_option(name: str) -> Refusal:
    return Refusal(f"sbatch: error: Invalid --{name} specification", 255)


def check_script(script: bytes) -> str:
    """The script as text. Raises Refusal for an empty one, one without ``#!``, and DOS line ends."""
    if not script.strip():
        raise Refusal("sbatch: error: Batch script is empty!")
    if not script.startswith(b"#!"):
        raise Refusal(
            "sbatch: error: This does not look like a batch script.  The first\n"
            "sbatch: error: line must start with #! followed by the path to an interpreter.\n"
            "sbatch: error: For instance: #!/bin/sh"
        )
    if b"\r\n" in script:
        raise Refusal(
            "sbatch: error: Batch script contains DOS line breaks (\\r\\n)\n"
            "sbatch: error: instead of expected UNIX line breaks (\\n)."
        )
    return script.decode("utf-8", errors="surrogateescape")


def build_order(
    site: Site,
    options: Mapping[str, str],
    *,
    script: bytes,
    arguments: Sequence[str],
    command: str,
    submit_line: str,
    cwd: str,
    environment: dict[str, str],
    umask: int,
    now: float,
) -> Order:
    """An order with every default filled in; raises Refusal as sbatch or the controller would."""
    time_s = _time_limit(options)
    memory_mb, memory_per_cpu = _memory(options)
    calendar = Calendar.of(environment)
    begin = _begin(options, calendar, now)
    warning = _signal(options)
    nodes_wanted = _nodes(options)
    cpus_per_task = _count(options, "cpus-per-task", 1)
    tasks_per_node = _count(options, "ntasks-per-node", 0)
    tasks = _count(options, "ntasks", 0)
    _gres(options)
    partition = _partition(site, options)
    account = _account(site, options)
    qos = _qos(site, options, partition)
    dependencies, any_dependency = _dependencies(options)
    if "array" in options:
        raise refused("Invalid job array specification")
    for option, reason in (
        ("reservation", "Requested reservation is invalid"),
        ("constraint", "Invalid feature specification"),
    ):
        if options.get(option):
            raise refused(reason)
    if options.get("deadline") and (calendar.read(options["deadline"], now) or 0) <= now:
        raise refused(_BAD_TIME)
    _nodelist(site, options, partition)
    limit = time_s if time_s is not None else partition.default_time_s
    if limit > partition.max_time_s:
        raise refused(_BAD_TIME)
    if qos.max_time_s is not None and limit > qos.max_time_s:
        raise refused(
            "Job violates accounting/QOS policy (job submit limit, user's size and/or time limits)",
            "QOSMaxWallDurationPerJobLimit",
        )
    nodes, tasks, tasks_per_node = _geometry(site, partition, nodes_wanted, tasks, tasks_per_node, cpus_per_task)
    cpus_per_node = tasks_per_node * cpus_per_task
    per_node_mb = _memory_per_node(site, partition, memory_mb, memory_per_cpu, cpus_per_node)
    workdir = options.get("chdir") or cwd
    output = options.get("output") or "slurm-%j.out"
    return Order(
        name=options.get("job-name") or (command.rsplit("/", 1)[-1] if command else "wrap"),
        partition=partition.name,
        account=account,
        qos=qos.name,
        nodes=nodes,
        tasks=tasks,
        cpus_per_task=cpus_per_task,
        tasks_per_node=tasks_per_node,
        memory_mb=per_node_mb,
        memory_per_cpu=memory_per_cpu or memory_mb is None,
        time_limit_s=limit,
        script=script,
        arguments=tuple(arguments),
        command=command,
        submit_line=submit_line,
        workdir=workdir if workdir.startswith("/") else f"{cwd}/{workdir}",
        output=output,
        error=options.get("error") or output,
        input=options.get("input") or "/dev/null",
        append=options.get("open-mode", "") in {"a", "append"},
        comment=options.get("comment", ""),
        dependencies=dependencies,
        any_dependency=any_dependency,
        kill_on_invalid_dependency=options.get("kill-on-invalid-dep", "") == "yes",
        hold="hold" in options,
        begin=begin,
        signal=warning,
        requeue="no-requeue" not in options,
        environment=_environment(options, environment),
        umask=umask,
    )


def _count(options: Mapping[str, str], name: str, default: int) -> int:
    text = options.get(name)
    if text is None:
        return default
    if not re.fullmatch(r"\d+", text) or int(text) < 1:
        raise Refusal(f'sbatch: error: Invalid numeric value "{text}" for --{name}.', 255)
    return int(text)


def _time_limit(options: Mapping[str, str]) -> int | None:
    if "time" not in options:
        return None
    seconds = parse_time_limit(options["time"])
    if seconds is None:
        raise bad_option("time")
    # 0 means "no limit", which no partition here allows.
    return seconds or 10**9


def _memory(options: Mapping[str, str]) -> tuple[int | None, bool]:
    for name in ("mem", "mem-per-cpu"):
        if name in options:
            megabytes = parse_memory_mb(options[name])
            if megabytes is None:
                raise bad_option(name)
            return megabytes, name == "mem-per-cpu"
    return None, False


def _begin(options: Mapping[str, str], calendar: Calendar, now: float) -> float | None:
    if "begin" not in options:
        return None
    moment = calendar.read(options["begin"], now)
    if moment is None:
        text = options["begin"]
        raise Refusal(f"Invalid time specification (pos=0): {text}\nsbatch: error: Invalid --begin specification", 255)
    return moment if moment > now else None


def _signal(options: Mapping[str, str]) -> WarningSignal | None:
    if "signal" not in options:
        return None
    match = re.fullmatch(r"(?:([RB]+):)?([A-Za-z0-9]+)(?:@(\d+))?", options["signal"])
    number = signal_number(match.group(2)) if match else None
    if match is None or number is None:
        raise bad_option("signal")
    return WarningSignal(number, "B" in (match.group(1) or ""), int(match.group(3) or 60))


def signal_number(text: str) -> int | None:
    """``USR1``, ``SIGUSR1`` or ``10``."""
    if text.isdigit():
        return int(text) if 0 < int(text) < 65 else None
    name = text.upper().removeprefix("SIG")
    try:
        return int(signal.Signals[f"SIG{name}"])
    except KeyError:
        return None


def _nodes(options: Mapping[str, str]) -> int:
    text = options.get("nodes")
    if text is None:
        return 0
    match = re.fullmatch(r"(\d+)(?:-(\d+))?", text)
    if not match or int(match.group(1)) < 1:
        raise Refusal(f"sbatch: error: Invalid node count `{text}'", 255)
    least, most = int(match.group(1)), int(match.group(2) or match.group(1))
    if most < least:
        raise Refusal(f"sbatch: error: Maximum node count {most} is less than minimum node count {least}", 255)
    return least


def _gres(options: Mapping[str, str]) -> None:
    """There are no GPUs here; every request for one is refused as on a partition without any."""
    for word in options.get("gres", "").split(","):
        if word and not re.fullmatch(r"gpu(:[A-Za-z][\w.-]*)?(:\d+)?", word):
            raise Refusal("sbatch: error: Invalid generic resource (gres) specification")
    if any(options.get(n) for n in ("gres", "gpus", "gpus-per-node", "gpus-per-task", "gpus-per-socket")):
        raise refused(_BAD_NODES)


def _partition(site: Site, options: Mapping[str, str]) -> Partition:
    name = options.get("partition", "").split(",")[0]
    if not name:
        return site.default_partition
    partition = site.partition(name)
    if partition is None:
        raise refused("Invalid partition name specified", f"invalid partition specified: {name}")
    if partition.state in {"inactive", "drain"}:
        raise refused("Required partition not available (inactive or drain)")
    return partition


def _account(site: Site, options: Mapping[str, str]) -> str:
    account = options.get("account") or site.accounts[0]
    if account not in site.accounts:
        raise refused("Invalid account or account/partition combination specified")
    return account


def _qos(site: Site, options: Mapping[str, str], partition: Partition) -> Qos:
    qos = site.find_qos(options.get("qos") or "normal")
    if qos is None or (partition.qos and qos.name not in partition.qos):
        raise refused("Invalid qos specification")
    return qos


def _dependencies(options: Mapping[str, str]) -> tuple[tuple[Dependency, ...], bool]:
    text = options.get("dependency", "")
    if not text:
        return (), False
    either = "?" in text
    found: list[Dependency] = []
    for part in re.split(r"[,?]", text):
        if part == "singleton":
            found.append(Dependency("singleton", 0))
            continue
        kind, *ids = part.split(":")
        known = kind in {"after", "afterok", "afterany", "afternotok"}
        if not known or not ids or not all(i.isdigit() for i in ids):
            raise refused("Job dependency problem")
        found += [Dependency(kind, int(i)) for i in ids]
    return tuple(found), either


def _nodelist(site: Site, options: Mapping[str, str], partition: Partition) -> None:
    for name in filter(None, options.get("nodelist", "").split(",")):
        if name not in {n.name for n in site.nodes}:
            raise refused("Invalid node name specified")
        if name not in partition.nodes:
            raise refused("Requested nodes not in this partition")


def _geometry(
    site: Site, partition: Partition, nodes: int, tasks: int, tasks_per_node: int, cpus_per_task: int
) -> tuple[int, int, int]:
    """Nodes, tasks and tasks per node; refused where the partition has not got them."""
    available = site.nodes_of(partition)
    cores = max(n.cores for n in available)
    if nodes > len(available):
        raise refused("Node count specification invalid")
    if cpus_per_task > cores or tasks_per_node * cpus_per_task > cores:
        raise refused(_BAD_NODES, "CPU count per node can not be satisfied")
    if not tasks:
        tasks = max(nodes, 1) * (tasks_per_node or 1)
    if tasks * cpus_per_task > sum(n.cores for n in available):
        raise refused("More processors requested than permitted")
    if not nodes:
        most = tasks_per_node or max(1, cores // cpus_per_task)
        nodes = -(-tasks // most)
    tasks_per_node = tasks_per_node or -(-tasks // nodes)
    if tasks_per_node * cpus_per_task > cores or nodes > len(available):
        raise refused(_BAD_NODES)
    return nodes, tasks, tasks_per_node


def _memory_per_node(site: Site, partition: Partition, memory_mb: int | None, per_cpu: bool, cpus_per_node: int) -> int:
    largest = max(n.memory_mb for n in site.nodes_of(partition))
    if memory_mb is None:
        return min(partition.memory_per_core_mb * cpus_per_node, largest)
    wanted = memory_mb * cpus_per_node if per_cpu else memory_mb
    if wanted == 0:  # --mem=0: all of the node
        return largest
    if wanted > largest:
        raise refused(_BAD_NODES, "Memory specification can not be satisfied")
    return wanted


def _environment(options: Mapping[str, str], environment: Mapping[str, str]) -> dict[str, str]:
    """What ``--export`` lets through: ALL (the default), NONE or NIL, names and assignments."""
    wanted = options.get("export", "ALL")
    if wanted == "ALL":
        return dict(environment)
    chosen: dict[str, str] = {}
    for word in wanted.split(","):
        name, equals, value = word.partition("=")
        if word == "ALL":
            chosen = {**environment, **chosen}
        elif equals:
            chosen[name] = value
        elif name not in {"NONE", "NIL", ""} and name in environment:
            chosen[name] = environment[name]
    return chosen
