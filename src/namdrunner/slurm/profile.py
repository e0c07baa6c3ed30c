"""A cluster described as data: partitions, QoS, launch recipes and policies. No site's name is in code."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from namdrunner.slurm.resources import Resources


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class GpuType(_Model):
    type: str
    per_node: int = Field(ge=1)
    max_cores_per_gpu: int | None = None
    memory_bytes: int | None = None


class Partition(_Model):
    name: str
    description: str = ""
    nodes: int | None = None
    cores_per_node: int = Field(ge=1)
    memory_per_node_bytes: int | None = None
    max_walltime_s: int | None = None
    default: bool = False
    qos: tuple[str, ...] = ()
    gpus: tuple[GpuType, ...] = ()
    recipe: str = "cpu"
    """Name of the launch recipe used here unless the job says otherwise."""


class Qos(_Model):
    name: str
    max_walltime_s: int | None = None
    min_walltime_s: int | None = None
    max_jobs_per_user: int | None = None
    max_cores_per_user: int | None = None
    max_nodes_per_user: int | None = None


class LaunchRecipe(_Model):
    """How NAMD is started on one kind of node.

    ``build`` and ``launcher`` name what was built and what starts it. ``pe_flag`` with ``pe`` gives the number of
    worker threads: ``pe`` is an arithmetic expression over ``c`` (cores per task) such as ``c`` or ``c-1``; an empty
    ``pe_flag`` writes none. ``tasks_per_node`` is an expression over ``cores`` (cores per node of this job), e.g.
    ``1`` for multicore builds or ``cores`` for MPI builds.
    """

    name: str
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
    gpu_request: Literal["gres", "gpus-per-node", "none"] = "gres"
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
    staging: Literal["scratch", "none"] = "scratch"


class Preset(_Model):
    name: str
    description: str = ""
    resources: Resources = Resources()


class ClusterProfile(_Model):
    """One cluster as data. ``checked`` is the date its facts were last compared with the site (ISO 8601)."""

    version: Literal[1] = 1
    name: str = "generic"
    description: str = ""
    checked: str = ""
    sources: tuple[str, ...] = ()
    project_root: str = "$HOME"
    scratch_root: str = "$HOME/scratch"
    purge_days: int | None = None
    partitions: tuple[Partition, ...] = ()
    qos: tuple[Qos, ...] = ()
    recipes: tuple[LaunchRecipe, ...] = (LaunchRecipe(name="cpu"),)
    presets: tuple[Preset, ...] = ()
    default_account: str = ""
    signal_before_end_s: int = 120
    polling_floor_s: float = Field(default=60.0, gt=0)
    """Shortest pause between two status commands while something is active."""
    polling_ceiling_s: float = Field(default=600.0, gt=0)
    sync_now_interval_s: float = Field(default=10.0, ge=0)
    """How often a person may ask for a sync out of turn."""
