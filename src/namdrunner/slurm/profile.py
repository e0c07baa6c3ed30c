"""A cluster described as data: partitions, QoS, launch recipes and policies. No site's name is in code."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from namdrunner.slurm.resources import Resources


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


Word = Annotated[str, Field(max_length=500)]
Name = Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f]+$")]
Count = Annotated[int, Field(ge=0, le=2**53)]
"""Not negative, and small enough for every reader of JSON."""


class GpuType(_Model):
    """GPUs of one kind, spelled as the site spells them; ``per_node`` is None where the site does not say."""

    type: Word
    per_node: int | None = Field(default=None, ge=1)
    max_cores_per_gpu: int | None = Field(default=None, ge=1)
    memory_bytes: Count | None = None
    mig: bool = False
    """A slice of a GPU (MIG), not a whole one: a process can use one slice only."""


class BillingRates(_Model):
    """What a partition charges in service units per hour, as Slurm's TRESBillingWeights say it.

    ``gpu_types`` overrides ``gpu`` for the types it names. ``largest_only``: only the dearest of cores, GPUs and memory
    counts (PriorityFlags MAX_TRES), else their sum.
    """

    core: float = Field(default=0.0, ge=0)
    gpu: float = Field(default=0.0, ge=0)
    gpu_types: dict[str, float] = Field(default_factory=dict)
    memory_gb: float = Field(default=0.0, ge=0)
    largest_only: bool = False


class Partition(_Model):
    name: Name
    description: str = ""
    source: str = ""
    """Where these facts come from, when not from the profile's own sources."""
    checked: str = ""
    nodes: int | None = None
    cores_per_node: int = Field(ge=1)
    memory_per_node_bytes: int | None = None
    max_walltime_s: int | None = None
    default: bool = False
    qos: tuple[str, ...] = ()
    gpus: tuple[GpuType, ...] = ()
    recipe: str = "cpu"
    """Name of the launch recipe used here unless the job says otherwise."""
    accounts: tuple[str, ...] = ()
    """Accounts that may use it; none means all."""
    max_nodes_per_job: int | None = Field(default=None, ge=1)
    default_walltime_s: Count | None = None
    billing: BillingRates | None = None
    """None where the site's rates are not known."""


class Qos(_Model):
    name: Name
    max_walltime_s: Count | None = None
    min_walltime_s: Count | None = None
    max_jobs_per_user: Count | None = None
    max_submitted_per_user: Count | None = None
    max_cores_per_user: Count | None = None
    max_nodes_per_user: Count | None = None
    max_gpus_per_user: Count | None = None
    max_cores_per_job: Count | None = None
    max_nodes_per_job: Count | None = None
    max_gpus_per_job: Count | None = None
    billing_factor: float | None = Field(default=None, ge=0, allow_inf_nan=False)
    """What a job with this QoS costs, relative to the partition's rates."""


