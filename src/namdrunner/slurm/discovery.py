"""What a cluster says of itself, as values: partitions, GPUs, QoS, accounts, modules, NAMD builds, file systems."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from namdrunner.slurm.profile import GpuType, Partition, Qos


@dataclass(frozen=True)
class Gres:
    """Generic resources of a node, e.g. ``gpu:a100:4``; ``mig``: a slice of a GPU, not a whole one."""

    name: str
    type: str
    count: int
    mig: bool = False


@dataclass(frozen=True)
class NodeShape:
    """Nodes of a partition that are alike; ``cores`` are what jobs may use, hyperthreads not counted.

    ``idle``: how many of them nobody uses now; ``down``: how many cannot run jobs.
    """

    nodes: int
    cores: int
    sockets: int = 1
    threads_per_core: int = 1
    memory_bytes: int | None = None
    gres: tuple[Gres, ...] = ()
    features: tuple[str, ...] = ()
    idle: int = 0
    down: int = 0


@dataclass(frozen=True)
class FoundPartition:
    """A partition; ``state`` as Slurm says it (``UP``, ``DOWN``, ``DRAIN``, ``INACTIVE``).

    ``qos`` and ``accounts`` are those it admits, none meaning all; ``partition_qos`` limits everybody in it.
    """

    name: str
    state: str = "UP"
    default: bool = False
    max_walltime_s: int | None = None
    default_walltime_s: int | None = None
    max_nodes_per_job: int | None = None
    qos: tuple[str, ...] = ()
    denied_qos: tuple[str, ...] = ()
    accounts: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    partition_qos: str = ""
    memory_per_core_bytes: int | None = None
    billing_weights: tuple[tuple[str, float], ...] = ()
    shapes: tuple[NodeShape, ...] = ()

    @property
    def nodes(self) -> int:
        return sum(shape.nodes for shape in self.shapes)

    @property
    def usual(self) -> NodeShape | None:
        """The shape most of its nodes have; of two as frequent the smaller one, which every request fits."""
        return max(self.shapes, key=lambda s: (s.nodes, -s.cores, -(s.memory_bytes or 0)), default=None)

    def gpus(self) -> tuple[GpuType, ...]:
        """GPU types with the largest number of each on a node, whole GPUs first."""
        most: dict[str, Gres] = {}
        for gres in (g for shape in self.shapes for g in shape.gres if g.name == "gpu"):
            if gres.type not in most or most[gres.type].count < gres.count:
                most[gres.type] = gres
        found = sorted(most.values(), key=lambda g: (g.mig, g.type))
        return tuple(GpuType(type=g.type, per_node=g.count, mig=g.mig) for g in found if g.count > 0)


@dataclass(frozen=True)
class FoundQos:
    """A QoS with its limits; ``allowed``: the person's association may use it (None: not known)."""

    limits: Qos
    allowed: bool | None = None
    priority: int | None = None
    flags: tuple[str, ...] = ()
    group_limits: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Account:
    """An account the person may charge; ``limits`` as Slurm writes them, e.g. ``("GrpTRES", "cpu=64")``."""

    name: str
    default: bool = False
    qos: tuple[str, ...] = ()
    default_qos: str = ""
    partitions: tuple[str, ...] = ()
    fair_share: float | None = None
    level_fair_share: float | None = None
    limits: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Reservation:
    """Times are the cluster's own, as it prints them."""

    name: str
    start: str
    end: str
    nodes: str = ""
    node_count: int | None = None
    maintenance: bool = False
    accounts: tuple[str, ...] = ()
    users: tuple[str, ...] = ()


@dataclass(frozen=True)
class FileSystem:
    """A folder's file system and, where the site tells, the person's quota on it (bytes and files)."""

    path: str
    filesystem: str = ""
    mounted_on: str = ""
    type: str = ""
    bytes: int | None = None
    free_bytes: int | None = None
    quota_used_bytes: int | None = None
    quota_bytes: int | None = None
    quota_files_used: int | None = None
    quota_files: int | None = None


@dataclass(frozen=True)
class Module:
    """An environment module; ``parents`` are modules to load first, one tuple for each way."""

    name: str
    parents: tuple[tuple[str, ...], ...] = ()
    default: bool = False


@dataclass(frozen=True)
class NamdBuild:
    """A NAMD that was found: ``modules`` in the order to load (none: it is on the PATH).

    ``kind`` is one of the launch recipes' builds, empty where it could not be told; ``version`` likewise.
    ``told_by``: ``run`` (its banner), ``file`` (text in the binary) or ``name`` (the module's name only).
    """

    modules: tuple[str, ...]
    binary: str
    path: str = ""
    version: str = ""
    platform: str = ""
    kind: str = ""
    told_by: str = ""
    problem: str = ""


@dataclass(frozen=True)
class ClusterFacts:
    """Everything one discovery found; ``notes`` say in words what could not be found out."""

    slurm_version: str = ""
    cluster_name: str = ""
    module_system: str = ""
    partitions: tuple[FoundPartition, ...] = ()
    qos: tuple[FoundQos, ...] = ()
    accounts: tuple[Account, ...] = ()
    reservations: tuple[Reservation, ...] = ()
    file_systems: tuple[FileSystem, ...] = ()
    quota_text: str = ""
    modules: tuple[Module, ...] = ()
    namd: tuple[NamdBuild, ...] = ()
    mpi: tuple[str, ...] = ()
    """MPI modules."""
    mpi_plugins: tuple[str, ...] = ()
    """What ``srun --mpi=`` takes."""
    limits: dict[str, str] = field(default_factory=dict)
    """Settings of the controller that bound jobs, as Slurm names and writes them."""
    answered: frozenset[str] = frozenset()
    """Kinds of facts the cluster answered about: what is absent from the others says nothing."""
    notes: tuple[str, ...] = ()

    def with_note(self, *notes: str) -> ClusterFacts:
        return replace(self, notes=(*self.notes, *(n for n in notes if n)))


def usual_partition(found: FoundPartition) -> Partition | None:
    """The facts of a partition as a profile keeps them; ``None`` for one without nodes."""
    shape = found.usual
    if shape is None or shape.cores < 1:
        return None
    return Partition(
        name=found.name,
        nodes=found.nodes,
        cores_per_node=shape.cores,
        memory_per_node_bytes=shape.memory_bytes,
        max_walltime_s=found.max_walltime_s,
        default=found.default,
        qos=found.qos,
        gpus=found.gpus(),
        accounts=found.accounts,
        max_nodes_per_job=found.max_nodes_per_job,
        default_walltime_s=found.default_walltime_s,
    )
