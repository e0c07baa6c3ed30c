"""The kinds of jobs that every shipped profile's site can run, with the resources to ask for."""

from __future__ import annotations

from namdrunner.slurm.geometry import runs_on_one_node_only, uses_gpus
from namdrunner.slurm.profile import ClusterProfile, GpuType, LaunchRecipe, Partition
from namdrunner.slurm.resources import GpuRequest, Resources

CORES = 16
"""Per node, where a profile does not know how many a node has."""

Case = tuple[LaunchRecipe, Resources]


def cases(profile: ClusterProfile) -> dict[str, Case]:
    """By kind: ``cpu-one-node``, ``cpu-nodes``, ``gpu``, ``gpu-resident``, ``gpus``; those the site has."""
    processors = [r for r in profile.recipes if not uses_gpus(r)]
    several = [r for r in processors if not runs_on_one_node_only(r)]
    cards = [r for r in profile.recipes if uses_gpus(r)]
    offload = [r for r in cards if not r.resident and not r.pe.isdigit()]
    resident = [r for r in cards if r.resident]
    found: dict[str, Case] = {}
    if processors:
        found["cpu-one-node"] = processors[0], _processors(profile, processors[0], 1)
    if several:
        # Some sites have a recipe of its own for several nodes, which follows that for one.
        found["cpu-nodes"] = several[-1], _processors(profile, several[-1], 2)
    if offload:
        found["gpu"] = offload[0], _cards(profile, offload[0], most=1)
    if resident:
        found["gpu-resident"] = resident[-1], _cards(profile, resident[-1], most=1)
    many = next((r for r in cards if _gpu(profile, r).per_node != 1), None)
    if many is not None:
        found["gpus"] = many, _cards(profile, many, most=99)
    return found


def _partition(profile: ClusterProfile, recipe: LaunchRecipe) -> Partition | None:
    alike = [p for p in profile.partitions if bool(p.gpus) == uses_gpus(recipe)]
    named = [p for p in profile.partitions if p.recipe == recipe.name]
    return next(iter([*named, *alike]), None)


def _gpu(profile: ClusterProfile, recipe: LaunchRecipe) -> GpuType:
    partition = _partition(profile, recipe)
    whole = [g for g in partition.gpus if not g.mig] if partition else []
    return whole[0] if whole else GpuType(type="", per_node=2, max_cores_per_gpu=8)


def _processors(profile: ClusterProfile, recipe: LaunchRecipe, nodes: int) -> Resources:
    partition = _partition(profile, recipe)
    per_node = partition.cores_per_node if partition else CORES
    return _resources(profile, partition, cores=nodes * per_node, nodes=nodes)


def _cards(profile: ClusterProfile, recipe: LaunchRecipe, most: int) -> Resources:
    partition, gpu = _partition(profile, recipe), _gpu(profile, recipe)
    count = min(gpu.per_node or 1, most)
    threads = int(recipe.pe) if recipe.pe.isdigit() else 0
    cores = max(count * min(gpu.max_cores_per_gpu or 8, 16), threads)
    request = GpuRequest(type=gpu.type, count=count)
    return _resources(profile, partition, cores=cores, gpus=request)


def _resources(profile: ClusterProfile, partition: Partition | None, **given: object) -> Resources:
    known = {qos.name: qos for qos in profile.qos}
    walltime = min(partition.max_walltime_s or 7200, 7200) if partition else 7200
    names = partition.qos if partition else ()
    qos = next((n for n in names if (known[n].max_walltime_s or walltime) >= walltime), None)
    return Resources.model_validate(
        {
            "partition": partition.name if partition else None,
            "walltime_s": walltime,
            "memory_bytes": min(32 * 1024**3, (partition and partition.memory_per_node_bytes) or 32 * 1024**3),
            "qos": qos,
            "account": profile.default_account or "project1",
            **given,
        }
    )
