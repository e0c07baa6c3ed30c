"""The site's own rules for jobs, from its profile: what has to be given, what must not go together."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from namdrunner.errors import InputError
from namdrunner.slurm.geometry import Geometry, choose_partition
from namdrunner.slurm.profile import ClusterProfile, Forbidden
from namdrunner.slurm.resources import Resources


@dataclass(frozen=True)
class ResourceFinding:
    """One remark; ``field`` is the request's field it is about."""

    code: str
    severity: Literal["error", "warning", "advice"]
    message: str
    remedy: str
    field: str


def against_policies(resources: Resources, profile: ClusterProfile, layout: Geometry) -> Iterator[ResourceFinding]:
    """A remark for each mandatory field that is missing and each forbidden combination that holds."""
    for name in profile.policies.mandatory:
        if not _given(name, resources, profile, layout):
            field = "gpus" if name == "gpu-type" else name
            words = {"qos": "a QoS", "account": "an account", "gpu-type": "the type of the GPUs"}.get(name, f"a {name}")
            yield ResourceFinding(
                f"{name}-missing", "error", f"The site wants {words} named for every job.", f"Give {words}.", field
            )
    for rule in profile.policies.forbidden:
        if _holds(rule, resources, profile, layout):
            yield ResourceFinding("site-rule", "error", rule.message, rule.remedy, rule.field)


def with_qos(resources: Resources, profile: ClusterProfile) -> Resources:
    """The same with a QoS where the site wants one named and none was: the partition's first that admits the walltime.

    Where none does it is the last, and validation says what it lacks.
    """
    if resources.qos is not None or "qos" not in profile.policies.mandatory:
        return resources
    try:
        partition = choose_partition(resources, profile)
    except InputError:
        return resources
    limits = {qos.name: qos.max_walltime_s for qos in profile.qos}
    names = [name for name in (partition.qos if partition else ()) if name in limits]
    wanted = resources.walltime_s or 0
    fitting = [name for name in names if (limit := limits[name]) is None or wanted <= limit]
    chosen = next(iter(fitting or names[-1:]), None)
    return resources.model_copy(update={"qos": chosen})


def _given(name: str, resources: Resources, profile: ClusterProfile, layout: Geometry) -> bool:
    match name:
        case "account":
            return bool(resources.account or profile.default_account)
        case "partition":
            return bool(resources.partition or any(p.default for p in profile.partitions))
        case "walltime":
            return resources.walltime_s is not None
        case "memory":
            return resources.memory_bytes is not None
        case "gpu-type":
            return not layout.gpus_per_node or bool(layout.gpu_type)
        case _:
            return bool(getattr(resources, name, None))


def _holds(rule: Forbidden, resources: Resources, profile: ClusterProfile, layout: Geometry) -> bool:
    partition = resources.partition or next((p.name for p in profile.partitions if p.default), "")
    conditions: list[bool] = []
    if rule.partitions:
        conditions.append(partition in rule.partitions)
    if rule.qos:
        conditions.append((resources.qos or "") in rule.qos)
    if rule.gpus is not None:
        conditions.append((layout.gpus_per_node > 0) == rule.gpus)
    if rule.gpu_types:
        conditions.append(layout.gpu_type in rule.gpu_types)
    if rule.missing:
        conditions.append(not any(_given(name, resources, profile, layout) for name in rule.missing))
    if rule.over_nodes is not None:
        conditions.append(layout.nodes > rule.over_nodes)
    if rule.under_memory_bytes is not None:
        conditions.append((resources.memory_bytes or 0) < rule.under_memory_bytes)
    return bool(conditions) and all(conditions)