class LaunchRecipe(_Model):
    """How NAMD is started on one kind of node.

    ``build`` and ``launcher`` name what was built and what starts it. ``pe_flag`` with ``pe`` gives the number of
    worker threads: ``pe`` is an arithmetic expression over ``c`` (cores per task) such as ``c`` or ``c-1``; an empty
    ``pe_flag`` writes none. ``tasks_per_node`` is an expression over ``cores`` (cores per node of this job), e.g.
    ``1`` for multicore builds or ``cores`` for MPI builds.
    """

    name: Name
    description: str = ""
    build: Literal[
        "multicore", "multicore-cuda", "mpi", "mpi-smp", "mpi-smp-cuda", "ucx", "ucx-smp", "netlrts", "verbs", "hip"
    ] = "multicore"
    namd_version: str = "3.0"
    binary: str = "namd3"
    launcher: Literal["none", "srun", "mpirun", "mpiexec", "ibrun", "charmrun", "wrapper"] = "none"
    launcher_options: tuple[str, ...] = ()
    wrapper: str = ""
    pe_flag: Literal["", "+p", "+ppn", "++ppn"] = "+p"
    pe: str = "c"
    tasks_per_node: str = "1"
    devices: Literal["", "list", "cuda-visible-devices"] = ""
    pemap: str = ""
    """Literal ``+pemap``, e.g. ``2-26:2,30-54:2``: the site's own pinning of worker threads."""
    commap: str = ""
    pmepes: int | None = Field(default=None, ge=0)
    """``+pmepes``: worker threads for PME on the GPU that does it."""
    resident: bool = False
    """Meant for GPU-resident runs; the mode itself is chosen in the NAMD config."""
    gpu_request: Literal["gres", "gpus-per-node", "gpus-per-task", "gpus", "none"] = "gres"
    """How the site wants GPUs asked for; ``none`` where the partition alone says it."""
    options: tuple[str, ...] = ()
    """Literal extra arguments, e.g. ``+setcpuaffinity``."""
    setup: tuple[str, ...] = ()
    """Shell lines run before the modules, e.g. ``source /etc/profile``."""
    module_purge: bool = False
    module_use: tuple[str, ...] = ()
    modules: tuple[str, ...] = ()
    environment: dict[str, str] = Field(default_factory=dict)
    unset_environment: tuple[str, ...] = ()
    directives: tuple[str, ...] = ()
    """Extra sbatch options, e.g. ``--constraint=ib``."""
    exclusive: bool = False
    memory: Literal["", "all"] = ""
    """``all`` asks for the whole memory of the nodes (``--mem=0``) unless the job says how much."""
    redirect: Literal["split", "together"] = "split"
    """Whether what NAMD writes as errors goes to a file of its own or into its log (``&>``)."""
    staging: Literal["scratch", "none"] = "scratch"


class Forbidden(_Model):
    """A combination that the site refuses: all conditions that are given hold at once."""

    message: Word
    remedy: Word = ""
    field: Word = "partition"
    """The field of the request that the remark is shown at."""
    partitions: tuple[str, ...] = ()
    qos: tuple[str, ...] = ()
    gpus: bool | None = None
    gpu_types: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    """Fields of the request of which none is given."""
    over_nodes: int | None = None
    under_memory_bytes: int | None = None


Mandatory = Literal["partition", "qos", "account", "walltime", "memory", "gpu-type"]


class Policies(_Model):
    """What the site wants of every job, and how it wants to be treated."""

    mandatory: tuple[Mandatory, ...] = ()
    forbidden: tuple[Forbidden, ...] = ()
    quota_command: Word = ""
    """A command line of the site that prints quotas, run by discovery as it stands, e.g. ``curc-quota``."""
    login_node_runs: bool = True
    """Whether a program may be started for a second on the login node; else discovery asks for a compute node."""


class Preset(_Model):
    name: Name
    description: str = ""
    resources: Resources = Resources()


class ClusterProfile(_Model):
    """One cluster as data. ``checked`` is the date its facts were last compared with the site (ISO 8601)."""

    version: Literal[1] = 1
    name: str = "generic"
    description: str = ""
    checked: str = ""
    sources: tuple[str, ...] = ()
    host: str = ""
    """Login node, where one is given away with the profile."""
    port: int | None = Field(default=None, ge=1, le=65535)
    project_root: str = "$HOME"
    scratch_root: str = "$HOME/scratch"
    purge_days: int | None = Field(default=None, ge=1)
    policies: Policies = Policies()
    partitions: tuple[Partition, ...] = ()
    qos: tuple[Qos, ...] = ()
    recipes: tuple[LaunchRecipe, ...] = (LaunchRecipe(name="cpu"),)
    presets: tuple[Preset, ...] = ()
    default_account: str = ""
    billing: BillingRates | None = None
    """For partitions without rates of their own."""
    signal_before_end_s: int = 120
    polling_floor_s: float = Field(default=60.0, gt=0)
    """Shortest pause between two status commands while something is active."""
    polling_ceiling_s: float = Field(default=600.0, gt=0)
    sync_now_interval_s: float = Field(default=10.0, ge=0)
    """How often a person may ask for a sync out of turn."""
