"""What the demo scheduler knows: the site (nodes, partitions, QOS, accounts) and its jobs."""

from __future__ import annotations

import enum
from dataclasses import dataclass, field


class State(enum.Enum):
    """Job states by Slurm's long names, with the compact code of squeue's ``%t``."""

    PENDING = "PD"
    RUNNING = "R"
    COMPLETING = "CG"
    COMPLETED = "CD"
    CANCELLED = "CA"
    FAILED = "F"
    TIMEOUT = "TO"
    NODE_FAIL = "NF"
    REQUEUED = "RQ"

    @property
    def active(self) -> bool:
        return self in (State.PENDING, State.RUNNING, State.COMPLETING)


@dataclass(frozen=True)
class Node:
    name: str
    cores: int
    memory_mb: int


@dataclass(frozen=True)
class Partition:
    name: str
    nodes: tuple[str, ...]
    max_time_s: int
    default_time_s: int
    default: bool = False
    state: str = "up"
    qos: tuple[str, ...] = ()
    """QOS allowed here; empty: all."""
    memory_per_core_mb: int = 1024
    """What a job gets that asks for no memory."""


@dataclass(frozen=True)
class Qos:
    name: str
    priority: int = 0
    max_time_s: int | None = None
    max_jobs_per_user: int | None = None


@dataclass(frozen=True)
class Site:
    """The cluster as its administrators would have written it down. Times in seconds.

    ``min_job_age_s``: how long an ended job stays in the controller's memory; ``kill_wait_s``: from SIGTERM to
    SIGKILL; ``requeue_delay_s``: how long a requeued job waits (about 121 s on a real cluster).
    """

    cluster: str = "namdrunner-demo"
    user: str = "demo"
    uid: int = 1000
    accounts: tuple[str, ...] = ("demo-lab",)
    nodes: tuple[Node, ...] = (Node("d1", cores=4, memory_mb=8192),)
    partitions: tuple[Partition, ...] = (
        Partition("cpu", ("d1",), max_time_s=86400, default_time_s=3600, default=True, qos=("normal", "long")),
        Partition("debug", ("d1",), max_time_s=1800, default_time_s=600, qos=("normal",)),
    )
    qos: tuple[Qos, ...] = (
        Qos("normal", priority=100, max_time_s=86400),
        Qos("long", priority=50, max_time_s=7 * 86400, max_jobs_per_user=2),
    )
    min_job_age_s: float = 300.0
    kill_wait_s: float = 30.0
    requeue_delay_s: float = 3.0
    completing_s: float = 0.2

    def partition(self, name: str) -> Partition | None:
        return next((p for p in self.partitions if p.name == name), None)

    def find_qos(self, name: str) -> Qos | None:
        return next((q for q in self.qos if q.name == name), None)

    def nodes_of(self, partition: Partition) -> tuple[Node, ...]:
        return tuple(n for n in self.nodes if n.name in partition.nodes)

    @property
    def default_partition(self) -> Partition:
        return next(p for p in self.partitions if p.default)


@dataclass(frozen=True)
class Dependency:
    """``afterok:12``; ``state`` as squeue's ``%E`` shows it."""

    kind: str
    job_id: int
    state: str = "unfulfilled"


@dataclass(frozen=True)
class WarningSignal:
    """``--signal=[B:]SIG[@seconds]``."""

    number: int
    batch_only: bool
    seconds: int = 60


@dataclass(frozen=True)
class Order:
    """A job as submitted: what sbatch asked for, with every default filled in. Memory is per node."""

    name: str
    partition: str
    account: str
    qos: str
    nodes: int
    tasks: int
    cpus_per_task: int
    tasks_per_node: int
    memory_mb: int
    memory_per_cpu: bool
    time_limit_s: int
    script: bytes
    arguments: tuple[str, ...]
    command: str
    """Path of the script as submitted; empty for ``--wrap`` and standard input."""
    submit_line: str
    workdir: str
    output: str
    error: str
    input: str
    append: bool
    comment: str
    dependencies: tuple[Dependency, ...]
    any_dependency: bool
    kill_on_invalid_dependency: bool
    hold: bool
    begin: float | None
    signal: WarningSignal | None
    requeue: bool
    environment: dict[str, str]
    umask: int
    umask_text: str = ""

    @property
    def cpus(self) -> int:
        return self.tasks * self.cpus_per_task

    @property
    def cpus_per_node(self) -> int:
        return self.tasks_per_node * self.cpus_per_task


@dataclass(frozen=True)
class Run:
    """One line of accounting: a run of a job that is over (a requeued job has several)."""

    state: State
    submit: float
    eligible: float | None
    start: float | None
    end: float | None
    node_names: tuple[str, ...]
    exit_code: int = 0
    exit_signal: int = 0
    cancelled_by: int | None = None
    reason: str = "None"


@dataclass
class Job:
    """A job and where it stands now."""

    id: int
    order: Order
    user: str
    uid: int
    state: State
    reason: str
    submit: float
    priority: int
    name: str
    comment: str
    time_limit_s: int
    eligible: float | None = None
    start: float | None = None
    end: float | None = None
    node_names: tuple[str, ...] = ()
    exit_code: int = 0
    exit_signal: int = 0
    cancelled_by: int | None = None
    restarts: int = 0
    hold: bool = False
    begin: float | None = None
    dependencies: tuple[Dependency, ...] = ()
    warned: bool = False
    ending: State | None = None
    """What it will be once its processes are gone (``TIMEOUT``, ``CANCELLED``, ``REQUEUED``, ``NODE_FAIL``)."""
    hold_after_requeue: bool = False
    runs: list[Run] = field(default_factory=list)

    def elapsed(self, now: float) -> float:
        if not self.start:
            return 0.0
        return (self.end or now) - self.start

    def as_run(self) -> Run:
        return Run(
            state=State.RUNNING if self.state is State.COMPLETING else self.state,
            submit=self.submit,
            eligible=self.eligible,
            start=self.start,
            end=self.end,
            node_names=self.node_names,
            exit_code=self.exit_code,
            exit_signal=self.exit_signal,
            cancelled_by=self.cancelled_by,
            reason=self.reason,
        )


def compress(names: tuple[str, ...]) -> str:
    """``c[1-4]`` for c1 ... c4; names that do not end in a number are joined by commas."""
    import re

    groups: dict[str, list[int]] = {}
    plain: list[str] = []
    for name in names:
        match = re.match(r"^(.*?)(\d+)$", name)
        if match:
            groups.setdefault(match.group(1), []).append(int(match.group(2)))
        else:
            plain.append(name)
    parts = list(plain)
    for prefix, numbers in groups.items():
        numbers.sort()
        ranges: list[str] = []
        first = last = numbers[0]
        for number in [*numbers[1:], -1]:
            if number == last + 1:
                last = number
                continue
            ranges.append(f"{first}-{last}" if last > first else f"{first}")
            first = last = number
        text = ",".join(ranges)
        parts.append(f"{prefix}[{text}]" if len(numbers) > 1 else f"{prefix}{text}")
    return ",".join(parts)
