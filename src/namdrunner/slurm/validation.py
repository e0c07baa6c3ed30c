"""What can be known about a request before it is submitted, against the cluster's profile."""

from __future__ import annotations

from collections.abc import Iterator

from namdrunner.errors import InputError
from namdrunner.slurm.geometry import Geometry, choose_partition, choose_recipe, geometry, uses_gpus
from namdrunner.slurm.policies import ResourceFinding, against_policies
from namdrunner.slurm.profile import ClusterProfile, Partition, Qos
from namdrunner.slurm.resources import Resources, format_walltime


def validate_resources(
    resources: Resources, profile: ClusterProfile, *, recipe: str | None = None
) -> tuple[ResourceFinding, ...]:
    """All findings, errors first; none means that the profile's facts speak against nothing."""
    try:
        partition = choose_partition(resources, profile)
        layout = geometry(resources, partition, choose_recipe(profile, partition, recipe))
    except InputError as error:
        field = str(error.context.get("field", ""))
        return (ResourceFinding(error.code, "error", error.message, error.remedy, field),)
    findings: list[ResourceFinding] = []
    if partition is not None:
        findings += _against_partition(resources, partition, layout)
    findings += _against_qos(resources, profile, partition, layout)
    findings += against_policies(resources, profile, layout)
    findings += _advice(resources, profile, partition, layout, recipe)
    order = {"error": 0, "warning": 1, "advice": 2}
    return tuple(sorted(findings, key=lambda finding: order[finding.severity]))


def _error(code: str, field: str, message: str, remedy: str) -> ResourceFinding:
    return ResourceFinding(code, "error", message, remedy, field)


def _gib(value: int) -> str:
    return f"{round(value / 1024**3, 2):,.10g} GB"


def _against_partition(resources: Resources, partition: Partition, layout: Geometry) -> Iterator[ResourceFinding]:
    name = partition.name
    if partition.nodes is not None and layout.nodes > partition.nodes:
        yield _error(
            "nodes-too-many", "nodes", f"The job needs {layout.nodes} nodes and '{name}' has {partition.nodes}.",
            f"Ask for at most {partition.nodes * partition.cores_per_node} cores.",
        )  # fmt: skip
    if partition.max_nodes_per_job is not None and layout.nodes > partition.max_nodes_per_job:
        yield _error(
            "nodes-over-partition", "nodes",
            f"A job in '{name}' may have {partition.max_nodes_per_job} nodes; this one needs {layout.nodes}.",
            f"Ask for at most {partition.max_nodes_per_job * partition.cores_per_node} cores.",
        )  # fmt: skip
    if partition.accounts and resources.account and resources.account not in partition.accounts:
        yield _error(
            "account-not-allowed", "account", f"'{name}' does not admit the account '{resources.account}'.",
            f"It admits: {', '.join(partition.accounts[:20])}.",
        )  # fmt: skip
    limit = partition.max_walltime_s
    if limit is not None and resources.walltime_s is not None and resources.walltime_s > limit:
        yield _error(
            "walltime-too-long", "walltime",
            f"{format_walltime(resources.walltime_s)} is longer than '{name}' allows ({format_walltime(limit)}).",
            f"Ask for at most {format_walltime(limit)}; a longer simulation can be continued as a new job.",
        )  # fmt: skip
    memory = partition.memory_per_node_bytes
    if memory is not None and resources.memory_bytes is not None and resources.memory_bytes > memory:
        yield _error(
            "memory-too-much", "memory",
            f"{_gib(resources.memory_bytes)} per node are more than a node of '{name}' has ({_gib(memory)}).",
            f"Ask for at most {_gib(memory)}, or choose a partition with larger nodes.",
        )  # fmt: skip
    if resources.gpus is not None and partition.gpus:
        yield from _against_gpus(resources, partition, layout)


def _against_gpus(resources: Resources, partition: Partition, layout: Geometry) -> Iterator[ResourceFinding]:
    types = {gpu.type: gpu for gpu in partition.gpus}
    if not layout.gpu_type and "" not in types:  # some sites name no types at all
        yield _error(
            "gpu-type-missing", "gpus", f"'{partition.name}' has GPUs of several types, and none is named.",
            f"Write TYPE:N with one of: {', '.join(types)}.",
        )  # fmt: skip
        return
    gpu = types.get(layout.gpu_type)
    if gpu is None:
        yield _error(
            "gpu-type-unknown", "gpus", f"'{partition.name}' has no GPUs of type '{layout.gpu_type}'.",
            f"Choose one of: {', '.join(types)}, spelled like this.",
        )  # fmt: skip
        return
    if gpu.mig and layout.gpus_per_node > 1:
        yield _error(
            "gpu-slices", "gpus", f"{gpu.type} is a slice of a GPU (MIG), and a program can use one slice only.",
            f"Ask for {gpu.type}:1, or for a whole GPU.",
        )  # fmt: skip
    if gpu.per_node is not None and layout.gpus_per_node > gpu.per_node:
        yield _error(
            "gpus-too-many", "gpus",
            f"A node of '{partition.name}' has {gpu.per_node} GPUs of type {gpu.type}, not {layout.gpus_per_node}.",
            f"Ask for at most {gpu.per_node} per node.",
        )  # fmt: skip
    most = gpu.max_cores_per_gpu
    if most is not None and layout.cores_per_node > most * layout.gpus_per_node:
        yield _error(
            "cores-per-gpu", "cores",
            f"The site allows {most} cores per GPU of type {gpu.type}; the job asks for {layout.cores_per_node} cores "
            f"with {layout.gpus_per_node}.",
            f"Ask for at most {most * layout.gpus_per_node} cores.",
        )  # fmt: skip


