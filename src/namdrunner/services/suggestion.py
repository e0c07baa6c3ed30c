"""Resources to suggest for a system on a cluster: partition, QoS, cores, GPUs, memory, walltime, each with a reason.

Rules of thumb where nothing was measured, and said to be: NAMD keeps about 1,000 atoms per core busy with PME (NAMD's
own advice on scaling), needs about 1 GB and 4 kB an atom, and runs GPU-resident with eight cores a GPU.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from namdrunner.errors import InputError
from namdrunner.namd.forecast import SpeedForecast, forecast_speed, walltime_s
from namdrunner.services.forecast import costs, hardware_of, measurement
from namdrunner.services.plan import resource_finding
from namdrunner.slurm.geometry import choose_recipe, geometry, runs_on_one_node_only, uses_gpus
from namdrunner.slurm.profile import ClusterProfile, GpuType, LaunchRecipe, Partition, Qos
from namdrunner.slurm.resources import GpuRequest, Resources, format_walltime
from namdrunner.slurm.validation import validate_resources
from namdrunner.store.job_views import MeasuredRun

ATOMS_PER_CORE = 1000
ATOMS_FOR_A_GPU = 10_000
CORES_PER_GPU = 8
MEMORY_BASE_BYTES = 1024**3
MEMORY_PER_ATOM_BYTES = 4096
_QUARTER_S = 900


@dataclass(frozen=True)
class System:
    """What is to be run; ``gpus`` True or False where the person has decided."""

    atoms: int
    simulated_ns: float | None = None
    timestep_fs: float = 2.0
    partition: str | None = None
    gpus: bool | None = None


@dataclass
class _Reasons:
    lines: list[dict[str, str]] = field(default_factory=list)

    def add(self, name: str, value: object, reason: str) -> None:
        self.lines = [line for line in self.lines if line["field"] != name]  # what was said first no longer holds
        self.lines.append({"field": name, "value": str(value), "reason": reason})


def suggest(cluster: str, profile: ClusterProfile, system: System, runs: Sequence[MeasuredRun]) -> dict[str, Any]:
    """``{resources, recipe, reasons, findings, cost, ns_per_day}``. Raises InputError (``partition-unknown`` ...)."""
    why = _Reasons()
    partition, recipe = _place(profile, system, why)
    gpus = _gpus(partition, recipe, why)
    cores, nodes = _cores(system, partition, recipe, gpus, why)
    if partition is not None and _needs_whole_nodes(cores, nodes, partition, recipe):
        cores = max(nodes or 1, 1) * partition.cores_per_node
        whole = next((gpu for gpu in partition.gpus if not gpu.mig), None)
        gpus = GpuRequest(type=gpus.type, count=(whole and whole.per_node) or 1) if gpus else None
        why.add("cores", cores, f"The launch recipe '{recipe.name}' is made for whole nodes.")
    fitting = _fitting(cores, nodes, partition, recipe)
    if fitting != cores:
        cores = fitting
        why.add("cores", cores, f"The launch recipe '{recipe.name}' starts no task on fewer.")
    resources = Resources(
        cores=cores,
        nodes=nodes,
        partition=partition.name if partition else None,
        gpus=gpus,
        account=profile.default_account or None,
    )
    resources = resources.model_copy(update={"memory_bytes": _memory(system, partition, resources, recipe, why)})
    hardware = hardware_of(cluster, resources, recipe.name, profile)
    known = [measurement(run, profile) for run in runs]
    speed = forecast_speed(hardware, system.atoms, system.timestep_fs, known)
    walltime, qos = _time(profile, partition, system, speed, resources, why)
    resources = resources.model_copy(update={"walltime_s": walltime, "qos": qos})
    if profile.default_account:
        why.add("account", profile.default_account, "The profile's default account.")
    run_s = walltime_s(system.simulated_ns, speed.ns_per_day, margin=1.0) if speed and system.simulated_ns else None
    layout_nodes = _nodes_of(resources, partition, recipe)
    cost = costs(hardware, resources, layout_nodes, profile, run_s)
    return {
        "resources": resources.model_dump(mode="json"),
        "recipe": recipe.name,
        "reasons": why.lines,
        "findings": [resource_finding(f) for f in validate_resources(resources, profile, recipe=recipe.name)],
        "cost": cost,
        "ns_per_day": speed.ns_per_day if speed else None,
    }


def _fitting(cores: int, nodes: int | None, partition: Partition | None, recipe: LaunchRecipe) -> int:
    """The least number of cores from ``cores`` on, doubled, that the recipe can lay out on a node."""
    most = partition.cores_per_node if partition else 128
    for wanted in (cores, *(1 << n for n in range(1, 8) if cores < 1 << n <= most)):
        try:
            geometry(Resources(cores=wanted, nodes=nodes), partition, recipe.model_copy(update={"build": "mpi"}))
        except InputError:
            continue
        return wanted
    return cores


def _needs_whole_nodes(cores: int, nodes: int | None, partition: Partition, recipe: LaunchRecipe) -> bool:
    """Its pinning or its number of threads is that of a full node, or its tasks do not fit on so few cores."""
    if recipe.pemap or "+pemap" in recipe.options or recipe.exclusive:
        return True
    per_node = -(-cores // (nodes or -(-cores // partition.cores_per_node)))
    if recipe.pe.isdigit() and int(recipe.pe) > per_node:
        return True
    return recipe.tasks_per_node.isdigit() and int(recipe.tasks_per_node) > per_node


def _nodes_of(resources: Resources, partition: Partition | None, recipe: LaunchRecipe) -> int:
    try:
        return geometry(resources, partition, recipe).nodes
    except InputError:
        return resources.nodes or 1


def _place(profile: ClusterProfile, system: System, why: _Reasons) -> tuple[Partition | None, LaunchRecipe]:
    if not profile.partitions:
        wanted = [r for r in profile.recipes if system.gpus is None or uses_gpus(r) == system.gpus]
        return None, (wanted or [*profile.recipes])[0]
    if system.partition is not None:
        named = next((p for p in profile.partitions if p.name == system.partition), None)
        if named is None:
            raise InputError(
                f"The cluster has no partition '{system.partition}'.",
                code="partition-unknown",
                remedy=f"Choose one of: {', '.join(p.name for p in profile.partitions)}.",
            )
        why.add("partition", named.name, "As you asked.")
        return named, choose_recipe(profile, named)
    with_gpus = [p for p in profile.partitions if p.gpus and uses_gpus(choose_recipe(profile, p))]
    without = [p for p in profile.partitions if not uses_gpus(choose_recipe(profile, p))]
    large = system.atoms >= ATOMS_FOR_A_GPU
    if with_gpus and (system.gpus or (system.gpus is None and (large or not without))):
        chosen = min(with_gpus, key=lambda p: (not p.default, (p.max_walltime_s or 10**9) < 6 * 3600))
        reason = f"One GPU runs {system.atoms:,} atoms faster than a node of processors."
        why.add("partition", chosen.name, reason if system.gpus is None else "The first partition with GPUs.")
        return chosen, choose_recipe(profile, chosen)
    usable = without or list(profile.partitions)
    chosen = min(usable, key=lambda p: (not p.default, (p.max_walltime_s or 10**9) < 6 * 3600))
    small = f"{system.atoms:,} atoms keep no GPU busy; " if with_gpus and not large and system.gpus is None else ""
    why.add("partition", chosen.name, f"{small}the cluster's default." if chosen.default else f"{small}for processors.")
    return chosen, choose_recipe(profile, chosen)


def _gpus(partition: Partition | None, recipe: LaunchRecipe, why: _Reasons) -> GpuRequest | None:
    if not uses_gpus(recipe):
        return None
    whole = [gpu for gpu in (partition.gpus if partition else ()) if not gpu.mig]
    kind = whole[0].type if whole else ""
    why.add("gpus", f"{kind}:1" if kind else "1", "One GPU: a second one pays off for millions of atoms only.")
    return GpuRequest(type=kind, count=1)


def _cores(
    system: System, partition: Partition | None, recipe: LaunchRecipe, gpus: GpuRequest | None, why: _Reasons
) -> tuple[int, int | None]:
    per_node = partition.cores_per_node if partition else None
    if gpus is not None:
        found: GpuType | None = next((g for g in (partition.gpus if partition else ()) if g.type == gpus.type), None)
        share = per_node // found.per_node if per_node and found and found.per_node else CORES_PER_GPU
        most = min(found.max_cores_per_gpu or share if found else share, share)
        cores = max(min(CORES_PER_GPU, most), 1)
        why.add("cores", cores, "The GPU does the work; a few cores feed it.")
        return cores, None
    wanted = max(math.ceil(system.atoms / ATOMS_PER_CORE), 1)
    rule = f"About one core for {ATOMS_PER_CORE:,} atoms keeps NAMD efficient"
    if per_node is None or wanted <= per_node:
        why.add("cores", wanted, f"{rule}.")
        return wanted, None
    if runs_on_one_node_only(recipe):
        why.add("cores", per_node, f"{rule}; this build of NAMD uses one node, and a node has {per_node}.")
        return per_node, None
    nodes = math.ceil(wanted / per_node)
    nodes = min(nodes, partition.max_nodes_per_job or nodes, partition.nodes or nodes) if partition else nodes
    why.add("cores", nodes * per_node, f"{rule}: {nodes} whole nodes of {per_node} cores.")
    return nodes * per_node, nodes


def _memory(
    system: System, partition: Partition | None, resources: Resources, recipe: LaunchRecipe, why: _Reasons
) -> int | None:
    if recipe.memory == "all" or any(d.startswith("--mem") for d in recipe.directives):
        why.add("memory", "the whole node's", "The launch recipe asks for it.")
        return None
    tasks = 1
    try:
        layout = geometry(resources, partition, recipe)
        tasks = layout.tasks_per_node
    except InputError:
        pass
    need = MEMORY_BASE_BYTES + system.atoms * MEMORY_PER_ATOM_BYTES + (tasks - 1) * 200 * 1024**2
    memory = math.ceil(need / 1024**3) * 1024**3
    if partition and partition.memory_per_node_bytes and memory > partition.memory_per_node_bytes:
        memory = partition.memory_per_node_bytes
    why.add("memory", f"{memory / 1024**3:g}GB", "A rule of thumb per node: 1 GB, 4 kB an atom, 200 MB a further task.")
    return memory


def _time(
    profile: ClusterProfile,
    partition: Partition | None,
    system: System,
    speed: SpeedForecast | None,
    resources: Resources,
    why: _Reasons,
) -> tuple[int, str | None]:
    choices = _qos_choices(profile, partition, resources)
    longest = max((_limit(q, partition) for q in choices), default=_limit(None, partition))
    if speed is not None and system.simulated_ns:
        needed = _rounded(walltime_s(system.simulated_ns, speed.ns_per_day))
        walltime = min(needed, longest)
        reason = f"{system.simulated_ns:g} ns at about {speed.ns_per_day:.3g} ns/day. {speed.explanation}"
        if needed > longest:
            runs = math.ceil(needed / longest)
            reason += f" That is longer than a job may run: continue it, {runs} jobs in all."
    else:
        walltime = min(4 * 3600, longest)
        reason = "No comparable run of yours is known: a first job of this length measures the speed."
    walltime = max(walltime, 60)
    why.add("walltime", format_walltime(walltime), reason)
    if not choices:
        return walltime, None
    fitting = [q for q in choices if _limit(q, partition) >= walltime and (q.min_walltime_s or 0) <= walltime]
    qos = min(fitting or choices, key=lambda q: (q.billing_factor or 1.0, _order(q, partition)))
    limit = f" (up to {format_walltime(qos.max_walltime_s)})" if qos.max_walltime_s else ""
    why.add("qos", qos.name, f"It goes with the partition and admits that walltime{limit}.")
    return walltime, qos.name


def _order(qos: Qos, partition: Partition | None) -> int:
    """As the partition lists them: sites name the usual one first."""
    names = partition.qos if partition else ()
    return names.index(qos.name) if qos.name in names else len(names)


def _qos_choices(profile: ClusterProfile, partition: Partition | None, resources: Resources) -> list[Qos]:
    names = partition.qos if partition and partition.qos else [q.name for q in profile.qos]
    known = {q.name: q for q in profile.qos}
    found = [known[name] for name in names if name in known]
    gpus = resources.gpus.count if resources.gpus else 0

    def fits(qos: Qos) -> bool:
        cores = [n for n in (qos.max_cores_per_user, qos.max_cores_per_job) if n is not None]
        cards = [n for n in (qos.max_gpus_per_user, qos.max_gpus_per_job) if n is not None]
        return all(resources.cores <= n for n in cores) and all(gpus <= n for n in cards)

    return [q for q in found if fits(q)] or found


def _limit(qos: Qos | None, partition: Partition | None) -> int:
    limits = [x for x in (qos and qos.max_walltime_s, partition and partition.max_walltime_s) if x]
    return min(limits, default=86400)


def _rounded(seconds: float) -> int:
    return math.ceil(seconds / _QUARTER_S) * _QUARTER_S
