"""The stand-in for sinfo."""

from __future__ import annotations

from dataclasses import dataclass

from namdrunner.demo.slurm.call import VERSION, Call, Reply
from namdrunner.demo.slurm.layout import Column, parse_percent, render
from namdrunner.demo.slurm.model import Node, Partition, compress
from namdrunner.demo.slurm.options import OptionTable, names, parse
from namdrunner.demo.slurm.scontrol import node_state
from namdrunner.demo.slurm.units import format_short

_TABLE = OptionTable(
    command="sinfo",
    values=names("format partition nodes states sort iterate clusters cluster"),
    flags=names("noheader Node summarize long all exact responding dead list-reasons version help usage"),
    short={
        "h": "noheader", "o": "format", "p": "partition", "n": "nodes", "t": "states", "S": "sort", "N": "Node",
        "s": "summarize", "l": "long", "a": "all", "e": "exact", "r": "responding", "d": "dead", "R": "list-reasons",
        "V": "version", "M": "clusters", "i": "iterate",
    },
)  # fmt: skip
_DEFAULT = "%9P %.5a %.10l %.6D %.6t %N"
_SUMMARY = "%9P %.5a %.10l %.16F %N"
_NODE = "%N %.6D %.9P %.5t"
_COMPACT = {"idle": "idle", "mixed": "mix", "allocated": "alloc"}


@dataclass(frozen=True)
class Line:
    """Nodes of one partition that are shown together."""

    partition: Partition
    nodes: tuple[Node, ...]
    used: int
    state: str


async def run(call: Call) -> Reply:
    parsed = parse(_TABLE, call.arguments)
    if "version" in parsed:
        return Reply(f"slurm {VERSION}\n")
    if "list-reasons" in parsed:
        return Reply("REASON               USER      TIMESTAMP           NODELIST\n")
    standard = _SUMMARY if "summarize" in parsed else _NODE if "Node" in parsed else _DEFAULT
    layout = parsed.get("format") or call.environment.get("SINFO_FORMAT") or standard
    by_state = any(code in layout for code in ("%T", "%t", "%.6t", "%.5t", "%.6T"))
    wanted = [p for p in parsed.get("partition").split(",") if p]
    lines: list[Line] = []
    for partition in call.scheduler.site.partitions:
        if not wanted or partition.name in wanted:
            lines += _lines(call, partition, by_node="Node" in parsed, by_state=by_state)
    pieces = parse_percent(layout, _columns(call))
    return Reply(render(pieces, lines, header="noheader" not in parsed))


def _lines(call: Call, partition: Partition, *, by_node: bool, by_state: bool) -> list[Line]:
    groups: dict[object, list[Node]] = {}
    states: dict[str, str] = {}
    for node in call.scheduler.site.nodes_of(partition):
        states[node.name] = node_state(call.scheduler.used(node.name)[0], node)
        key: object = node.name if by_node else (states[node.name] if by_state else "", node.cores, node.memory_mb)
        groups.setdefault(key, []).append(node)
    return [
        Line(
            partition,
            tuple(nodes),
            sum(call.scheduler.used(n.name)[0] for n in nodes),
            states[nodes[0].name],
        )
        for nodes in groups.values()
    ]


def _columns(call: Call) -> dict[str, Column[Line]]:
    def cpus(line: Line) -> str:
        total = sum(n.cores for n in line.nodes)
        return f"{line.used}/{total - line.used}/0/{total}"

    def nodes(line: Line) -> str:
        busy = sum(1 for n in line.nodes if call.scheduler.used(n.name)[0])
        return f"{busy}/{len(line.nodes) - busy}/0/{len(line.nodes)}"

    return {
        "P": Column("PARTITION", lambda r: r.partition.name + ("*" if r.partition.default else "")),
        "R": Column("PARTITION", lambda r: r.partition.name),
        "a": Column("AVAIL", lambda r: r.partition.state),
        "l": Column("TIMELIMIT", lambda r: format_short(r.partition.max_time_s)),
        "L": Column("DEFAULTTIME", lambda r: format_short(r.partition.default_time_s)),
        "D": Column("NODES", lambda r: str(len(r.nodes))),
        "T": Column("STATE", lambda r: r.state),
        "t": Column("STATE", lambda r: _COMPACT[r.state]),
        "C": Column("CPUS(A/I/O/T)", cpus),
        "F": Column("NODES(A/I/O/T)", nodes),
        "A": Column("NODES(A/I)", lambda r: "/".join(nodes(r).split("/")[:2])),
        "c": Column("CPUS", lambda r: str(r.nodes[0].cores)),
        "X": Column("SOCKETS", lambda r: "1"),
        "Y": Column("CORES", lambda r: str(r.nodes[0].cores)),
        "Z": Column("THREADS", lambda r: "1"),
        "z": Column("S:C:T", lambda r: f"1:{r.nodes[0].cores}:1"),
        "m": Column("MEMORY", lambda r: str(r.nodes[0].memory_mb)),
        "G": Column("GRES", lambda r: "(null)"),
        "f": Column("AVAIL_FEATURES", lambda r: "(null)"),
        "b": Column("ACTIVE_FEATURES", lambda r: "(null)"),
        "N": Column("NODELIST", lambda r: compress(tuple(n.name for n in r.nodes))),
        "n": Column("HOSTNAMES", lambda r: r.nodes[0].name),
        "s": Column("JOB_SIZE", lambda r: "1-infinite"),
        "O": Column("CPU_LOAD", lambda r: "0.00"),
        "e": Column("FREE_MEM", lambda r: str(r.nodes[0].memory_mb)),
        "E": Column("REASON", lambda r: "none"),
        "g": Column("GROUPS", lambda r: "all"),
        "h": Column("OVERSUBSCRIBE", lambda r: "NO"),
        "p": Column("PRIO_TIER", lambda r: "1"),
        "d": Column("TMP_DISK", lambda r: "0"),
        "w": Column("WEIGHT", lambda r: "1"),
        "v": Column("VERSION", lambda r: VERSION),
    }