def _against_qos(
    resources: Resources, profile: ClusterProfile, partition: Partition | None, layout: Geometry
) -> Iterator[ResourceFinding]:
    if resources.qos is None:
        return
    known = {qos.name: qos for qos in profile.qos}
    if partition is not None and partition.qos and resources.qos not in partition.qos:
        yield _error(
            "qos-not-allowed", "qos", f"The QoS '{resources.qos}' does not go with the partition '{partition.name}'.",
            f"Choose one of: {', '.join(partition.qos)}.",
        )  # fmt: skip
    elif known and resources.qos not in known:
        yield _error(
            "qos-unknown", "qos", f"The cluster has no QoS '{resources.qos}'.", f"Choose one of: {', '.join(known)}."
        )
    qos = known.get(resources.qos)
    if qos is not None:
        yield from _qos_limits(resources, qos, layout)


def _qos_limits(resources: Resources, qos: Qos, layout: Geometry) -> Iterator[ResourceFinding]:
    walltime = resources.walltime_s
    if walltime is not None and qos.max_walltime_s is not None and walltime > qos.max_walltime_s:
        limit = format_walltime(qos.max_walltime_s)
        yield _error(
            "walltime-over-qos", "walltime",
            f"{format_walltime(walltime)} is longer than the QoS '{qos.name}' allows ({limit}).",
            f"Ask for at most {limit}, or choose a QoS for longer jobs.",
        )  # fmt: skip
    if walltime is not None and qos.min_walltime_s is not None and walltime < qos.min_walltime_s:
        limit = format_walltime(qos.min_walltime_s)
        yield _error(
            "walltime-under-qos", "walltime", f"The QoS '{qos.name}' is for jobs of {limit} or longer.",
            f"Ask for at least {limit}, or choose a QoS for shorter jobs.",
        )  # fmt: skip
    if qos.max_cores_per_user is not None and layout.cores > qos.max_cores_per_user:
        yield _error(
            "cores-over-qos", "cores",
            f"The QoS '{qos.name}' allows a user {qos.max_cores_per_user} cores; the job asks for {layout.cores}.",
            f"Ask for at most {qos.max_cores_per_user} cores.",
        )  # fmt: skip
    yield from _per_job(qos, layout)
    if qos.max_nodes_per_user is not None and layout.nodes > qos.max_nodes_per_user:
        yield _error(
            "nodes-over-qos", "nodes",
            f"With the QoS '{qos.name}' a user may have {qos.max_nodes_per_user} nodes; the job needs {layout.nodes}.",
            f"Ask for fewer cores, so that {qos.max_nodes_per_user} nodes are enough.",
        )  # fmt: skip


def _per_job(qos: Qos, layout: Geometry) -> Iterator[ResourceFinding]:
    gpus = layout.gpus_per_node * layout.nodes
    for limit, asked, what, field in (
        (qos.max_cores_per_job, layout.cores, "cores", "cores"),
        (qos.max_nodes_per_job, layout.nodes, "nodes", "nodes"),
        (qos.max_gpus_per_job, gpus, "GPUs", "gpus"),
        (qos.max_gpus_per_user, gpus, "GPUs", "gpus"),
    ):
        if limit is not None and asked > limit:
            yield _error(
                f"{field}-over-qos", field, f"The QoS '{qos.name}' allows a job {limit} {what}; it asks for {asked}.",
                f"Ask for at most {limit} {what}, or choose another QoS.",
            )  # fmt: skip


def _advice(
    resources: Resources, profile: ClusterProfile, partition: Partition | None, layout: Geometry, recipe: str | None
) -> Iterator[ResourceFinding]:
    if layout.cores > resources.cores:
        yield ResourceFinding(
            "cores-rounded", "advice",
            f"{resources.cores} cores are rounded up to {layout.cores}: {layout.cores_per_node} on each of "
            f"{layout.nodes} node{'s' if layout.nodes > 1 else ''}.",
            "Ask for a number that divides evenly to get exactly what you ask for.", "cores",
        )  # fmt: skip
    chosen = choose_recipe(profile, partition, recipe)
    if chosen.pe_flag and layout.pe > layout.cpus_per_task:
        yield ResourceFinding(
            "threads-over-cores", "warning",
            f"The launch recipe '{chosen.name}' starts {layout.pe} threads on {layout.cpus_per_task} cores: they would "
            "get in each other's way.",
            f"Ask for at least {layout.pe * layout.tasks_per_node} cores per node, or choose another launch recipe.",
            "cores",
        )  # fmt: skip
    if resources.walltime_s is None and "walltime" not in profile.policies.mandatory:
        yield ResourceFinding(
            "walltime-missing", "warning", "No walltime is given: the partition's default applies, which may be short.",
            "Give a walltime, for example 04:00:00.", "walltime",
        )  # fmt: skip
    if resources.gpus is not None and not uses_gpus(chosen):
        yield ResourceFinding(
            "gpus-unused", "warning", f"The launch recipe '{chosen.name}' does not use the GPUs that the job asks for.",
            "Choose a launch recipe for GPUs, or ask for none.", "gpus",
        )  # fmt: skip
